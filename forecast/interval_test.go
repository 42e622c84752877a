package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// errorsOf learns the errors without adaptation.
func errorsOf(xs ...float64) *errorsAt {
	e := &errorsAt{}
	for _, x := range xs {
		e.add(x)
	}
	e.low, e.high = 0, 0
	return e
}

func upTo(n int) []float64 {
	var xs []float64
	for i := range n {
		xs = append(xs, float64(i+1))
	}
	return xs
}

// The rank is ⌈p(n+1)⌉ above the median and ⌊p(n+1)⌋ below, within 1 and n.
func TestQuantileRanks(t *testing.T) {
	tests := []struct {
		n     int
		level float64
		want  float64
	}{
		{0, 0.9, 0}, {0, 0.1, 0},
		{1, 0.9, 1}, {1, 0.1, 1},
		{9, 0.9, 9}, {9, 0.1, 1}, // exactly p·10
		{10, 0.9, 10}, {10, 0.1, 1}, // ⌈9.9⌉, ⌊1.1⌋
		{19, 0.9, 18}, {19, 0.1, 2},
		{99, 0.9, 90}, {99, 0.1, 10}, {99, 0.99, 99}, {99, 0.01, 1}, {99, 0.75, 75},
		{100, 0.9, 91}, {100, 0.1, 10},
		{100, 0.999, 100}, {100, 0.0001, 1}, // beyond what is known
		{200, 0.95, 191}, {200, 0.05, 10},
	}
	for _, tt := range tests {
		got := errorsOf(upTo(tt.n)...).quantile(tt.level)
		// 0.1·(n+1) may lie an ulp on the wrong side of a whole number, which is a rank of one.
		if math.Abs(got-tt.want) > 1 || tt.n%10 != 9 && got != tt.want {
			t.Errorf("quantile %g of 1 … %d: got %g, want %g", tt.level, tt.n, got, tt.want)
		}
	}
}

func TestQuantilesFollowTheFactors(t *testing.T) {
	e := errorsOf(upTo(199)...)
	for _, tt := range []struct{ level, low, high, want float64 }{
		{0.9, 1, 0.5, 190}, {0.9, 1, 2, 160}, {0.9, 0.1, 1, 180},
		{0.1, 0.5, 1, 10}, {0.1, 2, 1, 40}, {0.1, 1, 0.1, 20},
		{0.6, 1, 2, 100}, // a tail is half at most
	} {
		e.low, e.high = tt.low, tt.high
		if got := e.quantile(tt.level); math.Abs(got-tt.want) > 1 {
			t.Errorf("quantile %g with factors %g and %g: got %g, want %g", tt.level, tt.low, tt.high, got, tt.want)
		}
	}
}

// The oldest error makes place for a new one, whatever comes.
func TestErrorsAreTheLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		n := rapid.IntRange(0, 2*memory+10).Draw(t, "n")
		distinct := rapid.SampledFrom([]int{1, 2, 5, 1000}).Draw(t, "distinct")
		noise := rand.New(rand.NewPCG(seed, 0))
		e := &errorsAt{}
		var all []rough
		for range n {
			x := float64(noise.IntN(distinct)-distinct/2) / 8
			all = append(all, roughly(x))
			e.add(x)
		}
		want := all[max(0, len(all)-memory):]
		if n%2 == 1 { // one that came just before may be there in place of the first
			e.add(0)
			want = append(want[min(1, max(0, len(want)+1-memory)):], roughly(0))
		}
		if !slices.Equal(e.sorted, slices.Sorted(slices.Values(want))) {
			t.Fatalf("%v are kept, want the last %d in their order", e.sorted, len(want))
		}
	})
}

// An interval that misses widens, one that always holds narrows, one that is right stays.
func TestIntervalsAdapt(t *testing.T) {
	width := func(e *errorsAt, n int, next func(i int) float64) (low, high float64) {
		for i := range n {
			e.judge(next(i))
		}
		return e.quantile(0.1), e.quantile(0.9)
	}
	sample := func() *errorsAt { return errorsOf(upTo(199)...) }
	low, high := sample().quantile(0.1), sample().quantile(0.9)
	if l, h := width(sample(), 50, func(int) float64 { return 1000 }); h <= high || l < low {
		t.Errorf("misses above move %g, %g to %g, %g", low, high, l, h)
	}
	if l, h := width(sample(), 50, func(int) float64 { return -1000 }); l >= low || h > high {
		t.Errorf("misses below move %g, %g to %g, %g", low, high, l, h)
	}
	if l, h := width(sample(), 100, func(int) float64 { return 100 }); l <= low || h >= high {
		t.Errorf("an interval that always holds goes from %g, %g to %g, %g", low, high, l, h)
	}
	right := func(i int) float64 { return []float64{-1, 100, 100, 100, 100, 1000, 100, 100, 100, 100}[i%10] }
	if l, h := width(sample(), 200, right); math.Abs(l-low) > 5 || math.Abs(h-high) > 5 {
		t.Errorf("an interval that holds as it should goes from %g, %g to %g, %g", low, high, l, h)
	}
	e := sample()
	width(e, 5000, func(int) float64 { return 1000 })
	if e.high < 0.05 || e.low > 2 {
		t.Errorf("the factors are %g and %g after many misses", e.low, e.high)
	}
}

func TestAdapted(t *testing.T) {
	for _, tt := range []struct {
		factor float64
		missed bool
		want   float64
	}{
		{0, false, 1 + adaptRate}, {0, true, 1 - 9*adaptRate},
		{1, false, 1 + adaptRate}, {1, true, 1 - 9*adaptRate},
		{2, false, 2}, {0.1, true, 0.1},
	} {
		if got := adapted(tt.factor, tt.missed); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("adapted(%g, %v) is %g, want %g", tt.factor, tt.missed, got, tt.want)
		}
	}
}

func TestShareInside(t *testing.T) {
	e := errorsOf(upTo(199)...)
	e.judged, e.inside = 0, 0
	e.judge(100)
	e.judge(1000)
	e.judge(100)
	e.judge(-1)
	if e.judged != 4 || math.Abs(e.inside-0.5) > 1e-12 {
		t.Errorf("%g of %d, want half of 4", e.inside, e.judged)
	}
	few := errorsOf(upTo(enough - 1)...)
	few.judge(1000)
	if few.judged != 0 {
		t.Error("quantiles of few errors are judged")
	}
}

// The fewer independent errors, the wider.
func TestSpread(t *testing.T) {
	e := errorsOf(upTo(100)...)
	tests := []struct {
		k, every int
		want     float64
	}{
		{1, 1, 1 + spreadRate/10},
		{1, 12, 1 + spreadRate/10},   // no more than there are
		{12, 12, 1 + spreadRate/10},  // one after the other
		{48, 12, 1 + spreadRate/5},   // four overlap
		{1200, 12, 1 + spreadRate/1}, // a hundred overlap
	}
	for _, tt := range tests {
		if got := e.spread(tt.k, tt.every); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("spread %d steps ahead, origins every %d: got %g, want %g", tt.k, tt.every, got, tt.want)
		}
	}
	if got := (&errorsAt{}).spread(5, 1); math.IsInf(got, 0) || math.IsNaN(got) || got < 1+spreadRate {
		t.Errorf("spread of no errors: %g", got)
	}
}

func TestBetween(t *testing.T) {
	horizons := []int{1, 4, 16}
	for k, want := range map[int]struct {
		before, after int
		share         float64
	}{
		1: {0, 0, 0}, 2: {0, 1, 0.5}, 4: {1, 1, 0}, 8: {1, 2, 0.5}, 16: {2, 2, 0}, 1000: {2, 2, 0},
	} {
		before, after, share := between(horizons, k)
		if before != want.before || after != want.after || math.Abs(share-want.share) > 1e-12 {
			t.Errorf("between(%v, %d): got %d, %d, %g; want %v", horizons, k, before, after, share, want)
		}
	}
	if before, after, share := between([]int{3}, 1); before != 0 || after != 0 || share != 0 {
		t.Errorf("before the first: got %d, %d, %g", before, after, share)
	}
}
