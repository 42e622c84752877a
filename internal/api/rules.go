package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// rulesAhead is how far ahead it is told when rules are active.
const rulesAhead = 7 * 24 * time.Hour

// rules answers which rules are in force, and when.
func (s server) rules(w http.ResponseWriter, r *http.Request) {
	if s.Snapshot() == nil {
		answer(w, nil, refuse(http.StatusServiceUnavailable, "the adapter has not taken its first tick; no rules are in force yet"))
		return
	}
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	set := snap.Settings
	v := apiv1.Rules{
		Time: snap.Time.UTC(), Generation: set.Generation, Hash: set.Hash, LoadedAt: when(set.LoadedAt),
		Files: apiv1.List(set.Files), Warnings: apiv1.List(set.Warnings), Pools: []apiv1.PoolRules{},
	}
	for i := range pools {
		v.Pools = append(v.Pools, rulesOf(snap, &pools[i]))
	}
	answer(w, v, nil)
}

func rulesOf(snap *engine.Snapshot, p *engine.PoolStatus) apiv1.PoolRules {
	own := policyOf(snap, p)
	v := apiv1.PoolRules{Pool: p.Pool.Name, Location: p.Pool.Location.String(), Rules: []apiv1.Rule{}}
	spells := own.Timeline(eventsOf(snap, p, span{})).Spells(snap.Time, snap.Time.Add(rulesAhead))
	for i, rule := range own.Rules {
		spell := spells[i]
		v.Rules = append(v.Rules, apiv1.Rule{
			Name: rule.Name, Place: snap.Settings.Places[rule.Name], When: whenInWords(rule), Effect: effectInWords(rule),
			Active: spell.Active, From: when(spell.From), Until: when(spell.Until),
		})
	}
	return v
}

// whenInWords says when a rule is active.
func whenInWords(r policy.Rule) string {
	text := conditionInWords(r.When)
	if text == "" {
		text = "always"
	}
	if r.Unless != nil {
		text += "; not " + conditionInWords(*r.Unless)
	}
	return text
}

func conditionInWords(c policy.Condition) string {
	var parts []string
	var names []string
	for _, s := range c.During {
		names = append(names, s.Name)
	}
	if len(names) > 0 {
		parts = append(parts, "during "+strings.Join(names, " or "))
	}
	var months []string
	for _, m := range c.Months {
		text := time.Month(m.Begin).String()
		if m.End != m.Begin {
			text += " to " + time.Month(m.End).String()
		}
		months = append(months, text)
	}
	if len(months) > 0 {
		parts = append(parts, "in "+strings.Join(months, " or "))
	}
	for _, m := range c.Events {
		if text, ok := m.Expr(); ok {
			parts = append(parts, "while "+text)
			continue
		}
		parts = append(parts, "at events "+eventsInWords(m))
	}
	return strings.Join(parts, ", ")
}

func eventsInWords(m policy.EventMatch) string {
	text := "of type " + m.Type
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		labels = append(labels, name+"="+m.Labels[name])
	}
	if len(labels) > 0 {
		text += " with " + strings.Join(labels, " ")
	}
	if m.Lead > 0 {
		text += " from " + model.Duration(m.Lead).String() + " before"
	}
	if m.Tail > 0 {
		text += " until " + model.Duration(m.Tail).String() + " after"
	}
	return text
}

// effectInWords says what a rule does while it is active.
func effectInWords(r policy.Rule) string {
	switch {
	case r.Hold == policy.HoldDown:
		return "does not let the pool shrink"
	case r.Hold == policy.HoldBoth:
		return "holds the pool"
	case r.Bounds != nil:
		return boundsInWords(*r.Bounds)
	case r.Demand != nil:
		return declaredInWords(*r.Demand)
	}
	return "has no effect"
}

// declaredInWords says what a rule declares to do to the demand.
func declaredInWords(d policy.DemandEffect) string {
	var factors []string
	if d.Multiply != 1 {
		factors = append(factors, amount(d.Multiply))
	}
	if len(d.ByMonth) > 0 {
		months := slices.Collect(maps.Values(d.ByMonth))
		factors = append(factors, fmt.Sprintf("%s to %s by month", amount(slices.Min(months)), amount(slices.Max(months))))
	}
	if d.ByHour != nil {
		factors = append(factors, fmt.Sprintf("%s to %s by hour of the day", amount(slices.Min(d.ByHour[:])), amount(slices.Max(d.ByHour[:]))))
	}
	var parts []string
	if len(factors) > 0 {
		parts = append(parts, "multiplies the demand by "+strings.Join(factors, " times "))
	}
	if d.Add > 0 {
		parts = append(parts, fmt.Sprintf("adds %s to the demand", agents(d.Add)))
	}
	if len(parts) == 0 {
		parts = []string{"leaves the demand as it is"}
	}
	text := strings.Join(parts, " and ")
	for _, part := range []struct {
		words  string
		length time.Duration
	}{{"growing for", d.RampUp}, {"vanishing for", d.RampDown}, {"halved every", d.HalfLife}} {
		if part.length > 0 {
			text += ", " + part.words + " " + model.Duration(part.length).String()
		}
	}
	if d.Learned {
		text += "; what is learned of its events counts instead"
	}
	if d.Group != "" {
		text += "; of group " + d.Group + " only the largest effect counts"
	}
	return text
}
