package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// LongestPlan is how far a plan reaches at most.
const LongestPlan = 14 * 24 * time.Hour

// SpanError says why a time cannot be planned.
type SpanError string

func (e SpanError) Error() string { return string(e) }

func notPlanned(format string, args ...any) error { return SpanError(fmt.Sprintf(format, args...)) }

// ErrNotMeasured says that the source did not tell what a plan rests on.
var ErrNotMeasured = errors.New("the history of loads could not be read")

// Bounds of a plan's cost: the instants, every five minutes of the longest one, and
// the points of all pools.
const (
	mostInstants = int(LongestPlan / (5 * time.Minute))
	mostPoints   = 250_000
)

// scoredAhead is beyond all horizons at which models are scored, so that plans of any
// length follow the same ones.
const scoredAhead = 48 * time.Hour

// Plan is what the pools are going to do if the load comes as it is forecast.
type Plan struct {
	Start, End time.Time     // of the points; the end is not part of it
	Step       time.Duration // between them; each stands for the time until the next
	Pools      []PoolPlan    // sorted by name
}

// PoolPlan is the plan of one pool.
type PoolPlan struct {
	Pool policy.Pool
	// Current are the agents that the plan starts from; where they are not known it
	// starts from the base.
	Current  policy.Count
	Fallback string         // why the profile stands in for a forecast; empty when there is one
	Warnings []error        // about the forecast
	Events   []policy.Event // that concern the pool during the plan, by start
	Points   []PlanPoint
}

// PlanPoint is a pool at one instant of a plan.
type PlanPoint struct {
	Load           LoadRange
	Decision       policy.Decision  // as the loop would make it then
	Floor, Ceiling policy.Edge      // of the demand
	Override       *policy.Override // that has effect; nil if none has
	Events         []policy.Event   // that go on
}

// Reason is what decided: the last reason that moved the number, or the last one if
// none did.
func (p PlanPoint) Reason() policy.Reason {
	reasons := p.Decision.Reasons
	for _, r := range slices.Backward(reasons) {
		if r.From != r.To {
			return r
		}
	}
	if len(reasons) == 0 {
		return policy.Reason{}
	}
	return reasons[len(reasons)-1]
}

// LoadRange is what is known of a load to come; what is not is NaN.
type LoadRange struct {
	Low, Median, High float64 // the quantiles 0.1, 0.5 and 0.9
	Planned           float64 // the pool's own quantile
}

// AgentHours returns the agents that are desired, times how long.
func (p PoolPlan) AgentHours(step time.Duration) float64 {
	sum := 0
	for _, pt := range p.Points {
		sum += pt.Decision.Desired
	}
	return float64(sum) * step.Hours()
}

// NewPlan says what the loop would do between now and the end. It takes the loop's own
// turns on a clock of its own, with three differences: the models are fitted once, at
// now, from what the source tells; the load is the median of their forecast, and what
// is ahead of each instant is the rest of it; and the orchestrator gives at once what is
// asked for, also to pools in dry run. Nobody is called but for what is measured now.
//
// Quantiles of a far day are wider than they will be on its eve, so that a plan rather
// has more agents than there will be. Hosts and budgets are not foreseen.
//
// Without a source nothing is measured: all pools follow their profile. The end is at
// most [LongestPlan] ahead.
func NewPlan(ctx context.Context, s *Settings, now, end time.Time) (Plan, error) {
	if !end.After(now) {
		return Plan{}, notPlanned("the plan ends at %s, which is not after its start at %s", end.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	if end.Sub(now) > LongestPlan {
		return Plan{}, notPlanned("the plan is %s long, at most %s are foreseen", end.Sub(now).Round(time.Minute), LongestPlan)
	}
	w := newWalk(s, now, end)
	start := now.Truncate(w.step)
	if start.Before(now) {
		start = start.Add(w.step)
	}
	if !start.Before(end) {
		return Plan{}, notPlanned("the plan ends at %s, before its first instant at %s", end.Format(time.RFC3339), start.Format(time.RFC3339))
	}
	if err := w.prepare(ctx, now); err != nil {
		return Plan{}, err
	}
	return w.plan(ctx, start, end)
}

// walk is a loop on a clock of its own.
type walk struct {
	*Engine
	settings *Settings
	modes    []policy.Mode  // of the pools, as they are configured
	counts   []policy.Count // of the pools at first
	source   *witness       // nil: nothing is measured
	agents   *obedient
	step     time.Duration
	whole    []forecast.Forecast // by pool
}

func newWalk(s *Settings, now, end time.Time) *walk {
	own := *s
	w := &walk{settings: &own, agents: &obedient{orchestrator: s.Actuator, agents: map[string]int{}}, step: s.Step}
	instants := min(mostInstants, mostPoints/max(len(s.Pools), 1))
	const day = 24 * time.Hour
	for w.step < day && (end.Sub(now) > time.Duration(instants)*w.step || day%w.step != 0) {
		w.step += s.Step
	}
	own.Actuator, own.Hosts, own.Pools = w.agents, nil, slices.Clone(s.Pools)
	if s.Source != nil {
		w.source = &witness{Source: s.Source}
		own.Source = w.source
	}
	var lead time.Duration
	for i := range own.Pools {
		p := &own.Pools[i]
		p.Budgets = nil
		w.modes = append(w.modes, p.Pool.Mode)
		p.Pool.Mode = supposed(p.Pool.Mode)
		lead = max(lead, p.Pool.LeadTime)
	}
	own.Horizon = max(s.Horizon, scoredAhead, end.Sub(now)+s.QueryLag+lead+2*s.Step)
	w.Engine = New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	w.Apply(&own)
	return w
}

// supposed is the mode in which a pool is planned: a plan of a dry run tells what would be
// asked for.
func supposed(m policy.Mode) policy.Mode {
	if m == policy.DryRun {
		return policy.Active
	}
	return m
}

// prepare learns what the loop would know at now.
func (w *walk) prepare(ctx context.Context, now time.Time) error {
	s := w.settings
	if w.source == nil {
		w.adopt(s, now, false)
		w.counts, w.whole = make([]policy.Count, len(s.Pools)), make([]forecast.Forecast, len(s.Pools))
		return nil
	}
	w.adopt(s, now, w.observeExprs(ctx, s, now))
	w.counts = w.observe(ctx, s, now).counts
	const unhurried = time.Hour
	w.learn(ctx, s, now, time.Now().Add(unhurried))
	if err := w.source.failure(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotMeasured, err)
	}
	for _, spec := range s.Pools {
		w.whole = append(w.whole, w.pools[spec.Pool.Name].forecast)
	}
	return nil
}

// plan walks from instant to instant.
func (w *walk) plan(ctx context.Context, start, end time.Time) (Plan, error) {
	s := w.settings
	out := Plan{Start: start, End: end, Step: w.step, Pools: make([]PoolPlan, len(s.Pools))}
	for i, spec := range s.Pools {
		out.Pools[i] = w.begin(spec, i, start, end)
	}
	for t := start; t.Before(end); t = t.Add(w.step) {
		if err := ctx.Err(); err != nil {
			return Plan{}, err
		}
		loads := w.advance(t)
		overrides := w.overridesNow(t)
		ds := w.turn(ctx, t, loads, overrides)
		for i, d := range ds {
			out.Pools[i].Points = append(out.Pools[i].Points, w.point(i, d, loads[i], overrides[d.Pool], out.Pools[i].Events))
		}
		w.settle(ctx, t, ds, loads, overrides)
	}
	return out, nil
}

// begin is the plan of a pool without its points.
func (w *walk) begin(spec Pool, i int, start, end time.Time) PoolPlan {
	p := w.pools[spec.Pool.Name]
	out := PoolPlan{Pool: spec.Pool, Current: w.counts[i], Warnings: w.whole[i].Warnings}
	out.Pool.Mode = w.modes[i]
	w.agents.agents[spec.Pool.Name] = spec.Pool.Agents.Base
	if out.Current.Known {
		w.agents.agents[spec.Pool.Name] = out.Current.Agents
	}
	switch {
	case w.source == nil:
		out.Fallback = "nothing was measured"
	case w.whole[i].Len() == 0:
		out.Fallback = p.fallback(start)
	default:
		if last := lastKnown(p.history); start.Sub(last) > spec.Pool.ForecastMaxAge {
			out.Warnings = append(slices.Clip(out.Warnings), fmt.Errorf("nothing was measured after %s", last.UTC().Format(time.RFC3339)))
		}
	}
	for _, e := range p.concerns {
		if e.End.After(start) && e.Start.Before(end) {
			out.Events = append(out.Events, e)
		}
	}
	return out
}

// lastKnown returns the instant of the last value that is not missing; the start if
// there is none.
func lastKnown(h History) time.Time {
	for t := h.End(); t.After(h.Start); {
		if t = t.Add(-h.Step); !math.IsNaN(h.At(t)) {
			return t
		}
	}
	return h.Start
}

// advance lets the forecasts begin at t, as if they were made then, and returns what
// they expect there.
func (w *walk) advance(t time.Time) []LoadRange {
	loads := make([]LoadRange, len(w.settings.Pools))
	for i, spec := range w.settings.Pools {
		p, f := w.pools[spec.Pool.Name], w.whole[i]
		if f.Len() == 0 {
			o := p.timeline.Offset(t)
			profile := (float64(spec.Pool.Agents.Base)*o.Total + o.TotalAdd) * spec.Pool.PerAgent
			loads[i] = LoadRange{Low: math.NaN(), Median: min(profile, math.MaxFloat64), High: math.NaN(), Planned: math.NaN()}
			continue
		}
		k := min(stepAt(f, t), f.Len()-1)
		loads[i] = LoadRange{Low: f.Path(0.1)[k], Median: f.Path(0.5)[k], High: f.Path(0.9)[k], Planned: f.Path(spec.Pool.Quantile)[k]}
		rest := f
		rest.Start, rest.Paths = f.Time(k), make([][]float64, len(f.Paths))
		for j, path := range f.Paths {
			rest.Paths[j] = path[k:]
		}
		p.forecast, p.known = rest, rest.Start
	}
	return loads
}

// turn decides all pools at t and gives them what they ask for.
func (w *walk) turn(ctx context.Context, t time.Time, loads []LoadRange, overrides map[string]*policy.Override) []policy.Decision {
	s := w.settings.under(overrides)
	for i := range s.Pools {
		s.Pools[i].Pool.Mode = supposed(s.Pools[i].Pool.Mode)
	}
	seen := observation{
		loads: make([]policy.Sample, len(s.Pools)), counts: make([]policy.Count, len(s.Pools)), used: make([][]policy.Sample, len(s.Pools)),
		overrides: overrides,
	}
	for i, spec := range s.Pools {
		w.pools[spec.Pool.Name].forgetSamples(t.Add(-reactive * s.Interval))
		n := w.agents.agents[spec.Pool.Name]
		seen.counts[i] = policy.Count{Agents: n, Ready: n, Known: true}
		seen.loads[i] = policy.Sample{Time: t, Quality: policy.OK} // of nothing: the profile decides
		if w.whole[i].Len() > 0 {
			seen.loads[i].Value = loads[i].Median
		}
	}
	ds := w.decide(s, t, seen)
	w.act(ctx, s, ds)
	return ds
}

// reactive is how many turns back the loop looks for the load that it reacts to.
const reactive = 2

// forgetSamples forgets loads from before the oldest instant: the loop would have
// measured newer ones meanwhile.
func (p *pool) forgetSamples(oldest time.Time) {
	p.state.Samples = slices.DeleteFunc(slices.Clone(p.state.Samples), func(s policy.Point) bool { return s.Time.Before(oldest) })
}

// settle takes the turns between t and the next instant for as long as a pool is on
// its way: how far it gets depends on their number.
func (w *walk) settle(ctx context.Context, t time.Time, ds []policy.Decision, loads []LoadRange, overrides map[string]*policy.Override) {
	const most = 30
	every := max(w.settings.Interval, w.step/most)
	for at := t.Add(every); at.Before(t.Add(w.step)) && slices.ContainsFunc(ds, w.onItsWay); at = at.Add(every) {
		ds = w.turn(ctx, at, loads, overrides)
	}
}

// onItsWay reports whether a pool is to get nearer to what it needs before the next
// instant: its sensitivity closes the gap turn by turn, or its step is limited in a
// shorter time.
func (w *walk) onItsWay(d policy.Decision) bool {
	b := w.pools[d.Pool].spec.Pool.Behavior
	for _, r := range d.Reasons {
		rules := b.ScaleUp
		if r.To > r.From { // a step down is shortened
			rules = b.ScaleDown
		}
		switch {
		case r.Code == policy.ReasonSensitivity && d.Direction() != policy.None:
			return true
		case r.Code == policy.ReasonStepLimit && rules.SelectPolicy != policy.SelectDisabled &&
			slices.ContainsFunc(rules.Policies, func(p policy.StepPolicy) bool { return p.Period < w.step }):
			return true
		}
	}
	return false
}

func (w *walk) point(i int, d policy.Decision, load LoadRange, o *policy.Override, events []policy.Event) PlanPoint {
	spec := w.settings.Pools[i]
	pt := PlanPoint{Load: load, Decision: d, Override: o}
	pt.Decision.Mode = w.modes[i]
	if o != nil && o.Mode != "" {
		pt.Decision.Mode = o.Mode
	}
	pt.Floor, pt.Ceiling = spec.InForce(policy.Input{Now: d.Time, Timeline: w.pools[d.Pool].timeline, Override: o})
	for _, e := range events {
		if !d.Time.Before(e.Start) && d.Time.Before(e.End) {
			pt.Events = append(pt.Events, e)
		}
	}
	return pt
}

// obedient is an orchestrator that does at once what it is asked for, as far as the
// mode permits it. What runs at first is asked of another one, if there is one.
type obedient struct {
	orchestrator Actuator

	mu     sync.Mutex
	agents map[string]int
}

func (a *obedient) Current(ctx context.Context, pool string) policy.Count {
	if a.orchestrator == nil {
		return policy.Count{Detail: "nobody is asked"}
	}
	return a.orchestrator.Current(ctx, pool)
}

func (a *obedient) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	if !d.Permitted() {
		return policy.Outcome{Result: policy.NotSent}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.agents[d.Pool] = d.Desired
	return policy.Outcome{Result: policy.Accepted}
}

// witness is a source that remembers what went wrong first.
type witness struct {
	Source

	mu    sync.Mutex
	first error
}

func (w *witness) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	series, err := w.Source.Range(ctx, r, signals)
	w.note(err)
	return series, err
}

func (w *witness) RangeAll(ctx context.Context, r Range, query string) ([]Labeled, error) {
	all, err := w.Source.RangeAll(ctx, r, query)
	w.note(err)
	return all, err
}

func (w *witness) note(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.first = err
	}
}

func (w *witness) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}
