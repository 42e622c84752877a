package rulefile

import (
	"fmt"
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
}

// asked returns the queries of valid files in their order.
func (l *loader) asked(parsed []file) []Query {
	var out []Query
	for _, f := range parsed {
		for _, s := range f.EventSources {
			if s.Has("expr") {
				out = append(out, Query{At: s.Expr.At("query"), What: fmt.Sprintf("event source %q", s.Name), Signal: policy.Signal{Query: s.Expr.Query}, Events: true})
			}
		}
		for _, p := range f.Pools {
			p = l.completed(p)
			out = append(out, Query{
				At: p.Load.At("query"), matchAt: p.Load.At("match"),
				What: fmt.Sprintf("pool %q: load", p.Name), Signal: policy.Signal{Query: p.Load.Query, Match: p.Load.Match},
			})
			if c := p.Current; c != nil {
				out = append(out, Query{
					At: c.At("query"), matchAt: c.At("match"),
					What: fmt.Sprintf("pool %q: current", p.Name), Signal: policy.Signal{Query: c.Query, Match: c.Match},
				})
			}
		}
		for _, b := range f.Budgets {
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
