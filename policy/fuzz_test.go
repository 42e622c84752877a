package policy

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Whatever comes in, a decision keeps the promises of every single one.
func FuzzDecide(f *testing.F) {
	f.Add([]byte{})
	for _, b := range []byte{0, 1, 2, 3, 5, 7, 0x3f, 0x80, 0xfe, 0xff} {
		f.Add(bytes.Repeat([]byte{b}, 200))
	}
	for step := range byte(40) {
		data := make([]byte, 240)
		for i := range data {
			data[i] = byte(i)*(2*step+1) ^ step
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := unpacked(data)
		p := d.policy()
		in, st := d.input(p), d.state()
		// What the border forbids must not break arithmetic either.
		if o := in.Override; o != nil && o.Min != nil && d.yes("absurd") {
			*o.Min = pick(d, "absurd", -1, -1<<62, 1<<62)
		}
		before := copied(st)
		one, next := p.Decide(in, st)
		checkDecision(t, p, in, st, one)
		again, nextAgain := p.Decide(in, st)
		if diff := cmp.Diff([]any{before, one, next}, []any{st, again, nextAgain}, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("I17: the same input decides differently, or the state is changed:\n%s", diff)
		}
		in.Now = in.Now.Add(d.minutes("later", 0, 60))
		in.Load.Time, in.Current = in.Now, running(one.Desired)
		if in.Override != nil && !in.Override.ActiveAt(in.Now) {
			in.Override = nil
		}
		next = next.Carried(p.Pool, one, Outcome{Result: Accepted})
		two, _ := p.Decide(in, next)
		checkDecision(t, p, in, next, two)
	})
}

// Whatever pools want, an allocation and an emergency after it keep their promises.
func FuzzAllocate(f *testing.F) {
	f.Add([]byte{})
	for _, b := range []byte{0, 1, 2, 3, 5, 7, 0x3f, 0x80, 0xfe, 0xff} {
		f.Add(bytes.Repeat([]byte{b}, 200))
	}
	for step := range byte(40) {
		data := make([]byte, 240)
		for i := range data {
			data[i] = byte(i)*(2*step+1) ^ step
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := unpacked(data)
		limits := Limits{MaxTotalAgents: d("total", 0, 200)}
		claims := d.claims()
		limits.Hosts = d.hosts(claims)
		for _, h := range limits.Hosts {
			for name := range h.PerAgent {
				if d("absurd", 0, 9) == 0 {
					h.PerAgent[name] = pick(d, "footprint", edges[:]...)
				}
			}
		}
		got := Allocate(claims, limits)
		checkAllocation(t, claims, limits, got)
		if limits.MaxTotalAgents > 0 {
			limits.MaxTotalAgents += d("more", 1, 20)
			for i, more := range Allocate(claims, limits) {
				if more.Desired < got[i].Desired {
					t.Fatalf("I19: raising the total lowers %s from %d to %d", more.Pool, got[i].Desired, more.Desired)
				}
			}
		}
		e := EmergencyLimits{Percent: map[string]float64{"cpu": 90, "memory": 85}, Samples: 1, Reduce: d.float("reduce", 0, 1)}
		cut, _ := e.Emergency(claims, got, limits.Hosts, noon, nil)
		for i, c := range cut {
			checkChain(t, c)
			if c.Desired > got[i].Desired || c.Desired < min(1, got[i].Desired) {
				t.Fatalf("I12, I14: an emergency moves %s from %d to %d: %+v", c.Pool, got[i].Desired, c.Desired, c.Reasons)
			}
		}
	})
}
