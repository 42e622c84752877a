package main

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	score "github.com/scaling-adapter/scaling-adapter/forecast/backtest"
	"github.com/scaling-adapter/scaling-adapter/internal/backtest"
)

var monday = time.Date(2026, 10, 5, 0, 0, 0, 0, time.UTC)

func TestLeagueIsThatOfItsSeed(t *testing.T) {
	a, b, other := newLeague(1, monday, 2), newLeague(1, monday, 2), newLeague(2, monday, 2)
	if !slices.Equal(a.load.Values, b.load.Values) || !slices.Equal(a.games, b.games) {
		t.Error("the same seed draws two leagues")
	}
	if slices.Equal(a.load.Values, other.load.Values) {
		t.Error("two seeds draw one league")
	}
	if want := 2 * 7 * 24 * 60; a.load.Len() != want || a.expected.Len() != want || len(a.games) == 0 {
		t.Errorf("got %d and %d minutes and %d games, want %d minutes", a.load.Len(), a.expected.Len(), len(a.games), want)
	}
}

// What is measured differs from what is expected by noise only, which is a few percent, and
// not by more than two weeks of it allow on average.
func TestLeagueHasNoise(t *testing.T) {
	l := newLeague(3, monday, 2)
	sum, squares := 0.0, 0.0
	for i, y := range l.load.Values {
		r := math.Log(y / l.expected.Values[i])
		sum += r
		squares += r * r
	}
	n := float64(l.load.Len())
	if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 0.01 || deviation < 0.03 || deviation > 0.12 {
		t.Errorf("the noise has mean %.3f and deviation %.3f", mean, deviation)
	}
}

func TestGameByHand(t *testing.T) {
	at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
	g := game{start: at(0), end: at(100), factor: 3, first: 0.5, last: 1.5, ramp: 20 * time.Minute, fade: 30 * time.Minute}
	b := burst{start: at(0), factor: 3, rise: 4 * time.Minute, fade: 30 * time.Minute}
	for _, tt := range []struct {
		minute     int
		game, news float64
	}{
		{-21, 1, 1}, {-10, 1.5, 1}, {0, 2, 1}, {2, 2.04, 2}, {4, 2.08, 3}, {34, 2.68, 2}, {50, 3, 1 + 2*math.Exp2(-46./30)}, {100, 4, 1.2176376408}, {130, 2.5, 1.1088188204},
	} {
		if got := g.at(at(tt.minute)); math.Abs(got-tt.game) > 1e-9 {
			t.Errorf("minute %d: the game's factor is %g, want %g", tt.minute, got, tt.game)
		}
		if got := b.at(at(tt.minute)); math.Abs(got-tt.news) > 1e-9 {
			t.Errorf("minute %d: the factor of news is %g, want %g", tt.minute, got, tt.news)
		}
	}
}

// Around a game it has two hours of 60 too few, elsewhere as many.
func TestUnderGames(t *testing.T) {
	l := league{games: []game{{announced: monday.Add(12 * time.Hour)}}}
	needed, supply := slices.Repeat([]float64{3}, 24*60), slices.Repeat([]float64{3}, 24*60)
	for _, hour := range []int{5, 10, 11, 15, 16} { // it counts from 11:00 to 16:00
		for i := range 30 {
			supply[hour*60+i] = 2
		}
	}
	s := span24()
	if got, want := l.underGames(s, needed, supply), 60./300; math.Abs(got-want) > 1e-9 {
		t.Errorf("got %g, want %g", got, want)
	}
}

func TestForeseenCostsAsMuch(t *testing.T) {
	l := newLeague(1, monday, 1)
	s := span24()
	supply := l.foreseen(s, 30, 400)
	if got := score.MeasureElasticity(supply, supply, time.Minute).AgentHours; math.Abs(got-400) > 1 {
		t.Errorf("got %g agent-hours, want 400", got)
	}
}

// Three seeds, the last days of five weeks. The bounds are those of seeds that were looked at,
// with room: a change that crosses them has made the adapter worse at game nights.
func TestGameNights(t *testing.T) {
	const startup = 10 * time.Minute
	n := nights{seeds: 3, weeks: 5, days: 4}
	all, err := n.play(t.Context(), startup)
	if err != nil {
		t.Fatal(err)
	}
	to := func(column int) float64 {
		return ratio(of(all, backtest.Adapter, column), of(all, hpaAtCost, column)).mean
	}
	under, games, times := to(underTime), to(underGames), to(actions)
	t.Logf("beside the autoscaler of equal cost: %.2f of its τ_U, %.2f at games, %.2f of its actions", under, games, times)
	if !(under <= 0.8 && games <= 0.75 && times <= 1.5) {
		t.Error("want at most 0.8, 0.75 and 1.5")
	}
	var b strings.Builder
	tellNights(&b, []time.Duration{startup}, [][]outcomes{all}, n)
	for _, want := range []string{
		"drawn from 3 seeds: 5 weeks each, of which the last 4 days",
		"\nAgents start in 10 minutes:\n",
		"\n| `adapter` | ", "\n| HPA at the cost of `adapter` | ", "\n| foreseen at the cost of `adapter` | ", "\n| `oracle` | ",
		"\n| 10 minutes | `adapter` | HPA at its cost | ", "\n| 10 minutes | `adapter` | `hpa` | ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "NaN") {
		t.Errorf("a figure is not known:\n%s", b.String())
	}
}
