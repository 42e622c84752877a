package arima

import "math"

// kalman is the Kalman filter of an ARIMA model in units of σ². The state is
// Harvey's r numbers of the stationary part followed by the last levels,
// newest first:
//
//	y(t)    = α₁(t) + Σ δⱼ·y(t−j)
//	αᵢ(t+1) = φᵢ·α₁(t) + αᵢ₊₁(t) + θᵢ₋₁·e(t+1),   θ₀ = 1
//
// It holds the covariance P; the means live in the columns that it moves, as
// one covariance serves a series and its regressors alike. P is known without
// work in two cases. Once len(δ) values in a row are known, so are the levels,
// and their part of P is zero. Once P has converged it is R·R' with R = θ,
// and the filter is the recursion e(t) = y(t) − ŷ(t) of an ARMA model.
//
// # References
//
// Gardner, Harvey and Phillips, Applied Statistics 29 (1980), algorithm AS 154.
// Harvey, Forecasting, Structural Time Series Models and the Kalman Filter,
// 1989, section 3.3 and 3.4.7 for missing values.
type kalman struct {
	phi, theta, delta []float64 // phi and theta of length r, θ₀ = 1
	lags              []int     // j where δⱼ₊₁ is not zero
	p, next           []float64 // covariance, r+len(δ) square, and its workspace
	gain              []float64
	f                 float64 // variance of the prediction error
	steps             int     // since the first known value
	known             int     // values in a row that were not missing
	steady            bool
}

const (
	// diffuse is the variance of a level that is missing at the start, and
	// ignored the least variance of an error that says nothing of the
	// likelihood; both as in R's arima.
	diffuse = 1e6
	ignored = 1e4
	// converged is the part of the trace of R·R' that P may exceed it by.
	converged = 1e-11
)

func newKalman(phi, theta, delta []float64) *kalman {
	m := len(phi) + len(delta)
	k := &kalman{phi: phi, theta: theta, delta: delta, p: make([]float64, m*m), next: make([]float64, m*m), gain: make([]float64, m)}
	for j, d := range delta {
		if d != 0 {
			k.lags = append(k.lags, j)
		}
	}
	k.stationary()
	return k
}

// stationary sets P to the covariance of the stationary part before any value
// is known. Its first row follows from the autocovariances γ and the weights ψ
// of e in the series, its other rows from P = T·P·T' + R·R'.
func (k *kalman) stationary() {
	r, m := len(k.phi), len(k.gain)
	gamma, psi := autocovariances(k.phi, k.theta)
	clear(k.p)
	for j := range r {
		sum := 0.0
		for i := j; i < r; i++ {
			sum += k.phi[i] * gamma[i-j+1]
			sum += k.theta[i] * psi[i-j]
		}
		k.p[j], k.p[j*m] = sum, sum
	}
	k.p[0] = gamma[0]
	for i := r - 1; i > 0; i-- {
		for j := i; j > 0; j-- {
			v := k.phi[i]*k.phi[j]*k.p[0] + k.theta[i]*k.theta[j]
			if j+1 < r {
				v += k.phi[i] * k.p[j+1]
			}
			if i+1 < r {
				v += k.phi[j]*k.p[i+1] + k.p[(i+1)*m+j+1]
			}
			k.p[i*m+j], k.p[j*m+i] = v, v
		}
	}
	k.settle()
}

// autocovariances returns γ(0) … γ(r) of a stationary ARMA model with σ² = 1
// and the weights ψ₀ … ψᵣ₋₁ of its moving average: those of the autoregression
// alone from its partial autocorrelations, filtered by θ on both sides.
func autocovariances(phi, theta []float64) (gamma, psi []float64) {
	r := len(phi)
	psi = make([]float64, r)
	for i := range r {
		psi[i] = theta[i]
		for j := range i {
			psi[i] += phi[j] * psi[i-1-j]
		}
	}
	partial := reflections(phi)
	pure := make([]float64, 2*r+1)
	pure[0] = 1
	for _, c := range partial {
		pure[0] /= 1 - c*c
	}
	variance, lower := pure[0], make([]float64, r)
	for i := 1; i < len(pure); i++ {
		order := min(i-1, r)
		for j := range order {
			pure[i] += lower[j] * pure[i-1-j]
		}
		if i <= r {
			pure[i] += partial[i-1] * variance
			variance *= 1 - partial[i-1]*partial[i-1]
			lower[i-1] = partial[i-1]
			for a, b := 0, i-2; a <= b; a, b = a+1, b-1 {
				lower[a], lower[b] = lower[a]-partial[i-1]*lower[b], lower[b]-partial[i-1]*lower[a]
			}
		}
	}
	gamma = make([]float64, r+1)
	for lag := 1 - r; lag < r; lag++ {
		size := max(lag, -lag)
		product := dot(theta[size:], theta[:r-size]) // autocovariance of θ alone
		for h := range gamma {
			gamma[h] += product * pure[max(h-lag, lag-h)]
		}
	}
	return gamma, psi
}

// active is the size of the part of P that is not known to be zero.
func (k *kalman) active() int {
	if k.known >= len(k.delta) {
		return len(k.phi)
	}
	return len(k.gain)
}

// times returns z'·x of a row of length r+len(δ): the part of it that is seen.
func (k *kalman) times(x []float64) float64 {
	sum, levels := x[0], x[len(k.phi):]
	for _, j := range k.lags {
		sum += k.delta[j] * levels[j]
	}
	return sum
}

// observe computes the gain and the variance of the next prediction error.
func (k *kalman) observe() {
	if k.steady {
		return
	}
	m, n := len(k.gain), k.active()
	for i := range n {
		if n < m {
			k.gain[i] = k.p[i*m]
		} else {
			k.gain[i] = k.times(k.p[i*m : (i+1)*m])
		}
	}
	clear(k.gain[n:])
	k.f = k.gain[0]
	if n == m {
		k.f = k.times(k.gain)
	}
}

// advance moves P to the next step, after observe and whether or not a value
// was there.
func (k *kalman) advance(observed bool) {
	k.steps++
	r, m := len(k.phi), len(k.gain)
	if k.steady && observed {
		k.known++
		return
	}
	if k.steady { // leave R·R'
		k.product(k.p)
		k.steady = false
	}
	if !observed && len(k.delta) > 0 {
		if k.known >= len(k.delta) { // the levels' part of P was not kept
			for i := range r {
				clear(k.p[i*m+r : (i+1)*m])
			}
			clear(k.p[r*m:])
		}
		k.known = 0
	}
	n := k.active()
	p := k.p
	if observed {
		for i := range n {
			g := k.gain[i] / k.f
			row := p[i*m : i*m+n]
			for j, h := range k.gain[:n] {
				row[j] -= g * h
			}
		}
		clear(k.gain)
		k.known++
		k.f = 0
	}
	k.transition(n)
	if k.known == len(k.delta) || k.known%len(k.phi) == 0 {
		k.settle()
	}
}

// transition sets P to T·P·T' + R·R' in its first n rows; the gain holds P·z
// and f holds z'·P·z.
func (k *kalman) transition(n int) {
	r, m := len(k.phi), len(k.gain)
	p, q := k.p, k.next
	for i := range r {
		ri, fi := k.theta[i], k.phi[i]
		for j := range i + 1 {
			v := fi*k.phi[j]*p[0] + ri*k.theta[j]
			if j+1 < r {
				v += fi * p[j+1]
			}
			if i+1 < r {
				v += k.phi[j]*p[i+1] + p[(i+1)*m+j+1]
			}
			q[i*m+j], q[j*m+i] = v, v
		}
	}
	for j := r; j < n; j++ {
		for i := range j + 1 {
			var v float64
			switch {
			case i < r:
				column := func(i int) float64 { return p[i*m+j-1] }
				if j == r {
					column = func(i int) float64 { return k.gain[i] }
				}
				v = k.phi[i] * column(0)
				if i+1 < r {
					v += column(i + 1)
				}
			case i > r:
				v = p[(i-1)*m+j-1]
			case j > r:
				v = k.gain[j-1]
			default:
				v = k.f
			}
			q[i*m+j], q[j*m+i] = v, v
		}
	}
	k.p, k.next = q, p
}

// settle looks whether P has converged. P − R·R' has no negative eigenvalue,
// so its trace bounds all of it.
func (k *kalman) settle() {
	if k.known < len(k.delta) {
		return
	}
	m := len(k.gain)
	trace, limit := 0.0, 0.0
	for i := range k.phi {
		w := k.theta[i] * k.theta[i]
		trace += k.p[i*m+i] - w
		limit += w
	}
	if trace > converged*limit || math.IsNaN(trace) {
		return
	}
	k.converge()
}

// converge takes R·R' for P.
func (k *kalman) converge() {
	k.steady, k.f = true, 1
	clear(k.gain)
	copy(k.gain, k.theta)
}

// product writes R·R' to p, which is square like P.
func (k *kalman) product(p []float64) {
	for i, x := range k.theta {
		for j, y := range k.theta {
			p[i*len(k.gain)+j] = x * y
		}
	}
}

// begin takes the value y of one of the first len(δ) steps into a column's
// levels; the column's model of the differences starts after them.
func (k *kalman) begin(a []float64, y float64, observed bool) {
	levels := a[len(k.phi):]
	if !observed {
		y = levels[0] // the best guess that there is
	}
	copy(levels[1:], levels)
	levels[0] = y
}

// beginCovariance is begin for P.
func (k *kalman) beginCovariance(observed bool) {
	r, m := len(k.phi), len(k.gain)
	for j := m - 1; j > r; j-- {
		k.p[j*m+j] = k.p[(j-1)*m+j-1]
	}
	k.p[r*m+r] = diffuse
	if observed {
		k.p[r*m+r] = 0
		k.known++
	} else {
		k.known = 0
	}
	k.steps++
	k.settle()
}

// move takes the value y into a column's state, after observe, and moves it to
// the next step; it returns the prediction error, 0 of a missing value.
func (k *kalman) move(a []float64, y float64, observed bool) (e float64) {
	r := len(k.phi)
	if observed {
		e = y - k.times(a)
		g := e / k.f
		for i, c := range k.gain[:len(a)] {
			a[i] += c * g
		}
	} else {
		y = k.times(a)
	}
	w := a[0]
	for i, c := range k.phi[:r-1] {
		a[i] = c*w + a[i+1]
	}
	a[r-1] = k.phi[r-1] * w
	if levels := a[r:]; len(levels) > 0 {
		copy(levels[1:], levels)
		levels[0] = y
	}
	return e
}

// innovations runs the steady filter over differenced values w, none of them
// missing, from the stationary part a of a state, and writes the errors to e.
func (k *kalman) innovations(a, w, e []float64) {
	r := len(k.phi)
	if r <= len(small{}) {
		k.innovationsSmall(a, w, e)
		return
	}
	phi, theta, a, e := k.phi, k.theta[1:r], a[:r], e[:len(w)]
	for t, x := range w {
		v := x - a[0]
		e[t] = v
		for i, c := range theta {
			a[i] = phi[i]*x + a[i+1] + c*v
		}
		a[r-1] = phi[r-1] * x
	}
}

// small holds every state without a season, p and q at most 5.
type small [6]float64

// innovationsSmall is innovations with a state that stays in registers.
func (k *kalman) innovationsSmall(a, w, e []float64) {
	var phi, theta, s small
	copy(phi[:], k.phi)
	copy(theta[:], k.theta[1:])
	copy(s[:], a[:len(k.phi)])
	s0, s1, s2, s3, s4, s5 := s[0], s[1], s[2], s[3], s[4], s[5]
	e = e[:len(w)]
	for t, x := range w {
		v := x - s0
		e[t] = v
		s0 = (phi[0]*x + s1) + theta[0]*v
		s1 = (phi[1]*x + s2) + theta[1]*v
		s2 = (phi[2]*x + s3) + theta[2]*v
		s3 = (phi[3]*x + s4) + theta[3]*v
		s4 = (phi[4]*x + s5) + theta[4]*v
		s5 = phi[5] * x
	}
	s = small{s0, s1, s2, s3, s4, s5}
	copy(a[:len(k.phi)], s[:])
}
