package simulator

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that tests move.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newSimulator() (*Simulator, *clock) {
	c := &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	return New(Options{Agents: map[string]int{"nba": 4, "hq": 1}, StartupTime: 2 * time.Minute, Now: c.now}), c
}

func call(t *testing.T, s *Simulator, method, path, body, key string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, strings.TrimSpace(string(text))
}

func TestAgentsBecomeReadyAfterTheStartupTime(t *testing.T) {
	s, c := newSimulator()
	expect := func(agents, ready int) {
		t.Helper()
		if a, r := s.Agents("nba"); a != agents || r != ready {
			t.Errorf("got %d agents, %d ready; want %d, %d", a, r, agents, ready)
		}
	}
	if status, body := call(t, s, "PUT", "/pools/nba/scale", `{"agents":6,"from":4}`, "a"); status != 200 || body != `{"agents":6,"ready":4}` {
		t.Errorf("got %d %s", status, body)
	}
	c.Time = c.Add(time.Minute)
	call(t, s, "PUT", "/pools/nba/scale", `{"agents":7,"from":6}`, "b")
	expect(7, 4)
	c.Time = c.Add(time.Minute)
	expect(7, 6)
	call(t, s, "PUT", "/pools/nba/scale", `{"agents":5,"from":7}`, "c")
	expect(5, 5) // the one that was starting went first
	c.Time = c.Add(time.Hour)
	expect(5, 5)
}

func TestScaleAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		answer             string
	}{
		"all pools":        {"GET", "/pools", "", 200, `{"hq":{"agents":1,"ready":1},"nba":{"agents":4,"ready":4}}`},
		"one pool":         {"GET", "/pools/nba", "", 200, `{"agents":4,"ready":4}`},
		"unknown pool":     {"GET", "/pools/nfl", "", 404, `{"error":"no pool \"nfl\""}`},
		"unknown to scale": {"PUT", "/pools/nfl/scale", `{"agents":1}`, 404, `{"error":"no pool \"nfl\""}`},
		"without from":     {"PUT", "/pools/nba/scale", `{"agents":2}`, 200, `{"agents":2,"ready":2}`},
		"from another":     {"PUT", "/pools/nba/scale", `{"agents":2,"from":9}`, 409, `{"agents":4,"ready":4}`},
		"negative":         {"PUT", "/pools/nba/scale", `{"agents":-1}`, 400, `{"error":"agents must be between 0 and 1048576"}`},
		"no number":        {"PUT", "/pools/nba/scale", `{}`, 400, `{"error":"agents must be between 0 and 1048576"}`},
		"no JSON":          {"PUT", "/pools/nba/scale", `x`, 400, `{"error":"invalid character 'x' looking for beginning of value"}`},
		"bad fault":        {"PUT", "/faults", `{"mode":"melt"}`, 400, `{"error":"mode must be none, error, hang or ignore"}`},
		"endless fault":    {"PUT", "/faults", `{"mode":"hang"}`, 400, `{"error":"time: invalid duration \"\""}`},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newSimulator()
			if status, answer := call(t, s, tc.method, tc.path, tc.body, ""); status != tc.status || answer != tc.answer {
				t.Errorf("got %d %s, want %d %s", status, answer, tc.status, tc.answer)
			}
		})
	}
}

func TestTheSameKeyIsCarriedOutOnce(t *testing.T) {
	s, _ := newSimulator()
	call(t, s, "PUT", "/pools/nba/scale", `{"agents":6,"from":4}`, "a")
	call(t, s, "PUT", "/pools/nba/scale", `{"agents":3,"from":6}`, "b")
	if status, answer := call(t, s, "PUT", "/pools/nba/scale", `{"agents":6,"from":4}`, "a"); status != 200 || answer != `{"agents":3,"ready":3}` {
		t.Errorf("got %d %s", status, answer)
	}
}

func TestFaultsEndByThemselves(t *testing.T) {
	for fault, want := range map[string]int{"error": 500, "hang": 0, "ignore": 200} {
		s, c := newSimulator()
		if status, answer := call(t, s, "PUT", "/faults", `{"mode":"`+fault+`","for":"1m"}`, ""); status != http.StatusNoContent {
			t.Fatalf("got %d %s", status, answer)
		}
		call(t, s, "PUT", "/pools/nba/scale", `{"agents":6}`, "a")
		if agents, _ := s.Agents("nba"); agents != 4 {
			t.Errorf("%s: applied", fault)
		}
		requests := s.Requests()
		if diff := cmp.Diff([]Request{{Time: c.Time, Pool: "nba", Agents: 6, IdempotencyKey: "a", Status: want}}, requests); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", fault, diff)
		}
		c.Time = c.Add(time.Minute)
		call(t, s, "PUT", "/pools/nba/scale", `{"agents":6}`, "b")
		if agents, _ := s.Agents("nba"); agents != 6 {
			t.Errorf("%s: not applied after it ended", fault)
		}
	}
}

func TestMetricsTellAgentsAndRequests(t *testing.T) {
	s, _ := newSimulator()
	call(t, s, "PUT", "/pools/nba/scale", `{"agents":6}`, "a")
	_, text := call(t, s, "GET", "/metrics", "", "")
	for _, want := range []string{`sim_agents{pool="nba"} 6`, `sim_ready_agents{pool="nba"} 4`, `sim_scale_requests_total{pool="nba",status="200"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}
