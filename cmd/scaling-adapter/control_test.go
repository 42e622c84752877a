package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/api"
	"github.com/scaling-adapter/scaling-adapter/internal/api/apitest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// serveDesk gives a script an adapter that takes orders, at the address that commands
// ask without a flag. It is 17:20 in New York there, and stays so. With the argument
// locked it asks for the password of alice, with off it takes no orders.
func serveDesk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: desk [locked|off]")
	}
	now := time.Date(2026, 11, 12, 22, 20, 0, 0, time.UTC)
	e := engine.New(engine.Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	set := &engine.Settings{
		Interval: 30 * time.Second, Step: 5 * time.Minute, History: 24 * time.Hour, MaxTotalAgents: 75, Enabled: true,
		Events: []policy.Event{
			{ID: "fixtures/1", Type: "game", Name: "Celtics\x1b[31m at Knicks", Labels: map[string]string{"league": "nba"}, Start: now.Add(100 * time.Minute), End: now.Add(250 * time.Minute), Source: "fixtures"},
			{ID: "fixtures/0", Type: "game", Name: "of yesterday", Labels: map[string]string{"league": "nba"}, Start: now.Add(-25 * time.Hour), End: now.Add(-23 * time.Hour), Source: "fixtures"},
		},
	}
	rules := []policy.Rule{{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "breaking_news"}}}, Demand: &policy.DemandEffect{Multiply: 2}}}
	for name, mode := range map[string]policy.Mode{"nba": policy.Active, "nfl": policy.DryRun} {
		set.Pools = append(set.Pools, engine.Pool{Policy: policy.Policy{Pool: policy.Pool{Name: name, Labels: map[string]string{"league": name}, Location: time.UTC, Mode: mode}, Rules: rules}})
	}
	e.Apply(set)
	o := api.Options{
		Snapshot: e.Snapshot, Metrics: prometheus.NewRegistry(), Engine: e, Audit: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Control: func(*http.Request) (string, error) { return "", nil },
	}
	if len(args) == 1 && args[0] == "off" {
		o.Control = nil
	}
	handler := apitest.Calls(api.New(o))
	if len(args) == 1 && args[0] == "locked" {
		handler = locked(handler)
	}
	server := httptest.NewServer(handler)
	ts.Defer(server.Close)
	for name, value := range map[string]string{"SCALING_ADAPTER_ADDRESS": server.URL, "TZ": "America/New_York", "USER": "anna"} {
		ts.Setenv(name, value)
	}
}

// locked asks for the password of alice.
func locked(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "alice" || password != "secret" {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

func TestInstantsAsPeopleWriteThem(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 31, 17, 20, 0, 0, zone) // the night before the clocks are set back
	for text, want := range map[string]string{
		"18:00":                     "2026-10-31T18:00:00-04:00",
		"17:20":                     "2026-11-01T17:20:00-05:00",
		"9:05":                      "2026-11-01T09:05:00-05:00",
		"2026-11-12 18:30":          "2026-11-12T18:30:00-05:00",
		"2026-11-12T18:30":          "2026-11-12T18:30:00-05:00",
		"2026-11-12 18:30:15":       "2026-11-12T18:30:15-05:00",
		"2026-11-12T18:30:00Z":      "2026-11-12T18:30:00Z",
		"2026-11-12T18:30:00+01:00": "2026-11-12T18:30:00+01:00",
		"tomorrow":                  "",
		"25:00":                     "",
		"2026-02-30 18:30":          "",
		"":                          "",
	} {
		var got instant
		if err := got.parse(text, now); (err == nil) != (want != "") || got.text() != want {
			t.Errorf("%q: got %q and %v, want %q", text, got.text(), err, want)
		}
	}
}

func TestOrdersInWords(t *testing.T) {
	n := func(n int) *int { return &n }
	var got []string
	for _, o := range []override{{Min: n(1), Max: n(1)}, {Min: n(1), Max: n(3)}, {Min: n(1)}, {Max: n(0)}, {Hold: true}, {Disable: true, Hold: true}, {Mode: policy.DryRun}, {Mode: policy.Active, Hold: true}} {
		got = append(got, o.order())
	}
	if diff := cmp.Diff([]string{"exactly 1 agent", "1 to 3 agents", "at least 1 agent", "at most 0 agents", "hold", "disabled", "mode dry_run", "mode active, hold"}, got); diff != "" {
		t.Error(diff)
	}
	got = nil
	for _, seconds := range []float64{0, 45.4, 61, 3600, 7130} {
		got = append(got, left(seconds))
	}
	if diff := cmp.Diff([]string{"0s", "45s", "1m", "1h", "1h59m"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDurationsAreThoseOfPrometheus(t *testing.T) {
	for text, fine := range map[string]bool{"2h": true, "1d12h": true, "90m": true, "1.5h": false, "2 hours": false, "-1h": false, "": false} {
		var d duration
		if err := d.UnmarshalText([]byte(text)); (err == nil) != fine || fine && string(d) != text {
			t.Errorf("%q: got %q and %v", text, d, err)
		}
	}
}

// What comes from an adapter does not reach the terminal as it is.
func TestCellsFitIntoATable(t *testing.T) {
	for text, want := range map[string]string{
		"finals": "finals", "a\x1b[2Jb\nc\td": "a [2Jb c d",
		"a reason of more than forty-eight letters, and long too": "a reason of more than forty-eight letters, and …",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for body, want := range map[string]string{
		`<html>`:                              "does not answer like a scaling-adapter: 200 OK",
		`{"status":"success","data":{"a":1}}`: "does not answer like a scaling-adapter: json: cannot unmarshal object",
		`{"status":"error","error":"no"}`:     "says: no",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		c := overrideListCmd{printed: printed{adapter: adapter{Address: server.URL}, Output: "text"}}
		if err := c.Run(t.Context(), &output{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
		server.Close()
	}
}
