package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const oneGame = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20991112T180000Z\r\nDTEND:20991112T200000Z\r\nSUMMARY:game\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// A calendar is fetched now and then, and what goes wrong leaves the last good copy.
func TestCalendarsKeepTheLastGoodCopy(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	status, body, asked := http.StatusOK, oneGame, []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	defer server.Close()
	c := newCalendars(func() time.Time { return now })
	defer c.client.CloseIdleConnections()
	later := oneGame + "\r\n"
	for _, step := range []struct {
		what    string
		status  int
		body    string
		elapsed time.Duration
		want    string
		err     string
		asked   int
	}{
		{"refused at first", http.StatusServiceUnavailable, "", 0, "", "answered 503", 1},
		{"not asked again at once", http.StatusOK, oneGame, time.Minute, "", "answered 503", 1},
		{"fetched", http.StatusOK, oneGame, calendarEvery, oneGame, "", 2},
		{"fresh for a while", http.StatusOK, later, calendarEvery - time.Second, oneGame, "", 2},
		{"a page instead", http.StatusOK, "<html>log in</html>", time.Second, oneGame, "not a calendar", 3},
		{"an error", http.StatusInternalServerError, "", calendarEvery, oneGame, "answered 500", 4},
		{"not changed", http.StatusNotModified, "", calendarEvery, oneGame, "", 5},
		{"changed", http.StatusOK, later, calendarEvery, later, "", 6},
		{"the clock went back", http.StatusOK, oneGame, -2 * time.Hour, oneGame, "", 7},
		{"somebody asks for a reload", http.StatusOK, later, calendarPause, later, "", 8},
		{"and again at once", http.StatusOK, oneGame, time.Second, later, "", 8},
	} {
		now = now.Add(step.elapsed)
		if strings.HasPrefix(step.what, "somebody") || strings.HasPrefix(step.what, "and again") {
			c.expire()
		}
		status, body = step.status, step.body
		data, err := c.fetch("games", server.URL)
		if string(data) != step.want {
			t.Errorf("%s: got %q, want %q", step.what, data, step.want)
		}
		if step.err == "" && err != nil || step.err != "" && (err == nil || !strings.Contains(err.Error(), step.err)) {
			t.Errorf("%s: got error %v, want %q", step.what, err, step.err)
		}
		if len(asked) != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.what, len(asked), step.asked)
		}
	}
	if _, err := c.fetch("games", server.URL+"/other"); err != nil || len(asked) != 9 || asked[8] != "" {
		t.Errorf("another URL: error %v, asked with the tags %q", err, asked)
	}
	if asked[0] != "" || asked[1] != "" || asked[4] != `"1"` {
		t.Errorf("asked with the tags %q", asked)
	}
}

// calendarServer serves a calendar with one game on a day while it is up, and returns its
// address.
func calendarServer(t *testing.T, day string, up *bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !*up {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		io.WriteString(w, strings.ReplaceAll(oneGame, "20991112", day))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// gamesFrom is an event source of a calendar.
func gamesFrom(url string) string {
	return "event_sources:\n  - {name: games, event: {type: game}, ics: {url: \"" + url + "\"}}\n"
}

// Events of a calendar by URL reach the settings; when its server is gone they stay
// and it is told.
func TestCalendarByURLReachesTheSettings(t *testing.T) {
	up := true
	f := newFixture(t)
	f.write(t, "rules.yml", rules+gamesFrom(calendarServer(t, "20261112", &up)))
	now := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	o := f.options(nil)
	o.Now = func() time.Time { return now }
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { a.close(); a.calendars.client.CloseIdleConnections() }()
	if n := len(a.current.Events); n != 1 {
		t.Fatalf("got %d events, want 1", n)
	}
	up = false
	now = now.Add(calendarEvery)
	if err := a.Reload(); err != nil || len(a.current.Events) != 1 {
		t.Errorf("without the server: error %v, %d events, want none and 1", err, len(a.current.Events))
	}
	metrics := func() string {
		w := httptest.NewRecorder()
		a.server().Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Body.String()
	}
	for _, want := range []string{`scaling_adapter_calendar_up{source="games"} 0`, `scaling_adapter_calendar_last_success_timestamp_seconds{source="games"} 1.794`} {
		if !strings.Contains(metrics(), want) {
			t.Errorf("metrics without %s", want)
		}
	}
	f.write(t, "rules.yml", rules)
	now = now.Add(time.Second)
	if err := a.Reload(); err != nil || strings.Contains(metrics(), "scaling_adapter_calendar") {
		t.Errorf("a calendar that is not wanted any more is in the metrics; error %v", err)
	}
	if !strings.Contains(f.log.String(), "answered 502 Bad Gateway; its last good copy counts") {
		t.Errorf("nobody was told:\n%s", f.log.String())
	}
}

// What may change what the configuration says is noticed: a file, one that was added, a
// bad one that is corrected.
func TestChangesOfFilesAreNoticed(t *testing.T) {
	f := newFixture(t)
	f.write(t, "scaling-adapter.yml", strings.ReplaceAll(read(t, filepath.Join(f.dir, "scaling-adapter.yml")), "[rules.yml]", `["r*.yml"]`))
	a := f.app(t)
	last := a.changes()
	noticed := func(what string) {
		t.Helper()
		if now := a.changes(); now == last {
			t.Errorf("%s: not noticed", what)
		} else {
			last = now
		}
	}
	if a.changes() != last {
		t.Error("a change was noticed where there is none")
	}
	f.write(t, "rules.yml", rules+"\n")
	noticed("a longer file")
	f.write(t, "r2.yml", "pools: {}\n")
	noticed("a new file")
	if a.Reload() == nil {
		t.Fatal("a bad file was accepted")
	}
	last = a.changes()
	f.write(t, "r2.yml", "rules: []\n\n")
	noticed("a bad file that is corrected")
	if err := a.Reload(); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
