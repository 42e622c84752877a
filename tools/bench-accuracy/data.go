package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

const day = 24 * time.Hour

// A load is a measured series, up to the end of what is judged.
type load struct {
	name   string
	group  string // of loads that are reported as one
	series forecast.Series
	events []forecast.Event
}

// perDay returns the number of steps of a day.
func (l *load) perDay() int { return int(day / l.series.Step) }

// A task asks for one forecast: of horizon values from place at on, when those
// from place first up to at are known.
type task struct {
	load               *load
	first, at, horizon int
}

// known returns what a method may see.
func (t task) known() forecast.Series { return t.load.part(t.first, t.at) }

// actual returns what came.
func (t task) actual() []float64 { return t.load.series.Values[t.at : t.at+t.horizon] }

// part returns the values from place first up to end, which cannot be appended
// to.
func (l *load) part(first, end int) forecast.Series {
	return forecast.Series{Start: l.series.Time(first), Step: l.series.Step, Values: l.series.Values[first:end:end]}
}

// A selection narrows the data to some loads.
type selection struct {
	quick bool
	only  *regexp.Regexp
}

// quickLoads are the traces of a quick run.
var quickLoads = []string{"Twitter_volume_AAPL", "nyc_taxi", "taylor_30min"}

func (s selection) has(name string) bool { return s.only.MatchString(name) }

func (s selection) hasTrace(name string) bool {
	return s.has(name) && (!s.quick || slices.Contains(quickLoads, name))
}

// readM4 reads the hourly series of the M4 competition below dir as one task
// each: the training part is known, the test part is asked for. The competition
// does not say when the series start; all start on a Monday here.
func readM4(dir string, sel selection) ([]task, error) {
	train, err := readRows(filepath.Join(dir, "m4", "Hourly-train.csv"))
	if err != nil {
		return nil, err
	}
	test, err := readRows(filepath.Join(dir, "m4", "Hourly-test.csv"))
	if err != nil {
		return nil, err
	}
	future := map[string][]float64{}
	for _, r := range test {
		future[r.id] = r.values
	}
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	var out []task
	for i, r := range train {
		// Quick runs take each ninth series, 24 at most.
		if !sel.has(r.id) || sel.quick && (i%9 != 0 || len(out) == 24) {
			continue
		}
		values, ok := future[r.id]
		if !ok {
			return nil, fmt.Errorf("M4 series %s has no test part", r.id)
		}
		s := forecast.Series{Start: monday, Step: time.Hour, Values: slices.Concat(r.values, values)}
		out = append(out, task{load: &load{name: r.id, group: "M4", series: s}, at: len(r.values), horizon: len(values)})
	}
	return out, nil
}

// A row is one line of an M4 file.
type row struct {
	id     string
	values []float64
}

// readRows reads rows of an identifier and values. Empty cells at the end pad
// short rows; anywhere else a cell that is no number is an error, because
// leaving it out would move what follows.
func readRows(name string) ([]row, error) {
	records, err := readCSV(name)
	if err != nil {
		return nil, err
	}
	var out []row
	for _, record := range records {
		for len(record) > 1 && record[len(record)-1] == "" {
			record = record[:len(record)-1]
		}
		r := row{id: record[0]}
		for i, cell := range record[1:] {
			x, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: series %s: value %d: %w", name, r.id, i+1, err)
			}
			r.values = append(r.values, x)
		}
		out = append(out, r)
	}
	return out, nil
}

// readCSV returns the records after the head.
func readCSV(name string) ([][]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return records[min(1, len(records)):], nil
}

// sources are the files of traces by the name of the group that reports them.
var sources = []struct{ group, pattern string }{
	{"Twitter", "nab/Twitter_volume_*.csv"},
	{"nyc_taxi", "nab/nyc_taxi.csv"},
	{"nasa", "traces/nasa_5min.csv"},
	{"taylor", "traces/taylor_30min.csv"},
	{"grok_asg", "nab/grok_asg_anomaly.csv"},
	{"elb", "nab/elb_request_count_*.csv"},
}

// readTraces reads the traces below dir and tells which files are missing.
func readTraces(dir string, sel selection) (loads []*load, missing []string, err error) {
	for _, source := range sources {
		names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(source.pattern)))
		if err != nil {
			return nil, nil, err
		}
		if len(names) == 0 {
			missing = append(missing, source.pattern)
		}
		for _, file := range names {
			name := strings.TrimSuffix(filepath.Base(file), ".csv")
			if !sel.hasTrace(name) {
				continue
			}
			s, err := readTrace(file)
			if err != nil {
				return nil, nil, err
			}
			loads = append(loads, &load{name: name, group: source.group, series: s})
		}
	}
	if !sel.hasTrace("wc98") {
		return loads, missing, nil
	}
	cup, err := readWorldCup(filepath.Join(dir, "traces"))
	if errors.Is(err, fs.ErrNotExist) {
		return loads, append(missing, "traces/wc98_5min.csv or traces/wc98_5min_to_jun27.csv, and traces/wc98_matches.csv"), nil
	}
	return append(loads, cup...), missing, err
}

// worldCupWeeks are the last days of the weeks that are judged.
var worldCupWeeks = []time.Time{
	time.Date(1998, time.June, 27, 0, 0, 0, 0, time.UTC),
	time.Date(1998, time.July, 2, 0, 0, 0, 0, time.UTC),
	time.Date(1998, time.July, 10, 0, 0, 0, 0, time.UTC),
}

// readWorldCup reads the trace of the World Cup once per week that is judged,
// with the matches. Weeks that are not wholly in the file are left out.
func readWorldCup(dir string) ([]*load, error) {
	events, err := readMatches(filepath.Join(dir, "wc98_matches.csv"))
	if err != nil {
		return nil, err
	}
	s, err := readTrace(filepath.Join(dir, "wc98_5min.csv"))
	if errors.Is(err, fs.ErrNotExist) {
		s, err = readTrace(filepath.Join(dir, "wc98_5min_to_jun27.csv"))
	}
	if err != nil {
		return nil, err
	}
	var out []*load
	for _, last := range worldCupWeeks {
		end := s.Index(last.Add(day))
		if end > s.Len() {
			break
		}
		l := &load{name: strings.ToLower(last.Format("wc98_Jan02")), group: worldCupGroup(last), series: s, events: events}
		l.series = l.part(0, end)
		out = append(out, l)
	}
	return out, nil
}

func worldCupGroup(last time.Time) string { return "World Cup, week to " + last.Format("2 January") }

// readTrace reads instants and values and puts them on the grid of their
// commonest step.
func readTrace(name string) (forecast.Series, error) {
	records, err := readCSV(name)
	if err != nil {
		return forecast.Series{}, err
	}
	var at []time.Time
	var values []float64
	for i, r := range records {
		if len(r) < 2 {
			return forecast.Series{}, fmt.Errorf("%s: record %d: want a time and a value", name, i+2)
		}
		t, err := parseTime(r[0])
		if err != nil {
			return forecast.Series{}, fmt.Errorf("%s: record %d: %w", name, i+2, err)
		}
		y, err := strconv.ParseFloat(r[1], 64)
		if r[1] == "" || r[1] == "NA" {
			y, err = math.NaN(), nil
		}
		if err != nil {
			return forecast.Series{}, fmt.Errorf("%s: record %d: %w", name, i+2, err)
		}
		at, values = append(at, t), append(values, y)
	}
	s, err := onGrid(at, values)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// onGrid puts each value on the nearest place of a grid that starts with the
// first one and has the commonest step. Of two at one place the later stays.
func onGrid(at []time.Time, values []float64) (forecast.Series, error) {
	counts := map[time.Duration]int{}
	var step time.Duration
	for i := 1; i < len(at); i++ {
		d := at[i].Sub(at[i-1])
		if d < 0 {
			return forecast.Series{}, fmt.Errorf("%s comes after %s", at[i], at[i-1])
		}
		counts[d]++
		if d > 0 && counts[d] > counts[step] {
			step = d
		}
	}
	if step == 0 || day%step != 0 {
		return forecast.Series{}, fmt.Errorf("the commonest step is %s, which does not divide a day", step)
	}
	place := func(t time.Time) int { return int(math.Round(float64(t.Sub(at[0])) / float64(step))) }
	s := forecast.Series{Start: at[0].Truncate(step), Step: step, Values: make([]float64, place(at[len(at)-1])+1)}
	for i := range s.Values {
		s.Values[i] = math.NaN()
	}
	for i, t := range at {
		s.Values[place(t)] = values[i]
	}
	return s, nil
}

func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", text)
}

// readMatches reads kick-offs; each is an event of two hours.
func readMatches(name string) ([]forecast.Event, error) {
	records, err := readCSV(name)
	if err != nil {
		return nil, err
	}
	var out []forecast.Event
	for i, r := range records {
		t, err := parseTime(r[0])
		if err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", name, i+2, err)
		}
		out = append(out, forecast.Event{Class: "match", Start: t, End: t.Add(2 * time.Hour)})
	}
	slices.SortFunc(out, func(a, b forecast.Event) int { return a.Start.Compare(b.Start) })
	return out, nil
}
