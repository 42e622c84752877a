package api

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// planAsked returns what is planned.
func (d *desk) planAsked(t *testing.T, query string) apiv1.Plan {
	t.Helper()
	var p apiv1.Plan
	if err := json.Unmarshal([]byte(d.must(t, "GET", "/api/v1/plan?"+query, "")), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// agentsOf are the agents of a pool's plan by their times, each number once.
func agentsOf(p apiv1.PoolPlan) string {
	var words []string
	for i, pt := range p.Points {
		if i == 0 || pt.Desired != p.Points[i-1].Desired {
			words = append(words, pt.Time.Format("15:04")+" "+amount(float64(pt.Desired)))
		}
	}
	return strings.Join(words, ", ")
}

// A plan is the engine's, as its command prints it, with what was told at run time.
func TestPlanIsThatOfTheEngine(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	d.must(t, "POST", "/api/v1/events", `{"type":"breaking_news","labels":{"league":"nba"},"start":"2026-11-24T14:30:00Z","duration":"25m"}`)
	d.must(t, "PUT", "/api/v1/overrides/nfl", `{"exact":12,"author":"anna","reason":"finals","duration":"90m"}`)
	p := d.planAsked(t, "to=4h&step=5m")
	own, err := d.engine.Plan(t.Context(), now.Add(4*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(apiv1.PlanOf(own), p); diff != "" {
		t.Errorf("(-engine +API):\n%s", diff)
	}
	if p.Step != 300 || len(p.Pools) != 2 || len(p.Pools[0].Points) != 48 {
		t.Errorf("every %gs: %d pools", p.Step, len(p.Pools))
	}
	if got, want := agentsOf(p.Pools[0]), "12:00 10, 14:30 20, 14:55 10"; got != want {
		t.Errorf("nba: %s, want %s", got, want)
	}
	if got, want := agentsOf(p.Pools[1]), "12:00 10, 12:05 12, 13:35 10"; got != want {
		t.Errorf("nfl: %s, want %s", got, want)
	}
}

func TestPlanIsToldAsItIsAskedFor(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	d.must(t, "POST", "/api/v1/events", `{"type":"breaking_news","labels":{"league":"nba"},"start":"2026-11-24T14:30:00Z","duration":"25m"}`)
	for _, tc := range []struct {
		query  string
		end    time.Duration
		step   float64
		pools  int
		points int
	}{
		{"", 7 * 24 * time.Hour, 3600, 2, 168},
		{"to=%2B6h&step=1h", 6 * time.Hour, 3600, 2, 6},
		{"to=+6h", 6 * time.Hour, 3600, 2, 6}, // the plus is a space then
		{"to=6h&pool=nfl", 6 * time.Hour, 3600, 1, 6},
		{"to=6h&step=7s", 6 * time.Hour, 300, 2, 72},
		{"to=6h&step=45m", 6 * time.Hour, 2700, 2, 8},
		{"to=2026-11-25T01:00:00+01:00", 12 * time.Hour, 3600, 2, 12},
		{"to=1795608000", 24 * time.Hour, 3600, 2, 24},
		{"to=2w&step=1d", 14 * 24 * time.Hour, 86400, 2, 15},
	} {
		p := d.planAsked(t, tc.query)
		if !p.Start.Equal(now) || !p.End.Equal(now.Add(tc.end)) || p.Step != tc.step || len(p.Pools) != tc.pools || len(p.Pools[0].Points) != tc.points {
			t.Errorf("%q: from %s to %s every %gs, %d pools, %d points; want %+v", tc.query, p.Start, p.End, p.Step, len(p.Pools), len(p.Pools[0].Points), tc)
		}
	}
	// Of an hour the most agents are told, and the agent-hours are those of all instants.
	p := d.planAsked(t, "to=4h&pool=nba")
	if got, want := agentsOf(p.Pools[0]), "12:00 10, 14:00 20, 15:00 10"; got != want || math.Round(12*p.Pools[0].AgentHours) != 12*40+10*5 {
		t.Errorf("%s and %g agent-hours, want %s and 44.17", got, p.Pools[0].AgentHours, want)
	}
	if pt := p.Pools[0].Points[2]; len(pt.Events) != 1 || len(pt.Rules) != 1 {
		t.Errorf("the point with the most agents: %+v", pt)
	}
}

func TestPlanIsRefused(t *testing.T) {
	d := newDesk(t)
	if code, got := d.send("GET", "/api/v1/plan", ""); code != 503 || !strings.Contains(got, "the adapter has not taken its first tick") {
		t.Errorf("before the first tick: got %d %s", code, got)
	}
	d.tick(t)
	for _, tc := range []struct {
		query string
		code  int
		want  string
	}{
		{"pool=mlb", 404, `no pool \"mlb\"; known are nba, nfl`},
		{"to=soon", 400, `to \"soon\" is neither a length up to 14d such as 36h or 7d, nor a time such as 2026-11-12T18:30:00Z, nor seconds since 1970`},
		{"to=18:30", 400, `to \"18:30\" is neither a length`},
		{"to=-1h", 400, `to \"-1h\" is neither a length`},
		{"to=NaN", 400, `to \"NaN\" is neither a length`},
		{"to=0", 400, "is not after the last tick at 2026-11-24T12:00:00Z, from which plans begin"},
		{"to=2026-11-24T12:00:00Z", 400, "to 2026-11-24T12:00:00Z is not after the last tick at 2026-11-24T12:00:00Z"},
		{"to=15d", 400, "to 2026-12-09T12:00:00Z is more than 14d after the last tick at 2026-11-24T12:00:00Z"},
		{"to=9999y", 400, `to \"9999y\" is neither a length`},
		{"to=9e10", 400, "is more than 14d after the last tick"},
		{"to=1s&step=5m", 200, ""},
		{"step=often", 400, `step \"often\" is not a length above 0 and up to 1d such as 15m or 1h`},
		{"step=0s", 400, `step \"0s\" is not a length above 0`},
		{"step=25h", 400, `step \"25h\" is not a length above 0`},
	} {
		if code, got := d.send("GET", "/api/v1/plan?"+tc.query, ""); code != tc.code || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %d %s, want %d with %s", tc.query, code, got, tc.code, tc.want)
		}
	}
}

// Many pools are not told at every instant.
func TestPlanOfTooManyPointsIsRefused(t *testing.T) {
	snap := snapshot("nba", "nfl", "mlb", "nhl", "wnba", "mls", "hq", "f1", "ncaa", "xfl", "pga", "atp", "wta")
	if code, got := get(t, snap, "/api/v1/plan?to=14d&step=5m"); code != 400 || !strings.Contains(got, "these are 52416 points of 13 pools, at most 50000 are told; ask for a longer step, an earlier end or one pool") {
		t.Errorf("got %d %s", code, got)
	}
}

// One plan is made at a time; others wait for a while.
func TestPlansWaitForEachOther(t *testing.T) {
	for _, tc := range []struct {
		name string
		busy time.Duration
		code int
	}{
		{"in time", patience - time.Second, 200},
		{"too long", patience + time.Second, 503},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			d.tick(t)
			s := server{Options{Snapshot: d.engine.Snapshot, Engine: d.engine}, make(queue, 1), make(queue, 1)}
			s.planning <- struct{}{}
			go func() {
				time.Sleep(tc.busy)
				<-s.planning
			}()
			w := httptest.NewRecorder()
			s.plan(w, httptest.NewRequest(http.MethodGet, "/api/v1/plan?to=1h", nil))
			if retry := w.Header().Get("Retry-After"); w.Code != tc.code || (retry == "10") != (tc.code == 503) {
				t.Errorf("%s: got %d %s, Retry-After %q", tc.name, w.Code, w.Body, retry)
			}
			synctest.Wait()
			time.Sleep(2 * time.Second)
			if len(s.planning) > 0 {
				t.Errorf("%s: nobody can plan any more", tc.name)
			}
		})
	}
}

// Ticks go on while plans are made.
func TestPlansDoNotDisturbTicks(t *testing.T) {
	d := newDesk(t)
	d.tick(t)
	answers := make(chan int)
	for range 3 {
		go func() {
			w := httptest.NewRecorder()
			d.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/plan?to=2d", nil))
			answers <- w.Code
		}()
	}
	for asked := 0; asked < 3; {
		select {
		case code := <-answers:
			if asked++; code != http.StatusOK {
				t.Errorf("got %d", code)
			}
		default:
			d.tick(t)
			if at := d.now.Add(-30 * time.Second); !d.engine.Snapshot().Time.Equal(at) {
				t.Fatalf("the tick of %s was not taken", at)
			}
		}
	}
}
