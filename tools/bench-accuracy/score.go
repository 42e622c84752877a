package main

import (
	"math"
	"slices"

	"github.com/scaling-adapter/scaling-adapter/forecast/backtest"
)

// Naive2 of all 414 hourly series, as published with the M4 competition: what
// the overall weighted average, OWA, divides by.
const (
	naive2SMAPE = 18.383
	naive2MASE  = 2.395
)

// A figure is one thing that is measured.
type figure int

// The figures; those that end in percentages are of quantiles.
const (
	sMAPE figure = iota
	mase
	owa
	owaHere // with Naive2 of the same series as the divisor
	msis95
	within80
	within95
	wape
	bias
	pinball90
	below90
	milliseconds
	asked  // number of forecasts
	failed // number of forecasts that an error prevented
	numberOfFigures
)

// figures are all figures of one method; NaN was not measured.
type figures [numberOfFigures]float64

// noFigures are figures of which none was measured.
func noFigures() figures {
	var f figures
	for i := range f {
		f[i] = math.NaN()
	}
	return f
}

// mean returns the mean of each figure, and the sum of the counts. Without any
// figures it is NaN.
func mean(all []figures) figures {
	if len(all) == 0 {
		return noFigures()
	}
	var out figures
	for i := range out {
		for _, f := range all {
			out[i] += f[i]
		}
		if figure(i) != asked && figure(i) != failed {
			out[i] /= float64(len(all))
		}
	}
	return out
}

// score judges a result on the tasks that are wanted, one flag each; nil wants
// all. Forecasts below zero are cut at zero, whoever made them, since no load
// is negative.
func (t *trial) score(r result, wanted []bool) figures {
	var scores backtest.Scores
	var band80, band95 band
	var spent []float64
	out := noFigures()
	out[asked], out[failed] = 0, 0
	for i, a := range r.answers {
		if !a.asked || wanted != nil && !wanted[i] {
			continue
		}
		out[asked]++
		if a.err != nil || slices.ContainsFunc(a.forecast.Path(.5), math.IsNaN) {
			out[failed]++
			continue
		}
		spent = append(spent, a.spent.Seconds()*1000)
		known := t.tasks[i]
		scale := backtest.SeasonalScale(known.known().Values, known.load.perDay())
		at := func(level float64, k int) float64 {
			path := a.forecast.Path(level)
			if path == nil {
				return math.NaN()
			}
			return max(path[k], 0)
		}
		for k, y := range known.actual() {
			scores.Add(y, backtest.Expectation{Median: at(.5, k), Upper: at(.9, k)}, .9, scale)
			band80.add(y, backtest.Interval{Low: at(.1, k), High: at(.9, k)}, .2, scale)
			band95.add(y, backtest.Interval{Low: at(.025, k), High: at(.975, k)}, .05, scale)
		}
	}
	out[sMAPE], out[mase] = scores.SMAPE(), scores.MASE()
	out[owa] = (out[sMAPE]/naive2SMAPE + out[mase]/naive2MASE) / 2
	out[wape], out[bias], out[pinball90] = scores.WAPE(), scores.Bias(), scores.MeanPinball()
	if !math.IsNaN(out[pinball90]) { // there were upper quantiles
		out[below90] = scores.Coverage()
	}
	out[msis95] = band95.score / band95.n
	out[within80], out[within95] = band80.inside/band80.n, band95.inside/band95.n
	out[milliseconds] = median(spent)
	return out
}

// A band sums up how good intervals of one kind were.
type band struct{ n, inside, score float64 }

// add judges one interval at the significance level alpha.
func (b *band) add(y float64, i backtest.Interval, alpha, scale float64) {
	if math.IsNaN(y) || math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return
	}
	b.n++
	b.score += i.Score(y, alpha) / scale
	if i.Contains(y) {
		b.inside++
	}
}

// asks tells for each task whether the result has an answer, and whether it has
// all of them.
func (r result) asks() (flags []bool, all bool) {
	all = true
	for _, a := range r.answers {
		flags = append(flags, a.asked)
		all = all && a.asked
	}
	return flags, all
}

// median returns the middle of xs, NaN of none.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	xs = slices.Sorted(slices.Values(xs))
	return (xs[len(xs)/2] + xs[(len(xs)-1)/2]) / 2
}
