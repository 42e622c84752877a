package forecast

import (
	"math"
	"time"
)

// outages tells zeros that mean that nobody measured from those that mean no load.
type outages struct {
	busy []bool  // times of the day at which a zero is unheard of
	low  float64 // a load below it is not far from zero
	last float64 // the last load that was not zero
	run  int     // zeros in a row, live
	step time.Duration
}

const (
	shortestOutage = 30 * time.Minute
	longestOutage  = day  // a longer run of zeros is a load that ended
	unheardOf      = 0.05 // share of days with a zero at a time
	faraway        = 0.1  // of the mean load: a usual value below it is not far from zero
)

// findOutages learns at which times of the day a zero is unheard of: hardly any
// day has one outside of long runs, and the usual value is far from zero.
func findOutages(s Series) outages {
	perDay := int(day / s.Step)
	o := outages{busy: make([]bool, perDay), low: faraway * meanKnown(s.Values), last: math.Inf(1), step: s.Step}
	sum, known, zeros := make([]float64, perDay), make([]float64, perDay), make([]float64, perDay)
	c := s.clock(s.Start)
	eachRun(s.Values, func(from, to int, zero bool) {
		long := zero && time.Duration(to-from)*s.Step >= shortestOutage
		for i := from; i < to; i++ {
			y := s.Values[i]
			slot := c.slot(c.next+int64(i)*c.step, day)
			if math.IsNaN(y) || long && time.Duration(to-from)*s.Step <= longestOutage {
				continue
			}
			known[slot]++
			sum[slot] += y
			if zero {
				zeros[slot]++
			}
		}
	})
	for o.run < s.Len() && s.Values[s.Len()-1-o.run] == 0 {
		o.run++
	}
	if o.run < s.Len() {
		o.last = s.Values[s.Len()-1-o.run]
	}
	for slot := range o.busy {
		const days = 2 // fewer say nothing
		o.busy[slot] = known[slot] >= days && zeros[slot] <= unheardOf*known[slot] && sum[slot] > o.low*known[slot]
	}
	return o
}

// eachRun calls do for every run of zeros and for every run of other values.
func eachRun(values []float64, do func(from, to int, zero bool)) {
	for from := 0; from < len(values); {
		to := from + 1
		for to < len(values) && (values[to] == 0) == (values[from] == 0) {
			to++
		}
		do(from, to, values[from] == 0)
		from = to
	}
}

// removed returns the series with outages missing.
func (o outages) removed(s Series) Series {
	c := s.clock(s.Start)
	out := s.Values
	eachRun(s.Values, func(from, to int, zero bool) {
		length := time.Duration(to-from) * s.Step
		if !zero || length < shortestOutage || length > longestOutage || from > 0 && s.Values[from-1] < o.low {
			return
		}
		busy := 0
		for i := from; i < to; i++ {
			if o.busy[c.slot(c.next+int64(i)*c.step, day)] {
				busy++
			}
		}
		if 2*busy <= to-from {
			return
		}
		if &out[0] == &s.Values[0] {
			out = append([]float64(nil), s.Values...)
		}
		for i := from; i < to; i++ {
			out[i] = math.NaN()
		}
	})
	s.Values = out
	return s
}

// is reports whether a value that has just come at a time of the day belongs to
// an outage. The first zeros already do: that a pool serves nothing where it
// always did is no reason to expect less. After a load that was low they do not:
// then somebody measures that there is little.
func (o *outages) is(slot int, y float64) bool {
	if y != 0 {
		o.run = 0
		if !math.IsNaN(y) {
			o.last = y
		}
		return false
	}
	o.run++
	return o.busy[slot] && !(o.last < o.low) && time.Duration(o.run)*o.step <= longestOutage
}
