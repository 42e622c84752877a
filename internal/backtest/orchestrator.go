package backtest

import (
	"context"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// crew are the agents of a pool: those that are ready, and by when those that start will be,
// oldest first.
type crew struct {
	pool     policy.Pool
	startup  time.Duration
	ready    int
	starting []time.Time
	actions  int // changes that were carried out
}

func newCrew(p policy.Pool, startup time.Duration, ready int) *crew {
	return &crew{pool: p, startup: startup, ready: clamp(ready, p.Agents)}
}

func clamp(n int, limits policy.Agents) int { return min(max(n, limits.Min), limits.Max) }

func (c *crew) agents() int { return c.ready + len(c.starting) }

// settle lets agents become ready.
func (c *crew) settle(now time.Time) {
	for len(c.starting) > 0 && !now.Before(c.starting[0]) {
		c.starting = c.starting[1:]
		c.ready++
	}
}

// scale sets the number of agents. Those that are not ready go first.
func (c *crew) scale(now time.Time, agents int) {
	if agents == c.agents() {
		return
	}
	c.actions++
	for c.agents() < agents {
		c.starting = append(c.starting, now.Add(c.startup))
	}
	if excess := c.agents() - agents; excess > 0 {
		young := min(excess, len(c.starting))
		c.starting = c.starting[:len(c.starting)-young]
		c.ready -= excess - young
	}
	c.settle(now)
}

// orchestrator carries out what it is asked for. It implements [engine.Actuator].
type orchestrator struct {
	now *time.Time // the clock of the loop that asks

	mu    sync.Mutex
	crews map[string]*crew
}

// Current implements [engine.Actuator].
func (o *orchestrator) Current(_ context.Context, pool string) policy.Count {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.crews[pool]
	c.settle(*o.now)
	return policy.Count{Agents: c.agents(), Ready: c.ready, Known: true}
}

// Scale implements [engine.Actuator].
func (o *orchestrator) Scale(_ context.Context, d policy.Decision) policy.Outcome {
	if !d.Permitted() {
		return policy.Outcome{Result: policy.NotSent}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.crews[d.Pool].scale(*o.now, d.Desired)
	return policy.Outcome{Result: policy.Accepted}
}

var _ engine.Actuator = (*orchestrator)(nil)
