package forecast

import (
	"fmt"
	"math"
	"time"
)

// profile expects the usual value of the time of the day, moved by what this
// kind of day usually differs by, and by what the last values deviated by:
//
//	p(t) = M(τ) + w/(w+c)·Δ(δ,τ)     τ the time of the day of t, δ its kind of day
//	r(t) = z(t) − p(t)
//	ẑ(t+h) = p(t+h) + r̂(t+h)
//
// M is the mean over all days, in which a day loses 2.3 % of its weight to the
// next; Δ is the mean of z − M over days of the kind, in which a week loses 30 %;
// both are of values averaged over a quarter of an hour to either side. w is the
// weight of the days that Δ rests on, and c ≥ 0 shrinks it towards 0: the c of a
// few that would have given the least absolute errors is taken, so that a
// pattern of the week counts as far as it repeats itself. r̂ is the forecast of an
// autoregression around a level with the half-life given.
//
// The kinds of days are the days of the week, or none. Holidays of the series are a
// kind of their own; until three were seen they count as Sundays, and they teach
// nothing about weekdays.
//
// Less than a day and a half is too short, for kinds of days less than eight
// days; missing values teach nothing; a constant series is forecast exactly;
// negative values need no care.
//
// # References
//
// The profile of exponentially weighted weeks with an autoregression is that of
// Taylor, International Journal of Forecasting 26 (2010), 627–646, with seasons
// estimated in closed form. Shrinking means of groups towards the common one:
// Efron and Morris, Scientific American 236 (1977).
type profile struct {
	name     string
	kinds    int // of days: 1 or 7
	halfLife time.Duration
}

const (
	dayDecay     = 0.977 // weight that a day keeps until the next
	kindDecay    = 0.7   // weight that a day of a kind keeps until the next of the kind
	neighbours   = 15 * time.Minute
	fewHolidays  = 3
	steadyAfter  = 12 * time.Hour // half-life of the level while c is chosen
	deviatesOver = 4 * week       // of the series that the deviation is estimated on
)

// shrinkages are what c is chosen from.
var shrinkages = [...]float64{0, 0.5, 1, 2, 5, 20}

func (m profile) Name() string { return m.name }

func (m profile) empty(at clock) stored {
	return &fittedProfile{next: at.next, table: &profileTable{clock: at}, rest: &deviation{}}
}

func (m profile) Fit(s Series) (Fitted, error) {
	length := time.Duration(s.Len()) * s.Step
	if m.kinds == 1 && length < day+day/2 || m.kinds > 1 && length < week+day || s.known() < max(int(day/s.Step)/2, 2) {
		return nil, fmt.Errorf("%s: %w: %d values of %s", m.name, ErrTooShort, s.known(), s.Step)
	}
	p := s.profiled(m.kinds)
	return &fittedProfile{s.End().Unix(), p.table, fitDeviation(p.rest, s.Step, m.halfLife)}, nil
}

// profiled is a series divided into a table and a rest, which models with the same
// kinds of days share.
type profiled struct {
	table *profileTable
	rest  []float64 // of the end of the series; nobody writes to it
}

func (s Series) profiled(kinds int) profiled {
	all := s.ofAll()
	if p, ok := all.profiled[kinds]; ok {
		return p
	}
	t := newProfileTable(kinds, s)
	if kinds > 1 {
		t.shrink = t.bestShrinkage(s)
		t = t.fresh(s)
	}
	r := make([]float64, s.Len())
	for i, z := range s.Values {
		r[i] = z - t.follow(t.clock.next, z)
	}
	seen := t.perDay // after which all kinds of days are known
	if kinds > 1 {
		seen *= 7
	}
	first := max(min(seen, len(r)/2), len(r)-int(deviatesOver/s.Step))
	p := profiled{t, r[first:]}
	if all.profiled == nil {
		all.profiled = map[int]profiled{}
	}
	all.profiled[kinds] = p
	return p
}

type fittedProfile struct {
	next  int64 // Unix time of the next value
	table *profileTable
	rest  *deviation
}

// profileTable is what is usual at a time of the day, by kind of day. Models that share one
// follow the same values.
type profileTable struct {
	clock    clock
	kinds    int
	perDay   int
	shrink   float64
	followed float64 // p(t) of the last value, before it was learned

	dayMean   []float32  // by time of the day
	dayCount  []uint8    // days behind it
	kindMean  fixedPoint // by kind and time of the day; holidays last
	kindCount []uint8
	overall   float64   // mean of all times, for those at which nobody ever measured
	learned   float64   // values behind it, at most those of a week
	window    []float64 // the last values, in the middle of which one is learned
}

// follow returns p(t) as it is before the value is learned, and learns it unless a model
// that shares the table has done so.
func (t *profileTable) follow(unix int64, z float64) float64 {
	if unix == t.clock.next {
		t.followed = t.expected(unix)
		t.learn(z)
	}
	return t.followed
}

// weights[n] is the weight of n days, of which each keeps a share until the next:
// 1 + λ + λ² + … + λⁿ⁻¹.
type weights [256]float64

var dayWeights, kindWeights = weightsOf(dayDecay), weightsOf(kindDecay)

func weightsOf(decay float64) *weights {
	var w weights
	for n := 1; n < len(w); n++ {
		w[n] = decay*w[n-1] + 1
	}
	return &w
}

// follow counts v and returns the mean with it.
func (w *weights) follow(mean float64, count *uint8, v float64) float64 {
	if *count < math.MaxUint8 {
		*count++
	}
	return mean + (v-mean)/w[*count]
}

func newProfileTable(kinds int, s Series) *profileTable {
	perDay := int(day / s.Step)
	t := &profileTable{
		clock: s.clock(s.Start), kinds: kinds, perDay: perDay,
		dayMean: make([]float32, perDay), dayCount: make([]uint8, perDay),
		window: missing(2*int(neighbours/s.Step) + 1),
	}
	if s.Step > neighbours/2 {
		t.window = missing(1)
	}
	rows := kinds
	if len(t.clock.holidays) > 0 {
		rows++
	}
	if rows > 1 {
		t.kindMean, t.kindCount = newFixedPoint(rows*perDay, 2*spread(s.Values)), make([]uint8, rows*perDay)
	}
	return t
}

// spread is how far the known values lie apart.
func spread(values []float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, y := range values {
		if !math.IsNaN(y) {
			low, high = min(low, y), max(high, y)
		}
	}
	return max(high-low, 0)
}

// fresh returns the profile before it has learned anything.
func (t *profileTable) fresh(s Series) *profileTable {
	g := newProfileTable(t.kinds, s)
	g.shrink = t.shrink
	return g
}

// places returns where an instant stands in the table of times and in that of
// kinds; the latter is negative where there are no kinds.
func (t *profileTable) places(unix int64) (time, kind int, holiday bool) {
	slot := t.clock.slot(unix, week)
	time = slot % t.perDay
	if len(t.kindCount) == 0 {
		return time, -1, false
	}
	row := slot / t.perDay // Monday is 0
	switch {
	case len(t.clock.holidays) > 0 && t.clock.isHoliday(unix):
		row, holiday = t.kinds, true
	case t.kinds == 1:
		return time, -1, false // only holidays are told apart
	}
	return time, row*t.perDay + time, holiday
}

// expected returns p(t), NaN before anything is known.
func (t *profileTable) expected(unix int64) float64 {
	time, kind, holiday := t.places(unix)
	m := t.usual(time)
	if kind < 0 {
		return m
	}
	if holiday && t.kindCount[kind] < fewHolidays {
		if t.kinds == 1 {
			return m
		}
		kind -= t.perDay // as on the last kind of days
	}
	return m + t.difference(kind, t.shrink)
}

// usual returns the mean over all days, or over all times where nothing is known of
// this one; NaN before anything is known.
func (t *profileTable) usual(time int) float64 {
	switch {
	case t.dayCount[time] > 0:
		return float64(t.dayMean[time])
	case t.learned > 0:
		return t.overall
	}
	return math.NaN()
}

func (t *profileTable) difference(kind int, shrink float64) float64 {
	w := kindWeights[t.kindCount[kind]]
	if w == 0 {
		return 0
	}
	return t.kindMean.at(kind) * w / (w + shrink)
}

// learn updates the tables with the value in the middle of the last ones.
func (t *profileTable) learn(z float64) {
	copy(t.window, t.window[1:])
	t.window[len(t.window)-1] = z
	if v := windowMean(t.window); !math.IsNaN(v) {
		t.learnAt(t.clock.next-int64(len(t.window)/2)*t.clock.step, v)
	}
	t.clock.next += t.clock.step
}

// windowMean is the mean of the known values, NaN of none.
func windowMean(xs []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range xs {
		if x == x {
			sum += x
			n++
		}
	}
	return sum / n
}

func (t *profileTable) learnAt(unix int64, v float64) {
	t.learned = min(t.learned+1, float64(7*t.perDay))
	t.overall += (v - t.overall) / t.learned
	time, kind, holiday := t.places(unix)
	if kind >= 0 && t.dayCount[time] > 1 { // a difference from one day says little
		t.kindMean.set(kind, kindWeights.follow(t.kindMean.at(kind), &t.kindCount[kind], v-t.usual(time)))
	}
	if !holiday {
		t.dayMean[time] = float32(dayWeights.follow(float64(t.dayMean[time]), &t.dayCount[time], v))
	}
}

// bestShrinkage goes through the series and returns the shrinkage with the least
// absolute errors around a level that follows.
func (t *profileTable) bestShrinkage(s Series) float64 {
	var loss, level [len(shrinkages)]float64
	gain := 1 - math.Exp2(-float64(s.Step)/float64(steadyAfter))
	for i, z := range s.Values {
		if i >= t.perDay*7 && !math.IsNaN(z) {
			time, kind, _ := t.places(t.clock.next)
			m := t.usual(time)
			for j, c := range shrinkages {
				e := zeroIfNaN(z - m - t.difference(kind, c) - level[j])
				loss[j] += math.Abs(e)
				level[j] += gain * e
			}
		}
		t.learn(z)
	}
	best := 0
	for j, l := range loss {
		if l < loss[best] {
			best = j
		}
	}
	return shrinkages[best]
}

func (f *fittedProfile) Update(z float64) {
	f.rest.update(z - f.table.follow(f.next, z))
	f.next += f.table.clock.step
}

func (f *fittedProfile) Predict(path []float64) {
	f.rest.predict(path)
	at := f.next
	for k := range path {
		path[k] += zeroIfNaN(f.table.expected(at))
		at += f.table.clock.step
	}
}

func (f *fittedProfile) divide(level, season []float64) {
	mean := 0.0
	for time := range f.table.dayMean {
		mean += zeroIfNaN(f.table.usual(time)) / float64(f.table.perDay)
	}
	at := f.next
	for k := range level {
		level[k] = f.rest.level + mean
		season[k] = zeroIfNaN(f.table.expected(at)) - mean
		at += f.table.clock.step
	}
}

func (f *fittedProfile) visit(c *codec) {
	c.int64(&f.next)
	f.table.visit(c)
	f.rest.visit(c)
}

func (t *profileTable) visit(c *codec) {
	c.int64(&t.clock.next)
	c.int(&t.kinds, &t.perDay)
	c.float(&t.shrink, &t.overall, &t.learned, &t.followed)
	c.floats32(&t.dayMean)
	t.kindMean.visit(c)
	c.bytes(&t.dayCount)
	c.bytes(&t.kindCount)
	c.floats(&t.window)
}
