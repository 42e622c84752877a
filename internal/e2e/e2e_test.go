//go:build e2e

// Package e2e runs the real binary against real Prometheus servers and an
// orchestrator that serves the contract over HTTP.
package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/e2e/promtest"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine/contract"
	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
)

// servers are the Prometheus binaries that everything is tried with.
func servers(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, variable := range map[string]string{"oldest": "PROMETHEUS_OLD", "newest": "PROMETHEUS_NEW"} {
		path := os.Getenv(variable)
		if _, err := exec.LookPath(path); err != nil {
			t.Fatalf("%s does not name a Prometheus: %s; run make e2e", variable, err)
		}
		found[name] = path
	}
	return found
}

func TestContract(t *testing.T) {
	for name, binary := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := promtest.Start(t, binary, promtest.Config{})
			contract.Run(t, s.URL, time.Now().Truncate(time.Minute), s.Write)
		})
	}
}

// stack is everything that a test runs.
type stack struct {
	prometheus   *promtest.Server
	orchestrator *simulator.Simulator
	failWrites   atomic.Bool   // the orchestrator answers 500 to scale requests
	exporter     atomic.Uint64 // bits of the load that is exported
	mentions     atomic.Int64  // exported, too
	dir          string        // of the configuration
	url          string        // of the adapter
	process      *exec.Cmd
}

const (
	perAgent  = 10
	quiet     = 40.0
	peak      = 200.0
	rulesFile = `pools:
  - name: nba
    location: UTC
    agents: {base: 4, min: 2, max: 30}
    load: {query: 'sum by (league) (agent_load)', match: {league: NBA}, per_agent: 10}
    lead_time: 10m
    behavior: {scale_down: {stabilization_window: 1m}}
`
)

// options are what tests want to differ.
type options struct {
	mode   string       // of the pool
	rules  string       // of the adapter, after those of rulesFile
	alerts http.Handler // gets the alerts by Alertmanager's webhook; nil: there are none
}

// start starts the stack with four weeks of evenings whose next one begins a few
// minutes from now.
func start(t *testing.T, binary string, o options) *stack {
	t.Helper()
	s := &stack{dir: t.TempDir(), orchestrator: simulator.New(simulator.Options{Agents: map[string]int{"nba": 4}, StartupTime: 5 * time.Second})}
	s.setLoad(quiet)
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "agent_load{league=\"NBA\"} %g\nmentions %d\n", math.Float64frombits(s.exporter.Load()), s.mentions.Load())
	}))
	t.Cleanup(exporter.Close)
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && s.failWrites.Load() {
			http.Error(w, "no room", http.StatusInternalServerError)
			return
		}
		s.orchestrator.ServeHTTP(w, r)
	}))
	t.Cleanup(orchestrator.Close)
	address := freeAddress(t)
	s.url = "http://" + address
	config := promtest.Config{Targets: map[string]string{
		"exporter": exporter.Listener.Addr().String(), "orchestrator": orchestrator.Listener.Addr().String(), "scaling-adapter": address,
	}}
	var flags []string
	if o.alerts != nil {
		s.alerting(t, o.alerts, &config)
		flags = append(flags, "--web.enable-control-api")
	}
	s.prometheus = promtest.Start(t, binary, config)
	s.prometheus.Write(t, evenings(time.Now()))

	s.write(t, "rules.yml", rulesFile+o.rules)
	s.write(t, "scaling-adapter.yml", fmt.Sprintf(`prometheus: {url: %q, timeout: 2s, query_lag: 1s, max_sample_age: 5s}
orchestrator: {url: %q, timeout: 1s, retries: 1, failure_pause: 1s}
interval: 1s
defaults: {mode: %s}
rule_files: [rules.yml]
`, s.prometheus.URL, orchestrator.URL, o.mode))
	s.run(t, append(flags, "--web.listen-address="+address)...)
	return s
}

// evenings are four weeks in which the load rises five-fold every day at the
// same time, for two hours.
func evenings(now time.Time) []promengine.Sample {
	ls := labels.FromStrings("__name__", "agent_load", "league", "NBA", "job", "history")
	const step = 5 * time.Minute
	first := now.Add(-28 * 24 * time.Hour).Truncate(step)
	rise := now.Truncate(step).Add(2 * step) // of the next evening
	var samples []promengine.Sample
	for k := 0; ; k++ {
		at := first.Add(time.Duration(k) * step)
		if at.After(now.Add(-step)) {
			return samples
		}
		y := quiet
		if since := rise.Sub(at) % (24 * time.Hour); since == 0 || since > 22*time.Hour {
			y = peak
		}
		samples = append(samples, promengine.Sample{Labels: ls, Time: at, Value: y * (1 + 0.03*math.Sin(float64(k*k)))})
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *stack) setLoad(load float64) { s.exporter.Store(math.Float64bits(load)) }

func (s *stack) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run starts the adapter and waits until it is ready.
func (s *stack) run(t *testing.T, flags ...string) {
	t.Helper()
	binary := os.Getenv("SCALING_ADAPTER")
	if _, err := exec.LookPath(binary); err != nil {
		t.Fatalf("SCALING_ADAPTER does not name the binary: %s; run make e2e", err)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process = exec.Command(binary, append([]string{"run", "--config.file=" + filepath.Join(s.dir, "scaling-adapter.yml")}, flags...)...)
	s.process.Stderr = log
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.process.Process.Kill() // it may have ended
		_ = s.process.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("log of the adapter:\n%s", text[max(0, len(text)-6000):])
		}
		_ = log.Close()
	})
	promtest.WaitFor(t, 20*time.Second, "the adapter to be ready", func() error {
		_, err := fetch(http.MethodGet, s.url+"/-/ready")
		return err
	})
}

// fetch returns the body of an answer; an error if it is not 200.
func fetch(method, address string) (string, error) {
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return string(body), fmt.Errorf("got %s: %s", resp.Status, body)
	}
	return string(body), nil
}

// metric reads a value of the adapter's own metrics.
func (s *stack) metric(name string) (float64, error) {
	text, err := fetch(http.MethodGet, s.url+"/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			var v float64
			_, err := fmt.Sscan(rest, &v)
			return v, err
		}
	}
	return 0, fmt.Errorf("no metric %s", name)
}

// expect waits until one of the adapter's metrics is as it should be.
func (s *stack) expect(t *testing.T, name string, ok func(float64) bool) {
	t.Helper()
	promtest.WaitFor(t, 30*time.Second, name, func() error {
		v, err := s.metric(name)
		if err == nil && !ok(v) {
			err = fmt.Errorf("it is %v", v)
		}
		return err
	})
}

func is(want float64) func(float64) bool      { return func(v float64) bool { return v == want } }
func atLeast(want float64) func(float64) bool { return func(v float64) bool { return v >= want } }

// prometheusHas waits until Prometheus itself answers a query with something.
func (s *stack) prometheusHas(t *testing.T, query string) {
	t.Helper()
	promtest.WaitFor(t, 30*time.Second, "Prometheus to have "+query, func() error {
		text, err := fetch(http.MethodGet, s.prometheus.URL+"/api/v1/query?query="+url.QueryEscape(query))
		if err != nil {
			return err
		}
		var answer struct {
			Data struct{ Result []json.RawMessage }
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			return err
		}
		if len(answer.Data.Result) == 0 {
			return fmt.Errorf("nothing found")
		}
		return nil
	})
}

// tick waits until the adapter has taken some more ticks.
func (s *stack) tick(t *testing.T, n float64) {
	t.Helper()
	const name = "scaling_adapter_ticks_total"
	before, err := s.metric(name)
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, name, atLeast(before+n))
}

// TestLifeOfAnAdapter goes through a day's troubles with each Prometheus: an
// evening is served ahead, Prometheus dies and returns, the orchestrator fails,
// a rule file is bad, and in the end the adapter is told to stop.
func TestLifeOfAnAdapter(t *testing.T) {
	for name, binary := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := start(t, binary, options{mode: "active"})
			s.scalesBeforeThePeak(t)
			s.survivesPrometheus(t)
			s.countsFailures(t)
			s.refusesBadRules(t)
			s.stops(t)
		})
	}
}

func (s *stack) scalesBeforeThePeak(t *testing.T) {
	t.Helper()
	promtest.WaitFor(t, 30*time.Second, "the pool to grow", func() error {
		if agents, _ := s.orchestrator.Agents("nba"); agents < peak/perAgent {
			return fmt.Errorf("it has %d agents; the evening needs %g", agents, peak/perAgent)
		}
		return nil
	})
	s.expect(t, `scaling_adapter_load{pool="nba"}`, is(quiet)) // the evening has not begun
	first := s.orchestrator.Requests()[0]
	if !strings.Contains(first.Reason, "expects up to") || first.From == nil || *first.From != 4 || first.IdempotencyKey == "" {
		t.Errorf("the first request was %+v", first)
	}
	s.prometheusHas(t, `scaling_adapter_forecast_load{pool="nba",horizon="15m",quantile="0.9"} > 150`)
	s.prometheusHas(t, `scaling_adapter_desired_agents{pool="nba",stage="final"} >= 20`)
	s.prometheusHas(t, `sim_agents{pool="nba"} >= 20`)
}

func (s *stack) survivesPrometheus(t *testing.T) {
	t.Helper()
	before, _ := s.orchestrator.Agents("nba")
	requests := len(s.orchestrator.Requests())
	s.prometheus.Kill(t)
	s.expect(t, `scaling_adapter_signal_up{pool="nba",signal="load"}`, is(0))
	s.tick(t, 5)
	if after, _ := s.orchestrator.Agents("nba"); after != before || len(s.orchestrator.Requests()) != requests {
		t.Errorf("without Prometheus the pool went from %d to %d agents", before, after)
	}
	if text, err := fetch(http.MethodGet, s.url+"/-/ready"); err != nil || !strings.Contains(text, "degraded: load not ok for 1 of 1 pools") {
		t.Errorf("ready: got %s, %v", text, err)
	}
	s.prometheus.Restart(t)
	s.expect(t, `scaling_adapter_signal_up{pool="nba",signal="load"}`, is(1))
	s.tick(t, 3)
	if after, _ := s.orchestrator.Agents("nba"); after < before {
		t.Errorf("after Prometheus came back the pool went from %d to %d agents", before, after)
	}
}

func (s *stack) countsFailures(t *testing.T) {
	t.Helper()
	s.failWrites.Store(true)
	s.setLoad(280)
	const failures = `scaling_adapter_scale_requests_total{direction="up",outcome="failed",pool="nba"}`
	s.expect(t, failures, atLeast(1))
	s.prometheusHas(t, failures+" > 0")
	s.failWrites.Store(false)
	promtest.WaitFor(t, 30*time.Second, "the pool to follow the load", func() error {
		if agents, _ := s.orchestrator.Agents("nba"); agents < 28 {
			return fmt.Errorf("it has %d agents", agents)
		}
		return nil
	})

	s.orchestrator.SetFault(simulator.Hang, time.Minute)
	s.expect(t, `scaling_adapter_signal_up{pool="nba",signal="current"}`, is(0))
	s.expect(t, `scaling_adapter_orchestrator_reads_total{outcome="error"}`, atLeast(1))
	s.tick(t, 2)
	s.orchestrator.SetFault(simulator.None, 0)
	s.expect(t, `scaling_adapter_signal_up{pool="nba",signal="current"}`, is(1))
}

func (s *stack) refusesBadRules(t *testing.T) {
	t.Helper()
	const (
		success    = "scaling_adapter_config_last_reload_successful"
		generation = "scaling_adapter_config_generation"
	)
	s.expect(t, success, is(1))
	s.write(t, "rules.yml", strings.Replace(rulesFile, "min: 2", "mim: 2", 1))
	text, err := fetch(http.MethodPost, s.url+"/-/reload")
	if err == nil || !strings.Contains(text, `rules.yml:4:23: unknown key "mim"; did you mean min?`) {
		t.Errorf("reload of a bad file: got %q, %v", text, err)
	}
	s.expect(t, success, is(0))
	s.tick(t, 2)
	s.expect(t, generation, is(1))
	s.prometheusHas(t, success+" == 0")

	s.write(t, "rules.yml", strings.Replace(rulesFile, "min: 2", "min: 3", 1))
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.expect(t, success, is(1))
	s.expect(t, generation, is(2))
	s.expect(t, `scaling_adapter_min_agents{pool="nba"}`, is(3))
}

func (s *stack) stops(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.process.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("SIGTERM: got %s, want exit status 0", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it did not stop within 10 s of SIGTERM")
	}
}

// TestDryRunCallsNobody is I35 over a real network.
func TestDryRunCallsNobody(t *testing.T) {
	for name, binary := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s := start(t, binary, options{mode: "dry_run"})
			s.expect(t, `scaling_adapter_desired_agents{pool="nba",stage="bounded"}`, atLeast(peak/perAgent))
			s.tick(t, 3)
			if requests := s.orchestrator.Requests(); len(requests) > 0 {
				t.Errorf("got %d requests: %+v", len(requests), requests)
			}
			s.prometheusHas(t, `scaling_adapter_pool_mode{pool="nba",mode="dry_run"} == 1`)
		})
	}
}
