package stl

import (
	"encoding/binary"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// wavy returns a level, a trend, a wave per period, noise and a few outliers.
func wavy(seed uint64, n int, periods ...int) []float64 {
	r := rand.New(rand.NewPCG(seed, 0))
	y := make([]float64, n)
	for i := range y {
		y[i] = 100 + 10*float64(i)/float64(n) + r.NormFloat64()
		for k, p := range periods {
			y[i] += float64(5+3*k) * math.Sin(2*math.Pi*float64(i)/float64(p))
		}
		if r.IntN(50) == 0 {
			y[i] += 40
		}
	}
	return y
}

// differ returns the largest difference of two slices over the largest
// magnitude in any of the others; NaN and different lengths are infinitely far.
func differ(got, want []float64, scales ...[]float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	scale, worst := 1e-290, 0.0 // smaller numbers have fewer digits
	for _, v := range slices.Concat(append(scales, want)...) {
		scale = max(scale, math.Abs(v))
	}
	for i := range got {
		d := math.Abs(got[i]-want[i]) / scale
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}

// compare reports the parts of got that are farther from those of want than
// the tolerance times the largest value of y.
func compare(t rapid.TB, y []float64, got, want Decomposition, tolerance float64) {
	t.Helper()
	for _, p := range []struct {
		name      string
		got, want []float64
	}{{"seasonal", got.Seasonal, want.Seasonal}, {"trend", got.Trend, want.Trend}, {"remainder", got.Remainder, want.Remainder}} {
		if d := differ(p.got, p.want, y); d > tolerance {
			t.Errorf("%s differs by %g of the largest value", p.name, d)
		}
	}
	if d := differ(got.Weights, want.Weights); d > tolerance {
		t.Errorf("weights differ by %g", d)
	}
}

func decompose(t rapid.TB, y []float64, o Options) Decomposition {
	t.Helper()
	d, err := Decompose(y, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// vectors returns what R computed: by case, by part.
func vectors(t *testing.T) map[string]map[string][]float64 {
	t.Helper()
	f, err := os.Open("testdata/vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment, r.FieldsPerRecord = '#', -1
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]map[string][]float64{}
	for _, record := range records {
		if cases[record[0]] == nil {
			cases[record[0]] = map[string][]float64{}
		}
		for _, field := range record[2:] {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			cases[record[0]][record[1]] = append(cases[record[0]][record[1]], v)
		}
	}
	return cases
}

// agreement with R: its vectors have twelve digits.
const agreement = 1e-11

func TestDecomposeAgreesWithR(t *testing.T) {
	cases := vectors(t)
	monthly := cases["monthly"]["y"]
	// So long that the end is estimated from the window of the place before.
	jumps := Options{Period: 12, Seasonal: Loess{Window: 7, Jump: 7}, Trend: Loess{Jump: 15}, LowPass: Loess{Jump: 10}, Inner: 3}
	robustJumps := jumps
	robustJumps.Inner, robustJumps.Outer = 2, 2
	for _, tt := range []struct {
		name string
		y    []float64
		o    Options
	}{
		{"narrow", monthly, Options{Period: 12, Seasonal: Loess{Window: 7}}},
		{"periodic", monthly, Options{Period: 12}},
		{"robust", monthly[:149], Options{Period: 12, Seasonal: Loess{Window: 11}, Outer: 15}},
		{"robust periodic", monthly[:149], Options{Period: 12, Outer: 15}},
		{"degrees", monthly, Options{Period: 12, Seasonal: Loess{9, Linear, 0}, Trend: Loess{21, Constant, 0}, LowPass: Loess{15, Linear, 0}}},
		{"every place", monthly, Options{Period: 12, Seasonal: Loess{Window: 11, Jump: 1}, Trend: Loess{Jump: 1}, LowPass: Loess{Jump: 1}}},
		{"long jumps", monthly, jumps},
		{"robust long jumps", monthly[:149], robustJumps},
		{"wide", monthly, Options{Period: 12, Seasonal: Loess{Window: 31}, Trend: Loess{Window: 301}, LowPass: Loess{Window: 201}}},
		{"robust lines", monthly[:149], Options{Period: 12, Seasonal: Loess{Window: 15, Degree: Linear}, Trend: Loess{Window: 201}, Outer: 3}},
		{"period 2", monthly[:31], Options{Period: 2, Seasonal: Loess{Window: 7}}},
		{"period 7", monthly, Options{Period: 7, Seasonal: Loess{Window: 9}}},
		{"shortest", monthly[:25], Options{Period: 12, Seasonal: Loess{Window: 7}}},
		{"shortest periodic", monthly[:25], Options{Period: 12}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, want := decompose(t, tt.y, tt.o), cases[tt.name]
			for part, values := range map[string][]float64{"seasonal": got.Seasonal, "trend": got.Trend} {
				if d := differ(values, want[part]); d > agreement {
					t.Errorf("%s differs by %g", part, d)
				}
			}
			weights := want["weights"]
			if weights == nil {
				weights = slices.Repeat([]float64{1}, len(tt.y))
			}
			if d := differ(got.Weights, weights); d > agreement {
				t.Errorf("weights differ by %g", d)
			}
		})
	}
}

func TestMultipleAgreesWithR(t *testing.T) {
	cases := vectors(t)
	hourly := cases["hourly"]["y"]
	for _, tt := range []struct {
		name    string
		y       []float64
		given   []int
		o       MultipleOptions
		periods []int
	}{
		{"double", hourly, []int{24, 168}, MultipleOptions{}, []int{24, 168}},
		{"double", hourly, []int{201, 168, 24}, MultipleOptions{}, []int{24, 168}},
		{"double periodic", hourly, []int{24, 168}, MultipleOptions{Periodic: true}, []int{24, 168}},
		{"double robust", hourly, []int{24, 168}, MultipleOptions{Robust: true}, []int{24, 168}},
		{"double four times", hourly, []int{24, 168}, MultipleOptions{Seasonal: Loess{Window: 13}, Iterations: 4}, []int{24, 168}},
		{"dropped", hourly[:150], []int{24, 60, 80}, MultipleOptions{}, []int{24, 60}},
		{"single", hourly[:150], []int{24}, MultipleOptions{}, []int{24}},
		{"single", hourly[:150], []int{24}, MultipleOptions{Iterations: 3}, []int{24}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			given := slices.Clone(tt.given)
			got, err := Multiple(tt.y, given, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(given, tt.given) {
				t.Errorf("the periods given are now %v", given)
			}
			if !slices.Equal(got.Periods, tt.periods) {
				t.Fatalf("got periods %v, want %v", got.Periods, tt.periods)
			}
			want := cases[tt.name]
			if d := differ(got.Trend, want["trend"]); d > agreement {
				t.Errorf("trend differs by %g", d)
			}
			sum := slices.Clone(got.Trend)
			for i, p := range got.Periods {
				if d := differ(got.Seasonal[i], want["seasonal"+strconv.Itoa(p)]); d > agreement {
					t.Errorf("season %d differs by %g", p, d)
				}
				for j, s := range got.Seasonal[i] {
					sum[j] += s
				}
			}
			for i, v := range got.Remainder {
				sum[i] += v
			}
			if d := differ(sum, tt.y); d > 1e-14 {
				t.Errorf("the sum of the parts differs from the series by %g", d)
			}
		})
	}
}

// options draws some for n values, n > 4. They are robust only where the fit
// leaves more than rounding errors, of which the weights would be.
func options(t *rapid.T, n int) Options {
	loess := func(name string, least int) Loess {
		return Loess{
			Window: rapid.SampledFrom([]int{0, least, least + 4, max(least, n|1), 2*n + 7, 4*n + 7}).Draw(t, name),
			Degree: rapid.SampledFrom([]Degree{DefaultDegree, Constant, Linear}).Draw(t, name+" degree"),
			Jump:   rapid.SampledFrom([]int{0, 1, 2, 7, n}).Draw(t, name+" jump"),
		}
	}
	o := Options{
		Period:   rapid.IntRange(2, (n-1)/2).Draw(t, "period"),
		Seasonal: loess("seasonal", 7),
		Trend:    loess("trend", 3),
		LowPass:  loess("low pass", 3),
		Inner:    rapid.IntRange(0, 3).Draw(t, "inner"),
	}
	if n >= 40 && o.Period <= n/4 && o.Trend.Window != 3 {
		o.Outer = rapid.IntRange(0, 2).Draw(t, "outer")
	}
	return o
}

// The kernels, the work on whole rows and the running sums change nothing.
func TestDecomposeIsTheDirectFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(5, 160).Draw(t, "n")
		o := options(t, n)
		y := wavy(rapid.Uint64().Draw(t, "seed"), n, o.Period)
		compare(t, y, decompose(t, y, o), direct(t, y, o), 1e-9)
	})
}

func TestLongDecompositionIsTheDirectFormula(t *testing.T) {
	y := wavy(1, 8064, 288)
	for _, o := range []Options{{Period: 288}, {Period: 288, Seasonal: Loess{Window: 11}}} {
		compare(t, y, decompose(t, y, o), direct(t, y, o), 1e-12)
	}
}

// direct is STL as it is defined, without anything that makes it fast.
func direct(t rapid.TB, y []float64, given Options) Decomposition {
	t.Helper()
	o, err := given.withDefaults(len(y))
	if err != nil {
		t.Fatal(err)
	}
	n, p := len(y), o.Period
	season, trend, remainder, weights := make([]float64, n), make([]float64, n), make([]float64, n), slices.Repeat([]float64{1}, n)
	for outer := range o.Outer + 1 {
		for range o.Inner {
			cycles := make([]float64, n+2*p)
			for place := range p {
				var values, ws []float64
				for i := place; i < n; i += p {
					values, ws = append(values, y[i]-trend[i]), append(ws, weights[i])
				}
				for i, v := range curve(values, ws, o.Seasonal, 1) {
					cycles[place+i*p] = v
				}
			}
			low := cycles
			for _, length := range []int{p, p, 3} {
				low = means(low, length)
			}
			low = curve(low, slices.Repeat([]float64{1}, n), o.LowPass, 0)
			rest := make([]float64, n)
			for i := range y {
				season[i] = cycles[p+i] - low[i]
				rest[i] = y[i] - season[i]
			}
			trend = curve(rest, weights, o.Trend, 0)
		}
		for i := range y {
			remainder[i] = y[i] - season[i] - trend[i]
		}
		if outer < o.Outer {
			magnitudes := make([]float64, n)
			for i, r := range remainder {
				magnitudes[i] = math.Abs(r)
			}
			sorted := slices.Sorted(slices.Values(magnitudes))
			six := 3 * (sorted[n/2] + sorted[(n-1)/2])
			for i, r := range magnitudes {
				switch u := r / six; {
				case u <= 0.001:
					weights[i] = 1
				case u <= 0.999:
					weights[i] = (1 - u*u) * (1 - u*u)
				default:
					weights[i] = 0
				}
			}
		}
	}
	if given.Seasonal.Window == 0 {
		for place := range p {
			sum, count := 0.0, 0.0
			for i := place; i < n; i += p {
				sum += season[i]
				count++
			}
			for i := place; i < n; i += p {
				season[i] = sum / count
				remainder[i] = y[i] - season[i] - trend[i]
			}
		}
	}
	return Decomposition{season, trend, remainder, weights}
}

func means(values []float64, length int) []float64 {
	var out []float64
	for i := range len(values) - length + 1 {
		sum := 0.0
		for _, v := range values[i : i+length] {
			sum += v
		}
		out = append(out, sum/float64(length))
	}
	return out
}

// curve is loess by weighted least squares, evaluated from −pad to len(y)−1+pad.
func curve(y, weights []float64, l Loess, pad int) []float64 {
	n := len(y)
	out, known := make([]float64, n+2*pad), map[int]bool{}
	width := min(l.Window, n)
	left := 0
	at := func(x, left int) float64 {
		h := float64(max(x-left, left+width-1-x) + max(l.Window-n, 0)/2)
		var w, wd, wdd, wy, wdy float64
		for i := left; i < left+width; i++ {
			d := float64(i - x)
			u := math.Abs(d) / h
			v := 1 - u*u*u
			v *= weights[i] * v * v
			if u <= 0.001 {
				v = weights[i]
			} else if u > 0.999 {
				v = 0
			}
			w, wd, wdd, wy, wdy = w+v, wd+v*d, wdd+v*d*d, wy+v*y[i], wdy+v*d*y[i]
		}
		if w == 0 {
			return math.NaN()
		}
		if variance := wdd/w - wd*wd/w/w; l.Degree == Linear && variance > 1e-6*float64(n-1)*float64(n-1) {
			return (wdd*wy - wd*wdy) / (w*wdd - wd*wd) // the intercept at d = 0
		}
		return wy / w
	}
	or := func(v, other float64) float64 {
		if math.IsNaN(v) {
			return other
		}
		return v
	}
	jump := min(l.Jump, n-1)
	for x := 0; x < n; x += jump {
		left = min(max(x-width/2, 0), n-width)
		out[x+pad], known[x] = or(at(x, left), y[x]), true
	}
	if !known[n-1] {
		out[n-1+pad] = or(at(n-1, left), y[n-1])
		known[n-1] = true
	}
	before := 0
	for x := 1; x < n; x++ {
		if known[x] {
			for j := before + 1; j < x; j++ {
				part := float64(j-before) / float64(x-before)
				out[j+pad] = (1-part)*out[before+pad] + part*out[x+pad]
			}
			before = x
		}
	}
	if pad == 1 {
		out[0] = or(at(-1, 0), out[1])
		out[n+1] = or(at(n, n-width), out[n])
	}
	return out
}

func TestDecompositionsAreFiniteRepeatableAndSumToTheSeries(t *testing.T) {
	value := rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{0, 1, 5e-324, 1e300, -1e300}))
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(value, 5, 60).Draw(t, "y")
		o := options(t, len(y))
		o.Outer = rapid.IntRange(0, 3).Draw(t, "outer")
		holds(t, y, o)
	})
}

// holds checks what is true of every decomposition.
func holds(t rapid.TB, y []float64, o Options) {
	t.Helper()
	before := slices.Clone(y)
	d := decompose(t, y, o)
	if !slices.Equal(y, before) {
		t.Errorf("the series is now %v, it was %v", y, before)
	}
	if again := decompose(t, y, o); !reflect.DeepEqual(again, d) { // false for NaN
		t.Errorf("got %v, then %v", d, again)
	}
	sum := make([]float64, len(y))
	for i := range y {
		sum[i] = d.Seasonal[i] + d.Trend[i] + d.Remainder[i]
		if w := d.Weights[i]; !(w >= 0 && w <= 1) {
			t.Errorf("weight %d is %g", i, w)
		}
	}
	if off := differ(sum, y, d.Seasonal, d.Trend); off > 1e-14 {
		t.Errorf("the sum of the parts differs from the series by %g", off)
	}
}

func TestAddingAConstantMovesTheTrendAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(5, 160).Draw(t, "n")
		o := options(t, n)
		y := wavy(rapid.Uint64().Draw(t, "seed"), n, o.Period)
		by := rapid.Float64Range(-1e4, 1e4).Draw(t, "by")
		want := decompose(t, y, o)
		moved := slices.Clone(y)
		for i := range moved {
			moved[i] += by
			want.Trend[i] += by
		}
		compare(t, append(moved, 1e4), decompose(t, moved, o), want, 1e-9)
	})
}

func TestScalingTheSeriesScalesEachPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(5, 160).Draw(t, "n")
		o := options(t, n)
		y := wavy(rapid.Uint64().Draw(t, "seed"), n, o.Period)
		k := rapid.SampledFrom([]float64{-1024, -1, 0.125, 4096}).Draw(t, "k") // exact
		want := decompose(t, y, o)
		scaled := slices.Clone(y)
		for i := range scaled {
			scaled[i] *= k
			want.Seasonal[i] *= k
			want.Trend[i] *= k
			want.Remainder[i] *= k
		}
		compare(t, scaled, decompose(t, scaled, o), want, 0)
	})
}

// Only jumps know a direction.
func TestTheReversedSeriesHasReversedParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(5, 160).Draw(t, "n")
		o := options(t, n)
		o.Seasonal.Jump, o.Trend.Jump, o.LowPass.Jump = 1, 1, 1
		y := wavy(rapid.Uint64().Draw(t, "seed"), n, o.Period)
		want := decompose(t, y, o)
		slices.Reverse(y)
		for _, part := range [][]float64{want.Seasonal, want.Trend, want.Remainder, want.Weights} {
			slices.Reverse(part)
		}
		compare(t, y, decompose(t, y, o), want, 1e-9)
	})
}

func TestAPeriodicSeriesIsItsSeason(t *testing.T) {
	pattern := []float64{3, -1, 4, -1, 5, -9, 2, -6, 5, -3, 5, -4} // of mean 0
	y := slices.Repeat(pattern, 9)[:100]
	for i := range y {
		y[i] += 50
	}
	zero := make([]float64, len(y))
	want := Decomposition{Seasonal: slices.Repeat(pattern, 9)[:100], Trend: slices.Repeat([]float64{50}, 100), Remainder: zero}
	for _, o := range []Options{{}, {Seasonal: Loess{Window: 7}}, {Seasonal: Loess{Window: 7, Degree: Linear}}, {Outer: 3}} {
		o.Period = 12
		got := decompose(t, y, o)
		want.Weights = got.Weights // of rounding errors
		compare(t, y, got, want, 1e-12)
	}
}

func TestAConstantSeriesIsAllTrend(t *testing.T) {
	y := slices.Repeat([]float64{0.1}, 50)
	want := Decomposition{make([]float64, 50), y, make([]float64, 50), nil}
	for _, o := range []Options{{Period: 12}, {Period: 12, Seasonal: Loess{Window: 7}}, {Period: 24, Outer: 2}} {
		got := decompose(t, y, o)
		want.Weights = got.Weights
		compare(t, y, got, want, 1e-13)
	}
	m, err := Multiple(y, []int{7, 24}, MultipleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := max(differ(m.Trend, y), differ(m.Seasonal[0], want.Seasonal, y), differ(m.Seasonal[1], want.Seasonal, y), differ(m.Remainder, want.Seasonal, y)); d > 1e-13 {
		t.Errorf("two seasons: a part differs by %g", d)
	}
}

func TestRobustnessKeepsAnOutlierInTheRemainder(t *testing.T) {
	y := make([]float64, 120)
	for i := range y {
		y[i] = 10*math.Sin(2*math.Pi*float64(i)/12) + math.Sin(float64(i*i))
	}
	y[50] += 500
	plain, robust := decompose(t, y, Options{Period: 12}), decompose(t, y, Options{Period: 12, Outer: 5})
	if robust.Weights[50] != 0 || robust.Remainder[50] < 495 || plain.Remainder[50] > 460 {
		t.Errorf("weight %g, remainder %g, without robustness %g", robust.Weights[50], robust.Remainder[50], plain.Remainder[50])
	}
}

func TestErrorsNameTheFieldAndTheRule(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	ten := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	with := func(v float64) []float64 { return append(slices.Clone(ten), v) }
	for name, tt := range map[string]struct {
		y    []float64
		o    Options
		is   error
		want string
	}{
		"empty":              {nil, Options{Period: 2}, ErrTooShort, "stl: Period: series too short: 0 values are not more than two periods of 2"},
		"two periods":        {ten, Options{Period: 5}, ErrTooShort, "stl: Period: series too short: 10 values are not more than two periods of 5"},
		"endless period":     {ten, Options{Period: math.MaxInt}, ErrTooShort, "stl: Period: series too short"},
		"no period":          {ten, Options{}, nil, "stl: Period: 0 is not at least 2"},
		"period 1":           {ten, Options{Period: 1}, nil, "stl: Period: 1 is not at least 2"},
		"NaN":                {with(nan), Options{Period: 2}, ErrValue, "stl: y[10]: value cannot be decomposed: NaN"},
		"infinite":           {with(inf), Options{Period: 2}, ErrValue, "stl: y[10]: value cannot be decomposed: +Inf"},
		"huge":               {with(-1e301), Options{Period: 2}, ErrValue, "stl: y[10]: value cannot be decomposed: -1e+301"},
		"even window":        {ten, Options{Period: 2, Seasonal: Loess{Window: 8}}, nil, "stl: Seasonal.Window: 8 is not odd and at least 7"},
		"narrow window":      {ten, Options{Period: 2, Seasonal: Loess{Window: 5}}, nil, "stl: Seasonal.Window: 5 is not odd and at least 7"},
		"even trend":         {ten, Options{Period: 2, Trend: Loess{Window: 4}}, nil, "stl: Trend.Window: 4 is not odd and at least 3"},
		"negative low pass":  {ten, Options{Period: 2, LowPass: Loess{Window: -1}}, nil, "stl: LowPass.Window: -1 is not odd and at least 3"},
		"unknown degree":     {ten, Options{Period: 2, Trend: Loess{Degree: 3}}, nil, "stl: Trend.Degree: 3 is not DefaultDegree, Constant or Linear"},
		"negative jump":      {ten, Options{Period: 2, LowPass: Loess{Jump: -1}}, nil, "stl: LowPass.Jump: -1 is not at least 0"},
		"negative inner":     {ten, Options{Period: 2, Inner: -1}, nil, "stl: Inner, Outer: -1, 0 are not both at least 0"},
		"every problem, too": {ten, Options{Outer: -1, Trend: Loess{Jump: -2}}, nil, "stl: Period: 0 is not at least 2\nstl: Inner, Outer: 0, -1 are not both at least 0\nstl: Trend.Jump: -2 is not at least 0"},
	} {
		_, err := Decompose(tt.y, tt.o)
		report(t, name, err, tt.is, tt.want)
	}
	for name, tt := range map[string]struct {
		y       []float64
		periods []int
		o       MultipleOptions
		is      error
		want    string
	}{
		"empty":               {nil, []int{2}, MultipleOptions{}, ErrTooShort, "stl: periods: series too short: 0 values are not more than two periods of any of [2]"},
		"short":               {ten, []int{7, 5}, MultipleOptions{}, ErrTooShort, "stl: periods: series too short: 10 values are not more than two periods of any of [7 5]"},
		"NaN":                 {with(nan), []int{2}, MultipleOptions{}, ErrValue, "stl: y[10]: value cannot be decomposed: NaN"},
		"no periods":          {ten, nil, MultipleOptions{}, nil, "stl: periods: none"},
		"period 1":            {ten, []int{3, 1}, MultipleOptions{}, nil, "stl: periods: 1 is not at least 2"},
		"twice":               {ten, []int{3, 2, 3}, MultipleOptions{}, nil, "stl: periods: 3 is there twice"},
		"even window":         {ten, []int{3}, MultipleOptions{Seasonal: Loess{Window: 8}}, nil, "stl: Seasonal.Window: 8 is not odd and at least 7"},
		"negative iterations": {ten, []int{3}, MultipleOptions{Iterations: -1}, nil, "stl: Iterations: -1 is not at least 0"},
	} {
		_, err := Multiple(tt.y, tt.periods, tt.o)
		report(t, "multiple, "+name, err, tt.is, tt.want)
	}
}

func report(t *testing.T, name string, err, is error, want string) {
	t.Helper()
	switch {
	case err == nil || !strings.HasPrefix(err.Error(), want):
		t.Errorf("%s: got %v, want %s", name, err, want)
	case is != nil && !errors.Is(err, is):
		t.Errorf("%s: %v does not wrap %v", name, err, is)
	case is == nil && (errors.Is(err, ErrTooShort) || errors.Is(err, ErrValue)):
		t.Errorf("%s: %v wraps a sentinel", name, err)
	}
}

// FuzzDecompose reads y from data, eight bytes a value.
func FuzzDecompose(f *testing.F) {
	bytes := func(values ...float64) []byte {
		var data []byte
		for _, v := range values {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
		return data
	}
	f.Add(bytes(), 2, 0, 0, 0, uint8(0), uint8(0))
	f.Add(bytes(1, 2, 1, 2, 1), 2, 7, 3, 1, uint8(1), uint8(0))
	f.Add(bytes(0, 0, 0, 0, 0, 0, 0), 3, 0, 0, 0, uint8(0), uint8(3))
	f.Add(bytes(1, math.NaN(), math.Inf(1), 2, 3), 2, 7, 0, 0, uint8(0), uint8(0))
	f.Add(bytes(1e300, -1e300, 1e300, -1e300, 0, -1, 5e-324), 2, 7, 5, 2, uint8(2), uint8(2))
	f.Add(bytes(math.MaxFloat64, 1, 2, 3, 4), 2, 7, 0, 0, uint8(0), uint8(0))
	f.Add(bytes(1, 2, 3, 4, 5, 6), math.MaxInt, math.MaxInt, math.MaxInt, math.MaxInt, uint8(2), uint8(1))
	f.Add(bytes(1, 2, 3, 4, 5, 6), 2, math.MaxInt, math.MaxInt, math.MaxInt, uint8(2), uint8(1))
	f.Add(bytes(1, 2, 3, 4, 5, 6), -1, -7, 4, -1, uint8(9), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, period, window, trend, jump int, degree, outer uint8) {
		y := make([]float64, min(len(data)/8, 200))
		clean := true
		for i := range y {
			y[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
			clean = clean && math.Abs(y[i]) <= 1e300
		}
		d := Degree(degree)
		o := Options{Period: period, Seasonal: Loess{window, d, jump}, Trend: Loess{trend, d, jump}, Outer: int(outer % 4)}
		_, err := Decompose(y, o)
		switch {
		case err != nil && clean && period >= 2 && len(y) > 2*period && window == 0 && trend == 0 && jump >= 0 && d <= Linear:
			t.Errorf("%v, for good options", err)
		case err == nil && !clean:
			t.Error("no error for a bad value")
		case err == nil:
			holds(t, y, o)
		}
		if err == nil && o.Outer == 0 { // tiny differences of remainders may change weights much
			compare(t, y, decompose(t, y, o), direct(t, y, o), 1e-9)
		}
	})
}

// A decomposer gives each of several series what it gets alone, and takes none of another length.
func TestMultipleDecomposerIsMultiple(t *testing.T) {
	const n = 120
	for _, o := range []MultipleOptions{{}, {Robust: true}, {Periodic: true}} {
		d, err := NewMultipleDecomposer(n, []int{4, 12}, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, scale := range []float64{1, 50, 1} {
			y := make([]float64, n)
			for i := range y {
				y[i] = scale*float64(i%4) + math.Sin(float64(i)/12) + float64(i*i%7)
			}
			want, err := Multiple(y, []int{4, 12}, o)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := d.Decompose(y); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: got another decomposition than alone, and %v", o, err)
			}
		}
		if _, err := d.Decompose(make([]float64, n-1)); err == nil || !strings.Contains(err.Error(), "119 values, the decomposer is for 120") {
			t.Errorf("of a shorter series: %v", err)
		}
	}
}
