package budget

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Decide says how many agents of the pool the budget allows, and why, and what to
// remember for the next decision.
//
// Of what the posts used leave of the limit, R, the protection y(c) is kept for
// classes better than that of the posts now:
//
//	R = 0     → exhausted, no agents
//	R ≤ y(c)  → held for better classes, no agents
//	otherwise → min(max, ⌈min(R − y(c), E) / r⌉) agents, at least one
//
// with E the posts expected in the next hour and r what an agent posts in one. The
// protection is the larger of the reserve, if there is a better class, and what
// better posts need until units come back, by nested protection levels. In a
// local day none come back before the reset. In a rolling window they do one by
// one, and one spent now is missing for 24 hours: what better posts need until
// each of these instants, less the units that are back before it, must be kept.
//
// Used never falls inside a window, whatever is measured: on a local day it is
// the largest count seen that day, and in a rolling window a post once seen counts
// until it is 24 hours old. While used is not known there is no raise, and no agent
// is taken that the posts known to be used would leave. Nor is there a raise when
// the budget is not valid, or when the path has no step, no length of a step, or a
// class that the budget does not have.
func (b Budget) Decide(in Input, st State) (Cap, State) {
	if err := b.Validate(); err != nil {
		return in.noRaise(Cap{}, "the budget is not valid: "+strings.ReplaceAll(err.Error(), "\n", "; ")), st
	}
	today := dayAt(in.Now, b.zone())
	next := b.observe(in, today, st)
	o, err := b.outlook(in)
	if err != nil {
		return in.noRaise(Cap{}, err.Error()), next
	}
	c, known := Cap{Class: b.Classes[o.classes[0]].Name}, true
	for _, w := range b.Windows() {
		a := b.account(w, in, today, next)
		known = known && a.known
		if a.ever {
			c = c.stricter(b.leaves(o, a))
		}
	}
	const unknown = "the posts used are not known"
	if c.Window == "" {
		return in.noRaise(c, unknown), next
	}
	c = b.allow(c, o, in.MaxAgents)
	if !known {
		return in.noRaise(c, unknown+"; when last known: "+c.Detail), next
	}
	return c, next
}

// leaves returns what the window leaves and how much of it is protected. Agents
// and Status come later.
func (b Budget) leaves(o outlook, a account) Cap {
	class := o.classes[0]
	left := b.Limit - a.used // negative when more was used
	c := Cap{Window: a.window, Class: b.Classes[class].Name, Used: a.used, Remaining: max(left, 0)}
	if !b.best(class) {
		c.Protected = b.Reserve
	}
	back := 0
	for _, m := range a.marks {
		c.Protected = max(c.Protected, b.protection(class, o.expected(m.at), left+back)-back)
		if c.Exhaustion.IsZero() {
			c.Exhaustion = o.reached(left+back, m.at)
		}
		back += m.posts
		if c.Until.IsZero() && left+back > c.Remaining || a.window == LocalDay {
			c.Until = m.at
		}
	}
	c.Protected = min(c.Protected, c.Remaining)
	return c
}

// stricter returns the cap that lets less be spent, with the earlier exhaustion
// of both. The zero Cap is of no window and does not count.
func (c Cap) stricter(other Cap) Cap {
	if c.Window == "" {
		return other
	}
	exhaustion := c.Exhaustion
	if at := other.Exhaustion; exhaustion.IsZero() || !at.IsZero() && at.Before(exhaustion) {
		exhaustion = at
	}
	if other.Remaining-other.Protected < c.Remaining-c.Protected {
		c = other
	}
	c.Exhaustion = exhaustion
	return c
}

const noise = 1e-9 // so that 5.0000000001 agents are 5

// allow gives the cap its status and agents, and tells them.
func (b Budget) allow(c Cap, o outlook, most int) Cap {
	used, until := b.tell(c)
	better := b.betterThan(o.classes[0])
	c.Scarce = true
	switch c.Remaining {
	case 0:
		c.Status, c.Detail = Exhausted, fmt.Sprintf("%s, nothing left%s", used, until)
		return c
	case c.Protected:
		c.Status, c.Detail = Held, fmt.Sprintf("%s, %d left, all kept for %s%s", used, c.Remaining, better, until)
		return c
	}
	posts := float64(c.Remaining - c.Protected)
	why := "at most " + quantity(posts, "post") + " in the next hour"
	if expected := o.nextHour(); expected <= posts {
		c.Scarce = false
		posts, why = expected, quantity(expected, "post")+" expected in the next hour"
	}
	// While something may be spent, one agent waits for what nobody expects.
	agents := max(math.Ceil(posts/b.PostsPerAgentHour-noise), 1)
	c.Status, c.Agents = OK, int(max(min(agents, maxAgents, float64(most)), 0))
	kept := ""
	if c.Protected > 0 {
		kept = fmt.Sprintf(", %d kept for %s%s", c.Protected, better, until)
	}
	c.Detail = fmt.Sprintf("%s, %d left%s: %s, %s of %s an hour", used, c.Remaining, kept, why,
		quantity(float64(c.Agents), "agent"), quantity(b.PostsPerAgentHour, "post"))
	return c
}

// tell says what is used, and until when it is. In a rolling window of which
// something is left there is no such instant.
func (b Budget) tell(c Cap) (used, until string) {
	used, until = "today", " until "+c.Until.In(b.zone()).Format("15:04")
	if c.Window == Rolling24h {
		used = "in the last 24 h"
	}
	if c.Until.IsZero() || c.Window == Rolling24h && c.Remaining > 0 {
		until = ""
	}
	return fmt.Sprintf("%d of %d used %s", c.Used, b.Limit, used), until
}

// betterThan names the classes that are more valuable: "peak and breaking".
func (b Budget) betterThan(class int) string {
	var names []string
	for _, c := range b.Classes {
		if c.Value > b.Classes[class].Value {
			names = append(names, c.Name)
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// noRaise returns the cap as one that is not known: what it takes from the pool
// stays taken, and the pool does not grow.
func (in Input) noRaise(c Cap, why string) Cap {
	most := max(min(in.Agents, in.MaxAgents), 0)
	if !c.Scarce {
		c.Agents = most
	}
	c.Agents, c.Scarce, c.Status = min(c.Agents, most), true, Unknown
	c.Detail = fmt.Sprintf("%s; no raise above %s", why, quantity(float64(most), "agent"))
	return c
}

// quantity prints a number of things: 1 post, 0.25 posts.
func quantity(x float64, noun string) string {
	n := number(x)
	if n != "1" {
		noun += "s"
	}
	return n + " " + noun
}

func number(x float64) string {
	if !(math.Abs(x) < 100) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
