// Package footprint estimates from history what one agent of each pool takes of a
// resource of the hosts, CPU or memory, in percent of the hosts.
//
// An [Estimator] learns from one observation a tick or so, of how much is used and
// how many agents run, in bounded memory, and forgets old ones. It does not know
// which hosts a pool runs on: each group of hosts and each resource needs one of its
// own. It does not plan either; a planner takes [Upper].
//
// What else runs on the hosts may drift, but is taken not to go up and down with the
// agents. Other work that follows the hours of the day, as agents do, is counted as
// theirs or against them, and no interval tells.
//
// The package is pure: values in, values out.
package footprint

import (
	"math"
	"slices"
	"time"
)

// DefaultHalfLife is the half-life of an estimator for which none is given.
const DefaultHalfLife = 72 * time.Hour

const (
	mostPools   = 50      // that are told apart
	mostPercent = 100     // from here on hosts hide what agents would take
	mostAgents  = 1 << 20 // as many as package policy knows

	// Time constants in half-lives; for three days they are a day and an hour and
	// a half.
	drifting  = 1. / 3  // of the level
	smoothing = 1. / 48 // of the deviations that tell how slow the noise is
)

// Estimator learns footprints. Deviations from the level of late are what it learns
// from, and it keeps their weighted sums of squares and products. An observation
// weighs
//
//	w = 2^(−age/half-life)
//
// Memory and the time for an observation are O(p²) for p pools. More than 50 pools
// are not told apart: one footprint is estimated for the agents of all, in O(p).
type Estimator struct {
	halfLife time.Duration
	state    State
	row      []float64 // room for an observation: utilisation, then agents by column
	scratch  []float64
}

// New returns an estimator that has learned nothing. An observation counts half as
// much after the half-life; one that is not positive means [DefaultHalfLife].
func New(halfLife time.Duration) *Estimator {
	if halfLife <= 0 {
		halfLife = DefaultHalfLife
	}
	e := &Estimator{halfLife: halfLife}
	e.state = State{Level: []float64{0}, Last: []float64{0}}
	e.state.Plain.grow()
	e.state.Smooth.grow()
	e.resize()
	return e
}

// resize makes room for as many numbers as the state has columns.
func (e *Estimator) resize() {
	n := len(e.state.Level)
	e.row, e.scratch = make([]float64, n), make([]float64, n)
}

// Observe learns how much of the resource was used at an instant, in percent, and
// how many agents of each pool ran; both may be means over some minutes. It reports
// whether it did: an observation with a number that is NaN, infinite, negative or
// out of all bounds is ignored, as is one of 100 percent and more.
//
// A pool that was not seen before is taken to have had as many agents all the time,
// because nothing tells when they started. A pool that is left out is taken to have
// as many as before. Nothing is forgotten if at is before the last observation.
func (e *Estimator) Observe(at time.Time, percent float64, agents map[string]float64) bool {
	if !(percent >= 0 && percent < mostPercent) {
		return false
	}
	for _, n := range agents {
		if !(n >= 0 && n <= mostAgents) {
			return false
		}
	}
	e.meet(agents)
	s := &e.state
	before := e.scratch
	clear(e.row)
	clear(before)
	e.row[0] = percent
	for i := range s.Pools {
		p, column := &s.Pools[i], 1+i%len(s.Columns)
		before[column] += p.Agents
		if n, listed := agents[p.Name]; listed {
			p.Agents = n
		}
		e.row[column] += p.Agents
	}
	elapsed := 0.0
	if s.Weight > 0 {
		elapsed = max(at.Sub(s.At).Seconds(), 0) / e.halfLife.Seconds()
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		c.Changes *= math.Exp2(-elapsed)
		if e.row[1+i] != before[1+i] {
			c.Changes++
		}
	}
	s.add(e.row, elapsed, e.scratch)
	s.At = at
	return true
}

// meet adds the pools that were not seen before, in the order of their names.
func (e *Estimator) meet(agents map[string]float64) {
	s := &e.state
	met := 0
	for i := range s.Pools {
		if _, listed := agents[s.Pools[i].Name]; listed {
			met++
		}
	}
	if met == len(agents) {
		return
	}
	known := make(map[string]bool, len(s.Pools))
	for _, p := range s.Pools {
		known[p.Name] = true
	}
	var names []string
	for name := range agents {
		if !known[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		s.enter(Pool{name, agents[name]})
	}
	e.resize()
}

// Drop forgets a pool. What its agents took in the past becomes noise to the others,
// so a pool that is gone is better left out of observations until it is of the past.
// A pool that was never seen needs no care. If 50 of more pools remain, they are
// told apart from now on.
func (e *Estimator) Drop(pool string) {
	e.state.leave(pool)
	e.resize()
}
