package policy

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// ladder collects the reasons of one decision. Each step moves the number of
// agents or says what held it.
type ladder struct {
	agents  int
	reasons []Reason
}

// step moves the number to agents; a step that changes nothing leaves no trace.
func (l *ladder) step(code Code, agents int, rule, detail string) {
	if agents != l.agents {
		l.note(code, agents, rule, detail)
	}
}

// note is a step that is told even when it changes nothing.
func (l *ladder) note(code Code, agents int, rule, detail string) {
	l.reasons = append(l.reasons, Reason{Code: code, From: l.agents, To: agents, Rule: rule, Detail: detail})
	l.agents = agents
}

// Decide says how many agents the pool should have, and why, and what to
// remember for the next decision. It climbs the ladder: demand, sensitivity,
// bounds of rules, of the pool, of budgets and of an override, behavior. What one
// pool may have beside the others is decided by [Allocate] afterwards.
//
// The decision has no ID and is not carried out; see [State.Scaled].
func (p Policy) Decide(in Input, st State) (Decision, State) {
	if in.Timeline.IsZero() {
		in.Timeline = p.Timeline(nil)
	}
	in.Load = in.Load.checked()
	next := st.observe(in, p.Pool)
	active := in.Timeline.activity(in.Now)
	d := Decision{
		Pool:       p.Pool.Name,
		Time:       in.Now,
		Mode:       p.Pool.Mode,
		Current:    next.Current.Agents,
		Known:      in.Current.Known,
		Desired:    next.Current.Agents,
		Demand:     math.NaN(),
		Rules:      in.Timeline.names(active),
		Candidates: p.candidates(in, next),
		Frozen:     !in.Current.Known || in.Override != nil && in.Override.Disable,
	}
	for _, c := range d.Candidates {
		if c.Chosen {
			d.Demand = c.Agents
		}
	}
	l := &ladder{agents: d.Current}
	if !in.Current.Known {
		d.Stages = Stages{d.Current, d.Current, d.Current}
		l.note(ReasonCurrentUnknown, d.Current, "", "the orchestrator does not tell how many agents run: "+in.Current.Detail)
		d.Reasons = l.reasons
		return d, next
	}

	p.climbDemand(l, in, d, next)
	p.climbHold(l, d, active)
	d.Stages.Demand = l.agents
	b := p.bounds(in, active)
	recommended := p.recommend(l.agents, in, d, b)
	b = b.ordered(in.Override, p.Pool.Location)
	b.rules.clamp(l)
	d.Stages.Rules = l.agents
	b.pool.clamp(l)
	b.budgets.clamp(l)
	b.override.clamp(l)
	d.Stages.Bounded = l.agents
	p.climbBehavior(l, in, d, next, b)
	next.Recommendations = next.remember(in.Now, recommended, p.Pool.Behavior)
	if in.Override != nil && in.Override.Hold {
		l.note(ReasonOverride, d.Current, "", in.Override.detail(p.Pool.Location))
	}

	if d.Unfulfilled = next.unfulfilled(p.Pool, in.Now, in.Current); d.Unfulfilled > 0 && l.agents > d.Current {
		l.step(ReasonUnfulfilled, d.Current, "", fmt.Sprintf("%d agents were asked for %s ago, and %d are ready; no more before they are", next.Asked.To, length(in.Now.Sub(next.Asked.Time)), in.Current.Ready))
	}
	if next.Pause.activeAt(in.Now) {
		d.Frozen = true
		l.note(ReasonPaused, d.Current, "", fmt.Sprintf("paused until %s: %s", next.Pause.End.In(p.Pool.Location).Format("15:04"), next.Pause.Why))
	}
	if in.Override != nil && in.Override.Disable {
		l.note(ReasonDisabled, d.Current, "", in.Override.detail(p.Pool.Location))
	}
	if p.Pool.Mode == ScaleUpOnly && l.agents < d.Current {
		l.step(ReasonMode, d.Current, "", "mode scale_up_only never asks for fewer agents")
	}
	d.Desired = l.agents
	d.Reasons = l.reasons
	return d, next
}

// observe returns the state with what the input tells and without what no
// behavior looks back at.
func (st State) observe(in Input, p Pool) State {
	st = st.settled(p, in.Now, in.Current)
	// After the clock was set back what was remembered last lies ahead: the watch begins anew.
	if n := len(st.Recommendations); st.Since.IsZero() || st.Since.After(in.Now) || n > 0 && st.Recommendations[n-1].Time.After(in.Now) {
		st.Since = in.Now
	}
	if in.Current.Known {
		st.Current = in.Current
	}
	if in.Load.Quality == OK || in.Load.Quality == Partial || st.LoadKnown.After(in.Now) {
		st.LoadKnown = in.Now
	}
	samples := make([]Point, 0, trendSamples)
	for _, s := range st.Samples {
		if age := in.Now.Sub(s.Time); age >= 0 && age <= sampleMemory {
			samples = append(samples, s)
		}
	}
	if in.Load.Quality == OK && (len(samples) == 0 || in.Load.Time.After(samples[len(samples)-1].Time)) {
		samples = append(samples, Point{Time: in.Load.Time, Value: in.Load.Value})
	}
	st.Samples = samples[max(0, len(samples)-trendSamples):]
	st.Scalings = slices.DeleteFunc(slices.Clone(st.Scalings), func(s Scaling) bool {
		age := in.Now.Sub(s.Time)
		return age < 0 || age > p.Behavior.memory()
	})
	return st
}

// Resumed returns the state of a watch that was interrupted until now.
func (st State) Resumed(now time.Time) State {
	st.Since = now
	return st
}

// Hold is the decision that leaves a pool as it is, or was last known to be.
func Hold(p Pool, now time.Time, current Count, code Code, detail string) Decision {
	n := current.Agents
	return Decision{
		Pool: p.Name, Time: now, Mode: p.Mode, Current: n, Known: current.Known, Desired: n, Frozen: !current.Known, Demand: math.NaN(), Stages: Stages{n, n, n},
		Reasons: []Reason{{Code: code, From: n, To: n, Detail: detail}},
	}
}

// climbDemand takes the first two rungs: what is asked for, and how much of the
// gap one decision closes.
func (p Policy) climbDemand(l *ladder, in Input, d Decision, st State) {
	var chosen Candidate
	for _, c := range d.Candidates {
		if c.Chosen {
			chosen = c
		}
	}
	var code Code
	var detail string
	need := fmt.Sprintf("needs %s agents of %s", number(chosen.Agents), number(p.Pool.PerAgent))
	switch chosen.Source {
	case "reactive":
		code, detail = ReasonReactive, fmt.Sprintf("load %s %s", number(chosen.Load), need)
		if chosen.Rising {
			detail = fmt.Sprintf("load %s is more than was foreseen, %s is expected within %s, %s", number(in.Load.Value), number(chosen.Load), length(p.Pool.LeadTime), need)
		}
	case "forecast":
		code = ReasonForecast
		detail = fmt.Sprintf("the forecast expects up to %s at %s (quantile %s), %s", number(chosen.Load),
			chosen.At.In(p.Pool.Location).Format("15:04"), number(p.Pool.Quantile), need)
	case "profile":
		code, detail = ReasonProfile, fmt.Sprintf("no usable forecast; base %d agents with known effects, %s", p.Pool.Agents.Base, need)
	case "data_loss":
		code, detail = ReasonDataLoss, fmt.Sprintf("the load has not been known for %s, and on_data_loss asks for %s agents", length(st.unknownFor(in.Now)), number(chosen.Agents))
	}
	if chosen.Source == "forecast" || chosen.Source == "profile" {
		if rules := p.multiplying(in, chosen.At); len(rules) > 0 {
			detail += " with " + strings.Join(rules, ", ")
		}
	}
	l.note(code, wholeAgents(chosen.Agents), "", detail)

	if s := p.Pool.Sensitivity; s < 1 && l.agents != d.Current {
		part := float64(d.Current) + s*float64(l.agents-d.Current)
		agents := int(math.Floor(part + noise))
		if l.agents > d.Current {
			agents = wholeAgents(part)
		}
		l.step(ReasonSensitivity, agents, "", fmt.Sprintf("sensitivity %s closes that share of the gap from %d", number(s), d.Current))
	}
}

// climbHold keeps the pool from following its demand while a rule says so. Of
// several rules that do, that whose name comes first is told.
func (p Policy) climbHold(l *ladder, d Decision, active []bool) {
	var holding []string
	for i, r := range p.Rules {
		if active[i] && (r.Hold == HoldBoth || r.Hold == HoldDown && l.agents < d.Current) {
			holding = append(holding, r.Name)
		}
	}
	if len(holding) > 0 {
		name := slices.Min(holding)
		l.step(ReasonRuleHold, d.Current, name, fmt.Sprintf("rule %s holds the pool at %d", name, d.Current))
	}
}

// multiplying names the demand rules that act at t, sorted.
func (p Policy) multiplying(in Input, t time.Time) []string {
	var names []string
	for _, a := range in.Timeline.leading(in.Timeline.acting(in.Timeline.at(t)), anyRule) {
		if a.effect != (effect{factor: 1}) {
			names = append(names, p.Rules[a.rule].Name)
		}
	}
	slices.Sort(names)
	return names
}
