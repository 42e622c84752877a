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

// HostReading is how much of a resource of a group of hosts is used.
type HostReading struct {
	Hosts    string // name of the group; empty: the hosts of all pools
	Resource string // cpu or memory
	Percent  Sample
	Limit    float64 // percent that is predicted at most, and from which on no pool grows
	// PerAgent is what one more agent of a pool takes at most, in percent, by the
	// pool's name. Pools whose agents were not measured yet are not there.
	PerAgent map[string]float64
}

// Name tells the reading from others.
func (h HostReading) Name() string {
	if h.Hosts == "" {
		return h.Resource
	}
	return h.Hosts + " " + h.Resource
}

// concerns reports whether a pool's agents run on the hosts.
func (h HostReading) concerns(p Pool) bool { return h.Hosts == "" || h.Hosts == p.Hosts }

// Claim is a pool and what it alone would get.
type Claim struct {
	Pool     Pool
	Decision Decision
}

// Allocate fits the decisions of all pools into what they share and returns
// them in the order of the claims. No pool grows while a host resource is at its
// limit or not known, the sum does not exceed the total, and pools grow as far as
// the hosts are predicted to carry. Each pool keeps its guaranteed minimum; what is
// left goes to the pools of the highest priority first and among equals by weight,
// one agent at a time to the largest weight / (2·agents + 1).
//
// This is the divisor method of Webster and Sainte-Laguë, chosen because it is
// house-monotone: raising the total lowers nobody. (Balinski and Young, Fair
// Representation, 2nd ed., chapter 8 and appendix A.)
func Allocate(claims []Claim, limits Limits) []Decision {
	out := make([]Decision, len(claims))
	sum := 0
	for i, c := range claims {
		out[i] = limits.hold(c)
		sum += out[i].Desired
	}
	if limits.MaxTotalAgents > 0 && sum > limits.MaxTotalAgents {
		for i, agents := range divide(seatsOf(claims, out), limits.MaxTotalAgents) {
			out[i] = out[i].Then(ReasonMaxTotal, agents,
				fmt.Sprintf("all pools together want %d agents, at most %d are allowed", sum, limits.MaxTotalAgents))
		}
	}
	return limits.fit(claims, out)
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

// hold keeps a pool from growing while its hosts are full or unknown.
func (limits Limits) hold(c Claim) Decision {
	d := c.Decision
	if d.Direction() != Up {
		return d
	}
	for _, h := range limits.Hosts {
		switch {
		case !h.concerns(c.Pool):
		case h.Percent.Quality != OK:
			return d.Then(ReasonHostUnknown, d.Current, fmt.Sprintf("no scale-up while host %s is %s", h.Name(), quality(h.Percent)))
		case h.Percent.Value >= h.Limit:
			return d.Then(ReasonHostLimit, d.Current, fmt.Sprintf("host %s is at %s %%, no scale-up from %s %% on", h.Name(), number(h.Percent.Value), number(h.Limit)))
		}
	}
	return d
}

// fit lets pools grow, one agent at a time in the order of [Allocate], as long as
// what the new agents are predicted to take has room on their hosts. What others
// give up is not counted before it is measured.
func (limits Limits) fit(claims []Claim, ds []Decision) []Decision {
	room := make([]float64, len(limits.Hosts))
	asked := make([]float64, len(limits.Hosts))
	for j, h := range limits.Hosts {
		room[j] = h.Limit - h.Percent.Value
		for i, d := range ds {
			if more := d.Desired - d.Current; more > 0 {
				asked[j] += float64(more) * h.perAgent(claims[i].Pool)
			}
		}
	}
	if !slices.ContainsFunc(limits.Hosts, func(h HostReading) bool { return h.PerAgent != nil }) {
		return ds
	}
	var waiting seats
	for i, d := range ds {
		if d.Direction() == Up {
			p := claims[i].Pool
			waiting = append(waiting, &seat{claim: i, name: p.Name, priority: p.Priority, weight: p.Weight, agents: d.Current, want: d.Desired})
		}
	}
	heap.Init(&waiting)
	for waiting.Len() > 0 {
		s := waiting[0]
		full := limits.full(claims[s.claim].Pool, room)
		if full >= 0 && s.agents < s.want {
			h := limits.Hosts[full]
			ds[s.claim] = ds[s.claim].Then(ReasonHostFit, s.agents, fmt.Sprintf(
				"host %s is at %s %%, all new agents would take %s %% more and each of these %s %%; at most %s %% are planned",
				h.Name(), number(h.Percent.Value), number(asked[full]), number(h.perAgent(claims[s.claim].Pool)), number(h.Limit)))
		}
		if full >= 0 || s.agents == s.want {
			heap.Pop(&waiting)
			continue
		}
		s.agents++
		for j, h := range limits.Hosts {
			room[j] -= h.perAgent(claims[s.claim].Pool)
		}
		heap.Fix(&waiting, 0)
	}
	return ds
}

// perAgent is what one more agent of the pool takes of the hosts.
func (h HostReading) perAgent(p Pool) float64 {
	if !h.concerns(p) {
		return 0
	}
	return max(h.PerAgent[p.Name], 0)
}

// full returns the place of a reading that has no room for one more agent of the
// pool, -1 if all have.
func (limits Limits) full(p Pool, room []float64) int {
	const noise = 1e-9
	for j, h := range limits.Hosts {
		if cost := h.perAgent(p); cost > 0 && cost > room[j]+noise {
			return j
		}
	}
	return -1
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

// seatsOf are the pools with what each is guaranteed of what it wants.
func seatsOf(claims []Claim, ds []Decision) seats {
	waiting := make(seats, 0, len(claims))
	for i, c := range claims {
		s := &seat{claim: i, name: c.Pool.Name, priority: c.Pool.Priority, weight: c.Pool.Weight, want: ds[i].Desired}
		s.agents = min(s.want, c.Pool.Agents.Min)
		if c.Pool.Mode == ScaleUpOnly || ds[i].Frozen {
			s.agents = min(s.want, max(s.agents, ds[i].Current)) // it keeps them whatever is decided
		}
		waiting = append(waiting, s)
	}
	return waiting
}

// divide returns the agents of each claim: at most what it wants, total in sum.
func divide(waiting seats, total int) []int {
	guaranteed := 0
	for _, s := range waiting {
		guaranteed += s.agents
	}
	if guaranteed > total { // a total below the sum of the minimums: divide all of it
		guaranteed = 0
		for _, s := range waiting {
			s.agents = 0
		}
	}
	shares := make([]int, len(waiting))
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
