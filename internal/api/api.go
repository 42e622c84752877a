// Package api serves what the adapter knows over HTTP: metrics, health, a JSON
// API and a status page. It reads snapshots. What it changes is the configuration,
// by reloading it, and what the engine is told at run time, if orders are taken.
package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Options are what is served.
type Options struct {
	Snapshot func() *engine.Snapshot // nil before the first tick
	Reload   func() error            // an error says what is wrong with the files
	Metrics  prometheus.Gatherer
	// Explain says what the forecast of a pool's next steps is made of.
	Explain func(pool string, steps int) (engine.Explanation, error)

	Engine *engine.Engine // is told overrides and events
	// Control says who may give orders: it returns who sent a request, as far as
	// the listener has authenticated that, or why the request is refused. nil: nobody.
	Control func(*http.Request) (user string, err error)
	Now     func() time.Time // the engine's clock
	Logger  *slog.Logger     // told of all orders
	// What an override lasts if nobody says, and at most; 0: an hour and a day.
	DefaultOverride, LongestOverride time.Duration
}

type server struct{ Options }

// New returns the handler of all paths.
func New(o Options) http.Handler {
	s := server{o}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "scaling-adapter is healthy.") })
	mux.HandleFunc("GET /-/ready", s.ready)
	mux.HandleFunc("POST /-/reload", s.reload)
	mux.HandleFunc("GET /api/v1/status", s.status)
	mux.HandleFunc("GET /api/v1/pools", s.pools)
	mux.HandleFunc("GET /api/v1/decisions", s.decisions)
	mux.HandleFunc("GET /api/v1/forecast", s.forecasts)
	mux.HandleFunc("GET /api/v1/explain", s.explain)
	mux.HandleFunc("GET /api/v1/budgets", s.budgets)
	told := newOrders(o)
	mux.HandleFunc("GET /api/v1/overrides", told.reading(told.overrides))
	mux.HandleFunc("PUT /api/v1/overrides/{pool}", told.writing(mostOrder, told.setOverride))
	mux.HandleFunc("DELETE /api/v1/overrides/{pool}", told.writing(mostOrder, told.endOverride))
	mux.HandleFunc("GET /api/v1/events", told.reading(told.events))
	mux.HandleFunc("POST /api/v1/events", told.writing(mostOrder, told.putEvent))
	mux.HandleFunc("DELETE /api/v1/events/{id}", told.writing(mostOrder, told.endEvent))
	mux.HandleFunc("POST /api/v1/events/alertmanager", told.writing(mostNotification, told.alertmanager))
	mux.HandleFunc("GET /{$}", s.page)
	return http.NewCrossOriginProtection().Handler(mux)
}

// ready tells whether the first tick was taken. Missing data does not matter:
// restarting the adapter would not bring it back.
func (s server) ready(w http.ResponseWriter, _ *http.Request) {
	snap := s.Snapshot()
	if snap == nil {
		http.Error(w, "scaling-adapter has not taken its first tick.", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "scaling-adapter is ready.")
	for _, d := range snap.Degraded {
		fmt.Fprintln(w, "degraded:", d)
	}
}

func (s server) reload(w http.ResponseWriter, _ *http.Request) {
	if err := s.Reload(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintln(w, "reloaded")
}

// envelope is the body of all answers of the API, as Prometheus' is.
type envelope struct {
	Status string `json:"status"` // success or error
	Data   any    `json:"data,omitempty"`
	Error  string `json:"error,omitempty"`
}

func respond(w http.ResponseWriter, status int, e envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client is gone if it fails
}

// number is null where there is none: JSON has no NaN.
func number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func numbers(xs []float64) []*float64 {
	out := make([]*float64, len(xs))
	for i, x := range xs {
		out[i] = number(x)
	}
	return out
}

// when is null before there was a time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// list is never null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// table is never null.
func table(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

type statusView struct {
	Status         string     `json:"status"` // starting, ok or degraded
	Degraded       []string   `json:"degraded"`
	Version        string     `json:"version"`
	LastTick       *time.Time `json:"last_tick"`
	Generation     int        `json:"generation"`
	ConfigHash     string     `json:"config_hash"`
	ConfigLoadedAt *time.Time `json:"config_loaded_at"`
	Enabled        bool       `json:"enabled"`
	Pools          int        `json:"pools"`
	MaxTotalAgents int        `json:"max_total_agents"`
	Hosts          []hostView `json:"hosts"`
}

type hostView struct {
	Hosts        string   `json:"hosts,omitempty"` // name of the group; none: the hosts of all pools
	Resource     string   `json:"resource"`
	Percent      *float64 `json:"percent"`
	LimitPercent float64  `json:"limit_percent"`
	Quality      string   `json:"quality"`
	Detail       string   `json:"detail,omitempty"`
}

func (s server) status(w http.ResponseWriter, _ *http.Request) {
	v := statusView{Status: "starting", Degraded: []string{}, Hosts: []hostView{}, Version: version.Version}
	if snap := s.Snapshot(); snap != nil {
		set := snap.Settings
		v.LastTick, v.Generation, v.ConfigHash, v.ConfigLoadedAt = when(snap.Time), set.Generation, set.Hash, when(set.LoadedAt)
		v.Enabled, v.Pools, v.MaxTotalAgents = set.Enabled, len(snap.Pools), set.MaxTotalAgents
		if v.Status = "ok"; len(snap.Degraded) > 0 {
			v.Status, v.Degraded = "degraded", snap.Degraded
		}
		for _, h := range snap.Hosts {
			v.Hosts = append(v.Hosts, hostOf(h))
		}
	}
	respond(w, http.StatusOK, envelope{Status: "success", Data: v})
}

func hostOf(h engine.HostStatus) hostView {
	v := hostView{Hosts: h.Hosts, Resource: h.Resource, LimitPercent: h.Limit, Quality: h.Sample.Quality.String(), Detail: h.Sample.Detail}
	if h.Sample.Quality == policy.OK {
		v.Percent = number(h.Sample.Value)
	}
	return v
}

// selected returns the pools that the request's parameter pool names, all
// without it. It answers itself, and returns false, when there is no such pool.
func (s server) selected(w http.ResponseWriter, r *http.Request) (*engine.Snapshot, []engine.PoolStatus, bool) {
	snap := s.Snapshot()
	name := r.FormValue("pool")
	switch {
	case snap == nil && name == "":
		return nil, nil, true
	case snap != nil && name == "":
		return snap, snap.Pools, true
	case snap != nil:
		for i := range snap.Pools {
			if snap.Pools[i].Pool.Name == name {
				return snap, snap.Pools[i : i+1], true
			}
		}
	}
	respond(w, http.StatusNotFound, envelope{Status: "error", Error: unknownPool(snap, name)})
	return nil, nil, false
}

// unknownPool says that there is no such pool, and which there are.
func unknownPool(snap *engine.Snapshot, name string) string {
	const most = 20
	text := fmt.Sprintf("no pool %q", clip(name))
	if snap == nil {
		return text + "; the adapter has not taken its first tick"
	}
	var known []string
	for _, p := range snap.Pools[:min(len(snap.Pools), most)] {
		known = append(known, p.Pool.Name)
	}
	if n := len(snap.Pools) - len(known); n > 0 {
		known = append(known, fmt.Sprintf("and %d more", n))
	}
	return text + "; known are " + strings.Join(known, ", ")
}

type poolView struct {
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels"`
	Mode     policy.Mode       `json:"mode"`
	Min      int               `json:"min"`
	Max      int               `json:"max"`
	PerAgent float64           `json:"load_per_agent"`
	Load     sampleView        `json:"load"`
	Current  *int              `json:"current"`
	Ready    *int              `json:"ready"`
	Unknown  string            `json:"current_unknown,omitempty"`
	Desired  int               `json:"desired"`
	Demand   *float64          `json:"demand"`
	Why      string            `json:"why"`
	Outcome  policy.Result     `json:"outcome"`
	Error    string            `json:"error,omitempty"`
	Model    string            `json:"model"`
	Fallback string            `json:"fallback,omitempty"`
	Rules    []string          `json:"active_rules"`
	Events   []eventView       `json:"events"`
}

type sampleView struct {
	Value   *float64   `json:"value"`
	Time    *time.Time `json:"time"`
	Quality string     `json:"quality"`
	Detail  string     `json:"detail,omitempty"`
}

type eventView struct {
	ID     string            `json:"id"`
	Type   string            `json:"type"`
	Name   string            `json:"name"`
	Start  time.Time         `json:"start"`
	End    time.Time         `json:"end"`
	Labels map[string]string `json:"labels"`
	Source string            `json:"source"`
}

func (s server) pools(w http.ResponseWriter, r *http.Request) {
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []poolView{}
	for i := range pools {
		views = append(views, viewOf(&pools[i]))
	}
	respond(w, http.StatusOK, envelope{Status: "success", Data: views})
}

func viewOf(p *engine.PoolStatus) poolView {
	v := poolView{
		Name: p.Pool.Name, Labels: table(p.Pool.Labels), Mode: p.Pool.Mode, Min: p.Pool.Agents.Min, Max: p.Pool.Agents.Max, PerAgent: p.Pool.PerAgent,
		Load:    sampleOf(p.Load),
		Desired: p.Decision.Desired, Demand: number(p.Decision.Demand), Why: p.Decision.Why(), Outcome: p.Outcome.Result,
		Model: p.Forecast.Model, Fallback: p.Fallback, Rules: list(p.Decision.Rules), Events: []eventView{},
	}
	if p.Count.Known {
		v.Current, v.Ready = &p.Count.Agents, &p.Count.Ready
	} else {
		v.Unknown = p.Count.Detail
	}
	if p.Outcome.Err != nil {
		v.Error = p.Outcome.Err.Error()
	}
	for _, e := range p.Events {
		v.Events = append(v.Events, eventOf(e))
	}
	return v
}

func sampleOf(s policy.Sample) sampleView {
	v := sampleView{Time: when(s.Time), Quality: s.Quality.String(), Detail: s.Detail}
	if !s.Time.IsZero() {
		v.Value = number(s.Value)
	}
	return v
}

func eventOf(e policy.Event) eventView {
	return eventView{e.ID, e.Type, e.Name, e.Start.UTC(), e.End.UTC(), table(e.Labels), e.Source}
}

type decisionView struct {
	ID         string          `json:"id"`
	Pool       string          `json:"pool"`
	Time       time.Time       `json:"time"`
	Mode       policy.Mode     `json:"mode"`
	Current    int             `json:"current"`
	Desired    int             `json:"desired"`
	Demand     *float64        `json:"demand"`
	Why        string          `json:"why"`
	Candidates []candidateView `json:"candidates"`
	Reasons    []reasonView    `json:"reasons"`
	Rules      []string        `json:"active_rules"`
}

type candidateView struct {
	Source  string   `json:"source"`
	Load    *float64 `json:"load"`
	Agents  *float64 `json:"agents"`
	Chosen  bool     `json:"chosen"`
	Rising  bool     `json:"rising,omitempty"`
	Dropped string   `json:"dropped,omitempty"`
}

type reasonView struct {
	Code   policy.Code `json:"code"`
	From   int         `json:"from"`
	To     int         `json:"to"`
	Rule   string      `json:"rule,omitempty"`
	Detail string      `json:"detail"`
}

func (s server) decisions(w http.ResponseWriter, r *http.Request) {
	limit := 50
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			respond(w, http.StatusBadRequest, envelope{Status: "error", Error: fmt.Sprintf("limit must be a whole number above 0, got %q", text)})
			return
		}
		limit = n
	}
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []decisionView{}
	for _, d := range recent(pools, limit) {
		views = append(views, decisionOf(d))
	}
	respond(w, http.StatusOK, envelope{Status: "success", Data: views})
}

func decisionOf(d policy.Decision) decisionView {
	v := decisionView{
		ID: d.ID, Pool: d.Pool, Time: d.Time.UTC(), Mode: d.Mode, Current: d.Current, Desired: d.Desired,
		Demand: number(d.Demand), Why: d.Why(), Rules: list(d.Rules), Candidates: []candidateView{}, Reasons: []reasonView{},
	}
	for _, c := range d.Candidates {
		v.Candidates = append(v.Candidates, candidateView{c.Source, number(c.Load), number(c.Agents), c.Chosen, c.Rising, c.Dropped})
	}
	for _, r := range d.Reasons {
		v.Reasons = append(v.Reasons, reasonView{r.Code, r.From, r.To, r.Rule, r.Detail})
	}
	return v
}

type forecastView struct {
	Pool     string         `json:"pool"`
	Model    string         `json:"model"`
	Fallback string         `json:"fallback,omitempty"`
	Location string         `json:"location"`
	Measured *measuredView  `json:"measured"`
	Start    *time.Time     `json:"start"`
	Step     float64        `json:"step_seconds"`
	Levels   []float64      `json:"quantiles"`
	Paths    [][]float64    `json:"loads"` // one list for each quantile, one value for each step
	Scores   []scoreView    `json:"scores"`
	Coverage []coverageView `json:"interval_coverage"`
	Events   []eventView    `json:"events"` // in the time that is told
	Effects  []effectView   `json:"effects"`
	Parts    *partsView     `json:"parts,omitempty"` // if they are asked for
	Warnings []string       `json:"warnings,omitempty"`
}

// measuredView are the loads of the last two days.
type measuredView struct {
	Start time.Time  `json:"start"`
	Step  float64    `json:"step_seconds"`
	Loads []*float64 `json:"loads"` // null where one is missing
}

const measuredBehind = 48 * time.Hour

// partsView is what each cause adds to the median, one value for each step.
type partsView struct {
	Level          []*float64 `json:"level"`
	Seasonal       []*float64 `json:"seasonal"`
	Autoregressive []*float64 `json:"autoregressive"`
	Event          []*float64 `json:"event"`
	Rules          []*float64 `json:"rules"`
}

// effectView is what the past says about the events of a rule.
type effectView struct {
	Class    string   `json:"class"`    // the rule
	Events   int      `json:"events"`   // seen
	Declared *float64 `json:"declared"` // factor
	Measured *float64 `json:"measured"`
	Low      *float64 `json:"low"` // a standard error below what was measured
	High     *float64 `json:"high"`
	Learned  bool     `json:"learned"` // what was measured is applied; otherwise what is declared
}

type coverageView struct {
	Horizon float64 `json:"horizon_seconds"`
	Share   float64 `json:"share"` // within the 10–90 % interval
	N       int     `json:"values"`
}

type scoreView struct {
	Model   string   `json:"model"`
	Horizon float64  `json:"horizon_seconds"`
	WAPE    *float64 `json:"wape"`
	Bias    *float64 `json:"bias"`
	Weight  float64  `json:"weight"` // in the combination at this horizon
	N       int      `json:"forecasts"`
}

func (s server) forecasts(w http.ResponseWriter, r *http.Request) {
	parts := false
	if text := r.FormValue("parts"); text != "" {
		var err error
		if parts, err = strconv.ParseBool(text); err != nil {
			respond(w, http.StatusBadRequest, envelope{Status: "error", Error: fmt.Sprintf("parts must be true or false, got %q", clip(text))})
			return
		}
	}
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	if parts && r.FormValue("pool") == "" {
		respond(w, http.StatusBadRequest, envelope{Status: "error", Error: "parts are of one pool; say which, as in ?pool=nba&parts=true"})
		return
	}
	views := []forecastView{}
	for i := range pools {
		if parts {
			views = append(views, s.explained(snap, pools[i]))
		} else {
			views = append(views, forecastOf(snap, &pools[i]))
		}
	}
	respond(w, http.StatusOK, envelope{Status: "success", Data: views})
}

// explained is a forecast with its parts. The models may be ahead of the snapshot by
// a tick that is not over, so that what the parts are of is taken from them too.
func (s server) explained(snap *engine.Snapshot, p engine.PoolStatus) forecastView {
	if p.Forecast.Len() == 0 {
		return forecastOf(snap, &p)
	}
	x, err := s.Explain(p.Pool.Name, p.Forecast.Len())
	if err != nil {
		v := forecastOf(snap, &p)
		v.Warnings = append(v.Warnings, "no parts: "+err.Error())
		return v
	}
	p.Forecast, p.History = x.Forecast, x.Measured
	v := forecastOf(snap, &p)
	v.Parts = &partsView{numbers(x.Parts.Level), numbers(x.Parts.Seasonal), numbers(x.Parts.Autoregressive), numbers(x.Parts.Event), numbers(x.Parts.Rules)}
	return v
}

func forecastOf(snap *engine.Snapshot, p *engine.PoolStatus) forecastView {
	f, step := p.Forecast, snap.Settings.Step
	shown := span{snap.Time, snap.Time}
	v := forecastView{
		Pool: p.Pool.Name, Model: f.Model, Fallback: p.Fallback, Location: p.Pool.Location.String(), Step: step.Seconds(),
		Levels: list(f.Levels), Paths: list(f.Paths), Scores: []scoreView{}, Coverage: []coverageView{}, Events: []eventView{}, Effects: []effectView{},
	}
	if f.Len() > 0 {
		v.Start, shown.end = when(f.Start), f.Time(f.Len())
	}
	if h := p.History; h.Len() > 0 {
		h = h.From(h.End().Add(-measuredBehind))
		v.Measured, shown.start = &measuredView{h.Start.UTC(), h.Step.Seconds(), numbers(h.Values)}, h.Start
	}
	for _, e := range eventsOf(snap, p, shown) {
		v.Events = append(v.Events, eventOf(e))
	}
	for _, e := range p.Effects {
		v.Effects = append(v.Effects, effectView{e.Class, e.Events, number(e.Declared), number(e.Measured), number(e.Low), number(e.High), e.Learned})
	}
	for _, s := range p.Scores {
		v.Scores = append(v.Scores, scoreOf(s, step))
	}
	for _, c := range p.Coverage {
		v.Coverage = append(v.Coverage, coverageView{(time.Duration(c.Horizon) * step).Seconds(), c.Share, c.N})
	}
	for _, w := range f.Warnings {
		v.Warnings = append(v.Warnings, w.Error())
	}
	return v
}

func scoreOf(s forecast.Score, step time.Duration) scoreView {
	return scoreView{s.Model, (time.Duration(s.Horizon) * step).Seconds(), number(s.WAPE), number(s.Bias), s.Weight, s.N}
}
