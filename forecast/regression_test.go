package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// rollingWAPE forecasts from an origin every hour of the last three days, with a
// refit every six, and compares the median and the seasonal naive forecasts of the
// next two hours with what came.
func rollingWAPE(t *testing.T, s Series) (combination, naiveDay, naiveWeek float64) {
	t.Helper()
	h, every := int(2*time.Hour/s.Step), int(time.Hour/s.Step)
	first := s.Len() - int(3*day/s.Step)
	p := fitted(t, s.head(first), Options{Horizon: h})
	sum := 0.0
	for i := first; i+h <= s.Len(); i++ {
		if (i-first)%every == 0 {
			if (i-first)%(6*every) == 0 {
				if err := p.Refit(s.head(i)); err != nil {
					t.Fatal(err)
				}
			}
			got := median(t, p, h)
			for k := range got {
				y := s.Values[i+k]
				sum += y
				combination += math.Abs(y - got[k])
				naiveDay += math.Abs(y - s.Values[i+k-int(day/s.Step)])
				naiveWeek += math.Abs(y - s.Values[i+k-int(week/s.Step)])
			}
		}
		p.Update(s.Values[i])
	}
	return combination / sum, naiveDay / sum, naiveWeek / sum
}

// The figures were measured when the test was written. One that rises says that
// forecasts became worse, one that falls far that the table may be made stricter.
func TestForecastsStayAsGoodAsTheyWere(t *testing.T) {
	tests := []struct {
		name string
		want float64 // WAPE of the combination
		load func(noise *rand.Rand) func(time.Time) float64
	}{
		{"a weekly pattern with bursts", 0.1103, func(noise *rand.Rand) func(time.Time) float64 {
			burst := 0.0
			return func(at time.Time) float64 {
				if burst *= 0.9; noise.Float64() < 0.005 {
					burst = 1 + noise.Float64()
				}
				return busy(at) * (1 + burst) * math.Exp(0.1*noise.NormFloat64())
			}
		}},
		{"a trend and a day", 0.0178, func(noise *rand.Rand) func(time.Time) float64 {
			return func(at time.Time) float64 {
				return daily(at)*(1+at.Sub(aMonday).Hours()/24/20) + 5*noise.NormFloat64()
			}
		}},
		{"counts", 0.4424, func(noise *rand.Rand) func(time.Time) float64 {
			return func(at time.Time) float64 { return poisson(noise, busy(at)/50) }
		}},
	}
	const worse, better = 1.05, 0.9 // of the figure
	for i, tt := range tests {
		s := sampled(aMonday, 15*time.Minute, 4*week, tt.load(rand.New(rand.NewPCG(uint64(i), 77))))
		got, naiveDay, naiveWeek := rollingWAPE(t, s)
		if got > worse*tt.want || got < better*tt.want {
			t.Errorf("%s: WAPE %.4f, it was %.4f", tt.name, got, tt.want)
		}
		if got > 0.95*min(naiveDay, naiveWeek) {
			t.Errorf("%s: WAPE %.4f, seasonal naive %.4f and %.4f", tt.name, got, naiveDay, naiveWeek)
		}
	}
}
