package forecast

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"
)

// Event is an interval of unusual load that is known, such as a game.
type Event struct {
	Class      string // events of one class are alike
	Start, End time.Time
	// Factor is what the load is expected to be multiplied by; 0 if nobody says.
	Factor float64
}

// Effect is what the past says about a class of events.
type Effect struct {
	Class    string
	Events   int     // seen
	Declared float64 // geometric mean of the factors declared; 1 if none was
	// Measured is the factor by which the load was multiplied in the mean of the
	// events' length, shrunk towards the declared one, and Low and High are a
	// standard error below and above it.
	Measured, Low, High float64
}

// effects multiply the load around events. Around its start every event of a
// class has one course, in the logarithm of the load:
//
//	log m(t) = Σₑ θ_c(t − startₑ)
//
// θ is linear between knots every quarter of an hour, from an hour before the
// start to an hour and a half after the end of the longest event. It minimises
//
//	Σ (r(t) − Σₑ θ(t − startₑ))² + κ Σ_knots (θ − log F)²
//
// over the instants near past events, where r is what the log of the load differs
// by from its profile and from its level before and after the event, and F the
// declared factor, within the event, or 1. κ is the weight of two events, so that
// with n of them the past counts n/(n+2).
//
// # References
//
// Ridge regression towards a prior mean: Hoerl and Kennard, Technometrics 12
// (1970), section 6; in Bayes' words Lindley and Smith, Journal of the Royal
// Statistical Society B 34 (1972).
type effects struct {
	events  []Event // sorted by start
	classes []course
	reach   time.Duration // longest course after a start
}

// course is the effect of a class of events.
type course struct {
	Effect
	knots []float64 // log factor
}

const (
	knotEvery   = 15 * time.Minute
	knotsBefore = 4 // an hour
	after       = 90 * time.Minute
	priorEvents = 2
	longestUsed = 12 * time.Hour // of an event's length
	levelFrom   = 2 * time.Hour  // of load before and after events that tell the level
	// More unknowns are not estimated at once: each class then counts what
	// others add to the load as its own.
	mostUnknowns = 400
)

// learnEffects estimates the courses from the events that the series has seen.
func learnEffects(s Series, events []Event) effects {
	e := effects{events: events}
	if len(events) == 0 {
		return e
	}
	e.declare()
	r := e.deviations(s)
	if r == nil {
		return e
	}
	unknowns := 0
	for _, c := range e.classes {
		unknowns += len(c.knots)
	}
	if unknowns <= mostUnknowns {
		e.regress(r, s, 0, len(e.classes))
		return e
	}
	for i := range e.classes {
		e.regress(r, s, i, i+1)
	}
	return e
}

// declare makes the courses that the declared factors give.
func (e *effects) declare() {
	byClass := map[string][]Event{}
	for _, ev := range e.events {
		byClass[ev.Class] = append(byClass[ev.Class], ev)
	}
	for class, events := range byClass {
		var longest time.Duration
		sum, declared := 0.0, 0.0
		for _, ev := range events {
			longest = max(longest, min(ev.End.Sub(ev.Start), longestUsed))
			if ev.Factor > 0 {
				sum += math.Log(ev.Factor)
				declared++
			}
		}
		log := sum / max(declared, 1)
		c := course{Effect: Effect{Class: class, Declared: math.Exp(log), Measured: math.Exp(log), Low: math.Exp(log), High: math.Exp(log)}}
		c.knots = make([]float64, knotsBefore+1+int((longest+after)/knotEvery))
		for i := range c.knots {
			if at := time.Duration(i-knotsBefore) * knotEvery; at >= 0 && at < longest+knotEvery {
				c.knots[i] = log
			}
		}
		e.reach = max(e.reach, longest+after)
		e.classes = append(e.classes, c)
	}
	slices.SortFunc(e.classes, func(a, b course) int { return cmp.Compare(a.Class, b.Class) })
}

func (e *effects) class(name string) (place int, found bool) {
	return slices.BinarySearchFunc(e.classes, name, func(c course, name string) int { return cmp.Compare(c.Class, name) })
}

// near calls do with each knot that acts at an instant and its share.
func (e *effects) near(unix int64, do func(class, knot int, share float64)) {
	before := int64(knotsBefore * knotEvery / time.Second)
	first, _ := slices.BinarySearchFunc(e.events, unix-int64(e.reach/time.Second), func(ev Event, at int64) int { return cmp.Compare(ev.Start.Unix(), at) })
	for _, ev := range e.events[first:] {
		since := unix - ev.Start.Unix() + before
		if since < 0 {
			break
		}
		place := float64(since) / knotEvery.Seconds()
		knot := int(place)
		class, found := e.class(ev.Class)
		if !found {
			continue
		}
		knots := len(e.classes[class].knots)
		for i, share := range [...]float64{1 - (place - float64(knot)), place - float64(knot)} {
			if knot+i < knots && share > 0 {
				do(class, knot+i, share)
			}
		}
	}
}

// factor returns what the load is multiplied by at an instant; 1 far from events.
func (e *effects) factor(unix int64) float64 {
	if len(e.classes) == 0 {
		return 1
	}
	sum := 0.0
	e.near(unix, func(class, knot int, share float64) { sum += share * e.classes[class].knots[knot] })
	const most = 5 // in the logarithm: a factor of 150
	return math.Exp(min(max(sum, -most), most))
}

// Errors are of another kind near events than elsewhere, and of yet another while events
// begin: nobody knows how late one will, and how large it will be.
const (
	ordinary = iota
	nearEvent
	beginning // from three quarters of an hour before the start until five after it
	regimes
)

func (e *effects) regime(unix int64) int {
	regime := ordinary
	if len(e.classes) == 0 {
		return regime
	}
	e.near(unix, func(_, knot int, _ float64) {
		since := time.Duration(knot-knotsBefore) * knotEvery
		if since >= -30*time.Minute && since <= time.Hour {
			regime = beginning
		}
		regime = max(regime, nearEvent)
	})
	return regime
}

// removed returns the series with the effects divided out.
func (e *effects) removed(s Series) Series {
	if len(e.classes) == 0 {
		return s
	}
	out := make([]float64, s.Len())
	for i, y := range s.Values {
		out[i] = y / e.factor(s.Time(i).Unix())
	}
	s.Values = out
	return s
}

// deviations returns what the log of the load near events differs by from its
// profile and from its level around them; NaN elsewhere. It returns nil if there
// is no profile.
func (e *effects) deviations(s Series) []float64 {
	scale := meanKnown(s.Values) / 100
	if !(scale > 0) {
		return nil
	}
	quiet := s
	quiet.Values = make([]float64, s.Len())
	z := make([]float64, s.Len())
	for i, y := range s.Values {
		z[i] = math.Log1p(max(y, 0) / scale)
		quiet.Values[i] = z[i]
		if e.regime(s.Time(i).Unix()) != ordinary {
			quiet.Values[i] = math.NaN()
		}
	}
	f, err := profile{"quiet", 7, slow}.Fit(quiet)
	if err != nil {
		if f, err = (profile{"quiet", 1, slow}).Fit(quiet); err != nil {
			return nil
		}
	}
	usual := f.(*fittedProfile).table
	r := make([]float64, s.Len())
	for i := range r {
		r[i] = z[i] - usual.expected(s.Time(i).Unix())
	}
	return aroundLevel(r, quiet.Values, int(levelFrom/s.Step))
}

// aroundLevel subtracts from the values of r at which quiet is missing the level of
// the quiet ones in the window before and after their run, and a line between the
// two; the others become NaN.
func aroundLevel(r, quiet []float64, window int) []float64 {
	out := missing(len(r))
	for from := 0; from < len(r); {
		if !math.IsNaN(quiet[from]) {
			from++
			continue
		}
		to := from
		for to < len(r) && math.IsNaN(quiet[to]) {
			to++
		}
		before, knownBefore := level(r[max(0, from-window):from])
		behind, knownBehind := level(r[to:min(len(r), to+window)])
		switch {
		case !knownBefore && !knownBehind:
			from = to
			continue
		case !knownBefore:
			before = behind
		case !knownBehind:
			behind = before
		}
		for i := from; i < to; i++ {
			share := float64(i-from) / float64(to-from)
			out[i] = r[i] - before - share*(behind-before)
		}
		from = to
	}
	return out
}

func level(r []float64) (mean float64, known bool) {
	n := 0
	for _, x := range r {
		if !math.IsNaN(x) {
			n++
		}
	}
	return meanKnown(r), n > 0
}

// regress estimates the courses of the classes from one to another from the
// deviations.
func (e *effects) regress(r []float64, s Series, from, to int) {
	first := make([]int, len(e.classes)) // unknown of each class
	n := 0
	for i := from; i < to; i++ {
		first[i] = n
		n += len(e.classes[i].knots)
	}
	normal, right := mat.NewSymDense(n, nil), make([]float64, n)
	type term struct {
		at    int
		share float64
	}
	var terms []term
	squares, count := 0.0, 0.0
	for i, y := range r {
		if math.IsNaN(y) {
			continue
		}
		terms = terms[:0]
		e.near(s.Time(i).Unix(), func(class, knot int, share float64) {
			if class >= from && class < to {
				terms = append(terms, term{first[class] + knot, share})
			}
		})
		for k, a := range terms {
			right[a.at] += a.share * y
			for l, b := range terms[:k+1] {
				add := a.share * b.share
				if l != k && a.at == b.at {
					add *= 2 // both orders of two events at once
				}
				normal.SetSym(a.at, b.at, normal.At(a.at, b.at)+add)
			}
		}
		if len(terms) > 0 {
			squares += y * y
			count++
		}
	}
	kappa := priorEvents * 2.0 / 3 * float64(knotEvery) / float64(s.Step) // Σ share² of one event at a knot
	kappa = max(kappa, priorEvents/2.0)
	for i, c := range e.classes[from:to] {
		for k, prior := range c.knots {
			at := first[from+i] + k
			normal.SetSym(at, at, normal.At(at, at)+kappa)
			right[at] += kappa * prior
			squares += kappa * prior * prior // so that noise is what neither explains
		}
	}
	var factor mat.Cholesky
	theta := mat.NewVecDense(n, nil)
	if !factor.Factorize(normal) || factor.SolveVecTo(theta, mat.NewVecDense(n, right)) != nil {
		return // the declared factors stand
	}
	explained := mat.Dot(theta, mat.NewVecDense(n, right))
	noise := max(squares-explained, 0) / max(count-1, 1)
	var covariance mat.SymDense
	if factor.InverseTo(&covariance) != nil {
		return
	}
	for i := from; i < to; i++ {
		c := &e.classes[i]
		copy(c.knots, theta.RawVector().Data[first[i]:])
		c.count(e.events, s)
		c.sumUp(&covariance, first[i], noise)
	}
}

// count counts the events of the class that the series has seen.
func (c *course) count(events []Event, s Series) {
	c.Events = 0
	for _, ev := range events {
		if ev.Class == c.Class && !ev.Start.Before(s.Start) && ev.End.Before(s.End()) {
			c.Events++
		}
	}
}

// sumUp says what the course is in the mean of the events' length.
func (c *course) sumUp(covariance *mat.SymDense, first int, noise float64) {
	last := len(c.knots) - int(after/knotEvery)
	inside := float64(last - knotsBefore)
	mean, variance := 0.0, 0.0
	for k := knotsBefore; k < last; k++ {
		mean += c.knots[k] / inside
		for j := knotsBefore; j < last; j++ {
			variance += covariance.At(first+k, first+j) * noise / (inside * inside)
		}
	}
	// Deviations near one event are alike, so that there is about one for each.
	deviation := math.Sqrt(variance * float64(len(c.knots)))
	c.Measured, c.Low, c.High = math.Exp(mean), math.Exp(mean-deviation), math.Exp(mean+deviation)
}

// Effects returns what was learned about each class of events, by name.
func (p *Predictor) Effects() []Effect { return p.effects.all() }

func (e effects) all() []Effect {
	out := make([]Effect, len(e.classes))
	for i, c := range e.classes {
		out[i] = c.Effect
	}
	return out
}

// SetEvents replaces the events. Those of classes that are known have what was
// learned about them, others what is declared, until the next [Predictor.Refit]
// learns from the past again.
func (p *Predictor) SetEvents(events []Event) {
	p.options.Events = sortedByStart(events)
	old := p.effects
	p.effects = effects{events: p.options.Events}
	p.effects.declare()
	for i := range p.effects.classes {
		c := &p.effects.classes[i]
		if j, known := old.class(c.Class); known && len(old.classes[j].knots) == len(c.knots) && old.classes[j].Declared == c.Declared {
			*c = old.classes[j]
		}
	}
}

func sortedByStart(events []Event) []Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b Event) int { return a.Start.Compare(b.Start) })
}

// MeasureEffects returns what a series says about the effects of events, by class,
// without a forecast. What the series must be is said at [Predictor.Refit].
func MeasureEffects(s Series, events []Event) ([]Effect, error) {
	if err := checkSeries(s); err != nil {
		return nil, err
	}
	s = withoutSpikes(findOutages(s).removed(s))
	return learnEffects(s, sortedByStart(events)).all(), nil
}

// String prints the effect for people.
func (e Effect) String() string {
	return fmt.Sprintf("%s: declared %.3g, measured %.3g (%.3g to %.3g), n=%d", e.Class, e.Declared, e.Measured, e.Low, e.High, e.Events)
}
