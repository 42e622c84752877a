package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // of the script
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed bench.R
var script []byte

// errNoResult says that R ended before it came to a forecast.
var errNoResult = errors.New("ended before this forecast")

// A method of R with the number of tasks per trial that it is given; 0 is all.
type methodOfR struct {
	name string
	most int
}

var (
	m4Methods    = []methodOfR{{"snaive_day", 0}, {"naive2", 0}, {"mstl_ets", 0}, {"mstl_log_ets", 0}, {"mstl_arima", 0}}
	traceMethods = []methodOfR{{"snaive_day", 0}, {"snaive_week", 0}, {"mstl_ets", 0}, {"mstl_log_ets", 0}, {"mstl_periodic_log_ets", 0}, {"mstl_arima", 10}}
)

const (
	tbatsSeries  = 5 // of M4
	tbatsOrigins = 2 // of two traces
)

// An order is a forecast that R is asked for, and where its answer goes.
type order struct {
	task   task
	method string
	shift  int // that is added before a logarithm
	answer *answer
}

// orderM4 adds the results of R to a trial of M4 series and returns the orders
// that will fill them.
func orderM4(t *trial) []order {
	var out []order
	for _, m := range m4Methods {
		out = append(out, t.order(m.name, 0, spread(len(t.tasks), m.most))...)
	}
	first := spread(min(tbatsSeries, len(t.tasks)), 0)
	return append(out, t.order("tbats", 0, first)...)
}

// orderTraces does the same for traces. TBATS takes so long that it sees one
// Twitter series and the taxis only.
func orderTraces(trials []*trial) []order {
	var out []order
	seen := map[string]bool{}
	for _, t := range trials {
		for _, m := range traceMethods {
			out = append(out, t.order(m.name, 1, spread(len(t.tasks), m.most))...)
		}
		if (t.group == "Twitter" || t.group == "nyc_taxi") && !seen[t.group] {
			out = append(out, t.order("tbats", 1, spread(len(t.tasks), tbatsOrigins))...)
		}
		seen[t.group] = true
	}
	return out
}

// order adds a result of R to the trial and returns the orders for the tasks at
// some places.
func (t *trial) order(method string, shift int, places []int) []order {
	answers := make([]answer, len(t.tasks))
	t.results = append(t.results, result{method, ofR, answers})
	var out []order
	for _, i := range places {
		answers[i] = answer{asked: true, err: errNoResult}
		out = append(out, order{t.tasks[i], method, shift, &answers[i]})
	}
	return out
}

// spread returns the places of at most some of n things, evenly apart, with the
// last one among them. Most is 0 for all.
func spread(n, most int) []int {
	every := 1
	if most > 0 {
		every = max(1, (n+most-1)/most)
	}
	var out []int
	for i := n - 1; i >= 0; i -= every {
		out = append(out, i)
	}
	slices.Reverse(out)
	return out
}

// versionsOfR returns what versions R has, or why it cannot be used.
func versionsOfR(ctx context.Context) (string, error) {
	name, err := writeScript()
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(name)) }()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "Rscript", name, "versions") //nolint:gosec // the script is ours
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run Rscript: %w %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// writeScript writes the script into a new directory.
func writeScript() (string, error) {
	dir, err := os.MkdirTemp("", "bench-accuracy-")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "bench.R")
	return name, os.WriteFile(name, script, 0o600)
}

// runR lets R fill the answers of the orders, in some processes at a time. What
// R has answered before an error stays.
func (b *bench) runR(what string, orders []order, processes int) error {
	name, err := writeScript()
	if err != nil {
		return err
	}
	dir := filepath.Dir(name)
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeOrders(dir, orders); err != nil {
		return fmt.Errorf("write orders for R: %w", err)
	}
	p := b.progress(what, len(orders))
	errs := make([]error, processes)
	var wg sync.WaitGroup
	for i := range processes {
		wg.Go(func() { errs[i] = b.runPart(name, orders, p, i+1, processes) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// runPart runs one process and reads what it prints as it comes. Processes fill
// the answers of different orders.
func (b *bench) runPart(name string, orders []order, p *progress, part, parts int) error {
	cmd := exec.CommandContext(b.ctx, "Rscript", name, filepath.Dir(name), strconv.Itoa(part), strconv.Itoa(parts)) //nolint:gosec // the script is ours
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	cmd.Stderr = b.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Rscript: %w", err)
	}
	readErr := readAnswers(out, orders, p.step)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, out) // so that it ends
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("process %d of R: %w", part, err)
	}
	return readErr
}

// writeOrders writes the loads and the orders as the script wants them.
func writeOrders(dir string, orders []order) error {
	written := map[*load]string{}
	var text bytes.Buffer
	fmt.Fprintln(&text, "id,load,first,at,horizon,day,method,shift")
	for id, o := range orders {
		t := o.task
		name, ok := written[t.load]
		if !ok {
			name = strconv.Itoa(len(written) + 1)
			written[t.load] = name
			if err := writeValues(filepath.Join(dir, name+".csv"), t.load.series.Values); err != nil {
				return err
			}
		}
		fmt.Fprintf(&text, "%d,%s,%d,%d,%d,%d,%s,%d\n", id, name, t.first, t.at, t.horizon, t.load.perDay(), o.method, o.shift)
	}
	return os.WriteFile(filepath.Join(dir, "orders.csv"), text.Bytes(), 0o600)
}

func writeValues(name string, values []float64) error {
	var text bytes.Buffer
	for _, y := range values {
		if math.IsNaN(y) {
			fmt.Fprintln(&text, "NA")
			continue
		}
		fmt.Fprintln(&text, y)
	}
	return os.WriteFile(name, text.Bytes(), 0o600)
}

// readAnswers reads what the script prints and calls done after each fit.
func readAnswers(in io.Reader, orders []order, done func()) error {
	r := csv.NewReader(bufio.NewReader(in))
	r.FieldsPerRecord = -1
	for {
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read R's answers: %w", err)
		}
		if err := readAnswer(record, orders); err != nil {
			return fmt.Errorf("read R's answer %q: %w", strings.Join(record[:min(4, len(record))], ","), err)
		}
		if record[0] == "fit" {
			done()
		}
	}
}

func readAnswer(record []string, orders []order) error {
	if len(record) < 4 {
		return errors.New("too few fields")
	}
	id, err := strconv.Atoi(record[1])
	if err != nil || id < 0 || id >= len(orders) {
		return fmt.Errorf("%q is not an order", record[1])
	}
	o := orders[id]
	number, err := strconv.ParseFloat(record[2], 64)
	if err != nil {
		return err
	}
	switch record[0] {
	case "fit":
		o.answer.spent = time.Duration(number * float64(time.Second))
		if record[3] != "" {
			o.answer.err = errors.New(record[3])
		}
		return nil
	case "path":
		path, err := parsePath(record[3:], o.task.horizon)
		if err != nil {
			return err
		}
		f := &o.answer.forecast
		f.Levels, f.Paths = append(f.Levels, rounded(number)), append(f.Paths, path)
		o.answer.err = nil
		return nil
	}
	return errors.New("neither fit nor path")
}

// rounded takes away what R's arithmetic adds to a level.
func rounded(level float64) float64 { return math.Round(level*1000) / 1000 }

func parsePath(cells []string, horizon int) ([]float64, error) {
	var path []float64
	if len(cells) != horizon {
		return nil, fmt.Errorf("%d values, want %d", len(cells), horizon)
	}
	for _, cell := range cells {
		y, err := strconv.ParseFloat(cell, 64)
		if cell == "NA" {
			y, err = math.NaN(), nil
		}
		if err != nil {
			return nil, err
		}
		path = append(path, y)
	}
	return path, nil
}
