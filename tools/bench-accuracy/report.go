package main

import (
	"bytes"
	_ "embed" // of the text about the constants
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed constants.md
var constants string

// A report is all that was measured.
type report struct {
	date     time.Time
	command  string
	partial  bool   // some of the series only
	r        string // versions of R; empty without R
	notes    []string
	m4       *trial // nil without the data
	traces   []*trial
	speeds   []speed
	speedOfR *trial // nil without R
}

// note adds a sentence about what is missing.
func (r *report) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// markdown returns the whole report.
func (r *report) markdown() string {
	var w bytes.Buffer
	r.head(&w)
	r.targets(&w)
	r.accuracyM4(&w)
	r.accuracyTraces(&w)
	r.fewer(&w)
	r.members(&w)
	r.speed(&w)
	fmt.Fprintf(&w, "\n%s", constants)
	return w.String()
}

func (r *report) head(w *bytes.Buffer) {
	fmt.Fprintf(w, "# Benchmarks\n\nWritten by `%s` on %s; no figure is typed by hand.\n\n", r.command, r.date.Format("2 January 2006"))
	rVersion := r.r
	if rVersion == "" {
		rVersion = "not measured"
	}
	table(w, []string{"", ""}, [][]string{
		{"machine", fmt.Sprintf("%s, %d cores, %s/%s", cpuModel(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)},
		{"Go", runtime.Version()},
		{"R", rVersion},
	})
	if len(r.notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range r.notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	fmt.Fprint(w, `
All forecasts are judged by the same code, whoever made them. WAPE is Σ|y−ŷ|/Σy; MASE
divides by the mean error of the daily seasonal naive forecast on the history; bias is
Σ(y−ŷ)/Σy, positive when forecasts are too low; pinball 90 is the pinball loss of the 90 %
quantile over the mean load; below 90 is the share of loads at or below that quantile, 0.9
is right. "–" was not measured.
`)
}

// accuracyM4 reports the M4 series.
func (r *report) accuracyM4(w *bytes.Buffer) {
	if r.m4 == nil {
		return
	}
	fmt.Fprintf(w, `
## M4 hourly

%d series, forecasts of %d steps from one fit each. OWA divides by the published Naive2 of
all 414 series (sMAPE %g, MASE %g), "OWA here" by R's Naive2 of these series.
Times are medians: of our engine in real time with as many fits at once as there are cores,
of R in CPU time.

`, len(r.m4.tasks), r.m4.tasks[0].horizon, naive2SMAPE, naive2MASE)
	columns := []figure{sMAPE, mase, owa, owaHere, msis95, within80, within95, milliseconds}
	divisor := noFigures()
	if naive2, ok := r.m4.find("naive2", ofR); ok {
		divisor = r.m4.score(naive2, nil)
	}
	var rows [][]string
	for _, result := range r.m4.results {
		if _, all := result.asks(); !all || !result.main() {
			continue
		}
		f := r.m4.score(result, nil)
		f[owaHere] = (f[sMAPE]/divisor[sMAPE] + f[mase]/divisor[mase]) / 2
		rows = append(rows, append([]string{label(result, f)}, cells(f, columns)...))
	}
	table(w, heads("method", columns), rows)
}

// groups returns the names of the groups of traces in order, each once.
func (r *report) groups() []string {
	var out []string
	for _, t := range r.traces {
		if !slices.Contains(out, t.group) {
			out = append(out, t.group)
		}
	}
	return out
}

// all returns the trials, those of M4 first.
func (r *report) all() []*trial {
	if r.m4 == nil {
		return r.traces
	}
	return append([]*trial{r.m4}, r.traces...)
}

// figuresOf returns the mean figures of a method over the trials of a group
// which have it; wanted, if given, selects the tasks of a trial.
func figuresOf(trials []*trial, group, method string, of source, wanted func(*trial) []bool) figures {
	var all []figures
	for _, t := range trials {
		result, ok := t.find(method, of)
		if t.group != group || !ok {
			continue
		}
		var flags []bool
		if wanted != nil {
			if flags = wanted(t); flags == nil {
				continue
			}
		}
		all = append(all, t.score(result, flags))
	}
	return mean(all)
}

// accuracyTraces reports the traces.
func (r *report) accuracyTraces(w *bytes.Buffer) {
	if len(r.traces) == 0 {
		return
	}
	fmt.Fprint(w, `
## Traces

Rolling origins in the last seven days, one every six hours (World Cup: two hours), forecasts
of two hours. Our engine runs as in production: it is fitted once, two weeks before the end
(or two days after the start, if that is later), learns every value as it comes, is fitted
again on the last 28 days every hour, as by default, and forecasts at the origins. R and
single models are fitted at each origin, on the last 28 days.
Times are medians: of our engine a refit in real time, of R CPU time. Twitter is the mean over
its series.

`)
	columns := []figure{wape, mase, bias, pinball90, below90, milliseconds}
	var rows [][]string
	for _, group := range r.groups() {
		name := group
		for _, result := range r.first(group).results {
			if _, all := result.asks(); !all || !result.main() {
				continue
			}
			f := figuresOf(r.traces, group, result.method, result.source, nil)
			rows = append(rows, append([]string{name, label(result, f)}, cells(f, columns)...))
			name = ""
		}
	}
	table(w, append([]string{"trace"}, heads("method", columns)...), rows)
}

func (r *report) count(group string) int {
	n := 0
	for _, t := range r.traces {
		if t.group == group {
			n++
		}
	}
	return n
}

// first returns the first trial of a group.
func (r *report) first(group string) *trial {
	all := r.all()
	return all[slices.IndexFunc(all, func(t *trial) bool { return t.group == group })]
}

// fewer reports the methods of R that were asked for some tasks only, beside
// our engine on the same ones.
func (r *report) fewer(w *bytes.Buffer) {
	var rows [][]string
	trials := r.all()
	seen := map[[2]string]bool{}
	for _, t := range trials {
		for _, result := range t.results {
			_, all := result.asks()
			key := [2]string{t.group, result.method}
			if all || seen[key] {
				continue
			}
			seen[key] = true
			wanted := func(t *trial) []bool {
				same, ok := t.find(result.method, ofR)
				if !ok {
					return nil
				}
				flags, _ := same.asks()
				return flags
			}
			theirs := figuresOf(trials, t.group, result.method, ofR, wanted)
			ours := figuresOf(trials, t.group, ourName, engine, wanted)
			row := []string{t.group, label(result, theirs), fmt.Sprint(theirs[asked])}
			for _, f := range []figure{wape, mase, pinball90, below90, milliseconds} {
				row = append(row, format(theirs, f), format(ours, f))
			}
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprint(w, `
## Methods that take long

These were asked for fewer forecasts: the first of the M4 series, evenly spread origins of the
traces. Our figures are of the same ones.

`)
	head := []string{"series", "method", "forecasts"}
	for _, f := range []figure{wape, mase, pinball90, below90, milliseconds} {
		head = append(head, columnNames[f], "ours")
	}
	table(w, head, rows)
}

// members reports each model of the bank by itself.
func (r *report) members(w *bytes.Buffer) {
	if len(r.all()) == 0 {
		return
	}
	fmt.Fprint(w, `
## Each model of the bank by itself

M4: sMAPE / MASE / OWA. Traces: WAPE / MASE / bias. Fitted at each origin; medians only. The
time is the median of a fit, the longest of the series here.

`)
	groups := r.groups()
	head := []string{"model"}
	if r.m4 != nil {
		head = append(head, "M4 hourly")
	}
	head = append(append(head, groups...), "ms per fit")
	var rows [][]string
	for _, result := range r.all()[0].results {
		if result.source != member {
			continue
		}
		row := []string{result.method}
		longest := math.NaN()
		add := func(group string, columns ...figure) {
			f := figuresOf(r.all(), group, result.method, member, nil)
			text := strings.Join(cells(f, columns), " / ")
			if f[failed] > 0 {
				text += fmt.Sprintf(" (%g failed)", f[failed])
			}
			row = append(row, text)
			if !(f[milliseconds] <= longest) && !math.IsNaN(f[milliseconds]) {
				longest = f[milliseconds]
			}
		}
		if r.m4 != nil {
			add("M4", sMAPE, mase, owa)
		}
		for _, group := range groups {
			add(group, wape, mase, bias)
		}
		rows = append(rows, append(row, number("%.2f", longest)))
	}
	table(w, head, rows)
}

// speed reports times and memory.
func (r *report) speed(w *bytes.Buffer) {
	fmt.Fprintf(w, `
## Speed

CPU time of the whole bank on one core, on a synthetic load with two seasons. An update is one
new value, the mean over a day of them; a forecast has %d steps and two quantiles.

`, stepsAhead)
	var rows [][]string
	for _, s := range r.speeds {
		rows = append(rows, []string{
			fmt.Sprint(s.n), fmt.Sprintf("%g min", s.step.Minutes()), milli(s.fit), milli(s.refit), micro(s.update), micro(s.forecast),
			number("%.0f", s.allocated), number("%.0f", s.heap/1024),
		})
	}
	table(w, []string{"values", "step", "ms per fit", "ms per refit", "µs per update", "µs per forecast", "bytes allocated per update", "KiB per predictor"}, rows)
	if r.speedOfR == nil {
		return
	}
	fmt.Fprintf(w, "\nR on the same load with %d values, a fit and its forecast:\n\n", sizeForR.n)
	i := slices.IndexFunc(r.speeds, func(s speed) bool { return s.n == sizeForR.n })
	rows = nil
	for _, result := range r.speedOfR.results {
		f := r.speedOfR.score(result, nil)
		theirs := f[milliseconds]
		rows = append(rows, []string{
			label(result, f), number("%.2f", theirs/1000),
			number("%.1f ×", theirs/1000/r.speeds[i].fit.Seconds()), number("%.1f ×", theirs/1000/r.speeds[i].refit.Seconds()),
		})
	}
	table(w, []string{"method", "CPU seconds", "of our fit", "of our refit"}, rows)
}

var (
	columnNames = [numberOfFigures]string{
		sMAPE: "sMAPE", mase: "MASE", owa: "OWA", owaHere: "OWA here", msis95: "MSIS 95", within80: "in 80 %", within95: "in 95 %",
		wape: "WAPE", bias: "bias", pinball90: "pinball 90", below90: "below 90", milliseconds: "ms per fit", asked: "forecasts", failed: "failed",
	}
	formats = [numberOfFigures]string{
		sMAPE: "%.3f", mase: "%.3f", owa: "%.3f", owaHere: "%.3f", msis95: "%.2f", within80: "%.3f", within95: "%.3f",
		wape: "%.4f", bias: "%+.3f", pinball90: "%.4f", below90: "%.3f", milliseconds: "%.1f", asked: "%.0f", failed: "%.0f",
	}
)

func heads(first string, columns []figure) []string {
	out := []string{first}
	for _, c := range columns {
		out = append(out, columnNames[c])
	}
	return out
}

func cells(f figures, columns []figure) []string {
	var out []string
	for _, c := range columns {
		out = append(out, format(f, c))
	}
	return out
}

// main reports whether a result is in the main tables: all but the single models,
// of which only the permanent opponent is there.
func (r result) main() bool {
	return r.source != member || strings.HasPrefix(r.method, "seasonal_naive")
}

// label names a method and says how many of its forecasts failed.
func label(r result, f figures) string {
	name := r.method
	if r.source == engine {
		name = "**" + name + "**"
	}
	if r.source == ofR {
		name = "R " + name
	}
	if f[failed] > 0 {
		name += fmt.Sprintf(" (%g of %g failed)", f[failed], f[asked])
	}
	return name
}

func format(f figures, which figure) string { return number(formats[which], f[which]) }

// number formats a figure; what was not measured is a dash.
func number(format string, x float64) string {
	if math.IsNaN(x) {
		return "–"
	}
	return fmt.Sprintf(format, x)
}

func milli(d time.Duration) string { return number("%.1f", d.Seconds()*1e3) }

func micro(d time.Duration) string { return number("%.1f", d.Seconds()*1e6) }

// table writes a table whose columns stand under each other in the source too.
func table(w *bytes.Buffer, head []string, rows [][]string) {
	widths := make([]int, len(head))
	rule := make([]string, len(head))
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	for _, row := range slices.Insert(all, 1, rule) {
		for i, cell := range row {
			fmt.Fprintf(w, "| %s%s ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(w, "|")
	}
}

// cpuModel returns what the processor calls itself.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
