package dialect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/theory/jsonpath"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Problem is what is wrong with a template.
type Problem struct {
	Key string // where, like scale.body
	Err error
}

// Error implements error.
func (p Problem) Error() string { return p.Key + ": " + p.Err.Error() }

// The methods of HTTP that templates may have.
const get, put, post, patch = "GET", "PUT", "POST", "PATCH"

// New compiles templates. All that is wrong with them is returned, in the order of
// keys. They are tried with a pool whose name needs escaping.
func New(t Templates) (*Dialect, []Problem) {
	t.Read.Method = cmp.Or(t.Read.Method, get)
	t.Read.ReadyIfMissing = cmp.Or(t.Read.ReadyIfMissing, AllReady)
	t.Scale.Method = cmp.Or(t.Scale.Method, put)
	if t.Scale.Conflicts == nil {
		t.Scale.Conflicts = []Answer{{Status: 409}}
	}
	c := compiler{}
	d := &Dialect{
		names: c.texts("names", t.Names, plain),
		read:  c.request("read", t.Read.Request, get, post),
		scale: c.request("scale", t.Scale.Request, put, post, patch), readyIfMissing: t.Read.ReadyIfMissing,
		agents: c.path("read.agents", t.Read.Agents),
		values: c.texts("read.values", t.Read.Values, asJSON), conflicts: t.Scale.Conflicts,
	}
	if t.Read.Ready != "" {
		d.ready = c.path("read.ready", t.Read.Ready)
	}
	if t.Read.ReadyIfMissing != AllReady && t.Read.ReadyIfMissing != NoneReady {
		c.add("read.ready_if_missing", "expected %s or %s, got %q", AllReady, NoneReady, t.Read.ReadyIfMissing)
	}
	if t.Read.Body != "" && t.Read.Method == get {
		c.add("read.body", "GET has no body; use method: POST or leave it out")
	}
	for i, a := range t.Scale.Conflicts {
		if a.Status < 400 || a.Status > 599 {
			c.add(fmt.Sprintf("scale.conflicts.%d", i), "status must be from 400 to 599, got %d", a.Status)
		}
	}
	c.try(d)
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return cmp.Compare(a.Key, b.Key) })
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return d, nil
}

// Check tells what the templates have against a pool, like a label that it lacks.
func (d *Dialect) Check(p Pool) error {
	if _, err := d.Read(p); err != nil {
		return err
	}
	data, err := d.dataOf(p)
	if err != nil {
		return err
	}
	for _, path := range d.paths() {
		if _, err := queryOf(path, data); err != nil {
			return err
		}
	}
	values := map[string]any{}
	for name := range d.values {
		values[name] = json.Number("1")
	}
	_, err = d.Scale(p, policy.Decision{ID: "try", Pool: p.Name, Current: 1, Desired: 2}, Told{values: values})
	return err
}

// paths returns the JSON paths by key.
func (d *Dialect) paths() map[string]*text {
	paths := map[string]*text{"read.agents": d.agents}
	if d.ready != nil {
		paths["read.ready"] = d.ready
	}
	for name, path := range d.values {
		paths["read.values."+name] = path
	}
	return paths
}

type compiler struct{ problems []Problem }

func (c *compiler) add(key, format string, args ...any) {
	c.problems = append(c.problems, Problem{key, fmt.Errorf(format, args...)})
}

// request compiles a request with one of the methods.
func (c *compiler) request(key string, r Request, methods ...string) request {
	if !slices.Contains(methods, r.Method) {
		c.add(key+".method", "expected %s, got %q", strings.Join(methods, ", "), r.Method)
	}
	out := request{method: r.Method, headers: c.texts(key+".headers", r.Headers, plain)}
	if r.Path == "" {
		c.add(key+".path", "it is missing, like /pools/{{.Pool}}")
	} else {
		out.path = c.text(key+".path", r.Path, segment)
	}
	seen := map[string]bool{}
	for name := range r.Headers {
		if why := refused(name); why != "" {
			c.add(key+".headers", "%q %s", name, why)
		}
		if lower := strings.ToLower(name); seen[lower] {
			c.add(key+".headers", "%s is there twice", lower)
		} else {
			seen[lower] = true
		}
	}
	if r.Body == "" {
		return out
	}
	switch contentType := r.contentType(); {
	case strings.Contains(contentType, "json"):
		out.body = c.text(key+".body", r.Body, asJSON)
	case strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		out.body = c.text(key+".body", r.Body, segment)
	default:
		c.add(key+".headers", "a body of Content-Type %q cannot be escaped; expected JSON or application/x-www-form-urlencoded", contentType)
	}
	if !seen["content-type"] {
		out.headers["Content-Type"] = c.text(key+".headers", "application/json", plain)
	}
	return out
}

func (r Request) contentType() string {
	for name, value := range r.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return strings.ToLower(value)
		}
	}
	return "application/json"
}

// refused says why a template must not set a header.
func refused(name string) string {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie":
		return "is a secret; use authorization with credentials_file, or http_headers with files"
	case "host", "content-length", "transfer-encoding", "connection":
		return "is set by the client; leave it out"
	}
	const letters = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	if name == "" || strings.Trim(strings.ToLower(name), letters) != "" {
		return "is no name of a header"
	}
	return ""
}

func (c *compiler) texts(key string, templates map[string]string, e escape) map[string]*text {
	out := make(map[string]*text, len(templates)+1)
	for name, template := range templates {
		out[name] = c.text(key+"."+name, template, e)
	}
	return out
}

// path compiles a JSON path.
func (c *compiler) path(key, path string) *text {
	if path == "" {
		c.add(key, "it is missing, a JSON path like $.agents")
		return nil
	}
	return c.text(key, path, asJSON)
}

// try prints all templates that could be compiled with samples.
func (c *compiler) try(d *Dialect) {
	data := readData{Pool: `a "pool"/1`, Names: map[string]string{}, anyLabel: true}
	for name, template := range d.names {
		c.tryText("names."+name, template, data, func(printed string) error {
			if printed == "" {
				return errors.New("it is empty")
			}
			data.Names[name] = printed
			return nil
		})
	}
	if len(data.Names) < len(d.names) {
		return // the others need them
	}
	values := map[string]any{}
	for name := range d.values {
		values[name] = `a "value"`
	}
	c.tryRequest("read", d.read, data)
	for key, path := range d.paths() {
		c.tryText(key, path, data, func(printed string) error {
			_, err := jsonpath.Parse(printed)
			return err
		})
	}
	order := scaleData{readData: data, From: 4, Agents: 6, Reason: "a \"reason\"\n", DecisionID: "pool-1", values: values}
	fromNone, toNone := order, order // templates may treat none apart
	fromNone.From, toNone.Agents = 0, 0
	_ = c.tryRequest("scale", d.scale, order) && c.tryRequest("scale", d.scale, fromNone) && c.tryRequest("scale", d.scale, toNone)
}

// tryRequest reports whether a request can be made of the data.
func (c *compiler) tryRequest(key string, r request, data any) bool {
	before := len(c.problems)
	anything := func(string) error { return nil }
	c.tryText(key+".path", r.path, data, checkPath)
	for name, header := range r.headers {
		c.tryText(key+".headers."+name, header, data, anything)
	}
	if r.body != nil && r.body.escape == asJSON {
		c.tryText(key+".body", r.body, data, checkJSON)
	} else {
		c.tryText(key+".body", r.body, data, anything)
	}
	return len(c.problems) == before
}

// tryText checks what a template prints; nil prints nothing.
func (c *compiler) tryText(key string, t *text, data any, check func(printed string) error) {
	if t == nil {
		return
	}
	printed, err := t.print(data)
	if err == nil {
		err = check(printed)
	}
	if err != nil {
		c.add(key, "%w", err)
	}
}

func checkJSON(body string) error {
	var whole json.RawMessage
	if err := json.Unmarshal([]byte(body), &whole); err != nil {
		return fmt.Errorf("it is not JSON (%w); values bring their own quotes, so write none around {{ }}; got %.200s", err, body)
	}
	return nil
}

// text is a template of a text.
type text struct {
	template *template.Template
	escape   escape
}

func (t *text) print(data any) (string, error) {
	var out strings.Builder
	if err := t.template.Execute(&out, data); err != nil {
		return "", errors.New(tidy(err.Error()))
	}
	return out.String(), nil
}

// tidy leaves out of a message of text/template what tells about our code.
func tidy(message string) string {
	if _, at, ok := strings.Cut(message, " at <"); ok {
		message = "<" + at
	}
	if known, _, ok := strings.Cut(message, " in type dialect."); ok {
		return known + "; a read knows .Pool and .Label, a scaling .Agents, .From, .Reason, .DecisionID and .Value as well"
	}
	if _, called, ok := strings.Cut(message, ": error calling "); ok {
		_, message, _ = strings.Cut(called, ": ")
	}
	return message
}

// escape is the name of the function that makes values safe for where they stand.
type escape string

const (
	plain   escape = "plain"   // names and headers
	segment escape = "segment" // paths, queries and forms
	asJSON  escape = "json"
)

var functions = template.FuncMap{
	string(plain): func(value any) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f { // a line's end would begin another header
				return ' '
			}
			return r
		}, fmt.Sprint(value))
	},
	string(segment): func(value any) string {
		return strings.ReplaceAll(url.QueryEscape(fmt.Sprint(value)), "+", "%20")
	},
	string(asJSON): func(value any) (string, error) {
		printed, err := json.Marshal(value)
		return string(printed), err
	},
}

// text compiles a template of which every action ends with an escape, so that
// nobody can forget one.
func (c *compiler) text(key, source string, e escape) *text {
	t, err := template.New("").Option("missingkey=error").Funcs(functions).Parse(source)
	if err != nil {
		c.add(key, "it is not a template: %s", strings.TrimPrefix(err.Error(), "template: :"))
		return nil
	}
	if !escapeAll(t.Tree, t.Root, e) {
		c.add(key, "template and block are not available; write it out")
		return nil
	}
	return &text{t, e}
}

// escapeAll appends an escape to every action that prints, and reports whether
// all of them could be found.
func escapeAll(tree *parse.Tree, n parse.Node, e escape) bool {
	branches := func(b parse.BranchNode) bool {
		return escapeAll(tree, b.List, e) && (b.ElseList == nil || escapeAll(tree, b.ElseList, e))
	}
	switch n := n.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			if !escapeAll(tree, child, e) {
				return false
			}
		}
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
				NodeType: parse.NodeCommand, Pos: n.Pos,
				Args: []parse.Node{parse.NewIdentifier(string(e)).SetTree(tree).SetPos(n.Pos)},
			})
		}
	case *parse.IfNode:
		return branches(n.BranchNode)
	case *parse.WithNode:
		return branches(n.BranchNode)
	case *parse.RangeNode:
		return branches(n.BranchNode)
	case *parse.TemplateNode:
		return false
	}
	return true
}
