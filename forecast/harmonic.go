package forecast

import (
	"fmt"
	"math"
	"math/cmplx"
	"time"

	"gonum.org/v1/gonum/mat"
)

// harmonic is dynamic harmonic regression: a smooth pattern of the day and the
// week that forgets, and an autoregression of what it leaves.
//
//	z(t) = β₀ + Σⱼ aⱼ·cos(ωⱼ·age) + bⱼ·sin(ωⱼ·age) + r(t),   ωⱼ = 2πj/week
//
// age is the number of steps before the last value. The frequencies are the first
// twelve of the day and, from two weeks on, the first ten of the week and the
// nearest three to either side of the first four of the day, which let workdays
// differ from weekends in their course. β minimises Σ λ^age·r² + ρ·|(a, b)|², with λ such
// that three weeks halve a weight and ρ a small ridge.
//
// Since the regressors are powers λ^age·e^(iω·age), the normal equations are sums of
// geometric series and need no pass over the data; the right-hand side takes one
// complex multiplication per frequency and value (Horner's rule). So a fit costs
// what a few passes over the series cost.
//
// Less than two days is too short; missing values are filled in; a constant
// series is forecast exactly; negative values need no care.
//
// # References
//
// Young, Pedregal and Tych, Journal of Forecasting 18 (1999), 369–394. Hyndman and
// Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 10.5.
type harmonic struct {
	name     string
	halfLife time.Duration // of the level that the autoregression is around
}

const (
	dailyHarmonics  = 12
	weeklyHarmonics = 10
	modulated       = 4 // harmonics of the day that the week modulates
	sidebands       = 3
	forgetAfter     = 3 * week
	ridge           = 2e-5 // of the number of values
)

func (m harmonic) Name() string { return m.name }

func (m harmonic) empty(at clock) stored { return &patterned{clock: at, rest: &deviation{}} }

func (m harmonic) Fit(s Series) (Fitted, error) {
	perDay := int(day / s.Step)
	if s.Len() < 2*perDay || s.known() < perDay || perDay < 6 {
		return nil, fmt.Errorf("%s: %w: %d values of %s, needs two days", m.name, ErrTooShort, s.known(), s.Step)
	}
	z, slot := s.civil()
	z = filled(z, perDay)
	perWeek := 7 * perDay
	frequencies := frequenciesOf(perDay, len(z) >= 2*perWeek)
	h := harmonics{frequencies: frequencies, period: perWeek, decay: math.Exp2(-float64(s.Step) / float64(forgetAfter))}
	beta, err := h.regress(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	table := h.table(beta, (slot+len(z)-1)%perWeek)
	season := newPattern(week, table)
	r := make([]float64, min(len(z), int(deviatesOver/s.Step)))
	first := len(z) - len(r)
	for i := range r {
		r[i] = z[first+i] - season.at((slot+first+i)%perWeek)
	}
	f := &patterned{clock: s.clock(s.End()), patterns: []pattern{season}, rest: fitDeviation(r, s.Step, m.halfLife)}
	return f, nil
}

// frequenciesOf returns the frequencies in cycles a week.
func frequenciesOf(perDay int, weekly bool) []int {
	var fs []int
	daily := min(dailyHarmonics, perDay/2-1)
	for k := 1; k <= daily; k++ {
		fs = append(fs, 7*k)
	}
	if !weekly {
		return fs
	}
	for j := 1; j <= weeklyHarmonics; j++ {
		if j%7 != 0 {
			fs = append(fs, j)
		}
	}
	for k := 1; k <= min(modulated, daily); k++ {
		for d := -sidebands; d <= sidebands; d++ {
			if j := 7*k + d; d != 0 && j > weeklyHarmonics {
				fs = append(fs, j)
			}
		}
	}
	return fs
}

// harmonics are the regressors of a [harmonic].
type harmonics struct {
	frequencies []int // in cycles a period, each once
	period      int   // in steps
	decay       float64
}

// regress returns β₀, a₁, b₁, a₂, b₂ and so on.
func (h harmonics) regress(z []float64) (*mat.VecDense, error) {
	size := 1 + 2*len(h.frequencies)
	normal := mat.NewSymDense(size, nil)
	sums := h.geometricSums(len(z))
	sum := func(j int) complex128 { // Σ λ^age·e^(iω_j·age)
		if j < 0 {
			return cmplx.Conj(sums[-j])
		}
		return sums[j]
	}
	normal.SetSym(0, 0, real(sums[0]))
	for i, fi := range h.frequencies {
		cosI, sinI := 1+2*i, 2+2*i
		normal.SetSym(0, cosI, real(sum(fi)))
		normal.SetSym(0, sinI, imag(sum(fi)))
		for k, fk := range h.frequencies[:i+1] {
			cosK, sinK := 1+2*k, 2+2*k
			minus, plus := sum(fi-fk), sum(fi+fk)
			normal.SetSym(cosI, cosK, (real(minus)+real(plus))/2)
			normal.SetSym(sinI, sinK, (real(minus)-real(plus))/2)
			normal.SetSym(sinI, cosK, (imag(plus)+imag(minus))/2)
			normal.SetSym(cosI, sinK, (imag(plus)-imag(minus))/2)
		}
	}
	for i := 1; i < size; i++ {
		normal.SetSym(i, i, normal.At(i, i)+ridge*float64(len(z)))
	}
	var factor mat.Cholesky
	if !factor.Factorize(normal) {
		return nil, fmt.Errorf("%w: the harmonics cannot be told apart", ErrTooShort)
	}
	beta := mat.NewVecDense(size, nil)
	if err := factor.SolveVecTo(beta, mat.NewVecDense(size, h.projections(z))); err != nil {
		return nil, err
	}
	return beta, nil
}

// geometricSums returns Σ λ^age·e^(iω_j·age) over n ages for all j up to twice the
// highest frequency.
func (h harmonics) geometricSums(n int) []complex128 {
	highest := 0
	for _, f := range h.frequencies {
		highest = max(highest, f)
	}
	sums := make([]complex128, 2*highest+1)
	for j := range sums {
		x := cmplx.Rect(h.decay, h.angle(j))
		sums[j] = (1 - cmplx.Pow(x, complex(float64(n), 0))) / (1 - x)
	}
	return sums
}

func (h harmonics) angle(j int) float64 { return 2 * math.Pi * float64(j) / float64(h.period) }

// projections returns the right-hand side of the normal equations.
func (h harmonics) projections(z []float64) []float64 {
	turns := make([]complex128, len(h.frequencies))
	for i, f := range h.frequencies {
		turns[i] = cmplx.Rect(h.decay, h.angle(f))
	}
	sum := 0.0
	sums := make([]complex128, len(turns))
	for _, y := range z {
		sum = sum*h.decay + y
		for i, t := range turns {
			s := sums[i]
			sums[i] = complex(real(s)*real(t)-imag(s)*imag(t)+y, real(s)*imag(t)+imag(s)*real(t))
		}
	}
	b := []float64{sum}
	for _, s := range sums {
		b = append(b, real(s), imag(s))
	}
	return b
}

// table returns the pattern by slot; last is the slot of age 0.
func (h harmonics) table(beta *mat.VecDense, last int) []float64 {
	out := make([]float64, h.period)
	turns, at := make([]complex128, len(h.frequencies)), make([]complex128, len(h.frequencies))
	for i, f := range h.frequencies {
		turns[i], at[i] = cmplx.Rect(1, h.angle(f)), 1
	}
	coefficients := beta.RawVector().Data
	for age := range out {
		v := coefficients[0]
		for i, x := range at {
			v += coefficients[1+2*i]*real(x) + coefficients[2+2*i]*imag(x)
			at[i] = x * turns[i]
		}
		out[(last-age+h.period)%h.period] = v
	}
	return out
}
