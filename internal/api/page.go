package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/version"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// The status pages are whole without their script, which keeps them up to date and sends
// orders. Nothing in them comes from anywhere else.

//go:embed page
var pageFiles embed.FS

// pageTemplates are the pages by name, each with the layout and the parts.
var pageTemplates = map[string]*template.Template{
	"pools": parsePage("pools"), "pool": parsePage("pool"), "configuration": parsePage("configuration"), "missing": parsePage("missing"),
}

func parsePage(name string) *template.Template {
	return template.Must(template.New("layout.html").Funcs(pageFuncs).ParseFS(pageFiles, "page/layout.html", "page/parts.html", "page/"+name+".html"))
}

var pageFuncs = template.FuncMap{
	"amount":   func(x float64) string { return amountOr(x, "unknown") },
	"cell":     func(x float64) string { return amountOr(x, "–") },
	"agents":   agents,
	"clock":    clock,
	"left":     left,
	"ordered":  ordered,
	"duration": func(d time.Duration) string { return model.Duration(d).String() },
	"add":      func(a, b int) int { return a + b },
	"percent":  func(x float64) string { return strconv.FormatFloat(100*x, 'f', 0, 64) + " %" },
	"path":     url.PathEscape,
}

// amountOr prints a number that may not be known.
func amountOr(x float64, unknown string) string {
	if apiv1.Number(x) == nil {
		return unknown
	}
	return amount(x)
}

// left is the time until something ends.
func left(end, now time.Time) string {
	switch d := end.Sub(now); {
	case d <= 0:
		return "over"
	case d < time.Minute:
		return "less than a minute left"
	default:
		return model.Duration(d.Truncate(time.Minute)).String() + " left"
	}
}

// asset is a file that pages load.
type asset struct {
	name, etag string
	content    []byte
}

var styleSheet, script = readAsset("page.css"), readAsset("page.js")

func readAsset(name string) asset {
	content, err := pageFiles.ReadFile("page/" + name)
	if err != nil {
		panic("api: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return asset{name, `"` + hex.EncodeToString(sum[:8]) + `"`, content}
}

// ServeHTTP lets browsers keep the file and ask each time whether it is still the same.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", a.etag)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.content))
}

// pages serves the status pages.
type pages struct {
	server
	told *orders
}

// page is what all pages have.
type page struct {
	Title, Here     string // Here is the path of the page in the navigation
	Version, Assets string
	Refresh         int // seconds between updates
	Now             time.Time
	Health          engine.Health
	Snapshot        *engine.Snapshot // nil before the first tick
	Orders          permission
}

// permission says whether who looks may give orders.
type permission struct {
	Taken   bool   // by anybody
	User    string // who looks, if that is known
	Refused string // why not from who looks
}

func (p permission) Given() bool { return p.Taken && p.Refused == "" }

func (s pages) newPage(r *http.Request, title string) page {
	v := page{
		Title: title, Here: r.URL.Path, Version: version.Version, Assets: styleSheet.etag + script.etag,
		Refresh: 5, Now: s.Now(), Snapshot: s.Snapshot(),
	}
	if v.Health = v.Snapshot.Health(v.Now); v.Snapshot != nil {
		v.Refresh = max(2, min(30, int(v.Snapshot.Settings.Interval.Seconds())/2))
	}
	if s.Control != nil {
		v.Orders.Taken = true
		var err error
		if v.Orders.User, err = s.Control(r); err != nil {
			v.Orders.Refused = err.Error()
		}
	}
	return v
}

// Failed are the checks of the health that do not pass.
func (v page) Failed() []engine.Check {
	return slices.DeleteFunc(slices.Clone(v.Health.Checks), func(c engine.Check) bool { return c.Passed })
}

// render answers with a page.
func render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pageTemplates[name].Execute(&b, data); err != nil {
		http.Error(w, "the page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone if it fails
}

const (
	poolsOnPage     = 50
	eventsOnPage    = 12
	overridesOnPage = 50
)

// excerpt is the part of the pools that a page shows.
type excerpt struct {
	From, To, Total int
	Previous, Next  int // places of the first pools of other pages; -1: there is none
}

func excerptOf(r *http.Request, total int) excerpt {
	from, _ := strconv.Atoi(r.FormValue("from")) // anything else is the first page
	from = max(0, min(from, total))
	e := excerpt{From: from, To: min(from+poolsOnPage, total), Total: total, Previous: -1, Next: -1}
	if from > 0 {
		e.Previous = max(0, from-poolsOnPage)
	}
	if e.To < total {
		e.Next = e.To
	}
	return e
}

// poolsPage is the page of all pools.
type poolsPage struct {
	page
	excerpt
	Agents, Goal  int
	Pools         []poolRow
	Events        []eventRow
	EventsLeft    int
	Overrides     []overrideRow
	OverridesLeft int
	Budgets       []budgetRow
}

// poolRow is a pool among others.
type poolRow struct {
	*engine.PoolStatus
	Spark  spark
	Cap    string
	Going  []policy.Event
	Expect string
}

// eventRow is an event and the pools that it concerns.
type eventRow struct {
	policy.Event
	Going bool
	Pools []string
	Zone  *time.Location
}

type overrideRow struct {
	policy.Override
	Configured, Active bool
	Zone               *time.Location
}

type budgetRow struct {
	Pool string
	engine.BudgetStatus
	Zone *time.Location
}

// pools serves the page of all pools.
func (s pages) pools(w http.ResponseWriter, r *http.Request) {
	if name := r.FormValue("pool"); name != "" { // where pages of pools were once
		http.Redirect(w, r, "/pools/"+url.PathEscape(name), http.StatusMovedPermanently)
		return
	}
	v := poolsPage{page: s.newPage(r, "Pools")}
	if snap := v.Snapshot; snap != nil {
		for i := range snap.Pools {
			v.Agents += snap.Pools[i].Decision.Current
			v.Goal += snap.Pools[i].Decision.Desired
		}
		v.excerpt = excerptOf(r, len(snap.Pools))
		shown := snap.Pools[v.From:v.To]
		for i := range shown {
			p := &shown[i]
			v.Pools = append(v.Pools, poolRow{PoolStatus: p, Spark: sparkOf(p, snap.Time), Cap: capOf(p), Going: goingOn(p, snap.Time), Expect: expected(p, snap.Time)})
			v.Budgets = append(v.Budgets, budgetsOf(p)...)
		}
		v.Events, v.EventsLeft = bounded(comingEvents(shown, snap.Time), eventsOnPage)
		v.Overrides, v.OverridesLeft = s.overrideRows(v.Now, s.Engine.Overrides(v.Now))
	}
	render(w, http.StatusOK, "pools", v)
}

// capOf says how many agents a pool has at most, and what bounds it: an override goes before
// budgets and the pool's own bounds.
func capOf(p *engine.PoolStatus) string {
	if o := p.Override; o != nil && o.Max != nil {
		return strconv.Itoa(*o.Max) + " by override"
	}
	most, by := p.Pool.Agents.Max, ""
	for _, b := range p.Budgets {
		if b.Cap.Scarce && b.Cap.Agents < most {
			most, by = b.Cap.Agents, " by budget "+b.Name
		}
	}
	return strconv.Itoa(most) + by
}

func goingOn(p *engine.PoolStatus, now time.Time) []policy.Event {
	return slices.DeleteFunc(slices.Clone(p.Events), func(e policy.Event) bool { return e.Start.After(now) || !e.End.After(now) })
}

// expected says what the forecast expects when agents that are asked for now are ready.
func expected(p *engine.PoolStatus, now time.Time) string {
	f := p.Forecast
	if f.Len() == 0 {
		return ""
	}
	k := int(max(now.Add(p.Pool.LeadTime).Sub(f.Start), 0) / f.Step)
	low, high := at(f.Path(bandLow), k), at(f.Path(bandHigh), k)
	if math.IsNaN(low) || math.IsNaN(high) {
		return ""
	}
	return fmt.Sprintf("%s–%s at %s", amount(low), amount(high), clock(f.Time(k).Truncate(time.Minute), now, p.Pool.Location))
}

// comingEvents returns the events of some pools that go on or are to come, by start.
func comingEvents(pools []engine.PoolStatus, now time.Time) []eventRow {
	type key struct {
		source, id string
		start      int64
	}
	var rows []*eventRow
	known := map[key]*eventRow{}
	for i := range pools {
		for _, e := range pools[i].Events {
			if !e.End.After(now) {
				continue
			}
			k := key{e.Source, e.ID, e.Start.Unix()}
			if known[k] == nil {
				known[k] = &eventRow{Event: e, Going: !e.Start.After(now), Zone: pools[i].Pool.Location}
				rows = append(rows, known[k])
			}
			known[k].Pools = append(known[k].Pools, pools[i].Pool.Name)
		}
	}
	slices.SortStableFunc(rows, func(a, b *eventRow) int { return a.Start.Compare(b.Start) })
	out := make([]eventRow, len(rows))
	for i, row := range rows {
		out[i] = *row
	}
	return out
}

// overrideRows are the first of some overrides, and how many are left.
func (s pages) overrideRows(now time.Time, all []policy.Override) (rows []overrideRow, left int) {
	all, left = bounded(all, overridesOnPage)
	set := s.Engine.Settings()
	for _, o := range all {
		zone := time.UTC
		if i := slices.IndexFunc(set.Pools, func(p engine.Pool) bool { return p.Pool.Name == o.Pool }); i >= 0 {
			zone = set.Pools[i].Pool.Location
		}
		rows = append(rows, overrideRow{o, s.told.configured(o), o.ActiveAt(now), zone})
	}
	return rows, left
}

// bounded returns the first of all, and how many are left.
func bounded[T any](all []T, most int) (first []T, left int) {
	n := min(len(all), most)
	return all[:n], len(all) - n
}

func budgetsOf(p *engine.PoolStatus) []budgetRow {
	var rows []budgetRow
	for _, b := range p.Budgets {
		rows = append(rows, budgetRow{p.Pool.Name, b, p.Pool.Location})
	}
	return rows
}

// poolPage is the page of a pool.
type poolPage struct {
	page
	*engine.PoolStatus
	Cap        string
	Looks      []look
	Look       look
	Charts     []chart
	Bands      bands
	Missing    string // what the charts do not show
	Numbers    []numbers
	Rules      apiv1.PoolRules
	Events     []eventRow
	EventsLeft int
	Overrides  []overrideRow
	Budgets    []budgetRow
	Outlook    *apiv1.Outlook
	Lengths    []time.Duration // for which an override may be set
}

// pool serves the page of a pool.
func (s pages) pool(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("pool")
	v := poolPage{page: s.newPage(r, name), Looks: looks}
	snap := v.Snapshot
	i := -1
	if snap != nil {
		i = slices.IndexFunc(snap.Pools, func(p engine.PoolStatus) bool { return p.Pool.Name == name })
	}
	if i < 0 {
		v.Title = unknownPool(snap, name)
		render(w, http.StatusNotFound, "missing", v.page)
		return
	}
	p := &snap.Pools[i]
	v.PoolStatus, v.Cap = p, capOf(p)
	v.Look = looks[max(0, slices.IndexFunc(looks, func(l look) bool { return l.Name == r.FormValue("range") }))]
	v.Bands = bandsOf(snap, p, v.Look)
	for _, f := range frames {
		v.Charts = append(v.Charts, chartOf(f, v.Look, p, v.Bands, snap.Time))
	}
	if n := len(p.Agents); n == 0 || p.Agents[0].Time.After(snap.Time.Add(-v.Look.behind)) {
		v.Missing = "Agents are remembered for 48 hours, and since the start of the process."
	}
	v.Numbers = numbersOf(v.Look, p, snap.Time)
	v.Rules = rulesOf(snap, p)
	v.Overrides, _ = s.overrideRows(v.Now, s.told.ofPool(name, v.Now))
	v.Events, v.EventsLeft = bounded(comingEvents(snap.Pools[i:i+1], snap.Time), eventsOnPage)
	v.Budgets = budgetsOf(p)
	v.Outlook = outlookOf(snap, p)
	for _, d := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 24 * time.Hour} {
		if d <= s.told.LongestOverride {
			v.Lengths = append(v.Lengths, d)
		}
	}
	render(w, http.StatusOK, "pool", v)
}

// configurationPage is the page of the configuration in force.
type configurationPage struct {
	page
	excerpt
	Files []fileRow
	Other []string // warnings that are about no file
	Pools []engine.Pool
}

// fileRow is a file that was read and the warnings about it.
type fileRow struct {
	Name     string
	Warnings []string
}

func (s pages) configuration(w http.ResponseWriter, r *http.Request) {
	v := configurationPage{page: s.newPage(r, "Configuration")}
	if v.Snapshot != nil {
		set := v.Snapshot.Settings
		v.Files, v.Other = byFile(set.Files, set.Warnings)
		v.excerpt = excerptOf(r, len(set.Pools))
		v.Pools = set.Pools[v.From:v.To]
	}
	render(w, http.StatusOK, "configuration", v)
}

// byFile gives each file the warnings that begin with its name.
func byFile(files, warnings []string) (rows []fileRow, other []string) {
	for _, name := range files {
		rows = append(rows, fileRow{Name: name})
	}
	for _, text := range warnings {
		// Of names of which one begins another the longest counts.
		best := -1
		for i, row := range rows {
			if len(text) > len(row.Name) && text[:len(row.Name)] == row.Name && (best < 0 || len(row.Name) > len(rows[best].Name)) {
				best = i
			}
		}
		if best < 0 {
			other = append(other, text)
			continue
		}
		rows[best].Warnings = append(rows[best].Warnings, text)
	}
	return rows, other
}
