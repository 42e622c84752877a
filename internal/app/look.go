package app

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/actuator"
	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/promquery"
)

// LookOptions say what is read by somebody who looks at pools and runs none.
type LookOptions struct {
	ConfigFile string   // empty: the defaults count
	RuleFiles  []string // instead of those that the configuration names; none: those
	Getenv     func(string) string
	Now        time.Time
	// Offline leaves the ports and calendars by URL out.
	Offline bool
	Logger  *slog.Logger
}

// View is a configuration as the daemon would run it.
type View struct {
	Settings *engine.Settings
	Warnings strictyaml.Problems
	Close    func() // ends what the settings' ports use
}

// Look reads a configuration. Problems with it are an error of type
// strictyaml.Problems.
func Look(o LookOptions) (View, error) {
	cfg, err := config.Default(), error(nil)
	if o.ConfigFile != "" {
		cfg, err = config.Load(o.ConfigFile, o.Getenv)
	}
	if len(o.RuleFiles) > 0 {
		cfg.RuleFiles = o.RuleFiles
	}
	fetch := newCalendars(func() time.Time { return o.Now }).fetch
	if o.Offline {
		fetch = nil
	}
	rules, err := loadRules(cfg, err, o.Now, fetch)
	if err != nil {
		return View{}, err
	}
	v := View{Settings: settings(cfg, rules, cfg.Hash+rules.Hash, o.Now), Warnings: rules.Warnings, Close: func() {}}
	if o.Offline {
		return v, nil
	}
	nobody := prometheus.NewRegistry() // scrapes a command
	source, orchestrator, err := connect(cfg, rules.Pools, promquery.NewMetrics(nobody), actuator.NewMetrics(nobody), o.Logger)
	if err != nil {
		return View{}, err
	}
	v.Settings.Source, v.Settings.Actuator = source, orchestrator
	v.Close = func() { source.Close(); orchestrator.Close() }
	return v, nil
}

// connect makes the ports that a configuration names. They do not call anybody yet.
func connect(cfg config.Config, pools []engine.Pool, queries *promquery.Metrics, calls *actuator.Metrics, logger *slog.Logger) (*promquery.Client, *actuator.HTTP, error) {
	source, err := promquery.New(promquery.Config{
		URL: cfg.Prometheus.URL, Timeout: cfg.Prometheus.Timeout, QueryLag: cfg.Prometheus.QueryLag, MaxAge: cfg.Prometheus.MaxSampleAge, HTTP: cfg.Prometheus.HTTP,
	}, queries, logger)
	if err != nil {
		return nil, nil, err
	}
	labels := make(map[string]map[string]string, len(pools))
	for _, p := range pools {
		labels[p.Pool.Name] = p.Pool.Labels
	}
	orchestrator, err := actuator.New(actuator.Config{
		URL: cfg.Orchestrator.URL, Timeout: cfg.Orchestrator.Timeout, Retries: cfg.Orchestrator.Retries, HTTP: cfg.Orchestrator.HTTP,
		Dialect: cfg.Orchestrator.Dialect, Labels: labels, RequestsPerSecond: cfg.Orchestrator.RequestsPerSecond,
	}, calls)
	if err != nil {
		return nil, nil, err
	}
	return source, orchestrator, nil
}
