package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Plan is what the pools are going to do.
type Plan struct {
	Start time.Time  `json:"start"`
	End   time.Time  `json:"end"`
	Step  float64    `json:"step_seconds"`
	Pools []PoolPlan `json:"pools"`
}

// PoolPlan is the plan of one pool.
type PoolPlan struct {
	Pool       string      `json:"pool"`
	Location   string      `json:"location"`
	PerAgent   float64     `json:"per_agent"`
	Current    *int        `json:"current"` // null: the plan starts from the base
	Base       int         `json:"base"`
	Fallback   string      `json:"fallback,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
	AgentHours float64     `json:"agent_hours"`
	Quantiles  []float64   `json:"quantiles"` // of the points' loads
	Events     []PlanEvent `json:"events"`
	Points     []PlanPoint `json:"points"`
}

// PlanEvent is an event that concerns the pool during the plan.
type PlanEvent struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"`
	Labels map[string]string `json:"labels,omitempty"`
}

// PlanPoint is the pool at one instant.
type PlanPoint struct {
	Time    time.Time  `json:"time"`
	Loads   []*float64 `json:"loads"`
	Demand  *float64   `json:"demand"`
	Desired int        `json:"desired"`
	Floor   PlanEdge   `json:"floor"`
	Ceiling PlanEdge   `json:"ceiling"`
	Reason  PlanReason `json:"reason"`
	Rules   []string   `json:"active_rules"`
	Events  []string   `json:"events"` // their IDs
}

// PlanEdge is the floor or the ceiling of the demand, and what it comes from.
type PlanEdge struct {
	Agents int         `json:"agents"`
	Code   policy.Code `json:"code,omitempty"`
	Rule   string      `json:"rule,omitempty"`
}

// PlanReason is what decided.
type PlanReason struct {
	Code   policy.Code `json:"code"`
	Rule   string      `json:"rule,omitempty"`
	Detail string      `json:"detail"`
}

// PlanOf returns a plan in the shape of the API.
func PlanOf(p engine.Plan) Plan {
	v := Plan{Start: p.Start.UTC(), End: p.End.UTC(), Step: p.Step.Seconds(), Pools: []PoolPlan{}}
	for _, pool := range p.Pools {
		v.Pools = append(v.Pools, poolPlanOf(pool, p.Step))
	}
	return v
}

func poolPlanOf(p engine.PoolPlan, step time.Duration) PoolPlan {
	v := PoolPlan{
		Pool: p.Pool.Name, Location: p.Pool.Location.String(), PerAgent: p.Pool.PerAgent, Base: p.Pool.Agents.Base,
		Fallback: p.Fallback, AgentHours: p.AgentHours(step), Quantiles: []float64{0.1, 0.5, 0.9, p.Pool.Quantile},
		Events: []PlanEvent{}, Points: make([]PlanPoint, len(p.Points)),
	}
	if p.Current.Known {
		v.Current = &p.Current.Agents
	}
	for _, w := range p.Warnings {
		v.Warnings = append(v.Warnings, w.Error())
	}
	for _, e := range p.Events {
		v.Events = append(v.Events, PlanEvent{e.ID, e.Type, e.Name, e.Start.UTC(), e.End.UTC(), e.Labels})
	}
	for i, pt := range p.Points {
		d, l := pt.Decision, pt.Load
		v.Points[i] = PlanPoint{
			Time: d.Time.UTC(), Loads: Numbers([]float64{l.Low, l.Median, l.High, l.Planned}), Demand: Number(d.Demand), Desired: d.Desired,
			Floor: edgeOf(pt.Floor), Ceiling: edgeOf(pt.Ceiling), Reason: PlanReasonOf(pt.Reason()),
			Rules: List(d.Rules), Events: []string{},
		}
		for _, e := range pt.Events {
			v.Points[i].Events = append(v.Points[i].Events, e.ID)
		}
	}
	return v
}

func edgeOf(e policy.Edge) PlanEdge { return PlanEdge{e.Agents, e.Code, e.Rule} }

// PlanReasonOf returns a reason in the shape of a plan.
func PlanReasonOf(r policy.Reason) PlanReason { return PlanReason{r.Code, r.Rule, r.Detail} }
