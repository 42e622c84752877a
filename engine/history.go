package engine

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// History is a measured load on a regular grid of time. It takes half the memory of a
// [forecast.Series], since values are kept to seven digits, and is not modified after it was
// made.
type History struct {
	Start time.Time // its location is the pool's
	Step  time.Duration

	blocks [][]float32 // all but the last one of perBlock values; nobody writes to them
}

const perBlock = 256

// NewHistory returns the history of a series.
func NewHistory(s forecast.Series) History {
	return History{Start: s.Start, Step: s.Step}.with(s.Values)
}

// Len returns the number of values.
func (h History) Len() int {
	if len(h.blocks) == 0 {
		return 0
	}
	return (len(h.blocks)-1)*perBlock + len(h.blocks[len(h.blocks)-1])
}

// Time returns the instant of value i; i may lie beyond the end.
func (h History) Time(i int) time.Time { return h.grid().Time(i) }

// End returns the instant after the last value: that of the next one to come.
func (h History) End() time.Time { return h.Time(h.Len()) }

// grid is a series without values.
func (h History) grid() forecast.Series { return forecast.Series{Start: h.Start, Step: h.Step} }

// At returns the value at the last grid instant at or before t, NaN outside. Of numbers
// with up to seven digits it is the one that was measured.
func (h History) At(t time.Time) float64 {
	if h.Len() == 0 {
		return math.NaN()
	}
	if i := h.grid().Index(t); i >= 0 && i < h.Len() {
		return h.value(i)
	}
	return math.NaN()
}

// value is the decimal number with the fewest digits that is kept as value i is.
func (h History) value(i int) float64 {
	y := float64(h.blocks[i/perBlock][i%perBlock])
	decimal, _ := strconv.ParseFloat(strconv.FormatFloat(y, 'g', -1, 32), 64) // it has just been written
	return decimal
}

// From returns the part at or after t, with values like those of [History.At].
func (h History) From(t time.Time) forecast.Series {
	s := h.grid()
	if h.Len() == 0 {
		return s
	}
	first := s.Index(t)
	if s.Time(first).Before(t) {
		first++
	}
	first = min(max(first, 0), h.Len())
	s.Start = s.Time(first)
	for i := first; i < h.Len(); i++ {
		s.Values = append(s.Values, h.value(i))
	}
	return s
}

// on returns the values at the instants of a range, NaN outside.
func (h History) on(r Range) forecast.Series {
	s := forecast.Series{Start: r.Start, Step: r.Step}
	for t := r.Start; !t.After(r.End); t = t.Add(r.Step) {
		s.Values = append(s.Values, h.At(t))
	}
	return s
}

// Series returns all of it, with the values as they are kept.
func (h History) Series() forecast.Series {
	s := h.grid()
	s.Values = make([]float64, 0, h.Len())
	for _, block := range h.blocks {
		for _, y := range block {
			s.Values = append(s.Values, float64(y))
		}
	}
	return s
}

// with returns the history with more values.
func (h History) with(values []float64) History {
	if len(values) == 0 {
		return h
	}
	h.blocks = slices.Clone(h.blocks)
	for len(values) > 0 {
		last := len(h.blocks) - 1
		if last < 0 || len(h.blocks[last]) == perBlock {
			h.blocks, last = append(h.blocks, nil), last+1
		}
		part := values[:min(len(values), perBlock-len(h.blocks[last]))]
		block := make([]float32, 0, len(h.blocks[last])+len(part))
		block = append(block, h.blocks[last]...)
		for _, y := range part {
			block = append(block, float32(y))
		}
		h.blocks[last], values = block, values[len(part):]
	}
	return h
}

// last returns the history without its first values: n values of it are left, or up to a
// block more.
func (h History) last(n int) History {
	if whole := (h.Len() - n) / perBlock; whole > 0 {
		h.Start, h.blocks = h.Time(whole*perBlock), slices.Clone(h.blocks[whole:])
	}
	return h
}
