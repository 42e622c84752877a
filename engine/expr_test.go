package engine

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A rule that needs an event and an expression acts while both hold, for the pools that
// the series concerns; events that their type names already have no name besides.
func TestAnExpressionBesideAnEvent(t *testing.T) {
	const long = "expr queue > 300 for 2m"
	w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
	w.truth = func(at time.Time) map[string]float64 {
		switch minute := at.Sub(start).Minutes(); {
		case minute >= 5 && minute < 15, minute >= 25 && minute < 35:
			return map[string]float64{"nba": 400}
		}
		return nil
	}
	rule := policy.Rule{
		Name: "long-queue", Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 20}},
		When: policy.Condition{Events: []policy.EventMatch{{Type: "game", Lead: 5 * time.Minute}, {Type: long}}},
	}
	nba, nfl := spec("nba"), spec("nfl")
	nba.Rules, nfl.Rules = []policy.Rule{rule}, []policy.Rule{rule}
	s := settings(w, nba, nfl)
	s.Exprs = []Expr{{Name: long, Query: "queue > 300", For: 2 * time.Minute, Type: long}}
	s.Events = []policy.Event{{ID: "1", Type: "game", Start: start.Add(15 * time.Minute), End: start.Add(30 * time.Minute)}}
	e := newEngine(t)
	e.Apply(s)
	got := run(t, e, w, start, start.Add(40*time.Minute), "nba")
	for i, n := range got {
		at := time.Duration(i) * s.Interval
		want := 10
		if at >= 10*time.Minute && at < 15*time.Minute || at >= 27*time.Minute && at < 30*time.Minute {
			want = 20
		}
		if n != want {
			t.Errorf("%s: got %d agents, want %d", at, n, want)
		}
	}
	if w.agents["nfl"] != 10 || len(e.pools["nfl"].concerns) != 1 {
		t.Errorf("the queue of nba concerns nfl: %d agents, events %+v", w.agents["nfl"], e.pools["nfl"].concerns)
	}
	labels := map[string]string{"league": "nba"}
	want := []policy.Event{
		{ID: long + "/league=nba/20261112T120700Z", Type: long, Labels: labels, Source: long, Start: start.Add(7 * time.Minute), End: start.Add(15 * time.Minute)},
		s.Events[0],
		{ID: long + "/league=nba/20261112T122700Z", Type: long, Labels: labels, Source: long, Start: start.Add(27 * time.Minute), End: start.Add(35 * time.Minute)},
	}
	if diff := cmp.Diff(want, e.pools["nba"].concerns); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A plan takes an expression that is true to be so for the coming hour, and the event
// beside it for what the calendar says.
func TestPlanOfAnExpressionBesideAnEvent(t *testing.T) {
	const long = "expr queue > 300"
	w := newWorld(flat(45), map[string]int{"nba": 5})
	w.truth = func(time.Time) map[string]float64 { return map[string]float64{"nba": 400} }
	nba := spec("nba")
	nba.Rules = []policy.Rule{{
		Name: "long-queue", Bounds: &policy.BoundsEffect{Min: &policy.Bound{Agents: 20}},
		When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}, {Type: long}}},
	}}
	s := settings(w, nba)
	s.Exprs = []Expr{{Name: long, Query: "queue > 300", Type: long}}
	s.Events = []policy.Event{{ID: "1", Type: "game", Start: start.Add(30 * time.Minute), End: start.Add(2 * time.Hour)}}
	got := plan(t, s, start, start.Add(3*time.Hour)).Pools[0]
	if diff := cmp.Diff("5@12:00 20@12:30 5@13:00", desired(got)); diff != "" {
		t.Error(diff)
	}
}
