package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// check --live tells what is of no use in the answers of a Prometheus, and fetches
// calendars.
func TestCheckLive(t *testing.T) {
	now := time.Now()
	prom, err := promengine.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer prom.Close()
	sample := func(value float64, age time.Duration, pairs ...string) {
		if err := prom.Append(t.Context(), []promengine.Sample{{Labels: labels.FromStrings(pairs...), Time: now.Add(-age), Value: value}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, league := range []string{"NBA", "NFL"} {
		sample(7, time.Minute, "__name__", "agent_load", "league", league)
	}
	sample(7, 4*time.Minute, "__name__", "old_load")
	sample(5, time.Minute, "__name__", "cpu")
	sample(5, time.Minute, "__name__", "mentions", "league", "NBA")
	calendars := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/nba.ics" {
			w.Write([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
			return
		}
		http.Error(w, "gone", http.StatusGone)
	}))
	defer calendars.Close()
	server := httptest.NewServer(prom.Handler())
	defer server.Close()

	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"scaling-adapter.yml": `prometheus: {url: "` + server.URL + `"}
orchestrator: {url: "http://127.0.0.1:8700"}
hosts: {cpu_percent: cpu, memory_percent: memory, groups: [{name: gpu, cpu_percent: 0 / 0 * cpu}]}
rule_files: [rules.yml]
`,
		"rules.yml": `event_sources:
  - {name: nba, event: {type: game}, ics: {url: "` + calendars.URL + `/nba.ics"}}
  - {name: nfl, event: {type: game}, ics: {url: "` + calendars.URL + `/nfl.ics"}}
  - {name: viral, event: {type: viral}, expr: {query: mentions > 100}}
  - {name: trends, event: {type: viral}, expr: {query: (trends > 100)}}
  - {name: alerts, event: {type: viral}, expr: {query: ALERTS}}
pools:
  - {name: a, agents: {min: 1, max: 2}, load: {query: agent_load, match: {league: NBA}, per_agent: 1}}
  - {name: b, agents: {min: 1, max: 2}, load: {query: agent_load, match: {league: nba}, per_agent: 1}}
  - {name: c, agents: {min: 1, max: 2}, load: {query: agent_load, per_agent: 1}, current: {query: agents}}
  - {name: d, agents: {min: 1, max: 2}, load: {query: old_load, per_agent: 1}}
budgets:
  - {name: posts, limit: 3, used: 'increase(posts[$window])', posts_per_agent_hour: 1, pools: {pool: d}}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := execute(t.Context(), []string{"check", "--live"}, output{&stdout, &stderr}); status != exitOK {
		t.Errorf("exit status %d, want %d", status, exitOK)
	}
	got := strings.ReplaceAll(stdout.String(), calendars.URL, "http://calendars")
	got = regexp.MustCompile(`4m\d+s`).ReplaceAllString(got, "4m0s")
	const want = `rules.yml:3:49: warning: calendar http://calendars/nfl.ics: answered 410 Gone; its events are not known
rules.yml:5:56: warning: event source "trends": there is nothing to compare: trends gives no series; correct the query or measure it
rules.yml:9:55: warning: pool "b": load: no series with {league="nba"} in an answer of 2; league is NBA, NFL; correct the query or its match, or measure it
rules.yml:10:55: warning: pool "c": load: 2 series with any labels; expected one
rules.yml:10:99: warning: pool "c": current: the query gives no series; correct it or measure it
rules.yml:11:55: warning: pool "d": load: the last sample is 4m0s old, more than 2m0s
rules.yml:13:35: warning: budget "posts" of pool "d": the query gives no series; correct it or measure it
scaling-adapter.yml:3:43: warning: hosts: memory_percent: the query gives no series; correct it or measure it
scaling-adapter.yml:3:85: warning: hosts "gpu": cpu_percent: the value is NaN; expected a finite number ≥ 0
scaling-adapter.yml: ok, with 1 rule files and 4 pools; warnings: 9
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
}
