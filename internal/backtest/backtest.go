// Package backtest replays the past: what a pool would have had, and what it would have
// needed, if it had been scaled in one way or another.
//
// The adapter is the engine itself, with a clock of its own, a source that tells nothing of
// the future, and an orchestrator whose agents take their time to start. Simple ways to scale
// stand beside it. The package does no I/O but to ask a source for what was measured.
package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	score "github.com/scaling-adapter/scaling-adapter/forecast/backtest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Adapter is the name of the way that is looked at.
const Adapter = "adapter"

// The ways that it can be compared with.
const (
	Forecast   = "forecast_only" // the adapter without rules
	Schedule   = "schedule_only" // the adapter without loads: base agents and rules
	HPA        = "hpa"           // with a target of 100 %; hpa_80 has one of 80 %
	LastWeek   = "last_week"
	StaticPeak = "static_peak"
	StaticMean = "static_mean"
	Oracle     = "oracle"
)

// Opponents are all of them, in the order in which they are told. Of the autoscalers with
// another target there are too many.
func Opponents() []string {
	return []string{Forecast, Schedule, HPA, LastWeek, StaticPeak, StaticMean, Oracle}
}

// IsOpponent reports whether a way to compare with has this name.
func IsOpponent(name string) bool {
	_, hpa := hpaTarget(name)
	return hpa || slices.Contains(Opponents(), name)
}

// Percents of what an agent serves that an autoscaler may aim at.
const (
	LeastTarget = 10
	MostTarget  = 100
)

// HPAOf is the name of the autoscaler that aims at a percent of what an agent serves.
func HPAOf(percent int) string {
	if percent == MostTarget {
		return HPA
	}
	return fmt.Sprintf("%s_%d", HPA, percent)
}

// hpaTarget returns the percent that an autoscaler of this name aims at.
func hpaTarget(name string) (percent int, ok bool) {
	for percent := LeastTarget; percent <= MostTarget; percent++ {
		if name == HPAOf(percent) {
			return percent, true
		}
	}
	return 0, false
}

// Options say what is replayed.
type Options struct {
	Settings  *engine.Settings // their ports are not used
	Recording *Recording
	Startup   time.Duration // of an agent; 0: the pool's lead time
	Against   []string      // opponents, and names of Others
	// Others are other settings by name, such as the rules that hold now. Their pools have
	// the names of those of Settings; those that are missing are left out.
	Others map[string]*engine.Settings
	// Progress is told how many of all ticks have been taken; nil: nobody is. It is called
	// by several goroutines.
	Progress func(done, all int)
}

// Result is what a replay came to.
type Result struct {
	Span
	Step, Lag, RefitEvery time.Duration
	MaxTotalAgents        int // 0: no limit
	Pools                 []PoolResult
	Unknown               []string  // pools that were left out: no load was measured
	Total                 []Outcome // over the pools, in the order of the ways
}

// PoolResult is a pool in a replay.
type PoolResult struct {
	Pool    policy.Pool
	Startup time.Duration
	Budgets []engine.Budget
	Needed  []float64 // agents by tick; NaN where the load is not known
	Ways    []Outcome // the adapter first
}

// Outcome is what one way to scale came to.
type Outcome struct {
	Way string
	score.Elasticity
	Supply  []float64 // ready agents by tick; of a total: none
	Actions int       // changes that the orchestrator carried out

	UnderFor time.Duration // with fewer agents than needed; of a total: summed over the pools
	// OverBudget is how long more posts were made than a budget of the pool allows, by what an
	// agent is said to post in an hour.
	OverBudget time.Duration
	OverTotal  time.Duration // of a total: how long more agents ran than are allowed for all
	Accuracy   *Accuracy     // of the forecasts; nil: there were none
}

// Budgeted reports whether a pool has a budget.
func (r Result) Budgeted() bool {
	return slices.ContainsFunc(r.Pools, func(p PoolResult) bool { return len(p.Budgets) > 0 })
}

// Of returns the result of the pools with these names. The limit of all agents is no limit
// of a part of the pools.
func (r Result) Of(names []string) Result {
	r.Pools = slices.DeleteFunc(slices.Clone(r.Pools), func(p PoolResult) bool { return !slices.Contains(names, p.Pool.Name) })
	r.MaxTotalAgents, r.Unknown = 0, nil
	r.Total = r.total()
	return r
}

// ActionsPerDay are the actions of a day.
func (o Outcome) ActionsPerDay(s Span) float64 {
	return float64(o.Actions) / s.To.Sub(s.From).Hours() * 24
}

// ErrNoLoad says that nothing was measured.
var ErrNoLoad = errors.New("no load was measured")

// Run replays the recording. A replay gives the same result each time.
func Run(ctx context.Context, o Options) (Result, error) {
	b := bench{Options: o, ways: append([]string{Adapter}, o.Against...)}
	b.prepare()
	if len(b.pools) == 0 {
		return Result{}, fmt.Errorf("%w between %s and %s", ErrNoLoad, o.Recording.From.Format(time.RFC3339), o.Recording.To.Format(time.RFC3339))
	}
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for k, way := range b.ways {
		work.Go(func() error {
			outcomes, err := b.run(ctx, way)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			for i := range b.pools {
				b.pools[i].Ways[k] = outcomes[i]
			}
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return Result{}, err
	}
	return b.result(), nil
}

// bench is a replay on its way.
type bench struct {
	Options
	ways    []string
	pools   []pool // those whose load is known
	unknown []string
	done    atomic.Int64
}

type pool struct {
	PoolResult
	load recorded
}

func (b *bench) prepare() {
	for _, spec := range b.Settings.Pools {
		p := pool{load: b.Recording.signals[signalKey(spec.Load)]}
		p.PoolResult = PoolResult{Pool: spec.Pool, Startup: b.Startup, Budgets: spec.Budgets, Needed: b.Recording.load(spec.Load), Ways: make([]Outcome, len(b.ways))}
		if p.Startup == 0 {
			p.Startup = spec.Pool.LeadTime
		}
		known := false
		for i, y := range p.Needed {
			known = known || !math.IsNaN(y)
			if !math.IsNaN(y) {
				p.Needed[i] = float64(whole(y / spec.Pool.PerAgent))
			}
		}
		if !known {
			b.unknown = append(b.unknown, spec.Pool.Name)
			continue
		}
		b.pools = append(b.pools, p)
	}
}

// first is what the first known load of a pool needs: all ways but the static ones begin
// with it.
func (p PoolResult) first() int {
	i := slices.IndexFunc(p.Needed, func(n float64) bool { return !math.IsNaN(n) })
	return int(p.Needed[i])
}

// Peak is how many agents were needed at most, which may be more than the pool may have.
func (p PoolResult) Peak() float64 { return largestOf(p.Needed) }

// tick tells the progress.
func (b *bench) tick() {
	if n := int(b.done.Add(1)); b.Progress != nil {
		b.Progress(n, len(b.ways)*b.Recording.Len())
	}
}

// run replays one way.
func (b *bench) run(ctx context.Context, way string) ([]Outcome, error) {
	var crews []*crew
	supplies := make([][]float64, len(b.pools))
	for i, p := range b.pools {
		crews = append(crews, newCrew(p.Pool, p.Startup, p.first()))
		supplies[i] = make([]float64, b.Recording.Len())
	}
	var accuracies []*Accuracy
	var err error
	if s := b.settings(way); s != nil {
		accuracies, err = b.engine(ctx, s, way == Schedule, crews, supplies)
	} else {
		err = b.simple(ctx, way, crews, supplies)
	}
	if err != nil {
		return nil, err
	}
	out := make([]Outcome, len(b.pools))
	for i, p := range b.pools {
		out[i] = b.measure(p, supplies[i])
		out[i].Way, out[i].Actions = way, crews[i].actions
		if accuracies != nil {
			out[i].Accuracy = accuracies[i]
		}
	}
	return out, nil
}

// settings are those of a way that the engine takes; nil: it is another one.
func (b *bench) settings(way string) *engine.Settings {
	switch way {
	case Adapter, Schedule:
		return b.Settings
	case Forecast:
		s := *b.Settings
		s.Pools = slices.Clone(s.Pools)
		for i := range s.Pools {
			s.Pools[i].Rules, s.Pools[i].Budgets = nil, nil
		}
		return &s
	}
	return b.Others[way]
}

// simple replays a way that looks at each pool by itself.
func (b *bench) simple(ctx context.Context, way string, crews []*crew, supplies [][]float64) error {
	scalers := make([]scaler, len(b.pools))
	for i, p := range b.pools {
		scalers[i] = b.scaler(way, p)
		if n, ok := scalers[i].(static); ok {
			crews[i].ready = clamp(int(n), p.Pool.Agents)
		}
	}
	period := b.Recording.Tick
	if _, ok := hpaTarget(way); ok {
		period = hpaPeriod
	}
	next := b.Recording.From
	for i := range b.Recording.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := b.Recording.Time(i)
		for ; !next.After(t); next = next.Add(period) {
			for k, c := range crews {
				c.settle(next)
				seen := sight{load: b.pools[k].load.ticks.At(next.Add(-b.Settings.QueryLag)), ready: c.ready, agents: c.agents()}
				c.scale(next, clamp(scalers[k].want(next, seen), c.pool.Agents))
			}
		}
		for k, c := range crews {
			c.settle(t)
			supplies[k][i] = float64(c.ready)
		}
		b.tick()
	}
	return nil
}

// scaler returns what a simple way does with a pool.
func (b *bench) scaler(way string, p pool) scaler {
	if percent, ok := hpaTarget(way); ok {
		return &hpa{target: p.Pool.PerAgent * float64(percent) / 100}
	}
	switch way {
	case LastWeek:
		return lastWeek{load: p.load.steps, perAgent: p.Pool.PerAgent, startup: p.Startup}
	case StaticPeak:
		return static(p.Peak())
	case StaticMean:
		return static(whole(mean(p.Needed)))
	case Oracle:
		return oracle{needed: forecast.Series{Start: b.Recording.From, Step: b.Recording.Tick, Values: p.Needed}, startup: p.Startup}
	}
	panic("backtest: no way to scale is called " + way)
}

// measure compares a supply with what was needed.
func (b *bench) measure(p pool, supply []float64) Outcome {
	tick := b.Recording.Tick
	o := Outcome{Supply: supply, Elasticity: score.MeasureElasticity(p.Needed, supply, tick)}
	for i, n := range p.Needed {
		if supply[i] < n {
			o.UnderFor += tick
		}
	}
	for _, budget := range p.Budgets {
		hours := agentHours{span: b.Recording.Span}
		for i, n := range supply {
			hours.add(n)
			at := b.Recording.Time(i).Add(tick)
			for _, w := range budget.Windows() {
				if hours.between(budget.Start(w, at), at)*budget.PostsPerAgentHour > float64(budget.Limit) {
					o.OverBudget += tick
					break
				}
			}
		}
	}
	return o
}

// result sums the pools up.
func (b *bench) result() Result {
	s := b.Settings
	r := Result{Span: b.Recording.Span, Step: s.Step, Lag: s.QueryLag, RefitEvery: s.RefitEvery, MaxTotalAgents: s.MaxTotalAgents, Unknown: b.unknown}
	for _, p := range b.pools {
		r.Pools = append(r.Pools, p.PoolResult)
	}
	r.Total = r.total()
	return r
}

// total sums the pools up by way.
func (r Result) total() []Outcome {
	var out []Outcome
	for k, way := range r.Pools[0].Ways {
		total := Outcome{Way: way.Way}
		var parts []score.Elasticity
		running := make([]float64, r.Len())
		for _, p := range r.Pools {
			o := p.Ways[k]
			parts = append(parts, o.Elasticity)
			total.Actions += o.Actions
			total.UnderFor += o.UnderFor
			total.OverBudget += o.OverBudget
			for i, n := range o.Supply {
				running[i] += n
			}
		}
		total.Elasticity = score.Sum(parts)
		for _, n := range running {
			if r.MaxTotalAgents > 0 && n > float64(r.MaxTotalAgents) {
				total.OverTotal += r.Tick
			}
		}
		out = append(out, total)
	}
	return out
}

// agentHours are the hours that ready agents have worked since the span began, of which
// posts are a multiple.
type agentHours struct {
	span Span
	sums []float64 // agents up to the end of each tick: whole numbers, that add up without error
}

func (h *agentHours) add(agents float64) {
	h.sums = append(h.sums, h.until(len(h.sums))+agents)
}

// until returns the sum of the first n ticks.
func (h *agentHours) until(n int) float64 {
	if n <= 0 || len(h.sums) == 0 {
		return 0
	}
	return h.sums[min(n, len(h.sums))-1]
}

// between returns the hours from one instant until another, in whole ticks.
func (h *agentHours) between(from, to time.Time) float64 {
	place := func(t time.Time) int { return int(t.Sub(h.span.From) / h.span.Tick) }
	return (h.until(place(to)) - h.until(place(from))) * h.span.Tick.Hours()
}

// mean is that of what is known; NaN of nothing.
func mean(values []float64) float64 {
	sum, n := 0.0, 0.0
	for _, y := range values {
		if !math.IsNaN(y) {
			sum += y
			n++
		}
	}
	return sum / n
}

// largestOf is that of what is known.
func largestOf(values []float64) float64 {
	most := 0.0
	for _, y := range values {
		if !math.IsNaN(y) {
			most = max(most, y)
		}
	}
	return most
}
