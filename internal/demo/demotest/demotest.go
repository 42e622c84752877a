// Package demotest runs the demo for tests that ask its adapter and its Prometheus.
package demotest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/demo"
)

// The first two hours of the demo's evening, of which tests ask.
var (
	start = time.Date(2026, 11, 12, 22, 20, 0, 0, time.UTC)
	end   = start.Add(2 * time.Hour)
)

const (
	step     = 30 * time.Second // between the points of an answer
	patience = 5 * time.Minute  // with each thing; the race detector is slow
	pause    = 50 * time.Millisecond
)

// Demo is a demo that goes on.
type Demo struct {
	URL string // of the adapter

	prometheus v1.API
}

// Run runs the demo and returns when its first two hours are over. The test ends it.
func Run(t *testing.T) *Demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{}}
	out := &said{}
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{Speed: 1e6, ListenAddress: "127.0.0.1:0", Out: out, Logger: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	prometheus, err := api.NewClient(api.Config{Address: out.find(t, `Prometheus +(http://127\.0\.0\.1:\d+)/`), Client: client})
	if err != nil {
		t.Fatal(err)
	}
	d := &Demo{URL: out.find(t, `status page +(http://127\.0\.0\.1:\d+)/`), prometheus: v1.NewAPI(prometheus)}
	wait(t, "it does not take its ticks", func() bool { return len(d.ask(t, "scaling_adapter_ticks_total", end)) > 0 })
	return d
}

// Query returns what the demo's Prometheus answers of the two hours.
func (d *Demo) Query(t *testing.T, expr string) model.Matrix {
	t.Helper()
	return d.ask(t, expr, start)
}

func (d *Demo) ask(t *testing.T, expr string, from time.Time) model.Matrix {
	t.Helper()
	answer, _, _, err := d.prometheus.QueryRange(t.Context(), expr, v1.Range{Start: from, End: end, Step: step})
	if err != nil {
		t.Errorf("%s: %s", expr, err)
		return nil
	}
	return answer.(model.Matrix)
}

// wait waits for a condition.
func wait(t *testing.T, otherwise string, holds func() bool) {
	t.Helper()
	for range patience / pause {
		if holds() {
			return
		}
		time.Sleep(pause)
	}
	t.Fatalf("the demo: %s", otherwise)
}

// said collects what the demo says.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// find waits for what an expression captures.
func (s *said) find(t *testing.T, expression string) (captured string) {
	t.Helper()
	wait(t, "it does not say "+expression, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		found := regexp.MustCompile(expression).FindStringSubmatch(s.text.String())
		if found != nil {
			captured = found[1]
		}
		return found != nil
	})
	return captured
}
