package arima

import "testing"

// four weeks of five minutes: an ARMA process of a long memory.
const fourWeeks = 8064

func BenchmarkLikelihood(b *testing.B) {
	m := Model{Order: Order{2, 1, 2}}
	s, err := newSample(integrated(fourWeeks), m, nil)
	if err != nil {
		b.Fatal(err)
	}
	c := Coefficients{AR: []float64{0.5, 0.2}, MA: []float64{-0.3, 0.1}}
	b.ReportAllocs()
	for b.Loop() {
		s.exact(c)
	}
}

func BenchmarkFit(b *testing.B) {
	y := integrated(fourWeeks)
	m := Model{Order: Order{2, 1, 2}}
	cold, err := Fit(y, m, FitOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for name, start := range map[string]*Coefficients{"cold": nil, "warm": &cold.Coefficients} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fit(y, m, FitOptions{Start: start}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAuto(b *testing.B) {
	for _, bb := range []struct {
		name string
		y    []float64
		o    Options
	}{
		{"8064", integrated(fourWeeks), Options{}},
		{"700", integrated(700), Options{}},
		{"700 of period 24", seasonal(700, 24), Options{Period: 24}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Auto(bb.y, bb.o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBurg(b *testing.B) {
	x := autoregression(fourWeeks, 0.6, 0.2)
	b.ReportAllocs()
	for b.Loop() {
		Burg(x, 25)
	}
}

func BenchmarkUpdate(b *testing.B) {
	y := integrated(fourWeeks)
	f, err := Filter(y, Model{Order: Order{2, 1, 2}}, Coefficients{AR: []float64{0.5, 0.2}, MA: []float64{-0.3, 0.1}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.Update(y[i%len(y)])
		i++
	}
}

func BenchmarkPredict(b *testing.B) {
	f, err := Filter(integrated(fourWeeks), Model{Order: Order{2, 1, 2}}, Coefficients{AR: []float64{0.5, 0.2}, MA: []float64{-0.3, 0.1}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	path := make([]float64, 24)
	b.ReportAllocs()
	for b.Loop() {
		f.Predict(path)
	}
}
