package app

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// Offline reads a configuration file and rule files for a loop that runs on a clock
// of its own, and returns its settings without the ports. Without a configuration
// the defaults count, without rule files those that the configuration names. Neither
// the environment nor calendars by URL are read. An error is of type
// strictyaml.Problems.
func Offline(name string, ruleFiles []string, now time.Time) (*engine.Settings, error) {
	v, err := Look(LookOptions{ConfigFile: name, RuleFiles: ruleFiles, Getenv: func(string) string { return "" }, Now: now, Offline: true})
	return v.Settings, err
}

// Rules reads rule files as one set, with the default configuration and without
// calendars by URL. An error is of type strictyaml.Problems.
func Rules(files []string, now time.Time) (rulefile.Rules, error) {
	cfg := config.Default()
	cfg.RuleFiles = files
	return loadRules(cfg, nil, now, nil)
}
