// Package api serves what the adapter knows over HTTP: metrics, health, a JSON
// API and a status page. It reads snapshots. What it changes is the configuration,
// by reloading it, and what the engine is told at run time, if orders are taken.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/version"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Options are what is served.
type Options struct {
	Snapshot func() *engine.Snapshot // nil before the first tick
	Reload   func() error            // an error says what is wrong with the files
	Metrics  prometheus.Gatherer     // all but those about the snapshot
	// Explain says what the forecast of a pool's next steps is made of.
	Explain func(pool string, steps int) (engine.Explanation, error)

	Engine *engine.Engine // is told overrides and events
	// Control says who may give orders: it returns who sent a request, as far as
	// the listener has authenticated that, or why the request is refused. nil: nobody.
	Control func(*http.Request) (user string, err error)
	Now     func() time.Time // the engine's clock
	Audit   *slog.Logger     // told of all orders, and of those who may not give them; nil: nobody is
	// What an override lasts if nobody says, and at most; 0: an hour and a day.
	DefaultOverride, LongestOverride time.Duration
}

type server struct {
	Options
	planning, reporting queue
}

// New returns the handler of all paths.
func New(o Options) http.Handler {
	if o.Audit == nil {
		o.Audit = slog.New(slog.DiscardHandler)
	}
	s := server{o, make(queue, 1), make(queue, 1)}
	mux := http.NewServeMux()
	for _, r := range s.routes(newOrders(o)) {
		mux.HandleFunc(r.pattern, r.serve)
	}
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s server) healthy(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "scaling-adapter is healthy.")
}

// goroutines tells what the process is doing.
func (s server) goroutines(w http.ResponseWriter, _ *http.Request) {
	const stacks = 2                                 // as in a panic
	_ = pprof.Lookup("goroutine").WriteTo(w, stacks) // the client is gone if it fails
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

// reload reads the configuration anew for those who may give orders; while nobody may, for
// this machine.
func (s server) reload(w http.ResponseWriter, r *http.Request) {
	user, err := s.mayReload(r)
	audit := s.Audit.With("user", user, "remote", r.RemoteAddr)
	if err != nil {
		audit.Warn("reload refused", "err", err)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	if err := s.Reload(); err != nil {
		audit.Info("reload failed")
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	audit.Info("reloaded")
	fmt.Fprintln(w, "reloaded")
}

func (s server) mayReload(r *http.Request) (user string, err error) {
	if s.Control != nil {
		return s.Control(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", errors.New("from other machines the configuration is reloaded with --web.enable-control-api only; or send SIGHUP")
	}
	return "", nil
}

func respond(w http.ResponseWriter, status int, e apiv1.Answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(e) // the client is gone if it fails
}

// when is null before there was a time.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// table is never null.
func table(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func (s server) status(w http.ResponseWriter, _ *http.Request) {
	v := apiv1.Status{Status: "starting", Degraded: []string{}, Hosts: []apiv1.Host{}, Version: version.Version}
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
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: v})
}

func hostOf(h engine.HostStatus) apiv1.Host {
	v := apiv1.Host{Hosts: h.Hosts, Resource: h.Resource, LimitPercent: h.Limit, Quality: h.Sample.Quality.String(), Detail: h.Sample.Detail, Footprints: []apiv1.Footprint{}}
	if h.Sample.Quality == policy.OK {
		v.Percent, v.PredictedPercent = apiv1.Number(h.Sample.Value), apiv1.Number(h.Predicted)
	}
	for _, f := range h.Footprints {
		v.Footprints = append(v.Footprints, apiv1.Footprint{Pool: f.Pool, Known: f.Known, Percent: f.PerAgent, Low: f.Low, High: f.High, Changes: f.Changes})
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
	respond(w, http.StatusNotFound, apiv1.Answer{Status: apiv1.Failure, Error: unknownPool(snap, name)})
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

func (s server) pools(w http.ResponseWriter, r *http.Request) {
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []apiv1.Pool{}
	for i := range pools {
		views = append(views, viewOf(&pools[i]))
	}
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: views})
}

func viewOf(p *engine.PoolStatus) apiv1.Pool {
	v := apiv1.Pool{
		Name: p.Pool.Name, Labels: table(p.Pool.Labels), Mode: p.Pool.Mode, Min: p.Pool.Agents.Min, Max: p.Pool.Agents.Max, PerAgent: p.Pool.PerAgent,
		Load:    sampleOf(p.Load),
		Desired: p.Decision.Desired, Demand: apiv1.Number(p.Decision.Demand), Why: p.Decision.Why(), Outcome: p.Outcome.Result,
		Model: p.Forecast.Model, Fallback: p.Fallback, Rules: apiv1.List(p.Decision.Rules), Events: []apiv1.Event{},
	}
	if p.Count.Known {
		v.Current, v.Ready = &p.Count.Agents, &p.Count.Ready
	} else {
		v.Unknown = p.Count.Detail
	}
	if v.Unfulfilled = p.Decision.Unfulfilled; p.Pause.End.After(p.Decision.Time) {
		v.PausedUntil, v.PausedWhy = when(p.Pause.End), p.Pause.Why
	}
	if p.Outcome.Err != nil {
		v.Error = p.Outcome.Err.Error()
	}
	for _, e := range p.Events {
		v.Events = append(v.Events, eventOf(e))
	}
	return v
}

func sampleOf(s policy.Sample) apiv1.Sample {
	v := apiv1.Sample{Time: when(s.Time), Quality: s.Quality.String(), Detail: s.Detail}
	if !s.Time.IsZero() {
		v.Value = apiv1.Number(s.Value)
	}
	return v
}

func eventOf(e policy.Event) apiv1.Event {
	return apiv1.Event{ID: e.ID, Type: e.Type, Name: e.Name, Start: e.Start.UTC(), End: e.End.UTC(), Labels: table(e.Labels), Source: e.Source}
}

// ordinaryDecisions are told if nobody says how many.
const ordinaryDecisions = 50

func (s server) decisions(w http.ResponseWriter, r *http.Request) {
	limit := ordinaryDecisions
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			respond(w, http.StatusBadRequest, apiv1.Answer{Status: apiv1.Failure, Error: fmt.Sprintf("limit must be a whole number above 0, got %q", text)})
			return
		}
		limit = n
	}
	_, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	views := []apiv1.Decision{}
	for _, d := range recent(pools, limit) {
		views = append(views, decisionOf(d))
	}
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: views})
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

func decisionOf(d policy.Decision) apiv1.Decision {
	v := apiv1.Decision{
		ID: d.ID, Pool: d.Pool, Time: d.Time.UTC(), Mode: d.Mode, Current: d.Current, Desired: d.Desired,
		Demand: apiv1.Number(d.Demand), Why: d.Why(), Rules: apiv1.List(d.Rules), Candidates: []apiv1.Candidate{}, Reasons: []apiv1.Reason{},
	}
	for _, c := range d.Candidates {
		v.Candidates = append(v.Candidates, apiv1.Candidate{Source: c.Source, Load: apiv1.Number(c.Load), Agents: apiv1.Number(c.Agents), Chosen: c.Chosen, Rising: c.Rising, Dropped: c.Dropped})
	}
	for _, r := range d.Reasons {
		v.Reasons = append(v.Reasons, apiv1.Reason{Code: r.Code, From: r.From, To: r.To, Rule: r.Rule, Detail: r.Detail})
	}
	return v
}

const measuredBehind = 48 * time.Hour

func (s server) forecasts(w http.ResponseWriter, r *http.Request) {
	parts := false
	if text := r.FormValue("parts"); text != "" {
		var err error
		if parts, err = strconv.ParseBool(text); err != nil {
			respond(w, http.StatusBadRequest, apiv1.Answer{Status: apiv1.Failure, Error: fmt.Sprintf("parts must be true or false, got %q", clip(text))})
			return
		}
	}
	snap, pools, ok := s.selected(w, r)
	if !ok {
		return
	}
	if parts && r.FormValue("pool") == "" {
		respond(w, http.StatusBadRequest, apiv1.Answer{Status: apiv1.Failure, Error: "parts are of one pool; say which, as in ?pool=nba&parts=true"})
		return
	}
	views := []apiv1.Forecast{}
	for i := range pools {
		if parts {
			views = append(views, s.explained(snap, pools[i]))
		} else {
			views = append(views, forecastOf(snap, &pools[i]))
		}
	}
	respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: views})
}

// explained is a forecast with its parts. The models may be ahead of the snapshot by
// a tick that is not over, so that what the parts are of is taken from them too.
func (s server) explained(snap *engine.Snapshot, p engine.PoolStatus) apiv1.Forecast {
	if p.Forecast.Len() == 0 {
		return forecastOf(snap, &p)
	}
	x, err := s.Explain(p.Pool.Name, p.Forecast.Len())
	if err != nil {
		v := forecastOf(snap, &p)
		v.Warnings = append(v.Warnings, "no parts: "+err.Error())
		return v
	}
	p.Forecast, p.History, p.Scores = x.Forecast, x.Measured, x.Scores
	v := forecastOf(snap, &p)
	v.Parts = &apiv1.Parts{
		Level: apiv1.Numbers(x.Parts.Level), Seasonal: apiv1.Numbers(x.Parts.Seasonal), Autoregressive: apiv1.Numbers(x.Parts.Autoregressive),
		Event: apiv1.Numbers(x.Parts.Event), Rules: apiv1.Numbers(x.Parts.Rules),
	}
	return v
}

func forecastOf(snap *engine.Snapshot, p *engine.PoolStatus) apiv1.Forecast {
	f, step := p.Forecast, snap.Settings.Step
	shown := span{snap.Time, snap.Time}
	v := apiv1.Forecast{
		Pool: p.Pool.Name, Model: f.Model, Fallback: p.Fallback, Location: p.Pool.Location.String(), Step: step.Seconds(),
		Levels: apiv1.List(f.Levels), Paths: apiv1.List(f.Paths), Scores: []apiv1.Score{}, Coverage: []apiv1.Coverage{}, Events: []apiv1.Event{}, Effects: []apiv1.Effect{},
	}
	if f.Len() > 0 {
		v.Start, shown.end = when(f.Start), f.Time(f.Len())
	}
	if h := p.History; h.Len() > 0 {
		s := h.From(h.End().Add(-measuredBehind))
		v.Measured, shown.start = &apiv1.Measured{Start: s.Start.UTC(), Step: s.Step.Seconds(), Loads: apiv1.Numbers(s.Values)}, s.Start
	}
	for _, e := range eventsOf(snap, p, shown) {
		v.Events = append(v.Events, eventOf(e))
	}
	for _, e := range p.Effects {
		v.Effects = append(v.Effects, apiv1.EffectOf(e))
	}
	for _, s := range p.Scores {
		v.Scores = append(v.Scores, scoreOf(s, step))
	}
	for _, c := range p.Coverage {
		v.Coverage = append(v.Coverage, apiv1.Coverage{Horizon: (time.Duration(c.Horizon) * step).Seconds(), Share: c.Share, Pinball: c.Pinball, N: c.N})
	}
	for _, w := range f.Warnings {
		v.Warnings = append(v.Warnings, w.Error())
	}
	return v
}

func scoreOf(s forecast.Score, step time.Duration) apiv1.Score {
	return apiv1.Score{Model: s.Model, Horizon: (time.Duration(s.Horizon) * step).Seconds(), WAPE: apiv1.Number(s.WAPE), Bias: apiv1.Number(s.Bias), Weight: s.Weight, N: s.N}
}
