package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Query is what rule files ask Prometheus.
type Query struct {
	At   strictyaml.Pos // of its text
	What string         // what it is for, for people
	policy.Signal
	// Events says that each series of the answer is an event while it is not 0, so
	// that there may be none or several. Otherwise there is one.
	Events bool

	matchAt strictyaml.Pos
	labels  map[string]string // of the events besides those of the series
	pools   []policy.Pool     // that the events are for
}

// Concern reports whether an event of a series with these labels would concern a pool
// that it is for.
func (q Query) Concern(series map[string]string) bool {
	all := map[string]string{}
	maps.Copy(all, series)
	maps.Copy(all, q.labels)
	return slices.ContainsFunc(q.pools, func(p policy.Pool) bool { return p.Concerns(policy.Event{Labels: all}) })
}

// asked returns the queries of valid files in their order.
func (l *loader) asked(parsed []file) []Query {
	var out []Query
	known := map[string]int{} // expressions of conditions → their place in out, each once
	condition := func(what string, c condition, pools map[string]string) {
		if !c.Has("expr") {
			return
		}
		typ := c.Expr.eventType()
		if _, ok := known[typ]; !ok {
			known[typ] = len(out)
			out = append(out, Query{At: c.Expr.At("query"), What: what + ": expr", Signal: policy.Signal{Query: c.Expr.Query}, Events: true})
		}
		q := &out[known[typ]]
		q.pools = append(q.pools, l.selected(pools)...)
	}
	for _, f := range parsed {
		for _, s := range f.EventSources {
			if s.Has("expr") {
				out = append(out, Query{At: s.Expr.At("query"), What: fmt.Sprintf("event source %q", s.Name), Signal: policy.Signal{Query: s.Expr.Query}, Events: true, labels: s.Event.Labels, pools: l.selected(nil)})
			}
		}
		for _, p := range f.Pools {
			p = l.completed(p)
			out = append(out, Query{
				At: p.Load.At("query"), matchAt: p.Load.At("match"),
				What: fmt.Sprintf("pool %q: load", p.Name), Signal: policy.Signal{Query: p.Load.Query, Match: p.Load.Match},
			})
			if p.Load.Has("completeness") {
				out = append(out, Query{
					At: p.Load.At("completeness"), matchAt: p.Load.At("completeness"),
					What: fmt.Sprintf("pool %q: completeness", p.Name), Signal: policy.Signal{Query: p.Load.Completeness, Match: p.Load.Match},
				})
			}
			if c := p.Current; c != nil {
				out = append(out, Query{
					At: c.At("query"), matchAt: c.At("match"),
					What: fmt.Sprintf("pool %q: current", p.Name), Signal: policy.Signal{Query: c.Query, Match: c.Match},
				})
			}
		}
		for _, r := range f.Rules {
			condition(fmt.Sprintf("rule %q", r.Name), r.When, r.Pools)
			if r.Unless != nil {
				condition(fmt.Sprintf("rule %q", r.Name), *r.Unless, r.Pools)
			}
		}
		for _, b := range f.Budgets {
			for _, c := range b.Classes {
				condition(fmt.Sprintf("budget %q: class %q", b.Name, c.Name), c.When, b.Pools)
			}
			for _, p := range l.pools {
				if selects(b.Pools, p.Pool) {
					out = append(out, Query{
						At: b.At("used"), matchAt: b.At("used"), What: fmt.Sprintf("budget %q of pool %q", b.Name, p.Pool.Name),
						Signal: policy.Signal{Query: strings.ReplaceAll(b.Used, "$window", "1h"), Match: p.Load.Match},
					})
				}
			}
		}
	}
	return out
}

// selected returns the pools that have all the labels.
func (l *loader) selected(labels map[string]string) []policy.Pool {
	var out []policy.Pool
	for _, p := range l.pools {
		if selects(labels, p.Pool) {
			out = append(out, p.Pool)
		}
	}
	return out
}
