package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// forecastQuality shows how good the forecasts are.
func forecastQuality() *board {
	b := newBoard("forecast-quality", "Forecast quality", "How good the forecasts are beside seasonal naive ones, and whether their bands hold. Errors are those of forecasts that were issued; old ones count less.")
	b.WithVariable(choice("pool", "Pool", `label_values(scaling_adapter_current_agents{job=~"$job"}, pool)`).Multi(true).IncludeAll(true).AllValue(".+").
		Current(dashboard.VariableOption{Text: one("All"), Value: one("$__all")}))
	const of = `job=~"$job", pool=~"$pool"`

	b.row("Beside seasonal naive")
	b.add(lines().AxisSoftMax(1.1), panel{
		title:       "Error over that of seasonal naive",
		description: "Absolute errors of what was forecast over those of the better of the seasonal naive forecasts, by pool, on average over the horizons. Below the line at 1 forecasting is worth its while.",
		unit:        "none", width: 12, height: 9, decimals: cog.ToPtr(2.0),
		queries: []query{
			{`avg by (pool) (max by (pool, horizon) (scaling_adapter_forecast_error_ratio{` + of + `, model="combination", kind="wape"}) / min by (pool, horizon) (scaling_adapter_forecast_error_ratio{` + of + `, model=~"seasonal_naive_.+", kind="wape"}))`, "{{pool}}"},
		},
		limits: []limit{{1, "red"}},
	})
	b.add(lines(), panel{
		title: "Errors", description: "Absolute errors over loads, on average over pools and horizons.", unit: "percentunit", width: 12, height: 9,
		queries: []query{{`avg by (model) (scaling_adapter_forecast_error_ratio{` + of + `, kind="wape"})`, "{{model}}"}},
		styles:  []style{{"combination", map[string]any{"custom.lineWidth": 3}}},
	})
	b.add(lines(), panel{
		title: "Errors by horizon", description: "Absolute errors of what was forecast over loads, on average over pools.", unit: "percentunit", width: 12, height: 8,
		queries: byHorizon(`avg(scaling_adapter_forecast_error_ratio{` + of + `, model="combination", kind="wape", horizon="%s"})`),
	})
	b.add(lines(), panel{
		title: "Bias", description: "Errors with their sign over loads, by pool, on average over the horizons: above zero more came than was forecast.", unit: "percentunit", width: 12, height: 8,
		queries: []query{{`avg by (pool) (scaling_adapter_forecast_error_ratio{` + of + `, model="combination", kind="bias"})`, "{{pool}}"}},
	})

	b.row("Bands")
	b.add(band(), panel{
		title: "Loads within the band", description: "Share of past loads between the 10 % and the 90 % quantile, by pool, on average over the horizons; 80 % is right. Below, bands are too narrow.", unit: "percentunit", width: 12, height: 8, max: cog.ToPtr(1.0),
		queries: []query{{`avg by (pool) (scaling_adapter_forecast_interval_coverage_ratio{` + of + `})`, "{{pool}}"}},
		limits:  []limit{{0.8, "text"}},
	})
	b.add(lines(), panel{
		title: "Pinball loss", description: "Pinball losses of the 10 % and the 90 % quantile over the mean load, by pool, on average over the horizons: what is lost by bands that are too wide and too narrow.", unit: "percentunit", width: 12, height: 8,
		queries: []query{{`avg by (pool) (scaling_adapter_forecast_error_ratio{` + of + `, model="combination", kind="pinball"})`, "{{pool}}"}},
	})

	b.row("Models")
	b.add(stacked(), panel{
		title: "What decisions stand on", description: "Pools by what their decisions stand on.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (rung) (scaling_adapter_footing{` + of + `}) > 0`, "{{rung}}"}},
		styles:  rungs.styles(),
	})
	b.add(stacked(), panel{
		title: "Heaviest model", description: "Pools by the model that counts most in the forecast of the next step.", unit: "none", width: 8, height: 8,
		queries: []query{{`sum by (model) (scaling_adapter_forecast_model_selected{` + of + `})`, "{{model}}"}},
	})
	b.add(lines(), panel{
		title: "Age of the forecasts", description: "Time since the last measured load that a pool's forecast knows.", unit: "s", width: 8, height: 8,
		queries: []query{{`max by (pool) (scaling_adapter_forecast_age_seconds{` + of + `})`, "{{pool}}"}},
	})
	b.add(lines(), panel{
		title: "Fits", description: "How long it took to fit the models of a pool, over an hour.", unit: "s", width: 12, height: 8,
		queries: []query{{quantile("0.5", "forecast_fit_duration_seconds", "", "1h"), "median"}, {quantile("0.95", "forecast_fit_duration_seconds", "", "1h"), "95 %"}},
	})
	b.add(bars(), panel{
		title: "Failures", description: "Fits, models and requests for history that failed.", unit: "none", width: 12, height: 8,
		queries: []query{
			{`sum(increase(scaling_adapter_forecast_fit_failures_total{job=~"$job"}[$__rate_interval]))`, "fits"},
			{`sum(increase(scaling_adapter_forecast_model_failures_total{job=~"$job"}[$__rate_interval]))`, "models"},
			{`sum(increase(scaling_adapter_history_failures_total{job=~"$job"}[$__rate_interval]))`, "history"},
		},
		styles: []style{colored("^fits$", "red"), colored("^models$", "orange"), colored("^history$", "yellow")},
	})
	return b
}

// quantile is a quantile of a histogram within a window, by a label if one is given, whether
// Prometheus keeps its buckets or the native histogram.
func quantile(level, name, by, window string) string {
	name = "scaling_adapter_" + name
	labels := ""
	if by != "" {
		labels = ", " + by
	}
	classic := `histogram_quantile(` + level + `, sum by (le` + labels + `) (rate(` + name + `_bucket{job=~"$job"}[` + window + `])))`
	native := `histogram_quantile(` + level + `, sum by (` + by + `) (rate(` + name + `{job=~"$job"}[` + window + `])))`
	return classic + " or " + native
}
