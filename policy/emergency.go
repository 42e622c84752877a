package policy

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// EmergencyLimits say when hosts are so full that pools are cut at once.
type EmergencyLimits struct {
	// Percent is, by resource, above which a host is in danger; a resource that is not
	// there never is.
	Percent map[string]float64
	Samples int           // fresh samples in a row above it that are believed; ≥ 1
	Reduce  float64       // share of its agents that every pool loses, in (0, 1]
	Settle  time.Duration // least time between two cuts
	Resume  time.Duration // how long all hosts must be below their limits before pools grow again
}

// EmergencyState is what emergencies remember from one tick to the next, by the
// name of the group of hosts. The zero state knows of none.
type EmergencyState map[string]GroupEmergency

// GroupEmergency is the emergency of one group of hosts.
type GroupEmergency struct {
	Active  bool
	Cut     time.Time       // when pools were cut last
	Calm    time.Time       // since when all readings are below their limits; zero while one is not
	Failed  map[string]bool // pools for which that was not carried out
	Over    map[string]int  // by resource: fresh samples in a row in danger
	Sampled map[string]time.Time
}

// Emergency lowers decisions while hosts are in danger: each pool on them loses
// the share of its agents, at least one, and keeps at least one. It comes after
// everything else and bypasses all of it. Another cut needs the settle time and new
// samples; a pool for which the last one was not carried out needs one new sample.
// Pools do not grow again before the hosts have been below their limits for the resume
// time. Readings that are not fresh neither start nor end anything;
// a group of which there is no reading at all is forgotten.
//
// The claims are those of the decisions, in their order. An emergency never raises.
func (e EmergencyLimits) Emergency(claims []Claim, ds []Decision, hosts []HostReading, now time.Time, st EmergencyState) ([]Decision, EmergencyState) {
	a := alarm{EmergencyLimits: e, claims: claims, ds: slices.Clone(ds), hosts: hosts, now: now, before: EmergencyState{}}
	next := EmergencyState{}
	for _, h := range hosts {
		g, counted := next[h.Hosts]
		if !counted {
			g = st[h.Hosts].asOf(now)
			a.before[h.Hosts] = g
		}
		g.count(h, e.Percent[h.Resource])
		next[h.Hosts] = g
	}
	groups := slices.Sorted(maps.Keys(next))
	for _, name := range groups {
		g := next[name]
		why, cuts := "", a.fresh
		if !a.settling(g) {
			why = a.danger(name, g, e.Samples)
		} else if len(g.Failed) > 0 {
			why, cuts = a.danger(name, g, 1), func(p Pool) bool { return g.Failed[p.Name] }
		}
		if why != "" {
			a.cut(name, why, cuts)
			next[name] = GroupEmergency{Active: true, Cut: now, Over: map[string]int{}, Sampled: g.Sampled}
		}
	}
	for _, name := range groups {
		g := next[name]
		if g.Active && !g.Cut.Equal(now) {
			g.settle(name, hosts, now)
			g.Active = g.Calm.IsZero() || now.Sub(g.Calm) < e.Resume
			next[name] = g
		}
		if g.Active {
			a.keep(name)
		}
	}
	return a.ds, next
}

// NotCarriedOut returns the state after the cut of a pool failed.
func (st EmergencyState) NotCarriedOut(p Pool) EmergencyState {
	st = maps.Clone(st)
	for _, name := range []string{"", p.Hosts} {
		if g, known := st[name]; known && g.Active {
			g.Failed = maps.Clone(g.Failed)
			if g.Failed == nil {
				g.Failed = map[string]bool{}
			}
			g.Failed[p.Name] = true
			st[name] = g
		}
	}
	return st
}

// asOf returns a copy in which nothing is ahead of now, as it is after the clock was
// set back.
func (g GroupEmergency) asOf(now time.Time) GroupEmergency {
	for _, at := range []*time.Time{&g.Cut, &g.Calm} {
		if at.After(now) {
			*at = now
		}
	}
	over, sampled := map[string]int{}, map[string]time.Time{}
	maps.Copy(over, g.Over)
	for resource, at := range g.Sampled {
		if !at.After(now) {
			sampled[resource] = at
		}
	}
	g.Over, g.Sampled = over, sampled
	return g
}

// count counts a sample that is fresh and new.
func (g *GroupEmergency) count(h HostReading, danger float64) {
	if h.Percent.Quality != OK || !h.Percent.Time.After(g.Sampled[h.Resource]) {
		return
	}
	g.Sampled[h.Resource] = h.Percent.Time
	if danger > 0 && h.Percent.Value > danger && h.Percent.Time.After(g.Cut) {
		g.Over[h.Resource]++
	} else {
		g.Over[h.Resource] = 0
	}
}

// settle notes since when all readings of the group are fresh and below their limits.
func (g *GroupEmergency) settle(name string, hosts []HostReading, now time.Time) {
	for _, h := range hosts {
		if h.Hosts == name && (h.Percent.Quality != OK || h.Percent.Value >= h.Limit) {
			g.Calm = time.Time{}
			return
		}
	}
	if g.Calm.IsZero() {
		g.Calm = now
	}
}

// alarm is what one turn of the loop knows.
type alarm struct {
	EmergencyLimits
	claims []Claim
	ds     []Decision
	hosts  []HostReading
	now    time.Time
	before EmergencyState // before this turn
}

// danger says why pools on the hosts are to be cut, if that many samples are enough;
// empty if they are not.
func (a alarm) danger(name string, g GroupEmergency, enough int) string {
	if a.Samples <= 0 {
		return ""
	}
	for _, h := range a.hosts {
		if n := g.Over[h.Resource]; h.Hosts == name && h.Percent.Quality == OK && n >= enough {
			return fmt.Sprintf("emergency: host %s is at %s %%, above %s %% in %d samples", h.Name(), number(h.Percent.Value), number(a.Percent[h.Resource]), n)
		}
	}
	return ""
}

// settling reports whether the group was cut a short time ago; the zero time is long
// ago.
func (a alarm) settling(g GroupEmergency) bool { return a.now.Sub(g.Cut) < a.Settle }

// fresh reports whether the pool was not cut with any group a short time ago.
func (a alarm) fresh(p Pool) bool {
	return !a.settling(a.before[""]) && !a.settling(a.before[p.Hosts])
}

// cut lowers the pools on the hosts that it is for.
func (a alarm) cut(name, why string, cuts func(Pool) bool) {
	for i, c := range a.claims {
		d := &a.ds[i]
		if d.Emergency || !d.Known || d.Current <= 1 || !(HostReading{Hosts: name}).concerns(c.Pool) || !cuts(c.Pool) {
			continue
		}
		lost := max(wholeAgents(a.Reduce*float64(d.Current)), 1)
		left := min(max(d.Current-lost, 1), d.Desired)
		d.Reasons = append(slices.Clip(d.Reasons), Reason{Code: ReasonEmergency, From: d.Desired, To: left, Detail: why})
		d.Desired, d.Emergency = left, true
	}
}

// keep lets no pool on the hosts grow.
func (a alarm) keep(name string) {
	for i, c := range a.claims {
		if d := a.ds[i]; d.Direction() == Up && (HostReading{Hosts: name}).concerns(c.Pool) {
			a.ds[i] = d.Then(ReasonEmergencyHold, d.Current, fmt.Sprintf("no scale-up before the hosts have been below their limits for %s after an emergency", length(a.Resume)))
		}
	}
}
