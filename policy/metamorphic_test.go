package policy

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// aboutEqual allows for the order of products.
var aboutEqual = cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-9, 0)}

// near is an instant of the hours around noon.
func near(t *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.IntRange(-4*3600, 4*3600).Draw(t, "at")) * time.Second)
}

// One times a demand is the demand: a rule that multiplies by 1 and adds nothing
// changes neither the effects of the others nor the decision, whatever its condition.
func TestMultiplyingByOneChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		events := drawn(t).events()
		in.Timeline = p.Timeline(events)
		before, _ := p.Decide(in, st)
		one := drawn(t).rule("one")
		one.Bounds, one.Hold = nil, HoldNone
		one.Demand = drawn(t).demand()
		one.Demand.Multiply, one.Demand.Add, one.Demand.ByMonth, one.Demand.ByHour, one.Demand.Group = 1, 0, nil, nil, ""
		more := p
		more.Rules = slices.Insert(slices.Clone(p.Rules), rapid.IntRange(0, len(p.Rules)).Draw(t, "place"), one)
		tl := more.Timeline(events)
		at := near(t)
		o, with := in.Timeline.Offset(at), tl.Offset(at)
		with.Irregular = o.Irregular // an event is no ordinary time, whatever its effect
		if o != with || in.Timeline.Season(at) != tl.Season(at) {
			t.Fatalf("offset %+v, and with one more rule %+v", o, with)
		}
		in.Timeline = tl
		after, _ := more.Decide(in, st)
		before.Rules, after.Rules = nil, nil
		if diff := cmp.Diff(before, after, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("it changes the decision:\n%s", diff)
		}
	})
}

// What goes on all the time is no condition: a rule that needs an event acts alike when
// it needs such a one besides, wherever it is named.
func TestAnEventThatAlwaysGoesOnChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		more, added := p, 0
		more.Rules = slices.Clone(p.Rules)
		always := EventMatch{Type: "always", Lead: drawn(t).minutes("lead", 0, 30), Tail: drawn(t).minutes("tail", 0, 30)}
		for i, r := range more.Rules {
			if n := len(r.When.Events); n > 0 {
				more.Rules[i].When.Events = slices.Insert(slices.Clone(r.When.Events), rapid.IntRange(0, n).Draw(t, "place"), always)
				added++
			}
		}
		events := append(drawn(t).events(), Event{Type: "always", Start: noon.AddDate(-1, 0, 0), End: noon.AddDate(1, 0, 0)})
		tl, with := p.Timeline(events), more.Timeline(events)
		at := near(t)
		if a, b := tl.Offset(at), with.Offset(at); a != b || !slices.Equal(tl.Active(at), with.Active(at)) {
			t.Fatalf("%+v %v, and with %d more events %+v %v", a, tl.Active(at), added, b, with.Active(at))
		}
	})
}

// Effects compose: that of two sets of rules without common groups is the product of
// their factors and the sum of what they add.
func TestOffsetsCompose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: testPool()}
		events := drawn(t).events()
		one, other, both := p, p, p
		for range rapid.IntRange(0, 4).Draw(t, "rules") {
			r := Rule{When: drawn(t).condition(), Demand: drawn(t).demand()}
			r.Demand.Multiply = min(r.Demand.Multiply, 10)
			if rapid.Bool().Draw(t, "side") {
				one.Rules = append(one.Rules, r)
				continue
			}
			if r.Demand.Group != "" {
				r.Demand.Group += "'"
			}
			other.Rules = append(other.Rules, r)
		}
		both.Rules = slices.Concat(one.Rules, other.Rules)
		at := near(t)
		a, b, got := one.Timeline(events).Offset(at), other.Timeline(events).Offset(at), both.Timeline(events).Offset(at)
		want := Offset{a.Regular * b.Regular, a.RegularAdd + b.RegularAdd, a.Total * b.Total, a.TotalAdd + b.TotalAdd, a.Irregular || b.Irregular}
		if diff := cmp.Diff(want, got, aboutEqual); diff != "" {
			t.Fatalf("%+v and %+v:\n%s", a, b, diff)
		}
	})
}

// Of a group that counts which its members alone have largest, in whatever order, and
// an empty group is none.
func TestAGroupIsItsLargestMember(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: testPool()}
		events, at := drawn(t).events(), near(t)
		want := effect{factor: -1}
		for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
			r := Rule{Name: string(rune('a' + i)), When: drawn(t).condition(), Demand: drawn(t).demand()}
			r.Demand.Group, r.Demand.Learned = "g", false
			p.Rules = append(p.Rules, r)
			alone := Policy{Pool: p.Pool, Rules: []Rule{r}}.Timeline(events)
			if o := alone.Offset(at); len(alone.Active(at)) > 0 && (o.Total > want.factor || o.Total == want.factor && o.TotalAdd > want.add) {
				want = effect{o.Total, o.TotalAdd}
			}
		}
		if want.factor < 0 {
			want = effect{factor: 1}
		}
		p.Rules = shuffled(t, p.Rules, "order")
		if o := p.Timeline(events).Offset(at); (effect{o.Total, o.TotalAdd}) != want {
			t.Fatalf("got %+v, want %+v", o, want)
		}
	})
}

// Time is relative: a week later, between changes of the clock, everything is as it is
// now.
func TestAWeekLaterIsTheSame(t *testing.T) {
	const week = 7 * 24 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		for i := range p.Rules { // days of the month do not come again after a week
			for _, c := range []*Condition{&p.Rules[i].When, p.Rules[i].Unless} {
				if c != nil && len(c.During) > 0 {
					c.During[0].Intervals[0].DaysOfMonth = nil // the others have none
				}
			}
		}
		in, st := drawn(t).input(p), drawn(t).state()
		events := drawn(t).events()
		in.Timeline = p.Timeline(events)
		now, next := p.Decide(in, st)
		for i := range events {
			events[i].Start, events[i].End = events[i].Start.Add(week), events[i].End.Add(week)
		}
		later := in
		later.Now, later.Load.Time = in.Now.Add(week), in.Load.Time.Add(week)
		if in.Outlook.Model != "" {
			later.Outlook.At, later.Outlook.Origin = in.Outlook.At.Add(week), in.Outlook.Origin.Add(week)
		}
		if o := in.Override; o != nil {
			moved := *o
			moved.Start, moved.End = o.Start.Add(week), o.End.Add(week)
			later.Override = &moved
		}
		later.Timeline = p.Timeline(events)
		then, nextThen := p.Decide(later, moved(st, week))
		then.Time = now.Time
		for i, c := range then.Candidates {
			if !c.At.IsZero() {
				then.Candidates[i].At = c.At.Add(-week)
			}
		}
		if diff := cmp.Diff([]any{now, moved(next, week)}, []any{then, nextThen}, aboutEqual); diff != "" {
			t.Fatalf("a week later:\n%s", diff)
		}
	})
}

// moved is the state of a watch that began later by d.
func moved(st State, d time.Duration) State {
	st = copied(st)
	st.Since, st.LoadKnown = st.Since.Add(d), st.LoadKnown.Add(d)
	for i := range st.Samples {
		st.Samples[i].Time = st.Samples[i].Time.Add(d)
	}
	for i := range st.Recommendations {
		st.Recommendations[i].Time = st.Recommendations[i].Time.Add(d)
	}
	for i := range st.Scalings {
		st.Scalings[i].Time = st.Scalings[i].Time.Add(d)
	}
	return st
}

// The unit of the load does not matter: of a load in thousands, with agents that serve
// thousands, as many are needed.
func TestTheUnitOfTheLoadDoesNotMatter(t *testing.T) {
	const k = 1024 // exact in floating point
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		d, _ := p.Decide(in, st)
		if !(d.Demand > 1e-300 && d.Demand < 1e300) {
			return // the numbers end before it
		}
		p.Pool.PerAgent *= k
		in.Load.Value *= k
		in.LargestLoad *= k
		in.Outlook.Load *= k
		in.Outlook.Upper *= k
		st = copied(st)
		for i := range st.Samples {
			st.Samples[i].Value = math.Min(st.Samples[i].Value*k, math.MaxFloat64)
		}
		if scaled, _ := p.Decide(in, st); scaled.Desired != d.Desired || !cmp.Equal(codes(d), codes(scaled)) {
			t.Fatalf("%d agents, and %d in another unit:\n%+v\n%+v", d.Desired, scaled.Desired, d.Reasons, scaled.Reasons)
		}
	})
}
