package forecast

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// bank is every model but the expensive one.
func bank() []Model { return append(DefaultModels(), HoltWinters("holt_winters_week", day, week)) }

// expensive is the model that is tried on short series only.
func expensive() Model { return Decomposed("mstl_arima") }

// everyModel is for series of at most a few hundred values.
func everyModel() []Model { return append(bank(), expensive()) }

// seasonless tells whether the model knows no season.
func seasonless(m Model) bool {
	if l, ok := m.(logModel); ok {
		m = l.inner
	}
	_, ok := m.(plain)
	return ok
}

// dayOnly tells whether the model does not know all days of the week.
func dayOnly(m Model) bool {
	if l, ok := m.(logModel); ok {
		m = l.inner
	}
	switch m := m.(type) {
	case seasonalNaive:
		return m.period == day
	case profile:
		return m.kinds < 7
	}
	return false
}

func isLog(m Model) bool { return strings.HasSuffix(m.Name(), "_log") }

func path(f Fitted, h int) []float64 {
	p := make([]float64, h)
	f.Predict(p)
	return p
}

func predict(t *testing.T, m Model, s Series, h int) []float64 {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	return path(f, h)
}

// farthestFrom returns the step at which a path differs most from what is wanted, and by how much.
func farthestFrom(got []float64, want func(k int) float64) (at int, by float64) {
	for k, y := range got {
		if d := math.Abs(y - want(k)); !(d <= by) {
			at, by = k, d
		}
	}
	return at, by
}

func TestModelNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range everyModel() {
		if m.Name() == "" || m.Name() == Combination || seen[m.Name()] {
			t.Errorf("name %q is empty, taken or that of the combination", m.Name())
		}
		seen[m.Name()] = true
	}
}

// A pattern of the wall clock stays where people see it when the clocks change:
// forecast from before the change, after having followed it and fitted across it.
func TestModelsFollowTheWallClockAcrossClockChanges(t *testing.T) {
	changes := []struct {
		name, zone string
		at         time.Time // the first midnight before the change
	}{
		{"autumn in New York", "America/New_York", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
		{"spring in New York", "America/New_York", time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC)},
		{"autumn in Berlin", "Europe/Berlin", time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)},
		{"half an hour of spring on Lord Howe", "Australia/Lord_Howe", time.Date(2026, 10, 4, 0, 0, 0, 0, time.UTC)},
	}
	const tolerance = 7 // half an hour is worth up to 11, an hour up to 22
	for _, change := range changes {
		zone := location(t, change.zone)
		before := time.Date(change.at.Year(), change.at.Month(), change.at.Day(), 0, 0, 0, 0, zone).Add(-6 * time.Hour)
		for _, step := range []time.Duration{30 * time.Minute, 5 * time.Minute} {
			for _, m := range bank() {
				load := weekly
				switch {
				case seasonless(m):
					continue
				case dayOnly(m):
					load = daily
				}
				s := sampled(before.Add(-4*week), step, 4*week+3*day, load)
				head := s.head(int(4 * week / step))
				check := func(when string, f Fitted, from time.Time) {
					t.Helper()
					got := path(f, int(4*day/step))
					at, by := farthestFrom(got, func(k int) float64 { return load(from.Add(time.Duration(k) * step)) })
					if by > tolerance {
						t.Errorf("%s, step %s, %s, %s: %g at %s, off by %g", change.name, step, m.Name(), when, got[at], from.Add(time.Duration(at)*step), by)
					}
				}
				f, err := m.Fit(head)
				if err != nil {
					t.Fatal(err)
				}
				check("fitted before the change", f, head.End())
				for _, y := range s.Values[head.Len():] {
					f.Update(y)
				}
				check("after it has followed the change", f, s.End())
				if f, err = m.Fit(s); err != nil {
					t.Fatal(err)
				}
				check("fitted across the change", f, s.End())
			}
		}
	}
}

// The expensive model on a grid of hours.
func TestDecomposedFollowsTheWallClock(t *testing.T) {
	zone := location(t, "Europe/Berlin")
	s := sampled(time.Date(2026, 10, 9, 0, 0, 0, 0, zone), time.Hour, 2*week+2*day, daily)
	at, by := farthestFrom(predict(t, expensive(), s.head(16*24), 3*24), func(k int) float64 { return daily(s.Time(16*24 + k)) })
	if by > 5 {
		t.Errorf("off by %g at %s", by, s.Time(s.Len()+at))
	}
}

func TestModelsNameWhatIsTooShort(t *testing.T) {
	for _, m := range everyModel() {
		for n := range 8 {
			s := generated(15*time.Minute, n, func(i int) float64 { return float64(1 + i) })
			if _, err := m.Fit(s); !errors.Is(err, ErrTooShort) || !strings.Contains(err.Error(), m.Name()) {
				t.Errorf("%s of %d values: error %v, want one that names the model and wraps ErrTooShort", m.Name(), n, err)
			}
		}
		for _, step := range []time.Duration{15 * time.Minute, day} {
			s := Series{Start: aMonday, Step: step, Values: missing(2000)}
			if _, err := m.Fit(s); !errors.Is(err, ErrTooShort) {
				t.Errorf("%s of missing values, step %s: error %v, want one that wraps ErrTooShort", m.Name(), step, err)
			}
		}
	}
}

// oddSeries are loads that break careless arithmetic; want is what a model must expect next, NaN: anything finite.
var oddSeries = []struct {
	name string
	f    func(i int) float64
	want float64
}{
	{"constant", func(int) float64 { return 42 }, 42},
	{"all zero", func(int) float64 { return 0 }, 0},
	{"constant and huge", func(int) float64 { return 1e12 }, 1e12},
	{"constant and tiny", func(int) float64 { return 1e-12 }, 1e-12},
	{"huge", func(i int) float64 { return 1e12 * (2 + math.Sin(float64(i))) }, math.NaN()},
	{"tiny", func(i int) float64 { return 1e-12 * (2 + math.Sin(float64(i))) }, math.NaN()},
	{"largest allowed", func(i int) float64 { return largestValue * math.Abs(math.Sin(float64(i))) }, math.NaN()},
	{"smallest of floats", func(i int) float64 { return math.SmallestNonzeroFloat64 * float64(i%3) }, math.NaN()},
	{"small counts", func(i int) float64 { return float64(i * 7919 % 13 % 4) }, math.NaN()},
	{"negative", func(i int) float64 { return -3 - math.Sin(float64(i)) }, math.NaN()},
	{"of both signs", func(i int) float64 { return 10 * math.Sin(float64(i)*0.7) }, math.NaN()},
	{"one spike", func(i int) float64 {
		if i == 500 {
			return 1e9
		}
		return 5
	}, math.NaN()},
	{"a long gap in a constant", func(i int) float64 {
		if i > 100 && i < 900 {
			return math.NaN()
		}
		return 7
	}, 7},
	{"a gap at the end", func(i int) float64 {
		if i > 1000 {
			return math.NaN()
		}
		return 7
	}, 7},
	{"a gap at the start", func(i int) float64 {
		if i < 400 {
			return math.NaN()
		}
		return 7
	}, 7},
	{"every second missing", func(i int) float64 {
		if i%2 == 0 {
			return math.NaN()
		}
		return 7
	}, 7},
	{"a step", func(i int) float64 { return float64(1 + i/700*1000) }, math.NaN()},
	{"of one value among zeros", func(i int) float64 {
		if i == 1340 {
			return 3
		}
		return 0
	}, math.NaN()},
}

func TestModelsOnOddSeries(t *testing.T) {
	for _, tt := range oddSeries {
		s := generated(30*time.Minute, 4*7*48, tt.f)
		before := slices.Clone(s.Values)
		for _, m := range bank() {
			f, err := m.Fit(s)
			if !sameBits(s.Values, before) {
				t.Fatalf("%s: %s changed the series", tt.name, m.Name())
			}
			if err != nil {
				if !errors.Is(err, ErrTooShort) || !isLog(m) {
					t.Errorf("%s: %s: %v", tt.name, m.Name(), err)
				}
				continue
			}
			got := path(f, 3*48)
			if !finite(got) {
				t.Errorf("%s: %s expects %v", tt.name, m.Name(), got)
			}
			if at, by := farthestFrom(got, func(int) float64 { return tt.want }); !math.IsNaN(tt.want) && by > 1e-6*tt.want {
				t.Errorf("%s: %s expects %v at step %d, want %v", tt.name, m.Name(), got[at], at, tt.want)
			}
			for _, y := range []float64{math.NaN(), 0, 1, math.NaN(), tt.f(0), -1} {
				f.Update(y)
			}
			if got := path(f, 3*48); !finite(got) {
				t.Errorf("%s: after updates %s expects %v", tt.name, m.Name(), got)
			}
		}
	}
}

func TestDecomposedOnOddSeries(t *testing.T) {
	for _, tt := range oddSeries {
		s := generated(2*time.Hour, 10*12, tt.f)
		if s.known() < 12 {
			continue
		}
		before := slices.Clone(s.Values)
		got := predict(t, expensive(), s, 24)
		if !finite(got) || !sameBits(s.Values, before) {
			t.Errorf("%s: it expects %v, or the series was changed", tt.name, got)
		}
	}
}

func TestFitsAreDeterministic(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 1, 0.2))
	for _, m := range everyModel() {
		s := affordable(m, s)
		a, b := predict(t, m, s, 96), predict(t, m, s, 96)
		if !sameBits(a, b) {
			t.Errorf("%s: two fits differ", m.Name())
		}
	}
}

// A model that followed the last day expects about the same as one that was fitted to it.
func TestUpdatesReplaceAFit(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 4*week, noisy(weekly, 2, 0.05))
	for _, m := range everyModel() {
		s := s
		if m.Name() == expensive().Name() {
			s = s.head(5 * 48)
		}
		f, err := m.Fit(s.head(s.Len() - 48))
		if err != nil {
			t.Fatal(err)
		}
		for _, y := range s.Values[s.Len()-48:] {
			f.Update(y)
		}
		updated, again := path(f, 48), predict(t, m, s, 48)
		sum := 0.0
		for k := range again {
			sum += math.Abs(updated[k]-again[k]) / 48
		}
		if sum > 5 {
			t.Errorf("%s: forecasts differ by %g of 100 in the mean", m.Name(), sum)
		}
		if strings.HasPrefix(m.Name(), "seasonal_naive") && sum != 0 {
			t.Errorf("%s: forecasts differ by %g, want none", m.Name(), sum)
		}
	}
}

// affordable returns as much of the series as the model can be fitted to in a test.
func affordable(m Model, s Series) Series {
	if m.Name() == expensive().Name() {
		return s.head(3 * 48)
	}
	return s
}

// Updates move the forecasts of models that follow a level towards what came; the
// others wait for the next fit.
func TestUpdatesTeach(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(weekly, 3, 0.05))
	for _, m := range everyModel() {
		s := affordable(m, s)
		f, err := m.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		before := path(f, 49)
		for k := range 48 {
			f.Update(before[k] + 200)
		}
		want := before[48]
		if n := m.Name(); n == "seasonal_naive_week" || strings.HasPrefix(n, "mstl") || strings.HasPrefix(n, "harmonic") {
			continue
		}
		if got := path(f, 1)[0]; got < want+20 {
			t.Errorf("%s: expects %g after a day of 200 more, %g before", m.Name(), got, want)
		}
	}
}

func TestModelsScaleShiftAndMove(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 4, 0.2))
	for _, m := range everyModel() {
		s := s
		if m.Name() == expensive().Name() {
			s = s.head(4 * 48)
		}
		want := predict(t, m, s, 96)

		const factor = 1024 // a power of two, so that rounding is the same
		scaled := predict(t, m, s.with(func(_ int, y float64) float64 { return factor * y }), 96)
		if at, by := farthestFrom(scaled, func(k int) float64 { return factor * want[k] }); by > 1e-6*factor*want[at] {
			t.Errorf("%s of the scaled series: %g at step %d, want %g", m.Name(), scaled[at], at, factor*want[at])
		}

		later := s
		later.Start = s.Start.Add(52 * week)
		if got := predict(t, m, later, 96); !sameBits(got, want) {
			t.Errorf("%s depends on the year", m.Name())
		}

		if isLog(m) {
			continue
		}
		const constant = 1024
		moved := predict(t, m, s.with(func(_ int, y float64) float64 { return y + constant }), 96)
		if at, by := farthestFrom(moved, func(k int) float64 { return constant + want[k] }); by > 0.02 {
			t.Errorf("%s of the series moved by %d: %g at step %d, want %g", m.Name(), constant, moved[at], at, constant+want[at])
		}
	}
}

// A twin on the logarithm expects what its inner model expects of the logarithm.
func TestLog1pIsTheModelOfTheLogarithm(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 5, 0.2))
	scale := meanKnown(s.Values) / 10
	z := s.with(func(_ int, y float64) float64 { return math.Log1p(y / scale) })
	for _, m := range DefaultModels() {
		l, ok := m.(logModel)
		if !ok {
			continue
		}
		inner, got := predict(t, l.inner, z, 96), predict(t, m, s, 96)
		if at, by := farthestFrom(got, func(k int) float64 { return scale * math.Expm1(inner[k]) }); by > 1e-9*got[at] {
			t.Errorf("%s: %g at step %d, want %g", m.Name(), got[at], at, scale*math.Expm1(inner[at]))
		}
	}
}

func TestSeasonalNaiveRemembersThroughGaps(t *testing.T) {
	s := sampled(aMonday, time.Hour, 2*day, func(t time.Time) float64 { return float64(t.Hour()) })
	for i := 24; i < 30; i++ {
		s.Values[i] = math.NaN()
	}
	if got := predict(t, SeasonalNaive("day", day), s, 3); !slices.Equal(got, []float64{0, 1, 2}) {
		t.Errorf("got %v, want the hours of the day before the gap", got)
	}
	never := sampled(aMonday, time.Hour, day, func(t time.Time) float64 { return float64(t.Hour()) })
	never.Values[1] = math.NaN()
	if got := predict(t, SeasonalNaive("day", day), never, 3); !slices.Equal(got, []float64{0, 23, 2}) {
		t.Errorf("got %v, want the last value where nothing was measured", got)
	}
}

// The recursion with given rates, by hand.
func TestHoltWintersRecursion(t *testing.T) {
	f := &fittedHoltWinters{
		rates: rates{alpha: 0.5, rho: 0.5, gamma: []float64{0.25}},
		clock: newClock(aMonday, 12*time.Hour), periods: []time.Duration{day},
		seasons: [][]float32{{1, -1}}, level: 10, residual: 2,
	}
	f.Update(16) // r = 16−10−1 = 5, e = 5−1 = 4, ℓ = 12, s₀ = 2, r becomes 16−12−2 = 2
	if f.level != 12 || f.seasons[0][0] != 2 || f.residual != 2 {
		t.Fatalf("level %g, season %v, residual %g; want 12, [2 -1], 2", f.level, f.seasons, f.residual)
	}
	if got := path(f, 3); !slices.Equal(got, []float64{12 - 1 + 1, 12 + 2 + 0.5, 12 - 1 + 0.25}) {
		t.Errorf("got %v, want [12 14.5 11.25]", got)
	}
	f.Update(math.NaN())
	if f.level != 12 || f.residual != 1 {
		t.Errorf("a missing value makes level %g and residual %g, want 12 and 1", f.level, f.residual)
	}
}

// The recursion of a level and an autoregression, by hand.
func TestDeviationRecursion(t *testing.T) {
	f := &deviation{level: 10, gain: 0.5, phi: []float64{0.25, 0.5}, recent: []float64{2, 4}}
	forecast := make([]float64, 3)
	f.predict(forecast)
	// 0.5·4+0.25·2 = 2.5; 0.5·2.5+0.25·4 = 2.25; 0.5·2.25+0.25·2.5 = 1.75
	if !slices.Equal(forecast, []float64{12.5, 12.25, 11.75}) {
		t.Errorf("got %v, want [12.5 12.25 11.75]", forecast)
	}
	f.update(16) // d = 6
	if f.level != 13 || !slices.Equal(f.recent, []float64{4, 6}) {
		t.Errorf("level %g and deviations %v, want 13 and [4 6]", f.level, f.recent)
	}
	f.update(math.NaN()) // d = 0.5·6+0.25·4 = 4
	if f.level != 13 || !slices.Equal(f.recent, []float64{6, 4}) {
		t.Errorf("after a gap level %g and deviations %v, want 13 and [6 4]", f.level, f.recent)
	}
}

func TestFitDeviationOfLittle(t *testing.T) {
	tests := []struct {
		name string
		r    []float64
		want float64
	}{
		{"empty", nil, 0},
		{"one", []float64{3}, 3},
		{"constant", []float64{3, 3, 3, 3, 3, 3, 3}, 3},
		{"missing", missing(5), 0},
		{"gaps", []float64{math.NaN(), 3, math.NaN(), 3}, 3},
	}
	for _, tt := range tests {
		for _, halfLife := range []time.Duration{0, fast} {
			f := fitDeviation(tt.r, time.Hour, halfLife)
			got := make([]float64, 2)
			f.predict(got)
			if !slices.Equal(got, []float64{tt.want, tt.want}) {
				t.Errorf("%s, half-life %s: got %v, want %g", tt.name, halfLife, got, tt.want)
			}
		}
	}
}

// A pattern of the week that is only noise is shrunk away, one that repeats itself is kept.
func TestProfileShrinksWhatDoesNotRepeat(t *testing.T) {
	m := profile{"profile_week", 7, slow}
	tests := []struct {
		name        string
		load        func(time.Time) float64
		least, most float64
	}{
		{"weekdays that differ", noisy(busy, 6, 0.01), 0, 1},
		{"weekdays that are alike", noisy(daily, 7, 0.5), 5, 20},
	}
	for _, tt := range tests {
		f, err := m.Fit(sampled(aMonday, 30*time.Minute, 4*week, tt.load))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.(*fittedProfile).table.shrink; got < tt.least || got > tt.most {
			t.Errorf("%s: shrinkage %g, want %g to %g", tt.name, got, tt.least, tt.most)
		}
	}
}

// Holidays are like Sundays until three were seen, then like each other.
func TestProfileLearnsHolidays(t *testing.T) {
	holidays := []time.Time{}
	for _, d := range []int{8, 16, 24, 31} { // a Tuesday, Wednesday, Thursday, Thursday
		holidays = append(holidays, aMonday.Add(time.Duration(d)*day))
	}
	load := func(t time.Time) float64 {
		for _, h := range holidays {
			if t.YearDay() == h.YearDay() {
				return 300
			}
		}
		if t.Weekday() == time.Sunday {
			return 50
		}
		return 100
	}
	for _, tt := range []struct {
		days int
		want float64
	}{{16, 50}, {24, 50}, {31, 300}} {
		s := sampled(aMonday, time.Hour, time.Duration(tt.days)*day, load)
		s.Holidays = holidays
		got := predict(t, profile{"profile_week", 7, slow}, s, 24)
		if at, by := farthestFrom(got, func(int) float64 { return tt.want }); by > 30 {
			t.Errorf("day %d: a holiday is expected to be %g, want about %g", tt.days, got[at], tt.want)
		}
	}
}

// The regression on harmonics gives what the same regression by rows gives.
func TestHarmonicsSolveTheNormalEquations(t *testing.T) {
	const perDay, n = 24, 400
	h := harmonics{frequencies: []int{7, 14, 3, 6, 8}, period: 7 * perDay, decay: 0.997}
	z := make([]float64, n)
	load := noisy(weekly, 8, 0.1)
	for i := range z {
		z[i] = load(aMonday.Add(time.Duration(i) * time.Hour))
	}
	beta, err := h.regress(z)
	if err != nil {
		t.Fatal(err)
	}
	// At the minimum the gradient Σ λ^age·r·x − ρn·β vanishes.
	size := 1 + 2*len(h.frequencies)
	gradient, magnitude := make([]float64, size), make([]float64, size)
	for i, y := range z {
		age := n - 1 - i
		x := []float64{1}
		for _, f := range h.frequencies {
			s, c := math.Sincos(h.angle(f) * float64(age))
			x = append(x, c, s)
		}
		r := y
		for j := range x {
			r -= beta.AtVec(j) * x[j]
		}
		for j := range x {
			gradient[j] += math.Pow(h.decay, float64(age)) * r * x[j]
			magnitude[j] += math.Abs(y * x[j])
		}
	}
	for j := range gradient {
		if j > 0 {
			gradient[j] -= ridge * n * beta.AtVec(j)
		}
		if math.Abs(gradient[j]) > 1e-9*magnitude[j] {
			t.Errorf("gradient of coefficient %d is %g of %g", j, gradient[j], magnitude[j])
		}
	}
}

func TestFrequenciesAreDistinct(t *testing.T) {
	for _, perDay := range []int{6, 12, 24, 48, 288, 1440} {
		for _, weekly := range []bool{false, true} {
			fs := frequenciesOf(perDay, weekly)
			slices.Sort(fs)
			if len(slices.Compact(slices.Clone(fs))) != len(fs) || fs[0] < 1 || fs[len(fs)-1] > 7*perDay/2 {
				t.Errorf("%d values a day: frequencies %v are not distinct or beyond Nyquist's", perDay, fs)
			}
		}
	}
}

func TestUpdateDoesNotAllocate(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 9, 0.2))
	for _, m := range everyModel() {
		s := affordable(m, s)
		f, err := m.Fit(s)
		if err != nil {
			t.Fatal(err)
		}
		values, i := []float64{90, 110, math.NaN(), 100}, 0
		if got := testing.AllocsPerRun(100, func() { f.Update(values[i%4]); i++ }); got != 0 {
			t.Errorf("%s: an update allocates %g times", m.Name(), got)
		}
		forecast := make([]float64, 96)
		if got := testing.AllocsPerRun(20, func() { f.Predict(forecast) }); got != 0 && m.Name() != expensive().Name() {
			t.Errorf("%s: a forecast allocates %g times", m.Name(), got)
		}
	}
}

// The level, the season and what the deviations leave are the forecast.
func TestModelsTellTheirParts(t *testing.T) {
	for _, m := range bank() {
		load := weekly
		if dayOnly(m) {
			load = daily
		}
		f, err := m.Fit(sampled(aMonday, 30*time.Minute, 4*week, load))
		if err != nil {
			t.Fatal(err)
		}
		level, season := make([]float64, 96), make([]float64, 96)
		f.(divided).divide(level, season)
		if !finite(level) || !finite(season) {
			t.Errorf("%s: level %v, season %v", m.Name(), level, season)
		}
		if seasonless(m) {
			if slices.ContainsFunc(season, func(x float64) bool { return math.Abs(x) > 1e-9 }) {
				t.Errorf("%s has a season: %v", m.Name(), season)
			}
			continue
		}
		// Without noise nothing is left.
		at, by := farthestFrom(path(f, 96), func(k int) float64 { return level[k] + season[k] })
		if by > 5 {
			t.Errorf("%s: level %g and season %g miss the forecast by %g at step %d", m.Name(), level[at], season[at], by, at)
		}
	}
}

// What models share of a series does not change what they make of it.
func TestSharingChangesNothing(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(busy, 5, 0.2))
	for _, m := range everyModel() {
		s := affordable(m, s)
		shared := s.sharing()
		predict(t, DefaultModels()[len(DefaultModels())-1], shared, 1) // has made all that is shared
		if got, want := predict(t, m, shared, 96), predict(t, m, s, 96); !sameBits(got, want) {
			t.Errorf("%s: forecasts %v with what others made, want %v", m.Name(), got[:3], want[:3])
		}
		part := shared.head(s.Len() - 5)
		if got, want := predict(t, m, part, 96), predict(t, m, s.head(s.Len()-5), 96); !sameBits(got, want) {
			t.Errorf("%s: forecasts %v of a part of what is shared, want %v", m.Name(), got[:3], want[:3])
		}
	}
}

// Models that share a table follow a series as they do alone, whichever is updated first.
func TestSharingATableChangesNothing(t *testing.T) {
	for _, step := range []time.Duration{5 * time.Minute, 30 * time.Minute} {
		load := noisy(busy, 6, 0.2)
		s := sampled(aMonday, step, 3*week, load)
		s.Holidays = []time.Time{aMonday.Add(2*week + day), s.End().Add(day)}
		slowly, quickly := profile{"slow", 7, slow}, profile{"fast", 7, fast}
		shared := s.sharing()
		var alone, together []Fitted
		for _, m := range []Model{slowly, quickly, Log1p(slowly), Log1p(quickly)} {
			alone, together = append(alone, fitOf(t, m, s)), append(together, fitOf(t, m, shared))
		}
		if together[0].(*fittedProfile).table != together[1].(*fittedProfile).table {
			t.Fatal("no table is shared")
		}
		for i := range int(3 * day / step) {
			y := load(s.Time(s.Len() + i))
			if i%17 == 0 {
				y = math.NaN()
			}
			for j := range alone {
				alone[j].Update(y)
				together[(i+j)%len(together)].Update(y)
			}
		}
		for j, f := range together {
			if got, want := path(f, 96), path(alone[j], 96); !sameBits(got, want) {
				t.Errorf("step %s, model %d: forecasts %v, alone %v", step, j, got[:3], want[:3])
			}
		}
	}
}

func fitOf(t *testing.T, m Model, s Series) Fitted {
	t.Helper()
	f, err := m.Fit(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
