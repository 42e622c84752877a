package forecast

import (
	"math"
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// clock numbers the instants of a grid by the local wall clock, so that a daily
// pattern does not slip by an hour when the clocks change: in spring some
// numbers are left out, in autumn some come twice. A holiday is a Sunday.
type clock struct {
	step     int64 // seconds
	next     int64 // Unix time of the next instant
	zone     *time.Location
	from, to int64 // the zone's offset holds in [from, to)
	offset   int64 // seconds east of UTC
	holidays []int // dates, ascending
}

// newClock returns a clock whose next instant is at.
func newClock(at time.Time, step time.Duration) clock {
	return clock{step: int64(step / time.Second), next: at.Unix(), zone: at.Location(), from: 1, to: 0}
}

// clock returns a clock of the series whose next instant is at.
func (s Series) clock(at time.Time) clock {
	c := newClock(at, s.Step)
	c.holidays = s.holidays()
	return c
}

const monday = 4 * 86400 // 1970-01-05

// slot returns the place of an instant in the period, counted in steps from
// local midnight or, for a week, from the midnight of Monday.
func (c *clock) slot(unix int64, period time.Duration) int {
	seconds := int64(period / time.Second)
	place := (c.local(unix) - monday) % seconds
	if place < 0 {
		place += seconds
	}
	if len(c.holidays) > 0 && period == week && c.isHoliday(unix) {
		place = 6*86400 + place%86400
	}
	return int(place / c.step)
}

func (c *clock) isHoliday(unix int64) bool {
	_, found := slices.BinarySearch(c.holidays, c.date(unix))
	return found
}

// date returns the number of the local day since 1970-01-01.
func (c *clock) date(unix int64) int {
	local := c.local(unix)
	if local < 0 {
		local -= 86399
	}
	return int(local / 86400)
}

// local returns what a clock of UTC would have to show for the wall clock.
func (c *clock) local(unix int64) int64 {
	if unix < c.from || unix >= c.to {
		c.lookUp(unix)
	}
	return unix + c.offset
}

func (c *clock) lookUp(unix int64) {
	t := time.Unix(unix, 0).In(c.zone)
	_, offset := t.Zone()
	c.offset, c.from, c.to = int64(offset), math.MinInt64, math.MaxInt64
	begin, end := t.ZoneBounds()
	if !begin.IsZero() {
		c.from = begin.Unix()
	}
	if !end.IsZero() {
		c.to = end.Unix()
	}
}
