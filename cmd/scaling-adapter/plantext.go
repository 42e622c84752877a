package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// writeText prints the report for people.
func (r planReport) writeText(w io.Writer) error {
	var b strings.Builder
	p := r.Plan
	fmt.Fprintf(&b, "from %s to %s, every %s\n", zoned(p.Start, r.zone()), zoned(p.End, r.zone()), short(p.Step))
	if r.compares() {
		r.writeChanges(&b)
	} else {
		for _, pool := range p.Pools {
			r.writePool(&b, pool)
		}
		r.writeSum(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r planReport) writeSum(b *strings.Builder) {
	if len(r.Plan.Pools) < 2 {
		return
	}
	hours, most, at := 0.0, 0, r.Plan.Start
	for i := range r.Plan.Pools[0].Points {
		sum := 0
		for _, p := range r.Plan.Pools {
			sum += p.Points[i].Decision.Desired
		}
		if sum > most {
			most, at = sum, r.Plan.Pools[0].Points[i].Decision.Time
		}
	}
	for _, p := range r.Plan.Pools {
		hours += p.AgentHours(r.Plan.Step)
	}
	fmt.Fprintf(b, "\nall %d pools: %s agent-hours, at most %d agents on %s\n", len(r.Plan.Pools), hoursText(hours), most, zoned(at, r.zone()))
}

// zone is that of all pools, UTC if they have several.
func (r planReport) zone() *time.Location {
	all := slices.Concat(r.Plan.Pools, r.Before.Pools)
	for _, p := range all {
		if p.Pool.Location.String() != all[0].Pool.Location.String() {
			return time.UTC
		}
	}
	if len(all) == 0 {
		return time.UTC
	}
	return all[0].Pool.Location
}

// writePool prints the plan of one pool: a row for each time in which something
// changes.
func (r planReport) writePool(b *strings.Builder, p engine.PoolPlan) {
	rows := r.rows(p)
	always := throughout(p)
	writePoolHead(b, p, r.Plan.Step, always)
	format := decimals(rows.largest())
	layout := layoutOf(p)
	own := percentage(p.Pool.Quantile)
	fmt.Fprintf(b, "  %-*s %9s %9s %7s %6s %8s  %s\n", len(layout), "from", "median", own, "agents", "floor", "ceiling", "why")
	for _, row := range rows {
		load := func(y float64) string {
			if math.IsNaN(y) {
				return "–"
			}
			return format(y)
		}
		fmt.Fprintf(b, "  %-*s %9s %9s %7d %6d %8d  %s\n", len(layout), row.start.Format(layout), load(row.median), load(row.planned), row.top.Decision.Desired, row.floor, row.ceiling, row.why(always))
	}
}

func writePoolHead(b *strings.Builder, p engine.PoolPlan, step time.Duration, always []string) {
	now := fmt.Sprintf("from base %d agents", p.Pool.Agents.Base)
	if p.Current.Known {
		now = fmt.Sprintf("from %d agents", p.Current.Agents)
	}
	fmt.Fprintf(b, "\n%s: %s, each for a load of %g, lead time %s; %s\n", p.Pool.Name, now, p.Pool.PerAgent, short(p.Pool.LeadTime), p.Pool.Location)
	if p.Fallback != "" {
		fmt.Fprintf(b, "  no forecast, %s: base agents and known effects\n", strings.ReplaceAll(plain(p.Fallback), "\n", "; "))
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(b, "  warning: %s\n", plain(warning.Error()))
	}
	if len(always) > 0 {
		fmt.Fprintf(b, "  active all the time: %s\n", strings.Join(always, ", "))
	}
	for _, change := range clockChanges(p.Points, p.Pool.Location) {
		fmt.Fprintf(b, "  %s\n", change)
	}
	most, at := peak(p)
	fmt.Fprintf(b, "  %s agent-hours, at most %d agents on %s\n", hoursText(p.AgentHours(step)), most, zoned(at, p.Pool.Location))
}

// peak returns the most agents of a plan and when they are first there.
func peak(p engine.PoolPlan) (most int, at time.Time) {
	for _, pt := range p.Points {
		if n := pt.Decision.Desired; n > most || at.IsZero() {
			most, at = n, pt.Decision.Time
		}
	}
	return most, at
}

// zoned is a time in a zone, with its name.
func zoned(t time.Time, zone *time.Location) string { return t.In(zone).Format("Mon 2 Jan 15:04 MST") }

func hoursText(hours float64) string { return strconv.FormatFloat(hours, 'f', 1, 64) }

// layoutOf is how the times of a pool's rows are written: with the name of the zone
// if that changes.
func layoutOf(p engine.PoolPlan) string {
	if len(clockChanges(p.Points, p.Pool.Location)) > 0 {
		return "Mon _2 Jan 15:04 MST"
	}
	return "Mon _2 Jan 15:04"
}

// clockChanges says when clocks are set during the plan.
func clockChanges(points []engine.PlanPoint, zone *time.Location) []string {
	var out []string
	for i := 1; i < len(points); i++ {
		before, now := points[i-1].Decision.Time.In(zone), points[i].Decision.Time.In(zone)
		_, was := before.Zone()
		_, is := now.Zone()
		if was == is {
			continue
		}
		at, _ := now.ZoneBounds()
		direction, by := "forward", time.Duration(is-was)*time.Second
		if by < 0 {
			direction, by = "back", -by
		}
		old := at.In(time.FixedZone(before.Format("MST"), was))
		out = append(out, fmt.Sprintf("clocks go %s by %s on %s: %s is %s", direction, short(by), at.Format("Mon 2 Jan"), old.Format("15:04 MST"), at.Format("15:04 MST")))
	}
	return out
}

// planRow is a stretch of a plan in which what people look at stays the same.
type planRow struct {
	start           time.Time
	top             engine.PlanPoint // the first with the most agents
	median, planned float64          // the largest
	floor, ceiling  int              // the highest and the lowest
	rules           []string         // active at some time
	events          []policy.Event   // the same
}

type planRows []planRow

// rows returns the stretches of the plan, of at least the report's length each.
// Those that say the same as the one before are left out.
func (r planReport) rows(p engine.PoolPlan) planRows {
	var rows planRows
	for i, pt := range p.Points {
		t := pt.Decision.Time.In(p.Pool.Location)
		if i == 0 || r.begins(p.Points[i-1].Decision.Time.In(p.Pool.Location), t) {
			rows = append(rows, planRow{start: t, top: pt, median: math.NaN(), planned: math.NaN(), ceiling: pt.Ceiling.Agents})
		}
		rows[len(rows)-1].add(pt)
	}
	var out planRows
	for _, row := range rows {
		if n := len(out); n > 0 && out[n-1].same(row) {
			out[n-1].median, out[n-1].planned = larger(out[n-1].median, row.median), larger(out[n-1].planned, row.planned)
			continue
		}
		out = append(out, row)
	}
	return out
}

// begins reports whether a row begins at t. Rows follow the wall clock. An hour that
// comes twice is two rows, if rows are that short.
func (r planReport) begins(before, t time.Time) bool {
	if wall(t)/r.Every != wall(before)/r.Every {
		return true
	}
	return wall(t) < wall(before) && r.Every <= time.Hour
}

func (row *planRow) add(pt engine.PlanPoint) {
	if pt.Decision.Desired > row.top.Decision.Desired {
		row.top = pt
	}
	row.median, row.planned = larger(row.median, pt.Load.Median), larger(row.planned, pt.Load.Planned)
	row.floor, row.ceiling = max(row.floor, pt.Floor.Agents), min(row.ceiling, pt.Ceiling.Agents)
	for _, name := range pt.Decision.Rules {
		if !slices.Contains(row.rules, name) {
			row.rules = append(row.rules, name)
		}
	}
	for _, e := range pt.Events {
		if !slices.ContainsFunc(row.events, func(known policy.Event) bool { return known.ID == e.ID }) {
			row.events = append(row.events, e)
		}
	}
}

// larger returns the larger number; one that is missing does not count.
func larger(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

func (row planRow) same(other planRow) bool {
	return row.top.Decision.Desired == other.top.Decision.Desired && row.floor == other.floor && row.ceiling == other.ceiling &&
		beyondDemand(row.top.Reason()) == beyondDemand(other.top.Reason()) &&
		slices.Equal(row.rules, other.rules) &&
		slices.EqualFunc(row.events, other.events, func(a, b policy.Event) bool { return a.ID == b.ID })
}

// beyondDemand returns what decided besides the demand, its pace and the pool's own
// bounds, which take turns while the agents stay.
func beyondDemand(r policy.Reason) policy.Code {
	switch r.Code {
	case policy.ReasonReactive, policy.ReasonForecast, policy.ReasonProfile, policy.ReasonPoolMin, policy.ReasonPoolMax:
		return ""
	}
	if pace(r) {
		return ""
	}
	return r.Code
}

// pace reports whether a reason slows down what the demand asks for.
func pace(r policy.Reason) bool {
	switch r.Code {
	case policy.ReasonSensitivity, policy.ReasonTolerance, policy.ReasonStabilization, policy.ReasonStepLimit, policy.ReasonCooldown:
		return true
	}
	return false
}

// why tells what decided, with the demand if that was only slowed down, the rules that are active besides those of all the time,
// and the events.
func (row planRow) why(always []string) string {
	decided := row.top.Reason()
	text := reasonText(decided)
	if pace(decided) {
		text = reasonText(row.top.Decision.Reasons[0]) + ", " + text
	}
	var rules []string
	for _, name := range row.rules {
		if !slices.Contains(always, name) && name != decided.Rule {
			rules = append(rules, name)
		}
	}
	if len(rules) > 0 {
		text += "; " + strings.Join(rules, ", ")
	}
	for _, e := range row.events {
		text += "  ● " + eventText(e)
	}
	return text
}

// reasonText is the code of a reason and the rule that it owes to.
func reasonText(r policy.Reason) string {
	return strings.TrimSpace(string(r.Code) + " " + r.Rule)
}

func eventText(e policy.Event) string {
	if e.Name == "" {
		return plain(e.Type)
	}
	return plain(e.Name)
}

func (rows planRows) largest() float64 {
	largest := 0.0
	for _, row := range rows {
		largest = larger(larger(largest, row.median), row.planned)
	}
	return largest
}

// throughout returns the rules that are active all the time.
func throughout(p engine.PoolPlan) []string {
	always := slices.Clone(p.Points[0].Decision.Rules)
	for _, pt := range p.Points {
		always = slices.DeleteFunc(always, func(name string) bool { return !slices.Contains(pt.Decision.Rules, name) })
	}
	return always
}
