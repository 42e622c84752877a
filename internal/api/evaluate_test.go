package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestEvaluate(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	before := d.state()
	for _, tc := range []struct {
		body    string
		desired int
		mode    policy.Mode
		calls   bool
	}{
		{`{"pool":"nba"}`, 10, policy.Active, false},
		{`{"pool":"nba","load":150}`, 15, policy.Active, true},
		{`{"pool":"nba","forecast":180}`, 18, policy.Active, true},
		{`{"pool":"nba","load":0,"agents":3}`, 10, policy.Active, true}, // the forecast
		{`{"pool":"nba","override":{"exact":12,"mode":"dry_run"}}`, 12, policy.DryRun, false},
	} {
		code, text := d.send("POST", "/api/v1/evaluate", tc.body)
		var got struct{ Data apiv1.Evaluation }
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 {
			t.Fatalf("%s: got %d %s", tc.body, code, text)
		}
		if x := got.Data; x.Decision.Desired != tc.desired || x.Decision.Mode != tc.mode || x.Calls != tc.calls || x.Decision.ID != "" {
			t.Errorf("%s: got %d agents in mode %s, calls %v, ID %q, want %d, %s, %v", tc.body, x.Decision.Desired, x.Decision.Mode, x.Calls, x.Decision.ID, tc.desired, tc.mode, tc.calls)
		}
	}
	for body, want := range map[string]string{
		`{}`: "pool is missing; say which is to be evaluated",
		`{"pool":"nba","load":-1,"forecast":-2,"agents":-3,"override":{"hold":true,"exact":4}}`: "load must be a number from 0 on, got -1; forecast must be a number from 0 on, got -2; " +
			"agents must be between 0 and 1048576, got -3; override: exact and hold do not go together; give one of them",
		`{"pool":"nba","override":{}}`: "override: nothing is ordered",
		`{"pool":"nba","load":1e999}`:  "load: expected a number, got a JSON number 1e999",
		`{"pool":"nba","cpu":90}`:      `unknown field "cpu"`,
	} {
		if code, text := d.send("POST", "/api/v1/evaluate", body); code != 400 || !strings.Contains(unquoted(t, text), want) {
			t.Errorf("%s: got %d %s, want %s", body, code, text, want)
		}
	}
	if after := d.state(); after != before {
		t.Errorf("evaluating changed something: %s became %s", before, after)
	}
	if len(d.log.String()) > 0 {
		t.Errorf("evaluating is audited: %s", d.log.String())
	}
}

// unquoted returns the text of an error.
func unquoted(t *testing.T, answer string) string {
	t.Helper()
	var a struct{ Error string }
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatal(err)
	}
	return a.Error
}
