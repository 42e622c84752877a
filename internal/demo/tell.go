package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// teller says in the terminal what happens and counts it for the summary. It is
// safe for concurrent use.
type teller struct {
	mu       sync.Mutex
	out      io.Writer
	zone     *time.Location
	terminal bool

	perAgent map[string]float64
	pools    map[string]*tally
	told     map[string]bool // news and games
}

// tally is what happened to a pool.
type tally struct {
	ups, downs, failures int
	least, most          int // ready agents
	steps, short         int // scrapes, and those with more load than ready agents serve
	spare                float64
}

func newTeller(out io.Writer, zone *time.Location) *teller {
	return &teller{out: out, zone: zone, terminal: isTerminal(out), perAgent: map[string]float64{}, pools: map[string]*tally{}, told: map[string]bool{}}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progress draws how much of the history is recorded.
func (t *teller) progress(share float64) {
	const width = 40
	if t.terminal {
		done := int(share * width)
		fmt.Fprintf(t.out, "\rrecording four weeks of history  %s%s %3.0f %%", strings.Repeat("█", done), strings.Repeat("░", width-done), 100*share)
	}
	if share == 1 {
		if !t.terminal {
			fmt.Fprint(t.out, "recording four weeks of history: done")
		}
		fmt.Fprintln(t.out)
	}
}

func (t *teller) welcome(adapter, prometheus, orchestrator string, speed float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, `
  status page   http://%s/
  metrics       http://%[1]s/metrics
  Prometheus    http://%s/
  orchestrator  http://%s/pools

One second is %g seconds of an evening in November. Ctrl-C ends it. To see the adapter cope:
  curl -X PUT http://%[3]s/faults -d '{"mode":"error","for":"10m"}'    # or hang, or ignore

`, adapter, prometheus, orchestrator, speed)
}

// say prints one line with the simulated time.
func (t *teller) say(at time.Time, mark, who, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s  %s %-5s %s\n", at.In(t.zone).Format("15:04:05"), mark, who, text)
}

func (t *teller) tally(pool string) *tally {
	if t.pools[pool] == nil {
		t.pools[pool] = &tally{least: 1 << 30}
	}
	return t.pools[pool]
}

// decision tells what the adapter did with a pool.
func (t *teller) decision(d policy.Decision, o policy.Outcome) {
	mark := map[policy.Direction]string{policy.Up: "▲", policy.Down: "▼"}[d.Direction()]
	text := fmt.Sprintf("%2d → %2d  %s", d.Current, d.Desired, d.Why())
	t.mu.Lock()
	p := t.tally(d.Pool)
	switch {
	case o.Result != policy.Accepted:
		p.failures++
		mark, text = "✗", fmt.Sprintf("%2d → %2d  %s: %v", d.Current, d.Desired, o.Result, o.Err)
	case d.Direction() == policy.Up:
		p.ups++
	default:
		p.downs++
	}
	t.mu.Unlock()
	t.say(d.Time, mark, d.Pool, text)
}

// note counts how well a pool is served.
func (t *teller) note(pool string, load float64, ready int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.tally(pool)
	capacity := float64(ready) * t.perAgent[pool]
	p.steps++
	p.least, p.most = min(p.least, ready), max(p.most, ready)
	p.spare += max(0, capacity-load) / t.perAgent[pool]
	if load > capacity {
		p.short++
	}
}

// news tells stories as they break, and games as they come and go.
func (t *teller) news(w *world, now time.Time) {
	for _, b := range w.bursts {
		if b.title != "" && !now.Before(b.start) && t.first(b.title) {
			t.say(now, "★", b.pool, "breaking news that nobody announced: "+b.title)
		}
	}
	const soon = 30 * time.Minute
	for _, g := range w.games {
		league := g.Labels["league"]
		switch {
		case now.Before(g.Start) && now.After(g.Start.Add(-soon)) && t.first(g.ID+" soon"):
			t.say(now, "●", league, fmt.Sprintf("the calendar has a game at %s: %s", g.Start.In(t.zone).Format("15:04"), g.Name))
		case !now.Before(g.Start) && now.Before(g.End) && t.first(g.ID+" start"):
			t.say(now, "●", league, "the game begins: "+g.Name)
		case !now.Before(g.End) && now.Before(g.End.Add(soon)) && t.first(g.ID+" end"):
			t.say(now, "●", league, "the game is over: "+g.Name)
		}
	}
}

// first reports whether a thing is told for the first time.
func (t *teller) first(what string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	told := t.told[what]
	t.told[what] = true
	return !told
}

// summary tells how it went and returns how often pools were scaled.
func (t *teller) summary(length time.Duration, pools []poolWorld) (scaled int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "\nIn %s of simulated time:\n\n  pool  scaled up  down  failed  ready agents  load served in time  spare agents\n", length.Round(time.Minute))
	for _, w := range pools {
		p := t.tally(w.name)
		steps := max(1, p.steps)
		scaled += p.ups + p.downs
		fmt.Fprintf(t.out, "  %-5s %9d %5d %7d  %5d – %-4d  %17.1f %%  %12.1f\n", w.name, p.ups, p.downs, p.failures, p.least, p.most,
			100*(1-float64(p.short)/float64(steps)), p.spare/float64(steps))
	}
	return scaled
}
