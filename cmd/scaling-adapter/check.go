package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

type checkCmd struct {
	Files  []string `arg:"" optional:"" help:"Configuration files, which are checked with the rule files that they name, and rule files, which are checked as one set. Without any: scaling-adapter.yml."`
	Live   bool     `help:"Ask the Prometheus of the configuration, too, and fetch calendars by URL."`
	Strict bool     `help:"Exit with status 1 for warnings, too."`
	Format string   `enum:"text,json" default:"text" help:"Format: text or json."`
}

// Validate reports wrong usage.
func (c *checkCmd) Validate() error {
	if configs, _ := c.sorted(); c.Live && len(configs) == 0 {
		return errors.New("--live needs a configuration file, which says where Prometheus is")
	}
	return nil
}

// sorted tells configuration files from rule files. What cannot be read is no rule
// file.
func (c *checkCmd) sorted() (configs, rules []string) {
	if len(c.Files) == 0 {
		return []string{"scaling-adapter.yml"}, nil
	}
	for _, name := range c.Files {
		data, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize)
		if err == nil && rulefile.IsRuleFile(data) {
			rules = append(rules, name)
			continue
		}
		configs = append(configs, name)
	}
	return configs, rules
}

// Run checks the files and prints what is wrong with them, and then what is most
// likely not meant.
func (c *checkCmd) Run(ctx context.Context, out *output) error {
	r := checkReport{strict: c.Strict}
	configs, files := c.sorted()
	now := time.Now()
	for _, name := range configs {
		load := func() (config.Config, rulefile.Rules, error) { return app.Load(name, os.Getenv, now, nil) }
		if c.Live {
			load = func() (config.Config, rulefile.Rules, error) { return app.Live(ctx, name, os.Getenv, now) }
		}
		cfg, rules, err := load()
		r.add(append([]string{name}, cfg.RuleFiles...), rules, err, fmt.Sprintf("%s: ok, with %d rule files and %d pools", name, len(cfg.RuleFiles), len(rules.Pools)))
	}
	if len(files) > 0 {
		rules, err := app.Rules(files, now)
		r.add(files, rules, err, fmt.Sprintf("%d rule files: ok, with %d pools and %d events", len(files), len(rules.Pools), len(rules.Events)))
	}
	if err := r.print(out, c.Format); err != nil {
		return err
	}
	if !r.ok() {
		return errProblems
	}
	return nil
}

// checkReport is what a check has found in all files.
type checkReport struct {
	strict             bool
	problems, warnings strictyaml.Problems
	files              []string
	pools, events      int
	fine               []string // what is said of sets without problems
}

// add notes what was found in a set of files.
func (r *checkReport) add(files []string, rules rulefile.Rules, err error, fine string) {
	problems, _ := errors.AsType[strictyaml.Problems](err)
	r.problems = append(r.problems, problems...)
	r.warnings = append(r.warnings, rules.Warnings...)
	r.files = append(r.files, files...)
	r.pools, r.events = r.pools+len(rules.Pools), r.events+len(rules.Events)
	switch n := len(rules.Warnings); {
	case len(problems) > 0:
	case n == 0:
		r.fine = append(r.fine, fine)
	case !r.strict:
		r.fine = append(r.fine, fmt.Sprintf("%s; warnings: %d", fine, n))
	}
}

func (r *checkReport) ok() bool {
	return len(r.problems) == 0 && (len(r.warnings) == 0 || !r.strict)
}

func (r *checkReport) print(out *output, format string) error {
	problems, warnings := ordered(r.problems), ordered(r.warnings)
	if format == "json" {
		return r.json(out, problems, warnings)
	}
	for _, p := range problems {
		fmt.Fprintln(out.Stdout, p)
	}
	for _, w := range warnings {
		fmt.Fprintf(out.Stdout, "%s: warning: %s\n", w.Pos, w.Message)
	}
	for _, text := range r.fine {
		fmt.Fprintln(out.Stdout, text)
	}
	return nil
}

// ordered returns the problems by place, each once: a rule file may be in two sets.
func ordered(ps strictyaml.Problems) strictyaml.Problems {
	out, _ := errors.AsType[strictyaml.Problems](ps.Err())
	return out
}

// findingView is a problem or a warning as JSON. Line and column are 0 when it is
// about the whole file.
type findingView struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"`
	Message  string `json:"message"`
}

func (r *checkReport) json(out *output, problems, warnings strictyaml.Problems) error {
	var view struct {
		Findings []findingView `json:"findings"`
		Summary  struct {
			OK       bool `json:"ok"`
			Files    int  `json:"files"`
			Pools    int  `json:"pools"`
			Events   int  `json:"events"`
			Errors   int  `json:"errors"`
			Warnings int  `json:"warnings"`
		} `json:"summary"`
	}
	view.Findings = []findingView{}
	for _, p := range problems {
		view.Findings = append(view.Findings, findingView{p.File, p.Line, p.Col, "error", p.Message})
	}
	for _, w := range warnings {
		view.Findings = append(view.Findings, findingView{w.File, w.Line, w.Col, "warning", w.Message})
	}
	s := &view.Summary
	s.OK, s.Files, s.Pools, s.Events = r.ok(), len(slices.Compact(slices.Sorted(slices.Values(r.files)))), r.pools, r.events
	s.Errors, s.Warnings = len(problems), len(warnings)
	e := json.NewEncoder(out.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(view)
}
