package footprint

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const (
	hour = time.Hour
	day  = 24 * hour
)

// host is a simulated group of hosts.
type host struct {
	step, length time.Duration
	takes        []float64 // percent per agent, by pool
	background   float64   // percent
	noise        float64   // standard deviation in percent, of an AR(1)
	memory       time.Duration
	white        float64 // standard deviation of noise without memory
	agents       func(r *rand.Rand, pool int) func(time.Duration) float64
}

// usual is a week of five minutes of five pools that follow the hours of the day.
func usual() host {
	return host{
		step: 5 * time.Minute, length: 7 * day, takes: []float64{0.3, 0.8, 0.5, 1.2, 0.6},
		background: 15, noise: 2, memory: 30 * time.Minute, agents: daily,
	}
}

// with returns a usual host with something else.
func with(change func(*host)) host {
	h := usual()
	change(&h)
	return h
}

// daily returns agents with a wave of a day of their own and slow deviations from it.
func daily(r *rand.Rand, _ int) func(time.Duration) float64 {
	base := 4 + 10*r.Float64()
	wave, phase := base*(0.3+0.5*r.Float64()), r.Float64()
	x := 0.0
	return func(t time.Duration) float64 {
		x = 0.98*x + 0.2*r.NormFloat64()
		return max(1, math.Round(base+wave*math.Sin(2*math.Pi*(t.Hours()/24-phase))+x))
	}
}

// seldom returns agents that change about once in a while.
func seldom(every time.Duration) func(*rand.Rand, int) func(time.Duration) float64 {
	return func(r *rand.Rand, _ int) func(time.Duration) float64 {
		n, last := 10.0, time.Duration(0)
		return func(t time.Duration) float64 {
			if r.Float64() < float64(t-last)/float64(every) {
				n = max(1, n+math.Round(3*r.NormFloat64()))
			}
			last = t
			return n
		}
	}
}

// together returns agents of which all pools have the same number.
func together() func(*rand.Rand, int) func(time.Duration) float64 {
	var first func(time.Duration) float64
	at, n := time.Duration(-1), 0.0
	return func(r *rand.Rand, pool int) func(time.Duration) float64 {
		if pool == 0 {
			first = daily(r, 0)
		}
		return func(t time.Duration) float64 {
			if t != at {
				at, n = t, first(t)
			}
			return n
		}
	}
}

func name(pool int) string { return fmt.Sprintf("p%02d", pool) }

// observation is what an estimator is told.
type observation struct {
	at      time.Time
	percent float64
	agents  map[string]float64
}

// observations simulates the host.
func (h host) observations(seed uint64) []observation {
	r := rand.New(rand.NewPCG(seed, 1))
	var agents []func(time.Duration) float64
	for p := range h.takes {
		agents = append(agents, h.agents(r, p))
	}
	rho := math.Exp(-float64(h.step) / float64(h.memory))
	noise := h.noise * r.NormFloat64()
	var out []observation
	for t := time.Duration(0); t < h.length; t += h.step {
		o := observation{start.Add(t), h.background, map[string]float64{}}
		for p, take := range h.takes {
			n := agents[p](t)
			o.agents[name(p)] = n
			o.percent += take * n
		}
		noise = rho*noise + math.Sqrt(1-rho*rho)*h.noise*r.NormFloat64()
		o.percent = min(max(o.percent+noise+h.white*r.NormFloat64(), 0), 99)
		out = append(out, o)
	}
	return out
}

// taught returns an estimator that has learned the observations.
func taught(os []observation) *Estimator {
	e := New(0)
	e.learn(os)
	return e
}

func (e *Estimator) learn(os []observation) {
	for _, o := range os {
		e.Observe(o.at, o.percent, o.agents)
	}
}

// The interval holds the truth nine times in ten, for pools and noise of many kinds.
func TestIntervalsHoldTheTruth(t *testing.T) {
	fifty := func(h *host) {
		h.takes = nil
		for p := range 50 {
			h.takes = append(h.takes, 0.05+0.04*float64(p%5))
		}
	}
	tests := []struct {
		name      string
		host      host
		seeds     int
		low, high float64 // share of intervals that hold the truth
	}{
		{"usual", usual(), 60, 0.88, 0.99},
		{"noise without memory", with(func(h *host) { h.memory = time.Second }), 60, 0.86, 0.96},
		{"noise of two hours", with(func(h *host) { h.memory = 2 * hour }), 60, 0.9, 0.99},
		{"noise of a day", with(func(h *host) { h.memory = day }), 60, 0.9, 1},
		{"noise of two kinds", with(func(h *host) { h.memory, h.white = 2*hour, 2 }), 60, 0.84, 0.97},
		{"little noise", with(func(h *host) { h.noise = 0.05 }), 60, 0.86, 0.99},
		{"a tick of 30 s", with(func(h *host) { h.step, h.length = 30*time.Second, 4*day }), 12, 0.86, 1},
		{"an observation in half an hour", with(func(h *host) { h.step, h.length = hour/2, 14*day }), 60, 0.86, 0.98},
		{"half a day", with(func(h *host) { h.length = day / 2 }), 60, 0.9, 1},
		{"a day", with(func(h *host) { h.length = day }), 60, 0.88, 0.99},
		{"four weeks", with(func(h *host) { h.length = 28 * day }), 20, 0.84, 1},
		{"no background", with(func(h *host) { h.background = 0 }), 60, 0.9, 1},
		{"a pool alone", with(func(h *host) { h.takes = []float64{0.5} }), 200, 0.84, 0.95},
		{"a pool far above the others", with(func(h *host) { h.takes = []float64{0.1, 0.1, 0.1, 3, 0.1} }), 60, 0.9, 1},
		{"pools that take nothing", with(func(h *host) { h.takes = []float64{0.3, 0, 0.5, 0, 0} }), 60, 0.9, 1},
		{"agents that change in six hours", with(func(h *host) { h.agents = seldom(6 * hour) }), 60, 0.85, 0.97},
		{"agents that change in a day", with(func(h *host) { h.agents = seldom(day) }), 60, 0.85, 0.97},
		{"agents that change in a day and noise that stays for one", with(func(h *host) { h.agents, h.memory = seldom(day), day }), 60, 0.82, 0.97},
		{"fifty pools", with(fifty), 6, 0.9, 1},
		{"fifty pools for three days with little noise", with(func(h *host) { fifty(h); h.length, h.noise = 3*day, 0.2 }), 6, 0.88, 1},
	}
	for _, tt := range tests {
		known, held := 0, 0
		for seed := range tt.seeds {
			for p, f := range taught(tt.host.observations(uint64(seed))).Estimate() {
				if !f.Known {
					continue
				}
				known++
				if take := tt.host.takes[p]; f.Low <= take && take <= f.High {
					held++
				}
			}
		}
		share := float64(held) / float64(known)
		t.Logf("%-32s %.3f of %d", tt.name, share, known)
		if known < tt.seeds*len(tt.host.takes)/2 || !(share >= tt.low && share <= tt.high) {
			t.Errorf("%s: %d of %d intervals hold the truth, %.3f, want %.2f to %.2f", tt.name, held, known, share, tt.low, tt.high)
		}
	}
}

// What is estimated is near: the error is a share of what one agent takes.
func TestEstimatesAreNear(t *testing.T) {
	h := with(func(h *host) { h.noise = 0.5 })
	for seed := range uint64(20) {
		for p, f := range taught(h.observations(seed)).Estimate() {
			if math.Abs(f.PerAgent-h.takes[p]) > 0.15 || f.High-f.Low > 0.3 || f.N < 50 || f.N > 500 {
				t.Errorf("seed %d, %.2f per agent: %+v", seed, h.takes[p], f)
			}
		}
	}
}

// Noise without memory makes every observation count; half of them are of late.
func TestIndependentObservationsAreCounted(t *testing.T) {
	for length, want := range map[time.Duration]float64{day: 288, 28 * day: 2 * 288 * 3 / math.Ln2} {
		h := with(func(h *host) { h.memory, h.length, h.takes = time.Second, length, []float64{0.5} })
		sum := 0.0
		for seed := range uint64(10) {
			sum += taught(h.observations(seed)).Estimate()[0].N / 10
		}
		if sum > 1.05*want || sum < 0.6*want {
			t.Errorf("%v independent observations in %s, want about %.0f", sum, length, want)
		}
	}
}

// The ridge is the sum of squares that its comment says.
func TestTheRidgeIsThatOfTheFormula(t *testing.T) {
	r := taught(usual().observations(1)[:500]).state.regression()
	rapid.Check(t, func(t *rapid.T) {
		noise, mean := rapid.Float64Range(0, 1).Draw(t, "noise"), rapid.Float64Range(0, 10).Draw(t, "mean")
		h, b := r.ridged(noise, mean)
		excess := func(x []float64) float64 { // of the objective over the sum of squares and the ridge
			sum, squares, average := 2*objective(h, b, x), 0.0, 0.0
			for k, v := range x {
				average += v * r.unit[k] / 5
			}
			for k, v := range x {
				d := v*r.unit[k] - average
				squares += d * d
			}
			spread := 2 * max(mean, r.each/10)
			return sum - r.plain.loss(x) - noise*r.ratio*(squares/(spread*spread)+(average/r.each-1)*(average/r.each-1))
		}
		x := rapid.SliceOfN(rapid.Float64Range(0, 3), 5, 5).Draw(t, "x")
		if got, want := excess(x), excess(make([]float64, 5)); math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
			t.Fatalf("%v at %v and %v at zero", got, x, want)
		}
	})
}

// Ten times as many observations of noise with a memory tell hardly more.
func TestIntervalsDoNotDependOnTheStep(t *testing.T) {
	width := func(step time.Duration) float64 {
		sum := 0.0
		for seed := range uint64(5) {
			h := with(func(h *host) { h.step, h.memory, h.agents = step, hour, seldom(3*hour) })
			for _, f := range taught(h.observations(seed)).Estimate() {
				sum += f.High - f.Low
			}
		}
		return sum
	}
	if often, rarely := width(30*time.Second), width(5*time.Minute); often < 0.7*rarely || often > 1.4*rarely {
		t.Errorf("the width of intervals is %.2f at 30 s, %.2f at 5 min", often, rarely)
	}
}

// A pool that began to change a short time ago is not known as well as one that
// always changed, though its sum of squares is as large.
func TestIntervalsHoldTheTruthOfLateChanges(t *testing.T) {
	known, held := 0, 0
	for seed := range uint64(200) {
		h := with(func(h *host) {
			h.takes, h.length, h.memory = []float64{0.5}, 20*day, time.Second
			h.agents = func(r *rand.Rand, _ int) func(time.Duration) float64 {
				changing := seldom(3*hour)(r, 0)
				return func(at time.Duration) float64 {
					if at < 19*day {
						return 10
					}
					return changing(at)
				}
			}
		})
		if f := taught(h.observations(seed)).Estimate()[0]; f.Known {
			known++
			if f.Low <= 0.5 && 0.5 <= f.High {
				held++
			}
		}
	}
	if share := float64(held) / float64(known); known < 150 || share < 0.9 || share > 0.98 {
		t.Errorf("%d of %d intervals hold the truth, %.3f", held, known, share)
	}
}

func TestPoolsThatChangeTogetherShare(t *testing.T) {
	takes := []float64{0.4, 0.6, 0.5, 0.2}
	for seed := range uint64(10) {
		h := with(func(h *host) { h.takes, h.agents = takes, together() })
		sum := 0.0
		for p, f := range taught(h.observations(seed)).Estimate() {
			sum += f.PerAgent
			if !f.Known || f.Low > takes[p] || f.High < takes[p] || f.High > 2 {
				t.Errorf("seed %d: %.1f per agent: %+v", seed, takes[p], f)
			}
			if math.Abs(f.PerAgent-sum/float64(p+1)) > 0.01 {
				t.Errorf("seed %d: %s does not have an equal share: %+v", seed, f.Pool, f)
			}
		}
		if math.Abs(sum-1.7) > 0.3 {
			t.Errorf("seed %d: four agents take %.2f together, want 1.7", seed, sum)
		}
	}
}

// Without noise nothing tells the shares apart either.
func TestPoolsThatChangeTogetherShareWithoutNoise(t *testing.T) {
	h := with(func(h *host) { h.takes, h.agents, h.noise = []float64{0.4, 1}, together(), 0 })
	for p, f := range taught(h.observations(1)).Estimate() {
		if math.Abs(f.PerAgent-0.7) > 0.01 || f.Low > h.takes[p] || f.High < h.takes[p] {
			t.Errorf("%.1f per agent: %+v", h.takes[p], f)
		}
	}
}

// When nothing is used but by agents, and less so by the first ones, the line does
// not go below zero without agents.
func TestTheRestIsNotNegative(t *testing.T) {
	agents := seldom(2*hour)(rand.New(rand.NewPCG(1, 1)), 0)
	e := New(0)
	used, ran := 0.0, 0.0
	for at := time.Duration(0); at < 7*day; at += 5 * time.Minute {
		n := min(max(agents(at), 5), 15)
		used, ran = used+0.2*n*n, ran+n
		e.Observe(start.Add(at), 0.2*n*n, map[string]float64{"a": n})
	}
	if f := e.Estimate()[0]; f.PerAgent > 1.25*used/ran || f.High < f.PerAgent {
		t.Errorf("%+v, although only %.2f are used per agent", f, used/ran)
	}
}

// That nothing is taken is an estimate too.
func TestPoolsThatTakeNothing(t *testing.T) {
	h := with(func(h *host) { h.takes, h.noise = []float64{0, 0}, 0.5 })
	for seed := range uint64(10) {
		for _, f := range taught(h.observations(seed)).Estimate() {
			if !f.Known || f.Low > 0 || f.High > 0.2 {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
	}
}

// Agents that move from one pool to another tell how the pools differ, not what
// they take; then all that is used may be theirs.
func TestAgentsThatMoveBetweenPools(t *testing.T) {
	var os []observation
	agents := seldom(3*hour)(rand.New(rand.NewPCG(1, 1)), 0)
	noise := rand.New(rand.NewPCG(2, 2))
	for at := time.Duration(0); at < 7*day; at += 5 * time.Minute {
		n := min(agents(at), 20)
		os = append(os, observation{start.Add(at), 10 + 0.4*n + 0.6*(20-n) + noise.NormFloat64(), map[string]float64{"a": n, "b": 20 - n}})
	}
	fs := taught(os).Estimate()
	if a, b := fs[0], fs[1]; math.Abs(b.PerAgent-a.PerAgent-0.2) > 0.05 || a.High < 1 || b.High < 1 || b.High > 5 {
		t.Errorf("%+v", fs)
	}
}

// A matrix that is singular but for rounding errors does no harm.
func TestAgentsThatMoveBetweenPoolsThatAreAlike(t *testing.T) {
	for seed := range uint64(20) {
		agents := seldom(hour)(rand.New(rand.NewPCG(seed, 1)), 0)
		e := New(0)
		for at := time.Duration(0); at < 7*day; at += 5 * time.Minute {
			n := min(agents(at), 20)
			e.Observe(start.Add(at), 10+0.40001*n+0.4*(20-n), map[string]float64{"a": n, "b": 20 - n})
		}
		for _, f := range e.Estimate() { // all that is used is 0.9 an agent
			if !f.Known || f.PerAgent > 1 || f.High < 0.9 || f.High > 5 {
				t.Errorf("seed %d: %+v", seed, f)
			}
		}
	}
}

func TestUnknownFootprints(t *testing.T) {
	h := with(func(h *host) { h.takes = []float64{0.5, 0.7} })
	usual := h.observations(1)
	changed := func(change func(i int, o *observation)) []observation {
		os := h.observations(1)
		for i := range os {
			change(i, &os[i])
		}
		return os
	}
	tests := []struct {
		name  string
		os    []observation
		known []bool
	}{
		{"usual", usual, []bool{true, true}},
		{"nothing", nil, nil},
		{"one observation", usual[:1], []bool{false, false}},
		{"nine hours", usual[:108], []bool{false, false}},
		{"no pools", changed(func(_ int, o *observation) { o.agents = nil }), nil},
		{"a pool that never changes", changed(func(_ int, o *observation) { o.agents["p01"] = 30 }), []bool{true, false}},
		{"a pool that changed once", changed(func(i int, o *observation) { o.agents["p01"] = float64(10 + 10*(i/1000)) }), []bool{true, false}},
		{"a pool without agents", changed(func(_ int, o *observation) { o.agents["p01"] = 0 }), []bool{true, false}},
		{"utilisation that does not vary", changed(func(_ int, o *observation) { o.percent = 35 }), []bool{false, false}},
		{"utilisation of zero", changed(func(_ int, o *observation) { o.percent = 0 }), []bool{false, false}},
		{"no pool changes", changed(func(_ int, o *observation) { o.agents = map[string]float64{"p00": 3, "p01": 4} }), []bool{false, false}},
	}
	for _, tt := range tests {
		fs := taught(tt.os).Estimate()
		var known []bool
		for _, f := range fs {
			known = append(known, f.Known)
			unknown := Footprint{Pool: f.Pool, Changes: f.Changes}
			if !f.Known && f != unknown {
				t.Errorf("%s: numbers without an estimate: %+v", tt.name, f)
			}
			if _, listed := Upper(fs)[f.Pool]; listed != f.Known || f.Known && Upper(fs)[f.Pool] != f.High {
				t.Errorf("%s: %s: upper estimates %v of %+v", tt.name, f.Pool, Upper(fs), fs)
			}
		}
		if diff := cmp.Diff(tt.known, known); diff != "" {
			t.Errorf("%s: known footprints (-want +got):\n%s\n%+v", tt.name, diff, fs)
		}
	}
}

// A pool that stops changing is forgotten, and its past does not return.
// A pool of which nothing is known is like the mean of the others.
func TestComplete(t *testing.T) {
	a := Footprint{Pool: "a", Known: true, PerAgent: 1, Low: 0.5, High: 2, N: 9, Changes: 12}
	b := Footprint{Pool: "b", Changes: 1}
	c := Footprint{Pool: "c", Known: true, PerAgent: 3, Low: 1.5, High: 4, N: 9, Changes: 12}
	mean := func(pool string, changes float64) Footprint {
		return Footprint{Pool: pool, PerAgent: 2, Low: 1, High: 3, Changes: changes}
	}
	for _, tt := range []struct {
		name  string
		fs    []Footprint
		pools []string
		want  []Footprint
		upper map[string]float64
	}{
		{"all", []Footprint{a, b, c}, []string{"a", "b", "c"}, []Footprint{a, mean("b", 1), c}, map[string]float64{"a": 2, "b": 3, "c": 4}},
		{"one that was never seen, another that is gone", []Footprint{a, c}, []string{"a", "new"}, []Footprint{a, mean("new", 0)}, map[string]float64{"a": 2, "new": 3}},
		{"none is known", []Footprint{b}, []string{"b", "new"}, []Footprint{b, {Pool: "new"}}, map[string]float64{}},
		{"no pools", []Footprint{a}, nil, []Footprint{}, map[string]float64{}},
	} {
		got := Complete(tt.fs, tt.pools)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.upper, Upper(got)); diff != "" {
			t.Errorf("%s: upper (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestFootprintsFade(t *testing.T) {
	h := with(func(h *host) { h.length = 40 * day })
	os := h.observations(1)
	for i := range os {
		if os[i].at.Sub(start) > 7*day {
			os[i].agents["p01"] = 12
		}
	}
	e := taught(os[:2000])
	if f := e.Estimate()[1]; !f.Known {
		t.Errorf("after a week: %+v", f)
	}
	e.learn(os[2000:])
	if f := e.Estimate()[1]; f.Known || f.Changes > 0.5 {
		t.Errorf("a month without a change: %+v", f)
	}
}

// Agents of a new version take three times as much.
func TestChangesOfFootprintsAreFollowed(t *testing.T) {
	h := with(func(h *host) { h.noise, h.length = 1, 25*day })
	const change, takes = 10, 1.5 // day and percent
	for seed := range uint64(8) {
		os := h.observations(seed)
		for i := range os {
			if os[i].at.Sub(start) >= change*day {
				os[i].percent = min(os[i].percent+(takes-h.takes[2])*os[i].agents["p02"], 99)
			}
		}
		e := taught(os[:change*288])
		for d := 1; d <= 15; d++ {
			e.learn(os[(change+d-1)*288 : (change+d)*288])
			fs := e.Estimate()
			f := fs[2]
			least := map[int]float64{3: 0.7, 6: 1, 9: 1.2, 15: 1.35}[d] // a half-life is three days
			if f.PerAgent < least || f.PerAgent > 1.65 || d >= 4 && f.High < takes {
				t.Errorf("seed %d: %d days later: %+v, want %.1f", seed, d, f, takes)
			}
			if d == 15 && math.Abs(fs[0].PerAgent-h.takes[0]) > 0.2 {
				t.Errorf("seed %d: another pool: %+v, want %.1f", seed, fs[0], h.takes[0])
			}
		}
	}
}

// What else runs may drift, leak and be deployed anew.
func TestOtherWorkMayChange(t *testing.T) {
	for name, more := range map[string]func(days float64) float64{
		"a leak":          func(days float64) float64 { return 3 * days },
		"a week":          func(days float64) float64 { return 3 * math.Sin(2*math.Pi*days/7) },
		"a deployment":    func(days float64) float64 { return 8 * min(math.Floor(days/3), 1) },
		"an hour a night": func(days float64) float64 { return 20 * (1 - min(math.Floor(24*(days-math.Floor(days))), 1)) },
	} {
		known, held, width := 0., 0., 0.
		for seed := range uint64(40) {
			os := usual().observations(seed)
			for i := range os {
				os[i].percent = min(os[i].percent+more(os[i].at.Sub(start).Hours()/24), 99)
			}
			for p, f := range taught(os).Estimate() {
				known++
				width += f.High - f.Low
				if take := usual().takes[p]; f.Low <= take && take <= f.High {
					held++
				}
			}
		}
		if held/known < 0.86 || width/known > 1.2 {
			t.Errorf("%s: %.3f of %v intervals hold the truth, their width is %.2f", name, held/known, known, width/known)
		}
	}
}

// scaled returns the observations with other units.
func scaled(os []observation, percent, agents float64) []observation {
	var out []observation
	for _, o := range os {
		o.percent *= percent
		n := map[string]float64{}
		for pool := range o.agents {
			n[pool] = o.agents[pool] * agents
		}
		o.agents = n
		out = append(out, o)
	}
	return out
}

func near(t *testing.T, what string, got, want []Footprint) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-6, 1e-9)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEstimatesScaleWithTheUnits(t *testing.T) {
	for seed := range uint64(5) {
		os := with(func(h *host) { h.length = 2 * day }).observations(seed)
		for _, k := range []struct{ percent, agents float64 }{{0.01, 1}, {0.7, 1}, {1, 0.01}, {1, 100}, {0.1, 7}} {
			want := taught(os).Estimate()
			for i := range want {
				for _, v := range []*float64{&want[i].PerAgent, &want[i].Low, &want[i].High} {
					*v = min(*v*k.percent/k.agents, 100)
				}
			}
			near(t, fmt.Sprintf("percent × %g, agents × %g", k.percent, k.agents), taught(scaled(os, k.percent, k.agents)).Estimate(), want)
		}
	}
}

// Names tell pools apart and nothing else; their order is that of the columns.
func TestTheOrderOfPoolsDoesNotMatter(t *testing.T) {
	os := with(func(h *host) { h.length = 2 * day }).observations(3)
	want := taught(os).Estimate()
	order := []int{3, 0, 4, 2, 1}
	for i := range os {
		n := map[string]float64{}
		for p, q := range order {
			n[name(q)] = os[i].agents[name(p)]
		}
		os[i].agents = n
	}
	got := taught(os).Estimate()
	var back []Footprint
	for p, q := range order {
		f := got[q]
		f.Pool = name(p)
		back = append(back, f)
	}
	near(t, "pools in another order", back, want)
}

func TestTimeIsRelative(t *testing.T) {
	os := with(func(h *host) { h.length = 2 * day }).observations(3)
	want := taught(os).Estimate()
	for i := range os {
		os[i].at = os[i].at.In(time.FixedZone("", 7200)).Add(-1000 * day)
	}
	near(t, "three years before", taught(os).Estimate(), want)
}

// Pools that are left out have as many agents as before.
func TestPoolsThatAreLeftOut(t *testing.T) {
	some, all := usual().observations(4), usual().observations(4)
	for i := range some {
		if i%3 != 0 {
			delete(some[i].agents, "p02")
			all[i].agents["p02"] = all[i-i%3].agents["p02"]
		}
	}
	near(t, "left out", taught(some).Estimate(), taught(all).Estimate())
}

// Agents that are seen for the first time did not start then.
func TestNewPoolsWereAlwaysThere(t *testing.T) {
	h := with(func(h *host) { h.length = 14 * day })
	os, late := h.observations(5), h.observations(5)
	for i := range late {
		if i < len(late)/2 {
			delete(late[i].agents, "p03")
			os[i].agents["p03"] = os[len(late)/2].agents["p03"]
		}
	}
	near(t, "a pool that is seen late", taught(late).Estimate(), taught(os).Estimate())

	e := New(0)
	for i, o := range usual().observations(6) {
		if i >= 1000 {
			o.agents["new"] = 20 // and nothing more is used
		}
		e.Observe(o.at, o.percent, o.agents)
	}
	if f := e.Estimate()[0]; f.Pool != "new" || f.Known {
		t.Errorf("a pool that never changed: %+v", f)
	}
}

// What is learned of the others is what it would be without the pool.
func TestDroppedPoolsAreForgotten(t *testing.T) {
	for _, gone := range []string{"p00", "p02", "p04"} {
		os := usual().observations(7)
		e := taught(os)
		e.Drop(gone)
		e.Drop("never seen")
		for i := range os {
			delete(os[i].agents, gone)
		}
		if diff := cmp.Diff(taught(os).State(), e.State(), cmpopts.EquateApprox(1e-9, 1e-9)); diff != "" {
			t.Errorf("without %s (-want +got):\n%s", gone, diff)
		}
		if !e.Observe(os[0].at, 50, map[string]float64{gone: 4}) || len(e.Estimate()) != 5 {
			t.Errorf("%s did not come back: %+v", gone, e.Estimate())
		}
	}
}

// crowd returns observations of many pools that take the same, of which some come
// late, and those of one pool that has all agents.
func crowd(pools, late int, length time.Duration) (each, all []observation) {
	h := with(func(h *host) {
		h.takes, h.length, h.background, h.agents = make([]float64, pools), length, 5, seldom(day)
		for p := range h.takes {
			h.takes[p] = 0.1
		}
	})
	each, all = h.observations(8), h.observations(8)
	middle := len(each) / 2
	for i := range each {
		sum := 0.0
		for p := range pools {
			if p >= pools-late && i < middle {
				delete(each[i].agents, name(p))
				sum += each[middle].agents[name(p)]
			} else {
				sum += each[i].agents[name(p)]
			}
		}
		all[i].agents = map[string]float64{"all": sum}
	}
	return each, all
}

// More than fifty pools are as one pool, from the past on.
func TestManyPoolsShareAColumn(t *testing.T) {
	nearly := cmpopts.EquateApprox(1e-9, 1e-6)
	for _, late := range []int{0, 3, 15, 60} {
		each, all := crowd(60, late, 7*day)
		got, want := taught(each), taught(all)
		ws, gs := want.State(), got.State()
		if diff := cmp.Diff([][]float64{ws.Level, ws.Last, ws.Plain.Mean, ws.Plain.Sums, ws.Smooth.Mean, ws.Smooth.Sums}, [][]float64{gs.Level, gs.Last, gs.Plain.Mean, gs.Plain.Sums, gs.Smooth.Mean, gs.Smooth.Sums}, nearly); diff != "" {
			t.Errorf("%d pools come late (-want +got):\n%s", late, diff)
		}
		w := want.Estimate()[0]
		for p, f := range got.Estimate() {
			if f.Pool != name(p) || !f.Known || math.Abs(f.PerAgent-w.PerAgent) > 1e-6 || f.Low > 0.1 || f.High < 0.1 || f.High > 0.3 || math.Abs(f.High-w.High) > 0.2*w.High {
				t.Fatalf("%d pools come late: %+v, want about %+v", late, f, w)
			}
		}
	}
}

// What was learned of pools that are told apart is not lost when more come.
func TestTheCrowdKnowsWhatItsPoolsTaught(t *testing.T) {
	each, all := crowd(60, 15, 7*day)
	middle := len(each)/2 + 1
	got, want := taught(each[:middle]).Estimate(), taught(all[:middle]).Estimate()[0]
	if f := got[0]; len(got) != 60 || !f.Known || math.Abs(f.PerAgent-want.PerAgent) > 1e-6 || math.Abs(f.High-want.High) > 0.2*want.High {
		t.Errorf("%+v, want about %+v", f, want)
	}
}

// To drop one of many pools is as if it stayed as it was.
func TestDroppedPoolsOfManyStay(t *testing.T) {
	each, _ := crowd(60, 0, 4*day)
	middle := len(each) / 2
	dropped, stays := taught(each[:middle]), taught(each[:middle])
	dropped.Drop("p07")
	for _, o := range each[middle:] {
		delete(o.agents, "p07")
	}
	dropped.learn(each[middle:])
	stays.learn(each[middle:])
	if diff := cmp.Diff(stays.State().Plain, dropped.State().Plain, cmpopts.EquateApprox(1e-9, 1e-6)); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

// Dropping pools makes fifty of more, which are then told apart.
func TestPoolsAreToldApartAgain(t *testing.T) {
	each, _ := crowd(53, 0, 14*day)
	middle := len(each) / 2
	e := taught(each[:middle])
	e.Drop("p52")
	e.Drop("p51")
	if fs := e.Estimate(); len(fs) != 51 || !fs[0].Known {
		t.Fatalf("51 pools: %+v", fs)
	}
	e.Drop("p50")
	if fs := e.Estimate(); len(fs) != 50 || fs[0].Known || fs[0].Changes != 0 {
		t.Fatalf("50 pools: %+v", fs)
	}
	for _, o := range each[middle:] {
		for _, gone := range []string{"p50", "p51", "p52"} {
			delete(o.agents, gone)
		}
		e.Observe(o.at, o.percent, o.agents)
	}
	known, held := 0, 0
	for _, f := range e.Estimate() {
		if f.Known {
			known++
			if f.Low <= 0.1 && 0.1 <= f.High {
				held++
			}
		}
	}
	if known < 30 || held < known*8/10 {
		t.Errorf("a week later %d of %d intervals of 50 hold the truth", held, known)
	}
}

func TestBadObservationsAreIgnored(t *testing.T) {
	e := taught(usual().observations(9))
	want := e.State()
	at := want.At.Add(hour)
	fine := map[string]float64{"p00": 3}
	tests := []struct {
		name    string
		percent float64
		agents  map[string]float64
	}{
		{"NaN percent", math.NaN(), fine},
		{"infinite percent", math.Inf(1), fine},
		{"negative percent", -0.1, fine},
		{"full hosts", 100, fine},
		{"more than full", 101, fine},
		{"huge percent", math.MaxFloat64, fine},
		{"NaN agents", 50, map[string]float64{"p00": 3, "p01": math.NaN()}},
		{"infinite agents", 50, map[string]float64{"p00": math.Inf(1)}},
		{"negative agents", 50, map[string]float64{"p00": -1}},
		{"huge agents", 50, map[string]float64{"p00": 1e9}},
		{"bad agents of a new pool", 50, map[string]float64{"new": math.NaN()}},
	}
	for _, tt := range tests {
		if e.Observe(at, tt.percent, tt.agents) {
			t.Errorf("%s: was learned", tt.name)
		}
		if diff := cmp.Diff(want, e.State()); diff != "" {
			t.Errorf("%s: the state changed:\n%s", tt.name, diff)
		}
	}
	if !e.Observe(at, 99.9, map[string]float64{"p00": 0}) || !e.Observe(at, 0, nil) {
		t.Error("fine observations were ignored")
	}
}

// A clock that goes back forgets nothing, one that leaps forgets all.
func TestClocksThatStep(t *testing.T) {
	os := usual().observations(10)
	e := taught(os)
	weight := e.state.Weight
	if !e.Observe(start, 50, os[0].agents) || e.state.Weight != weight+1 {
		t.Errorf("a week back: weight %v, was %v", e.state.Weight, weight)
	}
	for _, o := range os[1:20] {
		e.Observe(o.at, o.percent, o.agents)
	}
	if e.state.Weight < weight+3 {
		t.Errorf("from there on: weight %v, was %v", e.state.Weight, weight)
	}
	for p, f := range e.Estimate() {
		if !f.Known || math.Abs(f.PerAgent-usual().takes[p]) > 0.5 {
			t.Errorf("a week back: %+v", f)
		}
	}
	e.Observe(start.AddDate(200, 0, 0), 50, os[0].agents)
	if e.state.Weight != 1 {
		t.Errorf("200 years later: weight %v, want 1", e.state.Weight)
	}
	for _, f := range e.Estimate() {
		if f.Known {
			t.Errorf("200 years later: %+v", f)
		}
	}
}

// A half-life halves weights.
func TestHalfLife(t *testing.T) {
	for _, halfLife := range []time.Duration{0, -hour, hour, 100 * day} {
		e := New(halfLife)
		e.Observe(start, 10, nil)
		if halfLife <= 0 {
			halfLife = DefaultHalfLife
		}
		e.Observe(start.Add(halfLife), 20, nil)
		if s := e.State(); math.Abs(s.Weight-1.5) > 1e-12 || math.Abs(s.Weight2-1.25) > 1e-12 || math.Abs(s.Age-1) > 1e-12 {
			t.Errorf("after %s: %+v", halfLife, s)
		}
	}
}

// moments are those of all rows that are kept.
type moments struct {
	weight  float64
	weights []float64
	rows    [][]float64
}

func (m *moments) add(w float64, row []float64) {
	m.weight += w
	m.weights, m.rows = append(m.weights, w), append(m.rows, row)
}

func (m *moments) mean(j int) float64 {
	sum := 0.0
	for i, w := range m.weights {
		sum += w * m.rows[i][j]
	}
	return sum / max(m.weight, math.SmallestNonzeroFloat64)
}

func (m *moments) sum(j, k int) float64 {
	sum := 0.0
	for i, w := range m.weights {
		sum += w * (m.rows[i][j] - m.mean(j)) * (m.rows[i][k] - m.mean(k))
	}
	return sum
}

// Means and sums are those of their definitions.
func TestSumsAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := New(hour)
		at := start
		base := rapid.SampledFrom([]float64{0, 1000}).Draw(t, "base")
		var times []time.Time
		var rows, deviations, smoothed [][]float64
		var left []float64
		decay := func(i int, constant float64) float64 { return math.Exp(-at.Sub(times[i]).Hours() / constant) }
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "steps")) * 7 * time.Second)
			row := []float64{rapid.Float64Range(0, 99).Draw(t, "percent"), base + float64(rapid.IntRange(0, 9).Draw(t, "a")), float64(rapid.IntRange(0, 9).Draw(t, "b"))}
			times, rows = append(times, at), append(rows, row)
			if !e.Observe(at, row[0], map[string]float64{"a": row[1], "b": row[2]}) {
				t.Fatal("not learned")
			}
			z, weights := []float64{0, 0, 0}, 0.0
			for i := range rows {
				w := decay(i, 1./3)
				weights += w
				for j := range z {
					z[j] -= w * rows[i][j]
				}
			}
			smooth, l := []float64{0, 0, 0}, 0.0
			for j := range z {
				z[j] = row[j] + z[j]/weights
			}
			deviations = append(deviations, z)
			for i := 1; i < len(times); i++ { // each has the share by which smoothing fades from one to the next
				share := decay(i, 1./48) - decay(i-1, 1./48)
				l += share * share
				for j := range smooth {
					smooth[j] += share * deviations[i][j]
				}
			}
			smoothed, left = append(smoothed, smooth), append(left, l)
		}
		s := e.State()
		weight2, square2, leftSum := 0.0, 0.0, 0.0
		plain, smooth := moments{}, moments{}
		for i := range rows {
			w := decay(i, 1/math.Ln2)
			weight2 += w * w
			square2 += w * w * deviations[i][2] * deviations[i][2]
			plain.add(w, deviations[i])
			if times[i].Sub(times[0]).Hours() > 2./48 {
				leftSum += w * left[i]
				smooth.add(w, smoothed[i])
			}
		}
		got := []float64{s.Weight, s.Weight2, s.Columns[1].Square2, s.Age, s.Left, s.SmoothWeight, s.LeftSum}
		want := []float64{plain.weight, weight2, square2, at.Sub(times[0]).Hours(), left[len(left)-1], smooth.weight, leftSum}
		for j := range 3 {
			got = append(got, s.Level[j], s.Last[j], s.Plain.Mean[j], s.Smooth.Mean[j])
			want = append(want, rows[len(rows)-1][j]-deviations[len(rows)-1][j], smoothed[len(rows)-1][j], plain.mean(j), smooth.mean(j))
			for k := range 3 {
				got, want = append(got, s.Plain.at(j, k), s.Smooth.at(j, k)), append(want, plain.sum(j, k), smooth.sum(j, k))
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-7, 1e-8)); diff != "" {
			t.Fatalf("sums (-want +got):\n%s", diff)
		}
	})
}

func TestInflation(t *testing.T) {
	const left = 0.03
	phi := (1 - left) / (1 + left)
	for _, rho := range []float64{0, 0.3, 0.9, 0.98} {
		slow := (1 + rho*phi) / (1 - rho*phi)
		if got, want := inflation(slow, left), (1+rho)/(1-rho); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("an AR(1) of %.2f: %v, want %v", rho, got, want)
		}
	}
	most := inflation(1/left, left)
	for _, slow := range []float64{math.NaN(), -1, 0, 1, 2, 30, 1e9, math.Inf(1)} {
		for _, left := range []float64{0, 1e-9, left, 0.5, 1} {
			if got := inflation(slow, left); !(got >= 1) || left == 0.03 && got > most {
				t.Errorf("inflation(%v, %v) = %v", slow, left, got)
			}
		}
	}
	if most < 100 || most > 300 {
		t.Errorf("at most %v", most)
	}
}

func encoded(t *testing.T, s State) string {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A state goes through JSON and back, and what is learned after is the same.
func TestStatesAreRestored(t *testing.T) {
	for _, os := range [][]observation{nil, usual().observations(11)[:1], usual().observations(11)[:500], firstOf(crowd(60, 2, day))} {
		e := taught(os)
		var s State
		if err := json.Unmarshal([]byte(encoded(t, e.State())), &s); err != nil {
			t.Fatal(err)
		}
		restored, err := Restore(s, 0)
		if err != nil {
			t.Fatal(err)
		}
		more := usual().observations(12)
		for i := range more {
			more[i].at = more[i].at.Add(2 * day)
		}
		e.learn(more)
		restored.learn(more)
		if diff := cmp.Diff(e.State(), restored.State(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("restored (-want +got):\n%s", diff)
		}
	}
}

func firstOf(each, _ []observation) []observation { return each }

func TestStatesAreCopies(t *testing.T) {
	os := usual().observations(13)
	e := taught(os[:500])
	s := e.State()
	restored, err := Restore(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := encoded(t, s)
	e.learn(os[500:600])
	restored.learn(os[500:600])
	e.Drop("p00")
	restored.Drop("p01")
	if behind := encoded(t, s); behind != before {
		t.Errorf("learning changed a state that was taken before from\n%s to\n%s", before, behind)
	}
}

func TestBadStatesAreRefused(t *testing.T) {
	s := taught(usual().observations(14)[:500]).State()
	for name, damage := range map[string]func(*State){
		"a pool twice":        func(s *State) { s.Pools[1].Name = s.Pools[0].Name },
		"a pool less":         func(s *State) { s.Pools = s.Pools[1:] },
		"a column more":       func(s *State) { s.Columns = append(s.Columns, Column{}) },
		"a level less":        func(s *State) { s.Level = s.Level[1:] },
		"a mean less":         func(s *State) { s.Plain.Mean = s.Plain.Mean[1:] },
		"a sum less":          func(s *State) { s.Plain.Sums = s.Plain.Sums[1:] },
		"no smooth sums":      func(s *State) { s.Smooth = Moments{} },
		"a last value less":   func(s *State) { s.Last = s.Last[1:] },
		"a weight of NaN":     func(s *State) { s.Weight = math.NaN() },
		"a negative weight":   func(s *State) { s.SmoothWeight = -1 },
		"infinite agents":     func(s *State) { s.Pools[0].Agents = math.Inf(1) },
		"a sum of NaN":        func(s *State) { s.Smooth.Sums[2] = math.NaN() },
		"an infinite mean":    func(s *State) { s.Plain.Mean[2] = math.Inf(-1) },
		"an infinite level":   func(s *State) { s.Level[1] = math.Inf(-1) },
		"a last value of NaN": func(s *State) { s.Last[1] = math.NaN() },
		"changes of NaN":      func(s *State) { s.Columns[0].Changes = math.NaN() },
		"a negative square":   func(s *State) { s.Columns[0].Square2 = -1 },
		"an empty state":      func(s *State) { *s = State{} },
		"no squares":          func(s *State) { s.Weight2 = 0 },
		"more squares":        func(s *State) { s.Weight2 = s.Weight + 1 },
		"no level":            func(s *State) { s.LevelWeight = 0 },
		"more smooth weight":  func(s *State) { s.SmoothWeight = s.Weight + 1 },
		"more is left":        func(s *State) { s.LeftSum = s.SmoothWeight + 1 },
		"pools and no weight": func(s *State) { s.Weight, s.Weight2, s.SmoothWeight, s.LeftSum = 0, 0, 0, 0 },
		"a huge number":       func(s *State) { s.Left = math.MaxFloat64 },
	} {
		damaged := s.clone()
		damage(&damaged)
		if _, err := Restore(damaged, 0); err == nil {
			t.Errorf("%s: was restored", name)
		}
	}
}

// checkPromises fails unless all estimates are finite, in order and within bounds.
func checkPromises(t interface{ Fatalf(string, ...any) }, fs []Footprint) {
	for i, f := range fs {
		if i > 0 && fs[i-1].Pool >= f.Pool {
			t.Fatalf("%q is not after %q", f.Pool, fs[i-1].Pool)
		}
		if !(f.Low >= 0 && f.Low <= f.PerAgent && f.PerAgent <= f.High && f.High <= 100 && f.N >= 0 && f.N < math.MaxFloat64 && f.Changes >= 0 && f.Changes < 1e12) {
			t.Fatalf("%+v", f)
		}
		if !f.Known && (f.High != 0 || f.N != 0) {
			t.Fatalf("numbers without an estimate: %+v", f)
		}
	}
}

// edges are the values that break careless arithmetic.
var edges = [...]float64{
	0, math.NaN(), 1, -1, 1e-300, 99.99999999999999, 100, math.SmallestNonzeroFloat64, 1 << 20, 1e-9, math.Copysign(0, -1), math.Inf(1), math.MaxFloat64, 1e-160, 50,
}

// Whatever comes in, estimates are finite, in order and within bounds, and the state
// can be restored.
func FuzzEstimator(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Add([]byte{60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20})
	f.Add([]byte{3, 250, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 251, 252, 253, 254, 255})
	f.Add([]byte{130, 9, 9, 9, 9, 9, 9, 8, 8, 8, 8, 8, 7, 7, 7, 7, 7})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 400 {
			return
		}
		pools := 1 + int(data[0]&63)
		next := func(i *int) byte { *i++; return data[1+*i%max(len(data)-1, 1)%len(data)] }
		if len(data) == 1 {
			next = func(*int) byte { return data[0] }
		}
		value := func(b byte) float64 {
			if b >= 240 {
				return edges[int(b)%len(edges)]
			}
			return float64(b) / 3
		}
		e := New(time.Duration(1+int(data[0]>>6)) * hour)
		at := start
		steps := [...]time.Duration{time.Minute, 5 * time.Minute, 0, hour, -hour, 300 * day, time.Second, 10 * time.Minute}
		i := 0
		for k := range 150 {
			o := map[string]float64{}
			for p := range pools {
				if b := next(&i); b%16 != 15 {
					o[name(p)] = value(b)
				}
			}
			step := steps[0]
			if b := next(&i); b >= 200 {
				step = steps[int(b)%len(steps)]
			}
			at = at.Add(step)
			e.Observe(at, value(next(&i)), o)
			if b := next(&i); b > 250 {
				e.Drop(name(int(b) % pools))
			}
			if k%50 == 49 {
				checkPromises(t, e.Estimate())
			}
		}
		restored, err := Restore(e.State(), e.halfLife)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e.Estimate(), restored.Estimate()); diff != "" {
			t.Fatalf("restored (-want +got):\n%s", diff)
		}
	})
}

// A damaged state that is accepted gives estimates within bounds.
func TestAnyAcceptedStateGivesBoundedEstimates(t *testing.T) {
	s := taught(usual().observations(15)[:1000]).State()
	number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1e4), rapid.SampledFrom([]float64{0, 1e30, -1e30, 1e-300}))
	rapid.Check(t, func(t *rapid.T) {
		damaged := s.clone()
		places := []*float64{&damaged.Age, &damaged.LevelWeight, &damaged.Weight, &damaged.Weight2, &damaged.SmoothWeight, &damaged.Left, &damaged.LeftSum}
		for _, numbers := range [][]float64{damaged.Level, damaged.Last, damaged.Plain.Mean, damaged.Plain.Sums, damaged.Smooth.Mean, damaged.Smooth.Sums} {
			for i := range numbers {
				places = append(places, &numbers[i])
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "places") {
			*places[rapid.IntRange(0, len(places)-1).Draw(t, "place")] = number.Draw(t, "number")
		}
		e, err := Restore(damaged, 0)
		if err != nil {
			return
		}
		checkPromises(t, e.Estimate())
		e.Observe(s.At.Add(hour), 50, map[string]float64{"p00": 3, "new": 1})
		checkPromises(t, e.Estimate())
	})
}

func TestObserveDoesNotAllocate(t *testing.T) {
	for _, pools := range []int{1, 50, 60} {
		os, _ := crowd(pools, 0, 2*hour)
		e := taught(os)
		i := 0
		if allocations := testing.AllocsPerRun(100, func() {
			o := os[i%len(os)]
			i++
			e.Observe(o.at.Add(time.Duration(i)*time.Minute), o.percent, o.agents)
		}); allocations != 0 {
			t.Errorf("%d pools: %v allocations", pools, allocations)
		}
	}
}
