package api

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

// readable is a page without what only lays it out.
func readable(page string) string { return strings.Join(strings.Fields(page), " ") }

func TestPagesTellWhatIsKnown(t *testing.T) {
	snap := eventful(t)
	snap.Settings.Files, snap.Settings.Warnings = []string{"r.yml", "r.yml.d/a.yml"}, []string{"r.yml:3:5: never holds", "r.yml.d/a.yml:1:1: unused", "clock: odd"}
	snap.Settings.Places = map[string]string{"evening": "r.yml:7:5"}
	snap.Settings.Exprs = []engine.Expr{{Name: "queue", Query: `queue > 300`, Type: "long_queue", For: time.Minute}}
	snap.Settings.Emergency = policy.EmergencyLimits{Percent: map[string]float64{"cpu": 95}, Samples: 3, Reduce: 0.3, Settle: time.Minute, Resume: 5 * time.Minute}
	snap.Pools[0].Budgets[0].Cap = budget.Cap{Status: budget.Held, Agents: 8, Scarce: true, Used: 12, Protected: 3, Until: now.Add(90 * time.Minute), Detail: "12 of 17 are used"}
	snap.Settings.Overrides = []policy.Override{{ID: "o", Pool: "nba", Max: new(9), Author: "ann", Reason: "a <i>move</i>", Start: now.Add(-time.Hour), End: now.Add(26 * time.Hour)}}
	snap.Pools[1].Override = &policy.Override{ID: "p", Pool: "nfl", Max: new(3)}
	pages := map[string]string{}
	for _, path := range []string{"/", "/pools/nba", "/pools/nba?range=7d", "/pools/nfl", "/configuration"} {
		code, page := get(t, snap, path)
		if code != http.StatusOK {
			t.Fatalf("%s: got %d %s", path, code, page)
		}
		pages[path] = readable(page)
	}
	for _, tc := range []struct{ path, want string }{
		{"/", `<a href="/pools/nba">nba</a>`},
		{"/", "unhealthy: actuation, hosts</strong>"},
		{"/", "Missing: host memory is error."},
		{"/", "<b>hosts</b>: host memory is error: refused"},
		{"/", "of hosts east: pools were cut at Tue 11:58 UTC and"},
		{"/", "of hosts west: pools were cut and"},
		{"/", "<b>8</b> agents → <b>12</b> in 2 pools, at most 75"},
		{"/", "cpu <meter"},
		{"/", "40 % of 80 %"},
		{"/", `aria-label="Load of the last 24 hours from 40 to 80; between 50 and 72 forecast until 07:05, with a median of at most 61 at 07:05."`},
		{"/", `<span class="soft">expects 51–72 at 07:05</span>`},
		{"/", "<b>4</b> → <b>6</b> <span class=\"soft\">(3 ready)</span>"},
		{"/", `<span class="soft">allowed 2 to 8 by budget posts</span>`},
		{"/", `<span class="soft">allowed 2 to 3 by override</span>`},
		{"/", "expects &lt;b&gt;72&lt;/b&gt;"},
		{"/", "The last request: failed: told to fail."},
		{"/", "Left alone until 07:20: HTTP 500."},
		{"/", "Agents that should be ready by now and are not: 2."},
		{"/", "game: Celtics &lt;at&gt; Knicks"},
		{"/", `Suns at Lakers</th> <td data-label="Type">game</td> <td data-label="From" class="n">12:00</td>`},
		{"/", `<td data-label="Order">at most 9</td> <td data-label="Until">Wed 25 Nov 09:00 <span class="soft">1d2h left</span></td>`},
		{"/", "a &lt;i&gt;move&lt;/i&gt;"},
		{"/", `12 of 17 <span class="soft">3 kept</span>`},
		{"/", `08:30 <span class="soft">1h30m left</span>`},
		{"/pools/nba", `<title>nba · scaling-adapter</title>`},
		{"/pools/nba", "rests on hold since 07:00: HTTP 500"},
		{"/pools/nba", `<a href="?range=24h" aria-current="true">24h</a>`},
		{"/pools/nba", "times of America/New_York"},
		{"/pools/nba", `<rect class="event"`},
		{"/pools/nba", `<text class="rule"`},
		{"/pools/nba", "Rules that are active all the time: evening, floor, quiet, freeze."},
		{"/pools/nba", "Agents are remembered for 48 hours"},
		{"/pools/nba", `<th scope="row" class="n">06:00</th><td class="n">40.1</td><td class="n">–</td><td class="n">–</td><td class="n">–</td><td class="n">3</td><td class="n">4</td>`},
		{"/pools/nba", `<th scope="row" class="n">07:00</th><td class="n">–</td><td class="n">50</td><td class="n">60</td><td class="n">70</td><td class="n">4</td><td class="n">6</td>`},
		{"/pools/nba", `href="/api/v1/plan?pool=nba&amp;to=48h"`},
		{"/pools/nfl", "<li><b>forecast</b> 4 → 6 by rule evening: expects &lt;b&gt;72&lt;/b&gt;</li>"},
		{"/pools/nba", "<summary>held</summary>"},
		{"/pools/nba", "reactive not considered, load is nan"},
		{"/pools/nba", "forecast 71, 5.9 agents, chosen"},
		{"/pools/nba", "r.yml:7:5"},
		{"/pools/nba", "multiplies the demand by 1.5"},
		{"/pools/nba", "Made by seasonal_naive_day"},
		{"/pools/nba?range=7d", `<a href="?range=7d" aria-current="true">7d</a>`},
		{"/pools/nba?range=7d", "Load of the last 7 days"},
		{"/configuration", "generation <b>2</b>"},
		{"/configuration", "hash <code>abc</code>"},
		{"/configuration", "Tue 24 Nov 2026 11:00:00 UTC"},
		{"/configuration", `<code>r.yml</code><ul><li class="warn">r.yml:3:5: never holds</li></ul>`},
		{"/configuration", `<code>r.yml.d/a.yml</code><ul><li class="warn">r.yml.d/a.yml:1:1: unused</li></ul>`},
		{"/configuration", `<li class="warn">clock: odd</li>`},
		{"/configuration", "<code>queue &gt; 300</code>"},
		{"/configuration", "above 95 % for 3 samples each pool loses 30 %; the next cut 1m later, and no growth before 5m of calm"},
		{"/configuration", "2 to 20, base 4"},
	} {
		if !strings.Contains(pages[tc.path], tc.want) {
			t.Errorf("%s does not say %s", tc.path, tc.want)
		}
	}
	for path, page := range pages {
		for _, not := range []string{"NaN", "ZgotmplZ", "style=", "onclick=", "<script>", `src="//`, "http://", "%!"} {
			if page := strings.ReplaceAll(page, "xmlns='http://www.w3.org/2000/svg'", ""); strings.Contains(page, not) {
				t.Errorf("%s has %q", path, not)
			}
		}
	}
}

func TestPagesMayLoadNothingFromElsewhere(t *testing.T) {
	h := New(showing(snapshot("nba")))
	ask := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	want := http.Header{
		"Content-Type": {"text/html; charset=utf-8"}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
	}
	for _, path := range []string{"/", "/pools/nba", "/pools/x", "/configuration"} {
		if diff := cmp.Diff(want, ask(path).Header()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	for path, kind := range map[string]string{"/page.css": "text/css; charset=utf-8", "/page.js": "text/javascript; charset=utf-8"} {
		w := ask(path)
		tag := w.Header().Get("ETag")
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || tag == "" {
			t.Errorf("%s: got %d %v", path, w.Code, w.Header())
		}
		if w := ask(path, "If-None-Match", tag); w.Code != http.StatusNotModified {
			t.Errorf("%s again: got %d", path, w.Code)
		}
	}
	if w := ask("/?pool=a%2Fb%20c"); w.Code != http.StatusMovedPermanently || w.Header().Get("Location") != "/pools/a%2Fb%20c" {
		t.Errorf("where pages of pools were: got %d to %q", w.Code, w.Header().Get("Location"))
	}
}

// P32: a pool may have any name, and its page is found by it.
func TestPagesEscapeNames(t *testing.T) {
	const name = `"><script>alert(1)</script>/../x?y#z`
	snap := snapshot(name)
	snap.Settings.Pools = []engine.Pool{{Policy: policy.Policy{Pool: snap.Pools[0].Pool}}}
	snap.Settings.Overrides = []policy.Override{{ID: `'"`, Pool: name, Hold: true, Author: `<b>`, Reason: `" onfocus="x`, Start: now, End: now.Add(time.Hour)}}
	o := showing(snap)
	o.Control = func(*http.Request) (string, error) { return `"><img>`, nil }
	h := New(o)
	for _, path := range []string{"/", "/configuration"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		page := w.Body.String()
		link := regexp.MustCompile(`href="(/pools/[^"]*)"`).FindStringSubmatch(page)
		if link == nil || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img>") || strings.Contains(page, "<b></td>") {
			t.Fatalf("%s: link %v in %s", path, link, page)
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, link[1], nil))
		page = w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(page, "<script>alert") || strings.Contains(page, "<img>") || strings.Contains(page, `" onfocus`) {
			t.Errorf("%s: got %d %s", link[1], w.Code, page)
		}
	}
}

func TestPagesAreBounded(t *testing.T) {
	var names []string
	for i := range 120 {
		names = append(names, fmt.Sprintf("pool-%03d", i))
	}
	snap := snapshot(names...)
	for _, p := range snap.Pools {
		snap.Settings.Pools = append(snap.Settings.Pools, engine.Pool{Policy: policy.Policy{Pool: p.Pool}})
		snap.Settings.Overrides = append(snap.Settings.Overrides, policy.Override{ID: "o", Pool: p.Pool.Name, Hold: true, Author: "a", Reason: "b", Start: now, End: now.Add(time.Hour)})
	}
	for query, want := range map[string]struct {
		pools          int
		previous, next string
	}{
		"": {50, "", "50"}, "?from=50": {50, "0", "100"}, "?from=100": {20, "50", ""}, "?from=-7": {50, "", "50"}, "?from=x": {50, "", "50"}, "?from=999": {0, "70", ""},
	} {
		for _, path := range []string{"/", "/configuration"} {
			_, page := get(t, snap, path+query)
			if got := strings.Count(page, `<tr id="pool-`); got != want.pools {
				t.Errorf("%s: got %d pools, want %d", path+query, got, want.pools)
			}
			for words, from := range map[string]string{"prev": want.previous, "next": want.next} {
				link := fmt.Sprintf(`href="%s?from=%s" rel=%q`, path, from, words)
				if there := strings.Contains(page, `rel="`+words+`"`); there != (from != "") || there && !strings.Contains(page, link) {
					t.Errorf("%s: the link is not %s", path+query, link)
				}
			}
			if path == "/" && !strings.Contains(page, "And 70 more") {
				t.Errorf("%s: overrides are not bounded", path+query)
			}
		}
	}
}

func TestPagesOfferOrdersToThoseWhoMay(t *testing.T) {
	snap := snapshot("nba")
	snap.Settings.Pools = []engine.Pool{{Policy: policy.Policy{Pool: snap.Pools[0].Pool}}}
	const form, dialog, end = `<form id="order"`, `<dialog`, `data-end="nba"`
	for _, tc := range []struct {
		name        string
		control     func(*http.Request) (string, error)
		configured  bool
		there, away []string
	}{
		{"nobody may", nil, false, nil, []string{form, dialog, end, "You may not"}},
		{"who looks may", func(*http.Request) (string, error) { return "anna", nil }, false, []string{form, dialog, end, `value="anna"`, "<option>4h</option>"}, []string{"<option>8h</option>"}},
		{"who looks may, and the override is configured", func(*http.Request) (string, error) { return "", nil }, true, []string{form, "in the configuration"}, []string{end}},
		{"who looks may not", func(*http.Request) (string, error) { return "", errors.New("orders need a token") }, false, []string{"You may not give orders: orders need a token."}, []string{form, dialog, end}},
	} {
		o := showing(snap)
		o.Control, o.LongestOverride = tc.control, 4*time.Hour
		order := policy.Override{ID: "o", Pool: "nba", Hold: true, Author: "a", Reason: "b", Start: now, End: now.Add(time.Hour)}
		if tc.configured {
			set := *snap.Settings
			set.Overrides = []policy.Override{order}
			o.Engine.Apply(&set)
		} else if err := o.Engine.SetOverride(order); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		New(o).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/pools/nba", nil))
		page := readable(w.Body.String())
		for _, want := range tc.there {
			if !strings.Contains(page, want) {
				t.Errorf("%s: there is no %s", tc.name, want)
			}
		}
		for _, not := range tc.away {
			if strings.Contains(page, not) {
				t.Errorf("%s: there is %s", tc.name, not)
			}
		}
	}
}

func TestPagesBeforeAnythingIsKnown(t *testing.T) {
	snap := snapshot("nba")
	snap.Pools[0] = engine.PoolStatus{Pool: snap.Pools[0].Pool, Load: policy.Sample{Quality: policy.Error, Detail: "refused"}, Fallback: "too little history"}
	snap.Hosts = nil
	for path, want := range map[string]string{
		"/": "No load is known of the last 24 hours; nothing is forecast.", "/pools/nba": "There is none: too little history.", "/pools/nba?range=7d": "None yet.",
	} {
		if code, page := get(t, snap, path); code != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%s: got %d without %q:\n%s", path, code, want, page)
		}
	}
}

func TestChartDrawsWhatItIsGiven(t *testing.T) {
	snap := snapshot("nba")
	p := &snap.Pools[0]
	wide := frames[0]
	draw := func() chart { return chartOf(wide, looks[0], p, bandsOf(snap, p, looks[0]), now) }
	c := draw()
	if got := strings.Count(c.Measured, "M"); got != 2 {
		t.Errorf("the load has a gap: got %d pieces, want 2", got)
	}
	if !strings.HasSuffix(c.Band, "Z") || strings.Count(c.Band, "L") != 3 {
		t.Errorf("band: got %s", c.Band)
	}
	if len(c.Lanes) != 1 || len(c.Lanes[0].Bars) != 2 || c.Lanes[0].Bars[0].X >= c.Now || c.Lanes[0].Bars[1].X <= c.Now {
		t.Errorf("events: got %+v around %v", c.Lanes, c.Now)
	}
	if c.Cap != 0 {
		t.Errorf("a maximum far above is drawn at %v", c.Cap)
	}
	p.Pool.Agents.Max = 9
	if c := draw(); !(c.Cap > float64(c.Agents.Top) && c.Cap < float64(c.Agents.Bottom)) {
		t.Errorf("the maximum is drawn at %v", c.Cap)
	}
	if got := strings.Count(c.Had, "V"); got != 1 {
		t.Errorf("agents: got %d steps, want 1", got)
	}
	p.Forecast.Paths = [][]float64{{50, math.NaN()}, {60, math.NaN()}, {70, math.Inf(1)}}
	if c := draw(); strings.Contains(fmt.Sprint(c), "NaN") || strings.Contains(fmt.Sprint(c), "Inf") || strings.Count(c.Band, "L") != 1 {
		t.Errorf("a forecast that is none: got %+v", c)
	}
	*p = engine.PoolStatus{Pool: p.Pool}
	if c := draw(); c.Measured != "" || c.Band != "" || c.Had != "" || len(c.Load.Ticks) == 0 {
		t.Errorf("nothing known: got %+v", c)
	}
}

func TestLongSeriesAreDrawnByTheirPeaks(t *testing.T) {
	c := canvasOf(frame{Left: 0, Right: 100, most: 10}, look{behind: time.Hour, ahead: time.Minute}, now)
	s := forecast.Series{Start: now.Add(-time.Hour), Step: time.Minute, Values: make([]float64, 60)}
	s.Values[31] = 7
	in := plot{Bottom: 70, high: 7}
	got := c.line(s, in)
	if n := strings.Count(got, "L"); n > 10 || !strings.Contains(got, " 0.0L") {
		t.Errorf("got %d points, and the peak is not at the top: %s", n+1, got)
	}
}

func TestEventsDoNotCoverEachOther(t *testing.T) {
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	rows := packed([]band{{hour(-3), hour(0), "a"}, {hour(-2), hour(-1), "b"}, {hour(-1), hour(2), "c"}, {hour(1), hour(2), "d"}})
	var got []string
	for _, row := range rows {
		names := ""
		for _, b := range row {
			names += b.text
		}
		got = append(got, names)
	}
	if diff := cmp.Diff([]string{"ad", "bc"}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// Hours are those of the wall clock, also where zones are not whole hours apart and where
// clocks change.
func TestTimesAreThoseOfTheWallClock(t *testing.T) {
	for name, want := range map[string][]string{
		"Asia/Kolkata": {"06:00", "09:00", "12:00"}, "America/New_York": {"21:00", "Sun 1 Nov", "03:00"},
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC) // clocks are set back in New York
		c := canvasOf(frame{Width: 1000, Left: 0, Right: 400}, look{behind: 6 * time.Hour, ahead: 3*time.Hour + 30*time.Minute}, at)
		var got []string
		for _, mark := range c.times(zone) {
			if mark.Label != "" {
				got = append(got, mark.Label)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNiceTicksAreRoundAndFew(t *testing.T) {
	for top, want := range map[float64][]float64{
		108: {0, 50, 100}, 9: {0, 2, 4, 6, 8}, 3.2: {0, 1, 2, 3}, 0.5: {0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5}, 650: {0, 200, 400, 600},
	} {
		if diff := cmp.Diff(want, niceTicks(top, 0, 5)); diff != "" {
			t.Errorf("niceTicks(%v) (-want +got):\n%s", top, diff)
		}
	}
	if diff := cmp.Diff([]float64{0, 1, 2}, niceTicks(2.2, 1, 5)); diff != "" {
		t.Errorf("at least 1 apart (-want +got):\n%s", diff)
	}
}
