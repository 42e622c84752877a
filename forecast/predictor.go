package forecast

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Options say what a [Predictor] is made for.
type Options struct {
	// Horizon is the most steps ahead that are forecast and scored; > 0.
	Horizon int
	// Models are the bank; nil: [DefaultModels].
	Models []Model
	// Events are intervals of unusual load, past and to come. Their effect is
	// learned from the past and added to what is ahead.
	Events []Event
}

// replayed is the most of a series' end on which a new predictor's models are
// scored; learned is what they learn before from a long series, from a short one
// two thirds.
const (
	replayed = 2 * week
	learned  = 2*week + day
)

// scored are the horizons at which forecasts are compared with what came. They
// are not all multiples of a season, where naive models shine.
var scored = [...]time.Duration{
	0, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
	9 * time.Hour, 13 * time.Hour, 18 * time.Hour, day, 33 * time.Hour, 46 * time.Hour,
}

// Predictor forecasts one series by a bank of models. Each is weighed by its
// errors on the forecasts that it issued, by horizon; quantiles come from the
// errors of the combination. It is not safe for concurrent use.
type Predictor struct {
	options Options
	step    time.Duration
	clock   clock // of the next value
	members []*member
	effects effects
	outages outages

	horizons []int // scored, in steps, ascending
	every    int   // steps between two origins
	far      int   // origins between two that reach beyond the near horizons
	near     int   // number of near horizons
	decay    float64
	count    int // values learned
	origins  []origin
	combined []losses               // of the combination, by horizon
	errors   [regimes][]uncertainty // by regime and horizon
	mean     float64                // of the last two weeks; errors are compared on scales of it
	largest  float64                // value seen
	drift    drift
	spikes   spikes
	warnings []error // of the last fit

	// Scratch space.
	path, values, mixed []float64
	order               []int
}

// member is a model of the bank and how it did.
type member struct {
	model  Model
	fitted Fitted
	losses []losses // by horizon
}

// origin is a forecast that was issued, kept until all of it has come.
type origin struct {
	count    int       // values that were known
	reach    int       // horizons that it tells
	expected []float32 // by member and horizon, the combination last
}

// Fit makes a predictor for the series. The bank is fitted to all but the last two
// weeks, or less of a short series, which are then replayed: every hour each model forecasts, and what comes
// scores it. At the end the bank is fitted to the whole series. See [Predictor.Refit]
// for what the series must be and how models that fail are told.
func Fit(s Series, o Options) (*Predictor, error) {
	if err := checkSeries(s); err != nil {
		return nil, err
	}
	if o.Horizon <= 0 {
		return nil, fmt.Errorf("horizon is %d steps, must be at least 1", o.Horizon)
	}
	if o.Models == nil {
		o.Models = DefaultModels()
	}
	p := newPredictor(s, o)
	head := max(s.Len()-int(replayed/s.Step), min(int(learned/s.Step), s.Len()-s.Len()/3))
	p.clock.next = s.Time(head).Unix()
	_ = p.Refit(s.head(head)) // the whole may suffice where the head does not
	again := head + refitAfter(s.Len()-head, s.Len())
	for i := head; i < s.Len(); i++ {
		if i == again {
			_ = p.Refit(s.head(i)) // as above
			again = i + refitAfter(s.Len()-head, s.Len())
		}
		p.Update(s.Values[i])
	}
	if err := p.Refit(s); err != nil {
		return nil, err
	}
	return p, nil
}

// refitAfter returns after how many values of a replay the bank is fitted again:
// the longer a series, the more that costs and the less it changes.
func refitAfter(replay, whole int) int {
	const affordable = 4_000 // values fitted in all
	return replay/(min(max(affordable-whole, 0)/max(whole, 1), 6)+1) + 1
}

func newPredictor(s Series, o Options) *Predictor {
	o.Events = sortedByStart(o.Events)
	p := &Predictor{options: o, step: s.Step, clock: s.clock(s.Start), every: max(1, int(time.Hour/s.Step))}
	for _, at := range scored {
		if k := max(1, int(at/s.Step)); k <= o.Horizon && !slices.Contains(p.horizons, k) {
			p.horizons = append(p.horizons, k)
		}
	}
	for p.near < len(p.horizons) && p.horizons[p.near] <= max(4*p.every, 24) {
		p.near++
	}
	farthest := p.horizons[len(p.horizons)-1]
	p.far = min(max(1, farthest/96), 6)
	p.decay = math.Exp2(-float64(p.every) * float64(s.Step) / float64(lossHalfLife))
	p.combined = make([]losses, len(p.horizons))
	p.path = make([]float64, farthest)
	return p
}

// checkSeries reports what no model copes with.
func checkSeries(s Series) error {
	if s.Step < time.Second || day%s.Step != 0 || s.Step%time.Second != 0 {
		return fmt.Errorf("step is %s, must be a divisor of a day in whole seconds", s.Step)
	}
	for i, y := range s.Values {
		if math.Abs(y) > largestValue {
			return fmt.Errorf("value %d is %v, must be within ±%g, or NaN for missing", i, y, largestValue)
		}
	}
	return nil
}

// largestValue can be summed up without overflow in patterns of float32.
const largestValue = 1e30

// Refit estimates the bank anew on the series, which ends with the last value that
// the predictor has learned and may begin later than what it learned before; the
// scores stay, but count little after a drift. A model that fails goes on as it was; [Predictor.Forecast] warns of
// it. Values are finite or NaN for missing; a run of zeros at times that know no
// zeros is taken for an outage. An error that wraps [ErrTooShort] says that no
// model could ever be fitted.
func (p *Predictor) Refit(s Series) error {
	if err := checkSeries(s); err != nil {
		return err
	}
	if s.known() == 0 {
		return fmt.Errorf("%w: none of %d values is known", ErrTooShort, s.Len())
	}
	if s.Step != p.step || s.End().Unix() != p.clock.next {
		return fmt.Errorf("series has step %s and ends at %s; expected %s and %s", s.Step, s.End(), p.step, time.Unix(p.clock.next, 0).UTC())
	}
	p.clock.holidays = s.holidays()
	p.outages = findOutages(s)
	s = p.outages.removed(s)
	p.mean = meanKnown(s.Values[max(0, s.Len()-int(2*week/s.Step)):])
	if !(p.mean > 0) {
		p.mean = 1
	}
	p.largest = largestOf(s.Values)
	s = withoutSpikes(s)
	p.effects = learnEffects(s, p.options.Events)
	s = p.effects.removed(s).sharing()
	p.warnings = nil
	for _, m := range p.options.Models {
		f, err := fitSafely(m, s, p.fittedBefore(m))
		if err != nil {
			p.fail(m.Name(), err)
			continue
		}
		p.member(m).fitted = f
	}
	p.forgetBefore()
	if len(p.members) == 0 {
		return fmt.Errorf("no model fits: %w", errors.Join(append(p.warnings, ErrTooShort)...))
	}
	return nil
}

// fail notes a failure. That a series is too short for a model is expected
// unless the model has been fitted before.
func (p *Predictor) fail(name string, err error) {
	known := slices.ContainsFunc(p.members, func(m *member) bool { return m.model.Name() == name })
	if known || !errors.Is(err, ErrTooShort) {
		p.warnings = append(p.warnings, fmt.Errorf("model left as it was: %w", err))
	}
}

// fittedBefore returns what the model's last fit gave and became; nil if it has
// not been fitted.
func (p *Predictor) fittedBefore(m Model) Fitted {
	for _, old := range p.members {
		if old.model.Name() == m.Name() {
			return old.fitted
		}
	}
	return nil
}

// fitSafely fits a model; a panic is an error.
func fitSafely(m Model, s Series, last Fitted) (f Fitted, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: panic: %v", m.Name(), r)
		}
	}()
	return fitWarm(m, s, last)
}

func fitWarm(m Model, s Series, last Fitted) (Fitted, error) {
	if w, ok := m.(warm); ok {
		return w.refit(s, last)
	}
	return m.Fit(s)
}

// member returns the model's place in the bank, a new one if it has none.
func (p *Predictor) member(m Model) *member {
	for _, old := range p.members {
		if old.model.Name() == m.Name() {
			return old
		}
	}
	added := &member{model: m, losses: make([]losses, len(p.horizons))}
	p.members = append(p.members, added)
	p.origins = nil // they do not tell what it expects
	p.sizeScratch()
	return added
}

func (p *Predictor) sizeScratch() {
	n := len(p.members)
	p.values, p.mixed, p.order = make([]float64, n), make([]float64, n), make([]int, n)
}

// End returns the instant of the next value.
func (p *Predictor) End() time.Time { return time.Unix(p.clock.next, 0).In(p.clock.zone) }

// Update learns the next value on the grid, NaN or infinite if it is missing, in
// constant time: it scores what was forecast for it, lets the models follow and,
// once an hour, issues the next forecasts.
func (p *Predictor) Update(y float64) {
	if math.Abs(y) > largestValue || p.outages.is(p.clock.slot(p.clock.next, day), y) {
		y = math.NaN()
	}
	if !math.IsNaN(y) {
		p.score(y)
		p.largest = max(p.largest, y)
	}
	p.follow(y)
}

// UpdateCensored learns a value that is a lower bound, since the pool was
// saturated when it was measured: the median that was expected counts if it is
// larger. It scores nothing.
func (p *Predictor) UpdateCensored(y float64) {
	if math.Abs(y) > largestValue {
		y = math.NaN()
	}
	if !math.IsNaN(y) {
		p.largest = max(p.largest, y)
		y = max(y, p.next())
	}
	p.follow(y)
}

// follow lets the models learn a value and issues forecasts when it is time.
func (p *Predictor) follow(y float64) {
	y = p.spikes.cut(p, y)
	y /= p.effects.factor(p.clock.next)
	for _, m := range p.members {
		m.fitted.Update(y)
	}
	p.clock.next += p.clock.step
	p.count++
	if p.count%p.every == 0 {
		p.issue()
	}
}

// score compares y with all forecasts that were issued for it.
func (p *Predictor) score(y float64) {
	regime := p.effects.regime(p.clock.next)
	for i := range p.origins {
		o := &p.origins[i]
		ahead := p.count - o.count + 1
		j, found := slices.BinarySearch(p.horizons[:o.reach], ahead)
		if !found {
			continue
		}
		bound := p.combined[j].bound()
		for i, m := range p.members {
			m.losses[j].add(y, float64(o.expected[i*len(p.horizons)+j]), p.decay, bound)
		}
		expected := float64(o.expected[len(p.members)*len(p.horizons)+j])
		p.combined[j].add(y, expected, p.decay, bound)
		if j == 0 && regime == ordinary {
			relative, s := p.nextErrors()
			p.drift.add(relative.rank(residual(y, expected, s)))
		}
		p.errorsIn(regime)[j].add(y, expected, p.mean)
	}
}

// errorsIn returns the errors of a regime by horizon. Most series know one only.
func (p *Predictor) errorsIn(regime int) []uncertainty {
	if p.errors[regime] == nil {
		p.errors[regime] = make([]uncertainty, len(p.horizons))
	}
	return p.errors[regime]
}

// Failures returns how many models could not be fitted last time and go on as
// they were, or are missing.
func (p *Predictor) Failures() int { return len(p.warnings) }

// forgetBefore lets what models did before a drift count little, since those that know the
// load as it was were the best of it.
func (p *Predictor) forgetBefore() {
	if !p.Drifted() {
		return
	}
	p.drift = drift{}
	for _, m := range p.members {
		for j := range m.losses {
			m.losses[j].forget()
		}
	}
}

// Drifted reports whether forecasts have been off to one side for hours, which is worth a
// refit before it is due.
func (p *Predictor) Drifted() bool { return p.drift.up > driftLimit || p.drift.down > driftLimit }

// nextErrors returns the ordinary errors at the first horizon on the scale of
// relative errors, and that scale.
func (p *Predictor) nextErrors() (errors *errorsAt, scale float64) {
	return &p.errorsIn(ordinary)[0].scales[0], scaleShares[0] * p.mean
}

// issue keeps what every model expects at the scored horizons. Forecasts of the
// far ones are issued less often where there are many steps to them.
func (p *Predictor) issue() {
	reach := len(p.horizons)
	if p.count/p.every%p.far != 0 {
		reach = p.near
	}
	if reach == 0 || len(p.members) == 0 {
		return
	}
	o := p.nextOrigin()
	o.count, o.reach = p.count, reach
	width := len(p.horizons)
	path := p.path[:p.horizons[reach-1]]
	var factors [len(scored)]float64
	for j, k := range p.horizons[:reach] {
		factors[j] = p.effects.factor(p.clock.next + int64(k-1)*p.clock.step)
	}
	for i, m := range p.members {
		m.fitted.Predict(path)
		for j, k := range p.horizons[:reach] {
			o.expected[i*width+j] = float32(p.sane(path[k-1]) * factors[j])
		}
	}
	for j := range reach {
		for i := range p.values {
			p.values[i] = float64(o.expected[i*width+j])
		}
		weigh(p.members, j, p.mixed)
		o.expected[len(p.members)*width+j] = float32(middle(p.values, p.mixed, p.order))
	}
}

// nextOrigin returns the place of an origin that is not needed any more.
func (p *Predictor) nextOrigin() *origin {
	for i := range p.origins {
		o := &p.origins[i]
		if p.count-o.count >= p.horizons[max(o.reach, 1)-1] {
			return o
		}
	}
	p.origins = append(p.origins, origin{expected: make([]float32, (len(p.members)+1)*len(p.horizons))})
	return &p.origins[len(p.origins)-1]
}

// sane bounds what a model expects: NaN and negative values are 0, and four times
// the largest load is not believed.
func (p *Predictor) sane(y float64) float64 {
	if !(y > 0) {
		return 0
	}
	return min(y, 4*p.largest)
}
