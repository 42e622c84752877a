package api

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/version"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

//go:embed page.html
var files embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"clock": func(t time.Time, zone *time.Location) string { return t.In(zone).Format("Mon 15:04:05") },
	"agents": func(x float64) string {
		if n := apiv1.Number(x); n != nil {
			return strconv.FormatFloat(*n, 'f', 1, 64)
		}
		return "unknown"
	},
	"number": func(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) },
	"add":    func(a, b int) int { return a + b },
}).ParseFS(files, "page.html"))

const (
	poolsOnPage   = 20
	changesOnPage = 5 // of each of many pools
)

// pageView is what the status page shows.
type pageView struct {
	Version    string
	Snapshot   *engine.Snapshot
	Refresh    int // seconds
	Pools      []poolPage
	From       int // place of the first pool on the page
	Next       int // of the first pool on the next page; 0: there is none
	Selected   string
	AgentsNow  int
	AgentsGoal int
}

// poolPage is a pool on the status page.
type poolPage struct {
	*engine.PoolStatus
	Chart     chart
	Decisions []policy.Decision
	Going     []policy.Event // events that go on
	Coming    *policy.Event  // the next one
}

// page serves the status page.
func (s server) page(w http.ResponseWriter, r *http.Request) {
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	v := pageView{Version: version.Version, Snapshot: snap, Refresh: 5, Selected: r.FormValue("pool")}
	if snap != nil {
		v.Refresh = max(2, min(30, int(snap.Settings.Interval.Seconds())/2))
		for _, p := range snap.Pools {
			v.AgentsNow += p.Decision.Current
			v.AgentsGoal += p.Decision.Desired
		}
		v.From, _ = strconv.Atoi(r.FormValue("from")) // anything else is the first page
		v.From = max(0, min(v.From, len(pools)))
		shown := pools[v.From:min(v.From+poolsOnPage, len(pools))]
		if v.From+len(shown) < len(pools) {
			v.Next = v.From + len(shown)
		}
		for i := range shown {
			page := pageOf(&shown[i], snap.Time)
			if v.Selected == "" {
				page.Decisions = changes(page.Decisions, changesOnPage)
			}
			v.Pools = append(v.Pools, page)
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'")
	w.Header().Set("Cache-Control", "no-store")
	_ = pageTemplate.Execute(w, v) // the client is gone if it fails
}

func pageOf(p *engine.PoolStatus, now time.Time) poolPage {
	page := poolPage{PoolStatus: p, Chart: chartOf(p, now), Decisions: p.Recent}
	for i, e := range p.Events {
		switch {
		case !e.Start.After(now) && e.End.After(now):
			page.Going = append(page.Going, e)
		case e.Start.After(now) && page.Coming == nil:
			page.Coming = &p.Events[i]
		}
	}
	return page
}

// changes returns the newest decisions that changed something.
func changes(all []policy.Decision, most int) []policy.Decision {
	var out []policy.Decision
	for _, d := range all {
		if d.Direction() != policy.None && len(out) < most {
			out = append(out, d)
		}
	}
	return out
}

// Error prints what became of the last request, if it went wrong.
func (p poolPage) Error() string {
	if p.Outcome.Err == nil {
		return ""
	}
	return fmt.Sprintf("last request: %s: %s", p.Outcome.Result, p.Outcome.Err)
}

// recent returns the newest decisions of the pools, newest first.
func recent(pools []engine.PoolStatus, limit int) []policy.Decision {
	var all []policy.Decision
	for _, p := range pools {
		all = append(all, p.Recent...)
	}
	slices.SortStableFunc(all, func(a, b policy.Decision) int { return b.Time.Compare(a.Time) })
	return all[:min(len(all), limit)]
}
