package app

import (
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the orchestrator is told is held against the pools when files are read.
func TestPoolsFitTheOrchestrator(t *testing.T) {
	const third = "  - {name: nhl, agents: {min: 1, max: 9}, load: {query: agent_load, per_agent: 10}}\n"
	for name, tc := range map[string]struct{ orchestrator, rules, want string }{
		"a label that no pool has": {
			`nomad: {group: '{{.Label "team"}}'}`, rules,
			`scaling-adapter.yml:2:50: pool "nfl": the pool has no label "team"; add it to the pool's labels`,
		},
		"as many as can be asked": {`requests_per_second: 6`, rules, ""},
		"more than can be asked": {
			`requests_per_second: 8.9`, rules + third,
			`scaling-adapter.yml:2:64: requests_per_second must be at least 9 for 3 pools and an interval of 1s, or changes would come too late; raise it or interval`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.configure(t, `orchestrator: .*`, `orchestrator: {url: "http://127.0.0.1:1", `+tc.orchestrator+`}`, "")
			f.write(t, "rules.yml", tc.rules)
			_, _, err := Load(filepath.Join(f.dir, "scaling-adapter.yml"), func(string) string { return "" }, time.Now(), nil)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// The pools' labels reach the requests, and so does the dialect.
func TestTheOrchestratorIsSpokenToInItsDialect(t *testing.T) {
	f := newFixture(t)
	paths := make(chan string, 100)
	f.orchestrator(t, func(w http.ResponseWriter, r *http.Request) {
		paths <- r.Method + " " + r.URL.Path
		io.WriteString(w, `{"spec":{"replicas":1},"status":{"readyReplicas":1}}`)
	})
	f.configure(t, `timeout: 1m}`, `kubernetes: {namespace: '{{.Label "team"}}', name: "agents-{{.Pool}}"}}`, "")
	f.write(t, "rules.yml", strings.ReplaceAll(rules, "load:", "labels: {team: ops}, load:"))
	a := f.app(t)
	a.engine.Tick(t.Context(), time.Now())
	close(paths)
	var got []string
	for path := range paths {
		got = append(got, path)
	}
	slices.Sort(got)
	const object = "/apis/apps/v1/namespaces/ops/deployments/agents-"
	want := []string{"GET " + object + "nba", "GET " + object + "nfl", "PATCH " + object + "nfl/scale"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// Rules that are tried are checked like the others, and read anew when they change. Nobody
// is called for them.
func TestCandidateRules(t *testing.T) {
	f := newFixture(t)
	f.write(t, "new.yml", strings.Replace(rules, "min: 1", "min: 9", 1))
	f.configure(t, "$", "", "candidate_rule_files: [new.yml]\n")
	a := f.app(t)
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for i := range 3 {
		a.engine.Tick(t.Context(), at.Add(time.Duration(i)*time.Second))
	}
	for _, p := range a.Snapshot().Pools {
		if p.Served.Candidate.Time == 0 {
			t.Errorf("the candidate of %s is not scored: %+v", p.Pool.Name, p.Served)
		}
	}
	if !slices.Contains(a.read, filepath.Join(f.dir, "new.yml")) {
		t.Errorf("new.yml is not watched: %v", a.read)
	}

	before := a.current
	f.write(t, "new.yml", "pools: [{name: nba, agents: {min: 3, max: 2}}]\n")
	if err := a.Reload(); err == nil || !strings.Contains(err.Error(), "new.yml:1:") || a.current != before {
		t.Errorf("a bad candidate: got %v, generation %d", err, a.current.Generation)
	}
	f.write(t, "new.yml", rules)
	if err := a.Reload(); err != nil || a.current.Generation != before.Generation+1 || len(a.current.Candidate.Pools) != 2 {
		t.Errorf("another candidate: got %v, generation %d", err, a.current.Generation)
	}
	if err := a.Reload(); err != nil || a.current.Generation != before.Generation+1 {
		t.Errorf("the same candidate again: got %v, generation %d", err, a.current.Generation)
	}
}
