package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// A load that is 10 at night and 30 by day needs 5 and 15 agents, of which 10 serve its mean.
func TestReplayTellsOfTheLastWeek(t *testing.T) {
	load := forecast.Series{Start: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), Step: 30 * time.Minute}
	for i := range 15 * 48 {
		y := 10.0
		if i%48 >= 24 {
			y = 30
		}
		if i < 48 {
			y = math.NaN()
		}
		load.Values = append(load.Values, y)
	}
	r, err := replay(t.Context(), scenario{load: load, span: span, startup: 4 * time.Minute, against: against})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC); !r.From.Equal(want) || r.To.Sub(r.From) != span {
		t.Errorf("replayed from %s to %s, want the week from %s", r.From, r.To, want)
	}
	var b strings.Builder
	tell(&b, r)
	for _, want := range []string{
		"\nAgents start in 4 minutes; at most 15 were needed:\n",
		"\n| `adapter` | ",
		"\n| `last_week` | 1680 | 0.00 % | 1.9 | 0.00 % | ",
		"\n| `static_peak` | 2520 | 0.00 % | 0.0 | 0.00 % | 100.0 % | 50.0 % | ",
		"\n| `static_mean` | 1680 | 50.00 % | 0.0 | 16.67 % | 50.0 % | 50.0 % | ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

func TestRunNeedsTheSeries(t *testing.T) {
	err := run(t.Context(), t.TempDir(), "")
	if err == nil || !strings.Contains(err.Error(), "wc98_5min_to_jun27.csv") {
		t.Errorf("got the error %v, want the name of the file", err)
	}
}
