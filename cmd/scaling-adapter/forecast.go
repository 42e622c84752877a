package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/csvseries"
	"github.com/scaling-adapter/scaling-adapter/internal/forecastplot"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

type forecastCmd struct {
	Pool string `arg:"" optional:"" help:"Pool of a running adapter whose forecast is shown."`
	adapter
	CSV      string         `name:"csv" placeholder:"FILE" help:"File of times and loads that is forecast, instead of a pool."`
	Step     model.Duration `name:"step" help:"Distance of the loads in the file, such as 5m. Without it the commonest one."`
	Events   string         `name:"events" placeholder:"FILE" help:"File of events, past and to come: class, start, end and, if one is expected, the factor."`
	Location string         `name:"location" placeholder:"ZONE" help:"Zone in which times are shown; without it the pool's. Of a file the zone in which times without an offset are read and whose days and weeks the load follows; without it UTC."`
	Horizon  model.Duration `name:"horizon" default:"24h" help:"How far to forecast, up to 31d."`
	Quantile []float64      `name:"quantile" help:"Quantile to show beside 0.1, 0.5 and 0.9; may be repeated."`
	Models   bool           `name:"models" help:"Show the models with their past errors, and what the forecast is made of."`
	Plot     string         `name:"plot" placeholder:"FILE" help:"Draw the forecast into a file, .svg or .png."`
	Output   string         `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// Bounds of what is asked for.
const (
	mostHorizon   = 31 * 24 * time.Hour
	mostQuantiles = 20
	mostSteps     = 100_000
)

// usualQuantiles are always shown.
var usualQuantiles = []float64{0.1, 0.5, 0.9}

// Validate reports wrong usage.
func (c *forecastCmd) Validate() error {
	if (c.Pool == "") == (c.CSV == "") {
		return errors.New("expected either a POOL or --csv FILE")
	}
	if c.CSV == "" && (c.Step != 0 || c.Events != "") {
		return errors.New("--step and --events go with --csv")
	}
	if err := c.adapter.Validate(); err != nil {
		return err
	}
	if step := time.Duration(c.Step); step != 0 {
		if err := csvseries.CheckStep(step); err != nil {
			return fmt.Errorf("--step: %w", err)
		}
	}
	if _, err := time.LoadLocation(c.Location); err != nil {
		return fmt.Errorf("--location: unknown zone %q; expected a name of the tz database like America/New_York", c.Location)
	}
	if h := time.Duration(c.Horizon); h <= 0 || h > mostHorizon {
		return fmt.Errorf("--horizon is %s, must be above 0 and up to 31d", c.Horizon)
	}
	for _, q := range c.Quantile {
		if !(q > 0 && q < 1) {
			return fmt.Errorf("--quantile is %v, must be above 0 and below 1", q)
		}
	}
	if len(c.Quantile) > mostQuantiles {
		return fmt.Errorf("%d times --quantile, at most %d", len(c.Quantile), mostQuantiles)
	}
	if c.Plot != "" {
		if err := forecastplot.CheckName(c.Plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	return nil
}

// Run shows the forecast of a pool or of a file.
func (c *forecastCmd) Run(ctx context.Context, out *output) error {
	var r forecastReport
	var err error
	if c.CSV != "" {
		r, err = c.ofFile()
	} else {
		r, err = c.ofPool(ctx)
	}
	if _, bad := errors.AsType[strictyaml.Problems](err); bad {
		fmt.Fprintln(out.Stderr, err) // each has its place
		return errProblems
	}
	if err != nil {
		return err
	}
	if c.Plot != "" {
		if err := forecastplot.Write(c.Plot, r.picture()); err != nil {
			return err
		}
		fmt.Fprintf(out.Stderr, "wrote %s\n", c.Plot)
	}
	if c.Output == "json" {
		return r.writeJSON(out.Stdout)
	}
	return r.writeText(out.Stdout, c.Models)
}

// levels returns the quantile levels that are shown, ascending.
func (c *forecastCmd) levels() []float64 {
	levels := slices.Concat(usualQuantiles, c.Quantile)
	slices.Sort(levels)
	return slices.Compact(levels)
}

// forecastReport is what is known about a forecast.
type forecastReport struct {
	Source   string          // whose forecast it is
	Unit     string          // of the load; empty if nobody says
	Measured forecast.Series // up to the forecast
	Forecast forecast.Forecast
	Scores   []forecast.Score
	Coverage []forecast.Coverage
	Events   []forecast.Event
	Effects  []effect
	Parts    *parts // nil where an adapter does not know them
	Warnings []string
}

// effect is what the past says about events.
type effect struct {
	forecast.Effect
	Learned bool // it is applied; otherwise the declared factor is
}

// parts are what each cause adds to the median, by step.
type parts struct {
	forecast.Parts
	Rules []float64 // of an adapter
}

// ofFile forecasts what follows a file.
func (c *forecastCmd) ofFile() (forecastReport, error) {
	zone, err := time.LoadLocation(c.Location) // UTC without one
	if err != nil {
		return forecastReport{}, err
	}
	table, err := csvseries.Read(c.CSV, csvseries.Options{Step: time.Duration(c.Step), Zone: zone})
	var events []forecast.Event
	if c.Events != "" {
		var wrong error
		events, wrong = csvseries.ReadEvents(c.Events, zone)
		err = errors.Join(err, wrong)
	}
	if err != nil {
		return forecastReport{}, err
	}
	s := table.Series
	horizon := steps(time.Duration(c.Horizon), s.Step)
	if horizon > mostSteps {
		return forecastReport{}, fmt.Errorf("--horizon %s has %d steps of %s, more than %d", c.Horizon, horizon, short(s.Step), mostSteps)
	}
	r := forecastReport{Source: c.CSV, Unit: table.Name, Measured: s, Events: events}
	for _, w := range table.Warnings {
		r.Warnings = append(r.Warnings, w.Error())
	}
	p, err := forecast.Fit(s, forecast.Options{Horizon: horizon, Events: events})
	switch {
	case errors.Is(err, forecast.ErrTooShort):
		return forecastReport{}, fmt.Errorf("forecast %s: %d values are too few for any model", c.CSV, s.Len()-missing(s.Values))
	case err != nil:
		return forecastReport{}, fmt.Errorf("forecast %s: %w", c.CSV, err)
	}
	if r.Forecast, err = p.Forecast(horizon, c.levels()); err != nil {
		return forecastReport{}, fmt.Errorf("forecast %s: %w", c.CSV, err)
	}
	e, err := p.Explain(horizon)
	if err != nil {
		return forecastReport{}, fmt.Errorf("explain the forecast of %s: %w", c.CSV, err)
	}
	r.Scores, r.Coverage, r.Parts = e.Scores, p.Coverage(), &parts{e.Parts, make([]float64, horizon)}
	for _, learned := range e.Effects {
		r.Effects = append(r.Effects, effect{learned, true})
	}
	for _, w := range r.Forecast.Warnings {
		r.Warnings = append(r.Warnings, w.Error())
	}
	return r, nil
}

// steps returns how many steps a time takes, at least one.
func steps(d, step time.Duration) int { return max(1, int((d+step-1)/step)) }

func (r forecastReport) picture() forecastplot.Picture {
	p := forecastplot.Picture{
		Title: fmt.Sprintf("%s: forecast from %s", filepath.Base(r.Source), dated(r.Forecast.Start)),
		Unit:  r.Unit, Measured: r.Measured, Forecast: r.Forecast, Events: r.Events,
	}
	if p.Unit == "" {
		p.Unit = "load"
	}
	return p
}

// near returns the scored horizon, in steps, whose distance from a time is least; 0
// if nothing was scored.
func (r forecastReport) near(d time.Duration) int {
	best := 0
	for _, s := range r.Scores {
		if best == 0 || r.apart(s.Horizon, d) < r.apart(best, d) {
			best = s.Horizon
		}
	}
	return best
}

func (r forecastReport) apart(horizon int, d time.Duration) time.Duration {
	return (r.ahead(horizon) - d).Abs()
}

func (r forecastReport) ahead(horizon int) time.Duration {
	return time.Duration(horizon) * r.Forecast.Step
}

// score returns how a model did at a horizon.
func (r forecastReport) score(model string, horizon int) (forecast.Score, bool) {
	for _, s := range r.Scores {
		if s.Model == model && s.Horizon == horizon {
			return s, true
		}
	}
	return forecast.Score{WAPE: math.NaN(), Bias: math.NaN(), Weight: math.NaN()}, false
}

// naive returns how the better one of the seasonal naive models did.
func (r forecastReport) naive(horizon int) (forecast.Score, bool) {
	best, found := forecast.Score{WAPE: math.NaN()}, false
	for _, name := range []string{"seasonal_naive_day", "seasonal_naive_week"} {
		if s, ok := r.score(name, horizon); ok && !math.IsNaN(s.WAPE) && !(best.WAPE <= s.WAPE) {
			best, found = s, true
		}
	}
	return best, found
}

// members returns the scores of the models at a horizon, those that count most
// or, where weights are not known, did best first.
func (r forecastReport) members(horizon int) []forecast.Score {
	var out []forecast.Score
	for _, s := range r.Scores {
		if s.Horizon == horizon && s.Model != forecast.Combination {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b forecast.Score) int {
		switch {
		case a.Weight > b.Weight, a.WAPE < b.WAPE && !(b.Weight > a.Weight):
			return -1
		case b.Weight > a.Weight, b.WAPE < a.WAPE:
			return 1
		}
		return 0
	})
	return out
}
