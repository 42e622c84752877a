package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/prometheus/model/labels"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

var (
	end   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	start = end.Add(-2 * time.Hour)
)

const step = 5 * time.Minute

// prometheusOf is a Prometheus that has scraped series every minute: values by name and
// labels, each a function of the time since the start.
func prometheusOf(t *testing.T, series map[string]func(since time.Duration) float64) *promquery.Client {
	t.Helper()
	db, err := promengine.Open(t.TempDir(), func() time.Time { return end }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(db.Handler())
	client, err := promquery.New(promquery.Config{URL: server.URL, Timeout: 5 * time.Second, MaxAge: time.Minute, HTTP: config.DefaultHTTPClientConfig}, promquery.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var samples []promengine.Sample
	for at := start; !at.After(end); at = at.Add(time.Minute) {
		for text, value := range series {
			name, rest, _ := strings.Cut(text, " ")
			ls := []string{"__name__", "scaling_adapter_" + name}
			for _, pair := range strings.Fields(rest) {
				key, v, _ := strings.Cut(pair, "=")
				ls = append(ls, key, v)
			}
			samples = append(samples, promengine.Sample{Labels: labels.FromStrings(ls...), Time: at, Value: value(at.Sub(start))})
		}
	}
	if err := db.Append(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
	return client
}

func always(x float64) func(time.Duration) float64 { return func(time.Duration) float64 { return x } }

// rising counts one for each of so many changes, spread over the time.
func rising(n float64) func(time.Duration) float64 {
	return func(since time.Duration) float64 { return math.Floor(n * since.Hours() / 2) }
}

// history is the load of two weeks that load tells by the hours before the end.
func history(load func(before time.Duration) float64) forecast.Series {
	s := forecast.Series{Start: end.Add(-15 * 24 * time.Hour), Step: step}
	for at := s.Start; !at.After(end); at = at.Add(step) {
		s.Values = append(s.Values, load(end.Sub(at)))
	}
	return s
}

func pool(name string, load func(before time.Duration) float64) engine.PoolStatus {
	return engine.PoolStatus{
		Pool: policy.Pool{
			Name: name, Location: time.UTC, Mode: policy.Active, Agents: policy.Agents{Base: 4, Min: 2, Max: 12}, PerAgent: 10, Sensitivity: 1,
			LeadTime: 20 * time.Minute,
		},
		History: engine.NewHistory(history(load)),
	}
}

func snapshot(pools ...engine.PoolStatus) *engine.Snapshot {
	s := &engine.Settings{Step: step}
	for _, p := range pools {
		s.Pools = append(s.Pools, engine.Pool{Policy: policy.Policy{Pool: p.Pool}})
	}
	return &engine.Snapshot{Time: end, Settings: s, Pools: pools}
}

// The figures are those by hand: in the first of two hours six agents were needed and five
// ran, in the second two were needed and four ran; a week before it was three all the time.
func TestFigures(t *testing.T) {
	nba := pool("nba", func(before time.Duration) float64 {
		switch {
		case before > 2*time.Hour:
			return 30
		case before > time.Hour:
			return 55
		}
		return 20
	})
	nba.Scores = []forecast.Score{
		{Model: forecast.Combination, Horizon: 1, WAPE: 0.05, N: 50}, {Model: forecast.Combination, Horizon: 6, WAPE: 0.1, N: 50},
		{Model: forecast.Combination, Horizon: 24, WAPE: 0.3, N: 50}, {Model: "seasonal_naive_day", Horizon: 6, WAPE: 0.3, N: 50},
		{Model: "seasonal_naive_week", Horizon: 6, WAPE: 0.2, N: 50}, {Model: "harmonic", Horizon: 6, WAPE: 0.01, N: 50},
	}
	nba.Coverage = []forecast.Coverage{{Horizon: 1, Share: 0.5}, {Horizon: 6, Share: 0.75}}
	nba.Effects = []engine.Effect{{Effect: forecast.Effect{Class: "derby", Events: 3, Declared: 2, Measured: 1.5, Low: 1.2, High: 1.8}}}
	snap := snapshot(nba)
	snap.Hosts = []engine.HostStatus{{Host: engine.Host{Resource: "cpu", Limit: 80}}}
	source := prometheusOf(t, map[string]func(time.Duration) float64{
		"ready_agents pool=nba": func(since time.Duration) float64 {
			if since < time.Hour {
				return 5
			}
			return 4
		},
		"desired_agents pool=nba stage=final":                           always(5),
		"desired_agents pool=nba stage=demand":                          always(9),
		"scale_requests_total pool=nba direction=up outcome=accepted":   rising(6),
		"scale_requests_total pool=nba direction=down outcome=failed":   rising(2),
		"scale_requests_total pool=nba direction=down outcome=accepted": always(7),
		"constraint_active pool=nba reason=forecast":                    always(1),
		"constraint_active pool=nba reason=cooldown": func(since time.Duration) float64 {
			if since < 90*time.Minute {
				return 0
			}
			return 1
		},
		"constraint_active pool=nba reason=paused": always(0),
		"demand_agents pool=nba":                   func(since time.Duration) float64 { return 10 + since.Hours()*2 },
		"max_agents pool=nba":                      always(12),
		"budget_used_ratio pool=nba budget=posts":  func(since time.Duration) float64 { return since.Hours() / 4 },
		"host_utilization_ratio resource=cpu":      func(since time.Duration) float64 { return 0.2 + since.Hours()/10 },
		"emergency_active":                         always(0),
		"ticks_missed_total":                       rising(4),
		"footing pool=nba rung=forecast":           always(1),
	})
	got, err := Make(t.Context(), source, snap, 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Warnings) > 0 {
		t.Fatalf("warnings: %v", got.Warnings)
	}
	near := cmpopts.EquateApprox(0.02, 0.02)
	n := func(x float64) *float64 { return &x }
	supplies := []apiv1.Supply{
		{Name: "adapter", AgentHours: 9, Under: 1, Over: 2, UnderTime: n(0.5), Efficiency: n(7.0 / 9)},
		{Name: "seasonal_naive", AgentHours: 6, Under: 3, Over: 1, UnderTime: n(0.5), Efficiency: n(5.0 / 6)},
		{Name: "static_peak", AgentHours: 12, Under: 0, Over: 4, UnderTime: n(0), Efficiency: n(8.0 / 12)},
		{Name: "static_mean", AgentHours: 8, Under: 2, Over: 2, UnderTime: n(0.5), Efficiency: n(6.0 / 8)},
	}
	scalings := []apiv1.Scalings{{Direction: policy.Up, Outcome: "accepted", N: 6}, {Direction: policy.Down, Outcome: "failed", N: 2}}
	want := apiv1.PoolReport{
		Pool: "nba", Location: "UTC", Mode: policy.Active, Min: 2, Max: 12, PerAgent: 10, Mean: n(37.5), Peak: n(55),
		Supplies: supplies, Scalings: scalings, Capped: n(0.5),
		Accuracy: &apiv1.Accuracy{Horizon: 1800, WAPE: n(0.1), Naive: n(0.2), Coverage: n(0.75)},
		Reasons:  []apiv1.ReasonShare{{Reason: "forecast", Share: 1}, {Reason: "cooldown", Share: 0.25}},
		Budgets:  []apiv1.BudgetReport{{Budget: "posts", Used: 0.5}},
		Effects:  []apiv1.Effect{{Class: "derby", Events: 3, Declared: n(2), Measured: n(1.5), Low: n(1.2), High: n(1.8)}},
	}
	if diff := cmp.Diff(want, got.Pools[0], near, cmpopts.IgnoreFields(apiv1.PoolReport{}, "Series")); diff != "" {
		t.Errorf("pool (-want +got):\n%s", diff)
	}
	system := apiv1.SystemReport{
		Scalings: scalings, SuccessRate: n(0.75), Supplies: supplies, MissedTicks: n(4), PausedShare: n(0), Unforecasted: n(0),
		Hosts: []apiv1.HostReport{{Resource: "cpu", Mean: n(0.3), Max: n(0.4), Limit: 0.8, Emergency: n(0)}},
	}
	if diff := cmp.Diff(system, got.System, near); diff != "" {
		t.Errorf("system (-want +got):\n%s", diff)
	}
	if s := got.Pools[0].Series; len(s.Needed) != 24 || *s.Needed[0] != 6 || *s.Needed[23] != 2 || *s.Ready[0] != 5 || *s.Ready[23] != 4 || *s.Desired[12] != 5 || !s.Start.Equal(start) {
		t.Errorf("series: %+v", s)
	}
}

// A pool that is younger than a week is compared with the day before.
func TestSeasonalNaiveOfAYoungPool(t *testing.T) {
	p := pool("nba", func(before time.Duration) float64 {
		switch {
		case before > 3*24*time.Hour:
			return math.NaN()
		case before > 24*time.Hour:
			return 30
		}
		return 50
	})
	m := newMaker(t.Context(), down{}, snapshot(p), time.Hour)
	if naive, ok := m.pool(&p).of("seasonal_naive"); !ok || math.Abs(naive.AgentHours-3) > 1e-9 {
		t.Errorf("got %+v, want three agents for an hour", naive)
	}
}

// down is a Prometheus that answers nothing.
type down struct{ err error }

func (d down) RangeAll(context.Context, engine.Range, string) ([]engine.Labeled, error) {
	return nil, d.err
}

// What is not known is told and left out.
func TestWithoutPrometheus(t *testing.T) {
	snap := snapshot(pool("nba", func(time.Duration) float64 { return 30 }))
	got, err := Make(t.Context(), down{errors.New("connection refused")}, snap, 24*time.Hour)
	if err != nil || len(got.Warnings) == 0 || got.Warnings[0] != "connection refused" {
		t.Fatalf("got %v, %v", got.Warnings, err)
	}
	var names []string
	for _, s := range got.Pools[0].Supplies {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"seasonal_naive", "static_peak", "static_mean"}, names); diff != "" {
		t.Errorf("supplies (-want +got):\n%s", diff)
	}
	if got, _ := Make(t.Context(), down{}, snap, 24*time.Hour); len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0], "let it scrape the adapter") {
		t.Errorf("of a Prometheus that does not scrape: got %v", got.Warnings)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Make(ctx, down{}, snap, 24*time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after the end", err)
	}
}

// The longer the period and the more the pools, the longer the step.
func TestStepsAreBounded(t *testing.T) {
	one := pool("nba", func(time.Duration) float64 { return 30 })
	for _, tt := range []struct {
		pools  int
		period time.Duration
		step   time.Duration
	}{
		{1, 24 * time.Hour, step}, {1, 7 * 24 * time.Hour, step}, {1, 28 * 24 * time.Hour, 20 * time.Minute}, {5000, 24 * time.Hour, 20 * time.Minute},
	} {
		m := newMaker(t.Context(), down{}, snapshot(slices.Repeat([]engine.PoolStatus{one}, tt.pools)...), tt.period)
		if m.step != tt.step || m.n != int(tt.period/tt.step) || !m.end.Equal(end) {
			t.Errorf("%d pools, %s: steps of %s, %d of them up to %s, want %s", tt.pools, tt.period, m.step, m.n, m.end, tt.step)
		}
	}
}

func TestRecommendations(t *testing.T) {
	calm := func(time.Duration) float64 { return 35 }
	evening := func(name, from, to string) policy.Rule {
		var intervals []timeinterval.TimeRange
		parse := func(text string) (minute int) {
			at, err := time.Parse("15:04", text)
			if err != nil {
				t.Fatal(err)
			}
			return at.Hour()*60 + at.Minute()
		}
		intervals = append(intervals, timeinterval.TimeRange{StartMinute: parse(from), EndMinute: parse(to)})
		return policy.Rule{
			Name: name, Demand: &policy.DemandEffect{Multiply: 1.5},
			When: policy.Condition{During: []policy.Schedule{{Name: name, Intervals: []timeinterval.TimeInterval{{Times: intervals}}}}},
		}
	}
	busyAt := func(from, to int) func(time.Duration) float64 {
		return func(before time.Duration) float64 {
			if hour := end.Add(-before).Hour(); hour >= from && hour < to {
				return 70
			}
			return 30
		}
	}
	for _, tt := range []struct {
		name    string
		load    func(time.Duration) float64
		change  func(p *engine.PoolStatus)
		rules   []policy.Rule
		ready   float64
		series  map[string]float64
		want    string // code
		mention string
	}{
		{name: "nothing", load: calm, ready: 4},
		{name: "max too low", load: func(time.Duration) float64 { return 155 }, ready: 16, want: "raise_max", mention: "more than max 12 for 100 % of the time; 16 agents"},
		{name: "min too high", load: func(time.Duration) float64 { return 18 }, change: func(p *engine.PoolStatus) { p.Pool.Agents.Min = 5 }, ready: 5, want: "lower_min", mention: "at min 5 and half of that would have done; 2 agents"},
		{name: "min that is needed", load: func(time.Duration) float64 { return 28 }, change: func(p *engine.PoolStatus) { p.Pool.Agents.Min = 5 }, ready: 5},
		{name: "overloaded", load: func(time.Duration) float64 { return 60 }, ready: 4, want: "check_per_agent", mention: "per_agent 10 each, 15 in the middle"},
		{name: "slow", load: func(time.Duration) float64 { return 42 }, change: func(p *engine.PoolStatus) { p.Pool.Sensitivity = 0.3; p.Pool.PerAgent = 10.4 }, ready: 4, series: map[string]float64{"constraint_active pool=nba reason=sensitivity": 0.5}, want: "raise_sensitivity", mention: "sensitivity 0.3"},
		{name: "budget", load: calm, ready: 4, series: map[string]float64{"budget_used_ratio pool=nba budget=posts": 1}, want: "check_budget", mention: "posts was used to 100 %"},
		{name: "paused", load: calm, ready: 4, series: map[string]float64{"constraint_active pool=nba reason=paused": 1}, want: "fix_scaling"},
		{name: "hosts", load: calm, ready: 4, series: map[string]float64{"constraint_active pool=nba reason=host_fit": 1}, want: "add_hosts"},
		{name: "worse than naive", load: calm, ready: 4, change: func(p *engine.PoolStatus) {
			p.Scores = []forecast.Score{{Model: forecast.Combination, Horizon: 4, WAPE: 0.3, N: 50}, {Model: "seasonal_naive_day", Horizon: 4, WAPE: 0.2, N: 50}}
		}, want: "check_forecast", mention: "forecasts 20m ahead err by 30 %, a seasonal naive one by 20 %"},
		{name: "band too narrow", load: calm, ready: 4, change: func(p *engine.PoolStatus) {
			p.Scores = []forecast.Score{{Model: forecast.Combination, Horizon: 4, WAPE: 0.3, N: 50}}
			p.Coverage = []forecast.Coverage{{Horizon: 4, Share: 0.5}}
		}, want: "check_quantile", mention: "50 % of the loads"},
		{name: "rule at the right hours", load: busyAt(18, 22), ready: 4, rules: []policy.Rule{evening("evening", "18:00", "22:00")}},
		{name: "rule at the wrong hours", load: busyAt(18, 22), ready: 4, rules: []policy.Rule{evening("evening", "18:00", "22:00"), evening("morning", "06:00", "09:00")}, want: "check_hours", mention: "rule morning declares hours"},
		{name: "hours without a rule", load: busyAt(18, 22), ready: 4, rules: []policy.Rule{evening("evening", "18:00", "21:00")}, want: "check_hours", mention: "21:00 (1.9 times the mean) UTC"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pool("nba", tt.load)
			if tt.change != nil {
				tt.change(&p)
			}
			snap := snapshot(p)
			snap.Settings.Pools[0].Rules = tt.rules
			series := map[string]func(time.Duration) float64{"ready_agents pool=nba": always(tt.ready)}
			for name, y := range tt.series {
				series[name] = always(y)
			}
			got, err := Make(t.Context(), prometheusOf(t, series), snap, 2*time.Hour)
			if err != nil || len(got.Warnings) > 0 {
				t.Fatal(err, got.Warnings)
			}
			var codes []string
			for _, r := range got.Recommendations {
				codes = append(codes, r.Code)
			}
			switch {
			case tt.want == "" && len(codes) > 0:
				t.Errorf("got %+v", got.Recommendations)
			case tt.want != "" && (!slices.Contains(codes, tt.want) || !strings.Contains(fmt.Sprint(got.Recommendations), tt.mention)):
				t.Errorf("got %+v, want %s with %q", got.Recommendations, tt.want, tt.mention)
			}
		})
	}
}

// A dry run of a week that would have been better speaks for going on.
func TestPromotion(t *testing.T) {
	p := pool("nba", func(time.Duration) float64 { return 45 })
	p.Pool.Mode = policy.DryRun
	for _, tt := range []struct {
		name           string
		ready, decided float64
		period         time.Duration
		want           bool
	}{
		{"better", 4, 4.5, 7 * 24 * time.Hour, false}, // more agent-hours
		{"worse", 5, 4, 7 * 24 * time.Hour, false},
	} {
		m := newMaker(t.Context(), down{}, snapshot(p), tt.period)
		m.ready = map[string][]float64{"nba": slices.Repeat([]float64{tt.ready}, m.n)}
		m.desired = map[string][]float64{"nba": slices.Repeat([]float64{tt.decided}, m.n)}
		if got := m.pool(&p).promotable(); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	m := newMaker(t.Context(), down{}, snapshot(p), 7*24*time.Hour)
	ready := slices.Repeat([]float64{8, 2}, m.n/2) // five on average, when five are needed
	m.ready, m.desired = map[string][]float64{"nba": ready}, map[string][]float64{"nba": slices.Repeat([]float64{5}, m.n)}
	if !m.pool(&p).promotable() {
		t.Error("a dry run that wants five when five are needed is not better than two and eight in turns")
	}
	m.period = 24 * time.Hour
	if m.pool(&p).promotable() {
		t.Error("a day of dry run speaks for going on")
	}
}

// The page needs nothing from outside, and names from outside do nothing in it.
func TestPages(t *testing.T) {
	p := pool(`<script>alert("x")</script>|`, func(before time.Duration) float64 { return 30 + before.Minutes()/10 })
	p.Scores = []forecast.Score{{Model: forecast.Combination, Horizon: 2, WAPE: 0.1, N: 50}}
	p.Effects = []engine.Effect{{Effect: forecast.Effect{Class: "<b>derby</b>", Events: 1, Declared: math.NaN(), Measured: 1.5}}}
	r, err := Make(t.Context(), down{}, snapshot(p, pool("nfl", func(time.Duration) float64 { return math.NaN() })), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r.Recommendations = []apiv1.Recommendation{{Pool: "nfl", Code: "raise_max", Text: "it <i>needed</i> more"}}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<b>derby", "<i>needed", "src=", "@import", "url("} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	for _, want := range []string{"<svg", "needed</text>", "same time last week", "it &lt;i&gt;needed&lt;/i&gt; more", "measured ×1.5 in 1 events", "Forecasts 10m ahead", "let it scrape the adapter"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if links := strings.ReplaceAll(string(page), "http://www.w3.org/", ""); strings.Contains(links, "http://") || strings.Contains(links, "https://") {
		t.Error("the page leads elsewhere")
	}
	text, err := Markdown(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## What could be better\n\n- **nfl** (raise_max): it <i>needed</i> more.\n", "| as many as at the peak, always |", "No forecasts were scored."} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text)+string(page), "NaN") {
		t.Error("NaN is told")
	}
}
