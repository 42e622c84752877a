package engine

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// well is the snapshot of two pools that lack nothing.
func well() *Snapshot {
	snap := &Snapshot{Time: start, Settings: &Settings{Interval: 30 * time.Second}, Hosts: []HostStatus{{Host: Host{Resource: "cpu"}, Sample: policy.Sample{Quality: policy.OK}}}}
	for _, name := range []string{"nba", "nfl"} {
		snap.Pools = append(snap.Pools, PoolStatus{
			Pool: policy.Pool{Name: name}, Load: policy.Sample{Quality: policy.OK}, Count: policy.Count{Known: true}, Decision: policy.Decision{Time: start},
			Footing: Footing{Rung: RungForecast},
			Scores: []forecast.Score{
				{Model: "seasonal_naive_day", Horizon: 1, WAPE: 0.2, N: 99}, {Model: "seasonal_naive_week", Horizon: 1, WAPE: math.NaN(), N: 0},
				{Model: forecast.Combination, Horizon: 1, WAPE: 0.1, N: 99}, {Model: forecast.Combination, Horizon: 12, WAPE: 0.9, N: 99},
			},
		})
	}
	return snap
}

func TestHealth(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(s *Snapshot)
		later  time.Duration
		status HealthStatus
		score  float64
		failed map[string]string // by check: what its detail has
	}{
		{"all is well", func(*Snapshot) {}, time.Minute, Healthy, 1, nil},
		{"no pools", func(s *Snapshot) { s.Pools = nil }, 0, Healthy, 1, nil},
		{"the loop stands still", func(*Snapshot) {}, 91 * time.Second, Unhealthy, 7.0 / 8, map[string]string{"running": "the last tick was taken 1m31s ago, and one is due every 30s"}},
		{"a load is missing", func(s *Snapshot) { s.Pools[1].Load.Quality = policy.Stale }, 0, Degraded, 7.0 / 8, map[string]string{"loads": "the load is not known for 1 of 2 pools, such as nfl"}},
		{"a forecast is old", func(s *Snapshot) { s.Pools[0].Footing.Rung = RungLastForecast }, 0, Degraded, 7.0 / 8, map[string]string{"forecasts": "no fresh forecast for 1 of 2 pools, such as nba"}},
		{"an evaluation failed", func(s *Snapshot) {
			s.Pools[0].Decision.Reasons = []policy.Reason{{Code: policy.ReasonEvaluationFailed}}
		}, 0, Degraded, 7.0 / 8, map[string]string{"evaluations": "such as nba"}},
		{"forecasts are bad", func(s *Snapshot) { s.Pools[0].Scores[2].WAPE = 0.23 }, 0, Degraded, 7.0 / 8, map[string]string{"accuracy": "such as nba"}},
		{"forecasts are about as good as naive ones", func(s *Snapshot) { s.Pools[0].Scores[2].WAPE = 0.21 }, 0, Healthy, 1, nil},
		{"few forecasts say nothing", func(s *Snapshot) {
			s.Pools[0].Scores[2] = forecast.Score{Model: forecast.Combination, Horizon: 1, WAPE: 9, N: 23}
		}, 0, Healthy, 1, nil},
		{"a pool is paused", func(s *Snapshot) {
			s.Pools[0].Pause.End = start.Add(time.Minute)
			s.Pools[0].Footing.Rung = RungHold
		}, 0, Degraded, 7.0 / 8, map[string]string{"actuation": "such as nba"}},
		{"agents do not come", func(s *Snapshot) { s.Pools[0].Decision.Unfulfilled = 3 }, 0, Degraded, 7.0 / 8, map[string]string{"actuation": "such as nba"}},
		{"no pool can be scaled", func(s *Snapshot) { s.Pools[0].Count.Known, s.Pools[1].Count.Known = false, false }, 0, Unhealthy, 7.0 / 8, map[string]string{"actuation": "for 2 of 2 pools"}},
		{"safe mode", func(s *Snapshot) { s.Settings.SafeMode = "safe mode" }, 0, Degraded, 7.0 / 8, map[string]string{"state": "safe mode"}},
		{"the disk is full", func(s *Snapshot) { s.SaveErr = errors.New("no space left") }, 0, Degraded, 7.0 / 8, map[string]string{"state": "it cannot be saved: no space left"}},
		{"a host is not measured", func(s *Snapshot) { s.Hosts[0].Sample = policy.Sample{Quality: policy.Error, Detail: "refused"} }, 0, Degraded, 7.0 / 8, map[string]string{"hosts": "host cpu is error: refused"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap := well()
			tt.change(snap)
			h := snap.Health(start.Add(tt.later))
			if h.Status != tt.status || math.Abs(h.Score-tt.score) > 1e-9 {
				t.Errorf("%s with a score of %.3f, want %s with %.3f", h.Status, h.Score, tt.status, tt.score)
			}
			for _, c := range h.Checks {
				if want, fails := tt.failed[c.Name]; c.Passed == fails || !strings.Contains(c.Detail, want) {
					t.Errorf("%+v, want a failure: %t with %q", c, fails, want)
				}
			}
		})
	}
}

func TestHealthBeforeTheFirstTick(t *testing.T) {
	want := Health{Status: Unhealthy, Checks: []Check{{Name: "running", Detail: "no tick was taken yet"}}}
	if diff := cmp.Diff(want, (*Snapshot)(nil).Health(start)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
