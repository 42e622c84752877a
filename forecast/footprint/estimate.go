package footprint

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Footprint is what one agent of a pool takes of the resource.
type Footprint struct {
	Pool string
	// Known says that there is an estimate: the pool's agents have changed often
	// enough of late. The other numbers but Changes are zero if not.
	Known bool
	// PerAgent is the estimate in percent of the hosts. The truth is between Low
	// and High with a probability of about 90 %; all are from 0 to 100.
	PerAgent, Low, High float64
	N                   float64 // independent observations that would tell as much
	Changes             float64 // of the agents' number, of late: one counts half after a half-life
}

// Complete returns footprints of the pools, in their order. Agents that are not known
// are taken to be like the mean of those that are; while none are, the numbers are zero.
func Complete(fs []Footprint, pools []string) []Footprint {
	byPool := make(map[string]Footprint, len(fs))
	var mean Footprint
	known := 0.0
	for _, f := range fs {
		byPool[f.Pool] = f
		if f.Known {
			known++
			mean.PerAgent += (f.PerAgent - mean.PerAgent) / known
			mean.Low += (f.Low - mean.Low) / known
			mean.High += (f.High - mean.High) / known
		}
	}
	out := make([]Footprint, len(pools))
	for i, name := range pools {
		f := byPool[name]
		if !f.Known {
			f = Footprint{Pool: name, PerAgent: mean.PerAgent, Low: mean.Low, High: mean.High, Changes: f.Changes}
		}
		out[i] = f
	}
	return out
}

// Upper returns High by pool, of those that have one: what a planner adds to the
// utilisation for one more agent.
func Upper(fs []Footprint) map[string]float64 {
	upper := make(map[string]float64, len(fs))
	for _, f := range fs {
		if f.Known || f.High > 0 {
			upper[f.Pool] = f.High
		}
	}
	return upper
}

const (
	leastChanges = 2
	leastFreedom = 2    // degrees of freedom of the noise
	highQuantile = 0.95 // of High; that of Low is the rest to 1
	// A sum of squares of agents or percents below this is rounding, or long ago.
	leastSum = 1e-9
)

// Estimate returns the footprints of all pools, sorted by name, from
//
//	u(t) = β₀(t) + Σₚ βₚ·nₚ(t) + e(t),   β ≥ 0
//
// by least squares with the weights of [Estimator]. β₀ is what else runs. It drifts:
// u and n are deviations from their exponentially weighted means, with a time constant
// of a third of the half-life, and the β₀ that follows from those means is not
// negative.
//
// What the observations leave open is filled in as if before all of them each βₚ
// were normal about the mean of all pools, with a standard deviation of twice that
// mean, and the mean about what is used per agent that runs, with as much for a
// deviation. This is a ridge. Pools that only ever change together share what they
// take, with intervals that are wide, and no estimate moves whose standard error is
// small.
//
// Errors are not independent. If they were, the variance of β would be σ²·A⁻¹BA⁻¹
// with A = Σ w·xx' and B = Σ w²·xx'. Since agents change slowly, we put in place of
// σ² the long-run variance of e, 2π times its spectrum at frequency zero, and B is
// taken to be A times the ratio of their diagonals. That gives an upper bound for
// errors whose spectrum falls with the frequency. The long-run variance is
// that of the residuals after exponential smoothing over a forty-eighth of the
// half-life, divided by what smoothing leaves of white noise and by what the
// regression has taken, and then extrapolated to frequency zero as that of an AR(1).
// Noise that stays for longer than a twelfth of the half-life is not fully
// accounted for. The interval is that of Student's t, with the degrees of freedom of
// the smoothed residuals.
//
// A pool whose agents changed less than twice of late is not known. None is before
// there are observations of about a sixth of the half-life, a third for fifty pools,
// and none while utilisation does not vary.
//
// # References
//
// Andrews, Econometrica 59 (1991), 817–858, on long-run variances. Müller, Journal of
// Business & Economic Statistics 32 (2014), 311–322, on why to extrapolate. Lindley
// and Smith, Journal of the Royal Statistical Society B 34 (1972), 1–41, on the ridge.
func (e *Estimator) Estimate() []Footprint {
	s := &e.state
	out := make([]Footprint, len(s.Pools))
	for i, p := range s.Pools {
		out[i] = Footprint{Pool: p.Name, Changes: s.Columns[i%len(s.Columns)].Changes}
	}
	if r, f := s.regress(); f.freedom >= leastFreedom {
		t := distuv.StudentsT{Sigma: 1, Nu: f.freedom}.Quantile(highQuantile)
		for k, column := range r.columns {
			for i := column; i < len(out); i += len(s.Columns) {
				if out[i].Changes >= leastChanges {
					r.fill(&out[i], f, k, t)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Footprint) int { return cmp.Compare(a.Pool, b.Pool) })
	return out
}

// regression is the problem in units in which all sums of squares are 1.
type regression struct {
	state   *State
	columns []int     // of the state, those that vary
	unit    []float64 // percent per agent of a coefficient of 1
	recent  []float64 // Σ w²/Σ w, by column
	plain   equations
	smooth  equations
	ratio   float64 // Σ w²/Σ w
	each    float64 // percent that is used per agent that runs
	least   float64 // variance of a residual
}

// equations are the normal equations of a regression.
type equations struct {
	xx *mat.SymDense
	xu []float64
	uu float64
}

// fit is a solution of a regression.
type fit struct {
	beta     []float64
	inverse  *mat.SymDense // of the normal equations with the ridge
	variance float64       // of a residual
	noise    float64       // long-run variance of the residuals
	freedom  float64
}

// regress solves the problem of the state twice: how much of a ridge is needed
// depends on what comes out. No freedom means no solution.
func (s *State) regress() (*regression, fit) {
	r := s.regression()
	if r == nil {
		return nil, fit{}
	}
	f := r.fit(r.least, r.each)
	if f.freedom > 0 {
		mean := 0.0
		for k, b := range f.beta {
			mean += b * r.unit[k] / float64(len(f.beta))
		}
		f = r.fit(f.noise, mean)
	}
	return r, f
}

// regression returns the problem of the state; nil if nothing varies.
func (s *State) regression() *regression {
	r := &regression{state: s, ratio: s.Weight2 / s.Weight}
	square, agents := s.Plain.at(0, 0), 0.0
	for i := range s.Columns {
		agents += s.Level[1+i]
		if sum := s.Plain.at(1+i, 1+i); sum > leastSum {
			r.columns = append(r.columns, i)
			r.unit = append(r.unit, math.Sqrt(square/sum))
			r.recent = append(r.recent, s.recent(i))
		}
	}
	r.each = s.Level[0] / agents
	if len(r.columns) == 0 || !(square > leastSum) || !(s.LeftSum > 0) || !(agents > leastSum) || !(r.each > leastSum) {
		return nil
	}
	r.least = exact * exact * s.Level[0] * s.Level[0] / square
	r.plain, r.smooth = r.equations(&s.Plain), r.equations(&s.Smooth)
	return r
}

func (r *regression) equations(m *Moments) equations {
	square := r.state.Plain.at(0, 0)
	q := equations{xx: mat.NewSymDense(len(r.columns), nil), xu: make([]float64, len(r.columns)), uu: m.at(0, 0) / square}
	for k, i := range r.columns {
		q.xu[k] = m.at(1+i, 0) * r.unit[k] / square
		for l, j := range r.columns[:k+1] {
			q.xx.SetSym(k, l, m.at(1+i, 1+j)*r.unit[k]*r.unit[l]/square)
		}
	}
	return q
}

// loss returns the sum of squares that a solution leaves.
func (q equations) loss(beta []float64) float64 {
	sum := q.uu
	for k, b := range beta {
		sum += b * (dot(q.xx, k, beta) - 2*q.xu[k])
	}
	return max(sum, 0)
}

const (
	// Utilisation is not taken to be more exact than this share of its level, so
	// that ridge and interval are there without noise too.
	exact = 1e-3
	alike = 2 // standard deviation of footprints over their mean
)

// fit solves the problem with the ridge for a long-run variance and a mean footprint.
func (r *regression) fit(noise, mean float64) fit {
	h, b := r.ridged(noise, mean)
	var factor mat.Cholesky
	f := fit{inverse: mat.NewSymDense(len(b), nil)}
	if !factor.Factorize(h) {
		return f
	}
	_ = factor.InverseTo(f.inverse) // its only error is a warning of a bad condition
	f.beta = nnls(h, b)
	if r.rest(f.beta) < 0 { // then β₀ is zero, since it is not negative
		f.beta = nnls(r.throughOrigin(h, b))
	}
	taken := 1.0 // trace: the degrees of freedom of smooth noise that β₀ and β have taken
	for k := range b {
		for l := range b {
			taken += f.inverse.At(k, l) * r.smooth.xx.At(k, l)
		}
	}
	s := r.state
	left := s.LeftSum - r.ratio*taken
	// A smoothed value has (1−φ)/(1+φ) = Left times two degrees of freedom, and there
	// are (Σ w)²/Σ w² values.
	if f.freedom = 2 * left / r.ratio; left <= 0 {
		return f
	}
	slow := r.smooth.loss(f.beta) / left
	f.variance = max(r.plain.loss(f.beta)/s.Weight, r.least)
	f.noise = f.variance * inflation(slow/f.variance, s.LeftSum/s.SmoothWeight)
	return f
}

// ridged returns the normal equations with the ridge
//
//	ωr/τ²·Σ (βₚ − β̄)² + ωr/c²·(β̄ − c)²,   r = Σ w²/Σ w
//
// where ω is the noise, τ the standard deviation among pools and c what is used per
// agent that runs.
func (r *regression) ridged(noise, mean float64) (*mat.SymDense, []float64) {
	n := float64(len(r.columns))
	spread := alike * max(mean, r.each/10)
	apart := noise * r.ratio / (spread * spread)
	level := noise * r.ratio / (r.each * r.each)
	h, b := mat.NewSymDense(len(r.columns), nil), make([]float64, len(r.columns))
	for k, unit := range r.unit {
		b[k] = r.plain.xu[k] + unit*level*r.each/n
		for l := range k {
			h.SetSym(k, l, r.plain.xx.At(k, l)+unit*r.unit[l]*(level/n-apart)/n)
		}
		h.SetSym(k, k, r.plain.xx.At(k, k)+unit*unit*(apart+(level/n-apart)/n))
	}
	return h, b
}

// throughOrigin returns the normal equations with one more, that β₀ is zero, of the
// weight of all observations.
func (r *regression) throughOrigin(h *mat.SymDense, b []float64) (*mat.SymDense, []float64) {
	about, right := mat.NewSymDense(len(b), nil), make([]float64, len(b))
	for k, i := range r.columns {
		x := r.state.Level[1+i] * r.unit[k] * r.state.Weight / r.state.Plain.at(0, 0)
		right[k] = b[k] + x*r.state.Level[0]
		for l, j := range r.columns[:k+1] {
			about.SetSym(k, l, h.At(k, l)+x*r.state.Level[1+j]*r.unit[l])
		}
	}
	return about, right
}

// rest returns β₀, in percent.
func (r *regression) rest(beta []float64) float64 {
	rest := r.state.Level[0]
	for k, i := range r.columns {
		rest -= beta[k] * r.unit[k] * r.state.Level[1+i]
	}
	return rest
}

// inflation returns the long-run variance over the variance of an AR(1) whose
// smoothed variance, divided by what smoothing leaves of white noise, is slow times
// its variance:
//
//	slow = (1 + ρφ)/(1 − ρφ),   φ = (1 − left)/(1 + left)
//
// and returns (1 + ρ)/(1 − ρ). φ is the factor of the smoothing and ρ that of the
// noise, between 0 and the fourth root of φ.
func inflation(slow, left float64) float64 {
	factor := (1 - left) / (1 + left)
	if !(slow > 1) || !(factor > 0) {
		return 1
	}
	rho := min((1-2/(slow+1))/factor, math.Sqrt(math.Sqrt(factor)))
	return (1 + rho) / (1 - rho)
}

// fill puts the estimate of a column in; t is the quantile.
func (r *regression) fill(out *Footprint, f fit, k int, t float64) {
	estimate := f.beta[k] * r.unit[k]
	half := t * r.unit[k] * math.Sqrt(f.noise*r.recent[k]*f.inverse.At(k, k))
	out.Known = true
	out.PerAgent = min(estimate, mostPercent)
	out.Low, out.High = min(max(estimate-half, 0), mostPercent), min(estimate+half, mostPercent)
	out.N = r.state.Weight * f.variance / (f.noise * r.ratio)
}
