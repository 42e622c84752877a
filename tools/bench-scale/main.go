// Bench-scale measures what many pools cost: the history at the start, fits, turns of the
// loop, reloads and scrapes, with a Prometheus engine in a process of its own. It prints a
// report in Markdown and writes it where -out says.
//
//	go run ./tools/bench-scale -pools 100,1000,10000 -out docs/scale.md
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
)

const (
	step     = 5 * time.Minute
	points   = 8064 // four weeks
	interval = 30 * time.Second
	lag      = 30 * time.Second
)

// start is the instant of the first tick.
var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func main() {
	pools := flag.String("pools", "100,1000,10000", "numbers of pools, with commas between them")
	out := flag.String("out", "", "file to write the report to, besides printing it")
	serve := flag.Int("serve", 0, "be the Prometheus of so many pools: the program starts itself so")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	app.SpareMemory(slog.New(slog.DiscardHandler)) // as the adapter does
	var err error
	if *serve > 0 {
		err = beProm(ctx, *serve)
	} else {
		err = run(ctx, *pools, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-scale:", err)
		os.Exit(1) //nolint:gocritic // the context has nothing to do any more
	}
}

func run(ctx context.Context, list, out string) error {
	var all []figures
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return fmt.Errorf("-pools: %q is no number of pools", text)
		}
		f, err := measure(ctx, n)
		if err != nil {
			return fmt.Errorf("%d pools: %w", n, err)
		}
		all = append(all, f)
	}
	text := report(all)
	fmt.Print(text)
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(text), 0o644) //nolint:gosec // a document for everyone
}

// figures are what so many pools cost.
type figures struct {
	pools int

	loaded  time.Duration // until all histories are read
	turns   int           // until all pools have a forecast
	longest time.Duration // turn until then, on the wall
	fit     time.Duration // CPU of the start, for each pool

	tick        time.Duration // CPU of a steady turn, without fits
	steady      time.Duration // the longest of them, on the wall
	allocations float64       // of a steady turn
	queries     float64       // of a steady turn
	reload      time.Duration
	heap        float64 // bytes that are kept
	resident    float64 // bytes at most

	scrape          time.Duration // compressed
	wire            int64         // bytes of it that were sent
	scrapeAllocated float64       // bytes
	metrics         int64         // bytes without compression
}

// story says what has made a difference.
const story = `
What dominated, and what became of it: in a first run, on the same machine on the same day, 10,000 pools took 9.8 GiB, of which 3.4 were kept, and a
scrape 9.1 s. Half of what was kept were digits that nobody needs, tables that two models had each,
and scores that nobody looks at ([ADR 19](adr/0019-numbers-are-kept-as-precisely-as-needed.md)). A scrape made
all series of all pools before it sent the first ([ADR 17](adr/0017-metrics-are-streamed.md)). The rest was
garbage: fits leave some MB each, and the collector let as much pile up as was kept. Histories
are read in parts of a million values, oldest first, so that no turn waits for all of them.
`

// report is the document.
func report(all []figures) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# What many pools cost\n\nWritten by `go run ./tools/bench-scale %s` on %s; the table's figures are those of this run.\n\n", strings.Join(os.Args[1:], " "), time.Now().Format("2 January 2006"))
	fmt.Fprintf(&b, "%d cores, %s. Each pool has %d values of %s (four weeks) and the whole bank of models; one query tells the\nload of all of them, and an orchestrator in memory what runs. Prometheus' engine is a process of its\nown, on the same cores.\n\n", runtime.NumCPU(), runtime.Version(), points, step)
	w := tabwriter.NewWriter(&b, 0, 0, 1, ' ', 0)
	row := func(name, target string, cell func(figures) string) {
		fmt.Fprintf(w, "| %s\t| %s", name, target)
		for _, f := range all {
			fmt.Fprintf(w, "\t| %s", cell(f))
		}
		fmt.Fprintln(w, "\t|")
	}
	row("pools", "target at 10,000", func(f figures) string { return strconv.Itoa(f.pools) })
	row("---", "---", func(figures) string { return "---" })
	seconds := func(of func(figures) time.Duration, format string) func(figures) string {
		return func(f figures) string { return fmt.Sprintf(format, of(f).Seconds()) }
	}
	perPool := func(x func(figures) float64, format string) func(figures) string {
		return func(f figures) string { return fmt.Sprintf(format, x(f)/float64(f.pools)) }
	}
	row("histories read after, s", "< 300", seconds(func(f figures) time.Duration { return f.loaded }, "%.0f"))
	row("turns until every pool has a forecast", "", func(f figures) string { return strconv.Itoa(f.turns) })
	row("longest turn until then, s", "≤ 30", seconds(func(f figures) time.Duration { return f.longest }, "%.1f"))
	row("CPU of the start, ms per pool", "", func(f figures) string { return fmt.Sprintf("%.0f", 1e3*f.fit.Seconds()) })
	row("CPU of a steady turn, s", "< 1", seconds(func(f figures) time.Duration { return f.tick }, "%.3f"))
	row("the same, µs per pool", "constant", perPool(func(f figures) float64 { return 1e6 * f.tick.Seconds() }, "%.0f"))
	row("longest steady turn, refits included, s", "≤ 30", seconds(func(f figures) time.Duration { return f.steady }, "%.1f"))
	row("allocations of a steady turn, per pool", "constant", perPool(func(f figures) float64 { return f.allocations }, "%.0f"))
	row("queries of a steady turn", "1 per text", func(f figures) string { return fmt.Sprintf("%.1f", f.queries) })
	row("turn after a reload, s", "", seconds(func(f figures) time.Duration { return f.reload }, "%.2f"))
	row("scrape of /metrics, s", "", seconds(func(f figures) time.Duration { return f.scrape }, "%.2f"))
	row("/metrics, KiB per pool", "", perPool(func(f figures) float64 { return float64(f.metrics) / 1024 }, "%.1f"))
	row("the same compressed, KiB per pool", "", perPool(func(f figures) float64 { return float64(f.wire) / 1024 }, "%.1f"))
	row("allocated by a scrape, KiB per pool", "", perPool(func(f figures) float64 { return f.scrapeAllocated / 1024 }, "%.1f"))
	row("heap that is kept, KiB per pool", "constant", perPool(func(f figures) float64 { return f.heap / 1024 }, "%.0f"))
	row("resident at most, MiB", "≤ 3072", func(f figures) string { return fmt.Sprintf("%.0f", f.resident/(1<<20)) })
	_ = w.Flush() // into memory
	b.WriteString(story)
	return b.String()
}
