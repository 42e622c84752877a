package engine

import (
	"math"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Effect is what history says about the events of a demand rule, beside the factor
// that the rule declares.
type Effect struct {
	forecast.Effect      // its class is the rule
	Learned         bool // it is applied; otherwise the factor is
}

// effectEvents returns the events of demand rules: those whose effect the models
// learn, and the others, whose declared factor is applied.
func (p *pool) effectEvents() (learned, declared []forecast.Event) {
	for _, e := range p.timeline.EventEffects() {
		event := forecast.Event{Class: e.Rule, Start: e.Start, End: e.End, Factor: e.Factor}
		if e.Learned {
			learned = append(learned, event)
		} else {
			declared = append(declared, event)
		}
	}
	return learned, declared
}

// measure compares the declared factors with what the history says.
func (p *pool) measure(declared []forecast.Event) []Effect {
	if len(declared) == 0 {
		return nil
	}
	s := p.history.Series()
	for i, y := range s.Values {
		if !math.IsNaN(y) {
			s.Values[i] = p.regular(p.timeline.Offset(s.Time(i)), y)
		}
	}
	s.Holidays = p.spec.Holidays
	effects, err := forecast.MeasureEffects(s, declared)
	if err != nil {
		return nil // the fit has told what is wrong with the series
	}
	return asEffects(effects, false)
}

func asEffects(effects []forecast.Effect, learned bool) []Effect {
	out := make([]Effect, len(effects))
	for i, e := range effects {
		out[i] = Effect{e, learned}
	}
	return out
}

// regular takes the regular effects of rules out of a load; where they leave nothing
// of it, nothing is known.
func (p *pool) regular(o policy.Offset, y float64) float64 {
	if o.Regular <= 0 {
		return math.NaN()
	}
	return max(y-o.RegularAdd*p.spec.Pool.PerAgent, 0) / o.Regular
}
