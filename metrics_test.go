package scalingadapter

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/internal/demo/demotest"
)

// family is a metric as docs/metrics.md has it, or as it is exposed.
type family struct {
	Type, Help string
	Labels     []string
}

// documented is a row of docs/metrics.md.
type documented struct {
	family
	name, unit, query string
	mayBeEmpty        bool
}

var metricRow = regexp.MustCompile("(?m)^\\| `(scaling_adapter_[a-z_]+)` \\| (counter|gauge|histogram) \\| ([^|]+) \\| ([^|]+) \\| ([A-Z1][^|]+?\\.)( Empty [^|]+\\.)? \\| [A-Z][^|`]+\\? `([^`|]+)` \\|$")

// documentedMetrics are the rows of docs/metrics.md by metric.
func documentedMetrics(t *testing.T) map[string]documented {
	t.Helper()
	text, out := read(t, "docs/metrics.md"), map[string]documented{}
	for _, m := range metricRow.FindAllStringSubmatch(text, -1) {
		out[m[1]] = documented{family{m[2], m[5], words(m[4])}, m[1], m[3], m[7], m[6] != ""}
	}
	if rows := len(found("(?m)^\\| `(scaling_adapter_[a-z_]+)`", text)); rows != len(out) {
		t.Fatalf("docs/metrics.md has %d metrics, of which %d are understood: name, type, unit, labels, meaning, question and query", rows, len(out))
	}
	return out
}

// words are those of a cell that are in backticks.
func words(cell string) []string { return sorted(found("`([a-z_]+)`", cell)) }

// unitOf are the units that the ends of names tell.
var unitOf = []struct{ suffix, unit string }{
	{"_timestamp_seconds", "Unix time"}, {"_agent_seconds_total", "agent-seconds"}, {"_seconds", "seconds"}, {"_ratio", "ratio"}, {"_agents", "agents"}, {"_posts", "posts"}, {"_total", "count"},
}

func TestMetricsHaveUnits(t *testing.T) {
	units := found("(?m)^\\| `([a-zU0][-a-zA-Z0-9 ]+)` \\| [^|]+ \\|$", strings.Split(read(t, "docs/metrics.md"), "\n## ")[0])
	for name, m := range documentedMetrics(t) {
		if !units[m.unit] {
			t.Errorf("%s has unit %q, want one of %v", name, m.unit, sorted(units))
		}
		for _, u := range unitOf {
			if strings.HasSuffix(name, u.suffix) {
				if m.unit != u.unit {
					t.Errorf("%s has unit %q, and its name says %q", name, m.unit, u.unit)
				}
				break
			}
		}
	}
}

// explainedLabels are the rows about labels: what is said of each.
func explainedLabels(t *testing.T) map[string]string {
	t.Helper()
	_, table, _ := strings.Cut(read(t, "docs/metrics.md"), "\n## Labels\n")
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(table, -1) {
		for _, name := range words(m[1]) {
			out[name] = m[2]
		}
	}
	return out
}

func TestLabelsAreExplained(t *testing.T) {
	used := map[string]bool{}
	for _, m := range documentedMetrics(t) {
		for _, name := range m.Labels {
			used[name] = true
		}
	}
	if diff := cmp.Diff(sorted(used), slices.Sorted(maps.Keys(explainedLabels(t)))); diff != "" {
		t.Errorf("labels of metrics, and those that are explained (-want +got):\n%s", diff)
	}
}

// An example is a query that speaks of its metric and says more than its name.
func TestExamplesOfMetricsAreQueries(t *testing.T) {
	all := documentedMetrics(t)
	for name, m := range all {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(m.query)
		if err != nil {
			t.Errorf("%s: %s: %s", name, m.query, err)
			continue
		}
		speaks := false
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			v, ok := node.(*parser.VectorSelector)
			if !ok {
				return nil
			}
			asked := v.Name
			if _, exists := all[asked]; !exists { // buckets, sums and counts are of a histogram
				asked = regexp.MustCompile("_(bucket|sum|count)$").ReplaceAllString(asked, "")
				if all[asked].Type != "histogram" {
					t.Errorf("%s: %s asks for %s, which is not there", name, m.query, v.Name)
				}
			}
			speaks = speaks || asked == name
			return nil
		})
		if !speaks || m.query == name {
			t.Errorf("%s: %s is no example of it", name, m.query)
		}
	}
}

// exposition is what the adapter tells a Prometheus that takes native histograms.
type exposition struct {
	metrics map[string]family
	native  map[string]bool            // those that are native histograms
	values  map[string]map[string]bool // by label
}

func exposed(t *testing.T, url string) exposition {
	t.Helper()
	const protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", protobuf)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/vnd.google.protobuf") {
		t.Fatalf("the answer is %s", got)
	}
	p, err := textparse.New(body, resp.Header.Get("Content-Type"), labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out := exposition{map[string]family{}, map[string]bool{}, map[string]map[string]bool{}}
	for name, f := "", (family{}); ; {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch entry {
		case textparse.EntryHelp: // the first of a metric
			n, help := p.Help()
			name, f = string(n), family{Help: string(help)}
		case textparse.EntryType:
			_, typ := p.Type()
			f.Type = string(typ)
		case textparse.EntrySeries, textparse.EntryHistogram:
			if !strings.HasPrefix(name, "scaling_adapter_") {
				continue
			}
			out.native[name] = out.native[name] || entry == textparse.EntryHistogram
			var ls labels.Labels
			p.Labels(&ls)
			f.Labels = nil
			ls.Range(func(l labels.Label) {
				if l.Name == model.MetricNameLabel || l.Name == model.BucketLabel {
					return
				}
				f.Labels = append(f.Labels, l.Name)
				if out.values[l.Name] == nil {
					out.values[l.Name] = map[string]bool{}
				}
				out.values[l.Name][l.Value] = true
			})
			slices.Sort(f.Labels)
			if before, again := out.metrics[name]; again && !slices.Equal(before.Labels, f.Labels) {
				t.Errorf("%s has labels %v and %v", name, before.Labels, f.Labels)
			}
			out.metrics[name] = f
		}
	}
}

// The demo exposes what is documented, durations as native histograms, labels with the values
// that are listed, and answers each example, unless the meaning says when it is empty.
func TestMetricsAreAsDocumented(t *testing.T) {
	d := demotest.Run(t)
	got := exposed(t, d.URL)
	all := documentedMetrics(t)
	for name, m := range all {
		if len(d.Query(t, m.query)) == 0 && !m.mayBeEmpty {
			t.Errorf("%s: %s has no answer, and the meaning does not say when it is empty", name, m.query)
		}
		f, is := got.metrics[name]
		if !is {
			if !m.mayBeEmpty {
				t.Errorf("%s is not exposed, and the meaning does not say when it is empty", name)
			}
			continue
		}
		if diff := cmp.Diff(m.family, f); diff != "" {
			t.Errorf("%s (-documented +exposed):\n%s", name, diff)
		}
		if got.native[name] != (m.Type == "histogram") {
			t.Errorf("%s is a native histogram: %t", name, got.native[name])
		}
	}
	for name := range got.metrics {
		if _, is := all[name]; !is {
			t.Errorf("%s is exposed and not in docs/metrics.md", name)
		}
	}
	for label, cell := range explainedLabels(t) {
		if !strings.HasPrefix(cell, "`") && !strings.HasPrefix(cell, "of ") { // values that are not listed
			continue
		}
		listed := words(cell)
		for value := range got.values[label] {
			if !slices.Contains(listed, value) {
				t.Errorf("%s=%q is exposed, and docs/metrics.md lists %v", label, value, listed)
			}
		}
	}
}
