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
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
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
	// EnableControlAPI lets overrides and events be told over HTTP.
	EnableControlAPI bool
	// ControlUsers are those of the web configuration who may give orders; nil: all. The
	// file has a name and a token in each line.
	ControlUsers     []string
	ControlTokenFile string

	Logger  *slog.Logger
	Audit   *slog.Logger     // told of orders; nil: Logger
	Journal engine.Journal   // told of decisions besides the log; may be nil
	Now     func() time.Time // nil: the wall clock
}

// App is the daemon.
type App struct {
	Options
	engine          *engine.Engine
	control         func(*http.Request) (user string, err error) // nil: off
	registry        *prometheus.Registry
	promMetrics     *promquery.Metrics
	actuatorMetrics *actuator.Metrics
	calendars       *calendars
	service         *service
	state           *state // nil: nothing outlives the process
	webhooks        *webhooks
	reports         *reports
	reloadOK        prometheus.Gauge
	reloadTime      prometheus.Gauge

	mu      sync.Mutex // held while reloading
	current *engine.Settings
	read    []string // the files that were read last
	warned  string   // the warnings that were logged last
	close   func()   // ends what the current settings use
	retired retired  // what former settings used
}

// How often all files are read anew, since calendars change and are expanded for
// some time ahead only, and how often it is looked whether one of them has changed.
const (
	reloadEvery = calendarEvery
	lookEvery   = 15 * time.Second
)

// New loads the configuration. An error of type strictyaml.Problems says all
// that is wrong with it.
func New(o Options) (*App, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Audit == nil {
		o.Audit = o.Logger
	}
	if err := web.Validate(o.WebConfigFile); err != nil {
		return nil, fmt.Errorf("web configuration %s: %w", o.WebConfigFile, err)
	}
	control, err := newControl(o)
	if err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), versioncollector.NewCollector("scaling_adapter"))
	a := &App{
		Options: o, control: control, registry: reg, promMetrics: promquery.NewMetrics(reg), actuatorMetrics: actuator.NewMetrics(reg), close: func() {},
		service:    newService(o.Logger),
		webhooks:   newWebhooks(reg, o.Logger),
		reports:    newReports(o.Logger),
		reloadOK:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "scaling_adapter_config_last_reload_successful", Help: "1 if the last attempt to load the configuration succeeded."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scaling_adapter_config_last_reload_success_timestamp_seconds", Help: "When the configuration was last loaded."}),
	}
	reg.MustRegister(a.reloadOK, a.reloadTime)
	a.calendars = newCalendars(o.Now)
	reg.MustRegister(a.calendars)
	var memory engine.Memory
	if a.state, memory, err = a.openState(); err != nil {
		return nil, err
	}
	if a.state != nil {
		reg.MustRegister(a.state)
	}
	a.engine = engine.New(engine.Options{Registerer: reg, Logger: o.Logger, Journal: a.journal, Store: a.state.engineStore(), Memory: memory, Ticked: a.ticked})
	if err := a.Reload(); err != nil {
		_ = a.state.close() // nothing was written
		return nil, err
	}
	return a, nil
}

// ticked is told of each tick that was completed.
func (a *App) ticked(time.Time) {
	a.retired.close()
	a.service.ticked(a.Snapshot())
	a.webhooks.ticked(a.Snapshot())
	a.reports.ticked(a.Snapshot())
}

// retired are the clients of settings that no later tick uses. The tick during which they
// were replaced goes on with them, so their connections are closed at the end of a tick:
// what is closed earlier is opened anew, and left behind.
type retired struct {
	mu     sync.Mutex
	closes []func()
}

func (r *retired) add(closes func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closes = append(r.closes, closes)
}

func (r *retired) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.closes {
		c()
	}
	r.closes = nil
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
	a.webhooks.decided(d, o)
	if a.Journal != nil {
		a.Journal(d, o)
	}
}

// Reload reads all files anew and makes the next tick use them. On an error
// nothing changes. Files that say the same as before change nothing either.
func (a *App) Reload() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.service.reloading()
	err := a.reload()
	a.service.reloaded(err, a.Snapshot())
	if err != nil {
		a.reloadOK.Set(0)
		return err
	}
	a.reloadOK.Set(1)
	a.reloadTime.Set(float64(a.Now().UnixMilli()) / 1000)
	return nil
}

// reload reads all files. A panic over what is in them is an error like others.
func (a *App) reload() (err error) {
	defer func() {
		if r := recover(); r != nil {
			a.Logger.Error("panic while the configuration was loaded", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic while the configuration was loaded: %v; the log says where, please report it", r)
		}
	}()
	now := a.Now()
	cfg, rules, err := Load(a.ConfigFile, a.Getenv, now, a.calendars.fetch)
	if len(cfg.RuleFiles) > 0 { // also when one of them is wrong: it will be corrected
		a.read = slices.Concat([]string{a.ConfigFile}, cfg.RuleFiles, cfg.Candidates, rules.Files, a.state.aside())
	}
	if err != nil {
		return err
	}
	a.calendars.forget(now)
	if warnings := rules.Warnings.Error(); warnings != a.warned {
		a.warned = warnings
		for _, w := range rules.Warnings {
			a.Logger.Warn("configuration", "warning", w.String())
		}
	}
	s := settings(cfg, rules, cfg.Hash[:16]+rules.Hash[:16], now)
	if len(cfg.Candidates) > 0 {
		tried, err := loadCandidate(cfg, now, a.calendars.fetch)
		if err != nil {
			return err
		}
		a.read = append(a.read, tried.Files...)
		s.Candidate = settings(cfg, tried, tried.Hash, now)
		s.Hash += tried.Hash[:16]
	}
	a.state.apply(s)
	a.state.warn(a, cfg)
	if a.current != nil && a.current.Hash == s.Hash && a.current.SafeMode == s.SafeMode && reflect.DeepEqual(a.current.Events, s.Events) {
		return nil
	}
	source, orchestrator, err := connect(cfg, rules.Pools, a.promMetrics, a.actuatorMetrics, a.Logger)
	if err != nil {
		return err
	}
	if err := a.webhooks.Apply(endpoints(cfg)); err != nil {
		source.Close()
		orchestrator.Close()
		return err
	}
	a.reports.to.Store(&cfg.Reports)
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
	a.service.checkInterval(s.Interval)
	a.retired.add(a.close)
	a.current, a.close = s, func() { source.Close(); orchestrator.Close() }
	a.Logger.Info("configuration loaded", "file", a.ConfigFile, "generation", s.Generation, "pools", len(s.Pools), "events", len(s.Events), "enabled", s.Enabled, "hash", s.Hash)
	return nil
}

// interval is the time between ticks as it is configured now. It does not wait for a
// reload that is under way.
func (a *App) interval() time.Duration { return a.engine.Settings().Interval }

// Run takes ticks until the context ends or the HTTP server fails. It makes the
// ticks itself when ticks is nil.
func (a *App) Run(ctx context.Context, ticks <-chan time.Time) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before we are ready, since it ends a process that does not take it
	defer signal.Stop(hangup)
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
	group.Go(func() { a.reloadWhenTold(ctx, hangup) })
	group.Go(func() { a.reports.run(ctx) })
	group.Go(func() {
		<-ctx.Done()
		a.stop(ctx, server)
	})
	sending, endSending := context.WithCancel(context.WithoutCancel(ctx))
	defer endSending()
	group.Go(func() { a.webhooks.Run(sending) })
	a.service.ready()
	a.engine.Run(ctx, ticks)
	endSending() // now: the loop has told its last

	cause := context.Cause(ctx)
	cancel(nil)
	group.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.close()
	a.retired.close()
	if err := a.state.close(); err != nil {
		a.Logger.Error("state not closed", "err", err)
	}
	if cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		return nil
	}
	return cause
}

// stop ends all but the loop, which finishes its calls meanwhile.
func (a *App) stop(ctx context.Context, server *http.Server) {
	const patience = 5 * time.Second // with clients of the HTTP server
	a.Logger.Info("stopping")
	a.service.stopping()
	a.calendars.stop()
	closing, done := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer done()
	if err := server.Shutdown(closing); err != nil {
		_ = server.Close() // what is still open then is of no use any more
	}
}

func (a *App) server() *http.Server {
	return &http.Server{
		Handler: api.New(api.Options{
			Snapshot: a.engine.Snapshot, Reload: a.reloadAnew, Metrics: a.registry,
			Engine: a.engine, Explain: a.engine.Explain, Control: a.control, Now: a.Now, Audit: a.Audit,
		}),
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

// reloadWhenTold reloads on hangup, when a file has changed, and now and then.
func (a *App) reloadWhenTold(ctx context.Context, hangup <-chan os.Signal) {
	regular, look := time.NewTicker(reloadEvery), time.NewTicker(lookEvery)
	defer regular.Stop()
	defer look.Stop()
	seen := a.changes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			a.calendars.expire()
		case <-regular.C:
		case <-look.C:
			if changes := a.changes(); changes == seen {
				continue
			}
		}
		_ = a.reloadAndLog() // it logs
		seen = a.changes()
	}
}

// changes tells the state of the files that were read, and of their directories, into
// which new ones may come.
func (a *App) changes() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, name := range a.read {
		names = append(names, name, filepath.Dir(name))
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range slices.Compact(names) {
		if info, err := os.Stat(name); err != nil {
			fmt.Fprintf(&b, "%s: %v\n", name, err)
		} else {
			fmt.Fprintf(&b, "%s: %d %s\n", name, info.Size(), info.ModTime())
		}
	}
	return b.String()
}

// reloadAnew reloads all files, and calendars by URL as well.
func (a *App) reloadAnew() error {
	a.calendars.expire()
	return a.reloadAndLog()
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
