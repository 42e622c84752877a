package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Order is what an override orders: one of min, max or both, exact, hold and disable, and a
// mode alone or beside one of the first four.
type Order struct {
	Min     *int        `json:"min,omitempty"`
	Max     *int        `json:"max,omitempty"`
	Exact   *int        `json:"exact,omitempty"`
	Hold    bool        `json:"hold,omitempty"`
	Disable bool        `json:"disable,omitempty"`
	Mode    policy.Mode `json:"mode,omitempty"`
}

// Policy returns the order as decisions know it.
func (o Order) Policy() policy.Order { return policy.Order(o) }

// OverrideOrder is an override as it is sent.
type OverrideOrder struct {
	Order
	Author string `json:"author"`
	Reason string `json:"reason"`

	// It holds from start, which is now without one, until end or for a duration.
	Start    string `json:"start,omitempty"`
	End      string `json:"end,omitempty"`
	Duration string `json:"duration,omitempty"`
}

// Override is an override as it is told.
type Override struct {
	ID        string      `json:"id"`
	Pool      string      `json:"pool"`
	Min       *int        `json:"min"`
	Max       *int        `json:"max"`
	Hold      bool        `json:"hold"`
	Disable   bool        `json:"disable"`
	Mode      policy.Mode `json:"mode,omitempty"` // missing: the pool is in its own
	Author    string      `json:"author"`
	Reason    string      `json:"reason"`
	Start     time.Time   `json:"start"`
	End       time.Time   `json:"end"`
	Active    bool        `json:"active"`
	Remaining float64     `json:"remaining_seconds"` // until its end
	Source    string      `json:"source"`            // api or configuration
}

// EvaluationOrder asks what would be decided about a pool. What is missing is as the last
// tick saw it.
type EvaluationOrder struct {
	Pool     string   `json:"pool"`
	Load     *float64 `json:"load,omitempty"`     // that is measured
	Forecast *float64 `json:"forecast,omitempty"` // the greatest load in the lead time
	Agents   *int     `json:"agents,omitempty"`   // that the orchestrator tells, all of them ready
	Override *Order   `json:"override,omitempty"` // that has effect
}

// Evaluation is what would be decided.
type Evaluation struct {
	Decision Decision `json:"decision"` // without an ID
	Calls    bool     `json:"calls"`    // whether the orchestrator would be called
}

// OverrideSet is the answer to who sets an override.
type OverrideSet struct {
	Override
	Replaced []Override `json:"replaced"`
	Warnings []string   `json:"warnings"`
}

// EventOrder is an event as it is sent.
type EventOrder struct {
	ID     string            `json:"id,omitempty"`
	Type   string            `json:"type"`
	Name   string            `json:"name,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Author string            `json:"author,omitempty"`

	// As those of an override; one of end and duration is required.
	Start    string `json:"start,omitempty"`
	End      string `json:"end,omitempty"`
	Duration string `json:"duration,omitempty"`
}

// KnownEvent is an event and whether it goes on.
type KnownEvent struct {
	Event
	State string `json:"state"` // upcoming, active or over
}

// EventPut is the answer to who tells an event.
type EventPut struct {
	KnownEvent
	Pools    []string `json:"pools"` // that have a rule for it
	Warnings []string `json:"warnings"`
}

// Notified is the answer to Alertmanager.
type Notified struct {
	Started int      `json:"started"`
	Going   int      `json:"going"` // that were there before
	Ended   int      `json:"ended"`
	Ignored []string `json:"ignored"` // and why
}

// Pause is the time in which a pool that could not be scaled is left alone.
type Pause struct {
	Pool  string    `json:"pool"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Why   string    `json:"why"`
}
