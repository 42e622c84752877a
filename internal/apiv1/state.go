package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// Status is the loop.
type Status struct {
	Status         string     `json:"status"` // starting, ok or degraded
	Degraded       []string   `json:"degraded"`
	Version        string     `json:"version"`
	LastTick       *time.Time `json:"last_tick"`
	Generation     int        `json:"generation"`
	ConfigHash     string     `json:"config_hash"`
	ConfigLoadedAt *time.Time `json:"config_loaded_at"`
	Enabled        bool       `json:"enabled"`
	Pools          int        `json:"pools"`
	MaxTotalAgents int        `json:"max_total_agents"`
	Hosts          []Host     `json:"hosts"`
}

// Host is a resource of hosts.
type Host struct {
	Hosts        string   `json:"hosts,omitempty"` // name of the group; none: the hosts of all pools
	Resource     string   `json:"resource"`
	Percent      *float64 `json:"percent"`
	LimitPercent float64  `json:"limit_percent"`
	Quality      string   `json:"quality"`
	Detail       string   `json:"detail,omitempty"`
	// PredictedPercent is what the agents decided on are predicted to use; null while
	// nothing is known of what agents take.
	PredictedPercent *float64    `json:"predicted_percent"`
	Footprints       []Footprint `json:"footprints"`
}

// Footprint is what one agent of a pool takes of a host resource, in percent.
type Footprint struct {
	Pool    string  `json:"pool"`
	Known   bool    `json:"known"` // false: taken to be like the mean of those that are known
	Percent float64 `json:"percent"`
	Low     float64 `json:"low"` // of the 90 % interval
	High    float64 `json:"high"`
	Changes float64 `json:"changes"` // of the agents' number of late, that it was learned from
}

// Pool is a pool as the last tick left it.
type Pool struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Mode        policy.Mode       `json:"mode"`
	Min         int               `json:"min"`
	Max         int               `json:"max"`
	PerAgent    float64           `json:"load_per_agent"`
	Load        Sample            `json:"load"`
	Current     *int              `json:"current"`
	Ready       *int              `json:"ready"`
	Unknown     string            `json:"current_unknown,omitempty"`
	Unfulfilled int               `json:"unfulfilled"`            // agents asked for that should be ready by now
	PausedUntil *time.Time        `json:"paused_until,omitempty"` // after a scaling that failed
	PausedWhy   string            `json:"paused_why,omitempty"`
	Desired     int               `json:"desired"`
	Demand      *float64          `json:"demand"`
	Why         string            `json:"why"`
	Outcome     policy.Result     `json:"outcome"`
	Error       string            `json:"error,omitempty"`
	Model       string            `json:"model"`
	Fallback    string            `json:"fallback,omitempty"`
	Rules       []string          `json:"active_rules"`
	Events      []Event           `json:"events"`
}

// Sample is what was measured.
type Sample struct {
	Value   *float64   `json:"value"`
	Time    *time.Time `json:"time"`
	Quality string     `json:"quality"`
	Detail  string     `json:"detail,omitempty"`
}

// Event is an interval of unusual load.
type Event struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"`
	Labels map[string]string `json:"labels"`
	Source string            `json:"source"`
}

// Decision is what was decided about a pool, and why.
type Decision struct {
	ID         string      `json:"id"`
	Pool       string      `json:"pool"`
	Time       time.Time   `json:"time"`
	Mode       policy.Mode `json:"mode"`
	Current    int         `json:"current"`
	Desired    int         `json:"desired"`
	Demand     *float64    `json:"demand"`
	Why        string      `json:"why"`
	Candidates []Candidate `json:"candidates"`
	Reasons    []Reason    `json:"reasons"`
	Rules      []string    `json:"active_rules"`
}

// Candidate is one answer to how large the demand is.
type Candidate struct {
	Source  string   `json:"source"`
	Load    *float64 `json:"load"`
	Agents  *float64 `json:"agents"`
	Chosen  bool     `json:"chosen"`
	Rising  bool     `json:"rising,omitempty"`
	Dropped string   `json:"dropped,omitempty"`
}

// Reason is a step that moved or held the number.
type Reason struct {
	Code   policy.Code `json:"code"`
	From   int         `json:"from"`
	To     int         `json:"to"`
	Rule   string      `json:"rule,omitempty"`
	Detail string      `json:"detail"`
}

// Budget is a budget of a pool.
type Budget struct {
	Pool       string                   `json:"pool"`
	Name       string                   `json:"name"`
	Limit      int                      `json:"limit"`
	Status     budget.Status            `json:"status"`
	Scarce     bool                     `json:"scarce"` // only then it caps agents
	Agents     int                      `json:"max_agents"`
	Window     budget.Window            `json:"window"` // the stricter one
	Class      string                   `json:"class"`  // of the posts now
	Used       int                      `json:"used"`
	Remaining  int                      `json:"remaining"`
	Protected  int                      `json:"protected"`
	Until      *time.Time               `json:"until"`      // when units come back
	Exhaustion *time.Time               `json:"exhaustion"` // null: it lasts
	Detail     string                   `json:"detail"`
	Measured   map[budget.Window]Sample `json:"measured"`
}
