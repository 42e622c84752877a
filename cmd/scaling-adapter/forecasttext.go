package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// textWidth is what a line of the text takes at most, but for names.
const textWidth = 96

// writeText prints the report for people.
func (r forecastReport) writeText(w io.Writer, models bool) error {
	var b strings.Builder
	r.writeHead(&b)
	r.writeSparkline(&b)
	r.writeTable(&b)
	if models {
		r.writeMembers(&b)
		r.writeParts(&b)
	}
	if len(r.Effects) > 0 {
		b.WriteString("\nload is multiplied by events\n")
		for _, e := range r.Effects {
			fmt.Fprintf(&b, "  %s%s\n", e.Effect, map[bool]string{false: "; what is declared counts"}[e.Learned])
		}
	}
	if len(r.Warnings) > 0 {
		b.WriteByte('\n')
		for _, warning := range r.Warnings {
			fmt.Fprintf(&b, "warning: %s\n", warning)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r forecastReport) writeHead(b *strings.Builder) {
	f := r.Forecast
	fmt.Fprintf(b, "%s: forecast for %s from %s, %s\n\n", r.Source, short(r.ahead(f.Len())), dated(f.Start), f.Start.Location())
	if s := r.Measured; s.Len() > 0 {
		gaps := "none missing"
		if n := missing(s.Values); n > 0 {
			gaps = percent(float64(n)/float64(s.Len())) + " missing"
		}
		fmt.Fprintf(b, "measured  %d values every %s, %s to %s, %s\n", s.Len(), short(s.Step), dated(s.Start), dated(s.Time(s.Len()-1)), gaps)
	}
	if largest := r.largest(); largest != "" {
		fmt.Fprintf(b, "models    %s\n", largest)
	}
	for _, k := range r.horizons() {
		fmt.Fprintf(b, "%-9s %s\n", "past "+short(r.ahead(k)), r.past(k))
	}
}

// horizons returns the scored horizons near an hour and near a day, or the end of
// the forecast if that is nearer.
func (r forecastReport) horizons() []int {
	out := []int{r.near(time.Hour), r.near(min(24*time.Hour, r.ahead(r.Forecast.Len())))}
	return slices.DeleteFunc(slices.Compact(out), func(k int) bool { return k == 0 })
}

// largest tells the models that count most an hour ahead.
func (r forecastReport) largest() string {
	const most, least = 3, 0.05
	all := r.members(r.near(time.Hour))
	var parts []string
	for _, s := range all {
		if len(parts) < most && s.Weight >= least {
			parts = append(parts, fmt.Sprintf("%s %s", s.Model, percent(s.Weight)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	if n := len(all) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(parts, ", ")
}

// past tells how forecasts at a horizon did.
func (r forecastReport) past(horizon int) string {
	s, _ := r.score(forecast.Combination, horizon)
	if s.N == 0 {
		return "nothing to compare with yet"
	}
	text := "WAPE " + percent(s.WAPE)
	if naive, ok := r.naive(horizon); ok {
		text += " (seasonal naive " + percent(naive.WAPE) + ")"
	}
	text += ", bias " + signed(s.Bias)
	for _, c := range r.Coverage {
		if c.Horizon == horizon {
			text += fmt.Sprintf(", %s of %d loads within 10–90 %%", percent(c.Share), c.N)
		}
	}
	return text
}

// writeSparkline draws the last day or two and the forecast.
func (r forecastReport) writeSparkline(b *strings.Builder) {
	const behindShort, behindLong, most = 24 * time.Hour, 48 * time.Hour, 88
	f := r.Forecast
	behind, ahead := behindLong, r.ahead(f.Len())
	if ahead <= behindShort/2 {
		behind = behindShort
	}
	if start := r.Measured.Start; r.Measured.Len() == 0 {
		behind = 0
	} else {
		behind = min(behind, f.Start.Sub(start))
	}
	cell := cellOf(behind+ahead, f.Step, most)
	n := int(cell / f.Step)
	before := means(r.Measured.From(f.Start.Add(-behind.Truncate(cell))).Values, n)
	after := means(f.Path(0.5), n)
	lo, hi := span(before, after)
	start := f.Start.Add(-time.Duration(len(before)) * cell)
	b.WriteByte('\n')
	b.WriteString(strings.TrimRight(days(start, f.Start, cell, len(before), len(after)), " ") + "\n")
	b.WriteString(blocks(before, lo, hi) + divider(len(before)) + blocks(after, lo, hi) + "\n")
	fmt.Fprintf(b, "one character is %s, ▁ is %s, █ is %s\n", short(cell), brief(lo), brief(hi))
}

// divider marks off the forecast, where anything is before it.
func divider(before int) string {
	if before == 0 {
		return ""
	}
	return "│"
}

// usualTimes are lengths that people like.
var usualTimes = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour,
}

// cellOf returns a multiple of the step of which at most so many make a length.
func cellOf(length, step time.Duration, most int) time.Duration {
	for _, d := range usualTimes {
		if d%step == 0 && length <= time.Duration(most)*d {
			return d
		}
	}
	return (length/time.Duration(most)/step + 1) * step
}

// means returns the means of n values each; NaN where none is known.
func means(values []float64, n int) []float64 {
	var out []float64
	for chunk := range slices.Chunk(values, max(n, 1)) {
		mean, known := math.NaN(), 0.0
		for _, y := range chunk {
			switch known++; {
			case math.IsNaN(y):
				known--
			case known == 1:
				mean = y
			default:
				mean += (y - mean) / known
			}
		}
		out = append(out, mean)
	}
	return out
}

// span returns the least and the largest value; zero is the least unless all are
// far above it.
func span(lists ...[]float64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, values := range lists {
		for _, y := range values {
			if !math.IsNaN(y) {
				lo, hi = min(lo, y), max(hi, y)
			}
		}
	}
	if lo > 0 && lo < hi/2 {
		lo = 0
	}
	return lo, hi
}

// blocks draws each value as one character.
func blocks(values []float64, lo, hi float64) string {
	levels := []rune("▁▂▃▄▅▆▇█")
	out := make([]rune, len(values))
	for i, y := range values {
		switch {
		case math.IsNaN(y):
			out[i] = ' '
		case hi > lo:
			share := (y - lo) / (hi - lo)
			out[i] = levels[min(max(int(share*float64(len(levels))), 0), len(levels)-1)]
		default:
			out[i] = levels[len(levels)/2-1]
		}
	}
	return string(out)
}

// days writes the day above the first character of each one, but for the first
// day if the second begins too soon.
func days(start, forecastStart time.Time, cell time.Duration, before, after int) string {
	line := []rune(strings.Repeat(" ", before+after+12))
	last, width := -len(line), 0
	for i := range before + after {
		t, column := start.Add(time.Duration(i)*cell), i
		if i >= before {
			t, column = forecastStart.Add(time.Duration(i-before)*cell), i+utf8.RuneCountInString(divider(before))
		}
		if i > 0 && t.Day() == t.Add(-cell).Day() {
			continue
		}
		if column <= last+width {
			if last > 0 {
				continue
			}
			clear(line[:width])
		}
		label := []rune(t.Format("Mon 2 Jan"))
		copy(line[column:], label)
		last, width = column, len(label)
	}
	return strings.ReplaceAll(string(line), "\x00", " ")
}

// writeTable prints the quantiles over the horizon. Where rows are half a day
// apart or more, one instant would say little: there the highest until the next
// row counts.
func (r forecastReport) writeTable(b *strings.Builder) {
	const most, narrow, wide = 24, 20, 48
	f := r.Forecast
	largest := 0.0
	for _, y := range f.Paths[len(f.Paths)-1] {
		largest = max(largest, y)
	}
	format := decimals(largest)
	every := cellOf(r.ahead(f.Len()), f.Step, most)
	head, reach := "time", func(from, _ int) int { return from + 1 }
	if every >= 12*time.Hour {
		head, reach = "highest from", func(_, next int) int { return next }
	}
	fmt.Fprintf(b, "\n%-16s", head)
	for _, level := range f.Levels {
		fmt.Fprintf(b, " %9s", percentage(level))
	}
	b.WriteByte('\n')
	room := min(textWidth-16-10*len(f.Levels)-2, wide)
	for k := 0; k < f.Len(); {
		next := k + 1
		for next < f.Len() && wall(f.Time(next))/every == wall(f.Time(next-1))/every {
			next++
		}
		at := func(path []float64) float64 { return slices.Max(path[k:reach(k, next)]) }
		fmt.Fprintf(b, "%-16s", r.at(k))
		for _, path := range f.Paths {
			fmt.Fprintf(b, " %9s", format(at(path)))
		}
		if room >= narrow {
			b.WriteString(strings.TrimRight("  "+bar(at(f.Path(0.1)), at(f.Path(0.5)), at(f.Path(0.9)), slices.Max(f.Path(0.9)), room), " "))
		}
		b.WriteByte('\n')
		k = next
	}
	fmt.Fprintf(b, "highest         ")
	for _, path := range f.Paths {
		fmt.Fprintf(b, " %9s", format(slices.Max(path)))
	}
	median := f.Path(0.5)
	fmt.Fprintf(b, "  the median at %s\n", r.at(slices.Index(median, slices.Max(median))))
}

// wall is the time of the wall clock since some midnight.
func wall(t time.Time) time.Duration {
	_, offset := t.Zone()
	return time.Duration(t.Unix()+int64(offset)) * time.Second
}

// bar draws three quantiles as the ends of three shades.
func bar(low, median, high, largest float64, width int) string {
	at := func(y float64) int {
		if !(largest > 0) {
			return 0
		}
		return int(math.Round(max(y, 0) / largest * float64(width)))
	}
	a, m, z := at(low), at(median), at(high)
	return strings.Repeat("█", a) + strings.Repeat("▓", max(m-a, 0)) + strings.Repeat("░", max(z-max(m, a), 0))
}

// writeMembers prints how each model did.
func (r forecastReport) writeMembers(b *strings.Builder) {
	horizons := r.horizons()
	if len(horizons) == 0 {
		return
	}
	columns := []struct {
		name string
		show func(forecast.Score) string
	}{
		{"weight", func(s forecast.Score) string { return percent(s.Weight) }},
		{"WAPE", func(s forecast.Score) string { return percent(s.WAPE) }},
		{"bias", func(s forecast.Score) string { return signed(s.Bias) }},
	}
	if !slices.ContainsFunc(r.Scores, func(s forecast.Score) bool { return !math.IsNaN(s.Weight) }) {
		columns = columns[1:]
	}
	fmt.Fprintf(b, "\n%-26s", "model")
	for _, c := range columns {
		for _, k := range horizons {
			fmt.Fprintf(b, " %11s", c.name+" "+short(r.ahead(k)))
		}
	}
	b.WriteByte('\n')
	names := []string{}
	for _, s := range r.members(horizons[0]) {
		names = append(names, s.Model)
	}
	for _, name := range append(names, forecast.Combination) {
		fmt.Fprintf(b, "%-26s", name)
		for _, c := range columns {
			for _, k := range horizons {
				s, _ := r.score(name, k)
				fmt.Fprintf(b, " %11s", c.show(s))
			}
		}
		b.WriteByte('\n')
	}
}

// writeParts prints what the median is made of at a few horizons.
func (r forecastReport) writeParts(b *strings.Builder) {
	if r.Parts == nil {
		return
	}
	f, median := r.Forecast, r.Forecast.Path(0.5)
	format := decimals(slices.Max(median))
	sum := func(y float64) string {
		sign := map[bool]string{true: "−", false: "+"}[y < 0]
		if text := format(math.Abs(y)); strings.Trim(text, "0.") != "" {
			return sign + text
		}
		return "0"
	}
	more := r.Parts.more(slices.ContainsFunc(r.Effects, func(e effect) bool { return e.Learned }))
	fmt.Fprintf(b, "\n%-6s %-16s %10s %10s %10s", "median", "time", "level", "season", "deviation")
	for _, part := range more {
		fmt.Fprintf(b, " %10s", part.name)
	}
	fmt.Fprintf(b, " %10s\n", "together")
	shown := 0
	for _, at := range []time.Duration{f.Step, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, r.ahead(f.Len())} {
		k := int(at / f.Step)
		if k <= shown || k > f.Len() {
			continue
		}
		shown = k
		p := r.Parts
		fmt.Fprintf(b, "%-6s %-16s %10s %10s %10s", short(r.ahead(k)), r.at(k-1), format(p.Level[k-1]), sum(p.Seasonal[k-1]), sum(p.Autoregressive[k-1]))
		for _, part := range more {
			fmt.Fprintf(b, " %10s", sum(part.values[k-1]))
		}
		fmt.Fprintf(b, " %10s\n", format(median[k-1]))
	}
}

// part is a column of parts.
type part struct {
	name   string
	values []float64
}

// more returns the parts that not every forecast has.
func (p parts) more(learned bool) []part {
	var out []part
	some := func(values []float64) bool {
		return slices.ContainsFunc(values, func(y float64) bool { return y != 0 })
	}
	if learned || some(p.Event) {
		out = append(out, part{"events", p.Event})
	}
	if some(p.Rules) {
		out = append(out, part{"rules", p.Rules})
	}
	return out
}

func missing(values []float64) int {
	n := 0
	for _, y := range values {
		if math.IsNaN(y) {
			n++
		}
	}
	return n
}

// dated is a local time with its year.
func dated(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04") }

// at is the local time of a step of the forecast.
func (r forecastReport) at(k int) string {
	layout := "Mon _2 Jan 15:04"
	if r.Forecast.Step%time.Minute != 0 {
		layout = "_2 Jan 15:04:05"
	}
	return r.Forecast.Time(k).Format(layout)
}

// short is a duration without units that are zero.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len(zero)+1]
		}
	}
	return text
}

// brief is a number with three digits, or all before the point.
func brief(x float64) string { return decimals(x)(x) }

// decimals returns a format that shows about three digits of the largest value.
func decimals(largest float64) func(float64) string {
	largest = math.Abs(largest)
	if largest >= 1e9 || largest > 0 && largest < 1e-4 {
		return func(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }
	}
	n := 0
	for limit := 100.0; n < 6 && largest < limit && largest > 0; limit /= 10 {
		n++
	}
	return func(x float64) string { return strconv.FormatFloat(x, 'f', n, 64) }
}

// percent is a share in percent.
func percent(share float64) string {
	switch p := 100 * share; {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "–"
	case p > 0 && p < 0.05:
		return "<0.1 %"
	case math.Abs(p) < 9.95:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	default:
		return strconv.FormatFloat(p, 'f', 0, 64) + " %"
	}
}

// signed is a share in percent with its sign.
func signed(share float64) string {
	switch text := percent(math.Abs(share)); {
	case text == "–" || text == "0.0 %":
		return text
	case text == "<0.1 %":
		return "0.0 %"
	case share < 0:
		return "−" + text
	default:
		return "+" + text
	}
}

// percentage is a quantile level.
func percentage(level float64) string {
	return strconv.FormatFloat(100*level, 'g', 6, 64) + " %"
}
