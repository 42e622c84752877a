// Package contract says as a test what scaling-adapter relies on from a server
// with the Prometheus HTTP API. It runs against the embedded engine and against
// real servers alike.
package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// base is the instant of the last sample; samples lie a minute apart.
type suite struct {
	url  string
	base time.Time
}

// Run fills a server with samples of up to two hours before base, a whole
// minute, and holds it to the contract.
func Run(t *testing.T, url string, base time.Time, fill func(*testing.T, []promengine.Sample)) {
	var samples []promengine.Sample
	add := func(minutesAgo int, value float64, pairs ...string) {
		samples = append(samples, promengine.Sample{Labels: labels.FromStrings(pairs...), Time: base.Add(-time.Duration(minutesAgo) * time.Minute), Value: value})
	}
	for m := 120; m >= 0; m-- {
		add(m, float64(120-m), "__name__", "contract_load", "league", "NBA", "pod", "a")
		add(m, 1, "__name__", "contract_load", "league", "NBA", "pod", "b")
		add(m, float64(60*(120-m)), "__name__", "contract_total", "league", "NBA")
		if m < 30 || m > 90 {
			add(m, 5, "__name__", "contract_gap")
		}
	}
	for m := 120; m >= 10; m-- {
		add(m, 7, "__name__", "contract_ended")
	}
	add(3, math.Inf(1), "__name__", "contract_infinite")
	add(3, math.NaN(), "__name__", "contract_nan")
	fill(t, samples)
	s := suite{url, base}
	t.Run("instant", s.instant)
	t.Run("range", s.ranges)
	t.Run("limits", s.limits)
	t.Run("errors", s.errors)
	t.Run("metadata", s.metadata)
}

// answer is what a server says.
type answer struct {
	Status    string          `json:"status"`
	ErrorType string          `json:"errorType"`
	Error     string          `json:"error"`
	Warnings  []string        `json:"warnings"`
	Data      json.RawMessage `json:"data"`
	code      int
}

func (s suite) get(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	resp, err := http.Get(s.url + path + "?" + form.Encode())
	return s.read(t, resp, err)
}

func (s suite) post(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	resp, err := http.PostForm(s.url+path, form)
	return s.read(t, resp, err)
}

func (s suite) read(t *testing.T, resp *http.Response, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{code: resp.StatusCode}
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%s: %.300s", err, body)
	}
	return a
}

func (s suite) at(minutesAgo int) string { return fmt.Sprint(s.base.Unix() - int64(60*minutesAgo)) }

// instant checks single values: sums, rates, times, what is missing or odd.
func (s suite) instant(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		ago   int
		want  string
	}{
		"a sum":                       {`sum by (league) (contract_load)`, 0, `{"resultType":"vector","result":[{"metric":{"league":"NBA"},"value":[T,"121"]}]}`},
		"a selector keeps its name":   {`contract_load{pod="b"}`, 0, `{"resultType":"vector","result":[{"metric":{"__name__":"contract_load","league":"NBA","pod":"b"},"value":[T,"1"]}]}`},
		"a rate":                      {`rate(contract_total[5m])`, 0, `{"resultType":"vector","result":[{"metric":{"league":"NBA"},"value":[T,"1"]}]}`},
		"a scalar":                    {`1 + 1`, 0, `{"resultType":"scalar","result":[T,"2"]}`},
		"no series":                   {`contract_missing`, 0, `{"resultType":"vector","result":[]}`},
		"four minutes after the last": {`contract_ended`, 6, `{"resultType":"vector","result":[{"metric":{"__name__":"contract_ended"},"value":[T,"7"]}]}`},
		"six minutes after the last":  {`contract_ended`, 4, `{"resultType":"vector","result":[]}`},
		"infinite":                    {`contract_infinite`, 0, `{"resultType":"vector","result":[{"metric":{"__name__":"contract_infinite"},"value":[T,"+Inf"]}]}`},
		"not a number":                {`contract_nan`, 0, `{"resultType":"vector","result":[{"metric":{"__name__":"contract_nan"},"value":[T,"NaN"]}]}`},
		"the time of a sample":        {`timestamp(contract_ended)`, 6, fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{},"value":[T,"%s"]}]}`, s.at(10))},
		"the newest of a group":       {`max by (league) (timestamp(contract_load))`, 0, fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{"league":"NBA"},"value":[T,"%s"]}]}`, s.at(0))},
		"the newest of all":           {`max by () (timestamp(contract_load offset 10m)) + 600`, 0, fmt.Sprintf(`{"resultType":"vector","result":[{"metric":{},"value":[T,"%s"]}]}`, s.at(0))},
	} {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"query": {tc.query}, "time": {s.at(tc.ago)}}
			want := strings.ReplaceAll(tc.want, "T,", s.at(tc.ago)+",")
			for method, a := range map[string]answer{"GET": s.get(t, "/api/v1/query", form), "POST": s.post(t, "/api/v1/query", form)} {
				if a.code != 200 || a.Status != "success" || len(a.Warnings) > 0 {
					t.Fatalf("%s: got %d %s %s %v", method, a.code, a.Status, a.Error, a.Warnings)
				}
				if diff := cmp.Diff(want, string(a.Data)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", method, diff)
				}
			}
		})
	}
}

// ranges checks that values lie on the grid that is asked for, and gaps stay
// gaps beyond the lookback of five minutes.
func (s suite) ranges(t *testing.T) {
	a := s.post(t, "/api/v1/query_range", url.Values{"query": {"contract_gap"}, "start": {s.at(120)}, "end": {s.at(0)}, "step": {"600"}})
	if a.code != 200 {
		t.Fatalf("got %d %s", a.code, a.Error)
	}
	var values []string
	for _, ago := range []int{120, 110, 100, 90, 20, 10, 0} {
		values = append(values, fmt.Sprintf(`[%s,"5"]`, s.at(ago)))
	}
	want := `{"resultType":"matrix","result":[{"metric":{"__name__":"contract_gap"},"values":[` + strings.Join(values, ",") + `]}]}`
	if diff := cmp.Diff(want, string(a.Data)); diff != "" {
		t.Errorf("matrix (-want +got):\n%s", diff)
	}
}

func (s suite) limits(t *testing.T) {
	for points, want := range map[int]int{11_001: 200, 11_002: 400} {
		a := s.get(t, "/api/v1/query_range", url.Values{
			"query": {"contract_load"}, "start": {fmt.Sprint(s.base.Unix() - int64(points-1))}, "end": {s.at(0)}, "step": {"1"},
		})
		if a.code != want || (want == 400) != strings.Contains(a.Error, "11,000 points") {
			t.Errorf("%d points: got %d %s", points, a.code, a.Error)
		}
	}
}

func (s suite) errors(t *testing.T) {
	for name, tc := range map[string]struct {
		path string
		form url.Values
		code int
		kind string
	}{
		"a query that does not parse": {"/api/v1/query", url.Values{"query": {"sum("}}, 400, "bad_data"},
		"a bad time":                  {"/api/v1/query", url.Values{"query": {"1"}, "time": {"noon"}}, 400, "bad_data"},
		"an end before the start":     {"/api/v1/query_range", url.Values{"query": {"1"}, "start": {"10"}, "end": {"0"}, "step": {"1"}}, 400, "bad_data"},
		"no step":                     {"/api/v1/query_range", url.Values{"query": {"1"}, "start": {"0"}, "end": {"10"}, "step": {"0"}}, 400, "bad_data"},
		"a range where none may be":   {"/api/v1/query_range", url.Values{"query": {"x[5m]"}, "start": {"0"}, "end": {"10"}, "step": {"1"}}, 400, "bad_data"},
		"an ambiguous match":          {"/api/v1/query", url.Values{"query": {"contract_load * on (league) contract_load"}, "time": {s.at(0)}}, 422, "execution"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.get(t, tc.path, tc.form)
			if a.code != tc.code || a.Status != "error" || a.ErrorType != tc.kind || a.Error == "" {
				t.Errorf("got %d %s %s %s, want %d error %s", a.code, a.Status, a.ErrorType, a.Error, tc.code, tc.kind)
			}
		})
	}
}

func (s suite) metadata(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/label/pod/values": `["a","b"]`,
		"/api/v1/series":           `[{"__name__":"contract_load","league":"NBA","pod":"a"},{"__name__":"contract_load","league":"NBA","pod":"b"}]`,
	} {
		a := s.get(t, path, url.Values{"match[]": {"contract_load"}, "start": {s.at(120)}, "end": {s.at(0)}})
		if diff := cmp.Diff(want, string(a.Data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for _, path := range []string{"/-/ready", "/-/healthy"} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d", path, resp.StatusCode)
		}
	}
}
