package policy

import (
	"fmt"
	"math"
	"time"
)

// bound is a floor or a ceiling and where it comes from.
type bound struct {
	agents int
	code   Code
	rule   string
	detail string // what a person reads
}

// limits are a floor and a ceiling. On a conflict the ceiling wins.
type limits struct{ floor, ceiling bound }

// unlimited are limits that every number keeps.
func unlimited() limits { return limits{ceiling: bound{agents: maxAgents}} }

// clamp moves the number into the limits and says what moved it.
func (b limits) clamp(l *ladder) {
	if l.agents < b.floor.agents {
		l.step(b.floor.code, b.floor.agents, b.floor.rule, b.floor.detail)
	}
	if l.agents > b.ceiling.agents {
		detail := b.ceiling.detail
		if b.floor.agents > b.ceiling.agents {
			detail += fmt.Sprintf("; it wins over the floor of %d", b.floor.agents)
		}
		l.step(b.ceiling.code, b.ceiling.agents, b.ceiling.rule, detail)
	}
}

// below reports whether the floor of a rule is higher than b. Of equal ones that
// whose name comes first counts, so that the order of rules does not matter.
func (b bound) below(agents int, rule string) bool {
	return b.agents < agents || b.agents == agents && rule < b.rule
}

// above reports whether the ceiling of a rule or budget is lower than b.
func (b bound) above(agents int, rule string) bool {
	return b.agents > agents || b.agents == agents && rule < b.rule
}

// bounds are all that hold for a pool now, in ascending precedence.
type bounds struct{ rules, pool, budgets, override limits }

// bounds returns what holds now but for an override.
func (p Policy) bounds(in Input, active []bool) bounds {
	b := bounds{rules: p.ruleLimits(in, active), pool: p.poolLimits(), budgets: unlimited(), override: unlimited()}
	for _, c := range in.Budgets {
		if n := max(c.Agents, 0); b.budgets.ceiling.above(n, c.Budget) {
			b.budgets.ceiling = bound{n, c.Code, c.Budget, c.Detail}
		}
	}
	return b
}

// ordered returns the bounds under an override, whose own replace all others on their
// side.
func (b bounds) ordered(o *Override, zone *time.Location) bounds {
	if o == nil {
		return b
	}
	own := func(agents int) bound {
		return bound{min(max(agents, 0), maxAgents), ReasonOverride, "", o.detail(zone)}
	}
	if o.Min != nil {
		b.rules.floor, b.pool.floor = bound{}, bound{}
		b.override.floor = own(*o.Min)
	}
	if o.Max != nil {
		none := unlimited().ceiling
		b.rules.ceiling, b.pool.ceiling, b.budgets.ceiling = none, none, none
		b.override.ceiling = own(*o.Max)
	}
	return b
}

// clamped returns the number within the bounds.
func (b bounds) clamped(agents int) int {
	for _, l := range [...]limits{b.rules, b.pool, b.budgets, b.override} {
		agents = min(max(agents, l.floor.agents), l.ceiling.agents)
	}
	return agents
}

// lowest is what the pool has at least, whatever its behavior says, and the floor
// that it owes it to.
func (b bounds) lowest() bound {
	var low bound
	for _, l := range [...]limits{b.rules, b.pool, b.budgets, b.override} {
		if l.floor.agents > low.agents {
			low = l.floor
		}
		low.agents = min(low.agents, l.ceiling.agents)
	}
	return low
}

// highest is what the demand may reach.
func (b bounds) highest() int { return b.clamped(maxAgents) }

// most is what the pool has at most, whatever its behavior says: a budget and the
// ceilings of rules are reached at its pace.
func (b bounds) most() bound {
	most := b.pool.ceiling
	if b.override.floor.agents > most.agents {
		most = b.override.floor
	}
	if b.override.ceiling.agents < most.agents {
		most = b.override.ceiling
	}
	return most
}

func (p Policy) poolLimits() limits {
	a := p.Pool.Agents
	return limits{
		floor:   bound{a.Min, ReasonPoolMin, "", fmt.Sprintf("the pool has at least %d agents", a.Min)},
		ceiling: bound{a.Max, ReasonPoolMax, "", fmt.Sprintf("the pool has at most %d agents", a.Max)},
	}
}

// ruleLimits returns the highest floor and the lowest ceiling of the rules active
// now, the season among them.
func (p Policy) ruleLimits(in Input, active []bool) limits {
	b := unlimited()
	p.seasonLimits(in, &b)
	for i, r := range p.Rules {
		if r.Bounds == nil || !active[i] {
			continue
		}
		if m := r.Bounds.Min; m != nil {
			if n := m.floor(p.Pool.Agents.Max); b.floor.below(n, r.Name) {
				b.floor = bound{n, ReasonRuleMin, r.Name, fmt.Sprintf("rule %s wants at least %d agents%s", r.Name, n, m.share(p.Pool.Agents.Max))}
			}
		}
		if m := r.Bounds.Max; m != nil {
			if n := m.ceiling(p.Pool.Agents.Max); b.ceiling.above(n, r.Name) {
				b.ceiling = bound{n, ReasonRuleMax, r.Name, fmt.Sprintf("rule %s wants at most %d agents%s", r.Name, n, m.share(p.Pool.Agents.Max))}
			}
		}
	}
	return b
}

// seasonLimits narrows the limits out of season and widens them in high season.
func (p Policy) seasonLimits(in Input, b *limits) {
	s, a := p.Pool.Season, p.Pool.Agents
	factor := in.Timeline.Season(in.Now)
	switch {
	case factor < s.Low-noise:
		share := Bound{Percent: s.LowMaxPercent}
		n := max(a.Base, share.ceiling(a.Max))
		b.ceiling = bound{n, ReasonSeasonMax, "", fmt.Sprintf("out of season, months count %s, below %s: at most the larger of base %d and %s %% of %d",
			number(factor), number(s.Low), a.Base, number(s.LowMaxPercent), a.Max)}
	case s.High > 0 && factor > s.High+noise:
		n := wholeAgents(s.HighMinFactor * float64(a.Base))
		b.floor = bound{n, ReasonSeasonMin, "", fmt.Sprintf("high season, months count %s, above %s: at least %s times base %d",
			number(factor), number(s.High), number(s.HighMinFactor), a.Base)}
	}
}

func (b Bound) floor(poolMax int) int {
	if b.Percent > 0 {
		return wholeAgents(b.Percent / 100 * float64(poolMax))
	}
	return b.Agents
}

func (b Bound) ceiling(poolMax int) int {
	if b.Percent > 0 {
		return int(min(math.Floor(b.Percent/100*float64(poolMax)+noise), maxAgents))
	}
	return b.Agents
}

func (b Bound) share(poolMax int) string {
	if b.Percent > 0 {
		return fmt.Sprintf(" (%s %% of %d)", number(b.Percent), poolMax)
	}
	return ""
}
