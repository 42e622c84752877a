package budget

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// spendall is a budget of one class that may spend all that is left at any time.
func spendall(w Window, zone *time.Location) Budget {
	return Budget{Limit: 5, Window: w, Location: zone, PostsPerAgentHour: 0.1, Classes: []Class{{Name: "any", Value: 1}}}
}

// at is an input of it at an instant.
func at(now time.Time, used map[Window]Count) Input {
	return Input{Now: now, Used: used, Path: []Step{{"any", math.NaN()}}, Step: 24 * time.Hour, Agents: 10, MaxAgents: 100}
}

// world is what a perfect counter would know.
type world struct {
	posts []time.Time
	zone  *time.Location
}

// used returns the posts that count in the windows at now.
func (w world) used(now time.Time) map[Window]int {
	n := map[Window]int{}
	for _, post := range w.posts {
		if now.Sub(post) < 24*time.Hour {
			n[Rolling24h]++
		}
		if post.In(w.zone).Format(time.DateOnly) == now.In(w.zone).Format(time.DateOnly) {
			n[LocalDay]++
		}
	}
	return n
}

func (w world) measured(now time.Time) map[Window]Count {
	n := w.used(now)
	return measured(n[LocalDay], n[Rolling24h])
}

// I26: once a post was seen it counts for as long as its window lasts, whatever is
// measured later, and after a crash that loses the last states, so that the spend
// in no window is above the limit.
func TestUsedNeverFallsInsideAWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom([]string{"UTC", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe"}).Draw(t, "zone")
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		b := spendall(rapid.SampledFrom([]Window{LocalDay, Rolling24h, Both}).Draw(t, "window"), location)
		w := world{zone: location}
		// São Paulo has no midnight on 2017-10-15, and Apia no 2011-12-30.
		now := rapid.SampledFrom([]time.Time{noon, time.Date(2017, 10, 14, 12, 0, 0, 0, location), time.Date(2011, 12, 29, 1, 0, 0, 0, location)}).Draw(t, "begin")
		_, st := b.Decide(at(now, w.measured(now)), State{})
		old := st
		for range rapid.IntRange(1, 80).Draw(t, "decisions") {
			now = now.Add(time.Duration(rapid.IntRange(1, 240).Draw(t, "minutes")) * time.Minute)
			used := w.measured(now)
			switch rapid.SampledFrom([]string{"right", "right", "less", "nothing", "missing", "crash"}).Draw(t, "measurement") {
			case "less":
				share := rapid.Float64Range(0, 1).Draw(t, "share")
				for window, n := range used {
					used[window] = Count{Posts: share * n.Posts, Known: true}
				}
			case "nothing":
				used = measured(0, 0)
			case "missing":
				used = nil
			case "crash":
				st = old
			}
			var c Cap
			c, st = b.Decide(at(now, used), st)
			if n := w.used(now)[c.Window]; c.Used < n {
				t.Fatalf("at %s %d count as used in %s, truly %d: %+v", now, c.Used, c.Window, n, c)
			}
			if rapid.Bool().Draw(t, "keep") {
				old = st
			}
			if c.Agents > 0 && rapid.Bool().Draw(t, "post") {
				w.posts = append(w.posts, now)
				_, st = b.Decide(at(now, w.measured(now)), st)
				old = st
			}
			for _, window := range b.Windows() {
				if n := w.used(now)[window]; n > b.Limit {
					t.Fatalf("at %s %d posts count in %s", now, n, window)
				}
			}
		}
	})
}

// While all is measured, used is what is measured: memory adds nothing.
func TestUsedIsWhatIsMeasured(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := spendall(rapid.SampledFrom([]Window{LocalDay, Rolling24h}).Draw(t, "window"), time.UTC)
		w := world{zone: time.UTC}
		now := noon
		for range rapid.IntRange(0, 4).Draw(t, "before") { // nobody watched
			w.posts = append(w.posts, now.Add(-time.Duration(rapid.IntRange(1, 30*60).Draw(t, "age"))*time.Minute))
		}
		var st State
		for range rapid.IntRange(1, 80).Draw(t, "decisions") {
			var c Cap
			c, st = b.Decide(at(now, w.measured(now)), st)
			if n := w.used(now)[b.Window]; c.Used != n || c.Status == Unknown {
				t.Fatalf("at %s %d are used, want %d: %+v", now, c.Used, n, c)
			}
			if c.Agents > 0 && rapid.Bool().Draw(t, "post") {
				w.posts = append(w.posts, now)
				_, st = b.Decide(at(now, w.measured(now)), st)
			}
			now = now.Add(time.Duration(rapid.IntRange(1, 240).Draw(t, "minutes")) * time.Minute)
		}
	})
}

// I27: a budget that is spent as soon as it may be is spent once a date, on days
// of 23 and 25 hours, without midnight and beside a date that does not exist.
func TestOneResetPerDate(t *testing.T) {
	tests := []struct {
		name, zone string
		from       time.Time // in UTC, around noon there
	}{
		{"ordinary", "America/New_York", time.Date(2026, 11, 10, 17, 0, 0, 0, time.UTC)},
		{"23 hours", "America/New_York", time.Date(2026, 3, 6, 17, 0, 0, 0, time.UTC)},
		{"25 hours", "America/New_York", time.Date(2026, 10, 30, 16, 0, 0, 0, time.UTC)},
		{"leap day", "UTC", time.Date(2028, 2, 27, 12, 0, 0, 0, time.UTC)},
		{"no midnight", "America/Sao_Paulo", time.Date(2017, 10, 13, 15, 0, 0, 0, time.UTC)},
		{"23 o'clock twice", "America/Sao_Paulo", time.Date(2017, 2, 16, 14, 0, 0, 0, time.UTC)},
		{"no midnight", "Africa/Cairo", time.Date(2026, 4, 22, 10, 0, 0, 0, time.UTC)},
		{"23 o'clock twice", "Africa/Cairo", time.Date(2026, 10, 27, 9, 0, 0, 0, time.UTC)},
		{"no midnight", "Asia/Beirut", time.Date(2026, 3, 27, 10, 0, 0, 0, time.UTC)},
		{"no midnight", "America/Santiago", time.Date(2026, 9, 4, 16, 0, 0, 0, time.UTC)},
		{"midnight twice", "America/Havana", time.Date(2026, 10, 30, 16, 0, 0, 0, time.UTC)},
		{"no 2011-12-30", "Pacific/Apia", time.Date(2011, 12, 28, 22, 0, 0, 0, time.UTC)},
		{"half an hour", "Australia/Lord_Howe", time.Date(2026, 4, 3, 1, 0, 0, 0, time.UTC)},
	}
	for _, tt := range tests {
		t.Run(tt.name+" in "+tt.zone, func(t *testing.T) {
			zone := location(t, tt.zone)
			b := spendall(LocalDay, zone)
			w := world{zone: zone}
			var st State
			perDate, resets, last := map[string]int{}, map[string]int{}, 0
			for now := tt.from; now.Before(tt.from.Add(96 * time.Hour)); now = now.Add(10 * time.Minute) {
				date := now.In(zone).Format(time.DateOnly)
				since := 0
				for _, post := range w.posts {
					if !post.Before(b.Start(LocalDay, now)) {
						since++
					}
				}
				var c Cap
				c, st = b.Decide(at(now, measured(since, 0)), st)
				if c.Used < last {
					resets[date]++
				}
				last = c.Used
				if c.Agents > 0 {
					w.posts = append(w.posts, now)
					perDate[date]++
				}
			}
			wantPosts, wantResets := map[string]int{}, map[string]int{}
			for now := tt.from; now.Before(tt.from.Add(96 * time.Hour)); now = now.Add(10 * time.Minute) {
				wantPosts[now.In(zone).Format(time.DateOnly)] = b.Limit
				wantResets[now.In(zone).Format(time.DateOnly)] = 1
			}
			delete(wantResets, tt.from.In(zone).Format(time.DateOnly)) // there was nothing before it
			if diff := cmp.Diff([]any{wantPosts, wantResets}, []any{perDate, resets}); diff != "" {
				t.Errorf("posts and resets per date (-want +got)\n%s", diff)
			}
		})
	}
}

// A step is one decision of a story about used.
type storyStep struct {
	after time.Duration // since noon in UTC
	used  int           // what is measured
	want  int
}

func TestUsedRemembers(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		name   string
		window Window
		story  []storyStep
	}{
		{"a counter that falls in the day", LocalDay, []storyStep{{0, 3, 3}, {time.Hour, 1, 3}, {2 * time.Hour, 4, 4}, {3 * time.Hour, 0, 4}, {13 * time.Hour, 0, 0}}},
		{"a clock that is an hour fast for a while", LocalDay, []storyStep{{11 * time.Hour, 3, 3}, {12*time.Hour + time.Minute, 1, 1}, {11*time.Hour + 2*time.Minute, 0, 3}, {12*time.Hour + time.Minute, 0, 1}}},
		{"a clock that is a day fast for a while", LocalDay, []storyStep{{0, 3, 3}, {day, 1, 1}, {time.Hour, 0, 3}, {day + time.Hour, 0, 1}}},
		{"a clock that is a day slow for a while", LocalDay, []storyStep{{0, 3, 3}, {-day, 1, 1}, {time.Hour, 0, 3}, {time.Hour - day, 0, 1}}},
		{"a counter that falls in 24 hours", Rolling24h, []storyStep{{0, 0, 0}, {time.Hour, 3, 3}, {2 * time.Hour, 1, 3}, {3 * time.Hour, 4, 4}, {4 * time.Hour, 0, 4}, {25*time.Hour - 1, 0, 4}, {25 * time.Hour, 0, 1}, {27 * time.Hour, 0, 0}}},
		{"posts from before the watch", Rolling24h, []storyStep{{0, 4, 4}, {time.Hour, 3, 3}, {2 * time.Hour, 4, 4}, {3 * time.Hour, 1, 1}, {4 * time.Hour, 0, 1}, {26 * time.Hour, 0, 0}}},
		{"one comes back while another is made", Rolling24h, []storyStep{{0, 0, 0}, {time.Hour, 1, 1}, {20 * time.Hour, 1, 1}, {25 * time.Hour, 1, 1}, {26 * time.Hour, 0, 1}, {49 * time.Hour, 0, 0}}},
		{"posts of two days nobody watched", Rolling24h, []storyStep{{0, 0, 0}, {2 * day, 4, 4}, {2*day + time.Hour, 1, 1}}},
		{"a clock that is a day fast for a while, rolling", Rolling24h, []storyStep{{0, 0, 0}, {time.Hour, 3, 3}, {day + 2*time.Hour, 0, 0}, {3 * time.Hour, 0, 3}, {day + 30*time.Minute, 0, 3}}},
		{"a clock that is put back: posts count for 24 hours more at most", Rolling24h, []storyStep{{30 * day, 0, 0}, {30*day + time.Hour, 3, 3}, {0, 0, 3}, {day, 0, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := spendall(tt.window, time.UTC)
			start := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
			var st State
			for i, step := range tt.story {
				var c Cap
				c, st = b.Decide(at(start.Add(step.after), measured(step.used, step.used)), st)
				if c.Used != step.want || c.Status == Unknown {
					t.Errorf("%d. after %s: %d used, want %d: %s", i+1, step.after, c.Used, step.want, c.Detail)
				}
			}
		})
	}
}

// The memory is bounded, however long and wildly it is fed.
func TestStateIsBounded(t *testing.T) {
	b := spendall(Both, time.UTC)
	var st State
	for i := range 3000 {
		_, st = b.Decide(at(noon.Add(time.Duration(i)*10*time.Minute), measured(i%40, i)), st)
	}
	if len(st.Days) > 4 || len(st.Rolling.Spent) > 2*24*6 {
		t.Errorf("%d days and %d spendings are kept", len(st.Days), len(st.Rolling.Spent))
	}
}
