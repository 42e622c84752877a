// Package rulefile reads rule files: the pools, the rules that move them, the
// schedules and the calendars. It turns them into values of policy and engine,
// or reports all that is wrong with them, each with its place.
//
// All files together are one set: a rule may use a time interval of another
// file, and a name is taken only once.
package rulefile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Options are what the process knows and rule files do not say.
type Options struct {
	Now            time.Time
	History        time.Duration // events that ended longer ago are left out
	ForecastMaxAge time.Duration
	// Fetch returns the calendar of an event source at a URL, also a last good copy
	// besides an error. Nil:
	// calendars by URL are not read.
	Fetch func(source, url string) ([]byte, error)

	// For pools that do not say otherwise.
	Mode        policy.Mode
	LeadTime    time.Duration
	Quantile    float64
	Sensitivity float64
}

// ahead is how far calendars are read into the future. Whoever runs longer
// loads the files again.
const ahead = 60 * 24 * time.Hour

// Rules are what a set of rule files says.
type Rules struct {
	Pools     []engine.Pool  // sorted by name
	Events    []policy.Event // sorted by start
	Exprs     []engine.Expr  // queries that make events
	Overrides []policy.Override
	Places    map[string]strictyaml.Pos // of rules, by name
	Queries   []Query                   // all that Prometheus is asked
	Warnings  strictyaml.Problems       // what is allowed and most likely not meant
	Files     []string                  // that were read, calendars included
	Hash      string                    // of all that was read
}

// MinAgents returns the sum of the pools' least agents.
func (r Rules) MinAgents() int {
	sum := 0
	for _, p := range r.Pools {
		sum += p.Pool.Agents.Min
	}
	return sum
}

// IsRuleFile reports whether a document says what rule files say, as opposed to
// the configuration of the process.
func IsRuleFile(data []byte) bool {
	return slices.ContainsFunc(strictyaml.Keys(data), func(key string) bool {
		return slices.Contains([]string{"time_intervals", "event_sources", "templates", "pools", "rules", "budgets", "overrides"}, key)
	})
}

// Load reads the files as one set. An error is of type [strictyaml.Problems]
// and holds all that is wrong; then the rules are not to be used.
func Load(files []string, o Options) (Rules, error) {
	l := loader{Options: o, hash: sha256.New(), names: map[string]strictyaml.Pos{}, places: map[string]strictyaml.Pos{}, intervals: map[string]policy.Schedule{}, templates: map[string]pool{}}
	files = slices.Sorted(slices.Values(files))
	parsed := make([]file, len(files))
	for i, name := range files {
		data, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize)
		if err != nil {
			l.Add(strictyaml.Pos{File: name}, "%s", err)
			continue
		}
		l.note(name, data)
		l.Problems = append(l.Problems, strictyaml.Decode(name, data, &parsed[i])...)
	}
	for _, f := range parsed {
		l.schedules(f.TimeIntervals)
	}
	for _, f := range parsed {
		l.shared(f)
	}
	for i, f := range parsed {
		l.sources(f.EventSources, filepath.Dir(files[i]))
		for _, p := range f.Pools {
			known := len(l.Problems)
			full := l.completed(p)
			missing := len(l.Problems) > known
			known = len(l.Problems)
			l.pool(full)
			if missing { // what the pool lacks may be in the template that is not there
				l.Problems = l.Problems[:known]
			}
		}
	}
	slices.SortFunc(l.pools, func(a, b engine.Pool) int { return strings.Compare(a.Pool.Name, b.Pool.Name) })
	for _, f := range parsed {
		for _, r := range f.Rules {
			l.rule(r)
		}
		for _, b := range f.Budgets {
			l.budget(b)
		}
		for _, o := range f.Overrides {
			l.override(o)
		}
	}
	slices.SortStableFunc(l.events, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	if len(l.pools) == 0 && len(l.Problems) == 0 {
		l.Add(strictyaml.Pos{File: strings.Join(files, ", ")}, "no pool is declared")
	}
	if len(l.Problems) == 0 {
		l.queries = l.asked(parsed)
		l.review(parsed)
	}
	return Rules{Pools: l.pools, Events: l.events, Exprs: l.exprs, Overrides: l.overrides, Places: l.places, Queries: l.queries, Warnings: l.warnings, Files: append(files, l.files...), Hash: hex.EncodeToString(l.hash.Sum(nil))}, l.Err()
}

type loader struct {
	Options
	strictyaml.Problems
	hash      hash.Hash
	names     map[string]strictyaml.Pos // kind and name → where it was declared
	intervals map[string]policy.Schedule
	defaults  *pool
	templates map[string]pool
	pools     []engine.Pool
	events    []policy.Event
	exprs     []engine.Expr
	overrides []policy.Override
	places    map[string]strictyaml.Pos
	queries   []Query
	warnings  strictyaml.Problems
	files     []string // calendars
}

func (l *loader) warn(at strictyaml.Pos, format string, args ...any) {
	l.warnings.Add(at, format, args...)
}

// note adds what was read to the hash.
func (l *loader) note(name string, data []byte) {
	fmt.Fprintf(l.hash, "%d %s %d ", len(name), name, len(data))
	l.hash.Write(data)
}

// name checks that something has a name of its own and reports whether it has.
func (l *loader) name(kind, name string, w strictyaml.Where) bool {
	if name == "" {
		l.Add(w.At("name"), "%s without a name", kind)
		return false
	}
	if !nameSyntax.MatchString(name) {
		l.Add(w.At("name"), "%s %q: a name has at most 63 letters, digits, dots, dashes and underscores, a letter or digit first", kind, name)
		return false
	}
	if first, taken := l.names[kind+" "+name]; taken {
		l.Add(w.At("name"), "%s %q is already declared at %s", kind, name, first)
		return false
	}
	l.names[kind+" "+name] = w.At("name")
	return true
}

var nameSyntax = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`)

// location returns the zone that is named; UTC when none is.
func (l *loader) location(w strictyaml.Where, name string) *time.Location {
	if name == "" {
		return time.UTC
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		l.Add(w.At("location"), "unknown zone %q; expected a name of the tz database like America/New_York", name)
		return time.UTC
	}
	return zone
}

func (l *loader) schedules(intervals []namedInterval) {
	for _, n := range intervals {
		if !l.name("time interval", n.Name, n.Where) {
			continue
		}
		if len(n.TimeIntervals) == 0 {
			l.Add(n.At("time_intervals"), "time interval %q has no time_intervals", n.Name)
		}
		l.intervals[n.Name] = policy.Schedule{Name: n.Name, Intervals: n.TimeIntervals}
	}
}
