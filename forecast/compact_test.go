package forecast

import (
	"cmp"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Roughs are near the numbers, are in their order, and stay what they are.
func TestRoughly(t *testing.T) {
	number := rapid.Float64Range(-1e6, 1e6)
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		r := roughly(x)
		if v := r.value(); math.Abs(v-x) > math.Abs(x)/256+1e-38 || roughly(v) != r {
			t.Fatalf("%g becomes %g and then %g", x, v, roughly(v).value())
		}
		if c := cmp.Compare(r, roughly(y)); c != 0 && c != cmp.Compare(x, y) {
			t.Fatalf("%g and %g change their order", x, y)
		}
	})
	for _, x := range []float64{0, 1, -1, 0.5, -0.25, 3 << 10} {
		if v := roughly(x).value(); v != x {
			t.Errorf("%g becomes %g", x, v)
		}
	}
}

// Numbers are kept to half a unit, those that are too large as the largest.
func TestFixedPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		largest := rapid.Float64Range(1e-9, 1e30).Draw(t, "largest")
		x := largest * rapid.Float64Range(-3, 3).Draw(t, "share")
		f := newFixedPoint(2, largest)
		f.set(1, x)
		want := min(max(x, -largest), largest)
		if v := f.at(1); math.Abs(v-want) > 0.51*largest/math.MaxInt16 || f.at(0) != 0 {
			t.Fatalf("%g of at most %g becomes %g, and another 0 %g", x, largest, v, f.at(0))
		}
	})
	f := newFixedPoint(1, 0)
	if f.set(0, 5); f.at(0) != 0 {
		t.Errorf("where nothing may be above 0, 5 becomes %g", f.at(0))
	}
}
