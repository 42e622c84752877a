package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

// backtestView is a replay as one document. Shares are between 0 and 1, and null where there
// is nothing that they are shares of.
type backtestView struct {
	From           time.Time             `json:"from"`
	To             time.Time             `json:"to"`
	Tick           float64               `json:"tick_seconds"`
	Step           float64               `json:"step_seconds"` // of the history
	Lag            float64               `json:"lag_seconds"`
	RefitEvery     float64               `json:"refit_every_seconds"`
	MaxTotalAgents int                   `json:"max_total_agents,omitempty"`
	Pools          []backtestPoolView    `json:"pools"`
	Total          []backtestOutcomeView `json:"total"`
	Unknown        []string              `json:"unknown_pools"`
}

type backtestPoolView struct {
	Pool     string                `json:"pool"`
	Min      int                   `json:"min"`
	Max      int                   `json:"max"`
	PerAgent float64               `json:"per_agent"`
	Startup  float64               `json:"startup_seconds"`
	Peak     float64               `json:"needed_at_most"`
	Policies []backtestOutcomeView `json:"policies"`
}

type backtestOutcomeView struct {
	Policy        string                `json:"policy"`
	AgentHours    float64               `json:"agent_hours"`
	UnderTime     *float64              `json:"under_time_share"` // τ_U
	ActionsPerDay float64               `json:"actions_per_day"`
	Actions       int                   `json:"actions"`
	Under         float64               `json:"under_minutes"`
	UnderShare    *float64              `json:"under_share"`     // θ_U
	OverShare     *float64              `json:"over_share"`      // θ_O
	OverTime      *float64              `json:"over_time_share"` // τ_O
	Instability   *float64              `json:"instability"`     // υ
	OverBudget    float64               `json:"over_budget_minutes"`
	OverTotal     float64               `json:"over_max_total_minutes"`
	OverHosts     *float64              `json:"over_host_limit_minutes"` // null: it is not known
	Forecast      *backtestAccuracyView `json:"forecast"`
}

type backtestAccuracyView struct {
	Ahead    float64  `json:"ahead_seconds"`
	Quantile float64  `json:"quantile"`
	N        int      `json:"n"`
	WAPE     *float64 `json:"wape"`
	MASE     *float64 `json:"mase"`
	Pinball  *float64 `json:"pinball"`
	Coverage *float64 `json:"coverage"`
}

func writeBacktestJSON(w io.Writer, r backtest.Result) error {
	v := backtestView{
		From: r.From.UTC(), To: r.To.UTC(), Tick: r.Tick.Seconds(), Step: r.Step.Seconds(), Lag: r.Lag.Seconds(), RefitEvery: r.RefitEvery.Seconds(),
		MaxTotalAgents: r.MaxTotalAgents, Total: backtestOutcomes(r, r.Total), Unknown: apiv1.List(r.Unknown),
	}
	for _, p := range r.Pools {
		v.Pools = append(v.Pools, backtestPoolView{
			Pool: p.Pool.Name, Min: p.Pool.Agents.Min, Max: p.Pool.Agents.Max, PerAgent: p.Pool.PerAgent, Startup: p.Startup.Seconds(), Peak: p.Peak(),
			Policies: backtestOutcomes(r, p.Ways),
		})
	}
	return json.NewEncoder(w).Encode(v)
}

func backtestOutcomes(r backtest.Result, ways []backtest.Outcome) []backtestOutcomeView {
	var out []backtestOutcomeView
	for _, o := range ways {
		v := backtestOutcomeView{
			Policy: o.Way, AgentHours: o.AgentHours, UnderTime: apiv1.Number(o.UnderTime), ActionsPerDay: o.ActionsPerDay(r.Span), Actions: o.Actions,
			Under: o.UnderFor.Minutes(), UnderShare: apiv1.Number(o.UnderShare), OverShare: apiv1.Number(o.OverShare), OverTime: apiv1.Number(o.OverTime),
			Instability: apiv1.Number(o.Instability), OverBudget: o.OverBudget.Minutes(), OverTotal: o.OverTotal.Minutes(),
		}
		if a := o.Accuracy; a != nil {
			v.Forecast = &backtestAccuracyView{
				Ahead: a.Ahead.Seconds(), Quantile: a.Quantile, N: a.N(),
				WAPE: apiv1.Number(a.WAPE()), MASE: apiv1.Number(a.MASE()), Pinball: apiv1.Number(a.MeanPinball()), Coverage: apiv1.Number(a.Coverage()),
			}
		}
		out = append(out, v)
	}
	return out
}
