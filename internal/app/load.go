package app

import (
	"errors"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// Load reads a configuration file and the rule files that it names. An error is
// of type [strictyaml.Problems] and holds all that is wrong with any of them.
func Load(name string, getenv func(string) string, now time.Time) (config.Config, rulefile.Rules, error) {
	var problems strictyaml.Problems
	note := func(err error) {
		if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
			problems = append(problems, ps...)
		}
	}
	cfg, err := config.Load(name, getenv)
	note(err)
	if len(cfg.RuleFiles) == 0 {
		return cfg, rulefile.Rules{}, problems.Err()
	}
	rules, err := rulefile.Load(cfg.RuleFiles, rulefile.Options{
		Now: now, History: cfg.Forecast.History, ForecastMaxAge: cfg.Forecast.MaxAge,
		Mode: policy.Mode(cfg.Defaults.Mode), LeadTime: cfg.Defaults.LeadTime, Quantile: cfg.Defaults.Quantile, Sensitivity: cfg.Defaults.Sensitivity,
	})
	note(err)
	if total, least := cfg.Limits.MaxTotalAgents, rules.MinAgents(); total > 0 && least > total {
		problems.Add(cfg.Limits.At, "the pools' min add up to %d agents, more than max_total_agents %d", least, total)
	}
	return cfg, rules, problems.Err()
}

// settings are what the engine needs of a configuration, without the ports.
func settings(cfg config.Config, rules rulefile.Rules, hash string, now time.Time) *engine.Settings {
	s := &engine.Settings{
		Hash: hash, LoadedAt: now,
		Interval: cfg.Interval, QueryLag: cfg.Prometheus.QueryLag, MaxSampleAge: cfg.Prometheus.MaxSampleAge,
		Step: cfg.Forecast.Step, History: cfg.Forecast.History, Horizon: cfg.Forecast.Horizon, RefitEvery: cfg.Forecast.RefitInterval,
		Pools: rules.Pools, MaxTotalAgents: cfg.Limits.MaxTotalAgents, Enabled: cfg.Limits.Enabled, Events: rules.Events,
	}
	if !s.Enabled {
		for i := range s.Pools {
			s.Pools[i].Pool.Mode = policy.DryRun
		}
	}
	for _, h := range cfg.Hosts {
		s.Hosts = append(s.Hosts, engine.Host{Resource: h.Resource, Signal: policy.Signal{Query: h.Query}, Limit: h.Limit})
	}
	return s
}
