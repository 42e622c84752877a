package backtest

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

// What the replay tells at an instant is what Prometheus told then, when it knew nothing of
// what followed: the values of loads, the history and the expressions.
func TestReplayTellsWhatPrometheusTold(t *testing.T) {
	const length = 2 * time.Hour
	s := settings(spec("a"), spec("bb"))
	s.History = 6 * time.Hour
	s.Exprs = []engine.Expr{{Name: "busy", Query: "load > 25", Type: "busy"}}
	open := func(end time.Time) *promquery.Client {
		e, err := promengine.Open(t.TempDir(), func() time.Time { return end }, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		for _, p := range s.Pools {
			var samples []promengine.Sample
			for at := start.Add(-8 * time.Hour); !at.After(end); at = at.Add(time.Minute) {
				samples = append(samples, promengine.Sample{Labels: labels.FromStrings("__name__", "load", "pool", p.Pool.Name), Time: at, Value: daily(p.Pool.Name, at)})
			}
			if err := e.Append(t.Context(), samples); err != nil {
				t.Fatal(err)
			}
		}
		server := httptest.NewServer(e.Handler())
		t.Cleanup(server.Close)
		c, err := promquery.New(promquery.Config{URL: server.URL, Timeout: time.Minute, QueryLag: s.QueryLag, MaxAge: 2 * time.Minute}, promquery.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	r := NewRecording(Span{start, start.Add(length), time.Minute}, s)
	if err := r.Read(t.Context(), open(start.Add(length)), s); err != nil {
		t.Fatal(err)
	}
	signals := []policy.Signal{s.Pools[0].Load, s.Pools[1].Load}
	for _, at := range []time.Duration{0, 7 * time.Minute, 61 * time.Minute, 119 * time.Minute} {
		now := start.Add(at)
		then := open(now)
		replayed := &replay{Recording: r, now: &now, lag: s.QueryLag, spent: func(policy.Signal, time.Time) (float64, bool) { return 0, false }}
		compare := func(what string, want, got any) {
			t.Helper()
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreUnexported(engine.Labeled{}.Series)); diff != "" {
				t.Errorf("%s after %s (-Prometheus +replay):\n%s", what, at, diff)
			}
		}
		compare("samples", then.Sample(t.Context(), now, signals), replayed.Sample(t.Context(), now, signals))
		last := now.Add(-s.QueryLag)
		for _, step := range []time.Duration{s.Step, r.Tick} {
			grid := engine.Range{Start: last.Add(-s.History).Truncate(s.Step), End: last.Truncate(step), Step: step}
			if step == r.Tick {
				grid.Start = grid.End
			} else {
				want, err := then.Range(t.Context(), grid, signals)
				got, _ := replayed.Range(t.Context(), grid, signals)
				if err != nil {
					t.Fatal(err)
				}
				compare("histories", want, got)
			}
			want, err := then.RangeAll(t.Context(), grid, "load > 25")
			got, _ := replayed.RangeAll(t.Context(), grid, "load > 25")
			if err != nil {
				t.Fatal(err)
			}
			busy := func(all []engine.Labeled) map[string][]float64 {
				out := map[string][]float64{}
				for _, l := range all {
					for _, y := range l.Values {
						if y == y {
							out[l.Labels["pool"]] = l.Values
						}
					}
				}
				return out
			}
			compare("expressions", busy(want), busy(got))
		}
	}
}
