package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// clockChange is a change of a zone's offset. What clocks show from first until last
// they show never, or twice.
type clockChange struct {
	first, last int64 // in seconds since 1970 as if the clocks were of UTC
	twice       bool
}

// clockChanges warns of windows that begin or end when the clock is changed, and of
// dates that are then.
func (v *reviewer) clockChanges() {
	zones := map[string]map[string]*time.Location{} // of the pools that use an interval, by its name
	for _, s := range v.subjects {
		s.conditions(func(_ string, c policy.Condition, _ condition) {
			for _, d := range c.During {
				if zones[d.Name] == nil {
					zones[d.Name] = map[string]*time.Location{}
				}
				for _, zone := range s.zones {
					zones[d.Name][zone.String()] = zone
				}
			}
		})
	}
	near := newAlmanac(v.Now, clockAhead)
	for _, f := range v.parsed {
		for _, n := range f.TimeIntervals {
			for _, ti := range n.TimeIntervals {
				in := zones[n.Name]
				if ti.Location != nil && len(in) > 0 {
					in = map[string]*time.Location{"": ti.Location.Location}
				}
				for _, name := range slices.Sorted(maps.Keys(in)) {
					v.windows(n, ti, in[name], near)
				}
			}
		}
		for _, s := range f.EventSources {
			zone, err := time.LoadLocation(s.Location)
			for _, d := range s.Dates {
				if err == nil {
					v.date(d.At("start"), fmt.Sprintf("event source %q", s.Name), d.Start, zone)
					v.date(d.At("end"), fmt.Sprintf("event source %q", s.Name), d.End, zone)
				}
			}
		}
		for _, o := range f.Overrides {
			v.date(o.At("start"), fmt.Sprintf("override of pool %q", o.Pool), o.Start, v.zoneOf(o.Pool))
			v.date(o.At("end"), fmt.Sprintf("override of pool %q", o.Pool), o.End, v.zoneOf(o.Pool))
		}
	}
}

// windows tells what the next changes do to each window of an interval.
func (v *reviewer) windows(n namedInterval, ti timeinterval.TimeInterval, zone *time.Location, near *almanac) {
	on := onDays(ti)
	for _, tr := range ti.Times {
		for _, c := range near.changes(zone) {
			for d := c.first / day; d*day < c.last; d++ {
				what := c.does(d*day+int64(tr.StartMinute)*60, d*day+int64(tr.EndMinute)*60)
				if what == "" || !on(d) {
					continue
				}
				v.warn(n.At("time_intervals"), "time interval %q: on %s in %s the clock %s, so the window %s to %s %s; choose other times, or location: UTC",
					n.Name, time.Unix(d*day, 0).UTC().Format("Monday 2006-01-02"), zone, c, minuteText(tr.StartMinute), minuteText(tr.EndMinute), what)
			}
		}
	}
}

func minuteText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// changes returns those of the zone's offset.
func (a *almanac) changes(zone *time.Location) []clockChange {
	var out []clockChange
	offsets := a.offsets(zone)
	for i := 1; i < len(offsets); i++ {
		at, before, after := offsets[i].from, offsets[i-1].offset, offsets[i].offset
		switch {
		case after > before:
			out = append(out, clockChange{at + before, at + after, false})
		case after < before:
			out = append(out, clockChange{at + after, at + before, true})
		}
	}
	return out
}

// String tells what the clock does.
func (c clockChange) String() string {
	if c.twice {
		return "shows " + c.clock(c.first) + " to " + c.clock(c.last) + " twice"
	}
	return "skips " + c.clock(c.first) + " to " + c.clock(c.last)
}

func (c clockChange) clock(t int64) string { return time.Unix(t, 0).UTC().Format("15:04") }

// does tells what becomes of a window from start to end; nothing if it only gets
// shorter or longer. Midnight begins a day, whatever is skipped from there on.
func (c clockChange) does(start, end int64) string {
	inside := c.first <= start && end <= c.last
	starts, ends := c.first < start && start < c.last, c.first < end && end < c.last
	switch {
	case !c.twice && inside:
		return "does not come"
	case !c.twice && (starts || start == c.first && start%day != 0):
		return "starts at " + c.clock(c.last)
	case !c.twice && ends:
		return "ends at " + c.clock(c.first)
	case c.twice && inside && (starts || ends):
		return "comes twice"
	case c.twice && starts:
		return "starts twice: it is interrupted when the clock is set back"
	case c.twice && ends:
		return "ends twice: it goes on when the clock is set back"
	}
	return ""
}

// date tells when a time of the wall clock is read as another one, or as one of two.
func (v *reviewer) date(at strictyaml.Pos, whose, text string, zone *time.Location) {
	written, ok := wallClock(text)
	if !ok {
		return
	}
	t, _ := v.instant(at, text, zone)
	shows := func(t time.Time) string { return t.In(zone).Format(time.DateTime) }
	switch {
	case t.Before(v.Now):
	case shows(t) != written.Format(time.DateTime):
		v.warn(at, "%s: the clock in %s skips %s; it is read as %s; choose another time", whose, zone, text, shows(t))
	default:
		for _, near := range []time.Time{t.Add(-24 * time.Hour), t.Add(24 * time.Hour)} {
			_, offset := near.In(zone).Zone()
			if other := written.Add(-time.Duration(offset) * time.Second); !other.Equal(t) && shows(other) == shows(t) {
				v.warn(at, "%s: the clock in %s shows %s twice; it is read as %s; give an offset to choose", whose, zone, text, t.In(zone).Format(time.RFC3339))
			}
		}
	}
}

// wallClock reads a time without an offset as if it was one of UTC. A date alone is
// none.
func wallClock(text string) (time.Time, bool) {
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
