package policy

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
)

// benchmarkPolicy has 100 rules of every kind: 40 follow schedules, 12 months, 33
// events, 15 bound or hold. At half past seven on a Thursday evening about half of
// them are active, and ten are on a ramp.
func benchmarkPolicy(tb testing.TB) Policy {
	p := Policy{Pool: testPool()}
	p.Pool.Season = Season{Low: 0.5, LowMaxPercent: 60, High: 1.5, HighMinFactor: 1.2}
	add := func(r Rule) {
		r.Name = fmt.Sprintf("rule-%03d", len(p.Rules))
		p.Rules = append(p.Rules, r)
	}
	minutes := func(from, to int) string {
		return fmt.Sprintf("times: [{start_time: '%02d:%02d', end_time: '%02d:%02d'}]", from/60, from%60, to/60, to%60)
	}
	for i := range 40 {
		d := &DemandEffect{Multiply: 1 + float64(i)/400}
		interval := minutes(i*30, 18*60+i*9)
		switch i % 4 {
		case 1:
			interval = "{weekdays: ['monday:thursday'], " + interval + "}"
			d.Group = fmt.Sprintf("group-%d", i/8)
		case 2:
			interval = "{days_of_month: ['1:15', '-1'], location: Europe/Berlin, " + interval + "}"
			d.Add = 1
		case 3:
			d.RampUp, d.RampDown = 30*time.Minute, 30*time.Minute
		}
		add(Rule{When: Condition{During: []Schedule{parsed(tb, "s", interval)}}, Demand: d})
	}
	for i := range 12 {
		month := time.Month(1 + i)
		if i%2 == 0 {
			add(Rule{Demand: &DemandEffect{Multiply: 1, ByMonth: map[time.Month]float64{month: 1.1, time.November: 0.99}}})
		} else {
			add(Rule{When: Condition{Months: []timeinterval.MonthRange{{InclusiveRange: timeinterval.InclusiveRange{Begin: i, End: i + 1}}}}, Demand: &DemandEffect{Multiply: 1.05}})
		}
	}
	for i := range 33 {
		m := EventMatch{Type: benchmarkTypes[i%len(benchmarkTypes)], Lead: time.Duration(i) * time.Minute, Tail: 30 * time.Minute}
		d := &DemandEffect{Multiply: 1.2}
		switch i % 3 {
		case 0:
			m.Labels = map[string]string{"importance": "playoff"}
			d.Group = "event-" + m.Type
		case 1:
			d.HalfLife = time.Hour
		case 2:
			d.RampUp, d.RampDown = 20*time.Minute, 20*time.Minute
		}
		r := Rule{When: Condition{Events: []EventMatch{m}}, Demand: d}
		if i%5 == 0 {
			r.Unless = &Condition{During: []Schedule{parsed(tb, "night", minutes(0, 360))}}
		}
		add(r)
	}
	for i := range 15 {
		when := Condition{During: []Schedule{parsed(tb, "s", minutes(12*60, 18*60+i*20))}}
		switch i % 3 {
		case 0:
			add(Rule{When: when, Bounds: &BoundsEffect{Min: &Bound{Agents: i}}})
		case 1:
			add(Rule{When: when, Bounds: &BoundsEffect{Max: &Bound{Percent: 100 - float64(i)}}})
		case 2:
			add(Rule{When: Condition{Events: []EventMatch{{Type: "release"}}}, Hold: HoldDown})
		}
	}
	return p
}

var benchmarkTypes = []string{"game", "breaking_news", "draft", "holiday"}

// benchmarkEvents are 1,000 events from four weeks ago to four weeks ahead.
func benchmarkEvents() []Event {
	var events []Event
	for i := range 1000 {
		e := Event{ID: fmt.Sprint(i), Type: benchmarkTypes[i%len(benchmarkTypes)], Labels: map[string]string{"league": "nba"}}
		e.Start = noon.AddDate(0, 0, -28).Add(time.Duration(i) * 56 * 24 * time.Hour / 1000)
		e.End = e.Start.Add(150 * time.Minute)
		if i%10 == 0 {
			e.Labels["importance"] = "playoff"
		}
		if i%5 == 4 {
			e.Labels["league"] = "nfl"
		}
		events = append(events, e)
	}
	return events
}

// One decision about a pool with 100 rules and 1,000 events of a calendar.
func BenchmarkDecide(b *testing.B) {
	p := benchmarkPolicy(b)
	evening := noon.Add(7*time.Hour + 30*time.Minute)
	in := Input{
		Now: evening, Current: running(10), Load: Sample{Value: 100, Time: evening, Quality: OK}, LargestLoad: 1000,
		Timeline: p.Timeline(benchmarkEvents()),
		Budgets:  []BudgetCap{{"tweets", 17, ReasonBudget, "17 posts are left"}},
	}
	st := State{Since: noon}
	for i := range trendSamples {
		st.Samples = append(st.Samples, Point{evening.Add(time.Duration(i-trendSamples) * 30 * time.Second), 100})
	}
	forecast := outlook(120)
	forecast.At, forecast.Origin = evening.Add(8*time.Minute), evening.Add(-5*time.Minute)
	for _, bb := range []struct {
		name    string
		outlook Outlook
	}{{"forecast", forecast}, {"profile", Outlook{}}} {
		in.Outlook = bb.outlook
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(in, st)
			}
		})
	}
}

// Preparing 1,000 events for the 100 rules of a pool, done when events change.
func BenchmarkTimeline(b *testing.B) {
	p, events := benchmarkPolicy(b), benchmarkEvents()
	b.ReportAllocs()
	for b.Loop() {
		p.Timeline(events)
	}
}

// The effects at one instant, asked for each value of a history.
func BenchmarkOffset(b *testing.B) {
	tl := benchmarkPolicy(b).Timeline(benchmarkEvents())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		tl.Offset(noon.Add(time.Duration(i%8064) * -5 * time.Minute))
		i++
	}
}

// benchmarkClaims are 10,000 pools that want half as many agents again as they have.
func benchmarkClaims() []Claim {
	claims := make([]Claim, 10000)
	for i := range claims {
		p := testPool()
		p.Name = fmt.Sprintf("pool-%05d", i)
		p.Priority, p.Weight = i%3, 1+float64(i%7)
		d := Decision{Pool: p.Name, Mode: Active, Current: 10 + i%20, Known: true}
		d.Desired = d.Current * 3 / 2
		d.Reasons = []Reason{{Code: ReasonForecast, From: d.Current, To: d.Desired}}
		claims[i] = Claim{p, d}
	}
	return claims
}

// 10,000 pools that want more than the total, and more than their hosts carry.
func BenchmarkAllocate(b *testing.B) {
	claims := benchmarkClaims()
	perAgent := map[string]float64{}
	now, want := 0, 0
	for i, c := range claims {
		perAgent[c.Pool.Name] = 0.0003 + 0.0001*float64(i%5)
		now, want = now+c.Decision.Current, want+c.Decision.Desired
	}
	hosts := []HostReading{
		{Resource: "cpu", Percent: Sample{Value: 50, Quality: OK}, Limit: 80, PerAgent: perAgent},
		{Resource: "memory", Percent: Sample{Value: 40, Quality: OK}, Limit: 70, PerAgent: perAgent},
	}
	for _, bb := range []struct {
		name   string
		limits Limits
	}{
		{"total", Limits{MaxTotalAgents: (now + want) / 2}},
		{"hosts", Limits{Hosts: hosts}},
		{"total and hosts", Limits{MaxTotalAgents: (now + want) / 2, Hosts: hosts}},
		{"room for all", Limits{MaxTotalAgents: 2 * want, Hosts: []HostReading{{Resource: "cpu", Percent: Sample{Value: 1, Quality: OK}, Limit: 80, PerAgent: perAgent}}}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Allocate(claims, bb.limits)
			}
		})
	}
}
