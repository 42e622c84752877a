package rulefile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

func TestTemplatesAndDefaults(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{
		"a.yml": `
defaults:
  lead_time: 7m
  sensitivity: 0.7
  location: America/New_York
  agents: {min: 1, max: 10}
templates:
  - name: league
    lead_time: 12m
    cost: {under: 9, over: 1}
    on_data_loss: {after: 5m, then: hold}
    labels: {category: league}
    load: {query: sum by (league) (agent_load), per_agent: 10, completeness: count by (league) (agent_load)}
    behavior: {scale_down: {stabilization_window: 10m, tolerance: 0.2}}
`,
		"b.yml": `
pools:
  - {name: nba, template: league, labels: {league: nba}, load: {match: {league: NBA}}, agents: {max: 40}}
  - {name: nfl, template: league, quantile: 0.5, load: {per_agent: 5}, behavior: {scale_down: {tolerance: 0}}, forecast: {max_age: 1h}, on_data_loss: {then: 8}}
  - {name: own, load: {query: x, per_agent: 1}, season: {low: 0.3, low_max: 50%, high: 2, high_min_factor: 1.5}, hosts: gpu, current: {query: y, match: {a: b}}}
`})
	if problems != "" {
		t.Fatal(problems)
	}
	nba, nfl, own := rules.Pools[0], rules.Pools[1], rules.Pools[2]
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"nba lead time of the template", nba.Pool.LeadTime, 12 * time.Minute},
		{"nba quantile of the template's cost", nba.Pool.Quantile, 0.9},
		{"nba labels of both", nba.Pool.Labels, map[string]string{"category": "league", "league": "nba"}},
		{"nba agents of both", nba.Pool.Agents, policy.Agents{Base: 1, Min: 1, Max: 40}},
		{"nba load of both", nba.Load, policy.Signal{Query: "sum by (league) (agent_load)", Match: map[string]string{"league": "NBA"}}},
		{"nba completeness of both", nba.Completeness, &policy.Signal{Query: "count by (league) (agent_load)", Match: map[string]string{"league": "NBA"}}},
		{"own completeness is not measured", own.Completeness, (*policy.Signal)(nil)},
		{"nba location of the defaults", nba.Pool.Location.String(), "America/New_York"},
		{"nba sensitivity of the defaults", nba.Pool.Sensitivity, 0.7},
		{"nfl's own quantile beats the template's cost", nfl.Pool.Quantile, 0.5},
		{"nfl per_agent", nfl.Pool.PerAgent, 5.0},
		{"nfl window of the template", nfl.Pool.Behavior.ScaleDown.StabilizationWindow, 10 * time.Minute},
		{"nfl's own tolerance of nothing", nfl.Pool.Behavior.ScaleDown.Tolerance, 0.0},
		{"nba data loss of the template", nba.Pool.OnDataLoss, policy.DataLoss{After: 5 * time.Minute, Then: policy.ThenHold}},
		{"nfl data loss of both", nfl.Pool.OnDataLoss, policy.DataLoss{After: 5 * time.Minute, Then: policy.ThenAgents, Agents: 8}},
		{"own data loss", own.Pool.OnDataLoss, policy.DataLoss{}},
		{"nfl forecast", nfl.Pool.ForecastMaxAge, time.Hour},
		{"own lead time of the defaults", own.Pool.LeadTime, 7 * time.Minute},
		{"own season", own.Pool.Season, policy.Season{Low: 0.3, LowMaxPercent: 50, High: 2, HighMinFactor: 1.5}},
		{"own hosts", own.Pool.Hosts, "gpu"},
		{"own count", own.Current, &policy.Signal{Query: "y", Match: map[string]string{"a": "b"}}},
		{"nba count of the orchestrator", nba.Current, (*policy.Signal)(nil)},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	_, problems = loadFiles(t, map[string]string{"a.yml": "defaults: {lead_time: 1m}\n", "b.yml": "defaults: {lead_time: 2m}\npools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n"})
	if want := "b.yml:1:11: defaults are already given at a.yml:1:11"; problems != want {
		t.Errorf("two defaults: got %q, want %q", problems, want)
	}
}

func TestEffectsAndConditions(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"a.yml": `
time_intervals:
  - {name: nights, time_intervals: [{times: [{start_time: "00:00", end_time: "06:00"}]}]}
pools:
  - {name: a, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}}
rules:
  - {name: all, when: {event: {type: news}}, unless: {during: [nights], months: ["july"]}, demand: {multiply: 2, add: 3, by_hour: {"18-19": 1.5}, by_month: {may: 2}, ramp: {up: 10m}, half_life: 1h, group: g}}
  - {name: both, demand: {multiply: 2, ramp: 5m}}
  - {name: learned, when: {event: {type: game}}, demand: {multiply: 2, effect: learned}}
  - {name: quiet, when: {during: [nights]}, hold: down}
`})
	if problems != "" {
		t.Fatal(problems)
	}
	got := rules.Pools[0].Rules
	hours := [24]float64{}
	for h := range hours {
		hours[h] = 1
	}
	hours[18], hours[19] = 1.5, 1.5
	want := &policy.DemandEffect{
		Multiply: 2, Add: 3, ByHour: &hours, ByMonth: map[time.Month]float64{time.May: 2},
		RampUp: 10 * time.Minute, HalfLife: time.Hour, Group: "g",
	}
	if diff := cmp.Diff(want, got[0].Demand); diff != "" {
		t.Errorf("effect (-want +got):\n%s", diff)
	}
	if u := got[0].Unless; u == nil || len(u.During) != 1 || u.During[0].Name != "nights" || len(u.Months) != 1 || len(u.Events) > 0 {
		t.Errorf("unless: got %+v", u)
	}
	if d := got[1].Demand; d.RampUp != 5*time.Minute || d.RampDown != 5*time.Minute || d.Learned || got[1].Unless != nil {
		t.Errorf("one ramp for both sides: got %+v", d)
	}
	if !got[2].Demand.Learned || got[3].Hold != policy.HoldDown {
		t.Errorf("got %+v and %+v", got[2], got[3])
	}
}

func TestEventsFromDatesExpressionsAndOverrides(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"a.yml": `
event_sources:
  - name: specials
    location: America/New_York
    event: {type: special, labels: {league: nba}}
    classify: [{summary: derby, labels: {importance: high}}]
    dates:
      - {name: the derby, start: 2026-11-12T18:00, duration: 2h}
      - {name: draft, start: 2026-11-13T18:00:00Z, end: 2026-11-13 14:00, labels: {league: all}}
  - name: viral
    event: {type: viral, labels: {a: b}}
    expr: {query: "sum by (league) (mentions) > 100", for: 2m}
pools:
  - {name: a, location: America/New_York, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}}
overrides:
  - {pool: a, exact: 7, author: anna, reason: derby, start: 2026-11-12T18:00, end: 2026-11-12T20:00}
  - {pool: a, min: 2, author: anna, reason: after, start: 2026-11-12T20:00, end: 2026-11-12T21:00}
`})
	if problems != "" {
		t.Fatal(problems)
	}
	start := time.Date(2026, 11, 12, 23, 0, 0, 0, time.UTC)
	events := []policy.Event{
		{ID: "specials/the derby/20261112T230000Z", Type: "special", Name: "the derby", Start: start, End: start.Add(2 * time.Hour), Labels: map[string]string{"league": "nba", "importance": "high"}, Source: "specials"},
		{ID: "specials/draft/20261113T180000Z", Type: "special", Name: "draft", Start: start.Add(19 * time.Hour), End: start.Add(20 * time.Hour), Labels: map[string]string{"league": "all"}, Source: "specials"},
	}
	if diff := cmp.Diff(events, rules.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	exprs := []engine.Expr{{Name: "viral", Query: "sum by (league) (mentions) > 100", For: 2 * time.Minute, Type: "viral", Labels: map[string]string{"a": "b"}}}
	if diff := cmp.Diff(exprs, rules.Exprs); diff != "" {
		t.Errorf("expressions (-want +got):\n%s", diff)
	}
	seven, two := 7, 2
	overrides := []policy.Override{
		{ID: "a-20261112T230000Z", Pool: "a", Min: &seven, Max: &seven, Author: "anna", Reason: "derby", Start: start, End: start.Add(2 * time.Hour)},
		{ID: "a-20261113T010000Z", Pool: "a", Min: &two, Author: "anna", Reason: "after", Start: start.Add(2 * time.Hour), End: start.Add(3 * time.Hour)},
	}
	if diff := cmp.Diff(overrides, rules.Overrides); diff != "" {
		t.Errorf("overrides (-want +got):\n%s", diff)
	}
}

// Expressions of conditions are sources of their own, one for all that ask the same
// however it is spaced.
func TestExpressionsInConditions(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"a.yml": `
pools:
  - {name: a, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}}
rules:
  - {name: both, when: {event: {type: game}, lead: 30m, expr: {query: 'max  by(league) (queue>300)', for: 120s}}, demand: {multiply: 2, half_life: 1h}}
  - {name: alone, when: {expr: {query: max by (league) (queue > 300)}}, demand: {multiply: 2, effect: learned}}
  - {name: again, unless: {expr: {query: max by (league) (queue > 300), for: 2m}}, hold: down}
budgets:
  - name: posts
    limit: 3
    used: increase(posts[$window])
    posts_per_agent_hour: 1
    classes: [{name: hot, value: 3, when: {expr: {query: max by (league) (queue > 300)}}}, {name: rest, value: 1}]
`})
	if problems != "" {
		t.Fatal(problems)
	}
	const typ = "expr max by (league) (queue > 300)"
	long := policy.EventMatch{Type: typ + " for 2m"}
	p := rules.Pools[0]
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"an event and an expression", p.Rules[0].When.Events, []policy.EventMatch{{Type: "game", Labels: map[string]string{}, Lead: 30 * time.Minute}, long}},
		{"an expression alone", p.Rules[1].When.Events, []policy.EventMatch{{Type: typ}}},
		{"in unless", p.Rules[2].Unless.Events, []policy.EventMatch{long}},
		{"of a class", p.Budgets[0].When[0].When.Events, []policy.EventMatch{{Type: typ}}},
		{"sources", rules.Exprs, []engine.Expr{
			{Name: long.Type, Query: "max  by(league) (queue>300)", For: 2 * time.Minute, Type: long.Type},
			{Name: typ, Query: "max by (league) (queue > 300)", Type: typ},
		}},
		{"warnings", rules.Warnings.Error(), ""},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	var asked []string
	for _, q := range rules.Queries {
		if q.Events {
			asked = append(asked, q.What+" "+q.Query)
		}
	}
	if diff := cmp.Diff([]string{`rule "both": expr max  by(league) (queue>300)`, `rule "alone": expr max by (league) (queue > 300)`}, asked); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// A calendar that cannot be fetched costs its events, not the rules; its last good
// copy counts and that is told.
func TestCalendarsByURL(t *testing.T) {
	const file = "event_sources:\n  - {name: e, event: {type: game}, ics: {url: \"http://calendars.example/nba.ics\"}}\npools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n"
	name := filepath.Join(t.TempDir(), "r.yml")
	if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what    string
		fetch   func(_, _ string) ([]byte, error)
		events  int
		warning string
	}{
		{"fetched", func(_, _ string) ([]byte, error) { return []byte(nbaCalendar), nil }, 1, ""},
		{"an old copy", func(_, _ string) ([]byte, error) { return []byte(nbaCalendar), errors.New("503") }, 1, "503; its last good copy counts"},
		{"never fetched", func(_, _ string) ([]byte, error) { return nil, errors.New("connection refused") }, 0, "connection refused; its events are not known"},
		{"nobody fetches", nil, 0, "is not fetched here"},
	} {
		o := testOptions
		o.Fetch = tt.fetch
		rules, err := Load([]string{name}, o)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		if len(rules.Events) != tt.events {
			t.Errorf("%s: got %d events, want %d", tt.what, len(rules.Events), tt.events)
		}
		if got := rules.Warnings.Error(); !strings.Contains(got, tt.warning) || tt.warning == "" && got != "" {
			t.Errorf("%s: warned %q, want %q", tt.what, got, tt.warning)
		}
	}
}

func TestHolidays(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"a.yml": `
pools:
  - {name: a, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}, forecast: {holidays: [us, "2026-12-24", 2026-07-04]}}
  - {name: b, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}}
`})
	if problems != "" {
		t.Fatal(problems)
	}
	got := rules.Pools[0].Holidays
	count := map[string]int{}
	for i, day := range got {
		count[day.Format(time.DateOnly)]++
		if i > 0 && !day.After(got[i-1]) {
			t.Errorf("%s comes after %s", day, got[i-1])
		}
	}
	for _, day := range []string{"2025-11-27", "2026-11-26", "2026-12-24", "2026-12-25", "2026-07-04", "2028-12-25"} { // Thanksgiving and others
		if count[day] != 1 {
			t.Errorf("%s is there %d times", day, count[day])
		}
	}
	if count["2026-11-27"] > 0 || len(rules.Pools[1].Holidays) > 0 {
		t.Error("an ordinary day is a holiday")
	}
	_, problems = loadFiles(t, map[string]string{"a.yml": "pools:\n  - {name: a, agents: {min: 1, max: 10}, load: {query: x, per_agent: 1}, forecast: {holidays: [mars]}}\n"})
	if want := `a.yml:2:95: pool "a": holidays: expected a country (at, be, br`; !strings.Contains(problems, want) {
		t.Errorf("got %q, want %q", problems, want)
	}
}

// The examples of the reference are rule files, together one set.
func TestExamplesOfTheReference(t *testing.T) {
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "calendars"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "calendars", "nba.ics"), []byte(nbaCalendar), 0o600); err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, part := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(part, "```")
		name := filepath.Join(dir, string(rune('a'+i))+".yml")
		if err := os.WriteFile(name, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if len(names) < 2 {
		t.Fatalf("found %d examples", len(names))
	}
	if _, err := Load(names, testOptions); err != nil {
		t.Error(err)
	}
}

func TestBudgets(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"a.yml": `
time_intervals:
  - {name: evenings, time_intervals: [{times: [{start_time: "18:00", end_time: "23:00"}]}]}
pools:
  - {name: a, labels: {c: x}, location: America/New_York, agents: {min: 1, max: 10}, load: {query: q, match: {league: A}, per_agent: 1}}
  - {name: b, labels: {c: x}, agents: {min: 1, max: 10}, load: {query: q, match: {league: B}, per_agent: 1}}
  - {name: c, agents: {min: 1, max: 10}, load: {query: q, match: {league: C}, per_agent: 1}}
budgets:
  - name: tweets
    pools: {c: x}
    limit: 17
    used: sum by (league) (increase(tweets_posted_total[$window]))
    posts_per_agent_hour: 0.1
    reserve: 2
    classes:
      - {name: breaking, value: 8, per_day: 1.5, when: {event: {type: breaking_news}}}
      - {name: peak, value: 3, when: {during: [evenings]}}
      - {name: off_peak, value: 1}
  - {name: day, pools: {pool: b}, limit: 5, window: local_day, location: Europe/Berlin, used: "increase(x[$window])", posts_per_agent_hour: 1}
`})
	if problems != "" {
		t.Fatal(problems)
	}
	a, b, c := rules.Pools[0].Budgets, rules.Pools[1].Budgets, rules.Pools[2].Budgets
	if len(a) != 1 || len(b) != 2 || len(c) != 0 {
		t.Fatalf("got %d, %d and %d budgets, want 1, 2 and 0", len(a), len(b), len(c))
	}
	want := budget.Budget{
		Limit: 17, Reserve: 2, PostsPerAgentHour: 0.1, Location: rules.Pools[0].Pool.Location,
		Classes: []budget.Class{{Name: "breaking", Value: 8, PerDay: 1.5}, {Name: "peak", Value: 3}, {Name: "off_peak", Value: 1}},
	}
	if !reflect.DeepEqual(want, a[0].Budget) {
		t.Errorf("got %+v, want %+v", a[0].Budget, want)
	}
	if w := a[0].When; len(w) != 3 || w[0].When.Events[0].Type != "breaking_news" || w[1].When.During[0].Name != "evenings" || w[2].Name != "off_peak" {
		t.Errorf("classes: got %+v", w)
	}
	if b[0].Location.String() != "UTC" || b[1].Location.String() != "Europe/Berlin" || b[1].Window != budget.LocalDay || b[1].Classes[0].Name != "any" {
		t.Errorf("budgets of b: got %+v", b)
	}
}
