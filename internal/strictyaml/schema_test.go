package strictyaml

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

type shop struct {
	Where
	Name  string            `yaml:"name"`
	Open  *model.Duration   `yaml:"open"`
	Goods []good            `yaml:"goods"`
	Tags  map[string]string `yaml:"tags"`
}

type good struct {
	Where
	Price float64 `yaml:"price"`
	Kind  string  `yaml:"kind"`
}

func shopWords() Words {
	return Words{
		Types: map[reflect.Type]Schema{reflect.TypeFor[model.Duration](): {Type: Types{"string"}, Pattern: "^[0-9]+h$"}},
		Structs: map[string]Schema{
			"good": {Required: []string{"price"}},
		},
		Keys: map[string]Schema{
			"shop.name": {Description: "Its name."}, "shop.open": {}, "shop.goods": {}, "shop.tags": {},
			"good.price": {ExclusiveMinimum: new(0.0)}, "good.kind": {Enum: []any{"fruit", "bread"}},
		},
	}
}

func TestSchemaOf(t *testing.T) {
	s, err := SchemaOf[shop](shopWords())
	if err != nil {
		t.Fatal(err)
	}
	SetDefaults(s, shop{Name: "corner", Open: new(model.Duration(8 * 3600e9))})
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	const text = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": ["object", "null"], "additionalProperties": false,
  "properties": {
    "name": {"type": ["string", "null"], "description": "Its name.", "default": "corner"},
    "open": {"type": ["string", "null"], "pattern": "^[0-9]+h$", "default": "8h"},
    "goods": {"type": ["array", "null"], "items": {"type": "object", "$ref": "#/$defs/good"}},
    "tags": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}}
  },
  "$defs": {
    "good": {
      "type": ["object", "null"], "additionalProperties": false, "required": ["price"],
      "properties": {
        "price": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "kind": {"type": ["string", "null"], "enum": ["fruit", "bread", null]}
      }
    }
  }
}`
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestSchemaOfWantsWordsForAllKeysAndNoOthers(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(Words)
		want   string
	}{
		"a key without words":    {func(w Words) { delete(w.Keys, "good.kind") }, "there are no words for good.kind"},
		"words without a key":    {func(w Words) { w.Keys["good.kinds"] = Schema{} }, "there are words for good.kinds, which no struct has"},
		"words without a struct": {func(w Words) { w.Structs["goods"] = Schema{} }, "there are words for goods, which is no struct of the document"},
		"a type without schema":  {func(w Words) { delete(w.Types, reflect.TypeFor[model.Duration]()) }, "there is no schema for model.Duration"},
	} {
		w := shopWords()
		tc.change(w)
		if _, err := SchemaOf[shop](w); err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", what, err, tc.want)
		}
	}
}
