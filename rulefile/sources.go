package rulefile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// sources reads what makes events; dir is where the rule file is.
func (l *loader) sources(sources []eventSource, dir string) {
	for _, s := range sources {
		if !l.name("event source", s.Name, s.Where) {
			continue
		}
		l.eventType(s.At("event"), fmt.Sprintf("event source %q", s.Name), s.Event.Type)
		given := 0
		for _, key := range []string{"ics", "dates", "expr"} {
			if s.Has(key) {
				given++
			}
		}
		if given != 1 {
			l.Add(s.Pos(), "event source %q needs one of ics, dates and expr", s.Name)
			continue
		}
		classes, zone := l.classes(s), l.location(s.Where, s.Location)
		switch {
		case s.Has("ics"):
			l.calendar(s, dir, classes, zone)
		case s.Has("dates"):
			l.dates(s, classes, zone)
		default:
			l.expr(s)
		}
	}
}

// eventType checks a type of events that is written.
func (l *loader) eventType(at strictyaml.Pos, whose, text string) {
	switch {
	case text == "":
		l.Add(at, "%s: event needs a type, like {type: game}", whose)
	case strings.HasPrefix(text, policy.ExprType):
		l.Add(at, "%s: types that begin with %q are those of expr in conditions; choose another, got %q", whose, policy.ExprType, text)
	}
}

// calendar reads a calendar from a file or from where a URL says.
func (l *loader) calendar(s eventSource, dir string, classes []class, zone *time.Location) {
	name := s.ICS.File
	var data []byte
	var err error
	switch {
	case (s.ICS.File == "") == (s.ICS.URL == ""):
		l.Add(s.At("ics"), "event source %q: ics needs a file or a url", s.Name)
		return
	case s.ICS.URL != "" && l.Fetch == nil:
		l.warn(s.ICS.At("url"), "calendar %s is not fetched here; its events are not known", s.ICS.URL)
		return
	case s.ICS.URL != "":
		name = s.ICS.URL
		if !strings.HasPrefix(name, "http://") && !strings.HasPrefix(name, "https://") {
			l.Add(s.ICS.At("url"), "event source %q: url must begin with http:// or https://, got %q", s.Name, name)
			return
		}
		if data, err = l.Fetch(s.Name, name); data != nil && err != nil {
			l.warn(s.ICS.At("url"), "calendar %s: %s; its last good copy counts", name, err)
		} else if err != nil {
			l.warn(s.ICS.At("url"), "calendar %s: %s; its events are not known", name, err)
			return
		}
	default:
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if data, err = strictyaml.ReadFile(name, maxCalendarSize); err != nil {
			l.Add(s.ICS.At("file"), "calendar %s: %s", name, err)
			return
		}
	}
	l.note(name, data)
	occurrences, problems := occurrencesOf(name, data, zone, l.Now.Add(-l.History-24*time.Hour), l.Now.Add(ahead))
	if s.ICS.URL != "" { // others write it: what is wrong in it must not keep rules from changing
		l.warnings = append(l.warnings, problems...)
	} else {
		l.Problems = append(l.Problems, problems...)
		l.files = append(l.files, name)
	}
	for _, o := range occurrences {
		l.events = append(l.events, event(s, classes, o))
	}
	if len(problems) > 0 || anyEndsAfter(occurrences, l.Now) {
		return
	}
	// Between two seasons it goes on only after more than what is loaded.
	if later, problems := occurrencesOf(name, data, zone, l.Now, l.Now.Add(lookahead)); len(later)+len(problems) == 0 {
		l.warn(s.At("ics"), "calendar %s has no events to come; put those of the next season into it or remove the source", name)
	}
}

// CheckCalendar reports whether data is a calendar at all.
func CheckCalendar(data []byte) error {
	if !bytes.Contains(data, []byte("BEGIN:VCALENDAR")) {
		return errors.New("not a calendar: BEGIN:VCALENDAR is missing")
	}
	if _, err := ics.ParseCalendar(bytes.NewReader(data)); err != nil {
		return fmt.Errorf("not a calendar: %w", err)
	}
	return nil
}

func anyEndsAfter(occurrences []occurrence, t time.Time) bool {
	for _, o := range occurrences {
		if o.end.After(t) {
			return true
		}
	}
	return false
}

// dates reads events that are written out.
func (l *loader) dates(s eventSource, classes []class, zone *time.Location) {
	for _, d := range s.Dates {
		start, ok := l.instant(d.At("start"), d.Start, zone)
		if !ok {
			continue
		}
		end := start.Add(time.Duration(d.Duration))
		if d.Has("end") {
			if end, ok = l.instant(d.At("end"), d.End, zone); !ok {
				continue
			}
		}
		switch {
		case d.Has("end") == d.Has("duration"):
			l.Add(d.Pos(), "event source %q: an event needs either end or duration", s.Name)
		case !end.After(start):
			l.Add(d.At("end"), "event source %q: the event ends at %s, not after its start", s.Name, end.Format(time.RFC3339))
		}
		e := event(s, classes, occurrence{uid: d.Name, summary: d.Name, start: start, end: end})
		maps.Copy(e.Labels, d.Labels)
		l.events = append(l.events, e)
	}
}

// instant reads a time with its offset, or one of the zone's wall clock.
func (l *loader) instant(at strictyaml.Pos, text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	l.Add(at, "expected a time like 2026-12-24T18:00 in %s, or with an offset like 2026-12-24T18:00:00-05:00, got %q", zone, text)
	return time.Time{}, false
}

// expr reads a query that makes events while it is true.
func (l *loader) expr(s eventSource) {
	l.query(s.Expr.At("query"), fmt.Sprintf("event source %q", s.Name), s.Expr.Query)
	l.exprs = append(l.exprs, engine.Expr{Name: s.Name, Query: s.Expr.Query, For: time.Duration(s.Expr.For), Type: s.Event.Type, Labels: s.Event.Labels})
}

// trueWhile returns what matches while an expression of a condition is true: the events
// of a source of its own, one for all conditions that ask the same.
func (l *loader) trueWhile(x expr) policy.EventMatch {
	typ := x.eventType()
	if !slices.ContainsFunc(l.exprs, func(known engine.Expr) bool { return known.Type == typ }) {
		l.exprs = append(l.exprs, engine.Expr{Name: typ, Query: x.Query, For: time.Duration(x.For), Type: typ})
	}
	return policy.EventMatch{Type: typ}
}

// eventType is the expression in words, however it is spaced.
func (x expr) eventType() string {
	text := x.Query
	if parsed, err := parser.NewParser(parser.Options{}).ParseExpr(text); err == nil {
		text = parsed.String()
	}
	if x.For > 0 {
		text += " for " + x.For.String()
	}
	return policy.ExprType + text
}

// class adds labels to the events whose summary it matches.
type class struct {
	summary *regexp.Regexp
	labels  map[string]string
}

func (l *loader) classes(s eventSource) []class {
	var out []class
	for _, c := range s.Classify {
		re, err := regexp.Compile(c.Summary)
		switch {
		case c.Summary == "" || len(c.Labels) == 0:
			l.Add(c.Pos(), "event source %q: classify needs summary and labels", s.Name)
		case err != nil:
			l.Add(c.At("summary"), "event source %q: %s", s.Name, err)
		default:
			out = append(out, class{re, c.Labels})
		}
	}
	return out
}

func event(s eventSource, classes []class, o occurrence) policy.Event {
	labels := map[string]string{}
	maps.Copy(labels, s.Event.Labels)
	for _, c := range classes {
		if c.summary.MatchString(o.summary) {
			maps.Copy(labels, c.labels)
		}
	}
	return policy.Event{
		ID:   s.Name + "/" + o.uid + "/" + o.start.UTC().Format("20060102T150405Z"),
		Type: s.Event.Type, Name: o.summary, Start: o.start, End: o.end, Labels: labels, Source: s.Name,
	}
}
