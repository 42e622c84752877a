package stl

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// smoother is loess on n equally spaced values:
//
//	ŷ(x) = Σᵢ wᵢ·yᵢ over the window of values nearest to x
//
// It is evaluated at every jump-th place and at the last one, and interpolated
// linearly in between. Weights that do not depend on the values are computed
// once: at a distance from the ends they are those of one window, moved.
type smoother struct {
	window, degree, jump int
	n                    int     // values
	pad                  int     // 1 when it also extrapolates to the places −1 and n, else 0
	points               []point // places of estimates: the ascending grid, then those outside
	grid                 int     // points that are not outside
	scratch              []float64
}

type point struct {
	x, left int       // the place, and that of the first value of its window
	weights []float64 // of the values from left on; empty when they are not kept
}

// kept is the number of windows near the ends whose weights are kept, enough
// for the default jumps. All weights may be as many as the square of n.
const kept = 13

func newSmoother(l Loess, n, pad int) *smoother {
	s := &smoother{window: l.Window, degree: int(l.Degree - Constant), jump: min(l.Jump, n-1), n: n, pad: pad}
	width := min(s.window, n)
	s.points = make([]point, 0, (n-1)/s.jump+4)
	for x := 0; x < n; x += s.jump {
		s.points = append(s.points, point{x: x, left: min(max(x-width/2, 0), n-width)})
	}
	if last := s.points[len(s.points)-1]; last.x != n-1 {
		// Cleveland's code estimates the end from the window of the place before.
		s.points = append(s.points, point{x: n - 1, left: last.left})
	}
	s.grid = len(s.points)
	if pad > 0 {
		s.points = append(s.points, point{x: -1, left: 0}, point{x: n, left: n - width})
	}
	var inner []float64
	ends := make([]float64, 0, width*min(len(s.points), kept))
	for i := range s.points {
		p := &s.points[i]
		switch {
		case width == s.window && p.x-p.left == width/2:
			if inner == nil {
				inner = make([]float64, width)
				s.fill(inner, *p, nil)
			}
			p.weights = inner
		case len(ends) < cap(ends):
			ends = ends[:len(ends)+width]
			p.weights = ends[len(ends)-width:]
			s.fill(p.weights, *p, nil)
		}
	}
	return s
}

// weights returns those of the values from p.left on, times the robustness of
// the values if there is one; nil when no value has a weight.
func (s *smoother) weights(p point, robustness []float64) []float64 {
	if robustness == nil && len(p.weights) > 0 {
		return p.weights
	}
	if s.scratch == nil {
		s.scratch = make([]float64, min(s.window, s.n))
	}
	if !s.fill(s.scratch, p, robustness) {
		return nil
	}
	return s.scratch
}

// fill computes weights: tricube ones that fall to 0 at the distance h of the
// farthest value of the window,
//
//	vᵢ = ρᵢ·(1 − (|i−x|/h)³)³,   wᵢ = vᵢ/Σv·(1 + (x−m)(i−m)/c)
//
// where ρ is the robustness, m and c are the mean and the variance of i under
// v, and the last factor, the local line, is that of degree 1. It returns
// false when no value has a weight.
func (s *smoother) fill(w []float64, p point, robustness []float64) bool {
	h := float64(max(p.x-p.left, p.left+len(w)-1-p.x))
	if s.window > s.n {
		h += float64((s.window - s.n) / 2)
	}
	near, far := 0.001*h, 0.999*h // where Cleveland's code rounds to 1 and to 0
	var sum, first, second float64
	for i := range w {
		d := float64(p.left + i - p.x)
		v := 1.0
		if r := math.Abs(d); r > far {
			v = 0
		} else if r > near {
			u := r / h
			u = 1 - u*u*u
			v = u * u * u
		}
		if robustness != nil {
			v *= robustness[p.left+i]
		}
		w[i] = v
		sum += v
		first += v * d
		second += v * d * d
	}
	if sum <= 0 {
		return false
	}
	mean := first / sum
	variance := second/sum - mean*mean
	slope := 0.0
	if s.degree > 0 && math.Sqrt(max(variance, 0)) > 0.001*float64(s.n-1) {
		slope = -mean / variance
	}
	for i := range w {
		w[i] *= (1 + slope*(float64(p.left+i-p.x)-mean)) / sum
	}
	return true
}

// smooth writes the curve through y to out, whose first pad values come before
// the first place. Where no value has a weight it is y itself.
func (s *smoother) smooth(out, y, robustness []float64) {
	for i, p := range s.points {
		w := s.weights(p, robustness)
		switch {
		case w != nil:
			out[p.x+s.pad] = floats.Dot(w, y[p.left:p.left+len(w)])
		case i < s.grid:
			out[p.x+s.pad] = y[p.x]
		default:
			out[p.x+s.pad] = out[min(max(p.x, 0), s.n-1)+s.pad]
		}
	}
	for i, p := range s.points[1:s.grid] {
		from := s.points[i].x
		start, count := out[from+s.pad], p.x-from
		step := (out[p.x+s.pad] - start) / float64(count)
		for j := 1; j < count; j++ {
			out[from+s.pad+j] = start + step*float64(j)
		}
	}
}

// smoothColumns does the same for many series at once, which are the columns
// of a matrix: the values of one place are neighbours, those of the next place
// are stride further on.
func (s *smoother) smoothColumns(out, y []float64, columns, stride int) {
	row := func(x int) []float64 { return out[(x+s.pad)*stride:][:columns] }
	for _, p := range s.points {
		estimate := row(p.x)
		clear(estimate)
		for i, w := range s.weights(p, nil) {
			floats.AddScaled(estimate, w, y[(p.left+i)*stride:][:columns])
		}
	}
	for i, p := range s.points[1:s.grid] {
		from := s.points[i].x
		start, end := row(from), row(p.x)
		for x := from + 1; x < p.x; x++ {
			between, part := row(x), float64(x-from)/float64(p.x-from)
			for c, v := range start {
				between[c] = v + part*(end[c]-v)
			}
		}
	}
}

// average replaces values by their means over length neighbours; the result is
// length−1 shorter.
func average(values []float64, length int) []float64 {
	sum := floats.Sum(values[:length])
	scale := 1 / float64(length)
	n := len(values) - length + 1
	leaving, coming := values[:n-1], values[length:]
	for i, v := range leaving {
		values[i] = sum * scale
		sum += coming[i] - v
	}
	values[n-1] = sum * scale
	return values[:n]
}
