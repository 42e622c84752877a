package dialect

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func compiled(t testing.TB, templates Templates) *Dialect {
	t.Helper()
	d, problems := New(templates)
	if problems != nil {
		t.Fatal(problems)
	}
	return d
}

func decision(current, desired int) policy.Decision {
	return policy.Decision{
		ID: "nba-1", Pool: "nba", Current: current, Desired: desired,
		Reasons: []policy.Reason{{Detail: "first"}, {Detail: `"last"`}},
	}
}

func TestPresetsMakeRequests(t *testing.T) {
	nba := Pool{Name: "nba", Labels: map[string]string{"team": "a b"}}
	idempotency := map[string]string{"Content-Type": "application/json", "Idempotency-Key": "nba-1"}
	patch := map[string]string{"Content-Type": "application/json-patch+json"}
	const path = "/apis/apps/v1/namespaces/agents/deployments/agents-nba"
	for name, tc := range map[string]struct {
		templates   Templates
		current     int
		values      map[string]any
		read, scale Call
	}{
		"our own": {ScalingAdapter(), 4, nil, Call{"GET", "/pools/nba", map[string]string{}, nil}, Call{
			"PUT", "/pools/nba/scale", idempotency, []byte(`{"agents":6,"from":4,"reason":"\"last\"","decision_id":"nba-1"}`),
		}},
		"Kubernetes": {Kubernetes("agents", "deployments", "agents-{{.Pool}}"), 4, nil, Call{"GET", path, map[string]string{}, nil}, Call{
			"PATCH", path + "/scale?fieldManager=scaling-adapter", patch,
			[]byte(`[{"op":"test","path":"/spec/replicas","value":4},{"op":"add","path":"/spec/replicas","value":6}]`),
		}},
		"Kubernetes, from none": {Kubernetes("agents", "deployments", "agents-{{.Pool}}"), 0, nil, Call{"GET", path, map[string]string{}, nil}, Call{
			"PATCH", path + "/scale?fieldManager=scaling-adapter", patch,
			[]byte(`[{"op":"test","path":"/spec/replicas","value":null},{"op":"add","path":"/spec/replicas","value":6}]`),
		}},
		"Nomad": {
			Nomad("default", "{{.Pool}}", `{{.Label "team"}}`), 4, map[string]any{"index": json.Number("18446744073709551615")},
			Call{"GET", "/v1/job/nba/scale?namespace=default", map[string]string{}, nil}, Call{
				"POST", "/v1/job/nba/scale?namespace=default", map[string]string{"Content-Type": "application/json"},
				[]byte(`{"Count":6,"Target":{"Job":"nba","Group":"a b"},"Message":"\"last\"","Meta":{"decision_id":"nba-1"},"JobModifyIndex":18446744073709551615}`),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := compiled(t, tc.templates)
			read, err := d.Read(nba)
			if err != nil {
				t.Fatal(err)
			}
			scale, err := d.Scale(nba, decision(tc.current, 6), Told{values: tc.values})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Call{tc.read, tc.scale}, []Call{read, scale}); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTold(t *testing.T) {
	nomad := Nomad("default", "{{.Pool}}", "workers")
	kubernetes := Kubernetes("default", "deployments", "{{.Pool}}")
	ours := ScalingAdapter()
	picky := Templates{
		Read:  Read{Request: Request{Path: "/"}, Agents: "$.pools[?@.name=={{.Pool}}].n", Values: map[string]string{"v": "$.v"}},
		Scale: Scale{Request: Request{Path: "/"}},
	}
	for _, tc := range []struct {
		templates Templates
		body      string
		want      Told
		err       string
	}{
		{ours, `{"agents":4,"ready":3}`, Told{Agents: 4, Ready: 3}, ""},
		{ours, `{"agents":4}`, Told{Agents: 4, Ready: 4}, ""},
		{ours, `{"agents":4,"ready":null}`, Told{Agents: 4, Ready: 4}, ""},
		{ours, `{"agents":4,"ready":5}`, Told{Agents: 4, Ready: 4}, ""},
		{ours, `{"agents":0}`, Told{}, ""},
		{ours, `{"agents":null}`, Told{}, "has no agents"},
		{ours, `{"agents":-1}`, Told{}, "cannot be -1"},
		{ours, `{"agents":1048577}`, Told{}, "cannot be 1048577"},
		{ours, `{"agents":4.0}`, Told{}, "expected a whole number, got 4.0"},
		{ours, `{"agents":1e3}`, Told{}, "expected a whole number, got 1e3"},
		{ours, `{"agents":"4"}`, Told{}, "expected a whole number"},
		{ours, `{"agents":4,"ready":true}`, Told{}, "ready agents in the orchestrator's answer: expected a whole number"},
		{ours, `{"agents":4}{}`, Told{}, "is not understood"},
		{ours, ``, Told{}, "is not understood"},
		{kubernetes, `{"spec":{"replicas":3},"status":{"replicas":3,"readyReplicas":2}}`, Told{Agents: 3, Ready: 2}, ""},
		{kubernetes, `{"spec":{"replicas":3},"status":{"replicas":3}}`, Told{Agents: 3}, ""},
		{kubernetes, `{"kind":"Status"}`, Told{}, "has no agents"},
		{nomad, `{"JobModifyIndex":9007199254740993,"TaskGroups":{"workers":{"Desired":3,"Running":2}}}`, Told{3, 2, map[string]any{"index": json.Number("9007199254740993")}}, ""},
		{nomad, `{"JobModifyIndex":9,"TaskGroups":{"others":{"Desired":3,"Running":2}}}`, Told{}, "has no agents"},
		{nomad, `{"TaskGroups":{"workers":{"Desired":3}}}`, Told{}, "value index in the orchestrator's answer: it has none"},
		{picky, `{"v":"a","pools":[{"name":"nfl","n":1},{"name":"nba","n":2}]}`, Told{2, 2, map[string]any{"v": "a"}}, ""},
		{picky, `{"v":"a","pools":[{"name":"nba","n":1},{"name":"nba","n":2}]}`, Told{}, "selects 2 values, want one"},
		{picky, `{"v":[],"pools":[{"name":"nba","n":2}]}`, Told{}, "it is a list or an object"},
	} {
		got, err := compiled(t, tc.templates).Told(Pool{Name: "nba"}, 200, []byte(tc.body))
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(Told{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.body, diff)
		}
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: got error %v, want %q", tc.body, err, tc.err)
		}
	}
	for _, status := range []int{201, 204, 302, 403, 404, 500} {
		if got, err := compiled(t, ours).Told(Pool{Name: "nba"}, status, []byte(`{"agents":4}`)); err == nil {
			t.Errorf("%d: got %+v", status, got)
		}
	}
}

func TestResults(t *testing.T) {
	kubernetes, nomad := compiled(t, Kubernetes("default", "deployments", "{{.Pool}}")), compiled(t, Nomad("default", "{{.Pool}}", "g"))
	ours := compiled(t, ScalingAdapter())
	for _, tc := range []struct {
		d      *Dialect
		status int
		body   string
		want   policy.Result
	}{
		{ours, 200, "", policy.Accepted},
		{ours, 202, "", policy.Accepted},
		{ours, 302, "", policy.Failed},
		{ours, 409, "", policy.Conflict},
		{ours, 422, "", policy.Failed},
		{ours, 429, "", policy.Busy},
		{ours, 503, "", policy.Busy},
		{kubernetes, 409, "", policy.Conflict},
		{kubernetes, 422, `{"message":"the server rejected our request due to an error in our request"}`, policy.Conflict},
		{kubernetes, 422, `{"message":"Scale.autoscaling is invalid"}`, policy.Failed},
		{kubernetes, 403, "", policy.Failed},
		{nomad, 500, "Enforcing job modify index 4: job exists with conflicting job modify index: 5", policy.Conflict},
		{nomad, 500, "rpc error", policy.Failed},
		{nomad, 400, "job scaling blocked due to active deployment", policy.Conflict},
		{nomad, 400, "group count was greater than scaling policy maximum: 9 > 8", policy.Failed},
	} {
		if got := tc.d.Result(tc.status, []byte(tc.body)); got != tc.want {
			t.Errorf("%d %s: got %s, want %s", tc.status, tc.body, got, tc.want)
		}
	}
}

// good returns templates without problems.
func good() Templates {
	return Templates{
		Read:  Read{Request: Request{Path: "/r/{{.Pool}}"}, Agents: "$.n"},
		Scale: Scale{Request: Request{Method: "POST", Path: "/s/{{.Pool}}", Body: `{"n":{{.Agents}}}`}},
	}
}

func TestProblemsSayWhereAndWhat(t *testing.T) {
	empty := good()
	empty.Read.Headers = map[string]string{"X-Empty": "", "X-Nothing": `{{define "x"}}{{end}}`}
	compiled(t, empty)
	for name, tc := range map[string]struct {
		change func(*Templates)
		want   string
	}{
		"nothing": {func(o *Templates) { *o = Templates{} }, `read.agents: it is missing, a JSON path like $.agents
read.path: it is missing, like /pools/{{.Pool}}
scale.path: it is missing, like /pools/{{.Pool}}`},
		"no template":       {func(o *Templates) { o.Read.Path = "/{{.Pool" }, "read.path: it is not a template: 1: unclosed action"},
		"unknown field":     {func(o *Templates) { o.Read.Path = "/{{.Agents}}" }, "read.path: <.Agents>: can't evaluate field Agents; a read knows .Pool and .Label, a scaling"},
		"unknown function":  {func(o *Templates) { o.Read.Path = "/{{env 1}}" }, `read.path: it is not a template: 1: function "env" not defined`},
		"definitions":       {func(o *Templates) { o.Read.Path = `{{define "x"}}{{.Pool}}{{end}}/{{template "x" .}}` }, "read.path: template and block are not available"},
		"relative path":     {func(o *Templates) { o.Read.Path = "r" }, `read.path: the path must begin with one /, got "r"`},
		"another host":      {func(o *Templates) { o.Read.Path = "//evil/r" }, `read.path: the path must begin with one /`},
		"upwards":           {func(o *Templates) { o.Read.Path = "/a/../r" }, `read.path: the path must have no segment ".."`},
		"upwards, hidden":   {func(o *Templates) { o.Read.Path = "/a/%2e./r" }, `read.path: the path must have no segment ".."`},
		"fragment":          {func(o *Templates) { o.Read.Path = "/a#b" }, `read.path: the path must have no fragment`},
		"method":            {func(o *Templates) { o.Scale.Method = "GET" }, `scale.method: expected PUT, POST, PATCH, got "GET"`},
		"GET with body":     {func(o *Templates) { o.Read.Body = "{}" }, `read.body: GET has no body`},
		"JSON path":         {func(o *Templates) { o.Read.Agents = "n" }, `read.agents: jsonpath: `},
		"JSON path of pool": {func(o *Templates) { o.Read.Ready = "$.{{.Pool}}" }, `read.ready: jsonpath: `},
		"ready":             {func(o *Templates) { o.Read.ReadyIfMissing = "some" }, `read.ready_if_missing: expected all or none, got "some"`},
		"body": {
			func(o *Templates) { o.Scale.Body = `{"n":{{.Agents}},"why":"{{.Reason}}"}` },
			`scale.body: it is not JSON (invalid character 'a' after object key:value pair); values bring their own quotes`,
		},
		"body from none":    {func(o *Templates) { o.Scale.Body = `{"n":{{.Agents}}{{if not .From}},{{end}}}` }, `scale.body: it is not JSON`},
		"unknown value":     {func(o *Templates) { o.Scale.Body = `{"v":{{.Value "v"}}}` }, `scale.body: there is no value "v"; add it to the values of read`},
		"body of what":      {func(o *Templates) { o.Scale.Headers = map[string]string{"content-type": "text/xml"} }, `scale.headers: a body of Content-Type "text/xml" cannot be escaped`},
		"secret":            {func(o *Templates) { o.Scale.Headers = map[string]string{"authorization": "Bearer x"} }, `scale.headers: "authorization" is a secret; use authorization`},
		"header of client":  {func(o *Templates) { o.Scale.Headers = map[string]string{"Host": "x"} }, `scale.headers: "Host" is set by the client`},
		"header of nothing": {func(o *Templates) { o.Scale.Headers = map[string]string{"a b": "x"} }, `scale.headers: "a b" is no name of a header`},
		"header twice":      {func(o *Templates) { o.Scale.Headers = map[string]string{"X-A": "1", "x-a": "2"} }, `scale.headers: x-a is there twice`},
		"conflict":          {func(o *Templates) { o.Scale.Conflicts = []Answer{{Status: 200}} }, `scale.conflicts.0: status must be from 400 to 599, got 200`},
		"body to none":      {func(o *Templates) { o.Scale.Body = `{"n":{{.Agents}}{{if not .Agents}},{{end}}}` }, `scale.body: it is not JSON`},
		"empty name":        {func(o *Templates) { *o = Kubernetes("", "deployments", "x") }, `names.namespace: it is empty`},
		"name":              {func(o *Templates) { *o = Kubernetes("{{.Agents}}", "deployments", "x") }, `names.namespace: <.Agents>: can't evaluate field Agents`},
	} {
		t.Run(name, func(t *testing.T) {
			templates := good()
			tc.change(&templates)
			d, problems := New(templates)
			if d != nil || len(problems) == 0 {
				t.Fatal("no problem found")
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Error())
			}
			want := strings.Split(tc.want, "\n")
			if len(got) != len(want) {
				t.Fatalf("got %q, want %q", got, want)
			}
			for i := range want {
				if !strings.HasPrefix(got[i], want[i]) {
					t.Errorf("got %q, want %q", got[i], want[i])
				}
			}
		})
	}
}

func TestPoolsAreCheckedWithTheirNamesAndLabels(t *testing.T) {
	labelled := compiled(t, Kubernetes(`{{.Label "team"}}`, "deployments", "{{.Pool}}"))
	for _, tc := range []struct {
		d    *Dialect
		pool Pool
		want string
	}{
		{labelled, Pool{"nba", map[string]string{"team": "a"}}, ""},
		{labelled, Pool{"nba", nil}, `the pool has no label "team"; add it to the pool's labels`},
		{labelled, Pool{"nba", map[string]string{"team": ""}}, "its namespace is empty"},
		{labelled, Pool{"..", map[string]string{"team": "a"}}, `the path must have no segment ".."`},
		{compiled(t, Nomad("default", "{{.Pool}}", `{{.Label "team"}}`)), Pool{"nba", nil}, `the pool has no label "team"`},
	} {
		err := tc.d.Check(tc.pool)
		if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want %q", tc.pool, err, tc.want)
		}
	}
}

// Whatever a pool is called, its name stays where a template puts it.
func FuzzValuesStayWhereTheyStand(f *testing.F) {
	for _, name := range []string{"nba", "a/b?c", `"},{"`, "a&n=1#x", "a\r\nX: y", "100%", "..", ".", "a/../b", "", "ü", "\xff", "a+b", "{{.}}", "$.x"} {
		f.Add(name)
	}
	form := good()
	form.Scale.Headers = map[string]string{"Content-Type": "application/x-www-form-urlencoded", "X-Pool": "{{.Pool}}"}
	form.Scale.Body = "pool={{.Pool}}&n={{.Agents}}"
	inJSON := good()
	inJSON.Scale.Path = "/s/{{.Pool}}/x?pool={{.Pool}}&n={{.Agents}}"
	inJSON.Scale.Body = `{"pool":{{.Pool}},"n":{{.Agents}}}`
	inJSON.Read.Agents = "$[{{.Pool}}]"
	asForm, asBody := compiled(f, form), compiled(f, inJSON)
	f.Fuzz(func(t *testing.T, name string) {
		call, err := asBody.Scale(Pool{Name: name}, decision(1, 2), Told{})
		leadsElsewhere := slices.ContainsFunc(strings.Split(name, "/"), func(s string) bool { return s == "." || s == ".." }) // for who decodes too early
		if (err != nil) != leadsElsewhere {
			t.Fatalf("%q: %v", name, err)
		}
		if err != nil {
			return
		}
		u, err := url.ParseRequestURI(call.Path)
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if len(segments) != 4 {
			t.Fatalf("%q became %s", name, call.Path)
		}
		if got, err := url.PathUnescape(segments[2]); err != nil || got != name {
			t.Errorf("path: %q became %q", name, got)
		}
		if diff := cmp.Diff(url.Values{"pool": {name}, "n": {"2"}}, u.Query()); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		valid := strings.ToValidUTF8(name, "\ufffd")
		var body map[string]any
		if err := json.Unmarshal(call.Body, &body); err != nil {
			t.Fatalf("%s: %v", call.Body, err)
		}
		if utf8.ValidString(name) {
			if diff := cmp.Diff(map[string]any{"pool": valid, "n": 2.0}, body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			document, err := json.Marshal(map[string]int{name: 7, name + "x": 8})
			if err != nil {
				t.Fatal(err)
			}
			if told, err := asBody.Told(Pool{Name: name}, 200, document); err != nil || told.Agents != 7 {
				t.Errorf("%q in a JSON path: got %+v, %v", name, told, err)
			}
		}
		call, err = asForm.Scale(Pool{Name: name}, decision(1, 2), Told{})
		if err != nil {
			t.Fatal(err)
		}
		if values, err := url.ParseQuery(string(call.Body)); err != nil || values.Get("pool") != name || values.Get("n") != "2" {
			t.Errorf("form: %q became %s", name, call.Body)
		}
		if header := call.Headers["X-Pool"]; strings.ContainsAny(header, "\r\n\x00") {
			t.Errorf("header: %q became %q", name, header)
		}
	})
}

// What is told is what stands in the answer, and within bounds.
func FuzzTold(f *testing.F) {
	for _, body := range []string{`{"agents":4,"ready":3}`, `{"agents":-0}`, `{"agents":1e3}`, `{"agents":4,"agents":"5"}`, `{"agents":9223372036854775808}`, `[4]`, `null`, `{`, ``} {
		f.Add([]byte(body))
	}
	d := compiled(f, ScalingAdapter())
	f.Fuzz(func(t *testing.T, body []byte) {
		told, err := d.Told(Pool{Name: "nba"}, 200, body)
		if err != nil {
			return
		}
		if told.Agents < 0 || told.Agents > maxAgents || told.Ready < 0 || told.Ready > told.Agents {
			t.Errorf("%s: got %+v", body, told)
		}
		var document map[string]json.RawMessage
		if err := json.Unmarshal(body, &document); err != nil {
			t.Fatalf("%s is not JSON and tells %+v", body, told)
		}
		if agents, err := strconv.Atoi(string(document["agents"])); err != nil || agents != told.Agents {
			t.Errorf("%s: got %+v", body, told)
		}
	})
}

func ExampleNew() {
	d, problems := New(Templates{
		Read: Read{Request: Request{Path: "/groups/{{.Pool}}"}, Agents: "$.size"},
		Scale: Scale{Request: Request{
			Method: "POST", Path: "/groups/{{.Pool}}/size", Body: `{"size": {{.Agents}}, "note": {{.Reason}}}`,
		}},
	})
	if problems != nil {
		panic(problems)
	}
	call, err := d.Scale(Pool{Name: "nba"}, policy.Decision{Current: 4, Desired: 6, Reasons: []policy.Reason{{Detail: "a game"}}}, Told{})
	fmt.Printf("%s %s %s %v\n", call.Method, call.Path, call.Body, err)
	// Output: POST /groups/nba/size {"size": 6, "note": "a game"} <nil>
}
