package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/webhook"
)

// told is an event that an endpoint was sent, as far as it does not differ from run to
// run.
type told struct {
	Type    string `json:"type"`
	Subject string `json:"subject"`
	Data    struct {
		Pool    string `json:"pool"`
		From    int    `json:"from"`
		To      int    `json:"to"`
		Outcome string `json:"outcome"`
		State   string `json:"state"`
		Budget  string `json:"budget"`
	} `json:"data"`
}

func newEndpoint(t *testing.T) (url string, events <-chan told) {
	t.Helper()
	out := make(chan told, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e told
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Errorf("not an event: %s", err)
		}
		out <- e
	}))
	t.Cleanup(server.Close)
	return server.URL, out
}

func next(t *testing.T, events <-chan told) told {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no event came")
		return told{}
	}
}

// configure appends to the configuration, after changing what is there.
func (f *fixture) configure(t *testing.T, pattern, replacement, more string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "scaling-adapter.yml"))
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "scaling-adapter.yml", regexp.MustCompile(pattern).ReplaceAllString(string(text), replacement)+more)
}

func event(typ, subject string) told {
	e := told{Type: "io.scaling-adapter." + typ, Subject: subject}
	e.Data.Pool = subject
	return e
}

const allEvents = "events: [scaling_executed, scaling_failed, emergency, budget_exhausted], secret_file: hook.secret"

func TestWebhooksTellOfScalings(t *testing.T) {
	f := newFixture(t)
	url, events := newEndpoint(t)
	elsewhere, others := newEndpoint(t)
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if agents, _ := f.sim.Agents("nfl"); r.Method == http.MethodPut && agents == 9 {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		f.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(orchestrator.Close)
	f.write(t, "hook.secret", "hunter2")
	f.configure(t, `orchestrator: .*`, `orchestrator: {url: "`+orchestrator.URL+`"}`, "webhooks:\n  - {url: "+url+"/confidential, "+allEvents+"}\n")
	a, now := f.start(t), time.Now()
	a.ticks <- now
	want := event("scaling_executed", "nfl")
	want.Data.From, want.Data.To, want.Data.Outcome = 1, 9, "accepted"
	if diff := cmp.Diff(want, next(t, events)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}

	// It goes to where the endpoint is now.
	f.configure(t, url, elsewhere, "")
	f.write(t, "rules.yml", regexp.MustCompile(`min: 1, max: 9`).ReplaceAllString(rules, "min: 10, max: 10"))
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	a.ticks <- now.Add(time.Second)
	want = event("scaling_failed", "nfl")
	want.Data.From, want.Data.To, want.Data.Outcome = 9, 10, "failed"
	if diff := cmp.Diff(want, next(t, others)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	a.end(t)
	if n := len(events) + len(others); n > 0 {
		t.Errorf("%d events too many", n)
	}
}

// What the loop does when it was told to stop is told as well.
func TestWebhooksTellTheLast(t *testing.T) {
	f := newFixture(t)
	url, events := newEndpoint(t)
	var a *running
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			a.stop()
		}
		f.sim.ServeHTTP(w, r)
	}))
	t.Cleanup(orchestrator.Close)
	f.write(t, "hook.secret", "hunter2")
	f.configure(t, `orchestrator: .*`, `orchestrator: {url: "`+orchestrator.URL+`"}`, "webhooks:\n  - {url: "+url+", "+allEvents+"}\n")
	a = f.start(t)
	a.ticks <- time.Now()
	if e := next(t, events); e.Data.Outcome != "accepted" {
		t.Errorf("got %+v", e)
	}
	a.end(t)
}

func TestWebhooksTellOfEmergenciesAndBudgets(t *testing.T) {
	f := newFixture(t)
	url, events := newEndpoint(t)
	f.write(t, "hook.secret", "hunter2")
	f.write(t, "rules.yml", rules+"budgets:\n  - {name: posts, pools: {pool: nba}, limit: 17, used: 'sum(increase(posts[$window]))', posts_per_agent_hour: 1}\n")
	f.configure(t, `limits: .*`, `limits: {max_total_agents: 18, cpu_percent: 70, emergency: {cpu_percent: 80, samples: 1, settle: 1s, resume: 1s}}`,
		"hosts: {cpu_percent: cpu}\nwebhooks:\n  - {url: "+url+", "+allEvents+"}\n")
	a, now := f.start(t), time.Now()
	for n := range 4 { // at least two are completed, and nothing changes
		a.ticks <- now.Add(time.Duration(n) * time.Second)
	}
	a.end(t) // what was told is sent nevertheless
	want := []told{event("emergency", ""), event("budget_exhausted", "nba")}
	want[0].Data.State, want[1].Data.Budget = "began", "posts"
	if diff := cmp.Diff(want, []told{next(t, events), next(t, events)}); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if len(events) > 0 {
		t.Errorf("one too many: %+v", <-events)
	}
}

// A configuration whose webhooks cannot be made is refused as a whole.
func TestAWebhookWithoutItsFilesIsNotLoaded(t *testing.T) {
	f := newFixture(t)
	a := f.app(t)
	first := a.current
	f.configure(t, "$^", "", "webhooks:\n  - {url: 'https://hooks.example/confidential', "+allEvents+", tls_config: {ca_file: none.pem}}\n")
	if err := a.Reload(); err == nil || a.current != first {
		t.Errorf("generation %d after %v", a.current.Generation, err)
	}
}

// The events that a configuration may name are those that there are.
func TestAllEventsCanBeAskedFor(t *testing.T) {
	var want []any
	for _, typ := range []webhook.Type{webhook.ScalingExecuted, webhook.ScalingFailed, webhook.Emergency, webhook.BudgetExhausted} {
		want = append(want, string(typ))
	}
	if diff := cmp.Diff(want, config.Schema().Defs["webhook"].Properties["events"].Items.Enum); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A pool that is paused since what was accepted has not come is told of, once.
func TestWebhooksTellOfWhatDoesNotCome(t *testing.T) {
	f := newFixture(t)
	url, events := newEndpoint(t)
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			f.sim.ServeHTTP(w, r)
		} // and everything else is accepted
	}))
	t.Cleanup(orchestrator.Close)
	f.write(t, "hook.secret", "hunter2")
	f.configure(t, `orchestrator: .*`, `orchestrator: {url: "`+orchestrator.URL+`", converge_timeout: 10s}`, "webhooks:\n  - {url: "+url+", events: [scaling_failed], secret_file: hook.secret}\n")
	a, now := f.start(t), time.Now()
	for n := range 30 {
		a.ticks <- now.Add(time.Duration(n) * time.Second)
	}
	a.end(t) // what was told is sent nevertheless
	want := event("scaling_failed", "nfl")
	want.Data.From, want.Data.To, want.Data.Outcome = 1, 9, "failed"
	if diff := cmp.Diff(want, next(t, events)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if len(events) > 0 {
		t.Errorf("one too many: %+v", <-events)
	}
}
