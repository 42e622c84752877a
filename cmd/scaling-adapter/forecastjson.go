package main

import (
	"encoding/json"
	"io"
	"math"
	"time"
)

// forecastView is a report as one document. Its keys are those of the API.
type forecastView struct {
	Source   string         `json:"source"`
	Unit     string         `json:"unit"`
	Location string         `json:"location"`
	Measured *measuredView  `json:"measured"`
	Start    time.Time      `json:"start"`
	Step     float64        `json:"step_seconds"`
	Levels   []float64      `json:"quantiles"`
	Paths    [][]float64    `json:"loads"` // one list for each quantile, one value for each step
	Scores   []scoreView    `json:"scores"`
	Coverage []coverageView `json:"interval_coverage"`
	Parts    *partsView     `json:"parts"` // null where an adapter does not know them
	Effects  []effectView   `json:"effects"`
	Warnings []string       `json:"warnings"`
}

type measuredView struct {
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"` // of the last value
	Step    float64   `json:"step_seconds"`
	Values  int       `json:"values"`
	Missing int       `json:"missing"`
}

type scoreView struct {
	Model   string   `json:"model"`
	Horizon float64  `json:"horizon_seconds"`
	Weight  *float64 `json:"weight"`
	WAPE    *float64 `json:"wape"`
	Bias    *float64 `json:"bias"`
	N       int      `json:"forecasts"`
}

type coverageView struct {
	Horizon float64 `json:"horizon_seconds"`
	Share   float64 `json:"share"` // within the 10–90 % interval
	N       int     `json:"values"`
}

// partsView is what the median is made of, one value for each step.
type partsView struct {
	Level          []*float64 `json:"level"`
	Seasonal       []*float64 `json:"seasonal"`
	Autoregressive []*float64 `json:"autoregressive"`
	Event          []*float64 `json:"event"`
	Rules          []*float64 `json:"rules"`
}

type effectView struct {
	Class    string   `json:"class"`
	Events   int      `json:"events"`
	Declared *float64 `json:"declared"`
	Measured *float64 `json:"measured"`
	Low      *float64 `json:"low"`
	High     *float64 `json:"high"`
	Learned  bool     `json:"learned"` // what was measured is applied; otherwise what is declared
}

// number is null where there is none: JSON has no NaN.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func numbers(xs []float64) []*float64 {
	out := make([]*float64, len(xs))
	for i, x := range xs {
		out[i] = number(x)
	}
	return out
}

func (r forecastReport) writeJSON(w io.Writer) error {
	f := r.Forecast
	v := forecastView{
		Source: r.Source, Unit: r.Unit, Location: f.Start.Location().String(),
		Start: f.Start.UTC(), Step: f.Step.Seconds(), Levels: f.Levels, Paths: f.Paths,
		Scores: []scoreView{}, Coverage: []coverageView{}, Effects: []effectView{}, Warnings: append([]string{}, r.Warnings...),
	}
	if s := r.Measured; s.Len() > 0 {
		v.Measured = &measuredView{s.Start.UTC(), s.Time(s.Len() - 1).UTC(), s.Step.Seconds(), s.Len(), missing(s.Values)}
	}
	for _, s := range r.Scores {
		v.Scores = append(v.Scores, scoreView{s.Model, r.ahead(s.Horizon).Seconds(), number(s.Weight), number(s.WAPE), number(s.Bias), s.N})
	}
	for _, c := range r.Coverage {
		v.Coverage = append(v.Coverage, coverageView{r.ahead(c.Horizon).Seconds(), c.Share, c.N})
	}
	if p := r.Parts; p != nil {
		v.Parts = &partsView{numbers(p.Level), numbers(p.Seasonal), numbers(p.Autoregressive), numbers(p.Event), numbers(p.Rules)}
	}
	for _, e := range r.Effects {
		v.Effects = append(v.Effects, effectView{e.Class, e.Events, number(e.Declared), number(e.Measured), number(e.Low), number(e.High), e.Learned})
	}
	return json.NewEncoder(w).Encode(v)
}
