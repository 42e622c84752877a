package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExampleOfRuleTestsIsReal runs the commands of docs/rule-tests.md on the files
// that it shows.
func TestExampleOfRuleTestsIsReal(t *testing.T) {
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "rule-tests.md"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	ran := 0
	for _, block := range regexp.MustCompile("(?s)```(?:yaml)?\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		first, rest, _ := strings.Cut(block[1], "\n")
		if name, ok := strings.CutPrefix(first, "# "); ok {
			if err := os.WriteFile(name, []byte(block[1]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if command, ok := strings.CutPrefix(first, "$ scaling-adapter "); ok {
			var stdout, stderr bytes.Buffer
			execute(t.Context(), strings.Fields(command), output{&stdout, &stderr})
			if diff := cmp.Diff(rest, stdout.String()+stderr.String()); diff != "" {
				t.Errorf("%s (-document +real):\n%s", command, diff)
			}
			ran++
		}
	}
	if ran == 0 {
		t.Error("no command in the document")
	}
}
