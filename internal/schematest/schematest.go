// Package schematest holds schemas against the parser that they are made for. It is
// for tests.
package schematest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Validator returns a function that says what a schema has against a YAML document.
func Validator(t testing.TB, s *strictyaml.Schema) func(text string) error {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			return err
		}
		if len(doc.Content) == 0 {
			return compiled.Validate(nil)
		}
		return compiled.Validate(plain(doc.Content[0]))
	}
}

// plain returns the value that an editor sees, which knows YAML 1.2.
func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = plain(item)
		}
		return list
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if x, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return x
		}
	}
	return n.Value
}

// Keys returns the keys that a schema knows, by the definition that they are in like
// pool.name, sorted. Those of the document itself are at the top.
func Keys(s *strictyaml.Schema) []string {
	var keys []string
	var add func(name string, s *strictyaml.Schema)
	add = func(name string, s *strictyaml.Schema) {
		for key, value := range s.Properties {
			keys = append(keys, name+key)
			add(name+key+".", value)
		}
		if s.Items != nil {
			add(name, s.Items)
		}
	}
	add("", s)
	for name, def := range s.Defs {
		add(name+".", def)
	}
	slices.Sort(keys)
	return keys
}

// A Mutation is a document with one thing changed.
type Mutation struct {
	What string
	Text string
}

// Mutations returns documents that differ from the text in one place each: without a
// key, with one more, and with a value of another kind.
func Mutations(t testing.TB, text string) []Mutation {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	m := mutator{t: t, doc: &doc, seen: map[string]bool{}}
	m.visit(doc.Content[0], "")
	return m.out
}

type mutator struct {
	t    testing.TB
	doc  *yaml.Node
	seen map[string]bool // paths; what another item of a list shows is shown
	out  []Mutation
}

// note writes the document down as it is now.
func (m *mutator) note(format string, args ...any) {
	text, err := yaml.Marshal(m.doc)
	if err != nil {
		m.t.Fatal(err)
	}
	m.out = append(m.out, Mutation{fmt.Sprintf(format, args...), string(text)})
}

// others are what may stand in place of a value, by its kind.
var others = map[yaml.Kind][]string{
	yaml.ScalarNode:   {"~", "text", "5", "-1", "1.5", "true", "[]", "{}"},
	yaml.SequenceNode: {"~", "text", "5", "[]", "[~]", "[text]", "[5]", "[[]]", "{}"},
	yaml.MappingNode:  {"~", "text", "5", "[]", "{}", "{a: b}", "{a: 5}", "{a: ~}"},
}

func (m *mutator) visit(n *yaml.Node, path string) {
	was, seen := *n, m.seen[path]
	m.seen[path] = true
	if seen && n.Kind == yaml.ScalarNode {
		return
	}
	for _, text := range others[n.Kind] {
		if seen {
			break
		}
		var other yaml.Node
		if err := yaml.Unmarshal([]byte(text), &other); err != nil {
			m.t.Fatal(err)
		}
		*n = *other.Content[0]
		m.note("%s: %s", path, text)
		*n = was
	}
	content := n.Content
	switch n.Kind {
	case yaml.MappingNode:
		n.Content = append(slices.Clone(content), scalar("xyzzy"), scalar("text"))
		m.note("%s with xyzzy", path)
		for i := 0; i < len(content); i += 2 {
			n.Content = slices.Delete(slices.Clone(content), i, i+2)
			m.note("%s without %s", path, content[i].Value)
			n.Content = content
			m.visit(content[i+1], strings.TrimPrefix(path+"."+content[i].Value, "."))
		}
	case yaml.SequenceNode:
		n.Content = append(slices.Clone(content), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "~"})
		m.note("%s with an empty item", path)
		n.Content = content
		for _, item := range content {
			m.visit(item, path+"[]")
		}
	}
	n.Content = content
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}
