package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const (
	countUp  = `scaling_adapter_signal_up{pool="nba",signal="current"}`
	accepted = `scaling_adapter_scale_requests_total{direction="up",outcome="accepted",pool="nba"}`
	failed   = `scaling_adapter_scale_requests_total{direction="up",outcome="failed",pool="nba"}`
	busy     = `scaling_adapter_scale_requests_total{direction="up",outcome="busy",pool="nba"}`
	conflict = `scaling_adapter_scale_requests_total{direction="up",outcome="conflict",pool="nba"}`
	pauseEnd = `scaling_adapter_pool_pause_end_timestamp_seconds{pool="nba"}`
)

// scaling lets a handler answer the nth request to change nba, from 1, and the simulator
// everything else. It counts those requests, and the reads of nba.
type scaling struct{ puts, reads atomic.Int32 }

func (r *rig) scaling(h func(n int32, w http.ResponseWriter, req *http.Request)) *scaling {
	var s scaling
	r.orchestrator.answers(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.Method == http.MethodGet && req.URL.Path == "/pools/nba":
			s.reads.Add(1)
			r.sim.ServeHTTP(w, req)
		case req.Method == http.MethodPut && strings.HasPrefix(req.URL.Path, "/pools/nba/"):
			h(s.puts.Add(1), w, req)
		default:
			r.sim.ServeHTTP(w, req)
		}
	})
	return &s
}

// order lets a pool need so many agents from the next turn on.
func (r *rig) order(t *testing.T, pool string, agents int) {
	t.Helper()
	body := fmt.Sprintf(`{"exact": %d, "author": "anna", "reason": "derby", "duration": "12h"}`, agents)
	if code, text := r.fetch(t, http.MethodPut, "/api/v1/overrides/"+pool, body); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
}

// busier lets both pools need twice as much.
func (r *rig) busier(t *testing.T) {
	t.Helper()
	r.order(t, "nba", 20)
	r.order(t, "nfl", 12)
}

// lastly fails unless both pools get what they need in the end.
func (r *rig) lastly(t *testing.T) {
	t.Helper()
	for range 2 {
		r.tick(t)
	}
	r.agents(t, 20, 12)
	r.is(t, pauseEnd, 0)
}

// P13: it fails for one pool: tried again, then that pool is left alone and no other.
func TestTheOrchestratorRefusesAPool(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int{"500": 500, "404": 404, "a redirect": 307} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			s := r.scaling(func(_ int32, w http.ResponseWriter, _ *http.Request) { status(code, "Location", "/elsewhere")(w, nil) })
			r.busier(t)
			r.tick(t)
			r.agents(t, 10, 12)
			r.is(t, failed, 1)
			if end := r.metric(t, pauseEnd); end != float64(r.clock().Add(5*time.Minute).Unix()) {
				t.Errorf("paused until %v", end)
			}
			want := int32(1)
			if code == 500 {
				want = 2 // one retry
			}
			for range 9 {
				r.tick(t)
			}
			if n := s.puts.Load(); n != want {
				t.Errorf("asked %d times, want %d", n, want)
			}
			r.orchestrator.answers(nil)
			r.lastly(t)
		})
	}
}

// P13, P19: what cannot be read is held.
func TestTheOrchestratorTellsNoCounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.busier(t)
	o := r.orchestrator
	var most atomic.Int64 // bytes of one answer
	for _, tc := range []struct {
		name  string
		begin func(t *testing.T)
	}{
		{"refused", func(*testing.T) { o.Stop() }},
		{"never answers", func(t *testing.T) { o.toxic(t, "timeout", `{"timeout": 0}`) }},
		{"resets connections", func(t *testing.T) { o.toxic(t, "reset_peer", `{"timeout": 0}`) }},
		{"500", func(*testing.T) { o.answers(status(500)) }},
		{"a page", func(*testing.T) { o.answers(says("text/html", "<html>please log in</html>")) }},
		{"negative", func(*testing.T) { o.answers(says("application/json", `{"agents": -1}`)) }},
		{"huge", func(*testing.T) { o.answers(says("application/json", `{"agents": 1000000000000000000}`)) }},
		{"beyond an int", func(*testing.T) { o.answers(says("application/json", `{"agents": 1e300}`)) }},
		{"null", func(*testing.T) { o.answers(says("application/json", `{"agents": null}`)) }},
		{"nothing", func(*testing.T) { o.answers(says("application/json", `null`)) }},
		{"endless", func(*testing.T) {
			blanks := strings.Repeat(" ", 1<<16)
			o.answers(func(w http.ResponseWriter, _ *http.Request) {
				for n := int64(0); ; n += 1 << 16 {
					if _, err := io.WriteString(w, blanks); err != nil {
						return
					}
					most.Store(max(most.Load(), n))
				}
			})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.begin(t)
			snap := r.tick(t)
			for _, p := range snap.Pools {
				if p.Count.Known || p.Count.Detail == "" || p.Decision.Direction() != policy.None || p.Footing.Rung != engine.RungHold {
					t.Errorf("%s: %+v, %+v, stands on %s", p.Pool.Name, p.Count, p.Decision.Reasons, p.Footing.Rung)
				}
			}
			r.is(t, countUp, 0)
			few(t)
			if n := len(r.sim.Requests()); n > 0 {
				t.Errorf("asked for changes: %+v", r.sim.Requests())
			}
			o.clean(t) // the fault that answers stays until the next one
		})
	}
	if n := most.Load(); n > 32<<20 {
		t.Errorf("%d MiB were taken of an answer", n>>20)
	}
	o.answers(nil)
	r.lastly(t)
}

// P14: it does what it is asked for and does not answer: the pool is read, nothing is asked
// twice, and nothing counts as failed.
func TestTheOrchestratorDoesItAndDoesNotAnswer(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(http.ResponseWriter, *http.Request){
		"in time": func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() },
		"at all":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			s := r.scaling(func(_ int32, w http.ResponseWriter, req *http.Request) {
				r.sim.ServeHTTP(httptest.NewRecorder(), req)
				end(w, req)
			})
			r.busier(t)
			r.tick(t)
			if puts, reads := s.puts.Load(), s.reads.Load(); puts != 1 || reads != 2 {
				t.Errorf("asked %d times and read %d times, want one and two", puts, reads)
			}
			r.agents(t, 20, 12)
			r.is(t, accepted, 1)
			r.lastly(t)
		})
	}
}

// P15, P18: somebody else was faster: decided anew with what is there, and no failure.
func TestSomebodyElseScalesThePool(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.scaling(func(n int32, w http.ResponseWriter, req *http.Request) {
		if n == 1 {
			other := httptest.NewRequestWithContext(req.Context(), http.MethodPut, "/pools/nba/scale", strings.NewReader(`{"agents": 13}`))
			r.sim.ServeHTTP(httptest.NewRecorder(), other)
		}
		r.sim.ServeHTTP(w, req)
	})
	r.busier(t)
	r.tick(t)
	r.agents(t, 13, 12)
	r.is(t, conflict, 1)
	snap := r.tick(t)
	if d := snap.Pools[0].Decision; d.Current != 13 || d.Desired != 20 {
		t.Errorf("decided from %d to %d, want from 13 to 20", d.Current, d.Desired)
	}
	if n := s.puts.Load(); n != 2 {
		t.Errorf("asked %d times, want twice", n)
	}
	r.is(t, failed, 0)
	r.lastly(t)
}

// P16: whatever Retry-After says, a turn is short, and the third time in a row counts.
func TestRetryAfterHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]string{
		"an hour": "3600", "for ever": "9223372036854775807", "beyond numbers": "99999999999999999999999", "in 2999": "Tue, 24 Nov 2999 12:00:00 GMT", "a word": "later", "negative": "-1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.scaling(func(_ int32, w http.ResponseWriter, req *http.Request) { status(429, "Retry-After", after)(w, req) })
			r.busier(t)
			for range 3 {
				r.tick(t)
			}
			r.agents(t, 10, 12)
			r.is(t, busy, 3)
			if r.metric(t, pauseEnd) == 0 {
				t.Error("not paused after the third time")
			}
			r.orchestrator.answers(nil)
			for range 10 {
				r.tick(t)
			}
			r.lastly(t)
		})
	}
}

// P17: it accepts and does nothing: the pool is not asked for ever more, and it shows.
func TestTheOrchestratorAcceptsAndDoesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var asked []string
	var mu sync.Mutex
	r.scaling(func(_ int32, w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, string(body))
		w.WriteHeader(http.StatusAccepted)
	})
	r.busier(t)
	var snap *engine.Snapshot
	for k := range 10 {
		r.order(t, "nba", 20+k)
		snap = r.tick(t)
	}
	if p := snap.Pools[0]; p.Decision.Desired != 10 || !strings.Contains(p.Pause.Why, "and there are 10") {
		t.Errorf("desired %d, paused by %q", p.Decision.Desired, p.Pause.Why)
	}
	mu.Lock()
	if n := len(asked); n == 0 || n > 4 { // within the two minutes of converge_timeout
		t.Errorf("asked %d times: %q", n, asked)
	}
	mu.Unlock()
	r.is(t, `scaling_adapter_health_check_passed{check="actuation"}`, 0)
	r.agents(t, 10, 12)
}

// P17, I21: agents that take their time are asked for once, and are not taken for idle: as long
// as they come in time, the same is asked as if they were there at once.
func TestAgentsThatStartAreCountedOnce(t *testing.T) {
	t.Parallel()
	asked := func(startup time.Duration) (out []string) {
		r := newRig(t, func(r *rig, _ *app.Options) {
			r.sim = simulator.New(simulator.Options{Agents: map[string]int{"nba": 10, "nfl": 6}, StartupTime: startup, Now: r.clock})
			r.orchestrator.real = r.sim
		})
		r.loads["nba"], r.loads["nfl"] = 200, 120
		for range 20 {
			r.tick(t)
		}
		for _, req := range r.sim.Requests() {
			out = append(out, fmt.Sprintf("%s %s %d", req.Time.Format(time.TimeOnly), req.Pool, req.Agents))
		}
		slices.Sort(out)
		return out
	}
	want := asked(0)
	if len(want) == 0 {
		t.Error("nothing is asked for")
	}
	if diff := cmp.Diff(want, asked(100*time.Second)); diff != "" {
		t.Errorf("asked for agents that take their time (-at once +in time):\n%s", diff)
	}
}

// P20: of 200 pools so many are asked at a time, and those that shrink first.
func TestManyPoolsAtOnce(t *testing.T) {
	t.Parallel()
	const pools, atOnce = 200, 16
	var mu sync.Mutex
	agents, calls, most := map[string]int{}, 0, 0
	var order []string
	text, loads := "pools:\n", map[string]float64{}
	for i := range pools {
		name := fmt.Sprintf("pool-%03d", i)
		text += fmt.Sprintf("  - {name: %s, agents: {base: 5, min: 0, max: 30}, load: {query: agent_load, match: {pool: %s}, per_agent: 10}, behavior: {scale_down: {stabilization_window: 0s}}}\n", name, name)
		agents[name], loads[name] = 10, 200
		if i%2 == 0 {
			loads[name] = 10
		}
	}
	r := newRig(t, func(r *rig, _ *app.Options) {
		r.write(t, "rules.yml", text)
		r.loads = loads
		r.orchestrator.answers(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			calls++
			most = max(most, calls)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			defer mu.Unlock()
			calls--
			name := strings.Split(req.URL.Path, "/")[2]
			if req.Method == http.MethodPut {
				var n int
				body, _ := io.ReadAll(req.Body)
				if _, err := fmt.Sscanf(string(body), `{"agents":%d`, &n); err != nil {
					t.Errorf("%s: %s", body, err)
				}
				direction := "down"
				if n > agents[name] {
					direction = "up"
				}
				order, agents[name] = append(order, direction), n
			}
			fmt.Fprintf(w, `{"agents": %d}`, agents[name])
		})
	})
	all := ""
	for range 3 { // of what was measured once nothing is lowered
		r.tick(t)
		mu.Lock()
		turn := strings.Join(order, " ")
		order = nil
		mu.Unlock()
		if strings.Contains(turn, "up down") {
			t.Errorf("a pool grows before another shrinks: %s", turn)
		}
		all += turn + " "
	}
	mu.Lock()
	defer mu.Unlock()
	if downs, ups := strings.Count(all, "down"), strings.Count(all, "up"); downs < pools/2 || ups < pools/2 {
		t.Errorf("%d downs and %d ups", downs, ups)
	}
	if most > atOnce {
		t.Errorf("%d calls at once, at most %d are to be", most, atOnce)
	}
}
