package engine

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// budgeted is a pool that may post 17 a day, and a world that says how many it has
// posted.
func budgeted(w *world, used *float64) Pool {
	nba := spec("nba")
	nba.Load.Match = map[string]string{"pool": "nba"}
	nba.Budgets = []Budget{{
		Name: "tweets", Used: "increase(tweets[$window])",
		Budget: budget.Budget{Limit: 17, PostsPerAgentHour: 0.1, Location: time.UTC, Reserve: 2, Classes: []budget.Class{{Name: "breaking", Value: 8}, {Name: "other", Value: 1}}},
		When:   []policy.Rule{{Name: "breaking", When: policy.Condition{Events: []policy.EventMatch{{Type: "breaking"}}}}, {Name: "other"}},
	}}
	w.queried = func(query string) (float64, bool) { return *used, strings.HasPrefix(query, "increase(tweets[") }
	return nba
}

// I26: what is left of a budget caps the agents, what breaking news may need is kept,
// and used never falls.
func TestBudgetCapsThePool(t *testing.T) {
	w := newWorld(flat(400), map[string]int{"nba": 10})
	used := 0.0
	e := newEngine(t)
	e.Apply(settings(w, budgeted(w, &used)))
	now := start
	for _, step := range []struct {
		what   string
		used   float64
		event  string // that is put before
		agents int
		code   policy.Code
		status budget.Status
	}{
		{"plenty is left", 2, "", 40, policy.ReasonReactive, budget.OK},
		{"two are kept for breaking news", 15, "", 0, policy.ReasonBudget, budget.Held},
		{"breaking news may spend them", 15, "breaking", 20, policy.ReasonBudget, budget.OK},
		{"nothing is left", 17, "", 0, policy.ReasonBudgetExhausted, budget.Exhausted},
		{"a counter that was reset does not give anything back", 3, "", 0, policy.ReasonBudgetExhausted, budget.Exhausted},
	} {
		used = step.used
		if step.event != "" {
			e.PutEvent(policy.Event{ID: step.event, Type: step.event, Start: now, End: now.Add(time.Hour)})
		}
		e.Tick(t.Context(), now)
		now = now.Add(30 * time.Second)
		got := e.Snapshot().Pools[0]
		if got.Decision.Desired != step.agents || len(got.Budgets) != 1 || got.Budgets[0].Cap.Status != step.status {
			t.Errorf("%s: desired %d, budgets %+v, want %d and %s\n%+v", step.what, got.Decision.Desired, got.Budgets, step.agents, step.status, got.Decision.Reasons)
		}
		found := false
		for _, r := range got.Decision.Reasons {
			found = found || r.Code == step.code
		}
		if !found {
			t.Errorf("%s: %s is not among the reasons %+v", step.what, step.code, got.Decision.Reasons)
		}
	}
}

// What is not known is not raised.
func TestUnknownBudgetDoesNotRaise(t *testing.T) {
	w := newWorld(flat(400), map[string]int{"nba": 10})
	used := -1.0 // the world answers nothing
	e := newEngine(t)
	e.Apply(settings(w, budgeted(w, &used)))
	w.queried = func(query string) (float64, bool) { return -1, strings.HasPrefix(query, "increase(") }
	e.Tick(t.Context(), start)
	got := e.Snapshot().Pools[0]
	if got.Decision.Desired != 10 || got.Budgets[0].Cap.Status != budget.Unknown {
		t.Errorf("desired %d with a budget that is %s, want 10 and unknown", got.Decision.Desired, got.Budgets[0].Cap.Status)
	}
}

// The window of a local day grows with the day; that of 24 hours does not.
func TestWindowsOfQueries(t *testing.T) {
	w := newWorld(flat(1), nil)
	used := 0.0
	signals := budgeted(w, &used).usedSignals(time.Date(2026, 11, 25, 5, 0, 0, 0, time.UTC))
	if len(signals) != 2 || signals[0].Query != "increase(tweets[18000s])" || signals[1].Query != "increase(tweets[86400s])" || signals[0].Match["pool"] != "nba" {
		t.Errorf("got %+v", signals)
	}
	if at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC); budgeted(w, &used).usedSignals(at)[0].Query != "increase(tweets[1s])" {
		t.Errorf("at midnight: got %+v", budgeted(w, &used).usedSignals(at)[0])
	}
}

// Without any forecast base agents are expected to post.
func TestBudgetWithoutAForecast(t *testing.T) {
	w := newWorld(flat(math.NaN()), map[string]int{"nba": 10})
	used := 5.0
	e := newEngine(t)
	e.Apply(settings(w, budgeted(w, &used)))
	e.Tick(t.Context(), start)
	got := e.Snapshot().Pools[0]
	if len(got.Budgets) != 1 || got.Budgets[0].Cap.Status != budget.OK || got.Budgets[0].Cap.Agents != 10 {
		t.Errorf("got %+v, want what 10 base agents post\n%+v", got.Budgets, got.Decision.Reasons)
	}
}
