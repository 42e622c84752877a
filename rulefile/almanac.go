package rulefile

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// span is the half-open interval [from, to) in seconds since 1970.
type span struct{ from, to int64 }

// spans are sorted and apart.
type spans []span

// joined sorts spans and joins those that touch or overlap.
func joined(ss spans) spans {
	slices.SortFunc(ss, func(a, b span) int { return int(min(max(a.from-b.from, -1), 1)) })
	out := ss[:0]
	for _, s := range ss {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// and returns what is in both.
func (a spans) and(b spans) spans {
	var out spans
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if from, to := max(a[i].from, b[j].from), min(a[i].to, b[j].to); from < to {
			out = append(out, span{from, to})
		}
		if a[i].to < b[j].to {
			i++
		} else {
			j++
		}
	}
	return out
}

// without returns what is in a and not in b.
func (a spans) without(b spans) spans {
	var out spans
	j := 0
	for _, s := range a {
		for j < len(b) && b[j].to <= s.from {
			j++
		}
		for k := j; k < len(b) && b[k].from < s.to; k++ {
			if b[k].from > s.from {
				out = append(out, span{s.from, b[k].from})
			}
			s.from = b[k].to
		}
		if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}

// within reports whether all of a is in b.
func (a spans) within(b spans) bool {
	j := 0
	for _, s := range a {
		for j < len(b) && b[j].to <= s.from {
			j++
		}
		if j == len(b) || b[j].from > s.from || b[j].to < s.to {
			return false
		}
	}
	return true
}

// almanac tells when schedules hold between two instants. It remembers what it was
// asked.
type almanac struct {
	span
	known map[string]spans
}

func newAlmanac(from time.Time, length time.Duration) *almanac {
	return &almanac{span{from.Unix(), from.Add(length).Unix()}, map[string]spans{}}
}

// all is the whole time.
func (a *almanac) all() spans { return spans{a.span} }

// condition returns when what a condition says of the clock holds; events may take
// place at any time.
func (a *almanac) condition(c policy.Condition, zone *time.Location) spans {
	out := a.all()
	if len(c.During) > 0 {
		out = a.during(c.During, zone)
	}
	if len(c.Months) > 0 {
		out = out.and(a.months(c.Months, zone))
	}
	return out
}

func (a *almanac) during(schedules []policy.Schedule, zone *time.Location) spans {
	if len(schedules) == 1 {
		return a.schedule(schedules[0], zone)
	}
	var out spans
	for _, s := range schedules {
		out = append(out, a.schedule(s, zone)...)
	}
	return joined(out)
}

func (a *almanac) schedule(s policy.Schedule, zone *time.Location) spans {
	return a.remember("during "+s.Name+" in "+zone.String(), func() spans {
		var out spans
		for _, ti := range s.Intervals {
			out = append(out, a.interval(ti, zone)...)
		}
		return joined(out)
	})
}

func (a *almanac) months(months []timeinterval.MonthRange, zone *time.Location) spans {
	return a.remember(fmt.Sprint(months, " in ", zone), func() spans {
		return joined(a.interval(timeinterval.TimeInterval{Months: months}, zone))
	})
}

func (a *almanac) remember(key string, find func() spans) spans {
	if out, ok := a.known[key]; ok {
		return out
	}
	a.known[key] = find()
	return a.known[key]
}

const day = 24 * 60 * 60 // seconds

// interval returns when an interval holds, not joined. Days and minutes of a zone are
// those of its offset, so each time with one offset is looked at by itself.
func (a *almanac) interval(ti timeinterval.TimeInterval, zone *time.Location) spans {
	if ti.Location != nil {
		zone = ti.Location.Location
	}
	times := ti.Times
	if times == nil {
		times = []timeinterval.TimeRange{{StartMinute: 0, EndMinute: 24 * 60}}
	}
	days := onDays(ti)
	var out spans
	for _, p := range a.offsets(zone) {
		for d := (p.from+p.offset)/day - 1; d*day < p.to+p.offset; d++ {
			if !days(d) {
				continue
			}
			for _, tr := range times {
				s := span{d*day + int64(tr.StartMinute)*60 - p.offset, d*day + int64(tr.EndMinute)*60 - p.offset}
				if s.from, s.to = max(s.from, p.from), min(s.to, p.to); s.from < s.to {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// onDays returns a function that reports whether an interval holds at some time of a
// day, which is counted since 1970 whatever the zone.
func onDays(ti timeinterval.TimeInterval) func(day int64) bool {
	if ti.Weekdays == nil && ti.DaysOfMonth == nil && ti.Months == nil && ti.Years == nil {
		return func(int64) bool { return true }
	}
	ti.Times, ti.Location = nil, nil
	s := policy.Schedule{Intervals: []timeinterval.TimeInterval{ti}}
	return func(d int64) bool { return s.Contains(time.Unix(d*day, 0), time.UTC) }
}

// offsetSpan is a time in which a zone has one offset in seconds to UTC.
type offsetSpan struct {
	span
	offset int64
}

func (a *almanac) offsets(zone *time.Location) []offsetSpan {
	var out []offsetSpan
	for t := a.from; t < a.to; {
		local := time.Unix(t, 0).In(zone)
		_, offset := local.Zone()
		next := a.to
		if _, end := local.ZoneBounds(); !end.IsZero() {
			next = min(next, end.Unix())
		}
		out = append(out, offsetSpan{span{t, next}, int64(offset)})
		t = next
	}
	return out
}
