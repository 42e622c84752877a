// Package promtest starts real Prometheus servers for end-to-end tests.
package promtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// Server is a Prometheus server on a port of the loopback. Its methods are for
// the test's goroutine.
type Server struct {
	URL string

	binary, dir, address string
	process              *exec.Cmd
	log                  *os.File
}

// Start starts a server that scrapes the targets, by job, every second. The
// test ends it.
func Start(t *testing.T, binary string, targets map[string]string) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{URL: "http://" + l.Addr().String(), binary: binary, dir: t.TempDir(), address: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nstorage: {tsdb: {out_of_order_time_window: 30d}}\nscrape_configs:\n")
	for job, address := range targets {
		fmt.Fprintf(&config, "  - {job_name: %s, static_configs: [{targets: [%q]}]}\n", job, address)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "prometheus.yml"), []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Kill(t)
		if t.Failed() {
			text, _ := os.ReadFile(s.log.Name())
			t.Logf("log of %s:\n%s", s.binary, text[max(0, len(text)-4000):])
		}
		_ = s.log.Close()
	})
	s.Restart(t)
	return s
}

// Restart starts the server again on its port and its data.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	s.process = exec.Command(s.binary, "--config.file="+filepath.Join(s.dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(s.dir, "data"),
		"--web.listen-address="+s.address, "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=60d")
	s.process.Stdout, s.process.Stderr = s.log, s.log
	if err := s.process.Start(); err != nil {
		t.Fatalf("start Prometheus: %s", err)
	}
	WaitFor(t, 30*time.Second, "Prometheus to be ready", func() error {
		resp, err := http.Get(s.URL + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("got %s", resp.Status)
		}
		return nil
	})
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended
	_ = s.process.Wait()         // the error says that it was killed
	s.process = nil
}

// Write stores samples by remote write.
func (s *Server) Write(t *testing.T, samples []promengine.Sample) {
	t.Helper()
	var req prompb.WriteRequest
	index := map[string]int{}
	for _, sample := range samples {
		name := sample.Labels.String()
		i, ok := index[name]
		if !ok {
			i = len(req.Timeseries)
			index[name] = i
			req.Timeseries = append(req.Timeseries, prompb.TimeSeries{Labels: protoLabels(sample.Labels)})
		}
		req.Timeseries[i].Samples = append(req.Timeseries[i].Samples, prompb.Sample{Timestamp: sample.Time.UnixMilli(), Value: sample.Value})
	}
	body, err := req.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/write", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Encoding", "snappy")
	r.Header.Set("Content-Type", "application/x-protobuf")
	r.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("remote write: got %s: %s", resp.Status, text)
	}
}

func protoLabels(ls labels.Labels) []prompb.Label {
	var out []prompb.Label
	ls.Range(func(l labels.Label) { out = append(out, prompb.Label{Name: l.Name, Value: l.Value}) })
	return out
}

// WaitFor waits until the condition holds, and fails the test with the last
// error when it does not in time.
func WaitFor(t *testing.T, most time.Duration, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			t.Fatalf("waited %s for %s: %s", most, what, err)
		}
	}
}
