package csvseries

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Bounds of events: their effects are unknowns that are solved for together.
const (
	maxEvents  = 10_000
	maxClasses = 30
	maxLength  = 72 * time.Hour
	maxFactor  = 100
)

// ReadEvents reads a file of three or four columns, with or without a head line:
// the class of the event, its start, its end and, if one is expected, the factor
// by which it multiplies the load. Times are written as in [Parse]. The events
// are sorted by start. An error is of type [strictyaml.Problems].
func ReadEvents(name string, zone *time.Location) ([]forecast.Event, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	return ParseEvents(name, data, zone)
}

// ParseEvents reads what is in a file. See [ReadEvents].
func ParseEvents(name string, data []byte, zone *time.Location) ([]forecast.Event, error) {
	r := newReader(name, data, zone)
	events := r.events()
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	classes := map[string]bool{}
	for _, e := range events {
		classes[e.Class] = true
	}
	var wrong string
	switch {
	case len(events) == 0:
		wrong = "no events; expected lines such as game,2026-11-12T18:30:00Z,2026-11-12T21:00:00Z,1.5"
	case len(events) > maxEvents:
		wrong = fmt.Sprintf("%d events, more than %d; leave out those before the load", len(events), maxEvents)
	case len(classes) > maxClasses:
		wrong = fmt.Sprintf("%d classes of events, more than %d; events of one class are alike", len(classes), maxClasses)
	default:
		slices.SortStableFunc(events, func(a, b forecast.Event) int {
			return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Class, b.Class))
		})
		return events, nil
	}
	return nil, strictyaml.Problems{{Pos: strictyaml.Pos{File: name}, Message: wrong}}
}

func (r *reader) events() []forecast.Event {
	var events []forecast.Event
	for record := r.next(); record != nil; record = r.next() {
		if len(record) != 3 && len(record) != 4 {
			r.wrong(0, fmt.Errorf("%d columns; expected a class, a start, an end and, if there is one, a factor", len(record)))
			continue
		}
		e := forecast.Event{Class: record[0]}
		r.last = math.MinInt64
		start, badStart := r.instant(record[1])
		end, badEnd := r.instant(record[2])
		if r.records == 1 && badStart != nil && badEnd != nil {
			continue
		}
		e.Start, e.End = time.Unix(start, 0).In(r.zone), time.Unix(end, 0).In(r.zone)
		good := true
		note := func(i int, err error) {
			if err != nil {
				good = false
				r.wrong(i, err)
			}
		}
		if e.Class == "" {
			note(0, errors.New("no class; name what events of this kind have in common, such as game"))
		}
		note(1, badStart)
		note(2, badEnd)
		if badStart == nil && badEnd == nil {
			note(2, checkLength(e.End.Sub(e.Start)))
		}
		if len(record) == 4 {
			factor, err := factor(record[3])
			note(3, err)
			e.Factor = factor
		}
		if good {
			events = append(events, e)
		}
	}
	return events
}

func checkLength(d time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("the end is not after the start")
	case d > maxLength:
		return fmt.Errorf("the event takes %s, more than %s", d, maxLength)
	}
	return nil
}

// factor reads what an event multiplies the load by, 0 of an empty text.
func factor(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f > 0 && f <= maxFactor) {
		return 0, fmt.Errorf("%s is no factor; expected a number above 0 and up to %d, such as 1.5", quote(text), maxFactor)
	}
	return f, nil
}
