package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// overview shows all pools.
func overview() *board {
	b := newBoard("overview", "Overview", "All pools: do they have the agents that they need, and what stands in the way.")

	b.row("State")
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
		title: "Room", description: "Share of max_total_agents that runs.", empty: "when no limit is configured", unit: "percentunit", width: 3, height: 4,
		queries: []query{{`sum(scaling_adapter_current_agents{job=~"$job"}) / (sum(scaling_adapter_max_total_agents{job=~"$job"}) > 0)`, "room"}},
		limits:  []limit{{0.8, "orange"}, {0.9, "red"}},
	})
	b.add(number(), panel{
		title: "Agents wanting", description: "Agents that the load asks for beyond the pools' maxima.", unit: "none", width: 3, height: 4, decimals: cog.ToPtr(0.0),
		queries: []query{{`sum(clamp_min(scaling_adapter_demand_agents{job=~"$job"} - scaling_adapter_max_agents{job=~"$job"}, 0))`, "wanting"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(number(), panel{
		title: "Paused pools", description: "Pools that are left alone since they could not be scaled.", unit: "none", width: 3, height: 4,
		queries: []query{{`count(scaling_adapter_pool_pause_end_timestamp_seconds{job=~"$job"}) or vector(0)`, "paused"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(number(), panel{
		title: "Without a fresh forecast", description: "Pools whose decisions stand on less than a fresh forecast.", unit: "none", width: 3, height: 4,
		queries: []query{{`sum(1 - scaling_adapter_footing{job=~"$job", rung="forecast"})`, "pools"}},
		limits:  []limit{{1, "orange"}},
	})
	b.add(number(), panel{
		title: "Failed scalings, 1 h", description: "Requests to the orchestrator that failed within an hour.", unit: "none", width: 3, height: 4, decimals: cog.ToPtr(0.0),
		queries: []query{{`sum(increase(scaling_adapter_scale_requests_total{job=~"$job", outcome="failed"}[1h]))`, "failed"}},
		limits:  []limit{{1, "orange"}, {3.5, "red"}},
	})
	b.add(number(), panel{
		title: "In dry run", description: "Pools whose decisions are not carried out.", unit: "none", width: 3, height: 4,
		queries: []query{{`count(scaling_adapter_pool_mode{job=~"$job", mode="dry_run"}) or vector(0)`, "pools"}},
		limits:  []limit{{1, "blue"}},
	})

	b.row("Agents")
	b.add(stacked(), panel{
		title: "Agents by pool", description: "Agents that run. The dashed line is the most that all pools together may have.", unit: "none", width: 12, height: 9,
		queries: []query{{`sum by (pool) (scaling_adapter_current_agents{job=~"$job"})`, "{{pool}}"}, {`max(scaling_adapter_max_total_agents{job=~"$job"} > 0)`, "max_total_agents"}},
		styles:  []style{dashed("max_total_agents", "red")},
	})
	b.add(steps(), panel{
		title: "Agents that are not there yet", description: "Agents decided on, less those that are ready; below zero pools are about to shrink.", unit: "none", width: 12, height: 9,
		queries: []query{{`sum by (pool) (scaling_adapter_desired_agents{job=~"$job", stage="final"}) - sum by (pool) (scaling_adapter_ready_agents{job=~"$job"})`, "{{pool}}"}},
	})
	b.add(grid(
		column{"pool", "Pool"}, column{"Value #A", "Load"}, column{"Value #B", "Demand"}, column{"Value #C", "Agents"}, column{"Value #D", "Ready"},
		column{"Value #E", "Desired"}, column{"Value #F", "Min"}, column{"Value #G", "Max"}, column{"mode", "Mode"}, column{"rung", "Stands on"},
	), panel{
		title: "Pools", description: "What each pool has and needs now. A name leads to the pool.", unit: "short", width: 24, height: 9, decimals: cog.ToPtr(1.0),
		queries: []query{
			{`sum by (pool) (scaling_adapter_load{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_demand_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_current_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_ready_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_desired_agents{job=~"$job", stage="final"})`, ""},
			{`sum by (pool) (scaling_adapter_min_agents{job=~"$job"})`, ""},
			{`sum by (pool) (scaling_adapter_max_agents{job=~"$job"})`, ""},
			{`max by (pool, mode) (scaling_adapter_pool_mode{job=~"$job"})`, ""},
			{`max by (pool, rung) (scaling_adapter_footing{job=~"$job"} == 1)`, ""},
		},
		styles: []style{
			{"Agents|Ready|Desired|Min|Max", map[string]any{"decimals": 0}},
			{"Pool", map[string]any{"links": []map[string]any{{"title": "The pool", "url": "/d/scaling-adapter-pool?var-pool=${__value.raw}&${datasource:queryparam}&${__url_time_range}"}}}},
		},
	})

	b.row("Limits")
	b.add(lines(), panel{
		title: "Hosts", description: "Use of the hosts' CPU and memory. From the dashed line on no pool grows.", empty: "when no host query is configured", unit: "percentunit", width: 12, height: 8, max: cog.ToPtr(1.0), min: cog.ToPtr(0.0),
		queries: []query{
			{`max by (hosts, resource) (scaling_adapter_host_utilization_ratio{job=~"$job"})`, "{{hosts}} {{resource}}"},
			{`max by (hosts, resource) (scaling_adapter_host_limit_ratio{job=~"$job"})`, "{{hosts}} {{resource}} limit"},
		},
		styles: []style{dashed("limit$", "red")},
	})
	b.add(states(), panel{
		title: "Emergencies", description: "When pools were cut because their hosts were in danger, until they may grow again.", empty: "when no host query is configured", unit: "none", width: 12, height: 8,
		queries: []query{{`max by (hosts) (scaling_adapter_emergency_active{job=~"$job"})`, "hosts {{hosts}}"}},
		limits:  []limit{{1, "red"}}, texts: yesNo("calm", "emergency"),
	})
	b.add(lines(), panel{
		title: "Budgets", description: "Share of each budget that is used in the stricter of its windows.", empty: "when no pool has a budget", unit: "percentunit", width: 12, height: 8, min: cog.ToPtr(0.0),
		queries: []query{{`max by (pool, budget) (scaling_adapter_budget_used_ratio{job=~"$job"})`, "{{pool}} {{budget}}"}},
		limits:  []limit{{0.8, "orange"}, {1, "red"}},
	})
	b.add(grid(column{"pool", "Pool"}, column{"budget", "Budget"}, column{"Value", "Exhausted in"}), panel{
		title: "Budgets that will not last", description: "When the posts that are expected will have used up a budget before its reset.", empty: "when all budgets last", unit: "s", width: 12, height: 8,
		queries: []query{{`min by (pool, budget) (scaling_adapter_budget_exhaustion_timestamp_seconds{job=~"$job"} - time())`, ""}},
	})

	b.row("What happens")
	b.add(bars(), panel{
		title: "Scalings that did not succeed", description: "Requests to the orchestrator by what became of them, without those that were accepted.", empty: "when all were accepted", unit: "none", width: 12, height: 8,
		queries: []query{{`sum by (pool, outcome) (increase(scaling_adapter_scale_requests_total{job=~"$job", outcome!="accepted"}[$__rate_interval])) > 0`, "{{pool}} {{outcome}}"}},
	})
	b.add(bars(), panel{
		title: "Scalings", description: "Requests that the orchestrator accepted.", unit: "none", width: 12, height: 8,
		queries: []query{{`sum by (direction) (increase(scaling_adapter_scale_requests_total{job=~"$job", outcome="accepted"}[$__rate_interval]))`, "{{direction}}"}},
		styles:  []style{colored("up", "green"), colored("down", "blue")},
	})
	b.add(states(), panel{
		title: "Events", description: "Events that concern a pool while they go on.", empty: "when no event went on", unit: "none", width: 12, height: 8,
		queries: []query{{`max by (pool, type) (scaling_adapter_event_active{job=~"$job"}) > 0`, "{{pool}} {{type}}"}},
		base:    "purple",
	})
	b.add(grid(column{"pool", "Pool"}, column{"type", "Event"}, column{"Value", "Starts in"}), panel{
		title: "Next events", description: "The next event of each type that concerns a pool.", empty: "when none is known", unit: "s", width: 12, height: 8,
		queries: []query{{`sort(min by (pool, type) (scaling_adapter_event_next_start_timestamp_seconds{job=~"$job"} - time()))`, ""}},
	})
	b.add(states(), panel{
		title: "Overrides", description: "When operators' orders had effect.", unit: "none", width: 24, height: 6,
		queries: []query{{`max by (pool) (scaling_adapter_override_active{job=~"$job"})`, "{{pool}}"}},
		base:    "transparent", limits: []limit{{1, "orange"}}, texts: yesNo("", "override"),
	})
	return b
}

// yesNo calls 0 and 1 by words.
func yesNo(no, yes string) map[string]dashboard.ValueMappingResult {
	return map[string]dashboard.ValueMappingResult{"0": {Text: &no, Index: cog.ToPtr(int32(0))}, "1": {Text: &yes, Index: cog.ToPtr(int32(1))}}
}
