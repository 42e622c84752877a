package policy

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// Timeline answers when the rules of one pool are active and what they make of
// its demand. It prepares rules and events once, so that asking is cheap.
type Timeline struct {
	rules  []Rule
	zone   *time.Location
	when   []spans   // per rule: when its events count
	not    []spans   // the same of what it must be without
	clocks [][]clock // per rule: what else begins and ends it
	groups []string  // of demand rules, each once; the first is of those without
	group  []int     // per rule: its place in groups
}

// spans are when all events of a condition go on. The zero spans stand for no
// condition.
type spans struct {
	merged []span    // sorted and apart
	of     []matched // the events of each match, for effects that decay from each start
}

// matched are the intervals of the events that match, with lead and tail.
type matched struct {
	each []span // sorted by start
	lead time.Duration
}

// span is the half-open interval [start, end).
type span struct{ start, end time.Time }

// Timeline prepares the events for the pool's rules. Events that do not concern
// the pool are left out.
func (p Policy) Timeline(events []Event) Timeline {
	n := len(p.Rules)
	tl := Timeline{
		rules: p.Rules, zone: p.Pool.Location, when: make([]spans, n), not: make([]spans, n),
		clocks: make([][]clock, n), groups: []string{""}, group: make([]int, n),
	}
	byType := map[string][]Event{}
	for _, e := range events {
		if p.Pool.Concerns(e) {
			byType[e.Type] = append(byType[e.Type], e)
		}
	}
	for i, r := range p.Rules {
		tl.when[i] = spansOf(r.When.Events, byType)
		if r.Unless != nil {
			tl.not[i] = spansOf(r.Unless.Events, byType)
		}
		tl.clocks[i] = r.clocks(p.Pool.Location)
		if r.Demand == nil {
			continue
		}
		if !slices.Contains(tl.groups, r.Demand.Group) {
			tl.groups = append(tl.groups, r.Demand.Group)
		}
		tl.group[i] = slices.Index(tl.groups, r.Demand.Group)
	}
	return tl
}

// spansOf returns when events go on that match, of each match one.
func spansOf(matches []EventMatch, byType map[string][]Event) spans {
	var s spans
	for i, m := range matches {
		of := m.in(byType)
		all := merged(slices.Clone(of.each))
		if i > 0 {
			all = intersection(s.merged, all)
		}
		s.merged, s.of = all, append(s.of, of)
	}
	return s
}

// in returns when the events that match count. An event that ends before it starts
// never does.
func (m EventMatch) in(byType map[string][]Event) matched {
	out := matched{lead: m.Lead}
	for _, e := range byType[m.Type] {
		if m.Matches(e) && !e.End.Before(e.Start) {
			out.each = append(out.each, span{e.Start.Add(-m.Lead), e.End.Add(m.Tail)})
		}
	}
	slices.SortFunc(out.each, func(a, b span) int { return a.start.Compare(b.start) })
	return out
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

// intersection returns what is in both of two lists of spans that are sorted and
// apart.
func intersection(a, b []span) []span {
	var out []span
	for len(a) > 0 && len(b) > 0 {
		both := a[0]
		if b[0].start.After(both.start) {
			both.start = b[0].start
		}
		if b[0].end.Before(both.end) {
			both.end = b[0].end
			b = b[1:]
		} else {
			a = a[1:]
		}
		if both.start.Before(both.end) {
			out = append(out, both)
		}
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
	acting := tl.acting(tl.at(t))
	regular := tl.combined(acting, func(r *Rule) bool { return !r.Demand.Learned && len(r.When.Events) == 0 })
	total := tl.combined(acting, func(r *Rule) bool { return !r.Demand.Learned })
	return Offset{
		Regular: regular.factor, RegularAdd: regular.add, Total: total.factor, TotalAdd: total.add,
		Irregular: slices.ContainsFunc(acting, func(a action) bool {
			r := tl.rules[a.rule]
			return !r.Demand.Learned && len(r.When.Events) > 0
		}),
	}
}

// action is what an active demand rule makes of the demand.
type action struct {
	rule int
	effect
}

// acting returns what each active demand rule makes of the demand at m.
func (tl Timeline) acting(m moment) []action {
	actions := make([]action, 0, len(tl.rules))
	for i := range tl.rules {
		if tl.rules[i].Demand != nil && tl.active(i, m) {
			actions = append(actions, action{i, tl.effect(i, m)})
		}
	}
	return actions
}

// leading returns of the actions of the rules to keep those that count: of each
// group the largest, of equal ones that of the rule whose name comes first.
func (tl Timeline) leading(actions []action, keep func(*Rule) bool) []action {
	out := make([]action, 0, len(actions))
	leaders := make([]int, len(tl.groups)) // by group: the place of its largest in out, from 1
	for _, a := range actions {
		r := &tl.rules[a.rule]
		if !keep(r) {
			continue
		}
		leader := &leaders[tl.group[a.rule]]
		switch {
		case r.Demand.Group == "", *leader == 0:
			out = append(out, a)
			*leader = len(out)
		case a.exceeds(out[*leader-1].effect), a.effect == out[*leader-1].effect && r.Name < tl.rules[out[*leader-1].rule].Name:
			out[*leader-1] = a
		}
	}
	return out
}

func anyRule(*Rule) bool { return true }

// combined multiplies the factors of the actions that count and adds up what they
// add.
func (tl Timeline) combined(actions []action, keep func(*Rule) bool) effect {
	e := effect{factor: 1}
	for _, a := range tl.leading(actions, keep) {
		e.factor = finite(e.factor * a.factor)
		e.add = finite(e.add + a.add)
	}
	return e
}

// finite bounds a product or a sum of finite numbers ≥ 0, so that no infinity
// meets a zero.
func finite(x float64) float64 { return min(x, math.MaxFloat64) }

// Season returns the product of the monthly factors at t.
func (tl Timeline) Season(t time.Time) float64 {
	season, m := 1.0, tl.at(t)
	for i, r := range tl.rules {
		if r.Demand != nil && r.Demand.ByMonth != nil && tl.active(i, m) {
			season = finite(season * r.Demand.month(m.local.month))
		}
	}
	return season
}

// Active returns the names of the rules whose condition holds at t, in the
// order of the rules.
func (tl Timeline) Active(t time.Time) []string { return tl.names(tl.activity(t)) }

// activity tells of each rule whether its condition holds at t.
func (tl Timeline) activity(t time.Time) []bool {
	active, m := make([]bool, len(tl.rules)), tl.at(t)
	for i := range active {
		active[i] = tl.active(i, m)
	}
	return active
}

func (tl Timeline) names(active []bool) []string {
	var names []string
	for i, r := range tl.rules {
		if active[i] {
			names = append(names, r.Name)
		}
	}
	return names
}

// Spell is the time in which the condition of a rule holds, or will hold next.
type Spell struct {
	Active bool      // it holds now
	From   time.Time // zero if it holds now, or not within the time looked at
	Until  time.Time // zero if it does not end within the time looked at
}

// Spells returns of each rule, in their order, when its condition holds from t on, until
// end.
func (tl Timeline) Spells(t, end time.Time) []Spell {
	spells := make([]Spell, len(tl.rules))
	for i := range spells {
		s := &spells[i]
		s.Active = tl.active(i, tl.at(t))
		for at := t; s.Until.IsZero(); {
			if _, at = tl.edges(i, at); at.After(end) {
				break
			}
			switch holds := tl.active(i, tl.at(at)); {
			case holds && !s.Active && s.From.IsZero():
				s.From = at
			case !holds && (s.Active || !s.From.IsZero()):
				s.Until = at
			}
		}
	}
	return spells
}

// moment is an instant and what the pool's clock shows.
type moment struct {
	time.Time
	local reading
}

func (tl Timeline) at(t time.Time) moment { return moment{t, read(t, tl.zone)} }

func (tl Timeline) active(i int, m moment) bool {
	r := &tl.rules[i]
	return r.When.holds(tl.when[i], m) && (r.Unless == nil || !r.Unless.holds(tl.not[i], m))
}

func (c *Condition) holds(events spans, m moment) bool {
	return (len(c.Events) == 0 || covered(events.merged, m.Time)) && c.inMonth(m.local.month) &&
		(len(c.During) == 0 || slices.ContainsFunc(c.During, func(s Schedule) bool { return s.holds(m) }))
}

func (c *Condition) inMonth(month int) bool {
	return len(c.Months) == 0 || slices.ContainsFunc(c.Months, func(m timeinterval.MonthRange) bool { return m.Begin <= month && month <= m.End })
}

// spansUntil returns how many of the spans end until t.
func spansUntil(spans []span, t time.Time) int {
	return sort.Search(len(spans), func(k int) bool { return spans[k].end.After(t) })
}

// covered reports whether t is in one of the spans.
func covered(spans []span, t time.Time) bool {
	k := spansUntil(spans, t)
	return k < len(spans) && !spans[k].start.After(t)
}

// Contains reports whether one of the intervals holds at t; those without a
// location of their own follow zone.
func (s Schedule) Contains(t time.Time, zone *time.Location) bool {
	return s.holds(moment{t, read(t, zone)})
}

func (s Schedule) holds(m moment) bool {
	for i := range s.Intervals {
		ti, shown := &s.Intervals[i], m.local
		if ti.Location != nil {
			shown = read(m.Time, ti.Location.Location)
		}
		if shown.in(ti) {
			return true
		}
	}
	return false
}

// reading is what a clock with a calendar shows.
type reading struct{ minute, weekday, day, month, year int }

func read(t time.Time, zone *time.Location) reading {
	local := t.In(zone)
	year, month, day := local.Date()
	hour, minute, _ := local.Clock()
	return reading{60*hour + minute, int(local.Weekday()), day, int(month), year}
}

// in reports whether the interval holds while the clock shows this. It is
// [timeinterval.TimeInterval.ContainsTime], which makes a month a day short when the
// clock is set forward in it.
func (r reading) in(ti *timeinterval.TimeInterval) bool {
	within := func(x timeinterval.InclusiveRange, value int) bool { return x.Begin <= value && value <= x.End }
	return (ti.Times == nil || slices.ContainsFunc(ti.Times, func(x timeinterval.TimeRange) bool { return x.StartMinute <= r.minute && r.minute < x.EndMinute })) &&
		(ti.Weekdays == nil || slices.ContainsFunc(ti.Weekdays, func(x timeinterval.WeekdayRange) bool { return within(x.InclusiveRange, r.weekday) })) &&
		(ti.DaysOfMonth == nil || slices.ContainsFunc(ti.DaysOfMonth, func(x timeinterval.DayOfMonthRange) bool {
			x.Begin, x.End = r.dayOfMonth(x.Begin), r.dayOfMonth(x.End)
			return within(x.InclusiveRange, r.day)
		})) &&
		(ti.Months == nil || slices.ContainsFunc(ti.Months, func(x timeinterval.MonthRange) bool { return within(x.InclusiveRange, r.month) })) &&
		(ti.Years == nil || slices.ContainsFunc(ti.Years, func(x timeinterval.YearRange) bool { return within(x.InclusiveRange, r.year) }))
}

// dayOfMonth counts negative days from the end of the month.
func (r reading) dayOfMonth(day int) int {
	if day < 0 {
		last := time.Date(r.year, time.Month(r.month)+1, 0, 0, 0, 0, 0, time.UTC)
		return last.Day() + 1 + day
	}
	return day
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

// effect returns what active rule i makes of the demand at m.
func (tl Timeline) effect(i int, m moment) effect {
	d := tl.rules[i].Demand
	factor := finite(d.Multiply * d.month(m.local.month))
	if d.ByHour != nil {
		factor = finite(factor * d.ByHour[m.local.minute/60])
	}
	share := tl.ramped(i, m.Time) * tl.decayed(i, m.Time)
	return effect{1 + (factor-1)*share, d.Add * share}
}

func (d *DemandEffect) month(month int) float64 {
	if factor, named := d.ByMonth[time.Month(month)]; named {
		return factor
	}
	return 1
}

// decayed returns the share of its effect that active rule i has kept since the
// latest of the events' starts, 1 without a half-life or an event.
func (tl Timeline) decayed(i int, t time.Time) float64 {
	halfLife := tl.rules[i].Demand.HalfLife
	if halfLife <= 0 || len(tl.when[i].of) == 0 {
		return 1
	}
	age := time.Duration(math.MaxInt64)
	for _, m := range tl.when[i].of {
		age = min(age, m.age(t))
	}
	return math.Exp2(-float64(max(age, 0)) / float64(halfLife))
}

// age returns how long ago the latest of the events started that count at t; below 0
// within its lead, 0 if there is none.
func (m matched) age(t time.Time) time.Duration {
	begun := sort.Search(len(m.each), func(k int) bool { return m.each[k].start.After(t) })
	for _, s := range slices.Backward(m.each[:begun]) {
		if s.end.After(t) {
			return t.Sub(s.start) - m.lead
		}
	}
	return 0
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

// since returns for how long rule i has been active at t, at most limit.
func (tl Timeline) since(i int, t time.Time, limit time.Duration) time.Duration {
	for at := t; ; {
		edge, _ := tl.edges(i, at)
		if t.Sub(edge) >= limit {
			return limit
		}
		at = edge.Add(-1)
		if !tl.active(i, tl.at(at)) {
			return t.Sub(edge)
		}
	}
}

// until returns for how long rule i stays active from t on, at most limit.
func (tl Timeline) until(i int, t time.Time, limit time.Duration) time.Duration {
	for at := t; ; {
		_, at = tl.edges(i, at)
		if at.Sub(t) >= limit {
			return limit
		}
		if !tl.active(i, tl.at(at)) {
			return at.Sub(t)
		}
	}
}

// edges returns the last instant until t and the first after it at which rule i
// may have become active or inactive.
func (tl Timeline) edges(i int, t time.Time) (before, after time.Time) {
	before, after = t.Add(-math.MaxInt64), t.Add(math.MaxInt64)
	narrow := func(b, a time.Time) {
		if b.After(before) {
			before = b
		}
		if a.Before(after) {
			after = a
		}
	}
	for _, s := range [...]spans{tl.when[i], tl.not[i]} {
		k := spansUntil(s.merged, t)
		if k > 0 {
			narrow(s.merged[k-1].end, after)
		}
		if k < len(s.merged) {
			if s := s.merged[k]; s.start.After(t) {
				narrow(before, s.start)
			} else {
				narrow(s.start, s.end)
			}
		}
	}
	for _, c := range tl.clocks[i] {
		narrow(c.edges(t))
	}
	return before, after
}

// clock is a wall clock with the times of day at which schedules may begin or end.
type clock struct {
	zone    *time.Location
	minutes []int // ascending; the first is midnight
}

// clocks returns those that begin and end the rule besides events.
func (r Rule) clocks(zone *time.Location) []clock {
	var cs []clock
	add := func(zone *time.Location, minutes ...int) {
		k := slices.IndexFunc(cs, func(c clock) bool { return c.zone == zone })
		if k < 0 {
			k = len(cs)
			cs = append(cs, clock{zone, []int{0}})
		}
		cs[k].minutes = append(cs[k].minutes, minutes...)
	}
	conditions := []Condition{r.When}
	if r.Unless != nil {
		conditions = append(conditions, *r.Unless)
	}
	for _, c := range conditions {
		if len(c.Months) > 0 {
			add(zone)
		}
		for _, s := range c.During {
			for _, ti := range s.Intervals {
				zone := zone
				if ti.Location != nil {
					zone = ti.Location.Location
				}
				add(zone)
				for _, tr := range ti.Times {
					add(zone, tr.StartMinute, tr.EndMinute)
				}
			}
		}
	}
	for i := range cs {
		slices.Sort(cs[i].minutes)
		cs[i].minutes = slices.Compact(cs[i].minutes)
	}
	return cs
}

// edges returns the last of the clock's times until t and the first after it. A
// change of the zone's offset is one as well.
func (c clock) edges(t time.Time) (before, after time.Time) {
	const day = 24 * 60
	local := t.In(c.zone)
	hour, minute, second := local.Clock()
	minute += 60 * hour
	passed := time.Duration(second)*time.Second + time.Duration(local.Nanosecond()) // of the minute
	k, exact := slices.BinarySearch(c.minutes, minute)
	if exact {
		k++
	}
	next := day
	if k < len(c.minutes) {
		next = c.minutes[k]
	}
	before = t.Add(time.Duration(c.minutes[k-1]-minute)*time.Minute - passed)
	after = t.Add(time.Duration(next-minute)*time.Minute - passed)
	begin, end := local.ZoneBounds()
	if begin.After(before) {
		before = begin
	}
	if !end.IsZero() && end.Before(after) {
		after = end
	}
	return before, after
}
