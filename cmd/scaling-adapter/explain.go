package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
)

type explainCmd struct {
	Pool string `arg:"" help:"Pool of a running adapter whose decision is explained."`
	At   string `name:"at" placeholder:"TIME" help:"Explain the decision that was in force then, not the last one: 18:30 or 2026-11-12 18:30 on the pool's wall clock, 2026-11-12T18:30:00Z, or seconds since 1970."`
	adapter
	Output string `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// Validate reports wrong usage.
func (c *explainCmd) Validate() error { return c.check() }

// Run asks an adapter why a pool has what it has and prints the answer.
func (c *explainCmd) Run(ctx context.Context, out *output) error {
	query := url.Values{"pool": {c.Pool}}
	if c.At != "" {
		query.Set("at", c.At)
	}
	var data json.RawMessage
	if err := c.ask(ctx, "explain", query, &data); err != nil {
		return err
	}
	var explanation struct {
		Pool string `json:"pool"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &explanation); err != nil || explanation.Pool != c.Pool || explanation.Text == "" {
		return c.stranger("it explains nothing")
	}
	if c.Output == "json" {
		_, err := fmt.Fprintf(out.Stdout, "%s\n", data)
		return err
	}
	_, err := io.WriteString(out.Stdout, explanation.Text)
	return err
}
