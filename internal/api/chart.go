package api

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// look is how much time the charts of a pool show.
type look struct {
	Name          string // in the query
	behind, ahead time.Duration
	row           time.Duration // between two rows of the table of numbers
	grid          time.Duration // on which the activity of rules is looked up
}

var looks = []look{
	{"24h", 24 * time.Hour, 12 * time.Hour, time.Hour, 5 * time.Minute},
	{"7d", 7 * 24 * time.Hour, 48 * time.Hour, 6 * time.Hour, 30 * time.Minute},
}

// The quantiles between which the band of the forecast lies.
const (
	bandLow  = 0.1
	bandHigh = 0.9
)

// frame is the room of a chart, in the units of its SVG. There are two of each chart, of
// which one is shown: letters stay legible on wide and on narrow screens.
type frame struct {
	Kind                 string
	Width                int
	Left, Right          int // of the plots
	loadHigh, agentsHigh int // heights
	most                 int // points of a line
}

var frames = []frame{
	{"wide", 1000, 58, 990, 190, 90, 480},
	{"narrow", 380, 44, 374, 150, 80, 160},
}

// Lengths that all charts share.
const (
	laneHigh = 17
	axisHigh = 20
	plotGap  = 26
	letter   = 6.1 // width
)

// Most lanes of a chart.
const (
	mostEventLanes = 3 // the table of events has them all
	mostRuleLanes  = 8
)

// chart is a picture of a pool: events and rules as bands, the load with its forecast, and
// agents, on one axis of time.
type chart struct {
	frame
	Pool, Text  string // Text tells in words what it shows
	Height      int
	Lanes       []lane
	Load        plot
	Agents      plot
	Times       []tick
	Now         float64
	Top, Bottom int // of what all share

	Measured, Median, Band, Capacity string // paths in the plot of the load
	Had, Should                      string // paths in that of the agents
	Cap                              float64
}

// Plots are the parts with axes.
func (c chart) Plots() []plot { return []plot{c.Load, c.Agents} }

// lane is a row of bands.
type lane struct {
	Kind, Title string // event or rule; the title stands at the first lane of a kind
	Y, High     int
	Bars        []bar
}

// bar is an interval on the axis of time.
type bar struct {
	X, Width float64
	Text     string
	LabelX   float64 // 0: there is no room for the text
}

// plot is a part of the chart with an axis of its own.
type plot struct {
	Title       string
	Top, Bottom int
	Ticks       []tick
	high        float64 // value at its top
}

func (p plot) y(v float64) float64 {
	return tenths(float64(p.Bottom) - float64(p.Bottom-p.Top)*min(max(v/p.high, 0), 1))
}

// tenths rounds a place: finer ones are not seen.
func tenths(x float64) float64 { return math.Round(10*x) / 10 }

type tick struct {
	At     float64
	Label  string
	Strong bool
}

// band is an interval of time with a name.
type band struct {
	start, end time.Time
	text       string
}

// bands are what the charts of a pool show besides numbers.
type bands struct {
	events, rules []band
	Always        []string // rules that are active all the time
	Left          int      // rules that there is no room for
}

// canvas turns time into places.
type canvas struct {
	frame
	start, now, end time.Time
}

func canvasOf(f frame, l look, now time.Time) canvas {
	return canvas{f, now.Add(-l.behind), now, now.Add(l.ahead)}
}

func (c canvas) x(t time.Time) float64 {
	share := float64(t.Sub(c.start)) / float64(c.end.Sub(c.start))
	return tenths(float64(c.Left) + float64(c.Right-c.Left)*min(max(share, 0), 1))
}

// chartOf draws a pool as it was at now.
func chartOf(f frame, l look, p *engine.PoolStatus, b bands, now time.Time) chart {
	c := canvasOf(f, l, now)
	out := chart{frame: f, Pool: p.Pool.Name, Text: c.words(p), Now: c.x(now), Times: c.times(p.Pool.Location), Top: 4}
	out.Lanes = append(c.lanes("event", "events", packed(b.events)), c.lanes("rule", "rules", apart(b.rules))...)
	y := out.Top
	for i := range out.Lanes {
		out.Lanes[i].Y = y
		y += laneHigh
	}
	out.Load = plot{Title: "load", Top: y + plotGap, Bottom: y + plotGap + f.loadHigh, high: c.highestLoad(p)}
	out.Agents = plot{Title: "agents", Top: out.Load.Bottom + plotGap, Bottom: out.Load.Bottom + plotGap + f.agentsHigh, high: c.mostAgents(p)}
	out.Bottom = out.Agents.Bottom
	out.Height = out.Bottom + axisHigh
	for _, v := range niceTicks(out.Load.high, 0, f.loadHigh/36) {
		out.Load.Ticks = append(out.Load.Ticks, tick{At: out.Load.y(v), Label: short(v)})
	}
	for _, v := range niceTicks(out.Agents.high, 1, f.agentsHigh/20) {
		out.Agents.Ticks = append(out.Agents.Ticks, tick{At: out.Agents.y(v), Label: short(v)})
	}
	out.Measured = c.line(p.History.From(c.start), out.Load)
	if f := p.Forecast; f.Len() > 0 {
		out.Median = c.line(forecast.Series{Start: f.Start, Step: f.Step, Values: f.Path(0.5)}, out.Load)
		out.Band = c.band(f, out.Load)
	}
	agents := func(of func(engine.AgentsPoint) float64, in plot) string { return c.steps(p.Agents, of, in) }
	out.Capacity = agents(func(a engine.AgentsPoint) float64 { return float64(a.Current) * p.Pool.PerAgent }, out.Load)
	out.Had = agents(func(a engine.AgentsPoint) float64 { return float64(a.Current) }, out.Agents)
	out.Should = agents(func(a engine.AgentsPoint) float64 { return float64(a.Desired) }, out.Agents)
	if most := float64(p.Pool.Agents.Max); most <= out.Agents.high {
		out.Cap = out.Agents.y(most)
	}
	return out
}

// highestLoad returns the largest load that the chart has to show, with some air.
func (c canvas) highestLoad(p *engine.PoolStatus) float64 {
	top := p.Pool.PerAgent
	for _, values := range [][]float64{p.History.From(c.start).Values, head(p.Forecast.Path(bandHigh), c.ahead(p.Forecast))} {
		if _, high, ok := extremes(values); ok {
			top = max(top, high)
		}
	}
	for _, a := range c.shown(p.Agents) {
		top = max(top, float64(a.Current)*p.Pool.PerAgent)
	}
	return 1.06 * top
}

// mostAgents returns the most agents that the chart has to show. The pool's most are shown
// unless they are far above.
func (c canvas) mostAgents(p *engine.PoolStatus) float64 {
	top := 1
	for _, a := range c.shown(p.Agents) {
		top = max(top, a.Current, a.Desired)
	}
	if p.Pool.Agents.Max <= 3*top {
		top = max(top, p.Pool.Agents.Max)
	}
	return 1.06 * float64(top)
}

// shown returns the points that count between the start and now.
func (c canvas) shown(points []engine.AgentsPoint) []engine.AgentsPoint {
	first := 0
	for first+1 < len(points) && !points[first+1].Time.After(c.start) {
		first++
	}
	return points[first:]
}

// line draws a series; missing values are gaps. Of a long one each point is the largest of
// those that it stands for: it is the peaks that agents are needed for.
func (c canvas) line(s forecast.Series, in plot) string {
	var b strings.Builder
	command := 'M'
	stride := 1 + s.Len()/c.most
	for i := 0; i < s.Len(); i += stride {
		y := math.NaN()
		for _, v := range s.Values[i:min(i+stride, s.Len())] {
			if math.IsNaN(y) || v > y {
				y = v
			}
		}
		t := s.Time(i)
		if math.IsNaN(y) || t.Before(c.start) || t.After(c.end) {
			command = 'M'
			continue
		}
		fmt.Fprintf(&b, "%c%.1f %.1f", command, c.x(t), in.y(y))
		command = 'L'
	}
	return b.String()
}

// band draws the area between two quantiles.
func (c canvas) band(f forecast.Forecast, in plot) string {
	low, high := f.Path(bandLow), f.Path(bandHigh)
	var there, back []string
	n := c.ahead(f)
	for k := 0; k < n; k += 1 + n/c.most {
		x, bottom, top := c.x(f.Time(k)), at(low, k), at(high, k)
		if !math.IsNaN(bottom) && !math.IsNaN(top) {
			there, back = append(there, fmt.Sprintf("%.1f %.1f", x, in.y(top))), append(back, fmt.Sprintf("%.1f %.1f", x, in.y(bottom)))
		}
	}
	if len(there) == 0 {
		return ""
	}
	slices.Reverse(back)
	return "M" + strings.Join(append(there, back...), "L") + "Z"
}

// ahead returns how many steps of a forecast the chart shows.
func (c canvas) ahead(f forecast.Forecast) int {
	n := 0
	for n < f.Len() && !f.Time(n).After(c.end) {
		n++
	}
	return n
}

// steps draws what was so from each point on until the next one.
func (c canvas) steps(points []engine.AgentsPoint, of func(engine.AgentsPoint) float64, in plot) string {
	var b strings.Builder
	points = c.shown(points)
	for i, a := range points {
		y := in.y(of(a))
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M%.1f %.1f", c.x(a.Time), y)
		case of(a) != of(points[i-1]):
			fmt.Fprintf(&b, "H%.1fV%.1f", c.x(a.Time), y)
		}
	}
	if len(points) > 0 {
		fmt.Fprintf(&b, "H%.1f", c.x(c.now))
	}
	return b.String()
}

// times marks hours of the wall clock, as many as there is room for, and midnights with
// their day.
func (c canvas) times(zone *time.Location) []tick {
	const room = 58 // of a label
	every := 24
	for _, hours := range []int{12, 6, 3, 1} {
		if c.x(c.start.Add(time.Duration(hours)*time.Hour))-float64(c.Left) >= room {
			every = hours
		}
	}
	days := 1 // between two midnights with a label
	for c.x(c.start.Add(time.Duration(24*days)*time.Hour))-float64(c.Left) < room {
		days++
	}
	var ticks []tick
	midnights := 0
	const least = 15 * time.Minute // that zones are apart
	for t := c.start.Truncate(least).Add(least); !t.After(c.end); t = t.Add(least) {
		local := t.In(zone)
		if local.Minute() != 0 || local.Hour()%every != 0 {
			continue
		}
		mark := tick{At: c.x(t), Label: local.Format("15:04")}
		if local.Hour() == 0 {
			mark.Label, mark.Strong = local.Format("Mon 2 Jan"), true
			if c.Width < 500 {
				mark.Label = local.Format("Mon 2")
			}
			if midnights%days != 0 {
				mark.Label = ""
			}
			midnights++
		}
		if mark.At < float64(c.Left)+room/3 || mark.At > float64(c.Right)-room/3 {
			mark.Label = "" // it would be cut off
		}
		ticks = append(ticks, mark)
	}
	return ticks
}

// packed puts the intervals into rows in which none covers another one.
func packed(all []band) [][]band {
	var rows [][]band
	for _, b := range all {
		free := func(row []band) bool { return !row[len(row)-1].end.After(b.start) }
		switch i := slices.IndexFunc(rows, free); {
		case i >= 0:
			rows[i] = append(rows[i], b)
		case len(rows) < mostEventLanes:
			rows = append(rows, []band{b})
		}
	}
	return rows
}

// apart gives each name a row of its own.
func apart(all []band) [][]band {
	var rows [][]band
	for _, b := range all {
		if n := len(rows); n > 0 && rows[n-1][0].text == b.text {
			rows[n-1] = append(rows[n-1], b)
			continue
		}
		rows = append(rows, []band{b})
	}
	return rows
}

// lanes draws rows of bands, with names where there is room for them.
func (c canvas) lanes(kind, title string, rows [][]band) []lane {
	var out []lane
	for i, row := range rows {
		l := lane{Kind: kind, High: laneHigh - 3}
		if i == 0 {
			l.Title = title
		}
		named := false
		for k, b := range row {
			m := bar{X: c.x(b.start), Text: b.text}
			m.Width = max(1.5, tenths(c.x(b.end)-m.X))
			end := float64(c.Right)
			if k+1 < len(row) {
				end = c.x(row[k+1].start)
			}
			width := letter*float64(len([]rune(b.text))) + 8
			switch {
			case kind == "rule" && named: // its lane has one name
			case width <= m.Width:
				m.LabelX, named = tenths(m.X+4), true
			case m.X+m.Width+width <= end:
				m.LabelX, named = tenths(m.X+m.Width+4), true
			}
			l.Bars = append(l.Bars, m)
		}
		out = append(out, l)
	}
	return out
}

// bandsOf returns what happens to a pool between two instants.
func bandsOf(snap *engine.Snapshot, p *engine.PoolStatus, l look) bands {
	var out bands
	start, end := snap.Time.Add(-l.behind), snap.Time.Add(l.ahead)
	for _, e := range eventsOf(snap, p, span{start, end}) {
		out.events = append(out.events, band{e.Start, e.End, eventName(e)})
	}
	own := policyOf(snap, p)
	timeline := own.Timeline(eventsOf(snap, p, span{}))
	active := map[string][]band{}
	for t := start.Truncate(l.grid); t.Before(end); t = t.Add(l.grid) {
		for _, name := range timeline.Active(t) {
			if n := len(active[name]); n > 0 && active[name][n-1].end.Equal(t) {
				active[name][n-1].end = t.Add(l.grid)
				continue
			}
			active[name] = append(active[name], band{t, t.Add(l.grid), name})
		}
	}
	shown := 0
	for _, rule := range own.Rules {
		switch spells := active[rule.Name]; {
		case len(spells) == 0:
		case len(spells) == 1 && !spells[0].start.After(start) && !spells[0].end.Before(end):
			out.Always = append(out.Always, rule.Name)
		case shown == mostRuleLanes:
			out.Left++
		default:
			out.rules = append(out.rules, spells...)
			shown++
		}
	}
	return out
}

// eventName is what people call an event.
func eventName(e policy.Event) string {
	if e.Name == "" {
		return e.Type
	}
	return e.Type + ": " + e.Name
}

// spark is a small picture of the load of a pool and what is expected of it.
type spark struct {
	Measured, Median, Band string
	Now                    float64
	Text                   string // the same in words
}

const (
	sparkWidth  = 168
	sparkHeight = 40
)

func sparkOf(p *engine.PoolStatus, now time.Time) spark {
	c := canvasOf(frame{Width: sparkWidth, Left: 1, Right: sparkWidth - 1, most: 84}, looks[0], now)
	in := plot{Top: 2, Bottom: sparkHeight - 2, high: c.highestLoad(p)}
	out := spark{Now: c.x(now), Measured: c.line(p.History.From(c.start), in), Text: c.words(p)}
	if f := p.Forecast; f.Len() > 0 {
		out.Median, out.Band = c.line(forecast.Series{Start: f.Start, Step: f.Step, Values: f.Path(0.5)}, in), c.band(f, in)
	}
	return out
}

// words tell what a line of load shows.
func (c canvas) words(p *engine.PoolStatus) string {
	text := fmt.Sprintf("No load is known of the last %s", inWords(c.now.Sub(c.start)))
	if low, high, ok := extremes(p.History.From(c.start).Values); ok {
		text = fmt.Sprintf("Load of the last %s from %s to %s", inWords(c.now.Sub(c.start)), amount(low), amount(high))
	}
	f := p.Forecast
	n := c.ahead(f)
	low, _, known := extremes(head(f.Path(bandLow), n))
	_, high, _ := extremes(head(f.Path(bandHigh), n))
	if !known {
		return text + "; nothing is forecast."
	}
	text += fmt.Sprintf("; between %s and %s forecast until %s", amount(low), amount(high), clock(f.Time(n-1), c.now, p.Pool.Location))
	if _, peak, ok := extremes(head(f.Path(0.5), n)); ok {
		at := f.Time(slices.Index(f.Path(0.5)[:n], peak))
		text += fmt.Sprintf(", with a median of at most %s at %s", amount(peak), clock(at, c.now, p.Pool.Location))
	}
	return text + "."
}

func head(values []float64, n int) []float64 { return values[:min(n, len(values))] }

// extremes returns the least and the largest of the values that are known.
func extremes(values []float64) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, y := range values {
		if !math.IsNaN(y) && !math.IsInf(y, 0) {
			low, high, ok = min(low, y), max(high, y), true
		}
	}
	return low, high, ok
}

// inWords is a length of time of a chart.
func inWords(d time.Duration) string {
	if d > 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return fmt.Sprintf("%d hours", d/time.Hour)
}

// numbers are a row of the table that says what the charts show.
type numbers struct {
	Time              time.Time
	Load              float64
	Low, Median, High float64
	Agents            *engine.AgentsPoint // nil: it is not known
}

// numbersOf returns what the charts show, in numbers.
func numbersOf(l look, p *engine.PoolStatus, now time.Time) []numbers {
	var rows []numbers
	f := p.Forecast
	for t := now.Add(-l.behind).Truncate(l.row).Add(l.row); !t.After(now.Add(l.ahead)); t = t.Add(l.row) {
		row := numbers{Time: t, Load: p.History.At(t), Low: math.NaN(), Median: math.NaN(), High: math.NaN()}
		if f.Len() > 0 && !t.Before(f.Start) {
			if k := int(t.Sub(f.Start) / f.Step); k < f.Len() {
				row.Low, row.Median, row.High = at(f.Path(bandLow), k), at(f.Path(0.5), k), at(f.Path(bandHigh), k)
			}
		}
		if !t.After(now) {
			for i := range p.Agents {
				if !p.Agents[i].Time.After(t) {
					row.Agents = &p.Agents[i]
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func at(path []float64, k int) float64 {
	if k >= len(path) {
		return math.NaN()
	}
	return path[k]
}

// niceTicks returns round numbers from 0 up to top, at least a given step apart and about
// as many as there is room for.
func niceTicks(top, least float64, room int) []float64 {
	most := float64(max(room, 2))
	step := math.Pow(10, math.Floor(math.Log10(top/most)))
	for _, factor := range []float64{2, 2.5, 2} { // 1, 2, 5, 10
		if top/step > most {
			step *= factor
		}
	}
	step = max(step, least)
	var ticks []float64
	for k := 0; float64(k)*step <= top; k++ {
		ticks = append(ticks, float64(k)*step)
	}
	return ticks
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
