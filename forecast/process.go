package forecast

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast/arima"
	"github.com/scaling-adapter/scaling-adapter/forecast/ets"
)

// A process follows what patterns leave of a series.
type process interface {
	update(r float64)       // NaN is a missing value
	predict(path []float64) // fills path
	base() float64          // the level that it is around
	visit(c *codec)
}

// remainder is a way to forecast what patterns leave.
type remainder struct {
	// fit estimates the process on u; last is that of the fit before, nil if there
	// was none.
	fit   func(u []float64, step time.Duration, last process) (process, error)
	empty func() process // to be restored
}

// byAutoregression is an autoregression around a level with the half-life.
func byAutoregression(halfLife time.Duration) remainder {
	return remainder{
		fit: func(u []float64, step time.Duration, _ process) (process, error) {
			return fitDeviation(u[max(0, len(u)-int(deviatesOver/step)):], step, halfLife), nil
		},
		empty: func() process { return &deviation{} },
	}
}

// smoothedOver is the most values that smoothing is estimated on: more cost time
// and change little.
const smoothedOver = 2000

// warmEvaluations are enough when the search starts from the last fit.
const warmEvaluations = 40

// bySmoothing is exponential smoothing without a season, the one of the
// candidates with the least AICc.
func bySmoothing(candidates ...ets.Spec) remainder {
	return remainder{
		fit: func(u []float64, _ time.Duration, last process) (process, error) {
			u = u[max(0, len(u)-smoothedOver):]
			o := ets.Options{Candidates: candidates}
			if before, ok := last.(smooth); ok {
				o.From, o.Evaluations = before.Fitted, warmEvaluations
			}
			f, err := ets.Auto(u, 1, o)
			return smooth{f}, err
		},
		empty: func() process { return smooth{&ets.Fitted{}} },
	}
}

// byARIMA is the ARIMA process with the least AICc that a stepwise search finds.
func byARIMA() remainder {
	return remainder{
		fit: func(u []float64, _ time.Duration, _ process) (process, error) {
			f, err := arima.Auto(u, arima.Options{})
			return &integrated{f}, err
		},
		empty: func() process { return &integrated{&arima.Fitted{}} },
	}
}

// smooth is exponential smoothing without a season.
type smooth struct{ *ets.Fitted }

func (s smooth) update(r float64)       { s.Update(r) }
func (s smooth) predict(path []float64) { s.Predict(path) }

func (s smooth) base() float64 {
	level, _, _ := s.Next()
	return level
}

func (s smooth) visit(c *codec) {
	c.float(&s.Level, &s.Trend, &s.Alpha, &s.Beta, &s.Gamma, &s.Phi)
	trend, damped := int(s.Spec.Trend), 0
	if s.Spec.Damped {
		damped = 1
	}
	c.int(&trend, &damped)
	s.Spec = ets.Spec{Error: ets.Additive, Trend: ets.Component(trend), Damped: damped == 1}
}

// integrated is an ARIMA process.
type integrated struct{ *arima.Fitted }

func (p *integrated) update(r float64)       { p.Update(r) }
func (p *integrated) predict(path []float64) { p.Predict(path) }

// base is the next forecast: an ARIMA process may have no level of its own.
func (p *integrated) base() float64 {
	var next [1]float64
	p.Predict(next[:])
	return next[0]
}

func (p *integrated) visit(c *codec) {
	var s arima.State
	if !c.reading {
		s = p.State()
	}
	order := []int{s.Model.Order.P, s.Model.Order.D, s.Model.Order.Q, 0}
	if s.Model.Constant {
		order[3] = 1
	}
	c.ints(&order)
	c.floats(&s.Coefficients.AR)
	c.floats(&s.Coefficients.MA)
	c.float(&s.Coefficients.Constant, &s.Sigma2)
	c.int(&s.Steps, &s.Known)
	c.floats(&s.Mean)
	c.floats(&s.Covariance)
	if !c.reading || c.err != nil || len(order) != 4 {
		return
	}
	s.Model = arima.Model{Order: arima.Order{P: order[0], D: order[1], Q: order[2]}, Constant: order[3] == 1}
	if len(s.Covariance) == 0 {
		s.Covariance = nil // it has converged
	}
	f, err := arima.Restore(s)
	if err != nil {
		c.err = err
		return
	}
	p.Fitted = f
}
