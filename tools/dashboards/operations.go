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
		queries: []query{{quantile("0.5", "tick_duration_seconds", ""), "median"}, {quantile("0.99", "tick_duration_seconds", ""), "99 %"}},
	})
	b.add(bars(), panel{
		title: "Turns", description: "Turns of the loop that were taken, and those that were skipped because one before took too long.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum(increase(scaling_adapter_ticks_total{job=~"$job"}[$__rate_interval]))`, "taken"}, {`sum(increase(scaling_adapter_ticks_missed_total{job=~"$job"}[$__rate_interval]))`, "missed"}},
		styles:  []style{colored("taken", "green"), colored("missed", "red")},
	})
	b.add(lines(), panel{
		title: "Age of the signals", description: "Age of the last sample of the oldest signal of each kind.", unit: "s", width: 8, height: 8,
		queries: []query{{`max by (signal) (scaling_adapter_signal_age_seconds{job=~"$job"})`, "{{signal}}"}},
	})

	b.row("Prometheus")
	b.add(bars(), panel{
		title: "Queries", description: "Queries to Prometheus by what became of them.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (outcome) (increase(scaling_adapter_prometheus_queries_total{job=~"$job"}[$__rate_interval]))`, "{{outcome}}"}},
		styles:  []style{colored("ok", "green"), colored("error", "red"), colored("warning", "orange")},
	})
	b.add(lines(), panel{
		title: "Duration of queries", description: "How long queries to Prometheus take; 95 % of them are faster.", unit: "s", width: 8, height: 8,
		queries: []query{{quantile("0.95", "prometheus_query_duration_seconds", "kind"), "{{kind}}"}},
	})
	b.add(states(), panel{
		title: "Signals that are missing", description: "Signals that are not fresh and complete.", empty: "when all are", unit: "none", width: 8, height: 8,
		queries: []query{{`min by (pool, signal) (scaling_adapter_signal_up{job=~"$job"}) < 1`, "{{pool}} {{signal}}"}},
		base:    "red", texts: yesNo("missing", ""),
	})

	b.row("Orchestrator")
	b.add(bars(), panel{
		title: "Reads", description: "Times that pools' agents were asked for, by whether they were told.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (outcome) (increase(scaling_adapter_orchestrator_reads_total{job=~"$job"}[$__rate_interval]))`, "{{outcome}}"}},
		styles:  []style{colored("ok", "green"), colored("error", "red")},
	})
	b.add(bars(), panel{
		title: "Scalings", description: "Requests to change a pool, by what became of them.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (outcome) (increase(scaling_adapter_scale_requests_total{job=~"$job"}[$__rate_interval]))`, "{{outcome}}"}},
		styles:  []style{colored("accepted", "green"), colored("failed", "red")},
	})
	b.add(lines(), panel{
		title: "Duration of scalings", description: "How long requests to change a pool take, with retries and reading back.", empty: "while nothing is scaled", unit: "s", width: 8, height: 8,
		queries: []query{{quantile("0.5", "scale_request_duration_seconds", ""), "median"}, {quantile("0.95", "scale_request_duration_seconds", ""), "95 %"}},
	})
	b.add(grid(column{"pool", "Pool"}, column{"Value", "Ends in"}), panel{
		title: "Paused pools", description: "Pools that are left alone since they could not be scaled.", empty: "when none is paused", unit: "s", width: 12, height: 6,
		queries: []query{{`max by (pool) (scaling_adapter_pool_pause_end_timestamp_seconds{job=~"$job"} - time())`, ""}},
	})
	b.add(steps(), panel{
		title: "Agents that did not come", description: "Agents that were asked for longer ago than the converge timeout and are not ready.", unit: "none", width: 12, height: 6,
		queries: []query{{`sum by (pool) (scaling_adapter_unfulfilled_agents{job=~"$job"})`, "{{pool}}"}},
	})

	b.row("Configuration, state and webhooks")
	b.add(steps(), panel{
		title: "Generation of the configuration", description: "How often the configuration was loaded since the start.", unit: "none", width: 8, height: 7,
		queries: []query{{`max by (instance) (scaling_adapter_config_generation{job=~"$job"})`, "{{instance}}"}},
	})
	b.add(bars(), panel{
		title: "State that was not saved", description: "Ticks whose state could not be saved, and queries of expressions that failed.", unit: "none", width: 8, height: 7,
		queries: []query{
			{`sum(increase(scaling_adapter_state_save_failures_total{job=~"$job"}[$__rate_interval]))`, "not saved"},
			{`sum(increase(scaling_adapter_expression_failures_total{job=~"$job"}[$__rate_interval]))`, "expressions"},
		},
	})
	b.add(bars(), panel{
		title: "Webhooks", description: "Events for webhooks by what became of them.", empty: "when no webhook is configured", unit: "none", width: 8, height: 7,
		queries: []query{{`sum by (endpoint, outcome) (increase(scaling_adapter_webhook_deliveries_total{job=~"$job"}[$__rate_interval]))`, "{{endpoint}} {{outcome}}"}},
	})
	b.add(states(), panel{
		title: "Calendars", description: "Whether calendars by URL could be fetched.", empty: "when there is none", unit: "none", width: 24, height: 5,
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
