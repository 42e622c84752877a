package scalingadapter

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"
)

// The guides in docs/howto and docs/runbooks are run. Each has a directory of its own, in
// which its fences act one after the other, by what stands behind their backquotes:
//
//	yaml NAME, ics NAME   the file NAME is written, over an older one; in tests/ it is run,
//	                      the rest is checked at the end, and before a file is changed
//	console               the commands behind "$ " are run, and say what follows them;
//	                      a line "…" stands for any lines
//	console live          the same of a running adapter, for whose commands the grammar counts
//	sh                    commands without what they say, for whose commands the grammar counts
//	promql                an expression a line
//	text                  anything
type guide struct {
	name, text string
	fences     []fence
}

type fence struct {
	kind, name string // what stands behind the backquotes
	body       string
}

func guides(t *testing.T) []guide {
	t.Helper()
	var names []string
	for _, dir := range []string{"docs/howto", "docs/runbooks"} {
		some, err := filepath.Glob(dir + "/*.md")
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: %d guides, %v", dir, len(some), err)
		}
		names = append(names, some...)
	}
	var out []guide
	for _, name := range names {
		g := guide{name: name, text: read(t, name)}
		for _, m := range regexp.MustCompile("(?ms)^```(.*?)\n(.*?)^```$").FindAllStringSubmatch(g.text, -1) {
			kind, name, _ := strings.Cut(m[1], " ")
			g.fences = append(g.fences, fence{kind, name, m[2]})
		}
		if opened := strings.Count(g.text, "```"); opened != 2*len(g.fences) {
			t.Errorf("%s: %d fences are read, and there are %d marks", name, len(g.fences), opened)
		}
		out = append(out, g)
	}
	return out
}

// command builds the command and returns its directory. The cache of tests does not see
// what others read, so all that the build and the guides read is read here.
func command(t *testing.T) string {
	t.Helper()
	goSources(t, func(string, string) {})
	read(t, "go.mod")
	read(t, "go.sum")
	for _, pattern := range []string{"internal/api/page/*", "rules/*.yml", "rules/leagues/*.yml", "rules/calendars/*.ics"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files, %v", pattern, err)
		}
		for _, name := range names {
			read(t, name)
		}
	}
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./cmd/scaling-adapter")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %s\n%s", err, out)
	}
	return dir
}

// shell runs a line in a directory, where nobody answers and $SRC is the project, and
// returns what it says and its exit status.
func shell(t *testing.T, bin, dir, line string) (said string, status int) {
	t.Helper()
	src, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "sh", "-c", line)
	run.Dir = dir
	run.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "SRC=" + src, "USER=anna", "TZ=UTC", "SCALING_ADAPTER_ADDRESS=http://127.0.0.1:1"}
	out, err := run.CombinedOutput()
	if ctx.Err() != nil || run.ProcessState == nil {
		t.Fatalf("%s: %v", line, err)
	}
	return string(out), run.ProcessState.ExitCode()
}

const usage = 2 // the exit status of wrong usage

func TestGuidesAreReal(t *testing.T) {
	bin := command(t)
	for _, g := range guides(t) {
		t.Run(strings.TrimSuffix(filepath.Base(g.name), ".md"), func(t *testing.T) {
			dir := t.TempDir()
			for i, f := range g.fences {
				switch {
				case f.kind == "console" && f.name == "":
					runConsole(t, bin, dir, f.body)
				case f.kind == "console" && f.name == "live", f.kind == "sh" && f.name == "":
					for _, line := range commands(f) {
						checkUsage(t, bin, dir, line)
					}
				case (f.kind == "yaml" || f.kind == "ics") && f.name != "":
					if slices.ContainsFunc(g.fences[:i], func(old fence) bool { return old.name == f.name }) {
						checkFiles(t, bin, dir, g.fences[:i])
					}
					write(t, filepath.Join(dir, filepath.FromSlash(f.name)), f.body)
					if strings.HasPrefix(f.name, "tests/") {
						if said, status := shell(t, bin, dir, "scaling-adapter test "+f.name); status != 0 {
							t.Errorf("%s:\n%s", f.name, said)
						}
					}
				case f.kind == "promql":
					for line := range strings.Lines(f.body) {
						if _, err := parser.NewParser(parser.Options{}).ParseExpr(line); err != nil {
							t.Errorf("%s: %s", strings.TrimSpace(line), err)
						}
					}
				case f.kind != "text":
					t.Errorf("a fence is %q %q, which nothing tests", f.kind, f.name)
				}
			}
			checkFiles(t, bin, dir, g.fences)
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runConsole runs the commands of a fence and compares what they say.
func runConsole(t *testing.T, bin, dir, body string) {
	t.Helper()
	for part := range strings.SplitSeq("\n"+body, "\n$ ") {
		line, want, _ := strings.Cut(part, "\n")
		if line == "" {
			continue
		}
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		got, status := shell(t, bin, dir, line)
		if status == usage {
			t.Errorf("$ %s\nwrong usage: %s", line, got)
			continue
		}
		pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…\n", "(?s:.*\n)") + "$"
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("$ %s\n(-guide +real):\n%s", line, cmp.Diff(want, got))
		}
	}
}

// commands returns the lines of a fence that call the adapter.
func commands(f fence) []string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(f.body, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if f.kind == "console" {
			var isCommand bool
			if line, isCommand = strings.CutPrefix(line, "$ "); !isCommand {
				continue
			}
		}
		if strings.HasPrefix(line, "scaling-adapter ") {
			out = append(out, line)
		}
	}
	return out
}

// checkUsage lets the command itself say whether the line is right. Commands that go on
// until they are stopped are asked for help instead, which comes after their flags.
func checkUsage(t *testing.T, bin, dir, line string) {
	t.Helper()
	if regexp.MustCompile(`^scaling-adapter (run|demo)\b`).MatchString(line) {
		line = regexp.MustCompile(`( #.*)?$`).ReplaceAllString(line, " --help")
	}
	if said, status := shell(t, bin, dir, line); status == usage {
		t.Errorf("$ %s\nwrong usage: %s", line, said)
	}
}

// checkFiles checks what the fences have made: the configuration with the rule files that
// it names, and those of each directory as a set of their own. Tests were run when they
// were written, of the rules of that moment.
func checkFiles(t *testing.T, bin, dir string, fences []fence) {
	t.Helper()
	lines := map[string]bool{}
	for _, f := range fences {
		if f.kind != "yaml" {
			continue
		}
		switch {
		case f.name == "scaling-adapter.yml":
			lines["scaling-adapter check"] = true
		case !strings.HasPrefix(f.name, "tests/"):
			lines["scaling-adapter check "+path.Dir(f.name)+"/*.yml"] = true
		}
	}
	for _, line := range sorted(lines) {
		if said, status := shell(t, bin, dir, line); status != 0 {
			t.Errorf("$ %s\n%s", line, said)
		}
	}
}

func TestGuidesSpeakOfWhatIsThere(t *testing.T) {
	metrics := found("(?m)^\\| `(scaling_adapter_[a-z_]+)`", read(t, "docs/metrics.md"))
	for _, g := range guides(t) {
		for _, name := range sorted(found(`\b(scaling_adapter_[a-z_]*[a-z])\b`, g.text)) {
			if !metrics[name] && !metrics[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")] {
				t.Errorf("%s speaks of the metric %s, which docs/metrics.md has not", g.name, name)
			}
		}
		prose := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(g.text, "")
		if strings.Contains(prose, "`scaling-adapter ") {
			t.Errorf("%s has a command within a sentence, where nothing tests it; put it into a fence", g.name)
		}
		for _, link := range sorted(found(`\]\(([^):]+)\)`, prose)) {
			file, heading, _ := strings.Cut(link, "#")
			if heading == "" || strings.HasPrefix(link, "http") {
				continue // TestTargetsAndLinksOfDocumentsExist looks at files
			}
			target := g.name
			if file != "" {
				target = filepath.Join(filepath.Dir(g.name), file)
			}
			if !anchors(read(t, target))[heading] {
				t.Errorf("%s links to #%s, which %s has not", g.name, heading, target)
			}
		}
	}
}

// anchors returns the names of a document's headings in links.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	for heading := range found(`(?m)^#+ (.*)$`, text) {
		words := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
		out[strings.ReplaceAll(words, " ", "-")] = true
	}
	return out
}

func TestCommandsAndAnchorsAreFound(t *testing.T) {
	f := fence{kind: "console", body: "$ scaling-adapter a \\\n    b\nscaling-adapter said\n$ cp x y\n"}
	if got, want := commands(f), []string{"scaling-adapter a      b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !anchors("# A decision's *why*\n")["a-decisions-why"] {
		t.Error(`no heading "a-decisions-why"`)
	}
}
