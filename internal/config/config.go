// Package config reads the configuration file of the process: where Prometheus
// and the orchestrator are, how the loop runs, what all pools share. How pools
// behave is in rule files.
package config

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Config is a valid configuration.
type Config struct {
	File         string
	Interval     time.Duration // between ticks
	Prometheus   Prometheus
	Orchestrator Orchestrator
	Forecast     Forecast
	Hosts        []Host
	Emergency    Emergency
	Limits       Limits
	Defaults     Defaults
	Webhooks     []Webhook
	RuleFiles    []string // sorted; each exists
	Candidates   []string // rule files that are tried beside these; none: nothing is
	Storage      string   // directory of what must outlive the process
	Reports      Reports
	Hash         string // of the file and what the environment overrides
}

// Reports says where a report is written each day.
type Reports struct {
	Path string        // a directory; empty: none is written
	Keep time.Duration // until a report is removed
}

// Prometheus says where and how loads are read.
type Prometheus struct {
	URL          string
	Timeout      time.Duration
	QueryLag     time.Duration // queries end this long before now
	MaxSampleAge time.Duration // older samples are stale
	HTTP         config.HTTPClientConfig
	At           strictyaml.Pos // of the URL
}

// Forecast says how loads are forecast.
type Forecast struct {
	Step, History, Horizon, RefitInterval, MaxAge time.Duration
}

// Host is a resource of a group of hosts, its query in percent and the percentage
// at which no pool grows.
type Host struct {
	Group    string // empty: the hosts of all pools
	Resource string
	Query    string
	Limit    float64
	At       strictyaml.Pos // of the query
}

// Emergency says when and how pools are cut because their hosts are in danger.
type Emergency struct {
	CPU, Memory    float64 // percent above which hosts are in danger
	Samples        int     // in a row
	Reduce         float64 // share of its agents that a pool loses, in (0, 1]
	Settle, Resume time.Duration
}

// Limits are what all pools share.
type Limits struct {
	Enabled        bool // false: every pool is in dry run
	MaxTotalAgents int  // 0: no limit
	At             strictyaml.Pos
}

// Webhook is where events are sent.
type Webhook struct {
	Name       string   // as configured, or the host of the URL; no other webhook has it
	URL        string   // its path may be a secret
	Events     []string // their types
	SecretFile string
	Timeout    time.Duration // of one attempt
	HTTP       config.HTTPClientConfig
}

// Defaults are for pools that do not say otherwise.
type Defaults struct {
	Mode        string
	LeadTime    time.Duration
	Quantile    float64
	Sensitivity float64
}

type file struct {
	strictyaml.Where
	Prometheus   prometheus     `yaml:"prometheus"`
	Orchestrator orchestrator   `yaml:"orchestrator"`
	Interval     model.Duration `yaml:"interval"`
	Forecast     forecast       `yaml:"forecast"`
	Hosts        hosts          `yaml:"hosts"`
	Limits       limits         `yaml:"limits"`
	Defaults     defaults       `yaml:"defaults"`
	Webhooks     []webhook      `yaml:"webhooks"`
	Storage      storage        `yaml:"storage"`
	Reports      reports        `yaml:"reports"`
	RuleFiles    []string       `yaml:"rule_files"`
	Candidates   []string       `yaml:"candidate_rule_files"`
}

type storage struct {
	strictyaml.Where
	Path string `yaml:"path"`
}

type reports struct {
	strictyaml.Where
	Path string         `yaml:"path"`
	Keep model.Duration `yaml:"keep"`
}

type prometheus struct {
	strictyaml.Where
	URL          string                  `yaml:"url"`
	Timeout      model.Duration          `yaml:"timeout"`
	QueryLag     model.Duration          `yaml:"query_lag"`
	MaxSampleAge model.Duration          `yaml:"max_sample_age"`
	HTTP         config.HTTPClientConfig `yaml:",inline"`
}

type forecast struct {
	strictyaml.Where
	Step          model.Duration `yaml:"step"`
	History       model.Duration `yaml:"history"`
	Horizon       model.Duration `yaml:"horizon"`
	RefitInterval model.Duration `yaml:"refit_interval"`
	MaxAge        model.Duration `yaml:"max_age"`
}

type hosts struct {
	strictyaml.Where
	CPU    string      `yaml:"cpu_percent"`
	Memory string      `yaml:"memory_percent"`
	Groups []hostGroup `yaml:"groups"`
}

type hostGroup struct {
	strictyaml.Where
	Name   string `yaml:"name"`
	CPU    string `yaml:"cpu_percent"`
	Memory string `yaml:"memory_percent"`
}

type limits struct {
	strictyaml.Where
	MaxTotalAgents int       `yaml:"max_total_agents"`
	CPU            float64   `yaml:"cpu_percent"`
	Memory         float64   `yaml:"memory_percent"`
	Emergency      emergency `yaml:"emergency"`
}

type emergency struct {
	strictyaml.Where
	CPU     float64        `yaml:"cpu_percent"`
	Memory  float64        `yaml:"memory_percent"`
	Samples int            `yaml:"samples"`
	Reduce  string         `yaml:"reduce"`
	Settle  model.Duration `yaml:"settle"`
	Resume  model.Duration `yaml:"resume"`
}

type webhook struct {
	strictyaml.Where
	Name       string                  `yaml:"name"`
	URL        string                  `yaml:"url"`
	Events     []string                `yaml:"events"`
	SecretFile string                  `yaml:"secret_file"`
	Timeout    *model.Duration         `yaml:"timeout"`
	HTTP       config.HTTPClientConfig `yaml:",inline"`
}

type defaults struct {
	strictyaml.Where
	Mode        string         `yaml:"mode"`
	LeadTime    model.Duration `yaml:"lead_time"`
	Quantile    float64        `yaml:"quantile"`
	Sensitivity float64        `yaml:"sensitivity"`
}

// defaultFile is what a file says that says nothing.
func defaultFile() file {
	const day = model.Duration(24 * time.Hour)
	seconds := func(n int) model.Duration { return model.Duration(time.Duration(n) * time.Second) }
	return file{
		Prometheus:   prometheus{Timeout: seconds(10), QueryLag: seconds(30), MaxSampleAge: seconds(120), HTTP: config.DefaultHTTPClientConfig},
		Storage:      storage{Path: "data"},
		Reports:      reports{Keep: 30 * day},
		Orchestrator: defaultOrchestrator(),
		Interval:     seconds(30),
		Forecast:     forecast{Step: seconds(300), History: 28 * day, Horizon: day, RefitInterval: day / 24, MaxAge: day / 12},
		Limits: limits{CPU: 80, Memory: 70, Emergency: emergency{
			CPU: 90, Memory: 85, Samples: 3, Reduce: "30%", Settle: seconds(300), Resume: seconds(300),
		}},
		Defaults: defaults{Mode: "dry_run", LeadTime: seconds(600), Quantile: 0.9, Sensitivity: 1},
	}
}

// Load reads a configuration file. Environment variables that are set override
// the limits: SCALING_ENABLED, MAX_CPU_PERCENT, MAX_MEMORY_PERCENT and
// MAX_TOTAL_AGENTS. STATE_DIRECTORY is where the state is unless the file says. An error is of type [strictyaml.Problems]; what could be
// read is returned with it, so that the rule files can be checked as well.
func Load(name string, getenv func(string) string) (Config, error) {
	var ps strictyaml.Problems
	data, err := strictyaml.ReadFile(name, strictyaml.MaxFileSize)
	if err != nil {
		ps.Add(strictyaml.Pos{File: name}, "%s", err)
		return Config{File: name}, ps
	}
	return parse(name, data, getenv)
}

// Default returns the configuration that says nothing: it has no addresses and no
// rule files.
func Default() Config {
	cfg, _ := parse("the defaults", []byte("{}"), func(string) string { return "" }) // what lacks is known
	return cfg
}

func parse(name string, data []byte, getenv func(string) string) (Config, error) {
	f := defaultFile()
	ps := strictyaml.Decode(name, data, &f)
	c := checker{&ps}
	enabled := c.environment(&f.Limits, getenv)
	dir := filepath.Dir(name)
	cfg := Config{
		File:     name,
		Interval: c.duration(f.Where, "interval", f.Interval, time.Second),
		Prometheus: Prometheus{
			URL:          c.url(f.Prometheus.Where, f.Prometheus.URL),
			Timeout:      c.duration(f.Prometheus.Where, "timeout", f.Prometheus.Timeout, time.Millisecond),
			QueryLag:     time.Duration(f.Prometheus.QueryLag),
			MaxSampleAge: c.duration(f.Prometheus.Where, "max_sample_age", f.Prometheus.MaxSampleAge, time.Second),
			HTTP:         c.client(f.Prometheus.Where, f.Prometheus.HTTP, dir),
			At:           f.Prometheus.At("url"),
		},
		Orchestrator: c.orchestrator(f.Orchestrator, dir),
		Forecast:     c.forecast(f.Forecast),
		Hosts:        c.hosts(f.Hosts, f.Limits),
		Emergency:    c.emergency(f.Limits),
		Limits:       Limits{Enabled: enabled, MaxTotalAgents: f.Limits.MaxTotalAgents, At: f.Limits.At("max_total_agents")},
		Defaults:     c.defaults(f.Defaults),
	}
	if f.Limits.MaxTotalAgents < 0 {
		ps.Add(f.Limits.At("max_total_agents"), "max_total_agents must not be negative, got %d", f.Limits.MaxTotalAgents)
	}
	if cfg.Limits.At.File == "" {
		cfg.Limits.At = f.Pos()
	}
	cfg.Webhooks = c.webhooks(f.Webhooks, dir)
	if len(f.RuleFiles) == 0 {
		ps.Add(f.At("rule_files"), "rule_files is missing, like [rules/*.yml]")
	}
	cfg.RuleFiles = c.files(f.Where, "rule_files", f.RuleFiles, dir)
	cfg.Candidates = c.files(f.Where, "candidate_rule_files", f.Candidates, dir)
	cfg.Storage = c.storage(f.Storage, dir, getenv)
	cfg.Reports = c.reports(f.Reports, dir)
	cfg.Hash = fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(data, "%v %v %v", cfg.Limits, cfg.Hosts, cfg.Emergency)))
	return cfg, ps.Err()
}

type checker struct{ *strictyaml.Problems }

// environment applies the variables that are set and reports whether scaling is
// enabled.
func (c checker) environment(l *limits, getenv func(string) string) (enabled bool) {
	wrong := func(name, expected string) {
		c.Add(strictyaml.Pos{File: "environment"}, "%s: expected %s, got %q", name, expected, getenv(name))
	}
	enabled = true
	if text := getenv("SCALING_ENABLED"); text != "" {
		on, err := strconv.ParseBool(text)
		if err != nil {
			wrong("SCALING_ENABLED", "true or false")
		}
		enabled = on
	}
	for name, percent := range map[string]*float64{"MAX_CPU_PERCENT": &l.CPU, "MAX_MEMORY_PERCENT": &l.Memory} {
		if text := getenv(name); text != "" {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil || !(x > 0 && x <= 100) {
				wrong(name, "a number above 0 and at most 100")
				continue
			}
			*percent = x
		}
	}
	if text := getenv("MAX_TOTAL_AGENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			wrong("MAX_TOTAL_AGENTS", "a whole number, 0 for no limit")
		} else {
			l.MaxTotalAgents = n
		}
	}
	return enabled
}

func (c checker) reports(r reports, dir string) Reports {
	out := Reports{Path: r.Path, Keep: c.duration(r.Where, "keep", r.Keep, 24*time.Hour)}
	if r.Path != "" && !filepath.IsAbs(r.Path) {
		out.Path = filepath.Join(dir, r.Path)
	}
	return out
}

// storage returns the directory of the state. Unless the file says one, it is the first of
// those that systemd makes for the service.
func (c checker) storage(s storage, dir string, getenv func(string) string) string {
	switch made, _, _ := strings.Cut(getenv("STATE_DIRECTORY"), ":"); {
	case s.Has("path") && s.Path == "":
		c.Add(s.At("path"), "path must not be empty; leave storage out for data, beside this file")
	case s.Has("path") || made == "":
	case !filepath.IsAbs(made):
		c.Add(strictyaml.Pos{File: "environment"}, "STATE_DIRECTORY: expected an absolute path, got %q", made)
	default:
		return made
	}
	if filepath.IsAbs(s.Path) {
		return s.Path
	}
	return filepath.Join(dir, s.Path)
}

func (c checker) duration(w strictyaml.Where, key string, d model.Duration, least time.Duration) time.Duration {
	if time.Duration(d) < least {
		c.Add(w.At(key), "%s must be at least %s, got %s", key, least, d)
	}
	return time.Duration(d)
}

func (c checker) url(w strictyaml.Where, text string) string {
	u, err := url.Parse(text)
	switch {
	case text == "":
		c.Add(w.Pos(), "url is missing, like http://127.0.0.1:9090")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.Add(w.At("url"), "url must be like http://127.0.0.1:9090")
	case u.User != nil:
		c.Add(w.At("url"), "url must not hold credentials; use basic_auth with password_file")
	}
	return text
}

// client takes secrets from files only, because configuration is read by many.
func (c checker) client(w strictyaml.Where, h config.HTTPClientConfig, dir string) config.HTTPClientConfig {
	inline := func(key, instead string, secret config.Secret) {
		if secret != "" {
			c.Add(w.At(key), "%s holds a secret; put it into a file and name it with %s", key, instead)
		}
	}
	if h.BasicAuth != nil {
		inline("basic_auth", "password_file", h.BasicAuth.Password)
	}
	if h.Authorization != nil {
		inline("authorization", "credentials_file", h.Authorization.Credentials)
	}
	if h.OAuth2 != nil {
		inline("oauth2", "client_secret_file", h.OAuth2.ClientSecret)
	}
	inline("bearer_token", "authorization.credentials_file", h.BearerToken)
	inline("tls_config", "key_file", h.TLSConfig.Key)
	h.FollowRedirects = false
	h.SetDirectory(dir)
	return h
}

func (c checker) forecast(f forecast) Forecast {
	const day = 24 * time.Hour
	out := Forecast{
		Step: c.duration(f.Where, "step", f.Step, 10*time.Second), History: time.Duration(f.History), Horizon: time.Duration(f.Horizon),
		RefitInterval: c.duration(f.Where, "refit_interval", f.RefitInterval, time.Minute), MaxAge: time.Duration(f.MaxAge),
	}
	if out.Step <= 0 || day%out.Step != 0 {
		c.Add(f.At("step"), "step must divide a day into whole steps, like 1m, 5m or 15m; got %s", f.Step)
		return out
	}
	for key, d := range map[string]time.Duration{"history": out.History, "horizon": out.Horizon, "max_age": out.MaxAge} {
		if d < out.Step {
			c.Add(f.At(key), "%s must be at least a step of %s, got %s", key, f.Step, model.Duration(d))
		}
	}
	const most = 100_000 // values of a pool; a minute's step for ten weeks
	if n := out.History / out.Step; n > most {
		c.Add(f.At("history"), "history has %d steps, more than %d; take a longer step", n, most)
	}
	return out
}

func (c checker) hosts(h hosts, l limits) []Host {
	out := c.group(h.Where, "", h.CPU, h.Memory, l)
	names := map[string]bool{}
	for _, g := range h.Groups {
		switch {
		case g.Name == "":
			c.Add(g.Pos(), "a group of hosts needs a name")
		case names[g.Name]:
			c.Add(g.At("name"), "hosts %q are there twice", g.Name)
		case g.CPU == "" && g.Memory == "":
			c.Add(g.Pos(), "hosts %q need cpu_percent, memory_percent or both", g.Name)
		}
		names[g.Name] = true
		out = append(out, c.group(g.Where, g.Name, g.CPU, g.Memory, l)...)
	}
	for key, percent := range map[string]float64{"cpu_percent": l.CPU, "memory_percent": l.Memory} {
		if !(percent > 0 && percent <= 100) {
			c.Add(l.At(key), "%s must be above 0 and at most 100, got %g", key, percent)
		}
	}
	return out
}

// group returns the resources of a group that are measured.
func (c checker) group(w strictyaml.Where, name, cpu, memory string, l limits) []Host {
	var out []Host
	for _, h := range []struct {
		key string
		Host
	}{{"cpu_percent", Host{name, "cpu", cpu, l.CPU, w.At("cpu_percent")}}, {"memory_percent", Host{name, "memory", memory, l.Memory, w.At("memory_percent")}}} {
		if h.Query == "" {
			continue
		}
		if _, err := parser.NewParser(parser.Options{}).ParseExpr(h.Query); err != nil {
			c.Add(w.At(h.key), "not PromQL: %s", err)
		}
		out = append(out, h.Host)
	}
	return out
}

func (c checker) emergency(l limits) Emergency {
	e := l.Emergency
	out := Emergency{CPU: e.CPU, Memory: e.Memory, Samples: e.Samples, Settle: time.Duration(e.Settle), Resume: time.Duration(e.Resume)}
	for _, r := range []struct {
		key           string
		danger, limit float64
	}{{"cpu_percent", e.CPU, l.CPU}, {"memory_percent", e.Memory, l.Memory}} {
		if !(r.danger > r.limit && r.danger <= 100) {
			c.Add(e.At(r.key), "%s of an emergency must be above the limit of %g and at most 100, got %g", r.key, r.limit, r.danger)
		}
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(e.Reduce, "%"), 64)
	if err != nil || !strings.HasSuffix(e.Reduce, "%") || !(percent > 0 && percent <= 100) {
		c.Add(e.At("reduce"), "reduce must be a share above 0%% and at most 100%%, like 30%%, got %q", e.Reduce)
	}
	out.Reduce = percent / 100
	if e.Samples < 1 || e.Samples > 100 {
		c.Add(e.At("samples"), "samples must be from 1 to 100, got %d", e.Samples)
	}
	c.duration(e.Where, "settle", e.Settle, time.Second)
	return out
}

func (c checker) defaults(d defaults) Defaults {
	if !slices.Contains([]string{"dry_run", "scale_up_only", "active"}, d.Mode) {
		c.Add(d.At("mode"), "mode must be dry_run, scale_up_only or active, got %q", d.Mode)
	}
	if !(d.Quantile > 0 && d.Quantile < 1) {
		c.Add(d.At("quantile"), "quantile must be between 0 and 1, got %g", d.Quantile)
	}
	if !(d.Sensitivity > 0 && d.Sensitivity <= 1) {
		c.Add(d.At("sensitivity"), "sensitivity must be above 0 and at most 1, got %g", d.Sensitivity)
	}
	return Defaults{Mode: d.Mode, LeadTime: time.Duration(d.LeadTime), Quantile: d.Quantile, Sensitivity: d.Sensitivity}
}

// webhookEvents are the types of events that a webhook can ask for.
var webhookEvents = []string{"scaling_executed", "scaling_failed", "emergency", "budget_exhausted"}

const (
	defaultWebhookTimeout = model.Duration(5 * time.Second)
	maxWebhookTimeout     = time.Minute // an endpoint is sent one event at a time
)

func (c checker) webhooks(hooks []webhook, dir string) []Webhook {
	var out []Webhook
	taken := map[string]bool{}
	for _, h := range hooks {
		w := Webhook{
			Name: h.Name, URL: h.URL, Events: c.webhookEvents(h), SecretFile: h.SecretFile,
			Timeout: time.Duration(defaultWebhookTimeout), HTTP: c.client(h.Where, h.HTTP, dir),
		}
		if host := c.webhookHost(h); w.Name == "" {
			w.Name = host
		}
		if w.Name != "" && taken[w.Name] {
			c.Add(h.At("name"), "there are two webhooks %q; give each a name of its own", w.Name)
		}
		taken[w.Name] = true
		if w.SecretFile == "" {
			c.Add(h.Pos(), "a webhook needs a secret_file; what is sent is signed with it")
		} else if !filepath.IsAbs(w.SecretFile) {
			w.SecretFile = filepath.Join(dir, w.SecretFile)
		}
		if h.Timeout != nil {
			w.Timeout = c.duration(h.Where, "timeout", *h.Timeout, time.Millisecond)
		}
		if w.Timeout > maxWebhookTimeout {
			c.Add(h.At("timeout"), "timeout must be at most %s, got %s", model.Duration(maxWebhookTimeout), h.Timeout)
		}
		out = append(out, w)
	}
	return out
}

// webhookHost returns the host of a webhook's URL. Problems do not repeat the URL, which
// may be a secret.
func (c checker) webhookHost(h webhook) string {
	u, err := url.Parse(h.URL)
	switch {
	case h.URL == "":
		c.Add(h.Pos(), "url is missing, like https://hooks.example/x")
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		c.Add(h.At("url"), "url must be like https://hooks.example/x")
	case u.User != nil:
		c.Add(h.At("url"), "url must not hold credentials; put a secret into secret_file, which signs what is sent, or use basic_auth with password_file")
	default:
		return u.Host
	}
	return ""
}

func (c checker) webhookEvents(h webhook) []string {
	known := strings.Join(webhookEvents, ", ")
	if len(h.Events) == 0 {
		c.Add(h.Pos(), "events is missing; known are %s", known)
	}
	for i, name := range h.Events {
		switch {
		case !slices.Contains(webhookEvents, name):
			c.Add(h.At("events"), "unknown event %q; known are %s", name, known)
		case slices.Contains(h.Events[:i], name):
			c.Add(h.At("events"), "event %s is there twice", name)
		}
	}
	return h.Events
}

// files returns the files that the patterns of a key match, relative to the
// configuration's directory. A pattern without a file is a problem: it is a
// typing error more often than an intention.
func (c checker) files(w strictyaml.Where, key string, patterns []string, dir string) []string {
	var files []string
	for _, pattern := range patterns {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, pattern)
		}
		matches, err := filepath.Glob(full)
		switch {
		case err != nil:
			c.Add(w.At(key), "%q is not a pattern: %s", pattern, err)
		case len(matches) == 0:
			c.Add(w.At(key), "no file matches %q", pattern)
		}
		files = append(files, matches...)
	}
	slices.Sort(files)
	return slices.Compact(files)
}
