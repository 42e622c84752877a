package backtest

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/forecastplot"
)

//go:embed page.html
var pageSource string

// Bounds of what is drawn.
const (
	mostPictures = 40   // of the first pools
	mostPoints   = 1008 // of a curve: a week of ten minutes
)

var page = template.Must(template.New("backtest").Funcs(template.FuncMap{
	"share": func(x float64) string {
		if math.IsNaN(x) {
			return "–"
		}
		return fmt.Sprintf("%.2f %%", 100*x)
	},
	"number": func(x float64) string {
		if math.IsNaN(x) {
			return "–"
		}
		return fmt.Sprintf("%.3g", x)
	},
	"fixed":   func(x float64) string { return fmt.Sprintf("%.1f", x) },
	"minutes": func(d time.Duration) string { return fmt.Sprintf("%.0f", d.Minutes()) },
	"instant": func(t time.Time) string { return t.UTC().Format("Mon 2 Jan 2006 15:04 MST") },
	"lasting": func(d time.Duration) string { return model.Duration(d).String() },
}).Parse(pageSource))

// pageTable are the outcomes of a pool, or of all.
type pageTable struct {
	Result  Result
	Ways    []Outcome
	Budgets bool
	Total   bool // more than the limit of all agents counts
}

// poolPage is what the page tells of a pool.
type poolPage struct {
	PoolResult
	Table   pageTable
	Picture template.HTML   // of the adapter
	Others  []template.HTML // of the other ways
}

// WriteHTML writes the result as one page without anything outside of it.
func WriteHTML(w io.Writer, r Result) error {
	var pools []poolPage
	for i, p := range r.Pools {
		told := poolPage{PoolResult: p, Table: pageTable{Result: r, Ways: p.Ways, Budgets: len(p.Budgets) > 0}}
		for _, o := range p.Ways {
			if i >= mostPictures || o.Way == StaticPeak || o.Way == StaticMean {
				continue // a straight line says nothing that the table does not
			}
			svg, err := r.picture(p, o)
			if err != nil {
				return fmt.Errorf("picture of pool %q: %w", p.Pool.Name, err)
			}
			if o.Way == Adapter {
				told.Picture = svg
			} else {
				told.Others = append(told.Others, svg)
			}
		}
		pools = append(pools, told)
	}
	return page.Execute(w, struct {
		Result
		Pages []poolPage
		All   pageTable
	}{r, pools, pageTable{r, r.Total, r.Budgeted(), r.MaxTotalAgents > 0}})
}

// picture draws what a pool needed and had: of each point's time the most.
func (r Result) picture(p PoolResult, o Outcome) (template.HTML, error) {
	every := max((r.Len()+mostPoints-1)/mostPoints, 1)
	series := func(values []float64) forecast.Series {
		out := forecast.Series{Start: r.From.In(p.Pool.Location), Step: time.Duration(every) * r.Tick}
		for i := 0; i < len(values); i += every {
			most := math.NaN()
			for _, y := range values[i:min(i+every, len(values))] {
				if !math.IsNaN(y) && !(most >= y) {
					most = y
				}
			}
			out.Values = append(out.Values, most)
		}
		return out
	}
	if r.Len() < 2*every {
		return "", nil
	}
	svg, err := forecastplot.RenderServed(forecastplot.Served{Title: p.Pool.Name + ": " + o.Way, Needed: series(p.Needed), Ready: series(o.Supply), Max: p.Pool.Agents.Max})
	if err != nil {
		return "", err
	}
	if i := bytes.Index(svg, []byte("<svg")); i > 0 { // what comes before is for files
		svg = svg[i:]
	}
	return template.HTML(svg), nil //nolint:gosec // made of names that the drawing escapes
}
