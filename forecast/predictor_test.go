package forecast

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// custom is a model of the test.
type custom struct {
	name string
	fit  func(Series) (Fitted, error)
}

func (m custom) Name() string                 { return m.name }
func (m custom) Fit(s Series) (Fitted, error) { return m.fit(s) }

// always expects one value; it cannot be restored and does not tell its parts.
type always float64

func (always) Update(float64) {}
func (f always) Predict(path []float64) {
	for k := range path {
		path[k] = float64(f)
	}
}

func wape(t testing.TB, p *Predictor, model string) float64 {
	t.Helper()
	sum, n := 0.0, 0.0
	for _, s := range p.Scores() {
		if s.Model == model {
			sum += s.WAPE
			n++
		}
	}
	if n == 0 {
		t.Fatalf("%s has no scores", model)
	}
	return sum / n
}

func TestFitNamesWhatIsWrong(t *testing.T) {
	good := sampled(aMonday, time.Hour, 3*day, busy)
	with := func(step time.Duration, values ...float64) Series {
		return Series{Start: aMonday, Step: step, Values: values}
	}
	tests := []struct {
		name  string
		s     Series
		o     Options
		wants []string
		short bool
	}{
		{"empty", with(time.Hour), Options{Horizon: 1}, nil, true},
		{"seven values", with(time.Hour, 1, 2, 3, 4, 5, 6, 7), Options{Horizon: 1}, nil, true},
		{"all missing", with(time.Hour, missing(500)...), Options{Horizon: 1}, nil, true},
		{"infinite", with(time.Hour, 1, math.Inf(1)), Options{Horizon: 1}, []string{"value 1", "+Inf", "within"}, false},
		{"minus infinity", with(time.Hour, math.Inf(-1), 1), Options{Horizon: 1}, []string{"value 0", "-Inf", "within"}, false},
		{"too large", with(time.Hour, 1, 2, -1.01*largestValue), Options{Horizon: 1}, []string{"value 2", "within"}, false},
		{"a step that does not divide a day", with(7*time.Hour, good.Values...), Options{Horizon: 1}, []string{"step", "7h0m0s", "divisor of a day"}, false},
		{"a step of half seconds", with(500*time.Millisecond, good.Values...), Options{Horizon: 1}, []string{"step", "500ms", "whole seconds"}, false},
		{"a negative step", with(-time.Hour, good.Values...), Options{Horizon: 1}, []string{"step", "-1h"}, false},
		{"no step", with(0, good.Values...), Options{Horizon: 1}, []string{"step", "0s"}, false},
		{"no horizon", good, Options{}, []string{"horizon", "0", "at least 1"}, false},
		{"a negative horizon", good, Options{Horizon: -3}, []string{"horizon", "-3", "at least 1"}, false},
	}
	for _, tt := range tests {
		_, err := Fit(tt.s, tt.o)
		if err == nil || errors.Is(err, ErrTooShort) != tt.short {
			t.Errorf("%s: error %v, too short %v wanted", tt.name, err, tt.short)
			continue
		}
		for _, want := range tt.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", tt.name, err, want)
			}
		}
	}
}

func TestRefitNamesWhatIsWrong(t *testing.T) {
	good := sampled(aMonday, time.Hour, 9*day, busy)
	p := fitted(t, good, Options{Horizon: 24})
	want := paths(t, p, 24, 0.5, 0.9)
	later := good
	later.Start = good.Start.Add(time.Hour)
	tests := []struct {
		name  string
		s     Series
		wants []string
	}{
		{"too few values", good.head(good.Len() - 1), []string{"ends at", good.End().Format("15:04")}},
		{"too many values", good.Append(1), []string{"ends at", good.End().Format("15:04")}},
		{"moved", later, []string{"ends at"}},
		{"of another step", Series{Start: good.End().Add(-50 * time.Minute), Step: 5 * time.Minute, Values: good.Values[:10]}, []string{"step", "5m0s", "1h0m0s"}},
		{"infinite", good.with(func(int, float64) float64 { return math.Inf(1) }), []string{"value 0", "within"}},
		{"all missing", good.with(func(int, float64) float64 { return math.NaN() }), nil},
	}
	for _, tt := range tests {
		err := p.Refit(tt.s)
		if tt.name == "all missing" {
			// Whether that is an error or not, what was known is not forgotten.
			if got := paths(t, p, 24, 0.5, 0.9); !sameBits(got[0], want[0]) || !sameBits(got[1], want[1]) {
				t.Errorf("%s: the forecast became %v", tt.name, got)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, want := range tt.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", tt.name, err, want)
			}
		}
		if got := paths(t, p, 24, 0.5, 0.9); !sameBits(got[0], want[0]) || !sameBits(got[1], want[1]) {
			t.Errorf("%s: the refused series changed the forecast", tt.name)
		}
	}
	// A series that begins later is fine.
	if err := p.Refit(good.From(good.Start.Add(day))); err != nil {
		t.Error(err)
	}
}

func TestForecastNamesWhatIsWrong(t *testing.T) {
	p := fitted(t, sampled(aMonday, time.Hour, 3*day, busy), Options{Horizon: 4})
	for _, levels := range [][]float64{nil, {0}, {1}, {-1}, {0.5, 1.5}, {math.NaN()}, {math.Inf(1)}} {
		if _, err := p.Forecast(1, levels); err == nil || !strings.Contains(err.Error(), "quantile level") {
			t.Errorf("levels %v: error %v", levels, err)
		}
	}
	for _, h := range []int{0, -1} {
		if _, err := p.Forecast(h, []float64{0.5}); err == nil || !strings.Contains(err.Error(), "horizon is") {
			t.Errorf("horizon %d: error %v", h, err)
		}
		if _, err := p.Explain(h); err == nil || !strings.Contains(err.Error(), "horizon is") {
			t.Errorf("explanation of horizon %d: error %v", h, err)
		}
	}
}

func TestForecastDescribesItself(t *testing.T) {
	s := sampled(aMonday.In(location(t, "Europe/Berlin")), time.Hour, 9*day, busy)
	p := fitted(t, s, Options{Horizon: 4})
	f, err := p.Forecast(6, []float64{0.9, 0.1, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if f.Model != Combination || !f.Start.Equal(s.End()) || f.Start.Location() != s.Start.Location() || f.Step != s.Step || f.Len() != 6 {
		t.Errorf("got %+v", f)
	}
	if !slices.Equal(f.Levels, []float64{0.1, 0.5, 0.9}) || len(f.Paths) != 3 {
		t.Errorf("levels %v with %d paths", f.Levels, len(f.Paths))
	}
	if got := f.Path(0.9); !slices.Equal(got, f.Paths[2]) {
		t.Errorf("path of 0.9: %v", got)
	}
	if f.Path(0.8) != nil {
		t.Error("there is a path of a level that nobody asked for")
	}
	if want := s.End().Add(5 * time.Hour); !f.Time(5).Equal(want) {
		t.Errorf("the last step is at %s, want %s", f.Time(5), want)
	}
}

// checkPromises tells what no forecast may be, whatever was learned.
func checkPromises(t interface{ Fatalf(string, ...any) }, f Forecast, largest float64) {
	for i, path := range f.Paths {
		for k, y := range path {
			switch {
			case !(y >= 0) || math.IsInf(y, 0):
				t.Fatalf("level %g, step %d: %v", f.Levels[i], k, y)
			case y > 4*largest*(1+1e-6):
				t.Fatalf("level %g, step %d: %v, the largest value is %v", f.Levels[i], k, y, largest)
			case i > 0 && y < f.Paths[i-1][k]:
				t.Fatalf("step %d falls from %v at level %g to %v at level %g", k, f.Paths[i-1][k], f.Levels[i-1], y, f.Levels[i])
			}
		}
	}
}

func TestPredictorOnOddSeries(t *testing.T) {
	for _, tt := range oddSeries {
		t.Run(tt.name, func(t *testing.T) {
			s := generated(30*time.Minute, 4*7*48, tt.f)
			p := fitted(t, s, Options{Horizon: 96})
			f, err := p.Forecast(96, []float64{0.1, 0.5, 0.9})
			if err != nil {
				t.Fatal(err)
			}
			largest := 0.0
			for _, y := range s.Values {
				largest = max(largest, zeroIfNaN(y))
			}
			checkPromises(t, f, largest)
			if at, by := farthestFrom(f.Paths[1], func(int) float64 { return tt.want }); !math.IsNaN(tt.want) && by > 1e-6*tt.want {
				t.Errorf("expects %g at step %d, want %g", f.Paths[1][at], at, tt.want)
			}
		})
	}
}

func TestPredictorKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Series{Start: aMonday, Step: rapid.SampledFrom([]time.Duration{15 * time.Minute, time.Hour, 12 * time.Hour, day}).Draw(t, "step")}
		value := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, math.NaN(), -1, 1e12, 1e-300, largestValue, -largestValue}))
		s.Values = rapid.SliceOfN(value, rapid.SampledFrom([]int{0, 30, 200}).Draw(t, "least"), 250).Draw(t, "values")
		before := slices.Clone(s.Values)
		p, err := Fit(s, Options{Horizon: rapid.IntRange(1, 60).Draw(t, "horizon")})
		if !sameBits(before, s.Values) {
			t.Fatalf("the series was changed")
		}
		if err != nil {
			if !errors.Is(err, ErrTooShort) {
				t.Fatalf("error %v", err)
			}
			return
		}
		largest := 0.0
		for _, y := range s.Values {
			largest = max(largest, zeroIfNaN(y))
		}
		for i, y := range rapid.SliceOfN(value, 0, 20).Draw(t, "updates") {
			if i%5 == 4 {
				p.UpdateCensored(y)
			} else {
				p.Update(y)
			}
			largest = max(largest, zeroIfNaN(y))
		}
		for _, y := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64} {
			p.Update(y)
			p.UpdateCensored(y)
		}
		f, err := p.Forecast(70, []float64{0.99, 0.1, 0.5, 0.5, 0.9, 0.001})
		if err != nil {
			t.Fatal(err)
		}
		checkPromises(t, f, largest)
		if _, err := p.Explain(70); err != nil {
			t.Fatal(err)
		}
	})
}

// A model that fails or panics is left out with a warning; the others go on.
func TestModelsThatFailAreToldAndLeftOut(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, busy)
	naive := SeasonalNaive("naive", day)
	want := paths(t, fitted(t, s, Options{Horizon: 24, Models: []Model{naive}}), 24, 0.5, 0.9)
	models := []Model{
		custom{"failing", func(Series) (Fitted, error) { return nil, errors.New("failing: out of ideas") }},
		naive,
		custom{"panicking", func(s Series) (Fitted, error) { return nil, errors.New(string(rune(s.Values[s.Len()]))) }},
		custom{"short", func(Series) (Fitted, error) { return nil, ErrTooShort }},
	}
	p := fitted(t, s, Options{Horizon: 24, Models: models})
	f, err := p.Forecast(24, []float64{0.5, 0.9})
	if err != nil {
		t.Fatal(err)
	}
	if !sameBits(f.Paths[0], want[0]) || !sameBits(f.Paths[1], want[1]) {
		t.Errorf("the forecast differs from that of the model that does not fail")
	}
	told := errors.Join(f.Warnings...).Error()
	for _, want := range []string{"failing: out of ideas", "panicking: panic: runtime error: index out of range"} {
		if !strings.Contains(told, want) {
			t.Errorf("warnings %q do not say %q", told, want)
		}
	}
	if strings.Contains(told, "short") {
		t.Errorf("warnings %q tell of a series that is too short for a model, which is no news", told)
	}
}

// A model that was fitted and fails later goes on as it was, with a warning until it fits again.
func TestModelsThatFailLaterGoOn(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, func(time.Time) float64 { return 5 })
	fail := false
	m := custom{"moody", func(Series) (Fitted, error) {
		if fail {
			return nil, ErrTooShort
		}
		return always(5), nil
	}}
	p := fitted(t, s, Options{Horizon: 4, Models: []Model{m}})
	warned := func() bool {
		f, err := p.Forecast(1, []float64{0.5})
		if err != nil {
			t.Fatal(err)
		}
		if f.Paths[0][0] != 5 {
			t.Errorf("expects %v", f.Paths[0])
		}
		return strings.Contains(errors.Join(f.Warnings...).Error(), ErrTooShort.Error())
	}
	for i, want := range []bool{false, true, true, false} {
		fail = want
		if err := p.Refit(s); err != nil {
			t.Fatal(err)
		}
		if got := warned(); got != want {
			t.Errorf("refit %d: warned %v, want %v", i, got, want)
		}
	}
}

func TestNoModelFits(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, busy)
	bad := custom{"bad", func(Series) (Fitted, error) { return nil, errors.New("bad: broken") }}
	if _, err := Fit(s, Options{Horizon: 1, Models: []Model{bad}}); err == nil || !strings.Contains(err.Error(), "bad: broken") {
		t.Errorf("error %v, want that of the model", err)
	}
}

// Forecasts that are no numbers count as 0, and those beyond belief are bounded.
func TestForecastsOfModelsAreBounded(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, func(time.Time) float64 { return 10 })
	for value, want := range map[float64]float64{math.NaN(): 0, -5: 0, math.Inf(-1): 0, math.Inf(1): 40, 1e9: 40, 39: 39} {
		m := custom{"odd", func(Series) (Fitted, error) { return always(value), nil }}
		p := fitted(t, s, Options{Horizon: 4, Models: []Model{m}})
		if got := median(t, p, 2); !slices.Equal(got, []float64{want, want}) {
			t.Errorf("a model that expects %v: forecast %v, want %v", value, got, want)
		}
	}
}

// A model of somebody else may be wrapped, explained and saved.
func TestCustomModelsOnTheLogarithm(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, func(time.Time) float64 { return 10 })
	m := Log1p(custom{"odd", func(Series) (Fitted, error) { return always(math.Log(11)), nil }})
	p := fitted(t, s, Options{Horizon: 4, Models: []Model{m}})
	if got := median(t, p, 1)[0]; math.Abs(got-10) > 1e-9 {
		t.Errorf("expects %v, want 10", got) // the scale is 1
	}
	if _, err := p.Explain(4); err != nil {
		t.Error(err)
	}
	_ = p.Snapshot()
}

func TestRefitKeepsScores(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 1, 0.2))
	p := fitted(t, s, Options{Horizon: 48})
	before, covered := p.Scores(), p.Coverage()
	if err := p.Refit(s); err != nil {
		t.Fatal(err)
	}
	if got := p.Scores(); !slices.Equal(got, before) {
		t.Errorf("scores %v, before %v", got, before)
	}
	if got := p.Coverage(); !slices.Equal(got, covered) {
		t.Errorf("coverage %v, before %v", got, covered)
	}
}

func TestScoresSayWhatTheyShould(t *testing.T) {
	p := fitted(t, sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 2, 0.2)), Options{Horizon: 20})
	weights := map[int]float64{}
	horizons := map[int]bool{}
	for _, s := range p.Scores() {
		if s.N < 20 || !(s.WAPE > 0 && s.WAPE < 2) || math.Abs(s.Bias) > s.WAPE || s.Weight < 0 {
			t.Errorf("%+v", s)
		}
		if s.Model == Combination {
			horizons[s.Horizon] = true
			if s.Weight != 1 {
				t.Errorf("%+v", s)
			}
			continue
		}
		weights[s.Horizon] += s.Weight
	}
	for _, h := range []int{1, 2, 4, 8, 12, 18} { // 30 min, 1, 2, 4, 6 and 9 h
		if !horizons[h] || math.Abs(weights[h]-1) > 1e-9 {
			t.Errorf("horizon %d: scored %v, the weights sum up to %g", h, horizons[h], weights[h])
		}
	}
	if len(horizons) != 6 {
		t.Errorf("horizons %v", horizons)
	}
}

// By hand: a model that always expects 10 of a load of 12 and 8.
func TestScoresByHand(t *testing.T) {
	s := generated(time.Hour, 240, func(i int) float64 { return 12 - 4*float64(i%2) })
	m := custom{"ten", func(Series) (Fitted, error) { return always(10), nil }}
	p := fitted(t, s, Options{Horizon: 2, Models: []Model{m}})
	for _, got := range p.Scores() {
		if math.Abs(got.WAPE-0.2) > 1e-3 || math.Abs(got.Bias) > 5e-3 {
			t.Errorf("%+v, want a WAPE of 0.2 and no bias", got)
		}
		// A third of the 240 values was replayed; the forecasts reach 1 or 2 hours from each.
		if want := 80 - got.Horizon; got.N != want {
			t.Errorf("%s at %d: %d scores, want %d", got.Model, got.Horizon, got.N, want)
		}
	}
}

func TestPredictorIsDeterministic(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 3, 0.2))
	var want [][]float64
	for range 3 {
		p := fitted(t, s, Options{Horizon: 48, Events: []Event{
			{"a", s.Time(500), s.Time(504), 2}, {"b", s.Time(600), s.Time(604), 0}, {"c", s.Time(1100), s.Time(1104), 3},
		}})
		got := paths(t, p, 48, 0.1, 0.5, 0.9)
		for i := range want {
			if !sameBits(got[i], want[i]) {
				t.Fatalf("two predictors differ")
			}
		}
		want = got
	}
}

func TestPredictorScalesAndMoves(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 4, 0.2))
	want := paths(t, fitted(t, s, Options{Horizon: 48}), 48, 0.1, 0.5, 0.9)
	const factor = 1024 // a power of two, so that rounding is the same
	scaled := paths(t, fitted(t, s.with(func(_ int, y float64) float64 { return factor * y }), Options{Horizon: 48}), 48, 0.1, 0.5, 0.9)
	later := s
	later.Start = s.Start.Add(52 * week)
	moved := paths(t, fitted(t, later, Options{Horizon: 48}), 48, 0.1, 0.5, 0.9)
	for i := range want {
		if at, by := farthestFrom(scaled[i], func(k int) float64 { return factor * want[i][k] }); by > 1e-5*factor*want[i][at] {
			t.Errorf("level %d, step %d: scaled %g, want %g", i, at, scaled[i][at], factor*want[i][at])
		}
		if !sameBits(moved[i], want[i]) {
			t.Errorf("level %d: a year later the forecast differs", i)
		}
	}
}

func TestCombinationFindsWhatFits(t *testing.T) {
	walk := func() func(time.Time) float64 {
		noise, y := rand.New(rand.NewPCG(1, 2)), 1000.0
		return func(time.Time) float64 { y = max(y+noise.NormFloat64()*5, 0); return y }
	}
	tests := []struct {
		name     string
		f        func(time.Time) float64
		opponent string
		share    float64 // of the opponent's error that may be left
	}{
		{"a weekly pattern", noisy(busy, 5, 0.05), "seasonal_naive_day", 0.6},
		{"a random walk", walk(), "seasonal_naive_week", 0.5},
		{"a constant with noise", noisy(func(time.Time) float64 { return 100 }, 6, 0.1), "seasonal_naive_week", 0.8},
	}
	for _, tt := range tests {
		p := fitted(t, sampled(aMonday, 15*time.Minute, 4*week, tt.f), Options{Horizon: 16})
		if got, opponent := wape(t, p, Combination), wape(t, p, tt.opponent); got > tt.share*opponent {
			t.Errorf("%s: WAPE %.4f of the combination, %.4f of %s", tt.name, got, opponent, tt.opponent)
		}
	}
}

func TestCombinationNeverLosesToSeasonalNaive(t *testing.T) {
	bursts := func(seed uint64) func(time.Time) float64 {
		noise := rand.New(rand.NewPCG(seed, 9))
		burst := 1.0
		return func(at time.Time) float64 {
			if burst = 1 + 0.8*(burst-1); noise.Float64() < 0.01 {
				burst = 3
			}
			return busy(at) * burst * math.Exp(0.2*noise.NormFloat64())
		}
	}
	counts := func(seed uint64) func(time.Time) float64 {
		noise := rand.New(rand.NewPCG(seed, 8))
		return func(at time.Time) float64 { return poisson(noise, busy(at)/100) }
	}
	loads := map[string]func(time.Time) float64{
		"little noise": noisy(busy, 7, 0.02), "some noise": noisy(busy, 8, 0.3), "much noise": noisy(busy, 9, 1),
		"bursts": bursts(10), "counts": counts(11), "smooth": noisy(weekly, 12, 0.1),
	}
	for name, load := range loads {
		p := fitted(t, sampled(aMonday, 30*time.Minute, 3*week, load), Options{Horizon: 8})
		for _, naive := range []string{"seasonal_naive_day", "seasonal_naive_week"} {
			if got, opponent := wape(t, p, Combination), wape(t, p, naive); got > 1.1*opponent+1e-6 {
				t.Errorf("%s: WAPE %.4f of the combination, %.4f of %s", name, got, opponent, naive)
			}
		}
	}
}

func poisson(noise *rand.Rand, mean float64) float64 {
	n, p := 0.0, noise.Float64()
	for limit := math.Exp(-mean); p > limit; n++ {
		p *= noise.Float64()
	}
	return n
}

// The 90 % quantile covers about 90 % of what comes, live, and the predictor knows
// how well its intervals hold.
func TestQuantilesCover(t *testing.T) {
	for name, load := range map[string]func(time.Time) float64{
		"multiplied noise": noisy(busy, 13, 0.2),
		"added noise": func() func(time.Time) float64 {
			noise := rand.New(rand.NewPCG(14, 1))
			return func(at time.Time) float64 { return busy(at) + 20*noise.NormFloat64() }
		}(),
	} {
		const horizon = 12
		all := sampled(aMonday, 15*time.Minute, 6*week, load)
		n := int(4 * week / all.Step)
		p := fitted(t, all.head(n), Options{Horizon: horizon})
		covered, inside, asked, pinball, sum := 0.0, 0.0, 0.0, 0.0, 0.0
		for i := n; i+horizon < all.Len(); i++ {
			if i%2 == 0 {
				paths := paths(t, p, horizon, 0.1, 0.9)
				for k, q := range paths[1] {
					y := all.Values[i+k]
					asked++
					sum += y
					for i, level := range []float64{0.1, 0.9} {
						over := y - paths[i][k]
						pinball += max(level*over, (level-1)*over) / 2
					}
					if y <= q {
						covered++
						if y >= paths[0][k] {
							inside++
						}
					}
				}
			}
			p.Update(all.Values[i])
		}
		if got := covered / asked; got < 0.86 || got > 0.94 {
			t.Errorf("%s: the 90 %% quantile covers %.1f %%", name, 100*got)
		}
		if got := inside / asked; got < 0.74 || got > 0.88 {
			t.Errorf("%s: the 10–90 %% interval covers %.1f %%", name, 100*got)
		}
		coverage := p.Coverage()
		if len(coverage) != 4 { // 15 min, 30 min, 1 h and 2 h
			t.Fatalf("%s: coverage of %d horizons, want 4: %v", name, len(coverage), coverage)
		}
		for _, c := range coverage {
			if want := pinball / sum; math.Abs(c.Pinball/want-1) > 0.35 {
				t.Errorf("%s: %d steps ahead the pinball loss is said to be %.4f of the load, of all steps it is %.4f", name, c.Horizon, c.Pinball, want)
			}
			if c.Share < 0.7 || c.Share > 0.9 || c.N < 300 {
				t.Errorf("%s: %d steps ahead the 10–90 %% interval says that it covers %.1f %% of %d", name, c.Horizon, 100*c.Share, c.N)
			}
		}
	}
}

// live updates the predictor by the values from place i on, with a refit every hour.
func live(t testing.TB, p *Predictor, s Series, i int) {
	t.Helper()
	for ; i < s.Len(); i++ {
		p.Update(s.Values[i])
		if (i+1)%p.every == 0 {
			if err := p.Refit(s.head(i + 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestLevelShiftsAreAdopted(t *testing.T) {
	const step = 15 * time.Minute
	load := noisy(weekly, 15, 0.05)
	for _, factor := range []float64{3, 1.0 / 3} {
		s := sampled(aMonday, step, 3*week, load)
		n := s.Len()
		p := fitted(t, s, Options{Horizon: 16})
		for range int(12 * time.Hour / step) {
			s = s.Append(factor * load(s.End()))
		}
		live(t, p, s, n)
		got := median(t, p, 4)
		if at, by := farthestFrom(got, func(k int) float64 { return factor * weekly(s.Time(s.Len()+k)) }); by > 0.2*factor*weekly(s.Time(s.Len()+at)) {
			t.Errorf("12 h after a shift by %.3g: expects %.4g, want %.4g within 20 %%", factor, got[at], factor*weekly(s.Time(s.Len()+at)))
		}
	}
}

// Neither live nor by way of a refit does one value of fifty times the load move
// what is expected an hour later, wherever it lies between two refits.
func TestSpikesAreForgotten(t *testing.T) {
	const step = 15 * time.Minute
	load := noisy(weekly, 16, 0.05)
	ordinary := sampled(aMonday, step, 3*week, load)
	n := ordinary.Len()
	for range 8 {
		ordinary = ordinary.Append(load(ordinary.End()))
	}
	for _, tt := range []struct {
		name   string
		at     int // of the spike, after the fit
		refits bool
	}{{"without a refit", 0, false}, {"after a refit", 0, true}, {"between refits", 2, true}, {"before a refit", 3, true}} {
		spiked := ordinary.with(func(i int, y float64) float64 {
			if i == n+tt.at {
				return 50 * y
			}
			return y
		})
		var got [2][]float64
		for i, s := range []Series{ordinary, spiked} {
			s = s.head(n + tt.at + 4)
			p := fitted(t, s.head(n), Options{Horizon: 16})
			if tt.refits {
				live(t, p, s, n)
			} else {
				for _, y := range s.Values[n:] {
					p.Update(y)
				}
			}
			got[i] = median(t, p, 8)
		}
		if at, by := farthestFrom(got[1], func(k int) float64 { return got[0][k] }); by > 0.05*got[0][at] {
			t.Errorf("%s: expects %.4g at step %d after a spike, %.4g without", tt.name, got[1][at], at, got[0][at])
		}
	}
}

// A value that is a lower bound never lowers what is expected, and raises it if it is high.
func TestCensoredValues(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(weekly, 17, 0.1))
	for _, bound := range []float64{0, 1, 50, 1000, math.NaN()} {
		p, plain := fitted(t, s, Options{Horizon: 48}), fitted(t, s, Options{Horizon: 48})
		scores := p.Scores()
		want := median(t, plain, 60)
		for range 12 {
			p.UpdateCensored(bound)
		}
		got := median(t, p, 48)
		for k := range got {
			if got[k] < 0.95*want[12+k] {
				t.Errorf("bound %g lowers step %d from %g to %g", bound, k, want[12+k], got[k])
				break
			}
		}
		if bound == 1000 && got[0] < 200 {
			t.Errorf("six hours above 1000 teach to expect %g", got[0])
		}
		if !slices.Equal(p.Scores(), scores) {
			t.Errorf("bound %g was scored", bound)
		}
		if !p.End().Equal(s.End().Add(6 * time.Hour)) {
			t.Errorf("the end is %s", p.End())
		}
	}
}

// A new pool has forecasts as soon as there are eight values, by models that its age allows.
func TestColdStart(t *testing.T) {
	all := sampled(aMonday, 5*time.Minute, 15*day, noisy(weekly, 18, 0.05))
	tests := []struct {
		age       time.Duration
		has, lack []string
		within    float64 // of the truth, for an hour ahead
	}{
		{35 * time.Minute, nil, nil, 0},
		{40 * time.Minute, []string{"simple"}, []string{"profile_day"}, 0.5},
		{time.Hour, []string{"simple", "autoregression"}, []string{"seasonal_naive_day", "profile_day", "harmonic"}, 0.5},
		{day, []string{"simple", "seasonal_naive_day"}, []string{"profile_week", "seasonal_naive_week"}, 0.5},
		{3 * day, []string{"profile_day", "harmonic", "mstl_ets"}, []string{"profile_week", "seasonal_naive_week"}, 0.15},
		{8 * day, []string{"profile_day", "profile_week", "seasonal_naive_week"}, nil, 0.15},
		{15 * day, []string{"profile_day", "profile_week", "harmonic"}, nil, 0.12},
	}
	for _, tt := range tests {
		s := all.head(int(tt.age / all.Step))
		p, err := Fit(s, Options{Horizon: 288})
		if tt.has == nil {
			if !errors.Is(err, ErrTooShort) {
				t.Errorf("after %s: error %v, want one that wraps ErrTooShort", tt.age, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("after %s: %v", tt.age, err)
			continue
		}
		models := map[string]bool{}
		for _, s := range p.Scores() {
			models[s.Model] = true
		}
		for _, name := range tt.has {
			if !models[name] {
				t.Errorf("after %s there is no %s", tt.age, name)
			}
		}
		for _, name := range tt.lack {
			if models[name] {
				t.Errorf("after %s there is %s", tt.age, name)
			}
		}
		f, err := p.Forecast(288, []float64{0.1, 0.5, 0.9})
		if err != nil {
			t.Fatal(err)
		}
		checkPromises(t, f, slices.Max(s.Values))
		for k, got := range f.Paths[1][:12] {
			if want := weekly(s.Time(s.Len() + k)); math.Abs(got-want) > tt.within*want {
				t.Errorf("after %s: expects %.4g at step %d, want %.4g", tt.age, got, k, want)
				break
			}
		}
		if tt.age < 3*day && !strings.Contains(errors.Join(f.Warnings...).Error(), "intervals rest on") {
			t.Errorf("after %s there is no warning of few errors: %v", tt.age, f.Warnings)
		}
	}
}

// A predictor that grows up by updates and refits takes up models when it is old enough for them.
func TestModelsJoinLater(t *testing.T) {
	s := sampled(aMonday, time.Hour, 3*week, noisy(busy, 19, 0.05))
	p := fitted(t, s.head(24), Options{Horizon: 24})
	live(t, p, s, 24)
	old := fitted(t, s, Options{Horizon: 24})
	if got, want := len(p.Scores()), len(old.Scores()); got != want {
		t.Errorf("%d scores, a predictor fitted today has %d", got, want)
	}
	if got := wape(t, p, Combination); got > 0.1 {
		t.Errorf("WAPE %g of a load with 5 %% of noise", got)
	}
}

func TestUpdateAllocatesNothing(t *testing.T) {
	load := noisy(busy, 20, 0.2)
	s := sampled(aMonday, 30*time.Minute, 3*week, load)
	events := []Event{{"a", s.End().Add(day), s.End().Add(day + 2*time.Hour), 2}}
	p := fitted(t, s, Options{Horizon: 96, Events: events})
	i := 0
	update := func() { p.Update(load(s.Time(s.Len() + i))); i++ }
	for range 12 * 7 * 48 { // until every horizon has all the errors that it keeps
		update()
	}
	between := func() { update() } // every second one is at the hour
	if got := testing.AllocsPerRun(1, between); got != 0 {
		t.Errorf("an update allocates %g times", got)
	}
	total := testing.AllocsPerRun(1, func() {
		for range 500 {
			update()
		}
	})
	if total != 0 {
		t.Errorf("500 updates allocate %g times", total)
	}
}

func TestExplanationsSumUp(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 4*week, noisy(busy, 21, 0.2))
	events := []Event{{"a", s.End().Add(3 * time.Hour), s.End().Add(5 * time.Hour), 2}}
	p := fitted(t, s, Options{Horizon: 96, Events: events, Models: append(DefaultModels(), custom{"odd", func(Series) (Fitted, error) { return always(150), nil }})})
	e, err := p.Explain(120)
	if err != nil {
		t.Fatal(err)
	}
	got := median(t, p, 120)
	for k, want := range got {
		sum := e.Parts.Level[k] + e.Parts.Seasonal[k] + e.Parts.Autoregressive[k] + e.Parts.Event[k]
		if math.Abs(sum-want) > 1e-9*want {
			t.Errorf("step %d: the parts sum up to %g, the median is %g", k, sum, want)
		}
		inEvent := k >= 6 && k <= 10
		if (e.Parts.Event[k] > 0.45*want) != inEvent {
			t.Errorf("step %d: the event gives %g of %g", k, e.Parts.Event[k], want)
		}
		if far := k > 90; far && math.Abs(e.Parts.Autoregressive[k]) > 0.2*want {
			t.Errorf("step %d: the last deviations give %g of %g", k, e.Parts.Autoregressive[k], want)
		}
	}
	if !e.Start.Equal(s.End()) || e.Step != s.Step || len(e.Effects) != 1 || len(e.Scores) != len(p.Scores()) {
		t.Errorf("got %+v", e)
	}
}

// unlikeWeekday is a load of workdays and much lower Sundays, with holidays like Sundays.
func unlikeWeekday(holidays ...time.Time) func(time.Time) float64 {
	f := noisy(daily, 22, 0.03)
	return func(t time.Time) float64 {
		y := f(t)
		low := t.Weekday() == time.Sunday
		for _, h := range holidays {
			low = low || t.YearDay() == h.YearDay()
		}
		if low {
			y *= 0.4
		}
		return y
	}
}

// dayAhead compares the forecast of the day that begins when the series ends with
// a factor times the load of workdays.
func dayAhead(t *testing.T, s Series, factor, tolerance float64) {
	t.Helper()
	perDay := int(day / s.Step)
	got := median(t, fitted(t, s, Options{Horizon: perDay}), perDay)
	sum, want := 0.0, 0.0
	for k, y := range got {
		sum += math.Abs(y - factor*daily(s.Time(s.Len()+k)))
		want += factor * daily(s.Time(s.Len()+k))
	}
	if sum > tolerance*want {
		t.Errorf("%s, holidays %v: the forecast is off by %.1f %%", s.End().Format("Mon 2006-01-02"), len(s.Holidays), 100*sum/want)
	}
}

func TestHolidays(t *testing.T) {
	wednesday := aMonday.Add(3*week + 2*day)
	t.Run("one that is past does not change the next of its weekday", func(t *testing.T) {
		s := sampled(aMonday, 30*time.Minute, 4*week+2*day, unlikeWeekday(wednesday))
		s.Holidays = []time.Time{wednesday}
		dayAhead(t, s, 1, 0.05)
	})
	t.Run("one to come is like a Sunday", func(t *testing.T) {
		s := sampled(aMonday, 30*time.Minute, 3*week+2*day, unlikeWeekday())
		s.Holidays = []time.Time{wednesday}
		dayAhead(t, s, 0.4, 0.1)
	})
	t.Run("those of years ahead change nothing", func(t *testing.T) {
		s := sampled(aMonday, 30*time.Minute, 3*week+2*day, unlikeWeekday())
		want := median(t, fitted(t, s, Options{Horizon: 48}), 48)
		s.Holidays = []time.Time{wednesday.AddDate(1, 0, 0)}
		got := median(t, fitted(t, s, Options{Horizon: 48}), 48)
		if at, by := farthestFrom(got, func(k int) float64 { return want[k] }); by > 1e-3*want[at] {
			t.Errorf("step %d: %g, %g without", at, got[at], want[at])
		}
	})
}

// A load that errs by night as much as by day does not get its relative errors of
// the night for the day, and one that errs in proportion gets them.
func TestQuantilesFollowTheScaleOfErrors(t *testing.T) {
	nightAndDay := func(at time.Time) float64 {
		if at.Hour() < 12 {
			return 10
		}
		return 1000
	}
	noise := rand.New(rand.NewPCG(7, 7))
	for _, tt := range []struct {
		name           string
		err            func(y float64) float64
		night, day     float64 // distance from the median to the 95 % quantile
		around, absDay float64
	}{
		{"of the same size", func(y float64) float64 { return y + 4*noise.NormFloat64() }, 6.6, 6.6, 3, 12},
		{"in proportion", func(y float64) float64 { return y * math.Exp(0.1*noise.NormFloat64()) }, 1.8, 180, 8, 60},
	} {
		s := sampled(aMonday, 30*time.Minute, 6*week, nightAndDay).with(func(_ int, y float64) float64 { return max(tt.err(y), 0) })
		q := paths(t, fitted(t, s, Options{Horizon: 48}), 48, 0.5, 0.95)
		for k := range q[0] {
			got, want, within := q[1][k]-q[0][k], tt.night, tt.around
			if q[0][k] > 500 {
				want, within = tt.day, tt.absDay
			}
			if math.Abs(got-want) > within {
				t.Errorf("errors %s: the 95 %% quantile of step %d lies %.1f above %.0f, want %.1f", tt.name, k, got, q[0][k], want)
			}
		}
	}
}

// A long series leaves two weeks for scores, a short one a third.
func TestLengthOfTheReplay(t *testing.T) {
	for _, tt := range []struct{ days, replayed int }{{60, 14}, {29, 14}, {26, 11}, {21, 7}, {6, 2}} {
		p := fitted(t, sampled(aMonday, time.Hour, time.Duration(tt.days)*day, weekly), Options{Horizon: 1})
		if p.count != 24*tt.replayed {
			t.Errorf("%d days: replayed %d hours, want %d days", tt.days, p.count, tt.replayed)
		}
	}
}
