package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/forecast/footprint"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// gatherer has the metrics about a snapshot, checked as those of a registry are: a series is
// there once, all of a family are of one type, and label values are UTF-8.
func gatherer(snap *Snapshot) prometheus.Gatherer {
	return prometheus.Gatherers{prometheus.GathererFunc(func() (all []*dto.MetricFamily, err error) {
		for f := range snap.Metrics() {
			all = append(all, proto.CloneOf(f))
		}
		return all, nil
	})}
}

// Errors are those of what was forecast and of its opponents, not of each model, and only
// where something was scored and forecasts are exported.
func TestErrorsOfForecastsAreExported(t *testing.T) {
	spec := spec("nba")
	snap := &Snapshot{Settings: &Settings{Step: 5 * time.Minute, Pools: []Pool{spec}}, Pools: []PoolStatus{{
		Pool:     spec.Pool,
		Forecast: forecast.Forecast{Start: start, Step: 5 * time.Minute, Levels: []float64{0.5}, Paths: [][]float64{{1}}},
		Scores: []forecast.Score{
			{Model: "harmonic", Horizon: 3, WAPE: 0.1, N: 9},
			{Model: "seasonal_naive_day", Horizon: 3, WAPE: 0.2, Bias: -0.1, N: 9},
			{Model: "seasonal_naive_week", Horizon: 3, N: 0},
			{Model: forecast.Combination, Horizon: 3, WAPE: 0.125, Bias: 0.0625, N: 9},
			{Model: forecast.Combination, Horizon: 48, WAPE: 0.25, N: 9},
		},
		Coverage: []forecast.Coverage{{Horizon: 12, Share: 0.75, Pinball: 0.015625, N: 9}, {Horizon: 48, Share: 0.5, N: 9}},
	}}}
	const want = `
# HELP scaling_adapter_forecast_error_ratio Past forecast errors over loads, of what was forecast (combination) and of its seasonal naive opponents, by horizon and kind; old errors count less.
# TYPE scaling_adapter_forecast_error_ratio gauge
scaling_adapter_forecast_error_ratio{horizon="15m",kind="bias",model="combination",pool="nba"} 0.0625
scaling_adapter_forecast_error_ratio{horizon="15m",kind="wape",model="combination",pool="nba"} 0.125
scaling_adapter_forecast_error_ratio{horizon="15m",kind="wape",model="seasonal_naive_day",pool="nba"} 0.2
scaling_adapter_forecast_error_ratio{horizon="1h",kind="pinball",model="combination",pool="nba"} 0.015625
# HELP scaling_adapter_forecast_interval_coverage_ratio Share of past loads within the forecast interval from the 10 % to the 90 % quantile, by horizon; 0.8 is right.
# TYPE scaling_adapter_forecast_interval_coverage_ratio gauge
scaling_adapter_forecast_interval_coverage_ratio{horizon="1h",pool="nba"} 0.75
`
	if err := testutil.GatherAndCompare(gatherer(snap), strings.NewReader(want), "scaling_adapter_forecast_error_ratio", "scaling_adapter_forecast_interval_coverage_ratio"); err != nil {
		t.Error(err)
	}
}

// Errors have the horizons of forecasts, as far as whole steps reach, and that of the next step.
func TestErrorsAreOfWholeSteps(t *testing.T) {
	for _, tt := range []struct {
		step time.Duration
		want map[int]string // by steps; others are not exported
	}{
		{5 * time.Minute, map[int]string{1: "5m", 3: "15m", 6: "30m", 12: "1h", 24: "2h", 72: "6h", 288: "1d"}},
		{time.Minute, map[int]string{1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 120: "2h", 360: "6h", 1440: "1d"}},
		{45 * time.Minute, map[int]string{1: "45m", 2: "1h30m", 8: "6h", 32: "1d"}},
	} {
		snap, got := &Snapshot{Settings: &Settings{Step: tt.step}}, map[int]string{}
		for steps := 1; steps < 3000; steps++ {
			if label, ok := snap.exported(steps); ok {
				got[steps] = label
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("step %s (-want +got):\n%s", tt.step, diff)
		}
	}
}

// A sample says what is forecast for its own time and the horizon: moved by the horizon, it
// lies over what happened.
func TestForecastsAreExportedByHorizonAndQuantile(t *testing.T) {
	const step = 5 * time.Minute
	spec := spec("nba")
	f := forecast.Forecast{Start: start, Step: step, Levels: []float64{0.5, 0.99}, Paths: make([][]float64, 2)}
	for k := range 12 { // minutes since the start
		f.Paths[0] = append(f.Paths[0], float64(5*k))
		f.Paths[1] = append(f.Paths[1], float64(5*k)+1000)
	}
	snap := &Snapshot{
		Time: start.Add(10 * time.Minute), Settings: &Settings{Step: step, Horizon: 30 * time.Minute, Pools: []Pool{spec}},
		Pools: []PoolStatus{{Pool: spec.Pool, Forecast: f}},
	}
	const want = `
# HELP scaling_adapter_forecast_load Forecast load at a horizon, by quantile of the predictive distribution.
# TYPE scaling_adapter_forecast_load gauge
scaling_adapter_forecast_load{horizon="15m",pool="nba",quantile="0.5"} 25
scaling_adapter_forecast_load{horizon="15m",pool="nba",quantile="0.99"} 1025
scaling_adapter_forecast_load{horizon="30m",pool="nba",quantile="0.5"} 40
scaling_adapter_forecast_load{horizon="30m",pool="nba",quantile="0.99"} 1040
scaling_adapter_forecast_load{horizon="5m",pool="nba",quantile="0.5"} 15
scaling_adapter_forecast_load{horizon="5m",pool="nba",quantile="0.99"} 1015
`
	if err := testutil.GatherAndCompare(gatherer(snap), strings.NewReader(want), "scaling_adapter_forecast_load"); err != nil {
		t.Error(err)
	}
}

// What goes on is counted by type, and of what is to come the next one is told. Types that
// neither a rule nor a budget asks for are left out: anybody who tells events makes them up.
func TestEventsAreExported(t *testing.T) {
	spec := spec("nba")
	asks := func(typ string) policy.Condition { return policy.Condition{Events: []policy.EventMatch{{Type: typ}}} }
	unless := asks("draft")
	spec.Rules = []policy.Rule{{When: asks("game"), Unless: &unless}}
	spec.Budgets = []Budget{{When: []policy.Rule{{When: asks("breaking_news")}, {}}}}
	event := func(typ string, from, to time.Duration) policy.Event {
		return policy.Event{Type: typ, Start: start.Add(from), End: start.Add(to)}
	}
	snap := &Snapshot{Time: start, Settings: &Settings{Step: 5 * time.Minute, Pools: []Pool{spec}}, Pools: []PoolStatus{{Pool: spec.Pool, Events: []policy.Event{
		event("game", -3*time.Hour, 0), event("game", -time.Hour, time.Hour), event("game", -time.Minute, time.Hour), event("made_up", -time.Minute, time.Hour),
		event("breaking_news", 0, time.Hour), event("game", time.Hour, 2*time.Hour), event("made_up_too", time.Hour, 2*time.Hour),
		event("draft", 2*time.Hour, 3*time.Hour), event("game", 5*time.Hour, 6*time.Hour),
	}}}}
	want := fmt.Sprintf(`
# HELP scaling_adapter_event_active Events going on that concern a pool, of a type that its rules ask for.
# TYPE scaling_adapter_event_active gauge
scaling_adapter_event_active{pool="nba",type="breaking_news"} 1
scaling_adapter_event_active{pool="nba",type="game"} 2
# HELP scaling_adapter_event_next_start_timestamp_seconds When the next event that concerns a pool starts, of a type that its rules ask for; not there if none is known.
# TYPE scaling_adapter_event_next_start_timestamp_seconds gauge
scaling_adapter_event_next_start_timestamp_seconds{pool="nba",type="draft"} %d
scaling_adapter_event_next_start_timestamp_seconds{pool="nba",type="game"} %d
`, start.Add(2*time.Hour).Unix(), start.Add(time.Hour).Unix())
	if err := testutil.GatherAndCompare(gatherer(snap), strings.NewReader(want), "scaling_adapter_event_active", "scaling_adapter_event_next_start_timestamp_seconds"); err != nil {
		t.Error(err)
	}
}

// The farthest horizon is exported when forecasts are to reach so far.
func TestForecastsReachTheirHorizon(t *testing.T) {
	e := New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	s := settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba"))
	s.Horizon, s.QueryLag = 24*time.Hour, 30*time.Second
	e.Apply(s)
	e.Tick(t.Context(), start.Add(5*time.Minute)) // the last value that is known is of five minutes ago
	families, err := gatherer(e.Snapshot()).Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == "scaling_adapter_forecast_load" && l.GetName() == "horizon" {
					told[l.GetValue()] = true
				}
			}
		}
	}
	if len(told) != len(horizons) || !told["1d"] {
		t.Errorf("forecasts are told at %v", told)
	}
}

// Whatever the last tick saw, its metrics are such as a registry takes, keep the conventions,
// and are the same after they were written and read. What varies is which parts are there.
func TestMetricsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snap := anySnapshot(t)
		families, err := gatherer(snap).Gather()
		if err != nil {
			t.Fatal(err)
		}
		problems, err := testutil.GatherAndLint(gatherer(snap))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			if p.Metric != "scaling_adapter_forecast_load" { // its quantiles are not of what was observed
				t.Errorf("%+v", p)
			}
		}
		var text bytes.Buffer
		for f := range snap.Metrics() {
			if err := expfmt.NewEncoder(&text, expfmt.NewFormat(expfmt.TypeTextPlain)).Encode(f); err != nil {
				t.Fatal(err)
			}
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		read, err := parser.TextToMetricFamilies(&text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := prometheus.Gatherers{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			return slices.Collect(maps.Values(read)), nil
		})}.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprint(families), fmt.Sprint(again)); diff != "" {
			t.Fatalf("(-told +read):\n%s", diff)
		}
	})
}

// anySnapshot has anything that is told of pools, hosts, events, budgets and orders, or not.
func anySnapshot(t *rapid.T) *Snapshot {
	some := func(what string) bool { return rapid.Bool().Draw(t, what) }
	names := func(what string) []string {
		return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z"\\é{},=\n -]{1,8}`), 0, 3, rapid.ID).Draw(t, what)
	}
	number := func(what string) float64 {
		return rapid.OneOf(rapid.Float64Range(1e-9, 1e12), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), 0})).Draw(t, what)
	}
	sample := func(what string) policy.Sample {
		y := policy.Sample{Value: number(what), Quality: rapid.SampledFrom([]policy.Quality{policy.OK, policy.NaN, policy.Error}).Draw(t, what)}
		if some(what + " has a time") {
			y.Time = start.Add(-time.Minute)
		}
		return y
	}
	types := []string{"game", "draft", "made_up"}
	event := rapid.Custom(func(t *rapid.T) policy.Event {
		from := time.Duration(rapid.IntRange(-5, 5).Draw(t, "start")) * time.Hour
		return policy.Event{Type: rapid.SampledFrom(types).Draw(t, "type"), Start: start.Add(from), End: start.Add(from + 2*time.Hour)}
	})
	snap := &Snapshot{Time: start, Emergency: policy.EmergencyState{}, Settings: &Settings{
		Interval: 30 * time.Second, Step: rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, 45 * time.Minute, 3 * time.Hour}).Draw(t, "step"), Horizon: 24 * time.Hour,
	}}
	for _, hosts := range append(names("hosts"), "") {
		snap.Emergency[hosts] = policy.GroupEmergency{Active: some("emergency")}
		for _, resource := range []string{"cpu", "memory"} {
			snap.Hosts = append(snap.Hosts, HostStatus{
				Host: Host{Hosts: hosts, Resource: resource, Limit: 80}, Sample: sample("host"), Predicted: number("predicted"),
				Footprints: []footprint.Footprint{{Pool: "a", Known: some("footprint"), PerAgent: 2}, {Pool: "b", Known: true}},
			})
		}
	}
	for _, name := range names("pools") {
		spec := spec(name)
		if some("rules") {
			spec.Rules = []policy.Rule{{When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}, {Type: "draft"}, {Type: "game"}}}}}
		}
		p := PoolStatus{
			Pool: spec.Pool, Load: sample("load"), Count: policy.Count{Known: some("count")}, Events: rapid.SliceOfN(event, 0, 6).Draw(t, "events"),
			Decision: policy.Decision{Demand: number("demand"), Rules: names("active rules")}, Footing: Footing{Rung: rapid.SampledFrom(Rungs[:]).Draw(t, "rung")},
		}
		for _, code := range rapid.SliceOfN(rapid.SampledFrom(constraints[:]), 0, 4).Draw(t, "reasons") {
			p.Decision.Reasons = append(p.Decision.Reasons, policy.Reason{Code: code})
		}
		if some("completeness") {
			p.Completeness = &Completeness{Sample: sample("completeness")}
		}
		if some("override") {
			p.Override, p.Pause.End = &policy.Override{End: start.Add(time.Hour)}, start.Add(time.Hour)
		}
		if some("candidate") {
			p.Served.Candidate.Time = time.Minute
		}
		for _, budgetName := range names("budgets") {
			p.Budgets = append(p.Budgets, BudgetStatus{Name: budgetName, Limit: rapid.IntRange(0, 17).Draw(t, "limit"), Cap: budget.Cap{
				Window: rapid.SampledFrom([]budget.Window{"", budget.LocalDay}).Draw(t, "window"), Exhaustion: start,
			}})
		}
		if some("forecast") {
			p.Forecast = forecast.Forecast{Start: start, Step: snap.Settings.Step, Levels: []float64{0.5, 0.975}, Paths: make([][]float64, 2)}
			for range rapid.IntRange(1, 300).Draw(t, "steps") {
				p.Forecast.Paths[0], p.Forecast.Paths[1] = append(p.Forecast.Paths[0], number("median")), append(p.Forecast.Paths[1], 1)
			}
			for _, h := range rapid.SliceOfNDistinct(rapid.IntRange(1, 300), 1, 6, rapid.ID).Draw(t, "scored") {
				for _, m := range append(compared[:], "harmonic") {
					p.Scores = append(p.Scores, forecast.Score{Model: m, Horizon: h, WAPE: number("wape"), Weight: 0.25, N: rapid.IntRange(0, 2).Draw(t, "n")})
				}
				p.Coverage = append(p.Coverage, forecast.Coverage{Horizon: h, Share: 0.75, N: 9})
			}
		}
		snap.Settings.Pools, snap.Pools = append(snap.Settings.Pools, spec), append(snap.Pools, p)
	}
	return snap
}
