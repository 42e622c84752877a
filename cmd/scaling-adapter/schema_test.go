package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/schematest"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// What the documents show must be as the schemas say.
func TestExamplesOfDocumentsFollowTheSchemas(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	part := config.Schema()
	part.Required = nil // some examples show one section
	configuration, rules := schematest.Validator(t, part), schematest.Validator(t, rulefile.Schema())
	configs, files := 0, 0
	for _, name := range append(documents, "../../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1) {
			example, keys := string(block[1]), strictyaml.Keys(block[1])
			var err error
			switch {
			case slices.Contains(keys, "tests"): // of rules, which have no schema
			case rulefile.IsRuleFile(block[1]):
				files++
				err = rules(example)
			case len(keys) > 0 && part.Properties[keys[0]] != nil:
				configs++
				err = configuration(example)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, example)
			}
		}
	}
	if configs < 2 || files < 4 {
		t.Errorf("only %d configurations and %d rule files were found", configs, files)
	}
}
