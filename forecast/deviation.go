package forecast

import (
	"math"
	"time"

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
	phi         []float64 // φ₁ … φ_p
	recent      []float64 // the last p deviations, newest first
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
	f.recent = make([]float64, len(f.phi))
	for i := range f.recent {
		f.recent[i] = d[len(d)-1-i]
	}
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
		d = 0
		for i, phi := range f.phi {
			d += phi * f.recent[i]
		}
	} else {
		f.level += f.gain * d
	}
	if len(f.recent) > 0 {
		copy(f.recent[1:], f.recent)
		f.recent[0] = d
	}
}

func (f *deviation) predict(path []float64) {
	p := len(f.phi)
	for k := range path {
		sum := 0.0
		for i := range min(k, p) {
			sum += f.phi[i] * path[k-1-i]
		}
		for i := k; i < p; i++ {
			sum += f.phi[i] * f.recent[i-k]
		}
		path[k] = sum
	}
	for k := range path {
		path[k] += f.level
	}
}

func (f *deviation) base() float64 { return f.level }

func (f *deviation) visit(c *codec) {
	c.float(&f.level, &f.gain)
	c.floats(&f.phi)
	c.floats(&f.recent)
}
