package footprint

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// nnls returns the x ≥ 0 that minimises ½·x'Hx − b'x, where H is positive definite
// with a diagonal of about 1; nothing for an empty b.
//
// It is Bro and de Jong's variant of Lawson and Hanson's algorithm, which needs the
// normal equations only. x is zero outside of a passive set and solves the
// equations on it. Of the places outside the one with the largest dual b − Hx
// enters; x moves towards the new solution, and places where it would become
// negative leave. It ends when no dual is positive. Other than theirs it starts
// with all places in the set, since few footprints are zero.
//
// # References
//
// Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23. Bro and de
// Jong, Journal of Chemometrics 11 (1997), 393–401.
func nnls(h *mat.SymDense, b []float64) []float64 {
	const rounding = 1e-12 // duals below this share of the largest b are none
	x, passive := make([]float64, len(b)), make([]bool, len(b))
	least := 0.0
	for i := range b {
		passive[i] = true
		least = max(least, rounding*math.Abs(b[i]))
	}
	descend(h, b, x, passive)
	for range 3 * len(b) { // it takes a few; the bound is for cycles of rounding errors
		entering, steepest := -1, least
		for i := range b {
			if w := b[i] - dot(h, i, x); !passive[i] && w > steepest {
				entering, steepest = i, w
			}
		}
		if entering < 0 {
			break
		}
		passive[entering] = true
		if !descend(h, b, x, passive) {
			break
		}
	}
	return x
}

// dot returns a row of H times x.
func dot(h *mat.SymDense, row int, x []float64) float64 {
	sum := 0.0
	for j, v := range x {
		sum += h.At(row, j) * v
	}
	return sum
}

// descend moves x to the solution on the passive set, which it makes smaller until
// that is positive. It reports whether the first step was one: a place that enters
// by a rounding error leaves before any.
func descend(h *mat.SymDense, b, x []float64, passive []bool) bool {
	for first := math.NaN(); ; {
		target := solve(h, b, passive)
		step := 1.0
		for i, p := range passive {
			if p && target[i] <= 0 {
				step = min(step, share(x[i], target[i]))
			}
		}
		negative := false
		for i, p := range passive {
			switch {
			case !p:
			case target[i] <= 0 && share(x[i], target[i]) <= step:
				x[i], passive[i], negative = 0, false, true
			default:
				x[i] = (1-step)*x[i] + step*target[i]
			}
		}
		if math.IsNaN(first) {
			first = step
		}
		if !negative {
			return first > 0
		}
	}
}

// share returns how far from x to a target that is not positive zero is.
func share(x, target float64) float64 {
	if x <= 0 {
		return 0
	}
	return x / (x - target)
}

// solve returns the solution of the equations on the passive set, zero elsewhere;
// all zero if they have none.
func solve(h *mat.SymDense, b []float64, passive []bool) []float64 {
	x := make([]float64, len(b))
	var places []int
	for i, p := range passive {
		if p {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return x
	}
	part, right := mat.NewSymDense(len(places), nil), mat.NewVecDense(len(places), nil)
	for k, i := range places {
		right.SetVec(k, b[i])
		for l, j := range places[:k+1] {
			part.SetSym(k, l, h.At(i, j))
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(part) {
		return x
	}
	_ = factor.SolveVecTo(right, right) // its only error is a warning of a bad condition
	for k, i := range places {
		x[i] = right.AtVec(k)
	}
	return x
}
