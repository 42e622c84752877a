package engine

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Metrics are the metrics about what the last tick saw, one family after the other: those
// of thousands of pools are never in memory together. A family is good until the next one
// is asked for. A nil snapshot has none.
func (s *Snapshot) Metrics() iter.Seq[*dto.MetricFamily] {
	return func(yield func(*dto.MetricFamily) bool) {
		if s == nil {
			return
		}
		out := series{known: map[string]*label{}}
		for _, f := range families {
			out.begin(f)
			f.of(s, &out)
			if len(out.family.Metric) > 0 && !yield(&out.family) {
				return
			}
		}
	}
}

// A family is a metric about what the last tick saw, and what adds its series.
type family struct {
	name, help string
	labels     []string
	of         func(*Snapshot, *series)
}

// families are all of them. Those whose names end in _total are counters, the others gauges.
var families = []family{
	{"scaling_adapter_last_tick_timestamp_seconds", "When the last turn of the loop was taken.", nil, func(s *Snapshot, out *series) {
		out.add(seconds(s.Time))
	}},
	{"scaling_adapter_max_total_agents", "Most agents of all pools together; 0 without a limit.", nil, func(s *Snapshot, out *series) {
		out.add(float64(s.Settings.MaxTotalAgents))
	}},
	{"scaling_adapter_config_generation", "Number of configurations loaded since the start.", nil, func(s *Snapshot, out *series) {
		out.add(float64(s.Settings.Generation))
	}},
	{"scaling_adapter_health_score_ratio", "Share of the health checks that pass.", nil, func(s *Snapshot, out *series) {
		out.add(s.Health(s.Time).Score)
	}},
	{"scaling_adapter_health_check_passed", "1 while a health check passes.", []string{"check"}, func(s *Snapshot, out *series) {
		for _, c := range s.Health(s.Time).Checks {
			out.add(one(c.Passed), c.Name)
		}
	}},
	{"scaling_adapter_host_utilization_ratio", "Share of a host resource that is used, by group of hosts.", []string{"hosts", "resource"}, func(s *Snapshot, out *series) {
		for _, h := range s.Hosts {
			if h.Sample.Quality == policy.OK {
				out.add(h.Sample.Value/100, h.Hosts, h.Resource)
			}
		}
	}},
	{"scaling_adapter_host_predicted_utilization_ratio", "Share of a host resource that the agents decided on are predicted to use, by group of hosts.", []string{"hosts", "resource"}, func(s *Snapshot, out *series) {
		for _, h := range s.Hosts {
			if !math.IsNaN(h.Predicted) {
				out.add(h.Predicted/100, h.Hosts, h.Resource)
			}
		}
	}},
	{"scaling_adapter_host_limit_ratio", "Share of a host resource from which on no pool grows, by group of hosts.", []string{"hosts", "resource"}, func(s *Snapshot, out *series) {
		for _, h := range s.Hosts {
			out.add(h.Limit/100, h.Hosts, h.Resource)
		}
	}},
	{"scaling_adapter_agent_footprint_ratio", "Share of a host resource that one agent takes: estimate, and low and high end of its 90 % interval.", []string{"hosts", "resource", "pool", "bound"}, func(s *Snapshot, out *series) {
		for _, h := range s.Hosts {
			for _, f := range h.Footprints {
				if f.Known {
					out.add(f.PerAgent/100, h.Hosts, h.Resource, f.Pool, "estimate")
					out.add(f.Low/100, h.Hosts, h.Resource, f.Pool, "low")
					out.add(f.High/100, h.Hosts, h.Resource, f.Pool, "high")
				}
			}
		}
	}},
	{"scaling_adapter_emergency_active", "1 while pools on a group of hosts were cut and may not grow yet.", []string{"hosts"}, func(s *Snapshot, out *series) {
		for _, hosts := range slices.Sorted(maps.Keys(s.Emergency)) {
			out.add(one(s.Emergency[hosts].Active), hosts)
		}
	}},
	{"scaling_adapter_signal_up", "1 while a signal is fresh and complete.", []string{"pool", "signal"}, func(s *Snapshot, out *series) {
		for _, h := range s.Hosts {
			out.add(one(h.Sample.Quality == policy.OK), "", h.signal())
		}
		for i := range s.Pools {
			p := &s.Pools[i]
			out.add(one(p.Load.Quality == policy.OK), p.Pool.Name, "load")
			out.add(one(p.Count.Known), p.Pool.Name, "current")
			if p.Completeness != nil {
				out.add(one(p.Completeness.Quality == policy.OK), p.Pool.Name, "completeness")
			}
		}
	}},
	{"scaling_adapter_signal_age_seconds", "Age of a signal's last sample.", []string{"pool", "signal"}, func(s *Snapshot, out *series) {
		age := func(y policy.Sample, pool, signal string) {
			if !y.Time.IsZero() {
				out.add(y.Age(s.Time).Seconds(), pool, signal)
			}
		}
		for _, h := range s.Hosts {
			age(h.Sample, "", h.signal())
		}
		for i := range s.Pools {
			p := &s.Pools[i]
			age(p.Load, p.Pool.Name, "load")
			if p.Completeness != nil {
				age(p.Completeness.Sample, p.Pool.Name, "completeness")
			}
		}
	}},
	{"scaling_adapter_min_agents", "The pool's minimum.", []string{"pool"}, value(func(p *PoolStatus) float64 { return float64(p.Pool.Agents.Min) })},
	{"scaling_adapter_max_agents", "The pool's maximum.", []string{"pool"}, value(func(p *PoolStatus) float64 { return float64(p.Pool.Agents.Max) })},
	{"scaling_adapter_load_per_agent", "Load that one agent serves at its target.", []string{"pool"}, value(func(p *PoolStatus) float64 { return p.Pool.PerAgent })},
	{"scaling_adapter_pool_mode", "1 for the mode of the pool.", []string{"pool", "mode"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		out.add(1, p.Pool.Name, string(p.Pool.Mode))
	})},
	{"scaling_adapter_load", "Measured load in the unit of the pool's query.", []string{"pool"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		if p.Load.Quality == policy.OK {
			out.add(p.Load.Value, p.Pool.Name)
		}
	})},
	{"scaling_adapter_current_agents", "Agents that the orchestrator reports.", []string{"pool"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		if p.Count.Known {
			out.add(float64(p.Count.Agents), p.Pool.Name)
		}
	})},
	{"scaling_adapter_ready_agents", "Agents that the orchestrator reports as ready.", []string{"pool"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		if p.Count.Known {
			out.add(float64(p.Count.Ready), p.Pool.Name)
		}
	})},
	{"scaling_adapter_unfulfilled_agents", "Agents that were asked for longer ago than the converge timeout and are not ready.", []string{"pool"}, value(func(p *PoolStatus) float64 { return float64(p.Decision.Unfulfilled) })},
	{"scaling_adapter_pool_pause_end_timestamp_seconds", "Until when a pool is left alone since it could not be scaled; not there otherwise.", []string{"pool"}, each(func(s *Snapshot, p *PoolStatus, out *series) {
		if p.Pause.End.After(s.Time) {
			out.add(seconds(p.Pause.End), p.Pool.Name)
		}
	})},
	{"scaling_adapter_override_active", "1 while an operator's order on a pool has effect.", []string{"pool"}, value(func(p *PoolStatus) float64 { return one(p.Override != nil) })},
	{"scaling_adapter_override_end_timestamp_seconds", "When the order on a pool ends.", []string{"pool"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		if p.Override != nil {
			out.add(seconds(p.Override.End), p.Pool.Name)
		}
	})},

	// Sums that begin anew with the process, as counters do.
	{"scaling_adapter_underprovisioned_agent_seconds_total", "Agent-seconds that were lacking, by the same policies.", []string{"pool", "policy"}, served(func(s Served) float64 { return s.Under })},
	{
		"scaling_adapter_overprovisioned_agent_seconds_total",
		"Agent-seconds that nobody needed, of what ran (live), of what the load of a week before needed (seasonal_naive) and of rules that are tried (candidate).",
		[]string{"pool", "policy"}, served(func(s Served) float64 { return s.Over }),
	},

	{"scaling_adapter_budget_limit", "Posts of a window of the budget.", []string{"pool", "budget"}, budgets(func(b BudgetStatus) (float64, bool) {
		return float64(b.Limit), true
	})},
	{"scaling_adapter_budget_used_ratio", "Share of the budget that is used in the stricter of its windows.", []string{"pool", "budget"}, budgets(func(b BudgetStatus) (float64, bool) {
		return float64(b.Cap.Used) / float64(b.Limit), b.counted()
	})},
	{"scaling_adapter_budget_protected_posts", "Posts of what remains that are kept for better ones.", []string{"pool", "budget"}, budgets(func(b BudgetStatus) (float64, bool) {
		return float64(b.Cap.Protected), b.counted()
	})},
	{"scaling_adapter_budget_exhaustion_timestamp_seconds", "When the posts that are expected will have used up the budget; not there if it lasts.", []string{"pool", "budget"}, budgets(func(b BudgetStatus) (float64, bool) {
		return seconds(b.Cap.Exhaustion), !b.Cap.Exhaustion.IsZero()
	})},

	{"scaling_adapter_fallback_active", "1 while a pool has no fresh forecast.", []string{"pool", "kind"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		out.add(one(p.Fallback != ""), p.Pool.Name, "profile")
	})},
	{"scaling_adapter_footing", "1 for what a pool's decisions stand on: a fresh forecast, the last one, the profile, or nothing.", []string{"pool", "rung"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		for _, rung := range Rungs {
			out.add(one(p.Footing.Rung == rung), p.Pool.Name, string(rung))
		}
	})},
	{"scaling_adapter_forecast_model_selected", "1 for the model that counts most in the forecast of the next step.", []string{"pool", "model"}, forecasts(func(_ *Snapshot, p *PoolStatus, out *series) {
		out.add(1, p.Pool.Name, heaviest(p.Scores))
	})},
	{"scaling_adapter_forecast_age_seconds", "Time since the last measured load that the forecast knows.", []string{"pool"}, forecasts(func(s *Snapshot, p *PoolStatus, out *series) {
		out.add(s.Time.Sub(p.Origin).Seconds(), p.Pool.Name)
	})},
	{"scaling_adapter_forecast_load", "Forecast load at a horizon, by quantile of the predictive distribution.", []string{"pool", "horizon", "quantile"}, forecasts(func(s *Snapshot, p *PoolStatus, out *series) {
		for i, level := range p.Forecast.Levels {
			quantile := quantileLabel(level)
			for _, h := range horizons {
				if k := stepAt(p.Forecast, s.Time.Add(h.ahead)); h.ahead <= s.Settings.Horizon && k < p.Forecast.Len() {
					out.add(p.Forecast.Paths[i][k], p.Pool.Name, h.label, quantile)
				}
			}
		}
	})},
	{
		"scaling_adapter_forecast_error_ratio",
		"Past forecast errors over loads, of what was forecast (combination) and of its seasonal naive opponents, by horizon and kind; old errors count less.",
		[]string{"pool", "model", "kind", "horizon"}, forecasts(collectErrors),
	},
	{
		"scaling_adapter_forecast_interval_coverage_ratio",
		"Share of past loads within the forecast interval from the 10 % to the 90 % quantile, by horizon; 0.8 is right.",
		[]string{"pool", "horizon"}, forecasts(func(s *Snapshot, p *PoolStatus, out *series) {
			for _, c := range p.Coverage {
				if horizon, ok := s.exported(c.Horizon); ok {
					out.add(c.Share, p.Pool.Name, horizon)
				}
			}
		}),
	},

	{"scaling_adapter_demand_agents", "Agents that the load asks for, before any bound.", []string{"pool"}, value(func(p *PoolStatus) float64 { return p.Decision.Demand })},
	{"scaling_adapter_desired_agents", "Agents decided on, after each group of steps.", []string{"pool", "stage"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		out.add(float64(p.Decision.Stages.Demand), p.Pool.Name, "demand")
		out.add(float64(p.Decision.Stages.Rules), p.Pool.Name, "rules")
		out.add(float64(p.Decision.Stages.Bounded), p.Pool.Name, "bounded")
		out.add(float64(p.Decision.Desired), p.Pool.Name, "final")
	})},
	{"scaling_adapter_constraint_active", "1 while a reason moves or holds the pool's agents.", []string{"pool", "reason"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		for _, code := range constraints {
			active := slices.ContainsFunc(p.Decision.Reasons, func(r policy.Reason) bool { return r.Code == code })
			out.add(one(active), p.Pool.Name, string(code))
		}
	})},
	{"scaling_adapter_rule_active", "1 while a rule's condition holds for a pool.", []string{"rule", "pool"}, each(func(_ *Snapshot, p *PoolStatus, out *series) {
		for _, r := range p.Decision.Rules {
			out.add(1, r, p.Pool.Name)
		}
	})},
	{"scaling_adapter_event_active", "Events going on that concern a pool, of a type that its rules ask for.", []string{"type", "pool"}, events(func(e eventsOfType, pool string, out *series) {
		if e.going > 0 {
			out.add(float64(e.going), e.typ, pool)
		}
	})},
	{"scaling_adapter_event_next_start_timestamp_seconds", "When the next event that concerns a pool starts, of a type that its rules ask for; not there if none is known.", []string{"type", "pool"}, events(func(e eventsOfType, pool string, out *series) {
		if !e.next.IsZero() {
			out.add(seconds(e.next), e.typ, pool)
		}
	})},
}

// each adds series of each pool.
func each(of func(*Snapshot, *PoolStatus, *series)) func(*Snapshot, *series) {
	return func(s *Snapshot, out *series) {
		for i := range s.Pools {
			of(s, &s.Pools[i], out)
		}
	}
}

// value adds one series for each pool.
func value(of func(*PoolStatus) float64) func(*Snapshot, *series) {
	return each(func(_ *Snapshot, p *PoolStatus, out *series) { out.add(of(p), p.Pool.Name) })
}

// forecasts adds series of each pool that has a forecast.
func forecasts(of func(*Snapshot, *PoolStatus, *series)) func(*Snapshot, *series) {
	return each(func(s *Snapshot, p *PoolStatus, out *series) {
		if p.Forecast.Len() > 0 {
			of(s, p, out)
		}
	})
}

func served(of func(Served) float64) func(*Snapshot, *series) {
	return each(func(_ *Snapshot, p *PoolStatus, out *series) {
		out.add(of(p.Served.Live), p.Pool.Name, "live")
		out.add(of(p.Served.SeasonalNaive), p.Pool.Name, "seasonal_naive")
		if p.Served.Candidate.Time > 0 {
			out.add(of(p.Served.Candidate), p.Pool.Name, "candidate")
		}
	})
}

func budgets(of func(BudgetStatus) (v float64, known bool)) func(*Snapshot, *series) {
	return each(func(_ *Snapshot, p *PoolStatus, out *series) {
		for _, b := range p.Budgets {
			if v, known := of(b); known {
				out.add(v, p.Pool.Name, b.Name)
			}
		}
	})
}

// counted reports whether it is known what of the budget is used.
func (b BudgetStatus) counted() bool { return b.Cap.Window != "" && b.Limit > 0 }

// eventsOfType are those of a type that concern a pool: how many go on, and when the next
// one starts.
type eventsOfType struct {
	typ   string
	going int
	next  time.Time
}

// events leaves out the types that nobody asks for: whoever tells events may make up as many
// as there are events.
func events(of func(e eventsOfType, pool string, out *series)) func(*Snapshot, *series) {
	return func(s *Snapshot, out *series) {
		for i := range s.Pools {
			p, types := &s.Pools[i], map[string]*eventsOfType{}
			for _, m := range s.Settings.Pools[i].Asked() {
				types[m.Type] = &eventsOfType{typ: m.Type}
			}
			for _, e := range p.Events { // by start
				switch t := types[e.Type]; {
				case t == nil, !e.End.After(s.Time):
				case !e.Start.After(s.Time):
					t.going++
				case t.next.IsZero():
					t.next = e.Start
				}
			}
			for _, typ := range slices.Sorted(maps.Keys(types)) {
				of(*types[typ], p.Pool.Name, out)
			}
		}
	}
}

// horizons are the distances at which forecasts are exported, and how good they were.
var horizons = [...]struct {
	ahead time.Duration
	label string
}{
	{5 * time.Minute, "5m"}, {15 * time.Minute, "15m"}, {30 * time.Minute, "30m"}, {time.Hour, "1h"}, {2 * time.Hour, "2h"}, {6 * time.Hour, "6h"}, {24 * time.Hour, "1d"},
}

// exported returns the label of a horizon in steps, if it is the next step or the last one
// within one of those.
func (s *Snapshot) exported(steps int) (label string, ok bool) {
	step := s.Settings.Step
	for _, h := range horizons {
		switch {
		case h.ahead == time.Duration(steps)*step:
			return h.label, true
		case steps == 1, int(h.ahead/step) == steps:
			label, ok = model.Duration(time.Duration(steps)*step).String(), true
		}
	}
	return label, ok
}

// compared are the models whose errors are exported: what is forecast and the
// opponents that it has to beat. The API tells all of them, at all horizons.
var compared = [...]string{forecast.Combination, "seasonal_naive_day", "seasonal_naive_week"}

// Opponents returns the names of the seasonal naive models, which forecasts have to beat.
func Opponents() []string { return compared[1:] }

// collectErrors tells of the opponents only what they are compared by.
func collectErrors(s *Snapshot, p *PoolStatus, out *series) {
	for _, c := range p.Coverage {
		if horizon, ok := s.exported(c.Horizon); ok {
			out.add(c.Pinball, p.Pool.Name, forecast.Combination, "pinball", horizon)
		}
	}
	for _, score := range p.Scores {
		horizon, ok := s.exported(score.Horizon)
		if !ok || score.N == 0 || !slices.Contains(compared[:], score.Model) {
			continue
		}
		out.add(score.WAPE, p.Pool.Name, score.Model, "wape", horizon)
		if score.Model == forecast.Combination {
			out.add(score.Bias, p.Pool.Name, score.Model, "bias", horizon)
		}
	}
}

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

// signal is what the resource is called among signals.
func (h HostStatus) signal() string {
	if h.Hosts == "" {
		return "host_" + h.Resource
	}
	return "host_" + h.Hosts + "_" + h.Resource
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

// series make up one family. Their memory serves the next one too.
type series struct {
	family  dto.MetricFamily
	labels  []*label          // in the order of the family
	sorted  []int             // places of the labels in the order of their names, in which they are sent
	known   map[string]*label // by name
	samples []*sample
}

// label has the pairs of its name and each of its values, which series share.
type label struct {
	name  string
	pairs map[string]*dto.LabelPair
}

// sample is a series with its value, in one piece.
type sample struct {
	metric dto.Metric
	gauge  dto.Gauge
	value  float64
	labels [4]*dto.LabelPair
}

// begin begins another family.
func (out *series) begin(f family) {
	typ := dto.MetricType_GAUGE
	if strings.HasSuffix(f.name, "_total") {
		typ = dto.MetricType_COUNTER
	}
	out.family.Name, out.family.Help, out.family.Type, out.family.Metric = &f.name, &f.help, &typ, out.family.Metric[:0]
	out.labels, out.sorted = out.labels[:0], out.sorted[:0]
	for i, name := range f.labels {
		out.sorted = append(out.sorted, i)
		if out.known[name] == nil {
			out.known[name] = &label{name, map[string]*dto.LabelPair{}}
		}
		out.labels = append(out.labels, out.known[name])
	}
	slices.SortFunc(out.sorted, func(a, b int) int { return strings.Compare(f.labels[a], f.labels[b]) })
}

// add adds a series with the values of the family's labels, in their order.
func (out *series) add(v float64, values ...string) {
	if len(values) != len(out.labels) {
		panic(fmt.Sprintf("engine: %s has %d labels, and %d values are given", out.family.GetName(), len(out.labels), len(values)))
	}
	n := len(out.family.Metric)
	if n == len(out.samples) {
		out.samples = append(out.samples, new(sample))
	}
	x := out.samples[n]
	x.value, x.metric.Label = v, x.labels[:0]
	for _, i := range out.sorted {
		x.metric.Label = append(x.metric.Label, out.labels[i].pair(values[i]))
	}
	x.gauge.Value, x.metric.Gauge, x.metric.Counter = &x.value, &x.gauge, nil
	if out.family.GetType() == dto.MetricType_COUNTER {
		x.metric.Gauge, x.metric.Counter = nil, &dto.Counter{Value: &x.value}
	}
	out.family.Metric = append(out.family.Metric, &x.metric)
}

func (l *label) pair(value string) *dto.LabelPair {
	p := l.pairs[value]
	if p == nil {
		kept := value // so that the argument does not move to the heap in each call
		p = &dto.LabelPair{Name: &l.name, Value: &kept}
		l.pairs[value] = p
	}
	return p
}
