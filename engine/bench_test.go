package engine

import (
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// BenchmarkTick1000Pools takes ticks every 30 s of 1,000 pools with four weeks
// of history each (8,064 values), so that every tenth one learns a new value and
// renews all forecasts. The first tick, which fits the models, is reported as
// fit-ms/pool and is not part of the time.
func BenchmarkTick1000Pools(b *testing.B) {
	const pools = 1000
	w := newWorld(func(pool string, t time.Time) float64 {
		return daily("", t) + float64(len(pool)) + 10*math.Sin(float64(t.Unix()/300%977))
	}, map[string]int{})
	var specs []Pool
	for i := range pools {
		s := spec(fmt.Sprintf("pool-%04d", i))
		w.agents[s.Pool.Name] = s.Pool.Agents.Base
		specs = append(specs, s)
	}
	s := settings(w, specs...)
	s.History, s.Horizon, s.RefitEvery = 28*24*time.Hour, 24*time.Hour, 1000*time.Hour
	s.Interval = time.Hour // so that all pools are fitted in the first tick
	e := New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	e.Apply(s)
	now := start
	began := time.Now()
	e.Tick(b.Context(), now)
	fit := time.Since(began)
	for _, p := range e.Snapshot().Pools {
		if p.Fallback != "" || p.History.Len() != 8064 {
			b.Fatalf("pool %s has %d values and no forecast: %s", p.Pool.Name, p.History.Len(), p.Fallback)
		}
	}
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		now = now.Add(30 * time.Second)
		e.Tick(b.Context(), now)
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N)/pools, "allocs/pool")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pools, "µs/pool")
	b.ReportMetric(float64(fit.Milliseconds())/pools, "fit-ms/pool")
}
