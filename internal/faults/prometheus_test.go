package faults

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const (
	loadUp      = `scaling_adapter_signal_up{pool="nba",signal="load"}`
	queryErrors = `scaling_adapter_prometheus_queries_total{kind="instant",outcome="error"}`
)

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, "no")
	}
}

func says(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, body)
	}
}

// TestPrometheusFails is P1, P2, P4 and P9: whatever Prometheus does, the pools are held, a
// turn is short, metrics say what happened, and afterwards all is as before.
func TestPrometheusFails(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	p := r.prometheus
	for _, tc := range []struct {
		name  string
		begin func(t *testing.T)
	}{
		{"refused", func(*testing.T) { p.Stop() }},
		{"never answers", func(t *testing.T) { p.toxic(t, "timeout", `{"timeout": 0}`) }},
		{"answers a byte now and then", func(t *testing.T) { p.toxic(t, "slicer", `{"average_size": 2, "size_variation": 1, "delay": 100000}`) }},
		{"resets connections", func(t *testing.T) { p.toxic(t, "reset_peer", `{"timeout": 0}`) }},
		{"ends in the middle", func(t *testing.T) { p.toxic(t, "limit_data", `{"bytes": 200}`) }},
		{"500", func(*testing.T) { p.answers(status(500)) }},
		{"503", func(*testing.T) { p.answers(status(503, "Retry-After", "9223372036854775807")) }},
		{"429", func(*testing.T) { p.answers(status(429, "Retry-After", "3600")) }},
		{"401", func(*testing.T) { p.answers(status(401)) }},
		{"404", func(*testing.T) { p.answers(status(404)) }},
		{"a page", func(*testing.T) {
			p.answers(says("text/html", "<html>"+strings.Repeat("please log in ", 1000)+"</html>"))
		}},
		{"nothing", func(*testing.T) { p.answers(says("application/json", "")) }},
		{"another JSON", func(*testing.T) { p.answers(says("application/json", `{"agents": 0}`)) }},
		{"no data", func(*testing.T) { p.answers(says("application/json", `{"status": "success"}`)) }},
		{"series that are null", func(*testing.T) {
			p.answers(says("application/json", `{"status": "success", "data": {"resultType": "vector", "result": [null]}}`))
		}},
		{"a panic", func(*testing.T) {
			p.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		}},
		{"leads elsewhere", func(*testing.T) { p.answers(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect).ServeHTTP) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r.beforeAStep(t)
			errors := r.metric(t, queryErrors)
			tc.begin(t)
			for range 2 {
				snap := r.tick(t)
				if len(snap.Degraded) == 0 {
					t.Error("nothing is told to be missing")
				}
			}
			r.is(t, loadUp, 0)
			if now := r.metric(t, queryErrors); now < errors+2 {
				t.Errorf("%v queries failed, %v before", now, errors)
			}
			few(t)
			p.answers(nil)
			p.clean(t)
			r.tick(t)
			r.is(t, loadUp, 1)
		})
	}
	r.agents(t, 10, 6)
	if requests := r.sim.Requests(); len(requests) > 0 {
		t.Errorf("the orchestrator was asked for %+v", requests)
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("another server was asked %d times", n)
	}
	r.loads["nba"] = 200 // and what is measured counts again
	for range 3 {
		r.tick(t)
	}
	if a, _ := r.sim.Agents("nba"); a < 20 {
		t.Errorf("afterwards the pool has %d agents, and 20 are needed", a)
	}
}

// TestPrometheusComesAndGoes is P3.
func TestPrometheusComesAndGoes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for k := range 20 {
		up := k%2 == 1
		if up {
			r.prometheus.up(t)
		} else {
			r.prometheus.Stop()
		}
		r.tick(t)
		want := 0.0
		if up {
			want = 1
		}
		r.is(t, loadUp, want)
	}
	few(t)
	r.agents(t, 10, 6)
	if n := len(r.sim.Requests()); n > 0 {
		t.Errorf("the orchestrator was asked %d times", n)
	}
}

// TestHalfOfTheSeriesVanish is P5 where no warning tells it: the sum of what is left looks like
// a load that fell. The pool is held and nobody learns from it, and when the series are back
// they are believed at once.
func TestHalfOfTheSeriesVanish(t *testing.T) {
	t.Parallel()
	const all = 9
	scrape := func(t *testing.T, r *rig, at time.Time, shards int) {
		t.Helper()
		samples := make([]promengine.Sample, all)
		for i := range samples {
			samples[i] = promengine.Sample{Labels: labels.FromStrings("__name__", "shard_load", "pool", "nba", "shard", strconv.Itoa(i)), Time: at, Value: r.loads["nba"] / all}
			if i >= shards {
				samples[i].Value = math.Float64frombits(value.StaleNaN) // as after a scrape that fails
			}
		}
		if err := r.engine.Append(t.Context(), samples); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, func(r *rig, _ *app.Options) {
		r.write(t, "rules.yml", strings.Replace(rules, "query: agent_load, match: {pool: nba}",
			"query: sum by (pool) (shard_load), completeness: count by (pool) (shard_load), match: {pool: nba}", 1))
		for at := noon.Add(-25 * time.Hour); !at.After(noon); at = at.Add(time.Minute) {
			scrape(t, r, at, all)
		}
	})
	tick := func(shards int) engine.PoolStatus {
		scrape(t, r, r.clock().Add(interval), shards)
		return r.tick(t).Pools[0]
	}
	r.beforeAStep(t)
	from := r.clock()
	for range 80 {
		if p := tick(4); p.Load.Quality != policy.Partial || !strings.Contains(p.Load.Detail, "completeness is 4, and 9 is usual") {
			t.Fatalf("at %s the load is %+v", r.clock(), p.Load)
		}
	}
	r.is(t, loadUp, 0)
	r.is(t, `scaling_adapter_signal_up{pool="nba",signal="completeness"}`, 1)
	to := r.clock()
	var p engine.PoolStatus
	for range 20 {
		if p = tick(all); p.Load.Quality != policy.OK || p.Fallback != "" {
			t.Fatalf("at %s the load is %+v, fallback %q", r.clock(), p.Load, p.Fallback)
		}
	}
	r.is(t, loadUp, 1)
	for i, y := range p.History.Series().Values {
		at := p.History.Time(i)
		if away := at.After(from) && !at.After(to); away != math.IsNaN(y) || !away && math.Abs(y-100) > 1e-9 {
			t.Errorf("the load of %s is learned as %g", at, y)
		}
	}
	r.agents(t, 10, 6)
	if n := len(r.sim.Requests()); n > 0 {
		t.Errorf("the orchestrator was asked %d times", n)
	}
	r.loads["nba"] = 200 // and what is measured counts again
	for range 3 {
		tick(all)
	}
	if a, _ := r.sim.Agents("nba"); a < 20 {
		t.Errorf("afterwards the pool has %d agents, and 20 are needed", a)
	}
}

// TestPrometheusForgets is P10: it is restarted with nothing but what it scrapes from then on.
func TestPrometheusForgets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	fresh, err := promengine.Open(t.TempDir(), r.clock, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fresh.Close() }) // its data is not to survive
	r.beforeAStep(t)
	r.prometheus.Stop()
	r.tick(t)
	r.engine, r.prometheus.real = fresh, fresh.Handler()
	r.prometheus.up(t)
	loads := r.loads
	r.loads = nil // it is up, and has scraped nothing yet
	for range 8 {
		if q := r.tick(t).Pools[0].Load.Quality; q != policy.Empty {
			t.Errorf("without a series the load is %s", q)
		}
	}
	r.loads = loads
	for range 20 {
		snap := r.tick(t)
		if p := snap.Pools[0]; p.Fallback != "" || p.Forecast.Len() == 0 {
			t.Fatalf("the forecast is lost: %q", p.Fallback)
		}
	}
	r.agents(t, 10, 6)
	if n := len(r.sim.Requests()); n > 0 {
		t.Errorf("the orchestrator was asked %d times", n)
	}
}

// TestEndlessAnswers is P8: as many bytes are taken as an answer may have, compressed ones are
// not unpacked, and the memory that this costs is bounded. It runs alone, for the memory's sake.
func TestEndlessAnswers(t *testing.T) {
	r := newRig(t, func(r *rig, _ *app.Options) {
		// Without a timeout that would end it anyhow.
		r.write(t, "scaling-adapter.yml", strings.NewReplacer("PROMETHEUS", r.prometheus.url(), "ORCHESTRATOR", r.orchestrator.url(), "500ms", "20s").Replace(configuration))
		r.quick = patience
	})
	var most atomic.Int64 // bytes of one answer
	endless := func(w io.Writer) {
		blanks := []byte(strings.Repeat(" ", 1<<20))
		for n := int64(0); ; n += int64(len(blanks)) {
			if _, err := w.Write(blanks); err != nil {
				return
			}
			most.Store(max(most.Load(), n))
		}
	}
	var member bytes.Buffer // a mebibyte that takes a thousandth of that
	z := gzip.NewWriter(&member)
	if _, err := z.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"endless", func(w http.ResponseWriter, _ *http.Request) { endless(w) }},
		{"as long as it says", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(1<<40))
			endless(w)
		}},
		{"a bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			for range 8 << 10 { // 8 GiB
				if _, err := w.Write(member.Bytes()); err != nil {
					return
				}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			most.Store(0)
			r.prometheus.answers(tc.answer)
			r.tick(t)
			r.is(t, loadUp, 0)
			if n := most.Load(); n > 160<<20 { // with what is on its way
				t.Errorf("%d MiB were taken", n>>20)
			}
			runtime.ReadMemStats(&after)
			if after.HeapSys > before.HeapSys+1<<30 {
				t.Errorf("%d MiB of heap, %d before", after.HeapSys>>20, before.HeapSys>>20)
			}
			r.prometheus.answers(nil)
			r.prometheus.clean(t)
			r.tick(t)
			r.is(t, loadUp, 1)
		})
	}
	r.agents(t, 10, 6)
}
