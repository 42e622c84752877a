package policy

import (
	"fmt"
	"math"
	"time"
)

// Signal names one series of a Prometheus server: the text of a PromQL
// expression and the labels that pick one series out of its answer. Many pools
// share one expression; the labels tell them apart. An empty Match takes the
// answer's only series.
type Signal struct {
	Query string
	Match map[string]string
}

// Quality says how far a sample can be trusted. Only [OK] may lower a pool.
type Quality int

// The six things a measurement can be. They are never mixed up: an answer
// without the series is not a zero, and neither is a NaN.
const (
	Empty   Quality = iota // the series is not in the answer; the zero value, so that nothing is trusted by default
	OK                     // fresh, finite and not negative
	NaN                    // not a finite number ≥ 0
	Stale                  // older than the oldest age allowed, or from the future
	Partial                // answered with warnings or only in part
	Error                  // no answer, or one that cannot be understood
)

var qualityNames = [...]string{"empty", "ok", "nan", "stale", "partial", "error"}

// String returns the word used in metrics, logs and the API.
func (q Quality) String() string { return qualityNames[q] }

// Sample is one measured value and how far it can be trusted. Value and Time
// mean something for OK, Stale and Partial only.
type Sample struct {
	Value   float64
	Time    time.Time // when Prometheus took the sample, not when it was asked for
	Quality Quality
	Detail  string // why it is not OK, for people
}

// Age returns how old the sample is at now; 0 for a sample without a time.
func (s Sample) Age(now time.Time) time.Duration {
	if s.Time.IsZero() {
		return 0
	}
	return now.Sub(s.Time)
}

// checked returns the sample as one that cannot be trusted if it is no finite number ≥ 0,
// whoever took it for good.
func (s Sample) checked() Sample {
	if (s.Quality == OK || s.Quality == Partial) && !(s.Value >= 0 && s.Value <= math.MaxFloat64) {
		s.Detail, s.Quality = fmt.Sprintf("a value of %g", s.Value), NaN
	}
	return s
}
