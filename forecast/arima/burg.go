package arima

import "math"

// Burg fits an autoregression to x by Burg's method:
//
//	x(t) = φ₁x(t−1) + … + φₚx(t−p) + e(t),   Var e = σ²
//	φₖₖ = 2·Σ f(t)·b(t−1) / Σ (f(t)² + b(t−1)²)
//	σ²ₖ = σ²ₖ₋₁·(1 − φₖₖ²)
//
// where f and b are the forward and backward errors of order k−1. The order p
// is the one with the least AIC, n·log σ²ₚ + 2p, among 0 … min(maxOrder, n−1).
// It returns φ₁ … φₚ and σ². The roots of the polynomial are never inside the
// unit circle. x holds deviations from their mean; taking them is the caller's
// business. It is not modified, and work is O(n·maxOrder).
//
// Fewer than two values, only zeros, and a maxOrder below 1 give no
// coefficients and the mean square, 0 for no values. So does a NaN, an infinite
// value or one whose square overflows: then σ² is not finite. Orders that would
// fit rounding errors only, of a series that is predicted exactly, are not
// tried. A constant other than zero has no mean taken out and is followed by a
// coefficient near 1. Negative values need no care.
//
// # References
//
// Percival and Walden, Spectral Analysis for Physical Applications, 1993,
// section 9.5; R's ar.burg with its default var.method.
func Burg(x []float64, maxOrder int) (coefficients []float64, sigma2 float64) {
	n := len(x)
	energy := 0.0
	for _, v := range x {
		energy += v * v
	}
	sigma2 = energy / float64(max(n, 1))
	if n < 2 || maxOrder < 1 || energy == 0 || math.IsNaN(energy-energy) {
		return nil, sigma2
	}
	maxOrder = min(maxOrder, n-1)
	work := make([]float64, 2*n+2*maxOrder)
	f, b, phi, last := work[:n], work[n:2*n], work[2*n:2*n+maxOrder], work[2*n+maxOrder:]
	copy(f, x)
	copy(b, x)
	const rounding = 1e-24 // of the energy: what is left is no signal
	variance, reflection := sigma2, 0.0
	best := float64(n) * math.Log(sigma2)
	for k := 1; k <= maxOrder; k++ {
		// b(t−k+1) of the errors of order k−1 is at b[t−k+1]: nothing moves.
		cross, power := burgPass(f[k-1:], b[:n-k+1], reflection)
		if power <= rounding*energy {
			break
		}
		reflection = min(max(2*cross/power, -1), 1)
		variance *= 1 - reflection*reflection
		copy(last, phi[:k-1])
		for j := range k - 1 {
			phi[j] -= reflection * last[k-2-j]
		}
		phi[k-1] = reflection
		if aic := float64(n)*math.Log(variance) + 2*float64(k); aic < best {
			best, sigma2 = aic, variance
			coefficients = append(coefficients[:0], phi[:k]...)
		}
		if variance <= rounding*energy/float64(n) {
			break
		}
	}
	return coefficients, sigma2
}

// burgPass gives f and b, which are of one length and not empty, the errors of
// the next order, f − φb and b − φf, and returns the sums of f[i]·b[i−1] and of
// f[i]² + b[i−1]² over them. Blocks of four, and two sums of each, keep the
// additions from waiting for one another.
func burgPass(f, b []float64, reflection float64) (cross, power float64) {
	before := b[0] - reflection*f[0]
	f[0], b[0] = f[0]-reflection*b[0], before
	f, b = f[1:], b[1:len(f)]
	var cross2, power2 float64
	for len(f) >= 4 && len(b) >= 4 {
		u, v := (*[4]float64)(f), (*[4]float64)(b)
		f0, b0 := u[0]-reflection*v[0], v[0]-reflection*u[0]
		f1, b1 := u[1]-reflection*v[1], v[1]-reflection*u[1]
		f2, b2 := u[2]-reflection*v[2], v[2]-reflection*u[2]
		f3, b3 := u[3]-reflection*v[3], v[3]-reflection*u[3]
		u[0], u[1], u[2], u[3] = f0, f1, f2, f3
		v[0], v[1], v[2], v[3] = b0, b1, b2, b3
		cross += f0*before + f2*b1
		cross2 += f1*b0 + f3*b2
		power += (f0*f0 + before*before) + (f2*f2 + b1*b1)
		power2 += (f1*f1 + b0*b0) + (f3*f3 + b2*b2)
		before = b3
		f, b = f[4:], b[4:]
	}
	for i, x := range f {
		y := b[i]
		f[i], b[i] = x-reflection*y, y-reflection*x
		cross += f[i] * before
		power += f[i]*f[i] + before*before
		before = b[i]
	}
	return cross + cross2, power + power2
}
