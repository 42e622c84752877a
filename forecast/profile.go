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

func (m profile) empty(at clock) stored { return &fittedProfile{clock: at, rest: &deviation{}} }

func (m profile) Fit(s Series) (Fitted, error) {
	length := time.Duration(s.Len()) * s.Step
	if m.kinds == 1 && length < day+day/2 || m.kinds > 1 && length < week+day || s.known() < max(int(day/s.Step)/2, 2) {
		return nil, fmt.Errorf("%s: %w: %d values of %s", m.name, ErrTooShort, s.known(), s.Step)
	}
	f := newProfile(m.kinds, s)
	if m.kinds > 1 {
		f.shrink = f.bestShrinkage(s)
		f = f.fresh(s)
	}
	r := make([]float64, s.Len())
	for i, z := range s.Values {
		r[i] = z - f.expected(f.clock.next)
		f.learn(z)
	}
	seen := f.perDay // after which all kinds of days are known
	if m.kinds > 1 {
		seen *= 7
	}
	first := max(min(seen, len(r)/2), len(r)-int(deviatesOver/s.Step))
	f.rest = fitDeviation(r[first:], s.Step, m.halfLife)
	return f, nil
}

type fittedProfile struct {
	clock  clock
	kinds  int
	perDay int
	shrink float64

	dayMean   []float32 // by time of the day
	dayCount  []uint8   // days behind it
	kindMean  []float32 // by kind and time of the day; holidays last
	kindCount []uint8
	overall   float64   // mean of all times, for those at which nobody ever measured
	learned   float64   // values behind it, at most those of a week
	window    []float64 // the last values, in the middle of which one is learned
	rest      *deviation
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

// follow moves a mean towards v and counts it.
func (w *weights) follow(mean *float32, count *uint8, v float64) {
	if *count < math.MaxUint8 {
		*count++
	}
	*mean += float32((v - float64(*mean)) / w[*count])
}

func newProfile(kinds int, s Series) *fittedProfile {
	perDay := int(day / s.Step)
	f := &fittedProfile{
		clock: s.clock(s.Start), kinds: kinds, perDay: perDay,
		dayMean: make([]float32, perDay), dayCount: make([]uint8, perDay),
		window: missing(2*int(neighbours/s.Step) + 1),
	}
	if s.Step > neighbours/2 {
		f.window = missing(1)
	}
	rows := kinds
	if len(f.clock.holidays) > 0 {
		rows++
	}
	if rows > 1 {
		f.kindMean, f.kindCount = make([]float32, rows*perDay), make([]uint8, rows*perDay)
	}
	return f
}

// fresh returns the profile before it has learned anything.
func (f *fittedProfile) fresh(s Series) *fittedProfile {
	g := newProfile(f.kinds, s)
	g.shrink = f.shrink
	return g
}

// places returns where an instant stands in the table of times and in that of
// kinds; the latter is negative where there are no kinds.
func (f *fittedProfile) places(unix int64) (time, kind int, holiday bool) {
	slot := f.clock.slot(unix, week)
	time = slot % f.perDay
	if len(f.kindMean) == 0 {
		return time, -1, false
	}
	row := slot / f.perDay // Monday is 0
	switch {
	case len(f.clock.holidays) > 0 && f.clock.isHoliday(unix):
		row, holiday = f.kinds, true
	case f.kinds == 1:
		return time, -1, false // only holidays are told apart
	}
	return time, row*f.perDay + time, holiday
}

// expected returns p(t), NaN before anything is known.
func (f *fittedProfile) expected(unix int64) float64 {
	time, kind, holiday := f.places(unix)
	m := f.usual(time)
	if kind < 0 {
		return m
	}
	if holiday && f.kindCount[kind] < fewHolidays {
		if f.kinds == 1 {
			return m
		}
		kind -= f.perDay // as on the last kind of days
	}
	return m + f.difference(kind, f.shrink)
}

// usual returns the mean over all days, or over all times where nothing is known of
// this one; NaN before anything is known.
func (f *fittedProfile) usual(time int) float64 {
	switch {
	case f.dayCount[time] > 0:
		return float64(f.dayMean[time])
	case f.learned > 0:
		return f.overall
	}
	return math.NaN()
}

func (f *fittedProfile) difference(kind int, shrink float64) float64 {
	w := kindWeights[f.kindCount[kind]]
	if w == 0 {
		return 0
	}
	return float64(f.kindMean[kind]) * w / (w + shrink)
}

// learn updates the tables with the value in the middle of the last ones.
func (f *fittedProfile) learn(z float64) {
	copy(f.window, f.window[1:])
	f.window[len(f.window)-1] = z
	if v := windowMean(f.window); !math.IsNaN(v) {
		f.learnAt(f.clock.next-int64(len(f.window)/2)*f.clock.step, v)
	}
	f.clock.next += f.clock.step
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

func (f *fittedProfile) learnAt(unix int64, v float64) {
	f.learned = min(f.learned+1, float64(7*f.perDay))
	f.overall += (v - f.overall) / f.learned
	time, kind, holiday := f.places(unix)
	if kind >= 0 && f.dayCount[time] > 1 { // a difference from one day says little
		kindWeights.follow(&f.kindMean[kind], &f.kindCount[kind], v-f.usual(time))
	}
	if !holiday {
		dayWeights.follow(&f.dayMean[time], &f.dayCount[time], v)
	}
}

// bestShrinkage goes through the series and returns the shrinkage with the least
// absolute errors around a level that follows.
func (f *fittedProfile) bestShrinkage(s Series) float64 {
	var loss, level [len(shrinkages)]float64
	gain := 1 - math.Exp2(-float64(s.Step)/float64(steadyAfter))
	for i, z := range s.Values {
		if i >= f.perDay*7 && !math.IsNaN(z) {
			time, kind, _ := f.places(f.clock.next)
			m := f.usual(time)
			for j, c := range shrinkages {
				e := zeroIfNaN(z - m - f.difference(kind, c) - level[j])
				loss[j] += math.Abs(e)
				level[j] += gain * e
			}
		}
		f.learn(z)
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
	f.rest.update(z - f.expected(f.clock.next))
	f.learn(z)
}

func (f *fittedProfile) Predict(path []float64) {
	f.rest.predict(path)
	at := f.clock.next
	for k := range path {
		path[k] += zeroIfNaN(f.expected(at))
		at += f.clock.step
	}
}

func (f *fittedProfile) divide(level, season []float64) {
	mean := 0.0
	for time := range f.dayMean {
		mean += zeroIfNaN(f.usual(time)) / float64(f.perDay)
	}
	at := f.clock.next
	for k := range level {
		level[k] = f.rest.level + mean
		season[k] = zeroIfNaN(f.expected(at)) - mean
		at += f.clock.step
	}
}

func (f *fittedProfile) visit(c *codec) {
	c.int64(&f.clock.next)
	c.int(&f.kinds, &f.perDay)
	c.float(&f.shrink, &f.overall, &f.learned)
	c.floats32(&f.dayMean)
	c.floats32(&f.kindMean)
	c.bytes(&f.dayCount)
	c.bytes(&f.kindCount)
	c.floats(&f.window)
	f.rest.visit(c)
}
