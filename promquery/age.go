package promquery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// ages says how to ask when the samples behind a query's values were taken. An
// instant query alone does not tell: it hides samples' ages of up to five
// minutes.
type ages struct {
	queries []string
	// perSeries: the only query answers with the labels of the series that it
	// dates. Otherwise each query answers with one value for all of them, and
	// the oldest counts.
	perSeries bool
}

// agesOf derives the queries from the selectors of a query. Of several series
// behind one value the newest sample counts: one that ended is not in the
// value. A query without selectors has no queries: it is as old as its
// evaluation. Offsets are meant, so they do not make a sample old.
func agesOf(query string) (ages, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return ages{}, fmt.Errorf("not PromQL: %w", err)
	}
	if text, ok := seriesAge(expr); ok {
		return ages{[]string{text}, true}, nil
	}
	var out ages
	for _, s := range selectorsOf(expr) {
		text := fmt.Sprintf("max(%s)", timestampOf(s))
		if !slices.Contains(out.queries, text) {
			out.queries = append(out.queries, text)
		}
	}
	return out, nil
}

// seriesAge dates each series by itself: that of a selector, of an aggregation
// over one selector, and of either combined with numbers.
func seriesAge(expr parser.Expr) (string, bool) {
	switch e := expr.(type) {
	case *parser.ParenExpr:
		return seriesAge(e.Expr)
	case *parser.UnaryExpr:
		return seriesAge(e.Expr)
	case *parser.BinaryExpr:
		switch {
		case isNumber(e.LHS):
			return seriesAge(e.RHS)
		case isNumber(e.RHS):
			return seriesAge(e.LHS)
		}
	case *parser.VectorSelector:
		return timestampOf(e), e.Timestamp == nil
	case *parser.AggregateExpr:
		selectors := selectorsOf(e.Expr)
		if len(selectors) != 1 || relabels(e.Expr) || selectsSeries(e.Op) {
			return "", false
		}
		grouping := "by"
		if e.Without {
			grouping = "without"
		}
		return fmt.Sprintf("max %s (%s) (%s)", grouping, strings.Join(e.Grouping, ", "), timestampOf(selectors[0])), true
	}
	return "", false
}

func isNumber(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return true
	case *parser.ParenExpr:
		return isNumber(e.Expr)
	case *parser.UnaryExpr:
		return isNumber(e.Expr)
	}
	return false
}

// selectsSeries reports whether an aggregation keeps some of its series as they
// are, or makes up labels.
func selectsSeries(op parser.ItemType) bool {
	return slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.COUNT_VALUES, parser.LIMITK, parser.LIMIT_RATIO}, op)
}

// relabels reports whether an expression changes labels.
func relabels(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if call, ok := n.(*parser.Call); ok && slices.Contains([]string{"label_replace", "label_join", "absent", "absent_over_time", "histogram_quantile"}, call.Func.Name) {
			found = true
		}
		return nil
	})
	return found
}

// selectorsOf returns the selectors that follow the evaluation time.
func selectorsOf(expr parser.Expr) []*parser.VectorSelector {
	var out []*parser.VectorSelector
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok && s.Timestamp == nil {
			out = append(out, s)
		}
		return nil
	})
	return out
}

// timestampOf asks for the time of the samples that a selector finds, moved by
// its offset to when they are meant for.
func timestampOf(s *parser.VectorSelector) string {
	text := fmt.Sprintf("timestamp(%s)", s)
	if s.OriginalOffset != 0 {
		text += fmt.Sprintf(" + %g", s.OriginalOffset.Seconds())
	}
	return text
}
