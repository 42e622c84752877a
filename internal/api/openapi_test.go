package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pb33f/libopenapi/datamodel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/api/apitest"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func documented(t *testing.T) *apitest.Document {
	t.Helper()
	d, err := apitest.Fetch(t.Context(), newDesk(t).handler)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// each calls do with every operation of the document, by path and method.
func each(d *apitest.Document, do func(method, path string, o apitest.Operation)) {
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			do(strings.ToUpper(method), path, d.Paths[path][method])
		}
	}
}

// literals returns what the first group of an expression matches in the package's code.
func literals(t *testing.T, expression string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(expression).FindAllSubmatch(code, -1) {
			found[string(match[1])] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestDocumentHasThePathsThatAreServed(t *testing.T) {
	d := documented(t)
	var paths, ids []string
	params := map[string]bool{}
	desk := newDesk(t)
	handler := New(Options{
		Snapshot: desk.engine.Snapshot, Reload: func() error { return nil }, Metrics: prometheus.NewRegistry(), Engine: desk.engine,
		Now: func() time.Time { return now }, Audit: slog.New(slog.DiscardHandler), Control: func(*http.Request) (string, error) { return "", nil },
	})
	each(d, func(method, path string, o apitest.Operation) {
		paths, ids = append(paths, method+" "+path), append(ids, o.ID)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+strings.NewReplacer("{pool}", "nba", "{id}", "e").Replace(path), nil))
		if text := w.Body.String(); w.Code == http.StatusMethodNotAllowed || strings.HasPrefix(text, "404 page not found") {
			t.Errorf("%s %s is in the document, but answered with %d %s", method, path, w.Code, text)
		}
		for _, p := range o.Parameters {
			if p.In == "query" {
				params[p.Name] = true
			}
		}
	})
	code := literals(t, `"((?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^"]*)"`)
	for i := range code {
		code[i] = strings.TrimSuffix(code[i], "{$}")
	}
	slices.Sort(code)
	slices.Sort(paths)
	if diff := cmp.Diff(code, paths); diff != "" {
		t.Errorf("paths (-code +document):\n%s", diff)
	}
	if diff := cmp.Diff(literals(t, `FormValue\("([^"]*)"\)`), slices.Sorted(maps.Keys(params))); diff != "" {
		t.Errorf("parameters (-code +document):\n%s", diff)
	}
	if slices.Sort(ids); len(slices.Compact(ids)) != len(paths) {
		t.Errorf("IDs are not unique: %v", ids)
	}
}

// fails is a store that cannot save.
type fails struct{}

func (fails) Save(engine.Change) error { return errors.New("disk full") }

// What the document says is answered, and nothing else: each operation with each
// status. The checks of the answers, and of the requests that succeed, are those of
// the handlers.
func TestAnswersAreThoseOfTheDocument(t *testing.T) {
	d := documented(t)
	seen := map[string]bool{}
	key := ""
	send := func(h http.Handler, code int, method, path, body string) {
		t.Helper()
		r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
		switch {
		case code == http.StatusUnsupportedMediaType:
			r.Header.Set("Content-Type", "text/plain")
		case body != "":
			r.Header.Set("Content-Type", "application/json")
		}
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != code {
			t.Errorf("%s %s %s: got %d %s, want %d", method, path, clip(body), w.Code, w.Body, code)
		}
		o, _, _ := d.Find(r)
		if later := w.Header().Get("Retry-After"); code == http.StatusServiceUnavailable && later == "" && strings.HasPrefix(path, "/api/") {
			t.Errorf("%s %s: got 503 without Retry-After", method, path)
		}
		seen[fmt.Sprintf("%s %d", o.ID, w.Code)] = true
	}
	of := func(o Options) http.Handler {
		o.Metrics, o.Audit, o.Now = prometheus.NewRegistry(), slog.New(slog.DiscardHandler), func() time.Time { return now }
		if o.Engine == nil {
			o.Engine = newDesk(t).engine
		}
		return apitest.Calls(New(o))
	}
	anybody := func(*http.Request) (string, error) { return "", nil }

	// Before the first tick.
	early := newDesk(t).handler
	for path, code := range map[string]int{
		"/": 200, "/configuration": 200, "/page.css": 200, "/page.js": 200, "/metrics": 200, "/-/healthy": 200, "/-/ready": 503, "/debug/goroutines": 200, "/api/v1/openapi.json": 200, "/api/v1/status": 200, "/api/v1/health": 200, "/api/v1/pools": 200, "/api/v1/decisions": 200,
		"/api/v1/forecast": 200, "/api/v1/explain?pool=nba": 503, "/api/v1/budgets": 200, "/api/v1/plan": 503, "/api/v1/rules": 503, "/api/v1/overrides": 200, "/api/v1/events": 200,
		"/api/v1/pools?pool=nba": 404,
	} {
		send(early, code, "GET", path, "")
	}
	send(early, 503, "POST", "/api/v1/evaluate", `{"pool":"nba"}`)
	send(early, 503, "GET", "/api/v1/report", "")

	// A snapshot with everything in it.
	snap := eventful(t)
	full := of(Options{
		Snapshot: func() *engine.Snapshot { return snap }, Reload: func() error { return nil }, Control: anybody,
		Explain: func(string, int) (engine.Explanation, error) {
			return engine.Explanation{Forecast: snap.Pools[0].Forecast, Measured: snap.Pools[0].History}, nil
		},
	})
	for path, code := range map[string]int{
		"/?pool=nba": 301, "/?from=1": 200, "/configuration?from=1": 200, "/pools/nba": 200, "/pools/nba?range=7d": 200, "/pools/x": 404, "/-/ready": 200, "/api/v1/status": 200, "/api/v1/health": 200, "/api/v1/pools": 200, "/api/v1/pools?pool=x": 404,
		"/api/v1/decisions?limit=1": 200, "/api/v1/decisions?limit=0": 400, "/api/v1/decisions?pool=x": 404,
		"/api/v1/forecast": 200, "/api/v1/forecast?pool=nba&parts=true": 200, "/api/v1/forecast?parts=true": 400, "/api/v1/forecast?pool=x": 404,
		"/api/v1/explain?pool=nba": 200, "/api/v1/explain?pool=nfl": 200, "/api/v1/explain?pool=nba&at=2026-11-23T12:00:00Z": 200, "/api/v1/explain": 400, "/api/v1/explain?pool=x": 404,
		"/api/v1/budgets": 200, "/api/v1/budgets?pool=x": 404, "/api/v1/rules": 200, "/api/v1/rules?pool=x": 404,
	} {
		send(full, code, "GET", path, "")
	}
	send(full, 200, "POST", "/-/reload", "")
	send(of(Options{Control: anybody, Reload: func() error { return errors.New("r.yml:1:1: unknown key") }}), 400, "POST", "/-/reload", "")

	// Orders.
	desk := newDesk(t)
	desk.tick(t)
	desk.tick(t) // half a minute after the first instant of plans
	const override = `{"exact":12,"author":"anna","reason":"finals"}`
	const event = `{"id":"e","type":"breaking_news","duration":"1h"}`
	long := `{"name":"` + strings.Repeat("x", mostNotification) + `"}`
	for _, order := range []struct {
		code               int
		method, path, body string
	}{
		{200, "GET", "/api/v1/plan?to=3h&step=15m&pool=nba", ""},
		{400, "GET", "/api/v1/plan?to=soon", ""},
		{200, "GET", "/api/v1/report?period=2h", ""},
		{400, "GET", "/api/v1/report?period=1m", ""},
		{404, "GET", "/api/v1/plan?pool=x", ""},
		{400, "GET", "/api/v1/plan?to=1s", ""},
		{200, "POST", "/api/v1/evaluate", `{"pool":"nba","load":150,"forecast":180,"agents":7,"override":{"mode":"dry_run","min":3}}`},
		{400, "POST", "/api/v1/evaluate", `{}`},
		{404, "POST", "/api/v1/evaluate", `{"pool":"x"}`},
		{413, "POST", "/api/v1/evaluate", long},
		{415, "POST", "/api/v1/evaluate", `{"pool":"nba"}`},
		{404, "GET", "/api/v1/overrides?pool=x", ""},
		{400, "PUT", "/api/v1/overrides/nba", `{}`},
		{404, "PUT", "/api/v1/overrides/x", override},
		{413, "PUT", "/api/v1/overrides/nba", long},
		{415, "PUT", "/api/v1/overrides/nba", override},
		{404, "DELETE", "/api/v1/overrides/nba", ""},
		{200, "PUT", "/api/v1/overrides/nba", override},
		{200, "PUT", "/api/v1/overrides/nba", `{"min":0,"max":1048576,"author":"anna","reason":"finals","start":"2026-11-24T18:00:00Z","end":"2026-11-24T19:00:00Z"}`},
		{200, "GET", "/api/v1/overrides?pool=nba", ""},
		{400, "DELETE", "/api/v1/overrides/nba?author=%07", ""},
		{200, "DELETE", "/api/v1/overrides/nba?author=anna", ""},
		{400, "GET", "/api/v1/events?upcoming=maybe", ""},
		{404, "GET", "/api/v1/events?pool=x", ""},
		{400, "POST", "/api/v1/events", `{}`},
		{413, "POST", "/api/v1/events", long},
		{415, "POST", "/api/v1/events", event},
		{200, "POST", "/api/v1/events", event},
		{200, "POST", "/api/v1/events", `{"type":"other","name":"n","labels":{"league":"nba"},"author":"anna","start":"2026-11-24T18:00:00Z","end":"2026-11-24T19:00:00Z"}`},
		{200, "GET", "/api/v1/events?pool=nba&type=breaking_news&upcoming=true", ""},
		{400, "DELETE", "/api/v1/events/e?author=%07", ""},
		{200, "DELETE", "/api/v1/events/e?author=anna", ""},
		{409, "DELETE", "/api/v1/events/fixtures%2F1%2F20261124T170000Z", ""},
		{404, "DELETE", "/api/v1/events/x", ""},
		{400, "POST", "/api/v1/events/alertmanager", `{}`},
		{413, "POST", "/api/v1/events/alertmanager", long},
		{415, "POST", "/api/v1/events/alertmanager", `{}`},
		{200, "POST", "/api/v1/events/alertmanager", firing("0123456789abcdef", now)},
		{200, "POST", "/api/v1/events/alertmanager", firing("../x", now)},
		{200, "POST", "/api/v1/events/alertmanager", `{"version":"4","alerts":[]}`},
	} {
		send(desk.handler, order.code, order.method, order.path, order.body)
	}
	key = "k"
	used := newDesk(t)
	send(used.handler, 200, "POST", "/api/v1/events", event)
	for _, w := range append(writes, struct{ method, path, body string }{"DELETE", "/api/v1/pauses/nba", ""}) {
		send(used.handler, 422, w.method, strings.Replace(w.path, "nba", "nfl", 1), strings.Replace(w.body, "1h", "2h", 1))
	}
	key = ""
	for i := range mostGoing {
		if err := desk.engine.PutEvent(policy.Event{ID: strconv.Itoa(i), End: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	send(desk.handler, 409, "POST", "/api/v1/events", event)

	set := *desk.engine.Settings()
	set.Overrides = []policy.Override{{ID: "c", Pool: "nba", Hold: true, Author: "ops", Reason: "contract", Start: now.Add(-time.Hour), End: now.Add(time.Hour)}}
	desk.engine.Apply(&set)
	send(desk.handler, 409, "DELETE", "/api/v1/overrides/nba", "")

	desk.pauseNBA(t)
	send(desk.handler, 400, "DELETE", "/api/v1/pauses/nba?author=%07", "")
	send(desk.handler, 404, "DELETE", "/api/v1/pauses/nfl", "")
	send(desk.handler, 200, "DELETE", "/api/v1/pauses/nba?author=anna", "")

	// Orders that cannot be saved, and those of others.
	told := engine.New(engine.Options{
		Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler), Store: fails{},
		Memory: engine.Memory{
			Overrides: []policy.Override{{ID: "o", Pool: "nfl", Hold: true, Author: "anna", Reason: "finals", Start: now.Add(-time.Hour), End: now.Add(time.Hour)}},
			Events:    []policy.Event{{ID: "e", Type: "breaking_news", Start: now.Add(-time.Hour), End: now.Add(time.Hour), Source: sourceAPI}},
		},
	})
	told.Apply(&set)
	unsaved := of(Options{Engine: told, Control: anybody})
	off := of(Options{Engine: told})
	send(off, 403, "DELETE", "/api/v1/pauses/nba", "")
	for _, w := range writes {
		w.path = strings.Replace(w.path, "nba", "nfl", 1)
		if strings.HasSuffix(w.path, "alertmanager") {
			w.body = firing("0123456789abcdef", now)
		}
		send(unsaved, 503, w.method, w.path, w.body)
		send(off, 403, w.method, w.path, w.body)
	}
	for _, w := range append(writes, struct{ method, path, body string }{"POST", "/-/reload", ""}, struct{ method, path, body string }{"POST", "/api/v1/evaluate", `{"pool":"nba"}`}) {
		r := httptest.NewRequest(w.method, w.path, strings.NewReader(w.body))
		r.Header.Set("Origin", "http://evil.example")
		rec := httptest.NewRecorder()
		if full.ServeHTTP(rec, r); rec.Code != http.StatusForbidden {
			t.Errorf("%s %s of another site: got %d %s", w.method, w.path, rec.Code, rec.Body)
		}
		seen["reload 403"], seen["evaluate 403"] = true, true
	}

	var missing []string
	each(d, func(_, _ string, o apitest.Operation) {
		for status := range o.Responses {
			if status != "401" && !seen[o.ID+" "+status] { // the listener answers with 401
				missing = append(missing, o.ID+" "+status)
			}
		}
	})
	if len(missing) > 0 {
		slices.Sort(missing)
		t.Errorf("in the document, but not answered here: %s", strings.Join(missing, ", "))
	}
}

// Who sends the default of a parameter is answered as without it.
func TestDefaultsAreThoseOfTheDocument(t *testing.T) {
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("pool-%02d", i)) // have more decisions than are told
	}
	snap := snapshot(names...)
	many := New(showing(snap))
	desk := newDesk(t)
	desk.must(t, "POST", "/api/v1/events", `{"type":"breaking_news","start":"2026-11-24T08:00:00Z","duration":"1h"}`)
	desk.tick(t)
	n := 0
	each(documented(t), func(method, path string, o apitest.Operation) {
		for _, p := range o.Parameters {
			if p.Schema.Default == nil {
				continue
			}
			n++
			handler := many
			if slices.Contains([]string{"plan", "events", "report"}, o.ID) {
				handler = desk.handler
			}
			ask := func(query string) string {
				w := httptest.NewRecorder()
				if handler.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+path+query, nil)); w.Code != http.StatusOK {
					t.Errorf("%s%s: got %d %s", path, query, w.Code, w.Body)
				}
				return w.Body.String()
			}
			if diff := cmp.Diff(ask(""), ask(fmt.Sprintf("?%s=%v", p.Name, p.Schema.Default))); diff != "" {
				t.Errorf("%s: %s is not %v by default (-without +with):\n%s", path, p.Name, p.Schema.Default, diff)
			}
		}
	})
	if n < 6 {
		t.Errorf("%d parameters have a default", n)
	}
}

// The document is one of OpenAPI 3.1, and its schemas are JSON Schemas.
func TestDocumentIsOpenAPI(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	standard, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		t.Fatal(err)
	}
	// As OpenAPI's own schema with a dialect does it.
	whole, err := jsonschema.UnmarshalJSON(strings.NewReader(`{
		"$id": "https://scaling-adapter.example/openapi", "$schema": "https://json-schema.org/draft/2020-12/schema",
		"$ref": "https://spec.openapis.org/oas/3.1/schema/2022-10-07",
		"$defs": {"schema": {"$dynamicAnchor": "meta", "$ref": "https://json-schema.org/draft/2020-12/schema"}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]any{"https://spec.openapis.org/oas/3.1/schema/2022-10-07": standard, "https://scaling-adapter.example/openapi": whole} {
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("https://scaling-adapter.example/openapi")
	if err != nil {
		t.Fatal(err)
	}
	_, text := get(t, nil, apitest.Path)
	check := func(text string) error {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(doc)
	}
	if err := check(text); err != nil {
		t.Error(err)
	}
	for _, change := range []struct{ old, new string }{
		{`"openapi":"3.1.0"`, `"openapi":"4.0.0"`}, {`"in":"query"`, `"in":"body"`}, {`"type":"boolean"`, `"type":"bool"`}, {`"responses":{"200"`, `"responses":{"ok"`}, {`"operationId"`, `"id"`},
		{`"scheme":"basic",`, ``},
	} {
		if changed := strings.Replace(text, change.old, change.new, 1); changed == text || check(changed) == nil {
			t.Errorf("a document with %s is accepted", change.new)
		}
	}
}

// Of types that are closed all values are in the document.
func TestClosedTypesAreWhole(t *testing.T) {
	for kind, s := range closed {
		var want []string
		dir := filepath.Join("../..", strings.TrimPrefix(kind.PkgPath(), "github.com/scaling-adapter/scaling-adapter/"))
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if v, ok := n.(*ast.ValueSpec); ok && fmt.Sprint(v.Type) == kind.Name() && len(v.Values) == 1 {
					if text, ok := v.Values[0].(*ast.BasicLit); ok {
						value, _ := strconv.Unquote(text.Value)
						want = append(want, value)
					}
				}
				return true
			})
		}
		slices.Sort(want)
		var got []string
		for _, value := range s.Enum {
			got = append(got, fmt.Sprint(value))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
			t.Errorf("%s (-code +document):\n%s", kind, diff)
		}
	}
	if all := words()["Sample.quality"].Enum; !slices.Contains(all, any(policy.Error.String())) || len(all) != int(policy.Error)+1 {
		t.Errorf("qualities: %v", all)
	}
}

func TestExamplesAreThoseOfTheGuides(t *testing.T) {
	var guides string
	for _, name := range []string{"../../docs/api.md", "../../docs/control.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		guides += string(text)
	}
	plain := func(text string) string {
		var b bytes.Buffer
		if err := json.Compact(&b, []byte(text)); err != nil {
			t.Fatalf("%s: %s", err, text)
		}
		return b.String()
	}
	shown := map[string]bool{}
	for _, expression := range []string{"(?s)```json\n(.*?)```", `(?m)^    (\{.*\})$`, `(?s)-d '(\{.*?\})'`} {
		found := regexp.MustCompile(expression)
		for _, match := range found.FindAllStringSubmatch(guides, -1) {
			shown[plain(match[1])] = true
		}
		guides = found.ReplaceAllString(guides, "")
	}
	d := documented(t)
	var given map[string]example
	if err := json.Unmarshal(examplesJSON, &given); err != nil {
		t.Fatal(err)
	}
	each(d, func(method, path string, o apitest.Operation) {
		if err := d.Examples(method, path); err != nil {
			t.Errorf("%s %s: %s", method, path, err)
		}
		e := given[o.ID]
		delete(given, o.ID)
		texts := []string{string(e.Body), strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(e.Data)), "["), "]")} // of a list the guides show an item
		if e.Error != "" {
			answer, err := json.Marshal(apiv1.Answer{Status: apiv1.Failure, Error: e.Error})
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(answer))
		}
		for _, text := range texts {
			if text == "" {
				continue
			}
			if text = plain(text); !shown[text] {
				t.Errorf("%s: the guides do not show %s", o.ID, text)
			}
			delete(shown, text)
		}
	})
	for text := range shown {
		t.Errorf("the document has no example %s", text)
	}
	for id := range given {
		t.Errorf("there is an example for %s, which is no operation", id)
	}
}

// What the commands send is what the document takes, and nothing that it does not know.
func TestBodiesAreThoseOfTheDocument(t *testing.T) {
	d := documented(t)
	n := 7
	for _, tc := range []struct {
		method, path string
		body         any
		fine         bool
	}{
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Order: apiv1.Order{Min: &n, Max: &n, Exact: &n, Hold: true, Disable: true, Mode: policy.DryRun}, Author: "a", Reason: "r", Start: "2026-11-12T18:30:00Z", End: "2026-11-12T18:30:00-05:00", Duration: "1d12h"}, true},
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Author: "a", Reason: "r"}, true},
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Author: "a"}, false},
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Order: apiv1.Order{Mode: "off"}, Author: "a", Reason: "r"}, false},
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Author: "a", Reason: "r", Start: "18:30"}, false},
		{"PUT", "/api/v1/overrides/nba", apiv1.OverrideOrder{Author: "a", Reason: "r", Duration: "1.5h"}, false},
		{"PUT", "/api/v1/overrides/nba", json.RawMessage(`{"exact":null,"author":"a","reason":"r"}`), false},
		{"PUT", "/api/v1/overrides/nba", struct {
			apiv1.OverrideOrder
			Minimum int `json:"minimum"`
		}{apiv1.OverrideOrder{Author: "a", Reason: "r"}, 4}, false},
		{"POST", "/api/v1/events", apiv1.EventOrder{ID: "e", Type: "game", Name: "n", Labels: map[string]string{"league": "nba"}, Author: "a", Start: "2026-11-12T18:30:00Z", End: "2026-11-12T18:30:00Z", Duration: "90m"}, true},
		{"POST", "/api/v1/events", apiv1.EventOrder{Type: "game"}, true},
		{"POST", "/api/v1/events", apiv1.EventOrder{}, false},
		{"POST", "/api/v1/events", apiv1.EventOrder{Type: "game", ID: "a/b"}, false},
	} {
		body, err := json.Marshal(tc.body)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(tc.method, tc.path, nil)
		r.Header.Set("Content-Type", "application/json")
		if err := d.Request(r, body); (err == nil) != tc.fine {
			t.Errorf("%s %s: %v", tc.path, body, err)
		}
	}
}

// A schema says neither less nor more than encoding/json writes.
func TestSchemasOfTypes(t *testing.T) {
	type inner struct {
		N int `json:"n"`
	}
	type outer struct {
		inner
		Text    string                 `json:"text,omitempty"`
		Mode    policy.Mode            `json:"mode"`
		Perhaps *policy.Mode           `json:"perhaps"`
		Number  *float64               `json:"number"`
		Left    *int                   `json:"left,omitempty"`
		At      time.Time              `json:"at"`
		Since   *time.Time             `json:"since"`
		Of      *inner                 `json:"of"`
		All     []inner                `json:"all"`
		By      map[policy.Mode]uint64 `json:"by"`
		Any     any                    `json:"any"`
	}
	m := newMaker()
	ref, err := json.Marshal(m.of(outer{}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(m.schemas, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const modes = `"type":"string","enum":["dry_run","scale_up_only","active"]`
	const one = `"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}`
	want := `{"Inner":{` + one + `},"Outer":{"type":"object","required":["n","mode","perhaps","number","at","since","of","all","by","any"],"properties":{` +
		`"all":{"type":"array","items":{"$ref":"#/components/schemas/Inner"}},"any":{},"at":{"type":"string","format":"date-time"},` +
		`"by":{"type":"object","propertyNames":{` + modes + `},"additionalProperties":{"type":"integer","minimum":0}},"left":{"type":"integer"},"mode":{` + modes + `},` +
		`"n":{"type":"integer"},"number":{"type":["number","null"]},"of":{"anyOf":[{"$ref":"#/components/schemas/Inner"},{"type":"null"}]},` +
		`"perhaps":{"anyOf":[{` + modes + `},{"type":"null"}]},"since":{"type":["string","null"],"format":"date-time"},"text":{"type":"string"}}}}`
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(want), "", " "); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(indented.String(), string(got)); diff != "" || string(ref) != `{"$ref":"#/components/schemas/Outer"}` {
		t.Errorf("%s (-want +got):\n%s", ref, diff)
	}
	// What is said of a type and its fields is what its comments say.
	m.of(apiv1.Pool{})
	if s := m.schemas["Pool"]; s.Description != "Pool is a pool as the last tick left it." {
		t.Errorf("a pool: %q", s.Description)
	}
	m.of(apiv1.Host{})
	if s := m.schemas["Host"]; s.Properties["hosts"].Description != "name of the group; none: the hosts of all pools" || !strings.HasPrefix(s.Properties["predicted_percent"].Description, "PredictedPercent is what") {
		t.Errorf("a host: %+v", s.Properties)
	}
}

// A type that the document cannot describe is noticed by whoever adds it.
func TestSchemasOfTypesThatHaveNone(t *testing.T) {
	type noKey struct{ Name string }
	type noUnit struct {
		For time.Duration `json:"for"`
	}
	type own struct {
		At *quoted `json:"at"`
	}
	for _, v := range []any{noKey{}, noUnit{}, own{}, make(chan int)} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "api: ") {
					t.Errorf("%T: %s", v, text)
				}
			}()
			newMaker().of(v)
		}()
	}
}

type quoted struct{}

func (quoted) MarshalText() ([]byte, error) { return nil, nil }
