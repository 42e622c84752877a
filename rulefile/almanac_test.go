package rulefile

import (
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"pgregory.net/rapid"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// The almanac is a second way to say when schedules hold; policy's is the first.
func TestTheAlmanacAgreesWithPolicy(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"UTC", "America/New_York", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	ofRange := func(t *rapid.T, what string, low, high int) timeinterval.InclusiveRange {
		from := rapid.IntRange(low, high).Draw(t, what)
		return timeinterval.InclusiveRange{Begin: from, End: rapid.IntRange(from, high).Draw(t, what+" to")}
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		var s policy.Schedule
		for range rapid.IntRange(1, 2).Draw(t, "intervals") {
			var ti timeinterval.TimeInterval
			if rapid.Bool().Draw(t, "with times") {
				r := ofRange(t, "minute", 0, 24*60-1)
				ti.Times = append(ti.Times, timeinterval.TimeRange{StartMinute: r.Begin, EndMinute: r.End + 1})
			}
			if rapid.Bool().Draw(t, "with weekdays") {
				ti.Weekdays = append(ti.Weekdays, timeinterval.WeekdayRange{InclusiveRange: ofRange(t, "weekday", 0, 6)})
			}
			if rapid.Bool().Draw(t, "with days") {
				ti.DaysOfMonth = append(ti.DaysOfMonth, timeinterval.DayOfMonthRange{InclusiveRange: ofRange(t, "day", -10, -1)}, timeinterval.DayOfMonthRange{InclusiveRange: ofRange(t, "day", 1, 31)})
			}
			if rapid.Bool().Draw(t, "with months") {
				ti.Months = append(ti.Months, timeinterval.MonthRange{InclusiveRange: ofRange(t, "month", 1, 12)})
			}
			if rapid.Bool().Draw(t, "with a location") {
				ti.Location = &timeinterval.Location{Location: rapid.SampledFrom(zones).Draw(t, "location")}
			}
			s.Intervals = append(s.Intervals, ti)
		}
		c := policy.Condition{During: []policy.Schedule{s}}
		if rapid.Bool().Draw(t, "only months") {
			c.Months = []timeinterval.MonthRange{{InclusiveRange: ofRange(t, "month", 1, 12)}}
		}
		from := time.Date(2026, 11, 10, 12, 34, 0, 0, time.UTC)
		a := newAlmanac(from, 400*24*time.Hour)
		ss := a.condition(c, zone)
		for i, s := range ss {
			if s.from >= s.to || i > 0 && s.from <= ss[i-1].to {
				t.Fatalf("not sorted and apart: %v", ss)
			}
		}
		holds := func(at time.Time) bool {
			p := policy.Policy{Pool: policy.Pool{Location: zone}, Rules: []policy.Rule{{Name: "r", When: c}}}
			return len(p.Timeline(nil).Active(at)) == 1
		}
		check := func(at int64) {
			if at < a.from || at >= a.to {
				return
			}
			if got, want := (spans{{at, at + 1}}).within(ss), holds(time.Unix(at, 0)); got != want {
				t.Fatalf("at %s: got %v, want %v", time.Unix(at, 0).In(zone), got, want)
			}
		}
		for _, s := range ss {
			for _, at := range []int64{s.from - 1, s.from, s.to - 1, s.to} {
				check(at)
			}
		}
		for range 50 {
			check(rapid.Int64Range(a.from, a.to-1).Draw(t, "at"))
		}
	})
}

func TestSpans(t *testing.T) {
	hours := rapid.Map(rapid.SliceOfN(rapid.Bool(), 12, 12), func(on []bool) spans {
		var out spans
		for i, is := range on {
			if is {
				out = append(out, span{int64(i), int64(i + 1)})
			}
		}
		return joined(out)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := hours.Draw(t, "a"), hours.Draw(t, "b")
		and, without := a.and(b), a.without(b)
		for h := range int64(12) {
			hour := spans{{h, h + 1}}
			inA, inB := hour.within(a), hour.within(b)
			if got := hour.within(and); got != (inA && inB) {
				t.Fatalf("%v and %v: %v", a, b, and)
			}
			if got := hour.within(without); got != (inA && !inB) {
				t.Fatalf("%v without %v: %v", a, b, without)
			}
		}
		if a.within(b) != (len(without) == 0) {
			t.Fatalf("%v within %v, without: %v", a, b, without)
		}
	})
}
