package forecast

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestWithoutSpikes(t *testing.T) {
	const step = 15 * time.Minute
	base := sampled(aMonday, step, 3*week, noisy(busy, 1, 0.1))
	set := func(at, n int, y float64) Series {
		return base.with(func(i int, old float64) float64 {
			if i >= at && i < at+n {
				return y
			}
			return old
		})
	}
	tests := []struct {
		name string
		s    Series
		cut  []int
	}{
		{"nothing is wild", base, nil},
		{"one", set(500, 1, 50_000), []int{500}},
		{"half an hour of it", set(500, 2, 50_000), []int{500, 501}},
		{"longer is a change", set(500, 3, 50_000), nil},
		{"the first", set(0, 1, 50_000), []int{0}},
		{"the last, as if it were live", set(base.Len()-1, 1, 50_000), []int{base.Len() - 1}},
		{"three times the load may be", set(500, 1, 3*400), nil},
		{"a gap", set(500, 1, math.NaN()), nil},
		{"a zero", set(500, 1, 0), nil},
		{"all missing", base.with(func(int, float64) float64 { return math.NaN() }), nil},
		{"all zero but one", base.with(func(i int, _ float64) float64 { return float64(i / 500 % 2 * (1 - min(i%500, 1))) }), nil},
		{"empty", Series{Start: aMonday, Step: step}, nil},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.s.Values)
		got := withoutSpikes(tt.s)
		if !sameBits(tt.s.Values, before) {
			t.Fatalf("%s: the series was changed", tt.name)
		}
		var cut []int
		for i, y := range got.Values {
			if math.Float64bits(y) != math.Float64bits(before[i]) {
				cut = append(cut, i)
				if usual := slices.Max(base.Values[max(0, i-20):min(i+20, base.Len())]); !(y <= usual) || y <= 0 {
					t.Errorf("%s: value %d became %g, the largest around it is %g", tt.name, i, y, usual)
				}
			}
		}
		if !slices.Equal(cut, tt.cut) {
			t.Errorf("%s: values %v were cut, want %v", tt.name, cut, tt.cut)
		}
	}
}

// One or two wild values are learned as less than they are, a third is believed, to either side.
func TestWildValuesAreBelievedWhenTheyLast(t *testing.T) {
	const step = 15 * time.Minute
	s := sampled(aMonday, step, 3*week+12*time.Hour, noisy(busy, 2, 0.1))
	for _, wild := range []float64{5000, 1} {
		p := fitted(t, s, Options{Horizon: 16})
		for i := range 4 {
			p.clock.next = s.Time(s.Len() + i).Unix()
			got := p.spikes.cut(p, wild)
			believed := got == wild
			if believed != (i >= 2) {
				t.Errorf("%g, %d times: it is learned as %g", wild, i+1, got)
			}
			if !believed && (got > 400 || got < 20) {
				t.Errorf("%g, %d times: it is learned as %g of about 100", wild, i+1, got)
			}
		}
		if got := p.spikes.cut(p, 100); got != 100 || p.spikes.run != 0 {
			t.Errorf("an ordinary value is learned as %g after a run of %d", got, p.spikes.run)
		}
		if got := p.spikes.cut(p, math.NaN()); !math.IsNaN(got) {
			t.Errorf("a missing value is learned as %g", got)
		}
		// One above and one below in turn never make a change.
		for i := range 6 {
			y := []float64{5000, 1}[i%2]
			if got := p.spikes.cut(p, y); got == y {
				t.Errorf("%g is believed after its opposite", y)
			}
		}
	}
}

// Forecasts that are off to one side for hours ask for a refit; noise does not, or hardly ever.
func TestDrift(t *testing.T) {
	const step = 15 * time.Minute
	load := noisy(weekly, 3, 0.1)
	s := sampled(aMonday, step, 3*week, load)
	p := fitted(t, s, Options{Horizon: 16})
	if p.Drifted() {
		t.Error("it drifts right after the fit")
	}
	asked := 0
	for i := range 4 * 72 {
		y := load(s.End())
		s = s.Append(y)
		p.Update(y)
		if (i+1)%24 == 0 { // the refit that is due every six hours
			if p.Drifted() {
				asked++
			}
			if err := p.Refit(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if asked > 3 {
		t.Errorf("a load that does not change asks for %d of 12 refits before they are due", asked)
	}
	for _, factor := range []float64{1.6, 0.6} {
		q := fitted(t, s, Options{Horizon: 16})
		for i := range 4 * 8 {
			if i == 4*2 && q.Drifted() {
				t.Errorf("two hours of %g times the forecast are drift already", factor)
			}
			q.Update(factor * q.next())
		}
		if !q.Drifted() {
			t.Errorf("eight hours of %g times the forecast are no drift: %+v", factor, q.drift)
		}
		if err := q.Refit(s.Append(make([]float64, 4*8)...)); err != nil {
			t.Fatal(err)
		}
		if q.Drifted() {
			t.Error("it drifts right after a refit")
		}
	}
}

// A drift is noticed across refits that are due more often than it takes, and then what
// models did before counts little.
func TestADriftForgets(t *testing.T) {
	s := sampled(aMonday, time.Hour, 3*week, noisy(weekly, 3, 0.1))
	p := fitted(t, s, Options{Horizon: 4})
	before := p.members[0].losses[0]
	for hour := 1; ; hour++ {
		if hour > 8 {
			t.Fatalf("eight hours of twice the forecast, with a refit after each, are no drift: %+v", p.drift)
		}
		y := 2 * p.next()
		s = s.Append(y)
		p.Update(y)
		drifted, known := p.Drifted(), p.members[0].losses[0]
		if err := p.Refit(s); err != nil {
			t.Fatal(err)
		}
		after := p.members[0].losses[0]
		if !drifted {
			if after != known {
				t.Fatalf("hour %d: a refit without a drift changes %+v to %+v", hour, known, after)
			}
			continue
		}
		if math.Abs(float64(after.weight-keptAfterDrift*known.weight)) > 1e-5 || math.Abs(after.mean()-known.mean()) > 1e-6 || known.weight < before.weight/2 {
			t.Errorf("a drift makes of %+v %+v", known, after)
		}
		return
	}
}

func TestDriftSums(t *testing.T) {
	var d drift
	d.add(1)
	d.add(0.9)
	if want := 1 - 2*driftSlack - 0.1; math.Abs(d.up-want) > 1e-12 || d.down != 0 {
		t.Errorf("got %+v, want %g above", d, want)
	}
	d.add(0)
	if want := 1 - 2*driftSlack - 0.1 - 0.5 - driftSlack; math.Abs(d.up-max(want, 0)) > 1e-12 || math.Abs(d.down-0.5+driftSlack) > 1e-12 {
		t.Errorf("got %+v", d)
	}
}
