package forecast

import (
	"fmt"
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast/stl"
)

// decomposed splits the series by MSTL into seasons of the day and the week and
// a rest, forecasts the rest by another model and repeats the last seasons:
//
//	z(t) = S_day(t) + S_week(t) + u(t),   ẑ(t+h) = S_day(t+h−…) + S_week(t+h−…) + û(t+h)
//
// It follows trends and shifts of the level sooner than models of fixed patterns.
//
// A decomposition takes a part of the newest deviations for a season. So the last
// four hours are not decomposed: the rest follows them with the seasons before.
//
// A series of less than two days is too short; the week is left out of less than
// two weeks; missing values are filled in; a constant series is forecast exactly;
// negative values need no care.
//
// # References
//
// Bandara, Hyndman and Bergmeir, arXiv:2107.13462 (2021). See [stl.Multiple].
type decomposed struct {
	name string
	rest remainder
}

// Decomposed is MSTL with an ARIMA model of the rest, chosen by [arima.Auto]. It
// is not in the default bank: it costs a hundred times what [DefaultModels] cost
// and the bank's autoregressions do as well.
func Decomposed(name string) Model { return decomposed{name, byARIMA()} }

func (m decomposed) Name() string { return m.name }

func (m decomposed) empty(at clock) stored { return &patterned{clock: at, rest: m.rest.empty()} }

func (m decomposed) Fit(s Series) (Fitted, error) { return m.refit(s, nil) }

// followed is the end of the series that is not decomposed.
const followed = 4 * time.Hour

func (m decomposed) refit(s Series, last Fitted) (Fitted, error) {
	head := max(s.Len()-int(followed/s.Step), 0)
	f, err := m.decompose(s.head(head), last)
	if err != nil {
		return nil, err
	}
	for _, z := range s.Values[head:] {
		f.Update(z)
	}
	return f, nil
}

func (m decomposed) decompose(s Series, last Fitted) (*patterned, error) {
	perDay := int(day / s.Step)
	if perDay < 2 || s.known() < perDay {
		return nil, fmt.Errorf("%s: %w: %d values of %s", m.name, ErrTooShort, s.known(), s.Step)
	}
	z, slot := s.civil()
	z = filled(z, perDay)
	d, err := stl.Multiple(z, []int{perDay, 7 * perDay}, stl.MultipleOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", m.name, ErrTooShort, err)
	}
	f := &patterned{clock: s.clock(s.End())}
	u := append([]float64(nil), z...)
	for i, period := range d.Periods {
		season := d.Seasonal[i]
		table := make([]float32, period)
		for j := len(z) - period; j < len(z); j++ {
			table[(slot+j)%period] = float32(season[j])
		}
		f.patterns = append(f.patterns, pattern{time.Duration(period) * s.Step, table})
		for j, x := range season {
			u[j] -= x
		}
	}
	if f.rest, err = m.rest.fit(u, s.Step, restOf(last)); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	return f, nil
}
