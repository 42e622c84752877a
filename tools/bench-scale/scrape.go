package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/api"
)

// accepted is what Prometheus accepts that does not scrape native histograms.
const accepted = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5," +
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

// scrape asks for /metrics as Prometheus does, and once more without compression for its size.
func (l *loop) scrape(ctx context.Context, f *figures) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           api.New(api.Options{Snapshot: l.Snapshot, Metrics: l.registry, Engine: l.Engine, Now: func() time.Time { return l.now }}),
		ReadHeaderTimeout: time.Second,
	}
	go func() { _ = server.Serve(listener) }() // until it is closed
	defer func() { _ = server.Close() }()
	url := "http://" + listener.Addr().String() + "/metrics"

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	if f.wire, err = size(ctx, url, "gzip"); err != nil {
		return err
	}
	f.scrape = time.Since(began)
	runtime.ReadMemStats(&after)
	f.scrapeAllocated = float64(after.TotalAlloc - before.TotalAlloc)
	f.metrics, err = size(ctx, url, "identity")
	return err
}

// size is that of an answer as it is sent.
func size(ctx context.Context, url, encoding string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", accepted)
	req.Header.Set("Accept-Encoding", encoding) // so that the client does not decompress
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || (got == "gzip") != (encoding == "gzip") {
		return 0, fmt.Errorf("%s answers with %s in %q", url, resp.Status, got)
	}
	return io.Copy(io.Discard, resp.Body)
}
