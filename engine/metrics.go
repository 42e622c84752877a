package engine

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// metrics are the engine's own counters. What the last tick saw is not copied
// into gauges: a [collector] reads it from the snapshot when it is scraped, so
// that a removed pool leaves nothing behind.
type metrics struct {
	ticks           prometheus.Counter
	ticksMissed     prometheus.Counter
	tickDuration    prometheus.Histogram
	fitDuration     prometheus.Histogram
	fitFailures     prometheus.Counter
	modelFailures   prometheus.Counter
	historyFailures prometheus.Counter
	exprFailures    prometheus.Counter
	absurd          prometheus.Counter
	panics          prometheus.Counter
	saveFailures    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, snapshot func() *Snapshot) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	// Native histograms, with classic buckets for servers that do not scrape those.
	duration := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: []float64{.001, .01, .1, .5, 1, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		})
	}
	m := &metrics{
		ticks:           counter("scaling_adapter_ticks_total", "Turns of the loop that were taken."),
		ticksMissed:     counter("scaling_adapter_ticks_missed_total", "Turns of the loop that were skipped because one before took too long."),
		tickDuration:    duration("scaling_adapter_tick_duration_seconds", "How long a turn of the loop took."),
		fitDuration:     duration("scaling_adapter_forecast_fit_duration_seconds", "How long it took to fit the models of one pool."),
		fitFailures:     counter("scaling_adapter_forecast_fit_failures_total", "Fits after which a pool went on with its last model."),
		modelFailures:   counter("scaling_adapter_forecast_model_failures_total", "Models that could not be fitted and were left as they were, or out."),
		historyFailures: counter("scaling_adapter_history_failures_total", "Requests for the history of loads that failed."),
		saveFailures:    counter("scaling_adapter_state_save_failures_total", "Ticks whose state could not be saved."),
		exprFailures:    counter("scaling_adapter_expression_failures_total", "Queries of expressions that make events that failed."),
		absurd:          counter("scaling_adapter_forecasts_dropped_total", "Decisions for which the forecast was left out, since it cannot be right: it is no number, or many times the largest load ever seen."),
		panics:          counter("scaling_adapter_panics_total", "Panics in the evaluation of a pool, in a call or in a turn of the loop; what it was to give was taken for not known."),
	}
	reg.MustRegister(m.ticks, m.ticksMissed, m.tickDuration, m.fitDuration, m.fitFailures, m.modelFailures, m.historyFailures, m.exprFailures, m.absurd, m.panics, m.saveFailures, collector{newDescs(), snapshot})
	return m
}

// horizons are the distances at which forecasts are exported.
var horizons = [...]time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}

// compared are the models whose errors are exported: what is forecast and the
// opponents that it has to beat. The API tells all of them.
var compared = [...]string{forecast.Combination, "seasonal_naive_day", "seasonal_naive_week"}

// Opponents returns the names of the seasonal naive models, which forecasts have to beat.
func Opponents() []string { return compared[1:] }

// heaviest returns the model that counts most in the forecast of the next step.
func heaviest(scores []forecast.Score) string {
	var best forecast.Score
	for _, s := range scores {
		if s.Horizon == scores[0].Horizon && s.Model != forecast.Combination && s.Weight > best.Weight {
			best = s
		}
	}
	return best.Model
}

// constraints are the reasons that hold the demand back or push it up.
var constraints = [...]policy.Code{
	policy.ReasonCurrentUnknown, policy.ReasonDisabled, policy.ReasonDataLoss, policy.ReasonLoadUnknown, policy.ReasonSensitivity, policy.ReasonRuleHold,
	policy.ReasonSeasonMin, policy.ReasonSeasonMax, policy.ReasonRuleMin, policy.ReasonRuleMax, policy.ReasonPoolMin, policy.ReasonPoolMax,
	policy.ReasonBudget, policy.ReasonBudgetExhausted, policy.ReasonBudgetUnknown, policy.ReasonOverride,
	policy.ReasonTolerance, policy.ReasonStabilization, policy.ReasonStepLimit, policy.ReasonCooldown, policy.ReasonUnfulfilled, policy.ReasonPaused, policy.ReasonMode,
	policy.ReasonHostUnknown, policy.ReasonHostLimit, policy.ReasonMaxTotal, policy.ReasonHostFit,
	policy.ReasonEmergency, policy.ReasonEmergencyHold, policy.ReasonEvaluationFailed,
}

// descs describe what is read from the snapshot.
type descs struct {
	lastTick, load, forecast, error, coverage, model, age,
	fallback, footing, demand, desired, current, ready, max,
	min, perAgent, maxTotal, mode, constraint, rule,
	event, nextEvent, signal, signalAge, host, predicted, footprint, hostLimit, configLoaded,
	underprovisioned, overprovisioned, healthScore, healthCheck, paused, unfulfilled, emergency, override, overrideEnd, budgetLimit, budgetUsed, budgetProtected, budgetExhaustion *prometheus.Desc
}

func newDescs() descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("scaling_adapter_"+name, help, labels, nil)
	}
	return descs{
		lastTick:     desc("last_tick_timestamp_seconds", "When the last turn of the loop was taken."),
		load:         desc("load", "Measured load in the unit of the pool's query.", "pool"),
		forecast:     desc("forecast_load", "Forecast load at a horizon, by quantile of the predictive distribution.", "pool", "horizon", "quantile"),
		error:        desc("forecast_error_ratio", "Past forecast errors over loads, of what was forecast (combination) and of its seasonal naive opponents, by horizon and kind; old errors count less.", "pool", "model", "kind", "horizon"),
		coverage:     desc("forecast_interval_coverage_ratio", "Share of past loads within the forecast interval from the 10 % to the 90 % quantile, by horizon; 0.8 is right.", "pool", "horizon"),
		model:        desc("forecast_model_selected", "1 for the model that counts most in the forecast of the next step.", "pool", "model"),
		age:          desc("forecast_age_seconds", "Time since the last measured load that the forecast knows.", "pool"),
		fallback:     desc("fallback_active", "1 while a pool has no fresh forecast.", "pool", "kind"),
		footing:      desc("footing", "1 for what a pool's decisions stand on: a fresh forecast, the last one, the profile, or nothing.", "pool", "rung"),
		demand:       desc("demand_agents", "Agents that the load asks for, before any bound.", "pool"),
		desired:      desc("desired_agents", "Agents decided on, after each group of steps.", "pool", "stage"),
		current:      desc("current_agents", "Agents that the orchestrator reports.", "pool"),
		ready:        desc("ready_agents", "Agents that the orchestrator reports as ready.", "pool"),
		max:          desc("max_agents", "The pool's maximum.", "pool"),
		min:          desc("min_agents", "The pool's minimum.", "pool"),
		perAgent:     desc("load_per_agent", "Load that one agent serves at its target.", "pool"),
		maxTotal:     desc("max_total_agents", "Most agents of all pools together; 0 without a limit."),
		mode:         desc("pool_mode", "1 for the mode of the pool.", "pool", "mode"),
		constraint:   desc("constraint_active", "1 while a reason moves or holds the pool's agents.", "pool", "reason"),
		rule:         desc("rule_active", "1 while a rule's condition holds for a pool.", "rule", "pool"),
		event:        desc("event_active", "Events going on that concern a pool, of a type that its rules ask for.", "type", "pool"),
		nextEvent:    desc("event_next_start_timestamp_seconds", "When the next event that concerns a pool starts, of a type that its rules ask for; not there if none is known.", "type", "pool"),
		signal:       desc("signal_up", "1 while a signal is fresh and complete.", "pool", "signal"),
		signalAge:    desc("signal_age_seconds", "Age of a signal's last sample.", "pool", "signal"),
		host:         desc("host_utilization_ratio", "Share of a host resource that is used, by group of hosts.", "hosts", "resource"),
		predicted:    desc("host_predicted_utilization_ratio", "Share of a host resource that the agents decided on are predicted to use, by group of hosts.", "hosts", "resource"),
		footprint:    desc("agent_footprint_ratio", "Share of a host resource that one agent takes: estimate, and low and high end of its 90 % interval.", "hosts", "resource", "pool", "bound"),
		hostLimit:    desc("host_limit_ratio", "Share of a host resource from which on no pool grows, by group of hosts.", "hosts", "resource"),
		configLoaded: desc("config_generation", "Number of configurations loaded since the start."),

		underprovisioned: desc("underprovisioned_agent_seconds_total", "Agent-seconds that were lacking, by the same policies.", "pool", "policy"),
		overprovisioned:  desc("overprovisioned_agent_seconds_total", "Agent-seconds that nobody needed, of what ran (live), of what the load of a week before needed (seasonal_naive) and of rules that are tried (candidate).", "pool", "policy"),
		healthScore:      desc("health_score_ratio", "Share of the health checks that pass."),
		healthCheck:      desc("health_check_passed", "1 while a health check passes.", "check"),
		paused:           desc("pool_pause_end_timestamp_seconds", "Until when a pool is left alone since it could not be scaled; not there otherwise.", "pool"),
		unfulfilled:      desc("unfulfilled_agents", "Agents that were asked for longer ago than the converge timeout and are not ready.", "pool"),
		emergency:        desc("emergency_active", "1 while pools on a group of hosts were cut and may not grow yet.", "hosts"),
		override:         desc("override_active", "1 while an operator's order on a pool has effect.", "pool"),
		overrideEnd:      desc("override_end_timestamp_seconds", "When the order on a pool ends.", "pool"),
		budgetLimit:      desc("budget_limit", "Posts of a window of the budget.", "pool", "budget"),
		budgetUsed:       desc("budget_used_ratio", "Share of the budget that is used in the stricter of its windows.", "pool", "budget"),
		budgetProtected:  desc("budget_protected_posts", "Posts of what remains that are kept for better ones.", "pool", "budget"),
		budgetExhaustion: desc("budget_exhaustion_timestamp_seconds", "When the posts that are expected will have used up the budget; not there if it lasts.", "pool", "budget"),
	}
}

// collector turns the last tick's snapshot into metrics.
type collector struct {
	descs
	snapshot func() *Snapshot
}

// Describe sends nothing: which series there are depends on the pools.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends what the last tick saw.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	snap := c.snapshot()
	if snap == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.lastTick, seconds(snap.Time))
	gauge(c.maxTotal, float64(snap.Settings.MaxTotalAgents))
	gauge(c.configLoaded, float64(snap.Settings.Generation))
	for _, h := range snap.Hosts {
		if h.Sample.Quality == policy.OK {
			gauge(c.host, h.Sample.Value/100, h.Hosts, h.Resource)
		}
		if !math.IsNaN(h.Predicted) {
			gauge(c.predicted, h.Predicted/100, h.Hosts, h.Resource)
		}
		for _, f := range h.Footprints {
			if f.Known {
				gauge(c.footprint, f.PerAgent/100, h.Hosts, h.Resource, f.Pool, "estimate")
				gauge(c.footprint, f.Low/100, h.Hosts, h.Resource, f.Pool, "low")
				gauge(c.footprint, f.High/100, h.Hosts, h.Resource, f.Pool, "high")
			}
		}
		signal := "host_" + h.Resource
		if h.Hosts != "" {
			signal = "host_" + h.Hosts + "_" + h.Resource
		}
		gauge(c.hostLimit, h.Limit/100, h.Hosts, h.Resource)
		gauge(c.signal, one(h.Sample.Quality == policy.OK), "", signal)
		if !h.Sample.Time.IsZero() {
			gauge(c.signalAge, h.Sample.Age(snap.Time).Seconds(), "", signal)
		}
	}
	health := snap.Health(snap.Time)
	gauge(c.healthScore, health.Score)
	for _, check := range health.Checks {
		gauge(c.healthCheck, one(check.Passed), check.Name)
	}
	for hosts, g := range snap.Emergency {
		gauge(c.emergency, one(g.Active), hosts)
	}
	for i := range snap.Pools {
		c.collectPool(ch, gauge, snap, &snap.Pools[i])
		c.collectEvents(gauge, snap.Time, &snap.Pools[i], snap.Settings.Pools[i].Asked())
	}
}

type gaugeFunc func(d *prometheus.Desc, v float64, labels ...string)

func (c collector) collectPool(ch chan<- prometheus.Metric, gauge gaugeFunc, snap *Snapshot, p *PoolStatus) {
	name := p.Pool.Name
	gauge(c.min, float64(p.Pool.Agents.Min), name)
	gauge(c.max, float64(p.Pool.Agents.Max), name)
	gauge(c.perAgent, p.Pool.PerAgent, name)
	gauge(c.mode, 1, name, string(p.Pool.Mode))

	gauge(c.signal, one(p.Load.Quality == policy.OK), name, "load")
	gauge(c.signal, one(p.Count.Known), name, "current")
	if p.Load.Quality == policy.OK {
		gauge(c.load, p.Load.Value, name)
	}
	if !p.Load.Time.IsZero() {
		gauge(c.signalAge, p.Load.Age(snap.Time).Seconds(), name, "load")
	}
	if x := p.Completeness; x != nil {
		gauge(c.signal, one(x.Quality == policy.OK), name, "completeness")
		if !x.Time.IsZero() {
			gauge(c.signalAge, x.Age(snap.Time).Seconds(), name, "completeness")
		}
	}
	if p.Count.Known {
		gauge(c.current, float64(p.Count.Agents), name)
		gauge(c.ready, float64(p.Count.Ready), name)
	}
	gauge(c.override, one(p.Override != nil), name)
	if p.Override != nil {
		gauge(c.overrideEnd, seconds(p.Override.End), name)
	}
	if p.Pause.End.After(snap.Time) {
		gauge(c.paused, seconds(p.Pause.End), name)
	}
	gauge(c.unfulfilled, float64(p.Decision.Unfulfilled), name)
	c.collectServed(ch, p)
	c.collectBudgets(gauge, p)
	c.collectForecast(gauge, snap, p)
	c.collectDecision(gauge, p)
}

// collectServed sends sums that begin anew with the process, as counters do.
func (c collector) collectServed(ch chan<- prometheus.Metric, p *PoolStatus) {
	send := func(policy string, s Served) {
		ch <- prometheus.MustNewConstMetric(c.underprovisioned, prometheus.CounterValue, s.Under, p.Pool.Name, policy)
		ch <- prometheus.MustNewConstMetric(c.overprovisioned, prometheus.CounterValue, s.Over, p.Pool.Name, policy)
	}
	send("live", p.Served.Live)
	send("seasonal_naive", p.Served.SeasonalNaive)
	if p.Served.Candidate.Time > 0 {
		send("candidate", p.Served.Candidate)
	}
}

func (c collector) collectForecast(gauge gaugeFunc, snap *Snapshot, p *PoolStatus) {
	name := p.Pool.Name
	gauge(c.fallback, one(p.Fallback != ""), name, "profile")
	for _, rung := range Rungs {
		gauge(c.footing, one(p.Footing.Rung == rung), name, string(rung))
	}
	f := p.Forecast
	if f.Len() == 0 {
		return
	}
	gauge(c.model, 1, name, heaviest(p.Scores))
	gauge(c.age, snap.Time.Sub(p.Origin).Seconds(), name)
	for _, h := range horizons {
		k := stepAt(f, snap.Time.Add(h))
		if h > snap.Settings.Horizon || k >= f.Len() {
			continue
		}
		for i, level := range f.Levels {
			gauge(c.forecast, f.Paths[i][k], name, model.Duration(h).String(), quantileLabel(level))
		}
	}
	for _, s := range p.Coverage {
		horizon := model.Duration(time.Duration(s.Horizon) * snap.Settings.Step).String()
		gauge(c.coverage, s.Share, name, horizon)
		gauge(c.error, s.Pinball, name, forecast.Combination, "pinball", horizon)
	}
	for _, s := range p.Scores {
		if s.N > 0 && slices.Contains(compared[:], s.Model) {
			horizon := model.Duration(time.Duration(s.Horizon) * snap.Settings.Step).String()
			gauge(c.error, s.WAPE, name, s.Model, "wape", horizon)
			gauge(c.error, s.Bias, name, s.Model, "bias", horizon)
		}
	}
}

func (c collector) collectDecision(gauge gaugeFunc, p *PoolStatus) {
	name, d := p.Pool.Name, p.Decision
	gauge(c.demand, d.Demand, name)
	gauge(c.desired, float64(d.Stages.Demand), name, "demand")
	gauge(c.desired, float64(d.Stages.Rules), name, "rules")
	gauge(c.desired, float64(d.Stages.Bounded), name, "bounded")
	gauge(c.desired, float64(d.Desired), name, "final")
	active := map[policy.Code]bool{}
	for _, r := range d.Reasons {
		active[r.Code] = true
	}
	for _, code := range constraints {
		gauge(c.constraint, one(active[code]), name, string(code))
	}
	for _, r := range d.Rules {
		gauge(c.rule, 1, r, name)
	}
}

// collectEvents leaves out the types that nobody asks for: whoever tells events may make up
// as many as there are events.
func (c collector) collectEvents(gauge gaugeFunc, now time.Time, p *PoolStatus, asked []policy.EventMatch) {
	types := map[string]bool{}
	for _, m := range asked {
		types[m.Type] = true
	}
	going, next := map[string]int{}, map[string]time.Time{}
	for _, e := range p.Events { // by start
		switch {
		case !types[e.Type], !e.End.After(now):
		case !e.Start.After(now):
			going[e.Type]++
		case next[e.Type].IsZero():
			next[e.Type] = e.Start
		}
	}
	for typ, n := range going {
		gauge(c.event, float64(n), typ, p.Pool.Name)
	}
	for typ, start := range next {
		gauge(c.nextEvent, seconds(start), typ, p.Pool.Name)
	}
}

func (c collector) collectBudgets(gauge gaugeFunc, p *PoolStatus) {
	for _, b := range p.Budgets {
		gauge(c.budgetLimit, float64(b.Limit), p.Pool.Name, b.Name)
		if b.Cap.Window != "" && b.Limit > 0 {
			gauge(c.budgetUsed, float64(b.Cap.Used)/float64(b.Limit), p.Pool.Name, b.Name)
			gauge(c.budgetProtected, float64(b.Cap.Protected), p.Pool.Name, b.Name)
		}
		if !b.Cap.Exhaustion.IsZero() {
			gauge(c.budgetExhaustion, seconds(b.Cap.Exhaustion), p.Pool.Name, b.Name)
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// quantileLabel prints a level the way client libraries print theirs.
func quantileLabel(level float64) string { return strconv.FormatFloat(level, 'g', -1, 64) }
