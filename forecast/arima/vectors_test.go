package arima

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// number is null for a missing value.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = number(math.NaN())
		return nil
	}
	var v float64
	err := json.Unmarshal(b, &v)
	*n = number(v)
	return err
}

type vector struct {
	Name                    string
	Series                  []number
	P, D, Q                 int  `json:"-"`
	Constant                bool `json:"constant"`
	AR, MA, SAR, SMA, Beta  []float64
	ConstantValue           float64 `json:"constant_value"`
	Xreg, Future            [][]float64
	Sigma2, Loglik          float64
	N                       int
	Mean, Variance          []float64
	AICc                    float64
	Strength                float64
	PeriodGiven             int `json:"period_given"`
	Lag, Differences, Order int
	Statistic               float64
	model                   Model
	series                  []float64
}

func (v *vector) UnmarshalJSON(b []byte) error {
	type plain vector
	if err := json.Unmarshal(b, (*plain)(v)); err != nil {
		return err
	}
	// The orders differ in case only, which encoding/json does not tell apart.
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	m := &v.model
	m.Constant = v.Constant
	for name, to := range map[string]*int{"p": &m.Order.P, "d": &m.Order.D, "q": &m.Order.Q, "P": &m.Season.P, "D": &m.Season.D, "Q": &m.Season.Q, "period": &m.Season.Period} {
		if raw, ok := all[name]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return err
			}
		}
	}
	if m.Season.Period == 1 {
		m.Season.Period = 0
	}
	for _, x := range v.Series {
		v.series = append(v.series, float64(x))
	}
	return nil
}

type vectors struct {
	Fixed, Estimated, Auto, KPSS, Burg []*vector
}

func read(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Fixed)*len(v.Estimated)*len(v.Auto)*len(v.KPSS)*len(v.Burg) == 0 {
		t.Fatal("testdata/vectors.json lacks a part")
	}
	return v
}

// off is the largest difference of got from want, relative to the scale.
func off(got, want []float64, scale float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range got {
		if d := math.Abs(got[i] - want[i]); !(d <= worst*scale) {
			worst = d / scale
		}
	}
	return worst
}

func (v *vector) coefficients() Coefficients {
	return Coefficients{AR: v.AR, MA: v.MA, SeasonalAR: v.SAR, SeasonalMA: v.SMA, Constant: v.ConstantValue, Beta: v.Beta}
}

func (v *vector) forecast(f *Fitted) (means, variances []float64) {
	means, variances = make([]float64, len(v.Mean)), make([]float64, len(v.Mean))
	f.PredictWith(means, v.Future)
	f.Variances(variances)
	return means, variances
}

// With given coefficients everything is R's.
func TestFilterIsRs(t *testing.T) {
	for _, v := range read(t).Fixed {
		f, err := Filter(v.series, v.model, v.coefficients(), v.Xreg)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if math.Abs(f.LogLik-v.Loglik) > 1e-6 || math.Abs(f.Sigma2/v.Sigma2-1) > 1e-8 || f.N != v.N {
			t.Errorf("%s: log-likelihood %.10g, σ² %.10g, n %d; want %.10g, %.10g, %d", v.Name, f.LogLik, f.Sigma2, f.N, v.Loglik, v.Sigma2, v.N)
		}
		means, variances := v.forecast(f)
		if d := off(means, v.Mean, math.Sqrt(v.Sigma2)); d > 1e-7 {
			t.Errorf("%s: forecasts %v\nwant %v\nworst %g σ", v.Name, means, v.Mean, d)
		}
		if d := off(variances, v.Variance, v.Sigma2); d > 1e-7 {
			t.Errorf("%s: variances %v\nwant %v\nworst %g σ²", v.Name, variances, v.Variance, d)
		}
	}
}

// Two searches end where the likelihood is flat, and R's prior of the levels is
// not quite diffuse: the likelihoods agree to 1e-4, coefficients, forecasts in
// units of σ and variances to 5e-4.
func TestFitIsRs(t *testing.T) {
	for _, v := range read(t).Estimated {
		f, err := Fit(v.series, v.model, FitOptions{Regressors: v.Xreg})
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		got, want := f.Coefficients, v.coefficients()
		worst := max(off(got.AR, want.AR, 1), off(got.MA, want.MA, 1), off(got.SeasonalAR, want.SeasonalAR, 1), off(got.SeasonalMA, want.SeasonalMA, 1))
		worst = max(worst, off(got.Beta, want.Beta, 1), math.Abs(got.Constant-want.Constant)/math.Sqrt(v.Sigma2))
		means, variances := v.forecast(f)
		meansOff, variancesOff := off(means, v.Mean, math.Sqrt(v.Sigma2)), off(variances, v.Variance, v.Variance[len(v.Variance)-1])
		t.Logf("%-32s log-likelihood %+.1e, coefficients %.1e, forecasts %.1e σ, variances %.1e", v.Name, f.LogLik-v.Loglik, worst, meansOff, variancesOff)
		if math.Abs(f.LogLik-v.Loglik) > 1e-4 || f.N != v.N {
			t.Errorf("%s: log-likelihood %.8g, n %d; want %.8g, %d", v.Name, f.LogLik, f.N, v.Loglik, v.N)
		}
		if worst > 5e-4 {
			t.Errorf("%s: coefficients %+v\nwant %+v", v.Name, got, want)
		}
		if meansOff > 5e-4 || variancesOff > 5e-4 {
			t.Errorf("%s: forecasts %v\nwant %v\nvariances %v\nwant %v", v.Name, means, v.Mean, variances, v.Variance)
		}
	}
}

// The same orders as auto.arima's, or ones whose AICc is not worse by 1.
func TestAutoIsRs(t *testing.T) {
	for _, v := range read(t).Auto {
		f, err := Auto(v.series, Options{Period: v.PeriodGiven})
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		strength := 0.0
		if v.PeriodGiven > 1 {
			strength = seasonalStrength(v.series, v.PeriodGiven)
		}
		t.Logf("%-14s %-28v AICc %9.3f; R's %-28v %9.3f; strength %.3f, R's %.3f", v.Name, f.Model, f.AICc, v.model, v.AICc, strength, v.Strength)
		same := f.Model.Order.D == v.model.Order.D && f.Model.Season.D == v.model.Season.D
		if f.Model != v.model && !(same && f.AICc < v.AICc+1) {
			t.Errorf("%s: %v with AICc %.4f, want %v with %.4f", v.Name, f.Model, f.AICc, v.model, v.AICc)
		}
		if !outside(f.filter.phi, 1.01) || !outside(negative(f.filter.theta[1:]), 1.01) {
			t.Errorf("%s: %v %+v has a root near the unit circle", v.Name, f.Model, f.Coefficients)
		}
	}
}

func TestKPSSIsRs(t *testing.T) {
	for _, v := range read(t).KPSS {
		statistic, lag := KPSS(v.series)
		if d := Differences(v.series, 2); math.Abs(statistic-v.Statistic) > 1e-9 || lag != v.Lag || d != v.Differences {
			t.Errorf("%s: statistic %.10g, lag %d, differences %d; want %.10g, %d, %d", v.Name, statistic, lag, d, v.Statistic, v.Lag, v.Differences)
		}
	}
}

func TestBurgIsRs(t *testing.T) {
	for _, v := range read(t).Burg {
		ar, sigma2 := Burg(v.series, v.Order)
		if off(ar, v.AR, 1) > 1e-9 || math.Abs(sigma2/v.Sigma2-1) > 1e-9 {
			t.Errorf("%s: %v, %.10g\nwant %v, %.10g", v.Name, ar, sigma2, v.AR, v.Sigma2)
		}
	}
}
