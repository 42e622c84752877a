package engine

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// orders are what people and programs told at run time, besides the settings.
// They may be used by several goroutines at once.
type orders struct {
	mu         sync.Mutex
	overrides  []policy.Override
	events     []policy.Event
	generation int // counts changes of the events
}

// SetOverride makes an override take effect with the next tick. It replaces those of
// its pool that were set before at run time.
func (e *Engine) SetOverride(o policy.Override) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	e.orders.overrides = slices.DeleteFunc(slices.Clone(e.orders.overrides), func(old policy.Override) bool { return old.Pool == o.Pool })
	e.orders.overrides = append(e.orders.overrides, o)
}

// EndOverride ends the overrides of a pool that were set at run time and returns
// them.
func (e *Engine) EndOverride(pool string) []policy.Override {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	var ended, kept []policy.Override
	for _, o := range e.orders.overrides {
		if o.Pool == pool {
			ended = append(ended, o)
		} else {
			kept = append(kept, o)
		}
	}
	e.orders.overrides = kept
	return ended
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
	e.orders.overrides = slices.DeleteFunc(e.orders.overrides, func(o policy.Override) bool { return !now.Before(o.End) })
	out = append(out, e.orders.overrides...)
	out = slices.DeleteFunc(out, func(o policy.Override) bool { return !now.Before(o.End) })
	slices.SortFunc(out, func(a, b policy.Override) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// overridesNow returns the overrides that have effect, by pool.
func (e *Engine) overridesNow(now time.Time) map[string]*policy.Override {
	all := e.Overrides(now)
	out := map[string]*policy.Override{}
	for _, o := range all {
		if active, ok := policy.ActiveOverride(all, o.Pool, now); ok {
			out[o.Pool] = &active
		}
	}
	return out
}

// PutEvent adds an event or replaces the one with its ID that was put before. It
// counts from the next tick on.
func (e *Engine) PutEvent(ev policy.Event) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	e.orders.events = slices.DeleteFunc(slices.Clone(e.orders.events), func(old policy.Event) bool { return old.ID == ev.ID })
	e.orders.events = append(e.orders.events, ev)
	slices.SortStableFunc(e.orders.events, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	e.orders.generation++
}

// EndEvent lets an event that was put at run time end at t, if it lasts longer, and
// reports whether there is such an event.
func (e *Engine) EndEvent(id string, t time.Time) bool {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	i := slices.IndexFunc(e.orders.events, func(ev policy.Event) bool { return ev.ID == id })
	if i < 0 {
		return false
	}
	if e.orders.events[i].End.After(t) {
		e.orders.events = slices.Clone(e.orders.events)
		e.orders.events[i].End = t
		if !t.After(e.orders.events[i].Start) { // it never began
			e.orders.events = slices.Delete(e.orders.events, i, i+1)
		}
		e.orders.generation++
	}
	return true
}

// told returns the events that were put at run time, without those that ended
// before the history begins, and the number of changes so far.
func (o *orders) told(oldest time.Time) ([]policy.Event, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.ContainsFunc(o.events, func(ev policy.Event) bool { return ev.End.Before(oldest) }) {
		o.events = slices.DeleteFunc(slices.Clone(o.events), func(ev policy.Event) bool { return ev.End.Before(oldest) })
		o.generation++
	}
	return o.events, o.generation
}
