package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// shown is what the clock and the calendar on the wall show.
type shown struct {
	year        int
	month       time.Month
	day         int
	weekday     time.Weekday
	hour        int
	minute      int
	lastOfMonth bool
}

func show(local time.Time) shown {
	year, month, day := local.Date()
	// It is the last day of the month if the day after it, whatever the clock does then, is the first.
	tomorrow := time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
	return shown{year, month, day, local.Weekday(), local.Hour(), local.Minute(), tomorrow.Day() == 1}
}

// windows are schedules and, in words of the clock on the wall, when they hold.
var windows = []struct {
	text string
	hold func(s shown) bool
}{
	{"times: [{start_time: '18:00', end_time: '24:00'}]", func(s shown) bool { return s.hour >= 18 }},
	{"times: [{start_time: '00:00', end_time: '00:30'}]", func(s shown) bool { return s.hour == 0 && s.minute < 30 }},
	{"times: [{start_time: '22:30', end_time: '24:00'}, {start_time: '00:00', end_time: '02:15'}]", func(s shown) bool { // across midnight
		return s.hour == 22 && s.minute >= 30 || s.hour == 23 || s.hour < 2 || s.hour == 2 && s.minute < 15
	}},
	{"times: [{start_time: '01:59', end_time: '03:01'}]", func(s shown) bool {
		return s.hour == 1 && s.minute == 59 || s.hour == 2 || s.hour == 3 && s.minute == 0
	}},
	{"{weekdays: ['sunday'], times: [{start_time: '00:00', end_time: '24:00'}]}", func(s shown) bool { return s.weekday == time.Sunday }},
	{"{weekdays: ['friday:saturday', 'monday']}", func(s shown) bool {
		return s.weekday == time.Friday || s.weekday == time.Saturday || s.weekday == time.Monday
	}},
	{"days_of_month: ['-1']", func(s shown) bool { return s.lastOfMonth }},
	{"{days_of_month: ['1:10'], months: ['november:december', 'january:march']}", func(s shown) bool { // months that wrap
		return s.day <= 10 && (s.month >= time.November || s.month <= time.March)
	}},
	{"{years: ['2025:2027'], days_of_month: ['29:31'], months: ['march', 'october']}", func(s shown) bool {
		return s.year >= 2025 && s.year <= 2027 && s.day >= 29 && (s.month == time.March || s.month == time.October)
	}},
}

// changes are the instants of the years 2024 to 2030 at which the zone's clocks are
// set, by how much does not matter.
func changes(zone *time.Location) []time.Time {
	var out []time.Time
	end := time.Date(2031, 1, 2, 0, 0, 0, 0, time.UTC)
	for t := time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC); ; {
		_, next := t.In(zone).ZoneBounds()
		if next.IsZero() || next.After(end) {
			return out
		}
		out, t = append(out, next), next
	}
}

// I28: in every zone of the tz database schedules hold on what the clock on the wall
// shows: half-open, across midnight, in the hour that is skipped and in both of the
// hour that comes twice, on days of the month and in months. It is checked to the
// minute around each change of the clocks and around new year and a leap day.
func TestSchedulesFollowEveryClock(t *testing.T) {
	p := Policy{Pool: testPool()}
	byHour := [24]float64{}
	for h := range byHour {
		byHour[h] = 1 + float64(h)
	}
	byMonth := map[time.Month]float64{time.March: 5, time.October: 0.5, time.January: 3}
	for _, w := range windows {
		p.Rules = append(p.Rules, Rule{Name: w.text, When: Condition{During: []Schedule{parsed(t, w.text, w.text)}}})
	}
	winter := parsed(t, "", "months: ['november:december', 'january:february']").Intervals[0].Months
	p.Rules = append(p.Rules, Rule{Name: "winter", When: Condition{Months: winter}}, Rule{Name: "factors", Demand: &DemandEffect{Multiply: 1, ByHour: &byHour, ByMonth: byMonth}})
	usual := []time.Time{time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	seen := map[string]bool{} // what was checked; many zones are the same
	checked := 0
	for _, name := range zoneNames {
		zone := mustLocation(name)
		p.Pool.Location = zone
		tl := p.Timeline(nil)
		for _, change := range append(changes(zone), usual...) {
			_, before := change.Add(-time.Minute).In(zone).Zone()
			_, after := change.In(zone).Zone()
			once := fmt.Sprint(change.Unix(), before, after)
			if seen[once] {
				continue
			}
			seen[once] = true
			for at := change.Add(-75 * time.Minute); at.Before(change.Add(75 * time.Minute)); at = at.Add(time.Minute) {
				checkClock(t, tl, at)
				checked++
			}
			// The edges of windows on the days around it; offsets are whole quarters of an hour.
			for at := change.Add(-26 * time.Hour).Truncate(15 * time.Minute); at.Before(change.Add(26 * time.Hour)); at = at.Add(15 * time.Minute) {
				checkClock(t, tl, at)
				checkClock(t, tl, at.Add(-time.Nanosecond))
			}
		}
	}
	if checked < 50000 {
		t.Errorf("only %d minutes were checked", checked)
	}
}

func checkClock(t *testing.T, tl Timeline, at time.Time) {
	t.Helper()
	s := show(at.In(tl.zone))
	active := tl.activity(at)
	for i, w := range windows {
		if want := w.hold(s); active[i] != want {
			t.Fatalf("%s: %s holds: %t, want %t", at.In(tl.zone), w.text, active[i], want)
		}
	}
	if want := s.month >= time.November || s.month <= time.February; active[len(windows)] != want {
		t.Fatalf("%s: winter: %t, want %t", at.In(tl.zone), active[len(windows)], want)
	}
	month := map[time.Month]float64{time.March: 5, time.October: 0.5, time.January: 3}[s.month]
	if month == 0 {
		month = 1
	}
	if got, want := tl.Offset(at).Regular, month*float64(1+s.hour); got != want {
		t.Fatalf("%s: offset %g, want %g", at.In(tl.zone), got, want)
	}
	if got := tl.Season(at); got != month {
		t.Fatalf("%s: season %g, want %g", at.In(tl.zone), got, month)
	}
}

// A ramp lasts as long as it says by the time that passes, also while a clock is set:
// in every zone that does so, of a window that opens an hour before it and lasts for
// the rest of the day, and of one that ends at that time.
func TestRampsPassEveryChange(t *testing.T) {
	const ramp = 2 * time.Hour
	for _, name := range zoneNames {
		zone := mustLocation(name)
		for _, change := range changes(zone)[:min(1, len(changes(zone)))] {
			edge := change.Add(-time.Hour).In(zone)
			minute := edge.Hour()*60 + edge.Minute()
			p := Policy{Pool: testPool()}
			p.Pool.Location = zone
			for _, window := range []timeinterval.TimeRange{{StartMinute: minute, EndMinute: 24 * 60}, {StartMinute: 0, EndMinute: minute + 90}} {
				intervals := []timeinterval.TimeInterval{{Times: []timeinterval.TimeRange{window}}}
				p.Rules = append(p.Rules, Rule{When: Condition{During: []Schedule{{Intervals: intervals}}}})
			}
			tl := p.Timeline(nil)
			for at := edge.Add(-time.Hour); at.Before(edge.Add(3 * time.Hour)); at = at.Add(10 * time.Minute) {
				for i, active := range tl.activity(at) {
					if !active {
						continue
					}
					since, until := time.Duration(0), time.Duration(0)
					for since < ramp && tl.activity(at.Add(-since - time.Minute))[i] {
						since += time.Minute
					}
					for until < ramp && tl.activity(at.Add(until))[i] {
						until += time.Minute
					}
					if s, u := tl.since(i, at, ramp), tl.until(i, at, ramp); s != since || u != until {
						t.Fatalf("%s: active since %s until %s, want %s and %s", at, s, u, since, until)
					}
				}
			}
		}
	}
}
