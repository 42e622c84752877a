package budget

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// anyNumber draws numbers of posts with the values that break arithmetic.
func anyNumber() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e12}),
		rapid.Float64Range(0, 20),
	)
}

func anyCount() *rapid.Generator[Count] {
	return rapid.Custom(func(t *rapid.T) Count {
		return Count{
			Posts: anyNumber().Draw(t, "posts"),
			Time:  rapid.SampledFrom([]time.Time{{}, noon, noon.Add(-48 * time.Hour)}).Draw(t, "counted"),
			Known: rapid.Bool().Draw(t, "known"),
		}
	})
}

// anyBudget draws valid budgets of which the classes are in any order.
func anyBudget() *rapid.Generator[Budget] {
	return rapid.Custom(func(t *rapid.T) Budget {
		b := testBudget()
		b.Limit = rapid.OneOf(rapid.IntRange(0, 40), rapid.SampledFrom([]int{0, maxLimit})).Draw(t, "limit")
		b.Reserve = rapid.IntRange(0, min(b.Limit, 5)).Draw(t, "reserve")
		b.Window = rapid.SampledFrom([]Window{"", LocalDay, Rolling24h, Both}).Draw(t, "window")
		b.PostsPerAgentHour = rapid.OneOf(rapid.Float64Range(0.01, 5), rapid.SampledFrom([]float64{math.SmallestNonzeroFloat64, maxNumber})).Draw(t, "rate")
		for i := range b.Classes {
			b.Classes[i].Value = rapid.OneOf(rapid.Float64Range(0.5, 20), rapid.SampledFrom([]float64{1, 3, math.SmallestNonzeroFloat64, maxNumber})).Draw(t, "value")
			b.Classes[i].PerDay = rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 10), rapid.Just(maxNumber)).Draw(t, "per_day")
		}
		return b
	})
}

func anyInput(t *rapid.T) Input {
	in := Input{
		Now:       noon.Add(time.Duration(rapid.IntRange(0, 48*60).Draw(t, "minute")) * time.Minute),
		Used:      map[Window]Count{LocalDay: anyCount().Draw(t, "day"), Rolling24h: anyCount().Draw(t, "rolling")},
		Step:      rapid.SampledFrom([]time.Duration{-1, 0, 1, time.Minute, time.Hour, 36 * time.Hour, math.MaxInt64}).Draw(t, "step"),
		Agents:    rapid.SampledFrom([]int{-1, 0, 1, 7, 50, math.MaxInt}).Draw(t, "agents"),
		MaxAgents: rapid.SampledFrom([]int{math.MinInt, -1, 0, 1, 40, math.MaxInt}).Draw(t, "max"),
	}
	for range rapid.IntRange(0, 6).Draw(t, "steps") {
		class := rapid.SampledFrom([]string{"off_peak", "peak", "breaking", "breaking", "unheard_of"}).Draw(t, "class")
		in.Path = append(in.Path, Step{class, anyNumber().Draw(t, "expected")})
	}
	return in
}

// anyState draws states as they may come from a disk.
func anyState(t *rapid.T) State {
	anyTime := rapid.SampledFrom([]time.Time{{}, noon.Add(-time.Hour), noon.Add(-30 * time.Hour), noon.Add(time.Hour), noon.Add(9000 * time.Hour)})
	anyInt := rapid.OneOf(rapid.IntRange(0, 20), rapid.SampledFrom([]int{-1, math.MinInt, math.MaxInt}))
	st := State{Rolling: Rolling{Unseen: anyInt.Draw(t, "unseen"), Known: anyTime.Draw(t, "known")}}
	for range rapid.IntRange(0, 3).Draw(t, "spendings") {
		st.Rolling.Spent = append(st.Rolling.Spent, Spending{anyTime.Draw(t, "spent"), anyInt.Draw(t, "posts")})
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "days") {
		st.Days = append(st.Days, Day{"UTC", []string{"2026-11-12", "2026-11-13", "2026-11-14"}[i], anyInt.Draw(t, "used")})
	}
	return st
}

// Whatever comes in, the cap is a finite number in its bounds that agrees with
// itself, does not spend beyond what remains, and is the same for the same input,
// which is not changed.
func TestDecideKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBudget().Draw(t, "budget")
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
		in, st := anyInput(t), anyState(t)
		before := st
		before.Days, before.Rolling.Spent = slices.Clone(st.Days), slices.Clone(st.Rolling.Spent)
		c, next := b.Decide(in, st)
		checkCap(t, b, in, c)
		if diff := cmp.Diff(before, st, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the state given was changed:\n%s", diff)
		}
		again, nextAgain := b.Decide(in, st)
		if diff := cmp.Diff([]any{c, next}, []any{again, nextAgain}, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("the same input decides differently:\n%s", diff)
		}
		in.Now = in.Now.Add(time.Minute)
		c, _ = b.Decide(in, next)
		checkCap(t, b, in, c)
	})
}

func checkCap(t *rapid.T, b Budget, in Input, c Cap) {
	t.Helper()
	most := max(min(in.MaxAgents, maxAgents), 0)
	if c.Status == Unknown {
		most = min(max(in.Agents, 0), max(in.MaxAgents, 0))
	}
	if c.Agents < 0 || c.Agents > most {
		t.Fatalf("%d agents, want 0 to %d: %+v", c.Agents, most, c)
	}
	if c.Used < 0 || c.Protected < 0 || c.Protected > c.Remaining || c.Window != "" && c.Remaining != max(b.Limit-c.Used, 0) {
		t.Fatalf("the numbers do not agree: %+v", c)
	}
	spend := c.Remaining - c.Protected
	// Rounded up, so that all but one of the agents post less than may be spent.
	if c.Window != "" && c.Status != Unknown && float64(c.Agents-1)*b.PostsPerAgentHour > float64(spend)+1e-6 {
		t.Fatalf("%d agents spend more than %d in an hour: %+v", c.Agents, spend, c)
	}
	switch {
	case c.Status == OK && (spend == 0 || in.MaxAgents > 0 && c.Agents == 0),
		c.Status == Held && (c.Remaining == 0 || spend > 0 || c.Agents > 0),
		c.Status == Exhausted && (c.Remaining > 0 || c.Agents > 0),
		!slices.Contains([]Status{OK, Held, Exhausted, Unknown}, c.Status),
		c.Detail == "":
		t.Fatalf("the status does not agree: %+v", c)
	}
	if c.Status != Unknown && c.Remaining == 0 && !c.Exhaustion.Equal(in.Now) {
		t.Fatalf("nothing is left, and it lasts until %s", c.Exhaustion)
	}
	if !c.Exhaustion.IsZero() && (c.Exhaustion.Before(in.Now) || c.Exhaustion.After(in.Now.Add(24*time.Hour))) {
		t.Fatalf("exhausted at %s, now it is %s", c.Exhaustion, in.Now)
	}
}

// I30: of two classes the better may spend at least what the lesser may, whatever
// is expected.
func TestBetterClassMaySpendMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBudget().Draw(t, "budget")
		in, st := anyInput(t), anyState(t)
		in.Step = time.Hour
		in.Path = append([]Step{{"", 0}}, in.Path...) // of which the class makes no difference to what is expected
		for i := range in.Path {
			if in.Path[i].Class == "unheard_of" {
				in.Path[i].Class = "peak"
			}
		}
		for _, lesser := range b.Classes {
			in.Path[0].Class = lesser.Name
			less, _ := b.Decide(in, st)
			for _, better := range b.Classes {
				in.Path[0].Class = better.Name
				if more, _ := b.Decide(in, st); better.Value > lesser.Value && (more.Remaining-more.Protected < less.Remaining-less.Protected || more.Agents < less.Agents) {
					t.Fatalf("%s of value %g may spend less than %s of value %g:\n%+v\n%+v", better.Name, better.Value, lesser.Name, lesser.Value, more, less)
				}
			}
		}
	})
}

// A larger limit, and fewer posts used, never allow fewer agents.
func TestMoreLeftAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBudget().Draw(t, "budget")
		in, st := anyInput(t), State{}
		in.Step = time.Hour
		used := rapid.IntRange(0, 40).Draw(t, "used")
		in.Used = measured(used, used)
		less, _ := b.Decide(in, st)
		fewer := max(used-rapid.IntRange(0, 5).Draw(t, "fewer"), 0)
		in.Used = measured(fewer, fewer)
		if more, _ := b.Decide(in, st); more.Agents < less.Agents {
			t.Fatalf("%d used allow %d agents and %d used allow %d:\n%+v\n%+v", used, less.Agents, fewer, more.Agents, less, more)
		}
		b.Limit = min(b.Limit+rapid.IntRange(0, 5).Draw(t, "limit_more"), maxLimit)
		if more, _ := b.Decide(in, st); more.Agents < less.Agents {
			t.Fatalf("a larger limit allows %d agents, not %d:\n%+v\n%+v", more.Agents, less.Agents, more, less)
		}
	})
}

// While used is not known the pool does not grow, and loses no agent that it would
// keep if the truth were known, which is not less than what was.
func TestUnknownUseNeitherRaisesNorTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBudget().Draw(t, "budget")
		in := anyInput(t)
		in.Path, in.Step = hours(24, "peak", rapid.Float64Range(0, 3).Draw(t, "expected")), time.Hour
		count := rapid.IntRange(0, 30)
		today, rolling := count.Draw(t, "day"), count.Draw(t, "rolling")
		in.Used = measured(today, rolling)
		_, st := b.Decide(in, State{})
		in.Now = in.Now.Add(time.Duration(rapid.IntRange(0, 12*60).Draw(t, "later")) * time.Minute)
		in.Used = nil
		got, _ := b.Decide(in, st)
		running := min(max(in.Agents, 0), max(in.MaxAgents, 0))
		if got.Agents > running {
			t.Fatalf("raises %d agents: %+v", running, got)
		}
		in.Used = measured(today+count.Draw(t, "more of the day"), rolling+count.Draw(t, "more in 24 hours"))
		truth, _ := b.Decide(in, st)
		left := running
		if truth.Scarce {
			left = min(left, truth.Agents)
		}
		if got.Agents < left {
			t.Fatalf("leaves %d of %d agents, the truth %d: %+v and %+v", got.Agents, running, left, got, truth)
		}
	})
}
