package footprint

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// problem draws normal equations of a regression with a unit diagonal. Some columns
// may be near copies of others.
func problem(t *rapid.T, most int) (*mat.SymDense, []float64) {
	n := rapid.IntRange(0, most).Draw(t, "n")
	rows := n + rapid.IntRange(1, 10).Draw(t, "more_rows")
	number := rapid.Float64Range(-1, 1)
	x := mat.NewDense(rows, max(n, 1), nil)
	for j := range n {
		copied := j > 0 && rapid.IntRange(0, 4).Draw(t, "copied") == 0
		for i := range rows {
			v := number.Draw(t, "x")
			if copied {
				v = x.At(i, j-1) + v/100
			}
			x.Set(i, j, v)
		}
	}
	if n == 0 {
		return nil, nil
	}
	h := mat.NewSymDense(n, nil)
	b := make([]float64, n)
	scale := make([]float64, n)
	for i := range n {
		scale[i] = 1 / math.Sqrt(mat.Dot(x.ColView(i), x.ColView(i))+1e-6)
	}
	u := mat.NewVecDense(rows, nil)
	for i := range rows {
		u.SetVec(i, number.Draw(t, "u"))
	}
	for i := range n {
		b[i] = mat.Dot(x.ColView(i), u) * scale[i]
		for j := range i + 1 {
			h.SetSym(i, j, mat.Dot(x.ColView(i), x.ColView(j))*scale[i]*scale[j])
		}
		h.SetSym(i, i, h.At(i, i)+1e-6)
	}
	return h, b
}

// objective is what nnls makes least.
func objective(h *mat.SymDense, b, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v * (dot(h, i, x)/2 - b[i])
	}
	return sum
}

// Of all sets of places that may be positive the best is found.
func TestNNLSFindsTheBestOfAllSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, b := problem(t, 6)
		best := 0.0
		for set := range 1 << len(b) {
			passive := make([]bool, len(b))
			for i := range passive {
				passive[i] = set>>i&1 == 1
			}
			x := solve(h, b, passive)
			feasible := true
			for _, v := range x {
				feasible = feasible && v >= 0
			}
			if feasible {
				best = min(best, objective(h, b, x))
			}
		}
		x := nnls(h, b)
		for _, v := range x {
			if !(v >= 0) {
				t.Fatalf("%v is negative", x)
			}
		}
		if got := objective(h, b, x); math.Abs(got-best) > 1e-9*(1+math.Abs(best)) {
			t.Fatalf("%v has the objective %v, the best is %v", x, got, best)
		}
	})
}

// Kuhn and Tucker: x ≥ 0, no dual is positive, and none is negative where x is
// positive.
func TestNNLSMeetsTheConditionsOfAnOptimum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, b := problem(t, 20)
		x := nnls(h, b)
		for i, v := range x {
			dual := b[i] - dot(h, i, x)
			if !(v >= 0) || dual > 1e-8 || v > 0 && dual < -1e-8 {
				t.Fatalf("place %d: x %v, dual %v", i, v, dual)
			}
		}
	})
}

// A descent from any x ≥ 0 never raises the objective and ends at the solution on
// the places that are left, which are all positive.
func TestDescend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, b := problem(t, 8)
		x, passive := make([]float64, len(b)), make([]bool, len(b))
		for i := range x {
			if passive[i] = rapid.Bool().Draw(t, "passive"); passive[i] {
				x[i] = rapid.Float64Range(0, 1).Draw(t, "x")
			}
		}
		before := objective(h, b, x)
		descend(h, b, x, passive)
		if behind := objective(h, b, x); behind > before+1e-9 {
			t.Fatalf("%v has the objective %v, before it was %v", x, behind, before)
		}
		for i, want := range solve(h, b, passive) {
			if math.Abs(x[i]-want) > 1e-9 || passive[i] != (x[i] > 0) {
				t.Fatalf("%v, passive %v: place %d should be %v", x, passive, i, want)
			}
		}
	})
}

func TestNNLS(t *testing.T) {
	h := mat.NewSymDense(2, []float64{1, 0.5, 0.5, 1})
	for _, tt := range []struct {
		name    string
		b, want []float64
	}{
		{"inside", []float64{1, 1}, []float64{2. / 3, 2. / 3}},
		{"at the border", []float64{1, 0.2}, []float64{1, 0}},
		{"both at zero", []float64{-1, -2}, []float64{0, 0}},
		{"zeros", []float64{0, 0}, []float64{0, 0}},
		{"on the edge", []float64{1, 0.5}, []float64{1, 0}},
	} {
		got := nnls(h, tt.b)
		for i := range got {
			if math.Abs(got[i]-tt.want[i]) > 1e-12 {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
	}
}
