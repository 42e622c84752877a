package policy

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v3"
)

// schedule is a daily window without a location of its own.
func schedule(t *testing.T, name, from, to string) Schedule {
	t.Helper()
	return parseSchedule(t, name, "times: [{start_time: '"+from+"', end_time: '"+to+"'}]")
}

func parseSchedule(t *testing.T, name, text string) Schedule {
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
		{"its own zone wins", "{times: [{start_time: '18:00', end_time: '24:00'}], location: UTC}", utc("2026-11-12T23:00"), true},
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
			if got := parseSchedule(t, "s", tt.interval).Contains(tt.at, newYork); got != tt.want {
				t.Errorf("Contains(%s) = %v, want %v", tt.at.In(newYork), got, tt.want)
			}
		})
	}
}

func TestTimelineOffset(t *testing.T) {
	game := Event{Type: "game", Labels: map[string]string{"league": "nba"}, Start: noon, End: noon.Add(2 * time.Hour)}
	playoff := game
	playoff.Labels = map[string]string{"league": "nba", "importance": "playoff"}
	other := game
	other.Labels = map[string]string{"league": "nfl"}

	always := Rule{Name: "always", Demand: &DemandEffect{Multiply: 1.5}}
	onGame := Rule{Name: "game", When: Condition{Event: &EventMatch{Type: "game", Lead: 30 * time.Minute, Tail: 10 * time.Minute}}, Demand: &DemandEffect{Multiply: 2, Group: "game"}}
	onPlayoff := Rule{Name: "playoff", When: Condition{Event: &EventMatch{Type: "game", Labels: map[string]string{"importance": "playoff"}}}, Demand: &DemandEffect{Multiply: 3, Group: "game"}}
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
	decaying.When = Condition{Event: &EventMatch{Type: "game"}}
	decaying.Demand = &DemandEffect{Multiply: 3, HalfLife: time.Hour}
	unlessPlayoff.Unless = &Condition{Event: &EventMatch{Type: "game", Labels: map[string]string{"importance": "playoff"}}}
	unlessPlayoff.Demand = &DemandEffect{Multiply: 2}
	learned.Demand = &DemandEffect{Multiply: 2, Learned: true}
	later := game
	later.Start, later.End = noon.Add(90*time.Minute), noon.Add(100*time.Minute)

	regular := func(m float64) Offset { return Offset{Regular: m, Total: m} }
	irregular := func(m, total float64) Offset { return Offset{Regular: m, Total: total, Irregular: true} }
	at := func(h, m int) time.Time { return time.Date(2026, 11, 12, h, m, 0, 0, newYork) }
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
