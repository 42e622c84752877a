package policy

// Edge is a floor or a ceiling of a pool's agents, and what it comes from.
type Edge struct {
	Agents int
	Code   Code
	Rule   string // the rule or budget, if one counts
	Detail string // the same for people
}

// InForce returns the floor and the ceiling that hold for the pool's demand: those of
// rules, season, pool, budgets and override, each replaced or moved by what takes
// precedence, as [Policy.Decide] applies them. Of the input Now, Timeline, Budgets and
// Override count. The floor is never above the ceiling.
func (p Policy) InForce(in Input) (floor, ceiling Edge) {
	if in.Timeline.IsZero() {
		in.Timeline = p.Timeline(nil)
	}
	b := p.bounds(in, in.Timeline.activity(in.Now)).ordered(in.Override, p.Pool.Location)
	return b.lowest().edge(), b.uppermost().edge()
}

// uppermost is [bounds.highest] and the bound that it comes from.
func (b bounds) uppermost() bound {
	high := unlimited().ceiling
	for _, l := range [...]limits{b.rules, b.pool, b.budgets, b.override} {
		if l.floor.agents > high.agents {
			high = l.floor
		}
		if l.ceiling.agents < high.agents {
			high = l.ceiling
		}
	}
	return high
}

func (b bound) edge() Edge { return Edge{b.agents, b.code, b.rule, b.detail} }
