package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

func TestEventsAreTold(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{
			"now, for a while", `{"type":"breaking_news","name":" A trade ","labels":{"league":"nba"},"duration":"2h","author":"anna"}`,
			`{"id":"breaking_news-20261124T120000Z","type":"breaking_news","name":"A trade","start":"2026-11-24T12:00:00Z","end":"2026-11-24T14:00:00Z","labels":{"league":"nba"},"source":"api","state":"active","pools":["nba"],"warnings":[]}`,
		},
		{
			"later, for all pools", `{"id":"press-1","type":"breaking_news","start":"2026-11-25T12:00:00+01:00","end":"2026-11-25T12:00:00Z"}`,
			`{"id":"press-1","type":"breaking_news","name":"","start":"2026-11-25T11:00:00Z","end":"2026-11-25T12:00:00Z","labels":{},"source":"api","state":"upcoming","pools":["nba","nfl"],"warnings":[]}`,
		},
		{"in the past", `{"type":"breaking_news","start":"2026-11-24T08:00:00Z","duration":"1h"}`, `"end":"2026-11-24T09:00:00Z","labels":{},"source":"api","state":"over",`},
		{"no rule asks", `{"type":"breaking","duration":"1h"}`, `"pools":[],"warnings":["no rule of a pool that it concerns asks for this event: it changes nothing; rules ask for breaking_news"]}`},
		{"another league", `{"type":"breaking_news","labels":{"league":"mlb"},"duration":"1h"}`, `"pools":[],"warnings":["no rule of a pool`},
		{"one pool by name", `{"type":"breaking_news","labels":{"pool":"nfl"},"duration":"1h"}`, `"pools":["nfl"]`},
	} {
		d := newDesk(t)
		if got := d.must(t, "POST", "/api/v1/events", tc.body); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got\n%s, want\n%s", tc.name, got, tc.want)
		}
		if n := len(d.engine.ToldEvents()); n != 1 {
			t.Errorf("%s: %d events are known", tc.name, n)
		}
	}
}

func TestEventsAreRefused(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`"l%d":"x",`, 65), ",")
	for i := range 65 {
		many = strings.Replace(many, "%d", fmt.Sprint(i), 1)
	}
	for _, tc := range []struct{ name, body, want string }{
		{"all that is wrong", `{"id":"a/b","labels":{"":"x","b":"\u0007"}}`, `id "a/b" is not up to 100 letters, digits, dots, dashes and underscores; type is missing; send one that a rule asks for, such as breaking_news; a label has no name; label b holds characters that cannot be printed; duration or end is missing, such as "duration": "2h"`},
		{"type", `{"type":"breaking news","duration":"1h"}`, `type "breaking news" is not up to 100 letters`},
		{"end before start", `{"type":"a","start":"2026-11-24T13:00:00Z","end":"2026-11-24T12:30:00Z"}`, "end 2026-11-24T12:30:00Z is not after start 2026-11-24T13:00:00Z"},
		{"too long", `{"type":"a","duration":"32d"}`, "the event would last 32d, more than the 31d that are allowed"},
		{"long ago", `{"type":"a","start":"2026-11-22T12:00:00Z","duration":"1h"}`, "end 2026-11-22T13:00:00Z is before the history begins, at 2026-11-23T12:00:00Z; such an event has no effect"},
		{"years ago", `{"type":"a","start":"0001-01-01T12:00:00Z","end":"2026-11-24T13:00:00Z"}`, "more than the 31d that are allowed"},
		{"too many labels", `{"type":"a","duration":"1h","labels":{` + many + `}}`, "65 labels, at most 64 are allowed"},
		{"label is no text", `{"type":"a","duration":"1h","labels":{"a":1}}`, "labels: expected text, got a JSON number"},
		{"labels are no object", `{"type":"a","duration":"1h","labels":[1]}`, "labels: expected an object, got a JSON array"},
		{"unknown field", `{"type":"a","duration":"1h","size":1}`, `unknown field "size"`},
		{"author", `{"type":"a","duration":"1h","author":"\u202e"}`, "author holds characters that cannot be printed"},
	} {
		d := newDesk(t)
		before := d.state()
		code, got := d.send("POST", "/api/v1/events", tc.body)
		var answer struct{ Status, Error string }
		if err := json.Unmarshal([]byte(got), &answer); err != nil || code != 400 || answer.Status != "error" || !strings.Contains(answer.Error, tc.want) {
			t.Errorf("%s: got %d %s, want 400 with %q", tc.name, code, got, tc.want)
		}
		if d.state() != before {
			t.Errorf("%s: what was refused changed something: %s", tc.name, d.state())
		}
	}
}

// ids returns the IDs of the events that the API lists.
func (d *desk) ids(t *testing.T, query string) []string {
	t.Helper()
	var events []struct{ ID string }
	if err := json.Unmarshal([]byte(d.must(t, "GET", "/api/v1/events"+query, "")), &events); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

func TestEventsAreListedReplacedAndEnded(t *testing.T) {
	d := newDesk(t)
	put := func(body string) { t.Helper(); d.must(t, "POST", "/api/v1/events", body) }
	put(`{"id":"old","type":"breaking_news","start":"2026-11-24T08:00:00Z","duration":"1h","labels":{"league":"nfl"}}`)
	put(`{"id":"e","type":"breaking_news","duration":"1h","labels":{"league":"nba"}}`)
	put(`{"id":"e","type":"breaking_news","duration":"3h","labels":{"league":"nba"},"author":"anna"}`)
	put(`{"type":"press","duration":"1h"}`)
	put(`{"type":"press","duration":"1h"}`)
	put(`{"id":"later","type":"press","start":"2026-11-24T15:00:00Z","duration":"1h","labels":{"league":"nfl"}}`)
	game := "fixtures/1/20261124T170000Z"
	for query, want := range map[string][]string{
		"":                       {"old", "e", "press-20261124T120000Z", "press-20261124T120000Z-2", "later", game},
		"?upcoming=true":         {"e", "press-20261124T120000Z", "press-20261124T120000Z-2", "later", game},
		"?pool=nfl":              {"old", "press-20261124T120000Z", "press-20261124T120000Z-2", "later"},
		"?pool=nba&type=game":    {game},
		"?type=press&upcoming=1": {"press-20261124T120000Z", "press-20261124T120000Z-2", "later"},
		"?type=none":             nil,
	} {
		if diff := cmp.Diff(want, d.ids(t, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	for _, tc := range []struct {
		method, path string
		code         int
		want         string
	}{
		{"GET", "/api/v1/events?pool=mlb", 404, `no pool \"mlb\"; known are nba, nfl`},
		{"GET", "/api/v1/events?upcoming=maybe", 400, `upcoming must be true or false, got \"maybe\"`},
		{"DELETE", "/api/v1/events/none", 404, `no event has the id \"none\"`},
		{"DELETE", "/api/v1/events/fixtures%2F1%2F20261124T170000Z", 409, `comes from event source fixtures and ends there`},
		{"DELETE", "/api/v1/events/old", 409, `event \"old\" has ended already, at 2026-11-24T09:00:00Z`},
		{"DELETE", "/api/v1/events/e?author=%07", 400, "author holds"},
		{"DELETE", "/api/v1/events/e?author=bob", 200, `"end":"2026-11-24T12:05:00Z"`},
		{"DELETE", "/api/v1/events/later", 200, `"start":"2026-11-24T15:00:00Z","end":"2026-11-24T16:00:00Z","labels":{"league":"nfl"},"source":"api","state":"over"}`},
	} {
		d.now = now.Add(5 * time.Minute)
		if code, got := d.send(tc.method, tc.path, ""); code != tc.code || !strings.Contains(got, tc.want) {
			t.Errorf("%s %s: got %d %s, want %d with %s", tc.method, tc.path, code, got, tc.code, tc.want)
		}
	}
	if diff := cmp.Diff([]string{"press-20261124T120000Z", "press-20261124T120000Z-2", game}, d.ids(t, "?upcoming=true")); diff != "" {
		t.Errorf("after the ends (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`msg="event put" author=anna user=desk-user remote=192.0.2.1:1234 before="breaking_news \"\" from 2026-11-24T12:00:00Z until 2026-11-24T13:00:00Z league=nba" after="breaking_news \"\" from 2026-11-24T12:00:00Z until 2026-11-24T15:00:00Z league=nba" event=e`,
		`msg="event ended" author=bob user=desk-user remote=192.0.2.1:1234 before="breaking_news \"\" from 2026-11-24T12:00:00Z until 2026-11-24T15:00:00Z league=nba" after="breaking_news \"\" from 2026-11-24T12:00:00Z until 2026-11-24T12:05:00Z league=nba" event=e`,
	} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("the log lacks\n%s\nin\n%s", want, d.log.String())
		}
	}
}

func TestEventsAreNotWithoutNumber(t *testing.T) {
	d := newDesk(t)
	for i := range mostGoing {
		d.must(t, "POST", "/api/v1/events", fmt.Sprintf(`{"id":"e%d","type":"a","duration":"1h"}`, i))
	}
	if code, got := d.send("POST", "/api/v1/events", `{"type":"a","duration":"1h"}`); code != 409 || !strings.Contains(got, "500 events that were told are not over yet") {
		t.Errorf("one too many: got %d %s", code, got)
	}
	d.must(t, "POST", "/api/v1/events", `{"id":"e7","type":"a","duration":"2h"}`)
	if got := d.must(t, "POST", "/api/v1/events/alertmanager", firing("0123456789abcdef", now)); !strings.Contains(got, `"started":0`) || !strings.Contains(got, "more are not taken") {
		t.Errorf("an alert too many: got %s", got)
	}
	d.now = now.Add(time.Hour)
	d.must(t, "POST", "/api/v1/events", `{"type":"a","duration":"1h"}`)
}

// notify is what Alertmanager 0.34 sends about an alert.
func notify(status, fingerprint string, labels string, start, end time.Time) string {
	return fmt.Sprintf(`{"receiver":"scaling-adapter","status":%q,"alerts":[{"status":%[1]q,"labels":%s,"annotations":{"summary":"mentions of a\u0007 trade"},"startsAt":%q,"endsAt":%q,"generatorURL":"http://p:9090/graph","fingerprint":%q}],
"notification_reason":"x","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"routeLabels":{},"externalURL":"http://a:9093","version":"4","groupKey":"{}:{}","truncatedAlerts":0}`,
		status, labels, start.Format(time.RFC3339Nano), end.Format(time.RFC3339Nano), fingerprint)
}

const newsLabels = `{"alertname":"MentionsSurge","event_type":"breaking_news","league":"nba","importance":"high"}`

func firing(fingerprint string, start time.Time) string {
	return notify("firing", fingerprint, newsLabels, start, time.Time{})
}

// An alert that fires raises a pool, again and again as one event; when it is
// resolved the pool goes back. It may fire anew.
func TestAlertsScaleAPool(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	send := func(body, want string) {
		t.Helper()
		if got := d.must(t, "POST", "/api/v1/events/alertmanager", body); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	want := func(nba int) {
		t.Helper()
		d.tick(t)
		if d.world.agents["nba"] != nba || d.world.agents["nfl"] != 10 {
			t.Errorf("agents %v, want %d of nba", d.world.agents, nba)
		}
	}
	began := d.now.Add(-10 * time.Second)
	send(firing("0123456789abcdef", began), `{"started":1,"going":0,"ended":0,"ignored":[]}`)
	want(20)
	told := d.engine.ToldEvents()
	expected := []policy.Event{{
		ID: "alert-0123456789abcdef-" + serial(began), Type: "breaking_news", Name: "mentions of a  trade", Start: began, End: began.Add(24 * time.Hour),
		Labels: map[string]string{"alertname": "MentionsSurge", "league": "nba", "importance": "high"}, Source: "alertmanager",
	}}
	if diff := cmp.Diff(expected, told); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	send(firing("0123456789abcdef", began.Add(3*time.Second)), `{"started":0,"going":1,"ended":0,"ignored":[]}`)
	want(20)
	if told := d.engine.ToldEvents(); len(told) != 1 || !told[0].Start.Equal(began) {
		t.Errorf("another Alertmanager made another event: %+v", told)
	}
	send(notify("resolved", "0123456789abcdef", newsLabels, began, d.now.Add(-time.Second)), `{"started":0,"going":0,"ended":1,"ignored":[]}`)
	if end := d.engine.ToldEvents()[0].End; !end.Equal(d.now.Add(-time.Second)) {
		t.Errorf("the event ended at %s, not when the alert did", end)
	}
	want(10)
	send(notify("resolved", "0123456789abcdef", newsLabels, began, d.now), `{"started":0,"going":0,"ended":0,"ignored":[]}`)
	send(firing("0123456789abcdef", d.now), `{"started":1,"going":0,"ended":0,"ignored":[]}`)
	want(20)
	if n := len(d.engine.ToldEvents()); n != 2 {
		t.Errorf("%d events are known, want the one of before and this one", n)
	}
	if n := strings.Count(d.log.String(), `msg="event put"`); n != 2 {
		t.Errorf("%d events are logged, want 2:\n%s", n, d.log.String())
	}
}

// An alert that goes on for days goes on as an event, which changes twice a day and
// not with every notification. One of which nothing is heard any more ends.
func TestAlertsThatGoOn(t *testing.T) {
	d := newDesk(t)
	ends := map[time.Time]bool{}
	for range 3 * 24 {
		d.must(t, "POST", "/api/v1/events/alertmanager", firing("0123456789abcdef", now))
		told := d.engine.ToldEvents()
		if len(told) != 1 {
			t.Fatalf("%d events", len(told))
		}
		if left := told[0].End.Sub(d.now); left < 12*time.Hour || left > 24*time.Hour {
			t.Fatalf("after %s the event has %s left", d.now.Sub(now), left)
		}
		ends[told[0].End] = true
		d.now = d.now.Add(time.Hour)
	}
	if len(ends) > 6 {
		t.Errorf("the event changed %d times in three days", len(ends))
	}
}

func TestAlertsBecomeEvents(t *testing.T) {
	for _, tc := range []struct {
		name, status, labels string
		start, end           time.Time
		want                 string
	}{
		{"type by its name", "firing", `{"alertname":"HighHTTPErrors","pool":"nba"}`, now, time.Time{}, `high_http_errors "mentions of a  trade" from 2026-11-24T12:00:00Z until 2026-11-25T12:00:00Z pool=nba`},
		{"an end that is said", "firing", newsLabels, now, now.Add(time.Hour), `until 2026-11-24T13:00:00Z alertname=MentionsSurge importance=high league=nba`},
		{"an end too far", "firing", newsLabels, now, now.Add(1000 * time.Hour), `until 2026-11-25T12:00:00Z`},
		{"an end that is over", "firing", newsLabels, now.Add(-time.Hour), now.Add(-time.Minute), `from 2026-11-24T11:00:00Z until 2026-11-25T11:00:00Z`},
		{"days ago", "firing", newsLabels, now.Add(-50 * time.Hour), time.Time{}, `from 2026-11-22T10:00:00Z until 2026-11-25T10:00:00Z`},
		{"a clock that is ahead", "firing", newsLabels, now.Add(time.Hour), time.Time{}, `from 2026-11-24T12:00:00Z until 2026-11-25T12:00:00Z`},
		{"centuries ago", "firing", newsLabels, now.AddDate(-1000, 0, 0), time.Time{}, `from 2025-11-24T12:00:00Z until 2026-11-25T00:00:00Z`},
		{"no start", "firing", newsLabels, time.Time{}, time.Time{}, `from 2026-11-24T12:00:00Z until 2026-11-25T12:00:00Z`},
		{"no type", "firing", `{"league":"nba"}`, now, time.Time{}, "ignored: label event_type is missing"},
		{"no name in letters", "firing", `{"alertname":"!!"}`, now, time.Time{}, "ignored: label event_type is missing"},
		{"bad type", "firing", `{"event_type":"breaking news"}`, now, time.Time{}, `ignored: label event_type "breaking news" is not up to`},
		{"bad label", "firing", `{"event_type":"a","b":"\u0007"}`, now, time.Time{}, "ignored: label b holds characters that cannot be printed"},
		{"bad status", "pending", newsLabels, now, time.Time{}, `ignored: status "pending" is neither firing nor resolved`},
	} {
		d := newDesk(t)
		answer := d.must(t, "POST", "/api/v1/events/alertmanager", notify(tc.status, "0123456789abcdef", tc.labels, tc.start, tc.end))
		var got struct{ Ignored []string }
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(strings.Join(got.Ignored, " "), "0123456789abcdef:", "ignored:")
		for _, e := range d.engine.ToldEvents() {
			text += tell(e)
		}
		if !strings.Contains(text, tc.want) {
			t.Errorf("%s: got %s, want %s", tc.name, text, tc.want)
		}
		if len(got.Ignored) > 0 && !strings.Contains(d.log.String(), `level=WARN msg="alert ignored" fingerprint=0123456789abcdef`) {
			t.Errorf("%s: it is not logged:\n%s", tc.name, d.log.String())
		}
	}
}

func TestNotificationsThatAreNone(t *testing.T) {
	d := newDesk(t)
	for body, want := range map[string]string{
		`{"version":"3","alerts":[]}`:                    `expected what Alertmanager's webhook sends, version 4, got version \"3\"`,
		`{"alerts":"x","version":"4"}`:                   "alerts: expected an object, got a JSON string",
		`{"version":"4","alerts":[{"startsAt":"noon"}]}`: "not what was expected: parsing time",
		`{"version":"4"} x`:                              "invalid character 'x'",
	} {
		if code, got := d.send("POST", "/api/v1/events/alertmanager", body); code != 400 || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %s, want 400 with %s", body, code, got, want)
		}
	}
	if code, got := d.send("POST", "/api/v1/events/alertmanager", `{"groupKey":"`+strings.Repeat("x", 4<<20)+`"}`); code != 413 {
		t.Errorf("too big: got %d %s", code, got)
	}
	d.must(t, "POST", "/api/v1/events/alertmanager", `{"version":"4","truncatedAlerts":3,"alerts":[]}`)
	if !strings.Contains(d.log.String(), `level=WARN msg="alertmanager left out alerts; raise max_alerts of its webhook" alerts=3`) {
		t.Errorf("alerts that were left out are not logged:\n%s", d.log.String())
	}
	if got := d.must(t, "POST", "/api/v1/events/alertmanager", firing("../x", now)); !strings.Contains(got, `fingerprint \"../x\" is not up to 100 letters and digits`) {
		t.Errorf("got %s", got)
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"HighErrorRate": "high_error_rate", "APIDown": "api_down", "HTTP5xxErrors": "http5xx_errors", "breaking news!": "breaking_news", "already_snake": "already_snake",
		"NBA": "nba", "diskFull": "disk_full", "Node2Down": "node2_down", "": "", "--": "", "A": "a", "aB": "a_b", "Übermut": "übermut",
	} {
		if got := snake(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// FuzzOrders sends anything to everything that takes a body. No answer is an error of
// the server, what is refused changes nothing, and what is taken is sound.
func FuzzOrders(f *testing.F) {
	for _, body := range []string{
		`{"exact":12,"author":"anna","reason":"finals"}`, `{"min":0,"max":1048576,"author":"a","reason":"r","duration":"24h"}`, `{"max":-1}`, `{"min":1e309}`, `{"min":NaN}`,
		`{"hold":true,"author":"a","reason":"r","start":"2026-11-24T12:00:00Z","end":"2026-11-24T13:00:00Z"}`, `{"hold":true,"author":"a","reason":"r","start":"9999-12-31T23:59:59Z"}`,
		`{"hold":true,"author":"a","reason":"r","start":"0000-01-01T00:00:00Z","duration":"292y"}`, `{"id":"x","type":"breaking_news","duration":"1h","labels":{"league":"nba"}}`, `{"type":"a","end":"2026-11-24T13:00:00Z","start":"1700-01-01T00:00:00Z"}`,
		firing("0123456789abcdef", now), notify("resolved", "f", `{"alertname":"A"}`, now, now), notify("firing", "f", `{"alertname":"A"}`, now.AddDate(-1000, 0, 0), now.AddDate(1000, 0, 0)),
		`{"version":"4","alerts":[{}]}`, `{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"X"},"fingerprint":"f","startsAt":"0000-01-01T00:00:00Z"}]}`, ``, `null`, `[]`, `{}{}`,
	} {
		for i := range writes {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		d := newDesk(t)
		before := d.state()
		w := writes[((which%len(writes))+len(writes))%len(writes)]
		code, text := d.send(w.method, w.path, body)
		var answer struct {
			Status, Error string
			Data          json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || code >= 500 || (code == 200) != (answer.Status == "success") || (code == 200) == (answer.Error != "") {
			t.Fatalf("%s %s: got %d %s", w.method, w.path, code, text)
		}
		if code != 200 && d.state() != before {
			t.Errorf("refused with %d, but changed to %s", code, d.state())
		}
		for _, o := range d.engine.Overrides(time.Time{}) {
			bounded := func(n *int) bool { return n == nil || *n >= 0 && *n <= 1<<20 }
			length := o.End.Sub(o.Start)
			if o.Author == "" || o.Reason == "" || o.Start.Before(now) || length <= 0 || length > longestOverride || !bounded(o.Min) || !bounded(o.Max) ||
				o.Min != nil && o.Max != nil && *o.Min > *o.Max || o.Min == nil && o.Max == nil && !o.Hold && !o.Disable {
				t.Errorf("taken: %+v", o)
			}
		}
		for _, e := range d.engine.ToldEvents() {
			if e.ID == "" || strings.Contains(e.ID, "/") || e.Type == "" || !e.Start.Before(e.End) || e.End.After(now.Add(mostAhead+longestEvent)) || len(e.Labels) > mostLabels {
				t.Errorf("taken: %+v", e)
			}
		}
		if code == 200 {
			d.tick(t)
		}
		if e := d.engine.Snapshot(); e != nil && e.Pools[0].Decision.Reasons[0].Code == policy.ReasonEvaluationFailed {
			t.Errorf("decided: %+v", e.Pools[0].Decision)
		}
	})
}

// An event that a rule must be without, or that makes a class of a budget, changes something
// too.
func TestEventsThatAreNotWantedOrCountAreAskedFor(t *testing.T) {
	asks := func(typ string) policy.Condition { return policy.Condition{Events: []policy.EventMatch{{Type: typ}}} }
	draft := asks("draft")
	s := &engine.Settings{Pools: []engine.Pool{
		{Policy: policy.Policy{Pool: policy.Pool{Name: "nba"}, Rules: []policy.Rule{{Unless: &draft}}}},
		{Policy: policy.Policy{Pool: policy.Pool{Name: "nfl"}}, Budgets: []engine.Budget{{When: []policy.Rule{{When: asks("playoff")}}}}},
	}}
	for typ, want := range map[string]string{"draft": "nba", "playoff": "nfl", "game": ""} {
		if got := strings.Join(reacting(s, policy.Event{Type: typ}), " "); got != want {
			t.Errorf("%s: got %q, want %q", typ, got, want)
		}
	}
	if got := asked(s); got != "draft, playoff" {
		t.Errorf("asked for are %s", got)
	}
}
