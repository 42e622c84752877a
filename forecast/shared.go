package forecast

// shared is what several models make of one series; the first that needs it makes it.
type shared struct {
	of       []float64 // values of the series
	logged   *logged
	split    *split
	profiled map[int]profiled // by kinds of days

	decomposers *decomposers
}

func newShared(of []float64) *shared { return &shared{of: of, decomposers: &decomposers{}} }

// sharing returns the series with a place for what models share. Only one
// goroutine may fit models to it at a time. Some go on to share what they learn: all have
// to be fitted before one is updated, and then to follow the same values.
func (s Series) sharing() Series {
	s.shared = newShared(s.Values)
	return s
}

// ofAll returns the place for what models share of just these values.
func (s Series) ofAll() *shared {
	if s.shared != nil && len(s.Values) > 0 && len(s.shared.of) == len(s.Values) && &s.shared.of[0] == &s.Values[0] {
		return s.shared
	}
	return newShared(s.Values)
}
