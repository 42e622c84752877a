package api

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// explain answers why a pool has what it has, or had what it had.
func (s server) explain(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, format string, args ...any) { answer(w, nil, refuse(status, format, args...)) }
	if r.FormValue("pool") == "" {
		fail(http.StatusBadRequest, "say which pool, as in ?pool=nba")
		return
	}
	if s.Snapshot() == nil {
		fail(http.StatusServiceUnavailable, "the adapter has not taken its first tick; nothing is decided yet")
		return
	}
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	p := &pools[0]
	at := snap.Time
	if text := r.FormValue("at"); text != "" {
		t, err := parseInstant(text, at, p.Pool.Location)
		if err != nil {
			fail(http.StatusBadRequest, "at: %s", err)
			return
		}
		at = t
	}
	d, until, err := decisionAt(p, at, snap)
	if err != nil {
		fail(http.StatusNotFound, "%s", err)
		return
	}
	v := explanationOf(snap, p, d)
	v.Until = when(until)
	v.Text = v.words(p.Pool.Location)
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: apiv1.Explanation(v)})
}

// parseInstant reads an instant as people and programs write it: RFC 3339, seconds
// since 1970, or a wall clock in the zone, without a day the last one before now.
func parseInstant(text string, now time.Time, zone *time.Location) (time.Time, error) {
	text = strings.TrimSpace(text)
	if t, ok := absolute(text); ok {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if clock, err := time.Parse(layout, text); err == nil {
			local := now.In(zone)
			t := time.Date(local.Year(), local.Month(), local.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, zone)
			if t.After(now) {
				t = time.Date(local.Year(), local.Month(), local.Day()-1, clock.Hour(), clock.Minute(), clock.Second(), 0, zone)
			}
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no instant; expected a time such as 2026-11-12T18:30:00Z, 2026-11-12 18:30 or 18:30 on the pool's wall clock, or seconds since 1970", clip(text))
}

// absolute reads an instant as programs write it: RFC 3339 or seconds since 1970.
func absolute(text string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	const latest = 1e11 // the year 5138; later ones are milliseconds
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || !(x >= 0 && x < latest) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(1000 * x)), true
}

// decisionAt returns the decision that was in force at an instant, and when another
// one took its place; zero if none did.
func decisionAt(p *engine.PoolStatus, at time.Time, snap *engine.Snapshot) (d policy.Decision, until time.Time, err error) {
	zone := p.Pool.Location
	if at.After(snap.Time.Add(snap.Settings.Interval)) {
		return d, until, fmt.Errorf("nothing is decided for %s yet; the last tick was at %s", dated(at, zone), dated(snap.Time, zone))
	}
	if !at.Before(p.Decision.Time) {
		return p.Decision, until, nil
	}
	for i, d := range p.Recent {
		if at.Before(d.Time) {
			continue
		}
		if i > 0 {
			until = p.Recent[i-1].Time
		}
		return d, until, nil
	}
	oldest := p.Decision
	if n := len(p.Recent); n > 0 {
		oldest = p.Recent[n-1]
	}
	return d, until, fmt.Errorf("what was decided about pool %q is remembered back to %s, not to %s", p.Pool.Name, dated(oldest.Time, zone), dated(at, zone))
}

// explanation is what is told about a decision.
type explanation apiv1.Explanation

// explanationOf collects what is known about a decision of a pool.
func explanationOf(snap *engine.Snapshot, p *engine.PoolStatus, d policy.Decision) explanation {
	v := explanation{
		Pool: p.Pool.Name, Location: p.Pool.Location.String(), Decision: decisionOf(d), PerAgent: p.Pool.PerAgent,
		Stages: apiv1.Stages{Demand: d.Stages.Demand, Rules: d.Stages.Rules, Bounded: d.Stages.Bounded, Final: d.Desired}, Notes: []string{},
	}
	events := eventsOf(snap, p, span{})
	v.Events = near(events, d.Time)
	v.addRules(policyOf(snap, p), events, d, p.Effects)
	if !d.Time.Equal(p.Decision.Time) {
		v.addPast(snap, p, d)
		return v
	}
	v.Load = sampleOf(p.Load)
	if x := p.Completeness; x != nil {
		v.Completeness = &apiv1.Completeness{Sample: sampleOf(x.Sample), Usual: apiv1.Number(x.Usual)}
	}
	v.Agents = &apiv1.Agents{Known: p.Count.Known, Agents: p.Count.Agents, Ready: p.Count.Ready, Detail: p.Count.Detail}
	v.Outcome = &apiv1.Outcome{Result: p.Outcome.Result}
	if p.Outcome.Err != nil {
		v.Outcome.Error = p.Outcome.Err.Error()
	}
	if o := p.Override; o != nil {
		v.Override = &apiv1.ActiveOverride{ID: o.ID, Order: ordered(*o), Author: o.Author, Reason: o.Reason, Start: o.Start.UTC(), End: o.End.UTC()}
	}
	v.Budgets = []apiv1.Budget{}
	for _, b := range p.Budgets {
		v.Budgets = append(v.Budgets, budgetOf(p.Pool.Name, b))
	}
	v.addHosts(snap, p)
	v.Forecast, v.Fallback = outlookOf(snap, p), p.Fallback
	return v
}

// addPast adds what is known about a decision that is not the last one.
func (v *explanation) addPast(snap *engine.Snapshot, p *engine.PoolStatus, d policy.Decision) {
	at := d.Time.Truncate(snap.Settings.Step)
	load := policy.Sample{Value: p.History.At(at), Time: at, Quality: policy.OK}
	if math.IsNaN(load.Value) {
		load = policy.Sample{Detail: "the history has none"}
	}
	v.Load = sampleOf(load)
	v.Notes = append(v.Notes, "of past decisions neither the agents that were ready, nor what became of them, nor overrides, budgets, hosts and forecasts are kept; the load is that of the history")
	if loaded := snap.Settings.LoadedAt; loaded.After(d.Time) {
		v.Notes = append(v.Notes, fmt.Sprintf("the configuration was loaded since, at %s; rules are told as they are now", dated(loaded, p.Pool.Location)))
	}
}

// policyOf returns the pool with its rules.
func policyOf(snap *engine.Snapshot, p *engine.PoolStatus) policy.Policy {
	for _, spec := range snap.Settings.Pools {
		if spec.Pool.Name == p.Pool.Name {
			return spec.Policy
		}
	}
	return policy.Policy{Pool: p.Pool}
}

// span is an interval of time; the zero span is all of it.
type span struct{ start, end time.Time }

// eventsOf returns the events that concern the pool in a span, by start: those of the
// settings and those told since.
func eventsOf(snap *engine.Snapshot, p *engine.PoolStatus, within span) []policy.Event {
	var out []policy.Event
	type key struct {
		source, id string
		start      int64
	}
	known := map[key]bool{}
	for _, events := range [][]policy.Event{p.Events, snap.Settings.Events} {
		for _, e := range events {
			if within != (span{}) && (!e.End.After(within.start) || !e.Start.Before(within.end)) {
				continue
			}
			if k := (key{e.Source, e.ID, e.Start.Unix()}); !known[k] && p.Pool.Concerns(e) {
				known[k] = true
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b policy.Event) int { return a.Start.Compare(b.Start) })
	return out
}

// near returns the events that go on at t and the next one.
func near(events []policy.Event, t time.Time) apiv1.NearEvents {
	out := apiv1.NearEvents{Now: []apiv1.Event{}}
	for _, e := range events {
		view := eventOf(e)
		switch {
		case e.Start.After(t):
			out.Next = &view
			return out
		case e.End.After(t):
			out.Now = append(out.Now, view)
		}
	}
	return out
}

// addRules adds the rules that were active and what they made of the demand.
func (v *explanation) addRules(p policy.Policy, events []policy.Event, d policy.Decision, effects []engine.Effect) {
	timeline := p.Timeline(events)
	together := timeline.Offset(d.Time)
	v.Factor, v.Add, v.Rules, v.Ahead = together.Total, together.TotalAdd, []apiv1.ActiveRule{}, []apiv1.ActiveRule{}
	for _, name := range d.Rules {
		i := slices.IndexFunc(p.Rules, func(r policy.Rule) bool { return r.Name == name })
		if i < 0 {
			v.Rules = append(v.Rules, apiv1.ActiveRule{Name: name, Effect: "is not among the rules any more", Counts: true})
			continue
		}
		v.Rules = append(v.Rules, beside(ruleOf(p, i, events, d.Time), effects))
	}
	soon := d.Time.Add(p.Pool.LeadTime)
	ahead := timeline.Active(soon)
	for i, r := range p.Rules {
		if slices.Contains(ahead, r.Name) && !slices.Contains(d.Rules, r.Name) {
			v.Ahead = append(v.Ahead, beside(ruleOf(p, i, events, soon), effects))
		}
	}
}

// ruleOf says what rule i of a pool did at t.
func ruleOf(p policy.Policy, i int, events []policy.Event, t time.Time) apiv1.ActiveRule {
	r := p.Rules[i]
	v := apiv1.ActiveRule{Name: r.Name, Counts: true}
	offset := func(rules ...policy.Rule) policy.Offset {
		return policy.Policy{Pool: p.Pool, Rules: rules}.Timeline(events).Offset(t)
	}
	switch {
	case r.Demand == nil:
		v.Effect = effectInWords(r)
	case r.Demand.Learned:
		v.Effect = "multiplies the demand by what is learned"
	default:
		own := offset(r)
		v.Factor, v.Add, v.Effect = &own.Total, &own.TotalAdd, demandInWords(own)
		if r.Demand.Group == "" {
			break
		}
		var group []policy.Rule
		for _, other := range p.Rules {
			if other.Demand != nil && other.Demand.Group == r.Demand.Group {
				group = append(group, other)
			}
		}
		// Of a group the first of the largest effects counts.
		largest := offset(group...)
		first := slices.IndexFunc(group, func(other policy.Rule) bool {
			o := offset(other)
			return o.Total == largest.Total && o.TotalAdd == largest.TotalAdd
		})
		v.Counts = first < 0 || group[first].Name == r.Name
	}
	return v
}

// beside tells of a rule what history says about its events.
func beside(v apiv1.ActiveRule, effects []engine.Effect) apiv1.ActiveRule {
	i := slices.IndexFunc(effects, func(e engine.Effect) bool { return e.Class == v.Name })
	if i < 0 {
		return v
	}
	e := effects[i]
	v.Measured, v.Seen = apiv1.Number(e.Measured), e.Events
	v.Effect += fmt.Sprintf("; %s was measured, n=%d", amount(e.Measured), e.Events)
	return v
}

func boundsInWords(b policy.BoundsEffect) string {
	var parts []string
	for _, side := range []struct {
		words string
		bound *policy.Bound
	}{{"at least", b.Min}, {"at most", b.Max}} {
		switch {
		case side.bound == nil:
		case side.bound.Percent > 0:
			parts = append(parts, fmt.Sprintf("%s %s %% of the pool's maximum", side.words, amount(side.bound.Percent)))
		default:
			parts = append(parts, side.words+" "+agents(float64(side.bound.Agents)))
		}
	}
	return strings.Join(parts, ", ")
}

func demandInWords(o policy.Offset) string {
	switch {
	case o.TotalAdd == 0:
		return "multiplies the demand by " + amount(o.Total)
	case o.Total == 1:
		return fmt.Sprintf("adds %s to the demand", agents(o.TotalAdd))
	}
	return fmt.Sprintf("multiplies the demand by %s and adds %s", amount(o.Total), agents(o.TotalAdd))
}

// addHosts adds the hosts that the pool's agents run on.
func (v *explanation) addHosts(snap *engine.Snapshot, p *engine.PoolStatus) {
	v.Hosts = []apiv1.Host{}
	for _, h := range snap.Hosts {
		if h.Hosts == "" || h.Hosts == p.Pool.Hosts {
			host := hostOf(h)
			host.Footprints = slices.DeleteFunc(host.Footprints, func(f apiv1.Footprint) bool { return f.Pool != p.Pool.Name })
			v.Hosts = append(v.Hosts, host)
		}
	}
	for _, name := range slices.Compact([]string{"", p.Pool.Hosts}) {
		if g := snap.Emergency[name]; g.Active {
			v.Notes = append(v.Notes, fmt.Sprintf("an emergency of the hosts goes on; pools were cut at %s and do not grow before it is over", dated(g.Cut, p.Pool.Location)))
		}
	}
}

// outlookOf says what the forecast expects at the end of the lead time; nil if there
// is none.
func outlookOf(snap *engine.Snapshot, p *engine.PoolStatus) *apiv1.Outlook {
	f, lead := p.Forecast, p.Pool.LeadTime
	if f.Len() == 0 {
		return nil
	}
	v := &apiv1.Outlook{Model: f.Model, LeadTime: lead.Seconds(), Own: p.Pool.Quantile, Levels: f.Levels, Loads: []float64{}, Models: []apiv1.Member{}}
	if k := int(max(snap.Time.Add(lead).Sub(f.Start), 0) / f.Step); k < f.Len() {
		v.At = when(f.Time(k))
		for _, path := range f.Paths {
			v.Loads = append(v.Loads, path[k])
		}
	}
	if len(p.Scores) == 0 {
		return v
	}
	nearest := engine.NearestHorizon(p.Scores, f.Step, lead)
	v.Horizon = (time.Duration(nearest) * f.Step).Seconds()
	for _, s := range p.Scores {
		switch {
		case s.Horizon != nearest:
		case s.Model == forecast.Combination:
			v.WAPE = apiv1.Number(s.WAPE)
		case s.Weight > 0:
			v.Models = append(v.Models, apiv1.Member{Model: s.Model, Weight: s.Weight, WAPE: apiv1.Number(s.WAPE)})
		}
	}
	slices.SortStableFunc(v.Models, func(a, b apiv1.Member) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	return v
}
