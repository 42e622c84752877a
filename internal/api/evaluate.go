package api

import (
	"errors"
	"math"
	"net/http"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// evaluate answers what would be decided about a pool.
func (s *orders) evaluate(r *http.Request) (any, error) {
	r.Body = http.MaxBytesReader(nil, r.Body, mostOrder)
	var body apiv1.EvaluationOrder
	if err := decode(r, knownFields, &body); err != nil {
		return nil, err
	}
	if body.Pool == "" {
		return nil, refuse(http.StatusBadRequest, "pool is missing; say which is to be evaluated")
	}
	pool, err := s.pool(body.Pool)
	if err != nil {
		return nil, err
	}
	x, err := s.supposition(body)
	if err != nil {
		return nil, err
	}
	d, err := s.Engine.Evaluate(x)
	if errors.Is(err, engine.ErrNotEvaluated) {
		return nil, refuse(http.StatusServiceUnavailable, "no tick has decided about pool %q yet; ask again after the next one", pool.Name)
	}
	if err != nil {
		return nil, err
	}
	return apiv1.Evaluation{Decision: decisionOf(d), Calls: d.Direction() != policy.None && d.Permitted()}, nil
}

// supposition reads what is supposed. An error says all that is wrong.
func (s *orders) supposition(b apiv1.EvaluationOrder) (engine.Supposition, error) {
	var ps problems
	x := engine.Supposition{Pool: b.Pool, Load: b.Load, Forecast: b.Forecast, Agents: b.Agents}
	for _, load := range []struct {
		name  string
		value *float64
	}{{"load", b.Load}, {"forecast", b.Forecast}} {
		if y := load.value; y != nil && (*y < 0 || math.IsInf(*y, 0)) {
			ps.add("%s must be a number from 0 on, got %g", load.name, *y)
		}
	}
	if n := b.Agents; n != nil && (*n < 0 || *n > mostAgents) {
		ps.add("agents must be between 0 and %d, got %d", mostAgents, *n)
	}
	if o := b.Override; o != nil {
		order := o.Policy()
		for _, problem := range order.Problems() {
			ps.add("override: %s", problem)
		}
		now := s.Now()
		supposed := order.Override()
		supposed.Pool, supposed.Author, supposed.Reason = b.Pool, "nobody", "it is supposed"
		supposed.Start, supposed.End = now, now.Add(s.DefaultOverride)
		x.Override = &supposed
	}
	return x, ps.err()
}
