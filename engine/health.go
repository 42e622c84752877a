package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// HealthStatus sums up a [Health]. It is a closed set: it labels metrics.
type HealthStatus string

// How well the adapter is.
const (
	Healthy   HealthStatus = "healthy"   // all checks pass
	Degraded  HealthStatus = "degraded"  // some do not
	Unhealthy HealthStatus = "unhealthy" // the loop stands still, or no pool can be scaled
)

// Health is how well the adapter does its work.
type Health struct {
	Status HealthStatus
	Score  float64 // share of the checks that pass
	Checks []Check
}

// Check is one thing that ought to be so.
type Check struct {
	Name   string
	Passed bool
	Detail string // what is wrong; empty if nothing is
}

// The names of the checks. They are a closed set: they label metrics.
const (
	checkRunning     = "running"
	checkLoads       = "loads"
	checkForecasts   = "forecasts"
	checkEvaluations = "evaluations"
	checkAccuracy    = "accuracy"
	checkActuation   = "actuation"
	checkState       = "state"
	checkHosts       = "hosts"
)

// missedUntilStopped is how many ticks must have been missed for the loop to count as
// standing still.
const missedUntilStopped = 3

// Health returns how well the adapter is at now. A nil snapshot is that of an adapter that
// has not taken its first tick.
func (s *Snapshot) Health(now time.Time) Health {
	if s == nil {
		return Health{Status: Unhealthy, Checks: []Check{{Name: checkRunning, Detail: "no tick was taken yet"}}}
	}
	var h Health
	check := func(name, detail string) {
		h.Checks = append(h.Checks, Check{Name: name, Passed: detail == "", Detail: detail})
	}
	check(checkRunning, s.standing(now))
	check(checkLoads, s.lacking("the load is not known", func(p *PoolStatus) bool { return p.Load.Quality != policy.OK }))
	check(checkForecasts, s.lacking("no fresh forecast", func(p *PoolStatus) bool { return p.Footing.Rung != RungForecast && !p.stuck() }))
	check(checkEvaluations, s.lacking("the evaluation failed", func(p *PoolStatus) bool {
		return len(p.Decision.Reasons) > 0 && p.Decision.Reasons[0].Code == policy.ReasonEvaluationFailed
	}))
	check(checkAccuracy, s.lacking("forecasts err more than a seasonal naive one", (*PoolStatus).worseThanNaive))
	check(checkActuation, s.lacking("it cannot be scaled, or does not get its agents", func(p *PoolStatus) bool { return p.stuck() || p.Decision.Unfulfilled > 0 }))
	check(checkState, s.forgetting())
	check(checkHosts, s.blind())
	for _, c := range h.Checks {
		if c.Passed {
			h.Score += 1 / float64(len(h.Checks))
		}
	}
	switch stuck := s.count((*PoolStatus).stuck); {
	case !h.Checks[0].Passed, len(s.Pools) > 0 && stuck == len(s.Pools):
		h.Status = Unhealthy
	case h.Score < 1-1e-9:
		h.Status = Degraded
	default:
		h.Status, h.Score = Healthy, 1
	}
	return h
}

func (s *Snapshot) standing(now time.Time) string {
	if age := now.Sub(s.Time); age > missedUntilStopped*s.Settings.Interval {
		return fmt.Sprintf("the last tick was taken %s ago, and one is due every %s", age.Round(time.Second), s.Settings.Interval)
	}
	return ""
}

// lacking says how many pools lack something, with the first of them; empty if none does.
func (s *Snapshot) lacking(what string, lacks func(*PoolStatus) bool) string {
	n := s.count(lacks)
	for i := range s.Pools {
		if lacks(&s.Pools[i]) {
			return fmt.Sprintf("%s for %d of %d pools, such as %s", what, n, len(s.Pools), s.Pools[i].Pool.Name)
		}
	}
	return ""
}

func (s *Snapshot) count(which func(*PoolStatus) bool) int {
	n := 0
	for i := range s.Pools {
		if which(&s.Pools[i]) {
			n++
		}
	}
	return n
}

// stuck reports whether nothing can be asked for the pool.
func (p *PoolStatus) stuck() bool { return !p.Count.Known || p.Pause.End.After(p.Decision.Time) }

// enoughForecasts is how many must have been scored for their errors to be compared.
const enoughForecasts = 24

// worseThanNaive reports whether forecasts of the next step err more than the better of the
// seasonal naive ones, by a tenth at least.
func (p *PoolStatus) worseThanNaive() bool {
	const clearly = 1.1
	var ours, naive float64
	for _, s := range p.Scores {
		switch {
		case s.Horizon != p.Scores[0].Horizon || s.N < enoughForecasts:
		case s.Model == forecast.Combination:
			ours = s.WAPE
		case slices.Contains(compared[1:], s.Model) && (naive == 0 || s.WAPE < naive):
			naive = s.WAPE
		}
	}
	return naive > 0 && ours > clearly*naive
}

func (s *Snapshot) forgetting() string {
	switch {
	case s.Settings.SafeMode != "":
		return s.Settings.SafeMode
	case s.SaveErr != nil:
		return "it cannot be saved: " + s.SaveErr.Error()
	}
	return ""
}

func (s *Snapshot) blind() string {
	for _, h := range s.Hosts {
		if h.Sample.Quality != policy.OK {
			return fmt.Sprintf("host %s is %s: %s", policy.HostReading{Hosts: h.Hosts, Resource: h.Resource}.Name(), h.Sample.Quality, h.Sample.Detail)
		}
	}
	return ""
}
