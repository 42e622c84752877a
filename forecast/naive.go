package forecast

import (
	"fmt"
	"math"
	"time"
)

// SeasonalNaive expects at each instant what was measured at the same place of
// the last season on the local wall clock:
//
//	ŷ(t+h) = y(t+h−m·⌈h/m⌉),   m the period
//
// A place that was never measured is expected to be like the last value. It is
// the opponent that every other model has to beat.
//
// An empty series, or one shorter than a period, is too short; missing values
// keep what the place had before; constant and negative values need no care.
//
// # References
//
// Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
// section 5.2.
func SeasonalNaive(name string, period time.Duration) Model {
	return seasonalNaive{name: name, period: period}
}

type seasonalNaive struct {
	name   string
	period time.Duration
}

func (m seasonalNaive) Name() string { return m.name }

func (m seasonalNaive) empty(at clock) stored { return &fittedNaive{clock: at, period: m.period} }

func (m seasonalNaive) Fit(s Series) (Fitted, error) {
	if time.Duration(s.Len())*s.Step < m.period {
		return nil, fmt.Errorf("%s: %w: %d values of %s, needs %s", m.name, ErrTooShort, s.Len(), s.Step, m.period)
	}
	f := &fittedNaive{clock: s.clock(s.Start), period: m.period, season: make([]float32, int(m.period/s.Step)), last: math.NaN()}
	for i := range f.season {
		f.season[i] = float32(math.NaN())
	}
	for _, y := range s.Values {
		f.Update(y)
	}
	if math.IsNaN(f.last) {
		return nil, fmt.Errorf("%s: %w: every value is missing", m.name, ErrTooShort)
	}
	return f, nil
}

type fittedNaive struct {
	clock  clock
	period time.Duration
	season []float32 // last value of each slot
	last   float64
}

func (f *fittedNaive) Update(y float64) {
	if !math.IsNaN(y) {
		f.season[f.clock.slot(f.clock.next, f.period)] = float32(y)
		f.last = y
	}
	f.clock.next += f.clock.step
}

func (f *fittedNaive) Predict(path []float64) {
	at := f.clock.next
	for k := range path {
		path[k] = float64(f.season[f.clock.slot(at, f.period)])
		if math.IsNaN(path[k]) {
			path[k] = f.last
		}
		at += f.clock.step
	}
}

func (f *fittedNaive) divide(level, season []float64) {
	mean, n := 0.0, 0.0
	for _, y := range f.season {
		if y == y {
			n++
			mean += (float64(y) - mean) / n
		}
	}
	f.Predict(season)
	for k := range level {
		level[k] = mean
		season[k] -= mean
	}
}

func (f *fittedNaive) visit(c *codec) {
	c.int64(&f.clock.next)
	c.floats32(&f.season)
	c.float(&f.last)
}
