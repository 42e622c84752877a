package api

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// lengths are how long overrides last.
type lengths struct{ ordinary, longest time.Duration }

// overrideOf returns the override of a pool that is ordered at now. An error says all
// that is wrong.
func overrideOf(b apiv1.OverrideOrder, pool string, now time.Time, l lengths) (policy.Override, error) {
	var ps problems
	order := b.Policy()
	o := order.Override()
	o.Pool = pool
	if o.Author = ps.text("author", b.Author, mostName); o.Author == "" {
		ps.add("author is missing; say who orders this")
	}
	if o.Reason = ps.text("reason", b.Reason, mostText); o.Reason == "" {
		ps.add("reason is missing; say why, for those who find the override at work")
	}
	for _, problem := range order.Problems() {
		ps.add("%s", problem)
	}
	before := len(ps)
	o.Start, o.End = times{b.Start, b.End, b.Duration}.span(now, l.ordinary, &ps)
	if o.Start.Before(now) {
		o.Start = now
	}
	switch length := o.End.Sub(o.Start); {
	case len(ps) > before:
	case length <= 0:
		ps.add("end %s is over; it is %s now", stamp(o.End), stamp(now))
	case length > l.longest:
		ps.add("the override would last %s, more than the %s that are allowed", model.Duration(length), model.Duration(l.longest))
	}
	o.ID = pool + "-" + serial(now)
	return o, ps.err()
}

func (s *orders) overrideView(o policy.Override, now time.Time) apiv1.Override {
	v := apiv1.Override{
		ID: o.ID, Pool: o.Pool, Min: o.Min, Max: o.Max, Hold: o.Hold, Disable: o.Disable, Mode: o.Mode, Author: o.Author, Reason: o.Reason,
		Start: o.Start.UTC(), End: o.End.UTC(), Active: o.ActiveAt(now), Remaining: max(0, o.End.Sub(now).Seconds()), Source: "api",
	}
	if s.configured(o) {
		v.Source = "configuration"
	}
	return v
}

func (s *orders) overrideViews(all []policy.Override, now time.Time) []apiv1.Override {
	views := []apiv1.Override{}
	for _, o := range all {
		views = append(views, s.overrideView(o, now))
	}
	return views
}

// configured reports whether an override comes from the configuration.
func (s *orders) configured(o policy.Override) bool {
	return slices.ContainsFunc(s.Engine.Settings().Overrides, func(c policy.Override) bool { return reflect.DeepEqual(c, o) })
}

// pool returns a pool of the settings.
func (s *orders) pool(name string) (policy.Pool, error) {
	var known []string
	for _, p := range s.Engine.Settings().Pools {
		if p.Pool.Name == name {
			return p.Pool, nil
		}
		known = append(known, p.Pool.Name)
	}
	const most = 20
	if len(known) > most {
		known = append(known[:most], "…")
	}
	return policy.Pool{}, refuse(http.StatusNotFound, "no pool %q; known are %s", clip(name), strings.Join(known, ", "))
}

// ofPool returns the overrides of a pool that hold now or later.
func (s *orders) ofPool(name string, now time.Time) []policy.Override {
	return slices.DeleteFunc(s.Engine.Overrides(now), func(o policy.Override) bool { return o.Pool != name })
}

func (s *orders) overrides(r *http.Request) (any, error) {
	now := s.Now()
	if name := r.FormValue("pool"); name != "" {
		if _, err := s.pool(name); err != nil {
			return nil, err
		}
		return s.overrideViews(s.ofPool(name, now), now), nil
	}
	return s.overrideViews(s.Engine.Overrides(now), now), nil
}

func (s *orders) setOverride(r *http.Request, by caller) (any, error) {
	var body apiv1.OverrideOrder
	if err := decode(r, knownFields, &body); err != nil {
		return nil, err
	}
	pool, err := s.pool(r.PathValue("pool"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	o, err := overrideOf(body, pool.Name, now, lengths{s.DefaultOverride, s.LongestOverride})
	if err != nil {
		return nil, err
	}
	replaced := slices.DeleteFunc(s.ofPool(pool.Name, now), s.configured)
	if err := s.Engine.SetOverride(o); err != nil {
		return nil, notTaken(err)
	}
	s.audit(by, o.Author, describeAll(replaced), describe(o)).Info("override set", "pool", pool.Name, "override", o.ID)
	return apiv1.OverrideSet{Override: s.overrideView(o, now), Replaced: s.overrideViews(replaced, now), Warnings: warnings(pool, o, s.Engine.Settings())}, nil
}

// notTaken is the answer to an order that could not be saved: it would be lost with the
// process, so that it is as if it had not been given.
func notTaken(err error) error {
	return refuse(http.StatusServiceUnavailable, "%s; nothing has changed", err)
}

// warnings say why an override may do less than is expected of it.
func warnings(p policy.Pool, o policy.Override, s *engine.Settings) []string {
	out := []string{}
	mode := cmp.Or(o.Mode, p.Mode)
	switch {
	case !s.Enabled:
		out = append(out, "scaling is switched off: nothing is asked of the orchestrator")
	case s.SafeMode != "" && mode == policy.Active:
		out = append(out, s.SafeMode)
	case mode == policy.DryRun && o.Mode == "":
		out = append(out, fmt.Sprintf("pool %s is in mode dry_run: nothing is asked of the orchestrator", p.Name))
	case mode == policy.ScaleUpOnly && o.Max != nil:
		out = append(out, fmt.Sprintf("pool %s is in mode scale_up_only: it is not lowered", p.Name))
	}
	if o.Min != nil && s.MaxTotalAgents > 0 && *o.Min > s.MaxTotalAgents {
		out = append(out, fmt.Sprintf("all pools together have at most %d agents", s.MaxTotalAgents))
	}
	return out
}

func (s *orders) endOverride(r *http.Request, by caller) (any, error) {
	var ps problems
	author := ps.text("author", r.FormValue("author"), mostName)
	if err := ps.err(); err != nil {
		return nil, err
	}
	name := r.PathValue("pool")
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	all := s.ofPool(name, now)
	ended := slices.DeleteFunc(slices.Clone(all), s.configured)
	switch {
	case len(ended) > 0:
	case len(all) > 0:
		return nil, refuse(http.StatusConflict, "the override of pool %q is in the configuration; take it out there and reload", name)
	default:
		if _, err := s.pool(name); err != nil {
			return nil, err
		}
		return nil, refuse(http.StatusNotFound, "pool %q has no override", name)
	}
	if _, err := s.Engine.EndOverride(name); err != nil {
		return nil, notTaken(err)
	}
	s.audit(by, author, describeAll(ended), "none").Info("override ended", "pool", name, "override", ended[0].ID)
	return s.overrideViews(ended, now), nil
}

// describe tells an override in a line of a log.
func describe(o policy.Override) string {
	return fmt.Sprintf("%s from %s until %s by %s: %s", ordered(o), stamp(o.Start), stamp(o.End), o.Author, o.Reason)
}

func describeAll(all []policy.Override) string {
	if len(all) == 0 {
		return "none"
	}
	lines := make([]string, len(all))
	for i, o := range all {
		lines[i] = describe(o)
	}
	return strings.Join(lines, "; ")
}

func ordered(o policy.Override) string {
	bounds := orderedBounds(o)
	switch {
	case o.Mode == "":
		return bounds
	case bounds == "":
		return "mode " + string(o.Mode)
	}
	return fmt.Sprintf("mode %s, %s", o.Mode, bounds)
}

func orderedBounds(o policy.Override) string {
	switch {
	case o.Disable:
		return "disable"
	case o.Hold:
		return "hold"
	case o.Min != nil && o.Max != nil && *o.Min == *o.Max:
		return fmt.Sprintf("exactly %d", *o.Min)
	case o.Min != nil && o.Max != nil:
		return fmt.Sprintf("%d to %d", *o.Min, *o.Max)
	case o.Min != nil:
		return fmt.Sprintf("at least %d", *o.Min)
	case o.Max != nil:
		return fmt.Sprintf("at most %d", *o.Max)
	}
	return ""
}

// resume ends the pause of a pool.
func (s *orders) resume(r *http.Request, by caller) (any, error) {
	var ps problems
	author := ps.text("author", r.FormValue("author"), mostName)
	if err := ps.err(); err != nil {
		return nil, err
	}
	pool, err := s.pool(r.PathValue("pool"))
	if err != nil {
		return nil, err
	}
	pause := s.pauseOf(pool.Name)
	if !pause.End.After(s.Now()) {
		return nil, refuse(http.StatusNotFound, "pool %q is not paused", pool.Name)
	}
	s.Engine.Resume(pool.Name)
	s.audit(by, author, "paused until "+stamp(pause.End)+": "+pause.Why, "none").Info("pool resumed", "pool", pool.Name)
	return apiv1.Pause{Pool: pool.Name, Start: pause.Start.UTC(), End: pause.End.UTC(), Why: pause.Why}, nil
}

func (s *orders) pauseOf(pool string) policy.Pause {
	if snap := s.Engine.Snapshot(); snap != nil {
		for _, p := range snap.Pools {
			if p.Pool.Name == pool {
				return p.Pause
			}
		}
	}
	return policy.Pause{}
}
