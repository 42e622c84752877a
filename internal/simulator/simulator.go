// Package simulator is an orchestrator for the demo and the end-to-end tests.
//
// It serves the default contract (docs/orchestrator-api.md): agents take their
// time to become ready, and it can be told to fail. It runs no agents.
package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options describe the pools.
type Options struct {
	Agents      map[string]int   // by pool, ready from the start
	StartupTime time.Duration    // from asking for an agent until it is ready
	Now         func() time.Time // nil: the wall clock
}

// Fault is a way to fail.
type Fault string

// The faults.
const (
	None   Fault = "none"
	Fail   Fault = "error"  // answer 500
	Hang   Fault = "hang"   // answer nothing until the client gives up
	Ignore Fault = "ignore" // accept and never apply
)

// Request is a scale request that was received.
type Request struct {
	Time           time.Time `json:"time"`
	Pool           string    `json:"pool"`
	Agents         int       `json:"agents"`
	From           *int      `json:"from,omitempty"`
	Reason         string    `json:"reason"`
	DecisionID     string    `json:"decision_id"`
	IdempotencyKey string    `json:"idempotency_key"`
	Status         int       `json:"status"`
}

const (
	maxRequests = 1000 // remembered, and so the idempotency keys
	maxBody     = 1 << 20
	maxAgents   = 1 << 20
)

// Simulator is an orchestrator. It is an [http.Handler].
type Simulator struct {
	Options
	mux *http.ServeMux

	mu         sync.Mutex
	pools      map[string]*pool
	requests   []Request // oldest first
	fault      Fault
	faultUntil time.Time
	answered   *prometheus.CounterVec
}

// pool holds ready agents and those that start, by when they will be ready,
// oldest first.
type pool struct {
	ready    int
	starting []time.Time
}

func (p *pool) settle(now time.Time) {
	for len(p.starting) > 0 && !now.Before(p.starting[0]) {
		p.starting = p.starting[1:]
		p.ready++
	}
}

func (p *pool) agents() int { return p.ready + len(p.starting) }

// scale sets the number of agents. Those that are not ready go first.
func (p *pool) scale(agents int, readyAt time.Time) {
	for p.agents() < agents {
		p.starting = append(p.starting, readyAt)
	}
	if excess := p.agents() - agents; excess > 0 {
		young := min(excess, len(p.starting))
		p.starting = p.starting[:len(p.starting)-young]
		p.ready -= excess - young
	}
}

// New returns an orchestrator with the pools.
func New(o Options) *Simulator {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Simulator{Options: o, mux: http.NewServeMux(), pools: map[string]*pool{}, fault: None}
	for name, n := range o.Agents {
		s.pools[name] = &pool{ready: n}
	}
	s.answered = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sim_scale_requests_total", Help: "Scale requests by answered status."}, []string{"pool", "status"})
	reg := prometheus.NewRegistry()
	reg.MustRegister(s.answered, agentsCollector{s})
	s.mux.HandleFunc("GET /pools", s.list)
	s.mux.HandleFunc("GET /pools/{pool}", s.show)
	s.mux.HandleFunc("PUT /pools/{pool}/scale", s.scale)
	s.mux.HandleFunc("PUT /faults", s.setFault)
	s.mux.HandleFunc("GET /requests", s.received)
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Pools returns the names of the pools, sorted.
func (s *Simulator) Pools() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.pools))
}

// Agents returns how many agents a pool has and how many of them are ready.
func (s *Simulator) Agents(name string) (agents, ready int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[name]
	if p == nil {
		return 0, 0
	}
	p.settle(s.Now())
	return p.agents(), p.ready
}

// SetFault makes all calls that concern pools fail for a while.
func (s *Simulator) SetFault(f Fault, length time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faultUntil = f, s.Now().Add(length)
}

// Requests returns the last scale requests, oldest first.
func (s *Simulator) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// faulty fails a call if it is to fail, and reports whether it did.
func (s *Simulator) faulty(w http.ResponseWriter, r *http.Request) bool {
	switch s.activeFault() {
	case Fail:
		respond(w, http.StatusInternalServerError, problem{"told to fail"})
	case Hang:
		<-r.Context().Done()
	default:
		return false
	}
	return true
}

func (s *Simulator) activeFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Now().Before(s.faultUntil) {
		return None
	}
	return s.fault
}

// state is what is told about a pool.
type state struct {
	Agents int `json:"agents"`
	Ready  int `json:"ready"`
}

type problem struct {
	Error string `json:"error"`
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone if it fails
}

func (s *Simulator) list(w http.ResponseWriter, r *http.Request) {
	if s.faulty(w, r) {
		return
	}
	all := map[string]state{}
	for _, name := range s.Pools() {
		agents, ready := s.Agents(name)
		all[name] = state{agents, ready}
	}
	respond(w, http.StatusOK, all)
}

func (s *Simulator) show(w http.ResponseWriter, r *http.Request) {
	if s.faulty(w, r) {
		return
	}
	name := r.PathValue("pool")
	if !slices.Contains(s.Pools(), name) {
		respond(w, http.StatusNotFound, problem{fmt.Sprintf("no pool %q", name)})
		return
	}
	agents, ready := s.Agents(name)
	respond(w, http.StatusOK, state{agents, ready})
}

func (s *Simulator) scale(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		respond(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	var order struct {
		Agents     *int   `json:"agents"`
		From       *int   `json:"from"`
		Reason     string `json:"reason"`
		DecisionID string `json:"decision_id"`
	}
	err = json.Unmarshal(body, &order)
	if err == nil && (order.Agents == nil || *order.Agents < 0 || *order.Agents > maxAgents) {
		err = fmt.Errorf("agents must be between 0 and %d", maxAgents)
	}
	if err != nil {
		respond(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	req := Request{
		Pool: r.PathValue("pool"), Agents: *order.Agents, From: order.From, Reason: order.Reason,
		DecisionID: order.DecisionID, IdempotencyKey: r.Header.Get("Idempotency-Key"),
	}
	fault := s.activeFault()
	status, answer := s.carryOut(req, fault)
	switch fault {
	case Hang:
		<-r.Context().Done()
	default:
		respond(w, status, answer)
	}
}

// carryOut notes a request and applies it unless a fault is active.
func (s *Simulator) carryOut(req Request, fault Fault) (status int, answer any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	req.Time = s.Now()
	status, answer = s.apply(req, fault)
	req.Status = status
	if fault == Hang {
		req.Status = 0
	}
	s.requests = append(s.requests, req)
	s.requests = s.requests[max(0, len(s.requests)-maxRequests):]
	if s.pools[req.Pool] != nil { // names from outside are not labels
		s.answered.WithLabelValues(req.Pool, strconv.Itoa(req.Status)).Inc()
	}
	return status, answer
}

func (s *Simulator) apply(req Request, fault Fault) (status int, answer any) {
	p := s.pools[req.Pool]
	if p == nil {
		return http.StatusNotFound, problem{fmt.Sprintf("no pool %q", req.Pool)}
	}
	p.settle(req.Time)
	now := state{p.agents(), p.ready}
	switch {
	case fault == Fail:
		return http.StatusInternalServerError, problem{"told to fail"}
	case fault == Hang || fault == Ignore || s.accepted(req):
		return http.StatusOK, now
	case req.From != nil && *req.From != now.Agents:
		return http.StatusConflict, now
	}
	p.scale(req.Agents, req.Time.Add(s.StartupTime))
	return http.StatusOK, state{p.agents(), p.ready}
}

// accepted reports whether the request was carried out before.
func (s *Simulator) accepted(req Request) bool {
	return req.IdempotencyKey != "" && slices.ContainsFunc(s.requests, func(old Request) bool {
		return old.IdempotencyKey == req.IdempotencyKey && old.Pool == req.Pool && old.Status == http.StatusOK
	})
}

func (s *Simulator) setFault(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Mode Fault  `json:"mode"`
		For  string `json:"for"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&order)
	if err == nil && !slices.Contains([]Fault{None, Fail, Hang, Ignore}, order.Mode) {
		err = errors.New("mode must be none, error, hang or ignore")
	}
	length, durationErr := time.ParseDuration(order.For)
	if err == nil && order.Mode != None {
		err = durationErr
	}
	if err != nil {
		respond(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	s.SetFault(order.Mode, length)
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) received(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, s.Requests())
}

var (
	agentsDesc = prometheus.NewDesc("sim_agents", "Agents of a pool.", []string{"pool"}, nil)
	readyDesc  = prometheus.NewDesc("sim_ready_agents", "Agents of a pool that are ready.", []string{"pool"}, nil)
)

// agentsCollector tells the agents when it is asked, since they become ready on
// their own.
type agentsCollector struct{ *Simulator }

// Describe implements [prometheus.Collector].
func (c agentsCollector) Describe(ch chan<- *prometheus.Desc) { ch <- agentsDesc; ch <- readyDesc }

// Collect implements [prometheus.Collector].
func (c agentsCollector) Collect(ch chan<- prometheus.Metric) {
	for _, name := range c.Pools() {
		agents, ready := c.Agents(name)
		ch <- prometheus.MustNewConstMetric(agentsDesc, prometheus.GaugeValue, float64(agents), name)
		ch <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, float64(ready), name)
	}
}
