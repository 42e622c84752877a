package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// From when on figures speak for a change. All are shares, most of them of the time.
const (
	oftenCapped   = 0.05
	oftenSlow     = 0.05 // sensitivity held the pool while agents were lacking
	oftenIdle     = 0.25 // at the minimum, of which half would do
	oftenServed   = 0.10 // more load per agent than one is said to serve
	nearlyUsed    = 0.95 // of a budget
	oftenPaused   = 0.02
	clearlyWorse  = 1.1 // errors over those of seasonal naive
	peakRatio     = 1.1 // load in hours that are declared busy, over that in others
	busyRatio     = 1.3 // load in an hour of the day, over the mean
	leastInside   = 0.7
	mostInside    = 0.92
	leastHistory  = 14 * 24 * time.Hour
	mostForHours  = 500 // pools whose hours are looked at: each costs milliseconds
	promotionDays = 7
)

// recommendations are the changes of a pool that its figures speak for.
func (p *pooled) recommendations(snap *engine.Snapshot) []apiv1.Recommendation {
	var out []apiv1.Recommendation
	say := func(code, format string, args ...any) {
		out = append(out, apiv1.Recommendation{Pool: p.Pool.Name, Code: code, Text: fmt.Sprintf(format, args...)})
	}
	limits := p.Pool.Agents
	above := p.timeIn(func(i int) bool { return p.needed[i] > float64(limits.Max) })
	if above > oftenCapped {
		say("raise_max", "it needed more than max %d for %s of the time; %d agents would have been enough for 99 %% of it", limits.Max, percent(above), int(quantile(p.needed, 0.99)))
	}
	least := float64(limits.Min)
	idle := p.timeIn(func(i int) bool { return least > 1 && p.ready[i] <= least && p.needed[i] <= least/2 })
	if idle > oftenIdle {
		say("lower_min", "for %s of the time it stood at min %d and half of that would have done; %d agents would", percent(idle), limits.Min, int(max(1, quantile(p.needed, 0.25))))
	}
	lacking := p.lacking()
	if s := p.share(policy.ReasonSensitivity); p.Pool.Sensitivity < 1 && s > oftenSlow && lacking > oftenSlow {
		say("raise_sensitivity", "sensitivity %g held it for %s of the time, and agents were lacking for %s; raise it", p.Pool.Sensitivity, percent(s), percent(lacking))
	}
	if over, typical := p.overloaded(); over > oftenServed {
		say("check_per_agent", "for %s of the time its agents served more than per_agent %g each, %.3g in the middle of those; if that is fine, raise per_agent, otherwise agents came too late", percent(over), p.Pool.PerAgent, typical)
	}
	for _, b := range p.told.Budgets {
		if b.Used >= nearlyUsed {
			say("check_budget", "budget %s was used to %s; look at its classes, or at what is worth a post", b.Budget, percent(b.Used))
		}
	}
	if a := p.told.Accuracy; a != nil && a.WAPE != nil && a.Naive != nil && *a.WAPE > clearlyWorse**a.Naive {
		say("check_forecast", "forecasts %s ahead err by %s, a seasonal naive one by %s; look at events and rules that the history does not know, and refit more often (forecast.refit_interval)", lasting(a.Horizon), percent(*a.WAPE), percent(*a.Naive))
	}
	if a := p.told.Accuracy; a != nil && a.Coverage != nil && (*a.Coverage < leastInside || *a.Coverage > mostInside) {
		say("check_quantile", "%s of the loads lay within the band that 80 %% should lie in; the quantile that agents are planned for is as far off", percent(*a.Coverage))
	}
	if s := p.share(policy.ReasonPaused); s > oftenPaused {
		say("fix_scaling", "it was paused for %s of the time, since it could not be scaled; see the runbook of ScalingAdapterPoolPaused", percent(s))
	}
	if s := p.share(policy.ReasonHostLimit) + p.share(policy.ReasonHostFit); s > oftenCapped {
		say("add_hosts", "its hosts held it back for %s of the time; add hosts, or let it run on others", percent(s))
	}
	if p.promotable() {
		say("promote", "in dry run it would have lacked fewer agent-hours than what ran, with no more of them; consider mode scale_up_only or active")
	}
	if len(snap.Pools) <= mostForHours {
		out = append(out, p.hours(snap)...)
	}
	return out
}

// of returns how a way to scale served the pool.
func (p *pooled) of(name string) (span, bool) {
	i := slices.IndexFunc(p.spans, func(s span) bool { return s.name == name })
	if i < 0 {
		return span{}, false
	}
	return p.spans[i], true
}

// lacking is the share of the time in which agents were lacking.
func (p *pooled) lacking() float64 {
	s, ok := p.of("adapter")
	if !ok {
		return 0
	}
	return s.UnderTime
}

// timeIn is the share of the time, in which all is known, with something in it.
func (p *pooled) timeIn(something func(i int) bool) float64 {
	n, known := 0.0, 0.0
	for i := range p.needed {
		if math.IsNaN(p.needed[i]) || math.IsNaN(p.ready[i]) {
			continue
		}
		known++
		if something(i) {
			n++
		}
	}
	return n / max(known, 1)
}

// overloaded is the share of the time in which agents served more than they are said to, and
// the median of what they served then.
func (p *pooled) overloaded() (share, typical float64) {
	var served []float64
	share = p.timeIn(func(i int) bool {
		each := p.load[i] / p.ready[i]
		if p.ready[i] == 0 || each <= p.Pool.PerAgent {
			return false
		}
		served = append(served, each)
		return true
	})
	return share, quantile(served, 0.5)
}

// promotable reports whether what was decided in a week of dry run was better than what ran.
func (p *pooled) promotable() bool {
	ran, ok := p.of("adapter")
	decided, known := p.of("decided")
	long := p.maker.period >= promotionDays*day && float64(decided.Steps)*p.maker.step.Hours() >= 0.9*promotionDays*24
	return ok && known && long && decided.Under < ran.Under && decided.AgentHours <= ran.AgentHours
}

// hours compares the hours that rules declare with those in which the history is busy.
func (p *pooled) hours(snap *engine.Snapshot) []apiv1.Recommendation {
	i := slices.IndexFunc(snap.Settings.Pools, func(s engine.Pool) bool { return s.Pool.Name == p.Pool.Name })
	if i < 0 || p.History.End().Sub(p.History.Start) < leastHistory {
		return nil
	}
	spec := snap.Settings.Pools[i]
	scheduled := slices.DeleteFunc(slices.Clone(spec.Rules), func(r policy.Rule) bool { return !raises(r) })
	if len(scheduled) == 0 {
		return nil
	}
	tl := spec.Timeline(p.Events)
	var all average
	within, without := make([]average, len(scheduled)), make([]average, len(scheduled))
	byHour, covered := make([]average, 24), make([]bool, 24)
	for t := p.History.Start.Truncate(time.Hour).Add(time.Hour); t.Before(p.History.End()); t = t.Add(time.Hour) {
		y := p.History.At(t)
		if math.IsNaN(y) {
			continue
		}
		active := tl.Active(t)
		hour := t.In(p.Pool.Location).Hour()
		all.add(y)
		byHour[hour].add(y)
		for k, r := range scheduled {
			if slices.Contains(active, r.Name) {
				within[k].add(y)
				covered[hour] = true
			} else {
				without[k].add(y)
			}
		}
	}
	var out []apiv1.Recommendation
	for k, r := range scheduled {
		if ratio := within[k].mean() / without[k].mean(); within[k].n > 0 && without[k].n > 0 && ratio < peakRatio {
			out = append(out, apiv1.Recommendation{Pool: p.Pool.Name, Code: "check_hours", Text: fmt.Sprintf(
				"rule %s declares hours to be busy, in which the load of the last %d days was %.2g times that of the others; look at its hours", r.Name, int(p.History.End().Sub(p.History.Start)/day), ratio)})
		}
	}
	var busy []string
	for hour, a := range byHour {
		if a.n > 0 && !covered[hour] && a.mean() > busyRatio*all.mean() {
			busy = append(busy, fmt.Sprintf("%d:00 (%.2g times the mean)", hour, a.mean()/all.mean()))
		}
	}
	if len(busy) > 0 {
		out = append(out, apiv1.Recommendation{Pool: p.Pool.Name, Code: "check_hours", Text: fmt.Sprintf(
			"it is busy in hours that no rule declares: %s %s; forecasts know them, floors and budgets do not", strings.Join(busy, ", "), p.Pool.Location)})
	}
	return out
}

// raises reports whether a rule declares more load or agents at times of the clock alone.
func raises(r policy.Rule) bool {
	if len(r.When.Events) > 0 || len(r.When.During) == 0 {
		return false
	}
	return r.Demand != nil && (r.Demand.Multiply > 1 || r.Demand.Add > 0) || r.Bounds != nil && r.Bounds.Min != nil
}

// average is a mean that grows.
type average struct{ sum, n float64 }

func (a *average) add(y float64) { a.sum += y; a.n++ }

func (a average) mean() float64 { return a.sum / a.n }

// quantile is that of what is known; NaN of nothing.
func quantile(values []float64, level float64) float64 {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	return known[min(int(level*float64(len(known))), len(known)-1)]
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

func lasting(seconds float64) string { return model.Duration(seconds * float64(time.Second)).String() }
