package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"scaling-adapter": func() {
		os.Exit(execute(context.Background(), os.Args[1:], output{os.Stdout, os.Stderr}))
	}})
}

var update = flag.Bool("update", false, "rewrite the golden files of the scripts")

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireUniqueNames: true, UpdateScripts: *update, Setup: serveExample, Cmds: map[string]func(*testscript.TestScript, bool, []string){"desk": serveDesk}})
}
