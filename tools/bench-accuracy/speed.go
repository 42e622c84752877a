package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// stepsAhead is the horizon of the forecasts whose speed is measured.
const stepsAhead = 24

// A size is a length of the series whose speed is measured.
type size struct {
	n       int
	step    time.Duration
	repeats int
}

var (
	sizes      = []size{{2016, 5 * time.Minute, 7}, {8064, 5 * time.Minute, 5}, {40320, time.Minute, 3}}
	quickSizes = []size{{2016, 5 * time.Minute, 3}, {8064, 5 * time.Minute, 3}}
	sizeForR   = sizes[1]
)

// A speed is how fast our engine is at one size.
type speed struct {
	size
	fit, refit, update, forecast time.Duration
	allocated                    float64 // bytes per update
	heap                         float64 // bytes that a predictor keeps
}

// synthetic makes a load with a daily and a weekly season and autocorrelated
// noise, a day longer than the size. It is the same on every run.
func synthetic(s size) *load {
	random := rand.New(rand.NewPCG(1, 2))
	perDay := float64(day / s.step)
	values := make([]float64, s.n+int(perDay))
	noise := 0.0
	for i := range values {
		x := 2 * math.Pi * float64(i) / perDay
		noise = .9*noise + 20*random.NormFloat64()
		values[i] = max(0, 1000+400*math.Sin(x)+100*math.Sin(2*x)+150*math.Sin(x/7)+noise)
	}
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	return &load{name: fmt.Sprint("synthetic ", s.n), series: forecast.Series{Start: monday, Step: s.step, Values: values}}
}

// measure takes the times of our engine at some sizes, on one core and in CPU
// time, as R's are. Fits and refits are medians, updates the mean over a day,
// forecasts the mean of many.
func (b *bench) measure(sizes []size) ([]speed, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := b.progress("speed", len(sizes))
	var out []speed
	for _, s := range sizes {
		measured, err := measureSize(s)
		if err != nil {
			return nil, fmt.Errorf("measure the speed with %d values: %w", s.n, err)
		}
		out = append(out, measured)
		p.step()
	}
	return out, nil
}

func measureSize(s size) (speed, error) {
	out := speed{size: s}
	l := synthetic(s)
	known := l.part(0, s.n)
	before := memory()
	p, err := forecast.Fit(known, forecast.Options{Horizon: stepsAhead})
	if err != nil {
		return out, err
	}
	out.heap = float64(memory().HeapAlloc) - float64(before.HeapAlloc)
	out.fit, err = repeat(s.repeats, func() error {
		_, err := forecast.Fit(known, forecast.Options{Horizon: stepsAhead})
		return err
	})
	if err != nil {
		return out, err
	}
	out.refit, err = repeat(s.repeats, func() error { return p.Refit(known) })
	if err != nil {
		return out, err
	}

	before = memory()
	began := cpuTime()
	come := l.series.Values[s.n:]
	for _, y := range come {
		p.Update(y)
	}
	out.update = (cpuTime() - began) / time.Duration(len(come))
	out.allocated = float64(memory().TotalAlloc-before.TotalAlloc) / float64(len(come))

	const forecasts = 1000
	began = cpuTime()
	for range forecasts {
		if _, err := p.Forecast(stepsAhead, []float64{.5, .9}); err != nil {
			return out, err
		}
	}
	out.forecast = (cpuTime() - began) / forecasts
	return out, nil
}

// cpuTime returns the CPU time that the process has taken, collection of garbage
// included. Others on the machine do not change it as they do the real time.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench-accuracy: getrusage: " + err.Error()) // cannot be with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// repeat returns the median CPU time that do takes.
func repeat(n int, do func() error) (time.Duration, error) {
	var seconds []float64
	for range n {
		runtime.GC() // so that each pays for its own garbage
		began := cpuTime()
		if err := do(); err != nil {
			return 0, err
		}
		seconds = append(seconds, (cpuTime() - began).Seconds())
	}
	return time.Duration(median(seconds) * float64(time.Second)), nil
}

// memory collects garbage and tells what is left.
func memory() runtime.MemStats {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// orderSpeed returns a trial whose tasks are the synthetic load as often as each
// method of R is timed, and the orders that fill it.
func orderSpeed() (*trial, []order) {
	l := synthetic(sizeForR)
	t := &trial{name: "speed", group: "speed"}
	for range 5 {
		t.tasks = append(t.tasks, task{l, 0, sizeForR.n, stepsAhead})
	}
	orders := t.order("mstl_ets", 1, spread(5, 0))
	orders = append(orders, t.order("mstl_arima", 1, spread(5, 3))...)
	return t, append(orders, t.order("tbats", 1, spread(5, 1))...)
}
