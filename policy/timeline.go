package policy

import (
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// Timeline answers when the rules of one pool are active and what they multiply
// its demand by. It prepares the events once, so that asking is cheap.
type Timeline struct {
	rules []Rule
	zone  *time.Location
	spans [][]span // per rule: when its events count, merged and sorted; nil without an event condition
}

// span is the half-open interval [start, end).
type span struct{ start, end time.Time }

// Timeline prepares the events for the pool's rules. Events that do not concern
// the pool are left out.
func (p Policy) Timeline(events []Event) Timeline {
	tl := Timeline{rules: p.Rules, zone: p.Pool.Location, spans: make([][]span, len(p.Rules))}
	for i, r := range p.Rules {
		if r.When.Event == nil {
			continue
		}
		tl.spans[i] = []span{}
		for _, e := range events {
			if r.When.Event.Matches(e) && p.Pool.Concerns(e) {
				tl.spans[i] = append(tl.spans[i], span{e.Start.Add(-r.When.Event.Lead), e.End.Add(r.When.Event.Tail)})
			}
		}
		tl.spans[i] = merged(tl.spans[i])
	}
	return tl
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

func merged(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start.Compare(b.start) })
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

// Offset is the product of all known demand multipliers at an instant.
type Offset struct {
	// Regular is the product of the rules that need no event: schedules and
	// months. History at that instant is divided by it.
	Regular float64
	// Total is the product of all rules; what is ahead is multiplied by it.
	Total float64
	// Irregular says that a demand rule with an event is active: history at
	// that instant says nothing about ordinary days.
	Irregular bool
}

// Offset returns the multipliers at t. Of rules with the same group only the
// largest counts.
func (tl Timeline) Offset(t time.Time) Offset {
	o := Offset{Regular: 1, Total: 1}
	for i, r := range tl.rules {
		if r.Demand == nil || !tl.active(i, t) {
			continue
		}
		irregular := r.When.Event != nil
		o.Irregular = o.Irregular || irregular
		if r.Demand.Group != "" && tl.outdone(i, t, false) {
			// A larger factor of the group counts instead.
		} else {
			o.Total *= tl.factor(i, t)
		}
		if !irregular && (r.Demand.Group == "" || !tl.outdone(i, t, true)) {
			o.Regular *= tl.factor(i, t)
		}
	}
	return o
}

// outdone reports whether another active rule of the group of rule i has a
// larger factor, or the same one and comes first.
func (tl Timeline) outdone(i int, t time.Time, regularOnly bool) bool {
	own := tl.factor(i, t)
	for j, r := range tl.rules {
		if j == i || r.Demand == nil || r.Demand.Group != tl.rules[i].Demand.Group || !tl.active(j, t) {
			continue
		}
		if regularOnly && r.When.Event != nil {
			continue
		}
		if f := tl.factor(j, t); f > own || f == own && j < i {
			return true
		}
	}
	return false
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
	c := tl.rules[i].When
	return tl.scheduled(c, t) && (c.Event == nil || spanAt(tl.spans[i], t) != nil)
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

// factor returns what active rule i multiplies the demand by at t.
func (tl Timeline) factor(i int, t time.Time) float64 {
	d := tl.rules[i].Demand
	m := d.Multiply
	if d.ByMonth != nil {
		var named bool
		if m, named = d.ByMonth[t.In(tl.zone).Month()]; !named {
			m = 1
		}
	}
	if d.Ramp <= 0 {
		return m
	}
	edge := tl.distanceToEdge(i, t, d.Ramp)
	return 1 + (m-1)*min(1, float64(edge)/float64(d.Ramp))
}

// distanceToEdge returns how far t is from the nearer end of the time in which
// rule i is active, at most limit. Schedules have a grain of a minute.
func (tl Timeline) distanceToEdge(i int, t time.Time, limit time.Duration) time.Duration {
	d := limit
	c := tl.rules[i].When
	if s := spanAt(tl.spans[i], t); s != nil {
		d = min(d, t.Sub(s.start), s.end.Sub(t))
	}
	if len(c.During) == 0 && len(c.Months) == 0 {
		return d
	}
	minute := t.Truncate(time.Minute)
	for k := time.Duration(0); minute.Add(-k).After(t.Add(-d)); k += time.Minute {
		if !tl.scheduled(c, minute.Add(-k-time.Minute)) {
			d = min(d, t.Sub(minute.Add(-k)))
			break
		}
	}
	for k := time.Minute; minute.Add(k).Before(t.Add(d)); k += time.Minute {
		if !tl.scheduled(c, minute.Add(k)) {
			d = min(d, minute.Add(k).Sub(t))
			break
		}
	}
	return d
}
