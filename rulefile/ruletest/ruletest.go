// Package ruletest runs unit tests of rule files: what a pool should have at given
// instants, with given loads, events, overrides and agents.
//
// A test takes turns of the same loop as the daemon, on a clock of its own: the
// file's queries are evaluated by Prometheus' engine over the test's series, and an
// orchestrator in memory does what is decided. No network is used. The tests are
// files in the spirit of promtool's.
package ruletest

import (
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// A Loader reads the rule files and returns what the engine needs of them, but for
// the ports. Without a configuration the defaults count, without rule files those
// that the configuration names. An error is of type [strictyaml.Problems].
type Loader func(configuration string, ruleFiles []string, now time.Time) (*engine.Settings, error)

// Suite is a file of tests.
type Suite struct {
	File  string
	Tests []Test
}

// Test is one test, ready to run.
type Test struct {
	Name string
	Pos  strictyaml.Pos

	settings     *engine.Settings
	start        time.Time
	tick         time.Duration
	series       []series
	news         []news // by when they are told
	orchestrator contract
	expectations []expectation // by time; at least one
}

// news is an event that nobody knows before it is told.
type news struct {
	event policy.Event
	told  time.Time
}

// expectation is what is expected of a pool at the instant of a tick.
type expectation struct {
	at               time.Time
	pos              strictyaml.Pos
	pool             string
	current, desired *int
	leastDesired     *int
	mostDesired      *int
	reason           policy.Code // empty: any
	rules            []string    // sorted
	checksRules      bool
	why              *regexp.Regexp // nil: anything
}

// Expectations returns how many the test has.
func (t Test) Expectations() int { return len(t.expectations) }

// Load reads a file of tests and the rule files that it is about. An error is of
// type [strictyaml.Problems] and holds all that is wrong.
func Load(name string, load Loader) (Suite, error) {
	l := loader{load: load, dir: filepath.Dir(name)}
	s := Suite{File: name}
	data, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize)
	if err != nil {
		l.Add(strictyaml.Pos{File: name}, "%s", err)
		return s, l.Err()
	}
	s.Tests = l.suite(name, data)
	return s, l.Err()
}

// Select returns the tests whose name the expression matches.
func (s Suite) Select(name *regexp.Regexp) Suite {
	s.Tests = slices.DeleteFunc(slices.Clone(s.Tests), func(t Test) bool { return !name.MatchString(t.Name) })
	return s
}
