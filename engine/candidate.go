package engine

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// candidate is a loop that tries other rules beside the live ones. It sees what the live one
// sees, and scales agents that there are not: they take the pool's lead time to get ready.
// Hosts' limits and emergencies are not tried, since nobody knows what its agents would take.
type candidate struct {
	*Engine
	applied *Settings
	agents  *virtual
}

func newCandidate() *candidate {
	return &candidate{
		Engine: New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)}),
		agents: &virtual{pools: map[string][]batch{}, lead: map[string]time.Duration{}},
	}
}

// candidateReady returns the agents of a pool that would be ready by now by the rules that
// are tried; NaN if none are, or not for this pool.
func (e *Engine) candidateReady(pool string, now time.Time) float64 {
	if e.candidate == nil {
		return math.NaN()
	}
	return e.candidate.agents.ready(pool, now)
}

// tryCandidate takes the turn of the rules that are tried.
func (e *Engine) tryCandidate(ctx context.Context, s *Settings, now time.Time, seen observation) {
	if s.Candidate == nil {
		e.candidate = nil
		return
	}
	if e.candidate == nil {
		e.candidate = newCandidate()
	}
	c := e.candidate
	if c.applied != s.Candidate {
		c.applied = s.Candidate
		c.agents.adopt(s.Candidate.Pools)
	}
	c.agents.now = now
	for i, spec := range s.Pools {
		c.agents.begin(spec.Pool.Name, seen.counts[i])
	}
	own := *s.Candidate
	own.Generation, own.Hosts, own.Enabled, own.SafeMode = s.Generation, nil, true, ""
	own.Source, own.Actuator = borrowed{s.Source, seen.measured, e.histories()}, c.agents
	own.Pools = slices.Clone(own.Pools)
	for i := range own.Pools {
		p := &own.Pools[i]
		p.Current, p.Pool.Mode, p.Pool.ConvergeTimeout = nil, policy.Active, 0
	}
	c.orders.events, c.orders.generation = e.orders.told(now.Add(-s.History))
	c.Apply(&own)
	c.Tick(ctx, now)
}

// histories are the loads that are known, by what they were asked for with.
func (e *Engine) histories() map[string]History {
	out := make(map[string]History, len(e.pools))
	for _, p := range e.pools {
		out[signalKey(p.spec.Load)] = p.history
	}
	return out
}

// signalKey is the same for signals that measure the same.
func signalKey(s policy.Signal) string {
	var b strings.Builder
	b.WriteString(s.Query)
	for _, name := range slices.Sorted(maps.Keys(s.Match)) {
		b.WriteString("\n" + name + "\n" + s.Match[name])
	}
	return b.String()
}

// borrowed answers with what the live loop has measured, and asks for the rest.
type borrowed struct {
	Source
	samples   map[string]policy.Sample
	histories map[string]History
}

func (b borrowed) Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	var rest []policy.Signal
	var places []int
	for i, s := range signals {
		if known, ok := b.samples[signalKey(s)]; ok {
			out[i] = known
			continue
		}
		rest, places = append(rest, s), append(places, i)
	}
	if len(rest) > 0 {
		for k, sample := range b.Source.Sample(ctx, now, rest) {
			out[places[k]] = sample
		}
	}
	return out
}

func (b borrowed) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	out := make([]forecast.Series, len(signals))
	var rest []policy.Signal
	var places []int
	for i, s := range signals {
		h, ok := b.histories[signalKey(s)]
		if !ok || h.Step != r.Step {
			rest, places = append(rest, s), append(places, i)
			continue
		}
		out[i] = h.on(r)
	}
	if len(rest) == 0 {
		return out, nil
	}
	series, err := b.Source.Range(ctx, r, rest)
	if err != nil {
		return nil, err
	}
	for k, s := range series {
		out[places[k]] = s
	}
	return out, nil
}

// virtual is an orchestrator of agents that there are not. It does what it is asked for; who
// is new gets ready after the lead time.
type virtual struct {
	mu    sync.Mutex
	now   time.Time
	lead  map[string]time.Duration
	pools map[string][]batch // the oldest first
}

// batch are agents that get ready at one time.
type batch struct {
	n     int
	ready time.Time
}

// adopt follows the pools of other rules.
func (v *virtual) adopt(pools []Pool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known := v.pools
	v.pools, v.lead = map[string][]batch{}, map[string]time.Duration{}
	for _, p := range pools {
		v.lead[p.Pool.Name] = p.Pool.LeadTime
		if batches, ok := known[p.Pool.Name]; ok {
			v.pools[p.Pool.Name] = batches
		}
	}
}

// begin lets a pool that is new have what really runs.
func (v *virtual) begin(pool string, count policy.Count) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.lead[pool]; !ok || !count.Known || v.pools[pool] != nil {
		return
	}
	v.pools[pool] = []batch{{n: count.Agents}}
}

// ready returns how many agents are ready at t; NaN of a pool that is not tried.
func (v *virtual) ready(pool string, t time.Time) float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pools[pool] == nil {
		return math.NaN()
	}
	_, ready := v.count(pool, t)
	return float64(ready)
}

func (v *virtual) count(pool string, t time.Time) (all, ready int) {
	for _, b := range v.pools[pool] {
		all += b.n
		if !t.Before(b.ready) {
			ready += b.n
		}
	}
	return all, ready
}

// Current implements [Actuator].
func (v *virtual) Current(_ context.Context, pool string) policy.Count {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pools[pool] == nil {
		return policy.Count{Detail: "what really runs is not known yet"}
	}
	all, ready := v.count(pool, v.now)
	return policy.Count{Agents: all, Ready: ready, Known: true}
}

// Scale implements [Actuator]. Of fewer agents the youngest go.
func (v *virtual) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	if !d.Permitted() {
		return policy.Outcome{Result: policy.NotSent}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	all, _ := v.count(d.Pool, v.now)
	batches := slices.Clone(v.pools[d.Pool])
	if more := d.Desired - all; more > 0 {
		batches = append(batches, batch{more, v.now.Add(v.lead[d.Pool])})
	}
	for fewer := all - d.Desired; fewer > 0; {
		last := &batches[len(batches)-1]
		gone := min(fewer, last.n)
		last.n -= gone
		fewer -= gone
		if last.n == 0 && len(batches) > 1 {
			batches = batches[:len(batches)-1]
		}
	}
	v.pools[d.Pool] = batches
	return policy.Outcome{Result: policy.Accepted}
}
