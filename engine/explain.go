package engine

import (
	"errors"
	"fmt"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// ErrNoModel says that a pool has no models, or none that follow its rules as they
// are now.
var ErrNoModel = errors.New("no model is fitted")

// Explanation says what a pool's forecast follows and what it is made of. Unlike
// what a [Snapshot] tells of a pool, all of it is of one instant.
type Explanation struct {
	Measured History // up to the forecast
	Forecast forecast.Forecast
	Parts    Parts            // they sum up to the forecast's median
	Scores   []forecast.Score // of all models at all horizons
}

// Parts are what each cause adds to the median, by step, in the unit of the load.
type Parts struct {
	forecast.Parts           // of the load as it would be without declared effects
	Rules          []float64 // what the declared effects of rules make of that
}

// Explain says what the forecast of a pool's next steps is made of. It may be called
// while a tick runs. An error that wraps [ErrNoModel] says that there is nothing to
// explain yet.
func (e *Engine) Explain(pool string, steps int) (x Explanation, err error) {
	e.poolsMu.Lock()
	p := e.pools[pool]
	e.poolsMu.Unlock()
	if p == nil {
		return Explanation{}, fmt.Errorf("no pool %q", pool)
	}
	if broken := e.isolate("an explanation", pool, func() { x, err = p.explain(steps) }); broken != nil {
		x, err = Explanation{}, broken
	}
	if err != nil {
		return Explanation{}, fmt.Errorf("explain the forecast of pool %q: %w", pool, err)
	}
	return x, nil
}

// explain says what the forecast is made of. The models expect m in the scale
// without rules, as the sum of their parts. What is published is
//
//	ŷ = m·T + A = m + (m·(T − 1) + A)
//
// with T what the rules multiply by and A what they add; the bracket is their part.
func (p *pool) explain(steps int) (Explanation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.predictor == nil {
		return Explanation{}, ErrNoModel
	}
	f, err := p.expected(steps)
	if err != nil {
		return Explanation{}, err
	}
	made, err := p.predictor.Explain(steps)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Measured: p.history, Forecast: f, Parts: Parts{made.Parts, make([]float64, steps)}, Scores: made.Scores}
	for k := range steps {
		o := p.timeline.Offset(f.Time(k))
		m := x.Parts.Level[k] + x.Parts.Seasonal[k] + x.Parts.Autoregressive[k] + x.Parts.Event[k]
		x.Parts.Rules[k] = m*(o.Total-1) + o.TotalAdd*p.spec.Pool.PerAgent
	}
	return x, nil
}
