package forecast

import "fmt"

// plain forecasts without any season, by an autoregression around a level or by
// simple exponential smoothing. Such models are floors: a load without a pattern
// is forecast by them best.
//
// Fewer than eight known values are too short; missing values teach nothing; a
// constant series is forecast exactly; negative values need no care.
type plain struct {
	name string
	rest remainder
}

func (m plain) Name() string { return m.name }

func (m plain) empty(at clock) stored { return &patterned{clock: at, rest: m.rest.empty()} }

func (m plain) Fit(s Series) (Fitted, error) { return m.refit(s, nil) }

func (m plain) refit(s Series, last Fitted) (Fitted, error) {
	const least = 8
	if s.known() < least {
		return nil, fmt.Errorf("%s: %w: %d values, needs %d", m.name, ErrTooShort, s.known(), least)
	}
	rest, err := m.rest.fit(s.Values, s.Step, restOf(last))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	return &patterned{clock: s.clock(s.End()), rest: rest}, nil
}
