package rulefile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// maxAgents is more than any pool has and fits an int everywhere.
const maxAgents = 1 << 20

// Behavior of pools that do not say otherwise: that of Kubernetes'
// HorizontalPodAutoscaler, without limits on steps.
const (
	defaultTolerance         = 0.1
	defaultScaleDownPatience = 5 * time.Minute
)

func (l *loader) pool(p pool) {
	if !l.name("pool", p.Name, p.Where) {
		return
	}
	if _, reserved := p.Labels["pool"]; reserved {
		l.Add(p.At("labels"), "label pool is the pool's name; leave it out")
	}
	out := policy.Pool{
		Name: p.Name, Labels: p.Labels, Location: l.location(p.Where, p.Location),
		Agents: l.agents(p), PerAgent: p.Load.PerAgent,
		LeadTime: or((*time.Duration)(p.LeadTime), l.LeadTime), Quantile: l.quantile(p),
		Sensitivity: or(p.Sensitivity, l.Sensitivity),
		Weight:      or(p.Weight, 1), Priority: p.Priority, Mode: l.mode(p),
		Behavior: policy.Behavior{
			ScaleUp:   l.scaling(p.Behavior.ScaleUp, 0),
			ScaleDown: l.scaling(p.Behavior.ScaleDown, defaultScaleDownPatience),
		},
		ForecastMaxAge: l.ForecastMaxAge,
	}
	if !(out.Sensitivity > 0 && out.Sensitivity <= 1) {
		l.Add(p.At("sensitivity"), "pool %q: sensitivity must be above 0 and at most 1, got %g", p.Name, out.Sensitivity)
	}
	if !(out.Weight > 0) {
		l.Add(p.At("weight"), "pool %q: weight must be above 0, got %g", p.Name, out.Weight)
	}
	l.load(p)
	l.pools = append(l.pools, engine.Pool{
		Policy: policy.Policy{Pool: out},
		Load:   policy.Signal{Query: p.Load.Query, Match: p.Load.Match},
	})
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func (l *loader) agents(p pool) policy.Agents {
	a := p.Agents
	if a.Min == nil || a.Max == nil {
		l.Add(p.At("agents"), "pool %q: agents needs min and max, like {base: 6, min: 2, max: 20}", p.Name)
		return policy.Agents{}
	}
	out := policy.Agents{Base: or(a.Base, *a.Min), Min: *a.Min, Max: *a.Max}
	switch {
	case out.Min < 0:
		l.Add(a.At("min"), "pool %q: min must not be negative, got %d", p.Name, out.Min)
	case out.Max > maxAgents:
		l.Add(a.At("max"), "pool %q: max must be at most %d, got %d", p.Name, maxAgents, out.Max)
	case out.Min > out.Max:
		l.Add(a.At("min"), "pool %q: min %d > max %d", p.Name, out.Min, out.Max)
	case out.Base < out.Min || out.Base > out.Max:
		l.Add(a.At("base"), "pool %q: base %d is not between min %d and max %d", p.Name, out.Base, out.Min, out.Max)
	}
	return out
}

func (l *loader) load(p pool) {
	if !p.Has("load") {
		l.Add(p.Pos(), "pool %q: load is missing, like {query: 'sum by (league) (agent_load)', match: {league: NBA}, per_agent: 12}", p.Name)
		return
	}
	switch expr, err := parser.NewParser(parser.Options{}).ParseExpr(p.Load.Query); {
	case p.Load.Query == "":
		l.Add(p.Load.Pos(), "pool %q: load needs a query", p.Name)
	case err != nil:
		l.Add(p.Load.At("query"), "pool %q: not PromQL: %s", p.Name, err)
	case expr.Type() != parser.ValueTypeVector && expr.Type() != parser.ValueTypeScalar:
		l.Add(p.Load.At("query"), "pool %q: the query gives a %s; expected one value for each series, as sum or rate give", p.Name, expr.Type())
	}
	if !(p.Load.PerAgent > 0) {
		l.Add(p.Load.At("per_agent"), "pool %q: per_agent must be above 0, got %g", p.Name, p.Load.PerAgent)
	}
}

// quantile is the one that is given, or that at which one more agent costs as
// much as it is expected to save (the newsvendor's critical ratio).
func (l *loader) quantile(p pool) float64 {
	q := or(p.Quantile, l.Quantile)
	if c := p.Cost; c != nil {
		if p.Quantile != nil {
			l.Add(p.At("cost"), "pool %q: give quantile or cost, not both", p.Name)
		}
		if !(c.Under > 0 && c.Over > 0) {
			l.Add(c.Pos(), "pool %q: cost needs under and over, both above 0", p.Name)
			return q
		}
		return c.Under / (c.Under + c.Over)
	}
	if !(q > 0 && q < 1) {
		l.Add(p.At("quantile"), "pool %q: quantile must be between 0 and 1, got %g", p.Name, q)
	}
	return q
}

func (l *loader) mode(p pool) policy.Mode {
	switch m := policy.Mode(p.Mode); m {
	case "":
		return l.Mode
	case policy.DryRun, policy.ScaleUpOnly, policy.Active:
		return m
	}
	l.Add(p.At("mode"), "pool %q: mode must be dry_run, scale_up_only or active, got %q", p.Name, p.Mode)
	return policy.DryRun
}

func (l *loader) scaling(s scaling, patience time.Duration) policy.ScalingRules {
	out := policy.ScalingRules{
		StabilizationWindow: or((*time.Duration)(s.StabilizationWindow), patience),
		SelectPolicy:        policy.SelectPolicy(s.SelectPolicy),
		Tolerance:           or(s.Tolerance, defaultTolerance),
		Cooldown:            time.Duration(s.Cooldown),
	}
	switch out.SelectPolicy {
	case "":
		out.SelectPolicy = policy.SelectMax
	case policy.SelectMax, policy.SelectMin, policy.SelectDisabled:
	default:
		l.Add(s.At("select_policy"), "select_policy must be max, min or disabled, got %q", s.SelectPolicy)
	}
	if out.Tolerance < 0 {
		l.Add(s.At("tolerance"), "tolerance must not be negative, got %g", out.Tolerance)
	}
	for _, sp := range s.Policies {
		step := policy.StepPolicy{Type: policy.StepType(sp.Type), Value: sp.Value, Period: time.Duration(sp.Period)}
		switch {
		case step.Type != policy.StepAgents && step.Type != policy.StepPercent:
			l.Add(sp.At("type"), "type must be agents or percent, got %q", sp.Type)
		case step.Value <= 0 || step.Value > maxAgents:
			l.Add(sp.At("value"), "value must be above 0, got %d", sp.Value)
		case step.Period <= 0:
			l.Add(sp.At("period"), "period must be above 0")
		}
		out.Policies = append(out.Policies, step)
	}
	return out
}

// rule gives a rule to the pools that it selects.
func (l *loader) rule(r rule) {
	if !l.name("rule", r.Name, r.Where) {
		return
	}
	out := policy.Rule{Name: r.Name, When: l.condition(r)}
	switch {
	case r.Demand != nil && r.Bounds != nil, r.Demand == nil && r.Bounds == nil:
		l.Add(r.Pos(), "rule %q needs either demand or bounds", r.Name)
	case r.Demand != nil:
		out.Demand = l.demand(r)
	default:
		out.Bounds = l.bounds(r)
	}
	selected := false
	for i := range l.pools {
		if selects(r.Pools, l.pools[i].Pool) {
			l.pools[i].Rules = append(l.pools[i].Rules, out)
			selected = true
		}
	}
	if !selected {
		l.Add(r.At("pools"), "rule %q matches no pool", r.Name)
	}
}

// selects reports whether a pool has all the labels; label pool is its name.
func selects(labels map[string]string, p policy.Pool) bool {
	for name, value := range labels {
		own, ok := p.Labels[name]
		if name == "pool" {
			own, ok = p.Name, true
		}
		if !ok || own != value {
			return false
		}
	}
	return true
}

func (l *loader) condition(r rule) policy.Condition {
	w := r.When
	c := policy.Condition{Months: w.Months}
	for _, name := range w.During {
		schedule, ok := l.intervals[name]
		if !ok {
			l.Add(w.At("during"), "rule %q: unknown time interval %q; known are %s", r.Name, name, known(l.intervals))
		}
		c.During = append(c.During, schedule)
	}
	if !w.Has("event") {
		for _, key := range []string{"lead", "tail"} {
			if w.Has(key) {
				l.Add(w.At(key), "rule %q: %s is of use with an event only", r.Name, key)
			}
		}
		return c
	}
	m := policy.EventMatch{Type: w.Event["type"], Labels: maps.Clone(w.Event), Lead: time.Duration(w.Lead), Tail: time.Duration(w.Tail)}
	delete(m.Labels, "type")
	if m.Type == "" {
		l.Add(w.At("event"), "rule %q: event needs a type, like {type: game}", r.Name)
	}
	c.Event = &m
	return c
}

func known[T any](m map[string]T) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

func (l *loader) demand(r rule) *policy.DemandEffect {
	d := r.Demand
	out := &policy.DemandEffect{Multiply: or(d.Multiply, 1), RampUp: time.Duration(d.Ramp), RampDown: time.Duration(d.Ramp), Group: d.Group}
	if (d.Multiply == nil) == (len(d.ByMonth) == 0) {
		l.Add(d.Pos(), "rule %q: demand needs either multiply or by_month", r.Name)
	}
	if !(out.Multiply >= 0) {
		l.Add(d.At("multiply"), "rule %q: multiply must not be negative, got %g", r.Name, out.Multiply)
	}
	const longest = model.Duration(24 * time.Hour)
	if d.Ramp > longest {
		l.Add(d.At("ramp"), "rule %q: ramp must be at most %s, got %s", r.Name, longest, d.Ramp)
	}
	if len(d.ByMonth) > 0 {
		out.ByMonth = map[time.Month]float64{}
	}
	for name, factor := range d.ByMonth {
		month, ok := monthNamed(name)
		switch _, twice := out.ByMonth[month]; {
		case !ok:
			l.Add(d.At("by_month"), "rule %q: unknown month %q; expected a name like october or a number", r.Name, name)
		case twice:
			l.Add(d.At("by_month"), "rule %q: %s is there twice", r.Name, month)
		case !(factor >= 0):
			l.Add(d.At("by_month"), "rule %q: %s must not be negative, got %g", r.Name, name, factor)
		}
		out.ByMonth[month] = factor
	}
	return out
}

func monthNamed(name string) (time.Month, bool) {
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(name, m.String()) || name == strconv.Itoa(int(m)) {
			return m, true
		}
	}
	return 0, false
}

func (l *loader) bounds(r rule) *policy.BoundsEffect {
	b := r.Bounds
	if b.Min == nil && b.Max == nil {
		l.Add(b.Pos(), "rule %q: bounds needs min, max or both", r.Name)
	}
	out := &policy.BoundsEffect{}
	for _, side := range []struct {
		from *bound
		to   **policy.Bound
	}{{b.Min, &out.Min}, {b.Max, &out.Max}} {
		if side.from != nil {
			*side.to = &policy.Bound{Agents: side.from.agents, Percent: side.from.percent}
		}
	}
	if out.Min != nil && out.Max != nil && (out.Min.Percent > 0) == (out.Max.Percent > 0) &&
		(out.Min.Agents > out.Max.Agents || out.Min.Percent > out.Max.Percent) {
		l.Add(b.At("min"), "rule %q: min > max", r.Name)
	}
	return out
}
