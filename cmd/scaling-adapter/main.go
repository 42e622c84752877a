// Command scaling-adapter scales pools of worker agents ahead of their load.
//
// It reads loads from Prometheus, forecasts them, decides with the rules of
// people how many agents each pool should have, asks the orchestrator for them
// and shows all of it. See the README for how to start.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // zones are needed where the machine has none

	"github.com/alecthomas/kong"
)

// cli are the commands, each in a file of its own.
type cli struct {
	Run      runCmd      `cmd:"" help:"Run the adapter."`
	Demo     demoCmd     `cmd:"" help:"Run the whole stack on this machine with a simulated clock."`
	Check    checkCmd    `cmd:"" help:"Check configuration and rule files."`
	Test     testCmd     `cmd:"" help:"Run the tests of rule files."`
	Forecast forecastCmd `cmd:"" help:"Show the forecast of a pool or of a file."`
	Plan     planCmd     `cmd:"" help:"Show what pools are going to do in the coming days, and what a change of rules changes."`
	Backtest backtestCmd `cmd:"" help:"Replay the past: what pools would have had, beside other ways to scale."`
	Explain  explainCmd  `cmd:"" help:"Explain in words why a pool has the agents that it has, or had."`
	Status   statusCmd   `cmd:"" help:"Show how a running adapter does, and its pools."`
	Override overrideCmd `cmd:"" help:"Set, list and end overrides of a running adapter."`
	Report   reportCmd   `cmd:"" help:"Sum up what the last while was like, and what could be better."`
	Mode     modeCmd     `cmd:"" help:"Put a pool into another mode for some time."`
	Resume   resumeCmd   `cmd:"" help:"End the pause of a pool that could not be scaled."`
	Event    eventCmd    `cmd:"" help:"Tell a running adapter of events, list and end them."`
	State    stateCmd    `cmd:"" help:"Look at what is kept for the next start, export and import it."`
	Debug    debugCmd    `cmd:"" help:"Help others to help you."`
	Schema   schemaCmd   `cmd:"" help:"Print the JSON Schema of rule files or of the configuration."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// output is where a command writes: data to Stdout, talk to Stderr.
type output struct{ Stdout, Stderr io.Writer }

// errProblems says that a command found problems and has printed them.
var errProblems = errors.New("problems found")

// Exit statuses.
const (
	exitOK       = 0
	exitProblems = 1
	exitUsage    = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := execute(ctx, os.Args[1:], output{os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// execute runs the command that the arguments name and returns the exit status.
func execute(ctx context.Context, args []string, out output) int {
	parser, err := kong.New(&cli{},
		kong.Name("scaling-adapter"),
		kong.Description("Scales pools of worker agents ahead of their load."),
		kong.Writers(out.Stdout, out.Stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&out),
	)
	if err != nil {
		panic("scaling-adapter: bad command definition: " + err.Error())
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(out.Stderr, "scaling-adapter: %s; see scaling-adapter --help\n", err)
		return exitUsage
	}
	switch err := command.Run(); {
	case errors.Is(err, errProblems):
		return exitProblems
	case err != nil:
		fmt.Fprintf(out.Stderr, "scaling-adapter: %s\n", err)
		return exitProblems
	}
	return exitOK
}
