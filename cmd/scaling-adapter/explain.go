package main

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

type explainCmd struct {
	Pool string `arg:"" help:"Pool of a running adapter whose decision is explained."`
	At   string `name:"at" placeholder:"TIME" help:"Explain the decision that was in force then, not the last one: 18:30 or 2026-11-12 18:30 on the pool's wall clock, 2026-11-12T18:30:00Z, or seconds since 1970."`
	printed
}

// Run asks an adapter why a pool has what it has and prints the answer.
func (c *explainCmd) Run(ctx context.Context, out *output) error {
	r := apiv1.Request{Method: http.MethodGet, Path: "explain", Query: url.Values{"pool": {c.Pool}}}
	if c.At != "" {
		r.Query.Set("at", c.At)
	}
	return tell(ctx, c.printed, r, out, func(e apiv1.Explanation) error {
		if e.Pool != c.Pool || e.Text == "" {
			return c.noAdapter("it explains nothing")
		}
		_, err := io.WriteString(out.Stdout, e.Text)
		return err
	})
}
