package policy

import (
	"fmt"
	"maps"
	"math"
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
// limit or not known, pools grow as far as the hosts are predicted to carry, and the
// sum does not exceed the total.
//
// Of the total each pool first gets what it keeps in any case, then its guaranteed
// minimum; what is left goes to the pools of the highest priority first and among
// equals by weight, one agent at a time to the largest weight / (2·agents + 1). New
// agents find room on the hosts in the same order. The first for which a resource has
// no room closes it for all, so that small agents do not keep a large one waiting for
// ever; one that would not fit on empty hosts does not.
//
// This is the divisor method of Webster and Sainte-Laguë, chosen because it is
// house-monotone: raising the total lowers nobody. (Balinski and Young, Fair
// Representation, 2nd ed., chapter 8 and appendix A.) More room on the hosts lowers
// nobody either, as long as all pools use the same resources and the total does not
// bind.
//
// The order of claims and readings does not matter, but that of several readings that
// hold a pool the first is told.
//
// A pool in dry run takes nothing from those that are not: they share what it leaves
// as it is. What it is told is what it would get if none were in dry run.
func Allocate(claims []Claim, limits Limits) []Decision {
	out := limits.allocate(claims)
	dry := func(c Claim) bool { return c.Pool.Mode == DryRun }
	if !slices.ContainsFunc(claims, dry) {
		return out
	}
	live := slices.Clone(claims)
	for i, c := range live {
		if dry(c) {
			live[i].Decision.Desired, live[i].Decision.Frozen = c.Decision.Current, true
		}
	}
	shares := limits.allocate(live)
	for i, c := range claims {
		if !dry(c) {
			out[i] = shares[i]
		}
	}
	return out
}

func (limits Limits) allocate(claims []Claim) []Decision {
	out := make([]Decision, len(claims))
	for i, c := range claims {
		out[i] = limits.hold(c)
	}
	limits.fit(claims, out)
	limits.divide(claims, out)
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

// fit lets pools grow as long as what the new agents are predicted to take has room
// on their hosts. What others give up is not counted before it is measured.
func (limits Limits) fit(claims []Claim, ds []Decision) {
	hosts := limits.Hosts
	room, asked := make([]float64, len(hosts)), make([]float64, len(hosts))
	costs := make([][]float64, len(claims)) // by pool that grows and host, of one more agent
	for i, d := range ds {
		if d.Direction() == Up {
			costs[i] = make([]float64, len(hosts))
		}
		for j := range costs[i] {
			costs[i][j] = hosts[j].perAgent(claims[i].Pool)
			asked[j] += float64(d.Desired-d.Current) * costs[i][j]
		}
	}
	crowded := false
	for j, h := range hosts {
		room[j] = h.Limit - h.Percent.Value
		crowded = crowded || asked[j] > room[j]
	}
	if !crowded {
		return
	}
	var waiting queue
	agents := make([]int, len(claims))
	for i, d := range ds {
		if agents[i] = d.Current; d.Direction() == Up {
			waiting = append(waiting, seatOf(i, claims[i].Pool, d.Current))
		}
	}
	waiting.order()
	for len(waiting) > 0 {
		i := waiting[0].claim
		if agents[i] == ds[i].Desired {
			waiting.pop()
			continue
		}
		if full := limits.full(costs[i], room); full >= 0 {
			h := hosts[full]
			ds[i] = ds[i].Then(ReasonHostFit, agents[i], fmt.Sprintf(
				"host %s is at %s %%, all new agents would take %s %% more and each of these %s %%; at most %s %% are planned",
				h.Name(), number(h.Percent.Value), number(asked[full]), number(costs[i][full]), number(h.Limit)))
			waiting.pop()
			continue
		}
		agents[i]++
		for j, cost := range costs[i] {
			room[j] -= cost
		}
		waiting.advance(agents[i])
	}
}

// perAgent is what one more agent of the pool takes of the hosts.
func (h HostReading) perAgent(p Pool) float64 {
	if cost := h.PerAgent[p.Name]; cost > 0 && h.concerns(p) {
		return cost
	}
	return 0 // also of what is not a number
}

// full returns the place of a reading that has no room for one more agent with the
// costs, -1 if all have. It takes what is left of the room, so that nobody who comes
// later gets any, unless the agent would not fit on empty hosts either.
func (limits Limits) full(costs, room []float64) int {
	full := -1
	for j, h := range limits.Hosts {
		if costs[j] > h.Limit {
			return j
		}
		if costs[j] > 0 && costs[j] > room[j]+noise {
			full = j
		}
	}
	if full >= 0 {
		for j := range room {
			if costs[j] > room[j]+noise {
				room[j] = math.Inf(-1)
			}
		}
	}
	return full
}

// divide lowers the decisions until they are the total in sum.
func (limits Limits) divide(claims []Claim, ds []Decision) {
	total, sum := limits.MaxTotalAgents, 0
	for _, d := range ds {
		sum += d.Desired
	}
	if total <= 0 || sum <= total {
		return
	}
	agents := make([]int, len(claims))
	for _, share := range []func(Claim, Decision) int{kept, guaranteed, wanted} {
		most := make([]int, len(claims))
		for i, c := range claims {
			most[i] = share(c, ds[i])
		}
		if sumOf(most) > total {
			fill(claims, agents, most, total-sumOf(agents))
			break
		}
		agents = most
	}
	detail := fmt.Sprintf("all pools together want %d agents, at most %d are allowed", sum, total)
	for i, d := range ds {
		ds[i] = d.Then(ReasonMaxTotal, agents[i], detail)
	}
}

// kept is what a pool keeps whatever is decided.
func kept(c Claim, d Decision) int {
	if c.Pool.Mode == ScaleUpOnly || d.Frozen {
		return min(d.Desired, d.Current)
	}
	return 0
}

// guaranteed is what a pool gets of what it wants before others get more.
func guaranteed(c Claim, d Decision) int {
	return max(kept(c, d), min(d.Desired, c.Pool.Agents.Min))
}

func wanted(_ Claim, d Decision) int { return d.Desired }

func sumOf(xs []int) int {
	sum := 0
	for _, x := range xs {
		sum += x
	}
	return sum
}

// fill gives out what is left: to each pool at most what is most for it.
func fill(claims []Claim, agents, most []int, left int) {
	byPriority := map[int][]int{} // places of claims
	for i, c := range claims {
		byPriority[c.Pool.Priority] = append(byPriority[c.Pool.Priority], i)
	}
	for _, priority := range slices.Backward(slices.Sorted(maps.Keys(byPriority))) {
		places, open := byPriority[priority], 0
		for _, i := range places {
			open += most[i] - agents[i]
		}
		if open > left {
			left -= rush(claims, places, agents, most, left)
			stand(claims, places, agents, most, left)
			return
		}
		for _, i := range places {
			agents[i] = most[i]
		}
		left -= open
	}
}

// rush gives out most of what is left at once and returns how much that is. It finds
// a level above which no more seats have their quotient than there are to give, and
// gives those.
func rush(claims []Claim, places, agents, most []int, left int) int {
	// reach is how many agents a pool has when all its seats above the level are given,
	// and rounding more or less.
	reach := func(i int, level float64, rounding float64) int {
		n := math.Ceil((claims[i].Pool.Weight/level-1)/2) + rounding
		return int(min(max(n, float64(agents[i])), float64(most[i])))
	}
	low, high := 0.0, 0.0
	for _, i := range places {
		high = max(high, claims[i].Pool.Weight)
	}
	for range 40 {
		level, sum := (low+high)/2, 0
		for _, i := range places {
			sum += reach(i, level, 1) - agents[i]
		}
		if sum <= left {
			high = level
		} else {
			low = level
		}
	}
	given := 0
	for _, i := range places {
		n := reach(i, high, -1)
		given += n - agents[i]
		agents[i] = n
	}
	return given
}

// stand gives out what is left one by one.
func stand(claims []Claim, places, agents, most []int, left int) {
	var waiting queue
	for _, i := range places {
		if agents[i] < most[i] {
			waiting = append(waiting, seatOf(i, claims[i].Pool, agents[i]))
		}
	}
	waiting.order()
	for ; left > 0 && len(waiting) > 0; left-- {
		i := waiting[0].claim
		agents[i]++
		if agents[i] == most[i] {
			waiting.pop()
		} else {
			waiting.advance(agents[i])
		}
	}
}

// seat is a pool that waits for its next agent.
type seat struct {
	claim    int
	name     string
	priority int
	weight   float64
	quotient float64 // weight / (2·agents + 1)
}

func seatOf(claim int, p Pool, agents int) seat {
	return seat{claim, p.Name, p.Priority, p.Weight, p.Weight / float64(2*agents+1)}
}

// queue is a heap with the pool that gets the next agent on top.
type queue []seat

func (a seat) before(b seat) bool {
	switch {
	case a.priority != b.priority:
		return a.priority > b.priority
	case a.quotient != b.quotient:
		return a.quotient > b.quotient
	}
	return a.name < b.name
}

// order makes a heap of the seats.
func (q queue) order() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
}

// advance lets the pool on top wait for another agent.
func (q queue) advance(agents int) {
	q[0].quotient = q[0].weight / float64(2*agents+1)
	q.sink(0)
}

func (q *queue) pop() {
	last := len(*q) - 1
	(*q)[0] = (*q)[last]
	*q = (*q)[:last]
	q.sink(0)
}

// sink moves the seat down to its place.
func (q queue) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if child+1 < len(q) && q[child+1].before(q[child]) {
			child++
		}
		if !q[child].before(q[i]) {
			return
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}
