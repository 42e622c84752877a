package ruletest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// series is an input series: values at the instants of a grid.
type series struct {
	at       strictyaml.Pos
	text     string // as it is written
	labels   labels.Labels
	start    time.Time
	interval time.Duration
	values   []parser.SequenceValue
}

// end is the instant of the last value, missing ones included.
func (s series) end() time.Time {
	return s.start.Add(time.Duration(len(s.values)-1) * s.interval)
}

// samples are the values that are not missing.
func (s series) samples() []promengine.Sample {
	var out []promengine.Sample
	for i, v := range s.values {
		if !v.Omitted {
			out = append(out, promengine.Sample{Labels: s.labels, Time: s.start.Add(time.Duration(i) * s.interval), Value: v.Value})
		}
	}
	return out
}

// parseLabels reads the name and the labels of a series.
func parseLabels(text string) (labels.Labels, error) {
	ls, err := parser.NewParser(parser.Options{}).ParseMetric(text)
	if err != nil {
		return labels.EmptyLabels(), fmt.Errorf("not a series: %w", characterOf(err, 0))
	}
	if ls.Get(model.MetricNameLabel) == "" {
		return labels.EmptyLabels(), fmt.Errorf("not a series: %q has no name", text)
	}
	if name, twice := ls.HasDuplicateLabelNames(); twice {
		return labels.EmptyLabels(), fmt.Errorf("not a series: label %s is there twice", name)
	}
	return ls, nil
}

// parseValues reads Prometheus' notation of values, repeated that often, and fails
// when there are more than most.
func parseValues(text string, repeat, most int) ([]parser.SequenceValue, error) {
	// The parser expands what it reads, so what it is given must be small.
	n := uint64(len(text))
	for _, times := range timesSyntax.FindAllStringSubmatch(text, -1) {
		k, err := strconv.ParseUint(times[1], 10, 32)
		if n += k; err != nil || n > uint64(most) {
			return nil, errTooMany
		}
	}
	const name = "m "
	_, once, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(name + text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("not values like '60+1x120': %w", characterOf(err, len(name)))
	case len(once) == 0:
		return nil, errors.New("no values; expected some like '60+1x120'")
	case len(once) > most/repeat:
		return nil, errTooMany
	}
	for _, v := range once {
		if v.Histogram != nil {
			return nil, errors.New("a histogram; expected numbers")
		}
	}
	return slices.Repeat(once, repeat), nil
}

var errTooMany = fmt.Errorf("more than %d values in the series of a test", maxValues)

var timesSyntax = regexp.MustCompile(`x([0-9]+)`)

// characterOf tells where in a text the parser stumbled, not counting what was put
// before it.
func characterOf(err error, before int) error {
	errs, ok := errors.AsType[parser.ParseErrors](err)
	if !ok || len(errs) == 0 {
		return err
	}
	return fmt.Errorf("character %d: %w", max(int(errs[0].PositionRange.Start)-before, 0)+1, errs[0].Err)
}
