package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/store"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

type stateCmd struct {
	Inspect stateInspectCmd `cmd:"" help:"Show what is kept for the next start."`
	Export  stateExportCmd  `cmd:"" help:"Print all that is kept as JSON."`
	Import  stateImportCmd  `cmd:"" help:"Make a state of what was exported."`
}

// kept says where a state is.
type kept struct {
	Path   string `name:"storage.path" placeholder:"DIR" help:"Directory of the state. Without it: that of the configuration."`
	Config string `name:"config.file" default:"scaling-adapter.yml" help:"Configuration file that says where the state is."`
}

func (k kept) dir() (string, error) {
	if k.Path != "" {
		return k.Path, nil
	}
	cfg, err := config.Load(k.Config, os.Getenv)
	if err != nil {
		return "", fmt.Errorf("%w; give --storage.path or a configuration", err)
	}
	return cfg.Storage, nil
}

type stateInspectCmd struct{ kept }

type stateExportCmd struct{ kept }

type stateImportCmd struct {
	File string `arg:"" help:"File that was exported; - is standard input."`
	kept
}

// export returns what is kept, and where.
func (k kept) export() (d store.Dump, dir string, err error) {
	if dir, err = k.dir(); err != nil {
		return d, "", err
	}
	d, err = store.Export(dir)
	return d, dir, err
}

// Run shows what is kept.
func (c *stateInspectCmd) Run(out *output) error {
	d, dir, err := c.export()
	if err != nil {
		return err
	}
	fmt.Fprintf(out.Stdout, "state of %s, version %d\n\n", dir, d.Version)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(out.Stdout, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	if d.Time.IsZero() {
		row("last tick", "none")
	} else {
		row("last tick", "%s", d.Time.UTC().Format(time.RFC3339))
	}
	for _, pool := range slices.Sorted(maps.Keys(d.Overrides)) {
		o := d.Overrides[pool]
		row("override", "%s: %s until %s, by %s: %s", pool, orderOf(o), o.End.UTC().Format(time.RFC3339), plain(o.Author), plain(o.Reason))
	}
	for _, pool := range slices.Sorted(maps.Keys(d.Pools)) {
		st := d.Pools[pool].State
		notes := []string{fmt.Sprintf("%d agents", st.Current.Agents)}
		if st.Pause != (policy.Pause{}) {
			notes = append(notes, fmt.Sprintf("paused until %s: %s", st.Pause.End.UTC().Format(time.RFC3339), plain(st.Pause.Why)))
		}
		row("pool", "%s: %s", pool, strings.Join(notes, "; "))
	}
	row("events", "%d", len(d.Events))
	row("calendars", "%d", len(d.Calendars))
	row("journal", "%d decisions", len(d.Journal))
	for _, name := range store.SetAside(dir) {
		row("set aside", "%s: no pool is lowered while it is there", name)
	}
	return nil
}

func orderOf(o policy.Override) string {
	return override(apiv1.Override{Min: o.Min, Max: o.Max, Hold: o.Hold, Disable: o.Disable, Mode: o.Mode}).order()
}

// Run prints all that is kept.
func (c *stateExportCmd) Run(out *output) error {
	d, _, err := c.export()
	if err != nil {
		return err
	}
	e := json.NewEncoder(out.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// Run makes a state.
func (c *stateImportCmd) Run(out *output) error {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it is only read
		in = f
	}
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	var d store.Dump
	if err := decoder.Decode(&d); err != nil {
		return fmt.Errorf("%s: not an export of a state: %w", c.File, err)
	}
	if err := store.Import(dir, d); err != nil {
		return err
	}
	fmt.Fprintf(out.Stdout, "imported into %s: %d overrides, %d events, %d pools, %d decisions\n", dir, len(d.Overrides), len(d.Events), len(d.Pools), len(d.Journal))
	return nil
}
