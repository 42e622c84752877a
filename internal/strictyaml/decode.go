package strictyaml

import (
	"bytes"
	"encoding"
	"errors"
	"io"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Where is embedded in a struct that wants to know where it was read.
type Where struct {
	pos  Pos
	keys map[string]Pos
}

// Pos returns the place of the struct.
func (w Where) Pos() Pos { return w.pos }

// At returns the place of the value of a key, or that of the struct when the
// key is not there.
func (w Where) At(key string) Pos {
	if pos, ok := w.keys[key]; ok {
		return pos
	}
	return w.pos
}

// Has reports whether the key is there.
func (w Where) Has(key string) bool {
	_, ok := w.keys[key]
	return ok
}

// Without returns the place as if the keys were not there.
func (w Where) Without(keys ...string) Where {
	w.keys = maps.Clone(w.keys)
	for _, key := range keys {
		delete(w.keys, key)
	}
	return w
}

// Decode decodes the only document of a file into the struct that v points to,
// following the yaml tags of its fields. What is right is decoded even when
// something else is wrong.
func Decode(file string, data []byte, v any) Problems {
	d := decoder{file: file}
	if n := d.parse(data); n != nil {
		d.value(n, reflect.ValueOf(v).Elem())
	}
	return d.problems
}

// Keys returns the keys at the top of a document; none if it cannot be parsed.
func Keys(data []byte) []string {
	d := decoder{}
	n := d.parse(data)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var keys []string
	for i := 0; i < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}

type decoder struct {
	file     string
	problems Problems
}

// parse returns the root of the only document; nil when it is empty or wrong.
func (d *decoder) parse(data []byte) *yaml.Node {
	in := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := in.Decode(&doc); {
	case errors.Is(err, io.EOF):
		d.problems.Add(Pos{d.file, 1, 1}, "the file is empty")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := in.Decode(&second); {
	case err == nil:
		d.problems.Add(d.at(&second), "a second document; put it into a file of its own")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil
	}
	return doc.Content[0]
}

var syntaxLine = regexp.MustCompile(`line (\d+): `)

func (d *decoder) syntax(err error) {
	at, message := Pos{d.file, 1, 1}, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		at.Line, _ = strconv.Atoi(m[1]) // the expression matches digits only
		message = strings.Replace(message, m[0], "", 1)
	}
	d.problems.Add(at, "not YAML: %s", message)
}

func (d *decoder) at(n *yaml.Node) Pos { return Pos{d.file, n.Line, n.Column} }

var (
	whereType     = reflect.TypeFor[Where]()
	unmarshaler   = reflect.TypeFor[yaml.Unmarshaler]()
	oldStyle      = reflect.TypeFor[interface{ UnmarshalYAML(func(any) error) error }]()
	textInterface = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(unmarshaler) || p.Implements(oldStyle) || p.Implements(textInterface)
}

func (d *decoder) value(n *yaml.Node, v reflect.Value) {
	switch {
	case n.Kind == yaml.AliasNode:
		d.problems.Add(d.at(n), "aliases are not supported; write the value out")
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		// As if it was not there.
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem())
	case decodesItself(v.Type()):
		d.foreign(n, v)
	case v.Kind() == reflect.Struct:
		d.structure(n, v)
	case v.Kind() == reflect.Slice:
		d.slice(n, v)
	case v.Kind() == reflect.Map:
		d.mapping(n, v)
	default:
		d.scalar(n, v)
	}
}

// foreign decodes a value whose type knows how, strictly.
func (d *decoder) foreign(n *yaml.Node, v reflect.Value) {
	text, err := yaml.Marshal(n)
	if err == nil {
		strict := yaml.NewDecoder(bytes.NewReader(text))
		strict.KnownFields(true)
		err = strict.Decode(v.Addr().Interface())
	}
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok {
		for _, message := range wrong.Errors {
			d.problems.Add(d.at(n), "%s", goType.ReplaceAllString(syntaxLine.ReplaceAllString(message, ""), ""))
		}
	} else if err != nil {
		d.problems.Add(d.at(n), "%s", syntaxLine.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), ""))
	}
}

// goType is how yaml names types, which tells people nothing.
var goType = regexp.MustCompile(` (in type|into) [\w.]+`)

func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problems.Add(d.at(n), "expected a mapping with %s", list(keysOf(v.Type())))
		return
	}
	where := Where{d.at(n), map[string]Pos{}}
	rest := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Column: n.Column}
	fields := fieldsOf(v.Type())
	d.pairs(n, func(key, value *yaml.Node) {
		where.keys[key.Value] = d.at(value)
		i, known := fields.byKey[key.Value]
		switch {
		case known:
			d.value(value, v.Field(i))
		case fields.inline >= 0 && slices.Contains(keysOf(v.Field(fields.inline).Type()), key.Value):
			rest.Content = append(rest.Content, key, value)
		default:
			d.problems.Add(d.at(key), "unknown key %q; %s", key.Value, hint(key.Value, keysOf(v.Type())))
		}
	})
	if fields.inline >= 0 {
		d.value(rest, v.Field(fields.inline))
	}
	if fields.where >= 0 {
		v.Field(fields.where).Set(reflect.ValueOf(where))
	}
}

// pairs calls do for each key of a mapping that is text and not there twice.
func (d *decoder) pairs(n *yaml.Node, do func(key, value *yaml.Node)) {
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			d.problems.Add(d.at(key), "expected a key")
		case seen[key.Value]:
			d.problems.Add(d.at(key), "key %q is there twice", key.Value)
		default:
			seen[key.Value] = true
			do(key, n.Content[i+1])
		}
	}
}

func (d *decoder) slice(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.problems.Add(d.at(n), "expected a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if item.Tag == "!!null" {
			d.problems.Add(d.at(item), "an empty item in a list")
		}
		d.value(item, v.Index(i))
	}
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problems.Add(d.at(n), "expected a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, func(key, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), item)
	})
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	expected := map[reflect.Kind]string{
		reflect.String: "text", reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.Float64: "a number",
	}[v.Kind()]
	if n.Kind != yaml.ScalarNode {
		d.problems.Add(d.at(n), "expected %s", expected)
		return
	}
	if v.Kind() == reflect.String && n.Tag == "!!timestamp" {
		v.SetString(n.Value) // whoever wants a time says what it must look like
		return
	}
	if v.Kind() == reflect.String && n.Tag != "!!str" {
		d.problems.Add(d.at(n), "expected text, got %s; put it in quotes", n.Value)
		return
	}
	broken := v.Kind() == reflect.Int && n.Tag == "!!float" // it would be cut off
	if err := n.Decode(v.Addr().Interface()); err != nil || broken || v.Kind() == reflect.Float64 && (math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0)) {
		d.problems.Add(d.at(n), "expected %s, got %q", expected, n.Value)
	}
}

// fields says where a struct keeps what.
type fields struct {
	byKey         map[string]int
	inline, where int // -1: none
}

func fieldsOf(t reflect.Type) fields {
	f := fields{byKey: map[string]int{}, inline: -1, where: -1}
	for i := range t.NumField() {
		field := t.Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case field.Type == whereType:
			f.where = i
		case option == "inline":
			f.inline = i
		case name != "" && name != "-":
			f.byKey[name] = i
		}
	}
	return f
}

// keysOf returns the keys of a struct, sorted, those of an inlined one with them.
func keysOf(t reflect.Type) []string {
	if t.Kind() != reflect.Struct {
		return nil
	}
	f := fieldsOf(t)
	var keys []string
	for key := range f.byKey {
		keys = append(keys, key)
	}
	if f.inline >= 0 {
		keys = append(keys, keysOf(t.Field(f.inline).Type)...)
	}
	slices.Sort(keys)
	return keys
}

// hint names the known key that was most likely meant, or all of them.
func hint(key string, known []string) string {
	best, distance := "", 1+len(key)/3
	for _, k := range known {
		if n := edits(key, k); n <= distance {
			best, distance = k, n-1
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "known are " + list(known)
}

func list(words []string) string { return strings.Join(words, ", ") }

// edits is the Levenshtein distance of two words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
