package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

const (
	maxCalendarSize = 16 << 20
	maxOccurrences  = 10_000 // of one calendar within the time that is read
	maxSummary      = 200    // bytes
)

// occurrence is one time at which an event of a calendar takes place.
type occurrence struct {
	uid, summary string
	start, end   time.Time
}

// occurrencesOf returns what takes place between from and to, recurrences
// expanded, moved and cancelled ones by their UID. Times without a zone are in
// zone.
func occurrencesOf(file string, data []byte, zone *time.Location, from, to time.Time) (out []occurrence, problems strictyaml.Problems) {
	cal, err := ics.ParseCalendar(bytes.NewReader(data))
	if err != nil {
		problems.Add(strictyaml.Pos{File: file, Line: 1, Col: 1}, "not a calendar: %s", err)
		return nil, problems
	}
	lines := eventLines(data)
	var entries []entry
	replaced := map[string][]time.Time{} // by UID: instants that another entry replaces
	for i, e := range cal.Events() {
		en, err := readEntry(e, zone)
		if err != nil {
			problems.Add(strictyaml.Pos{File: file, Line: lines[min(i, len(lines)-1)], Col: 1}, "event %q: %s", shorten(e.Id()), err)
			continue
		}
		entries = append(entries, en)
		if !en.replaces.IsZero() {
			replaced[en.uid] = append(replaced[en.uid], en.replaces)
		}
	}
	for _, en := range entries {
		if en.cancelled {
			continue
		}
		for _, start := range en.starts(replaced[en.uid], from, to) {
			if end := en.endOf(start); end.After(from) && start.Before(to) {
				out = append(out, occurrence{en.uid, en.summary, start, end})
			}
		}
		if len(out) > maxOccurrences {
			problems.Add(strictyaml.Pos{File: file, Line: 1, Col: 1}, "more than %d events between %s and %s", maxOccurrences, from.Format(time.DateOnly), to.Format(time.DateOnly))
			return nil, problems
		}
	}
	return out, problems
}

// eventLines returns the lines at which events begin, and the first one, so
// that there is one.
func eventLines(data []byte) []int {
	var begins []int
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if bytes.EqualFold(bytes.TrimSpace(line), []byte("BEGIN:VEVENT")) {
			begins = append(begins, number)
		}
	}
	if len(begins) == 0 {
		return []int{1}
	}
	return begins
}

// entry is a VEVENT.
type entry struct {
	uid, summary string
	start        time.Time
	length       time.Duration // of an event with times
	days         int           // > 0: of an event of whole days
	rule         *rrule.RRule
	more, except []time.Time
	replaces     time.Time // the recurrence that this one stands for
	cancelled    bool
}

func readEntry(e *ics.VEvent, zone *time.Location) (entry, error) {
	en := entry{uid: e.Id(), cancelled: strings.EqualFold(text(e, ics.ComponentPropertyStatus), "CANCELLED")}
	en.summary = shorten(ics.FromText(text(e, ics.ComponentPropertySummary)))
	start := e.GetProperty(ics.ComponentPropertyDtStart)
	if start == nil {
		return en, errors.New("DTSTART is missing")
	}
	begins, err := times(start, zone)
	if err != nil {
		return en, err
	}
	en.start = begins[0]
	wholeDays := !strings.Contains(start.Value, "T")
	end, err := readEnd(e, en.start, wholeDays, zone)
	if err != nil {
		return en, err
	}
	if wholeDays {
		for d := en.start; d.Before(end); d = d.AddDate(0, 0, 1) {
			if en.days++; en.days > 366 {
				return en, errors.New("it takes more than a year")
			}
		}
	}
	if en.length = end.Sub(en.start); en.length < 0 {
		return en, errors.New("it ends before it starts")
	}
	if r := e.GetProperty(ics.ComponentPropertyRrule); r != nil {
		if en.rule, err = recurrence(r.Value, en.start); err != nil {
			return en, fmt.Errorf("RRULE: %w", err)
		}
	}
	for property, into := range map[ics.ComponentProperty]*[]time.Time{
		ics.ComponentPropertyRdate: &en.more, ics.ComponentPropertyExdate: &en.except,
	} {
		for _, p := range e.GetProperties(property) {
			ts, err := times(p, en.start.Location())
			if err != nil {
				return en, err
			}
			*into = append(*into, ts...)
		}
	}
	if p := e.GetProperty(ics.ComponentPropertyRecurrenceId); p != nil {
		ts, err := times(p, zone)
		if err != nil {
			return en, err
		}
		en.replaces = ts[0]
	}
	return en, nil
}

func text(e *ics.VEvent, property ics.ComponentProperty) string {
	if p := e.GetProperty(property); p != nil {
		return p.Value
	}
	return ""
}

func shorten(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
	if len(s) > maxSummary {
		s = strings.ToValidUTF8(s[:maxSummary], "")
	}
	return s
}

// readEnd returns when an event ends: DTEND, or DURATION after the start, or a
// day or nothing after it (RFC 5545, section 3.6.1).
func readEnd(e *ics.VEvent, start time.Time, wholeDays bool, zone *time.Location) (time.Time, error) {
	if p := e.GetProperty(ics.ComponentPropertyDtEnd); p != nil {
		ts, err := times(p, zone)
		if err != nil {
			return time.Time{}, err
		}
		return ts[0], nil
	}
	if p := e.GetProperty(ics.ComponentPropertyDuration); p != nil {
		return addDuration(start, p.Value)
	}
	if wholeDays {
		return start.AddDate(0, 0, 1), nil
	}
	return start, nil
}

// times reads the comma-separated dates or date-times of a property: in UTC, in
// the zone of its TZID, or without a zone and then in zone.
func times(p *ics.IANAProperty, zone *time.Location) ([]time.Time, error) {
	if ids := p.ICalParameters["TZID"]; len(ids) == 1 {
		named, err := time.LoadLocation(strings.Trim(ids[0], `"`))
		if err != nil {
			return nil, fmt.Errorf("%s: unknown zone %q", p.IANAToken, ids[0])
		}
		zone = named
	}
	var out []time.Time
	for value := range strings.SplitSeq(p.Value, ",") {
		value, _, _ = strings.Cut(value, "/") // a period starts at its first part
		layout, in := "20060102T150405", zone
		switch {
		case strings.HasSuffix(value, "Z"):
			layout, in = "20060102T150405Z", time.UTC
		case !strings.Contains(value, "T"):
			layout = "20060102"
		}
		t, err := time.ParseInLocation(layout, value, in)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a date or a date with a time", p.IANAToken, value)
		}
		out = append(out, t)
	}
	return out, nil
}

var durationSyntax = regexp.MustCompile(`^\+?P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,5})S)?)?$`)

// addDuration adds a DURATION: weeks and days by the calendar, the rest by the
// clock (RFC 5545, section 3.3.6).
func addDuration(start time.Time, value string) (time.Time, error) {
	m := durationSyntax.FindStringSubmatch(value)
	if m == nil {
		return time.Time{}, fmt.Errorf("DURATION: %q is not a duration", value)
	}
	n := func(i int) int {
		k, _ := strconv.Atoi("0" + m[i]) // digits only
		return k
	}
	clock := time.Duration(n(3))*time.Hour + time.Duration(n(4))*time.Minute + time.Duration(n(5))*time.Second
	return start.AddDate(0, 0, 7*n(1)+n(2)).Add(clock), nil
}

func recurrence(value string, start time.Time) (*rrule.RRule, error) {
	o, err := rrule.StrToROptionInLocation(value, start.Location())
	if err != nil {
		return nil, err
	}
	if o.Freq > rrule.HOURLY {
		return nil, errors.New("it recurs more often than every hour")
	}
	o.Dtstart = start
	return rrule.NewRRule(*o)
}

// starts returns when the entry starts between from, with its length before,
// and to.
func (en entry) starts(replaced []time.Time, from, to time.Time) []time.Time {
	if en.rule == nil && len(en.more) == 0 {
		if en.replaces.IsZero() && contains(replaced, en.start) {
			return nil
		}
		return []time.Time{en.start}
	}
	var set rrule.Set
	if en.rule != nil {
		set.RRule(en.rule)
	} else {
		set.RDate(en.start)
	}
	for _, t := range en.more {
		set.RDate(t)
	}
	for _, t := range en.except {
		set.ExDate(t)
	}
	for _, t := range replaced {
		set.ExDate(t)
	}
	return set.Between(from.Add(-en.length), to, true)
}

func contains(ts []time.Time, t time.Time) bool {
	for _, u := range ts {
		if u.Equal(t) {
			return true
		}
	}
	return false
}

func (en entry) endOf(start time.Time) time.Time {
	if en.days > 0 {
		return start.AddDate(0, 0, en.days)
	}
	return start.Add(en.length)
}
