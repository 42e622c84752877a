package main

import (
	"math"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

func span24() backtest.Span {
	return backtest.Span{From: monday, To: monday.Add(24 * time.Hour), Tick: time.Minute}
}

func TestAtHours(t *testing.T) {
	curve := []figures{{100, 0.3, 10}, {110, 0.2, 14}, {120, 0.1, 16}}
	for _, tt := range []struct {
		name           string
		hours          float64
		under, percent float64 // 0: there is none
	}{
		{"of a target", 110, 0.2, 98},
		{"between two targets", 115, 0.15, 97},
		{"of the first", 100, 0.3, 100},
		{"of the last", 120, 0.1, 96},
		{"cheaper than all", 99, 0, 0},
		{"dearer than all", 121, 0, 0},
		{"unknown", math.NaN(), 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, percent, ok := atHours(curve, tt.hours)
			if ok != (tt.percent > 0) || math.Abs(f[underTime]-tt.under) > 1e-9 || math.Abs(percent-tt.percent) > 1e-9 {
				t.Errorf("got τ_U %g at %g %% (%t), want %g at %g %%", f[underTime], percent, ok, tt.under, tt.percent)
			}
		})
	}
	if f, _, _ := atHours(curve, 115); f[actions] != 15 {
		t.Errorf("got %g actions, want 15", f[actions])
	}
}

// Student's t is 12.706 for two values and 4.303 for three.
func TestOver(t *testing.T) {
	if got := over([]float64{1, 3}); got.mean != 2 || math.Abs(got.half-12.706) > 1e-3 {
		t.Errorf("got %+v, want 2 ± 12.706", got)
	}
	if got := over([]float64{1, 2, 3}); got.mean != 2 || math.Abs(got.half-4.303/math.Sqrt(3)) > 1e-3 {
		t.Errorf("got %+v, want 2 ± 2.484", got)
	}
}

func TestRatio(t *testing.T) {
	if got := ratio([]float64{1, 2, 3}, []float64{2, 4, 6}); got.mean != 0.5 || got.half != 0 {
		t.Errorf("got %+v, want 0.5 ± 0: each pair has the same ratio", got)
	}
	// The differences from half of the other are 1, 0 and −1, a quarter of its mean each.
	got := ratio([]float64{2, 2, 2}, []float64{2, 4, 6})
	if want := 4.303 / 4 / math.Sqrt(3); got.mean != 0.5 || math.Abs(got.half-want) > 1e-3 {
		t.Errorf("got %+v, want 0.5 ± %.3f", got, want)
	}
}

func TestJudged(t *testing.T) {
	for _, tt := range []struct {
		interval interval
		want     string
	}{
		{interval{0.3, 0.03}, "0.30 ± 0.03, met"},
		{interval{0.3, 0.05}, "0.30 ± 0.05, open"},
		{interval{0.4, 0.05}, "0.40 ± 0.05, not met"},
		{interval{math.NaN(), math.NaN()}, "–"},
	} {
		if got := tt.interval.judged(1. / 3); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
