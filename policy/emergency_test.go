package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// danger cuts a third after two samples, not again within five minutes, and lets pools
// grow after ten minutes below the limits.
var danger = EmergencyLimits{Percent: map[string]float64{"cpu": 90, "memory": 85}, Samples: 2, Reduce: 0.3, Settle: 5 * time.Minute, Resume: 10 * time.Minute}

// ticking runs ticks of half a minute with a new CPU reading each and returns what the
// pool gets, which has and wants the same all the time.
func ticking(e EmergencyLimits, c Claim, readings ...HostReading) (agents []int, st EmergencyState) {
	st = EmergencyState{}
	for i, h := range readings {
		now := noon.Add(time.Duration(i) * 30 * time.Second)
		if h.Percent.Time.IsZero() {
			h.Percent.Time = now
		}
		var ds []Decision
		ds, st = e.Emergency([]Claim{c}, []Decision{c.Decision}, []HostReading{h}, now, st)
		agents = append(agents, ds[0].Desired)
	}
	return agents, st
}

func cpu(percents ...float64) []HostReading {
	var out []HostReading
	for _, x := range percents {
		out = append(out, HostReading{Resource: "cpu", Limit: 80, Percent: Sample{Value: x, Quality: OK}})
	}
	return out
}

func unknown(q Quality) HostReading {
	return HostReading{Resource: "cpu", Limit: 80, Percent: Sample{Value: 99, Quality: q, Time: noon}}
}

// repeated is the reading of another tick once more, n times.
func repeated(n int, h HostReading, at time.Duration) []HostReading {
	h.Percent.Time = noon.Add(at)
	return slices.Repeat([]HostReading{h}, n)
}

// I8, I12, I13: when an emergency begins, cuts again and ends. Ten agents want twelve
// all the time; a cut leaves seven.
func TestEmergencyTakesItsTime(t *testing.T) {
	without := danger
	without.Percent = map[string]float64{"memory": 85}
	soon, late, never := danger, danger, danger
	late.Settle = 2 * time.Minute
	soon.Settle, soon.Resume = time.Minute, time.Minute
	never.Samples = 0
	many := func(n int, x float64) []HostReading { return slices.Repeat(cpu(x), n) }
	for _, tt := range []struct {
		name     string
		limits   EmergencyLimits
		readings []HostReading
		want     []int
	}{
		{"calm", danger, cpu(50, 60, 50), []int{12, 12, 12}},
		{"in danger from the second sample on", danger, cpu(91, 91), []int{12, 7}},
		{"at the threshold is no danger", danger, cpu(90, 90, 90), []int{12, 12, 12}},
		{"samples must be in a row", danger, cpu(91, 89, 91, 89, 91, 91), []int{12, 12, 12, 12, 12, 7}},
		{"one sample counts once", danger, slices.Concat(repeated(3, cpu(99)[0], 0), cpu(99)), []int{12, 12, 12, 7}},
		{"an older sample does not count", danger, slices.Concat(cpu(99), repeated(3, cpu(99)[0], -time.Minute), cpu(99)), []int{12, 12, 12, 12, 7}},
		{"what is not known does not count", danger, slices.Concat(cpu(91), []HostReading{unknown(Stale), unknown(Error), unknown(NaN), unknown(Partial), unknown(Empty)}), []int{12, 12, 12, 12, 12, 12}},
		{"nor does it break the row", danger, slices.Concat(cpu(91), []HostReading{unknown(Stale)}, cpu(91)), []int{12, 12, 7}},
		{"a resource that is not watched is no danger", without, cpu(99, 99, 99), []int{12, 12, 12}},
		{"without samples there is none", never, cpu(99, 99, 99), []int{12, 12, 12}},
		{"then pools are held", danger, cpu(99, 99, 70, 70), []int{12, 7, 10, 10}},
		{"no second cut before it settled", danger, many(12, 99), []int{12, 7, 10, 10, 10, 10, 10, 10, 10, 10, 10, 7}},
		{"nor without new samples", soon, slices.Concat(cpu(99, 99), repeated(5, cpu(99)[0], 30*time.Second)), []int{12, 7, 10, 10, 10, 10, 10}},
		{"of which one is not enough", soon, slices.Concat(cpu(99, 99), repeated(2, cpu(99)[0], 30*time.Second), repeated(2, cpu(99)[0], 2*time.Minute), cpu(99)), []int{12, 7, 10, 10, 10, 10, 7}},
		{"nor while nothing is known", late, slices.Concat(cpu(99, 99, 99, 99), []HostReading{unknown(Stale), unknown(Stale)}, cpu(99)), []int{12, 7, 10, 10, 10, 10, 7}},
		{"it ends after the hosts were calm for long enough", soon, cpu(99, 99, 79, 79, 79, 79), []int{12, 7, 10, 10, 12, 12}},
		{"at the limit they are not calm", soon, cpu(99, 99, 79, 80, 79, 79, 79), []int{12, 7, 10, 10, 10, 10, 12}},
		{"nor when nothing is known", soon, slices.Concat(cpu(99, 99, 79), []HostReading{unknown(Stale), unknown(Stale), unknown(Stale)}, cpu(79, 79, 79)), []int{12, 7, 10, 10, 10, 10, 10, 10, 12}},
		{"a new danger begins anew", soon, cpu(99, 99, 79, 79, 79, 99, 99), []int{12, 7, 10, 10, 12, 12, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := ticking(tt.limits, claim("nba", 10, 12), tt.readings...); !slices.Equal(got, tt.want) {
				t.Errorf("agents: got %v, want %v", got, tt.want)
			}
		})
	}
}

// A cut that was not carried out is made again at the next sample in danger, of the
// pools that it failed for only.
func TestEmergencyCutsAgainWhatFailed(t *testing.T) {
	claims := []Claim{claim("deaf", 10, 12), claim("nba", 10, 12)}
	for _, tt := range []struct {
		name  string
		group string // that the readings are of and the pools on
		cpu   float64
		want  []int
	}{
		{"in danger", "", 91, []int{7, 7}},
		{"in danger, on hosts of a group", "gpu", 91, []int{7, 7}},
		{"not in danger any more", "", 90, []int{10, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range claims {
				claims[i].Pool.Hosts = tt.group
			}
			st := EmergencyState{}
			tick := func(i int, cpu float64, current ...int) []int {
				now := noon.Add(time.Duration(i) * 30 * time.Second)
				var ds []Decision
				for k, c := range claims {
					c.Decision.Current = current[k]
					ds = append(ds, c.Decision)
				}
				hosts := []HostReading{{Hosts: tt.group, Resource: "cpu", Limit: 80, Percent: Sample{Value: cpu, Quality: OK, Time: now}}}
				var got []int
				ds, st = danger.Emergency(claims, ds, hosts, now, st)
				for _, d := range ds {
					got = append(got, d.Desired)
				}
				return got
			}
			tick(0, 99, 10, 10)
			if got := tick(1, 99, 10, 10); !slices.Equal(got, []int{7, 7}) {
				t.Fatalf("cut to %v", got)
			}
			given := st
			st = st.NotCarriedOut(claims[0].Pool)
			if len(given[tt.group].Failed) > 0 {
				t.Error("the state that was given is changed")
			}
			if got := tick(2, tt.cpu, 10, 7); !slices.Equal(got, tt.want) {
				t.Errorf("cut again to %v, want %v", got, tt.want)
			}
			if got := tick(3, 99, tt.want[0], 7); tt.cpu > 90 && !slices.Equal(got, []int{7, 7}) {
				t.Errorf("and once more to %v", got)
			}
		})
	}
}

// I12, I14: every pool loses its share, at least one agent, and keeps at least one.
// It bypasses minimum, override, cooldown and mode, and raises nobody.
func TestEmergencyCuts(t *testing.T) {
	for _, tt := range []struct {
		claim     Claim
		reduce    float64
		want      int
		why       []Code
		permitted bool
	}{
		{claim("loses a share", 10, 10), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("rounded up", 10, 10), 0.31, 6, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("but for noise", 100, 100), 0.07, 93, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("at least one", 10, 10), 0.001, 9, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("even of no share", 10, 10), 0, 9, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("keeps one of two", 2, 2), 0.3, 1, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("keeps one of many", 10, 10), 1, 1, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("keeps its last one", 1, 1), 0.3, 1, []Code{ReasonReactive}, true},
		{claim("has none", 0, 0), 0.3, 0, []Code{ReasonReactive}, true},
		{claim("may lose its last one for lack of demand", 1, 0), 0.3, 0, []Code{ReasonReactive}, true},
		{claim("wants to grow", 10, 20), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("has one and wants to grow", 1, 20), 0.3, 1, []Code{ReasonReactive, ReasonEmergencyHold}, true},
		{claim("has none and wants to grow", 0, 20), 0.3, 0, []Code{ReasonReactive, ReasonEmergencyHold}, true},
		{claim("shrinks less", 10, 9), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("shrinks more", 10, 3), 0.3, 3, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("is above its minimum", 10, 10, least(10)), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("may not shrink", 10, 10, mode(ScaleUpOnly)), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("is disabled", 10, 10, frozen), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("is disabled and was lowered already", 10, 5, frozen), 0.3, 5, []Code{ReasonReactive, ReasonEmergency}, true},
		{claim("is in dry run, and told", 10, 10, mode(DryRun)), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, false},
		{claim("is not known", 10, 10, func(c *Claim) { c.Decision.Known = false }), 0.3, 10, []Code{ReasonReactive}, true},
		{claim("runs elsewhere", 10, 20, on("gpu")), 0.3, 7, []Code{ReasonReactive, ReasonEmergency}, true},
	} {
		t.Run(tt.claim.Pool.Name, func(t *testing.T) {
			e := danger
			e.Reduce = tt.reduce
			st := EmergencyState{}
			given := []Decision{tt.claim.Decision}
			var ds []Decision
			for i := range 2 {
				now := noon.Add(time.Duration(i) * time.Minute)
				hosts := cpu(95)
				hosts[0].Percent.Time = now
				ds, st = e.Emergency([]Claim{tt.claim}, given, hosts, now, st)
			}
			d := ds[0]
			checkChain(t, d)
			if d.Desired != tt.want || d.Emergency != (tt.why[len(tt.why)-1] == ReasonEmergency) {
				t.Errorf("got %d, emergency %t; want %d: %+v", d.Desired, d.Emergency, tt.want, d.Reasons)
			}
			if diff := cmp.Diff(tt.why, codes(d)); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if moved := d.Direction() != None; moved && d.Permitted() != tt.permitted {
				t.Errorf("permitted: %t, want %t", d.Permitted(), tt.permitted)
			}
			if diff := cmp.Diff(tt.claim.Decision, given[0]); diff != "" {
				t.Errorf("the decision that was given is changed:\n%s", diff)
			}
		})
	}
}

// Each group of hosts has its own emergency; a pool on hosts of a group is concerned by
// those of all pools as well, and is not cut twice for the two.
func TestEmergencyKeepsGroupsApart(t *testing.T) {
	claims := []Claim{claim("all", 10, 20), claim("gpu", 10, 20, on("gpu")), claim("west", 10, 20, on("west"))}
	both := func(at time.Duration, all, gpu float64) []HostReading {
		when := noon.Add(at)
		return []HostReading{
			{Resource: "cpu", Limit: 80, Percent: Sample{Value: all, Quality: OK, Time: when}},
			{Hosts: "gpu", Resource: "cpu", Limit: 80, Percent: Sample{Value: gpu, Quality: OK, Time: when}},
		}
	}
	run := func(readings ...[2]float64) (last []int, why []string, st EmergencyState) {
		st = EmergencyState{}
		for i, r := range readings {
			at := time.Duration(i) * time.Minute
			ds := make([]Decision, len(claims))
			for k, c := range claims {
				ds[k] = c.Decision
			}
			ds, st = danger.Emergency(claims, ds, both(at, r[0], r[1]), noon.Add(at), st)
			last, why = nil, nil
			for _, d := range ds {
				checkChain(t, d)
				last, why = append(last, d.Desired), append(why, fmt.Sprint(d.Reasons))
				if len(d.Reasons) > 2 {
					t.Errorf("told more than once: %+v", d.Reasons)
				}
			}
		}
		return last, why, st
	}
	for _, tt := range []struct {
		name     string
		readings [][2]float64
		want     []int
		active   []string
	}{
		{"one group", [][2]float64{{50, 95}, {50, 95}}, []int{20, 7, 20}, []string{"gpu"}},
		{"and it alone is held", [][2]float64{{50, 95}, {50, 95}, {50, 50}}, []int{20, 10, 20}, []string{"gpu"}},
		{"all hosts", [][2]float64{{95, 50}, {95, 50}}, []int{7, 7, 7}, []string{""}},
		{"both at once cut once", [][2]float64{{95, 95}, {95, 95}}, []int{7, 7, 7}, []string{"", "gpu"}},
		{"the group has settled when all hosts are in danger", [][2]float64{{50, 95}, {95, 95}, {95, 50}}, []int{7, 10, 7}, []string{"", "gpu"}},
		{"all hosts have settled when the group is in danger", [][2]float64{{95, 50}, {95, 95}, {50, 95}}, []int{10, 10, 10}, []string{"", "gpu"}},
		{"one sample of each is not two", [][2]float64{{95, 50}, {50, 95}, {95, 50}}, []int{20, 20, 20}, nil},
	} {
		got, why, st := run(tt.readings...)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: agents %v, want %v: %v", tt.name, got, tt.want, why)
		}
		for _, group := range []string{"", "gpu"} {
			if want := slices.Contains(tt.active, group); st[group].Active != want {
				t.Errorf("%s: group %q is active: %t, want %t", tt.name, group, st[group].Active, want)
			}
		}
	}
	first, why, _ := run([2]float64{95, 95}, [2]float64{95, 95})
	for range 20 { // the order of a map is another each time
		if again, whyAgain, _ := run([2]float64{95, 95}, [2]float64{95, 95}); !slices.Equal(first, again) || !slices.Equal(why, whyAgain) {
			t.Fatalf("I17: %v for %v, then %v for %v", first, why, again, whyAgain)
		}
	}
}

// Memory alone is enough, and tells why.
func TestEmergencyTellsWhatIsInDanger(t *testing.T) {
	c, st := claim("nba", 10, 10), EmergencyState{}
	var ds []Decision
	for i := range 2 {
		now := noon.Add(time.Duration(i) * time.Minute)
		hosts := []HostReading{
			{Resource: "cpu", Limit: 80, Percent: Sample{Value: 50, Quality: OK, Time: now}},
			{Resource: "memory", Limit: 70, Percent: Sample{Value: 88.2, Quality: OK, Time: now}},
		}
		ds, st = danger.Emergency([]Claim{c}, []Decision{c.Decision}, hosts, now, st)
	}
	want := "emergency: host memory is at 88.2 %, above 85 % in 2 samples"
	if got := ds[0].Why(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The state that is given is not changed, and what is not read any more is forgotten.
func TestEmergencyStateIsAValue(t *testing.T) {
	c := claim("nba", 10, 10)
	_, st := ticking(danger, c, cpu(95)...)
	want := EmergencyState{"": {Over: map[string]int{"cpu": 1}, Sampled: map[string]time.Time{"cpu": noon}}}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Fatal(diff)
	}
	hosts := cpu(95)
	hosts[0].Percent.Time = noon.Add(time.Minute)
	if _, next := danger.Emergency([]Claim{c}, []Decision{c.Decision}, hosts, noon.Add(time.Minute), st); !next[""].Active {
		t.Error("the second sample does not cut")
	}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("the state that was given is changed:\n%s", diff)
	}
	if _, next := danger.Emergency(nil, nil, nil, noon, st); len(next) > 0 {
		t.Errorf("remembers %v of hosts that are not read", next)
	}
}

// I29: after the clock was set back an emergency is still seen, and neither the settle
// time nor the hold lasts longer than it should.
func TestEmergencyWhenTheClockIsSetBack(t *testing.T) {
	c := claim("nba", 10, 12)
	_, st := ticking(danger, c, cpu(95, 95, 50)...)
	back := noon.Add(-24 * time.Hour)
	run := func(from, minutes int, percent float64) (agents []int) {
		for i := range minutes {
			now := back.Add(time.Duration(from+i) * time.Minute)
			h := HostReading{Resource: "cpu", Limit: 80, Percent: Sample{Value: percent, Quality: OK, Time: now}}
			var ds []Decision
			ds, st = danger.Emergency([]Claim{c}, []Decision{c.Decision}, []HostReading{h}, now, st)
			agents = append(agents, ds[0].Desired)
		}
		return agents
	}
	if got, want := run(0, 6, 95), []int{10, 10, 10, 10, 10, 7}; !slices.Equal(got, want) {
		t.Errorf("in danger: got %v, want %v", got, want)
	}
	_, st = ticking(danger, c, cpu(95, 95, 50)...)
	if got, want := run(0, 12, 50), []int{10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 12, 12}; !slices.Equal(got, want) {
		t.Errorf("calm: got %v, want %v", got, want)
	}
}

// I12: an emergency bypasses overrides, cooldown and the minimum, and holds an override
// back afterwards.
func TestEmergencyBypassesWhatPoolsOwe(t *testing.T) {
	slow := func(p *Policy) {
		p.Pool.Agents.Min = 10
		p.Pool.Behavior.ScaleDown = ScalingRules{StabilizationWindow: time.Hour, SelectPolicy: SelectDisabled, Cooldown: time.Hour}
	}
	for _, tt := range []struct {
		name        string
		change      func(*Policy)
		override    *Override
		first, next int
	}{
		{"a minimum", slow, nil, 7, 7},
		{"an override of exactly as many", slow, exactly(10), 7, 7},
		{"an override of more", slow, exactly(30), 7, 7},
		{"an override that holds", slow, ordered(Override{Hold: true}), 7, 7},
		{"an override that disables", slow, ordered(Override{Disable: true}), 7, 7},
		{"a rule that holds", func(p *Policy) { p.Rules = []Rule{{Name: "freeze", Hold: HoldBoth}} }, nil, 7, 7},
		{"scale_up_only", func(p *Policy) { p.Pool.Mode = ScaleUpOnly }, nil, 7, 7},
		{"an override of less", slow, exactly(5), 5, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Policy{Pool: testPool()}
			tt.change(&p)
			st, es, n := watched(), EmergencyState{}, 10
			st.Scalings = []Scaling{{noon.Add(-time.Minute), 11, 10}}
			for tick, want := range []int{-1, tt.first, tt.next} {
				now := noon.Add(time.Duration(tick) * 30 * time.Second)
				hosts := cpu(95)
				hosts[0].Percent.Time = now
				in := Input{Now: now, Current: running(n), Load: Sample{Value: 100, Time: now, Quality: OK}, Override: tt.override}
				var d Decision
				d, st = p.Decide(in, st)
				claims := []Claim{{p.Pool, d}}
				var ds []Decision
				ds, es = danger.Emergency(claims, Allocate(claims, Limits{Hosts: hosts}), hosts, now, es)
				checkChain(t, ds[0])
				if tick == 0 {
					continue // one sample is not enough
				}
				if ds[0].Desired != want || ds[0].Direction() == Down && !ds[0].Permitted() {
					t.Fatalf("tick %d: got %d, want %d, permitted %t: %+v", tick, ds[0].Desired, want, ds[0].Permitted(), ds[0].Reasons)
				}
				n = ds[0].Desired
			}
		})
	}
}
