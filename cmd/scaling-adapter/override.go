package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

type overrideCmd struct {
	Set   overrideSetCmd   `cmd:"" help:"Set the override of a pool, in place of the one it has."`
	List  overrideListCmd  `cmd:"" help:"List the overrides that hold now or later."`
	Clear overrideClearCmd `cmd:"" help:"End the override of a pool."`
}

type overrideSetCmd struct {
	Pool    string      `arg:"" help:"The pool."`
	Min     *int        `name:"min" help:"Fewest agents."`
	Max     *int        `name:"max" help:"Most agents."`
	Exact   *int        `name:"exact" help:"Exactly so many agents."`
	Hold    bool        `name:"hold" help:"Keep the agents that there are."`
	Disable bool        `name:"disable" help:"Leave the pool alone: the orchestrator is not called for it."`
	Mode    policy.Mode `name:"mode" help:"The pool's mode: dry_run, scale_up_only or active; alone, or beside another order."`
	during
	Author string `name:"author" env:"USER" required:"" help:"Who orders it."`
	Reason string `name:"reason" required:"" help:"Why, for those who find the override at work."`
	printed
}

type overrideListCmd struct {
	Pool string `arg:"" optional:"" help:"The pool. Without one: all."`
	printed
}

type overrideClearCmd struct {
	Pool   string `arg:"" help:"The pool."`
	Author string `name:"author" env:"USER" help:"Who orders it."`
	printed
}

// override is what an adapter tells about an override.
type override apiv1.Override

// Run sets an override.
func (c *overrideSetCmd) Run(ctx context.Context, out *output) error {
	body := apiv1.OverrideOrder{
		Order: apiv1.Order{Min: c.Min, Max: c.Max, Exact: c.Exact, Hold: c.Hold, Disable: c.Disable, Mode: c.Mode}, Author: c.Author, Reason: c.Reason,
		Start: c.Start.text(), End: c.Until.text(), Duration: string(c.For),
	}
	r := apiv1.Request{Method: http.MethodPut, Path: "overrides/" + url.PathEscape(c.Pool), Body: body}
	return tell(ctx, c.printed, r, out, func(a apiv1.OverrideSet) error {
		fmt.Fprintln(out.Stdout, override(a.Override).sentence())
		for _, old := range a.Replaced {
			fmt.Fprintln(out.Stdout, "in place of", override(old).sentence())
		}
		warn(out, a.Warnings)
		return nil
	})
}

// Run lists overrides.
func (c *overrideListCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodGet, Path: "overrides", Query: url.Values{}}
	if c.Pool != "" {
		r.Query.Set("pool", c.Pool)
	}
	return tell(ctx, c.printed, r, out, func(all []apiv1.Override) error {
		if len(all) == 0 {
			fmt.Fprintln(out.Stderr, "no overrides")
			return nil
		}
		lines := [][]string{{"POOL", "ORDER", "STATE", "UNTIL", "AUTHOR", "REASON", "SOURCE"}}
		for _, told := range all {
			o := override(told)
			lines = append(lines, []string{cell(o.Pool), o.order(), o.state(), listed(o.End), cell(o.Author), cell(o.Reason), cell(o.Source)})
		}
		return grid(out.Stdout, lines)
	})
}

// Run ends an override.
func (c *overrideClearCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodDelete, Path: "overrides/" + url.PathEscape(c.Pool), Query: url.Values{"author": {c.Author}}}
	return tell(ctx, c.printed, r, out, func(ended []apiv1.Override) error {
		for _, o := range ended {
			fmt.Fprintln(out.Stdout, "ended:", override(o).sentence())
		}
		return nil
	})
}

// order says what is ordered: "exactly 12 agents".
func (o override) order() string {
	bounds := o.bounds()
	switch {
	case o.Mode == "":
		return bounds
	case bounds == "":
		return "mode " + string(o.Mode)
	}
	return fmt.Sprintf("mode %s, %s", o.Mode, bounds)
}

func (o override) bounds() string {
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
	return ""
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
