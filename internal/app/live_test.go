package app

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// Expressions of conditions are asked once each, also when they are true for nobody; what
// they compare must be there, and must be about the pools.
func TestLiveExpressions(t *testing.T) {
	now := time.Now()
	prom, err := promengine.Open(t.TempDir(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer prom.Close()
	for _, pairs := range [][]string{{"load"}, {"queue", "league", "nba"}, {"loud", "league", "NBA"}} {
		sample := promengine.Sample{Labels: labels.FromStrings(append([]string{"__name__"}, pairs...)...), Time: now.Add(-time.Minute), Value: 5}
		if err := prom.Append(t.Context(), []promengine.Sample{sample}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(prom.Handler())
	defer server.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.yml": "prometheus: {url: \"" + server.URL + "\"}\norchestrator: {url: \"http://127.0.0.1:1\"}\nrule_files: [r.yml]\n",
		"r.yml": `pools:
  - {name: nba, labels: {league: nba}, agents: {min: 1, max: 9}, load: {query: load, per_agent: 1, completeness: count(shard)}}
  - {name: nfl, labels: {league: nfl}, agents: {min: 1, max: 9}, load: {query: load, per_agent: 1}}
event_sources:
  - {name: named, event: {type: loud, labels: {league: nba}}, expr: {query: loud}}
  - {name: loud, event: {type: loud}, expr: {query: loud}}
rules:
  - {name: all, when: {expr: {query: queue > 9}}, bounds: {min: 4}}
  - {name: nfl, pools: {league: nfl}, when: {expr: {query: 'queue>9 '}}, bounds: {min: 5}}
  - {name: other, pools: {league: nfl}, when: {expr: {query: queue > 10}}, bounds: {min: 6}}
  - {name: sum, pools: {league: nfl}, when: {expr: {query: sum(queue) > 10}}, bounds: {min: 7}}
  - {name: none, unless: {expr: {query: quue > 9}}, bounds: {min: 8}}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, rules, err := Live(t.Context(), filepath.Join(dir, "config.yml"), os.Getenv, now)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range rules.Warnings {
		got = append(got, strings.TrimPrefix(w.String(), filepath.Join(dir, "r.yml")+":"))
	}
	want := []string{
		`2:114: pool "nba": completeness: the query gives no series; correct it or measure it`,
		`6:53: event source "loud": none of its series concerns a pool that it is for: they are like {league="NBA"}; give them the labels of the pools, or none`,
		`10:62: rule "other": expr: none of its series concerns a pool that it is for: they are like {league="nba"}; give them the labels of the pools, or none`,
		`12:41: rule "none": expr: there is nothing to compare: quue gives no series; correct the query or measure it`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
