package backtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/alertmanager/timeinterval"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC) // a Monday

// spec is a pool whose agents serve a load of 10 and take five minutes to start.
func spec(name string) engine.Pool {
	return engine.Pool{
		Policy: policy.Policy{Pool: policy.Pool{
			Name: name, Location: time.UTC, Agents: policy.Agents{Base: 2, Min: 1, Max: 40}, PerAgent: 10, LeadTime: 5 * time.Minute,
			Quantile: 0.9, Sensitivity: 1, Weight: 1, Mode: policy.DryRun, ForecastMaxAge: 2 * time.Hour,
		}},
		Load: policy.Signal{Query: "load", Match: map[string]string{"pool": name}},
	}
}

func settings(pools ...engine.Pool) *engine.Settings {
	return &engine.Settings{
		Generation: 1, QueryLag: 30 * time.Second, Step: 5 * time.Minute, History: 28 * 24 * time.Hour,
		Horizon: 24 * time.Hour, RefitEvery: 12 * time.Hour, Pools: pools,
	}
}

// recording is of loads from four weeks before the start until length after it.
func recording(length time.Duration, s *engine.Settings, load func(pool string, t time.Time) float64) *Recording {
	r := NewRecording(Span{start, start.Add(length), time.Minute}, s)
	for _, p := range s.Pools {
		all := forecast.Series{Start: start.Add(-29 * 24 * time.Hour), Step: time.Minute}
		for t := all.Start; t.Before(start.Add(length + time.Hour)); t = t.Add(time.Minute) {
			all.Values = append(all.Values, load(p.Pool.Name, t))
		}
		r.Put(p.Load, all)
	}
	return r
}

// daily is busy in the evening, with noise that depends on the time only.
func daily(pool string, t time.Time) float64 {
	k := float64(len(pool))
	h := float64(t.Unix()%86400) / 3600
	return max(60+50*math.Sin((h-9)/24*2*math.Pi)+10*math.Sin(float64(t.Unix()/300)*k)+3*math.Sin(float64(t.Unix())*k), 0)
}

// jump is a load of 20 that becomes 60 half an hour after the start. Nothing is known of
// the time before.
func jump(_ string, t time.Time) float64 {
	switch {
	case t.Before(start):
		return math.NaN()
	case t.Before(start.Add(30 * time.Minute)):
		return 20
	}
	return 60
}

func run(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func outcome(t *testing.T, r Result, pool, way string) Outcome {
	t.Helper()
	for _, p := range r.Pools {
		for _, o := range p.Ways {
			if p.Pool.Name == pool && o.Way == way {
				return o
			}
		}
	}
	t.Fatalf("no outcome of %s for pool %s", way, pool)
	return Outcome{}
}

// For 30 minutes two agents are needed, then for 90 minutes six, and they take five
// minutes to start.
func TestJumpByHand(t *testing.T) {
	s := settings(spec("nba"))
	s.Step = time.Hour // so that there is no forecast
	r := run(t, Options{Settings: s, Recording: recording(2*time.Hour, s, jump), Against: []string{HPA, LastWeek, StaticPeak, StaticMean, Oracle}})
	for _, want := range []struct {
		way     string
		under   time.Duration
		hours   float64
		actions int
	}{
		// It sees the load of a minute before and follows the mean of three: 4, 5 and 6 agents
		// are asked for after 1, 2 and 3 minutes, and are ready after 6, 7 and 8.
		{Adapter, 8 * time.Minute, (30*2 + 6*2 + 4 + 5 + 82*6) / 60.0, 3},
		// It looks after 30 seconds and doubles or adds four, whichever is more.
		{HPA, 6 * time.Minute, (36*2 + 84*6) / 60.0, 1},
		{LastWeek, 90 * time.Minute, 4, 0}, // which is not known
		{StaticPeak, 0, 12, 0},
		{StaticMean, 90 * time.Minute, 10, 0}, // 5
		{Oracle, 0, 10, 1},
	} {
		o := outcome(t, r, "nba", want.way)
		if o.UnderFor != want.under || math.Abs(o.AgentHours-want.hours) > 1e-9 || o.Actions != want.actions {
			t.Errorf("%s: got %s with too few, %g agent-hours and %d actions; want %s, %g and %d; supply %v",
				want.way, o.UnderFor, o.AgentHours, o.Actions, want.under, want.hours, want.actions, o.Supply)
		}
		if got := o.UnderTime; math.Abs(got-want.under.Hours()/2) > 1e-9 {
			t.Errorf("%s: τ_U is %g, want %g", want.way, got, want.under.Hours()/2)
		}
	}
}

func TestHPAByHand(t *testing.T) {
	type look struct {
		load                float64
		ready, agents, want int
	}
	for _, tt := range []struct {
		name  string
		looks []look // 15 seconds apart
	}{
		{"rounds up", []look{{31, 2, 2, 4}}},
		{"leaves a tenth alone", []look{{44, 4, 4, 4}, {36, 4, 4, 4}}},
		{"acts above a tenth", []look{{45, 4, 4, 5}}},
		{"at most doubles", []look{{1000, 10, 10, 20}}},
		{"adds four to a few", []look{{1000, 2, 2, 6}}},
		{"takes those that start to have no load", []look{{60, 4, 6, 6}, {66, 4, 6, 6}, {80, 4, 6, 8}}},
		{"does not reverse for those that start", []look{{50, 4, 9, 9}}},
		{"holds without a load", []look{{math.NaN(), 4, 5, 5}}},
		{"holds without an agent that is ready", []look{{50, 0, 2, 2}}},
		{"keeps one", []look{{0, 1, 1, 1}}},
		{"waits five minutes to shrink", append(append([]look{{100, 10, 10, 10}}, slices.Repeat([]look{{50, 10, 10, 10}}, 19)...), look{50, 10, 10, 5})},
		{"shrinks to the largest of the window", append(append([]look{{100, 10, 10, 10}, {70, 10, 10, 10}}, slices.Repeat([]look{{50, 10, 10, 10}}, 18)...), look{50, 10, 10, 7}, look{50, 7, 7, 5})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &hpa{target: 10}
			for i, l := range tt.looks {
				if got := h.want(start.Add(time.Duration(i)*hpaPeriod), sight{l.load, l.ready, l.agents}); got != l.want {
					t.Errorf("look %d: got %d agents, want %d", i, got, l.want)
				}
			}
		})
	}
}

// An agent serves 10, so with a target of 80 % each has a load of 8.
func TestHPAWithATarget(t *testing.T) {
	s := settings(spec("nba"))
	r := run(t, Options{Settings: s, Against: []string{HPA, HPAOf(80), "hpa_50"}, Recording: recording(time.Hour, s, func(string, time.Time) float64 { return 100 })})
	for way, want := range map[string]float64{HPA: 10, "hpa_80": 13, "hpa_50": 20} {
		if o := outcome(t, r, "nba", way); o.Supply[59] != want {
			t.Errorf("%s: got %g agents, want %g", way, o.Supply[59], want)
		}
	}
}

func TestIsOpponent(t *testing.T) {
	for _, name := range append(Opponents(), "hpa_10", "hpa_99") {
		if !IsOpponent(name) {
			t.Errorf("%q is none", name)
		}
	}
	for _, name := range []string{"", Adapter, "hpa_", "hpa_9", "hpa_100", "hpa_101", "hpa_080", "hpa_80%", "hpa80", "hpa_8.5", "hpa_-80"} {
		if IsOpponent(name) {
			t.Errorf("%q is one", name)
		}
	}
}

// It doubles three times within a minute, or adds four.
func TestHPALooksEvery15Seconds(t *testing.T) {
	s := settings(spec("nba"))
	r := run(t, Options{Settings: s, Against: []string{HPA}, Recording: recording(time.Hour, s, func(_ string, at time.Time) float64 {
		if at.Before(start.Add(30 * time.Minute)) {
			return 20
		}
		return 200
	})})
	// 6, 12 and 20 agents are asked for after 30, 45 and 60 seconds.
	if o := outcome(t, r, "nba", HPA); o.UnderFor != 6*time.Minute || o.Actions != 3 || o.Supply[36] != 20 {
		t.Errorf("%s with too few, %d actions; supply %v", o.UnderFor, o.Actions, o.Supply)
	}
}

func TestCrewByHand(t *testing.T) {
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	c := newCrew(policy.Pool{Agents: policy.Agents{Min: 2, Max: 9}}, 5*time.Minute, 1)
	check := func(minute, ready, agents, actions int) {
		t.Helper()
		c.settle(at(minute))
		if c.ready != ready || c.agents() != agents || c.actions != actions {
			t.Errorf("after %d minutes: got %d of %d agents ready and %d actions; want %d of %d and %d", minute, c.ready, c.agents(), c.actions, ready, agents, actions)
		}
	}
	check(0, 2, 2, 0)
	c.scale(at(0), 4)
	c.scale(at(2), 7)
	c.scale(at(2), 7) // nothing is to be done
	check(4, 2, 7, 2)
	check(5, 4, 7, 2)
	c.scale(at(6), 5) // the youngest go first
	check(6, 4, 5, 3)
	check(7, 5, 5, 3)
	c.scale(at(8), 2)
	check(8, 2, 2, 4)
}

// What comes after an instant changes nothing before it, but for those who know the future.
func TestNothingOfTheFutureIsKnown(t *testing.T) {
	const length, change = 6 * time.Hour, 4 * time.Hour
	s := settings(spec("nba"), spec("nfl2"))
	s.Exprs = []engine.Expr{{Name: "burst", Query: "burst", Type: "burst"}}
	for i := range s.Pools {
		s.Pools[i].Rules = []policy.Rule{{Name: "burst", When: policy.Condition{Events: []policy.EventMatch{{Type: "burst"}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 9}}}}
	}
	replayed := func(after float64) Result {
		r := recording(length, s, func(pool string, at time.Time) float64 {
			if at.Before(start.Add(change)) {
				return daily(pool, at)
			}
			return after
		})
		labeled := func(grid engine.Range) []engine.Labeled {
			l := engine.Labeled{Series: forecast.Series{Start: grid.Start, Step: grid.Step}}
			for at := grid.Start; !at.After(grid.End); at = at.Add(grid.Step) {
				y := 0.0
				if !at.Before(start.Add(change)) && after > 0 {
					y = 1
				}
				l.Values = append(l.Values, y)
			}
			return []engine.Labeled{l}
		}
		r.exprs["burst"] = answers{labeled(r.ticks), labeled(r.steps)}
		return run(t, Options{Settings: s, Recording: r, Startup: time.Second, Against: []string{Forecast, Schedule, HPA, LastWeek}})
	}
	low, high := replayed(0), replayed(500)
	differ := 0
	for i, p := range low.Pools {
		for k, o := range p.Ways {
			other := high.Pools[i].Ways[k]
			before := int(change / time.Minute)
			if diff := cmp.Diff(o.Supply[:before+1], other.Supply[:before+1]); diff != "" {
				t.Errorf("pool %s, %s (-low +high):\n%s", p.Pool.Name, o.Way, diff)
			}
			if !slices.Equal(o.Supply, other.Supply) {
				differ++
			}
		}
	}
	if differ < 8 { // last_week does not look, and the others of both pools do
		t.Errorf("only %d supplies differ afterwards: the test proves nothing", differ)
	}
}

// The source itself tells nothing that is newer than the lag.
func TestReplayEndsAtTheLag(t *testing.T) {
	s := settings(spec("nba"))
	s.QueryLag = 90 * time.Second
	now := start.Add(time.Hour)
	r := &replay{Recording: recording(2*time.Hour, s, func(_ string, at time.Time) float64 { return at.Sub(start).Minutes() + 1e6 }), now: &now, lag: s.QueryLag, spent: func(policy.Signal, time.Time) (float64, bool) { return 0, false }}
	signals := []policy.Signal{s.Pools[0].Load}
	got := r.Sample(t.Context(), now, signals)[0]
	if want := (policy.Sample{Value: 1e6 + 58, Time: start.Add(58 * time.Minute), Quality: policy.OK}); got != want {
		t.Errorf("got the sample %+v, want %+v", got, want)
	}
	series, err := r.Range(t.Context(), engine.Range{Start: start.Add(50 * time.Minute), End: start.Add(70 * time.Minute), Step: 5 * time.Minute}, signals)
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	if diff := cmp.Diff([]float64{1e6 + 50, 1e6 + 55, nan, nan, nan}, series[0].Values, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplayIsTheSameTwice(t *testing.T) {
	s := settings(spec("a"), spec("bb"), spec("ccc"))
	s.MaxTotalAgents = 25
	o := Options{Settings: s, Recording: recording(24*time.Hour, s, daily), Against: Opponents()}
	first, second := run(t, o), run(t, o)
	text := func(r Result) string {
		var b bytes.Buffer
		if err := WriteHTML(&b, r); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if a, b := text(first), text(second); a != b {
		t.Errorf("two replays differ:\n%s", cmp.Diff(a, b))
	}
}

func TestForecastsAreScored(t *testing.T) {
	s := settings(spec("nba"))
	r := run(t, Options{Settings: s, Recording: recording(24*time.Hour, s, daily), Against: []string{Schedule, HPA}})
	a := outcome(t, r, "nba", Adapter).Accuracy
	if a == nil || a.N() != 289 || a.Ahead != 5*time.Minute || a.Quantile != 0.9 {
		t.Fatalf("got %+v, want 289 forecasts of five minutes ahead", a)
	}
	if !(a.WAPE() > 0 && a.WAPE() < 0.3) || !(a.MASE() > 0 && a.MASE() < 5) || !(a.Coverage() > 0.7) {
		t.Errorf("WAPE %g, MASE %g, coverage %g", a.WAPE(), a.MASE(), a.Coverage())
	}
	for _, way := range []string{Schedule, HPA} {
		if a := outcome(t, r, "nba", way).Accuracy; a != nil {
			t.Errorf("%s forecasts nothing, and was scored: %+v", way, a)
		}
	}
}

// Rules move base agents, whatever the load is.
func TestScheduleOnlyDoesNotLookAtLoads(t *testing.T) {
	p := spec("nba")
	p.Rules = []policy.Rule{{
		Name: "morning", When: policy.Condition{During: []policy.Schedule{{Name: "morning", Intervals: []timeinterval.TimeInterval{{Times: []timeinterval.TimeRange{{StartMinute: 60, EndMinute: 120}}}}}}},
		Demand: &policy.DemandEffect{Multiply: 2},
	}}
	s := settings(p)
	r := run(t, Options{Settings: s, Recording: recording(3*time.Hour, s, func(string, time.Time) float64 { return 70 }), Against: []string{Schedule}})
	got := outcome(t, r, "nba", Schedule).Supply
	for minute, want := range map[int]float64{0: 7, 30: 2, 59: 2, 60: 4, 119: 4, 150: 2} {
		if minute == 0 {
			continue // it begins with what the first load needs
		}
		if got[minute] != want {
			t.Errorf("after %d minutes: got %g agents, want %g", minute, got[minute], want)
		}
	}
	if o := outcome(t, r, "nba", Adapter); o.UnderFor != 0 {
		t.Errorf("the adapter had too few agents for %s of a constant load", o.UnderFor)
	}
}

// Six agents post three times in an hour, and more than ten times after 3 hours and 20 minutes.
func TestBudgetsAreSpentByAgentsThatAreReady(t *testing.T) {
	p := spec("nba")
	p.Budgets = []engine.Budget{{
		Name: "posts", Used: "tweets[$window]", When: []policy.Rule{{Name: "any"}},
		Budget: budget.Budget{Limit: 10, Window: budget.LocalDay, PostsPerAgentHour: 0.5, Location: time.UTC, Classes: []budget.Class{{Name: "any", Value: 1}}},
	}}
	s := settings(p)
	r := run(t, Options{Settings: s, Recording: recording(8*time.Hour, s, func(string, time.Time) float64 { return 60 }), Against: []string{StaticPeak, Forecast}})
	if got, want := outcome(t, r, "nba", StaticPeak).OverBudget, 4*time.Hour+40*time.Minute; got != want {
		t.Errorf("six agents, always: got %s over the budget, want %s", got, want)
	}
	capped, free := outcome(t, r, "nba", Adapter), outcome(t, r, "nba", Forecast)
	if capped.AgentHours >= free.AgentHours || capped.OverBudget >= free.OverBudget {
		t.Errorf("with the budget %g agent-hours and %s over it, without it %g and %s; the budget has no effect", capped.AgentHours, capped.OverBudget, free.AgentHours, free.OverBudget)
	}
}

// Only the adapter knows the limit of all agents.
func TestLimitOfAllAgents(t *testing.T) {
	s := settings(spec("a"), spec("bb"))
	s.MaxTotalAgents = 10
	r := run(t, Options{Settings: s, Recording: recording(2*time.Hour, s, func(pool string, _ time.Time) float64 { return 60 * float64(len(pool)) }), Against: []string{StaticPeak}})
	if got := r.Total[0]; got.Way != Adapter || got.OverTotal > 2*time.Minute || got.UnderFor < time.Hour {
		t.Errorf("the adapter: %s over the limit, %s with too few", got.OverTotal, got.UnderFor)
	}
	if got := r.Total[1]; got.OverTotal != 2*time.Hour || got.UnderFor != 0 || math.Abs(got.AgentHours-36) > 1e-9 {
		t.Errorf("at the peak always: %s over the limit, %s with too few, %g agent-hours", got.OverTotal, got.UnderFor, got.AgentHours)
	}
	part := r.Of([]string{"bb"})
	if len(part.Pools) != 1 || math.Abs(part.Total[1].AgentHours-24) > 1e-9 || part.Total[1].OverTotal != 0 {
		t.Errorf("of one pool: got %+v", part.Total)
	}
}

func TestOtherRulesBeside(t *testing.T) {
	s := settings(spec("a"), spec("bb"))
	old := *s
	old.Pools = []engine.Pool{spec("a")}
	old.Pools[0].Pool.Agents.Min, old.Pools[0].Pool.Agents.Base = 12, 12
	old.Pools[0].Pool.Quantile, old.Pools[0].Pool.LeadTime = 0.8, 20*time.Minute
	r := run(t, Options{Settings: s, Recording: recording(2*time.Hour, s, func(string, time.Time) float64 { return 60 }), Against: []string{"old.yml"}, Others: map[string]*engine.Settings{"old.yml": &old}})
	if got := outcome(t, r, "a", "old.yml"); got.Supply[100] != 12 {
		t.Errorf("got %g agents by the other rules, want 12", got.Supply[100])
	}
	if a := outcome(t, r, "a", "old.yml").Accuracy; a == nil || a.Quantile != 0.8 || a.Ahead != 20*time.Minute {
		t.Errorf("the forecasts of the other rules: got %+v, want those of the quantile 0.8 after 20 minutes", a)
	}
	if got := outcome(t, r, "bb", "old.yml"); got.Steps != 0 || got.UnderFor != 0 {
		t.Errorf("a pool that the other rules have not: got %+v", got.Elasticity)
	}
}

func TestPoolsWithoutLoads(t *testing.T) {
	s := settings(spec("a"), spec("bb"))
	missing := func(string, time.Time) float64 { return math.NaN() }
	if _, err := Run(t.Context(), Options{Settings: s, Recording: recording(time.Hour, s, missing)}); !errors.Is(err, ErrNoLoad) {
		t.Errorf("got the error %v, want that no load was measured", err)
	}
	r := run(t, Options{Settings: s, Against: Opponents(), Recording: recording(time.Hour, s, func(pool string, at time.Time) float64 {
		if pool == "a" || at.Minute() < 20 {
			return math.NaN()
		}
		return 30
	})})
	if len(r.Pools) != 1 || !slices.Equal(r.Unknown, []string{"a"}) {
		t.Errorf("got %d pools and %v left out, want bb and a", len(r.Pools), r.Unknown)
	}
	for _, o := range r.Total {
		if o.Steps != 40 {
			t.Errorf("%s: %d ticks were compared, want the 40 with a load", o.Way, o.Steps)
		}
	}
}

// The loop copes with a panic and goes on; a replay that did would tell of another loop.
func TestErrorsOfTheLoopEndTheReplay(t *testing.T) {
	s := settings(spec("a"))
	s.Pools[0].Pool.Location = nil // never so when rules are loaded
	_, err := Run(t.Context(), Options{Settings: s, Recording: recording(time.Hour, s, daily)})
	if err == nil || !strings.HasPrefix(err.Error(), "adapter: at 2026-11-02T00:00:00Z: panic; going on without; in: a") {
		t.Errorf("got the error %v, want the panic", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := settings(spec("a"))
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Settings: s, Recording: recording(24*time.Hour, s, daily), Against: Opponents(), Progress: func(done, _ int) {
		if done == 20 {
			cancel()
		}
	}}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want that it was cancelled", err)
	}
}

func TestProgressEndsAtAll(t *testing.T) {
	s := settings(spec("a"))
	last, all := 0, 0
	ticks := make(chan [2]int, 10_000)
	run(t, Options{Settings: s, Recording: recording(time.Hour, s, daily), Against: []string{HPA}, Progress: func(done, of int) { ticks <- [2]int{done, of} }})
	close(ticks)
	for p := range ticks {
		last, all = max(last, p[0]), p[1]
	}
	if last != 120 || all != 120 {
		t.Errorf("ended at %d of %d, want 120 of 120", last, all)
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	s := settings(spec("<b>a"))
	r := run(t, Options{Settings: s, Recording: recording(2*time.Hour, s, daily), Startup: 10 * time.Minute, Against: Opponents()})
	var b bytes.Buffer
	if err := WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"src=", "href=", "<b>a", "NaN"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if n := strings.Count(text, "<svg"); n != 6 {
		t.Errorf("%d pictures, want one of each way that moves", n)
	}
	for _, good := range []string{"Every 1m; loads are seen 30s late; models are fitted at least every 12h.", "1 to 40 agents, each for a load of 10, ready after 10m; at most "} {
		if !strings.Contains(text, good) {
			t.Errorf("the page does not tell %q", good)
		}
	}
	for _, way := range Opponents() {
		if !strings.Contains(text, "<td>"+way+"</td>") {
			t.Errorf("the page does not tell of %s", way)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	var pools []engine.Pool
	for i := range 8 {
		pools = append(pools, spec(fmt.Sprintf("%0*d", i+1, i)))
	}
	s := settings(pools...)
	r := recording(28*24*time.Hour, s, daily)
	for b.Loop() {
		if _, err := Run(context.Background(), Options{Settings: s, Recording: r, Against: Opponents()}); err != nil {
			b.Fatal(err)
		}
	}
}
