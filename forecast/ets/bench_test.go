package ets

import (
	"math/rand/v2"
	"testing"
)

// load is a random walk with noise, n values.
func load(n int) []float64 {
	noise := rand.New(rand.NewPCG(7, 7))
	level := 500.0
	y := make([]float64, n)
	for i := range y {
		level += noise.NormFloat64()
		y[i] = level + 4*noise.NormFloat64()
	}
	return y
}

var plain = []Spec{{Error: Additive}, {Error: Additive, Trend: Additive}, {Error: Additive, Trend: Additive, Damped: true}}

func BenchmarkAuto(b *testing.B) {
	y := load(8064)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Auto(y, 1, Options{Candidates: plain}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	p, err := newProblem(load(8064), 1, plain[2])
	if err != nil {
		b.Fatal(err)
	}
	p.start()
	x, errs := p.starts(nil)[0], make([]float64, len(p.y))
	b.ReportAllocs()
	for b.Loop() {
		p.run(x, errs)
	}
}

func BenchmarkFitWarm(b *testing.B) {
	y := load(8064)
	from, err := Fit(y, 1, plain[2], Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Fit(y, 1, plain[2], Options{From: from, Evaluations: 20}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	y := load(1000)
	f, err := Fit(y, 24, Spec{Error: Multiplicative, Trend: Additive, Season: Multiplicative}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		f.Update(y[i%len(y)])
		i++
	}
}
