package budget

import (
	"slices"
	"time"
)

// State is what decisions remember from one to the next. The zero State knows
// nothing. It is kept over a restart of the process, so that posts once seen
// stay counted although a measurement falls.
type State struct {
	Days    []Day // the local days seen last, today at the end
	Rolling Rolling
}

// Day is what is known about one local day, by its zone and date.
type Day struct {
	Zone, Date string // Date is YYYY-MM-DD
	Used       int    // the largest count measured on it
}

// Rolling is what is known about the last 24 hours.
type Rolling struct {
	// Spent are the posts that were seen to be made. A caller that knows when
	// posts were made before its first decision puts them here.
	Spent []Spending
	// Unseen is the part of the last count that was made before the watch began,
	// nobody knows when. It is what the measurement says.
	Unseen int
	Known  time.Time // when the count was last measured; zero: never
}

// Spending is a number of posts and the instant at which they were first seen.
type Spending struct {
	Time  time.Time
	Posts int
}

const (
	daysKept     = 4                 // so that a clock that is put right finds its day again
	spendingKept = 2 * rollingLength // the same for what was spent
)

// observe returns the state with what the input tells about the windows of the
// budget.
func (b Budget) observe(in Input, today localDay, st State) State {
	next := st
	for _, w := range b.Windows() {
		if w == LocalDay {
			next.Days = b.observeDay(in, today, st)
		} else {
			next.Rolling = observeRolling(in, today, st)
		}
	}
	return next
}

// observeDay returns the days with what is measured of today's, which is put at
// the end. A day of which nothing was ever measured is not there.
func (b Budget) observeDay(in Input, today localDay, st State) []Day {
	used, known := in.posts(LocalDay, today)
	if !known {
		return st.Days
	}
	day := Day{Zone: b.zone().String(), Date: today.date, Used: used}
	if i := slices.IndexFunc(st.Days, day.same); i >= 0 {
		day.Used = max(day.Used, believed(st.Days[i].Used))
	}
	days := append(slices.DeleteFunc(slices.Clone(st.Days), day.same), day)
	return days[max(0, len(days)-daysKept):]
}

func (d Day) same(other Day) bool { return d.Zone == other.Zone && d.Date == other.Date }

// observeRolling returns the memory of the last 24 hours with what is measured
// now. What the count has more than all that is remembered was spent since the
// last one, if that is not 24 hours ago; what it has less is taken from the posts
// of unknown age only.
func observeRolling(in Input, today localDay, st State) Rolling {
	r := st.Rolling
	r.Spent = nil
	for _, s := range st.Rolling.Spent {
		if s.Time.After(in.Now) {
			s.Time = in.Now // the clock was set back
		}
		s.Posts = believed(s.Posts)
		if s.Posts > 0 && in.Now.Sub(s.Time) < spendingKept {
			r.Spent = append(r.Spent, s)
		}
	}
	r.Unseen = believed(r.Unseen)
	used, known := in.posts(Rolling24h, today)
	if !known {
		return r
	}
	seen := r.live(in.Now)
	switch more := used - seen - r.Unseen; {
	case in.Now.Sub(r.Known) >= rollingLength, more < 0:
		r.Unseen = max(used-seen, 0)
	case more > 0:
		r.Spent = append(r.Spent, Spending{in.Now, more})
	}
	r.Known = in.Now
	return r
}

// live returns the posts seen that are not yet 24 hours old.
func (r Rolling) live(now time.Time) int {
	n := 0
	for _, s := range r.Spent {
		if now.Sub(s.Time) < rollingLength {
			n += s.Posts
		}
	}
	return n
}

// account is how a budget stands in one window.
type account struct {
	window Window
	known  bool // used was measured now
	ever   bool // used was measured in this window
	used   int
	// marks are the instants at which posts stop to count, in order; the last is
	// the one until which posts are expected.
	marks []mark
}

// mark is an instant and the posts that stop to count then.
type mark struct {
	at    time.Time
	posts int
}

// account returns how the budget stands in the window.
func (b Budget) account(w Window, in Input, today localDay, st State) account {
	a := account{window: w}
	_, a.known = in.posts(w, today)
	if w == LocalDay {
		if i := slices.IndexFunc(st.Days, Day{Zone: b.zone().String(), Date: today.date}.same); i >= 0 {
			a.ever = true
			a.used = believed(st.Days[i].Used)
		}
		a.marks = []mark{{today.end, a.used}}
		return a
	}
	r := st.Rolling
	a.ever = !r.Known.IsZero()
	if in.Now.Sub(r.Known) >= rollingLength {
		r.Unseen = 0
	}
	a.used = r.live(in.Now) + r.Unseen
	a.marks = r.marks(in.Now)
	return a
}

// marks returns when the posts of the last 24 hours stop to count. Those of
// unknown age are taken to have been made evenly.
func (r Rolling) marks(now time.Time) []mark {
	var marks []mark
	for _, s := range r.Spent {
		if end := s.Time.Add(rollingLength); end.After(now) {
			marks = append(marks, mark{end, s.Posts})
		}
	}
	for hour := 1; hour < 24; hour++ {
		if n := r.Unseen*hour/24 - r.Unseen*(hour-1)/24; n > 0 {
			marks = append(marks, mark{now.Add(time.Duration(hour) * time.Hour), n})
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return a.at.Compare(b.at) })
	return append(marks, mark{at: now.Add(rollingLength)})
}

// believed bounds a count of a state that may come from anywhere.
func believed(posts int) int { return min(max(posts, 0), maxNumber) }
