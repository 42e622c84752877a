package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/forecastplot"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

type planCmd struct {
	ConfigFile string         `name:"config.file" default:"scaling-adapter.yml" help:"Configuration file."`
	From       instant        `name:"from" placeholder:"TIME" help:"When the plan begins, such as \"2026-11-12 18:30\" on this machine's clock, or 2026-11-12T18:30:00Z. Without it: now."`
	To         planEnd        `name:"to" default:"+7d" placeholder:"TIME" help:"When the plan ends: a time, or how long it is, such as +36h, up to +14d; without it +7d."`
	Pool       []string       `name:"pool" sep:"none" help:"Show this pool only; may be repeated."`
	Rules      []string       `name:"rules" sep:"none" placeholder:"FILE" help:"Plan with this rule file instead of those that the configuration names; may be repeated or a quoted pattern."`
	Diff       []string       `name:"diff" sep:"none" placeholder:"FILE" help:"Show what changes against a plan with this rule file; may be repeated or a quoted pattern."`
	Every      model.Duration `name:"every" default:"1h" help:"Time that a row of the table stands for."`
	Offline    bool           `name:"offline" help:"Ask nobody: plan without history, by base agents and known effects."`
	Plot       string         `name:"plot" placeholder:"FILE" help:"Draw the plan into a file, .svg or .png."`
	Output     string         `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// planEnd is an instant, or a length from the start of the plan on.
type planEnd struct {
	text   string
	length time.Duration // 0: text is an instant
}

// UnmarshalText reads the end of a plan; an instant is read when the start is known.
func (e *planEnd) UnmarshalText(text []byte) error {
	*e = planEnd{text: string(text)}
	length, relative := strings.CutPrefix(e.text, "+")
	if !relative {
		return (&instant{}).parse(e.text, time.Now())
	}
	d, err := model.ParseDuration(length)
	if err != nil {
		return fmt.Errorf("%q is not a length such as +36h or +7d", e.text)
	}
	e.length = time.Duration(d)
	if e.length <= 0 || e.length > engine.LongestPlan {
		return fmt.Errorf("a plan is above 0 and up to +14d long, got %s", e.text)
	}
	return nil
}

// after returns the end of a plan that begins at start.
func (e planEnd) after(start time.Time) (time.Time, error) {
	if e.length > 0 {
		return start.Add(e.length), nil
	}
	var at instant
	switch err := at.parse(e.text, start); {
	case err != nil:
		return time.Time{}, fmt.Errorf("--to: %w", err)
	case !at.After(start):
		return time.Time{}, fmt.Errorf("--to %s is not after the start of the plan at %s", e.text, start.Format(time.RFC3339))
	case at.Sub(start) > engine.LongestPlan:
		return time.Time{}, fmt.Errorf("--to %s is more than 14d after the start of the plan at %s", e.text, start.Format(time.RFC3339))
	}
	return at.Time, nil
}

// Validate reports wrong usage.
func (c *planCmd) Validate() error {
	if c.Every <= 0 {
		return errors.New("--every must be above 0")
	}
	if now := time.Now(); c.From.After(now) && !c.Offline {
		return errors.New("--from lies ahead, where nothing is measured yet; add --offline, or leave it out and look further with --to")
	}
	if c.Plot != "" {
		if err := forecastplot.CheckName(c.Plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	for flag, names := range map[string]*[]string{"--rules": &c.Rules, "--diff": &c.Diff} {
		found, err := matching(*names)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		*names = found
	}
	return nil
}

// matching returns the files that the names and patterns stand for.
func matching(patterns []string) ([]string, error) {
	var out []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", p, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no file %s", p)
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Run shows what the pools are going to do, or what other rules change.
func (c *planCmd) Run(ctx context.Context, out *output) error {
	now := c.From.Time
	if now.IsZero() {
		now = time.Now()
	}
	end, err := c.To.after(now)
	if err != nil {
		return err
	}
	r := planReport{Every: time.Duration(c.Every), Old: c.Diff}
	if r.Plan, err = c.plan(ctx, out, now, end, c.Rules); err == nil && len(c.Diff) > 0 {
		r.Before, err = c.plan(ctx, out, now, end, c.Diff)
	}
	if _, bad := errors.AsType[strictyaml.Problems](err); bad {
		fmt.Fprintln(out.Stderr, err) // each has its place
		return errProblems
	}
	if err != nil {
		return err
	}
	if err := r.keep(c.Pool); err != nil {
		return err
	}
	if c.Plot != "" {
		picture, err := r.picture()
		if err != nil {
			return err
		}
		if err := forecastplot.WritePlan(c.Plot, picture); err != nil {
			return err
		}
		fmt.Fprintf(out.Stderr, "wrote %s\n", c.Plot)
	}
	if c.Output == "json" {
		return r.writeJSON(out.Stdout)
	}
	return r.writeText(out.Stdout)
}

// plan makes the plan with the rule files, or with those that the configuration
// names.
func (c *planCmd) plan(ctx context.Context, out *output, now, end time.Time, rules []string) (engine.Plan, error) {
	v, err := app.Look(app.LookOptions{
		ConfigFile: c.ConfigFile, RuleFiles: rules, Getenv: os.Getenv, Now: now, Offline: c.Offline, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return engine.Plan{}, err
	}
	defer v.Close()
	for _, w := range v.Warnings {
		fmt.Fprintf(out.Stderr, "warning: %s\n", plain(w.String()))
	}
	if !c.From.IsZero() {
		v.Settings.Actuator = nil // it tells what runs now
	}
	p, err := engine.NewPlan(ctx, v.Settings, now, end)
	if errors.Is(err, engine.ErrNotMeasured) && ctx.Err() == nil {
		err = fmt.Errorf("%w; --offline plans without history", err)
	}
	return p, err
}

// planReport is a plan and perhaps another one that it is compared with.
type planReport struct {
	Plan   engine.Plan
	Before engine.Plan // without pools: there is none
	Old    []string    // rule files of the other plan; none: there is none
	Every  time.Duration
}

// compares reports whether the plan is compared with another one.
func (r planReport) compares() bool { return len(r.Old) > 0 }

// keep leaves the pools out that are not named; without names all are kept.
func (r *planReport) keep(names []string) error {
	for _, name := range names {
		is := func(p engine.PoolPlan) bool { return p.Pool.Name == name }
		if !slices.ContainsFunc(r.Plan.Pools, is) && !slices.ContainsFunc(r.Before.Pools, is) {
			return fmt.Errorf("there is no pool %q; there are %s", name, strings.Join(r.names(), ", "))
		}
	}
	if len(names) > 0 {
		other := func(p engine.PoolPlan) bool { return !slices.Contains(names, p.Pool.Name) }
		r.Plan.Pools = slices.DeleteFunc(r.Plan.Pools, other)
		r.Before.Pools = slices.DeleteFunc(r.Before.Pools, other)
	}
	return nil
}

// names returns those of all pools, sorted.
func (r planReport) names() []string {
	var names []string
	for _, p := range slices.Concat(r.Plan.Pools, r.Before.Pools) {
		names = append(names, p.Pool.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// poolOf returns the plan of a pool; nil if it has none.
func poolOf(p engine.Plan, name string) *engine.PoolPlan {
	i := slices.IndexFunc(p.Pools, func(p engine.PoolPlan) bool { return p.Pool.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Pools[i]
}
