package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Bounds of events.
const (
	mostLabels   = 64
	mostGoing    = 500 // that were told at run time and are not over
	longestEvent = 31 * 24 * time.Hour
)

// The sources of events that are told at run time. Those of rule files have names
// of their own, and IDs with a slash.
const (
	sourceAPI          = "api"
	sourceAlertmanager = "alertmanager"
)

// orderedEvent returns the event that is told at now, without an ID if none was sent. An
// error says all that is wrong.
func orderedEvent(b apiv1.EventOrder, now, oldest time.Time) (policy.Event, error) {
	var ps problems
	e := policy.Event{ID: b.ID, Type: b.Type, Labels: b.Labels, Source: sourceAPI}
	if e.ID != "" && !nameSyntax.MatchString(e.ID) {
		ps.add("id %q is not up to 100 letters, digits, dots, dashes and underscores", clip(e.ID))
	}
	ps.eventType("type", e.Type)
	e.Name = ps.text("name", b.Name, mostText)
	ps.labels(e.Labels)
	before := len(ps)
	e.Start, e.End = times{b.Start, b.End, b.Duration}.span(now, 0, &ps)
	switch length := e.End.Sub(e.Start); {
	case len(ps) > before:
	case length > longestEvent:
		ps.add("the event would last %s, more than the %s that are allowed", model.Duration(length), model.Duration(longestEvent))
	case e.End.Before(oldest):
		ps.add("end %s is before the history begins, at %s; such an event has no effect", stamp(e.End), stamp(oldest))
	}
	return e, ps.err()
}

func (ps *problems) eventType(field, value string) {
	switch {
	case value == "":
		ps.add("%s is missing; send one that a rule asks for, such as breaking_news", field)
	case !nameSyntax.MatchString(value):
		ps.add("%s %q is not up to 100 letters, digits, dots, dashes and underscores", field, clip(value))
	}
}

func (ps *problems) labels(labels map[string]string) {
	if len(labels) > mostLabels {
		ps.add("%d labels, at most %d are allowed", len(labels), mostLabels)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "" {
			ps.add("a label has no name")
		}
		ps.text("the name of label "+strconv.Quote(clip(name)), name, mostName)
		ps.text("label "+clip(name), labels[name], mostText)
	}
}

func knownOf(e policy.Event, now time.Time) apiv1.KnownEvent {
	v := apiv1.KnownEvent{Event: eventOf(e), State: "active"}
	switch {
	case now.Before(e.Start):
		v.State = "upcoming"
	case !now.Before(e.End):
		v.State = "over"
	}
	return v
}

// events tells all events that are known, by start.
func (s *orders) events(r *http.Request) (any, error) {
	keep, err := s.filter(r)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	views := []apiv1.KnownEvent{}
	for _, e := range s.Engine.Events() {
		if keep(e, now) {
			views = append(views, knownOf(e, now))
		}
	}
	return views, nil
}

// filter returns what a request wants to see of the events.
func (s *orders) filter(r *http.Request) (func(policy.Event, time.Time) bool, error) {
	var pool policy.Pool
	name, typ, upcoming := r.FormValue("pool"), r.FormValue("type"), false
	if name != "" {
		var err error
		if pool, err = s.pool(name); err != nil {
			return nil, err
		}
	}
	if text := r.FormValue("upcoming"); text != "" {
		var err error
		if upcoming, err = strconv.ParseBool(text); err != nil {
			return nil, refuse(http.StatusBadRequest, "upcoming must be true or false, got %q", clip(text))
		}
	}
	return func(e policy.Event, now time.Time) bool {
		return (name == "" || pool.Concerns(e)) && (typ == "" || e.Type == typ) && (!upcoming || now.Before(e.End))
	}, nil
}

func (s *orders) putEvent(r *http.Request, by caller) (any, error) {
	var body apiv1.EventOrder
	if err := decode(r, knownFields, &body); err != nil {
		return nil, err
	}
	var ps problems
	author := ps.text("author", body.Author, mostName)
	if err := ps.err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, settings := s.Now(), s.Engine.Settings()
	e, err := orderedEvent(body, now, now.Add(-settings.History))
	if err != nil {
		return nil, err
	}
	told := s.Engine.ToldEvents()
	switch {
	case e.ID != "":
	case by.key != "":
		e.ID = e.Type + "-" + by.key.id() // the same when it is sent again after a restart
	default:
		e.ID = freeID(told, e.Type+"-"+serial(now))
	}
	before := "none"
	if i := slices.IndexFunc(told, func(old policy.Event) bool { return old.ID == e.ID }); i >= 0 {
		before = tell(told[i])
	} else if going(told, now) >= mostGoing {
		return nil, refuse(http.StatusConflict, "%d events that were told are not over yet, more are not taken; end some of them", mostGoing)
	}
	if err := s.Engine.PutEvent(e); err != nil {
		return nil, notTaken(err)
	}
	s.audit(by, author, before, tell(e)).Info("event put", "event", e.ID)
	answer := apiv1.EventPut{KnownEvent: knownOf(e, now), Pools: reacting(settings, e), Warnings: []string{}}
	if len(answer.Pools) == 0 {
		answer.Warnings = append(answer.Warnings, "no rule of a pool that it concerns asks for this event: it changes nothing; rules ask for "+asked(settings))
	}
	return answer, nil
}

// freeID returns an ID that no event has, beginning with a stem.
func freeID(told []policy.Event, stem string) string {
	id := stem
	for n := 2; slices.ContainsFunc(told, func(e policy.Event) bool { return e.ID == id }); n++ {
		id = fmt.Sprintf("%s-%d", stem, n)
	}
	return id
}

// going counts the events that are not over.
func going(told []policy.Event, now time.Time) int {
	n := 0
	for _, e := range told {
		if now.Before(e.End) {
			n++
		}
	}
	return n
}

// reacting returns the pools that have a rule for an event.
func reacting(s *engine.Settings, e policy.Event) []string {
	out := []string{}
	for _, p := range s.Pools {
		if p.Pool.Concerns(e) && slices.ContainsFunc(p.Asked(), func(m policy.EventMatch) bool { return m.Matches(e) }) {
			out = append(out, p.Pool.Name)
		}
	}
	return out
}

// asked names the types of events that rules ask for.
func asked(s *engine.Settings) string {
	types := map[string]bool{}
	for _, p := range s.Pools {
		for _, m := range p.Asked() {
			if _, isExpr := m.Expr(); !isExpr { // nobody can tell those
				types[m.Type] = true
			}
		}
	}
	if len(types) == 0 {
		return "no events at all"
	}
	return strings.Join(slices.Sorted(maps.Keys(types)), ", ")
}

func (s *orders) endEvent(r *http.Request, by caller) (any, error) {
	var ps problems
	author := ps.text("author", r.FormValue("author"), mostName)
	if err := ps.err(); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	is := func(e policy.Event) bool { return e.ID == id }
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	told := s.Engine.ToldEvents()
	i := slices.IndexFunc(told, is)
	if i < 0 {
		all := s.Engine.Events()
		if i = slices.IndexFunc(all, is); i >= 0 {
			return nil, refuse(http.StatusConflict, "event %q comes from event source %s and ends there", clip(id), all[i].Source)
		}
		return nil, refuse(http.StatusNotFound, "no event has the id %q; GET /api/v1/events tells those that are known", clip(id))
	}
	e := told[i]
	if !now.Before(e.End) {
		return nil, refuse(http.StatusConflict, "event %q has ended already, at %s", id, stamp(e.End))
	}
	if _, err := s.Engine.EndEvent(id, now); err != nil {
		return nil, notTaken(err)
	}
	before, after := tell(e), "none"
	if e.Start.Before(now) { // otherwise it never began
		e.End = now
		after = tell(e)
	}
	s.audit(by, author, before, after).Info("event ended", "event", id)
	v := knownOf(e, now)
	v.State = "over"
	return v, nil
}

// tell tells an event in a line of a log.
func tell(e policy.Event) string {
	var labels strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
		fmt.Fprintf(&labels, " %s=%s", name, e.Labels[name])
	}
	return fmt.Sprintf("%s %q from %s until %s%s", e.Type, e.Name, stamp(e.Start), stamp(e.End), labels.String())
}
