package policy

import (
	"fmt"
	"math"
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
	Cut     time.Time      // when pools were cut last
	Calm    time.Time      // since when all readings are below their limits; zero while one is not
	Over    map[string]int // by resource: fresh samples in a row in danger
	Sampled map[string]time.Time
}

// Emergency lowers decisions while hosts are in danger: each pool on them loses
// the share of its agents, at least one, and keeps at least one. It comes after
// everything else and bypasses all of it. Another cut needs the settle time and new
// samples. Pools do not grow again before the hosts have been below their limits
// for the resume time. Readings that are not fresh neither start nor end anything.
//
// The claims are those of the decisions, in their order. An emergency never raises.
func (e EmergencyLimits) Emergency(claims []Claim, ds []Decision, hosts []HostReading, now time.Time, st EmergencyState) ([]Decision, EmergencyState) {
	next := EmergencyState{}
	for _, h := range hosts {
		g, begun := next[h.Hosts]
		if !begun {
			g = st[h.Hosts].copied()
		}
		g.count(h, e.Percent[h.Resource])
		next[h.Hosts] = g
	}
	for name, g := range next {
		why := ""
		for _, h := range hosts {
			if h.Hosts == name && why == "" && g.Over[h.Resource] >= e.Samples && e.Samples > 0 && (g.Cut.IsZero() || now.Sub(g.Cut) >= e.Settle) {
				why = fmt.Sprintf("emergency: host %s is at %s %%, above %s %% in %d samples", h.Name(), number(h.Percent.Value), number(e.Percent[h.Resource]), g.Over[h.Resource])
			}
		}
		if why != "" {
			e.cut(claims, ds, name, why)
			g.Active, g.Cut, g.Calm, g.Over = true, now, time.Time{}, map[string]int{}
		} else if g.Active {
			g.settle(name, hosts, now)
			if !g.Calm.IsZero() && now.Sub(g.Calm) >= e.Resume {
				g.Active = false
			} else {
				e.keep(claims, ds, name)
			}
		}
		next[name] = g
	}
	return ds, next
}

func (g GroupEmergency) copied() GroupEmergency {
	over, sampled := map[string]int{}, map[string]time.Time{}
	for resource, n := range g.Over {
		over[resource] = n
	}
	for resource, at := range g.Sampled {
		sampled[resource] = at
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

// cut lowers every pool on the hosts.
func (e EmergencyLimits) cut(claims []Claim, ds []Decision, name, why string) {
	for i, c := range claims {
		if n := ds[i].Current; n > 1 && (HostReading{Hosts: name}).concerns(c.Pool) && c.Decision.Known {
			left := max(n-max(1, int(math.Ceil(e.Reduce*float64(n)-1e-9))), 1)
			if left < ds[i].Desired {
				ds[i] = ds[i].Then(ReasonEmergency, left, why)
				ds[i].Emergency = true
			}
		}
	}
}

// keep lets no pool on the hosts grow.
func (e EmergencyLimits) keep(claims []Claim, ds []Decision, name string) {
	for i, c := range claims {
		if ds[i].Direction() == Up && (HostReading{Hosts: name}).concerns(c.Pool) {
			ds[i] = ds[i].Then(ReasonEmergencyHold, ds[i].Current, fmt.Sprintf("no scale-up before the hosts have been below their limits for %s after an emergency", length(e.Resume)))
		}
	}
}
