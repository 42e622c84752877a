package ets

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// search makes Σ (g·r)² least, by Levenberg and Marquardt's method with the
// parameters kept in [0, 1], from the best of the points given:
//
//	(JᵀJ + λ·diag(JᵀJ))·δ = −Jᵀr,   J of forward differences
//
// λ falls tenfold after a step that helps and rises tenfold otherwise; a variable
// at a bound that its gradient pushes against stays there. It ends when a step
// gains less than 1e−6 of the sum, or after about budget runs over the series.
// This takes dozens to hundreds of runs where R's Nelder and Mead may take 2000,
// and ends mostly at a higher likelihood, since initial seasons are many
// variables. It reports whether the sum is finite.
//
// # References
//
// Moré, The Levenberg–Marquardt algorithm, Lecture Notes in Mathematics 630
// (1978).
func (p *problem) search(starts [][]float64, budget int) ([]float64, bool) {
	n := len(p.y)
	errs, trial := make([]float64, n), make([]float64, n)
	evaluate := func(x []float64) float64 {
		budget--
		return p.squares(x, trial)
	}
	x, least := starts[0], math.Inf(1)
	for _, start := range starts {
		if s := evaluate(start); s < least {
			x, least = start, s
			errs, trial = trial, errs
		}
	}
	columns := make([][]float64, len(x)) // of J; nil for what is not free
	free := 0
	for j := range columns {
		if p.free[j] {
			free++
			columns[j] = make([]float64, n)
		}
	}
	lambda := 1e-3
	for budget > free && least > p.floor && !math.IsInf(least, 1) {
		for j, column := range columns {
			if column != nil {
				p.derive(x, errs, column, j)
			}
		}
		budget -= free
		a, g := p.normal(x, errs, columns)
		before := least
		for least == before && budget > 0 {
			next, ok := p.step(x, a, g, lambda)
			if s := evaluate(next); ok && s < least {
				x, least = next, s
				errs, trial = trial, errs
				lambda = max(lambda/10, 1e-9)
			} else if lambda *= 10; lambda > 1e6 {
				return x, true
			}
		}
		if before-least < 1e-6*before {
			break
		}
	}
	return x, !math.IsInf(least, 1)
}

// derive fills column with the derivative of errs by variable j: 0 if the model
// is impossible on both sides.
func (p *problem) derive(x, errs, column []float64, j int) {
	const h = 1e-6
	for _, d := range []float64{h, -h} {
		if j < firstState && (x[j]+d > 1 || x[j]+d < 0) {
			continue
		}
		keep := x[j]
		x[j] += d
		r := p.run(x, column)
		x[j] = keep
		if !math.IsInf(r.squares, 1) {
			floats.Sub(column, errs)
			floats.Scale(1/d, column)
			return
		}
	}
	clear(column)
}

// normal returns JᵀJ and Jᵀr without the variables that are to stay.
func (p *problem) normal(x, errs []float64, columns [][]float64) (*mat.SymDense, *mat.VecDense) {
	a, g := mat.NewSymDense(len(x), nil), mat.NewVecDense(len(x), nil)
	for j, column := range columns {
		if column == nil {
			a.SetSym(j, j, 1)
			continue
		}
		slope, size := floats.Dot(column, errs), floats.Dot(column, column)
		if size == 0 || j < firstState && (x[j] <= 0 && slope > 0 || x[j] >= 1 && slope < 0) {
			a.SetSym(j, j, 1)
			clear(column)
			continue
		}
		a.SetSym(j, j, size)
		g.SetVec(j, slope)
		for i := range j {
			if columns[i] == nil {
				continue
			}
			a.SetSym(i, j, floats.Dot(columns[i], column))
		}
	}
	return a, g
}

// step returns the point that solves the damped equations, within the bounds,
// and whether they could be solved.
func (p *problem) step(x []float64, a *mat.SymDense, g *mat.VecDense, lambda float64) ([]float64, bool) {
	damped := mat.NewSymDense(len(x), nil)
	damped.CopySym(a)
	for j := range x {
		damped.SetSym(j, j, a.At(j, j)*(1+lambda))
	}
	next := append([]float64(nil), x...)
	var factors mat.Cholesky
	var delta mat.VecDense
	if !factors.Factorize(damped) || factors.SolveVecTo(&delta, g) != nil && delta.Len() == 0 {
		return next, false
	}
	for j := range next {
		next[j] -= delta.AtVec(j)
		if j < firstState {
			next[j] = min(max(next[j], 0), 1)
		}
	}
	return next, true
}
