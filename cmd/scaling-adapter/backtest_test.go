package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// The scripts find a configuration with a Prometheus that has two weeks of loads, files of
// the same loads, and an orchestrator that must not be called.
func TestBacktestScripts(t *testing.T) {
	end := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	e, err := promengine.Open(t.TempDir(), func() time.Time { return end }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	files := map[string]string{}
	for i, league := range []string{"NBA", "NFL"} {
		var samples []promengine.Sample
		var file strings.Builder
		file.WriteString("time,load\n")
		for at := end.Add(-14 * 24 * time.Hour); at.Before(end); at = at.Add(5 * time.Minute) {
			y := 30.0
			if hour := at.Hour(); hour >= 8 && hour < 20 {
				y = 100
			}
			y *= float64(i + 1)
			samples = append(samples, promengine.Sample{Labels: labels.FromStrings("__name__", "agent_load", "league", league), Time: at, Value: y})
			fmt.Fprintf(&file, "%s,%g\n", at.Format(time.RFC3339), y)
		}
		files[strings.ToLower(league)+".csv"] = file.String()
		if err := e.Append(t.Context(), samples); err != nil {
			t.Fatal(err)
		}
	}
	var queries atomic.Int64
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries.Add(1)
		if !strings.HasSuffix(r.URL.Path, "/query_range") {
			t.Errorf("Prometheus was asked for %s; a replay reads ranges only", r.URL)
		}
		e.Handler().ServeHTTP(w, r)
	}))
	defer prometheus.Close()
	orchestrator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the orchestrator was told %s %s", r.Method, r.URL)
		io.WriteString(w, `{"agents": 7}`)
	}))
	defer orchestrator.Close()
	files["scaling-adapter.yml"] = fmt.Sprintf("prometheus: {url: %s}\norchestrator: {url: %s}\nrule_files: [rules.yml]\n", prometheus.URL, orchestrator.URL)
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{Dir: "testdata/backtest", RequireUniqueNames: true, UpdateScripts: *update, Setup: func(env *testscript.Env) error {
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(text), 0o600); err != nil {
					return err
				}
			}
			return nil
		}})
	})
	if queries.Load() == 0 {
		t.Error("no history was asked for")
	}
}
