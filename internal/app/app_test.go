package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

const rules = `pools:
  - {name: nba, agents: {min: 2, max: 9}, load: {query: agent_load, per_agent: 10}}
  - {name: nfl, agents: {min: 1, max: 9}, load: {query: agent_load, per_agent: 10}, mode: active}
`

// fixture is a configuration with a Prometheus that says little and an
// orchestrator.
type fixture struct {
	dir string
	env map[string]string
	sim *simulator.Simulator
	log lockedBuffer
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

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), env: map[string]string{}, sim: simulator.New(simulator.Options{Agents: map[string]int{"nba": 4, "nfl": 1}})}
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "query_range") {
			io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
			return
		}
		value := "90"
		if strings.Contains(r.FormValue("query"), "timestamp(") {
			value = r.FormValue("time")
		}
		io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"`+value+`"]}]}}`)
	}))
	t.Cleanup(prometheus.Close)
	orchestrator := httptest.NewServer(f.sim)
	t.Cleanup(orchestrator.Close)
	f.write(t, "rules.yml", rules)
	f.write(t, "scaling-adapter.yml", `prometheus: {url: "`+prometheus.URL+`"}
orchestrator: {url: "`+orchestrator.URL+`"}
interval: 1s
limits: {max_total_agents: 18}
rule_files: [rules.yml]
`)
	return f
}

func (f *fixture) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) options(l net.Listener) Options {
	return Options{
		ConfigFile: filepath.Join(f.dir, "scaling-adapter.yml"), Getenv: func(name string) string { return f.env[name] },
		Listener: l, Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
	}
}

func (f *fixture) app(t *testing.T) *App {
	t.Helper()
	a, err := New(f.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.close() })
	return a
}

// TestARejectedReloadChangesNothing is I31, an equal one I32.
func TestARejectedReloadChangesNothing(t *testing.T) {
	f := newFixture(t)
	a := f.app(t)
	first := a.current
	if err := a.Reload(); err != nil || a.current != first {
		t.Errorf("an equal reload: generation %d after %v", a.current.Generation, err)
	}
	for name, bad := range map[string]string{
		"not YAML":   "pools: [",
		"half a one": rules[:40],
		"bad values": strings.Replace(rules, "max: 9", "max: 1", 1),
		"too many":   strings.NewReplacer("min: 2", "min: 12", "min: 1,", "min: 12,", "max: 9", "max: 99").Replace(rules),
	} {
		f.write(t, "rules.yml", bad)
		if err := a.Reload(); err == nil || a.current != first {
			t.Errorf("%s: generation %d after %v", name, a.current.Generation, err)
		}
		if got := testutil.ToFloat64(a.reloadOK); got != 0 {
			t.Errorf("%s: last reload successful is %v", name, got)
		}
	}
	f.write(t, "rules.yml", strings.Replace(rules, "max: 9", "max: 10", 1))
	if err := a.Reload(); err != nil || a.current.Generation != 2 || a.current.Pools[0].Pool.Agents.Max != 10 {
		t.Errorf("a good reload: generation %d after %v", a.current.Generation, err)
	}
	if got := testutil.ToFloat64(a.reloadOK); got != 1 {
		t.Errorf("last reload successful is %v", got)
	}
}

// P38: a file that the reading panics over is a bad file, and not the end of the process.
func TestAReloadThatPanicsChangesNothing(t *testing.T) {
	f := newFixture(t)
	a := f.app(t)
	first := a.current
	getenv := a.Getenv
	a.Getenv = func(string) string { panic("a bug") }
	if err := a.Reload(); err == nil || !strings.Contains(err.Error(), "panic while the configuration was loaded: a bug") || a.current != first {
		t.Errorf("generation %d after %v", a.current.Generation, err)
	}
	if got := testutil.ToFloat64(a.reloadOK); got != 0 {
		t.Errorf("last reload successful is %v", got)
	}
	if !strings.Contains(f.log.String(), "app_test.go") {
		t.Errorf("the log does not say where:\n%s", f.log.String())
	}
	a.Getenv = getenv
	if err := a.Reload(); err != nil {
		t.Errorf("the next reload: %v", err)
	}
}

func TestProblemsOfAllFilesAreReportedTogether(t *testing.T) {
	f := newFixture(t)
	f.write(t, "rules.yml", strings.ReplaceAll(rules, "min: ", "min: 1")+"rules:\n  - {name: r, pools: {a: b}, bounds: {min: 1}}\n")
	f.env["MAX_TOTAL_AGENTS"] = "many"
	_, err := New(f.options(nil))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`environment: MAX_TOTAL_AGENTS: expected a whole number`,
		`rules.yml:2:31: pool "nba": min 12 > max 9`,
		`rule "r" matches no pool`,
		`scaling-adapter.yml:4:28: the pools' min add up to 23 agents, more than max_total_agents 18`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%s", want, err)
		}
	}
}

func TestDisabledPutsEveryPoolIntoDryRun(t *testing.T) {
	f := newFixture(t)
	f.env["SCALING_ENABLED"] = "false"
	a := f.app(t)
	a.engine.Tick(t.Context(), time.Now())
	for _, p := range a.Snapshot().Pools {
		if p.Pool.Mode != policy.DryRun {
			t.Errorf("pool %s is in mode %s", p.Pool.Name, p.Pool.Mode)
		}
	}
	if got := f.sim.Requests(); len(got) > 0 {
		t.Errorf("got requests %+v", got)
	}
}

func TestRunServesReloadsAndStops(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(f.options(l))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited for %s; log:\n%s", what, f.log.String())
			}
		}
	}
	url := "http://" + l.Addr().String()
	wait("the first tick", func() bool {
		resp, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	wait("the active pool to grow", func() bool { agents, _ := f.sim.Agents("nfl"); return agents == 9 })
	if agents, _ := f.sim.Agents("nba"); agents != 4 {
		t.Errorf("the pool in dry run has %d agents, want 4", agents)
	}
	f.write(t, "rules.yml", "pools: [")
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	wait("the refusal", func() bool { return strings.Contains(f.log.String(), "configuration not loaded") })
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %s", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Run did not end")
	}
	if text := f.log.String(); !strings.Contains(text, `msg=decided pool=nfl from=1 to=9 outcome=accepted`) || !strings.Contains(text, "msg=listening address=127.0.0.1:") {
		t.Errorf("log:\n%s", text)
	}
}

func TestAnAddressThatFailsEndsRun(t *testing.T) {
	f := newFixture(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a, err := New(f.options(l))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "serve HTTP") {
		t.Errorf("got %v", err)
	}
}
