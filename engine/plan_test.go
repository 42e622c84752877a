package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// plan makes a plan that must succeed.
func plan(t interface {
	Helper()
	Fatal(...any)
	Context() context.Context
}, s *Settings, now, end time.Time) Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), s, now, end)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// desired tells the agents of a pool's plan, each number once: "4@12:00 6@12:05".
func desired(p PoolPlan) string {
	var out []string
	for i, pt := range p.Points {
		if i == 0 || pt.Decision.Desired != p.Points[i-1].Decision.Desired {
			out = append(out, fmt.Sprintf("%d@%s", pt.Decision.Desired, pt.Decision.Time.Format("15:04")))
		}
	}
	return strings.Join(out, " ")
}

// planned is a world that knows the past at first and later goes as it was planned.
type planned struct {
	*world
	pools map[string]PoolPlan // nil at first
}

func (w *planned) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	if w.pools != nil {
		return nil, errors.New("nothing is learned any more")
	}
	return w.world.Range(ctx, r, signals)
}

func (w *planned) Sample(_ context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	for i, s := range signals {
		for _, pt := range w.pools[s.Match["pool"]].Points {
			if !pt.Decision.Time.After(now) {
				out[i] = policy.Sample{Value: pt.Load.Median, Time: now, Quality: policy.OK}
			}
		}
	}
	return out
}

func (w *planned) Scale(ctx context.Context, d policy.Decision) policy.Outcome {
	if !d.Permitted() { // as the real one
		return policy.Outcome{Result: policy.NotSent}
	}
	return w.world.Scale(ctx, d)
}

// evening is every day from 18:00 to 22:00.
func evening() []policy.Schedule {
	return []policy.Schedule{{Name: "evening", Intervals: []timeinterval.TimeInterval{{Times: []timeinterval.TimeRange{{StartMinute: 18 * 60, EndMinute: 22 * 60}}}}}}
}

// anySettings draws two pools with rules, events and overrides of every kind.
func anySettings(t *rapid.T, w *world) *Settings {
	minutes := func(name string, from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute
	}
	var pools []Pool
	s := settings(w)
	for _, name := range []string{"nba", "nfl"} {
		p := spec(name)
		p.Pool.LeadTime = minutes("lead", 0, 40)
		p.Pool.Sensitivity = rapid.SampledFrom([]float64{1, 0.7}).Draw(t, "sensitivity")
		p.Pool.Mode = rapid.SampledFrom([]policy.Mode{policy.Active, policy.ScaleUpOnly}).Draw(t, "mode")
		p.Pool.ForecastMaxAge = 1000 * time.Hour
		for _, rules := range []*policy.ScalingRules{&p.Pool.Behavior.ScaleUp, &p.Pool.Behavior.ScaleDown} {
			rules.StabilizationWindow = minutes("window", 0, 20)
			rules.Cooldown = minutes("cooldown", 0, 8)
			if rapid.Bool().Draw(t, "limited") {
				rules.Policies = []policy.StepPolicy{{Type: policy.StepAgents, Value: rapid.IntRange(1, 4).Draw(t, "step"), Period: minutes("period", 1, 10)}}
			}
		}
		p.Rules = []policy.Rule{
			{Name: "evening", When: policy.Condition{During: evening()}, Demand: &policy.DemandEffect{Multiply: rapid.Float64Range(0, 3).Draw(t, "multiply"), RampUp: minutes("ramp", 0, 30)}},
			{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: minutes("game_lead", 0, 30)}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: rapid.IntRange(0, 30).Draw(t, "min")}}},
			{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Demand: &policy.DemandEffect{Multiply: rapid.Float64Range(1, 3).Draw(t, "news")}},
		}
		pools = append(pools, p)
		from := start.Add(minutes("override", -60, 300))
		n := rapid.IntRange(0, 50).Draw(t, "exactly")
		s.Overrides = append(s.Overrides, policy.Override{ID: name, Pool: name, Min: &n, Max: &n, Hold: rapid.Bool().Draw(t, "hold"), Disable: rapid.Bool().Draw(t, "disable"), Author: "ann", Start: from, End: from.Add(minutes("lasts", 1, 120))})
	}
	from := start.Add(minutes("event", -60, 300))
	s.Events = []policy.Event{{ID: "g", Type: "game", Start: from, End: from.Add(minutes("game_lasts", 1, 150))}}
	s.Pools, s.History = pools, 24*time.Hour
	s.MaxTotalAgents = rapid.SampledFrom([]int{0, 10, 25}).Draw(t, "total")
	return s
}

// A plan is what the loop decides, with all reasons, if the load comes as planned.
func TestPlanIsWhatTheLoopDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const length = 6 * time.Hour
		w := newWorld(daily, map[string]int{"nba": rapid.IntRange(0, 20).Draw(t, "nba"), "nfl": rapid.IntRange(0, 20).Draw(t, "nfl")})
		source := &planned{world: w}
		s := anySettings(t, w)
		s.Source, s.Actuator, s.Interval, s.Horizon, s.RefitEvery = source, source, s.Step, scoredAhead, 1000*time.Hour
		want := plan(t, s, start, start.Add(length))

		e := New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
		e.Apply(s)
		e.adopt(s, start, false)
		e.fetch(t.Context(), s, start, time.Now().Add(time.Hour))
		source.pools = map[string]PoolPlan{"nba": want.Pools[0], "nfl": want.Pools[1]}
		for i := range want.Pools[0].Points {
			e.Tick(t.Context(), start.Add(time.Duration(i)*s.Step))
			for j, p := range e.Snapshot().Pools {
				if diff := cmp.Diff(want.Pools[j].Points[i].Decision, p.Decision, cmpopts.EquateNaNs()); diff != "" {
					t.Fatalf("instant %d of %s (-plan +loop):\n%s", i, p.Pool.Name, diff)
				}
			}
		}
	})
}

// What the loop gets to between two instants, turn by turn, counts.
func TestPlanGoesAtThePaceOfTheLoop(t *testing.T) {
	byMinute := policy.ScalingRules{Policies: []policy.StepPolicy{{Type: policy.StepAgents, Value: 1, Period: time.Minute}}}
	for _, tt := range []struct {
		name   string
		change func(*policy.Pool)
		want   string // of twelve agents that are needed from four on
	}{
		{"one a minute", func(p *policy.Pool) { p.Behavior.ScaleUp = byMinute }, "5@12:00 10@12:05 12@12:10"},
		{"one in ten minutes", func(p *policy.Pool) {
			p.Behavior.ScaleUp = policy.ScalingRules{Policies: []policy.StepPolicy{{Type: policy.StepAgents, Value: 4, Period: 10 * time.Minute}}}
		}, "8@12:00 12@12:10"},
		{"half of the gap each turn", func(p *policy.Pool) { p.Sensitivity = 0.5 }, "8@12:00 12@12:05"},
		{"never", func(p *policy.Pool) { p.Behavior.ScaleUp.SelectPolicy = policy.SelectDisabled }, "4@12:00"},
	} {
		w := newWorld(flat(120), map[string]int{"nba": 4})
		p := spec("nba")
		p.Pool.Behavior.ScaleUp.Tolerance = 0
		tt.change(&p.Pool)
		got := plan(t, settings(w, p), start, start.Add(30*time.Minute)).Pools[0]
		if diff := cmp.Diff(tt.want, desired(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		e := newEngine(t)
		e.Apply(settings(w, p))
		for i, loop := range run(t, e, w, start, start.Add(30*time.Minute), "nba") {
			if pt := got.Points[i/10]; i%10 == 0 && loop != pt.Decision.Desired {
				t.Errorf("%s: at %s the loop has %d agents, the plan %d", tt.name, pt.Decision.Time.Format("15:04"), loop, pt.Decision.Desired)
			}
		}
	}
}

func TestPlanCallsNobody(t *testing.T) {
	w := newWorld(flat(120), map[string]int{"dry": 4, "raised": 20, "left": 4})
	dry, raised, left := spec("dry"), spec("raised"), spec("left")
	dry.Pool.Mode, raised.Pool.Mode = policy.DryRun, policy.ScaleUpOnly
	s := settings(w, dry, raised, left)
	s.Overrides = []policy.Override{{Pool: "left", Disable: true, Start: start, End: start.Add(24 * time.Hour), Author: "ann"}}
	got := plan(t, s, start, start.Add(time.Hour))
	for i, want := range []string{"12@12:00", "20@12:00", "4@12:00"} {
		if d := desired(got.Pools[i]); d != want {
			t.Errorf("%s: got %s, want %s", got.Pools[i].Pool.Name, d, want)
		}
	}
	if got := got.Pools[0]; got.Pool.Mode != policy.DryRun || got.Points[0].Decision.Mode != policy.DryRun {
		t.Errorf("the pool in dry run is planned as %s, %s", got.Pool.Mode, got.Points[0].Decision.Mode)
	}
	if calls := w.called(); calls != nil {
		t.Errorf("called %q", calls)
	}
	if s.Pools[0].Pool.Mode != policy.DryRun || s.Actuator != w {
		t.Error("the settings were changed")
	}
}

func TestPlanOfOverridesEventsAndSchedules(t *testing.T) {
	w := newWorld(flat(45), map[string]int{"nba": 5})
	nba := spec("nba")
	nba.Rules = []policy.Rule{
		{Name: "evening", When: policy.Condition{During: evening()}, Bounds: &policy.BoundsEffect{Max: &policy.Bound{Percent: 20}}},
		{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: 15 * time.Minute}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 10}}},
	}
	s := settings(w, nba)
	most, least := 3, 7
	s.Overrides = []policy.Override{
		{ID: "1", Pool: "nba", Max: &most, Start: start.Add(-time.Hour), End: start.Add(20 * time.Minute), Author: "ann", Reason: "deploy"},
		{ID: "2", Pool: "nba", Min: &least, Start: start.Add(time.Hour), End: start.Add(90 * time.Minute), Author: "ann"},
		{ID: "3", Pool: "nfl", Max: &most, Start: start, End: start.Add(time.Hour), Author: "ann"},
	}
	game := policy.Event{ID: "g", Type: "game", Name: "final", Start: start.Add(3 * time.Hour), End: start.Add(4 * time.Hour)}
	s.Events = []policy.Event{
		{ID: "old", Type: "game", Start: start.Add(-3 * time.Hour), End: start.Add(-2 * time.Hour)}, game,
		{ID: "other", Type: "game", Start: game.Start, End: game.End, Labels: map[string]string{"league": "nfl"}},
	}
	got := plan(t, s, start, start.Add(7*time.Hour)).Pools[0]
	if diff := cmp.Diff("3@12:00 5@12:20 7@13:00 5@13:30 10@14:45 5@16:00", desired(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]policy.Event{game}, got.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	var bounds []string
	for i, pt := range got.Points {
		text := fmt.Sprintf("%s %s %d–%d %s %d", pt.Floor.Rule, pt.Floor.Code, pt.Floor.Agents, pt.Ceiling.Agents, pt.Ceiling.Code, len(pt.Events))
		if i == 0 || !strings.HasSuffix(bounds[len(bounds)-1], text) {
			bounds = append(bounds, pt.Decision.Time.Format("15:04 ")+text)
		}
	}
	want := []string{
		"12:00  pool_min 2–3 override 0", "12:20  pool_min 2–40 pool_max 0", "13:00  override 7–40 pool_max 0", "13:30  pool_min 2–40 pool_max 0",
		"14:45 game rule_min 10–40 pool_max 0", "15:00 game rule_min 10–40 pool_max 1", "16:00  pool_min 2–40 pool_max 0", "18:00  pool_min 2–8 rule_max 0",
	}
	if diff := cmp.Diff(want, bounds); diff != "" {
		t.Errorf("bounds and events that go on (-want +got):\n%s", diff)
	}
}

// Without a forecast a pool follows base agents and known effects, down as well as up.
func TestPlanOfTheProfile(t *testing.T) {
	nba := spec("nba")
	nba.Pool.LeadTime = 0
	nba.Rules = []policy.Rule{{Name: "evening", When: policy.Condition{During: evening()}, Demand: &policy.DemandEffect{Multiply: 1.5, Add: 2}}}
	known := newWorld(flat(100), nil)
	unmeasured := newWorld(flat(math.NaN()), map[string]int{"nba": 3})
	for name, tt := range map[string]struct {
		source   Source
		actuator Actuator
		fallback string
	}{
		"no source":                           {nil, nil, "nothing was measured"},
		"no history":                          {unmeasured, known, "series too short: none of 864 values is known"},
		"no history, agents that are known":   {unmeasured, unmeasured, "series too short: none of 864 values is known"},
		"no source, an orchestrator is there": {nil, known, "nothing was measured"},
	} {
		s := settings(known, nba)
		s.Source, s.Actuator = tt.source, tt.actuator
		got := plan(t, s, start, start.Add(12*time.Hour)).Pools[0]
		if diff := cmp.Diff("10@12:00 17@18:00 10@22:00", desired(got)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if got.Fallback != tt.fallback || got.Current.Known != (tt.actuator == unmeasured) {
			t.Errorf("%s: fallback %q, current %+v", name, got.Fallback, got.Current)
		}
		want := LoadRange{Low: math.NaN(), Median: 170, High: math.NaN(), Planned: math.NaN()}
		if diff := cmp.Diff(want, got.Points[6*12].Load, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s: load (-want +got):\n%s", name, diff)
		}
	}
}

// A forecast of days is not too old for the days that it tells.
func TestPlanOfDaysFollowsTheForecast(t *testing.T) {
	nba := spec("nba")
	s := settings(newWorld(daily, map[string]int{"nba": 4}), nba)
	got := plan(t, s, start, start.Add(7*24*time.Hour))
	if got.Pools[0].Fallback != "" || len(got.Pools[0].Points) != 7*288 {
		t.Fatalf("fallback %q, %d points", got.Pools[0].Fallback, len(got.Pools[0].Points))
	}
	for _, pt := range got.Pools[0].Points[1:] {
		l, d := pt.Load, pt.Decision
		y := daily("", d.Time)
		if !(l.Low <= l.Median && l.Median <= l.High && math.Abs(l.Median-y) < 10) {
			t.Fatalf("%s: load %+v, comes %g", d.Time, l, y)
		}
		if n := float64(d.Desired); n < y/10-2 || n > y/10+5 || d.Demand < l.Median/10 {
			t.Fatalf("%s: %g agents for a load of %g: %+v", d.Time, n, y, d.Reasons)
		}
	}
	last := got.Pools[0].Points[7*288-1].Decision
	if h := got.Pools[0].AgentHours(got.Step); h < 7*24*10 || h > 7*24*14 || !last.Time.Equal(start.Add(7*24*time.Hour-s.Step)) {
		t.Errorf("%g agent-hours, the last point is at %s", h, last.Time)
	}
	again := plan(t, s, start, start.Add(7*24*time.Hour))
	if diff := cmp.Diff(got.Pools[0].Points, again.Pools[0].Points, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("the same again (-first +second):\n%s", diff)
	}
}

func TestPlanWarnsOfALongSilence(t *testing.T) {
	for silence, want := range map[time.Duration]string{0: "", 50 * time.Minute: "", 3 * time.Hour: "nothing was measured after 2026-11-12T09:00:00Z"} {
		w := newWorld(func(_ string, at time.Time) float64 {
			if at.After(start.Add(-silence)) {
				return math.NaN()
			}
			return daily("", at)
		}, nil)
		got := ""
		for _, err := range plan(t, settings(w, spec("nba")), start, start.Add(time.Hour)).Pools[0].Warnings {
			if strings.Contains(err.Error(), "measured") {
				got = err.Error()
			}
		}
		if got != want {
			t.Errorf("silent for %s: got %q, want %q", silence, got, want)
		}
	}
}

func TestPlanSaysWhatIsWrong(t *testing.T) {
	down := newWorld(daily, nil)
	down.down = true
	broken := settings(down, spec("nba"))
	broken.Exprs = []Expr{{Name: "news", Query: "news > 0"}}
	fine := settings(newWorld(daily, nil), spec("nba"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx      context.Context
		s        *Settings
		now, end time.Time
		want     string
	}{
		"an end before the start":         {t.Context(), fine, start, start, "the plan ends at 2026-11-12T12:00:00Z, which is not after its start at 2026-11-12T12:00:00Z"},
		"an end before the first instant": {t.Context(), fine, start.Add(time.Minute), start.Add(3 * time.Minute), "the plan ends at 2026-11-12T12:03:00Z, before its first instant at 2026-11-12T12:05:00Z"},
		"a far end":                       {t.Context(), fine, start, start.Add(LongestPlan + time.Minute), "the plan is 336h1m0s long, at most 336h0m0s are foreseen"},
		"nobody answers":                  {t.Context(), broken, start, start.Add(time.Hour), "the history of loads could not be read: connection refused"},
		"the context ends":                {gone, fine, start, start.Add(time.Hour), "context canceled"},
	} {
		if _, err := NewPlan(tt.ctx, tt.s, tt.now, tt.end); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestPlanKeepsToItsGrid(t *testing.T) {
	for _, tt := range []struct {
		step, length time.Duration
		now          time.Time
		want         time.Duration
		first        time.Time
		points       int
	}{
		{5 * time.Minute, time.Hour, start.Add(30 * time.Second), 5 * time.Minute, start.Add(5 * time.Minute), 12},
		{5 * time.Minute, LongestPlan, start, 5 * time.Minute, start, 4032},
		{time.Minute, LongestPlan, start, 5 * time.Minute, start, 4032},
		{45 * time.Second, LongestPlan, start, 6 * time.Minute, start, 3360}, // of its multiples from five minutes on the first that divides a day
		{time.Hour, 24 * time.Hour, start.Add(time.Minute), time.Hour, start.Add(time.Hour), 24},
	} {
		s := settings(nil, spec("nba"))
		s.Source, s.Actuator, s.Step = nil, nil, tt.step
		got := plan(t, s, tt.now, tt.now.Add(tt.length))
		if got.Step != tt.want || !got.Start.Equal(tt.first) || len(got.Pools[0].Points) != tt.points {
			t.Errorf("every %s for %s: step %s from %s, %d points", tt.step, tt.length, got.Step, got.Start, len(got.Pools[0].Points))
		}
	}
}

// The points of many pools are farther apart, so that their number is bounded.
func TestPlanOfManyPoolsIsCoarse(t *testing.T) {
	for pools, want := range map[int]time.Duration{1: 5 * time.Minute, 62: 5 * time.Minute, 63: 6 * time.Minute, 600: time.Hour, 20_000: 24 * time.Hour} {
		s := settings(nil)
		s.Step, s.Pools = time.Minute, make([]Pool, pools)
		if got := newWalk(s, start, start.Add(LongestPlan)).step; got != want {
			t.Errorf("%d pools: every %s, want %s", pools, got, want)
		}
	}
}

// A schedule keeps to the wall clock on days of 23 and 25 hours.
func TestPlanOfDaysOnWhichClocksAreSet(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for day, hours := range map[string]int{"2026-10-31": 24, "2026-11-01": 25, "2027-03-14": 23} {
		midnight, err := time.ParseInLocation(time.DateOnly, day, zone)
		if err != nil {
			t.Fatal(err)
		}
		nba := spec("nba")
		nba.Pool.Location = zone
		night := policy.Schedule{Name: "night", Intervals: []timeinterval.TimeInterval{{Times: []timeinterval.TimeRange{{StartMinute: 0, EndMinute: 3 * 60}}}}}
		nba.Rules = []policy.Rule{{Name: "night", When: policy.Condition{During: []policy.Schedule{night}}, Bounds: &policy.BoundsEffect{Max: &policy.Bound{Agents: 3}}}}
		s := settings(nil, nba)
		s.Source, s.Actuator = nil, nil
		got := plan(t, s, midnight, midnight.AddDate(0, 0, 1)).Pools[0]
		ceilings := 0
		for _, pt := range got.Points {
			if pt.Ceiling.Agents == 3 {
				ceilings++
			}
		}
		if len(got.Points) != 12*hours || ceilings != 12*(hours-21) {
			t.Errorf("%s: %d points, %d of them at night; want %d and %d", day, len(got.Points), ceilings, 12*hours, 12*(hours-21))
		}
	}
}

// Expressions make events in the past and the one that goes on.
func TestPlanKnowsEventsOfExpressions(t *testing.T) {
	w := newWorld(flat(45), map[string]int{"nba": 5})
	w.truth = func(at time.Time) map[string]float64 {
		if at.After(start.Add(-20 * time.Minute)) {
			return map[string]float64{"nba": 1}
		}
		return nil
	}
	nba := spec("nba")
	nba.Rules = []policy.Rule{{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "news"}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 20}}}}
	s := settings(w, nba)
	s.Exprs = []Expr{{Name: "trend", Query: "trend > 0", Type: "news"}}
	got := plan(t, s, start, start.Add(3*time.Hour)).Pools[0]
	if diff := cmp.Diff("20@12:00 5@12:45", desired(got)); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkPlan plans a week of eight pools with four weeks of history each.
func BenchmarkPlan(b *testing.B) {
	w := newWorld(daily, map[string]int{})
	var specs []Pool
	for i := range 8 {
		p := spec(fmt.Sprintf("pool-%d", i))
		p.Rules = []policy.Rule{
			{Name: "evening", When: policy.Condition{During: evening()}, Demand: &policy.DemandEffect{Multiply: 1.5, RampUp: 30 * time.Minute}},
			{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: 30 * time.Minute}}}, Demand: &policy.DemandEffect{Multiply: 2}},
			{Name: "floor", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 10}}},
		}
		p.Pool.Behavior.ScaleUp.Policies = []policy.StepPolicy{{Type: policy.StepPercent, Value: 100, Period: time.Minute}}
		specs = append(specs, p)
		w.agents[p.Pool.Name] = 5
	}
	s := settings(w, specs...)
	s.History, s.Horizon, s.MaxTotalAgents = 28*24*time.Hour, 24*time.Hour, 150
	for i := range 20 {
		at := start.Add(time.Duration(i-10) * 17 * time.Hour)
		s.Events = append(s.Events, policy.Event{ID: fmt.Sprint(i), Type: "game", Start: at, End: at.Add(3 * time.Hour)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewPlan(b.Context(), s, start, start.Add(7*24*time.Hour)); err != nil {
			b.Fatal(err)
		}
	}
}

// A running loop plans as one that reads everything anew, and asks nobody.
func TestEnginePlansWithWhatItKnows(t *testing.T) {
	w := newWorld(daily, map[string]int{"nba": 4, "nfl": 9})
	nba, nfl := spec("nba"), spec("nfl")
	nba.Rules = []policy.Rule{{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 30}}}}
	nfl.Current = &policy.Signal{Query: "agents"}
	w.queried = func(query string) (float64, bool) { return 9, query == "agents" }
	s := settings(w, nba, nfl)
	e := newEngine(t)
	if _, err := e.Plan(t.Context(), start.Add(time.Hour)); !errors.Is(err, ErrNoTick) {
		t.Errorf("before the first tick: got %v", err)
	}
	e.Apply(s)
	game := policy.Event{ID: "g", Type: "game", Start: start.Add(2 * time.Hour), End: start.Add(3 * time.Hour)}
	most := 5
	order := policy.Override{ID: "o", Pool: "nfl", Max: &most, Start: start, End: start.Add(90 * time.Minute), Author: "ann"}
	e.PutEvent(game)
	e.SetOverride(order)
	want := *s
	want.Events, want.Overrides = []policy.Event{game}, []policy.Override{order}
	fresh := plan(t, &want, start, start.Add(6*time.Hour))

	e.Tick(t.Context(), start)
	w.called()
	w.down, w.agents = true, nil
	got, err := e.Plan(t.Context(), start.Add(6*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range got.Pools {
		if p.Current != fresh.Pools[i].Current {
			t.Errorf("%s: from %+v, want %+v", p.Pool.Name, p.Current, fresh.Pools[i].Current)
		}
		if diff := cmp.Diff(fresh.Pools[i].Points, p.Points, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("%s (-anew +loop):\n%s", p.Pool.Name, diff)
		}
	}
	if calls := w.called(); calls != nil {
		t.Errorf("called %q", calls)
	}
}
