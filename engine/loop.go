package engine

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A Journal is told every decision that was carried out or would have been,
// and what became of it.
type Journal func(policy.Decision, policy.Outcome)

// Options are what an [Engine] needs besides its [Settings].
type Options struct {
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	Journal    Journal             // may be nil
	Store      Store               // keeps what must outlive the process; nil: nothing does
	Memory     Memory              // what it kept before
	Ticked     func(now time.Time) // called at the end of each tick that was completed; may be nil
}

// Engine runs the loop. Tick is for one goroutine; everything else may be called at
// any time.
type Engine struct {
	settings atomic.Pointer[Settings]
	snapshot atomic.Pointer[Snapshot]
	turn     atomic.Pointer[turn] // the last
	metrics  *metrics
	panicked panics
	logger   *slog.Logger
	journal  Journal
	ticked   func(now time.Time)
	store    Store
	orders   orders

	// Owned by Tick.
	current   *Settings      // the generation that pools was made for
	events    []policy.Event // those of the settings and those told at run time, by start
	told      int            // generation of the latter
	poolsMu   sync.Mutex     // held while pools is replaced, for Explain
	pools     map[string]*pool
	exprs     []*exprEvents
	candidate *candidate
	unread    map[string]bool // queries of loads whose history could not be read last time
	emergency policy.EmergencyState
	appetites map[string]*appetite // by the name of the host reading
	last      time.Time            // of the last tick, also of one before the process began
	began     bool                 // a tick was taken since
	closing   bool                 // all of every pool is to be saved

	remembered map[string]PoolMemory // of pools that are not in the rules, or that no tick has seen yet
	decided    []Decided             // since the last change was saved
	saveErr    error                 // of the last try
}

// New returns an engine that does nothing until settings are applied.
func New(o Options) *Engine {
	e := &Engine{
		logger: o.Logger, journal: o.Journal, ticked: o.Ticked, pools: map[string]*pool{}, store: o.Store,
		unread: map[string]bool{}, last: o.Memory.Time, emergency: o.Memory.Emergency, remembered: maps.Clone(o.Memory.Pools),
	}
	for _, order := range o.Memory.Overrides {
		e.orders.overrides = append(e.orders.overrides, toldOverride{Override: order, seen: true})
	}
	e.orders.events = slices.SortedStableFunc(slices.Values(o.Memory.Events), func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	if e.remembered == nil {
		e.remembered = map[string]PoolMemory{}
	}
	if e.store == nil {
		e.store = forgetful{}
	}
	if e.journal == nil {
		e.journal = func(policy.Decision, policy.Outcome) {}
	}
	if e.ticked == nil {
		e.ticked = func(time.Time) {}
	}
	e.metrics = newMetrics(o.Registerer)
	return e
}

// Apply makes the next tick use the settings. A tick that runs sees one
// generation from its start to its end.
func (e *Engine) Apply(s *Settings) { e.settings.Store(s) }

// Settings returns what was applied last; nil before.
func (e *Engine) Settings() *Settings { return e.settings.Load() }

// Snapshot returns what the last tick saw and did; nil before the first one.
func (e *Engine) Snapshot() *Snapshot { return e.snapshot.Load() }

// Run takes one turn of the loop for each instant that ticks delivers, until
// the context ends or ticks is closed. Instants that were skipped because a
// turn took too long are counted as missed.
func (e *Engine) Run(ctx context.Context, ticks <-chan time.Time) {
	defer e.flush()
	for {
		select {
		case <-ctx.Done():
			return
		case now, ok := <-ticks:
			if !ok {
				return
			}
			e.Tick(ctx, now)
		}
	}
}

// flush saves all of what pools remember.
func (e *Engine) flush() {
	if e.current != nil {
		e.closing = true
		e.save(e.current, e.last)
	}
}

// Ticks sends the wall clock's multiples of the interval until the context
// ends. It skips an instant at which nobody receives. The interval is asked for
// anew before each tick, so that a reload can change it.
func Ticks(ctx context.Context, interval func() time.Duration, ticks chan<- time.Time) {
	for {
		every := interval()
		now := time.Now()
		next := now.Truncate(every).Add(every)
		timer := time.NewTimer(next.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		select {
		case ticks <- next:
		default:
		}
	}
}

// Tick takes one turn of the loop at now: observe, forecast, decide, act,
// record. It returns within about one interval, or soon after the context ends.
//
// A panic costs the turn and not the process: a restart would begin with the same data, and
// would cost the orders that people may give meanwhile, and the models. What the turn left
// half done is made whole by the next one, which lowers no pool by what it sees first, as
// after a start. Nobody is told of a turn that was not completed, so a loop in which each
// turn panics is one that stands still: health says so, and the watchdog ends the process.
func (e *Engine) Tick(ctx context.Context, now time.Time) {
	if err := e.isolate("a turn of the loop", "", func() { e.tick(ctx, now) }); err != nil {
		e.told = untold
		for _, p := range e.pools {
			p.state = p.state.Resumed(now)
		}
	}
}

// untold is a generation of events that there never is.
const untold = -1

func (e *Engine) tick(ctx context.Context, now time.Time) {
	s := e.settings.Load()
	if s == nil {
		return
	}
	began := time.Now()
	e.endOverrides(e.last, now, s.Interval)
	e.countMissed(s, now)
	ctx, cancel := context.WithTimeout(ctx, s.Interval)
	defer cancel()

	e.adopt(s, now, e.observeExprs(ctx, s, now))
	e.resume()
	seen := e.observe(ctx, s, now)
	s = s.under(seen.overrides)
	e.learn(ctx, s, now, began.Add(s.Interval/2))
	e.doubt(s, &seen)
	e.learnAppetites(s, now, &seen)
	decisions := e.decide(s, now, seen)
	if errors.Is(ctx.Err(), context.Canceled) {
		return // we are told to stop: what was observed half is not acted on
	}
	outcomes := e.act(ctx, s, decisions)
	e.save(s, now)
	e.record(s, now, seen, decisions, outcomes)
	e.metrics.ticks.Inc()
	e.metrics.tickDuration.Observe(time.Since(began).Seconds())
	e.ticked(now)
	_ = e.isolate("the rules that are tried", "", func() {
		rest, cancel := context.WithDeadline(ctx, began.Add(s.Interval*9/10)) // the next turn is not late for it
		defer cancel()
		e.tryCandidate(rest, s, now, seen)
	})
}

// mostMissed is how many ticks in a row may be missed before nobody knows what was
// asked for meanwhile.
const mostMissed = 2

// countMissed counts the instants between the last tick and this one. After many the
// watch of the pools begins anew, as after a start: a machine that was suspended does not
// lower by what it sees first.
func (e *Engine) countMissed(s *Settings, now time.Time) {
	if gap := now.Sub(e.last); e.began && gap > s.Interval {
		missed := gap/s.Interval - 1
		e.metrics.ticksMissed.Add(float64(missed))
		if missed > mostMissed {
			for _, p := range e.pools {
				p.state = p.state.Resumed(now)
			}
		}
	}
	e.last, e.began = now, true
}

// adopt makes the pools follow the settings and the events told at run time or
// made by expressions.
func (e *Engine) adopt(s *Settings, now time.Time, changed bool) {
	oldest := now.Add(-s.History)
	told, generation := e.orders.told(oldest)
	if s == e.current && generation == e.told && !changed {
		return
	}
	var measured []policy.Event
	for _, x := range e.exprs {
		measured = append(measured, x.events(oldest)...)
	}
	e.orders.measure(measured)
	e.events, e.told = slices.Concat(s.Events, told, measured), generation
	slices.SortStableFunc(e.events, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	if s != e.current {
		e.adoptPools(s, now)
	}
	for _, p := range e.pools {
		p.adoptEvents(e.events, now, s.Step)
	}
}

// adoptPools makes the pools follow the settings. A pool keeps what it knows for as
// long as its meaning stays the same.
func (e *Engine) adoptPools(s *Settings, now time.Time) {
	pools := make(map[string]*pool, len(s.Pools))
	sameGrid := e.current != nil && e.current.Step == s.Step && e.current.History == s.History && e.current.Horizon == s.Horizon
	for _, spec := range s.Pools {
		p := e.pools[spec.Pool.Name]
		if p == nil || !sameGrid || !reflect.DeepEqual(p.spec.Load, spec.Load) || !reflect.DeepEqual(p.spec.Completeness, spec.Completeness) || p.spec.Pool.Location.String() != spec.Pool.Location.String() {
			fresh := &pool{completeness: policy.NewCompleteness(s.Step)}
			if p != nil {
				fresh.state, fresh.agents, fresh.recent = p.state, p.agents, p.recent
				fresh.spending, fresh.journaled = p.spending, p.journaled
				fresh.served, fresh.servedAt = p.served, p.servedAt
			} else {
				e.remember(fresh, spec.Pool.Name, now)
			}
			p = fresh
		}
		p.mu.Lock()
		if !reflect.DeepEqual(p.spec.Budgets, spec.Budgets) {
			p.timeline = policy.Timeline{} // is made anew, and the classes with it
		}
		if !reflect.DeepEqual(p.spec.Rules, spec.Rules) || !reflect.DeepEqual(p.spec.Pool.Labels, spec.Pool.Labels) {
			p.timeline = policy.Timeline{}
			p.predictor = nil // the history means something else now; the forecast stands until it is fitted
			p.refitDue = now
		}
		p.spec = spec
		p.mu.Unlock()
		pools[spec.Pool.Name] = p
	}
	e.setAside(pools)
	clear(e.unread)
	e.poolsMu.Lock()
	e.pools = pools
	e.poolsMu.Unlock()
	e.current = s
}
