package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

type checkCmd struct {
	Files []string `arg:"" optional:"" help:"Configuration files, which are checked with the rule files that they name, and rule files, which are checked as one set. Without any: scaling-adapter.yml."`
}

// Run checks the files and prints what is wrong with them.
func (c *checkCmd) Run(out *output) error {
	files := c.Files
	if len(files) == 0 {
		files = []string{"scaling-adapter.yml"}
	}
	now := time.Now()
	var rules []string
	ok := true
	for _, name := range files {
		data, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize)
		if err == nil && rulefile.IsRuleFile(data) {
			rules = append(rules, name)
			continue
		}
		cfg, set, err := app.Load(name, os.Getenv, now)
		ok = report(out, err, fmt.Sprintf("%s: ok, with %d rule files and %d pools", name, len(cfg.RuleFiles), len(set.Pools))) && ok
	}
	if len(rules) > 0 {
		set, err := rulefile.Load(rules, rulefile.Options{
			Now: now, History: 28 * 24 * time.Hour, ForecastMaxAge: 2 * time.Hour,
			Mode: policy.DryRun, LeadTime: 10 * time.Minute, Quantile: 0.9, Sensitivity: 1,
		})
		ok = report(out, err, fmt.Sprintf("%d rule files: ok, with %d pools and %d events", len(rules), len(set.Pools), len(set.Events))) && ok
	}
	if !ok {
		return errProblems
	}
	return nil
}

// report prints the problems, or that all is well, and reports whether it is.
func report(out *output, err error, fine string) bool {
	if problems, bad := errors.AsType[strictyaml.Problems](err); bad {
		fmt.Fprintln(out.Stdout, problems)
		return false
	}
	fmt.Fprintln(out.Stdout, fine)
	return true
}
