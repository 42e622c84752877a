package rulefile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const (
	lookahead  = 400 * 24 * time.Hour     // in which what never happens is said to never happen
	farAhead   = 9 * 365 * 24 * time.Hour // two leap days
	clockAhead = 360 * 24 * time.Hour     // in which a change of the clock is told; each comes once in it
)

// review warns of what is valid and most likely not meant. A warning that may well be
// wrong is worse than none: nobody reads the others.
func (l *loader) review(parsed []file) {
	v := &reviewer{
		loader: l, parsed: parsed, year: newAlmanac(l.Now, lookahead), later: newAlmanac(l.Now.Add(lookahead), farAhead),
		byName: map[string]*subject{}, kinds: eventKinds(parsed),
	}
	v.collect()
	v.unused()
	v.ended()
	v.matches()
	v.sourcesOfNobody()
	for _, s := range v.subjects {
		v.never(s)
		v.slips(s)
		v.effect(s)
		v.bounds(s)
	}
	v.shadows()
	v.clockChanges()
	if sorted, ok := errors.AsType[strictyaml.Problems](l.warnings.Err()); ok {
		l.warnings = sorted // each once
	}
}

type reviewer struct {
	*loader
	parsed   []file
	subjects []*subject
	byName   map[string]*subject
	year     *almanac // from now on
	later    *almanac // after the year
	kinds    map[string]*eventKind
}

// subject is a rule, or a class of a budget as a rule without an effect.
type subject struct {
	policy.Rule
	what    string // what it is, for people
	written rule
	pools   []*policy.Pool   // that it is for; at least one
	names   map[string]bool  // of the pools
	zones   []*time.Location // of the pools, each once
	dead    bool             // it never holds, and that was told
	idle    map[string]bool  // bounds that never count, and that was told
	times   map[string]spans // when the clock lets it hold, by zone
}

// serves notes that the subject is for a pool.
func (s *subject) serves(p *policy.Pool) {
	s.pools, s.names[p.Name] = append(s.pools, p), true
	if !slices.ContainsFunc(s.zones, func(z *time.Location) bool { return z.String() == p.Location.String() }) {
		s.zones = append(s.zones, p.Location)
	}
}

// conditions calls do for what is given of when and unless, with how it is written.
func (s *subject) conditions(do func(key string, c policy.Condition, written condition)) {
	do("when", s.When, s.written.When)
	if s.Unless != nil {
		do("unless", *s.Unless, *s.written.Unless)
	}
}

// collect brings rules and classes together with how they are written, in the order
// of the files.
func (v *reviewer) collect() {
	add := func(key, what string, written rule) {
		s := &subject{what: what, written: written, names: map[string]bool{}, idle: map[string]bool{}, times: map[string]spans{}}
		v.subjects, v.byName[key] = append(v.subjects, s), s
	}
	for _, f := range v.parsed {
		for _, r := range f.Rules {
			add("rule "+r.Name, fmt.Sprintf("rule %q", r.Name), r)
		}
		for _, b := range f.Budgets {
			for i, c := range b.Classes {
				add(fmt.Sprintf("budget %s/%d", b.Name, i), fmt.Sprintf("budget %q: class %q", b.Name, c.Name), rule{Where: c.Where, Name: c.Name, When: c.When})
			}
		}
	}
	for i := range v.pools {
		p := &v.pools[i]
		note := func(key string, r policy.Rule) {
			if s := v.byName[key]; s != nil { // budgets without classes have one that nobody wrote
				s.Rule = r
				s.serves(&p.Pool)
			}
		}
		for _, r := range p.Rules {
			note("rule "+r.Name, r)
		}
		for _, b := range p.Budgets {
			for i, r := range b.When {
				note(fmt.Sprintf("budget %s/%d", b.Name, i), r)
			}
		}
	}
}

// unused warns of templates and time intervals that nobody names.
func (v *reviewer) unused() {
	templates, intervals := map[string]bool{}, map[string]bool{}
	for _, f := range v.parsed {
		for _, p := range f.Pools {
			templates[p.Template] = true
		}
	}
	for _, s := range v.subjects {
		s.conditions(func(_ string, c policy.Condition, _ condition) {
			for _, d := range c.During {
				intervals[d.Name] = true
			}
		})
	}
	for _, f := range v.parsed {
		for _, t := range f.Templates {
			if !templates[t.Name] {
				v.warn(t.At("name"), "no pool uses template %q; remove it or name it in a pool", t.Name)
			}
		}
		for _, n := range f.TimeIntervals {
			if !intervals[n.Name] {
				v.warn(n.At("name"), "no rule uses time interval %q; remove it or name it in during", n.Name)
			}
		}
	}
}

// ended warns of overrides and dates that are over.
func (v *reviewer) ended() {
	ends := map[string]time.Time{} // of sources
	for _, e := range v.events {
		if end := ends[e.Source]; e.End.After(end) {
			ends[e.Source] = e.End
		}
	}
	for _, f := range v.parsed {
		for _, s := range f.EventSources {
			if end := ends[s.Name]; len(s.Dates) > 0 && !end.After(v.Now) {
				v.warn(s.At("dates"), "event source %q has no dates to come; the last ended on %s", s.Name, end.Format(time.DateOnly))
			}
		}
		for _, o := range f.Overrides {
			if end, ok := v.instant(o.At("end"), o.End, v.zoneOf(o.Pool)); ok && !end.After(v.Now) {
				v.warn(o.At("end"), "override of pool %q ended on %s; remove it", o.Pool, end.Format("2006-01-02 15:04"))
			}
		}
	}
}

func (v *reviewer) zoneOf(pool string) *time.Location {
	for _, p := range v.pools {
		if p.Pool.Name == pool {
			return p.Pool.Location
		}
	}
	return time.UTC
}

// matches warns of labels that a query does not keep.
func (v *reviewer) matches() {
	for _, q := range v.queries {
		kept, known := keptLabels(q.Query)
		for _, name := range slices.Sorted(maps.Keys(q.Match)) {
			if known && !slices.Contains(kept, name) {
				v.warn(q.matchAt, "%s: no series has the label %s of match, since the query keeps %s; correct one of them", q.What, name, listed(kept))
			}
		}
	}
}

func listed(labels []string) string {
	if len(labels) == 0 {
		return "no labels"
	}
	return "only " + strings.Join(labels, ", ")
}

// keptLabels returns the labels that the series of an answer can have, if the query
// says so: an aggregation by labels, maybe with a number.
func keptLabels(query string) ([]string, bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	for err == nil {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.BinaryExpr:
			switch _, number := e.LHS.(*parser.NumberLiteral); {
			case number:
				expr = e.RHS
			default:
				if _, number = e.RHS.(*parser.NumberLiteral); !number {
					return nil, false
				}
				expr = e.LHS
			}
		case *parser.AggregateExpr:
			return e.Grouping, !e.Without && !keepsSeries(e.Op) && e.Op != parser.COUNT_VALUES
		default:
			return nil, false
		}
	}
	return nil, false
}

// sureLabels returns the labels that all series of an answer have with the values that
// the query asks for, as far as that is plain.
func sureLabels(query parser.Expr) map[string]string {
	switch e := query.(type) {
	case *parser.VectorSelector:
		sure := map[string]string{}
		for _, m := range e.LabelMatchers {
			if m.Type == labels.MatchEqual && m.Name != model.MetricNameLabel {
				sure[m.Name] = m.Value
			}
		}
		return sure
	case *parser.MatrixSelector:
		return sureLabels(e.VectorSelector)
	case *parser.ParenExpr:
		return sureLabels(e.Expr)
	case *parser.Call: // such as rate and max_over_time
		if len(e.Args) == 1 && e.Args[0].Type() == parser.ValueTypeMatrix && e.Func.Name != "absent_over_time" {
			return sureLabels(e.Args[0])
		}
	case *parser.BinaryExpr:
		switch {
		case e.LHS.Type() == parser.ValueTypeScalar:
			return sureLabels(e.RHS)
		case e.RHS.Type() == parser.ValueTypeScalar, e.Op == parser.LAND, e.Op == parser.LUNLESS:
			return sureLabels(e.LHS)
		}
	case *parser.AggregateExpr:
		sure := sureLabels(e.Expr)
		switch {
		case e.Op == parser.COUNT_VALUES: // sets a label
			return nil
		case !keepsSeries(e.Op):
			maps.DeleteFunc(sure, func(name, _ string) bool { return slices.Contains(e.Grouping, name) == e.Without })
		}
		return sure
	}
	return nil
}

// keepsSeries reports whether an aggregation picks some of the series.
func keepsSeries(op parser.ItemType) bool {
	return slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO}, op)
}

// never warns of conditions that do not come true for any pool.
func (v *reviewer) never(s *subject) {
	for _, p := range s.pools {
		if why, _ := v.hindrance(s, p); why == "" {
			return
		}
	}
	s.dead = true
	why, key := v.hindrance(s, s.pools[0])
	v.warn(s.written.At(key), "%s %s", s.what, why)
}

// hindrance tells why a condition does not come true for a pool, and which key says
// so; nothing if it may.
func (v *reviewer) hindrance(s *subject, p *policy.Pool) (why, key string) {
	if why, _ := v.contradiction(s.When, p); why != "" {
		return "never holds: " + why, "when"
	}
	if why := v.clockHindrance(s.When, p.Location); why != "" {
		return why, "when"
	}
	if s.Unless != nil && v.implies(s.When, *s.Unless, p.Location) {
		return "never holds: whenever its when does, its unless does, too; correct one of them", "unless"
	}
	return "", ""
}

// contradiction tells of a label that the events of a condition have and the pool has
// with another value, and which key asks for them; nothing if there is none.
func (v *reviewer) contradiction(c policy.Condition, p *policy.Pool) (why, key string) {
	for _, m := range c.Events {
		sure, which, key := m.Labels, "it asks for events with", "event"
		if query := v.queryOf(m); query != nil {
			sure, which, key = sureLabels(query), "its expr gives series with", "expr"
		}
		for _, name := range slices.Sorted(maps.Keys(sure)) {
			own, ok := p.Labels[name]
			if name == "pool" {
				own, ok = p.Name, true
			}
			if value := sure[name]; ok && value != "" && value != own {
				return fmt.Sprintf("%s %s=%s, which do not concern pool %q with its %s=%s; correct one of them", which, name, value, p.Name, name, own), key
			}
		}
	}
	return "", ""
}

// queryOf returns the query of an expression of a condition; nil if the events are
// others.
func (v *reviewer) queryOf(m policy.EventMatch) parser.Expr {
	i := slices.IndexFunc(v.exprs, func(x engine.Expr) bool { return x.Type == m.Type })
	if _, isExpr := m.Expr(); !isExpr || i < 0 {
		return nil
	}
	query, err := parser.NewParser(parser.Options{}).ParseExpr(v.exprs[i].Query)
	if err != nil {
		return nil // it is a problem already
	}
	return query
}

func (v *reviewer) clockHindrance(c policy.Condition, zone *time.Location) string {
	if len(v.year.condition(c, zone)) > 0 {
		return ""
	}
	var names []string
	for _, d := range c.During {
		names = append(names, d.Name)
	}
	if far := v.later.condition(c, zone); len(far) > 0 {
		return fmt.Sprintf("does not hold before %s, more than a year from now; correct its times or remove it until then", time.Unix(far[0].from, 0).In(zone).Format(time.DateOnly))
	}
	comes := func(find func(*almanac) spans) bool { return len(find(v.year)) > 0 || len(find(v.later)) > 0 }
	switch {
	case len(c.During) > 0 && !comes(func(a *almanac) spans { return a.during(c.During, zone) }):
		return fmt.Sprintf("never holds: time interval %s does not come again; correct its years, months or days, or remove it", strings.Join(names, ", "))
	case len(c.Months) > 0 && !comes(func(a *almanac) spans { return a.months(c.Months, zone) }):
		return "never holds: its months are none of 1 to 12; correct them"
	}
	return fmt.Sprintf("never holds: its months and time interval %s exclude each other; correct one of them", strings.Join(names, ", "))
}

// implies reports whether y holds whenever x does, within a year.
func (v *reviewer) implies(x, y policy.Condition, zone *time.Location) bool {
	return followEvents(y.Events, x.Events) && v.year.condition(x, zone).within(v.year.condition(y, zone))
}

// followEvents reports whether the outer events go on whenever the inner ones do.
func followEvents(outer, inner []policy.EventMatch) bool {
	return !slices.ContainsFunc(outer, func(o policy.EventMatch) bool {
		return !slices.ContainsFunc(inner, func(i policy.EventMatch) bool { return covers(o, i) })
	})
}

// covers reports whether each event that the inner one counts, the outer one counts
// at least as long.
func covers(outer, inner policy.EventMatch) bool {
	if inner.Type != outer.Type || inner.Lead > outer.Lead || inner.Tail > outer.Tail {
		return false
	}
	for name, value := range outer.Labels {
		if own, ok := inner.Labels[name]; !ok || own != value {
			return false
		}
	}
	return true
}

// effect warns of demands that change nothing. Those with an event keep its time out
// of what is learned, and in a group a factor of 1 stands against lesser ones.
func (v *reviewer) effect(s *subject) {
	d := s.Demand
	if d == nil {
		return
	}
	months, hours := true, true // are without effect
	for _, factor := range d.ByMonth {
		months = months && factor == 1
	}
	for h := 0; d.ByHour != nil && h < 24; h++ {
		hours = hours && d.ByHour[h] == 1
	}
	switch {
	case d.Multiply == 1 && d.Add == 0 && months && hours:
		if len(s.When.Events) == 0 && d.Group == "" {
			v.warn(s.written.At("demand"), "%s changes nothing: its factors are 1 and it adds nothing; remove it", s.what)
		}
	case months && d.ByMonth != nil:
		v.warn(s.written.Demand.At("by_month"), "%s: by_month has factors of 1 only; remove it", s.what)
	case hours && d.ByHour != nil:
		v.warn(s.written.Demand.At("by_hour"), "%s: by_hour has factors of 1 only; remove it", s.what)
	}
}
