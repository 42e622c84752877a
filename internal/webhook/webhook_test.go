package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/config"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// request is what an endpoint was sent.
type request struct {
	header http.Header
	body   string
}

// hook is an endpoint that answers as it is told to: the nth request, from 1.
type hook struct {
	*httptest.Server
	requests chan request
}

func newHook(t *testing.T, answer func(n int, w http.ResponseWriter)) *hook {
	t.Helper()
	h := &hook{requests: make(chan request, 1000)}
	n := 0
	var mu sync.Mutex
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the request: %s", err)
		}
		mu.Lock()
		n++
		call := n
		mu.Unlock()
		h.requests <- request{r.Header, string(body)}
		answer(call, w)
	}))
	t.Cleanup(h.Close)
	return h
}

func ok(int, http.ResponseWriter) {}

// next waits for the next request.
func (h *hook) next(t *testing.T) request {
	t.Helper()
	select {
	case r := <-h.requests:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("the endpoint was not asked")
		return request{}
	}
}

// fixture is a sender with a secret, whose pauses are short.
type fixture struct {
	*Sender
	secretFile string
	log        bytes.Buffer
	registry   *prometheus.Registry
}

const secret = "hunter2"

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{secretFile: filepath.Join(t.TempDir(), "hook.secret"), registry: prometheus.NewPedanticRegistry()}
	f.write(t, secret+"\n")
	f.Sender = New(Options{Source: "//adapter-1/scaling-adapter", Registerer: f.registry, Logger: slog.New(slog.NewTextHandler(&f.log, nil))})
	f.patience = patience{first: time.Millisecond, longest: 2 * time.Millisecond, asked: time.Millisecond, event: time.Minute, last: 10 * time.Second}
	t.Cleanup(func() {
		for _, confidential := range []string{secret, "/confidential"} {
			if strings.Contains(f.log.String(), confidential) {
				t.Errorf("%s is in the log:\n%s", confidential, f.log.String())
			}
		}
	})
	return f
}

func (f *fixture) write(t *testing.T, secret string) {
	t.Helper()
	if err := os.WriteFile(f.secretFile, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) endpoint(name, url string, events ...Type) Endpoint {
	if events == nil {
		events = []Type{ScalingExecuted, ScalingFailed, Emergency, BudgetExhausted}
	}
	return Endpoint{Name: name, URL: url + "/confidential?token=confidential", Events: events, SecretFile: f.secretFile, Timeout: 20 * time.Second, HTTP: config.DefaultHTTPClientConfig}
}

func (f *fixture) apply(t *testing.T, endpoints ...Endpoint) {
	t.Helper()
	if err := f.Apply(endpoints); err != nil {
		t.Fatal(err)
	}
}

// run lets the sender run; stop ends it and waits until all that is queued is sent.
func (f *fixture) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(stop)
	return stop
}

func executed(n int) Event {
	d := decision()
	d.ID = fmt.Sprintf("nba-%d", n)
	e, _ := Decided(d, policy.Outcome{Result: policy.Accepted})
	return e
}

// ids returns which of the events executed(n) the requests are.
func ids(rs []request) []int {
	out := make([]int, len(rs))
	for i, r := range rs {
		_, rest, _ := strings.Cut(r.body, `"id":"scaling_executed-nba-`)
		fmt.Sscanf(rest, "%d", &out[i])
	}
	return out
}

func (f *fixture) delivered(name string, o outcome) int {
	return int(testutil.ToFloat64(f.metrics.deliveries.WithLabelValues(name, string(o))))
}

func TestAnEventIsSentAndSigned(t *testing.T) {
	f, h := newFixture(t), newHook(t, ok)
	f.apply(t, f.endpoint("hook", h.URL, ScalingExecuted))
	stop := f.run(t)
	failedEvent, _ := Decided(decision(), policy.Outcome{Result: policy.Failed})
	f.Send(failedEvent) // it did not ask for those
	e, _ := Decided(decision(), policy.Outcome{Result: policy.Accepted})
	f.Send(e)
	got := h.next(t)
	stop()
	if len(h.requests) > 0 {
		t.Errorf("it was sent more: %s", (<-h.requests).body)
	}
	if diff := cmp.Diff(executedBody, got.body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if got.header.Get("Connection") != "close" {
		t.Error("the connection is kept")
	}
	if typ := got.header.Get("Content-Type"); typ != "application/cloudevents+json" {
		t.Errorf("content type: got %s", typ)
	}
	if err := verify(got.header, []byte(got.body), []byte(secret)); err != nil {
		t.Errorf("with the secret: %s", err)
	}
	if err := verify(got.header, []byte(got.body), []byte("hunter3")); err == nil {
		t.Error("another secret verifies")
	}
	if err := verify(got.header, []byte(got.body+" "), []byte(secret)); err == nil {
		t.Error("another body verifies")
	}
	later := got.header.Clone()
	later.Set("X-Signature-Timestamp", fmt.Sprint(time.Now().Add(2*time.Second).Unix()))
	if err := verify(later, []byte(got.body), []byte(secret)); err == nil {
		t.Error("the time is not signed: a recorded event can be sent again")
	}
	if n := f.delivered("hook", delivered); n != 1 {
		t.Errorf("delivered: got %d, want 1", n)
	}
}

func TestASignatureIsAsItAlwaysWas(t *testing.T) {
	// printf '1763073600.{}' | openssl dgst -sha256 -hmac hunter2
	const want = "sha256=81cf134ddec5d1972a176f6bb1eb08c7084dd8aaf2b1e0217ff33f5292ca8278"
	if got := sign([]byte("hunter2"), "1763073600", []byte("{}")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	answer := func(status int) func(int, http.ResponseWriter) {
		return func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", "3600") // shortened to what is sensible
				w.WriteHeader(status)
			}
		}
	}
	for name, tc := range map[string]struct {
		answer func(int, http.ResponseWriter)
		calls  int
		want   outcome
	}{
		"200": {answer(200), 1, delivered},
		"202": {answer(202), 1, delivered},
		"429": {answer(429), 2, delivered},
		"500": {answer(500), 2, delivered},
		"503": {answer(503), 2, delivered},
		"not answered": {func(n int, _ http.ResponseWriter) {
			if n <= 2 {
				panic(http.ErrAbortHandler)
			}
		}, 3, delivered},
		"400": {answer(400), 1, refused},
		"401": {answer(401), 1, refused},
		"404": {answer(404), 1, refused},
		"410": {answer(410), 1, refused},
		"501": {answer(501), 1, refused},
	} {
		t.Run(name, func(t *testing.T) {
			f, h := newFixture(t), newHook(t, tc.answer)
			f.apply(t, f.endpoint("hook", h.URL))
			stop := f.run(t)
			f.Send(executed(1))
			var bodies []string
			for range tc.calls {
				r := h.next(t)
				if err := verify(r.header, []byte(r.body), []byte(secret)); err != nil {
					t.Errorf("attempt %d: %s", len(bodies)+1, err)
				}
				bodies = append(bodies, r.body)
			}
			stop()
			if more := len(h.requests); more > 0 {
				t.Errorf("%d attempts too many", more)
			}
			if len(slices.Compact(bodies)) != 1 {
				t.Errorf("attempts differ: %q", bodies)
			}
			if n := f.delivered("hook", tc.want); n != 1 {
				t.Errorf("%s: got %d, want 1; log:\n%s", tc.want, n, f.log.String())
			}
			if told := strings.Contains(f.log.String(), "given up"); told != (tc.want == refused) {
				t.Errorf("log:\n%s", f.log.String())
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	f, elsewhere := newFixture(t), newHook(t, ok)
	h := newHook(t, func(_ int, w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL+"/confidential")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	e := f.endpoint("hook", h.URL)
	e.HTTP.FollowRedirects = true
	f.apply(t, e)
	stop := f.run(t)
	f.Send(executed(1))
	h.next(t)
	stop()
	if len(h.requests)+len(elsewhere.requests) > 0 || f.delivered("hook", refused) != 1 {
		t.Errorf("%d more requests, %d elsewhere, %d refused", len(h.requests), len(elsewhere.requests), f.delivered("hook", refused))
	}
}

func TestOneThatIsSlowHoldsNobodyUp(t *testing.T) {
	f, fast := newFixture(t), newHook(t, ok)
	release := make(chan struct{})
	slow := newHook(t, func(int, http.ResponseWriter) { <-release })
	f.apply(t, f.endpoint("slow", slow.URL), f.endpoint("fast", fast.URL))
	stop := f.run(t)
	for n := range 3 {
		f.Send(executed(n))
	}
	got := []request{fast.next(t), fast.next(t), fast.next(t)}
	if diff := cmp.Diff([]int{0, 1, 2}, ids(got)); diff != "" {
		t.Errorf("the fast one got (-want +got):\n%s", diff)
	}
	got = []request{slow.next(t)}
	if n := testutil.ToFloat64(f.metrics.queued.WithLabelValues("slow")); n != 2 {
		t.Errorf("%v wait for the slow one, want 2", n)
	}
	close(release)
	stop()
	if diff := cmp.Diff([]int{0, 1, 2}, ids(append(got, <-slow.requests, <-slow.requests))); diff != "" {
		t.Errorf("the slow one got (-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(f.metrics.queued.WithLabelValues("slow")); n != 0 {
		t.Errorf("%v still wait for the slow one", n)
	}
}

func TestTheOldestIsDroppedWhenTooManyWait(t *testing.T) {
	f := newFixture(t)
	release := make(chan struct{})
	h := newHook(t, func(int, http.ResponseWriter) { <-release })
	f.apply(t, f.endpoint("hook", h.URL))
	stop := f.run(t)
	f.Send(executed(0))
	got := []request{h.next(t)} // it is not in the queue any more
	const dropped = 5
	for n := range maxQueued + dropped {
		f.Send(executed(1 + n))
	}
	if n := testutil.ToFloat64(f.metrics.dropped.WithLabelValues("hook")); n != dropped {
		t.Errorf("dropped: got %v, want %d", n, dropped)
	}
	if n := testutil.ToFloat64(f.metrics.queued.WithLabelValues("hook")); n != maxQueued {
		t.Errorf("queue length: got %v, want %d", n, maxQueued)
	}
	close(release)
	stop()
	close(h.requests)
	for r := range h.requests {
		got = append(got, r)
	}
	want := []int{0}
	for n := range maxQueued {
		want = append(want, 1+dropped+n)
	}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func TestASecretMayChange(t *testing.T) {
	f := newFixture(t)
	h := newHook(t, func(n int, w http.ResponseWriter) {
		if n == 2 {
			f.write(t, "a third one\r\n")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f.apply(t, f.endpoint("hook", h.URL))
	stop := f.run(t)
	check := func(secret string) {
		t.Helper()
		r := h.next(t)
		if err := verify(r.header, []byte(r.body), []byte(secret)); err != nil {
			t.Errorf("with %s: %s", secret, err)
		}
	}
	f.Send(executed(1))
	check(secret)
	f.write(t, "another one")
	f.Send(executed(2))
	check("another one")
	check("a third one") // between two attempts
	stop()
	if n := f.delivered("hook", delivered); n != 2 {
		t.Errorf("delivered: got %d, want 2", n)
	}
}

func TestNothingIsSentWithoutASecret(t *testing.T) {
	for name, content := range map[string]string{"empty": "\n", "too large": strings.Repeat("x", maxSecret+1)} {
		f, h := newFixture(t), newHook(t, ok)
		f.write(t, content)
		f.apply(t, f.endpoint("hook", h.URL))
		if !strings.Contains(f.log.String(), "webhook has no secret") {
			t.Errorf("%s: log:\n%s", name, f.log.String())
		}
		stop := f.run(t)
		f.Send(executed(1))
		stop()
		if len(h.requests) > 0 || f.delivered("hook", failed) != 1 {
			t.Errorf("%s: %d requests, %d failed", name, len(h.requests), f.delivered("hook", failed))
		}
	}
}

func TestASecretIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		if err := os.Remove(f.secretFile); err != nil {
			t.Fatal(err)
		}
		f.apply(t, f.endpoint("hook", "http://hook.example"))
		f.through("hook", func(*http.Request) (int, string, error) { return http.StatusOK, "", nil })
		stop := f.run(t)
		f.Send(executed(1))
		synctest.Wait() // the first attempt was made
		f.write(t, secret)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := f.delivered("hook", delivered); n != 1 {
			t.Errorf("delivered: got %d, want 1", n)
		}
		stop()
	})
}

func TestAReloadLosesNothing(t *testing.T) {
	f := newFixture(t)
	release := make(chan struct{})
	stays := newHook(t, func(int, http.ResponseWriter) { <-release })
	wrong, corrected := newHook(t, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }), newHook(t, ok)
	gone := make(chan struct{})
	goes, comes := newHook(t, func(int, http.ResponseWriter) { <-gone }), newHook(t, ok)
	f.apply(t, f.endpoint("stays", stays.URL), f.endpoint("changes", wrong.URL), f.endpoint("goes", goes.URL))
	stop := f.run(t)
	for n := range 3 {
		f.Send(executed(n))
	}
	first := stays.next(t)
	wrong.next(t)
	goes.next(t)

	bad := f.endpoint("stays", stays.URL)
	bad.HTTP.TLSConfig.CAFile = filepath.Join(t.TempDir(), "none.pem")
	if err := f.Apply([]Endpoint{f.endpoint("comes", comes.URL), bad}); err == nil || strings.Contains(err.Error(), "confidential") {
		t.Errorf("a bad endpoint: got %v", err)
	}
	f.apply(t, f.endpoint("stays", stays.URL), f.endpoint("changes", corrected.URL), f.endpoint("comes", comes.URL))
	close(gone)
	f.Send(executed(3))
	if diff := cmp.Diff([]int{0, 1, 2, 3}, ids([]request{corrected.next(t), corrected.next(t), corrected.next(t), corrected.next(t)})); diff != "" {
		t.Errorf("the corrected one got (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{3}, ids([]request{comes.next(t)})); diff != "" {
		t.Errorf("the new one got (-want +got):\n%s", diff)
	}
	close(release)
	stop()
	if diff := cmp.Diff([]int{0, 1, 2, 3}, ids([]request{first, stays.next(t), stays.next(t), stays.next(t)})); diff != "" {
		t.Errorf("the one that stays got (-want +got):\n%s", diff)
	}
	if len(goes.requests)+len(comes.requests) > 0 {
		t.Errorf("%d more requests to the one that is gone, %d to the new one", len(goes.requests), len(comes.requests))
	}
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(families); strings.Contains(text, `"goes"`) || !strings.Contains(text, `"comes"`) || strings.Contains(text, "confidential") {
		t.Errorf("metrics:\n%s", text)
	}
}

// transport answers without sockets, for tests that wait in a bubble.
type transport func(r *http.Request) (status int, retryAfter string, err error)

func (tr transport) RoundTrip(r *http.Request) (*http.Response, error) {
	status, after, err := tr(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: http.NoBody, Request: r}, nil
}

func (f *fixture) through(name string, tr transport) {
	f.receivers[name].target.Load().client.Transport = tr
}

func TestAnEventIsGivenUpAfterAWhile(t *testing.T) {
	for name, tc := range map[string]struct {
		after string
		want  []time.Duration // pauses, at most; half of it at least, but for those that were asked for
	}{
		"pauses grow": {"", []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}},
		"asked for":   {"100", []time.Duration{100 * time.Second, 100 * time.Second, 100 * time.Second, 100 * time.Second, 100 * time.Second}},
		"too long":    {"100000", []time.Duration{5 * time.Minute}},
		"overflow":    {"17179869184", []time.Duration{time.Second, 2 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.patience = usual
				f.apply(t, f.endpoint("hook", "http://hook.example"))
				var pauses []time.Duration
				var last time.Time
				f.through("hook", func(*http.Request) (int, string, error) {
					if !last.IsZero() {
						pauses = append(pauses, time.Since(last))
					}
					last = time.Now()
					return http.StatusTooManyRequests, tc.after, nil
				})
				stop := f.run(t)
				began := time.Now()
				f.Send(executed(1))
				time.Sleep(time.Hour)
				synctest.Wait()
				stop()
				for i, want := range tc.want {
					if i >= len(pauses) || pauses[i] > want || pauses[i] < want/2 || tc.after != "" && want > time.Minute && pauses[i] != want {
						t.Errorf("pauses: got %v, want like %v", pauses, tc.want)
						break
					}
				}
				if tried := last.Sub(began); tried > 10*time.Minute || tried < 4*time.Minute || f.delivered("hook", failed) != 1 {
					t.Errorf("tried for %s; %d failed", tried, f.delivered("hook", failed))
				}
			})
		})
	}
}

func TestPausesDifferByChance(t *testing.T) {
	r := receiver{patience: usual}
	seen := map[time.Duration]bool{}
	for range 20 {
		seen[r.pause(6)] = true
	}
	if len(seen) < 2 {
		t.Errorf("all pauses are the same: %v", seen)
	}
	for _, n := range []int{29, 30, 64, 1000} {
		if d := r.pause(n); d < r.longest/2 || d > r.longest {
			t.Errorf("pause %d: got %s", n, d)
		}
	}
}

func TestACertificateThatDoesNotVerifyIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.apply(t, f.endpoint("hook", "https://hook.example"))
		attempts := 0
		f.through("hook", func(*http.Request) (int, string, error) {
			attempts++
			return 0, "", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
		})
		stop := f.run(t)
		f.Send(executed(1))
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := f.delivered("hook", failed); n != 1 || attempts != 1 {
			t.Errorf("failed: got %d after %d attempts", n, attempts)
		}
		stop()
	})
}

// What waited behind one that was given up is not tried as long again: it is as old.
func TestABacklogIsGivenUpTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.patience = usual
		f.apply(t, f.endpoint("hook", "http://hook.example"))
		f.through("hook", func(*http.Request) (int, string, error) { return 0, "", errors.New("connection refused") })
		stop := f.run(t)
		for n := range 20 {
			f.Send(executed(n))
		}
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		if n := f.delivered("hook", failed); n != 20 {
			t.Errorf("failed: got %d, want 20", n)
		}
		stop()
	})
}

func TestWhatIsQueuedIsSentAtTheEnd(t *testing.T) {
	f := newFixture(t)
	release := make(chan struct{})
	h := newHook(t, func(n int, w http.ResponseWriter) {
		<-release
		if n == 2 {
			w.WriteHeader(http.StatusInternalServerError) // it is not tried again
		}
	})
	f.apply(t, f.endpoint("hook", h.URL))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.Run(ctx)
	}()
	for n := range 4 {
		f.Send(executed(n))
	}
	h.next(t)
	cancel()
	close(release)
	<-ended
	if got := f.delivered("hook", delivered); got != 3 || f.delivered("hook", failed) != 1 || len(h.requests) != 3 {
		t.Errorf("%d delivered, %d failed, %d requests after the first", got, f.delivered("hook", failed), len(h.requests))
	}
}

func TestTheEndDoesNotWaitLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.patience = usual
		f.apply(t, f.endpoint("stuck", "http://hook.example"), f.endpoint("down", "http://hook.example"))
		f.through("stuck", func(r *http.Request) (int, string, error) {
			<-r.Context().Done()
			return 0, "", r.Context().Err()
		})
		down := 0
		f.through("down", func(*http.Request) (int, string, error) {
			down++
			return http.StatusServiceUnavailable, "100", nil
		})
		stop := f.run(t)
		f.Send(executed(1))
		f.Send(executed(2))
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the end took %s", took)
		}
		if down != 3 { // once before, and a last time each
			t.Errorf("%d attempts at the one that is down, want 3", down)
		}
		if n := f.delivered("stuck", failed) + f.delivered("down", failed); n != 4 {
			t.Errorf("failed: got %d, want 4", n)
		}
	})
}

func TestErrorsDoNotTellTheURL(t *testing.T) {
	f := newFixture(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	f.event = 0 // one attempt
	f.apply(t, f.endpoint("gone", gone.URL))
	stop := f.run(t)
	f.Send(executed(1))
	stop()
	if text := f.log.String(); !strings.Contains(text, "refused") || !strings.Contains(text, "endpoint=gone") {
		t.Errorf("log:\n%s", text)
	} // the fixture looks for what is confidential
}
