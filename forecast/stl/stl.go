// Package stl splits a series into seasons, a trend and a remainder with STL,
// the seasonal-trend decomposition by loess, and MSTL, which is STL in turns
// for several seasons. The results are those of stl in R and of mstl in its
// package forecast.
//
// It does not fill missing values, transform values or choose periods; callers
// do. It is pure: values in, values out.
package stl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Errors that callers tell apart; bad options are neither.
var (
	// ErrTooShort is wrapped by errors about series not longer than two periods.
	ErrTooShort = errors.New("series too short")
	// ErrValue is wrapped by errors about NaN, infinite and huge values.
	ErrValue = errors.New("value cannot be decomposed")
)

// Degree is that of the polynomials which loess fits locally.
type Degree int

// Degrees of local polynomials.
const (
	DefaultDegree Degree = iota // Constant for seasons, Linear for all else
	Constant
	Linear
)

// Loess says how a curve is smoothed. What is zero gets the default.
type Loess struct {
	Window int    // values that an estimate comes from, odd
	Degree Degree // of the local polynomial
	Jump   int    // distance of estimates, with straight lines between them; default: ⌈Window/10⌉
}

// Options of [Decompose]. What is zero gets the default.
type Options struct {
	// Period is the length of the season, at least 2.
	Period int
	// Seasonal smooths the values at one place of the season over the periods.
	// Its Window is at least 7, or 0 for a season that never changes.
	Seasonal Loess
	// Trend smooths what has no season. Its Window is at least 3; default: the
	// next odd number from 1.5·Period/(1−1.5/Seasonal.Window) on.
	Trend Loess
	// LowPass takes the trend out of the season. Its Window is at least 3;
	// default: the next odd number from Period on. Its default Degree is the
	// trend's.
	LowPass Loess
	// Inner is how often season and trend are estimated in turns; default: 2,
	// or 1 when it is robust.
	Inner int
	// Outer is how often that is done again with robustness weights. R's
	// robust=TRUE is 15.
	Outer int
}

// Decomposition is the answer of [Decompose]: slices of the series' length.
type Decomposition struct {
	Seasonal, Trend, Remainder []float64 // their sum is the series
	Weights                    []float64 // robustness of each value, 0 to 1; all are 1 when Outer is 0
}

// Decompose splits the series y into a season, a trend and a remainder:
//
//	y(t) = S(t) + T(t) + R(t)
//
// Each of the inner turns starts from the trend T (0 at first) and does
//
//	C ← loess of y − T over the periods, apart for each place of the season
//	L ← loess of the averages of C over Period, Period and 3 values
//	S ← C − L
//	T ← loess of y − S
//
// Each of the outer turns weights the values by ρ(t) = (1 − (R(t)/6m)²)², or 0
// when |R(t)| ≥ 6m, with m the median of |R|, and does the inner turns again.
// A season that never changes has a window of 10·len(y)+1, and S is replaced
// by its mean at each place of the season in the end.
//
// A series that is empty or not longer than two periods gives an error wrapping
// [ErrTooShort]; one with NaN, infinite values or values beyond ±1e300 gives
// one wrapping [ErrValue], with the first place of such a value. A constant
// series is all trend. The series is not modified.
//
// # References
//
// Cleveland, Cleveland, McRae and Terpenning, STL: A Seasonal-Trend
// Decomposition Procedure Based on Loess, Journal of Official Statistics 6
// (1990), section 2. What the paper leaves open is as in the authors'
// code, which R runs. For even lengths that may weight by a wrong median, as it
// asks its partial sort for descending ranks; ours is the median.
func Decompose(y []float64, o Options) (Decomposition, error) {
	if err := check(y); err != nil {
		return Decomposition{}, err
	}
	d, err := newDecomposer(len(y), o)
	if err != nil {
		return Decomposition{}, err
	}
	n := len(y)
	r := Decomposition{make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)}
	d.decompose(r, y, newWorkspace(n, o.Period))
	return r, nil
}

// largest magnitude of a value, so that sums over windows do not overflow.
const largest = 1e300

func check(y []float64) error {
	for i, v := range y {
		if math.IsNaN(v) || math.Abs(v) > largest {
			return fmt.Errorf("stl: y[%d]: %w: %g", i, ErrValue, v)
		}
	}
	return nil
}

// withDefaults returns the options for n values with nothing left to default.
func (o Options) withDefaults(n int) (Options, error) {
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf("stl: "+format, args...)) }
	if o.Period < 2 {
		complain("Period: %d is not at least 2", o.Period)
	} else if o.Period > (n-1)/2 {
		complain("Period: %w: %d values are not more than two periods of %d", ErrTooShort, n, o.Period)
	}
	if o.Inner < 0 || o.Outer < 0 {
		complain("Inner, Outer: %d, %d are not both at least 0", o.Inner, o.Outer)
	}
	for _, f := range []struct {
		name  string
		least int
		Loess
	}{{"Seasonal", 7, o.Seasonal}, {"Trend", 3, o.Trend}, {"LowPass", 3, o.LowPass}} {
		if f.Window != 0 && (f.Window < f.least || f.Window%2 == 0) {
			complain("%s.Window: %d is not odd and at least %d", f.name, f.Window, f.least)
		}
		if f.Degree < DefaultDegree || f.Degree > Linear {
			complain("%s.Degree: %d is not DefaultDegree, Constant or Linear", f.name, f.Degree)
		}
		if f.Jump < 0 {
			complain("%s.Jump: %d is not at least 0", f.name, f.Jump)
		}
	}
	if errs != nil {
		return o, errors.Join(errs...)
	}
	if o.Seasonal.Window == 0 {
		o.Seasonal.Window, o.Seasonal.Degree = 10*n+1, Constant
	}
	if o.Trend.Window == 0 {
		o.Trend.Window = int(math.Ceil(1.5*float64(o.Period)/(1-1.5/float64(o.Seasonal.Window)))) | 1
	}
	o.LowPass.Window = cmp.Or(o.LowPass.Window, o.Period|1)
	o.Seasonal.Degree = cmp.Or(o.Seasonal.Degree, Constant)
	o.Trend.Degree = cmp.Or(o.Trend.Degree, Linear)
	o.LowPass.Degree = cmp.Or(o.LowPass.Degree, o.Trend.Degree)
	for _, l := range []*Loess{&o.Seasonal, &o.Trend, &o.LowPass} {
		l.Jump = cmp.Or(l.Jump, (l.Window-1)/10+1)
	}
	if o.Inner == 0 {
		o.Inner = 2 - min(o.Outer, 1)
	}
	return o, nil
}

// decomposer is what the decompositions of series of one length share.
type decomposer struct {
	period, inner, outer int
	periodic             bool
	seasonal             [2]*smoother // of places with one more value, and of the others
	more                 int          // places with one more value
	lowPass, trend       *smoother
	values, weights, out []float64 // of one place
}

func newDecomposer(n int, given Options) (*decomposer, error) {
	o, err := given.withDefaults(n)
	if err != nil {
		return nil, err
	}
	return &decomposer{
		period: o.Period, inner: o.Inner, outer: o.Outer, periodic: given.Seasonal.Window == 0,
		seasonal: [2]*smoother{newSmoother(o.Seasonal, n/o.Period+1, 1), newSmoother(o.Seasonal, n/o.Period, 1)},
		more:     n % o.Period,
		lowPass:  newSmoother(o.LowPass, n, 0),
		trend:    newSmoother(o.Trend, n, 0),
		values:   make([]float64, n/o.Period+1),
		weights:  make([]float64, n/o.Period+1),
		out:      make([]float64, n/o.Period+3),
	}, nil
}

// workspace is memory for decompositions up to a length and a period.
type workspace struct {
	rest   []float64 // the series without a part of it
	cycles []float64 // seasons, from one period before the series to one after it
	low    []float64 // what is slow in cycles
}

func newWorkspace(n, period int) workspace {
	return workspace{make([]float64, n), make([]float64, n+2*period), make([]float64, n+2*period)}
}

// decompose fills r; see [Decompose].
func (d *decomposer) decompose(r Decomposition, y []float64, w workspace) {
	clear(r.Trend)
	var robustness []float64
	for turn := range d.outer + 1 {
		for range d.inner {
			d.turn(r, y, robustness, w)
		}
		if turn < d.outer {
			robustness = r.Weights
			for i, v := range y {
				r.Remainder[i] = math.Abs(v - (r.Trend[i] + r.Seasonal[i]))
			}
			bisquare(robustness, r.Remainder, w.rest)
		}
	}
	if d.outer == 0 {
		for i := range r.Weights {
			r.Weights[i] = 1
		}
	}
	if d.periodic {
		level(r.Seasonal, d.period)
	}
	for i, v := range y {
		r.Remainder[i] = v - r.Seasonal[i] - r.Trend[i]
	}
}

// turn estimates the season with the trend given, then the trend.
func (d *decomposer) turn(r Decomposition, y, robustness []float64, w workspace) {
	n := len(y)
	floats.SubTo(w.rest, y, r.Trend)
	cycles := w.cycles[:n+2*d.period]
	d.smoothCycles(cycles, w.rest, robustness)
	low := w.low[:len(cycles)]
	copy(low, cycles)
	low = average(average(average(low, d.period), d.period), 3)
	d.lowPass.smooth(w.rest, low, nil)
	floats.SubTo(r.Seasonal, cycles[d.period:d.period+n], w.rest)
	floats.SubTo(w.rest, y, r.Seasonal)
	d.trend.smooth(r.Trend, w.rest, robustness)
}

// smoothCycles smooths each place of the season over the periods.
func (d *decomposer) smoothCycles(out, y, robustness []float64) {
	if robustness == nil {
		d.seasonal[0].smoothColumns(out, y, d.more, d.period)
		d.seasonal[1].smoothColumns(out[d.more:], y[d.more:], d.period-d.more, d.period)
		return
	}
	for place := range d.period {
		s := d.seasonal[0]
		if place >= d.more {
			s = d.seasonal[1]
		}
		for i := range s.n {
			d.values[i], d.weights[i] = y[place+i*d.period], robustness[place+i*d.period]
		}
		s.smooth(d.out, d.values, d.weights)
		for i, v := range d.out[:s.n+2] {
			out[place+i*d.period] = v
		}
	}
}

// bisquare writes to weights those of residuals with the given magnitudes.
func bisquare(weights, magnitudes, scratch []float64) {
	n := copy(scratch, magnitudes)
	slices.Sort(scratch)
	scale := 3 * (scratch[n/2] + scratch[n-n/2-1]) // six medians
	for i, r := range magnitudes {
		switch {
		case r <= 0.001*scale:
			weights[i] = 1
		case r <= 0.999*scale:
			u := r / scale
			weights[i] = (1 - u*u) * (1 - u*u)
		default:
			weights[i] = 0
		}
	}
}

// level replaces values by their means at each place of the period.
func level(values []float64, period int) {
	means := values[:period]
	for i := period; i < len(values); i++ {
		means[i%period] += values[i]
	}
	for place := range means {
		means[place] /= float64((len(values)-place-1)/period + 1)
	}
	for i := period; i < len(values); i++ {
		values[i] = means[i%period]
	}
}
