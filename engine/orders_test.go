package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func onNews(multiply float64) policy.Rule {
	return policy.Rule{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "news"}}}, Demand: &policy.DemandEffect{Multiply: multiply}}
}

// run ticks every half minute from the start up to the end and returns the agents
// that the pool had after each tick.
func run(t *testing.T, e *Engine, w *world, from, to time.Time, pool string) []int {
	t.Helper()
	var agents []int
	for now := from; now.Before(to); now = now.Add(30 * time.Second) {
		e.Tick(t.Context(), now)
		agents = append(agents, w.agents[pool])
	}
	return agents
}

// I3: an override acts at once in both directions and not from its end on; those of
// the settings and those set at run time alike.
func TestOverridesActAtOnceAndEndByThemselves(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Engine, *Settings, policy.Override)
	}{
		{"of the settings", func(_ *Engine, s *Settings, o policy.Override) { s.Overrides = append(s.Overrides, o) }},
		{"set at run time", func(e *Engine, _ *Settings, o policy.Override) { e.SetOverride(o) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(flat(100), map[string]int{"nba": 10})
			e := newEngine(t)
			spec := spec("nba")
			spec.Pool.Behavior.ScaleDown.StabilizationWindow = 10 * time.Minute
			s := settings(w, spec)
			e.Apply(s)
			run(t, e, w, start, start.Add(20*time.Minute), "nba")
			three := 3
			tt.set(e, s, policy.Override{Pool: "nba", Min: &three, Max: &three, Author: "anna", Reason: "repair", Start: start.Add(20 * time.Minute), End: start.Add(22 * time.Minute)})
			got := run(t, e, w, start.Add(20*time.Minute), start.Add(24*time.Minute), "nba")
			if diff := cmp.Diff([]int{3, 3, 3, 3, 10, 10, 10, 10}, got); diff != "" {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
			if left := e.Overrides(start.Add(22 * time.Minute)); len(left) > 0 {
				t.Errorf("an override that ended is listed: %+v", left)
			}
		})
	}
}

// An override puts a pool into another mode until it ends, and permits nothing that is
// switched off or that safe mode keeps back.
func TestOverridesOfTheMode(t *testing.T) {
	for _, tt := range []struct {
		name           string
		own, ordered   policy.Mode
		off, safe      bool
		then           policy.Mode
		up, down, back bool // whether a higher, a lower, and the load after the override reach the orchestrator
	}{
		{name: "dry run of an active pool", own: policy.Active, ordered: policy.DryRun, then: policy.DryRun, back: true},
		{name: "never down", own: policy.Active, ordered: policy.ScaleUpOnly, then: policy.ScaleUpOnly, up: true, back: true},
		{name: "a dry run that is tried in earnest", own: policy.DryRun, ordered: policy.Active, then: policy.Active, up: true, down: true},
		{name: "switched off", own: policy.DryRun, ordered: policy.Active, off: true, then: policy.DryRun},
		{name: "safe mode", own: policy.ScaleUpOnly, ordered: policy.Active, safe: true, then: policy.ScaleUpOnly, up: true, back: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			load := 100.0
			w := newWorld(func(string, time.Time) float64 { return load }, map[string]int{"nba": 10})
			e := newEngine(t)
			spec := spec("nba")
			spec.Pool.Mode, spec.Pool.LeadTime = tt.own, 0
			s := settings(w, spec)
			s.Enabled = !tt.off
			if tt.safe {
				s.SafeMode = "a file was set aside"
			}
			e.Apply(s)
			run(t, e, w, start, start.Add(time.Minute), "nba")
			e.SetOverride(policy.Override{Pool: "nba", Mode: tt.ordered, Author: "anna", Reason: "trial", Start: start.Add(time.Minute), End: start.Add(3 * time.Minute)})

			reached := func(from, to time.Duration, y float64) bool {
				w.calls, load = nil, y
				run(t, e, w, start.Add(from), start.Add(to), "nba")
				return slices.ContainsFunc(w.calls, policy.Decision.Permitted)
			}
			if got := reached(time.Minute, 2*time.Minute, 150); got != tt.up {
				t.Errorf("raised: got %v, want %v", got, tt.up)
			}
			if got := e.Snapshot().Pools[0]; got.Pool.Mode != tt.then || got.Decision.Mode != tt.then {
				t.Errorf("the pool is in mode %s, its decision in %s, want %s", got.Pool.Mode, got.Decision.Mode, tt.then)
			}
			w.agents["nba"] = 15
			if got := reached(2*time.Minute, 3*time.Minute, 50); got != tt.down {
				t.Errorf("lowered: got %v, want %v", got, tt.down)
			}
			w.agents["nba"] = 5
			if got := reached(3*time.Minute, 4*time.Minute, 150); got != tt.back {
				t.Errorf("raised after the override: got %v, want %v", got, tt.back)
			}
			if got := e.Snapshot().Pools[0].Pool.Mode; got != tt.own || s.Pools[0].Pool.Mode != tt.own {
				t.Errorf("after the override the pool is in mode %s, its settings in %s, want %s", got, s.Pools[0].Pool.Mode, tt.own)
			}
		})
	}
}

func TestSettingAnOverrideReplacesThatOfThePool(t *testing.T) {
	e := newEngine(t)
	one, two := 1, 2
	order := func(id, pool string, n *int) policy.Override {
		return policy.Override{ID: id, Pool: pool, Min: n, Start: start, End: start.Add(time.Hour)}
	}
	e.SetOverride(order("a", "nba", &one))
	e.SetOverride(order("b", "nfl", &one))
	e.SetOverride(order("c", "nba", &two))
	ids := func() []string {
		var out []string
		for _, o := range e.Overrides(start) {
			out = append(out, o.ID)
		}
		return out
	}
	if diff := cmp.Diff([]string{"c", "b"}, ids()); diff != "" {
		t.Error(diff)
	}
	if ended, err := e.EndOverride("nba"); err != nil || len(ended) != 1 || ended[0].ID != "c" {
		t.Errorf("ended %+v, want c", ended)
	}
	if diff := cmp.Diff([]string{"b"}, ids()); diff != "" {
		t.Error(diff)
	}
	if ended, err := e.EndOverride("nba"); err != nil || ended != nil {
		t.Errorf("ended %+v twice", ended)
	}
}

// An event that is told acts with the next tick and until it is ended, and costs the
// pool neither its models nor what they scored.
func TestEventsToldAtRunTime(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
	e := newEngine(t)
	nba, nfl := spec("nba"), spec("nfl")
	nba.Rules, nfl.Rules = []policy.Rule{onNews(2)}, []policy.Rule{onNews(2)}
	e.Apply(settings(w, nba, nfl))
	run(t, e, w, start, start.Add(10*time.Minute), "nba")
	predictor, scored := e.pools["nba"].predictor, e.Snapshot().Pools[0].Scores
	at := start.Add(10 * time.Minute)
	e.PutEvent(policy.Event{ID: "1", Type: "news", Labels: map[string]string{"league": "nba"}, Start: at, End: at.Add(time.Hour)})
	if got := run(t, e, w, at, at.Add(time.Minute), "nba"); got[0] != 20 {
		t.Errorf("got %d agents after news, want 20", got[0])
	}
	if w.agents["nfl"] != 10 {
		t.Errorf("another league got %d agents", w.agents["nfl"])
	}
	if e.pools["nba"].predictor != predictor || len(e.Snapshot().Pools[0].Scores) < len(scored) {
		t.Error("the models were lost")
	}
	if !ended(t, e, "1", at.Add(time.Minute)) || ended(t, e, "2", at) {
		t.Error("EndEvent does not tell known events from others")
	}
	got := run(t, e, w, at.Add(time.Minute), at.Add(20*time.Minute), "nba")
	if got[len(got)-1] != 10 {
		t.Errorf("got %d agents after the end, want 10", got[len(got)-1])
	}
	if events := e.Snapshot().Pools[0].Events; len(events) != 1 || !events[0].End.Equal(at.Add(time.Minute)) {
		t.Errorf("the pool tells the events %+v", events)
	}
}

func TestPuttingAnEventReplacesTheOneWithItsID(t *testing.T) {
	e := newEngine(t)
	e.PutEvent(policy.Event{ID: "1", Start: start.Add(time.Hour), End: start.Add(2 * time.Hour)})
	e.PutEvent(policy.Event{ID: "2", Start: start, End: start.Add(2 * time.Hour)})
	e.PutEvent(policy.Event{ID: "1", Start: start.Add(time.Hour), End: start.Add(3 * time.Hour)})
	told, generation := e.orders.told(start)
	if len(told) != 2 || told[0].ID != "2" || !told[1].End.Equal(start.Add(3*time.Hour)) {
		t.Errorf("told %+v", told)
	}
	if !ended(t, e, "1", start) {
		t.Error("event 1 is not known")
	}
	if told, after := e.orders.told(start); len(told) != 1 || after <= generation {
		t.Errorf("an event that never began stays: %+v, generation %d after %d", told, after, generation)
	}
	if told, _ := e.orders.told(start.Add(3 * time.Hour)); len(told) != 0 {
		t.Errorf("events older than the history stay: %+v", told)
	}
}

// An expression makes an event for each of its series, from the time when it has been
// true long enough until it is not; history knows the events of before.
func TestExpressionsMakeEvents(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10})
	hot := func(from, to time.Duration) func(time.Time) bool {
		return func(at time.Time) bool { return !at.Before(start.Add(from)) && at.Before(start.Add(to)) }
	}
	yesterday, now := hot(-24*time.Hour, -22*time.Hour), hot(5*time.Minute, 15*time.Minute)
	w.truth = func(at time.Time) map[string]float64 {
		if yesterday(at) || now(at) {
			return map[string]float64{"nba": 1, "nfl": 0}
		}
		return map[string]float64{"nba": 0}
	}
	e := newEngine(t)
	nba := spec("nba")
	nba.Rules = []policy.Rule{onNews(2)}
	s := settings(w, nba)
	s.Exprs = []Expr{{Name: "viral", Query: "mentions > bool 100", For: 2 * time.Minute, Type: "news", Labels: map[string]string{"source": "viral"}}}
	e.Apply(s)
	got := run(t, e, w, start, start.Add(30*time.Minute), "nba")
	if got[13] != 10 || got[14] != 20 {
		t.Errorf("agents six and a half and seven minutes on: %d and %d, want 10 and 20", got[13], got[14])
	}
	if last := got[len(got)-1]; last != 10 {
		t.Errorf("after the event: got %d agents, want 10", last)
	}
	want := []policy.Event{
		{ID: "viral/league=nba/20261111T120200Z", Type: "news", Name: "viral", Labels: map[string]string{"league": "nba", "source": "viral"}, Source: "viral", Start: start.Add(-24*time.Hour + 2*time.Minute), End: start.Add(-22 * time.Hour)},
		{ID: "viral/league=nba/20261112T120700Z", Type: "news", Name: "viral", Labels: map[string]string{"league": "nba", "source": "viral"}, Source: "viral", Start: start.Add(7 * time.Minute), End: start.Add(15 * time.Minute)},
	}
	if diff := cmp.Diff(want, e.pools["nba"].concerns); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if first := w.asked[0]; first.Step != s.Step || first.End.Sub(first.Start) < s.History-s.Step {
		t.Errorf("asked first for %+v, want the history", first)
	}
	for _, r := range w.asked[1:] {
		if !r.Start.Equal(r.End) {
			t.Fatalf("asked again for %+v, want one instant", r)
		}
	}
}

// While an expression is not known its event goes on; what was missed is read later.
func TestAnUnknownExpressionEndsNothing(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10})
	w.truth = func(at time.Time) map[string]float64 {
		if at.Before(start.Add(10 * time.Minute)) {
			return map[string]float64{"nba": 1}
		}
		return nil
	}
	e := newEngine(t)
	nba := spec("nba")
	nba.Rules = []policy.Rule{onNews(2)}
	s := settings(w, nba)
	s.Exprs = []Expr{{Name: "viral", Query: "x", Type: "news"}}
	e.Apply(s)
	run(t, e, w, start, start.Add(5*time.Minute), "nba")
	w.down = true
	run(t, e, w, start.Add(5*time.Minute), start.Add(3*time.Hour), "nba")
	events := e.pools["nba"].concerns
	if n := len(events); n != 1 || !events[0].End.After(start.Add(3*time.Hour)) {
		t.Fatalf("the event ended unseen: %+v", events)
	}
	w.down = false
	run(t, e, w, start.Add(3*time.Hour), start.Add(3*time.Hour+time.Minute), "nba")
	events = e.pools["nba"].concerns
	if n := len(events); n != 1 || !events[0].End.Equal(start.Add(10*time.Minute)) {
		t.Errorf("the end was not found: %+v", events)
	}
}

// A pool whose agents are measured is not asked of the orchestrator.
func TestCurrentFromPrometheus(t *testing.T) {
	w := newWorld(flat(100), nil)
	load := w.load
	w.load = func(pool string, at time.Time) float64 {
		if pool == "count" {
			return 6.9
		}
		return load(pool, at)
	}
	e := newEngine(t)
	nba := spec("nba")
	nba.Current = &policy.Signal{Query: "agents", Match: map[string]string{"pool": "count"}}
	w.agents = map[string]int{}
	e.Apply(settings(w, nba))
	e.Tick(t.Context(), start)
	if got := e.Snapshot().Pools[0].Count; got != (policy.Count{Agents: 7, Ready: 7, Known: true}) {
		t.Errorf("got %+v, want 7 agents", got)
	}
	w.down = true
	e.Tick(t.Context(), start.Add(30*time.Second))
	if got := e.Snapshot().Pools[0]; got.Count.Known || got.Decision.Direction() != policy.None {
		t.Errorf("got %+v and %+v without an answer", got.Count, got.Decision)
	}
}

// I12, I13 through the loop: hosts in danger cut every pool at once, also while it
// asks for more.
func TestEmergencyCutsThroughTheLoop(t *testing.T) {
	w := newWorld(flat(300), map[string]int{"nba": 10, "nfl": 2})
	load, cpu := w.load, 95.0
	w.load = func(pool string, at time.Time) float64 {
		if pool == "" {
			return cpu
		}
		return load(pool, at)
	}
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("nfl"))
	s.Hosts = []Host{{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: 80}}
	s.Emergency = policy.EmergencyLimits{Percent: map[string]float64{"cpu": 90}, Samples: 3, Reduce: 0.3, Settle: 2 * time.Minute, Resume: time.Minute}
	e.Apply(s)
	got := run(t, e, w, start, start.Add(3*time.Minute), "nba")
	if diff := cmp.Diff([]int{10, 10, 7, 7, 7, 7}, got); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if w.agents["nfl"] != 1 {
		t.Errorf("the small pool has %d agents, want 1", w.agents["nfl"])
	}
	if !e.Snapshot().Emergency[""].Active {
		t.Error("the emergency does not show")
	}
	cpu = 50
	got = run(t, e, w, start.Add(3*time.Minute), start.Add(5*time.Minute), "nba")
	if got[0] != 7 || got[1] != 7 || got[2] != 30 {
		t.Errorf("agents after the danger: %v, want a minute of calm and then 30", got)
	}
}

// A cut that the orchestrator refuses is made again in the next tick, and pools that were
// cut are not cut again.
func TestEmergencyCutsAgainWhatWasRefused(t *testing.T) {
	w := newWorld(flat(300), map[string]int{"nba": 10, "nfl": 10})
	load := w.load
	w.load = func(pool string, at time.Time) float64 {
		if pool == "" {
			return 95
		}
		return load(pool, at)
	}
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("nfl"))
	s.MaxTotalAgents = 20
	s.Hosts = []Host{{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: 80}}
	s.Emergency = policy.EmergencyLimits{Percent: map[string]float64{"cpu": 90}, Samples: 3, Reduce: 0.3, Settle: time.Hour, Resume: time.Hour}
	e.Apply(s)
	w.refuse = map[string]bool{"nba": true}
	if diff := cmp.Diff([]int{10, 10, 10, 10}, run(t, e, w, start, start.Add(2*time.Minute), "nba")); diff != "" {
		t.Errorf("agents while the orchestrator refuses (-want +got):\n%s", diff)
	}
	w.refuse = nil
	if diff := cmp.Diff([]int{7, 7}, run(t, e, w, start.Add(2*time.Minute), start.Add(3*time.Minute), "nba")); diff != "" {
		t.Errorf("agents afterwards (-want +got):\n%s", diff)
	}
	if w.agents["nfl"] != 7 {
		t.Errorf("the other pool has %d agents, want 7", w.agents["nfl"])
	}
}

// P12: a machine that was suspended does not lower by what it sees first: what was asked
// for meanwhile is not known.
func TestASuspensionBeginsTheWatchAnew(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 20})
	e := newEngine(t)
	p := spec("nba")
	p.Pool.Behavior.ScaleDown.StabilizationWindow = time.Minute
	e.Apply(settings(w, p))
	run(t, e, w, start, start.Add(5*time.Minute), "nba")
	late := start.Add(6 * time.Minute)
	run(t, e, w, late, late.Add(time.Second), "nba")
	if since := e.pools["nba"].state.Since; !since.Equal(start) {
		t.Errorf("after two missed ticks the pool is watched since %s, want %s", since, start)
	}
	w.load = flat(50)
	resumed := late.Add(6 * time.Hour)
	if diff := cmp.Diff([]int{20, 20, 5}, run(t, e, w, resumed, resumed.Add(90*time.Second), "nba")); diff != "" {
		t.Errorf("agents after six hours (-want +got):\n%s", diff)
	}
}

// P13, P17: a pool that the orchestrator refuses, or does nothing for, is paused and no
// other; the pause ends by itself, and shows meanwhile.
func TestAPoolThatCannotBeScaledIsPaused(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"deaf": 10, "nba": 10, "refused": 10})
	w.refuse = map[string]bool{"refused": true}
	e := newEngine(t)
	specs := []Pool{spec("deaf"), spec("nba"), spec("refused")}
	for i := range specs {
		specs[i].Pool.ConvergeTimeout, specs[i].Pool.FailurePause = 2*time.Minute, 30*time.Minute
	}
	s := settings(w, specs...)
	s.Actuator = deaf{w, "deaf"}
	e.Apply(s)
	run(t, e, w, start, start.Add(10*time.Minute), "nba")
	var calls []string
	for _, d := range w.calls {
		calls = append(calls, d.Pool)
	}
	slices.Sort(calls)
	if diff := cmp.Diff([]string{"deaf", "deaf", "deaf", "deaf", "nba", "refused"}, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	snap := e.Snapshot()
	for i, want := range []string{"asked for 20 agents 2m ago, and there are 10", "", "scaling from 10 to 20 failed: HTTP 500"} {
		if got := snap.Pools[i].Pause.Why; got != want {
			t.Errorf("%s is paused by %q, want %q", snap.Pools[i].Pool.Name, got, want)
		}
	}
	if diff := cmp.Diff([]string{"paused after a scaling that failed for 2 of 3 pools"}, snap.Degraded); diff != "" {
		t.Errorf("degraded (-want +got):\n%s", diff)
	}
	w.refuse = nil
	run(t, e, w, start.Add(10*time.Minute), start.Add(31*time.Minute), "nba")
	if w.agents["refused"] != 20 || e.Snapshot().Pools[2].Pause != (policy.Pause{}) {
		t.Errorf("after the pause: %d agents, %+v", w.agents["refused"], e.Snapshot().Pools[2].Pause)
	}
}

// deaf is an orchestrator that accepts what it is asked for and does nothing for a pool.
type deaf struct {
	*world
	pool string
}

func (d deaf) Scale(ctx context.Context, decision policy.Decision) policy.Outcome {
	if decision.Pool != d.pool {
		return d.world.Scale(ctx, decision)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, decision)
	return policy.Outcome{Result: policy.Accepted}
}

// ended ends an event and reports whether it was known.
func ended(t *testing.T, e *Engine, id string, at time.Time) bool {
	t.Helper()
	known, err := e.EndEvent(id, at)
	if err != nil {
		t.Fatal(err)
	}
	return known
}
