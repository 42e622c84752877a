package policy

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var newYork = mustLocation("America/New_York")

func mustLocation(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// noon is a Thursday without anything special.
var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, newYork)

// pool has no behavior that slows it down but the tolerance.
func testPool() Pool {
	return Pool{
		Name: "nba", Labels: map[string]string{"league": "nba"}, Location: newYork,
		Agents: Agents{Base: 10, Min: 4, Max: 40}, PerAgent: 10, LeadTime: 10 * time.Minute,
		Quantile: 0.9, Sensitivity: 1, Weight: 1, Mode: Active, ForecastMaxAge: time.Hour,
		Behavior: Behavior{
			ScaleUp:   ScalingRules{Tolerance: 0.1, SelectPolicy: SelectMax},
			ScaleDown: ScalingRules{Tolerance: 0.1, SelectPolicy: SelectMax},
		},
	}
}

func load(x float64) Sample { return Sample{Value: x, Time: noon, Quality: OK} }

// outlook is a forecast of at most x within the lead time, which nothing exceeds.
func outlook(x float64) Outlook {
	return Outlook{Model: "holt_winters", Load: x, At: noon.Add(5 * time.Minute), Upper: math.MaxFloat64, Origin: noon.Add(-5 * time.Minute)}
}

func running(n int) Count { return Count{Agents: n, Ready: n, Known: true} }

// watched is a state that has watched long enough to lower.
func watched() State { return State{Since: noon.Add(-24 * time.Hour)} }

func codes(d Decision) []Code {
	var cs []Code
	for _, r := range d.Reasons {
		cs = append(cs, r.Code)
	}
	return cs
}

// decideCase is a decision about a pool with 10 agents, a load of 100 that needs 10,
// a forecast of 90, and no rules, but for what is changed.
type decideCase struct {
	name   string
	change func(p *Policy, in *Input, st *State)
	want   int
	why    []Code
}

func runDecide(t *testing.T, tests []decideCase) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Policy{Pool: testPool()}
			in := Input{Now: noon, Current: running(10), Load: load(100), Outlook: outlook(90)}
			st := watched()
			tt.change(&p, &in, &st)
			in.Timeline = p.Timeline(nil)
			d, _ := p.Decide(in, st)
			checkDecision(t, p, in, st, d)
			if d.Desired != tt.want {
				t.Errorf("desired = %d, want %d; reasons %+v", d.Desired, tt.want, d.Reasons)
			}
			if diff := cmp.Diff(tt.why, codes(d)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s%+v", diff, d.Reasons)
			}
		})
	}
}

func TestDecide(t *testing.T) {
	during := func(name, from, to string) []Schedule { return []Schedule{schedule(t, name, from, to)} }
	runDecide(t, []decideCase{
		{"follows the load", func(_ *Policy, in *Input, _ *State) { in.Load = load(200) }, 20, []Code{ReasonReactive}},
		{"follows the forecast ahead of the load", func(_ *Policy, in *Input, _ *State) { in.Outlook = outlook(250) }, 25, []Code{ReasonForecast}},
		{"a forecast never lowers the reactive floor", func(_ *Policy, in *Input, _ *State) { in.Load, in.Outlook = load(200), outlook(10) }, 20, []Code{ReasonReactive}},
		{"scales down", func(_ *Policy, in *Input, _ *State) { in.Load, in.Outlook = load(50), outlook(50) }, 5, []Code{ReasonReactive}},
		{"leaves small gaps alone", func(_ *Policy, in *Input, _ *State) { in.Load = load(108) }, 10, []Code{ReasonReactive, ReasonTolerance}},
		{"rounds noise away", func(_ *Policy, in *Input, _ *State) { in.Load = load(200.00000000001) }, 20, []Code{ReasonReactive}},
		{"closes a share of the gap upward", func(p *Policy, in *Input, _ *State) { p.Pool.Sensitivity, in.Load = 0.7, load(200) }, 17, []Code{ReasonReactive, ReasonSensitivity}},
		{"closes a share of the gap downward", func(p *Policy, in *Input, _ *State) {
			p.Pool.Sensitivity, in.Load, in.Outlook = 0.7, load(45), outlook(45)
		}, 6, []Code{ReasonReactive, ReasonSensitivity}},
		{"keeps the pool's minimum", func(_ *Policy, in *Input, _ *State) { in.Load, in.Outlook = load(0), outlook(0) }, 4, []Code{ReasonReactive, ReasonPoolMin}},
		{"keeps the pool's maximum", func(_ *Policy, in *Input, _ *State) { in.Load = load(1e300) }, 40, []Code{ReasonReactive, ReasonPoolMax}},
		{"lowers to the maximum at once", func(_ *Policy, in *Input, st *State) {
			in.Current, in.Load = running(60), Sample{Quality: Error, Detail: "connection refused"}
			*st = State{}
		}, 40, []Code{ReasonForecast, ReasonLoadUnknown, ReasonPoolMax}},
		{"lifts to the minimum at once", func(p *Policy, in *Input, _ *State) {
			in.Current, p.Pool.Behavior.ScaleUp.SelectPolicy = running(1), SelectDisabled
		}, 4, []Code{ReasonReactive, ReasonStepLimit, ReasonPoolMin}},

		{"holds when the load is empty", func(_ *Policy, in *Input, _ *State) { in.Load = Sample{} }, 10, []Code{ReasonForecast, ReasonLoadUnknown}},
		{"holds when the load is stale", func(_ *Policy, in *Input, _ *State) {
			in.Load = Sample{Value: 1, Quality: Stale}
			in.Outlook = outlook(50)
		}, 10, []Code{ReasonForecast, ReasonLoadUnknown}},
		{"holds when the load is partial and low", func(_ *Policy, in *Input, _ *State) {
			in.Load = Sample{Value: 50, Time: noon, Quality: Partial}
			in.Outlook = outlook(50)
		}, 10, []Code{ReasonReactive, ReasonLoadUnknown}},
		{"a load that is not a number is not known", func(_ *Policy, in *Input, _ *State) { in.Load = load(math.NaN()) }, 10, []Code{ReasonForecast, ReasonLoadUnknown}},
		{"nor is one that is negative", func(_ *Policy, in *Input, _ *State) { in.Load = load(-1) }, 10, []Code{ReasonForecast, ReasonLoadUnknown}},
		{"nor is one that is infinite", func(_ *Policy, in *Input, _ *State) { in.Load = load(math.Inf(1)) }, 10, []Code{ReasonForecast, ReasonLoadUnknown}},
		{"raises when the load is partial and high", func(_ *Policy, in *Input, _ *State) { in.Load = Sample{Value: 200, Time: noon, Quality: Partial} }, 20, []Code{ReasonReactive}},
		{"raises by the forecast while the load is unknown", func(_ *Policy, in *Input, _ *State) {
			in.Load, in.Outlook = Sample{Quality: Error}, outlook(300)
		}, 30, []Code{ReasonForecast}},
		{"the profile stands in when the forecast is too old", func(p *Policy, in *Input, _ *State) {
			in.Load, in.Outlook = Sample{Quality: Error}, outlook(300)
			in.Outlook.Origin = noon.Add(-2 * time.Hour)
			p.Rules = []Rule{{Name: "evening", Demand: &DemandEffect{Multiply: 1.5}}}
		}, 15, []Code{ReasonProfile}},
		{"a forecast of the greatest age still counts", func(_ *Policy, in *Input, _ *State) {
			in.Outlook = outlook(300)
			in.Outlook.Origin = noon.Add(-time.Hour)
		}, 30, []Code{ReasonForecast}},
		{"and no older one", func(_ *Policy, in *Input, _ *State) {
			in.Outlook = outlook(300)
			in.Outlook.Origin = noon.Add(-time.Hour - time.Nanosecond)
		}, 10, []Code{ReasonReactive}},
		{"the profile sees a window that opens within the lead time", func(p *Policy, in *Input, _ *State) {
			in.Outlook = Outlook{}
			p.Rules = []Rule{{Name: "lunch", When: Condition{During: during("lunch", "12:08", "13:00")}, Demand: &DemandEffect{Multiply: 2}}}
		}, 20, []Code{ReasonProfile}},
		{"drops an absurd forecast", func(_ *Policy, in *Input, _ *State) { in.LargestLoad, in.Outlook = 100, outlook(2000) }, 10, []Code{ReasonReactive}},
		{"drops an infinite forecast", func(_ *Policy, in *Input, _ *State) { in.Outlook = outlook(math.Inf(1)) }, 10, []Code{ReasonReactive}},
		{"drops a forecast that is not a number", func(_ *Policy, in *Input, _ *State) { in.Outlook = outlook(math.NaN()) }, 10, []Code{ReasonReactive}},
		{"touches nothing when the count is unknown", func(_ *Policy, in *Input, st *State) {
			in.Current, in.Load = Count{Detail: "timeout"}, load(300)
			st.Current = running(12)
		}, 12, []Code{ReasonCurrentUnknown}},
		{"extrapolates a burst that nobody foresaw", func(_ *Policy, in *Input, st *State) {
			st.Samples = []Point{{noon.Add(-2 * time.Minute), 150}, {noon.Add(-time.Minute), 160}}
			in.Load, in.Outlook = load(170), Outlook{Model: "m", Load: 100, At: noon, Upper: 120, Origin: noon}
		}, 27, []Code{ReasonReactive}}, // 170 + 10 a minute · 10 minutes = 270
		{"bounds the extrapolation of a burst", func(_ *Policy, in *Input, st *State) {
			st.Samples = []Point{{noon.Add(-2 * time.Minute), 10}, {noon.Add(-time.Minute), 125}}
			in.Load, in.Outlook = load(130), Outlook{Model: "m", Load: 100, At: noon, Upper: 120, Origin: noon}
		}, 26, []Code{ReasonReactive}},

		{"an upper quantile that is not a number was not exceeded", func(_ *Policy, in *Input, st *State) {
			st.Samples = []Point{{noon.Add(-2 * time.Minute), 150}, {noon.Add(-time.Minute), 160}}
			in.Load, in.Outlook = load(170), Outlook{Model: "m", Load: 100, At: noon, Upper: math.NaN(), Origin: noon}
		}, 16, []Code{ReasonReactive}},
		{"one high sample is no burst", func(_ *Policy, in *Input, st *State) {
			st.Samples = []Point{{noon.Add(-2 * time.Minute), 100}, {noon.Add(-time.Minute), 110}}
			in.Load, in.Outlook = load(180), Outlook{Model: "m", Load: 100, At: noon, Upper: 120, Origin: noon}
		}, 13, []Code{ReasonReactive}},
		{"noise in a share does not lower", func(p *Policy, in *Input, _ *State) {
			p.Pool.Sensitivity = 0.56 // 15.999999999999998
			in.Current, in.Load, in.Outlook = running(30), load(50), outlook(50)
		}, 16, []Code{ReasonReactive, ReasonSensitivity}},
		{"without a forecast what is declared of a learned effect counts", func(p *Policy, in *Input, _ *State) {
			in.Outlook = Outlook{}
			p.Rules = []Rule{{Name: "lunch", When: Condition{During: during("lunch", "12:00", "13:00")}, Demand: &DemandEffect{Multiply: 2, Learned: true}}}
		}, 20, []Code{ReasonProfile}},
		{"the profile adds agents after all factors", func(p *Policy, in *Input, _ *State) {
			in.Outlook = Outlook{}
			p.Rules = []Rule{{Name: "more", Demand: &DemandEffect{Multiply: 1, Add: 2.5}}, {Name: "double", Demand: &DemandEffect{Multiply: 2}}}
		}, 23, []Code{ReasonProfile}},
		{"the profile of rules without bounds is bounded", func(p *Policy, in *Input, _ *State) {
			in.Outlook = Outlook{}
			huge := Rule{Name: "huge", Demand: &DemandEffect{Multiply: math.MaxFloat64}}
			p.Rules = []Rule{huge, huge, {Name: "none", Demand: &DemandEffect{}}}
		}, 10, []Code{ReasonReactive}},

		{"keeps a rule's floor exactly", func(p *Policy, _ *Input, _ *State) {
			p.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 11}}}}
		}, 11, []Code{ReasonReactive, ReasonRuleMin}},
		{"keeps a rule's ceiling", func(p *Policy, in *Input, _ *State) {
			in.Load = load(350)
			p.Rules = []Rule{{Name: "off-season", Bounds: &BoundsEffect{Max: &Bound{Percent: 60}}}}
		}, 24, []Code{ReasonReactive, ReasonRuleMax}},
		{"the ceiling wins over the floor", func(p *Policy, _ *Input, _ *State) {
			p.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 20}}}, {Name: "ceiling", Bounds: &BoundsEffect{Max: &Bound{Agents: 15}}}}
		}, 15, []Code{ReasonReactive, ReasonRuleMin, ReasonRuleMax}},
		{"a rule outside its window does nothing", func(p *Policy, _ *Input, _ *State) {
			p.Rules = []Rule{{Name: "night", When: Condition{During: during("night", "22:00", "24:00")}, Bounds: &BoundsEffect{Min: &Bound{Agents: 20}}}}
		}, 10, []Code{ReasonReactive}},

		{"waits to shrink", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
			st.Recommendations = []Recommendation{{noon.Add(-4 * time.Minute), 9}, {noon.Add(-6 * time.Minute), 30}}
			in.Load, in.Outlook = load(50), outlook(50)
		}, 9, []Code{ReasonReactive, ReasonStabilization}},
		{"does not shrink before one window was watched", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
			in.Load, in.Outlook = load(50), outlook(50)
			*st = State{}
		}, 10, []Code{ReasonReactive, ReasonStabilization}},
		{"waits to grow", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleUp.StabilizationWindow = time.Minute
			st.Recommendations = []Recommendation{{noon.Add(-30 * time.Second), 12}}
			in.Load = load(300)
		}, 12, []Code{ReasonReactive, ReasonStabilization}},
		{"takes the larger step", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies = []StepPolicy{{StepAgents, 4, time.Minute}, {StepPercent, 50, time.Minute}}
			in.Load = load(300)
		}, 15, []Code{ReasonReactive, ReasonStepLimit}},
		{"a share of the agents is not rounded up by noise", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies, p.Pool.Agents.Max = []StepPolicy{{StepPercent, 7, time.Minute}}, 200
			in.Current, in.Load = running(100), load(1500)
		}, 107, []Code{ReasonReactive, ReasonStepLimit}},
		{"a share of few agents is one", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies = []StepPolicy{{StepPercent, 1, time.Minute}}
			in.Load = load(300)
		}, 11, []Code{ReasonReactive, ReasonStepLimit}},
		{"and so is a share of none", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies, p.Pool.Agents.Min = []StepPolicy{{StepPercent, 50, time.Minute}}, 0
			in.Current, in.Load = running(0), load(300)
		}, 1, []Code{ReasonReactive, ReasonStepLimit}},
		{"takes the smaller step", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Policies = []StepPolicy{{StepAgents, 4, time.Minute}, {StepPercent, 50, time.Minute}}
			p.Pool.Behavior.ScaleUp.SelectPolicy, in.Load = SelectMin, load(300)
		}, 14, []Code{ReasonReactive, ReasonStepLimit}},
		{"counts the steps of the period", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleDown.Policies = []StepPolicy{{StepAgents, 4, time.Minute}}
			st.Scalings = []Scaling{{noon.Add(-30 * time.Second), 13, 10}, {noon.Add(-90 * time.Second), 40, 13}}
			in.Load, in.Outlook = load(40), outlook(40)
		}, 9, []Code{ReasonReactive, ReasonStepLimit}},
		{"cools down", func(p *Policy, in *Input, st *State) {
			p.Pool.Behavior.ScaleDown.Cooldown = 10 * time.Minute
			st.Scalings = []Scaling{{noon.Add(-9 * time.Minute), 13, 10}}
			in.Load, in.Outlook = load(40), outlook(40)
		}, 10, []Code{ReasonReactive, ReasonCooldown}},
		{"a gap of just the tolerance is left alone", func(p *Policy, in *Input, _ *State) {
			p.Pool.Behavior.ScaleUp.Tolerance, in.Load = 0.3, load(130) // 1.3 - 1 is more than 0.3
		}, 10, []Code{ReasonReactive, ReasonTolerance}},
		{"never lowers in scale_up_only", func(p *Policy, in *Input, _ *State) {
			p.Pool.Mode, in.Load, in.Outlook = ScaleUpOnly, load(50), outlook(50)
		}, 10, []Code{ReasonReactive, ReasonMode}},
	})
}

// Rules that hold keep the pool from following its demand, not from their bounds.
func TestDecideHolds(t *testing.T) {
	hold := func(kind HoldEffect, more ...Rule) []Rule {
		return append([]Rule{{Name: "freeze", Hold: kind}}, more...)
	}
	floor := Rule{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 14}}}
	ceiling := Rule{Name: "ceiling", Bounds: &BoundsEffect{Max: &Bound{Agents: 7}}}
	quiet := func(in *Input) { in.Load, in.Outlook = load(50), outlook(50) }
	runDecide(t, []decideCase{
		{"down: does not shrink", func(p *Policy, in *Input, _ *State) { p.Rules = hold(HoldDown); quiet(in) }, 10, []Code{ReasonReactive, ReasonRuleHold}},
		{"down: grows", func(p *Policy, in *Input, _ *State) { p.Rules, in.Load = hold(HoldDown), load(200) }, 20, []Code{ReasonReactive}},
		{"both: does not shrink", func(p *Policy, in *Input, _ *State) { p.Rules = hold(HoldBoth); quiet(in) }, 10, []Code{ReasonReactive, ReasonRuleHold}},
		{"both: does not grow", func(p *Policy, in *Input, _ *State) { p.Rules, in.Load = hold(HoldBoth), load(200) }, 10, []Code{ReasonReactive, ReasonRuleHold}},
		{"both: a demand that is met leaves no trace", func(p *Policy, _ *Input, _ *State) { p.Rules = hold(HoldBoth) }, 10, []Code{ReasonReactive}},
		{"a floor lifts a pool that is held", func(p *Policy, in *Input, _ *State) { p.Rules = hold(HoldBoth, floor); quiet(in) }, 14, []Code{ReasonReactive, ReasonRuleHold, ReasonRuleMin}},
		{"to the floor and no further", func(p *Policy, in *Input, _ *State) { p.Rules, in.Load = hold(HoldBoth, floor), load(200) }, 14, []Code{ReasonReactive, ReasonRuleHold, ReasonRuleMin}},
		{"a ceiling lowers a pool that is held", func(p *Policy, _ *Input, _ *State) { p.Rules = hold(HoldBoth, ceiling) }, 7, []Code{ReasonReactive, ReasonRuleMax}},
		{"the pool's maximum does as well", func(p *Policy, in *Input, _ *State) { p.Rules, in.Current = hold(HoldBoth), running(50) }, 40, []Code{ReasonReactive, ReasonRuleHold, ReasonPoolMax}},
		{"outside its window it does nothing", func(p *Policy, in *Input, _ *State) {
			p.Rules = hold(HoldBoth)
			p.Rules[0].When.During = []Schedule{schedule(t, "night", "22:00", "24:00")}
			quiet(in)
		}, 5, []Code{ReasonReactive}},
		{"nor where it must not", func(p *Policy, in *Input, _ *State) {
			p.Rules = hold(HoldBoth)
			p.Rules[0].Unless = &Condition{During: []Schedule{schedule(t, "noon", "12:00", "12:01")}}
			quiet(in)
		}, 5, []Code{ReasonReactive}},
	})
}

// Of several rules that hold a pool that whose name comes first is told.
func TestTheFirstHoldIsTold(t *testing.T) {
	p := Policy{Pool: testPool(), Rules: []Rule{{Name: "b", Hold: HoldBoth}, {Name: "a", Hold: HoldDown}, {Name: "c", Hold: HoldBoth}}}
	for x, want := range map[float64]Reason{
		50:  {ReasonRuleHold, 5, 10, "a", "rule a holds the pool at 10"},
		200: {ReasonRuleHold, 20, 10, "b", "rule b holds the pool at 10"}, // a holds it downward only
	} {
		d, _ := p.Decide(Input{Now: noon, Current: running(10), Load: load(x), Outlook: outlook(x)}, watched())
		if diff := cmp.Diff(want, d.Reasons[1]); diff != "" {
			t.Errorf("load %g (-want +got):\n%s", x, diff)
		}
	}
}

// Unless decides, to the minute, when a rule does not hold.
func TestUnlessIsHalfOpen(t *testing.T) {
	p := Policy{Pool: testPool(), Rules: []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 20}}, Unless: &Condition{During: []Schedule{schedule(t, "lunch", "12:00", "13:00")}}}}}
	for at, want := range map[time.Duration]int{-time.Nanosecond: 20, 0: 10, time.Hour - time.Nanosecond: 10, time.Hour: 20} {
		now := noon.Add(at)
		d, _ := p.Decide(Input{Now: now, Current: running(10), Load: Sample{Value: 100, Time: now, Quality: OK}}, watched())
		if d.Desired != want {
			t.Errorf("at %s: got %d, want %d: %+v", now, d.Desired, want, d.Reasons)
		}
	}
}

// What is remembered is what the demand asks for within the bounds of rules, pool and
// budgets: the current agents while it is not known or nearly theirs.
func TestDecideRemembersWhatWasAsked(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *Policy, in *Input)
		want   int
	}{
		{"the demand", func(_ *Policy, in *Input) { in.Load = load(200) }, 20},
		{"less than there is", func(_ *Policy, in *Input) { in.Load, in.Outlook = load(50), outlook(50) }, 5},
		{"not slowed down", func(p *Policy, in *Input) { p.Pool.Behavior.ScaleUp.SelectPolicy, in.Load = SelectDisabled, load(200) }, 20},
		{"an unknown demand is the current one", func(_ *Policy, in *Input) { in.Load, in.Outlook = Sample{Quality: Stale}, outlook(50) }, 10},
		{"unless more is foreseen", func(_ *Policy, in *Input) { in.Load, in.Outlook = Sample{Quality: Stale}, outlook(150) }, 15},
		{"one within the tolerance as well", func(_ *Policy, in *Input) { in.Load, in.Outlook = load(90), outlook(90) }, 10},
		{"above or below", func(_ *Policy, in *Input) { in.Load = load(108) }, 10},
		{"within the pool's bounds", func(_ *Policy, in *Input) { in.Load = load(900) }, 40},
		{"and a rule's", func(p *Policy, _ *Input) {
			p.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 14}}}}
		}, 14},
		{"and a budget's", func(_ *Policy, in *Input) { in.Budgets = []BudgetCap{{"tweets", 3, ReasonBudget, "few are left"}} }, 3},
		{"not those of an override", func(_ *Policy, in *Input) { in.Override = exactly(33) }, 10},
	} {
		p, in := Policy{Pool: testPool()}, Input{Now: noon, Current: running(10), Load: load(100), Outlook: outlook(90)}
		tt.change(&p, &in)
		d, st := p.Decide(in, watched())
		if diff := cmp.Diff([]Recommendation{{noon, tt.want}}, st.Recommendations); diff != "" {
			t.Errorf("%s (-want +got):\n%s%+v", tt.name, diff, d.Reasons)
		}
	}
}

func TestDecideDoesNotChangeTheStateItWasGiven(t *testing.T) {
	p := Policy{Pool: testPool()}
	p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
	given := State{
		Since:           noon.Add(-time.Hour),
		Samples:         append(make([]Point, 0, 8), Point{noon.Add(-time.Minute), 90}),
		Recommendations: append(make([]Recommendation, 0, 8), Recommendation{noon.Add(-time.Minute), 9}),
		Scalings:        append(make([]Scaling, 0, 8), Scaling{noon.Add(-time.Hour), 1, 2}),
	}
	before := State{given.Since, given.LoadKnown, given.Current, append([]Point(nil), given.Samples...), append([]Recommendation(nil), given.Recommendations...), append([]Scaling(nil), given.Scalings...), given.Asked, given.Doubts, given.Pause}
	p.Decide(Input{Now: noon, Current: running(10), Load: load(100)}, given)
	given.Carried(p.Pool, Decision{Time: noon, Current: 10, Desired: 12}, Outcome{Result: Accepted})
	if diff := cmp.Diff(before, State{given.Since, given.LoadKnown, given.Current, given.Samples, given.Recommendations, given.Scalings, given.Asked, given.Doubts, given.Pause}); diff != "" {
		t.Errorf("state changed (-before +after):\n%s", diff)
	}
	if extra := given.Samples[:2][1]; extra != (Point{}) {
		t.Errorf("wrote %v behind the samples that were given", extra)
	}
}

// What stands in for a load that was last known 10 minutes ago.
func TestOnDataLoss(t *testing.T) {
	twenty := DataLoss{Then: ThenAgents, Agents: 20}
	later := func(lost DataLoss, after time.Duration) DataLoss {
		lost.After = after
		return lost
	}
	doubled := []Rule{{Name: "evening", Demand: &DemandEffect{Multiply: 2}}}
	tests := []struct {
		name    string
		lost    DataLoss
		load    Sample
		outlook Outlook
		want    int
		why     []Code
	}{
		{"the profile, unless told otherwise", DataLoss{}, Sample{}, Outlook{}, 20, []Code{ReasonProfile}},
		{"the profile, not yet", later(DataLoss{}, 10*time.Minute+1), Sample{}, Outlook{}, 10, []Code{ReasonDataLoss}},
		{"the profile, now", later(DataLoss{}, 10*time.Minute), Sample{}, Outlook{}, 20, []Code{ReasonProfile}},
		{"the profile is not for those with a forecast", DataLoss{}, Sample{}, outlook(120), 12, []Code{ReasonForecast}},
		{"agents", twenty, Sample{}, Outlook{}, 20, []Code{ReasonDataLoss}},
		{"agents, not yet", later(twenty, time.Hour), Sample{}, Outlook{}, 10, []Code{ReasonDataLoss}},
		{"agents, beside a forecast of fewer", twenty, Sample{}, outlook(120), 20, []Code{ReasonDataLoss}},
		{"agents, beside a forecast of more", twenty, Sample{}, outlook(250), 25, []Code{ReasonForecast}},
		{"agents, not yet, beside a forecast", later(twenty, time.Hour), Sample{}, outlook(120), 12, []Code{ReasonForecast}},
		{"fewer agents than there are take none", DataLoss{Then: ThenAgents, Agents: 5}, Sample{}, Outlook{}, 10, []Code{ReasonDataLoss, ReasonLoadUnknown}},
		{"agents, within the pool's bounds", DataLoss{Then: ThenAgents, Agents: 1000}, Sample{}, Outlook{}, 40, []Code{ReasonDataLoss, ReasonPoolMax}},
		{"hold", DataLoss{Then: ThenHold}, Sample{}, Outlook{}, 10, []Code{ReasonDataLoss}},
		{"hold goes on to follow a forecast", DataLoss{Then: ThenHold}, Sample{}, outlook(300), 30, []Code{ReasonForecast}},
		{"a load that is known is none that is lost", twenty, load(110), Outlook{}, 20, []Code{ReasonProfile}},
		{"nor is one that may only raise", twenty, Sample{Value: 150, Time: noon, Quality: Partial}, outlook(120), 15, []Code{ReasonReactive}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Policy{Pool: testPool(), Rules: doubled}
			p.Pool.OnDataLoss = tt.lost
			in := Input{Now: noon, Current: running(10), Load: tt.load, Outlook: tt.outlook, Timeline: p.Timeline(nil)}
			st := watched()
			st.LoadKnown = noon.Add(-10 * time.Minute)
			d, _ := p.Decide(in, st)
			checkDecision(t, p, in, st, d)
			if diff := cmp.Diff(tt.why, codes(d)); diff != "" || d.Desired != tt.want {
				t.Errorf("%d agents, want %d; reasons (-want +got):\n%s%+v", d.Desired, tt.want, diff, d.Reasons)
			}
		})
	}
}

// The time without a load counts from when it was last known, or else from the
// begin of the watch, and not beyond a clock that is set back.
func TestTheLoadIsUnknownSince(t *testing.T) {
	p := Policy{Pool: testPool()}
	p.Pool.OnDataLoss = DataLoss{After: 5 * time.Minute, Then: ThenAgents, Agents: 20}
	var st State
	for _, step := range []struct {
		at   time.Duration
		load Sample
		want int
	}{
		{0, Sample{}, 10}, {5 * time.Minute, Sample{}, 20},
		{6 * time.Minute, load(100), 10}, {10 * time.Minute, Sample{Quality: Error}, 10}, {11 * time.Minute, Sample{Quality: Stale}, 20},
		{12 * time.Minute, load(100), 10}, {8 * time.Minute, Sample{}, 10}, {13 * time.Minute, Sample{}, 20},
	} {
		var d Decision
		step.load.Time = noon.Add(step.at)
		if d, st = p.Decide(Input{Now: noon.Add(step.at), Current: running(10), Load: step.load}, st); d.Desired != step.want {
			t.Errorf("after %s: %d agents, want %d: %+v", step.at, d.Desired, step.want, d.Reasons)
		}
	}
}

// Over an hour of ticks with a load that wavers within the tolerance nothing changes (I16, I20).
func TestDecideDoesNotFlap(t *testing.T) {
	p := Policy{Pool: testPool()}
	p.Pool.Behavior.ScaleDown.StabilizationWindow = 5 * time.Minute
	st, agents, changes := State{}, 10, 0
	for i := range 120 {
		now := noon.Add(time.Duration(i) * 30 * time.Second)
		x := 100 + 9*math.Sin(float64(i))
		in := Input{Now: now, Current: running(agents), Load: Sample{Value: x, Time: now, Quality: OK}, Outlook: Outlook{Model: "m", Load: x, At: now, Upper: math.MaxFloat64, Origin: now}}
		var d Decision
		d, st = p.Decide(in, st)
		if d.Desired != agents {
			changes++
			st = st.Carried(p.Pool, d, Outcome{Result: Accepted})
			agents = d.Desired
		}
	}
	if changes != 0 {
		t.Errorf("%d changes, want none", changes)
	}
}

// I29: after the clock was set back the pool shrinks only when one window was watched
// again, and what lies ahead cools nothing down.
func TestDecideWhenTheClockIsSetBack(t *testing.T) {
	p := Policy{Pool: testPool()}
	p.Pool.Behavior.ScaleDown.StabilizationWindow, p.Pool.Behavior.ScaleUp.Cooldown = 5*time.Minute, time.Hour
	ahead := watched()
	ahead.Recommendations = []Recommendation{{noon.Add(time.Hour), 10}}
	ahead.Scalings = []Scaling{{noon.Add(59 * time.Minute), 9, 10}}
	st := ahead
	tick := func(at time.Duration, x float64) Decision {
		now := noon.Add(at)
		in := Input{Now: now, Current: running(10), Load: Sample{Value: x, Time: now, Quality: OK}, Outlook: Outlook{Model: "m", Load: x, At: now, Upper: 1e6, Origin: now}}
		var d Decision
		d, st = p.Decide(in, st)
		return d
	}
	for at := time.Duration(0); at <= 5*time.Minute; at += 30 * time.Second {
		want := 10
		if at == 5*time.Minute {
			want = 5
		}
		if d := tick(at, 50); d.Desired != want {
			t.Errorf("down after %s: got %d, want %d: %+v", at, d.Desired, want, d.Reasons)
		}
	}
	st = ahead
	for _, at := range []time.Duration{0, time.Hour} {
		if d := tick(at, 200); d.Desired != 20 {
			t.Errorf("up after %s: got %d, want 20: %+v", at, d.Desired, d.Reasons)
		}
	}
}

// The reason of a demand names the rules that have a part in it: those active when it
// is largest, of a group the one that counts, and none without effect.
func TestTheDemandNamesItsRules(t *testing.T) {
	p := Policy{Pool: testPool(), Rules: []Rule{
		{Name: "z", Demand: &DemandEffect{Multiply: 1.5}},
		{Name: "one", Demand: &DemandEffect{Multiply: 1}},
		{Name: "now", When: Condition{During: []Schedule{schedule(t, "now", "12:00", "12:05")}}, Demand: &DemandEffect{Multiply: 1, Add: 2}},
		{Name: "at the peak", When: Condition{During: []Schedule{schedule(t, "peak", "12:05", "12:06")}}, Demand: &DemandEffect{Multiply: 2}},
		{Name: "later", When: Condition{During: []Schedule{schedule(t, "later", "12:06", "13:00")}}, Demand: &DemandEffect{Multiply: 1, Add: 1}},
		{Name: "outdone", Demand: &DemandEffect{Multiply: 1.1, Group: "g"}},
		{Name: "b of equals", Demand: &DemandEffect{Multiply: 1.2, Group: "g"}},
		{Name: "a of equals", Demand: &DemandEffect{Multiply: 1.2, Group: "g"}},
		{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: 1}}},
	}}
	d, _ := p.Decide(Input{Now: noon, Current: running(10), Load: load(100), Outlook: outlook(200)}, watched())
	want := "the forecast expects up to 200 at 12:05 (quantile 0.9), needs 20 agents of 10 with a of equals, at the peak, z"
	if got := d.Reasons[0].Detail; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	d, _ = p.Decide(Input{Now: noon, Current: running(10), Load: load(100)}, watched())
	want = "no usable forecast; base 10 agents with known effects, needs 36 agents of 10 with a of equals, at the peak, z"
	if got := d.Reasons[0].Detail; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want = "load 300 needs 30 agents of 10"
	d, _ = p.Decide(Input{Now: noon, Current: running(10), Load: load(300), Outlook: outlook(200)}, watched())
	if got := d.Reasons[0].Detail; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A pool that cannot be decided is left as it is; what all pools share still binds it.
func TestHoldLeavesThePoolAsItIs(t *testing.T) {
	for _, current := range []Count{running(7), {Agents: 7, Ready: 7}} {
		d := Hold(testPool(), noon, current, ReasonEvaluationFailed, "index out of range")
		checkChain(t, d)
		if d.Desired != 7 || d.Known != current.Known || d.Direction() != None || d.Why() != "index out of range" || !math.IsNaN(d.Demand) {
			t.Errorf("got %+v", d)
		}
	}
}

func TestAge(t *testing.T) {
	if got := load(1).Age(noon.Add(time.Minute)); got != time.Minute {
		t.Errorf("a sample of a minute ago is %s old", got)
	}
	if got := (Sample{}).Age(noon); got != 0 {
		t.Errorf("a sample without a time is %s old", got)
	}
}

func TestDemandIsSteadyWhateverTheNumbers(t *testing.T) {
	for _, x := range []float64{0, 1e-300, 1, 1e12, math.MaxFloat64} {
		p := Policy{Pool: testPool()}
		d, _ := p.Decide(Input{Now: noon, Current: running(10), Load: load(x), Outlook: outlook(x)}, watched())
		if d.Desired < 4 || d.Desired > 40 {
			t.Errorf("load %g: desired = %d, want 4 to 40", x, d.Desired)
		}
	}
}

// A burst of the largest load there is has no end beyond it.
func TestABurstIsFinite(t *testing.T) {
	p := Policy{Pool: testPool()}
	st := watched()
	st.Samples = []Point{{noon.Add(-2 * time.Second), 0.90e308}, {noon.Add(-time.Second), 0.95e308}}
	in := Input{Now: noon, Current: running(10), Load: load(1e308), Outlook: Outlook{Model: "m", Load: 1, At: noon, Upper: 1, Origin: noon}}
	in.Timeline = p.Timeline(nil)
	d, _ := p.Decide(in, st)
	checkDecision(t, p, in, st, d)
	if c := d.Candidates[0]; !c.Rising || c.Load != math.MaxFloat64 {
		t.Errorf("got %+v", c)
	}
}

func TestLengthIsWrittenAsPeopleWriteIt(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Minute: "1h30m", 30*time.Second + 1: "30s",
	} {
		if got := length(d); got != want {
			t.Errorf("length(%s): got %s, want %s", d, got, want)
		}
	}
}
