package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
	"github.com/scaling-adapter/scaling-adapter/internal/csvseries"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

type backtestCmd struct {
	ConfigFile string         `name:"config.file" default:"scaling-adapter.yml" help:"Configuration file. With --csv and --rules there need not be one."`
	From       instant        `name:"from" placeholder:"TIME" help:"Start of what is replayed, such as \"2026-11-01 18:30\" on this machine's clock, or 2026-11-01T18:30:00Z. Without it: seven days before the end."`
	To         instant        `name:"to" placeholder:"TIME" help:"End of what is replayed. Without it: now, or the end of the files."`
	Pool       []string       `name:"pool" sep:"none" help:"Show this pool only; may be repeated."`
	Rules      []string       `name:"rules" sep:"none" placeholder:"FILE" help:"Replay with this rule file instead of those that the configuration names; may be repeated or a quoted pattern."`
	Against    []string       `name:"against" sep:"none" placeholder:"OTHER" help:"Compare with this: forecast_only, schedule_only, hpa, hpa_10 to hpa_99 (a lower target, in percent), last_week, static_peak, static_mean, oracle, or a rule file or quoted pattern; may be repeated. Without it: all but rule files and lower targets."`
	CSV        []string       `name:"csv" sep:"none" placeholder:"[POOL=]FILE" help:"Replay the load of this file of times and values; may be repeated. Prometheus is not asked."`
	Tick       model.Duration `name:"tick" default:"1m" help:"Time between two turns of the loop."`
	Startup    model.Duration `name:"startup" help:"How long an agent takes to be ready. Without it the pool's lead time."`
	RefitEvery model.Duration `name:"refit-every" default:"12h" help:"How often models are fitted anew at least."`
	HTML       string         `name:"html" placeholder:"FILE" help:"Write a page with pictures into a file."`
	Series     string         `name:"series" placeholder:"FILE" help:"Write needed and ready agents at each instant into a file, as CSV."`
	Output     string         `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// Bounds of a replay.
const (
	longestReplay    = 56 * 24 * time.Hour // calendars are read for 60 days ahead
	usualReplay      = 7 * 24 * time.Hour
	mostReplayTicks  = 200_000
	mostReplayValues = 50_000_000 // of all pools and policies, about 400 MB
)

// Validate reports wrong usage.
func (c *backtestCmd) Validate() error {
	if err := csvseries.CheckStep(time.Duration(c.Tick)); err != nil {
		return fmt.Errorf("--tick: %w", err)
	}
	if c.RefitEvery <= 0 {
		return errors.New("--refit-every must be above 0")
	}
	if !c.To.IsZero() && !c.From.IsZero() && !c.To.After(c.From.Time) {
		return fmt.Errorf("--to %s is not after --from %s", c.To.text(), c.From.text())
	}
	found, err := matching(c.Rules)
	if err != nil {
		return fmt.Errorf("--rules: %w", err)
	}
	c.Rules = found
	for _, other := range c.Against {
		if backtest.IsOpponent(other) {
			continue
		}
		if _, err := matching([]string{other}); err != nil {
			return fmt.Errorf("--against: %q is none of %s, %s to %s, and %w", other, strings.Join(backtest.Opponents(), ", "),
				backtest.HPAOf(backtest.LeastTarget), backtest.HPAOf(backtest.MostTarget-1), err)
		}
	}
	return nil
}

// Run replays the past and shows what came of it.
func (c *backtestCmd) Run(ctx context.Context, out *output) error {
	result, err := c.replay(ctx, out)
	if _, bad := errors.AsType[strictyaml.Problems](err); bad {
		fmt.Fprintln(out.Stderr, err) // each has its place
		return errProblems
	}
	if err != nil {
		return err
	}
	if err := c.keep(&result); err != nil {
		return err
	}
	for _, name := range result.Unknown {
		fmt.Fprintf(out.Stderr, "warning: pool %q is left out: no load was measured\n", name)
	}
	if c.Series != "" {
		if err := c.write(out, c.Series, func(w io.Writer) error { return writeBacktestSeries(w, result) }); err != nil {
			return err
		}
	}
	if c.HTML != "" {
		if err := c.write(out, c.HTML, func(w io.Writer) error { return backtest.WriteHTML(w, result) }); err != nil {
			return err
		}
	}
	if c.Output == "json" {
		return writeBacktestJSON(out.Stdout, result)
	}
	return writeBacktestText(out.Stdout, result)
}

// write writes a file, and says so.
func (c *backtestCmd) write(out *output, name string, content func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	if err := errors.Join(content(w), w.Flush()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	fmt.Fprintf(out.Stderr, "wrote %s\n", name)
	return nil
}

// keep leaves the pools out that are not named; without names all are kept.
func (c *backtestCmd) keep(r *backtest.Result) error {
	if len(c.Pool) == 0 {
		return nil
	}
	var names []string
	for _, p := range r.Pools {
		names = append(names, p.Pool.Name)
	}
	for _, name := range c.Pool {
		switch {
		case slices.Contains(r.Unknown, name):
			return fmt.Errorf("pool %q: %w in this time", name, backtest.ErrNoLoad)
		case !slices.Contains(names, name):
			return fmt.Errorf("there is no pool %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	*r = r.Of(c.Pool)
	return nil
}

// replay reads what is needed and replays it.
func (c *backtestCmd) replay(ctx context.Context, out *output) (backtest.Result, error) {
	files, err := c.files(out)
	if err != nil {
		return backtest.Result{}, err
	}
	to := c.To.Time
	switch {
	case !to.IsZero():
	case files == nil:
		to = time.Now()
	default:
		to = lastEnd(files)
	}
	span, err := c.span(to)
	if err != nil {
		return backtest.Result{}, err
	}
	v, err := c.look(out, span.From, c.Rules)
	if err != nil {
		return backtest.Result{}, err
	}
	defer v.Close()
	o := backtest.Options{Settings: c.adapted(v.Settings, files), Startup: time.Duration(c.Startup), Against: c.Against, Others: map[string]*engine.Settings{}}
	if len(o.Against) == 0 {
		o.Against = backtest.Opponents()
	}
	if n := span.Len() * len(o.Settings.Pools) * (1 + len(o.Against)); n > mostReplayValues {
		return backtest.Result{}, fmt.Errorf("%d ticks of %d pools and %d policies are too many; give a longer --tick, a shorter time or fewer --against", span.Len(), len(o.Settings.Pools), 1+len(o.Against))
	}
	for _, other := range o.Against {
		if backtest.IsOpponent(other) {
			continue
		}
		names, err := matching([]string{other})
		if err != nil {
			return backtest.Result{}, err
		}
		w, err := c.look(out, span.From, names)
		if err != nil {
			return backtest.Result{}, err
		}
		defer w.Close()
		o.Others[other] = c.adapted(w.Settings, files)
	}
	o.Recording = backtest.NewRecording(span, o.Settings)
	for _, s := range append(slices.Collect(maps.Values(o.Others)), o.Settings) {
		if err := record(ctx, o.Recording, s, v.Settings.Source, files); err != nil {
			return backtest.Result{}, err
		}
	}
	o.Progress = progress(out.Stderr)
	r, err := backtest.Run(ctx, o)
	o.Progress(0, 0)
	return r, err
}

// start is where the replay begins if it ends at an instant.
func (c *backtestCmd) start(to time.Time) time.Time {
	if !c.From.IsZero() {
		return c.From.Time
	}
	return to.Add(-usualReplay)
}

// span returns what is replayed, on the grid of the ticks.
func (c *backtestCmd) span(to time.Time) (backtest.Span, error) {
	from, tick := c.start(to), time.Duration(c.Tick)
	s := backtest.Span{From: from.Add(tick - 1).Truncate(tick), To: to.Truncate(tick), Tick: tick}
	switch {
	case !s.To.After(s.From):
		return s, fmt.Errorf("the replay ends at %s, which is not after its start at %s", to.Format(time.RFC3339), from.Format(time.RFC3339))
	case s.To.Sub(s.From) > longestReplay:
		return s, fmt.Errorf("from %s to %s is more than %s; replay a part of it", from.Format(time.RFC3339), to.Format(time.RFC3339), model.Duration(longestReplay))
	case s.Len() > mostReplayTicks:
		return s, fmt.Errorf("%d ticks of %s, at most %d are replayed; give a longer --tick or a shorter time", s.Len(), c.Tick, mostReplayTicks)
	}
	return s, nil
}

// look reads the configuration as it would have been read then.
func (c *backtestCmd) look(out *output, now time.Time, rules []string) (app.View, error) {
	name := c.ConfigFile
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && len(c.CSV) > 0 && len(rules) > 0 {
		name = ""
	}
	v, err := app.Look(app.LookOptions{
		ConfigFile: name, RuleFiles: rules, Getenv: os.Getenv, Now: now, Offline: len(c.CSV) > 0, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return v, err
	}
	for _, w := range v.Warnings {
		fmt.Fprintf(out.Stderr, "warning: %s\n", plain(w.String()))
	}
	return v, nil
}

// files reads the loads of pools; nil if there are no files. What the rules say is read for
// the pools' names and zones only: their calendars are those of the time that the files tell.
func (c *backtestCmd) files(out *output) (map[string]forecast.Series, error) {
	if len(c.CSV) == 0 {
		return nil, nil
	}
	v, err := c.look(&output{io.Discard, io.Discard}, time.Now(), c.Rules)
	if err != nil {
		return nil, err
	}
	loads := map[string]forecast.Series{}
	var problems error
	for _, flag := range c.CSV {
		name, file, named := strings.Cut(flag, "=")
		if !named {
			name, file = "", flag
		}
		spec, err := c.poolOf(name, v.Settings)
		if err != nil {
			return nil, fmt.Errorf("--csv %s: %w", flag, err)
		}
		if _, twice := loads[spec.Pool.Name]; twice {
			return nil, fmt.Errorf("--csv %s: pool %q has a file already", flag, spec.Pool.Name)
		}
		table, err := csvseries.Read(file, csvseries.Options{Zone: spec.Pool.Location})
		if err != nil {
			problems = joined(problems, err)
			continue
		}
		for _, w := range table.Warnings {
			fmt.Fprintf(out.Stderr, "warning: %s: %s\n", file, w)
		}
		loads[spec.Pool.Name] = table.Series
	}
	return loads, problems
}

// joined returns the problems of several files as one error.
func joined(a, b error) error {
	before, _ := errors.AsType[strictyaml.Problems](a)
	if more, ok := errors.AsType[strictyaml.Problems](b); ok {
		return slices.Concat(before, more).Err()
	}
	return errors.Join(a, b)
}

// poolOf returns the pool of a name, or the only one that it can be.
func (c *backtestCmd) poolOf(name string, s *engine.Settings) (engine.Pool, error) {
	var names []string
	for _, p := range s.Pools {
		names = append(names, p.Pool.Name)
	}
	switch {
	case name == "" && len(c.Pool) == 1:
		name = c.Pool[0]
	case name == "" && len(names) == 1:
		name = names[0]
	case name == "":
		return engine.Pool{}, fmt.Errorf("of which pool? Write --csv POOL=FILE; there are %s", strings.Join(names, ", "))
	}
	i := slices.Index(names, name)
	if i < 0 {
		return engine.Pool{}, fmt.Errorf("there is no pool %q; there are %s", name, strings.Join(names, ", "))
	}
	return s.Pools[i], nil
}

// lastEnd is when the last of the files ends.
func lastEnd(files map[string]forecast.Series) time.Time {
	var last time.Time
	for _, s := range files {
		if s.End().After(last) {
			last = s.End()
		}
	}
	return last
}

// adapted returns settings for a replay. Those of files have the pools that have a file, whose
// loads are believed, and a history on a grid that is not finer than they are.
func (c *backtestCmd) adapted(s *engine.Settings, files map[string]forecast.Series) *engine.Settings {
	out := *s
	out.RefitEvery = time.Duration(c.RefitEvery)
	if files == nil {
		return &out
	}
	out.Pools = slices.DeleteFunc(slices.Clone(s.Pools), func(p engine.Pool) bool { _, has := files[p.Pool.Name]; return !has })
	for i := range out.Pools {
		out.Pools[i].Completeness = nil
	}
	for _, f := range files {
		out.Step = max(out.Step, f.Step)
	}
	return &out
}

// record reads what settings need, from files if there are some.
func record(ctx context.Context, r *backtest.Recording, s *engine.Settings, source engine.Source, files map[string]forecast.Series) error {
	if files == nil {
		if err := r.Read(ctx, source, s); err != nil {
			return fmt.Errorf("read the past: %w; --csv replays a file", err)
		}
		return nil
	}
	for _, p := range s.Pools {
		r.Put(p.Load, files[p.Pool.Name])
	}
	return nil
}

// progress returns what shows how far a replay is, on a terminal: a line that is written
// anew with each percent. After the end it is told 0 of 0 and clears the line.
func progress(w io.Writer) func(done, all int) {
	f, ok := w.(*os.File)
	if !ok {
		return func(int, int) {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(int, int) {}
	}
	const clearLine, width = "\r\x1b[K", 40
	var mu sync.Mutex
	shown := 0
	return func(done, all int) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case all == 0:
			fmt.Fprint(w, clearLine)
		case 100*done/all > shown:
			shown = 100 * done / all
			n := width * shown / 100
			fmt.Fprintf(w, "%sreplay [%s%s] %d %%", clearLine, strings.Repeat("=", n), strings.Repeat(" ", width-n), shown)
		}
	}
}

// writeBacktestSeries writes what each pool needed and had at each instant.
func writeBacktestSeries(w io.Writer, r backtest.Result) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"time", "pool", "policy", "demand", "supply"}}
	for _, p := range r.Pools {
		for _, o := range p.Ways {
			for i, n := range p.Needed {
				rows = append(rows, []string{r.Time(i).UTC().Format(time.RFC3339), p.Pool.Name, o.Way, countText(n), countText(o.Supply[i])})
			}
			if err := out.WriteAll(rows); err != nil { // it flushes
				return err
			}
			rows = rows[:0]
		}
	}
	return nil
}

// countText is a number of agents; empty if it is not known.
func countText(n float64) string {
	if n != n {
		return ""
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
