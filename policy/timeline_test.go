package policy

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// schedule is a daily window without a location of its own.
func schedule(t testing.TB, name, from, to string) Schedule {
	t.Helper()
	return parsed(t, name, "times: [{start_time: '"+from+"', end_time: '"+to+"'}]")
}

func parsed(t testing.TB, name, text string) Schedule {
	t.Helper()
	var ti timeinterval.TimeInterval
	if err := yaml.Unmarshal([]byte(text), &ti); err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	return Schedule{Name: name, Intervals: []timeinterval.TimeInterval{ti}}
}

func TestScheduleContains(t *testing.T) {
	utc := func(s string) time.Time {
		at, err := time.Parse("2006-01-02T15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	tests := []struct {
		name, interval string
		at             time.Time
		want           bool
	}{
		{"follows the pool's zone", "times: [{start_time: '18:00', end_time: '24:00'}]", utc("2026-11-12T23:00"), true},
		{"ends where it says", "times: [{start_time: '18:00', end_time: '19:00'}]", utc("2026-11-13T00:00"), false},
		{"its own zone wins", "{times: [{start_time: '18:00', end_time: '24:00'}], location: UTC}", utc("2026-11-12T19:00"), true},
		{"and the pool's does not count", "{times: [{start_time: '18:00', end_time: '24:00'}], location: UTC}", utc("2026-11-13T01:00"), false},
		{"an evening in summer time", "times: [{start_time: '18:00', end_time: '19:00'}]", utc("2026-07-01T22:30"), true},
		{"weekdays are local", "weekdays: ['friday']", utc("2026-11-14T03:00"), true},
		{"the last day of a month that loses an hour", "days_of_month: ['-1']", utc("2026-03-31T16:00"), true},
		{"the day before it", "days_of_month: ['-1']", utc("2026-03-30T16:00"), false},
		{"the hour that the clock skips never comes", "times: [{start_time: '02:15', end_time: '02:45'}]", utc("2026-03-08T07:30"), false},
		{"the hour that comes twice, first", "times: [{start_time: '01:15', end_time: '01:45'}]", utc("2026-11-01T05:30"), true},
		{"the hour that comes twice, second", "times: [{start_time: '01:15', end_time: '01:45'}]", utc("2026-11-01T06:30"), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parsed(t, "s", tt.interval).Contains(tt.at, newYork); got != tt.want {
				t.Errorf("Contains(%s) = %v, want %v", tt.at.In(newYork), got, tt.want)
			}
		})
	}
}

func TestTimelineOffset(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2026, 11, 12, h, m, 0, 0, newYork) }
	game := Event{Type: "game", Labels: map[string]string{"league": "nba"}, Start: noon, End: noon.Add(2 * time.Hour)}
	playoff := game
	playoff.Labels = map[string]string{"league": "nba", "importance": "playoff"}
	other := game
	other.Labels = map[string]string{"league": "nfl"}

	always := Rule{Name: "always", Demand: &DemandEffect{Multiply: 1.5}}
	onGame := Rule{Name: "game", When: Condition{Events: []EventMatch{{Type: "game", Lead: 30 * time.Minute, Tail: 10 * time.Minute}}}, Demand: &DemandEffect{Multiply: 2, Group: "game"}}
	onPlayoff := Rule{Name: "playoff", When: Condition{Events: []EventMatch{{Type: "game", Labels: map[string]string{"importance": "playoff"}}}}, Demand: &DemandEffect{Multiply: 3, Group: "game"}}
	ramped := onGame
	ramped.Demand = &DemandEffect{Multiply: 3, RampUp: 10 * time.Minute, RampDown: 10 * time.Minute}
	months := Rule{Name: "season", Demand: &DemandEffect{Multiply: 1, ByMonth: map[time.Month]float64{time.November: 1.2}}}
	evening := Rule{Name: "evening", When: Condition{During: []Schedule{schedule(t, "evening", "18:00", "22:00")}}, Demand: &DemandEffect{Multiply: 2, RampUp: 20 * time.Minute, RampDown: 20 * time.Minute}}

	upOnly, hours, all, added, addedOnGame, decaying, unlessPlayoff, learned := onGame, always, months, always, onGame, onGame, onGame, onGame
	upOnly.Demand = &DemandEffect{Multiply: 3, RampUp: 10 * time.Minute}
	byHour := [24]float64{}
	for h := range byHour {
		byHour[h] = 1
	}
	byHour[18], byHour[19] = 1.5, 1.5
	hours.Demand = &DemandEffect{Multiply: 1, ByHour: &byHour}
	all.Demand = &DemandEffect{Multiply: 2, ByHour: &byHour, ByMonth: months.Demand.ByMonth}
	added.Demand = &DemandEffect{Multiply: 1, Add: 3}
	addedOnGame.Demand = &DemandEffect{Multiply: 1, Add: 3}
	decaying.When = Condition{Events: []EventMatch{{Type: "game"}}}
	decaying.Demand = &DemandEffect{Multiply: 3, HalfLife: time.Hour}
	unlessPlayoff.Unless = &Condition{Events: []EventMatch{{Type: "game", Labels: map[string]string{"importance": "playoff"}}}}
	unlessPlayoff.Demand = &DemandEffect{Multiply: 2}
	learned.Demand = &DemandEffect{Multiply: 9, Learned: true, Group: "game"}
	decayingAhead := decaying
	decayingAhead.When = Condition{Events: []EventMatch{{Type: "game", Lead: 30 * time.Minute, Tail: time.Hour}}}
	backwards, longBackwards := game, game
	backwards.Start, backwards.End = at(12, 10), at(12, 0)
	slowly := decaying
	slowly.Demand = &DemandEffect{Multiply: 3, HalfLife: time.Hour, RampUp: 2 * time.Hour}
	longBackwards.Start, longBackwards.End = at(15, 0), at(11, 0)
	next := game
	next.Start, next.End = game.End, game.End.Add(time.Hour)
	grouped := func(name string, multiply, add float64) Rule {
		return Rule{Name: name, Demand: &DemandEffect{Multiply: multiply, Add: add, Group: "game"}}
	}
	shifts := Rule{
		Name: "shifts", When: Condition{During: []Schedule{schedule(t, "late", "18:00", "24:00"), schedule(t, "early", "09:00", "12:00"), schedule(t, "night", "01:00", "02:00")}},
		Demand: &DemandEffect{Multiply: 2, RampUp: 20 * time.Minute},
	}
	huge := Rule{Name: "huge", Demand: &DemandEffect{Multiply: math.MaxFloat64, Add: math.MaxFloat64}}
	nothing := Rule{Name: "nothing", Demand: &DemandEffect{Multiply: 0}}
	notAtNews := Rule{
		Name: "quiet", Demand: &DemandEffect{Multiply: 2, RampUp: 10 * time.Minute, RampDown: 10 * time.Minute},
		Unless: &Condition{Events: []EventMatch{{Type: "news"}}},
	}
	news := Event{Type: "news", Start: at(12, 0).Add(20 * time.Second), End: at(12, 0).Add(40 * time.Second)}
	later := game
	later.Start, later.End = noon.Add(90*time.Minute), noon.Add(100*time.Minute)

	viral := func(from, to time.Time) Event { return Event{Type: "viral", Start: from, End: to} }
	viralGame := Rule{Name: "viral-game", When: Condition{Events: []EventMatch{onGame.When.Events[0], {Type: "viral"}}}, Demand: &DemandEffect{Multiply: 3}}
	viralDecaying, viralRamped, unlessViralGame, viralEvening := viralGame, viralGame, always, viralGame
	viralDecaying.Demand = &DemandEffect{Multiply: 3, HalfLife: time.Hour}
	viralRamped.Demand = &DemandEffect{Multiply: 3, RampUp: 10 * time.Minute, RampDown: 10 * time.Minute}
	unlessViralGame.Unless = &viralGame.When
	viralEvening.When.During = evening.When.During

	regular := func(m float64) Offset { return Offset{Regular: m, Total: m} }
	irregular := func(m, total float64) Offset { return Offset{Regular: m, Total: total, Irregular: true} }
	tests := []struct {
		name   string
		rules  []Rule
		events []Event
		at     time.Time
		want   Offset
	}{
		{"nothing known", nil, nil, noon, regular(1)},
		{"multipliers multiply", []Rule{always, months}, nil, noon, regular(1.7999999999999998)},
		{"a month that is not named counts 1", []Rule{months}, nil, noon.AddDate(0, 1, 0), regular(1)},
		{"an event is no ordinary time", []Rule{always, onGame}, []Event{game}, noon, irregular(1.5, 3)},
		{"an event counts from its lead on", []Rule{onGame}, []Event{game}, at(11, 30), irregular(1, 2)},
		{"and not before", []Rule{onGame}, []Event{game}, at(11, 29), regular(1)},
		{"an event counts to the end of its tail", []Rule{onGame}, []Event{game}, at(14, 9), irregular(1, 2)},
		{"and no longer", []Rule{onGame}, []Event{game}, at(14, 10), regular(1)},
		{"another league's game is not ours", []Rule{onGame}, []Event{other}, noon, regular(1)},
		{"of a group only the largest counts", []Rule{onGame, onPlayoff}, []Event{playoff}, noon, irregular(1, 3)},
		{"a lesser event of the group still counts alone", []Rule{onGame, onPlayoff}, []Event{game}, noon, irregular(1, 2)},
		{"a ramp begins at 1", []Rule{ramped}, []Event{game}, at(11, 30), irregular(1, 1)},
		{"a ramp rises evenly", []Rule{ramped}, []Event{game}, at(11, 35), irregular(1, 2)},
		{"a ramp falls to the end", []Rule{ramped}, []Event{game}, at(14, 5), irregular(1, 2)},
		{"a schedule's ramp rises", []Rule{evening}, nil, at(18, 5), regular(1.25)},
		{"a schedule's ramp is done", []Rule{evening}, nil, at(19, 0), regular(2)},
		{"a ramp up need not go down", []Rule{upOnly}, []Event{game}, at(14, 9), irregular(1, 3)},
		{"and rises all the same", []Rule{upOnly}, []Event{game}, at(11, 35), irregular(1, 2)},
		{"hours count by the pool's clock", []Rule{hours}, nil, at(19, 59), regular(1.5)},
		{"other hours do not", []Rule{hours}, nil, at(20, 0), regular(1)},
		{"factors of one rule multiply", []Rule{all}, nil, at(19, 0), regular(3.5999999999999996)},
		{"agents are added after all factors", []Rule{added, always}, nil, noon, Offset{Regular: 1.5, RegularAdd: 3, Total: 1.5, TotalAdd: 3}},
		{"an event's agents are no ordinary ones", []Rule{addedOnGame}, []Event{game}, noon, Offset{Regular: 1, Total: 1, TotalAdd: 3, Irregular: true}},
		{"an effect decays from its start", []Rule{decaying}, []Event{game}, at(13, 0), irregular(1, 2)},
		{"and starts again with another event", []Rule{decaying}, []Event{game, later}, at(13, 30), irregular(1, 3)},
		{"whose end brings back the first", []Rule{decaying}, []Event{game, later}, at(13, 45), irregular(1, 1+2*math.Exp2(-1.75))},
		{"a rule does not hold while its opposite does", []Rule{unlessPlayoff}, []Event{playoff}, noon, regular(1)},
		{"and does otherwise", []Rule{unlessPlayoff}, []Event{game}, noon, irregular(1, 2)},
		{"a learned effect is not applied here", []Rule{learned}, []Event{game}, noon, regular(1)},
		{"a schedule's ramp falls", []Rule{evening}, nil, at(21, 50), regular(1.5)},
		{"to the second", []Rule{evening}, nil, at(21, 50).Add(30 * time.Second), regular(1.475)},
		{"and rises to the second", []Rule{evening}, nil, at(18, 5).Add(30 * time.Second), regular(1.275)},
		{"a ramp and a decay multiply", []Rule{slowly}, []Event{game}, at(13, 0), irregular(1, 1.5)},
		{"and does not compete in its group", []Rule{learned, onGame}, []Event{game}, noon, irregular(1, 2)},
		{"an effect does not decay before the event starts", []Rule{decayingAhead}, []Event{game}, at(11, 45), irregular(1, 3)},
		{"but from its start, not that of its lead", []Rule{decayingAhead}, []Event{game}, at(13, 0), irregular(1, 2)},
		{"and on after its end", []Rule{decayingAhead}, []Event{game}, at(14, 30), irregular(1, 1+2*math.Exp2(-2.5))},
		{"an event that ends before it starts never is", []Rule{onGame}, []Event{backwards}, noon, regular(1)},
		{"nor does it hide others", []Rule{onGame}, []Event{longBackwards, game}, at(13, 30), irregular(1, 2)},
		{"events come in any order", []Rule{onGame}, []Event{next, game}, noon, irregular(1, 2)},
		{"windows come in any order, too", []Rule{shifts}, nil, at(9, 5), regular(1.25)},
		{"events that touch are one ramp", []Rule{ramped}, []Event{next, game}, at(14, 0), irregular(1, 3)},
		{"a group has one leader of those that need no event", []Rule{onPlayoff, grouped("a", 1.5, 0), grouped("b", 1.2, 9)}, []Event{playoff}, noon, irregular(1.5, 3)},
		{"of equal factors of a group the larger addition counts", []Rule{grouped("a", 2, 1), grouped("b", 2, 3)}, nil, noon, Offset{Regular: 2, RegularAdd: 3, Total: 2, TotalAdd: 3}},
		{"the largest of a group may be below 1", []Rule{grouped("a", 0.5, 0), grouped("b", 0.8, 0)}, nil, noon, regular(0.8)},
		{"factors are bounded, and nothing is no number", []Rule{huge, huge, nothing}, nil, noon, Offset{RegularAdd: math.MaxFloat64, TotalAdd: math.MaxFloat64}},
		{"a ramp ends to the second where another condition begins", []Rule{notAtNews}, []Event{news}, at(11, 59), regular(1 + 80.0/600)},
		{"and begins where it ends", []Rule{notAtNews}, []Event{news}, at(12, 1), regular(1 + 20.0/600)},
		{"of several events none is enough alone", []Rule{viralGame}, []Event{game, viral(at(12, 30), at(13, 0))}, at(12, 29), regular(1)},
		{"they count while all go on", []Rule{viralGame}, []Event{game, viral(at(12, 30), at(13, 0))}, at(12, 30), irregular(1, 3)},
		{"and no longer than the first that ends", []Rule{viralGame}, []Event{game, viral(at(12, 30), at(13, 0))}, at(13, 0), regular(1)},
		{"each with its own lead", []Rule{viralGame}, []Event{game, viral(at(11, 0), at(12, 0))}, at(11, 30), irregular(1, 3)},
		{"and tail", []Rule{viralGame}, []Event{game, viral(at(14, 5), at(15, 0))}, at(14, 5), irregular(1, 3)},
		{"one that is missing is no event", []Rule{viralGame}, []Event{game}, noon, regular(1)},
		{"nor is one of another pool", []Rule{viralGame}, []Event{other, viral(at(12, 0), at(13, 0))}, noon, regular(1)},
		{"between two of their meetings it does not", []Rule{viralGame}, []Event{game, viral(at(12, 0), at(12, 10)), viral(at(12, 20), at(12, 30))}, at(12, 15), regular(1)},
		{"with a schedule all three are needed", []Rule{viralEvening}, []Event{game, viral(at(12, 0), at(13, 0))}, noon, regular(1)},
		{"an effect decays from when the last of them started", []Rule{viralDecaying}, []Event{game, viral(at(12, 30), at(14, 0))}, at(13, 30), irregular(1, 2)},
		{"that is the game, not its lead", []Rule{viralDecaying}, []Event{game, viral(at(11, 0), at(14, 0))}, at(13, 0), irregular(1, 2)},
		{"before which it does not decay", []Rule{viralDecaying}, []Event{game, viral(at(11, 0), at(14, 0))}, at(11, 45), irregular(1, 3)},
		{"it starts again when one does", []Rule{viralDecaying}, []Event{game, viral(at(12, 0), at(12, 40)), viral(at(12, 50), at(14, 0))}, at(13, 50), irregular(1, 2)},
		{"a ramp rises from when they meet", []Rule{viralRamped}, []Event{game, viral(at(12, 30), at(13, 0))}, at(12, 35), irregular(1, 2)},
		{"and falls until they part", []Rule{viralRamped}, []Event{game, viral(at(12, 30), at(13, 0))}, at(12, 55), irregular(1, 2)},
		{"a rule holds while one of its opposites is missing", []Rule{unlessViralGame}, []Event{game}, noon, regular(1.5)},
		{"and not while all of them go on", []Rule{unlessViralGame}, []Event{game, viral(at(12, 0), at(13, 0))}, noon, regular(1)},
		{"and not within it", []Rule{notAtNews}, []Event{news}, at(12, 0).Add(30 * time.Second), regular(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tl := Policy{Pool: testPool(), Rules: tt.rules}.Timeline(tt.events)
			if got := tl.Offset(tt.at); got != tt.want {
				t.Errorf("Offset(%s) = %+v, want %+v", tt.at.In(newYork), got, tt.want)
			}
		})
	}
}

// The ramp of a rule whatever begins and ends it: schedules in two zones, months and
// events at any second, against a walk from second to second.
func TestRampsAgainstAWalk(t *testing.T) {
	const limit = 1200
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: testPool(), Rules: []Rule{drawn(t).rule("rule")}}
		tl := p.Timeline(drawn(t).events())
		for _, second := range rapid.SliceOfN(rapid.IntRange(-3600, 3600), 1, 10).Draw(t, "now") {
			now := noon.Add(time.Duration(second) * time.Second)
			if !tl.active(0, tl.at(now)) {
				continue
			}
			since, until := 0, 0
			for since < limit && tl.active(0, tl.at(now.Add(-time.Duration(since+1)*time.Second))) {
				since++
			}
			for until < limit && tl.active(0, tl.at(now.Add(time.Duration(until)*time.Second))) {
				until++
			}
			if got := tl.since(0, now, limit*time.Second); got != time.Duration(since)*time.Second {
				t.Fatalf("%s: active since %s, want %ds", now, got, since)
			}
			if got := tl.until(0, now, limit*time.Second); got != time.Duration(until)*time.Second {
				t.Fatalf("%s: active until %s, want %ds", now, got, until)
			}
		}
	})
}

func TestSpells(t *testing.T) {
	game := Event{Type: "game", Start: time.Date(2026, 10, 31, 23, 0, 7, 0, newYork), End: time.Date(2026, 11, 1, 1, 30, 0, 0, newYork)}
	rule := func(c Condition) Rule { return Rule{Name: "r", When: c} }
	evening := schedule(t, "evening", "18:00", "24:00")
	morning := schedule(t, "morning", "00:00", "02:00")
	unless := rule(Condition{During: []Schedule{evening}})
	unless.Unless = &Condition{During: []Schedule{schedule(t, "late", "22:00", "24:00")}}
	for _, tc := range []struct {
		name string
		rule Rule
		at   string // of the clock in New York, on the day before it is set back
		want string
	}{
		{"always", rule(Condition{}), "12:00", "active, no end"},
		{"next", rule(Condition{During: []Schedule{evening}}), "12:00", "Sat 18:00:00 EDT to Sun 00:00:00 EDT"},
		{"now", rule(Condition{During: []Schedule{evening}}), "18:00", "active to Sun 00:00:00 EDT"},
		{"its last second", rule(Condition{During: []Schedule{evening}}), "23:59", "active to Sun 00:00:00 EDT"},
		{"an hour that comes twice", rule(Condition{During: []Schedule{morning}}), "12:00", "Sun 00:00:00 EDT to Sun 02:00:00 EST"},
		{"two windows that touch", rule(Condition{During: []Schedule{evening, morning}}), "12:00", "Sat 18:00:00 EDT to Sun 02:00:00 EST"},
		{"one that lasts a minute", rule(Condition{During: []Schedule{schedule(t, "minute", "03:01", "03:02")}}), "12:00", "Sun 03:01:00 EST to Sun 03:02:00 EST"},
		{"unless", unless, "20:00", "active to Sat 22:00:00 EDT"},
		{"months", rule(Condition{Months: []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 11, End: 12}}}}), "12:00", "Sun 00:00:00 EDT, no end"},
		{"not within a week", rule(Condition{Months: []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 12, End: 12}}}}), "12:00", "not active"},
		{"an event", rule(Condition{Events: []EventMatch{{Type: "game", Lead: time.Hour}}}), "12:00", "Sat 22:00:07 EDT to Sun 01:30:00 EDT"},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-10-31 "+tc.at, newYork)
		if err != nil {
			t.Fatal(err)
		}
		p := Policy{Pool: Pool{Name: "nba", Location: newYork}, Rules: []Rule{tc.rule}}
		s := p.Timeline([]Event{game}).Spells(at, at.AddDate(0, 0, 7))[0]
		const layout = "Mon 15:04:05 MST"
		got := "not active"
		switch {
		case s.Active:
			got = "active"
		case !s.From.IsZero():
			got = s.From.In(newYork).Format(layout)
		}
		switch {
		case !s.Until.IsZero():
			got += " to " + s.Until.In(newYork).Format(layout)
		case got != "not active":
			got += ", no end"
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// A condition with several events holds while each of them alone would.
func TestSeveralEventsAreAllNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		p, all := Policy{Pool: testPool()}, Rule{Name: "all"}
		for range rapid.IntRange(1, 3).Draw(t, "events") {
			m := d.match("game", "news")
			all.When.Events = append(all.When.Events, m)
			p.Rules = append(p.Rules, Rule{When: Condition{Events: []EventMatch{m}}})
		}
		alone := len(p.Rules)
		p.Rules = append(p.Rules, all)
		tl := p.Timeline(drawn(t).events())
		if when := tl.when[alone].merged; alone > 1 {
			for i, s := range when {
				if !s.start.Before(s.end) || i > 0 && s.start.Before(when[i-1].end) {
					t.Fatalf("not sorted and apart: %v", when)
				}
			}
		}
		for _, second := range rapid.SliceOfN(rapid.IntRange(-4*3600, 4*3600), 1, 20).Draw(t, "at") {
			active := tl.activity(noon.Add(time.Duration(second) * time.Second))
			if want := !slices.Contains(active[:alone], false); active[alone] != want {
				t.Fatalf("%ds after noon: active %t, want %t of %v", second, active[alone], want, active[:alone])
			}
		}
	})
}

// I28: months are those of the pool's clock; of those that wrap around the year there
// are two ranges.
func TestMonthsFollowThePoolsClock(t *testing.T) {
	winter := parsed(t, "", "months: ['november:december', 'january:february']").Intervals[0].Months
	tl := Policy{Pool: testPool(), Rules: []Rule{{Name: "winter", When: Condition{Months: winter}}}}.Timeline(nil)
	for _, tt := range []struct {
		at   string
		want bool
	}{
		{"2026-11-01T03:59:59Z", false}, {"2026-11-01T04:00:00Z", true}, // midnight in New York, in summer time
		{"2027-01-01T00:00:00Z", true}, {"2027-03-01T04:59:59Z", true}, {"2027-03-01T05:00:00Z", false}, {"2028-02-29T23:00:00Z", true},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tl.Active(at); (len(got) == 1) != tt.want {
			t.Errorf("%s: active %v, want %t", tt.at, got, tt.want)
		}
	}
}

func TestConcerns(t *testing.T) {
	p := testPool() // nba, of league nba
	for _, tt := range []struct {
		labels map[string]string
		want   bool
	}{
		{nil, true}, {map[string]string{"league": "nba"}, true}, {map[string]string{"league": "nfl"}, false},
		{map[string]string{"team": "heat"}, true}, {map[string]string{"pool": "nba"}, true}, {map[string]string{"pool": "nfl"}, false},
		{map[string]string{"pool": "nba", "league": "nfl"}, false}, {map[string]string{"league": ""}, false},
	} {
		if got := p.Concerns(Event{Labels: tt.labels}); got != tt.want {
			t.Errorf("%v: got %t, want %t", tt.labels, got, tt.want)
		}
	}
}
