package api

import (
	"net/http"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// health answers how well the adapter does its work. It is 200 also when it does not: a
// restart would not help.
func (s server) health(w http.ResponseWriter, _ *http.Request) {
	snap := s.Snapshot()
	h := snap.Health(s.Now())
	v := apiv1.Health{Status: h.Status, Score: h.Score, Checks: []apiv1.Check{}, Pools: []apiv1.Footing{}}
	for _, c := range h.Checks {
		v.Checks = append(v.Checks, apiv1.Check{Name: c.Name, Passed: c.Passed, Detail: c.Detail})
	}
	if snap != nil {
		for _, p := range snap.Pools {
			v.Pools = append(v.Pools, apiv1.Footing{Pool: p.Pool.Name, Rung: p.Footing.Rung, Since: p.Footing.Since.UTC(), Why: p.Footing.Why})
		}
	}
	answer(w, v, nil)
}
