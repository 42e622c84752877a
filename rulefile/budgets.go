package rulefile

import (
	"fmt"
	"strings"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// budget gives a budget of its own to each of the pools that it selects.
func (l *loader) budget(b postBudget) {
	if !l.name("budget", b.Name, b.Where) {
		return
	}
	out := engine.Budget{
		Name: b.Name, Used: b.Used,
		Budget: budget.Budget{Limit: b.Limit, Window: budget.Window(b.Window), Reserve: b.Reserve, PostsPerAgentHour: b.PostsPerAgentHour},
	}
	l.budgetClasses(b, &out)
	if !strings.Contains(b.Used, "$window") {
		l.Add(b.At("used"), "budget %q: used needs $window, like sum by (league) (increase(tweets_posted_total[$window]))", b.Name)
	} else {
		l.query(b.At("used"), fmt.Sprintf("budget %q", b.Name), strings.ReplaceAll(b.Used, "$window", "1h"))
	}
	if err := out.Validate(); err != nil {
		for _, problem := range strings.Split(err.Error(), "\n") {
			l.Add(b.Pos(), "budget %q: %s", b.Name, problem)
		}
	}
	selected := false
	for i := range l.pools {
		if p := &l.pools[i]; selects(b.Pools, p.Pool) {
			own := out
			own.Location = p.Pool.Location
			if b.Location != "" {
				own.Location = l.location(b.Where, b.Location)
			}
			p.Budgets = append(p.Budgets, own)
			selected = true
		}
	}
	if !selected {
		l.Add(b.At("pools"), "budget %q matches no pool", b.Name)
	}
}

// budgetClasses reads what posts are worth and when. Without classes all are worth
// the same.
func (l *loader) budgetClasses(b postBudget, out *engine.Budget) {
	classes := b.Classes
	if len(classes) == 0 {
		classes = []budgetClass{{Name: "any", Value: 1}}
	}
	for i, c := range classes {
		always := !c.Has("when")
		if last := i == len(classes)-1; always != last {
			l.Add(c.Pos(), "budget %q: all classes but the last need when, and the last, which is for all other posts, has none", b.Name)
		}
		out.Classes = append(out.Classes, budget.Class{Name: c.Name, Value: c.Value, PerDay: c.PerDay})
		out.When = append(out.When, policy.Rule{Name: c.Name, When: l.condition(c.Name, c.When)})
	}
}
