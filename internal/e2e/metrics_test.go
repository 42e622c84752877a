//go:build e2e_metrics

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/internal/e2e/promtest"
)

// accepted is what promtool says of a gauge that has the quantiles of a distribution as
// labels. A summary would be wrong: it is of what was observed, and these are forecasts.
const accepted = `scaling_adapter_forecast_load non-summary metrics should not have "quantile" label`

// What the binary exposes while it runs the demo follows the conventions of Prometheus.
func TestMetrics(t *testing.T) {
	metrics := demoMetrics(t)
	check := exec.CommandContext(t.Context(), os.Getenv("PROMTOOL"), "check", "metrics", "--lint=all")
	check.Stdin = bytes.NewReader(metrics)
	out, err := check.CombinedOutput()
	const complains = 3 // its exit code
	if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && (!failed || exit.ExitCode() != complains) {
		t.Fatalf("promtool, which PROMTOOL names, did not check: %s: %s; run make check-metrics", err, out)
	}
	said := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		said[strings.TrimSpace(line)] = true
	}
	if !said[accepted] {
		t.Errorf("promtool does not say any more %q; take it out of the test", accepted)
	}
	delete(said, accepted)
	for line := range said {
		t.Errorf("promtool: %s", line)
	}
}

// demoMetrics runs the binary's demo until it has forecasts, and returns its metrics.
func demoMetrics(t *testing.T) []byte {
	t.Helper()
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	demo := exec.CommandContext(t.Context(), os.Getenv("SCALING_ADAPTER"), "demo", "--speed=1e6")
	demo.Stdout, demo.Stderr = said, said
	if err := demo.Start(); err != nil {
		t.Fatalf("SCALING_ADAPTER does not name the binary: %s; run make check-metrics", err)
	}
	defer func() {
		demo.Process.Signal(syscall.SIGTERM)
		if err := demo.Wait(); err != nil {
			t.Errorf("the demo ended with %s", err)
		}
	}()
	address := regexp.MustCompile(`metrics +(http://\S+)`)
	var metrics []byte
	promtest.WaitFor(t, time.Minute, "the demo to have forecasts", func() error {
		text, err := os.ReadFile(said.Name())
		if err != nil {
			return err
		}
		url := address.FindSubmatch(text)
		if url == nil {
			return fmt.Errorf("it says %s", text)
		}
		resp, err := http.Get(string(url[1]))
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if metrics, err = io.ReadAll(resp.Body); err == nil && !bytes.Contains(metrics, []byte("\nscaling_adapter_forecast_load{")) {
			err = errors.New("there are none")
		}
		return err
	})
	return metrics
}
