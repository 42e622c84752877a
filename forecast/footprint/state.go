package footprint

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// State is all that an estimator has learned, as plain numbers that are finite. Rows
// hold utilisation and then the agents of each column.
type State struct {
	At              time.Time // of the last observation
	Age             float64   // half-lives that observations span
	Weight, Weight2 float64   // Σ w, Σ w²
	Pools           []Pool    // in the order in which they were seen first
	Columns         []Column  // one for each pool, or one for all
	Level           []float64 // mean row of late
	LevelWeight     float64
	Plain           Moments   // of the rows less the level
	Last            []float64 // row less the level, exponentially smoothed
	Smooth          Moments   // of those, once the beginning has faded
	SmoothWeight    float64   // Σ w over those
	// Left is what smoothing leaves of the variance of white noise, and LeftSum is
	// Σ w·Left over those.
	Left, LeftSum float64
}

// Pool is a pool as it was observed last.
type Pool struct {
	Name   string
	Agents float64
}

// Column is what is known of the agents of a pool, or of all.
type Column struct {
	Changes float64 // Σ w over the observations with another number than before
	Square2 float64 // Σ w²·z²
}

// add takes in a row of weight 1, some half-lives after the last. scratch is room for
// a row.
func (s *State) add(row []float64, elapsed float64, scratch []float64) {
	keep := math.Exp2(-elapsed)
	s.Age = min(s.Age+elapsed, mostSum)
	s.Weight = keep*s.Weight + 1
	s.Weight2 = keep*keep*s.Weight2 + 1
	s.LevelWeight = math.Exp(-elapsed/drifting)*s.LevelWeight + 1
	z := scratch
	for i, v := range row {
		s.Level[i] += (v - s.Level[i]) / s.LevelWeight
		z[i] = v - s.Level[i]
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		c.Square2 = keep*keep*c.Square2 + z[1+i]*z[1+i]
	}
	s.Plain.add(z, keep, s.Weight)

	part := -math.Expm1(-elapsed / smoothing)
	for i, v := range z {
		s.Last[i] += part * (v - s.Last[i])
	}
	s.Left = (1-part)*(1-part)*s.Left + part*part
	if s.Age > 2*smoothing {
		s.SmoothWeight = keep*s.SmoothWeight + 1
		s.LeftSum = keep*s.LeftSum + s.Left
		s.Smooth.add(s.Last, keep, s.SmoothWeight)
	}
}

// common reports whether all pools share a column.
func (s *State) common() bool { return len(s.Pools) > mostPools }

// enter adds a pool that has had as many agents all the time.
func (s *State) enter(p Pool) {
	common := s.common()
	s.Pools = append(s.Pools, p)
	if common {
		s.Level[1] += p.Agents
		return
	}
	s.split(p)
	if s.common() {
		s.unite()
	}
}

// leave removes a pool.
func (s *State) leave(pool string) {
	i := slices.IndexFunc(s.Pools, func(p Pool) bool { return p.Name == pool })
	if i < 0 {
		return
	}
	common, agents := s.common(), s.Pools[i].Agents
	s.Pools = slices.Delete(s.Pools, i, i+1)
	switch {
	case !common:
		s.remove(i)
	case s.common():
		s.Level[1] -= agents
	default:
		s.remove(0)
		for _, p := range s.Pools {
			s.split(p)
		}
	}
}

// split gives a pool that was constant a column of its own.
func (s *State) split(p Pool) {
	s.Columns = append(s.Columns, Column{})
	s.Level = append(s.Level, p.Agents)
	s.Last = append(s.Last, 0)
	s.Plain.grow()
	s.Smooth.grow()
}

// remove forgets a column.
func (s *State) remove(column int) {
	s.Columns = slices.Delete(s.Columns, column, column+1)
	s.Level = slices.Delete(s.Level, 1+column, 2+column)
	s.Last = slices.Delete(s.Last, 1+column, 2+column)
	s.Plain.remove(1 + column)
	s.Smooth.remove(1 + column)
}

// unite puts the sum of all columns in their place. Of how late they changed and how
// often it keeps the most.
func (s *State) unite() {
	var all Column
	recent := 0.0
	for i, c := range s.Columns {
		all.Changes = max(all.Changes, c.Changes)
		recent = max(recent, s.recent(i))
	}
	s.Plain.unite()
	s.Smooth.unite()
	s.Columns, s.Level, s.Last = []Column{all}, united(s.Level), united(s.Last)
	s.Columns[0].Square2 = recent * s.Plain.square(1, s.Weight)
}

// recent returns Σ w²z²/Σ wz² of a column: near 1 if the agents began to change a
// short time ago, 1/2 if they always did, 0 if never.
func (s *State) recent(column int) float64 {
	square := s.Plain.square(1+column, s.Weight)
	if !(square > 0) {
		return 0
	}
	return min(s.Columns[column].Square2/square, 1)
}

// State returns a copy of what the estimator has learned, to be given to [Restore].
func (e *Estimator) State() State { return e.state.clone() }

// Restore returns an estimator that has learned a state. The half-life may be
// another than before. A state that no estimator has is an error.
func Restore(s State, halfLife time.Duration) (*Estimator, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("footprint: state: %w", err)
	}
	e := New(halfLife)
	e.state = s.clone()
	e.resize()
	return e, nil
}

func (s *State) clone() State {
	c := *s
	c.Pools, c.Columns = slices.Clone(s.Pools), slices.Clone(s.Columns)
	c.Level, c.Last = slices.Clone(s.Level), slices.Clone(s.Last)
	c.Plain, c.Smooth = s.Plain.clone(), s.Smooth.clone()
	return c
}

const mostSum = 1e30 // no sum of squares of agents comes near

// check returns an error if sizes do not fit or a number is out of range.
func (s *State) check() error {
	columns := len(s.Pools)
	if s.common() {
		columns = 1
	}
	if rows := 1 + columns; len(s.Columns) != columns || len(s.Level) != rows || len(s.Last) != rows || !s.Plain.holds(rows) || !s.Smooth.holds(rows) {
		return fmt.Errorf("%d pools do not go with %d columns, rows of %d and %d, and means and sums of %d, %d, %d and %d", len(s.Pools), len(s.Columns),
			len(s.Level), len(s.Last), len(s.Plain.Mean), len(s.Plain.Sums), len(s.Smooth.Mean), len(s.Smooth.Sums))
	}
	sums := []float64{s.Age, s.Weight, s.Weight2, s.LevelWeight, s.SmoothWeight, s.Left, s.LeftSum}
	names := map[string]bool{}
	for _, p := range s.Pools {
		if names[p.Name] {
			return fmt.Errorf("pool %q is there twice", p.Name)
		}
		names[p.Name] = true
		sums = append(sums, p.Agents)
	}
	for _, c := range s.Columns {
		sums = append(sums, c.Changes, c.Square2)
	}
	for _, v := range slices.Concat(sums, s.Level, s.Last, s.Plain.Mean, s.Plain.Sums, s.Smooth.Mean, s.Smooth.Sums) {
		if !(math.Abs(v) <= mostSum) {
			return fmt.Errorf("%v where a number is expected", v)
		}
	}
	if least := slices.Min(sums); least < 0 {
		return fmt.Errorf("%v where a number that is not negative is expected", least)
	}
	empty := s.Weight == 0 && len(s.Pools) == 0
	if !empty && !(1 <= s.Weight2 && s.Weight2 <= s.Weight && 1 <= s.LevelWeight && s.LeftSum <= s.SmoothWeight && s.SmoothWeight <= s.Weight) {
		return fmt.Errorf("the weights %v, %v, %v, %v and %v do not go together", s.Weight, s.Weight2, s.LevelWeight, s.SmoothWeight, s.LeftSum)
	}
	return nil
}
