package promquery

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const (
	maxPoints = 10_000    // of a series in one answer; Prometheus refuses more than 11,000
	maxValues = 1_000_000 // of all series in one answer, about 25 MB
)

// Range returns one series for each signal, in their order, on the grid of r.
// Each distinct query text is asked once for each slice of the time. A value is
// NaN where the answer has none, and where it is not finite or is negative. An
// error means that nothing was learned: a query failed or was answered with
// warnings.
func (c *Client) Range(ctx context.Context, r forecast.Range, signals []policy.Signal) ([]forecast.Series, error) {
	n, err := points(r)
	if err != nil {
		return nil, err
	}
	out := make([]forecast.Series, len(signals))
	for i := range out {
		out[i] = forecast.Series{Start: r.Start, Step: r.Step, Values: missing(n)}
	}
	for query, which := range byQuery(signals) {
		slice := max(1, min(maxPoints, maxValues/len(which)))
		for first := 0; first < n; first += slice {
			last := min(first+slice, n) - 1
			m, err := c.matrix(ctx, query, v1.Range{Start: out[0].Time(first), End: out[0].Time(last), Step: r.Step})
			if err != nil {
				return nil, fmt.Errorf("query %q from %s to %s: %w", query, out[0].Time(first).UTC().Format(time.RFC3339), out[0].Time(last).UTC().Format(time.RFC3339), err)
			}
			c.place(m, query, which, signals, out)
		}
	}
	return out, nil
}

// RangeAll returns every series of the answer to a query on the grid of r, each
// with its labels. Values are as those of [Client.Range], but negative ones stay.
func (c *Client) RangeAll(ctx context.Context, r forecast.Range, query string) ([]forecast.Labeled, error) {
	n, err := points(r)
	if err != nil {
		return nil, err
	}
	byLabels := map[model.Fingerprint]int{}
	var out []forecast.Labeled
	grid := forecast.Series{Start: r.Start, Step: r.Step}
	for first := 0; first < n; first += maxPoints {
		last := min(first+maxPoints, n) - 1
		m, err := c.matrix(ctx, query, v1.Range{Start: grid.Time(first), End: grid.Time(last), Step: r.Step})
		if err != nil {
			return nil, fmt.Errorf("query %q: %w", query, err)
		}
		for _, stream := range m {
			key := stream.Metric.Fingerprint()
			i, seen := byLabels[key]
			if !seen {
				if i = len(out); i*n > maxValues {
					return nil, fmt.Errorf("query %q: more than %d values in the answer", query, maxValues)
				}
				byLabels[key] = i
				out = append(out, forecast.Labeled{Labels: labelsOf(stream.Metric), Series: forecast.Series{Start: r.Start, Step: r.Step, Values: missing(n)}})
			}
			for _, p := range stream.Values {
				if k, y := grid.Index(p.Timestamp.Time()), float64(p.Value); k >= 0 && k < n && !math.IsInf(y, 0) {
					out[i].Values[k] = y
				}
			}
		}
	}
	return out, nil
}

func labelsOf(m model.Metric) map[string]string {
	labels := make(map[string]string, len(m))
	for name, value := range m {
		if name != model.MetricNameLabel {
			labels[string(name)] = string(value)
		}
	}
	return labels
}

// points returns how many instants the grid has.
func points(r forecast.Range) (int, error) {
	if r.Step <= 0 || r.End.Before(r.Start) || r.Start.UnixNano()%int64(r.Step) != 0 {
		return 0, fmt.Errorf("no grid from %s to %s by %s", r.Start, r.End, r.Step)
	}
	return int(r.End.Sub(r.Start)/r.Step) + 1, nil
}

func missing(n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = math.NaN()
	}
	return values
}

// matrix asks for one slice.
func (c *Client) matrix(ctx context.Context, query string, r v1.Range) (model.Matrix, error) {
	a := c.ask(ctx, kindRange, func(ctx context.Context, o ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
		return c.api.QueryRange(ctx, query, r, o...)
	})
	switch {
	case a.err != nil:
		return nil, a.err
	case len(a.warnings) > 0:
		return nil, errors.New("answered with the warning " + a.warnings[0])
	}
	m, ok := a.value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("got a %s; expected a matrix", a.value.Type())
	}
	return m, nil
}

// place puts the values of a slice where they belong.
func (c *Client) place(m model.Matrix, query string, which []int, signals []policy.Signal, out []forecast.Series) {
	streams := make([]*model.Sample, len(m)) // an instant vector whose values are places in m
	for i, s := range m {
		streams[i] = &model.Sample{Metric: s.Metric, Value: model.SampleValue(i)}
	}
	v := &vector{samples: streams}
	for _, i := range which {
		found := v.find(signals[i].Match)
		if len(found) > 1 {
			c.logger.Warn("several series where one is expected; their history is left out", "query", query, "match", labelText(signals[i].Match), "series", len(found))
		}
		if len(found) != 1 {
			continue
		}
		for _, p := range m[int(found[0].Value)].Values {
			k := out[i].Index(p.Timestamp.Time())
			if y := float64(p.Value); k >= 0 && k < out[i].Len() && y >= 0 && !math.IsInf(y, 0) {
				out[i].Values[k] = y
			}
		}
	}
}
