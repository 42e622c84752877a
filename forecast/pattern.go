package forecast

import (
	"math"
	"time"

	"gonum.org/v1/gonum/floats"
)

// pattern is a season that repeats itself until the next fit.
type pattern struct {
	period time.Duration
	middle float64    // between the smallest and the largest value
	beside fixedPoint // by slot: by how much the value differs
}

// newPattern returns a pattern of the values by slot.
func newPattern(period time.Duration, values []float64) pattern {
	low, high := floats.Min(values), floats.Max(values)
	middle := float64(float32((low + high) / 2))
	reach := max(high-middle, middle-low)
	if reach < 1e-9*math.Abs(middle) { // by rounding: it has no season
		reach = 0
	}
	p := pattern{period, middle, newFixedPoint(len(values), reach)}
	for slot, v := range values {
		p.beside.set(slot, v-p.middle)
	}
	return p
}

func (p pattern) at(slot int) float64 { return p.middle + p.beside.at(slot) }

// patterned is a sum of patterns and a process for what they leave.
type patterned struct {
	clock    clock
	patterns []pattern
	rest     process
}

// restOf returns the process of a patterned model; nil if last is none.
func restOf(last Fitted) process {
	if f, ok := last.(*patterned); ok {
		return f.rest
	}
	return nil
}

func (f *patterned) season(unix int64) float64 {
	sum := 0.0
	for _, p := range f.patterns {
		sum += p.at(f.clock.slot(unix, p.period))
	}
	return sum
}

func (f *patterned) Update(z float64) {
	f.rest.update(z - f.season(f.clock.next))
	f.clock.next += f.clock.step
}

func (f *patterned) Predict(path []float64) {
	f.rest.predict(path)
	at := f.clock.next
	for k := range path {
		path[k] += f.season(at)
		at += f.clock.step
	}
}

func (f *patterned) divide(level, season []float64) {
	at := f.clock.next
	for k := range level {
		level[k], season[k] = f.rest.base(), f.season(at)
		at += f.clock.step
	}
}

func (f *patterned) visit(c *codec) {
	c.int64(&f.clock.next)
	n := c.length(len(f.patterns), 8)
	if c.reading {
		f.patterns = make([]pattern, n)
	}
	for i := range f.patterns {
		p := &f.patterns[i]
		seconds := int64(p.period / time.Second)
		c.int64(&seconds)
		p.period = time.Duration(seconds) * time.Second
		c.float(&p.middle)
		p.beside.visit(c)
	}
	f.rest.visit(c)
}
