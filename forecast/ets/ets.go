// Package ets is exponential smoothing in state-space form: a level, perhaps a
// trend, perhaps one short season, each corrected by a share of every one-step
// error. The models, with ℓ the level, b the trend, s the season of period m, q
// what level and trend expect and μ the one-step forecast, are
//
//	q(t) = ℓ(t−1) + φ·b(t−1)                        φ = 1: not damped; b = 0: no trend
//	μ(t) = q(t) + s(t−m)        or q(t)·s(t−m)      additive or multiplicative season
//	e(t) = y(t) − μ(t)
//	ℓ(t) = q(t) + α·e(t)        or q(t) + α·e(t)/s(t−m)
//	b(t) = φ·b(t−1) + β·e(t)    or φ·b(t−1) + β·e(t)/s(t−m)
//	s(t) = s(t−m) + γ·e(t)      or s(t−m) + γ·e(t)/q(t)
//
// Additive errors are e(t) ~ N(0, σ²), multiplicative ones e(t)/μ(t) ~ N(0, σ²):
// they differ in the likelihood and not in the recursion. β here is β of the
// state-space form, that is α·β* of Holt's.
//
// The package is pure. It does not choose between itself and other models, gives
// no intervals, and has no multiplicative trend and no period above 24.
//
// # References
//
// Hyndman, Koehler, Ord and Snyder, Forecasting with Exponential Smoothing
// (2008), chapters 2, 5, 7 and 10. Hyndman and Athanasopoulos, Forecasting:
// Principles and Practice, 3rd ed., chapter 8. The vectors are from ets() of the
// R package forecast.
package ets

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrTooShort is wrapped by the errors for series with too few known values for
// the parameters and initial states of a model.
var ErrTooShort = errors.New("series too short")

// Component is the form of one part of a model.
type Component uint8

// Forms of the parts.
const (
	None Component = iota
	Additive
	Multiplicative
)

// Spec names a model of the family, such as ETS(A,Ad,N). The zero value has no
// errors, and [Fit] refuses it.
type Spec struct {
	Error  Component // Additive or Multiplicative
	Trend  Component // None or Additive
	Damped bool      // of the trend
	Season Component
}

// String returns the usual name: ETS(error,trend,season), with a d for damped.
func (s Spec) String() string {
	letter := func(c Component) string {
		if c > Multiplicative {
			return "?"
		}
		return "NAM"[c : c+1]
	}
	damped := ""
	if s.Damped {
		damped = "d"
	}
	return fmt.Sprintf("ETS(%s,%s%s,%s)", letter(s.Error), letter(s.Trend), damped, letter(s.Season))
}

const longestPeriod = 24 // as in R: a longer season has more states than most series can tell

func checkPeriod(period int) error {
	switch {
	case period < 1:
		return fmt.Errorf("period %d: a season has at least 2 steps; 1 is no season", period)
	case period > longestPeriod:
		return fmt.Errorf("period %d > %d: adjust the series seasonally first, then use period 1", period, longestPeriod)
	}
	return nil
}

func (s Spec) check(period int) error {
	switch {
	case s.Error != Additive && s.Error != Multiplicative:
		return fmt.Errorf("%s: the error is additive or multiplicative", s)
	case s.Trend > Additive:
		return fmt.Errorf("%s: the trend is none or additive", s)
	case s.Damped && s.Trend == None:
		return fmt.Errorf("%s: there is no trend to damp", s)
	case s.Season > Multiplicative:
		return fmt.Errorf("%s: the season is none, additive or multiplicative", s)
	case s.Error == Additive && s.Season == Multiplicative:
		return fmt.Errorf("%s: a multiplicative season with additive errors is unstable; use multiplicative errors", s)
	case s.Season != None && period < 2:
		return fmt.Errorf("%s: a season needs a period of at least 2 steps", s)
	}
	return checkPeriod(period)
}

func (s Spec) positive() bool { return s.Error == Multiplicative }

// Parameters are the shares of each one-step error that the states learn, and
// the damping of the trend. Those of a part that a model has not are 0, and Phi
// is 1 when the trend is not damped.
type Parameters struct {
	Alpha, Beta, Gamma, Phi float64
}

// Bounds of the parameters, as in R.
const (
	lowest          = 1e-4 // of Alpha, Beta and Gamma; Beta < Alpha, Gamma < 1−Alpha
	highest         = 0.9999
	dampedLow       = 0.8
	dampedHigh      = 0.98
	smallestSeason  = 0.01
	largestSeason   = 100
	largestValue    = 1e100 // a larger value is not a load; squares stay finite
	largestState    = 1e150
	boundsTolerance = 1e-12
)

// Fitted is a model with its parameters and its state after the last value. It
// is plain data: a caller may save every field and hand them to [Restore].
type Fitted struct {
	Spec Spec
	Parameters
	Level, Trend float64
	// Seasonal are the seasons of the next m steps, the next one first: terms
	// when the season is additive, factors when it is multiplicative, empty
	// when there is none.
	Seasonal []float64

	// LogLikelihood is that of the fit without its constant, as in R:
	// −½·(n·log Σr² + 2·Σ log|μ|), r the errors e or e/μ, and the second sum
	// for multiplicative errors only.
	LogLikelihood float64
	// AICc is −2·LogLikelihood + 2k + 2k(k+1)/(n−k−1), with n known values and
	// k parameters: those above, the initial states, and σ.
	AICc float64
	// Sigma2 is Σr²/(n−k+1): of e for additive errors, of the relative e/μ for
	// multiplicative ones.
	Sigma2 float64
}

// Restore returns a model from its saved fields, of which it keeps a copy. A
// field that is not finite, a parameter out of bounds or a number of seasons
// that is not 2 to 24 is an error that names it. The fields that describe the
// fit are kept as they are.
func Restore(saved Fitted) (*Fitted, error) {
	period := max(len(saved.Seasonal), 1)
	if err := saved.Spec.check(period); err != nil {
		return nil, err
	}
	if saved.Spec.Season == None && period > 1 {
		return nil, fmt.Errorf("%s: %d seasons of a model without a season", saved.Spec, period)
	}
	for i, v := range append([]float64{saved.Level, saved.Trend}, saved.Seasonal...) {
		if !(math.Abs(v) <= largestState) {
			return nil, fmt.Errorf("%s: state %d (level, trend, seasons) is %v", saved.Spec, i, v)
		}
		if i > 1 && saved.Spec.Season == Multiplicative && v <= 0 {
			return nil, fmt.Errorf("%s: seasonal factor %d is %v, must be positive", saved.Spec, i-2, v)
		}
	}
	if err := saved.check(saved.Spec, period); err != nil {
		return nil, err
	}
	return saved.Clone(), nil
}

func (p Parameters) check(s Spec, period int) error {
	within := func(name string, v, low, high float64, has bool, without float64) error {
		if !has {
			low, high = without, without
		}
		if !(v >= low-boundsTolerance && v <= high+boundsTolerance) {
			return fmt.Errorf("%s: %s is %v, must be in [%v, %v]", s, name, v, low, high)
		}
		return nil
	}
	err := errors.Join(
		within("alpha", p.Alpha, lowest, highest, true, 0),
		within("beta", p.Beta, lowest, p.Alpha, s.Trend != None, 0),
		within("gamma", p.Gamma, lowest, 1-p.Alpha, s.Season != None, 0),
		within("phi", p.Phi, dampedLow, dampedHigh, s.Damped, 1))
	if err == nil && s.Season != None && !p.admissible(period) {
		err = fmt.Errorf("%s: %+v are not stable", s, p)
	}
	return err
}

// admissible reports whether errors of long ago are forgotten by a seasonal
// model: the roots of
//
//	zᵐ⁺¹ + (α+β−φ)·zᵐ + (α+β−αφ)·(zᵐ⁻¹ + … + z²) + (α+β−αφ+γ−1)·z + φ·(1−α−γ)
//
// lie within the unit circle, by the Schur–Cohn test. Without a season the
// bounds alone are enough. See Hyndman et al. (2008), chapter 10; R allows roots
// up to 1+1e−10, and so does this.
func (p Parameters) admissible(period int) bool {
	var c, d [longestPeriod + 2]float64 // c[i] is the coefficient of z^i
	n := period + 1
	for i := 2; i < period; i++ {
		c[i] = p.Alpha + p.Beta - p.Alpha*p.Phi
	}
	c[0] = p.Phi * (1 - p.Alpha - p.Gamma)
	c[1] = p.Alpha + p.Beta - p.Alpha*p.Phi + p.Gamma - 1
	c[period] += p.Alpha + p.Beta - p.Phi
	c[n] = 1
	for ; n > 0; n-- {
		k := c[0] / c[n]
		if math.Abs(k) > 1+1e-10 {
			return false
		}
		for i := range n {
			d[i] = c[i+1] - k*c[n-1-i]
		}
		c, d = d, c
	}
	return true
}

// Clone returns a copy that shares nothing.
func (f *Fitted) Clone() *Fitted {
	c := *f
	c.Seasonal = slices.Clone(f.Seasonal)
	return &c
}

// Update learns the next value in O(1), with the parameters as they are. NaN,
// infinite and absurd (beyond 1e100) values are missing: the state moves on and
// learns nothing. Negative values need no care, but for a multiplicative season
// they count as zero. Its factors stay between 0.01 and 100.
func (f *Fitted) Update(y float64) {
	if !(math.Abs(y) <= largestValue) {
		y = math.NaN()
	}
	level, trend, season := f.step(f.Spec.Season, f.Level, f.Trend, f.season(0), y)
	f.Level, f.Trend = level, trend
	if n := len(f.Seasonal); n > 0 {
		copy(f.Seasonal, f.Seasonal[1:])
		f.Seasonal[n-1] = season
	}
}

// step returns the states after y; see the package comment.
func (p *Parameters) step(form Component, level, trend, season, y float64) (float64, float64, float64) {
	trend *= p.Phi
	q := level + trend
	switch {
	case math.IsNaN(y):
		return q, trend, season
	case form == Multiplicative:
		y = max(y, 0)
		e := y/season - q
		if q > 0 {
			season = min(max(season+p.Gamma*(y/q-season), smallestSeason), largestSeason)
		}
		return q + p.Alpha*e, trend + p.Beta*e, season
	}
	e := y - (q + season)
	return q + p.Alpha*e, trend + p.Beta*e, season + p.Gamma*e
}

// season returns the season k steps after the next one; 0 without a season.
func (f *Fitted) season(k int) float64 {
	if len(f.Seasonal) == 0 {
		return 0
	}
	return f.Seasonal[k%len(f.Seasonal)]
}

// Predict fills path with the point forecasts of the next len(path) steps:
//
//	ŷ(t+h) = ℓ + (φ + … + φʰ)·b + s(t+h−m⌈h/m⌉)     or the product with s
//
// They are finite, and may be negative when a trend or additive season leads
// there. With a multiplicative season they are the recursion's forecasts; the
// means, which R prints, differ from them by a share σ² at h > 1.
func (f *Fitted) Predict(path []float64) {
	level, trend := f.Level, f.Trend
	for k := range path {
		trend *= f.Phi
		level += trend
		path[k] = level + f.season(k)
		if f.Spec.Season == Multiplicative {
			path[k] = level * f.season(k)
		}
	}
}

// Next returns the parts of the next forecast, for explanations: the level ℓ,
// the trend φ·b, and the season, which is to be added to their sum or, when it
// is multiplicative, to be multiplied with it. A part that the model has not is
// 0.
func (f *Fitted) Next() (level, trend, seasonal float64) {
	return f.Level, f.Phi * f.Trend, f.season(0)
}
