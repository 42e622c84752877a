package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// ErrNoTick says that the loop has not taken a turn yet.
var ErrNoTick = errors.New("the first tick has not been taken")

// Plan says what the loop is going to do from its last tick until the end, with the
// overrides and events that it was told. It asks nobody: what was measured is what the
// last tick knew. It may be called while a tick runs. See [NewPlan].
func (e *Engine) Plan(ctx context.Context, end time.Time) (Plan, error) {
	snap := e.Snapshot()
	if snap == nil {
		return Plan{}, ErrNoTick
	}
	s := *snap.Settings
	r := recall(snap)
	s.Source, s.Actuator, s.Pools = r, r, slices.Clone(s.Pools)
	for i := range s.Pools {
		s.Pools[i].Current, s.Pools[i].Completeness = nil, nil // the snapshot tells what came of them
	}
	s.Events, s.Exprs, s.Overrides = e.Events(), nil, e.Overrides(snap.Time)
	return NewPlan(ctx, &s, snap.Time, end)
}

// recalled is what a tick has seen, in place of those who told it.
type recalled struct {
	histories map[string]History // by what they were asked for with
	counts    map[string]policy.Count
}

func recall(snap *Snapshot) recalled {
	r := recalled{map[string]History{}, map[string]policy.Count{}}
	for i := range snap.Pools {
		p := &snap.Pools[i]
		r.histories[signalKey(snap.Settings.Pools[i].Load)] = p.History
		r.counts[p.Pool.Name] = p.Count
	}
	return r
}

// Sample knows nothing: what the tick saw of hosts and loads is of no use later.
func (recalled) Sample(_ context.Context, _ time.Time, signals []policy.Signal) []policy.Sample {
	return make([]policy.Sample, len(signals))
}

func (r recalled) Range(_ context.Context, grid Range, signals []policy.Signal) ([]forecast.Series, error) {
	out := make([]forecast.Series, len(signals))
	for i, signal := range signals {
		out[i] = r.histories[signalKey(signal)].on(grid)
	}
	return out, nil
}

func (recalled) RangeAll(context.Context, Range, string) ([]Labeled, error) { return nil, nil }

func (r recalled) Current(_ context.Context, pool string) policy.Count {
	return r.counts[pool]
}

func (recalled) Scale(context.Context, policy.Decision) policy.Outcome {
	return policy.Outcome{Result: policy.NotSent}
}
