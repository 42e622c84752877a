package promquery

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// ahead is how far a server's clock may be before ours.
const ahead = 10 * time.Second

// Sample returns one sample for each signal, in their order. Each distinct
// query text is asked once, and what dates its values once more.
func (c *Client) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	at := now.Add(-c.QueryLag)
	bySignal := byQuery(signals)
	dates := make(map[string]ages, len(bySignal))
	kinds := map[string]string{} // by query
	for query := range bySignal {
		kinds[query] = kindInstant
		dates[query], _ = agesOf(query) // one that does not parse is the server's to refuse
		for _, q := range dates[query].queries {
			if kinds[q] == "" {
				kinds[q] = kindAge
			}
		}
	}
	answers := c.instants(ctx, at, kinds)

	samples := make([]policy.Sample, len(signals))
	for query, which := range bySignal {
		values := newVector(answers[query])
		taken := c.taken(dates[query], answers, at)
		for _, i := range which {
			samples[i] = c.sample(values, taken, signals[i].Match, now)
		}
	}
	return samples
}

// byQuery returns for each query text the signals that share it.
func byQuery(signals []policy.Signal) map[string][]int {
	m := map[string][]int{}
	for i, s := range signals {
		m[s.Query] = append(m[s.Query], i)
	}
	return m
}

// instants asks all queries for one instant.
func (c *Client) instants(ctx context.Context, at time.Time, kinds map[string]string) map[string]answer {
	var mu sync.Mutex
	answers := make(map[string]answer, len(kinds))
	var g errgroup.Group
	g.SetLimit(c.Concurrency)
	for query, kind := range kinds {
		g.Go(func() error {
			a := c.ask(ctx, kind, func(ctx context.Context, o ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
				return c.api.Query(ctx, query, at, o...)
			})
			mu.Lock()
			defer mu.Unlock()
			answers[query] = a
			return nil
		})
	}
	_ = g.Wait() // the functions return no error
	return answers
}

// taken returns a function that tells when the sample behind a series was taken.
func (c *Client) taken(a ages, answers map[string]answer, at time.Time) func(match map[string]string) (time.Time, error) {
	if len(a.queries) == 0 {
		return func(map[string]string) (time.Time, error) { return at, nil }
	}
	vectors := make([]*vector, len(a.queries))
	for i, q := range a.queries {
		vectors[i] = newVector(answers[q])
	}
	return func(match map[string]string) (time.Time, error) {
		if !a.perSeries {
			match = nil
		}
		oldest := math.Inf(1)
		for _, v := range vectors {
			if v.err != nil {
				return time.Time{}, v.err
			}
			if found := v.find(match); len(found) > 0 {
				newest := math.Inf(-1)
				for _, s := range found {
					newest = max(newest, float64(s.Value))
				}
				oldest = min(oldest, newest)
			}
		}
		const latest = 1 << 40 // seconds; far beyond any calendar, and its milliseconds fit
		if !(oldest > -latest && oldest < latest) {
			return time.Time{}, nil
		}
		return time.UnixMilli(int64(oldest * 1000)), nil
	}
}

// sample types what a query says about one series.
func (c *Client) sample(values *vector, taken func(map[string]string) (time.Time, error), match map[string]string, now time.Time) policy.Sample {
	bad := func(q policy.Quality, format string, args ...any) policy.Sample {
		return policy.Sample{Quality: q, Detail: fmt.Sprintf(format, args...)}
	}
	if values.err != nil {
		return bad(policy.Error, "%s", values.err)
	}
	found := values.find(match)
	switch {
	case len(found) == 0 && len(values.warnings) > 0:
		return bad(policy.Partial, "the series is not in an answer with the warning %s", values.warnings[0])
	case len(found) == 0:
		return bad(policy.Empty, "no series with %s in an answer of %d", labelText(match), len(values.samples))
	case len(found) > 1:
		return bad(policy.Error, "%d series with %s; expected one", len(found), labelText(match))
	case found[0].Histogram != nil:
		return bad(policy.Error, "a histogram; expected a number")
	}
	s := policy.Sample{Value: float64(found[0].Value), Quality: policy.OK}
	if !(s.Value >= 0) || math.IsInf(s.Value, 0) {
		return bad(policy.NaN, "the value is %s; expected a finite number ≥ 0", found[0].Value)
	}
	at, err := taken(match)
	switch {
	case err != nil:
		return bad(policy.Error, "how old the sample is could not be asked: %s", err)
	case at.IsZero():
		return bad(policy.Stale, "there is no sample behind the value %s", found[0].Value)
	}
	s.Time = at
	switch age := now.Sub(at); {
	case age > c.MaxAge:
		s.Quality, s.Detail = policy.Stale, fmt.Sprintf("the last sample is %s old, more than %s", age.Round(time.Second), c.MaxAge)
	case age < -ahead:
		s.Quality, s.Detail = policy.Stale, fmt.Sprintf("the last sample is from %s in the future", (-age).Round(time.Second))
	case len(values.warnings) > 0:
		s.Quality, s.Detail = policy.Partial, values.warnings[0]
	}
	return s
}

func labelText(match map[string]string) string {
	if len(match) == 0 {
		return "any labels"
	}
	names := namesOf(match)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s=%q", name, match[name])
	}
	return "{" + strings.Join(names, ", ") + "}"
}

// vector is an instant answer in which series are found by some of their labels
// without looking at all of them each time.
type vector struct {
	samples  []*model.Sample
	warnings []string
	err      error
	indexes  map[string]map[string][]*model.Sample // by label names, then by their values
}

func newVector(a answer) *vector {
	v := &vector{warnings: a.warnings, err: a.err}
	if v.err != nil {
		return v
	}
	switch value := a.value.(type) {
	case model.Vector:
		v.samples = value
	case *model.Scalar:
		v.samples = []*model.Sample{{Value: value.Value, Timestamp: value.Timestamp}}
	default:
		v.err = fmt.Errorf("the query gives a %s; expected one value for each series", value.Type())
	}
	return v
}

// find returns the series that have all the labels.
func (v *vector) find(match map[string]string) []*model.Sample {
	if len(match) == 0 {
		return v.samples
	}
	names := namesOf(match)
	kind := strings.Join(names, ",")
	index, ok := v.indexes[kind]
	if !ok {
		index = make(map[string][]*model.Sample, len(v.samples))
		for _, s := range v.samples {
			if key, ok := keyOf(names, func(name string) (string, bool) {
				value, ok := s.Metric[model.LabelName(name)]
				return string(value), ok
			}); ok {
				index[key] = append(index[key], s)
			}
		}
		if v.indexes == nil {
			v.indexes = map[string]map[string][]*model.Sample{}
		}
		v.indexes[kind] = index
	}
	key, _ := keyOf(names, func(name string) (string, bool) { return match[name], true })
	return index[key]
}

func namesOf(match map[string]string) []string {
	names := make([]string, 0, len(match))
	for name := range match {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// keyOf joins the values of labels; false if one is missing.
func keyOf(names []string, value func(string) (string, bool)) (string, bool) {
	if len(names) == 1 {
		return value(names[0])
	}
	var b strings.Builder
	for _, name := range names {
		text, ok := value(name)
		if !ok {
			return "", false
		}
		b.WriteString(text)
		b.WriteByte(0xff) // in no label value: it is not UTF-8
	}
	return b.String(), true
}
