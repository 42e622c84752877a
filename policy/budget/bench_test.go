package budget

import (
	"testing"
	"time"
)

// A decision is made for every pool with a budget in every tick.
func BenchmarkDecide(b *testing.B) {
	now := time.Date(2026, 11, 12, 9, 30, 0, 0, time.UTC)
	for _, w := range []Window{LocalDay, Rolling24h, Both} {
		b.Run(string(w), func(b *testing.B) {
			x := Budget{Limit: 17, Window: w, Reserve: 2, PostsPerAgentHour: 0.1, Classes: []Class{{"off_peak", 1, 0}, {"peak", 3, 0}, {"breaking", 8, 4}}}
			in := Input{Now: now, Used: map[Window]Count{LocalDay: {Posts: 6, Known: true}, Rolling24h: {Posts: 12, Known: true}}, Step: 15 * time.Minute, MaxAgents: 40}
			for at := now; at.Before(now.Add(24 * time.Hour)); at = at.Add(in.Step) {
				s := Step{"off_peak", 0.5}
				if at.Hour() >= 18 && at.Hour() < 23 {
					s = Step{"peak", 1}
				}
				in.Path = append(in.Path, s)
			}
			var st State
			for hour := range 12 {
				st.Rolling.Spent = append(st.Rolling.Spent, Spending{now.Add(time.Duration(hour-20) * time.Hour), 1})
			}
			b.ReportAllocs()
			for b.Loop() {
				_, st = x.Decide(in, st)
			}
		})
	}
}
