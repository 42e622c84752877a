// Package backtest judges forecasts by what came.
//
// It is pure: values in, values out. It makes no forecasts; callers bring
// them. Errors follow the literature's definitions, so that figures can be
// compared with published ones.
package backtest

import "math"

// Scores sums up forecasts of one series. The zero Scores has seen nothing.
// Missing values are not counted.
type Scores struct {
	n                           float64
	abs, err, actual, symmetric float64
	pinball, below, scaled      float64
}

// Expectation is a forecast for one instant: the median and an upper quantile.
type Expectation struct {
	Median float64
	Upper  float64
}

// Add scores one forecast. Level is the one of Upper, in (0, 1); scale is the
// in-sample mean absolute error of the seasonal naive forecast, for MASE.
func (s *Scores) Add(actual float64, e Expectation, level, scale float64) {
	if math.IsNaN(actual) || math.IsNaN(e.Median) {
		return
	}
	miss := actual - e.Median
	s.n++
	s.abs += math.Abs(miss)
	s.err += miss
	s.actual += actual
	if scale > 0 {
		s.scaled += math.Abs(miss) / scale
	}
	if sum := math.Abs(actual) + math.Abs(e.Median); sum > 0 {
		s.symmetric += 200 * math.Abs(miss) / sum
	}
	s.pinball += Pinball(actual, e.Upper, level)
	if actual <= e.Upper {
		s.below++
	}
}

// Merge adds what another has seen.
func (s *Scores) Merge(o Scores) {
	s.n += o.n
	s.abs += o.abs
	s.err += o.err
	s.actual += o.actual
	s.symmetric += o.symmetric
	s.pinball += o.pinball
	s.below += o.below
	s.scaled += o.scaled
}

// N returns the number of forecasts scored.
func (s Scores) N() int { return int(s.n) }

// WAPE is Σ|y−ŷ| / Σy.
func (s Scores) WAPE() float64 { return s.abs / s.actual }

// Bias is Σ(y−ŷ) / Σy: positive when forecasts are too low.
func (s Scores) Bias() float64 { return s.err / s.actual }

// MASE is the mean of |y−ŷ| / scale (Hyndman and Koehler, International Journal
// of Forecasting 22 (2006), section 3).
func (s Scores) MASE() float64 { return s.scaled / s.n }

// SMAPE is the mean of 200·|y−ŷ| / (|y|+|ŷ|), in percent, as the M4 competition
// defines it.
func (s Scores) SMAPE() float64 { return s.symmetric / s.n }

// MeanPinball is the mean pinball loss of the upper quantile over the mean of
// the actual values.
func (s Scores) MeanPinball() float64 { return s.pinball / s.actual }

// Coverage is the share of values at or below the upper quantile.
func (s Scores) Coverage() float64 { return s.below / s.n }

// Pinball is the loss of the quantile forecast q at a level p,
//
//	p·(y−q) if y ≥ q, else (1−p)·(q−y).
//
// Koenker and Bassett, Econometrica 46 (1978).
func Pinball(y, q, p float64) float64 {
	if y >= q {
		return p * (y - q)
	}
	return (1 - p) * (q - y)
}

// Interval is a central prediction interval.
type Interval struct{ Low, High float64 }

// Contains reports whether y is inside, borders included.
func (i Interval) Contains(y float64) bool { return y >= i.Low && y <= i.High }

// Score is the interval score at the significance level α = 1 − coverage,
//
//	(u−l) + 2/α·(l−y)⁺ + 2/α·(y−u)⁺,
//
// whose mean over the seasonal naive scale is MSIS. Gneiting and Raftery, Journal
// of the American Statistical Association 102 (2007), section 6.2.
func (i Interval) Score(y, alpha float64) float64 {
	return i.High - i.Low + 2/alpha*(max(i.Low-y, 0)+max(y-i.High, 0))
}

// SeasonalScale is the mean absolute difference of values one period apart, the
// denominator of MASE and MSIS; NaN when no two are known.
func SeasonalScale(values []float64, period int) float64 {
	sum, n := 0.0, 0.0
	for t := period; t < len(values); t++ {
		if d := math.Abs(values[t] - values[t-period]); !math.IsNaN(d) {
			sum += d
			n++
		}
	}
	return sum / n
}

// Origins returns the places in a series of n values from which forecasts of a
// horizon are made: the last one leaves just the horizon, each is every steps
// before the next, none is more than span before the end.
func Origins(n, horizon, every, span int) []int {
	var out []int
	for o := n - horizon; o >= n-span && o > 0; o -= every {
		out = append([]int{o}, out...)
	}
	return out
}
