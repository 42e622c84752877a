package engine

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Each tick scores what was there since the one before: ten agents are needed, then twenty.
func TestServedIsScoredByTheSecond(t *testing.T) {
	load := 100.0
	w := newWorld(func(string, time.Time) float64 { return load }, map[string]int{"nba": 10})
	e := newEngine(t)
	spec := spec("nba")
	spec.Pool.Mode = policy.DryRun
	e.Apply(settings(w, spec))
	tick := func(after time.Duration) Compared {
		e.Tick(t.Context(), start.Add(after))
		return e.Snapshot().Pools[0].Served
	}
	tick(0)
	if got := tick(30 * time.Second).Live; got != (Served{Time: 30 * time.Second}) {
		t.Errorf("as many as needed: got %+v", got)
	}
	load, w.agents["nba"] = 200, 17
	if got := tick(time.Minute).Live; got != (Served{Under: 90, Time: time.Minute}) {
		t.Errorf("three too few: got %+v", got)
	}
	load, w.agents["nba"] = 150, 17 // what was decided was done here, dry run or not
	if got := tick(90 * time.Second).Live; got != (Served{Under: 90, Over: 60, Time: 90 * time.Second}) {
		t.Errorf("two too many: got %+v", got)
	}
	// What is not known is not scored, nor is a gap.
	delete(w.agents, "nba")
	tick(2 * time.Minute)
	w.agents["nba"], w.down = 1, true
	tick(150 * time.Second)
	w.down = false
	if got := tick(10 * time.Minute).Live; got != (Served{Under: 90, Over: 60, Time: 90 * time.Second}) {
		t.Errorf("after what is not known: got %+v", got)
	}
}

func TestSeasonalNaive(t *testing.T) {
	const day = 24 * time.Hour
	spec := policy.Pool{PerAgent: 10, Agents: policy.Agents{Min: 2, Max: 8}}
	history := func(weekAgo, dayAgo float64) forecast.Series {
		s := forecast.Series{Start: start.Add(-7 * day), Step: day, Values: make([]float64, 7)}
		s.Values[0], s.Values[6] = weekAgo, dayAgo
		return s
	}
	for _, tt := range []struct{ weekAgo, dayAgo, want float64 }{
		{45, 70, 5}, {math.NaN(), 70, 7}, {5, 70, 2}, {500, 70, 8}, {math.NaN(), math.NaN(), math.NaN()},
	} {
		if got := seasonalNaive(NewHistory(history(tt.weekAgo, tt.dayAgo)), spec, start); !cmp.Equal(got, tt.want, cmpopts.EquateNaNs()) {
			t.Errorf("%v a week ago and %v a day ago: got %v, want %v", tt.weekAgo, tt.dayAgo, got, tt.want)
		}
	}
}

func TestServedIsExported(t *testing.T) {
	spec := spec("nba")
	snap := &Snapshot{Settings: &Settings{Pools: []Pool{spec}}, Pools: []PoolStatus{{
		Pool: spec.Pool, Served: Compared{Live: Served{Under: 90, Over: 60, Time: time.Minute}, SeasonalNaive: Served{Time: time.Minute}},
	}}}
	const want = `
# HELP scaling_adapter_overprovisioned_agent_seconds_total Agent-seconds that nobody needed, of what ran (live), of what the load of a week before needed (seasonal_naive) and of rules that are tried (candidate).
# TYPE scaling_adapter_overprovisioned_agent_seconds_total counter
scaling_adapter_overprovisioned_agent_seconds_total{policy="live",pool="nba"} 60
scaling_adapter_overprovisioned_agent_seconds_total{policy="seasonal_naive",pool="nba"} 0
# HELP scaling_adapter_underprovisioned_agent_seconds_total Agent-seconds that were lacking, by the same policies.
# TYPE scaling_adapter_underprovisioned_agent_seconds_total counter
scaling_adapter_underprovisioned_agent_seconds_total{policy="live",pool="nba"} 90
scaling_adapter_underprovisioned_agent_seconds_total{policy="seasonal_naive",pool="nba"} 0
`
	if err := testutil.GatherAndCompare(gatherer(snap), strings.NewReader(want), "scaling_adapter_overprovisioned_agent_seconds_total", "scaling_adapter_underprovisioned_agent_seconds_total"); err != nil {
		t.Error(err)
	}
}
