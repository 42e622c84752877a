package strictyaml

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

type server struct {
	Where
	URL     string                  `yaml:"url"`
	Timeout model.Duration          `yaml:"timeout"`
	HTTP    config.HTTPClientConfig `yaml:",inline"`
}

type document struct {
	Where
	Name    string            `yaml:"name"`
	Count   *int              `yaml:"count"`
	Share   float64           `yaml:"share"`
	On      bool              `yaml:"on"`
	Labels  map[string]string `yaml:"labels"`
	Servers []server          `yaml:"servers"`
}

func TestDecodeFollowsTheTags(t *testing.T) {
	const text = `
name: a
count: 3
share: 2
on: true
labels: {league: nba}
servers:
  - url: http://one
    timeout: 1d
    http_headers: {X-Scope-OrgID: {values: [us]}}
  - {url: http://two}
`
	var doc document
	if ps := Decode("f.yml", []byte(text), &doc); len(ps) > 0 {
		t.Fatal(ps)
	}
	if doc.Name != "a" || *doc.Count != 3 || doc.Share != 2 || !doc.On || doc.Labels["league"] != "nba" {
		t.Errorf("got %+v", doc)
	}
	one := doc.Servers[0]
	if one.URL != "http://one" || time.Duration(one.Timeout) != 24*time.Hour || one.HTTP.HTTPHeaders.Headers["X-Scope-OrgID"].Values[0] != "us" {
		t.Errorf("first server: got %+v", one)
	}
	if got, want := doc.Servers[1].At("url").String(), "f.yml:11:11"; got != want {
		t.Errorf("place of the second url: got %s, want %s", got, want)
	}
	if got, want := doc.Servers[1].At("timeout"), doc.Servers[1].Pos(); got != want {
		t.Errorf("place of a missing key: got %s, want that of its mapping %s", got, want)
	}
	if !doc.Has("on") || doc.Has("off") {
		t.Error("Has does not tell which keys are there")
	}
}

func TestDecodeReportsAllProblemsWithTheirPlaces(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown keys":    {"nam: a\nxyzzy: 1\n", "f.yml:1:1: unknown key \"nam\"; did you mean name?\nf.yml:2:1: unknown key \"xyzzy\"; known are count, labels, name, on, servers, share"},
		"wrong types":     {"name: 5\ncount: x\nshare: [1]\non: 7\nlabels: a\nservers: {}\n", "f.yml:1:7: expected text, got 5; put it in quotes\nf.yml:2:8: expected a whole number, got \"x\"\nf.yml:3:8: expected a number\nf.yml:4:5: expected true or false, got \"7\"\nf.yml:5:9: expected a mapping\nf.yml:6:10: expected a list"},
		"not whole":       {"count: 1.5\n", "f.yml:1:8: expected a whole number, got \"1.5\""},
		"not finite":      {"share: .nan\n", "f.yml:1:8: expected a number, got \".nan\""},
		"bad duration":    {"servers:\n  - timeout: 5 minutes\n", "f.yml:2:14: unknown unit \" minutes\" in duration \"5 minutes\""},
		"key twice":       {"name: a\nname: b\n", "f.yml:2:1: key \"name\" is there twice"},
		"alias":           {"labels: &x {a: b}\nservers: [*x]\n", "f.yml:2:11: aliases are not supported; write the value out"},
		"merge":           {"labels: &x {a: b}\n<<: *x\n", "f.yml:2:1: expected a key"},
		"second document": {"name: a\n---\nname: b\n", "f.yml:2:1: a second document; put it into a file of its own"},
		"empty":           {"", "f.yml:1:1: the file is empty"},
		"not YAML":        {"a:\n  b: [\n", "f.yml:2:1: not YAML: did not find expected node content"},
		"not a mapping":   {"- a\n", "f.yml:1:1: expected a mapping with count, labels, name, on, servers, share"},
		"hole in a list":  {"servers: [~]\n", "f.yml:1:11: an empty item in a list"},
		"inlined": {"servers:\n  - {basic_auth: {username: u, passwort: p}}\n",
			"f.yml:2:5: field passwort not found"},
	} {
		t.Run(name, func(t *testing.T) {
			var doc document
			ps := Decode("f.yml", []byte(tc.text), &doc)
			if len(ps) == 0 {
				t.Fatal("no problem found")
			}
			if diff := cmp.Diff(tc.want, ps.Err().Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadFileRefusesWhatIsNotAFileOfBoundedSize(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("x", 11)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		dir: "is not a regular file", loop: "too many levels of symbolic links", large: "has more than 10 bytes",
		filepath.Join(dir, "none"): "no such file or directory", os.DevNull: "is not a regular file",
	} {
		if _, err := ReadFile(name, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ReadFile(%s): got %v, want %q", name, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"name: a", "servers: [{url: 1}]", "a: &a [*a]", "{", "? [a]\n: b", "labels: {1: 2}", "<<: {}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var doc document
		for _, p := range Decode("f.yml", []byte(text), &doc) {
			if p.Line < 1 || p.Message == "" {
				t.Errorf("problem without a place or a message: %+v", p)
			}
		}
	})
}
