package forecast

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// scoredBy makes members with n errors of a mean absolute size, by horizon.
func scoredBy(means [][]float64, counts [][]int) []*member {
	var out []*member
	for i := range means {
		m := &member{}
		for j, mean := range means[i] {
			n := counts[i][j]
			m.losses = append(m.losses, losses{abs: float32(mean) * float32(n), roots: float32(mean) * float32(n), weight: float32(n), n: int32(n)})
		}
		out = append(out, m)
	}
	return out
}

func TestWeigh(t *testing.T) {
	tests := []struct {
		name    string
		means   [][]float64 // by member and horizon
		counts  [][]int
		horizon int
		want    []float64
	}{
		{"nothing is known", [][]float64{{0}, {0}}, [][]int{{0}, {0}}, 0, []float64{0.5, 0.5}},
		{"all are alike", [][]float64{{3}, {3}, {3}, {3}}, [][]int{{50}, {50}, {50}, {50}}, 0, []float64{0.25, 0.25, 0.25, 0.25}},
		{"half the error has 64 times the weight", [][]float64{{1}, {2}}, [][]int{{50}, {50}}, 0, []float64{64.0 / 65, 1.0 / 65}},
		{"one without errors gets nothing", [][]float64{{1}, {0}}, [][]int{{50}, {0}}, 0, []float64{1, 0}},
		{"a newcomer gets nothing", [][]float64{{1}, {0.1}}, [][]int{{50}, {enoughScores - 1}}, 0, []float64{1, 0}},
		{"one with enough takes part", [][]float64{{1}, {1}}, [][]int{{50}, {enoughScores}}, 0, []float64{0.5, 0.5}},
		{"few for all count", [][]float64{{1}, {1}}, [][]int{{5}, {5}}, 0, []float64{0.5, 0.5}},
		{"few for all, one fewer", [][]float64{{1}, {1}}, [][]int{{5}, {4}}, 0, []float64{1, 0}},
		{"no error at all takes everything", [][]float64{{0}, {1e-9}}, [][]int{{50}, {50}}, 0, []float64{1, 0}},
		{"no error at all twice", [][]float64{{0}, {1}, {0}}, [][]int{{50}, {50}, {50}}, 0, []float64{0.5, 0, 0.5}},
		{"neighbours count", [][]float64{{2, 1, 3}, {2, 2, 2}}, [][]int{{50, 50, 50}, {50, 50, 50}}, 1, []float64{0.5, 0.5}},
		{"only neighbours count", [][]float64{{1, 1, 9}, {1, 1, 1}}, [][]int{{50, 50, 50}, {50, 50, 50}}, 0, []float64{0.5, 0.5}},
		{"a neighbour without errors does not count", [][]float64{{1, 0}, {1, 0}}, [][]int{{50, 0}, {50, 0}}, 0, []float64{0.5, 0.5}},
	}
	for _, tt := range tests {
		got := make([]float64, len(tt.means))
		weigh(scoredBy(tt.means, tt.counts), tt.horizon, got)
		for i := range got {
			if !(math.Abs(got[i]-tt.want[i]) <= 1e-12) {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				break
			}
		}
	}
}

func TestWeightsAreShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := rapid.OneOf(rapid.Float64Range(0, 1e3), rapid.SampledFrom([]float64{0, 1e-300, 1e100}))
		n, horizons := rapid.IntRange(1, 6).Draw(t, "members"), rapid.IntRange(1, 4).Draw(t, "horizons")
		means, counts := make([][]float64, n), make([][]int, n)
		for i := range n {
			means[i] = rapid.SliceOfN(mean, horizons, horizons).Draw(t, "means")
			counts[i] = rapid.SliceOfN(rapid.IntRange(0, 40), horizons, horizons).Draw(t, "counts")
		}
		weights := make([]float64, n)
		for j := range horizons {
			weigh(scoredBy(means, counts), j, weights)
			sum := 0.0
			for _, w := range weights {
				if !(w >= 0) {
					t.Fatalf("weights %v", weights)
				}
				sum += w
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Fatalf("weights %v sum up to %g", weights, sum)
			}
		}
	})
}

func TestMiddle(t *testing.T) {
	tests := []struct {
		name            string
		values, weights []float64
		want            float64
	}{
		{"one", []float64{7}, []float64{1}, 7},
		{"two", []float64{4, 8}, []float64{0.5, 0.5}, 6},
		{"three", []float64{9, 1, 2}, []float64{1.0 / 3, 1.0 / 3, 1.0 / 3}, (1.0/12*1 + 1.0/3*2 + 1.0/12*9) * 2},
		{"four", []float64{1, 100, 2, 4}, []float64{0.25, 0.25, 0.25, 0.25}, 3},
		{"an outlier of less than a quarter", []float64{5, 5, 1e9}, []float64{0.4, 0.36, 0.24}, 5},
		{"an outlier of a quarter", []float64{5, 5, 1e9}, []float64{0.4, 0.35, 0.25}, 5},
		{"an outlier below", []float64{-1e9, 5, 5}, []float64{0.24, 0.4, 0.36}, 5},
		{"an outlier of more", []float64{0, 100}, []float64{0.7, 0.3}, 10},
		{"those without weight", []float64{-9, 5, 7, 1e9}, []float64{0, 0.5, 0.5, 0}, 6},
		{"equal values", []float64{3, 3, 3}, []float64{0.2, 0.3, 0.5}, 3},
	}
	for _, tt := range tests {
		got := middle(tt.values, tt.weights, make([]int, len(tt.values)))
		if math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: got %g, want %g", tt.name, got, tt.want)
		}
	}
}

// The middle lies within the values, does not depend on their order and rises with each.
func TestMiddleIsAMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		values := rapid.SliceOfN(rapid.Float64Range(0, 100), n, n).Draw(t, "values")
		weights := rapid.SliceOfN(rapid.Float64Range(0.001, 1), n, n).Draw(t, "weights")
		sum := 0.0
		for _, w := range weights {
			sum += w
		}
		for i := range weights {
			weights[i] /= sum
		}
		order := make([]int, n)
		got := middle(values, weights, order)
		if got < slices.Min(values)-1e-9 || got > slices.Max(values)+1e-9 {
			t.Fatalf("got %g of %v", got, values)
		}
		i := rapid.IntRange(0, n-1).Draw(t, "raised")
		raised := slices.Clone(values)
		raised[i] += 10
		if higher := middle(raised, weights, order); higher < got-1e-9 {
			t.Fatalf("raising value %d lowers %g to %g", i, got, higher)
		}
		values, weights = append(values[1:], values[0]), append(weights[1:], weights[0])
		if other := middle(values, weights, order); math.Abs(other-got) > 1e-9 {
			t.Fatalf("got %g, in the other order %g", got, other)
		}
	})
}

// An error of three days ago counts half, and a wild one no more than its bound.
func TestLossesForget(t *testing.T) {
	var l losses
	l.add(10000, 81, 0.5, 5) // |⁴√y−⁴√ŷ| = 7
	l.add(10000, 20736, 0.5, 5)
	want := losses{abs: 15695.5, err: -5776.5, actual: 15000, roots: 4.5, weight: 1.5, n: 2}
	if l != want {
		t.Errorf("got %+v, want %+v", l, want)
	}
	if got := l.mean(); got != 3 {
		t.Errorf("mean %g, want 3", got)
	}
	if !math.IsInf(l.bound(), 1) {
		t.Errorf("few errors bound others by %g", l.bound())
	}
	l.n = enoughScores
	if got := l.bound(); got != 15 {
		t.Errorf("bound %g, want 15", got)
	}
	p := fitted(t, generated(lossHalfLife/288, 1000, func(i int) float64 { return float64(i % 7) }), Options{Horizon: 8})
	perHour := float64(p.every) / 288
	if got := math.Pow(p.decay, 1/perHour); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("a loss keeps %g of its weight over the half-life", got)
	}
}
