package forecast

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/optimize"
)

// HoltWinters is exponential smoothing with any number of additive seasons that
// follow the local wall clock, and a first-order autoregressive residual:
//
//	r(t)  = y(t) − (ℓ + Σ sᵢ(t))                  what level and seasons miss
//	e(t)  = r(t) − ρ·r(t−1)                       one-step error
//	ℓ ← ℓ + αe,  sᵢ(t) ← sᵢ(t) + γᵢe
//	ŷ(t+h) = ℓ + Σ sᵢ(t+h) + ρʰ·r(t)
//
// With a day and a week it is Taylor's double seasonal method. α, γᵢ and ρ minimise
// the mean absolute error at horizons up to two hours from every hour, which is
// the maximum likelihood of Laplace errors at those horizons: fitted one step ahead
// only, the seasons follow noise. Level and seasons start from the means of the
// first two weeks.
//
// It is not in the default bank, where it was never among the best; it is the
// model of constant memory and time for whoever has no history to keep.
//
// Less than two of the longest period is too short; missing values teach
// nothing; a constant series is forecast exactly; negative values need no care,
// forecasts may be negative.
//
// # References
//
// Taylor, European Journal of Operational Research 204 (2010), section 2.2, which
// estimates one step ahead.
func HoltWinters(name string, periods ...time.Duration) Model {
	return holtWinters{name: name, periods: periods}
}

type holtWinters struct {
	name    string
	periods []time.Duration
}

func (m holtWinters) Name() string { return m.name }

func (m holtWinters) empty(at clock) stored {
	return &fittedHoltWinters{clock: at, periods: m.periods, seasons: make([][]float32, len(m.periods))}
}

// rates of a Holt-Winters model; see [HoltWinters].
type rates struct {
	alpha, rho float64
	gamma      []float64
}

// decode maps any point of the optimiser's space into the ranges allowed.
func decode(x []float64) rates {
	unit := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	r := rates{alpha: unit(x[0]), rho: 0.99 * unit(x[1]), gamma: make([]float64, len(x)-2)}
	for i, v := range x[2:] {
		r.gamma[i] = 0.5 * unit(v)
	}
	return r
}

const evaluations = 90 // of the loss while a model is fitted

func (m holtWinters) Fit(s Series) (Fitted, error) {
	longest := 2 * time.Hour
	for _, p := range m.periods {
		longest = max(longest, 2*p)
	}
	if n := s.known(); time.Duration(n)*s.Step < longest*3/4 || time.Duration(s.Len())*s.Step < longest || n < 8 {
		return nil, fmt.Errorf("%s: %w: %d values of %s, needs %s", m.name, ErrTooShort, n, s.Step, longest)
	}
	s = s.From(s.End().Add(-deviatesOver))
	start := m.start(s)
	loss := func(x []float64) float64 { return start.restart().loss(s, decode(x)) }
	best := []float64{-2, 0}
	for range m.periods {
		best = append(best, -3)
	}
	// Any end of the search leaves a usable point: the best one seen.
	if r, err := optimize.Minimize(optimize.Problem{Func: loss}, best, &optimize.Settings{FuncEvaluations: evaluations}, &optimize.NelderMead{}); r != nil && (err == nil || r.X != nil) {
		best = r.X
	}
	f := start.restart()
	f.rates = decode(best)
	for _, y := range s.Values {
		f.Update(y)
	}
	if math.IsNaN(f.level) || math.IsInf(f.level, 0) {
		return nil, fmt.Errorf("%s: the level is %v after the fit", m.name, f.level)
	}
	return f, nil
}

// start returns the state before the first value, from means of the first two
// weeks: the level, then for each season what the parts before leave.
func (m holtWinters) start(s Series) *fittedHoltWinters {
	f := &fittedHoltWinters{clock: s.clock(s.Start), periods: m.periods}
	head := s.Values[:min(s.Len(), int(2*week/s.Step))]
	if len(m.periods) == 0 {
		head = head[:min(len(head), 24)]
	}
	f.level = meanKnown(head)
	rest := append([]float64(nil), head...)
	for i := range rest {
		rest[i] -= f.level
	}
	for _, period := range m.periods {
		sum, count := make([]float64, period/s.Step), make([]float64, period/s.Step)
		slot := make([]int, len(rest))
		for i, r := range rest {
			slot[i] = f.clock.slot(f.clock.next+int64(i)*f.clock.step, period)
			if !math.IsNaN(r) {
				sum[slot[i]] += r
				count[slot[i]]++
			}
		}
		season := make([]float32, len(sum))
		for j := range sum {
			season[j] = float32(sum[j] / max(count[j], 1))
		}
		for i := range rest {
			rest[i] -= float64(season[slot[i]])
		}
		f.seasons = append(f.seasons, season)
	}
	return f
}

type fittedHoltWinters struct {
	rates
	clock    clock
	periods  []time.Duration
	seasons  [][]float32
	level    float64
	residual float64 // r(t)
}

// restart returns a copy that shares nothing that changes.
func (f *fittedHoltWinters) restart() *fittedHoltWinters {
	c := *f
	c.seasons = make([][]float32, len(f.seasons))
	for i, s := range f.seasons {
		c.seasons[i] = append([]float32(nil), s...)
	}
	return &c
}

func (f *fittedHoltWinters) season(unix int64) float64 {
	sum := 0.0
	for i, period := range f.periods {
		sum += float64(f.seasons[i][f.clock.slot(unix, period)])
	}
	return sum
}

func (f *fittedHoltWinters) Update(y float64) {
	at := f.clock.next
	f.clock.next += f.clock.step
	if math.IsNaN(y) {
		f.residual *= f.rho
		return
	}
	r := y - f.level - f.season(at)
	e := r - f.rho*f.residual
	f.level += f.alpha * e
	f.residual = r - f.alpha*e
	for i, period := range f.periods {
		f.seasons[i][f.clock.slot(at, period)] += float32(f.gamma[i] * e)
		f.residual -= f.gamma[i] * e
	}
}

func (f *fittedHoltWinters) Predict(path []float64) {
	residual := f.residual
	at := f.clock.next
	for k := range path {
		residual *= f.rho
		path[k] = f.level + residual + f.season(at)
		at += f.clock.step
	}
}

func (f *fittedHoltWinters) divide(level, season []float64) {
	at := f.clock.next
	for k := range level {
		level[k], season[k] = f.level, f.season(at)
		at += f.clock.step
	}
}

// loss returns the mean absolute error of forecasts from every hour to several
// horizons up to two hours, after a burn-in of a tenth of the series.
func (f *fittedHoltWinters) loss(s Series, r rates) float64 {
	f.rates = r
	every := max(1, int(time.Hour/s.Step))
	reach := max(1, int(2*time.Hour/s.Step))
	horizons := [...]int{1, max(1, reach/4), max(1, reach/2), reach}
	var fade [len(horizons)]float64
	for j, h := range horizons {
		fade[j] = math.Pow(r.rho, float64(h))
	}
	sum, n := 0.0, 0
	for i, y := range s.Values {
		f.Update(y)
		if i < s.Len()/10 || i%every != 0 {
			continue
		}
		for j, h := range horizons {
			if i+h < s.Len() && !math.IsNaN(s.Values[i+h]) {
				sum += math.Abs(s.Values[i+h] - f.level - fade[j]*f.residual - f.season(f.clock.next+int64(h-1)*f.clock.step))
				n++
			}
		}
	}
	if n == 0 || math.IsNaN(sum) {
		return math.MaxFloat64
	}
	return sum / float64(n)
}

func (f *fittedHoltWinters) visit(c *codec) {
	c.int64(&f.clock.next)
	c.float(&f.alpha, &f.rho, &f.level, &f.residual)
	c.floats(&f.gamma)
	for i := range f.seasons {
		c.floats32(&f.seasons[i])
	}
}
