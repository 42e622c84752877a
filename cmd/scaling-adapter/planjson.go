package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// planView is a report as one document.
type planView struct {
	Start time.Time      `json:"start"`
	End   time.Time      `json:"end"`
	Step  float64        `json:"step_seconds"`
	Pools []planPoolView `json:"pools"`
	Diff  *planDiffView  `json:"diff,omitempty"` // if another plan is compared with
}

type planPoolView struct {
	Pool       string          `json:"pool"`
	Location   string          `json:"location"`
	PerAgent   float64         `json:"per_agent"`
	Current    *int            `json:"current"` // null: the plan starts from the base
	Base       int             `json:"base"`
	Fallback   string          `json:"fallback,omitempty"`
	Warnings   []string        `json:"warnings,omitempty"`
	AgentHours float64         `json:"agent_hours"`
	Quantiles  []float64       `json:"quantiles"` // of the points' loads
	Events     []planEventView `json:"events"`
	Points     []planPointView `json:"points"`
}

type planEventView struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"`
	Labels map[string]string `json:"labels,omitempty"`
}

type planPointView struct {
	Time    time.Time      `json:"time"`
	Loads   []*float64     `json:"loads"`
	Demand  *float64       `json:"demand"`
	Desired int            `json:"desired"`
	Floor   planEdgeView   `json:"floor"`
	Ceiling planEdgeView   `json:"ceiling"`
	Reason  planReasonView `json:"reason"`
	Rules   []string       `json:"active_rules"`
	Events  []string       `json:"events"` // their IDs
}

type planEdgeView struct {
	Agents int         `json:"agents"`
	Code   policy.Code `json:"code,omitempty"`
	Rule   string      `json:"rule,omitempty"`
}

type planReasonView struct {
	Code   policy.Code `json:"code"`
	Rule   string      `json:"rule,omitempty"`
	Detail string      `json:"detail"`
}

type planDiffView struct {
	Before float64            `json:"agent_hours_before"`
	After  float64            `json:"agent_hours_after"`
	Pools  []planDiffPoolView `json:"pools"`
}

type planDiffPoolView struct {
	Pool    string           `json:"pool"`
	Before  *float64         `json:"agent_hours_before"` // null: there was no such pool
	After   *float64         `json:"agent_hours_after"`  // null: there is none any more
	Changes []planChangeView `json:"changes"`
}

type planChangeView struct {
	Start  time.Time       `json:"start"`
	End    time.Time       `json:"end"`
	Before planSideView    `json:"before"`
	After  planSideView    `json:"after"`
	Hours  float64         `json:"agent_hours"` // more than before
	Reason *planReasonView `json:"reason"`      // null where the agents do not differ
}

type planSideView struct {
	Least   int `json:"desired_least"`
	Most    int `json:"desired_most"`
	Floor   int `json:"floor"`
	Ceiling int `json:"ceiling"`
}

func (r planReport) writeJSON(w io.Writer) error {
	v := planView{Start: r.Plan.Start.UTC(), End: r.Plan.End.UTC(), Step: r.Plan.Step.Seconds(), Pools: []planPoolView{}}
	for _, p := range r.Plan.Pools {
		v.Pools = append(v.Pools, planPoolOf(p, r.Plan.Step))
	}
	if r.compares() {
		v.Diff = r.diffView()
	}
	return json.NewEncoder(w).Encode(v)
}

func planPoolOf(p engine.PoolPlan, step time.Duration) planPoolView {
	v := planPoolView{
		Pool: p.Pool.Name, Location: p.Pool.Location.String(), PerAgent: p.Pool.PerAgent, Base: p.Pool.Agents.Base,
		Fallback: p.Fallback, AgentHours: p.AgentHours(step), Quantiles: []float64{0.1, 0.5, 0.9, p.Pool.Quantile},
		Events: []planEventView{}, Points: make([]planPointView, len(p.Points)),
	}
	if p.Current.Known {
		v.Current = &p.Current.Agents
	}
	for _, w := range p.Warnings {
		v.Warnings = append(v.Warnings, w.Error())
	}
	for _, e := range p.Events {
		v.Events = append(v.Events, planEventView{e.ID, e.Type, e.Name, e.Start.UTC(), e.End.UTC(), e.Labels})
	}
	for i, pt := range p.Points {
		d, l := pt.Decision, pt.Load
		v.Points[i] = planPointView{
			Time: d.Time.UTC(), Loads: numbers([]float64{l.Low, l.Median, l.High, l.Planned}), Demand: number(d.Demand), Desired: d.Desired,
			Floor: edgeOf(pt.Floor), Ceiling: edgeOf(pt.Ceiling), Reason: planReasonOf(pt.Reason()),
			Rules: append([]string{}, d.Rules...), Events: []string{},
		}
		for _, e := range pt.Events {
			v.Points[i].Events = append(v.Points[i].Events, e.ID)
		}
	}
	return v
}

func edgeOf(e policy.Edge) planEdgeView { return planEdgeView{e.Agents, e.Code, e.Rule} }

func planReasonOf(r policy.Reason) planReasonView { return planReasonView{r.Code, r.Rule, r.Detail} }

func (r planReport) diffView() *planDiffView {
	v := &planDiffView{Pools: []planDiffPoolView{}}
	for _, name := range r.names() {
		before, after := poolOf(r.Before, name), poolOf(r.Plan, name)
		pool := planDiffPoolView{Pool: name, Changes: []planChangeView{}}
		was, is := r.hours(before), r.hours(after)
		v.Before, v.After = v.Before+was, v.After+is
		if before != nil {
			pool.Before = &was
		}
		if after != nil {
			pool.After = &is
		}
		for _, c := range r.changes(before, after) {
			change := planChangeView{Start: c.Start.UTC(), End: c.End.UTC(), Before: planSideView(c.Before), After: planSideView(c.After), Hours: r.agentHours(c)}
			if c.Why.Code != "" {
				why := planReasonOf(c.Why)
				change.Reason = &why
			}
			pool.Changes = append(pool.Changes, change)
		}
		v.Pools = append(v.Pools, pool)
	}
	return v
}
