// Package app wires the parts into a daemon: it loads and reloads the
// configuration, runs the loop and serves HTTP.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/scaling-adapter/scaling-adapter/actuator"
	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/api"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

// Options are what a daemon is started with.
type Options struct {
	ConfigFile    string
	Getenv        func(string) string
	Listener      net.Listener // of the HTTP server; the app closes it
	WebConfigFile string       // of exporter-toolkit; empty: plain HTTP
	Logger        *slog.Logger
	Journal       engine.Journal   // told of decisions besides the log; may be nil
	Now           func() time.Time // nil: the wall clock
}

// App is the daemon.
type App struct {
	Options
	engine          *engine.Engine
	registry        *prometheus.Registry
	promMetrics     *promquery.Metrics
	actuatorMetrics *actuator.Metrics
	reloadOK        prometheus.Gauge
	reloadTime      prometheus.Gauge

	mu      sync.Mutex // held while reloading
	current *engine.Settings
	close   func() // ends what the current settings use
}

// reloadEvery is how often calendars are read anew, since they are expanded for
// some time ahead only.
const reloadEvery = 24 * time.Hour

// New loads the configuration. An error of type strictyaml.Problems says all
// that is wrong with it.
func New(o Options) (*App, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := web.Validate(o.WebConfigFile); err != nil {
		return nil, fmt.Errorf("web configuration %s: %w", o.WebConfigFile, err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), versioncollector.NewCollector("scaling_adapter"))
	a := &App{
		Options: o, registry: reg, promMetrics: promquery.NewMetrics(reg), actuatorMetrics: actuator.NewMetrics(reg), close: func() {},
		reloadOK:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "scaling_adapter_config_last_reload_successful", Help: "1 if the last attempt to load the configuration succeeded."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scaling_adapter_config_last_reload_success_timestamp_seconds", Help: "When the configuration was last loaded."}),
	}
	reg.MustRegister(a.reloadOK, a.reloadTime)
	a.engine = engine.New(engine.Options{Registerer: reg, Logger: o.Logger, Journal: a.journal})
	return a, a.Reload()
}

// Snapshot returns what the last tick saw and did; nil before the first one.
func (a *App) Snapshot() *engine.Snapshot { return a.engine.Snapshot() }

// journal logs what changes a pool, or would.
func (a *App) journal(d policy.Decision, o policy.Outcome) {
	level := slog.LevelInfo
	switch o.Result {
	case policy.Conflict, policy.Unknown:
		level = slog.LevelWarn
	case policy.Failed:
		level = slog.LevelError
	}
	attrs := []any{"pool", d.Pool, "from", d.Current, "to", d.Desired, "outcome", string(o.Result), "why", d.Why(), "decision", d.ID}
	if o.Err != nil {
		attrs = append(attrs, "err", o.Err)
	}
	a.Logger.Log(context.Background(), level, "decided", attrs...)
	if a.Journal != nil {
		a.Journal(d, o)
	}
}

// Reload reads all files anew and makes the next tick use them. On an error
// nothing changes. Files that say the same as before change nothing either.
func (a *App) Reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.reload(); err != nil {
		a.reloadOK.Set(0)
		return err
	}
	a.reloadOK.Set(1)
	a.reloadTime.Set(float64(a.Now().UnixMilli()) / 1000)
	return nil
}

func (a *App) reload() error {
	now := a.Now()
	cfg, rules, err := Load(a.ConfigFile, a.Getenv, now)
	if err != nil {
		return err
	}
	s := settings(cfg, rules, cfg.Hash[:16]+rules.Hash[:16], now)
	if a.current != nil && a.current.Hash == s.Hash && reflect.DeepEqual(a.current.Events, s.Events) {
		return nil
	}
	source, err := promquery.New(promquery.Config{
		URL: cfg.Prometheus.URL, Timeout: cfg.Prometheus.Timeout, QueryLag: cfg.Prometheus.QueryLag, MaxAge: cfg.Prometheus.MaxSampleAge, HTTP: cfg.Prometheus.HTTP,
	}, a.promMetrics, a.Logger)
	if err != nil {
		return err
	}
	orchestrator, err := actuator.New(actuator.Config{
		URL: cfg.Orchestrator.URL, Timeout: cfg.Orchestrator.Timeout, Retries: cfg.Orchestrator.Retries, HTTP: cfg.Orchestrator.HTTP,
	}, a.actuatorMetrics)
	if err != nil {
		return err
	}
	s.Source, s.Actuator, s.Generation = source, orchestrator, 1
	if a.current != nil {
		s.Generation = a.current.Generation + 1
	}
	names := make([]string, len(s.Pools))
	for i, p := range s.Pools {
		names[i] = p.Pool.Name
	}
	a.actuatorMetrics.Keep(names)
	a.engine.Apply(s)
	a.close()
	a.current, a.close = s, func() { source.Close(); orchestrator.Close() }
	a.Logger.Info("configuration loaded", "file", a.ConfigFile, "generation", s.Generation, "pools", len(s.Pools), "events", len(s.Events), "enabled", s.Enabled, "hash", s.Hash)
	return nil
}

// interval is the time between ticks as it is configured now.
func (a *App) interval() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current.Interval
}

// Run takes ticks until the context ends or the HTTP server fails. It makes the
// ticks itself when ticks is nil.
func (a *App) Run(ctx context.Context, ticks <-chan time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	if ticks == nil {
		own := make(chan time.Time)
		ticks = own
		group.Go(func() { engine.Ticks(ctx, a.interval, own) })
	}
	server := a.server()
	group.Go(func() {
		if err := a.serve(server); err != nil {
			cancel(err)
		}
	})
	group.Go(func() { a.reloadWhenTold(ctx) })
	a.engine.Run(ctx, ticks)

	a.Logger.Info("stopping")
	cause := context.Cause(ctx)
	cancel(nil)
	const patience = 5 * time.Second // with clients of the HTTP server
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer done()
	if err := server.Shutdown(closing); err != nil {
		_ = server.Close() // what is still open then is of no use any more
	}
	group.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.close()
	if cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return nil
	}
	return cause
}

func (a *App) server() *http.Server {
	return &http.Server{
		Handler:           api.New(api.Options{Snapshot: a.engine.Snapshot, Reload: a.reloadAndLog, Metrics: a.registry}),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(a.Logger.Handler(), slog.LevelWarn),
	}
}

func (a *App) serve(server *http.Server) error {
	addresses, systemd := []string{a.Listener.Addr().String()}, false
	a.Logger.Info("listening", "address", addresses[0])
	quiet := slog.New(slog.DiscardHandler) // it says what we said
	err := web.Serve(a.Listener, server, &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &systemd, WebConfigFile: &a.WebConfigFile}, quiet)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve HTTP: %w", err)
}

// reloadWhenTold reloads on SIGHUP and once a day.
func (a *App) reloadWhenTold(ctx context.Context) {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	daily := time.NewTicker(reloadEvery)
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		case <-daily.C:
		}
		_ = a.reloadAndLog() // it logs
	}
}

// reloadAndLog reloads and logs what is wrong, each problem by itself.
func (a *App) reloadAndLog() error {
	err := a.Reload()
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			a.Logger.Error("configuration not loaded; going on with the last one", "err", strings.TrimSpace(line))
		}
	}
	return err
}
