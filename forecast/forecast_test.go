package forecast

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// series samples f on a grid of the step.
func series(start time.Time, step, length time.Duration, f func(t time.Time) float64) Series {
	s := Series{Start: start, Step: step}
	for i := range int(length / step) {
		s.Values = append(s.Values, f(s.Time(i)))
	}
	return s
}

var monday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

// local is a load that follows the wall clock: high from 18 to 22, higher on Saturdays.
func local(t time.Time) float64 {
	y := 100.0
	if t.Hour() >= 18 && t.Hour() < 22 {
		y += 200
	}
	if t.Weekday() == time.Saturday {
		y += 100
	}
	return y
}

func predict(t *testing.T, m Model, s Series, h int) []float64 {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	path := make([]float64, h)
	f.Predict(path)
	return path
}

// A pattern of the wall clock stays where people see it when the clocks change.
func TestModelsFollowTheWallClockAcrossClockChanges(t *testing.T) {
	tests := []struct {
		zone  string
		start time.Time // four weeks before the change
	}{
		{"America/New_York", time.Date(2026, 10, 4, 0, 0, 0, 0, time.UTC)},
		{"America/New_York", time.Date(2026, 2, 8, 0, 0, 0, 0, time.UTC)},
		{"Europe/Berlin", time.Date(2026, 9, 27, 0, 0, 0, 0, time.UTC)},
		{"Australia/Lord_Howe", time.Date(2026, 9, 6, 0, 0, 0, 0, time.UTC)},
	}
	for _, tt := range tests {
		s := series(tt.start.In(location(t, tt.zone)), 30*time.Minute, 4*week, local)
		for _, m := range []Model{SeasonalNaive("week", week), Smoothing("double", day, week)} {
			for k, got := range predict(t, m, s, 7*48) {
				if want := local(s.Time(s.Len() + k)); math.Abs(got-want) > 0.1*want {
					t.Errorf("%s, %s: %g at %s, want %g", tt.zone, m.Name(), got, s.Time(s.Len()+k), want)
					break
				}
			}
		}
	}
}

func TestSeasonalNaiveRemembersThroughGaps(t *testing.T) {
	s := series(monday, time.Hour, 2*day, func(t time.Time) float64 { return float64(t.Hour()) })
	for i := 24; i < 30; i++ {
		s.Values[i] = math.NaN()
	}
	if diff := predict(t, SeasonalNaive("day", day), s, 3); !slices.Equal(diff, []float64{0, 1, 2}) {
		t.Errorf("got %v, want the hours of the day before the gap", diff)
	}
}

// With given parameters the recursion is the textbook's: ℓ = 10 + 0.5·2 and so on, by hand.
func TestSmoothingRecursion(t *testing.T) {
	f := &fittedSmoothing{parameters: parameters{alpha: 0.5, beta: 0.25, phi: 0.9}, clock: newClock(monday, time.Hour), level: 10, trend: 1}
	f.Update(12) // expected 10.9, error 1.1
	path := make([]float64, 2)
	f.Predict(path)
	// level 10.9+0.55 = 11.45, trend 0.9+0.275 = 1.175
	for k, want := range []float64{11.45 + 0.9*1.175, 11.45 + (0.9+0.81)*1.175} {
		if math.Abs(path[k]-want) > 1e-12 {
			t.Errorf("step %d: %v, want %v", k+1, path[k], want)
		}
	}
}

func TestPredictorChoosesWhatFits(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name string
		f    func(time.Time) float64
		not  string
	}{
		{"a weekly pattern is not forecast by yesterday", func(t time.Time) float64 { return local(t) + noise.NormFloat64() }, "seasonal_naive_day"},
		{"a random walk is not forecast by last week", func() func(time.Time) float64 {
			y := 1000.0
			return func(time.Time) float64 { y += noise.NormFloat64() * 5; return y }
		}(), "seasonal_naive_week"},
	}
	for _, tt := range tests {
		s := series(monday, 15*time.Minute, 4*week, tt.f)
		p, err := Fit(s, Options{Horizon: 8})
		if err != nil {
			t.Fatal(err)
		}
		if p.Model() == tt.not {
			t.Errorf("%s: chose %s; scores %+v", tt.name, p.Model(), p.Scores())
		}
	}
}

// The chosen model's error is never above that of a seasonal naive candidate over the horizons that choose.
func TestPredictorNeverLosesToSeasonalNaive(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		s := series(monday, 30*time.Minute, 3*week, func(t time.Time) float64 { return local(t) * math.Exp(0.3*noise.NormFloat64()) })
		p, err := Fit(s, Options{Horizon: 4})
		if err != nil {
			t.Fatal(err)
		}
		wape := map[string]float64{}
		for _, sc := range p.Scores() {
			wape[sc.Model] += sc.WAPE
		}
		for _, naive := range []string{"seasonal_naive_day", "seasonal_naive_week"} {
			if wape[p.Model()] > 1.1*wape[naive] {
				t.Errorf("%s with %g was chosen over %s with %g", p.Model(), wape[p.Model()], naive, wape[naive])
			}
		}
	}
}

// The 90 % quantile covers about 90 % of what comes, live as well as in the replay.
func TestQuantilesCover(t *testing.T) {
	noise := rand.New(rand.NewPCG(5, 6))
	f := func(t time.Time) float64 { return local(t) * math.Exp(0.2*noise.NormFloat64()) }
	all := series(monday, 15*time.Minute, 5*week, f)
	n := int(4 * week / all.Step)
	p, err := Fit(Series{all.Start, all.Step, all.Values[:n]}, Options{Horizon: 8})
	if err != nil {
		t.Fatal(err)
	}
	covered, asked := 0, 0
	for i := n; i+8 < all.Len(); i++ {
		fc, err := p.Forecast(8, []float64{0.9})
		if err != nil {
			t.Fatal(err)
		}
		for k, q := range fc.Paths[0] {
			asked++
			if all.Values[i+k] <= q {
				covered++
			}
		}
		p.Update(all.Values[i])
	}
	if got := float64(covered) / float64(asked); got < 0.86 || got > 0.94 {
		t.Errorf("the 90 %% quantile covers %.1f %%", 100*got)
	}
	coverage := p.Coverage()
	if len(coverage) != 4 { // 15 m, 30 m, 1 h and 2 h ahead
		t.Fatalf("coverage of %d horizons, want 4: %v", len(coverage), coverage)
	}
	for _, c := range coverage {
		if c.Share < 0.72 || c.Share > 0.88 || c.N < 100 {
			t.Errorf("%d steps ahead the 10–90 %% interval says that it covers %.1f %% of %d", c.Horizon, 100*c.Share, c.N)
		}
	}
}

func TestCoverageCountsWhatWasNotForeseen(t *testing.T) {
	r := ring{values: make([]float64, 0, memory)}
	if _, ok := r.within(0); ok {
		t.Error("an interval of no errors covers something")
	}
	for i := range 100 {
		r.push(float64(i))
	}
	for v, want := range map[float64]float64{-1: 0, 5: 0, 10: 1, 50: 1, 89: 1, 95: 0, 1000: 0} {
		if got, ok := r.within(v); !ok || got != want {
			t.Errorf("within(%v): got %v, want %v", v, got, want)
		}
	}
	constant := ring{values: make([]float64, 50)}
	if got, _ := constant.within(0); got != 1 {
		t.Error("the only value there ever was is not foreseen")
	}
}

func TestPredictorOnOddSeries(t *testing.T) {
	tests := []struct {
		name string
		f    func(i int) float64
		want float64 // of the median an hour ahead; NaN: any finite one
	}{
		{"all zero", func(int) float64 { return 0 }, 0},
		{"constant", func(int) float64 { return 42 }, 42},
		{"huge", func(int) float64 { return 1e12 }, 1e12},
		{"tiny", func(int) float64 { return 1e-12 }, 1e-12},
		{"small counts", func(i int) float64 { return float64(i * 7 % 4) }, math.NaN()},
		{"one spike", func(i int) float64 {
			if i == 500 {
				return 1e6
			}
			return 5
		}, 5},
		{"a long gap", func(i int) float64 {
			if i > 300 && i < 900 {
				return math.NaN()
			}
			return 7
		}, 7},
		{"negative", func(int) float64 { return -3 }, 0},
		{"largest float", func(i int) float64 { return math.MaxFloat64 / 4 }, math.NaN()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Series{Start: monday, Step: 15 * time.Minute}
			for i := range 2016 {
				s.Values = append(s.Values, tt.f(i))
			}
			p, err := Fit(s, Options{Horizon: 96})
			if err != nil {
				if tt.name == "largest float" {
					return // an error is an answer too
				}
				t.Fatal(err)
			}
			f, err := p.Forecast(96, []float64{0.5, 0.9})
			if err != nil {
				t.Fatal(err)
			}
			checkForecast(t, f)
			if got := f.Paths[0][3]; !math.IsNaN(tt.want) && math.Abs(got-tt.want) > 0.02*tt.want {
				t.Errorf("%s expects %g, want %g", p.Model(), got, tt.want)
			}
		})
	}
}

func checkForecast(t interface{ Fatalf(string, ...any) }, f Forecast) {
	for i, path := range f.Paths {
		for k, y := range path {
			if !(y >= 0) || math.IsInf(y, 0) {
				t.Fatalf("level %g, step %d: %v", f.Levels[i], k, y)
			}
			if i > 0 && y < f.Paths[i-1][k] {
				t.Fatalf("step %d falls from %v at level %g to %v at level %g", k, f.Paths[i-1][k], f.Levels[i-1], y, f.Levels[i])
			}
		}
	}
}

func TestFitErrors(t *testing.T) {
	good := series(monday, time.Hour, 3*day, local)
	tests := []struct {
		name  string
		s     Series
		o     Options
		short bool
	}{
		{"empty", Series{Start: monday, Step: time.Hour}, Options{Horizon: 1}, true},
		{"all missing", Series{monday, time.Hour, missing(500)}, Options{Horizon: 1}, true},
		{"infinite", Series{monday, time.Hour, []float64{1, math.Inf(1)}}, Options{Horizon: 1}, false},
		{"a step that does not divide a day", Series{monday, 7 * time.Hour, good.Values}, Options{Horizon: 1}, false},
		{"no step", Series{monday, 0, good.Values}, Options{Horizon: 1}, false},
		{"no horizon", good, Options{}, false},
	}
	for _, tt := range tests {
		if _, err := Fit(tt.s, tt.o); err == nil || errors.Is(err, ErrTooShort) != tt.short {
			t.Errorf("%s: error %v, too short %v wanted", tt.name, err, tt.short)
		}
	}
	p, err := Fit(good, Options{Horizon: 4})
	if err != nil {
		t.Fatal(err)
	}
	for _, levels := range [][]float64{nil, {0}, {1}, {-1}, {math.NaN()}} {
		if _, err := p.Forecast(1, levels); err == nil {
			t.Errorf("levels %v are accepted", levels)
		}
	}
	if _, err := p.Forecast(0, []float64{0.5}); err == nil {
		t.Error("a horizon of 0 is accepted")
	}
}

// Scaling the series scales the forecast; moving it by whole weeks changes nothing.
func TestFitIsEquivariant(t *testing.T) {
	noise := rand.New(rand.NewPCG(7, 8))
	s := series(monday, 30*time.Minute, 3*week, func(t time.Time) float64 { return local(t) * math.Exp(0.2*noise.NormFloat64()) })
	forecast := func(s Series) []float64 {
		p, err := Fit(s, Options{Horizon: 48})
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.Forecast(48, []float64{0.9})
		if err != nil {
			t.Fatal(err)
		}
		return f.Paths[0]
	}
	want := forecast(s)
	const k = 1024 // a power of two, so that rounding is the same
	scaled := Series{s.Start, s.Step, slices.Clone(s.Values)}
	for i := range scaled.Values {
		scaled.Values[i] *= k
	}
	for i, y := range forecast(scaled) {
		if math.Abs(y-k*want[i]) > 1e-6*k*want[i] {
			t.Fatalf("step %d: scaled %g, want %g", i, y, k*want[i])
		}
	}
	for i, y := range forecast(Series{s.Start.Add(52 * week), s.Step, s.Values}) {
		if y != want[i] {
			t.Fatalf("step %d: a year later %g, want %g", i, y, want[i])
		}
	}
}

func TestFitKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Series{Start: monday, Step: rapid.SampledFrom([]time.Duration{5 * time.Minute, time.Hour}).Draw(t, "step")}
		value := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, math.NaN(), -1, 1e300}))
		s.Values = rapid.SliceOfN(value, 0, 400).Draw(t, "values")
		before := slices.Clone(s.Values)
		p, err := Fit(s, Options{Horizon: 24})
		if !slices.EqualFunc(before, s.Values, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
			t.Fatalf("the series was changed")
		}
		if err != nil {
			return
		}
		for _, y := range []float64{1, math.NaN(), math.Inf(1), 1e300, 0} {
			p.Update(y)
		}
		f, err := p.Forecast(30, []float64{0.99, 0.1, 0.5, 0.9})
		if err != nil {
			t.Fatal(err)
		}
		checkForecast(t, f)
	})
}

// Appending must not write into values that somebody else holds.
func TestAppendLeavesOthersAlone(t *testing.T) {
	a := Series{monday, time.Hour, append(make([]float64, 0, 8), 1, 2)}
	b := a.Append(3)
	c := a.Append(4)
	if len(a.Values) != 2 || b.Values[2] != 3 || c.Values[2] != 4 {
		t.Errorf("a %v, b %v, c %v", a.Values, b.Values, c.Values)
	}
}

func benchmarkSeries(n int) Series {
	noise := rand.New(rand.NewPCG(9, 10))
	s := Series{Start: monday, Step: 5 * time.Minute}
	for i := range n {
		s.Values = append(s.Values, local(s.Time(i))*math.Exp(0.2*noise.NormFloat64()))
	}
	return s
}

func BenchmarkFit(b *testing.B) {
	for _, n := range []int{2016, 8064} {
		s := benchmarkSeries(n)
		b.Run(map[int]string{2016: "n=2016", 8064: "n=8064"}[n], func(b *testing.B) {
			for b.Loop() {
				if _, err := Fit(s, Options{Horizon: 288}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	p, err := Fit(benchmarkSeries(8064), Options{Horizon: 288})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Update(100)
	}
}

func BenchmarkForecast(b *testing.B) {
	p, err := Fit(benchmarkSeries(8064), Options{Horizon: 288})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Forecast(288, []float64{0.1, 0.5, 0.9, 0.99}); err != nil {
			b.Fatal(err)
		}
	}
}
