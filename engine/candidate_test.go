package engine

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// questioned is a source that counts what it is asked.
type questioned struct {
	*world
	samples, ranges []string
}

func (a *questioned) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	for _, s := range signals {
		a.samples = append(a.samples, s.Query)
	}
	return a.world.Sample(ctx, now, signals)
}

func (a *questioned) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	for _, s := range signals {
		a.ranges = append(a.ranges, s.Query)
	}
	return a.world.Range(ctx, r, signals)
}

// tried are settings with a candidate: the same pools with other rules.
func tried(source Source, w *world, live Pool, candidate Pool) *Settings {
	s := settings(w, live)
	s.Source = source
	c := settings(w, candidate)
	s.Candidate = c
	return s
}

// Rules that are tried are scored as if their agents were there, call nobody, and ask
// Prometheus for nothing that the live ones have asked for.
func TestACandidateIsScoredAndCallsNobody(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10})
	source := &questioned{world: w}
	live := spec("nba")
	live.Pool.LeadTime = time.Minute
	candidate := live
	candidate.Rules = []policy.Rule{{Name: "floor", Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 20}}}}
	candidate.Pool.Mode = policy.DryRun // a candidate's mode does not matter
	e := newEngine(t)
	e.Apply(tried(source, w, live, candidate))
	run(t, e, w, start, start.Add(2*time.Minute), "nba")
	without := len(source.samples)
	if diff := cmp.Diff([]string{live.Load.Query}, source.ranges); diff != "" || without != 4 {
		t.Errorf("asked for %d samples and these ranges (-want +got):\n%s", without, diff)
	}
	// It is asked for twenty in the first turn, which are there two turns later.
	got := e.Snapshot().Pools[0].Served
	if want := (Compared{Live: Served{Time: 90 * time.Second}, SeasonalNaive: got.SeasonalNaive, Candidate: Served{Over: 2 * 30 * 10, Time: 90 * time.Second}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if calls := w.called(); len(calls) > 0 || w.agents["nba"] != 10 {
		t.Errorf("somebody was called: %v", calls)
	}

	// Other rules go on with the same agents; without any nothing is tried.
	candidate.Rules = nil
	candidate.Pool.Behavior.ScaleDown.StabilizationWindow = 0
	e.Apply(tried(source, w, live, candidate))
	run(t, e, w, start.Add(2*time.Minute), start.Add(3*time.Minute), "nba")
	if ready := e.candidateReady("nba", start.Add(3*time.Minute)); ready != 10 {
		t.Errorf("%v agents are ready without the floor, want 10", ready)
	}
	s := tried(source, w, live, candidate)
	s.Candidate = nil
	e.Apply(s)
	run(t, e, w, start.Add(3*time.Minute), start.Add(4*time.Minute), "nba")
	if e.candidate != nil || e.Snapshot().Pools[0].Served.Candidate.Time != 3*time.Minute {
		t.Errorf("a candidate that is gone is still there: %+v", e.Snapshot().Pools[0].Served.Candidate)
	}
}

// A candidate has pools and queries of its own, and hears of the same events.
func TestACandidateHasItsOwnQueriesAndHearsOfEvents(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
	source := &questioned{world: w}
	candidate := spec("nba")
	candidate.Pool.LeadTime = 0
	candidate.Load.Query = "another"
	candidate.Rules = []policy.Rule{{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "news"}}}, Demand: &policy.DemandEffect{Multiply: 2}}}
	e := newEngine(t)
	s := tried(source, w, spec("nba"), candidate)
	s.Pools = append(s.Pools, spec("nfl"))
	e.Apply(s)
	run(t, e, w, start, start.Add(time.Minute), "nba")
	if n := countOfText(source.samples, "another"); n != 2 || countOfText(source.ranges, "another") != 1 {
		t.Errorf("its own query was asked %d times for now and %d times for the history", n, countOfText(source.ranges, "another"))
	}
	if err := e.PutEvent(policy.Event{ID: "n", Type: "news", Start: start.Add(time.Minute), End: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	run(t, e, w, start.Add(time.Minute), start.Add(2*time.Minute), "nba")
	if ready := e.candidateReady("nba", start.Add(2*time.Minute)); ready != 20 {
		t.Errorf("%v agents are ready during the event, want 20", ready)
	}
	snap := e.Snapshot()
	if w.agents["nba"] != 10 || snap.Pools[1].Served.Candidate != (Served{}) {
		t.Errorf("%d agents run, and nfl, which is not tried, is scored as %+v", w.agents["nba"], snap.Pools[1].Served.Candidate)
	}
}

func countOfText(all []string, text string) (n int) {
	for _, s := range all {
		if s == text {
			n++
		}
	}
	return n
}

// Virtual agents get ready after the lead time, and of fewer the youngest go.
func TestVirtualAgents(t *testing.T) {
	v := newCandidate().agents
	pool := spec("nba")
	pool.Pool.LeadTime = 10 * time.Minute
	v.adopt([]Pool{pool})
	at := func(after time.Duration) { v.now = start.Add(after) }
	count := func() policy.Count { return v.Current(t.Context(), "nba") }
	scale := func(n int) {
		v.Scale(t.Context(), policy.Decision{Pool: "nba", Mode: policy.Active, Known: true, Current: count().Agents, Desired: n})
	}
	if count().Known {
		t.Error("a count is known before anything was told")
	}
	at(0)
	v.begin("nba", policy.Count{})
	v.begin("nba", policy.Count{Agents: 5, Known: true})
	v.begin("nba", policy.Count{Agents: 9, Known: true}) // it has its own by now
	check := func(agents, ready int) {
		t.Helper()
		if got := count(); got.Agents != agents || got.Ready != ready {
			t.Errorf("at %s: got %d agents, %d ready, want %d and %d", v.now.Sub(start), got.Agents, got.Ready, agents, ready)
		}
	}
	check(5, 5)
	scale(8)
	check(8, 5)
	at(5 * time.Minute)
	scale(9)
	scale(7)
	check(7, 5)
	at(10 * time.Minute)
	check(7, 7)
	scale(0)
	check(0, 0)
	scale(2)
	at(20 * time.Minute)
	check(2, 2)
	v.Scale(t.Context(), policy.Decision{Pool: "nba", Mode: policy.DryRun, Current: 2, Desired: 9})
	check(2, 2)
}
