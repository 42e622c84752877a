package forecast

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func benchmarkSeries(step time.Duration, n int) Series {
	return sampled(aMonday, step, time.Duration(n)*step, noisy(busy, 9, 0.2))
}

var benchmarkSizes = []struct {
	step time.Duration
	n    int
}{{5 * time.Minute, 2016}, {5 * time.Minute, 8064}, {time.Minute, 40320}}

func BenchmarkFit(b *testing.B) {
	for _, size := range benchmarkSizes {
		s := benchmarkSeries(size.step, size.n)
		b.Run(fmt.Sprintf("n=%d", size.n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Fit(s, Options{Horizon: 288}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRefit(b *testing.B) {
	for _, size := range benchmarkSizes {
		s := benchmarkSeries(size.step, size.n)
		b.Run(fmt.Sprintf("n=%d", size.n), func(b *testing.B) {
			p := fitted(b, s, Options{Horizon: 288})
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Refit(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRefitWithEvents(b *testing.B) {
	s := benchmarkSeries(5*time.Minute, 8064)
	p := fitted(b, s, Options{Horizon: 288, Events: games("game", 7, 2)})
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Refit(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkModels(b *testing.B) {
	s := benchmarkSeries(5*time.Minute, 8064)
	for _, m := range bank() {
		b.Run(m.Name(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Fit(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	p := fitted(b, benchmarkSeries(5*time.Minute, 8064), Options{Horizon: 288})
	b.ReportAllocs()
	for b.Loop() {
		p.Update(100)
	}
}

func BenchmarkForecast(b *testing.B) {
	p := fitted(b, benchmarkSeries(5*time.Minute, 8064), Options{Horizon: 288})
	for _, h := range []int{24, 288} {
		b.Run(fmt.Sprintf("steps=%d", h), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Forecast(h, []float64{0.1, 0.5, 0.9, 0.99}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A predictor of four weeks of 5 minutes, in memory and as a snapshot.
func BenchmarkSnapshot(b *testing.B) {
	s := benchmarkSeries(5*time.Minute, 8064)
	const predictors = 20
	var before, behind runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var kept []*Predictor
	for range predictors {
		kept = append(kept, fitted(b, s, Options{Horizon: 288}))
	}
	runtime.GC()
	runtime.ReadMemStats(&behind)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = len(kept[0].Snapshot())
	}
	b.ReportMetric(float64(size), "bytes/snapshot")
	b.ReportMetric(float64(behind.HeapAlloc-before.HeapAlloc)/predictors, "bytes/predictor")
	runtime.KeepAlive(kept)
}

func BenchmarkRestore(b *testing.B) {
	o := Options{Horizon: 288}
	snapshot := fitted(b, benchmarkSeries(5*time.Minute, 8064), o).Snapshot()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Restore(snapshot, time.UTC, o); err != nil {
			b.Fatal(err)
		}
	}
}
