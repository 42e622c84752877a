package store

import (
	"time"

	"go.etcd.io/bbolt"
)

// Calendar is the last good copy of a calendar.
type Calendar struct {
	URL, ETag string
	Data      []byte
	Good      time.Time // when it was known to be right
}

// Calendars returns the copies by event source.
func (s *Store) Calendars() (map[string]Calendar, error) {
	out := map[string]Calendar{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return each(tx, calendarBucket, func(source string, c Calendar) { out[source] = c })
	})
	return out, err
}

// PutCalendars keeps copies, and forgets those that are nil.
func (s *Store) PutCalendars(copies map[string]*Calendar) error {
	return s.update(func(tx *bbolt.Tx) error { return putAll(tx, calendarBucket, copies) })
}
