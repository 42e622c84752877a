package app

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
)

// Offline reads a configuration file and rule files for a loop that runs on a clock
// of its own, and returns its settings without the ports. Without a configuration
// the defaults count, without rule files those that the configuration names. Neither
// the environment nor calendars by URL are read. An error is of type
// strictyaml.Problems.
func Offline(name string, ruleFiles []string, now time.Time) (*engine.Settings, error) {
	cfg, err := config.Default(), error(nil)
	if name != "" {
		cfg, err = config.Load(name, func(string) string { return "" })
	}
	if len(ruleFiles) > 0 {
		cfg.RuleFiles = ruleFiles
	}
	rules, err := loadRules(cfg, err, now, nil)
	if err != nil {
		return nil, err
	}
	return settings(cfg, rules, cfg.Hash+rules.Hash, now), nil
}
