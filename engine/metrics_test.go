package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

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

// What goes on is counted by type, and of what is to come the next one is told.
func TestEventsAreExported(t *testing.T) {
	spec := spec("nba")
	event := func(typ string, from, to time.Duration) policy.Event {
		return policy.Event{Type: typ, Start: start.Add(from), End: start.Add(to)}
	}
	snap := &Snapshot{Time: start, Settings: &Settings{Step: 5 * time.Minute, Pools: []Pool{spec}}, Pools: []PoolStatus{{Pool: spec.Pool, Events: []policy.Event{
		event("game", -3*time.Hour, 0), event("game", -time.Hour, time.Hour), event("game", -time.Minute, time.Hour), event("breaking_news", 0, time.Hour),
		event("game", time.Hour, 2*time.Hour), event("draft", 2*time.Hour, 3*time.Hour), event("game", 5*time.Hour, 6*time.Hour),
	}}}}
	want := fmt.Sprintf(`
# HELP scaling_adapter_event_active Events of a type that concern a pool and are going on.
# TYPE scaling_adapter_event_active gauge
scaling_adapter_event_active{pool="nba",type="breaking_news"} 1
scaling_adapter_event_active{pool="nba",type="game"} 2
# HELP scaling_adapter_event_next_start_timestamp_seconds When the next event of a type that concerns a pool starts; not there if none is known.
# TYPE scaling_adapter_event_next_start_timestamp_seconds gauge
scaling_adapter_event_next_start_timestamp_seconds{pool="nba",type="draft"} %d
scaling_adapter_event_next_start_timestamp_seconds{pool="nba",type="game"} %d
`, start.Add(2*time.Hour).Unix(), start.Add(time.Hour).Unix())
	c := collector{newDescs(), func() *Snapshot { return snap }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "scaling_adapter_event_active", "scaling_adapter_event_next_start_timestamp_seconds"); err != nil {
		t.Error(err)
	}
}
