// Package forecast predicts loads on a regular grid of time.
//
// It is pure: values in, values out. It has no I/O, no clock, no logger, no
// goroutines and no globals. It knows nothing about pools or agents; callers
// divide known multipliers out before they fit and put them back on what comes
// out.
package forecast

import (
	"math"
	"slices"
	"time"
)

// Series is a load on a regular grid of time. Missing values are NaN, never
// absent and never zero. A Series is not modified after it was made; Append
// returns a longer one.
type Series struct {
	// Start is the instant of Values[0]. Its location is the wall clock that
	// daily and weekly seasons follow.
	Start  time.Time
	Step   time.Duration // > 0, a divisor of a day
	Values []float64
	// Holidays are days that are unlike their weekday, past and to come. Only
	// their dates count.
	Holidays []time.Time

	shared *shared // by models that are fitted to it; nil if nothing is
}

// Labeled is a series with the labels that tell it from others.
type Labeled struct {
	Labels map[string]string
	Series
}

// Len returns the number of values.
func (s Series) Len() int { return len(s.Values) }

// Time returns the instant of value i; i may lie beyond the end.
func (s Series) Time(i int) time.Time { return s.Start.Add(time.Duration(i) * s.Step) }

// End returns the instant after the last value: that of the next one to come.
func (s Series) End() time.Time { return s.Time(len(s.Values)) }

// Index returns the place of the last grid instant at or before t, which may
// lie outside the series.
func (s Series) Index(t time.Time) int {
	d := t.Sub(s.Start)
	i := int(d / s.Step)
	if d%s.Step < 0 {
		i--
	}
	return i
}

// At returns the value at the last grid instant at or before t, NaN outside.
func (s Series) At(t time.Time) float64 {
	if len(s.Values) == 0 {
		return math.NaN()
	}
	if i := s.Index(t); i >= 0 && i < len(s.Values) {
		return s.Values[i]
	}
	return math.NaN()
}

// Append returns a series with more values. What others hold of s stays as it is.
func (s Series) Append(values ...float64) Series {
	s.Values = append(slices.Clip(s.Values), values...)
	return s
}

// Equal reports whether both series say the same; missing values are alike.
func (s Series) Equal(other Series) bool {
	same := func(a, b float64) bool { return a == b || a != a && b != b }
	return s.Start.Equal(other.Start) && s.Step == other.Step && slices.EqualFunc(s.Values, other.Values, same) &&
		slices.EqualFunc(s.Holidays, other.Holidays, time.Time.Equal)
}

// known returns the number of values that are not missing.
func (s Series) known() int {
	n := 0
	for _, y := range s.Values {
		if !math.IsNaN(y) {
			n++
		}
	}
	return n
}

// holidays returns the dates of the holidays in days since 1970-01-01, ascending.
func (s Series) holidays() []int {
	dates := make([]int, len(s.Holidays))
	for i, t := range s.Holidays {
		year, month, date := t.Date()
		dates[i] = int(time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	slices.Sort(dates)
	return dates
}

// head returns the first n values. It shares them.
func (s Series) head(n int) Series {
	s.Values = s.Values[:n:n]
	return s
}

// From returns the part of the series at or after t. It shares the values.
func (s Series) From(t time.Time) Series {
	if len(s.Values) == 0 {
		return s
	}
	i := s.Index(t)
	if s.Time(i).Before(t) {
		i++
	}
	i = min(max(i, 0), len(s.Values))
	s.Start, s.Values = s.Time(i), s.Values[i:len(s.Values):len(s.Values)]
	return s
}

// Range is an interval on a grid: the instants Start, Start+Step, … up to and
// including End. Start and End are multiples of Step since the Unix epoch.
type Range struct {
	Start, End time.Time
	Step       time.Duration
}
