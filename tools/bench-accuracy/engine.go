package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/forecast/backtest"
)

// levels are the quantiles that are asked for: the median and the borders of
// the intervals of 80 and 95 %.
var levels = []float64{.025, .1, .5, .9, .975}

const (
	history    = 28 * day      // before an origin that a fit sees
	judged     = 7 * day       // before the end, with origins
	ahead      = 14 * day      // before the end, where our engine starts
	refitEvery = time.Hour     // of our engine, the daemon's default
	horizon    = 2 * time.Hour // of forecasts of traces
	everyHours = 6 * time.Hour // between origins
	everyMatch = 2 * time.Hour // between origins of the World Cup
	ourName    = "scaling-adapter"
	ourEvents  = "scaling-adapter, events known"
)

// An answer is what a method said to a task; the zero answer was not asked for.
type answer struct {
	forecast forecast.Forecast
	spent    time.Duration // on the fit that it comes from
	err      error
	asked    bool
}

// A source says whose method it is.
type source int

const (
	engine source = iota
	member
	ofR
)

// A result is a method with its answers, one for each task of a trial.
type result struct {
	method  string
	source  source
	answers []answer
}

// A trial is a set of tasks with the results of all methods.
type trial struct {
	group   string
	name    string // of the load, or the group's when there are many loads
	tasks   []task
	results []result
}

// find returns the result of a method.
func (t *trial) find(method string, of source) (result, bool) {
	i := slices.IndexFunc(t.results, func(r result) bool { return r.method == method && r.source == of })
	if i < 0 {
		return result{}, false
	}
	return t.results[i], true
}

// earliest returns the first place from which our engine can start: two days
// and two steps after the start.
func earliest(l *load) int { return 2*l.perDay() + 2 }

// traceTasks returns the rolling origins of a trace.
func traceTasks(l *load) []task {
	n, h, every := l.series.Len(), int(horizon/l.series.Step), int(everyHours/l.series.Step)
	if len(l.events) > 0 {
		every = int(everyMatch / l.series.Step)
	}
	var out []task
	for _, at := range backtest.Origins(n, h, every, int(judged/l.series.Step)) {
		if at >= earliest(l) {
			out = append(out, task{l, max(0, at-int(history/l.series.Step)), at, h})
		}
	}
	return out
}

// fitOnce lets our engine answer a task from a fit of its own.
func fitOnce(t task) answer {
	began := time.Now()
	p, err := forecast.Fit(t.known(), forecast.Options{Horizon: t.horizon})
	a := answer{asked: true, spent: time.Since(began), err: err}
	if err == nil {
		a.forecast, a.err = p.Forecast(t.horizon, levels)
	}
	return a
}

// follow lets our engine answer the tasks of one trace as it works in
// production: it is fitted once, two weeks before the end, then learns each
// value as it comes, is fitted again on the last four weeks every hour, and
// forecasts where the origins are.
func follow(l *load, tasks []task, events []forecast.Event) []answer {
	out := make([]answer, len(tasks))
	fail := func(from int, err error) []answer {
		for i := from; i < len(out); i++ {
			out[i] = answer{asked: true, err: err}
		}
		return out
	}
	at := max(l.series.Len()-int(ahead/l.series.Step), earliest(l))
	window := func() forecast.Series { return l.part(max(0, at-int(history/l.series.Step)), at) }
	start, every := at, int(refitEvery/l.series.Step)
	began := time.Now()
	p, err := forecast.Fit(window(), forecast.Options{Horizon: int(horizon / l.series.Step), Events: events})
	if err != nil {
		return fail(0, err)
	}
	spent := time.Since(began)
	for i, t := range tasks {
		for at < t.at {
			p.Update(l.series.Values[at])
			at++
			if (at-start)%every != 0 {
				continue
			}
			began = time.Now()
			if err := p.Refit(window()); err != nil {
				return fail(i, fmt.Errorf("refit: %w", err))
			}
			spent = time.Since(began)
		}
		f, err := p.Forecast(t.horizon, levels)
		out[i] = answer{asked: true, forecast: f, spent: spent, err: err}
	}
	return out
}

// alone lets one model of the bank answer a task. It knows medians only.
func alone(m forecast.Model, t task) answer {
	began := time.Now()
	fitted, err := m.Fit(t.known())
	a := answer{asked: true, spent: time.Since(began), err: err}
	if err == nil {
		path := make([]float64, t.horizon)
		fitted.Predict(path)
		a.forecast = forecast.Forecast{Levels: []float64{.5}, Paths: [][]float64{path}}
	}
	return a
}

// runM4 lets our engine and the members answer the M4 tasks.
func (b *bench) runM4(tasks []task) *trial {
	t := &trial{group: "M4", name: "M4 hourly", tasks: tasks}
	ours := result{ourName, engine, make([]answer, len(tasks))}
	b.parallel("M4 hourly", len(tasks), func(i int) { ours.answers[i] = fitOnce(tasks[i]) })
	t.results = append(t.results, ours)
	b.runMembers(t)
	return t
}

// runTraces lets our engine and the members answer the tasks of the traces.
func (b *bench) runTraces(loads []*load) []*trial {
	trials := make([]*trial, len(loads))
	b.parallel("traces", len(loads), func(i int) {
		l := loads[i]
		t := &trial{group: l.group, name: l.name, tasks: traceTasks(l)}
		t.results = append(t.results, result{ourName, engine, follow(l, t.tasks, nil)})
		if len(l.events) > 0 {
			t.results = append(t.results, result{ourEvents, engine, follow(l, t.tasks, l.events)})
		}
		trials[i] = t
	})
	for _, t := range trials {
		b.runMembers(t)
	}
	return trials
}

// runMembers lets each model of the default bank answer the tasks by itself,
// with a fit for each.
func (b *bench) runMembers(t *trial) {
	models := forecast.DefaultModels()
	answers := make([][]answer, len(models))
	for m := range models {
		answers[m] = make([]answer, len(t.tasks))
	}
	b.parallel(t.name+", members", len(t.tasks), func(i int) {
		for m, model := range models {
			answers[m][i] = alone(model, t.tasks[i])
		}
	})
	for m, model := range models {
		t.results = append(t.results, result{model.Name(), member, answers[m]})
	}
}

// parallel does n things on all cores and says how far it is.
func (b *bench) parallel(what string, n int, do func(i int)) {
	p := b.progress(what, n)
	var next int
	var mu sync.Mutex
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n
	}
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i, ok := take(); ok && b.ctx.Err() == nil; i, ok = take() {
				do(i)
				p.step()
			}
		})
	}
	wg.Wait()
}
