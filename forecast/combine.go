package forecast

import (
	"math"
	"slices"
)

// losses are a model's errors at one horizon, in which old ones count less.
type losses struct {
	abs, err, actual float32 // discounted sums of |y−ŷ|, y−ŷ and y
	roots            float32 // of |⁴√y−⁴√ŷ|, of which a wild value that nobody foresaw counts no more than its bound
	weight           float32 // discounted number
	n                int32
}

// lossHalfLife is the time in which a past error loses half of its weight.
const lossHalfLife = 3 * day

// add learns an error; beyond the bound it says nothing more about the model.
func (l *losses) add(y, expected, decay, bound float64) {
	discounted := func(sum *float32, x float64) { *sum = float32(decay*float64(*sum) + x) }
	discounted(&l.abs, math.Abs(y-expected))
	discounted(&l.roots, min(math.Abs(fourthRoot(y)-fourthRoot(expected)), bound))
	discounted(&l.err, y-expected)
	discounted(&l.actual, y)
	discounted(&l.weight, 1)
	l.n++
}

// keptAfterDrift is the weight that past errors keep after a drift.
const keptAfterDrift = 0.1

// forget lets past errors count little beside those to come. Their means stay.
func (l *losses) forget() {
	for _, sum := range []*float32{&l.abs, &l.err, &l.actual, &l.roots, &l.weight} {
		*sum *= keptAfterDrift
	}
}

func fourthRoot(y float64) float64 { return math.Sqrt(math.Sqrt(max(y, 0))) }

func (l losses) mean() float64 { return float64(l.roots) / float64(l.weight) }

// bound is how large an error may count: several times the mean of the
// combination's.
func (l losses) bound() float64 {
	const wild = 5
	if l.n < enoughScores || l.roots == 0 {
		return math.Inf(1)
	}
	return wild * l.mean()
}

func (l *losses) visit(c *codec) {
	for _, x := range []*float32{&l.abs, &l.err, &l.actual, &l.roots, &l.weight} {
		c.float32(x)
	}
	n := int(l.n)
	c.int(&n)
	l.n = int32(n)
}

const (
	enoughScores = 24 // before a model takes part beside others that have more
	sharpness    = 6  // power of the loss in a weight
	trimmed      = 0.25
)

// weigh fills weights, one for each model, with
//
//	w ∝ L^−6
//
// where L is the mean of |⁴√y−⁴√ŷ| at horizon j and the two next to it, so that one
// horizon, such as a multiple of a season, does not decide alone. Fourth roots,
// between square roots, by which the noise of counts is even, and logarithms, by
// which relative errors are, let quiet hours count beside busy ones. Models with
// few errors get nothing. With nothing known all are equal.
//
// Weights by inverse errors are Bates and Granger's (Operational Research
// Quarterly 20 (1969)), who take the second power; with models as alike as these
// a higher one is needed to tell them apart.
func weigh(members []*member, j int, weights []float64) {
	most, least := int32(0), math.Inf(1)
	for _, m := range members {
		most = max(most, m.losses[j].n)
	}
	for i, m := range members {
		weights[i] = math.Inf(1)
		if n := m.losses[j].n; n == 0 || n < enoughScores && n < most {
			continue
		}
		sum, n := 0.0, 0.0
		for _, l := range m.losses[max(0, j-1):min(j+2, len(m.losses))] {
			if l.n > 0 {
				sum += l.mean()
				n++
			}
		}
		weights[i] = sum / n
		least = min(least, weights[i])
	}
	total := 0.0
	for i, loss := range weights {
		weights[i] = 1 // also when all are infinite or zero
		if loss != least {
			weights[i] = math.Pow(least/loss, sharpness)
		}
		total += weights[i]
	}
	for i := range weights {
		weights[i] /= total
	}
}

// middle returns the mean of the half of the weight that lies in the middle of
// the values: like a median it is not moved by a member that goes astray, like a
// mean it lets several agree. The weights sum to 1; order is scratch space.
func middle(values, weights []float64, order []int) float64 {
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return a - b
	})
	sum, share, below := 0.0, 0.0, 0.0
	for _, i := range order {
		inside := min(below+weights[i], 1-trimmed) - max(below, trimmed)
		if inside > 0 {
			sum += inside * values[i]
			share += inside
		}
		below += weights[i]
	}
	return sum / share
}
