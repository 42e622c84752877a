// Package apitest holds what the HTTP API does against what its OpenAPI document says,
// more strictly than clients should: fields that are not in the document are an error.
// It is for tests.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Path is where the document is served.
const Path = "/api/v1/openapi.json"

// Answers returns a handler that answers as h does if that is as h's document says, and
// otherwise with status 500 and what is wrong.
func Answers(h http.Handler) http.Handler { return checked{h, false} }

// Calls does the same as [Answers], and also wants the requests that succeed to be as the
// document says.
func Calls(h http.Handler) http.Handler { return checked{h, true} }

type checked struct {
	http.Handler
	requests bool
}

// own is the document of this process, the same for all handlers.
var own struct {
	mu       sync.Mutex
	document *Document
}

func document(ctx context.Context, h http.Handler) (*Document, error) {
	own.mu.Lock()
	defer own.mu.Unlock()
	if own.document != nil {
		return own.document, nil
	}
	d, err := Fetch(ctx, h)
	if err == nil {
		own.document = d
	}
	return d, err
}

func (c checked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d, err := document(r.Context(), c.Handler)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	inner := r.Clone(r.Context())
	inner.Body = io.NopCloser(bytes.NewReader(sent))
	answer := httptest.NewRecorder()
	c.Handler.ServeHTTP(answer, inner)
	err = d.Answer(r, answer.Result(), answer.Body.Bytes())
	if err == nil && c.requests && answer.Code == http.StatusOK {
		err = d.Request(r, sent)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client is gone if it fails
}

// Document is an OpenAPI document.
type Document struct {
	Paths      map[string]map[string]Operation // by path and method in lower case
	Components struct {
		Responses map[string]Message
	}

	compiler *jsonschema.Compiler
	mu       sync.Mutex // the compiler is for one at a time
	compiled map[string]*jsonschema.Schema
}

// Operation is what a document says of a path and a method.
type Operation struct {
	ID         string `json:"operationId"`
	Parameters []struct {
		Name, In string
		Required bool
		Schema   struct {
			Type    any
			Default any
		}
	}
	Body      *Message           `json:"requestBody"`
	Responses map[string]Message // by status
}

// Message is a body of JSON or text.
type Message struct {
	Ref     string `json:"$ref"`
	Content map[string]struct{ Example json.RawMessage }
}

// Fetch asks a handler for its document.
func Fetch(ctx context.Context, h http.Handler) (*Document, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, Path, nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: got %d %s", Path, w.Code, w.Body)
	}
	d := &Document{compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(w.Body.Bytes(), d); err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		return nil, err
	}
	closeObjects(tree)
	d.compiler.AssertFormat()
	return d, d.compiler.AddResource("openapi.json", tree)
}

// closeObjects lets no other properties in than those that a schema has.
func closeObjects(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, v := range tree {
			closeObjects(v)
		}
	case map[string]any:
		_, open := tree["additionalProperties"]
		if _, ok := tree["properties"].(map[string]any); ok && !open {
			tree["additionalProperties"] = false
		}
		for key, v := range tree {
			if key != "example" {
				closeObjects(v)
			}
		}
	}
}

// Find returns the operation that a request asks for, and where in the document it is.
func (d *Document) Find(r *http.Request) (o Operation, place string, ok bool) {
	asked := strings.Split(r.URL.EscapedPath(), "/")
	for path, methods := range d.Paths {
		o, ok := methods[strings.ToLower(r.Method)]
		if ok && slices.EqualFunc(strings.Split(path, "/"), asked, fits) {
			return o, pointer("paths", path, strings.ToLower(r.Method)), true
		}
	}
	return o, "", false
}

// fits reports whether a segment of a path is one of the document's.
func fits(documented, segment string) bool {
	return documented == segment || strings.HasPrefix(documented, "{") && segment != ""
}

func pointer(keys ...string) string {
	var b strings.Builder
	for _, key := range keys {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return b.String()
}

// Answer says what the document has against an answer.
func (d *Document) Answer(r *http.Request, answer *http.Response, body []byte) error {
	what := fmt.Sprintf("%s %s is answered with %d", r.Method, r.URL, answer.StatusCode)
	o, place, ok := d.Find(r)
	switch {
	case !ok && slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden, http.StatusTemporaryRedirect}, answer.StatusCode):
		return nil // it is not served
	case !ok:
		return fmt.Errorf("%s, but the document has no such path and method", what)
	}
	status := strconv.Itoa(answer.StatusCode)
	place += pointer("responses", status)
	m, ok := o.Responses[status]
	if !ok {
		return fmt.Errorf("%s, which is not in the document", what)
	}
	if name, ok := strings.CutPrefix(m.Ref, "#/components/responses/"); ok {
		m, place = d.Components.Responses[name], pointer("components", "responses", name)
	}
	if err := d.message(m, place, answer.Header.Get("Content-Type"), body); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Request says what the document has against a request that was carried out.
func (d *Document) Request(r *http.Request, body []byte) error {
	o, place, ok := d.Find(r)
	if !ok {
		return fmt.Errorf("%s %s is carried out, but the document has no such path and method", r.Method, r.URL)
	}
	err := d.query(o, place, r)
	switch {
	case o.Body != nil:
		err = errors.Join(err, d.message(*o.Body, place+"/requestBody", r.Header.Get("Content-Type"), body))
	case len(body) > 0:
		err = errors.Join(err, errors.New("there is a body"))
	}
	if err != nil {
		return fmt.Errorf("%s %s %s is carried out, but is not as the document says: %w", r.Method, r.URL, body, err)
	}
	return nil
}

func (d *Document) query(o Operation, place string, r *http.Request) error {
	var errs []error
	left := r.URL.Query()
	for i, p := range o.Parameters {
		if p.In != "query" {
			continue
		}
		if p.Required && !left.Has(p.Name) {
			errs = append(errs, fmt.Errorf("there is no parameter %s", p.Name))
		}
		for _, text := range left[p.Name] {
			if text == "" {
				continue // the same as none
			}
			if err := d.validate(place+pointer("parameters", strconv.Itoa(i), "schema"), value(text, p.Schema.Type)); err != nil {
				errs = append(errs, fmt.Errorf("parameter %s: %w", p.Name, err))
			}
		}
		delete(left, p.Name)
	}
	for name := range left {
		errs = append(errs, fmt.Errorf("the document has no parameter %s", name))
	}
	return errors.Join(errs...)
}

// value is the text of a parameter as JSON has it.
func value(text string, kind any) any {
	switch kind {
	case "integer":
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case "boolean":
		if is, err := strconv.ParseBool(text); err == nil {
			return is
		}
	}
	return text
}

// message says what the document has against a body.
func (d *Document) message(m Message, place, contentType string, body []byte) error {
	media, _, err := mime.ParseMediaType(contentType)
	if _, ok := m.Content[media]; err != nil || !ok {
		return fmt.Errorf("the document has no content of type %q", contentType)
	}
	place += pointer("content", media, "schema")
	if media != "application/json" {
		return d.validate(place, string(body))
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return d.validate(place, doc)
}

// Examples says what the document has against its examples for an operation.
func (d *Document) Examples(method, path string) error {
	o, place := d.Paths[path][strings.ToLower(method)], pointer("paths", path, strings.ToLower(method))
	var errs []error
	check := func(m Message, place string) {
		for media, c := range m.Content {
			if c.Example != nil {
				errs = append(errs, d.message(m, place, media, c.Example))
			}
		}
	}
	if o.Body != nil {
		check(*o.Body, place+"/requestBody")
	}
	for status, m := range o.Responses {
		check(m, place+pointer("responses", status))
	}
	return errors.Join(errs...)
}

// validate says what the schema at a place has against a value.
func (d *Document) validate(place string, v any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.compiled[place] == nil {
		s, err := d.compiler.Compile("openapi.json#" + place)
		if err != nil {
			return err
		}
		d.compiled[place] = s
	}
	return d.compiled[place].Validate(v)
}
