package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// keyed sends an order with a key.
func (d *desk) keyed(key, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header.Set("Idempotency-Key", key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const (
	eventsPath = "/api/v1/events"
	someNews   = `{"type":"breaking_news","duration":"1h","author":"anna"}`
)

// Who was not answered sends an order again: it is carried out once, and answered as the
// first time.
func TestAnOrderIsCarriedOutOnceForAKey(t *testing.T) {
	d := newDesk(t)
	code, first := d.keyed("news-1", "POST", eventsPath, someNews)
	d.now = d.now.Add(time.Minute)
	if again, text := d.keyed(`"news-1"`, "POST", eventsPath, someNews); code != 200 || again != 200 || text != first {
		t.Errorf("got %d %s and then %d %s", code, first, again, text)
	}
	if n := len(d.engine.ToldEvents()); n != 1 {
		t.Errorf("%d events are told, want 1", n)
	}
	if n := strings.Count(d.log.String(), "event put"); n != 1 {
		t.Errorf("it is audited %d times:\n%s", n, d.log.String())
	}

	if code, text := d.keyed("news-1", "POST", eventsPath, strings.Replace(someNews, "1h", "2h", 1)); code != 422 || !strings.Contains(text, "Idempotency-Key was used for another order; use another one") {
		t.Errorf("another order with the key: got %d %s", code, text)
	}
	if code, text := d.keyed("news-1", "DELETE", "/api/v1/overrides/nba", ""); code != 422 {
		t.Errorf("an order of another kind with the key: got %d %s", code, text)
	}
	if code, _ := d.keyed("news-2", "POST", eventsPath, someNews); code != 200 || len(d.engine.ToldEvents()) != 2 {
		t.Errorf("with another key: got %d, and %d events", code, len(d.engine.ToldEvents()))
	}
	if code, text := d.keyed(strings.Repeat("k", 101), "POST", eventsPath, someNews); code != 400 || !strings.Contains(text, "Idempotency-Key has more than 100 characters") {
		t.Errorf("a long key: got %d %s", code, text)
	}
	d.must(t, "POST", eventsPath, someNews)
	d.must(t, "POST", eventsPath, someNews)
	if n := len(d.engine.ToldEvents()); n != 4 {
		t.Errorf("without keys: %d events are told, want 4", n)
	}

	// After a day it is not known any more.
	d.now = d.now.Add(keysMemory)
	if code, text := d.keyed("news-1", "POST", eventsPath, strings.Replace(someNews, "1h", "2h", 1)); code != 200 {
		t.Errorf("a day later: got %d %s", code, text)
	}
}

// What is refused may be sent again with the same key.
func TestARefusedOrderDoesNotUseItsKeyUp(t *testing.T) {
	d := newDesk(t)
	if code, _ := d.keyed("k", "DELETE", "/api/v1/overrides/nba", ""); code != 404 {
		t.Fatalf("there is no override to end: got %d", code)
	}
	d.must(t, "PUT", "/api/v1/overrides/nba", `{"exact":12,"author":"anna","reason":"finals"}`)
	_, ended := d.keyed("k", "DELETE", "/api/v1/overrides/nba", "")
	if code, again := d.keyed("k", "DELETE", "/api/v1/overrides/nba", ""); code != 200 || again != ended || !strings.Contains(ended, "finals") {
		t.Errorf("got %s and then %d %s", ended, code, again)
	}
}

// An event has its ID from the key, so that it is one event also when the adapter was
// started anew in between; and from who sends it, since others may have the same key.
func TestAnEventOfAKeyIsTheSameAfterARestart(t *testing.T) {
	ids := map[string]string{}
	for _, tc := range []struct{ name, user, key string }{{"before", "anna", "k"}, {"after", "anna", "k"}, {"another user", "bob", "k"}, {"another key", "anna", "l"}} {
		d := newDesk(t)
		d.user = tc.user
		if code, text := d.keyed(tc.key, "POST", eventsPath, someNews); code != 200 {
			t.Fatalf("%s: got %d %s", tc.name, code, text)
		}
		ids[tc.name] = d.engine.ToldEvents()[0].ID
	}
	if !strings.HasPrefix(ids["before"], "breaking_news-") || ids["before"] != ids["after"] || ids["before"] == ids["another user"] || ids["before"] == ids["another key"] {
		t.Errorf("got %v", ids)
	}
}

func TestManyAtOnceWithOneKey(t *testing.T) {
	d := newDesk(t)
	answers := make([]string, 20)
	var g sync.WaitGroup
	for i := range answers {
		g.Go(func() { _, answers[i] = d.keyed("k", "POST", eventsPath, someNews) })
	}
	g.Wait()
	for _, got := range answers {
		if got != answers[0] {
			t.Errorf("got %s and %s", answers[0], got)
		}
	}
	if n := len(d.engine.ToldEvents()); n != 1 {
		t.Errorf("%d events are told, want 1", n)
	}
}

func TestReplies(t *testing.T) {
	var p replies
	ask := func(key string, now time.Time, do func() (any, error)) (data any, err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return p.once(httptest.NewRequest(http.MethodPost, "/", nil), orderKey(key), now, do)
	}
	says := func(text string) func() (any, error) { return func() (any, error) { return text, nil } }

	// Neither an error nor a panic is kept.
	ask("k", now, func() (any, error) { return nil, errors.New("disk full") })
	ask("k", now, func() (any, error) { panic("bug") })
	if got, err := ask("k", now, says("done")); got != "done" || err != nil {
		t.Errorf("after an error and a panic: got %v, %v", got, err)
	}
	if got, err := ask("k", now, says("again")); got != "done" || err != nil {
		t.Errorf("once more: got %v, %v", got, err)
	}

	// The oldest key makes room for the newest.
	for i := range mostKeys {
		ask(fmt.Sprint(i), now.Add(time.Duration(i+1)*time.Second), says("done"))
	}
	got := map[string]any{}
	for _, key := range []string{"0", "999"} {
		got[key], _ = ask(key, now.Add(time.Hour), says("done anew"))
	}
	k, _ := ask("k", now.Add(time.Hour), says("done anew"))
	if diff := cmp.Diff(map[string]any{"0": "done", "999": "done"}, got); diff != "" || k != "done anew" || len(p.byKey) != mostKeys {
		t.Errorf("%d keys; the first: %v; others (-want +got):\n%s", len(p.byKey), k, diff)
	}
}
