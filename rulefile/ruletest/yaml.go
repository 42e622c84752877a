package ruletest

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// What test files say, as it is written.

type file struct {
	strictyaml.Where
	RuleFiles []string `yaml:"rule_files"`
	Config    string   `yaml:"config"`
	Tests     []test   `yaml:"tests"`
}

type test struct {
	strictyaml.Where
	Name        string         `yaml:"name"`
	Start       moment         `yaml:"start"`
	Interval    model.Duration `yaml:"interval"`
	Tick        model.Duration `yaml:"tick"`
	InputSeries []inputSeries  `yaml:"input_series"`
	Events      []event        `yaml:"events"`
	Overrides   []override     `yaml:"overrides"`
	Current     map[string]int `yaml:"current"`

	Orchestrator      string         `yaml:"orchestrator"`
	OrchestratorDelay model.Duration `yaml:"orchestrator_delay"`

	Expect []expect `yaml:"expect"`
}

type inputSeries struct {
	strictyaml.Where
	Series   string         `yaml:"series"`
	Values   string         `yaml:"values"`
	From     moment         `yaml:"from"`
	Interval model.Duration `yaml:"interval"`
	Repeat   int            `yaml:"repeat"`
}

type event struct {
	strictyaml.Where
	Type   string            `yaml:"type"`
	Name   string            `yaml:"name"`
	Start  moment            `yaml:"start"`
	End    moment            `yaml:"end"`
	Labels map[string]string `yaml:"labels"`
	Told   moment            `yaml:"told"`
}

type override struct {
	strictyaml.Where
	Pool    string `yaml:"pool"`
	Min     *int   `yaml:"min"`
	Max     *int   `yaml:"max"`
	Exact   *int   `yaml:"exact"`
	Hold    bool   `yaml:"hold"`
	Disable bool   `yaml:"disable"`
	Mode    string `yaml:"mode"`
	Author  string `yaml:"author"`
	Reason  string `yaml:"reason"`
	Start   moment `yaml:"start"`
	End     moment `yaml:"end"`
}

type expect struct {
	strictyaml.Where
	When       moment   `yaml:"at"`
	Pool       string   `yaml:"pool"`
	Current    *int     `yaml:"current"`
	Desired    *int     `yaml:"desired"`
	MinDesired *int     `yaml:"min_desired"`
	MaxDesired *int     `yaml:"max_desired"`
	Reason     string   `yaml:"reason"`
	Rules      []string `yaml:"rules"`
	Why        string   `yaml:"why"`
}

// moment is an instant, or how long after the start of a test it is.
type moment struct {
	instant time.Time // zero: after counts
	after   time.Duration
}

// UnmarshalYAML reads 30m, -14d or 2026-11-12T18:00:00-05:00.
func (m *moment) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	if d, err := model.ParseDurationAllowNegative(text); err == nil {
		m.after = time.Duration(d)
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() {
		return fmt.Errorf("expected a time after the start like 30m, or an instant like 2026-11-12T18:00:00-05:00, got %q", text)
	}
	m.instant = t
	return nil
}

// from returns the instant in a test that starts at start.
func (m moment) from(start time.Time) time.Time {
	if m.instant.IsZero() {
		return start.Add(m.after)
	}
	return m.instant
}
