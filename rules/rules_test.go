package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/rulefile/ruletest"
)

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func TestRulesPassTheirTests(t *testing.T) {
	for _, file := range glob(t, "tests/*.yml") {
		suite, err := ruletest.Load(file, app.Offline)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, test := range suite.Tests {
			t.Run(filepath.Base(file)+"/"+test.Name, func(t *testing.T) {
				t.Parallel()
				failures, err := test.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range failures {
					t.Errorf("%s: %s", f.Pos, f)
				}
			})
		}
	}
}

func TestEveryRuleIsTested(t *testing.T) {
	expected := map[string]bool{}
	for _, file := range glob(t, "tests/*.yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`rules: \[([^]]*)\]`).FindAllStringSubmatch(string(text), -1) {
			for name := range strings.SplitSeq(m[1], ",") {
				expected[strings.TrimSpace(name)] = true
			}
		}
	}
	for _, files := range [][]string{glob(t, "*.yml"), glob(t, "leagues/*.yml"), glob(t, "tests/*/*.yml")} {
		settings, err := app.Offline("", files, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range settings.Pools {
			for _, r := range p.Rules {
				if !expected[r.Name] {
					t.Errorf("no test expects rule %s of pool %s to be active", r.Name, p.Pool.Name)
				}
			}
		}
	}
}
