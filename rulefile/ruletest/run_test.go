package ruletest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load loads a file with one test about the rules.
func load(t testing.TB, rules, text string) Test {
	t.Helper()
	dir := write(t, map[string]string{"rules.yml": rules, "t.yml": "rule_files: [rules.yml]\ntests:\n  - name: one\n    start: 2026-11-12T18:00:00-05:00\n" + text})
	s, err := Load(filepath.Join(dir, "t.yml"), offline)
	if err != nil {
		t.Fatal(err)
	}
	return s.Tests[0]
}

// run returns one line for each difference and each message that stands alone.
func run(t testing.TB, test Test) []string {
	t.Helper()
	failures, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range failures {
		if len(f.Differences) == 0 {
			out = append(out, f.Message)
		}
		for _, d := range f.Differences {
			out = append(out, fmt.Sprintf("%d %s: want %s, got %s", f.Pos.Line, d.What, d.Want, d.Got))
		}
	}
	return out
}

func TestRun(t *testing.T) {
	const load120 = "    input_series: [{series: 'agent_load{league=\"NBA\"}', values: '120x60'}]\n"
	for name, tc := range map[string]struct {
		rules, text string
		want        []string
	}{
		"queries are PromQL over the series": {rules, `
    input_series:
      - {series: 'agent_load{league="NBA",host="a"}', values: '30x10'}
      - {series: 'agent_load{league="NBA",host="b"}', values: '60x10'}
      - {series: 'agent_load{league="NFL"}', values: '999x10'}
    expect: [{at: 5m, pool: nba, desired: 8, why: "^.*load.*90|90.*needs 7.5"}]
`, nil},
		"rates of counters": {strings.Replace(rules, "sum by (league) (agent_load)", "'sum by (league) (rate(work_total[5m]))'", 1), `
    input_series: [{series: 'work_total{league="NBA"}', values: '0+3600x20'}]
    expect: [{at: 10m, pool: nba, desired: 5, why: load 60 needs 5}]
`, nil},
		"every value is seen at its minute": {strings.Replace(rules, "per_agent: 12", "per_agent: 1", 1), `
    input_series: [{series: 'agent_load{league="NBA"}', values: '6 6 6 18'}]
    tick: 1m
    expect: [{at: 2m, pool: nba, max_desired: 7}, {at: 3m, pool: nba, min_desired: 10}]
`, nil},
		"the scaled pool is the next one's current": {rules, load120 + `
    current: {nba: 6}
    expect: [{at: 0s, pool: nba, current: 6, desired: 10}, {at: 30s, pool: nba, current: 10, desired: 10}]
`, nil},
		"base agents run at the start": {rules, load120 + "    expect: [{at: 0s, pool: nba, current: 6}]\n", nil},
		"an orchestrator with a delay": {rules, load120 + `
    orchestrator_delay: 2m
    expect: [{at: 90s, pool: nba, current: 6, desired: 10}, {at: 2m, pool: nba, current: 10}]
`, nil},
		"an orchestrator that is frozen": {rules, load120 + `
    orchestrator: frozen
    expect: [{at: 1h, pool: nba, current: 6, desired: 10}]
`, nil},
		"an orchestrator that is down": {rules, load120 + `
    orchestrator: down
    expect: [{at: 1m, pool: nba, current: 0, desired: 0, reason: current_unknown}]
`, nil},
		"scale_up_only never shrinks": {strings.Replace(rules, "labels:", "mode: scale_up_only\n    labels:", 1), load120 + `
    current: {nba: 20}
    expect: [{at: 30m, pool: nba, current: 20, desired: 20, reason: mode}]
`, nil},
		"a load that is not measured": {rules, `
    current: {nba: 20}
    expect: [{at: 30m, pool: nba, desired: 20, reason: load_unknown}]
`, nil},
		"a load that becomes stale": {rules, `
    input_series: [{series: 'agent_load{league="NBA"}', values: '240x5 _x30'}]
    current: {nba: 30}
    orchestrator: frozen
    expect: [{at: 5m, pool: nba, desired: 20}, {at: 8m, pool: nba, desired: 30, reason: load_unknown, why: stale}]
`, nil},
		"history comes before the start": {rules, `
    input_series:
      - {series: 'agent_load{league="NBA"}', from: -10d, interval: 5m, repeat: 10, values: '60x23 240x263'}
      - {series: 'agent_load{league="NBA"}', values: '60x120'}
    expect: [{at: 1h, pool: nba, max_desired: 8}, {at: 1h55m, pool: nba, min_desired: 9, reason: forecast}]
`, nil},
		"a load of which a part is missing": {strings.Replace(rules, "per_agent: 12", "per_agent: 12, completeness: count by (league) (agent_load)", 1), `
    input_series:
      - {series: 'agent_load{league="NBA",host="a"}', from: -3h, values: '60x600'}
      - {series: 'agent_load{league="NBA",host="b"}', from: -3h, values: '60x239 stale _x100 60x300'}
    current: {nba: 10}
    expect:
      - {at: 59m, pool: nba, desired: 10}
      - {at: 1h5m, pool: nba, desired: 10}
      - {at: 1h59m, pool: nba, desired: 10}
      - {at: 2h20m, pool: nba, max_desired: 7}
`, nil},
		"events of the test": {rules, load120 + `
    current: {nba: 10}
    events: [{type: game, start: 1h, end: 2h}]
    expect: [{at: 29m30s, pool: nba, rules: []}, {at: 30m, pool: nba, rules: [game]}]
`, nil},
		"an event is not known before it is told": {rules, load120 + `
    events: [{type: game, start: 20m, end: 2h, told: 40m}]
    expect: [{at: 39m30s, pool: nba, rules: []}, {at: 40m, pool: nba, rules: [game]}]
`, nil},
		"overrides one after another": {rules, load120 + `
    overrides:
      - {pool: nba, exact: 15, end: 10m, author: anna, reason: derby}
      - {pool: nba, min: 12, start: 10m, end: 20m}
    expect:
      - {at: 9m30s, pool: nba, desired: 15, reason: override, why: anna.*derby}
      - {at: 10m, pool: nba, desired: 12, reason: override}
      - {at: 20m, pool: nba, desired: 10}
`, nil},
		"overrides hold and disable": {rules, load120 + `
    overrides: [{pool: nba, hold: true, end: 10m}, {pool: nba, disable: true, start: 10m, end: 20m}]
    expect: [{at: 9m30s, pool: nba, desired: 6}, {at: 15m, pool: nba, desired: 6, reason: disabled}, {at: 20m, pool: nba, desired: 10}]
`, nil},
		"everything differs": {rules, load120 + `
    events: [{type: game, start: 30m, end: 1h}]
    expect:
      - {at: 1m, pool: nba, current: 1, desired: 2, reason: override, rules: [], why: the moon}
      - {at: 1m, pool: nba, min_desired: 11, max_desired: 12}
      - {at: 1m, pool: nba, min_desired: 8, max_desired: 9}
`, []string{
			"9 current: want 1, got 10", "9 desired: want 2, got 10", "9 reason: want override, got reactive", "9 rules: want none, got game",
			"9 why: want one that matches the moon, got none of those below", "10 desired: want ≥ 11, got 10", "11 desired: want ≤ 9, got 10",
		}},
		"failures are in the order of time": {rules, load120 + `
    expect: [{at: 1m, pool: nba, desired: 1}, {at: 0s, pool: nba, current: 1}]
`, []string{"7 current: want 1, got 6", "7 desired: want 1, got 10"}},
		"a series that nobody reads": {rules, `
    input_series: [{series: 'agent_load{league="NBA"}', values: '1x9'}, {series: 'agent_laod{league="NBA"}', values: '1x9'}]
    expect: [{at: 1m, pool: nba, min_desired: 1}]
`, []string{`no query reads the series agent_laod{league="NBA"}; they read agent_load`}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, run(t, load(t, tc.rules, tc.text))); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRunTwiceGivesTheSame(t *testing.T) {
	test := load(t, rules, `
    input_series: [{series: 'agent_load{league="NBA"}', values: '60+1x240'}]
    events: [{type: game, start: 1h, end: 2h, told: 30m}]
    overrides: [{pool: nba, max: 12, start: 10m, end: 40m}]
    expect: [{at: 0s, pool: nba, desired: 0}, {at: 2h, pool: nba, desired: 0}]
`)
	first, err := test.Run(t.Context())
	if err != nil || len(first) != 2 {
		t.Fatalf("got %v (%v), want two failures", first, err)
	}
	again, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fmt.Sprint(first), fmt.Sprint(again)); diff != "" {
		t.Errorf("failures (-first +then):\n%s", diff)
	}
}

func TestFailureTellsWhatDiffersAndWhy(t *testing.T) {
	test := load(t, rules, `
    input_series: [{series: 'agent_load{league="NBA"}', values: '60x60'}]
    events: [{type: game, start: 1h, end: 2h}]
    expect: [{at: 30m, pool: nba, desired: 12, reason: forecast}]
`)
	failures, err := test.Run(t.Context())
	if err != nil || len(failures) != 1 {
		t.Fatalf("got %v (%v), want one failure", failures, err)
	}
	const want = `nba at 30m, Thu 12 Nov 2026 18:30:00 EST
    - desired: 12
    + desired: 10
    - reason: forecast
    + reason: rule_min
    decided from 5 agents and a load of 60
        5 → 5   reactive          load 60 needs 5 agents of 12
        5 → 10  rule_min          rule game wants at least 10 agents`
	if diff := cmp.Diff(want, failures[0].String()); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
}

func TestRunEndsWithTheContext(t *testing.T) {
	test := load(t, rules, "    expect: [{at: 1h, pool: nba, min_desired: 1}]\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := test.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context was cancelled", err)
	}
}

func TestRunDoesNotTrustASlowMachine(t *testing.T) {
	test := load(t, rules, "    expect: [{at: 0s, pool: nba, min_desired: 1}]\n")
	test.tick = time.Nanosecond
	if _, err := test.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "give the test a longer tick") {
		t.Errorf("got %v", err)
	}
}

func TestDecidingStep(t *testing.T) {
	step := func(code policy.Code, from, to int) policy.Reason {
		return policy.Reason{Code: code, From: from, To: to}
	}
	for name, tc := range map[string]struct {
		reasons []policy.Reason
		want    policy.Code
	}{
		"none":           {nil, ""},
		"moved last":     {[]policy.Reason{step("forecast", 6, 5), step("rule_min", 5, 10)}, "rule_min"},
		"held last":      {[]policy.Reason{step("forecast", 6, 9), step("host_unknown", 9, 9)}, "forecast"},
		"moved back":     {[]policy.Reason{step("forecast", 6, 5), step("stabilization", 5, 6)}, "stabilization"},
		"nothing moved":  {[]policy.Reason{step("forecast", 6, 6)}, "forecast"},
		"nothing to say": {[]policy.Reason{step("forecast", 6, 6), step("cooldown", 6, 6)}, "cooldown"},
	} {
		if got := deciding(policy.Decision{Reasons: tc.reasons}).Code; got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestOrchestratorChecksTheMode(t *testing.T) {
	o := newOrchestrator(contract{kind: prompt, agents: map[string]int{"nba": 6}}, &clock{})
	for mode, want := range map[policy.Mode]policy.Result{policy.DryRun: policy.NotSent, policy.Active: policy.Accepted} {
		if got := o.Scale(t.Context(), policy.Decision{Pool: "nba", Mode: mode, Current: 6, Desired: 7}); got.Result != want {
			t.Errorf("%s: got %s, want %s", mode, got.Result, want)
		}
	}
}
