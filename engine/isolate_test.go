package engine

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// brittle is a world of which one call panics, that of a pool if it is of one.
type brittle struct {
	*world
	call, pool string
}

func (b *brittle) breaks(call, pool string) {
	if b.call == call && b.pool == pool {
		panic("a bug in " + call)
	}
}

func (b *brittle) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	b.breaks("Sample", "")
	if b.call == "nothing sampled" {
		return nil
	}
	return b.world.Sample(ctx, now, signals)
}

func (b *brittle) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	b.breaks("Range", "")
	return b.world.Range(ctx, r, signals)
}

func (b *brittle) RangeAll(ctx context.Context, r Range, query string) ([]Labeled, error) {
	b.breaks("RangeAll", "")
	return b.world.RangeAll(ctx, r, query)
}

func (b *brittle) Current(ctx context.Context, pool string) policy.Count {
	b.breaks("Current", pool)
	return b.world.Current(ctx, pool)
}

func (b *brittle) Scale(ctx context.Context, d policy.Decision) policy.Outcome {
	b.breaks("Scale", d.Pool)
	return b.world.Scale(ctx, d)
}

func (b *brittle) Save(Change) error {
	b.breaks("Save", "")
	return nil
}

// newBrittle is an engine in a world that breaks, with its log and the ticks that it has told.
func newBrittle(t *testing.T, pools ...Pool) (e *Engine, b *brittle, log *bytes.Buffer, ticked *int) {
	t.Helper()
	b = &brittle{world: newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})}
	b.truth = func(time.Time) map[string]float64 { return nil }
	log, ticked = &bytes.Buffer{}, new(int)
	e = New(Options{
		Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.NewTextHandler(log, nil)), Store: b,
		Journal: func(d policy.Decision, _ policy.Outcome) { b.breaks("Journal", d.Pool) },
		Ticked:  func(time.Time) { *ticked++ },
	})
	s := settings(b.world, pools...)
	s.Source, s.Actuator, s.Exprs = b, b, []Expr{{Name: "games", Query: "playing", Type: "game"}}
	e.Apply(s)
	return e, b, log, ticked
}

// P38: a call that panics is an answer that is not known. Pools that do not need it go on,
// and all go on when it is well again.
func TestACallThatPanicsIsAnAnswerThatIsNotKnown(t *testing.T) {
	for _, tt := range []struct {
		call, pool string
		want       []string // pools that are scaled while it is broken
		shows      func(*Snapshot) bool
	}{
		{"Sample", "", nil, func(s *Snapshot) bool { return s.Pools[0].Load.Quality == policy.Error }},
		{"Range", "", []string{"nba", "nfl"}, func(s *Snapshot) bool { return s.Pools[0].Load.Quality == policy.OK }},
		{"RangeAll", "", []string{"nba", "nfl"}, func(s *Snapshot) bool { return true }},
		{"Current", "nba", []string{"nfl"}, func(s *Snapshot) bool { return !s.Pools[0].Count.Known && s.Pools[1].Count.Known }},
		{"Scale", "nba", []string{"nfl"}, func(s *Snapshot) bool {
			return s.Pools[0].Outcome.Result == policy.Unknown && s.Pools[1].Outcome.Result == policy.Accepted
		}},
		{"Save", "", []string{"nba", "nfl"}, func(s *Snapshot) bool { return s.SaveErr != nil }},
		{"Journal", "nba", []string{"nba", "nfl"}, func(s *Snapshot) bool { return s.Pools[1].Outcome.Result == policy.Accepted }},
	} {
		t.Run(tt.call, func(t *testing.T) {
			e, b, log, ticked := newBrittle(t, spec("nba"), spec("nfl"))
			now := start.Add(-30 * time.Second) // so that the second turn reads history
			tick := func() {
				e.Tick(t.Context(), now)
				now = now.Add(30 * time.Second)
			}
			tick()
			b.call, b.pool, b.load = tt.call, tt.pool, flat(200)
			tick()
			var called []string
			for _, d := range b.calls {
				called = append(called, d.Pool)
			}
			slices.Sort(called) // they are sent at once
			if diff := cmp.Diff(tt.want, called); diff != "" {
				t.Errorf("called (-want +got):\n%s", diff)
			}
			if !tt.shows(e.Snapshot()) {
				t.Error("it does not show")
			}
			if n := testutil.ToFloat64(e.metrics.panics); n != 1 {
				t.Errorf("%g panics are counted, want 1", n)
			}
			if n := strings.Count(log.String(), "isolate_test.go"); n == 0 {
				t.Errorf("the log does not say where:\n%s", log)
			}
			b.call = ""
			tick()
			tick()
			if *ticked != 4 {
				t.Errorf("%d turns were completed, want 4", *ticked)
			}
			if a, b := b.agents["nba"], b.agents["nfl"]; a < 20 || b < 20 {
				t.Errorf("afterwards there are %d and %d agents, want 20 at least", a, b)
			}
		})
	}
}

// An order that the store panics over is not taken.
func TestAnOrderThatPanicsIsRefused(t *testing.T) {
	e, b, _, _ := newBrittle(t, spec("nba"))
	b.call = "Save"
	err := e.SetOverride(policy.Override{ID: "1", Pool: "nba", Hold: true, Start: start, End: start.Add(time.Hour)})
	if err == nil || !strings.Contains(err.Error(), "the override cannot be saved: panic in the store: a bug in Save") {
		t.Errorf("got %v", err)
	}
	if got := e.Overrides(start); len(got) > 0 {
		t.Errorf("taken: %+v", got)
	}
}

// P38: a turn that panics is not completed, and the next one begins its watch anew. Its
// stack is logged once.
func TestATurnThatPanicsIsNotTheLast(t *testing.T) {
	e, b, log, ticked := newBrittle(t, spec("nba"))
	tick := func(i int) { e.Tick(t.Context(), start.Add(time.Duration(i)*30*time.Second)) }
	for i := range 30 {
		tick(i)
	}
	b.call = "nothing sampled"
	tick(30)
	tick(31)
	if n := testutil.ToFloat64(e.metrics.panics); n != 2 || *ticked != 30 || testutil.ToFloat64(e.metrics.ticks) != 30 {
		t.Errorf("%g panics, %d turns told, want 2 and 30", n, *ticked)
	}
	if at := e.Snapshot().Time; !at.Equal(start.Add(29 * 30 * time.Second)) {
		t.Errorf("the snapshot is of %s", at)
	}
	if n := strings.Count(log.String(), "stack="); n != 1 {
		t.Errorf("the stack is logged %d times:\n%s", n, log)
	}
	if since := e.pools["nba"].state.Since; !since.Equal(start.Add(31 * 30 * time.Second)) {
		t.Errorf("the pool is watched since %s", since)
	}
	b.call = ""
	tick(32)
	if at := e.Snapshot().Time; !at.Equal(start.Add(32*30*time.Second)) || *ticked != 31 {
		t.Errorf("the next turn is not taken: the last was at %s, %d were told", at, *ticked)
	}
}

// P38: a history that panics costs the pool its models, which are fitted anew.
func TestAHistoryThatPanicsIsReadAgain(t *testing.T) {
	e, b, _, _ := newBrittle(t, spec("nba"), spec("nfl"))
	e.Tick(t.Context(), start)
	e.pools["nba"].predictor = &forecast.Predictor{}
	b.load = flat(200)
	for i := range 12 {
		e.Tick(t.Context(), start.Add(5*time.Minute+time.Duration(i)*30*time.Second))
	}
	for _, p := range e.Snapshot().Pools {
		if last := p.History.Time(p.History.Len() - 1); p.Fallback != "" || !last.Equal(start.Add(10*time.Minute)) {
			t.Errorf("%s knows the history up to %s, fallback %q", p.Pool.Name, last, p.Fallback)
		}
	}
	if n := testutil.ToFloat64(e.metrics.panics); n != 1 {
		t.Errorf("%g panics are counted, want 1", n)
	}
}
