package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/internal/store"
	"github.com/scaling-adapter/scaling-adapter/rulefile"
)

// calendars fetches calendars and keeps the last good copy of each, so that an
// outage of a calendar's server costs no events.
type calendars struct {
	client *http.Client
	now    func() time.Time
	ctx    context.Context // of all requests
	stop   func()          // ends those that are under way, and all later ones

	// keep is told the copies that are new, and with nil those that nobody wants any more.
	keep func(map[string]*store.Calendar)

	mu     sync.Mutex          // not held while a calendar is fetched
	copies map[string]calendar // by event source
}

type calendar struct {
	url   string
	data  []byte // last good copy; nil: there is none
	etag  string
	asked time.Time // when the last reload wanted it
	tried time.Time
	good  time.Time // when the copy was known to be right; zero: never
	err   error     // of the last try
}

const (
	calendarEvery   = 15 * time.Minute // between two tries
	calendarPause   = 15 * time.Second // at least, also when somebody asks for a reload
	calendarTimeout = 10 * time.Second
	calendarBytes   = 16 << 20
)

func newCalendars(now func() time.Time) *calendars {
	ctx, stop := context.WithCancel(context.Background())
	return &calendars{client: &http.Client{Timeout: calendarTimeout}, now: now, ctx: ctx, stop: stop, copies: map[string]calendar{}, keep: func(map[string]*store.Calendar) {}}
}

// restore takes the copies that were kept before the process began.
func (c *calendars) restore(copies map[string]store.Calendar) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for source, kept := range copies {
		c.copies[source] = calendar{url: kept.URL, data: kept.Data, etag: kept.ETag, good: kept.Good}
	}
}

// fetch returns the calendar of an event source, at most [calendarEvery] old if its
// server answers. An error comes with the last good copy, if there is one. It is called by
// one goroutine at a time.
func (c *calendars) fetch(source, url string) ([]byte, error) {
	now := c.now()
	last := c.copyOf(source)
	if last.url != url {
		last = calendar{url: url}
	}
	last.asked = now
	if last.tried.IsZero() || now.Sub(last.tried) >= calendarEvery || now.Before(last.tried) {
		last.tried = now
		if last.err = c.get(&last); last.err == nil {
			last.good = now
			c.keep(map[string]*store.Calendar{source: {URL: url, ETag: last.etag, Data: last.data, Good: now}})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copies[source] = last
	return last.data, last.err
}

func (c *calendars) copyOf(source string) calendar {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.copies[source]
}

// expire makes the next reload fetch anew what was not fetched just now.
func (c *calendars) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for source, last := range c.copies {
		if c.now().Sub(last.tried) >= calendarPause {
			last.tried = time.Time{}
			c.copies[source] = last
		}
	}
}

// forget forgets the calendars that no reload has wanted since.
func (c *calendars) forget(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := map[string]*store.Calendar{}
	maps.DeleteFunc(c.copies, func(source string, last calendar) bool {
		unwanted := last.asked.Before(since)
		if unwanted {
			gone[source] = nil
		}
		return unwanted
	})
	if len(gone) > 0 {
		c.keep(gone)
	}
}

// get replaces the copy by a newer one.
func (c *calendars) get(last *calendar) error {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, last.url, nil)
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

var (
	calendarUp   = prometheus.NewDesc("scaling_adapter_calendar_up", "1 if a calendar by URL could be fetched when it was tried last; its last good copy counts otherwise.", []string{"source"}, nil)
	calendarGood = prometheus.NewDesc("scaling_adapter_calendar_last_success_timestamp_seconds", "When a calendar by URL was last fetched.", []string{"source"}, nil)
)

// Describe implements [prometheus.Collector].
func (c *calendars) Describe(ch chan<- *prometheus.Desc) {
	ch <- calendarUp
	ch <- calendarGood
}

// Collect implements [prometheus.Collector].
func (c *calendars) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for source, last := range c.copies {
		up := 0.0
		if last.err == nil {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(calendarUp, prometheus.GaugeValue, up, source)
		if !last.good.IsZero() {
			ch <- prometheus.MustNewConstMetric(calendarGood, prometheus.GaugeValue, float64(last.good.Unix()), source)
		}
	}
}
