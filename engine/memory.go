package engine

import (
	"reflect"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// Memory is what outlives the process: what was told at run time, and what pools remember.
type Memory struct {
	Time      time.Time // of the last tick; zero: there was none
	Overrides []policy.Override
	Events    []policy.Event
	Pools     map[string]PoolMemory
	Emergency policy.EmergencyState
}

// PoolMemory is what a pool remembers. Its forecasts are made anew of its history.
type PoolMemory struct {
	State    policy.State
	Spending map[string]budget.State // by budget
	Recent   []policy.Decision       // the last that were journaled, without candidates
}

// Decided is a decision and what became of it.
type Decided struct {
	policy.Decision
	Outcome policy.Outcome
}

// Change is what is different in a [Memory]. What is nil is as it was.
type Change struct {
	Time      time.Time                   // of the tick that made it; zero: none did
	Overrides map[string]*policy.Override // by pool; nil: it has none any more
	Events    map[string]*policy.Event    // by ID; nil: it is forgotten
	Pools     map[string]PoolMemory       // of which Recent is not used
	Emergency policy.EmergencyState
	Decided   []Decided // for the journal
}

// A Store keeps a memory. A change that Save returns no error for survives a crash, whole;
// after an error nothing of it is kept. It is called by one goroutine at a time.
type Store interface {
	Save(Change) error
}

// forgetful is a store that keeps nothing.
type forgetful struct{}

func (forgetful) Save(Change) error { return nil }

// setOverride notes what override a pool has now; nil: none.
func (c *Change) setOverride(pool string, o *policy.Override) {
	if c.Overrides == nil {
		c.Overrides = map[string]*policy.Override{}
	}
	c.Overrides[pool] = o
}

func (c *Change) forgetEvent(id string) {
	if c.Events == nil {
		c.Events = map[string]*policy.Event{}
	}
	c.Events[id] = nil
}

// savedAtLeast is how old what is saved of a pool may be in what changes with every tick:
// samples and recommendations.
const savedAtLeast = 5 * time.Minute

// save saves what the tick changed. What could not be saved is saved with the next tick.
func (e *Engine) save(s *Settings, now time.Time) {
	e.orders.mu.Lock()
	defer e.orders.mu.Unlock()
	c := e.orders.gone
	c.Time, c.Emergency, c.Decided = now, e.emergency, e.decided
	c.Pools = map[string]PoolMemory{}
	for _, spec := range s.Pools {
		p := e.pools[spec.Pool.Name]
		if m := p.memory(); e.closing || now.Sub(p.savedAt) >= savedAtLeast || now.Before(p.savedAt) || !reflect.DeepEqual(m.lasting(), p.saved.lasting()) {
			c.Pools[spec.Pool.Name] = m
		}
	}
	if err := e.keep(c); err != nil {
		e.metrics.saveFailures.Inc()
		if e.saveErr == nil {
			e.logger.Error("state not saved; going on, and trying again with each tick", "err", err)
		}
		e.saveErr = err
		e.decided = e.decided[max(0, len(e.decided)-mostUnsaved):]
		return
	}
	if e.saveErr != nil {
		e.logger.Info("state saved again")
	}
	e.saveErr, e.decided, e.orders.gone = nil, nil, Change{}
	for name, m := range c.Pools {
		e.pools[name].saved, e.pools[name].savedAt = m, now
	}
}

// mostUnsaved is how many decisions wait to be saved.
const mostUnsaved = 10_000

func (p *pool) memory() PoolMemory { return PoolMemory{State: p.state, Spending: p.spending} }

// lasting returns what is to be saved at once when it changes.
func (m PoolMemory) lasting() PoolMemory {
	st := m.State
	st.Since, st.LoadKnown, st.Samples, st.Recommendations, st.Current = time.Time{}, time.Time{}, nil, nil, policy.Count{}
	out := PoolMemory{State: st, Spending: make(map[string]budget.State, len(m.Spending))}
	for name, spent := range m.Spending {
		spent.Rolling.Known = time.Time{}
		out.Spending[name] = spent
	}
	return out
}

// setAside remembers the pools that are not among those to come: a pool that is taken out of
// the rules and put back has spent what it has spent.
func (e *Engine) setAside(next map[string]*pool) {
	for name, p := range e.pools {
		if next[name] == nil {
			m := p.memory()
			m.Recent = p.recent
			e.remembered[name] = m
		}
	}
}

// remember gives a pool what was remembered of it. Its watch begins anew: what was asked
// for while nobody watched is not known.
func (e *Engine) remember(p *pool, name string, now time.Time) {
	m, known := e.remembered[name]
	if !known {
		return
	}
	delete(e.remembered, name)
	p.state, p.spending, p.recent = m.State.Resumed(now), m.Spending, m.Recent
	p.saved, p.savedAt = m, now
}
