package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// sources are the series that make up a pool's load, and their shares.
var sources = []struct {
	name  string
	share float64
}{{"feeds", 0.6}, {"mentions", 0.4}}

// dailyTweets is what the provider allows a league.
const dailyTweets = 17

// recorder turns the world into samples. Counters only ever rise.
type recorder struct {
	world  *world
	engine *promengine.Engine
	tweets map[string]float64
	today  map[string]int // tweets of the local day, by pool and date
	idle   float64        // seconds
	busy   float64
	last   time.Time
}

func newRecorder(w *world, e *promengine.Engine) *recorder {
	return &recorder{world: w, engine: e, tweets: map[string]float64{}, today: map[string]int{}}
}

func series(name string, pairs ...string) labels.Labels {
	return labels.FromStrings(append([]string{"__name__", name}, pairs...)...)
}

// loads samples the loads and the tweets of all pools at t.
func (r *recorder) loads(t time.Time, interval time.Duration) []promengine.Sample {
	var samples []promengine.Sample
	for _, p := range r.world.pools {
		y := r.world.loadOf(p, t)
		for _, s := range sources {
			samples = append(samples, promengine.Sample{Labels: series("agent_load", "league", p.label(), "source", s.name), Time: t, Value: s.share * y})
		}
		day := p.name + t.In(r.world.zone).Format(time.DateOnly)
		if r.world.posted(p, t, interval) && r.today[day] < dailyTweets {
			r.today[day]++
			r.tweets[p.name]++
		}
		samples = append(samples, promengine.Sample{Labels: series("tweets_posted_total", "league", p.label()), Time: t, Value: r.tweets[p.name]})
	}
	return samples
}

// Hosts: what they have, what is used without agents, and what an agent uses.
const (
	hostCores    = 16
	hostMemory   = 64 << 30
	idleCPU      = 0.06
	agentCPU     = 0.0085 // of all cores
	idleMemory   = 0.12
	agentMemory  = 0.0055 // of all memory
	historyStep  = 5 * time.Minute
	historySpan  = 28 * 24 * time.Hour
	scrapeStep   = 15 * time.Second
	recentlySpan = time.Hour // before the start, in which samples lie as close as scrapes
)

// hosts samples the hosts' counters and gauges as node_exporter exports them.
func (r *recorder) hosts(t time.Time, agents int) []promengine.Sample {
	if !r.last.IsZero() {
		used := min(1, idleCPU+agentCPU*float64(agents))
		seconds := t.Sub(r.last).Seconds() * hostCores
		r.busy += used * seconds
		r.idle += (1 - used) * seconds
	}
	r.last = t
	memory := min(1, idleMemory+agentMemory*float64(agents))
	return []promengine.Sample{
		{Labels: series("node_cpu_seconds_total", "mode", "idle"), Time: t, Value: r.idle},
		{Labels: series("node_cpu_seconds_total", "mode", "user"), Time: t, Value: r.busy},
		{Labels: series("node_memory_MemTotal_bytes"), Time: t, Value: hostMemory},
		{Labels: series("node_memory_MemAvailable_bytes"), Time: t, Value: hostMemory * (1 - memory)},
	}
}

// fill records the weeks before start and calls progress with the share that is
// done.
func (r *recorder) fill(ctx context.Context, start time.Time, agents int, progress func(float64)) error {
	first := start.Add(-historySpan).Truncate(historyStep)
	step := historyStep
	var batch []promengine.Sample
	for t := first; t.Before(start); t = t.Add(step) {
		if start.Sub(t) <= recentlySpan {
			step = scrapeStep
		}
		if !r.world.missing(t) {
			batch = append(batch, r.loads(t, step)...)
			batch = append(batch, r.hosts(t, agents)...)
		}
		if len(batch) > 20_000 {
			if err := r.append(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
			progress(float64(t.Sub(first)) / float64(historySpan))
		}
	}
	progress(1)
	return r.append(ctx, batch)
}

func (r *recorder) append(ctx context.Context, samples []promengine.Sample) error {
	if err := r.engine.Append(ctx, samples); err != nil {
		return fmt.Errorf("record the demo's world: %w", err)
	}
	return nil
}
