package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

func TestBudgets(t *testing.T) {
	at := time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC)
	snap := &engine.Snapshot{Settings: &engine.Settings{}, Pools: []engine.PoolStatus{
		{Pool: policy.Pool{Name: "nba", Location: time.UTC}, Budgets: []engine.BudgetStatus{{
			Name: "tweets", Limit: 17,
			Used: map[budget.Window]policy.Sample{budget.LocalDay: {Value: 12, Time: at, Quality: policy.OK}, budget.Rolling24h: {Quality: policy.Error, Detail: "refused"}},
			Cap:  budget.Cap{Status: budget.OK, Agents: 30, Scarce: true, Window: budget.LocalDay, Class: "peak", Used: 12, Remaining: 5, Protected: 2, Until: at.Add(6 * time.Hour), Detail: "12 of 17 used"},
		}}},
		{Pool: policy.Pool{Name: "nfl", Location: time.UTC}},
	}}
	h := New(Options{Snapshot: func() *engine.Snapshot { return snap }, Metrics: prometheus.NewRegistry()})
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		var answer struct{ Data json.RawMessage }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		return w.Code, string(answer.Data)
	}
	const want = `[{"pool":"nba","name":"tweets","limit":17,"status":"ok","scarce":true,"max_agents":30,"window":"local_day","class":"peak","used":12,"remaining":5,"protected":2,` +
		`"until":"2026-11-26T00:00:00Z","exhaustion":null,"detail":"12 of 17 used","measured":{"local_day":{"value":12,"time":"2026-11-25T18:00:00Z","quality":"ok"},"rolling_24h":{"value":null,"time":null,"quality":"error","detail":"refused"}}}]`
	if _, got := ask("/api/v1/budgets"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, got := ask("/api/v1/budgets?pool=nfl"); got != "[]" {
		t.Errorf("a pool without budgets: got %s", got)
	}
	if code, _ := ask("/api/v1/budgets?pool=x"); code != http.StatusNotFound {
		t.Errorf("an unknown pool: got %d", code)
	}
}
