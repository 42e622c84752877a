package policy

import (
	"strings"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// Rule changes what pools get while its condition holds. It has exactly one
// effect: Demand, Bounds or Hold.
type Rule struct {
	Name   string
	When   Condition
	Unless *Condition // while it holds, the rule does not; nil: never
	Demand *DemandEffect
	Bounds *BoundsEffect
	Hold   HoldEffect
}

// Condition holds at an instant when all its parts that are given hold. The
// zero Condition always holds.
type Condition struct {
	During []Schedule // at least one of them
	Months []timeinterval.MonthRange
	// Events are all needed, each by at least one such event. Each of them concerns
	// the pool; they need not concern each other.
	Events []EventMatch
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

// ExprType begins the types of events that the expressions of conditions make; the
// expression follows. Types of other events do not begin so.
const ExprType = "expr "

// Expr returns the expression that the match stands for; ok is false if it selects
// other events.
func (m EventMatch) Expr() (text string, ok bool) { return strings.CutPrefix(m.Type, ExprType) }

// DemandEffect multiplies the demand by a factor, the product of what is given
// here, and adds to it. All its numbers are finite and ≥ 0.
type DemandEffect struct {
	// Multiply is a factor.
	Multiply float64
	// ByMonth gives a factor for each month; months that are not named count 1.
	ByMonth map[time.Month]float64
	// ByHour gives a factor for each hour of the pool's wall clock; nil: 1.
	ByHour *[24]float64
	// Add is a number of agents that are needed besides.
	Add float64
	// RampUp is the time in which the effect grows from nothing at the start of the
	// condition, RampDown that in which it vanishes before its end.
	RampUp, RampDown time.Duration
	// HalfLife is the time after the start of an event in which what the factor
	// exceeds 1 by, and what is added, is halved; 0: it stays. Of several events the
	// one that started last counts.
	HalfLife time.Duration
	// Group names a set of rules of which only the largest effect counts.
	Group string
	// Learned says that what history says about the events' effect counts instead of
	// the factor, as far as there is history. Of a condition with several events each
	// time in which all go on is one.
	Learned bool
}

// HoldEffect keeps a pool from following its demand.
type HoldEffect string

// The kinds of holding.
const (
	HoldNone HoldEffect = ""
	HoldDown HoldEffect = "down" // it does not shrink
	HoldBoth HoldEffect = "both" // it neither shrinks nor grows
)

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
