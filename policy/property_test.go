package policy

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// reporter is what rapid and testing have in common.
type reporter interface {
	Helper()
	Fatalf(string, ...any)
}

// between reports whether a step goes towards the current agents and not beyond.
func between(r Reason, current int) bool {
	return min(r.From, current) <= r.To && r.To <= max(r.From, current) && r.To != r.From
}

// law says of each reason what it may do to the number of a decision.
var law = map[Code]func(r Reason, current int) bool{
	ReasonCurrentUnknown:   func(r Reason, current int) bool { return r.From == current && r.To == current },
	ReasonReactive:         func(r Reason, current int) bool { return r.From == current },
	ReasonForecast:         func(r Reason, current int) bool { return r.From == current },
	ReasonProfile:          func(r Reason, current int) bool { return r.From == current },
	ReasonDataLoss:         func(r Reason, current int) bool { return r.From == current },
	ReasonLoadUnknown:      func(r Reason, current int) bool { return r.From < r.To && r.To == current },
	ReasonSensitivity:      between,
	ReasonRuleHold:         func(r Reason, current int) bool { return r.To == current },
	ReasonSeasonMin:        raises,
	ReasonSeasonMax:        lowers,
	ReasonRuleMin:          raises,
	ReasonRuleMax:          lowers,
	ReasonPoolMin:          raises,
	ReasonPoolMax:          lowers,
	ReasonBudget:           lowers,
	ReasonBudgetExhausted:  lowers,
	ReasonBudgetUnknown:    lowers,
	ReasonOverride:         func(r Reason, current int) bool { return r.From != r.To || r.To == current }, // a hold is always told
	ReasonTolerance:        func(r Reason, current int) bool { return r.To == current },
	ReasonStabilization:    between,
	ReasonStepLimit:        between,
	ReasonCooldown:         func(r Reason, current int) bool { return r.To == current },
	ReasonHostUnknown:      func(r Reason, current int) bool { return r.From > r.To && r.To == current },
	ReasonHostLimit:        func(r Reason, current int) bool { return r.From > r.To && r.To == current },
	ReasonHostFit:          func(r Reason, current int) bool { return r.From > r.To && r.To >= current },
	ReasonMaxTotal:         lowers,
	ReasonUnfulfilled:      func(r Reason, current int) bool { return r.From > r.To && r.To == current },
	ReasonPaused:           func(r Reason, current int) bool { return r.To == current },
	ReasonDisabled:         func(r Reason, current int) bool { return r.To == current },
	ReasonMode:             func(r Reason, current int) bool { return r.From < r.To && r.To == current },
	ReasonEvaluationFailed: func(r Reason, current int) bool { return r.From == current && r.To == current },
	ReasonEmergency:        func(r Reason, current int) bool { return r.From >= r.To && r.To < current },
	ReasonEmergencyHold:    func(r Reason, current int) bool { return r.From > r.To && r.To == current },
}

func raises(r Reason, _ int) bool { return r.From < r.To }
func lowers(r Reason, _ int) bool { return r.From > r.To }

// checkChain fails unless the reasons lead from current to desired without a break,
// and each does what it may and says why.
func checkChain(t reporter, d Decision) {
	t.Helper()
	at := d.Current
	for _, r := range d.Reasons {
		if r.From != at {
			t.Fatalf("reason %s starts at %d, not at %d: %+v", r.Code, r.From, at, d.Reasons)
		}
		if allowed, known := law[r.Code]; !known || !allowed(r, d.Current) || r.Detail == "" {
			t.Fatalf("reason %q %q must not lead from %d to %d with %d running: %+v", r.Code, r.Detail, r.From, r.To, d.Current, d.Reasons)
		}
		at = r.To
	}
	if at != d.Desired {
		t.Fatalf("reasons end at %d, desired is %d: %+v", at, d.Desired, d.Reasons)
	}
	if d.Why() == "" {
		t.Fatalf("nobody says why: %+v", d)
	}
}

// limitsOf are the bounds of a pool as the documentation has them: rules, pool,
// budgets, override, each over those before it, and of each the ceiling over the floor.
// Low is what the pool has at least, high what its demand may reach, and most what it
// has at most.
func limitsOf(p Policy, in Input) (low, high, most int) {
	active := in.Timeline.Active(in.Now)
	floor, ceiling, budget, a := 0, math.MaxInt, math.MaxInt, p.Pool.Agents
	season := 1.0
	for _, r := range p.Rules {
		if !slices.Contains(active, r.Name) {
			continue
		}
		if r.Demand != nil {
			if f, ok := r.Demand.ByMonth[time.November]; ok {
				season *= f
			}
		}
		if r.Bounds == nil {
			continue
		}
		if b := r.Bounds.Min; b != nil && b.Percent > 0 {
			floor = max(floor, int(math.Ceil(b.Percent/100*float64(a.Max)-1e-9)))
		} else if b != nil {
			floor = max(floor, b.Agents)
		}
		if b := r.Bounds.Max; b != nil && b.Percent > 0 {
			ceiling = min(ceiling, int(math.Floor(b.Percent/100*float64(a.Max)+1e-9)))
		} else if b != nil {
			ceiling = min(ceiling, b.Agents)
		}
	}
	if s := p.Pool.Season; season < s.Low-1e-9 {
		ceiling = min(ceiling, max(a.Base, int(math.Floor(s.LowMaxPercent/100*float64(a.Max)+1e-9))))
	} else if s.High > 0 && season > s.High+1e-9 {
		floor = max(floor, int(math.Ceil(s.HighMinFactor*float64(a.Base)-1e-9)))
	}
	for _, b := range in.Budgets {
		budget = min(budget, b.Agents)
	}
	least, topmost := 0, math.MaxInt
	poolMin, poolMax := a.Min, a.Max
	if o := in.Override; o != nil && o.Min != nil {
		floor, poolMin, least = 0, 0, min(max(*o.Min, 0), maxAgents)
	}
	if o := in.Override; o != nil && o.Max != nil {
		ceiling, poolMax, budget, topmost = math.MaxInt, math.MaxInt, math.MaxInt, min(max(*o.Max, 0), maxAgents)
	}
	within := func(n int) int {
		n = min(max(n, floor), ceiling)
		n = min(max(n, poolMin), poolMax)
		n = min(n, budget)
		return min(max(n, least), topmost)
	}
	return within(0), within(math.MaxInt), min(max(poolMax, least), topmost)
}

// checkDecision fails unless a decision keeps the promises of every single one.
func checkDecision(t reporter, p Policy, in Input, st State, d Decision) {
	t.Helper()
	checkChain(t, d)
	if d.Desired < 0 || d.Desired > maxAgents {
		t.Fatalf("I5: desired %d is no number of agents: %+v", d.Desired, d.Reasons)
	}
	chosen := 0
	for _, c := range d.Candidates {
		if math.IsNaN(c.Agents) != math.IsNaN(c.Load) || c.Dropped == "" && !(c.Agents >= 0 && c.Agents <= math.MaxFloat64 && c.Load <= math.MaxFloat64) {
			t.Fatalf("I5: candidate %+v", c)
		}
		if !c.Chosen {
			continue
		}
		chosen++
		for _, other := range d.Candidates {
			if c.Dropped != "" || other.Dropped == "" && other.Agents > c.Agents || d.Demand != c.Agents {
				t.Fatalf("demand %g of %+v", d.Demand, d.Candidates)
			}
		}
	}
	if chosen != 1 {
		t.Fatalf("%d candidates are chosen: %+v", chosen, d.Candidates)
	}
	o := in.Override
	if !in.Current.Known {
		if d.Desired != st.Current.Agents || d.Known {
			t.Fatalf("moved to %d without knowing the count: %+v", d.Desired, d.Reasons)
		}
		return
	}
	if d.Current != in.Current.Agents {
		t.Fatalf("current is %d, want %d", d.Current, in.Current.Agents)
	}
	if d.Mode == ScaleUpOnly && d.Direction() == Down {
		t.Fatalf("scale_up_only lowers: %+v", d.Reasons)
	}
	if d.Permitted() && (d.Mode == DryRun || d.Frozen) {
		t.Fatalf("permitted in mode %s, frozen %t", d.Mode, d.Frozen)
	}
	if o != nil && (o.Hold || o.Disable) {
		if d.Direction() != None || d.Frozen != o.Disable {
			t.Fatalf("I3: an override %s, and it is moved from %d to %d, frozen %t: %+v", o.order(), d.Current, d.Desired, d.Frozen, d.Reasons)
		}
		return
	}
	low, high, most := limitsOf(p, in)
	if d.Desired < low {
		t.Fatalf("I2, I3: desired %d is below %d: %+v", d.Desired, low, d.Reasons)
	}
	if d.Direction() == Up && d.Desired > high {
		t.Fatalf("I2, I3: raised to %d, above %d: %+v", d.Desired, high, d.Reasons)
	}
	if p.Pool.Mode == ScaleUpOnly {
		most = max(most, d.Current)
	}
	if d.Desired > most {
		t.Fatalf("I2, I3: desired %d is above %d: %+v", d.Desired, most, d.Reasons)
	}
	if in.Load.Quality != OK && d.Desired < min(d.Current, most) {
		t.Fatalf("I7: lowered from %d to %d while the load is %s: %+v", d.Current, d.Desired, in.Load.Quality, d.Reasons)
	}
	checkPace(t, p.Pool.Behavior, in, st, d, low, most)
}

// checkPace fails unless a change for demand keeps the behavior of its direction.
func checkPace(t reporter, b Behavior, in Input, st State, d Decision, low, most int) {
	t.Helper()
	rules, farthest := b.ScaleDown, max(d.Current-most, 0)
	if d.Direction() == Up {
		rules, farthest = b.ScaleUp, max(low-d.Current, 0)
	}
	step := d.Desired - d.Current
	if step < 0 {
		step = -step
	}
	if step == 0 || step <= farthest {
		return // a bound asked for it, at once
	}
	if rules.SelectPolicy == SelectDisabled {
		t.Fatalf("moved from %d to %d, and scaling %s is disabled: %+v", d.Current, d.Desired, d.Direction(), d.Reasons)
	}
	for _, s := range st.Scalings {
		same := s.To != s.From && (s.To > s.From) == (d.Direction() == Up)
		if last := st.Scalings[len(st.Scalings)-1]; same && s == last && in.Now.Sub(s.Time) < rules.Cooldown {
			t.Fatalf("moved %s within the cooldown of %s: %+v", d.Direction(), rules.Cooldown, d.Reasons)
		}
	}
	allowed := 0
	if rules.SelectPolicy == SelectMin {
		allowed = math.MaxInt
	}
	for _, sp := range rules.Policies {
		net := 0
		for _, s := range st.Scalings {
			if in.Now.Sub(s.Time) < sp.Period {
				net += s.To - s.From
			}
		}
		value := float64(sp.Value)
		if sp.Type == StepPercent {
			value = max(math.Ceil(value*float64(d.Current-net)/100-1e-9), 1)
		}
		left := int(value) - net
		if d.Direction() == Down {
			left = int(value) + net
		}
		if rules.SelectPolicy == SelectMin {
			allowed = min(allowed, left)
		} else {
			allowed = max(allowed, left)
		}
	}
	if len(rules.Policies) > 0 && step > max(allowed, farthest, 0) {
		t.Fatalf("I6: moved from %d to %d, %d allowed: %+v", d.Current, d.Desired, allowed, d.Reasons)
	}
}

// copied is a deep copy, to see that what was given was not changed.
func copied(st State) State {
	st.Samples, st.Recommendations, st.Scalings = slices.Clone(st.Samples), slices.Clone(st.Recommendations), slices.Clone(st.Scalings)
	return st
}

// I2, I3, I5, I6, I7, I17: whatever comes in, the decision is a finite number within
// the bounds, never lower on a load that is not ok, not faster than the behavior,
// explained without a break, and the same for the same input.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		before := copied(st)
		d, next := p.Decide(in, st)
		checkDecision(t, p, in, st, d)
		again, nextAgain := p.Decide(in, st)
		if diff := cmp.Diff([]any{d, next}, []any{again, nextAgain}, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the same input decides differently:\n%s", diff)
		}
		if diff := cmp.Diff(before, st, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the state that was given is changed:\n%s", diff)
		}
	})
}

// I15: more load never decides fewer agents. I10: nor does a forecast.
func TestDecideIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		in.Load.Quality, in.Load.Value = OK, rapid.Float64Range(0, 1000).Draw(t, "less")
		less, _ := p.Decide(in, st)
		in.Load.Value += rapid.Float64Range(0, 1000).Draw(t, "more")
		more, _ := p.Decide(in, st)
		if more.Desired < less.Desired {
			t.Fatalf("more load lowers %d to %d:\n%+v\n%+v", less.Desired, more.Desired, less.Reasons, more.Reasons)
		}
		without := in
		without.Outlook = Outlook{Model: "m", Origin: noon, Upper: in.Outlook.Upper} // expects nothing
		floor, _ := p.Decide(without, st)
		if in.Outlook.Model != "" && more.Desired < floor.Desired {
			t.Fatalf("a forecast lowers %d to %d", floor.Desired, more.Desired)
		}
	})
}

// I18: another ceiling or budget never raises, another floor never lowers.
func TestBoundsOnlyNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		events := drawn(t).events()
		n := rapid.IntRange(0, 70).Draw(t, "bound")
		with := func(what string, b BoundsEffect, budgets ...BudgetCap) Decision {
			narrow, in := p, in
			narrow.Rules = append(slices.Clip(p.Rules), Rule{Name: what, Bounds: &b})
			in.Timeline = narrow.Timeline(events)
			in.Budgets = append(slices.Clip(in.Budgets), budgets...)
			d, _ := narrow.Decide(in, st)
			return d
		}
		in.Timeline = p.Timeline(events)
		before, _ := p.Decide(in, st)
		for what, d := range map[string]Decision{
			"ceiling": with("ceiling", BoundsEffect{Max: &Bound{Agents: n}}),
			"budget":  with("none", BoundsEffect{}, BudgetCap{"tweets", n, ReasonBudget, "posts are few"}),
		} {
			if d.Desired > before.Desired {
				t.Fatalf("a %s of %d raises %d to %d:\n%+v\n%+v", what, n, before.Desired, d.Desired, before.Reasons, d.Reasons)
			}
		}
		if d := with("floor", BoundsEffect{Min: &Bound{Agents: n}}); d.Desired < before.Desired {
			t.Fatalf("a floor of %d lowers %d to %d:\n%+v\n%+v", n, before.Desired, d.Desired, before.Reasons, d.Reasons)
		}
	})
}

// shuffled is a permutation drawn from rapid.
func shuffled[T any](t *rapid.T, xs []T, what string) []T { return rapid.Permutation(xs).Draw(t, what) }

// I17: the order of rules, events and budgets does not matter, but that the active
// rules are listed in the order of the rules.
func TestDecideIgnoresTheOrder(t *testing.T) {
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		events := drawn(t).events()
		in.Timeline = p.Timeline(events)
		one, next := p.Decide(in, st)
		p.Rules = shuffled(t, p.Rules, "rules")
		in.Budgets = shuffled(t, in.Budgets, "budgets")
		in.Timeline = p.Timeline(shuffled(t, events, "events"))
		other, nextOther := p.Decide(in, st)
		if diff := cmp.Diff([]any{one, next}, []any{other, nextOther}, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0), sorted); diff != "" {
			t.Fatalf("the order matters:\n%s", diff)
		}
	})
}

// I16: where nothing slows a pool down, what was decided once is decided again.
func TestDecideIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		p.Pool.Sensitivity = 1
		for _, rules := range []*ScalingRules{&p.Pool.Behavior.ScaleUp, &p.Pool.Behavior.ScaleDown} {
			*rules = ScalingRules{Tolerance: rules.Tolerance, SelectPolicy: SelectMax}
		}
		in, st := drawn(t).input(p), drawn(t).state()
		in.Current.Known = true
		first, st := p.Decide(in, st)
		st = st.Carried(p.Pool, first, Outcome{Result: Accepted})
		in.Current = running(first.Desired)
		if second, _ := p.Decide(in, st); second.Direction() != None {
			t.Fatalf("%d agents, and then %d:\n%+v\n%+v", first.Desired, second.Desired, first.Reasons, second.Reasons)
		}
	})
}

// noisy runs a pool for hours of ticks on a load that wavers by a share of its least
// and returns what changed. A change is carried out at once.
func noisy(p Policy, st State, agents int, least float64, start time.Time, ticks int, noise []float64) (State, int, []Scaling) {
	var changes []Scaling
	tl := p.Timeline(nil)
	for i := range ticks {
		now := start.Add(time.Duration(i) * 30 * time.Second)
		x := least * (1 + noise[i%len(noise)])
		in := Input{
			Now: now, Current: running(agents), Load: Sample{Value: x, Time: now, Quality: OK}, Timeline: tl,
			Outlook: Outlook{Model: "m", Load: least, At: now, Upper: math.MaxFloat64, Origin: now},
		}
		var d Decision
		d, st = p.Decide(in, st)
		if d.Direction() != None {
			changes = append(changes, Scaling{now, agents, d.Desired})
			st = st.Carried(p.Pool, d, Outcome{Result: Accepted})
			agents = d.Desired
		}
	}
	return st, agents, changes
}

// steadyPool follows its load, at its own pace.
func steadyPool(t *rapid.T) Policy {
	p := Policy{Pool: drawn(t).pool()}
	p.Pool.Season, p.Pool.Mode, p.Pool.Agents = Season{}, Active, Agents{Max: 60}
	b := &p.Pool.Behavior
	b.ScaleUp.Tolerance = rapid.Float64Range(0.05, 0.3).Draw(t, "tolerance up")
	b.ScaleUp.SelectPolicy, b.ScaleDown.SelectPolicy = SelectMax, SelectMax
	b.ScaleDown.StabilizationWindow = drawn(t).minutes("window down", 1, 10)
	return p
}

// I16, I20: however slow a pool is, once it is at rest a load that wavers within the
// tolerance does not change it.
func TestDecideStaysAtRestUnderNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := steadyPool(t)
		least := float64(rapid.IntRange(1, 40).Draw(t, "agents")) * p.Pool.PerAgent
		st, agents, _ := noisy(p, State{}, rapid.IntRange(0, 80).Draw(t, "current"), least, noon, 1200, []float64{0})
		most := max(float64(agents)*p.Pool.PerAgent*(1+p.Pool.Behavior.ScaleUp.Tolerance), least)
		noise := rapid.SliceOfN(rapid.Float64Range(0, most/least-1), 1, 120).Draw(t, "noise")
		if _, _, changes := noisy(p, st, agents, least, noon.Add(10*time.Hour), 240, noise); len(changes) > 0 {
			t.Fatalf("%d agents are changed at %v", agents, changes)
		}
	})
}

// I20: with nothing but its stabilisation window to slow it down, a load that wavers
// within the tolerance turns no pool round within a window, whatever it had before: it
// comes to rest from above in steps, or from below at once.
func TestDecideDoesNotFlapUnderNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := steadyPool(t)
		b := &p.Pool.Behavior
		p.Pool.Sensitivity = 1
		b.ScaleUp.Policies, b.ScaleUp.StabilizationWindow, b.ScaleUp.Cooldown = nil, 0, 0
		b.ScaleDown.Policies, b.ScaleDown.Cooldown = nil, 0
		least := float64(rapid.IntRange(1, 40).Draw(t, "agents")) * p.Pool.PerAgent
		noise := rapid.SliceOfN(rapid.Float64Range(0, b.ScaleUp.Tolerance), 1, 120).Draw(t, "noise")
		_, _, changes := noisy(p, State{}, rapid.IntRange(0, 80).Draw(t, "current"), least, noon, 480, noise)
		for i := 1; i < len(changes); i++ {
			one, next := changes[i-1], changes[i]
			if gap := next.Time.Sub(one.Time); (one.To > one.From) != (next.To > next.From) && gap < b.ScaleDown.StabilizationWindow {
				t.Fatalf("%+v turned round after %s, the window is %s", changes, gap, b.ScaleDown.StabilizationWindow)
			}
			if one.To > one.From && next.To > next.From {
				t.Fatalf("raised twice: %+v", changes)
			}
		}
	})
}

// I3, I20: an override leaves no trace: from the instant at which it ends on the pool
// is decided as if it had always been without one.
func TestAnOverrideLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t).policy()
		in, st := drawn(t).input(p), drawn(t).state()
		in.Current.Known, in.Override = true, nil
		_, without := p.Decide(in, st)
		in.Override = drawn(t).override()
		_, with := p.Decide(in, st)
		if diff := cmp.Diff(without, with, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("an override is remembered:\n%s", diff)
		}
	})
}

func total(ds []Decision) int {
	sum := 0
	for _, d := range ds {
		sum += d.Desired
	}
	return sum
}

// willRun is what a pool will have: one in dry run stays as it is.
func willRun(c Claim, d Decision) int {
	if c.Pool.Mode == DryRun {
		return d.Current
	}
	return d.Desired
}

func checkAllocation(t reporter, claims []Claim, limits Limits, got []Decision) {
	t.Helper()
	sum, fixed, live := 0, 0, 0
	for i, d := range got {
		c := claims[i]
		checkChain(t, d)
		if c.Decision.Pool != d.Pool || d.Desired > c.Decision.Desired || d.Desired < 0 {
			t.Fatalf("%s wants %d and gets %d: %+v", d.Pool, c.Decision.Desired, d.Desired, d.Reasons)
		}
		sum += willRun(c, d)
		if c.Pool.Mode == DryRun {
			fixed += d.Current
		} else {
			live++
		}
		if c.Pool.Mode == ScaleUpOnly || d.Frozen && c.Pool.Mode != DryRun {
			fixed += d.Current
		}
		for _, h := range limits.Hosts {
			if d.Direction() == Up && h.concerns(c.Pool) && (h.Percent.Quality != OK || h.Percent.Value >= h.Limit) {
				t.Fatalf("I4, I8: %s grows on %+v: %+v", d.Pool, h, d.Reasons)
			}
		}
	}
	if limit := limits.MaxTotalAgents; limit > 0 && live > 0 && sum > max(limit, fixed) {
		t.Fatalf("I1: %d agents, at most %d are allowed, %d cannot be taken: %+v", sum, limit, fixed, got)
	}
	if live == 0 && limits.MaxTotalAgents > 0 && total(got) > limits.MaxTotalAgents {
		t.Fatalf("I1: in dry run %d agents, at most %d are allowed", total(got), limits.MaxTotalAgents)
	}
	for _, h := range limits.Hosts {
		predicted := h.Percent.Value
		for i, d := range got {
			if cost := h.PerAgent[d.Pool]; h.concerns(claims[i].Pool) && cost > 0 && willRun(claims[i], d) > d.Current {
				predicted += float64(d.Desired-d.Current) * cost
			}
		}
		if predicted > max(h.Limit, h.Percent.Value)+1e-6 {
			t.Fatalf("I4: host %s is predicted at %g: %+v", h.Name(), predicted, got)
		}
	}
}

// I1, I4, I5, I8, I17, I19: whatever pools want, the sum is kept, hosts are predicted
// to carry what grows, nobody gets more than it wants, each step is explained, and the
// order of pools does not matter.
func TestAllocateKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		limits := Limits{MaxTotalAgents: rapid.IntRange(0, 200).Draw(t, "total"), Hosts: drawn(t).hosts(claims)}
		before := slices.Clone(claims)
		got := Allocate(claims, limits)
		checkAllocation(t, claims, limits, got)
		if diff := cmp.Diff(before, claims, cmpopts.IgnoreTypes(&time.Location{})); diff != "" {
			t.Fatalf("the claims are changed:\n%s", diff)
		}
		order := shuffled(t, places(len(claims)), "order")
		var mixed []Claim
		for _, i := range order {
			mixed = append(mixed, claims[i])
		}
		back := make([]Decision, len(claims))
		for k, d := range Allocate(mixed, limits) {
			back[order[k]] = d
		}
		if diff := cmp.Diff(got, back); diff != "" {
			t.Fatalf("the order of pools matters:\n%s", diff)
		}
		limits.Hosts = shuffled(t, limits.Hosts, "hosts")
		for i, d := range Allocate(claims, limits) {
			if d.Desired != got[i].Desired {
				t.Fatalf("the order of hosts matters: %d and %d", got[i].Desired, d.Desired)
			}
		}
	})
}

func places(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// I1, I19: without hosts the sum is exactly the total or what is wanted, nobody gets
// less than its minimum if there is enough for all minimums, and a larger total
// lowers nobody.
func TestAllocateIsHouseMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		want, least := 0, 0
		for i := range claims {
			c := &claims[i]
			if c.Pool.Mode == DryRun {
				c.Pool.Mode = Active
			}
			want += c.Decision.Desired
			least += guaranteed(*c, c.Decision)
		}
		limit := rapid.IntRange(1, max(1, want)).Draw(t, "total")
		got := Allocate(claims, Limits{MaxTotalAgents: limit})
		if total(got) != min(want, limit) {
			t.Fatalf("sum %d, want %d", total(got), min(want, limit))
		}
		for i, d := range got {
			if limit >= least && d.Desired < min(claims[i].Pool.Agents.Min, claims[i].Decision.Desired) {
				t.Fatalf("%s gets %d, less than its minimum %d", d.Pool, d.Desired, claims[i].Pool.Agents.Min)
			}
		}
		for i, d := range Allocate(claims, Limits{MaxTotalAgents: limit + 1}) {
			if d.Desired < got[i].Desired {
				t.Fatalf("raising the total lowers %s from %d to %d", d.Pool, got[i].Desired, d.Desired)
			}
		}
	})
}

// I19 with hosts: a larger total lowers nobody.
func TestALargerTotalLowersNobodyOnHosts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		limits := Limits{MaxTotalAgents: rapid.IntRange(1, 200).Draw(t, "total"), Hosts: drawn(t).hosts(claims)}
		less := Allocate(claims, limits)
		limits.MaxTotalAgents += rapid.IntRange(1, 20).Draw(t, "more")
		for i, d := range Allocate(claims, limits) {
			if d.Desired < less[i].Desired {
				t.Fatalf("raising the total to %d lowers %s from %d to %d", limits.MaxTotalAgents, d.Pool, less[i].Desired, d.Desired)
			}
		}
	})
}

// I15, I19: more pressure on hosts raises nobody, or more room lowers nobody, where
// all pools use the same resources and the total does not bind.
func TestMoreHostPressureRaisesNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		for i := range claims { // all want to grow
			d := &claims[i].Decision
			claims[i].Pool.Mode, d.Mode, d.Frozen = Active, Active, false
			d.Desired = d.Current + rapid.IntRange(0, 6).Draw(t, "more")
			d.Reasons = []Reason{{Code: ReasonReactive, From: d.Current, To: d.Desired, Detail: "the load"}}
		}
		hosts := []HostReading{{Resource: "cpu", Limit: 80}, {Resource: "memory", Limit: 70}}
		for i := range hosts {
			hosts[i].Percent = Sample{Value: rapid.Float64Range(50, 82).Draw(t, "percent"), Quality: OK}
			hosts[i].PerAgent = map[string]float64{}
			for _, c := range claims {
				hosts[i].PerAgent[c.Pool.Name] = pick(drawn(t), "per agent", 0.5, 1, 2.5, 7, 200)
			}
		}
		calm := Allocate(claims, Limits{Hosts: hosts})
		h := &hosts[rapid.IntRange(0, len(hosts)-1).Draw(t, "host")]
		if rapid.IntRange(0, 9).Draw(t, "lost") == 0 {
			h.Percent.Quality = Stale
		} else {
			h.Percent.Value += rapid.Float64Range(0, 20).Draw(t, "pressure")
		}
		for i, d := range Allocate(claims, Limits{Hosts: hosts}) {
			if d.Desired > calm[i].Desired {
				t.Fatalf("more pressure raises %s from %d to %d", d.Pool, calm[i].Desired, d.Desired)
			}
		}
	})
}

// I15: a pool that wants more never gets less for it.
func TestWantingMoreNeverGetsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		want := 1
		for _, c := range claims {
			want += c.Decision.Desired
		}
		limits := Limits{MaxTotalAgents: rapid.IntRange(1, want).Draw(t, "total"), Hosts: drawn(t).hosts(claims)}
		if rapid.Bool().Draw(t, "no hosts") {
			limits.Hosts = nil
		}
		i := rapid.IntRange(0, len(claims)-1).Draw(t, "pool")
		d := &claims[i].Decision
		if d.Frozen || !d.Known {
			return
		}
		less := Allocate(claims, limits)[i]
		d.Desired += rapid.IntRange(1, 20).Draw(t, "more")
		d.Reasons = []Reason{{Code: ReasonReactive, From: d.Current, To: d.Desired, Detail: "the load"}}
		if more := Allocate(claims, limits)[i]; more.Desired < less.Desired {
			t.Fatalf("%s wants more and gets %d instead of %d:\n%+v\n%+v", d.Pool, more.Desired, less.Desired, less.Reasons, more.Reasons)
		}
	})
}

// A dry run is inert: what pools in dry run want changes nothing for the others.
func TestADryRunTakesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := drawn(t).claims()
		limits := Limits{MaxTotalAgents: rapid.IntRange(0, 200).Draw(t, "total"), Hosts: drawn(t).hosts(claims)}
		one := Allocate(claims, limits)
		for i := range claims {
			if d := &claims[i].Decision; claims[i].Pool.Mode == DryRun {
				d.Desired = rapid.IntRange(0, 60).Draw(t, "other")
				d.Reasons = []Reason{{Code: ReasonReactive, From: d.Current, To: d.Desired, Detail: "the load"}}
			}
		}
		for i, d := range Allocate(claims, limits) {
			if diff := cmp.Diff(one[i], d); claims[i].Pool.Mode != DryRun && diff != "" {
				t.Fatalf("a dry run changes %s:\n%s", d.Pool, diff)
			}
		}
	})
}

// I1, I3, I8, I12, I25: pools that are decided, fitted into what they share and cut in
// an emergency keep what each of these promises, and the reasons lead through all.
func TestTheWholeLadder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		var claims []Claim
		for i := range d("pools", 1, 4) {
			p := d.policy()
			p.Pool.Name, p.Pool.Priority, p.Pool.Hosts = string(rune('a'+i)), d("priority", 0, 1), pick(d, "hosts", "", "gpu")
			in, st := d.input(p), d.state()
			decision, _ := p.Decide(in, st)
			checkDecision(t, p, in, st, decision)
			claims = append(claims, Claim{p.Pool, decision})
		}
		limits := Limits{MaxTotalAgents: d("total", 0, 100), Hosts: d.hosts(claims)}
		allocated := Allocate(claims, limits)
		checkAllocation(t, claims, limits, allocated)
		e := EmergencyLimits{Percent: map[string]float64{"cpu": 90, "memory": 85}, Samples: 1, Reduce: 0.3}
		ds, st := e.Emergency(claims, allocated, limits.Hosts, noon, nil)
		for i, d := range ds {
			checkChain(t, d)
			cut := st[""].Active || claims[i].Pool.Hosts == "gpu" && st["gpu"].Active
			if d.Desired > allocated[i].Desired || d.Emergency && (!cut || d.Current <= 1) || cut && d.Direction() == Up {
				t.Fatalf("from %d to %d: %+v", allocated[i].Desired, d.Desired, d.Reasons)
			}
			if d.Permitted() && (d.Mode == DryRun || d.Frozen && !d.Emergency || !d.Known && d.Direction() != None) {
				t.Fatalf("permitted: %+v", d)
			}
		}
	})
}

// watch is what the test knows of one resource of a group of hosts: how many of the
// latest samples, each counted once, were in danger.
type watch struct {
	last time.Time
	over int
}

// I8, I12, I13, I14, I17: through hours of readings an emergency cuts only on enough
// new samples in danger, every pool by its share and not twice within the settle time,
// never raises, holds until the hosts were calm long enough, and says why.
func TestEmergencyKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawn(t)
		claims := d.claims()
		e := EmergencyLimits{
			Percent: map[string]float64{"cpu": 90, "memory": 85}, Samples: d("samples", 1, 3), Reduce: d.float("reduce", 0.01, 1),
			Settle: d.minutes("settle", 0, 5), Resume: d.minutes("resume", 0, 5),
		}
		st, now := EmergencyState{}, noon
		watched := map[string]watch{} // by name of the reading
		cut := map[string]time.Time{} // by pool
		calm := map[string]time.Time{}
		for range rapid.IntRange(1, 40).Draw(t, "ticks") {
			now = now.Add(time.Duration(d("tick", 1, 90)) * time.Second)
			var hosts []HostReading
			for _, h := range []HostReading{{Resource: "cpu", Limit: 80}, {Resource: "memory", Limit: 70}, {Hosts: "gpu", Resource: "cpu", Limit: 80}} {
				h.Percent = Sample{Value: pick(d, "percent", 95.0, 95, 90, 86, 79, 50), Time: now.Add(-d.minutes("age", 0, 2)), Quality: pick(d, "quality", OK, OK, OK, OK, Stale)}
				hosts = append(hosts, h)
			}
			before, held := st, slices.Clone(claims)
			ds := make([]Decision, len(claims))
			for i, c := range claims {
				ds[i] = c.Decision
			}
			given := slices.Clone(ds)
			got, next := e.Emergency(claims, ds, hosts, now, st)
			st = next
			if diff := cmp.Diff(given, ds); diff != "" {
				t.Fatalf("the decisions that were given are changed:\n%s", diff)
			}
			endangered := map[string]bool{}
			for _, h := range hosts {
				w := watched[h.Name()]
				if h.Percent.Quality != OK {
					continue
				}
				if h.Percent.Time.After(w.last) {
					w.last, w.over = h.Percent.Time, w.over+1
					if h.Percent.Value <= e.Percent[h.Resource] || !h.Percent.Time.After(before[h.Hosts].Cut) {
						w.over = 0
					}
				}
				watched[h.Name()] = w
				endangered[h.Hosts] = endangered[h.Hosts] || w.over >= e.Samples
			}
			for _, group := range []string{"", "gpu"} {
				quiet := true
				for _, h := range hosts {
					if h.Hosts == group && !(h.Percent.Quality == OK && h.Percent.Value < h.Limit) {
						quiet = false
					}
				}
				g := st[group]
				fires := endangered[group] && (before[group].Cut.IsZero() || now.Sub(before[group].Cut) >= e.Settle)
				if fires != g.Cut.Equal(now) || fires && !g.Active {
					t.Fatalf("I12, I13: group %q is cut: %t, want %t: %+v", group, g.Cut.Equal(now), fires, before[group])
				}
				if fires {
					for name, w := range watched {
						if h := hosts[slices.IndexFunc(hosts, func(h HostReading) bool { return h.Name() == name })]; h.Hosts == group {
							w.over = 0
							watched[name] = w
						}
					}
				}
				if !quiet || fires {
					delete(calm, group)
				} else if _, since := calm[group]; !since && before[group].Active {
					calm[group] = now
				}
				if ended := before[group].Active && !g.Active; ended && now.Sub(calm[group]) < e.Resume || ended && !quiet {
					t.Fatalf("I8, I13: group %q ends %s after it was calm, want %s", group, now.Sub(calm[group]), e.Resume)
				}
				if !before[group].Active && g.Active != fires {
					t.Fatalf("I12: group %q begins without a reason", group)
				}
			}
			for i, d := range got {
				checkChain(t, d)
				c := held[i]
				concerned := []string{""}
				if c.Pool.Hosts == "gpu" {
					concerned = append(concerned, "gpu")
				}
				active, cutting, settling := false, false, false
				for _, group := range concerned {
					active = active || st[group].Active
					cutting = cutting || st[group].Cut.Equal(now)
					settling = settling || !before[group].Cut.IsZero() && now.Sub(before[group].Cut) < e.Settle
				}
				switch want := d.Current - max(1, int(math.Ceil(e.Reduce*float64(d.Current)-1e-9))); {
				case d.Desired > c.Decision.Desired:
					t.Fatalf("I14: an emergency raises %s to %d: %+v", d.Pool, d.Desired, d.Reasons)
				case active && d.Direction() == Up:
					t.Fatalf("I13: %s grows in an emergency: %+v", d.Pool, d.Reasons)
				case !active && d.Desired != c.Decision.Desired:
					t.Fatalf("%s is moved without an emergency: %+v", d.Pool, d.Reasons)
				case d.Emergency && (!cutting || settling || !d.Known):
					t.Fatalf("I12, I13: %s is cut without danger: %+v", d.Pool, d.Reasons)
				case cutting && !settling && d.Known && d.Current > 1 && !d.Emergency:
					t.Fatalf("I12: %s is not cut: %+v", d.Pool, d.Reasons)
				case d.Emergency && d.Desired != min(max(want, 1), c.Decision.Desired):
					t.Fatalf("I12: %s is cut from %d to %d: %+v", d.Pool, d.Current, d.Desired, d.Reasons)
				case d.Emergency && d.Permitted() != (d.Mode != DryRun):
					t.Fatalf("I12: cut %s, mode %s, frozen %t, permitted %t", d.Pool, d.Mode, d.Frozen, d.Permitted())
				}
				if d.Emergency {
					if last, was := cut[d.Pool]; was && now.Sub(last) < e.Settle {
						t.Fatalf("I13: %s is cut again after %s", d.Pool, now.Sub(last))
					}
					cut[d.Pool] = now
				}
			}
			backward := slices.Clone(hosts)
			slices.Reverse(backward)
			other, stOther := e.Emergency(claims, ds, backward, now, before)
			if diff := cmp.Diff([]any{got, st}, []any{other, stOther}, cmpopts.IgnoreFields(Reason{}, "Detail")); diff != "" {
				t.Fatalf("I17: the order of readings matters:\n%s", diff)
			}
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(st)), []string{"", "gpu"}); diff != "" {
			t.Fatalf("groups: %s", diff)
		}
	})
}
