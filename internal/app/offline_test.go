package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOffline(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"a.yml": "pools: [{name: a, agents: {min: 1, max: 9}, load: {query: x, per_agent: 1}}]",
		"b.yml": "pools: [{name: b, agents: {min: 1, max: 9}, load: {query: x, per_agent: 1}}]",
		"config.yml": `
prometheus: {url: "http://127.0.0.1:1", max_sample_age: 5m}
orchestrator: {url: "http://127.0.0.1:1"}
limits: {max_total_agents: 12}
rule_files: [a.yml]
`,
		"wrong.yml": "rules: [a.yml]",
	} {
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MAX_TOTAL_AGENTS", "3")
	for name, tc := range map[string]struct {
		configuration string
		files         []string
		pools         string
		most          int
		maxAge        time.Duration
		err           string
	}{
		"a configuration with its rule files":   {path("config.yml"), nil, "a", 12, 5 * time.Minute, ""},
		"a configuration with other rule files": {path("config.yml"), []string{path("b.yml")}, "b", 12, 5 * time.Minute, ""},
		"rule files and the defaults":           {"", []string{path("a.yml"), path("b.yml")}, "a,b", 0, 2 * time.Minute, ""},
		"a wrong configuration":                 {path("wrong.yml"), nil, "", 0, 0, `wrong.yml:1:1: unknown key "rules"`},
		"rule files that are not there":         {"", []string{path("none.yml")}, "", 0, 0, "none.yml: no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Offline(tc.configuration, tc.files, time.Now())
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) || s != nil {
					t.Errorf("got %v (%v), want the error %q", s, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var pools []string
			for _, p := range s.Pools {
				pools = append(pools, p.Pool.Name)
			}
			if got := strings.Join(pools, ","); got != tc.pools || s.MaxTotalAgents != tc.most || s.MaxSampleAge != tc.maxAge || s.Interval != 30*time.Second || s.Source != nil {
				t.Errorf("got pools %s, %d agents, samples of %s, ticks of %s", got, s.MaxTotalAgents, s.MaxSampleAge, s.Interval)
			}
		})
	}
}
