package forecastplot

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

func agentsOf(values ...float64) forecast.Series {
	return forecast.Series{Start: time.Date(2026, 11, 12, 18, 0, 0, 0, time.UTC), Step: time.Hour, Values: values}
}

func TestServedIsDrawnWithItsLegend(t *testing.T) {
	for _, tt := range []struct {
		name   string
		max    int
		limits bool
	}{{"near the maximum", 9, true}, {"far from it", 40, false}} {
		data, err := RenderServed(Served{Title: "nba", Needed: agentsOf(4, 8, 6), Ready: agentsOf(5, 5, 7), Max: tt.max})
		if err != nil {
			t.Fatal(err)
		}
		got := texts(t, data)
		for _, want := range []string{"nba", "needed", "ready", "agents", "local time, UTC"} {
			if !slices.Contains(got, want) {
				t.Errorf("%s: no text %q in %q", tt.name, want, got)
			}
		}
		if slices.Contains(got, "max") != tt.limits {
			t.Errorf("%s: the maximum is drawn: %v", tt.name, !tt.limits)
		}
	}
}

// Gaps are left out and nothing is drawn of what is not known.
func TestServedCopesWithGaps(t *testing.T) {
	nan := math.NaN()
	count := func(s Served) int {
		data, err := RenderServed(s)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(data), "stroke:#1C2026")
	}
	whole := count(Served{Needed: agentsOf(1, 2, 3, 4), Ready: agentsOf(1, 2, 2, 1), Max: 40})
	if gap := count(Served{Needed: agentsOf(1, 2, 3, 4), Ready: agentsOf(1, nan, nan, 1), Max: 40}); gap != whole+1 {
		t.Errorf("a gap makes %d lines of %d", gap, whole)
	}
	if none := count(Served{Needed: agentsOf(nan, nan), Max: 40}); none >= whole {
		t.Errorf("%d lines of nothing", none)
	}
	if _, err := RenderServed(Served{Needed: agentsOf(1)}); err == nil {
		t.Error("a single value is drawn")
	}
}
