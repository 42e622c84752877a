package main

import "github.com/grafana/grafana-foundation-sdk/go/cog"

// overview shows all pools.
func overview() *board {
	b := newBoard("overview", "Overview", "All pools: do they have the agents that they need, and what stands in the way.")

	b.row("Now")
	b.add(number(), panel{
		title: "Health", description: "Share of the health checks that pass; Operations shows which do not.", unit: "percentunit", width: 3, height: 4,
		queries: []query{{`min(scaling_adapter_health_score_ratio{job=~"$job"})`, "health"}},
		base:    "red", limits: []limit{{0.7, "orange"}, {1, "green"}},
	})
	b.add(number(), panel{
		title: "Agents", description: "Agents that run, of all pools.", unit: "none", width: 3, height: 4, base: "blue",
		queries: []query{{`sum(scaling_adapter_current_agents{job=~"$job"})`, "agents"}},
	})
	b.add(number(), panel{
		title: "Above maxima", description: "Agents that the load asks for beyond the pools' maxima.", unit: "none", width: 3, height: 4, decimals: cog.ToPtr(0.0),
		queries: []query{{`sum(clamp_min(scaling_adapter_demand_agents{job=~"$job"} - scaling_adapter_max_agents{job=~"$job"}, 0))`, "wanting"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(number(), panel{
		title: "Emergencies", description: "Groups of hosts in danger, whose pools are cut.", empty: "when no host query is configured", unit: "none", width: 3, height: 4,
		queries: []query{{`sum(scaling_adapter_emergency_active{job=~"$job"})`, "emergencies"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(number(), panel{
		title: "Paused pools", description: "Pools that are left alone since they could not be scaled.", unit: "none", width: 3, height: 4,
		queries: []query{{`count(scaling_adapter_pool_pause_end_timestamp_seconds{job=~"$job"}) or 0 * count(scaling_adapter_build_info{job=~"$job"})`, "paused"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(number(), panel{
		title: "Failures, 1 h", description: "Requests to the orchestrator that failed within an hour.", unit: "none", width: 3, height: 4, decimals: cog.ToPtr(0.0),
		queries: []query{{`sum(increase(scaling_adapter_scale_requests_total{job=~"$job", outcome="failed"}[1h]))`, "failed"}},
		limits:  []limit{{1, "orange"}, {3.5, "red"}},
	})
	b.add(number(), panel{
		title: "Without forecast", description: "Pools whose decisions stand on less than a fresh forecast.", unit: "none", width: 3, height: 4,
		queries: []query{{`sum(1 - scaling_adapter_footing{job=~"$job", rung="forecast"})`, "pools"}},
		limits:  []limit{{1, "orange"}},
	})
	b.add(number(), panel{
		title: "In dry run", description: "Pools whose decisions are not carried out.", unit: "none", width: 3, height: 4,
		queries: []query{{`count(scaling_adapter_pool_mode{job=~"$job", mode="dry_run"}) or 0 * count(scaling_adapter_build_info{job=~"$job"})`, "pools"}},
		limits:  []limit{{1, "blue"}},
	})

	b.row("Agents")
	b.add(stacked(), panel{
		title: "Agents by pool", description: "Agents that run. The dashed line is the most that all pools together may have.", unit: "none", width: 12, height: 9,
		queries: []query{{`sum by (pool) (scaling_adapter_current_agents{job=~"$job"})`, "{{pool}}"}, {`sum(scaling_adapter_max_total_agents{job=~"$job"} > 0)`, "max_total_agents"}},
		styles:  []style{dashed("max_total_agents"), colored("max_total_agents", "red")},
	})
	b.add(steps(), panel{
		title: "Agents to come and to go", description: "Agents decided on, less those that are ready: above zero they are still to come, below zero to go.", unit: "none", width: 12, height: 9,
		queries: []query{{`sum by (pool) (scaling_adapter_desired_agents{job=~"$job", stage="final"}) - sum by (pool) (scaling_adapter_ready_agents{job=~"$job"})`, "{{pool}}"}},
	})
	b.add(grid(
		column{"pool", "Pool"}, column{"mode", "Mode"}, column{"rung", "Stands on"}, column{"Value #A", "Load"}, column{"Value #B", "Agent load"}, column{"Value #C", "Demand"},
		column{"Value #D", "Desired"}, column{"Value #E", "Agents"}, column{"Value #F", "Ready"}, column{"Value #G", "Min"}, column{"Value #H", "Max"},
	), panel{
		title: "Pools", description: "What each pool has and needs now. Agent load is the load of one that is ready, over what it serves at its target. A name leads to the pool.", unit: "short", width: 24, height: 8, decimals: cog.ToPtr(0.0),
		queries: []query{
			{`sum by (pool) (scaling_adapter_load{job=~"$job"})`, ""},
			{agentLoad(""), ""},
			{`sum by (pool) (scaling_adapter_demand_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_desired_agents{job=~"$job", stage="final"})`, ""},
			{`sum by (pool) (scaling_adapter_current_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_ready_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_min_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_max_agents{job=~"$job"})`, ""},
			{`max by (pool, mode) (scaling_adapter_pool_mode{job=~"$job"})`, ""},
			{`max by (pool, rung) (scaling_adapter_footing{job=~"$job"} == 1)`, ""},
		},
		styles: []style{
			{"^Pool$", map[string]any{"links": []map[string]any{{"title": "The pool", "url": "/d/scaling-adapter-pool?var-pool=${__value.raw}&${datasource:queryparam}&${job:queryparam}&${__url_time_range}"}}}},
			cell("^Mode$").with("mappings", modes.mappings()),
			cell("^Stands on$").with("mappings", rungs.mappings()),
			cell("^Agent load$").with("unit", "percentunit").with("thresholds", thresholds("text", overload)),
			{"^(Load|Demand)$", map[string]any{"decimals": 1}},
		},
	})

	b.row("What happens")
	b.add(bars(), scalings(`job=~"$job"`))
	b.add(spans(), panel{
		title: "Events and overrides", description: "Events that concern a pool while they go on, and operators' orders while they have effect.", empty: "when there was none", unit: "none", width: 8, height: 8,
		queries: []query{
			{`max by (pool, type) (scaling_adapter_event_active{job=~"$job"}) > 0`, "{{pool}} {{type}}"},
			{`max by (pool) (scaling_adapter_override_active{job=~"$job"}) > 0`, "{{pool}} override"},
		},
		base: "purple", styles: []style{colored("override$", "orange")},
	})
	b.add(grid(column{"pool", "Pool"}, column{"type", "Event"}, column{"Value #A", "Starts"}, column{"Value #B", "In"}), panel{
		title: "Next events", description: "The next event of each type that concerns a pool.", empty: "when none is known", unit: "s", width: 8, height: 8,
		queries: []query{
			{`sort(1000 * min by (pool, type) (scaling_adapter_event_next_start_timestamp_seconds{job=~"$job"}))`, ""},
			{`min by (pool, type) (scaling_adapter_event_next_start_timestamp_seconds{job=~"$job"} - time())`, ""},
		},
		styles: []style{
			{"^Starts$", map[string]any{"unit": "dateTimeAsIsoNoDateIfToday", "custom.width": 170}}, // in milliseconds
		},
	})

	b.row("Hosts")
	b.add(lines(), panel{
		title: "CPU and memory", description: "Use of the hosts' CPU and memory. From the dashed line of the same colour on no pool grows.", empty: "when no host query is configured", unit: "percentunit", width: 16, height: 8, max: cog.ToPtr(1.0), min: cog.ToPtr(0.0),
		queries: []query{
			{`max by (hosts, resource) (scaling_adapter_host_utilization_ratio{job=~"$job"})`, "{{hosts}} {{resource}}"},
			{`max by (hosts, resource) (scaling_adapter_host_limit_ratio{job=~"$job"})`, "{{hosts}} {{resource}} limit"},
		},
		styles: []style{dashed("limit$"), colored("cpu", "blue"), colored("memory", "purple")},
	})
	b.add(states(), panel{
		title: "Emergencies", description: "When pools were cut because their hosts were in danger, until they may grow again.", empty: "when no host query is configured", unit: "none", width: 8, height: 8,
		queries: []query{{`max by (hosts) (scaling_adapter_emergency_active{job=~"$job"})`, "hosts {{hosts}}"}},
		base:    "transparent", limits: []limit{{1, "red"}}, texts: yesNo("calm", "emergency"),
	})

	b.row("Budgets")
	b.add(lines().AxisSoftMax(1), panel{
		title: "Use of budgets", description: "Share of each budget that is used in the stricter of its windows.", empty: "when no pool has a budget", unit: "percentunit", width: 12, height: 7, min: cog.ToPtr(0.0),
		queries: []query{{`max by (pool, budget) (scaling_adapter_budget_used_ratio{job=~"$job"})`, "{{pool}} {{budget}}"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(grid(column{"pool", "Pool"}, column{"budget", "Budget"}, column{"Value", "Exhausted in"}), panel{
		title: "Budgets that will not last", description: "When the posts that are expected will have used up a budget before its reset.", empty: "when all budgets last", unit: "s", width: 12, height: 7,
		queries: []query{{`sort(min by (pool, budget) (scaling_adapter_budget_exhaustion_timestamp_seconds{job=~"$job"} - time()))`, ""}},
	})
	return b
}

// modes and rungs are the colours of what pools may do and of what decisions stand on.
var (
	modes = values{{"active", "active", "green"}, {"scale_up_only", "scale_up_only", "orange"}, {"dry_run", "dry_run", "blue"}}
	rungs = values{{"forecast", "forecast", "green"}, {"last_forecast", "last_forecast", "yellow"}, {"profile", "profile", "orange"}, {"hold", "hold", "red"}}
)

// overload is when agents serve more than at their target.
var overload = []limit{{1.005, "orange"}, {1.2, "red"}}

// agentLoad is the load of an agent that is ready over what one serves at its target, of the
// pools that match.
func agentLoad(of string) string {
	of = `{job=~"$job"` + of + `}`
	return `sum by (pool) (scaling_adapter_load` + of + `) / sum by (pool) (scaling_adapter_ready_agents` + of + ` * scaling_adapter_load_per_agent` + of + `)`
}

// scalings shows the requests to the orchestrator that match: those that it accepted by
// direction, the others by what became of them.
func scalings(of string) panel {
	return panel{
		title: "Scalings", description: "Requests to the orchestrator: those that it accepted by direction, the others by what became of them.", empty: "when nothing was scaled", unit: "none", width: 8, height: 8,
		queries: []query{
			{`sum by (direction) (increase(scaling_adapter_scale_requests_total{` + of + `, outcome="accepted"}[$__rate_interval])) > 0`, "{{direction}}"},
			{`sum by (pool, outcome) (increase(scaling_adapter_scale_requests_total{` + of + `, outcome!="accepted"}[$__rate_interval])) > 0`, "{{pool}} {{outcome}}"},
		},
		styles: []style{colored("^up$", "green"), colored("^down$", "blue"), colored(" (busy|conflict)$", "orange"), colored(" (failed|unknown)$", "red")},
	}
}
