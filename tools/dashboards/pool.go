package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
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
			{"10 %", map[string]any{"color": fixed("super-light-blue"), "custom.lineWidth": 0, "custom.fillOpacity": 0, "custom.hideFrom": map[string]any{"legend": true, "tooltip": false, "viz": false}}},
			{"90 %", map[string]any{"color": fixed("super-light-blue"), "custom.lineWidth": 0, "custom.fillBelowTo": "10 %", "custom.fillOpacity": 30}},
			dashed("forecast", "blue"), {"load", map[string]any{"color": fixed("green"), "custom.lineWidth": 2, "custom.fillOpacity": 0}},
		},
	})

	b.row("Agents")
	b.add(steps(), panel{
		title:       "From demand to decision",
		description: "Agents after each group of steps: what the load asks for, with the rules, within all bounds, and what was decided in the end, beside those that run.",
		unit:        "none", width: 16, height: 10, decimals: cog.ToPtr(0.0),
		queries: []query{
			{`max by (stage) (scaling_adapter_desired_agents{job=~"$job", pool="$pool"})`, "{{stage}}"},
			{`max(scaling_adapter_current_agents{job=~"$job", pool="$pool"})`, "run"},
			{`max(scaling_adapter_ready_agents{job=~"$job", pool="$pool"})`, "ready"},
			{`max(scaling_adapter_min_agents{job=~"$job", pool="$pool"})`, "min"},
			{`max(scaling_adapter_max_agents{job=~"$job", pool="$pool"})`, "max"},
		},
		styles: []style{
			dashed("^(min|max)$", "text"), colored("^demand$", "light-blue"), colored("^rules$", "purple"), colored("^bounded$", "orange"),
			{"^final$", map[string]any{"color": fixed("blue"), "custom.lineWidth": 2}}, colored("^run$", "green"), colored("^ready$", "dark-green"),
			{"^(demand|rules|bounded|final|run|ready)$", map[string]any{"custom.fillOpacity": 0}},
		},
	})
	b.add(number(), panel{
		title: "Now", description: "Agents that run, that are ready and that were decided on.", unit: "none", width: 8, height: 5, base: "blue",
		queries: []query{
			{`max(scaling_adapter_current_agents{job=~"$job", pool="$pool"})`, "run"},
			{`max(scaling_adapter_ready_agents{job=~"$job", pool="$pool"})`, "ready"},
			{`max(scaling_adapter_desired_agents{job=~"$job", pool="$pool", stage="final"})`, "desired"},
		},
	})
	b.add(number(), panel{
		title: "Load of an agent", description: "Load per agent that is ready, over what one serves at its target; above 1 they are overloaded.", unit: "percentunit", width: 8, height: 5,
		queries: []query{{`max(scaling_adapter_load{job=~"$job", pool="$pool"}) / max(scaling_adapter_ready_agents{job=~"$job", pool="$pool"}) / max(scaling_adapter_load_per_agent{job=~"$job", pool="$pool"})`, "of the target"}},
		limits:  []limit{{1, "orange"}, {1.2, "red"}},
	})

	b.row("Why")
	b.add(states(), panel{
		title: "What moved or held the pool", description: "The reasons of the decisions; explain tells each in words.", unit: "none", width: 12, height: 9,
		queries: []query{{`max by (reason) (scaling_adapter_constraint_active{job=~"$job", pool="$pool"}) > 0`, "{{reason}}"}},
		base:    "blue", texts: yesNo("", " "),
	})
	b.add(states(), panel{
		title: "Rules", description: "Rules whose condition held.", empty: "when no rule was active", unit: "none", width: 12, height: 9,
		queries: []query{{`max by (rule) (scaling_adapter_rule_active{job=~"$job", pool="$pool"}) > 0`, "{{rule}}"}},
		base:    "purple", texts: yesNo("", " "),
	})
	b.add(states(), panel{
		title: "Events and overrides", description: "Events that concern the pool, and operators' orders on it.", unit: "none", width: 12, height: 7,
		queries: []query{
			{`max by (type) (scaling_adapter_event_active{job=~"$job", pool="$pool"}) > 0`, "{{type}}"},
			{`max(scaling_adapter_override_active{job=~"$job", pool="$pool"})`, "override"},
		},
		base: "transparent", limits: []limit{{1, "orange"}}, texts: yesNo("", " "),
	})
	b.add(states(), panel{
		title: "What decisions stand on", description: "A fresh forecast, the last one, the profile, or nothing: then the pool is held.", unit: "none", width: 12, height: 7,
		queries: []query{{`max by (rung) (scaling_adapter_footing{job=~"$job", pool="$pool"}) > 0`, "{{rung}}"}, {`max by (mode) (scaling_adapter_pool_mode{job=~"$job", pool="$pool"})`, "mode {{mode}}"}},
		base:    "green", texts: yesNo("", " "),
	})

	b.row("What came of it")
	b.add(bars(), panel{
		title: "Scalings", description: "Requests to the orchestrator, by direction and what became of them.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (direction, outcome) (increase(scaling_adapter_scale_requests_total{job=~"$job", pool="$pool"}[$__rate_interval]))`, "{{direction}} {{outcome}}"}},
	})
	b.add(steps(), panel{
		title: "Agents that did not come", description: "Agents that were asked for longer ago than the converge timeout and are not ready.", unit: "none", width: 8, height: 8,
		queries: []query{{`max(scaling_adapter_unfulfilled_agents{job=~"$job", pool="$pool"})`, "unfulfilled"}},
	})
	b.add(lines(), panel{
		title: "Budgets", description: "Share of each budget that is used in the stricter of its windows.", empty: "when the pool has no budget", unit: "percentunit", width: 8, height: 8, min: cog.ToPtr(0.0),
		queries: []query{{`max by (budget) (scaling_adapter_budget_used_ratio{job=~"$job", pool="$pool"})`, "{{budget}}"}},
	})

	b.row("Accuracy")
	b.add(lines(), panel{
		title: "Errors by horizon", description: "Past absolute errors of what was forecast, over the load.", unit: "percentunit", width: 12, height: 8,
		queries: []query{{`max by (horizon) (scaling_adapter_forecast_error_ratio{job=~"$job", pool="$pool", model="combination", kind="wape"})`, "{{horizon}}"}},
	})
	b.add(lines(), panel{
		title: "Loads within the band", description: "Share of past loads between the 10 % and the 90 % quantile, by horizon; 80 % is right.", unit: "percentunit", width: 12, height: 8, min: cog.ToPtr(0.0), max: cog.ToPtr(1.0),
		queries: []query{{`max by (horizon) (scaling_adapter_forecast_interval_coverage_ratio{job=~"$job", pool="$pool"})`, "{{horizon}}"}, {`vector(0.8)`, "right"}},
		styles:  []style{dashed("right", "text")},
	})
	return b
}

// marks are spans on all panels of a dashboard.
func marks(name, color, expr, title string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source).Enable(true).IconColor(color).Expr(expr).TitleFormat(title).Step("30s")
}
