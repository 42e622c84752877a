// Package store keeps what must outlive the process in one bbolt file: overrides and
// events that were told, what pools remember, a journal of decisions and the last good
// copies of calendars.
//
// A file that cannot be read is set aside, not deleted: while it is there the daemon is in
// safe mode, in which no pool is lowered.
package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
	"github.com/scaling-adapter/scaling-adapter/policy/budget"
)

const (
	fileName   = "state.db"
	setAside   = ".quarantine-"
	version    = 1 // of what is in the file
	lockWait   = time.Second
	recentKept = 50 // decisions of a pool that are read back
)

// How much of the journal is kept.
const (
	journalAge  = 30 * 24 * time.Hour
	journalMost = 200_000
	pruneEvery  = time.Hour
)

var (
	metaBucket     = []byte("meta")
	overrideBucket = []byte("overrides") // by pool
	eventBucket    = []byte("events")    // by ID
	poolBucket     = []byte("pools")     // by name
	journalBucket  = []byte("journal")   // by time and pool
	calendarBucket = []byte("calendars") // by event source

	buckets = [][]byte{metaBucket, overrideBucket, eventBucket, poolBucket, journalBucket, calendarBucket}

	// Of the meta bucket.
	versionKey, timeKey, emergencyKey = []byte("version"), []byte("time"), []byte("emergency")
)

// Store is an open file. Its methods may be called by several goroutines.
type Store struct {
	db     *bbolt.DB
	dir    string
	pruned time.Time

	mu     sync.Mutex // held while the file is changed
	broken error      // why it is left alone; nil if it is not
}

// Open opens the state in a directory, which is made if it is not there, and returns what
// is in it. An error says that the directory or the file cannot be used at all, or that
// another process uses it. Why a file was set aside is told by [Store.SetAside].
func Open(dir string, now time.Time) (*Store, engine.Memory, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, engine.Memory{}, fmt.Errorf("storage: %w; set storage.path to a directory that can be written", err)
	}
	name := filepath.Join(dir, fileName)
	s, memory, err := open(dir, name)
	if damage, damaged := errors.AsType[damaged](err); damaged {
		aside := name + setAside + now.UTC().Format("20060102T150405Z")
		if err := os.Rename(name, aside); err != nil {
			return nil, engine.Memory{}, fmt.Errorf("storage: %s is damaged (%w) and cannot be set aside: %w", name, damage, err)
		}
		s, memory, err = open(dir, name)
	}
	return s, memory, err
}

// damaged is why a file cannot be read.
type damaged struct{ error }

func (d damaged) Unwrap() error { return d.error }

// open opens the file and reads all of it, so that what is damaged shows now.
func open(dir, name string) (*Store, engine.Memory, error) {
	db, err := openFile(name, false)
	if err != nil {
		return nil, engine.Memory{}, err
	}
	var memory engine.Memory
	err = guarded(func() error {
		if err := db.Update(prepare); err != nil {
			return fmt.Errorf("storage: prepare %s: %w", name, err)
		}
		return db.View(func(tx *bbolt.Tx) (err error) {
			memory, err = whole(tx)
			return err
		})
	})
	if err != nil {
		return nil, engine.Memory{}, errors.Join(err, db.Close())
	}
	return &Store{db: db, dir: dir}, memory, nil
}

// openFile opens a file that no other process uses. Of a new one that cannot be written
// whole, since the disk is full, nothing stays: half a file would be taken for a damaged one.
func openFile(name string, readOnly bool) (db *bbolt.DB, err error) {
	_, missing := os.Stat(name)
	err = guarded(func() error {
		db, err = bbolt.Open(name, 0o640, &bbolt.Options{Timeout: lockWait, ReadOnly: readOnly})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("storage: %s is used by another process; stop it, or give this one a storage.path of its own", name)
	case err != nil && errors.Is(missing, fs.ErrNotExist) && !readOnly:
		return nil, errors.Join(fmt.Errorf("storage: make %s: %w", name, err), removed(name))
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum),
		err != nil && strings.Contains(err.Error(), "file size too small"):
		return nil, damaged{err}
	case err != nil:
		return nil, fmt.Errorf("storage: open %s: %w", name, err)
	}
	return db, nil
}

// removed removes a file that may not be there.
func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// guarded does what reads a file. A file that is damaged may show as a panic, one that was
// cut off as a fault of memory.
func guarded(do func() error) (err error) {
	debug.SetPanicOnFault(true) // of this goroutine
	defer debug.SetPanicOnFault(false)
	defer func() {
		if r := recover(); r != nil {
			err = damaged{fmt.Errorf("panic: %v", r)}
		}
	}()
	return do()
}

// whole returns what is in a file that is whole.
func whole(tx *bbolt.Tx) (engine.Memory, error) {
	for err := range tx.Check() {
		return engine.Memory{}, damaged{err}
	}
	if err := checkVersion(tx); err != nil {
		return engine.Memory{}, err
	}
	memory, err := read(tx)
	if err != nil {
		return engine.Memory{}, damaged{err}
	}
	return memory, nil
}

// prepare makes the buckets of a new file.
func prepare(tx *bbolt.Tx) error {
	if tx.Bucket(metaBucket) != nil {
		return nil
	}
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return tx.Bucket(metaBucket).Put(versionKey, binary.BigEndian.AppendUint32(nil, version))
}

// checkVersion says whether this program can read what is in the file.
func checkVersion(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return damaged{errors.New("it is not a state of ours")}
	}
	told := meta.Get(versionKey)
	if len(told) != 4 {
		return damaged{errors.New("it tells no version")}
	}
	if found := binary.BigEndian.Uint32(told); found != version {
		return damaged{fmt.Errorf("it is of version %d, and this program knows %d", found, version)}
	}
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return damaged{fmt.Errorf("bucket %s is missing", name)}
		}
	}
	return nil
}

// Close closes the file.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	return s.db.Close()
}

// update changes the file. Pages that turn out to be damaged, or that the disk does not give
// any more, are a panic or a fault of memory, after which bbolt keeps its locks. So the file
// is left alone then: nobody waits for them, and the next start looks at all of it.
func (s *Store) update(change func(*bbolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	err := guarded(func() error { return s.db.Update(change) })
	if _, broken := errors.AsType[damaged](err); broken {
		s.broken = fmt.Errorf("storage: %s is damaged (%w); nothing is saved any more, restart to begin a new one", s.db.Path(), err)
		return s.broken
	}
	return err
}

// SetAside returns the files that were set aside because they cannot be read, and are
// still there.
func (s *Store) SetAside() []string { return SetAside(s.dir) }

// SetAside returns the files in a directory that were set aside.
func SetAside(dir string) []string {
	names, _ := filepath.Glob(filepath.Join(dir, fileName+setAside+"*")) // the pattern is ours
	slices.Sort(names)
	return names
}

// read returns what is in the file.
func read(tx *bbolt.Tx) (engine.Memory, error) {
	m := engine.Memory{Pools: map[string]engine.PoolMemory{}, Emergency: policy.EmergencyState{}}
	if told := tx.Bucket(metaBucket).Get(timeKey); told != nil {
		if err := m.Time.UnmarshalText(told); err != nil {
			return m, fmt.Errorf("time of the last tick: %w", err)
		}
	}
	err := errors.Join(
		each(tx, overrideBucket, func(_ string, o policy.Override) { m.Overrides = append(m.Overrides, o) }),
		each(tx, eventBucket, func(_ string, ev policy.Event) { m.Events = append(m.Events, ev) }),
		each(tx, poolBucket, func(name string, p poolRecord) {
			m.Pools[name] = engine.PoolMemory{State: p.State, Spending: p.Spending}
		}),
	)
	if told := tx.Bucket(metaBucket).Get(emergencyKey); told != nil {
		err = errors.Join(err, json.Unmarshal(told, &m.Emergency))
	}
	if err != nil {
		return m, err
	}
	recent, err := recentDecisions(tx)
	for name, p := range m.Pools {
		p.Recent = recent[name]
		m.Pools[name] = p
	}
	return m, err
}

// each decodes what is in a bucket.
func each[T any](tx *bbolt.Tx, bucket []byte, use func(key string, value T)) error {
	return tx.Bucket(bucket).ForEach(func(key, data []byte) error {
		var value T
		if err := json.Unmarshal(data, &value); err != nil {
			return fmt.Errorf("%s, %q: %w", bucket, key, err)
		}
		use(string(key), value)
		return nil
	})
}

// Save implements [engine.Store].
func (s *Store) Save(c engine.Change) error {
	return s.update(func(tx *bbolt.Tx) error {
		err := errors.Join(
			putAll(tx, overrideBucket, c.Overrides),
			putAll(tx, eventBucket, c.Events),
			putPools(tx, c.Pools),
			journal(tx, c.Decided),
		)
		if c.Emergency != nil {
			err = errors.Join(err, put(tx.Bucket(metaBucket), emergencyKey, c.Emergency))
		}
		if err != nil || c.Time.IsZero() {
			return err
		}
		told, err := c.Time.MarshalText()
		if err != nil {
			return err
		}
		if c.Time.Sub(s.pruned) >= pruneEvery || c.Time.Before(s.pruned) {
			s.pruned = c.Time
			if err := prune(tx, c.Time.Add(-journalAge), journalMost); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(timeKey, told)
	})
}

// putAll puts values by their keys, and deletes those that are nil.
func putAll[T any](tx *bbolt.Tx, bucket []byte, values map[string]*T) error {
	b := tx.Bucket(bucket)
	for key, value := range values {
		if value == nil {
			if err := b.Delete([]byte(key)); err != nil {
				return err
			}
			continue
		}
		if err := put(b, []byte(key), value); err != nil {
			return err
		}
	}
	return nil
}

func put(b *bbolt.Bucket, key []byte, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	return b.Put(key, data)
}

func putPools(tx *bbolt.Tx, pools map[string]engine.PoolMemory) error {
	for name, m := range pools {
		if err := put(tx.Bucket(poolBucket), []byte(name), poolRecord{m.State, m.Spending}); err != nil {
			return err
		}
	}
	return nil
}

// poolRecord is what is kept of a pool besides the journal.
type poolRecord struct {
	State    policy.State
	Spending map[string]budget.State
}
