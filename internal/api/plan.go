package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// What a plan is if nobody says, and at most.
const (
	ordinaryPlan   = 7 * 24 * time.Hour
	ordinaryStep   = time.Hour
	longestStep    = 24 * time.Hour
	mostPlanPoints = 50_000 // of all pools that are told
)

// A plan takes the models of all pools seconds, a report asks Prometheus for much, so that
// there is one of each at a time. Both bounds together stay below what the listener waits
// for an answer.
const (
	patience    = 15 * time.Second // with one for somebody else
	workTimeout = 30 * time.Second
)

// planOrder is a plan that is asked for.
type planOrder struct {
	end  time.Time
	step time.Duration
}

// plan answers what the pools are going to do.
func (s server) plan(w http.ResponseWriter, r *http.Request) {
	if s.Snapshot() == nil {
		answer(w, nil, refuse(http.StatusServiceUnavailable, "the adapter has not taken its first tick; nothing can be planned yet"))
		return
	}
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	order, err := planOrderOf(r, snap.Time)
	if err != nil {
		answer(w, nil, err)
		return
	}
	if n := len(pools) * int(order.end.Sub(snap.Time)/max(order.step, snap.Settings.Step)); n > mostPlanPoints {
		answer(w, nil, refuse(http.StatusBadRequest, "these are %d points of %d pools, at most %d are told; ask for a longer step, an earlier end or one pool", n, len(pools), mostPlanPoints))
		return
	}
	p, err := s.planned(r.Context(), order.end)
	if err != nil {
		answer(w, nil, err)
		return
	}
	if name := r.FormValue("pool"); name != "" { // all are planned: they share limits
		p.Pools = slices.DeleteFunc(p.Pools, func(p engine.PoolPlan) bool { return p.Pool.Name != name })
	}
	v := apiv1.PlanOf(p)
	thin(&v, order.step)
	answer(w, v, nil)
}

// planned makes a plan as soon as no other one is made.
func (s server) planned(ctx context.Context, end time.Time) (engine.Plan, error) {
	leave, err := s.planning.enter(ctx, "plans")
	if err != nil {
		return engine.Plan{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	p, err := s.Engine.Plan(ctx, end)
	if bad, ok := errors.AsType[engine.SpanError](err); ok {
		err = refuse(http.StatusBadRequest, "%s", bad)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = refuse(http.StatusServiceUnavailable, "the plan was not ready within %s; ask again later, or for an earlier end", workTimeout)
	}
	return p, err
}

// queue lets one request at a time do what takes long.
type queue chan struct{}

// enter waits for who is in. What they make is named for who has to come again.
func (q queue) enter(ctx context.Context, what string) (leave func(), err error) {
	select {
	case q <- struct{}{}:
		return func() { <-q }, nil
	case <-ctx.Done():
		return nil, ctx.Err() // nobody listens
	case <-time.After(patience):
		return nil, refuse(http.StatusServiceUnavailable, "other %s are being made, one at a time; ask again later", what)
	}
}

// planOrderOf reads what a request asks for, from now on.
func planOrderOf(r *http.Request, now time.Time) (planOrder, error) {
	o := planOrder{now.Add(ordinaryPlan), ordinaryStep}
	if text := r.FormValue("to"); text != "" {
		end, err := planEnd(text, now)
		if err != nil {
			return o, err
		}
		o.end = end
	}
	if text := r.FormValue("step"); text != "" {
		d, err := model.ParseDuration(text)
		if o.step = time.Duration(d); err != nil || o.step <= 0 || o.step > longestStep {
			return o, refuse(http.StatusBadRequest, "step %q is not a length above 0 and up to %s such as 15m or 1h", clip(text), model.Duration(longestStep))
		}
	}
	return o, nil
}

// planEnd reads the end of a plan. In a query a plus stands for a space.
func planEnd(text string, now time.Time) (time.Time, error) {
	text = strings.TrimPrefix(strings.ReplaceAll(text, " ", "+"), "+")
	end, ok := absolute(text)
	if length, err := model.ParseDuration(text); err == nil {
		end, ok = now.Add(time.Duration(length)), true
	}
	const most = engine.LongestPlan / (24 * time.Hour)
	switch {
	case !ok:
		return end, refuse(http.StatusBadRequest, "to %q is neither a length up to %dd such as 36h or 7d, nor a time such as 2026-11-12T18:30:00Z, nor seconds since 1970", clip(text), most)
	case !end.After(now):
		return end, refuse(http.StatusBadRequest, "to %s is not after the last tick at %s, from which plans begin", stamp(end), stamp(now))
	case end.Sub(now) > engine.LongestPlan:
		return end, refuse(http.StatusBadRequest, "to %s is more than %dd after the last tick at %s", stamp(end), most, stamp(now))
	}
	return end, nil
}

// thin puts the instants of each step together into the first one that has the most
// agents, told at the beginning of the step.
func thin(p *apiv1.Plan, step time.Duration) {
	if step.Seconds() <= p.Step {
		return
	}
	p.Step = step.Seconds()
	for i := range p.Pools {
		var kept []apiv1.PlanPoint
		for _, pt := range p.Pools[i].Points {
			last := len(kept) - 1
			switch {
			case last < 0 || !pt.Time.Truncate(step).Equal(kept[last].Time.Truncate(step)):
				kept = append(kept, pt)
			case pt.Desired > kept[last].Desired:
				pt.Time = kept[last].Time
				kept[last] = pt
			}
		}
		p.Pools[i].Points = kept
	}
}
