package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// How the recent load is read.
const (
	reactiveSamples = 3                // fresh samples whose mean is the reactive load
	trendSamples    = 5                // fresh samples whose slope is extrapolated
	sampleMemory    = 10 * time.Minute // older samples say nothing about now
	absurdFactor    = 10               // a forecast this many times the largest load ever seen is not believed
)

const (
	maxAgents = 1 << 20 // more than any pool has; fits an int
	noise     = 1e-9    // so that 5.0000000001 agents are 5
)

// wholeAgents rounds up to agents. It bounds before it converts: a conversion
// of a number out of range may give any int.
func wholeAgents(x float64) int {
	return int(min(max(math.Ceil(x-noise), 0), maxAgents))
}

// candidates returns every answer to how large the demand is, with at most one
// of them chosen: the largest.
func (p Policy) candidates(in Input, st State) []Candidate {
	reactive, forecast := p.reactiveCandidate(in, st.Samples), p.forecastCandidate(in)
	cs := []Candidate{reactive, forecast}
	lost := p.Pool.OnDataLoss
	due := st.unknownFor(in.Now) >= lost.After
	switch {
	case reactive.Dropped == "" && forecast.Dropped == "":
	case reactive.Dropped == "" || forecast.Dropped != "" && due && lost.Then == ThenProfile:
		cs = append(cs, p.profileCandidate(in))
	case due && lost.Then == ThenAgents:
		cs = append(cs, p.standIn(lost.Agents))
	case forecast.Dropped != "":
		cs = append(cs, p.standIn(st.Current.Agents))
	}
	best := -1
	for i := range cs {
		cs[i].Agents = finite(cs[i].Load / p.Pool.PerAgent)
		if cs[i].Dropped == "" && (best < 0 || cs[i].Agents > cs[best].Agents) {
			best = i
		}
	}
	if best >= 0 {
		cs[best].Chosen = true
	}
	return cs
}

func (p Policy) reactiveCandidate(in Input, samples []Point) Candidate {
	c := Candidate{Source: "reactive"}
	switch in.Load.Quality {
	case Partial:
		c.Load = in.Load.Value // may raise; the caller does not let it lower
	case OK:
		c.Load = mean(samples[max(0, len(samples)-reactiveSamples):])
		if burst, ok := p.burst(in, samples); ok && burst > c.Load {
			c.Load, c.Rising = burst, true
		}
	default:
		c.Dropped = "load is " + in.Load.Quality.String()
		if in.Load.Detail != "" {
			c.Dropped += ": " + in.Load.Detail
		}
	}
	return c
}

// burst extrapolates a load that the forecast did not see coming: while the
// last two samples exceed its 99 % quantile, the load at the end of the lead
// time is the last sample plus the least-squares slope of the recent ones times
// the lead time, at most twice the last sample.
func (p Policy) burst(in Input, samples []Point) (load float64, ok bool) {
	n := len(samples)
	// An upper quantile that is not a number was not exceeded.
	if n < 2 || in.Outlook.Model == "" || !(min(samples[n-1].Value, samples[n-2].Value) > in.Outlook.Upper) {
		return 0, false
	}
	last := samples[n-1].Value
	growth := slope(samples[max(0, n-trendSamples):]) * p.Pool.LeadTime.Seconds()
	return finite(min(last+max(growth, 0), 2*last)), true
}

func (p Policy) forecastCandidate(in Input) Candidate {
	o := in.Outlook
	c := Candidate{Source: "forecast", Load: o.Load, At: o.At}
	switch age := in.Now.Sub(o.Origin); {
	case o.Model == "":
		c.Dropped = "no forecast yet"
	case math.IsNaN(o.Load) || math.IsInf(o.Load, 0) || o.Load < 0:
		c.Load, c.Absurd, c.Dropped = 0, true, fmt.Sprintf("absurd: %v", o.Load)
	case in.LargestLoad > 0 && o.Load > absurdFactor*in.LargestLoad:
		c.Absurd, c.Dropped = true, fmt.Sprintf("absurd: more than %d times the largest load seen, %s", absurdFactor, number(in.LargestLoad))
	case age > p.Pool.ForecastMaxAge:
		c.Dropped = fmt.Sprintf("%s old, at most %s allowed", age.Round(time.Second), p.Pool.ForecastMaxAge)
	}
	return c
}

// profileCandidate is the load that base agents serve, with the largest known
// effect of the lead time.
func (p Policy) profileCandidate(in Input) Candidate {
	c := Candidate{Source: "profile"}
	for t := in.Now; !t.After(in.Now.Add(p.Pool.LeadTime)); t = t.Add(time.Minute) {
		// Without a forecast there is nothing learned, and what is declared counts.
		e := in.Timeline.combined(in.Timeline.acting(in.Timeline.at(t)), anyRule)
		load := finite(finite(float64(p.Pool.Agents.Base)*e.factor+e.add) * p.Pool.PerAgent)
		if c.At.IsZero() || load > c.Load {
			c.Load, c.At = load, t
		}
	}
	return c
}

// standIn is the load that so many agents serve.
func (p Policy) standIn(agents int) Candidate {
	return Candidate{Source: "data_loss", Load: finite(float64(agents) * p.Pool.PerAgent)}
}

// unknownFor returns how long the load has not been known.
func (st State) unknownFor(now time.Time) time.Duration {
	if st.LoadKnown.IsZero() {
		return now.Sub(st.Since)
	}
	return now.Sub(st.LoadKnown)
}

func mean(ps []Point) float64 {
	sum := 0.0
	for _, p := range ps {
		sum += p.Value / float64(len(ps)) // divided first: two huge loads must not overflow
	}
	return sum
}

// slope returns the least-squares slope of the points per second; 0 for fewer
// than two instants.
func slope(ps []Point) float64 {
	if len(ps) < 2 {
		return 0
	}
	origin := ps[0].Time
	var mt float64
	for _, p := range ps {
		mt += p.Time.Sub(origin).Seconds() / float64(len(ps))
	}
	mv := mean(ps)
	var num, den float64
	for _, p := range ps {
		dt := p.Time.Sub(origin).Seconds() - mt
		num += dt * (p.Value - mv)
		den += dt * dt
	}
	if den == 0 || math.IsNaN(num) || math.IsInf(num, 0) {
		return 0
	}
	return num / den
}

// number prints a load for people: three significant digits below a hundred,
// whole above.
func number(x float64) string {
	if !(math.Abs(x) < 100) {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// length prints a duration in whole seconds the way people write it: 10m, not
// 10m0s.
func length(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
