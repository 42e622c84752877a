package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

type resumeCmd struct {
	Pool   string `arg:"" help:"The pool."`
	Author string `name:"author" env:"USER" help:"Who orders it."`
	printed
}

// Run ends the pause of a pool.
func (c *resumeCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodDelete, Path: "pauses/" + url.PathEscape(c.Pool), Query: url.Values{"author": {c.Author}}}
	return tell(ctx, c.printed, r, out, func(p apiv1.Pause) error {
		_, err := fmt.Fprintf(out.Stdout, "resumed: %s was paused until %s: %s\n", plain(p.Pool), listed(p.End), plain(p.Why))
		return err
	})
}
