package api

import (
	"fmt"
	"net/http"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// route is a path that is served, and what the API's document says of it.
type route struct {
	pattern string // of http.ServeMux
	serve   http.HandlerFunc
	operation
}

// operation is what the API's document says of a path that neither the pattern nor the
// types say.
type operation struct {
	id    string // for generated clients
	tag   string
	does  string // in a few words
	more  string
	takes []parameter // of the query
	body  any         // of the type that is sent as JSON; nil: nothing is sent
	data  any         // of the type of an answer's data
	media string      // of an answer that is something else than JSON with data
	fails map[int]string
}

// The tags of operations.
const (
	tagProcess = "process"
	tagState   = "state"
	tagOrders  = "orders"
)

// Media types.
const (
	mediaJSON   = "application/json"
	mediaText   = "text/plain"
	mediaHTML   = "text/html"
	mediaCSS    = "text/css"
	mediaScript = "text/javascript"
)

const (
	noPool = "There is no pool of this name."
	noTick = "The adapter has not taken its first tick."
	noSave = "It could not be saved. Nothing has changed."
)

// routes are all paths that are served. The API's document is made of them too.
func (s server) routes(told *orders) []route {
	pool := query("pool", "Name of the only pool to tell of. Without it: all pools.", text)
	author := query("author", "Who orders it.", schema{Type: types{"string"}, MaxLength: mostName})
	pages := pages{s, told}
	return []route{
		{"GET /{$}", pages.pools, operation{
			id: "page", tag: tagProcess, does: "The status page: all pools", media: mediaHTML,
			takes: []parameter{query("from", "Place of the first pool on the page.", whole(0, 0)), query("pool", "Name of a pool, whose page is told.", text)},
			fails: map[int]string{301: "The page of the pool is elsewhere."},
		}},
		{"GET /pools/{pool}", pages.pool, operation{
			id: "poolPage", tag: tagProcess, does: "The status page of a pool", media: mediaHTML,
			takes: []parameter{query("range", "How much of the past the charts show; 24h without it.", schema{Type: types{"string"}, Enum: []any{"24h", "7d"}})},
			fails: map[int]string{404: noPool},
		}},
		{"GET /configuration", pages.configuration, operation{
			id: "configurationPage", tag: tagProcess, does: "The page of the configuration in force", media: mediaHTML,
			takes: []parameter{query("from", "Place of the first pool on the page.", whole(0, 0))},
		}},
		{"GET /page.css", styleSheet.ServeHTTP, operation{
			id: "pageStyle", tag: tagProcess, does: "The style of the status pages", media: mediaCSS,
		}},
		{"GET /page.js", script.ServeHTTP, operation{
			id: "pageScript", tag: tagProcess, does: "The script of the status pages, which keeps them up to date", media: mediaScript,
		}},
		{"GET /metrics", compressed(s.metrics), operation{
			id: "metrics", tag: tagProcess, does: "Metrics for Prometheus", media: mediaText,
		}},
		{"GET /-/healthy", s.healthy, operation{
			id: "healthy", tag: tagProcess, does: "Whether the process serves", media: mediaText,
		}},
		{"GET /-/ready", s.ready, operation{
			id: "ready", tag: tagProcess, does: "Whether the first tick was taken", media: mediaText,
			more:  "With a line for each thing that is missing. Prometheus being down does not make the adapter unready: restarting it would not help.",
			fails: map[int]string{503: noTick},
		}},
		{"POST /-/reload", s.reload, operation{
			id: "reload", tag: tagProcess, does: "Read the configuration anew", media: mediaText,
			fails: map[int]string{400: "The configuration is bad, with all problems. Nothing has changed.", 403: "A page of another site asks, or somebody who may not give orders."},
		}},
		{"GET /debug/goroutines", s.goroutines, operation{
			id: "goroutines", tag: tagProcess, does: "What the process is doing", media: mediaText,
			more: "The stacks of all goroutines, for those who look for bugs.",
		}},
		{"GET /api/v1/openapi.json", s.openapi, operation{
			id: "openapi", tag: tagProcess, does: "This document", media: mediaJSON,
		}},
		{"GET /api/v1/status", s.status, operation{
			id: "status", tag: tagState, does: "The loop, the configuration and the hosts", data: apiv1.Status{},
		}},
		{"GET /api/v1/health", s.health, operation{
			id: "health", tag: tagState, does: "How well the adapter does its work", data: apiv1.Health{},
			more: "It is 200 also when the adapter is unhealthy: a restart would not help.",
		}},
		{"GET /api/v1/pools", s.pools, operation{
			id: "pools", tag: tagState, does: "Each pool's load, agents, decision, model and events", data: []apiv1.Pool{},
			takes: []parameter{pool},
			fails: map[int]string{404: noPool},
		}},
		{"GET /api/v1/decisions", s.decisions, operation{
			id: "decisions", tag: tagState, does: "The last decisions, the newest first", data: []apiv1.Decision{},
			more: "Those that changed something or whose reasons changed. The reasons of one are an unbroken chain from current to desired: " +
				"one for each step that moved or held the number.",
			takes: []parameter{pool, query("limit", "Most decisions to tell.", whole(1, ordinaryDecisions))},
			fails: map[int]string{400: "The limit is none.", 404: noPool},
		}},
		{"GET /api/v1/forecast", s.forecasts, operation{
			id: "forecast", tag: tagState, does: "Each pool's forecast", data: []apiv1.Forecast{},
			more:  "With the loads of the last 48 hours, the models' past errors and weights by horizon, how well the intervals held, and events and their effects.",
			takes: []parameter{pool, query("parts", "Tell what the median is made of. Parts are of one pool.", schema{Type: types{"boolean"}, Default: false})},
			fails: map[int]string{400: "A parameter is not what it should be, or parts are asked for without a pool.", 404: noPool},
		}},
		{"GET /api/v1/explain", s.explain, operation{
			id: "explain", tag: tagState, does: "All that led to a decision", data: apiv1.Explanation{},
			more: "Of decisions of the past agents, outcome, override, budgets, hosts and forecast are not kept and null; load is that of the history, and rules are told as they are now.",
			takes: []parameter{
				query("pool", "Name of the pool.", text).required(),
				query("at", "The decision in force then. A time such as 2026-11-12T23:25:00Z, 2026-11-12 18:25 or 18:25 on the pool's wall clock, or seconds since 1970. "+
					"Without it: the last one.", text),
			},
			fails: map[int]string{400: "There is no pool in the query, or at is no time.", 404: "There is no pool of this name, or its decisions are not remembered back to that time.", 503: noTick},
		}},
		{"GET /api/v1/budgets", s.budgets, operation{
			id: "budgets", tag: tagState, does: "The budgets of each pool", data: []apiv1.Budget{},
			takes: []parameter{pool},
			fails: map[int]string{404: noPool},
		}},
		{"GET /api/v1/plan", s.plan, operation{
			id: "plan", tag: tagState, does: "What the pools are going to do", data: apiv1.Plan{},
			more: "The models of all pools are fitted anew, for one request at a time. A point tells the instant with the most agents in the time until the next point.",
			takes: []parameter{
				pool,
				query("to", "The end: a length from the last tick on such as 36h, a time such as 2026-11-13T18:30:00Z, or seconds since 1970; 14 days ahead at most.",
					schema{Type: types{"string"}, Default: model.Duration(ordinaryPlan).String()}),
				query("step", fmt.Sprintf("The time that a point stands for, up to %s.", model.Duration(longestStep)),
					schema{Type: types{"string"}, Pattern: durationPattern, Default: model.Duration(ordinaryStep).String()}),
			},
			fails: map[int]string{400: "A parameter is not what it should be, or too much is asked for.", 404: noPool, 503: noTick + " Or other plans are being made, or this one takes too long."},
		}},
		{"POST /api/v1/evaluate", told.reading(told.evaluate), operation{
			id: "evaluate", tag: tagState, does: "What would be decided", body: apiv1.EvaluationOrder{}, data: apiv1.Evaluation{},
			more:  "It is decided as in the last tick, with what is supposed, and beside what the other pools asked for. Nothing is remembered and nobody is called, so that nobody needs to log in for it.",
			fails: map[int]string{400: "All that is wrong with what is supposed.", 403: "A page of another site asks.", 404: noPool, 503: "No tick has decided about the pool yet."},
		}},
		{"GET /api/v1/report", s.report, operation{
			id: "report", tag: tagState, does: "What the last while was like, and what could be better", data: apiv1.Report{},
			more:  "Agents, reasons and hosts are asked of Prometheus, which has to scrape the adapter; loads and accuracy are those that the adapter knows.",
			takes: []parameter{query("period", "How long it was, from 1h to 28d.", schema{Type: types{"string"}, Pattern: durationPattern, Default: model.Duration(ordinaryReport).String()})},
			fails: map[int]string{400: "The period is none, too short or too long.", 503: noTick + " Or other reports are being made, or this one takes too long."},
		}},
		{"GET /api/v1/rules", s.rules, operation{
			id: "rules", tag: tagState, does: "The rules in force, and when they are active", data: apiv1.Rules{},
			takes: []parameter{pool},
			fails: map[int]string{404: noPool, 503: noTick},
		}},
		{"GET /api/v1/overrides", told.reading(told.overrides), operation{
			id: "overrides", tag: tagOrders, does: "The overrides that hold now or later", data: []apiv1.Override{},
			takes: []parameter{pool},
			fails: map[int]string{404: noPool},
		}},
		{"PUT /api/v1/overrides/{pool}", told.writing(mostOrder, told.setOverride), operation{
			id: "setOverride", tag: tagOrders, does: "Set the override of a pool, in place of the one it has", body: apiv1.OverrideOrder{}, data: apiv1.OverrideSet{},
			more:  fmt.Sprintf("One order is required: min, max or both, exact, hold or disable. Without end and duration it holds for %s.", model.Duration(told.DefaultOverride)),
			fails: map[int]string{400: "All that is wrong with the order.", 404: noPool, 503: noSave},
		}},
		{"DELETE /api/v1/overrides/{pool}", told.writing(mostOrder, told.endOverride), operation{
			id: "endOverride", tag: tagOrders, does: "End the override of a pool", data: []apiv1.Override{},
			more:  "The answer tells what ended.",
			takes: []parameter{author},
			fails: map[int]string{400: "The author cannot be printed or is too long.", 404: "There is no such pool, or it has no override.", 409: "The override is in the configuration.", 503: noSave},
		}},
		{"DELETE /api/v1/pauses/{pool}", told.writing(mostOrder, told.resume), operation{
			id: "resume", tag: tagOrders, does: "End the pause of a pool that could not be scaled", data: apiv1.Pause{},
			more:  "It is scaled again from the next tick on.",
			takes: []parameter{author},
			fails: map[int]string{400: "The author cannot be printed or is too long.", 404: "There is no such pool, or it is not paused."},
		}},
		{"GET /api/v1/events", told.reading(told.events), operation{
			id: "events", tag: tagOrders, does: "All events that are known, by start", data: []apiv1.KnownEvent{},
			takes: []parameter{
				query("pool", "Name of a pool: events that concern it only.", text), query("type", "Events of this type only.", text),
				query("upcoming", "Events that are not over only.", schema{Type: types{"boolean"}, Default: false}),
			},
			fails: map[int]string{400: "A parameter is not what it should be.", 404: noPool},
		}},
		{"POST /api/v1/events", told.writing(mostOrder, told.putEvent), operation{
			id: "putEvent", tag: tagOrders, does: "Tell of an event, or anew of the one with its ID", body: apiv1.EventOrder{}, data: apiv1.EventPut{},
			more:  "One of end and duration is required. Without an id one is made.",
			fails: map[int]string{400: "All that is wrong with the event.", 409: "Too many events are not over yet.", 503: noSave},
		}},
		{"DELETE /api/v1/events/{id}", told.writing(mostOrder, told.endEvent), operation{
			id: "endEvent", tag: tagOrders, does: "End an event that was told", data: apiv1.KnownEvent{},
			takes: []parameter{author},
			fails: map[int]string{400: "The author cannot be printed or is too long.", 404: "There is no event with this ID.", 409: "The event is over, or that of a calendar.", 503: noSave},
		}},
		{"POST /api/v1/events/alertmanager", told.writing(mostNotification, told.alertmanager), operation{
			id: "alertmanager", tag: tagOrders, does: "Alertmanager's webhook: alerts become events", body: notification{}, data: apiv1.Notified{},
			more:  "An alert that cannot become an event is named in the answer, the others count.",
			fails: map[int]string{400: "It is not what Alertmanager sends.", 503: noSave + " Alertmanager comes again."},
		}},
	}
}
