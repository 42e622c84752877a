package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// world is a source and an orchestrator in memory.
type world struct {
	mu       sync.Mutex
	load     func(pool string, t time.Time) float64
	complete func(pool string, t time.Time) float64 // what "complete" is answered; NaN: nothing
	down     bool                                   // Prometheus does not answer
	queried  func(query string) (float64, bool)     // answers to queries besides loads; a negative one is missing
	truth    func(t time.Time) map[string]float64   // what expressions answer, by league
	asked    []Range                                // of expressions
	agents   map[string]int
	refuse   map[string]bool // pools whose scaling fails
	calls    []policy.Decision
	mostEver int // agents of all pools together
}

func newWorld(load func(pool string, t time.Time) float64, agents map[string]int) *world {
	return &world{load: load, agents: agents, refuse: map[string]bool{}}
}

func (w *world) Sample(_ context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	for i, s := range signals {
		if w.down {
			out[i] = policy.Sample{Quality: policy.Error, Detail: "connection refused"}
			continue
		}
		if w.queried != nil {
			if y, ok := w.queried(s.Query); ok {
				if y >= 0 {
					out[i] = policy.Sample{Value: y, Time: now, Quality: policy.OK}
				}
				continue
			}
		}
		if y := w.value(s, now); !math.IsNaN(y) {
			out[i] = policy.Sample{Value: y, Time: now, Quality: policy.OK}
		}
	}
	return out
}

func (w *world) value(s policy.Signal, t time.Time) float64 {
	if s.Query == "complete" {
		return w.complete(s.Match["pool"], t)
	}
	return w.load(s.Match["pool"], t)
}

func (w *world) Range(_ context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	if w.down {
		return nil, errors.New("connection refused")
	}
	out := make([]forecast.Series, len(signals))
	for i, s := range signals {
		out[i] = forecast.Series{Start: r.Start, Step: r.Step}
		for t := r.Start; !t.After(r.End); t = t.Add(r.Step) {
			out[i].Values = append(out[i].Values, w.value(s, t))
		}
	}
	return out, nil
}

func (w *world) RangeAll(_ context.Context, r Range, _ string) ([]Labeled, error) {
	if w.down {
		return nil, errors.New("connection refused")
	}
	w.asked = append(w.asked, r)
	byLeague := map[string]*Labeled{}
	n := int(r.End.Sub(r.Start)/r.Step) + 1
	for k := range n {
		for league, y := range w.truth(r.Start.Add(time.Duration(k) * r.Step)) {
			if byLeague[league] == nil {
				byLeague[league] = &Labeled{Labels: map[string]string{"league": league}, Series: forecast.Series{Start: r.Start, Step: r.Step, Values: slices.Repeat([]float64{math.NaN()}, n)}}
			}
			byLeague[league].Values[k] = y
		}
	}
	var out []Labeled
	for _, league := range slices.Sorted(maps.Keys(byLeague)) {
		out = append(out, *byLeague[league])
	}
	return out, nil
}

func (w *world) Current(_ context.Context, pool string) policy.Count {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.agents[pool]
	return policy.Count{Agents: n, Ready: n, Known: ok, Detail: "no such pool"}
}

func (w *world) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, d)
	if w.refuse[d.Pool] {
		return policy.Outcome{Result: policy.Failed, Err: errors.New("HTTP 500")}
	}
	w.agents[d.Pool] = d.Desired
	sum := 0
	for _, n := range w.agents {
		sum += n
	}
	w.mostEver = max(w.mostEver, sum)
	return policy.Outcome{Result: policy.Accepted}
}

func (w *world) called() []string {
	var calls []string
	for _, d := range w.calls {
		calls = append(calls, fmt.Sprintf("%s %d→%d", d.Pool, d.Current, d.Desired))
	}
	w.calls = nil
	return calls
}

func spec(name string) Pool {
	return Pool{
		Policy: policy.Policy{Pool: policy.Pool{
			Name: name, Labels: map[string]string{"league": name}, Location: time.UTC,
			Agents: policy.Agents{Base: 10, Min: 2, Max: 40}, PerAgent: 10, LeadTime: 10 * time.Minute,
			Quantile: 0.9, Sensitivity: 1, Weight: 1, Mode: policy.Active, ForecastMaxAge: time.Hour,
			Behavior: policy.Behavior{
				ScaleUp:   policy.ScalingRules{Tolerance: 0.1},
				ScaleDown: policy.ScalingRules{Tolerance: 0.1},
			},
		}},
		Load: policy.Signal{Query: "load", Match: map[string]string{"pool": name}},
	}
}

func settings(w *world, pools ...Pool) *Settings {
	return &Settings{
		Generation: 1, Interval: 30 * time.Second, Step: 5 * time.Minute,
		History: 72 * time.Hour, Horizon: 2 * time.Hour, RefitEvery: time.Hour,
		Pools: pools, Source: w, Actuator: w,
	}
}

func newEngine(t *testing.T) *Engine {
	t.Helper()
	return New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.DiscardHandler)})
}

// daily is a load between 20 and 180 with its peak at 18:00.
func daily(_ string, t time.Time) float64 {
	return 100 + 80*math.Cos(2*math.Pi*(float64(t.Hour())+float64(t.Minute())/60-18)/24)
}

func flat(x float64) func(string, time.Time) float64 {
	return func(string, time.Time) float64 { return x }
}

func TestTickScalesAheadOfTheLoad(t *testing.T) {
	w := newWorld(daily, map[string]int{"nba": 4})
	e := newEngine(t)
	s := spec("nba")
	s.Pool.LeadTime = 2 * time.Hour
	e.Apply(settings(w, s))
	e.Tick(t.Context(), start)
	got := e.Snapshot().Pools[0]
	atPeakOfLead := daily("", start.Add(2*time.Hour)) / s.Pool.PerAgent
	if n := float64(got.Decision.Desired); n < atPeakOfLead-1 || n > 1.3*atPeakOfLead {
		t.Errorf("desired %g agents two hours before the load needs %g: %+v", n, atPeakOfLead, got.Decision.Reasons)
	}
	if got.Decision.Reasons[0].Code != policy.ReasonForecast {
		t.Errorf("decided by %s, want the forecast", got.Decision.Reasons[0].Code)
	}
	if got.Fallback != "" || len(e.Snapshot().Degraded) > 0 {
		t.Errorf("fallback %q, degraded %q, want neither", got.Fallback, e.Snapshot().Degraded)
	}
}

// I16: at the fix point nobody is called.
func TestTickIsQuietAtTheFixPoint(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 4})
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	e.Tick(t.Context(), start)
	if diff := cmp.Diff([]string{"nba 4→10"}, w.called()); diff != "" {
		t.Fatal(diff)
	}
	for i := range 20 {
		e.Tick(t.Context(), start.Add(time.Duration(i+1)*30*time.Second))
	}
	if calls := w.called(); calls != nil {
		t.Errorf("called %q at the fix point", calls)
	}
}

// P1, I7: an outage of Prometheus holds what runs, and life goes on afterwards.
func TestTickHoldsThroughAnOutage(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 20})
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	now := start
	tick := func(n int) {
		for range n {
			e.Tick(t.Context(), now)
			now = now.Add(30 * time.Second)
		}
	}
	tick(5)
	w.down = true
	w.load = flat(30)
	tick(240) // two hours, longer than a forecast may be old
	if calls := w.called(); calls != nil {
		t.Fatalf("called %q during the outage", calls)
	}
	snap := e.Snapshot()
	if snap.Pools[0].Fallback == "" || len(snap.Degraded) == 0 {
		t.Errorf("fallback %q, degraded %q: the outage does not show", snap.Pools[0].Fallback, snap.Degraded)
	}
	w.down = false
	tick(60)
	if got := w.agents["nba"]; got >= 20 {
		t.Errorf("%d agents after the outage, want fewer than 20", got)
	}
	if n := e.Snapshot().Pools[0].History.Len(); n != int(72*time.Hour/(5*time.Minute))+30 {
		t.Errorf("history has %d values: the outage was not read again", n)
	}
}

// What is missing is logged when that changes, and not in every tick.
func TestWhatIsMissingIsLoggedWhenItChanges(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(flat(100), map[string]int{"nba": 10})
	e := New(Options{Registerer: prometheus.NewPedanticRegistry(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	e.Apply(settings(w, spec("nba")))
	for i := range 6 {
		w.down = i == 2 || i == 3
		e.Tick(t.Context(), start.Add(time.Duration(i)*30*time.Second))
	}
	for want, n := range map[string]int{"load not ok for 1 of 1 pools": 1, "nba: connection refused": 1, "not degraded any more": 1} {
		if got := strings.Count(log.String(), want); got != n {
			t.Errorf("%q is logged %d times, want %d:\n%s", want, got, n, log.String())
		}
	}
}

// I1: fewer agents are asked for before more, so the total holds on the way.
func TestTickKeepsTheTotalOnTheWay(t *testing.T) {
	w := newWorld(func(pool string, _ time.Time) float64 {
		if pool == "nba" {
			return 300
		}
		return 50
	}, map[string]int{"nba": 10, "wnba": 30})
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("wnba"))
	s.MaxTotalAgents = 40
	e.Apply(s)
	e.Tick(t.Context(), start)
	if diff := cmp.Diff([]string{"wnba 30→5", "nba 10→30"}, w.called()); diff != "" {
		t.Error(diff)
	}
	if w.mostEver > 40 {
		t.Errorf("%d agents ran, at most 40 are allowed", w.mostEver)
	}
}

func TestTickDoesNotGrowIntoRoomThatWasNotFreed(t *testing.T) {
	w := newWorld(func(pool string, _ time.Time) float64 {
		if pool == "nba" {
			return 300
		}
		return 50
	}, map[string]int{"nba": 8, "wnba": 30})
	w.refuse["wnba"] = true
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("wnba"))
	s.MaxTotalAgents = 40
	e.Apply(s)
	e.Tick(t.Context(), start)
	if diff := cmp.Diff([]string{"wnba 30→5", "nba 8→10"}, w.called()); diff != "" {
		t.Error(diff)
	}
	if w.mostEver > 40 {
		t.Errorf("%d agents ran, at most 40 are allowed", w.mostEver)
	}
}

// I33: a pool that is no longer in the rules is never called, and one whose
// count is not known neither.
func TestTickCallsOnlyPoolsThatItKnows(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 4, "wnba": 4})
	e := newEngine(t)
	e.Apply(settings(w, spec("nba"), spec("nfl"), spec("wnba")))
	e.Tick(t.Context(), start)
	w.called()
	w.load = flat(300)
	e.Apply(settings(w, spec("nba")))
	e.Tick(t.Context(), start.Add(30*time.Second))
	if diff := cmp.Diff([]string{"nba 10→20"}, w.called()); diff != "" {
		t.Error(diff)
	}
}

// A reload keeps what the pools remember; only what changed is learned anew.
func TestApplyKeepsState(t *testing.T) {
	w := newWorld(flat(200), map[string]int{"nba": 20})
	e := newEngine(t)
	p := spec("nba")
	p.Pool.Behavior.ScaleDown.StabilizationWindow = 10 * time.Minute
	e.Apply(settings(w, p))
	for i := range 30 {
		e.Tick(t.Context(), start.Add(time.Duration(i)*30*time.Second))
	}
	fitted := e.pools["nba"].predictor
	w.load = flat(50)
	e.Apply(settings(w, p))
	e.Tick(t.Context(), start.Add(15*time.Minute))
	if calls := w.called(); calls != nil {
		t.Errorf("called %q: the stabilisation window was forgotten", calls)
	}
	if e.pools["nba"].predictor != fitted {
		t.Error("the model was fitted again although nothing changed")
	}
	p.Rules = []policy.Rule{{Name: "double", Demand: &policy.DemandEffect{Multiply: 2}}}
	e.Apply(settings(w, p))
	e.Tick(t.Context(), start.Add(15*time.Minute+30*time.Second))
	if e.pools["nba"].predictor == fitted {
		t.Error("the model was not fitted again although a multiplier changed its history")
	}
}

// DESIGN 4.2: a multiplier that is regular cancels out of a long history.
func TestARegularMultiplierCancelsOut(t *testing.T) {
	plain, doubled := spec("plain"), spec("doubled")
	doubled.Rules = []policy.Rule{{Name: "always", Demand: &policy.DemandEffect{Multiply: 2}}}
	e := newEngine(t)
	e.Apply(settings(newWorld(daily, map[string]int{"plain": 10, "doubled": 10}), doubled, plain))
	e.Tick(t.Context(), start)
	pools := e.Snapshot().Pools
	for k := range pools[0].Forecast.Len() {
		a, b := pools[0].Forecast.Path(0.9)[k], pools[1].Forecast.Path(0.9)[k]
		if math.Abs(a-b) > 0.02*b {
			t.Fatalf("step %d: %g with the multiplier, %g without", k, a, b)
		}
	}
}

// An event multiplies what is ahead and is masked where it is history.
func TestAnEventActsAheadAndIsMaskedBehind(t *testing.T) {
	game := func(day int) policy.Event {
		at := time.Date(2026, 11, day, 13, 0, 0, 0, time.UTC)
		return policy.Event{Type: "game", Start: at, End: at.Add(time.Hour), Labels: map[string]string{"league": "nba"}}
	}
	past, next := game(11), game(12)
	load := func(_ string, t time.Time) float64 {
		if !t.Before(past.Start) && t.Before(past.End) {
			return 900
		}
		return 100
	}
	p := spec("nba")
	p.Rules = []policy.Rule{{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Demand: &policy.DemandEffect{Multiply: 2}}}
	w := newWorld(load, map[string]int{"nba": 10})
	e := newEngine(t)
	s := settings(w, p)
	s.Events = []policy.Event{past, next}
	e.Apply(s)
	e.Tick(t.Context(), start)
	f := e.Snapshot().Pools[0].Forecast
	before, during := f.Path(0.5)[stepAt(f, next.Start.Add(-10*time.Minute))], f.Path(0.5)[stepAt(f, next.Start.Add(10*time.Minute))]
	if math.Abs(before-100) > 5 || math.Abs(during-200) > 10 {
		t.Errorf("forecast %g before and %g during the game, want 100 and 200", before, during)
	}
	if got := e.Snapshot().Pools[0].Events; len(got) != 2 {
		t.Errorf("%d events are shown, want yesterday's and today's", len(got))
	}
}

// P38: a panic in one pool's evaluation holds that pool and no other.
func TestAPanicIsIsolated(t *testing.T) {
	broken := spec("broken")
	broken.Pool.Quantile = 0.9
	w := newWorld(flat(100), map[string]int{"broken": 4, "nba": 4})
	e := newEngine(t)
	e.Apply(settings(w, broken, spec("nba")))
	e.Tick(t.Context(), start)
	e.pools["broken"].forecast.Paths = e.pools["broken"].forecast.Paths[:1] // as no loader ever builds it
	w.load = flat(300)
	w.called()
	e.Tick(t.Context(), start.Add(30*time.Second))
	if diff := cmp.Diff([]string{"nba 10→20"}, w.called()); diff != "" {
		t.Error(diff)
	}
	if got := e.Snapshot().Pools[0].Decision.Reasons[0].Code; got != policy.ReasonEvaluationFailed {
		t.Errorf("the broken pool was decided by %s", got)
	}
	if got := testutil.ToFloat64(e.metrics.panics); got != 1 {
		t.Errorf("%g panics counted, want 1", got)
	}
}

// I11: a forecast that cannot be right is counted, and the load of now decides.
func TestAbsurdForecastsAreCounted(t *testing.T) {
	for name, y := range map[string]float64{"too much": 1e6, "no number": math.NaN(), "infinite": math.Inf(1)} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
			e := newEngine(t)
			e.Apply(settings(w, spec("nba"), spec("nfl")))
			e.Tick(t.Context(), start)
			for _, path := range e.pools["nba"].forecast.Paths {
				for k := range path {
					path[k] = y
				}
			}
			e.Tick(t.Context(), start.Add(30*time.Second))
			d := e.Snapshot().Pools[0].Decision
			if got := d.Reasons[0].Code; got != policy.ReasonReactive || d.Desired != 10 {
				t.Errorf("%d agents by %s, want 10 by the load", d.Desired, got)
			}
			if n := testutil.ToFloat64(e.metrics.absurd); n != 1 {
				t.Errorf("%g forecasts are counted, want 1", n)
			}
		})
	}
}

func TestTickCountsWhatItMissed(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10})
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	for _, seconds := range []int{0, 30, 60, 150, 180} { // 90 and 120 are missing
		e.Tick(t.Context(), start.Add(time.Duration(seconds)*time.Second))
	}
	if got := testutil.ToFloat64(e.metrics.ticksMissed); got != 2 {
		t.Errorf("%g ticks missed, want 2", got)
	}
	if got := testutil.ToFloat64(e.metrics.ticks); got != 5 {
		t.Errorf("%g ticks taken, want 5", got)
	}
}

func TestTicksAreAlignedAndNeverQueued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ticks := make(chan time.Time)
		done := make(chan struct{})
		go func() {
			defer close(done)
			Ticks(ctx, func() time.Duration { return 30 * time.Second }, ticks)
		}()
		first := <-ticks
		time.Sleep(100 * time.Second) // as a turn that takes too long
		second := <-ticks
		if first.Second()%30 != 0 || second.Sub(first) != 120*time.Second {
			t.Errorf("ticks at %s and %s, want aligned ones 2 m apart", first, second)
		}
		cancel()
		<-done
	})
}

func TestTickStopsWithTheContext(t *testing.T) {
	w := newWorld(flat(300), map[string]int{"nba": 4})
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e.Tick(ctx, start)
	if calls := w.called(); calls != nil {
		t.Errorf("called %q after it was told to stop", calls)
	}
}

// A forecast whose series is missing ages, although it goes on step by step.
func TestForecastsAgeWhileTheLoadIsMissing(t *testing.T) {
	missing := start.Add(30 * time.Minute)
	w := newWorld(nil, map[string]int{"nba": 10})
	w.load = func(_ string, at time.Time) float64 {
		if !at.Before(missing) {
			return math.NaN()
		}
		return 150
	}
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	var last time.Time
	for now := start; !now.After(start.Add(3 * time.Hour)); now = now.Add(5 * time.Minute) {
		e.Tick(t.Context(), now)
		p := e.Snapshot().Pools[0]
		if last = p.History.Time(p.History.Len() - 1); !last.Before(missing) {
			last = missing.Add(-p.History.Step)
		}
		if !p.Origin.Equal(last) {
			t.Fatalf("%s: the forecast is as of %s, want %s", now, p.Origin, last)
		}
		if old := now.Sub(last) > time.Hour; old != (p.Fallback != "") {
			t.Errorf("%s: fallback %q, the last load was at %s", now, p.Fallback, last)
		}
	}
}

func TestRequestsThatAnOrchestratorMustTake(t *testing.T) {
	pools := func(n, measured int) []Pool {
		out := make([]Pool, n)
		for i := range measured {
			out[i].Current = &policy.Signal{}
		}
		return out
	}
	for _, tc := range []struct {
		n, measured int
		interval    time.Duration
		want        float64
	}{
		{0, 0, 30 * time.Second, 0},
		{1, 0, 30 * time.Second, 0.3},
		{16, 0, 30 * time.Second, 4.8},
		{60, 0, 30 * time.Second, 4.8},
		{150, 0, 30 * time.Second, 10},
		{150, 75, 30 * time.Second, 5},
		{150, 150, 30 * time.Second, 4.8},
		{2, 0, time.Second, 6},
	} {
		if got := LeastRequests(pools(tc.n, tc.measured), tc.interval); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%d pools, %d measured, every %s: got %g, want %g", tc.n, tc.measured, tc.interval, got, tc.want)
		}
	}
}

// split is a Prometheus with a query that is broken.
type split struct {
	*world
	broken string
	asked  []string
}

func (s *split) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	s.asked = append(s.asked, signals[0].Query)
	if signals[0].Query == s.broken {
		return nil, errors.New("many-to-many matching not allowed")
	}
	return s.world.Range(ctx, r, signals)
}

// A query that is broken keeps the history from the pools that have it, and from the others
// for one turn at most; after it nobody is asked in that turn.
func TestABrokenQueryCostsItsPoolsOnly(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"mlb": 10, "nba": 10, "nfl": 10})
	source := &split{world: w, broken: "b"}
	e := newEngine(t)
	s := settings(w, spec("mlb"), spec("nba"), spec("nfl"))
	s.Source = source
	for i, query := range []string{"a", "b", "c"} {
		s.Pools[i].Load.Query = query
	}
	e.Apply(s)
	known := func() (names []string) {
		for _, p := range e.Snapshot().Pools {
			if p.History.Len() > 0 {
				names = append(names, p.Pool.Name)
			}
		}
		return names
	}
	for i, want := range []struct{ asked, known []string }{
		{[]string{"a", "b"}, []string{"mlb"}},
		{[]string{"c", "b"}, []string{"mlb", "nfl"}},
		{[]string{"b"}, []string{"mlb", "nfl"}},
	} {
		source.asked = nil
		e.Tick(t.Context(), start.Add(time.Duration(i)*30*time.Second))
		if diff := cmp.Diff(want.asked, source.asked); diff != "" {
			t.Errorf("turn %d asks (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(want.known, known()); diff != "" {
			t.Errorf("after turn %d histories are known of (-want +got):\n%s", i+1, diff)
		}
	}
	source.broken = ""
	e.Tick(t.Context(), start.Add(2*time.Minute))
	if diff := cmp.Diff([]string{"mlb", "nba", "nfl"}, known()); diff != "" || len(e.unread) > 0 {
		t.Errorf("once it is mended (-want +got):\n%s\nleft: %v", diff, e.unread)
	}
}

// A history of more values than are read at once is read in parts, the oldest first, and no
// model is fitted before all of it is there. A turn that has no time for more goes on.
func TestALongHistoryIsReadInParts(t *testing.T) {
	const pools = 300
	w := newWorld(flat(100), map[string]int{})
	source := &parts{world: w}
	var specs []Pool
	for i := range pools {
		specs = append(specs, spec(fmt.Sprintf("pool-%03d", i)))
	}
	s := settings(w, specs...)
	s.Source, s.History, s.Interval = source, 14*24*time.Hour, time.Nanosecond // there is never time for more than one part
	e := newEngine(t)
	e.Apply(s)
	lengths := func() (read []int) {
		e.Tick(t.Context(), start)
		for _, p := range e.Snapshot().Pools {
			if n := p.History.Len(); !slices.Contains(read, n) {
				read = append(read, n)
			}
		}
		return read
	}
	const whole = 14 * 288
	const first = valuesPerPart / pools
	if diff := cmp.Diff([]int{first}, lengths()); diff != "" || !e.pools["pool-000"].reading {
		t.Errorf("after one turn (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{whole}, lengths()); diff != "" || e.pools["pool-000"].reading {
		t.Errorf("after two turns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{first, whole - first}, source.lengths); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

// A pool whose history is not read to its end is not fitted, and the others are.
func TestNothingIsFittedToHalfAHistory(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10, "nfl": 10})
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("nfl"))
	e.adopt(s, start, false)
	e.fetch(t.Context(), s, start, time.Now().Add(time.Hour))
	e.pools["nba"].reading = true
	e.learn(t.Context(), s, start, time.Now().Add(time.Hour))
	if e.pools["nba"].predictor != nil || e.pools["nfl"].predictor == nil {
		t.Errorf("nba, which is being read, is fitted: %v; nfl: %v", e.pools["nba"].predictor != nil, e.pools["nfl"].predictor != nil)
	}
}

// parts notes how long the parts of the history are.
type parts struct {
	*world
	lengths []int
}

func (p *parts) Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error) {
	p.lengths = append(p.lengths, int(r.End.Sub(r.Start)/r.Step)+1)
	return p.world.Range(ctx, r, signals)
}
