// Package actuator carries decisions out: it reads what an orchestrator runs
// and asks it for what was decided.
//
// [HTTP.Scale] is the one place from which a pool can be changed, and it checks
// the decision's mode. It decides nothing and remembers nothing.
package actuator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Config says where the orchestrator is and how patiently it is asked.
type Config struct {
	URL     string
	Timeout time.Duration // of one attempt
	Retries int           // further attempts when one failed in a way that may pass
	HTTP    config.HTTPClientConfig
}

const (
	maxBody   = 1 << 20 // bytes of an answer
	maxAgents = 1 << 20 // more than any pool has
	maxReason = 500     // bytes of the reason that is sent
)

// HTTP talks to an orchestrator that serves the contract of
// docs/orchestrator-api.md. It is safe for concurrent use.
type HTTP struct {
	base    string
	client  *retryablehttp.Client
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

// Keep begins to count the pools' failures from zero and forgets all other
// pools.
func (m *Metrics) Keep(pools []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.pools
	m.pools = make(map[string]bool, len(pools))
	for _, pool := range pools {
		m.pools[pool] = true
		delete(old, pool)
		for _, direction := range []policy.Direction{policy.Up, policy.Down} {
			m.requests.WithLabelValues(pool, string(direction), string(policy.Failed))
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
	return &HTTP{base: strings.TrimRight(c.URL, "/") + "/pools/", client: client, metrics: m}, nil
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
	count := a.read(ctx, pool)
	outcome := "ok"
	if !count.Known {
		outcome = "error"
	}
	a.metrics.reads.WithLabelValues(outcome).Inc()
	return count
}

func (a *HTTP) read(ctx context.Context, pool string) policy.Count {
	status, body, err := a.call(ctx, http.MethodGet, url.PathEscape(pool), nil, "")
	switch {
	case err != nil:
		return policy.Count{Detail: err.Error()}
	case status == http.StatusNotFound:
		return policy.Count{Detail: "the orchestrator does not know the pool"}
	case status != http.StatusOK:
		return policy.Count{Detail: fmt.Sprintf("the orchestrator answered %d", status)}
	}
	return parseCount(body)
}

// parseCount reads {"agents": n, "ready": n}; without ready all are.
func parseCount(body []byte) policy.Count {
	var told struct {
		Agents *int `json:"agents"`
		Ready  *int `json:"ready"`
	}
	if err := json.Unmarshal(body, &told); err != nil {
		return policy.Count{Detail: "the orchestrator's answer is not understood: " + err.Error()}
	}
	if told.Agents == nil {
		return policy.Count{Detail: "the orchestrator's answer has no agents"}
	}
	if told.Ready == nil {
		told.Ready = told.Agents
	}
	if *told.Agents < 0 || *told.Agents > maxAgents || *told.Ready < 0 {
		return policy.Count{Detail: fmt.Sprintf("the orchestrator tells %d agents, %d ready", *told.Agents, *told.Ready)}
	}
	return policy.Count{Agents: *told.Agents, Ready: min(*told.Ready, *told.Agents), Known: true}
}

// order is the body of a scale request.
type order struct {
	Agents     int    `json:"agents"`
	From       int    `json:"from"`
	Reason     string `json:"reason"`
	DecisionID string `json:"decision_id"`
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
	body, err := json.Marshal(order{d.Desired, d.Current, reasonOf(d), d.ID})
	if err != nil {
		return policy.Outcome{Result: policy.Failed, Err: err}
	}
	status, answer, err := a.call(context.WithValue(ctx, changing{}, true), http.MethodPut, url.PathEscape(d.Pool)+"/scale", body, d.ID)
	switch {
	case err != nil && neverSent(err):
		return policy.Outcome{Result: policy.Failed, Err: err}
	case err != nil:
		return a.readBack(ctx, d, err)
	case status == http.StatusConflict:
		return policy.Outcome{Result: policy.Conflict, Err: errors.New("somebody else changed the pool")}
	case status >= 200 && status < 300:
		return policy.Outcome{Result: policy.Accepted}
	}
	err = fmt.Errorf("the orchestrator answered %d %s", status, firstWords(answer))
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return policy.Outcome{Result: policy.Busy, Err: err}
	}
	return policy.Outcome{Result: policy.Failed, Err: err}
}

// readBack finds out what became of a request that was not answered.
func (a *HTTP) readBack(ctx context.Context, d policy.Decision, cause error) policy.Outcome {
	count := a.read(ctx, d.Pool)
	switch {
	case count.Known && count.Agents == d.Desired:
		return policy.Outcome{Result: policy.Accepted}
	case count.Known && count.Agents == d.Current:
		return policy.Outcome{Result: policy.Failed, Err: fmt.Errorf("not answered and not applied: %w", cause)}
	case count.Known:
		return policy.Outcome{Result: policy.Unknown, Err: fmt.Errorf("not answered, and there are %d agents now: %w", count.Agents, cause)}
	}
	return policy.Outcome{Result: policy.Unknown, Err: fmt.Errorf("not answered, and the pool cannot be read (%s): %w", count.Detail, cause)}
}

// reasonOf returns the last reason, which is the one that set the number.
func reasonOf(d policy.Decision) string {
	if len(d.Reasons) == 0 {
		return ""
	}
	text := d.Reasons[len(d.Reasons)-1].Detail
	return strings.ToValidUTF8(text[:min(len(text), maxReason)], "")
}

func firstWords(body []byte) string {
	const most = 200
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), most)]), "")), " ")
}

// call makes one request, with retries, and returns the whole answer.
func (a *HTTP) call(ctx context.Context, method, path string, body []byte, key string) (status int, answer []byte, err error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if changes(ctx) {
		req.GetBody = nil // or net/http itself repeats what was not answered, since it has a key
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
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
