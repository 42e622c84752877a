package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type overrideCmd struct {
	Set   overrideSetCmd   `cmd:"" help:"Set the override of a pool, in place of the one it has."`
	List  overrideListCmd  `cmd:"" help:"List the overrides that hold now or later."`
	Clear overrideClearCmd `cmd:"" help:"End the override of a pool."`
}

type overrideSetCmd struct {
	Pool    string `arg:"" help:"The pool."`
	Min     *int   `name:"min" help:"Fewest agents."`
	Max     *int   `name:"max" help:"Most agents."`
	Exact   *int   `name:"exact" help:"Exactly so many agents."`
	Hold    bool   `name:"hold" help:"Keep the agents that there are."`
	Disable bool   `name:"disable" help:"Leave the pool alone: the orchestrator is not called for it."`
	during
	Author string `name:"author" env:"USER" required:"" help:"Who orders it."`
	Reason string `name:"reason" required:"" help:"Why, for those who find the override at work."`
	controlFlags
}

type overrideListCmd struct {
	Pool string `arg:"" optional:"" help:"The pool. Without one: all."`
	controlFlags
}

type overrideClearCmd struct {
	Pool   string `arg:"" help:"The pool."`
	Author string `name:"author" env:"USER" help:"Who orders it."`
	controlFlags
}

// override is what an adapter tells about an override.
type override struct {
	Pool      string    `json:"pool"`
	Min       *int      `json:"min"`
	Max       *int      `json:"max"`
	Hold      bool      `json:"hold"`
	Disable   bool      `json:"disable"`
	Author    string    `json:"author"`
	Reason    string    `json:"reason"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Active    bool      `json:"active"`
	Remaining float64   `json:"remaining_seconds"`
	Source    string    `json:"source"`
}

// Run sets an override.
func (c *overrideSetCmd) Run(ctx context.Context, out *output) error {
	body := struct {
		Min     *int   `json:"min,omitempty"`
		Max     *int   `json:"max,omitempty"`
		Exact   *int   `json:"exact,omitempty"`
		Hold    bool   `json:"hold,omitempty"`
		Disable bool   `json:"disable,omitempty"`
		Author  string `json:"author"`
		Reason  string `json:"reason"`
		interval
	}{c.Min, c.Max, c.Exact, c.Hold, c.Disable, c.Author, c.Reason, c.interval()}
	type answer struct {
		override
		Replaced []override `json:"replaced"`
		Warnings []string   `json:"warnings"`
	}
	r := request{method: http.MethodPut, path: "overrides/" + url.PathEscape(c.Pool), body: body}
	return tell(ctx, &c.controlFlags, r, out, func(a answer) error {
		fmt.Fprintln(out.Stdout, a.sentence())
		for _, old := range a.Replaced {
			fmt.Fprintln(out.Stdout, "in place of", old.sentence())
		}
		warn(out, a.Warnings)
		return nil
	})
}

// Run lists overrides.
func (c *overrideListCmd) Run(ctx context.Context, out *output) error {
	r := request{method: http.MethodGet, path: "overrides", query: url.Values{}}
	if c.Pool != "" {
		r.query.Set("pool", c.Pool)
	}
	return tell(ctx, &c.controlFlags, r, out, func(all []override) error {
		if len(all) == 0 {
			fmt.Fprintln(out.Stderr, "no overrides")
			return nil
		}
		lines := [][]string{{"POOL", "ORDER", "STATE", "UNTIL", "AUTHOR", "REASON", "SOURCE"}}
		for _, o := range all {
			lines = append(lines, []string{cell(o.Pool), o.order(), o.state(), listed(o.End), cell(o.Author), cell(o.Reason), cell(o.Source)})
		}
		return grid(out.Stdout, lines)
	})
}

// Run ends an override.
func (c *overrideClearCmd) Run(ctx context.Context, out *output) error {
	r := request{method: http.MethodDelete, path: "overrides/" + url.PathEscape(c.Pool), query: url.Values{"author": {c.Author}}}
	return tell(ctx, &c.controlFlags, r, out, func(ended []override) error {
		for _, o := range ended {
			fmt.Fprintln(out.Stdout, "ended:", o.sentence())
		}
		return nil
	})
}

// order says what is ordered: "exactly 12 agents".
func (o override) order() string {
	switch {
	case o.Disable:
		return "disabled"
	case o.Hold:
		return "hold"
	case o.Min != nil && o.Max != nil && *o.Min == *o.Max:
		return agents("exactly %d", *o.Min)
	case o.Min != nil && o.Max != nil:
		return fmt.Sprintf("%d to %d agents", *o.Min, *o.Max)
	case o.Min != nil:
		return agents("at least %d", *o.Min)
	case o.Max != nil:
		return agents("at most %d", *o.Max)
	}
	return "nothing"
}

func agents(format string, n int) string {
	if n == 1 {
		return fmt.Sprintf(format+" agent", n)
	}
	return fmt.Sprintf(format+" agents", n)
}

// state says whether the override holds: "active, 1h59m left".
func (o override) state() string {
	if !o.Active {
		return "from " + listed(o.Start)
	}
	return "active, " + left(o.Remaining) + " left"
}

// left tells seconds, in minutes if there are some.
func left(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d > time.Minute {
		return short(d.Round(time.Minute))
	}
	return d.Round(time.Second).String()
}

// sentence tells all about the override.
func (o override) sentence() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", plain(o.Pool), o.order())
	if !o.Active {
		fmt.Fprintf(&b, " from %s", clock(o.Start))
	}
	fmt.Fprintf(&b, " until %s (%s), by %s: %s", clock(o.End), left(o.End.Sub(o.Start).Seconds()), plain(o.Author), plain(o.Reason))
	return b.String()
}
