package policy

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"pgregory.net/rapid"
)

// draws is where generated values come from: rapid, or the bytes of a fuzz test. It
// gives an int from low to high.
type draws func(what string, low, high int) int

func drawn(t *rapid.T) draws {
	return func(what string, low, high int) int { return rapid.IntRange(low, high).Draw(t, what) }
}

func unpacked(data []byte) draws {
	return func(_ string, low, high int) int {
		n := 0
		for range 2 {
			if len(data) > 0 {
				n, data = n<<8|int(data[0]), data[1:]
			}
			if high-low < 256 {
				break
			}
		}
		return low + n%(high-low+1)
	}
}

func pick[T any](d draws, what string, from ...T) T { return from[d(what, 0, len(from)-1)] }

func (d draws) yes(what string) bool { return d(what, 0, 1) == 1 }

func (d draws) float(what string, low, high float64) float64 {
	return low + (high-low)*float64(d(what, 0, 1000))/1000
}

func (d draws) minutes(what string, low, high int) time.Duration {
	return time.Duration(d(what, low, high)) * time.Minute
}

// edges are the values that break careless arithmetic; the first four are loads that
// may be measured.
var edges = [...]float64{0, math.SmallestNonzeroFloat64, 1e12, math.MaxFloat64, -1, math.NaN(), math.Inf(1), math.Inf(-1)}

// measured is a load that a sample may have: finite and not negative.
func (d draws) measured(what string) float64 {
	if d(what+" is an edge", 0, 9) == 0 {
		return pick(d, what, edges[:4]...)
	}
	return d.float(what, 0, 1000)
}

// anything is a float of any kind.
func (d draws) anything(what string) float64 {
	if d(what+" is an edge", 0, 4) == 0 {
		return pick(d, what, edges[:]...)
	}
	return d.float(what, 0, 1000)
}

func (d draws) pool() Pool {
	p := testPool()
	p.Agents.Min = d("min", 0, 10)
	p.Agents.Max = d("max", p.Agents.Min, 60)
	p.Agents.Base = d("base", p.Agents.Min, p.Agents.Max)
	p.PerAgent = pick(d, "per_agent", 10, 0.1, 3.7, 100)
	p.Sensitivity = pick(d, "sensitivity", 1, 1, 0.5, 0.07)
	p.Mode = pick(d, "mode", Active, Active, ScaleUpOnly, DryRun)
	p.LeadTime = d.minutes("lead time", 0, 20)
	p.Behavior = Behavior{ScaleUp: d.scaling(), ScaleDown: d.scaling()}
	p.Season = pick(d, "season", Season{}, Season{Low: 0.5, LowMaxPercent: 50}, Season{Low: 0.8, LowMaxPercent: 30, High: 1.2, HighMinFactor: 1.5})
	p.OnDataLoss = DataLoss{After: d.minutes("data loss after", 0, 10), Then: pick(d, "then", ThenProfile, ThenHold, ThenAgents), Agents: d("then agents", 0, 80)}
	return p
}

func (d draws) scaling() ScalingRules {
	r := ScalingRules{
		StabilizationWindow: d.minutes("window", 0, 10),
		Tolerance:           d.float("tolerance", 0, 0.3),
		Cooldown:            d.minutes("cooldown", 0, 5),
		SelectPolicy:        pick(d, "select", SelectMax, SelectMin, SelectDisabled),
	}
	for range d("policies", 0, 2) {
		r.Policies = append(r.Policies, StepPolicy{pick(d, "type", StepAgents, StepPercent), d("value", 1, 100), d.minutes("period", 1, 5)})
	}
	return r
}

// schedule is a window of the day around noon, on some days.
func (d draws) schedule() Schedule {
	from := pick(d, "from", 0, 11*60+50, 12*60, 12*60+5, 18*60)
	to := from + pick(d, "length", 1, 5, 15, 6*60)
	ti := timeinterval.TimeInterval{Times: []timeinterval.TimeRange{{StartMinute: from, EndMinute: min(to, 24*60)}}}
	between := func(begin, end int) timeinterval.InclusiveRange {
		return timeinterval.InclusiveRange{Begin: begin, End: end}
	}
	switch d("days", 0, 5) {
	case 0:
		ti.Weekdays = []timeinterval.WeekdayRange{{InclusiveRange: between(d("weekday", 0, 6), 6)}}
	case 1:
		ti.DaysOfMonth = []timeinterval.DayOfMonthRange{{InclusiveRange: between(pick(d, "day", 1, 12, 13, -19), -1)}}
	case 2:
		ti.Location = &timeinterval.Location{Location: time.UTC}
	}
	s := Schedule{Name: "window", Intervals: []timeinterval.TimeInterval{ti}}
	if d.yes("another") {
		early := timeinterval.TimeRange{StartMinute: 11 * 60, EndMinute: 11*60 + 45}
		s.Intervals = append(s.Intervals, timeinterval.TimeInterval{Times: []timeinterval.TimeRange{early}})
	}
	return s
}

func (d draws) condition() Condition {
	var c Condition
	switch d("condition", 0, 5) {
	case 0:
		c.During = []Schedule{d.schedule()}
	case 1:
		begin := d("month", 9, 12)
		c.Months = []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: begin, End: 12}}}
	case 2, 3:
		c.Events = []EventMatch{d.match("game", "news")}
	case 4:
		c.Events = []EventMatch{d.match("game"), d.match("game", "news")}
	}
	return c
}

func (d draws) match(types ...string) EventMatch {
	m := EventMatch{Type: pick(d, "event type", types...), Lead: d.minutes("lead", 0, 30), Tail: d.minutes("tail", 0, 30)}
	if d.yes("playoff") {
		m.Labels = map[string]string{"importance": "playoff"}
	}
	return m
}

func (d draws) demand() *DemandEffect {
	e := &DemandEffect{
		Multiply: pick(d, "multiply", 1, 1.5, 0.5, 3, 0, math.MaxFloat64),
		Add:      pick(d, "add", 0, 0, 2.5),
		RampUp:   pick(d, "ramp up", 0, 0, 10*time.Minute, 90*time.Minute),
		RampDown: pick(d, "ramp down", 0, 0, 10*time.Minute),
		HalfLife: pick(d, "half-life", 0, 0, time.Hour),
		Group:    pick(d, "group", "", "", "a", "b"),
		Learned:  d("learned", 0, 9) == 0,
	}
	switch d("by", 0, 3) {
	case 0:
		e.ByMonth = map[time.Month]float64{time.November: pick(d, "november", 0.5, 1, 0.4, 1.3), time.July: 0}
	case 1:
		e.ByHour = &[24]float64{11: 2, 12: pick(d, "twelve o'clock", 1, 0.5, 4)}
	}
	return e
}

func (d draws) bound() *Bound {
	switch d("bound", 0, 3) {
	case 0:
		return nil
	case 1:
		return &Bound{Percent: d.float("percent", 0.1, 100)}
	}
	return &Bound{Agents: d("agents", 0, 70)}
}

func (d draws) rule(name string) Rule {
	r := Rule{Name: name, When: d.condition()}
	if d("unless", 0, 3) == 0 {
		c := d.condition()
		r.Unless = &c
	}
	switch d("effect", 0, 5) {
	case 0, 1, 2:
		r.Demand = d.demand()
	case 3, 4:
		r.Bounds = &BoundsEffect{Min: d.bound(), Max: d.bound()}
	case 5:
		r.Hold = pick(d, "hold", HoldDown, HoldBoth)
	}
	return r
}

func (d draws) policy() Policy {
	p := Policy{Pool: d.pool()}
	for i := range d("rules", 0, 6) {
		p.Rules = append(p.Rules, d.rule(fmt.Sprintf("rule-%d", i)))
	}
	return p
}

func (d draws) events() []Event {
	var events []Event
	for i := range d("events", 0, 4) {
		e := Event{ID: fmt.Sprint(i), Type: pick(d, "type", "game", "news"), Labels: map[string]string{"league": pick(d, "league", "nba", "nba", "nfl")}}
		e.Start = noon.Add(time.Duration(d("start", -7200, 1800)) * time.Second)
		e.End = e.Start.Add(d.minutes("length", 0, 150))
		if d.yes("playoff") {
			e.Labels["importance"] = "playoff"
		}
		events = append(events, e)
	}
	return events
}

func (d draws) override() *Override {
	o := Override{ID: "o", Pool: "nba", Author: "ann", Reason: "a test", Start: noon.Add(-time.Hour), End: noon.Add(time.Hour)}
	agents := func(what string) *int {
		n := d(what, 0, 70)
		return &n
	}
	switch d("override", 0, 9) {
	case 0:
		o.Min = agents("override min")
	case 1:
		o.Max = agents("override max")
	case 2:
		o.Min = agents("override min")
		most := d("override max", *o.Min, 80)
		o.Max = &most
	case 3:
		o.Min = agents("exactly")
		o.Max = o.Min
	case 4:
		o.Hold = true
	case 5:
		o.Disable = true
	default:
		return nil
	}
	return &o
}

func (d draws) input(p Policy) Input {
	in := Input{
		Now:         noon,
		Current:     Count{Agents: d("current", 0, 80), Known: d("known", 0, 9) > 0},
		Load:        Sample{Time: noon, Quality: pick(d, "quality", OK, OK, OK, OK, Empty, NaN, Stale, Partial, Error)},
		LargestLoad: pick(d, "largest", 0, 1000, 1e15),
		Override:    d.override(),
	}
	in.Load.Value = d.anything("load")
	if in.Load.Quality == OK || in.Load.Quality == Partial { // what the border guarantees
		in.Load.Value = d.measured("load")
	}
	if d("forecast", 0, 2) > 0 {
		at := noon.Add(d.minutes("at", 0, 10))
		in.Outlook = Outlook{Model: "m", Load: d.anything("expected"), At: at, Upper: d.anything("upper"), Origin: noon.Add(-d.minutes("age", 0, 120))}
	}
	for i := range d("budgets", 0, 2) {
		in.Budgets = append(in.Budgets, BudgetCap{fmt.Sprintf("budget-%d", i), d("cap", 0, 60), pick(d, "code", ReasonBudget, ReasonBudgetExhausted, ReasonBudgetUnknown), "posts are few"})
	}
	in.Timeline = p.Timeline(d.events())
	return in
}

func (d draws) state() State {
	st := State{Since: noon.Add(-d.minutes("since", 0, 20)), LoadKnown: noon.Add(-d.minutes("load known", 0, 20)), Current: running(d("last current", 0, 80))}
	for i := range d("history", 0, 4) {
		at := noon.Add(-time.Duration(5-i) * time.Minute)
		st.Samples = append(st.Samples, Point{at, d.measured("sample")})
		st.Recommendations = append(st.Recommendations, Recommendation{at, d("recommendation", 0, 60)})
		st.Scalings = append(st.Scalings, Scaling{at, d("from", 0, 60), d("to", 0, 60)})
	}
	return st
}

// claims are decisions of up to eight pools, as [Policy.Decide] makes them.
func (d draws) claims() []Claim {
	var claims []Claim
	for i := range d("pools", 1, 8) {
		p := testPool()
		p.Name = string(rune('a' + i))
		p.Agents.Min = d("min", 0, 10)
		p.Agents.Max = d("max", p.Agents.Min, 60)
		p.Weight = pick(d, "weight", 1, 1, 0.1, 3)
		p.Priority = d("priority", 0, 2)
		p.Mode = pick(d, "mode", Active, Active, Active, ScaleUpOnly, DryRun)
		p.Hosts = pick(d, "hosts", "", "", "gpu", "west")
		c := Claim{p, Decision{Pool: p.Name, Mode: p.Mode, Current: d("current", 0, 60), Known: d("known", 0, 9) > 0}}
		c.Decision.Desired = d("desired", p.Agents.Min, p.Agents.Max)
		c.Decision.Frozen = d("frozen", 0, 9) == 0
		if c.Decision.Frozen || !c.Decision.Known {
			c.Decision.Desired = c.Decision.Current
		}
		if p.Mode == ScaleUpOnly {
			c.Decision.Desired = max(c.Decision.Desired, c.Decision.Current)
		}
		c.Decision.Reasons = []Reason{{Code: ReasonReactive, From: c.Decision.Current, To: c.Decision.Desired, Detail: "the load"}}
		claims = append(claims, c)
	}
	return claims
}

// hosts are readings of which each resource of a group is there once.
func (d draws) hosts(claims []Claim) []HostReading {
	var hosts []HostReading
	for _, h := range []HostReading{{Resource: "cpu", Limit: 80}, {Resource: "memory", Limit: 70}, {Hosts: "gpu", Resource: "cpu", Limit: 80}} {
		if d.yes("watched") {
			continue
		}
		h.Percent = Sample{Value: d.float("percent", 0, 100), Time: noon, Quality: pick(d, "quality", OK, OK, OK, OK, OK, Stale, Error)}
		if d("footprints", 0, 3) > 0 {
			h.PerAgent = map[string]float64{}
		}
		for _, c := range claims {
			if h.PerAgent != nil && d("measured", 0, 4) > 0 {
				h.PerAgent[c.Pool.Name] = pick(d, "per agent", 0.5, 1, 2.5, 7, 200)
			}
		}
		hosts = append(hosts, h)
	}
	return hosts
}
