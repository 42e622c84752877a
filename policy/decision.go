package policy

import (
	"strings"
	"time"
)

// Input is all that one decision about one pool rests on.
type Input struct {
	Now     time.Time
	Current Count
	Load    Sample
	Outlook Outlook
	// LargestLoad is the largest load ever seen; 0 if none was.
	LargestLoad float64
	Timeline    Timeline // of the pool's rules, with the events known
	Budgets     []BudgetCap
	Override    *Override // that has effect now; nil if none has
}

// BudgetCap is what a budget leaves for a pool.
type BudgetCap struct {
	Budget string // its name
	Agents int    // at most
	Code   Code   // why: budget, budget_exhausted or budget_unknown
	Detail string // the same for people
}

// Count is what the orchestrator reports about a pool.
type Count struct {
	Agents, Ready int
	Known         bool // false: the orchestrator did not answer; the numbers mean nothing
	Detail        string
}

// Outlook is what the forecast says about a pool's lead time. The zero Outlook
// says that there is none.
type Outlook struct {
	Model string
	// Load is the largest value of the pool's quantile path over
	// [now, now+lead time], and At the instant at which it is reached.
	Load float64
	At   time.Time
	// Upper is the 99 % quantile of the load now.
	Upper float64
	// Origin is the time of the last sample that the forecast knows.
	Origin time.Time
}

// Decision is what a pool should have and why.
type Decision struct {
	ID          string
	Pool        string
	Time        time.Time
	Mode        Mode
	Current     int
	Known       bool // the orchestrator told how many agents run
	Desired     int
	Demand      float64     // agents that the load asks for, before any bound; NaN when unknown
	Candidates  []Candidate // what could have been the demand, the winner and the others
	Stages      Stages
	Reasons     []Reason // from Current to Desired without a break
	Rules       []string // names of the rules that were active
	Unfulfilled int      // agents that should be ready by now, and are not
	Frozen      bool     // nobody is called for the pool, but in an emergency
	Emergency   bool     // it lowers the pool because its hosts are in danger
}

// Stages are the agents after each group of rungs of the ladder.
type Stages struct {
	Demand  int // what demand and sensitivity ask for
	Rules   int // after the floors and ceilings of rules
	Bounded int // after the pool's own bounds
}

// Candidate is one answer to the question how large the demand is.
type Candidate struct {
	Source  string // reactive, forecast, profile or data_loss
	Load    float64
	At      time.Time // when it is that large; zero for what is measured
	Agents  float64   // Load in agents
	Chosen  bool
	Rising  bool   // Load is not measured: it is above all that was foreseen, and this is where it is heading
	Dropped string // why it was not considered; empty if it was
	Absurd  bool   // it was dropped since it cannot be right
}

// Direction says which way a decision goes.
type Direction string

// The directions of a decision.
const (
	Up   Direction = "up"
	Down Direction = "down"
	None Direction = "none"
)

// Direction is computed, so it cannot disagree with the numbers.
func (d Decision) Direction() Direction {
	switch {
	case d.Desired > d.Current:
		return Up
	case d.Desired < d.Current:
		return Down
	}
	return None
}

// Why says in one line what set the number: the reasons that moved it, or the
// last one if none did.
func (d Decision) Why() string {
	var moved []string
	for _, r := range d.Reasons {
		if r.From != r.To {
			moved = append(moved, r.Detail)
		}
	}
	switch n := len(d.Reasons); {
	case len(moved) > 0:
		return strings.Join(moved, "; ")
	case n > 0:
		return d.Reasons[n-1].Detail
	}
	return ""
}

// Permitted reports whether the decision may be carried out.
func (d Decision) Permitted() bool {
	switch {
	case d.Mode == DryRun, d.Frozen && !d.Emergency:
		return false
	case d.Mode == ScaleUpOnly:
		return d.Direction() == Up || d.Emergency
	}
	return d.Mode == Active
}

// Reason is one step from the current to the desired agents.
type Reason struct {
	Code   Code
	From   int
	To     int
	Rule   string // the rule that acted, if one did
	Detail string // the same for people, with the numbers
}

// Code names a rung of the ladder. It is a closed set: it labels metrics.
type Code string

// The reasons, in the order of the ladder.
const (
	ReasonCurrentUnknown   Code = "current_unknown"
	ReasonReactive         Code = "reactive"
	ReasonForecast         Code = "forecast"
	ReasonProfile          Code = "profile"
	ReasonDataLoss         Code = "data_loss"
	ReasonLoadUnknown      Code = "load_unknown"
	ReasonSensitivity      Code = "sensitivity"
	ReasonRuleHold         Code = "rule_hold"
	ReasonSeasonMin        Code = "season_min"
	ReasonSeasonMax        Code = "season_max"
	ReasonRuleMin          Code = "rule_min"
	ReasonRuleMax          Code = "rule_max"
	ReasonPoolMin          Code = "pool_min"
	ReasonPoolMax          Code = "pool_max"
	ReasonBudget           Code = "budget"
	ReasonBudgetExhausted  Code = "budget_exhausted"
	ReasonBudgetUnknown    Code = "budget_unknown"
	ReasonOverride         Code = "override"
	ReasonTolerance        Code = "tolerance"
	ReasonStabilization    Code = "stabilization"
	ReasonStepLimit        Code = "step_limit"
	ReasonCooldown         Code = "cooldown"
	ReasonHostUnknown      Code = "host_unknown"
	ReasonHostLimit        Code = "host_limit"
	ReasonHostFit          Code = "host_fit"
	ReasonMaxTotal         Code = "max_total"
	ReasonUnfulfilled      Code = "unfulfilled"
	ReasonPaused           Code = "paused"
	ReasonDisabled         Code = "disabled"
	ReasonMode             Code = "mode"
	ReasonEmergency        Code = "emergency"
	ReasonEmergencyHold    Code = "emergency_hold"
	ReasonEvaluationFailed Code = "evaluation_failed"
)

// State is what a pool's decisions remember from one to the next. The zero
// State knows nothing and lowers nothing for demand until it has watched one
// stabilisation window.
type State struct {
	Since           time.Time // when the watch began
	LoadKnown       time.Time // when the load was last known; zero: never
	Current         Count     // the last count that was known
	Samples         []Point   // recent fresh loads, oldest first
	Recommendations []Recommendation
	Scalings        []Scaling
	Asked           Asked
	Doubts          int // scalings in a row whose outcome was doubtful
	Pause           Pause
}

// Point is a value at an instant.
type Point struct {
	Time  time.Time
	Value float64
}

// Recommendation is what the demand asked for at an instant.
type Recommendation struct {
	Time   time.Time
	Agents int
}

// Scaling is a change that the orchestrator accepted.
type Scaling struct {
	Time     time.Time
	From, To int
}

// Outcome is what became of a decision.
type Outcome struct {
	Result Result
	Err    error // why it failed; nil otherwise
}

// Result classifies an [Outcome]. It is a closed set: it labels metrics.
type Result string

// The results of carrying out a decision.
const (
	NotNeeded Result = "not_needed" // desired is current
	NotSent   Result = "not_sent"   // the mode did not permit it, or there was no time
	Accepted  Result = "accepted"
	Busy      Result = "busy"     // the orchestrator asks to come back later
	Conflict  Result = "conflict" // somebody else changed the pool meanwhile; decide again
	Unknown   Result = "unknown"  // sent, and no answer tells whether it was applied
	Failed    Result = "failed"
)
