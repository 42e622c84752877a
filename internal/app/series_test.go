package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// series are the adapter's own that are exposed now, without their values, and how often.
func series(t *testing.T, a *App) map[string]int {
	t.Helper()
	w := httptest.NewRecorder()
	a.server().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	out := map[string]int{}
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "scaling_adapter_") {
			out[line[:strings.LastIndex(line, " ")]]++
		}
	}
	return out
}

// Pools, hosts, webhooks and calendars that come and go, events that strangers tell and errors
// of any kind leave no series behind.
func TestSeriesAreOfWhatIsThereNow(t *testing.T) {
	f := newFixture(t)
	calendar := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(calendar.Close)
	f.write(t, "hook.secret", "a secret that is long enough for a webhook")
	f.configure(t, "limits: .*", "limits: {max_total_agents: 18, emergency: {cpu_percent: 90}}", `
hosts: {cpu_percent: cpu, groups: [{name: gpu, cpu_percent: gpu}]}
webhooks: [{name: desk, url: "http://127.0.0.1:1/", events: [emergency], secret_file: hook.secret}]
`)
	text, err := os.ReadFile(filepath.Join(f.dir, "scaling-adapter.yml"))
	if err != nil {
		t.Fatal(err)
	}
	configuration, written := string(text), rules+`
event_sources: [{name: fixtures, ics: {url: "`+calendar.URL+`"}, event: {type: game}}]
rules: [{name: game, when: {event: {type: game}}, bounds: {min: 3}}]
`
	f.write(t, "rules.yml", written)
	a := f.app(t)
	now := time.Now()
	turn := func(suffix string) map[string]int {
		t.Helper()
		rename := strings.NewReplacer("name: nba", "name: nba"+suffix, "name: game", "name: game"+suffix, "name: fixtures", "name: fixtures"+suffix)
		f.write(t, "rules.yml", rename.Replace(written))
		f.write(t, "scaling-adapter.yml", strings.NewReplacer("name: desk", "name: desk"+suffix, "gpu", "gpu"+suffix).Replace(configuration))
		if err := a.Reload(); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		a.engine.Tick(t.Context(), now)
		return series(t, a)
	}
	want := turn("")
	most := 0
	for i := range 20 {
		event := policy.Event{ID: fmt.Sprint(i), Type: fmt.Sprintf("made_up_%d", i), Start: now, End: now.Add(time.Hour)}
		if err := a.engine.PutEvent(event); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(turn(fmt.Sprint(i))))
	}
	if len(want) < 100 || most > len(want) {
		t.Errorf("%d series at first, and up to %d later", len(want), most)
	}
	if diff := cmp.Diff(want, turn("")); diff != "" {
		t.Errorf("series that are exposed when all is as it was (-want +got):\n%s", diff)
	}
}
