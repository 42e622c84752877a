package faults

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

const holding = `{"hold": true, "author": "anna", "reason": "derby"}`

// P29: what is too long, or comes from another site or under another name, is refused and
// changes nothing; no more is read of it than an order may have.
func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	t.Run("a gigabyte", func(t *testing.T) {
		body := &blanks{}
		body.left.Store(1 << 30)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, r.url+"/api/v1/overrides/nba", body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 1 << 30
		req.Header.Set("Content-Type", "application/json")
		resp, err := r.client.Do(req)
		if err == nil {
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("got %s", resp.Status)
			}
		} // or the connection was closed before we had sent all
		if taken := 1<<30 - body.left.Load(); taken > 64<<20 {
			t.Errorf("%d MiB were taken", taken>>20)
		}
	})
	for name, tc := range map[string]struct {
		header []string
		code   int
	}{
		"another name":      {[]string{"Host", "evil.example"}, http.StatusForbidden},
		"another site":      {[]string{"Origin", "http://evil.example"}, http.StatusForbidden},
		"a page's fetch":    {[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"a form":            {[]string{"Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
		"too many headers":  {[]string{"X-Long", strings.Repeat("x", 1<<20)}, http.StatusRequestHeaderFieldsTooLarge},
		"nothing against":   {[]string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		"or of no page":     {nil, http.StatusOK},
		"at another name":   {[]string{"Host", "localhost"}, http.StatusOK},
		"of another client": {[]string{"Sec-Fetch-Site", "none"}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			if code, text := r.fetch(t, http.MethodPut, "/api/v1/overrides/nba", holding, tc.header...); code != tc.code {
				t.Errorf("got %d %s, want %d", code, text, tc.code)
			}
			_, text := r.fetch(t, http.MethodGet, "/api/v1/overrides", "")
			if there := !strings.Contains(text, `"data":[]`); there != (tc.code == http.StatusOK) {
				t.Errorf("afterwards there is %s", text)
			}
			r.fetch(t, http.MethodDelete, "/api/v1/overrides/nba", "")
		})
	}
}

// blanks are a body of so many bytes.
type blanks struct{ left atomic.Int64 }

func (b *blanks) Read(p []byte) (int, error) {
	n := min(int64(len(p)), b.left.Load())
	if n <= 0 {
		return 0, io.EOF
	}
	b.left.Add(-n)
	for i := range p[:n] {
		p[i] = ' '
	}
	return int(n), nil
}

// P29: clients that send their headers byte by byte are cut off, and nobody waits for them.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const clients = 50
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "PUT /api/v1/overrides/nba HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "); err != nil {
				t.Error(err)
				return
			}
			began := time.Now()
			if err := conn.SetReadDeadline(began.Add(20 * time.Second)); err != nil {
				t.Error(err)
				return
			}
			_, err = io.Copy(io.Discard, bufio.NewReader(conn)) // until the server closes it
			if took := time.Since(began); err != nil && took > 15*time.Second {
				t.Errorf("the connection was still open after %s: %v", took, err)
			}
		})
	}
	for range 10 {
		began := time.Now()
		if code, _ := r.fetch(t, http.MethodGet, "/api/v1/status", ""); code != http.StatusOK {
			t.Errorf("got %d", code)
		}
		r.tick(t)
		if took := time.Since(began); took > quick {
			t.Errorf("others waited for %s", took)
		}
	}
	group.Wait()
}

// canaries are secrets of all kinds.
var canaries = map[string]string{
	"prometheus.secret":   "canary-of-prometheus-7f3a",
	"orchestrator.secret": "canary-of-orchestrator-91bc",
	"hook.secret":         "canary-of-webhook-44d0",
	"tokens":              "canary-of-operator-token-5e2d",
}

// P31: secrets are in no log, page, metric, answer, error or state, whatever fails and
// also when there is a bug.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	hook := httptest.NewServer(status(http.StatusBadRequest))
	t.Cleanup(hook.Close)
	var bug atomic.Value // where there is one
	bug.Store("")
	breaks := func(where string) {
		if bug.Load() == where {
			panic("a bug in " + where)
		}
	}
	r := newRig(t, func(r *rig, o *app.Options) {
		o.Journal = func(policy.Decision, policy.Outcome) { breaks("the loop") }
		o.Getenv = func(string) string { breaks("a reload"); return "" }
		o.Now = func() time.Time { breaks("a request"); return r.clock() }
		for name, secret := range canaries {
			if name == "tokens" {
				secret = "deploy " + secret
			}
			r.write(t, name, secret+"\n")
		}
		text := strings.NewReplacer("PROMETHEUS", r.prometheus.url(), "ORCHESTRATOR", r.orchestrator.url()).Replace(configuration)
		r.write(t, "scaling-adapter.yml", text+"webhooks: [{url: '"+hook.URL+"/canary-of-path-c1e7', events: [scaling_executed, scaling_failed], secret_file: hook.secret}]\n")
		o.ControlTokenFile = filepath.Join(r.dir, "tokens")
	})
	var seen []string // what secrets may be in
	look := func(what, text string) {
		seen = append(seen, what)
		for _, secret := range append(slices.Collect(maps.Values(canaries)), "canary-of-path-c1e7") {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("adapter:" + secret)), base64.StdEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(text, form) {
					t.Errorf("%s holds %s:\n%.3000s", what, secret, text)
				}
			}
		}
	}
	asked := func(when string) {
		for _, path := range []string{
			"/", "/pools/nba?range=7d", "/configuration", "/debug/goroutines", "/api/v1/report", "/metrics", "/-/ready", "/-/healthy", "/api/v1/openapi.json", "/api/v1/status", "/api/v1/health", "/api/v1/pools", "/api/v1/decisions", "/api/v1/forecast",
			"/api/v1/explain?pool=nba", "/api/v1/budgets", "/api/v1/plan?to=1h", "/api/v1/rules", "/api/v1/overrides", "/api/v1/events", "/api/v1/none", "/pools/none",
		} {
			_, text := r.fetch(t, http.MethodGet, path, "", "Authorization", "Bearer "+canaries["tokens"])
			look(when+", "+path, text)
		}
	}
	order := func(token, body string) {
		code, text := r.fetch(t, http.MethodPut, "/api/v1/overrides/nba", body, "Authorization", "Bearer "+token)
		look("an order", text)
		if want := token == canaries["tokens"]; (code == http.StatusOK) != want {
			t.Errorf("got %d %s", code, text)
		}
	}
	asked("well")
	order(canaries["tokens"], `{"exact": 20, "author": "anna", "reason": "derby"}`)
	order("not-the-token-that-may-give-orders", holding)
	r.tick(t)
	r.agents(t, 20, 6)
	asked("after an order")
	bug.Store("the loop")
	order(canaries["tokens"], `{"exact": 21, "author": "anna", "reason": "derby"}`)
	r.tick(t)
	asked("after a panic of the loop")
	bug.Store("a reload")
	code, text := r.fetch(t, http.MethodPost, "/-/reload", "", "Authorization", "Bearer "+canaries["tokens"])
	if code == http.StatusOK || !strings.Contains(text, "a bug in a reload") {
		t.Errorf("a panic of a reload: got %d %s", code, text)
	}
	look("a panic of a reload", text)
	bug.Store("a request")
	if resp, err := r.client.Get(r.url + "/api/v1/overrides"); err == nil {
		t.Errorf("a panic of a request: got %s", resp.Status)
		resp.Body.Close()
	}
	bug.Store("")
	for _, where := range []string{"the loop", "a reload", "a request"} {
		if !strings.Contains(r.log.String(), "a bug in "+where) {
			t.Errorf("the panic of %s is not in the log", where)
		}
	}
	for what, fault := range map[string]http.HandlerFunc{"forbidden": status(401), "a page": says("text/html", "<html>"), "elsewhere": status(307, "Location", "http://127.0.0.1:1/")} {
		r.prometheus.answers(fault)
		r.scaling(func(_ int32, w http.ResponseWriter, req *http.Request) { fault(w, req) })
		r.tick(t)
		asked(what)
	}
	r.prometheus.Stop()
	r.orchestrator.Stop()
	r.tick(t)
	asked("refused")
	r.write(t, "scaling-adapter.yml", "prometheus: {url: 'http://u:canary-of-prometheus-7f3a@127.0.0.1', basic_auth: {username: u, password: canary-of-prometheus-7f3a}}\n"+
		"orchestrator: {url: 'http://127.0.0.1', bearer_token: canary-of-orchestrator-91bc}\nrule_files: [rules.yml]\n")
	code, text = r.fetch(t, http.MethodPost, "/-/reload", "", "Authorization", "Bearer "+canaries["tokens"])
	if code != http.StatusBadRequest || !strings.Contains(text, "holds a secret") {
		t.Errorf("secrets in the configuration: got %d %s", code, text)
	}
	look("a bad configuration", text)
	if err := r.end(); err != nil {
		look("the end", err.Error())
	}
	look("the log", r.log.String())
	data, err := os.ReadFile(filepath.Join(r.dir, "data", "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	look("the state", string(data))
	if len(seen) < 100 {
		t.Errorf("only %d texts were looked at", len(seen))
	}
}

// P12: while the machine sleeps nothing is made up for: one turn is taken, the others are
// counted as missed, and what is seen first lowers nothing.
func TestTheMachineSleeps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for range 5 {
		r.tick(t)
	}
	const asleep = 6 * time.Hour
	before := r.metric(t, "scaling_adapter_ticks_total")
	r.loads["nba"], r.loads["nfl"] = 0, 0
	r.set(r.clock().Add(asleep))
	r.turn(t)
	r.tick(t) // the first one counted after it has ended
	r.is(t, "scaling_adapter_ticks_missed_total", float64(asleep/interval-1))
	if n := r.metric(t, "scaling_adapter_ticks_total"); n > before+2 {
		t.Errorf("%v turns were taken", n-before)
	}
	r.agents(t, 10, 6)
	if n := len(r.sim.Requests()); n > 0 {
		t.Errorf("the orchestrator was asked %d times", n)
	}
}

// P11, I29: an override lasts as long as it was ordered for at most, whatever the clock does,
// and the loop goes on.
func TestTheClockIsSet(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{-25 * time.Hour, -time.Hour, time.Hour, 25 * time.Hour} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			body := `{"exact": 15, "author": "anna", "reason": "derby", "duration": "5m"}`
			if code, text := r.fetch(t, http.MethodPut, "/api/v1/overrides/nba", body); code != http.StatusOK {
				t.Fatalf("%d %s", code, text)
			}
			r.tick(t)
			r.agents(t, 15, 6)
			r.set(r.clock().Add(by))
			for k := range 12 {
				snap := r.tick(t)
				if o := snap.Pools[0].Override; o != nil && k >= 10 {
					t.Errorf("%d turns later the override is there until %s", k, o.End)
				}
				if by > 0 && snap.Pools[0].Override != nil {
					t.Error("the override is there after its end")
				}
			}
			if _, text := r.fetch(t, http.MethodGet, "/api/v1/overrides", ""); !strings.Contains(text, `"data":[]`) {
				t.Errorf("overrides: %s", text)
			}
		})
	}
}
