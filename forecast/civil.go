package forecast

import "math"

// civil returns the values on the grid of the local wall clock, on which every
// day is of one length, and the slot of the week of the first: the hour that
// spring leaves out is missing, the one that autumn repeats is the mean of both.
// Holidays are missing, since they are not like their weekday.
func (s Series) civil() (values []float64, slot int) {
	c := s.clock(s.Start)
	holidays := c.holidays
	c.holidays = nil
	slot = c.slot(c.next, week)
	c.holidays = holidays
	first := c.local(c.next) / c.step
	values = make([]float64, 0, s.Len())
	for i, y := range s.Values {
		at := int(c.local(c.next+int64(i)*c.step)/c.step - first)
		if len(holidays) > 0 && c.isHoliday(c.next+int64(i)*c.step) {
			y = math.NaN()
		}
		for len(values) < at {
			values = append(values, math.NaN())
		}
		switch {
		case at == len(values):
			values = append(values, y)
		case at >= 0 && math.IsNaN(values[at]):
			values[at] = y
		case at >= 0 && !math.IsNaN(y):
			values[at] = (values[at] + y) / 2
		}
	}
	return values, slot
}

// filled returns the values with missing ones replaced by those of a week or a
// day before, or by a line between their neighbours. It returns the values
// themselves when none is missing, and only missing ones when all are.
func filled(values []float64, perDay int) []float64 {
	if !hasMissing(values) {
		return values
	}
	y := append([]float64(nil), values...)
	for _, period := range []int{7 * perDay, perDay} {
		for i := period; i < len(y); i++ {
			if math.IsNaN(y[i]) {
				y[i] = y[i-period]
			}
		}
	}
	last := -1
	for i := range y {
		if math.IsNaN(y[i]) {
			continue
		}
		for j := last + 1; j < i; j++ {
			y[j] = y[i]
			if last >= 0 {
				y[j] = y[last] + (y[i]-y[last])*float64(j-last)/float64(i-last)
			}
		}
		last = i
	}
	for j := last + 1; last >= 0 && j < len(y); j++ {
		y[j] = y[last]
	}
	return y
}

func hasMissing(values []float64) bool {
	for _, y := range values {
		if math.IsNaN(y) {
			return true
		}
	}
	return false
}

// meanKnown returns the mean of the values that are not missing; 0 of none.
func meanKnown(xs []float64) float64 {
	mean, n := 0.0, 0.0
	for _, x := range xs {
		if !math.IsNaN(x) {
			n++
			mean += (x - mean) / n // a running mean does not overflow
		}
	}
	return mean
}

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

func missing(n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = math.NaN()
	}
	return xs
}
