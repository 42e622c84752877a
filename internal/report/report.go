// Package report sums up what a span of time was like: what ran and what was needed, how
// good forecasts were, what moved or held pools, and what could be better.
//
// Loads are those that the engine remembers. Agents and reasons are asked of Prometheus,
// which keeps what the adapter has exported: so a report spans restarts, and lacks what
// nobody scraped.
package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/forecast/backtest"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// How long reports are.
const (
	Shortest = time.Hour
	Longest  = 28 * 24 * time.Hour
)

const (
	mostPoints  = 2016    // of a series: a week of five minutes
	mostValues  = 400_000 // of all pools
	mostReasons = 5
	week        = 7 * 24 * time.Hour
	day         = 24 * time.Hour
	leastShare  = 0.001 // of the time, for a reason to be told
)

// Source is asked for what was exported.
type Source interface {
	RangeAll(ctx context.Context, r engine.Range, query string) ([]engine.Labeled, error)
}

// Make reports on the period up to a snapshot. What could not be learned is told in the
// report's warnings. The only error is the context's.
func Make(ctx context.Context, source Source, snap *engine.Snapshot, period time.Duration) (apiv1.Report, error) {
	m := newMaker(ctx, source, snap, period)
	m.ask()
	out := apiv1.Report{Start: m.start.UTC(), End: m.end.UTC(), Step: m.step.Seconds(), Pools: []apiv1.PoolReport{}, Recommendations: []apiv1.Recommendation{}}
	var all []span
	for i := range snap.Pools {
		p := m.pool(&snap.Pools[i])
		out.Pools = append(out.Pools, p.told)
		out.Recommendations = append(out.Recommendations, p.recommendations(snap)...)
		all = append(all, p.spans...)
	}
	out.System = m.system(all)
	out.Warnings = apiv1.List(m.warnings)
	return out, ctx.Err()
}

// maker makes one report.
type maker struct {
	ctx    context.Context
	source Source
	snap   *engine.Snapshot

	start, end time.Time
	step       time.Duration
	n          int // instants
	period     time.Duration

	ready, desired                      map[string][]float64
	requests, reasons, budgets          []valued
	capped, hosts, hostPeaks, emergency []valued
	missed, paused, withoutForecast     []valued
	warnings                            []string
}

// valued is a value with its labels.
type valued struct {
	engine.Labeled
	value float64
}

func newMaker(ctx context.Context, source Source, snap *engine.Snapshot, period time.Duration) *maker {
	step := snap.Settings.Step
	most := min(mostPoints, max(mostValues/max(len(snap.Pools), 1), 48))
	for period/step > time.Duration(most) {
		step += snap.Settings.Step
	}
	end := snap.Time.Truncate(step)
	n := int(period / step)
	return &maker{ctx: ctx, source: source, snap: snap, start: end.Add(-time.Duration(n) * step), end: end, step: step, n: n, period: period}
}

// ask asks Prometheus for all that was exported.
func (m *maker) ask() {
	window := model.Duration(m.period).String()
	resolution := model.Duration(max(m.step, time.Minute)).String()
	m.ready = m.byPool(`max by (pool) (scaling_adapter_ready_agents)`)
	m.desired = m.byPool(`max by (pool) (scaling_adapter_desired_agents{stage="final"})`)
	m.requests = m.last(`sum by (pool, direction, outcome) (increase(scaling_adapter_scale_requests_total[` + window + `])) > 0`)
	m.reasons = m.last(`max by (pool, reason) (avg_over_time(scaling_adapter_constraint_active[` + window + `])) > ` + fmt.Sprint(leastShare))
	m.capped = m.last(`max by (pool) (avg_over_time((scaling_adapter_demand_agents > bool scaling_adapter_max_agents)[` + window + `:` + resolution + `]))`)
	m.budgets = m.last(`max by (pool, budget) (max_over_time(scaling_adapter_budget_used_ratio[` + window + `]))`)
	m.hosts = m.last(`max by (hosts, resource) (avg_over_time(scaling_adapter_host_utilization_ratio[` + window + `]))`)
	m.hostPeaks = m.last(`max by (hosts, resource) (max_over_time(scaling_adapter_host_utilization_ratio[` + window + `]))`)
	m.emergency = m.last(`max by (hosts) (avg_over_time(scaling_adapter_emergency_active[` + window + `]))`)
	m.missed = m.last(`sum(increase(scaling_adapter_ticks_missed_total[` + window + `]))`)
	m.paused = m.last(`avg(avg_over_time(scaling_adapter_constraint_active{reason="paused"}[` + window + `]))`)
	m.withoutForecast = m.last(`1 - avg(avg_over_time(scaling_adapter_footing{rung="forecast"}[` + window + `]))`)
	if len(m.ready) == 0 && len(m.warnings) == 0 {
		m.warnings = append(m.warnings, "Prometheus does not know scaling_adapter_ready_agents of this time: let it scrape the adapter, or what ran is not known")
	}
}

// byPool returns the values on the grid by pool.
func (m *maker) byPool(query string) map[string][]float64 {
	out := map[string][]float64{}
	for _, s := range m.query(engine.Range{Start: m.start, End: m.end.Add(-m.step), Step: m.step}, query) {
		out[s.Labels["pool"]] = s.Values
	}
	return out
}

// last returns the values at the end.
func (m *maker) last(query string) []valued {
	var out []valued
	for _, s := range m.query(engine.Range{Start: m.end, End: m.end, Step: m.step}, query) {
		if s.Len() == 1 && !math.IsNaN(s.Values[0]) {
			out = append(out, valued{s, s.Values[0]})
		}
	}
	return out
}

func (m *maker) query(r engine.Range, query string) []engine.Labeled {
	answer, err := m.source.RangeAll(m.ctx, r, query)
	if err != nil {
		m.warnings = append(m.warnings, err.Error())
	}
	return answer
}

// find returns the value with a label; nil if there is none.
func find(all []valued, name, value string) *float64 {
	for _, l := range all {
		if l.Labels[name] == value {
			return &l.value
		}
	}
	return nil
}

func only(all []valued) *float64 {
	if len(all) == 0 {
		return nil
	}
	return &all[0].value
}

// span is how a way to scale served a pool.
type span struct {
	name string
	backtest.Elasticity
}

func (s span) told() apiv1.Supply {
	return apiv1.Supply{
		Name: s.name, AgentHours: s.AgentHours, Under: s.Under, Over: s.Over,
		UnderTime: apiv1.Number(s.UnderTime), Efficiency: apiv1.Number(s.Efficiency()),
	}
}

// pooled is a pool's part of a report, with what recommendations rest on.
type pooled struct {
	*engine.PoolStatus
	maker *maker

	load          []float64 // on the grid; NaN where it is not known
	needed, ready []float64 // agents
	desired       []float64
	spans         []span
	told          apiv1.PoolReport
}

func (m *maker) pool(status *engine.PoolStatus) *pooled {
	p := &pooled{PoolStatus: status, maker: m}
	spec := status.Pool
	p.load = m.sampled(status.History, 0)
	p.needed = p.agentsFor(p.load)
	p.ready, p.desired = m.known(m.ready[spec.Name]), m.known(m.desired[spec.Name])
	p.serve()
	p.told = apiv1.PoolReport{
		Pool: spec.Name, Location: spec.Location.String(), Mode: spec.Mode, Min: spec.Agents.Min, Max: spec.Agents.Max, PerAgent: spec.PerAgent,
		Mean: apiv1.Number(mean(p.load)), Peak: apiv1.Number(largest(p.load)),
		Supplies: []apiv1.Supply{}, Scalings: scalings(m.requests, spec.Name), Capped: find(m.capped, "pool", spec.Name),
		Accuracy: p.accuracy(), Reasons: p.reasons(), Budgets: []apiv1.BudgetReport{}, Effects: []apiv1.Effect{},
		Series: apiv1.ReportSeries{Start: m.start.UTC(), Step: m.step.Seconds(), Needed: apiv1.Numbers(p.needed), Ready: apiv1.Numbers(p.ready), Desired: apiv1.Numbers(p.desired)},
	}
	for _, s := range p.spans {
		p.told.Supplies = append(p.told.Supplies, s.told())
	}
	for _, b := range m.budgets {
		if b.Labels["pool"] == spec.Name {
			p.told.Budgets = append(p.told.Budgets, apiv1.BudgetReport{Budget: b.Labels["budget"], Used: b.value})
		}
	}
	for _, e := range status.Effects {
		p.told.Effects = append(p.told.Effects, apiv1.EffectOf(e))
	}
	return p
}

// sampled returns a load on the grid, as it was some time before.
func (m *maker) sampled(h engine.History, before time.Duration) []float64 {
	out := make([]float64, m.n)
	for i := range out {
		out[i] = math.NaN()
		from := m.start.Add(time.Duration(i)*m.step - before)
		sum, n := 0.0, 0
		for t := from; t.Before(from.Add(m.step)); t = t.Add(m.snap.Settings.Step) {
			if y := h.At(t); !math.IsNaN(y) {
				sum += y
				n++
			}
		}
		if n > 0 {
			out[i] = sum / float64(n)
		}
	}
	return out
}

// known returns values on the grid, NaN if there are none.
func (m *maker) known(values []float64) []float64 {
	if len(values) == m.n {
		return values
	}
	return slices.Repeat([]float64{math.NaN()}, m.n)
}

// agentsFor returns the agents that a load needs.
func (p *pooled) agentsFor(load []float64) []float64 {
	out := make([]float64, len(load))
	for i, y := range load {
		out[i] = math.Ceil(y / p.Pool.PerAgent)
	}
	return out
}

// serve compares what ran with other ways to scale. What a pool in dry run decided is
// another way: somebody else scales it.
func (p *pooled) serve() {
	add := func(name string, supply []float64) {
		if e := backtest.MeasureElasticity(p.needed, supply, p.maker.step); e.Steps > 0 {
			p.spans = append(p.spans, span{name, e})
		}
	}
	add("adapter", p.ready)
	if p.Pool.Mode == policy.DryRun {
		add("decided", p.desired)
	}
	add("seasonal_naive", p.seasonalNaive())
	add("static_peak", slices.Repeat([]float64{largest(p.needed)}, len(p.needed)))
	add("static_mean", slices.Repeat([]float64{math.Ceil(mean(p.needed))}, len(p.needed)))
}

// seasonalNaive are the agents that the load of a week before would have needed, or that of
// the day before where the former is not known.
func (p *pooled) seasonalNaive() []float64 {
	byWeek, byDay := p.agentsFor(p.maker.sampled(p.History, week)), p.agentsFor(p.maker.sampled(p.History, day))
	limits := p.Pool.Agents
	for i, n := range byWeek {
		if math.IsNaN(n) {
			n = byDay[i]
		}
		byWeek[i] = min(max(n, float64(limits.Min)), float64(limits.Max))
	}
	return byWeek
}

// accuracy is that of forecasts at the first horizon that covers the lead time.
func (p *pooled) accuracy() *apiv1.Accuracy {
	best := -1
	for _, s := range p.Scores {
		if s.N > 0 && s.Model == forecast.Combination && (best < 0 || p.ahead(best) < p.Pool.LeadTime && s.Horizon > best) {
			best = s.Horizon
		}
	}
	if best < 0 {
		return nil
	}
	a := &apiv1.Accuracy{Horizon: p.ahead(best).Seconds()}
	naive := math.Inf(1)
	for _, s := range p.Scores {
		switch {
		case s.Horizon != best || s.N == 0:
		case s.Model == forecast.Combination:
			a.WAPE = apiv1.Number(s.WAPE)
		case slices.Contains(engine.Opponents(), s.Model):
			naive = min(naive, s.WAPE)
		}
	}
	a.Naive = apiv1.Number(naive)
	for _, c := range p.Coverage {
		if c.Horizon == best {
			a.Coverage = apiv1.Number(c.Share)
		}
	}
	return a
}

func (p *pooled) ahead(horizon int) time.Duration {
	return time.Duration(horizon) * p.maker.snap.Settings.Step
}

// share is the share of the time in which a reason moved or held the pool.
func (p *pooled) share(code policy.Code) float64 {
	for _, r := range p.maker.reasons {
		if r.Labels["pool"] == p.Pool.Name && r.Labels["reason"] == string(code) {
			return r.value
		}
	}
	return 0
}

// reasons are the most frequent ones.
func (p *pooled) reasons() []apiv1.ReasonShare {
	out := []apiv1.ReasonShare{}
	for _, r := range p.maker.reasons {
		if r.Labels["pool"] == p.Pool.Name {
			out = append(out, apiv1.ReasonShare{Reason: r.Labels["reason"], Share: r.value})
		}
	}
	slices.SortStableFunc(out, func(a, b apiv1.ReasonShare) int { return cmp.Compare(b.Share, a.Share) })
	return out[:min(len(out), mostReasons)]
}

// scalings counts requests of a pool; of all if it has no name.
func scalings(requests []valued, pool string) []apiv1.Scalings {
	out := []apiv1.Scalings{}
	for _, r := range requests {
		if pool != "" && r.Labels["pool"] != pool {
			continue
		}
		direction, outcome := policy.Direction(r.Labels["direction"]), r.Labels["outcome"]
		i := slices.IndexFunc(out, func(s apiv1.Scalings) bool { return s.Direction == direction && s.Outcome == outcome })
		if i < 0 {
			i = len(out)
			out = append(out, apiv1.Scalings{Direction: direction, Outcome: outcome})
		}
		out[i].N += r.value
	}
	slices.SortFunc(out, func(a, b apiv1.Scalings) int { return cmp.Compare(b.N, a.N) })
	for i := range out {
		out[i].N = math.Round(out[i].N)
	}
	return out
}

// system sums the pools up.
func (m *maker) system(all []span) apiv1.SystemReport {
	out := apiv1.SystemReport{
		Scalings: scalings(m.requests, ""), Supplies: []apiv1.Supply{}, Hosts: []apiv1.HostReport{},
		MissedTicks: only(m.missed), PausedShare: only(m.paused), Unforecasted: only(m.withoutForecast),
	}
	accepted, asked := 0.0, 0.0
	for _, r := range m.requests {
		if asked += r.value; r.Labels["outcome"] == string(policy.Accepted) {
			accepted += r.value
		}
	}
	out.SuccessRate = apiv1.Number(accepted / asked)
	for _, name := range []string{"adapter", "seasonal_naive", "static_peak", "static_mean"} {
		if sum := total(all, name); sum.Steps > 0 {
			out.Supplies = append(out.Supplies, sum.told())
		}
	}
	for _, h := range m.snap.Hosts {
		told := apiv1.HostReport{Hosts: h.Hosts, Resource: h.Resource, Limit: h.Limit / 100, Emergency: find(m.emergency, "hosts", h.Hosts)}
		told.Mean, told.Max = ofHost(m.hosts, h), ofHost(m.hostPeaks, h)
		out.Hosts = append(out.Hosts, told)
	}
	for _, p := range m.snap.Pools {
		if p.Pool.Mode == policy.DryRun {
			out.DryRunPools++
		}
	}
	return out
}

func ofHost(all []valued, h engine.HostStatus) *float64 {
	for _, l := range all {
		if l.Labels["hosts"] == h.Hosts && l.Labels["resource"] == h.Resource {
			return &l.value
		}
	}
	return nil
}

// total sums up how a way to scale served all pools.
func total(all []span, name string) span {
	sum := span{name: name}
	under := 0.0
	for _, s := range all {
		if s.name != name {
			continue
		}
		sum.AgentHours += s.AgentHours
		sum.Demanded += s.Demanded
		sum.Under += s.Under
		sum.Over += s.Over
		under += s.UnderTime * float64(s.Steps)
		sum.Steps += s.Steps
	}
	sum.UnderTime = under / float64(sum.Steps)
	return sum
}

// mean is that of what is known; NaN of nothing.
func mean(values []float64) float64 {
	sum, n := 0.0, 0.0
	for _, y := range values {
		if !math.IsNaN(y) {
			sum += y
			n++
		}
	}
	return sum / n
}

// largest is that of what is known; NaN of nothing.
func largest(values []float64) float64 {
	most := math.NaN()
	for _, y := range values {
		if !math.IsNaN(y) && !(most >= y) {
			most = y
		}
	}
	return most
}
