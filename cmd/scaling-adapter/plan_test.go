package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// planNow is when the plans of the scripts with Prometheus begin.
var planNow = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// The scripts find a configuration with a Prometheus that has two weeks of loads, and
// an orchestrator with seven agents of each pool, which must not be told anything.
func TestPlanScripts(t *testing.T) {
	e, err := promengine.Open(t.TempDir(), func() time.Time { return planNow }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var samples []promengine.Sample
	for at := planNow.Add(-14 * 24 * time.Hour); at.Before(planNow); at = at.Add(5 * time.Minute) {
		y := 30.0
		if hour := at.Hour(); hour >= 8 && hour < 20 {
			y = 100
		}
		for i, league := range []string{"NBA", "NFL"} {
			samples = append(samples, promengine.Sample{Labels: labels.FromStrings("__name__", "agent_load", "league", league), Time: at, Value: y * float64(i+1)})
		}
	}
	slices.SortStableFunc(samples, func(a, b promengine.Sample) int { return labels.Compare(a.Labels, b.Labels) })
	if err := e.Append(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
	queries := 0
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/query_range") {
			queries++
		}
		e.Handler().ServeHTTP(w, r)
	}))
	defer prometheus.Close()
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("the orchestrator was told %s %s", r.Method, r.URL)
		}
		io.WriteString(w, `{"agents": 7}`)
	}))
	defer orchestrator.Close()
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/plan", RequireUniqueNames: true, UpdateScripts: *update, Setup: func(env *testscript.Env) error {
			config := fmt.Sprintf("prometheus: {url: %s}\norchestrator: {url: %s}\nrule_files: [rules.yml]\n", prometheus.URL, orchestrator.URL)
			return os.WriteFile(filepath.Join(env.WorkDir, "scaling-adapter.yml"), []byte(config), 0o600)
		}})
	})
	if queries == 0 {
		t.Error("no history was asked for")
	}
}

// planOf is a plan of one pool, given its agents at each instant.
func planOf(start time.Time, step time.Duration, agents ...int) engine.PoolPlan {
	p := engine.PoolPlan{Pool: policy.Pool{Name: "nba", Location: start.Location(), PerAgent: 12, Quantile: 0.9, Agents: policy.Agents{Base: 6, Min: 4, Max: 40}}}
	for i, n := range agents {
		at := start.Add(time.Duration(i) * step)
		p.Points = append(p.Points, engine.PlanPoint{
			Load:     engine.LoadRange{Low: math.NaN(), Median: float64(12 * n), High: math.NaN(), Planned: math.NaN()},
			Decision: policy.Decision{Time: at, Current: n, Desired: n, Reasons: []policy.Reason{{Code: policy.ReasonProfile, From: n, To: n}}},
			Floor:    policy.Edge{Agents: 4, Code: policy.ReasonPoolMin}, Ceiling: policy.Edge{Agents: 40, Code: policy.ReasonPoolMax},
		})
	}
	return p
}

func reportOf(every time.Duration, step time.Duration, after, before *engine.PoolPlan) planReport {
	r := planReport{Every: every, Plan: engine.Plan{Start: after.Points[0].Decision.Time, Step: step, Pools: []engine.PoolPlan{*after}}}
	if before != nil {
		r.Old, r.Before = []string{"old.yml"}, engine.Plan{Step: step, Pools: []engine.PoolPlan{*before}}
	}
	return r
}

// A day has as many rows as hours, and both hours that are called one.
func TestPlanRowsOnDaysOnWhichClocksAreSet(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		day        string
		every      time.Duration
		want       int
		some       []string
		clocks     string
		hoursOfDay int
	}{
		{"2026-10-31", time.Hour, 24, []string{"Sat 31 Oct 01:00", "Sat 31 Oct 02:00"}, "", 24},
		{"2026-11-01", time.Hour, 25, []string{"Sun  1 Nov 01:00 EDT", "Sun  1 Nov 01:00 EST", "Sun  1 Nov 02:00 EST"}, "clocks go back by 1h on Sun 1 Nov: 02:00 EDT is 01:00 EST", 25},
		{"2026-11-01", 6 * time.Hour, 4, []string{"Sun  1 Nov 00:00 EDT", "Sun  1 Nov 06:00 EST"}, "clocks go back by 1h on Sun 1 Nov: 02:00 EDT is 01:00 EST", 25},
		{"2027-03-14", time.Hour, 23, []string{"Sun 14 Mar 01:00 EST", "Sun 14 Mar 03:00 EDT"}, "clocks go forward by 1h on Sun 14 Mar: 02:00 EST is 03:00 EDT", 23},
	} {
		midnight, err := time.ParseInLocation(time.DateOnly, tt.day, zone)
		if err != nil {
			t.Fatal(err)
		}
		agents := make([]int, 4*tt.hoursOfDay)
		for i := range agents {
			agents[i] = 5 + i/4 // others each hour
		}
		p := planOf(midnight, 15*time.Minute, agents...)
		r := reportOf(tt.every, 15*time.Minute, &p, nil)
		rows := r.rows(p)
		var times []string
		for _, row := range rows {
			times = append(times, row.start.Format(layoutOf(p)))
		}
		if len(rows) != tt.want {
			t.Errorf("%s every %s: %d rows, want %d: %q", tt.day, tt.every, len(rows), tt.want, times)
		}
		for _, want := range tt.some {
			if !slices.Contains(times, want) {
				t.Errorf("%s every %s: no row %s in %q", tt.day, tt.every, want, times)
			}
		}
		if got := strings.Join(clockChanges(p.Points, zone), "; "); got != tt.clocks {
			t.Errorf("%s: got %q, want %q", tt.day, got, tt.clocks)
		}
	}
}

func TestPlanRowsTellWhatChanges(t *testing.T) {
	start := time.Date(2026, 11, 12, 17, 30, 0, 0, time.UTC)
	p := planOf(start, 30*time.Minute, 6, 6, 6, 7, 6, 6, 6, 6, 9, 8, 8, 8)
	for i := 4; i < 6; i++ {
		p.Points[i].Floor.Agents = 5
	}
	slow := []policy.Reason{{Code: policy.ReasonForecast, From: 6, To: 5}, {Code: policy.ReasonStabilization, From: 5, To: 6}}
	p.Points[2].Decision.Reasons, p.Points[5].Decision.Reasons = slow, slow
	p.Points[9].Decision.Reasons = []policy.Reason{{Code: policy.ReasonForecast, From: 8, To: 9}, {Code: policy.ReasonRuleMax, From: 9, To: 8, Rule: "night"}}
	p.Points[9].Decision.Rules, p.Points[11].Decision.Rules = []string{"night", "late"}, []string{"late"}
	p.Points[8].Events = []policy.Event{{ID: "1", Type: "game"}, {ID: "2", Type: "game", Name: "final\x1b[31m"}}
	var got []string
	for _, row := range reportOf(time.Hour, 30*time.Minute, &p, nil).rows(p) {
		got = append(got, fmt.Sprintf("%s %d %d–%d %g %s", row.start.Format("15:04"), row.top.Decision.Desired, row.floor, row.ceiling, row.median, row.why(nil)))
	}
	want := []string{
		"17:30 6 4–40 72 profile",
		"19:00 7 5–40 84 profile", // the most of the hour
		"20:00 6 5–40 72 forecast, stabilization",
		"21:00 9 4–40 108 profile  ● game  ● final [31m",
		"22:00 8 4–40 96 rule_max night; late",
		"23:00 8 4–40 96 profile; late",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Plans differ for as long as they do so in the same way; what is equal for less than
// a row is left out of that.
func TestPlanChanges(t *testing.T) {
	const step = 30 * time.Minute
	start := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	base := []int{6, 6, 6, 6, 6, 6, 6, 6}
	floor := func(p engine.PoolPlan, agents int, at ...int) engine.PoolPlan {
		for _, i := range at {
			p.Points[i].Floor.Agents = agents
		}
		return p
	}
	plan := func(agents ...int) engine.PoolPlan { return planOf(start, step, agents...) }
	for _, tt := range []struct {
		name          string
		before, after engine.PoolPlan
		want          []string
	}{
		{"nothing", plan(base...), plan(base...), nil},
		{"once", plan(base...), plan(6, 6, 8, 9, 6, 6, 6, 6), []string{"13:00–14:00 6 → 8–9, 4, +2.5 profile"}},
		{"with a short pause", plan(base...), plan(6, 8, 6, 8, 6, 6, 6, 6), []string{"12:30–14:00 6 → 6–8, 4, +2.0 profile"}},
		{"with a long pause", plan(base...), plan(8, 6, 6, 4, 6, 6, 6, 6), []string{"12:00–12:30 6 → 8, 4, +1.0 profile", "13:30–14:00 6 → 4, 4, −1.0 profile"}},
		{"a floor alone", plan(base...), floor(plan(base...), 5, 2, 3), []string{"13:00–14:00 6, 4 → 5, 0.0 "}},
		{"a floor within", plan(base...), floor(plan(7, 7, 7, 7, 6, 6, 6, 6), 5, 1, 2), []string{
			"12:00–12:30 6 → 7, 4, +0.5 profile", "12:30–13:30 6 → 7, 4 → 5, +1.0 profile", "13:30–14:00 6 → 7, 4, +0.5 profile",
		}},
		{"to the end", plan(base...), plan(6, 6, 6, 6, 6, 6, 6, 7), []string{"15:30–16:00 6 → 7, 4, +0.5 profile"}},
	} {
		r := reportOf(time.Hour, step, &tt.after, &tt.before)
		var got []string
		for _, c := range r.changes(&tt.before, &tt.after) {
			got = append(got, fmt.Sprintf("%s–%s %s, %s, %s %s", c.Start.Format("15:04"), c.End.Format("15:04"), arrow(agentsText(c.Before), agentsText(c.After)),
				arrow(fmt.Sprint(c.Before.Floor), fmt.Sprint(c.After.Floor)), signedHours(r.agentHours(c)), c.Why.Code))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		back := 0.0
		for _, c := range r.changes(&tt.before, &tt.after) {
			back += r.agentHours(c)
		}
		if want := tt.after.AgentHours(step) - tt.before.AgentHours(step); math.Abs(back-want) > 1e-9 {
			t.Errorf("%s: the changes sum up to %g agent-hours, the plans to %g", tt.name, back, want)
		}
	}
}

func TestPlanEndIsATimeOrALength(t *testing.T) {
	start := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"+7d": "2026-11-19T12:00:00Z", "+90m": "2026-11-12T13:30:00Z", "2026-11-13T00:00:00+01:00": "2026-11-12T23:00:00Z", "18:30": "2026-11-12T18:30:00Z",
		"2026-11-12T12:00:00Z": "--to 2026-11-12T12:00:00Z is not after the start of the plan at 2026-11-12T12:00:00Z",
		"2026-12-12T12:00:00Z": "--to 2026-12-12T12:00:00Z is more than 14d after the start of the plan at 2026-11-12T12:00:00Z",
		"+15d":                 "a plan is above 0 and up to +14d long, got +15d",
		"+0s":                  "a plan is above 0 and up to +14d long, got +0s",
		"+soon":                `"+soon" is not a length such as +36h or +7d`,
		"7d":                   `"7d" is not a time such as`,
	} {
		var e planEnd
		err := e.UnmarshalText([]byte(text))
		var got time.Time
		if err == nil {
			got, err = e.after(start)
		}
		told := got.UTC().Format(time.RFC3339)
		if err != nil {
			told = err.Error()
		}
		if !strings.HasPrefix(told, want) {
			t.Errorf("%s: got %s, want %s", text, told, want)
		}
	}
}

func TestPlanJSONHasNoNaN(t *testing.T) {
	after, before := planOf(planNow, time.Hour, 6, 7), planOf(planNow, time.Hour, 6, 6)
	var out bytes.Buffer
	if err := reportOf(time.Hour, time.Hour, &after, &before).writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var v struct {
		Pools []struct {
			Current *int
			Points  []struct{ Loads []*float64 }
		}
		Diff planDiffView
	}
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if l := v.Pools[0].Points[1].Loads; l[0] != nil || *l[1] != 84 || v.Pools[0].Current != nil {
		t.Errorf("loads %v, current %v", l, v.Pools[0].Current)
	}
	if d := v.Diff.Pools[0]; *d.Before != 12 || *d.After != 13 || len(d.Changes) != 1 || d.Changes[0].Reason.Code != policy.ReasonProfile {
		t.Errorf("diff %+v", v.Diff)
	}
}
