package rulefile

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// calendar wraps lines of events, which are separated by "--".
func calendar(lines ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:u\r\n")
	for _, line := range lines {
		if line == "--" {
			line = "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u"
		}
		b.WriteString(line + "\r\n")
	}
	b.WriteString("END:VEVENT\r\nEND:VCALENDAR\r\n")
	return b.String()
}

func TestOccurrencesOfCalendars(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	to := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		lines []string
		want  []string // start/end in UTC
	}{
		"in UTC":                      {[]string{"DTSTART:20261101T180000Z", "DTEND:20261101T200000Z"}, []string{"11-01T18:00/11-01T20:00"}},
		"in its own zone":             {[]string{"DTSTART;TZID=Europe/Berlin:20261101T180000", "DURATION:PT2H30M"}, []string{"11-01T17:00/11-01T19:30"}},
		"without a zone":              {[]string{"DTSTART:20261101T180000", "DURATION:PT1H"}, []string{"11-01T23:00/11-02T00:00"}},
		"a moment":                    {[]string{"DTSTART:20261101T180000Z"}, []string{"11-01T18:00/11-01T18:00"}},
		"a day of 25 hours":           {[]string{"DTSTART;VALUE=DATE:20261101"}, []string{"11-01T04:00/11-02T05:00"}},
		"days":                        {[]string{"DTSTART;VALUE=DATE:20261031", "DTEND;VALUE=DATE:20261102"}, []string{"10-31T04:00/11-02T05:00"}},
		"a day by duration":           {[]string{"DTSTART;TZID=America/New_York:20261031T120000", "DURATION:P1D"}, []string{"10-31T16:00/11-01T17:00"}},
		"weekly across the DST end":   {[]string{"DTSTART;TZID=America/New_York:20261029T193000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"}, []string{"10-29T23:30/10-30T00:30", "11-06T00:30/11-06T01:30"}},
		"without an exception":        {[]string{"DTSTART:20261101T180000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261102T180000Z"}, []string{"11-01T18:00/11-01T19:00", "11-03T18:00/11-03T19:00"}},
		"with one more":               {[]string{"DTSTART:20261101T180000Z", "DURATION:PT1H", "RDATE:20261105T100000Z"}, []string{"11-01T18:00/11-01T19:00", "11-05T10:00/11-05T11:00"}},
		"one moved":                   {[]string{"DTSTART:20261101T180000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2", "--", "RECURRENCE-ID:20261102T180000Z", "DTSTART:20261103T200000Z", "DURATION:PT1H"}, []string{"11-01T18:00/11-01T19:00", "11-03T20:00/11-03T21:00"}},
		"one cancelled":               {[]string{"DTSTART:20261101T180000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2", "--", "RECURRENCE-ID:20261102T180000Z", "DTSTART:20261102T180000Z", "STATUS:CANCELLED"}, []string{"11-01T18:00/11-01T19:00"}},
		"cancelled":                   {[]string{"DTSTART:20261101T180000Z", "STATUS:CANCELLED"}, nil},
		"over before, and after":      {[]string{"DTSTART:20261001T180000Z", "--", "DTSTART:20261201T180000Z"}, nil},
		"begun before":                {[]string{"DTSTART:20261019T230000Z", "DURATION:PT2H"}, []string{"10-19T23:00/10-20T01:00"}},
		"forever, read within bounds": {[]string{"DTSTART:20200101T120000Z", "DURATION:PT1H", "RRULE:FREQ=MONTHLY;BYMONTHDAY=10"}, []string{"11-10T12:00/11-10T13:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			occurrences, errs := occurrencesOf("c.ics", []byte(calendar(tc.lines...)), newYork, from, to)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			var got []string
			for _, o := range occurrences {
				got = append(got, o.start.UTC().Format("01-02T15:04")+"/"+o.end.UTC().Format("01-02T15:04"))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("occurrences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOccurrencesOfBadCalendars(t *testing.T) {
	from := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		lines []string
		want  string
	}{
		"no start":         {nil, `c.ics:4:1: event "u": DTSTART is missing`},
		"the second one":   {[]string{"DTSTART:20261101T180000Z", "--"}, `c.ics:8:1: event "u": DTSTART is missing`},
		"not a date":       {[]string{"DTSTART:tomorrow"}, `event "u": DTSTART: "tomorrow" is not a date or a date with a time`},
		"unknown zone":     {[]string{"DTSTART;TZID=Mars/Base:20261101T180000"}, `event "u": DTSTART: unknown zone "Mars/Base"`},
		"ends before":      {[]string{"DTSTART:20261101T180000Z", "DTEND:20261101T170000Z"}, `event "u": it ends before it starts`},
		"bad duration":     {[]string{"DTSTART:20261101T180000Z", "DURATION:2h"}, `event "u": DURATION: "2h" is not a duration`},
		"bad recurrence":   {[]string{"DTSTART:20261101T180000Z", "RRULE:FREQ=OFTEN"}, `event "u": RRULE: `},
		"every second":     {[]string{"DTSTART:20261101T180000Z", "RRULE:FREQ=SECONDLY"}, `event "u": RRULE: it recurs more often than every hour`},
		"more than a year": {[]string{"DTSTART;VALUE=DATE:20261101", "DTEND;VALUE=DATE:20281101"}, `event "u": it takes more than a year`},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := occurrencesOf("c.ics", []byte(calendar(tc.lines...)), time.UTC, from, from.AddDate(0, 1, 0))
			if got := errs.Error(); !strings.Contains(got, tc.want) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func FuzzOccurrences(f *testing.F) {
	f.Add(calendar("DTSTART;TZID=America/New_York:20261029T193000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2"))
	f.Add(calendar("DTSTART;VALUE=DATE:20261031", "DTEND;VALUE=DATE:20261102", "EXDATE:20261031"))
	f.Add("BEGIN:VCALENDAR")
	from := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 1, 0)
	f.Fuzz(func(t *testing.T, data string) {
		occurrences, _ := occurrencesOf("c.ics", []byte(data), time.UTC, from, to)
		for _, o := range occurrences {
			if o.end.Before(o.start) || !o.start.Before(to) || !o.end.After(from) {
				t.Errorf("occurrence %s – %s is not between %s and %s", o.start, o.end, from, to)
			}
		}
	})
}
