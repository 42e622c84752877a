package engine

import (
	"fmt"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Rung is what a pool's decisions stand on, from the best on down.
type Rung string

// The rungs of the degradation ladder.
const (
	RungForecast     Rung = "forecast"      // what is expected, known up to now
	RungLastForecast Rung = "last_forecast" // what was expected when the load was last known
	RungProfile      Rung = "profile"       // base agents with the effects of rules
	RungHold         Rung = "hold"          // nothing: the pool is left as it is
)

// Rungs are all of them, the best first.
var Rungs = [...]Rung{RungForecast, RungLastForecast, RungProfile, RungHold}

// Footing is the rung that a pool stands on, since when and why.
type Footing struct {
	Rung  Rung
	Since time.Time
	Why   string // empty on the best one
}

// freshSteps is how many steps of the history may be missing until now for a forecast to
// be one that knows of now.
const freshSteps = 2

// stand returns the footing of a pool after a decision.
func (p *pool) stand(s *Settings, now time.Time, seen observation, i int, d policy.Decision) Footing {
	f := Footing{Rung: RungForecast, Since: now}
	age := now.Sub(p.origin())
	switch {
	case !seen.counts[i].Known:
		f.Rung, f.Why = RungHold, "the orchestrator does not tell how many agents run: "+seen.counts[i].Detail
	case p.state.Pause.End.After(now):
		f.Rung, f.Why = RungHold, p.state.Pause.Why
	case len(d.Reasons) > 0 && d.Reasons[0].Code == policy.ReasonEvaluationFailed:
		f.Rung, f.Why = RungHold, d.Reasons[0].Detail
	case p.fallback(now) == "" && age <= freshSteps*s.Step+s.QueryLag+s.Interval:
	case p.fallback(now) == "":
		f.Rung, f.Why = RungLastForecast, fmt.Sprintf("the load was last measured at %s", p.origin().UTC().Format(time.RFC3339))
	case seen.loads[i].Quality != policy.OK && p.spec.Pool.OnDataLoss.Then == policy.ThenHold:
		f.Rung, f.Why = RungHold, p.fallback(now)
	default:
		f.Rung, f.Why = RungProfile, p.fallback(now)
	}
	if f.Rung == p.footing.Rung {
		f.Since = p.footing.Since
	}
	return f
}
