package main

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// A league is a pool's load in some weeks with games, drawn from a seed. It is the product of
//
//   - a level, which is log-normal around 300 pieces of work a minute and drifts: from one
//     day's noon to the next by a normal step in the logarithm, 0.03, and back by a tenth of
//     what it is away; each day's own deviation is normal, 0.05;
//   - the hours of the day: 0.28, a bell around lunch and one in the evening. Their heights are
//     uniform from 0.2 to 0.4 and from 0.5 to 0.9, their hours from 12 to 14 and from 19 to 21,
//     their widths from 1.5 to 3 and from 1.2 to 2.2 hours;
//   - the days of the week: log-normal, 0.1;
//   - the games: the largest effect of those that go on;
//   - the news: the same;
//   - slow noise: an autoregression of the logarithm, minute by minute, with a deviation of
//     0.05 and a time constant of ten minutes.
//
// What is counted in a minute is negative binomial around that: Poisson, with a rate that is
// gamma with a deviation of 5 %. The load is the rate over five minutes, as PromQL's
// rate(work_total[5m]) tells it.
//
// Only the calendar knows the announced start and end of each game, nobody the rest.
type league struct {
	load     forecast.Series
	expected forecast.Series // the load without the noise
	games    []game          // by announced start
}

// A game is announced for two and a half hours. What comes of it is drawn:
//
//   - each weekday has a chance of 0.2 to 0.8 that a game is on, uniform; a game of a weekend is
//     in the afternoon with a chance of 0.3, and every fourth evening has a second, late game;
//   - it starts 5 to 15 minutes after what was announced, one in twenty half an hour later still;
//   - it lasts 2 h 20 min with a deviation of 12 minutes, one in twelve half an hour longer;
//   - its factor is 1 and a log-normal number around 1.2, deviation 0.4: 90 % are between 1.6
//     and 3.3. Its share of that is 0.6 to 1 at the start and goes up or down to 0.8 to 1.4 at
//     the end;
//   - people come in the 10 to 40 minutes before, and go with a half-life of 10 to 40 minutes.
type game struct {
	announced  time.Time
	start, end time.Time
	factor     float64
	first      float64 // share of the factor at the start
	last       float64 // at the end
	ramp, fade time.Duration
}

const gameLength = 150 * time.Minute // as announced

// burst is breaking news. There are two a week (Poisson), at any time from 7 to 24 o'clock;
// the factor is 1 and a log-normal number around 1, deviation 0.4; it comes within 2 to 10
// minutes and dies away with a half-life of 10 to 40 minutes.
type burst struct {
	start      time.Time
	factor     float64
	rise, fade time.Duration
}

// newLeague draws the league of a seed: its load minute by minute from an instant, which is
// midnight in its zone, for some weeks.
func newLeague(seed uint64, from time.Time, weeks int) league {
	r := dice{rand.New(rand.NewPCG(seed, 0))}
	ordinary := r.ordinary(from, 7*weeks)
	var chances [7]float64
	for i := range chances {
		chances[i] = r.uniform(0.2, 0.8)
	}
	var l league
	var news []burst
	for i := range 7 * weeks {
		day := from.AddDate(0, 0, i)
		l.games = append(l.games, r.games(day, chances[day.Weekday()])...)
		for range int(r.poisson(2. / 7)) {
			news = append(news, r.burst(day))
		}
	}
	const memory = 10 // minutes
	kept := math.Exp(-1. / memory)
	var expected, counts []float64
	slow := 0.0
	for t := from; t.Before(from.AddDate(0, 0, 7*weeks)); t = t.Add(time.Minute) {
		game, burst := 1.0, 1.0
		for _, g := range l.games {
			game = max(game, g.at(t))
		}
		for _, b := range news {
			burst = max(burst, b.at(t))
		}
		y := ordinary.at(t) * game * burst
		slow = kept*slow + math.Sqrt(1-kept*kept)*0.05*r.NormFloat64()
		expected = append(expected, y)
		counts = append(counts, r.poisson(y*math.Exp(slow)*r.gamma(0.05)))
	}
	l.load, l.expected = rated(from, counts), rated(from, expected)
	return l
}

// ordinary is the load without games, news and noise.
type ordinary struct {
	level          float64
	lunch, evening bell
	weekdays       [7]float64
	from           time.Time
	days           []float64 // logarithm of each day's level, from the first noon
}

// bell is a normal curve over the hours of the day.
type bell struct{ height, hour, width float64 }

func (b bell) at(hour float64) float64 {
	d := math.Abs(hour - b.hour)
	d = min(d, 24-d) / b.width
	return b.height * math.Exp(-d*d/2)
}

func (r dice) ordinary(from time.Time, days int) ordinary {
	o := ordinary{level: 300 * r.logNormal(0.3), from: from}
	o.lunch = bell{r.uniform(0.2, 0.4), r.uniform(12, 14), r.uniform(1.5, 3)}
	o.evening = bell{r.uniform(0.5, 0.9), r.uniform(19, 21), r.uniform(1.2, 2.2)}
	for i := range o.weekdays {
		o.weekdays[i] = r.logNormal(0.1)
	}
	drift := 0.0
	for range days + 1 {
		drift = 0.9*drift + 0.03*r.NormFloat64()
		o.days = append(o.days, drift+0.05*r.NormFloat64())
	}
	return o
}

func (o ordinary) at(t time.Time) float64 {
	local := t.In(o.from.Location())
	hour := float64(local.Hour()) + float64(local.Minute())/60
	place := max(t.Sub(o.from).Hours()/24-0.5, 0) // in days from the first noon
	i, share := int(place), place-math.Floor(place)
	day := math.Exp((1-share)*o.days[i] + share*o.days[i+1])
	return o.level * o.weekdays[local.Weekday()] * day * (0.28 + o.lunch.at(hour) + o.evening.at(hour))
}

// rated returns the means of five minutes.
func rated(from time.Time, counts []float64) forecast.Series {
	out := forecast.Series{Start: from, Step: time.Minute}
	for i := range counts {
		last := counts[max(0, i-4) : i+1]
		out.Values = append(out.Values, floats.Sum(last)/float64(len(last)))
	}
	return out
}

// at returns what a game multiplies the load by.
func (g game) at(t time.Time) float64 {
	share := 0.0
	switch {
	case t.After(g.end):
		share = g.last * math.Exp2(-float64(t.Sub(g.end))/float64(g.fade))
	case t.After(g.start):
		share = g.first + (g.last-g.first)*float64(t.Sub(g.start))/float64(g.end.Sub(g.start))
	case t.After(g.start.Add(-g.ramp)):
		share = g.first * (1 - float64(g.start.Sub(t))/float64(g.ramp))
	}
	return 1 + (g.factor-1)*share
}

// at returns what news multiply the load by.
func (b burst) at(t time.Time) float64 {
	since := t.Sub(b.start)
	if since < 0 {
		return 1
	}
	share := min(1, float64(since)/float64(b.rise)) * math.Exp2(-float64(max(since-b.rise, 0))/float64(b.fade))
	return 1 + (b.factor-1)*share
}

// dice draw from distributions.
type dice struct{ *rand.Rand }

// games draws those of a day.
func (r dice) games(day time.Time, chance float64) []game {
	if r.Float64() >= chance {
		return nil
	}
	at := func(hour float64) time.Time { // on the wall clock, at half past or full
		return time.Date(day.Year(), day.Month(), day.Day(), 0, int(2*hour)*30, 0, 0, day.Location())
	}
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	switch afternoon, double := r.Float64() < 0.3, r.Float64() < 0.25; {
	case weekend && afternoon:
		return []game{r.game(at(r.uniform(13, 16.5)))}
	case double:
		return []game{r.game(at(r.uniform(18.5, 20))), r.game(at(r.uniform(21.5, 22.5)))}
	}
	return []game{r.game(at(r.uniform(18.5, 21)))}
}

// game draws what comes of a game.
func (r dice) game(announced time.Time) game {
	g := game{announced: announced, start: announced.Add(r.minutes(5, 15))}
	if r.Float64() < 1./20 {
		g.start = g.start.Add(30 * time.Minute)
	}
	g.end = g.start.Add(time.Duration((140 + 12*r.NormFloat64()) * float64(time.Minute)))
	if r.Float64() < 1./12 {
		g.end = g.end.Add(30 * time.Minute)
	}
	g.factor = 1 + 1.2*r.logNormal(0.4)
	g.first, g.last = r.uniform(0.6, 1), r.uniform(0.8, 1.4)
	g.ramp, g.fade = r.minutes(10, 40), r.minutes(10, 40)
	return g
}

// burst draws news of a day.
func (r dice) burst(day time.Time) burst {
	return burst{start: day.Add(r.minutes(7*60, 24*60)), factor: 1 + r.logNormal(0.4), rise: r.minutes(2, 10), fade: r.minutes(10, 40)}
}

func (r dice) uniform(from, to float64) float64 { return from + (to-from)*r.Float64() }

func (r dice) minutes(from, to float64) time.Duration {
	return time.Duration(r.uniform(from, to) * float64(time.Minute))
}

// logNormal is around 1, with a deviation of the logarithm.
func (r dice) logNormal(deviation float64) float64 { return math.Exp(deviation * r.NormFloat64()) }

func (r dice) poisson(mean float64) float64 { return distuv.Poisson{Lambda: mean, Src: r.Rand}.Rand() }

// gamma has mean 1 and a deviation.
func (r dice) gamma(deviation float64) float64 {
	shape := 1 / (deviation * deviation)
	return distuv.Gamma{Alpha: shape, Beta: shape, Src: r.Rand}.Rand()
}
