// Package budget says how many agents a small budget of posts allows a pool.
//
// A budget is a count per window, such as 17 posts a day, that every post of the
// pool uses up. Posts are worth more at some hours than at others, so the budget
// is not spread like a token bucket: what is left is kept for the better classes
// that are expected until units come back, and the rest may be spent. Those are
// the nested protection levels of revenue management; see [Budget.Decide].
//
// On a simulated workload (17 posts a day; off-peak hours worth 1, the hours 18
// to 23 worth 3, bursts of breaking news worth 8) that earns more than 0.95 of
// what hindsight would; the test TestValueBesideTheOracle describes the workload
// and prints greedy spending, a token bucket and even pacing beside it.
//
// The package is pure: values in, values out. It does not count posts and does
// not forecast them: callers bring both, and keep the [State] between decisions.
package budget

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Budget is a count of posts per window that caps the agents of a pool.
type Budget struct {
	Limit    int            // posts a window, ≥ 0
	Window   Window         // the zero value is [Both]
	Location *time.Location // whose wall clock makes the local day; nil: UTC
	Classes  []Class        // what posts are worth; at least one
	// Reserve is kept for the most valuable class, however few of its posts are
	// expected.
	Reserve           int
	PostsPerAgentHour float64 // what one agent posts in an hour, > 0
}

// Class is a kind of post.
type Class struct {
	Name  string
	Value float64 // what a post is worth beside those of other classes, > 0
	// PerDay is how many posts a day come of events that nobody foresees, ≥ 0.
	// They are expected evenly at all times, besides those of the path.
	PerDay float64
}

// Window is the time over which posts are counted.
type Window string

// The windows.
const (
	// LocalDay is a date of the local wall clock, from its first instant to that
	// of the next date.
	LocalDay Window = "local_day"
	// Rolling24h are the last 24 hours: a post counts until it is 24 hours old.
	Rolling24h Window = "rolling_24h"
	// Both are the two of them, and the stricter counts.
	Both Window = "both"
)

// Bounds of what is believed.
const (
	maxLimit  = 10_000  // a larger budget is not scarce by the piece
	maxNumber = 1e6     // values, posts and rates above it are not meant
	maxAgents = 1 << 20 // more than any pool has; fits an int
)

// Validate returns all that is wrong with the budget, joined.
func (b Budget) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if b.Limit < 0 || b.Limit > maxLimit {
		wrong("limit %d is not between 0 and %d", b.Limit, maxLimit)
	}
	switch b.Window {
	case "", LocalDay, Rolling24h, Both:
	default:
		wrong("window %q is not %s, %s or %s", b.Window, LocalDay, Rolling24h, Both)
	}
	if len(b.Classes) == 0 {
		wrong("there is no value class")
	}
	for i, c := range b.Classes {
		if c.Name == "" {
			wrong("class %d of %d has no name", i+1, len(b.Classes))
		}
		if !(c.Value > 0 && c.Value <= maxNumber) {
			wrong("class %q: value %s is not above 0 and at most %s", c.Name, number(c.Value), number(maxNumber))
		}
		if !(c.PerDay >= 0 && c.PerDay <= maxNumber) {
			wrong("class %q: %s unforeseen posts a day are not between 0 and %s", c.Name, number(c.PerDay), number(maxNumber))
		}
		if j, _ := b.class(c.Name); j < i {
			wrong("class %q is there twice", c.Name)
		}
	}
	if b.Reserve < 0 || b.Reserve > max(b.Limit, 0) {
		wrong("reserve %d is not between 0 and the limit of %d", b.Reserve, b.Limit)
	}
	if !(b.PostsPerAgentHour > 0 && b.PostsPerAgentHour <= maxNumber) {
		wrong("%s posts per agent and hour are not above 0 and at most %s", number(b.PostsPerAgentHour), number(maxNumber))
	}
	return errors.Join(errs...)
}

// class returns the place of the class with the name.
func (b Budget) class(name string) (int, bool) {
	for i, c := range b.Classes {
		if c.Name == name {
			return i, true
		}
	}
	return 0, false
}

// Windows returns the windows whose posts must be counted.
func (b Budget) Windows() []Window {
	switch b.Window {
	case LocalDay, Rolling24h:
		return []Window{b.Window}
	}
	return []Window{LocalDay, Rolling24h}
}

// Start returns the instant since which posts count in the window at now; of
// [Both] it is the earlier. It may be now itself, and a range of PromQL is at
// least a second long.
func (b Budget) Start(w Window, now time.Time) time.Time {
	day, rolling := dayAt(now, b.zone()).start, now.Add(-rollingLength)
	switch {
	case w == LocalDay, w != Rolling24h && day.Before(rolling):
		return day
	}
	return rolling
}

// Reset returns the first instant of the local date after that of now.
func (b Budget) Reset(now time.Time) time.Time { return dayAt(now, b.zone()).end }

func (b Budget) zone() *time.Location {
	if b.Location == nil {
		return time.UTC
	}
	return b.Location
}

// Input is all that one decision rests on, beside the [State].
type Input struct {
	Now time.Time
	// Used are the posts since [Budget.Start] of each of [Budget.Windows]. A window
	// that is missing is unknown.
	Used map[Window]Count
	// Path is what is expected from Now on, in steps of the length Step, until the
	// reset of a local day, 24 hours ahead for a rolling window. What it does not
	// reach is not expected. Its first step tells the class now, so there is at
	// least one.
	Path []Step
	Step time.Duration
	// Agents are those of the pool now, and MaxAgents is the most it may have.
	Agents, MaxAgents int
}

// Count is a number of posts that was measured.
type Count struct {
	// Posts is rounded to the nearest whole number, since PromQL's increase()
	// extrapolates.
	Posts float64
	// Time is the end of the window they were counted in, if that is not Now: just
	// after midnight a query that looks a little back still counts yesterday.
	Time  time.Time
	Known bool // false: it could not be measured; Posts means nothing
}

// posts returns the whole number in the local day or, for [Rolling24h], in the
// last 24 hours. A count that is not a number, negative or infinite is not known,
// nor is one of another day.
func (in Input) posts(w Window, today localDay) (n int, known bool) {
	c := in.Used[w]
	if !c.Known || !(c.Posts >= 0) || math.IsInf(c.Posts, 1) {
		return 0, false
	}
	if w == LocalDay && !c.Time.IsZero() && (c.Time.Before(today.start) || !c.Time.Before(today.end)) {
		return 0, false
	}
	return int(min(math.Round(c.Posts), maxNumber)), true
}

// Step is what is expected in one step of a path.
type Step struct {
	Class string // of the posts in it
	// Posts is how many are expected, ≥ 0. One that is not a number, negative or
	// infinite is missing: it stands for no posts, and where it concerns the next
	// hour, what may be spent is not limited by what is expected.
	Posts float64
}

// Cap is what a budget leaves for a pool, and why.
type Cap struct {
	Status Status
	Agents int // at most
	// Scarce says that Agents is to be kept: less may be spent within the next hour
	// than is expected, or what was used is not known. Otherwise they are what the
	// posts expected need, and a pool may have more for what nobody expects.
	Scarce bool
	Window Window // the stricter one, which the numbers are about
	Class  string // of the posts now; empty if the path does not tell
	// Used are the posts that are known to count in the window; Remaining is what
	// they leave of the limit, and Protected what of that is kept for better
	// classes. All are 0 if used was never known.
	Used, Remaining, Protected int
	// Until is when units come back: the reset of a local day; in a rolling window
	// the instant at which more remains than now, zero if nothing is used.
	Until time.Time
	// Exhaustion is the instant at which the posts expected have used up what
	// remains; zero if it lasts until the reset, or for 24 hours in a rolling
	// window, or if no posts are expected.
	Exhaustion time.Time
	Detail     string // the same for people
}

// Status sums up a [Cap]. It is a closed set: it labels metrics.
type Status string

// The states of a budget.
const (
	OK        Status = "ok"        // something may be spent
	Held      Status = "held"      // all that remains is kept for better classes
	Exhausted Status = "exhausted" // nothing remains
	Unknown   Status = "unknown"   // used is not known, or the input makes no sense; no raise
)
