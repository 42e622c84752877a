package forecast

import (
	"fmt"
	"math"
)

// Log1p fits a model to z = log(1 + y/s) and maps its forecasts back, for loads
// that come in bursts and grow by factors. s is a tenth of the mean, so that a
// load in other units gives the same forecast in those units. What comes back
// is the median, never negative and at most four times the largest load seen.
//
// Negative values count as 0; what the inner model makes of empty, short,
// constant and missing values stands.
func Log1p(m Model) Model { return logModel{m, m.Name() + "_log"} }

type logModel struct {
	inner Model
	name  string
}

func (m logModel) Name() string { return m.name }

func (m logModel) empty(at clock) stored {
	inner, ok := m.inner.(restorable)
	if !ok {
		return nil
	}
	return &fittedLog{inner: inner.empty(at)}
}

func (m logModel) Fit(s Series) (Fitted, error) { return m.refit(s, nil) }

func (m logModel) refit(s Series, last Fitted) (Fitted, error) {
	z, err := s.logged()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	}
	if before, ok := last.(*fittedLog); ok {
		last = before.inner
	}
	inner, err := fitWarm(m.inner, z.series, last)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	}
	return &fittedLog{inner, z.logScale}, nil
}

// logged is a series on the logarithmic scale.
type logged struct {
	series Series
	logScale
}

func (s Series) logged() (*logged, error) {
	all := s.ofAll()
	if all.logged != nil {
		return all.logged, nil
	}
	scale := meanKnown(s.Values) / 10
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("%w: no value is above zero", ErrTooShort)
	}
	z := &logged{s, logScale{scale: scale}}
	z.series.Values = make([]float64, s.Len())
	for i, y := range s.Values {
		z.series.Values[i] = z.transform(y)
	}
	z.series = z.series.sharing()
	z.series.shared.decomposers = all.decomposers
	all.logged = z
	return z, nil
}

type logScale struct {
	scale   float64
	largest float64 // of the transformed values
}

type fittedLog struct {
	inner Fitted
	logScale
}

func (f *logScale) transform(y float64) float64 {
	z := math.Log1p(max(y, 0) / f.scale) // max keeps NaN
	if z > f.largest {
		f.largest = z
	}
	return z
}

// back returns the load of a value on the logarithmic scale. Exp takes half the time
// of Expm1, and is as good for loads that matter beside the scale.
func (f *logScale) back(z float64) float64 {
	return f.scale * (math.Exp(min(max(z, 0), f.largest+2*math.Ln2)) - 1)
}

func (f *fittedLog) Update(y float64) { f.inner.Update(f.transform(y)) }

func (f *fittedLog) Predict(path []float64) {
	f.inner.Predict(path)
	for k, z := range path {
		path[k] = f.back(z)
	}
}

// divide splits the forecast as the sum of what the level gives and what the
// season adds to it.
func (f *fittedLog) divide(level, season []float64) {
	f.inner.(divided).divide(level, season)
	for k, l := range level {
		level[k] = f.back(l)
		season[k] = f.back(l+season[k]) - level[k]
	}
}

func (f *fittedLog) visit(c *codec) {
	c.float(&f.scale, &f.largest)
	f.inner.(stored).visit(c)
}
