package budget

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon in New York, twelve hours before the reset.
var noon = time.Date(2026, 11, 12, 17, 0, 0, 0, time.UTC)

// hours is a path of the class with so many posts in each of so many hours.
func hours(n int, class string, posts float64) []Step {
	path := make([]Step, n)
	for i := range path {
		path[i] = Step{class, posts}
	}
	return path
}

// evening is a path from noon: off-peak until 18, peak until 23, then off-peak.
func evening(offPeak, peak float64) []Step {
	return append(append(hours(6, "off_peak", offPeak), hours(5, "peak", peak)...), hours(13, "off_peak", offPeak)...)
}

func TestDecide(t *testing.T) {
	unknown := map[Window]Count{}
	seeded := State{Rolling: Rolling{Spent: []Spending{{noon.Add(-2 * time.Hour), 8}, {noon.Add(-20 * time.Hour), 9}}}}
	watched := State{
		Days:    []Day{{"America/New_York", "2026-11-12", 11}},
		Rolling: Rolling{Known: noon.Add(-time.Hour), Spent: []Spending{{noon.Add(-2 * time.Hour), 11}}},
	}
	yesterday := State{Days: []Day{{"America/New_York", "2026-11-11", 17}}}
	tests := []struct {
		name   string
		window Window
		path   []Step
		perDay float64 // unforeseen posts of breaking news
		used   map[Window]Count
		state  State
		want   Cap
	}{
		{"the reserve is kept", LocalDay, hours(12, "peak", 4), 0, measured(12, 0), State{},
			Cap{Status: OK, Scarce: true, Agents: 30, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2, Exhaustion: noon.Add(75 * time.Minute),
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: at most 3 posts in the next hour, 30 agents of 0.1 posts an hour"}},
		{"no more agents than the posts expected need", LocalDay, hours(12, "peak", 0.25), 0, measured(12, 0), State{},
			Cap{Status: OK, Agents: 3, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2,
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: 0.25 posts expected in the next hour, 3 agents of 0.1 posts an hour"}},
		{"nothing is expected, and one agent waits", LocalDay, hours(12, "peak", 0), 0, measured(12, 0), State{},
			Cap{Status: OK, Agents: 1, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2,
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: 0 posts expected in the next hour, 1 agent of 0.1 posts an hour"}},
		{"no expectation does not hold", LocalDay, hours(12, "peak", math.NaN()), 0, measured(12, 0), State{},
			Cap{Status: OK, Scarce: true, Agents: 30, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2,
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: at most 3 posts in the next hour, 30 agents of 0.1 posts an hour"}},
		{"the pool has no more agents", LocalDay, hours(12, "breaking", 9), 0, measured(2, 0), State{},
			Cap{Status: OK, Agents: 40, Window: LocalDay, Class: "breaking", Used: 2, Remaining: 15, Exhaustion: noon.Add(100 * time.Minute),
				Detail: "2 of 17 used today, 15 left: 9 posts expected in the next hour, 40 agents of 0.1 posts an hour"}},
		{"breaking news may spend the reserve", LocalDay, hours(12, "breaking", 4), 0, measured(15, 0), State{},
			Cap{Status: OK, Scarce: true, Agents: 20, Window: LocalDay, Class: "breaking", Used: 15, Remaining: 2, Exhaustion: noon.Add(30 * time.Minute),
				Detail: "15 of 17 used today, 2 left: at most 2 posts in the next hour, 20 agents of 0.1 posts an hour"}},
		// 10 peak posts are expected: P[Poisson(10) ≤ 11] = 0.70 ≥ 1 − 1/3 > 0.58.
		{"what the evening needs is kept", LocalDay, evening(1, 2), 0, measured(5, 0), State{},
			Cap{Status: OK, Agents: 10, Window: LocalDay, Class: "off_peak", Used: 5, Remaining: 12, Protected: 11, Exhaustion: noon.Add(9 * time.Hour),
				Detail: "5 of 17 used today, 12 left, 11 kept for peak and breaking until 00:00: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},
		{"all is kept for the evening", LocalDay, evening(1, 2), 0, measured(6, 0), State{},
			Cap{Status: Held, Scarce: true, Window: LocalDay, Class: "off_peak", Used: 6, Remaining: 11, Protected: 11, Exhaustion: noon.Add(8*time.Hour + 30*time.Minute),
				Detail: "6 of 17 used today, 11 left, all kept for peak and breaking until 00:00"}},
		// 4 a day are 2 in half a day: P[Poisson(2) ≤ 2] = 0.68 ≥ 1 − 3/8 > 0.41.
		{"unforeseen news are expected evenly", LocalDay, hours(12, "peak", 4), 4, measured(10, 0), State{},
			Cap{Status: OK, Agents: 40, Window: LocalDay, Class: "peak", Used: 10, Remaining: 7, Protected: 2, Exhaustion: noon.Add(7 * time.Hour * 6 / 25),
				Detail: "10 of 17 used today, 7 left, 2 kept for breaking until 00:00: 4 posts expected in the next hour, 40 agents of 0.1 posts an hour"}},
		{"a day that was not touched", LocalDay, hours(12, "peak", 1.1), 0, measured(0, 0), State{},
			Cap{Status: OK, Agents: 11, Window: LocalDay, Class: "peak", Remaining: 17, Protected: 2,
				Detail: "0 of 17 used today, 17 left, 2 kept for breaking until 00:00: 1.1 posts expected in the next hour, 11 agents of 0.1 posts an hour"}},
		{"nothing is left", LocalDay, hours(12, "breaking", 4), 0, measured(17, 0), State{},
			Cap{Status: Exhausted, Scarce: true, Window: LocalDay, Class: "breaking", Used: 17, Exhaustion: noon, Detail: "17 of 17 used today, nothing left until 00:00"}},
		{"more than all was used", LocalDay, hours(12, "breaking", 4), 0, measured(19, 0), State{},
			Cap{Status: Exhausted, Scarce: true, Window: LocalDay, Class: "breaking", Used: 19, Exhaustion: noon, Detail: "19 of 17 used today, nothing left until 00:00"}},
		{"extrapolated counts are rounded", LocalDay, hours(12, "breaking", 1), 0, map[Window]Count{LocalDay: {Posts: 12.4, Known: true}}, State{},
			Cap{Status: OK, Agents: 10, Window: LocalDay, Class: "breaking", Used: 12, Remaining: 5, Exhaustion: noon.Add(5 * time.Hour),
				Detail: "12 of 17 used today, 5 left: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},

		{"a rolling window that is used up waits for the oldest", Rolling24h, hours(24, "peak", 1), 0, measured(0, 17), seeded,
			Cap{Status: Exhausted, Scarce: true, Window: Rolling24h, Class: "peak", Used: 17, Until: noon.Add(4 * time.Hour), Exhaustion: noon,
				Detail: "17 of 17 used in the last 24 h, nothing left until 16:00"}},
		{"what is back before better posts come need not be kept", Rolling24h, evening(1, 1), 0, measured(0, 13),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-20 * time.Hour), 13}}}},
			Cap{Status: OK, Agents: 10, Window: Rolling24h, Class: "off_peak", Used: 13, Remaining: 4, Protected: 2, Until: noon.Add(4 * time.Hour), Exhaustion: noon.Add(17 * time.Hour),
				Detail: "13 of 17 used in the last 24 h, 4 left, 2 kept for peak and breaking: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},
		// P[Poisson(5) ≤ 5] = 0.62 < 1 − 1/3 ≤ 0.76: 6 are needed, 4 are left.
		{"what is back too late must be kept", Rolling24h, evening(0.5, 1), 0, measured(0, 13),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-10 * time.Hour), 13}}}},
			Cap{Status: Held, Scarce: true, Window: Rolling24h, Class: "off_peak", Used: 13, Remaining: 4, Protected: 4, Until: noon.Add(14 * time.Hour), Exhaustion: noon.Add(7 * time.Hour),
				Detail: "13 of 17 used in the last 24 h, 4 left, all kept for peak and breaking"}},
		{"what is older than 24 hours is back already", Rolling24h, evening(0.5, 1), 0, measured(0, 13),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-30 * time.Hour), 10}, {noon.Add(-10 * time.Hour), 13}}}},
			Cap{Status: Held, Scarce: true, Window: Rolling24h, Class: "off_peak", Used: 13, Remaining: 4, Protected: 4, Until: noon.Add(14 * time.Hour), Exhaustion: noon.Add(7 * time.Hour),
				Detail: "13 of 17 used in the last 24 h, 4 left, all kept for peak and breaking"}},
		// As above until 16:00. Then 2 are back, and until 14:00 tomorrow 15 more are
		// expected: P[Poisson(15) ≤ 17] = 0.75 ≥ 1 − 1/3 > 0.66, less 2 are 15.
		{"what is back is not enough", Rolling24h, evening(0.5, 3), 0, measured(0, 13),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-20 * time.Hour), 2}, {noon.Add(-3 * time.Hour), 11}}}},
			Cap{Status: Held, Scarce: true, Window: Rolling24h, Class: "off_peak", Used: 13, Remaining: 4, Protected: 4, Until: noon.Add(4 * time.Hour), Exhaustion: noon.Add(7 * time.Hour),
				Detail: "13 of 17 used in the last 24 h, 4 left, all kept for peak and breaking"}},
		{"more than all was used in 24 hours", Rolling24h, hours(24, "peak", 1), 0, measured(0, 19),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-20 * time.Hour), 2}, {noon.Add(-19 * time.Hour), 17}}}},
			Cap{Status: Exhausted, Scarce: true, Window: Rolling24h, Class: "peak", Used: 19, Until: noon.Add(5 * time.Hour), Exhaustion: noon,
				Detail: "19 of 17 used in the last 24 h, nothing left until 17:00"}},
		{"nothing was used in 24 hours", Rolling24h, hours(24, "peak", 0.5), 0, measured(0, 0), State{},
			Cap{Status: OK, Agents: 5, Window: Rolling24h, Class: "peak", Remaining: 17, Protected: 2,
				Detail: "0 of 17 used in the last 24 h, 17 left, 2 kept for breaking: 0.5 posts expected in the next hour, 5 agents of 0.1 posts an hour"}},
		// In the rolling window more is left, and more is kept.
		{"the window of which less may be spent counts", Both, hours(24, "peak", 0.1), 8, measured(9, 7),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-time.Hour), 7}}}},
			Cap{Status: OK, Agents: 1, Window: Rolling24h, Class: "peak", Used: 7, Remaining: 10, Protected: 8, Until: noon.Add(23 * time.Hour),
				Detail: "7 of 17 used in the last 24 h, 10 left, 8 kept for breaking: 0.1 posts expected in the next hour, 1 agent of 0.1 posts an hour"}},
		{"the earlier exhaustion counts, be it of the other window", Both, hours(24, "breaking", 1), 0, measured(12, 13),
			State{Rolling: Rolling{Spent: []Spending{{noon.Add(-23 * time.Hour), 13}}}},
			Cap{Status: OK, Agents: 10, Window: Rolling24h, Class: "breaking", Used: 13, Remaining: 4, Until: noon.Add(time.Hour), Exhaustion: noon.Add(5 * time.Hour),
				Detail: "13 of 17 used in the last 24 h, 4 left: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},
		{"the stricter window counts", Both, hours(24, "breaking", 1), 0, measured(10, 14), State{},
			Cap{Status: OK, Agents: 10, Window: Rolling24h, Class: "breaking", Used: 14, Remaining: 3, Until: noon.Add(2 * time.Hour), Exhaustion: noon.Add(5 * time.Hour),
				Detail: "14 of 17 used in the last 24 h, 3 left: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},
		{"which may be the day", Both, hours(24, "breaking", 0.1), 0, measured(15, 14), State{},
			Cap{Status: OK, Agents: 1, Window: LocalDay, Class: "breaking", Used: 15, Remaining: 2,
				Detail: "15 of 17 used today, 2 left: 0.1 posts expected in the next hour, 1 agent of 0.1 posts an hour"}},

		{"not known: no raise", LocalDay, hours(12, "breaking", 2), 0, unknown, watched,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Window: LocalDay, Class: "breaking", Used: 11, Remaining: 6, Exhaustion: noon.Add(3 * time.Hour),
				Detail: "the posts used are not known; when last known: 11 of 17 used today, 6 left: 2 posts expected in the next hour, 20 agents of 0.1 posts an hour; no raise above 7 agents"}},
		{"not known, and fewer are expected to be needed than there are", LocalDay, hours(12, "breaking", 0.3), 0, unknown, watched,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Window: LocalDay, Class: "breaking", Used: 11, Remaining: 6,
				Detail: "the posts used are not known; when last known: 11 of 17 used today, 6 left: 0.3 posts expected in the next hour, 3 agents of 0.1 posts an hour; no raise above 7 agents"}},
		{"not known, and the posts known leave fewer", LocalDay, hours(12, "peak", 9), 0, unknown, State{Days: []Day{{"America/New_York", "2026-11-12", 14}}},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Window: LocalDay, Class: "peak", Used: 14, Remaining: 3, Protected: 2, Exhaustion: noon.Add(20 * time.Minute),
				Detail: "the posts used are not known; when last known: 14 of 17 used today, 3 left, 2 kept for breaking until 00:00: at most 1 post in the next hour, 10 agents of 0.1 posts an hour; no raise above 7 agents"}},
		{"not known, and the posts known leave none", LocalDay, hours(12, "peak", 9), 0, unknown, State{Days: []Day{{"America/New_York", "2026-11-12", 17}}},
			Cap{Status: Unknown, Scarce: true, Window: LocalDay, Class: "peak", Used: 17, Until: noon.Add(12 * time.Hour), Exhaustion: noon,
				Detail: "the posts used are not known; when last known: 17 of 17 used today, nothing left until 00:00; no raise above 7 agents"}},
		{"not known in the rolling window either", Rolling24h, hours(24, "breaking", 0.1), 0, unknown, watched,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Window: Rolling24h, Class: "breaking", Used: 11, Remaining: 6, Until: noon.Add(22 * time.Hour),
				Detail: "the posts used are not known; when last known: 11 of 17 used in the last 24 h, 6 left: 0.1 posts expected in the next hour, 1 agent of 0.1 posts an hour; no raise above 7 agents"}},
		{"one of two windows is not known", Both, hours(24, "breaking", 2), 0, map[Window]Count{Rolling24h: {Posts: 3, Known: true}}, State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Window: Rolling24h, Class: "breaking", Used: 3, Remaining: 14, Until: noon.Add(8 * time.Hour), Exhaustion: noon.Add(7 * time.Hour),
				Detail: "the posts used are not known; when last known: 3 of 17 used in the last 24 h, 14 left: 2 posts expected in the next hour, 20 agents of 0.1 posts an hour; no raise above 7 agents"}},
		{"never known in the window", LocalDay, hours(12, "breaking", 2), 0, unknown, yesterday,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Class: "breaking", Detail: "the posts used are not known; no raise above 7 agents"}},
		{"a count of yesterday is none of today", LocalDay, hours(12, "breaking", 2), 0,
			map[Window]Count{LocalDay: {Posts: 17, Time: noon.Add(-12*time.Hour - time.Second), Known: true}}, yesterday,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Class: "breaking", Detail: "the posts used are not known; no raise above 7 agents"}},
		{"nor is one of tomorrow", LocalDay, hours(12, "breaking", 2), 0,
			map[Window]Count{LocalDay: {Posts: 17, Time: noon.Add(12 * time.Hour), Known: true}}, yesterday,
			Cap{Status: Unknown, Scarce: true, Agents: 7, Class: "breaking", Detail: "the posts used are not known; no raise above 7 agents"}},
		{"a day of another zone is another day", LocalDay, hours(12, "breaking", 1), 0, measured(12, 0),
			State{Days: []Day{{"Asia/Tokyo", "2026-11-12", 17}}},
			Cap{Status: OK, Agents: 10, Window: LocalDay, Class: "breaking", Used: 12, Remaining: 5, Exhaustion: noon.Add(5 * time.Hour),
				Detail: "12 of 17 used today, 5 left: 1 post expected in the next hour, 10 agents of 0.1 posts an hour"}},
		{"a count a little back is one of today", LocalDay, hours(12, "breaking", 2), 0,
			map[Window]Count{LocalDay: {Posts: 1, Time: noon.Add(-30 * time.Second), Known: true}}, yesterday,
			Cap{Status: OK, Agents: 20, Window: LocalDay, Class: "breaking", Used: 1, Remaining: 16, Exhaustion: noon.Add(8 * time.Hour),
				Detail: "1 of 17 used today, 16 left: 2 posts expected in the next hour, 20 agents of 0.1 posts an hour"}},
		{"never known keeps the agents", LocalDay, hours(12, "peak", 2), 0, unknown, State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Class: "peak", Detail: "the posts used are not known; no raise above 7 agents"}},
		{"a count that cannot be", LocalDay, hours(12, "breaking", 4), 0, map[Window]Count{LocalDay: {Posts: math.MaxFloat64, Known: true}}, State{},
			Cap{Status: Exhausted, Scarce: true, Window: LocalDay, Class: "breaking", Used: 1e6, Exhaustion: noon, Detail: "1000000 of 17 used today, nothing left until 00:00"}},
		{"not a number is not known", LocalDay, hours(12, "peak", 2), 0, map[Window]Count{LocalDay: {Posts: math.NaN(), Known: true}}, State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Class: "peak", Detail: "the posts used are not known; no raise above 7 agents"}},
		{"a negative expectation is missing", LocalDay, hours(12, "peak", -1), 0, measured(12, 0), State{},
			Cap{Status: OK, Scarce: true, Agents: 30, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2,
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: at most 3 posts in the next hour, 30 agents of 0.1 posts an hour"}},
		{"so is an infinite one", LocalDay, hours(12, "peak", math.Inf(1)), 0, measured(12, 0), State{},
			Cap{Status: OK, Scarce: true, Agents: 30, Window: LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2,
				Detail: "12 of 17 used today, 5 left, 2 kept for breaking until 00:00: at most 3 posts in the next hour, 30 agents of 0.1 posts an hour"}},
		{"a path without a step", LocalDay, nil, 0, measured(3, 0), State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Detail: "the path of expected posts is empty; no raise above 7 agents"}},
		{"a class that nobody knows", LocalDay, hours(12, "brekaing", 2), 0, measured(3, 0), State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Detail: `the path of expected posts has a class "brekaing", which the budget does not have; no raise above 7 agents`}},
		{"a budget that is not valid", "weekly", hours(12, "peak", 2), 0, measured(3, 0), State{},
			Cap{Status: Unknown, Scarce: true, Agents: 7, Detail: `the budget is not valid: window "weekly" is not local_day, rolling_24h or both; no raise above 7 agents`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := testBudget()
			b.Window, b.Location, b.Classes[2].PerDay = tt.window, location(t, "America/New_York"), tt.perDay
			if tt.want.Window == LocalDay {
				tt.want.Until = noon.Add(12 * time.Hour)
			}
			got, _ := b.Decide(Input{Now: noon, Used: tt.used, Path: tt.path, Step: time.Hour, Agents: 7, MaxAgents: 40}, tt.state)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAgentsAreBounded(t *testing.T) {
	b := testBudget()
	b.PostsPerAgentHour = math.SmallestNonzeroFloat64
	in := Input{Now: noon, Used: measured(5, 0), Path: hours(12, "breaking", 1), Step: time.Hour, MaxAgents: math.MaxInt}
	if c, _ := b.Decide(in, State{}); c.Agents != maxAgents {
		t.Errorf("%d agents, want %d", c.Agents, maxAgents)
	}
}

func TestDecideOnStepsOfAnyLength(t *testing.T) {
	tests := []struct {
		name   string
		step   time.Duration
		path   []Step
		status Status
		agents int
		kept   int
	}{
		// 20 in 8 hours, of which the reset leaves 4.
		{"the reset cuts a step", 8 * time.Hour, []Step{{"off_peak", 8}, {"peak", 20}}, OK, 10, 11},
		{"the next hour is several steps", 20 * time.Minute, []Step{{"breaking", 0.1}, {"peak", 0.2}, {"peak", 0.3}, {"peak", 9}}, OK, 6, 0},
		{"one of which is cut", 40 * time.Minute, []Step{{"breaking", 0.1}, {"peak", 0.4}}, OK, 3, 0},
		{"one of which is missing", 20 * time.Minute, []Step{{"breaking", 0.1}, {"peak", math.NaN()}, {"peak", 0.3}}, OK, 40, 0},
		{"the path ends within the hour", 15 * time.Minute, []Step{{"breaking", 0.1}}, OK, 4, 0},
		{"no length", 0, []Step{{"breaking", 0.1}}, Unknown, 7, 0},
		{"less than no length", -time.Hour, []Step{{"breaking", 0.1}}, Unknown, 7, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := testBudget()
			b.Location = location(t, "America/New_York")
			c, _ := b.Decide(Input{Now: noon, Used: measured(5, 0), Path: tt.path, Step: tt.step, Agents: 7, MaxAgents: 40}, State{})
			if c.Status != tt.status || c.Agents != tt.agents || c.Protected != tt.kept {
				t.Errorf("%s, %d agents, %d kept; want %s, %d, %d: %s", c.Status, c.Agents, c.Protected, tt.status, tt.agents, tt.kept, c.Detail)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	if err := testBudget().Validate(); err != nil {
		t.Errorf("the example is not valid: %v", err)
	}
	tests := []struct {
		name   string
		change func(*Budget)
		want   string // in the error
	}{
		{"a negative limit", func(b *Budget) { b.Limit = -1; b.Reserve = 0 }, "limit -1 is not between 0 and 10000"},
		{"a huge limit", func(b *Budget) { b.Limit = math.MaxInt }, "is not between 0 and 10000"},
		{"a window nobody knows", func(b *Budget) { b.Window = "weekly" }, `window "weekly" is not local_day, rolling_24h or both`},
		{"no class", func(b *Budget) { b.Classes = nil }, "there is no value class"},
		{"a class without a name", func(b *Budget) { b.Classes[1].Name = "" }, "class 2 of 3 has no name"},
		{"a class that is there twice", func(b *Budget) { b.Classes[1].Name = "off_peak" }, `class "off_peak" is there twice`},
		{"a post worth nothing", func(b *Budget) { b.Classes[1].Value = 0 }, `class "peak": value 0 is not above 0`},
		{"a value that is not a number", func(b *Budget) { b.Classes[1].Value = math.NaN() }, `class "peak": value NaN is not above 0`},
		{"an infinite value", func(b *Budget) { b.Classes[1].Value = math.Inf(1) }, `class "peak": value +Inf is not above 0 and at most 1000000`},
		{"negative posts a day", func(b *Budget) { b.Classes[2].PerDay = -1 }, `class "breaking": -1 unforeseen posts a day are not between 0 and 1000000`},
		{"posts a day that are not a number", func(b *Budget) { b.Classes[2].PerDay = math.NaN() }, `class "breaking": NaN unforeseen posts a day`},
		{"a negative reserve", func(b *Budget) { b.Reserve = -1 }, "reserve -1 is not between 0 and the limit of 17"},
		{"a reserve above the limit", func(b *Budget) { b.Reserve = 18 }, "reserve 18 is not between 0 and the limit of 17"},
		{"agents that post nothing", func(b *Budget) { b.PostsPerAgentHour = 0 }, "0 posts per agent and hour are not above 0"},
		{"agents that post an unknown number", func(b *Budget) { b.PostsPerAgentHour = math.NaN() }, "NaN posts per agent and hour are not above 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := testBudget()
			tt.change(&b)
			err := b.Validate()
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one error with %q", err, tt.want)
			}
		})
	}
	if err := (Budget{Limit: -1, Reserve: -1}).Validate(); strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not all of four problems are told: %v", err)
	}
}
