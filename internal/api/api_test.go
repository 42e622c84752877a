package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/forecast/footprint"
	"github.com/scaling-adapter/scaling-adapter/internal/api/apitest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// snapshot has pools with all that can be told about one.
func snapshot(names ...string) *engine.Snapshot {
	snap := &engine.Snapshot{
		Time:     now,
		Settings: &engine.Settings{Generation: 2, Hash: "abc", LoadedAt: now.Add(-time.Hour), Interval: 30 * time.Second, Step: 5 * time.Minute, MaxTotalAgents: 75, Enabled: true},
		Hosts: []engine.HostStatus{
			{Host: engine.Host{Resource: "cpu", Limit: 80}, Sample: policy.Sample{Value: 40, Time: now, Quality: policy.OK}, Predicted: 44,
				Footprints: []footprint.Footprint{{Pool: "mlb", High: 1.5}, {Pool: "nba", Known: true, PerAgent: 1, Low: 0.5, High: 1.25, Changes: 9}}},
			{Host: engine.Host{Resource: "memory", Limit: 70}, Sample: policy.Sample{Quality: policy.Error, Detail: "refused"}},
		},
		Degraded: []string{"host memory is error"},
	}
	history := forecast.Series{Start: now.Add(-30 * time.Hour), Step: 5 * time.Minute}
	for i := range 360 {
		y := 60 + 20*math.Sin(float64(i)/20)
		if i > 200 && i < 220 {
			y = math.NaN()
		}
		history.Values = append(history.Values, y)
	}
	f := forecast.Forecast{Model: "seasonal_naive_day", Start: now, Step: 5 * time.Minute, Levels: []float64{0.1, 0.5, 0.9}, Paths: [][]float64{{50, 51}, {60, 61}, {70, 72}}}
	for _, name := range names {
		d := policy.Decision{
			ID: name + "-1", Pool: name, Time: now, Mode: policy.Active, Current: 4, Desired: 6, Demand: 5.9, Unfulfilled: 2,
			Candidates: []policy.Candidate{{Source: "forecast", Load: 71, Agents: 5.9, Chosen: true}, {Source: "reactive", Load: math.NaN(), Dropped: "load is nan"}},
			Reasons:    []policy.Reason{{Code: policy.ReasonForecast, From: 4, To: 6, Rule: "evening", Detail: "expects <b>72</b>"}},
			Rules:      []string{"evening"},
		}
		held := d
		held.Time, held.Current, held.Reasons = now.Add(-time.Minute), 6, []policy.Reason{{Code: policy.ReasonTolerance, From: 6, To: 6, Detail: "held"}}
		snap.Pools = append(snap.Pools, engine.PoolStatus{
			Pool: policy.Pool{Name: name, Location: time.UTC, Agents: policy.Agents{Base: 4, Min: 2, Max: 20}, PerAgent: 12, Mode: policy.Active},
			Load: policy.Sample{Value: 63, Time: now, Quality: policy.OK}, Count: policy.Count{Agents: 4, Ready: 3, Known: true},
			Decision: d, Outcome: policy.Outcome{Result: policy.Failed, Err: errors.New("told to fail")},
			Pause:   policy.Pause{Start: now, End: now.Add(20 * time.Minute), Why: "HTTP 500"},
			Footing: engine.Footing{Rung: engine.RungHold, Since: now, Why: "HTTP 500"},
			History: engine.NewHistory(history), Forecast: f, Scores: []forecast.Score{{Model: "seasonal_naive_day", Horizon: 12, WAPE: 0.1, Bias: math.NaN(), Weight: 0.25, N: 5}}, Coverage: []forecast.Coverage{{Horizon: 12, Share: 0.75, Pinball: 0.02, N: 100}},
			Agents: []engine.AgentsPoint{{Time: now.Add(-time.Hour), Current: 3, Desired: 4}, {Time: now.Add(-time.Minute), Current: 4, Desired: 6}},
			Recent: []policy.Decision{d, held},
			Events: []policy.Event{
				{ID: "1", Type: "game", Name: "Celtics <at> Knicks", Start: now.Add(-time.Hour), End: now.Add(time.Hour), Source: "fixtures"},
				{ID: "2", Type: "game", Name: "Suns at Lakers", Start: now.Add(5 * time.Hour), End: now.Add(7 * time.Hour)},
			},
		})
	}
	return snap
}

// showing are options with which a snapshot is told.
func showing(snap *engine.Snapshot) Options {
	e := engine.New(engine.Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	if snap != nil {
		e.Apply(snap.Settings)
	}
	return Options{Snapshot: func() *engine.Snapshot { return snap }, Metrics: prometheus.NewRegistry(), Engine: e, Now: func() time.Time { return now }}
}

func get(t *testing.T, snap *engine.Snapshot, path string) (int, string) {
	t.Helper()
	h := apitest.Answers(New(showing(snap)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestAPIAnswers(t *testing.T) {
	snap := snapshot("nba", "nfl")
	snap.Pools[0].History = engine.NewHistory(forecast.Series{Start: now.Add(-15 * time.Minute), Step: 5 * time.Minute, Values: []float64{60, math.NaN(), 62.3}})
	for path, want := range map[string]string{
		"/api/v1/status": `{"status":"success","data":{"status":"degraded","degraded":["host memory is error"],"version":"","last_tick":"2026-11-24T12:00:00Z","generation":2,"config_hash":"abc","config_loaded_at":"2026-11-24T11:00:00Z","enabled":true,"pools":2,"max_total_agents":75,"hosts":[{"resource":"cpu","percent":40,"limit_percent":80,"quality":"ok","predicted_percent":44,"footprints":[{"pool":"mlb","known":false,"percent":0,"low":0,"high":1.5,"changes":0},{"pool":"nba","known":true,"percent":1,"low":0.5,"high":1.25,"changes":9}]},{"resource":"memory","percent":null,"limit_percent":70,"quality":"error","detail":"refused","predicted_percent":null,"footprints":[]}]}}`,
		"/api/v1/pools?pool=nba": `{"status":"success","data":[{"name":"nba","labels":{},"mode":"active","min":2,"max":20,"load_per_agent":12,"load":{"value":63,"time":"2026-11-24T12:00:00Z","quality":"ok"},"current":4,"ready":3,"unfulfilled":2,"paused_until":"2026-11-24T12:20:00Z","paused_why":"HTTP 500","desired":6,"demand":5.9,"why":"expects \u003cb\u003e72\u003c/b\u003e","outcome":"failed","error":"told to fail","model":"seasonal_naive_day","active_rules":["evening"],"events":[` +
			`{"id":"1","type":"game","name":"Celtics \u003cat\u003e Knicks","start":"2026-11-24T11:00:00Z","end":"2026-11-24T13:00:00Z","labels":{},"source":"fixtures"},` +
			`{"id":"2","type":"game","name":"Suns at Lakers","start":"2026-11-24T17:00:00Z","end":"2026-11-24T19:00:00Z","labels":{},"source":""}]}]}`,
		"/api/v1/decisions?pool=nfl&limit=1": `{"status":"success","data":[{"id":"nfl-1","pool":"nfl","time":"2026-11-24T12:00:00Z","mode":"active","current":4,"desired":6,"demand":5.9,"why":"expects \u003cb\u003e72\u003c/b\u003e",` +
			`"candidates":[{"source":"forecast","load":71,"agents":5.9,"chosen":true},{"source":"reactive","load":null,"agents":0,"chosen":false,"dropped":"load is nan"}],` +
			`"reasons":[{"code":"forecast","from":4,"to":6,"rule":"evening","detail":"expects \u003cb\u003e72\u003c/b\u003e"}],"active_rules":["evening"]}]}`,
		"/api/v1/forecast?pool=nba": `{"status":"success","data":[{"pool":"nba","model":"seasonal_naive_day","location":"UTC","measured":{"start":"2026-11-24T11:45:00Z","step_seconds":300,"loads":[60,null,62.3]},"start":"2026-11-24T12:00:00Z","step_seconds":300,"quantiles":[0.1,0.5,0.9],"loads":[[50,51],[60,61],[70,72]],"scores":[{"model":"seasonal_naive_day","horizon_seconds":3600,"wape":0.1,"bias":null,"weight":0.25,"forecasts":5}],"interval_coverage":[{"horizon_seconds":3600,"share":0.75,"pinball":0.02,"values":100}],"events":[` +
			`{"id":"1","type":"game","name":"Celtics \u003cat\u003e Knicks","start":"2026-11-24T11:00:00Z","end":"2026-11-24T13:00:00Z","labels":{},"source":"fixtures"}],"effects":[]}]}`,
	} {
		code, got := get(t, snap, path)
		if diff := cmp.Diff(want, strings.TrimSpace(got)); code != 200 || diff != "" {
			t.Errorf("%s: got %d (-want +got):\n%s", path, code, diff)
		}
	}
}

func TestAPIBeforeTheFirstTickAndBadRequests(t *testing.T) {
	for _, tc := range []struct {
		snap *engine.Snapshot
		path string
		code int
		want string
	}{
		{nil, "/-/healthy", 200, "healthy"},
		{nil, "/-/ready", 503, "has not taken its first tick"},
		{snapshot("nba"), "/-/ready", 200, "degraded: host memory is error"},
		{nil, "/api/v1/status", 200, `"status":"starting"`},
		{nil, "/api/v1/pools", 200, `"data":[]`},
		{nil, "/api/v1/decisions", 200, `"data":[]`},
		{nil, "/api/v1/forecast", 200, `"data":[]`},
		{nil, "/", 200, "waiting for the first tick"},
		{nil, "/api/v1/pools?pool=nba", 404, `no pool \"nba\"`},
		{snapshot("nba"), "/api/v1/forecast?pool=x", 404, `no pool \"x\"`},
		{snapshot("nba"), "/pools/x", 404, `no pool &#34;x&#34;; known are nba`},
		{nil, "/pools/nba", 404, `no pool &#34;nba&#34;; the adapter has not taken its first tick`},
		{nil, "/configuration", 200, "waiting for the first tick"},
		{snapshot("nba"), "/api/v1/decisions?limit=-1", 400, "limit must be a whole number above 0"},
		{snapshot("nba"), "/nothing", 404, "not found"},
	} {
		code, got := get(t, tc.snap, tc.path)
		if code != tc.code || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %d %s, want %d with %q", tc.path, code, got, tc.code, tc.want)
		}
	}
}

func TestDecisionsAreMergedNewestFirst(t *testing.T) {
	_, got := get(t, snapshot("nba", "nfl"), "/api/v1/decisions?limit=3")
	var answer struct{ Data []struct{ Pool, Why string } }
	if err := json.Unmarshal([]byte(got), &answer); err != nil {
		t.Fatal(err)
	}
	want := []struct{ Pool, Why string }{{"nba", "expects <b>72</b>"}, {"nfl", "expects <b>72</b>"}, {"nba", "held"}}
	if diff := cmp.Diff(want, answer.Data); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestReloadAnswersAndIsNotForOtherSites(t *testing.T) {
	var reloads int
	result := error(nil)
	h := New(Options{Snapshot: func() *engine.Snapshot { return nil }, Metrics: prometheus.NewRegistry(), Reload: func() error { reloads++; return result }})
	ask := func(method, origin string) (int, string) {
		r := httptest.NewRequest(method, "http://127.0.0.1/-/reload", nil)
		r.RemoteAddr = "127.0.0.1:41472"
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, _ := ask("POST", ""); code != 200 || reloads != 1 {
		t.Errorf("got %d after %d reloads", code, reloads)
	}
	result = errors.New("r.yml:1:1: unknown key")
	if code, text := ask("POST", ""); code != 400 || !strings.Contains(text, "r.yml:1:1: unknown key") {
		t.Errorf("a bad file: got %d %s", code, text)
	}
	if code, _ := ask("GET", ""); code != 405 || reloads != 2 {
		t.Errorf("GET: got %d after %d reloads", code, reloads)
	}
	if code, _ := ask("POST", "http://evil.example"); code != 403 || reloads != 2 {
		t.Errorf("another site: got %d after %d reloads", code, reloads)
	}
}

// P30: from other machines only those reload who may give orders.
func TestReloadIsForThoseWhoMay(t *testing.T) {
	refused := func(*http.Request) (string, error) { return "", errors.New("orders need basic authentication") }
	for _, tc := range []struct {
		name, remote string
		control      func(*http.Request) (string, error)
		code         int
		says, audit  string
	}{
		{"this machine", "127.0.0.1:1", nil, 200, "reloaded", `level=INFO msg=reloaded user="" remote=127.0.0.1:1`},
		{"this machine, IPv6", "[::1]:1", nil, 200, "reloaded", `msg=reloaded`},
		{"another machine", "192.0.2.1:1", nil, 403, "with --web.enable-control-api only; or send SIGHUP", `level=WARN msg="reload refused" user="" remote=192.0.2.1:1 err="from other machines`},
		{"nobody knows where", "", nil, 403, "with --web.enable-control-api only", `msg="reload refused"`},
		{"another machine that may", "192.0.2.1:1", func(*http.Request) (string, error) { return "anna", nil }, 200, "reloaded", `msg=reloaded user=anna remote=192.0.2.1:1`},
		{"this machine, which may not", "127.0.0.1:1", refused, 403, "orders need basic authentication", `msg="reload refused"`},
	} {
		reloads := 0
		var log bytes.Buffer
		h := New(Options{
			Metrics: prometheus.NewRegistry(), Control: tc.control, Reload: func() error { reloads++; return nil },
			Audit: slog.New(slog.NewTextHandler(&log, nil)),
		})
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/-/reload", nil)
		r.RemoteAddr = tc.remote
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.code || !strings.Contains(w.Body.String(), tc.says) || (reloads == 1) != (tc.code == 200) {
			t.Errorf("%s: got %d %s after %d reloads", tc.name, w.Code, w.Body, reloads)
		}
		if !strings.Contains(log.String(), tc.audit) {
			t.Errorf("%s: the audit says %s, want %s", tc.name, log.String(), tc.audit)
		}
	}
}
