package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// planChange is a time in which two plans of a pool differ.
type planChange struct {
	Start, End    time.Time
	Before, After planSide
	More          int           // agents, added up over all instants
	Why           policy.Reason // of the plan where the agents differ most; zero where they do not
}

// planSide is one of two plans during a change. Where the pool is not there, it has no
// agents, and neither floor nor ceiling.
type planSide struct {
	Least, Most    int // agents
	Floor, Ceiling int
}

// sideOf is one instant of a plan; nil: the pool is not there.
func sideOf(p *engine.PoolPlan, i int) planSide {
	if p == nil {
		return planSide{}
	}
	pt := p.Points[i]
	return planSide{pt.Decision.Desired, pt.Decision.Desired, pt.Floor.Agents, pt.Ceiling.Agents}
}

// over is a side for as long as both.
func (s planSide) over(other planSide) planSide {
	s.Least, s.Most = min(s.Least, other.Least), max(s.Most, other.Most)
	return s
}

// changes returns the times in which agents, floor or ceiling differ, each as they
// differ in the same way. Times in which the agents differ that are less than a row of
// the report apart are one.
func (r planReport) changes(before, after *engine.PoolPlan) []planChange {
	some := after
	if some == nil {
		some = before
	}
	var out []planChange
	var last difference
	farthest := 0 // of the agents in the last change
	unlike := r.unlike(before, after, len(some.Points))
	for i, pt := range some.Points {
		b, a := sideOf(before, i), sideOf(after, i)
		way := difference{agents: unlike[i], floor: pairOf(b.Floor, a.Floor), ceiling: pairOf(b.Ceiling, a.Ceiling)}
		if way == (difference{}) {
			last = way
			continue
		}
		if way != last {
			out = append(out, planChange{Start: pt.Decision.Time, Before: b, After: a})
			last, farthest = way, -1
		}
		c := &out[len(out)-1]
		more := a.Most - b.Most
		c.End = pt.Decision.Time.Add(r.Plan.Step)
		c.Before, c.After = c.Before.over(b), c.After.over(a)
		c.More += more
		if distance := max(more, -more); distance > farthest && way.agents {
			farthest, c.Why = distance, pt.Reason()
		}
	}
	return out
}

// difference is how two plans of a pool differ; the zero difference says that they do
// not.
type difference struct {
	agents         bool
	floor, ceiling [2]int // before and after; zero if they are the same
}

func pairOf(before, after int) [2]int {
	if before == after {
		return [2]int{}
	}
	return [2]int{before, after}
}

// unlike tells of each of n instants whether the agents differ, or do so shortly before
// and after.
func (r planReport) unlike(before, after *engine.PoolPlan, n int) []bool {
	out := make([]bool, n)
	last := -1
	for i := range out {
		if sideOf(before, i).Most == sideOf(after, i).Most {
			continue
		}
		if last >= 0 && time.Duration(i-last-1)*r.Plan.Step < r.Every {
			for k := last + 1; k < i; k++ {
				out[k] = true
			}
		}
		out[i], last = true, i
	}
	return out
}

func (r planReport) writeChanges(b *strings.Builder) {
	fmt.Fprintf(b, "compared with %s\n", strings.Join(r.Old, ", "))
	var was, is float64
	changed := 0
	for _, name := range r.names() {
		before, after := poolOf(r.Before, name), poolOf(r.Plan, name)
		w, n := r.hours(before), r.hours(after)
		was, is = was+w, is+n
		changes := r.changes(before, after)
		if len(changes) > 0 {
			changed++
		}
		switch {
		case before == nil:
			fmt.Fprintf(b, "\n%s: a new pool, ", name)
		case after == nil:
			fmt.Fprintf(b, "\n%s: gone, ", name)
		case len(changes) == 0:
			fmt.Fprintf(b, "\n%s: nothing changes, %s agent-hours\n", name, hoursText(n))
			continue
		default:
			fmt.Fprintf(b, "\n%s: ", name)
		}
		some := after
		if some == nil {
			some = before
		}
		fmt.Fprintf(b, "%s; %s\n", hoursChange(w, n), some.Pool.Location)
		for _, p := range []*engine.PoolPlan{before, after} {
			if p != nil && p.Fallback != "" {
				fmt.Fprintf(b, "  no forecast, %s: base agents and known effects\n", strings.ReplaceAll(plain(p.Fallback), "\n", "; "))
				break
			}
		}
		r.writeChangeTable(b, changes, some)
	}
	switch {
	case len(r.names()) < 2:
	case changed == 0:
		fmt.Fprintf(b, "\nnothing changes\n")
	default:
		fmt.Fprintf(b, "\ntogether: %s\n", hoursChange(was, is))
	}
}

func (r planReport) writeChangeTable(b *strings.Builder, changes []planChange, p *engine.PoolPlan) {
	layout := layoutOf(*p)
	fmt.Fprintf(b, "  %-*s  %-*s %15s %11s %11s %12s  %s\n", len(layout), "from", len(layout), "to", "agents", "floor", "ceiling", "agent-hours", "why")
	for _, c := range changes {
		at := func(t time.Time) string { return t.In(p.Pool.Location).Format(layout) }
		line := fmt.Sprintf("  %s  %s %15s %11s %11s %12s  %s", at(c.Start), at(c.End),
			arrow(agentsText(c.Before), agentsText(c.After)), arrow(strconv.Itoa(c.Before.Floor), strconv.Itoa(c.After.Floor)),
			arrow(strconv.Itoa(c.Before.Ceiling), strconv.Itoa(c.After.Ceiling)), signedHours(r.agentHours(c)), reasonText(c.Why))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// agentHours are those that a change adds.
func (r planReport) agentHours(c planChange) float64 { return float64(c.More) * r.Plan.Step.Hours() }

func (r planReport) hours(p *engine.PoolPlan) float64 {
	if p == nil {
		return 0
	}
	return p.AgentHours(r.Plan.Step)
}

func agentsText(s planSide) string {
	if s.Least == s.Most {
		return strconv.Itoa(s.Most)
	}
	return fmt.Sprintf("%d–%d", s.Least, s.Most)
}

// arrow tells a change, and what stays once.
func arrow(before, after string) string {
	if before == after {
		return after
	}
	return before + " → " + after
}

func hoursChange(before, after float64) string {
	text := fmt.Sprintf("%s → %s agent-hours (%s", hoursText(before), hoursText(after), signedHours(after-before))
	if before > 0 {
		text += ", " + signed(after/before-1)
	}
	return text + ")"
}

// signedHours are agent-hours that are more or less.
func signedHours(hours float64) string {
	text := hoursText(math.Abs(hours))
	switch {
	case text == "0.0":
		return text
	case hours < 0:
		return "−" + text
	}
	return "+" + text
}
