package engine

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// mostEvents are the events told at run time that are kept. Who tells them keeps
// those that are not over well below.
const mostEvents = 2000

// orders are what people and programs told at run time, besides the settings.
// They may be used by several goroutines at once.
type orders struct {
	mu         sync.Mutex
	overrides  []toldOverride
	events     []policy.Event
	generation int            // counts changes of the events
	resumed    []string       // pools whose pause the next tick ends
	gone       Change         // what has ended by itself since the last one was saved
	measured   []policy.Event // those of expressions; told by the ticks
}

// toldOverride is an override that was set at run time.
type toldOverride struct {
	policy.Override
	seen bool // by a tick: it knows the clock of its start and end
}

// SetOverride makes an override take effect with the next tick. It replaces those of
// its pool that were set before at run time. After an error, which is the store's,
// nothing has changed.
func (e *Engine) SetOverride(o policy.Override) error {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	if err := e.keep(Change{Overrides: map[string]*policy.Override{o.Pool: &o}}); err != nil {
		return fmt.Errorf("the override cannot be saved: %w", err)
	}
	delete(e.orders.gone.Overrides, o.Pool)
	e.orders.overrides = slices.DeleteFunc(e.orders.overrides, func(old toldOverride) bool { return old.Pool == o.Pool })
	e.orders.overrides = append(e.orders.overrides, toldOverride{Override: o})
	return nil
}

// EndOverride ends the overrides of a pool that were set at run time and returns
// them. After an error, which is the store's, nothing has changed.
func (e *Engine) EndOverride(pool string) ([]policy.Override, error) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	if !slices.ContainsFunc(e.orders.overrides, func(o toldOverride) bool { return o.Pool == pool }) {
		return nil, nil
	}
	if err := e.keep(Change{Overrides: map[string]*policy.Override{pool: nil}}); err != nil {
		return nil, fmt.Errorf("the end of the override cannot be saved: %w", err)
	}
	var ended []policy.Override
	e.orders.overrides = slices.DeleteFunc(e.orders.overrides, func(o toldOverride) bool {
		if o.Pool == pool {
			ended = append(ended, o.Override)
		}
		return o.Pool == pool
	})
	return ended, nil
}

// Overrides returns the overrides that have effect at now or will have, those of
// the settings included, by pool and start.
func (e *Engine) Overrides(now time.Time) []policy.Override {
	var out []policy.Override
	if s := e.settings.Load(); s != nil {
		out = slices.Clone(s.Overrides)
	}
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	for _, o := range e.orders.overrides {
		out = append(out, o.Override)
	}
	out = slices.DeleteFunc(out, func(o policy.Override) bool { return !now.Before(o.End) })
	slices.SortFunc(out, func(a, b policy.Override) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// endOverrides forgets the overrides that were set at run time and are over, for
// good: a clock that is set back does not bring them back. Nor does it prolong
// those that go on: as long as it was set back, they end earlier.
func (e *Engine) endOverrides(last, now time.Time, interval time.Duration) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	if now.Before(last) {
		back := last.Add(interval).Sub(now) // at most an interval more than it was
		for i := range e.orders.overrides {
			if o := &e.orders.overrides[i]; o.seen && o.ActiveAt(last) {
				o.Start, o.End = o.Start.Add(-back), o.End.Add(-back)
				moved := o.Override
				e.orders.gone.setOverride(o.Pool, &moved)
				e.logger.Warn("the clock was set back; the override ends as much earlier", "pool", o.Pool, "override", o.ID, "end", o.End)
			}
		}
	}
	e.orders.overrides = slices.DeleteFunc(e.orders.overrides, func(o toldOverride) bool {
		over := !now.Before(o.End)
		if over {
			e.orders.gone.setOverride(o.Pool, nil)
			e.logger.Info("override ended by itself", "pool", o.Pool, "override", o.ID, "author", o.Author, "reason", o.Reason)
		}
		return over
	})
	for i := range e.orders.overrides {
		e.orders.overrides[i].seen = true
	}
}

// Resume ends the pause of a pool with the next tick.
func (e *Engine) Resume(pool string) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	e.orders.resumed = append(e.orders.resumed, pool)
}

// resume ends the pauses that somebody wants to end.
func (e *Engine) resume() {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	for _, name := range e.orders.resumed {
		if p := e.pools[name]; p != nil {
			p.state = p.state.Unpaused()
		}
	}
	e.orders.resumed = nil
}

// overridesNow returns the overrides that have effect, by pool.
func (e *Engine) overridesNow(now time.Time) map[string]*policy.Override {
	byPool := map[string][]policy.Override{}
	for _, o := range e.Overrides(now) {
		byPool[o.Pool] = append(byPool[o.Pool], o)
	}
	out := map[string]*policy.Override{}
	for pool, all := range byPool {
		if active, ok := policy.ActiveOverride(all, pool, now); ok {
			out[pool] = &active
		}
	}
	return out
}

// ToldEvents returns the events that were put at run time, by start.
func (e *Engine) ToldEvents() []policy.Event {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	return slices.Clone(e.orders.events)
}

// Events returns all events that are known, by start: those of the settings and of
// expressions, and those that were put at run time.
func (e *Engine) Events() []policy.Event {
	var out []policy.Event
	if s := e.settings.Load(); s != nil {
		out = slices.Clone(s.Events)
	}
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	out = slices.Concat(out, e.orders.measured, e.orders.events)
	slices.SortStableFunc(out, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	return out
}

// PutEvent adds an event or replaces the one with its ID that was put before. It
// counts from the next tick on. Of too many, the one is forgotten that ended first.
// After an error, which is the store's, nothing has changed.
func (e *Engine) PutEvent(ev policy.Event) error {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	if slices.ContainsFunc(e.orders.events, func(old policy.Event) bool { return reflect.DeepEqual(old, ev) }) {
		return nil
	}
	c := Change{Events: map[string]*policy.Event{}}
	events := slices.DeleteFunc(slices.Clone(e.orders.events), func(old policy.Event) bool { return old.ID == ev.ID })
	if len(events) >= mostEvents {
		first := slices.MinFunc(events, func(a, b policy.Event) int { return a.End.Compare(b.End) })
		events = slices.DeleteFunc(events, func(old policy.Event) bool { return old.ID == first.ID })
		c.Events[first.ID] = nil
	}
	c.Events[ev.ID] = &ev
	events = append(events, ev)
	slices.SortStableFunc(events, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	return e.tell(events, c)
}

// EndEvent lets an event that was put at run time end at t, if it lasts longer, and
// reports whether there is such an event. After an error, which is the store's, nothing
// has changed.
func (e *Engine) EndEvent(id string, t time.Time) (bool, error) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	i := slices.IndexFunc(e.orders.events, func(ev policy.Event) bool { return ev.ID == id })
	if i < 0 {
		return false, nil
	}
	if !e.orders.events[i].End.After(t) {
		return true, nil
	}
	events := slices.Clone(e.orders.events)
	events[i].End = t
	ended := events[i]
	c := Change{Events: map[string]*policy.Event{id: &ended}}
	if !t.After(ended.Start) { // it never began
		events = slices.Delete(events, i, i+1)
		c.Events[id] = nil
	}
	return true, e.tell(events, c)
}

// tell replaces the events that were told, once the change is saved.
func (e *Engine) tell(events []policy.Event, c Change) error {
	if err := e.keep(c); err != nil {
		return fmt.Errorf("the event cannot be saved: %w", err)
	}
	for id := range c.Events {
		delete(e.orders.gone.Events, id)
	}
	e.orders.events = events
	e.orders.generation++
	return nil
}

// measure notes the events of expressions.
func (o *orders) measure(events []policy.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.measured = events
}

// told returns the events that were put at run time, without those that ended
// before the history begins, and the number of changes so far.
func (o *orders) told(oldest time.Time) ([]policy.Event, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.ContainsFunc(o.events, func(ev policy.Event) bool { return ev.End.Before(oldest) }) {
		o.events = slices.DeleteFunc(slices.Clone(o.events), func(ev policy.Event) bool {
			old := ev.End.Before(oldest)
			if old {
				o.gone.forgetEvent(ev.ID)
			}
			return old
		})
		o.generation++
	}
	return o.events, o.generation
}
