package backtest

import (
	"fmt"
	"math"
	"time"
)

// Elasticity is how well a supply of agents followed the demand for them.
//
// The shares are those of the Research Group of SPEC: Herbst et al., Ready for Rain? A View
// from SPEC Research on the Future of Cloud Metrics (2016), section 4.1. With demand d and
// supply s at each step they are, as means over the steps,
//
//	θ_U = max(d−s, 0)/max(d, 1)    τ_U = [s < d]
//	θ_O = max(s−d, 0)/max(d, 1)    τ_O = [s > d]
//	υ   = [sign Δs ≠ sign Δd]
//
// None of them is good without the others: a large supply has no θ_U. Look at agent-hours
// beside them.
type Elasticity struct {
	Steps int // that were compared: both numbers were known

	AgentHours float64 // supplied
	Demanded   float64 // agent-hours that were demanded
	Under      float64 // agent-hours that were lacking
	Over       float64 // agent-hours that nobody needed

	UnderShare  float64 // θ_U
	OverShare   float64 // θ_O
	UnderTime   float64 // τ_U
	OverTime    float64 // τ_O
	Instability float64 // υ
}

// Efficiency is the share of the supplied agent-hours that were needed; NaN of none.
func (e Elasticity) Efficiency() float64 { return (e.AgentHours - e.Over) / e.AgentHours }

// MeasureElasticity compares a demand with a supply, in agents at instants that lie step
// apart. NaN is a number that is not known. It panics if there are not as many of both.
func MeasureElasticity(demand, supply []float64, step time.Duration) Elasticity {
	if len(demand) != len(supply) {
		panic(fmt.Sprintf("backtest: %d demands and %d supplies", len(demand), len(supply)))
	}
	var e Elasticity
	hours := step.Hours()
	lastDemand, lastSupply := math.NaN(), math.NaN()
	moves := 0
	for i, d := range demand {
		s := supply[i]
		if math.IsNaN(d) || math.IsNaN(s) {
			continue
		}
		e.Steps++
		under, over := max(d-s, 0), max(s-d, 0)
		e.AgentHours += s * hours
		e.Demanded += d * hours
		e.Under += under * hours
		e.Over += over * hours
		e.UnderShare += under / max(d, 1)
		e.OverShare += over / max(d, 1)
		if under > 0 {
			e.UnderTime++
		}
		if over > 0 {
			e.OverTime++
		}
		if e.Steps > 1 {
			moves++
			if sign(s-lastSupply) != sign(d-lastDemand) {
				e.Instability++
			}
		}
		lastDemand, lastSupply = d, s
	}
	for _, sum := range []*float64{&e.UnderShare, &e.OverShare, &e.UnderTime, &e.OverTime} {
		*sum /= float64(e.Steps)
	}
	e.Instability /= float64(moves)
	return e
}

// Sum is the elasticity over several pools. Shares are means over all steps of all pools.
func Sum(parts []Elasticity) Elasticity {
	var sum Elasticity
	moves := 0.0
	for _, e := range parts {
		if e.Steps == 0 {
			continue
		}
		n := float64(e.Steps)
		sum.Steps += e.Steps
		sum.AgentHours += e.AgentHours
		sum.Demanded += e.Demanded
		sum.Under += e.Under
		sum.Over += e.Over
		sum.UnderShare += e.UnderShare * n
		sum.OverShare += e.OverShare * n
		sum.UnderTime += e.UnderTime * n
		sum.OverTime += e.OverTime * n
		if e.Steps > 1 {
			sum.Instability += e.Instability * (n - 1)
			moves += n - 1
		}
	}
	for _, share := range []*float64{&sum.UnderShare, &sum.OverShare, &sum.UnderTime, &sum.OverTime} {
		*share /= float64(sum.Steps)
	}
	sum.Instability /= moves
	return sum
}

func sign(x float64) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
