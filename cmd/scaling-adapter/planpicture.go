package main

import (
	"fmt"
	"slices"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/forecastplot"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// picture returns a panel for each pool that is planned.
func (r planReport) picture() (forecastplot.Plan, error) {
	if n := len(r.Plan.Pools); n > forecastplot.MostPanels {
		return forecastplot.Plan{}, fmt.Errorf("--plot: %d pools, at most %d fit into a picture; choose some with --pool", n, forecastplot.MostPanels)
	}
	out := forecastplot.Plan{Title: fmt.Sprintf("Plan from %s to %s", zoned(r.Plan.Start, r.zone()), zoned(r.Plan.End, r.zone()))}
	for _, p := range r.Plan.Pools {
		out.Panels = append(out.Panels, r.panel(p))
	}
	return out, nil
}

func (r planReport) panel(p engine.PoolPlan) forecastplot.Panel {
	out := forecastplot.Panel{
		Title: fmt.Sprintf("%s: %s agent-hours; %s", p.Pool.Name, hoursText(p.AgentHours(r.Plan.Step)), p.Pool.Location),
		Zone:  p.Pool.Location, Start: r.Plan.Start, Step: r.Plan.Step, PerAgent: p.Pool.PerAgent,
	}
	if p.Fallback != "" {
		out.Title += "; no forecast, base agents and known effects"
	}
	for _, pt := range p.Points {
		l := pt.Load
		out.Low, out.Median, out.High = append(out.Low, l.Low/p.Pool.PerAgent), append(out.Median, l.Median/p.Pool.PerAgent), append(out.High, l.High/p.Pool.PerAgent)
		out.Agents, out.Floor, out.Ceiling = append(out.Agents, pt.Decision.Desired), append(out.Floor, pt.Floor.Agents), append(out.Ceiling, pt.Ceiling.Agents)
	}
	if before := poolOf(r.Before, p.Pool.Name); before != nil {
		for _, pt := range before.Points {
			out.Before = append(out.Before, pt.Decision.Desired)
		}
	}
	out.Rows = slices.Concat(eventRows(p.Events), r.ruleRows(p))
	return out
}

// eventRows are rows of events that do not overlap, as few as that takes.
func eventRows(events []policy.Event) []forecastplot.Row {
	var rows []forecastplot.Row
	for _, e := range events {
		k := slices.IndexFunc(rows, func(row forecastplot.Row) bool { return !row.Bars[len(row.Bars)-1].End.After(e.Start) })
		if k < 0 {
			k = len(rows)
			rows = append(rows, forecastplot.Row{Kind: forecastplot.Event})
		}
		rows[k].Bars = append(rows[k].Bars, forecastplot.Bar{Name: eventText(e), Start: e.Start, End: e.End})
	}
	if len(rows) > 0 {
		rows[0].Name = "events"
	}
	return rows
}

// stretches returns the times of a plan in which something holds.
func (r planReport) stretches(p engine.PoolPlan, holds func(engine.PlanPoint) bool) []forecastplot.Bar {
	var bars []forecastplot.Bar
	for _, pt := range p.Points {
		t := pt.Decision.Time
		switch n := len(bars); {
		case !holds(pt):
		case n > 0 && bars[n-1].End.Equal(t):
			bars[n-1].End = t.Add(r.Plan.Step)
		default:
			bars = append(bars, forecastplot.Bar{Start: t, End: t.Add(r.Plan.Step)})
		}
	}
	return bars
}

// ruleRows are the rules that are active at some times, in their order, after the
// times in which an override counts.
func (r planReport) ruleRows(p engine.PoolPlan) []forecastplot.Row {
	var rows []forecastplot.Row
	add := func(name string, kind forecastplot.Kind, holds func(engine.PlanPoint) bool) {
		if bars := r.stretches(p, holds); len(bars) > 0 {
			rows = append(rows, forecastplot.Row{Name: name, Kind: kind, Bars: bars})
		}
	}
	add("override", forecastplot.Override, func(pt engine.PlanPoint) bool { return pt.Override != nil })
	var names []string
	for _, pt := range p.Points {
		for _, name := range pt.Decision.Rules {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	always := throughout(p)
	for _, name := range names {
		if !slices.Contains(always, name) {
			add(name, forecastplot.Rule, func(pt engine.PlanPoint) bool { return slices.Contains(pt.Decision.Rules, name) })
		}
	}
	return rows
}
