package csvseries

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// example is an instant as it should be written.
const example = "2026-11-12T18:30:00Z"

// reader reads records and notes what is wrong with them.
type reader struct {
	csv      *csv.Reader
	zone     *time.Location
	problems problems
	name     string // of the column of values
	last     int64  // instant of the row above
	records  int
}

func newReader(file string, data []byte, zone *time.Location) *reader {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	r := &reader{csv: csv.NewReader(bytes.NewReader(data)), zone: zone, problems: problems{file: file}, last: math.MinInt64}
	r.csv.FieldsPerRecord, r.csv.ReuseRecord = -1, true
	return r
}

// next returns the next record; nil at the end.
func (r *reader) next() []string {
	for {
		record, err := r.csv.Read()
		syntax, wrong := errors.AsType[*csv.ParseError](err)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case wrong && syntax.Line > syntax.StartLine:
			r.problems.add(syntax.StartLine, 1, "a quote is not closed")
			continue
		case wrong:
			r.problems.add(syntax.Line, syntax.Column, "not CSV: %s", syntax.Err)
			continue
		case err != nil:
			r.problems.add(0, 0, "%s", err)
			return nil
		}
		if r.records++; r.records > maxRows {
			line, column := r.csv.FieldPos(0)
			r.problems.add(line, column, "more than %d lines; split the file", maxRows)
			return nil
		}
		for i := range record {
			record[i] = strings.TrimSpace(record[i])
		}
		return record
	}
}

// wrong notes what is wrong with field i of the record that was read last.
func (r *reader) wrong(i int, err error) {
	line, column := r.csv.FieldPos(i)
	r.problems.add(line, column, "%s", err)
}

// series reads instants and values.
func (r *reader) series() []row {
	var rows []row
	for record := r.next(); record != nil; record = r.next() {
		if len(record) != 2 {
			r.wrong(0, fmt.Errorf("%d columns; expected 2, an instant and a value", len(record)))
			continue
		}
		unix, badTime := r.instant(record[0])
		value, badValue := number(record[1])
		if r.records == 1 && badTime != nil && badValue != nil {
			r.name = record[1]
			continue
		}
		if badTime != nil {
			r.wrong(0, badTime)
		}
		if badValue != nil {
			r.wrong(1, badValue)
		}
		if badTime == nil && badValue == nil {
			rows = append(rows, row{unix, value})
		}
	}
	return rows
}

// number reads a value, NaN of an empty one.
func number(text string) (float64, error) {
	if text == "" {
		return math.NaN(), nil
	}
	const largest = 1e30 // forecast takes no larger ones
	y, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is not a number; leave a missing value empty", quote(text))
	case math.Abs(y) > largest:
		return 0, fmt.Errorf("%s is out of range; expected a number within ±%g", quote(text), largest)
	}
	return y, nil
}

// layouts are the ways to write an instant, with a T between date and time.
var layouts = []struct {
	layout string
	offset bool
}{
	{"2006-01-02T15:04:05", false},
	{time.RFC3339, true},
	{"2006-01-02T15:04", false},
	{"2006-01-02T15:04Z07:00", true},
}

// The years of instants, which keep differences within a time.Duration.
const firstYear, lastYear = 1900, 2190

// instant reads an instant and returns it in seconds since 1970.
func (r *reader) instant(text string) (int64, error) {
	unix, err := r.parse(text)
	if err != nil {
		return 0, err
	}
	if year := time.Unix(unix, 0).UTC().Year(); year < firstYear || year > lastYear {
		return 0, fmt.Errorf("%s lies in the year %d; expected %d to %d", quote(text), year, firstYear, lastYear)
	}
	r.last = unix
	return unix, nil
}

func (r *reader) parse(text string) (int64, error) {
	const mostSeconds = 1e10 // more are milliseconds
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(math.Abs(seconds) < mostSeconds) {
			return 0, fmt.Errorf("%s is no instant; expected seconds since 1970, not milliseconds, or a time such as %s", quote(text), example)
		}
		return int64(math.Round(seconds)), nil
	}
	withT := text
	if len(text) > 10 && text[10] == ' ' {
		withT = text[:10] + "T" + text[11:]
	}
	for _, l := range layouts {
		t, err := time.Parse(l.layout, withT)
		if err != nil {
			continue
		}
		if t = t.Round(time.Second); l.offset {
			return t.Unix(), nil
		}
		return r.wallClock(t)
	}
	return 0, fmt.Errorf("%s is no instant; expected a time such as %s or 2026-11-12 18:30:00, or seconds since 1970", quote(text), example)
}

// wallClock returns the instant at which the clocks of the zone show what the
// clock of UTC shows at t. Of two it is the second if the row above is not before
// the first.
func (r *reader) wallClock(t time.Time) (int64, error) {
	var found []int64
	for _, around := range [...]time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := t.Add(around).In(r.zone).Zone()
		unix := t.Unix() - int64(offset)
		if _, there := time.Unix(unix, 0).In(r.zone).Zone(); there == offset {
			found = append(found, unix)
		}
	}
	if len(found) == 0 {
		return 0, fmt.Errorf("%q does not exist in %s, where the clocks went forward; write the offset, as in %s", t.Format(time.DateTime), r.zone, example)
	}
	if r.last >= found[0] { // of two, the offset before the change gives the first
		return found[len(found)-1], nil
	}
	return found[0], nil
}

// quote returns a text in quotes, cut where it is long.
func quote(text string) string {
	const most = 40
	if letters := []rune(text); len(letters) > most {
		text = string(letters[:most]) + "…"
	}
	return strconv.Quote(text)
}

// problems keeps the first ones and counts the rest.
type problems struct {
	file  string
	first strictyaml.Problems
	more  int
	at    strictyaml.Pos // of the first that is not kept
}

const maxProblems = 20

func (ps *problems) add(line, column int, format string, args ...any) {
	at := strictyaml.Pos{File: ps.file, Line: line, Col: column}
	if len(ps.first) < maxProblems {
		ps.first.Add(at, format, args...)
		return
	}
	if ps.more++; ps.more == 1 {
		ps.at = at
	}
}

func (ps *problems) err() error {
	if ps.more > 0 {
		ps.first.Add(ps.at, "and %d more problems from here on", ps.more)
	}
	return ps.first.Err()
}
