package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// What overrides last, unless the options say otherwise.
const (
	defaultOverride = time.Hour
	longestOverride = 24 * time.Hour
)

// Bounds of what is sent.
const (
	mostOrder        = 64 << 10 // bytes of an order
	mostNotification = 4 << 20  // bytes of a notification of many alerts
	mostAgents       = 1 << 20  // of a pool
	mostName         = 100      // characters
	mostText         = 500      // characters
	mostAhead        = 31 * 24 * time.Hour
)

// orders serves what changes the adapter at run time: overrides and events.
type orders struct {
	Options
	mu      sync.Mutex // held from what was before to what is after a change
	replies replies
}

func newOrders(o Options) *orders {
	if o.DefaultOverride == 0 {
		o.DefaultOverride = defaultOverride
	}
	if o.LongestOverride == 0 {
		o.LongestOverride = longestOverride
	}
	return &orders{Options: o}
}

// caller is who gives an order.
type caller struct {
	user   string // that the listener has authenticated; empty if it asks for none
	remote string // address
	key    orderKey
}

// refusal is an order that is not carried out. Its text says what to do.
type refusal struct {
	status int
	why    string
}

func (r refusal) Error() string { return r.why }

func refuse(status int, format string, args ...any) error {
	return refusal{status, fmt.Sprintf(format, args...)}
}

// reading answers with what do returns.
func (s *orders) reading(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		data, err := do(r)
		answer(w, data, err)
	}
}

// writing lets those in who may give orders, with a body of bounded length.
func (s *orders) writing(most int64, do func(*http.Request, caller) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, err := s.authenticate(r)
		if err != nil {
			if s.Control != nil {
				s.Audit.Warn("order refused", "user", user, "remote", r.RemoteAddr, "order", r.Method+" "+r.URL.Path, "err", err)
			}
			answer(w, nil, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		key, err := keyOf(r, user)
		if err != nil {
			answer(w, nil, err)
			return
		}
		carryOut := func() (any, error) { return do(r, caller{user, r.RemoteAddr, key}) }
		if key == "" {
			data, err := carryOut()
			answer(w, data, err)
			return
		}
		data, err := s.replies.once(r, key, s.Now(), carryOut)
		answer(w, data, err)
	}
}

// authenticate returns who sent a request that may give orders.
func (s *orders) authenticate(r *http.Request) (user string, err error) {
	if s.Control == nil {
		return "", refuse(http.StatusForbidden, "orders are not taken; scaling-adapter run takes them with --web.enable-control-api")
	}
	if user, err = s.Control(r); err != nil {
		return "", refusal{http.StatusForbidden, err.Error()}
	}
	return user, nil
}

func answer(w http.ResponseWriter, data any, err error) {
	if err == nil {
		respond(w, http.StatusOK, apiv1.Answer{Status: apiv1.Success, Data: data})
		return
	}
	status := http.StatusInternalServerError
	if refused, ok := errors.AsType[refusal](err); ok {
		status = refused.status
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10") // seconds
	}
	respond(w, status, apiv1.Answer{Status: apiv1.Failure, Error: err.Error()})
}

// audit returns the log of a change: who made it, and what was before and is after.
func (s *orders) audit(by caller, author, before, after string) *slog.Logger {
	return s.Audit.With("author", author, "user", by.user, "remote", by.remote, "before", before, "after", after)
}

// strictness says what becomes of fields that are not known.
type strictness int

const (
	knownFields strictness = iota // only
	anyFields                     // of programs that gain fields with each release
)

// decode reads the only JSON value of a request.
func decode(r *http.Request, fields strictness, v any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "send JSON, with the header Content-Type: application/json")
	}
	in := json.NewDecoder(r.Body)
	if fields == knownFields {
		in.DisallowUnknownFields()
	}
	err := in.Decode(v)
	if err == nil {
		var more json.RawMessage
		if err = in.Decode(&more); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			return refuse(http.StatusBadRequest, "more than one JSON value; send one")
		}
	}
	if long, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLong(long)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		where := wrong.Field
		if where == "" {
			where = "the body"
		}
		return refuse(http.StatusBadRequest, "%s: expected %s, got a JSON %s", where, kindOf(wrong), wrong.Value)
	}
	if errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "the body is empty; send a JSON object")
	}
	return refuse(http.StatusBadRequest, "not what was expected: %s", strings.TrimPrefix(err.Error(), "json: "))
}

func tooLong(err *http.MaxBytesError) error {
	return refuse(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", err.Limit)
}

// kindOf says what JSON was expected.
func kindOf(err *json.UnmarshalTypeError) string {
	switch err.Type.Kind() {
	case reflect.Int, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "an object"
}

// problems are all that is wrong with an order.
type problems []string

func (ps *problems) add(format string, args ...any) { *ps = append(*ps, fmt.Sprintf(format, args...)) }

func (ps problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	return refusal{http.StatusBadRequest, strings.Join(ps, "; ")}
}

// text returns a text of people without what surrounds it. Others read it in logs,
// terminals and pages.
func (ps *problems) text(field, value string, most int) string {
	value = strings.TrimSpace(value)
	switch {
	case utf8.RuneCountInString(value) > most:
		ps.add("%s has more than %d characters", field, most)
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsGraphic(r) }):
		ps.add("%s holds characters that cannot be printed", field)
	}
	return value
}

// nameSyntax is what IDs and types of events look like.
var nameSyntax = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)

// times are how an order says when it holds.
type times struct{ Start, End, Duration string }

// span is an interval of time, and what is wrong with it if it is none.
func (t times) span(now time.Time, ordinary time.Duration, ps *problems) (start, end time.Time) {
	start = now
	before := len(*ps)
	if t.Start != "" {
		start = ps.instant("start", t.Start)
	}
	if t.End != "" {
		end = ps.instant("end", t.End)
	}
	length := ordinary
	if t.Duration != "" {
		d, err := model.ParseDuration(t.Duration)
		if length = time.Duration(d); err != nil || length <= 0 {
			ps.add("duration %q is not one above 0 such as 90m or 2h", clip(t.Duration))
		}
	}
	if start.After(now.Add(mostAhead)) {
		ps.add("start %s is more than %s ahead", stamp(start), model.Duration(mostAhead))
	}
	switch {
	case t.End != "" && t.Duration != "":
		ps.add("duration and end are both there; send one of them")
	case t.End == "" && length == 0:
		ps.add("duration or end is missing, such as \"duration\": \"2h\"")
	case len(*ps) > before:
	case t.End == "":
		end = start.Add(length)
	case !end.After(start):
		ps.add("end %s is not after start %s", stamp(end), stamp(start))
	}
	return start, end
}

func (ps *problems) instant(field, text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		ps.add("%s %q is not a time such as 2026-11-12T18:30:00Z or 2026-11-12T18:30:00-05:00", field, clip(text))
	}
	return t.UTC()
}

// clip shortens what is told back to who sent it.
func clip(text string) string {
	const most = 40
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "…"
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// serial is an instant within a name.
func serial(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
