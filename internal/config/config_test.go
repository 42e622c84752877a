package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
)

func write(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

const least = `
prometheus: {url: http://127.0.0.1:9090}
orchestrator: {url: http://127.0.0.1:8700}
rule_files: [rules/*.yml]
`

// dialects returns a file whose orchestrator has more keys.
func dialects(keys string) string {
	return `prometheus: {url: http://127.0.0.1:9090}
orchestrator: {url: http://127.0.0.1:8700, ` + keys + `}
rule_files: [c.yml]
`
}

func TestTheLeastFileGetsSafeDefaults(t *testing.T) {
	dir := write(t, map[string]string{"c.yml": least, "rules/b.yml": "", "rules/a.yml": ""})
	c, err := Load(filepath.Join(dir, "c.yml"), env(nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.Defaults.Mode != "dry_run" || !c.Limits.Enabled || c.Interval != 30*time.Second || c.Forecast.History != 28*24*time.Hour {
		t.Errorf("got %+v", c)
	}
	if c.Prometheus.HTTP.FollowRedirects {
		t.Error("redirects would be followed")
	}
	want := []string{filepath.Join(dir, "rules/a.yml"), filepath.Join(dir, "rules/b.yml")}
	if diff := cmp.Diff(want, c.RuleFiles); diff != "" {
		t.Errorf("rule files (-want +got):\n%s", diff)
	}
}

func TestEnvironmentOverridesLimits(t *testing.T) {
	dir := write(t, map[string]string{"c.yml": least + "hosts: {cpu_percent: up, memory_percent: up}\nlimits: {max_total_agents: 9}\n", "rules/a.yml": ""})
	c, err := Load(filepath.Join(dir, "c.yml"), env(map[string]string{
		"SCALING_ENABLED": "false", "MAX_CPU_PERCENT": "55", "MAX_MEMORY_PERCENT": "66", "MAX_TOTAL_AGENTS": "77",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.Enabled || c.Limits.MaxTotalAgents != 77 || c.Hosts[0].Limit != 55 || c.Hosts[1].Limit != 66 {
		t.Errorf("got limits %+v, hosts %+v", c.Limits, c.Hosts)
	}
}

func TestWhereTheStateIs(t *testing.T) {
	for _, tc := range []struct{ file, made, want, problem string }{
		{"", "", "DIR/data", ""},
		{"storage: {path: kept}\n", "", "DIR/kept", ""},
		{"storage: {path: /srv/kept}\n", "", "/srv/kept", ""},
		{"", "/var/lib/scaling-adapter", "/var/lib/scaling-adapter", ""},
		{"storage: {}\n", "/var/lib/scaling-adapter", "/var/lib/scaling-adapter", ""},
		{"", "/var/lib/scaling-adapter:/var/lib/other", "/var/lib/scaling-adapter", ""},
		{"storage: {path: kept}\n", "/var/lib/scaling-adapter", "DIR/kept", ""},
		{"", "kept", "DIR/data", `environment: STATE_DIRECTORY: expected an absolute path, got "kept"`},
		{"storage: {path: ''}\n", "/var/lib/scaling-adapter", "DIR", "path must not be empty"},
	} {
		dir := write(t, map[string]string{"c.yml": least + tc.file, "rules/a.yml": ""})
		c, err := Load(filepath.Join(dir, "c.yml"), env(map[string]string{"STATE_DIRECTORY": tc.made}))
		if got := strings.Replace(c.Storage, dir, "DIR", 1); got != tc.want {
			t.Errorf("%q with %q: got %s, want %s", tc.file, tc.made, got, tc.want)
		}
		if (err == nil) != (tc.problem == "") || err != nil && !strings.Contains(err.Error(), tc.problem) {
			t.Errorf("%q with %q: got %v, want %q", tc.file, tc.made, err, tc.problem)
		}
	}
}

func TestEveryProblemIsReportedWithItsPlace(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"nothing": {"interval: 1m\n", `c.yml:1:1: rule_files is missing
c.yml: url is missing`},
		"values": {`interval: 0s
prometheus: {url: ftp://x, timeout: 0s}
orchestrator: {url: "http://u:p@x", retries: 99}
forecast: {step: 7m}
hosts: {cpu_percent: "sum("}
limits: {max_total_agents: -1, cpu_percent: 101}
defaults: {mode: on, quantile: 1, sensitivity: 0}
rule_files: [none/*.yml, "["]
`, `c.yml:1:11: interval must be at least 1s, got 0s
c.yml:2:19: url must be like
c.yml:2:37: timeout must be at least 1ms
c.yml:3:21: url must not hold credentials
c.yml:3:46: retries must be between 0 and 10, got 99
c.yml:4:18: step must divide a day
c.yml:5:22: not PromQL
c.yml:6:28: max_total_agents must not be negative
c.yml:6:45: cpu_percent must be above 0
c.yml:7:18: mode must be
c.yml:7:32: quantile must be between 0 and 1
c.yml:7:48: sensitivity must be above 0
c.yml:8:13: no file matches "none/*.yml"
c.yml:8:13: "[" is not a pattern`},
		"inline secrets": {`prometheus: {url: "http://x", basic_auth: {username: u, password: hunter2}}
orchestrator: {url: "http://x", authorization: {credentials: hunter2}}
rule_files: [c.yml]
`, `c.yml:1:43: basic_auth holds a secret
c.yml:2:48: authorization holds a secret`},
		"webhooks": {least + `webhooks:
  - {url: "ftp://hooks.example/hunter2", events: [scaling_failed, scaling_faild, scaling_failed], secret_file: s}
  - {url: "https://hunter2:hunter2@hooks.example/x", events: [emergency], secret_file: s, timeout: 0s}
  - {name: a, timeout: 61s}
  - {url: "https://hooks.example/hunter2", events: [emergency], secret_file: s}
  - {url: "http://hooks.example/hunter2", events: [emergency], secret_file: s}
  - {name: a, url: "https://x/%zz", events: [], secret_file: s, authorization: {credentials: hunter2}}
`, `c.yml:6:11: url must be like https://hooks.example/x
c.yml:6:50: unknown event "scaling_faild"; known are scaling_executed, scaling_failed, emergency, budget_exhausted
c.yml:6:50: event scaling_failed is there twice
c.yml:7:11: url must not hold credentials; put a secret into secret_file, which signs what is sent
c.yml:7:100: timeout must be at least 1ms, got 0s
c.yml:8:5: url is missing, like https://hooks.example/x
c.yml:8:5: events is missing; known are
c.yml:8:5: a webhook needs a secret_file
c.yml:8:24: timeout must be at most 1m, got 1m1s
c.yml:10:5: there are two webhooks "hooks.example"; give each a name of its own
c.yml:11:12: there are two webhooks "a"
c.yml:11:20: url must be like
c.yml:11:5: events is missing
c.yml:11:80: authorization holds a secret`},
		"two dialects": {dialects(`kubernetes: {}, nomad: {}, requests_per_second: -1`), `c.yml:2:67: an orchestrator has one of kubernetes, nomad; leave the others out
c.yml:2:92: requests_per_second must not be negative, got -1; 0 is no limit`},
		"Kubernetes": {dialects(`kubernetes: {resource: pods, name: "{{.Agents}}"}`), `c.yml:2:67: expected deployments, statefulsets, replicasets, got "pods"; others take templates
c.yml:2:79: name: <.Agents>: can't evaluate field Agents`},
		"Nomad": {dialects(`nomad: {job: "{{"}`), `c.yml:2:57: job: it is not a template`},
		"templates": {dialects(`templates: {read: {path: r, agents: n, values: {v: ""}}, scale: {path: "/{{.Form}}", body: "{{.Agents", conflicts: [{status: 200}]}}`), `c.yml:2:69: read.path: the path must begin with one /, got "r"
c.yml:2:80: read.agents: jsonpath: unexpected identifier
c.yml:2:91: read.values.v: jsonpath: unexpected end of input
c.yml:2:115: scale.path: <.Form>: can't evaluate
c.yml:2:135: scale.body: it is not a template: 1: unclosed action
c.yml:2:159: scale.conflicts.0: status must be from 400 to 599, got 200`},
		"no templates": {dialects(`templates: {}`), `c.yml:2:55: read.path: it is missing
c.yml:2:55: read.agents: it is missing
c.yml:2:55: scale.path: it is missing`},
		"unknown key of templates": {dialects(`templates: {read: {url: /}}`), `c.yml:2:63: unknown key "url"`},
		"unknown key":              {least + "promethus: {}\n", "c.yml:5:1: unknown key \"promethus\"; did you mean prometheus?"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"c.yml": tc.text, "rules/a.yml": ""})
			_, err := Load(filepath.Join(dir, "c.yml"), env(nil))
			if tc.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no problem found")
			}
			got := strings.ReplaceAll(err.Error(), dir+"/", "")
			for line := range strings.Lines(tc.want) {
				if !strings.Contains(got, strings.TrimSpace(strings.TrimPrefix(line, "c.yml: "))) {
					t.Errorf("problem %q is not reported; got\n%s", strings.TrimSpace(line), got)
				}
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a secret is in the message")
			}
		})
	}
}

func TestWebhooksAreNamedByTheirHosts(t *testing.T) {
	dir := write(t, map[string]string{"rules/a.yml": "", "c.yml": least + `webhooks:
  - {url: "https://hooks.example:8443/x", events: [scaling_executed], secret_file: hook.secret}
  - {name: pager, url: "https://hooks.example:8443/x", events: [emergency, budget_exhausted], secret_file: /run/hook.secret, timeout: 1m, basic_auth: {username: u, password_file: p}}
`})
	c, err := Load(filepath.Join(dir, "c.yml"), env(nil))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Webhook{
		{Name: "hooks.example:8443", URL: "https://hooks.example:8443/x", Events: []string{"scaling_executed"}, SecretFile: filepath.Join(dir, "hook.secret"), Timeout: 5 * time.Second},
		{Name: "pager", URL: "https://hooks.example:8443/x", Events: []string{"emergency", "budget_exhausted"}, SecretFile: "/run/hook.secret", Timeout: time.Minute},
	} {
		got := c.Webhooks[i]
		if got.HTTP.FollowRedirects || i == 1 && got.HTTP.BasicAuth.PasswordFile != filepath.Join(dir, "p") {
			t.Errorf("settings of HTTP of %s: got %+v", got.Name, got.HTTP)
		}
		got.HTTP = want.HTTP
		if !reflect.DeepEqual(want, got) {
			t.Errorf("webhook: got %+v, want %+v", got, want)
		}
	}
}

func TestAnOrchestratorHasADialect(t *testing.T) {
	nba := dialect.Pool{Name: "nba", Labels: map[string]string{"team": "ops"}}
	for name, tc := range map[string]struct{ keys, want string }{
		"our own":             {``, "GET /pools/nba"},
		"Kubernetes, nothing": {`kubernetes: `, "GET /apis/apps/v1/namespaces/default/deployments/nba"},
		"Kubernetes":          {`kubernetes: {namespace: '{{.Label "team"}}', resource: statefulsets, name: "agents-{{.Pool}}"}`, "GET /apis/apps/v1/namespaces/ops/statefulsets/agents-nba"},
		"Nomad":               {`nomad: {job: agents, group: "{{.Pool}}"}`, "GET /v1/job/agents/scale?namespace=default"},
		"templates":           {`templates: {read: {method: POST, path: "/x/{{.Pool}}", agents: $.n}, scale: {path: /y}}`, "POST /x/nba"},
	} {
		dir := write(t, map[string]string{"c.yml": dialects(tc.keys)})
		c, err := Load(filepath.Join(dir, "c.yml"), env(nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		call, err := c.Orchestrator.Dialect.Read(nba)
		if got := call.Method + " " + call.Path; got != tc.want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, tc.want)
		}
	}
}

// The examples of the document are complete and good.
func TestDocumentedOrchestratorsAreGood(t *testing.T) {
	text, err := os.ReadFile("../../docs/orchestrators.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) != 3 {
		t.Errorf("found %d examples, want 3", len(examples))
	}
	for _, example := range examples {
		dir := write(t, map[string]string{"c.yml": "prometheus: {url: http://127.0.0.1:9090}\nrule_files: [c.yml]\n" + example[1]})
		c, err := Load(filepath.Join(dir, "c.yml"), env(nil))
		if err != nil {
			t.Error(err)
			continue
		}
		if err := c.Orchestrator.Dialect.Check(dialect.Pool{Name: "nba"}); err != nil {
			t.Error(err)
		}
	}
}

func TestBadEnvironmentIsReported(t *testing.T) {
	dir := write(t, map[string]string{"c.yml": least, "rules/a.yml": ""})
	_, err := Load(filepath.Join(dir, "c.yml"), env(map[string]string{
		"SCALING_ENABLED": "maybe", "MAX_CPU_PERCENT": "NaN", "MAX_TOTAL_AGENTS": "-1",
	}))
	for _, want := range []string{"SCALING_ENABLED", "MAX_CPU_PERCENT", "MAX_TOTAL_AGENTS"} {
		if err == nil || !strings.Contains(err.Error(), "environment: "+want) {
			t.Errorf("%s is not reported: %v", want, err)
		}
	}
}
