package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	score "github.com/scaling-adapter/scaling-adapter/forecast/backtest"
	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

// nights says how many game nights are replayed.
type nights struct {
	seeds       int
	weeks, days int // drawn, and replayed at their end
}

// gameRules are those of a league's pool: the rule for games is the one that the ready leagues
// have, with a factor that is learned.
func gameRules(games []game) string {
	var b strings.Builder
	b.WriteString("event_sources:\n  - name: fixtures\n    event: {type: game}\n    dates:\n")
	for _, g := range games {
		fmt.Fprintf(&b, "      - {start: %q, duration: %.0fm}\n", g.announced.Format(time.RFC3339), gameLength.Minutes())
	}
	b.WriteString("rules:\n  - {name: game, when: {event: {type: game}, lead: 30m, tail: 30m}, demand: {multiply: 2, ramp: 20m, effect: learned}}\n")
	return b.String()
}

// play replays all seeds.
func (n nights) play(ctx context.Context, startup time.Duration) ([]outcomes, error) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		return nil, err
	}
	out := make([]outcomes, n.seeds)
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i := range out {
		work.Go(func() error {
			// The clocks go back in the fourth week.
			l := newLeague(uint64(i+1), time.Date(2026, 10, 5, 0, 0, 0, 0, zone), n.weeks)
			r, err := replay(ctx, scenario{
				load: l.load, span: time.Duration(n.days) * 24 * time.Hour, startup: startup, rules: gameRules(l.games),
				against: append([]string{backtest.Forecast, backtest.LastWeek, backtest.Oracle}, hpas()...),
			})
			if err != nil {
				return fmt.Errorf("seed %d: %w", i+1, err)
			}
			fmt.Fprintln(os.Stderr, "game nights", startup, "seed", i+1)
			out[i] = l.outcomes(r)
			return nil
		})
	}
	return out, work.Wait()
}

// outcomes returns those of a replay, with the ways of equal cost.
func (l league) outcomes(r backtest.Result) outcomes {
	p := r.Pools[0]
	out := outcomesOf(r)
	for _, o := range p.Ways {
		f := out[o.Way]
		f[underGames] = l.underGames(r.Span, p.Needed, o.Supply)
		out[o.Way] = f
	}
	f, _, ok := out.atCost()
	if !ok {
		f = unknown()
	}
	out[hpaAtCost] = f
	supply := l.foreseen(r.Span, p.Pool.PerAgent, out[backtest.Adapter][agentHours])
	f = figuresOf(backtest.Outcome{Elasticity: score.MeasureElasticity(p.Needed, supply, r.Tick)}, r.Span)
	f[actions] = math.NaN() // as many as it likes
	f[underGames] = l.underGames(r.Span, p.Needed, supply)
	out[foreseenAtCost] = f
	return out
}

func unknown() (f figures) {
	for i := range f {
		f[i] = math.NaN()
	}
	return f
}

// underGames is the share of the time with too few agents around games: from an hour before
// the announced start until an hour and a half after the announced end.
func (l league) underGames(s backtest.Span, needed, supply []float64) float64 {
	under, all := 0.0, 0.0
	for i := range needed {
		t := s.Time(i)
		if !slices.ContainsFunc(l.games, func(g game) bool {
			return !t.Before(g.announced.Add(-time.Hour)) && t.Before(g.announced.Add(gameLength+90*time.Minute))
		}) {
			continue
		}
		all++
		if supply[i] < needed[i] {
			under++
		}
	}
	return under / all
}

// foreseen is what somebody has who knows the load ahead but for its noise, games and news too,
// and adds the same share to it always, as large as agent-hours allow.
func (l league) foreseen(s backtest.Span, perAgent, hours float64) []float64 {
	supply := make([]float64, s.Len())
	low, high := 0.1, 10.
	for range 50 {
		factor, sum := (low+high)/2, 0.0
		for i := range supply {
			supply[i] = math.Ceil(factor * l.expected.At(s.Time(i)) / perAgent)
			sum += supply[i] * s.Tick.Hours()
		}
		if sum > hours {
			high = factor
		} else {
			low = factor
		}
	}
	return supply
}

// of returns a column of a way by seed.
func of(all []outcomes, way string, column int) []float64 {
	out := make([]float64, len(all))
	for i, n := range all {
		out[i] = n[way][column]
	}
	return out
}

// tellNights writes the section about game nights.
func tellNights(b *strings.Builder, startups []time.Duration, played [][]outcomes, n nights) {
	fmt.Fprintf(b, nightsHead, n.seeds, n.weeks, n.days)
	for i, startup := range startups {
		fmt.Fprintf(b, "\nAgents start in %s:\n\n| policy |", minutes(startup))
		for _, name := range names {
			fmt.Fprintf(b, " %s |", name)
		}
		b.WriteString("\n| --- |" + strings.Repeat(" ---: |", columns) + "\n")
		row := func(name, way string) {
			fmt.Fprintf(b, "| %s |", name)
			for column := range columns {
				fmt.Fprintf(b, " %s |", cell(column, over(of(played[i], way, column))))
			}
			b.WriteString("\n")
		}
		row("`"+backtest.Adapter+"`", backtest.Adapter)
		row(hpaAtCost, hpaAtCost)
		row(foreseenAtCost, foreseenAtCost)
		for _, way := range slices.Concat([]string{backtest.Forecast}, shownHPAs, []string{backtest.LastWeek, backtest.Oracle}) {
			row("`"+way+"`", way)
		}
	}
	b.WriteString(nightsTargets)
	for i, startup := range startups {
		line := func(name, way, beside, other string) {
			to := func(column int) interval { return ratio(of(played[i], way, column), of(played[i], other, column)) }
			hours := "equal"
			if other == backtest.HPA {
				hours = to(agentHours).judged(1)
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n",
				minutes(startup), name, beside, to(underTime).judged(1./3), to(underGames).judged(1./3), hours, to(actions).judged(2))
		}
		line("`"+backtest.Adapter+"`", backtest.Adapter, "`hpa`", backtest.HPA)
		line("`"+backtest.Adapter+"`", backtest.Adapter, "HPA at its cost", hpaAtCost)
		line(foreseenAtCost, foreseenAtCost, "HPA at its cost", hpaAtCost)
	}
}

// cell is a mean with its interval.
func cell(column int, i interval) string {
	if math.IsNaN(i.mean) {
		return "–"
	}
	layout := layouts[column]
	return fmt.Sprintf(layout+" ± "+layout+"%s", scales[column]*i.mean, scales[column]*i.half, units[column])
}

const nightsHead = `
## Game nights

Loads of a league's pool with announced games, drawn from %d seeds: %d weeks each, of which the last %d days are
replayed and the weeks before are history. No game is like another: its factor and its course, delay and length,
and how people come and go are drawn. There is noise, and there are news that nobody announces;
[` + "`nights.go`" + `](../tools/bench-elasticity/nights.go) says what is drawn from which distribution. The adapter knows the
calendar, and has the rule for games of the ready leagues with ` + "`effect: learned`" + `; nothing else about that world is
told.

Figures are means over the seeds with the 95 %% interval of Student's t. *τ_U at games* is τ_U from an hour before the
announced start of a game until an hour and a half after its announced end. *Foreseen* knows the load but for its noise,
games and news too, needs no time to start agents, and has the same share more than that always, for as many agent-hours:
what it lacks, noise takes.
`

const nightsTargets = `
### Targets

On loads with scheduled events the adapter should lack agents for at most a third of the autoscaler's time, at no more agent-hours, with
fewer than twice its actions. These are ratios of sums over the seeds, with their 95 % interval. A target is met if
the whole interval meets it, not met if no part of it does, and open otherwise. ` + "`hpa`" + ` has fewer agent-hours than
` + "`oracle`" + ` has: as few cannot be had without lacking agents.

| agents start in | policy | beside | τ_U, at most 0.33 | τ_U at games, at most 0.33 | agent-hours, at most 1 | actions, below 2 |
| --- | --- | --- | --- | --- | --- | --- |
`
