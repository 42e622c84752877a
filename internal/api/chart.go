package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// The chart's coordinates, in the units of its SVG.
const (
	chartWidth  = 1000
	chartHeight = 250
	plotLeft    = 46
	plotRight   = chartWidth - 40
	plotTop     = 18
	plotBottom  = chartHeight - 22

	chartBehind = 24 * time.Hour
	chartAhead  = 12 * time.Hour
	bandLow     = 0.1
	bandHigh    = 0.9
)

// chart is a picture of a pool: loads and agents on one scale, since an agent
// serves a fixed load. Where the load stays below the agents all is well.
type chart struct {
	Width, Height            int
	Left, Right, Top, Bottom int
	PlotHeight               int
	Now                      float64
	Load                     string  // path of the measured load
	Median, Band             string  // paths of the forecast
	Agents, Desired          string  // paths of agents, in load
	Hours                    []tick  // along the bottom
	Loads, Counts            []tick  // load on the left, agents on the right
	Most                     float64 // y of the pool's most agents; 0 when it is above the chart
	Events                   []mark
}

type tick struct {
	At     float64
	Label  string
	Strong bool
}

// mark is an interval on the time axis.
type mark struct {
	X, Width, Middle float64
	Name, Type       string
	Label            string // empty when there is no room for it
}

// chartOf draws a pool as it was at now.
func chartOf(p *engine.PoolStatus, now time.Time) chart {
	c := canvas{start: now.Add(-chartBehind), end: now.Add(chartAhead)}
	c.top = c.highest(p)
	out := chart{
		Width: chartWidth, Height: chartHeight, Left: plotLeft, Right: plotRight, Top: plotTop, Bottom: plotBottom, PlotHeight: plotBottom - plotTop,
		Now:    c.x(now),
		Load:   c.line(p.History.From(c.start)),
		Hours:  c.hours(p.Pool.Location),
		Events: c.events(p),
	}
	if most := float64(p.Pool.Agents.Max) * p.Pool.PerAgent; most <= c.top {
		out.Most = c.y(most)
	}
	out.Agents, out.Desired = c.agents(p, now)
	for _, y := range niceTicks(c.top, 0) {
		out.Loads = append(out.Loads, tick{At: c.y(y), Label: short(y)})
	}
	for _, n := range niceTicks(c.top/p.Pool.PerAgent, 1) {
		out.Counts = append(out.Counts, tick{At: c.y(n * p.Pool.PerAgent), Label: short(n)})
	}
	if f := p.Forecast; f.Len() > 0 {
		out.Median = c.line(forecast.Series{Start: f.Start, Step: f.Step, Values: f.Path(0.5)})
		out.Band = c.band(f)
	}
	return out
}

// canvas maps instants and loads to coordinates.
type canvas struct {
	start, end time.Time
	top        float64 // load at the upper edge
}

func (c canvas) x(t time.Time) float64 {
	share := float64(t.Sub(c.start)) / float64(c.end.Sub(c.start))
	return plotLeft + (plotRight-plotLeft)*min(max(share, 0), 1)
}

func (c canvas) y(load float64) float64 {
	return plotBottom - (plotBottom-plotTop)*min(max(load/c.top, 0), 1)
}

// highest returns the largest load that the chart has to show, with some air.
func (c canvas) highest(p *engine.PoolStatus) float64 {
	top := p.Pool.PerAgent
	for _, y := range p.History.From(c.start).Values {
		if !math.IsNaN(y) {
			top = max(top, y)
		}
	}
	high := p.Forecast.Path(bandHigh)
	for k, y := range high {
		if !p.Forecast.Time(k).After(c.end) {
			top = max(top, y)
		}
	}
	for _, a := range p.Agents {
		if !a.Time.Before(c.start) {
			top = max(top, float64(max(a.Current, a.Desired))*p.Pool.PerAgent)
		}
	}
	return 1.08 * top
}

// line draws a series; missing values are gaps.
func (c canvas) line(s forecast.Series) string {
	var b strings.Builder
	command := 'M'
	for i, y := range s.Values {
		t := s.Time(i)
		if math.IsNaN(y) || t.Before(c.start) || t.After(c.end) {
			command = 'M'
			continue
		}
		fmt.Fprintf(&b, "%c%.1f %.1f", command, c.x(t), c.y(y))
		command = 'L'
	}
	return b.String()
}

// band draws the area between two quantiles.
func (c canvas) band(f forecast.Forecast) string {
	low, high := f.Path(bandLow), f.Path(bandHigh)
	n := 0
	for n < f.Len() && !f.Time(n).After(c.end) {
		n++
	}
	if low == nil || high == nil || n == 0 {
		return ""
	}
	var b strings.Builder
	for k := range n {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(k, 1)], c.x(f.Time(k)), c.y(high[k]))
	}
	for k := n - 1; k >= 0; k-- {
		fmt.Fprintf(&b, "L%.1f %.1f", c.x(f.Time(k)), c.y(low[k]))
	}
	return b.String() + "Z"
}

// agents draws the steps of what a pool had and should have had.
func (c canvas) agents(p *engine.PoolStatus, now time.Time) (current, desired string) {
	var had, should strings.Builder
	for i, a := range p.Agents {
		end := now
		if i+1 < len(p.Agents) {
			end = p.Agents[i+1].Time
		}
		if end.Before(c.start) {
			continue
		}
		step := func(b *strings.Builder, agents int) {
			command := 'L'
			if b.Len() == 0 {
				command = 'M'
			}
			y := c.y(float64(agents) * p.Pool.PerAgent)
			fmt.Fprintf(b, "%c%.1f %.1fH%.1f", command, c.x(a.Time), y, c.x(end))
		}
		step(&had, a.Current)
		step(&should, a.Desired)
	}
	return had.String(), should.String()
}

// hours marks every third hour of the wall clock, midnight with its day.
func (c canvas) hours(zone *time.Location) []tick {
	var ticks []tick
	for t := c.start.Truncate(time.Hour); !t.After(c.end); t = t.Add(time.Hour) {
		local := t.In(zone)
		if t.Before(c.start) || local.Hour()%3 != 0 || local.Minute() != 0 {
			continue
		}
		hour := tick{At: c.x(t), Label: local.Format("15:04")}
		if local.Hour() == 0 {
			hour.Label, hour.Strong = local.Format("Mon 2 Jan"), true
		}
		ticks = append(ticks, hour)
	}
	return ticks
}

func (c canvas) events(p *engine.PoolStatus) []mark {
	var marks []mark
	for _, e := range p.Events {
		if !e.End.After(c.start) || !e.Start.Before(c.end) {
			continue
		}
		m := mark{X: c.x(e.Start), Width: max(1, c.x(e.End)-c.x(e.Start)), Name: e.Name, Type: e.Type}
		m.Middle = m.X + m.Width/2
		const letter = 6.2
		if letter*float64(len(e.Type)) < m.Width {
			m.Label = e.Type
		}
		marks = append(marks, m)
	}
	return marks
}

// niceTicks returns about three to six round numbers up to top, at least a
// given step apart.
func niceTicks(top, least float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10(top)))
	for _, factor := range []float64{2, 2.5} { // 1, 2, 5
		if top/step > 6 {
			step *= factor
		}
	}
	for top/step < 3 {
		step /= 2
	}
	step = max(step, least)
	var ticks []float64
	for k := 0; float64(k)*step <= top; k++ {
		ticks = append(ticks, float64(k)*step)
	}
	return ticks
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }
