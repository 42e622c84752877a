package scalingadapter

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promised are the numbers of docs/reliability.md: invariants without a gap, promises with
// those that were given up.
func promised() []string {
	var out []string
	for n := 1; n <= 36; n++ {
		out = append(out, fmt.Sprintf("I%d", n))
	}
	for n := 1; n <= 41; n++ {
		if n != 23 && (n < 33 || n > 36) {
			out = append(out, fmt.Sprintf("P%d", n))
		}
	}
	return out
}

// promise is a row of the tables.
type promise struct {
	number, state, note string
	tests               []string
}

var promiseRow = regexp.MustCompile(`(?m)^\| ([IP]\d+) \| [^|]+ \| (tested|partly|not yet)(?:: ([^|]+))? \| ([^|]*)\|$`)

func promises(t *testing.T, text string) []promise {
	t.Helper()
	var out []promise
	for _, m := range promiseRow.FindAllStringSubmatch(text, -1) {
		p := promise{number: m[1], state: m[2], note: m[3], tests: strings.Fields(m[4])}
		for i, test := range p.tests {
			p.tests[i] = strings.Trim(test, "`")
		}
		out = append(out, p)
	}
	if rows := len(regexp.MustCompile(`(?m)^\| [IP]\d`).FindAllString(text, -1)); rows != len(out) {
		t.Errorf("%d rows, of which %d are understood", rows, len(out))
	}
	return out
}

// testsOf are the tests of the package in a directory.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, name := range names {
		for test := range found(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`, read(t, name)) {
			tests[test] = true
		}
	}
	return tests
}

func TestPromisesHaveTests(t *testing.T) {
	text := read(t, "docs/reliability.md")
	var numbers []string
	for _, p := range promises(t, text) {
		numbers = append(numbers, p.number)
		switch {
		case p.state == "not yet" && len(p.tests) > 0:
			t.Errorf("%s: not yet tested, and tests are named", p.number)
		case p.state != "not yet" && len(p.tests) == 0:
			t.Errorf("%s: %s, and no test is named", p.number, p.state)
		case p.state == "partly" && p.note == "":
			t.Errorf("%s: partly, and it does not say what lacks", p.number)
		}
	}
	if want := promised(); !slices.Equal(numbers, want) {
		t.Errorf("numbers %v, want each of %v once and in order", numbers, want)
	}
	packages := map[string]map[string]bool{}
	for name := range found("`([a-z0-9/]+\\.(?:Test|Fuzz)[A-Z]\\w*)`", text) {
		dir, test, _ := strings.Cut(name, ".")
		if packages[dir] == nil {
			packages[dir] = testsOf(t, dir)
		}
		if !packages[dir][test] {
			t.Errorf("docs/reliability.md names %s, which is not there", name)
		}
	}
	for _, p := range promises(t, text) {
		for _, test := range p.tests {
			if !regexp.MustCompile(`^[a-z0-9/]+\.(Test|Fuzz)[A-Z]\w*$`).MatchString(test) {
				t.Errorf("%s: %q is not the name of a test", p.number, test)
			}
		}
	}
}
