package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestInForce(t *testing.T) {
	bounds := func(name string, least, most int) Rule {
		return Rule{Name: name, Bounds: &BoundsEffect{Min: &Bound{Agents: least}, Max: &Bound{Agents: most}}}
	}
	two, nine := 2, 9
	for name, tt := range map[string]struct {
		rules          []Rule
		budgets        []BudgetCap
		override       *Override
		floor, ceiling Edge
	}{
		"the pool's":             {nil, nil, nil, Edge{4, ReasonPoolMin, "", ""}, Edge{40, ReasonPoolMax, "", ""}},
		"of rules":               {[]Rule{bounds("a", 6, 30), bounds("b", 8, 35)}, nil, nil, Edge{8, ReasonRuleMin, "b", ""}, Edge{30, ReasonRuleMax, "a", ""}},
		"rules beyond the pool":  {[]Rule{bounds("a", 50, 60)}, nil, nil, Edge{40, ReasonRuleMin, "a", ""}, Edge{40, ReasonPoolMax, "", ""}},
		"rules below the pool":   {[]Rule{bounds("a", 1, 2)}, nil, nil, Edge{4, ReasonPoolMin, "", ""}, Edge{4, ReasonPoolMin, "", ""}},
		"rules that conflict":    {[]Rule{bounds("a", 20, 25), bounds("b", 6, 10)}, nil, nil, Edge{10, ReasonRuleMin, "a", ""}, Edge{10, ReasonRuleMax, "b", ""}},
		"a budget":               {[]Rule{bounds("a", 6, 30)}, []BudgetCap{{"tweets", 5, ReasonBudget, ""}}, nil, Edge{5, ReasonRuleMin, "a", ""}, Edge{5, ReasonBudget, "tweets", ""}},
		"an override's floor":    {[]Rule{bounds("a", 6, 30)}, nil, &Override{Min: &nine}, Edge{9, ReasonOverride, "", ""}, Edge{30, ReasonRuleMax, "a", ""}},
		"an override's ceiling":  {[]Rule{bounds("a", 6, 30)}, nil, &Override{Max: &two}, Edge{2, ReasonRuleMin, "a", ""}, Edge{2, ReasonOverride, "", ""}},
		"an override, both ways": {[]Rule{bounds("a", 6, 30)}, []BudgetCap{{"tweets", 5, ReasonBudget, ""}}, &Override{Min: &two, Max: &nine}, Edge{2, ReasonOverride, "", ""}, Edge{9, ReasonOverride, "", ""}},
	} {
		p := Policy{Pool: testPool(), Rules: tt.rules}
		p.Pool.Agents = Agents{Base: 10, Min: 4, Max: 40}
		floor, ceiling := p.InForce(Input{Now: noon, Budgets: tt.budgets, Override: tt.override})
		if diff := cmp.Diff([]Edge{tt.floor, tt.ceiling}, []Edge{floor, ceiling}, cmpopts.IgnoreFields(Edge{}, "Detail")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is in force is where Decide lands with a demand of nothing and of everything, if
// nothing slows it down.
func TestInForceIsWhatDecideKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: testPool()}
		p.Pool.Agents.Min = rapid.IntRange(0, 10).Draw(t, "min")
		p.Pool.Agents.Max = rapid.IntRange(p.Pool.Agents.Min, 60).Draw(t, "max")
		p.Pool.Behavior, p.Pool.Mode = Behavior{}, Active
		some := func(name string) *int {
			if !rapid.Bool().Draw(t, name) {
				return nil
			}
			n := rapid.IntRange(0, 70).Draw(t, name+"_agents")
			return &n
		}
		for range rapid.IntRange(0, 3).Draw(t, "rules") {
			r := Rule{Name: rapid.StringMatching("[a-c]").Draw(t, "name"), Bounds: &BoundsEffect{}}
			if n := some("floor"); n != nil {
				r.Bounds.Min = &Bound{Agents: *n}
			}
			if n := some("ceiling"); n != nil {
				r.Bounds.Max = &Bound{Agents: *n}
			}
			p.Rules = append(p.Rules, r)
		}
		in := Input{Now: noon, Current: running(rapid.IntRange(0, 80).Draw(t, "current"))}
		if rapid.Bool().Draw(t, "override") {
			in.Override = &Override{Min: some("at_least"), Max: some("at_most"), Start: noon, End: noon.Add(time.Hour)}
		}
		if n := some("budget"); n != nil {
			in.Budgets = []BudgetCap{{"tweets", *n, ReasonBudget, ""}}
		}
		floor, ceiling := p.InForce(in)
		for demand, want := range map[float64]Edge{0: floor, 1e9: ceiling} {
			in.Load, in.Outlook = load(demand), outlook(demand)
			if d, _ := p.Decide(in, watched()); d.Desired != want.Agents {
				t.Errorf("a load of %g gets %d agents, in force is %+v: %+v", demand, d.Desired, want, d.Reasons)
			}
		}
	})
}
