package api

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/jsonschema"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

type (
	schema = jsonschema.Schema
	types  = jsonschema.Types
)

var text = schema{Type: types{"string"}}

// whole is the schema of whole numbers.
func whole(least, ordinary int) schema {
	return schema{Type: types{"integer"}, Minimum: new(float64(least)), Default: ordinary}
}

// durationPattern is how Prometheus writes durations.
const durationPattern = `^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$`

// values are all values of a type, as JSON has them.
func values[T ~string](all ...T) schema {
	s := schema{Type: types{"string"}}
	for _, v := range all {
		s.Enum = append(s.Enum, string(v))
	}
	return s
}

// closed are the types with few values. The codes of reasons are not closed: there will
// be more of them.
var closed = map[reflect.Type]schema{
	reflect.TypeFor[policy.Mode]():         values(policy.DryRun, policy.ScaleUpOnly, policy.Active),
	reflect.TypeFor[policy.Result]():       values(policy.NotNeeded, policy.NotSent, policy.Accepted, policy.Busy, policy.Conflict, policy.Unknown, policy.Failed),
	reflect.TypeFor[engine.HealthStatus](): values(engine.Healthy, engine.Degraded, engine.Unhealthy),
	reflect.TypeFor[engine.Rung]():         values(engine.Rungs[:]...),
	reflect.TypeFor[budget.Status]():       values(budget.OK, budget.Held, budget.Exhausted, budget.Unknown),
	reflect.TypeFor[budget.Window]():       values(budget.LocalDay, budget.Rolling24h, budget.Both),
}

// words are what neither types nor comments say, by type and key like Pool.name, and by
// type.
func words() map[string]schema {
	quality := values(policy.Empty.String(), policy.OK.String(), policy.NaN.String(), policy.Stale.String(), policy.Partial.String(), policy.Error.String())
	name, words := schema{Pattern: nameSyntax.String()}, schema{MaxLength: mostText}
	agents := schema{Minimum: new(0.0), Maximum: new(float64(mostAgents))}
	load := schema{Minimum: new(0.0)}
	instant, length := schema{Format: "date-time"}, schema{Pattern: durationPattern}
	strict, loose := schema{AdditionalProperties: &schema{Never: true}}, schema{AdditionalProperties: &schema{}}
	return map[string]schema{
		"Status.status":       values("starting", "ok", "degraded"),
		"Host.quality":        quality,
		"Sample.quality":      quality,
		"Override.source":     values("api", "configuration"),
		"Budget.window":       values(budget.LocalDay, budget.Rolling24h, ""), // nothing: the posts used are not known
		"KnownEvent.state":    values("upcoming", "active", "over"),
		"Explanation.budgets": orNull,
		"Explanation.hosts":   orNull,

		"OverrideOrder":          strict,
		"Order.min":              agents,
		"Order.max":              agents,
		"Order.exact":            agents,
		"OverrideOrder.author":   {MinLength: 1, MaxLength: mostName},
		"OverrideOrder.reason":   {MinLength: 1, MaxLength: mostText},
		"OverrideOrder.start":    instant,
		"OverrideOrder.end":      instant,
		"OverrideOrder.duration": length,

		"Order":                    strict,
		"EvaluationOrder":          strict,
		"EvaluationOrder.load":     load,
		"EvaluationOrder.forecast": load,
		"EvaluationOrder.agents":   agents,

		"EventOrder":          strict,
		"EventOrder.id":       name,
		"EventOrder.type":     name,
		"EventOrder.name":     words,
		"EventOrder.author":   {MaxLength: mostName},
		"EventOrder.start":    instant,
		"EventOrder.end":      instant,
		"EventOrder.duration": length,

		"Notification":         loose,
		"Notification.version": values("4"),
		"Alert":                loose,
		"Alert.status":         {Description: "firing or resolved"},
	}
}

// orNull are the words for a list that may be null.
var orNull = schema{Type: types{"array", "null"}}

// maker makes schemas of Go types as encoding/json writes them. A key that is always
// written is required.
type maker struct {
	schemas  map[string]*schema      // of structs
	types    map[string]reflect.Type // that the names stand for
	comments map[string]string       // of types, and of fields like Pool.Name
	words    map[string]schema
	used     map[string]bool // words
}

func newMaker() *maker {
	return &maker{map[string]*schema{}, map[string]reflect.Type{}, commentsOf(apiv1.Source), words(), map[string]bool{}}
}

// made returns the schemas of all structs that were referred to.
func (m *maker) made() map[string]*schema {
	for key := range m.words {
		if !m.used[key] {
			panic("api: there are words for " + key + ", which is not there")
		}
	}
	return m.schemas
}

// of returns the schema of the values of v's type.
func (m *maker) of(v any) *schema { return m.schema(reflect.TypeOf(v)) }

// answer returns the schema of answers with a status and data.
func (m *maker) answer(status string, data *schema) *schema {
	s := m.structure(reflect.TypeFor[apiv1.Answer]())
	only := values(status)
	s.Properties["status"] = &only
	if data != nil {
		s.Properties["data"] = data
		s.Required = append(s.Required, "data")
		delete(s.Properties, "error")
	} else {
		s.Required = append(s.Required, "error")
		delete(s.Properties, "data")
	}
	return s
}

// failure refers to the schema of answers that tell an error.
func (m *maker) failure() *schema {
	const name = "Failure"
	if m.schemas[name] == nil {
		m.schemas[name] = m.answer(apiv1.Failure, nil)
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

func (m *maker) schema(t reflect.Type) *schema {
	if s, ok := closed[t]; ok {
		return &s
	}
	if t == reflect.TypeFor[time.Time]() {
		return &schema{Type: types{"string"}, Format: "date-time"}
	}
	if p := reflect.PointerTo(t); p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()) {
		panic(fmt.Sprintf("api: %s says itself how it is encoded", t))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(m.schema(t.Elem()))
	case reflect.Struct:
		return m.reference(t)
	case reflect.Slice:
		return &schema{Type: types{"array"}, Items: m.schema(t.Elem())}
	case reflect.Map:
		s := &schema{Type: types{"object"}, AdditionalProperties: m.schema(t.Elem())}
		if names, ok := closed[t.Key()]; ok {
			s.PropertyNames = &names
		}
		return s
	case reflect.String:
		return &schema{Type: types{"string"}}
	case reflect.Bool:
		return &schema{Type: types{"boolean"}}
	case reflect.Int:
		return &schema{Type: types{"integer"}}
	case reflect.Uint64:
		return &schema{Type: types{"integer"}, Minimum: new(0.0)}
	case reflect.Float64:
		return &schema{Type: types{"number"}}
	case reflect.Interface:
		return &schema{}
	}
	panic(fmt.Sprintf("api: there is no schema for %s", t))
}

func nullable(s *schema) *schema {
	if s.Ref != "" || s.Enum != nil {
		return &schema{AnyOf: []*schema{s, {Type: types{"null"}}}}
	}
	s.Type = append(slices.Clone(s.Type), "null")
	return s
}

// reference refers to the schema of a struct.
func (m *maker) reference(t reflect.Type) *schema {
	name := nameOf(t)
	switch other, taken := m.types[name]; {
	case !taken:
		m.types[name] = t
		s := m.structure(t)
		s.Description = m.comments[t.Name()]
		m.schemas[name] = s.With(m.said(name))
	case other != t:
		panic(fmt.Sprintf("api: %s and %s have one name", t, other))
	}
	return &schema{Ref: "#/components/schemas/" + name}
}

func nameOf(t reflect.Type) string { return strings.ToUpper(t.Name()[:1]) + t.Name()[1:] }

// structure returns the schema of a struct. The fields of an embedded one are its own.
func (m *maker) structure(t reflect.Type) *schema {
	out := &schema{Type: types{"object"}, Properties: map[string]*schema{}}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			embedded := m.structure(f.Type)
			maps.Copy(out.Properties, embedded.Properties)
			out.Required = append(out.Required, embedded.Required...)
			continue
		}
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind := f.Type
		switch {
		case key == "" || key == "-":
			panic(fmt.Sprintf("api: %s of %s has no key", f.Name, t))
		case options == "":
			out.Required = append(out.Required, key)
		case kind.Kind() == reflect.Pointer: // it is left out, and not null
			kind = kind.Elem()
		}
		s := m.schema(kind)
		s.Description = m.comments[t.Name()+"."+f.Name]
		out.Properties[key] = s.With(m.said(nameOf(t) + "." + key))
	}
	return out
}

// said returns the words for a type or a key.
func (m *maker) said(key string) schema {
	m.used[key] = true
	return m.words[key]
}

// commentsOf returns what Go code says of its types, by name, and of the fields of
// structs, like Pool.Name.
func commentsOf(source fs.FS) map[string]string {
	out := map[string]string{}
	files, err := fs.Glob(source, "*.go")
	if err != nil {
		panic("api: " + err.Error())
	}
	for _, name := range files {
		code, err := fs.ReadFile(source, name)
		if err != nil {
			panic("api: " + err.Error())
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, code, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			panic("api: " + err.Error()) // it was compiled
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						note(out, t, d.Doc)
					}
				}
			}
		}
	}
	return out
}

// note writes the comments of a type down.
func note(out map[string]string, t *ast.TypeSpec, doc *ast.CommentGroup) {
	out[t.Name.Name] = sentence(doc)
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			if out[t.Name.Name+"."+name.Name] = sentence(f.Doc); f.Doc == nil {
				out[t.Name.Name+"."+name.Name] = sentence(f.Comment)
			}
		}
	}
}

// sentence is a comment in one line.
func sentence(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
