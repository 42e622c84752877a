package arima

import (
	"fmt"
	"math"
)

// State is all that a fitted model needs to go on: what it has learned and
// where it is. It is plain data, to be saved as it is and given to [Restore].
// All of its numbers are finite.
type State struct {
	Model        Model
	Coefficients Coefficients
	Sigma2       float64 // σ² by maximum likelihood: the sum of squares over n
	Steps        int     // since the first known value
	Known        int     // values in a row that were not missing
	// Mean is what is expected of the state of the filter at the next step, and
	// Covariance its square covariance in units of σ²; nil once that has
	// converged.
	Mean, Covariance []float64
}

// Fitted is a model that follows a series. It is not safe for concurrent use.
type Fitted struct {
	Model        Model
	Coefficients Coefficients
	Sigma2       float64 // σ² by maximum likelihood: the sum of squares over n
	LogLik       float64 // logarithm of the likelihood; +Inf when σ² is 0
	AICc         float64 // −2·LogLik + 2k + 2k(k+1)/(n−k−1), k parameters with σ²; +Inf when n ≤ k+1
	N            int     // n, the known values less the differences

	filter *kalman
	mean   []float64
	work   []float64
}

// newFitted returns the model before its first value.
func newFitted(m Model, c Coefficients) (*Fitted, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	for _, part := range m.parts(&c) {
		if len(*part.c) != part.order {
			return nil, fmt.Errorf("arima %v: %d coefficients where %d belong", m, len(*part.c), part.order)
		}
	}
	phi, theta := m.expand(c)
	if !outside(phi, 1) {
		return nil, fmt.Errorf("arima %v: autoregression %v %v is not stationary", m, c.AR, c.SeasonalAR)
	}
	k := newKalman(phi, theta, m.differencing())
	return &Fitted{Model: m, Coefficients: c, filter: k, mean: make([]float64, len(k.gain)), work: make([]float64, len(phi))}, nil
}

// regression is c·g(t) + x'β.
func (f *Fitted) regression(t int, x []float64) float64 {
	sum := 0.0
	if f.Model.Constant {
		sum = f.Coefficients.Constant * f.Model.constant(t)
	}
	for j, b := range f.Coefficients.Beta {
		sum += b * x[j]
	}
	return sum
}

// Update learns the next value, by a step of the Kalman filter; coefficients
// and σ² stay. It is O(p+q+d) when no value was missing lately, and does not
// allocate. A missing value (NaN or infinite) moves time on. Of a model with
// regressors it learns nothing: that is what [Fitted.UpdateWith] is for.
func (f *Fitted) Update(y float64) {
	f.UpdateWith(y, nil)
}

// UpdateWith is [Fitted.Update] for a model with regressors, whose next row is
// x. With a row of another length than β, y counts as missing.
func (f *Fitted) UpdateWith(y float64, x []float64) {
	k := f.filter
	if len(x) == len(f.Coefficients.Beta) {
		y -= f.regression(k.steps, x)
	} else {
		y = math.NaN()
	}
	observed := !missing(y)
	switch {
	case k.steps == 0 && !observed: // nothing is known before the first value
	case k.steps < len(k.delta):
		k.begin(f.mean, y, observed)
		k.beginCovariance(observed)
	default:
		k.observe()
		k.move(f.mean, y, observed)
		k.advance(observed)
	}
}

// Predict fills path with the expected values of the next len(path) steps,
//
//	ŷ(t+h) = c·g(t+h) + ŵ(t+h) + Σ δⱼ·ŷ(t+h−j)
//
// where ŵ is the forecast of the differenced series and δ undoes the
// differences. It does not allocate. Before the first value it is the mean.
// A model with regressors answers NaN: see [Fitted.PredictWith].
func (f *Fitted) Predict(path []float64) {
	f.PredictWith(path, nil)
}

// PredictWith is [Fitted.Predict] for a model with regressors, whose next rows
// are xs. Steps without a row of β's length are NaN.
func (f *Fitted) PredictWith(path []float64, xs [][]float64) {
	k := f.filter
	r := len(k.phi)
	a := f.work
	copy(a, f.mean)
	for h := range path {
		w := a[0]
		path[h] = w
		for i, c := range k.phi[:r-1] {
			a[i] = c*w + a[i+1]
		}
		a[r-1] = k.phi[r-1] * w
	}
	k.integrate(path, f.mean[r:])
	for h := range path {
		var x []float64
		if h < len(xs) {
			x = xs[h]
		}
		if len(x) != len(f.Coefficients.Beta) {
			path[h] = math.NaN()
			continue
		}
		path[h] += f.regression(k.steps+h, x)
	}
}

// integrate undoes the differences of a path after the levels, newest first.
func (k *kalman) integrate(path, levels []float64) {
	for h, y := range path {
		for _, j := range k.lags {
			if j < h {
				y += k.delta[j] * path[h-1-j]
			} else {
				y += k.delta[j] * levels[j-h]
			}
		}
		path[h] = y
	}
}

// Variances fills path with the variances of the errors of [Fitted.Predict]:
//
//	Var(y(t+h) − ŷ(t+h)) = σ²·z'·P(t+h)·z,   P(t+1) = T·P(t)·T' + R·R'
//
// which is σ²·(1 + ψ₁² + … + ψ²ₕ₋₁) once the filter has converged. That the
// coefficients are estimates is not in it. With a value missing before the
// first d+mD known ones, it is as large as that ignorance.
func (f *Fitted) Variances(path []float64) {
	k := newKalman(f.filter.phi, f.filter.theta, f.filter.delta)
	k.p, k.known, k.steps = f.filter.covariance(), 0, f.filter.steps
	for h := range path {
		k.observe()
		path[h] = f.Sigma2 * max(k.f, 1) // it is less by rounding only
		k.advance(false)
	}
}

// covariance returns a copy of P with all of its parts.
func (k *kalman) covariance() []float64 {
	r, m := len(k.phi), len(k.gain)
	p := make([]float64, m*m)
	switch {
	case k.steady:
		k.product(p)
	case k.active() == r:
		for i := range r {
			copy(p[i*m:i*m+r], k.p[i*m:i*m+r])
		}
	default:
		copy(p, k.p)
	}
	return p
}

// State returns a copy of the state.
func (f *Fitted) State() State {
	s := State{Model: f.Model, Coefficients: f.Coefficients.clone(), Sigma2: f.Sigma2, Steps: f.filter.steps, Known: f.filter.known}
	s.Mean = append(s.Mean, f.mean...)
	if !f.filter.steady {
		s.Covariance = f.filter.covariance()
	}
	return s
}

func (c Coefficients) clone() Coefficients {
	for _, p := range []*[]float64{&c.AR, &c.MA, &c.SeasonalAR, &c.SeasonalMA, &c.Beta} {
		*p = append([]float64(nil), *p...)
	}
	return c
}

// Restore returns the model that goes on from a state, of which it keeps
// nothing; its LogLik, AICc and N are 0. A state that no [Fitted] has, with
// slices of other lengths or an autoregression that is not stationary, is an
// error.
func Restore(s State) (*Fitted, error) {
	f, err := newFitted(s.Model, s.Coefficients.clone())
	if err != nil {
		return nil, err
	}
	k := f.filter
	if len(s.Mean) != len(f.mean) || s.Covariance != nil && len(s.Covariance) != len(k.p) || s.Steps < 0 || s.Known < 0 || s.Covariance == nil && s.Known < len(k.delta) {
		return nil, fmt.Errorf("arima %v: the state is of another model", s.Model)
	}
	f.Sigma2, k.steps, k.known = s.Sigma2, s.Steps, s.Known
	copy(f.mean, s.Mean)
	k.steady = false
	if s.Covariance != nil {
		copy(k.p, s.Covariance)
		return f, nil
	}
	k.converge()
	return f, nil
}
