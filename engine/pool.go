package engine

import (
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// What a pool remembers for people to look at.
const (
	recentDecisions = 50
	agentsMemory    = 48 * time.Hour
	eventsBehind    = 24 * time.Hour
)

// pool is what the loop knows about one pool between ticks. It belongs to the tick,
// which reads it freely. What Explain reads besides is changed under the mutex, and
// so is the predictor used, whose answers need scratch space: spec, timeline, history
// and predictor.
type pool struct {
	mu sync.Mutex

	spec     Pool
	timeline policy.Timeline
	concerns []policy.Event // that concern the pool, by start
	events   []policy.Event // of them those that are not older than eventsBehind

	completeness *policy.Completeness // of the load up to the history's end

	history     History   // measured load
	known       time.Time // when the load was last measured
	reading     bool      // the history is not read to its end
	largest     float64   // largest load in history
	predictor   *forecast.Predictor
	refitDue    time.Time
	stale       bool // the forecast does not tell what is known by now
	forecast    forecast.Forecast
	forecastErr error
	scores      []forecast.Score
	coverage    []forecast.Coverage
	measured    []Effect // of rules whose declared factor is applied
	effects     []Effect // these and those that are learned

	classes  []policy.Timeline       // of the posts of each budget
	spending map[string]budget.State // by budget
	budgets  []BudgetStatus          // as the last tick left them

	state     policy.State
	journaled Decided // last
	footing   Footing
	served    Compared
	servedAt  time.Time // up to when
	saved     PoolMemory
	savedAt   time.Time

	agents []AgentsPoint
	recent []policy.Decision
}

// extend appends what was measured after the history's end and keeps the last
// values of the given length.
func (p *pool) extend(s forecast.Series, keep int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.history.Len() == 0 {
		p.history = History{Start: s.Start.In(p.spec.Pool.Location), Step: s.Step}
	}
	for i, y := range s.Values {
		p.largest = max(p.largest, zeroIfNaN(y))
		if !math.IsNaN(y) {
			p.known = s.Time(i)
		}
		z := p.withoutOffset(s.Time(i), y)
		switch {
		case p.predictor == nil:
		case p.saturated(y):
			p.predictor.UpdateCensored(z)
		default:
			p.predictor.Update(z)
		}
	}
	p.history = p.history.with(s.Values).last(keep)
	p.stale = true
}

// complete is how complete the load is by a sample; nil if that is not measured.
func (p *pool) complete(measured policy.Sample) *Completeness {
	if p.spec.Completeness == nil {
		return nil
	}
	usual, known := p.completeness.Usual()
	if !known {
		usual = math.NaN()
	}
	return &Completeness{measured, usual}
}

// forget forgets what was measured.
func (p *pool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.history = History{}
}

// learned replaces the predictor; nil: there is none any more.
func (p *pool) learned(predictor *forecast.Predictor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.predictor = predictor
}

// saturated reports whether a load is as much as the pool could serve when no more
// agents were allowed: there may have been more work than was measured.
func (p *pool) saturated(y float64) bool {
	const nearly = 0.95
	count, limits := p.state.Current, p.spec.Pool
	return count.Known && count.Agents >= limits.Agents.Max && y >= nearly*float64(count.Ready)*limits.PerAgent
}

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// withoutOffset takes the regular effects of rules out of a load. A load within
// an event is masked: it says nothing about ordinary days.
func (p *pool) withoutOffset(t time.Time, y float64) float64 {
	if math.IsNaN(y) {
		return y // nothing to take out, and effects cost time
	}
	o := p.timeline.Offset(t)
	if o.Irregular {
		return math.NaN()
	}
	return p.regular(o, y)
}

// refit estimates the models anew on the whole history. What they scored is kept
// for as long as they follow the same history.
func (p *pool) refit(horizon int) error {
	s := p.history.Series()
	for i, y := range s.Values {
		s.Values[i] = p.withoutOffset(s.Time(i), y)
	}
	s.Holidays = p.spec.Holidays
	p.stale = true
	learned, declared := p.effectEvents()
	p.measured = p.measure(declared)
	if p.predictor != nil && p.predictor.End().Equal(s.End()) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.predictor.SetEvents(learned)
		return p.predictor.Refit(s)
	}
	predictor, err := forecast.Fit(s, forecast.Options{Horizon: horizon, Events: learned})
	if err != nil {
		return err
	}
	p.learned(predictor)
	return nil
}

// refitAfter returns when the pool is due again: between half and the whole of
// the interval, by its name, so that pools do not all fit at once.
func (p *pool) refitAfter(now time.Time, every time.Duration) time.Time {
	h := fnv.New32a()
	h.Write([]byte(p.spec.Pool.Name))
	return now.Add(every/2 + time.Duration(float64(every)/2*float64(h.Sum32())/math.MaxUint32))
}

// predict renews the forecast.
func (p *pool) predict(horizon int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := p.expected(horizon)
	if err != nil {
		return err
	}
	p.forecast, p.scores, p.coverage = f, p.telling(p.predictor.Scores()), p.predictor.Coverage()
	p.effects = append(asEffects(p.predictor.Effects(), true), p.measured...)
	p.stale = false
	return nil
}

// telling returns the scores of what is forecast and its opponents, and at the first
// horizon and the one nearest to the lead time those of all models: the others take much
// memory, and [Engine.Explain] tells them.
func (p *pool) telling(scores []forecast.Score) []forecast.Score {
	nearest := NearestHorizon(scores, p.history.Step, p.spec.Pool.LeadTime)
	out := make([]forecast.Score, 0, len(scores)/4)
	for _, s := range scores {
		if s.Horizon == scores[0].Horizon || s.Horizon == nearest || slices.Contains(compared[:], s.Model) {
			out = append(out, s)
		}
	}
	return slices.Clip(out)
}

// NearestHorizon returns the horizon of the scores that is nearest to a time ahead, in steps;
// 0 if there are none.
func NearestHorizon(scores []forecast.Score, step, ahead time.Duration) int {
	best, apart := 0, time.Duration(math.MaxInt64)
	for _, s := range scores {
		if d := (time.Duration(s.Horizon)*step - ahead).Abs(); d < apart {
			best, apart = s.Horizon, d
		}
	}
	return best
}

// expected returns what the models expect, with the effects of rules that are known
// for each instant.
func (p *pool) expected(steps int) (forecast.Forecast, error) {
	f, err := p.predictor.Forecast(steps, levels(p.spec.Pool.Quantile))
	if err != nil {
		return forecast.Forecast{}, err
	}
	for k := range f.Len() {
		o := p.timeline.Offset(f.Time(k))
		for _, path := range f.Paths {
			path[k] = path[k]*o.Total + o.TotalAdd*p.spec.Pool.PerAgent
		}
	}
	return f, nil
}

// upper is the level above which a load counts as not foreseen.
const upper = 0.99

// levels returns the quantile levels that are forecast: a band, the median, the
// level above which a burst begins, and the pool's own.
func levels(own float64) []float64 {
	ls := []float64{0.1, 0.5, 0.9, upper, own}
	sort.Float64s(ls)
	return slices.Compact(ls)
}

// outlook reads from the forecast what the decision needs: the largest value of
// the pool's quantile within its lead time.
func (p *pool) outlook(now time.Time) policy.Outlook {
	f := p.forecast
	if f.Len() == 0 {
		return policy.Outlook{}
	}
	path := f.Path(p.spec.Pool.Quantile)
	first := stepAt(f, now)
	last := min(stepAt(f, now.Add(p.spec.Pool.LeadTime)), f.Len()-1)
	if first >= f.Len() {
		return policy.Outlook{} // it ended before now
	}
	best := first
	for k := first; k <= last; k++ {
		if path[k] > path[best] {
			best = k
		}
	}
	at := f.Time(best)
	if at.Before(now) {
		at = now
	}
	return policy.Outlook{Model: f.Model, Load: path[best], At: at, Upper: f.Path(upper)[first], Origin: p.origin()}
}

// origin returns the instant after which the forecast knows nothing: it goes on while
// values are missing.
func (p *pool) origin() time.Time {
	if last := p.forecast.Start.Add(-p.forecast.Step); last.Before(p.known) {
		return last
	}
	return p.known
}

// stepAt returns the step of the forecast that t falls into; 0 before its start.
func stepAt(f forecast.Forecast, t time.Time) int {
	return max(0, int(t.Sub(f.Start)/f.Step))
}

// noteAgents keeps one point a step of what the pool had and should have.
func (p *pool) noteAgents(now time.Time, step time.Duration, d policy.Decision) {
	if n := len(p.agents); n > 0 && now.Truncate(step).Equal(p.agents[n-1].Time.Truncate(step)) && p.agents[n-1].Desired == d.Desired && p.agents[n-1].Current == d.Current {
		return
	}
	first := 0
	for first < len(p.agents) && now.Sub(p.agents[first].Time) > agentsMemory {
		first++
	}
	p.agents = append(p.agents[first:], AgentsPoint{Time: now, Current: d.Current, Desired: d.Desired})
}

// noteDecision keeps the decisions that differ from the one before.
func (p *pool) noteDecision(d policy.Decision) {
	if len(p.recent) > 0 && sameReasons(p.recent[0], d) {
		return
	}
	p.recent = append([]policy.Decision{d}, p.recent[:min(len(p.recent), recentDecisions-1)]...)
}

func sameReasons(a, b policy.Decision) bool {
	return a.Current == b.Current && a.Desired == b.Desired &&
		slices.EqualFunc(a.Reasons, b.Reasons, func(x, y policy.Reason) bool { return x.Code == y.Code && x.Rule == y.Rule })
}

// adoptEvents makes the pool's rules follow the events. An event that has begun
// before what is known of the load changes what the past means.
func (p *pool) adoptEvents(all []policy.Event, now time.Time, step time.Duration) {
	var concerns []policy.Event
	for _, e := range all {
		if p.spec.Pool.Concerns(e) {
			concerns = append(concerns, e)
		}
	}
	if !p.timeline.IsZero() && reflect.DeepEqual(concerns, p.concerns) {
		return
	}
	past := func(events []policy.Event) []policy.Event {
		n := 0
		for n < len(events) && events[n].Start.Before(now.Add(-step)) {
			n++
		}
		return events[:n]
	}
	if !reflect.DeepEqual(past(concerns), past(p.concerns)) {
		p.refitDue = now
	}
	p.follow(p.spec.Timeline(concerns))
	p.classes = nil
	for _, b := range p.spec.Budgets {
		p.classes = append(p.classes, policy.Policy{Pool: p.spec.Pool, Rules: b.When}.Timeline(concerns))
	}
	p.concerns = concerns
	p.stale = true
}

// follow makes the pool follow a timeline.
func (p *pool) follow(t policy.Timeline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeline = t
	if p.predictor != nil {
		learned, _ := p.effectEvents()
		p.predictor.SetEvents(learned)
	}
}

// refreshEvents keeps the events that are not long over.
func (p *pool) refreshEvents(now time.Time) {
	p.events = nil
	for _, e := range p.concerns {
		if e.End.After(now.Add(-eventsBehind)) {
			p.events = append(p.events, e)
		}
	}
}
