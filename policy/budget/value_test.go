package budget

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// workload says how requests to post come, in posts an hour.
type workload struct {
	name          string
	offPeak, peak float64
	bursts        float64 // of breaking news a day
	days          int
	// Of the oracle's value, ours earns at least the first share, and the second
	// when it misjudges the rates.
	least, misjudged float64
}

const (
	postsADay   = 17
	burstRate   = 4.0 // posts an hour while a burst lasts
	burstLength = 30 * time.Minute
	bucketSize  = 3 // tokens
)

var valueOf = map[string]float64{"off_peak": 1, "peak": 3, "breaking": 8}

// request is a post that somebody wants to make.
type request struct {
	at       time.Duration // since midnight
	class    string
	burstEnd time.Duration // of the burst that it belongs to; 0: none
}

// hourly returns the class and the rate of an hour without a burst.
func (w workload) hourly(at time.Duration) (string, float64) {
	if at >= 18*time.Hour && at < 23*time.Hour {
		return "peak", w.peak
	}
	return "off_peak", w.offPeak
}

// draw returns the requests of one day.
func (w workload) draw(r *rand.Rand) []request {
	var bursts []time.Duration // their starts
	for at := exponential(r, w.bursts/24); at < 24*time.Hour; at += exponential(r, w.bursts/24) {
		bursts = append(bursts, at)
	}
	var out []request
	most := max(w.offPeak, w.peak, burstRate)
	for at := exponential(r, most); at < 24*time.Hour; at += exponential(r, most) {
		q := request{at: at}
		var rate float64
		q.class, rate = w.hourly(at)
		for _, start := range bursts {
			if at >= start && at < start+burstLength {
				q.class, q.burstEnd, rate = "breaking", start+burstLength, burstRate
			}
		}
		if r.Float64()*most < rate {
			out = append(out, q)
		}
	}
	return out
}

// exponential draws the time between two events of a rate an hour.
func exponential(r *rand.Rand, rate float64) time.Duration {
	return time.Duration(r.ExpFloat64() / rate * float64(time.Hour))
}

// spender decides request by request.
type spender interface {
	// spends reports whether the request is granted, on a day counted from 0 on
	// which so many were before it.
	spends(day int, q request, used int) bool
}

type greedy struct{}

func (greedy) spends(_ int, _ request, used int) bool { return used < postsADay }

// tokenBucket fills evenly, by 17 tokens a day, up to a few.
type tokenBucket struct {
	tokens float64
	last   time.Duration // since the first midnight
}

func (b *tokenBucket) spends(day int, q request, used int) bool {
	now := time.Duration(day)*24*time.Hour + q.at
	b.tokens = min(bucketSize, b.tokens+(now-b.last).Hours()*postsADay/24)
	b.last = now
	if b.tokens < 1 || used >= postsADay {
		return false
	}
	b.tokens--
	return true
}

// evenPacing spends up to the share of the day that is over.
type evenPacing struct{}

func (evenPacing) spends(_ int, q request, used int) bool {
	return used < postsADay && float64(used) <= postsADay*q.at.Hours()/24
}

// protecting asks the package. It expects the rates of the workload times a
// factor and knows how long a burst lasts, and no draw.
type protecting struct {
	workload workload
	factor   float64
	window   Window
	state    State
	posts    []time.Time
	path     []Step
}

func (p *protecting) spends(day int, q request, used int) bool {
	b := testBudget()
	b.Limit, b.Reserve, b.Window, b.Location = postsADay, 0, p.window, time.UTC
	b.Classes[2].PerDay = p.factor * p.workload.bursts * burstRate * burstLength.Hours()
	now := time.Date(2026, 3, 2+day, 0, 0, 0, 0, time.UTC).Add(q.at)
	const step = 30 * time.Minute
	end := 24 * time.Hour
	if p.window != LocalDay {
		end += q.at
	}
	p.path = p.path[:0]
	for at := q.at; at < end; at += step {
		class, rate := p.workload.hourly(at % (24 * time.Hour))
		if at < q.burstEnd {
			class, rate = "breaking", burstRate
		}
		p.path = append(p.path, Step{class, p.factor * rate * step.Hours()})
	}
	p.posts = slices.DeleteFunc(p.posts, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	c, next := b.Decide(Input{Now: now, Used: measured(used, len(p.posts)), Path: p.path, Step: step, Agents: 10, MaxAgents: 1000}, p.state)
	p.state = next
	if c.Agents == 0 {
		return false
	}
	p.posts = append(p.posts, now)
	return true
}

// optimal is the best that can be done without foresight, by dynamic
// programming over minutes: it knows all rates, and how bursts come and go.
type optimal struct {
	workload workload
	value    [][burstMinutes + 1][postsADay + 1]float64 // of what is left, at a minute with so many of a burst ahead
}

const burstMinutes = int(burstLength / time.Minute)

func newOptimal(w workload) *optimal {
	const minutes = 24 * 60
	o := &optimal{w, make([][burstMinutes + 1][postsADay + 1]float64, minutes+1)}
	for m := minutes - 1; m >= 0; m-- {
		for burst := range burstMinutes + 1 {
			class, rate := w.hourly(time.Duration(m) * time.Minute)
			if burst > 0 {
				class, rate = "breaking", burstRate
			}
			for left := range postsADay + 1 {
				keep := o.ahead(m, burst, left)
				o.value[m][burst][left] = keep
				if left > 0 {
					o.value[m][burst][left] += rate / 60 * max(valueOf[class]+o.ahead(m, burst, left-1)-keep, 0)
				}
			}
		}
	}
	return o
}

// ahead returns what units are worth after the minute.
func (o *optimal) ahead(m, burst, left int) float64 {
	begins := o.workload.bursts / (24 * 60)
	return (1-begins)*o.value[m+1][max(burst-1, 0)][left] + begins*o.value[m+1][burstMinutes][left]
}

func (o *optimal) spends(_ int, q request, used int) bool {
	m, burst, left := int(q.at/time.Minute), 0, postsADay-used
	if q.burstEnd > 0 {
		burst = max(int((q.burstEnd-q.at)/time.Minute), 1)
	}
	return left > 0 && valueOf[q.class]+o.ahead(m, burst, left-1) >= o.ahead(m, burst, left)
}

// alsoRolling denies what would be more than 17 in 24 hours.
type alsoRolling struct {
	spender
	posts []time.Duration // since the first midnight
}

func (a *alsoRolling) spends(day int, q request, used int) bool {
	now := time.Duration(day)*24*time.Hour + q.at
	a.posts = slices.DeleteFunc(a.posts, func(at time.Duration) bool { return now-at >= 24*time.Hour })
	if len(a.posts) >= postsADay || !a.spender.spends(day, q, used) {
		return false
	}
	a.posts = append(a.posts, now)
	return true
}

// The benchmark of the issue, by simulation. A day has 17 posts. Requests come as
// Poisson processes, at a rate of their own from 18 to 23 o'clock, where a post is
// worth 3, and at another in the other hours, where it is worth 1. Bursts of
// breaking news begin at random at any time of the day and last half an hour;
// while one lasts, requests come at 4 an hour instead, each worth 8. A request is
// granted or lost at once; ours grants it if the budget allows an agent then.
// What is unused at midnight is lost.
//
//	          off-peak   peak  bursts   requests
//	typical   2 an hour  4     2 a day  58 a day
//	busy      3          6     2        88
//	breaking  1          2     6        37
//	quiet     0.5        1     0.3      15
//	tight     1          2     1.5      31
//
// The oracle spends the 17 on the best of the day's requests. Greedy spends while
// there is something left, the token bucket gains 17 tokens a day and holds 3,
// even pacing spends up to the share of the day that is over. Ours expects the
// rates as they are, or 0.7 or 1.3 of them. Of the tight workload the better
// requests are about as many as the budget; there not even the best without
// foresight earns 0.95 of the oracle, so ours is held against that as well.
//
// With both windows no 24 hours have more than 17 posts either, which costs
// everybody; the oracle is still that of the day alone.
func TestValueBesideTheOracle(t *testing.T) {
	workloads := []workload{
		{"typical", 2, 4, 2, 500, 0.95, 0.95},
		{"busy", 3, 6, 2, 200, 0.95, 0.95},
		{"breaking", 1, 2, 6, 200, 0.95, 0.93},
		{"quiet", 0.5, 1, 0.3, 200, 0.95, 0.95},
		{"tight", 1, 2, 1.5, 200, 0.90, 0.84},
	}
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			day, both := w.shares(map[string]spender{
				"optimal":      newOptimal(w),
				"ours":         &protecting{workload: w, factor: 1, window: LocalDay},
				"ours, 0.7":    &protecting{workload: w, factor: 0.7, window: LocalDay},
				"ours, 1.3":    &protecting{workload: w, factor: 1.3, window: LocalDay},
				"greedy":       greedy{},
				"token bucket": &tokenBucket{tokens: bucketSize},
				"even pacing":  evenPacing{},
			}), w.shares(map[string]spender{
				"ours":         &protecting{workload: w, factor: 1, window: Both},
				"greedy":       &alsoRolling{spender: greedy{}},
				"token bucket": &alsoRolling{spender: &tokenBucket{tokens: bucketSize}},
				"even pacing":  &alsoRolling{spender: evenPacing{}},
			})
			t.Logf("%-9s ours %.3f (rates misjudged by 0.7: %.3f, by 1.3: %.3f), greedy %.3f, token bucket %.3f, even pacing %.3f, best without foresight %.3f",
				w.name, day["ours"], day["ours, 0.7"], day["ours, 1.3"], day["greedy"], day["token bucket"], day["even pacing"], day["optimal"])
			t.Logf("%-9s with both windows: ours %.3f, greedy %.3f, token bucket %.3f, even pacing %.3f", "", both["ours"], both["greedy"], both["token bucket"], both["even pacing"])
			if day["ours"] < w.least || day["ours"] < 0.97*day["optimal"] {
				t.Errorf("ours earns %.3f of the oracle, want %.2f and 0.97 of %.3f", day["ours"], w.least, day["optimal"])
			}
			for _, name := range []string{"greedy", "token bucket", "even pacing"} {
				if day["ours"] <= day[name] || both["ours"] <= both[name] {
					t.Errorf("%s earns %.3f, with both windows %.3f, and ours %.3f and %.3f", name, day[name], both[name], day["ours"], both["ours"])
				}
			}
			for _, name := range []string{"ours, 0.7", "ours, 1.3"} {
				if day[name] < w.misjudged {
					t.Errorf("%s earns %.3f of the oracle, want %.2f", name, day[name], w.misjudged)
				}
			}
		})
	}
}

// shares returns what each policy earns of the oracle's value.
func (w workload) shares(policies map[string]spender) map[string]float64 {
	r := rand.New(rand.NewPCG(17, 24))
	oracle, share := 0.0, map[string]float64{}
	for day := range w.days {
		requests := w.draw(r)
		var values []float64
		for _, q := range requests {
			values = append(values, valueOf[q.class])
		}
		slices.Sort(values)
		for _, v := range values[max(0, len(values)-postsADay):] {
			oracle += v
		}
		for name, p := range policies {
			used := 0
			for _, q := range requests {
				if p.spends(day, q, used) {
					used++
					share[name] += valueOf[q.class]
				}
			}
		}
	}
	for name := range share {
		share[name] /= oracle
	}
	return share
}
