package backtest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Span is what is replayed: the instants From, From+Tick, … before To.
type Span struct {
	From, To time.Time // multiples of Tick
	Tick     time.Duration
}

// Len returns the number of instants.
func (s Span) Len() int { return int(s.To.Sub(s.From) / s.Tick) }

// Time returns instant i.
func (s Span) Time(i int) time.Time { return s.From.Add(time.Duration(i) * s.Tick) }

// Recording is what was measured in and before a span, read at once: each signal on the
// grid of the ticks and on the one of the history, as a running adapter would have asked
// for it.
type Recording struct {
	Span
	ticks, steps engine.Range
	signals      map[string]recorded
	exprs        map[string]answers
}

// recorded is a signal on both grids.
type recorded struct{ ticks, steps forecast.Series }

// answers are those to the query of an expression on both grids.
type answers struct{ ticks, steps []engine.Labeled }

// NewRecording returns one that has nothing yet, for settings with this lag, step and
// length of history.
func NewRecording(span Span, s *engine.Settings) *Recording {
	first := span.From.Add(-s.QueryLag)
	return &Recording{
		Span:    span,
		ticks:   engine.Range{Start: first.Truncate(span.Tick), End: span.To.Add(-span.Tick), Step: span.Tick},
		steps:   engine.Range{Start: first.Add(-s.History).Truncate(s.Step), End: span.To.Truncate(s.Step), Step: s.Step},
		signals: map[string]recorded{}, exprs: map[string]answers{},
	}
}

// Read asks a source for all that the settings' pools and expressions are made of.
func (r *Recording) Read(ctx context.Context, source engine.Source, s *engine.Settings) error {
	wanted := map[string]policy.Signal{}
	for _, p := range s.Pools {
		wanted[signalKey(p.Load)] = p.Load
		if p.Completeness != nil {
			wanted[signalKey(*p.Completeness)] = *p.Completeness
		}
	}
	maps.DeleteFunc(wanted, func(key string, _ policy.Signal) bool { _, known := r.signals[key]; return known })
	keys := slices.Sorted(maps.Keys(wanted))
	signals := make([]policy.Signal, len(keys))
	for i, key := range keys {
		signals[i] = wanted[key]
	}
	ticks, err := source.Range(ctx, r.ticks, signals)
	if err != nil {
		return err
	}
	steps, err := source.Range(ctx, r.steps, signals)
	if err != nil {
		return err
	}
	for i, key := range keys {
		r.signals[key] = recorded{ticks[i], steps[i]}
	}
	for _, x := range s.Exprs {
		if _, known := r.exprs[x.Query]; known {
			continue
		}
		var a answers
		if a.ticks, err = source.RangeAll(ctx, r.ticks, x.Query); err != nil {
			return err
		}
		if a.steps, err = source.RangeAll(ctx, r.steps, x.Query); err != nil {
			return err
		}
		r.exprs[x.Query] = a
	}
	return nil
}

// Put records a signal that somebody else measured. A value stands until the next one.
func (r *Recording) Put(signal policy.Signal, s forecast.Series) {
	r.signals[signalKey(signal)] = recorded{onGrid(s, r.ticks), onGrid(s, r.steps)}
}

func onGrid(s forecast.Series, grid engine.Range) forecast.Series {
	out := forecast.Series{Start: grid.Start, Step: grid.Step}
	for t := grid.Start; !t.After(grid.End); t = t.Add(grid.Step) {
		out.Values = append(out.Values, s.At(t))
	}
	return out
}

// load returns a signal at the instants of the span.
func (r *Recording) load(signal policy.Signal) []float64 {
	out := make([]float64, r.Len())
	for i := range out {
		out[i] = r.signals[signalKey(signal)].ticks.At(r.Time(i))
	}
	return out
}

// signalKey tells signals apart.
func signalKey(s policy.Signal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", s.Query)
	for _, name := range slices.Sorted(maps.Keys(s.Match)) {
		fmt.Fprintf(&b, " %q=%q", name, s.Match[name])
	}
	return b.String()
}

// replay is the recording as it is seen from an instant. It implements [engine.Source].
type replay struct {
	*Recording
	now   *time.Time // the clock of the loop that asks
	lag   time.Duration
	spent func(signal policy.Signal, at time.Time) (posts float64, ok bool)
	// blind is a replay in which loads are not told: they are 0, and there is no history.
	blind bool
}

// Sample implements [engine.Source].
func (r *replay) Sample(_ context.Context, now time.Time, signals []policy.Signal) []policy.Sample {
	out := make([]policy.Sample, len(signals))
	at := now.Add(-r.lag).Truncate(r.Tick)
	for i, signal := range signals {
		if posts, ok := r.spent(signal, now.Add(-r.lag)); ok {
			out[i] = policy.Sample{Value: posts, Time: at, Quality: policy.OK}
			continue
		}
		y := 0.0
		if !r.blind {
			y = r.signals[signalKey(signal)].ticks.At(at)
		}
		out[i] = policy.Sample{Value: y, Time: at, Quality: policy.OK}
		if math.IsNaN(y) {
			out[i] = policy.Sample{Quality: policy.Empty, Detail: "nothing was measured at " + at.UTC().Format(time.RFC3339)}
		}
	}
	return out
}

// Range implements [engine.Source].
func (r *replay) Range(_ context.Context, grid engine.Range, signals []policy.Signal) ([]forecast.Series, error) {
	out := make([]forecast.Series, len(signals))
	for i, signal := range signals {
		out[i] = r.seen(r.signals[signalKey(signal)].steps, grid)
		if r.blind {
			for k := range out[i].Values {
				out[i].Values[k] = math.NaN()
			}
		}
	}
	return out, nil
}

// RangeAll implements [engine.Source].
func (r *replay) RangeAll(_ context.Context, grid engine.Range, query string) ([]engine.Labeled, error) {
	known := r.exprs[query].steps
	if grid.Step == r.Tick {
		known = r.exprs[query].ticks
	}
	out := make([]engine.Labeled, len(known))
	for i, s := range known {
		out[i] = engine.Labeled{Labels: s.Labels, Series: r.seen(s.Series, grid)}
	}
	return out, nil
}

// seen returns a series on a grid, without what has not come yet.
func (r *replay) seen(s forecast.Series, grid engine.Range) forecast.Series {
	out := forecast.Series{Start: grid.Start, Step: grid.Step}
	for t := grid.Start; !t.After(grid.End); t = t.Add(grid.Step) {
		y := math.NaN()
		if !t.After(r.now.Add(-r.lag)) {
			y = s.At(t)
		}
		out.Values = append(out.Values, y)
	}
	return out
}
