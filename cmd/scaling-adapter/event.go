package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

type eventCmd struct {
	Push  eventPushCmd  `cmd:"" help:"Tell of an event, or anew of one that was told before."`
	List  eventListCmd  `cmd:"" help:"List events, those of calendars included."`
	Clear eventClearCmd `cmd:"" help:"End an event that was told."`
}

type eventPushCmd struct {
	Type   string            `arg:"" help:"Type of the event, as rules ask for it."`
	Name   string            `name:"name" help:"What happens, for people."`
	Labels map[string]string `name:"label" mapsep:"none" placeholder:"NAME=VALUE" help:"Label of the event; may be repeated. It concerns the pools whose labels say nothing else."`
	ID     string            `name:"id" help:"ID of the event; the same ID again replaces the event. Without one it is made."`
	during
	Author string `name:"author" env:"USER" help:"Who tells it."`
	printed
}

type eventListCmd struct {
	Pool string `name:"pool" help:"Events that concern this pool only."`
	Type string `name:"type" help:"Events of this type only."`
	All  bool   `name:"all" help:"Events that are over, too."`
	Most int    `name:"limit" default:"20" help:"Most events to show as text; 0 shows all."`
	printed
}

type eventClearCmd struct {
	ID     string `arg:"" help:"ID of the event."`
	Author string `name:"author" env:"USER" help:"Who orders it."`
	printed
}

// event is what an adapter tells about an event.
type event apiv1.Event

// Run tells of an event.
func (c *eventPushCmd) Run(ctx context.Context, out *output) error {
	body := apiv1.EventOrder{
		ID: c.ID, Type: c.Type, Name: c.Name, Labels: c.Labels, Author: c.Author,
		Start: c.Start.text(), End: c.Until.text(), Duration: string(c.For),
	}
	return tell(ctx, c.printed, apiv1.Request{Method: http.MethodPost, Path: "events", Body: body}, out, func(a apiv1.EventPut) error {
		fmt.Fprintln(out.Stdout, event(a.Event).sentence())
		if len(a.Pools) > 0 {
			fmt.Fprintln(out.Stdout, "pools with a rule for it:", plain(strings.Join(a.Pools, ", ")))
		}
		warn(out, a.Warnings)
		return nil
	})
}

// Run lists events.
func (c *eventListCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodGet, Path: "events", Query: url.Values{}}
	for name, value := range map[string]string{"pool": c.Pool, "type": c.Type} {
		if value != "" {
			r.Query.Set(name, value)
		}
	}
	if !c.All {
		r.Query.Set("upcoming", "true")
	}
	return tell(ctx, c.printed, r, out, func(all []apiv1.KnownEvent) error {
		if len(all) == 0 {
			fmt.Fprintln(out.Stderr, "no events")
			return nil
		}
		lines := [][]string{{"TYPE", "NAME", "STATE", "START", "END", "LABELS", "SOURCE", "ID"}}
		shown := all
		if c.Most > 0 {
			shown = all[:min(c.Most, len(all))]
		}
		for _, e := range shown {
			lines = append(lines, []string{cell(e.Type), cell(e.Name), e.State, listed(e.Start), listed(e.End), plain(event(e.Event).labels()), cell(e.Source), plain(e.ID)})
		}
		if n := len(all) - len(shown); n > 0 {
			defer fmt.Fprintf(out.Stderr, "and %d more; --limit 0 shows all\n", n)
		}
		return grid(out.Stdout, lines)
	})
}

// Run ends an event.
func (c *eventClearCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodDelete, Path: "events/" + url.PathEscape(c.ID), Query: url.Values{"author": {c.Author}}}
	return tell(ctx, c.printed, r, out, func(e apiv1.KnownEvent) error {
		fmt.Fprintln(out.Stdout, "ended:", event(e.Event).sentence())
		return nil
	})
}

func (e event) labels() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
		parts = append(parts, name+"="+e.Labels[name])
	}
	return strings.Join(parts, " ")
}

// sentence tells all about the event.
func (e event) sentence() string {
	words := []string{e.ID + ":", e.Type}
	if e.Name != "" {
		words = append(words, fmt.Sprintf("%q", e.Name))
	}
	words = append(words, e.labels(), "from", clock(e.Start), "until", clock(e.End))
	return plain(strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
}
