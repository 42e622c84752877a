package engine

import (
	"math"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast/footprint"
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

func TestHostsArePredicted(t *testing.T) {
	measured := policy.Sample{Value: 40, Quality: policy.OK}
	h := HostStatus{
		Sample: measured, PerAgent: map[string]float64{"nba": 2, "nfl": 5},
		Footprints: []footprint.Footprint{{Pool: "nba", Known: true, PerAgent: 1}, {Pool: "nfl", PerAgent: 4}},
	}
	unknown, lost := h, h
	unknown.PerAgent = nil
	lost.Sample.Quality = policy.Stale
	from := func(pool string, current, desired int) policy.Decision {
		return policy.Decision{Pool: pool, Current: current, Desired: desired}
	}
	for _, tt := range []struct {
		name      string
		h         HostStatus
		decisions []policy.Decision
		want      float64
	}{
		{"nothing moves", h, []policy.Decision{from("nba", 5, 5)}, 40},
		{"more and fewer, and a pool elsewhere", h, []policy.Decision{from("mlb", 1, 30), from("nba", 5, 15), from("nfl", 5, 3)}, 42},
		{"never below nothing", h, []policy.Decision{from("nfl", 30, 3)}, 0},
		{"no footprints", unknown, []policy.Decision{from("nba", 5, 5)}, math.NaN()},
		{"not measured", lost, []policy.Decision{from("nba", 5, 5)}, math.NaN()},
	} {
		if got := tt.h.predicted(tt.decisions); got != tt.want && !(math.IsNaN(got) && math.IsNaN(tt.want)) {
			t.Errorf("%s: %g %%, want %g", tt.name, got, tt.want)
		}
	}
}
