// Package demo runs the whole stack in one process: a Prometheus engine with
// weeks of history, an orchestrator simulator and the adapter as it always is.
// A simulated clock, faster than the wall, drives all of them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/promengine"
	"github.com/scaling-adapter/scaling-adapter/internal/simulator"
	"github.com/scaling-adapter/scaling-adapter/rules"
)

// Options say how the demo runs.
type Options struct {
	Speed         float64       // simulated seconds in one of the wall; > 0
	For           time.Duration // on the wall; 0: until the context ends
	ListenAddress string        // of the adapter
	// EnableControlAPI lets the adapter be told overrides and events over HTTP.
	EnableControlAPI bool

	Out    io.Writer    // what happens
	Logger *slog.Logger // of the parts
}

// startCivil is when the demo begins on the wall clocks of its zone: on the Thursday of a game night, not two weeks
// after the clocks were set back.
var startCivil = time.Date(2026, 11, 12, 17, 20, 0, 0, time.UTC)

const (
	zoneName    = "America/New_York"
	tickEvery   = 30 * time.Second
	startupTime = 2 * time.Minute
)

// configuration is what the demo's adapter reads. The rest are the defaults.
const configuration = `# The demo's configuration.
prometheus: {url: %q}
orchestrator: {url: %q}
hosts:
  cpu_percent: '100 * (1 - sum(rate(node_cpu_seconds_total{mode="idle"}[2m])) / sum(rate(node_cpu_seconds_total[2m])))'
  memory_percent: '100 * (1 - sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes))'
limits: {max_total_agents: 75}
defaults: {mode: active}
rule_files: [rules/*.yml]
`

// clock is the simulated time. It moves in steps.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) now() time.Time  { return *c.at.Load() }
func (c *clock) set(t time.Time) { c.at.Store(&t) }

// ErrNothingScaled says that the demo ended without having scaled anything.
var ErrNothingScaled = errors.New("nothing was scaled")

// Run runs the demo until its time is over or the context ends. When its time is
// over and nothing was scaled, it returns [ErrNothingScaled].
func Run(ctx context.Context, o Options) (err error) {
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		return err
	}
	start := time.Date(startCivil.Year(), startCivil.Month(), startCivil.Day(), startCivil.Hour(), startCivil.Minute(), 0, 0, zone)
	dir, err := os.MkdirTemp("", "scaling-adapter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{Options: o, teller: newTeller(o.Out, zone), clock: &clock{}, client: &http.Client{Transport: &http.Transport{}}}
	defer d.client.CloseIdleConnections()
	d.clock.set(start)
	return d.run(ctx, start, dir)
}

type demo struct {
	Options
	*teller
	clock    *clock
	world    *world
	recorder *recorder
	engine   *promengine.Engine
	sim      *simulator.Simulator
	app      *app.App
	targets  []target
	client   *http.Client // that scrapes
}

// target is something that is scraped.
type target struct{ job, address string }

func (d *demo) run(outer context.Context, start time.Time, dir string) (err error) {
	if d.engine, err = promengine.Open(filepath.Join(dir, "prometheus"), d.clock.now, d.Logger); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.engine.Close()) }()
	var servers sync.WaitGroup
	defer servers.Wait()
	ctx, cancel := context.WithCancel(outer)
	defer cancel()

	prometheusAddress, err := serve(ctx, &servers, d.engine.Handler())
	if err != nil {
		return err
	}
	agents := map[string]int{}
	for _, p := range newWorld(start, nil).pools {
		agents[p.name] = p.agents
	}
	d.sim = simulator.New(simulator.Options{Agents: agents, StartupTime: startupTime, Now: d.clock.now})
	orchestratorAddress, err := serve(ctx, &servers, d.sim)
	if err != nil {
		return err
	}
	file, err := writeConfiguration(dir, "http://"+prometheusAddress, "http://"+orchestratorAddress)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", d.ListenAddress)
	if err != nil {
		return err
	}
	defer listener.Close()
	d.targets = []target{{"scaling-adapter", listener.Addr().String()}, {"orchestrator", orchestratorAddress}}
	if err := d.prepare(ctx, start, file); err != nil {
		return err
	}
	d.app, err = app.New(app.Options{
		ConfigFile: file, Getenv: func(string) string { return "" }, Listener: listener, EnableControlAPI: d.EnableControlAPI,
		Logger: d.Logger, Journal: d.decision, Now: d.clock.now,
	})
	if err != nil {
		return err
	}
	d.welcome(listener.Addr().String(), prometheusAddress, orchestratorAddress, d.Speed)

	ticks := make(chan time.Time)
	failed := make(chan error, 1)
	servers.Go(func() { failed <- d.app.Run(ctx, ticks) })
	err = d.play(ctx, start, ticks)
	cancel()
	if err = errors.Join(err, <-failed); err != nil {
		return err
	}
	if scaled := d.summary(d.clock.now().Sub(start), d.world.pools); scaled == 0 && outer.Err() == nil {
		return ErrNothingScaled
	}
	return nil
}

// serve serves on a free port of the loopback until the context ends.
func serve(ctx context.Context, group *sync.WaitGroup, h http.Handler) (address string, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	group.Go(func() { _ = server.Serve(l) }) // it ends by being closed
	group.Go(func() {
		<-ctx.Done()
		_ = server.Close() // nobody waits for an answer any more
	})
	return l.Addr().String(), nil
}

// writeConfiguration writes the configuration and the rule files and returns
// the name of the former.
func writeConfiguration(dir, prometheus, orchestrator string) (string, error) {
	if err := os.CopyFS(filepath.Join(dir, "rules"), rules.Files); err != nil {
		return "", err
	}
	name := filepath.Join(dir, "scaling-adapter.yml")
	return name, os.WriteFile(name, fmt.Appendf(nil, configuration, prometheus, orchestrator), fs.FileMode(0o600))
}

// prepare makes the world and records its past.
func (d *demo) prepare(ctx context.Context, start time.Time, file string) error {
	_, set, err := app.Load(file, func(string) string { return "" }, start, nil)
	if err != nil {
		return err
	}
	d.world = newWorld(start, set.Events)
	d.recorder = newRecorder(d.world, d.engine)
	for _, p := range set.Pools {
		d.perAgent[p.Pool.Name] = p.Pool.PerAgent
	}
	return d.recorder.fill(ctx, start, d.running(), d.progress)
}

// running returns the agents of all pools.
func (d *demo) running() int {
	sum := 0
	for _, name := range d.sim.Pools() {
		agents, _ := d.sim.Agents(name)
		sum += agents
	}
	return sum
}

// play lets the time go on, step by step: the world is recorded, the targets
// are scraped, the adapter takes its tick. The clock waits for all of them.
func (d *demo) play(ctx context.Context, start time.Time, ticks chan<- time.Time) error {
	if d.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.For)
		defer cancel()
	}
	pace := time.NewTicker(max(time.Microsecond, time.Duration(float64(scrapeStep)/d.Speed)))
	defer pace.Stop()
	for t := start; ; t = t.Add(scrapeStep) {
		d.clock.set(t)
		if err := d.record(ctx, t); err != nil && ctx.Err() == nil {
			return err
		}
		if t.Sub(start)%tickEvery == 0 {
			select {
			case ticks <- t:
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// record records what is at t and tells what happens.
func (d *demo) record(ctx context.Context, t time.Time) error {
	samples := append(d.recorder.loads(t, scrapeStep), d.recorder.hosts(t, d.running())...)
	for _, target := range d.targets {
		up := 0.0
		if err := d.scrape(ctx, target, t); err == nil {
			up = 1
		}
		samples = append(samples, promengine.Sample{Labels: series("up", "job", target.job, "instance", target.address), Time: t, Value: up})
	}
	for _, p := range d.world.pools {
		_, ready := d.sim.Agents(p.name)
		d.note(p.name, d.world.loadOf(p, t), ready)
	}
	d.news(d.world, t)
	return d.recorder.append(ctx, samples)
}

func (d *demo) scrape(ctx context.Context, target target, t time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target.address+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	const largest = 16 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, largest))
	if err != nil {
		return err
	}
	return d.engine.Scrape(ctx, body, resp.Header.Get("Content-Type"), labels.FromStrings("job", target.job, "instance", target.address), t)
}
