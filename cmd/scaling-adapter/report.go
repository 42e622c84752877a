package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/report"
)

type reportCmd struct {
	Period duration `name:"period" default:"24h" help:"How long was it: from 1h to 28d."`
	Format string   `name:"format" enum:"md,html,json" default:"md" help:"md, html or json."`
	Out    string   `name:"out" placeholder:"FILE" help:"Write it into this file, not to the standard output."`
	adapter
}

// Run asks an adapter what the last while was like.
func (c *reportCmd) Run(ctx context.Context, out *output) error {
	var r apiv1.Report
	if err := c.ask(ctx, apiv1.Request{Method: http.MethodGet, Path: "report", Query: url.Values{"period": {string(c.Period)}}}, &r); err != nil {
		return err
	}
	render := map[string]func(apiv1.Report) ([]byte, error){
		"md": report.Markdown, "html": report.HTML, "json": func(r apiv1.Report) ([]byte, error) { return json.MarshalIndent(r, "", "  ") },
	}[c.Format]
	text, err := render(r)
	if err != nil {
		return err
	}
	if c.Out != "" {
		return os.WriteFile(c.Out, text, 0o644) //nolint:gosec // a document for everyone
	}
	_, err = out.Stdout.Write(text)
	return err
}
