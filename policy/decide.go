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
	// recommended is what the demand asked for before it was slowed down.
	recommended int
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
// bounds of rules, bounds of the pool, behavior. What one pool may have beside
// the others is decided by [Allocate] afterwards.
//
// The decision has no ID and is not carried out; see [State.Scaled].
func (p Policy) Decide(in Input, st State) (Decision, State) {
	if in.Timeline.IsZero() {
		in.Timeline = p.Timeline(nil)
	}
	next := st.observe(in, p.Pool.Behavior)
	d := Decision{
		Pool:       p.Pool.Name,
		Time:       in.Now,
		Mode:       p.Pool.Mode,
		Current:    next.Current.Agents,
		Known:      in.Current.Known,
		Desired:    next.Current.Agents,
		Demand:     math.NaN(),
		Rules:      in.Timeline.Active(in.Now),
		Candidates: p.candidates(in, next.Samples),
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

	if in.Override != nil && in.Override.Disable {
		d.Stages, d.Frozen = Stages{d.Current, d.Current, d.Current}, true
		l.note(ReasonDisabled, d.Current, "", in.Override.detail(p.Pool.Location))
		d.Reasons = l.reasons
		return d, next
	}

	p.climbDemand(l, in, d)
	p.climbHold(l, in, d)
	d.Stages.Demand = l.agents
	b := p.bounds(in)
	b.rules.clamp(l)
	d.Stages.Rules = l.agents
	b.pool.clamp(l)
	b.budgets.clamp(l)
	b.override.clamp(l)
	d.Stages.Bounded = l.agents
	p.climbBehavior(l, in, d, next, b)
	next.Recommendations = next.remember(in.Now, l.recommended, p.Pool.Behavior)
	if in.Override != nil && in.Override.Hold {
		l.step(ReasonOverride, d.Current, "", in.Override.detail(p.Pool.Location))
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
func (st State) observe(in Input, b Behavior) State {
	if st.Since.IsZero() || st.Since.After(in.Now) {
		st.Since = in.Now
	}
	if in.Current.Known {
		st.Current = in.Current
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
		return in.Now.Sub(s.Time) > b.memory()
	})
	return st
}

// Scaled returns the state after the orchestrator accepted a change.
func (st State) Scaled(at time.Time, from, to int) State {
	st.Scalings = append(st.Scalings[:len(st.Scalings):len(st.Scalings)], Scaling{Time: at, From: from, To: to})
	return st
}

// Hold is the decision that leaves a pool as it was last known to be.
func Hold(p Pool, now time.Time, st State, code Code, detail string) Decision {
	n := st.Current.Agents
	return Decision{
		Pool: p.Name, Time: now, Mode: p.Mode, Current: n, Desired: n, Demand: math.NaN(), Stages: Stages{n, n, n},
		Reasons: []Reason{{Code: code, From: n, To: n, Detail: detail}},
	}
}

// climbDemand takes the first two rungs: what is asked for, and how much of the
// gap one decision closes.
func (p Policy) climbDemand(l *ladder, in Input, d Decision) {
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
			in.Outlook.At.In(p.Pool.Location).Format("15:04"), number(p.Pool.Quantile), need)
	case "profile":
		code, detail = ReasonProfile, fmt.Sprintf("no usable forecast; base %d agents with known effects, %s", p.Pool.Agents.Base, need)
	}
	if rules := p.multiplying(in); len(rules) > 0 && chosen.Source != "reactive" {
		detail += " with " + strings.Join(rules, ", ")
	}
	l.note(code, wholeAgents(chosen.Agents), "", detail)

	if s := p.Pool.Sensitivity; s < 1 && l.agents != d.Current {
		part := float64(d.Current) + s*float64(l.agents-d.Current)
		agents := int(math.Floor(part))
		if l.agents > d.Current {
			agents = wholeAgents(part)
		}
		l.step(ReasonSensitivity, agents, "", fmt.Sprintf("sensitivity %s closes that share of the gap from %d", number(s), d.Current))
	}
}

// climbHold keeps the pool from following its demand while a rule says so.
func (p Policy) climbHold(l *ladder, in Input, d Decision) {
	for i, r := range p.Rules {
		if r.Hold == HoldNone || l.agents == d.Current || !in.Timeline.active(i, in.Now) {
			continue
		}
		if r.Hold == HoldBoth || l.agents < d.Current {
			l.step(ReasonRuleHold, d.Current, r.Name, fmt.Sprintf("rule %s holds the pool at %d", r.Name, d.Current))
		}
	}
}

// multiplying names the demand rules that act within the lead time.
func (p Policy) multiplying(in Input) []string {
	var names []string
	for i, r := range p.Rules {
		if r.Demand == nil {
			continue
		}
		for _, t := range []time.Time{in.Now, in.Outlook.At, in.Now.Add(p.Pool.LeadTime)} {
			if !t.IsZero() && in.Timeline.active(i, t) && in.Timeline.effect(i, t) != (effect{factor: 1}) {
				names = append(names, r.Name)
				break
			}
		}
	}
	return names
}
