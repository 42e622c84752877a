package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

const (
	mostTurns = 400 // until every pool has a forecast
	steady    = 40  // turns that are measured: every tenth learns a new value
)

// orchestrator does at once what it is asked for.
type orchestrator struct {
	mu     sync.Mutex
	agents map[string]int
}

func (o *orchestrator) Current(_ context.Context, pool string) policy.Count {
	o.mu.Lock()
	defer o.mu.Unlock()
	return policy.Count{Agents: o.agents[pool], Ready: o.agents[pool], Known: true}
}

func (o *orchestrator) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.agents[d.Pool] = d.Desired
	return policy.Outcome{Result: policy.Accepted}
}

func settings(pools int, source engine.Source, o engine.Actuator, generation int) *engine.Settings {
	s := &engine.Settings{
		Generation: generation, Interval: interval, QueryLag: lag, MaxSampleAge: 2 * step, Step: step, History: points * step, Horizon: 24 * time.Hour,
		RefitEvery: time.Hour, Enabled: true, Source: source, Actuator: o,
	}
	for i := range pools {
		s.Pools = append(s.Pools, engine.Pool{
			Policy: policy.Policy{Pool: policy.Pool{
				Name: name(i), Labels: map[string]string{"pool": name(i)}, Location: time.UTC, Agents: policy.Agents{Base: 10, Min: 2, Max: 40}, PerAgent: 10,
				LeadTime: 10 * time.Minute, Quantile: 0.9, Sensitivity: 1, Weight: 1, Mode: policy.Active, ForecastMaxAge: 2 * time.Hour,
			}},
			Load: policy.Signal{Query: "agent_load", Match: map[string]string{"pool": name(i)}},
		})
	}
	return s
}

// loop is the loop that is measured.
type loop struct {
	*engine.Engine
	registry *prometheus.Registry
	now      time.Time
}

// turn takes the next turn and returns how long it took on the wall.
func (l *loop) turn(ctx context.Context) time.Duration {
	began := time.Now()
	l.Tick(ctx, l.now)
	l.now = l.now.Add(interval)
	return time.Since(began)
}

// known counts the pools whose histories are read, and those that have a forecast.
func (l *loop) known() (read, forecast int) {
	for _, p := range l.Snapshot().Pools {
		if p.History.End().After(start.Add(-2 * step)) {
			read++
		}
		if p.Forecast.Len() > 0 {
			forecast++
		}
	}
	return read, forecast
}

// measure starts a Prometheus and an adapter of so many pools.
func measure(ctx context.Context, pools int) (figures, error) {
	url, stop, err := startProm(ctx, pools)
	if err != nil {
		return figures{}, err
	}
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	reg := prometheus.NewRegistry()
	source, err := promquery.New(promquery.Config{URL: url, Timeout: 10 * time.Second, QueryLag: lag, MaxAge: 2 * step, HTTP: config.DefaultHTTPClientConfig}, promquery.NewMetrics(reg), logger)
	if err != nil {
		return figures{}, err
	}
	defer source.Close()
	o := &orchestrator{agents: map[string]int{}}
	for i := range pools {
		o.agents[name(i)] = 10
	}
	l := &loop{engine.New(engine.Options{Registerer: reg, Logger: logger}), reg, start}
	l.Apply(settings(pools, source, o, 1))

	f := figures{pools: pools}
	if err := l.start(ctx, &f); err != nil {
		return figures{}, err
	}
	l.steady(ctx, &f)
	began := time.Now()
	l.Apply(settings(pools, source, o, 2))
	l.turn(ctx)
	f.reload = time.Since(began)

	if err := l.scrape(ctx, &f); err != nil {
		return figures{}, err
	}
	f.resident = resident()
	debug.FreeOSMemory() // collects garbage first
	var kept runtime.MemStats
	runtime.ReadMemStats(&kept)
	f.heap = float64(kept.HeapAlloc)
	runtime.KeepAlive(l)
	return f, ctx.Err()
}

// start takes turns until every pool has a forecast.
func (l *loop) start(ctx context.Context, f *figures) error {
	began, used := time.Now(), cpu()
	for f.turns = 1; f.turns <= mostTurns && ctx.Err() == nil; f.turns++ {
		f.longest = max(f.longest, l.turn(ctx))
		read, forecast := l.known()
		if read == f.pools && f.loaded == 0 {
			f.loaded = time.Since(began)
		}
		if forecast == f.pools {
			f.fit = (cpu() - used) / time.Duration(f.pools)
			return nil
		}
	}
	read, forecast := l.known()
	return fmt.Errorf("after %d turns %d pools have a history and %d a forecast", f.turns, read, forecast)
}

// steady takes turns with everything known. What refits take is measured by the engine.
func (l *loop) steady(ctx context.Context, f *figures) {
	fits, queries := l.sum("scaling_adapter_forecast_fit_duration_seconds"), l.sum("scaling_adapter_prometheus_queries_total")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := cpu()
	for range steady {
		f.steady = max(f.steady, l.turn(ctx))
	}
	used = cpu() - used
	runtime.ReadMemStats(&after)
	refits := l.sum("scaling_adapter_forecast_fit_duration_seconds") - fits
	f.tick = (used - time.Duration(refits*float64(time.Second))) / steady
	f.allocations = float64(after.Mallocs-before.Mallocs) / steady
	f.queries = (l.sum("scaling_adapter_prometheus_queries_total") - queries) / steady
}

// sum is that of a metric over all its labels.
func (l *loop) sum(metric string) float64 {
	families, _ := l.registry.Gather() // what it has tells enough
	total := 0.0
	for _, f := range families {
		if f.GetName() != metric {
			continue
		}
		for _, m := range f.GetMetric() {
			total += m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	return total
}

// cpu is what the process has used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // of itself it always knows
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the most memory that the process had, in bytes; 0 where that is not told.
func resident() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmHWM:" {
			kib, _ := strconv.ParseFloat(fields[1], 64)
			return kib * 1024
		}
	}
	return 0
}
