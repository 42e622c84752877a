package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Override is an operator's temporary order on a pool.
type Override struct {
	ID   string
	Pool string // its name
	// Min and Max replace the bounds of rules, pool and budgets on their side; nil:
	// they stand.
	Min, Max *int
	Hold     bool // keep the current agents
	Disable  bool // call nobody for this pool
	Mode     Mode // that the pool is in; empty: its own
	Author   string
	Reason   string
	// It has effect from Start on until just before End.
	Start, End time.Time
}

// Order is what somebody orders of a pool: exactly one of its kinds, of which Min and
// Max are one together. A mode may stand alone or beside one that is not Disable.
type Order struct {
	Min, Max, Exact *int
	Hold, Disable   bool
	Mode            Mode
}

// Override returns the order as an override.
func (o Order) Override() Override {
	if o.Exact != nil {
		o.Min, o.Max = o.Exact, o.Exact
	}
	return Override{Min: o.Min, Max: o.Max, Hold: o.Hold, Disable: o.Disable, Mode: o.Mode}
}

// Problems says all that is wrong with the order; nil if nothing is.
func (o Order) Problems() []string {
	var kinds, problems []string
	for _, kind := range []struct {
		name  string
		given bool
	}{{"min or max", o.Min != nil || o.Max != nil}, {"exact", o.Exact != nil}, {"hold", o.Hold}, {"disable", o.Disable}} {
		if kind.given {
			kinds = append(kinds, kind.name)
		}
	}
	switch {
	case len(kinds) == 0 && o.Mode == "":
		problems = append(problems, "nothing is ordered; give min, max, exact, hold, disable or mode")
	case len(kinds) > 1:
		problems = append(problems, strings.Join(kinds, " and ")+" do not go together; give one of them")
	case o.Disable && o.Mode != "":
		problems = append(problems, "disable and mode do not go together: nobody is called in any mode; give one of them")
	}
	if o.Mode != "" && !slices.Contains(modes, o.Mode) {
		problems = append(problems, fmt.Sprintf("mode must be dry_run, scale_up_only or active, got %q", o.Mode))
	}
	for _, bound := range []struct {
		name   string
		agents *int
	}{{"min", o.Min}, {"max", o.Max}, {"exact", o.Exact}} {
		if n := bound.agents; n != nil && (*n < 0 || *n > maxAgents) {
			problems = append(problems, fmt.Sprintf("%s must be between 0 and %d agents, got %d", bound.name, maxAgents, *n))
		}
	}
	if o.Min != nil && o.Max != nil && *o.Min > *o.Max {
		problems = append(problems, fmt.Sprintf("min %d > max %d", *o.Min, *o.Max))
	}
	return problems
}

// ActiveAt reports whether the override has effect at t.
func (o Override) ActiveAt(t time.Time) bool { return !t.Before(o.Start) && t.Before(o.End) }

// ActiveOverride returns the override of the pool that has effect at t: the one
// that began last, of several with one start that with the greatest ID.
func ActiveOverride(overrides []Override, pool string, t time.Time) (Override, bool) {
	var last Override
	found := false
	for _, o := range overrides {
		if o.Pool != pool || !o.ActiveAt(t) {
			continue
		}
		if !found || o.Start.After(last.Start) || o.Start.Equal(last.Start) && o.ID > last.ID {
			last, found = o, true
		}
	}
	return last, found
}

// order says what is ordered: "wants exactly 12 agents".
func (o Override) order() string {
	bounds := o.bounds()
	switch {
	case o.Mode == "":
		return bounds
	case bounds == "":
		return "puts the pool into mode " + string(o.Mode)
	}
	return fmt.Sprintf("puts the pool into mode %s and %s", o.Mode, bounds)
}

// bounds says how many agents are ordered; empty: the override says nothing of them.
func (o Override) bounds() string {
	switch {
	case o.Disable:
		return "leaves the pool alone"
	case o.Hold:
		return "holds the pool"
	case o.Min != nil && o.Max != nil && *o.Min == *o.Max:
		return fmt.Sprintf("wants exactly %d agents", *o.Min)
	case o.Min != nil && o.Max != nil:
		return fmt.Sprintf("wants %d to %d agents", *o.Min, *o.Max)
	case o.Min != nil:
		return fmt.Sprintf("wants at least %d agents", *o.Min)
	case o.Max != nil:
		return fmt.Sprintf("wants at most %d agents", *o.Max)
	}
	return ""
}

// detail tells the override in words, its times in zone.
func (o Override) detail(zone *time.Location) string {
	return fmt.Sprintf("an override by %s until %s %s: %s", o.Author, o.End.In(zone).Format("Mon 15:04"), o.order(), o.Reason)
}
