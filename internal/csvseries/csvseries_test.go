package csvseries

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

var nan = math.NaN()

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func lines(rows ...string) []byte { return []byte(strings.Join(rows, "\n") + "\n") }

func TestParsePutsValuesOnTheGrid(t *testing.T) {
	for name, tc := range map[string]struct {
		text   []byte
		step   time.Duration
		start  string // in UTC
		want   []float64
		column string
		warned string // part of a warning
	}{
		"RFC 3339":                   {text: lines("2026-01-01T00:00:00Z,1", "2026-01-01T01:00:00+01:00,2", "2026-01-01T00:05:00.2Z,3", "2026-01-01T00:10Z,4"), start: "2026-01-01T00:00", want: []float64{1.5, 3, 4}, warned: "1 instants have several values"},
		"without an offset":          {text: lines("2026-01-01 00:00:00,1", "2026-01-01 01:00,2", "2026-01-01T02:00,3", "2026-01-01T03:00:00,4"), start: "2026-01-01T00:00", want: []float64{1, 2, 3, 4}},
		"Unix seconds":               {text: lines("1767225600,1", "1767225660.4,2", "1767225720,3"), start: "2026-01-01T00:00", want: []float64{1, 2, 3}},
		"a head line":                {text: lines("time,requests", "2026-01-01 00:00,1", "2026-01-01 01:00,2"), start: "2026-01-01T00:00", want: []float64{1, 2}, column: "requests"},
		"a mark and carriage return": {text: []byte("\ufeff2026-01-01 00:00 , 1\r\n\r\n\"2026-01-01 01:00\",2"), start: "2026-01-01T00:00", want: []float64{1, 2}},
		"missing values":             {text: lines("0,1", "60,", "120,NaN", "180,nan", "300,6"), start: "1970-01-01T00:00", want: []float64{1, nan, nan, nan, nan, 6}, warned: "most of the grid of 1m is missing"},
		"missing at the end":         {text: lines("0,1", "60,2", "120,3", "180,"), start: "1970-01-01T00:00", want: []float64{1, 2, 3, nan}},
		"gaps":                       {text: lines("0,1", "60,2", "240,5"), start: "1970-01-01T00:00", want: []float64{1, 2, nan, nan, 5}},
		"any order":                  {text: lines("120,3", "0,1", "60,2"), start: "1970-01-01T00:00", want: []float64{1, 2, 3}},
		"duplicates":                 {text: lines("0,1", "60,2", "60,4", "60,", "120,3"), start: "1970-01-01T00:00", want: []float64{1, 3, 3}, warned: "1 instants have several values"},
		"beside full minutes":        {text: lines("13,1", "73,2", "133,3"), start: "1970-01-01T00:00:13", want: []float64{1, 2, 3}},
		"late and early":             {text: lines("13,1", "73,2", "135,3", "192,4", "253,5", "313,6"), start: "1970-01-01T00:00:13", want: []float64{1, 2, 3, 4, 5, 6}, warned: "2 of 6 values were not on the grid of 1m"},
		"nowhere in common":          {text: lines("7,1", "69,2", "119,3", "185,4", "246,5"), step: time.Minute, start: "1970-01-01T00:00", want: []float64{1, 2, 3, 4, 5}, warned: "5 of 5 values were not on the grid of 1m"},
		"a longer step":              {text: lines("0,1", "600,2", "1200,3", "1800,4", "2400,5", "3000,6", "3600,7", "7200,"), step: time.Hour, start: "1970-01-01T00:00", want: []float64{3.5, 7, nan}},
		"a shorter step":             {text: lines("0,1", "60,2"), step: 30 * time.Second, start: "1970-01-01T00:00", want: []float64{1, nan, 2}},
		"before 1970":                {text: lines("-90,1", "-30,2"), start: "1969-12-31T23:58:30", want: []float64{1, 2}},
		"below zero":                 {text: lines("0,-1", "60,2"), start: "1970-01-01T00:00", want: []float64{-1, 2}, warned: "1 values are below zero"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("f.csv", tc.text, Options{Step: tc.step, Zone: time.UTC})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Series.Values, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if start := got.Series.Start.Format("2006-01-02T15:04:05"); strings.TrimSuffix(start, ":00") != tc.start && start != tc.start {
				t.Errorf("start: got %s, want %s", start, tc.start)
			}
			if got.Name != tc.column {
				t.Errorf("column: got %q, want %q", got.Name, tc.column)
			}
			if all := errors.Join(got.Warnings...); (tc.warned == "") != (all == nil) || all != nil && !strings.Contains(all.Error(), tc.warned) {
				t.Errorf("warnings: got %v, want %q", all, tc.warned)
			}
		})
	}
}

func TestParseFollowsTheWallClock(t *testing.T) {
	newYork := zone(t, "America/New_York")
	for name, tc := range map[string]struct {
		text  []byte
		start string // in UTC
		want  []float64
	}{
		"autumn, the hour comes twice": {lines("2026-11-01 00:30,0", "2026-11-01 01:00,1", "2026-11-01 01:30,2", "2026-11-01 01:00,3", "2026-11-01 01:30,4", "2026-11-01 02:00,5"), "2026-11-01T04:30:00Z", []float64{0, 1, 2, 3, 4, 5}},
		"autumn, the hour comes once":  {lines("2026-11-01 00:30,0", "2026-11-01 01:00,1", "2026-11-01 01:30,2", "2026-11-01 02:00,5"), "2026-11-01T04:30:00Z", []float64{0, 1, 2, nan, nan, 5}},
		"spring, the hour is left out": {lines("2026-03-08 01:00,1", "2026-03-08 01:30,2", "2026-03-08 03:00,3"), "2026-03-08T06:00:00Z", []float64{1, 2, 3}},
		"days of hours":                {lines("2026-11-12 23:00,1", "2026-11-13 00:00,2", "2026-11-13 01:00,4", "2026-11-13 23:00,6"), "2026-11-12T05:00:00Z", []float64{1, 4}},
		"offsets are offsets":          {lines("2026-03-08T06:00:00Z,1", "2026-03-08T06:30:00Z,2", "2026-03-08T03:00:00-04:00,3"), "2026-03-08T06:00:00Z", []float64{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Zone: newYork}
			if name == "days of hours" {
				o.Step = 24 * time.Hour
			}
			got, err := Parse("f.csv", tc.text, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Series.Values, cmpopts.EquateNaNs()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if start := got.Series.Start.UTC().Format(time.RFC3339); start != tc.start || got.Series.Start.Location() != newYork {
				t.Errorf("start: got %s in %s, want %s", start, got.Series.Start.Location(), tc.start)
			}
		})
	}
	var daily []string // days of winter and, more of them, of summer
	for day := range 100 {
		at := time.Date(2026, 1, 20+day, 0, 0, 0, 0, newYork)
		daily = append(daily, at.Format("2006-01-02 15:04")+","+strconv.Itoa(int(at.Weekday())))
	}
	got, err := Parse("f.csv", lines(daily...), Options{Zone: newYork})
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range got.Series.Values {
		if weekday := got.Series.Time(i).Weekday(); float64(weekday) != y {
			t.Errorf("%s is a %s, was written on day %v of the week", got.Series.Time(i), weekday, y)
		}
	}
	_, err = Parse("f.csv", lines("2026-03-08 01:30,1", "2026-03-08 02:30,2"), Options{Zone: newYork})
	if want := `f.csv:2:1: "2026-03-08 02:30:00" does not exist in America/New_York, where the clocks went forward; write the offset, as in 2026-11-12T18:30:00Z`; err == nil || err.Error() != want {
		t.Errorf("a time that does not exist: got %v, want %s", err, want)
	}
}

func TestParseReportsAllProblems(t *testing.T) {
	for name, tc := range map[string]struct {
		text []byte
		step time.Duration
		want string
	}{
		"empty":          {nil, 0, "f.csv: no values; expected lines such as 2026-11-12T18:30:00Z,12.5"},
		"only a head":    {lines("time,load"), 0, "f.csv: no values; expected lines such as 2026-11-12T18:30:00Z,12.5"},
		"all missing":    {lines("0,", "60,NaN"), 0, "f.csv: every value is missing"},
		"one instant":    {lines("0,1", "0,2"), 0, "f.csv: all values are of one instant; expected a load over time"},
		"seven minutes":  {lines("0,1", "420,2", "840,3"), 0, "f.csv: the commonest distance of two values is 7m, which does not divide a day; give a step such as 5m"},
		"a wrong step":   {lines("0,1", "60,2"), 7 * time.Minute, "f.csv: step 7m does not divide a day in whole seconds; 5m does"},
		"too many steps": {lines("0,1", "1,2", "2,2", "86400000,2"), 0, "f.csv: 86400001 steps of 1s lie between the first and the last value, more than 262144; give a longer step"},
		"instants": {lines("2026/01/01 00:00,1", "2026-13-01 00:00,2", "1767225600000,3", "1700-01-01 00:00,4", "NaN,5", ",6"), 0, `f.csv:1:1: "2026/01/01 00:00" is no instant; expected a time such as 2026-11-12T18:30:00Z or 2026-11-12 18:30:00, or seconds since 1970
f.csv:2:1: "2026-13-01 00:00" is no instant; expected a time such as 2026-11-12T18:30:00Z or 2026-11-12 18:30:00, or seconds since 1970
f.csv:3:1: "1767225600000" is no instant; expected seconds since 1970, not milliseconds, or a time such as 2026-11-12T18:30:00Z
f.csv:4:1: "1700-01-01 00:00" lies in the year 1700; expected 1900 to 2190
f.csv:5:1: "NaN" is no instant; expected seconds since 1970, not milliseconds, or a time such as 2026-11-12T18:30:00Z
f.csv:6:1: "" is no instant; expected a time such as 2026-11-12T18:30:00Z or 2026-11-12 18:30:00, or seconds since 1970`},
		"values": {lines("0,x", "60,1,5", "120", "180,Inf", "240,1e999", "300,"+strings.Repeat("y", 60)), 0, `f.csv:1:3: "x" is not a number; leave a missing value empty
f.csv:2:1: 3 columns; expected 2, an instant and a value
f.csv:3:1: 1 columns; expected 2, an instant and a value
f.csv:4:5: "Inf" is out of range; expected a number within ±1e+30
f.csv:5:5: "1e999" is out of range; expected a number within ±1e+30
f.csv:6:5: "` + strings.Repeat("y", 40) + `…" is not a number; leave a missing value empty`},
		"both of a line": {lines("time,load", "x,y"), 0, "f.csv:2:1: \"x\" is no instant; expected a time such as 2026-11-12T18:30:00Z or 2026-11-12 18:30:00, or seconds since 1970\nf.csv:2:3: \"y\" is not a number; leave a missing value empty"},
		"quotes":         {lines(`0,1`, `60,a"b`, `120,x`, `"180,2`, `240,3`), 0, "f.csv:2:5: not CSV: bare \" in non-quoted-field\nf.csv:3:5: \"x\" is not a number; leave a missing value empty\nf.csv:4:1: a quote is not closed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("f.csv", tc.text, Options{Step: tc.step, Zone: time.UTC})
			if _, ok := errors.AsType[strictyaml.Problems](err); !ok {
				t.Fatalf("got %v, want problems", err)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseKeepsTheFirstTwentyProblems(t *testing.T) {
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "%d,x\n", 60*i)
	}
	_, err := Parse("f.csv", []byte(text.String()), Options{Zone: time.UTC})
	got := strings.Split(err.Error(), "\n")
	if want := "f.csv:21:6: and 30 more problems from here on"; len(got) != 21 || got[20] != want {
		t.Errorf("got %d lines, the last %q, want 21 and %q", len(got), got[len(got)-1], want)
	}
}

func TestReadTakesRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, MaxFileSize+1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		pipe: "is not a regular file", dir: "is not a regular file", filepath.Join(dir, "none"): "no such file or directory",
		large: "has more than 67108864 bytes; split it",
	} {
		_, err := Read(name, Options{Zone: time.UTC})
		_, wrong := ReadEvents(name, time.UTC)
		if want = name + ": " + want; err == nil || err.Error() != want || wrong == nil || wrong.Error() != want {
			t.Errorf("got %v and %v, want %s", err, wrong, want)
		}
	}
}

func TestParseEventsSortsThem(t *testing.T) {
	got, err := ParseEvents("e.csv", lines("class,start,end,factor", "game,2026-11-12 19:00,2026-11-12 21:30,2.5", "news,2026-11-10T12:00:00Z,2026-11-10T13:00:00Z", "game,1760000000,1760003600,"), zone(t, "America/New_York"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		x, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	want := []forecast.Event{
		{Class: "game", Start: time.Unix(1760000000, 0), End: time.Unix(1760003600, 0)},
		{Class: "news", Start: at("2026-11-10T12:00:00Z"), End: at("2026-11-10T13:00:00Z")},
		{Class: "game", Start: at("2026-11-13T00:00:00Z"), End: at("2026-11-13T02:30:00Z"), Factor: 2.5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestParseEventsReportsAllProblems(t *testing.T) {
	const begin, end = "2026-11-12T18:00:00Z", "2026-11-12T20:00:00Z"
	row := func(parts ...string) string { return strings.Join(parts, ",") }
	var classes, many []string
	for i := range 40 {
		classes = append(classes, row("c"+strconv.Itoa(i), begin, end))
	}
	for range maxEvents + 1 {
		many = append(many, row("game", begin, end))
	}
	for name, tc := range map[string]struct {
		text []byte
		want string
	}{
		"empty":            {lines("class,start,end"), "e.csv: no events; expected lines such as game,2026-11-12T18:30:00Z,2026-11-12T21:00:00Z,1.5"},
		"too many classes": {lines(classes...), "e.csv: 40 classes of events, more than 30; events of one class are alike"},
		"too many":         {lines(many...), "e.csv: 10001 events, more than 10000; leave out those before the load"},
		"wrong lines": {lines(row("", begin, end), row("game", end, begin), row("game", begin, begin), row("game", begin), row("game", begin, "2026-12-12T18:00:00Z"), row("game", "x", end, "-1"), row("game", begin, end, "NaN"), row("game", begin, end, "1000")),
			`e.csv:1:1: no class; name what events of this kind have in common, such as game
e.csv:2:27: the end is not after the start
e.csv:3:27: the end is not after the start
e.csv:4:1: 2 columns; expected a class, a start, an end and, if there is one, a factor
e.csv:5:27: the event takes 720h0m0s, more than 72h0m0s
e.csv:6:6: "x" is no instant; expected a time such as 2026-11-12T18:30:00Z or 2026-11-12 18:30:00, or seconds since 1970
e.csv:6:29: "-1" is no factor; expected a number above 0 and up to 100, such as 1.5
e.csv:7:48: "NaN" is no factor; expected a number above 0 and up to 100, such as 1.5
e.csv:8:48: "1000" is no factor; expected a number above 0 and up to 100, such as 1.5`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseEvents("e.csv", tc.text, time.UTC)
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzParse checks that what is accepted is a series that says the same when it
// is written and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte("time,load\n2026-11-01 01:30,1\n2026-11-01 01:30,2\n2026-11-01 02:00,NaN\n2026-11-01 02:30,-0\n"), int64(0))
	f.Add(lines("13,1", "75,2", "133,1e30", "190,", "253,5"), int64(60))
	f.Add(lines("0,0x1p-2", "1,1_0", "-9999999999,3"), int64(86400))
	f.Add([]byte("\ufeff\"0\",\"1\"\r\n\"60\",\"2\n"), int64(-1))
	newYork := zone(f, "America/New_York")
	f.Fuzz(func(t *testing.T, data []byte, step int64) {
		o := Options{Step: time.Duration(step%100_000) * time.Second, Zone: newYork}
		got, err := Parse("f.csv", data, o)
		if err != nil {
			if _, ok := errors.AsType[strictyaml.Problems](err); !ok || len(err.Error()) == 0 {
				t.Fatalf("error is not problems: %v", err)
			}
			return
		}
		s := got.Series
		if err := CheckStep(s.Step); err != nil || s.Len() == 0 || s.Len() > maxValues {
			t.Fatalf("step %s, %d values", s.Step, s.Len())
		}
		var again strings.Builder
		for i, y := range s.Values {
			if math.IsInf(y, 0) {
				t.Fatalf("value %d is %v", i, y)
			}
			fmt.Fprintf(&again, "%s,%v\n", s.Time(i).Format(time.RFC3339), y)
		}
		second, err := Parse("f.csv", []byte(again.String()), Options{Step: s.Step, Zone: newYork})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.Values, second.Series.Values, cmpopts.EquateNaNs()); diff != "" || !second.Series.Start.Equal(s.Start) {
			t.Errorf("start %s, then %s; values:\n%s", s.Start, second.Series.Start, diff)
		}
	})
}

// FuzzParseEvents checks what forecasts rely on.
func FuzzParseEvents(f *testing.F) {
	f.Add(lines("class,start,end,factor", "game,2026-11-12 19:00,2026-11-12 21:30,2.5", "game,1760000000,1760003600"))
	f.Add(lines("a,0,1,1e-300", "a,0,259200,NaN", ",,,"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := ParseEvents("e.csv", data, time.UTC)
		for i, e := range events {
			if err != nil || e.Class == "" || !e.End.After(e.Start) || !(e.Factor >= 0 && e.Factor <= maxFactor) || i > 0 && e.Start.Before(events[i-1].Start) {
				t.Fatalf("event %d is %+v, error %v", i, e, err)
			}
		}
		if err == nil && len(events) == 0 {
			t.Fatal("neither events nor an error")
		}
	})
}
