package engine

import (
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
		kept[name] = a
		if agents, known := seen.running(s, h.Hosts); known && h.Sample.Quality == policy.OK && h.Sample.Time.After(a.learned) {
			a.estimator.Observe(h.Sample.Time, h.Sample.Value, agents)
			a.learned = h.Sample.Time
		}
		if a.estimated.IsZero() || now.Sub(a.estimated) >= s.Step || now.Before(a.estimated) {
			a.estimated, a.all = now, a.estimator.Estimate()
			a.upper = footprint.Upper(a.all)
		}
		h.PerAgent, h.Footprints = a.upper, a.all
	}
	e.appetites = kept
}

// running returns the agents of the pools on a group of hosts that are ready; not
// known while one of them is not.
func (seen *observation) running(s *Settings, hosts string) (agents map[string]float64, known bool) {
	agents = map[string]float64{}
	for i, spec := range s.Pools {
		if hosts != "" && spec.Pool.Hosts != hosts {
			continue
		}
		if !seen.counts[i].Known {
			return nil, false
		}
		agents[spec.Pool.Name] = float64(seen.counts[i].Ready)
	}
	return agents, true
}
