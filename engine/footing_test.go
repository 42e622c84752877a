package engine

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A pool goes down the ladder rung by rung while its load is missing, and up again; each
// rung tells since when.
func TestPoolsStandOnTheLadder(t *testing.T) {
	w := newWorld(nil, map[string]int{"nba": 10})
	missing := false
	w.load = func(string, time.Time) float64 {
		if missing {
			return math.NaN()
		}
		return 100
	}
	e := newEngine(t)
	nba := spec("nba")
	nba.Pool.ForecastMaxAge, nba.Pool.FailurePause = time.Hour, 20*time.Minute
	e.Apply(settings(w, nba))
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	tick := func(minutes int) Footing {
		e.Tick(t.Context(), at(minutes))
		return e.Snapshot().Pools[0].Footing
	}
	steps := []struct {
		minute int
		before func()
		rung   Rung
		since  int
		why    string
	}{
		{0, func() {}, RungForecast, 0, ""},
		{5, func() {}, RungForecast, 0, ""},
		{10, func() { missing = true }, RungForecast, 0, ""},
		{30, func() {}, RungLastForecast, 30, "the load was last measured at 2026-11-12T12:05:00Z"},
		{35, func() {}, RungLastForecast, 30, "the load was last measured at 2026-11-12T12:05:00Z"},
		{70, func() {}, RungProfile, 70, "the forecast knows nothing after 2026-11-12T12:05:00Z"},
		{75, func() { delete(w.agents, "nba") }, RungHold, 75, "the orchestrator does not tell how many agents run: no such pool"},
		{80, func() { w.agents["nba"] = 10; missing = false }, RungForecast, 80, ""},
		{85, func() { w.load = flat(300); w.refuse["nba"] = true }, RungHold, 85, "scaling from 10 to 20 failed: HTTP 500"},
		{104, func() { w.refuse = nil }, RungHold, 85, "scaling from 10 to 20 failed: HTTP 500"},
		{105, func() {}, RungForecast, 105, ""},
	}
	for _, step := range steps {
		step.before()
		want := Footing{step.rung, at(step.since), step.why}
		if diff := cmp.Diff(want, tick(step.minute)); diff != "" {
			t.Errorf("minute %d (-want +got):\n%s%+v %+v", step.minute, diff, e.Snapshot().Pools[0].Decision.Reasons, e.Snapshot().Pools[0].Outcome)
		}
	}
}

// Where nothing stands in for a load that is lost, the pool is held.
func TestAPoolThatHoldsOnDataLossStandsOnNothing(t *testing.T) {
	w := newWorld(func(string, time.Time) float64 { return math.NaN() }, map[string]int{"nba": 10})
	e := newEngine(t)
	nba := spec("nba")
	nba.Pool.OnDataLoss = policy.DataLoss{Then: policy.ThenHold}
	e.Apply(settings(w, nba))
	w.down = true
	e.Tick(t.Context(), start)
	if got := e.Snapshot().Pools[0].Footing; got.Rung != RungHold {
		t.Errorf("got %+v", got)
	}
}
