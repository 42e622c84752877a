package scalingadapter

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// prometheusRules returns the rules of a file in rules/prometheus.
func prometheusRules(t *testing.T, name string) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(read(t, "rules/prometheus/"+name)), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatalf("%s: %v", name, errs)
	}
	var out []rulefmt.Rule
	for _, g := range groups.Groups {
		if g.Interval != 0 {
			t.Errorf("%s: group %s has an interval of its own; the server's is right", name, g.Name)
		}
		out = append(out, g.Rules...)
	}
	if len(out) == 0 {
		t.Fatalf("%s: no rules", name)
	}
	return out
}

const (
	alertsFile    = "scaling-adapter.alerts.yml"
	recordingFile = "scaling-adapter.rules.yml"
)

func TestAlertsTellWhatToDo(t *testing.T) {
	runbooks, err := filepath.Glob("docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	orphans := map[string]bool{}
	for _, name := range runbooks {
		orphans[name] = true
	}
	seen := map[string]bool{}
	var table []string
	for _, r := range prometheusRules(t, alertsFile) {
		if seen[r.Alert] {
			t.Errorf("alert %s is there twice", r.Alert)
		}
		seen[r.Alert] = true
		if !regexp.MustCompile(`^ScalingAdapter([A-Z][a-z]+)+$`).MatchString(r.Alert) {
			t.Errorf("alert %q is not ScalingAdapter and CamelCase", r.Alert)
		}
		if severity := r.Labels["severity"]; len(r.Labels) != 1 || !slices.Contains([]string{"critical", "warning", "info"}, severity) {
			t.Errorf("%s has labels %v, want a severity of critical, warning or info", r.Alert, r.Labels)
		}
		for _, annotation := range []string{"summary", "description"} {
			if !strings.HasSuffix(r.Annotations[annotation], ".") {
				t.Errorf("%s: %s %q is not a sentence", r.Alert, annotation, r.Annotations[annotation])
			}
		}
		if strings.Contains(r.Annotations["summary"], "{{") {
			t.Errorf("%s: the summary differs from alert to alert; values are for the description", r.Alert)
		}
		runbook := "docs/runbooks/" + r.Alert + ".md"
		if got, want := r.Annotations["runbook_url"], "https://github.com/scaling-adapter/scaling-adapter/blob/main/"+runbook; got != want {
			t.Errorf("%s: runbook_url is %q, want %q", r.Alert, got, want)
		}
		if !orphans[runbook] {
			t.Errorf("%s has no runbook; write %s", r.Alert, runbook)
			continue
		}
		delete(orphans, runbook)
		headings := regexp.MustCompile(`(?m)^#+ .*$`).FindAllString(read(t, runbook), -1)
		if diff := cmp.Diff([]string{"# " + r.Alert, "## What it means", "## How to check", "## What to do"}, headings); diff != "" {
			t.Errorf("%s (-want +got):\n%s", runbook, diff)
		}
		table = append(table, fmt.Sprintf("| [%s](runbooks/%s.md) | %s | %s | %s |", r.Alert, r.Alert, r.Labels["severity"], r.For, r.Annotations["summary"]))
	}
	for _, name := range sorted(orphans) {
		t.Errorf("%s belongs to no alert", name)
	}
	rows := regexp.MustCompile(`(?m)^\| \[ScalingAdapter.*$`).FindAllString(read(t, "docs/alerts.md"), -1)
	if diff := cmp.Diff(table, rows); diff != "" {
		t.Errorf("the table of docs/alerts.md (-want +got):\n%s", diff)
	}
}

func TestRecordingRulesAreDocumented(t *testing.T) {
	var records []string
	for _, r := range prometheusRules(t, recordingFile) {
		records = append(records, r.Record)
		if !regexp.MustCompile(`^instance[a-z_]*:scaling_adapter_[a-z_]+:[a-z0-9_]+$`).MatchString(r.Record) {
			t.Errorf("%q is not level:metric:operations", r.Record)
		}
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+:[a-z0-9_:]+)`").FindAllStringSubmatch(read(t, "docs/alerts.md"), -1) {
		documented = append(documented, m[1])
	}
	if diff := cmp.Diff(records, documented); diff != "" {
		t.Errorf("the table of docs/alerts.md (-want +got):\n%s", diff)
	}
}

// TestRulesOfPrometheusKnowTheMetrics holds that alerts stand alone, and that recording
// rules need metrics and each other only.
func TestRulesOfPrometheusKnowTheMetrics(t *testing.T) {
	for _, file := range []string{alertsFile, recordingFile} {
		known := found("(?m)^\\| `(scaling_adapter_[a-z_]+)`", read(t, "docs/metrics.md"))
		known["up"] = true
		for _, r := range prometheusRules(t, file) {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
				if v, ok := node.(*parser.VectorSelector); ok && !known[v.Name] {
					t.Errorf("%s%s asks for %q, which docs/metrics.md has not", r.Alert, r.Record, v.Name)
				}
				return nil
			})
			known[r.Record] = true
		}
	}
}

// ruleTests is what is read of a file of promtool's unit tests.
type ruleTests struct {
	Tests []struct {
		Alerts []struct {
			Name   string `yaml:"alertname"`
			Alerts []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
		Queries []struct {
			Expr string `yaml:"expr"`
		} `yaml:"promql_expr_test"`
	} `yaml:"tests"`
}

// TestRulesOfPrometheusAreTested holds that promtool is told of each alert when it fires and
// when it does not, and of each recording rule; make check-alerts runs it.
func TestRulesOfPrometheusAreTested(t *testing.T) {
	names, err := filepath.Glob("rules/prometheus/tests/*.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	firing, quiet, queries := map[string]bool{}, map[string]bool{}, ""
	for _, name := range names {
		var file ruleTests
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatalf("%s: %s", name, err)
		}
		for _, test := range file.Tests {
			for _, a := range test.Alerts {
				if len(a.Alerts) > 0 {
					firing[a.Name] = true
				} else {
					quiet[a.Name] = true
				}
			}
			for _, q := range test.Queries {
				queries += q.Expr + "\n"
			}
		}
	}
	for _, r := range prometheusRules(t, alertsFile) {
		if !firing[r.Alert] || !quiet[r.Alert] {
			t.Errorf("%s: a test in which it fires: %t; one in which it does not: %t", r.Alert, firing[r.Alert], quiet[r.Alert])
		}
		delete(firing, r.Alert)
		delete(quiet, r.Alert)
	}
	for _, name := range append(sorted(firing), sorted(quiet)...) {
		t.Errorf("tests speak of %s, which is no alert", name)
	}
	for _, r := range prometheusRules(t, recordingFile) {
		if !strings.Contains(queries, r.Record) {
			t.Errorf("no test asks for %s", r.Record)
		}
	}
}
