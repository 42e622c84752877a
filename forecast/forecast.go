package forecast

import "time"

// Forecast is a predictive distribution over the steps that follow a series.
type Forecast struct {
	Model string
	// Start is the first instant that is predicted, one step after the last
	// known value. Its location is the series'.
	Start time.Time
	Step  time.Duration
	// Levels are the quantile levels in ascending order, each in (0, 1).
	Levels []float64
	// Paths holds for each level the quantile at each step; never NaN,
	// never negative, and never falling from one level to the next.
	Paths    [][]float64
	Warnings []error // what makes the forecast weaker than it could be
}

// Path returns the path of a level; nil for a level that was not asked for.
func (f Forecast) Path(level float64) []float64 {
	for i, l := range f.Levels {
		if l == level {
			return f.Paths[i]
		}
	}
	return nil
}

// Len returns the number of steps.
func (f Forecast) Len() int {
	if len(f.Paths) == 0 {
		return 0
	}
	return len(f.Paths[0])
}

// Time returns the instant of step i, counted from 0.
func (f Forecast) Time(i int) time.Time { return f.Start.Add(time.Duration(i) * f.Step) }
