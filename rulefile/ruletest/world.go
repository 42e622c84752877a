package ruletest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// clock is the time of a test. It moves between ticks only, so that it needs no lock.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// kind is how an orchestrator behaves.
type kind string

const (
	prompt kind = "prompt" // it does what it is asked for, after the delay
	frozen kind = "frozen" // it accepts everything and does nothing
	down   kind = "down"   // it does not answer
)

// contract is what a test's orchestrator has at the start, and how it behaves.
type contract struct {
	kind   kind
	delay  time.Duration
	agents map[string]int // by pool
}

// orchestrator carries decisions out in memory.
type orchestrator struct {
	contract
	clock *clock

	mu     sync.Mutex
	orders []order // that are not carried out yet, by time
}

// order is a number of agents that a pool has from an instant on.
type order struct {
	at     time.Time
	pool   string
	agents int
}

func newOrchestrator(c contract, now *clock) *orchestrator {
	c.agents = maps.Clone(c.agents)
	return &orchestrator{contract: c, clock: now}
}

// Current implements [engine.Actuator].
func (o *orchestrator) Current(_ context.Context, pool string) policy.Count {
	if o.kind == down {
		return policy.Count{Detail: "in this test it does not answer"}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.orders) > 0 && !o.orders[0].at.After(o.clock.now()) {
		o.agents[o.orders[0].pool] = o.orders[0].agents
		o.orders = o.orders[1:]
	}
	n := o.agents[pool]
	return policy.Count{Agents: n, Ready: n, Known: true}
}

// Scale implements [engine.Actuator].
func (o *orchestrator) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	switch {
	case !d.Permitted():
		return policy.Outcome{Result: policy.NotSent}
	case o.kind == down:
		return policy.Outcome{Result: policy.Failed, Err: errors.New("in this test it does not answer")}
	case o.kind == frozen:
		return policy.Outcome{Result: policy.Accepted}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.orders = append(o.orders, order{o.clock.now().Add(o.delay), d.Pool, d.Desired})
	return policy.Outcome{Result: policy.Accepted}
}

// transport hands requests to a handler, without a network, and notes the queries.
type transport struct {
	handler http.Handler

	mu      sync.Mutex
	queries map[string]bool
}

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	served := r.Clone(r.Context())
	query := served.FormValue("query")
	t.mu.Lock()
	t.queries[query] = true
	t.mu.Unlock()
	w := recorder{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(&w, served)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

// selectors returns what the queries read.
func (t *transport) selectors() []*parser.VectorSelector {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*parser.VectorSelector
	for query := range t.queries {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
		if err != nil {
			continue // the query failed, and its decision says so
		}
		parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				out = append(out, s)
			}
			return nil
		})
	}
	return out
}

// selects reports whether a selector finds a series.
func selects(s *parser.VectorSelector, ls labels.Labels) bool {
	for _, m := range s.LabelMatchers {
		if !m.Matches(ls.Get(m.Name)) {
			return false
		}
	}
	return true
}
