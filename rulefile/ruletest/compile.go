package ruletest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Bounds of what one test may ask for.
const (
	maxAgents = 1 << 20 // more than any pool has
	maxTicks  = 100_000 // a month at the usual interval
	maxValues = 500_000 // of a test's series
	maxSpan   = 31 * 24 * time.Hour
	shortest  = time.Second // interval of ticks and of series
	longest   = time.Hour
)

type loader struct {
	strictyaml.Problems
	load Loader
	dir  string // of the test file
}

func (l *loader) suite(name string, data []byte) []Test {
	var f file
	l.Problems = append(l.Problems, strictyaml.Decode(name, data, &f)...)
	switch {
	case f.Pos().Line == 0 && len(l.Problems) == 0:
		l.Add(strictyaml.Pos{File: name, Line: 1, Col: 1}, "the file is empty")
		return nil
	case len(l.Problems) > 0 && len(f.Tests) == 0:
		return nil
	}
	rules := l.ruleFiles(f)
	configuration := f.Config
	if configuration != "" {
		configuration = l.path(configuration)
	}
	switch {
	case len(f.RuleFiles) == 0 && f.Config == "":
		l.Add(f.At("rule_files"), "rule_files is missing, like [../nba.yml], or config, whose rule files count then")
	case len(f.Tests) == 0:
		l.Add(f.At("tests"), "tests is missing, like [{name: …, start: …, expect: […]}]")
	}
	names := map[string]strictyaml.Pos{}
	var tests []Test
	for _, t := range read(f.Tests) {
		switch first, taken := names[t.Name]; {
		case t.Name == "":
			l.Add(t.At("name"), "a test without a name")
		case taken:
			l.Add(t.At("name"), "test %q is already declared at %s", t.Name, first)
		default:
			names[t.Name] = t.At("name")
		}
		if !t.Has("start") || t.Start.instant.IsZero() {
			l.Add(t.At("start"), "test %q needs a start, an instant like 2026-11-12T18:00:00-05:00", t.Name)
			continue
		}
		tests = append(tests, l.test(t, l.settings(t, configuration, rules)))
	}
	return tests
}

// settings returns what the engine needs for a test; nil when that cannot be read.
func (l *loader) settings(t test, configuration string, rules []string) *engine.Settings {
	if configuration == "" && len(rules) == 0 {
		return nil
	}
	settings, err := l.load(configuration, rules, t.Start.instant)
	if problems, ok := errors.AsType[strictyaml.Problems](err); ok {
		l.Problems = append(l.Problems, problems...)
	} else if err != nil {
		l.Add(t.Pos(), "%s", err)
	}
	if err != nil {
		return nil
	}
	return settings
}

// read returns the items of a list that are what they should be; what is wrong with
// the others is told already.
func read[T interface{ Pos() strictyaml.Pos }](items []T) []T {
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool { return item.Pos().Line == 0 })
}

func (l *loader) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.dir, name)
}

// ruleFiles returns the files that the patterns match.
func (l *loader) ruleFiles(f file) []string {
	var files []string
	for _, pattern := range f.RuleFiles {
		matches, err := filepath.Glob(l.path(pattern))
		switch {
		case err != nil:
			l.Add(f.At("rule_files"), "%q is not a pattern: %s", pattern, err)
		case len(matches) == 0:
			l.Add(f.At("rule_files"), "no file matches %q", pattern)
		}
		files = append(files, matches...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// test makes a test of what is written. Without settings it is checked as far as
// that goes.
func (l *loader) test(t test, settings *engine.Settings) Test {
	c := compiler{loader: l, test: t, start: t.Start.instant, known: settings != nil}
	var s engine.Settings
	if settings != nil {
		s = *settings
	}
	c.pools = map[string]engine.Pool{}
	for _, p := range s.Pools {
		c.pools[p.Pool.Name] = p
	}
	out := Test{Name: t.Name, Pos: t.Pos(), settings: &s, start: c.start}
	out.tick = l.interval(t.Where, "tick", t.Tick, max(s.Interval, shortest))
	out.series = c.series()
	s.Events, out.news = c.events(s.Events)
	s.Overrides = slices.Concat(s.Overrides, c.overrides())
	out.orchestrator = c.orchestrator()
	out.expectations = c.expectations(out.tick, out.series)
	return out
}

// compiler makes one test.
type compiler struct {
	*loader
	test  test
	start time.Time
	pools map[string]engine.Pool // by name
	known bool                   // false: the rule files are wrong, so pools says nothing
}

// interval returns an interval that is written, or the usual one if none is.
func (l *loader) interval(w strictyaml.Where, key string, d model.Duration, usual time.Duration) time.Duration {
	if !w.Has(key) {
		return usual
	}
	if time.Duration(d) < shortest || time.Duration(d) > longest {
		l.Add(w.At(key), "%s must be between %s and %s, got %s", key, model.Duration(shortest), model.Duration(longest), d)
		return usual
	}
	return time.Duration(d)
}

// pool checks that there is such a pool.
func (c compiler) pool(at strictyaml.Pos, name string) {
	if _, ok := c.pools[name]; !ok && c.known {
		c.Add(at, "unknown pool %q; known are %s", name, known(c.pools))
	}
}

func known[T any](m map[string]T) string {
	if len(m) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}

func (c compiler) series() []series {
	usual := c.interval(c.test.Where, "interval", c.test.Interval, time.Minute)
	var out []series
	left := maxValues
	first, last := c.start, c.start
	for _, in := range read(c.test.InputSeries) {
		s := series{at: in.Pos(), text: in.Series, start: in.From.from(c.start), interval: c.interval(in.Where, "interval", in.Interval, usual)}
		repeat := 1
		if in.Has("repeat") {
			repeat = in.Repeat
		}
		if repeat < 1 {
			c.Add(in.At("repeat"), "repeat must be at least 1, got %d", repeat)
			continue
		}
		var err, bad error
		if s.labels, err = parseLabels(in.Series); err != nil {
			c.Add(in.At("series"), "%s", err)
		}
		if s.values, bad = parseValues(in.Values, repeat, left); bad != nil {
			c.Add(in.At("values"), "%s", bad)
		}
		if err != nil || bad != nil {
			continue
		}
		left -= len(s.values)
		if s.start.Before(first) {
			first = s.start
		}
		if s.end().After(last) {
			last = s.end()
		}
		if last.Sub(first) > maxSpan {
			c.Add(in.Pos(), "the series are from %s to %s, more than %s", first.Format(time.RFC3339), last.Format(time.RFC3339), model.Duration(maxSpan))
			break
		}
		for _, other := range out {
			if labels.Equal(other.labels, s.labels) && !other.start.After(s.end()) && !s.start.After(other.end()) {
				c.Add(in.Pos(), "the series overlaps the one at %s", other.at)
			}
		}
		out = append(out, s)
	}
	return out
}

// events returns the events that are known from the start, with those of the rule
// files, and those that are told later.
func (c compiler) events(ofRules []policy.Event) (all []policy.Event, later []news) {
	all = slices.Clone(ofRules)
	for i, e := range read(c.test.Events) {
		ev := policy.Event{
			ID: fmt.Sprintf("test/%d", i+1), Type: e.Type, Name: e.Name, Labels: e.Labels, Source: "test",
			Start: e.Start.from(c.start), End: e.End.from(c.start),
		}
		switch {
		case e.Type == "":
			c.Add(e.At("type"), "an event needs a type, like game")
		case !e.Has("start") || !e.Has("end"):
			c.Add(e.Pos(), "an event needs start and end, like 30m or 2026-11-12T19:00:00-05:00")
		case ev.End.Before(ev.Start):
			c.Add(e.At("end"), "the event ends before it starts")
		case c.known && !slices.ContainsFunc(slices.Collect(maps.Values(c.pools)), func(p engine.Pool) bool { return p.Pool.Concerns(ev) }):
			c.Add(e.At("labels"), "the event concerns no pool: each has another value of a label")
		}
		if told := e.Told.from(c.start); told.After(c.start) {
			later = append(later, news{ev, told})
			continue
		}
		all = append(all, ev)
	}
	slices.SortStableFunc(all, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	slices.SortStableFunc(later, func(a, b news) int { return a.told.Compare(b.told) })
	return all, later
}

func (c compiler) overrides() []policy.Override {
	var out []policy.Override
	for i, o := range read(c.test.Overrides) {
		order := policy.Order{Min: o.Min, Max: o.Max, Exact: o.Exact, Hold: o.Hold, Disable: o.Disable, Mode: policy.Mode(o.Mode)}
		for _, problem := range order.Problems() {
			c.Add(o.Pos(), "override: %s", problem)
		}
		made := order.Override()
		made.ID, made.Pool = fmt.Sprintf("test/%d", i+1), o.Pool
		made.Author, made.Reason = cmp.Or(o.Author, "nobody"), cmp.Or(o.Reason, "no reason given")
		made.Start, made.End = o.Start.from(c.start), o.End.from(c.start)
		c.pool(o.At("pool"), o.Pool)
		switch {
		case !o.Has("end"):
			c.Add(o.Pos(), "an override needs an end, like 2h or 2026-11-12T23:00:00-05:00")
		case !made.Start.Before(made.End):
			c.Add(o.At("end"), "the override does not end after its start")
		}
		out = append(out, made)
	}
	return out
}

// agents checks a number of agents; nil is none.
func (c compiler) agents(at strictyaml.Pos, what string, n *int) {
	if n != nil && (*n < 0 || *n > maxAgents) {
		c.Add(at, "%s must be between 0 and %d, got %d", what, maxAgents, *n)
	}
}

func (c compiler) orchestrator() contract {
	out := contract{kind: cmp.Or(kind(c.test.Orchestrator), prompt), delay: time.Duration(c.test.OrchestratorDelay), agents: map[string]int{}}
	switch out.kind {
	case prompt, frozen, down:
	default:
		c.Add(c.test.At("orchestrator"), "orchestrator must be prompt, frozen or down, got %q", c.test.Orchestrator)
	}
	if out.delay != 0 && out.kind != prompt {
		c.Add(c.test.At("orchestrator_delay"), "an orchestrator that is %s has no delay", out.kind)
	}
	for name, p := range c.pools {
		out.agents[name] = p.Pool.Agents.Base
	}
	for name, n := range c.test.Current {
		c.pool(c.test.At("current"), name)
		c.agents(c.test.At("current"), "current of "+name, &n)
		out.agents[name] = n
	}
	return out
}

func (c compiler) expectations(tick time.Duration, input []series) []expectation {
	last := c.start.Add(maxTicks * tick)
	seriesEnd := time.Time{}
	for _, s := range input {
		if s.end().After(seriesEnd) {
			seriesEnd = s.end()
		}
	}
	if len(c.test.Expect) == 0 {
		c.Add(c.test.At("expect"), "test %q expects nothing", c.test.Name)
	}
	var out []expectation
	for _, e := range read(c.test.Expect) {
		made := expectation{
			at: e.When.from(c.start), pos: e.Pos(), pool: e.Pool,
			current: e.Current, desired: e.Desired, leastDesired: e.MinDesired, mostDesired: e.MaxDesired,
			reason: policy.Code(e.Reason), rules: slices.Sorted(slices.Values(e.Rules)), checksRules: e.Has("rules"), why: c.why(e),
		}
		switch after := made.at.Sub(c.start); {
		case !e.Has("at"):
			c.Add(e.Pos(), "an expectation needs at, like 30m or 2026-11-12T19:00:00-05:00")
		case after < 0:
			c.Add(e.At("at"), "at is %s before the start", model.Duration(-after))
		case after%tick != 0 && (c.known || c.test.Has("tick")):
			c.Add(e.At("at"), "at is between two ticks, which are every %s from the start", model.Duration(tick))
		case len(input) > 0 && made.at.After(seriesEnd):
			c.Add(e.At("at"), "at is %s after the start, and the last value of the series %s; missing values are written _x60", model.Duration(after), model.Duration(seriesEnd.Sub(c.start)))
		case made.at.After(last):
			c.Add(e.At("at"), "at is more than %d ticks after the start", maxTicks)
		}
		c.pool(e.At("pool"), e.Pool)
		c.checks(e)
		out = append(out, made)
	}
	slices.SortStableFunc(out, func(a, b expectation) int { return a.at.Compare(b.at) })
	return out
}

func (c compiler) why(e expect) *regexp.Regexp {
	if e.Why == "" {
		return nil
	}
	re, err := regexp.Compile(e.Why)
	if err != nil {
		c.Add(e.At("why"), "not a regular expression: %s", err)
	}
	return re
}

// checks reports an expectation that any decision would meet, or none.
func (c compiler) checks(e expect) {
	some := false
	for _, key := range []string{"current", "desired", "min_desired", "max_desired", "reason", "rules", "why"} {
		some = some || e.Has(key)
	}
	switch {
	case !some:
		c.Add(e.Pos(), "nothing is expected; add desired, min_desired, max_desired, current, reason, rules or why")
	case e.Desired != nil && (e.MinDesired != nil || e.MaxDesired != nil):
		c.Add(e.At("desired"), "give desired, or min_desired and max_desired, not both")
	case e.MinDesired != nil && e.MaxDesired != nil && *e.MinDesired > *e.MaxDesired:
		c.Add(e.At("min_desired"), "min_desired %d > max_desired %d", *e.MinDesired, *e.MaxDesired)
	}
	p, ok := c.pools[e.Pool]
	if !ok {
		return
	}
	concern := map[string]bool{}
	for _, r := range p.Rules {
		concern[r.Name] = true
	}
	for _, name := range e.Rules {
		if !concern[name] {
			c.Add(e.At("rules"), "pool %q has no rule %q; its rules are %s", e.Pool, name, known(concern))
		}
	}
}
