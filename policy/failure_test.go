package policy

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A turn is one decision of a story about a pool that wants 20 agents.
type turn struct {
	after         time.Duration // since the last one
	agents, ready int           // what runs
	outcome       Result        // of the decision, if it asks for a change
	want          int
	why           Code // the last reason
}

func (tt turn) count() Count { return Count{Agents: tt.agents, Ready: tt.ready, Known: tt.agents >= 0} }

// tell plays a story.
func tell(t *testing.T, p Policy, story []turn) (st State, last Decision) {
	t.Helper()
	now := noon
	st = watched()
	for i, turn := range story {
		now = now.Add(turn.after)
		in := Input{Now: now, Current: turn.count(), Load: Sample{Value: 200, Time: now, Quality: OK}}
		last, st = p.Decide(in, st)
		if why := last.Reasons[len(last.Reasons)-1]; last.Desired != turn.want || why.Code != turn.why {
			t.Errorf("turn %d: %d agents by %s, want %d by %s: %+v", i+1, last.Desired, why.Code, turn.want, turn.why, last.Reasons)
		}
		if last.Permitted() && last.Direction() != None {
			st = st.Carried(p.Pool, last, Outcome{Result: turn.outcome, Err: errors.New("HTTP 500")})
		}
	}
	return st, last
}

func patientPool() Policy {
	p := Policy{Pool: testPool()}
	p.Pool.ConvergeTimeout, p.Pool.FailurePause = 5*time.Minute, 30*time.Minute
	return p
}

// I22 to I25: failures pause a pool, doubts only when they persist; what does not come is a
// failure, and what somebody else did is adopted.
func TestFailuresPauseAPool(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name  string
		story []turn
	}{
		{"a failure", []turn{{0, 10, 10, Failed, 20, ReasonReactive}, {minute, 10, 10, "", 10, ReasonPaused}, {29*minute - 1, 10, 10, "", 10, ReasonPaused}, {1, 10, 10, Accepted, 20, ReasonReactive}}},
		{"a conflict is decided anew", []turn{{0, 10, 10, Conflict, 20, ReasonReactive}, {minute, 11, 11, Conflict, 20, ReasonReactive}, {minute, 12, 12, Accepted, 20, ReasonReactive}}},
		{"busy twice", []turn{{0, 10, 10, Busy, 20, ReasonReactive}, {minute, 10, 10, Busy, 20, ReasonReactive}, {minute, 10, 10, Accepted, 20, ReasonReactive}, {minute, 10, 10, Busy, 20, ReasonReactive}}},
		{"three doubts in a row", []turn{{0, 10, 10, Busy, 20, ReasonReactive}, {minute, 10, 10, Unknown, 20, ReasonReactive}, {minute, 10, 10, Busy, 20, ReasonReactive}, {minute, 10, 10, "", 10, ReasonPaused}}},
		{"accepted, and nothing comes", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {minute, 10, 10, Accepted, 20, ReasonReactive}, {4 * minute, 10, 10, "", 10, ReasonPaused}, {30 * minute, 10, 10, Accepted, 20, ReasonReactive}}},
		{"accepted, and some come", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {4 * minute, 15, 15, Accepted, 20, ReasonReactive}, {4 * minute, 15, 15, Accepted, 20, ReasonReactive}, {minute, 15, 15, "", 15, ReasonPaused}}},
		{"accepted, and all are there", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {minute, 20, 20, "", 20, ReasonReactive}, {time.Hour, 10, 10, Accepted, 20, ReasonReactive}}},
		{"somebody else has changed it", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {4 * minute, 7, 7, Accepted, 20, ReasonReactive}, {4 * minute, 7, 7, Accepted, 20, ReasonReactive}, {minute, 7, 7, "", 7, ReasonPaused}}},
		{"not known for a while", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {minute, -1, 0, "", 10, ReasonCurrentUnknown}, {5 * minute, 20, 20, "", 20, ReasonReactive}}},
		{"agents that start for long are not asked for again", []turn{{0, 10, 10, Accepted, 20, ReasonReactive}, {5 * minute, 20, 15, "", 20, ReasonReactive}, {time.Hour, 20, 15, "", 20, ReasonReactive}}},
		{"the clock is set back: a pause does not last longer", []turn{{0, 10, 10, Failed, 20, ReasonReactive}, {-time.Hour, 10, 10, "", 10, ReasonPaused}, {30*minute - 1, 10, 10, "", 10, ReasonPaused}, {1, 10, 10, Accepted, 20, ReasonReactive}}},
	} {
		t.Run(tt.name, func(t *testing.T) { tell(t, patientPool(), tt.story) })
	}
}

// Fewer agents that are asked for and do not go are a failure as well.
func TestAgentsThatDoNotGo(t *testing.T) {
	p := patientPool()
	p.Pool.Behavior.ScaleDown.StabilizationWindow = 0
	st, last := tell(t, p, []turn{
		{0, 30, 30, Accepted, 20, ReasonReactive},
		{5 * time.Minute, 30, 30, "", 30, ReasonPaused},
	})
	if want, got := "paused until 12:35: asked for 20 agents 5m ago, and there are 30", last.Reasons[len(last.Reasons)-1].Detail; got != want {
		t.Errorf("why: %q, want %q", got, want)
	}
	if last.Unfulfilled != 0 {
		t.Errorf("%d agents are missing of those that are too many", last.Unfulfilled)
	}
	if st.Pause.End.Sub(st.Pause.Start) != 30*time.Minute {
		t.Errorf("paused from %s to %s", st.Pause.Start, st.Pause.End)
	}
}

// Without limits nothing is paused.
func TestNothingIsPausedWithoutLimits(t *testing.T) {
	tell(t, Policy{Pool: testPool()}, []turn{{0, 10, 10, Failed, 20, ReasonReactive}, {time.Minute, 10, 10, Accepted, 20, ReasonReactive}, {time.Hour, 10, 10, "", 20, ReasonReactive}})
}

// I24: while agents that were asked for are missing no more are, whatever is wanted.
func TestUnfulfilledAgentsAreNotPiledUp(t *testing.T) {
	p := patientPool()
	st, now, agents, most := watched(), noon, 10, 0
	for i := range 60 { // the load rises, the count follows, and no agent gets ready
		now = now.Add(time.Minute)
		in := Input{Now: now, Current: Count{Agents: agents, Ready: 10, Known: true}, Load: Sample{Value: 200 + 5*float64(i), Time: now, Quality: OK}}
		var d Decision
		if d, st = p.Decide(in, st); d.Direction() != None {
			st = st.Carried(p.Pool, d, Outcome{Result: Accepted})
			agents = d.Desired
		}
		most = max(most, d.Unfulfilled)
		if i > 6 && d.Desired != d.Current {
			t.Fatalf("minute %d: from %d to %d agents of which 10 are ready: %+v", i, d.Current, d.Desired, d.Reasons)
		}
		if code := d.Reasons[len(d.Reasons)-1].Code; i == 30 && code != ReasonUnfulfilled {
			t.Errorf("held by %s", code)
		}
	}
	if most != agents-10 {
		t.Errorf("at most %d agents were told missing, want %d", most, agents-10)
	}
}

// I22: a pause never blocks an emergency.
func TestAPauseDoesNotBlockAnEmergency(t *testing.T) {
	_, d := tell(t, patientPool(), []turn{{0, 10, 10, Failed, 20, ReasonReactive}, {time.Minute, 10, 10, "", 10, ReasonPaused}})
	if d.Permitted() {
		t.Error("a paused pool may be called for")
	}
	st := EmergencyState{}
	var ds []Decision
	for i := range 2 {
		at := noon.Add(time.Duration(i) * time.Minute)
		ds, st = danger.Emergency([]Claim{{testPool(), d}}, []Decision{d}, []HostReading{{Resource: "cpu", Limit: 80, Percent: Sample{Value: 99, Time: at, Quality: OK}}}, at, st)
	}
	if ds[0].Desired != 7 || !ds[0].Permitted() {
		t.Errorf("got %+v", ds[0])
	}
}

// I29: whatever the clock does, a pause ends when the clock has shown its length since it
// began, or since the clock was set back.
func TestPausesEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := patientPool()
		now := noon
		st := watched().Carried(p.Pool, Decision{Time: now, Current: 10, Desired: 20}, Outcome{Result: Failed, Err: errors.New("refused")})
		for _, step := range rapid.SliceOfN(rapid.IntRange(-3600, 3600), 0, 8).Draw(t, "steps of the clock") {
			now = now.Add(time.Duration(step) * time.Second)
			st = st.settled(p.Pool, now, running(10))
		}
		if left := st.Pause.End.Sub(now); left > p.Pool.FailurePause {
			t.Fatalf("paused for %s more, at most %s is meant", left, p.Pool.FailurePause)
		}
		st = st.settled(p.Pool, now.Add(p.Pool.FailurePause), running(10))
		if st.Pause != (Pause{}) || st.Asked != (Asked{}) {
			t.Fatalf("still paused: %+v", st)
		}
	})
}

func TestFailuresTellWhy(t *testing.T) {
	p := patientPool().Pool
	failed := func(results ...Result) State {
		st := State{}
		for _, r := range results {
			st = st.Carried(p, Decision{Time: noon, Current: 10, Desired: 20}, Outcome{Result: r, Err: errors.New("HTTP 418")})
		}
		return st
	}
	for want, st := range map[string]State{
		"scaling from 10 to 20 failed: HTTP 418":                      failed(Failed),
		"scaling from 10 to 20 has failed 3 times in a row: HTTP 418": failed(Busy, Unknown, Busy),
	} {
		if st.Pause.Why != want {
			t.Errorf("got %q, want %q", st.Pause.Why, want)
		}
	}
}
