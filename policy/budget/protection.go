package budget

import "math"

// protection returns how many of the next units are kept from the class for
// better ones, at most most, when expected posts of each class come before units
// do. It is the smallest number that the posts of better classes exceed so
// seldom that the next unit is worth as much now:
//
//	y(c) = min{k : P[Poisson(μ(c)) ≤ k] ≥ 1 − v(c)/w̄(c)}
//
// where v is the value of a class, μ(c) the posts expected of better classes, and
// w̄(c) their mean value weighted by them (EMSR-b). Without better posts it is 0.
// A better class is never kept from more than a lesser one.
//
// # References
//
// Talluri & van Ryzin, The Theory and Practice of Revenue Management (2004),
// section 2.2.4.2; Belobaba, Optimal vs. heuristic methods for nested seat
// allocation (1992). They take demand as normal; with so few posts it is Poisson.
func (b Budget) protection(class int, expected []float64, most int) int {
	value := b.Classes[class].Value
	posts, worth := 0.0, 0.0
	for i, c := range b.Classes {
		if c.Value > value {
			posts += expected[i]
			worth += expected[i] * c.Value
		}
	}
	if posts == 0 {
		return 0
	}
	return poissonQuantile(posts, 1-value/(worth/posts), most)
}

// poissonQuantile returns the smallest k below most that a Poisson variable of
// the mean does not exceed with probability level, or else most. Its terms are
// kept as logarithms, since e^−mean may be too small for a float.
func poissonQuantile(mean, level float64, most int) int {
	logTerm, sum := -mean, math.Exp(-mean)
	for k := 0; k < most; k++ {
		if sum >= level {
			return k
		}
		logTerm += math.Log(mean / float64(k+1))
		sum += math.Exp(logTerm)
	}
	return most
}

// best reports whether no class is more valuable.
func (b Budget) best(class int) bool {
	for _, c := range b.Classes {
		if c.Value > b.Classes[class].Value {
			return false
		}
	}
	return true
}
