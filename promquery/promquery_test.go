package promquery

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/config"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// client returns a client of a server that answers with the handler.
func client(t testing.TB, h http.Handler, change func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := Config{URL: server.URL, Timeout: 5 * time.Second, QueryLag: 30 * time.Second, MaxAge: 2 * time.Minute, HTTP: config.DefaultHTTPClientConfig}
	if change != nil {
		change(&c)
	}
	made, err := New(c, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// series is one series of an instant vector as JSON.
func series(labels map[string]string, value string) string {
	metric, err := json.Marshal(labels)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"metric":%s,"value":[%d,%q]}`, metric, now.Unix(), value)
}

func vectorOf(series ...string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
}

// loads answers instant queries: the value to queries, and the age to those
// that ask for timestamps.
func loads(body, ageBody string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.FormValue("query"), "timestamp(") {
			io.WriteString(w, ageBody)
			return
		}
		io.WriteString(w, body)
	}
}

func at(age time.Duration) string { return strconv.FormatInt(now.Add(-age).Unix(), 10) }

var (
	nba   = map[string]string{"league": "NBA"}
	wnba  = map[string]string{"league": "WNBA"}
	fresh = vectorOf(series(nba, at(40*time.Second)), series(wnba, at(40*time.Second)))
)

const byLeague = "sum by (league) (agent_load)"

func TestSampleTypesWhatItIsTold(t *testing.T) {
	load := policy.Signal{Query: byLeague, Match: nba}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    policy.Quality
		detail  string
	}{
		"a fresh number":         {loads(vectorOf(series(nba, "7"), series(wnba, "1")), fresh), policy.OK, ""},
		"zero is a number":       {loads(vectorOf(series(nba, "0")), fresh), policy.OK, ""},
		"infos are fine":         {loads(`{"status":"success","infos":["PromQL info: metric might not be a counter"],"data":{"resultType":"vector","result":[`+series(nba, "7")+`]}}`, fresh), policy.OK, ""},
		"no series":              {loads(vectorOf(), fresh), policy.Empty, `no series with {league="NBA"} in an answer of 0`},
		"only others' series":    {loads(vectorOf(series(wnba, "7")), fresh), policy.Empty, "in an answer of 1"},
		"two series":             {loads(vectorOf(series(nba, "7"), series(map[string]string{"league": "NBA", "a": "b"}, "8")), fresh), policy.Error, "2 series"},
		"NaN":                    {loads(vectorOf(series(nba, "NaN")), fresh), policy.NaN, "the value is NaN"},
		"infinite":               {loads(vectorOf(series(nba, "+Inf")), fresh), policy.NaN, "the value is +Inf"},
		"negative":               {loads(vectorOf(series(nba, "-1")), fresh), policy.NaN, "the value is -1"},
		"too large for a float":  {loads(vectorOf(series(nba, "1e309")), fresh), policy.Error, "1e309"},
		"no number":              {loads(vectorOf(series(nba, "")), fresh), policy.Error, ""},
		"a histogram":            {loads(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"league":"NBA"},"histogram":[1,{"count":"1","sum":"1"}]}]}}`, fresh), policy.Error, "a histogram"},
		"text":                   {loads(`{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, fresh), policy.Error, `unexpected value type "string"`},
		"a matrix":               {loads(`{"status":"success","data":{"resultType":"matrix","result":[]}}`, fresh), policy.Error, "the query gives a matrix"},
		"stale":                  {loads(vectorOf(series(nba, "7")), vectorOf(series(nba, at(3*time.Minute)))), policy.Stale, "the last sample is 3m0s old, more than 2m0s"},
		"from the future":        {loads(vectorOf(series(nba, "7")), vectorOf(series(nba, at(-time.Minute)))), policy.Stale, "from 1m0s in the future"},
		"nothing behind it":      {loads(vectorOf(series(nba, "7")), vectorOf()), policy.Stale, "no sample behind the value 7"},
		"age is NaN":             {loads(vectorOf(series(nba, "7")), vectorOf(series(nba, "NaN"))), policy.Stale, "no sample behind the value 7"},
		"age is absurd":          {loads(vectorOf(series(nba, "7")), vectorOf(series(nba, "1e300"))), policy.Stale, "no sample behind the value 7"},
		"age not to be had":      {loads(vectorOf(series(nba, "7")), "oops"), policy.Error, "how old the sample is could not be asked"},
		"warnings":               {loads(`{"status":"success","warnings":["a store is down"],"data":{"resultType":"vector","result":[`+series(nba, "7")+`]}}`, fresh), policy.Partial, "a store is down"},
		"warnings and no series": {loads(`{"status":"success","warnings":["a store is down"],"data":{"resultType":"vector","result":[]}}`, fresh), policy.Partial, "a store is down"},
		"isPartial":              {loads(`{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[`+series(nba, "7")+`]}}`, fresh), policy.Partial, "marked as partial"},
		"another JSON":           {loads(`{"agents":0}`, fresh), policy.Error, "an answer without a value"},
		"no data":                {loads(`{"status":"success"}`, fresh), policy.Error, "an answer without a value"},
		"a series that is null":  {loads(vectorOf(series(wnba, "1"), "null"), fresh), policy.Error, "a series that is null"},
		"half an answer":         {loads(vectorOf(series(nba, "7"))[:60], fresh), policy.Error, ""},
		"an HTML page":           {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>"+strings.Repeat("x", 1000)) }, policy.Error, ""},
		"bad request": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"parse error"}`)
		}, policy.Error, "bad_data: parse error"},
		"server error":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, policy.Error, "server_error: server error: 500"},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, policy.Error, "429"},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, tc.handler, nil)
			got := c.Sample(t.Context(), now, []policy.Signal{load})
			if len(got) != 1 || got[0].Quality != tc.want || !strings.Contains(got[0].Detail, tc.detail) {
				t.Errorf("got %+v, want %s with %q", got, tc.want, tc.detail)
			}
			if len(got[0].Detail) > 2*maxDetail {
				t.Errorf("detail of %d bytes", len(got[0].Detail))
			}
			if tc.want == policy.OK && got[0].Age(now) != 40*time.Second {
				t.Errorf("age: got %s, want 40s", got[0].Age(now))
			}
		})
	}
}

func TestEachDistinctTextIsAskedOnceAtTheLaggedInstant(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.FormValue("query")+" at "+r.FormValue("time")]++
		loads(vectorOf(series(nba, "7"), series(wnba, "8")), fresh)(w, r)
	}), nil)
	got := c.Sample(t.Context(), now, []policy.Signal{{Query: byLeague, Match: wnba}, {Query: byLeague, Match: nba}, {Query: "scalar(up)", Match: nil}})
	if got[0].Value != 8 || got[1].Value != 7 || got[2].Quality != policy.Error {
		t.Errorf("got %+v", got)
	}
	instant := fmt.Sprintf(" at %d", now.Unix()-30)
	want := map[string]int{byLeague + instant: 1, "max by (league) (timestamp(agent_load))" + instant: 1, "scalar(up)" + instant: 1, "max(timestamp(up))" + instant: 1}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(c.metrics.queries.WithLabelValues(kindInstant, "ok")); n != 2 {
		t.Errorf("queries counted: got %v, want 2", n)
	}
}

func TestAgesOfQueries(t *testing.T) {
	for query, want := range map[string]ages{
		`up`:                                     {[]string{`timestamp(up)`}, true},
		`-(up{a="b"} * 2)`:                       {[]string{`timestamp(up{a="b"})`}, true},
		`up offset 1w`:                           {[]string{`timestamp(up offset 1w) + 604800`}, true},
		`sum by (league) (agent_load)`:           {[]string{`max by (league) (timestamp(agent_load))`}, true},
		`sum by (a, b) (rate(x{c="d"}[2m])) / 3`: {[]string{`max by (a, b) (timestamp(x{c="d"}))`}, true},
		`avg without (pod) (x)`:                  {[]string{`max without (pod) (timestamp(x))`}, true},
		`sum(x)`:                                 {[]string{`max by () (timestamp(x))`}, true},
		`100 * (1 - avg(rate(cpu{mode="idle"}[2m])))`: {[]string{`max by () (timestamp(cpu{mode="idle"}))`}, true},
		`topk(1, x)`: {[]string{`max(timestamp(x))`}, false},
		`sum by (a) (label_replace(x, "a", "", "", ""))`:  {[]string{`max(timestamp(x))`}, false},
		`sum by (a) (x) / sum by (a) (y)`:                 {[]string{`max(timestamp(x))`, `max(timestamp(y))`}, false},
		`sum(x) / sum(x)`:                                 {[]string{`max(timestamp(x))`}, false},
		`max_over_time(sum by (a) (rate(x[2m]))[10m:1m])`: {[]string{`max(timestamp(x))`}, false},
		`x or vector(0)`:                                  {[]string{`max(timestamp(x))`}, false},
		`x - y @ 1700000000`:                              {[]string{`max(timestamp(x))`}, false},
		`vector(1)`:                                       {nil, false},
	} {
		got, err := agesOf(query)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(ages{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("agesOf(%s) (-want +got):\n%s", query, diff)
		}
	}
	if _, err := agesOf("sum("); err == nil {
		t.Error("a query that does not parse has ages")
	}
}

func TestTheOldestOfSeveralSelectorsCounts(t *testing.T) {
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.FormValue("query") {
		case "max(timestamp(a))":
			io.WriteString(w, vectorOf(series(nil, at(10*time.Second))))
		case "max(timestamp(b))":
			io.WriteString(w, vectorOf(series(nil, at(5*time.Minute))))
		default:
			io.WriteString(w, vectorOf(series(nil, "1")))
		}
	}), nil)
	got := c.Sample(t.Context(), now, []policy.Signal{{Query: "a / b"}})[0]
	if got.Quality != policy.Stale || got.Age(now) != 5*time.Minute {
		t.Errorf("got %+v, want stale and 5m old", got)
	}
}

// TestPrometheusFaults is P1, P2, P8 and P9 of the promises under fault.
func TestPrometheusFaults(t *testing.T) {
	load := []policy.Signal{{Query: byLeague, Match: nba}}
	sample := func(t *testing.T, c *Client) policy.Sample {
		t.Helper()
		began := time.Now()
		got := c.Sample(t.Context(), now, load)[0]
		if got.Quality != policy.Error || got.Detail == "" {
			t.Errorf("got %+v, want an error", got)
		}
		if took := time.Since(began); took > c.Timeout+2*time.Second {
			t.Errorf("took %s with a timeout of %s", took, c.Timeout)
		}
		if _, err := c.Range(t.Context(), forecast.Range{Start: now, End: now, Step: time.Minute}, load); err == nil {
			t.Error("Range: no error")
		}
		return got
	}
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		sample(t, client(t, http.NotFoundHandler(), func(c *Config) { c.URL = "http://" + l.Addr().String() }))
	})
	t.Run("slower than the timeout", func(t *testing.T) {
		c := client(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // a server notices that the client is gone after the body only
			<-r.Context().Done()
		}), func(c *Config) { c.Timeout = 50 * time.Millisecond })
		sample(t, c)
	})
	t.Run("endless body", func(t *testing.T) {
		c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
					return
				}
			}
		}), func(c *Config) { c.MaxBodyBytes = 1 << 20 })
		if got := sample(t, c); !strings.Contains(got.Detail, "more than 1048576 bytes") {
			t.Errorf("got %q", got.Detail)
		}
	})
	t.Run("gzip bomb", func(t *testing.T) {
		c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			zeros := make([]byte, 1<<20)
			for range 64 {
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
		}), func(c *Config) { c.MaxBodyBytes = 1 << 20 })
		sample(t, c) // compressed answers are not asked for, and not unpacked
	})
	t.Run("redirected elsewhere", func(t *testing.T) {
		elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("%s was asked with authorization %q", r.URL, r.Header.Get("Authorization"))
		}))
		defer elsewhere.Close()
		c := client(t, http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect), func(c *Config) {
			c.HTTP.BasicAuth = &config.BasicAuth{Username: "u", Password: "hunter2"}
		})
		if got := sample(t, c); strings.Contains(got.Detail, "hunter2") {
			t.Errorf("a secret is in %q", got.Detail)
		}
	})
	t.Run("unknown authority", func(t *testing.T) {
		server := httptest.NewUnstartedServer(loads(vectorOf(series(nba, "7")), fresh))
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		server.StartTLS()
		defer server.Close()
		got := sample(t, client(t, http.NotFoundHandler(), func(c *Config) { c.URL = server.URL }))
		if !strings.Contains(got.Detail, "certificate") {
			t.Errorf("got %q", got.Detail)
		}
	})
}

func TestHeadersAndCredentialsAreSent(t *testing.T) {
	var got []string
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		got = []string{user, password, r.Header.Get("X-Scope-OrgID")}
	}), func(c *Config) {
		c.HTTP.BasicAuth = &config.BasicAuth{Username: "u", Password: "p"}
		c.HTTP.HTTPHeaders = &config.Headers{Headers: map[string]config.Header{"X-Scope-Orgid": {Values: []string{"us"}}}}
	})
	c.Sample(t.Context(), now, []policy.Signal{{Query: "1"}})
	if want := []string{"u", "p", "us"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// clock answers range queries with each instant's Unix time, less the base, but
// for every seventh.
func clock(base time.Time, requests *[]int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.ParseFloat(r.FormValue("start"), 64)
		end, _ := strconv.ParseFloat(r.FormValue("end"), 64)
		step, _ := strconv.ParseFloat(r.FormValue("step"), 64)
		var values []string
		n := 0
		for t := start; t <= end; t += step {
			n++
			if x := int64(t) - base.Unix(); x/60%7 != 0 {
				values = append(values, fmt.Sprintf(`[%f,"%d"]`, t, x))
			}
		}
		*requests = append(*requests, n)
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"league":"NBA"},"values":[%s]}]}}`, strings.Join(values, ","))
	}
}

func TestRangeIsAGridFilledInSlices(t *testing.T) {
	var requests []int
	c := client(t, clock(now, &requests), nil)
	const n = 25_003
	r := forecast.Range{Start: now, End: now.Add((n - 1) * time.Minute), Step: time.Minute}
	got, err := c.Range(t.Context(), r, []policy.Signal{{Query: "x", Match: nba}, {Query: "x", Match: wnba}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{10_000, 10_000, 5_003}; !slices.Equal(requests, want) {
		t.Errorf("points asked for: got %v, want %v", requests, want)
	}
	want := make([]float64, n)
	for i := range want {
		if want[i] = float64(60 * i); i%7 == 0 {
			want[i] = math.NaN()
		}
	}
	if diff := cmp.Diff(forecast.Series{Start: now, Step: time.Minute, Values: want}, got[0], cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("series (-want +got):\n%.2000s", diff)
	}
	if got[1].Len() != n || slices.ContainsFunc(got[1].Values, func(y float64) bool { return !math.IsNaN(y) }) {
		t.Error("a series that is not in the answer has values")
	}
}

func TestRangeLearnsNothingFromDoubtfulAnswers(t *testing.T) {
	const body = `"data":{"resultType":"matrix","result":[{"metric":{"league":"NBA","pod":"a"},"values":[[%d,"1"],[%d,"-1"],[%d,"+Inf"],[%d,"NaN"]]},{"metric":{"league":"NBA","pod":"b"},"values":[[%d,"2"]]}]}}`
	u := now.Unix()
	result := fmt.Sprintf(body, u, u+60, u+120, u+180, u)
	r := forecast.Range{Start: now, End: now.Add(3 * time.Minute), Step: time.Minute}
	one := []policy.Signal{{Query: "x", Match: map[string]string{"pod": "a"}}, {Query: "x", Match: nba}}
	c := client(t, loads(`{"status":"success",`+result, ""), nil)
	got, err := c.Range(t.Context(), r, one)
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	if diff := cmp.Diff([][]float64{{1, nan, nan, nan}, {nan, nan, nan, nan}}, [][]float64{got[0].Values, got[1].Values}, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{
		"warnings":  `{"status":"success","warnings":["a store is down"],` + result,
		"isPartial": `{"status":"success","isPartial":true,` + result,
		"a vector":  vectorOf(series(nba, "7")),
		"nothing":   `{"status":"success"}`,
		"null":      `{"status":"success","data":{"resultType":"matrix","result":[null]}}`,
		"an error":  `{"status":"error","errorType":"execution","error":"x"}`,
	} {
		c := client(t, loads(text, ""), nil)
		if _, err := c.Range(t.Context(), r, one); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := c.Range(t.Context(), forecast.Range{Start: now.Add(time.Second), End: now.Add(time.Hour), Step: time.Minute}, one); err == nil {
		t.Error("a start off the grid: no error")
	}
}

// FuzzSample holds that whatever a server answers, a sample that is OK is a
// finite number ≥ 0 with a fresh time.
func FuzzSample(f *testing.F) {
	f.Add(vectorOf(series(nba, "7")), fresh)
	f.Add(vectorOf(series(nba, "NaN")), vectorOf(series(nba, "-1e300")))
	f.Add(`{"status":"success","data":{"resultType":"scalar","result":[1,"1e400"]}}`, `{}`)
	f.Add(`{"status":"success","isPartial":1,"data":null}`, `null`)
	var answers http.HandlerFunc
	c := client(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers(w, r) }), nil)
	f.Fuzz(func(t *testing.T, body, ageBody string) {
		answers = loads(body, ageBody)
		for _, s := range c.Sample(context.Background(), now, []policy.Signal{{Query: byLeague, Match: nba}}) {
			if s.Quality == policy.OK && (!(s.Value >= 0) || math.IsInf(s.Value, 0) || s.Age(now) > c.MaxAge || s.Age(now) < -ahead) {
				t.Errorf("accepted %+v", s)
			}
		}
	})
}

func BenchmarkSample10000PoolsInOneQuery(b *testing.B) {
	signals := make([]policy.Signal, 10_000)
	values, dates := make([]string, len(signals)), make([]string, len(signals))
	for i := range signals {
		labels := map[string]string{"league": strconv.Itoa(i)}
		signals[i] = policy.Signal{Query: byLeague, Match: labels}
		values[i], dates[i] = series(labels, "7"), series(labels, at(40*time.Second))
	}
	c := client(b, loads(vectorOf(values...), vectorOf(dates...)), nil)
	b.ReportAllocs()
	for b.Loop() {
		if got := c.Sample(b.Context(), now, signals); got[9_999].Quality != policy.OK {
			b.Fatal(got[9_999])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(signals)), "ns/pool")
}

// breaking panics in place of the answers to one query.
type breaking struct{ query string }

func (b breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if form, err := url.ParseQuery(string(body)); err != nil || form.Get("query") == b.query {
		panic("a bug")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// P38: a panic over one answer is an error of that query, and others have theirs.
func TestAPanicIsAnErrorOfOneQuery(t *testing.T) {
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	c := client(t, loads(vectorOf(series(nil, "5")), vectorOf(series(nil, at(time.Second)))), func(c *Config) { c.Transport = breaking{"broken"} })
	var log strings.Builder
	c.logger = slog.New(slog.NewTextHandler(&log, nil))
	got := c.Sample(t.Context(), now, []policy.Signal{{Query: "broken"}, {Query: "load"}})
	if got[0].Quality != policy.Error || got[0].Detail != "panic while the answer was read: a bug" || got[1].Quality != policy.OK {
		t.Errorf("got %+v", got)
	}
	grid := forecast.Range{Start: now, End: now, Step: time.Minute}
	if _, err := c.Range(t.Context(), grid, []policy.Signal{{Query: "broken"}}); err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Errorf("history: got %v", err)
	}
	for kind, want := range map[string]float64{kindInstant: 1, kindRange: 1, kindAge: 0} {
		if n := testutil.ToFloat64(c.metrics.queries.WithLabelValues(kind, "panic")); n != want {
			t.Errorf("%g panics of kind %s are counted, want %g", n, kind, want)
		}
	}
	if !strings.Contains(log.String(), "promquery_test.go") {
		t.Errorf("the log does not say where:\n%s", log.String())
	}
}

// P37: 10,000 pools that share a query text cost one query, and one for its age.
func TestManyPoolsAreOneQuery(t *testing.T) {
	const pools = 10_000
	var asked atomic.Int64
	values, ages, rows, signals := make([]string, pools), make([]string, pools), make([]string, pools), make([]policy.Signal, pools)
	for i := range pools {
		pool := map[string]string{"pool": strconv.Itoa(i)}
		signals[i] = policy.Signal{Query: "sum by (pool) (agent_load)", Match: pool}
		values[i], ages[i] = series(pool, strconv.Itoa(i)), series(pool, at(time.Second))
		rows[i] = fmt.Sprintf(`{"metric":{"pool":"%d"},"values":[[%d,"%d"]]}`, i, now.Unix(), i)
	}
	instant := loads(vectorOf(values...), vectorOf(ages...))
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.HasSuffix(r.URL.Path, "query_range") {
			io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`+strings.Join(rows, ",")+`]}}`)
			return
		}
		instant(w, r)
	}), nil)
	for i, s := range c.Sample(t.Context(), now, signals) {
		if s.Quality != policy.OK || s.Value != float64(i) {
			t.Fatalf("pool %d: got %+v", i, s)
		}
	}
	if n := asked.Swap(0); n != 2 {
		t.Errorf("%d queries for samples, want 2", n)
	}
	history, err := c.Range(t.Context(), forecast.Range{Start: now, End: now, Step: time.Minute}, signals)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range history {
		if diff := cmp.Diff([]float64{float64(i)}, s.Values); diff != "" {
			t.Fatalf("history of pool %d (-want +got):\n%s", i, diff)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d queries for the history, want 1", n)
	}
}
