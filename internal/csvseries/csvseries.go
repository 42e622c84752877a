// Package csvseries reads a load, and events, from files of comma-separated
// values. It puts what it reads on a regular grid of time and reports all that
// is wrong with a file at once, each with its place. It forecasts nothing.
package csvseries

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Bounds of what is read.
const (
	MaxFileSize = 64 << 20
	maxRows     = 2 << 20
	maxValues   = 1 << 18 // on the grid: two and a half years of five minutes
)

// Options say how a file is read.
type Options struct {
	Step time.Duration  // of the grid; 0: the commonest distance of two instants
	Zone *time.Location // of times that are written without an offset, and of the series; never nil
}

// Table is what a file says.
type Table struct {
	Series   forecast.Series
	Name     string  // of the column of values; empty without a head line
	Warnings []error // what was done to fit the values onto the grid
}

// CheckStep returns an error for a step that no series can have.
func CheckStep(step time.Duration) error {
	const day = 24 * time.Hour
	if step < time.Second || step%time.Second != 0 || day%step != 0 {
		return fmt.Errorf("step %s does not divide a day in whole seconds; %s does", duration(step), duration(nearestStep(step)))
	}
	return nil
}

// nearestStep returns the usual step whose ratio to d is least.
func nearestStep(d time.Duration) time.Duration {
	best := time.Second
	for _, seconds := range []int{1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400} {
		if s := time.Duration(seconds) * time.Second; apart(s, d) < apart(best, d) {
			best = s
		}
	}
	return best
}

func duration(d time.Duration) string { return model.Duration(d).String() }

func apart(a, b time.Duration) float64 {
	return math.Abs(math.Log(float64(a) / float64(max(b, 1))))
}

// Read reads a file of two columns, an instant and a value, with or without a
// head line. An error is of type [strictyaml.Problems]. See [Parse].
func Read(name string, o Options) (Table, error) {
	data, err := readFile(name)
	if err != nil {
		return Table{}, err
	}
	return Parse(name, data, o)
}

func readFile(name string) ([]byte, error) {
	data, err := strictyaml.ReadFile(name, MaxFileSize)
	if err != nil {
		return nil, strictyaml.Problems{{Pos: strictyaml.Pos{File: name}, Message: err.Error()}}
	}
	return data, nil
}

// Parse reads what is in a file. Instants are written as RFC 3339, without an
// offset as the wall clock of the zone shows them, or in seconds since 1970. An
// empty value, or NaN, is a missing one.
//
// The grid goes through the instants if many of them lie on one, and through full
// multiples of the step otherwise. Each value belongs to the nearest instant of
// the grid; the mean counts where there are several. If the step is at least
// twice the distance of the values, the grid goes through midnight and an instant
// has the mean of what lies between it and the next.
//
// The order of rows does not matter, with one exception: a wall-clock time that
// comes twice when clocks go back is the second one if the row above is not
// before the first.
func Parse(name string, data []byte, o Options) (Table, error) {
	p := newReader(name, data, o.Zone)
	rows := p.series()
	if err := p.problems.err(); err != nil {
		return Table{}, err
	}
	t := Table{Name: p.name}
	if err := t.grid(rows, o); err != nil {
		return Table{}, strictyaml.Problems{{Pos: strictyaml.Pos{File: name}, Message: err.Error()}}
	}
	return t, nil
}

// row is a value at an instant in seconds since 1970.
type row struct {
	unix  int64
	value float64
}

// grid makes the series of the rows, which it sorts.
func (t *Table) grid(rows []row, o Options) error {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.unix, b.unix) })
	if len(rows) == 0 {
		return fmt.Errorf("no values; expected lines such as %s,12.5", example)
	}
	if !slices.ContainsFunc(rows, func(r row) bool { return !math.IsNaN(r.value) }) {
		return fmt.Errorf("every value is missing")
	}
	usual := commonestDistance(rows)
	step := o.Step
	switch {
	case step == 0 && usual == 0:
		return fmt.Errorf("all values are of one instant; expected a load over time")
	case step == 0:
		if err := CheckStep(usual); err != nil {
			return fmt.Errorf("the commonest distance of two values is %s, which does not divide a day; give a step such as %s", duration(usual), duration(nearestStep(usual)))
		}
		step = usual
	}
	if err := CheckStep(step); err != nil {
		return err
	}
	seconds := int64(step / time.Second)
	phase, place := commonestPlace(rows, seconds), nearest
	coarse := step >= 2*usual
	if coarse {
		phase, place = floorMod(midnight(rows[0].unix, o.Zone), seconds), floorDiv
	}
	first := place(rows[0].unix-phase, seconds)
	n := place(rows[len(rows)-1].unix-phase, seconds) - first + 1
	if n > maxValues {
		return fmt.Errorf("%d steps of %s lie between the first and the last value, more than %d; give a longer step", n, duration(step), maxValues)
	}
	values, moved, shared := mean(rows, int(n), func(r row) (int64, bool) {
		return place(r.unix-phase, seconds) - first, floorMod(r.unix-phase, seconds) != 0
	})
	t.Series = forecast.Series{Start: time.Unix(first*seconds+phase, 0).In(o.Zone), Step: step, Values: values}
	if !coarse {
		t.warn(moved > 0, "%d of %d values were not on the grid of %s; each counts at the nearest instant", moved, len(rows), duration(step))
		t.warn(shared > 0, "%d instants have several values; their means count", shared)
	}
	negative, missing := 0, 0
	for _, y := range values {
		if y < 0 {
			negative++
		}
		if math.IsNaN(y) {
			missing++
		}
	}
	t.warn(2*missing > len(values), "most of the grid of %s is missing; a longer step has fewer gaps", duration(step))
	t.warn(negative > 0, "%d values are below zero; a forecast never is", negative)
	return nil
}

func (t *Table) warn(when bool, format string, args ...any) {
	if when {
		t.Warnings = append(t.Warnings, fmt.Errorf(format, args...))
	}
}

// mean returns the means of the values at each of n places of the grid, NaN
// where there are none, and counts the rows that were moved and the places that
// several rows share.
func mean(rows []row, n int, place func(row) (at int64, moved bool)) (values []float64, moved, shared int) {
	values = make([]float64, n)
	known, all := make([]int, n), make([]int, n)
	for _, r := range rows {
		at, off := place(r)
		if off {
			moved++
		}
		if all[at]++; all[at] == 2 {
			shared++
		}
		if !math.IsNaN(r.value) {
			known[at]++
			values[at] += (r.value - values[at]) / float64(known[at])
		}
	}
	for i, k := range known {
		if k == 0 {
			values[i] = math.NaN()
		}
	}
	return values, moved, shared
}

// commonestDistance returns the commonest distance of two instants that follow
// each other, the smaller one of two that are as common; 0 of a single instant.
// The rows are sorted.
func commonestDistance(rows []row) time.Duration {
	count := map[int64]int{}
	for i := 1; i < len(rows); i++ {
		if d := rows[i].unix - rows[i-1].unix; d > 0 {
			count[d]++
		}
	}
	var best int64
	for d, n := range count {
		if n > count[best] || n == count[best] && d < best {
			best = d
		}
	}
	return time.Duration(best) * time.Second
}

// commonestPlace returns the rest modulo the step that most instants share, 0 if
// no rest is common. Of two places that are an hour apart, since clocks change
// between summer and winter, it is the later one: what is moved to it stays on
// its day of the wall clock.
func commonestPlace(rows []row, step int64) int64 {
	count := map[int64]int{}
	for _, r := range rows {
		count[floorMod(r.unix, step)]++
	}
	var best int64
	for rest, n := range count {
		if n > count[best] || n == count[best] && rest < best {
			best = rest
		}
	}
	if 4*count[best] < len(rows) {
		return 0
	}
	const hour, few = 3600, 50
	if later := floorMod(best+hour, step); few*count[later] > len(rows) {
		return later
	}
	return best
}

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }

func floorDiv(a, b int64) int64 { return (a - floorMod(a, b)) / b }

// nearest returns a/b rounded to the nearest whole number, halves down.
func nearest(a, b int64) int64 { return floorDiv(a+(b-1)/2, b) }

// midnight returns the begin of the local day.
func midnight(unix int64, zone *time.Location) int64 {
	t := time.Unix(unix, 0).In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, zone).Unix()
}
