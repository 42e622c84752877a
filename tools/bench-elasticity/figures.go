package main

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

// figures are what a way to scale came to, by column.
type figures [columns]float64

const (
	agentHours = iota
	underTime
	actions // a day
	underShare
	overShare
	overTime
	instability
	underGames // τ_U around games; NaN where there are none
	columns
)

// names and layouts of the columns, and what they are multiplied by.
var (
	names   = [columns]string{"agent-hours", "τ_U", "actions/day", "θ_U", "θ_O", "τ_O", "υ", "τ_U at games"}
	layouts = [columns]string{"%.0f", "%.2f", "%.1f", "%.2f", "%.1f", "%.1f", "%.2f", "%.2f"}
	units   = [columns]string{1: " %", 3: " %", 4: " %", 5: " %", 6: " %", 7: " %"}
	scales  = [columns]float64{1, 100, 1, 100, 100, 100, 100, 100}
)

func figuresOf(o backtest.Outcome, s backtest.Span) figures {
	return figures{o.AgentHours, o.UnderTime, o.ActionsPerDay(s), o.UnderShare, o.OverShare, o.OverTime, o.Instability, math.NaN()}
}

// outcomes are figures by way.
type outcomes map[string]figures

func outcomesOf(r backtest.Result) outcomes {
	out := outcomes{}
	for _, o := range r.Pools[0].Ways {
		out[o.Way] = figuresOf(o, r.Span)
	}
	return out
}

// atCost returns the autoscaler of as many agent-hours as the adapter, and its target.
func (o outcomes) atCost() (f figures, percent float64, ok bool) {
	var curve []figures
	for _, hpa := range hpas() {
		curve = append(curve, o[hpa])
	}
	return atHours(curve, o[backtest.Adapter][agentHours])
}

// The ways that cost as many agent-hours as the adapter.
const (
	hpaAtCost      = "HPA at the cost of `adapter`"
	foreseenAtCost = "foreseen at the cost of `adapter`" // by who knows the load but for its noise
)

// targets are those of the autoscalers that make up a curve, in percent of what an agent
// serves. The steps are small, since the line between two points lies above the curve.
func targets() []int {
	var out []int
	for percent := backtest.MostTarget; percent >= 20; percent -= 2 {
		out = append(out, percent)
	}
	return out
}

// hpas are the names of the autoscalers.
func hpas() []string {
	var out []string
	for _, percent := range targets() {
		out = append(out, backtest.HPAOf(percent))
	}
	return out
}

// atHours returns the autoscaler of so many agent-hours: the curve has the figures of each
// target, highest first, and between two neighbours each figure lies on a line. There is none
// if even the dearest costs less, or the cheapest more.
func atHours(curve []figures, hours float64) (f figures, percent float64, ok bool) {
	percents := targets()
	for i := range curve[1:] {
		a, b := curve[i], curve[i+1]
		if !(a[agentHours] <= hours && hours <= b[agentHours]) || a[agentHours] == b[agentHours] {
			continue
		}
		share := (hours - a[agentHours]) / (b[agentHours] - a[agentHours])
		for k := range f {
			f[k] = (1-share)*a[k] + share*b[k]
		}
		f[agentHours] = hours // without what rounding does
		return f, (1-share)*float64(percents[i]) + share*float64(percents[i+1]), true
	}
	return f, 0, false
}

// interval is a mean with how far its 95 % interval reaches to both sides.
type interval struct{ mean, half float64 }

// over returns the mean over seeds, by Student's t.
func over(values []float64) interval {
	mean, deviation := stat.MeanStdDev(values, nil)
	n := float64(len(values))
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975)
	return interval{mean, t * deviation / math.Sqrt(n)}
}

// ratio returns Σa/Σb over seeds, where both of a seed belong together. With r that ratio
// its error is the one of the mean of (a − r·b)/b̄ (Cochran, Sampling Techniques, 3rd ed.,
// section 6.4).
func ratio(a, b []float64) interval {
	r := stat.Mean(a, nil) / stat.Mean(b, nil)
	errors := make([]float64, len(a))
	for i := range a {
		errors[i] = (a[i] - r*b[i]) / stat.Mean(b, nil)
	}
	return interval{r, over(errors).half}
}

// judged tells a ratio and whether it meets a target: the whole interval does, no part of it,
// or some.
func (i interval) judged(most float64) string {
	verdict := "open"
	switch {
	case math.IsNaN(i.mean):
		return "–"
	case i.mean+i.half <= most:
		verdict = "met"
	case i.mean-i.half > most:
		verdict = "not met"
	}
	return fmt.Sprintf("%.2f ± %.2f, %s", i.mean, i.half, verdict)
}
