package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// The API tells which files were read, where rules are in them and what is likely wrong.
func TestRulesTellTheirFilesAndWarnings(t *testing.T) {
	f := newFixture(t)
	f.write(t, "rules.yml", strings.NewReplacer("min: 2", "min: 16", "max: 9", "max: 19").Replace(rules)+"rules:\n  - {hold: down, name: calm}\n")
	a := f.app(t)
	a.engine.Tick(t.Context(), time.Now())
	w := httptest.NewRecorder()
	a.server().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/rules", nil))
	var answer struct{ Data apiv1.Rules }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(f.dir, "scaling-adapter.yml")
	if diff := cmp.Diff([]string{config, filepath.Join(f.dir, "rules.yml")}, answer.Data.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got, want := answer.Data.Pools[1].Rules[0].Place, filepath.Join(f.dir, "rules.yml")+":5:24"; got != want {
		t.Errorf("the rule is at %s, want %s", got, want)
	}
	want := []string{config + ":4:28: the pools' min add up to 17 agents, which leaves little of max_total_agents 18 to scale with; raise it or lower them"}
	if diff := cmp.Diff(want, answer.Data.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
