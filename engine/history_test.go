package engine

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// A history that grows and is cut is the end of a series that does, and what was taken of it
// before stays.
func TestHistoryIsASeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1, 2.5, -3, 1e9, math.NaN()}), 0, 700)
		want := forecast.Series{Start: start, Step: 5 * time.Minute}
		h := NewHistory(want)
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			before, known := h, h.Series()
			more := values.Draw(t, "values")
			h, want = h.with(more), want.Append(more...)
			if keep := rapid.IntRange(1, 900).Draw(t, "keep"); rapid.Bool().Draw(t, "cut") {
				if h = h.last(keep); h.Len() < min(keep, want.Len()) || h.Len() >= keep+perBlock && h.Len() > keep {
					t.Fatalf("%d values are left of %d, want %d", h.Len(), want.Len(), keep)
				}
			}
			want = want.From(h.Start)
			if got := h.Series(); !got.Equal(want) || !h.End().Equal(want.End()) {
				t.Fatalf("got %v from %s, want %v from %s", got.Values, got.Start, want.Values, want.Start)
			}
			if !before.Series().Equal(known) {
				t.Fatal("what was known before has changed")
			}
			at := start.Add(time.Duration(rapid.IntRange(-2000, 200_000).Draw(t, "seconds")) * time.Second)
			if got, want := h.At(at), want.At(at); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("at %s: got %g, want %g", at, got, want)
			}
			if got, want := h.From(at), want.From(at); !got.Equal(want) {
				t.Fatalf("from %s: got %v, want %v", at, got, want)
			}
		}
	})
}

// Numbers that are read one by one are those that were measured, if they have seven digits.
func TestHistoryTellsWhatWasMeasured(t *testing.T) {
	s := forecast.Series{Start: start, Step: time.Minute, Values: []float64{60.1, 0.3333333, 1234.567, 1e-9, 9_999_999, math.Inf(1)}}
	h := NewHistory(s)
	for i, want := range s.Values {
		if got := h.At(s.Time(i)); got != want {
			t.Errorf("%g became %g", want, got)
		}
	}
	if got, want := fmt.Sprint(h.From(s.Time(2)).Values), fmt.Sprint(s.Values[2:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := h.Series().Values[0]; math.Abs(got-60.1) > 1e-5 {
		t.Errorf("60.1 became %g", got)
	}
}
