// Bench-elasticity replays loads of a pool, and tells how the adapter served them beside other
// ways to scale: public series, of which nobody knows holidays or events, and game nights that
// are drawn from seeds, of which the adapter has the calendar. It prints a report in Markdown
// and writes it where -out says.
//
// It is what scaling-adapter backtest --csv does, with the same pool for all loads.
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
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
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

// gameNights are those that are replayed.
var gameNights = nights{seeds: 20, weeks: 6, days: 14}

// against are the ways that a series is compared with. Without rules the others say nothing.
var against = append([]string{backtest.LastWeek, backtest.StaticPeak, backtest.StaticMean, backtest.Oracle}, hpas()...)

// shownHPAs are the autoscalers that the tables show.
var shownHPAs = []string{backtest.HPA, "hpa_90", "hpa_80", "hpa_70", "hpa_60", "hpa_50"}

// pool is the pool; %g is what an agent serves.
const pool = `
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
	var lines strings.Builder
	for _, trace := range traces {
		table, err := csvseries.Read(filepath.Join(data, filepath.FromSlash(trace.file)), csvseries.Options{Zone: time.UTC})
		if err != nil {
			return err
		}
		name := strings.ToUpper(trace.name[:1]) + trace.name[1:]
		fmt.Fprintf(&b, "\n## %s\n\n`%s`, a value every %s\n", name, trace.file, minutes(table.Series.Step))
		for _, startup := range startups {
			fmt.Fprintln(os.Stderr, trace.name, startup)
			r, err := replay(ctx, scenario{load: table.Series, span: span, startup: startup, against: against})
			if err != nil {
				return fmt.Errorf("%s: %w", trace.name, err)
			}
			tell(&b, r)
			compare(&lines, name, r)
		}
	}
	b.WriteString(equalHead + lines.String())
	var played [][]outcomes
	for _, startup := range startups {
		p, err := gameNights.play(ctx, startup)
		if err != nil {
			return fmt.Errorf("game nights: %w", err)
		}
		played = append(played, p)
	}
	tellNights(&b, startups, played, gameNights)
	fmt.Print(b.String())
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(b.String()), 0o644) //nolint:gosec // a document for everyone
}

// scenario is a load, whose last days are replayed.
type scenario struct {
	load    forecast.Series
	span    time.Duration
	startup time.Duration
	rules   string // besides the pool
	against []string
}

func replay(ctx context.Context, c scenario) (backtest.Result, error) {
	const tick = time.Minute
	to := c.load.End().Truncate(tick)
	span := backtest.Span{From: to.Add(-c.span), To: to, Tick: tick}
	s, err := c.settings(c.rules, span.From)
	if err != nil {
		return backtest.Result{}, err
	}
	r := backtest.NewRecording(span, s)
	r.Put(s.Pools[0].Load, c.load)
	return backtest.Run(ctx, backtest.Options{Settings: s, Recording: r, Against: c.against})
}

// settings are those of a pool with these rules.
func (c scenario) settings(rules string, from time.Time) (s *engine.Settings, err error) {
	file, err := os.CreateTemp("", "bench-elasticity-*.yml")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = fmt.Fprintf(file, pool+rules, mean(c.load.From(from).Values)/meanAgents)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if s, err = app.Offline("", []string{file.Name()}, from); err != nil {
		return nil, err
	}
	s.Step, s.RefitEvery = max(s.Step, c.load.Step), 12*time.Hour
	s.Pools[0].Pool.LeadTime = c.startup
	return s, nil
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

Loads are replayed as those of a pool, as [` + "`scaling-adapter backtest`" + `](backtest.md) does it: a tick a
minute, loads that are seen 30 seconds late, models fitted at least every 12 hours. An agent serves a tenth
of the mean load of the time that is replayed. First come public series, of which the last week is replayed:
there the adapter has no rules, and nobody knows of holidays or events. Then come [game nights](#game-nights).

- ` + "`adapter`" + ` has its defaults.
- ` + "`hpa_80`" + ` is the autoscaler with a target of 80 %% of what an agent serves. Without room it is cheap and lacks
  agents often, with much room it is dear and hardly lacks any. So none of them alone is the one to compare with.
- *HPA at the cost of* the adapter is the one of as many agent-hours. Targets from 100 to 20 %% are replayed in steps of
  2 %%; between the two that cost a little less and a little more, each figure lies on a line.

None of the figures is good without the others, so nothing is ranked. See [what they
mean](backtest.md#what-it-says).
`

const equalHead = `
## At equal cost

The adapter beside the autoscaler of as many agent-hours, and the ratios of τ_U and of actions. A ratio below 1 is to the
adapter's credit.

| series | agents start in | HPA's target | τ_U | HPA's τ_U | ratio | actions |
| --- | --- | ---: | ---: | ---: | ---: | ---: |
`

// compare writes a line for the adapter beside the autoscaler of equal cost.
func compare(b *strings.Builder, name string, r backtest.Result) {
	all := outcomesOf(r)
	fmt.Fprintf(b, "| %s | %s |", name, minutes(r.Pools[0].Startup))
	a := all[backtest.Adapter]
	h, percent, ok := all.atCost()
	if !ok {
		fmt.Fprintf(b, " – | %.2f %% | – | – | – |\n", 100*a[underTime])
		return
	}
	fmt.Fprintf(b, " %.0f %% | %.2f %% | %.2f %% | %.2f | %.2f |\n", percent, 100*a[underTime], 100*h[underTime], a[underTime]/h[underTime], a[actions]/h[actions])
}

// tell writes the table of a replay.
func tell(b *strings.Builder, r backtest.Result) {
	p := r.Pools[0]
	fmt.Fprintf(b, "\nAgents start in %s; at most %.0f were needed:\n\n", minutes(p.Startup), p.Peak())
	b.WriteString("| policy |")
	for _, name := range names[:underGames] {
		fmt.Fprintf(b, " %s |", name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", underGames) + "\n")
	row := func(name string, f figures) {
		fmt.Fprintf(b, "| %s |", name)
		for i, x := range f[:underGames] {
			fmt.Fprintf(b, " "+layouts[i]+"%s |", scales[i]*x, units[i])
		}
		b.WriteString("\n")
	}
	all := outcomesOf(r)
	row("`"+backtest.Adapter+"`", all[backtest.Adapter])
	if f, _, ok := all.atCost(); ok {
		row(hpaAtCost, f)
	}
	for _, way := range slices.Concat(shownHPAs, []string{backtest.LastWeek, backtest.StaticPeak, backtest.StaticMean, backtest.Oracle}) {
		row("`"+way+"`", all[way])
	}
}

func minutes(d time.Duration) string { return fmt.Sprintf("%.0f minutes", d.Minutes()) }
