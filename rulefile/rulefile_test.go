package rulefile

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

var testOptions = Options{
	Now:     time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC),
	History: 28 * 24 * time.Hour, ForecastMaxAge: 2 * time.Hour,
	Mode: policy.DryRun, LeadTime: 10 * time.Minute, Quantile: 0.9, Sensitivity: 1,
}

// loadFiles writes the files into a directory and loads those that end in .yml. The
// directory is taken out of the error.
func loadFiles(t *testing.T, files map[string]string) (Rules, string) {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".yml") {
			names = append(names, path)
		}
	}
	o := testOptions
	o.Fetch = func(_, _ string) ([]byte, error) { return nil, errors.New("no network here") }
	rules, err := Load(names, o)
	if err != nil {
		return rules, strings.ReplaceAll(err.Error(), dir+"/", "")
	}
	return rules, ""
}

const nba = `
time_intervals:
  - name: evenings
    time_intervals: [{times: [{start_time: "18:00", end_time: "24:00"}], location: America/New_York}]
event_sources:
  - name: fixtures
    ics: {file: nba.ics}
    event: {type: game, labels: {league: nba}}
    classify: [{summary: "(?i)finals", labels: {importance: playoff}}]
pools:
  - name: nba
    labels: {league: nba}
    location: America/New_York
    agents: {base: 15, min: 4, max: 40}
    load: {query: 'sum by (league) (agent_load)', match: {league: NBA}, per_agent: 12}
    lead_time: 5m
    cost: {under: 9, over: 3}
    sensitivity: 0.7
    weight: 2
    priority: 1
    mode: active
    behavior:
      scale_up: {policies: [{type: percent, value: 100, period: 1m}], select_policy: min}
      scale_down: {stabilization_window: 10m, tolerance: 0.2, cooldown: 1m}
rules:
  - {name: evening, pools: {league: nba}, when: {during: [evenings]}, demand: {multiply: 1.5}}
  - {name: game, when: {event: {type: game, importance: playoff}, lead: 30m, tail: 10m}, demand: {multiply: 3, ramp: 10m, group: game}}
  - {name: season, pools: {pool: nba}, demand: {by_month: {october: 1.0, "7": 0.3}}}
  - {name: summer, when: {months: ["july:september"]}, bounds: {min: 2, max: 60%}}
`

const nbaCalendar = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1@test
DTSTAMP:20261001T000000Z
DTSTART;TZID=America/New_York:20261112T193000
DTEND;TZID=America/New_York:20261112T220000
SUMMARY:Finals\, game one
END:VEVENT
END:VCALENDAR
`

func TestLoadCompilesWhatIsWritten(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"nba.yml": nba, "nba.ics": nbaCalendar})
	if problems != "" {
		t.Fatal(problems)
	}
	if len(rules.Pools) != 1 {
		t.Fatalf("got %d pools", len(rules.Pools))
	}
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	p := rules.Pools[0]
	want := policy.Pool{
		Name: "nba", Labels: map[string]string{"league": "nba"}, Location: newYork,
		Agents: policy.Agents{Base: 15, Min: 4, Max: 40}, PerAgent: 12,
		LeadTime: 5 * time.Minute, Quantile: 0.75, Sensitivity: 0.7, Weight: 2, Priority: 1, Mode: policy.Active,
		Behavior: policy.Behavior{
			ScaleUp: policy.ScalingRules{
				Policies:     []policy.StepPolicy{{Type: policy.StepPercent, Value: 100, Period: time.Minute}},
				SelectPolicy: policy.SelectMin, Tolerance: 0.02,
			},
			ScaleDown: policy.ScalingRules{StabilizationWindow: 10 * time.Minute, SelectPolicy: policy.SelectMax, Tolerance: 0.2, Cooldown: time.Minute},
		},
		Season:         policy.Season{Low: 0.5, LowMaxPercent: 60, High: 1.5, HighMinFactor: 1.2},
		ForecastMaxAge: 2 * time.Hour,
	}
	if diff := cmp.Diff(want, p.Pool, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("pool (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(policy.Signal{Query: "sum by (league) (agent_load)", Match: map[string]string{"league": "NBA"}}, p.Load); diff != "" {
		t.Errorf("load (-want +got):\n%s", diff)
	}
	var names []string
	for _, r := range p.Rules {
		names = append(names, r.Name)
	}
	if diff := cmp.Diff([]string{"evening", "game", "season", "summer"}, names); diff != "" {
		t.Fatalf("rules (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]policy.EventMatch{{Type: "game", Labels: map[string]string{"importance": "playoff"}, Lead: 30 * time.Minute, Tail: 10 * time.Minute}}, p.Rules[1].When.Events); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[time.Month]float64{time.October: 1, time.July: 0.3}, p.Rules[2].Demand.ByMonth); diff != "" {
		t.Errorf("by_month (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&policy.BoundsEffect{Min: &policy.Bound{Agents: 2}, Max: &policy.Bound{Percent: 60}}, p.Rules[3].Bounds); diff != "" {
		t.Errorf("bounds (-want +got):\n%s", diff)
	}
	start := time.Date(2026, 11, 13, 0, 30, 0, 0, time.UTC)
	events := []policy.Event{{
		ID: "fixtures/1@test/20261113T003000Z", Type: "game", Name: "Finals, game one", Start: start, End: start.Add(150 * time.Minute),
		Labels: map[string]string{"league": "nba", "importance": "playoff"}, Source: "fixtures",
	}}
	if diff := cmp.Diff(events, rules.Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if rules.MinAgents() != 4 {
		t.Errorf("MinAgents: got %d, want 4", rules.MinAgents())
	}
}

func TestEveryFileAndCalendarIsInTheHash(t *testing.T) {
	files := map[string]string{"nba.yml": nba, "nba.ics": nbaCalendar}
	dir := t.TempDir()
	hash := func() string {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		rules, err := Load([]string{filepath.Join(dir, "nba.yml")}, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		return rules.Hash
	}
	first := hash()
	if again := hash(); again != first {
		t.Errorf("the same files: got %s, then %s", first, again)
	}
	for name := range maps.Clone(files) {
		files[name] += "\n"
		changed := hash()
		if changed == first {
			t.Errorf("%s changed and the hash did not", name)
		}
		first = changed
	}
}

const good = "pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n"

// wrong are files with problems, and what is said about them.
var wrong = map[string]struct {
	text string
	want []string
}{
	"no pool":          {"rules: []\n", []string{"r.yml: no pool is declared"}},
	"unknown key":      {"pols: []\n", []string{"r.yml:1:1: unknown key \"pols\"; did you mean pools?"}},
	"wrong type":       {"pools: {a: b}\n", []string{"r.yml:1:8: expected a list"}},
	"pool without all": {"pools:\n  - {name: a}\n", []string{"r.yml:2:5: pool \"a\": agents needs min and max, like {base: 6, min: 2, max: 20}", "r.yml:2:5: pool \"a\": load is missing"}},
	"duplicate pool":   {good + "  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"r.yml:3:12: pool \"a\" is already declared at r.yml:2:12"}},
	"bad name":         {"pools:\n  - {name: a b}\n  - {labels: {a: b}}\n  - {name: ..}\n", []string{"r.yml:2:12: pool \"a b\": a name has at most 63", "r.yml:3:5: pool without a name", "r.yml:4:12: pool \"..\": a name has"}},
	"min above max":    {"pools:\n  - {name: a, agents: {min: 5, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"r.yml:2:29: pool \"a\": min 5 > max 2"}},
	"base outside":     {"pools:\n  - {name: a, agents: {base: 9, min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"pool \"a\": base 9 is not between min 1 and max 2"}},
	"negative min":     {"pools:\n  - {name: a, agents: {min: -1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"pool \"a\": min must not be negative, got -1"}},
	"absurd max":       {"pools:\n  - {name: a, agents: {min: 1, max: 9999999}, load: {query: x, per_agent: 1}}\n", []string{"pool \"a\": max must be at most 1048576, got 9999999"}},
	"bad PromQL":       {"pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: 'sum(', per_agent: 1}}\n", []string{"r.yml:2:55: pool \"a\": load: not PromQL: 1:5: parse error: unclosed left parenthesis"}},
	"a range":          {"pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: 'x[5m]', per_agent: 1}}\n", []string{"pool \"a\": load: the query gives a matrix; expected one value for each series"}},
	"per_agent":        {"pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 0}}\n", []string{"r.yml:2:69: pool \"a\": per_agent must be above 0, got 0"}},
	"unknown zone":     {"pools:\n  - {name: a, location: Mars/Base, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"r.yml:2:25: unknown zone \"Mars/Base\"; expected a name of the tz database like America/New_York"}},
	"bad durations":    {"pools:\n  - {name: a, lead_time: soon, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"r.yml:2:26: not a valid duration string: \"soon\""}},
	"shares": {"pools:\n  - {name: a, sensitivity: 2, quantile: 0, weight: 0, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n",
		[]string{"pool \"a\": sensitivity must be above 0 and at most 1, got 2", "pool \"a\": quantile must be between 0 and 1, got 0", "pool \"a\": weight must be above 0, got 0"}},
	"cost and quantile": {"pools:\n  - {name: a, quantile: 0.5, cost: {under: 0, over: 1}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n",
		[]string{"pool \"a\": give quantile or cost, not both", "pool \"a\": cost needs under and over, both above 0"}},
	"mode":           {"pools:\n  - {name: a, mode: on-air, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"pool \"a\": mode must be dry_run, scale_up_only or active, got \"on-air\""}},
	"reserved label": {"pools:\n  - {name: a, labels: {pool: b}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"label pool is the pool's name; leave it out"}},
	"behavior": {"pools:\n  - {name: a, behavior: {scale_up: {select_policy: most, tolerance: -1, policies: [{type: pods, value: 1, period: 1m}, {type: agents, value: 0, period: 1m}, {type: agents, value: 1}]}}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n",
		[]string{"select_policy must be max, min or disabled, got \"most\"", "tolerance must not be negative, got -1", "type must be agents or percent, got \"pods\"", "value must be above 0, got 0", "period must be above 0"}},
	"rule without pool":    {good + "rules:\n  - {name: r, pools: {league: nba}, demand: {multiply: 2}}\n", []string{"r.yml:4:22: rule \"r\" matches no pool"}},
	"rule without effect":  {good + "rules:\n  - {name: r}\n  - {name: s, demand: {multiply: 2}, bounds: {min: 1}}\n", []string{"r.yml:4:5: rule \"r\" needs one of demand, bounds and hold", "r.yml:5:5: rule \"s\" needs one of demand, bounds and hold"}},
	"unknown interval":     {good + "rules:\n  - {name: r, when: {during: [x]}, demand: {multiply: 2}}\n", []string{"r.yml:4:30: rule \"r\": unknown time interval \"x\"; known are none"}},
	"lead without event":   {good + "rules:\n  - {name: r, when: {lead: 5m}, demand: {multiply: 2}}\n", []string{"rule \"r\": lead is of use with an event only"}},
	"event without type":   {good + "rules:\n  - {name: r, when: {event: {league: nba}}, demand: {multiply: 2}}\n", []string{"rule \"r\": event needs a type, like {type: game}"}},
	"demand without":       {good + "rules:\n  - {name: r, demand: {ramp: 30h}}\n", []string{"rule \"r\": demand needs multiply, add, by_month or by_hour", "rule \"r\": ramp must be at most 1d, got 1d6h"}},
	"negative factor":      {good + "rules:\n  - {name: r, demand: {multiply: -1}}\n", []string{"rule \"r\": multiply must not be negative, got -1"}},
	"months":               {good + "rules:\n  - {name: r, demand: {by_month: {octember: 1, \"1\": 1, january: 2, may: -1}}}\n", []string{"rule \"r\": unknown month \"octember\"", "January is there twice", "may must not be negative, got -1"}},
	"month range":          {good + "rules:\n  - {name: r, when: {months: [\"smarch\"]}, demand: {multiply: 2}}\n", []string{"r.yml:4:31: smarch is not a valid month"}},
	"empty bounds":         {good + "rules:\n  - {name: r, bounds: {}}\n  - {name: s, bounds: {min: 5, max: 2}}\n", []string{"rule \"r\": bounds needs min, max or both", "rule \"s\": min > max"}},
	"bad bound":            {good + "rules:\n  - {name: r, bounds: {min: few, max: 160%}}\n", []string{"r.yml:4:29: expected a number of agents like 12 or a share of the pool's maximum like 60%, got \"few\"", "r.yml:4:39: expected a percentage above 0% and at most 100%, got \"160%\""}},
	"bad times":            {good + "time_intervals:\n  - {name: t, time_intervals: [{times: [{start_time: \"18:00\", end_time: \"06:00\"}]}]}\n  - {name: u}\n", []string{"r.yml:4:41: start time cannot be equal or greater than end time", "r.yml:5:5: time interval \"u\" has no time_intervals"}},
	"zone of an interval":  {good + "time_intervals:\n  - {name: t, time_intervals: [{location: Mars/Base}]}\n", []string{"r.yml:4:43: unknown time zone Mars/Base"}},
	"source without":       {good + "event_sources:\n  - {name: e}\n", []string{"r.yml:4:5: event source \"e\": event needs a type", "r.yml:4:5: event source \"e\" needs one of ics, dates and expr"}},
	"calendar missing":     {good + "event_sources:\n  - {name: e, event: {type: game}, ics: {file: none.ics}}\n", []string{"r.yml:4:48: calendar none.ics: no such file or directory"}},
	"calendar is no text":  {good + "event_sources:\n  - {name: e, event: {type: game}, ics: {file: bad.ics}}\n", []string{"bad.ics:1:1: not a calendar"}},
	"classify":             {good + "event_sources:\n  - {name: e, event: {type: game}, ics: {file: nba.ics}, classify: [{summary: \"(\", labels: {a: b}}, {summary: x}]}\n", []string{"event source \"e\": error parsing regexp: missing closing ): `(`", "event source \"e\": classify needs summary and labels"}},
	"two effects":          {good + "rules:\n  - {name: r, hold: down, bounds: {min: 1}}\n  - {name: s, hold: up}\n", []string{"rule \"r\" needs one of demand, bounds and hold", "rule \"s\": hold must be down or both, got \"up\""}},
	"empty unless":         {good + "rules:\n  - {name: r, unless: {}, demand: {multiply: 2}}\n  - {name: s, unless: {during: [x]}, demand: {multiply: 2}}\n", []string{"rule \"r\": unless says nothing; give during, months, event or expr", "rule \"s\": unknown time interval \"x\""}},
	"adding":               {good + "rules:\n  - {name: r, demand: {add: -1}}\n", []string{"rule \"r\": add must be from 0 to 1048576 agents, got -1"}},
	"hours":                {good + "rules:\n  - {name: r, demand: {by_hour: {\"18-24\": 1, \"5-3\": 1, noon: 1, \"1-3\": 2, \"2\": 1, \"9\": -1}}}\n", []string{"hours like 18-22, from 0 to 23, got \"18-24\"", "got \"5-3\"", "got \"noon\"", "hour 2 is there twice", "9 must not be negative, got -1"}},
	"half-life":            {good + "rules:\n  - {name: r, demand: {multiply: 2, half_life: 1h}}\n", []string{"rule \"r\": half_life must be above 0 and is of use with event or expr only"}},
	"bad ramp":             {good + "rules:\n  - {name: r, demand: {multiply: 2, ramp: {in: 1h}}}\n", []string{"expected a duration like 10m, or {up: 10m, down: 30m}"}},
	"learned":              {good + "rules:\n  - {name: r, demand: {multiply: 2, effect: learned}}\n  - {name: s, demand: {multiply: 2, effect: guessed}}\n", []string{"rule \"r\": effect: learned goes with event or expr, and multiply only", "rule \"s\": effect must be declared or learned, got \"guessed\""}},
	"on_data_loss":         {"pools:\n  - {name: a, on_data_loss: {then: 3}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"2:36: pool \"a\": then 3 is above max 2"}},
	"on_data_loss, then":   {"pools:\n  - {name: a, on_data_loss: {then: zero}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"expected profile, hold or a number of agents like 12, got \"zero\""}},
	"season":               {"pools:\n  - {name: a, season: {low: 2, low_max: 4, high_min_factor: 0.5}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n  - {name: b, season: {high_min_factor: 0.5}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"low_max must be a share of the maximum like 60%", "pool \"a\": high 1.5 must be above low 2", "pool \"b\": high_min_factor must be at least 1, got 0.5"}},
	"template unknown":     {"pools:\n  - {name: a, template: x, load: {match: {league: NBA}}}\nrules:\n  - {name: r, pools: {pool: a}, hold: down}\n", []string{"r.yml:2:25: pool \"a\": unknown template \"x\""}},
	"templates":            {"templates:\n  - {name: t, template: u}\n  - {lead_time: 1m}\npools:\n  - {name: a, template: x, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"template \"t\": a template has no template of its own", "r.yml:3:5: template without a name", "r.yml:5:25: pool \"a\": unknown template \"x\"; known are t"}},
	"defaults with a name": {good + "defaults: {name: x}\n", []string{"r.yml:3:11: defaults have neither name nor template"}},
	"current":              {"pools:\n  - {name: a, current: {query: '('}, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n", []string{"r.yml:2:32: pool \"a\": current: not PromQL"}},
	"completeness":         {"pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1, completeness: 'count('}}\n  - {name: b, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1, completeness: }}\n", []string{"r.yml:2:86: pool \"a\": completeness: not PromQL", "r.yml:3:86: pool \"b\": completeness needs a query"}},
	"dates":                {good + "event_sources:\n  - {name: e, event: {type: x}, dates: [{start: soon, duration: 1h}, {start: 2026-11-12T18:00}, {start: 2026-11-12T18:00, end: 2026-11-12T17:00}]}\n", []string{"r.yml:4:49: expected a time like 2026-12-24T18:00 in UTC, or with an offset like 2026-12-24T18:00:00-05:00, got \"soon\"", "an event needs either end or duration", "the event ends at 2026-11-12T17:00:00Z, not after its start"}},
	"expr":                 {good + "event_sources:\n  - {name: e, event: {type: x}, expr: {query: 'x['}}\n", []string{"r.yml:4:47: event source \"e\": not PromQL"}},
	"condition without":    {good + "rules:\n  - {name: r, when: {expr: {}}, hold: down}\n  - {name: s, when: {expr: {for: 1m}}, hold: down}\n", []string{"r.yml:4:28: rule \"r\": expr needs a query", "r.yml:5:28: rule \"s\": expr needs a query"}},
	"condition query":      {good + "rules:\n  - {name: r, when: {expr: {query: 'x > '}}, hold: down}\n  - {name: s, unless: {expr: {query: 'x[5m]'}}, hold: down}\n", []string{"r.yml:4:36: rule \"r\": expr: not PromQL: 1:5: parse error: unexpected end of input", "r.yml:5:38: rule \"s\": expr: the query gives a matrix; expected one value for each series"}},
	"condition for":        {good + "rules:\n  - {name: r, when: {expr: {query: x, for: -2m}}, hold: down}\n  - {name: s, when: {expr: x > 1}, hold: down}\n  - {name: t, when: {expr: }, hold: down}\n", []string{"r.yml:4:44: not a valid duration string: \"-2m\"", "r.yml:5:28: expected a mapping with for, query", "r.yml:5:28: rule \"s\": expr needs a query", "r.yml:6:28: rule \"t\": expr needs a query"}},
	"expr with lead":       {good + "rules:\n  - {name: r, when: {expr: {query: x}, lead: 5m, tail: 5m}, hold: down}\n", []string{"r.yml:4:46: rule \"r\": lead is of use with an event only", "r.yml:4:56: rule \"r\": tail is of use with an event only"}},
	"reserved types":       {good + "event_sources:\n  - {name: e, event: {type: 'expr x'}, expr: {query: x}}\nrules:\n  - {name: r, when: {event: {type: expr x}}, hold: down}\n", []string{"r.yml:4:22: event source \"e\": types that begin with \"expr \" are those of expr in conditions; choose another, got \"expr x\"", "r.yml:6:29: rule \"r\": types that begin with \"expr \" are those"}},
	"class query":          {good + "budgets:\n  - {name: b, limit: 1, posts_per_agent_hour: 1, used: 'increase(x[$window])', classes: [{name: hot, value: 2, when: {expr: {query: '('}}}, {name: rest, value: 1}]}\n", []string{"r.yml:4:133: rule \"hot\": expr: not PromQL"}},
	"url":                  {good + "event_sources:\n  - {name: e, event: {type: x}, ics: {url: \"ftp://x\"}}\n  - {name: f, event: {type: x}, ics: {file: a, url: \"http://x\"}}\n", []string{"event source \"e\": url must begin with http:// or https://, got \"ftp://x\"", "event source \"f\": ics needs a file or a url"}},
	"budget": {good + "budgets:\n  - {name: b, pools: {pool: x}, limit: -1, window: week, used: sum(x), classes: [{name: c, value: 0}, {name: c, value: 1, when: {months: [may]}}]}\n",
		[]string{"budget \"b\": limit -1 is not between 0 and 10000", "window \"week\" is not local_day, rolling_24h or both", "class \"c\": value 0 is not above 0", "class \"c\" is there twice",
			"0 posts per agent and hour are not above 0", "used needs $window", "budget \"b\" matches no pool", "r.yml:4:82: budget \"b\": all classes but the last need when", "r.yml:4:103: budget \"b\": all classes but the last need when"}},
	"budget query": {good + "budgets:\n  - {name: b, limit: 1, posts_per_agent_hour: 1, used: 'x[$window]'}\n", []string{"r.yml:4:56: budget \"b\": the query gives a matrix"}},
	"overrides": {good + "overrides:\n  - {pool: b, exact: 1, author: x, reason: y, start: 2026-11-12T18:00, end: 2026-11-12T17:00}\n  - {pool: a, start: 2026-11-12T18:00, end: 2026-11-12T19:00}\n  - {pool: a, min: 3, max: 2, author: x, reason: y, start: 2026-11-12T18:00, end: 2026-11-12T19:00}\n",
		[]string{"override: unknown pool \"b\"", "override of pool \"b\" ends at 2026-11-12T17:00:00Z, not after its start", "override of pool \"a\": nothing is ordered; give min, max, exact, hold, disable or mode", "override of pool \"a\" needs author and reason", "override of pool \"a\": min 3 > max 2"}},
	"half a file is wrong": {good + "rules:\n  - {name: r, demand: {multiply: 2}}\n  - {name: r, demand: {multiply: x}}\n", []string{"r.yml:5:34: expected a number, got \"x\"", "r.yml:5:12: rule \"r\" is already declared at r.yml:4:12"}},
}

func TestEveryProblemIsReportedWithItsPlace(t *testing.T) {
	for name, tc := range wrong {
		t.Run(name, func(t *testing.T) {
			_, got := loadFiles(t, map[string]string{"r.yml": tc.text, "bad.ics": "hello", "nba.ics": nbaCalendar})
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not reported; got\n%s", want, got)
				}
			}
			if n := strings.Count(got, "\n") + 1; n != len(tc.want) {
				t.Errorf("got %d problems, want %d:\n%s", n, len(tc.want), got)
			}
		})
	}
}

func TestFilesAreOneSet(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{
		"a.yml": "rules:\n  - {name: r, pools: {pool: p}, when: {during: [nights]}, demand: {multiply: 2}}\n",
		"b.yml": "time_intervals:\n  - {name: nights, time_intervals: [{times: [{start_time: \"00:00\", end_time: \"06:00\"}]}]}\n",
		"c.yml": "pools:\n  - {name: p, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}\n",
	})
	if problems != "" {
		t.Fatal(problems)
	}
	if got := len(rules.Pools[0].Rules); got != 1 {
		t.Errorf("got %d rules, want 1", got)
	}
}

func TestIsRuleFileTellsRulesFromConfiguration(t *testing.T) {
	for text, want := range map[string]bool{nba: true, "rules: [": false, "prometheus: {}\nrule_files: []\n": false, "": false} {
		if got := IsRuleFile([]byte(text)); got != want {
			t.Errorf("IsRuleFile(%.20q): got %v, want %v", text, got, want)
		}
	}
}

// FuzzLoad holds that a set of rules is either refused with a message or keeps
// what policy.Pool promises.
func FuzzLoad(f *testing.F) {
	f.Add(nba, nbaCalendar)
	f.Add("pools:\n  - {name: a, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1e-300}}\n", "")
	f.Fuzz(func(t *testing.T, text, calendar string) {
		rules, problems := loadFiles(t, map[string]string{"r.yml": text, "nba.ics": calendar})
		if problems != "" {
			return
		}
		for _, p := range rules.Pools {
			a := p.Pool.Agents
			if a.Min < 0 || a.Base < a.Min || a.Max < a.Base || !(p.Pool.PerAgent > 0) || !(p.Pool.Quantile > 0 && p.Pool.Quantile < 1) || p.Pool.Location == nil {
				t.Errorf("accepted %+v", p.Pool)
			}
		}
		for _, e := range rules.Events {
			if e.End.Before(e.Start) {
				t.Errorf("event ends before it starts: %+v", e)
			}
		}
		if !slices.IsSortedFunc(rules.Events, func(a, b policy.Event) int { return a.Start.Compare(b.Start) }) {
			t.Error("events are not sorted")
		}
	})
}
