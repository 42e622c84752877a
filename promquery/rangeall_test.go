package promquery

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// leagues answers range queries with one series a league: its number at every other
// instant, and for the second league from the second slice on only.
func leagues(w http.ResponseWriter, r *http.Request) {
	start, _ := strconv.ParseFloat(r.FormValue("start"), 64)
	end, _ := strconv.ParseFloat(r.FormValue("end"), 64)
	step, _ := strconv.ParseFloat(r.FormValue("step"), 64)
	values := func(y string) string {
		var out []string
		for t := start; t <= end; t += 2 * step {
			out = append(out, fmt.Sprintf("[%.0f,%q]", t, y))
		}
		return strings.Join(out, ",")
	}
	result := fmt.Sprintf(`{"metric":{"__name__":"x","league":"nba"},"values":[%s]}`, values("1"))
	if end-start < 5000*step {
		result += fmt.Sprintf(`,{"metric":{"league":"nfl"},"values":[%s]}`, values("-2"))
	}
	io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`+result+`]}}`)
}

func TestRangeAllJoinsTheSlicesOfEachSeries(t *testing.T) {
	c := client(t, http.HandlerFunc(leagues), nil)
	r := forecast.Range{Start: now.Add(-10_001 * time.Minute), End: now, Step: time.Minute}
	got, err := c.RangeAll(t.Context(), r, "x > 0")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Len() != 10_002 || got[1].Len() != 10_002 {
		t.Fatalf("got %d series, want 2 of 10002 values", len(got))
	}
	labels := []map[string]string{got[0].Labels, got[1].Labels}
	if diff := cmp.Diff([]map[string]string{{"league": "nba"}, {"league": "nfl"}}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	nan := math.NaN()
	for i, want := range [][]float64{{1, nan, 1, nan}, {nan, nan, -2, nan}} {
		v := got[i].Values
		ends := []float64{v[0], v[1], v[10_000], v[10_001]}
		if diff := cmp.Diff(want, ends, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("series %d at the ends of its slices (-want +got):\n%s", i, diff)
		}
	}
}

func TestRangeAllLearnsNothingFromDoubtfulAnswers(t *testing.T) {
	r := forecast.Range{Start: now, End: now, Step: time.Minute}
	for name, tt := range map[string]struct {
		r      forecast.Range
		answer string
		want   string
	}{
		"no grid":  {forecast.Range{Start: now.Add(time.Second), End: now.Add(time.Hour), Step: time.Minute}, "", "no grid from"},
		"warnings": {r, `{"status":"success","warnings":["half of it"],"data":{"resultType":"matrix","result":[]}}`, "answered with the warning half of it"},
		"a vector": {r, vectorOf(), "got a vector; expected a matrix"},
		"an error": {r, `{"status":"error","errorType":"bad_data","error":"parse error"}`, "parse error"},
	} {
		c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, tt.answer) }), nil)
		if _, err := c.RangeAll(t.Context(), tt.r, "x"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}
