package policy

import (
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// Rule changes what pools get while its condition holds. It has exactly one
// effect: Demand or Bounds.
type Rule struct {
	Name   string
	When   Condition
	Demand *DemandEffect
	Bounds *BoundsEffect
}

// Condition holds at an instant when all its parts that are given hold. The
// zero Condition always holds.
type Condition struct {
	During []Schedule // at least one of them
	Months []timeinterval.MonthRange
	Event  *EventMatch // at least one such event
}

// Schedule is a named set of recurring time intervals; it holds while one of
// them does. An interval without a location follows the pool's.
type Schedule struct {
	Name      string
	Intervals []timeinterval.TimeInterval
}

// EventMatch selects events by type and labels.
type EventMatch struct {
	Type   string
	Labels map[string]string
	Lead   time.Duration // how long before its start an event counts; ≥ 0
	Tail   time.Duration // how long after its end an event counts; ≥ 0
}

// DemandEffect multiplies the demand.
type DemandEffect struct {
	// Multiply is the factor, ≥ 0; of no meaning when ByMonth is given.
	Multiply float64
	// ByMonth gives a factor for each month; months that are not named count 1.
	ByMonth map[time.Month]float64
	// Ramp is the time in which the factor rises from 1 at the start of the
	// condition and falls back to 1 at its end.
	Ramp time.Duration
	// Group names a set of rules of which only the largest factor counts.
	Group string
}

// BoundsEffect narrows the agents of a pool.
type BoundsEffect struct {
	Min, Max *Bound
}

// Bound is a number of agents, or a share of the pool's maximum.
type Bound struct {
	Agents  int
	Percent float64 // > 0: percent of the pool's maximum; then Agents has no meaning
}

// Event is a dated interval of unusual load. Its interval is half-open: the end
// is not part of it.
type Event struct {
	ID         string
	Type       string
	Name       string
	Start, End time.Time
	Labels     map[string]string
	Source     string
}
