package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
)

// load is the load of a pool: a day and a week, and noise that is the same on every run.
func load(pool int, t time.Time) float64 {
	x := float64(t.Unix())
	bits := uint64(pool)*2654435761 + uint64(t.Unix())*11400714819323198485
	bits ^= bits >> 29
	bits *= 13787848793156543929
	noise := float64(bits>>11)/(1<<53) - 0.5
	return 100 + 60*math.Sin(x*2*math.Pi/86400+float64(pool)) + 20*math.Sin(x*2*math.Pi/604800) + 15*noise
}

// beProm serves the loads of four weeks and six hours, until its input ends.
func beProm(ctx context.Context, pools int) (err error) {
	dir, err := os.MkdirTemp("", "bench-scale-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	e, err := promengine.Open(dir, func() time.Time { return start }, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }()
	all := make([]labels.Labels, pools)
	for i := range all {
		all[i] = labels.FromStrings("__name__", "agent_load", "pool", name(i))
	}
	const most = 1 << 20 // samples that are appended at once
	var samples []promengine.Sample
	for at := start.Add(-points * step); at.Before(start.Add(6 * time.Hour)); at = at.Add(step) {
		for i, ls := range all {
			samples = append(samples, promengine.Sample{Labels: ls, Time: at, Value: load(i, at)})
		}
		if len(samples) >= most {
			if err := e.Append(ctx, samples); err != nil {
				return err
			}
			samples = samples[:0]
		}
	}
	if err := e.Append(ctx, samples); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	fmt.Println("http://" + l.Addr().String())
	_ = server.Serve(l) // until it is closed
	return nil
}

func name(pool int) string { return "pool-" + strconv.Itoa(pool) }

// startProm starts a Prometheus of so many pools and returns its URL.
func startProm(ctx context.Context, pools int) (url string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	child := exec.CommandContext(ctx, self, "-serve", strconv.Itoa(pools)) //nolint:gosec // it is this program
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := child.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = stdin.Close()
		_ = child.Wait()
	}
	url, err = bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, fmt.Errorf("the Prometheus of %d pools: %w", pools, err)
	}
	return strings.TrimSpace(url), stop, nil
}
