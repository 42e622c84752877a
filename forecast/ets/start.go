package ets

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// start sets the initial states as R's initstate does: the season is that of a
// classical decomposition, level and trend are the mean, or the line, of the
// first values without it: ten known ones, or two seasons if these are more. For
// less than three seasons, R takes one sine wave as the season; this takes all
// that a line leaves.
func (p *problem) start() {
	adjusted := append([]float64(nil), p.y...)
	head := 10
	if p.spec.Season != None {
		head = max(10, 2*p.period)
		p.decompose()
		for t := range adjusted {
			adjusted[t] = p.without(adjusted[t], p.seasonal[t%p.period])
		}
	}
	at, mean, slope := line(adjusted, head)
	p.level = mean
	if p.spec.Trend != None {
		p.level, p.trend = mean-slope*at, slope
	}
	if !p.spec.positive() {
		return
	}
	if min(p.level, p.level+p.trend) <= 0 {
		p.level, p.trend = mean, 0
	}
	if p.spec.Season == Additive { // terms that suit the end of a growing series are too large for its head
		season, room := p.seasonal[:p.period], max(p.level, 0)/2
		if least := floats.Min(season); least < -room {
			floats.Scale(-room/least, season)
		}
	}
}

// without takes a part out of a value.
func (p *problem) without(y, part float64) float64 {
	if p.spec.Season == Multiplicative {
		return y / part
	}
	return y - part
}

// line returns the least-squares line through the first known values, the first
// of them at 1, as the point of their means and a slope.
func line(y []float64, known int) (at, mean, slope float64) {
	n, xx, xy := 0.0, 0.0, 0.0
	for t, v := range y {
		if v != v {
			continue
		}
		n++
		dx := float64(t+1) - at
		at += dx / n
		dy := v - mean
		mean += dy / n
		xx += dx * (float64(t+1) - at)
		xy += dx * (v - mean)
		if int(n) == known {
			break
		}
	}
	if xx > 0 {
		slope = xy / xx
	}
	return at, mean, slope
}

// decompose writes the first season: the mean at each place of what a centred
// moving average, or a line for less than three seasons, leaves. It is 0, or a
// factor of 1, on average and where no value is known.
func (p *problem) decompose() {
	m, n := p.period, len(p.y)
	at, mean, slope := line(p.y, n)
	trend := func(t int) float64 { return mean + slope*(float64(t+1)-at) }
	if n >= 3*m {
		trend = func(t int) float64 { return centred(p.y, t, m) }
	}
	neutral, average := 0.0, 0.0
	if p.spec.Season == Multiplicative {
		neutral = 1
	}
	for i := range m {
		count := 0.0
		for t := i; t < n; t += m {
			if v := p.without(p.y[t], trend(t)); !math.IsNaN(v) && (neutral == 0 || v > 0) {
				count++
				p.seasonal[i] += (v - p.seasonal[i]) / count
			}
		}
		if count == 0 {
			p.seasonal[i] = neutral
		} else if neutral == 1 {
			p.seasonal[i] = max(p.seasonal[i], smallestSeason)
		}
		average += p.seasonal[i] / float64(m)
	}
	for i := range m {
		p.seasonal[i] = p.without(p.seasonal[i], average)
	}
}

// centred returns the moving average over one season around t, of the values
// that are known; NaN where the series has no whole season around t.
func centred(y []float64, t, m int) float64 {
	half := m / 2
	if t < half || t+half >= len(y) {
		return math.NaN()
	}
	sum, weights := 0.0, 0.0
	for k := t - half; k <= t+half; k++ {
		if y[k] != y[k] {
			continue
		}
		w := 1.0
		if m%2 == 0 && (k == t-half || k == t+half) {
			w = 0.5
		}
		sum += w * y[k]
		weights += w
	}
	return sum / weights
}
