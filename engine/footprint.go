package engine

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast/footprint"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// appetite is what agents take of one resource of a group of hosts, learned from
// what is measured.
type appetite struct {
	estimator *footprint.Estimator
	learned   time.Time // of the last sample
	estimated time.Time
	upper     map[string]float64
	all       []footprint.Footprint
}

// learnAppetites learns from the hosts that were measured anew and notes with each of
// them what agents take.
func (e *Engine) learnAppetites(s *Settings, now time.Time, seen *observation) {
	kept := make(map[string]*appetite, len(seen.hosts))
	for i := range seen.hosts {
		h := &seen.hosts[i]
		name := policy.HostReading{Hosts: h.Hosts, Resource: h.Resource}.Name()
		a := e.appetites[name]
		if a == nil {
			a = &appetite{estimator: footprint.New(0)}
		}
		if err := e.isolate("what agents take", "", func() { a.learn(s, now, h, seen) }); err != nil {
			continue // and begin anew
		}
		kept[name] = a
		h.PerAgent, h.Footprints = a.upper, a.all
	}
	e.appetites = kept
}

// learn learns from what is measured of a resource.
func (a *appetite) learn(s *Settings, now time.Time, h *HostStatus, seen *observation) {
	on := s.on(h.Hosts)
	if agents, known := seen.running(s, on); known && h.Sample.Quality == policy.OK && h.Sample.Time.After(a.learned) {
		a.estimator.Observe(h.Sample.Time, h.Sample.Value, agents)
		a.learned = h.Sample.Time
	}
	if a.estimated.IsZero() || now.Sub(a.estimated) >= s.Step || now.Before(a.estimated) {
		names := make([]string, len(on))
		for k, place := range on {
			names[k] = s.Pools[place].Pool.Name
		}
		a.estimated, a.all = now, footprint.Complete(a.estimator.Estimate(), names)
		a.upper = footprint.Upper(a.all)
	}
}

// on returns the places of the pools that are on a group of hosts.
func (s *Settings) on(hosts string) []int {
	var places []int
	for i, spec := range s.Pools {
		if hosts == "" || spec.Pool.Hosts == hosts {
			places = append(places, i)
		}
	}
	return places
}

// running returns the agents of the pools that are ready; not known while one of them
// is not.
func (seen *observation) running(s *Settings, pools []int) (agents map[string]float64, known bool) {
	agents = map[string]float64{}
	for _, i := range pools {
		if !seen.counts[i].Known {
			return nil, false
		}
		agents[s.Pools[i].Pool.Name] = float64(seen.counts[i].Ready)
	}
	return agents, true
}

// predicted returns what the hosts will be used by the agents decided on, in percent;
// NaN while they are not measured, or nothing is known of what agents take.
func (h HostStatus) predicted(decisions []policy.Decision) float64 {
	if h.Sample.Quality != policy.OK || len(h.PerAgent) == 0 {
		return math.NaN()
	}
	sum := h.Sample.Value
	for _, d := range decisions {
		sum += float64(d.Desired-d.Current) * h.footprint(d.Pool).PerAgent
	}
	return max(sum, 0)
}

// footprint returns that of a pool's agents; zero of a pool on other hosts.
func (h HostStatus) footprint(pool string) footprint.Footprint {
	i, found := slices.BinarySearchFunc(h.Footprints, pool, func(f footprint.Footprint, name string) int { return strings.Compare(f.Pool, name) })
	if !found {
		return footprint.Footprint{}
	}
	return h.Footprints[i]
}
