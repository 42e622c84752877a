package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// pool shows one pool.
func pool() *board {
	b := newBoard("pool", "Pool", "One pool: its load beside what was forecast, how its agents were decided on, and why.")
	b.WithVariable(choice("pool", "Pool", `label_values(scaling_adapter_current_agents{job=~"$job"}, pool)`)).WithVariable(horizons())
	b.Annotation(marks("Events", "purple", `max by (type) (scaling_adapter_event_active{job=~"$job", pool="$pool"}) > 0`, "{{type}}")).
		Annotation(marks("Overrides", "orange", `max(scaling_adapter_override_active{job=~"$job", pool="$pool"}) > 0`, "override")).
		Annotation(marks("Emergencies", "red", `max(scaling_adapter_constraint_active{job=~"$job", pool="$pool", reason="emergency"}) > 0`, "emergency"))

	b.row("Load")
	b.add(lines(), panel{
		title:       "Load, and what was forecast $horizon before",
		description: "The measured load over the forecast for the same instant: its median, and the band from its 10 % to its 90 % quantile, in which four of five loads should lie.",
		unit:        "short", width: 24, height: 10,
		queries: []query{
			{`max(scaling_adapter_forecast_load{job=~"$job", pool="$pool", horizon="$horizon", quantile="0.1"} offset $horizon)`, "10 %"},
			{`max(scaling_adapter_forecast_load{job=~"$job", pool="$pool", horizon="$horizon", quantile="0.9"} offset $horizon)`, "90 %"},
			{`max(scaling_adapter_forecast_load{job=~"$job", pool="$pool", horizon="$horizon", quantile="0.5"} offset $horizon)`, "forecast"},
			{`max(scaling_adapter_load{job=~"$job", pool="$pool"})`, "load"},
		},
		styles: []style{
			colored("%$", "blue").with("custom.lineWidth", 0), {"^90 %$", map[string]any{"custom.fillBelowTo": "10 %", "custom.fillOpacity": 25}},
			colored("^forecast$", "blue"), dashed("^forecast$"), colored("^load$", "green").with("custom.lineWidth", 2),
		},
	})

	b.row("Agents")
	b.add(steps(), panel{
		title:       "From demand to decision",
		description: "Agents that run, and that are ready, beside what they are decided on by: what the load asks for, with the rules, within all bounds, and in the end.",
		unit:        "none", width: 16, height: 10,
		queries: []query{
			{`max(scaling_adapter_current_agents{job=~"$job", pool="$pool"})`, "run"},
			{`max(scaling_adapter_ready_agents{job=~"$job", pool="$pool"})`, "ready"},
			{stage("bounded"), "bounded"}, {stage("rules"), "rules"}, {stage("demand"), "demand"}, {stage("final"), "final"}, // so that what intervenes shows
			{`max(scaling_adapter_min_agents{job=~"$job", pool="$pool"})`, "min"},
			{`max(scaling_adapter_max_agents{job=~"$job", pool="$pool"})`, "max"},
		},
		styles: []style{
			colored("^run$", "green").with("custom.fillOpacity", 15).with("custom.lineWidth", 0), colored("^ready$", "green"),
			colored("^demand$", "yellow"), colored("^rules$", "purple"), colored("^bounded$", "orange"), colored("^final$", "blue").with("custom.lineWidth", 2),
			colored("^(min|max)$", "text"), dashed("^(min|max)$"),
		},
	})
	b.add(number(), panel{
		title: "Now", description: "Agents that run, that are ready and that were decided on.", unit: "none", width: 8, height: 4, base: "blue",
		queries: []query{
			{`max(scaling_adapter_current_agents{job=~"$job", pool="$pool"})`, "run"},
			{`max(scaling_adapter_ready_agents{job=~"$job", pool="$pool"})`, "ready"},
			{stage("final"), "desired"},
		},
	})
	b.add(lines().AxisSoftMax(1.2), panel{
		title: "Agent load", description: "Load per agent that is ready, over what one serves at its target; above the lines they are overloaded.", unit: "percentunit", width: 8, height: 6,
		queries: []query{{agentLoad(`, pool="$pool"`), "of the target"}},
		limits:  overload,
	})

	b.row("Why")
	b.add(spans(), panel{
		title: "What moved or held the pool", description: "The reasons of the decisions, in red those that say that something is wrong; explain tells each in words.", unit: "none", width: 12, height: 8,
		queries: []query{{`max by (reason) (scaling_adapter_constraint_active{job=~"$job", pool="$pool"}) > 0`, "{{reason}}"}},
		base:    "blue", styles: []style{colored("^(.+_unknown|data_loss|budget_exhausted|unfulfilled|paused|emergency.*|evaluation_failed)$", "red")},
	})
	b.add(spans(), panel{
		title: "Rules", description: "Rules whose condition held.", empty: "when no rule was active", unit: "none", width: 12, height: 8,
		queries: []query{{`max by (rule) (scaling_adapter_rule_active{job=~"$job", pool="$pool"}) > 0`, "{{rule}}"}},
		base:    "purple",
	})
	b.add(spans(), panel{
		title: "Events and overrides", description: "Events that concern the pool, and operators' orders on it.", empty: "when there was none", unit: "none", width: 12, height: 5,
		queries: []query{
			{`max by (type) (scaling_adapter_event_active{job=~"$job", pool="$pool"}) > 0`, "{{type}}"},
			{`max(scaling_adapter_override_active{job=~"$job", pool="$pool"}) > 0`, "override"},
		},
		base: "purple", styles: []style{colored("^override$", "orange")},
	})
	b.add(spans(), panel{
		title: "Mode, and what decisions stand on", description: "What the pool may do; and a fresh forecast, the last one, the profile, or nothing: then the pool is held.", unit: "none", width: 12, height: 5,
		queries: []query{{`max by (mode) (scaling_adapter_pool_mode{job=~"$job", pool="$pool"})`, "{{mode}}"}, {`max by (rung) (scaling_adapter_footing{job=~"$job", pool="$pool"}) > 0`, "{{rung}}"}},
		styles:  append(modes.styles(), rungs.styles()...),
	})

	b.row("What came of it")
	b.add(bars(), scalings(`job=~"$job", pool="$pool"`))
	b.add(steps(), panel{
		title: "Agents that did not come", description: "Agents that were asked for longer ago than the converge timeout and are not ready.", unit: "none", width: 8, height: 8,
		queries: []query{{`max(scaling_adapter_unfulfilled_agents{job=~"$job", pool="$pool"})`, "unfulfilled"}},
	})
	b.add(lines().AxisSoftMax(1), panel{
		title: "Budgets", description: "Share of each budget that is used in the stricter of its windows.", empty: "when the pool has no budget", unit: "percentunit", width: 8, height: 8, min: cog.ToPtr(0.0),
		queries: []query{{`max by (budget) (scaling_adapter_budget_used_ratio{job=~"$job", pool="$pool"})`, "{{budget}}"}},
		limits:  []limit{{1, "red"}},
	})

	b.row("Was it worth it")
	b.add(lines(), panel{
		title: "Agents lacking", description: "Agents that were lacking on average over an hour: of what ran, of the same time last week, and of rules that are tried.", unit: "none", width: 12, height: 8, decimals: cog.ToPtr(2.0),
		queries: []query{{`max by (policy) (rate(scaling_adapter_underprovisioned_agent_seconds_total{job=~"$job", pool="$pool"}[1h]))`, "{{policy}}"}},
	})
	b.add(lines(), panel{
		title: "Agents that nobody needed", description: "Agents that were there and not needed on average over an hour, by the same policies.", unit: "none", width: 12, height: 8, decimals: cog.ToPtr(2.0),
		queries: []query{{`max by (policy) (rate(scaling_adapter_overprovisioned_agent_seconds_total{job=~"$job", pool="$pool"}[1h]))`, "{{policy}}"}},
	})

	b.row("Accuracy")
	b.add(lines(), panel{
		title: "Errors by horizon", description: "Past absolute errors of what was forecast, over the load.", unit: "percentunit", width: 12, height: 8,
		queries: byHorizon(`max(scaling_adapter_forecast_error_ratio{job=~"$job", pool="$pool", model="combination", kind="wape", horizon="%s"})`),
	})
	b.add(band(), panel{
		title: "Loads within the band", description: "Share of past loads between the 10 % and the 90 % quantile, by horizon; 80 % is right. Below, bands are too narrow.", unit: "percentunit", width: 12, height: 8, max: cog.ToPtr(1.0),
		queries: byHorizon(`max(scaling_adapter_forecast_interval_coverage_ratio{job=~"$job", pool="$pool", horizon="%s"})`),
		limits:  []limit{{0.8, "text"}},
	})
	return b
}

// stage is the agents of the pool after a group of steps.
func stage(name string) string {
	return `max(scaling_adapter_desired_agents{job=~"$job", pool="$pool", stage="` + name + `"})`
}

// byHorizon asks for a value at horizons from the nearest to the farthest. All of them would
// hide each other.
func byHorizon(expr string) []query {
	var out []query
	for _, h := range []string{"15m", "1h", "6h", "1d"} {
		out = append(out, query{fmt.Sprintf(expr, h), h})
	}
	return out
}

// band draws the share of loads within a band, which is about 80 %.
func band() *timeseries.PanelBuilder { return lines().AxisSoftMin(0.5) }
