package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// months are two rules whose factors of November multiply.
func months(a, b float64) []Rule {
	factors := func(name string, f float64) Rule {
		return Rule{Name: name, Demand: &DemandEffect{Multiply: 1, ByMonth: map[time.Month]float64{time.November: f, time.December: 7}}}
	}
	return []Rule{factors("one", a), factors("two", b)}
}

// Out of season the pool has at most the larger of its base and a share of its
// maximum, in high season at least a multiple of its base; a threshold itself is within.
func TestSeason(t *testing.T) {
	season := func(p *Policy, a, b float64) {
		p.Pool.Season = Season{Low: 0.5, LowMaxPercent: 60, High: 1.5, HighMinFactor: 1.4}
		p.Rules = months(a, b)
	}
	runDecide(t, []decideCase{
		{"an ordinary month bounds nothing", func(p *Policy, in *Input, _ *State) { season(p, 1, 1); in.Load = load(390) }, 39, []Code{ReasonReactive}},
		{"out of season the maximum is a share", func(p *Policy, in *Input, _ *State) { season(p, 0.7, 0.7); in.Load = load(390) }, 24, []Code{ReasonReactive, ReasonSeasonMax}},
		{"the threshold is not out of season", func(p *Policy, in *Input, _ *State) { season(p, 0.5, 1); in.Load = load(390) }, 39, []Code{ReasonReactive}},
		{"nor is it when it was rounded", func(p *Policy, in *Input, _ *State) {
			season(p, 0.7, 0.1) // 0.06999999999999999
			p.Pool.Season.Low, in.Load = 0.07, load(390)
		}, 39, []Code{ReasonReactive}},
		{"the base is kept", func(p *Policy, in *Input, _ *State) {
			season(p, 0.1, 1)
			p.Pool.Season.LowMaxPercent, in.Load = 10, load(390)
		}, 10, []Code{ReasonReactive, ReasonSeasonMax}},
		{"a share is rounded down", func(p *Policy, in *Input, _ *State) {
			season(p, 0.1, 1)
			p.Pool.Season.LowMaxPercent, in.Load = 39, load(390)
		}, 15, []Code{ReasonReactive, ReasonSeasonMax}},
		{"high season has a minimum", func(p *Policy, _ *Input, _ *State) { season(p, 1.6, 1) }, 14, []Code{ReasonReactive, ReasonSeasonMin}},
		{"the threshold is not high season", func(p *Policy, _ *Input, _ *State) { season(p, 1.5, 1) }, 10, []Code{ReasonReactive}},
		{"nor is it when it was rounded up", func(p *Policy, _ *Input, _ *State) {
			season(p, 0.1, 3) // 0.30000000000000004
			p.Pool.Season.Low, p.Pool.Season.High = 0, 0.3
		}, 10, []Code{ReasonReactive}},
		{"without a threshold there is no high season", func(p *Policy, _ *Input, _ *State) { season(p, 9, 9); p.Pool.Season.High = 0 }, 10, []Code{ReasonReactive}},
		{"the pool's maximum wins over high season", func(p *Policy, _ *Input, _ *State) {
			season(p, 2, 1)
			p.Pool.Season.HighMinFactor = 9
		}, 40, []Code{ReasonReactive, ReasonSeasonMin, ReasonPoolMax}},
		{"a rule's higher floor counts", func(p *Policy, _ *Input, _ *State) {
			season(p, 2, 1)
			p.Rules = append(p.Rules, Rule{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 15}}})
		}, 15, []Code{ReasonReactive, ReasonRuleMin}},
		{"a rule's lower floor does not", func(p *Policy, _ *Input, _ *State) {
			season(p, 2, 1)
			p.Rules = append(p.Rules, Rule{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 14}}})
		}, 14, []Code{ReasonReactive, ReasonSeasonMin}},
		{"a month of a rule that does not hold does not count", func(p *Policy, in *Input, _ *State) {
			season(p, 0.1, 1)
			p.Rules[0].When.During = []Schedule{schedule(t, "night", "22:00", "24:00")}
			in.Load = load(390)
		}, 39, []Code{ReasonReactive}},
		{"is reached at the pool's pace", func(p *Policy, in *Input, st *State) {
			season(p, 0.1, 1)
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
			in.Current, in.Load = running(30), load(300)
			st.Recommendations = []Recommendation{{noon.Add(-time.Minute), 30}}
		}, 30, []Code{ReasonReactive, ReasonSeasonMax, ReasonStabilization}},
	})
}

// A budget is a ceiling above the pool's own bounds, reached at the pool's pace.
func TestBudgets(t *testing.T) {
	tweets := func(n int) BudgetCap { return BudgetCap{"tweets", n, ReasonBudget, "few posts are left"} }
	runDecide(t, []decideCase{
		{"caps the demand", func(_ *Policy, in *Input, _ *State) { in.Load, in.Budgets = load(300), []BudgetCap{tweets(12)} }, 12, []Code{ReasonReactive, ReasonBudget}},
		{"lowers below the pool's minimum", func(_ *Policy, in *Input, _ *State) { in.Budgets = []BudgetCap{tweets(2)} }, 2, []Code{ReasonReactive, ReasonBudget}},
		{"wins over a rule's floor", func(p *Policy, in *Input, _ *State) {
			in.Budgets = []BudgetCap{tweets(6)}
			p.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 20}}}}
		}, 6, []Code{ReasonReactive, ReasonRuleMin, ReasonBudget}},
		{"of several the lowest counts", func(_ *Policy, in *Input, _ *State) {
			in.Budgets = []BudgetCap{tweets(8), {"mails", 0, ReasonBudgetExhausted, "none is left"}, tweets(3)}
		}, 0, []Code{ReasonReactive, ReasonBudgetExhausted}},
		{"of equal ones the first name counts", func(_ *Policy, in *Input, _ *State) {
			in.Budgets = []BudgetCap{tweets(5), {"mails", 5, ReasonBudgetUnknown, "not known"}}
		}, 5, []Code{ReasonReactive, ReasonBudgetUnknown}},
		{"less than nothing is nothing", func(_ *Policy, in *Input, _ *State) { in.Budgets = []BudgetCap{tweets(-7)} }, 0, []Code{ReasonReactive, ReasonBudget}},
		{"one that is not reached leaves no trace", func(_ *Policy, in *Input, _ *State) { in.Budgets = []BudgetCap{tweets(10)} }, 10, []Code{ReasonReactive}},
		{"does not lower on an unknown load", func(_ *Policy, in *Input, _ *State) {
			in.Budgets, in.Load = []BudgetCap{tweets(2)}, Sample{Quality: Stale}
		}, 10, []Code{ReasonForecast, ReasonBudget, ReasonLoadUnknown}},
		{"is not left alone within the tolerance", func(_ *Policy, in *Input, _ *State) { in.Budgets = []BudgetCap{tweets(9)} }, 9, []Code{ReasonReactive, ReasonBudget}},
		{"is reached after the window", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
			in.Budgets, st.Recommendations = []BudgetCap{tweets(2)}, []Recommendation{{noon.Add(-time.Minute), 10}}
		}, 10, []Code{ReasonReactive, ReasonBudget, ReasonStabilization}},
		{"and in steps", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleDown.Policies = []StepPolicy{{StepAgents, 3, time.Minute}}
			in.Budgets = []BudgetCap{tweets(2)}
		}, 7, []Code{ReasonReactive, ReasonBudget, ReasonStepLimit}},
		{"floors lift as far as it allows, at once", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.SelectPolicy = SelectDisabled
			p.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 20}}}}
			in.Budgets = []BudgetCap{tweets(16)}
		}, 16, []Code{ReasonReactive, ReasonRuleMin, ReasonBudget, ReasonStepLimit, ReasonRuleMin}},
	})
}

// Of equal bounds that of the rule whose name comes first is told, and of none that is
// not above 0.
func TestEqualBoundsTellTheFirstName(t *testing.T) {
	floor := func(name string, n int) Rule { return Rule{Name: name, Bounds: &BoundsEffect{Min: &Bound{Agents: n}}} }
	ceiling := func(name string, n int) Rule { return Rule{Name: name, Bounds: &BoundsEffect{Max: &Bound{Agents: n}}} }
	for _, tt := range []struct {
		rules []Rule
		want  Reason
	}{
		{[]Rule{floor("b", 20), floor("a", 20), floor("c", 20), floor("d", 19)}, Reason{ReasonRuleMin, 10, 20, "a", "rule a wants at least 20 agents"}},
		{[]Rule{ceiling("b", 5), ceiling("a", 5), ceiling("c", 5), ceiling("d", 6)}, Reason{ReasonRuleMax, 10, 5, "a", "rule a wants at most 5 agents"}},
		{[]Rule{ceiling("half", 0)}, Reason{ReasonRuleMax, 10, 0, "half", "rule half wants at most 0 agents"}},
	} {
		d, _ := Policy{Pool: testPool(), Rules: tt.rules}.Decide(Input{Now: noon, Current: running(10), Load: load(100)}, watched())
		if diff := cmp.Diff(tt.want, d.Reasons[1]); diff != "" {
			t.Errorf("%s", diff)
		}
	}
}

// A share of the maximum is a whole number of agents: floors are rounded up, ceilings
// down.
func TestBoundIsWholeAgents(t *testing.T) {
	for _, tt := range []struct {
		bound          Bound
		poolMax        int
		floor, ceiling int
	}{
		{Bound{Agents: 7}, 40, 7, 7},
		{Bound{Agents: 7, Percent: 50}, 40, 20, 20},
		{Bound{Percent: 60}, 40, 24, 24},
		{Bound{Percent: 33}, 40, 14, 13},
		{Bound{Percent: 0.1}, 40, 1, 0},
		{Bound{Percent: 100}, maxAgents, maxAgents, maxAgents},
		{Bound{Percent: 7}, 100, 7, 7},    // 7.000000000000001
		{Bound{Percent: 29}, 100, 29, 29}, // 28.999999999999996
	} {
		if got := tt.bound.floor(tt.poolMax); got != tt.floor {
			t.Errorf("%+v of %d: floor %d, want %d", tt.bound, tt.poolMax, got, tt.floor)
		}
		if got := tt.bound.ceiling(tt.poolMax); got != tt.ceiling {
			t.Errorf("%+v of %d: ceiling %d, want %d", tt.bound, tt.poolMax, got, tt.ceiling)
		}
	}
}
