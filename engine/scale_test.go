//go:build !race

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// asked is a world that counts the calls to its source.
type asked struct {
	*world
	samples, ranges int
}

func (a *asked) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	a.samples++
	return a.world.Sample(ctx, now, signals)
}

func (a *asked) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	a.ranges++
	return a.world.Range(ctx, r, signals)
}

// crowd is an engine with many pools that share hosts and a total, each of which has a
// forecast, and what its source is asked.
func crowd(t *testing.T, pools int, history time.Duration, load func(string, time.Time) float64) (e *Engine, a *asked, tick func()) {
	t.Helper()
	a = &asked{world: newWorld(load, map[string]int{})}
	a.queried = func(query string) (float64, bool) { return 40, query == "cpu" }
	var specs []Pool
	for i := range pools {
		p := spec(fmt.Sprintf("pool-%05d", i))
		a.agents[p.Pool.Name] = p.Pool.Agents.Base
		specs = append(specs, p)
	}
	s := settings(a.world, specs...)
	s.Source, s.Actuator = a, a
	s.History, s.RefitEvery = history, 1000*time.Hour
	s.MaxTotalAgents, s.Hosts = 15*pools, []Host{{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: 80}}
	s.Interval = time.Hour // so that all pools are fitted in the first tick
	e = New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	e.Apply(s)
	now := start
	tick = func() {
		e.Tick(t.Context(), now)
		now = now.Add(30 * time.Second)
	}
	tick()
	for _, p := range e.Snapshot().Pools {
		if p.Fallback != "" {
			t.Fatalf("%s has no forecast: %s", p.Pool.Name, p.Fallback)
		}
	}
	for range 5 {
		tick() // until all is at rest
	}
	return e, a, tick
}

// heap returns the bytes that are in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// costs are what one pool costs.
type costs struct{ allocations, bytes, heap, scrape float64 }

func costsOf(t *testing.T, pools int) costs {
	t.Helper()
	before := heap()
	e, a, tick := crowd(t, pools, 24*time.Hour, flat(100)) // which is soon learned
	kept := heap() - before
	const ticks = 4
	a.samples, a.ranges, a.calls = 0, 0, nil
	var m, n runtime.MemStats
	runtime.ReadMemStats(&m)
	for range ticks {
		tick()
	}
	runtime.ReadMemStats(&n)
	if a.samples != ticks || a.ranges > 0 || len(a.calls) > 0 {
		t.Errorf("%d pools: the source was asked %d times for samples and %d times for histories in %d ticks, and %d pools were scaled", pools, a.samples, a.ranges, ticks, len(a.calls))
	}
	families := 0
	for range e.Snapshot().Metrics() {
		families++
	}
	var o runtime.MemStats
	runtime.ReadMemStats(&o)
	if families < 30 {
		t.Errorf("%d pools: %d families of metrics", pools, families)
	}
	runtime.KeepAlive(e)
	each := func(x float64) float64 { return x / float64(pools) }
	return costs{each(float64(n.Mallocs-m.Mallocs) / ticks), each(float64(n.TotalAlloc-m.TotalAlloc) / ticks), each(kept), each(float64(o.TotalAlloc - n.TotalAlloc))}
}

// P37: a steady tick of 10,000 pools costs each of them what one of 1,000 does, and not much,
// and asks the source once for all. A scrape holds one family of metrics at a time.
func TestManyPoolsCostEachWhatFewDo(t *testing.T) {
	few, many := costsOf(t, 1000), costsOf(t, 10_000)
	t.Logf("by pool of 1,000: %+v; of 10,000: %+v", few, many)
	most := costs{allocations: 60, bytes: 10 << 10, heap: 40 << 10, scrape: 12 << 10}
	for what, c := range map[string][3]float64{
		"allocations in a tick":     {few.allocations, many.allocations, most.allocations},
		"bytes allocated in a tick": {few.bytes, many.bytes, most.bytes},
		"bytes kept":                {few.heap, many.heap, most.heap},
		"bytes of metrics":          {few.scrape, many.scrape, most.scrape},
	} {
		if few, many, most := c[0], c[1], c[2]; many > 1.2*few || many > most {
			t.Errorf("%s by pool: %.0f of 10,000 and %.0f of 1,000, want as many, and %.0f at most", what, many, few, most)
		}
	}
}

// P37: with four weeks of history 10,000 pools fit into 3 GiB, with the garbage that piles up
// until it is collected, and room for what a turn needs.
func TestManyPoolsFitIntoMemory(t *testing.T) {
	const (
		pools   = 20
		garbage = 1.33
		turn    = 1.2
		most    = 3 << 30 / 10_000 / garbage / turn
	)
	before := heap()
	e, _, _ := crowd(t, pools, 28*24*time.Hour, func(pool string, t time.Time) float64 {
		return daily(pool, t) + 10*math.Sin(float64(t.Unix()/300%977))
	})
	each := (heap() - before) / pools
	t.Logf("%.0f KiB by pool", each/1024)
	if each > most {
		t.Errorf("a pool keeps %.0f KiB, want %.0f at most", each/1024, most/1024)
	}
	runtime.KeepAlive(e)
}
