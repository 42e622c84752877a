package main

import (
	"encoding/json"

	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

type schemaCmd struct {
	Of string `arg:"" optional:"" enum:"rules,config" default:"rules" help:"What it is for: rules or config."`
}

// Run prints the schema.
func (c *schemaCmd) Run(out *output) error {
	schema := rulefile.Schema
	if c.Of == "config" {
		schema = config.Schema
	}
	e := json.NewEncoder(out.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(schema())
}
