package arima

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/optimize"
)

// FitOptions are what [Fit] may be given besides the series. The zero value is
// no regressors, a cold start and as many evaluations as it takes, within a
// bound.
type FitOptions struct {
	// Regressors holds a row x(t) of equal length for each value of the series.
	Regressors [][]float64
	// Start are coefficients to begin from, such as those of the last fit; its
	// Constant and Beta are not needed. Ones that do not fit the model, or are
	// not stationary, are ignored.
	Start *Coefficients
	// Evaluations bounds, to a factor of two, those of each of the two
	// likelihoods, conditional and exact; 0 is 100 and 50 more for each coefficient.
	Evaluations int
}

// Fit estimates a model by exact Gaussian maximum likelihood:
//
//	max over φ, θ, Φ, Θ of  −n/2·(log 2πσ̂² + 1) − Σ log F(t)/2,   σ̂² = Σ v(t)²/F(t) / n
//
// v(t) are the one-step errors of the Kalman filter and σ²F(t) their variances.
// The constant and β are the generalized least squares estimates at each point.
// The search runs in the partial autocorrelations' inverse hyperbolic tangents,
// of the moving average as of the autoregression, whose own are at most 0.9999;
// so the model is stationary, and invertible but for rounding at the border. It begins at the minimum of the conditional sum of
// squares, unless it is given a start. With differences the likelihood is that
// of the differenced series; R's arima, whose diffuse prior has a variance of
// 1e6, comes within 0.01 of its logarithm.
//
// A missing value (NaN or infinite) is skipped by the filter, which is exact
// with differences too. Missing values at the start say nothing and are
// dropped; of others among the first d+mD the prior is diffuse. A series with
// fewer known values after differencing than coefficients, or none, gives an error that wraps [ErrTooShort]; regressors that are not
// independent, not finite or not as many as the values give one too. A series
// that constant and regressors explain entirely has σ² = 0 and zero
// coefficients. Negative values need no care; ones whose squares overflow are
// an error.
//
// # References
//
// Gardner, Harvey and Phillips, Applied Statistics 29 (1980). Jones,
// Technometrics 22 (1980), for the transformation and missing values. Durbin
// and Koopman, Time Series Analysis by State Space Methods, 2nd ed., section
// 7.3. Harvey and Pierse, JASA 79 (1984), for missing values with differences.
func Fit(y []float64, m Model, o FitOptions) (*Fitted, error) {
	s, err := newSample(y, m, o.Regressors)
	if err != nil {
		return nil, err
	}
	c, err := s.estimate(o, exactly)
	if err != nil {
		return nil, err
	}
	return s.fitted(c)
}

// Filter returns the model with given coefficients after it has followed y: an
// exact likelihood and forecasts without estimation of anything but σ², which
// is that of [Fit]. Constant and Beta are used as they are.
//
// It treats y as [Fit] does. Coefficients whose number is not the model's, or
// whose autoregression is not stationary, give an error.
func Filter(y []float64, m Model, c Coefficients, regressors [][]float64) (*Fitted, error) {
	f, err := newFitted(m, c)
	if err != nil {
		return nil, err
	}
	if regressors == nil && len(c.Beta) > 0 || regressors != nil && len(regressors) != len(y) {
		return nil, fmt.Errorf("arima %v: %d rows of regressors for %d values", m, len(regressors), len(y))
	}
	rest := make([]float64, len(y))
	steps := 0 // since the first known value
	for t, v := range y {
		var row []float64
		if regressors != nil {
			row = regressors[t]
		}
		if len(row) != len(c.Beta) {
			return nil, fmt.Errorf("arima %v: row %d of the regressors is not %d values", m, t, len(c.Beta))
		}
		rest[t] = v - f.regression(steps, row)
		if steps > 0 || !missing(rest[t]) {
			steps++
		}
		f.UpdateWith(v, row)
	}
	plain := m
	plain.Constant = false
	s, err := newSample(rest, plain, nil)
	if err != nil {
		return nil, err
	}
	if err := f.judge(s); err != nil {
		return nil, err
	}
	return f, nil
}

// judge sets σ², the likelihood and AICc.
func (f *Fitted) judge(s *sample) error {
	half, sigma2, terms := s.exact(f.Coefficients)
	n := float64(terms)
	f.Sigma2, f.N = sigma2, terms
	f.LogLik = -n / 2 * (2*half + 1 + math.Log(2*math.Pi))
	if missing(sigma2) {
		return fmt.Errorf("arima %v: the variance is %v: values or regressors are too large", f.Model, sigma2)
	}
	k := float64(f.Model.arma() + len(f.Coefficients.Beta) + 1)
	if f.Model.Constant {
		k++
	}
	f.AICc = -2*f.LogLik + 2*k
	if n-k-1 > 0 {
		f.AICc += 2 * k * (k + 1) / (n - k - 1)
	} else {
		f.AICc = math.Inf(1)
	}
	return nil
}

// fitted runs the model over its sample and returns it.
func (s *sample) fitted(c Coefficients) (*Fitted, error) {
	s.exact(c)
	beta := append([]float64(nil), s.beta...)
	if s.model.Constant {
		c.Constant, beta = beta[0], beta[1:]
	}
	if len(beta) > 0 {
		c.Beta = beta
	}
	f, err := newFitted(s.model, c)
	if err != nil {
		return nil, err
	}
	if err := f.judge(s); err != nil {
		return nil, err
	}
	columns := s.levels[:len(s.levels)-1]
	if s.model.Constant {
		columns = columns[1:]
	}
	row := make([]float64, len(columns))
	for t, v := range s.levels[len(s.levels)-1] {
		for j, column := range columns {
			row[j] = column[t]
		}
		f.UpdateWith(v, row)
	}
	return f, nil
}

// likelihood says which one is maximized.
type likelihood int

const (
	exactly       likelihood = iota // [sample.exact], from the end of the other
	conditionally                   // [sample.conditional]
)

// estimate returns the most likely coefficients but for constant and β.
func (s *sample) estimate(o FitOptions, by likelihood) (Coefficients, error) {
	m := s.model
	z := make([]float64, m.arma())
	zero := m.decode(z)
	_, sigma2, terms := s.exact(zero)
	if missing(sigma2) {
		return zero, fmt.Errorf("arima %v: the regressors are not independent, or values too large", m)
	}
	y := s.levels[len(s.levels)-1]
	const rounding = 1e-24 // of the mean square: nothing is left to explain
	square := 0.0
	for t, v := range y {
		if !s.missing[t] {
			square += v * v
		}
	}
	if len(z) == 0 || sigma2*float64(terms) <= rounding*square {
		return zero, nil
	}
	evaluations := o.Evaluations
	if evaluations <= 0 {
		evaluations = 100 + 50*len(z)
	}
	start, ok := m.encode(o.Start)
	if ok {
		z = start
	}
	if !ok || by == conditionally {
		z = minimize(func(z []float64) float64 { half, _, _ := s.conditional(m.decode(z)); return half }, z, evaluations)
	}
	if by == exactly {
		z = minimize(func(z []float64) float64 { half, _, _ := s.exact(m.decode(z)); return half }, z, evaluations)
	}
	return m.decode(z), nil
}

// minimize returns the best point that quasi-Newton steps find from z, or from
// zero where z has no value.
func minimize(f func([]float64) float64, z []float64, evaluations int) []float64 {
	const step = 1e-6 // of the forward differences
	if missing(f(z)) {
		z = make([]float64, len(z))
	}
	best, least := append([]float64(nil), z...), math.Inf(1)
	at := func(z []float64) float64 {
		v := f(z)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 1e10
		}
		if v < least {
			least = v
			copy(best, z)
		}
		return v
	}
	moved := make([]float64, len(z))
	problem := optimize.Problem{Func: at, Grad: func(gradient, z []float64) {
		copy(moved, z)
		base := at(z)
		for i := range z {
			moved[i] = z[i] + step
			gradient[i] = (at(moved) - base) / step
			moved[i] = z[i]
		}
	}}
	settings := &optimize.Settings{
		GradientThreshold: 1e-6,
		FuncEvaluations:   evaluations,
		GradEvaluations:   max(1, evaluations/(len(z)+1)),
		Converger:         &optimize.FunctionConverge{Absolute: 1e-10, Iterations: 2},
	}
	// Any end of the search leaves a usable point: the best one seen.
	_, _ = optimize.Minimize(problem, z, settings, &optimize.BFGS{})
	return best
}

// decode maps any point of the optimizer's space to a stationary and
// invertible model.
func (m Model) decode(z []float64) Coefficients {
	var c Coefficients
	for _, part := range m.parts(&c) {
		if part.order == 0 {
			continue
		}
		out := make([]float64, part.order)
		for i := range out {
			out[i] = part.sign * part.bound * math.Tanh(z[i])
		}
		z = z[part.order:]
		fromReflections(out)
		for i := range out {
			out[i] *= part.sign
		}
		*part.c = out
	}
	return c
}

// encode is the inverse of decode; false for nil or coefficients that the
// model cannot have.
func (m Model) encode(c *Coefficients) (z []float64, ok bool) {
	if c == nil {
		return nil, false
	}
	const bound = 0.9999 // of the tangent; beyond it the gradient is lost
	for _, part := range m.parts(c) {
		if len(*part.c) != part.order {
			return nil, false
		}
		signed := append([]float64(nil), *part.c...)
		for i := range signed {
			signed[i] *= part.sign
		}
		for _, r := range reflections(signed) {
			if math.IsNaN(r) {
				return nil, false
			}
			z = append(z, math.Atanh(min(max(part.sign*r/part.bound, -bound), bound)))
		}
	}
	return z, true
}

// part is one polynomial: sign is that of its coefficients in 1 − c₁B − …, and
// bound is of its partial autocorrelations. Nearer to 1 the variance of an
// autoregression is so large that rounding errors of it are not small beside 1.
type part struct {
	c           *[]float64
	order       int
	sign, bound float64
}

func (m Model) parts(c *Coefficients) [4]part {
	return [4]part{
		{&c.AR, m.Order.P, 1, 0.9999}, {&c.MA, m.Order.Q, -1, 1},
		{&c.SeasonalAR, m.Season.P, 1, 0.9999}, {&c.SeasonalMA, m.Season.Q, -1, 1},
	}
}
