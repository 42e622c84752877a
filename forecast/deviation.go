package forecast

import (
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"

	"github.com/scaling-adapter/scaling-adapter/forecast/arima"
)

// deviation is a level that moves by a share of each error, and an
// autoregression around it:
//
//	d(t) = r(t) − ℓ(t−1),   ℓ(t) = ℓ(t−1) + g·d(t)
//	d(t) = Σᵢ φᵢ·d(t−i) + e(t),   i = 1 … p
//	r̂(t+h) = ℓ(t) + d̂(t+h)
//
// The autoregression tells how the last deviations die away; the level adopts a
// lasting shift within its half-life. φ is estimated by Burg's method, which
// always gives a stationary process, with p chosen by AIC. A missing deviation
// is taken to be what was expected.
type deviation struct {
	level, gain float64
	phi         []float64 // φ_p … φ₁
	recent      []float64 // the last p deviations, oldest first
}

// fitDeviation estimates the process on r, of which missing values are NaN and
// count as the level. The level starts from the mean; with a half-life of 0 it
// stays there. Too few or constant values give a process that expects the level.
func fitDeviation(r []float64, step, halfLife time.Duration) *deviation {
	f := &deviation{level: meanKnown(r)}
	if halfLife > 0 {
		f.gain = 1 - math.Exp2(-float64(step)/float64(halfLife))
	}
	d := make([]float64, len(r))
	for i, x := range r {
		d[i] = zeroIfNaN(x - f.level)
		f.level += f.gain * d[i]
	}
	f.phi, _ = arima.Burg(d, maxOrder(step))
	slices.Reverse(f.phi)
	f.recent = slices.Clone(d[len(d)-len(f.phi):])
	return f
}

// maxOrder is the longest memory of an autoregression: about two hours of short
// steps, and more than a day of an hour's.
func maxOrder(step time.Duration) int {
	if step >= 30*time.Minute {
		return 50
	}
	return 25
}

func (f *deviation) update(r float64) {
	d := r - f.level
	if math.IsNaN(d) {
		d = floats.Dot(f.phi, f.recent)
	} else {
		f.level += f.gain * d
	}
	if n := len(f.recent); n > 0 {
		copy(f.recent, f.recent[1:])
		f.recent[n-1] = d
	}
}

func (f *deviation) predict(path []float64) {
	p := len(f.phi)
	for k := range path {
		ahead := path[max(k-p, 0):k]
		known := f.phi[:p-len(ahead)]
		path[k] = floats.Dot(known, f.recent[p-len(known):]) + floats.Dot(f.phi[len(known):], ahead)
	}
	floats.AddConst(f.level, path)
}

func (f *deviation) base() float64 { return f.level }

func (f *deviation) visit(c *codec) {
	c.float(&f.level, &f.gain)
	c.floats(&f.phi)
	c.floats(&f.recent)
}
