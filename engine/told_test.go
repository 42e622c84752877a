package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func hold(pool string, from, to time.Time) policy.Override {
	return policy.Override{ID: pool, Pool: pool, Hold: true, Author: "anna", Reason: "repair", Start: from, End: to}
}

// I29: a clock that is set back prolongs no override, ends none for a while and
// brings none back that is over.
func TestAClockSetBackProlongsNoOverride(t *testing.T) {
	const back = time.Hour
	for _, tc := range []struct {
		name   string
		length time.Duration // of an override from the start on
		want   []bool        // whether it holds, each half minute for three minutes; the clock is set back after one
	}{
		{"goes on as long as it would have", 2 * time.Minute, []bool{true, true, true, true, false, false}},
		{"is over and stays so", time.Minute, []bool{true, true, false, false, false, false}},
		{"is long over", 30 * time.Second, []bool{true, false, false, false, false, false}},
	} {
		e := newEngine(t)
		e.Apply(settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba")))
		e.Tick(t.Context(), start.Add(-30*time.Second))
		e.SetOverride(hold("nba", start, start.Add(tc.length)))
		var got []bool
		now := start
		for k := range 6 {
			if k == 2 {
				now = now.Add(-back)
			}
			e.Tick(t.Context(), now)
			got = append(got, e.Snapshot().Pools[0].Override != nil)
			now = now.Add(30 * time.Second)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
		for ; now.Before(start.Add(10 * time.Minute)); now = now.Add(5 * time.Minute) { // until the clock shows those times again
			if e.Tick(t.Context(), now); e.Snapshot().Pools[0].Override != nil {
				t.Errorf("%s: at %s it is back", tc.name, now)
			}
		}
	}
}

func TestAnOverrideSetAfterTheClockWasSetBackLastsAsLongAsOrdered(t *testing.T) {
	e := newEngine(t)
	e.Apply(settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba")))
	e.Tick(t.Context(), start)
	now := start.Add(-time.Hour)
	ordered := hold("nba", now, now.Add(2*time.Hour))
	e.SetOverride(ordered)
	e.Tick(t.Context(), now.Add(10*time.Second))
	if diff := cmp.Diff([]policy.Override{ordered}, e.Overrides(now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One that is to come keeps its time on the clock.
func TestAnOverrideToComeFollowsTheClock(t *testing.T) {
	e := newEngine(t)
	e.Apply(settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba")))
	later := hold("nba", start.Add(time.Hour), start.Add(2*time.Hour))
	e.SetOverride(later)
	e.Tick(t.Context(), start)
	e.Tick(t.Context(), start.Add(-10*time.Minute))
	if diff := cmp.Diff([]policy.Override{later}, e.Overrides(start)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOverridesThatEndAreLogged(t *testing.T) {
	var log bytes.Buffer
	e := New(Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	e.Apply(settings(newWorld(flat(100), map[string]int{"nba": 10}), spec("nba")))
	e.SetOverride(hold("nba", start, start.Add(time.Minute)))
	for k := range 5 {
		now := start.Add(time.Duration(k) * 30 * time.Second)
		e.Overrides(now) // whoever looks does not end it
		e.Tick(t.Context(), now)
	}
	if got := strings.Count(log.String(), `msg="override ended by itself" pool=nba override=nba author=anna reason=repair`); got != 1 {
		t.Errorf("logged %d times, want once:\n%s", got, log.String())
	}
}

func TestEventsAreAllThatAreKnown(t *testing.T) {
	event := func(id string, at time.Duration) policy.Event {
		return policy.Event{ID: id, Type: "news", Start: start.Add(at), End: start.Add(at + time.Hour)}
	}
	w := newWorld(flat(100), map[string]int{"nba": 10})
	w.truth = func(time.Time) map[string]float64 { return map[string]float64{"nba": 1} }
	e := newEngine(t)
	if all := e.Events(); len(all) > 0 {
		t.Errorf("without settings: %+v", all)
	}
	s := settings(w, spec("nba"))
	s.Events = []policy.Event{event("b", 2*time.Hour), event("d", 4*time.Hour)}
	s.Exprs = []Expr{{Name: "viral", Query: "x", Type: "news"}}
	e.Apply(s)
	e.PutEvent(event("c", 3*time.Hour))
	e.PutEvent(event("a", time.Hour))
	e.Tick(t.Context(), start)
	ids := func(events []policy.Event) []string {
		var out []string
		for _, ev := range events {
			id, _, _ := strings.Cut(ev.ID, "/")
			out = append(out, id)
		}
		return out
	}
	if diff := cmp.Diff([]string{"viral", "a", "b", "c", "d"}, ids(e.Events())); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "c"}, ids(e.ToldEvents())); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// The same event again costs nobody new timelines, and events are not without number.
func TestEventsToldAgainAndAgain(t *testing.T) {
	e := newEngine(t)
	event := func(id string, end time.Duration) policy.Event {
		return policy.Event{ID: id, Type: "news", Labels: map[string]string{"league": "nba"}, Start: start, End: start.Add(end)}
	}
	e.PutEvent(event("a", time.Hour))
	_, before := e.orders.told(start)
	e.PutEvent(event("a", time.Hour))
	if _, after := e.orders.told(start); after != before {
		t.Error("the same event again counts as a change")
	}
	for i := range mostEvents {
		e.PutEvent(event(fmt.Sprint(i), time.Duration(mostEvents-i)*time.Minute+2*time.Hour))
	}
	told := e.ToldEvents()
	for _, ev := range told {
		if ev.ID == "a" {
			t.Error("the event that ended first is still there")
		}
	}
	if len(told) != mostEvents {
		t.Errorf("%d events are kept, want %d", len(told), mostEvents)
	}
	e.PutEvent(event("0", time.Minute))
	if len(e.ToldEvents()) != mostEvents {
		t.Error("one that is replaced makes room for none")
	}
}
