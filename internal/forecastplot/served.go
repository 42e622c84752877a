package forecastplot

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// Served is a picture of the agents that a pool needed and those that it had. Times are those
// of the series' location; missing values are gaps.
type Served struct {
	Title         string
	Needed, Ready forecast.Series
	Max           int // that the pool may have
}

const servedHeight = 260 * vg.Length(1)

// RenderServed draws the picture as SVG.
func RenderServed(s Served) ([]byte, error) {
	if s.Needed.Len() < 2 {
		return nil, fmt.Errorf("%d values, at least two can be drawn", s.Needed.Len())
	}
	return encode(".svg", width, servedHeight, s.draw)
}

func (s Served) draw(c draw.Canvas) {
	c = draw.Crop(c, margin, -margin, margin, -margin)
	c = title(c, s.Title)
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.Y.Max = s.top()
	ticks := axes(pl, s.Needed.Start, s.Needed.End().Add(time.Second), s.Needed.Start.Location(), "agents")
	pl.Add(lattice(), midnights(ticks))
	var keys []key
	for _, curve := range []struct {
		name   string
		series forecast.Series
		style  draw.LineStyle
	}{
		{"needed", s.Needed, draw.LineStyle{Color: load, Width: 1.3}},
		{"ready", s.Ready, draw.LineStyle{Color: agentsInk, Width: 1.4}},
		{"max", s.limit(), ceilingLine},
	} {
		if curve.series.Len() > 0 {
			pl.Add(stairs{line{curve.series, curve.style}})
			keys = append(keys, key{curve.name, &plotter.Line{LineStyle: curve.style}})
		}
	}
	c = legend(c, keys)
	pl.Draw(c)
}

// limit is the maximum as a series, if the curves come near it.
func (s Served) limit() forecast.Series {
	if float64(s.Max) > s.top() {
		return forecast.Series{}
	}
	values := make([]float64, s.Needed.Len())
	for i := range values {
		values[i] = float64(s.Max)
	}
	return forecast.Series{Start: s.Needed.Start, Step: s.Needed.Step, Values: values}
}

// top is the upper edge.
func (s Served) top() float64 {
	most := 1.0
	for _, series := range []forecast.Series{s.Needed, s.Ready} {
		for _, n := range series.Values {
			if !math.IsNaN(n) {
				most = max(most, n)
			}
		}
	}
	const air = 1.15
	return air * most
}

// stairs draws values that stay until the next one.
type stairs struct{ line }

func (s stairs) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var run []vg.Point
	flush := func() {
		if len(run) > 0 {
			c.StrokeLines(s.style, c.ClipLinesXY(run)...)
		}
		run = nil
	}
	for i, v := range s.series.Values {
		if math.IsNaN(v) {
			flush()
			continue
		}
		run = append(run, vg.Point{X: x(seconds(s.series.Time(i))), Y: y(v)}, vg.Point{X: x(seconds(s.series.Time(i + 1))), Y: y(v)})
	}
	flush()
}
