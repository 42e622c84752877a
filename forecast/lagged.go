package forecast

import (
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// lagged is an autoregression on the last values and on those around the same
// time of the days and the weeks before:
//
//	z(t) − μ = c + Σ_l φ_l·(z(t−l) − μ) + e(t),   μ the mean
//
// The lags l are one to three steps; a day, and a third of an hour to either side of
// it; two days, and a step more; and, from sixteen days on, a week, a third of an
// hour to either side of it, and two weeks. All are counted on the local wall
// clock. φ minimises Σ λ^age·e² + ρ·|φ|², with λ such that three weeks halve a
// weight and ρ a small ridge. What lies further ahead is forecast from what was
// forecast before it, within four times the largest deviation from μ. Where
// patterns of fixed shape tell how a day usually goes, this one tells how today
// goes on from how yesterday did.
//
// Less than three days is too short; a missing value counts as that of the week
// or the day before in the series, and as what was expected after it; a constant
// series is forecast exactly; negative values need no care. Holidays are days
// like others.
//
// # References
//
// Box and Jenkins, Time Series Analysis: Forecasting and Control (1970), chapter
// 9, for lags of seasons. Taylor and McSharry, IEEE Transactions on Power Systems
// 22 (2007), 2213–2219, compare such models on loads with two seasons.
type lagged struct{ name string }

const (
	lastSteps   = 3
	besideLag   = 20 * time.Minute
	weeklyAfter = 16 // days
	laggedRidge = 1e-4
)

func (m lagged) Name() string { return m.name }

func (m lagged) empty(at clock) stored { return &fittedLagged{clock: at} }

func (m lagged) Fit(s Series) (Fitted, error) {
	perDay := int(day / s.Step)
	if s.Len() < 3*perDay || s.known() < perDay || perDay < 4*lastSteps {
		return nil, fmt.Errorf("%s: %w: %d values of %s, needs three days of at least %d", m.name, ErrTooShort, s.known(), s.Step, 4*lastSteps)
	}
	s.Holidays = nil
	z, _ := s.civil()
	z = slices.Clone(filled(z, perDay))
	f := &fittedLagged{clock: s.clock(s.End()), lags: lagsOf(len(z), s.Step), mean: meanKnown(z)}
	floats.AddConst(-f.mean, z)
	f.bound = 4 * max(floats.Max(z), -floats.Min(z))
	if err := f.estimate(z, math.Exp2(-float64(s.Step)/float64(forgetAfter))); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	f.end = f.place(s.End().Add(-s.Step).Unix()) + 1
	f.recent = newFixedPoint(f.longest(), f.bound)
	for l := 1; l <= f.longest(); l++ {
		f.set(l, z[len(z)-l])
	}
	return f, nil
}

// lagsOf returns the lags for a series of n values, ascending.
func lagsOf(n int, step time.Duration) []int {
	perDay, beside := int(day/step), max(1, int(besideLag/step))
	lags := []int{perDay - beside, perDay, perDay + beside}
	if n >= 6*perDay {
		lags = append(lags, 2*perDay, 2*perDay+1)
	}
	if n >= weeklyAfter*perDay {
		lags = append(lags, 7*perDay-beside, 7*perDay, 7*perDay+beside, 14*perDay)
	}
	for l := 1; l <= lastSteps; l++ {
		lags = append(lags, l)
	}
	slices.Sort(lags)
	return lags
}

type fittedLagged struct {
	clock    clock
	lags     []int     // in steps, ascending
	phi      []float64 // of the lags
	constant float64
	mean     float64
	bound    float64    // of a forecast's deviation from the mean
	end      int        // the place after that of the last value
	recent   fixedPoint // the last deviations from the mean, each at its place modulo their number
}

// place numbers the steps of the local wall clock.
func (f *fittedLagged) place(unix int64) int { return int(f.clock.local(unix) / f.clock.step) }

func (f *fittedLagged) longest() int { return f.lags[len(f.lags)-1] }

// index returns where in recent the place of l steps before the end is.
func (f *fittedLagged) index(l int) int {
	n := len(f.recent.units)
	return ((f.end-l)%n + n) % n
}

func (f *fittedLagged) back(l int) float64 { return f.recent.at(f.index(l)) }

func (f *fittedLagged) set(l int, deviation float64) { f.recent.set(f.index(l), deviation) }

// estimate finds the constant and φ from the deviations z.
func (f *fittedLagged) estimate(z []float64, decay float64) error {
	f.phi = make([]float64, len(f.lags))
	if f.bound == 0 { // a constant series
		return nil
	}
	size := len(f.lags) + 1
	normal, right := make([]float64, size*size), make([]float64, size)
	x := make([]float64, size)
	x[0] = 1
	weight := 1.0
	for t := len(z) - 1; t >= f.longest(); t-- {
		for i, l := range f.lags {
			x[i+1] = z[t-l] / f.bound
		}
		for i, xi := range x {
			wx := weight * xi
			right[i] += wx * z[t] / f.bound
			row := normal[i*size : i*size+i+1]
			for j := range row {
				row[j] += wx * x[j]
			}
		}
		weight *= decay
	}
	a := mat.NewSymDense(size, nil)
	squares := 0.0
	for i := range size {
		for j := range i + 1 {
			a.SetSym(i, j, normal[i*size+j])
		}
		if i > 0 {
			squares += a.At(i, i)
		}
	}
	for i := 1; i < size; i++ {
		a.SetSym(i, i, a.At(i, i)+laggedRidge*squares/float64(len(f.lags)))
	}
	var factor mat.Cholesky
	if !factor.Factorize(a) {
		return fmt.Errorf("%w: the lags cannot be told apart", ErrTooShort)
	}
	solution := mat.NewVecDense(size, nil)
	if err := factor.SolveVecTo(solution, mat.NewVecDense(size, right)); err != nil {
		return err
	}
	f.constant = f.bound * solution.AtVec(0)
	copy(f.phi, solution.RawVector().Data[1:])
	return nil
}

func (f *fittedLagged) Update(z float64) {
	behind := f.end - f.place(f.clock.next) // not 0 when the clocks have changed
	for ; behind < 0; behind++ {
		f.learn(f.expected())
	}
	v := z - f.mean
	switch {
	case behind > 0 && !math.IsNaN(v):
		f.set(behind, v)
	case behind > 0:
	case math.IsNaN(v):
		f.learn(f.expected())
	default:
		f.learn(v)
	}
	f.clock.next += f.clock.step
}

// expected returns the deviation of the next place.
func (f *fittedLagged) expected() float64 {
	v := f.constant
	for i, l := range f.lags {
		v += f.phi[i] * f.back(l)
	}
	return f.bounded(v)
}

func (f *fittedLagged) bounded(deviation float64) float64 {
	return min(max(deviation, -f.bound), f.bound)
}

func (f *fittedLagged) learn(deviation float64) {
	f.set(0, deviation)
	f.end++
}

// ahead fills path with the deviations of the next places.
func (f *fittedLagged) ahead(path []float64) {
	for k := range path {
		path[k] = f.constant
	}
	for i, l := range f.lags { // of what is known
		known := path[:min(l, len(path))]
		older := f.recent.units[f.index(l):]
		older = older[:min(len(older), len(known))]
		factor := f.phi[i] * f.recent.unit
		addScaled(known, factor, older)
		addScaled(known[len(older):], factor, f.recent.units[:len(known)-len(older)])
	}
	for k := range path { // of what is forecast
		v := path[k]
		for i, l := range f.lags {
			if l > k {
				break
			}
			v += f.phi[i] * path[k-l]
		}
		path[k] = f.bounded(v)
	}
}

// addScaled adds factor·xs to as many of the sums.
func addScaled(sums []float64, factor float64, xs []int16) {
	sums = sums[:len(xs)]
	for k, x := range xs {
		sums[k] += factor * float64(x)
	}
}

func (f *fittedLagged) Predict(path []float64) {
	if len(path) == 0 {
		return
	}
	place := func(k int) int { return f.place(f.clock.next+int64(k)*f.clock.step) - f.end }
	if last := len(path) - 1; place(0) == 0 && place(last) == last {
		f.ahead(path)
		floats.AddConst(f.mean, path)
		return
	}
	farthest := 0
	for k := range path {
		farthest = max(farthest, place(k))
	}
	places := make([]float64, farthest+1) // of the wall clock, some of which come twice or not at all
	f.ahead(places)
	for k := range path {
		path[k] = f.mean
		if p := place(k); p >= 0 {
			path[k] += places[p]
		} else {
			path[k] += f.back(-p)
		}
	}
}

// divide takes the mean for the level and the last week, or the last day, for the
// season.
func (f *fittedLagged) divide(level, season []float64) {
	period := int(int64(week/time.Second) / f.clock.step)
	if f.longest() < period {
		period /= 7
	}
	for k := range level {
		level[k] = f.mean
		at := f.place(f.clock.next+int64(k)*f.clock.step) - f.end
		season[k] = f.back(period - (at+period)%period)
	}
}

func (f *fittedLagged) visit(c *codec) {
	c.int64(&f.clock.next)
	c.ints(&f.lags)
	c.floats(&f.phi)
	c.float(&f.constant, &f.mean, &f.bound)
	c.int(&f.end)
	f.recent.visit(c)
}
