package engine

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// disk is a store that can be full.
type disk struct {
	mu      sync.Mutex
	kept    Memory
	changes int
	pools   int // that were written, each time counted
	full    bool
}

func (d *disk) Save(c Change) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errors.New("no space left on device")
	}
	d.changes++
	d.pools += len(c.Pools)
	overrides, events := map[string]policy.Override{}, map[string]policy.Event{}
	for _, o := range d.kept.Overrides {
		overrides[o.Pool] = o
	}
	for _, e := range d.kept.Events {
		events[e.ID] = e
	}
	for pool, o := range c.Overrides {
		delete(overrides, pool)
		if o != nil {
			overrides[pool] = *o
		}
	}
	for id, e := range c.Events {
		delete(events, id)
		if e != nil {
			events[id] = *e
		}
	}
	m := Memory{Time: d.kept.Time, Emergency: d.kept.Emergency, Pools: maps.Clone(d.kept.Pools)}
	if m.Pools == nil {
		m.Pools = map[string]PoolMemory{}
	}
	for _, o := range overrides {
		m.Overrides = append(m.Overrides, o)
	}
	for _, e := range events {
		m.Events = append(m.Events, e)
	}
	if !c.Time.IsZero() {
		m.Time, m.Emergency = c.Time, c.Emergency
	}
	maps.Copy(m.Pools, c.Pools)
	d.kept = m
	return nil
}

// restarted is an engine that begins with what a disk kept.
func restarted(d *disk) *Engine {
	return New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler), Store: d, Memory: d.kept})
}

// Orders, cooldowns, pauses and budgets outlive the process; an order that has ended does
// not come back.
func TestARestartRemembers(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 10, "nfl": 10})
	w.refuse = map[string]bool{"nfl": true}
	d := &disk{}
	e := restarted(d)
	nba, nfl := spec("nba"), spec("nfl")
	nfl.Pool.FailurePause = 30 * time.Minute
	nba.Budgets = []Budget{{
		Name: "tweets", Budget: budget.Budget{Limit: 17, PostsPerAgentHour: 0.1, Classes: []budget.Class{{Name: "any", Value: 1}}},
		When: []policy.Rule{{Name: "any"}}, Used: "tweets[$window]",
	}}
	w.queried = func(query string) (float64, bool) { return 9, strings.HasPrefix(query, "tweets") }
	s := settings(w, nba, nfl)
	e.Apply(s)
	hold := func(pool string, length time.Duration) policy.Override {
		return policy.Override{ID: pool, Pool: pool, Hold: true, Author: "anna", Reason: "derby", Start: start, End: start.Add(length)}
	}
	for _, o := range []policy.Override{hold("nfl", time.Minute), hold("gone", time.Hour), hold("nba", time.Hour)} {
		if err := e.SetOverride(o); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.EndOverride("gone"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		if err := e.PutEvent(policy.Event{ID: id, Type: "news", Start: start, End: start.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	ended(t, e, "2", start)
	run(t, e, w, start, start.Add(5*time.Minute), "nba")
	before := e.pools

	e = restarted(d)
	e.Apply(s)
	if got := e.Overrides(start.Add(5 * time.Minute)); len(got) != 1 || got[0].ID != "nba" {
		t.Errorf("overrides %+v, want that of nba", got)
	}
	if got := e.ToldEvents(); len(got) != 1 || got[0].ID != "1" {
		t.Errorf("events %+v, want 1", got)
	}
	at := start.Add(5 * time.Minute)
	calls := len(w.calls)
	e.Tick(t.Context(), at)
	for name, p := range e.pools {
		if diff := cmp.Diff(before[name].state.Pause, p.state.Pause); diff != "" {
			t.Errorf("%s: pause (-want +got):\n%s", name, diff)
		}
		if !p.state.Since.Equal(at) {
			t.Errorf("%s is watched since %s, want %s", name, p.state.Since, at)
		}
	}
	if nfl := e.Snapshot().Pools[1]; nfl.Pause.Why == "" || len(w.calls) != calls {
		t.Errorf("the pause is forgotten: %+v, %d calls", nfl.Pause, len(w.calls)-calls)
	}
	if got := e.Snapshot().Pools[0].Budgets[0].Cap; got.Used != 9 {
		t.Errorf("the budget: %+v", got)
	}
	w.queried = func(query string) (float64, bool) { return 0, strings.HasPrefix(query, "tweets") } // the counter began anew
	e.Tick(t.Context(), at.Add(30*time.Second))
	if got := e.Snapshot().Pools[0].Budgets[0].Cap; got.Used != 9 {
		t.Errorf("posts that were seen before the restart are forgotten: %+v", got)
	}
}

// I22, I26: a pool that is taken out of the rules and put back is still paused, and has spent
// what it has spent.
func TestAPoolThatIsPutBackRemembers(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 10, "nfl": 10})
	w.refuse = map[string]bool{"nfl": true}
	posts := 9.0
	w.queried = func(query string) (float64, bool) { return posts, strings.HasPrefix(query, "tweets") }
	e := newEngine(t)
	nfl := spec("nfl")
	nfl.Pool.FailurePause = 30 * time.Minute
	nfl.Budgets = []Budget{{
		Name: "tweets", Budget: budget.Budget{Limit: 17, PostsPerAgentHour: 0.1, Classes: []budget.Class{{Name: "any", Value: 1}}},
		When: []policy.Rule{{Name: "any"}}, Used: "tweets[$window]",
	}}
	both, one := settings(w, spec("nba"), nfl), settings(w, spec("nba"))
	for k, s := range []*Settings{both, one, one, both} {
		e.Apply(s)
		e.Tick(t.Context(), start.Add(time.Duration(k)*time.Minute))
		posts = 0 // the counter began anew
	}
	got := e.Snapshot().Pools[1]
	if got.Pause.Why == "" || got.Budgets[0].Cap.Used != 9 || len(got.Recent) < 2 {
		t.Errorf("put back: pause %+v, budget %+v, %d decisions", got.Pause, got.Budgets[0].Cap, len(got.Recent))
	}
	calls := 0
	for _, d := range w.calls {
		if d.Pool == "nfl" {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("called %d times, want once before the pause", calls)
	}
}

// P21: an order that cannot be saved is not taken, and the loop goes on, with what has to
// be saved later.
func TestAFullDisk(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 10})
	d := &disk{}
	e := restarted(d)
	e.Apply(settings(w, spec("nba")))
	order := policy.Override{ID: "1", Pool: "nba", Hold: true, Author: "anna", Reason: "derby", Start: start, End: start.Add(time.Minute)}
	event := policy.Event{ID: "1", Type: "news", Start: start, End: start.Add(time.Hour)}
	if err := errors.Join(e.SetOverride(order), e.PutEvent(event)); err != nil {
		t.Fatal(err)
	}
	d.full = true
	other := order
	other.ID = "2"
	_, notEnded := e.EndOverride("nba")
	_, notOver := e.EndEvent("1", start.Add(time.Minute))
	for what, err := range map[string]error{
		"set": e.SetOverride(other), "end": notEnded, "put": e.PutEvent(policy.Event{ID: "2", Start: start, End: start.Add(time.Hour)}), "over": notOver,
	} {
		if err == nil || !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if got := e.Overrides(start); len(got) != 1 || got[0].ID != "1" {
		t.Errorf("overrides %+v, want the first one", got)
	}
	if got := e.ToldEvents(); len(got) != 1 || !got[0].End.Equal(event.End) {
		t.Errorf("events %+v, want the first one as it was", got)
	}
	run(t, e, w, start, start.Add(3*time.Minute), "nba") // the override ends meanwhile
	if w.agents["nba"] != 20 || testutil.ToFloat64(e.metrics.saveFailures) != 6 {
		t.Errorf("%d agents, %g failures", w.agents["nba"], testutil.ToFloat64(e.metrics.saveFailures))
	}
	if diff := cmp.Diff([]string{"state cannot be saved: no space left on device"}, e.Snapshot().Degraded); diff != "" {
		t.Errorf("degraded (-want +got):\n%s", diff)
	}
	if len(d.kept.Overrides) != 1 {
		t.Fatalf("kept: %+v", d.kept.Overrides)
	}
	d.full = false
	e.Tick(t.Context(), start.Add(3*time.Minute))
	if len(d.kept.Overrides) != 0 || len(d.kept.Pools["nba"].State.Scalings) == 0 && d.kept.Pools["nba"].State.Current.Agents != 20 {
		t.Errorf("afterwards kept: %+v", d.kept)
	}
	e.Tick(t.Context(), start.Add(3*time.Minute+30*time.Second))
	if got := e.Snapshot().Degraded; got != nil {
		t.Errorf("still degraded: %q", got)
	}
}

// What changes with every tick is saved now and then, what must not be lost at once, and
// all of it in the end.
func TestPoolsAreSavedWhenTheyChange(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 20, "nfl": 10})
	d := &disk{}
	e := restarted(d)
	nfl := spec("nfl")
	nfl.Pool.Behavior.ScaleUp.Cooldown = time.Hour
	e.Apply(settings(w, spec("nba"), nfl))
	run(t, e, w, start, start.Add(4*time.Minute+30*time.Second), "nba")
	if d.pools != 3 { // both at first, and nfl when its agents are there
		t.Errorf("%d pools were saved in nine ticks, want 3", d.pools)
	}
	ticks := make(chan time.Time)
	close(ticks)
	e.Run(t.Context(), ticks)
	if d.pools != 5 {
		t.Errorf("%d pools were saved in the end, want 5", d.pools)
	}
}

// I29: a clock that is set back while the process is away prolongs no override.
func TestAnOverrideIsNotProlongedByARestart(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 10})
	d := &disk{}
	e := restarted(d)
	e.Apply(settings(w, spec("nba")))
	if err := e.SetOverride(policy.Override{ID: "1", Pool: "nba", Hold: true, Author: "anna", Reason: "derby", Start: start, End: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	e.Tick(t.Context(), start.Add(30*time.Minute))
	e = restarted(d)
	e.Apply(settings(w, spec("nba")))
	back := start.Add(-24 * time.Hour)
	e.Tick(t.Context(), back)
	for _, o := range e.Overrides(back) {
		if left := o.End.Sub(back); left > 30*time.Minute {
			t.Errorf("%s are left of the override, at most 30m were", left)
		}
	}
	if len(e.Overrides(back)) != 1 {
		t.Error("the override is lost")
	}
}

// A pool in dry run that decides the same again and again is journaled once.
func TestTheJournalDoesNotRepeatItself(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 10})
	var journal []string
	e := New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler), Journal: func(d policy.Decision, o policy.Outcome) {
		journal = append(journal, string(o.Result))
	}})
	p := spec("nba")
	p.Pool.Mode = policy.DryRun
	s := settings(w, p)
	s.Actuator = dry{w}
	e.Apply(s)
	run(t, e, w, start, start.Add(5*time.Minute), "nba")
	w.load = flat(400)
	run(t, e, w, start.Add(5*time.Minute), start.Add(10*time.Minute), "nba")
	if len(journal) < 2 || len(journal) > 6 {
		t.Errorf("%d entries, want one for each number: %q", len(journal), journal)
	}
}

type dry struct{ *world }

func (d dry) Scale(context.Context, policy.Decision) policy.Outcome {
	return policy.Outcome{Result: policy.NotSent}
}
