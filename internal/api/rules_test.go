package api

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// window is a schedule of some hours of the day.
func window(name string, from, to int) policy.Schedule {
	times := []timeinterval.TimeRange{{StartMinute: from, EndMinute: to}}
	return policy.Schedule{Name: name, Intervals: []timeinterval.TimeInterval{{Times: times}}}
}

// rulesAsked returns what is told about rules.
func (d *desk) rulesAsked(t *testing.T, query string) apiv1.Rules {
	t.Helper()
	var v apiv1.Rules
	if err := json.Unmarshal([]byte(d.must(t, "GET", "/api/v1/rules?"+query, "")), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRulesAreTold(t *testing.T) {
	d := newDesk(t)
	if code, got := d.send("GET", "/api/v1/rules", ""); code != 503 || got != `{"status":"error","error":"the adapter has not taken its first tick; no rules are in force yet"}` {
		t.Errorf("before the first tick: got %d %s", code, got)
	}
	set := *d.engine.Settings()
	set.Generation, set.Hash, set.LoadedAt = 3, "abc", now.Add(-time.Hour)
	set.Files, set.Warnings = []string{"scaling-adapter.yml", "rules/nba.yml"}, []string{"rules/nba.yml:7:3: over"}
	d.engine.Apply(&set)
	d.tick(t)
	want := `{"time":"2026-11-24T12:00:00Z","generation":3,"config_hash":"abc","config_loaded_at":"2026-11-24T11:00:00Z","files":["scaling-adapter.yml","rules/nba.yml"],"warnings":["rules/nba.yml:7:3: over"],"pools":[` +
		`{"pool":"nba","location":"UTC","rules":[{"name":"news","when":"at events of type breaking_news","effect":"multiplies the demand by 2","active":false,"from":null,"until":null},{"name":"queue","when":"while queue \u003e 300","effect":"does not let the pool shrink","active":false,"from":null,"until":null}]}]}`
	if diff := cmp.Diff(want, d.must(t, "GET", "/api/v1/rules?pool=nba", "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if v := d.rulesAsked(t, ""); len(v.Pools) != 2 {
		t.Errorf("%d pools", len(v.Pools))
	}
	if code, got := d.send("GET", "/api/v1/rules?pool=mlb", ""); code != 404 {
		t.Errorf("another pool: got %d %s", code, got)
	}
	// An event that is told moves them; it is over before the next five minutes.
	d.must(t, "POST", "/api/v1/events", `{"type":"breaking_news","start":"2026-11-24T12:00:30Z","duration":"3m7s"}`)
	d.tick(t)
	if got := d.rulesAsked(t, "pool=nba").Pools[0].Rules[0]; !got.Active || got.From != nil || got.Until == nil || !got.Until.Equal(now.Add(3*time.Minute+37*time.Second)) {
		t.Errorf("during the event: %+v until %s", got, got.Until)
	}
}

func TestRulesSayWhenTheyAreActive(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	const hour = 60
	game := policy.Event{Type: "game", Start: time.Date(2026, 10, 31, 23, 0, 7, 0, zone), End: time.Date(2026, 11, 1, 1, 30, 0, 0, zone)}
	rule := func(c policy.Condition) policy.Rule { return policy.Rule{Name: "r", When: c} }
	evening := window("evening", 18*hour, 24*hour)
	morning := window("morning", 0, 2*hour)
	unless := rule(policy.Condition{During: []policy.Schedule{evening}})
	unless.Unless = &policy.Condition{During: []policy.Schedule{window("late", 22*hour, 24*hour)}}
	for _, tc := range []struct {
		name string
		rule policy.Rule
		at   string // of the clock in New York, on the day before it is set back
		want string
	}{
		{"always", rule(policy.Condition{}), "12:00", "active, no end"},
		{"next", rule(policy.Condition{During: []policy.Schedule{evening}}), "12:00", "Sat 18:00:00 EDT to Sun 00:00:00 EDT"},
		{"now", rule(policy.Condition{During: []policy.Schedule{evening}}), "18:00", "active to Sun 00:00:00 EDT"},
		{"its last second", rule(policy.Condition{During: []policy.Schedule{evening}}), "23:59", "active to Sun 00:00:00 EDT"},
		{"an hour that comes twice", rule(policy.Condition{During: []policy.Schedule{morning}}), "12:00", "Sun 00:00:00 EDT to Sun 02:00:00 EST"},
		{"two windows that touch", rule(policy.Condition{During: []policy.Schedule{evening, morning}}), "12:00", "Sat 18:00:00 EDT to Sun 02:00:00 EST"},
		{"unless", unless, "20:00", "active to Sat 22:00:00 EDT"},
		{"months", rule(policy.Condition{Months: []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 11, End: 12}}}}), "12:00", "Sun 00:00:00 EDT, no end"},
		{"not within a week", rule(policy.Condition{Months: []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: 12, End: 12}}}}), "12:00", "not active"},
		{"an event", rule(policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: time.Hour}}}), "12:00", "Sat 22:00:07 EDT to Sun 01:30:00 EDT"},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", "2026-10-31 "+tc.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		p := policy.Policy{Pool: policy.Pool{Name: "nba", Location: zone}, Rules: []policy.Rule{tc.rule}}
		s := spellsOf(p.Timeline([]policy.Event{game}), at)["r"]
		const layout = "Mon 15:04:05 MST"
		got := "not active"
		switch {
		case s.active:
			got = "active"
		case !s.from.IsZero():
			got = s.from.In(zone).Format(layout)
		}
		switch {
		case !s.until.IsZero():
			got += " to " + s.until.In(zone).Format(layout)
		case got != "not active":
			got += ", no end"
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestRulesInWords(t *testing.T) {
	hours := [24]float64{}
	for i := range hours {
		hours[i] = 0.5 + float64(i)/10
	}
	percent, agents := policy.Bound{Percent: 60}, policy.Bound{Agents: 10}
	months := func(begin, end int) timeinterval.MonthRange {
		return timeinterval.MonthRange{InclusiveRange: timeinterval.InclusiveRange{Begin: begin, End: end}}
	}
	for _, tc := range []struct {
		rule policy.Rule
		want string
	}{
		{policy.Rule{Hold: policy.HoldDown}, "always: does not let the pool shrink"},
		{policy.Rule{Hold: policy.HoldBoth, When: policy.Condition{During: []policy.Schedule{{Name: "a"}, {Name: "b"}}}}, "during a or b: holds the pool"},
		{policy.Rule{Bounds: &policy.BoundsEffect{Min: &agents, Max: &percent}, When: policy.Condition{Months: []timeinterval.MonthRange{months(7, 9), months(1, 1)}}}, "in July to September or January: at least 10 agents, at most 60 % of the pool's maximum"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 2.5}, When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Labels: map[string]string{"league": "nba", "importance": "playoff"}, Lead: 30 * time.Minute, Tail: time.Hour}}, During: []policy.Schedule{{Name: "a"}}}},
			"during a, at events of type game with importance=playoff league=nba from 30m before until 1h after: multiplies the demand by 2.5"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 1, Add: 1}, Unless: &policy.Condition{During: []policy.Schedule{{Name: "a"}}}}, "always; not during a: adds 1 agent to the demand"},
		{policy.Rule{Hold: policy.HoldDown, When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}, {Type: "expr queue > 300 for 2m"}}}}, "at events of type game, while queue > 300 for 2m: does not let the pool shrink"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 1}}, "always: leaves the demand as it is"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 0}}, "always: multiplies the demand by 0"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 2, ByMonth: map[time.Month]float64{time.May: 0.3, time.June: 1.3}, ByHour: &hours, Add: 3}},
			"always: multiplies the demand by 2 times 0.3 to 1.3 by month times 0.5 to 2.8 by hour of the day and adds 3 agents to the demand"},
		{policy.Rule{Demand: &policy.DemandEffect{Multiply: 2, RampUp: 10 * time.Minute, RampDown: 5 * time.Minute, HalfLife: time.Hour, Learned: true, Group: "game"}},
			"always: multiplies the demand by 2, growing for 10m, vanishing for 5m, halved every 1h; what is learned of its events counts instead; of group game only the largest effect counts"},
	} {
		if got := fmt.Sprintf("%s: %s", whenInWords(tc.rule), effectInWords(tc.rule)); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}
