package budget

import (
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that every machine has the zones
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// everyZone returns the names of the tz database, release 2025b.
func everyZone(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

func TestDayAt(t *testing.T) {
	tests := []struct {
		name, zone string
		at         string // in UTC
		date       string
		start, end string // in UTC
	}{
		{"an ordinary day", "America/New_York", "2026-11-12T17:00:00", "2026-11-12", "2026-11-12T05:00:00", "2026-11-13T05:00:00"},
		{"its first instant", "America/New_York", "2026-11-12T05:00:00", "2026-11-12", "2026-11-12T05:00:00", "2026-11-13T05:00:00"},
		{"the second before it", "America/New_York", "2026-11-12T04:59:59", "2026-11-11", "2026-11-11T05:00:00", "2026-11-12T05:00:00"},
		{"23 hours in spring", "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"},
		{"25 hours in autumn", "Europe/Berlin", "2026-10-25T12:00:00", "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T23:00:00"},
		{"the hour that comes twice", "Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25", "2026-10-24T22:00:00", "2026-10-25T23:00:00"},
		{"half an hour less", "Australia/Lord_Howe", "2026-10-04T00:00:00", "2026-10-04", "2026-10-03T13:30:00", "2026-10-04T13:00:00"},
		{"a leap day", "UTC", "2028-02-29T12:00:00", "2028-02-29", "2028-02-29T00:00:00", "2028-03-01T00:00:00"},
		{"no leap day", "UTC", "2027-02-28T12:00:00", "2027-02-28", "2027-02-28T00:00:00", "2027-03-01T00:00:00"},
		{"the end of a year", "Asia/Kathmandu", "2026-12-31T18:14:59", "2026-12-31", "2026-12-30T18:15:00", "2026-12-31T18:15:00"},
		{"no midnight in São Paulo", "America/Sao_Paulo", "2017-10-15T12:00:00", "2017-10-15", "2017-10-15T03:00:00", "2017-10-16T02:00:00"},
		{"the second before that", "America/Sao_Paulo", "2017-10-15T02:59:59", "2017-10-14", "2017-10-14T03:00:00", "2017-10-15T03:00:00"},
		{"São Paulo sets back to 23:00", "America/Sao_Paulo", "2017-02-19T02:30:00", "2017-02-18", "2017-02-18T02:00:00", "2017-02-19T03:00:00"},
		{"no midnight in Cairo", "Africa/Cairo", "2026-04-24T09:00:00", "2026-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"},
		{"Cairo sets back to 23:00", "Africa/Cairo", "2026-10-29T21:30:00", "2026-10-29", "2026-10-28T21:00:00", "2026-10-29T22:00:00"},
		{"no midnight in Beirut", "Asia/Beirut", "2026-03-29T09:00:00", "2026-03-29", "2026-03-28T22:00:00", "2026-03-29T21:00:00"},
		{"no midnight in Santiago", "America/Santiago", "2026-09-06T12:00:00", "2026-09-06", "2026-09-06T04:00:00", "2026-09-07T03:00:00"},
		{"midnight comes twice in Havana", "America/Havana", "2026-11-01T05:30:00", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"},
		{"Apia, before the day that was left out", "Pacific/Apia", "2011-12-30T00:00:00", "2011-12-29", "2011-12-29T10:00:00", "2011-12-30T10:00:00"},
		{"and after it", "Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31", "2011-12-30T10:00:00", "2011-12-31T10:00:00"},
		{"Kwajalein leaves a day out", "Pacific/Kwajalein", "1993-08-21T12:00:00", "1993-08-22", "1993-08-21T12:00:00", "1993-08-22T12:00:00"},
		// At 00:01 of the 7th the clock goes back to 23:01 of the 6th.
		{"St John's, before it is set back over midnight", "America/St_Johns", "2010-11-07T02:30:30", "2010-11-07", "2010-11-07T02:30:00", "2010-11-08T03:30:00"},
		{"the date that is shown again is over", "America/St_Johns", "2010-11-07T03:00:00", "2010-11-07", "2010-11-07T02:30:00", "2010-11-08T03:30:00"},
		{"and the day before", "America/St_Johns", "2010-11-07T02:29:59", "2010-11-06", "2010-11-06T02:30:00", "2010-11-07T02:30:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, err := time.Parse("2006-01-02T15:04:05", tt.at)
			if err != nil {
				t.Fatal(err)
			}
			got := dayAt(at, location(t, tt.zone))
			start, end := got.start.UTC().Format("2006-01-02T15:04:05"), got.end.UTC().Format("2006-01-02T15:04:05")
			if got.date != tt.date || start != tt.start || end != tt.end {
				t.Errorf("%s from %s to %s, want %s from %s to %s", got.date, start, end, tt.date, tt.start, tt.end)
			}
		})
	}
}

// I27: in every zone each date has one reset, the days follow each other without
// a gap, and none is shorter than 22 hours or longer than 26.
func TestDaysOfEveryZone(t *testing.T) {
	t.Parallel()
	for _, name := range everyZone(t) {
		zone := location(t, name)
		last := time.Date(2031, 1, 1, 0, 0, 0, 0, zone)
		for day := dayAt(time.Date(2024, 1, 1, 12, 0, 0, 0, zone), zone); day.start.Before(last); {
			next := dayAt(day.end, zone)
			if !next.start.Equal(day.end) || next.date <= day.date {
				t.Fatalf("%s: %s ends at %s, and %s begins at %s", name, day.date, day.end, next.date, next.start)
			}
			if length := day.end.Sub(day.start); length < 22*time.Hour || length > 26*time.Hour {
				t.Fatalf("%s: %s has %s", name, day.date, length)
			}
			if shown := day.start.In(zone).Format(time.DateOnly); shown != day.date {
				t.Fatalf("%s: %s begins on %s", name, day.date, shown)
			}
			if date, err := time.Parse(time.DateOnly, day.date); err != nil || date.AddDate(0, 0, 1).Format(time.DateOnly) != next.date {
				t.Fatalf("%s: after %s comes %s", name, day.date, next.date)
			}
			day = next
		}
	}
}

// I27: around each change of an offset, the day is the latest date that the clock
// has shown. That is how a person with a diary would do it, instant by instant.
func TestDaysAroundChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, name := range everyZone(t) {
		zone := location(t, name)
		at := time.Date(2011, 12, 1, 0, 0, 0, 0, time.UTC)
		for {
			_, change := at.In(zone).ZoneBounds()
			if change.IsZero() || change.Year() > 2030 {
				break
			}
			at = change
			_, before := change.Add(-time.Second).In(zone).Zone()
			_, after := change.In(zone).Zone()
			if before == after {
				continue // another name for the same time
			}
			latest := ""
			for near := change.Add(-3 * time.Hour); near.Before(change.Add(27 * time.Hour)); near = near.Add(30 * time.Minute) {
				latest = max(latest, near.In(zone).Format(time.DateOnly))
				if got := dayAt(near, zone); got.date != latest || near.Before(got.start) || !near.Before(got.end) {
					t.Fatalf("%s at %s: %s from %s to %s, want %s", name, near.In(zone), got.date, got.start, got.end, latest)
				}
			}
		}
	}
}

func TestStart(t *testing.T) {
	b := testBudget()
	b.Location = location(t, "Europe/Berlin")
	// A day of 25 hours, on which the local day is the longer window at last.
	noon, last := time.Date(2026, 10, 25, 12, 0, 0, 0, b.Location), time.Date(2026, 10, 25, 23, 30, 0, 0, b.Location)
	day := time.Date(2026, 10, 25, 0, 0, 0, 0, b.Location)
	tests := []struct {
		window    Window
		now, want time.Time
	}{
		{LocalDay, noon, day},
		{Rolling24h, noon, noon.Add(-24 * time.Hour)},
		{Both, noon, noon.Add(-24 * time.Hour)},
		{Both, last, day},
		{LocalDay, day, day},
	}
	for _, tt := range tests {
		if got := b.Start(tt.window, tt.now); !got.Equal(tt.want) {
			t.Errorf("Start(%s, %s) = %s, want %s", tt.window, tt.now, got, tt.want)
		}
	}
	if got, want := b.Reset(noon), time.Date(2026, 10, 26, 0, 0, 0, 0, b.Location); !got.Equal(want) {
		t.Errorf("Reset = %s, want %s", got, want)
	}
}
