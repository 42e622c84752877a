package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.etcd.io/bbolt"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

func opened(t *testing.T, dir string) (*Store, engine.Memory) {
	t.Helper()
	s, m, err := Open(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	return s, m
}

func saved(t *testing.T, s *Store, c engine.Change) {
	t.Helper()
	if err := s.Save(c); err != nil {
		t.Fatal(err)
	}
}

func override(pool string) *policy.Override {
	return &policy.Override{ID: pool + "-1", Pool: pool, Min: new(5), Author: "anna", Reason: "derby", Start: noon, End: noon.Add(time.Hour)}
}

func event(id string) *policy.Event {
	return &policy.Event{ID: id, Type: "news", Name: "a trade", Labels: map[string]string{"league": "nba"}, Start: noon, End: noon.Add(time.Hour), Source: "api"}
}

// full is all that can be remembered of a pool.
func full() engine.PoolMemory {
	return engine.PoolMemory{
		State: policy.State{
			Since: noon.Add(-time.Hour), LoadKnown: noon, Current: policy.Count{Agents: 5, Ready: 4, Known: true},
			Samples:         []policy.Point{{Time: noon, Value: 12.5}},
			Recommendations: []policy.Recommendation{{Time: noon, Agents: 7}},
			Scalings:        []policy.Scaling{{Time: noon, From: 4, To: 5}},
			Asked:           policy.Asked{Time: noon, From: 4, To: 5, Ready: 4}, Doubts: 2,
			Pause: policy.Pause{Start: noon, End: noon.Add(30 * time.Minute), Why: "HTTP 500"},
		},
		Spending: map[string]budget.State{"tweets": {
			Days:    []budget.Day{{Zone: "UTC", Date: "2026-11-12", Used: 9}},
			Rolling: budget.Rolling{Spent: []budget.Spending{{Time: noon, Posts: 3}}, Unseen: 2, Known: noon},
		}},
	}
}

func decided(pool string, at time.Time) engine.Decided {
	return engine.Decided{
		Decision: policy.Decision{
			ID: pool + "-" + at.Format("150405"), Pool: pool, Time: at, Mode: policy.Active, Current: 4, Known: true, Desired: 5, Demand: 4.5,
			Stages:  policy.Stages{Demand: 5, Rules: 5, Bounded: 5},
			Reasons: []policy.Reason{{Code: policy.ReasonReactive, From: 4, To: 5, Detail: "load"}}, Rules: []string{"evening"},
		},
		Outcome: policy.Outcome{Result: policy.Failed, Err: errors.New("HTTP 500")},
	}
}

// Everything that was saved is there after the file was opened again.
func TestWhatWasSavedIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	s, m := opened(t, dir)
	if !m.Time.IsZero() || len(m.Overrides)+len(m.Events)+len(m.Pools)+len(m.Emergency) > 0 {
		t.Errorf("a new file remembers %+v", m)
	}
	first, second, unknown := decided("nba", noon), decided("nba", noon.Add(time.Minute)), decided("nfl", noon)
	unknown.Demand = math.NaN()
	emergency := policy.EmergencyState{"": {Active: true, Cut: noon, Over: map[string]int{"cpu": 2}, Sampled: map[string]time.Time{"cpu": noon}}}
	saved(t, s, engine.Change{Overrides: map[string]*policy.Override{"nba": override("nba"), "nfl": override("nfl")}})
	saved(t, s, engine.Change{Events: map[string]*policy.Event{"1": event("1"), "2": event("2")}})
	saved(t, s, engine.Change{Time: noon, Pools: map[string]engine.PoolMemory{"nba": full(), "nfl": {}}, Emergency: emergency, Decided: []engine.Decided{first, unknown}})
	saved(t, s, engine.Change{Time: noon.Add(time.Minute), Overrides: map[string]*policy.Override{"nfl": nil}, Events: map[string]*policy.Event{"2": nil}, Decided: []engine.Decided{second}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, m = opened(t, dir)
	nba := full()
	nba.Recent = []policy.Decision{second.Decision, first.Decision}
	want := engine.Memory{
		Time: noon.Add(time.Minute), Overrides: []policy.Override{*override("nba")}, Events: []policy.Event{*event("1")}, Emergency: emergency,
		Pools: map[string]engine.PoolMemory{"nba": nba, "nfl": {Recent: []policy.Decision{unknown.Decision}}},
	}
	if diff := cmp.Diff(want, m, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("remembered (-want +got):\n%s", diff)
	}
	if aside := s.SetAside(); aside != nil {
		t.Errorf("set aside: %v", aside)
	}
}

// P25: one process at a time.
func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	opened(t, dir)
	if _, _, err := Open(dir, noon); err == nil || !strings.Contains(err.Error(), "is used by another process; stop it, or give this one a storage.path of its own") {
		t.Errorf("got %v", err)
	}
}

// P24: a file that cannot be read is set aside, and a new one begun.
func TestADamagedFileIsSetAside(t *testing.T) {
	whole := func(t *testing.T) []byte {
		dir := t.TempDir()
		s, _ := opened(t, dir)
		pools := map[string]engine.PoolMemory{}
		for i := range 200 {
			pools[fmt.Sprintf("pool-%03d", i)] = full()
		}
		saved(t, s, engine.Change{Time: noon, Pools: pools})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, fileName))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	changed := func(change func(tx *bbolt.Tx) error) func(t *testing.T, data []byte) []byte {
		return func(t *testing.T, data []byte) []byte {
			name := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := bbolt.Open(name, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(change); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			data, err = os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	for name, damage := range map[string]func(t *testing.T, data []byte) []byte{
		"not ours":             func(*testing.T, []byte) []byte { return []byte(strings.Repeat("hello ", 5000)) },
		"a few bytes":          func(*testing.T, []byte) []byte { return []byte("hello") },
		"cut off":              func(_ *testing.T, data []byte) []byte { return data[:len(data)/2] },
		"cut off after a page": func(_ *testing.T, data []byte) []byte { return data[:os.Getpagesize()] },
		"zeros in the middle": func(_ *testing.T, data []byte) []byte {
			clear(data[len(data)/4 : len(data)/2])
			return data
		},
		"newer": changed(func(tx *bbolt.Tx) error {
			return tx.Bucket(metaBucket).Put(versionKey, binary.BigEndian.AppendUint32(nil, version+1))
		}),
		"no version":     changed(func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Delete(versionKey) }),
		"another's":      changed(func(tx *bbolt.Tx) error { return tx.DeleteBucket(eventBucket) }),
		"not JSON":       changed(func(tx *bbolt.Tx) error { return tx.Bucket(overrideBucket).Put([]byte("nba"), []byte("{")) }),
		"a broken entry": changed(func(tx *bbolt.Tx) error { return tx.Bucket(journalBucket).Put([]byte("12345678nba"), []byte("[]")) }),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			broken := damage(t, whole(t))
			if err := os.WriteFile(filepath.Join(dir, fileName), broken, 0o600); err != nil {
				t.Fatal(err)
			}
			s, m := opened(t, dir)
			if len(m.Pools) > 0 {
				t.Errorf("remembers %d pools of a damaged file", len(m.Pools))
			}
			aside := s.SetAside()
			if len(aside) != 1 || aside[0] != filepath.Join(dir, "state.db.quarantine-20261112T120000Z") {
				t.Fatalf("set aside: %v", aside)
			}
			kept, err := os.ReadFile(aside[0])
			if err != nil || len(kept) < len(broken) && name != "newer" {
				t.Errorf("kept %d of %d bytes: %v", len(kept), len(broken), err)
			}
			saved(t, s, engine.Change{Overrides: map[string]*policy.Override{"nba": override("nba")}})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, m = opened(t, dir)
			if len(m.Overrides) != 1 || len(s.SetAside()) != 1 {
				t.Errorf("afterwards: %d overrides, set aside %v", len(m.Overrides), s.SetAside())
			}
		})
	}
}

// A file that is damaged under a process that uses it is an error at once, and again, and set
// aside by the next one.
func TestAFileThatIsDamagedWhileItIsUsed(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, dir)
	pools := map[string]engine.PoolMemory{}
	for i := range 200 {
		pools[fmt.Sprintf("pool-%03d", i)] = full()
	}
	saved(t, s, engine.Change{Time: noon, Pools: pools})
	if err := os.Truncate(filepath.Join(dir, fileName), int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	const want = "nothing is saved any more, restart to begin a new one"
	if err := s.Save(engine.Change{Time: noon, Pools: pools}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if err := s.PutCalendars(map[string]*Calendar{"games": {}}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("calendars: got %v", err)
	}
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("close: got %v", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, fileName)) // whose lock goes with the process
	if err != nil {
		t.Fatal(err)
	}
	next := t.TempDir()
	if err := os.WriteFile(filepath.Join(next, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = opened(t, next)
	if aside := s.SetAside(); len(aside) != 1 {
		t.Errorf("set aside: %v", aside)
	}
}

// A file of the first version is read for ever: its format does not change unnoticed.
func TestTheFirstVersionIsRead(t *testing.T) {
	dir := t.TempDir()
	golden := filepath.Join("testdata", "version1.db")
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, m := opened(t, dir)
	if aside := s.SetAside(); aside != nil {
		t.Fatalf("set aside: %v", aside)
	}
	nba := full()
	nba.Recent = []policy.Decision{decided("nba", noon).Decision}
	want := engine.Memory{
		Time: noon, Overrides: []policy.Override{*override("nba")}, Events: []policy.Event{*event("1")},
		Pools:     map[string]engine.PoolMemory{"nba": nba},
		Emergency: policy.EmergencyState{"gpu": {Active: true, Cut: noon, Calm: noon, Failed: map[string]bool{"nba": true}, Over: map[string]int{"cpu": 2}, Sampled: map[string]time.Time{"cpu": noon}}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

// The journal is bounded by age and by number.
func TestTheJournalIsBounded(t *testing.T) {
	s, _ := opened(t, t.TempDir())
	for day := range 40 {
		at := noon.AddDate(0, 0, day)
		saved(t, s, engine.Change{Time: at, Decided: []engine.Decided{decided("nba", at), decided("nfl", at)}})
	}
	if all := s.journaled(t); len(all) != 2*31 || !all[0].Time.Equal(noon.AddDate(0, 0, 9)) {
		t.Errorf("%d entries: %+v", len(all), all)
	}
	if err := s.db.Update(func(tx *bbolt.Tx) error { return prune(tx, time.Time{}, 5) }); err != nil {
		t.Fatal(err)
	}
	if all := s.journaled(t); len(all) != 5 || all[0].Pool != "nfl" || !all[4].Time.Equal(noon.AddDate(0, 0, 39)) {
		t.Errorf("%d entries are left: %+v", len(all), all)
	}
}

// journaled returns all of the journal.
func (s *Store) journaled(t *testing.T) (all []Entry) {
	t.Helper()
	if err := s.db.View(func(tx *bbolt.Tx) error {
		return each(tx, journalBucket, func(_ string, e Entry) { all = append(all, e) })
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCalendarsAreKept(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, dir)
	games := Calendar{URL: "https://calendar.example/nba.ics", ETag: `"1"`, Data: []byte("BEGIN:VCALENDAR"), Good: noon}
	if err := s.PutCalendars(map[string]*Calendar{"games": &games, "old": &games}); err != nil {
		t.Fatal(err)
	}
	if err := s.PutCalendars(map[string]*Calendar{"old": nil}); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s, _ = opened(t, dir)
	got, err := s.Calendars()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Calendar{"games": games}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A directory that cannot be used is named, with what to do.
func TestADirectoryThatCannotBeUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(filepath.Join(file, "data"), noon); err == nil || !strings.Contains(err.Error(), "set storage.path to a directory that can be written") {
		t.Errorf("got %v", err)
	}
}
