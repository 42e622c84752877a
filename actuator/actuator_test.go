package actuator

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/config"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func actuatorOf(t *testing.T, h http.Handler) *HTTP {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return actuatorAt(t, server.URL)
}

func actuatorAt(t *testing.T, url string) *HTTP {
	t.Helper()
	return actuatorWith(t, url, dialect.ScalingAdapter(), func(*Config) {})
}

// actuatorWith returns an actuator that speaks a dialect.
func actuatorWith(t *testing.T, url string, templates dialect.Templates, change func(*Config)) *HTTP {
	t.Helper()
	d, problems := dialect.New(templates)
	if problems != nil {
		t.Fatal(problems)
	}
	c := Config{URL: url + "/", Timeout: 300 * time.Millisecond, Retries: 2, HTTP: config.DefaultHTTPClientConfig, Dialect: d}
	change(&c)
	a, err := New(c, NewMetrics(prometheus.NewRegistry()))
	if err != nil {
		t.Fatal(err)
	}
	a.client.RetryWaitMin = time.Millisecond
	t.Cleanup(a.Close)
	return a
}

func decision(current, desired int) policy.Decision {
	return policy.Decision{
		ID: "nba-1", Pool: "nba", Mode: policy.Active, Current: current, Desired: desired,
		Reasons: []policy.Reason{{Code: policy.ReasonForecast, From: current, To: desired, Detail: "because"}},
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestScaleAsksForAnAbsoluteNumber(t *testing.T) {
	sim := simulator.New(simulator.Options{Agents: map[string]int{"nba": 4}})
	a := actuatorOf(t, sim)
	if got := a.Scale(within(t, time.Second), decision(4, 6)); got.Result != policy.Accepted || got.Err != nil {
		t.Errorf("got %+v", got)
	}
	from := 4
	want := []simulator.Request{{Pool: "nba", Agents: 6, From: &from, Reason: "because", DecisionID: "nba-1", IdempotencyKey: "nba-1", Status: 200}}
	requests := sim.Requests()
	requests[0].Time = time.Time{}
	if diff := cmp.Diff(want, requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if got := a.Current(t.Context(), "nba"); got != (policy.Count{Agents: 6, Ready: 6, Known: true}) {
		t.Errorf("current: got %+v", got)
	}
	if n := testutil.ToFloat64(a.metrics.requests.WithLabelValues("nba", "up", "accepted")); n != 1 {
		t.Errorf("requests counted: got %v, want 1", n)
	}
}

// TestNothingIsSent is I16, I35: no call at the fix point, none that the mode
// does not permit.
func TestNothingIsSent(t *testing.T) {
	a := actuatorOf(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was called", r.Method, r.URL) }))
	for _, tc := range []struct {
		mode             policy.Mode
		current, desired int
		want             policy.Result
	}{
		{policy.Active, 4, 4, policy.NotNeeded},
		{policy.DryRun, 4, 4, policy.NotNeeded},
		{policy.DryRun, 4, 9, policy.NotSent},
		{policy.DryRun, 4, 1, policy.NotSent},
		{policy.ScaleUpOnly, 4, 1, policy.NotSent},
		{"", 4, 9, policy.NotSent},
		{"ACTIVE", 4, 9, policy.NotSent},
	} {
		d := decision(tc.current, tc.desired)
		d.Mode = tc.mode
		if got := a.Scale(t.Context(), d); got.Result != tc.want {
			t.Errorf("%s from %d to %d: got %s, want %s", tc.mode, tc.current, tc.desired, got.Result, tc.want)
		}
	}
}

// TestOutcomes is P13, P15, P16 and the answers of strange servers.
func TestOutcomes(t *testing.T) {
	status := func(codes ...int) func(int, http.ResponseWriter) {
		return func(n int, w http.ResponseWriter) { w.WriteHeader(codes[min(n, len(codes))-1]) }
	}
	later := func(code int, after string) func(int, http.ResponseWriter) {
		return func(n int, w http.ResponseWriter) {
			if n == 1 {
				w.Header().Set("Retry-After", after)
				w.WriteHeader(code)
			}
		}
	}
	for name, tc := range map[string]struct {
		answer func(call int, w http.ResponseWriter)
		want   policy.Result
		calls  int32
	}{
		"accepted":          {status(202), policy.Accepted, 1},
		"no content":        {status(204), policy.Accepted, 1},
		"changed by others": {status(409), policy.Conflict, 1},
		"unknown pool":      {status(404), policy.Failed, 1},
		"bad request":       {status(400), policy.Failed, 1},
		"forbidden":         {status(403), policy.Failed, 1},
		"redirect": {func(_ int, w http.ResponseWriter) {
			w.Header().Set("Location", "/x")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, policy.Failed, 1},
		"fails for good":          {status(500), policy.Failed, 3},
		"fails once":              {status(500, 200), policy.Accepted, 2},
		"busy once":               {status(503, 200), policy.Accepted, 2},
		"too many, then a second": {later(429, "1"), policy.Accepted, 2},
		"too many, in the past":   {later(429, "Tue, 24 Nov 2020 12:00:00 GMT"), policy.Accepted, 2},
		"too many, for an hour":   {later(429, "3600"), policy.Busy, 1},
		"too many, for ever":      {later(503, "9223372036854775807"), policy.Busy, 1},
		"too many, until 2999":    {later(503, "Tue, 24 Nov 2999 12:00:00 GMT"), policy.Busy, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			keys := map[string]bool{}
			a := actuatorOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				keys[r.Header.Get("Idempotency-Key")] = true
				tc.answer(int(calls.Add(1)), w)
			}))
			got := a.Scale(within(t, 5*time.Second), decision(4, 6))
			if got.Result != tc.want || calls.Load() != tc.calls {
				t.Errorf("got %+v after %d calls, want %s after %d", got, calls.Load(), tc.want, tc.calls)
			}
			if (got.Err == nil) != (got.Result == policy.Accepted) {
				t.Errorf("result %s with error %v", got.Result, got.Err)
			}
			if len(keys) != 1 {
				t.Errorf("got idempotency keys %v, want one", keys)
			}
		})
	}
}

// TestUnansweredRequestsAreReadBack is P14: the request is not repeated; the
// pool tells what became of it.
func TestUnansweredRequestsAreReadBack(t *testing.T) {
	for name, tc := range map[string]struct {
		read string
		want policy.Result
	}{
		"applied":                {`{"agents":6,"ready":4}`, policy.Accepted},
		"not applied":            {`{"agents":4}`, policy.Failed},
		"changed by others":      {`{"agents":5}`, policy.Unknown},
		"not to be read":         {``, policy.Unknown},
		"not to be read in time": {`hang`, policy.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			var puts atomic.Int32
			a := actuatorOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					puts.Add(1)
				}
				if r.Method == http.MethodPut || tc.read == "hang" {
					io.Copy(io.Discard, r.Body)
					<-r.Context().Done()
					return
				}
				io.WriteString(w, tc.read)
			}))
			got := a.Scale(within(t, time.Second), decision(4, 6))
			if got.Result != tc.want {
				t.Errorf("got %+v, want %s", got, tc.want)
			}
			if puts.Load() != 1 {
				t.Errorf("asked %d times, want once", puts.Load())
			}
		})
	}
}

func TestRefusedConnectionsAreRetriedAndFail(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a := actuatorAt(t, "http://"+l.Addr().String())
	if got := a.Scale(within(t, time.Second), decision(4, 6)); got.Result != policy.Failed || got.Err == nil {
		t.Errorf("got %+v", got)
	}
	if got := a.Current(within(t, time.Second), "nba"); got.Known || got.Detail == "" {
		t.Errorf("got %+v", got)
	}
}

// TestCurrentTrustsSensibleCountsOnly is P19.
func TestCurrentTrustsSensibleCountsOnly(t *testing.T) {
	for body, want := range map[string]policy.Count{
		`{"agents":4,"ready":3}`:        {Agents: 4, Ready: 3, Known: true},
		`{"agents":4}`:                  {Agents: 4, Ready: 4, Known: true},
		`{"agents":0,"ready":0,"x":[]}`: {Known: true},
		`{"agents":4,"ready":9}`:        {Agents: 4, Ready: 4, Known: true},
		`{"agents":-1}`:                 {},
		`{"agents":4,"ready":-1}`:       {},
		`{"agents":4.5}`:                {},
		`{"agents":"4"}`:                {},
		`{"agents":1e12}`:               {},
		`{"agents":NaN}`:                {},
		`{"agents":null}`:               {},
		`{}`:                            {},
		`[]`:                            {},
		`<html>`:                        {},
		``:                              {},
		`{"agents":4}` + strings.Repeat(" ", maxBody): {},
	} {
		a := actuatorOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		got := a.Current(within(t, 5*time.Second), "nba")
		if (got.Detail == "") != got.Known {
			t.Errorf("%.40s: known %v with detail %q", body, got.Known, got.Detail)
		}
		if got.Detail = ""; got != want {
			t.Errorf("%.40s: got %+v, want %+v", body, got, want)
		}
	}
	for _, code := range []int{204, 302, 404, 401, 500} {
		a := actuatorOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		if got := a.Current(within(t, 5*time.Second), "nba"); got.Known || got.Detail == "" {
			t.Errorf("%d: got %+v", code, got)
		}
	}
}

func TestPathsAreEscapedAndReasonsBounded(t *testing.T) {
	var path string
	var body []byte
	a := actuatorOf(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		body, _ = io.ReadAll(r.Body)
	}))
	d := decision(4, 6)
	d.Pool = "a/b?c"
	d.Reasons[0].Detail = strings.Repeat("ü", 5000)
	if got := a.Scale(within(t, time.Second), d); got.Result != policy.Accepted {
		t.Errorf("got %+v", got)
	}
	if path != "/pools/a%2Fb%3Fc/scale" || len(body) > 1000 {
		t.Errorf("got path %s and %d bytes", path, len(body))
	}
}

func TestKeepForgetsPoolsThatAreGone(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	m.Keep([]string{"nba", "nfl"})
	m.requests.WithLabelValues("nba", "up", "accepted").Inc()
	m.requests.WithLabelValues("nfl", "up", "failed").Inc()
	m.Keep([]string{"nfl"})
	const want = `
# HELP scaling_adapter_scale_requests_total Requests to change a pool by what became of them.
# TYPE scaling_adapter_scale_requests_total counter
scaling_adapter_scale_requests_total{direction="down",outcome="accepted",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="down",outcome="busy",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="down",outcome="conflict",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="down",outcome="failed",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="down",outcome="unknown",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="up",outcome="accepted",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="up",outcome="busy",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="up",outcome="conflict",pool="nfl"} 0
scaling_adapter_scale_requests_total{direction="up",outcome="failed",pool="nfl"} 1
scaling_adapter_scale_requests_total{direction="up",outcome="unknown",pool="nfl"} 0
`
	if err := testutil.CollectAndCompare(m.requests, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func ExampleHTTP_Scale() {
	sim := simulator.New(simulator.Options{Agents: map[string]int{"nba": 4}})
	server := httptest.NewServer(sim)
	defer server.Close()
	ours, problems := dialect.New(dialect.ScalingAdapter())
	if problems != nil {
		panic(problems)
	}
	a, err := New(Config{URL: server.URL, Timeout: time.Second, HTTP: config.DefaultHTTPClientConfig, Dialect: ours}, NewMetrics(prometheus.NewRegistry()))
	if err != nil {
		panic(err)
	}
	defer a.Close()
	fmt.Println(a.Scale(context.Background(), policy.Decision{Pool: "nba", Mode: policy.Active, Current: 4, Desired: 6}).Result)
	fmt.Println(a.Current(context.Background(), "nba").Agents)
	// Output:
	// accepted
	// 6
}
