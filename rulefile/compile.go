package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// maxAgents is more than any pool has and fits an int everywhere.
const maxAgents = 1 << 20

// Behavior of pools that do not say otherwise: that of Kubernetes'
// HorizontalPodAutoscaler, without limits on steps. But it tolerates a tenth too few agents
// as well, and with them what forecasts know; docs/adr/0018 says what that costs.
var (
	defaultScaleUp   = policy.ScalingRules{Tolerance: 0.02}
	defaultScaleDown = policy.ScalingRules{Tolerance: 0.1, StabilizationWindow: 5 * time.Minute}
)

// shared reads what pools have in common: the defaults, once in all files, and the
// templates.
func (l *loader) shared(f file) {
	if f.Has("defaults") {
		switch d := f.Defaults; {
		case l.defaults != nil:
			l.Add(f.At("defaults"), "defaults are already given at %s", l.defaults.Pos())
		case d.Name != "" || d.Template != "":
			l.Add(f.At("defaults"), "defaults have neither name nor template")
		default:
			l.defaults = &d
		}
	}
	for _, t := range f.Templates {
		if !l.name("template", t.Name, t.Where) {
			continue
		}
		if t.Template != "" {
			l.Add(t.At("template"), "template %q: a template has no template of its own", t.Name)
		}
		l.templates[t.Name] = t
	}
}

// completed returns the pool with what it does not say taken from its template, and
// then from the defaults.
func (l *loader) completed(p pool) pool {
	for _, below := range l.below(p) {
		switch { // the two ways to say one thing
		case p.Has("quantile"):
			below.Where = below.Without("cost")
		case p.Has("cost"):
			below.Where = below.Without("quantile")
		}
		below.Where = below.Without("name", "template")
		p = strictyaml.Merge(below, p)
	}
	return p
}

func (l *loader) below(p pool) []pool {
	var out []pool
	if p.Template != "" {
		t, ok := l.templates[p.Template]
		if !ok {
			l.Add(p.At("template"), "pool %q: unknown template %q; known are %s", p.Name, p.Template, known(l.templates))
		}
		out = append(out, t)
	}
	if l.defaults != nil {
		out = append(out, *l.defaults)
	}
	return out
}

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
			ScaleUp:   l.scaling(p.Behavior.ScaleUp, defaultScaleUp),
			ScaleDown: l.scaling(p.Behavior.ScaleDown, defaultScaleDown),
		},
		Season: l.season(p), Hosts: p.Hosts,
		ForecastMaxAge: or((*time.Duration)(p.Forecast.MaxAge), l.ForecastMaxAge),
	}
	out.OnDataLoss = l.onDataLoss(p, out.Agents)
	if out.ForecastMaxAge <= 0 {
		l.Add(p.Forecast.At("max_age"), "pool %q: max_age must be above 0", p.Name)
	}
	if !(out.Sensitivity > 0 && out.Sensitivity <= 1) {
		l.Add(p.At("sensitivity"), "pool %q: sensitivity must be above 0 and at most 1, got %g", p.Name, out.Sensitivity)
	}
	if !(out.Weight > 0) {
		l.Add(p.At("weight"), "pool %q: weight must be above 0, got %g", p.Name, out.Weight)
	}
	l.load(p)
	spec := engine.Pool{
		Policy: policy.Policy{Pool: out},
		Load:   policy.Signal{Query: p.Load.Query, Match: p.Load.Match}, Holidays: l.holidays(p),
	}
	if p.Load.Has("completeness") {
		l.query(p.Load.At("completeness"), fmt.Sprintf("pool %q: completeness", p.Name), p.Load.Completeness)
		spec.Completeness = &policy.Signal{Query: p.Load.Completeness, Match: p.Load.Match}
	}
	if p.Current != nil {
		l.query(p.Current.At("query"), fmt.Sprintf("pool %q: current", p.Name), p.Current.Query)
		spec.Current = &policy.Signal{Query: p.Current.Query, Match: p.Current.Match}
	}
	l.pools = append(l.pools, spec)
}

func (l *loader) onDataLoss(p pool, a policy.Agents) policy.DataLoss {
	then := or(p.OnDataLoss.Then, then{})
	if then.agents > a.Max {
		l.Add(p.OnDataLoss.At("then"), "pool %q: then %d is above max %d", p.Name, then.agents, a.Max)
	}
	return policy.DataLoss{After: time.Duration(p.OnDataLoss.After), Then: then.kind, Agents: then.agents}
}

// What the months do to the bounds of pools that do not say otherwise.
const (
	defaultSeasonLow       = 0.5
	defaultSeasonLowMax    = 60 // percent of the maximum
	defaultSeasonHigh      = 1.5
	defaultSeasonMinFactor = 1.2
)

func (l *loader) season(p pool) policy.Season {
	s := p.Season
	out := policy.Season{
		Low: or(s.Low, defaultSeasonLow), LowMaxPercent: defaultSeasonLowMax,
		High: or(s.High, defaultSeasonHigh), HighMinFactor: or(s.HighMinFactor, defaultSeasonMinFactor),
	}
	if s.LowMax != nil {
		if out.LowMaxPercent = s.LowMax.percent; out.LowMaxPercent == 0 {
			l.Add(s.At("low_max"), "pool %q: low_max must be a share of the maximum like 60%%", p.Name)
		}
	}
	switch {
	case !(out.Low >= 0):
		l.Add(s.At("low"), "pool %q: low must not be negative, got %g", p.Name, out.Low)
	case !(out.High > out.Low):
		l.Add(s.At("high"), "pool %q: high %g must be above low %g", p.Name, out.High, out.Low)
	case !(out.HighMinFactor >= 1):
		l.Add(s.At("high_min_factor"), "pool %q: high_min_factor must be at least 1, got %g", p.Name, out.HighMinFactor)
	}
	return out
}

// query checks an expression that gives one value for each series.
func (l *loader) query(at strictyaml.Pos, whose, text string) {
	switch expr, err := parser.NewParser(parser.Options{}).ParseExpr(text); {
	case text == "":
		l.Add(at, "%s needs a query", whose)
	case err != nil:
		l.Add(at, "%s: not PromQL: %s", whose, err)
	case expr.Type() != parser.ValueTypeVector && expr.Type() != parser.ValueTypeScalar:
		l.Add(at, "%s: the query gives a %s; expected one value for each series, as sum or rate give", whose, expr.Type())
	}
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
	l.query(p.Load.At("query"), fmt.Sprintf("pool %q: load", p.Name), p.Load.Query)
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

func (l *loader) scaling(s scaling, defaults policy.ScalingRules) policy.ScalingRules {
	out := policy.ScalingRules{
		StabilizationWindow: or((*time.Duration)(s.StabilizationWindow), defaults.StabilizationWindow),
		SelectPolicy:        policy.SelectPolicy(s.SelectPolicy),
		Tolerance:           or(s.Tolerance, defaults.Tolerance),
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
	l.places[r.Name] = r.At("name")
	out := policy.Rule{Name: r.Name, When: l.condition(r.Name, r.When), Hold: policy.HoldEffect(r.Hold)}
	if r.Unless != nil {
		c := l.condition(r.Name, *r.Unless)
		out.Unless = &c
		if !r.Unless.Has("during") && !r.Unless.Has("months") && !r.Unless.Has("event") && !r.Unless.Has("expr") {
			l.Add(r.At("unless"), "rule %q: unless says nothing; give during, months, event or expr", r.Name)
		}
	}
	effects := 0
	for _, key := range []string{"demand", "bounds", "hold"} {
		if r.Has(key) {
			effects++
		}
	}
	switch {
	case effects != 1:
		l.Add(r.Pos(), "rule %q needs one of demand, bounds and hold", r.Name)
	case r.Demand != nil:
		out.Demand = l.demand(r)
	case r.Bounds != nil:
		out.Bounds = l.bounds(r)
	case out.Hold != policy.HoldDown && out.Hold != policy.HoldBoth:
		l.Add(r.At("hold"), "rule %q: hold must be down or both, got %q", r.Name, r.Hold)
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

func (l *loader) condition(rule string, w condition) policy.Condition {
	c := policy.Condition{Months: w.Months}
	for _, name := range w.During {
		schedule, ok := l.intervals[name]
		if !ok {
			l.Add(w.At("during"), "rule %q: unknown time interval %q; known are %s", rule, name, known(l.intervals))
		}
		c.During = append(c.During, schedule)
	}
	if w.Has("event") {
		m := policy.EventMatch{Type: w.Event["type"], Labels: maps.Clone(w.Event), Lead: time.Duration(w.Lead), Tail: time.Duration(w.Tail)}
		delete(m.Labels, "type")
		l.eventType(w.At("event"), fmt.Sprintf("rule %q", rule), m.Type)
		c.Events = append(c.Events, m)
	}
	for _, key := range []string{"lead", "tail"} {
		if w.Has(key) && !w.Has("event") {
			l.Add(w.At(key), "rule %q: %s is of use with an event only", rule, key)
		}
	}
	if w.Has("expr") {
		at := w.Expr.At("query")
		if at.Line == 0 { // it is no mapping
			at = w.At("expr")
		}
		l.query(at, fmt.Sprintf("rule %q: expr", rule), w.Expr.Query)
		c.Events = append(c.Events, l.trueWhile(w.Expr))
	}
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
	out := &policy.DemandEffect{
		Multiply: or(d.Multiply, 1), Add: or(d.Add, 0), ByMonth: l.byMonth(r), ByHour: l.byHour(r),
		RampUp: time.Duration(d.Ramp.up), RampDown: time.Duration(d.Ramp.down), HalfLife: time.Duration(d.HalfLife),
		Group: d.Group, Learned: d.Effect == "learned",
	}
	if !d.Has("multiply") && !d.Has("add") && !d.Has("by_month") && !d.Has("by_hour") {
		l.Add(d.Pos(), "rule %q: demand needs multiply, add, by_month or by_hour", r.Name)
	}
	if !(out.Multiply >= 0) {
		l.Add(d.At("multiply"), "rule %q: multiply must not be negative, got %g", r.Name, out.Multiply)
	}
	if !(out.Add >= 0 && out.Add <= maxAgents) {
		l.Add(d.At("add"), "rule %q: add must be from 0 to %d agents, got %g", r.Name, maxAgents, out.Add)
	}
	const longest = model.Duration(24 * time.Hour)
	if slower := max(d.Ramp.up, d.Ramp.down); slower > longest {
		l.Add(d.At("ramp"), "rule %q: ramp must be at most %s, got %s", r.Name, longest, slower)
	}
	hasEvent := r.When.Has("event") || r.When.Has("expr")
	if d.Has("half_life") && (!hasEvent || out.HalfLife <= 0) {
		l.Add(d.At("half_life"), "rule %q: half_life must be above 0 and is of use with event or expr only", r.Name)
	}
	switch {
	case d.Effect != "" && d.Effect != "declared" && d.Effect != "learned":
		l.Add(d.At("effect"), "rule %q: effect must be declared or learned, got %q", r.Name, d.Effect)
	case out.Learned && (!hasEvent || d.Has("add") || d.Has("by_month") || d.Has("by_hour") || d.Has("group")):
		l.Add(d.At("effect"), "rule %q: effect: learned goes with event or expr, and multiply only", r.Name)
	}
	return out
}

// byMonth returns the factors of months; nil if there are none.
func (l *loader) byMonth(r rule) map[time.Month]float64 {
	if len(r.Demand.ByMonth) == 0 {
		return nil
	}
	out := map[time.Month]float64{}
	for _, name := range slices.Sorted(maps.Keys(r.Demand.ByMonth)) {
		factor := r.Demand.ByMonth[name]
		month, ok := monthNamed(name)
		switch _, twice := out[month]; {
		case !ok:
			l.Add(r.Demand.At("by_month"), "rule %q: unknown month %q; expected a name like october or a number", r.Name, name)
		case twice:
			l.Add(r.Demand.At("by_month"), "rule %q: %s is there twice", r.Name, month)
		case !(factor >= 0):
			l.Add(r.Demand.At("by_month"), "rule %q: %s must not be negative, got %g", r.Name, name, factor)
		}
		out[month] = factor
	}
	return out
}

// byHour returns the factors of hours, 1 for those that are not named; nil if
// none is.
func (l *loader) byHour(r rule) *[24]float64 {
	if len(r.Demand.ByHour) == 0 {
		return nil
	}
	var out [24]float64
	var named [24]bool
	for h := range out {
		out[h] = 1
	}
	for _, key := range slices.Sorted(maps.Keys(r.Demand.ByHour)) {
		factor := r.Demand.ByHour[key]
		first, last, ok := hours(key)
		if !ok {
			l.Add(r.Demand.At("by_hour"), "rule %q: expected an hour like 18 or hours like 18-22, from 0 to 23, got %q", r.Name, key)
			continue
		}
		if !(factor >= 0) {
			l.Add(r.Demand.At("by_hour"), "rule %q: %s must not be negative, got %g", r.Name, key, factor)
		}
		for h := first; h <= last; h++ {
			if named[h] {
				l.Add(r.Demand.At("by_hour"), "rule %q: hour %d is there twice", r.Name, h)
			}
			out[h], named[h] = factor, true
		}
	}
	return &out
}

// hours reads 18 or 18-22, both included.
func hours(text string) (first, last int, ok bool) {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, err := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	return first, last, err == nil && err2 == nil && 0 <= first && first <= last && last <= 23
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

// override reads an order on a pool that is written down.
func (l *loader) override(o override) {
	order := policy.Order{Min: o.Min, Max: o.Max, Exact: o.Exact, Hold: o.Hold, Disable: o.Disable, Mode: policy.Mode(o.Mode)}
	for _, problem := range order.Problems() {
		l.Add(o.Pos(), "override of pool %q: %s", o.Pool, problem)
	}
	out := order.Override()
	out.Pool, out.Author, out.Reason = o.Pool, o.Author, o.Reason
	zone := time.UTC
	i := slices.IndexFunc(l.pools, func(p engine.Pool) bool { return p.Pool.Name == o.Pool })
	if i < 0 {
		l.Add(o.At("pool"), "override: unknown pool %q", o.Pool)
	} else {
		zone = l.pools[i].Pool.Location
	}
	if o.Author == "" || o.Reason == "" {
		l.Add(o.Pos(), "override of pool %q needs author and reason", o.Pool)
	}
	start, ok := l.instant(o.At("start"), o.Start, zone)
	end, ok2 := l.instant(o.At("end"), o.End, zone)
	if ok && ok2 && !end.After(start) {
		l.Add(o.At("end"), "override of pool %q ends at %s, not after its start", o.Pool, end.Format(time.RFC3339))
	}
	out.ID, out.Start, out.End = fmt.Sprintf("%s-%s", o.Pool, start.UTC().Format("20060102T150405Z")), start, end
	l.overrides = append(l.overrides, out)
}
