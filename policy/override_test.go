package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/google/go-cmp/cmp"
)

func agents(n int) *int { return &n }

// ordered is an override of noon to one o'clock.
func ordered(o Override) *Override {
	o.ID, o.Pool, o.Author, o.Reason, o.Start, o.End = "o1", "nba", "ann", "the finals", noon, noon.Add(time.Hour)
	return &o
}

func exactly(n int) *Override { return ordered(Override{Min: agents(n), Max: agents(n)}) }
func atLeast(n int) *Override { return ordered(Override{Min: agents(n)}) }
func atMost(n int) *Override  { return ordered(Override{Max: agents(n)}) }

// I3: the bounds of an override replace those of rules, pool and budgets on their side
// and act at once in both directions; the other side stands.
func TestOverrideBounds(t *testing.T) {
	floor := Rule{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 14}}}
	ceiling := Rule{Name: "ceiling", Bounds: &BoundsEffect{Max: &Bound{Agents: 16}}}
	tweets := []BudgetCap{{"tweets", 12, ReasonBudget, "12 posts are left"}}
	runDecide(t, []decideCase{
		{"at least, above the pool's maximum", func(_ *Policy, in *Input, _ *State) { in.Override = atLeast(50) }, 50, []Code{ReasonReactive, ReasonOverride}},
		{"at least, above a rule's ceiling", func(p *Policy, in *Input, _ *State) { p.Rules, in.Override = []Rule{ceiling}, atLeast(20) }, 20, []Code{ReasonReactive, ReasonOverride}},
		{"at least, above a budget", func(_ *Policy, in *Input, _ *State) { in.Budgets, in.Override = tweets, atLeast(20) }, 20, []Code{ReasonReactive, ReasonOverride}},
		{"at least, and the demand wants more", func(_ *Policy, in *Input, _ *State) { in.Load, in.Override = load(300), atLeast(20) }, 30, []Code{ReasonReactive}},
		{"at least, and more is still capped by the budget", func(_ *Policy, in *Input, _ *State) {
			in.Load, in.Budgets, in.Override = load(300), tweets, atLeast(8)
		}, 12, []Code{ReasonReactive, ReasonBudget}},
		{"at least replaces the pool's minimum", func(_ *Policy, in *Input, _ *State) {
			in.Load, in.Outlook, in.Override = load(0), outlook(0), atLeast(1)
		}, 1, []Code{ReasonReactive, ReasonOverride}},
		{"and a rule's floor", func(p *Policy, in *Input, _ *State) { p.Rules, in.Override = []Rule{floor}, atLeast(1) }, 10, []Code{ReasonReactive}},
		{"and the season's", func(p *Policy, in *Input, _ *State) {
			p.Pool.Season, p.Rules = Season{High: 1, HighMinFactor: 2}, months(3, 1)
			in.Override = atLeast(1)
		}, 10, []Code{ReasonReactive}},
		{"at most, below the pool's minimum", func(_ *Policy, in *Input, _ *State) { in.Override = atMost(2) }, 2, []Code{ReasonReactive, ReasonOverride}},
		{"at most, below a rule's floor", func(p *Policy, in *Input, _ *State) { p.Rules, in.Override = []Rule{floor}, atMost(12) }, 12, []Code{ReasonReactive, ReasonRuleMin, ReasonOverride}},
		{"at most replaces the pool's maximum, a rule's ceiling and budgets", func(p *Policy, in *Input, _ *State) {
			p.Rules, in.Budgets, in.Load, in.Override = []Rule{ceiling}, tweets, load(600), atMost(55)
		}, 55, []Code{ReasonReactive, ReasonOverride}},
		{"at most leaves a budget that is lower without effect", func(_ *Policy, in *Input, _ *State) {
			in.Budgets, in.Load, in.Override = tweets, load(200), atMost(30)
		}, 20, []Code{ReasonReactive}},
		{"exactly", func(p *Policy, in *Input, _ *State) {
			p.Rules, in.Budgets, in.Load, in.Override = []Rule{ceiling, floor}, tweets, load(600), exactly(33)
		}, 33, []Code{ReasonReactive, ReasonOverride}},
		{"exactly none", func(_ *Policy, in *Input, _ *State) { in.Override = exactly(0) }, 0, []Code{ReasonReactive, ReasonOverride}},

		{"raises at once", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleUp = ScalingRules{StabilizationWindow: 10 * time.Minute, SelectPolicy: SelectDisabled, Cooldown: time.Hour}
			st.Recommendations, st.Scalings = []Recommendation{{noon.Add(-time.Minute), 10}}, []Scaling{{noon.Add(-time.Minute), 9, 10}}
			in.Override = atLeast(20)
		}, 20, []Code{ReasonReactive, ReasonOverride, ReasonStabilization, ReasonOverride}},
		{"raises at once through cooldown", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleUp.Cooldown = time.Hour
			st.Scalings = []Scaling{{noon.Add(-time.Minute), 9, 10}}
			in.Override = exactly(20)
		}, 20, []Code{ReasonReactive, ReasonOverride, ReasonCooldown, ReasonOverride}},
		{"raises within the tolerance", func(_ *Policy, in *Input, _ *State) { in.Override = atLeast(11) }, 11, []Code{ReasonReactive, ReasonOverride}},
		{"lowers at once, window and steps or not", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 10 * time.Minute
			p.Pool.Behavior.ScaleDown.Policies = []StepPolicy{{StepAgents, 1, time.Minute}}
			in.Override = atMost(3)
		}, 3, []Code{ReasonReactive, ReasonOverride, ReasonStepLimit, ReasonOverride}},
		{"lowers at once on an unknown load", func(_ *Policy, in *Input, _ *State) {
			in.Load, in.Override = Sample{Quality: Error}, atMost(3)
		}, 3, []Code{ReasonForecast, ReasonOverride, ReasonLoadUnknown, ReasonOverride}},
		{"within its bounds the demand keeps the pool's pace", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies = []StepPolicy{{StepAgents, 4, time.Minute}}
			in.Load, in.Override = load(300), ordered(Override{Min: agents(5), Max: agents(25)})
		}, 14, []Code{ReasonReactive, ReasonOverride, ReasonStepLimit}},
		{"wins over a rule that holds", func(p *Policy, in *Input, _ *State) {
			p.Rules, in.Override = []Rule{{Name: "freeze", Hold: HoldBoth}}, atLeast(20)
		}, 20, []Code{ReasonReactive, ReasonOverride}},
		{"does not lower in scale_up_only", func(p *Policy, in *Input, _ *State) { p.Pool.Mode, in.Override = ScaleUpOnly, exactly(3) }, 10, []Code{ReasonReactive, ReasonOverride, ReasonMode}},
		{"raises in scale_up_only", func(p *Policy, in *Input, _ *State) { p.Pool.Mode, in.Override = ScaleUpOnly, exactly(13) }, 13, []Code{ReasonReactive, ReasonOverride}},
		{"is decided in dry run all the same", func(p *Policy, in *Input, _ *State) { p.Pool.Mode, in.Override = DryRun, exactly(3) }, 3, []Code{ReasonReactive, ReasonOverride}},
		{"is bounded to numbers of agents", func(_ *Policy, in *Input, _ *State) { in.Override = ordered(Override{Min: agents(1 << 40)}) }, maxAgents, []Code{ReasonReactive, ReasonOverride}},
		{"also from below", func(_ *Policy, in *Input, _ *State) { in.Override = atMost(-4) }, 0, []Code{ReasonReactive, ReasonOverride}},
	})
}

// An override that holds keeps the agents whatever else is asked, and one that
// disables lets nobody be called; the reasons tell what would have been done.
func TestOverrideHoldsAndDisables(t *testing.T) {
	hold, disable := ordered(Override{Hold: true}), ordered(Override{Disable: true})
	floor := Rule{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 14}}}
	runDecide(t, []decideCase{
		{"hold: does not grow", func(_ *Policy, in *Input, _ *State) { in.Load, in.Override = load(200), hold }, 10, []Code{ReasonReactive, ReasonOverride}},
		{"hold: does not shrink", func(_ *Policy, in *Input, _ *State) { in.Load, in.Outlook, in.Override = load(50), outlook(50), hold }, 10, []Code{ReasonReactive, ReasonOverride}},
		{"hold: not even to the minimum", func(_ *Policy, in *Input, _ *State) {
			in.Current, in.Load, in.Outlook, in.Override = running(1), load(1), outlook(1), hold
		}, 1, []Code{ReasonReactive, ReasonPoolMin, ReasonOverride}},
		{"hold: not even to the maximum", func(_ *Policy, in *Input, _ *State) {
			in.Current, in.Load, in.Override = running(60), load(600), hold
		}, 60, []Code{ReasonReactive, ReasonPoolMax, ReasonOverride}},
		{"hold: not to a floor", func(p *Policy, in *Input, _ *State) { p.Rules, in.Override = []Rule{floor}, hold }, 10, []Code{ReasonReactive, ReasonRuleMin, ReasonOverride}},
		{"hold: told also with nothing to hold", func(_ *Policy, in *Input, _ *State) { in.Override = hold }, 10, []Code{ReasonReactive, ReasonOverride}},
		{"disable", func(p *Policy, in *Input, _ *State) { p.Rules, in.Override = []Rule{floor}, disable }, 10, []Code{ReasonReactive, ReasonRuleMin, ReasonDisabled}},
		{"disable: told when there is nothing to do", func(_ *Policy, in *Input, _ *State) { in.Override = disable }, 10, []Code{ReasonReactive, ReasonDisabled}},
		{"disable: the count is not known", func(_ *Policy, in *Input, st *State) {
			in.Current, in.Override = Count{Detail: "timeout"}, disable
			st.Current = running(7)
		}, 7, []Code{ReasonCurrentUnknown}},
	})
}

func TestPermitted(t *testing.T) {
	up, down, none := Decision{Current: 3, Desired: 5}, Decision{Current: 5, Desired: 3}, Decision{Current: 3, Desired: 3}
	in := func(d Decision, mode Mode, frozen, emergency bool) Decision {
		d.Mode, d.Frozen, d.Emergency = mode, frozen, emergency
		return d
	}
	for _, tt := range []struct {
		name string
		d    Decision
		want bool
	}{
		{"active up", in(up, Active, false, false), true},
		{"active down", in(down, Active, false, false), true},
		{"scale_up_only up", in(up, ScaleUpOnly, false, false), true},
		{"scale_up_only down", in(down, ScaleUpOnly, false, false), false},
		{"scale_up_only nothing", in(none, ScaleUpOnly, false, false), false},
		{"scale_up_only down in an emergency", in(down, ScaleUpOnly, false, true), true},
		{"dry_run up", in(up, DryRun, false, false), false},
		{"dry_run down", in(down, DryRun, false, false), false},
		{"dry_run in an emergency", in(down, DryRun, false, true), false},
		{"dry_run frozen in an emergency", in(down, DryRun, true, true), false},
		{"frozen", in(down, Active, true, false), false},
		{"frozen in an emergency", in(down, Active, true, true), true},
		{"no mode", in(up, "", false, false), false},
		{"no mode in an emergency", in(down, "", false, true), false},
	} {
		if got := tt.d.Permitted(); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

// I3: an override has effect from its start until just before its end; of several that
// which began last counts, of those the one with the greatest ID, whatever their order.
func TestActiveOverride(t *testing.T) {
	o := func(id, pool string, start, end time.Duration) Override {
		return Override{ID: id, Pool: pool, Start: noon.Add(start), End: noon.Add(end)}
	}
	all := []Override{
		o("a", "nba", 0, 4*time.Hour), o("b", "nba", time.Hour, 3*time.Hour), o("c", "nba", time.Hour, 2*time.Hour), o("x", "nfl", 0, 9*time.Hour),
		o("empty", "nba", 90*time.Minute, 90*time.Minute), o("backwards", "nba", 100*time.Minute, 80*time.Minute),
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{
		{-time.Nanosecond, ""}, {0, "a"}, {time.Hour - 1, "a"}, {time.Hour, "c"}, {90 * time.Minute, "c"}, {2*time.Hour - 1, "c"}, {2 * time.Hour, "b"},
		{3*time.Hour - 1, "b"}, {3 * time.Hour, "a"}, {4*time.Hour - 1, "a"}, {4 * time.Hour, ""}, {5 * time.Hour, ""},
	} {
		got, ok := ActiveOverride(all, "nba", noon.Add(tt.at))
		if got.ID != tt.want || ok != (tt.want != "") {
			t.Errorf("%s after noon: got %q, %t; want %q", tt.at, got.ID, ok, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := noon.Add(rapid.SampledFrom([]time.Duration{0, time.Hour, 2 * time.Hour}).Draw(t, "at"))
		want, _ := ActiveOverride(all, "nba", at)
		if got, _ := ActiveOverride(shuffled(t, all, "order"), "nba", at); got != want {
			t.Fatalf("got %q, want %q", got.ID, want.ID)
		}
	})
}

// From the instant at which an override ends the pool follows its demand again: the
// stabilisation windows remember what the demand asked for meanwhile.
func TestAnOverrideEndsWhenItEnds(t *testing.T) {
	for _, tt := range []struct {
		name      string
		override  *Override
		meanwhile int
		load      float64
		after     int
	}{
		{"exactly many", exactly(30), 30, 100, 10},
		{"exactly few", exactly(3), 3, 200, 20},
		{"hold", ordered(Override{Hold: true}), 10, 200, 20},
		{"disable", ordered(Override{Disable: true}), 10, 50, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Policy{Pool: testPool()}
			p.Pool.Behavior.ScaleUp.StabilizationWindow = 10 * time.Minute
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 10 * time.Minute
			st, n := State{}, 10
			for now := noon; !now.After(tt.override.End); now = now.Add(30 * time.Second) {
				in := Input{Now: now, Current: running(n), Load: Sample{Value: tt.load, Time: now, Quality: OK}}
				if o, ok := ActiveOverride([]Override{*tt.override}, "nba", now); ok {
					in.Override = &o
				}
				in.Outlook = Outlook{Model: "m", Load: tt.load, At: now, Upper: 1e6, Origin: now}
				var d Decision
				d, st = p.Decide(in, st)
				if in.Override != nil && d.Desired != tt.meanwhile {
					t.Fatalf("at %s: got %d, want %d: %+v", now, d.Desired, tt.meanwhile, d.Reasons)
				}
				if now.Equal(tt.override.End) && d.Desired != tt.after {
					t.Fatalf("at its end: got %d, want %d: %+v", d.Desired, tt.after, d.Reasons)
				}
				if d.Direction() != None {
					st, n = st.Carried(p.Pool, d, Outcome{Result: Accepted}), d.Desired
				}
			}
		})
	}
}

func TestOverrideIsToldInWords(t *testing.T) {
	for _, tt := range []struct {
		override *Override
		want     string
	}{
		{exactly(12), "wants exactly 12 agents"},
		{atLeast(3), "wants at least 3 agents"},
		{atMost(9), "wants at most 9 agents"},
		{ordered(Override{Min: agents(3), Max: agents(9)}), "wants 3 to 9 agents"},
		{ordered(Override{Hold: true}), "holds the pool"},
		{ordered(Override{Disable: true, Hold: true}), "leaves the pool alone"},
		{ordered(Override{Mode: DryRun}), "puts the pool into mode dry_run"},
		{ordered(Override{Mode: Active, Min: agents(3)}), "puts the pool into mode active and wants at least 3 agents"},
	} {
		want := "an override by ann until Thu 13:00 " + tt.want + ": the finals"
		if got := tt.override.detail(newYork); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestProblemsOfOrders(t *testing.T) {
	n := func(x int) *int { return &x }
	for _, tt := range []struct {
		name  string
		order Order
		want  []string
	}{
		{"exact", Order{Exact: n(0)}, nil},
		{"min and max", Order{Min: n(3), Max: n(3)}, nil},
		{"max", Order{Max: n(maxAgents)}, nil},
		{"hold", Order{Hold: true}, nil},
		{"disable", Order{Disable: true}, nil},
		{"nothing", Order{}, []string{"nothing is ordered; give min, max, exact, hold, disable or mode"}},
		{"mode", Order{Mode: DryRun}, nil},
		{"mode and min", Order{Mode: Active, Min: n(3)}, nil},
		{"disable and mode", Order{Disable: true, Mode: Active}, []string{"disable and mode do not go together: nobody is called in any mode; give one of them"}},
		{"no mode", Order{Mode: "off"}, []string{`mode must be dry_run, scale_up_only or active, got "off"`}},
		{"three kinds", Order{Min: n(1), Exact: n(2), Hold: true}, []string{"min or max and exact and hold do not go together; give one of them"}},
		{"two kinds", Order{Hold: true, Disable: true}, []string{"hold and disable do not go together; give one of them"}},
		{"wrong numbers", Order{Min: n(3), Max: n(-1)}, []string{"max must be between 0 and 1048576 agents, got -1", "min 3 > max -1"}},
		{"too many", Order{Exact: n(maxAgents + 1)}, []string{"exact must be between 0 and 1048576 agents, got 1048577"}},
	} {
		if diff := cmp.Diff(tt.want, tt.order.Problems()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if o := (Order{Exact: n(4), Mode: DryRun}).Override(); *o.Min != 4 || *o.Max != 4 || o.Mode != DryRun {
		t.Errorf("exactly 4 became %+v", o)
	}
}

func TestTheSaferMode(t *testing.T) {
	for _, tt := range []struct{ mode, limit, want Mode }{
		{Active, Active, Active},
		{Active, ScaleUpOnly, ScaleUpOnly},
		{Active, DryRun, DryRun},
		{ScaleUpOnly, Active, ScaleUpOnly},
		{DryRun, Active, DryRun},
	} {
		if got := tt.mode.AtMost(tt.limit); got != tt.want {
			t.Errorf("%s, at most %s: got %s, want %s", tt.mode, tt.limit, got, tt.want)
		}
	}
}
