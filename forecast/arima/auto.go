package arima

import (
	"fmt"
	"math"
	"slices"
)

// Options are what [Auto] may be given besides the series. The zero value is
// no season and no regressors.
type Options struct {
	// Period is that of the season in steps, at most [MaxPeriod]; 0 and 1 are
	// no season.
	Period int
	// Regressors holds a row x(t) of equal length for each value of the series.
	Regressors [][]float64
}

const (
	maxOrder         = 5    // p and q
	maxSeasonalOrder = 2    // P and Q
	maxDifferences   = 2    // d
	maxModels        = 94   // that are tried
	strongSeason     = 0.64 // the least strength of a season that is differenced
	leastRoot        = 1.01 // modulus that is far enough from the unit circle
	longSeries       = 150  // values beyond which the search is approximate
)

// Auto chooses the orders of an ARIMA model and fits it. D is 1 when the
// season is stronger than 0.64, d is that of [Differences] of the series, or of
// what a least squares regression leaves of it. The search starts from four
// models and moves to a neighbour with a lower AICc,
//
//	−2·log L + 2k + 2k(k+1)/(n−k−1),   k parameters with σ²
//
// while there is one: p, q, P or Q one up or down, p and q or P and Q both, or
// the constant in or out. p and q are at most 5, P and Q 2. A model with a root
// within 1.01 of the origin is refused. For series of more than 150 values or a
// period above 12, −2·log L is n·log σ̂² of the conditional sum of squares in
// the search, and the best model is fitted exactly; when that one is refused,
// the next.
//
// It differs from R's auto.arima in the decomposition that the strength of the
// season is taken from, and in the optimizer.
//
// Missing values are as in [Fit]. A constant series, or one that is constant
// after differencing, gets the model without coefficients and σ² = 0. One with
// no known value gives an error that wraps [ErrTooShort]; one of a few gives a
// mean. A period above [MaxPeriod] is an error. Negative values need no care.
//
// # References
//
// Hyndman and Khandakar, Journal of Statistical Software 27(3), 2008, section
// 3.2; the defaults are those of version 8.20 of R's forecast.
func Auto(y []float64, o Options) (*Fitted, error) {
	s := &search{y: y, regressors: o.Regressors, seen: map[Model]bool{}}
	if err := s.prepare(o.Period); err != nil {
		return nil, err
	}
	if s.flat {
		m := s.base
		m.Constant = m.Order.D+m.Season.D < 2
		return Fit(y, m, FitOptions{Regressors: o.Regressors})
	}
	s.walk()
	slices.SortStableFunc(s.tried, func(a, b candidate) int { return compare(a.ic, b.ic) })
	var failure error
	for _, c := range s.tried {
		f, err := Fit(y, c.model, FitOptions{Regressors: o.Regressors, Start: c.start})
		if err == nil && admissible(f.filter.phi, f.filter.theta) {
			return f, nil
		}
		failure = err
	}
	if failure == nil {
		failure = fmt.Errorf("arima: %w", ErrTooShort)
	}
	return nil, failure
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// admissible reports whether all roots are far enough from the unit circle.
func admissible(phi, theta []float64) bool {
	return outside(phi, leastRoot) && outside(negative(theta[1:]), leastRoot)
}

// search is the state of [Auto].
type search struct {
	y           []float64
	regressors  [][]float64
	base        Model // differences and period
	limit       Model // largest orders
	flat        bool  // nothing is left after the differences
	approximate bool
	short       bool // too few values for the correction of AIC
	seen        map[Model]bool
	tried       []candidate
}

type candidate struct {
	model Model
	ic    float64
	start *Coefficients
}

// prepare chooses the differences and bounds the orders.
func (s *search) prepare(period int) error {
	known := len(present(s.y))
	if known == 0 {
		return fmt.Errorf("arima: %w: no value is known", ErrTooShort)
	}
	if period < 2 {
		period = 0
	}
	s.base.Season.Period = period
	if err := s.base.check(); err != nil {
		return err
	}
	x, err := residuals(s.y, s.regressors)
	if err != nil {
		return err
	}
	if period > 0 && len(x) > 2*period && !constant(x) && seasonalStrength(x, period) > strongSeason {
		if dx := differenced(x, period); len(present(dx)) > 0 {
			s.base.Season.D, x = 1, dx
		}
	}
	s.base.Order.D = Differences(x, maxDifferences)
	for range s.base.Order.D {
		x = differenced(x, 1)
	}
	s.flat = constant(x)
	s.limit = Model{Order: Order{P: min(maxOrder, known/3), Q: min(maxOrder, known/3)}}
	if period > 0 {
		most := min(maxSeasonalOrder, known/3/period)
		s.limit.Season = Season{P: most, Q: most}
		if most > 0 {
			s.limit.Order.P, s.limit.Order.Q = min(s.limit.Order.P, period-1), min(s.limit.Order.Q, period-1)
		}
	}
	s.short = known <= 3
	s.approximate = len(s.y) > longSeries || period > 12
	return nil
}

// residuals returns what a least squares regression leaves of y.
func residuals(y []float64, regressors [][]float64) ([]float64, error) {
	if len(regressors) == 0 {
		return y, nil
	}
	f, err := Fit(y, Model{Constant: true}, FitOptions{Regressors: regressors})
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(y))
	for t := range y {
		out[t] = y[t] - f.regression(0, regressors[t])
	}
	return out, nil
}

// try fits a model unless it was tried, and reports whether it is the best.
func (s *search) try(m Model) bool {
	if s.seen[m] || len(s.tried) >= maxModels {
		return false
	}
	s.seen[m] = true
	c := candidate{model: m, ic: math.Inf(1)}
	best := math.Inf(1)
	for _, t := range s.tried {
		best = min(best, t.ic)
	}
	if ic, start, ok := s.criterion(m); ok {
		c.ic, c.start = ic, start
	}
	s.tried = append(s.tried, c)
	return c.ic < best
}

// criterion returns AICc, less n·(1 + log 2π) that all models share, and the coefficients; false for a refused model.
func (s *search) criterion(m Model) (float64, *Coefficients, bool) {
	data, err := newSample(s.y, m, s.regressors)
	if err != nil {
		return 0, nil, false
	}
	by, loss := exactly, data.exact
	if s.approximate {
		by, loss = conditionally, data.conditional
	}
	c, err := data.estimate(FitOptions{}, by)
	if err != nil || !admissible(m.expand(c)) {
		return 0, nil, false
	}
	half, _, _ := loss(c)
	n, k := float64(data.used), float64(m.arma()+len(data.levels))
	ic := 2*n*half + 2*k // but for a constant
	if !s.short {
		if n-k-1 <= 0 {
			return 0, nil, false
		}
		ic += 2 * k * (k + 1) / (n - k - 1)
	}
	return ic, &c, !math.IsNaN(ic)
}

// moves are the steps from a model to its neighbours, as p, q, P, Q.
var moves = [...][4]int{
	{0, 0, -1, 0}, {0, 0, 0, -1}, {0, 0, 1, 0}, {0, 0, 0, 1}, {0, 0, -1, -1}, {0, 0, -1, 1}, {0, 0, 1, -1}, {0, 0, 1, 1},
	{-1, 0, 0, 0}, {0, -1, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {-1, -1, 0, 0}, {-1, 1, 0, 0}, {1, -1, 0, 0}, {1, 1, 0, 0},
}

// model returns the base with the orders, and whether they are in the limits.
func (s *search) model(p, q, sp, sq int) (Model, bool) {
	m := s.base
	m.Order.P, m.Order.Q, m.Season.P, m.Season.Q = p, q, sp, sq
	l := s.limit
	return m, min(p, q, sp, sq) >= 0 && p <= l.Order.P && q <= l.Order.Q && sp <= l.Season.P && sq <= l.Season.Q
}

// walk is the stepwise search.
func (s *search) walk() {
	allowed := s.base.Order.D+s.base.Season.D < 2
	l := s.limit
	first := min(2, l.Order.P)
	seasonal := min(1, l.Season.P)
	if len(s.y) < 10 {
		first, seasonal = min(1, l.Order.P), 0
	}
	var best Model
	one, oneSeasonal := min(1, l.Order.P), min(1, l.Season.P)
	for _, start := range [][4]int{{first, first, seasonal, seasonal}, {}, {one, 0, oneSeasonal, 0}, {0, one, 0, oneSeasonal}} {
		m, _ := s.model(start[0], start[1], start[2], start[3])
		m.Constant = allowed
		if s.try(m) {
			best = m
		}
	}
	if m, _ := s.model(0, 0, 0, 0); s.try(m) {
		best = m
	}
	for moved := true; moved; {
		moved = false
		for _, step := range moves {
			m, ok := s.model(best.Order.P+step[0], best.Order.Q+step[1], best.Season.P+step[2], best.Season.Q+step[3])
			m.Constant = best.Constant
			if ok && s.try(m) {
				best, moved = m, true
				break
			}
		}
		if m := best; allowed && !moved {
			m.Constant = !m.Constant
			if s.try(m) {
				best, moved = m, true
			}
		}
	}
}
