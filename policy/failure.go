package policy

import (
	"fmt"
	"time"
)

// Pause is the time in which a pool that could not be scaled is left alone. The zero
// Pause is over.
type Pause struct {
	Start, End time.Time
	Why        string
}

// Asked is a change that the orchestrator accepted, until it is there. The zero Asked is.
type Asked struct {
	Time     time.Time // since when nothing has come of it, or of the ones before
	From, To int
	Ready    int // agents that were ready then
}

// mostDoubts is how many times in a row the outcome of a scaling may be doubtful before it
// counts as a failure.
const mostDoubts = 3

// Carried returns the state after a decision was sent and the outcome is known. A failure
// pauses the pool. So does the third answer in a row that leaves the outcome open or asks
// to come back later; a conflict is decided anew and is no failure.
func (st State) Carried(p Pool, d Decision, o Outcome) State {
	switch o.Result {
	case Accepted:
		st.Doubts = 0
		st.Scalings = append(st.Scalings[:len(st.Scalings):len(st.Scalings)], Scaling{Time: d.Time, From: d.Current, To: d.Desired})
		st.Asked = st.Asked.then(Asked{Time: d.Time, From: d.Current, To: d.Desired, Ready: st.Current.Ready})
	case Failed:
		return st.paused(p, d.Time, fmt.Sprintf("scaling from %d to %d failed: %v", d.Current, d.Desired, o.Err))
	case Unknown, Busy:
		if st.Doubts++; st.Doubts >= mostDoubts {
			return st.paused(p, d.Time, fmt.Sprintf("scaling from %d to %d has failed %d times in a row: %v", d.Current, d.Desired, st.Doubts, o.Err))
		}
	}
	return st
}

// then returns the next change that was accepted. If nothing came of the one before, it
// waits since then: to ask for ever more is no progress.
func (a Asked) then(next Asked) Asked {
	up := next.To > next.From
	progress := a == (Asked{}) || up != (a.To > a.From) || up && next.Ready > a.Ready || !up && next.From < a.From
	if !progress {
		next.Time = a.Time
	}
	return next
}

func (st State) paused(p Pool, now time.Time, why string) State {
	st.Doubts = 0
	if p.FailurePause > 0 {
		st.Pause = Pause{Start: now, End: now.Add(p.FailurePause), Why: why}
	}
	return st
}

// Unpaused returns the state of a pool that is scaled again.
func (st State) Unpaused() State {
	st.Pause, st.Asked, st.Doubts = Pause{}, Asked{}, 0
	return st
}

// settled returns the state with what the count tells about the change that was asked for
// last: that it is there; that somebody else has changed the pool, which is adopted; or that
// it has not come within the converge timeout, which is a failure.
func (st State) settled(p Pool, now time.Time, count Count) State {
	if st.Pause.Start.After(now) { // the clock was set back: it does not last longer
		st.Pause.End = st.Pause.End.Add(now.Sub(st.Pause.Start))
		st.Pause.Start = now
	}
	if st.Asked.Time.After(now) {
		st.Asked.Time = now
	}
	if ended := st.Pause; ended != (Pause{}) && !ended.activeAt(now) {
		st.Pause, st.Asked = Pause{}, Asked{}
	}
	asked := st.Asked
	switch n := count.Agents; {
	case asked == (Asked{}) || !count.Known || st.Pause != (Pause{}):
	case n == asked.To && (count.Ready >= n || asked.To < asked.From):
		st.Asked = Asked{}
	case n == asked.To: // its agents are starting
	case n < min(asked.From, asked.To) || n > max(asked.From, asked.To):
		st.Asked = Asked{}
	case st.overdue(p, now):
		return st.paused(p, now, fmt.Sprintf("asked for %d agents %s ago, and there are %d", asked.To, length(now.Sub(asked.Time)), n))
	}
	return st
}

func (p Pause) activeAt(now time.Time) bool { return now.Before(p.End) }

// overdue reports whether what was asked for should have come by now.
func (st State) overdue(p Pool, now time.Time) bool {
	return st.Asked != (Asked{}) && p.ConvergeTimeout > 0 && now.Sub(st.Asked.Time) >= p.ConvergeTimeout
}

// unfulfilled returns how many agents should be ready by now and are not.
func (st State) unfulfilled(p Pool, now time.Time, count Count) int {
	if !count.Known || !st.overdue(p, now) {
		return 0
	}
	return max(st.Asked.To-count.Ready, 0)
}
