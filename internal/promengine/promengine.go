// Package promengine is a small Prometheus inside the process: Prometheus' own
// storage and query engine behind a thin handler for the part of its HTTP API
// that queries use. The demo and rule tests run on it.
//
// It scrapes nothing by itself, has no rules and no alerts, and its data ends
// with its directory. It follows the clock that it is given.
package promengine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// Engine stores samples and answers queries. It is safe for concurrent use.
type Engine struct {
	db      *tsdb.DB
	promql  *promql.Engine
	now     func() time.Time
	handler http.Handler

	mu      sync.Mutex
	scraped map[string]map[string]labels.Labels // by scrape labels, then by series: what the last scrape had
}

// Sample is one value of a series.
type Sample struct {
	Labels labels.Labels
	Time   time.Time
	Value  float64
}

// span is how far samples may be apart, and how late they may come.
const span = 31 * 24 * time.Hour

const (
	maxSamples   = 50_000_000 // of one query, as in Prometheus
	queryTimeout = 2 * time.Minute
	lookback     = 5 * time.Minute
)

// Open makes an engine that stores in the directory and takes its time from
// now. Whoever opens it closes it.
func Open(dir string, now func() time.Time, logger *slog.Logger) (*Engine, error) {
	o := tsdb.DefaultOptions()
	o.WALSegmentSize = -1 // the data is not to survive
	o.MinBlockDuration, o.MaxBlockDuration = span.Milliseconds(), span.Milliseconds()
	o.RetentionDuration = (10 * span).Milliseconds()
	o.OutOfOrderTimeWindow = span.Milliseconds()
	db, err := tsdb.Open(dir, logger, nil, o, nil)
	if err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", dir, err)
	}
	db.DisableCompactions() // they block for seconds and win nothing here
	e := &Engine{db: db, now: now, scraped: map[string]map[string]labels.Labels{}}
	e.promql = promql.NewEngine(promql.EngineOpts{
		Logger: logger, MaxSamples: maxSamples, Timeout: queryTimeout, LookbackDelta: lookback,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
	})
	e.handler = e.routes()
	return e, nil
}

// Close ends the engine.
func (e *Engine) Close() error { return errors.Join(e.promql.Close(), e.db.Close()) }

// Append stores samples in any order, at most 31 days apart.
func (e *Engine) Append(ctx context.Context, samples []Sample) error {
	app := e.db.Appender(ctx)
	var ref storage.SeriesRef
	var last labels.Labels
	for _, s := range samples {
		if !labels.Equal(last, s.Labels) {
			ref, last = 0, s.Labels
		}
		r, err := app.Append(ref, s.Labels, s.Time.UnixMilli(), s.Value)
		if err != nil {
			return errors.Join(fmt.Errorf("append %s at %s: %w", s.Labels, s.Time, err), app.Rollback())
		}
		ref = r
	}
	return app.Commit()
}

// Scrape stores an exposition as a scrape at t would: with the extra labels,
// and with a staleness marker for each series that the last scrape with the
// same extra labels had and this one has not.
func (e *Engine) Scrape(ctx context.Context, body []byte, contentType string, extra labels.Labels, t time.Time) error {
	p, err := textparse.New(body, contentType, labels.NewSymbolTable(), textparse.ParserOptions{FallbackContentType: "text/plain"})
	if err != nil {
		return fmt.Errorf("scrape %s: %w", extra, err)
	}
	present := map[string]labels.Labels{}
	var samples []Sample
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("scrape %s: %w", extra, err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var own labels.Labels
		p.Labels(&own)
		_, _, v := p.Series()
		ls := merged(own, extra)
		present[ls.String()] = ls
		samples = append(samples, Sample{ls, t, v})
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, ls := range e.scraped[extra.String()] {
		if _, ok := present[name]; !ok {
			samples = append(samples, Sample{ls, t, math.Float64frombits(value.StaleNaN)})
		}
	}
	e.scraped[extra.String()] = present
	return e.Append(ctx, samples)
}

// merged adds labels; a label of a series that is in its way is renamed, as
// Prometheus does.
func merged(own, extra labels.Labels) labels.Labels {
	b := labels.NewBuilder(own)
	extra.Range(func(l labels.Label) {
		if v := own.Get(l.Name); v != "" {
			b.Set("exported_"+l.Name, v)
		}
		b.Set(l.Name, l.Value)
	})
	return b.Labels()
}

// Handler serves the HTTP API and a page to try queries on.
func (e *Engine) Handler() http.Handler { return e.handler }
