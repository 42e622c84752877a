package forecast

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// ErrTooShort is wrapped by the errors of models that were given too little.
var ErrTooShort = errors.New("series too short")

// Options say what a [Predictor] is chosen for.
type Options struct {
	Models  []Model // candidates; nil: [DefaultModels]
	Horizon int     // most steps ahead that are forecast; > 0
}

// DefaultModels returns the candidates for series of any kind: the seasonal
// naive ones as permanent opponents, and smoothing without a season, with a
// day, and with a day and a week, on the load and on its logarithm.
func DefaultModels() []Model {
	models := []Model{
		SeasonalNaive("seasonal_naive_day", day),
		SeasonalNaive("seasonal_naive_week", week),
	}
	for _, m := range []Model{Smoothing("damped_trend"), Smoothing("holt_winters_day", day), Smoothing("holt_winters_week", day, week)} {
		models = append(models, m, Log1p(m))
	}
	return models
}

// How candidates are compared.
const (
	replay     = week          // of the series' end over which forecasts are replayed, at most a third of it
	chosenOver = 2 * time.Hour // horizons that choose the model
	halfLife   = 3 * day       // in which a past error loses half of its weight
	memory     = 512           // errors kept per horizon
	fewErrors  = 100           // fewer make intervals wider
)

// Score is how well one model did over past origins, at one horizon.
type Score struct {
	Model   string
	Horizon int     // steps ahead
	WAPE    float64 // sum of absolute errors over sum of values; NaN when nothing was scored
	Bias    float64 // sum of errors (value − forecast) over sum of values
	N       int     // forecasts scored
}

// Predictor is the best of several models for one series, with what its
// forecasts missed in the past. It is not safe for concurrent use.
type Predictor struct {
	name    string
	model   Fitted
	next    time.Time // instant of the next value
	step    time.Duration
	scale   float64 // of the errors; see residual
	largest float64 // value seen
	scores  []Score

	steps  []int // horizons that are scored, ascending
	errors []ring
	inside []ring // 1 for a value within the interval of the errors before it, 0 for one outside
	issued []queue
	every  int // steps between two scored origins
	count  int // values learned
	path   []float64
}

// Fit chooses a model for the series and fits it. Each candidate is fitted to
// all but the last days, which are then replayed: a forecast from every hour,
// with the parameters fixed, compared with what came. The model with the least
// discounted mean absolute error up to two hours ahead wins and is fitted to
// the whole series. The errors of its replay become the prediction intervals.
//
// A candidate that fails is left out. An error that wraps [ErrTooShort] says
// that none could be fitted.
func Fit(s Series, o Options) (*Predictor, error) {
	if o.Horizon <= 0 {
		return nil, fmt.Errorf("horizon is %d steps, must be at least 1", o.Horizon)
	}
	if s.Step < time.Second || day%s.Step != 0 {
		return nil, fmt.Errorf("step is %s, must be a divisor of a day and at least a second", s.Step)
	}
	for i, y := range s.Values {
		if math.IsInf(y, 0) {
			return nil, fmt.Errorf("value %d is %v, must be finite or NaN for missing", i, y)
		}
	}
	if o.Models == nil {
		o.Models = DefaultModels()
	}
	var best *Predictor
	var model Model
	var scores []Score
	lowest := math.Inf(1)
	var failures []error
	for _, m := range o.Models {
		p, loss, err := try(m, s, o.Horizon)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		scores = append(scores, p.scores...)
		if loss < lowest {
			best, model, lowest = p, m, loss
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no model fits: %w", errors.Join(append(failures, ErrTooShort)...))
	}
	whole, err := model.Fit(s)
	if err != nil {
		return nil, fmt.Errorf("fit the whole series: %w", err)
	}
	best.model, best.scores = whole, scores
	return best, nil
}

// try fits the model to the head of the series and replays the rest.
func try(m Model, s Series, horizon int) (*Predictor, float64, error) {
	head := s.Len() - min(int(replay/s.Step), s.Len()/3)
	fitted, err := m.Fit(Series{Start: s.Start, Step: s.Step, Values: s.Values[:head:head]})
	if err != nil {
		return nil, 0, err
	}
	p := newPredictor(m.Name(), fitted, s, horizon)
	sums := make([]struct{ abs, err, value float64 }, len(p.steps))
	counts := make([]int, len(p.steps))
	loss, weight := 0.0, 0.0
	for i := head; i < s.Len(); i++ {
		y := s.Values[i]
		recent := math.Exp2(-float64(s.Len()-i) * float64(s.Step) / float64(halfLife))
		p.learn(y, func(j int, expected float64) {
			e := y - expected
			sums[j].abs += math.Abs(e)
			sums[j].err += e
			sums[j].value += math.Abs(y)
			counts[j]++
			if j == 0 || time.Duration(p.steps[j])*s.Step <= chosenOver {
				loss += recent * math.Abs(e)
				weight += recent
			}
		})
	}
	if weight == 0 || math.IsNaN(loss) || math.IsInf(loss, 0) {
		return nil, 0, fmt.Errorf("%s: %w: no forecast could be compared", m.Name(), ErrTooShort)
	}
	for j, sum := range sums {
		p.scores = append(p.scores, Score{Model: m.Name(), Horizon: p.steps[j], WAPE: sum.abs / sum.value, Bias: sum.err / sum.value, N: counts[j]})
	}
	return p, loss / weight, nil
}

func newPredictor(name string, model Fitted, s Series, horizon int) *Predictor {
	p := &Predictor{name: name, model: model, next: s.End(), step: s.Step, every: max(1, int(time.Hour/s.Step))}
	for _, y := range s.Values {
		if y > p.largest {
			p.largest = y
		}
	}
	p.scale = 0.05 * meanKnown(s.Values)
	if !(p.scale > 0) {
		p.scale = 1
	}
	for _, at := range []time.Duration{0, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, day} {
		if k := max(1, int(at/s.Step)); k <= horizon && !slices.Contains(p.steps, k) {
			p.steps = append(p.steps, k)
		}
	}
	p.errors = make([]ring, len(p.steps))
	p.inside = make([]ring, len(p.steps))
	p.issued = make([]queue, len(p.steps))
	for j, k := range p.steps {
		p.errors[j].values = make([]float64, 0, memory)
		p.inside[j].values = make([]float64, 0, memory)
		p.issued[j].items = make([]issue, k/p.every+2)
	}
	p.path = make([]float64, p.steps[len(p.steps)-1])
	return p
}

// Model returns the name of the model that was chosen.
func (p *Predictor) Model() string { return p.name }

// Scores returns how the candidates did in the replay, by model and horizon.
func (p *Predictor) Scores() []Score { return p.scores }

// Coverage is the share of values that lay within the interval from the 10 % to
// the 90 % quantile that was forecast for them; 0.8 is right.
type Coverage struct {
	Horizon int // steps ahead
	Share   float64
	N       int // values compared, the last ones
}

// Coverage returns how well the intervals held, for each horizon that could be
// compared.
func (p *Predictor) Coverage() []Coverage {
	var out []Coverage
	for j, k := range p.steps {
		if n := len(p.inside[j].values); n > 0 {
			out = append(out, Coverage{Horizon: k, Share: meanKnown(p.inside[j].values), N: n})
		}
	}
	return out
}

// End returns the instant of the next value.
func (p *Predictor) End() time.Time { return p.next }

// Update learns the next value on the grid, NaN if it is missing, in constant
// time. Forecasts issued for this instant are compared with it, so that the
// intervals go on learning.
func (p *Predictor) Update(y float64) {
	if math.IsInf(y, 0) {
		y = math.NaN()
	}
	p.next = p.next.Add(p.step)
	p.largest = max(p.largest, zeroIfNaN(y))
	p.learn(y, nil)
}

func zeroIfNaN(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

// learn compares y with the forecasts issued for it, updates the model and,
// once an hour, issues the next forecasts. It tells scored, unless it is nil,
// the horizon's place and the forecast.
func (p *Predictor) learn(y float64, scored func(j int, expected float64)) {
	for j := range p.steps {
		expected, ok := p.issued[j].pop(p.count)
		if !ok || math.IsNaN(y) || math.IsNaN(expected) {
			continue
		}
		e := p.residual(y, expected)
		if inside, ok := p.errors[j].within(e); ok {
			p.inside[j].push(inside)
		}
		p.errors[j].push(e)
		if scored != nil {
			scored(j, expected)
		}
	}
	p.model.Update(y)
	p.count++
	if p.count%p.every == 0 {
		p.model.Predict(p.path)
		for j, k := range p.steps {
			p.issued[j].push(issue{due: p.count + k - 1, expected: p.path[k-1]})
		}
	}
}

// residual returns log(1 + y/s) − log(1 + ŷ/s) with s 5 % of the mean: about
// relative errors for large loads, about absolute ones near zero.
func (p *Predictor) residual(y, expected float64) float64 {
	return math.Log1p(max(y, 0)/p.scale) - math.Log1p(max(expected, 0)/p.scale)
}

// Forecast returns the quantile paths of the next h steps at the levels, which
// it sorts. A level's path is the model's median moved by that quantile of past
// errors at the same distance, interpolated between the distances scored.
func (p *Predictor) Forecast(h int, levels []float64) (Forecast, error) {
	if h <= 0 {
		return Forecast{}, fmt.Errorf("horizon is %d steps, must be at least 1", h)
	}
	if len(levels) == 0 {
		return Forecast{}, errors.New("no quantile levels given")
	}
	levels = slices.Clone(levels)
	sort.Float64s(levels)
	for _, l := range levels {
		if !(l > 0 && l < 1) {
			return Forecast{}, fmt.Errorf("quantile level is %v, must be above 0 and below 1", l)
		}
	}
	f := Forecast{Model: p.name, Start: p.next, Step: p.step, Levels: levels, Paths: make([][]float64, len(levels))}
	median := make([]float64, h)
	p.model.Predict(median)
	moves, warning := p.moves(levels)
	if warning != nil {
		f.Warnings = append(f.Warnings, warning)
	}
	most := 4 * p.largest // a median or an error beyond it is not believed
	for i := range levels {
		f.Paths[i] = make([]float64, h)
		for k, m := range median {
			if !(m >= 0) {
				m = 0 // NaN or negative
			}
			z := math.Log1p(min(m, most)/p.scale) + p.interpolate(moves[i], k+1)
			f.Paths[i][k] = min(max(p.scale*math.Expm1(z), 0), most)
		}
	}
	return f, nil
}

// moves returns for each level the quantile of the errors at each scored horizon.
// With n errors it is the ⌈level·(n+1)⌉-th smallest; few errors are spread.
func (p *Predictor) moves(levels []float64) ([][]float64, error) {
	moves := make([][]float64, len(levels))
	for i := range moves {
		moves[i] = make([]float64, len(p.steps))
	}
	fewest := memory
	for j := range p.steps {
		sorted := slices.Clone(p.errors[j].values)
		if len(sorted) == 0 && j > 0 { // too far ahead to have been compared yet: as at the distance before
			for i := range levels {
				moves[i][j] = moves[i][j-1]
			}
			fewest = 0
			continue
		}
		sort.Float64s(sorted)
		n := len(sorted)
		fewest = min(fewest, n)
		spread := 1.0
		if n < fewErrors {
			spread += 2 / math.Sqrt(float64(max(n, 1)))
		}
		for i, l := range levels {
			if n == 0 {
				continue
			}
			q := sorted[min(max(int(math.Ceil(l*float64(n+1))), 1), n)-1]
			middle := sorted[(n-1)/2]
			moves[i][j] = middle + spread*(q-middle)
		}
	}
	if fewest < fewErrors {
		return moves, fmt.Errorf("intervals rest on %d past errors at some horizons, %d would be better", fewest, fewErrors)
	}
	return moves, nil
}

// interpolate reads a move k steps ahead, linear in log k between the horizons
// that were scored.
func (p *Predictor) interpolate(moves []float64, k int) float64 {
	j := sort.SearchInts(p.steps, k)
	switch {
	case j == len(p.steps):
		return moves[j-1]
	case j == 0 || p.steps[j] == k:
		return moves[j]
	}
	a, b := float64(p.steps[j-1]), float64(p.steps[j])
	share := math.Log(float64(k)/a) / math.Log(b/a)
	return moves[j-1] + share*(moves[j]-moves[j-1])
}

// ring keeps the last values, at most its capacity.
type ring struct {
	values []float64
	next   int
}

func (r *ring) push(v float64) {
	if len(r.values) < cap(r.values) {
		r.values = append(r.values, v)
		return
	}
	r.values[r.next] = v
	r.next = (r.next + 1) % len(r.values)
}

// within returns 1 if v lies between the 10 % and the 90 % quantile of the
// values, 0 if not; false if there are too few values to say.
func (r *ring) within(v float64) (inside float64, ok bool) {
	const enough = 20
	n := len(r.values)
	if n < enough {
		return 0, false
	}
	below, equal := 0, 0
	for _, x := range r.values {
		switch {
		case x < v:
			below++
		case x == v:
			equal++
		}
	}
	rank := (float64(below) + float64(equal)/2) / float64(n)
	if rank >= 0.1 && rank <= 0.9 {
		return 1, true
	}
	return 0, true
}

// issue is a forecast for the value with the number due.
type issue struct {
	due      int
	expected float64
}

// queue holds issued forecasts in the order in which they are due.
type queue struct {
	items      []issue
	head, size int
}

func (q *queue) push(i issue) {
	q.items[(q.head+q.size)%len(q.items)] = i
	q.size++
}

// pop takes the forecast that is due at the number, if there is one.
func (q *queue) pop(number int) (expected float64, ok bool) {
	if q.size == 0 || q.items[q.head].due != number {
		return 0, false
	}
	expected = q.items[q.head].expected
	q.head = (q.head + 1) % len(q.items)
	q.size--
	return expected, true
}
