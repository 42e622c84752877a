package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// zeroed returns the series with zeros from an instant on.
func zeroed(s Series, from time.Time, length time.Duration) Series {
	first, last := s.Index(from), s.Index(from.Add(length))
	return s.with(func(i int, y float64) float64 {
		if i >= first && i < last {
			return 0
		}
		return y
	})
}

// openAt is a load that has its hours: none before 8 and after 20.
func openAt(t time.Time) float64 {
	if t.Hour() < 8 || t.Hour() >= 20 {
		return 0
	}
	return 100
}

// often is a load of small counts, zero every third time.
func often() func(time.Time) float64 {
	noise := rand.New(rand.NewPCG(1, 5))
	return func(time.Time) float64 { return poisson(noise, 1) }
}

func TestOutagesAreMissing(t *testing.T) {
	const step = 15 * time.Minute
	at := func(days, hours int) time.Time {
		return aMonday.Add(time.Duration(days)*day + time.Duration(hours)*time.Hour)
	}
	tests := []struct {
		name    string
		load    func(time.Time) float64
		from    time.Time
		length  time.Duration
		missing int
	}{
		{"an hour at a busy time", busy, at(10, 12), time.Hour, 4},
		{"half an hour", busy, at(10, 12), 30 * time.Minute, 2},
		{"a quarter of an hour may be chance", busy, at(10, 12), 15 * time.Minute, 0},
		{"a day", busy, at(10, 12), day, 96},
		{"longer than a day is a load that ended", busy, at(10, 12), day + step, 0},
		{"at the start of the series", busy, aMonday, 3 * time.Hour, 12},
		{"at the end of the series", busy, at(20, 21), 3 * time.Hour, 12},
		{"nothing", busy, at(10, 12), 0, 0},
		{"a load that often has zeros at the time", openAt, at(10, 2), 0, 0},
		{"a load that has zeros at any time", often(), at(10, 12), time.Hour, 0},
		{"an hour while it is open", openAt, at(10, 12), time.Hour, 4},
	}
	for _, tt := range tests {
		s := zeroed(sampled(aMonday, step, 3*week, noisy(tt.load, 1, 0.1)), tt.from, tt.length)
		before := s.with(func(_ int, y float64) float64 { return y })
		got := findOutages(s).removed(s)
		if !sameBits(before.Values, s.Values) {
			t.Fatalf("%s: the series was changed", tt.name)
		}
		n := 0
		for i, y := range got.Values {
			if math.IsNaN(y) {
				n++
				if at := s.Time(i); at.Before(tt.from) || !at.Before(tt.from.Add(tt.length)) {
					t.Errorf("%s: the value at %s is missing", tt.name, at)
				}
			} else if y != s.Values[i] {
				t.Errorf("%s: the value at %s became %g", tt.name, s.Time(i), y)
			}
		}
		if n != tt.missing {
			t.Errorf("%s: %d values are missing, want %d", tt.name, n, tt.missing)
		}
	}
}

func TestOutagesOfOddSeries(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []float64
	}{
		{"empty", nil}, {"one zero", []float64{0}}, {"all zero", make([]float64, 500)}, {"all missing", missing(500)},
		{"one day", sampled(aMonday, 15*time.Minute, day, openAt).Values},
	} {
		s := Series{Start: aMonday, Step: 15 * time.Minute, Values: tt.values}
		if got := findOutages(s).removed(s); !sameBits(got.Values, s.Values) {
			t.Errorf("%s: something was taken for an outage: %v", tt.name, got.Values)
		}
	}
}

// A forecast after an outage is that of a series without the values.
func TestOutagesDoNotMoveForecasts(t *testing.T) {
	const step = 15 * time.Minute
	from := aMonday.Add(18*day + 12*time.Hour)
	s := sampled(aMonday, step, 3*week, noisy(busy, 2, 0.1))
	gone := zeroed(s, from, 2*time.Hour)
	missed := gone.with(func(i int, y float64) float64 {
		if y == 0 {
			return math.NaN()
		}
		return y
	})
	got := median(t, fitted(t, gone, Options{Horizon: 96}), 96)
	want := median(t, fitted(t, missed, Options{Horizon: 96}), 96)
	if at, by := farthestFrom(got, func(k int) float64 { return want[k] }); by > 0.01*want[at] {
		t.Errorf("step %d: %g after an outage, %g after a gap", at, got[at], want[at])
	}
}

func TestLiveOutages(t *testing.T) {
	const step = 15 * time.Minute
	s := sampled(aMonday, step, 3*week+12*time.Hour, noisy(busy, 3, 0.1))
	t.Run("the first zeros are ignored", func(t *testing.T) {
		zeros, gap := fitted(t, s, Options{Horizon: 16}), fitted(t, s, Options{Horizon: 16})
		for range 4 {
			zeros.Update(0)
			gap.Update(math.NaN())
		}
		got, want := paths(t, zeros, 16, 0.1, 0.5, 0.9), paths(t, gap, 16, 0.1, 0.5, 0.9)
		for i := range got {
			if !sameBits(got[i], want[i]) {
				t.Errorf("got %v, want what a gap gives: %v", got[i], want[i])
			}
		}
	})
	for _, refits := range []bool{false, true} {
		s := s
		p := fitted(t, s, Options{Horizon: 16})
		for i := range 4 * 48 { // two days
			s = s.Append(0)
			p.Update(0)
			if refits && (i+1)%4 == 0 {
				if err := p.Refit(s); err != nil {
					t.Fatal(err)
				}
			}
			switch got := median(t, p, 1)[0]; {
			case i == 4*20 && got < 50:
				t.Errorf("refits %v: after 20 hours of zeros expects %g, which is a load that ended too early", refits, got)
			case i == 4*47 && got > 10:
				t.Errorf("refits %v: after two days of zeros expects %g", refits, got)
			}
		}
	}
	t.Run("a fit counts the zeros before it", func(t *testing.T) {
		if got := findOutages(s.Append(0, 0, 0)).run; got != 3 {
			t.Errorf("a run of %d, want 3", got)
		}
	})
	t.Run("zeros of a load that has them count", func(t *testing.T) {
		s := sampled(aMonday, step, 3*week+22*time.Hour, noisy(openAt, 4, 0.1))
		p := fitted(t, s, Options{Horizon: 16})
		before := 0
		for _, sc := range p.Scores() {
			before += sc.N
		}
		for range 8 {
			p.Update(0)
		}
		after := 0
		for _, sc := range p.Scores() {
			after += sc.N
		}
		if after <= before {
			t.Error("zeros at night were not scored")
		}
	})
}
