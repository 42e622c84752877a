// Bench-elasticity replays public series as loads of a pool, and tells how the adapter served
// them beside other ways to scale. It prints a report in Markdown and writes it where -out
// says.
//
// It is what scaling-adapter backtest --csv does, with defaults and the same rules for all
// series. No policy knows about holidays or events.
//
//	go run ./tools/bench-elasticity -data ../shared/data -out docs/elasticity.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
	"github.com/scaling-adapter/scaling-adapter/internal/csvseries"
)

// traces are the series, in the order in which they are told. Of each the last week is
// replayed, and the weeks before are its history.
var traces = []struct{ name, file string }{
	{"World Cup web site", "traces/wc98_5min_to_jun27.csv"},
	{"NASA web server", "traces/nasa_5min.csv"},
	{"requests of a load balancer", "nab/elb_request_count_8c0756.csv"},
	{"mentions of AAPL", "nab/Twitter_volume_AAPL.csv"},
	{"mentions of GOOG", "nab/Twitter_volume_GOOG.csv"},
	{"New York taxis", "nab/nyc_taxi.csv"},
	{"electricity, England", "traces/taylor_30min.csv"},
}

// startups are how long agents take to start.
var startups = []time.Duration{2 * time.Minute, 10 * time.Minute}

const (
	span       = 7 * 24 * time.Hour
	meanAgents = 10 // of each series
)

// rules are those of the pool: none, but for its own; %g is what an agent serves.
const rules = `
pools:
  - name: pool
    agents: {min: 1, max: 1000}
    load: {query: load, per_agent: %g}
`

func main() {
	data := flag.String("data", "../shared/data", "directory of the series")
	out := flag.String("out", "", "file to write the report to, besides printing it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *data, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-elasticity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data, out string) error {
	var b strings.Builder
	fmt.Fprintf(&b, head, time.Now().Format("2 January 2006"), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	for _, trace := range traces {
		table, err := csvseries.Read(filepath.Join(data, filepath.FromSlash(trace.file)), csvseries.Options{Zone: time.UTC})
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n## %s\n\n`%s`, a value every %s\n", strings.ToUpper(trace.name[:1])+trace.name[1:], trace.file, minutes(table.Series.Step))
		for _, startup := range startups {
			fmt.Fprintln(os.Stderr, trace.name, startup)
			r, err := replay(ctx, table.Series, startup)
			if err != nil {
				return fmt.Errorf("%s: %w", trace.name, err)
			}
			tell(&b, r)
		}
	}
	fmt.Print(b.String())
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(b.String()), 0o644) //nolint:gosec // a document for everyone
}

// replay replays the last week of a series.
func replay(ctx context.Context, load forecast.Series, startup time.Duration) (result backtest.Result, err error) {
	const tick = time.Minute
	to := load.End().Truncate(tick)
	from := to.Add(-span)
	file, err := os.CreateTemp("", "bench-elasticity-*.yml")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = fmt.Fprintf(file, rules, mean(load.From(from).Values)/meanAgents)
	if err := errors.Join(err, file.Close()); err != nil {
		return result, err
	}
	s, err := app.Offline("", []string{file.Name()}, from)
	if err != nil {
		return result, err
	}
	s.Step, s.RefitEvery = max(s.Step, load.Step), 12*time.Hour
	s.Pools[0].Pool.LeadTime = startup
	r := backtest.NewRecording(backtest.Span{From: from, To: to, Tick: tick}, s)
	r.Put(s.Pools[0].Load, load)
	return backtest.Run(ctx, backtest.Options{Settings: s, Recording: r, Against: []string{
		backtest.HPA, backtest.LastWeek, backtest.StaticPeak, backtest.StaticMean, backtest.Oracle, // without rules the others say nothing
	}})
}

func mean(values []float64) float64 {
	sum, n := 0.0, 0.0
	for _, y := range values {
		if y == y { // known
			sum += y
			n++
		}
	}
	return sum / n
}

// head begins the report.
const head = `# How loads are served

Written by ` + "`make bench-elasticity`" + ` on %s, on %d cores, %s/%s, %s; no figure is typed by hand.

The last week of public series is replayed as the load of a pool, as
[` + "`scaling-adapter backtest`" + `](backtest.md) does it: a tick a minute, loads that are seen 30 seconds late,
models fitted at least every 12 hours. An agent serves a tenth of the mean load of that week. The adapter
has its defaults and no rules; nobody knows of holidays or events.

None of the figures is good without the others, so nothing is ranked. See [what they
mean](backtest.md#what-it-says).
`

// tell writes the table of a replay.
func tell(b *strings.Builder, r backtest.Result) {
	p := r.Pools[0]
	fmt.Fprintf(b, "\nAgents start in %s; at most %.0f were needed:\n\n", minutes(p.Startup), p.Peak())
	b.WriteString("| policy | agent-hours | τ_U | actions/day | θ_U | θ_O | τ_O | υ |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, o := range p.Ways {
		fmt.Fprintf(b, "| `%s` | %.0f | %.2f %% | %.1f | %.2f %% | %.1f %% | %.1f %% | %.2f %% |\n",
			o.Way, o.AgentHours, 100*o.UnderTime, o.ActionsPerDay(r.Span), 100*o.UnderShare, 100*o.OverShare, 100*o.OverTime, 100*o.Instability)
	}
}

func minutes(d time.Duration) string { return fmt.Sprintf("%.0f minutes", d.Minutes()) }
