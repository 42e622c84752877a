package rulefile

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// side is the minimum or the maximum of a rule's bounds.
type side struct {
	key, other string
	tighter    string // what a rule does that stands above another one
	of         func(policy.BoundsEffect) *policy.Bound
	agents     func(b policy.Bound, poolMax int) int
	exceeds    func(a, b int) bool // a narrows more than b
	pool       func(policy.Agents) (same, other int)
}

var (
	floor = side{
		key: "min", other: "max", tighter: "wants at least as many agents", agents: leastAgents,
		of:      func(b policy.BoundsEffect) *policy.Bound { return b.Min },
		exceeds: func(a, b int) bool { return a > b },
		pool:    func(a policy.Agents) (int, int) { return a.Min, a.Max },
	}
	ceiling = side{
		key: "max", other: "min", tighter: "allows no more agents", agents: mostAgents,
		of:      func(b policy.BoundsEffect) *policy.Bound { return b.Max },
		exceeds: func(a, b int) bool { return a < b },
		pool:    func(a policy.Agents) (int, int) { return a.Max, a.Min },
	}
	sides = []side{floor, ceiling}
)

// leastAgents and mostAgents count as package policy does.
func leastAgents(b policy.Bound, poolMax int) int {
	if b.Percent > 0 {
		return int(math.Ceil(b.Percent/100*float64(poolMax) - 1e-9))
	}
	return b.Agents
}

func mostAgents(b policy.Bound, poolMax int) int {
	if b.Percent > 0 {
		return int(math.Floor(b.Percent/100*float64(poolMax) + 1e-9))
	}
	return b.Agents
}

// bound returns the rule's bound on a side of a pool.
func (s *subject) bound(d side, p *policy.Pool) (agents int, ok bool) {
	if s.Bounds == nil || d.of(*s.Bounds) == nil {
		return 0, false
	}
	return d.agents(*d.of(*s.Bounds), p.Agents.Max), true
}

// bounds warns of those that the bounds of the pools stand above.
func (v *reviewer) bounds(s *subject) {
	for _, d := range sides {
		idle, beyond := true, true
		for _, p := range s.pools {
			n, ok := s.bound(d, p)
			same, other := d.pool(p.Agents)
			idle = idle && ok && !d.exceeds(n, same)
			beyond = beyond && ok && d.exceeds(n, other)
		}
		p := s.pools[0]
		n, _ := s.bound(d, p)
		same, other := d.pool(p.Agents)
		s.idle[d.key] = idle || beyond
		switch {
		case idle:
			v.warn(s.written.Bounds.At(d.key), "%s: %s %d changes nothing, since pool %q has %s %d; remove it", s.what, d.key, n, p.Name, d.key, same)
		case beyond:
			v.warn(s.written.Bounds.At(d.key), "%s: %s %d cannot be reached, since pool %q has %s %d, which stands above it; change one of them", s.what, d.key, n, p.Name, d.other, other)
		}
	}
}

// shadows warns of rules that another one always outdoes.
func (v *reviewer) shadows() {
	groups := map[string][]*subject{}
	var holds, bounded []*subject
	for _, s := range v.subjects {
		switch {
		case s.dead:
		case s.Demand != nil && s.Demand.Group != "":
			groups[s.Demand.Group] = append(groups[s.Demand.Group], s)
		case s.Hold != policy.HoldNone:
			holds = append(holds, s)
		case s.Bounds != nil:
			bounded = append(bounded, s)
		}
	}
	for name, group := range groups {
		v.outdone(group, func(s, by *subject) bool {
			return dominates(by.Demand, s.Demand) && (by.Demand.HalfLife == 0 || startsNoSooner(by, s))
		}, func(s, by *subject) (strictyaml.Pos, string) {
			return s.written.At("demand"), fmt.Sprintf("never counts: in group %s %s is at least as large whenever it holds", name, by.what)
		})
	}
	v.outdone(holds, func(s, by *subject) bool { return by.Hold == s.Hold || by.Hold == policy.HoldBoth }, func(s, by *subject) (strictyaml.Pos, string) {
		return s.written.At("hold"), fmt.Sprintf("never counts: %s holds the pool whenever it does", by.what)
	})
	for _, d := range sides {
		v.outdone(bounded, func(s, by *subject) bool {
			return !s.idle[d.key] && !by.idle[d.key] && everyPool(s, func(p *policy.Pool) bool {
				n, ok := s.bound(d, p)
				m, ok2 := by.bound(d, p)
				return ok && ok2 && !d.exceeds(n, m)
			})
		}, func(s, by *subject) (strictyaml.Pos, string) {
			return s.written.Bounds.At(d.key), fmt.Sprintf("its %s never counts: %s %s whenever it holds", d.key, by.what, d.tighter)
		})
	}
	for _, s := range bounded {
		v.cut(s, bounded)
	}
}

// startsNoSooner reports whether the effect of by, while both rules hold, decays from no
// sooner than that of s: from the last start of more events, or the same.
func startsNoSooner(by, s *subject) bool {
	return !slices.ContainsFunc(s.When.Events, func(m policy.EventMatch) bool {
		return !slices.ContainsFunc(by.When.Events, func(o policy.EventMatch) bool { return covers(o, m) })
	})
}

func everyPool(s *subject, holds func(*policy.Pool) bool) bool {
	return !slices.ContainsFunc(s.pools, func(p *policy.Pool) bool { return !holds(p) })
}

// outdone warns of the subjects that another one stands above: it is stronger and
// holds whenever they do, for all their pools. Of two alike the later one is told.
func (v *reviewer) outdone(subjects []*subject, stronger func(s, by *subject) bool, tell func(s, by *subject) (strictyaml.Pos, string)) {
	for i, s := range subjects {
		for j, by := range subjects {
			if i == j || !stronger(s, by) || !v.follows(by, s) {
				continue
			}
			if i < j && stronger(by, s) && v.follows(s, by) {
				continue // they are alike
			}
			at, why := tell(s, by)
			v.warn(at, "%s: %s; remove it or change one of them", s.what, why)
			break
		}
	}
}

// cut warns of a minimum that is above a maximum whenever it holds.
func (v *reviewer) cut(s *subject, bounded []*subject) {
	for _, by := range bounded {
		above := !s.idle["min"] && everyPool(s, func(p *policy.Pool) bool {
			n, ok := s.bound(floor, p)
			m, ok2 := by.bound(ceiling, p)
			return ok && ok2 && n > m
		})
		if above && v.follows(by, s) {
			v.warn(s.written.Bounds.At("min"), "%s: its min is never reached: the max of %s is below it whenever it holds, and wins; change one of them", s.what, by.what)
			return
		}
	}
}

// follows reports whether s holds for all pools of the other one whenever that does,
// within a year.
func (v *reviewer) follows(s, other *subject) bool {
	if s == other {
		return true
	}
	if !everyPool(other, func(p *policy.Pool) bool { return s.names[p.Name] }) {
		return false
	}
	return !slices.ContainsFunc(other.zones, func(zone *time.Location) bool { return !v.followsIn(s, other, zone) })
}

func (v *reviewer) followsIn(s, other *subject, zone *time.Location) bool {
	if !followEvents(s.When.Events, other.When.Events) {
		return false
	}
	times := v.times(other, zone)
	if !times.within(v.times(s, zone)) {
		return false
	}
	if s.Unless == nil || len(s.Unless.Events) == 0 { // the times say it
		return true
	}
	return other.Unless != nil && v.implies(*s.Unless, *other.Unless, zone) ||
		len(times.and(v.year.condition(*s.Unless, zone))) == 0
}

// times returns when the clock lets a rule hold.
func (v *reviewer) times(s *subject, zone *time.Location) spans {
	out, ok := s.times[zone.String()]
	if !ok {
		out = v.year.condition(s.When, zone)
		if s.Unless != nil && len(s.Unless.Events) == 0 {
			out = out.without(v.year.condition(*s.Unless, zone))
		}
		s.times[zone.String()] = out
	}
	return out
}

// dominates reports whether b is never less than a, at the same month and hour, if it
// began no later, ends no sooner and decays from no sooner.
func dominates(b, a *policy.DemandEffect) bool {
	grows, lowers := a.Add > 0, false
	for month := time.January; month <= time.December; month++ {
		for hour := range 24 {
			fa, fb := factor(a, month, hour), factor(b, month, hour)
			if fb < fa || b.Add < a.Add {
				return false
			}
			grows, lowers = grows || fa > 1, lowers || fb < 1
			if a.ByHour == nil && b.ByHour == nil {
				break // all hours are alike
			}
		}
		if a.ByMonth == nil && b.ByMonth == nil {
			break
		}
	}
	switch steady := func(d *policy.DemandEffect) bool { return d.RampUp == 0 && d.RampDown == 0 && d.HalfLife == 0 }; {
	case steady(a) && steady(b):
		return true
	case lowers: // by less while it is ramped, so that less may be more
		return false
	case !grows:
		return true
	}
	return b.RampUp <= a.RampUp && b.RampDown <= a.RampDown && (b.HalfLife == 0 || a.HalfLife > 0 && b.HalfLife >= a.HalfLife)
}

func factor(d *policy.DemandEffect, month time.Month, hour int) float64 {
	f := d.Multiply
	if m, ok := d.ByMonth[month]; ok {
		f *= m
	}
	if d.ByHour != nil {
		f *= d.ByHour[hour]
	}
	return f
}
