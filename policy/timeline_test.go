package policy

import (
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
	ramped.Demand = &DemandEffect{Multiply: 3, Ramp: 10 * time.Minute}
	months := Rule{Name: "season", Demand: &DemandEffect{ByMonth: map[time.Month]float64{time.November: 1.2}}}
	evening := Rule{Name: "evening", When: Condition{During: []Schedule{schedule(t, "evening", "18:00", "22:00")}}, Demand: &DemandEffect{Multiply: 2, Ramp: 20 * time.Minute}}

	at := func(h, m int) time.Time { return time.Date(2026, 11, 12, h, m, 0, 0, newYork) }
	tests := []struct {
		name   string
		rules  []Rule
		events []Event
		at     time.Time
		want   Offset
	}{
		{"nothing known", nil, nil, noon, Offset{1, 1, false}},
		{"multipliers multiply", []Rule{always, months}, nil, noon, Offset{1.7999999999999998, 1.7999999999999998, false}},
		{"a month that is not named counts 1", []Rule{months}, nil, noon.AddDate(0, 1, 0), Offset{1, 1, false}},
		{"an event is no ordinary time", []Rule{always, onGame}, []Event{game}, noon, Offset{1.5, 3, true}},
		{"an event counts from its lead on", []Rule{onGame}, []Event{game}, at(11, 30), Offset{1, 2, true}},
		{"and not before", []Rule{onGame}, []Event{game}, at(11, 29), Offset{1, 1, false}},
		{"an event counts to the end of its tail", []Rule{onGame}, []Event{game}, at(14, 9), Offset{1, 2, true}},
		{"and no longer", []Rule{onGame}, []Event{game}, at(14, 10), Offset{1, 1, false}},
		{"another league's game is not ours", []Rule{onGame}, []Event{other}, noon, Offset{1, 1, false}},
		{"of a group only the largest counts", []Rule{onGame, onPlayoff}, []Event{playoff}, noon, Offset{1, 3, true}},
		{"a lesser event of the group still counts alone", []Rule{onGame, onPlayoff}, []Event{game}, noon, Offset{1, 2, true}},
		{"a ramp begins at 1", []Rule{ramped}, []Event{game}, at(11, 30), Offset{1, 1, true}},
		{"a ramp rises evenly", []Rule{ramped}, []Event{game}, at(11, 35), Offset{1, 2, true}},
		{"a ramp falls to the end", []Rule{ramped}, []Event{game}, at(14, 5), Offset{1, 2, true}},
		{"a schedule's ramp rises", []Rule{evening}, nil, at(18, 5), Offset{1.25, 1.25, false}},
		{"a schedule's ramp is done", []Rule{evening}, nil, at(19, 0), Offset{2, 2, false}},
		{"a schedule's ramp falls", []Rule{evening}, nil, at(21, 50), Offset{1.5, 1.5, false}},
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
