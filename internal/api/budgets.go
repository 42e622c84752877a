package api

import (
	"net/http"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

func (s server) budgets(w http.ResponseWriter, r *http.Request) {
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []apiv1.Budget{}
	for i := range pools {
		for _, b := range pools[i].Budgets {
			views = append(views, budgetOf(pools[i].Pool.Name, b))
		}
	}
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: views})
}

func budgetOf(pool string, b engine.BudgetStatus) apiv1.Budget {
	v := apiv1.Budget{
		Pool: pool, Name: b.Name, Limit: b.Limit, Status: b.Cap.Status, Scarce: b.Cap.Scarce, Agents: b.Cap.Agents, Window: b.Cap.Window, Class: b.Cap.Class,
		Used: b.Cap.Used, Remaining: b.Cap.Remaining, Protected: b.Cap.Protected, Until: when(b.Cap.Until), Exhaustion: when(b.Cap.Exhaustion),
		Detail: b.Cap.Detail, Measured: map[budget.Window]apiv1.Sample{},
	}
	for window, sample := range b.Used {
		v.Measured[window] = sampleOf(sample)
	}
	return v
}
