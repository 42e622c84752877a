package rulefile

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/internal/schematest"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// everything are rule files with each key that there is.
var everything = []string{`
time_intervals:
  - name: nights
    time_intervals:
      - {times: [{start_time: "18:00", end_time: "24:00"}], weekdays: ["monday:friday", Saturday], days_of_month: ["1:5", 7, "-3:-1"], months: ["may:december", 2], years: ["2026:2028", 2030], location: America/New_York}
pools:
  - {name: a, labels: {league: nba}, agents: {min: 1, max: 4}, load: {query: x, per_agent: 1}}
rules:
  - {name: evening, pools: {league: nba}, when: {during: [nights], months: ["january:april", june]}, unless: {event: {type: special}}, demand: {multiply: 1.5, by_hour: {"18-22": 1.5, 5: 2}, by_month: {October: 1.2, "7": 0.3}, ramp: {up: 10m, down: 30m}}}
  - {name: game, when: {event: {type: game, importance: playoff}, lead: 30m, tail: 10m}, demand: {multiply: 2, add: 3, half_life: 1h, group: g, ramp: 10m}}
  - {name: learned, when: {event: {type: game}}, demand: {multiply: 2, effect: learned}}
  - {name: floor, bounds: {min: 2, max: 60%}}
  - {name: quiet, when: {during: [nights]}, hold: down}
  - {name: queue, when: {event: {type: game}, expr: {query: queue > 300, for: 2m}}, unless: {expr: {query: down}}, bounds: {min: 2}}
`, `
event_sources:
  - name: fixtures
    ics: {file: nba.ics}
    location: America/New_York
    event: {type: game, labels: {league: nba}}
    classify: [{summary: "(?i)finals", labels: {importance: playoff}}]
  - {name: far, ics: {url: "http://calendars.example/x.ics"}, event: {type: game}}
  - name: days
    event: {type: special}
    dates:
      - {name: the derby, start: 2026-12-24T18:00, end: "2026-12-24T20:00:00-05:00", labels: {importance: high}}
      - {start: 2026-12-25, duration: 1d2h}
  - {name: viral, event: {type: viral}, expr: {query: mentions, for: 2m}}
pools:
  - {name: a, agents: {min: 1, max: 4}, load: {query: x, per_agent: 1}}
`, `
defaults: {lead_time: 7m, location: America/New_York}
templates:
  - {name: league, labels: {category: league}}
pools:
  - name: a
    template: league
    labels: {league: nba}
    location: America/New_York
    agents: {base: 6, min: 4, max: 40}
    load: {query: agent_load, match: {league: NBA}, per_agent: 12, completeness: count by (league) (agent_load)}
    lead_time: 10m
    cost: {under: 9, over: 1.5}
    sensitivity: 0.7
    weight: 2
    priority: 1
    mode: active
    hosts: gpu
    current: {query: agents, match: {league: NBA}}
    forecast: {max_age: 1h, holidays: [us, 2026-12-24]}
    on_data_loss: {after: 5m, then: profile}
    season: {low: 0.5, low_max: 60%, high: 1.5, high_min_factor: 1.2}
    behavior:
      scale_up: {stabilization_window: 0, tolerance: 0.1, cooldown: 0s, select_policy: max, policies: [{type: percent, value: 100, period: 1m}, {type: agents, value: 5, period: 1m}]}
      scale_down: {stabilization_window: 5m}
  - {name: b, agents: {min: 1, max: 4}, load: {query: x, per_agent: 1}, quantile: 0.9}
`, `
pools:
  - {name: a, labels: {league: nba}, agents: {min: 1, max: 4}, load: {query: x, per_agent: 1}}
budgets:
  - name: tweets
    pools: {league: nba}
    limit: 17
    window: both
    location: America/New_York
    used: sum by (league) (increase(tweets_posted_total[$window]))
    posts_per_agent_hour: 0.1
    reserve: 2
    classes:
      - {name: breaking, value: 8, per_day: 1.5, when: {event: {type: viral}}}
      - {name: other, value: 1}
overrides:
  - {pool: a, exact: 5, author: anna, reason: derby, start: 2026-12-24T18:00, end: 2026-12-24T20:00}
  - {pool: a, min: 5, max: 6, author: anna, reason: derby, start: 2026-12-24T18:00, end: 2026-12-24T20:00}
  - {pool: a, hold: true, author: anna, reason: derby, start: 2026-12-24T18:00, end: 2026-12-24T20:00}
  - {pool: a, disable: true, author: anna, reason: derby, start: 2026-12-24T18:00, end: 2026-12-24T20:00}
  - {pool: a, mode: dry_run, author: anna, reason: derby, start: 2026-12-24T21:00, end: 2026-12-24T22:00}
`}

func TestTheSchemaKnowsTheKeysOfTheParser(t *testing.T) {
	source, err := os.ReadFile("yaml.go")
	if err != nil {
		t.Fatal(err)
	}
	schema, parser := map[string]bool{}, map[string]bool{
		// Of Alertmanager's intervals.
		"times": true, "start_time": true, "end_time": true, "weekdays": true, "days_of_month": true, "years": true,
	}
	for _, key := range schematest.Keys(Schema()) {
		schema[key[strings.LastIndex(key, ".")+1:]] = true
	}
	for _, tag := range regexp.MustCompile("`yaml:\"([a-z_]+)\"`").FindAllStringSubmatch(string(source), -1) {
		parser[tag[1]] = true
	}
	if diff := cmp.Diff(parser, schema); diff != "" {
		t.Errorf("keys (-parser +schema):\n%s", diff)
	}
	for key := range schema {
		if !regexp.MustCompile(`\b` + key + `:`).MatchString(strings.Join(everything, "")) {
			t.Errorf("%s is not in the files that have everything", key)
		}
	}
}

// The schema refuses nothing that Load accepts, and accepts nothing that cannot be
// decoded but zones, which are in a database.
func TestTheSchemaAgreesWithTheParser(t *testing.T) {
	validate := schematest.Validator(t, Schema())
	name := filepath.Join(t.TempDir(), "r.yml")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(filepath.Dir(name), "nba.ics"), nbaCalendar)
	o := testOptions
	o.Fetch = func(_, _ string) ([]byte, error) { return []byte(nbaCalendar), nil }
	var cases []schematest.Mutation
	for _, text := range everything {
		cases = append(cases, schematest.Mutation{What: text, Text: text})
		cases = append(cases, schematest.Mutations(t, text)...)
	}
	accepted := 0
	for _, m := range cases {
		var decoded file
		problems := strictyaml.Decode("r.yml", []byte(m.Text), &decoded)
		refused := problems.Err()
		if refused == nil {
			write(name, m.Text)
			_, refused = Load([]string{name}, o)
		}
		if refused == nil {
			accepted++
		}
		switch err := validate(m.Text); {
		case refused == nil && err != nil:
			t.Errorf("%s: Load accepts it, and the schema does not: %v", m.What, err)
		case len(problems) > 0 && err == nil && !strings.Contains(problems.Error(), "unknown time zone"):
			t.Errorf("%s: the schema accepts it, but %s", m.What, problems)
		}
	}
	if n := len(cases); n < 1000 || accepted < 50 {
		t.Errorf("only %d documents, of which %d are good", n, accepted)
	}
}

func TestTheSchemaRefusesWhatIsWrongByStructure(t *testing.T) {
	validate := schematest.Validator(t, Schema())
	refused := 0
	for name, tc := range wrong {
		var decoded file
		problems := strictyaml.Decode("r.yml", []byte(tc.text), &decoded)
		switch err := validate(tc.text); {
		case err != nil:
			refused++
		case len(problems) > 0 && !strings.Contains(problems.Error(), "unknown time zone"):
			t.Errorf("%s: the schema accepts it, but %s", name, problems)
		}
	}
	if refused < len(wrong)/2 {
		t.Errorf("only %d of %d wrong files are refused", refused, len(wrong))
	}
}

func TestTheSchemaAcceptsOurRuleFiles(t *testing.T) {
	validate := schematest.Validator(t, Schema())
	names, err := filepath.Glob("../rules/*.yml")
	if err != nil || len(names) == 0 {
		t.Fatalf("found %v: %v", names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
