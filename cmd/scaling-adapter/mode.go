package main

import (
	"context"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

type modeCmd struct {
	Pool string      `arg:"" help:"The pool."`
	Mode policy.Mode `arg:"" help:"dry_run, scale_up_only or active."`
	during
	Author string `name:"author" env:"USER" required:"" help:"Who orders it."`
	Reason string `name:"reason" required:"" help:"Why, for those who find the pool in this mode."`
	printed
}

// Run sets an override of nothing but the mode.
func (c *modeCmd) Run(ctx context.Context, out *output) error {
	set := overrideSetCmd{Pool: c.Pool, Mode: c.Mode, during: c.during, Author: c.Author, Reason: c.Reason, printed: c.printed}
	return set.Run(ctx, out)
}
