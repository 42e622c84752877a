// Bench-accuracy measures how good and how fast forecasts are: those of our
// engine, of each model of its bank by itself, of seasonal naive and of R's
// forecast package, on the same series and in one run. It prints a report in
// Markdown and writes it where -out says.
//
// All forecasts are judged by the same code, [backtest.Scores]; R only makes
// them. Without Rscript, or with -quick, R's part is left out.
//
//	go run ./tools/bench-accuracy -data ../shared/data -out docs/benchmarks.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// A bench is one run.
type bench struct {
	ctx    context.Context // of the whole run, which a person may interrupt
	stderr io.Writer
}

func main() {
	data := flag.String("data", "../shared/data", "directory of the series")
	out := flag.String("out", "", "file to write the report to, besides printing it")
	quick := flag.Bool("quick", false, "a small fixed part of the series, without R")
	only := flag.String("only", "", "regular expression of the names of the series to take")
	flag.Parse()
	expression, err := regexp.Compile(*only)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "bench-accuracy: wrong usage:", err, flag.Args())
		os.Exit(2)
	}
	if err := write(*out, *data, selection{quick: *quick, only: expression}); err != nil {
		fmt.Fprintln(os.Stderr, "bench-accuracy:", err)
		os.Exit(1)
	}
}

// write prints the report and writes it to a file, if one is given.
func write(out, data string, sel selection) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	b := &bench{ctx: ctx, stderr: os.Stderr}
	text, err := b.run(data, sel)
	if err != nil {
		return err
	}
	fmt.Print(text)
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(text), 0o644) //nolint:gosec // a document for everyone
}

// run measures everything and returns the report.
func (b *bench) run(data string, sel selection) (string, error) {
	r := &report{date: time.Now(), command: strings.Join(append([]string{"go run ./tools/bench-accuracy"}, os.Args[1:]...), " "), partial: sel.quick || sel.only.String() != ""}
	var err error
	withR := !sel.quick
	if withR {
		r.r, err = versionsOfR(b.ctx)
		if withR = err == nil; !withR {
			r.note("R was not measured: %s.", reasonWithoutR(err))
		}
	} else {
		r.note("R was not measured: this is a quick run.")
	}

	if r.m4, err = b.m4(data, sel, r); err != nil {
		return "", err
	}
	loads, missing, err := readTraces(data, sel)
	if err != nil {
		return "", err
	}
	for _, pattern := range missing {
		r.note("Not in the data directory: `%s`.", pattern)
	}
	r.traces = b.runTraces(loads)
	if withR {
		if err := b.addR(r); err != nil {
			r.note("R's part is not complete: %s.", err)
		}
	}
	wanted := sizes
	if sel.quick {
		wanted = quickSizes
	}
	if r.speeds, err = b.measure(wanted); err != nil {
		return "", err
	}
	if err := b.ctx.Err(); err != nil {
		return "", fmt.Errorf("interrupted: %w", err)
	}
	return r.markdown(), nil
}

// m4 measures the series of the M4 competition, if they are there.
func (b *bench) m4(data string, sel selection, r *report) (*trial, error) {
	tasks, err := readM4(data, sel)
	if errors.Is(err, fs.ErrNotExist) {
		r.note("Not in the data directory: `m4/Hourly-train.csv` and `m4/Hourly-test.csv`.")
		return nil, nil
	}
	if err != nil || len(tasks) == 0 {
		return nil, err
	}
	return b.runM4(tasks), nil
}

// addR lets R answer what our engine has answered. Its speed is measured alone.
func (b *bench) addR(r *report) error {
	var orders []order
	if r.m4 != nil {
		orders = orderM4(r.m4)
	}
	orders = append(orders, orderTraces(r.traces)...)
	err := b.runR("R", orders, min(2, runtime.NumCPU()))
	r.speedOfR, orders = orderSpeed()
	return errors.Join(err, b.runR("R, speed", orders, 1))
}

// reasonWithoutR says in words for the report why R cannot be used.
func reasonWithoutR(err error) string {
	if errors.Is(err, exec.ErrNotFound) {
		return "there is no Rscript on this machine"
	}
	return err.Error()
}

// A progress tells a waiting person now and then how far a part is.
type progress struct {
	w     io.Writer
	what  string
	total int

	mu    sync.Mutex
	done  int
	began time.Time
	told  time.Time
}

func (b *bench) progress(what string, total int) *progress {
	return &progress{w: b.stderr, what: what, total: total, began: time.Now(), told: time.Now()}
}

// step counts one more. It may be called by many at a time.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.done == p.total || time.Since(p.told) > 5*time.Second {
		p.told = time.Now()
		fmt.Fprintf(p.w, "%s: %d of %d, %s\n", p.what, p.done, p.total, time.Since(p.began).Round(100*time.Millisecond))
	}
}
