package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// turn is what the decisions of a tick rest on. It is immutable.
type turn struct {
	settings *Settings
	now      time.Time
	inputs   []policy.Input // by pool, in the order of the settings
	states   []policy.State // what the pools remembered
	claims   []policy.Claim
	limits   policy.Limits

	emergency policy.EmergencyState // before
}

// shared fits what the pools claim into what they share.
func (t *turn) shared(claims []policy.Claim) ([]policy.Decision, policy.EmergencyState) {
	ds := policy.Allocate(claims, t.limits)
	return t.settings.Emergency.Emergency(claims, ds, t.limits.Hosts, t.now, t.emergency)
}

// Supposition is what [Engine.Evaluate] supposes in place of what the last tick saw. What
// is nil is as it was.
type Supposition struct {
	Pool     string
	Load     *float64         // that is measured, and was before; finite
	Forecast *float64         // greatest load in the lead time; finite
	Agents   *int             // that the orchestrator tells, all of them ready; ≥ 0
	Override *policy.Override // that has effect
}

// ErrNotEvaluated says that there was no tick whose decision could be made anew, or that
// the pool was not there.
var ErrNotEvaluated = errors.New("the last tick did not decide about the pool")

// Evaluate decides about a pool as the last tick did, with what is supposed, and beside what
// the other pools asked for. Nothing is remembered and nobody is called. It may be called
// while a tick runs.
func (e *Engine) Evaluate(x Supposition) (d policy.Decision, err error) {
	if broken := e.isolate("an evaluation", x.Pool, func() { d, err = e.evaluate(x) }); broken != nil {
		return policy.Decision{}, broken
	}
	return d, err
}

func (e *Engine) evaluate(x Supposition) (policy.Decision, error) {
	t := e.turn.Load()
	if t == nil {
		return policy.Decision{}, ErrNotEvaluated
	}
	s := t.settings
	if x.Override != nil {
		s = s.under(map[string]*policy.Override{x.Pool: x.Override})
	}
	i := slices.IndexFunc(s.Pools, func(p Pool) bool { return p.Pool.Name == x.Pool })
	if i < 0 {
		return policy.Decision{}, ErrNotEvaluated
	}
	in, state := t.supposing(i, x)
	claims := slices.Clone(t.claims)
	claims[i].Pool = s.Pools[i].Pool
	claims[i].Decision, _ = s.Pools[i].Decide(in, state)
	ds, _ := t.shared(claims)
	return ds[i], nil
}

// supposing returns what the decision about a pool rests on.
func (t *turn) supposing(i int, x Supposition) (policy.Input, policy.State) {
	in, st := t.inputs[i], t.states[i]
	if x.Load != nil {
		in.Load, st.Samples = policy.Sample{Value: *x.Load, Time: in.Now, Quality: policy.OK}, nil
	}
	if x.Forecast != nil {
		in.Outlook.Load, in.Outlook.Upper = *x.Forecast, max(in.Outlook.Upper, *x.Forecast)
		in.Outlook.Origin, in.Outlook.At = in.Now, in.Now.Add(t.settings.Pools[i].Pool.LeadTime)
		in.LargestLoad = max(in.LargestLoad, *x.Forecast)
	}
	if x.Agents != nil {
		in.Current = policy.Count{Agents: *x.Agents, Ready: *x.Agents, Known: true}
		st.Asked = policy.Asked{} // or somebody else has changed the pool
	}
	if x.Override != nil {
		in.Override = x.Override
	}
	return in, st
}
