package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

var evening = time.Date(2026, 11, 12, 17, 40, 0, 0, time.FixedZone("EST", -5*60*60))

func decision() policy.Decision {
	return policy.Decision{
		ID: "nba-20261112T224000Z", Pool: "nba", Time: evening, Mode: policy.Active, Current: 7, Desired: 10,
		Reasons: []policy.Reason{
			{Code: policy.ReasonForecast, From: 7, To: 9, Detail: "the forecast expects up to 109 at 18:35 (quantile 0.9), needs 9 agents of 12"},
			{Code: policy.ReasonRuleMin, From: 9, To: 10, Rule: "nba-evening", Detail: "rule nba-evening: min 10 > 9"},
		},
	}
}

const executedBody = `{"specversion":"1.0","id":"scaling_executed-nba-20261112T224000Z","source":"//adapter-1/scaling-adapter","type":"io.scaling-adapter.scaling_executed","subject":"nba","time":"2026-11-12T22:40:00Z","datacontenttype":"application/json",` +
	`"data":{"decision":"nba-20261112T224000Z","pool":"nba","from":7,"to":10,"why":"the forecast expects up to 109 at 18:35 (quantile 0.9), needs 9 agents of 12; rule nba-evening: min 10 > 9",` +
	`"reasons":[{"code":"forecast","from":7,"to":9,"detail":"the forecast expects up to 109 at 18:35 (quantile 0.9), needs 9 agents of 12"},{"code":"rule_min","from":9,"to":10,"rule":"nba-evening","detail":"rule nba-evening: min 10 > 9"}],"outcome":"accepted"}}`

func bodies(t *testing.T, events ...Event) string {
	t.Helper()
	var lines []string
	for _, e := range events {
		body, err := e.encode("//adapter-1/scaling-adapter")
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(body))
	}
	return strings.Join(lines, "\n")
}

func TestDecisionsThatWereCarriedOutOrNotAreTold(t *testing.T) {
	for _, tc := range []struct {
		outcome policy.Outcome
		want    string
	}{
		{policy.Outcome{Result: policy.Accepted}, executedBody},
		{policy.Outcome{Result: policy.Failed, Err: errors.New("the orchestrator answered 500")},
			strings.NewReplacer("scaling_executed", "scaling_failed", `"outcome":"accepted"`, `"outcome":"failed","error":"the orchestrator answered 500"`).Replace(executedBody)},
		{policy.Outcome{Result: policy.Unknown, Err: errors.New("not answered")},
			strings.NewReplacer("scaling_executed", "scaling_failed", `"outcome":"accepted"`, `"outcome":"unknown","error":"not answered"`).Replace(executedBody)},
		{policy.Outcome{Result: policy.Conflict, Err: errors.New("somebody else changed the pool")}, ""},
		{policy.Outcome{Result: policy.NotSent}, ""},
		{policy.Outcome{Result: policy.NotNeeded}, ""},
	} {
		got := ""
		if e, tell := Decided(decision(), tc.outcome); tell {
			got = bodies(t, e)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.outcome.Result, diff)
		}
	}
}

// snapshot has the pools nba and gpu, the latter on hosts of its own.
func snapshot(emergency policy.EmergencyState, budgets ...engine.BudgetStatus) *engine.Snapshot {
	host := func(hosts, resource string, sample policy.Sample) engine.HostStatus {
		return engine.HostStatus{Host: engine.Host{Hosts: hosts, Resource: resource, Limit: 80}, Sample: sample}
	}
	return &engine.Snapshot{
		Time:     evening,
		Settings: &engine.Settings{Emergency: policy.EmergencyLimits{Percent: map[string]float64{"cpu": 90, "memory": 85}}},
		Hosts: []engine.HostStatus{
			host("", "cpu", policy.Sample{Value: 93.5, Quality: policy.OK}), host("", "memory", policy.Sample{Value: 60, Quality: policy.Stale}),
			host("gpu", "cpu", policy.Sample{Value: 50, Quality: policy.OK}),
		},
		Emergency: emergency,
		Pools:     []engine.PoolStatus{{Pool: policy.Pool{Name: "gpu", Hosts: "gpu"}}, {Pool: policy.Pool{Name: "nba"}, Budgets: budgets}},
	}
}

func emergencies(groups ...string) policy.EmergencyState {
	st := policy.EmergencyState{"": {}, "gpu": {}}
	for _, hosts := range groups {
		st[hosts] = policy.GroupEmergency{Active: true}
	}
	return st
}

func spent(used, remaining int, status budget.Status) engine.BudgetStatus {
	return engine.BudgetStatus{Name: "x-api", Limit: 17, Cap: budget.Cap{
		Status: status, Window: budget.LocalDay, Class: "peak", Used: used, Remaining: remaining,
		Until: time.Date(2026, 11, 13, 0, 0, 0, 0, evening.Location()), Detail: "17 of 17 used today, nothing left until 00:00",
	}}
}

const (
	beganBody = `{"specversion":"1.0","id":"emergency--began-20261112T224000Z","source":"//adapter-1/scaling-adapter","type":"io.scaling-adapter.emergency","time":"2026-11-12T22:40:00Z","datacontenttype":"application/json",` +
		`"data":{"hosts":"","state":"began","pools":["gpu","nba"],"resources":[{"resource":"cpu","percent":93.5,"limit_percent":80,"emergency_percent":90},{"resource":"memory","percent":null,"limit_percent":80,"emergency_percent":85}]}}`
	endedBody = `{"specversion":"1.0","id":"emergency-gpu-ended-20261112T224000Z","source":"//adapter-1/scaling-adapter","type":"io.scaling-adapter.emergency","subject":"gpu","time":"2026-11-12T22:40:00Z","datacontenttype":"application/json",` +
		`"data":{"hosts":"gpu","state":"ended","pools":["gpu"],"resources":[{"resource":"cpu","percent":50,"limit_percent":80,"emergency_percent":90}]}}`
	exhaustedBody = `{"specversion":"1.0","id":"budget_exhausted-nba-x-api-20261112T224000Z","source":"//adapter-1/scaling-adapter","type":"io.scaling-adapter.budget_exhausted","subject":"nba","time":"2026-11-12T22:40:00Z","datacontenttype":"application/json",` +
		`"data":{"pool":"nba","budget":"x-api","limit":17,"used":17,"window":"local_day","class":"peak","until":"2026-11-13T05:00:00Z","why":"17 of 17 used today, nothing left until 00:00"}}`
)

// pausing is a snapshot in which nba is paused since an instant.
func pausing(since time.Time, r policy.Result) *engine.Snapshot {
	s := snapshot(nil)
	p := &s.Pools[1]
	p.Decision, p.Outcome = decision(), policy.Outcome{Result: r}
	p.Pause = policy.Pause{Start: since, End: since.Add(30 * time.Minute), Why: "asked for 10 agents 5m ago, and there are 7"}
	p.Asked = policy.Asked{Time: since.Add(-5 * time.Minute), From: 4, To: 10}
	return s
}

// failedBody is the event of a pause.
func failedBody(from, to int) string {
	return strings.NewReplacer(
		"scaling_executed", "scaling_failed", `"outcome":"accepted"`, `"outcome":"failed","error":"asked for 10 agents 5m ago, and there are 7"`,
		`"from":7,"to":10,"why"`, fmt.Sprintf(`"from":%d,"to":%d,"why"`, from, to),
	).Replace(executedBody)
}

func TestWhatBeganOrEndedBetweenTicksIsTold(t *testing.T) {
	left, gone := spent(16, 1, budget.OK), spent(17, 0, budget.Exhausted)
	unknown, never := spent(17, 0, budget.Unknown), engine.BudgetStatus{Name: "x-api", Limit: 17, Cap: budget.Cap{Status: budget.Unknown}}
	for name, tc := range map[string]struct {
		before, now *engine.Snapshot
		want        string
	}{
		"an emergency begins":                          {snapshot(emergencies()), snapshot(emergencies("")), beganBody},
		"an emergency ends":                            {snapshot(emergencies("gpu")), snapshot(emergencies()), endedBody},
		"both, sorted":                                 {snapshot(emergencies("gpu")), snapshot(emergencies("")), beganBody + "\n" + endedBody},
		"an emergency goes on":                         {snapshot(emergencies("gpu")), snapshot(emergencies("gpu")), ""},
		"an emergency at the first tick":               {nil, snapshot(emergencies("")), beganBody},
		"hosts in an emergency are taken away":         {snapshot(emergencies("gpu")), snapshot(policy.EmergencyState{"": {}}), endedBody},
		"a budget is used up":                          {snapshot(nil, left), snapshot(nil, gone), exhaustedBody},
		"a budget stays used up":                       {snapshot(nil, gone), snapshot(nil, gone), ""},
		"a budget is used up at the first tick":        {nil, snapshot(nil, gone), exhaustedBody},
		"a budget comes with a reload, and is used up": {snapshot(nil), snapshot(nil, gone), exhaustedBody},
		"a budget comes back":                          {snapshot(nil, gone), snapshot(nil, left), ""},
		"a budget is not measured for a while":         {snapshot(nil, gone), snapshot(nil, unknown), ""},
		"a budget is measured again":                   {snapshot(nil, unknown), snapshot(nil, gone), ""},
		"a budget was never measured":                  {snapshot(nil), snapshot(nil, never), ""},
		"nothing":                                      {snapshot(nil), snapshot(nil), ""},
		"what was accepted does not come":              {snapshot(nil), pausing(evening, policy.NotNeeded), failedBody(4, 10)},
		"so it was at the first tick":                  {nil, pausing(evening, policy.NotNeeded), failedBody(4, 10)},
		"the orchestrator is busy too often":           {snapshot(nil), pausing(evening, policy.Busy), failedBody(7, 10)},
		"a decision has told the failure":              {snapshot(nil), pausing(evening, policy.Failed), ""},
		"or that nobody knows":                         {snapshot(nil), pausing(evening, policy.Unknown), ""},
		"a pause goes on":                              {pausing(evening, policy.NotNeeded), pausing(evening.Add(-time.Minute), policy.NotNeeded), ""},
		"a pause goes on, the clock was set back":      {pausing(evening.Add(time.Hour), policy.NotNeeded), pausing(evening, policy.NotNeeded), ""},
		"a pause from before the start":                {nil, pausing(evening.Add(-time.Minute), policy.NotNeeded), ""},
		"a pause ends":                                 {pausing(evening, policy.NotNeeded), snapshot(nil), ""},
	} {
		if diff := cmp.Diff(tc.want, bodies(t, Changes(tc.before, tc.now)...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Changes leaves what it was given as it was.
func TestSnapshotsAreNotModified(t *testing.T) {
	before, now := snapshot(emergencies("gpu")), snapshot(policy.EmergencyState{"": {}})
	Changes(before, now)
	if diff := cmp.Diff(emergencies("gpu"), before.Emergency); diff != "" {
		t.Errorf("emergencies before (-want +got):\n%s", diff)
	}
	if len(now.Emergency) != 1 {
		t.Errorf("emergencies now: got %v", now.Emergency)
	}
}

// The bodies that the document shows are what is sent.
func TestTheDocumentShowsWhatIsSent(t *testing.T) {
	document := readFile(t, "../../docs/webhooks.md")
	for _, body := range []string{executedBody, beganBody, exhaustedBody} {
		var want, data any
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		shown := false
		for block := range strings.SplitSeq(document, "```json\n") {
			text, _, _ := strings.Cut(block, "```")
			if json.Unmarshal([]byte(text), &data) == nil && (cmp.Equal(want, data) || cmp.Equal(want.(map[string]any)["data"], data)) {
				shown = true
			}
		}
		if !shown {
			t.Errorf("docs/webhooks.md does not show\n%s", body)
		}
	}
	source := readFile(t, "verify_test.go")
	if _, verify, _ := strings.Cut(source, "\n// verify "); !strings.Contains(document, "// verify "+verify) {
		t.Errorf("docs/webhooks.md does not show how this file verifies:\n%s", source)
	}
}
