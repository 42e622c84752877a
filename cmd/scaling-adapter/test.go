package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/prometheus/util/junitxml"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/rulefile/ruletest"
)

type testCmd struct {
	Files  []string `arg:"" name:"file" help:"Files of tests of rule files."`
	Select string   `name:"run" placeholder:"REGEXP" help:"Run only the tests whose name matches."`
	JUnit  string   `name:"junit" placeholder:"FILE" help:"Write the results into a file as JUnit XML, too."`
	Output string   `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// Validate reports wrong usage; a file that cannot be read is one.
func (c *testCmd) Validate() error {
	if _, err := regexp.Compile(c.Select); err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	for _, name := range c.Files {
		if _, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Run runs the tests and prints what is not as they expect.
func (c *testCmd) Run(ctx context.Context, out *output) error {
	name, err := regexp.Compile(c.Select)
	if err != nil {
		return err
	}
	var results []suiteResult
	ok, ran := true, 0
	for _, file := range c.Files {
		r, err := runSuite(ctx, file, name)
		if err != nil {
			return err
		}
		if c.Output == "text" {
			r.print(out)
		}
		results = append(results, r)
		ok = ok && r.ok()
		ran += len(r.Tests)
	}
	if c.Output == "json" {
		if err := writeTestJSON(out.Stdout, results); err != nil {
			return err
		}
	}
	if c.JUnit != "" {
		if err := writeJUnit(c.JUnit, results); err != nil {
			return err
		}
	}
	switch {
	case !ok:
		return errProblems
	case ran == 0:
		return fmt.Errorf("no test has a name that matches --run %q", c.Select)
	}
	return nil
}

// suiteResult is what became of a file: problems, or results of its tests.
type suiteResult struct {
	File     string
	Problems strictyaml.Problems
	Tests    []testResult
}

type testResult struct {
	ruletest.Test
	Failures []ruletest.Failure
}

func runSuite(ctx context.Context, file string, name *regexp.Regexp) (suiteResult, error) {
	r := suiteResult{File: file}
	suite, err := ruletest.Load(file, app.Offline)
	if problems, bad := errors.AsType[strictyaml.Problems](err); bad {
		r.Problems = problems
		return r, nil
	}
	for _, t := range suite.Select(name).Tests {
		failures, err := t.Run(ctx)
		if err != nil {
			return r, fmt.Errorf("test %q: %w", t.Name, err)
		}
		r.Tests = append(r.Tests, testResult{t, failures})
	}
	return r, nil
}

func (r suiteResult) ok() bool { return len(r.Problems) == 0 && r.failed() == 0 }

func (r suiteResult) failed() int {
	n := 0
	for _, t := range r.Tests {
		if len(t.Failures) > 0 {
			n++
		}
	}
	return n
}

// print prints each failure after its place, and how many tests there were.
func (r suiteResult) print(out *output) {
	if len(r.Problems) > 0 {
		fmt.Fprintln(out.Stdout, r.Problems)
		return
	}
	expectations := 0
	for _, t := range r.Tests {
		expectations += t.Expectations()
		for _, f := range t.Failures {
			fmt.Fprintf(out.Stdout, "%s: test %q: %s\n", f.Pos, t.Name, f)
		}
	}
	if n := r.failed(); n > 0 {
		fmt.Fprintf(out.Stdout, "%s: %d of %d tests failed\n", r.File, n, len(r.Tests))
		return
	}
	fmt.Fprintf(out.Stdout, "%s: ok, %d tests with %d expectations\n", r.File, len(r.Tests), expectations)
}

func writeJUnit(name string, results []suiteResult) error {
	var doc junitxml.JUnitXML
	for _, r := range results {
		suite := doc.Suite(r.File)
		if len(r.Problems) > 0 {
			suite.Case("load")
			suite.Abort(r.Problems)
		}
		for _, t := range r.Tests {
			suite.Case(t.Name)
			var texts []string
			for _, f := range t.Failures {
				texts = append(texts, f.Pos.String()+": "+f.String())
			}
			if len(texts) > 0 {
				suite.Fail(strings.Join(texts, "\n"))
			}
		}
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	fmt.Fprint(f, xml.Header)
	err = doc.WriteXML(f)
	fmt.Fprintln(f)
	return errors.Join(err, f.Close())
}
