package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// Live reads as [Load] does, calendars by URL as well, and then asks Prometheus all
// that a daemon would ask. Answers that are of no use are among the warnings of the
// rules. It is one problem when Prometheus does not answer.
func Live(ctx context.Context, name string, getenv func(string) string, now time.Time) (config.Config, rulefile.Rules, error) {
	cfg, rules, err := Load(name, getenv, now, newCalendars(time.Now).fetch)
	if err != nil {
		return cfg, rules, err
	}
	var problems strictyaml.Problems
	source, err := promquery.New(promquery.Config{
		URL: cfg.Prometheus.URL, Timeout: cfg.Prometheus.Timeout, QueryLag: cfg.Prometheus.QueryLag, MaxAge: cfg.Prometheus.MaxSampleAge, HTTP: cfg.Prometheus.HTTP,
	}, promquery.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		problems.Add(cfg.Prometheus.At, "%s", err)
		return cfg, rules, problems
	}
	defer source.Close()
	if s := source.Sample(ctx, now, []policy.Signal{{Query: "vector(1)"}})[0]; s.Quality == policy.Error {
		problems.Add(cfg.Prometheus.At, "Prometheus at %s does not answer, so no query was tried: %s", cfg.Prometheus.URL, s.Detail)
		return cfg, rules, problems
	}
	l := live{source, cfg, now, &rules.Warnings}
	l.signals(ctx, rules.Queries)
	l.events(ctx, rules.Queries)
	return cfg, rules, nil
}

// live asks a Prometheus that answers.
type live struct {
	source   *promquery.Client
	cfg      config.Config
	now      time.Time
	warnings *strictyaml.Problems
}

// signals asks for what must be one number.
func (l live) signals(ctx context.Context, queries []rulefile.Query) {
	queries = slices.DeleteFunc(slices.Clone(queries), func(q rulefile.Query) bool { return q.Events })
	for _, h := range l.cfg.Hosts {
		what := "hosts: " + h.Resource + "_percent"
		if h.Group != "" {
			what = fmt.Sprintf("hosts %q: %s_percent", h.Group, h.Resource)
		}
		queries = append(queries, rulefile.Query{At: h.At, What: what, Signal: policy.Signal{Query: h.Query}})
	}
	signals := make([]policy.Signal, len(queries))
	for i, q := range queries {
		signals[i] = q.Signal
	}
	for i, s := range l.source.Sample(ctx, l.now, signals) {
		q := queries[i]
		switch {
		case s.Quality == policy.OK:
		case s.Quality == policy.Empty && len(q.Match) == 0:
			l.warnings.Add(q.At, "%s: the query gives no series; correct it or measure it", q.What)
		case s.Quality == policy.Empty:
			l.warnings.Add(q.At, "%s: %s%s; correct the query or its match, or measure it", q.What, s.Detail, l.instead(ctx, q.Signal))
		default:
			l.warnings.Add(q.At, "%s: %s", q.What, s.Detail)
		}
	}
}

const shown = 5 // values of a label, at most

// instead tells which values the labels have that were looked for.
func (l live) instead(ctx context.Context, s policy.Signal) string {
	series, err := l.ask(ctx, s.Query)
	if err != nil || len(series) == 0 {
		return ""
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Match)) {
		found := map[string]bool{}
		for _, one := range series {
			if value := one.Labels[name]; value != "" {
				found[value] = true
			}
		}
		values := slices.Sorted(maps.Keys(found))
		switch n := len(values); {
		case n == 0:
			fmt.Fprintf(&out, "; no series has a label %s", name)
		case n > shown:
			fmt.Fprintf(&out, "; %s is %s and %d others", name, strings.Join(values[:shown], ", "), n-shown)
		default:
			fmt.Fprintf(&out, "; %s is %s", name, strings.Join(values, ", "))
		}
	}
	return out.String()
}

// events asks for what makes events. None is as it should be, but there must be
// something to compare.
func (l live) events(ctx context.Context, queries []rulefile.Query) {
	for _, q := range queries {
		if !q.Events {
			continue
		}
		text, compared := operand(q.Query)
		series, err := l.ask(ctx, text)
		switch {
		case err != nil:
			l.warnings.Add(q.At, "%s: %s", q.What, err)
		case compared && len(series) == 0:
			l.warnings.Add(q.At, "%s: there is nothing to compare: %s gives no series; correct the query or measure it", q.What, text)
		case len(series) > 0 && !slices.ContainsFunc(series, func(s engine.Labeled) bool { return q.Concern(s.Labels) }):
			l.warnings.Add(q.At, "%s: none of its series concerns a pool that it is for: they are like %s; give them the labels of the pools, or none", q.What, labels.FromMap(series[0].Labels))
		}
	}
}

// ask returns all series of an answer.
func (l live) ask(ctx context.Context, query string) ([]engine.Labeled, error) {
	at := l.now.Add(-l.cfg.Prometheus.QueryLag).Truncate(time.Second)
	return l.source.RangeAll(ctx, engine.Range{Start: at, End: at, Step: time.Second}, query)
}

// operand returns what a query compares with a number, or the query itself.
func operand(query string) (text string, compared bool) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return query, false
	}
	for {
		paren, ok := expr.(*parser.ParenExpr)
		if !ok {
			break
		}
		expr = paren.Expr
	}
	if e, ok := expr.(*parser.BinaryExpr); ok && e.Op.IsComparisonOperator() {
		if _, number := e.RHS.(*parser.NumberLiteral); number {
			return e.LHS.String(), true
		}
		if _, number := e.LHS.(*parser.NumberLiteral); number {
			return e.RHS.String(), true
		}
	}
	return query, false
}
