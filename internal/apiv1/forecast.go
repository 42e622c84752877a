package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
)

// Forecast is what the load of a pool is expected to be.
type Forecast struct {
	Pool     string      `json:"pool"`
	Model    string      `json:"model"`
	Fallback string      `json:"fallback,omitempty"`
	Location string      `json:"location"`
	Measured *Measured   `json:"measured"`
	Start    *time.Time  `json:"start"`
	Step     float64     `json:"step_seconds"`
	Levels   []float64   `json:"quantiles"`
	Paths    [][]float64 `json:"loads"` // one list for each quantile, one value for each step
	Scores   []Score     `json:"scores"`
	Coverage []Coverage  `json:"interval_coverage"`
	Events   []Event     `json:"events"` // in the time that is told
	Effects  []Effect    `json:"effects"`
	Parts    *Parts      `json:"parts,omitempty"` // if they are asked for
	Warnings []string    `json:"warnings,omitempty"`
}

// Measured are the loads of the last two days.
type Measured struct {
	Start time.Time  `json:"start"`
	Step  float64    `json:"step_seconds"`
	Loads []*float64 `json:"loads"` // null where one is missing
}

// Parts are what each cause adds to the median, one value for each step.
type Parts struct {
	Level          []*float64 `json:"level"`
	Seasonal       []*float64 `json:"seasonal"`
	Autoregressive []*float64 `json:"autoregressive"`
	Event          []*float64 `json:"event"`
	Rules          []*float64 `json:"rules"`
}

// Effect is what the past says about the events of a rule.
type Effect struct {
	Class    string   `json:"class"`    // the rule
	Events   int      `json:"events"`   // seen
	Declared *float64 `json:"declared"` // factor
	Measured *float64 `json:"measured"`
	Low      *float64 `json:"low"` // a standard error below what was measured
	High     *float64 `json:"high"`
	Learned  bool     `json:"learned"` // what was measured is applied; otherwise what is declared
}

// EffectOf tells the effect of a rule's events.
func EffectOf(e engine.Effect) Effect {
	return Effect{
		Class: e.Class, Events: e.Events, Declared: Number(e.Declared), Measured: Number(e.Measured), Low: Number(e.Low), High: Number(e.High), Learned: e.Learned,
	}
}

// Coverage is how well the intervals held.
type Coverage struct {
	Horizon float64 `json:"horizon_seconds"`
	Share   float64 `json:"share"`   // within the 10–90 % interval
	Pinball float64 `json:"pinball"` // mean of the pinball losses of the 10 % and 90 % quantiles, over the mean load
	N       int     `json:"values"`
}

// Score is how a model did.
type Score struct {
	Model   string   `json:"model"`
	Horizon float64  `json:"horizon_seconds"`
	WAPE    *float64 `json:"wape"`
	Bias    *float64 `json:"bias"`
	Weight  float64  `json:"weight"` // in the combination at this horizon
	N       int      `json:"forecasts"`
}
