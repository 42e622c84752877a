package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// scraped is an answer as a client has it after it was decompressed.
type scraped struct {
	Code                              int
	Type, Encoding, Body              string
	VariesByAccept, VariesByEncodings bool
}

func scrape(t *testing.T, h http.Handler, method, path string, header map[string]string) scraped {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	out := scraped{Code: w.Code, Type: w.Header().Get("Content-Type"), Encoding: w.Header().Get("Content-Encoding")}
	for _, name := range w.Header().Values("Vary") {
		out.VariesByAccept = out.VariesByAccept || name == "Accept"
		out.VariesByEncodings = out.VariesByEncodings || name == "Accept-Encoding"
	}
	body := io.Reader(w.Body)
	if out.Encoding == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	out.Body = string(text)
	return out
}

// What is streamed is byte by byte what client_golang's handler makes of the same families.
func TestMetricsAreServedAsByPromhttp(t *testing.T) {
	snap := snapshot("nba", `n"f\l`)
	for _, p := range snap.Pools {
		snap.Settings.Pools = append(snap.Settings.Pools, engine.Pool{Policy: policy.Policy{Pool: p.Pool}})
	}
	o := showing(snap)
	counted := prometheus.NewRegistry()
	requests := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a_seconds", Help: "A.", NativeHistogramBucketFactor: 1.1, Buckets: []float64{1, 2}})
	requests.Observe(1.5)
	counted.MustRegister(requests, collectors.NewBuildInfoCollector())
	o.Metrics = counted
	gathered := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := counted.Gather()
		for f := range o.Snapshot().Metrics() {
			all = append(all, proto.CloneOf(f))
		}
		return all, err
	})
	ours, theirs := New(o), promhttp.HandlerFor(gathered, promhttp.HandlerOpts{EnableOpenMetrics: true})
	for _, accept := range []string{
		"", "text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*/*;q=0.2",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "text/html",
	} {
		for _, encoding := range []string{"", "gzip", "gzip;q=0, identity", "zstd, gzip;q=0.5"} {
			for _, path := range []string{"/metrics", "/metrics?name[]=scaling_adapter_load&name[]=a_seconds", "/metrics?name[]=none"} {
				header := map[string]string{"Accept": accept, "Accept-Encoding": encoding}
				want, got := scrape(t, theirs, "GET", path, header), scrape(t, ours, "GET", path, header)
				if len(want.Body) < 1000 {
					want.Encoding = got.Encoding // what is small may be left as it is
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s of %v (-promhttp +got):\n%s", path, header, diff)
				}
			}
		}
	}
	if code := scrape(t, ours, "POST", "/metrics", nil).Code; code != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered with %d", code)
	}
}

// A client never takes a part of the metrics for all of them.
func TestMetricsAreWholeOrNone(t *testing.T) {
	o := showing(snapshot("nba"))
	o.Metrics = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return nil, errors.New("it is collected twice") })
	if got := scrape(t, New(o), "GET", "/metrics", nil); got.Code != 500 || !strings.Contains(got.Body, "collected twice") {
		t.Errorf("what cannot be gathered: %+v", got)
	}
	o.Metrics = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return []*dto.MetricFamily{{Name: proto.String("empty")}}, nil // cannot be encoded
	})
	server := httptest.NewServer(New(o))
	defer server.Close()
	for _, accept := range []string{"identity", "gzip"} {
		req, _ := http.NewRequest(http.MethodGet, server.URL+"/metrics", nil)
		req.Header.Set("Accept-Encoding", accept)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: what cannot be encoded looks as if it were complete", accept)
		}
	}
}

// many is a snapshot of so many pools with forecasts and scores.
func many(pools int) *engine.Snapshot {
	snap := &engine.Snapshot{Time: now, Settings: &engine.Settings{Generation: 1, Interval: 30 * time.Second, Step: 5 * time.Minute, Horizon: 24 * time.Hour}}
	f := forecast.Forecast{Start: now, Step: 5 * time.Minute, Levels: []float64{0.1, 0.5, 0.9, 0.99}, Paths: make([][]float64, 4)}
	for i := range f.Paths {
		for k := range 289 {
			f.Paths[i] = append(f.Paths[i], 100+float64(i*k)/7)
		}
	}
	var scores []forecast.Score
	var coverage []forecast.Coverage
	for _, horizon := range []int{1, 3, 6, 12, 24, 48, 72, 108, 156, 216, 288} {
		for _, m := range append(engine.Opponents(), forecast.Combination) {
			scores = append(scores, forecast.Score{Model: m, Horizon: horizon, WAPE: 1 / float64(7+horizon), Bias: 0.01, N: 9})
		}
		coverage = append(coverage, forecast.Coverage{Horizon: horizon, Share: 0.8, Pinball: 0.125, N: 9})
	}
	for i := range pools {
		spec := policy.Pool{Name: fmt.Sprintf("pool-%05d", i), Agents: policy.Agents{Min: 2, Max: 40}, PerAgent: 10, Mode: policy.Active}
		snap.Settings.Pools = append(snap.Settings.Pools, engine.Pool{Policy: policy.Policy{Pool: spec}})
		snap.Pools = append(snap.Pools, engine.PoolStatus{
			Pool: spec, Load: policy.Sample{Value: 100 + float64(i)/3, Time: now, Quality: policy.OK}, Count: policy.Count{Agents: 10, Ready: 10, Known: true},
			Decision: policy.Decision{Current: 10, Desired: 10, Demand: 9.7, Reasons: []policy.Reason{{Code: policy.ReasonTolerance}}},
			Footing:  engine.Footing{Rung: engine.RungForecast}, Forecast: f, Origin: now, Scores: scores, Coverage: coverage,
		})
	}
	return snap
}

// nowhere takes an answer.
type nowhere struct {
	header http.Header
	bytes  int
}

func (n *nowhere) Header() http.Header { return n.header }
func (n *nowhere) WriteHeader(int)     {}
func (n *nowhere) Write(p []byte) (int, error) {
	n.bytes += len(p)
	return len(p), nil
}

// BenchmarkScrape scrapes 1,000 pools.
func BenchmarkScrape(b *testing.B) {
	const pools = 1000
	h := New(showing(many(pools)))
	for _, encoding := range []string{"identity", "gzip"} {
		b.Run(encoding, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Header.Set("Accept-Encoding", encoding)
			b.ReportAllocs()
			var w nowhere
			for b.Loop() {
				w = nowhere{header: http.Header{}}
				h.ServeHTTP(&w, r)
			}
			b.ReportMetric(float64(w.bytes)/pools, "sent-B/pool")
		})
	}
}
