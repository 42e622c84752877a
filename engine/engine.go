// Package engine runs the loop: observe, forecast, decide, act, record.
//
// It owns time and goroutines and declares the ports to the world. What to
// decide is policy's business, what is to come forecast's.
package engine

import (
	"context"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/forecast/footprint"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A Source measures. It asks each distinct query text once, however many
// signals share it.
type Source interface {
	// Sample returns one sample for each signal, in their order, as they stand
	// at now. What goes wrong is in the samples.
	Sample(ctx context.Context, now time.Time, signals []policy.Signal) []policy.Sample
	// Range returns one series for each signal, in their order, on the grid
	// from start to end, both included and multiples of step. Missing values
	// are NaN. An error means that nothing was learned.
	Range(ctx context.Context, r Range, signals []policy.Signal) ([]forecast.Series, error)
	// RangeAll returns all series of the answer to one query on the grid.
	RangeAll(ctx context.Context, r Range, query string) ([]Labeled, error)
}

// Labeled is a series of an answer with its labels.
type Labeled = forecast.Labeled

// Range is a closed interval on a grid.
type Range = forecast.Range

// An Actuator talks to the orchestrator.
type Actuator interface {
	// Current returns what the orchestrator reports about a pool.
	Current(ctx context.Context, pool string) policy.Count
	// Scale carries a decision out if its mode permits it.
	Scale(ctx context.Context, d policy.Decision) policy.Outcome
}

// Settings are one generation of configuration. They are immutable.
type Settings struct {
	Generation int    // counts reloads, from 1
	Hash       string // of everything that was read, for people
	LoadedAt   time.Time
	Files      []string          // that were read then
	Warnings   []string          // about them, for people
	Places     map[string]string // file:line:col of rules, by name

	SafeMode string // why no pool is lowered; empty when all is well

	Interval     time.Duration // between ticks
	QueryLag     time.Duration // queries end this long before now
	MaxSampleAge time.Duration // older samples are stale
	Step         time.Duration // of the load's history
	History      time.Duration // how much of it is kept
	Horizon      time.Duration // how far forecasts reach
	RefitEvery   time.Duration

	Pools          []Pool // sorted by name
	Hosts          []Host
	Emergency      policy.EmergencyLimits
	MaxTotalAgents int  // over all pools; 0: no limit
	Enabled        bool // false: every pool is in dry run
	Events         []policy.Event
	Exprs          []Expr
	Overrides      []policy.Override

	// Candidate are other rules that are tried beside these, without calling anybody; nil:
	// none are. Of it count the pools with their rules, the events and the expressions.
	Candidate *Settings

	Source   Source
	Actuator Actuator
}

// under returns the settings with the modes that overrides, by pool, put pools into. No
// override permits what is switched off or what safe mode keeps back.
func (s *Settings) under(overrides map[string]*policy.Override) *Settings {
	limit := policy.Active
	switch {
	case !s.Enabled:
		limit = policy.DryRun
	case s.SafeMode != "":
		limit = policy.ScaleUpOnly
	}
	out := s
	for i, spec := range s.Pools {
		o := overrides[spec.Pool.Name]
		if o == nil || o.Mode == "" {
			continue
		}
		if out == s {
			changed := *s
			out, changed.Pools = &changed, slices.Clone(s.Pools)
		}
		out.Pools[i].Pool.Mode = o.Mode.AtMost(limit)
	}
	return out
}

// Pool is a pool, the rules that select it, and where its load is measured.
type Pool struct {
	policy.Policy
	Load policy.Signal
	// Completeness falls when part of what the load is made of is missing; nil: the load is
	// believed as it is. See [policy.Completeness].
	Completeness *policy.Signal
	Current      *policy.Signal // of its agents; nil: the orchestrator is asked
	// Holidays are the days on which the load is unlike its weekday, past and to come.
	Holidays []time.Time
	Budgets  []Budget
}

// Asked returns the events that the pool's rules and the classes of its budgets ask for.
func (p Pool) Asked() []policy.EventMatch {
	var all []policy.EventMatch
	rules := slices.Clone(p.Rules)
	for _, b := range p.Budgets {
		rules = append(rules, b.When...)
	}
	for _, r := range rules {
		all = append(all, r.When.Events...)
		if r.Unless != nil {
			all = append(all, r.Unless.Events...)
		}
	}
	return all
}

// Expr is a query that makes events: one for each series of its answer, from when
// it was true for some time until it is not. True is a value that is neither absent,
// nor 0, nor NaN.
type Expr struct {
	Name   string // of the event source, and of its events unless that is their type
	Query  string
	For    time.Duration     // how long it must have been true; ≥ 0
	Type   string            // of the events
	Labels map[string]string // of the events, besides those of the series
}

// Host is a resource of a group of hosts that run agents.
type Host struct {
	Hosts    string // name of the group; empty: the hosts of all pools
	Resource string // cpu or memory
	Signal   policy.Signal
	Limit    float64 // percent that is planned at most, and from which on no pool grows
}

// Snapshot is what the last tick saw and did. It is immutable.
type Snapshot struct {
	Time     time.Time // of the tick; zero before the first one
	Settings *Settings
	Pools    []PoolStatus // sorted by name
	Hosts    []HostStatus
	// Emergency is, by group of hosts, which pools were cut and may not grow yet.
	Emergency policy.EmergencyState
	SaveErr   error    // why state could not be saved; nil if it could
	Degraded  []string // what is missing, for people; empty when all is well
}

// HostStatus is a host resource as it was last measured.
type HostStatus struct {
	Host
	Sample policy.Sample
	// Footprints are what one agent of each pool on the hosts takes, in percent, sorted
	// by pool, and PerAgent is that at most.
	Footprints []footprint.Footprint
	PerAgent   map[string]float64
	// Predicted is the percent that the agents decided on will use; NaN if that is not
	// known.
	Predicted float64
}

// PoolStatus is a pool as the last tick left it.
type PoolStatus struct {
	Pool policy.Pool
	Load policy.Sample // partial if by its completeness a part of it is missing
	// Completeness is that of the load; nil: it is not measured.
	Completeness *Completeness
	Count        policy.Count
	Decision     policy.Decision
	Outcome      policy.Outcome
	Override     *policy.Override // that has effect; nil if none has
	Pause        policy.Pause     // after a scaling that failed
	Asked        policy.Asked     // what was accepted and is not there yet
	Budgets      []BudgetStatus
	Fallback     string // why there is no fresh forecast; empty when there is one
	Footing      Footing
	Served       Compared

	History  History // measured load, as far back as it is kept, without what lacks a part
	Forecast forecast.Forecast
	Origin   time.Time        // after which the forecast knows nothing
	Scores   []forecast.Score // of what is forecast and its opponents, and of all models near the lead time
	Coverage []forecast.Coverage
	Effects  []Effect          // of events, by demand rule
	Agents   []AgentsPoint     // oldest first, one a step
	Recent   []policy.Decision // that changed something or whose reason changed, newest first
	Events   []policy.Event    // that concern the pool, from a day ago on, by start
}

// Completeness is that of a load as it was measured, and what is usual.
type Completeness struct {
	policy.Sample
	Usual float64 // NaN while that is not known
}

// AgentsPoint is what a pool had and should have had at an instant.
type AgentsPoint struct {
	Time             time.Time
	Current, Desired int
}
