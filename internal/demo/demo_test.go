package demo

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// until is a writer that ends the demo when a text was written.
type until struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	end  context.CancelFunc
}

func (u *until) Write(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.text.Write(p)
	if strings.Contains(u.text.String(), u.want) {
		u.end()
	}
	return len(p), nil
}

func TestDemoScalesAheadOfAnEveningWithAGameAndNews(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	out := &until{want: "the game begins", end: cancel}
	err := Run(ctx, Options{Speed: 1e6, ListenAddress: "127.0.0.1:0", Out: out, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	got := out.text.String()
	for _, want := range []string{
		"recording four weeks of history", "status page   http://127.0.0.1:",
		"breaking news that nobody announced", "the calendar has a game at 19:00", "the game begins: Celtics at Knicks",
		"with nba-evening, nba-game", "In 1h40m0s of simulated time",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "✗") {
		t.Errorf("something failed:\n%s", got)
	}
	rise := strings.Index(got, "▲ nba")
	game := strings.Index(got, "● nba   the game begins")
	if rise < 0 || rise > game {
		t.Errorf("nba did not grow before its game:\n%s", got)
	}
}

func TestDemoThatIsInterruptedIsFine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &until{want: "orchestrator", end: cancel} // at once
	if err := Run(ctx, Options{Speed: 1e6, ListenAddress: "127.0.0.1:0", Out: out, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Error(err)
	}
}

func TestSummaryCountsWhatWasScaled(t *testing.T) {
	var out bytes.Buffer
	tell := newTeller(&out, time.UTC)
	tell.perAgent["nba"] = 10
	pools := []poolWorld{{name: "nba"}}
	if got := tell.summary(time.Hour, pools); got != 0 {
		t.Errorf("before anything happened: got %d", got)
	}
	d := policy.Decision{Pool: "nba", Current: 4, Desired: 6}
	tell.decision(d, policy.Outcome{Result: policy.Accepted})
	tell.decision(d, policy.Outcome{Result: policy.Failed, Err: errors.New("told to fail")})
	tell.note("nba", 45, 4)
	tell.note("nba", 45, 6)
	if got := tell.summary(time.Hour, pools); got != 1 {
		t.Errorf("after one of two requests was accepted: got %d", got)
	}
	if want := "  nba           1     0       1      4 – 6                  50.0 %           0.8\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("summary is\n%s, want it to end with\n%s", out.String(), want)
	}
}

func TestWorldHasItsPatterns(t *testing.T) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 12, 17, 20, 0, 0, zone)
	w := newWorld(start, nil)
	at := func(day, hour int) time.Time { return time.Date(2026, time.October, day, hour, 0, 0, 0, zone) }
	nba, nfl := w.pools[1], w.pools[2]
	mean := func(p poolWorld, hour int, days ...int) float64 {
		sum := 0.0
		for _, d := range days {
			sum += w.loadOf(p, at(d, hour))
		}
		return sum / float64(len(days))
	}
	if evening, night := mean(nba, 20, 19, 20, 21, 22), mean(nba, 4, 19, 20, 21, 22); evening < 2*night {
		t.Errorf("evenings have %.0f, nights %.0f", evening, night)
	}
	if sunday, wednesday := mean(nfl, 15, 18, 25), mean(nfl, 15, 21, 28); sunday < 1.5*wednesday {
		t.Errorf("football: Sundays have %.0f, Wednesdays %.0f", sunday, wednesday)
	}
	// The clocks go back on November 1: the evening follows the wall clock.
	before, after := w.loadOf(nba, time.Date(2026, 10, 31, 20, 0, 0, 0, zone)), w.loadOf(nba, time.Date(2026, 11, 7, 20, 0, 0, 0, zone))
	if ratio := after / before; ratio < 0.75 || ratio > 1.3 {
		t.Errorf("eight in the evening before and after the clocks changed: %.0f and %.0f", before, after)
	}
	if !w.missing(start.Add(-9*24*time.Hour-time.Hour)) || w.missing(start) {
		t.Error("the gaps are not where they should be")
	}
}
