package arima

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var nan = math.NaN()

func autoregression(n int, phi ...float64) []float64 {
	noise := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, n)
	for t := range x {
		x[t] = noise.NormFloat64()
		for i, c := range phi {
			if t > i {
				x[t] += c * x[t-1-i]
			}
		}
	}
	return x
}

func integrated(n int) []float64 {
	y := autoregression(n, 0.5, 0.2)
	for t := 1; t < n; t++ {
		y[t] += y[t-1]
	}
	return y
}

func seasonal(n, period int) []float64 {
	y := autoregression(n, 0.5)
	for t := range y {
		y[t] += 100 + 10*math.Sin(2*math.Pi*float64(t)/float64(period))
	}
	return y
}

func predict(f *Fitted, h int) []float64 {
	path := make([]float64, h)
	f.Predict(path)
	return path
}

func variances(f *Fitted, h int) []float64 {
	path := make([]float64, h)
	f.Variances(path)
	return path
}

// The likelihood of the filter is that of the normal distribution whose
// covariance is written out, with values missing and without.
func TestLikelihoodIsThatOfTheCovariance(t *testing.T) {
	m := Model{Order: Order{P: 2, Q: 1}}
	c := Coefficients{AR: []float64{0.5, -0.3}, MA: []float64{0.4}}
	for _, y := range [][]float64{{1, -2, 0.5, 3, 1}, {1, nan, 0.5, nan, nan, 2}} {
		f, err := Filter(y, m, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		// γ from ψ, a long way round.
		psi := []float64{1, 0.9}
		for len(psi) < 400 {
			psi = append(psi, 0.5*psi[len(psi)-1]-0.3*psi[len(psi)-2])
		}
		var known []int
		for i, v := range y {
			if !math.IsNaN(v) {
				known = append(known, i)
			}
		}
		// Cholesky, and the forward substitution of y.
		n := len(known)
		l, e := make([][]float64, n), make([]float64, n)
		logs, squares := 0.0, 0.0
		for i := range n {
			l[i] = make([]float64, n)
			e[i] = y[known[i]]
			for j := range i + 1 {
				lag := known[i] - known[j]
				v := dot(psi[lag:], psi[:len(psi)-lag])
				for k := range j {
					v -= l[i][k] * l[j][k]
				}
				if i == j {
					l[i][i] = math.Sqrt(v)
					logs += math.Log(l[i][i])
				} else {
					l[i][j] = v / l[j][j]
				}
			}
			for k := range i {
				e[i] -= l[i][k] * e[k]
			}
			e[i] /= l[i][i]
			squares += e[i] * e[i]
		}
		want := -float64(n)/2*(math.Log(2*math.Pi*squares/float64(n))+1) - logs
		if math.Abs(f.LogLik-want) > 1e-10 {
			t.Errorf("%v: log-likelihood %.12g, want %.12g", y, f.LogLik, want)
		}
	}
}

// By hand: φ = 0.5, mean 10, so ŷ = 10 + 0.5ʰ·(y − 10), and the variances are σ²(1 + φ² + φ⁴).
func TestForecastsOfAnAutoregression(t *testing.T) {
	f, err := Filter([]float64{10, 14}, Model{Order: Order{P: 1}, Constant: true}, Coefficients{AR: []float64{0.5}, Constant: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := predict(f, 3); off(got, []float64{12, 11, 10.5}, 1) > 1e-12 {
		t.Errorf("forecasts %v", got)
	}
	if got := variances(f, 3); off(got, []float64{f.Sigma2, 1.25 * f.Sigma2, 1.3125 * f.Sigma2}, f.Sigma2) > 1e-9 {
		t.Errorf("variances %v with σ² %v", got, f.Sigma2)
	}
}

func TestFitScalesAndShifts(t *testing.T) {
	y := seasonal(200, 12)
	tests := []struct {
		name         string
		m            Model
		scale, shift float64
	}{
		{"scale", Model{Order: Order{2, 0, 1}, Constant: true}, 1e6, 0},
		{"small scale", Model{Order: Order{1, 1, 1}}, 1e-9, 0},
		{"shift", Model{Order: Order{2, 0, 1}, Constant: true}, 1, 1e6},
		{"shift of differences", Model{Order: Order{1, 1, 1}, Constant: true}, 1, -1e6},
		{"negative", Model{Order: Order{1, 0, 0}, Season: Season{0, 1, 1, 12}}, -2, 0},
	}
	for _, tt := range tests {
		moved := make([]float64, len(y))
		for i, v := range y {
			moved[i] = tt.scale*v + tt.shift
		}
		a, err := Fit(y, tt.m, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := Fit(moved, tt.m, FitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for h, v := range predict(a, 20) {
			if want, got := tt.scale*v+tt.shift, predict(b, 20)[h]; math.Abs(got-want) > 1e-4*math.Abs(tt.scale) {
				t.Errorf("%s: step %d: %v, want %v", tt.name, h+1, got, want)
				break
			}
		}
		if want := a.Sigma2 * tt.scale * tt.scale; math.Abs(b.Sigma2/want-1) > 1e-6 {
			t.Errorf("%s: σ² %v, want %v", tt.name, b.Sigma2, want)
		}
	}
}

func TestModelsThatCannotBe(t *testing.T) {
	y := autoregression(50)
	tests := []struct {
		name  string
		y     []float64
		m     Model
		o     FitOptions
		short bool
	}{
		{"a long period", y, Model{Season: Season{P: 1, Period: 25}}, FitOptions{}, false},
		{"a season without a period", y, Model{Season: Season{P: 1}}, FitOptions{}, false},
		{"a negative order", y, Model{Order: Order{P: -1}}, FitOptions{}, false},
		{"a constant of two differences", y, Model{Order: Order{D: 2}, Constant: true}, FitOptions{}, false},
		{"regressors of other length", y, Model{}, FitOptions{Regressors: [][]float64{{1}}}, false},
		{"ragged regressors", y[:2], Model{}, FitOptions{Regressors: [][]float64{{1}, {1, 2}}}, false},
		{"missing regressors", y[:2], Model{}, FitOptions{Regressors: [][]float64{{1}, {nan}}}, false},
		{"a regressor that is the constant", y[:3], Model{Constant: true}, FitOptions{Regressors: [][]float64{{2}, {2}, {2}}}, false},
		{"a regressor that is nearly another", y[:4], Model{}, FitOptions{Regressors: [][]float64{{1, 3}, {2, 6}, {0.1, 0.3}, {0.7, 2.1 + 1e-13}}}, false},
		{"values whose squares overflow", []float64{1e200, -1e200, 1e200}, Model{}, FitOptions{}, false},
		{"no values", nil, Model{}, FitOptions{}, true},
		{"no known values", []float64{nan, math.Inf(1)}, Model{Constant: true}, FitOptions{}, true},
		{"fewer values than coefficients", y[:3], Model{Order: Order{P: 2, Q: 2}}, FitOptions{}, true},
		{"differences of one value", y[:1], Model{Order: Order{D: 1}}, FitOptions{}, true},
	}
	for _, tt := range tests {
		if f, err := Fit(tt.y, tt.m, tt.o); err == nil || errors.Is(err, ErrTooShort) != tt.short {
			t.Errorf("%s: %+v, %v", tt.name, f, err)
		}
	}
	if _, err := Filter(y, Model{Order: Order{P: 1}}, Coefficients{AR: []float64{1.1}}, nil); err == nil {
		t.Error("a filter with an autoregression that is not stationary")
	}
	if _, err := Filter(y, Model{Order: Order{P: 1}}, Coefficients{}, nil); err == nil {
		t.Error("a filter without its coefficient")
	}
	if _, err := Filter(y, Model{}, Coefficients{Beta: []float64{1}}, nil); err == nil {
		t.Error("a filter without its regressors")
	}
	if _, err := Auto(y, Options{Period: 168}); err == nil {
		t.Error("a long period")
	}
	if _, err := Restore(State{Model: Model{Order: Order{P: 1}}}); err == nil {
		t.Error("an empty state of an autoregression")
	}
	if _, err := Restore(State{Model: Model{Order: Order{P: 1}}, Coefficients: Coefficients{AR: []float64{1.1}}, Mean: []float64{0}}); err == nil {
		t.Error("a state that is not stationary")
	}
}

func TestAutoOfOddSeries(t *testing.T) {
	line, zigzag := make([]float64, 60), make([]float64, 48)
	for i := range line {
		line[i] = 3 * float64(i)
	}
	for i := range zigzag {
		zigzag[i] = float64(i % 4)
	}
	tests := []struct {
		name   string
		y      []float64
		period int
		want   []float64 // the next values; nil for an error
	}{
		{"empty", nil, 0, nil},
		{"all missing", []float64{nan, nan}, 0, nil},
		{"one value", []float64{7}, 0, []float64{7, 7}},
		{"one value and a gap", []float64{nan, 7, nan}, 0, []float64{7, 7}},
		{"three values", []float64{6, 8, 7}, 0, []float64{7, 7}},
		{"two values", []float64{6, 8}, 0, []float64{7, 7}},
		{"constant", slices.Repeat([]float64{5}, 100), 12, []float64{5, 5}},
		{"constant and large", slices.Repeat([]float64{1e12}, 100), 0, []float64{1e12, 1e12}},
		{"zeros", make([]float64, 100), 0, []float64{0, 0}},
		{"a line", line, 0, []float64{180, 183}},
		{"a season", zigzag, 4, []float64{0, 1, 2, 3}},
		{"infinite values are missing", append([]float64{math.Inf(1), 4, 4}, math.Inf(-1)), 0, []float64{4, 4}},
	}
	for _, tt := range tests {
		f, err := Auto(tt.y, Options{Period: tt.period})
		if tt.want == nil {
			if !errors.Is(err, ErrTooShort) {
				t.Errorf("%s: %v, %v, want ErrTooShort", tt.name, f, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := predict(f, len(tt.want)); off(got, tt.want, max(1, tt.want[0])) > 1e-9 {
			t.Errorf("%s: %v forecasts %v, want %v", tt.name, f.Model, got, tt.want)
		}
	}
}

func TestAutoWithRegressors(t *testing.T) {
	y := autoregression(200, 0.7)
	x := make([][]float64, len(y)+2)
	for i := range x {
		x[i] = []float64{float64(i * 7 % 13)}
		if i < len(y) {
			y[i] += 5 * x[i][0]
		}
	}
	f, err := Auto(y, Options{Regressors: x[:len(y)]})
	if err != nil {
		t.Fatal(err)
	}
	if b := f.Coefficients.Beta[0]; math.Abs(b-5) > 0.05 || f.Sigma2 > 1.3 {
		t.Errorf("%v: β %v with σ² %v, want 5 with 1", f.Model, b, f.Sigma2)
	}
	path := make([]float64, 3)
	f.PredictWith(path, x[len(y):])
	if math.IsNaN(path[0]) || math.IsNaN(path[1]) || !math.IsNaN(path[2]) {
		t.Errorf("with two rows: %v", path)
	}
	if got := predict(f, 1); !math.IsNaN(got[0]) {
		t.Errorf("without a row: %v", got)
	}
	before := f.State()
	f.Update(1e9)
	gap, err := Restore(before)
	if err != nil {
		t.Fatal(err)
	}
	gap.UpdateWith(nan, x[len(y)])
	if !reflect.DeepEqual(f.State(), gap.State()) {
		t.Error("without a row a value is not missing")
	}
}

func TestWhatTheConstantExplainsLeavesNothingToFit(t *testing.T) {
	y := make([]float64, 50)
	for i := range y {
		y[i] = 0.1 * float64(i)
	}
	f, err := Fit(y, Model{Order: Order{P: 2, D: 1, Q: 1}, Constant: true}, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c := f.Coefficients; slices.Max(c.AR) != 0 || c.MA[0] != 0 || math.Abs(c.Constant-0.1) > 1e-12 || f.Sigma2 > 1e-25 {
		t.Errorf("%+v with σ² %v", c, f.Sigma2)
	}
}

func TestMinimizeStartsFromZeroWhereItCannotStart(t *testing.T) {
	z := minimize(func(z []float64) float64 {
		if z[0] > 1 {
			return nan
		}
		return (z[0] - 0.5) * (z[0] - 0.5)
	}, []float64{2}, 50)
	if math.Abs(z[0]-0.5) > 1e-4 {
		t.Errorf("minimum at %v, want 0.5", z[0])
	}
}

func TestWarmStartNeedsFewerEvaluations(t *testing.T) {
	y := integrated(500)
	m := Model{Order: Order{2, 1, 2}}
	cold, err := Fit(y, m, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	warm, err := Fit(y, m, FitOptions{Start: &cold.Coefficients, Evaluations: 8})
	if err != nil {
		t.Fatal(err)
	}
	if warm.LogLik < cold.LogLik-1e-6 {
		t.Errorf("log-likelihood %v after a warm start, %v before", warm.LogLik, cold.LogLik)
	}
	few, err := Fit(y, m, FitOptions{Evaluations: 8})
	if err != nil {
		t.Fatal(err)
	}
	if few.LogLik > cold.LogLik-1e-3 {
		t.Errorf("a cold start needs no more: %v", few.LogLik)
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	y := seasonal(200, 12)
	f, err := Fit(y, Model{Order: Order{1, 1, 1}, Season: Season{0, 1, 1, 12}}, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	path := make([]float64, 24)
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		f.Update(y[i%len(y)])
		if i++; i%30 == 0 {
			f.Update(nan)
		}
		f.Predict(path)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMissingValuesAtTheStartSayNothing(t *testing.T) {
	y := integrated(50)
	m := Model{Order: Order{1, 1, 1}, Constant: true}
	a, err := Fit(y, m, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Fit(append([]float64{nan, math.Inf(1), nan}, y...), m, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a.LogLik != b.LogLik || !reflect.DeepEqual(a.State(), b.State()) {
		t.Errorf("%+v\nwithout: %+v", b.State(), a.State())
	}
	if b, err = Filter(append([]float64{nan, nan}, y...), m, a.Coefficients, nil); err != nil || !reflect.DeepEqual(a.State(), b.State()) {
		t.Errorf("filtered: %+v, %v\nwithout: %+v", b.State(), err, a.State())
	}
}

// The shortcuts of the filter, for known levels and for a covariance that has
// converged, change nothing: without them it comes to the same.
func TestShortcutsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel().Draw(t, "model")
		m.Constant = false
		var c Coefficients
		for _, part := range m.parts(&c) {
			*part.c = rapid.SliceOfN(rapid.Float64Range(-0.6, 0.6), part.order, part.order).Draw(t, "partial")
			fromReflections(*part.c)
			for i := range *part.c {
				(*part.c)[i] *= part.sign
			}
		}
		fast, err := newFitted(m, c)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := newFitted(m, c)
		if err != nil {
			t.Fatal(err)
		}
		fast.Sigma2, slow.Sigma2 = 1, 1
		for i, y := range autoregression(120, 0.5) {
			if i > 0 && rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
				y = nan
			}
			fast.Update(y)
			k := slow.filter
			k.p, k.steady, k.known = k.covariance(), false, min(k.known, len(k.delta)-1)
			slow.Update(y)
			if i > len(k.delta) && (off(predict(fast, 9), predict(slow, 9), 1) > 1e-5 || off(variances(fast, 9), variances(slow, 9), variances(slow, 9)[8]) > 1e-5) {
				t.Fatalf("%v: after %d values %v with variances %v\nwithout shortcuts %v with variances %v", m, i+1, predict(fast, 9), variances(fast, 9), predict(slow, 9), variances(slow, 9))
			}
		}
	})
}

// A gap costs what it hides and no more: the levels after it are as good as before.
func TestFilterForgetsAGap(t *testing.T) {
	y := seasonal(400, 12)
	m := Model{Order: Order{1, 0, 1}, Season: Season{0, 1, 1, 12}}
	c := Coefficients{AR: []float64{0.5}, MA: []float64{0.2}, SeasonalMA: []float64{-0.4}}
	whole, err := Filter(y, m, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	gappy := slices.Clone(y)
	for i := 100; i < 130; i++ {
		gappy[i] = nan
	}
	f, err := Filter(gappy, m, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := predict(whole, 12), predict(f, 12); off(a, b, 1) > 1e-6 {
		t.Errorf("forecasts %v\nwithout the gap %v", b, a)
	}
	if !f.filter.steady || f.N != whole.N-30 {
		t.Errorf("steady %v, n %d, want %d", f.filter.steady, f.N, whole.N-30)
	}
}

func TestBurgOfOddSeries(t *testing.T) {
	tests := []struct {
		name     string
		x        []float64
		maxOrder int
		want     []float64
	}{
		{"empty", nil, 3, nil},
		{"one value", []float64{3}, 3, nil},
		{"zeros", make([]float64, 50), 3, nil},
		{"no order", []float64{1, 2, 3}, 0, nil},
		{"a negative order", []float64{1, 2, 3}, -1, nil},
		{"NaN", []float64{1, nan, 3}, 1, nil},
		{"infinite", []float64{1, math.Inf(1), 3}, 1, nil},
		{"squares that overflow", []float64{1e200, -1e200}, 1, nil},
		{"alternation", []float64{1, -1, 1, -1, 1, -1}, 4, []float64{-1}},
		{"constant", []float64{1, 1, 1, 1, 1, 1}, 4, []float64{1}},
	}
	for _, tt := range tests {
		if got, _ := Burg(tt.x, tt.maxOrder); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKPSSOfOddSeries(t *testing.T) {
	for _, x := range [][]float64{nil, {1}, {nan}, {2, 2, 2}, {math.Inf(1), 1}} {
		if statistic, _ := KPSS(x); statistic != 0 || Differences(x, 2) != 0 {
			t.Errorf("%v: %v, %d differences", x, statistic, Differences(x, 2))
		}
	}
	if d := Differences(integrated(200), -1); d != 0 {
		t.Errorf("%d differences of at most −1", d)
	}
}

func anySeries() *rapid.Generator[[]float64] {
	value := rapid.OneOf(
		rapid.SampledFrom([]float64{nan, 0, 0, 1, 2, 3, -1, 1e12, math.Inf(1), math.Inf(-1)}),
		rapid.Float64Range(-1000, 1000),
	)
	counts := rapid.Map(rapid.IntRange(0, 3), func(n int) float64 { return float64(n) })
	return rapid.OneOf(rapid.SliceOfN(value, 0, 60), rapid.SliceOfN(counts, 0, 60), rapid.SliceOfN(rapid.Float64Range(0, 100), 0, 60))
}

func anyModel() *rapid.Generator[Model] {
	return rapid.Custom(func(t *rapid.T) Model {
		m := Model{Order: Order{rapid.IntRange(0, 3).Draw(t, "p"), rapid.IntRange(0, 2).Draw(t, "d"), rapid.IntRange(0, 3).Draw(t, "q")}}
		if rapid.Bool().Draw(t, "season") {
			m.Season = Season{rapid.IntRange(0, 1).Draw(t, "P"), rapid.IntRange(0, 1).Draw(t, "D"), rapid.IntRange(0, 1).Draw(t, "Q"), rapid.IntRange(2, 5).Draw(t, "period")}
		}
		m.Constant = m.Order.D+m.Season.D < 2 && rapid.Bool().Draw(t, "constant")
		return m
	})
}

// check fails unless the model is one that Fit promises and its forecasts are finite.
func check(t rapid.TB, f *Fitted, err error) {
	if err != nil {
		return
	}
	if !outside(f.filter.phi, 1) || !outside(negative(f.filter.theta[1:]), 0.999) {
		t.Fatalf("%v %+v is not stationary or not invertible", f.Model, f.Coefficients)
	}
	for h, v := range predict(f, 30) {
		if s := variances(f, 30)[h]; missing(v) || missing(s) || s < 0 {
			t.Fatalf("%v %+v: step %d is %v with variance %v", f.Model, f.Coefficients, h+1, v, s)
		}
	}
}

func TestFitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y, m := anySeries().Draw(t, "y"), anyModel().Draw(t, "model")
		before := slices.Clone(y)
		f, err := Fit(y, m, FitOptions{Evaluations: 60})
		if !slices.EqualFunc(y, before, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			t.Fatal("the input was modified")
		}
		check(t, f, err)
		if err != nil {
			return
		}
		again, err := Fit(y, m, FitOptions{Evaluations: 60})
		if err != nil || !reflect.DeepEqual(f.State(), again.State()) {
			t.Fatalf("%+v, then %+v, %v", f.State(), again.State(), err)
		}
		// Values one at a time, across a saved state, are values all at once.
		whole, err := Filter(y, m, f.Coefficients, nil)
		if err != nil {
			t.Fatal(err)
		}
		split := rapid.IntRange(0, len(y)).Draw(t, "split")
		first, err := newFitted(m, f.Coefficients)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range y[:split] {
			first.Update(v)
		}
		saved, err := json.Marshal(first.State())
		if err != nil {
			t.Fatal(err)
		}
		var state State
		if err := json.Unmarshal(saved, &state); err != nil {
			t.Fatal(err)
		}
		second, err := Restore(state)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range y[split:] {
			second.Update(v)
		}
		for _, other := range []*Fitted{second, f} {
			if a, b := predict(whole, 20), predict(other, 20); !slices.Equal(a, b) {
				t.Fatalf("split at %d: %v\nwhole: %v", split, b, a)
			}
		}
	})
}

func TestAutoProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := anySeries().Draw(t, "y")
		f, err := Auto(y, Options{Period: rapid.SampledFrom([]int{0, 4}).Draw(t, "period")})
		check(t, f, err)
		if err != nil {
			if len(present(y)) > 0 {
				t.Fatalf("%d known values: %v", len(present(y)), err)
			}
			return
		}
		if !outside(f.filter.phi, 1.01) || !outside(negative(f.filter.theta[1:]), 1.01) {
			t.Fatalf("%v %+v has a root near the unit circle", f.Model, f.Coefficients)
		}
	})
}

func TestBurgProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 0, 80).Draw(t, "x")
		before := slices.Clone(x)
		ar, sigma2 := Burg(x, rapid.IntRange(-1, 30).Draw(t, "order"))
		if !slices.Equal(x, before) {
			t.Fatal("the input was modified")
		}
		if missing(sigma2) || sigma2 < 0 || slices.ContainsFunc(ar, missing) {
			t.Fatalf("%v, %v", ar, sigma2)
		}
		if !outside(ar, 1-1e-6) {
			t.Fatalf("%v has a root inside the unit circle", ar)
		}
	})
}

func FuzzFit(f *testing.F) {
	add := func(y ...float64) {
		var b []byte
		for _, v := range y {
			bits := math.Float64bits(v)
			for i := range 8 {
				b = append(b, byte(bits>>(8*i)))
			}
		}
		for p := range 4 {
			f.Add(b, byte(p), byte(p%3), byte(p))
		}
	}
	add()
	add(1)
	add(nan, nan, nan)
	add(0, 0, 0, 0, 0, 0, 0)
	add(1, 2, 3, 0, 1, 2, 0, 3, 1, 0)
	add(math.Inf(1), 1, math.Inf(-1), 2, 3, 5, 2)
	add(math.MaxFloat64, -math.MaxFloat64, 1, 2, 3)
	add(1e12, 1e12+1, 1e12, nan, 1e12+2, 1e12-1, 1e12, 1e12)
	add(1, -1, 1, -1, 1, -1, 1, -1, 1, -1)
	f.Fuzz(func(t *testing.T, b []byte, p, d, q byte) {
		var y []float64
		for ; len(b) >= 8 && len(y) < 60; b = b[8:] {
			bits := uint64(0)
			for i := range 8 {
				bits |= uint64(b[i]) << (8 * i)
			}
			y = append(y, math.Float64frombits(bits))
		}
		fitted, err := Fit(y, Model{Order: Order{int(p % 4), int(d % 3), int(q % 4)}}, FitOptions{Evaluations: 40})
		if err == nil && fitted.Sigma2 < 1e290 {
			check(t, fitted, err)
		}
		Burg(y, int(p))
	})
}
