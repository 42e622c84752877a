package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// Budget is a budget of one pool.
type Budget struct {
	Name string
	budget.Budget
	// When says when posts are of which of the budget's classes: the first one that
	// holds counts. They have no effect and the classes' names; the last always holds.
	When []policy.Rule
	// Used is a query with $window in place of the time since the window's start. The
	// pool's series is picked as that of its load.
	Used string
}

// BudgetStatus is how a budget stands.
type BudgetStatus struct {
	Name  string
	Limit int
	Used  map[budget.Window]policy.Sample // as measured
	Cap   budget.Cap
}

// budgetSteps is the grid on which posts are expected.
const budgetStep = 15 * time.Minute

// usedSignals returns what must be measured for the pool's budgets, in the order of
// budgets and windows.
func (p Pool) usedSignals(at time.Time) []policy.Signal {
	var out []policy.Signal
	for _, b := range p.Budgets {
		for _, w := range b.Windows() {
			length := max(at.Sub(b.Start(w, at)).Truncate(time.Second), time.Second)
			out = append(out, policy.Signal{
				Query: strings.ReplaceAll(b.Used, "$window", fmt.Sprintf("%ds", int(length.Seconds()))),
				Match: p.Load.Match,
			})
		}
	}
	return out
}

// spend decides what the budgets of a pool leave. used are the samples of its
// signals, agents those that run.
func (p *pool) spend(s *Settings, now time.Time, agents int, used []policy.Sample) {
	budgets := make([]BudgetStatus, 0, len(p.spec.Budgets))
	for i, b := range p.spec.Budgets {
		status := BudgetStatus{Name: b.Name, Limit: b.Limit, Used: map[budget.Window]policy.Sample{}}
		in := budget.Input{
			Now: now, Used: map[budget.Window]budget.Count{}, Path: p.expectedPosts(b, i, now), Step: budgetStep,
			Agents: agents, MaxAgents: p.spec.Pool.Agents.Max,
		}
		for _, w := range b.Windows() {
			status.Used[w] = used[0]
			in.Used[w] = budget.Count{Posts: used[0].Value, Time: now.Add(-s.QueryLag), Known: used[0].Quality == policy.OK}
			used = used[1:]
		}
		var next budget.State
		status.Cap, next = b.Decide(in, p.spending[b.Name])
		if p.spending == nil {
			p.spending = map[string]budget.State{}
		}
		p.spending[b.Name] = next
		budgets = append(budgets, status)
	}
	p.budgets = budgets
}

// expectedPosts returns the posts that the pool is expected to make of each class
// until a day from now: those of the agents that its median load needs, or of base
// agents where nothing is forecast, with the effects of rules.
func (p *pool) expectedPosts(b Budget, place int, now time.Time) []budget.Step {
	var median []float64
	if p.forecast.Len() > 0 && now.Sub(p.origin()) <= p.spec.Pool.ForecastMaxAge {
		median = p.forecast.Path(0.5)
	}
	limits := p.spec.Pool.Agents
	steps := make([]budget.Step, int(24*time.Hour/budgetStep))
	for k := range steps {
		t := now.Add(time.Duration(k) * budgetStep)
		agents := p.expectedAgents(median, t)
		agents = min(max(agents, float64(limits.Min)), float64(limits.Max))
		class := p.classes[place].Active(t)
		steps[k] = budget.Step{Class: class[0], Posts: agents * b.PostsPerAgentHour * budgetStep.Hours()}
	}
	return steps
}

// expectedAgents returns the agents that the load needs at t.
func (p *pool) expectedAgents(median []float64, t time.Time) float64 {
	if len(median) > 0 {
		if i := stepAt(p.forecast, t); i < len(median) {
			return median[i] / p.spec.Pool.PerAgent
		}
	}
	o := p.timeline.Offset(t)
	return float64(p.spec.Pool.Agents.Base)*o.Total + o.TotalAdd
}

// caps are what the budgets leave for the ladder. A budget that is not scarce caps
// nothing: more agents than the median needs are planned for on purpose.
func (p *pool) caps() []policy.BudgetCap {
	var out []policy.BudgetCap
	for _, b := range p.budgets {
		if !b.Cap.Scarce {
			continue
		}
		code := policy.ReasonBudget
		switch b.Cap.Status {
		case budget.Exhausted:
			code = policy.ReasonBudgetExhausted
		case budget.Unknown:
			code = policy.ReasonBudgetUnknown
		}
		out = append(out, policy.BudgetCap{Budget: b.Name, Agents: b.Cap.Agents, Code: code, Detail: "budget " + b.Name + ": " + b.Cap.Detail})
	}
	return out
}
