package arima

import (
	"fmt"
	"math"
)

// sample is what a likelihood is computed from. Its columns are the
// regressors, the one of the constant first, and then the series, from the
// first known value on.
type sample struct {
	model   Model
	delta   []float64
	levels  [][]float64 // columns of length n
	w       [][]float64 // differenced columns of length n−len(delta), NaN where the series' is missing
	missing []bool
	used    int         // known values less the differences
	errors  [][]float64 // workspace, standardized prediction errors of each column
	states  [][]float64 // workspace
	beta    []float64
}

func newSample(y []float64, m Model, regressors [][]float64) (*sample, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if regressors != nil && len(regressors) != len(y) {
		return nil, fmt.Errorf("arima %v: %d rows of regressors for %d values", m, len(regressors), len(y))
	}
	start := 0
	for start < len(y) && missing(y[start]) {
		start++
	}
	n := len(y) - start
	s := &sample{model: m, delta: m.differencing(), missing: make([]bool, n)}
	if m.Constant {
		s.levels = append(s.levels, make([]float64, n))
		for t := range n {
			s.levels[0][t] = m.constant(t)
		}
	}
	width := 0
	if len(regressors) > 0 {
		width = len(regressors[0])
	}
	for j := range width {
		column := make([]float64, n)
		for t, row := range regressors[start:] {
			if len(row) != width || missing(row[j]) {
				return nil, fmt.Errorf("arima %v: row %d of the regressors is not %d known values", m, start+t, width)
			}
			column[t] = row[j]
		}
		s.levels = append(s.levels, column)
	}
	s.levels = append(s.levels, y[start:])
	s.used = -m.lost()
	for t, v := range y[start:] {
		s.missing[t] = missing(v)
		if !s.missing[t] {
			s.used++
		}
	}
	if free := m.arma() + len(s.levels) - 1; s.used < max(free, 1) {
		return nil, fmt.Errorf("arima %v: %w: %d known values after differencing for %d coefficients", m, ErrTooShort, max(s.used, 0), free)
	}
	s.difference(n)
	return s, nil
}

// constant is g(t) of [Model].
func (m Model) constant(t int) float64 {
	if m.Order.D+m.Season.D == 0 {
		return 1
	}
	return float64(t)
}

func (s *sample) difference(n int) {
	lost := len(s.delta)
	last := len(s.levels) - 1
	s.w, s.errors, s.states = make([][]float64, last+1), make([][]float64, last+1), make([][]float64, last+1)
	s.beta = make([]float64, last)
	for c := last; c >= 0; c-- {
		s.w[c], s.errors[c] = make([]float64, n-lost), make([]float64, n-lost)
		for t := range s.w[c] {
			v := s.levels[c][t+lost]
			for j, d := range s.delta {
				if d != 0 {
					v -= d * s.levels[c][t+lost-1-j]
				}
			}
			if missing(s.w[last][t]) {
				v = math.NaN()
			}
			s.w[c][t] = v
		}
	}
}

// exact returns the concentrated likelihood of the coefficients and sets beta:
//
//	L = (log σ̂² + Σ log F(t)/n)/2,   σ̂² = Σ v(t)²/F(t) / n
//
// where v and F are the prediction errors and their variances in units of σ²,
// and the log-likelihood is −n·(2L + 1 + log 2π)/2. β is the generalized least
// squares estimate given the coefficients, which is the maximum likelihood one:
// the filter is linear, so the errors of y − Xβ are those of y less those of X
// times β. It also returns σ̂² and the number n of terms.
func (s *sample) exact(c Coefficients) (half, sigma2 float64, terms int) {
	phi, theta := s.model.expand(c)
	k := newKalman(phi, theta, s.delta)
	for i := range s.states {
		s.states[i] = make([]float64, len(k.gain))
	}
	lost, n := len(s.delta), len(s.missing)
	logs := 0.0
	stale := false
	for t := 0; t < n; {
		observed := !s.missing[t]
		if t < lost {
			for c, a := range s.states {
				k.begin(a, s.levels[c][t], observed)
			}
			k.beginCovariance(observed)
			t++
			continue
		}
		if k.steady && observed {
			end := t + 1
			for end < n && !s.missing[end] {
				end++
			}
			for c, a := range s.states {
				k.innovations(a, s.w[c][t-lost:end-lost], s.errors[c][terms:])
			}
			terms += end - t
			t, stale = end, true
			continue
		}
		if stale {
			for c, a := range s.states {
				for j := range s.delta {
					a[len(phi)+j] = s.levels[c][t-1-j]
				}
			}
			stale = false
		}
		k.observe()
		counts := observed && k.f < ignored
		for c, a := range s.states {
			e := k.move(a, s.levels[c][t], observed)
			if counts {
				s.errors[c][terms] = e / math.Sqrt(k.f)
			}
		}
		if counts {
			logs += math.Log(k.f)
			terms++
		}
		k.advance(observed)
		t++
	}
	squares := s.regress(terms)
	sigma2 = squares / float64(terms)
	return (math.Log(sigma2) + logs/float64(terms)) / 2, sigma2, terms
}

// conditional returns the conditional sum of squares' version of [exact]: what
// is before the series is expected to be 0, and the first p + mP errors are
// left out. Like that one it is NaN of what is not stationary.
func (s *sample) conditional(c Coefficients) (half, sigma2 float64, terms int) {
	phi, theta := s.model.expand(c)
	if !outside(phi, 1) {
		return math.NaN(), math.NaN(), 0
	}
	k := &kalman{phi: phi, theta: theta}
	skip := s.model.Order.P + s.model.Season.P*s.model.Season.Period
	last := len(s.w) - 1
	known := s.w[last]
	for i := range s.states {
		s.states[i] = make([]float64, len(phi))
	}
	for t := 0; t < len(known); {
		end := t + 1
		if t < skip || missing(known[t]) {
			for c, a := range s.states {
				x := s.w[c][t]
				if missing(x) {
					x = a[0]
				}
				for i := range a[1:] {
					a[i] = phi[i]*x + a[i+1]
				}
				a[len(a)-1] = phi[len(a)-1] * x
			}
			t = end
			continue
		}
		for end < len(known) && !missing(known[end]) {
			end++
		}
		for c, a := range s.states {
			k.innovations(a, s.w[c][t:end], s.errors[c][terms:])
		}
		terms += end - t
		t = end
	}
	sigma2 = s.regress(terms) / float64(terms)
	return math.Log(sigma2) / 2, sigma2, terms
}

// regress sets beta to the least squares coefficients of the series' errors on
// the regressors' and returns the sum of squares that is left; NaN when the
// regressors are not independent. It is modified Gram-Schmidt, in place.
func (s *sample) regress(terms int) float64 {
	const dependent = 1e-10 // of a column's length is left beside the others
	last := len(s.errors) - 1
	triangle, lengths := make([][]float64, last), make([]float64, last)
	for i := range last {
		lengths[i] = dot(s.errors[i][:terms], s.errors[i][:terms])
	}
	for i := range last {
		x := s.errors[i][:terms]
		length := dot(x, x)
		if !(length > dependent*dependent*lengths[i]) {
			return math.NaN()
		}
		triangle[i] = make([]float64, last+1)
		for j := i; j <= last; j++ {
			z := s.errors[j][:terms]
			f := dot(x, z) / length
			triangle[i][j] = f
			if j == i {
				continue
			}
			for t, v := range x {
				z[t] -= f * v
			}
		}
	}
	for i := last - 1; i >= 0; i-- {
		s.beta[i] = triangle[i][last]
		for j := i + 1; j < last; j++ {
			s.beta[i] -= triangle[i][j] * s.beta[j]
		}
	}
	y := s.errors[last][:terms]
	return dot(y, y)
}

func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var s0, s1 float64
	i := 0
	for ; i+1 < len(x); i += 2 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
	}
	if i < len(x) {
		s0 += x[i] * y[i]
	}
	return s0 + s1
}
