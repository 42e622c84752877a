package forecast

import (
	"math"
	"slices"
	"testing"
	"time"
)

func sameValues(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

func TestCivil(t *testing.T) {
	nan := math.NaN()
	berlin, york, howe := location(t, "Europe/Berlin"), location(t, "America/New_York"), location(t, "Australia/Lord_Howe")
	tests := []struct {
		name   string
		start  time.Time
		step   time.Duration
		values []float64
		want   []float64
		slot   int
	}{
		{"an ordinary day", time.Date(2026, 9, 9, 5, 0, 0, 0, berlin), time.Hour, []float64{1, 2, 3}, []float64{1, 2, 3}, 2*24 + 5},
		{"spring leaves an hour out", time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), time.Hour, []float64{0, 1, 3, 4}, []float64{0, 1, nan, 3, 4}, 6 * 24},
		{"two steps of it", time.Date(2026, 3, 8, 1, 0, 0, 0, york), 30 * time.Minute, []float64{1, 1.5, 3, 3.5}, []float64{1, 1.5, nan, nan, 3, 3.5}, 6*48 + 2},
		{"half an hour of it", time.Date(2026, 10, 4, 1, 0, 0, 0, howe), 30 * time.Minute, []float64{1, 1.5, 2.5}, []float64{1, 1.5, nan, 2.5}, 6*48 + 2},
		{"autumn repeats an hour", time.Date(2026, 10, 25, 1, 0, 0, 0, berlin), time.Hour, []float64{1, 2, 4, 3}, []float64{1, 3, 3}, 6*24 + 1},
		{"of which one is missing", time.Date(2026, 10, 25, 1, 0, 0, 0, berlin), time.Hour, []float64{1, nan, 4, 3}, []float64{1, 4, 3}, 6*24 + 1},
		{"of which the other is missing", time.Date(2026, 10, 25, 1, 0, 0, 0, berlin), time.Hour, []float64{1, 2, nan, 3}, []float64{1, 2, 3}, 6*24 + 1},
		{"of which both are missing", time.Date(2026, 10, 25, 1, 0, 0, 0, berlin), time.Hour, []float64{1, nan, nan, 3}, []float64{1, nan, 3}, 6*24 + 1},
		{"steps of half hours", time.Date(2026, 11, 1, 1, 0, 0, 0, york), 30 * time.Minute, []float64{1, 2, 3, 4, 5}, []float64{2, 3, 5}, 6*48 + 2},
		{"half an hour is repeated", time.Date(2026, 4, 5, 1, 0, 0, 0, howe), 30 * time.Minute, []float64{1, 2, 4, 5}, []float64{1, 3, 5}, 6*48 + 2},
		{"from the hour that is repeated", time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC).In(berlin), time.Hour, []float64{2, 4, 3, 7}, []float64{3, 3, 7}, 6*24 + 2},
		{"empty", aMonday, time.Hour, nil, nil, 0},
	}
	for _, tt := range tests {
		got, slot := Series{Start: tt.start, Step: tt.step, Values: tt.values}.civil()
		if !sameValues(got, tt.want) || slot != tt.slot {
			t.Errorf("%s: got %v from slot %d, want %v from %d", tt.name, got, slot, tt.want, tt.slot)
		}
	}
}

// On the grid of the wall clock every value stands at its slot.
func TestCivilPlacesAgreeWithTheClock(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"} {
		s := Series{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, location(t, zone)), Step: 30 * time.Minute}
		s.Values = make([]float64, 365*48)
		for i := range s.Values {
			c := newClock(s.Start, s.Step)
			s.Values[i] = float64(c.slot(s.Time(i).Unix(), week))
		}
		values, slot := s.civil()
		for j, got := range values {
			if want := float64((slot + j) % (7 * 48)); got != want && !math.IsNaN(got) {
				t.Fatalf("%s: the value of slot %g stands at %g", zone, got, want)
			}
		}
	}
}

func TestFilled(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name   string
		values []float64
		want   []float64
	}{
		{"nothing is missing", []float64{1, 2, 3}, []float64{1, 2, 3}},
		{"all is missing", []float64{nan, nan}, []float64{nan, nan}},
		{"empty", nil, nil},
		{"a line", []float64{1, nan, nan, 4}, []float64{1, 2, 3, 4}},
		{"the start", []float64{nan, nan, 4}, []float64{4, 4, 4}},
		{"the end", []float64{4, nan}, []float64{4, 4}},
		{"the day before", []float64{1, 2, 3, 4, 5, nan}, []float64{1, 2, 3, 4, 5, 2}},
		{"two days before", []float64{1, 2, 3, 4, 5, nan, 7, 8, 9, nan}, []float64{1, 2, 3, 4, 5, 2, 7, 8, 9, 2}},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.values)
		if got := filled(tt.values, 4); !sameValues(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if !sameValues(tt.values, before) {
			t.Errorf("%s: the values were changed", tt.name)
		}
	}
	weeks := make([]float64, 8*4)
	for i := range weeks {
		weeks[i] = float64(i)
	}
	weeks[7*4+1] = nan
	if got := filled(weeks, 4)[7*4+1]; got != 1 {
		t.Errorf("got %g, want the value of the week before", got)
	}
}

func TestMeanKnown(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		xs   []float64
		want float64
	}{
		{nil, 0}, {[]float64{nan}, 0}, {[]float64{nan, 3, 5}, 4}, {[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	} {
		if got := meanKnown(tt.xs); got != tt.want {
			t.Errorf("mean of %v: got %g, want %g", tt.xs, got, tt.want)
		}
	}
}

func TestClockSlotsAndDates(t *testing.T) {
	berlin, york := location(t, "Europe/Berlin"), location(t, "America/New_York")
	tests := []struct {
		name      string
		at        time.Time
		day, week int // slots of half an hour
		date      string
	}{
		{"the epoch", time.Unix(0, 0).UTC(), 0, 3 * 48, "1970-01-01"},
		{"before the epoch", time.Date(1969, 12, 31, 23, 30, 0, 0, time.UTC), 47, 2*48 + 47, "1969-12-31"},
		{"long before", time.Date(1960, 2, 29, 12, 0, 0, 0, time.UTC), 24, 24, "1960-02-29"},
		{"before midnight in UTC", time.Date(2026, 9, 7, 0, 30, 0, 0, berlin), 1, 1, "2026-09-07"},
		{"after midnight in UTC", time.Date(2026, 9, 6, 23, 30, 0, 0, york), 47, 6*48 + 47, "2026-09-06"},
		{"the first of a repeated hour", time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC).In(berlin), 5, 6*48 + 5, "2026-10-25"},
		{"the second of a repeated hour", time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC).In(berlin), 5, 6*48 + 5, "2026-10-25"},
		{"after the hour that spring leaves out", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC).In(berlin), 6, 6*48 + 6, "2026-03-29"},
		{"within a step", time.Date(2026, 9, 7, 0, 44, 59, 0, time.UTC), 1, 1, "2026-09-07"},
	}
	for _, tt := range tests {
		c := newClock(tt.at, 30*time.Minute)
		if got := c.slot(c.next, day); got != tt.day {
			t.Errorf("%s: slot %d of the day, want %d", tt.name, got, tt.day)
		}
		if got := c.slot(c.next, week); got != tt.week {
			t.Errorf("%s: slot %d of the week, want %d", tt.name, got, tt.week)
		}
		if got := time.Unix(int64(c.date(c.next))*86400, 0).UTC().Format(time.DateOnly); got != tt.date {
			t.Errorf("%s: date %s, want %s", tt.name, got, tt.date)
		}
	}
}

// The clock remembers offsets; jumps back and forth must not confuse it.
func TestClockAgreesWithTime(t *testing.T) {
	zone := location(t, "America/New_York")
	c := newClock(aMonday.In(zone), time.Hour)
	for i := range 3000 {
		at := aMonday.Add(time.Duration(i*7919%(3*366*24)) * time.Hour).In(zone)
		want := (int(at.Weekday())+6)%7*24 + at.Hour()
		if got := c.slot(at.Unix(), week); got != want {
			t.Fatalf("%s: slot %d, want %d", at, got, want)
		}
	}
}

func TestHolidayDates(t *testing.T) {
	s := Series{Holidays: []time.Time{
		time.Date(1970, 1, 3, 23, 59, 0, 0, location(t, "America/New_York")),
		time.Date(1970, 1, 2, 0, 0, 0, 0, location(t, "Australia/Lord_Howe")),
	}}
	if got := s.holidays(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("got %v, want [1 2]", got)
	}
}
