// Package promquery measures: it asks a server with the Prometheus HTTP API and
// returns typed samples and series on a regular grid.
//
// It keeps no history and decides nothing. It trusts nobody: answers are
// bounded in size and time, redirects are not followed, and what is not a
// fresh, finite number ≥ 0 says so.
package promquery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

// Config says where the server is and how it is asked.
type Config struct {
	URL      string
	Timeout  time.Duration // of one query
	QueryLag time.Duration // samples are asked for this long before now
	MaxAge   time.Duration // older samples are stale
	HTTP     config.HTTPClientConfig
	// Transport carries the requests instead of what HTTP says; nil: HTTP counts.
	Transport http.RoundTripper

	MaxBodyBytes int64 // of one answer after decompression; 0: 64 MiB
	Concurrency  int   // queries at once; 0: 8
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	Config
	api     v1.API
	close   func()
	metrics *Metrics
	logger  *slog.Logger
}

// Metrics count queries. They outlive clients, which are made anew on reload.
type Metrics struct {
	queries  *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// What a query is for; a label of metrics.
const (
	kindInstant = "instant"
	kindAge     = "age"
	kindRange   = "range"
)

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scaling_adapter_prometheus_queries_total",
			Help: "Queries to Prometheus by what became of them.",
		}, []string{"kind", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scaling_adapter_prometheus_query_duration_seconds",
			Help:    "How long queries to Prometheus took.",
			Buckets: []float64{.001, .01, .1, .5, 1, 5, 10, 30}, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"kind"}),
	}
	for _, kind := range []string{kindInstant, kindAge, kindRange} {
		for _, outcome := range []string{"ok", "warning", "error", "panic"} {
			m.queries.WithLabelValues(kind, outcome)
		}
		m.duration.WithLabelValues(kind)
	}
	reg.MustRegister(m.queries, m.duration)
	return m
}

// New returns a client. It does not ask anything yet.
func New(c Config, m *Metrics, logger *slog.Logger) (*Client, error) {
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 64 << 20
	}
	if c.Concurrency == 0 {
		c.Concurrency = 8
	}
	c.HTTP.FollowRedirects = false
	httpClient, err := config.NewClientFromConfig(c.HTTP, "prometheus")
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", c.URL, err)
	}
	if c.Transport != nil {
		httpClient = &http.Client{Transport: c.Transport}
	}
	httpClient.Transport = bounded{httpClient.Transport, c.MaxBodyBytes}
	client, err := api.NewClient(api.Config{Address: c.URL, Client: httpClient})
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", c.URL, err)
	}
	return &Client{Config: c, api: v1.NewAPI(partialDetector{client}), close: httpClient.CloseIdleConnections, metrics: m, logger: logger}, nil
}

// Close closes connections that nobody uses.
func (c *Client) Close() { c.close() }

// answer is what came of one query.
type answer struct {
	value    model.Value
	warnings []string // the answer may lack something
	err      error
}

// ask runs one query within the timeout and counts it.
func (c *Client) ask(ctx context.Context, kind string, query func(context.Context, ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)) answer {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	partial := new(bool)
	began := time.Now()
	value, warnings, err := c.guarded(func() (model.Value, v1.Warnings, v1.Infos, error) {
		return query(context.WithValue(ctx, partialKey{}, partial), v1.WithTimeout(c.Timeout))
	})
	c.metrics.duration.WithLabelValues(kind).Observe(time.Since(began).Seconds())
	if *partial {
		warnings = append(warnings, "the answer is marked as partial")
	}
	if err == nil {
		err = whole(value)
	}
	outcome := "ok"
	switch {
	case errors.As(err, new(panicked)):
		outcome, err = "panic", explain(err)
	case err != nil:
		outcome, err = "error", explain(err)
	case len(warnings) > 0:
		outcome = "warning"
	}
	c.metrics.queries.WithLabelValues(kind, outcome).Inc()
	return answer{value, warnings, err}
}

// guarded runs one query. A panic of what reads the answer is an error of this query alone:
// others run in goroutines of their own, where nobody else could catch it.
func (c *Client) guarded(query func() (model.Value, v1.Warnings, v1.Infos, error)) (value model.Value, warnings v1.Warnings, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.logger.Error("query panicked; taken for an error", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			value, warnings, err = nil, nil, panicked{r}
		}
	}()
	value, warnings, _, err = query()
	return value, warnings, err
}

// panicked is an error that was a panic.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic while the answer was read: %v", p.value) }

// whole fails for answers that are JSON and say nothing where something is to be.
func whole(value model.Value) error {
	nothing := false
	switch v := value.(type) {
	case nil:
		return errors.New("an answer without a value")
	case model.Vector:
		nothing = slices.Contains(v, nil)
	case model.Matrix:
		nothing = slices.Contains(v, nil)
	}
	if nothing {
		return errors.New("an answer with a series that is null")
	}
	return nil
}

const maxDetail = 300 // bytes of an error that comes from outside

// explain shortens an error for people. Details of an API error can be a whole
// page of HTML.
func explain(err error) error {
	if apiErr, ok := errors.AsType[*v1.Error](err); ok && apiErr.Type != v1.ErrBadResponse {
		err = fmt.Errorf("%s: %s", apiErr.Type, apiErr.Msg)
	}
	if text := err.Error(); len(text) > maxDetail {
		return errors.New(text[:maxDetail] + "…")
	}
	return err
}

// bounded fails the reading of bodies that are larger than the limit.
type bounded struct {
	next  http.RoundTripper
	limit int64
}

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, b.limit, b.limit}
	return resp, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (b bounded) CloseIdleConnections() { (&http.Client{Transport: b.next}).CloseIdleConnections() }

type boundedBody struct {
	io.ReadCloser
	left, limit int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", b.limit)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", b.limit)
	}
	return n, err
}
