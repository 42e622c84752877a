package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The bank forecasts loads that are made here as well as it did when these figures were
// written down. They are deterministic; what makes forecasts better may lower them. Real
// loads, and R beside them, are those of make bench-accuracy.
func TestAccuracyDoesNotRot(t *testing.T) {
	counts := func(seed uint64, mean func(time.Time) float64) func(time.Time) float64 {
		noise := rand.New(rand.NewPCG(seed, 2))
		return func(at time.Time) float64 { return poisson(noise, mean(at)) }
	}
	growing := noisy(weekly, 21, 0.05)
	for _, tt := range []struct {
		name   string
		load   func(time.Time) float64
		wape   float64 // of the medians of a day
		naive  float64 // their errors over those of the same time last week
		inside float64 // loads between the 10 % and the 90 % quantile
	}{
		{"a smooth week", noisy(weekly, 11, 0.1), 0.0806, 0.782, 0.838},
		{"abrupt hours", noisy(busy, 12, 0.1), 0.0986, 0.882, 0.785},
		{"growth", func(at time.Time) float64 { return growing(at) * (1 + at.Sub(aMonday).Hours()/1000) }, 0.0497, 0.515, 0.802},
		{"small counts", counts(13, func(at time.Time) float64 { return daily(at) / 30 }), 0.4791, 0.837, 0.678},
		{"autocorrelated noise", autocorrelated(14), 0.0929, 0.624, 0.720},
	} {
		s := sampled(aMonday, time.Hour, 5*week, tt.load)
		const horizon, from = 24, 4 * 7 * 24
		p := fitted(t, s.head(from), Options{Horizon: horizon})
		miss, naive, sum, inside, n := 0.0, 0.0, 0.0, 0.0, 0.0
		for i := from; i+horizon <= s.Len(); i++ {
			if i%6 == 0 {
				all := paths(t, p, horizon, 0.1, 0.5, 0.9)
				for k := range horizon {
					y := s.Values[i+k]
					miss += math.Abs(y - all[1][k])
					naive += math.Abs(y - s.Values[i+k-7*24])
					sum += y
					if n++; y >= all[0][k] && y <= all[2][k] {
						inside++
					}
				}
			}
			p.Update(s.Values[i])
		}
		const worse, wider = 1.03, 0.04
		if got := miss / sum; got > worse*tt.wape {
			t.Errorf("%s: WAPE %.4f, was %.4f", tt.name, got, tt.wape)
		}
		if got := miss / naive; got > worse*tt.naive {
			t.Errorf("%s: errors %.3f times those of seasonal naive, were %.3f", tt.name, got, tt.naive)
		}
		if got := inside / n; math.Abs(got-tt.inside) > wider {
			t.Errorf("%s: %.3f of the loads within the band, were %.3f", tt.name, got, tt.inside)
		}
	}
}

// autocorrelated is a daily load with noise that stays for hours.
func autocorrelated(seed uint64) func(time.Time) float64 {
	noise, x := rand.New(rand.NewPCG(seed, 3)), 0.0
	return func(at time.Time) float64 {
		x = 0.9*x + 0.05*noise.NormFloat64()
		return daily(at) * math.Exp(x)
	}
}
