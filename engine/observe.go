package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const callConcurrency = 16 // calls to the orchestrator at once

// observation is what one tick measured; slices follow the settings' order.
type observation struct {
	loads  []policy.Sample
	counts []policy.Count
	// complete is what tells how complete the loads are; that of a pool which has no such
	// signal means nothing.
	complete []policy.Sample
	hosts    []HostStatus
	used     [][]policy.Sample // by pool: what its budgets have spent

	overrides map[string]*policy.Override // that have effect, by pool
	measured  map[string]policy.Sample    // by what they were asked for with; nil unless rules are tried
}

// observe measures loads and hosts and asks the orchestrator for its counts.
func (e *Engine) observe(ctx context.Context, s *Settings, now time.Time) observation {
	signals := make([]policy.Signal, 0, len(s.Pools)+len(s.Hosts))
	for _, p := range s.Pools {
		signals = append(signals, p.Load)
	}
	for _, h := range s.Hosts {
		signals = append(signals, h.Signal)
	}
	counted := len(signals)
	for _, p := range s.Pools {
		if p.Current != nil {
			signals = append(signals, *p.Current)
		}
	}
	told := len(signals)
	for _, p := range s.Pools {
		if p.Completeness != nil {
			signals = append(signals, *p.Completeness)
		}
	}
	spent := len(signals)
	for _, p := range s.Pools {
		signals = append(signals, p.usedSignals(now.Add(-s.QueryLag))...)
	}
	seen := observation{
		counts: make([]policy.Count, len(s.Pools)), complete: make([]policy.Sample, len(s.Pools)), used: make([][]policy.Sample, len(s.Pools)),
	}
	var samples []policy.Sample
	var g sync.WaitGroup
	g.Go(func() { samples = e.sample(ctx, s, now, signals) })
	g.Go(func() {
		var calls errgroup.Group
		calls.SetLimit(callConcurrency)
		for i, p := range s.Pools {
			if p.Current != nil {
				continue
			}
			calls.Go(func() error {
				seen.counts[i] = e.count(ctx, s, p.Pool.Name)
				return nil
			})
		}
		_ = calls.Wait() // the functions return no error
	})
	g.Wait()
	if s.Candidate != nil {
		seen.measured = make(map[string]policy.Sample, len(signals))
		for i, signal := range signals {
			seen.measured[signalKey(signal)] = samples[i]
		}
	}
	seen.loads = samples[:len(s.Pools)]
	for i, p := range s.Pools {
		if p.Current != nil {
			seen.counts[i] = countOf(samples[counted])
			counted++
		}
		if p.Completeness != nil {
			seen.complete[i] = samples[told]
			told++
		}
		n := 0
		for _, b := range p.Budgets {
			n += len(b.Windows())
		}
		seen.used[i] = samples[spent : spent+n]
		spent += n
	}
	seen.overrides = e.overridesNow(now)
	for i, h := range s.Hosts {
		seen.hosts = append(seen.hosts, HostStatus{Host: h, Sample: samples[len(s.Pools)+i]})
	}
	return seen
}

// countOf is a count of agents that was measured.
func countOf(s policy.Sample) policy.Count {
	if s.Quality != policy.OK || s.Value > maxCount {
		return policy.Count{Detail: fmt.Sprintf("its measured agents are %s: %s", s.Quality, s.Detail)}
	}
	n := int(math.Round(s.Value))
	return policy.Count{Agents: n, Ready: n, Known: true}
}

// doubt takes loads of which a part is missing for partial. It follows what is learned, so
// that what is usual is known in the first tick.
func (e *Engine) doubt(s *Settings, seen *observation) {
	for i, spec := range s.Pools {
		if spec.Completeness != nil {
			seen.loads[i] = e.pools[spec.Pool.Name].completeness.Judge(seen.loads[i], seen.complete[i])
		}
	}
}

// maxCount is more agents than any pool has.
const maxCount = 1 << 20

// learn fetches what the histories lack, fits models that are due and renews
// forecasts. Fits that do not begin before the deadline wait for a later tick.
func (e *Engine) learn(ctx context.Context, s *Settings, now, deadline time.Time) {
	e.fetch(ctx, s, now, deadline)
	horizon := int((s.Horizon+s.QueryLag)/s.Step) + 2 // from the last value that is known
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, spec := range s.Pools {
		p := e.pools[spec.Pool.Name]
		due := p.history.Len() > 0 && !p.reading && (!now.Before(p.refitDue) || p.predictor != nil && p.predictor.Drifted())
		if !due && !p.stale {
			continue
		}
		work.Go(func() error {
			fit := due && time.Now().Before(deadline) && ctx.Err() == nil
			if err := e.isolate("a forecast", p.spec.Pool.Name, func() { e.renew(p, s, now, horizon, fit) }); err != nil {
				p.learned(nil)
				p.forecast, p.forecastErr = forecast.Forecast{}, err
				p.refitDue = p.refitAfter(now, s.RefitEvery)
			}
			return nil
		})
	}
	_ = work.Wait() // the functions return no error
}

// renew fits a pool's models if they are due and renews its forecast.
func (e *Engine) renew(p *pool, s *Settings, now time.Time, horizon int, fit bool) {
	if fit {
		began := time.Now()
		err := p.refit(horizon)
		e.metrics.fitDuration.Observe(time.Since(began).Seconds())
		p.refitDue = p.refitAfter(now, s.RefitEvery)
		p.forecastErr = err
		switch {
		case errors.Is(err, forecast.ErrTooShort):
			p.refitDue = now.Add(s.Step) // each new sample may be the one that suffices
		case err != nil:
			e.metrics.fitFailures.Inc()
			e.logger.Warn("no model could be fitted; going on with the last one", "pool", p.spec.Pool.Name, "err", err)
		}
	}
	if fit && p.predictor != nil {
		e.metrics.modelFailures.Add(float64(p.predictor.Failures()))
	}
	p.refreshEvents(now)
	if p.predictor == nil || !p.stale {
		return
	}
	if err := p.predict(horizon); err != nil {
		p.forecastErr = err
		e.logger.Warn("no forecast; going on with the last one", "pool", p.spec.Pool.Name, "err", err)
	}
}

// request is what the histories of pools lack that are asked for in one.
type request struct {
	start time.Time
	query string
}

// fetch extends the histories up to the last grid instant that can be complete.
// Pools whose histories end at the same instant, and whose loads have one query, share one
// request.
//
// A long history of many pools is read in parts, the oldest first, in as many turns as it
// takes: what comes after the deadline waits for the next one. Meanwhile the pools that know
// theirs go on.
//
// After a request that failed the others wait for the next turn, since it may have taken as
// long as it could. Those that failed last time come last: a query that is broken costs the
// pools that have it, and no others.
func (e *Engine) fetch(ctx context.Context, s *Settings, now, deadline time.Time) {
	end := now.Add(-s.QueryLag).Truncate(s.Step)
	groups := map[request][]Pool{}
	for _, spec := range s.Pools {
		start := end.Add(-s.History + s.Step)
		if h := e.pools[spec.Pool.Name].history; h.Len() > 0 && h.End().After(start) {
			start = h.End()
		} else if h.Len() > 0 {
			e.pools[spec.Pool.Name].forget() // it ends before the history begins
		}
		if !start.After(end) {
			r := request{start.UTC(), spec.Load.Query}
			groups[r] = append(groups[r], spec)
		}
	}
	failed := func(r request) int {
		if e.unread[r.query] {
			return 1
		}
		return 0
	}
	for _, r := range slices.SortedFunc(maps.Keys(groups), func(a, b request) int {
		return cmp.Or(cmp.Compare(failed(a), failed(b)), a.start.Compare(b.start), cmp.Compare(a.query, b.query))
	}) {
		if specs := groups[r]; !e.readAll(ctx, s, r, specs, end, deadline) {
			return
		}
	}
}

// readAll extends the histories of pools until end, and reports whether there is time and
// reason to go on with others.
func (e *Engine) readAll(ctx context.Context, s *Settings, r request, specs []Pool, end, deadline time.Time) bool {
	for start := r.start; !start.After(end); {
		part := Range{Start: start, End: start.Add(time.Duration(max(valuesPerPart/len(specs), 1)-1) * s.Step), Step: s.Step}
		if part.End.After(end) {
			part.End = end
		}
		if err := e.read(ctx, s, part, specs, end); err != nil {
			e.metrics.historyFailures.Inc()
			e.logger.Warn("history not read; going on with what is known", "pools", len(specs), "such as", specs[0].Pool.Name, "start", start, "err", err)
			e.unread[r.query] = true
			return false
		}
		delete(e.unread, r.query)
		if start = part.End.Add(s.Step); !time.Now().Before(deadline) {
			return false
		}
	}
	return true
}

// valuesPerPart is how many values of all pools are read at once, about 25 MB.
const valuesPerPart = 1_000_000

// read extends the histories of pools, which share a query, by a part of what they lack
// until end.
func (e *Engine) read(ctx context.Context, s *Settings, part Range, specs []Pool, end time.Time) error {
	signals := make([]policy.Signal, len(specs))
	for i, spec := range specs {
		signals[i] = spec.Load
	}
	complete := make([]int, len(specs)) // places of what tells how complete the loads are
	for i, spec := range specs {
		if spec.Completeness != nil {
			complete[i] = len(signals)
			signals = append(signals, *spec.Completeness)
		}
	}
	series, err := e.history(ctx, s, part, signals)
	if err != nil {
		return err
	}
	for i, spec := range specs {
		p := e.pools[spec.Pool.Name]
		if err := e.isolate("a history", spec.Pool.Name, func() {
			load := series[i]
			if spec.Completeness != nil {
				load.Values = p.completeness.Mask(load.Values, series[complete[i]].Values)
			}
			p.extend(load, int(s.History/s.Step))
			p.reading = part.End.Before(end)
		}); err != nil {
			p.learned(nil) // it may have seen what the history has not; it is fitted anew
			p.forecastErr, p.refitDue = err, time.Time{}
		}
	}
	return nil
}
