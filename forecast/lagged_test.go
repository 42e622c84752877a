package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A seasonal autoregression that has followed a series, over its ring's end and
// through an hour that spring leaves out, forecasts what its equation says.
func TestLaggedForecastsByItsEquation(t *testing.T) {
	berlin := location(t, "Europe/Berlin")
	const perDay = 24
	s := sampled(time.Date(2026, 3, 1, 0, 0, 0, 0, berlin), time.Hour, 40*day, noisy(weekly, 6, 0.2))
	fit, err := lagged{"lagged"}.Fit(s.head(17 * perDay))
	if err != nil {
		t.Fatal(err)
	}
	f := fit.(*fittedLagged)
	if want := []int{1, 2, 3, 23, 24, 25, 48, 49, 167, 168, 169, 336}; !slices.Equal(f.lags, want) {
		t.Fatalf("lags %v, want %v", f.lags, want)
	}
	for _, y := range s.Values[17*perDay:] {
		f.Update(y)
	}
	z, _ := s.civil()
	spring := slices.IndexFunc(z, math.IsNaN)
	if spring < 17*perDay {
		t.Fatalf("no hour is left out after the fit: %d", spring)
	}
	next := func(z []float64) float64 {
		sum := f.mean + f.constant
		for i, l := range f.lags {
			sum += f.phi[i] * (z[len(z)-l] - f.mean)
		}
		return sum
	}
	z[spring] = next(z[:spring])
	got := path(f, 50)
	for k := range got {
		want := next(z)
		if math.Abs(got[k]-want) > f.recent.unit { // deviations are kept to half a unit
			t.Fatalf("step %d: %g, want %g", k, got[k], want)
		}
		z = append(z, want)
	}
}

// The estimates are those that a series was made by.
func TestLaggedFindsItsCoefficients(t *testing.T) {
	const perDay = 24
	noise := rand.New(rand.NewPCG(5, 5))
	z := make([]float64, 400*perDay)
	for i := range z {
		z[i] = 100 * noise.NormFloat64()
		if i > perDay {
			z[i] += 0.4*z[i-1] + 0.5*z[i-perDay] - 0.2*z[i-perDay-1]
		}
	}
	fit, err := lagged{"lagged"}.Fit(generated(time.Hour, len(z), func(i int) float64 { return 5000 + z[i] }))
	if err != nil {
		t.Fatal(err)
	}
	f := fit.(*fittedLagged)
	want := map[int]float64{1: 0.4, perDay: 0.5, perDay + 1: -0.2}
	for i, l := range f.lags {
		if math.Abs(f.phi[i]-want[l]) > 0.1 { // three standard errors of three weeks' half-life
			t.Errorf("lag %d: %.3f, want %.1f", l, f.phi[i], want[l])
		}
	}
}

// Where each day is unlike every day before but like the last, it is ahead of patterns.
func TestLaggedFollowsADayThatChanges(t *testing.T) {
	drifting := func(at time.Time) float64 {
		days := at.Sub(aMonday).Hours() / 24
		return 500 + 200*math.Sin(2*math.Pi*(days+0.02*days)) // 29 minutes earlier each day
	}
	s := sampled(aMonday, 30*time.Minute, 4*week, drifting)
	off := func(m Model) float64 {
		_, by := farthestFrom(predict(t, m, s, 48), func(k int) float64 { return drifting(s.Time(s.Len() + k)) })
		return by
	}
	if got, pattern := off(lagged{"lagged"}), off(harmonic{"harmonic", slow}); got > 20 || got > pattern/2 {
		t.Errorf("off by %g, a pattern by %g", got, pattern)
	}
}
