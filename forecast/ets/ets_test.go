package ets

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func fit(t *testing.T, y []float64, period int, s Spec) *Fitted {
	t.Helper()
	f, err := Fit(y, period, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// generate returns n values of f.
func generate(n int, f func(t int) float64) []float64 {
	y := make([]float64, n)
	for t := range y {
		y[t] = f(t)
	}
	return y
}

var (
	holt   = Spec{Error: Additive, Trend: Additive}
	simple = Spec{Error: Additive}
)

func TestSpecHasItsUsualName(t *testing.T) {
	var got []string
	for _, s := range Candidates(12) {
		got = append(got, s.String())
	}
	want := strings.Fields("ETS(A,N,N) ETS(A,A,N) ETS(A,Ad,N) ETS(M,N,N) ETS(M,A,N) ETS(M,Ad,N) ETS(A,N,A) ETS(A,A,A) ETS(A,Ad,A) ETS(M,N,A) ETS(M,A,A) ETS(M,Ad,A) ETS(M,N,M) ETS(M,A,M) ETS(M,Ad,M)")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Candidates(1); len(got) != 6 {
		t.Errorf("%v without a period", got)
	}
}

func TestFitSaysWhatIsWrong(t *testing.T) {
	y := generate(100, func(t int) float64 { return float64(10 + t%7) })
	with := func(i int, v float64) []float64 { c := slices.Clone(y); c[i] = v; return c }
	multiplicative := Spec{Error: Multiplicative}
	tests := []struct {
		name   string
		y      []float64
		period int
		spec   Spec
		want   string
	}{
		{"no error", y, 1, Spec{}, "ETS(N,N,N): the error is additive or multiplicative"},
		{"unknown component", y, 1, Spec{Error: 9}, "ETS(?,N,N)"},
		{"multiplicative trend", y, 1, Spec{Error: Additive, Trend: Multiplicative}, "trend is none or additive"},
		{"damped nothing", y, 1, Spec{Error: Additive, Damped: true}, "no trend to damp"},
		{"unknown season", y, 7, Spec{Error: Additive, Season: 7}, "season is none, additive or multiplicative"},
		{"unstable", y, 7, Spec{Error: Additive, Season: Multiplicative}, "unstable"},
		{"season without a period", y, 1, Spec{Error: Additive, Season: Additive}, "at least 2 steps"},
		{"no period", y, 0, simple, "period 0"},
		{"long period", y, 96, simple, "adjust the series seasonally first"},
		{"infinite", with(17, math.Inf(1)), 1, simple, "value 17 is +Inf"},
		{"negative infinite", with(3, math.Inf(-1)), 1, simple, "value 3 is -Inf"},
		{"absurd", with(5, 1e101), 1, simple, "value 5 is 1e+101"},
		{"zero", with(40, 0), 1, multiplicative, "value 40 is 0, must be positive"},
		{"negative", with(41, -2), 1, multiplicative, "value 41 is -2, must be positive"},
		{"empty", nil, 1, simple, "0 known values, needs 5"},
		{"short", y[:4], 1, simple, "4 known values, needs 5"},
		{"short season", y[:13], 7, Spec{Error: Additive, Trend: Additive, Season: Additive}, "13 known values, needs 14"},
		{"missing", generate(50, func(int) float64 { return math.NaN() }), 1, holt, "0 known values, needs 7"},
	}
	for _, tt := range tests {
		_, err := Fit(tt.y, tt.period, tt.spec, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
		if short := strings.Contains(tt.want, "needs"); short != errors.Is(err, ErrTooShort) {
			t.Errorf("%s: %v wraps ErrTooShort: %t", tt.name, err, !short)
		}
		if _, err := Auto(tt.y, tt.period, Options{Candidates: []Spec{tt.spec}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Auto says %v, want %q", tt.name, err, tt.want)
		}
	}
}

// By hand, from the equations of the package comment.
func TestUpdateIsTheTextbook(t *testing.T) {
	tests := []struct {
		name string
		f    Fitted
		y    float64
		want []float64 // next three forecasts
	}{
		// error 12−10.9 = 1.1; level 10.9+0.55 = 11.45, trend 0.9+0.275 = 1.175
		{"damped trend", Fitted{Spec: Spec{Error: Additive, Trend: Additive, Damped: true}, Parameters: Parameters{0.5, 0.25, 0, 0.9}, Level: 10, Trend: 1},
			12, []float64{11.45 + 0.9*1.175, 11.45 + 1.71*1.175, 11.45 + 2.439*1.175}},
		// error 20−(10+1+4) = 5; level 11+2 = 13, trend 1+1 = 2, season 4+0.5 = 4.5
		{"additive season", Fitted{Spec: Spec{Error: Additive, Trend: Additive, Season: Additive}, Parameters: Parameters{0.4, 0.2, 0.1, 1}, Level: 10, Trend: 1, Seasonal: []float64{4, -4}},
			20, []float64{15 - 4, 17 + 4.5, 19 - 4}},
		// q 11, forecast 16.5, error 3.3; level 11+0.4·2.2 = 11.88, trend 1+0.2·2.2 = 1.44, season 1.5+0.1·0.3 = 1.53
		{"multiplicative season", Fitted{Spec: Spec{Error: Multiplicative, Trend: Additive, Season: Multiplicative}, Parameters: Parameters{0.4, 0.2, 0.1, 1}, Level: 10, Trend: 1, Seasonal: []float64{1.5, 0.5}},
			19.8, []float64{13.32 * 0.5, 14.76 * 1.53, 16.2 * 0.5}},
		// nothing is learned; the trend and the season move on
		{"missing", Fitted{Spec: Spec{Error: Additive, Trend: Additive, Season: Additive}, Parameters: Parameters{0.4, 0.2, 0.1, 1}, Level: 10, Trend: 1, Seasonal: []float64{4, -4}},
			math.NaN(), []float64{12 - 4, 13 + 4, 14 - 4}},
		{"infinite is missing", Fitted{Spec: simple, Parameters: Parameters{0.4, 0, 0, 1}, Level: 10}, math.Inf(1), []float64{10, 10, 10}},
	}
	for _, tt := range tests {
		f, err := Restore(tt.f)
		if err != nil {
			t.Fatal(err)
		}
		f.Update(tt.y)
		got := predict(f, len(tt.want))
		for k := range got {
			if !near(got[k], tt.want[k], 1e-12) {
				t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
				break
			}
		}
		level, trend, season := f.Next()
		next := level + trend + season
		if f.Spec.Season == Multiplicative {
			next = (level + trend) * season
		}
		if !near(next, got[0], 1e-12) {
			t.Errorf("%s: parts %v, %v and %v of %v", tt.name, level, trend, season, got[0])
		}
	}
}

func TestPredictionsOfSimpleSeries(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name      string
		y         []float64
		period    int
		want      func(k int) float64 // k steps after the end, from 1
		tolerance float64
	}{
		{"constant", generate(40, func(int) float64 { return 7.3 }), 1, func(int) float64 { return 7.3 }, 1e-12},
		{"constant with a period", generate(60, func(int) float64 { return 7.3 }), 12, func(int) float64 { return 7.3 }, 1e-12},
		{"all zero", make([]float64, 40), 4, func(int) float64 { return 0 }, 0},
		{"negative constant", generate(40, func(int) float64 { return -1e12 }), 1, func(int) float64 { return -1e12 }, 1e-12},
		{"line", generate(40, func(t int) float64 { return 5 + 3*float64(t) }), 1, func(k int) float64 { return 5 + 3*float64(39+k) }, 1e-6},
		{"falling line below zero", generate(40, func(t int) float64 { return 5 - 3*float64(t) }), 1, func(k int) float64 { return 5 - 3*float64(39+k) }, 1e-6},
		{"season", generate(40, func(t int) float64 { return float64(t % 4 * 10) }), 4, func(k int) float64 { return float64((39 + k) % 4 * 10) }, 1e-3},
		{"line with missing runs", generate(60, func(t int) float64 {
			if t < 3 || t > 20 && t < 33 || t > 55 {
				return nan
			}
			return 5 + 3*float64(t)
		}), 1, func(k int) float64 { return 5 + 3*float64(59+k) }, 1e-6},
		{"season with missing runs", generate(60, func(t int) float64 {
			if t < 3 || t > 20 && t < 33 || t > 55 {
				return nan
			}
			return 100 + float64(t%4*10)
		}), 4, func(k int) float64 { return 100 + float64((59+k)%4*10) }, 1e-3},
	}
	for _, tt := range tests {
		f, err := Auto(tt.y, tt.period, Options{})
		if err != nil {
			t.Errorf("%s: %s", tt.name, err)
			continue
		}
		for k, got := range predict(f, 9) {
			if want := tt.want(k + 1); !near(got, want, tt.tolerance) {
				t.Errorf("%s: %s gives %v at step %d, want %v", tt.name, f.Spec, got, k+1, want)
				break
			}
		}
		if math.IsNaN(f.AICc) || math.IsInf(f.AICc, 0) {
			t.Errorf("%s: AICc is %v", tt.name, f.AICc)
		}
	}
}

func TestAutoTakesTheSmallestModelOfAConstant(t *testing.T) {
	for _, v := range []float64{0, 0.001, 5, 1e12} {
		f, err := Auto(generate(50, func(int) float64 { return v }), 7, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Spec.Trend != None || f.Spec.Season != None {
			t.Errorf("%s for a constant %v", f.Spec, v)
		}
	}
}

// Small errors on a large level are not lost, and neither are counts.
func TestAutoLearnsLargeLevelsAndCounts(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	level := 0.0
	walk := generate(300, func(int) float64 { level += noise.NormFloat64(); return level })
	large := generate(300, func(t int) float64 { return 1e12 + walk[t] })
	f, g := fit(t, walk, 1, simple), fit(t, large, 1, simple)
	if math.Abs(f.Alpha-g.Alpha) > 0.01 || math.Abs(g.Level-1e12-f.Level) > 0.01 {
		t.Errorf("alpha %v and level %v, at 1e12 %v and 1e12%+v", f.Alpha, f.Level, g.Alpha, g.Level-1e12)
	}
	counts := generate(500, func(int) float64 { return float64(noise.IntN(4)) })
	c, err := Auto(counts, 7, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := predict(c, 1)[0]; math.Abs(got-1.5) > 0.3 {
		t.Errorf("%s expects %v of counts from 0 to 3", c.Spec, got)
	}
}

// drawn is a series with something of all parts, above 100.
func drawn(t *rapid.T) []float64 {
	noise := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	n, swing, rise := rapid.IntRange(40, 90).Draw(t, "n"), rapid.Float64Range(0, 20).Draw(t, "swing"), rapid.Float64Range(-0.3, 0.5).Draw(t, "rise")
	level := 200.0
	return generate(n, func(i int) float64 {
		level += rise + noise.NormFloat64()
		return level + swing*math.Sin(float64(i)*math.Pi/2) + 2*noise.NormFloat64()
	})
}

// Scaling by a power of two is exact: every bit of the forecast scales. By
// another number it is exact but for rounding, and the search may stop a little
// earlier or later, so parameters are given.
func TestScaledSeriesScaleForecasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawn(t)
		times := func(k float64) []float64 { return generate(len(y), func(t int) float64 { return y[t] * k }) }
		for _, s := range Candidates(4) {
			for k, tolerance := range map[float64]float64{1024: 0, 1.0 / 64: 0, 3: 1e-9} {
				model := func(y []float64) *Fitted {
					if tolerance > 0 {
						return given(t, y, 4, s, Parameters{0.3, 0.1, 0.2, 0.9})
					}
					f, err := Fit(y, 4, s, Options{})
					if err != nil {
						t.Fatal(err)
					}
					return f
				}
				f, g := model(y), model(times(k))
				if want := f.LogLikelihood - float64(len(y))*math.Log(k); !near(g.LogLikelihood, want, 1e-9) {
					t.Errorf("%s: log-likelihood %v for %v times the series, want %v", s, g.LogLikelihood, k, want)
				}
				a, b := predict(f, 6), predict(g, 6)
				for i := range a {
					if !near(b[i]/k, a[i], tolerance) {
						t.Errorf("%s: %v for %v times the series, want %v", s, b[i], k, a[i]*k)
					}
				}
			}
		}
	})
}

// given returns the model with the parameters, and the initial states that the
// search starts from.
func given(t rapid.TB, y []float64, period int, s Spec, q Parameters) *Fitted {
	t.Helper()
	p, err := newProblem(y, period, s)
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	return p.fitted(p.variables(q))
}

func TestShiftedSeriesShiftAdditiveForecasts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawn(t)
		for i := range y {
			y[i] = math.Round(y[i]*1024) / 1024 // so that the shifted values are exact
		}
		for _, s := range Candidates(4) {
			if s.Error != Additive {
				continue
			}
			f, errF := Fit(y, 4, s, Options{})
			g, errG := Fit(generate(len(y), func(t int) float64 { return y[t] - 1<<20 }), 4, s, Options{})
			if errF != nil || errG != nil {
				t.Fatal(errF, errG)
			}
			a, b := predict(f, 6), predict(g, 6)
			for i := range a {
				if math.Abs(b[i]+1<<20-a[i]) > 1e-6 {
					t.Errorf("%s: %v, want %v − 2²⁰", s, b[i], a[i])
				}
			}
		}
	})
}

// Following a series by Update ends where passing over all of it ends.
func TestUpdateEqualsARefitWithTheSameParameters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawn(t)
		for range rapid.IntRange(0, 10).Draw(t, "gaps") {
			y[rapid.IntRange(1, len(y)-1).Draw(t, "gap")] = math.NaN()
		}
		n := rapid.IntRange(20, len(y)-1).Draw(t, "known")
		for _, s := range Candidates(4) {
			whole, err := newProblem(y, 4, s)
			if err != nil {
				t.Fatal(err)
			}
			whole.start()
			x := whole.variables(Parameters{0.3, 0.1, 0.2, 0.9})
			head := *whole
			head.y, head.seasonal = whole.y[:n], slices.Clone(whole.seasonal[:min(len(whole.seasonal), n+4)])
			want, got := whole.fitted(x), head.fitted(x)
			for _, v := range y[n:] {
				got.Update(v)
			}
			if a, b := predict(got, 8), predict(want, 8); apart(a, b) > 1e-9 {
				t.Errorf("%s: got %v, want %v", s, a, b)
			}
		}
	})
}

// The likelihood is that of the formula, term by term, of a long series whose
// product of forecasts no float holds.
func TestLogLikelihoodIsTheFormula(t *testing.T) {
	y := generate(1200, func(t int) float64 { return 100 + float64(t%30) + 10*float64(t%4) })
	y[100], y[600] = math.NaN(), 300
	for _, s := range Candidates(4) {
		p, err := newProblem(y, 4, s)
		if err != nil {
			t.Fatal(err)
		}
		p.start()
		f := &Fitted{Spec: s, Parameters: Parameters{0.3, 0.1, 0.2, 0.9}, Level: p.level*p.scale + p.shift, Trend: p.trend * p.scale}
		f.Parameters = p.parameters(p.variables(f.Parameters))
		if s.Season != None {
			f.Seasonal = slices.Clone(p.seasonal[:4])
		}
		if s.Season == Additive {
			for i := range f.Seasonal {
				f.Seasonal[i] *= p.scale
			}
		}
		squares, logs := 0.0, 0.0
		for _, v := range y {
			e := v - predict(f, 1)[0]
			if s.Error == Multiplicative {
				e /= predict(f, 1)[0]
			}
			if !math.IsNaN(v) {
				squares += e * e
				logs += math.Log(math.Abs(predict(f, 1)[0]))
			}
			f.Update(v)
		}
		if s.Error == Additive {
			logs = 0
		}
		if got, want := given(t, y, 4, s, f.Parameters).LogLikelihood, -0.5*1199*math.Log(squares)-logs; !near(got, want, 1e-9) {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
}

// A multiplicative season survives nights of nothing.
func TestMultiplicativeSeasonSurvivesZeros(t *testing.T) {
	saved := Fitted{Spec: Spec{Error: Multiplicative, Season: Multiplicative}, Parameters: Parameters{0.1, 0, 0.8, 1}, Level: 10, Seasonal: []float64{1.5, 0.5}}
	f, errF := Restore(saved)
	g, errG := Restore(saved)
	if errF != nil || errG != nil {
		t.Fatal(errF, errG)
	}
	for range 500 {
		f.Update(0)
		g.Update(-5)
	}
	if diff := cmp.Diff(f, g); diff != "" {
		t.Errorf("negative values differ from zeros: %s", diff)
	}
	for i := range 500 {
		f.Update(float64(10 + i%2))
		if lowest, highest := slices.Min(f.Seasonal), slices.Max(f.Seasonal); lowest < 0.01 || highest > 100 {
			t.Fatalf("factors %v", f.Seasonal)
		}
	}
	if got := predict(f, 2); !near(got[0], 10, 0.2) || !near(got[1], 11, 0.2) {
		t.Errorf("got %v, want 10 and 11 again", got)
	}
}

// A line through a steep head starts below zero, where relative errors have no meaning.
func TestMultiplicativeErrorsLearnASteepHead(t *testing.T) {
	y := generate(60, func(t int) float64 { return min(1+math.Exp(float64(t)), 5000) })
	fit(t, y, 1, Spec{Error: Multiplicative, Trend: Additive})
}

func TestRelativeErrorsNeedPositiveForecasts(t *testing.T) {
	p, err := newProblem(generate(20, func(int) float64 { return 10 }), 1, Spec{Error: Multiplicative, Trend: Additive})
	if err != nil {
		t.Fatal(err)
	}
	errs := make([]float64, 20)
	for trend, possible := range map[float64]bool{0: true, -0.3: false} {
		p.level, p.trend = 0.6, trend
		if got := p.squares(p.variables(Parameters{0.1, 0.01, 0, 1}), errs); math.IsInf(got, 1) == possible {
			t.Errorf("the sum of squares is %v from a trend of %v", got, trend)
		}
	}
}

// The initial seasons of a long series are not searched for, but count.
func TestLongSeriesKeepTheirInitialSeasons(t *testing.T) {
	noise := rand.New(rand.NewPCG(5, 6))
	y := generate(1001, func(t int) float64 { return 100 + 20*float64(t%4) + noise.NormFloat64() })
	for n, variables := range map[int]int{1000: firstSeason + 3, 1001: firstSeason} {
		s := Spec{Error: Additive, Season: Additive}
		p, err := newProblem(y[:n], 4, s)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.free) != variables || p.count() != 7 {
			t.Errorf("%d variables and %d numbers for %d values, want %d and 7", len(p.free), p.count(), n, variables)
		}
		if got, want := predict(fit(t, y[:n], 4, s), 1)[0], 100+20*float64(n%4); math.Abs(got-want) > 1.5 {
			t.Errorf("%v after %d values, want %v", got, n, want)
		}
	}
}

func TestMovingAverageTakesTheSeasonOut(t *testing.T) {
	for _, m := range []int{2, 3, 4, 7} {
		y := generate(40, func(t int) float64 { return 3*float64(t) + float64(t%m) - float64(m-1)/2 })
		for at := range y {
			got, inside := centred(y, at, m), at >= m/2 && at < 40-m/2
			if inside && math.Abs(got-3*float64(at)) > 1e-9 || inside == math.IsNaN(got) {
				t.Errorf("period %d: %v at %d, want %v", m, got, at, 3*at)
			}
		}
	}
}

// The likelihood is defined by the values there are.
func TestLeadingGapsChangeNothing(t *testing.T) {
	y := generate(80, func(t int) float64 { return 50 + 10*math.Sin(float64(t)) + float64(t%4) })
	gap := []float64{math.NaN(), math.NaN(), math.NaN()}
	for _, s := range Candidates(4) {
		a, b := fit(t, y, 4, s), fit(t, append(slices.Clone(gap), y...), 4, s)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s: %s", s, diff)
		}
	}
}

func TestFitIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := drawn(t)
		y[rapid.IntRange(0, len(y)-1).Draw(t, "gap")] = math.NaN()
		before := fmt.Sprint(y)
		a, errA := Auto(y, 4, Options{})
		b, errB := Auto(y, 4, Options{})
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("two fits differ: %s", diff)
		}
		if after := fmt.Sprint(y); after != before {
			t.Errorf("the series was modified: %s, was %s", after, before)
		}
	})
}

func TestWarmStartNeedsFewEvaluations(t *testing.T) {
	y := load(2000)
	for _, s := range plain {
		cold := fit(t, y, 1, s)
		from := fit(t, y[:1900], 1, s)
		warm, err := Fit(y, 1, s, Options{From: from, Evaluations: 20})
		if err != nil {
			t.Fatal(err)
		}
		if warm.LogLikelihood < cold.LogLikelihood-0.1 {
			t.Errorf("%s: log-likelihood %v after 20 evaluations, %v after all", s, warm.LogLikelihood, cold.LogLikelihood)
		}
	}
	for name, from := range map[string]*Fitted{"zero": {}, "NaN": {Parameters: Parameters{Alpha: math.NaN(), Phi: math.Inf(1)}}, "another model": fit(t, y, 1, simple)} {
		f, err := Fit(y, 4, Spec{Error: Additive, Trend: Additive, Damped: true, Season: Additive}, Options{From: from})
		if err != nil {
			t.Errorf("from %s: %s", name, err)
		} else if err := f.check(f.Spec, 4); err != nil {
			t.Errorf("from %s: %s", name, err)
		}
	}
}

func TestRestoreGoesOnWhereItWasSaved(t *testing.T) {
	y := generate(60, func(t int) float64 { return 100 + float64(t) + 20*math.Sin(float64(t)*math.Pi/3) })
	for _, s := range Candidates(6) {
		f := fit(t, y, 6, s)
		g, err := Restore(*f)
		if err != nil {
			t.Errorf("%s: %s", s, err)
			continue
		}
		if diff := cmp.Diff(f, g); diff != "" {
			t.Errorf("%s: %s", s, diff)
		}
		before := predict(f, 9)
		g.Update(1e6)
		if after := predict(f, 9); !slices.Equal(before, after) {
			t.Errorf("%s: an update of the copy moved the forecast from %v to %v", s, before, after)
		}
	}
}

func TestRestoreSaysWhatIsWrong(t *testing.T) {
	good := Fitted{Spec: Spec{Error: Multiplicative, Trend: Additive, Damped: true, Season: Multiplicative}, Parameters: Parameters{0.4, 0.2, 0.1, 0.9}, Level: 10, Trend: 1, Seasonal: []float64{1.5, 0.5}}
	tests := []struct {
		want   string
		change func(f *Fitted)
	}{
		{"", func(*Fitted) {}},
		{"alpha is NaN", func(f *Fitted) { f.Alpha = math.NaN() }},
		{"beta is 0.5, must be in [0.0001, 0.4]", func(f *Fitted) { f.Beta = 0.5 }},
		{"gamma is 0.7, must be in [0.0001, 0.6]", func(f *Fitted) { f.Gamma = 0.7 }},
		{"phi is 1, must be in [0.8, 0.98]", func(f *Fitted) { f.Phi = 1 }},
		{"phi is 0.9, must be in [1, 1]", func(f *Fitted) { f.Spec.Damped = false }},
		{"state 0", func(f *Fitted) { f.Level = math.Inf(1) }},
		{"state 1", func(f *Fitted) { f.Trend = math.NaN() }},
		{"seasonal factor 1 is 0", func(f *Fitted) { f.Seasonal = []float64{2, 0} }},
		{"period of at least 2", func(f *Fitted) { f.Seasonal = nil }},
		{"period 30", func(f *Fitted) { f.Seasonal = make([]float64, 30) }},
		{"without a season", func(f *Fitted) { f.Spec.Season = None }},
		{"not stable", func(f *Fitted) {
			f.Seasonal = slices.Repeat([]float64{1}, 24)
			f.Parameters = Parameters{0.6, 0.55, 0.3, 0.98}
		}},
		{"error is additive or multiplicative", func(f *Fitted) { *f = Fitted{} }},
	}
	for _, tt := range tests {
		f := *good.Clone()
		tt.change(&f)
		_, err := Restore(f)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

// FuzzFit turns bytes into values, some of them odd. Whatever comes, forecasts
// are finite, parameters in bounds, and the same series gives the same model.
func FuzzFit(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog, twice"), uint8(4))
	f.Add([]byte{}, uint8(1))
	f.Add(make([]byte, 60), uint8(7))
	f.Add([]byte(strings.Repeat("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\x01", 9)), uint8(2))
	f.Add([]byte(strings.Repeat("\x01\x02\x03\xfa", 40)), uint8(24))
	f.Add([]byte(strings.Repeat("\x01\x01\x01\x01\x01\xf9", 20)), uint8(3))
	odd := []float64{math.NaN(), math.NaN(), -1, 0, 1e100, -1e100, 1e-300, 1e12}
	f.Fuzz(func(t *testing.T, data []byte, period uint8) {
		y := generate(min(len(data), 200), func(i int) float64 {
			if b := int(data[i]) - (256 - len(odd)); b >= 0 {
				return odd[b]
			}
			return float64(data[i])
		})
		m := int(period%26) + 1
		a, err := Auto(y, m, Options{})
		if err != nil {
			return
		}
		if err := a.check(a.Spec, max(1, len(a.Seasonal))); err != nil {
			t.Error(err)
		}
		if math.IsNaN(a.AICc) || math.IsInf(a.LogLikelihood, 0) {
			t.Errorf("%s: log-likelihood %v, AICc %v", a.Spec, a.LogLikelihood, a.AICc)
		}
		for range 3 {
			for k, v := range predict(a, 100) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s of %v: step %d is %v; %+v", a.Spec, y, k+1, v, a)
				}
			}
			for _, v := range append(slices.Clone(y), odd...) {
				a.Update(v)
			}
			a.Update(math.Inf(-1))
			a.Update(math.MaxFloat64)
		}
	})
}
