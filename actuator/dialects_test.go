package actuator

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// TestTemplatesServeOtherOrchestrators asks one that takes its numbers from the query
// and versions what it tells.
func TestTemplatesServeOtherOrchestrators(t *testing.T) {
	var mu sync.Mutex
	size, version := 4, 1
	a := actuatorWith(t, "", dialect.Templates{
		Read: dialect.Read{
			Request: dialect.Request{Method: "POST", Path: "/rpc/describe", Headers: map[string]string{"X-Pool": "{{.Pool}}"}, Body: `{"group": {{.Pool}}}`},
			Agents:  "$.groups[?@.name=={{.Pool}}].size", Values: map[string]string{"version": "$.version"},
		},
		Scale: dialect.Scale{
			Request: dialect.Request{
				Method: "POST", Path: `/rpc/resize?group={{.Pool}}&size={{.Agents}}`,
				Headers: map[string]string{"If-Match": `"{{.Value "version"}}"`},
			},
			Conflicts: []dialect.Answer{{Status: http.StatusPreconditionFailed}},
		},
	}, func(c *Config) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			body, _ := io.ReadAll(r.Body)
			switch r.URL.Path {
			case "/api/rpc/describe":
				if string(body) != `{"group": "n\u0026b a"}` || r.Header.Get("X-Pool") != "n&b a" || r.Header.Get("Content-Type") != "application/json" {
					t.Errorf("got %s with %v", body, r.Header)
				}
				io.WriteString(w, `{"version":`+strconv.Itoa(version)+`,"groups":[{"name":"nfl","size":9},{"name":"n&b a","size":`+strconv.Itoa(size)+`}]}`)
			case "/api/rpc/resize":
				if r.Header.Get("If-Match") != `"`+strconv.Itoa(version)+`"` {
					w.WriteHeader(http.StatusPreconditionFailed)
					return
				}
				if r.URL.Query().Get("group") == "n&b a" && len(body) == 0 {
					size, _ = strconv.Atoi(r.URL.Query().Get("size"))
				}
				version++
			default:
				t.Errorf("%s was called", r.URL)
			}
		}))
		t.Cleanup(server.Close)
		c.URL = server.URL + "/api/"
	})
	for _, tc := range []struct {
		from, to int
		want     policy.Result
	}{{4, 6, policy.Accepted}, {4, 5, policy.Conflict}, {6, 0, policy.Accepted}} {
		d := decision(tc.from, tc.to)
		d.Pool = "n&b a"
		if got := a.Scale(within(t, 10*time.Second), d); got.Result != tc.want {
			t.Errorf("from %d to %d: got %+v, want %s", tc.from, tc.to, got, tc.want)
		}
	}
	if got := a.Current(within(t, 10*time.Second), "n&b a"); got != (policy.Count{Known: true}) {
		t.Errorf("got %+v", got)
	}
}

// presets are the dialects that we know, with how their orchestrators tell agents.
var presets = map[string]struct {
	templates dialect.Templates
	told      string // with a verb for the number
}{
	"our own":    {dialect.ScalingAdapter(), `{"agents":%d}`},
	"Kubernetes": {dialect.Kubernetes("agents", "deployments", "{{.Pool}}"), `{"spec":{"replicas":%d}}`},
	"Nomad":      {dialect.Nomad("default", "{{.Pool}}", "g"), `{"JobModifyIndex":7,"TaskGroups":{"g":{"Desired":%d,"Running":1}}}`},
}

// Whatever is spoken: what was not answered is read back and not repeated, what is busy
// is asked again, and a dry run asks for nothing.
func TestDialectsAreSpokenInOneWay(t *testing.T) {
	for name, preset := range presets {
		for _, tc := range []struct {
			what   string
			mode   policy.Mode
			answer func(n int, w http.ResponseWriter)
			after  int // agents that a read tells then
			want   policy.Result
			asked  int32
		}{
			{"applied, not answered", policy.Active, nil, 6, policy.Accepted, 1},
			{"neither", policy.Active, nil, 4, policy.Failed, 1},
			{"changed by others", policy.Active, nil, 5, policy.Unknown, 1},
			{"busy once", policy.Active, func(n int, w http.ResponseWriter) {
				if n == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}, 4, policy.Accepted, 2},
			{"busy", policy.Active, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, 4, policy.Busy, 3},
			{"forbidden", policy.Active, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, 4, policy.Failed, 1},
			{"conflict", policy.Active, func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusConflict) }, 4, policy.Conflict, 1},
			{"dry run", policy.DryRun, nil, 4, policy.NotSent, 0},
		} {
			t.Run(name+", "+tc.what, func(t *testing.T) {
				var asked atomic.Int32
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch agents := 4; {
					case r.Method != http.MethodGet && tc.answer == nil:
						asked.Add(1)
						io.Copy(io.Discard, r.Body)
						panic(http.ErrAbortHandler)
					case r.Method != http.MethodGet:
						tc.answer(int(asked.Add(1)), w)
					default:
						if asked.Load() > 0 {
							agents = tc.after
						}
						fmt.Fprintf(w, preset.told, agents)
					}
				}))
				defer server.Close()
				a := actuatorWith(t, server.URL, preset.templates, func(c *Config) { c.Timeout = 10 * time.Second })
				d := decision(4, 6)
				d.Mode = tc.mode
				if got := a.Scale(within(t, 30*time.Second), d); got.Result != tc.want || asked.Load() != tc.asked {
					t.Errorf("got %+v after %d requests, want %s after %d", got, asked.Load(), tc.want, tc.asked)
				}
			})
		}
	}
}

// A request that was sent on a connection that broke is not repeated by net/http
// either, which takes a key for a permission to.
func TestBodilessRequestsAreNotRepeated(t *testing.T) {
	var resizes atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			io.WriteString(w, `{"n":4}`)
			return
		}
		resizes.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	a := actuatorWith(t, server.URL, dialect.Templates{
		Read: dialect.Read{Request: dialect.Request{Path: "/"}, Agents: "$.n"},
		Scale: dialect.Scale{Request: dialect.Request{
			Method: "POST", Path: "/?n={{.Agents}}", Headers: map[string]string{"Idempotency-Key": "{{.DecisionID}}"},
		}},
	}, func(*Config) {})
	a.Current(within(t, 10*time.Second), "nba") // a connection to be used again
	if got := a.Scale(within(t, 10*time.Second), decision(4, 6)); got.Result != policy.Failed || !strings.Contains(got.Err.Error(), "not applied") {
		t.Errorf("got %+v", got)
	}
	if n := resizes.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}

// inBubble returns an actuator without sockets, whose orchestrator answers at once.
func inBubble(t *testing.T, perSecond float64, answer func(r *http.Request) (status int)) *HTTP {
	t.Helper()
	a := actuatorWith(t, "http://orchestrator.test", dialect.ScalingAdapter(), func(c *Config) {
		c.RequestsPerSecond, c.Timeout = perSecond, 10*time.Second
	})
	a.client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: answer(r), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"agents":4}`)), Request: r}, nil
	})
	return a
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRequestsPerSecondAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		fails := 3
		a := inBubble(t, 5, func(*http.Request) int {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began))
			if fails--; fails >= 0 {
				return http.StatusInternalServerError // is tried again, which counts as well
			}
			return http.StatusOK
		})
		var calls sync.WaitGroup
		for range 12 {
			calls.Go(func() {
				if got := a.Current(within(t, time.Minute), "nba"); !got.Known {
					t.Errorf("got %+v", got)
				}
			})
		}
		calls.Wait()
		perSecond := map[int]int{}
		for _, d := range at {
			perSecond[int(d/time.Second)]++
		}
		if diff := cmp.Diff(map[int]int{0: 5, 1: 5, 2: 5}, perSecond); diff != "" {
			t.Errorf("requests by second (-want +got):\n%s\n%v", diff, at)
		}
	})
}

// The changes that a loop makes at once all have their turn, even if each is read before
// and after, with what engine.LeastRequests asks for.
func TestChangesAtOnceHaveTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := actuatorWith(t, "http://orchestrator.test", presets["Nomad"].templates, func(c *Config) {
			c.RequestsPerSecond, c.Timeout = 4.8, 10*time.Second
		})
		a.client.HTTPClient.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet {
				return nil, io.ErrUnexpectedEOF
			}
			body := io.NopCloser(strings.NewReader(fmt.Sprintf(presets["Nomad"].told, 4)))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
		})
		var calls sync.WaitGroup
		for range 16 {
			calls.Go(func() {
				if got := a.Scale(within(t, 10*time.Second), decision(4, 2)); got.Result != policy.Failed || !strings.Contains(got.Err.Error(), "not applied") {
					t.Errorf("got %+v", got)
				}
			})
		}
		calls.Wait()
	})
}

// What cannot have its turn in time is not sent, which is no failure of the pool.
func TestWhatHasNoTurnIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		a := inBubble(t, 1, func(*http.Request) int { sent++; return http.StatusOK })
		for i, want := range []policy.Result{policy.Accepted, policy.NotSent} {
			got := a.Scale(within(t, 500*time.Millisecond), decision(4, 6))
			if got.Result != want || sent != 1 {
				t.Errorf("%d: got %+v after %d requests, want %s", i, got, sent, want)
			}
		}
		if got := a.Current(within(t, 500*time.Millisecond), "nba"); got.Known || got.Detail == "" {
			t.Errorf("got %+v", got)
		}
		if got := a.Scale(within(t, 1500*time.Millisecond), decision(4, 6)); got.Result != policy.Accepted {
			t.Errorf("got %+v", got)
		}
	})
}

// A request that was answered with an error and has no turn to be repeated was sent:
// it is not known what became of it.
func TestRepetitionsWithoutATurnAreDoubtful(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		a := inBubble(t, 1, func(*http.Request) int { sent++; return http.StatusInternalServerError })
		if got := a.Scale(within(t, 500*time.Millisecond), decision(4, 6)); got.Result != policy.Unknown || sent != 1 {
			t.Errorf("got %+v after %d requests", got, sent)
		}
	})
}
