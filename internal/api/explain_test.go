package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// eventful is a snapshot of one pool with everything that can be explained.
func eventful(t *testing.T) *engine.Snapshot {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York") // it is seven o'clock there
	if err != nil {
		t.Fatal(err)
	}
	snap := snapshot("nba", "nfl")
	p := &snap.Pools[0]
	p.Pool.Location, p.Pool.LeadTime, p.Pool.Quantile, p.Pool.Hosts = zone, 5*time.Minute, 0.9, "east"
	p.Pool.Labels = map[string]string{"league": "nba"}
	game := policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}
	min10, max60 := policy.Bound{Agents: 10}, policy.Bound{Percent: 60}
	snap.Settings.Pools = []engine.Pool{{Policy: policy.Policy{Pool: p.Pool, Rules: []policy.Rule{
		{Name: "evening", Demand: &policy.DemandEffect{Multiply: 1.5}},
		{Name: "game", When: game, Demand: &policy.DemandEffect{Multiply: 2, Add: 1, Group: "game"}},
		{Name: "final", When: game, Demand: &policy.DemandEffect{Multiply: 3, Group: "game"}},
		{Name: "news", When: game, Demand: &policy.DemandEffect{Multiply: 1, Add: 2}},
		{Name: "floor", Bounds: &policy.BoundsEffect{Min: &min10, Max: &max60}},
		{Name: "quiet", Hold: policy.HoldDown},
		{Name: "freeze", Hold: policy.HoldBoth},
		{Name: "learned", When: game, Demand: &policy.DemandEffect{Multiply: 2, Learned: true}},
	}}}}
	p.Completeness = &engine.Completeness{Sample: policy.Sample{Value: 8, Time: now, Quality: policy.OK}, Usual: 9}
	p.Effects = []engine.Effect{
		{Effect: forecast.Effect{Class: "final", Events: 11, Declared: 3, Measured: 2.6}},
		{Effect: forecast.Effect{Class: "learned", Events: 4, Declared: 2, Measured: 1.9}, Learned: true},
	}
	snap.Settings.Events = []policy.Event{
		{ID: "0", Type: "game", Name: "yesterday's", Start: now.Add(-25 * time.Hour), End: now.Add(-24 * time.Hour), Labels: map[string]string{"league": "nba"}},
		{ID: "1", Type: "game", Name: "Celtics <at> Knicks", Start: now.Add(-time.Hour), End: now.Add(time.Hour), Source: "fixtures"},
		{ID: "9", Type: "game", Name: "another league's", Start: now.Add(-time.Hour), End: now.Add(time.Hour), Labels: map[string]string{"league": "nfl"}},
	}
	p.Budgets = []engine.BudgetStatus{
		{Name: "posts", Limit: 17, Cap: budget.Cap{Status: budget.OK, Agents: 8, Detail: "12 of 17 are used", Scarce: true}},
		{Name: "mails", Limit: 100, Cap: budget.Cap{Status: budget.OK, Agents: 1, Detail: "3 of 100 are used"}},
	}
	p.Override = &policy.Override{ID: "nba-7", Pool: "nba", Min: new(5), Author: "ann", Reason: "a test\nof lines\x1b[31m", Start: now.Add(-time.Hour), End: now.Add(26 * time.Hour)}
	snap.Hosts = append(snap.Hosts,
		engine.HostStatus{Host: engine.Host{Hosts: "east", Resource: "cpu", Limit: 80}, Sample: policy.Sample{Value: 91, Time: now, Quality: policy.OK}, Predicted: 93},
		engine.HostStatus{Host: engine.Host{Hosts: "west", Resource: "cpu", Limit: 80}, Sample: policy.Sample{Value: 92, Time: now, Quality: policy.OK}})
	snap.Emergency = policy.EmergencyState{"east": {Active: true, Cut: now.Add(-2 * time.Minute)}, "west": {Active: true}}
	p.Scores = nil
	for i, name := range []string{"ets", "seasonal_naive_day", "harmonic", "arima", "idle", forecast.Combination} {
		for _, horizon := range []int{1, 12} {
			p.Scores = append(p.Scores, forecast.Score{Model: name, Horizon: horizon, WAPE: 0.01 * float64(i+horizon), Bias: 0, Weight: []float64{0.2, 0.4, 0.3, 0.1, 0, 1}[i], N: 9})
		}
	}
	d := &p.Decision
	d.Known, d.Rules, d.Stages = true, []string{"evening", "game", "final", "news", "floor", "quiet", "freeze", "learned", "gone"}, policy.Stages{Demand: 6, Rules: 10, Bounded: 10}
	d.Candidates = []policy.Candidate{
		{Source: "reactive", Load: 60, Agents: 5, Rising: true},
		{Source: "forecast", Load: 71, Agents: 5.9, Chosen: true},
		{Source: "profile", Load: math.NaN(), Agents: math.NaN(), Dropped: "it is not needed"},
	}
	d.Reasons = []policy.Reason{
		{Code: policy.ReasonForecast, From: 4, To: 6, Detail: "the forecast expects up to 71"},
		{Code: policy.ReasonRuleMin, From: 6, To: 10, Rule: "floor", Detail: "rule floor wants at least 10 agents"},
		{Code: policy.ReasonStepLimit, From: 10, To: 6, Detail: "at most 2 agents in 1m"},
	}
	older := *d
	older.ID, older.Time, older.Current, older.Desired = "nba-0", now.Add(-26*time.Hour), 4, 4
	older.Reasons, older.Rules = []policy.Reason{{Code: policy.ReasonTolerance, From: 4, To: 4, Detail: "4.1 agents are near enough to 4"}}, nil
	held := p.Recent[1]
	p.Recent = []policy.Decision{*d, held, older}
	return snap
}

// ask returns what is explained.
func ask(t *testing.T, snap *engine.Snapshot, query string) apiv1.Explanation {
	t.Helper()
	code, body := get(t, snap, "/api/v1/explain?"+query)
	var answer struct{ Data apiv1.Explanation }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 {
		t.Fatalf("%s: got %d %s", query, code, body)
	}
	return answer.Data
}

func TestExplainTellsTheLastDecisionInWords(t *testing.T) {
	const want = `nba: from 4 to 6 agents, decided Tue 24 Nov 2026 07:00:00 (America/New_York), in force
because the forecast expects up to 71; rule floor wants at least 10 agents; at most 2 agents in 1m

mode        active
load        63 at 07:00, ok
complete    8 at 07:00, ok; 9 is usual
agents      4 run, 3 are ready; each serves 12
candidates  reactive: it rises above all that was foreseen; a load of 60 needs 5 agents
            forecast: a load of 71 needs 5.9 agents; chosen as the largest
            profile: dropped, it is not needed
ladder       4 →  6  forecast: the forecast expects up to 71
             6 → 10  rule min: rule floor wants at least 10 agents
            10 →  6  step limit: at most 2 agents in 1m
stages      demand 6, after rules 10, within bounds 10, decided 6
outcome     failed: told to fail
rules       evening: multiplies the demand by 1.5
            game: multiplies the demand by 2 and adds 1 agent, but another rule of its group does more, which counts instead
            final: multiplies the demand by 3; 2.6 was measured, n=11
            news: adds 2 agents to the demand
            floor: at least 10 agents, at most 60 % of the pool's maximum
            quiet: does not let the pool shrink
            freeze: holds the pool
            learned: multiplies the demand by what is learned; 1.9 was measured, n=4
            gone: is not among the rules any more
            together: multiplies the demand by 4.5 and adds 2 agents
events      now: game Celtics <at> Knicks, until 08:00
            next: game Suns at Lakers, 12:00 to 14:00
budgets     posts: 12 of 17 are used; at most 8 agents
            mails: 3 of 100 are used; it caps nothing now
override    at least 5, by ann until Wed 25 Nov 09:00: a test of lines [31m
hosts       cpu: 40 %, 44 % predicted, no pool grows from 80 % on; an agent takes 1 % (0.5 to 1.25)
            memory: error, so no pool grows: refused
            east cpu: 91 %, 93 % predicted, no pool grows from 80 % on
forecast    for 07:05, after the lead time of 5m: 51 (10 %), 61 (50 %), 72 (90 %)
            quantile 0.9 counts, at its highest within the lead time
models      seasonal_naive_day 40 %, harmonic 30 %, ets 20 %, and 1 more; together they erred by 6 % of the load 5m ahead
note        an emergency of the hosts goes on; pools were cut at Tue 24 Nov 2026 06:58:00 and do not grow before it is over
`
	v := ask(t, eventful(t), "pool=nba")
	if diff := cmp.Diff(want, v.Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExplainTellsTheSameAsJSON(t *testing.T) {
	v := ask(t, eventful(t), "pool=nba")
	if v.Location != "America/New_York" || v.Until != nil || v.Decision.ID != "nba-1" || len(v.Decision.Reasons) != 3 || v.Stages != (apiv1.Stages{Demand: 6, Rules: 10, Bounded: 10, Final: 6}) ||
		v.Outcome.Error != "told to fail" || v.Agents.Ready != 3 || *v.Load.Value != 63 || *v.Completeness.Value != 8 || *v.Completeness.Usual != 9 || v.Override.Order != "at least 5" || len(v.Hosts) != 3 {
		t.Errorf("got %+v", v)
	}
	if v.Factor != 4.5 || v.Add != 2 {
		t.Errorf("together: got × %v + %v, want × 4.5 + 2", v.Factor, v.Add)
	}
	type rule struct {
		name        string
		factor, add float64
		counts      bool
	}
	var got []rule
	for _, r := range v.Rules {
		if r.Factor != nil {
			got = append(got, rule{r.Name, *r.Factor, *r.Add, r.Counts})
		}
	}
	want := []rule{{"evening", 1.5, 0, true}, {"game", 2, 1, false}, {"final", 3, 0, true}, {"news", 1, 2, true}}
	if !slices.Equal(got, want) {
		t.Errorf("rules: got %v, want %v", got, want)
	}
	if f := v.Forecast; f.LeadTime != 300 || !f.At.Equal(now.Add(5*time.Minute)) || f.Horizon != 300 || *f.WAPE != 0.06 || len(f.Models) != 4 || f.Models[0].Model != "seasonal_naive_day" ||
		!slices.Equal(f.Loads, []float64{51, 61, 72}) {
		t.Errorf("forecast: got %+v", f)
	}
	if e := v.Events; len(e.Now) != 1 || e.Now[0].ID != "1" || e.Next == nil || e.Next.ID != "2" {
		t.Errorf("events: got %+v", e)
	}
}

func TestExplainTellsPastDecisions(t *testing.T) {
	snap := eventful(t)
	for at, want := range map[string]struct {
		id    string
		time  time.Time
		until time.Time
	}{
		"2026-11-24T12:00:10Z":      {"nba-1", now, time.Time{}}, // until the next tick
		"2026-11-24T12:00:00Z":      {"nba-1", now, time.Time{}},
		"2026-11-24T11:59:59Z":      {"nba-1", now.Add(-time.Minute), now},
		"2026-11-24T06:59:00-05:00": {"nba-1", now.Add(-time.Minute), now},
		"1795521540.5":              {"nba-1", now.Add(-time.Minute), now},
		"06:59":                     {"nba-1", now.Add(-time.Minute), now},
		"06:58:59":                  {"nba-0", now.Add(-26 * time.Hour), now.Add(-time.Minute)},
		"07:01":                     {"nba-0", now.Add(-26 * time.Hour), now.Add(-time.Minute)}, // of yesterday
		"2026-11-23 05:00":          {"nba-0", now.Add(-26 * time.Hour), now.Add(-time.Minute)},
	} {
		v := ask(t, snap, "pool=nba&at="+url.QueryEscape(at))
		until := time.Time{}
		if v.Until != nil {
			until = *v.Until
		}
		if v.Decision.ID != want.id || !v.Decision.Time.Equal(want.time) || !until.Equal(want.until) {
			t.Errorf("%s: got %s of %s until %s, want %s of %s until %s", at, v.Decision.ID, v.Decision.Time, until, want.id, want.time, want.until)
		}
	}
	v := ask(t, snap, "pool=nba&at=06:58")
	if v.Completeness != nil || v.Agents != nil || v.Outcome != nil || v.Override != nil || v.Hosts != nil || v.Budgets != nil || v.Forecast != nil || v.Load.Value == nil || !v.Load.Time.Equal(now.Add(-26*time.Hour)) {
		t.Errorf("got %+v", v)
	}
	for _, want := range []string{
		"nba: stays at 4 agents, decided Mon 23 Nov 2026 05:00:00 (America/New_York), in force until Tue 24 Nov 06:59\nbecause 4.1 agents are near enough to 4\n",
		"rules       none is active\nsoon        evening: multiplies the demand by 1.5\n",
		"\nevents      next: game yesterday's, 06:00 to 07:00\nnote        of past decisions neither",
	} {
		if !strings.Contains(v.Text, want) {
			t.Errorf("no %q in:\n%s", want, v.Text)
		}
	}
	snap.Settings.LoadedAt = now.Add(-30 * time.Second)
	if v := ask(t, snap, "pool=nba&at=06:59"); !strings.Contains(v.Text, "the configuration was loaded since, at Tue 24 Nov 2026 06:59:30; rules are told as they are now") || v.Load.Value == nil || !strings.Contains(v.Text, "load        ") {
		t.Errorf("got:\n%s", v.Text)
	}
	snap.Pools[0].History = engine.History{}
	if v := ask(t, snap, "pool=nba&at=06:59"); !strings.Contains(v.Text, "load        empty: the history has none\n") {
		t.Errorf("got:\n%s", v.Text)
	}
}

func TestExplainTellsWhatIsMissing(t *testing.T) {
	snap := eventful(t)
	p := &snap.Pools[0]
	p.Load = policy.Sample{Quality: policy.Error, Detail: "connection refused"}
	p.Completeness = &engine.Completeness{Sample: p.Load, Usual: math.NaN()}
	p.Count = policy.Count{Detail: "HTTP 500"}
	p.Forecast, p.Fallback, p.Scores, p.Override, p.Events, p.Budgets = forecast.Forecast{}, "no forecast yet", nil, nil, nil, nil
	p.Outcome = policy.Outcome{Result: policy.NotSent}
	p.Decision.Mode, p.Decision.Rules, p.Decision.Desired = policy.DryRun, nil, 4
	snap.Settings.Events, snap.Settings.Pools, snap.Hosts, snap.Emergency = nil, nil, nil, nil
	v := ask(t, snap, "pool=nba")
	for _, want := range []string{
		"nba: stays at 4 agents",
		"mode        dry_run: the orchestrator is not called\nload        error: connection refused\ncomplete    error: connection refused; too little is known to tell what is usual\nagents      how many run is not known: HTTP 500\n",
		"outcome     not sent\nrules       none is active\nevents      none is known\noverride    none\nforecast    none that counts: no forecast yet\n",
	} {
		if !strings.Contains(v.Text, want) {
			t.Errorf("no %q in:\n%s", want, v.Text)
		}
	}
	if strings.Contains(v.Text, "hosts") || strings.Contains(v.Text, "models") || v.Forecast != nil {
		t.Errorf("too much:\n%s", v.Text)
	}
	snap = eventful(t)
	snap.Pools[0].Pool.LeadTime = time.Hour // beyond the forecast
	if v := ask(t, snap, "pool=nba"); v.Forecast.At != nil || strings.Contains(v.Text, "after the lead time") || v.Forecast.Horizon != 3600 {
		t.Errorf("beyond the forecast: got %+v\n%s", v.Forecast, v.Text)
	}
}

func TestExplainOfWhatIsNotKnown(t *testing.T) {
	for _, tc := range []struct {
		snap  *engine.Snapshot
		query string
		code  int
		want  string
	}{
		{eventful(t), "", 400, "say which pool, as in ?pool=nba"},
		{nil, "pool=nba", 503, "has not taken its first tick"},
		{eventful(t), "pool=mlb", 404, `no pool "mlb"; known are nba, nfl`},
		{eventful(t), "pool=nba&at=yesterday", 400, `at: "yesterday" is no instant; expected a time such as`},
		{eventful(t), "pool=nba&at=1795521540500", 400, "is no instant"},
		{eventful(t), "pool=nba&at=-5", 400, "is no instant"},
		{eventful(t), "pool=nba&at=NaN", 400, "is no instant"},
		{eventful(t), "pool=nba&at=2026-11-24T12:00:31Z", 404, "nothing is decided for Tue 24 Nov 2026 07:00:31 yet; the last tick was at Tue 24 Nov 2026 07:00:00"},
		{eventful(t), "pool=nba&at=2026-11-23T09:59:59Z", 404, `what was decided about pool "nba" is remembered back to Mon 23 Nov 2026 05:00:00, not to Mon 23 Nov 2026 04:59:59`},
	} {
		code, body := get(t, tc.snap, "/api/v1/explain?"+tc.query)
		var answer apiv1.Answer
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		if code != tc.code || answer.Status != "error" || !strings.Contains(answer.Error, tc.want) {
			t.Errorf("%s: got %d %q, want %d with %q", tc.query, code, answer.Error, tc.code, tc.want)
		}
	}
}

func TestOfAGroupTheFirstOfTheLargestCounts(t *testing.T) {
	for name, tc := range map[string]struct {
		effects []policy.DemandEffect // all of one group
		counts  int
	}{
		"the larger factor":          {[]policy.DemandEffect{{Multiply: 2, Add: 9}, {Multiply: 3}}, 1},
		"of equal ones more added":   {[]policy.DemandEffect{{Multiply: 2, Add: 1}, {Multiply: 2, Add: 3}, {Multiply: 2, Add: 2}}, 1},
		"of the same ones the first": {[]policy.DemandEffect{{Multiply: 1}, {Multiply: 2}, {Multiply: 2}}, 1},
		"not the learned":            {[]policy.DemandEffect{{Multiply: 2}, {Multiply: 3, Learned: true}}, 0},
	} {
		p := policy.Policy{Pool: policy.Pool{Name: "nba", Location: time.UTC}}
		for i, e := range tc.effects {
			e.Group = "game"
			p.Rules = append(p.Rules, policy.Rule{Name: fmt.Sprint(i), Demand: &e})
		}
		for i := range tc.effects {
			if got, want := ruleOf(p, i, nil, now).Counts, i == tc.counts || tc.effects[i].Learned; got != want {
				t.Errorf("%s: rule %d counts: %v, want %v", name, i, got, want)
			}
		}
	}
}

func TestExplainTellsRulesThatWillBeActiveSoon(t *testing.T) {
	snap := eventful(t)
	p := &snap.Settings.Pools[0]
	p.Pool.LeadTime = 10 * time.Minute
	for name, lead := range map[string]time.Duration{"in 5 minutes": 4*time.Hour + 55*time.Minute, "in 11 minutes": 4*time.Hour + 49*time.Minute} {
		p.Rules = append(p.Rules, policy.Rule{Name: name, When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: lead}}}, Demand: &policy.DemandEffect{Multiply: 2, RampUp: 10 * time.Minute}})
	}
	snap.Settings.Events, snap.Pools[0].Events = nil, snap.Pools[0].Events[1:] // the next game is in five hours
	v := ask(t, snap, "pool=nba")
	if want := "soon        in 5 minutes: multiplies the demand by 1.5\n"; !strings.Contains(v.Text, want) || len(v.Ahead) != 1 {
		t.Errorf("no %q in:\n%s", want, v.Text)
	}
}

func TestNearEventsAreHalfOpen(t *testing.T) {
	events := []policy.Event{{ID: "over", End: now}, {ID: "on", Start: now, End: now.Add(1)}, {ID: "next", Start: now.Add(1)}, {ID: "later", Start: now.Add(2)}}
	got := near(events, now)
	if len(got.Now) != 1 || got.Now[0].ID != "on" || got.Next == nil || got.Next.ID != "next" {
		t.Errorf("got %+v", got)
	}
}

func TestClockIsAsShortAsItCanBe(t *testing.T) {
	for _, tc := range []struct {
		t    time.Time
		want string
	}{
		{now, "12:00"}, {now.Add(5 * time.Second), "12:00:05"}, {now.Add(12 * time.Hour), "Wed 25 Nov 00:00"}, {now.AddDate(1, 0, 0), "Wed 24 Nov 12:00"},
	} {
		if got := clock(tc.t, now, time.UTC); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

// explaining serves a snapshot and an explanation.
func explaining(snap *engine.Snapshot, explain func(string, int) (engine.Explanation, error)) func(path string) (int, string) {
	h := New(Options{Snapshot: func() *engine.Snapshot { return snap }, Explain: explain, Metrics: prometheus.NewRegistry()})
	return func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
}

func TestForecastTellsItsParts(t *testing.T) {
	snap := snapshot("nba")
	later := now.Add(5 * time.Minute) // a tick goes on that knows more than the snapshot
	x := engine.Explanation{
		Measured: engine.NewHistory(forecast.Series{Start: now.Add(-5 * time.Minute), Step: 5 * time.Minute, Values: []float64{60, math.NaN()}}),
		Forecast: forecast.Forecast{Model: "combination", Start: later, Step: 5 * time.Minute, Levels: []float64{0.5}, Paths: [][]float64{{62, 63}}},
		Parts: engine.Parts{
			Parts: forecast.Parts{Level: []float64{50, 50}, Seasonal: []float64{5, 6}, Autoregressive: []float64{-1, math.NaN()}, Event: []float64{0, 0}},
			Rules: []float64{8, 8},
		},
	}
	snap.Pools[0].Effects = []engine.Effect{{Effect: forecast.Effect{Class: "game", Events: 7, Declared: 1.5, Measured: 1.7, Low: 1.6, High: math.Inf(1)}, Learned: true}}
	const want = `"location":"UTC","measured":{"start":"2026-11-24T11:55:00Z","step_seconds":300,"loads":[60,null]},"start":"2026-11-24T12:05:00Z","step_seconds":300,"quantiles":[0.5],"loads":[[62,63]],`
	const parts = `"parts":{"level":[50,50],"seasonal":[5,6],"autoregressive":[-1,null],"event":[0,0],"rules":[8,8]}`
	const effects = `"effects":[{"class":"game","events":7,"declared":1.5,"measured":1.7,"low":1.6,"high":null,"learned":true}]`
	ask := explaining(snap, func(pool string, steps int) (engine.Explanation, error) {
		if pool != "nba" || steps != 2 {
			t.Errorf("asked about %d steps of %q", steps, pool)
		}
		return x, nil
	})
	for _, yes := range []string{"true", "1"} {
		if code, got := ask("/api/v1/forecast?pool=nba&parts=" + yes); code != 200 || !strings.Contains(got, want) || !strings.Contains(got, parts) || !strings.Contains(got, effects) {
			t.Errorf("parts=%s: got %d %s, want\n%s,\n%s and\n%s", yes, code, got, want, parts, effects)
		}
	}
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/api/v1/forecast?parts=true":           {400, "parts are of one pool; say which"},
		"/api/v1/forecast?pool=nba&parts=maybe": {400, `parts must be true or false, got \"maybe\"`},
		"/api/v1/forecast?pool=x&parts=true":    {404, `no pool \"x\"; known are nba`},
	} {
		if code, got := ask(path); code != want.code || !strings.Contains(got, want.text) {
			t.Errorf("%s: got %d %s", path, code, got)
		}
	}
	if _, got := ask("/api/v1/forecast?pool=nba&parts=false"); strings.Contains(got, "parts") || !strings.Contains(got, `"start":"2026-11-24T12:00:00Z"`) {
		t.Errorf("parts that nobody asked for: %s", got)
	}
	fails := explaining(snap, func(string, int) (engine.Explanation, error) { return engine.Explanation{}, errors.New("no model") })
	if code, got := fails("/api/v1/forecast?pool=nba&parts=true"); code != 200 || strings.Contains(got, `"parts":`) || !strings.Contains(got, `"warnings":["no parts: no model"]`) || !strings.Contains(got, `[60,61]`) {
		t.Errorf("got %d %s", code, got)
	}
	snap.Pools[0].Forecast = forecast.Forecast{}
	if code, got := fails("/api/v1/forecast?pool=nba&parts=true"); code != 200 || strings.Contains(got, "warnings") {
		t.Errorf("without a forecast: got %d %s", code, got)
	}
}

func TestForecastTellsWhatTheLastTwoDaysMeasured(t *testing.T) {
	snap := snapshot("nba")
	loads := make([]float64, 720)
	loads[144] = 7
	h := &snap.Pools[0].History
	*h = engine.NewHistory(forecast.Series{Start: now.Add(-60 * time.Hour), Step: h.Step, Values: loads})
	_, got := get(t, snap, "/api/v1/forecast")
	var answer struct {
		Data []struct{ Measured apiv1.Measured }
	}
	if err := json.Unmarshal([]byte(got), &answer); err != nil {
		t.Fatal(err)
	}
	if m := answer.Data[0].Measured; len(m.Loads) != 576 || *m.Loads[0] != 7 || !m.Start.Equal(now.Add(-48*time.Hour)) {
		t.Errorf("got %d loads from %s, want 576 from two days ago", len(m.Loads), m.Start)
	}
}

func TestForecastTellsTheEventsOfItsTime(t *testing.T) {
	snap := snapshot("nba")
	p := &snap.Pools[0] // measured from 30 hours ago, forecast for ten minutes
	p.Events = nil
	oldest := p.History.Start
	for i, e := range []policy.Event{
		{Start: oldest.Add(-2 * time.Hour), End: oldest},
		{Start: oldest.Add(-2 * time.Hour), End: oldest.Add(1)},
		{Start: now.Add(10*time.Minute - 1), End: now.Add(time.Hour)},
		{Start: now.Add(10 * time.Minute), End: now.Add(time.Hour)},
	} {
		e.ID = fmt.Sprint(i)
		snap.Settings.Events = append(snap.Settings.Events, e)
	}
	p.Events = snap.Settings.Events[2:3:3] // is told once
	var ids []string
	for _, e := range forecastOf(snap, p).Events {
		ids = append(ids, e.ID)
	}
	if want := []string{"1", "2"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

func TestUnknownPoolNamesAFew(t *testing.T) {
	var names []string
	for i := range 23 {
		names = append(names, fmt.Sprintf("p%d", i))
	}
	got := unknownPool(snapshot(names...), strings.Repeat("x", 99))
	if want := "…\"; known are p0, p1,"; !strings.Contains(got, want) || !strings.HasSuffix(got, "p19, and 3 more") {
		t.Errorf("got %s", got)
	}
}
