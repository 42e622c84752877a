package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// isolate does a part of a turn and returns a panic of it as an error: what one pool or one
// call breaks must not end what all others need. The panic is counted and logged, with its
// stack unless that is known from the last one of the same part.
//
// The pool is empty if the part is not of one pool alone.
func (e *Engine) isolate(part, pool string, do func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in %s: %v", part, r)
			e.metrics.panics.Inc()
			facts := []any{"in", part, "panic", fmt.Sprint(r)}
			if pool != "" {
				facts = append(facts, "pool", pool)
			}
			if e.panicked.isNew(part, fmt.Sprint(r)) {
				facts = append(facts, "stack", string(debug.Stack()))
			}
			e.logger.Error("panic; going on without", facts...)
		}
	}()
	do()
	return nil
}

// panics are the last ones of each part.
type panics struct {
	mu   sync.Mutex
	last map[string]string
}

func (p *panics) isNew(part, text string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]string{}
	}
	last, known := p.last[part]
	p.last[part] = text
	return !known || last != text
}

// What follows calls the world. A panic there is an answer that is not known.

func (e *Engine) sample(ctx context.Context, s *Settings, now time.Time, signals []policy.Signal) (samples []policy.Sample) {
	if err := e.isolate("a query", "", func() { samples = s.Source.Sample(ctx, now, signals) }); err != nil {
		samples = make([]policy.Sample, len(signals))
		for i := range samples {
			samples[i] = policy.Sample{Quality: policy.Error, Detail: err.Error()}
		}
	}
	return samples
}

func (e *Engine) history(ctx context.Context, s *Settings, r Range, signals []policy.Signal) (series []forecast.Series, err error) {
	if broken := e.isolate("a query of history", "", func() { series, err = s.Source.Range(ctx, r, signals) }); broken != nil {
		return nil, broken
	}
	return series, err
}

func (e *Engine) count(ctx context.Context, s *Settings, pool string) (c policy.Count) {
	if err := e.isolate("a count of agents", pool, func() { c = s.Actuator.Current(ctx, pool) }); err != nil {
		return policy.Count{Detail: err.Error()}
	}
	return c
}

func (e *Engine) scale(ctx context.Context, s *Settings, d policy.Decision) (o policy.Outcome) {
	if err := e.isolate("a scaling", d.Pool, func() { o = s.Actuator.Scale(ctx, d) }); err != nil {
		return policy.Outcome{Result: policy.Unknown, Err: err}
	}
	return o
}

func (e *Engine) keep(c Change) (err error) {
	if broken := e.isolate("the store", "", func() { err = e.store.Save(c) }); broken != nil {
		return broken
	}
	return err
}
