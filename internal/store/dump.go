package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Dump is all of a state, to be exported and imported.
type Dump struct {
	Version   int                        `json:"version"`
	Time      time.Time                  `json:"time"` // of the last tick; zero: there was none
	Overrides map[string]policy.Override `json:"overrides"`
	Events    map[string]policy.Event    `json:"events"`
	Pools     map[string]poolRecord      `json:"pools"`
	Emergency policy.EmergencyState      `json:"emergency"`
	Journal   []Entry                    `json:"journal"`
	Calendars map[string]Calendar        `json:"calendars"`
}

// ErrNoState says that a directory has no state.
var ErrNoState = errors.New("there is no state")

// Export returns what is in a directory, which no other process may use meanwhile. It
// changes nothing.
func Export(dir string) (d Dump, err error) {
	name := filepath.Join(dir, fileName)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return d, fmt.Errorf("%w: %s does not exist", ErrNoState, name)
	}
	db, err := openFile(name, true)
	if err != nil {
		return d, told(name, err)
	}
	err = guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			m, err := whole(tx)
			if err != nil {
				return err
			}
			d = Dump{
				Version: version, Time: m.Time, Overrides: map[string]policy.Override{}, Events: map[string]policy.Event{}, Pools: map[string]poolRecord{},
				Emergency: m.Emergency, Journal: []Entry{}, Calendars: map[string]Calendar{},
			}
			for _, o := range m.Overrides {
				d.Overrides[o.Pool] = o
			}
			for _, e := range m.Events {
				d.Events[e.ID] = e
			}
			for name, p := range m.Pools {
				d.Pools[name] = poolRecord{p.State, p.Spending}
			}
			return errors.Join(
				each(tx, journalBucket, func(_ string, e Entry) { d.Journal = append(d.Journal, e) }),
				each(tx, calendarBucket, func(source string, c Calendar) { d.Calendars[source] = c }),
			)
		})
	})
	return d, errors.Join(told(name, err), db.Close())
}

// told names a file that is damaged.
func told(name string, err error) error {
	if _, isDamaged := errors.AsType[damaged](err); isDamaged {
		return fmt.Errorf("%s is damaged: %w", name, err)
	}
	return err
}

// Import makes the state of a directory that has none.
func Import(dir string, d Dump) error {
	name := filepath.Join(dir, fileName)
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("%s exists; move it away first", name)
	}
	if d.Version != version {
		return fmt.Errorf("the export is of version %d, and this program knows %d", d.Version, version)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	// Beside the place it belongs to, so that nothing half is ever there.
	draft := name + ".import"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := openFile(draft, false)
	if err != nil {
		return err
	}
	if err := errors.Join(db.Update(d.write), db.Close()); err != nil {
		return errors.Join(err, os.Remove(draft))
	}
	return os.Rename(draft, name)
}

func (d Dump) write(tx *bbolt.Tx) error {
	if err := prepare(tx); err != nil {
		return err
	}
	told, err := d.Time.MarshalText()
	if err != nil {
		return err
	}
	meta := tx.Bucket(metaBucket)
	errs := []error{meta.Put(timeKey, told), put(meta, emergencyKey, d.Emergency)}
	for _, e := range d.Journal {
		errs = append(errs, put(tx.Bucket(journalBucket), journalKey(e.Time, e.Pool), e))
	}
	return errors.Join(append(errs,
		putEach(tx, overrideBucket, d.Overrides), putEach(tx, eventBucket, d.Events),
		putEach(tx, poolBucket, d.Pools), putEach(tx, calendarBucket, d.Calendars),
	)...)
}

func putEach[T any](tx *bbolt.Tx, bucket []byte, values map[string]T) error {
	for key, value := range values {
		if err := put(tx.Bucket(bucket), []byte(key), value); err != nil {
			return err
		}
	}
	return nil
}
