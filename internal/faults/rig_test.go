// Package faults breaks what the daemon depends on, over real sockets, and looks at what it
// does: proxies that cut, stall and trickle stand between the whole daemon, a Prometheus
// engine and a simulated orchestrator. It has tests only.
package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
)

func TestMain(m *testing.M) {
	// A proxy leaves its pipes behind when it cuts what flows through them.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).write"), goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

const (
	interval = 30 * time.Second
	step     = 5 * time.Minute // of the history
	patience = time.Minute     // with everything
	// quick is how long a turn takes at most, whatever fails: some timeouts one after the other.
	quick = 15 * time.Second
)

var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// server is a server that can be replaced, behind a proxy that spoils its connections.
type server struct {
	*toxiproxy.Proxy
	real http.Handler
	now  atomic.Pointer[http.HandlerFunc]
}

func newServer(t *testing.T, h http.Handler) *server {
	t.Helper()
	s := &server{real: h}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.now.Load(); f != nil {
			(*f)(w, r)
			return
		}
		s.real.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	s.Proxy = toxiproxy.NewProxy(api, t.Name(), "127.0.0.1:0", upstream.Listener.Addr().String())
	s.up(t)
	t.Cleanup(func() { s.Stop() }) // the last one
	return s
}

func (s *server) url() string { return "http://" + s.Listen }

func (s *server) up(t *testing.T) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// answers lets something else answer; nil: the real one.
func (s *server) answers(h http.HandlerFunc) {
	if h == nil {
		s.now.Store(nil)
		return
	}
	s.now.Store(&h)
}

// toxic spoils all connections until clean.
func (s *server) toxic(t *testing.T, kind, attributes string) {
	t.Helper()
	text := fmt.Sprintf(`{"name": "spoiled", "type": %q, "stream": "downstream", "toxicity": 1, "attributes": %s}`, kind, attributes)
	if _, err := s.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// clean lets connections be as they should, by another proxy at the same address; those that
// were spoiled are cut. To take the toxics out of a proxy may wait for ever for connections
// that are stuck.
func (s *server) clean(t *testing.T) {
	t.Helper()
	s.Stop()
	s.Proxy = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), s.Listen, s.Upstream)
	s.up(t)
}

// rig is the daemon and its world.
type rig struct {
	prometheus   *server
	orchestrator *server
	sim          *simulator.Simulator
	engine       *promengine.Engine
	dir          string
	log          lockedBuffer

	app    *app.App
	url    string
	client *http.Client
	ticks  chan time.Time
	end    func() error

	mu    sync.Mutex
	now   time.Time
	loads map[string]float64
	quick time.Duration
}

// lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const rules = `pools:
  - {name: nba, location: UTC, agents: {base: 5, min: 2, max: 30}, load: {query: agent_load, match: {pool: nba}, per_agent: 10}, behavior: {scale_down: {stabilization_window: 2m}}}
  - {name: nfl, location: UTC, agents: {base: 5, min: 2, max: 30}, load: {query: agent_load, match: {pool: nfl}, per_agent: 10}, behavior: {scale_down: {stabilization_window: 2m}}}
`

// configuration is that of the daemon; the addresses are those of the proxies.
const configuration = `prometheus: {url: "PROMETHEUS", timeout: 500ms, query_lag: 0s, basic_auth: {username: adapter, password_file: prometheus.secret}}
orchestrator: {url: "ORCHESTRATOR", timeout: 300ms, retries: 1, converge_timeout: 2m, failure_pause: 5m, authorization: {credentials_file: orchestrator.secret}}
interval: 30s
forecast: {step: 5m, history: 1d, horizon: 1h}
defaults: {mode: active}
rule_files: [rules.yml]
`

// newRig starts a daemon at rest: its pools have what they need.
func newRig(t *testing.T, change ...func(*rig, *app.Options)) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir(), now: noon, loads: map[string]float64{"nba": 100, "nfl": 60}, quick: quick, ticks: make(chan time.Time), client: &http.Client{Transport: &http.Transport{}}}
	var err error
	if r.engine, err = promengine.Open(t.TempDir(), r.clock, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	opened := r.engine
	t.Cleanup(func() { _ = opened.Close() }) // its data is not to survive
	r.sim = simulator.New(simulator.Options{Agents: map[string]int{"nba": 10, "nfl": 6}, Now: r.clock})
	r.prometheus, r.orchestrator = newServer(t, r.engine.Handler()), newServer(t, r.sim)
	for at := noon.Add(-25 * time.Hour); !at.After(noon); at = at.Add(time.Minute) {
		r.scrape(t, r.engine, at)
	}
	r.write(t, "rules.yml", rules)
	r.write(t, "prometheus.secret", "the password of prometheus")
	r.write(t, "orchestrator.secret", "the token of the orchestrator")
	r.write(t, "scaling-adapter.yml", strings.NewReplacer("PROMETHEUS", r.prometheus.url(), "ORCHESTRATOR", r.orchestrator.url()).Replace(configuration))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := app.Options{
		ConfigFile: filepath.Join(r.dir, "scaling-adapter.yml"), Getenv: func(string) string { return "" },
		Listener: l, EnableControlAPI: true, Logger: slog.New(slog.NewTextHandler(&r.log, nil)), Now: r.clock,
	}
	for _, c := range change {
		c(r, &o)
	}
	if r.app, err = app.New(o); err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.app.Run(ctx, r.ticks) }()
	r.end = sync.OnceValue(func() error {
		r.client.CloseIdleConnections()
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("the daemon does not end")
		}
	})
	t.Cleanup(func() {
		if err := r.end(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			text := r.log.String()
			t.Logf("log:\n%s", text[max(0, len(text)-5000):])
		}
	})
	r.tick(t)
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

// set sets the clock.
func (r *rig) set(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = now
}

func (r *rig) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// scrape stores the loads as they are.
func (r *rig) scrape(t *testing.T, e *promengine.Engine, at time.Time) {
	t.Helper()
	var samples []promengine.Sample
	for pool, y := range r.loads {
		samples = append(samples, promengine.Sample{Labels: labels.FromStrings("__name__", "agent_load", "pool", pool), Time: at, Value: y})
	}
	if err := e.Append(t.Context(), samples); err != nil {
		t.Fatal(err)
	}
}

// tick lets half a minute pass and the daemon take a turn, which must not take long.
func (r *rig) tick(t *testing.T) *engine.Snapshot {
	t.Helper()
	r.set(r.clock().Add(interval))
	return r.turn(t)
}

// beforeAStep lets the daemon take turns until the next one asks for the history too.
func (r *rig) beforeAStep(t *testing.T) {
	t.Helper()
	for next := r.clock().Add(interval); !next.Equal(next.Truncate(step)); next = next.Add(interval) {
		r.tick(t)
	}
}

// turn lets the daemon take a turn.
func (r *rig) turn(t *testing.T) *engine.Snapshot {
	t.Helper()
	now := r.clock()
	r.scrape(t, r.engine, now)
	began := time.Now()
	late := time.After(patience)
	select {
	case r.ticks <- now:
	case <-late:
		t.Fatal("the loop does not take a turn")
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			if snap := r.app.Snapshot(); snap != nil && snap.Time.Equal(now) {
				if took := time.Since(began); took > r.quick {
					t.Errorf("a turn took %s", took)
				}
				return snap
			}
		case <-late:
			t.Fatal("the loop does not end its turn")
		}
	}
}

// fetch sends a request to the daemon.
func (r *rig) fetch(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric reads a metric of the daemon; 0 if it is not there.
func (r *rig) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, text := r.fetch(t, http.MethodGet, "/metrics", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var v float64
			if _, err := fmt.Sscan(rest, &v); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	return 0
}

// is fails unless a metric is as it should be.
func (r *rig) is(t *testing.T, name string, want float64) {
	t.Helper()
	if got := r.metric(t, name); got != want {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// agents fails unless the pools have so many.
func (r *rig) agents(t *testing.T, nba, nfl int) {
	t.Helper()
	a, _ := r.sim.Agents("nba")
	b, _ := r.sim.Agents("nfl")
	if a != nba || b != nfl {
		t.Errorf("the pools have %d and %d agents, want %d and %d; requests %+v", a, b, nba, nfl, r.sim.Requests())
	}
}

// few fails when there are more goroutines in calls than the daemons of all tests together
// may have.
func few(t *testing.T) {
	t.Helper()
	const most = 200
	all := make([]byte, 16<<20)
	n := 0
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, "scaling-adapter/promquery.") || strings.Contains(stack, "scaling-adapter/actuator.") {
			n++
		}
	}
	if n > most {
		t.Errorf("%d goroutines are in calls", n)
	}
}
