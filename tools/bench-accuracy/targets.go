package main

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// bounds are what a figure should lie in. The zero bounds ask for nothing.
type bounds struct{ low, high float64 }

func atMost(x float64) bounds     { return bounds{math.Inf(-1), x} }
func atLeast(x float64) bounds    { return bounds{x, math.Inf(1)} }
func between(a, b float64) bounds { return bounds{a, b} }

func (b bounds) hold(x float64) bool { return b != bounds{} && x >= b.low && x <= b.high }

func (b bounds) String() string {
	switch {
	case b == bounds{}:
		return "–"
	case math.IsInf(b.low, -1):
		return fmt.Sprintf("≤ %g", b.high)
	case math.IsInf(b.high, 1):
		return fmt.Sprintf("≥ %g", b.low)
	}
	return fmt.Sprintf("%g–%g", b.low, b.high)
}

// A goal is a figure with what it should be.
type goal struct {
	name                  string
	format                string
	value                 float64
	gate, target, stretch bounds
}

// verdict says the most that is met.
func (g goal) verdict() string {
	switch {
	case math.IsNaN(g.value):
		return "not measured"
	case g.stretch.hold(g.value):
		return "stretch met"
	case g.target.hold(g.value):
		return "target met"
	case g.gate.hold(g.value):
		return "gate met, target missed"
	}
	return "**missed**"
}

// targets reports our figures beside what they should be.
func (r *report) targets(w *bytes.Buffer) {
	fmt.Fprint(w, "\n## Targets\n\n")
	if r.partial {
		fmt.Fprint(w, "This run took a few series only, which say little about the targets, which are for all.\n\n")
	}
	var rows [][]string
	for _, g := range r.goals() {
		rows = append(rows, []string{g.name, number(g.format, g.value), g.gate.String(), g.target.String(), g.stretch.String(), g.verdict()})
	}
	table(w, []string{"figure", "measured", "gate", "target", "stretch", ""}, rows)
}

// goals returns all goals with our figures.
func (r *report) goals() []goal {
	m4, n := noFigures(), 0
	if r.m4 != nil {
		m4, n = figuresOf([]*trial{r.m4}, "M4", ourName, engine, nil), len(r.m4.tasks)
	}
	owaTarget, owaStretch := .405, .385 // of the odd-numbered series
	if n == 414 {
		owaTarget, owaStretch = .400, .380
	}
	trace := func(group string, which figure) float64 {
		return figuresOf(r.traces, group, ourName, engine, nil)[which]
	}
	cup := worldCupGroup(worldCupWeeks[0])
	withMatches := figuresOf(r.traces, cup, ourEvents, engine, nil)
	worst, coverage := r.worstCoverage()
	goals := []goal{
		{fmt.Sprintf("M4 hourly OWA, %d series", n), "%.3f", m4[owa], atMost(.430), atMost(owaTarget), atMost(owaStretch)},
		{"M4 hourly sMAPE", "%.2f", m4[sMAPE], atMost(9.3), atMost(8.6), atMost(8.3)},
		{"M4 hourly MASE", "%.3f", m4[mase], atMost(.85), atMost(.78), atMost(.74)},
		{"M4 hourly MSIS 95", "%.2f", m4[msis95], atMost(7.5), atMost(6.8), atMost(6.1)},
		{"M4 hourly, share in the interval of 80 %", "%.4f", m4[within80], atLeast(.72), between(.77, .83), bounds{}},
		{"M4 hourly, share in the interval of 95 %", "%.4f", m4[within95], atLeast(.88), atLeast(.93), bounds{}},
		{fmt.Sprintf("Twitter WAPE, %d series", r.count("Twitter")), "%.3f", trace("Twitter", wape), atMost(.64), atMost(.62), atMost(.58)},
		{"Twitter pinball 90", "%.3f", trace("Twitter", pinball90), atMost(.270), atMost(.260), atMost(.240)},
		{"nyc_taxi WAPE", "%.4f", trace("nyc_taxi", wape), atMost(.080), atMost(.066), atMost(.060)},
		{"nyc_taxi pinball 90", "%.4f", trace("nyc_taxi", pinball90), atMost(.023), atMost(.0195), atMost(.018)},
		{"nasa WAPE", "%.3f", trace("nasa", wape), atMost(.25), atMost(.213), atMost(.20)},
		{"nasa pinball 90", "%.3f", trace("nasa", pinball90), atMost(.060), atMost(.051), atMost(.048)},
		{"taylor WAPE", "%.4f", trace("taylor", wape), atMost(.0062), atMost(.0053), atMost(.0050)},
		{"grok_asg WAPE", "%.3f", trace("grok_asg", wape), atMost(.075), atMost(.064), atMost(.060)},
		{cup + ", matches known, WAPE", "%.3f", withMatches[wape], atMost(.30), atMost(.26), atMost(.24)},
		{cup + ", matches known, pinball 90", "%.3f", withMatches[pinball90], atMost(.10), atMost(.090), atMost(.085)},
		{"below the 90 % quantile, worst trace" + worst, "%.4f", coverage, between(.84, .96), between(.87, .93), bounds{}},
	}
	return append(goals, r.speedGoals()...)
}

// speedGoals returns the goals of times.
func (r *report) speedGoals() []goal {
	var goals []goal
	limits := map[int][3]float64{2016: {20, 8, 5}, 8064: {250, 60, 30}, 40320: {1500, 400, 200}}
	for _, s := range r.speeds {
		l := limits[s.n]
		goals = append(goals, goal{fmt.Sprintf("ms per fit of the bank, %d values", s.n), "%.1f", s.fit.Seconds() * 1e3, atMost(l[0]), atMost(l[1]), atMost(l[2])})
	}
	for _, s := range r.speeds {
		if s.n != sizeForR.n {
			continue
		}
		in := func(d time.Duration) float64 { return d.Seconds() * 1e6 }
		goals = append(goals,
			goal{fmt.Sprintf("µs per new value, %d values", s.n), "%.1f", in(s.update), atMost(20), atMost(5), bounds{}},
			goal{fmt.Sprintf("µs per forecast of %d steps, %d values", stepsAhead, s.n), "%.1f", in(s.forecast), atMost(500), atMost(50), bounds{}})
	}
	return goals
}

// worstCoverage returns the trace, of all of our engine's, whose share of loads
// below the 90 % quantile is farthest from 0.9.
func (r *report) worstCoverage() (name string, share float64) {
	share = math.NaN()
	for _, t := range r.traces {
		for _, result := range t.results {
			if result.source != engine {
				continue
			}
			c := t.score(result, nil)[below90]
			if math.IsNaN(share) || math.Abs(c-.9) > math.Abs(share-.9) {
				name, share = fmt.Sprintf(" (%s)", t.name), c
			}
		}
	}
	return name, share
}
