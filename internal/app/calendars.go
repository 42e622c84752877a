package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// calendars fetches calendars and keeps the last good copy of each, so that an
// outage of a calendar's server costs no events.
type calendars struct {
	client *http.Client
	now    func() time.Time

	mu     sync.Mutex
	copies map[string]*calendar
}

type calendar struct {
	data  []byte // last good copy; nil: there is none
	etag  string
	tried time.Time
	err   error // of the last try
}

const (
	calendarEvery   = 15 * time.Minute // between two tries
	calendarTimeout = 10 * time.Second
	calendarBytes   = 16 << 20
)

func newCalendars(now func() time.Time) *calendars {
	return &calendars{client: &http.Client{Timeout: calendarTimeout}, now: now, copies: map[string]*calendar{}}
}

// fetch returns what is at the URL, at most [calendarEvery] old if its server
// answers. An error comes with the last good copy, if there is one.
func (c *calendars) fetch(url string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.copies[url]
	if last == nil {
		last = &calendar{}
		c.copies[url] = last
	}
	if now := c.now(); last.tried.IsZero() || now.Sub(last.tried) >= calendarEvery || now.Before(last.tried) {
		last.tried = now
		last.err = c.get(url, last)
	}
	return last.data, last.err
}

// get replaces the copy by a newer one.
func (c *calendars) get(url string, last *calendar) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if last.data != nil && last.etag != "" {
		request.Header.Set("If-None-Match", last.etag)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is only read
	switch {
	case response.StatusCode == http.StatusNotModified && last.data != nil:
		return nil
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("answered %s", response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, calendarBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(data) > calendarBytes:
		return fmt.Errorf("has more than %d bytes", calendarBytes)
	}
	if err := rulefile.CheckCalendar(data); err != nil {
		return err
	}
	last.data, last.etag = data, response.Header.Get("ETag")
	return nil
}
