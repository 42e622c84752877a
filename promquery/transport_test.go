package promquery

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

type answerer string

func (a answerer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

func TestTransportCarriesTheRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		most int64
		want policy.Quality
	}{"bounded as ever": {10, policy.Error}, "no network": {0, policy.OK}} {
		c, err := New(Config{
			URL: "http://nowhere.test", Timeout: time.Second, MaxAge: time.Minute, MaxBodyBytes: tc.most,
			Transport: answerer(`{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}`),
		}, NewMetrics(prometheus.NewPedanticRegistry()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		got := c.Sample(t.Context(), time.Unix(1, 0), []policy.Signal{{Query: "7"}})
		if got[0].Quality != tc.want || tc.want == policy.OK && got[0].Value != 7 {
			t.Errorf("%s: got %+v", name, got[0])
		}
	}
}
