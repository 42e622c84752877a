package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// aMonday is when most series of the tests start.
var aMonday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// sampled samples f on a grid of the step.
func sampled(start time.Time, step, length time.Duration, f func(t time.Time) float64) Series {
	s := Series{Start: start, Step: step}
	for i := range int(length / step) {
		s.Values = append(s.Values, f(s.Time(i)))
	}
	return s
}

// generated makes a series of n values.
func generated(step time.Duration, n int, f func(i int) float64) Series {
	s := Series{Start: aMonday, Step: step}
	for i := range n {
		s.Values = append(s.Values, f(i))
	}
	return s
}

// ofDay and ofWeek are how far the local day and week, from Monday, have gone, in [0, 2π).
func ofDay(t time.Time) float64 {
	return 2 * math.Pi * (float64(t.Hour()) + float64(t.Minute())/60) / 24
}

func ofWeek(t time.Time) float64 { return (2*math.Pi*float64((int(t.Weekday())+6)%7) + ofDay(t)) / 7 }

// daily is a smooth load that follows the hours of the wall clock, from 52 to 158.
func daily(t time.Time) float64 {
	x := ofDay(t)
	return 100 + 40*math.Sin(x-2) + 20*math.Sin(2*x+1)
}

// weekly is daily on workdays that differ smoothly.
func weekly(t time.Time) float64 { return daily(t) + 25*math.Sin(ofWeek(t)) }

// busy is a load of abrupt hours: high from 18 to 22, higher on Saturdays.
func busy(t time.Time) float64 {
	y := 100.0
	if t.Hour() >= 18 && t.Hour() < 22 {
		y += 200
	}
	if t.Weekday() == time.Saturday {
		y += 100
	}
	return y
}

// noisy multiplies a load by log-normal noise.
func noisy(f func(time.Time) float64, seed uint64, deviation float64) func(time.Time) float64 {
	noise := rand.New(rand.NewPCG(seed, 1))
	return func(t time.Time) float64 { return f(t) * math.Exp(deviation*noise.NormFloat64()) }
}

// with returns a copy of the series in which every value was passed through f.
func (s Series) with(f func(i int, y float64) float64) Series {
	values := make([]float64, s.Len())
	for i, y := range s.Values {
		values[i] = f(i, y)
	}
	s.Values = values
	return s
}

// sameBits also holds of missing values.
func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

func finite(xs []float64) bool {
	return !slices.ContainsFunc(xs, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}

func fitted(t testing.TB, s Series, o Options) *Predictor {
	t.Helper()
	p, err := Fit(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func paths(t testing.TB, p *Predictor, h int, levels ...float64) [][]float64 {
	t.Helper()
	f, err := p.Forecast(h, levels)
	if err != nil {
		t.Fatal(err)
	}
	return f.Paths
}

func median(t testing.TB, p *Predictor, h int) []float64 {
	t.Helper()
	return paths(t, p, h, 0.5)[0]
}

// Appending must not write into values that somebody else holds.
func TestAppendLeavesOthersAlone(t *testing.T) {
	a := Series{Start: aMonday, Step: time.Hour, Values: append(make([]float64, 0, 8), 1, 2)}
	b := a.Append(3)
	c := a.Append(4)
	if len(a.Values) != 2 || b.Values[2] != 3 || c.Values[2] != 4 {
		t.Errorf("a %v, b %v, c %v", a.Values, b.Values, c.Values)
	}
}

func TestSeriesFindsItsPlaces(t *testing.T) {
	s := Series{Start: aMonday, Step: time.Hour, Values: []float64{10, 11, 12}}
	tests := []struct {
		name  string
		after time.Duration
		index int
		at    float64
		from  []float64
	}{
		{"before the start", -time.Minute, -1, math.NaN(), []float64{10, 11, 12}},
		{"long before the start", -5 * time.Hour, -5, math.NaN(), []float64{10, 11, 12}},
		{"the start", 0, 0, 10, []float64{10, 11, 12}},
		{"between two values", 90 * time.Minute, 1, 11, []float64{12}},
		{"the last value", 2 * time.Hour, 2, 12, []float64{12}},
		{"the end", 3 * time.Hour, 3, math.NaN(), []float64{}},
		{"after the end", 30 * time.Hour, 30, math.NaN(), []float64{}},
	}
	for _, tt := range tests {
		at := aMonday.Add(tt.after)
		if got := s.Index(at); got != tt.index {
			t.Errorf("%s: index %d, want %d", tt.name, got, tt.index)
		}
		if got := s.At(at); got != tt.at && !(math.IsNaN(got) && math.IsNaN(tt.at)) {
			t.Errorf("%s: value %v, want %v", tt.name, got, tt.at)
		}
		part := s.From(at)
		if !slices.Equal(part.Values, tt.from) || !part.End().Equal(s.End()) {
			t.Errorf("%s: from there %v until %s, want %v until %s", tt.name, part.Values, part.End(), tt.from, s.End())
		}
	}
	if empty := (Series{Start: aMonday, Step: time.Hour}); !math.IsNaN(empty.At(aMonday)) || empty.From(aMonday).Len() != 0 {
		t.Error("an empty series has values")
	}
}

func TestSeriesThatSayTheSameAreEqual(t *testing.T) {
	s := Series{Start: aMonday, Step: time.Hour, Values: []float64{1, math.NaN()}, Holidays: []time.Time{aMonday}}
	same := s.sharing()
	same.Start = same.Start.In(location(t, "America/New_York"))
	if !s.Equal(same) {
		t.Error("a copy in another zone is not equal")
	}
	for name, other := range map[string]Series{
		"start":    {Start: aMonday.Add(1), Step: s.Step, Values: s.Values, Holidays: s.Holidays},
		"step":     {Start: s.Start, Step: time.Minute, Values: s.Values, Holidays: s.Holidays},
		"values":   {Start: s.Start, Step: s.Step, Values: []float64{1, 2}, Holidays: s.Holidays},
		"length":   {Start: s.Start, Step: s.Step, Values: s.Values[:1], Holidays: s.Holidays},
		"holidays": {Start: s.Start, Step: s.Step, Values: s.Values},
	} {
		if s.Equal(other) {
			t.Errorf("another %s is equal", name)
		}
	}
}
