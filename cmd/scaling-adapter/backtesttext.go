package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

// writeBacktestText prints a replay for people.
func writeBacktestText(w io.Writer, r backtest.Result) error {
	var b strings.Builder
	zone := r.Pools[0].Pool.Location
	for _, p := range r.Pools {
		if p.Pool.Location.String() != zone.String() {
			zone = time.UTC
		}
	}
	fmt.Fprintf(&b, "from %s to %s, every %s; loads are seen %s late, models fitted at least every %s\n",
		zoned(r.From, zone), zoned(r.To, zone), short(r.Tick), short(r.Lag), short(r.RefitEvery))
	for _, p := range r.Pools {
		limits := p.Pool.Agents
		fmt.Fprintf(&b, "\n%s: %d to %d agents, each for a load of %g, ready after %s; at most %.0f were needed\n", p.Pool.Name, limits.Min, limits.Max, p.Pool.PerAgent, short(p.Startup), p.Peak())
		writeOutcomes(&b, r, p.Ways, len(p.Budgets) > 0, false)
		for _, o := range p.Ways {
			writeAccuracy(&b, o)
		}
	}
	if len(r.Pools) > 1 {
		fmt.Fprintf(&b, "\nall %d pools\n", len(r.Pools))
		writeOutcomes(&b, r, r.Total, r.Budgeted(), r.MaxTotalAgents > 0)
	}
	b.WriteString("\nviolations of host limits are not known: what agents take of their hosts is not in the replay\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// writeOutcomes prints a row for each way to scale, never sorted: none of the numbers is
// good without the others.
func writeOutcomes(b *strings.Builder, r backtest.Result, ways []backtest.Outcome, budgets, total bool) {
	width := len("policy")
	for _, o := range ways {
		width = max(width, len(o.Way))
	}
	fmt.Fprintf(b, "  %-*s %11s %9s %11s %9s %9s %9s %9s %9s", width, "policy", "agent-hours", "τ_U", "actions/day", "too few", "θ_U", "θ_O", "τ_O", "υ")
	if budgets {
		fmt.Fprintf(b, " %11s", "over budget")
	}
	if total {
		fmt.Fprintf(b, " %14s", "over max total")
	}
	b.WriteByte('\n')
	for _, o := range ways {
		fmt.Fprintf(b, "  %-*s %11s %9s %11s %9s %9s %9s %9s %9s", width, o.Way, hoursText(o.AgentHours), shareText(o.UnderTime),
			strconv.FormatFloat(o.ActionsPerDay(r.Span), 'f', 1, 64), model.Duration(o.UnderFor), shareText(o.UnderShare), shareText(o.OverShare), shareText(o.OverTime), shareText(o.Instability))
		if budgets {
			fmt.Fprintf(b, " %11s", model.Duration(o.OverBudget))
		}
		if total {
			fmt.Fprintf(b, " %14s", model.Duration(o.OverTotal))
		}
		b.WriteByte('\n')
	}
}

func shareText(x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return strconv.FormatFloat(100*x, 'f', 2, 64) + " %"
}

func writeAccuracy(b *strings.Builder, o backtest.Outcome) {
	a := o.Accuracy
	if a == nil {
		return
	}
	mase := "–"
	if !math.IsNaN(a.MASE()) {
		mase = strconv.FormatFloat(a.MASE(), 'f', 3, 64)
	}
	fmt.Fprintf(b, "  %s: %d forecasts %s ahead: WAPE %s, MASE %s, pinball %s, %s of the loads at or below the quantile %g\n",
		o.Way, a.N(), short(a.Ahead), shareText(a.WAPE()), mase, shareText(a.MeanPinball()), shareText(a.Coverage()), a.Quantile)
}
