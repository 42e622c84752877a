package policy

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hours are values of so many hours, one every five minutes.
func hours(n float64, x float64) []float64 { return slices.Repeat([]float64{x}, int(12*n)) }

// masked tells which of the loads are left out: x, others are a dot.
func masked(loads []float64) string {
	var b strings.Builder
	for _, y := range loads {
		if math.IsNaN(y) {
			b.WriteByte('x')
			continue
		}
		b.WriteByte('.')
	}
	return b.String()
}

func TestMaskLeavesOutWhatLacksAPart(t *testing.T) {
	nan := math.NaN()
	kept := func(n int) string { return strings.Repeat(".", n) }
	lost := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		name     string
		measured []float64
		want     string
	}{
		{"nothing is missing", hours(3, 9), kept(36)},
		{"half of it vanishes and comes back", slices.Concat(hours(2, 9), hours(0.5, 4), hours(1, 9)), kept(24) + lost(6) + kept(12)},
		{"all of it vanishes", slices.Concat(hours(2, 9), hours(0.5, 0), hours(1, 9)), kept(24) + lost(6) + kept(12)},
		{"an hour later the new level counts", slices.Concat(hours(2, 9), hours(2, 4)), kept(24) + lost(13) + kept(11)},
		{"back on the old level it is as whole as ever", slices.Concat(hours(2, 9), hours(3, 4), hours(1, 9)), kept(24) + lost(13) + kept(35)},
		{"it comes and goes: most of the time it was there", slices.Concat(hours(2, 9), hours(0.5, 4), hours(0.5, 9), hours(0.5, 4), hours(0.5, 9)), kept(24) + lost(6) + kept(6) + lost(6) + kept(6)},
		{"one of four, as in a restart", slices.Concat(hours(2, 4), hours(0.5, 3)), kept(30)},
		{"one of three", slices.Concat(hours(2, 3), hours(0.5, 2)), kept(24) + lost(6)},
		{"a share instead of a count", slices.Concat(hours(2, 1), hours(0.5, 0.5)), kept(24) + lost(6)},
		{"it grows", slices.Concat(hours(2, 4), hours(2, 9)), kept(48)},
		{"a slow decline, by a twentieth in a quarter of an hour", slices.Concat(hours(2, 20), hours(0.25, 19), hours(0.25, 18), hours(0.25, 17), hours(0.25, 16), hours(0.25, 15), hours(0.25, 14), hours(0.25, 13)), kept(45)},
		{"a level for each half of the day", slices.Concat(hours(12, 20), hours(12, 15), hours(12, 20)), kept(432)},
		{"half of it each night", slices.Concat(hours(12, 20), hours(12, 10), hours(12, 20), hours(12, 10)), kept(144) + lost(13) + kept(275) + lost(13) + kept(131)},
		{"it is not known for a moment", slices.Concat(hours(2, 9), []float64{nan, nan}, hours(0.5, 9)), kept(24) + lost(2) + kept(6)},
		{"after a gap it is as it was", slices.Concat(hours(2, 9), hours(24, nan), hours(0.5, 9)), kept(24) + lost(288) + kept(6)},
		{"after a gap half of it is missing", slices.Concat(hours(2, 9), hours(24, nan), hours(0.5, 4)), kept(24) + lost(294)},
		{"it was not measured before", slices.Concat(hours(24, nan), hours(2, 9), hours(0.5, 4)), kept(312) + lost(6)},
		{"too little is known", []float64{9, 9, 9, 9, nan, 9, 4}, kept(7)},
		{"just enough is known", []float64{9, 9, 9, 9, 9, 9, 4}, kept(6) + lost(1)},
		{"of nothing nothing can be missing", slices.Concat(hours(2, 0), hours(0.5, 0)), kept(30)},
		{"what is no number was not measured", slices.Concat(hours(2, 9), []float64{math.Inf(1), math.Inf(-1), -1}, hours(2, 9)), kept(24) + lost(3) + kept(24)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			loads := slices.Repeat([]float64{100}, len(tc.measured))
			c := NewCompleteness(5 * time.Minute)
			if got := masked(c.Mask(loads, tc.measured)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if masked(loads) != kept(len(loads)) {
				t.Error("the loads themselves were changed")
			}
			byOne, c := "", NewCompleteness(5*time.Minute)
			for i := range loads {
				byOne += masked(c.Mask(loads[i:i+1], tc.measured[i:i+1]))
			}
			if byOne != tc.want {
				t.Errorf("one after the other:\ngot  %s\nwant %s", byOne, tc.want)
			}
		})
	}
}

// Long steps have not many values in two hours, and short ones many.
func TestWhatIsUsualFollowsTheStep(t *testing.T) {
	for step, after := range map[time.Duration]int{time.Minute: 61, 5 * time.Minute: 13, 15 * time.Minute: 5, time.Hour: 4, 24 * time.Hour: 4} {
		c := NewCompleteness(step)
		c.Mask(make([]float64, 200), slices.Repeat([]float64{9}, 200))
		n := 0
		for ; c.lacks(4); n++ {
			c.observe(4)
		}
		if n != after {
			t.Errorf("by %s a new level counts after %d steps, want %d", step, n, after)
		}
	}
}

// The oracle sorts anew each time.
func TestUsualIsTheMedianOfWhatWasKnownLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		measured := rapid.SliceOf(rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 9), rapid.SampledFrom([]float64{0, 1, 1, 2, math.NaN(), math.Inf(1), math.MaxFloat64}))).Draw(t, "measured")
		step := rapid.SampledFrom([]time.Duration{10 * time.Minute, 20 * time.Minute, time.Hour}).Draw(t, "step")
		c := NewCompleteness(step)
		var known []float64
		for _, x := range measured {
			c.observe(x)
			if x >= 0 && x <= math.MaxFloat64 {
				known = append(known, x)
			}
		}
		last := slices.Sorted(slices.Values(known[max(0, len(known)-max(int(2*time.Hour/step), 6)):]))
		usual, ok := c.Usual()
		if ok != (len(last) >= 6) || ok && usual != last[len(last)/2] {
			t.Fatalf("got %v, %t of %v", usual, ok, last)
		}
	})
}

func TestJudgeTakesWhatLacksAPartForPartial(t *testing.T) {
	now := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	load := Sample{Value: 80, Time: now, Quality: OK}
	nine := NewCompleteness(5 * time.Minute)
	nine.Mask(make([]float64, 24), hours(2, 9))
	for _, tc := range []struct {
		name           string
		c              *Completeness
		load, measured Sample
		want           Sample
	}{
		{"all of it", nine, load, Sample{Value: 9, Quality: OK}, load},
		{"enough of it", nine, load, Sample{Value: 7, Quality: OK}, load},
		{"a part", nine, load, Sample{Value: 4, Quality: OK}, Sample{Value: 80, Time: now, Quality: Partial, Detail: "part of it is missing: its completeness is 4, and 9 is usual"}},
		{"too little is known", NewCompleteness(time.Minute), load, Sample{Value: 4, Quality: OK}, load},
		{"not measured", nine, load, Sample{Quality: Empty, Detail: "no series"}, Sample{Value: 80, Time: now, Quality: Partial, Detail: "its completeness is empty: no series"}},
		{"not measured, and too little is known", NewCompleteness(time.Minute), load, Sample{Quality: Error, Detail: "timeout"}, Sample{Value: 80, Time: now, Quality: Partial, Detail: "its completeness is error: timeout"}},
		{"old", nine, load, Sample{Value: 9, Quality: Stale, Detail: "an hour old"}, Sample{Value: 80, Time: now, Quality: Partial, Detail: "its completeness is stale: an hour old"}},
		{"no number", nine, load, Sample{Value: math.Inf(1), Quality: OK}, Sample{Value: 80, Time: now, Quality: Partial, Detail: "its completeness is nan: a value of +Inf"}},
		{"of a load that is worse", nine, Sample{Quality: Error, Detail: "timeout"}, Sample{Value: 4, Quality: OK}, Sample{Quality: Error, Detail: "timeout"}},
		{"of a load that is partial already", nine, Sample{Value: 80, Quality: Partial, Detail: "a warning"}, Sample{Value: 4, Quality: OK}, Sample{Value: 80, Quality: Partial, Detail: "a warning"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.c.Judge(tc.load, tc.measured); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}
