package engine

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Without a supposition the decision is that of the last tick, also for what pools share,
// and asking changes nothing.
func TestEvaluateDecidesAsTheLastTick(t *testing.T) {
	rising := func(pool string, t time.Time) float64 {
		if pool == "nfl" {
			return 100
		}
		return 80 + 10*t.Sub(start).Minutes()
	}
	ticks := func(ask bool) (decided []policy.Decision, called []string) {
		w := newWorld(rising, map[string]int{"nba": 10, "nfl": 10})
		e := newEngine(t)
		s := settings(w, spec("nba"), spec("nfl"))
		s.MaxTotalAgents = 24
		e.Apply(s)
		for now := start; now.Before(start.Add(10 * time.Minute)); now = now.Add(30 * time.Second) {
			e.Tick(t.Context(), now)
			for _, p := range e.Snapshot().Pools {
				decided = append(decided, p.Decision)
				if !ask {
					continue
				}
				if _, err := e.Evaluate(Supposition{Pool: p.Pool.Name, Load: new(1e6), Agents: new(1)}); err != nil {
					t.Fatal(err)
				}
				got, err := e.Evaluate(Supposition{Pool: p.Pool.Name})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(p.Decision, got, cmpopts.IgnoreFields(policy.Decision{}, "ID"), cmpopts.EquateNaNs()); diff != "" {
					t.Errorf("%s at %s (-decided +evaluated):\n%s", p.Pool.Name, now.Format(time.TimeOnly), diff)
				}
			}
		}
		return decided, w.called()
	}
	want, calls := ticks(false)
	got, after := ticks(true)
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("asking changes decisions (-without +with):\n%s", diff)
	}
	if diff := cmp.Diff(calls, after); diff != "" || len(calls) == 0 {
		t.Errorf("calls (-without +with):\n%s", diff)
	}
	if !cmp.Equal(reasonsOf(want)[policy.ReasonMaxTotal], true) {
		t.Error("the total bound nobody")
	}
}

func reasonsOf(ds []policy.Decision) map[policy.Code]bool {
	out := map[policy.Code]bool{}
	for _, d := range ds {
		for _, r := range d.Reasons {
			out[r.Code] = true
		}
	}
	return out
}

func TestEvaluateSupposes(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
	e := newEngine(t)
	if _, err := e.Evaluate(Supposition{Pool: "nba"}); !errors.Is(err, ErrNotEvaluated) {
		t.Errorf("before the first tick: got %v", err)
	}
	nba := spec("nba")
	nba.Pool.Behavior.ScaleDown.StabilizationWindow = 0
	s := settings(w, nba, spec("nfl"))
	s.MaxTotalAgents = 35
	e.Apply(s)
	run(t, e, w, start, start.Add(2*time.Minute), "nba")
	w.calls = nil
	for _, tt := range []struct {
		name    string
		suppose Supposition
		want    int
		reason  policy.Code
		calls   bool
	}{
		{"nothing", Supposition{}, 10, policy.ReasonReactive, false},
		{"more load", Supposition{Load: new(150.0)}, 15, policy.ReasonReactive, true},
		{"a forecast", Supposition{Forecast: new(140.0)}, 14, policy.ReasonForecast, true},
		{"fewer agents", Supposition{Agents: new(4)}, 10, policy.ReasonReactive, true},
		{"more than all may have", Supposition{Load: new(400.0)}, 25, policy.ReasonMaxTotal, true},
		{"an override", Supposition{Override: &policy.Override{Min: new(12), Max: new(12), End: start.Add(time.Hour)}}, 12, policy.ReasonOverride, true},
		{"a mode", Supposition{Load: new(150.0), Override: &policy.Override{Mode: policy.DryRun, End: start.Add(time.Hour)}}, 15, policy.ReasonReactive, false},
	} {
		tt.suppose.Pool = "nba"
		d, err := e.Evaluate(tt.suppose)
		if err != nil {
			t.Fatal(err)
		}
		last := policy.Reason{}
		if n := len(d.Reasons); n > 0 {
			last = d.Reasons[n-1]
		}
		if calls := d.Direction() != policy.None && d.Permitted(); d.Desired != tt.want || last.Code != tt.reason || calls != tt.calls {
			t.Errorf("%s: got %d (%+v), calls %v, want %d for %s, calls %v", tt.name, d.Desired, d.Reasons, calls, tt.want, tt.reason, tt.calls)
		}
	}
	if _, err := e.Evaluate(Supposition{Pool: "mlb"}); !errors.Is(err, ErrNotEvaluated) {
		t.Errorf("a pool that is not there: got %v", err)
	}
	if len(w.calls) > 0 || w.agents["nba"] != 10 {
		t.Errorf("somebody was called: %v, %v", w.calls, w.agents)
	}
}
