//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/e2e/promtest"
)

// desk is a receiver of Alertmanager's webhook.
type desk struct {
	mu     sync.Mutex
	firing map[string]deskAlert // the last one of each name
}

type deskAlert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var notification struct {
		Alerts []deskAlert `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&notification); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range notification.Alerts {
		if a.Status == "firing" {
			d.firing[a.Labels["alertname"]] = a
		}
	}
}

func (d *desk) alert(name string) (deskAlert, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.firing[name]
	return a, ok
}

const (
	newsFloor = 26 // of newsRule; more than the evening needs
	newsRule  = `rules:
  - {name: news, when: {event: {type: breaking_news}}, bounds: {min: 26}}
`
	newsAlert = `groups:
  - name: news
    rules:
      - alert: BreakingNews
        expr: sum(mentions) > 10
        annotations: {summary: a commissioner resigns}
`
	routes = `route:
  receiver: desk
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  routes:
    - {matchers: ['alertname = "BreakingNews"'], receiver: scaling-adapter}
receivers:
  - {name: desk, webhook_configs: [{url: %q}]}
  - {name: scaling-adapter, webhook_configs: [{url: %q}]}
`
)

// alerting starts an Alertmanager that tells the receiver of all alerts, and the adapter of
// breaking news, and lets Prometheus evaluate the files that are shipped.
func (s *stack) alerting(t *testing.T, receiver http.Handler, config *promtest.Config) {
	t.Helper()
	binary := os.Getenv("ALERTMANAGER")
	if _, err := exec.LookPath(binary); err != nil {
		t.Fatalf("ALERTMANAGER does not name an Alertmanager: %s; run make e2e", err)
	}
	server := httptest.NewServer(receiver)
	t.Cleanup(server.Close)
	config.Alertmanager = promtest.StartAlertmanager(t, binary, fmt.Sprintf(routes, server.URL, s.url+"/api/v1/events/alertmanager")).Address

	s.write(t, "news.yml", newsAlert)
	config.Rules = []string{filepath.Join(s.dir, "news.yml")}
	shipped, err := filepath.Abs("../../rules/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"scaling-adapter.alerts.yml", "scaling-adapter.rules.yml"} {
		file := filepath.Join(shipped, name)
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
		config.Rules = append(config.Rules, file)
	}
}

// TestAlerts goes both ways through a Prometheus and an Alertmanager: an alert raises a
// pool, and a pool that cannot be scaled raises an alert.
func TestAlerts(t *testing.T) {
	for name, binary := range servers(t) {
		t.Run(name, func(t *testing.T) {
			d := &desk{firing: map[string]deskAlert{}}
			s := start(t, binary, options{mode: "active", rules: newsRule, alerts: d})
			s.followsNews(t)
			s.tellsOfFailures(t, d)
		})
	}
}

func (s *stack) followsNews(t *testing.T) {
	t.Helper()
	const active = `scaling_adapter_event_active{pool="nba",type="breaking_news"}`
	s.mentions.Store(100)
	promtest.WaitFor(t, time.Minute, "the news to raise the pool", func() error {
		if agents, _ := s.orchestrator.Agents("nba"); agents != newsFloor {
			return fmt.Errorf("it has %d agents, and the rule asks for %d", agents, newsFloor)
		}
		return nil
	})
	s.expect(t, active, is(1))
	requests := s.orchestrator.Requests()
	if last := requests[len(requests)-1]; !strings.Contains(last.Reason, "rule news") {
		t.Errorf("the last request was %+v; its reason has no rule news", last)
	}
	s.mentions.Store(0)
	promtest.WaitFor(t, time.Minute, "the event to end", func() error {
		if v, err := s.metric(active); err == nil {
			return fmt.Errorf("%s is %g", active, v)
		}
		return nil
	})
}

func (s *stack) tellsOfFailures(t *testing.T, d *desk) {
	t.Helper()
	const name = "ScalingAdapterScalingFailures"
	if a, ok := d.alert(name); ok {
		t.Fatalf("before anything failed the desk was told of %+v", a)
	}
	s.failWrites.Store(true)
	s.setLoad(300)
	promtest.WaitFor(t, time.Minute, "the desk to be told of "+name, func() error {
		if _, ok := d.alert(name); !ok {
			failed, err := s.metric(`scaling_adapter_scale_requests_total{direction="up",outcome="failed",pool="nba"}`)
			return errors.Join(fmt.Errorf("it was not; %g requests have failed", failed), err)
		}
		return nil
	})
	a, _ := d.alert(name)
	for label, want := range map[string]string{"job": "scaling-adapter", "instance": strings.TrimPrefix(s.url, "http://"), "pool": "nba", "severity": "warning"} {
		if got := a.Labels[label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
	if got, want := a.Annotations["description"], "to change pool nba failed in an hour"; !strings.Contains(got, want) {
		t.Errorf("the description is %q, and should have %q", got, want)
	}
	if got := a.Annotations["runbook_url"]; !strings.HasSuffix(got, "/docs/runbooks/"+name+".md") {
		t.Errorf("the runbook is %q", got)
	}
}
