package main

// operations shows how the adapter itself does.
func operations() *board {
	b := newBoard("operations", "Operations", "How the adapter does its work: the loop, its queries, the orchestrator, its state and its configuration.")

	b.row("Health")
	b.add(states(), panel{
		title: "Health checks", description: "What works and what does not.", unit: "none", width: 16, height: 9,
		queries: []query{{`min by (check) (scaling_adapter_health_check_passed{job=~"$job"})`, "{{check}}"}},
		base:    "red", limits: []limit{{1, "green"}}, texts: yesNo("fails", " "),
	})
	b.add(number(), panel{
		title: "Last tick", description: "Time since the last turn of the loop.", unit: "s", width: 4, height: 3,
		queries: []query{{`max(time() - scaling_adapter_last_tick_timestamp_seconds{job=~"$job"})`, "ago"}},
		limits:  []limit{{120, "orange"}, {300, "red"}},
	})
	b.add(number(), panel{
		title: "Configuration", description: "Whether the last attempt to load it succeeded.", unit: "none", width: 4, height: 3,
		queries: []query{{`min(scaling_adapter_config_last_reload_successful{job=~"$job"})`, "loaded"}},
		base:    "red", limits: []limit{{1, "green"}}, texts: yesNo("bad", "good"),
	})
	b.add(number(), panel{
		title: "Safe mode", description: "Whether no pool is lowered, since a state file could not be read.", unit: "none", width: 4, height: 3,
		queries: []query{{`max(scaling_adapter_safe_mode{job=~"$job"})`, "safe mode"}},
		limits:  []limit{{1, "red"}}, texts: yesNo("off", "on"),
	})
	b.add(number(), panel{
		title: "Panics", description: "Parts of the adapter that panicked in the time that is shown; what they were to give was taken for not known.", unit: "none", width: 4, height: 3,
		queries: []query{{`sum(increase(scaling_adapter_panics_total{job=~"$job"}[$__range]))`, "panics"}},
		limits:  []limit{{1, "red"}},
	})
	b.add(grid(column{"job", "Adapter"}, column{"instance", "Instance"}, column{"version", "Version"}, column{"goversion", "Go"}), panel{
		title: "Versions", description: "Which version of the adapter runs where.", unit: "none", width: 8, height: 3,
		queries: []query{{`scaling_adapter_build_info{job=~"$job"}`, ""}},
	})

	b.row("Loop")
	b.add(lines(), panel{
		title: "Ticks", description: "How long a turn of the loop takes.", unit: "s", width: 8, height: 8,
		queries: []query{{quantile("0.5", "tick_duration_seconds", "", "$__rate_interval"), "median"}, {quantile("0.99", "tick_duration_seconds", "", "$__rate_interval"), "99 %"}},
	})
	b.add(stacked(), panel{
		title: "Turns", description: "Turns of the loop in a minute: those that were taken, and those that were skipped because one before took too long.", unit: "cpm", width: 8, height: 8,
		queries: []query{{`60 * sum(rate(scaling_adapter_ticks_missed_total{job=~"$job"}[$__rate_interval]))`, "missed"}, {`60 * sum(rate(scaling_adapter_ticks_total{job=~"$job"}[$__rate_interval]))`, "taken"}},
		styles:  []style{colored("taken", "green"), colored("missed", "red")},
	})
	b.add(lines(), panel{
		title: "Age of the signals", description: "Age of the last sample of the oldest signal of each kind.", unit: "s", width: 8, height: 8,
		queries: []query{{`max by (signal) (scaling_adapter_signal_age_seconds{job=~"$job"})`, "{{signal}}"}},
	})

	b.row("Prometheus")
	b.add(stacked(), panel{
		title: "Queries", description: "Queries to Prometheus in a minute, by what became of them.", unit: "cpm", width: 8, height: 8,
		queries: []query{{`60 * sum by (outcome) (rate(scaling_adapter_prometheus_queries_total{job=~"$job"}[$__rate_interval])) > 0`, "{{outcome}}"}},
		styles:  []style{colored("ok", "green"), colored("error", "red"), colored("warning", "orange")},
	})
	b.add(lines(), panel{
		title: "Duration of queries", description: "How long queries to Prometheus took over 15 minutes; 95 % of them were faster.", unit: "s", width: 8, height: 8,
		queries: []query{{quantile("0.95", "prometheus_query_duration_seconds", "kind", "15m"), "{{kind}}"}},
	})
	b.add(states(), panel{
		title: "Signals that are missing", description: "Signals that are not fresh and complete.", empty: "when all are", unit: "none", width: 8, height: 8,
		queries: []query{{`min by (pool, signal) (scaling_adapter_signal_up{job=~"$job"}) < 1`, "{{pool}} {{signal}}"}},
		base:    "red", texts: yesNo("missing", " "),
	})

	b.row("Orchestrator")
	b.add(stacked(), panel{
		title: "Reads", description: "How often in a minute pools' agents were asked for, by whether they were told.", unit: "cpm", width: 8, height: 8,
		queries: []query{{`60 * sum by (outcome) (rate(scaling_adapter_orchestrator_reads_total{job=~"$job"}[$__rate_interval])) > 0`, "{{outcome}}"}},
		styles:  []style{colored("ok", "green"), colored("error", "red")},
	})
	b.add(bars(), scalings(`job=~"$job"`))
	b.add(lines(), panel{
		title: "Duration of scalings", description: "How long requests to change a pool took over an hour, with retries and reading back.", empty: "when nothing was scaled", unit: "s", width: 8, height: 8,
		queries: []query{{quantile("0.5", "scale_request_duration_seconds", "", "1h"), "median"}, {quantile("0.95", "scale_request_duration_seconds", "", "1h"), "95 %"}},
	})
	b.add(grid(column{"pool", "Pool"}, column{"Value", "Ends in"}), panel{
		title: "Paused pools", description: "Pools that are left alone since they could not be scaled.", empty: "when none is paused", unit: "s", width: 12, height: 6,
		queries: []query{{`max by (pool) (scaling_adapter_pool_pause_end_timestamp_seconds{job=~"$job"} - time())`, ""}},
	})
	b.add(steps(), panel{
		title: "Agents that did not come", description: "Agents that were asked for longer ago than the converge timeout and are not ready.", unit: "none", width: 12, height: 6,
		queries: []query{{`sum by (pool) (scaling_adapter_unfulfilled_agents{job=~"$job"})`, "{{pool}}"}},
	})

	b.row("State, webhooks and calendars")
	b.add(bars(), panel{
		title: "State and expressions", description: "Ticks whose state could not be saved, and queries of expressions that failed.", unit: "none", width: 8, height: 7,
		queries: []query{
			{`sum(increase(scaling_adapter_state_save_failures_total{job=~"$job"}[$__rate_interval]))`, "not saved"},
			{`sum(increase(scaling_adapter_expression_failures_total{job=~"$job"}[$__rate_interval]))`, "expressions"},
		},
		styles: []style{colored("not saved", "red"), colored("expressions", "orange")},
	})
	b.add(bars(), panel{
		title: "Webhooks", description: "Events for webhooks by what became of them.", empty: "when no webhook is configured", unit: "none", width: 8, height: 7,
		queries: []query{{`sum by (endpoint, outcome) (increase(scaling_adapter_webhook_deliveries_total{job=~"$job"}[$__rate_interval]))`, "{{endpoint}} {{outcome}}"}},
	})
	b.add(states(), panel{
		title: "Calendars", description: "Whether calendars by URL could be fetched.", empty: "when there is none", unit: "none", width: 8, height: 7,
		queries: []query{{`min by (source) (scaling_adapter_calendar_up{job=~"$job"})`, "{{source}}"}},
		base:    "red", limits: []limit{{1, "green"}}, texts: yesNo("last copy", " "),
	})

	b.row("Process")
	b.add(lines(), panel{
		title: "CPU", description: "Cores that the process uses.", unit: "none", width: 8, height: 7,
		queries: []query{{`sum by (instance) (rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval]) and on (job, instance) scaling_adapter_build_info)`, "{{instance}}"}},
	})
	b.add(lines(), panel{
		title: "Memory", description: "Resident memory of the process.", unit: "bytes", width: 8, height: 7,
		queries: []query{{`sum by (instance) (process_resident_memory_bytes{job=~"$job"} and on (job, instance) scaling_adapter_build_info)`, "{{instance}}"}},
	})
	b.add(lines(), panel{
		title: "Goroutines", description: "They should stay level.", unit: "none", width: 8, height: 7,
		queries: []query{{`sum by (instance) (go_goroutines{job=~"$job"} and on (job, instance) scaling_adapter_build_info)`, "{{instance}}"}},
	})
	return b
}
