package forecast

import (
	"fmt"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"

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
	d, err := s.split()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	f := &patterned{clock: s.clock(d.end), patterns: d.seasons}
	if f.rest, err = m.rest.fit(d.rest, s.Step, restOf(last)); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	for _, z := range s.Values[s.Index(d.end):] {
		f.Update(z)
	}
	return f, nil
}

// split is a series decomposed into seasons and a rest, but for the last hours.
type split struct {
	seasons []pattern // as they were last; nobody writes to them
	rest    []float64 // on the grid of the local wall clock
	end     time.Time
}

// decomposers are those that a series and its logarithm share.
type decomposers struct{ last *stl.MultipleDecomposer }

func (s *shared) decompose(z []float64, perDay int) (stl.MultipleDecomposition, error) {
	if s.decomposers.last == nil {
		d, err := stl.NewMultipleDecomposer(len(z), []int{perDay, 7 * perDay}, stl.MultipleOptions{})
		if err != nil {
			return stl.MultipleDecomposition{}, err
		}
		s.decomposers.last = d
	}
	return s.decomposers.last.Decompose(z)
}

func (s Series) split() (*split, error) {
	all := s.ofAll()
	if all.split != nil {
		return all.split, nil
	}
	s = s.head(max(s.Len()-int(followed/s.Step), 0))
	perDay := int(day / s.Step)
	if perDay < 2 || s.known() < perDay {
		return nil, fmt.Errorf("%w: %d values of %s", ErrTooShort, s.known(), s.Step)
	}
	z, slot := s.civil()
	z = filled(z, perDay)
	d, err := all.decompose(z, perDay)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTooShort, err)
	}
	f := &split{rest: slices.Clone(z), end: s.End()}
	for i, period := range d.Periods {
		season := d.Seasonal[i]
		table := make([]float64, period)
		for j := len(z) - period; j < len(z); j++ {
			table[(slot+j)%period] = season[j]
		}
		f.seasons = append(f.seasons, newPattern(time.Duration(period)*s.Step, table))
		floats.Sub(f.rest, season)
	}
	all.split = f
	return f, nil
}
