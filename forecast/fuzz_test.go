package forecast

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"
)

// edges are the values that break careless arithmetic.
var edges = [...]float64{
	0, math.NaN(), 1, -1, 1e-300, 1e12, largestValue, -largestValue, math.SmallestNonzeroFloat64, 0.1, math.Copysign(0, -1),
	2 * largestValue, math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64,
}

// unpacked makes a series of bytes: the first chooses step and length, small ones
// are counts, large ones edge values.
func unpacked(data []byte) (s Series, horizon int, updates []float64) {
	s = Series{Start: aMonday, Step: time.Hour}
	if len(data) == 0 {
		return s, 1, nil
	}
	steps := [...]time.Duration{time.Hour, 15 * time.Minute, 6 * time.Hour, day}
	s.Step = steps[data[0]%4]
	horizon = 1 + int(data[0]>>2)%30
	for _, b := range data[1:] {
		y := float64(b)
		if b >= 200 {
			y = edges[int(b)%12] // only what a series may have, and one value that it may not
		}
		s.Values = append(s.Values, y)
	}
	// Repeat it for three weeks, so that models of the week take part.
	if n := len(s.Values); n > 0 && data[0] >= 128 {
		for i := range min(3*7*24, 2000) - n {
			s.Values = append(s.Values, s.Values[i])
		}
	}
	for _, b := range data[:min(len(data), 40)] {
		updates = append(updates, edges[int(b)%len(edges)], float64(b))
	}
	return s, horizon, updates
}

// Whatever comes in, forecasts are ordered, finite, not negative and bounded.
func FuzzPredictor(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5})
	f.Add([]byte{128, 0, 1, 2, 3, 200, 201, 202, 203, 204, 205, 206, 207})
	f.Add([]byte{255, 10, 20, 30, 20, 10, 0, 0, 0, 240, 241})
	f.Add(append([]byte{192}, make([]byte, 100)...))
	f.Add([]byte{131, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 600 {
			return
		}
		s, horizon, updates := unpacked(data)
		start := s.End()
		o := Options{Horizon: horizon}
		if len(data) > 3 {
			first := start.Add(time.Duration(data[1]) * time.Hour / 8)
			o.Events = []Event{{"a", aMonday.Add(3 * time.Hour), aMonday.Add(5 * time.Hour), float64(data[2])}, {"a", first, first.Add(time.Hour), 0}}
			s.Holidays = []time.Time{start.Add(-day), start.Add(day)}
		}
		p, err := Fit(s, o)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		largest := 0.0
		see := func(y float64) {
			if y <= largestValue { // not NaN either
				largest = max(largest, y)
			}
		}
		for _, y := range s.Values {
			see(y)
		}
		check := func() {
			f, err := p.Forecast(horizon+5, []float64{0.01, 0.1, 0.5, 0.9, 0.99})
			if err != nil {
				t.Fatal(err)
			}
			checkPromises(t, f, largest)
			if _, err := p.Explain(horizon); err != nil {
				t.Fatal(err)
			}
		}
		check()
		for i, y := range updates {
			see(y)
			if i%7 == 3 {
				p.UpdateCensored(y)
			} else {
				p.Update(y)
			}
		}
		check()
		q, err := Restore(p.Snapshot(), time.UTC, o)
		if err != nil {
			t.Fatal(err)
		}
		a, b := median(t, p, horizon), median(t, q, horizon)
		if !sameBits(a, b) {
			t.Fatalf("%v was restored as %v", a, b)
		}
	})
}

// A snapshot is restored whole or refused, without a panic.
func FuzzRestore(f *testing.F) {
	p, err := Fit(generated(12*time.Hour, 40, func(i int) float64 { return float64(i % 7) }), Options{Horizon: 3})
	if err != nil {
		f.Fatal(err)
	}
	snapshot := p.Snapshot()
	f.Add(snapshot)
	f.Add(snapshot[:len(snapshot)/2])
	f.Add([]byte{})
	f.Add(slices.Repeat([]byte{0xff}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		q, err := Restore(data, time.UTC, Options{Horizon: 3})
		if (err == nil) != slices.Equal(data, snapshot) {
			t.Fatalf("error %v", err)
		}
		if err != nil && (!errors.Is(err, errSnapshot) || q != nil) {
			t.Fatalf("error %v", err)
		}
	})
}
