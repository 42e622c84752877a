package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Explanation is all that led to a decision. What is not kept of decisions of the
// past is null.
type Explanation struct {
	Text         string          `json:"text"` // all of it in words, times in the pool's location
	Pool         string          `json:"pool"`
	Location     string          `json:"location"`
	Until        *time.Time      `json:"until"` // when another decision took its place; null: it is in force
	Decision     Decision        `json:"decision"`
	Stages       Stages          `json:"stages"`
	PerAgent     float64         `json:"load_per_agent"`
	Load         Sample          `json:"load"`
	Completeness *Completeness   `json:"completeness"` // of the load; null: it is not measured
	Agents       *Agents         `json:"agents"`
	Outcome      *Outcome        `json:"outcome"`
	Rules        []ActiveRule    `json:"rules"`       // that were active
	Factor       float64         `json:"factor"`      // of the demand, of all rules together
	Add          float64         `json:"add_agents"`  // the same
	Ahead        []ActiveRule    `json:"rules_ahead"` // that were not active, and would be at the end of the lead time
	Events       NearEvents      `json:"events"`
	Budgets      []Budget        `json:"budgets"`
	Override     *ActiveOverride `json:"override"`
	Hosts        []Host          `json:"hosts"` // that the pool's agents run on
	Forecast     *Outlook        `json:"forecast"`
	Fallback     string          `json:"fallback,omitempty"`
	Notes        []string        `json:"notes"` // what to bear in mind when reading this
}

// Completeness is what tells that a part of a load is missing.
type Completeness struct {
	Sample
	Usual *float64 `json:"usual"` // null while too little is known
}

// Stages are the agents after each group of steps.
type Stages struct {
	Demand  int `json:"demand"`
	Rules   int `json:"rules"`
	Bounded int `json:"bounded"`
	Final   int `json:"final"`
}

// Agents are what the orchestrator told.
type Agents struct {
	Known  bool   `json:"known"`
	Agents int    `json:"agents"`
	Ready  int    `json:"ready"`
	Detail string `json:"detail,omitempty"`
}

// Outcome is what became of a decision.
type Outcome struct {
	Result policy.Result `json:"result"`
	Error  string        `json:"error,omitempty"`
}

// ActiveRule is an active rule and what it did.
type ActiveRule struct {
	Name   string   `json:"name"`
	Effect string   `json:"effect"` // in words
	Factor *float64 `json:"factor"` // of the demand; null for a rule without one
	Add    *float64 `json:"add_agents"`
	Counts bool     `json:"counts"` // false: another rule of its group does

	Measured *float64 `json:"measured,omitempty"` // factor, of the events seen
	Seen     int      `json:"events,omitempty"`
}

// NearEvents are the events that concern the pool.
type NearEvents struct {
	Now  []Event `json:"now"`
	Next *Event  `json:"next"`
}

// ActiveOverride is the override that had effect.
type ActiveOverride struct {
	ID     string    `json:"id"`
	Order  string    `json:"order"` // in words
	Author string    `json:"author"`
	Reason string    `json:"reason"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

// Outlook is what the forecast said about the end of the lead time.
type Outlook struct {
	Model    string     `json:"model"`
	LeadTime float64    `json:"lead_time_seconds"`
	At       *time.Time `json:"at"` // the step that is told; null: it is beyond the forecast
	Levels   []float64  `json:"quantiles"`
	Loads    []float64  `json:"loads"` // one for each quantile
	Own      float64    `json:"quantile"`
	Horizon  float64    `json:"horizon_seconds"` // at which the models were scored
	WAPE     *float64   `json:"wape"`            // of their combination
	Models   []Member   `json:"models"`          // the largest weight first
}

// Member is a model of a combination.
type Member struct {
	Model  string   `json:"model"`
	Weight float64  `json:"weight"`
	WAPE   *float64 `json:"wape"`
}
