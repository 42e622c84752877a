package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/api/apitest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// world is a load that never changes, and an orchestrator that obeys.
type world struct {
	load   float64
	refuse bool

	mu     sync.Mutex // held while a tick uses agents, for it calls for many pools at once
	agents map[string]int
}

func (w *world) Sample(_ context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	for i := range out {
		out[i] = policy.Sample{Value: w.load, Time: now, Quality: policy.OK}
	}
	return out
}

func (w *world) Range(_ context.Context, r engine.Range, signals []policy.Signal) ([]forecast.Series, error) {
	out := make([]forecast.Series, len(signals))
	for i := range out {
		out[i] = forecast.Series{Start: r.Start, Step: r.Step}
		for t := r.Start; !t.After(r.End); t = t.Add(r.Step) {
			out[i].Values = append(out[i].Values, w.load)
		}
	}
	return out, nil
}

func (w *world) RangeAll(context.Context, engine.Range, string) ([]engine.Labeled, error) {
	return nil, errors.New("no expressions")
}

func (w *world) Current(_ context.Context, pool string) policy.Count {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.agents[pool]
	return policy.Count{Agents: n, Ready: n, Known: ok}
}

func (w *world) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	if w.refuse {
		return policy.Outcome{Result: policy.Failed, Err: errors.New("HTTP 500")}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.agents[d.Pool] = d.Desired
	return policy.Outcome{Result: policy.Accepted}
}

// desk is an adapter that takes orders, with a clock that stands still unless it is
// moved.
type desk struct {
	handler http.Handler
	engine  *engine.Engine
	world   *world
	now     time.Time
	user    string // whom the listener knows
	log     bytes.Buffer
}

// newDesk has the pools nba and nfl, which need ten agents each, twice as many during
// breaking news.
func newDesk(tb testing.TB) *desk {
	tb.Helper()
	d := &desk{now: now, user: "desk-user", world: &world{load: 100, agents: map[string]int{"nba": 10, "nfl": 10}}}
	logger := slog.New(slog.NewTextHandler(&d.log, nil))
	d.engine = engine.New(engine.Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	set := &engine.Settings{
		Interval: 30 * time.Second, Step: 5 * time.Minute, History: 24 * time.Hour, Horizon: time.Hour, RefitEvery: time.Hour,
		MaxTotalAgents: 60, Enabled: true, Source: d.world, Actuator: d.world,
		Events: []policy.Event{{ID: "fixtures/1/20261124T170000Z", Type: "game", Name: "Suns at Lakers", Labels: map[string]string{"league": "nba"}, Start: now.Add(5 * time.Hour), End: now.Add(7 * time.Hour), Source: "fixtures"}},
	}
	for _, name := range []string{"nba", "nfl"} {
		set.Pools = append(set.Pools, engine.Pool{Policy: policy.Policy{
			Pool: policy.Pool{
				Name: name, Labels: map[string]string{"league": name}, Location: time.UTC, Agents: policy.Agents{Base: 10, Min: 2, Max: 40},
				PerAgent: 10, LeadTime: time.Minute, Quantile: 0.5, Sensitivity: 1, Weight: 1, Mode: policy.Active, ForecastMaxAge: time.Hour, FailurePause: 30 * time.Minute,
				Behavior: policy.Behavior{ScaleUp: policy.ScalingRules{Tolerance: 0.1}, ScaleDown: policy.ScalingRules{Tolerance: 0.1}},
			},
			Rules: []policy.Rule{{Name: "news", When: policy.Condition{Events: []policy.EventMatch{{Type: "breaking_news"}}}, Demand: &policy.DemandEffect{Multiply: 2}}, {Name: "queue", When: policy.Condition{Events: []policy.EventMatch{{Type: policy.ExprType + "queue > 300"}}}, Hold: policy.HoldDown}},
		}, Load: policy.Signal{Query: "load"}})
	}
	d.engine.Apply(set)
	check := apitest.Calls
	if strings.HasPrefix(tb.Name(), "Fuzz") {
		check = apitest.Answers // Go takes JSON that no schema would
	}
	d.handler = check(New(Options{
		Snapshot: d.engine.Snapshot, Metrics: prometheus.NewRegistry(), Engine: d.engine, Audit: logger,
		Now:     func() time.Time { return d.now },
		Control: func(*http.Request) (string, error) { return d.user, nil },
	}))
	return d
}

func (d *desk) send(method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// must sends what is to succeed and returns the data of the answer.
func (d *desk) must(t *testing.T, method, path, body string) string {
	t.Helper()
	code, text := d.send(method, path, body)
	var answer struct {
		Status string
		Data   json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &answer); code != http.StatusOK || err != nil || answer.Status != "success" {
		t.Fatalf("%s %s %s: got %d %s", method, path, body, code, text)
	}
	return string(answer.Data)
}

// tick lets half a minute go by.
func (d *desk) tick(t *testing.T) {
	t.Helper()
	d.engine.Tick(t.Context(), d.now)
	d.now = d.now.Add(30 * time.Second)
}

// state is all that orders change.
func (d *desk) state() string {
	return fmt.Sprintf("%+v %+v", d.engine.Overrides(d.now.Add(-time.Hour)), d.engine.Events())
}

func TestOverridesAreTold(t *testing.T) {
	const who = `"author":"anna","reason":"finals"`
	const said = `"author":"anna","reason":"finals","start":"2026-11-24T12:00:00Z",`
	for _, tc := range []struct{ name, body, want string }{
		{"exact, for the default", `{"exact":12,` + who + `}`, `"min":12,"max":12,"hold":false,"disable":false,` + said + `"end":"2026-11-24T13:00:00Z","active":true,"remaining_seconds":3600,`},
		{"min", `{"min":3,"duration":"2h",` + who + `}`, `"min":3,"max":null,"hold":false,"disable":false,` + said + `"end":"2026-11-24T14:00:00Z",`},
		{"max of none", `{"max":0,` + who + `}`, `"min":null,"max":0,`},
		{"both", `{"min":3,"max":5,"duration":"1d",` + who + `}`, `"min":3,"max":5,"hold":false,"disable":false,` + said + `"end":"2026-11-25T12:00:00Z",`},
		{"hold", `{"hold":true,"end":"2026-11-24T07:30:00-05:00",` + who + `}`, `"min":null,"max":null,"hold":true,"disable":false,` + said + `"end":"2026-11-24T12:30:00Z",`},
		{"disable", `{"disable":true,` + who + `}`, `"hold":false,"disable":true,`},
		{"later", `{"min":3,"start":"2026-11-24T18:00:00Z","duration":"90m",` + who + `}`, `"start":"2026-11-24T18:00:00Z","end":"2026-11-24T19:30:00Z","active":false,"remaining_seconds":27000,"source":"api","replaced":[],"warnings":[]}`},
		{"a start that is over is now", `{"min":3,"start":"2026-11-24T11:00:00Z","end":"2026-11-25T12:00:00Z",` + who + `}`, said + `"end":"2026-11-25T12:00:00Z",`},
		{"a start that is over, for a duration", `{"min":3,"start":"2026-11-24T11:00:00Z","duration":"90m",` + who + `}`, said + `"end":"2026-11-24T12:30:00Z",`},
		{"more than all pools may have", `{"min":70,` + who + `}`, `"warnings":["all pools together have at most 60 agents"]}`},
		{"spaces around", `{"min":3,"author":" anna ","reason":"finals\t"}`, said},
	} {
		d := newDesk(t)
		if got := d.must(t, "PUT", "/api/v1/overrides/nba", tc.body); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got\n%s, want\n%s", tc.name, got, tc.want)
		}
		if got := d.must(t, "GET", "/api/v1/overrides?pool=nba", ""); !strings.HasPrefix(got, `[{"id":"nba-20261124T120000Z","pool":"nba",`) {
			t.Errorf("%s: listed as %s", tc.name, got)
		}
		if got := d.must(t, "GET", "/api/v1/overrides?pool=nfl", ""); got != "[]" {
			t.Errorf("%s: another pool has %s", tc.name, got)
		}
	}
}

func TestOverridesAreRefused(t *testing.T) {
	const who = `"author":"anna","reason":"finals"`
	long := strings.Repeat("x", 501)
	for _, tc := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"nothing", `{` + who + `}`, 400, "nothing is ordered; give min, max, exact, hold, disable or mode"},
		{"no mode", `{"mode":"off",` + who + `}`, 400, `mode must be dry_run, scale_up_only or active, got "off"`},
		{"disable and mode", `{"disable":true,"mode":"active",` + who + `}`, 400, "disable and mode do not go together"},
		{"number for a mode", `{"mode":1,` + who + `}`, 400, "mode: expected text, got a JSON number"},
		{"no author", `{"min":3,"reason":"r"}`, 400, "author is missing; say who orders this"},
		{"no reason", `{"min":3,"author":"a","reason":"  "}`, 400, "reason is missing; say why"},
		{"all that is wrong", `{"min":5,"max":3,"duration":"25h"}`, 400, "author is missing; say who orders this; reason is missing; say why, for those who find the override at work; min 5 > max 3; the override would last 1d1h, more than the 1d that are allowed"},
		{"min over max", `{"min":5,"max":3,` + who + `}`, 400, "min 5 > max 3"},
		{"exact with min", `{"exact":5,"min":3,` + who + `}`, 400, "min or max and exact do not go together; give one of them"},
		{"hold and disable", `{"hold":true,"disable":true,` + who + `}`, 400, "hold and disable do not go together"},
		{"negative", `{"min":-1,` + who + `}`, 400, "min must be between 0 and 1048576 agents, got -1"},
		{"too many", `{"exact":1000000000000000000,` + who + `}`, 400, "exact must be between 0 and 1048576 agents, got 1000000000000000000"},
		{"more than an int", `{"exact":1e19,` + who + `}`, 400, "exact: expected a whole number, got a JSON number 1e19"},
		{"a fraction", `{"max":2.5,` + who + `}`, 400, "max: expected a whole number, got a JSON number 2.5"},
		{"text", `{"max":"3",` + who + `}`, 400, "max: expected a whole number, got a JSON string"},
		{"NaN", `{"max":NaN,` + who + `}`, 400, "not what was expected: invalid character 'N'"},
		{"number for text", `{"max":3,"author":7}`, 400, "author: expected text, got a JSON number"},
		{"text for a switch", `{"hold":"yes",` + who + `}`, 400, "hold: expected true or false, got a JSON string"},
		{"too long", `{"min":3,"duration":"24h1s",` + who + `}`, 400, "the override would last 1d1s, more than the 1d that are allowed"},
		{"for ever", `{"min":3,"duration":"292y",` + who + `}`, 400, "more than the 1d that are allowed"},
		{"longer than ever", `{"min":3,"duration":"9999y",` + who + `}`, 400, `duration "9999y" is not one above 0 such as 90m or 2h`},
		{"no time", `{"min":3,"duration":"0s",` + who + `}`, 400, `duration "0s" is not one above 0`},
		{"negative time", `{"min":3,"duration":"-1h",` + who + `}`, 400, `duration "-1h" is not one above 0`},
		{"two ends", `{"min":3,"duration":"1h","end":"2026-11-24T13:00:00Z",` + who + `}`, 400, "duration and end are both there; send one of them"},
		{"end before start", `{"min":3,"start":"2026-11-24T14:00:00Z","end":"2026-11-24T13:00:00Z",` + who + `}`, 400, "end 2026-11-24T13:00:00Z is not after start 2026-11-24T14:00:00Z"},
		{"end now", `{"min":3,"end":"2026-11-24T12:00:00Z",` + who + `}`, 400, "end 2026-11-24T12:00:00Z is not after start 2026-11-24T12:00:00Z"},
		{"over already", `{"min":3,"start":"2026-11-24T10:00:00Z","end":"2026-11-24T11:00:00Z",` + who + `}`, 400, "end 2026-11-24T11:00:00Z is over; it is 2026-11-24T12:00:00Z now"},
		{"end is no time", `{"min":3,"end":"18:00",` + who + `}`, 400, `end "18:00" is not a time such as 2026-11-12T18:30:00Z`},
		{"start is no time", `{"min":3,"start":"tomorrow",` + who + `}`, 400, `start "tomorrow" is not a time`},
		{"too far ahead", `{"min":3,"start":"2027-11-24T12:00:00Z",` + who + `}`, 400, "start 2027-11-24T12:00:00Z is more than 31d ahead"},
		{"long reason", `{"min":3,"author":"a","reason":"` + long + `"}`, 400, "reason has more than 500 characters"},
		{"escape sequence", `{"min":3,"author":"a\u001b[2J","reason":"r"}`, 400, "author holds characters that cannot be printed"},
		{"unknown field", `{"min":3,"minimum":4,` + who + `}`, 400, `unknown field "minimum"`},
		{"trailing data", `{"min":3,` + who + `} {}`, 400, "more than one JSON value; send one"},
		{"trailing garbage", `{"min":3,` + who + `}]`, 400, "not what was expected: invalid character ']'"},
		{"half", `{"min":3`, 400, "not what was expected: unexpected EOF"},
		{"a list", `[]`, 400, "the body: expected an object, got a JSON array"},
		{"too big", `{"reason":"` + strings.Repeat("x", 65<<10) + `"}`, 413, "the body has more than 65536 bytes"},
	} {
		d := newDesk(t)
		before := d.state()
		code, got := d.send("PUT", "/api/v1/overrides/nba", tc.body)
		var answer struct{ Status, Error string }
		if err := json.Unmarshal([]byte(got), &answer); err != nil || code != tc.code || answer.Status != "error" || !strings.Contains(answer.Error, tc.want) {
			t.Errorf("%s: got %d %s, want %d with %q", tc.name, code, got, tc.code, tc.want)
		}
		if d.state() != before {
			t.Errorf("%s: what was refused changed something: %s", tc.name, d.state())
		}
	}
}

// A field that is wrong is named as it was sent.
func TestRefusalsNameTheField(t *testing.T) {
	d := newDesk(t)
	for path, body := range map[string]string{"/api/v1/overrides/nba": `{"max":3,"start":7}`, "/api/v1/events": `{"type":"game","start":7}`} {
		method := map[bool]string{true: "PUT", false: "POST"}[strings.Contains(path, "overrides")]
		if code, got := d.send(method, path, body); code != 400 || got != `{"status":"error","error":"start: expected text, got a JSON number"}` {
			t.Errorf("%s: got %d %s", path, code, got)
		}
	}
}

func TestOverridesReplaceAndEnd(t *testing.T) {
	d := newDesk(t)
	d.must(t, "PUT", "/api/v1/overrides/nba", `{"exact":12,"author":"anna","reason":"finals"}`)
	d.now = d.now.Add(time.Minute)
	if got := d.must(t, "PUT", "/api/v1/overrides/nba", `{"hold":true,"author":"bob","reason":"repair"}`); !strings.Contains(got, `"replaced":[{"id":"nba-20261124T120000Z","pool":"nba","min":12,`) {
		t.Errorf("replaced: %s", got)
	}
	for _, tc := range []struct {
		path string
		code int
		want string
	}{
		{"/api/v1/overrides/nfl", 404, `pool \"nfl\" has no override`},
		{"/api/v1/overrides/mlb", 404, `no pool \"mlb\"; known are nba, nfl`},
		{"/api/v1/overrides/nba?author=%1b", 400, "author holds characters that cannot be printed"},
		{"/api/v1/overrides/nba?author=carl", 200, `"hold":true`},
		{"/api/v1/overrides/nba", 404, `pool \"nba\" has no override`},
	} {
		if code, got := d.send("DELETE", tc.path, ""); code != tc.code || !strings.Contains(got, tc.want) {
			t.Errorf("DELETE %s: got %d %s, want %d with %s", tc.path, code, got, tc.code, tc.want)
		}
	}
	if code, got := d.send("PUT", "/api/v1/overrides/mlb", `{"hold":true,"author":"bob","reason":"repair"}`); code != 404 || !strings.Contains(got, "known are nba, nfl") {
		t.Errorf("another pool: got %d %s", code, got)
	}
	if code, got := d.send("GET", "/api/v1/overrides?pool=mlb", ""); code != 404 || !strings.Contains(got, "known are nba, nfl") {
		t.Errorf("overrides of another pool: got %d %s", code, got)
	}
	for _, want := range []string{
		`msg="override set" author=anna user=desk-user remote=192.0.2.1:1234 before=none after="exactly 12 from 2026-11-24T12:00:00Z until 2026-11-24T13:00:00Z by anna: finals" pool=nba override=nba-20261124T120000Z`,
		`msg="override set" author=bob user=desk-user remote=192.0.2.1:1234 before="exactly 12 from 2026-11-24T12:00:00Z until 2026-11-24T13:00:00Z by anna: finals" after="hold from 2026-11-24T12:01:00Z until 2026-11-24T13:01:00Z by bob: repair" pool=nba override=nba-20261124T120100Z`,
		`msg="override ended" author=carl user=desk-user remote=192.0.2.1:1234 before="hold from 2026-11-24T12:01:00Z until 2026-11-24T13:01:00Z by bob: repair" after=none pool=nba override=nba-20261124T120100Z`,
	} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("the log lacks\n%s\nin\n%s", want, d.log.String())
		}
	}
	if n := strings.Count(d.log.String(), "\n"); n != 3 {
		t.Errorf("%d lines are logged, want 3", n)
	}
}

func TestOverridesOfTheConfigurationStay(t *testing.T) {
	d := newDesk(t)
	five := 5
	set := *d.engine.Settings()
	set.Overrides = []policy.Override{{ID: "c", Pool: "nba", Max: &five, Author: "ops", Reason: "contract", Start: now.Add(-time.Hour), End: now.Add(time.Hour)}}
	set.Pools[0].Pool.Mode, set.Pools[1].Pool.Mode = policy.DryRun, policy.ScaleUpOnly
	d.engine.Apply(&set)
	if code, got := d.send("DELETE", "/api/v1/overrides/nba", ""); code != 409 || !strings.Contains(got, `the override of pool \"nba\" is in the configuration; take it out there and reload`) {
		t.Errorf("got %d %s", code, got)
	}
	got := d.must(t, "PUT", "/api/v1/overrides/nba", `{"exact":7,"author":"anna","reason":"finals"}`)
	if want := `"replaced":[],"warnings":["pool nba is in mode dry_run: nothing is asked of the orchestrator"]`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	got = d.must(t, "PUT", "/api/v1/overrides/nfl", `{"max":7,"author":"anna","reason":"finals"}`)
	if want := `"warnings":["pool nfl is in mode scale_up_only: it is not lowered"]`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := d.must(t, "GET", "/api/v1/overrides?pool=nba", ""); !strings.Contains(got, `"source":"configuration"}`) || !strings.Contains(got, `"source":"api"}`) {
		t.Errorf("listed: %s", got)
	}
	d.must(t, "DELETE", "/api/v1/overrides/nba", "")
	set.Enabled = false
	d.engine.Apply(&set)
	if got := d.must(t, "PUT", "/api/v1/overrides/nba", `{"exact":7,"author":"anna","reason":"finals"}`); !strings.Contains(got, "scaling is switched off") {
		t.Errorf("got %s", got)
	}
}

// I3: an override holds exactly from the next tick on, and from the instant of its
// end on not at all.
func TestOverridesHoldExactlyUntilTheirEnd(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	d.must(t, "PUT", "/api/v1/overrides/nba", `{"exact":17,"author":"anna","reason":"finals","duration":"2m"}`)
	end := d.now.Add(2 * time.Minute)
	var got []int
	for !d.now.After(end.Add(30 * time.Second)) {
		d.tick(t)
		got = append(got, d.world.agents["nba"])
	}
	if diff := cmp.Diff([]int{17, 17, 17, 17, 10, 10}, got); diff != "" {
		t.Errorf("agents (-want +got):\n%s", diff)
	}
	if got := d.must(t, "GET", "/api/v1/overrides", ""); got != "[]" {
		t.Errorf("listed after its end: %s", got)
	}
}

func TestOptionsSayHowLongOverridesLast(t *testing.T) {
	d := newDesk(t)
	d.handler = New(Options{
		Metrics: prometheus.NewRegistry(), Engine: d.engine, Audit: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now },
		Control:         func(*http.Request) (string, error) { return "", nil },
		DefaultOverride: 10 * time.Minute, LongestOverride: 20 * time.Minute,
	})
	if got := d.must(t, "PUT", "/api/v1/overrides/nba", `{"hold":true,"author":"a","reason":"r"}`); !strings.Contains(got, `"end":"2026-11-24T12:10:00Z"`) {
		t.Errorf("got %s", got)
	}
	if code, got := d.send("PUT", "/api/v1/overrides/nba", `{"hold":true,"author":"a","reason":"r","duration":"21m"}`); code != 400 || !strings.Contains(got, "more than the 20m that are allowed") {
		t.Errorf("got %d %s", code, got)
	}
}

// writes are all requests that change something.
var writes = []struct{ method, path, body string }{
	{"PUT", "/api/v1/overrides/nba", `{"exact":12,"author":"anna","reason":"finals"}`},
	{"DELETE", "/api/v1/overrides/nba", ""},
	{"POST", "/api/v1/events", `{"id":"e","type":"breaking_news","duration":"1h"}`},
	{"DELETE", "/api/v1/events/e", ""},
	{"POST", "/api/v1/events/alertmanager", `{"version":"4","alerts":[]}`},
}

// P29, P30: nothing is changed for those who may not, and for pages of other sites.
func TestWritingIsForThoseWhoMay(t *testing.T) {
	for _, tc := range []struct {
		name    string
		control func(*http.Request) (string, error)
		origin  string
		code    int
		want    string
	}{
		{"off", nil, "", 403, "orders are not taken; scaling-adapter run takes them with --web.enable-control-api"},
		{"refused", func(*http.Request) (string, error) { return "", errors.New("who are you?") }, "", 403, "who are you?"},
		{"another site", func(*http.Request) (string, error) { return "", nil }, "http://evil.example", 403, "cross-origin"},
		{"allowed", func(*http.Request) (string, error) { return "", nil }, "", 200, "success"},
	} {
		d := newDesk(t)
		d.handler = New(Options{Metrics: prometheus.NewRegistry(), Engine: d.engine, Audit: slog.New(slog.NewTextHandler(&d.log, nil)), Now: func() time.Time { return d.now }, Control: tc.control})
		before := d.state()
		for _, w := range writes {
			r := httptest.NewRequest(w.method, "http://127.0.0.1"+w.path, strings.NewReader(w.body))
			r.Header.Set("Content-Type", "application/json")
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			rec := httptest.NewRecorder()
			d.handler.ServeHTTP(rec, r)
			if rec.Code != tc.code || !strings.Contains(rec.Body.String(), tc.want) {
				t.Errorf("%s: %s %s: got %d %s, want %d with %q", tc.name, w.method, w.path, rec.Code, rec.Body, tc.code, tc.want)
			}
		}
		if told := strings.Count(d.log.String(), `msg="order refused" user="" remote=192.0.2.1:1234 order="PUT /api/v1/overrides/nba" err="who are you?"`); (told == 1) != (tc.name == "refused") {
			t.Errorf("%s: the audit says %s", tc.name, d.log.String())
		}
		if tc.code != 200 && d.state() != before {
			t.Errorf("%s: something changed: %s", tc.name, d.state())
		}
	}
}

// A form of another site cannot be told from a plain request but by its type.
func TestWritingTakesJSONOnly(t *testing.T) {
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-patch+json", ";"} {
		d := newDesk(t)
		for _, w := range writes {
			if w.body == "" {
				continue
			}
			r := httptest.NewRequest(w.method, "http://127.0.0.1"+w.path, strings.NewReader(w.body))
			r.Header.Set("Content-Type", kind)
			rec := httptest.NewRecorder()
			d.handler.ServeHTTP(rec, r)
			if rec.Code != http.StatusUnsupportedMediaType || !strings.Contains(rec.Body.String(), "Content-Type: application/json") {
				t.Errorf("%q: %s %s: got %d %s", kind, w.method, w.path, rec.Code, rec.Body)
			}
		}
	}
	d := newDesk(t)
	r := httptest.NewRequest(http.MethodPut, "http://127.0.0.1/api/v1/overrides/nba", strings.NewReader(writes[0].body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	rec := httptest.NewRecorder()
	if d.handler.ServeHTTP(rec, r); rec.Code != http.StatusOK {
		t.Errorf("with a charset: got %d %s", rec.Code, rec.Body)
	}
}

// pauseNBA makes a scaling of the pool nba fail.
func (d *desk) pauseNBA(t *testing.T) {
	t.Helper()
	set := *d.engine.Settings()
	set.Overrides = nil
	d.engine.Apply(&set)
	d.world.agents["nba"], d.world.refuse = 5, true
	d.tick(t)
	d.world.refuse = false
	if p := d.engine.Snapshot().Pools[0]; p.Pause.Why == "" {
		t.Fatalf("nba is not paused: %+v", p.Decision.Reasons)
	}
}

// A pool that could not be scaled is scaled again as soon as somebody says so.
func TestAPauseIsEnded(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	d.pauseNBA(t)
	d.tick(t)
	if got := d.world.agents["nba"]; got != 5 {
		t.Fatalf("%d agents during the pause", got)
	}
	got := d.must(t, "DELETE", "/api/v1/pauses/nba?author=anna", "")
	if !strings.Contains(got, `"pool":"nba"`) || !strings.Contains(got, `"why":"scaling from 5 to 10 failed: HTTP 500"`) {
		t.Errorf("got %s", got)
	}
	d.tick(t)
	if got := d.world.agents["nba"]; got != 10 {
		t.Errorf("%d agents after the pause, want 10", got)
	}
	if code, got := d.send("DELETE", "/api/v1/pauses/nba", ""); code != 404 || !strings.Contains(got, `pool \"nba\" is not paused`) {
		t.Errorf("once more: %d %s", code, got)
	}
	if log := d.log.String(); !strings.Contains(log, "pool resumed") || !strings.Contains(log, "author=anna") || !strings.Contains(log, "before=\"paused until 2026-11-24T12:3") {
		t.Errorf("the log does not tell it:\n%s", log)
	}
}
