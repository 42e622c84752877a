package policy

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// Timeline answers when the rules of one pool are active and what they make of
// its demand. It prepares the events once, so that asking is cheap.
type Timeline struct {
	rules []Rule
	zone  *time.Location
	when  []spans // per rule: when its events count
	not   []spans // the same of what it must be without
}

// spans are intervals of events. The zero spans stand for no condition.
type spans struct {
	merged []span // sorted and apart
	each   []span // sorted by start, for effects that decay from each start
}

// span is the half-open interval [start, end).
type span struct{ start, end time.Time }

// Timeline prepares the events for the pool's rules. Events that do not concern
// the pool are left out.
func (p Policy) Timeline(events []Event) Timeline {
	tl := Timeline{rules: p.Rules, zone: p.Pool.Location, when: make([]spans, len(p.Rules)), not: make([]spans, len(p.Rules))}
	events = slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return !p.Pool.Concerns(e) })
	for i, r := range p.Rules {
		tl.when[i] = r.When.Event.spans(events)
		if r.Unless != nil {
			tl.not[i] = r.Unless.Event.spans(events)
		}
	}
	return tl
}

// spans returns when the events that match count.
func (m *EventMatch) spans(events []Event) spans {
	if m == nil {
		return spans{}
	}
	s := spans{each: []span{}}
	for _, e := range events {
		if m.Matches(e) {
			s.each = append(s.each, span{e.Start.Add(-m.Lead), e.End.Add(m.Tail)})
		}
	}
	slices.SortFunc(s.each, func(a, b span) int { return a.start.Compare(b.start) })
	s.merged = merged(slices.Clone(s.each))
	return s
}

// IsZero reports whether the timeline was never prepared.
func (tl Timeline) IsZero() bool { return tl.zone == nil }

// Concerns reports whether an event is about the pool: every label that the two
// share has the same value, and an event's label "pool" is the pool's name.
func (p Pool) Concerns(e Event) bool {
	for name, value := range e.Labels {
		if name == "pool" && value != p.Name {
			return false
		}
		if own, ok := p.Labels[name]; ok && own != value {
			return false
		}
	}
	return true
}

// Matches reports whether the event has the type and all the labels asked for.
func (m EventMatch) Matches(e Event) bool {
	if e.Type != m.Type {
		return false
	}
	for name, value := range m.Labels {
		if e.Labels[name] != value {
			return false
		}
	}
	return true
}

// merged joins sorted spans that touch or overlap, in their place.
func merged(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && !s.start.After(out[n-1].end) {
			if s.end.After(out[n-1].end) {
				out[n-1].end = s.end
			}
			continue
		}
		out = append(out, s)
	}
	return out
}

// Offset is what all known demand effects make of a demand at an instant: they
// multiply it and then add to it.
type Offset struct {
	// Regular and RegularAdd are those of the rules that need no event: schedules
	// and months. They are taken out of the history at that instant.
	Regular, RegularAdd float64
	// Total and TotalAdd are those of all rules; they are applied to what is ahead.
	Total, TotalAdd float64
	// Irregular says that a demand rule with an event is active: history at
	// that instant says nothing about ordinary days.
	Irregular bool
}

// Offset returns the effects at t. Of rules with the same group only the largest
// counts. Rules whose effect is learned have none here.
func (tl Timeline) Offset(t time.Time) Offset {
	o := Offset{Regular: 1, Total: 1}
	for i, r := range tl.rules {
		if r.Demand == nil || r.Demand.Learned || !tl.active(i, t) {
			continue
		}
		irregular := r.When.Event != nil
		o.Irregular = o.Irregular || irregular
		e := tl.effect(i, t)
		if r.Demand.Group == "" || !tl.outdone(i, t, e, false) {
			o.Total *= e.factor
			o.TotalAdd += e.add
		}
		if !irregular && (r.Demand.Group == "" || !tl.outdone(i, t, e, true)) {
			o.Regular *= e.factor
			o.RegularAdd += e.add
		}
	}
	return o
}

// outdone reports whether another active rule of the group of rule i has a
// larger effect, or the same one and comes first.
func (tl Timeline) outdone(i int, t time.Time, own effect, regularOnly bool) bool {
	for j, r := range tl.rules {
		if j == i || r.Demand == nil || r.Demand.Learned || r.Demand.Group != tl.rules[i].Demand.Group || !tl.active(j, t) {
			continue
		}
		if regularOnly && r.When.Event != nil {
			continue
		}
		if e := tl.effect(j, t); e.exceeds(own) || e == own && j < i {
			return true
		}
	}
	return false
}

// Season returns the product of the monthly factors at t.
func (tl Timeline) Season(t time.Time) float64 {
	season := 1.0
	for i, r := range tl.rules {
		if r.Demand != nil && r.Demand.ByMonth != nil && tl.active(i, t) {
			season *= r.Demand.month(t.In(tl.zone))
		}
	}
	return season
}

// Active returns the names of the rules whose condition holds at t, in the
// order of the rules.
func (tl Timeline) Active(t time.Time) []string {
	var names []string
	for i, r := range tl.rules {
		if tl.active(i, t) {
			names = append(names, r.Name)
		}
	}
	return names
}

func (tl Timeline) active(i int, t time.Time) bool {
	r := tl.rules[i]
	return tl.holds(r.When, tl.when[i], t) && (r.Unless == nil || !tl.holds(*r.Unless, tl.not[i], t))
}

func (tl Timeline) holds(c Condition, s spans, t time.Time) bool {
	return (c.Event == nil || spanAt(s.merged, t) != nil) && tl.scheduled(c, t)
}

func (tl Timeline) scheduled(c Condition, t time.Time) bool {
	if len(c.Months) > 0 {
		month := int(t.In(tl.zone).Month())
		if !slices.ContainsFunc(c.Months, func(m timeinterval.MonthRange) bool { return m.Begin <= month && month <= m.End }) {
			return false
		}
	}
	return len(c.During) == 0 || slices.ContainsFunc(c.During, func(s Schedule) bool { return s.Contains(t, tl.zone) })
}

func spanAt(spans []span, t time.Time) *span {
	// The first span that ends after t is the only one that can hold t.
	i, _ := slices.BinarySearchFunc(spans, t, func(s span, t time.Time) int {
		if s.end.After(t) {
			return 1
		}
		return -1
	})
	if i < len(spans) && !spans[i].start.After(t) {
		return &spans[i]
	}
	return nil
}

// Contains reports whether one of the intervals holds at t; those without a
// location of their own follow zone.
func (s Schedule) Contains(t time.Time, zone *time.Location) bool {
	for _, ti := range s.Intervals {
		loc := zone
		if ti.Location != nil {
			loc = ti.Location.Location
		}
		// timeinterval measures a month in hours, which makes it a day short in
		// the month of the spring change; a civil time in UTC has no such change.
		ti.Location = nil
		if ti.ContainsTime(civil(t, loc)) {
			return true
		}
	}
	return false
}

// civil returns the instant at which a clock in UTC shows what a clock in loc
// shows at t.
func civil(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// effect is what a rule makes of the demand at an instant.
type effect struct {
	factor float64
	add    float64 // agents
}

// exceeds compares by the factor, of equal ones by what is added.
func (e effect) exceeds(other effect) bool {
	return e.factor > other.factor || e.factor == other.factor && e.add > other.add
}

// effect returns what active rule i makes of the demand at t.
func (tl Timeline) effect(i int, t time.Time) effect {
	d := tl.rules[i].Demand
	local := t.In(tl.zone)
	factor := d.Multiply * d.month(local)
	if d.ByHour != nil {
		factor *= d.ByHour[local.Hour()]
	}
	share := tl.ramped(i, t) * tl.decayed(i, t)
	return effect{1 + (factor-1)*share, d.Add * share}
}

func (d *DemandEffect) month(local time.Time) float64 {
	if factor, named := d.ByMonth[local.Month()]; named {
		return factor
	}
	return 1
}

// decayed returns the share of its effect that active rule i has kept since the
// latest of the events' starts, 1 without a half-life.
func (tl Timeline) decayed(i int, t time.Time) float64 {
	halfLife := tl.rules[i].Demand.HalfLife
	each := tl.when[i].each
	if halfLife <= 0 || len(each) == 0 {
		return 1
	}
	started := sort.Search(len(each), func(k int) bool { return each[k].start.After(t) })
	for k := started - 1; k >= 0; k-- {
		if each[k].end.After(t) {
			return math.Exp2(-float64(t.Sub(each[k].start)) / float64(halfLife))
		}
	}
	return 1
}

// ramped returns the share of its effect that active rule i has at t.
func (tl Timeline) ramped(i int, t time.Time) float64 {
	d := tl.rules[i].Demand
	share := 1.0
	if d.RampUp > 0 {
		share = min(share, float64(tl.since(i, t, d.RampUp))/float64(d.RampUp))
	}
	if d.RampDown > 0 {
		share = min(share, float64(tl.until(i, t, d.RampDown))/float64(d.RampDown))
	}
	return share
}

// grain is that of schedules.
const grain = time.Minute

// since returns for how long rule i has been active at t, at most limit.
func (tl Timeline) since(i int, t time.Time, limit time.Duration) time.Duration {
	r := tl.rules[i]
	if s := spanAt(tl.when[i].merged, t); s != nil {
		limit = min(limit, t.Sub(s.start))
	}
	if !r.followsClock() {
		return limit
	}
	for minute := t.Truncate(grain); t.Sub(minute) < limit; minute = minute.Add(-grain) {
		if !tl.active(i, minute.Add(-grain)) {
			return min(limit, t.Sub(minute))
		}
	}
	return limit
}

// until returns for how long rule i stays active from t on, at most limit.
func (tl Timeline) until(i int, t time.Time, limit time.Duration) time.Duration {
	r := tl.rules[i]
	if s := spanAt(tl.when[i].merged, t); s != nil {
		limit = min(limit, s.end.Sub(t))
	}
	if !r.followsClock() {
		return limit
	}
	for minute := t.Truncate(grain).Add(grain); minute.Sub(t) < limit; minute = minute.Add(grain) {
		if !tl.active(i, minute) {
			return min(limit, minute.Sub(t))
		}
	}
	return limit
}

// followsClock reports whether something besides the rule's own events begins and
// ends it.
func (r Rule) followsClock() bool {
	return len(r.When.During) > 0 || len(r.When.Months) > 0 || r.Unless != nil
}
