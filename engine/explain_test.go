package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// sum adds up the parts at each step.
func (p Parts) sum() []float64 {
	out := make([]float64, len(p.Level))
	for k := range out {
		out[k] = p.Level[k] + p.Seasonal[k] + p.Autoregressive[k] + p.Event[k] + p.Rules[k]
	}
	return out
}

// sumsUp reports whether the parts add up to the median, but for rounding.
func sumsUp(t interface {
	Helper()
	Errorf(string, ...any)
}, x Explanation) {
	t.Helper()
	median, largest := x.Forecast.Path(0.5), 0.0
	for _, part := range [][]float64{x.Parts.Level, x.Parts.Seasonal, x.Parts.Autoregressive, x.Parts.Event, x.Parts.Rules} {
		for _, y := range part {
			largest = max(largest, math.Abs(y))
		}
	}
	for k, got := range x.Parts.sum() {
		if !(math.Abs(got-median[k]) <= 1e-12*(largest+median[k])) {
			t.Errorf("step %d: the parts sum up to %v, the median is %v", k, got, median[k])
		}
	}
}

func TestExplainIsOfWhatIsPublished(t *testing.T) {
	game := policy.Event{Type: "game", Start: start.Add(time.Hour), End: start.Add(90 * time.Minute), Labels: map[string]string{"league": "nba"}}
	show := policy.Event{Type: "show", Start: start.Add(20 * time.Minute), End: start.Add(40 * time.Minute)}
	p := spec("nba")
	p.Pool.Location = time.FixedZone("east", -5*3600)
	p.Rules = []policy.Rule{
		{Name: "always", Demand: &policy.DemandEffect{Multiply: 2}},
		{Name: "game", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Demand: &policy.DemandEffect{Multiply: 1.5, Add: 3}},
		{Name: "show", When: policy.Condition{Events: []policy.EventMatch{{Type: "show"}}}, Demand: &policy.DemandEffect{Multiply: 3, Learned: true}},
	}
	e := newEngine(t)
	s := settings(newWorld(daily, map[string]int{"nba": 10}), p)
	s.Events = []policy.Event{game, show}
	e.Apply(s)
	e.Tick(t.Context(), start)
	status := e.Snapshot().Pools[0]
	x, err := e.Explain("nba", status.Forecast.Len())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(status.Forecast.Paths, x.Forecast.Paths); diff != "" {
		t.Errorf("another forecast than is published (-published +explained):\n%s", diff)
	}
	if !x.Forecast.Start.Equal(status.Forecast.Start) || !x.Measured.End().Equal(x.Forecast.Start) || x.Forecast.Start.Location() != p.Pool.Location {
		t.Errorf("measured until %s, forecast from %s, published from %s", x.Measured.End(), x.Forecast.Start, status.Forecast.Start)
	}
	sumsUp(t, x)
	// The load without rules is half of what is measured; the game adds half of what is expected and 3 agents of 10.
	before, during := stepAt(x.Forecast, game.Start.Add(-5*time.Minute)), stepAt(x.Forecast, game.Start.Add(10*time.Minute))
	for k, want := range map[int]float64{before: 0.5 * x.Forecast.Path(0.5)[before], during: 2.0/3*(x.Forecast.Path(0.5)[during]-30) + 30} {
		if got := x.Parts.Rules[k]; math.Abs(got-want) > 1e-9 {
			t.Errorf("step %d: rules add %v, want %v of %v", k, got, want, x.Forecast.Path(0.5)[k])
		}
	}
	// What is learned is the models' own: nothing is known of shows yet, so that the declared factor counts.
	k := stepAt(x.Forecast, show.Start.Add(10*time.Minute))
	if ordinary := x.Parts.Level[k] + x.Parts.Seasonal[k] + x.Parts.Autoregressive[k]; math.Abs(x.Parts.Event[k]-2*ordinary) > 0.05*ordinary {
		t.Errorf("the show adds %v to %v, want twice as much", x.Parts.Event[k], ordinary)
	}
}

func TestExplainSaysWhenThereIsNothing(t *testing.T) {
	e := newEngine(t)
	if _, err := e.Explain("nba", 1); err == nil || errors.Is(err, ErrNoModel) {
		t.Errorf("before the first tick: %v", err)
	}
	w := newWorld(func(string, time.Time) float64 { return math.NaN() }, map[string]int{"nba": 10})
	e.Apply(settings(w, spec("nba")))
	e.Tick(t.Context(), start)
	if _, err := e.Explain("nba", 1); !errors.Is(err, ErrNoModel) {
		t.Errorf("without a history: %v", err)
	}
	if _, err := e.Explain("nfl", 1); err == nil || errors.Is(err, ErrNoModel) {
		t.Errorf("an unknown pool: %v", err)
	}
	w.load = daily
	e.pools["nba"].forget()
	e.Tick(t.Context(), start.Add(5*time.Minute))
	if _, err := e.Explain("nba", 0); err == nil || errors.Is(err, ErrNoModel) {
		t.Errorf("no steps: %v", err)
	}
	e.pools["nba"].predictor = &forecast.Predictor{} // as nobody makes it
	if _, err := e.Explain("nba", 1); err == nil {
		t.Error("a panic is no error")
	}
	if !e.pools["nba"].mu.TryLock() {
		t.Error("a panic leaves the pool locked")
	}
}

// Rules of all kinds, at whatever instants they begin and end.
func TestPartsSumUpToTheMedian(t *testing.T) {
	const steps = 24
	history := forecast.Series{Start: start.Add(-72 * time.Hour), Step: 5 * time.Minute}
	for history.End().Before(start) {
		history.Values = append(history.Values, daily("", history.End()))
	}
	predictor, err := forecast.Fit(history, forecast.Options{Horizon: steps})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := &pool{spec: spec("nba"), predictor: predictor, history: NewHistory(history)}
		var events []policy.Event
		for i := range rapid.IntRange(0, 4).Draw(t, "events") {
			from := start.Add(time.Duration(rapid.IntRange(-120, 120).Draw(t, "begins")) * time.Minute)
			events = append(events, policy.Event{ID: string(rune('a' + i)), Type: "game", Start: from, End: from.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "lasts")) * time.Minute)})
		}
		for range rapid.IntRange(0, 4).Draw(t, "rules") {
			d := &policy.DemandEffect{
				Multiply: rapid.SampledFrom([]float64{0, 0.3, 1, 1.5, 20}).Draw(t, "multiply"),
				Add:      rapid.SampledFrom([]float64{0, 0.5, 7}).Draw(t, "add"),
				RampUp:   rapid.SampledFrom([]time.Duration{0, 20 * time.Minute}).Draw(t, "ramp up"),
				RampDown: rapid.SampledFrom([]time.Duration{0, 15 * time.Minute}).Draw(t, "ramp down"),
				HalfLife: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "half-life"),
				Group:    rapid.SampledFrom([]string{"", "game"}).Draw(t, "group"),
				Learned:  rapid.Bool().Draw(t, "learned"),
			}
			if rapid.Bool().Draw(t, "by month") {
				d.ByMonth = map[time.Month]float64{time.November: 1.3}
			}
			rule := policy.Rule{Name: "rule", Demand: d}
			if rapid.Bool().Draw(t, "with events") {
				rule.When.Events = []policy.EventMatch{{Type: "game", Lead: 10 * time.Minute}}
			}
			p.spec.Rules = append(p.spec.Rules, rule)
		}
		p.timeline = p.spec.Timeline(events)
		if err := p.predict(steps); err != nil {
			t.Fatal(err)
		}
		x, err := p.explain(steps)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.forecast.Paths, x.Forecast.Paths); diff != "" {
			t.Errorf("another forecast than is published:\n%s", diff)
		}
		sumsUp(t, x)
		if len(p.spec.Rules) == 0 && !slices.Equal(x.Parts.Rules, make([]float64, steps)) {
			t.Errorf("no rules add %v", x.Parts.Rules)
		}
	})
}

// Explain is asked all the time while ticks learn, fit and adopt new rules and events.
// Run with -race.
func TestExplainBesideTicks(t *testing.T) {
	p := spec("nba")
	w := newWorld(daily, map[string]int{"nba": 10})
	e := newEngine(t)
	s := settings(w, p)
	s.RefitEvery = 10 * time.Minute
	e.Apply(s)
	e.Tick(t.Context(), start)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			explained := 0
			for ctx.Err() == nil {
				x, err := e.Explain("nba", 12)
				if errors.Is(err, ErrNoModel) {
					continue // the rules have just changed
				}
				if err != nil {
					t.Error(err)
					return
				}
				sumsUp(t, x)
				if !x.Measured.End().Equal(x.Forecast.Start) {
					t.Errorf("measured until %s, forecast from %s", x.Measured.End(), x.Forecast.Start)
				}
				explained++
			}
			if explained == 0 {
				t.Error("nothing was explained")
			}
		})
	}
	for i := range 16 {
		now := start.Add(time.Duration(i+1) * 150 * time.Second) // every second one brings a value
		switch i % 4 {
		case 1:
			e.PutEvent(policy.Event{ID: "1", Type: "game", Start: now.Add(-time.Hour), End: now.Add(time.Hour)})
		case 3:
			changed := *s
			changed.Pools = []Pool{p}
			changed.Pools[0].Rules = []policy.Rule{{Name: "more", When: policy.Condition{Events: []policy.EventMatch{{Type: "game"}}}, Demand: &policy.DemandEffect{Multiply: 2 + float64(i), Add: 1}}}
			e.Apply(&changed)
		}
		e.Tick(t.Context(), now)
	}
	cancel()
	asking.Wait()
	if got := e.Snapshot().Pools[0]; got.Forecast.Len() == 0 || got.Fallback != "" {
		t.Errorf("after all there is no forecast: %q", got.Fallback)
	}
}

// A snapshot has the scores that are shown: of what is compared at all horizons, of all models
// at the first and the one nearest to the lead time. An explanation has them all.
func TestScoresThatAreShown(t *testing.T) {
	p := spec("nba")
	p.Pool.LeadTime = 40 * time.Minute // the nearest horizon is half an hour
	e := newEngine(t)
	e.Apply(settings(newWorld(daily, map[string]int{"nba": 10}), p))
	e.Tick(t.Context(), start)
	status := e.Snapshot().Pools[0]
	x, err := e.Explain("nba", status.Forecast.Len())
	if err != nil {
		t.Fatal(err)
	}
	var want []forecast.Score
	horizons, models := map[int]bool{}, map[string]bool{}
	for _, s := range x.Scores {
		horizons[s.Horizon], models[s.Model] = true, true
		if s.Horizon == 1 || s.Horizon == 6 || s.Model == forecast.Combination || strings.HasPrefix(s.Model, "seasonal_naive_") {
			want = append(want, s)
		}
	}
	if len(horizons) < 5 || len(models) < 10 || len(x.Scores) != len(horizons)*len(models) {
		t.Fatalf("explained are %d scores of %d models at %d horizons", len(x.Scores), len(models), len(horizons))
	}
	if diff := cmp.Diff(want, status.Scores, cmpopts.EquateNaNs()); diff != "" || len(want) == len(x.Scores) {
		t.Errorf("%d of %d scores are shown (-want +got):\n%s", len(status.Scores), len(x.Scores), diff)
	}
	if got := NearestHorizon(nil, time.Minute, time.Hour); got != 0 {
		t.Errorf("of no scores the horizon %d is the nearest", got)
	}
}
