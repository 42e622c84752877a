package api

import (
	"net/http"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

type budgetView struct {
	Pool       string                       `json:"pool"`
	Name       string                       `json:"name"`
	Limit      int                          `json:"limit"`
	Status     budget.Status                `json:"status"`
	Scarce     bool                         `json:"scarce"` // only then it caps agents
	Agents     int                          `json:"max_agents"`
	Window     budget.Window                `json:"window"` // the stricter one
	Class      string                       `json:"class"`  // of the posts now
	Used       int                          `json:"used"`
	Remaining  int                          `json:"remaining"`
	Protected  int                          `json:"protected"`
	Until      *time.Time                   `json:"until"`      // when units come back
	Exhaustion *time.Time                   `json:"exhaustion"` // null: it lasts
	Detail     string                       `json:"detail"`
	Measured   map[budget.Window]sampleView `json:"measured"`
}

func (s server) budgets(w http.ResponseWriter, r *http.Request) {
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []budgetView{}
	for i := range pools {
		for _, b := range pools[i].Budgets {
			views = append(views, budgetOf(pools[i].Pool.Name, b))
		}
	}
	respond(w, http.StatusOK, envelope{Status: "success", Data: views})
}

func budgetOf(pool string, b engine.BudgetStatus) budgetView {
	v := budgetView{
		Pool: pool, Name: b.Name, Limit: b.Limit, Status: b.Cap.Status, Scarce: b.Cap.Scarce, Agents: b.Cap.Agents, Window: b.Cap.Window, Class: b.Cap.Class,
		Used: b.Cap.Used, Remaining: b.Cap.Remaining, Protected: b.Cap.Protected, Until: when(b.Cap.Until), Exhaustion: when(b.Cap.Exhaustion),
		Detail: b.Cap.Detail, Measured: map[budget.Window]sampleView{},
	}
	for window, sample := range b.Used {
		m := sampleView{Time: when(sample.Time), Quality: sample.Quality.String(), Detail: sample.Detail}
		if !sample.Time.IsZero() {
			m.Value = number(sample.Value)
		}
		v.Measured[window] = m
	}
	return v
}
