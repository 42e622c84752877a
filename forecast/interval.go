package forecast

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sort"
)

// uncertainty holds the errors of the combination at one horizon, in one regime, on
// two scales
//
//	r = log(1 + y/s) − log(1 + ŷ/s)
//
// of which the small s makes about relative errors and the large one about
// absolute ones, up to the mean load. Some loads err in proportion to their size,
// others by night as much as by day: the scale counts whose quantiles have been
// better.
type uncertainty struct {
	scales [len(scaleShares)]errorsAt
	losses [len(scaleShares)]float64 // discounted pinball losses of the 10 % and 90 % quantiles
}

// scaleShares are the scales s in shares of the mean load.
var scaleShares = [...]float64{0.05, 1}

// add learns that y came where expected was forecast.
func (u *uncertainty) add(y, expected, mean float64) {
	for i := range u.scales {
		e, s := &u.scales[i], scaleShares[i]*mean
		if len(e.sorted) >= enough {
			below := y - moved(expected, e.quantile(judgedTail), s)
			above := y - moved(expected, e.quantile(1-judgedTail), s)
			u.losses[i] *= forget
			u.losses[i] += max(judgedTail*below, (judgedTail-1)*below) + max((1-judgedTail)*above, -judgedTail*above)
		}
		e.add(residual(y, expected, s))
	}
}

// n returns how many errors are known.
func (u *uncertainty) n() int { return len(u.scales[0].sorted) }

// best returns the place of the scale that counts.
func (u *uncertainty) best() int {
	best := 0
	for i, l := range u.losses {
		if l < u.losses[best] {
			best = i
		}
	}
	return best
}

// pinball is the mean of the pinball losses of the 10 % and the 90 % quantile.
func (u *uncertainty) pinball() float64 {
	best := u.best()
	weight := (1 - math.Pow(forget, float64(u.scales[best].judged))) / (1 - forget)
	return u.losses[best] / (2 * weight)
}

// residual is the error of expecting x where y came on the scale s.
func residual(y, x, s float64) float64 { return math.Log1p(max(y, 0)/s) - math.Log1p(max(x, 0)/s) }

// moved is what x becomes by a residual.
func moved(x, residual, s float64) float64 {
	return s * math.Expm1(max(math.Log1p(max(x, 0)/s)+residual, 0))
}

func (u *uncertainty) visit(c *codec) {
	for i := range u.scales {
		u.scales[i].visit(c)
		c.float(&u.losses[i])
	}
}

// errorsAt holds the last errors on one scale and makes quantiles of them (split conformal prediction). How often
// the 10 % and 90 % quantiles hold moves the level that is read for them
// (adaptive conformal inference).
//
// # References
//
// Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005),
// chapter 2. Gibbs and Candès, Advances in Neural Information Processing Systems
// 34 (2021), equation 2.
type errorsAt struct {
	sorted    []rough
	turns     []uint8 // when each of them came, see turn
	n         int     // errors that came
	low, high float64 // what a nominal tail is multiplied by; 1 at first
	inside    float64 // discounted share of errors between the 10 % and 90 % quantiles
	judged    int     // errors behind inside
}

const (
	memory     = 288   // errors kept: twelve days of hours
	fewErrors  = 100   // fewer are worth a warning
	enough     = 20    // before quantiles are judged
	judgedTail = 0.1   // the tails by which levels are adapted
	adaptRate  = 0.003 // γ
	spreadRate = 0.25
	forget     = 0.99 // weight that a judgement keeps until the next
)

// add learns an error.
func (e *errorsAt) add(x float64) {
	e.judge(x)
	if len(e.sorted) == memory {
		oldest := bytes.IndexByte(e.turns, turn(e.n-memory))
		e.sorted, e.turns = slices.Delete(e.sorted, oldest, oldest+1), slices.Delete(e.turns, oldest, oldest+1)
	}
	v := roughly(x)
	at, _ := slices.BinarySearch(e.sorted, v)
	e.sorted, e.turns = slices.Insert(e.sorted, at, v), slices.Insert(e.turns, at, turn(e.n))
	e.n++
}

// turn numbers pairs of errors round and round, so that a byte tells when one came: of two
// that came after each other, either goes first.
func turn(n int) uint8 { return uint8(n / 2) }

// judge compares an error with the quantiles that were known before it.
func (e *errorsAt) judge(x float64) {
	if len(e.sorted) < enough {
		return
	}
	below, above := x < e.quantile(judgedTail), x > e.quantile(1-judgedTail)
	e.low = adapted(e.low, below)
	e.high = adapted(e.high, above)
	hit := 1.0
	if below || above {
		hit = 0
	}
	if e.judged++; e.judged == 1 {
		e.inside = hit
		return
	}
	rate := max(1-forget, 1/float64(e.judged))
	e.inside += rate * (hit - e.inside)
}

func adapted(factor float64, missed bool) float64 {
	if factor == 0 {
		factor = 1
	}
	factor += adaptRate
	if missed {
		factor -= adaptRate / judgedTail
	}
	return min(max(factor, 0.1), 2)
}

// quantile returns the ⌈p·(n+1)⌉-th smallest error, with p moved by what was
// learned of its tail; 0 of none.
func (e *errorsAt) quantile(level float64) float64 {
	n := len(e.sorted)
	if n == 0 {
		return 0
	}
	tail, factor := 1-level, e.high
	if level < 0.5 {
		tail, factor = level, e.low
	}
	if factor != 0 {
		tail = min(tail*factor, 0.5)
	}
	rank := int(math.Ceil((1 - tail) * float64(n+1)))
	if level < 0.5 {
		rank = int(math.Floor(tail * float64(n+1)))
	}
	return e.sorted[min(max(rank, 1), n)-1].value()
}

// spread is the factor by which errors at a horizon of k steps are stretched when
// origins lie every steps apart: the fewer independent ones there are, the
// less their quantiles can be trusted.
func (e *errorsAt) spread(k, every int) float64 {
	independent := float64(len(e.sorted)) * min(1, float64(every)/float64(k))
	return 1 + spreadRate/math.Sqrt(max(independent, 0.1))
}

func (e *errorsAt) visit(c *codec) {
	words(c, &e.sorted)
	c.bytes(&e.turns)
	c.int(&e.n, &e.judged)
	c.float(&e.low, &e.high, &e.inside)
	if c.reading && c.err == nil && (len(e.turns) != len(e.sorted) || len(e.sorted) > memory || !slices.IsSorted(e.sorted)) {
		c.err = fmt.Errorf("%w: %d errors of %d turns", errSnapshot, len(e.sorted), len(e.turns))
	}
}

// between reads a table by horizon k steps ahead, linear in log k between the
// scored horizons: the place before, the place after and the share of the latter.
func between(horizons []int, k int) (before, after int, share float64) {
	j := sort.SearchInts(horizons, k)
	switch {
	case j == len(horizons):
		return j - 1, j - 1, 0
	case j == 0 || horizons[j] == k:
		return j, j, 0
	}
	a, b := float64(horizons[j-1]), float64(horizons[j])
	return j - 1, j, math.Log(float64(k)/a) / math.Log(b/a)
}

// rank returns the share of the known errors below x, 0.5 while few are known.
func (e *errorsAt) rank(x float64) float64 {
	n := len(e.sorted)
	if n < enough {
		return 0.5
	}
	at, _ := slices.BinarySearch(e.sorted, roughly(x))
	return float64(at) / float64(n)
}

// drift notices that errors are off to one side: cumulative sums of their ranks,
//
//	S ← max(0, S + |u − ½| − k)
//
// upwards and downwards, where u is uniform while nothing has changed. It takes
// five errors at the edge of what was seen; by chance it happens about once a month.
//
// Page, Biometrika 41 (1954).
type drift struct{ up, down float64 }

const (
	driftSlack = 0.15 // k
	driftLimit = 1.4
)

func (d *drift) add(rank float64) {
	d.up = max(0, d.up+rank-0.5-driftSlack)
	d.down = max(0, d.down+0.5-rank-driftSlack)
}
