package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/forecastplot"
)

//go:embed report.html
var pageSource string

//go:embed report.md
var markdownSource string

// mostPictures are drawn, of the first pools.
const mostPictures = 40

var words = map[string]any{
	"number": func(x *float64) string {
		if x == nil {
			return "–"
		}
		return fmt.Sprintf("%.3g", *x)
	},
	"percent": func(x *float64) string {
		if x == nil {
			return "–"
		}
		return percent(*x)
	},
	"share":   percent,
	"hours":   func(h float64) string { return fmt.Sprintf("%.1f", h) },
	"lasting": func(seconds float64) string { return model.Duration(seconds * float64(time.Second)).String() },
	"instant": func(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006 15:04 MST") },
	"supply": func(name string) string {
		return map[string]string{
			"adapter": "what ran", "decided": "what was decided in dry run", "seasonal_naive": "same time last week",
			"static_peak": "as many as at the peak, always", "static_mean": "as many as on average, always",
		}[name]
	},
	"cell": func(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) },
}

var (
	page     = template.Must(template.New("report").Funcs(words).Parse(pageSource))
	markdown = texttemplate.Must(texttemplate.New("report").Funcs(words).Parse(markdownSource))
)

// Markdown returns the report as Markdown.
func Markdown(r apiv1.Report) ([]byte, error) {
	var out bytes.Buffer
	err := markdown.Execute(&out, r)
	return out.Bytes(), err
}

// HTML returns the report as one page without anything outside of it.
func HTML(r apiv1.Report) ([]byte, error) {
	pictures := map[string]template.HTML{}
	for _, p := range r.Pools[:min(len(r.Pools), mostPictures)] {
		svg, err := picture(p)
		if err != nil {
			return nil, fmt.Errorf("picture of pool %q: %w", p.Pool, err)
		}
		pictures[p.Pool] = svg
	}
	var out bytes.Buffer
	err := page.Execute(&out, struct {
		apiv1.Report
		Pictures map[string]template.HTML
	}{r, pictures})
	return out.Bytes(), err
}

// picture draws what a pool needed and had; nothing if neither is known.
func picture(p apiv1.PoolReport) (template.HTML, error) {
	zone, err := time.LoadLocation(p.Location)
	if err != nil {
		return "", err
	}
	series := func(values []*float64) forecast.Series {
		out := forecast.Series{Start: p.Series.Start.In(zone), Step: time.Duration(p.Series.Step * float64(time.Second)), Values: make([]float64, len(values))}
		for i, y := range values {
			if out.Values[i] = math.NaN(); y != nil {
				out.Values[i] = *y
			}
		}
		return out
	}
	if len(p.Series.Needed) < 2 {
		return "", nil
	}
	svg, err := forecastplot.RenderServed(forecastplot.Served{Title: p.Pool, Needed: series(p.Series.Needed), Ready: series(p.Series.Ready), Max: p.Max})
	if err != nil {
		return "", err
	}
	if i := bytes.Index(svg, []byte("<svg")); i > 0 { // what comes before is for files
		svg = svg[i:]
	}
	return template.HTML(svg), nil //nolint:gosec // made of names that the drawing escapes
}
