package policy

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// anyLoad draws loads with the values that break arithmetic.
func anyLoad() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e12}),
		rapid.Float64Range(0, 1000),
	)
}

func anyPool() *rapid.Generator[Pool] {
	return rapid.Custom(func(t *rapid.T) Pool {
		p := testPool()
		p.Agents.Min = rapid.IntRange(0, 10).Draw(t, "min")
		p.Agents.Max = rapid.IntRange(p.Agents.Min, 60).Draw(t, "max")
		p.Agents.Base = rapid.IntRange(p.Agents.Min, p.Agents.Max).Draw(t, "base")
		p.PerAgent = rapid.Float64Range(0.1, 100).Draw(t, "per_agent")
		p.Sensitivity = rapid.Float64Range(0.1, 1).Draw(t, "sensitivity")
		p.Mode = rapid.SampledFrom([]Mode{DryRun, ScaleUpOnly, Active}).Draw(t, "mode")
		p.Behavior = Behavior{ScaleUp: anyRules(t), ScaleDown: anyRules(t)}
		return p
	})
}

func anyRules(t *rapid.T) ScalingRules {
	r := ScalingRules{
		StabilizationWindow: time.Duration(rapid.IntRange(0, 10).Draw(t, "window")) * time.Minute,
		Tolerance:           rapid.Float64Range(0, 0.3).Draw(t, "tolerance"),
		Cooldown:            time.Duration(rapid.IntRange(0, 5).Draw(t, "cooldown")) * time.Minute,
		SelectPolicy:        rapid.SampledFrom([]SelectPolicy{SelectMax, SelectMin, SelectDisabled}).Draw(t, "select"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "policies") {
		r.Policies = append(r.Policies, StepPolicy{
			Type:   rapid.SampledFrom([]StepType{StepAgents, StepPercent}).Draw(t, "type"),
			Value:  rapid.IntRange(1, 100).Draw(t, "value"),
			Period: time.Duration(rapid.IntRange(1, 5).Draw(t, "period")) * time.Minute,
		})
	}
	return r
}

func anyInput(t *rapid.T) Input {
	in := Input{
		Now:         noon,
		Current:     Count{Agents: rapid.IntRange(0, 80).Draw(t, "current"), Known: rapid.Bool().Draw(t, "known")},
		Load:        Sample{Value: anyLoad().Draw(t, "load"), Time: noon, Quality: rapid.SampledFrom([]Quality{Empty, OK, OK, OK, NaN, Stale, Partial, Error}).Draw(t, "quality")},
		LargestLoad: rapid.Float64Range(0, 1000).Draw(t, "largest"),
	}
	if in.Load.Quality == OK || in.Load.Quality == Partial { // what the border guarantees
		if !(in.Load.Value >= 0 && in.Load.Value <= math.MaxFloat64) {
			in.Load.Value = 0
		}
	}
	if rapid.Bool().Draw(t, "has_forecast") {
		in.Outlook = Outlook{Model: "m", Load: anyLoad().Draw(t, "forecast"), At: noon, Upper: anyLoad().Draw(t, "upper"), Origin: noon.Add(-time.Duration(rapid.IntRange(0, 120).Draw(t, "age")) * time.Minute)}
	}
	return in
}

func anyState(t *rapid.T) State {
	st := State{Since: noon.Add(-time.Duration(rapid.IntRange(0, 20).Draw(t, "since")) * time.Minute), Current: running(rapid.IntRange(0, 80).Draw(t, "last_current"))}
	for i := range rapid.IntRange(0, 4).Draw(t, "history") {
		at := noon.Add(-time.Duration(5-i) * time.Minute)
		st.Samples = append(st.Samples, Point{at, rapid.Float64Range(0, 1000).Draw(t, "sample")})
		st.Recommendations = append(st.Recommendations, Recommendation{at, rapid.IntRange(0, 60).Draw(t, "recommendation")})
		st.Scalings = append(st.Scalings, Scaling{at, rapid.IntRange(0, 60).Draw(t, "from"), rapid.IntRange(0, 60).Draw(t, "to")})
	}
	return st
}

// I2, I5, I7, I17: whatever comes in, the decision is a finite number within
// the pool's bounds, never lower on a load that is not ok, explained without a
// break, and the same for the same input.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: anyPool().Draw(t, "pool")}
		in, st := anyInput(t), anyState(t)
		d, next := p.Decide(in, st)
		checkChain(t, d)
		again, nextAgain := p.Decide(in, st)
		if diff := cmp.Diff([]any{d, next}, []any{again, nextAgain}, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the same input decides differently:\n%s", diff)
		}
		if !in.Current.Known {
			if d.Direction() != None {
				t.Fatalf("moved from %d to %d without knowing the count", d.Current, d.Desired)
			}
			return
		}
		most := p.Pool.Agents.Max
		if p.Pool.Mode == ScaleUpOnly {
			most = max(most, d.Current)
		}
		if d.Desired < p.Pool.Agents.Min || d.Desired > most {
			t.Fatalf("desired %d outside %d to %d: %+v", d.Desired, p.Pool.Agents.Min, most, d.Reasons)
		}
		if in.Load.Quality != OK && d.Desired < min(d.Current, p.Pool.Agents.Max) {
			t.Fatalf("lowered from %d to %d while the load is %s", d.Current, d.Desired, in.Load.Quality)
		}
	})
}

// I15: more load never decides fewer agents. I10: nor does a forecast.
func TestDecideIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: anyPool().Draw(t, "pool")}
		in, st := anyInput(t), anyState(t)
		in.Load.Quality = OK
		in.Load.Value = rapid.Float64Range(0, 1000).Draw(t, "less")
		less, _ := p.Decide(in, st)
		in.Load.Value += rapid.Float64Range(0, 1000).Draw(t, "more")
		more, _ := p.Decide(in, st)
		if more.Desired < less.Desired {
			t.Fatalf("more load lowers %d to %d:\n%+v\n%+v", less.Desired, more.Desired, less.Reasons, more.Reasons)
		}
		without := in
		without.Outlook = Outlook{Model: "m", Origin: noon, Upper: in.Outlook.Upper} // expects nothing
		floor, _ := p.Decide(without, st)
		if with, _ := p.Decide(in, st); in.Outlook.Model != "" && noon.Sub(in.Outlook.Origin) <= p.Pool.ForecastMaxAge && with.Desired < floor.Desired {
			t.Fatalf("a forecast lowers %d to %d", floor.Desired, with.Desired)
		}
	})
}

// I18: another ceiling never raises, another floor never lowers.
func TestBoundsOnlyNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Pool: anyPool().Draw(t, "pool")}
		in, st := anyInput(t), anyState(t)
		before, _ := p.Decide(in, st)
		n := rapid.IntRange(0, 70).Draw(t, "bound")
		ceiling, floor := p, p
		ceiling.Rules = []Rule{{Name: "ceiling", Bounds: &BoundsEffect{Max: &Bound{Agents: n}}}}
		floor.Rules = []Rule{{Name: "floor", Bounds: &BoundsEffect{Min: &Bound{Agents: n}}}}
		if d, _ := ceiling.Decide(in, st); d.Desired > before.Desired {
			t.Fatalf("a ceiling of %d raises %d to %d:\n%+v\n%+v", n, before.Desired, d.Desired, before.Reasons, d.Reasons)
		}
		if d, _ := floor.Decide(in, st); d.Desired < before.Desired {
			t.Fatalf("a floor of %d lowers %d to %d:\n%+v\n%+v", n, before.Desired, d.Desired, before.Reasons, d.Reasons)
		}
	})
}

func anyClaims(t *rapid.T) []Claim {
	var claims []Claim
	for i := range rapid.IntRange(1, 8).Draw(t, "pools") {
		p := anyPool().Draw(t, "pool")
		p.Name = string(rune('a' + i))
		p.Weight = rapid.Float64Range(0.1, 5).Draw(t, "weight")
		p.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
		p.Mode = Active
		d := Decision{Pool: p.Name, Current: rapid.IntRange(0, 60).Draw(t, "current"), Desired: rapid.IntRange(p.Agents.Min, p.Agents.Max).Draw(t, "desired")}
		d.Reasons = []Reason{{Code: ReasonReactive, From: d.Current, To: d.Desired}}
		claims = append(claims, Claim{p, d})
	}
	return claims
}

func total(ds []Decision) int {
	sum := 0
	for _, d := range ds {
		sum += d.Desired
	}
	return sum
}

// I1, I19: the sum is kept, nobody gets more than it wants or less than its
// minimum, the order of pools does not matter, and a larger total lowers nobody.
func TestAllocate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := anyClaims(t)
		want, least := 0, 0
		for _, c := range claims {
			want += c.Decision.Desired
			least += min(c.Pool.Agents.Min, c.Decision.Desired)
		}
		limit := rapid.IntRange(1, max(1, want)).Draw(t, "total")
		got := Allocate(claims, Limits{MaxTotalAgents: limit})
		if total(got) != min(want, limit) {
			t.Fatalf("sum %d, want %d", total(got), min(want, limit))
		}
		for i, d := range got {
			checkChain(t, d)
			if d.Desired > claims[i].Decision.Desired {
				t.Fatalf("%s wants %d and gets %d", d.Pool, claims[i].Decision.Desired, d.Desired)
			}
			if limit >= least && d.Desired < min(claims[i].Pool.Agents.Min, claims[i].Decision.Desired) {
				t.Fatalf("%s gets %d, less than its minimum %d", d.Pool, d.Desired, claims[i].Pool.Agents.Min)
			}
		}
		reversed := slices.Clone(claims)
		slices.Reverse(reversed)
		back := Allocate(reversed, Limits{MaxTotalAgents: limit})
		slices.Reverse(back)
		if diff := cmp.Diff(got, back, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the order of pools matters:\n%s", diff)
		}
		if limit >= least {
			for i, d := range Allocate(claims, Limits{MaxTotalAgents: limit + 1}) {
				if d.Desired < got[i].Desired {
					t.Fatalf("raising the total lowers %s from %d to %d", d.Pool, got[i].Desired, d.Desired)
				}
			}
		}
	})
}

func TestAllocateServesPriorityThenWeight(t *testing.T) {
	claim := func(name string, priority int, weight float64, desired int) Claim {
		p := testPool()
		p.Name, p.Priority, p.Weight, p.Agents.Min = name, priority, weight, 2
		return Claim{p, Decision{Pool: name, Desired: desired, Reasons: []Reason{{Code: ReasonReactive, To: desired}}}}
	}
	got := Allocate([]Claim{claim("hq", 1, 1, 10), claim("nba", 0, 2, 20), claim("wnba", 0, 1, 20)}, Limits{MaxTotalAgents: 25})
	var agents []int
	for _, d := range got {
		agents = append(agents, d.Desired)
	}
	// hq has priority; of the other 15, twice as many go to nba as to wnba.
	if diff := cmp.Diff([]int{10, 10, 5}, agents); diff != "" {
		t.Error(diff)
	}
}

// I4, I8: at the limit or without knowledge of the hosts no pool grows.
func TestAllocateHoldsWhileHostsAreFullOrUnknown(t *testing.T) {
	up := Claim{testPool(), Decision{Pool: "nba", Current: 10, Desired: 20, Reasons: []Reason{{Code: ReasonReactive, From: 10, To: 20}}}}
	down := Claim{testPool(), Decision{Pool: "wnba", Current: 10, Desired: 5, Reasons: []Reason{{Code: ReasonReactive, From: 10, To: 5}}}}
	cpu := func(q Quality, percent float64) []HostReading {
		return []HostReading{{Resource: "cpu", Percent: Sample{Value: percent, Quality: q}, Limit: 80}}
	}
	tests := []struct {
		name  string
		hosts []HostReading
		want  int
		why   Code
	}{
		{"no hosts are watched", nil, 20, ReasonReactive},
		{"there is room", cpu(OK, 79.9), 20, ReasonReactive},
		{"at the limit", cpu(OK, 80), 10, ReasonHostLimit},
		{"stale", cpu(Stale, 10), 10, ReasonHostUnknown},
		{"empty", cpu(Empty, 0), 10, ReasonHostUnknown},
		{"not a number", cpu(NaN, math.NaN()), 10, ReasonHostUnknown},
		{"partial", cpu(Partial, 10), 10, ReasonHostUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Allocate([]Claim{up, down}, Limits{Hosts: tt.hosts})
			checkChain(t, got[0])
			if last := got[0].Reasons[len(got[0].Reasons)-1]; got[0].Desired != tt.want || last.Code != tt.why {
				t.Errorf("got %d for %s, want %d for %s", got[0].Desired, last.Code, tt.want, tt.why)
			}
			if got[1].Desired != 5 {
				t.Errorf("the pool that shrinks gets %d, want 5", got[1].Desired)
			}
		})
	}
}
