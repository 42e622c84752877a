package stl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// MultipleOptions of [Multiple]. What is zero gets the default.
type MultipleOptions struct {
	// Seasonal smooths the values at one place of a season over its periods.
	// Its Window is at least 7; default: 11 for the shortest period, 15 for the
	// next, 19, and so on.
	Seasonal Loess
	// Periodic seasons never change; Seasonal.Window is not used.
	Periodic bool
	// Robust decompositions give less weight to values far from the rest:
	// Inner is 1 and Outer is 15.
	Robust bool
	// Iterations is how often each season is estimated with the others given;
	// default: 2. A single season needs one.
	Iterations int
}

// MultipleDecomposition is the answer of [Multiple].
type MultipleDecomposition struct {
	Periods          []int       // that were used, ascending
	Seasonal         [][]float64 // one per period, of the length of the series
	Trend, Remainder []float64   // their sum is the series less all seasons
}

// Multiple splits the series y into seasons with the periods, a trend and a
// remainder:
//
//	y(t) = S₁(t) + … + Sₖ(t) + T(t) + R(t)
//
// From the shortest period to the longest, and again in every iteration, Sᵢ is
// the season which [Decompose] finds in y less the other seasons, with the
// defaults for the trend and the low pass. T is the trend of the last one.
//
// Periods of which the series has not more than two are left out; the order of
// the periods does not matter. A series that is empty or too short for every
// period gives an error wrapping [ErrTooShort]; one with NaN, infinite values
// or values beyond ±1e300 gives one wrapping [ErrValue]. A constant series is
// all trend. Neither y nor periods are modified.
//
// # References
//
// Bandara, Hyndman and Bergmeir, MSTL: A Seasonal-Trend Decomposition Algorithm
// for Time Series with Multiple Seasonal Patterns (2021), arXiv:2107.13462,
// algorithm 1, as in mstl of R's forecast 8.20. That transforms the values,
// fills missing ones and smooths series without a season too; we do not.
func Multiple(y []float64, periods []int, o MultipleOptions) (MultipleDecomposition, error) {
	if err := check(y); err != nil {
		return MultipleDecomposition{}, err
	}
	d, err := NewMultipleDecomposer(len(y), periods, o)
	if err != nil {
		return MultipleDecomposition{}, err
	}
	return d.Decompose(y)
}

// MultipleDecomposer is [Multiple] for several series of one length: what does not depend
// on their values is computed once. It is not safe for concurrent use.
type MultipleDecomposer struct {
	periods    []int
	single     []*decomposer // by period
	iterations int

	rest    []float64 // the series without seasons
	weights []float64
	work    workspace
}

// NewMultipleDecomposer returns one for series of n values; see [Multiple] for its errors.
func NewMultipleDecomposer(n int, periods []int, o MultipleOptions) (*MultipleDecomposer, error) {
	periods, err := usable(periods, n)
	if err != nil {
		return nil, err
	}
	if o.Iterations < 0 {
		return nil, fmt.Errorf("stl: Iterations: %d is not at least 0", o.Iterations)
	}
	m := &MultipleDecomposer{periods: periods, iterations: 1, rest: make([]float64, n), weights: make([]float64, n), work: newWorkspace(n, periods[len(periods)-1])}
	if len(periods) > 1 {
		m.iterations = cmp.Or(o.Iterations, 2)
	}
	for i, period := range periods {
		d, err := newDecomposer(n, o.single(i, period))
		if err != nil {
			return nil, err
		}
		m.single = append(m.single, d)
	}
	return m, nil
}

// Decompose splits a series as [Multiple] does. One of another length is an error.
func (m *MultipleDecomposer) Decompose(y []float64) (MultipleDecomposition, error) {
	n := len(m.rest)
	if len(y) != n {
		return MultipleDecomposition{}, fmt.Errorf("stl: %d values, the decomposer is for %d", len(y), n)
	}
	if err := check(y); err != nil {
		return MultipleDecomposition{}, err
	}
	r := MultipleDecomposition{Periods: slices.Clone(m.periods), Seasonal: make([][]float64, len(m.periods)), Trend: make([]float64, n), Remainder: make([]float64, n)}
	for i := range r.Seasonal {
		r.Seasonal[i] = make([]float64, n)
	}
	copy(m.rest, y)
	for range m.iterations {
		for i, d := range m.single {
			floats.Add(m.rest, r.Seasonal[i])
			d.decompose(Decomposition{r.Seasonal[i], r.Trend, r.Remainder, m.weights}, m.rest, m.work)
			floats.Sub(m.rest, r.Seasonal[i])
		}
	}
	return r, nil
}

// single returns the options for the i-th of the periods.
func (o MultipleOptions) single(i, period int) Options {
	s := Options{Period: period, Seasonal: o.Seasonal}
	s.Seasonal.Window = cmp.Or(o.Seasonal.Window, 11+4*i)
	if o.Periodic {
		s.Seasonal.Window = 0
	}
	if o.Robust {
		s.Outer = 15
	}
	return s
}

// usable returns the periods of which n values are more than two, ascending.
func usable(periods []int, n int) ([]int, error) {
	var kept []int
	for _, p := range slices.Sorted(slices.Values(periods)) {
		switch {
		case p < 2:
			return nil, fmt.Errorf("stl: periods: %d is not at least 2", p)
		case slices.Contains(kept, p):
			return nil, fmt.Errorf("stl: periods: %d is there twice", p)
		case p <= (n-1)/2:
			kept = append(kept, p)
		}
	}
	switch {
	case len(periods) == 0:
		return nil, errors.New("stl: periods: none")
	case len(kept) == 0:
		return nil, fmt.Errorf("stl: periods: %w: %d values are not more than two periods of any of %d", ErrTooShort, n, periods)
	}
	return kept, nil
}
