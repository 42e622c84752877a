package engine

import (
	"math"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// I4: what agents take of the hosts is learned while they come and go, and pools grow
// as far as it is predicted to fit, not until the limit is reached.
func TestPoolsGrowAsFarAsTheHostsCarry(t *testing.T) {
	const idle, perNBA, perNFL, limit = 8, 0.5, 2, 80
	burst := false
	w := newWorld(nil, map[string]int{"nba": 10, "nfl": 4})
	w.load = func(pool string, at time.Time) float64 {
		hour := float64(at.Unix()%86400) / 3600
		switch {
		case pool == "": // the hosts' CPU
			return idle + perNBA*float64(w.agents["nba"]) + perNFL*float64(w.agents["nfl"])
		case pool == "nfl" && burst:
			return 400
		case pool == "nfl":
			return 60 + 30*math.Sin(2*math.Pi*hour/5)
		}
		return 200 + 100*math.Sin(2*math.Pi*hour/24)
	}
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("nfl"))
	s.Hosts = []Host{{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: limit}}
	e.Apply(s)
	now := start
	tick := func() { e.Tick(t.Context(), now); now = now.Add(5 * time.Minute) }
	tick()
	if h := e.Snapshot().Hosts[0]; len(h.PerAgent) > 0 {
		t.Errorf("known from one sample: %v", h.PerAgent)
	}
	for now.Before(start.Add(48 * time.Hour)) {
		tick()
	}
	h := e.Snapshot().Hosts[0]
	for pool, want := range map[string]float64{"nba": perNBA, "nfl": perNFL} {
		if got := h.PerAgent[pool]; got < want || got > 1.3*want {
			t.Errorf("an agent of %s takes at most %.2f %%, want a little more than %.2f: %+v", pool, got, want, h.Footprints)
		}
	}
	burst = true
	for range 3 { // what is asked for is the mean of so many samples
		tick()
	}
	d := e.Snapshot().Pools[1].Decision
	if last := d.Reasons[len(d.Reasons)-1]; last.Code != policy.ReasonHostFit || d.Desired >= 40 {
		t.Errorf("from %d to %d agents by %+v, want fewer than 40 by host_fit", d.Current, d.Desired, d.Reasons)
	}
	if cpu := w.load("", now); cpu > limit || cpu < limit-15 {
		t.Errorf("the hosts are at %.0f %% then, want nearly and at most %d", cpu, limit)
	}
}

// While the agents of one pool are not known nothing is learned.
func TestFootprintsNeedAllCounts(t *testing.T) {
	w := newWorld(flat(100), map[string]int{"nba": 10})
	e := newEngine(t)
	s := settings(w, spec("nba"), spec("gone"))
	s.Hosts = []Host{{Resource: "cpu", Signal: policy.Signal{Query: "cpu"}, Limit: 80}, {Hosts: "gpu", Resource: "cpu", Signal: policy.Signal{Query: "gpu"}, Limit: 80}}
	s.Pools[0].Pool.Hosts = "gpu"
	e.Apply(s)
	e.Tick(t.Context(), start)
	if e.appetites["cpu"].learned != (time.Time{}) {
		t.Error("learned without a count")
	}
	if e.appetites["gpu cpu"].learned.IsZero() {
		t.Error("a group whose counts are all known learned nothing")
	}
}
