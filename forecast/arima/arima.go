// Package arima fits autoregressive integrated moving average models, chooses
// their orders, follows a series with them and forecasts it; [Burg] is the
// cheap autoregression for residuals. It is for short seasons, of at most
// [MaxPeriod] steps: a longer one is taken out of the series before.
//
// A missing value is NaN. An infinite one says no more and counts as missing.
//
// The package is pure: values in, values out, and no input is modified.
package arima

import (
	"errors"
	"fmt"
	"math"
)

// ErrTooShort is wrapped by the errors for series with fewer known values than
// a model has coefficients, or with none.
var ErrTooShort = errors.New("series is too short")

// MaxPeriod is the longest period that a [Season] may have, in steps.
const MaxPeriod = 24

// Order counts the autoregressive coefficients, differences and moving average
// coefficients of a model. The zero value is white noise.
type Order struct{ P, D, Q int }

// Season counts the same of the seasonal part, whose lags are multiples of
// Period steps. The zero value is no season.
type Season struct{ P, D, Q, Period int }

// Model is a seasonal ARIMA model, (p,d,q)(P,D,Q) of period m, of the errors η
// of a regression:
//
//	y(t) = c·g(t) + x(t)'β + η(t)
//	φ(B)·Φ(Bᵐ)·(1−B)ᵈ·(1−Bᵐ)ᴰ·η(t) = θ(B)·Θ(Bᵐ)·e(t),   Var e = σ²
//	φ(B) = 1 − φ₁B − … − φₚBᵖ,   θ(B) = 1 + θ₁B + … + θ_qB^q
//
// B is the lag operator. With Constant, g(t) = 1 and c is the mean when
// d+D = 0, and g(t) = t and c is the drift per step when d+D = 1; with more
// differences a model has no constant.
//
// # References
//
// Box and Jenkins, Time Series Analysis, 1970, chapter 9. Signs are R's.
type Model struct {
	Order    Order
	Season   Season
	Constant bool
}

// Coefficients are the parameters of a [Model] apart from σ². Nil is no
// coefficients.
type Coefficients struct {
	AR, MA                 []float64 // φ, θ
	SeasonalAR, SeasonalMA []float64 // Φ, Θ
	Constant               float64   // c, the mean or the drift per step
	Beta                   []float64 // β, one of each regressor
}

// check returns what is wrong with the model.
func (m Model) check() error {
	s := m.Season
	for _, n := range []int{m.Order.P, m.Order.D, m.Order.Q, s.P, s.D, s.Q, s.Period} {
		if n < 0 || n > 100 {
			return fmt.Errorf("arima %v: order %d is not in 0 to 100", m, n)
		}
	}
	switch {
	case s.Period > MaxPeriod:
		return fmt.Errorf("arima %v: period %d is more than %d: adjust the series seasonally first", m, s.Period, MaxPeriod)
	case s.Period < 2 && s.P+s.D+s.Q > 0:
		return fmt.Errorf("arima %v: a season needs a period of 2 or more", m)
	case m.Constant && m.Order.D+s.D > 1:
		return fmt.Errorf("arima %v: no constant with %d differences", m, m.Order.D+s.D)
	}
	return nil
}

// String returns the model in the usual notation, as in "(0,1,1)(0,1,1)[12]".
func (m Model) String() string {
	text := fmt.Sprintf("(%d,%d,%d)", m.Order.P, m.Order.D, m.Order.Q)
	if s := m.Season; s != (Season{}) {
		text += fmt.Sprintf("(%d,%d,%d)[%d]", s.P, s.D, s.Q, s.Period)
	}
	if m.Constant {
		text += "+constant"
	}
	return text
}

// arma is the number of coefficients of the polynomials.
func (m Model) arma() int { return m.Order.P + m.Order.Q + m.Season.P + m.Season.Q }

// lost is the number of values that the differences use up.
func (m Model) lost() int { return m.Order.D + m.Season.D*m.Season.Period }

// differencing returns δ of y(t) = w(t) + Σ δⱼ·y(t−j), w the differenced series.
func (m Model) differencing() []float64 {
	c := []float64{1}
	for range m.Order.D {
		c = multiply(c, []float64{1, -1})
	}
	for range m.Season.D {
		c = multiply(c, lagged([]float64{-1}, m.Season.Period))
	}
	for j := range c {
		c[j] = -c[j]
	}
	return c[1:]
}

// expand returns the coefficients of φ(B)Φ(Bᵐ) without its leading 1, and those
// of θ(B)Θ(Bᵐ) with it; signs are as in [Model]. Both are filled with zeros to
// the length of the state, r = max(p + mP, q + mQ + 1).
func (m Model) expand(c Coefficients) (phi, theta []float64) {
	period := m.Season.Period
	r := max(m.Order.P+period*m.Season.P, m.Order.Q+period*m.Season.Q+1)
	phi, theta = make([]float64, r), make([]float64, r)
	copy(phi, multiply(lagged(negative(c.AR), 1), lagged(negative(c.SeasonalAR), period))[1:])
	for i, v := range phi {
		phi[i] = -v
	}
	copy(theta, multiply(lagged(c.MA, 1), lagged(c.SeasonalMA, period)))
	return phi, theta
}

func negative(c []float64) []float64 {
	out := make([]float64, len(c))
	for i, v := range c {
		out[i] = -v
	}
	return out
}

// lagged returns 1 + c₁Bᵐ + c₂B²ᵐ + … as the coefficients of B⁰, B¹, ….
func lagged(c []float64, period int) []float64 {
	out := make([]float64, 1+len(c)*period)
	out[0] = 1
	for i, v := range c {
		out[(i+1)*period] = v
	}
	return out
}

func multiply(a, b []float64) []float64 {
	out := make([]float64, len(a)+len(b)-1)
	for i, x := range a {
		for j, y := range b {
			out[i+j] += x * y
		}
	}
	return out
}

// reflections returns the partial autocorrelations of the autoregression φ, by
// the Levinson recursion backwards. They are all in (−1, 1) if and only if it
// is stationary; from the first that is not on, they are NaN.
func reflections(phi []float64) []float64 {
	work, out := append([]float64(nil), phi...), append([]float64(nil), phi...)
	for k := len(work) - 1; k >= 0; k-- {
		r := work[k]
		out[k] = r
		if !(math.Abs(r) < 1) {
			for j := range k + 1 {
				out[j] = math.NaN()
			}
			break
		}
		scale := 1 / (1 - r*r)
		for i, j := 0, k-1; i <= j; i, j = i+1, j-1 {
			work[i], work[j] = (work[i]+r*work[j])*scale, (work[j]+r*work[i])*scale
		}
	}
	return out
}

// fromReflections is the inverse of [reflections], in place.
func fromReflections(c []float64) {
	for k, r := range c {
		for i, j := 0, k-1; i <= j; i, j = i+1, j-1 {
			c[i], c[j] = c[i]-r*c[j], c[j]-r*c[i]
		}
	}
}

// outside reports whether all roots of 1 − c₁z − … are farther from 0 than the
// radius: those of c(radius·z) are then outside the unit circle.
func outside(c []float64, radius float64) bool {
	scaled := append([]float64(nil), c...)
	power := 1.0
	for i := range scaled {
		power *= radius
		scaled[i] *= power
	}
	for _, r := range reflections(scaled) {
		if math.IsNaN(r) {
			return false
		}
	}
	return true
}

// missing reports whether y is NaN or infinite.
func missing(y float64) bool { return math.IsNaN(y - y) }
