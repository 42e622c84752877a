package backtest

import (
	"math"
	"slices"
	"testing"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12 || math.IsNaN(got) != math.IsNaN(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// Four forecasts by hand, one of them of a missing value.
func TestScores(t *testing.T) {
	var s Scores
	s.Add(10, Expectation{Median: 8, Upper: 12}, 0.9, 4)
	s.Add(20, Expectation{Median: 30, Upper: 19}, 0.9, 4)
	s.Add(math.NaN(), Expectation{Median: 1, Upper: 1}, 0.9, 4)
	s.Add(0, Expectation{Median: 0, Upper: 0}, 0.9, 4)
	if s.N() != 3 {
		t.Fatalf("%d forecasts were counted, want 3", s.N())
	}
	near(t, "WAPE", s.WAPE(), 12.0/30)
	near(t, "bias", s.Bias(), -8.0/30)
	near(t, "MASE", s.MASE(), 12.0/4/3)
	near(t, "sMAPE", s.SMAPE(), (200*2.0/18+200*10.0/50+0)/3)
	near(t, "pinball", s.MeanPinball(), (0.1*2+0.9*1)/30)
	near(t, "coverage", s.Coverage(), 2.0/3)

	var a, b Scores
	a.Add(10, Expectation{Median: 8, Upper: 12}, 0.9, 4)
	b.Add(20, Expectation{Median: 30, Upper: 19}, 0.9, 4)
	b.Add(0, Expectation{}, 0.9, 4)
	a.Merge(b)
	if a != s {
		t.Errorf("merged %+v, want %+v", a, s)
	}
	if empty := (Scores{}); !math.IsNaN(empty.WAPE()) || !math.IsNaN(empty.Coverage()) {
		t.Error("nothing scored has a figure")
	}
}

func TestPinball(t *testing.T) {
	for _, tt := range []struct{ y, q, p, want float64 }{{10, 8, 0.9, 1.8}, {8, 10, 0.9, 0.2}, {5, 5, 0.5, 0}} {
		near(t, "pinball", Pinball(tt.y, tt.q, tt.p), tt.want)
	}
}

func TestIntervals(t *testing.T) {
	i := Interval{Low: 2, High: 6}
	for y, want := range map[float64]float64{4: 4, 2: 4, 6: 4, 1: 4 + 40, 9: 4 + 120} {
		near(t, "interval score", i.Score(y, 0.05), want)
		if i.Contains(y) != (want == 4) {
			t.Errorf("contains %v: %v", y, i.Contains(y))
		}
	}
}

func TestSeasonalScale(t *testing.T) {
	near(t, "scale", SeasonalScale([]float64{1, 5, 4, math.NaN(), 8, 6}, 2), (3.0+4)/2)
	near(t, "scale of a short series", SeasonalScale([]float64{1, 2}, 2), math.NaN())
}

func TestOrigins(t *testing.T) {
	for _, tt := range []struct {
		n, horizon, every, span int
		want                    []int
	}{
		{100, 10, 20, 50, []int{50, 70, 90}},
		{100, 10, 20, 9, nil},
		{15, 10, 3, 50, []int{2, 5}},
		{5, 10, 1, 50, nil},
	} {
		if got := Origins(tt.n, tt.horizon, tt.every, tt.span); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}
