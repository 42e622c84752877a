package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/report"
)

// reports writes a page about the last 24 hours with the first tick of each day, in UTC.
type reports struct {
	logger *slog.Logger
	to     atomic.Pointer[config.Reports]
	due    chan *engine.Snapshot
	day    string // of the last one; the loop's
}

func newReports(logger *slog.Logger) *reports {
	return &reports{logger: logger, due: make(chan *engine.Snapshot, 1)}
}

// ticked orders a report if a day has begun.
func (r *reports) ticked(snap *engine.Snapshot) {
	day := snap.Time.UTC().Format(time.DateOnly)
	if to := r.to.Load(); day == r.day || to == nil || to.Path == "" {
		return
	}
	select {
	case r.due <- snap:
		r.day = day
	default: // one is being made
	}
}

// run makes the reports that are due until the context ends.
func (r *reports) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case snap := <-r.due:
			if err := r.write(ctx, *r.to.Load(), snap); err != nil && ctx.Err() == nil {
				r.logger.Error("no report was written", "err", err)
			}
		}
	}
}

const (
	reportPrefix, reportSuffix = "report-", ".html"
	reportPatience             = 5 * time.Minute
)

// write writes a report unless that of the day is there, and removes those that are too old.
func (r *reports) write(ctx context.Context, to config.Reports, snap *engine.Snapshot) error {
	if err := os.MkdirAll(to.Path, 0o750); err != nil {
		return err
	}
	name := filepath.Join(to.Path, reportPrefix+snap.Time.UTC().Format(time.DateOnly)+reportSuffix)
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	told, err := report.Make(ctx, snap.Settings.Source, snap, 24*time.Hour)
	if err != nil {
		return err
	}
	page, err := report.HTML(told)
	if err != nil {
		return err
	}
	half := name + ".tmp"
	if err := os.WriteFile(half, page, 0o640); err != nil { //nolint:gosec // the group may read it
		return errors.Join(err, os.Remove(half))
	}
	if err := os.Rename(half, name); err != nil {
		return err
	}
	r.logger.Info("report written", "file", name, "recommendations", len(told.Recommendations))
	return removeReports(to.Path, snap.Time.UTC().Add(-to.Keep))
}

// removeReports removes the reports of days that ended before an instant.
func removeReports(dir string, before time.Time) error {
	names, err := filepath.Glob(filepath.Join(dir, reportPrefix+"*"+reportSuffix))
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		text := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), reportPrefix), reportSuffix)
		if day, err := time.Parse(time.DateOnly, text); err == nil && day.Before(before) {
			errs = append(errs, os.Remove(name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("old reports: %w", err)
	}
	return nil
}
