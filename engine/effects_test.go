package engine

import (
	"math"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// gamesEvery are games of two hours, one every other day for four weeks before the
// start and one to come.
func gamesEvery(next time.Time) []policy.Event {
	var out []policy.Event
	for day := -28; day < 0; day += 2 {
		at := start.AddDate(0, 0, day).Add(time.Duration(day*7%5) * time.Hour)
		out = append(out, policy.Event{ID: at.String(), Type: "game", Labels: map[string]string{"league": "nba"}, Start: at, End: at.Add(2 * time.Hour)})
	}
	return append(out, policy.Event{ID: "next", Type: "game", Labels: map[string]string{"league": "nba"}, Start: next, End: next.Add(2 * time.Hour)})
}

// A rule declares a factor of 3 where history says 2: the factor is applied and what
// history says is told; with effect: learned it is the other way round.
func TestEffectsOfEventsAreMeasuredAndLearned(t *testing.T) {
	next := start.Add(30 * time.Minute)
	events := gamesEvery(next)
	w := newWorld(func(_ string, at time.Time) float64 {
		for _, e := range events {
			if !at.Before(e.Start) && at.Before(e.End) {
				return 2 * daily("", at)
			}
		}
		return daily("", at)
	}, map[string]int{"nba": 10})
	for _, learned := range []bool{false, true} {
		e := newEngine(t)
		nba := spec("nba")
		nba.Rules = []policy.Rule{{Name: "games", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Demand: &policy.DemandEffect{Multiply: 3, Learned: learned}}}
		s := settings(w, nba)
		s.History, s.Events = 28*24*time.Hour, events
		e.Apply(s)
		e.Tick(t.Context(), start)
		p := e.Snapshot().Pools[0]
		if len(p.Effects) != 1 {
			t.Fatalf("learned %t: got effects %+v, want one", learned, p.Effects)
		}
		if got := p.Effects[0]; got.Class != "games" || got.Learned != learned || got.Declared < 2.99 || got.Declared > 3.01 || math.Abs(got.Measured-2) > 0.3 || got.Events < 12 {
			t.Errorf("learned %t: got %s", learned, got)
		}
		want := 3.0
		if learned {
			want = 2
		}
		at := next.Add(time.Hour)
		if got := p.Forecast.Path(0.5)[stepAt(p.Forecast, at)] / daily("", at); math.Abs(got-want) > 0.35 {
			t.Errorf("learned %t: during the next game %.2f times the ordinary load is forecast, want about %g", learned, got, want)
		}
		// A game that is told later counts at once.
		later := start.Add(3 * time.Hour)
		e.PutEvent(policy.Event{ID: "told", Type: "game", Start: later, End: later.Add(2 * time.Hour)})
		s.Horizon = 2 * time.Hour
		e.Tick(t.Context(), start.Add(2*time.Hour))
		p = e.Snapshot().Pools[0]
		at = later.Add(45 * time.Minute)
		if got := p.Forecast.Path(0.5)[stepAt(p.Forecast, at)] / daily("", at); math.Abs(got-want) > 0.4 {
			t.Errorf("learned %t: during a game that was told %.2f times the ordinary load is forecast, want about %g", learned, got, want)
		}
	}
}
