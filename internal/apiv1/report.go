package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Report is what a span of time was like, and what could be better.
type Report struct {
	Start           time.Time        `json:"start"`
	End             time.Time        `json:"end"`
	Step            float64          `json:"step_seconds"` // of the series
	Warnings        []string         `json:"warnings"`     // what the report lacks
	System          SystemReport     `json:"system"`
	Pools           []PoolReport     `json:"pools"`
	Recommendations []Recommendation `json:"recommendations"`
}

// SystemReport is of all pools together.
type SystemReport struct {
	Scalings     []Scalings   `json:"scalings"`
	SuccessRate  *float64     `json:"success_rate"` // of requests to the orchestrator: accepted, of all
	Supplies     []Supply     `json:"supplies"`
	Hosts        []HostReport `json:"hosts"`
	MissedTicks  *float64     `json:"missed_ticks"`
	DryRunPools  int          `json:"dry_run_pools"`
	PausedShare  *float64     `json:"paused_share"` // of the time, the mean of all pools
	Unforecasted *float64     `json:"without_forecast_share"`
}

// Scalings are requests to the orchestrator with one outcome.
type Scalings struct {
	Direction policy.Direction `json:"direction"`
	Outcome   string           `json:"outcome"`
	N         float64          `json:"n"` // extrapolated where scrapes are missing
}

// Supply is how well agents served what was needed: those that ran, or those that another
// way to scale would have had, with hindsight where its name says so. Agents needed are the
// load over what one serves, rounded up.
type Supply struct {
	Name       string   `json:"name"`        // adapter, decided, seasonal_naive, static_peak or static_mean
	AgentHours float64  `json:"agent_hours"` // supplied
	Under      float64  `json:"under_agent_hours"`
	Over       float64  `json:"over_agent_hours"`
	UnderTime  *float64 `json:"under_time_share"`
	Efficiency *float64 `json:"efficiency"` // share of the supplied agent-hours that were needed
}

// HostReport is a host resource.
type HostReport struct {
	Hosts     string   `json:"hosts"`
	Resource  string   `json:"resource"`
	Mean      *float64 `json:"mean_ratio"`
	Max       *float64 `json:"max_ratio"`
	Limit     float64  `json:"limit_ratio"`
	Emergency *float64 `json:"emergency_share"` // of the time
}

// PoolReport is of one pool.
type PoolReport struct {
	Pool     string         `json:"pool"`
	Location string         `json:"location"`
	Mode     policy.Mode    `json:"mode"`
	Min      int            `json:"min"`
	Max      int            `json:"max"`
	PerAgent float64        `json:"per_agent"`
	Mean     *float64       `json:"load_mean"`
	Peak     *float64       `json:"load_max"`
	Supplies []Supply       `json:"supplies"`
	Scalings []Scalings     `json:"scalings"`
	Capped   *float64       `json:"capped_share"` // of the time in which the demand was above the maximum
	Accuracy *Accuracy      `json:"accuracy"`     // null: nothing was scored
	Reasons  []ReasonShare  `json:"reasons"`      // the most frequent
	Budgets  []BudgetReport `json:"budgets"`
	Effects  []Effect       `json:"effects"`
	Series   ReportSeries   `json:"series"`
}

// Accuracy is how good forecasts were for the pool's lead time.
type Accuracy struct {
	Horizon  float64  `json:"horizon_seconds"`
	WAPE     *float64 `json:"wape"`
	Naive    *float64 `json:"naive_wape"` // of the better seasonal naive forecast
	Coverage *float64 `json:"interval_coverage"`
}

// ReasonShare is a reason that moved or held the pool.
type ReasonShare struct {
	Reason string  `json:"reason"`
	Share  float64 `json:"share"` // of the time
}

// BudgetReport is a budget at its fullest.
type BudgetReport struct {
	Budget string  `json:"budget"`
	Used   float64 `json:"used_ratio"`
}

// ReportSeries are agents on one grid.
type ReportSeries struct {
	Start   time.Time  `json:"start"`
	Step    float64    `json:"step_seconds"`
	Needed  []*float64 `json:"needed"`
	Ready   []*float64 `json:"ready"`
	Desired []*float64 `json:"desired"`
}

// Recommendation is a change that the figures speak for.
type Recommendation struct {
	Pool string `json:"pool"` // empty: all
	Code string `json:"code"`
	Text string `json:"text"`
}
