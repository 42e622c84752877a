// Package jsonschema has the JSON Schema that others make of Go types: of files that people
// write, and of what the HTTP API sends.
package jsonschema

import (
	"encoding/json"
	"reflect"
)

// Schema is a JSON Schema, draft 2020-12, as far as it is of use here.
type Schema struct {
	Dialect          string   `json:"$schema,omitempty"`
	Title            string   `json:"title,omitempty"`
	Description      string   `json:"description,omitempty"`
	Ref              string   `json:"$ref,omitempty"`
	Type             Types    `json:"type,omitempty"`
	Format           string   `json:"format,omitempty"`
	Default          any      `json:"default,omitempty"`
	Enum             []any    `json:"enum,omitempty"`
	Pattern          string   `json:"pattern,omitempty"`
	PatternMessage   string   `json:"patternErrorMessage,omitempty"` // what editors say instead of the pattern
	MinLength        int      `json:"minLength,omitempty"`
	MaxLength        int      `json:"maxLength,omitempty"`
	Minimum          *float64 `json:"minimum,omitempty"`
	Maximum          *float64 `json:"maximum,omitempty"`
	ExclusiveMinimum *float64 `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum *float64 `json:"exclusiveMaximum,omitempty"`

	Items                *Schema            `json:"items,omitempty"`
	MinItems             int                `json:"minItems,omitempty"`
	Required             []string           `json:"required,omitempty"`
	Properties           map[string]*Schema `json:"properties,omitempty"`
	PropertyNames        *Schema            `json:"propertyNames,omitempty"`
	AdditionalProperties *Schema            `json:"additionalProperties,omitempty"`
	AnyOf                []*Schema          `json:"anyOf,omitempty"`
	OneOf                []*Schema          `json:"oneOf,omitempty"`
	Not                  *Schema            `json:"not,omitempty"`
	Defs                 map[string]*Schema `json:"$defs,omitempty"`

	Never bool `json:"-"` // nothing matches; the rest has no meaning
}

// Types are the names of types; one is written without brackets.
type Types []string

// MarshalJSON writes one name as text and more as a list.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// MarshalJSON writes the schema that nothing matches as false.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.Never {
		return []byte("false"), nil
	}
	type plain Schema
	return json.Marshal((*plain)(s))
}

// With returns the schema with what the words say instead.
func (s *Schema) With(words Schema) *Schema {
	out := *s
	from, to := reflect.ValueOf(words), reflect.ValueOf(&out).Elem()
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return &out
}
