package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Entry is a decision of the journal.
type Entry struct {
	ID      string          `json:"id"`
	Pool    string          `json:"pool"`
	Time    time.Time       `json:"time"`
	Mode    policy.Mode     `json:"mode"`
	Current int             `json:"current"`
	Desired int             `json:"desired"`
	Demand  *float64        `json:"demand"` // null: it was not known
	Stages  policy.Stages   `json:"stages"`
	Reasons []policy.Reason `json:"reasons"`
	Rules   []string        `json:"rules"`
	Result  policy.Result   `json:"result"`
	Error   string          `json:"error,omitempty"`
}

func entryOf(d engine.Decided) Entry {
	e := Entry{
		ID: d.ID, Pool: d.Pool, Time: d.Time.UTC(), Mode: d.Mode, Current: d.Current, Desired: d.Desired, Stages: d.Stages,
		Reasons: d.Reasons, Rules: d.Rules, Result: d.Outcome.Result,
	}
	if !math.IsNaN(d.Demand) && !math.IsInf(d.Demand, 0) {
		e.Demand = &d.Demand
	}
	if d.Outcome.Err != nil {
		e.Error = d.Outcome.Err.Error()
	}
	return e
}

func (e Entry) decision() policy.Decision {
	d := policy.Decision{
		ID: e.ID, Pool: e.Pool, Time: e.Time, Mode: e.Mode, Current: e.Current, Known: true, Desired: e.Desired, Demand: math.NaN(),
		Stages: e.Stages, Reasons: e.Reasons, Rules: e.Rules,
	}
	if e.Demand != nil {
		d.Demand = *e.Demand
	}
	return d
}

// journalKey sorts by time. Times before 1970 sort as 1970.
func journalKey(at time.Time, pool string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(max(at.UnixNano(), 0))), pool...)
}

func journal(tx *bbolt.Tx, decided []engine.Decided) error {
	for _, d := range decided {
		if err := put(tx.Bucket(journalBucket), journalKey(d.Time, d.Pool), entryOf(d)); err != nil {
			return err
		}
	}
	return nil
}

// prune deletes what is older than the oldest that is kept, and the oldest of what is more
// than most.
func prune(tx *bbolt.Tx, oldest time.Time, most int) error {
	b := tx.Bucket(journalBucket)
	n := 0
	for c, key := cursor(b); key != nil; key, _ = c.Next() {
		n++
	}
	limit := journalKey(oldest, "")
	for c, key := cursor(b); key != nil && (n > most || bytes.Compare(key, limit) < 0); key, _ = c.First() {
		if err := c.Delete(); err != nil {
			return err
		}
		n--
	}
	return nil
}

func cursor(b *bbolt.Bucket) (*bbolt.Cursor, []byte) {
	c := b.Cursor()
	key, _ := c.First()
	return c, key
}

// recentDecisions returns the last decisions of each pool, the last one first.
func recentDecisions(tx *bbolt.Tx) (map[string][]policy.Decision, error) {
	const look = 20_000 // entries at most
	out := map[string][]policy.Decision{}
	c := tx.Bucket(journalBucket).Cursor()
	n := 0
	for key, data := c.Last(); key != nil && n < look; key, data = c.Prev() {
		n++
		e, err := decode(data)
		if err != nil {
			return nil, err
		}
		if len(out[e.Pool]) < recentKept {
			out[e.Pool] = append(out[e.Pool], e.decision())
		}
	}
	return out, nil
}

func decode(data []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("journal: %w", err)
	}
	return e, nil
}
