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
func Log1p(m Model) Model { return logModel{m} }

type logModel struct{ inner Model }

func (m logModel) Name() string { return m.inner.Name() + "_log" }

func (m logModel) Fit(s Series) (Fitted, error) {
	scale := meanKnown(s.Values) / 10
	if !(scale > 0) || math.IsInf(scale, 0) {
		return nil, fmt.Errorf("%s: %w: no value is above zero", m.Name(), ErrTooShort)
	}
	f := &fittedLog{scale: scale}
	z := Series{Start: s.Start, Step: s.Step, Values: make([]float64, s.Len())}
	for i, y := range s.Values {
		z.Values[i] = f.transform(y)
	}
	inner, err := m.inner.Fit(z)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	}
	f.inner = inner
	return f, nil
}

type fittedLog struct {
	inner   Fitted
	scale   float64
	largest float64 // of the transformed values
}

func (f *fittedLog) transform(y float64) float64 {
	z := math.Log1p(max(y, 0) / f.scale) // max keeps NaN
	if z > f.largest {
		f.largest = z
	}
	return z
}

func (f *fittedLog) Update(y float64) { f.inner.Update(f.transform(y)) }

func (f *fittedLog) Predict(path []float64) {
	f.inner.Predict(path)
	for k, z := range path {
		path[k] = f.scale * math.Expm1(min(max(z, 0), f.largest+math.Log(4)))
	}
}
