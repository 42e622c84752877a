// Package forecastplot draws a load and its forecast, or what pools are planned to
// do, into a file. It is given the values and decides nothing about them.
package forecastplot

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// Picture is what is drawn. Times are those of the forecast's location.
type Picture struct {
	Title    string
	Unit     string          // of the load, along its axis
	Measured forecast.Series // up to the forecast; the last three days are drawn
	// Forecast has the levels 0.1, 0.5 and 0.9; of the others the highest is drawn.
	Forecast forecast.Forecast
	Events   []forecast.Event
}

const (
	behind           = 3 * 24 * time.Hour
	low, median, top = 0.1, 0.5, 0.9

	width, height = 760 * vg.Length(1), 380 * vg.Length(1) // points
	margin        = 12 * vg.Length(1)
	dotsPerInch   = 144
)

// The colours of the status page.
var (
	ink      = color.NRGBA{0x1c, 0x20, 0x26, 0xff}
	soft     = color.NRGBA{0x5b, 0x64, 0x70, 0xff}
	edge     = color.NRGBA{0xdf, 0xe3, 0xe8, 0xff}
	midnight = color.NRGBA{0xc3, 0xca, 0xd3, 0xff}
	load     = color.NRGBA{0x23, 0x61, 0xc4, 0xff}
	band     = color.NRGBA{0x23, 0x61, 0xc4, 0x2c}
	high     = color.NRGBA{0xc2, 0x57, 0x0c, 0xff}
	event    = color.NRGBA{0x7c, 0x3a, 0xed, 0x1c}
	eventInk = color.NRGBA{0x6d, 0x28, 0xd9, 0xff}
)

// CheckName returns an error if the name does not end like a picture that can
// be written.
func CheckName(name string) error {
	if e := extension(name); e != ".svg" && e != ".png" {
		return fmt.Errorf("%q does not end in .svg or .png", name)
	}
	return nil
}

func extension(name string) string { return strings.ToLower(filepath.Ext(name)) }

// Write draws the picture into a file, SVG or PNG by the end of its name. A file
// of that name is replaced.
func Write(name string, p Picture) error {
	if err := CheckName(name); err != nil {
		return err
	}
	data, err := render(extension(name), p)
	if err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	return os.WriteFile(name, data, 0o644) //nolint:gosec // pictures are for everybody
}

func render(format string, p Picture) ([]byte, error) {
	if p.Forecast.Len() == 0 || p.Forecast.Path(median) == nil {
		return nil, fmt.Errorf("no forecast of the median")
	}
	return encode(format, width, height, p.draw)
}

// encode draws a picture of a size in a format.
func encode(format string, width, height vg.Length, picture func(draw.Canvas)) ([]byte, error) {
	var out bytes.Buffer
	var canvas interface {
		vg.CanvasSizer
		io.WriterTo
	}
	if format == ".svg" {
		canvas = vgsvg.New(width, height)
	} else {
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))}
	}
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Path())
	picture(c)
	if _, err := canvas.WriteTo(&out); err != nil {
		return nil, err
	}
	// Where the font is not installed others of the same measures are.
	return bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// key is an entry of the legend.
type key struct {
	name  string
	thumb plot.Thumbnailer
}

func (p Picture) draw(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c = title(c, p.Title)

	pl := plot.New()
	pl.BackgroundColor = nil
	zone := p.Forecast.Start.Location()
	measured := p.Measured.From(p.Forecast.Start.Add(-behind))
	start, end := p.Forecast.Start, p.Forecast.Time(p.Forecast.Len()-1)
	if measured.Len() > 0 {
		start = measured.Start
	}
	pl.Y.Min, pl.Y.Max = p.bounds(measured)
	ticks := axes(pl, start, end, zone, fitting(p.Unit, plainStyle(9, soft), height/2))
	pl.Add(shades{p.Events, pl.X.Min, pl.X.Max}, lattice(), midnights(ticks))
	keys := p.add(pl, measured)
	c = legend(c, keys)
	pl.Draw(c)
}

// axes makes the axes of a plot from start to end and returns the ticks of the time.
func axes(pl *plot.Plot, start, end time.Time, zone *time.Location, unit string) []plot.Tick {
	ticks := timeTicks(start, end, zone)
	pl.X.Min, pl.X.Max = seconds(start), seconds(end)
	pl.X.Tick.Marker = plot.ConstantTicks(ticks)
	pl.Y.Tick.Marker = plot.TickerFunc(loadTicks)
	pl.X.Label.Text, pl.Y.Label.Text = "local time, "+zone.String(), unit
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.Label.TextStyle = style(a.Label.TextStyle, 9, soft)
		a.Tick.Label = style(a.Tick.Label, 9, ink)
		a.Color, a.Tick.Color = soft, soft
		a.Width, a.Tick.Width = 0.5, 0.5
		a.Tick.Length = 4
		a.Padding = 0
	}
	pl.X.Label.Padding, pl.Y.Label.Padding = 4, 4
	return ticks
}

func lattice() *plotter.Grid {
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = edge, edge
	return grid
}

// add adds the curves and returns the legend's entries.
func (p Picture) add(pl *plot.Plot, measured forecast.Series) []key {
	f := p.Forecast
	path := func(level float64) forecast.Series {
		return forecast.Series{Start: f.Start, Step: f.Step, Values: f.Path(level)}
	}
	var keys []key
	curve := func(name string, s forecast.Series, l draw.LineStyle) {
		if s.Len() > 0 {
			pl.Add(line{s, l})
			keys = append(keys, key{name, &plotter.Line{LineStyle: l}})
		}
	}
	area := between{path(low), path(top)}
	hasArea := f.Path(low) != nil && f.Path(top) != nil
	if hasArea {
		pl.Add(area)
	}
	curve("measured", measured, draw.LineStyle{Color: load, Width: 1.3})
	if measured.Len() > 0 {
		pl.Add(upright(seconds(f.Start)))
	}
	curve("forecast, median", path(median), draw.LineStyle{Color: load, Width: 1.3, Dashes: []vg.Length{4, 2}})
	if hasArea {
		keys = append(keys, key{"10 % to 90 %", &plotter.Polygon{Color: band}})
	}
	if level, ok := highest(f.Levels); ok {
		curve(fmt.Sprintf("%.6g %%", 100*level), path(level), draw.LineStyle{Color: high, Width: 1.1, Dashes: []vg.Length{1.5, 1.5}})
	}
	if len(p.shown(pl)) > 0 {
		keys = append(keys, key{"event", &plotter.Polygon{Color: event}})
	}
	return keys
}

func (p Picture) shown(pl *plot.Plot) []forecast.Event {
	return shades{p.Events, pl.X.Min, pl.X.Max}.shown()
}

// highest returns the highest level but those of the band and the median.
func highest(levels []float64) (level float64, found bool) {
	for _, l := range levels {
		if l != low && l != median && l != top {
			level, found = max(level, l), true
		}
	}
	return level, found
}

// bounds returns the lower and the upper edge of the plot: zero is below unless
// the load stays far above it.
func (p Picture) bounds(measured forecast.Series) (from, to float64) {
	from, to = math.Inf(1), math.Inf(-1)
	for _, values := range append([][]float64{measured.Values}, p.Forecast.Paths...) {
		for _, y := range values {
			if !math.IsNaN(y) {
				from, to = min(from, y), max(to, y)
			}
		}
	}
	if from > 0 && from < 0.5*to {
		from = 0
	}
	const air = 0.06
	room := air * (to - from)
	if room == 0 {
		room = max(math.Abs(to), 1) * air
	}
	if from != 0 {
		from -= room
	}
	return from, to + room
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// style sets what all texts have in common.
func style(s text.Style, size vg.Length, c color.Color) text.Style {
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	s.Color = c
	return s
}

func plainStyle(size vg.Length, c color.Color) text.Style {
	return style(text.Style{Handler: plot.DefaultTextHandler}, size, c)
}

// title writes the title at the upper left and returns what is left of the
// canvas.
func title(c draw.Canvas, words string) draw.Canvas {
	s := plainStyle(12, ink)
	c.FillText(s, vg.Point{X: c.Min.X, Y: c.Max.Y - s.FontExtents().Ascent}, fitting(words, s, c.Max.X-c.Min.X))
	return draw.Crop(c, 0, 0, 0, -s.FontExtents().Height-4)
}

// printable leaves out what no text of a picture may have.
func printable(words string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(words, ""))
}

// fitting cuts words that take more room than there is.
func fitting(words string, s text.Style, room vg.Length) string {
	letters := []rune(printable(words))
	for n := len(letters); n > 0; n-- {
		cut := string(letters[:n])
		if n < len(letters) {
			cut += "…"
		}
		if s.Width(cut) <= room {
			return cut
		}
	}
	return ""
}

// legend writes the entries in one row below the title.
func legend(c draw.Canvas, keys []key) draw.Canvas {
	s := plainStyle(9, ink)
	const thumb, gap = 20, 5
	extents := s.FontExtents()
	x, baseline := c.Min.X, c.Max.Y-extents.Ascent
	for _, k := range keys {
		icon := c
		icon.Rectangle = vg.Rectangle{Min: vg.Point{X: x, Y: baseline - 1}, Max: vg.Point{X: x + thumb, Y: baseline + extents.Ascent - 1}}
		k.thumb.Thumbnail(&icon)
		c.FillText(s, vg.Point{X: x + thumb + gap, Y: baseline}, k.name)
		x += thumb + gap + s.Width(k.name) + 3*gap
	}
	return draw.Crop(c, 0, 0, 0, -extents.Height-8)
}

// line draws a series; missing values are gaps, a value between two gaps a dot.
type line struct {
	series forecast.Series
	style  draw.LineStyle
}

func (l line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var run []vg.Point
	flush := func() {
		if len(run) == 1 {
			c.DrawGlyph(draw.GlyphStyle{Color: l.style.Color, Radius: 0.8 * l.style.Width, Shape: draw.CircleGlyph{}}, run[0])
		} else if len(run) > 1 {
			c.StrokeLines(l.style, c.ClipLinesXY(run)...)
		}
		run = nil
	}
	for i, v := range l.series.Values {
		if math.IsNaN(v) {
			flush()
			continue
		}
		run = append(run, vg.Point{X: x(seconds(l.series.Time(i))), Y: y(v)})
	}
	flush()
}

// between draws the area between two paths.
type between struct{ low, high forecast.Series }

func (b between) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var around []vg.Point
	for i, v := range b.high.Values {
		around = append(around, vg.Point{X: x(seconds(b.high.Time(i))), Y: y(v)})
	}
	for i, v := range slices.Backward(b.low.Values) {
		around = append(around, vg.Point{X: x(seconds(b.low.Time(i))), Y: y(v)})
	}
	c.FillPolygon(band, c.ClipPolygonXY(around))
}

// upright draws the line at which the forecast begins.
type upright float64

func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	at := x(float64(u))
	c.StrokeLine2(draw.LineStyle{Color: soft, Width: 0.7}, at, c.Min.Y, at, c.Max.Y)
}

// midnights draws the ticks that name a day.
type midnights []plot.Tick

func (m midnights) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	for _, t := range m {
		if at := x(t.Value); !strings.Contains(t.Label, ":") && c.ContainsX(at) {
			c.StrokeLine2(draw.LineStyle{Color: midnight, Width: 0.6}, at, c.Min.Y, at, c.Max.Y)
		}
	}
}

// shades draws events behind everything, each with its class where there is room.
type shades struct {
	events   []forecast.Event
	from, to float64
}

func (s shades) shown() []forecast.Event {
	var out []forecast.Event
	for _, e := range s.events {
		if seconds(e.End) > s.from && seconds(e.Start) < s.to {
			out = append(out, e)
		}
	}
	return out
}

func (s shades) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	words := plainStyle(8, eventInk)
	words.XAlign = text.XCenter
	for _, e := range s.shown() {
		from, to := x(max(seconds(e.Start), s.from)), x(min(seconds(e.End), s.to))
		c.FillPolygon(event, []vg.Point{{X: from, Y: c.Min.Y}, {X: to, Y: c.Min.Y}, {X: to, Y: c.Max.Y}, {X: from, Y: c.Max.Y}})
		if class := printable(e.Class); words.Width(class) < to-from {
			c.FillText(words, vg.Point{X: (from + to) / 2, Y: c.Max.Y - words.FontExtents().Height}, class)
		}
	}
}

// loadTicks marks about five round numbers.
func loadTicks(from, to float64) []plot.Tick {
	const least = 4
	step := math.Pow(10, math.Ceil(math.Log10(to-from)))
	for _, factor := range slices.Repeat([]float64{2, 2.5, 2}, 2) { // 10, 5, 2, 1, …
		if (to-from)/step < least {
			step /= factor
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step))))
	var ticks []plot.Tick
	for k := math.Ceil(from / step); k*step <= to; k++ {
		label := grouped(strconv.FormatFloat(k*step, 'f', digits, 64))
		if math.Abs(to) >= 1e9 || step < 1e-6 {
			label = strconv.FormatFloat(k*step, 'g', 3, 64)
		}
		ticks = append(ticks, plot.Tick{Value: k * step, Label: label})
	}
	return ticks
}

// grouped sets large whole numbers in groups of three digits.
func grouped(number string) string {
	for i := len(number) - 3; len(number) > 4 && !strings.Contains(number, ".") && i > 0 && number[i-1] != '-'; i -= 3 {
		number = number[:i] + "\u00a0" + number[i:]
	}
	return number
}

// timeTicks marks round times of the wall clock, midnights with their day.
func timeTicks(start, end time.Time, zone *time.Location) []plot.Tick {
	every := tickEvery(end.Sub(start))
	var ticks []plot.Tick
	for _, t := range roundTimes(start, end, zone, every) {
		label := t.Format("15:04")
		if t.Hour() == 0 && t.Minute() == 0 {
			label = t.Format("Mon 2 Jan")
		}
		ticks = append(ticks, plot.Tick{Value: seconds(t), Label: label})
	}
	// The day must be readable where no midnight is marked.
	if len(ticks) > 0 && !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return !strings.Contains(t.Label, ":") }) {
		ticks[0].Label += "\n" + time.UnixMilli(int64(1000*ticks[0].Value)).In(zone).Format("Mon 2 Jan")
	}
	return ticks
}

// tickEvery returns the distance of about ten marks.
func tickEvery(span time.Duration) time.Duration {
	const most = 14
	for _, minutes := range []time.Duration{5, 10, 15, 30, 60, 120, 180, 360, 720} {
		if every := minutes * time.Minute; span <= most*every {
			return every
		}
	}
	return (span/(most*24*time.Hour) + 1) * 24 * time.Hour
}

// roundTimes returns the instants in an interval at which the wall clock shows a
// multiple of every since midnight, or every so many midnights.
func roundTimes(start, end time.Time, zone *time.Location, every time.Duration) []time.Time {
	const day = 24 * time.Hour
	var out []time.Time
	first := start.In(zone)
	for date := 0; ; date += int(max(every/day, 1)) {
		for of := time.Duration(0); of < day; of += every {
			t := time.Date(first.Year(), first.Month(), first.Day()+date, int(of/time.Hour), int(of%time.Hour/time.Minute), 0, 0, zone)
			if t.After(end) {
				return out
			}
			// Times that the clocks leave out in spring come out as others.
			if !t.Before(start) && (len(out) == 0 || t.After(out[len(out)-1])) && t.Hour() == int(of/time.Hour) {
				out = append(out, t)
			}
		}
	}
}
