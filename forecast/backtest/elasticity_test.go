package backtest

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestElasticityByHand(t *testing.T) {
	nan := math.NaN()
	demand := []float64{2, 4, 8, nan, 8, 0, 0}
	supply := []float64{4, 4, 6, 9, 10, nan, 2}
	// Compared are 2–4, 4–4, 8–6, 8–10 and 0–2, every half an hour. Between them demand
	// moves by + + 0 −, supply by 0 + + −.
	want := Elasticity{
		Steps: 5, AgentHours: 13, Demanded: 11, Under: 1, Over: 3,
		UnderShare: 0.25 / 5, OverShare: (1 + 0.25 + 2) / 5, UnderTime: 0.2, OverTime: 0.6, Instability: 0.5,
	}
	got := MeasureElasticity(demand, supply, 30*time.Minute)
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if x := got.Efficiency(); math.Abs(x-10.0/13) > 1e-12 {
		t.Errorf("efficiency: got %g, want 10/13", x)
	}
}

func TestElasticityOfNothing(t *testing.T) {
	got := MeasureElasticity([]float64{math.NaN()}, []float64{3}, time.Minute)
	if got.Steps != 0 || got.AgentHours != 0 || !math.IsNaN(got.UnderShare) || !math.IsNaN(got.UnderTime) || !math.IsNaN(got.Instability) || !math.IsNaN(got.Efficiency()) {
		t.Errorf("got %+v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("two demands and one supply were compared")
		}
	}()
	MeasureElasticity([]float64{1, 2}, []float64{3}, time.Minute)
}

// What is supplied is demanded or too much, and what is demanded is supplied or lacking.
func TestElasticityAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		agents := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Just(math.NaN())), 0, 50)
		demand := agents.Draw(t, "demand")
		supply := rapid.SliceOfN(rapid.Float64Range(0, 1000), len(demand), len(demand)).Draw(t, "supply")
		e := MeasureElasticity(demand, supply, time.Minute)
		if math.Abs(e.AgentHours-e.Over-(e.Demanded-e.Under)) > 1e-6 {
			t.Fatalf("needed agent-hours are %g by supply and %g by demand", e.AgentHours-e.Over, e.Demanded-e.Under)
		}
		if e.Steps > 0 && (e.UnderTime+e.OverTime > 1+1e-9 || e.UnderTime < 0 || e.UnderShare > 1) {
			t.Fatalf("got %+v", e)
		}
	})
}

// The sum of two pools with as many steps is that of one whose steps are those of both, but
// that nothing moves from the one to the other.
func TestElasticitySumsUp(t *testing.T) {
	a := MeasureElasticity([]float64{2, 4, 8}, []float64{4, 4, 6}, time.Hour)
	b := MeasureElasticity([]float64{5, 5, math.NaN(), 5, 7, 0}, []float64{5, 4, 1, 4, 9, 0}, time.Hour)
	nothing := MeasureElasticity([]float64{math.NaN()}, []float64{3}, time.Hour)
	want := Elasticity{
		Steps: 8, AgentHours: 36, Demanded: 36, Under: 4, Over: 4,
		UnderShare: (0.25 + 0.2 + 0.2) / 8, OverShare: (1 + 2.0/7) / 8, UnderTime: 3.0 / 8, OverTime: 2.0 / 8, Instability: 2.0 / 6,
	}
	if diff := cmp.Diff(want, Sum([]Elasticity{a, nothing, b}), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := Sum(nil); got.Steps != 0 || !math.IsNaN(got.UnderTime) {
		t.Errorf("of nothing: got %+v", got)
	}
}
