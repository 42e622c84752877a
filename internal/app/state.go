package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/store"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

var safeModeDesc = prometheus.NewDesc("scaling_adapter_safe_mode", "1 while no pool is lowered, since a state file could not be read and was set aside.", nil, nil)

// state is what outlives the process.
type state struct {
	dir   string
	store *store.Store
}

// openState opens the storage of a configuration and returns what was kept. A configuration
// that cannot be loaded has none; whoever loads it says what is wrong.
func (a *App) openState() (*state, engine.Memory, error) {
	cfg, err := config.Load(a.ConfigFile, a.Getenv)
	if err != nil {
		return nil, engine.Memory{}, nil //nolint:nilerr // whoever loads it says what is wrong
	}
	s, memory, err := store.Open(cfg.Storage, a.Now())
	if err != nil {
		return nil, engine.Memory{}, err
	}
	for _, name := range s.SetAside() {
		a.Logger.Error("a state file could not be read and was set aside; no pool is lowered while it is there", "file", name)
	}
	copies, err := s.Calendars()
	if err != nil {
		return nil, engine.Memory{}, errors.Join(err, s.Close())
	}
	a.calendars.restore(copies)
	a.calendars.keep = func(copies map[string]*store.Calendar) {
		if err := s.PutCalendars(copies); err != nil {
			a.Logger.Warn("calendars not saved", "err", err)
		}
	}
	return &state{cfg.Storage, s}, memory, nil
}

// aside returns the files that were set aside.
func (s *state) aside() []string {
	if s == nil {
		return nil
	}
	return s.store.SetAside()
}

// engineStore returns what the engine keeps its memory in; nil without a state.
func (s *state) engineStore() engine.Store {
	if s == nil {
		return nil
	}
	return s.store
}

func (s *state) close() error {
	if s == nil {
		return nil
	}
	return s.store.Close()
}

// apply lets the settings lower no pool while files are set aside, and tells why.
func (s *state) apply(settings *engine.Settings) {
	aside := s.aside()
	if len(aside) == 0 {
		return
	}
	var names []string
	for _, name := range aside {
		names = append(names, filepath.Base(name))
	}
	settings.SafeMode = fmt.Sprintf("safe mode, no pool is lowered: %s in %s could not be read; what was remembered is lost. Look at overrides, pauses and budgets, and then remove it", strings.Join(names, " and "), s.dir)
	for i := range settings.Pools {
		p := &settings.Pools[i].Pool
		p.Mode = p.Mode.AtMost(policy.ScaleUpOnly)
	}
}

// warn says that another storage needs a restart.
func (s *state) warn(a *App, cfg config.Config) {
	if s != nil && cfg.Storage != s.dir {
		a.Logger.Warn("storage.path has changed; it counts from the next start on", "used", s.dir, "configured", cfg.Storage)
	}
}

// Describe implements [prometheus.Collector].
func (s *state) Describe(ch chan<- *prometheus.Desc) { ch <- safeModeDesc }

// Collect implements [prometheus.Collector].
func (s *state) Collect(ch chan<- prometheus.Metric) {
	safe := 0.0
	if len(s.aside()) > 0 {
		safe = 1
	}
	ch <- prometheus.MustNewConstMetric(safeModeDesc, prometheus.GaugeValue, safe)
}
