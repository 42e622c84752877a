package policy

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// claim is what a pool alone would get. Its minimum is 2, its weight 1.
func claim(name string, current, desired int, change ...func(*Claim)) Claim {
	p := testPool()
	p.Name, p.Agents.Min = name, 2
	c := Claim{p, Decision{Pool: name, Mode: Active, Current: current, Known: true, Desired: desired}}
	for _, f := range change {
		f(&c)
	}
	c.Decision.Mode = c.Pool.Mode
	c.Decision.Reasons = []Reason{{Code: ReasonReactive, From: current, To: desired, Detail: "the load"}}
	return c
}

func priority(n int) func(*Claim)   { return func(c *Claim) { c.Pool.Priority = n } }
func weight(w float64) func(*Claim) { return func(c *Claim) { c.Pool.Weight = w } }
func least(n int) func(*Claim)      { return func(c *Claim) { c.Pool.Agents.Min = n } }
func mode(m Mode) func(*Claim)      { return func(c *Claim) { c.Pool.Mode = m } }
func on(hosts string) func(*Claim)  { return func(c *Claim) { c.Pool.Hosts = hosts } }
func frozen(c *Claim)               { c.Decision.Frozen = true }

// allocated returns what each pool gets and the code of its last reason.
func allocated(t *testing.T, claims []Claim, limits Limits) (agents []int, why []Code) {
	t.Helper()
	ds := Allocate(claims, limits)
	checkAllocation(t, claims, limits, ds)
	for _, d := range ds {
		agents = append(agents, d.Desired)
		why = append(why, d.Reasons[len(d.Reasons)-1].Code)
	}
	return agents, why
}

// I1, I19: of the total each pool first gets what it keeps in any case, then its
// minimum, then by priority, then by weight.
func TestAllocateDividesTheTotal(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims []Claim
		total  int
		want   []int
	}{
		{"there is enough", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, 20, []int{10, 10}},
		{"there is no limit", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, 0, []int{10, 10}},
		{"equals share", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, 12, []int{6, 6}},
		{"the last one goes by name", []Claim{claim("b", 5, 10), claim("a", 5, 10)}, 13, []int{6, 7}},
		{"priority comes first, then weight", []Claim{claim("hq", 0, 10, priority(1)), claim("nba", 0, 20, weight(2)), claim("wnba", 0, 20)}, 25, []int{10, 10, 5}},
		{"a lower priority keeps its minimum", []Claim{claim("hq", 0, 30, priority(1)), claim("nba", 0, 20)}, 25, []int{23, 2}},
		{"a negative priority is served last", []Claim{claim("a", 0, 9, priority(-1)), claim("b", 0, 9)}, 14, []int{5, 9}},
		{"nobody gets more than it wants", []Claim{claim("a", 9, 3, weight(100)), claim("b", 5, 30)}, 20, []int{3, 17}},
		{"who wants less than its minimum gets that", []Claim{claim("a", 9, 1), claim("b", 5, 30)}, 20, []int{1, 19}},
		{"a total below the minimums goes by priority", []Claim{claim("a", 5, 9, least(6)), claim("b", 5, 9, least(6), priority(1))}, 8, []int{2, 6}},
		{"and then by weight", []Claim{claim("a", 5, 9, least(6), weight(3)), claim("b", 5, 9, least(6))}, 8, []int{6, 2}},
		{"scale_up_only keeps what it has", []Claim{claim("a", 12, 20, mode(ScaleUpOnly)), claim("b", 10, 10, priority(9))}, 15, []int{12, 3}},
		{"even when that leaves less than the minimums", []Claim{claim("a", 12, 20, mode(ScaleUpOnly)), claim("b", 10, 10, least(8), priority(9))}, 15, []int{12, 3}},
		{"but not more than it wants", []Claim{claim("a", 12, 5, mode(ScaleUpOnly)), claim("b", 10, 10, priority(9))}, 12, []int{5, 7}},
		{"a disabled pool keeps what it has", []Claim{claim("a", 12, 12, frozen), claim("b", 10, 10, least(8), priority(9))}, 15, []int{12, 3}},
		{"even if it is more than its maximum", []Claim{claim("a", 60, 60, frozen), claim("b", 10, 10)}, 65, []int{60, 5}},
		{"what is kept beyond the total is decided away", []Claim{claim("a", 12, 12, frozen), claim("b", 10, 10, priority(1))}, 8, []int{8, 0}},
		{"none is a total of none", nil, 5, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := allocated(t, tt.claims, Limits{MaxTotalAgents: tt.total})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
		})
	}
}

// The shortcut gives what one agent at a time would give.
func TestRushGivesWhatStandingGives(t *testing.T) {
	var claims []Claim
	for i, w := range []float64{1, 3, 3, 0.1, 5, 1e9, 1e-9, 1, 7, 9} {
		claims = append(claims, claim(string(rune('a'+i)), 0, 40, weight(w)))
	}
	places := places(len(claims))
	for total := range 401 {
		rushed, stood := make([]int, len(claims)), make([]int, len(claims))
		most := make([]int, len(claims))
		for i := range most {
			rushed[i], stood[i], most[i] = i%3, i%3, 40-i
		}
		left := total
		given := rush(claims, places, rushed, most, left)
		if given > left || given != sumOf(rushed)-sumOf(stood) {
			t.Fatalf("total %d: %d were given", total, given)
		}
		stand(claims, places, rushed, most, left-given)
		stand(claims, places, stood, most, left)
		if diff := cmp.Diff(stood, rushed); diff != "" {
			t.Fatalf("total %d (-standing +rushed):\n%s", total, diff)
		}
	}
}

func usage(hosts, resource string, percent float64, perAgent map[string]float64) HostReading {
	return HostReading{Hosts: hosts, Resource: resource, Percent: Sample{Value: percent, Time: noon, Quality: OK}, Limit: 80, PerAgent: perAgent}
}

// I4, I8: at the limit or without knowledge of the hosts no pool on them grows.
func TestAllocateHoldsWhileHostsAreFullOrUnknown(t *testing.T) {
	claims := []Claim{claim("nba", 10, 20), claim("wnba", 10, 5), claim("gpu", 10, 20, on("gpu"))}
	with := func(hosts string, q Quality, percent float64) []HostReading {
		h := usage(hosts, "cpu", percent, nil)
		h.Percent.Quality = q
		return []HostReading{h}
	}
	for _, tt := range []struct {
		name  string
		hosts []HostReading
		want  []int
		why   []Code
	}{
		{"no hosts are watched", nil, []int{20, 5, 20}, []Code{ReasonReactive, ReasonReactive, ReasonReactive}},
		{"there is room", with("", OK, 79.9), []int{20, 5, 20}, []Code{ReasonReactive, ReasonReactive, ReasonReactive}},
		{"at the limit", with("", OK, 80), []int{10, 5, 10}, []Code{ReasonHostLimit, ReasonReactive, ReasonHostLimit}},
		{"stale", with("", Stale, 10), []int{10, 5, 10}, []Code{ReasonHostUnknown, ReasonReactive, ReasonHostUnknown}},
		{"empty", with("", Empty, 0), []int{10, 5, 10}, []Code{ReasonHostUnknown, ReasonReactive, ReasonHostUnknown}},
		{"not a number", with("", NaN, 0), []int{10, 5, 10}, []Code{ReasonHostUnknown, ReasonReactive, ReasonHostUnknown}},
		{"partial", with("", Partial, 10), []int{10, 5, 10}, []Code{ReasonHostUnknown, ReasonReactive, ReasonHostUnknown}},
		{"error", with("", Error, 0), []int{10, 5, 10}, []Code{ReasonHostUnknown, ReasonReactive, ReasonHostUnknown}},
		{"the hosts of one group", with("gpu", OK, 99), []int{20, 5, 10}, []Code{ReasonReactive, ReasonReactive, ReasonHostLimit}},
		{"hosts of nobody", with("west", OK, 99), []int{20, 5, 20}, []Code{ReasonReactive, ReasonReactive, ReasonReactive}},
		{"any of several resources", append(with("", OK, 10), with("", OK, 90)...), []int{10, 5, 10}, []Code{ReasonHostLimit, ReasonReactive, ReasonHostLimit}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, why := allocated(t, claims, Limits{Hosts: tt.hosts})
			if diff := cmp.Diff([]any{tt.want, tt.why}, []any{got, why}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// I4: pools grow by priority and weight as far as what their new agents take has room.
func TestAllocateFitsHosts(t *testing.T) {
	each := func(percent float64) map[string]float64 {
		return map[string]float64{"a": percent, "b": percent, "c": percent}
	}
	for _, tt := range []struct {
		name   string
		claims []Claim
		hosts  []HostReading
		want   []int
	}{
		{"room for all", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 70, each(1))}, []int{10, 10}},
		{"room for none", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 79.5, each(1))}, []int{5, 5}},
		{"room for five, shared", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 75, each(1))}, []int{8, 7}},
		{"by priority", []Claim{claim("a", 5, 10), claim("b", 5, 9, priority(1))}, []HostReading{usage("", "cpu", 75, each(1))}, []int{6, 9}},
		{"by weight, of all agents and not the new ones", []Claim{claim("a", 2, 10), claim("b", 5, 20, weight(3))}, []HostReading{usage("", "cpu", 75, each(1))}, []int{3, 9}},
		{"exactly as much as there is", []Claim{claim("a", 5, 10)}, []HostReading{usage("", "cpu", 79.7, each(0.1))}, []int{8}},
		{"a pool that shrinks makes no room yet", []Claim{claim("a", 5, 10), claim("b", 20, 3)}, []HostReading{usage("", "cpu", 78, each(1))}, []int{7, 3}},
		{"what is not measured is not bounded", []Claim{claim("a", 5, 10), claim("new", 5, 50)}, []HostReading{usage("", "cpu", 78, each(1))}, []int{7, 50}},
		{"without footprints nothing is", []Claim{claim("a", 5, 10)}, []HostReading{usage("", "cpu", 79, nil)}, []int{10}},
		{"a footprint below nothing makes no room", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 79, map[string]float64{"a": -5, "b": 1})}, []int{10, 6}},
		{"a footprint that is no number hides no other", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 79, map[string]float64{"a": math.NaN(), "b": 1})}, []int{10, 6}},
		{"nor does one without end", []Claim{claim("a", 5, 10), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 79, map[string]float64{"a": math.Inf(1), "b": 1})}, []int{5, 6}},
		{"the tightest of several resources counts", []Claim{claim("a", 5, 10)}, []HostReading{usage("", "cpu", 70, each(1)), usage("", "memory", 76, each(2))}, []int{7}},
		{"groups of hosts are apart", []Claim{claim("a", 5, 10, on("gpu")), claim("b", 5, 10, on("west")), claim("c", 5, 10)}, []HostReading{usage("gpu", "cpu", 78, each(1)), usage("west", "cpu", 76, each(1))}, []int{7, 9, 10}},
		{"and share what all share", []Claim{claim("a", 5, 10, on("gpu")), claim("b", 5, 10, on("west"))}, []HostReading{usage("gpu", "cpu", 79, each(1)), usage("", "memory", 74, each(1))}, []int{6, 10}},
		{"a large agent that waits is not overtaken by small ones", []Claim{claim("a", 5, 10, priority(1)), claim("b", 5, 50)}, []HostReading{usage("", "cpu", 70, map[string]float64{"a": 4, "b": 1})}, []int{7, 5}},
		{"but by those that take other resources", []Claim{claim("a", 5, 10, priority(1)), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 75, map[string]float64{"a": 4}), usage("", "memory", 70, map[string]float64{"b": 1})}, []int{6, 10}},
		{"wherever it would not", []Claim{claim("a", 5, 10, priority(1)), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 77, map[string]float64{"a": 4, "b": 1}), usage("", "memory", 50, map[string]float64{"a": 81, "b": 1})}, []int{5, 8}},
		{"one that would never fit holds nobody", []Claim{claim("a", 5, 10, priority(1)), claim("b", 5, 10)}, []HostReading{usage("", "cpu", 75, map[string]float64{"a": 81, "b": 1})}, []int{5, 10}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, why := allocated(t, tt.claims, Limits{Hosts: tt.hosts})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("agents (-want +got):\n%s", diff)
			}
			for i, c := range tt.claims {
				if got[i] < c.Decision.Desired && why[i] != ReasonHostFit {
					t.Errorf("%s gets %d for %s", c.Pool.Name, got[i], why[i])
				}
			}
		})
	}
}

func TestHostFitTellsItsNumbers(t *testing.T) {
	d := Allocate([]Claim{claim("a", 5, 10, on("gpu"))}, Limits{Hosts: []HostReading{usage("gpu", "cpu", 75.5, map[string]float64{"a": 2})}})[0]
	want := "host gpu cpu is at 75.5 %, all new agents would take 10 % more and each of these 2 %; at most 80 % are planned"
	if got := d.Reasons[1].Detail; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What hosts do not carry is not taken from others for the sake of the total, and what
// the total takes leaves the hosts as they are predicted.
func TestAllocateFitsHostsBeforeTheTotal(t *testing.T) {
	claims := []Claim{claim("a", 5, 20, priority(1)), claim("b", 10, 10)}
	for _, tt := range []struct {
		name  string
		hosts HostReading
		want  []int
	}{
		{"room for all", usage("", "cpu", 10, map[string]float64{"a": 1}), []int{13, 2}},
		{"room for one", usage("", "cpu", 79, map[string]float64{"a": 1}), []int{6, 9}},
		{"room for none", usage("", "cpu", 79.5, map[string]float64{"a": 1}), []int{5, 10}},
		{"full", usage("", "cpu", 80, nil), []int{5, 10}},
	} {
		got, why := allocated(t, claims, Limits{MaxTotalAgents: 15, Hosts: []HostReading{tt.hosts}})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: agents (-want +got, reasons %v):\n%s", tt.name, why, diff)
		}
	}
}

// A dry run is inert: it neither takes from the total or the hosts, nor gives what it
// would give up. It is told what it would get.
func TestAllocateLeavesDryRunsAlone(t *testing.T) {
	dry := mode(DryRun)
	for _, tt := range []struct {
		name   string
		claims []Claim
		limits Limits
		want   []int
	}{
		{"wants more of the total", []Claim{claim("a", 5, 20, dry, priority(1)), claim("b", 10, 10)}, Limits{MaxTotalAgents: 15}, []int{13, 10}},
		{"would give up some", []Claim{claim("a", 10, 2, dry), claim("b", 5, 20)}, Limits{MaxTotalAgents: 15}, []int{2, 5}},
		{"wants more of the hosts", []Claim{claim("a", 5, 20, dry, priority(1)), claim("b", 10, 12)}, Limits{Hosts: []HostReading{usage("", "cpu", 78, map[string]float64{"a": 1, "b": 1})}}, []int{7, 12}},
		{"all of them", []Claim{claim("a", 5, 20, dry, priority(1)), claim("b", 10, 10, dry)}, Limits{MaxTotalAgents: 15}, []int{13, 2}},
	} {
		got, _ := allocated(t, tt.claims, tt.limits)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// A decision that is carried further keeps its reasons to itself.
func TestThenDoesNotWriteInto(t *testing.T) {
	d := Decision{Current: 1, Desired: 5, Reasons: append(make([]Reason, 0, 4), Reason{Code: ReasonReactive, From: 1, To: 5})}
	one, two := d.Then(ReasonMaxTotal, 4, "one"), d.Then(ReasonHostFit, 3, "two")
	if one.Reasons[1].Detail != "one" || two.Reasons[1].Detail != "two" || len(d.Reasons) != 1 || d.Desired != 5 {
		t.Errorf("%+v\n%+v\n%+v", d, one, two)
	}
	if same := d.Then(ReasonMaxTotal, 5, "nothing"); len(same.Reasons) != 1 || strings.Contains(same.Why(), "nothing") {
		t.Errorf("a step that changes nothing leaves a trace: %+v", same)
	}
}
