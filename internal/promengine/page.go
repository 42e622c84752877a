package promengine

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// chart is what the page shows: the last day of a query.
type chart struct {
	Query, Error string
	At           time.Time
	Max          float64
	Lines        []line
	More         int // lines that are not shown
}

// line is one series of a chart; Points are for an SVG of 1000 by 300.
type line struct {
	Name, Points string
	Last         float64
	Hue          int
}

const (
	chartSpan  = 24 * time.Hour
	chartSteps = 500
	maxLines   = 20
)

func (e *Engine) page(w http.ResponseWriter, r *http.Request) {
	c := chart{Query: r.FormValue("query"), At: e.now()}
	if c.Query == "" {
		c.Query = "sum by (league) (agent_load)"
	}
	if err := e.draw(r, &c); err != nil {
		c.Error = err.Error()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
	_ = pageTemplate.Execute(w, c) // the client is gone if it fails
}

func (e *Engine) draw(r *http.Request, c *chart) error {
	step := chartSpan / chartSteps
	start := c.At.Add(-chartSpan)
	q, err := e.promql.NewRangeQuery(r.Context(), e.db, nil, c.Query, start, c.At, step)
	if err != nil {
		return err
	}
	defer q.Close()
	m, err := q.Exec(r.Context()).Matrix()
	if err != nil {
		return err
	}
	c.More = max(0, len(m)-maxLines)
	m = m[:len(m)-c.More]
	c.Max = 1e-9
	for _, s := range m {
		for _, p := range s.Floats {
			c.Max = max(c.Max, p.F)
		}
	}
	for i, s := range m {
		c.Lines = append(c.Lines, lineOf(s, start, c.Max, i*137%360))
	}
	return nil
}

func lineOf(s promql.Series, start time.Time, top float64, hue int) line {
	l := line{Name: s.Metric.String(), Hue: hue}
	var b strings.Builder
	for _, p := range s.Floats {
		x := 1000 * float64(p.T-start.UnixMilli()) / float64(chartSpan.Milliseconds())
		fmt.Fprintf(&b, "%.1f,%.1f ", x, 300-290*p.F/top)
		l.Last = p.F
	}
	l.Points = b.String()
	return l
}

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Prometheus engine of the demo</title>
<style>
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
input{width:100%;font:inherit;font-family:ui-monospace,monospace;padding:.5rem;box-sizing:border-box}
svg{width:100%;height:auto;margin:1rem 0;border-bottom:1px solid #8888}
td{padding:.2rem 1rem .2rem 0;font-variant-numeric:tabular-nums}
.error{color:#c33}
</style></head><body>
<h1>Prometheus engine of the demo</h1>
<form><input name="query" value="{{.Query}}" aria-label="PromQL" autofocus></form>
{{with .Error}}<p class="error">{{.}}</p>{{else}}
<svg viewBox="0 0 1000 300" role="img" aria-label="the last 24 hours, from 0 to {{printf "%.4g" .Max}}">
{{range .Lines}}<polyline fill="none" stroke="hsl({{.Hue}} 65% 45%)" stroke-width="1.5" points="{{.Points}}"/>
{{end}}</svg>
<p>The 24 hours until {{.At.Format "Mon 2006-01-02 15:04 MST"}}; the top is {{printf "%.4g" .Max}}.{{with .More}} {{.}} more series are not shown.{{end}}</p>
<table>{{range .Lines}}<tr><td style="color:hsl({{.Hue}} 65% 45%)">━</td><td><code>{{.Name}}</code></td><td>{{printf "%.6g" .Last}}</td></tr>{{else}}<tr><td>no series</td></tr>{{end}}</table>{{end}}
<p>The HTTP API is at <code>/api/v1/query</code> and <code>/api/v1/query_range</code>.</p>
</body></html>
`))
