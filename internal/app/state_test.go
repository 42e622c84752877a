package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// ordering lets the fixture's app take orders.
func (f *fixture) ordering(t *testing.T) *App {
	t.Helper()
	o := f.options(listen(t, "127.0.0.1:0"))
	o.EnableControlAPI = true
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.end(t) })
	return a
}

// end ends an app that was not run.
func (a *App) end(t *testing.T) {
	t.Helper()
	a.close()
	a.calendars.client.CloseIdleConnections()
	_ = a.state.close() // it may be closed already
}

// ask sends a request to the app's server, as a client of this machine does.
func (a *App) ask(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1"
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	a.server().Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Overrides and events that were acknowledged are there after a restart.
func TestOrdersOutliveTheProcess(t *testing.T) {
	f := newFixture(t)
	a := f.ordering(t)
	for path, body := range map[string]string{
		"PUT /api/v1/overrides/nba": `{"min": 5, "author": "anna", "reason": "derby", "duration": "2h"}`,
		"POST /api/v1/events":       `{"type": "news", "duration": "1h", "author": "anna"}`,
	} {
		method, path, _ := strings.Cut(path, " ")
		if code, answer := a.ask(method, path, body); code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, code, answer)
		}
	}
	a.end(t)
	b := f.ordering(t)
	var overrides struct{ Data []apiv1.Override }
	var events struct{ Data []apiv1.KnownEvent }
	for path, into := range map[string]any{"/api/v1/overrides": &overrides, "/api/v1/events": &events} {
		if _, answer := b.ask(http.MethodGet, path, ""); json.Unmarshal([]byte(answer), into) != nil {
			t.Fatalf("%s: %s", path, answer)
		}
	}
	if len(overrides.Data) != 1 || overrides.Data[0].Author != "anna" || len(events.Data) != 1 || events.Data[0].Type != "news" {
		t.Errorf("after the restart: %+v and %+v", overrides.Data, events.Data)
	}
}

// P21: an order that cannot be saved is answered with an error, and is not there.
func TestAnOrderThatCannotBeSavedIsRefused(t *testing.T) {
	f := newFixture(t)
	a := f.ordering(t)
	if err := a.state.store.Close(); err != nil { // nothing can be written any more
		t.Fatal(err)
	}
	for path, body := range map[string]string{
		"PUT /api/v1/overrides/nba":        `{"min": 5, "author": "anna", "reason": "derby", "duration": "2h"}`,
		"POST /api/v1/events":              `{"type": "news", "duration": "1h", "author": "anna"}`,
		"POST /api/v1/events/alertmanager": `{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "X", "event_type": "news"}, "startsAt": "` + time.Now().UTC().Format(time.RFC3339) + `", "fingerprint": "1"}]}`,
	} {
		method, path, _ := strings.Cut(path, " ")
		if code, answer := a.ask(method, path, body); code != http.StatusServiceUnavailable || !strings.Contains(answer, "cannot be saved") || !strings.Contains(answer, "nothing has changed") {
			t.Errorf("%s %s: %d %s", method, path, code, answer)
		}
	}
	for _, path := range []string{"/api/v1/overrides", "/api/v1/events"} {
		if _, answer := a.ask(http.MethodGet, path, ""); !strings.Contains(answer, `"data":[]`) {
			t.Errorf("%s: %s", path, answer)
		}
	}
}

// P24: while a damaged file is there no pool is lowered, and it shows; once somebody has
// looked at it and removed it, pools are lowered again.
func TestSafeMode(t *testing.T) {
	f := newFixture(t)
	if err := os.Mkdir(filepath.Join(f.dir, "data"), 0o750); err != nil {
		t.Fatal(err)
	}
	f.write(t, "data/state.db", "not a database")
	a := f.ordering(t)
	modes := func() string {
		return fmt.Sprint(a.current.Pools[0].Pool.Mode, " ", a.current.Pools[1].Pool.Mode)
	}
	safe := func() (shown bool) {
		_, text := a.ask(http.MethodGet, "/metrics", "")
		return strings.Contains(text, "\nscaling_adapter_safe_mode 1\n")
	}
	if got := modes(); got != "dry_run scale_up_only" || !safe() {
		t.Errorf("modes %s, shown: %t", got, safe())
	}
	a.engine.Tick(t.Context(), time.Now())
	if got := strings.Join(a.Snapshot().Degraded, "; "); !strings.Contains(got, "safe mode, no pool is lowered: state.db.quarantine-") {
		t.Errorf("degraded: %s", got)
	}
	if !strings.Contains(f.log.String(), "a state file could not be read and was set aside") {
		t.Errorf("nobody was told:\n%s", f.log.String())
	}
	last := a.changes()
	names, err := filepath.Glob(filepath.Join(f.dir, "data", "state.db.quarantine-*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("set aside: %v, %v", names, err)
	}
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	if a.changes() == last {
		t.Error("that the file is gone is not noticed")
	}
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := modes(); got != "dry_run active" || safe() {
		t.Errorf("afterwards: modes %s, shown: %t", got, safe())
	}
}

// P25: two processes do not share a directory.
func TestTwoProcessesDoNotShareAState(t *testing.T) {
	f := newFixture(t)
	f.ordering(t)
	if _, err := New(f.options(listen(t, "127.0.0.1:0"))); err == nil || !strings.Contains(err.Error(), "is used by another process") {
		t.Errorf("got %v", err)
	}
}

// The last good copy of a calendar outlives the process.
func TestCalendarsOutliveTheProcess(t *testing.T) {
	up := true
	f := newFixture(t)
	f.write(t, "rules.yml", rules+gamesFrom(calendarServer(t, time.Now().UTC().AddDate(0, 0, 1).Format("20060102"), &up)))
	a := f.ordering(t)
	if len(a.current.Events) != 1 {
		t.Fatalf("%d events", len(a.current.Events))
	}
	a.end(t)
	up = false
	if b := f.ordering(t); len(b.current.Events) != 1 {
		t.Errorf("%d events after a restart without the calendar's server", len(b.current.Events))
	}
}
