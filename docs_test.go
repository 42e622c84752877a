package scalingadapter

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// goSources calls do with each source file that is not a test.
func goSources(t *testing.T, do func(name, text string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "tools" || name == "bin" || strings.HasPrefix(name, ".") && name != "."):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			do(name, read(t, name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sorted(m map[string]bool) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// found returns what the expression's first group matches.
func found(expression, text string) map[string]bool {
	m := map[string]bool{}
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		m[match[1]] = true
	}
	return m
}

func TestMetricsAreDocumented(t *testing.T) {
	code := map[string]bool{"scaling_adapter_build_info": true} // its name is made by the library
	goSources(t, func(_, text string) {
		for name := range found(`"(scaling_adapter_[a-z_]*[a-z])"`, text) {
			code[name] = true
		}
	})
	delete(code, "scaling_adapter")
	documented := found("(?m)^\\| `(scaling_adapter_[a-z_]+)`", read(t, "docs/metrics.md"))
	for _, name := range sorted(code) {
		if !documented[name] {
			t.Errorf("metric %s is not in docs/metrics.md", name)
		}
	}
	for _, name := range sorted(documented) {
		if !code[name] {
			t.Errorf("docs/metrics.md has %s, which is not in the code", name)
		}
	}
}

func TestKeysAreDocumented(t *testing.T) {
	for source, document := range map[string]string{"internal/config/config.go": "docs/configuration.md", "internal/config/orchestrator.go": "docs/configuration.md", "rulefile/yaml.go": "docs/rules.md", "rulefile/ruletest/yaml.go": "docs/rule-tests.md"} {
		text := read(t, document)
		for _, key := range sorted(found("`yaml:\"([a-z_]+)\"`", read(t, source))) {
			if !regexp.MustCompile(`\b` + key + "(:|`)").MatchString(text) {
				t.Errorf("key %s of %s is not in %s", key, source, document)
			}
		}
	}
}

func TestPathsAndReasonsAreDocumented(t *testing.T) {
	document := read(t, "docs/api.md")
	code := found(`"((?:GET|POST|PUT|DELETE) /[^"]*?)(?:\{\$\})?"`, read(t, "internal/api/routes.go"))
	documented := found("(?m)^\\| `((?:GET|POST|PUT|DELETE) /[^`]*)`", document)
	for _, path := range sorted(code) {
		if !documented[path] {
			t.Errorf("%s is not in docs/api.md", path)
		}
	}
	for _, path := range sorted(documented) {
		if !code[path] {
			t.Errorf("docs/api.md has %s, which is not served", path)
		}
	}
	for _, reason := range sorted(found(`Code = "([a-z_]+)"`, read(t, "policy/decision.go"))) {
		if !strings.Contains(document, "`"+reason+"`") {
			t.Errorf("reason %s is not in docs/api.md", reason)
		}
	}
}

func TestRecommendationsAreDocumented(t *testing.T) {
	code, docs := read(t, "internal/report/recommend.go"), read(t, "docs/reports.md")
	codes := regexp.MustCompile(`(?:say\(|Code: )"([a-z_]+)"`).FindAllStringSubmatch(code, -1)
	for _, c := range codes {
		if !strings.Contains(docs, "| `"+c[1]+"` |") {
			t.Errorf("recommendation %s is not in docs/reports.md", c[1])
		}
	}
	if len(codes) < 10 {
		t.Errorf("only %d recommendations were found", len(codes))
	}
}

func TestTargetsAndLinksOfDocumentsExist(t *testing.T) {
	targets := found(`(?m)^([a-z0-9-]+):`, read(t, "Makefile"))
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range guides(t) {
		documents = append(documents, g.name)
	}
	for _, name := range append(documents, "README.md", "CONTRIBUTING.md") {
		text := read(t, name)
		for _, target := range sorted(found("(?:`|    )make ([a-z0-9-]+)", text)) {
			if !targets[target] {
				t.Errorf("%s speaks of make %s, which the Makefile has not", name, target)
			}
		}
		for _, link := range sorted(found(`\]\(([^):#]+)[^)]*\)`, text)) {
			if strings.HasPrefix(link, "http") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), link)); err != nil {
				t.Errorf("%s links to %s: %s", name, link, err)
			}
		}
	}
}
