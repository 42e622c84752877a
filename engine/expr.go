package engine

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// How long an event of an expression is said to last from now on while it is true,
// and what is left of that when it is said anew. A forecast needs an end, and each
// change of the events costs new timelines.
const (
	exprAhead = time.Hour
	exprAgain = exprAhead / 2
)

// exprEvents are the events that an expression made, by the labels of its series.
// Once read from history, it is asked at each tick. What is not known neither begins
// nor ends an event.
type exprEvents struct {
	spec  Expr
	asked time.Time // the last instant that is known; zero: nothing is
	open  map[string]*exprEvent
	done  []policy.Event
}

// exprEvent is a series that is true, and the event that it makes after a while.
type exprEvent struct {
	labels map[string]string
	since  time.Time
	end    time.Time // of the event; zero before it has begun
}

// observeExprs asks the expressions and reports whether an event has changed.
func (e *Engine) observeExprs(ctx context.Context, s *Settings, now time.Time) bool {
	kept := make([]*exprEvents, 0, len(s.Exprs))
	for _, spec := range s.Exprs {
		i := slices.IndexFunc(e.exprs, func(x *exprEvents) bool { return x.spec.equal(spec) })
		if i < 0 {
			kept = append(kept, &exprEvents{spec: spec, open: map[string]*exprEvent{}})
			continue
		}
		kept = append(kept, e.exprs[i])
	}
	changed := len(kept) != len(e.exprs)
	e.exprs = kept
	for _, x := range e.exprs {
		at := now.Add(-s.QueryLag).Truncate(s.Interval)
		r := Range{Start: at, End: at, Step: s.Interval}
		if x.asked.IsZero() || at.Sub(x.asked) > 2*s.Step {
			r = Range{Start: at.Add(-s.History).Truncate(s.Step), End: at.Truncate(s.Step), Step: s.Step}
			if !x.asked.IsZero() {
				r.Start = x.asked.Truncate(s.Step).Add(s.Step)
			}
		}
		if r.Start.After(r.End) || !r.End.After(x.asked) {
			continue
		}
		var err error
		if broken := e.isolate("an expression", "", func() {
			var all []Labeled
			if all, err = s.Source.RangeAll(ctx, r, x.spec.Query); err == nil {
				changed = x.learn(r, all) || changed
			}
		}); broken != nil {
			err = broken
		}
		if err != nil {
			e.metrics.exprFailures.Inc()
			e.logger.Warn("expression not read; its events stay as they are", "source", x.spec.Name, "err", err)
		}
		changed = x.extend(now) || changed
	}
	return changed
}

func (x Expr) equal(y Expr) bool {
	return x.Name == y.Name && x.Query == y.Query && x.For == y.For && x.Type == y.Type && maps.Equal(x.Labels, y.Labels)
}

// learn follows what was true on the grid and reports whether an event began or
// ended.
func (x *exprEvents) learn(r Range, all []Labeled) (changed bool) {
	for at, k := r.Start, 0; !at.After(r.End); at, k = at.Add(r.Step), k+1 {
		seen := map[string]bool{}
		for _, s := range all {
			if v := s.Values[k]; v == 0 || math.IsNaN(v) {
				continue
			}
			key := labelKey(s.Labels)
			seen[key] = true
			if x.open[key] == nil {
				x.open[key] = &exprEvent{labels: s.Labels, since: at}
			}
			if ev := x.open[key]; ev.end.IsZero() && at.Sub(ev.since) >= x.spec.For {
				ev.end = at.Add(exprAhead)
				changed = true
			}
		}
		for _, key := range slices.Sorted(maps.Keys(x.open)) {
			if seen[key] {
				continue
			}
			if ev := x.open[key]; !ev.end.IsZero() {
				ev.end = at
				x.done = append(x.done, x.event(key, ev))
				changed = true
			}
			delete(x.open, key)
		}
	}
	x.asked = r.End
	return changed
}

// extend says anew how long events that go on will last, and reports whether one
// was changed.
func (x *exprEvents) extend(now time.Time) bool {
	changed := false
	for _, ev := range x.open {
		if !ev.end.IsZero() && ev.end.Sub(now) < exprAgain {
			ev.end = now.Add(exprAhead)
			changed = true
		}
	}
	return changed
}

// events returns the events since the oldest instant.
func (x *exprEvents) events(oldest time.Time) []policy.Event {
	x.done = slices.DeleteFunc(x.done, func(ev policy.Event) bool { return ev.End.Before(oldest) })
	out := slices.Clone(x.done)
	for _, key := range slices.Sorted(maps.Keys(x.open)) {
		if ev := x.open[key]; !ev.end.IsZero() {
			out = append(out, x.event(key, ev))
		}
	}
	return out
}

func (x *exprEvents) event(key string, ev *exprEvent) policy.Event {
	labels := maps.Clone(ev.labels)
	maps.Copy(labels, x.spec.Labels)
	start := ev.since.Add(x.spec.For)
	out := policy.Event{
		ID:   x.spec.Name + "/" + key + "/" + start.UTC().Format("20060102T150405Z"),
		Type: x.spec.Type, Name: x.spec.Name, Start: start, End: ev.end, Labels: labels, Source: x.spec.Name,
	}
	if out.Name == out.Type {
		out.Name = "" // said once is enough
	}
	return out
}

// labelKey tells label sets apart.
func labelKey(labels map[string]string) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(labels)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + "=" + labels[name])
	}
	return b.String()
}
