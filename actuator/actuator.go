// Package actuator carries decisions out: it reads what an orchestrator runs
// and asks it for what was decided.
//
// [HTTP.Scale] is the one place from which a pool can be changed, and it checks
// the decision's mode. It decides nothing and remembers nothing.
package actuator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"golang.org/x/time/rate"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Config says where the orchestrator is and how patiently it is asked.
type Config struct {
	URL     string
	Timeout time.Duration // of one attempt
	Retries int           // further attempts when one failed in a way that may pass
	HTTP    config.HTTPClientConfig

	Dialect *dialect.Dialect             // needed
	Labels  map[string]map[string]string // by pool, for the dialect's templates

	// RequestsPerSecond is how many requests are sent in a second, evenly; 0: as many
	// as there are. A request waits for its turn within its context; one that cannot
	// have it in time is not sent.
	RequestsPerSecond float64
}

const maxBody = 1 << 20 // bytes of an answer

// HTTP talks to an orchestrator over HTTP in its dialect. It is safe for
// concurrent use.
type HTTP struct {
	base    string
	client  *retryablehttp.Client
	dialect *dialect.Dialect
	labels  map[string]map[string]string
	limit   *rate.Limiter
	metrics *Metrics
}

// Metrics count calls. They outlive actuators, which are made anew on reload.
type Metrics struct {
	requests *prometheus.CounterVec
	duration prometheus.Histogram
	reads    *prometheus.CounterVec

	mu    sync.Mutex
	pools map[string]bool // that have series
}

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scaling_adapter_scale_requests_total",
			Help: "Requests to change a pool by what became of them.",
		}, []string{"pool", "direction", "outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "scaling_adapter_scale_request_duration_seconds",
			Help:    "How long requests to change a pool took, with retries and reading back.",
			Buckets: []float64{.001, .01, .1, .5, 1, 5, 10, 30}, NativeHistogramBucketFactor: 1.1,
			NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
		reads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scaling_adapter_orchestrator_reads_total",
			Help: "Times that a pool's agents were asked for, by whether they were told.",
		}, []string{"outcome"}),
		pools: map[string]bool{},
	}
	m.reads.WithLabelValues("ok")
	m.reads.WithLabelValues("error")
	reg.MustRegister(m.requests, m.duration, m.reads)
	return m
}

// counted are the results of requests that were sent.
var counted = [...]policy.Result{policy.Accepted, policy.Busy, policy.Conflict, policy.Unknown, policy.Failed}

// Keep begins to count the pools' requests from zero, so that the first of a kind is an
// increase, and forgets all other pools.
func (m *Metrics) Keep(pools []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.pools
	m.pools = make(map[string]bool, len(pools))
	for _, pool := range pools {
		m.pools[pool] = true
		delete(old, pool)
		for _, direction := range []policy.Direction{policy.Up, policy.Down} {
			for _, result := range counted {
				m.requests.WithLabelValues(pool, string(direction), string(result))
			}
		}
	}
	for pool := range old {
		m.requests.DeletePartialMatch(prometheus.Labels{"pool": pool})
	}
}

// New returns an actuator. It does not call anybody yet.
func New(c Config, m *Metrics) (*HTTP, error) {
	c.HTTP.FollowRedirects = false
	plain, err := config.NewClientFromConfig(c.HTTP, "orchestrator")
	if err != nil {
		return nil, fmt.Errorf("client of %s: %w", c.URL, err)
	}
	plain.Timeout = c.Timeout
	client := retryablehttp.NewClient()
	client.HTTPClient = plain
	client.Logger = nil // what failed is in the outcome
	client.RetryMax = c.Retries
	client.RetryWaitMin, client.RetryWaitMax = 100*time.Millisecond, 2*time.Second
	client.CheckRetry = worthRetrying
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer tells more than that there were many
	limit := rate.NewLimiter(rate.Inf, 0)
	if c.RequestsPerSecond > 0 {
		limit = rate.NewLimiter(rate.Limit(c.RequestsPerSecond), 1)
	}
	client.PrepareRetry = func(req *http.Request) error { return limit.Wait(req.Context()) }
	return &HTTP{base: strings.TrimRight(c.URL, "/"), client: client, dialect: c.Dialect, labels: c.Labels, limit: limit, metrics: m}, nil
}

// Close closes connections that nobody uses.
func (a *HTTP) Close() { a.client.HTTPClient.CloseIdleConnections() }

// worthRetrying tells which failures may pass and are safe to repeat. A request
// that changes something is repeated when it never left or was answered, not
// when its answer is missing: nobody knows then what it did.
func worthRetrying(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if !safeToRepeat(ctx, err) {
		return false, nil
	}
	retry, _ := retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	if deadline, ok := ctx.Deadline(); ok && retry {
		wait := retryablehttp.DefaultBackoff(0, 0, 0, resp) // what the answer asks for
		retry = wait >= 0 && time.Now().Add(wait).Before(deadline)
	}
	return retry, nil
}

func safeToRepeat(ctx context.Context, err error) bool {
	return ctx.Err() == nil && (err == nil || neverSent(err) || !changes(ctx))
}

func neverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// changing is the context's key that marks requests which change something.
type changing struct{}

func changes(ctx context.Context) bool { return ctx.Value(changing{}) != nil }

// Current asks what the orchestrator runs of a pool.
func (a *HTTP) Current(ctx context.Context, pool string) policy.Count {
	told, err := a.read(ctx, a.pool(pool))
	if err != nil {
		a.metrics.reads.WithLabelValues("error").Inc()
		return policy.Count{Detail: err.Error()}
	}
	a.metrics.reads.WithLabelValues("ok").Inc()
	return policy.Count{Agents: told.Agents, Ready: told.Ready, Known: true}
}

func (a *HTTP) pool(name string) dialect.Pool {
	return dialect.Pool{Name: name, Labels: a.labels[name]}
}

func (a *HTTP) read(ctx context.Context, pool dialect.Pool) (dialect.Told, error) {
	request, err := a.dialect.Read(pool)
	if err != nil {
		return dialect.Told{}, err
	}
	status, answer, err := a.call(ctx, request)
	if err != nil {
		return dialect.Told{}, err
	}
	return a.dialect.Told(pool, status, answer)
}

// Scale carries a decision out if its mode permits it. Without an answer it
// reads the pool back to learn what became of the request.
func (a *HTTP) Scale(ctx context.Context, d policy.Decision) policy.Outcome {
	switch {
	case d.Direction() == policy.None:
		return policy.Outcome{Result: policy.NotNeeded}
	case !d.Permitted():
		return policy.Outcome{Result: policy.NotSent}
	}
	began := time.Now()
	outcome := a.send(ctx, d)
	a.metrics.duration.Observe(time.Since(began).Seconds())
	a.metrics.requests.WithLabelValues(d.Pool, string(d.Direction()), string(outcome.Result)).Inc()
	return outcome
}

func (a *HTTP) send(ctx context.Context, d policy.Decision) policy.Outcome {
	pool := a.pool(d.Pool)
	var told dialect.Told
	if a.dialect.ReadsFirst() {
		var err error
		told, err = a.read(ctx, pool)
		switch {
		case err != nil:
			return policy.Outcome{Result: policy.NotSent, Err: fmt.Errorf("the pool cannot be read: %w", err)}
		case told.Agents != d.Current:
			return policy.Outcome{Result: policy.Conflict, Err: fmt.Errorf("somebody else changed the pool: there are %d agents now", told.Agents)}
		}
	}
	request, err := a.dialect.Scale(pool, d, told)
	if err != nil {
		return policy.Outcome{Result: policy.Failed, Err: err}
	}
	status, answer, err := a.call(context.WithValue(ctx, changing{}, true), request)
	switch {
	case errors.Is(err, errNotSent):
		return policy.Outcome{Result: policy.NotSent, Err: err}
	case err != nil && neverSent(err):
		return policy.Outcome{Result: policy.Failed, Err: err}
	case err != nil:
		return a.readBack(ctx, d, err)
	}
	result := a.dialect.Result(status, answer)
	err = fmt.Errorf("the orchestrator answered %d %s", status, firstWords(answer))
	switch result {
	case policy.Accepted:
		err = nil
	case policy.Conflict:
		err = fmt.Errorf("somebody else changes the pool: %w", err)
	}
	return policy.Outcome{Result: result, Err: err}
}

// readBack finds out what became of a request that was not answered.
func (a *HTTP) readBack(ctx context.Context, d policy.Decision, cause error) policy.Outcome {
	told, err := a.read(ctx, a.pool(d.Pool))
	switch {
	case err != nil:
		return policy.Outcome{Result: policy.Unknown, Err: fmt.Errorf("not answered, and the pool cannot be read (%w): %w", err, cause)}
	case told.Agents == d.Desired:
		return policy.Outcome{Result: policy.Accepted}
	case told.Agents == d.Current:
		return policy.Outcome{Result: policy.Failed, Err: fmt.Errorf("not answered and not applied: %w", cause)}
	}
	return policy.Outcome{Result: policy.Unknown, Err: fmt.Errorf("not answered, and there are %d agents now: %w", told.Agents, cause)}
}

func firstWords(body []byte) string {
	const most = 200
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), most)]), "")), " ")
}

// errNotSent is the error of a request whose turn does not come in time.
var errNotSent = errors.New("no time left to send the request")

// call makes one request, with retries, and returns the whole answer.
func (a *HTTP) call(ctx context.Context, request dialect.Call) (status int, answer []byte, err error) {
	if err := a.limit.Wait(ctx); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, request.Method, a.base+request.Path, request.Body)
	if err != nil {
		return 0, nil, err
	}
	if changes(ctx) {
		req.GetBody = nil // or net/http itself repeats what was not answered, when it has a key
	}
	req.Header.Set("Accept", "application/json")
	for name, value := range request.Headers {
		req.Header.Set(name, value)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("read the answer: %w", err)
	case len(answer) > maxBody:
		return 0, nil, fmt.Errorf("the answer has more than %d bytes", maxBody)
	}
	return resp.StatusCode, answer, nil
}
