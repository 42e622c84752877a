package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// Of the environment: the seed of the only run, and how many hours each run lasts.
const (
	soakSeed  = "SOAK_SEED"
	soakHours = "SOAK_HOURS"
)

// TestSoak is P41: hours of virtual time in which everything around the loop fails at
// random, and each tick keeps I1, I2, I3, I5, I7, I8, I9, I12, I13, I14, I16, I22, I25, I26,
// I29, I33, I35 and I36. Afterwards the pools recover. make soak takes 72 hours of each of several
// seeds.
func TestSoak(t *testing.T) {
	hours, seeds := 6, []uint64{1, 2, 3}
	if n, err := strconv.Atoi(os.Getenv(soakHours)); err == nil {
		hours, seeds = n, []uint64{1, 2, 3, 4, 5, uint64(time.Now().UnixNano())}
	}
	if n, err := strconv.ParseUint(os.Getenv(soakSeed), 10, 64); err == nil {
		seeds = []uint64{n}
	}
	happened := map[string]int{}
	t.Run("seeds", func(t *testing.T) {
		var mu sync.Mutex
		for _, seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				s := newSoak(t, seed)
				s.run(hours)
				mu.Lock()
				defer mu.Unlock()
				for what, n := range s.happened {
					happened[what] += n
				}
			})
		}
	})
	t.Logf("happened: %v", happened)
	if len(seeds) == 1 || t.Failed() {
		return
	}
	// A run in which nothing happens proves nothing.
	for _, what := range []string{
		"up", "down", "accepted", "failed", "busy", "unknown", "conflict", "emergency", "paused", "override", "budget", "total", "load unknown", "count unknown", "host unknown",
		"part of a load", "by others", "crash", "full disk", "refused order", "clock back", "clock ahead", "suspended", "reload",
	} {
		if happened[what] == 0 {
			t.Errorf("%q did not happen", what)
		}
	}
}

// soakWorld is all that is outside of the loop: Prometheus and the orchestrator. What goes
// wrong in a tick is set before it begins, so that a seed always gives the same run.
type soakWorld struct {
	*rand.Rand
	now    time.Time
	down   bool                     // Prometheus does not answer
	loads  map[string]policy.Sample // what is answered, by pool
	hosts  map[string]policy.Sample // by query
	whole  policy.Sample            // the completeness of a load
	agents map[string]*soakPool
	used   policy.Sample // posts of today
	calm   bool

	mu    sync.Mutex
	calls []soakCall // of the tick
}

// soakPool is a pool of the orchestrator.
type soakPool struct {
	agents   int
	starting []int // ticks until each of the youngest is ready
	count    policy.Count
	fault    string
}

// soakCall is a call that changes a pool, if it was sent.
type soakCall struct {
	policy.Decision
	policy.Outcome
}

func (p *soakPool) ready() int { return max(p.agents-len(p.starting), 0) }

func (p *soakPool) scale(agents int) {
	for ; p.agents < agents; p.agents++ {
		p.starting = append(p.starting, 4)
	}
	p.agents = agents
	p.starting = p.starting[:min(len(p.starting), agents)]
}

// load is that of the pool if it is measured.
func (w *soakWorld) load(pool string, t time.Time) float64 {
	if w.calm {
		return 40
	}
	k := float64(len(pool))
	return daily("", t)*(1+k/10) + 5*math.Sin(float64(t.Unix()/300)*k)
}

// Sample implements [Source].
func (w *soakWorld) Sample(_ context.Context, _ time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	for i, s := range signals {
		switch pool := s.Match["pool"]; {
		case w.down:
			out[i] = policy.Sample{Quality: policy.Error, Detail: "connection refused"}
		case strings.HasPrefix(s.Query, "tweets["):
			out[i] = w.used
		case s.Query == "agents":
			out[i] = policy.Sample{Value: float64(w.agents[pool].count.Agents), Time: w.now, Quality: policy.OK}
			if !w.agents[pool].count.Known {
				out[i].Value = math.MaxFloat64
			}
		case s.Query == "complete":
			out[i] = w.whole
		case pool != "":
			out[i] = w.loads[pool]
		default:
			out[i] = w.hosts[s.Query]
		}
	}
	return out
}

// Range implements [Source].
func (w *soakWorld) Range(_ context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	if w.down {
		return nil, errors.New("connection refused")
	}
	out := make([]forecast.Series, len(signals))
	for i, s := range signals {
		out[i] = forecast.Series{Start: r.Start, Step: r.Step}
		for t := r.Start; !t.After(r.End); t = t.Add(r.Step) {
			y := w.load(s.Match["pool"], t)
			if s.Query == "complete" {
				y = 9
			}
			out[i].Values = append(out[i].Values, y)
		}
	}
	return out, nil
}

// RangeAll implements [Source].
func (w *soakWorld) RangeAll(context.Context, Range, string) ([]Labeled, error) { return nil, nil }

// Current implements [Actuator].
func (w *soakWorld) Current(_ context.Context, pool string) policy.Count { return w.agents[pool].count }

// Scale implements [Actuator].
func (w *soakWorld) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !d.Permitted() {
		return policy.Outcome{Result: policy.NotSent}
	}
	p, out := w.agents[d.Pool], policy.Outcome{Result: policy.Accepted}
	fails := func(r policy.Result) { out = policy.Outcome{Result: r, Err: errors.New(string(r))} }
	switch p.fault {
	case "failed":
		fails(policy.Failed)
	case "busy":
		fails(policy.Busy)
	case "conflict":
		fails(policy.Conflict)
	case "unknown":
		fails(policy.Unknown)
	case "unknown, and done":
		fails(policy.Unknown)
		p.scale(d.Desired)
	case "deaf":
	case "half":
		p.scale((p.agents + d.Desired) / 2)
	case "too many":
		p.scale(d.Desired + 1)
	default:
		p.scale(d.Desired)
	}
	w.calls = append(w.calls, soakCall{d, out})
	return out
}

// soak is a run, and what it knows of what must be.
type soak struct {
	*testing.T
	*soakWorld
	e        *Engine
	disk     *disk
	specs    []Pool
	settings *Settings
	pools    map[string]*soakModel
	faults   map[string]int // by name: ticks that it lasts
	elapsed  time.Duration  // since the begin, whatever the clock says
	over     map[string]int // by host query: fresh samples in danger in a row
	posts    map[string]int // by date
	spent    map[string]int // by date: the most that was told as used
	happened map[string]int
}

// soakModel is what must be of a pool.
type soakModel struct {
	paused time.Time // until when nobody may be called; zero: not known
	cut    time.Time // when an emergency last cut it; zero: not known
	order  *soakOrder
}

// soakOrder is an override that was acknowledged.
type soakOrder struct {
	policy.Override
	from  time.Duration // of the elapsed time
	steps bool          // the clock was set meanwhile
	loose bool          // that was not saved
}

func newSoak(t *testing.T, seed uint64) *soak {
	s := &soak{
		T: t, soakWorld: &soakWorld{Rand: rand.New(rand.NewPCG(seed, 0)), now: start, agents: map[string]*soakPool{}},
		disk: &disk{}, pools: map[string]*soakModel{}, faults: map[string]int{}, over: map[string]int{}, posts: map[string]int{}, spent: map[string]int{}, happened: map[string]int{},
	}
	for i, name := range []string{"a", "bb", "ccc", "dddd", "eeeee", "ffffff"} {
		p := spec(name)
		p.Pool.Agents, p.Pool.ConvergeTimeout, p.Pool.FailurePause = policy.Agents{Base: 5, Min: 2, Max: 25}, 5*time.Minute, 30*time.Minute
		p.Pool.Behavior.ScaleDown.StabilizationWindow = time.Duration(i) * 2 * time.Minute
		s.specs = append(s.specs, p)
		s.agents[name], s.pools[name] = &soakPool{agents: 5}, &soakModel{}
	}
	s.specs[0].Completeness = &policy.Signal{Query: "complete", Match: s.specs[0].Load.Match}
	s.specs[1].Pool.Hosts = "gpu"
	s.specs[1].Pool.Behavior.ScaleUp.Policies = []policy.StepPolicy{{Type: policy.StepAgents, Value: 3, Period: 2 * time.Minute}}
	s.specs[2].Pool.Mode = policy.ScaleUpOnly
	s.specs[3].Pool.Mode = policy.DryRun
	s.specs[4].Current = &policy.Signal{Query: "agents", Match: map[string]string{"pool": "eeeee"}}
	s.specs[5].Budgets = []Budget{{
		Name: "tweets", Used: "tweets[$window]", When: []policy.Rule{{Name: "any"}},
		Budget: budget.Budget{Limit: 17, Window: budget.LocalDay, PostsPerAgentHour: 0.2, Location: time.UTC, Classes: []budget.Class{{Name: "any", Value: 1}}},
	}}
	s.reload(s.specs, 70)
	s.start()
	return s
}

// reload makes settings of pools.
func (s *soak) reload(specs []Pool, total int) {
	s.settings = &Settings{
		Generation: 1, Interval: 30 * time.Second, Step: 5 * time.Minute, History: 24 * time.Hour, Horizon: time.Hour, RefitEvery: 6 * time.Hour, MaxTotalAgents: total,
		Pools: specs, Source: s.soakWorld, Actuator: s.soakWorld,
		Hosts: []Host{
			{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: 80}, {Resource: "memory", Signal: policy.Signal{Query: "memory"}, Limit: 70},
			{Hosts: "gpu", Resource: "cpu", Signal: policy.Signal{Query: "gpu"}, Limit: 80},
		},
		Emergency: policy.EmergencyLimits{Percent: map[string]float64{"cpu": 90, "memory": 85}, Samples: 3, Reduce: 0.3, Settle: 5 * time.Minute, Resume: 5 * time.Minute},
	}
	if s.e == nil || s.e.saveErr == nil {
		return
	}
	for name, m := range s.pools { // what could not be saved is not saved any more
		if !slices.ContainsFunc(specs, func(p Pool) bool { return p.Pool.Name == name }) {
			m.paused = time.Time{}
			clear(s.spent)
		}
	}
}

// start begins a process with what the disk keeps.
func (s *soak) start() {
	s.e = New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler), Store: s.disk, Memory: s.disk.kept})
	s.e.Apply(s.settings)
}

func (s *soak) run(hours int) {
	for range hours * 120 {
		s.now, s.elapsed = s.now.Add(s.settings.Interval), s.elapsed+s.settings.Interval
		s.outside()
		s.measure()
		s.tick()
	}
	s.recover()
}

func (s *soak) tick() {
	s.calls = nil
	s.e.Tick(s.Context(), s.now)
	snap := s.e.Snapshot()
	if snap == nil || !snap.Time.Equal(s.now) {
		s.Fatalf("at %s there was no tick", s.now)
	}
	s.checkCalls(snap)
	s.checkTotal(snap)
	for i := range snap.Pools {
		s.checkPool(&snap.Pools[i], snap)
	}
	if s.elapsed%s.settings.Step == 0 {
		s.checkMetrics(snap)
	}
	if n := testutil.ToFloat64(s.e.metrics.panics); n > 0 {
		s.Fatalf("at %s: %g panics", s.now, n)
	}
}

// broken fails with the seed, so that it can be run again.
func (s *soak) broken(invariant string, p *PoolStatus, format string, args ...any) {
	s.Helper()
	s.Fatalf("%s at %s of %s, run again with %s: %s\ncount %+v, load %+v, override %+v, pause %+v\n%d → %d, %s, reasons %+v",
		invariant, s.now, s.elapsed, soakSeed+"="+s.Name()[strings.LastIndex(s.Name(), "/")+1:], fmt.Sprintf(format, args...),
		p.Count, p.Load, p.Override, p.Pause, p.Decision.Current, p.Decision.Desired, p.Outcome.Result, p.Decision.Reasons)
}

// chance is true once in so many times.
func (s *soak) chance(in int) bool { return s.IntN(in) == 0 }

// lasting reports whether a fault is there. Each begins by chance and lasts a while.
func (s *soak) lasting(name string, in, most int) bool {
	if s.faults[name] > 0 {
		s.faults[name]--
		return true
	}
	if s.chance(in) {
		s.faults[name] = s.IntN(most)
		return true
	}
	return false
}

// outside is what happens besides the loop: people, clocks, disks, crashes.
func (s *soak) outside() {
	wasFull := s.disk.full
	s.disk.full = s.lasting("disk", 400, 30)
	if s.disk.full {
		s.happened["full disk"]++
	}
	if s.chance(150) && !wasFull {
		s.setClock()
	}
	if s.chance(200) {
		s.happened["crash"]++
		if s.e.saveErr != nil { // nobody can remember
			clear(s.spent)
			for _, m := range s.pools {
				m.paused, m.cut = time.Time{}, time.Time{}
				if m.order != nil {
					m.order.loose = m.order.steps
				}
			}
		}
		s.start()
	}
	if s.chance(150) {
		s.happened["reload"]++
		specs := slices.Clone(s.specs)
		if s.chance(2) {
			i := s.IntN(len(specs))
			specs = slices.Delete(specs, i, i+1)
		}
		s.reload(specs, []int{70, 70, 30, 0}[s.IntN(4)])
		s.e.Apply(s.settings)
	}
	for _, name := range slices.Sorted(maps.Keys(s.agents)) {
		p := s.agents[name]
		for i := range p.starting {
			p.starting[i]--
		}
		for len(p.starting) > 0 && p.starting[0] <= 0 && !s.lasting("never ready "+name, 400, 60) {
			p.starting = p.starting[1:]
		}
		if s.chance(300) {
			s.happened["by others"]++
			p.scale(s.IntN(30))
		}
		if s.chance(120) {
			s.order(name)
		}
	}
}

// setClock sets the clock, or lets the machine sleep.
func (s *soak) setClock() {
	switch s.IntN(3) {
	case 0:
		s.happened["clock back"]++
		s.now = s.now.Add(-time.Duration(1+s.IntN(120)) * time.Minute)
	case 1:
		s.happened["clock ahead"]++
		s.now = s.now.Add(time.Duration(1+s.IntN(120)) * time.Minute)
	default:
		s.happened["suspended"]++
		asleep := time.Duration(1+s.IntN(360)) * time.Minute
		s.now, s.elapsed = s.now.Add(asleep), s.elapsed+asleep
	}
	for _, m := range s.pools {
		m.paused, m.cut = time.Time{}, time.Time{}
		if m.order != nil {
			m.order.steps = true
		}
	}
}

// order sets or ends an override.
func (s *soak) order(pool string) {
	m := s.pools[pool]
	if m.order != nil && s.chance(2) {
		if _, err := s.e.EndOverride(pool); err == nil {
			m.order = nil
		}
		return
	}
	least := s.IntN(30)
	most := least + s.IntN(10)
	o := policy.Override{ID: fmt.Sprint(s.elapsed), Pool: pool, Author: "anna", Reason: "derby", Start: s.now, End: s.now.Add(time.Duration(1+s.IntN(60)) * time.Minute)}
	switch s.IntN(5) {
	case 0:
		o.Min = &least
	case 1:
		o.Max = &most
	case 2:
		o.Min, o.Max = &least, &most
	case 3:
		o.Hold = true
	default:
		o.Disable = true
	}
	if err := s.e.SetOverride(o); err != nil {
		s.happened["refused order"]++
		return
	}
	m.order = &soakOrder{Override: o, from: s.elapsed}
}

// measure sets what the sources tell in this tick.
func (s *soak) measure() {
	s.down = s.lasting("prometheus", 200, 40)
	s.loads = map[string]policy.Sample{}
	for _, name := range slices.Sorted(maps.Keys(s.agents)) {
		y := policy.Sample{Value: s.load(name, s.now), Time: s.now.Add(-time.Duration(s.IntN(40)) * time.Second), Quality: policy.OK}
		if s.lasting("load "+name, 60, 10) {
			y = s.doubtful(y)
		}
		s.loads[name] = y
		p := s.agents[name]
		p.count = policy.Count{Agents: p.agents, Ready: p.ready(), Known: true}
		if s.lasting("count "+name, 80, 10) {
			p.count = policy.Count{Detail: "the orchestrator answered 500"}
		}
		p.fault = ""
		if s.lasting("scale "+name, 20, 8) {
			p.fault = []string{"failed", "busy", "conflict", "unknown", "unknown, and done", "deaf", "half", "too many"}[s.IntN(8)]
		}
	}
	s.measureWhole()
	s.hosts = map[string]policy.Sample{}
	for _, query := range []string{"cpu", "gpu", "memory"} {
		h := policy.Sample{Value: 30 + 40*s.Float64(), Time: s.now, Quality: policy.OK}
		switch {
		case s.lasting("danger "+query, 200, 12):
			h.Value = 86 + 14*s.Float64()
		case s.lasting("full "+query, 100, 10):
			h.Value = 80
		}
		if s.lasting("unknown "+query, 80, 6) {
			h.Quality = []policy.Quality{policy.Empty, policy.NaN, policy.Stale, policy.Partial, policy.Error}[s.IntN(5)]
		}
		s.hosts[query] = h
		switch danger := map[string]float64{"cpu": 90, "gpu": 90, "memory": 85}[query]; {
		case s.down || h.Quality != policy.OK:
		case h.Value > danger:
			s.over[query]++
		default:
			s.over[query] = 0
		}
	}
	today := s.now.Format(time.DateOnly)
	if s.agents["ffffff"].ready() > 0 && s.chance(15) {
		s.posts[today]++
	}
	s.used = policy.Sample{Value: float64(s.posts[today]), Time: s.now, Quality: policy.OK}
	switch {
	case s.lasting("counter", 100, 20):
		s.used.Value = float64(s.IntN(1 + s.posts[today])) // it was reset
	case s.lasting("used", 60, 10):
		s.used = policy.Sample{Quality: policy.Stale}
	}
}

// measureWhole sets how complete the load of a pool is. Its load itself looks well.
func (s *soak) measureWhole() {
	s.whole = policy.Sample{Value: 9 - float64(s.IntN(3)), Time: s.now, Quality: policy.OK}
	switch load := s.loads["a"]; {
	case s.lasting("part", 60, 40):
		s.happened["part of a load"]++
		s.whole.Value = 4
		load.Value *= 0.45
		s.loads["a"] = load
	case s.lasting("completeness", 80, 10):
		s.whole.Quality = []policy.Quality{policy.Empty, policy.NaN, policy.Stale, policy.Partial, policy.Error}[s.IntN(5)]
	}
}

// believed reports whether a pool may be lowered by its load.
func (s *soak) believed(pool string) bool {
	return !s.down && known(s.loads[pool]) && (pool != "a" || s.whole.Quality == policy.OK && s.whole.Value >= 7)
}

// doubtful is what a sample must not be taken for.
func (s *soak) doubtful(y policy.Sample) policy.Sample {
	switch s.IntN(3) {
	case 0:
		y.Quality = []policy.Quality{policy.Empty, policy.NaN, policy.Stale, policy.Partial, policy.Error}[s.IntN(5)]
	case 1: // which no source should take for good
		y.Value = []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1}[s.IntN(4)]
	default: // which it may
		y.Value = []float64{0, 1e12, math.MaxFloat64, math.SmallestNonzeroFloat64}[s.IntN(4)]
	}
	return y
}

// known reports whether a load is a number that may lower a pool.
func known(y policy.Sample) bool {
	return y.Quality == policy.OK && y.Value >= 0 && y.Value <= math.MaxFloat64
}

// checkCalls checks who was called.
func (s *soak) checkCalls(snap *Snapshot) {
	seen := map[string]bool{}
	for _, c := range s.calls {
		i := slices.IndexFunc(snap.Pools, func(p PoolStatus) bool { return p.Pool.Name == c.Pool })
		if i < 0 || !slices.ContainsFunc(s.settings.Pools, func(p Pool) bool { return p.Pool.Name == c.Pool }) {
			s.Fatalf("I33 at %s: %s is called, and it is in no rule", s.now, c.Pool)
		}
		p, m := &snap.Pools[i], s.pools[c.Pool]
		switch {
		case seen[c.Pool]:
			s.broken("I23", p, "called twice")
		case c.Direction() == policy.None:
			s.broken("I16", p, "called at the fix point")
		case p.Pool.Mode == policy.DryRun, p.Pool.Mode == policy.ScaleUpOnly && c.Direction() == policy.Down && !c.Emergency:
			s.broken("I35", p, "called in mode %s", p.Pool.Mode)
		case !c.Emergency && s.now.Before(m.paused):
			s.broken("I22", p, "called while it is paused until %s", m.paused)
		case c.Emergency && !m.cut.IsZero() && s.now.Sub(m.cut) < s.settings.Emergency.Settle:
			s.broken("I13", p, "cut again, the last time was %s", m.cut)
		}
		seen[c.Pool] = true
		s.happened[string(c.Direction())]++
		s.happened[string(c.Result)]++
		if c.Result == policy.Failed {
			m.paused = s.now.Add(p.Pool.FailurePause)
		}
		if c.Emergency {
			s.happened["emergency"]++
			if c.Result == policy.Accepted {
				m.cut = s.now
			}
		}
	}
}

// checkMetrics checks that whatever happens is told in metrics as they must be.
func (s *soak) checkMetrics(snap *Snapshot) {
	problems, err := testutil.GatherAndLint(gatherer(snap))
	if err != nil {
		s.Fatalf("at %s: %s", s.now, err)
	}
	for _, p := range problems {
		if p.Metric != "scaling_adapter_forecast_load" { // quantiles of what is expected
			s.Fatalf("at %s: %+v", s.now, p)
		}
	}
}

// checkTotal checks the sum of all pools, as far as the orchestrator tells.
func (s *soak) checkTotal(snap *Snapshot) {
	sum, fixed, grew := 0, 0, false
	for i := range snap.Pools {
		p := &snap.Pools[i]
		sent := slices.ContainsFunc(s.calls, func(c soakCall) bool { return c.Pool == p.Pool.Name })
		d := p.Decision
		switch {
		case sent && d.Direction() == policy.Up:
			grew = true
			sum += d.Desired
		case p.Outcome.Result == policy.Accepted:
			sum += d.Desired
		default:
			sum += d.Current
		}
		if p.Pool.Mode != policy.Active || d.Frozen {
			fixed += d.Current
		}
	}
	total := s.settings.MaxTotalAgents
	if total > 0 && grew && sum > total {
		s.Fatalf("I1 at %s of %s: pools grow to %d agents in all, at most %d are allowed: %+v", s.now, s.elapsed, sum, total, s.calls)
	}
	wanted := 0
	for i := range snap.Pools {
		if p := &snap.Pools[i]; p.Pool.Mode == policy.DryRun {
			wanted += p.Decision.Current
		} else {
			wanted += p.Decision.Desired
		}
	}
	if total > 0 && wanted > max(total, fixed) {
		s.Fatalf("I1 at %s of %s: %d agents are decided on, at most %d are allowed, %d cannot go", s.now, s.elapsed, wanted, total, fixed)
	}
}

// What may move a pool out of its own bounds, and what may lower one whose load is not known.
var (
	overBounds = []policy.Code{
		policy.ReasonBudget, policy.ReasonBudgetExhausted, policy.ReasonBudgetUnknown, policy.ReasonOverride, policy.ReasonHostUnknown, policy.ReasonHostLimit,
		policy.ReasonHostFit, policy.ReasonMaxTotal, policy.ReasonUnfulfilled, policy.ReasonPaused, policy.ReasonDisabled, policy.ReasonMode, policy.ReasonEmergency,
		policy.ReasonEmergencyHold, policy.ReasonCurrentUnknown,
	}
	lowersBlindly = []policy.Code{policy.ReasonPoolMax, policy.ReasonOverride, policy.ReasonMaxTotal, policy.ReasonEmergency}
	overOrders    = []policy.Code{
		policy.ReasonHostUnknown, policy.ReasonHostLimit, policy.ReasonHostFit, policy.ReasonMaxTotal, policy.ReasonUnfulfilled, policy.ReasonPaused, policy.ReasonMode,
		policy.ReasonEmergency, policy.ReasonEmergencyHold,
	}
)

func (s *soak) checkPool(p *PoolStatus, snap *Snapshot) {
	name, d := p.Pool.Name, p.Decision
	has := func(codes ...policy.Code) bool {
		return slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool { return slices.Contains(codes, r.Code) })
	}
	at := d.Current
	for _, r := range d.Reasons {
		if r.From != at || r.Code == policy.ReasonEmergency && r.To > r.From {
			s.broken("I14", p, "the reasons do not lead from one to the other, or an emergency raises")
		}
		at = r.To
	}
	told := s.agents[name].count
	lost := told.Known && p.Pool.Name == "eeeee" && s.down
	least, most := p.Pool.Agents.Min, p.Pool.Agents.Max
	if o := p.Override; o != nil && o.Min != nil {
		least = *o.Min
	}
	if o := p.Override; o != nil && o.Max != nil {
		most = *o.Max
	}
	switch {
	case at != d.Desired || d.Desired < 0 || d.Desired > 1<<20 || math.IsInf(d.Demand, 0) || d.Demand < 0:
		s.broken("I5", p, "demand %g", d.Demand)
	case told.Known && !lost && (!p.Count.Known || d.Current != told.Agents):
		s.broken("I25", p, "the orchestrator tells %+v", told)
	case !p.Count.Known && d.Direction() != policy.None && !has(policy.ReasonMaxTotal):
		s.broken("I25", p, "moved without knowing the count")
	case (d.Desired < least || d.Desired > most) && !has(overBounds...):
		s.broken("I2", p, "outside of %d to %d", least, most)
	case !s.believed(name) && d.Desired < d.Current && !has(lowersBlindly...):
		s.broken("I7", p, "lowered while the load is %+v, the completeness of a's %+v", s.loads[name], s.whole)
	}
	for _, h := range snap.Hosts {
		if (h.Hosts == "" || h.Hosts == p.Pool.Hosts) && d.Direction() == policy.Up && (s.down || s.hosts[h.Signal.Query].Quality != policy.OK || s.hosts[h.Signal.Query].Value >= h.Limit) {
			s.broken("I8", p, "grows while the host is %+v", s.hosts[h.Signal.Query])
		}
	}
	for _, group := range []string{"", p.Pool.Hosts} {
		if snap.Emergency[group].Active && d.Direction() == policy.Up {
			s.broken("I13", p, "grows in an emergency")
		}
	}
	if d.Emergency {
		s.checkCut(p)
	}
	s.checkOrder(p, has)
	s.checkBudget(p)
	for what, is := range map[string]bool{
		"paused": p.Pause.End.After(s.now), "override": p.Override != nil, "budget": has(policy.ReasonBudget, policy.ReasonBudgetExhausted), "total": has(policy.ReasonMaxTotal),
		"load unknown": has(policy.ReasonLoadUnknown), "count unknown": !p.Count.Known, "host unknown": has(policy.ReasonHostUnknown),
	} {
		if is {
			s.happened[what]++
		}
	}
}

// checkCut checks that an emergency was one, and what it took.
func (s *soak) checkCut(p *PoolStatus) {
	d := p.Decision
	enough := false
	for query, hosts := range map[string]string{"cpu": "", "memory": "", "gpu": "gpu"} {
		if (hosts == "" || hosts == p.Pool.Hosts) && !s.down && s.hosts[query].Quality == policy.OK {
			enough = enough || s.over[query] >= s.settings.Emergency.Samples || s.over[query] > 0 && s.e.emergency[hosts].Active
		}
	}
	left := max(d.Current-max(int(math.Ceil(0.3*float64(d.Current))), 1), 1)
	switch {
	case !enough:
		s.broken("I12", p, "cut without danger: %v of %+v", s.over, s.hosts)
	case d.Desired > left, d.Current < 2, d.Desired < left && d.Reasons[len(d.Reasons)-1].From > d.Desired:
		s.broken("I12", p, "cut to %d, want %d at most", d.Desired, left)
	}
}

// checkOrder checks that an override holds as long as it was ordered, and exactly.
func (s *soak) checkOrder(p *PoolStatus, has func(...policy.Code) bool) {
	m, d, o := s.pools[p.Pool.Name], p.Decision, p.Override
	if m.order != nil {
		length := m.order.End.Sub(m.order.Start)
		over := s.elapsed - m.order.from - length
		switch {
		case o == nil && over < 0 && !m.order.steps:
			s.broken("I36", p, "the override %+v is lost", *m.order)
		case o != nil && over >= s.settings.Interval && !m.order.loose:
			s.broken("I29", p, "the override has been over for %s", over)
		case over >= s.settings.Interval && !m.order.loose:
			m.order = nil
		}
	} else if o != nil {
		s.broken("I3", p, "nobody ordered it")
	}
	switch {
	case o == nil && has(policy.ReasonOverride, policy.ReasonDisabled):
		s.broken("I3", p, "an override that is not there counts")
	case o == nil || !p.Count.Known || d.Emergency:
	case (o.Hold || o.Disable) && d.Direction() != policy.None && !has(policy.ReasonMaxTotal):
		s.broken("I3", p, "moved")
	case o.Min != nil && d.Desired < *o.Min && !has(overOrders...), o.Max != nil && d.Desired > *o.Max && !has(overOrders...):
		s.broken("I3", p, "not what was ordered")
	}
}

// checkBudget checks that what was used stays used, and that nothing grows on nothing.
func (s *soak) checkBudget(p *PoolStatus) {
	for _, b := range p.Budgets {
		today := s.now.Format(time.DateOnly)
		measured := !s.down && s.used.Quality == policy.OK
		if measured || b.Cap.Used > 0 {
			if b.Cap.Used < s.spent[today] {
				s.broken("I26", p, "%d count as used, %d were: %+v", b.Cap.Used, s.spent[today], b.Cap)
			}
			s.spent[today] = b.Cap.Used
		}
		if measured && b.Cap.Used >= b.Limit && p.Override == nil && p.Decision.Direction() == policy.Up {
			s.broken("I26", p, "grows on a budget that is exhausted: %+v", b.Cap)
		}
	}
}

// recover lets everything be well again, for three hours.
func (s *soak) recover() {
	s.calm, s.down, s.disk.full = true, false, false
	s.reload(s.specs, 0)
	s.e.Apply(s.settings)
	for name := range s.agents {
		if _, err := s.e.EndOverride(name); err != nil {
			s.Fatal(err)
		}
		s.pools[name].order = nil
	}
	for range 3 * 120 {
		s.now, s.elapsed = s.now.Add(s.settings.Interval), s.elapsed+s.settings.Interval
		for name, p := range s.agents {
			p.starting = nil
			p.count, p.fault = policy.Count{Agents: p.agents, Ready: p.agents, Known: true}, ""
			s.loads[name] = policy.Sample{Value: 40, Time: s.now, Quality: policy.OK}
		}
		for query := range s.hosts {
			s.hosts[query], s.over[query] = policy.Sample{Value: 40, Time: s.now, Quality: policy.OK}, 0
		}
		s.used = policy.Sample{Value: float64(s.posts[s.now.Format(time.DateOnly)]), Time: s.now, Quality: policy.OK}
		s.whole = policy.Sample{Value: 9, Time: s.now, Quality: policy.OK}
		s.tick()
	}
	snap := s.e.Snapshot()
	if len(snap.Degraded) > 0 {
		s.Errorf("still degraded: %q", snap.Degraded)
	}
	for i := range snap.Pools {
		if p := &snap.Pools[i]; p.Count.Agents < 4 && p.Pool.Mode != policy.DryRun && len(p.Budgets) == 0 {
			s.Errorf("%s has %d agents, and 4 are needed: %+v", p.Pool.Name, p.Count.Agents, p.Decision.Reasons)
		}
	}
}
