package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/version"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// The API's document is made of the routes, of the types that their handlers encode and
// of the comments of these types, anew for each request: it cannot be older than they are.

// document is an OpenAPI document, version 3.1, as far as it is of use here.
type document struct {
	OpenAPI    string                              `json:"openapi"`
	Info       docInfo                             `json:"info"`
	Servers    []docServer                         `json:"servers"`
	Security   []map[string][]string               `json:"security"`
	Tags       []docTag                            `json:"tags"`
	Paths      map[string]map[string]*docOperation `json:"paths"` // by path and method
	Components docComponents                       `json:"components"`
}

type docInfo struct {
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Version     string     `json:"version"`
	License     docLicense `json:"license"`
}

type docLicense struct {
	Name       string `json:"name"`
	Identifier string `json:"identifier"`
}

type docServer struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

type docTag struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type docOperation struct {
	ID          string                `json:"operationId"`
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	Parameters  []parameter           `json:"parameters,omitempty"`
	Body        *docMessage           `json:"requestBody,omitempty"`
	Responses   map[string]docMessage `json:"responses"` // by status
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Required    bool   `json:"required,omitempty"`
	Schema      schema `json:"schema"`
}

// docMessage is a body that is sent or answered.
type docMessage struct {
	Ref         string                `json:"$ref,omitempty"`
	Description string                `json:"description,omitempty"`
	Required    bool                  `json:"required,omitempty"`
	Headers     map[string]docHeader  `json:"headers,omitempty"`
	Content     map[string]docContent `json:"content,omitempty"` // by media type
}

type docHeader struct {
	Description string `json:"description"`
	Schema      schema `json:"schema"`
}

type docContent struct {
	Schema  *schema         `json:"schema"`
	Example json.RawMessage `json:"example,omitempty"`
}

type docComponents struct {
	Schemas         map[string]*schema           `json:"schemas"`
	Responses       map[string]docMessage        `json:"responses"`
	SecuritySchemes map[string]docSecurityScheme `json:"securitySchemes"`
}

type docSecurityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme,omitempty"`
	Description string `json:"description"`
}

// The security schemes.
const (
	basicAuth = "basicAuth"
	mutualTLS = "mutualTLS"
)

// examplesJSON are examples by the IDs of operations, the same as in the guides.
//
//go:embed examples.json
var examplesJSON []byte

// example is what is sent, the data of the answer, and the error of one with status 400.
type example struct {
	Body  json.RawMessage `json:"body"`
	Data  json.RawMessage `json:"data"`
	Error string          `json:"error"`
}

func (s server) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", mediaJSON)
	_ = json.NewEncoder(w).Encode(documentOf(s.routes(newOrders(s.Options)))) // the client is gone if it fails
}

// documentOf describes routes.
func documentOf(routes []route) document {
	d := document{
		OpenAPI: "3.1.0",
		Info: docInfo{
			Title:   "scaling-adapter",
			Version: version.Version,
			License: docLicense{"Apache License 2.0", "Apache-2.0"},
			Description: "What a scaling-adapter knows, decides and is going to do, and the orders that it takes.\n\n" +
				"An answer has a `status`, `success` or `error`, and `data` or an `error`, which is a text for people. Times are UTC; what is not known is `null`. " +
				"In time there may be more fields, and more codes of reasons.",
		},
		Servers: []docServer{{"/", "The adapter that serves this document."}},
		// What is required is the business of the listener's web configuration.
		Security: []map[string][]string{{}, {basicAuth: {}}, {mutualTLS: {}}},
		Tags: []docTag{
			{tagProcess, "The process, for those who run it."},
			{tagState, "What the adapter knows and decides. Nothing is changed."},
			{tagOrders, "Overrides and events. Changes are refused with 403 unless the adapter was started with --web.enable-control-api."},
		},
		Paths: map[string]map[string]*docOperation{},
	}
	w := writer{maker: newMaker(), examples: map[string]example{}}
	if err := json.Unmarshal(examplesJSON, &w.examples); err != nil {
		panic("api: examples.json: " + err.Error())
	}
	for _, r := range routes {
		method, path, _ := strings.Cut(strings.TrimSuffix(r.pattern, "{$}"), " ")
		if d.Paths[path] == nil {
			d.Paths[path] = map[string]*docOperation{}
		}
		d.Paths[path][strings.ToLower(method)] = w.operation(method, path, r.operation)
	}
	d.Components = docComponents{
		Schemas: w.maker.made(),
		Responses: map[string]docMessage{"Unauthorized": {
			Description: "The web configuration asks for a user and a password.",
			Headers:     map[string]docHeader{"WWW-Authenticate": {"Basic.", text}},
			Content:     plainText,
		}},
		SecuritySchemes: map[string]docSecurityScheme{
			basicAuth: {"http", "basic", "A user of basic_auth_users of the web configuration."},
			mutualTLS: {"mutualTLS", "", "A client's certificate, if the web configuration says client_auth_type: RequireAndVerifyClientCert."},
		},
	}
	return d
}

var plainText = map[string]docContent{mediaText: {Schema: &schema{Type: types{"string"}}}}

// writer writes operations.
type writer struct {
	maker    *maker
	examples map[string]example
}

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

func (w writer) operation(method, path string, o operation) *docOperation {
	out := &docOperation{ID: o.id, Tags: []string{o.tag}, Summary: o.does, Description: o.more, Responses: map[string]docMessage{}}
	for _, name := range placeholder.FindAllStringSubmatch(path, -1) {
		out.Parameters = append(out.Parameters, parameter{name[1], "path", map[string]string{"pool": "Name of the pool.", "id": "ID of the event."}[name[1]], true, text})
	}
	out.Parameters = append(out.Parameters, o.takes...)
	example := w.examples[o.id]
	fails := map[int]string{}
	if o.media == "" && method != http.MethodGet {
		fails[http.StatusForbidden] = "Orders are not taken, or not from who asks, or a page of another site asks."
	}
	if o.tag == tagOrders && method != http.MethodGet {
		out.Parameters = append(out.Parameters, parameter{keyHeader, "header", "A text of your own for this order. Sent again with it, the order is answered as before and not carried out twice.", false,
			schema{Type: types{"string"}, MaxLength: mostKey}})
		fails[http.StatusUnprocessableEntity] = "The " + keyHeader + " was used for another order."
	}
	if o.body != nil {
		out.Body = &docMessage{Required: true, Content: map[string]docContent{mediaJSON: {w.maker.of(o.body), example.Body}}}
		fails[http.StatusRequestEntityTooLarge] = "The body is too long."
		fails[http.StatusUnsupportedMediaType] = "The header Content-Type is not that of JSON."
	}
	for status, why := range o.fails {
		fails[status] = why
	}
	out.Responses["200"] = w.success(o, example)
	out.Responses["401"] = docMessage{Ref: "#/components/responses/Unauthorized"}
	for status, why := range fails {
		out.Responses[strconv.Itoa(status)] = w.failure(status, why, o, example)
	}
	return out
}

func (w writer) success(o operation, e example) docMessage {
	switch o.media {
	case "":
		c := docContent{Schema: w.maker.answer(apiv1.Success, w.maker.of(o.data))}
		if e.Data != nil {
			c.Example = fmt.Appendf(nil, `{"status": %q, "data": %s}`, apiv1.Success, e.Data)
		}
		return docMessage{Description: "Done.", Content: map[string]docContent{mediaJSON: c}}
	case mediaJSON:
		return docMessage{Description: "The document.", Content: map[string]docContent{mediaJSON: {Schema: &schema{Type: types{"object"}, AdditionalProperties: &schema{}}}}}
	}
	return docMessage{Description: "Fine.", Content: map[string]docContent{o.media: plainText[mediaText]}}
}

func (w writer) failure(status int, why string, o operation, e example) docMessage {
	m := docMessage{Description: why, Content: map[string]docContent{}}
	if o.media == mediaHTML {
		m.Content[mediaHTML] = plainText[mediaText]
		return m
	}
	if o.media != mediaText {
		c := docContent{Schema: w.maker.failure()}
		if status == http.StatusBadRequest && e.Error != "" {
			c.Example = fmt.Appendf(nil, `{"status": %q, "error": %q}`, apiv1.Failure, e.Error)
		}
		m.Content[mediaJSON] = c
	}
	if o.media == mediaText || status == http.StatusForbidden { // pages of other sites are refused before the API is asked
		m.Content[mediaText] = plainText[mediaText]
	}
	if status == http.StatusServiceUnavailable && o.media == "" {
		m.Headers = map[string]docHeader{"Retry-After": {"Seconds after which asking again may help.", schema{Type: types{"integer"}}}}
	}
	return m
}

// query is a parameter of a query that may be left out.
func query(name, description string, s schema) parameter {
	return parameter{Name: name, In: "query", Description: description, Schema: s}
}

func (p parameter) required() parameter {
	p.Required = true
	return p
}
