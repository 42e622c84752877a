package engine

import (
	"log/slog"

	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Errors are those of what was forecast and of its opponents, not of each model, and only
// where something was scored.
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
		},
		Coverage: []forecast.Coverage{{Horizon: 12, Share: 0.75, Pinball: 0.015625, N: 9}},
	}}}
	const want = `
# HELP scaling_adapter_forecast_error_ratio Past forecast errors over loads, of what was forecast (combination) and of its seasonal naive opponents, by horizon and kind; old errors count less.
# TYPE scaling_adapter_forecast_error_ratio gauge
scaling_adapter_forecast_error_ratio{horizon="15m",kind="bias",model="combination",pool="nba"} 0.0625
scaling_adapter_forecast_error_ratio{horizon="15m",kind="bias",model="seasonal_naive_day",pool="nba"} -0.1
scaling_adapter_forecast_error_ratio{horizon="15m",kind="wape",model="combination",pool="nba"} 0.125
scaling_adapter_forecast_error_ratio{horizon="15m",kind="wape",model="seasonal_naive_day",pool="nba"} 0.2
scaling_adapter_forecast_error_ratio{horizon="1h",kind="pinball",model="combination",pool="nba"} 0.015625
# HELP scaling_adapter_forecast_interval_coverage_ratio Share of past loads within the forecast interval from the 10 % to the 90 % quantile, by horizon; 0.8 is right.
# TYPE scaling_adapter_forecast_interval_coverage_ratio gauge
scaling_adapter_forecast_interval_coverage_ratio{horizon="1h",pool="nba"} 0.75
`
	c := collector{newDescs(), func() *Snapshot { return snap }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "scaling_adapter_forecast_error_ratio", "scaling_adapter_forecast_interval_coverage_ratio"); err != nil {
		t.Error(err)
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
	c := collector{newDescs(), func() *Snapshot { return snap }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "scaling_adapter_forecast_load"); err != nil {
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
	c := collector{newDescs(), func() *Snapshot { return snap }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "scaling_adapter_event_active", "scaling_adapter_event_next_start_timestamp_seconds"); err != nil {
		t.Error(err)
	}
}

// The farthest horizon is exported when forecasts are to reach so far.
func TestForecastsReachTheirHorizon(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := New(Options{Registerer: reg, Logger: slog.New(slog.DiscardHandler)})
	s := settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba"))
	s.Horizon, s.QueryLag = 24*time.Hour, 30*time.Second
	e.Apply(s)
	e.Tick(t.Context(), start.Add(5*time.Minute)) // the last value that is known is of five minutes ago
	families, err := reg.Gather()
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
