package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/scaling-adapter/scaling-adapter/internal/demo"
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

// lines collects what the demo says.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// find waits for what an expression captures.
func (s *said) find(t *testing.T, expression string) string {
	t.Helper()
	for range 600 {
		s.mu.Lock()
		found := regexp.MustCompile(expression).FindStringSubmatch(s.text.String())
		s.mu.Unlock()
		if found != nil {
			return found[1]
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the demo does not say %s: %s", expression, s.text.String())
	return ""
}

// server is a Prometheus.
type server struct{ url string }

// query returns the series of an answer.
func (s server) query(t *testing.T, expr string, start, end time.Time) []any {
	t.Helper()
	v := url.Values{"query": {expr}, "start": {fmt.Sprint(start.Unix())}, "end": {fmt.Sprint(end.Unix())}, "step": {"30"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/query_range?"+v.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data  struct{ Result []any }
		Error string
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error != "" {
		t.Errorf("%s: %v %s", expr, err, answer.Error)
	}
	return answer.Data.Result
}

// Every query is one that Prometheus understands, and is answered with data of the running
// demo, unless the panel says when it is empty.
func TestQueriesAreAnswered(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &said{}
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Speed: 1e6, ListenAddress: "127.0.0.1:0", Out: out, Logger: slog.New(slog.DiscardHandler)})
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s := server{out.find(t, `Prometheus +(http://127\.0\.0\.1:\d+)/`)}
	start, err := time.Parse(time.RFC3339, "2026-11-12T17:20:00-05:00")
	if err != nil {
		t.Fatal(err)
	}
	end := start.Add(2 * time.Hour)
	for len(s.query(t, "scaling_adapter_ticks_total", end, end)) == 0 {
		time.Sleep(50 * time.Millisecond)
	}

	fill := strings.NewReplacer("$job", ".+", "$pool", "nba", "$horizon", "15m", "$__rate_interval", "4m", "$__range", "2h")
	panels(t, func(where string, p dashboard.Panel) {
		empty := strings.Contains(*p.Description, " Empty ")
		for _, q := range p.Targets {
			expr := fill.Replace(q.(*prometheus.Dataquery).Expr)
			if len(s.query(t, expr, start, end)) == 0 && !empty {
				t.Errorf("%s is empty, and does not say when it may be: %s", where, expr)
			}
		}
	})
	for name, d := range committed(t) {
		for _, a := range d.Annotations.List {
			if a.Expr != nil {
				s.query(t, fill.Replace(*a.Expr), start, end)
			}
		}
		for _, v := range d.Templating.List {
			if v.Definition == nil {
				continue
			}
			selector := regexp.MustCompile(`^label_values\((.+), [a-z]+\)$`).FindStringSubmatch(*v.Definition)
			if selector == nil || len(s.query(t, fill.Replace(selector[1]), start, end)) == 0 {
				t.Errorf("%s: variable %s has no values: %s", name, v.Name, *v.Definition)
			}
		}
	}
}
