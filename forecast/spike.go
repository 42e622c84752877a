package forecast

import (
	"math"
	"slices"
	"time"
)

// spikes keeps single wild values from the models. One that is far beyond all that
// was forecast for it is learned as the farthest that is not, until such values
// have come for half an hour to the same side: then the load has changed.
type spikes struct {
	run int // values in a row beyond the bound, negative for ones below
}

const (
	spikeLasts  = 30 * time.Minute // a longer run is a change
	spikeReach  = 3                // times the errors that one in twenty exceeds
	leastError  = 0.01             // of errors, for loads that are forecast exactly
	spikeAround = 2 * time.Hour    // that tell what is usual around a past spike
	spikeHeight = 5                // times the largest value around it
)

// cut returns what the models learn of y.
func (s *spikes) cut(p *Predictor, y float64) float64 {
	e, scale := p.nextErrors()
	n := len(e.sorted)
	if math.IsNaN(y) || n < fewErrors {
		return y
	}
	expected := p.next()
	low := spikeReach * min(e.sorted[n/20].value(), -leastError)
	high := spikeReach * max(e.sorted[n-1-n/20].value(), leastError)
	r := residual(y, expected, scale)
	switch {
	case r > high:
		s.run = max(s.run, 0) + 1
	case r < low:
		s.run = min(s.run, 0) - 1
	default:
		s.run = 0
	}
	if s.run == 0 || time.Duration(max(s.run, -s.run))*p.step > spikeLasts {
		return y
	}
	return moved(expected, min(max(r, low), high), scale)
}

// next returns the combination's expectation for the next value.
func (p *Predictor) next() float64 {
	for i, m := range p.members {
		m.fitted.Predict(p.path[:1])
		p.values[i] = p.sane(p.path[0])
	}
	weigh(p.members, 0, p.mixed)
	return p.sane(middle(p.values, p.mixed, p.order) * p.effects.factor(p.clock.next))
}

// withoutSpikes returns the series with past spikes cut to the largest value
// around them: short runs, far above all that was measured in the hours before and
// after. What has just come may be the beginning of a change, but is not taken for
// one sooner than [spikes.cut] does.
func withoutSpikes(s Series) Series {
	known := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(s.Values), math.IsNaN)))
	if len(known) == 0 {
		return s
	}
	wild := spikeHeight * known[(len(known)-1)*99/100]
	around, longest := int(spikeAround/s.Step), max(int(spikeLasts/s.Step), 1)
	var out []float64
	for from := 0; from < s.Len(); from++ {
		to := from
		for to < s.Len() && s.Values[to] > wild {
			to++
		}
		if to == from || to-from > longest {
			from = max(from, to-1)
			continue
		}
		usual := max(largestOf(s.Values[max(0, from-around):from]), largestOf(s.Values[to:min(s.Len(), to+around)]))
		for i := from; i < to; i++ {
			if s.Values[i] > spikeHeight*usual && usual > 0 {
				if out == nil {
					out = slices.Clone(s.Values)
				}
				out[i] = usual
			}
		}
		from = to - 1
	}
	if out != nil {
		s.Values = out
	}
	return s
}

func largestOf(values []float64) float64 {
	largest := 0.0
	for _, y := range values {
		largest = max(largest, zeroIfNaN(y))
	}
	return largest
}
