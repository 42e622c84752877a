package rulefile

import (
	"slices"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/at"
	"github.com/rickar/cal/v2/be"
	"github.com/rickar/cal/v2/br"
	"github.com/rickar/cal/v2/ca"
	"github.com/rickar/cal/v2/ch"
	"github.com/rickar/cal/v2/de"
	"github.com/rickar/cal/v2/dk"
	"github.com/rickar/cal/v2/es"
	"github.com/rickar/cal/v2/fr"
	"github.com/rickar/cal/v2/gb"
	"github.com/rickar/cal/v2/ie"
	"github.com/rickar/cal/v2/it"
	"github.com/rickar/cal/v2/jp"
	"github.com/rickar/cal/v2/nl"
	"github.com/rickar/cal/v2/no"
	"github.com/rickar/cal/v2/nz"
	"github.com/rickar/cal/v2/pl"
	"github.com/rickar/cal/v2/se"
	"github.com/rickar/cal/v2/us"
	"github.com/rickar/cal/v2/za"
)

// national are the public holidays by the country's ISO 3166 code.
var national = map[string][]*cal.Holiday{
	"at": at.Holidays, "be": be.Holidays, "br": br.Holidays, "ca": ca.Holidays, "ch": ch.Holidays,
	"de": de.Holidays, "dk": dk.Holidays, "es": es.Holidays, "fr": fr.Holidays, "gb": gb.Holidays, "ie": ie.Holidays,
	"it": it.Holidays, "jp": jp.Holidays, "nl": nl.Holidays, "no": no.Holidays, "nz": nz.Holidays, "pl": pl.Holidays,
	"se": se.Holidays, "us": us.Holidays, "za": za.Holidays,
}

// holidays returns the days of the year before the one of now and of the two after
// it on which a pool's load is unlike its weekday, ascending and each once: the
// public holidays of countries and dates that are written out. Only their dates
// count.
func (l *loader) holidays(p pool) []time.Time {
	days := map[string]bool{}
	for _, name := range p.Forecast.Holidays {
		if _, err := time.Parse(time.DateOnly, name); err == nil {
			days[name] = true
			continue
		}
		country, ok := national[name]
		if !ok {
			l.Add(p.Forecast.At("holidays"), "pool %q: holidays: expected a country (%s) or a date like 2026-12-24, got %q", p.Name, known(national), name)
		}
		for _, h := range country {
			for year := l.Now.Year() - 1; year <= l.Now.Year()+2; year++ {
				if actual, _ := h.Calc(year); !actual.IsZero() {
					days[actual.Format(time.DateOnly)] = true
				}
			}
		}
	}
	var out []time.Time
	for text := range days {
		day, _ := time.Parse(time.DateOnly, text) // it was made by Format or parsed before
		out = append(out, day)
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}
