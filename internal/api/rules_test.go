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
	set.Places = map[string]string{"news": "rules/nba.yml:12:5"}
	d.engine.Apply(&set)
	d.tick(t)
	want := `{"time":"2026-11-24T12:00:00Z","generation":3,"config_hash":"abc","config_loaded_at":"2026-11-24T11:00:00Z","files":["scaling-adapter.yml","rules/nba.yml"],"warnings":["rules/nba.yml:7:3: over"],"pools":[` +
		`{"pool":"nba","location":"UTC","rules":[{"name":"news","place":"rules/nba.yml:12:5","when":"at events of type breaking_news","effect":"multiplies the demand by 2","active":false,"from":null,"until":null},{"name":"queue","when":"while queue \u003e 300","effect":"does not let the pool shrink","active":false,"from":null,"until":null}]}]}`
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
