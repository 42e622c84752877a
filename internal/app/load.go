package app

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// Load reads a configuration file and the rule files that it names. An error is
// of type [strictyaml.Problems] and holds all that is wrong with any of them.
// Calendars by URL are read with fetch; nil: not at all.
func Load(name string, getenv func(string) string, now time.Time, fetch func(source, url string) ([]byte, error)) (config.Config, rulefile.Rules, error) {
	cfg, err := config.Load(name, getenv)
	rules, err := loadRules(cfg, err, now, fetch)
	if len(cfg.Candidates) > 0 {
		_, wrong := loadCandidate(cfg, now, fetch)
		err = together(err, wrong)
	}
	return cfg, rules, err
}

// loadCandidate reads the rules that are tried.
func loadCandidate(cfg config.Config, now time.Time, fetch func(source, url string) ([]byte, error)) (rulefile.Rules, error) {
	cfg.RuleFiles = cfg.Candidates
	return loadRules(cfg, nil, now, fetch)
}

// together holds all problems of two errors, each once: both may read the same files.
func together(a, b error) error {
	all, _ := errors.AsType[strictyaml.Problems](a)
	more, _ := errors.AsType[strictyaml.Problems](b)
	for _, p := range more {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all.Err()
}

// loadRules reads the rule files of a configuration. The error holds what was wrong
// with the configuration as well.
func loadRules(cfg config.Config, err error, now time.Time, fetch func(source, url string) ([]byte, error)) (rulefile.Rules, error) {
	var problems strictyaml.Problems
	note := func(err error) {
		if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
			problems = append(problems, ps...)
		}
	}
	note(err)
	if len(cfg.RuleFiles) == 0 {
		return rulefile.Rules{}, problems.Err()
	}
	rules, err := rulefile.Load(cfg.RuleFiles, rulefile.Options{
		Now: now, Fetch: fetch, History: cfg.Forecast.History, ForecastMaxAge: cfg.Forecast.MaxAge,
		Mode: policy.Mode(cfg.Defaults.Mode), LeadTime: cfg.Defaults.LeadTime, Quantile: cfg.Defaults.Quantile, Sensitivity: cfg.Defaults.Sensitivity,
	})
	note(err)
	for _, p := range rules.Pools {
		if p.Pool.Hosts != "" && !slices.ContainsFunc(cfg.Hosts, func(h config.Host) bool { return h.Group == p.Pool.Hosts }) {
			problems.Add(strictyaml.Pos{File: cfg.File}, "pool %q runs on hosts %q, which are not among hosts.groups", p.Pool.Name, p.Pool.Hosts)
		}
	}
	checkOrchestrator(cfg, rules.Pools, &problems)
	switch total, least := cfg.Limits.MaxTotalAgents, rules.MinAgents(); {
	case total > 0 && least > total:
		problems.Add(cfg.Limits.At, "the pools' min add up to %d agents, more than max_total_agents %d", least, total)
	case total > 0 && 10*least > 9*total:
		rules.Warnings.Add(cfg.Limits.At, "the pools' min add up to %d agents, which leaves little of max_total_agents %d to scale with; raise it or lower them", least, total)
	}
	return rules, problems.Err()
}

// checkOrchestrator holds the pools against what the orchestrator is told of them and how
// often it is asked.
func checkOrchestrator(cfg config.Config, pools []engine.Pool, problems *strictyaml.Problems) {
	o := cfg.Orchestrator
	for _, p := range pools {
		if o.Dialect == nil {
			break // it is a problem by itself
		}
		if err := o.Dialect.Check(dialect.Pool{Name: p.Pool.Name, Labels: p.Pool.Labels}); err != nil {
			problems.Add(o.At, "pool %q: %s", p.Pool.Name, err)
		}
	}
	if least := engine.LeastRequests(pools, cfg.Interval); o.RequestsPerSecond > 0 && o.RequestsPerSecond < least {
		problems.Add(o.RateAt, "requests_per_second must be at least %g for %d pools and an interval of %s, or changes would come too late; raise it or interval", math.Ceil(10*least)/10, len(pools), cfg.Interval)
	}
}

// settings are what the engine needs of a configuration, without the ports.
func settings(cfg config.Config, rules rulefile.Rules, hash string, now time.Time) *engine.Settings {
	s := &engine.Settings{
		Hash: hash, LoadedAt: now, Files: append([]string{cfg.File}, rules.Files...), Places: make(map[string]string, len(rules.Places)),
		Interval: cfg.Interval, QueryLag: cfg.Prometheus.QueryLag, MaxSampleAge: cfg.Prometheus.MaxSampleAge,
		Step: cfg.Forecast.Step, History: cfg.Forecast.History, Horizon: cfg.Forecast.Horizon, RefitEvery: cfg.Forecast.RefitInterval,
		Pools: rules.Pools, MaxTotalAgents: cfg.Limits.MaxTotalAgents, Enabled: cfg.Limits.Enabled, Events: rules.Events, Exprs: rules.Exprs, Overrides: rules.Overrides,
		Emergency: policy.EmergencyLimits{
			Percent: map[string]float64{"cpu": cfg.Emergency.CPU, "memory": cfg.Emergency.Memory},
			Samples: cfg.Emergency.Samples, Reduce: cfg.Emergency.Reduce, Settle: cfg.Emergency.Settle, Resume: cfg.Emergency.Resume,
		},
	}
	for name, place := range rules.Places {
		s.Places[name] = place.String()
	}
	for _, w := range rules.Warnings {
		s.Warnings = append(s.Warnings, w.String())
	}
	for i := range s.Pools {
		p := &s.Pools[i].Pool
		p.ConvergeTimeout, p.FailurePause = cfg.Orchestrator.ConvergeTimeout, cfg.Orchestrator.FailurePause
	}
	if !s.Enabled {
		for i := range s.Pools {
			s.Pools[i].Pool.Mode = policy.DryRun
		}
	}
	for _, h := range cfg.Hosts {
		s.Hosts = append(s.Hosts, engine.Host{Hosts: h.Group, Resource: h.Resource, Signal: policy.Signal{Query: h.Query}, Limit: h.Limit})
	}
	return s
}
