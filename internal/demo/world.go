package demo

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// world is the load that the demo's pools see: a pure function of time.
type world struct {
	zone   *time.Location
	pools  []poolWorld
	games  []policy.Event
	bursts []burst
	gaps   []gap
}

// poolWorld is what people want of one pool.
type poolWorld struct {
	name    string
	load    float64    // at the height of an ordinary evening
	days    [7]float64 // factor by weekday, from Sunday
	game    float64    // factor during a game
	agents  int        // that run when the demo starts
	tweets  float64    // posted a day
	evening float64    // hour of the evening's peak
}

// burst is breaking news that nobody announces.
type burst struct {
	pool   string
	title  string
	start  time.Time
	factor float64
}

// gap is a time without samples.
type gap struct{ start, end time.Time }

// newWorld is the world around start. It has games, news of the past weeks and
// one story to come.
func newWorld(start time.Time, games []policy.Event) *world {
	w := &world{
		zone: start.Location(),
		pools: []poolWorld{
			{"hq", 52, [7]float64{.9, 1, 1, 1, 1.05, 1, .85}, 1, 4, 15, 19},
			{"nba", 118, [7]float64{.95, 1, 1.1, 1, 1.1, 1.1, 1.15}, 2, 7, 17, 20.5},
			{"nfl", 105, [7]float64{1.6, 1.2, .8, .75, 1.1, .85, 1}, 2.4, 5, 16, 20},
			{"wnba", 26, [7]float64{1, .9, 1, .9, 1, 1, 1}, 1.9, 2, 6, 19.5},
		},
		games: games,
		gaps: []gap{
			{start.Add(-9*24*time.Hour - 3*time.Hour), start.Add(-9 * 24 * time.Hour)},
			{start.Add(-3*24*time.Hour - 7*time.Hour), start.Add(-3*24*time.Hour - 7*time.Hour + 40*time.Minute)},
		},
		bursts: []burst{
			{"hq", "a league commissioner resigns", start.Add(35 * time.Minute), 3.2},
			{"nba", "a star is traded an hour before the game", start.Add(70 * time.Minute), 1.8},
			{"nfl", "a quarterback is out for the season", start.Add(140 * time.Minute), 2.2},
		},
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, p := range w.pools {
		for range 5 {
			ago := time.Duration((0.2 + 27*random.Float64()) * 24 * float64(time.Hour))
			w.bursts = append(w.bursts, burst{p.name, "", start.Add(-ago), 1.5 + 2*random.Float64()})
		}
	}
	return w
}

// loadOf returns a pool's load, in pieces of work a minute.
func (w *world) loadOf(p poolWorld, t time.Time) float64 {
	local := t.In(w.zone)
	hour := float64(local.Hour()) + float64(local.Minute())/60 + float64(local.Second())/3600
	bell := func(at, width float64) float64 {
		d := math.Abs(hour - at)
		d = min(d, 24-d)
		return math.Exp(-d * d / (2 * width * width))
	}
	y := p.load * p.days[local.Weekday()] * (0.28 + 0.3*bell(13, 2.2) + 0.72*bell(p.evening, 1.5))
	y *= w.gameFactor(p, t) * w.newsFactor(p, t)
	return y * math.Exp(0.05*noise(p.name, t))
}

// gameFactor rises before a game and falls after it.
func (w *world) gameFactor(p poolWorld, t time.Time) float64 {
	const before, after = 20 * time.Minute, 40 * time.Minute
	best := 1.0
	for _, g := range w.games {
		if g.Labels["league"] != p.name || t.Before(g.Start.Add(-before)) || t.After(g.End.Add(after)) {
			continue
		}
		share := 1.0
		switch {
		case t.Before(g.Start):
			share = 1 - float64(g.Start.Sub(t))/float64(before)
		case t.After(g.End):
			share = 1 - float64(t.Sub(g.End))/float64(after)
		}
		best = max(best, 1+(p.game-1)*share)
	}
	return best
}

// newsFactor jumps within minutes and dies away within the hour.
func (w *world) newsFactor(p poolWorld, t time.Time) float64 {
	const rise, life = 4 * time.Minute, 15 * time.Minute
	factor := 1.0
	for _, b := range w.bursts {
		since := t.Sub(b.start)
		if b.pool != p.name || since < 0 || since > 8*life {
			continue
		}
		share := min(1, float64(since)/float64(rise)) * math.Exp(-max(0, float64(since-rise))/float64(life))
		factor = max(factor, 1+(b.factor-1)*share)
	}
	return factor
}

// noise is a standard normal value for every five minutes, and a line between.
func noise(name string, t time.Time) float64 {
	const step = 300
	k, rest := t.Unix()/step, float64(t.Unix()%step)/step
	return (1-rest)*gauss(name, k) + rest*gauss(name, k+1)
}

func gauss(name string, k int64) float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), uint64(k))).NormFloat64()
}

// missing reports whether nobody measured at t.
func (w *world) missing(t time.Time) bool {
	for _, g := range w.gaps {
		if !t.Before(g.start) && t.Before(g.end) {
			return true
		}
	}
	return false
}

// posted reports whether a pool posts a tweet in the interval that starts at t.
func (w *world) posted(p poolWorld, t time.Time, interval time.Duration) bool {
	share := w.loadOf(p, t) / (0.55 * p.load)
	chance := p.tweets * share * interval.Hours() / 24
	return rand.New(rand.NewPCG(uint64(t.Unix()), uint64(len(p.name)))).Float64() < chance
}

// label is the value of the label league of a pool's series.
func (p poolWorld) label() string { return strings.ToUpper(p.name) }
