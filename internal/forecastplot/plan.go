package forecastplot

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// Plan is a picture of what pools are going to do: a panel for each, below each other.
type Plan struct {
	Title  string
	Panels []Panel // at least one
}

// Panel is one pool. All values are in agents and on one grid; a load is what it needs.
type Panel struct {
	Title    string
	Zone     *time.Location
	Start    time.Time
	Step     time.Duration
	PerAgent float64 // load that one agent serves

	Low, Median, High []float64 // NaN: not known
	Agents            []int
	Before            []int // that another plan has; nil: there is none
	Floor, Ceiling    []int
	Rows              []Row // below the curves, in this order
}

// Row is a line of bars with a name.
type Row struct {
	Name string
	Kind Kind
	Bars []Bar // by start
}

// Bar is a time in which something holds.
type Bar struct {
	Name       string // written on the bar and behind it, as far as there is room
	Start, End time.Time
}

// Kind gives a row its colour.
type Kind int

// The kinds of rows.
const (
	Event Kind = iota
	Override
	Rule
)

// MostPanels fit into one picture.
const MostPanels = 24

const (
	planWidth   = 980 * vg.Length(1)
	curveHeight = 150 * vg.Length(1)
	rowHeight   = 11 * vg.Length(1)
	mostRows    = 12
	mostNames   = 150 * vg.Length(1) // room for the names of rows
)

var (
	agentsInk  = color.NRGBA{0x1c, 0x20, 0x26, 0xff}
	beforeInk  = color.NRGBA{0x8a, 0x93, 0x9e, 0xff}
	floorInk   = color.NRGBA{0x15, 0x80, 0x3d, 0xff}
	ceilingInk = color.NRGBA{0xc0, 0x26, 0x26, 0xff}
	kindFill   = [...]color.NRGBA{Event: {0x7c, 0x3a, 0xed, 0x3c}, Override: {0xc2, 0x57, 0x0c, 0x50}, Rule: {0x5b, 0x64, 0x70, 0x46}}
	kindInk    = [...]color.NRGBA{Event: eventInk, Override: high, Rule: ink}
)

var (
	medianLine  = draw.LineStyle{Color: load, Width: 1.2}
	agentsLine  = draw.LineStyle{Color: agentsInk, Width: 1.4}
	beforeLine  = draw.LineStyle{Color: beforeInk, Width: 1.2, Dashes: []vg.Length{3, 2}}
	floorLine   = draw.LineStyle{Color: floorInk, Width: 0.9, Dashes: []vg.Length{5, 2}}
	ceilingLine = draw.LineStyle{Color: ceilingInk, Width: 0.9, Dashes: []vg.Length{5, 2}}
)

// WritePlan draws the picture into a file, SVG or PNG by the end of its name. A file of
// that name is replaced.
func WritePlan(name string, p Plan) error {
	if err := CheckName(name); err != nil {
		return err
	}
	data, err := p.render(extension(name))
	if err != nil {
		return fmt.Errorf("draw %s: %w", name, err)
	}
	return os.WriteFile(name, data, 0o644) //nolint:gosec // pictures are for everybody
}

func (p Plan) render(format string) ([]byte, error) {
	switch n := len(p.Panels); {
	case n == 0:
		return nil, fmt.Errorf("no pools")
	case n > MostPanels:
		return nil, fmt.Errorf("%d pools, at most %d fit into a picture", n, MostPanels)
	}
	height := 2*margin + 40
	for _, panel := range p.Panels {
		height += panel.height()
	}
	return encode(format, planWidth, height, p.draw)
}

func (p Plan) draw(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c = title(c, p.Title)
	c = legend(c, p.keys())
	names := p.namesWidth()
	for _, panel := range p.Panels {
		one := c
		one.Min.Y = c.Max.Y - panel.height()
		panel.draw(one, names)
		c.Max.Y = one.Min.Y
	}
}

func (p Plan) keys() []key {
	keys := []key{{"needed for the median load", &plotter.Line{LineStyle: medianLine}}}
	if slices.ContainsFunc(p.Panels, Panel.hasBand) {
		keys = append(keys, key{"for 10 % to 90 %", &plotter.Polygon{Color: band}})
	}
	keys = append(keys, key{"planned agents", &plotter.Line{LineStyle: agentsLine}})
	if slices.ContainsFunc(p.Panels, func(panel Panel) bool { return panel.Before != nil }) {
		keys = append(keys, key{"before", &plotter.Line{LineStyle: beforeLine}})
	}
	return append(keys, key{"floor", &plotter.Line{LineStyle: floorLine}}, key{"ceiling", &plotter.Line{LineStyle: ceilingLine}})
}

// namesWidth is what the names of all rows and the labels of the axes take, so that the
// panels' times lie below each other.
func (p Plan) namesWidth() vg.Length {
	s := plainStyle(8, ink)
	width := s.Width("00000")
	for _, panel := range p.Panels {
		for _, row := range panel.Rows {
			width = max(width, min(s.Width(printable(row.Name)), mostNames))
		}
	}
	return width + 8
}

// rows returns the rows that are drawn; those beyond the most are told as one.
func (p Panel) rows() []Row {
	if len(p.Rows) <= mostRows {
		return p.Rows
	}
	rest := Row{Name: fmt.Sprintf("%d more", len(p.Rows)-mostRows+1), Kind: Rule}
	for _, row := range p.Rows[mostRows-1:] {
		for _, b := range row.Bars {
			rest.Bars = append(rest.Bars, Bar{Start: b.Start, End: b.End})
		}
	}
	return append(slices.Clone(p.Rows[:mostRows-1]), rest)
}

const (
	headHeight = 27 * vg.Length(1) // of a panel: its title, and what the axes tell
	footHeight = 30 * vg.Length(1) // the times and a gap
	rowsGap    = 3 * vg.Length(1)  // between the curves and the rows
	rightRoom  = 46 * vg.Length(1) // for the labels of the loads
)

func (p Panel) height() vg.Length {
	return headHeight + curveHeight + p.rowsHeight() + footHeight
}

func (p Panel) rowsHeight() vg.Length {
	if len(p.Rows) == 0 {
		return 0
	}
	return rowsGap + vg.Length(len(p.rows()))*rowHeight
}

func (p Panel) end() time.Time { return p.Start.Add(time.Duration(len(p.Agents)) * p.Step) }

func (p Panel) draw(c draw.Canvas, names vg.Length) {
	heading := plainStyle(10, ink)
	c.FillText(heading, vg.Point{X: c.Min.X, Y: c.Max.Y - heading.FontExtents().Ascent}, fitting(p.Title, heading, c.Max.X-c.Min.X))

	pl := plot.New()
	pl.X.Min, pl.X.Max = seconds(p.Start), seconds(p.end())
	pl.Y.Min, pl.Y.Max = 0, p.top()
	curves := draw.Crop(c, names, -rightRoom, 0, -headHeight)
	curves.Min.Y = curves.Max.Y - curveHeight
	bars := curves
	bars.Max.Y = curves.Min.Y
	bars.Min.Y = bars.Max.Y - p.rowsHeight()
	whole := curves
	whole.Min.Y = bars.Min.Y

	p.grid(curves, whole, pl)
	p.curves(curves, pl)
	p.bars(bars, pl, names)
	c.StrokeLines(draw.LineStyle{Color: soft, Width: 0.5}, []vg.Point{{X: curves.Min.X, Y: curves.Max.Y}, {X: curves.Min.X, Y: whole.Min.Y}, {X: curves.Max.X, Y: whole.Min.Y}, {X: curves.Max.X, Y: curves.Max.Y}})
	if len(p.rows()) > 0 {
		c.StrokeLine2(draw.LineStyle{Color: soft, Width: 0.5}, curves.Min.X, curves.Min.Y, curves.Max.X, curves.Min.Y)
	}
}

// top is the upper edge of the curves: above all but ceilings that nothing comes near.
func (p Panel) top() float64 {
	most := 1.0
	for i := range p.Agents {
		most = max(most, float64(p.Agents[i]), float64(p.Floor[i]), zeroIfMissing(p.High[i]), zeroIfMissing(p.Median[i]))
	}
	for _, n := range p.Before {
		most = max(most, float64(n))
	}
	const near = 1.4
	if c := float64(slices.Max(p.Ceiling)); c <= near*most {
		most = max(most, c)
	}
	const air = 1.08
	return air * most
}

func zeroIfMissing(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return x
}

func (p Panel) series(values []float64) forecast.Series {
	return forecast.Series{Start: p.Start, Step: p.Step, Values: values}
}

// grid draws the marks of agents, loads and times.
func (p Panel) grid(curves, whole draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&curves)
	fine := draw.LineStyle{Color: edge, Width: 0.5}
	label := plainStyle(8, ink)
	left, right, below := label, label, label
	left.XAlign, left.YAlign = text.XRight, text.YCenter
	right.YAlign = text.YCenter
	below.XAlign, below.YAlign = text.XCenter, text.YTop
	for _, t := range loadTicks(pl.Y.Min, pl.Y.Max) {
		if t.Value != math.Trunc(t.Value) {
			continue
		}
		curves.StrokeLine2(fine, curves.Min.X, y(t.Value), curves.Max.X, y(t.Value))
		curves.FillText(left, vg.Point{X: curves.Min.X - 4, Y: y(t.Value)}, grouped(strconv.Itoa(int(t.Value))))
	}
	for _, t := range loadTicks(0, pl.Y.Max*p.PerAgent) {
		at := y(t.Value / p.PerAgent)
		curves.StrokeLine2(draw.LineStyle{Color: soft, Width: 0.5}, curves.Max.X, at, curves.Max.X+3, at)
		curves.FillText(right, vg.Point{X: curves.Max.X + 5, Y: at}, t.Label)
	}
	unit := plainStyle(8, soft)
	unit.YAlign = text.YBottom
	curves.FillText(unit, vg.Point{X: curves.Max.X + 5, Y: curves.Max.Y + 5}, "load")
	unit.XAlign = text.XRight
	curves.FillText(unit, vg.Point{X: curves.Min.X - 4, Y: curves.Max.Y + 5}, "agents")

	ticks := timeTicks(p.Start, p.end(), p.Zone)
	for _, t := range ticks {
		if at := x(t.Value); whole.ContainsX(at) {
			whole.StrokeLine2(fine, at, whole.Min.Y, at, whole.Max.Y)
			whole.FillText(below, vg.Point{X: at, Y: whole.Min.Y - 4}, t.Label)
		}
	}
	midnights(ticks).Plot(whole, pl)
	p.clockChange(whole, x)
}

// clockChange marks where the clocks are set.
func (p Panel) clockChange(c draw.Canvas, x func(float64) vg.Length) {
	_, at := p.Start.In(p.Zone).ZoneBounds()
	if at.IsZero() || !at.Before(p.end()) {
		return
	}
	s := plainStyle(8, high)
	s.XAlign, s.YAlign = text.XCenter, text.YBottom
	c.StrokeLine2(draw.LineStyle{Color: high, Width: 0.8, Dashes: []vg.Length{1, 2}}, x(seconds(at)), c.Min.Y, x(seconds(at)), c.Max.Y)
	c.FillText(s, vg.Point{X: x(seconds(at)), Y: c.Max.Y + 2}, at.Add(-1).In(p.Zone).Format("MST")+" → "+at.In(p.Zone).Format("MST"))
}

func (p Panel) hasBand() bool {
	return !slices.ContainsFunc(p.Low, math.IsNaN) && !slices.ContainsFunc(p.High, math.IsNaN)
}

func (p Panel) curves(c draw.Canvas, pl *plot.Plot) {
	values := func(v []float64) line { return line{series: p.series(v), style: medianLine} }
	if p.hasBand() {
		between{p.series(p.Low), p.series(p.High)}.Plot(c, pl)
	}
	values(p.Median).Plot(c, pl)
	for _, s := range []steps{{p.Ceiling, p, ceilingLine}, {p.Floor, p, floorLine}, {p.Before, p, beforeLine}, {p.Agents, p, agentsLine}} {
		s.Plot(c, pl)
	}
	if lowest := slices.Min(p.Ceiling); float64(lowest) > pl.Y.Max {
		s := plainStyle(8, ceilingInk)
		s.XAlign, s.YAlign = text.XRight, text.YBottom
		c.FillText(s, vg.Point{X: c.Max.X, Y: c.Max.Y + 2}, fmt.Sprintf("ceiling %d ↑", lowest))
	}
}

// steps draws agents, which stay until the next instant.
type steps struct {
	agents []int
	panel  Panel
	style  draw.LineStyle
}

func (s steps) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var points []vg.Point
	for i, n := range s.agents {
		if i > 0 && i < len(s.agents)-1 && n == s.agents[i-1] && n == s.agents[i+1] {
			continue
		}
		from := s.panel.Start.Add(time.Duration(i) * s.panel.Step)
		points = append(points, vg.Point{X: x(seconds(from)), Y: y(float64(n))}, vg.Point{X: x(seconds(from.Add(s.panel.Step))), Y: y(float64(n))})
	}
	if len(points) > 0 {
		c.StrokeLines(s.style, c.ClipLinesXY(points)...)
	}
}

func (p Panel) bars(c draw.Canvas, pl *plot.Plot, names vg.Length) {
	x, _ := pl.Transforms(&c)
	at := func(t time.Time) vg.Length { return min(max(x(seconds(t)), c.Min.X), c.Max.X) }
	for i, row := range p.rows() {
		upper := c.Max.Y - rowsGap - vg.Length(i)*rowHeight
		middle := upper - rowHeight/2
		s := plainStyle(8, kindInk[row.Kind])
		s.YAlign = text.YCenter
		name := s
		name.XAlign = text.XRight
		c.FillText(name, vg.Point{X: c.Min.X - 4, Y: middle}, fitting(row.Name, name, names-6))
		for k, b := range row.Bars {
			from, to := at(b.Start), at(b.End)
			if to <= from {
				continue
			}
			to = max(to, from+1)
			c.FillPolygon(kindFill[row.Kind], []vg.Point{{X: from, Y: upper - 1.5}, {X: to, Y: upper - 1.5}, {X: to, Y: upper - rowHeight + 1.5}, {X: from, Y: upper - rowHeight + 1.5}})
			room := c.Max.X - from
			if k+1 < len(row.Bars) {
				room = at(row.Bars[k+1].Start) - from
			}
			if words := fitting(b.Name, s, room-4); len([]rune(words)) > 2 {
				c.FillText(s, vg.Point{X: from + 2, Y: middle}, words)
			}
		}
	}
}
