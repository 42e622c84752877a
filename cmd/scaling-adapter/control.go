package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
)

func warn(out *output, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintf(out.Stderr, "warning: %s\n", plain(w))
	}
}

// grid prints lines of cells below each other.
func grid(w io.Writer, lines [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, cells := range lines {
		line := strings.TrimRight(strings.Join(cells, "\t"), "\t ")
		fmt.Fprintln(t, line)
	}
	return t.Flush()
}

// plain returns a text from outside without what a terminal would act on.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
}

// cell returns a text that fits into a table.
func cell(text string) string {
	const most = 48
	letters := []rune(plain(text))
	if len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return string(letters)
}

// instant is a time that a person writes.
type instant struct{ time.Time }

// UnmarshalText reads an instant: with an offset, on the clock of this machine, or
// the next time that this clock shows the hour.
func (t *instant) UnmarshalText(text []byte) error { return t.parse(string(text), time.Now()) }

func (t *instant) parse(text string, now time.Time) error {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			t.Time = at
			return nil
		}
	}
	hour, err := time.Parse("15:04", text)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 18:30, \"2026-11-12 18:30\" or 2026-11-12T18:30:00Z", text)
	}
	day := now
	for !t.After(now) {
		t.Time = time.Date(day.Year(), day.Month(), day.Day(), hour.Hour(), hour.Minute(), 0, 0, now.Location())
		day = day.AddDate(0, 0, 1)
	}
	return nil
}

// text is what is sent; empty if the flag is not there.
func (t instant) text() string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// clock tells an instant on the clock of this machine.
func clock(t time.Time) string { return t.Local().Format("Mon 2 Jan 2006 15:04 MST") }

// listed tells an instant in a table: what is listed is at most months away.
func listed(t time.Time) string { return t.Local().Format("Mon _2 Jan 15:04 MST") }

// during is how long something holds, as flags say it.
type during struct {
	Start instant  `name:"start" placeholder:"TIME" help:"When it begins, such as 18:30 or \"2026-11-12 18:30\" on this machine's clock, or 2026-11-12T18:30:00Z. Without it: now."`
	For   duration `name:"for" xor:"end" placeholder:"DURATION" help:"How long it lasts, such as 90m or 2h."`
	Until instant  `name:"until" xor:"end" placeholder:"TIME" help:"When it ends."`
}

// duration is a length of time as Prometheus writes it, sent as it was written.
type duration string

// UnmarshalText reads a length of time.
func (d *duration) UnmarshalText(text []byte) error {
	if _, err := model.ParseDuration(string(text)); err != nil {
		return err
	}
	*d = duration(text)
	return nil
}
