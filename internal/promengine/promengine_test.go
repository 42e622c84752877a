package promengine_test

import (
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine/contract"
)

func TestMain(m *testing.M) {
	defer http.DefaultClient.CloseIdleConnections()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

var base = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t testing.TB) (*promengine.Engine, string) {
	t.Helper()
	e, err := promengine.Open(t.TempDir(), func() time.Time { return base }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.Handler())
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, server.URL
}

func TestContract(t *testing.T) {
	e, url := open(t)
	contract.Run(t, url, base, func(t *testing.T, samples []promengine.Sample) {
		if err := e.Append(t.Context(), samples); err != nil {
			t.Fatal(err)
		}
	})
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestScrapeAddsLabelsAndEndsSeriesThatAreGone(t *testing.T) {
	e, server := open(t)
	extra := labels.FromStrings("job", "sim", "instance", "a")
	for i, text := range []string{"up 1\nload{job=\"x\"} 2\n", "up 1\n"} {
		if err := e.Scrape(t.Context(), []byte(text), "text/plain; version=0.0.4", extra, base.Add(time.Duration(i-1)*15*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(seconds int) string {
		return "&time=" + strconv.FormatInt(base.Unix()+int64(seconds), 10)
	}
	if got := get(t, server+"/api/v1/query?query=load"+at(-1)); !strings.Contains(got, `{"__name__":"load","exported_job":"x","instance":"a","job":"sim"}`) {
		t.Errorf("before it was gone: got %s", got)
	}
	if got := get(t, server+"/api/v1/query?query=load"+at(1)); !strings.Contains(got, `"result":[]`) {
		t.Errorf("after it was gone: got %s", got)
	}
	if err := e.Scrape(t.Context(), []byte("load{"), "text/plain", extra, base); err == nil {
		t.Error("half an exposition: no error")
	}
}

func TestPageDrawsAQueryAndEscapesIt(t *testing.T) {
	e, server := open(t)
	if err := e.Append(t.Context(), []promengine.Sample{{Labels: labels.FromStrings("__name__", "load", "a", "<b>"), Time: base, Value: 3}}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"load": "{__name__=&#34;load&#34;, a=&#34;&lt;b&gt;&#34;}",
		"sum(": "unclosed left parenthesis",
		`"<i>`: `value="&#34;&lt;i&gt;"`,
		"nope": "no series",
	} {
		if got := get(t, server+"/?query="+url.QueryEscape(query)); !strings.Contains(got, want) {
			t.Errorf("%s: %q is missing in\n%s", query, want, got)
		}
	}
}

func fourWeeks(series int) []promengine.Sample {
	var samples []promengine.Sample
	for i := range series {
		ls := labels.FromStrings("__name__", "load", "pool", strconv.Itoa(i))
		for k := range 28 * 288 {
			samples = append(samples, promengine.Sample{Labels: ls, Time: base.Add(-time.Duration(28*288-k) * 5 * time.Minute), Value: 100 + 50*math.Sin(float64(k)/45)})
		}
	}
	return samples
}

func BenchmarkAppend20SeriesOfFourWeeks(b *testing.B) {
	samples := fourWeeks(20)
	for b.Loop() {
		b.StopTimer()
		e, err := promengine.Open(b.TempDir(), func() time.Time { return base }, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := e.Append(b.Context(), samples); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		e.Close()
		b.StartTimer()
	}
}

func BenchmarkQueryRangeOfFourWeeks(b *testing.B) {
	e, server := open(b)
	if err := e.Append(b.Context(), fourWeeks(1)); err != nil {
		b.Fatal(err)
	}
	end := base.Unix() - 300
	query := server + "/api/v1/query_range?query=load&step=300&start=" + strconv.FormatInt(end-8063*300, 10) + "&end=" + strconv.FormatInt(end, 10)
	for b.Loop() {
		if len(get(b, query)) < 8064*10 {
			b.Fatal("short answer")
		}
	}
}
