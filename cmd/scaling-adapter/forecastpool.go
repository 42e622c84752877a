package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// poolForecast is what an adapter says about a pool at /api/v1/forecast.
type poolForecast apiv1.Forecast

// ofPool asks an adapter for its forecast of a pool.
func (c *forecastCmd) ofPool(ctx context.Context) (forecastReport, error) {
	var answer []poolForecast
	err := c.ask(ctx, apiv1.Request{Method: http.MethodGet, Path: "forecast", Query: url.Values{"pool": {c.Pool}, "parts": {"true"}}}, &answer)
	if errors.Is(err, apiv1.ErrNobody) {
		return forecastReport{}, fmt.Errorf("%w, or forecast a file with --csv", err)
	}
	if err != nil {
		return forecastReport{}, err
	}
	if len(answer) != 1 || answer[0].Pool != c.Pool {
		return forecastReport{}, c.noAdapter("it tells of other pools")
	}
	p := answer[0]
	if p.Start == nil || len(p.Paths) == 0 {
		why := p.Fallback
		if why == "" {
			why = "it has not measured enough yet"
		}
		return forecastReport{}, fmt.Errorf("pool %q has no forecast: %s", c.Pool, why)
	}
	r, err := p.report(c.Location, time.Duration(c.Horizon))
	if err != nil {
		return forecastReport{}, fmt.Errorf("%s answers nonsense about pool %q: %w", c.Address, c.Pool, err)
	}
	for _, level := range c.levels() {
		if r.Forecast.Path(level) == nil {
			return forecastReport{}, fmt.Errorf("the adapter does not forecast quantile %v of pool %q; it has %v", level, c.Pool, r.Forecast.Levels)
		}
	}
	return r, nil
}

// report returns what is said about a horizon, times in a zone, the pool's without a
// name. Others rely on what is checked here.
func (p poolForecast) report(location string, horizon time.Duration) (forecastReport, error) {
	if location == "" {
		location = p.Location
	}
	zone, err := time.LoadLocation(location)
	if err != nil {
		return forecastReport{}, err
	}
	r := forecastReport{Source: "pool " + p.Pool, Warnings: p.Warnings}
	if r.Forecast, err = p.forecast(zone); err != nil {
		return forecastReport{}, err
	}
	if r.Measured, err = p.measured(r.Forecast); err != nil {
		return forecastReport{}, err
	}
	known := r.Forecast.Len()
	shown := min(known, steps(horizon, r.Forecast.Step))
	if r.Parts, err = p.parts(known, shown); err != nil {
		return forecastReport{}, err
	}
	for i, path := range r.Forecast.Paths {
		r.Forecast.Paths[i] = path[:shown]
	}
	if p.Fallback != "" {
		r.Warnings = append([]string{"the adapter does not use this forecast: " + p.Fallback}, r.Warnings...)
	}
	for _, s := range p.Scores {
		r.Scores = append(r.Scores, forecast.Score{Model: s.Model, Horizon: p.steps(s.Horizon), WAPE: orNaN(s.WAPE), Bias: orNaN(s.Bias), Weight: s.Weight, N: s.N})
	}
	for _, s := range p.Coverage {
		r.Coverage = append(r.Coverage, forecast.Coverage{Horizon: p.steps(s.Horizon), Share: s.Share, Pinball: s.Pinball, N: s.N})
	}
	for _, e := range p.Events {
		r.Events = append(r.Events, forecast.Event{Class: e.Type, Start: e.Start, End: e.End})
	}
	for _, e := range p.Effects {
		r.Effects = append(r.Effects, effect{forecast.Effect{
			Class: e.Class, Events: e.Events, Declared: orNaN(e.Declared), Measured: orNaN(e.Measured), Low: orNaN(e.Low), High: orNaN(e.High),
		}, e.Learned})
	}
	return r, nil
}

// forecast returns the quantile paths.
func (p poolForecast) forecast(zone *time.Location) (forecast.Forecast, error) {
	f := forecast.Forecast{Model: p.Model, Start: p.Start.In(zone), Levels: p.Levels, Paths: p.Paths}
	if !(p.Step >= 1 && p.Step <= 86400) {
		return f, fmt.Errorf("step_seconds is %v", p.Step)
	}
	f.Step = time.Duration(p.Step * float64(time.Second))
	if len(p.Levels) != len(p.Paths) || !slices.IsSorted(p.Levels) || f.Len() == 0 {
		return f, fmt.Errorf("%d quantiles, %d lists of loads", len(p.Levels), len(p.Paths))
	}
	for _, path := range p.Paths {
		if len(path) != f.Len() {
			return f, errors.New("lists of loads of different lengths")
		}
	}
	return f, nil
}

// measured returns the loads up to the forecast, which may know less or more.
func (p poolForecast) measured(f forecast.Forecast) (forecast.Series, error) {
	m := p.Measured
	if m == nil || len(m.Loads) == 0 {
		return forecast.Series{}, nil
	}
	if m.Step != p.Step {
		return forecast.Series{}, fmt.Errorf("step_seconds is %v and of what was measured %v", p.Step, m.Step)
	}
	s := forecast.Series{Start: m.Start.In(f.Start.Location()), Step: f.Step, Values: orNaNs(m.Loads)}
	n := s.Index(f.Start)
	if n <= 0 || n > mostSteps || !s.Time(n).Equal(f.Start) {
		return forecast.Series{}, fmt.Errorf("measured from %s, forecast from %s", m.Start, p.Start)
	}
	for len(s.Values) < n {
		s.Values = append(s.Values, math.NaN())
	}
	s.Values = s.Values[:n]
	return s, nil
}

// parts returns what the first steps of the median are made of; nil if that is not
// said.
func (p poolForecast) parts(known, shown int) (*parts, error) {
	if p.Parts == nil {
		return nil, nil
	}
	out := &parts{}
	for _, part := range []struct {
		to   *[]float64
		from []*float64
	}{
		{&out.Level, p.Parts.Level}, {&out.Seasonal, p.Parts.Seasonal}, {&out.Autoregressive, p.Parts.Autoregressive},
		{&out.Event, p.Parts.Event}, {&out.Rules, p.Parts.Rules},
	} {
		if len(part.from) != known {
			return nil, fmt.Errorf("parts of %d steps, loads of %d", len(part.from), known)
		}
		*part.to = orNaNs(part.from)[:shown]
	}
	return out, nil
}

func (p poolForecast) steps(seconds float64) int {
	return int(math.Round(min(seconds/p.Step, mostSteps)))
}

func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}

func orNaNs(xs []*float64) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = orNaN(x)
	}
	return out
}
