// Package promtest starts real servers of Prometheus and Alertmanager for end-to-end tests.
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

// Config is what a Prometheus server is told.
type Config struct {
	Targets      map[string]string // addresses that are scraped every second, by job
	Rules        []string          // files that are evaluated every second
	Alertmanager string            // address that is told of alerts; empty: nobody is
}

// Server is a Prometheus server on a port of the loopback. Its methods are for
// the test's goroutine.
type Server struct{ *daemon }

// Start starts a server. The test ends it.
func Start(t *testing.T, binary string, c Config) *Server {
	t.Helper()
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nstorage: {tsdb: {out_of_order_time_window: 30d}}\nscrape_configs:\n")
	for job, address := range c.Targets {
		fmt.Fprintf(&config, "  - {job_name: %s, static_configs: [{targets: [%q]}]}\n", job, address)
	}
	config.WriteString("rule_files:\n")
	for _, file := range c.Rules {
		fmt.Fprintf(&config, "  - %q\n", file)
	}
	if c.Alertmanager != "" {
		fmt.Fprintf(&config, "alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", c.Alertmanager)
	}
	return &Server{start(t, binary, config.String(), "--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=60d", "--rules.alert.resend-delay=1s", "--storage.tsdb.path=data")}
}

// Alertmanager is an Alertmanager on a port of the loopback.
type Alertmanager struct{ *daemon }

// StartAlertmanager starts an Alertmanager that stands alone. The test ends it.
func StartAlertmanager(t *testing.T, binary, config string) *Alertmanager {
	t.Helper()
	return &Alertmanager{start(t, binary, config, "--cluster.listen-address=", "--storage.path=data")}
}

// daemon is a server that runs while a test does.
type daemon struct {
	Address, URL string

	binary  string
	args    []string
	process *exec.Cmd
	log     *os.File
}

// start starts a server with a configuration, in a directory of its own. The arguments say
// where in it data are kept: Debian's servers keep them in the system's directories otherwise.
func start(t *testing.T, binary, config string, args ...string) *daemon {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, dir := l.Addr().String(), t.TempDir()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &daemon{Address: address, URL: "http://" + address, binary: binary, args: append(args, "--config.file="+file, "--web.listen-address="+address)}
	if d.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Kill(t)
		if t.Failed() {
			text, _ := os.ReadFile(d.log.Name())
			t.Logf("log of %s:\n%s", binary, text[max(0, len(text)-4000):])
		}
		_ = d.log.Close()
	})
	d.Restart(t)
	return d
}

// Restart starts the server again on its port and its data.
func (d *daemon) Restart(t *testing.T) {
	t.Helper()
	d.process = exec.Command(d.binary, d.args...)
	d.process.Dir, d.process.Stdout, d.process.Stderr = filepath.Dir(d.log.Name()), d.log, d.log
	if err := d.process.Start(); err != nil {
		t.Fatalf("start %s: %s", d.binary, err)
	}
	WaitFor(t, 30*time.Second, d.binary+" to be ready", func() error {
		resp, err := http.Get(d.URL + "/-/ready")
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
func (d *daemon) Kill(t *testing.T) {
	t.Helper()
	if d.process == nil {
		return
	}
	_ = d.process.Process.Kill() // it may have ended
	_ = d.process.Wait()         // the error says that it was killed
	d.process = nil
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
