package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/scaling-adapter/scaling-adapter/internal/demo/demotest"
)

// committed are the dashboards as Grafana would read them, which knows every option, by
// name of the file.
func committed(t *testing.T) map[string]classic {
	t.Helper()
	plugins.RegisterDefaultPlugins()
	names, err := filepath.Glob("../../grafana/dashboards/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	out := map[string]classic{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var strict, d classic
		if err := strict.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // it is an empty list when all is well
			t.Errorf("%s is not what Grafana knows: %s", name, err)
		}
		if err := json.Unmarshal(text, &d); err != nil { // strict lacks the panels
			t.Fatal(err)
		}
		out[filepath.Base(name)] = d
	}
	return out
}

// panels calls do with every panel.
func panels(t *testing.T, do func(where string, p dashboard.Panel)) {
	t.Helper()
	for name, d := range committed(t) {
		for _, p := range d.Panels {
			if p.Panel != nil {
				do(fmt.Sprintf("%s, %q", name, *p.Panel.Title), *p.Panel)
			}
		}
	}
}

func TestCommittedIsWhatIsGenerated(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name := range committed(t) {
		got, err := os.ReadFile(filepath.Join("../../grafana/dashboards", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want[name]) {
			t.Errorf("%s is not what is generated; run go run ./tools/dashboards:\n%s", name, cmp.Diff(string(want[name]), string(got)))
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is generated and not committed; run go run ./tools/dashboards", name)
	}
}

// A stranger can read each panel: what it shows, in what unit, and from which Prometheus.
func TestPanelsExplainThemselves(t *testing.T) {
	kinds := []string{"timeseries", "stat", "state-timeline", "table"} // the schema knows no names of kinds
	sentence := regexp.MustCompile(`^[A-Z].{10,}\.$`)
	panels(t, func(where string, p dashboard.Panel) {
		if !slices.Contains(kinds, p.Type) {
			t.Errorf("%s: there is no panel of kind %q", where, p.Type)
		}
		if !sentence.MatchString(*p.Description) {
			t.Errorf("%s: the description is no sentence: %q", where, *p.Description)
		}
		if *p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%s has no unit", where)
		}
		if *p.Datasource.Uid != "$datasource" || len(p.Targets) == 0 {
			t.Errorf("%s asks nobody, or not who is chosen", where)
		}
		for i, q := range p.Targets {
			q := q.(*prometheus.Dataquery)
			if want := string(rune('A' + i)); *q.RefId != want || *q.Datasource.Uid != "$datasource" || (p.Type != "table") != (*q.LegendFormat != "") {
				t.Errorf("%s: query %s is incomplete: %+v", where, want, q)
			}
			if now := p.Type == "table" || p.Type == "stat"; now != (q.Instant != nil && *q.Instant) {
				t.Errorf("%s: query %s is not of the time that the panel shows", where, *q.RefId)
			}
			if strings.Contains(q.Expr, "increase(") && strings.Contains(q.Expr, "[$__rate_interval]") && p.Interval == nil {
				t.Errorf("%s: query %s counts the same several times where points are near to each other", where, *q.RefId)
			}
		}
	})
}

// Nobody lies on another, and rows are filled from side to side.
func TestPanelsFillTheirRows(t *testing.T) {
	for name, d := range committed(t) {
		taken, ids := map[[2]uint32]bool{}, map[uint32]bool{}
		var bottom uint32
		for _, either := range d.Panels {
			var pos dashboard.GridPos
			var id uint32
			if either.Panel != nil {
				pos, id = *either.Panel.GridPos, *either.Panel.Id
			} else {
				pos, id = *either.RowPanel.GridPos, either.RowPanel.Id
			}
			if ids[id] {
				t.Errorf("%s: ID %d is there twice", name, id)
			}
			ids[id] = true
			bottom = max(bottom, pos.Y+pos.H)
			for x := pos.X; x < pos.X+pos.W; x++ {
				for y := pos.Y; y < pos.Y+pos.H; y++ {
					if taken[[2]uint32{x, y}] || x >= columns {
						t.Errorf("%s: panel %d lies on another or outside at %d, %d", name, id, x, y)
					}
					taken[[2]uint32{x, y}] = true
				}
			}
		}
		if len(taken) != int(columns*bottom) {
			t.Errorf("%s: %d cells of %d are empty", name, int(columns*bottom)-len(taken), columns*bottom)
		}
	}
}

var metric = regexp.MustCompile(`scaling_adapter_[a-z_]+`)

func TestMetricsAreThere(t *testing.T) {
	docs, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	check := func(where, expr string) {
		for _, name := range metric.FindAllString(expr, -1) {
			n++
			if !bytes.Contains(docs, []byte("| `"+strings.TrimSuffix(name, "_bucket")+"` |")) {
				t.Errorf("%s asks for %s, which is not in docs/metrics.md", where, name)
			}
		}
	}
	panels(t, func(where string, p dashboard.Panel) {
		for _, q := range p.Targets {
			check(where, q.(*prometheus.Dataquery).Expr)
		}
	})
	for name, d := range committed(t) {
		for _, v := range d.Templating.List {
			if v.Definition != nil {
				check(name+", variable "+v.Name, *v.Definition)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Expr != nil {
				check(name+", annotation "+a.Name, *a.Expr)
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d metrics were found", n)
	}
}

// Every query is one that Prometheus understands, and is answered with data of the running
// demo, unless the panel says when it is empty.
func TestQueriesAreAnswered(t *testing.T) {
	d := demotest.Run(t)
	fill := strings.NewReplacer("$job", ".+", "$pool", "nba", "$horizon", "15m", "$__rate_interval", "4m", "$__range", "2h")
	panels(t, func(where string, p dashboard.Panel) {
		empty := strings.Contains(*p.Description, " Empty ")
		for _, q := range p.Targets {
			expr := fill.Replace(q.(*prometheus.Dataquery).Expr)
			if len(d.Query(t, expr)) == 0 && !empty {
				t.Errorf("%s is empty, and does not say when it may be: %s", where, expr)
			}
		}
	})
	for name, board := range committed(t) {
		for _, a := range board.Annotations.List {
			if a.Expr != nil {
				d.Query(t, fill.Replace(*a.Expr))
			}
		}
		for _, v := range board.Templating.List {
			if v.Definition == nil {
				continue
			}
			selector := regexp.MustCompile(`^label_values\((.+), [a-z]+\)$`).FindStringSubmatch(*v.Definition)
			if selector == nil || len(d.Query(t, fill.Replace(selector[1]))) == 0 {
				t.Errorf("%s: variable %s has no values: %s", name, v.Name, *v.Definition)
			}
		}
	}
}
