// Package dialect puts what an actuator has to say into the words of an
// orchestrator: it makes the requests that read and scale a pool out of
// templates, and tells what the answers mean.
//
// Every orchestrator is a set of [Templates], our own contract too: see
// [ScalingAdapter], [Kubernetes] and [Nomad]. The package is pure: it sends
// nothing.
package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Templates say how an orchestrator is talked to. Paths, headers, bodies and
// JSON paths are templates of text/template, which know
//
//	.Pool           the pool's name
//	.Label "x"      its label x
//
// and when they scale also
//
//	.Agents         agents that the pool shall have
//	.From           agents that the decision was made for
//	.Reason         why, for people
//	.DecisionID     the decision's name, the same when a request is repeated
//	.Value "x"      the value x of the read before, see Read.Values
//
// What they print is escaped for where it stands: in a path and a form each value
// is percent-encoded, in JSON and in JSON paths it is JSON, with its quotes.
type Templates struct {
	// Names are templates of a pool's names, as they are; the others know them
	// as .Names.x.
	Names map[string]string
	Read  Read
	Scale Scale
}

// Request is the template of a request.
type Request struct {
	Method  string
	Path    string // appended to the orchestrator's URL, with its query
	Headers map[string]string
	Body    string // JSON or a form, as the header Content-Type says; without one it is JSON
}

// Read asks how many agents a pool has. Any answer but 200 leaves that unknown.
type Read struct {
	Request
	Agents string // JSON path (RFC 9535) of the agents that were asked for
	Ready  string // that of those that can work; empty: all can
	// ReadyIfMissing says what it means when an answer has no value at Ready.
	ReadyIfMissing Ready
	// Values are JSON paths of values that scaling sends back, by name, so that the
	// orchestrator notices when somebody else was faster. A pool is then read
	// right before it is scaled.
	Values map[string]string
}

// Ready says how many agents are ready when an orchestrator does not.
type Ready string

// The ways to count agents of which nothing is told.
const (
	AllReady  Ready = "all"
	NoneReady Ready = "none"
)

// Scale asks for another number of agents. Any 2xx accepts it.
type Scale struct {
	Request
	Conflicts []Answer // that say: the pool is not as it was, decide again
}

// Answer describes answers.
type Answer struct {
	Status   int
	Contains string // what stands in the body; empty: anything
}

// Pool is what templates know of a pool.
type Pool struct {
	Name   string
	Labels map[string]string
}

// Call is a request as it is sent.
type Call struct {
	Method, Path string
	Headers      map[string]string
	Body         []byte
}

// Told is what an orchestrator tells of a pool.
type Told struct {
	Agents, Ready int

	values map[string]any // that scaling sends back: texts, numbers and truth values
}

const (
	maxAgents = 1 << 20 // more than any pool has
	maxReason = 500     // bytes of the reason that is sent
)

// Dialect is a set of templates that were found to be good. It is safe for
// concurrent use.
type Dialect struct {
	names          map[string]*text
	read, scale    request
	agents, ready  *text // ready is nil when all agents are
	readyIfMissing Ready
	values         map[string]*text
	conflicts      []Answer
}

// ReadsFirst reports whether scaling sends back what a read tells, so that the
// pool must be read right before.
func (d *Dialect) ReadsFirst() bool { return len(d.values) > 0 }

// Read returns the request that asks for a pool's agents.
func (d *Dialect) Read(p Pool) (Call, error) {
	data, err := d.dataOf(p)
	if err != nil {
		return Call{}, err
	}
	return d.read.call(data)
}

// Scale returns the request that carries out a decision about a pool. Told is what a
// read has told right before if [Dialect.ReadsFirst].
func (d *Dialect) Scale(p Pool, decision policy.Decision, told Told) (Call, error) {
	data, err := d.dataOf(p)
	if err != nil {
		return Call{}, err
	}
	return d.scale.call(scaleData{
		readData: data, Agents: decision.Desired, From: decision.Current,
		Reason: reasonOf(decision), DecisionID: decision.ID, values: told.values,
	})
}

// reasonOf returns the last reason, which is the one that set the number.
func reasonOf(d policy.Decision) string {
	if len(d.Reasons) == 0 {
		return ""
	}
	reason := d.Reasons[len(d.Reasons)-1].Detail
	return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

// Told reads the answer to [Dialect.Read].
func (d *Dialect) Told(p Pool, status int, body []byte) (Told, error) {
	switch status {
	case 200:
	case 404:
		return Told{}, errors.New("the orchestrator does not know the pool")
	default:
		return Told{}, fmt.Errorf("the orchestrator answered %d", status)
	}
	data, err := d.dataOf(p)
	if err != nil {
		return Told{}, err
	}
	document, err := decode(body)
	if err != nil {
		return Told{}, fmt.Errorf("the orchestrator's answer is not understood: %w", err)
	}
	agents, found, err := count(document, d.agents, data)
	switch {
	case err != nil:
		return Told{}, fmt.Errorf("agents in the orchestrator's answer: %w", err)
	case !found:
		return Told{}, errors.New("the orchestrator's answer has no agents")
	}
	told := Told{Agents: agents, Ready: agents}
	if d.ready != nil {
		ready, found, err := count(document, d.ready, data)
		switch {
		case err != nil:
			return Told{}, fmt.Errorf("ready agents in the orchestrator's answer: %w", err)
		case found:
			told.Ready = min(ready, agents)
		case d.readyIfMissing == NoneReady:
			told.Ready = 0
		}
	}
	for name, path := range d.values {
		value, err := one(document, path, data)
		switch value.(type) {
		case string, json.Number, bool:
		case nil:
			err = errors.Join(err, errors.New("it has none"))
		default:
			err = errors.New("it is a list or an object")
		}
		if err != nil {
			return Told{}, fmt.Errorf("value %s in the orchestrator's answer: %w", name, err)
		}
		if told.values == nil {
			told.values = make(map[string]any, len(d.values))
		}
		told.values[name] = value
	}
	return told, nil
}

// decode reads JSON and keeps its numbers as they are written.
func decode(body []byte) (document any, err error) {
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil { // it minds what follows, a decoder does not
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(whole))
	decoder.UseNumber()
	err = decoder.Decode(&document)
	return document, err
}

// one returns the value at a path; nil when there is none.
func one(document any, path *text, data readData) (any, error) {
	query, err := queryOf(path, data)
	if err != nil {
		return nil, err
	}
	switch nodes := query.Select(document); len(nodes) {
	case 0:
		return nil, nil
	case 1:
		return nodes[0], nil
	default:
		return nil, fmt.Errorf("%s selects %d values, want one", query, len(nodes))
	}
}

func queryOf(path *text, data readData) (*jsonpath.Path, error) {
	printed, err := path.print(data)
	if err != nil {
		return nil, err
	}
	return jsonpath.Parse(printed)
}

// count returns the whole number at a path, and whether there is one.
func count(document any, path *text, data readData) (n int, found bool, err error) {
	value, err := one(document, path, data)
	if value == nil || err != nil {
		return 0, false, err
	}
	number, ok := value.(json.Number)
	if !ok {
		return 0, false, errors.New("expected a whole number")
	}
	n, err = strconv.Atoi(number.String())
	switch {
	case err != nil:
		return 0, false, fmt.Errorf("expected a whole number, got %.20s", number)
	case n < 0 || n > maxAgents:
		return 0, false, fmt.Errorf("there cannot be %d", n)
	}
	return n, true, nil
}

// Result tells what the answer to [Dialect.Scale] means: accepted, conflict, busy or
// failed.
func (d *Dialect) Result(status int, body []byte) policy.Result {
	switch {
	case status >= 200 && status < 300:
		return policy.Accepted
	case slices.ContainsFunc(d.conflicts, func(a Answer) bool {
		return a.Status == status && bytes.Contains(body, []byte(a.Contains))
	}):
		return policy.Conflict
	case status == 429 || status == 503:
		return policy.Busy
	}
	return policy.Failed
}

// readData is what templates of reads know.
type readData struct {
	Pool  string
	Names map[string]string

	labels   map[string]string
	anyLabel bool // a pool to try templates with, which has every label
}

// Label returns a label of the pool.
func (d readData) Label(name string) (string, error) {
	if d.anyLabel {
		return "a label", nil
	}
	label, ok := d.labels[name]
	if !ok {
		return "", fmt.Errorf("the pool has no label %q; add it to the pool's labels", name)
	}
	return label, nil
}

// scaleData is what templates of scalings know.
type scaleData struct {
	readData
	Agents, From       int
	Reason, DecisionID string

	values map[string]any
}

// Value returns a value that the read before has told.
func (d scaleData) Value(name string) (any, error) {
	value, ok := d.values[name]
	if !ok {
		return nil, fmt.Errorf("there is no value %q; add it to the values of read", name)
	}
	return value, nil
}

func (d *Dialect) dataOf(p Pool) (readData, error) {
	data := readData{Pool: p.Name, labels: p.Labels}
	if len(d.names) == 0 {
		return data, nil
	}
	names := make(map[string]string, len(d.names))
	for key, template := range d.names {
		name, err := template.print(data)
		if err != nil {
			return data, err
		}
		if name == "" {
			return data, fmt.Errorf("its %s is empty", key)
		}
		names[key] = name
	}
	data.Names = names
	return data, nil
}

// request is the compiled template of a request.
type request struct {
	method  string
	path    *text
	headers map[string]*text
	body    *text // nil: none
}

func (r request) call(data any) (Call, error) {
	path, err := r.path.print(data)
	if err != nil {
		return Call{}, err
	}
	if err := checkPath(path); err != nil {
		return Call{}, err
	}
	call := Call{Method: r.method, Path: path, Headers: make(map[string]string, len(r.headers))}
	for name, template := range r.headers {
		if call.Headers[name], err = template.print(data); err != nil {
			return Call{}, err
		}
	}
	if r.body != nil {
		body, err := r.body.print(data)
		if err != nil {
			return Call{}, err
		}
		call.Body = []byte(body)
	}
	return call, nil
}

// checkPath refuses paths that lead elsewhere than they say.
func checkPath(path string) error {
	u, err := url.ParseRequestURI(path)
	switch {
	case !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return fmt.Errorf("the path must begin with one /, got %q", path)
	case strings.Contains(path, "#"):
		return fmt.Errorf("the path must have no fragment; write %%23 for #, got %q", path)
	case err != nil:
		return fmt.Errorf("the path %q is none of a URL", path)
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return fmt.Errorf("the path must have no segment %q, got %q", segment, path)
		}
	}
	return nil
}
