package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// planView is a report as one document.
type planView struct {
	apiv1.Plan
	Diff *planDiffView `json:"diff,omitempty"` // if another plan is compared with
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
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"`
	Before planSideView      `json:"before"`
	After  planSideView      `json:"after"`
	Hours  float64           `json:"agent_hours"` // more than before
	Reason *apiv1.PlanReason `json:"reason"`      // null where the agents do not differ
}

type planSideView struct {
	Least   int `json:"desired_least"`
	Most    int `json:"desired_most"`
	Floor   int `json:"floor"`
	Ceiling int `json:"ceiling"`
}

func (r planReport) writeJSON(w io.Writer) error {
	v := planView{Plan: apiv1.PlanOf(r.Plan)}
	if r.compares() {
		v.Diff = r.diffView()
	}
	return json.NewEncoder(w).Encode(v)
}

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
				why := apiv1.PlanReasonOf(c.Why)
				change.Reason = &why
			}
			pool.Changes = append(pool.Changes, change)
		}
		v.Pools = append(v.Pools, pool)
	}
	return v
}
