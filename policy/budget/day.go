package budget

import "time"

const rollingLength = 24 * time.Hour

// localDay is a date of a wall clock and when it is that date: from start until
// just before end.
type localDay struct {
	date       string // YYYY-MM-DD
	start, end time.Time
}

// dayAt returns the local day at t. Days follow each other without a gap: each
// ends where the next date is first shown. When a clock is set back over
// midnight it shows a date again whose day is over; the day stays the next one.
func dayAt(t time.Time, zone *time.Location) localDay {
	date := shownDate(t, zone)
	end := firstShown(date.AddDate(0, 0, 1), zone)
	if !end.After(t) {
		date = shownDate(end, zone)
		end = firstShown(date.AddDate(0, 0, 1), zone)
	}
	return localDay{date.Format(time.DateOnly), firstShown(date, zone), end}
}

// shownDate returns the date that a clock in zone shows at t, as midnight in UTC.
func shownDate(t time.Time, zone *time.Location) time.Time {
	year, month, day := t.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// firstShown returns the first instant at which a clock in zone shows the date,
// midnight in UTC, or a later one. It looks through the spans of constant offset
// around it, since the clock may jump over midnight, show it twice, or leave a
// date out.
func firstShown(date time.Time, zone *time.Location) time.Time {
	const reach = 48 * time.Hour // more than any change of an offset
	about := midnight(date, date.In(zone))
	at := about.Add(-reach)
	for last := about.Add(reach); at.Before(last); {
		local := at.In(zone)
		_, end := local.ZoneBounds()
		shown := midnight(date, local)
		if shown.Before(at) {
			shown = at // the clock jumped over midnight
		}
		if end.IsZero() || shown.Before(end) {
			return shown
		}
		at = end
	}
	return at
}

// midnight returns the instant of midnight of the date at the offset of local.
func midnight(date, local time.Time) time.Time {
	_, offset := local.Zone()
	return date.Add(-time.Duration(offset) * time.Second)
}
