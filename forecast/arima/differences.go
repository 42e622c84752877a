package arima

import "math"

// KPSS returns the statistic of the test of Kwiatkowski, Phillips, Schmidt and
// Shin whose null hypothesis is that x is stationary around a level:
//
//	Σ S(t)² / (n²·s²),   S(t) = Σᵢ₌₁ᵗ (x(i) − x̄)
//	s² = γ₀ + 2·Σⱼ₌₁ˡ (1 − j/(l+1))·γⱼ,   γⱼ = Σ (x(t) − x̄)(x(t−j) − x̄) / n
//
// with the lag l = ⌊3√n/13⌋. Above [KPSSCritical] the hypothesis is rejected at
// 5 % and a difference is due. Missing values (NaN or infinite) are left out,
// as R does. An empty or a constant x gives 0, the least of it.
//
// # References
//
// Kwiatkowski et al., Journal of Econometrics 54 (1992), equations 10 and 11;
// the lag is that of ndiffs in R's forecast.
func KPSS(x []float64) (statistic float64, lag int) {
	x = present(x)
	if constant(x) {
		return 0, lag
	}
	n := float64(len(x))
	lag = int(3 * math.Sqrt(n) / 13)
	centre := mean(x)
	sum, squares := 0.0, 0.0
	for t := range x {
		x[t] -= centre
		sum += x[t]
		squares += sum * sum
	}
	variance := dot(x, x)
	for j := 1; j <= lag; j++ {
		variance += 2 * (1 - float64(j)/float64(lag+1)) * dot(x[j:], x[:len(x)-j])
	}
	return squares / (n * variance), lag
}

// KPSSCritical is the value that [KPSS] exceeds in 5 % of long series that are
// stationary around a level.
const KPSSCritical = 0.463

// Differences returns how many differences, of at most maxD, x needs until
// [KPSS] no longer rejects that it is stationary at 5 %, or it is constant: the
// d of an ARIMA model. Missing values are left out; an empty, a short and a
// constant x need none, nor does any with a maxD of 0 or less.
//
// # References
//
// Hyndman and Khandakar, Journal of Statistical Software 27(3), 2008, section
// 3.1; R's ndiffs with its default test.
func Differences(x []float64, maxD int) int {
	x = present(x)
	for d := range maxD {
		if constant(x) {
			return d
		}
		if statistic, _ := KPSS(x); !(statistic > KPSSCritical) {
			return d
		}
		x = differenced(x, 1)
	}
	return max(maxD, 0)
}

// differenced returns x(t) − x(t−lag).
func differenced(x []float64, lag int) []float64 {
	out := make([]float64, max(len(x)-lag, 0))
	for t := range out {
		out[t] = x[t+lag] - x[t]
	}
	return out
}

// present returns a copy of x without missing values.
func present(x []float64) []float64 {
	out := make([]float64, 0, len(x))
	for _, v := range x {
		if !missing(v) {
			out = append(out, v)
		}
	}
	return out
}

// constant reports whether the known values of x are the same but for
// rounding; those of nothing are.
func constant(x []float64) bool {
	const rounding = 1e-12
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if !missing(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return !(high-low > rounding*max(math.Abs(low), math.Abs(high)))
}

// mean is that of the known values; it does not overflow.
func mean(x []float64) float64 {
	sum, n := 0.0, 0.0
	for _, v := range x {
		if !missing(v) {
			n++
			sum += (v - sum) / n
		}
	}
	return sum
}

// seasonalStrength is how much of what is not trend is season, in [0, 1]:
//
//	F = max(0, 1 − Var(remainder) / Var(season + remainder))
//
// The trend is a centred moving average over a period; the season at a place is
// the average of the detrended values of up to five periods before and after,
// with tricube weights, as of the seasonal smoother of STL with a window of 11
// and degree 0. It is that smoother alone, not STL: near the threshold the two
// may differ. NaN when nothing is left of x.
//
// # References
//
// Wang, Smith and Hyndman, Data Mining and Knowledge Discovery 13 (2006).
// Cleveland et al., Journal of Official Statistics 6 (1990).
func seasonalStrength(x []float64, period int) float64 {
	n := len(x)
	detrended := make([]float64, n)
	half := period / 2
	for t := range detrended {
		detrended[t] = math.NaN()
		if t < half || t+half >= n {
			continue
		}
		sum, weight := 0.0, 0.0
		for j := -half; j <= half; j++ {
			w := 1.0
			if period%2 == 0 && (j == -half || j == half) {
				w = 0.5
			}
			if v := x[t+j]; !missing(v) {
				sum += w * v
				weight += w
			}
		}
		detrended[t] = x[t] - sum/weight
	}
	var total, remainder []float64
	for t, v := range detrended {
		if missing(v) {
			continue
		}
		sum, weight := 0.0, 0.0
		for j := -5; j <= 5; j++ {
			if at := t + j*period; at >= 0 && at < n && !missing(detrended[at]) {
				d := math.Abs(float64(j)) / 6
				w := 1 - d*d*d
				w *= w * w
				sum += w * detrended[at]
				weight += w
			}
		}
		total, remainder = append(total, v), append(remainder, v-sum/weight)
	}
	return max(0, 1-variance(remainder)/variance(total))
}

func variance(x []float64) float64 {
	centre, sum := mean(x), 0.0
	for _, v := range x {
		sum += (v - centre) * (v - centre)
	}
	return sum / float64(len(x))
}
