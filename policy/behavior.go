package policy

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// climbBehavior slows down what the demand asks for: it never lowers on a load
// that is not known, leaves small gaps alone, waits for the stabilisation
// window, and limits the step. Bounds are exact: floors lift at once, and the
// pool's maximum and an override lower at once.
//
// The semantics of windows and steps are those of Kubernetes'
// HorizontalPodAutoscaler v2 behavior.
func (p Policy) climbBehavior(l *ladder, in Input, d Decision, st State, b bounds) {
	lowest, highest, most := b.lowest(), b.highest(), b.most()
	if in.Load.Quality != OK && l.agents < d.Current {
		l.step(ReasonLoadUnknown, d.Current, "", "no scale-down while the load is "+quality(in.Load))
	}
	if tolerance := p.tolerance(l.agents, d); p.tolerated(l.agents, d, lowest.agents, highest) {
		l.step(ReasonTolerance, d.Current, "", fmt.Sprintf("the demand of %s agents is within %s %% of %d", number(d.Demand), number(100*tolerance), d.Current))
	}
	p.stabilize(l, in.Now, d.Current, st)
	p.limitStep(l, in.Now, d.Current, st)
	if l.agents < lowest.agents {
		l.step(lowest.code, lowest.agents, lowest.rule, lowest.detail+", at once")
	}
	if l.agents > most.agents {
		l.step(most.code, most.agents, most.rule, most.detail+", at once")
	}
}

func quality(s Sample) string {
	if s.Detail == "" {
		return s.Quality.String()
	}
	return s.Quality.String() + ": " + s.Detail
}

// recommend returns what later decisions remember of this one: what the demand asks
// for within the bounds of rules, pool and budgets, not slowed down. An override
// leaves no trace in it, so that it has no effect once it has ended.
func (p Policy) recommend(asked int, in Input, d Decision, b bounds) int {
	asked = b.clamped(asked)
	if in.Load.Quality != OK {
		asked = max(asked, d.Current)
	}
	if p.tolerated(asked, d, b.lowest().agents, b.highest()) {
		return d.Current
	}
	return asked
}

// tolerated reports whether the current agents are kept because the demand differs
// little from them and they are within the bounds.
func (p Policy) tolerated(agents int, d Decision, lowest, highest int) bool {
	if agents == d.Current || d.Current < lowest || d.Current > highest || d.Current == 0 {
		return false
	}
	return math.Abs(d.Demand/float64(d.Current)-1) <= p.tolerance(agents, d)+noise
}

func (p Policy) tolerance(agents int, d Decision) float64 {
	if agents < d.Current {
		return p.Pool.Behavior.ScaleDown.Tolerance
	}
	return p.Pool.Behavior.ScaleUp.Tolerance
}

// stabilize takes the most careful recommendation of each direction's window.
func (p Policy) stabilize(l *ladder, now time.Time, current int, st State) {
	up, down := l.agents, l.agents
	for _, r := range st.Recommendations {
		if age := now.Sub(r.Time); age >= 0 {
			if age < p.Pool.Behavior.ScaleUp.StabilizationWindow {
				up = min(up, r.Agents)
			}
			if age < p.Pool.Behavior.ScaleDown.StabilizationWindow {
				down = max(down, r.Agents)
			}
		}
	}
	window := p.Pool.Behavior.ScaleDown.StabilizationWindow
	if watched := now.Sub(st.Since); watched < window {
		// What was asked for before the watch began is not known; assume the current agents.
		down = max(down, current)
	}
	switch {
	case l.agents > current && up < l.agents:
		l.step(ReasonStabilization, max(current, up), "", fmt.Sprintf("%d was enough within the last %s", max(current, up), length(p.Pool.Behavior.ScaleUp.StabilizationWindow)))
	case l.agents < current && down > l.agents:
		l.step(ReasonStabilization, min(current, down), "", fmt.Sprintf("%d was needed within the last %s", min(current, down), length(window)))
	}
}

// remember returns the recommendations with one more, without those that no
// window reaches any more.
func (st State) remember(now time.Time, agents int, b Behavior) []Recommendation {
	window := max(b.ScaleUp.StabilizationWindow, b.ScaleDown.StabilizationWindow)
	kept := make([]Recommendation, 0, len(st.Recommendations)+1)
	for _, r := range st.Recommendations {
		if age := now.Sub(r.Time); age >= 0 && age < window {
			kept = append(kept, r)
		}
	}
	return append(kept, Recommendation{Time: now, Agents: agents})
}

// limitStep bounds the change per period and keeps the cooldown.
func (p Policy) limitStep(l *ladder, now time.Time, current int, st State) {
	rules, direction := p.Pool.Behavior.ScaleUp, Up
	if l.agents < current {
		rules, direction = p.Pool.Behavior.ScaleDown, Down
	}
	if l.agents == current {
		return
	}
	if last, ok := st.lastScaling(now, direction); ok && now.Sub(last) < rules.Cooldown {
		l.step(ReasonCooldown, current, "", fmt.Sprintf("scaled %s %s ago, cooldown %s", direction, length(now.Sub(last)), length(rules.Cooldown)))
		return
	}
	if rules.SelectPolicy == SelectDisabled {
		l.step(ReasonStepLimit, current, "", fmt.Sprintf("scaling %s is disabled", direction))
		return
	}
	if len(rules.Policies) == 0 {
		return
	}
	limits := make([]int, len(rules.Policies))
	for i, sp := range rules.Policies {
		limits[i] = sp.limit(now, current, direction, st)
	}
	farthest, nearest := slices.Max(limits), slices.Min(limits)
	if direction == Down {
		farthest, nearest = nearest, farthest
	}
	limit := farthest
	if rules.SelectPolicy == SelectMin {
		limit = nearest
	}
	if direction == Up && l.agents > limit {
		l.step(ReasonStepLimit, max(limit, current), "", fmt.Sprintf("the step up ends at %d for now", max(limit, current)))
	}
	if direction == Down && l.agents < limit {
		l.step(ReasonStepLimit, min(limit, current), "", fmt.Sprintf("the step down ends at %d for now", min(limit, current)))
	}
}

// limit returns the number of agents that the policy lets a pool reach, counted
// from what it had at the start of the period.
func (sp StepPolicy) limit(now time.Time, current int, direction Direction, st State) int {
	start := current
	for _, s := range st.Scalings {
		if age := now.Sub(s.Time); age >= 0 && age < sp.Period {
			start -= s.To - s.From
		}
	}
	step := sp.Value
	if sp.Type == StepPercent {
		step = max(wholeAgents(float64(sp.Value)/100*float64(start)), 1) // or nothing would ever move
	}
	if direction == Down {
		return max(start-step, 0)
	}
	return min(start+step, maxAgents)
}

// lastScaling returns when the pool last changed in the direction.
func (st State) lastScaling(now time.Time, direction Direction) (time.Time, bool) {
	for _, s := range slices.Backward(st.Scalings) {
		if (s.To > s.From) == (direction == Up) && !s.Time.After(now) {
			return s.Time, true
		}
	}
	return time.Time{}, false
}

// memory is how far back step limits and cooldowns look.
func (b Behavior) memory() time.Duration {
	longest := max(b.ScaleUp.Cooldown, b.ScaleDown.Cooldown)
	for _, sp := range slices.Concat(b.ScaleUp.Policies, b.ScaleDown.Policies) {
		longest = max(longest, sp.Period)
	}
	return longest
}
