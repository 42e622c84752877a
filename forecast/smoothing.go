package forecast

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/optimize"
)

// Smoothing is exponential smoothing with a damped trend, any number of
// additive seasons that follow the local wall clock, and a first-order
// autoregressive residual, in error-correction form:
//
//	r(t)  = y(t) − (ℓ + φb + Σ sᵢ(t))            what level, trend and seasons miss
//	e(t)  = r(t) − ρ·r(t−1)                       one-step error
//	ℓ ← ℓ + φb + αe,  b ← φb + βe,  sᵢ(t) ← sᵢ(t) + γᵢe
//	ŷ(t+h) = ℓ + (φ + … + φʰ)·b + Σ sᵢ(t+h) + ρʰ·r(t)
//
// With no season it is the damped trend method, with a day and a week it is
// Taylor's double seasonal method. α, β, φ, γᵢ and ρ minimise the mean absolute
// error over several horizons, which is the maximum likelihood of Laplace
// errors at those horizons: fitted one step ahead only, the seasons follow
// noise. Level and seasons start from the means of the first two weeks.
//
// Less than two of the longest period is too short; missing values move the
// trend on and teach nothing; a constant series is forecast exactly; negative
// values need no care, forecasts may be negative.
//
// # References
//
// Gardner and McKenzie, Management Science 31 (1985), damped trend. Taylor,
// European Journal of Operational Research 204 (2010), section 2.2, which has
// no trend and estimates one step ahead.
func Smoothing(name string, periods ...time.Duration) Model {
	return smoothing{name: name, periods: periods}
}

type smoothing struct {
	name    string
	periods []time.Duration
}

func (m smoothing) Name() string { return m.name }

// parameters of a smoothing model; see [Smoothing].
type parameters struct {
	alpha, beta, phi, rho float64
	gamma                 [2]float64
}

// decode maps any point of the optimiser's space into the ranges allowed.
func decode(x []float64) parameters {
	unit := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	p := parameters{alpha: unit(x[0]), phi: 0.8 + 0.19*unit(x[2]), rho: 0.99 * unit(x[3])}
	p.beta = p.alpha * 0.3 * unit(x[1])
	for i, v := range x[4:] {
		p.gamma[i] = 0.5 * unit(v)
	}
	return p
}

const (
	evaluations = 90 // of the loss while a model is fitted
	fitWeeks    = 4  // of the series that parameters are estimated on
)

func (m smoothing) Fit(s Series) (Fitted, error) {
	longest := 2 * time.Hour
	for _, p := range m.periods {
		longest = max(longest, 2*p)
	}
	if n := s.known(); time.Duration(n)*s.Step < longest*3/4 || time.Duration(s.Len())*s.Step < longest || n < 8 {
		return nil, fmt.Errorf("%s: %w: %d values of %s, needs %s", m.name, ErrTooShort, n, s.Step, longest)
	}
	s = s.From(s.End().Add(-fitWeeks * week))
	start := m.start(s)
	loss := func(x []float64) float64 { return start.restart().loss(s, decode(x)) }
	x0 := []float64{-2, -3, 0, 0, -3, -3}[:4+len(m.periods)]
	best := x0
	// Any end of the search leaves a usable point: the best one seen.
	if r, err := optimize.Minimize(optimize.Problem{Func: loss}, x0, &optimize.Settings{FuncEvaluations: evaluations}, &optimize.NelderMead{}); r != nil && (err == nil || r.X != nil) {
		best = r.X
	}
	f := start.restart()
	f.parameters = decode(best)
	for _, y := range s.Values {
		f.Update(y)
	}
	if math.IsNaN(f.level) || math.IsInf(f.level, 0) {
		return nil, fmt.Errorf("%s: the level is %v after the fit", m.name, f.level)
	}
	return f, nil
}

// start returns the state before the first value, from means of the first two
// weeks: the level, then for each season what the longer-known parts leave.
func (m smoothing) start(s Series) *fittedSmoothing {
	f := &fittedSmoothing{clock: newClock(s.Start, s.Step), periods: m.periods}
	head := s.Values[:min(s.Len(), int(2*week/s.Step))]
	rest := append([]float64(nil), head...)
	if len(m.periods) == 0 {
		head = head[:min(len(head), 24)]
	}
	f.level = meanKnown(head)
	for i := range rest {
		rest[i] -= f.level
	}
	for _, period := range m.periods {
		sum, count := make([]float64, period/s.Step), make([]float64, period/s.Step)
		at := s.Start.Unix()
		slot := make([]int, len(rest))
		for i, r := range rest {
			slot[i] = f.clock.slot(at+int64(i)*f.clock.step, period)
			if !math.IsNaN(r) {
				sum[slot[i]] += r
				count[slot[i]]++
			}
		}
		for j := range sum {
			sum[j] /= max(count[j], 1)
		}
		for i := range rest {
			rest[i] -= sum[slot[i]]
		}
		f.seasons = append(f.seasons, sum)
	}
	return f
}

func meanKnown(xs []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range xs {
		if !math.IsNaN(x) {
			n++
			sum += (x - sum) / n // a running mean does not overflow
		}
	}
	return sum
}

type fittedSmoothing struct {
	parameters
	clock    clock
	periods  []time.Duration
	seasons  [][]float64
	level    float64
	trend    float64
	residual float64 // r(t)
}

// restart returns a copy that shares nothing.
func (f *fittedSmoothing) restart() *fittedSmoothing {
	c := *f
	c.seasons = make([][]float64, len(f.seasons))
	for i, s := range f.seasons {
		c.seasons[i] = append([]float64(nil), s...)
	}
	return &c
}

func (f *fittedSmoothing) Update(y float64) {
	base := f.level + f.phi*f.trend
	f.trend *= f.phi
	if math.IsNaN(y) {
		f.level = base
		f.residual *= f.rho
		f.clock.next += f.clock.step
		return
	}
	var slots [2]int
	expected := base
	for i, period := range f.periods {
		slots[i] = f.clock.slot(f.clock.next, period)
		expected += f.seasons[i][slots[i]]
	}
	r := y - expected
	e := r - f.rho*f.residual
	f.level = base + f.alpha*e
	f.trend += f.beta * e
	f.residual = r - f.alpha*e
	for i := range f.periods {
		f.seasons[i][slots[i]] += f.gamma[i] * e
		f.residual -= f.gamma[i] * e
	}
	f.clock.next += f.clock.step
}

func (f *fittedSmoothing) Predict(path []float64) {
	level, trend, residual := f.level, f.trend, f.residual
	at := f.clock.next
	for k := range path {
		trend *= f.phi
		level += trend
		residual *= f.rho
		path[k] = level + residual
		for i, period := range f.periods {
			path[k] += f.seasons[i][f.clock.slot(at, period)]
		}
		at += f.clock.step
	}
}

// loss returns the mean absolute error of forecasts from every hour to several
// horizons up to two hours, after a burn-in of a tenth of the series.
func (f *fittedSmoothing) loss(s Series, p parameters) float64 {
	f.parameters = p
	every := max(1, int(time.Hour/s.Step))
	reach := max(1, int(2*time.Hour/s.Step))
	horizons := [...]int{1, max(1, reach/4), max(1, reach/2), reach}
	path := make([]float64, reach)
	sum, n := 0.0, 0
	for i, y := range s.Values {
		f.Update(y)
		if i < s.Len()/10 || i%every != 0 {
			continue
		}
		f.Predict(path)
		for _, h := range horizons {
			if i+h < s.Len() && !math.IsNaN(s.Values[i+h]) {
				sum += math.Abs(s.Values[i+h] - path[h-1])
				n++
			}
		}
	}
	if n == 0 || math.IsNaN(sum) {
		return math.MaxFloat64
	}
	return sum / float64(n)
}
