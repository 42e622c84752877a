package promengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

const maxPoints = 11_000 // of one series in a range query, as in Prometheus

func (e *Engine) routes() http.Handler {
	mux := http.NewServeMux()
	for path, serve := range map[string]func(*http.Request) (any, annotations.Annotations, error){
		"/api/v1/query":               e.query,
		"/api/v1/query_range":         e.queryRange,
		"/api/v1/series":              e.series,
		"/api/v1/labels":              e.labelNames,
		"/api/v1/label/{name}/values": e.labelValues,
		"/api/v1/status/buildinfo":    buildInfo,
	} {
		h := answer(serve)
		mux.Handle("GET "+path, h)
		mux.Handle("POST "+path, h)
	}
	ready := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "Prometheus Server is Ready.") }
	mux.HandleFunc("GET /-/healthy", ready)
	mux.HandleFunc("GET /-/ready", ready)
	mux.HandleFunc("GET /{$}", e.page)
	return mux
}

// badData is an error of whoever asks.
type badData struct{ error }

// response is the envelope of all answers.
type response struct {
	Status    string   `json:"status"`
	Data      any      `json:"data,omitempty"`
	ErrorType string   `json:"errorType,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
	Infos     []string `json:"infos,omitempty"`
}

func answer(serve func(*http.Request) (any, annotations.Annotations, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, notes, err := serve(r)
		status, resp := http.StatusOK, response{Status: "success", Data: data}
		if err != nil {
			status, resp = failure(err)
		}
		resp.Warnings, resp.Infos = notes.AsStrings(r.FormValue("query"), 10, 10)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(resp) // the client is gone if it fails
	})
}

func failure(err error) (status int, r response) {
	status, kind := http.StatusUnprocessableEntity, "execution"
	var (
		timeout  promql.ErrQueryTimeout
		canceled promql.ErrQueryCanceled
	)
	switch {
	case errors.As(err, &badData{}):
		status, kind = http.StatusBadRequest, "bad_data"
	case errors.As(err, &timeout):
		status, kind = http.StatusServiceUnavailable, "timeout"
	case errors.As(err, &canceled):
		status, kind = 499, "canceled"
	}
	return status, response{Status: "error", ErrorType: kind, Error: err.Error()}
}

// result is the data of a query.
type result struct {
	Type   parser.ValueType `json:"resultType"`
	Result parser.Value     `json:"result"`
}

func (e *Engine) query(r *http.Request) (any, annotations.Annotations, error) {
	at := e.now()
	if text := r.FormValue("time"); text != "" {
		t, err := parseTime("time", text)
		if err != nil {
			return nil, nil, err
		}
		at = t
	}
	return e.instant(r.Context(), r.FormValue("query"), at)
}

func (e *Engine) instant(ctx context.Context, text string, at time.Time) (any, annotations.Annotations, error) {
	q, err := e.promql.NewInstantQuery(ctx, e.db, nil, text, at)
	if err != nil {
		return nil, nil, badData{fmt.Errorf("invalid parameter %q: %w", "query", err)}
	}
	return run(ctx, q)
}

// run executes a query. Its values are copied, since the query's own are reused
// when it is closed.
func run(ctx context.Context, q promql.Query) (any, annotations.Annotations, error) {
	res := q.Exec(ctx)
	defer q.Close()
	if res.Err != nil {
		return nil, res.Warnings, res.Err
	}
	data, err := json.Marshal(result{res.Value.Type(), res.Value})
	return json.RawMessage(data), res.Warnings, err
}

func (e *Engine) queryRange(r *http.Request) (any, annotations.Annotations, error) {
	start, err := parseTime("start", r.FormValue("start"))
	if err != nil {
		return nil, nil, err
	}
	end, err := parseTime("end", r.FormValue("end"))
	if err != nil {
		return nil, nil, err
	}
	step, err := parseStep(r.FormValue("step"))
	switch {
	case err != nil:
		return nil, nil, err
	case end.Before(start):
		return nil, nil, badData{errors.New(`invalid parameter "end": end timestamp must not be before start time`)}
	case end.Sub(start)/step > maxPoints:
		return nil, nil, badData{errors.New("exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")}
	}
	q, err := e.promql.NewRangeQuery(r.Context(), e.db, nil, r.FormValue("query"), start, end, step)
	if err != nil {
		return nil, nil, badData{fmt.Errorf("invalid parameter %q: %w", "query", err)}
	}
	return run(r.Context(), q)
}

// parseTime reads seconds since the epoch or RFC 3339.
func parseTime(parameter, text string) (time.Time, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1<<40 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	return time.Time{}, badData{fmt.Errorf("invalid parameter %q: cannot parse %q to a valid timestamp", parameter, text)}
}

// parseStep reads seconds or a duration.
func parseStep(text string) (time.Duration, error) {
	var step time.Duration
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1<<30 {
		step = time.Duration(seconds * float64(time.Second))
	} else if d, err := model.ParseDuration(text); err == nil {
		step = time.Duration(d)
	} else {
		return 0, badData{fmt.Errorf(`invalid parameter "step": cannot parse %q to a valid duration`, text)}
	}
	if step <= 0 {
		return 0, badData{errors.New(`invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer`)}
	}
	return step, nil
}

// period returns the time that is asked about, all of it by default.
func (e *Engine) period(r *http.Request) (start, end int64, err error) {
	start, end = 0, e.now().UnixMilli()
	for name, to := range map[string]*int64{"start": &start, "end": &end} {
		if text := r.FormValue(name); text != "" {
			t, err := parseTime(name, text)
			if err != nil {
				return 0, 0, err
			}
			*to = t.UnixMilli()
		}
	}
	return start, end, nil
}

func (e *Engine) series(r *http.Request) (any, annotations.Annotations, error) {
	start, end, err := e.period(r)
	if err != nil {
		return nil, nil, err
	}
	if len(r.Form["match[]"]) == 0 {
		return nil, nil, badData{errors.New("no match[] parameter provided")}
	}
	q, err := e.db.Querier(start, end)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	found := []labels.Labels{}
	var notes annotations.Annotations
	for _, text := range r.Form["match[]"] {
		matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(text)
		if err != nil {
			return nil, nil, badData{fmt.Errorf(`invalid parameter "match[]": %w`, err)}
		}
		set := q.Select(r.Context(), true, &storage.SelectHints{Start: start, End: end, Func: "series"}, matchers...)
		for set.Next() {
			found = append(found, set.At().Labels())
		}
		notes.Merge(set.Warnings())
		if set.Err() != nil {
			return nil, notes, set.Err()
		}
	}
	return found, notes, nil
}

func (e *Engine) labelNames(r *http.Request) (any, annotations.Annotations, error) {
	return e.labels(r, func(q storage.LabelQuerier) ([]string, annotations.Annotations, error) {
		return q.LabelNames(r.Context(), nil)
	})
}

func (e *Engine) labelValues(r *http.Request) (any, annotations.Annotations, error) {
	return e.labels(r, func(q storage.LabelQuerier) ([]string, annotations.Annotations, error) {
		return q.LabelValues(r.Context(), r.PathValue("name"), nil)
	})
}

func (e *Engine) labels(r *http.Request, ask func(storage.LabelQuerier) ([]string, annotations.Annotations, error)) (any, annotations.Annotations, error) {
	start, end, err := e.period(r)
	if err != nil {
		return nil, nil, err
	}
	q, err := e.db.Querier(start, end)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	names, notes, err := ask(q)
	if names == nil {
		names = []string{}
	}
	return names, notes, err
}

func buildInfo(*http.Request) (any, annotations.Annotations, error) {
	return map[string]string{"version": "embedded", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}, nil, nil
}
