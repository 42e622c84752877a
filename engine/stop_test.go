package engine

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// slow is an orchestrator that takes its time over each change, and a source during
// which something happens.
type slow struct {
	*world
	takes    time.Duration
	observed func() // while samples are taken; may be nil
}

func (s slow) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	if s.observed != nil {
		s.observed()
	}
	return s.world.Sample(ctx, now, signals)
}

func (s slow) Scale(ctx context.Context, d policy.Decision) policy.Outcome {
	select {
	case <-time.After(s.takes):
		return s.world.Scale(ctx, d)
	case <-ctx.Done():
		return policy.Outcome{Result: policy.Unknown, Err: ctx.Err()}
	}
}

// stopped is what became of a tick that was told to stop.
type stopped struct {
	outcomes map[string]policy.Result // that the journal was told
	recorded map[string]policy.Result // in the snapshot
	took     time.Duration            // from being told until the loop ended
	ticked   int
}

// stop runs a tick that lowers wnba and then raises nba, and ends the context after a
// while.
func stop(t *testing.T, o slow, after time.Duration, cause error) stopped {
	t.Helper()
	o.world = newWorld(func(pool string, _ time.Time) float64 { return map[string]float64{"nba": 300, "wnba": 50}[pool] }, map[string]int{"nba": 10, "wnba": 30})
	got := stopped{outcomes: map[string]policy.Result{}, recorded: map[string]policy.Result{}}
	e := New(Options{
		Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler),
		Journal: func(d policy.Decision, o policy.Outcome) { got.outcomes[d.Pool] = o.Result },
		Ticked:  func(time.Time) { got.ticked++ },
	})
	s := settings(o.world, spec("nba"), spec("wnba"))
	s.Source, s.Actuator = o, o
	e.Apply(s)
	ctx, cancel := context.WithCancelCause(t.Context())
	var told time.Time
	time.AfterFunc(after, func() { told = time.Now(); cancel(cause) })
	ticks := make(chan time.Time, 2)
	ticks <- start
	ticks <- start.Add(s.Interval)
	e.Run(ctx, ticks)
	got.took = time.Since(told)
	if snap := e.Snapshot(); snap != nil {
		for _, p := range snap.Pools {
			got.recorded[p.Pool.Name] = p.Outcome.Result
		}
	}
	return got
}

// TestStopFinishesTheCallInFlight is P40: the call goes on to its end, what became of it
// is recorded, and nothing else begins.
func TestStopFinishesTheCallInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := stop(t, slow{takes: 2 * time.Second}, time.Second, nil)
		want := map[string]policy.Result{"wnba": policy.Accepted, "nba": policy.NotSent}
		if diff := cmp.Diff(want, got.outcomes); diff != "" {
			t.Errorf("told to the journal (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, got.recorded); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		if got.took != time.Second || got.ticked != 1 {
			t.Errorf("it took %s and %d ticks, want the second that the call needs and one", got.took, got.ticked)
		}
	})
}

// TestAHangingOrchestratorDoesNotHoldAStop is P40: after 10 s the call is given up, and
// it is recorded that nobody knows what became of it.
func TestAHangingOrchestratorDoesNotHoldAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := stop(t, slow{takes: time.Hour}, time.Millisecond, nil)
		want := map[string]policy.Result{"wnba": policy.Unknown, "nba": policy.NotSent}
		if diff := cmp.Diff(want, got.recorded); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		if got.took > 10*time.Second {
			t.Errorf("it took %s, want 10 s at most", got.took)
		}
	})
}

// TestWhatWasObservedHalfIsNotActedOn: whatever the reason for which the loop ends.
func TestWhatWasObservedHalfIsNotActedOn(t *testing.T) {
	for name, cause := range map[string]error{"told": nil, "failed": errors.New("no listener")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := stop(t, slow{observed: func() { time.Sleep(2 * time.Second) }}, time.Second, cause)
				if len(got.outcomes) > 0 || len(got.recorded) > 0 || got.ticked > 0 {
					t.Errorf("got %+v, want nothing", got)
				}
			})
		})
	}
}

// TestTickedComesAfterTheRecord: who is told of a tick sees what it did.
func TestTickedComesAfterTheRecord(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 4})
	var e *Engine
	var seen []time.Time
	e = New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler), Ticked: func(now time.Time) {
		if snap := e.Snapshot(); snap == nil || !snap.Time.Equal(now) {
			t.Errorf("at %s the snapshot is of another tick", now)
		}
		seen = append(seen, now)
	}})
	e.Tick(t.Context(), start.Add(-time.Minute)) // without settings there is no tick
	e.Apply(settings(w, spec("nba")))
	e.Tick(t.Context(), start)
	e.Tick(t.Context(), start.Add(time.Minute))
	if diff := cmp.Diff([]time.Time{start, start.Add(time.Minute)}, seen); diff != "" {
		t.Errorf("ticks (-want +got):\n%s", diff)
	}
}
