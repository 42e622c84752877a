package ets

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Options say how models are estimated. The zero value is useful.
type Options struct {
	// Candidates are what [Auto] chooses from; nil: [Candidates].
	Candidates []Spec
	// Evaluations bounds the runs over the series for one model; 0: 500. The
	// search mostly ends earlier by itself.
	Evaluations int
	// From is an earlier fit, perhaps of another model. The search starts from
	// its parameters alone, and 20 evaluations are mostly enough.
	From *Fitted
}

const (
	defaultEvaluations = 500
	longSeries         = 1000  // values above which initial seasons are not estimated
	exact              = 1e-14 // errors below this share of the largest value are rounding
)

// Candidates returns the models that R's ets chooses from: both errors, no
// trend, a trend and a damped one, and, for a period above 1, no season and both
// seasons; without the unstable additive error with multiplicative season.
func Candidates(period int) []Spec {
	var specs []Spec
	for _, season := range []Component{None, Additive, Multiplicative} {
		for _, e := range []Component{Additive, Multiplicative} {
			if season != None && period < 2 || season == Multiplicative && e == Additive {
				continue
			}
			specs = append(specs, Spec{Error: e, Season: season}, Spec{Error: e, Trend: Additive, Season: season},
				Spec{Error: e, Trend: Additive, Damped: true, Season: season})
		}
	}
	return specs
}

// Auto fits every candidate and returns the one with the least [Fitted.AICc].
// Candidates that cannot be fitted, such as multiplicative ones to a series with
// a zero, are left out; an error says why none could be, and wraps [ErrTooShort]
// when one was too short. What holds for empty, short, constant, NaN and
// negative input is said at [Fit]; of a constant series it is the smallest model.
//
// # References
//
// Hyndman et al. (2008), chapter 7.
func Auto(y []float64, period int, o Options) (*Fitted, error) {
	if err := checkPeriod(period); err != nil {
		return nil, err
	}
	specs := o.Candidates
	if specs == nil {
		specs = Candidates(period)
	}
	var best *Fitted
	var problems []error
	for _, s := range specs {
		f, err := Fit(y, period, s, o)
		if err != nil {
			problems = append(problems, err)
		} else if best == nil || f.AICc < best.AICc {
			best = f
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no candidate fits: %w", errors.Join(problems...))
	}
	return best, nil
}

// Fit estimates the parameters and the initial states of a model by maximum
// likelihood, that is by the least
//
//	n·log Σ r(t)² + 2·Σ log|μ(t)|,     r = e for additive errors, e/μ for multiplicative ones,
//
// the second sum for multiplicative errors only. It is n times the logarithm of
// Σ (g·r)² with g the geometric mean of |μ| or 1: a sum of squares, which
// Levenberg and Marquardt's method makes least. The bounds are R's, 1e−4 ≤ β ≤ α ≤ 0.9999, γ ≤ 1−α and
// 0.8 ≤ φ ≤ 0.98, and seasonal parameters are stable. One forecast of
// multiplicative errors that is not positive makes parameters impossible.
//
// Initial states start as in R from the mean or line through the first ten, or
// two seasons of, values, after a season of the classical decomposition, and are
// estimated with the parameters. The seasons of a series of more than 1000 values
// stay where they start; they count as parameters all the same.
//
// y is not modified. Empty and short series, with fewer known values than
// parameters + 2, are an error that wraps [ErrTooShort]. NaN is missing, and
// does not count. Constant series are forecast exactly. A value that is infinite
// or beyond 1e100, and one that is not positive for multiplicative errors, is an
// error that names its place; otherwise negative values need no care.
//
// # References
//
// Hyndman et al. (2008), section 2.6.1 for the initial states and chapter 5 for the
// likelihood.
func Fit(y []float64, period int, s Spec, o Options) (*Fitted, error) {
	if err := s.check(period); err != nil {
		return nil, err
	}
	p, err := newProblem(y, period, s)
	if err != nil {
		return nil, err
	}
	if least := p.count() + 2; p.known < least {
		return nil, fmt.Errorf("%s: %w: %d known values, needs %d", s, ErrTooShort, p.known, least)
	}
	p.start()
	budget := o.Evaluations
	if budget == 0 {
		budget = defaultEvaluations
	}
	x, ok := p.search(p.starts(o.From), budget)
	if !ok {
		return nil, fmt.Errorf("%s: no parameters give finite forecasts, positive ones for multiplicative errors", s)
	}
	return p.fitted(x), nil
}

// fitted returns the model with the variables, after the last value.
func (p *problem) fitted(x []float64) *Fitted {
	run := p.run(x, make([]float64, len(p.y)))
	f := &Fitted{Spec: p.spec, Parameters: p.parameters(x), Level: run.level*p.scale + p.shift, Trend: run.trend * p.scale}
	if p.spec.Season != None {
		f.Seasonal = append(f.Seasonal, p.seasonal[len(p.y):]...)
	}
	if p.spec.Season == Additive {
		floats.Scale(p.scale, f.Seasonal)
	}
	n, k := float64(p.known), float64(p.count())
	f.LogLikelihood = -n/2*math.Log(max(run.squares, p.floor)) - n*math.Log(p.scale)
	f.AICc = -2*f.LogLikelihood + 2*k + 2*k*(k+1)/(n-k-1)
	f.Sigma2 = run.squares / (run.mean * run.mean) / (n - k + 1)
	if p.spec.Error == Additive {
		f.Sigma2 *= p.scale * p.scale
	}
	return f
}

// problem is a series, shifted and scaled to the size of 1, and a model of it.
// Its variables are alpha, beta, gamma and phi, mapped to [0, 1], the initial
// level and trend, and for a season of a short series the initial seasons but
// the first, which their sum gives. Those that the model has not are not free.
type problem struct {
	spec         Spec
	period       int
	y            []float64 // (value − shift)/scale, from the first known one on
	known        int
	shift, scale float64
	floor        float64 // of the sum of squares
	free         []bool
	level, trend float64   // initial, to start from
	seasonal     []float64 // seasonal[t] is that of value t; nil without a season
}

// Places of the variables: first the parameters, then the states.
const (
	firstState  = 4
	firstSeason = 6
)

func newProblem(y []float64, period int, s Spec) (*problem, error) {
	p := &problem{spec: s, period: period}
	first, largest, size := -1, 0.0, 0.0
	for i, v := range y {
		switch {
		case math.IsNaN(v):
			continue
		case math.Abs(v) > largestValue:
			return nil, fmt.Errorf("%s: value %d is %v, must be finite and at most %g", s, i, v, largestValue)
		case v <= 0 && s.positive():
			return nil, fmt.Errorf("%s: value %d is %v, must be positive", s, i, v)
		}
		if first < 0 {
			first = i
			if !s.positive() {
				p.shift = v // small errors of a large level keep their digits
			}
		}
		p.known++
		size, largest = max(size, math.Abs(v)), max(largest, math.Abs(v-p.shift))
	}
	if first < 0 {
		first = len(y)
	}
	_, exponent := math.Frexp(largest)
	p.scale = math.Ldexp(1, exponent) // a power of two: no rounding
	p.y = make([]float64, len(y)-first)
	for i, v := range y[first:] {
		p.y[i] = (v - p.shift) / p.scale
	}
	least := max(exact*size/p.scale, 1e-150)
	p.floor = float64(p.known) * least * least
	trend, season := s.Trend != None, s.Season != None
	p.free = []bool{true, trend, season, s.Damped, true, trend}
	if season {
		p.seasonal = make([]float64, len(p.y)+period)
		if len(p.y) <= longSeries {
			p.free = append(p.free, slices.Repeat([]bool{true}, period-1)...)
		}
	}
	return p, nil
}

// count returns how many numbers are estimated: the free variables, the seasons
// that are not among them, and σ.
func (p *problem) count() int {
	n := 1
	for _, free := range p.free {
		if free {
			n++
		}
	}
	if p.spec.Season != None && len(p.free) == firstSeason {
		n += p.period - 1
	}
	return n
}

// starts returns points from which the search may start.
func (p *problem) starts(from *Fitted) [][]float64 {
	if from != nil {
		q := from.Parameters
		if q.Beta == 0 {
			q.Beta = q.Alpha / 10
		}
		if q.Gamma == 0 {
			q.Gamma = (1 - q.Alpha) / 20
		}
		if q.Phi == 1 {
			q.Phi = 0.97
		}
		x := p.variables(q)
		if !math.IsInf(p.squares(x, make([]float64, len(p.y))), 1) {
			return [][]float64{x}
		}
	}
	var xs [][]float64
	// Likelihoods often have one top with slow trends and one with fast ones.
	for _, share := range [][3]float64{{0.03, 0.1, 0.05}, {0.2, 0.1, 0.05}, {0.7, 0.1, 0.05}, {0.1, 0.1, 0.3}, {0.6, 0.9, 0.3}} {
		alpha := share[0]
		xs = append(xs, p.variables(Parameters{Alpha: alpha, Beta: alpha * share[1], Gamma: (1 - alpha) * share[2], Phi: 0.97}))
	}
	return xs
}

// variables returns a point near the parameters, not quite at a bound, with the
// initial states of [problem.start].
func (p *problem) variables(q Parameters) []float64 {
	const edge = 0.001
	unit := func(v, low, high float64) float64 {
		if u := (v - low) / (high - low); u > edge { // NaN is not
			return min(u, 1-edge)
		}
		return edge
	}
	x := make([]float64, len(p.free))
	x[0] = unit(q.Alpha, lowest, highest)
	alpha := p.parameters(x).Alpha
	x[1] = unit(q.Beta, lowest, alpha)
	x[2] = unit(q.Gamma, lowest, 1-alpha)
	x[3] = unit(q.Phi, dampedLow, dampedHigh)
	x[4], x[5] = p.level, p.trend
	if len(x) > firstSeason {
		copy(x[firstSeason:], p.seasonal[1:p.period])
	}
	return x
}

func (p *problem) parameters(x []float64) Parameters {
	q := Parameters{Alpha: lowest + x[0]*(highest-lowest), Phi: 1}
	if p.spec.Trend != None {
		q.Beta = lowest + x[1]*(q.Alpha-lowest)
	}
	if p.spec.Season != None {
		q.Gamma = lowest + x[2]*(1-q.Alpha-lowest)
	}
	if p.spec.Damped {
		q.Phi = dampedLow + x[3]*(dampedHigh-dampedLow)
	}
	return q
}

// initial returns the level and trend before the first value, and writes the
// seasons to the head of p.seasonal.
func (p *problem) initial(x []float64) (level, trend float64) {
	if seasons := x[firstSeason:]; len(seasons) > 0 {
		copy(p.seasonal[1:], seasons)
		p.seasonal[0] = -floats.Sum(seasons)
		if p.spec.Season == Multiplicative {
			p.seasonal[0] += float64(p.period)
		}
	}
	return x[4], x[5]
}

// A run is what one pass over the series ends with.
type run struct {
	squares      float64 // Σ (g·r)²; +Inf for impossible variables
	mean         float64 // g
	level, trend float64
}

// squares returns Σ (g·r)² of stable parameters, +Inf for others.
func (p *problem) squares(x, errs []float64) float64 {
	if p.spec.Season != None && !p.parameters(x).admissible(p.period) {
		return math.Inf(1)
	}
	return p.run(x, errs).squares
}

// run passes over the series and writes g·r to errs, 0 where a value is missing.
func (p *problem) run(x, errs []float64) run {
	q := p.parameters(x)
	level, trend := p.initial(x)
	if p.spec.Season != None {
		level, trend = p.seasonalErrors(q, level, trend, errs)
	} else {
		level, trend = plainErrors(q, level, trend, p.y, errs)
	}
	r := run{mean: 1, level: level, trend: trend}
	if p.spec.Error == Multiplicative && !p.relative(errs, &r.mean) {
		r.squares = math.Inf(1)
		return r
	}
	r.squares = floats.Dot(errs, errs)
	if !(r.squares <= math.MaxFloat64) {
		r.squares = math.Inf(1)
	}
	return r
}

// plainErrors is the recursion without a season. It carries the forecast μ = q
// and the trend c = φ·b that it contains, written so that one step waits for few
// operations of the one before:
//
//	μ ← (1−α−φβ)·μ + (α+φβ)·y + φ·c,   c ← φ·c + φβ·(y − μ)
func plainErrors(p Parameters, level, trend float64, y, errs []float64) (float64, float64) {
	phi, kb := p.Phi, p.Phi*p.Beta
	k := p.Alpha + kb
	keep := 1 - k
	c := phi * trend
	mu := level + c
	errs = errs[:len(y)]
	for t, v := range y {
		e := v - mu
		if e != e {
			errs[t] = 0
			c *= phi
			mu += c
			continue
		}
		errs[t] = e
		mu, c = keep*mu+(k*v+phi*c), (phi*c+kb*v)-kb*mu
	}
	return mu - c, c / phi
}

func (p *problem) seasonalErrors(q Parameters, level, trend float64, errs []float64) (float64, float64) {
	season := p.seasonal
	for t, y := range p.y {
		s := season[t]
		mu := level + q.Phi*trend
		if p.spec.Season == Multiplicative {
			mu *= s
		} else {
			mu += s
		}
		errs[t] = 0
		if y == y {
			errs[t] = y - mu
		}
		level, trend, season[t+p.period] = q.step(p.spec.Season, level, trend, s, y)
	}
	return level, trend
}

// relative turns the errors into g·e/μ and reports whether each μ is positive.
func (p *problem) relative(errs []float64, g *float64) bool {
	sum, product := 0.0, 1.0
	for t, y := range p.y {
		if y != y {
			continue
		}
		mu := y - errs[t]
		if !(mu > 0) {
			return false
		}
		errs[t] /= mu
		product *= mu
		if product < 1e-100 || product > 1e100 { // one logarithm for many values
			sum += math.Log(product)
			product = 1
		}
	}
	*g = math.Exp((sum + math.Log(product)) / float64(p.known))
	for t := range errs {
		errs[t] *= *g
	}
	return true
}
