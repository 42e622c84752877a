package ruletest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// offline is a [Loader] with the usual settings.
func offline(_ string, files []string, now time.Time) (*engine.Settings, error) {
	rules, err := rulefile.Load(files, rulefile.Options{
		Now: now, History: 28 * 24 * time.Hour, ForecastMaxAge: 2 * time.Hour,
		Mode: policy.DryRun, LeadTime: 10 * time.Minute, Quantile: 0.9, Sensitivity: 1,
	})
	return &engine.Settings{
		Interval: 30 * time.Second, QueryLag: 30 * time.Second, MaxSampleAge: 2 * time.Minute,
		Step: 5 * time.Minute, History: 28 * 24 * time.Hour, Horizon: 24 * time.Hour, RefitEvery: time.Hour,
		Pools: rules.Pools, Events: rules.Events,
	}, err
}

const rules = `
pools:
  - name: nba
    labels: {league: nba}
    location: America/New_York
    agents: {base: 6, min: 4, max: 40}
    load: {query: sum by (league) (agent_load), match: {league: NBA}, per_agent: 12}
    behavior: {scale_down: {stabilization_window: 0s}}
rules:
  - {name: game, pools: {league: nba}, when: {event: {type: game}, lead: 30m}, bounds: {min: 10}}
`

// write writes files into a directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// problemsOf returns what is wrong with a test file beside the rules, without the
// directory.
func problemsOf(t testing.TB, text string) string {
	t.Helper()
	dir := write(t, map[string]string{"rules.yml": rules, "broken.yml": "pools: [{name: nba}]", "t.yml": text})
	_, err := Load(filepath.Join(dir, "t.yml"), offline)
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[strictyaml.Problems](err); !ok {
		t.Fatalf("the error is a %T", err)
	}
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

// oneTest is a test file with one test; extra is what the test has besides. It is
// at line 6, column 5.
func oneTest(extra string) string {
	return "rule_files: [rules.yml]\ntests:\n  - name: one\n    start: 2026-11-12T18:00:00-05:00\n    expect: [{at: 0s, pool: nba, desired: 6}]\n    " + extra + "\n"
}

// expecting is a test file with one expectation, which is at line 6, column 9.
func expecting(expectation string) string {
	return "rule_files: [rules.yml]\ntests:\n  - name: one\n    start: 2026-11-12T18:00:00-05:00\n    expect:\n      - {" + expectation + "}\n"
}

func TestLoadReportsAllProblemsWithTheirPlaces(t *testing.T) {
	const beside = "\n    input_series: [{series: agent_load, values: '1x10'}]\n"
	for name, tc := range map[string]struct{ text, want string }{
		"empty":                {"", "t.yml:1:1: the file is empty"},
		"null":                 {"~", "t.yml:1:1: the file is empty"},
		"not a mapping":        {"[]", "t.yml:1:1: expected a mapping with config, rule_files, tests"},
		"unknown key":          {"test: []\n", `t.yml:1:1: unknown key "test"; did you mean tests?`},
		"nothing":              {"{}", "t.yml:1:1: rule_files is missing, like [../nba.yml], or config, whose rule files count then"},
		"no tests":             {"rule_files: [rules.yml]\ntests: []\n", "t.yml:2:8: tests is missing, like [{name: …, start: …, expect: […]}]"},
		"hole":                 {"rule_files: [rules.yml]\ntests: [~]\n", "t.yml:2:9: an empty item in a list"},
		"no such rules":        {strings.Replace(oneTest(""), "rules.yml", "none*.yml", 1), `t.yml:1:13: no file matches "none*.yml"`},
		"bad pattern":          {strings.Replace(oneTest(""), "[rules.yml]", `["["]`, 1), `t.yml:1:13: "[" is not a pattern: syntax error in pattern`},
		"broken rules":         {strings.Replace(oneTest(""), "rules.yml", "broken.yml", 1), "broken.yml:1:9: pool \"nba\": agents needs min and max, like {base: 6, min: 2, max: 20}\nbroken.yml:1:9: pool \"nba\": load is missing, like {query: 'sum by (league) (agent_load)', match: {league: NBA}, per_agent: 12}"},
		"rest of broken rules": {strings.Replace(expecting("at: 1s, pool: x, why: '('"), "rules.yml", "none.yml", 1), "t.yml:1:13: no file matches \"none.yml\"\nt.yml:6:32: not a regular expression: error parsing regexp: missing closing ): `(`"},

		"no name":       {strings.Replace(oneTest(""), "name: one", "name: ''", 1), "t.yml:3:11: a test without a name"},
		"name twice":    {oneTest("") + "  - name: one\n    start: 2026-11-12T18:00:00Z\n    expect: [{at: 0s, pool: nba, desired: 6}]\n", `t.yml:7:11: test "one" is already declared at t.yml:3:11`},
		"no start":      {"rule_files: [rules.yml]\ntests: [{name: one}]\n", `t.yml:2:9: test "one" needs a start, an instant like 2026-11-12T18:00:00-05:00`},
		"start after":   {"rule_files: [rules.yml]\ntests: [{name: one, start: 30m}]\n", `t.yml:2:28: test "one" needs a start, an instant like 2026-11-12T18:00:00-05:00`},
		"start unclear": {"rule_files: [rules.yml]\ntests: [{name: one, start: 2026-11-12 18:00}]\n", "t.yml:2:28: expected a time after the start like 30m, or an instant like 2026-11-12T18:00:00-05:00, got \"2026-11-12 18:00\"\nt.yml:2:28: test \"one\" needs a start, an instant like 2026-11-12T18:00:00-05:00"},
		"typo in test":  {oneTest("currents: {nba: 6}"), `t.yml:6:5: unknown key "currents"; did you mean current?`},
		"tick":          {oneTest("tick: 2h"), "t.yml:6:11: tick must be between 1s and 1h, got 2h"},
		"interval":      {oneTest("interval: 500ms"), "t.yml:6:15: interval must be between 1s and 1h, got 500ms"},
		"expects none":  {"rule_files: [rules.yml]\ntests: [{name: one, start: 2026-11-12T18:00:00Z}]\n", `t.yml:2:9: test "one" expects nothing`},

		"series":           {oneTest("input_series: [{series: 'agent_load{', values: '1'}]"), "t.yml:6:29: not a series: character 12: unexpected end of input inside braces"},
		"series nameless":  {oneTest("input_series: [{series: '{a=\"b\"}', values: '1'}]"), `t.yml:6:29: not a series: "{a=\"b\"}" has no name`},
		"label twice":      {oneTest("input_series: [{series: 'm{a=\"b\",a=\"c\"}', values: '1'}]"), "t.yml:6:29: not a series: label a is there twice"},
		"values":           {oneTest("input_series: [{series: m, values: '1 2 three'}]"), `t.yml:6:40: not values like '60+1x120': character 5: unexpected identifier "three" in series values, expected number or "stale"`},
		"values nowhere":   {oneTest("input_series: [{series: m, values: ''}]"), "t.yml:6:40: no values; expected some like '60+1x120'"},
		"values a number":  {oneTest("input_series: [{series: m, values: 60}]"), "t.yml:6:40: expected text, got 60; put it in quotes\nt.yml:6:40: no values; expected some like '60+1x120'"},
		"values no end":    {oneTest("input_series: [{series: m, values: '1x99999999999'}]"), "t.yml:6:40: more than 500000 values in the series of a test"},
		"values no end 2":  {oneTest("input_series: [{series: m, values: '1x400000 1x400000'}]"), "t.yml:6:40: more than 500000 values in the series of a test"},
		"values in all":    {oneTest("input_series: [{series: m, values: '1x400000', interval: 1s}, {series: n, values: '1x400000', interval: 1s}]"), "t.yml:6:87: more than 500000 values in the series of a test"},
		"values repeated":  {oneTest("input_series: [{series: m, values: '1x400000', repeat: 2}]"), "t.yml:6:40: more than 500000 values in the series of a test"},
		"histogram":        {oneTest("input_series: [{series: m, values: '{{schema:0}}'}]"), "t.yml:6:40: a histogram; expected numbers"},
		"repeat":           {oneTest("input_series: [{series: m, values: '1', repeat: 0}]"), "t.yml:6:53: repeat must be at least 1, got 0"},
		"series interval":  {oneTest("input_series: [{series: m, values: '1', interval: 0s}]"), "t.yml:6:55: interval must be between 1s and 1h, got 0s"},
		"series too old":   {oneTest("input_series: [{series: m, values: '1', from: -32d}]"), "t.yml:6:20: the series are from 2026-10-11T18:00:00-05:00 to 2026-11-12T18:00:00-05:00, more than 31d"},
		"series too long":  {oneTest("input_series: [{series: m, values: '1x60000'}]"), "t.yml:6:20: the series are from 2026-11-12T18:00:00-05:00 to 2026-12-24T10:00:00-05:00, more than 31d"},
		"series overlap":   {oneTest("input_series: [{series: m, values: '1x9'}, {series: m, values: '1', from: 9m}]"), "t.yml:6:48: the series overlaps the one at t.yml:6:20"},
		"series one after": {oneTest("input_series: [{series: m, values: '1x9'}, {series: m, values: '1', from: 10m}]"), ""},

		"event type":     {oneTest("events: [{start: 0s, end: 1h}]"), "t.yml:6:14: an event needs a type, like game"},
		"event times":    {oneTest("events: [{type: game, start: 0s}]"), "t.yml:6:14: an event needs start and end, like 30m or 2026-11-12T19:00:00-05:00"},
		"event ends":     {oneTest("events: [{type: game, start: 2h, end: 1h}]"), "t.yml:6:43: the event ends before it starts"},
		"event is alone": {oneTest("events: [{type: game, start: 0s, end: 1h, labels: {league: nbb}}]"), "t.yml:6:55: the event concerns no pool: each has another value of a label"},

		"override nothing": {oneTest("overrides: [{pool: nba, end: 1h}]"), "t.yml:6:17: override: nothing is ordered; give min, max, exact, hold, disable or mode"},
		"override pool":    {oneTest("overrides: [{pool: nbb, min: 1, end: 1h}]"), `t.yml:6:24: unknown pool "nbb"; known are nba`},
		"override both":    {oneTest("overrides: [{pool: nba, min: 1, exact: 2, end: 1h}]"), "t.yml:6:17: override: min or max and exact do not go together; give one of them"},
		"override bounds":  {oneTest("overrides: [{pool: nba, min: 3, max: 2, end: 1h}]"), "t.yml:6:17: override: min 3 > max 2"},
		"override count":   {oneTest("overrides: [{pool: nba, min: -1, end: 1h}]"), "t.yml:6:17: override: min must be between 0 and 1048576 agents, got -1"},
		"override for ever": {oneTest("overrides: [{pool: nba, hold: true}]"),
			"t.yml:6:17: an override needs an end, like 2h or 2026-11-12T23:00:00-05:00"},
		"override is over": {oneTest("overrides: [{pool: nba, hold: true, start: 1h, end: 1h}]"), "t.yml:6:57: the override does not end after its start"},

		"current pool":       {oneTest("current: {nbb: 6}"), `t.yml:6:14: unknown pool "nbb"; known are nba`},
		"current count":      {oneTest("current: {nba: -1}"), "t.yml:6:14: current of nba must be between 0 and 1048576, got -1"},
		"orchestrator":       {oneTest("orchestrator: slow"), `t.yml:6:19: orchestrator must be prompt, frozen or down, got "slow"`},
		"orchestrator is so": {oneTest("orchestrator: prompt\n    orchestrator_delay: 1m"), ""},
		"orchestrator delay": {oneTest("orchestrator: frozen\n    orchestrator_delay: 1m"), "t.yml:7:25: an orchestrator that is frozen has no delay"},
		"orchestrator early": {oneTest("orchestrator_delay: -1m"), `t.yml:6:25: not a valid duration string: "-1m"`},

		"expect nothing":   {expecting("at: 0s, pool: nba"), "t.yml:6:9: nothing is expected; add desired, min_desired, max_desired, current, reason, rules or why"},
		"expect no time":   {expecting("pool: nba, desired: 6"), "t.yml:6:9: an expectation needs at, like 30m or 2026-11-12T19:00:00-05:00"},
		"expect no pool":   {expecting("at: 0s, desired: 6"), `t.yml:6:9: unknown pool ""; known are nba`},
		"expect nbb":       {expecting("at: 0s, pool: nbb, desired: 6"), `t.yml:6:24: unknown pool "nbb"; known are nba`},
		"expect desire":    {expecting("at: 0s, pool: nba, desire: 6"), "t.yml:6:9: nothing is expected; add desired, min_desired, max_desired, current, reason, rules or why\nt.yml:6:29: unknown key \"desire\"; did you mean desired?"},
		"expect before":    {expecting("at: 2026-11-12T22:59:00Z, pool: nba, desired: 6"), "t.yml:6:14: at is 1m before the start"},
		"expect between":   {expecting("at: 45s, pool: nba, desired: 6"), "t.yml:6:14: at is between two ticks, which are every 30s from the start"},
		"expect far":       {expecting("at: 100d, pool: nba, desired: 6"), "t.yml:6:14: at is more than 100000 ticks after the start"},
		"expect beyond":    {expecting("at: 11m, pool: nba, desired: 6") + beside, "t.yml:6:14: at is 11m after the start, and the last value of the series 10m; missing values are written _x60"},
		"expect at end":    {expecting("at: 10m, pool: nba, desired: 6") + beside, ""},
		"expect both":      {expecting("at: 0s, pool: nba, desired: 6, min_desired: 5"), "t.yml:6:38: give desired, or min_desired and max_desired, not both"},
		"expect range":     {expecting("at: 0s, pool: nba, min_desired: 6, max_desired: 5"), "t.yml:6:42: min_desired 6 > max_desired 5"},
		"expect other":     {expecting("at: 0s, pool: nba, rules: [game, gmae]"), `t.yml:6:36: pool "nba" has no rule "gmae"; its rules are game`},
		"expect no regexp": {expecting("at: 0s, pool: nba, why: '('"), "t.yml:6:34: not a regular expression: error parsing regexp: missing closing ): `(`"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, problemsOf(t, tc.text)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadTellsOtherErrorsAtTheTest(t *testing.T) {
	dir := write(t, map[string]string{"rules.yml": rules, "t.yml": oneTest("")})
	_, err := Load(filepath.Join(dir, "t.yml"), func(string, []string, time.Time) (*engine.Settings, error) { return nil, errors.New("no luck") })
	if want := filepath.Join(dir, "t.yml") + ":3:5: no luck"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := Load(filepath.Join(dir, "none.yml"), offline); err == nil || !strings.HasSuffix(err.Error(), "none.yml: no such file or directory") {
		t.Errorf("got %v", err)
	}
}

func TestConfigurationIsRelativeToTheTestFile(t *testing.T) {
	dir := write(t, map[string]string{"t.yml": strings.Replace(oneTest(""), "rule_files: [rules.yml]", "config: x.yml", 1)})
	var configuration string
	_, err := Load(filepath.Join(dir, "t.yml"), func(c string, files []string, now time.Time) (*engine.Settings, error) {
		configuration = c
		if len(files) > 0 || !now.Equal(time.Date(2026, 11, 12, 23, 0, 0, 0, time.UTC)) {
			t.Errorf("got files %v and the time %s", files, now)
		}
		return &engine.Settings{Pools: []engine.Pool{{Policy: policy.Policy{Pool: policy.Pool{Name: "nba"}}}}}, nil
	})
	if want := filepath.Join(dir, "x.yml"); err != nil || configuration != want {
		t.Errorf("got %s (%v), want %s", configuration, err, want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(oneTest("input_series: [{series: 'm{a=\"b\"}', values: '1+2x3 _ stale', from: -1d, repeat: 3}]"))
	f.Add(oneTest("overrides: [{pool: nba, exact: 3, start: 1m, end: 1h}]\n    current: {nba: 3}"))
	f.Add(oneTest("events: [{type: game, start: 30m, end: 2026-11-12T22:00:00Z, told: 1h}]"))
	f.Add(expecting("at: 1h30m, pool: nba, min_desired: 3, max_desired: 5, reason: rule_min, rules: [], why: a.*b"))
	f.Add("rule_files: [rules.yml]\ntests: [~, 5, {expect: [~, 5]}]")
	f.Add("rule_files: [~]\ntests:\n  - {name: a, start: 0001-01-01T00:00:01Z, tick: 1h, expect: [{at: 290y}]}")
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600); err != nil {
		f.Fatal(err)
	}
	settings, err := offline("", []string{filepath.Join(dir, "rules.yml")}, time.Date(2026, 11, 12, 18, 0, 0, 0, time.UTC))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := loader{dir: dir, load: func(string, []string, time.Time) (*engine.Settings, error) { return settings, nil }}
		tests := l.suite("t.yml", []byte(text))
		for _, p := range l.Problems {
			if p.Line < 1 || p.Col < 1 || p.Message == "" {
				t.Errorf("problem without a place or a message: %s", p)
			}
		}
		if len(l.Problems) > 0 {
			return
		}
		for _, test := range tests {
			ticks := 0
			for _, x := range test.expectations {
				if after := x.at.Sub(test.start); after < 0 || after%test.tick != 0 || after/test.tick > maxTicks {
					t.Errorf("test %q would wait for %s in vain", test.Name, x.at)
				}
				ticks++
			}
			if test.Name == "" || ticks == 0 {
				t.Errorf("test %q has %d expectations", test.Name, ticks)
			}
			for _, s := range test.series {
				if n := len(s.samples()); n > maxValues || s.end().Sub(s.start) > maxSpan {
					t.Errorf("test %q has a series of %d samples until %s", test.Name, n, s.end())
				}
			}
		}
	})
}

// FuzzSeries compares with how promtool reads a series: as one text.
func FuzzSeries(f *testing.F) {
	for _, seed := range [][2]string{
		{`agent_load{league="NBA"}`, "60+1x120"}, {"m", "1 2.5 -3 .5e3 _ _x3 stale NaN Inf -Inf"}, {"m{}", "1x0 2-1x3"},
		{`{__name__="m"}`, "0x10"}, {"m{a=\"b\",}", " 1  2 "}, {"m", "{{schema:1 sum:-0.3 count:3.1}}x2"}, {"m", "1x9999999999999999999"},
		{"m 1", "2"}, {"m", ""}, {`m{a="\xff"}`, "1"},
	} {
		f.Add(seed[0], seed[1])
	}
	const most = 1000
	f.Fuzz(func(t *testing.T, name, text string) {
		ls, err := parseLabels(name)
		if err != nil || strings.Contains(name, "#") { // a comment would go on
			return
		}
		values, err := parseValues(text, 1, most)
		if err != nil {
			return
		}
		wantLabels, wantValues, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(name + " " + text)
		if err != nil {
			t.Fatalf("promtool refuses it: %s", err)
		}
		if ls.String() != wantLabels.String() {
			t.Errorf("labels: got %s, want %s", ls, wantLabels)
		}
		if len(values) > most {
			t.Errorf("%d values", len(values))
		}
		format := func(vs []parser.SequenceValue) (out []string) {
			for _, v := range vs {
				out = append(out, v.String())
			}
			return out
		}
		if diff := cmp.Diff(format(wantValues), format(values)); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
	})
}
