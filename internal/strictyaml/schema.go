package strictyaml

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/scaling-adapter/scaling-adapter/internal/jsonschema"
)

// Schema is the JSON Schema of documents.
type Schema = jsonschema.Schema

// Types are the names of types in a [Schema].
type Types = jsonschema.Types

// Need returns schemas of objects that have one of the keys each.
func Need(keys ...string) []*Schema {
	var out []*Schema
	for _, key := range keys {
		out = append(out, &Schema{Required: []string{key}})
	}
	return out
}

// Duration returns the schema of durations like 10m, as Prometheus reads them.
func Duration() Schema {
	return Schema{
		Type: Types{"string", "integer"}, MinLength: 1, Minimum: new(0.0), Maximum: new(0.0), // without a unit only 0
		PatternMessage: "Expected a duration like 10m.",
		Pattern:        `^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`,
	}
}

// Words say about documents what their types do not.
type Words struct {
	// Keys are for the keys of structs, by type and key like pool.name. All keys have
	// some, but those in values of types that decode themselves.
	Keys map[string]Schema
	// Structs are for whole structs, by the name of the type.
	Structs map[string]Schema
	// Types are the schemas of types that decode themselves.
	Types map[reflect.Type]Schema
}

// SchemaOf returns the schema of the documents that [Decode] accepts for a T. It is
// an error when words are missing or left over. Null stands for a value that is not
// there, as for Decode.
func SchemaOf[T any](w Words) (*Schema, error) {
	m := maker{Words: w, defs: map[string]*Schema{}, types: map[string]reflect.Type{}, used: map[string]bool{}}
	t := reflect.TypeFor[T]()
	m.of(t, false)
	root := *m.defs[t.Name()]
	delete(m.defs, t.Name())
	root.Dialect, root.Defs = "https://json-schema.org/draft/2020-12/schema", m.defs
	for key := range w.Keys {
		if !m.used[key] {
			m.errs = append(m.errs, fmt.Errorf("there are words for %s, which no struct has", key))
		}
	}
	for name := range w.Structs {
		if !m.used[name] {
			m.errs = append(m.errs, fmt.Errorf("there are words for %s, which is no struct of the document", name))
		}
	}
	slices.SortFunc(m.errs, func(a, b error) int { return slices.Compare([]byte(a.Error()), []byte(b.Error())) })
	return &root, errors.Join(m.errs...)
}

type maker struct {
	Words
	defs  map[string]*Schema
	types map[string]reflect.Type // that the names of defs stand for
	used  map[string]bool         // words
	errs  []error
}

// of returns the schema of a type. Foreign ones are in a value whose type decodes
// itself, which is not as strict.
func (m *maker) of(t reflect.Type, foreign bool) *Schema {
	if s, ok := m.Types[t]; ok {
		return &s
	}
	foreign = foreign || decodesItself(t)
	switch t.Kind() {
	case reflect.Pointer:
		return m.of(t.Elem(), foreign)
	case reflect.Struct:
		return m.reference(t, foreign)
	case reflect.Slice:
		item := m.of(t.Elem(), foreign)
		switch {
		case foreign:
			item = orNull(item)
		case item.Ref != "":
			item.Type = Types{"object"} // an empty item is a mistake
		}
		return &Schema{Type: Types{"array"}, Items: item}
	case reflect.Map:
		return &Schema{Type: Types{"object"}, AdditionalProperties: orNull(m.of(t.Elem(), foreign))}
	case reflect.String:
		if foreign {
			return &Schema{Type: Types{"string", "number", "boolean"}}
		}
		return &Schema{Type: Types{"string"}}
	case reflect.Bool:
		return &Schema{Type: Types{"boolean"}}
	case reflect.Int:
		return &Schema{Type: Types{"integer"}}
	case reflect.Float64:
		return &Schema{Type: Types{"number"}}
	case reflect.Interface:
		return &Schema{}
	}
	m.errs = append(m.errs, fmt.Errorf("there is no schema for %s", t))
	return &Schema{}
}

// reference refers to the definition of a struct.
func (m *maker) reference(t reflect.Type, foreign bool) *Schema {
	name := t.Name()
	switch other, taken := m.types[name]; {
	case !taken:
		m.types[name] = t
		m.defs[name] = &Schema{} // it may contain itself
		*m.defs[name] = *m.structure(t, foreign)
	case other != t:
		m.errs = append(m.errs, fmt.Errorf("%s and %s have one name", t, other))
	}
	return &Schema{Ref: "#/$defs/" + name}
}

func (m *maker) structure(t reflect.Type, foreign bool) *Schema {
	out := &Schema{Type: Types{"object", "null"}, Properties: map[string]*Schema{}, AdditionalProperties: &Schema{Never: true}}
	f := fieldsOf(t)
	for key, i := range f.byKey {
		s := m.of(t.Field(i).Type, foreign)
		if !foreign {
			s = s.With(m.words(t.Name() + "." + key))
		}
		out.Properties[key] = orNull(s)
	}
	if f.inline >= 0 {
		switch inlined := t.Field(f.inline).Type; inlined.Kind() {
		case reflect.Map:
			out.AdditionalProperties = orNull(m.of(inlined.Elem(), foreign))
		default:
			for key, s := range m.structure(inlined, foreign || decodesItself(inlined)).Properties {
				out.Properties[key] = s
			}
		}
	}
	m.used[t.Name()] = true
	return out.With(m.Structs[t.Name()])
}

func (m *maker) words(key string) Schema {
	w, ok := m.Keys[key]
	if !ok {
		m.errs = append(m.errs, fmt.Errorf("there are no words for %s", key))
	}
	m.used[key] = true
	return w
}

// orNull returns the schema for a value that may be left out.
func orNull(s *Schema) *Schema {
	if s.Ref != "" || len(s.Type) == 0 { // it takes null already
		return s
	}
	out := *s
	out.Type = append(slices.Clone(s.Type), "null")
	if s.Enum != nil {
		out.Enum = append(slices.Clone(s.Enum), nil)
	}
	return &out
}

// SetDefaults gives the keys of a document's schema the defaults that a struct holds: texts,
// numbers and what has a text.
func SetDefaults(s *Schema, document any) { setDefaults(s, s, reflect.ValueOf(document)) }

func setDefaults(s, root *Schema, v reflect.Value) {
	for key, i := range fieldsOf(v.Type()).byKey {
		value, property := v.Field(i), s.Properties[key]
		switch {
		case value.IsZero():
		case value.Kind() == reflect.Struct:
			if def := root.Defs[value.Type().Name()]; def != nil {
				setDefaults(def, root, value)
			}
		case value.Type().Implements(reflect.TypeFor[fmt.Stringer]()):
			property.Default = fmt.Sprint(value)
		default:
			property.Default = value.Interface()
		}
	}
}
