package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/api"
	"github.com/scaling-adapter/scaling-adapter/internal/api/apitest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// serveExample gives a script an adapter that took a tick on an evening in November,
// at $ADAPTER, and an address at which nobody listens, $NOBODY. The adapter is also at
// $LOCKED, by TLS with the certificate ca.pem and for alice.
func serveExample(env *testscript.Env) error {
	snapshot := exampleSnapshot()
	handler := apitest.Calls(api.New(api.Options{
		Now:      func() time.Time { return snapshot().Time },
		Snapshot: snapshot, Metrics: prometheus.NewRegistry(),
		Explain: func(string, int) (engine.Explanation, error) { return engine.Explanation{}, engine.ErrNoModel },
	}))
	server := httptest.NewServer(handler)
	env.Defer(server.Close)
	guarded := httptest.NewUnstartedServer(locked(handler))
	guarded.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	guarded.StartTLS()
	env.Defer(guarded.Close)
	env.Setenv("LOCKED", guarded.URL)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: guarded.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(env.WorkDir, "ca.pem"), certificate, 0o600); err != nil {
		return err
	}
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close() // its port is free now
	env.Setenv("ADAPTER", server.URL)
	env.Setenv("NOBODY", nobody.URL)
	return nil
}

func exampleSnapshot() func() *engine.Snapshot {
	zone := time.FixedZone("EST", -5*3600)
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 12, hour, minute, 0, 0, zone) }
	pool := policy.Pool{
		Name: "nba", Location: zone, Agents: policy.Agents{Base: 6, Min: 4, Max: 40}, PerAgent: 12, LeadTime: 10 * time.Minute, Quantile: 0.9, Mode: policy.Active,
	}
	up := policy.Decision{
		ID: "nba-20261112T232500Z", Pool: "nba", Time: at(18, 25), Mode: policy.Active, Current: 7, Known: true, Desired: 10, Demand: 9.05,
		Candidates: []policy.Candidate{{Source: "reactive", Load: 71.2, Agents: 5.93}, {Source: "forecast", Load: 108.6, Agents: 9.05, Chosen: true}},
		Stages:     policy.Stages{Demand: 10, Rules: 10, Bounded: 10},
		Reasons:    []policy.Reason{{Code: policy.ReasonForecast, From: 7, To: 10, Detail: "the forecast expects up to 109 at 18:35 (quantile 0.9), needs 9.05 agents of 12 with evening"}},
		Rules:      []string{"evening"},
	}
	before := up
	before.ID, before.Time, before.Desired = "nba-20261112T231000Z", at(18, 10), 7
	before.Stages = policy.Stages{Demand: 7, Rules: 7, Bounded: 7}
	before.Candidates = []policy.Candidate{{Source: "reactive", Dropped: "load is stale: older than 2m"}, {Source: "forecast", Load: 81.6, Agents: 6.8, Chosen: true}}
	before.Reasons = []policy.Reason{{Code: policy.ReasonForecast, From: 7, To: 7, Detail: "the forecast expects up to 81.6 at 18:20 (quantile 0.9), needs 6.8 agents of 12 with evening"}}
	snap := &engine.Snapshot{
		Time: at(18, 25),
		Settings: &engine.Settings{
			Source:   unscraped{},
			Interval: 30 * time.Second, Step: 5 * time.Minute,
			Pools: []engine.Pool{{Policy: policy.Policy{Pool: pool, Rules: []policy.Rule{{Name: "evening", Demand: &policy.DemandEffect{Multiply: 1.5}}}}}},
		},
		Pools: []engine.PoolStatus{{
			Pool: pool, Load: policy.Sample{Value: 71.2, Time: at(18, 25), Quality: policy.OK}, Count: policy.Count{Agents: 7, Ready: 7, Known: true},
			Footing:  engine.Footing{Rung: engine.RungLastForecast, Since: at(18, 20), Why: "the load was last measured at 18:10"},
			Decision: up, Outcome: policy.Outcome{Result: policy.Accepted}, Recent: []policy.Decision{up, before},
			History:  engine.NewHistory(forecast.Series{Start: at(18, 5), Step: 5 * time.Minute, Values: []float64{64, 66.5, 67, 71}}),
			Forecast: forecast.Forecast{Model: forecast.Combination, Start: at(18, 25), Step: 5 * time.Minute, Levels: []float64{0.1, 0.5, 0.9}, Paths: [][]float64{{70, 74, 80}, {78, 86, 92}, {85, 99, 108.6}}},
			Scores:   []forecast.Score{{Model: "harmonic_log", Horizon: 3, WAPE: 0.08, Weight: 1, N: 99}, {Model: forecast.Combination, Horizon: 3, WAPE: 0.08, Weight: 1, N: 99}},
			Events:   []policy.Event{{ID: "1", Type: "game", Name: "Celtics at Knicks", Start: at(19, 0), End: at(21, 30)}},
		}},
		Hosts: []engine.HostStatus{{Host: engine.Host{Resource: "cpu", Limit: 80}, Sample: policy.Sample{Value: 41.3, Time: at(18, 25), Quality: policy.OK}, Predicted: math.NaN()}},
	}
	return func() *engine.Snapshot { return snap }
}

func TestExplainAsksAnAdapter(t *testing.T) {
	const fine = `{"status":"success","data":{"text":"nba: stays at 4 agents\n","pool":"nba","until":null}}`
	for name, tc := range map[string]struct {
		body  string
		args  []string
		asked string
		want  string // all of the output
		wrong string // the error
	}{
		"as text":      {fine, nil, "pool=nba", "nba: stays at 4 agents\n", ""},
		"as JSON":      {fine, []string{"--output", "json"}, "pool=nba", `{"text":"nba: stays at 4 agents\n","pool":"nba","until":null}` + "\n", ""},
		"the past":     {fine, []string{"--at", "2026-11-12 18:30"}, "at=2026-11-12+18%3A30&pool=nba", "nba: stays at 4 agents\n", ""},
		"another pool": {strings.Replace(fine, `"pool":"nba"`, `"pool":"nfl"`, 1), nil, "pool=nba", "", "does not answer like a scaling-adapter: it explains nothing"},
		"a list":       {`{"status":"success","data":[]}`, nil, "pool=nba", "", "does not answer like a scaling-adapter: json: cannot unmarshal array"},
		"no text":      {`{"status":"success","data":{"pool":"nba"}}`, nil, "pool=nba", "", "does not answer like a scaling-adapter: it explains nothing"},
		"no data":      {`{"status":"success"}`, nil, "pool=nba", "", "does not answer like a scaling-adapter: 200 OK"},
		"an error":     {`{"status":"error","error":"it rains"}`, nil, "pool=nba", "", "says: it rains"},
		"no status":    {`{"data":{"pool":"nba","text":"x"}}`, nil, "pool=nba", "", "does not answer like a scaling-adapter: 200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, want := r.URL.String(), "/api/v1/explain?"+tc.asked; got != want {
					t.Errorf("asked %s, want %s", got, want)
				}
				fmt.Fprint(w, tc.body)
			}))
			defer server.Close()
			var stdout, stderr bytes.Buffer
			status := execute(t.Context(), append([]string{"explain", "nba", "--address", server.URL}, tc.args...), output{&stdout, &stderr})
			if want := map[bool]int{true: exitOK, false: exitProblems}[tc.wrong == ""]; status != want || stdout.String() != tc.want || !strings.Contains(stderr.String(), tc.wrong) {
				t.Errorf("status %d, stdout %q, stderr %q; want %d, %q and the error %q", status, stdout.String(), stderr.String(), want, tc.want, tc.wrong)
			}
		})
	}
}

// unscraped is a Prometheus that has never scraped an adapter.
type unscraped struct{ engine.Source }

func (unscraped) RangeAll(context.Context, engine.Range, string) ([]engine.Labeled, error) {
	return nil, nil
}
