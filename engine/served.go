package engine

import (
	"math"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Served is how well a way to scale has served a pool since the process began, in
// agent-seconds: needed are the load over what one agent serves, rounded up.
type Served struct {
	Under float64 // that were lacking
	Over  float64 // that nobody needed
	Time  time.Duration
}

// add scores a supply that was there for some time.
func (s *Served) add(needed, supply float64, lasted time.Duration) {
	if math.IsNaN(supply) {
		return
	}
	s.Under += max(needed-supply, 0) * lasted.Seconds()
	s.Over += max(supply-needed, 0) * lasted.Seconds()
	s.Time += lasted
}

// Compared are the ways to scale that are scored beside each other all the time.
type Compared struct {
	Live          Served // the agents that are ready
	SeasonalNaive Served // those that the load of a week before needed, or of a day before
	Candidate     Served // those that the rules would have which are tried, if any are
}

// serve scores what has been since the last tick, if the load is known. A time that is much
// longer than an interval is not: nobody knows what was in between.
func (p *pool) serve(s *Settings, now time.Time, load policy.Sample, count policy.Count, candidate float64) {
	const most = 2 // intervals
	lasted := now.Sub(p.servedAt)
	p.servedAt = now
	if load.Quality != policy.OK || lasted <= 0 || lasted > most*s.Interval {
		return
	}
	spec := p.spec.Pool
	needed := math.Ceil(load.Value / spec.PerAgent)
	if count.Known {
		p.served.Live.add(needed, float64(count.Ready), lasted)
	}
	p.served.SeasonalNaive.add(needed, seasonalNaive(p.history, spec, now), lasted)
	p.served.Candidate.add(needed, candidate, lasted)
}

// seasonalNaive is how many agents the load of a week before t needed, or that of the day
// before if the former is not known; NaN if neither is.
func seasonalNaive(history History, spec policy.Pool, t time.Time) float64 {
	const day = 24 * time.Hour
	y := history.At(t.Add(-7 * day))
	if math.IsNaN(y) {
		y = history.At(t.Add(-day))
	}
	return min(max(math.Ceil(y/spec.PerAgent), float64(spec.Agents.Min)), float64(spec.Agents.Max))
}
