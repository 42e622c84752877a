package ruletest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

// Run runs the test and returns what was not as expected: series that are not used,
// then decisions in the order of time.
func (t Test) Run(ctx context.Context) (failures []Failure, err error) {
	dir, err := os.MkdirTemp("", "scaling-adapter-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	quiet := slog.New(slog.DiscardHandler)
	c := &clock{at: t.start}
	prom, err := promengine.Open(dir, c.now, quiet)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, prom.Close()) }()
	for _, s := range t.series {
		if err := prom.Append(ctx, s.samples()); err != nil {
			return nil, fmt.Errorf("%s: %w", s.at, err)
		}
	}
	registry := prometheus.NewRegistry()
	asked := &transport{handler: prom.Handler(), queries: map[string]bool{}}
	source, err := promquery.New(promquery.Config{
		URL: "http://prometheus.test", Timeout: t.tick, MaxAge: t.settings.MaxSampleAge, Transport: asked,
	}, promquery.NewMetrics(registry), quiet)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	e := engine.New(engine.Options{Registerer: registry, Logger: quiet})
	s := t.active()
	s.Source, s.Actuator = source, newOrchestrator(t.orchestrator, c)
	e.Apply(&s)
	failures, err = t.play(ctx, e, c)
	return append(t.unread(asked), failures...), err
}

// active returns the settings for a world in which nothing real is scaled: dry run
// is of no use there, and samples do not come late.
func (t Test) active() engine.Settings {
	s := *t.settings
	s.Generation, s.LoadedAt, s.Interval, s.QueryLag = 1, t.start, t.tick, 0
	s.Pools = slices.Clone(s.Pools)
	for i := range s.Pools {
		// A frozen orchestrator shows what rules ask for, and is no failure.
		s.Pools[i].Pool.ConvergeTimeout, s.Pools[i].Pool.FailurePause = 0, 0
		if s.Pools[i].Pool.Mode == policy.DryRun {
			s.Pools[i].Pool.Mode = policy.Active
		}
	}
	return s
}

// play takes the ticks up to the last expectation.
func (t Test) play(ctx context.Context, e *engine.Engine, c *clock) (failures []Failure, err error) {
	todo, news := t.expectations, t.news
	for ; len(todo) > 0; c.at = c.at.Add(t.tick) {
		for ; len(news) > 0 && !news[0].told.After(c.at); news = news[1:] {
			if err := e.PutEvent(news[0].event); err != nil {
				return failures, err
			}
		}
		began := time.Now()
		e.Tick(ctx, c.at)
		if err := ctx.Err(); err != nil {
			return failures, err
		}
		if took := time.Since(began); took > t.tick/2 { // then the loop saves time, and the result may be another
			return failures, fmt.Errorf("%s: a turn of the loop took %s on this machine, more than half a tick; give the test a longer tick", t.Pos, took.Round(time.Millisecond))
		}
		for ; len(todo) > 0 && !todo[0].at.After(c.at); todo = todo[1:] {
			if f, failed := todo[0].compare(e.Snapshot(), t.start); failed {
				failures = append(failures, f)
			}
		}
	}
	return failures, nil
}

// unread returns the series that no query asked for: their name or a label is wrong,
// or the test is about something else.
func (t Test) unread(asked *transport) []Failure {
	selectors := asked.selectors()
	var failures []Failure
	for _, s := range t.series {
		read := false
		var known []string
		for _, sel := range selectors {
			read = read || selects(sel, s.labels)
			known = append(known, sel.String())
		}
		if !read {
			slices.Sort(known)
			failures = append(failures, Failure{Pos: s.at, Message: fmt.Sprintf("no query reads the series %s; they read %s", s.text, strings.Join(slices.Compact(known), ", "))})
		}
	}
	return failures
}

// Failure is something that is not as the test expects.
type Failure struct {
	Pos         strictyaml.Pos
	Message     string // about which pool and instant, or all that there is to say
	Differences []Difference
	Decision    policy.Decision // that was taken instead
	Load        policy.Sample   // that it rests on
}

// Difference is one thing that differs.
type Difference struct {
	What, Want, Got string
}

// compare compares what was decided with what was expected.
func (x expectation) compare(snap *engine.Snapshot, start time.Time) (f Failure, failed bool) {
	i := slices.IndexFunc(snap.Pools, func(p engine.PoolStatus) bool { return p.Pool.Name == x.pool })
	p := snap.Pools[i]
	d := p.Decision
	f = Failure{Pos: x.pos, Decision: d, Load: p.Load, Message: fmt.Sprintf("%s at %s, %s",
		x.pool, model.Duration(x.at.Sub(start)), x.at.In(p.Pool.Location).Format("Mon 2 Jan 2006 15:04:05 MST"))}
	differ := func(what, want, got string) {
		f.Differences = append(f.Differences, Difference{what, want, got})
	}
	number := func(what string, want *int, ok bool, relation string, got int) {
		if want != nil && !ok {
			differ(what, fmt.Sprintf("%s%d", relation, *want), fmt.Sprint(got))
		}
	}
	number("current", x.current, x.current != nil && *x.current == d.Current, "", d.Current)
	number("desired", x.desired, x.desired != nil && *x.desired == d.Desired, "", d.Desired)
	number("desired", x.leastDesired, x.leastDesired != nil && *x.leastDesired <= d.Desired, "≥ ", d.Desired)
	number("desired", x.mostDesired, x.mostDesired != nil && *x.mostDesired >= d.Desired, "≤ ", d.Desired)
	if code := deciding(d).Code; x.reason != "" && x.reason != code {
		differ("reason", string(x.reason), string(code))
	}
	if active := slices.Sorted(slices.Values(d.Rules)); x.checksRules && !slices.Equal(x.rules, active) {
		differ("rules", list(x.rules), list(active))
	}
	if x.why != nil && !slices.ContainsFunc(d.Reasons, func(r policy.Reason) bool { return x.why.MatchString(r.Detail) }) {
		differ("why", "one that matches "+x.why.String(), "none of those below")
	}
	return f, len(f.Differences) > 0
}

// deciding is the step that set the number: the last one that moved it, or the last
// one if none did.
func deciding(d policy.Decision) policy.Reason {
	for _, r := range slices.Backward(d.Reasons) {
		if r.From != r.To {
			return r
		}
	}
	if n := len(d.Reasons); n > 0 {
		return d.Reasons[n-1]
	}
	return policy.Reason{}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// String tells the failure: what it is about, what differs, and how the decision
// came about.
func (f Failure) String() string {
	var b strings.Builder
	b.WriteString(f.Message)
	for _, d := range f.Differences {
		fmt.Fprintf(&b, "\n    - %s: %s\n    + %s: %s", d.What, d.Want, d.What, d.Got)
	}
	if len(f.Differences) == 0 {
		return b.String()
	}
	load := fmt.Sprintf("a load of %g", f.Load.Value)
	if f.Load.Quality != policy.OK {
		load = fmt.Sprintf("a load that is %s: %s", f.Load.Quality, f.Load.Detail)
	}
	fmt.Fprintf(&b, "\n    decided from %d agents and %s", f.Decision.Current, load)
	for _, r := range f.Decision.Reasons {
		fmt.Fprintf(&b, "\n      %3d → %-3d %-17s %s", r.From, r.To, r.Code, r.Detail)
	}
	return b.String()
}
