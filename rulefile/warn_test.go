package rulefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// league is what the cases below use: two pools in two zones, schedules and events.
const league = `
pools:
  - {name: nba, labels: {league: nba, kind: team}, location: America/New_York, agents: {min: 2, max: 40}, load: {query: x, per_agent: 1}}
  - {name: nfl, labels: {league: nfl, kind: team}, location: Europe/Berlin, agents: {min: 4, max: 20}, load: {query: x, per_agent: 1}}
time_intervals:
  - {name: evenings, time_intervals: [{times: [{start_time: "18:00", end_time: "24:00"}]}]}
  - {name: late, time_intervals: [{times: [{start_time: "20:00", end_time: "22:00"}], weekdays: ["friday:saturday"]}]}
  - {name: summer, time_intervals: [{months: ["june:august"]}]}
event_sources:
  - {name: fixtures, event: {type: game, labels: {league: nba}}, dates: [{start: 2026-12-01, duration: 2h, labels: {importance: playoff, round: first1}}]}
  - {name: viral, event: {type: viral}, expr: {query: mentions}}
  - {name: others, event: {type: draft}, dates: [{start: 2026-12-01, duration: 2h}]}
rules:
  - {name: used, when: {during: [evenings, summer]}, unless: {during: [late]}, demand: {multiply: 2}}
`

// warningsOf returns the warnings of a file besides those of league, without its
// name.
func warningsOf(t *testing.T, text string) string {
	t.Helper()
	rules, problems := loadFiles(t, map[string]string{
		"league.yml": league, "r.yml": text,
		"past.ics": strings.ReplaceAll(nbaCalendar, "202611", "202511"), "next.ics": strings.ReplaceAll(nbaCalendar, "202611", "202709"),
	})
	if problems != "" {
		t.Fatal(problems)
	}
	var lines []string
	for _, w := range rules.Warnings {
		dir := filepath.Dir(w.File)
		lines = append(lines, strings.TrimPrefix(strings.ReplaceAll(w.String(), dir+"/", ""), "r.yml:"))
	}
	return strings.Join(lines, "\n")
}

func rule1(text string) string { return "rules:\n  - {name: r, " + text + "}\n" }

func rules2(a, b string) string {
	return "rules:\n  - {name: a, " + a + "}\n  - {name: b, " + b + "}\n"
}

func window(text, rest string) string {
	return "time_intervals:\n  - {name: w, time_intervals: [" + text + "]}\nrules:\n  - {name: r, " + rest + ", when: {during: [w]}, demand: {multiply: 2}}\n"
}

func TestWarnings(t *testing.T) {
	const (
		doubled = "demand: {multiply: 2}"
		nba     = "pools: {league: nba}"
	)
	for _, tc := range []struct {
		what, text string
		want       string // warnings, one a line
	}{
		{"nothing is wrong", "rules: []", ""},

		// Conditions that never hold.
		{"months and during exclude each other", rule1("when: {during: [summer], months: [january]}, " + doubled),
			`2:21: rule "r" never holds: its months and time interval summer exclude each other; correct one of them`},
		{"they meet", rule1("when: {during: [summer], months: [august]}, " + doubled), ""},
		{"unless always holds when when does", rule1("when: {during: [late]}, unless: {during: [evenings]}, " + doubled),
			`2:47: rule "r" never holds: whenever its when does, its unless does, too; correct one of them`},
		{"unless holds for some of it", rule1("when: {during: [evenings]}, unless: {during: [late]}, " + doubled), ""},
		{"unless always holds", rule1("unless: {months: [\"january:december\"]}, " + doubled),
			`2:23: rule "r" never holds: whenever its when does, its unless does, too; correct one of them`},
		{"unless asks for the same events", rule1("when: {event: {type: game, importance: playoff}, lead: 5m}, unless: {event: {type: game}, lead: 10m}, " + doubled),
			`2:83: rule "r" never holds: whenever its when does, its unless does, too; correct one of them`},
		{"unless counts them less long", rule1("when: {event: {type: game}, lead: 30m}, unless: {event: {type: game}, lead: 10m}, " + doubled), ""},
		{"unless counts them less long after the end", rule1("when: {event: {type: game}, tail: 30m}, unless: {event: {type: game}, tail: 10m}, " + doubled), ""},
		{"unless asks for some of the events", rule1("when: {event: {type: game}}, unless: {event: {type: game, importance: playoff}}, " + doubled), ""},
		{"a rule that is dead is told once", rules2("when: {during: [summer], months: [january], event: {type: gmae}}, bounds: {min: 10}", "bounds: {min: 12}"),
			`2:21: rule "a" never holds: its months and time interval summer exclude each other; correct one of them`},
		{"a year that is over", window("{years: [2024]}", nba),
			`4:43: rule "r" never holds: time interval w does not come again; correct its years, months or days, or remove it`},
		{"a year that is far", window("{years: [2032]}", nba),
			`4:43: rule "r" does not hold before 2032-01-01, more than a year from now; correct its times or remove it until then`},
		{"a day of leap years", window("{days_of_month: [29], months: [february]}", nba),
			`4:43: rule "r" does not hold before 2028-02-29, more than a year from now; correct its times or remove it until then`},
		{"a day that no month has", window("{days_of_month: [31], months: [february]}", nba),
			`4:43: rule "r" never holds: time interval w does not come again; correct its years, months or days, or remove it`},
		{"a month that no year has", rule1("when: {months: [13]}, " + doubled),
			`2:21: rule "r" never holds: its months are none of 1 to 12; correct them`},
		{"next year", window("{years: [2027]}", nba), ""},
		{"a class of a budget", "budgets:\n  - name: tweets\n    limit: 5\n    used: 'increase(posts[$window])'\n    posts_per_agent_hour: 1\n    classes: [{name: peak, value: 3, when: {during: [summer], months: [january]}}, {name: rest, value: 1}]\n",
			`6:44: budget "tweets": class "peak" never holds: its months and time interval summer exclude each other; correct one of them`},

		// Events that no source makes, or that concern nobody.
		{"a type that is mistyped", rule1("when: {event: {type: gmae}}, " + doubled),
			`2:29: rule "r": no event source makes events of type "gmae"; did you mean game?`},
		{"a type in other letters", rule1("when: {event: {type: Game}}, " + doubled),
			`2:29: rule "r": no event source makes events of type "Game"; did you mean game?`},
		{"a type that somebody else may tell", rule1("when: {event: {type: breaking_news}}, " + doubled), ""},
		{"a type like another one that is short", rule1("when: {event: {type: gam}}, " + doubled), ""},
		{"a label that is mistyped", rule1("when: {event: {type: game, importnace: playoff}}, " + doubled),
			`2:29: rule "r": no event source gives events of type game the label importnace; did you mean importance?`},
		{"a value that is mistyped", rule1("when: {event: {type: game, importance: playof}}, " + doubled),
			`2:29: rule "r": no event source makes events of type game with importance=playof; did you mean playoff?`},
		{"a value with another number", rule1("when: {event: {type: game, round: first2}}, " + doubled), ""},
		{"a value that a pool has", "event_sources:\n  - {name: s, event: {type: game}, dates: [{start: 2026-12-01, duration: 2h, labels: {kind: teams}}]}\n" + rule1("when: {event: {type: game, kind: team}}, "+doubled), ""},
		{"a value that nobody knows", rule1("when: {event: {type: game, importance: friendly}}, " + doubled), ""},
		{"labels that series may have besides", "event_sources:\n  - {name: s, event: {type: trend, labels: {importance: high}}, expr: {query: x}}\n" + rule1("when: {event: {type: trend, importanse: high}}, "+doubled), ""},
		{"labels of series", rule1("when: {event: {type: viral, importanse: x}}, " + doubled), ""},
		{"a mistyped type in unless", rule1("when: {during: [evenings]}, unless: {event: {type: games}}, " + doubled),
			`2:59: rule "r": no event source makes events of type "games"; did you mean game?`},
		{"events that concern none of the pools", rule1(nba + ", when: {event: {type: game, league: nfl}}, " + doubled),
			`2:43: rule "r" never holds: it asks for events with league=nfl, which do not concern pool "nba" with its league=nba; correct one of them`},
		{"events without the label of the pools", rule1(nba + ", when: {event: {type: game, league: \"\"}}, " + doubled), ""},
		{"events that concern one of the pools", rule1("when: {event: {type: game, league: nfl}}, " + doubled), ""},
		{"events of another pool", rule1(nba + ", when: {event: {type: game, pool: nfl}}, " + doubled),
			`2:43: rule "r" never holds: it asks for events with pool=nfl, which do not concern pool "nba" with its pool=nba; correct one of them`},
		{"unless with events that concern none of the pools", rule1(nba + ", unless: {event: {type: game, league: nfl}}, " + doubled),
			`2:53: rule "r": its unless never holds: it asks for events with league=nfl, which do not concern pool "nba" with its league=nba; correct one of them`},
		{"a source that concerns no pool", "event_sources:\n  - {name: s, event: {type: game, labels: {league: nba_}}, dates: [{start: 2026-12-01, duration: 2h}]}\n",
			`2:43: events of "s" concern no pool: each has another value of league=nba_; correct the labels`},
		{"a source that concerns those without the label", "event_sources:\n  - {name: s, event: {type: game, labels: {city: x}}, dates: [{start: 2026-12-01, duration: 2h}]}\n", ""},
		{"a source whose summaries say whom they concern", "event_sources:\n  - {name: s, event: {type: draft, labels: {league: all}}, ics: {file: next.ics}, classify: [{summary: Finals, labels: {league: nba}}]}\n", ""},
		{"a source whose dates say whom they concern", "event_sources:\n  - {name: s, event: {type: game, labels: {league: all}}, dates: [{start: 2026-12-01, duration: 2h, labels: {league: nba}}]}\n", ""},

		// Expressions.
		{"an event and an expression", rule1("when: {event: {type: game}, expr: {query: 'max by (league) (queue) > 300', for: 2m}}, " + doubled), ""},
		{"an expression that is the same in unless", rule1("when: {event: {type: game}, expr: {query: queue > 300}}, unless: {expr: {query: 'queue  >  300'}}, " + doubled),
			`2:80: rule "r" never holds: whenever its when does, its unless does, too; correct one of them`},
		{"one that is true longer", rule1("when: {expr: {query: queue > 300}}, unless: {expr: {query: queue > 300, for: 5m}}, " + doubled), ""},
		{"the event in unless", rule1("when: {event: {type: game}, expr: {query: queue > 300}}, unless: {event: {type: game}}, " + doubled),
			`2:80: rule "r" never holds: whenever its when does, its unless does, too; correct one of them`},
		{"an unless that needs more", rule1("when: {event: {type: game}}, unless: {event: {type: game}, expr: {query: queue > 300}}, " + doubled), ""},
		{"series that concern none of the pools", rule1(nba + ", when: {event: {type: game}, expr: {query: '(max by (league, kind) (rate(queue{league=\"NBA\"}[5m]))) > 300'}}, " + doubled),
			`2:43: rule "r" never holds: its expr gives series with league=NBA, which do not concern pool "nba" with its league=nba; correct one of them`},
		{"the same in unless", rule1(nba + ", unless: {expr: {query: '300 < topk by (x) (3, queue{league=\"NBA\"}) unless down'}}, " + doubled),
			`2:52: rule "r": its unless never holds: its expr gives series with league=NBA, which do not concern pool "nba" with its league=nba; correct one of them`},
		{"series without the label", rule1(nba + ", when: {expr: {query: 'max(queue{league=\"NBA\"}) > 300'}}, " + doubled), ""},
		{"series that lose the label", rule1(nba + ", when: {expr: {query: 'max without (league) (queue{league=\"NBA\"}) > 300'}}, " + doubled), ""},
		{"series with a label that is written anew", rule1(nba + ", when: {expr: {query: 'label_replace(queue{league=\"NBA\"}, \"league\", \"nba\", \"\", \"\") > 300'}}, " + doubled), ""},
		{"series of two metrics", rule1(nba + ", when: {expr: {query: 'queue{league=\"NBA\"} > on () group_right limit'}}, " + doubled), ""},
		{"series that concern one of the pools", rule1("when: {expr: {query: 'queue{league=\"nfl\"} > 300'}}, " + doubled), ""},
		{"a floor within one of an event and an expression", rules2("when: {event: {type: game}}, bounds: {min: 10}", "when: {event: {type: game}, expr: {query: queue > 300}}, bounds: {min: 12}"), ""},
		{"a floor of both within that of the event", rules2("when: {event: {type: game, importance: playoff}, expr: {query: queue > 300}}, bounds: {min: 10}", "when: {event: {type: game}, lead: 5m}, bounds: {min: 12}"),
			`2:107: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"a floor of both within that of the expression", rules2("when: {event: {type: game}, expr: {query: queue > 300}}, bounds: {min: 10}", "when: {expr: {query: queue > 300}}, bounds: {min: 12}"),
			`2:86: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"a member of both that decays from later", rules2("when: {event: {type: game}, expr: {query: queue > 300}}, demand: {multiply: 2, half_life: 1h, group: g}", "when: {event: {type: game}}, demand: {multiply: 3, half_life: 1h, group: g}"), ""},
		{"a member of both that is never larger", rules2("when: {event: {type: game}, expr: {query: queue > 300}}, demand: {multiply: 2, half_life: 1h, group: g}", "when: {event: {type: game}}, demand: {multiply: 3, group: g}"),
			`2:80: rule "a": never counts: in group g rule "b" is at least as large whenever it holds; remove it or change one of them`},
		{"members that decay from the same start", rules2("when: {event: {type: game}, expr: {query: queue > 300}}, demand: {multiply: 2, half_life: 1h, group: g}", "when: {event: {type: game}, lead: 5m, expr: {query: queue > 300}}, demand: {multiply: 3, half_life: 1h, group: g}"),
			`2:80: rule "a": never counts: in group g rule "b" is at least as large whenever it holds; remove it or change one of them`},
		{"a factor of 1 keeps the time of an expression out of what is learned", rule1("when: {expr: {query: queue > 300}}, demand: {multiply: 1}"), ""},

		// Bounds that never count.
		{"a minimum below that of all pools", rule1("bounds: {min: 2}"),
			`2:29: rule "r": min 2 changes nothing, since pool "nba" has min 2; remove it`},
		{"a minimum below that of all pools, beside another rule", rules2("bounds: {min: 2}", "bounds: {min: 5}"),
			`2:29: rule "a": min 2 changes nothing, since pool "nba" has min 2; remove it`},
		{"a minimum above all maximums", rules2("bounds: {min: 41}", "bounds: {max: 15}"),
			`2:29: rule "a": min 41 cannot be reached, since pool "nba" has max 40, which stands above it; change one of them`},
		{"a minimum below that of one pool", rule1("bounds: {min: 3}"), ""},
		{"a minimum above the maximum of all pools", rule1("bounds: {min: 41}"),
			`2:29: rule "r": min 41 cannot be reached, since pool "nba" has max 40, which stands above it; change one of them`},
		{"a minimum above the maximum of one pool", rule1("bounds: {min: 30}"), ""},
		{"a minimum above the maximum does not outdo others", rules2("bounds: {min: 41}", "bounds: {min: 10}"),
			`2:29: rule "a": min 41 cannot be reached, since pool "nba" has max 40, which stands above it; change one of them`},
		{"a maximum above that of all pools", rule1("bounds: {max: 40}"),
			`2:29: rule "r": max 40 changes nothing, since pool "nba" has max 40; remove it`},
		{"all of the maximum", rule1("bounds: {max: 100%}"),
			`2:29: rule "r": max 40 changes nothing, since pool "nba" has max 40; remove it`},
		{"a maximum below the minimum of all pools", rule1("bounds: {max: 1}"),
			`2:29: rule "r": max 1 cannot be reached, since pool "nba" has min 2, which stands above it; change one of them`},
		{"a share below the minimum", rule1(nba + ", bounds: {max: 4%}"),
			`2:51: rule "r": max 1 cannot be reached, since pool "nba" has min 2, which stands above it; change one of them`},
		{"a share of the maximum", rule1(nba + ", bounds: {max: 5%, min: 5%}"),
			`2:60: rule "r": min 2 changes nothing, since pool "nba" has min 2; remove it`},
		{"its own maximum is below the minimum", rule1("bounds: {min: 15, max: 30%}"),
			`2:29: rule "r": its min is never reached: the max of rule "r" is below it whenever it holds, and wins; change one of them`},

		// Rules that another one outdoes.
		{"a floor below another one", rules2("when: {during: [late]}, bounds: {min: 10}", "when: {during: [evenings]}, bounds: {min: 12}"),
			`2:53: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"a higher floor for less time", rules2("when: {during: [late]}, bounds: {min: 14}", "when: {during: [evenings]}, bounds: {min: 12}"), ""},
		{"a floor for fewer pools", rules2("when: {during: [late]}, bounds: {min: 10}", nba+", when: {during: [evenings]}, bounds: {min: 12}"), ""},
		{"a floor with an exception", rules2("when: {during: [late]}, bounds: {min: 10}", "when: {during: [evenings]}, unless: {event: {type: game}}, bounds: {min: 12}"), ""},
		{"a floor with an exception at other times", rules2("when: {during: [late]}, bounds: {min: 10}", "unless: {event: {type: game}, during: [summer]}, bounds: {min: 12}"), ""},
		{"a floor with the same exception", rules2("when: {during: [late]}, unless: {event: {type: game}, lead: 1h}, bounds: {min: 10}", "when: {during: [evenings]}, unless: {event: {type: game}}, bounds: {min: 12}"),
			`2:94: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"the same floor twice", rules2("bounds: {min: 10}", "bounds: {min: 10}"),
			`3:29: rule "b": its min never counts: rule "a" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"the same floor for longer", rules2("when: {during: [late]}, bounds: {min: 10}", "when: {during: [evenings]}, bounds: {min: 10}"),
			`2:53: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"a floor with an exception that never coincides", rules2("when: {during: [late], months: [january]}, bounds: {min: 10}", "unless: {event: {type: game}, during: [summer]}, bounds: {min: 12}"),
			`2:72: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"floors of events", rules2("when: {event: {type: game, importance: playoff}}, bounds: {min: 10}", "when: {event: {type: game}, lead: 10m}, bounds: {min: 12}"),
			`2:79: rule "a": its min never counts: rule "b" wants at least as many agents whenever it holds; remove it or change one of them`},
		{"floors of other events", rules2("when: {event: {type: game}, lead: 20m}, bounds: {min: 10}", "when: {event: {type: game}, lead: 10m}, bounds: {min: 12}"), ""},
		{"a ceiling above another one", rules2("when: {during: [late]}, bounds: {max: 18}", "bounds: {max: 50%}"), ""},
		{"a ceiling above another one of all pools", rules2("when: {during: [late]}, bounds: {max: 18}", "bounds: {max: 15}"),
			`2:53: rule "a": its max never counts: rule "b" allows no more agents whenever it holds; remove it or change one of them`},
		{"a floor above a ceiling", rules2("when: {during: [late]}, bounds: {min: 18}", "bounds: {max: 15}"),
			`2:53: rule "a": its min is never reached: the max of rule "b" is below it whenever it holds, and wins; change one of them`},
		{"a floor that is a ceiling", rules2("when: {during: [late]}, bounds: {min: 15}", "bounds: {max: 15}"), ""},
		{"a hold within another one", rules2("when: {during: [late]}, hold: down", "when: {during: [evenings]}, hold: both"),
			`2:45: rule "a": never counts: rule "b" holds the pool whenever it does; remove it or change one of them`},
		{"a hold of more within another one", rules2("when: {during: [late]}, hold: both", "when: {during: [evenings]}, hold: down"), ""},
		{"a member of a group that never wins", rules2("when: {event: {type: game, importance: playoff}}, demand: {multiply: 2, group: g}", "when: {event: {type: game}}, demand: {multiply: 3, group: g}"),
			`2:73: rule "a": never counts: in group g rule "b" is at least as large whenever it holds; remove it or change one of them`},
		{"a member that wins", rules2("when: {event: {type: game, importance: playoff}}, demand: {multiply: 3, group: g}", "when: {event: {type: game}}, demand: {multiply: 2, group: g}"), ""},
		{"a member that grows faster", rules2("when: {event: {type: game, importance: playoff}}, demand: {multiply: 2, group: g, ramp: {up: 10m}}", "when: {event: {type: game}}, demand: {multiply: 3, group: g, ramp: {up: 20m}}"), ""},
		{"a member that ends later", rules2("when: {event: {type: game, importance: playoff}}, demand: {multiply: 2, group: g, ramp: {down: 10m}}", "when: {event: {type: game}}, demand: {multiply: 3, group: g, ramp: {down: 20m}}"), ""},
		{"a member that adds more", rules2("demand: {multiply: 2, add: 5, group: g}", "demand: {multiply: 3, group: g}"), ""},
		{"a member that lasts", rules2("when: {event: {type: game, importance: playoff}}, demand: {multiply: 2, group: g}", "when: {event: {type: game}}, demand: {multiply: 3, group: g, half_life: 20m}"), ""},
		{"a member that is larger in one month", rules2("demand: {multiply: 2, group: g, by_month: {may: 2}}", "demand: {multiply: 3, group: g}"), ""},
		{"members of other groups", rules2("demand: {multiply: 2, group: g}", "demand: {multiply: 3, group: h}"), ""},
		{"members that lower, with a ramp", rules2("when: {during: [late]}, demand: {multiply: 0.5, group: g, ramp: 5m}", "when: {during: [evenings]}, demand: {multiply: 0.6, group: g, ramp: 5m}"), ""},

		// What changes nothing.
		{"a factor of 1", rule1("demand: {multiply: 1}"),
			`2:23: rule "r" changes nothing: its factors are 1 and it adds nothing; remove it`},
		{"a factor of 1 keeps an event out of what is learned", rule1("when: {event: {type: game}}, demand: {multiply: 1}"), ""},
		{"a factor of 1 in a group", rule1("demand: {multiply: 1, group: g}"), ""},
		{"months of 1", rule1("demand: {multiply: 2, by_month: {may: 1, june: 1}}"),
			`2:47: rule "r": by_month has factors of 1 only; remove it`},
		{"a month of 1", rule1("demand: {by_month: {may: 1, june: 2}}"), ""},
		{"hours of 1", rule1("demand: {multiply: 2, by_hour: {\"3-5\": 1}}"),
			`2:46: rule "r": by_hour has factors of 1 only; remove it`},
		{"nothing is added", rule1("demand: {add: 0}"),
			`2:23: rule "r" changes nothing: its factors are 1 and it adds nothing; remove it`},

		// What nobody uses, and what is over.
		{"a template", "templates: [{name: t, priority: 1}]",
			`1:20: no pool uses template "t"; remove it or name it in a pool`},
		{"a template that is used", "templates: [{name: t, priority: 1}]\npools: [{name: c, template: t, agents: {min: 1, max: 2}, load: {query: x, per_agent: 1}}]", ""},
		{"a time interval", "time_intervals: [{name: t, time_intervals: [{months: [may]}]}]",
			`1:25: no rule uses time interval "t"; remove it or name it in during`},
		{"an override that ended", "overrides:\n  - {pool: nba, exact: 3, author: anna, reason: x, start: 2026-11-09T18:00, end: 2026-11-10T07:00}\n  - {pool: nba, exact: 3, author: anna, reason: x, start: 2026-11-09T18:00, end: 2026-11-10T07:01}\n",
			`2:82: override of pool "nba" ended on 2026-11-10 07:00; remove it`},
		{"dates that are over", "event_sources:\n  - {name: s, event: {type: draft}, dates: [{start: 2026-10-01, duration: 2h}, {start: 2026-11-01, duration: 1d}]}\n",
			`2:44: event source "s" has no dates to come; the last ended on 2026-11-02`},
		{"a calendar that ended", "event_sources:\n  - {name: s, event: {type: draft}, ics: {file: past.ics}}\n",
			`2:42: calendar past.ics has no events to come; put those of the next season into it or remove the source`},
		{"a calendar that begins in the next season", "event_sources:\n  - {name: s, event: {type: draft}, ics: {file: next.ics}}\n", ""},

		// Changes of the clock: New York's on 2027-03-14, Berlin's on 2027-03-28.
		{"a window that starts in a gap", window(`{times: [{start_time: "02:30", end_time: "04:00"}], location: America/New_York}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-14 in America/New_York the clock skips 02:00 to 03:00, so the window 02:30 to 04:00 starts at 03:00; choose other times, or location: UTC`},
		{"a window in a gap", window(`{times: [{start_time: "02:15", end_time: "02:45"}], location: Europe/Berlin}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-28 in Europe/Berlin the clock skips 02:00 to 03:00, so the window 02:15 to 02:45 does not come; choose other times, or location: UTC` + "\n" +
				`2:31: time interval "w": on Sunday 2027-10-31 in Europe/Berlin the clock shows 02:00 to 03:00 twice, so the window 02:15 to 02:45 comes twice; choose other times, or location: UTC`},
		{"a window that is all that comes never or twice", window(`{times: [{start_time: "02:00", end_time: "03:00"}], location: Europe/Berlin}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-28 in Europe/Berlin the clock skips 02:00 to 03:00, so the window 02:00 to 03:00 does not come; choose other times, or location: UTC`},
		{"the same window on several days is told once", window(`{times: [{start_time: "02:30", end_time: "04:00"}], location: America/New_York}, {times: [{start_time: "02:30", end_time: "04:00"}], months: [march], location: America/New_York}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-14 in America/New_York the clock skips 02:00 to 03:00, so the window 02:30 to 04:00 starts at 03:00; choose other times, or location: UTC`},
		{"a window that nobody uses", "time_intervals:\n  - {name: w, time_intervals: [{times: [{start_time: \"02:30\", end_time: \"04:00\"}], location: America/New_York}]}\n",
			`2:12: no rule uses time interval "w"; remove it or name it in during`},
		{"a window that ends in both", window(`{times: [{start_time: "01:00", end_time: "02:30"}], location: Europe/Berlin}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-28 in Europe/Berlin the clock skips 02:00 to 03:00, so the window 01:00 to 02:30 ends at 02:00; choose other times, or location: UTC` + "\n" +
				`2:31: time interval "w": on Sunday 2027-10-31 in Europe/Berlin the clock shows 02:00 to 03:00 twice, so the window 01:00 to 02:30 ends twice: it goes on when the clock is set back; choose other times, or location: UTC`},
		{"a window that starts with a gap", window(`{times: [{start_time: "02:00", end_time: "05:00"}], location: America/New_York}`, nba),
			`2:31: time interval "w": on Sunday 2027-03-14 in America/New_York the clock skips 02:00 to 03:00, so the window 02:00 to 05:00 starts at 03:00; choose other times, or location: UTC`},
		{"a window that starts with a fold", window(`{times: [{start_time: "01:00", end_time: "05:00"}], location: America/New_York}`, nba), ""},
		{"windows around midnight where the clock is changed then", window(`{times: [{start_time: "22:00", end_time: "24:00"}, {start_time: "00:00", end_time: "06:00"}], location: Africa/Cairo}`, nba), ""},
		{"a window on other days", window(`{times: [{start_time: "02:30", end_time: "04:00"}], weekdays: ["monday:friday"], location: America/New_York}`, nba), ""},
		{"a window in the zones of the pools", window(`{times: [{start_time: "02:30", end_time: "04:00"}]}`, "pools: {kind: team}"),
			`2:31: time interval "w": on Sunday 2027-03-14 in America/New_York the clock skips 02:00 to 03:00, so the window 02:30 to 04:00 starts at 03:00; choose other times, or location: UTC` + "\n" +
				`2:31: time interval "w": on Sunday 2027-03-28 in Europe/Berlin the clock skips 02:00 to 03:00, so the window 02:30 to 04:00 starts at 03:00; choose other times, or location: UTC` + "\n" +
				`2:31: time interval "w": on Sunday 2027-10-31 in Europe/Berlin the clock shows 02:00 to 03:00 twice, so the window 02:30 to 04:00 starts twice: it is interrupted when the clock is set back; choose other times, or location: UTC`},
		{"a window of UTC", window(`{times: [{start_time: "02:30", end_time: "04:00"}], location: UTC}`, nba), ""},
		{"dates in gaps that are over", "event_sources:\n  - {name: s, location: America/New_York, event: {type: draft}, dates: [{start: 2026-03-08T02:30, duration: 2h}, {start: 2027-01-01, duration: 2h}]}\n", ""},
		{"dates in gaps and folds", "event_sources:\n  - {name: s, location: America/New_York, event: {type: draft}, dates: [{start: 2027-03-14T02:30, duration: 2h}, {start: 2027-11-07 00:30, end: 2027-11-07T01:30}, {start: \"2027-11-07T01:30:00-05:00\", duration: 1h}, {start: 2027-03-14T03:30, duration: 1h}]}\n",
			`2:81: event source "s": the clock in America/New_York skips 2027-03-14T02:30; it is read as 2027-03-14 01:30:00; choose another time` + "\n" +
				`2:145: event source "s": the clock in America/New_York shows 2027-11-07T01:30 twice; it is read as 2027-11-07T01:30:00-04:00; give an offset to choose`},

		// Labels that a query does not keep.
		{"a label that is aggregated away", "pools:\n  - {name: c, agents: {min: 1, max: 2}, load: {query: 100 * (sum by (league) (agent_load)), match: {team: NBA}, per_agent: 1}, current: {query: sum(x), match: {league: NBA}}}\n",
			`2:100: pool "c": load: no series has the label team of match, since the query keeps only league; correct one of them` + "\n" +
				`2:160: pool "c": current: no series has the label league of match, since the query keeps no labels; correct one of them`},
		{"a completeness that is counted over all", "pools:\n  - {name: c, agents: {min: 1, max: 2}, load: {query: agent_load, match: {league: NBA}, per_agent: 1, completeness: count(agent_load)}}\n",
			`2:117: pool "c": completeness: no series has the label league of match, since the query keeps no labels; correct one of them`},
		{"labels that may be kept", "pools:\n  - {name: c, agents: {min: 1, max: 2}, load: {query: 'topk by (a) (1, agent_load)', match: {league: NBA}, per_agent: 1}, current: {query: sum without (x) (x), match: {league: NBA}}}\n", ""},
		{"a budget whose query has not the label of the load", "pools:\n  - {name: c, labels: {kind: c}, agents: {min: 1, max: 2}, load: {query: agent_load, match: {league: NBA}, per_agent: 1}}\nbudgets:\n  - {name: posts, pools: {kind: c}, limit: 3, used: 'sum(increase(posts[$window]))', posts_per_agent_hour: 1}\n",
			`4:53: budget "posts" of pool "c": no series has the label league of match, since the query keeps no labels; correct one of them`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, warningsOf(t, tc.text)); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// Each set of rule files that we give to others is free of warnings, whenever it is
// read within its calendars' seasons.
func TestOurRuleFilesHaveNoWarnings(t *testing.T) {
	for pattern, days := range map[string][]string{
		"../rules/*.yml":         {"2026-10-20", "2026-12-31"},
		"../rules/leagues/*.yml": {"2026-10-20", "2026-12-31"},
		"../rules/tests/*/*.yml": {"2026-10-20", "2026-11-20"},
	} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Errorf("%s: %d files, %v", pattern, len(names), err)
		}
		for _, now := range days {
			o := testOptions
			if o.Now, err = time.Parse(time.DateOnly, now); err != nil {
				t.Fatal(err)
			}
			rules, err := Load(names, o)
			if err != nil || len(rules.Warnings) > 0 {
				t.Errorf("%s on %s: %v\n%s", pattern, now, err, rules.Warnings)
			}
		}
	}
}

// manyRules are rules of which each has times of its own and wants more for less long
// than the one before, so that none outdoes another one and all pairs are looked at.
func manyRules(n int) string {
	var b strings.Builder
	b.WriteString("pools:\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  - {name: p%d, labels: {kind: team}, location: %s, agents: {min: 1, max: 100000}, load: {query: x, match: {p: p%d}, per_agent: 1}}\n", i, []string{"America/New_York", "Europe/Berlin"}[i%2], i)
	}
	b.WriteString("time_intervals:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {name: t%d, time_intervals: [{times: [{start_time: \"%02d:%02d\", end_time: \"23:59\"}], weekdays: [monday, 'wednesday:friday'], months: ['january:november']}]}\n", i, i/60, i%60)
	}
	b.WriteString("rules:\n")
	for i := range n {
		effect := fmt.Sprintf("bounds: {min: %d}", 10+i)
		if i%2 == 1 {
			effect = fmt.Sprintf("demand: {multiply: %d, group: g}", 10+i)
		}
		fmt.Fprintf(&b, "  - {name: r%d, pools: {kind: team}, when: {during: [t%d], months: ['january:october']}, %s}\n", i, i, effect)
	}
	return b.String()
}

// Rules that are all of use are not complained about; BenchmarkLoad500Rules tells what
// looking for it costs.
func TestManyOrdinaryRulesHaveNoWarnings(t *testing.T) {
	rules, problems := loadFiles(t, map[string]string{"r.yml": manyRules(500)})
	if problems != "" {
		t.Fatal(problems)
	}
	if n := len(rules.Warnings); n > 0 {
		t.Errorf("got %d warnings: %s", n, rules.Warnings[0])
	}
}

func BenchmarkLoad500Rules(b *testing.B) {
	name := filepath.Join(b.TempDir(), "r.yml")
	if err := os.WriteFile(name, []byte(manyRules(500)), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load([]string{name}, testOptions); err != nil {
			b.Fatal(err)
		}
	}
}
