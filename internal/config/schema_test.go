package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/internal/schematest"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// everything are files with each key of ours that there is, and with those of HTTP
// clients that people use.
var everything = []string{`
interval: 30s
prometheus:
  url: http://127.0.0.1:9090
  timeout: 10s
  query_lag: 30s
  max_sample_age: 2m
  basic_auth: {username: u, password_file: p}
  tls_config: {ca_file: ca.pem, server_name: x, insecure_skip_verify: false, min_version: TLS12}
  proxy_url: http://127.0.0.1:3128
  follow_redirects: false
  http_headers: {X-Scope-OrgID: {values: [my-tenant]}}
orchestrator: {url: "http://127.0.0.1:8700", timeout: 5s, retries: 2, converge_timeout: 5m, failure_pause: 30m, requests_per_second: 20, authorization: {type: Bearer, credentials_file: token}}
rule_files: [rules/*.yml]
`, `
prometheus: {url: "http://127.0.0.1:9090"}
orchestrator: {url: "http://127.0.0.1:8700", oauth2: {client_id: x, client_secret_file: y, token_url: "http://x", scopes: [a], endpoint_params: {a: b}, claims: {a: 1}, tls_config: {ca_file: ca.pem}}}
forecast: {step: 5m, history: 28d, horizon: 1d, refit_interval: 1h, max_age: 2h}
hosts:
  cpu_percent: cpu
  memory_percent: memory
  groups:
    - {name: gpu, cpu_percent: cpu, memory_percent: memory}
limits:
  max_total_agents: 150
  cpu_percent: 80
  memory_percent: 70
  emergency: {cpu_percent: 90, memory_percent: 85, samples: 3, reduce: 30%, settle: 5m, resume: 5m}
defaults: {mode: dry_run, lead_time: 10m, quantile: 0.9, sensitivity: 1}
storage: {path: data}
reports: {path: reports, keep: 30d}
candidate_rule_files: [rules/*.yml]
webhooks:
  - {name: pager, url: "https://hooks.example/x", events: [scaling_failed, emergency], secret_file: hook.secret, timeout: 5s, tls_config: {ca_file: ca.pem}}
  - {url: "http://127.0.0.1:8080", events: [scaling_executed], secret_file: /run/hook.secret}
rule_files: [rules/*.yml]
`, `
prometheus: {url: "http://127.0.0.1:9090"}
orchestrator: {url: "http://127.0.0.1:8700", kubernetes: {namespace: agents, resource: statefulsets, name: "agents-{{.Pool}}"}}
rule_files: [rules/*.yml]
`, `
prometheus: {url: "http://127.0.0.1:9090"}
orchestrator: {url: "http://127.0.0.1:8700", nomad: {namespace: agents, job: "{{.Pool}}", group: '{{.Label "league"}}'}}
rule_files: [rules/*.yml]
`, `
prometheus: {url: "http://127.0.0.1:9090"}
orchestrator:
  url: http://127.0.0.1:8700
  templates:
    read: {method: POST, path: /read, headers: {X-Pool: "{{.Pool}}"}, body: '{"pool": {{.Pool}}}', agents: $.agents, ready: $.ready, ready_if_missing: none, values: {version: $.version}}
    scale: {method: POST, path: /scale, headers: {X-Pool: "{{.Pool}}"}, body: '{"n": {{.Agents}}}', conflicts: [{status: 412}, {status: 400, contains: stale}]}
rule_files: [rules/*.yml]
`}

func TestTheSchemaKnowsTheKeysOfTheParser(t *testing.T) {
	var source []byte
	for _, name := range []string{"config.go", "orchestrator.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	schema, parser := map[string]bool{}, map[string]bool{}
	for _, key := range schematest.Keys(Schema()) {
		def, last, found := strings.Cut(key, ".")
		if found && def[0] >= 'A' && def[0] <= 'Z' {
			continue // of HTTP clients
		}
		if !found {
			last = def
		}
		schema[last] = true
	}
	for _, tag := range reflect.VisibleFields(reflect.TypeFor[config.HTTPClientConfig]()) {
		key, _, _ := strings.Cut(tag.Tag.Get("yaml"), ",")
		delete(schema, key)
	}
	for _, tag := range regexp.MustCompile("`yaml:\"([a-z0-9_]+)\"`").FindAllStringSubmatch(string(source), -1) {
		parser[tag[1]] = true
		if !regexp.MustCompile(`\b` + tag[1] + `:`).MatchString(strings.Join(everything, "")) {
			t.Errorf("%s is not in the files that have everything", tag[1])
		}
	}
	if diff := cmp.Diff(parser, schema); diff != "" {
		t.Errorf("keys (-parser +schema):\n%s", diff)
	}
}

// The schema refuses nothing that Load accepts, and accepts nothing that cannot be
// decoded but what the library misses by itself.
func TestTheSchemaAgreesWithTheParser(t *testing.T) {
	validate := schematest.Validator(t, Schema())
	name := filepath.Join(write(t, map[string]string{"rules/a.yml": ""}), "c.yml")
	accepted := 0
	for _, text := range everything {
		for _, m := range append(schematest.Mutations(t, text), schematest.Mutation{What: text, Text: text}) {
			f := defaultFile()
			problems := strictyaml.Decode(name, []byte(m.Text), &f)
			_, refused := parse(name, []byte(m.Text), env(nil))
			if refused == nil {
				accepted++
			}
			switch err := validate(m.Text); {
			case refused == nil && err != nil:
				t.Errorf("%s: Load accepts it, and the schema does not: %v", m.What, err)
			case len(problems) > 0 && err == nil && !strings.Contains(problems.Error(), "must be configured"):
				t.Errorf("%s: the schema accepts it, but %s", m.What, problems)
			}
		}
	}
	if accepted < 50 {
		t.Errorf("only %d documents are good", accepted)
	}
}

func TestTheSchemaHasTheDefaults(t *testing.T) {
	s := Schema()
	for _, c := range []struct {
		def, key string
		want     any
	}{
		{"forecast", "history", "4w"}, {"limits", "cpu_percent", 80.0}, {"emergency", "reduce", "30%"}, {"emergency", "samples", 3}, {"defaults", "mode", "dry_run"}, {"prometheus", "url", nil},
	} {
		if diff := cmp.Diff(c.want, s.Defs[c.def].Properties[c.key].Default); diff != "" {
			t.Errorf("default of %s.%s (-want +got):\n%s", c.def, c.key, diff)
		}
	}
	if got, want := s.Defs["webhook"].Properties["timeout"].Default, "5s"; got != want {
		t.Errorf("default of webhook.timeout: got %v, want %s", got, want)
	}
	if got := s.Properties["interval"].Default; got != "30s" {
		t.Errorf("default of interval: got %v", got)
	}
}
