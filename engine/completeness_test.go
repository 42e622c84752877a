package engine

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// counted is a pool whose load has a measure of its completeness.
func counted(name string) Pool {
	p := spec(name)
	p.Completeness = &policy.Signal{Query: "complete", Match: p.Load.Match}
	return p
}

// halved is a world in which half of the load is away from the start until the end, of nba
// and nfl since half of what it is made of is, of mlb since there is less to do.
func halved(end time.Time) *world {
	away := func(t time.Time) bool { return !t.Before(start) && t.Before(end) }
	w := newWorld(func(_ string, t time.Time) float64 {
		if away(t) {
			return 100
		}
		return 200
	}, map[string]int{"mlb": 20, "nba": 20, "nfl": 20})
	w.complete = func(pool string, t time.Time) float64 {
		if pool != "mlb" && away(t) {
			return 4
		}
		return 9
	}
	return w
}

// I9: a sum of which some series vanish comes without a warning, and lowers no pool, and
// nobody learns from it. Beside it are a pool that has all of its load, and one of which nobody
// tells.
func TestALoadThatLacksAPartIsNotBelieved(t *testing.T) {
	back := start.Add(40 * time.Minute)
	w := halved(back)
	e := newEngine(t)
	e.Apply(settings(w, counted("mlb"), counted("nba"), spec("nfl")))
	tick := func(at time.Time) PoolStatus {
		e.Tick(t.Context(), at)
		return e.Snapshot().Pools[1]
	}
	at := start.Add(-30 * time.Minute)
	for ; at.Before(start); at = at.Add(30 * time.Second) {
		if p := tick(at); p.Load.Quality != policy.OK || p.Completeness.Value != 9 {
			t.Fatalf("at %s the load is %+v, its completeness %+v", at, p.Load, p.Completeness)
		}
	}
	for ; at.Before(back); at = at.Add(30 * time.Second) {
		p := tick(at)
		if p.Load.Quality != policy.Partial || !strings.Contains(p.Load.Detail, "4, and 9 is usual") || p.Completeness.Usual != 9 || p.Decision.Desired != 20 {
			t.Fatalf("at %s the load is %+v, its completeness %+v, the decision %+v", at, p.Load, p.Completeness, p.Decision)
		}
	}
	const want = `
# HELP scaling_adapter_signal_up 1 while a signal is fresh and complete.
# TYPE scaling_adapter_signal_up gauge
scaling_adapter_signal_up{pool="mlb",signal="completeness"} 1
scaling_adapter_signal_up{pool="mlb",signal="current"} 1
scaling_adapter_signal_up{pool="mlb",signal="load"} 1
scaling_adapter_signal_up{pool="nba",signal="completeness"} 1
scaling_adapter_signal_up{pool="nba",signal="current"} 1
scaling_adapter_signal_up{pool="nba",signal="load"} 0
scaling_adapter_signal_up{pool="nfl",signal="current"} 1
scaling_adapter_signal_up{pool="nfl",signal="load"} 1
`
	if err := testutil.GatherAndCompare(gatherer(e.Snapshot()), strings.NewReader(want), "scaling_adapter_signal_up"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(gatherer(e.Snapshot()), "scaling_adapter_signal_age_seconds"); n != 5 || err != nil {
		t.Errorf("%d signals have an age, want that of three loads and two completenesses", n)
	}
	var p PoolStatus
	for ; at.Before(back.Add(30 * time.Minute)); at = at.Add(30 * time.Second) {
		p = tick(at)
		if p.Load.Quality != policy.OK {
			t.Fatalf("at %s the load is %+v", at, p.Load)
		}
	}
	for i, y := range p.History.Series().Values {
		switch at := p.History.Time(i); {
		case !at.Before(start) && at.Before(back):
			if !math.IsNaN(y) {
				t.Errorf("the load of %s is learned: %g", at, y)
			}
		case y != 200:
			t.Errorf("the load of %s is %g", at, y)
		}
	}
	if f := p.Forecast.Path(0.5); f[0] < 195 {
		t.Errorf("the forecast expects %g", f[0])
	}
	scaled := map[string]bool{}
	for _, d := range w.calls {
		scaled[d.Pool] = true
	}
	if diff := cmp.Diff(map[string]bool{"mlb": true, "nfl": true}, scaled); diff != "" {
		t.Errorf("pools that were scaled (-want +got):\n%s", diff)
	}
	if y := e.Snapshot().Pools[0].History.At(start); y != 100 {
		t.Errorf("mlb has learned %g", y)
	}
}

// What is usual is read from the history, so that a process that begins in the middle knows
// it, and what was lacking before it began is not learned either.
func TestWhatIsUsualIsKnownInTheFirstTick(t *testing.T) {
	now := start.Add(20 * time.Minute)
	w := halved(start.Add(time.Hour))
	e := newEngine(t)
	e.Apply(settings(w, spec("nfl"), counted("nba")))
	e.Tick(t.Context(), now)
	p := e.Snapshot().Pools[1]
	if p.Load.Quality != policy.Partial || p.Decision.Desired != 20 {
		t.Errorf("the load is %+v, the decision %+v", p.Load, p.Decision)
	}
	if y := p.History.At(now); !math.IsNaN(y) {
		t.Errorf("%g is learned", y)
	}
	if y := p.History.At(start.Add(-5 * time.Minute)); y != 200 {
		t.Errorf("before it was %g", y)
	}
	if y := e.Snapshot().Pools[0].History.At(now); y != 100 {
		t.Errorf("nfl has learned %g", y)
	}
	plan, err := e.Plan(t.Context(), now.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i, least := range []float64{0, 195} {
		if m := plan.Pools[i].Points[0].Load.Median; m < least {
			t.Errorf("%s is planned for %g", plan.Pools[i].Pool.Name, m)
		}
	}
}

// A completeness that is not known leaves the load in doubt: it may raise, and lowers nothing.
func TestACompletenessThatIsNotKnownLowersNothing(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 20})
	w.complete = func(_ string, t time.Time) float64 {
		if t.Before(start) {
			return 9
		}
		return math.NaN()
	}
	e := newEngine(t)
	e.Apply(settings(w, counted("nba")))
	e.Tick(t.Context(), start)
	p := e.Snapshot().Pools[0]
	if p.Load.Quality != policy.Partial || !strings.Contains(p.Load.Detail, "completeness is empty") || p.Decision.Desired != 20 {
		t.Errorf("the load is %+v, the decision %+v", p.Load, p.Decision)
	}
	w.load = flat(300)
	e.Tick(t.Context(), start.Add(30*time.Second))
	if d := e.Snapshot().Pools[0].Decision; d.Desired != 30 {
		t.Errorf("for a load of 300 there are %d agents, want 30: %+v", d.Desired, d.Reasons)
	}
}

// With another measure of its completeness the history is another one.
func TestAnotherCompletenessIsReadAnew(t *testing.T) {
	w := halved(start.Add(time.Hour))
	e := newEngine(t)
	e.Apply(settings(w, spec("nba")))
	e.Tick(t.Context(), start)
	if y := e.Snapshot().Pools[0].History.At(start); y != 100 {
		t.Fatalf("what is not doubted is %g", y)
	}
	e.Apply(settings(w, counted("nba")))
	e.Tick(t.Context(), start.Add(30*time.Second))
	if p := e.Snapshot().Pools[0]; !math.IsNaN(p.History.At(start)) || p.Load.Quality != policy.Partial {
		t.Errorf("the load is %+v, and %g is learned", p.Load, p.History.At(start))
	}
}
