package backtest

import (
	"math"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A scaler says how many agents a pool should have. The pool's bounds come later.
type scaler interface {
	want(now time.Time, s sight) int
}

// sight is what a scaler knows.
type sight struct {
	load          float64 // as it was measured; NaN: it is not known
	ready, agents int     // agents are also those that start
}

// static keeps a number of agents.
type static int

func (s static) want(time.Time, sight) int { return int(s) }

// hpa scales as Kubernetes' HorizontalPodAutoscaler does with its defaults, on the load for
// each ready agent:
//
//	desired = ⌈ready · (load/ready) / target⌉
//
// unless that is within a tolerance of 10 %. Agents that start are taken to have no load
// when more are asked for; so they damp, and never reverse. Of the last five minutes the
// largest recommendation counts. In 15 seconds a pool at most doubles, or gets four more.
//
// Differences: it looks at the load each period, and the load changes with the ticks only;
// and it scales no pool to zero.
//
// # References
//
// Kubernetes, Horizontal Pod Autoscaling, sections “Algorithm details” and “Default
// behavior”.
type hpa struct {
	target float64                 // load for each agent: what one serves, or a part of it
	last   []policy.Recommendation // of the stabilisation window
}

const (
	hpaPeriod    = 15 * time.Second
	hpaTolerance = 0.1
	hpaWindow    = 5 * time.Minute
	hpaLeastStep = 4 // agents up in a period, or as many as there are
)

const noise = 1e-9 // so that 5.0000000001 agents are 5

func (h *hpa) want(now time.Time, s sight) int {
	asked := h.recommend(s)
	kept := h.last[:0]
	stable := asked
	for _, r := range h.last {
		if now.Sub(r.Time) < hpaWindow {
			kept = append(kept, r)
			stable = max(stable, r.Agents)
		}
	}
	kept = append(kept, policy.Recommendation{Time: now, Agents: asked})
	h.last = kept
	if asked < s.agents {
		asked = min(stable, s.agents)
	}
	return max(min(asked, max(2*s.agents, s.agents+hpaLeastStep)), 1)
}

// recommend returns what the load asks for.
func (h *hpa) recommend(s sight) int {
	if math.IsNaN(s.load) || s.ready == 0 {
		return s.agents // no metrics, no scaling
	}
	agents := float64(s.ready)
	ratio := s.load / h.target / agents
	if ratio > 1 && s.agents > s.ready {
		agents = float64(s.agents)
		ratio = max(s.load/h.target/agents, 1)
	}
	if math.Abs(ratio-1) <= hpaTolerance+noise {
		return s.agents
	}
	return whole(ratio * agents)
}

// lastWeek expects the load of a week before, from now until an agent that is asked for now
// is ready.
type lastWeek struct {
	load     forecast.Series
	perAgent float64
	startup  time.Duration
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

func (l lastWeek) want(now time.Time, s sight) int {
	most := largest(l.load, now.Add(-week), now.Add(-week+l.startup))
	if math.IsNaN(most) {
		return s.agents
	}
	return whole(most / l.perAgent)
}

// oracle knows what will be needed until an agent that is asked for now is ready.
type oracle struct {
	needed  forecast.Series
	startup time.Duration
}

func (o oracle) want(now time.Time, s sight) int {
	most := largest(o.needed, now, now.Add(o.startup))
	if math.IsNaN(most) {
		return s.agents
	}
	return whole(most)
}

// largest is that of the known values that stand between two instants, both included; NaN
// of none.
func largest(s forecast.Series, from, to time.Time) float64 {
	most := math.NaN()
	for i := max(s.Index(from), 0); i <= min(s.Index(to), s.Len()-1); i++ {
		if y := s.Values[i]; !math.IsNaN(y) && !(most >= y) {
			most = y
		}
	}
	return most
}

// whole rounds up to agents. It bounds before it converts.
func whole(x float64) int {
	const most = 1 << 20 // more than any pool has
	return int(min(max(math.Ceil(x-noise), 0), most))
}
