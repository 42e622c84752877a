package forecast

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Score is how well a model did on the forecasts that it issued, at one horizon.
// Old ones count less: a half-life is three days.
type Score struct {
	Model   string  // "combination" is what was forecast
	Horizon int     // steps ahead
	WAPE    float64 // sum of absolute errors over sum of values; NaN when nothing was scored
	Bias    float64 // sum of errors (value − forecast) over sum of values
	Weight  float64 // share of the model in the combination; 1 for that
	N       int     // forecasts scored
}

// Combination is the name of what all models together forecast.
const Combination = "combination"

// Scores returns how the models and their combination did, by model and horizon.
func (p *Predictor) Scores() []Score {
	weights := p.weights()
	var out []Score
	for i, m := range p.members {
		for j, k := range p.horizons {
			out = append(out, m.losses[j].score(m.model.Name(), k, weights[j][i]))
		}
	}
	for j, k := range p.horizons {
		out = append(out, p.combined[j].score(Combination, k, 1))
	}
	return out
}

func (l losses) score(model string, horizon int, weight float64) Score {
	return Score{Model: model, Horizon: horizon, WAPE: float64(l.abs) / float64(l.actual), Bias: float64(l.err) / float64(l.actual), Weight: weight, N: int(l.n)}
}

// weights returns the weights of the members by horizon.
func (p *Predictor) weights() [][]float64 {
	out := make([][]float64, len(p.horizons))
	for j := range out {
		out[j] = make([]float64, len(p.members))
		weigh(p.members, j, out[j])
	}
	return out
}

// Coverage is how well the 10 % and the 90 % quantiles held that were known before the
// values. Old values count less.
type Coverage struct {
	Horizon int     // steps ahead
	Share   float64 // of values between them; 0.8 is right
	Pinball float64 // mean of the pinball losses of both, over the mean load
	N       int     // values compared
}

// Coverage returns how well the intervals held, for each horizon that could be
// compared.
func (p *Predictor) Coverage() []Coverage {
	var out []Coverage
	for j, k := range p.horizons {
		u := &p.errorsIn(ordinary)[j]
		if e := &u.scales[u.best()]; e.judged > 0 {
			out = append(out, Coverage{Horizon: k, Share: e.inside, Pinball: u.pinball() / p.mean, N: e.judged})
		}
	}
	return out
}

// Forecast returns the quantile paths of the next h steps at the levels, which
// are sorted in the answer. The path at 0.5 is the combination of the models; the
// others are moved from it by quantiles of its past errors at the same distance,
// interpolated between the distances scored.
func (p *Predictor) Forecast(h int, levels []float64) (Forecast, error) {
	if h <= 0 {
		return Forecast{}, fmt.Errorf("horizon is %d steps, must be at least 1", h)
	}
	if len(levels) == 0 {
		return Forecast{}, errors.New("no quantile levels given")
	}
	levels = slices.Sorted(slices.Values(levels))
	for _, l := range levels {
		if !(l > 0 && l < 1) {
			return Forecast{}, fmt.Errorf("quantile level is %v, must be above 0 and below 1", l)
		}
	}
	f := Forecast{Model: Combination, Start: p.End(), Step: p.step, Levels: levels, Paths: make([][]float64, len(levels))}
	f.Warnings = slices.Clone(p.warnings)
	if warning := p.fewErrors(); warning != nil {
		f.Warnings = append(f.Warnings, warning)
	}
	median := p.median(h)
	for i := range levels {
		f.Paths[i] = make([]float64, h)
		p.quantile(levels[i], median, f.Paths[i])
		if i > 0 {
			for k, q := range f.Paths[i-1] {
				f.Paths[i][k] = max(f.Paths[i][k], q)
			}
		}
	}
	return f, nil
}

// fewErrors warns when intervals rest on little.
func (p *Predictor) fewErrors() error {
	fewest := memory
	for _, e := range p.errorsIn(ordinary) {
		fewest = min(fewest, e.n())
	}
	if fewest < fewErrors {
		return fmt.Errorf("intervals rest on %d past errors at some horizons, %d would be better", fewest, fewErrors)
	}
	return nil
}

// median returns the combination's path, with the effects of events.
func (p *Predictor) median(h int) []float64 {
	n := len(p.members)
	all := make([]float64, n*h)
	for i, m := range p.members {
		m.fitted.Predict(all[i*h : (i+1)*h])
	}
	weights := p.weights()
	out := make([]float64, h)
	for k := range out {
		a, b, share := between(p.horizons, k+1)
		for i := range n {
			p.mixed[i] = (1-share)*weights[a][i] + share*weights[b][i]
			p.values[i] = p.sane(all[i*h+k])
		}
		out[k] = p.sane(middle(p.values, p.mixed, p.order) * p.effects.factor(p.clock.next+int64(k)*p.clock.step))
	}
	return out
}

// fewBeginnings are so many errors of beginnings of events that they count half: the
// largest of a few games says little about the next one.
const fewBeginnings = 40

// quantile fills path with the quantile at a level.
func (p *Predictor) quantile(level float64, median, path []float64) {
	copy(path, median)
	if level == 0.5 {
		return
	}
	var known [regimes][]move
	moves := func(regime int) []move {
		for j := len(known[regime]); j < len(p.horizons); j++ {
			known[regime] = append(known[regime], p.move(regime, j, level))
		}
		return known[regime]
	}
	wider := math.Max
	if level < 0.5 {
		wider = math.Min
	}
	for k, m := range median {
		regime := p.effects.regime(p.clock.next + int64(k)*p.clock.step)
		at := func(j int) float64 {
			q := wider(m, moves(min(regime, nearEvent))[j].of(m)) // quantiles do not cross the median
			if regime >= nearEvent && p.errorsIn(nearEvent)[j].n() < fewErrors {
				q = wider(q, moves(ordinary)[j].of(m)) // few errors near events are known
			}
			if regime == beginning {
				n := float64(p.errorsIn(beginning)[j].n())
				q += n / (n + fewBeginnings) * (wider(q, moves(beginning)[j].of(m)) - q)
			}
			return q
		}
		a, b, share := between(p.horizons, k+1)
		path[k] = p.sane((1-share)*at(a) + share*at(b))
	}
}

// move is how far a quantile lies from the median.
type move struct{ residual, scale float64 }

func (m move) of(median float64) float64 { return moved(median, m.residual, m.scale) }

// move returns the quantile of the errors at horizon j, or of the one before where
// none could be compared yet. The fewer there are, the wider it is.
func (p *Predictor) move(regime, j int, level float64) move {
	known := p.errorsIn(regime)
	spread := known[j].scales[0].spread(p.horizons[j], p.every)
	for j > 0 && known[j].n() == 0 {
		j--
	}
	u := &known[j]
	best := u.best()
	return move{u.scales[best].quantile(level) * spread, scaleShares[best] * p.mean}
}

// Parts are what each cause contributes to the combination's median, by step.
type Parts struct {
	Level          []float64 // what the load tends to
	Seasonal       []float64 // of the day and the week
	Autoregressive []float64 // what the last deviations leave
	Event          []float64 // the effect of events
}

// Explanation says what a forecast is made of.
type Explanation struct {
	Start   time.Time
	Step    time.Duration
	Scores  []Score
	Effects []Effect
	Parts   Parts // they sum up to the median
}

// Explain returns what the forecast of the next h steps is made of. The parts
// are means over the models by their weights; what the combination's trimming
// moves counts as autoregressive.
func (p *Predictor) Explain(h int) (Explanation, error) {
	if h <= 0 {
		return Explanation{}, fmt.Errorf("horizon is %d steps, must be at least 1", h)
	}
	e := Explanation{Start: p.End(), Step: p.step, Scores: p.Scores(), Effects: p.Effects()}
	e.Parts = Parts{make([]float64, h), make([]float64, h), make([]float64, h), make([]float64, h)}
	level, season := make([]float64, h), make([]float64, h)
	weights := p.weights()
	for i, m := range p.members {
		d, ok := asDivided(m.fitted)
		if !ok {
			continue
		}
		d.divide(level, season)
		for k := range h {
			a, b, share := between(p.horizons, k+1)
			w := (1-share)*weights[a][i] + share*weights[b][i]
			e.Parts.Level[k] += w * level[k]
			e.Parts.Seasonal[k] += w * season[k]
		}
	}
	for k, m := range p.median(h) {
		factor := p.effects.factor(p.clock.next + int64(k)*p.clock.step)
		ordinary := m / factor
		e.Parts.Event[k] = m - ordinary
		e.Parts.Autoregressive[k] = ordinary - e.Parts.Level[k] - e.Parts.Seasonal[k]
	}
	return e, nil
}
