package policy

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// How it is told that part of a load is missing.
const (
	// leastComplete is the share of what is usual below which a load is taken to lack a
	// part. One of four that is away, as in a restart one after the other, is everyday, and
	// costs about as much as a forecast errs; one of three is not.
	leastComplete = 0.7
	// usualFor is how far back it is looked for what is usual. Its median follows to a new
	// level after half of it: who takes a shard away for good is believed after an hour.
	usualFor = 2 * time.Hour
	// leastUsual is how many values must be known for one to be unusual beside them.
	leastUsual = 6
)

// Completeness tells when part of a load is missing: a sum of which some series vanish is
// lower, and nothing in the answer says so. It follows a measure of what the load is made
// of, such as the number of its series.
//
// What is usual is the median of the last values that were known, of two of them the larger,
// so that neither gaps nor a level that lasts less than an hour make another one usual.
type Completeness struct {
	keep  int
	known []float64 // oldest first
	order []float64 // the same, sorted
}

// NewCompleteness returns one that knows nothing yet. Its values will be one step apart.
func NewCompleteness(step time.Duration) *Completeness {
	return &Completeness{keep: max(int(usualFor/step), leastUsual)}
}

// Usual returns what is usual; false if too little is known.
func (c *Completeness) Usual() (float64, bool) {
	if len(c.order) < leastUsual {
		return 0, false
	}
	return c.order[len(c.order)/2], true
}

// lacks reports whether a load lacks a part when its completeness is x; so it may if that is
// no finite number. While it is not known what is usual it lacks nothing.
func (c *Completeness) lacks(x float64) bool {
	usual, ok := c.Usual()
	return ok && !(x >= leastComplete*usual && x <= math.MaxFloat64)
}

// observe adds the next value. One that is no finite number ≥ 0 is not known.
func (c *Completeness) observe(x float64) {
	if !(x >= 0 && x <= math.MaxFloat64) {
		return
	}
	if len(c.known) == c.keep {
		i, _ := slices.BinarySearch(c.order, c.known[0])
		c.order = slices.Delete(c.order, i, i+1)
		c.known = slices.Delete(c.known, 0, 1)
	}
	i, _ := slices.BinarySearch(c.order, x)
	c.order = slices.Insert(c.order, i, x)
	c.known = append(c.known, x)
}

// Mask returns the next loads, in their order, without those that lack a part: they are NaN.
// Measured are as many values of their completeness.
func (c *Completeness) Mask(loads, measured []float64) []float64 {
	out := slices.Clone(loads)
	for i, x := range measured {
		if c.lacks(x) {
			out[i] = math.NaN()
		}
		c.observe(x)
	}
	return out
}

// Judge returns a load that is OK as [Partial] if it lacks a part by its completeness as it
// was measured, or if that is not known.
func (c *Completeness) Judge(load, measured Sample) Sample {
	measured = measured.checked()
	switch {
	case load.Quality != OK:
	case measured.Quality != OK:
		load.Quality, load.Detail = Partial, fmt.Sprintf("its completeness is %s: %s", measured.Quality, measured.Detail)
	case c.lacks(measured.Value):
		usual, _ := c.Usual()
		load.Quality, load.Detail = Partial, fmt.Sprintf("part of it is missing: its completeness is %s, and %s is usual", number(measured.Value), number(usual))
	}
	return load
}
