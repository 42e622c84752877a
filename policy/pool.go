package policy

import (
	"slices"
	"time"
)

// Pool is a named set of interchangeable agents that is scaled as one. It is
// built once by the loader of the rule files, which guarantees the ranges given
// here, and never changed afterwards.
type Pool struct {
	Name     string
	Labels   map[string]string
	Location *time.Location // the wall clock of its days, seasons and schedules

	Agents   Agents
	PerAgent float64       // load that one agent serves at its target; finite, > 0
	LeadTime time.Duration // how long before it is useful an agent must be asked for; ≥ 0
	Quantile float64       // of the predictive distribution that capacity is planned for; in (0, 1)

	// Sensitivity is the share in (0, 1] of the gap between current and
	// demanded agents that one decision closes.
	Sensitivity float64

	Weight   float64 // share of the agents left when pools of one priority compete; > 0
	Priority int     // pools of a higher priority are served first
	Mode     Mode
	Behavior Behavior

	Season Season
	Hosts  string // name of the group of hosts that its agents run on; empty: those that all share

	// ForecastMaxAge is how old a forecast may be and still count.
	ForecastMaxAge time.Duration
	OnDataLoss     DataLoss

	// ConvergeTimeout is how long a change that was accepted may take; 0: for ever.
	ConvergeTimeout time.Duration
	// FailurePause is how long a pool is left alone that could not be scaled.
	FailurePause time.Duration
}

// DataLoss says what a pool does while its load is not known, beyond keeping the
// agents that it has. The zero DataLoss lets the profile stand in at once.
type DataLoss struct {
	After time.Duration // how long the load must have been unknown; ≥ 0
	// Then is what stands in: the profile, where there is no usable forecast; nothing;
	// or a number of agents, beside a usable forecast too.
	Then   Then
	Agents int // for [ThenAgents], ≥ 0
}

// Then says what stands in for a load that is lost.
type Then int

// What can stand in for a load.
const (
	ThenProfile Then = iota
	ThenHold
	ThenAgents
)

// Agents bounds a pool: 0 ≤ Min ≤ Base ≤ Max.
type Agents struct {
	Base, Min, Max int
}

// Season narrows a pool by the product of the monthly factors. The zero Season does
// not.
type Season struct {
	// Below Low the pool has at most the larger of its base and LowMaxPercent of
	// its maximum.
	Low, LowMaxPercent float64
	// Above High it has at least HighMinFactor times its base; 0: never.
	High, HighMinFactor float64
}

// Mode says which decisions are carried out.
type Mode string

// The modes, from the safest on. A pool is rolled out in this order.
const (
	DryRun      Mode = "dry_run"       // decide and explain, call nobody
	ScaleUpOnly Mode = "scale_up_only" // never ask for fewer agents
	Active      Mode = "active"
)

var modes = []Mode{DryRun, ScaleUpOnly, Active}

// AtMost returns the safer of two modes.
func (m Mode) AtMost(limit Mode) Mode {
	if slices.Index(modes, limit) < slices.Index(modes, m) {
		return limit
	}
	return m
}

// Behavior slows changes down, in the vocabulary of Kubernetes'
// HorizontalPodAutoscaler v2. It applies to what the demand asks for; floors
// act at once.
type Behavior struct {
	ScaleUp, ScaleDown ScalingRules
}

// ScalingRules are the limits of one direction.
type ScalingRules struct {
	// StabilizationWindow is how long the pool's recommendations are
	// remembered: the most careful one of the window wins.
	StabilizationWindow time.Duration
	Policies            []StepPolicy // empty: no limit
	SelectPolicy        SelectPolicy
	Tolerance           float64       // relative gap between demand and current that is left alone; ≥ 0
	Cooldown            time.Duration // least time between two changes in this direction
}

// StepPolicy limits the change within a period.
type StepPolicy struct {
	Type   StepType
	Value  int // agents, or percent of the agents at the start of the period; > 0
	Period time.Duration
}

// StepType is the unit of a [StepPolicy].
type StepType string

// The units of a step.
const (
	StepAgents  StepType = "agents"
	StepPercent StepType = "percent"
)

// SelectPolicy says which of several step policies counts.
type SelectPolicy string

// The ways to choose among step policies.
const (
	SelectMax      SelectPolicy = "max"      // the one that allows the largest change
	SelectMin      SelectPolicy = "min"      // the one that allows the smallest change
	SelectDisabled SelectPolicy = "disabled" // never change in this direction for demand
)
