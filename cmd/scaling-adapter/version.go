package main

import (
	"fmt"

	"github.com/prometheus/common/version"
)

type versionCmd struct{}

// Run prints the version, the revision and what the binary was built with.
func (versionCmd) Run(out *output) error { //nolint:unparam // all commands return an error
	fmt.Fprintln(out.Stdout, version.Print("scaling-adapter"))
	return nil
}
