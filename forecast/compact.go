package forecast

import "math"

// rough is a number to two or three digits: the upper half of a float32, of which the
// bits are turned so that the order of roughs is the order of the numbers.
type rough uint16

func roughly(x float64) rough {
	bits := math.Float32bits(float32(x))
	upper := uint16((bits + 0x7fff + bits>>16&1) >> 16) // to the nearest, of two to the even one
	if upper&0x8000 != 0 {
		return rough(^upper)
	}
	return rough(upper | 0x8000)
}

func (r rough) value() float64 {
	upper := uint16(^r)
	if r&0x8000 != 0 {
		upper = uint16(r &^ 0x8000)
	}
	return float64(math.Float32frombits(uint32(upper) << 16))
}

// fixedPoint are numbers to a small part of the largest that they may be: each is a whole
// number of units.
type fixedPoint struct {
	unit  float64
	units []int16
}

// newFixedPoint returns n zeros, each of which may become at most largest or as much below
// zero.
func newFixedPoint(n int, largest float64) fixedPoint {
	return fixedPoint{largest / math.MaxInt16, make([]int16, n)}
}

func (f fixedPoint) at(i int) float64 { return f.unit * float64(f.units[i]) }

// set changes a number. What is too large becomes the largest.
func (f fixedPoint) set(i int, x float64) {
	if f.unit > 0 {
		f.units[i] = int16(min(max(math.Round(x/f.unit), -math.MaxInt16), math.MaxInt16))
	}
}

func (f *fixedPoint) visit(c *codec) {
	c.float(&f.unit)
	words(c, &f.units)
}
