package policy

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
)

// Limits are what all pools share.
type Limits struct {
	MaxTotalAgents int // 0: no limit
	Hosts          []HostReading
}

// HostReading is how much of a host resource is used.
type HostReading struct {
	Resource string // cpu or memory
	Percent  Sample
	Limit    float64 // percent at which no pool grows
}

// Claim is a pool and what it alone would get.
type Claim struct {
	Pool     Pool
	Decision Decision
}

// Allocate fits the decisions of all pools into what they share and returns
// them in the order of the claims: no pool grows while a host resource is at
// its limit or not known, and the sum does not exceed the total. Each pool
// keeps its guaranteed minimum; what is left goes to the pools of the highest
// priority first and among equals by weight, one agent at a time to the largest
// weight / (2·agents + 1).
//
// This is the divisor method of Webster and Sainte-Laguë, chosen because it is
// house-monotone: raising the total lowers nobody. (Balinski and Young, Fair
// Representation, 2nd ed., chapter 8 and appendix A.)
func Allocate(claims []Claim, limits Limits) []Decision {
	out := make([]Decision, len(claims))
	sum := 0
	for i, c := range claims {
		out[i] = limits.hold(c.Decision)
		sum += out[i].Desired
	}
	if limits.MaxTotalAgents <= 0 || sum <= limits.MaxTotalAgents {
		return out
	}
	shares := divide(claims, out, limits.MaxTotalAgents)
	for i, agents := range shares {
		out[i] = out[i].Then(ReasonMaxTotal, agents,
			fmt.Sprintf("all pools together want %d agents, at most %d are allowed", sum, limits.MaxTotalAgents))
	}
	return out
}

// Then returns the decision with one more step; the decision itself and its
// reasons stay as they are.
func (d Decision) Then(code Code, agents int, detail string) Decision {
	if agents == d.Desired {
		return d
	}
	d.Reasons = append(slices.Clip(d.Reasons), Reason{Code: code, From: d.Desired, To: agents, Detail: detail})
	d.Desired = agents
	return d
}

// hold keeps a pool from growing while the hosts are full or unknown.
func (limits Limits) hold(d Decision) Decision {
	if d.Direction() != Up {
		return d
	}
	for _, h := range limits.Hosts {
		switch {
		case h.Percent.Quality != OK:
			return d.Then(ReasonHostUnknown, d.Current, fmt.Sprintf("no scale-up while host %s is %s", h.Resource, quality(h.Percent)))
		case h.Percent.Value >= h.Limit:
			return d.Then(ReasonHostLimit, d.Current, fmt.Sprintf("host %s is at %s %%, no scale-up from %s %% on", h.Resource, number(h.Percent.Value), number(h.Limit)))
		}
	}
	return d
}

// seat is a pool that waits for its next agent.
type seat struct {
	claim    int
	name     string
	priority int
	weight   float64
	agents   int
	want     int
}

// seats is a heap with the pool that gets the next agent on top.
type seats []*seat

func (s seats) Len() int      { return len(s) }
func (s seats) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s seats) Less(i, j int) bool {
	a, b := s[i], s[j]
	return cmp.Or(
		cmp.Compare(b.priority, a.priority),
		cmp.Compare(b.quotient(), a.quotient()),
		cmp.Compare(a.name, b.name),
	) < 0
}
func (s *seats) Push(x any) { *s = append(*s, x.(*seat)) }
func (s *seats) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}

func (s *seat) quotient() float64 { return s.weight / float64(2*s.agents+1) }

// divide returns the agents of each claim: at most what it wants, total in sum.
func divide(claims []Claim, ds []Decision, total int) []int {
	waiting := make(seats, 0, len(claims))
	guaranteed := 0
	for i, c := range claims {
		s := &seat{claim: i, name: c.Pool.Name, priority: c.Pool.Priority, weight: c.Pool.Weight, want: ds[i].Desired}
		s.agents = min(s.want, c.Pool.Agents.Min)
		if c.Pool.Mode == ScaleUpOnly {
			s.agents = min(s.want, max(s.agents, ds[i].Current)) // it keeps them whatever is decided
		}
		guaranteed += s.agents
		waiting = append(waiting, s)
	}
	if guaranteed > total { // a total below the sum of the minimums: divide all of it
		guaranteed = 0
		for _, s := range waiting {
			s.agents = 0
		}
	}
	shares := make([]int, len(claims))
	heap.Init(&waiting)
	for left := total - guaranteed; waiting.Len() > 0; {
		s := waiting[0]
		if left == 0 || s.agents == s.want {
			shares[s.claim] = s.agents
			heap.Pop(&waiting)
			continue
		}
		s.agents++
		left--
		heap.Fix(&waiting, 0)
	}
	return shares
}
