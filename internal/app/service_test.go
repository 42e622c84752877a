package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const patience = 20 * time.Second // of tests, with everything

// manager is a service manager that listens.
type manager struct{ *net.UnixConn }

// newManager listens where NOTIFY_SOCKET says.
func newManager(t *testing.T) manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "sa") // t.TempDir may be longer than a socket's name can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	name := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "")
	return manager{conn}
}

// next returns the next message: its name and what else it says.
func (m manager) next(t *testing.T) (name string, rest map[string]string) {
	t.Helper()
	if err := m.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := m.Read(b)
	if err != nil {
		t.Fatalf("waited for a message: %s", err)
	}
	rest = map[string]string{}
	for i, line := range strings.Split(string(b[:n]), "\n") {
		if i == 0 {
			name = line
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		rest[key] = value
	}
	return name, rest
}

// says fails unless the messages come next, and returns the status of the last one.
func (m manager) says(t *testing.T, want ...string) (status string) {
	t.Helper()
	for _, w := range want {
		got, rest := m.next(t)
		if got != w {
			t.Fatalf("got %s (%v), want %s", got, rest, w)
		}
		if usec, err := strconv.ParseInt(rest["MONOTONIC_USEC"], 10, 64); w == "RELOADING=1" && (err != nil || usec <= 0) {
			t.Errorf("%s with the time %q", w, rest["MONOTONIC_USEC"])
		}
		status = rest["STATUS"]
	}
	return status
}

// saidNothing fails if there is a message: what is sent now is the next one.
func (m manager) saidNothing(t *testing.T) {
	t.Helper()
	if err := deliver(os.Getenv("NOTIFY_SOCKET"), "nothing"); err != nil {
		t.Fatal(err)
	}
	m.says(t, "nothing")
}

// running is a daemon that takes the ticks it is given.
type running struct {
	*App
	url   string
	ticks chan time.Time
	stop  context.CancelFunc
	ended chan error
}

func (f *fixture) start(t *testing.T) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(f.options(l))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{App: a, url: "http://" + l.Addr().String(), ticks: make(chan time.Time, 1), stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- a.Run(ctx, r.ticks) }()
	t.Cleanup(func() { r.end(t) })
	return r
}

// end stops the daemon, which is told only once, and waits for it.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	select {
	case err, first := <-r.ended:
		if err != nil {
			t.Errorf("Run: %s", err)
		}
		if first {
			close(r.ended)
		}
	case <-time.After(patience):
		t.Fatal("Run did not end")
	}
}

func hangUp(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// wait waits for something to happen.
func wait(t *testing.T, what string, happened <-chan struct{}) {
	t.Helper()
	select {
	case <-happened:
	case <-time.After(patience):
		t.Fatal("waited for " + what)
	}
}

func has(t *testing.T, what, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%s: got %q, want something with %q", what, text, want)
	}
}

// TestTheServiceManagerIsTold goes through the life of a daemon.
func TestTheServiceManagerIsTold(t *testing.T) {
	m := newManager(t)
	f := newFixture(t)
	r := f.start(t)
	has(t, "ready", m.says(t, "READY=1"), "waiting for the first tick")
	resp, err := http.Get(r.url + "/-/healthy")
	if err != nil {
		t.Fatalf("it is ready, but: %s", err)
	}
	resp.Body.Close()
	r.ticks <- time.Now()
	has(t, "a tick", m.says(t, "WATCHDOG=1"), "2 pools")
	hangUp(t)
	has(t, "a reload", m.says(t, "RELOADING=1", "READY=1"), "last tick")
	f.write(t, "rules.yml", "pools: [")
	hangUp(t)
	has(t, "a bad file", m.says(t, "RELOADING=1", "READY=1"), "the configuration was not loaded")
	r.ticks <- time.Now()
	has(t, "a tick after it", m.says(t, "WATCHDOG=1"), "the configuration was not loaded")
	f.write(t, "rules.yml", rules)
	resp, err = http.Post(r.url+"/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status := m.says(t, "RELOADING=1", "READY=1"); strings.Contains(status, "not loaded") {
		t.Errorf("after it was corrected: %q", status)
	}
	r.end(t)
	m.says(t, "STOPPING=1")
	m.saidNothing(t)
}

// TestReadyIsToldByRun: whoever is told that the daemon is ready may send it a signal.
func TestReadyIsToldByRun(t *testing.T) {
	m := newManager(t)
	f := newFixture(t)
	a := f.app(t)
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	m.saidNothing(t)
}

func TestNobodyIsToldWithoutAServiceManager(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "1")
	name := os.Getenv("NOTIFY_SOCKET")
	t.Setenv("NOTIFY_SOCKET", "")
	f := newFixture(t)
	r := f.start(t)
	r.ticks <- time.Now()
	if err := r.Reload(); err != nil {
		t.Error(err)
	}
	r.end(t)
	t.Setenv("NOTIFY_SOCKET", name)
	m.saidNothing(t)
	for _, word := range []string{"service manager", "watchdog"} {
		if strings.Contains(f.log.String(), word) {
			t.Errorf("the log speaks of the %s:\n%s", word, f.log.String())
		}
	}
}

// stuck is a source that does not come back while it is held, whatever its context says.
type stuck struct {
	engine.Source
	asked chan struct{}
	held  context.Context
}

func (s stuck) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	close(s.asked)
	<-s.held.Done()
	return s.Source.Sample(ctx, now, signals)
}

// TestAStuckLoopIsSilent is P39: the watchdog is told by the loop alone, however well
// everything else is.
func TestAStuckLoopIsSilent(t *testing.T) {
	m := newManager(t)
	r := newFixture(t).start(t)
	m.says(t, "READY=1")
	s := *r.engine.Settings()
	held, letGo := context.WithCancel(t.Context())
	source := stuck{s.Source, make(chan struct{}), held}
	s.Source = source
	r.engine.Apply(&s)
	r.ticks <- time.Now()
	wait(t, "the source to be asked", source.asked)
	hangUp(t)
	m.says(t, "RELOADING=1", "READY=1")
	resp, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	m.saidNothing(t)
	letGo()
	m.says(t, "WATCHDOG=1")
}

// TestALoopGoesOnDuringAReload: a reload that takes its time is no reason to restart.
func TestALoopGoesOnDuringAReload(t *testing.T) {
	m := newManager(t)
	f := newFixture(t)
	c := newHangingCalendar(t)
	r := f.start(t)
	m.says(t, "READY=1")
	f.write(t, "rules.yml", rules+c.source("games"))
	hangUp(t)
	m.says(t, "RELOADING=1")
	wait(t, "the calendar to be asked for", c.asked)
	interval := make(chan struct{})
	go func() { r.interval(); close(interval) }() // as Ticks does
	wait(t, "the interval", interval)
	r.ticks <- time.Now()
	m.says(t, "WATCHDOG=1")
	c.letGo()
	m.says(t, "READY=1")
}

// hangingCalendar is the server of calendars that answers when it is let go.
type hangingCalendar struct {
	url   string
	asked chan struct{}
	letGo func()
}

func newHangingCalendar(t *testing.T) *hangingCalendar {
	t.Helper()
	held, letGo := context.WithCancel(t.Context())
	c := &hangingCalendar{asked: make(chan struct{}, 9), letGo: letGo}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked <- struct{}{}
		select {
		case <-held.Done():
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// source returns the part of a rule file that reads calendars.
func (c *hangingCalendar) source(names ...string) string {
	text := "event_sources:\n"
	for _, name := range names {
		text += "  - {name: " + name + ", event: {type: game}, ics: {url: \"" + c.url + "/" + name + "\"}}\n"
	}
	return text
}

// TestAManagerThatDoesNotReadHoldsNobody: it is told of once, and once again after it read.
func TestAManagerThatDoesNotReadHoldsNobody(t *testing.T) {
	m := newManager(t)
	var log lockedBuffer
	s := newService(slog.New(slog.NewTextHandler(&log, nil)))
	s.ready()
	conn, err := net.Dial("unixgram", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = conn.Write([]byte("of others"))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	told := make(chan struct{})
	go func() { s.ticked(nil); s.ticked(nil); close(told) }()
	wait(t, "the loop", told)
	if n := strings.Count(log.String(), "the service manager cannot be told"); n != 1 {
		t.Errorf("it is logged %d times, want once:\n%s", n, log.String())
	}
	m.says(t, "READY=1")
	for name := "of others"; name == "of others"; {
		go s.ticked(nil)
		name, _ = m.next(t)
	}
}

func TestAWatchdogShorterThanTwoTicksIsWarnedOf(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	const short, unclear = "the watchdog is shorter than two ticks", "watchdog not understood"
	for _, tc := range []struct {
		name, usec, pid string
		want            []string
	}{
		{"none", "", "", nil},
		{"long enough", "60000000", self, nil},
		{"too short", "59999999", self, []string{short, "WatchdogSec", "watchdog=59.999999s interval=30s at_least=1m0s"}},
		{"too short, of nobody in particular", "1", "", []string{short}},
		{"of another process", "1", "1", nil},
		{"nonsense", "soon", self, []string{unclear}},
		{"negative", "-1", self, []string{unclear}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			newManager(t)
			t.Setenv("WATCHDOG_USEC", tc.usec)
			t.Setenv("WATCHDOG_PID", tc.pid)
			f := newFixture(t)
			f.write(t, "scaling-adapter.yml", strings.Replace(read(t, filepath.Join(f.dir, "scaling-adapter.yml")), "interval: 1s", "interval: 30s", 1))
			f.app(t)
			for _, want := range tc.want {
				has(t, "log", f.log.String(), want)
			}
			if len(tc.want) == 0 && strings.Contains(f.log.String(), "watchdog") {
				t.Errorf("log:\n%s", f.log.String())
			}
		})
	}
}

func TestStatusIsOneLine(t *testing.T) {
	s := newService(slog.New(slog.DiscardHandler))
	got := s.status(&engine.Snapshot{
		Time: time.Date(2026, 11, 25, 12, 0, 30, 0, time.UTC), Pools: make([]engine.PoolStatus, 2), Degraded: []string{"load not ok for 1 of 2 pools", "host a\nWATCHDOG=1 is stale"},
	})
	const want = "STATUS=last tick 2026-11-25 12:00:30 UTC, 2 pools; degraded: load not ok for 1 of 2 pools, host a WATCHDOG=1 is stale"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
