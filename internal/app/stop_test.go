package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// orchestrator puts another one before the fixture's and lets a tick be as long as it
// needs. The file says so from now on.
func (f *fixture) orchestrator(t *testing.T, h http.HandlerFunc) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	text := read(t, filepath.Join(f.dir, "scaling-adapter.yml"))
	text = regexp.MustCompile(`orchestrator: .*`).ReplaceAllLiteralString(text, `orchestrator: {url: "`+server.URL+`", timeout: 1m}`)
	f.write(t, "scaling-adapter.yml", strings.Replace(text, "interval: 1s", "interval: 30s", 1))
}

// TestAStopFinishesTheCallInFlight is P40: everything else ends meanwhile, and what
// became of the call is told and kept.
func TestAStopFinishesTheCallInFlight(t *testing.T) {
	m := newManager(t)
	f := newFixture(t)
	asked := make(chan struct{})
	held, letGo := context.WithCancel(t.Context())
	f.orchestrator(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			close(asked)
			select {
			case <-held.Done():
			case <-r.Context().Done():
				return // the caller has given up
			}
		}
		f.sim.ServeHTTP(w, r)
	})
	r := f.start(t)
	r.ticks <- time.Now()
	wait(t, "the orchestrator to be asked", asked)
	r.stop()
	m.says(t, "READY=1", "STOPPING=1")
	closed := make(chan struct{})
	go func() {
		for !refused(r.Listener.Addr().String()) {
			time.Sleep(time.Millisecond)
		}
		close(closed)
	}()
	wait(t, "the HTTP server to end", closed)
	letGo()
	r.end(t)
	m.saidNothing(t)
	if agents, _ := f.sim.Agents("nfl"); agents != 9 {
		t.Errorf("the pool has %d agents, want 9", agents)
	}
	if got := r.Snapshot().Pools[1].Outcome.Result; got != policy.Accepted {
		t.Errorf("kept: %s, want accepted", got)
	}
	has(t, "log", f.log.String(), "msg=decided pool=nfl from=1 to=9 outcome=accepted")
}

func refused(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return true
	}
	conn.Close()
	return false
}

// TestAStopDoesNotWaitForCalendars: servers that hang would take ten seconds each.
func TestAStopDoesNotWaitForCalendars(t *testing.T) {
	f := newFixture(t)
	c := newHangingCalendar(t)
	r := f.start(t)
	f.write(t, "rules.yml", rules+c.source("a", "b", "c", "d"))
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		resp, err := http.Post(r.url+"/-/reload", "", nil)
		if err != nil {
			return // the server was closed, which is as good
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}()
	wait(t, "the calendar to be asked for", c.asked)
	began := time.Now()
	r.end(t)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s, want 10 s at most", took)
	}
	wait(t, "the reload to be answered", answered)
}
