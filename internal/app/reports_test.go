package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A report is written with the first tick of each day, once, and kept for as long as is
// configured.
func TestAReportIsWrittenEachDay(t *testing.T) {
	f := newFixture(t)
	f.configure(t, "$", "", "reports: {path: pages, keep: 2d}\n")
	a := f.app(t)
	dir := filepath.Join(f.dir, "pages")
	written := func() string {
		select {
		case snap := <-a.reports.due:
			if err := a.reports.write(t.Context(), *a.reports.to.Load(), snap); err != nil {
				t.Fatal(err)
			}
		default:
		}
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			names[i] = strings.TrimSuffix(strings.TrimPrefix(filepath.Base(names[i]), "report-"), ".html")
		}
		return strings.Join(names, " ")
	}
	day := time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "2026-11-24"},
		{time.Hour, "2026-11-24"},
		{11 * time.Hour, "2026-11-24 2026-11-25"},
		{35 * time.Hour, "2026-11-24 2026-11-25 2026-11-26"},
		{59 * time.Hour, "2026-11-25 2026-11-26 2026-11-27"},
	} {
		a.engine.Tick(t.Context(), day.Add(tt.after))
		if got := written(); got != tt.want {
			t.Errorf("%s later there are %q, want %q", tt.after, got, tt.want)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report-2026-11-27.html"))
	if err != nil || !strings.Contains(string(page), "Thu 26 Nov 2026 00:00 UTC to Fri 27 Nov 2026 00:00 UTC") || !strings.Contains(string(page), `<h3 id="nba">`) {
		t.Errorf("the page: %v\n%.500s", err, page)
	}

	// One that is there is not written over, after a restart of the process for example.
	name := filepath.Join(dir, "report-2026-11-27.html")
	if err := os.WriteFile(name, []byte("by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.reports.day = ""
	a.engine.Tick(t.Context(), day.Add(60*time.Hour))
	written()
	if page, err := os.ReadFile(name); err != nil || string(page) != "by hand" {
		t.Errorf("%v: it was written over: %.100s", err, page)
	}
}

// A directory that cannot be made costs the report and nothing else.
func TestAReportThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	f.write(t, "pages", "a file")
	f.configure(t, "$", "", "reports: {path: pages}\n")
	a := f.app(t)
	a.engine.Tick(t.Context(), time.Date(2026, 11, 24, 13, 0, 0, 0, time.UTC))
	if err := a.reports.write(t.Context(), *a.reports.to.Load(), <-a.reports.due); err == nil || !strings.Contains(err.Error(), "pages") {
		t.Errorf("got %v", err)
	}
	a.engine.Tick(t.Context(), time.Date(2026, 11, 24, 13, 0, 1, 0, time.UTC))
	if got := f.sim.Requests(); len(got) == 0 {
		t.Error("nothing was scaled")
	}
}
