package forecast

import (
	"math"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// clock numbers the instants of a grid by the local wall clock, so that a daily
// pattern does not slip by an hour when the clocks change: in spring some
// numbers are left out, in autumn some come twice.
type clock struct {
	step     int64 // seconds
	next     int64 // Unix time of the next instant
	zone     *time.Location
	from, to int64 // the zone's offset holds in [from, to)
	offset   int64 // seconds east of UTC
}

// newClock returns a clock whose next instant is at.
func newClock(at time.Time, step time.Duration) clock {
	return clock{step: int64(step / time.Second), next: at.Unix(), zone: at.Location(), from: 1, to: 0}
}

// slot returns the place of an instant in the period, counted in steps from
// local midnight or, for a week, from the midnight of Monday.
func (c *clock) slot(unix int64, period time.Duration) int {
	if unix < c.from || unix >= c.to {
		c.lookUp(unix)
	}
	const monday = 4 * 86400 // 1970-01-05
	seconds := int64(period / time.Second)
	local := (unix + c.offset - monday) % seconds
	if local < 0 {
		local += seconds
	}
	return int(local / c.step)
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
