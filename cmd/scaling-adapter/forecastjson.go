package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// forecastView is a report as one document. Its keys are those of the API.
type forecastView struct {
	Source   string           `json:"source"`
	Unit     string           `json:"unit"`
	Location string           `json:"location"`
	Measured *measuredView    `json:"measured"`
	Start    time.Time        `json:"start"`
	Step     float64          `json:"step_seconds"`
	Levels   []float64        `json:"quantiles"`
	Paths    [][]float64      `json:"loads"` // one list for each quantile, one value for each step
	Scores   []scoreView      `json:"scores"`
	Coverage []apiv1.Coverage `json:"interval_coverage"`
	Parts    *apiv1.Parts     `json:"parts"` // null where an adapter does not know them
	Effects  []apiv1.Effect   `json:"effects"`
	Warnings []string         `json:"warnings"`
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

func (r forecastReport) writeJSON(w io.Writer) error {
	f := r.Forecast
	v := forecastView{
		Source: r.Source, Unit: r.Unit, Location: f.Start.Location().String(),
		Start: f.Start.UTC(), Step: f.Step.Seconds(), Levels: f.Levels, Paths: f.Paths,
		Scores: []scoreView{}, Coverage: []apiv1.Coverage{}, Effects: []apiv1.Effect{}, Warnings: append([]string{}, r.Warnings...),
	}
	if s := r.Measured; s.Len() > 0 {
		v.Measured = &measuredView{s.Start.UTC(), s.Time(s.Len() - 1).UTC(), s.Step.Seconds(), s.Len(), missing(s.Values)}
	}
	for _, s := range r.Scores {
		v.Scores = append(v.Scores, scoreView{s.Model, r.ahead(s.Horizon).Seconds(), apiv1.Number(s.Weight), apiv1.Number(s.WAPE), apiv1.Number(s.Bias), s.N})
	}
	for _, c := range r.Coverage {
		v.Coverage = append(v.Coverage, apiv1.Coverage{Horizon: r.ahead(c.Horizon).Seconds(), Share: c.Share, Pinball: c.Pinball, N: c.N})
	}
	if p := r.Parts; p != nil {
		v.Parts = &apiv1.Parts{
			Level: apiv1.Numbers(p.Level), Seasonal: apiv1.Numbers(p.Seasonal), Autoregressive: apiv1.Numbers(p.Autoregressive),
			Event: apiv1.Numbers(p.Event), Rules: apiv1.Numbers(p.Rules),
		}
	}
	for _, e := range r.Effects {
		v.Effects = append(v.Effects, apiv1.Effect{
			Class: e.Class, Events: e.Events, Declared: apiv1.Number(e.Declared), Measured: apiv1.Number(e.Measured), Low: apiv1.Number(e.Low), High: apiv1.Number(e.High), Learned: e.Learned,
		})
	}
	return json.NewEncoder(w).Encode(v)
}
