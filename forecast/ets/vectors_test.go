package ets

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

type vector struct {
	Series        string
	Model         string
	Damped        bool
	Alpha         float64
	Beta          float64
	Gamma         float64
	Phi           float64
	Level         float64
	Trend         float64
	Seasonal      []float64
	LogLikelihood float64 `json:"log_likelihood"`
	Squares       float64
	AICc          float64
	Sigma2        float64
	Forecasts     []float64
}

func (v vector) spec() Spec {
	component := map[byte]Component{'N': None, 'A': Additive, 'M': Multiplicative}
	return Spec{Error: component[v.Model[0]], Trend: component[v.Model[1]], Damped: v.Damped, Season: component[v.Model[2]]}
}

type sample struct {
	Period int
	Values []float64
}

type vectors struct {
	Series                 map[string]sample
	Fixed, Estimated, Auto []vector
	Stable                 [][6]float64
}

// readVectors reads what testdata/vectors.R wrote.
func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func predict(f *Fitted, h int) []float64 {
	path := make([]float64, h)
	f.Predict(path)
	return path
}

// near reports whether a is b up to a share of the larger of 1 and b.
func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*max(1, math.Abs(b)) }

// apart returns the largest difference of two paths as a share of the size of the second.
func apart(a, b []float64) float64 {
	worst, size := 0.0, 0.0
	for k := range b {
		worst, size = max(worst, math.Abs(a[k]-b[k])), max(size, math.Abs(b[k]))
	}
	return worst / size
}

// With the parameters and initial states given, everything is R's.
func TestRecursionIsThatOfR(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Fixed {
		s := all.Series[v.Series]
		p, err := newProblem(s.Values, s.Period, v.spec())
		if err != nil {
			t.Fatal(err)
		}
		p.level, p.trend = (v.Level-p.shift)/p.scale, v.Trend/p.scale
		copy(p.seasonal, v.Seasonal)
		if v.spec().Season == Additive {
			for i := range v.Seasonal {
				p.seasonal[i] /= p.scale
			}
		}
		x := p.variables(Parameters{v.Alpha, v.Beta, v.Gamma, v.Phi})
		f := p.fitted(x)
		if !near(f.LogLikelihood, v.LogLikelihood, 1e-6) {
			t.Errorf("%s %s: log-likelihood %v, R %v", v.Series, f.Spec, f.LogLikelihood, v.LogLikelihood)
		}
		if squares := f.Sigma2 * float64(p.known-p.count()+1); !near(squares/v.Squares, 1, 1e-6) {
			t.Errorf("%s %s: sum of squares %v, R %v", v.Series, f.Spec, squares, v.Squares)
		}
		for k, got := range predict(f, len(v.Forecasts)) {
			if !near(got, v.Forecasts[k], 1e-6) {
				t.Errorf("%s %s: step %d: %v, R %v", v.Series, f.Spec, k+1, got, v.Forecasts[k])
			}
		}
	}
}

func TestStabilityIsThatOfR(t *testing.T) {
	count := [2]int{}
	for _, v := range readVectors(t).Stable {
		got := Parameters{v[0], v[1], v[2], v[3]}.admissible(int(v[4]))
		if want := v[5] == 1; got != want {
			t.Errorf("%v, period %v: stable %t, R %t", v[:4], v[4], got, want)
		}
		count[int(v[5])]++
	}
	if min(count[0], count[1]) < 10 {
		t.Errorf("%v stable and unstable vectors say too little", count)
	}
}

// The search finds what R's finds or more. Where both find the same top, within
// 0.05 of the log-likelihood, they forecast the same within 1 % of the largest
// forecast: R ends up to so far from the top.
func TestEstimatesReachTheLikelihoodOfR(t *testing.T) {
	all := readVectors(t)
	same := 0
	for _, v := range all.Estimated {
		s := all.Series[v.Series]
		f, err := Fit(s.Values, s.Period, v.spec(), Options{})
		if err != nil {
			t.Errorf("%s %s: %s", v.Series, v.spec(), err)
			continue
		}
		t.Logf("%s %s: log-likelihood %.3f, R %.3f; apart %.5f; %.4f, R [%.4f %.4f %.4f %.4f]", v.Series, f.Spec, f.LogLikelihood, v.LogLikelihood, apart(predict(f, len(v.Forecasts)), v.Forecasts), f.Parameters, v.Alpha, v.Beta, v.Gamma, v.Phi)
		if f.LogLikelihood < v.LogLikelihood-0.5 || f.LogLikelihood < v.LogLikelihood-0.005*math.Abs(v.LogLikelihood) {
			t.Errorf("%s %s: log-likelihood %v, R %v", v.Series, f.Spec, f.LogLikelihood, v.LogLikelihood)
		}
		if math.Abs(f.LogLikelihood-v.LogLikelihood) > 0.05 {
			continue
		}
		same++
		if d := apart(predict(f, len(v.Forecasts)), v.Forecasts); d > 0.01 {
			t.Errorf("%s %s: forecasts %v, R %v", v.Series, f.Spec, predict(f, len(v.Forecasts)), v.Forecasts)
		}
		if !near(f.AICc, v.AICc, 1e-3) || !near(f.Sigma2/v.Sigma2, 1, 5e-3) {
			t.Errorf("%s %s: AICc %v, σ² %v, R %v, %v", v.Series, f.Spec, f.AICc, f.Sigma2, v.AICc, v.Sigma2)
		}
	}
	if same < len(all.Estimated)/4 {
		t.Errorf("%d of %d models are at the top that R found", same, len(all.Estimated))
	}
}

func TestAutoChoosesAsWellAsR(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Auto {
		s := all.Series[v.Series]
		f, err := Auto(s.Values, s.Period, Options{})
		if err != nil {
			t.Errorf("%s: %s", v.Series, err)
			continue
		}
		if f.AICc > v.AICc+1 {
			t.Errorf("%s: %s with AICc %v, R %s with %v", v.Series, f.Spec, f.AICc, v.spec(), v.AICc)
		}
	}
}
