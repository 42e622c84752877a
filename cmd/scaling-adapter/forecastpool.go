package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

const (
	askTimeout = 10 * time.Second
	mostAnswer = 32 << 20
)

// poolAnswer is what an adapter says at /api/v1/forecast.
type poolAnswer struct {
	Status string         `json:"status"`
	Error  string         `json:"error"`
	Data   []poolForecast `json:"data"`
}

type poolForecast struct {
	Pool     string      `json:"pool"`
	Model    string      `json:"model"`
	Fallback string      `json:"fallback"`
	Start    *time.Time  `json:"start"`
	Step     float64     `json:"step_seconds"`
	Levels   []float64   `json:"quantiles"`
	Paths    [][]float64 `json:"loads"`
	Scores   []struct {
		Model   string   `json:"model"`
		Horizon float64  `json:"horizon_seconds"`
		WAPE    *float64 `json:"wape"`
		Bias    *float64 `json:"bias"`
		Weight  float64  `json:"weight"`
		N       int      `json:"forecasts"`
	} `json:"scores"`
	Coverage []struct {
		Horizon float64 `json:"horizon_seconds"`
		Share   float64 `json:"share"`
		N       int     `json:"values"`
	} `json:"interval_coverage"`
	Warnings []string `json:"warnings"`
}

// ofPool asks an adapter for its forecast of a pool.
func (c *forecastCmd) ofPool(ctx context.Context, zone *time.Location) (forecastReport, error) {
	answer, err := c.ask(ctx)
	if err != nil {
		return forecastReport{}, err
	}
	if answer.Status != "success" || len(answer.Data) != 1 || answer.Data[0].Pool != c.Pool {
		return forecastReport{}, fmt.Errorf("%s does not answer like a scaling-adapter", c.Address)
	}
	p := answer.Data[0]
	if p.Start == nil || len(p.Paths) == 0 {
		why := p.Fallback
		if why == "" {
			why = "it has not measured enough yet"
		}
		return forecastReport{}, fmt.Errorf("pool %q has no forecast: %s", c.Pool, why)
	}
	f, err := p.forecast(zone)
	if err != nil {
		return forecastReport{}, fmt.Errorf("%s answers nonsense about pool %q: %w", c.Address, c.Pool, err)
	}
	for _, level := range c.levels() {
		if f.Path(level) == nil {
			return forecastReport{}, fmt.Errorf("the adapter does not forecast quantile %v of pool %q; it has %v", level, c.Pool, f.Levels)
		}
	}
	for i, path := range f.Paths {
		f.Paths[i] = path[:min(len(path), steps(time.Duration(c.Horizon), f.Step))]
	}
	r := forecastReport{Source: "pool " + c.Pool, Forecast: f, Warnings: p.Warnings}
	if p.Fallback != "" {
		r.Warnings = append([]string{"the adapter does not use this forecast: " + p.Fallback}, r.Warnings...)
	}
	for _, s := range p.Scores {
		r.Scores = append(r.Scores, forecast.Score{Model: s.Model, Horizon: p.steps(s.Horizon), WAPE: orNaN(s.WAPE), Bias: orNaN(s.Bias), Weight: s.Weight, N: s.N})
	}
	for _, s := range p.Coverage {
		r.Coverage = append(r.Coverage, forecast.Coverage{Horizon: p.steps(s.Horizon), Share: s.Share, N: s.N})
	}
	return r, nil
}

func (c *forecastCmd) ask(ctx context.Context) (poolAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	address, err := url.Parse(c.Address)
	if err != nil {
		return poolAnswer{}, err
	}
	address = address.JoinPath("api/v1/forecast")
	address.RawQuery = url.Values{"pool": {c.Pool}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return poolAnswer{}, err
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return poolAnswer{}, fmt.Errorf("nobody answers at %s; start the adapter with scaling-adapter run, say where it is with --address, or forecast a file with --csv", address.Host)
	case errors.Is(err, context.DeadlineExceeded):
		return poolAnswer{}, fmt.Errorf("%s did not answer within %s", address.Host, askTimeout)
	case err != nil:
		return poolAnswer{}, fmt.Errorf("ask the adapter: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	switch {
	case err != nil:
		return poolAnswer{}, fmt.Errorf("read the answer of %s: %w", address.Host, err)
	case len(body) > mostAnswer:
		return poolAnswer{}, fmt.Errorf("the answer of %s has more than %d bytes", address.Host, mostAnswer)
	}
	var answer poolAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return poolAnswer{}, fmt.Errorf("%s does not answer like a scaling-adapter: %s", address.Host, response.Status)
	}
	if answer.Error != "" {
		return poolAnswer{}, fmt.Errorf("the adapter at %s says: %s", address.Host, answer.Error)
	}
	return answer, nil
}

// forecast returns the quantile paths; others rely on what is checked here.
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

func (p poolForecast) steps(seconds float64) int {
	return int(math.Round(min(seconds/p.Step, mostSteps)))
}

func orNaN(x *float64) float64 {
	if x == nil {
		return math.NaN()
	}
	return *x
}
