package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the engine's own counters. What the last tick saw is not copied
// into gauges: [Snapshot.Metrics] reads it from the snapshot when it is scraped,
// so that a removed pool leaves nothing behind.
type metrics struct {
	ticks           prometheus.Counter
	ticksMissed     prometheus.Counter
	tickDuration    prometheus.Histogram
	fitDuration     prometheus.Histogram
	fitFailures     prometheus.Counter
	modelFailures   prometheus.Counter
	historyFailures prometheus.Counter
	exprFailures    prometheus.Counter
	absurd          prometheus.Counter
	panics          prometheus.Counter
	saveFailures    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	// Native histograms, with classic buckets for servers that do not scrape those.
	duration := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: []float64{.001, .01, .1, .5, 1, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		})
	}
	m := &metrics{
		ticks:           counter("scaling_adapter_ticks_total", "Turns of the loop that were taken."),
		ticksMissed:     counter("scaling_adapter_ticks_missed_total", "Turns of the loop that were skipped because one before took too long."),
		tickDuration:    duration("scaling_adapter_tick_duration_seconds", "How long a turn of the loop took."),
		fitDuration:     duration("scaling_adapter_forecast_fit_duration_seconds", "How long it took to fit the models of one pool."),
		fitFailures:     counter("scaling_adapter_forecast_fit_failures_total", "Fits after which a pool went on with its last model."),
		modelFailures:   counter("scaling_adapter_forecast_model_failures_total", "Models that could not be fitted and were left as they were, or out."),
		historyFailures: counter("scaling_adapter_history_failures_total", "Requests for the history of loads that failed."),
		saveFailures:    counter("scaling_adapter_state_save_failures_total", "Ticks whose state could not be saved."),
		exprFailures:    counter("scaling_adapter_expression_failures_total", "Queries of expressions that make events that failed."),
		absurd:          counter("scaling_adapter_forecasts_dropped_total", "Decisions for which the forecast was left out, since it cannot be right: it is no number, or many times the largest load ever seen."),
		panics:          counter("scaling_adapter_panics_total", "Panics in the evaluation of a pool, in a call or in a turn of the loop; what it was to give was taken for not known."),
	}
	reg.MustRegister(m.ticks, m.ticksMissed, m.tickDuration, m.fitDuration, m.fitFailures, m.modelFailures, m.historyFailures, m.exprFailures, m.absurd, m.panics, m.saveFailures)
	return m
}
