package forecast

import "errors"

// ErrTooShort is wrapped by the errors of models that were given too little.
var ErrTooShort = errors.New("series too short")

// A Model learns from a series. Models are stateless: what was learned is the
// [Fitted] that they return.
type Model interface {
	// Name identifies the model in metrics and explanations, such as
	// "seasonal_naive_week". It is constant.
	Name() string
	// Fit estimates the model. It does not modify s, copes with NaN, and
	// returns an error wrapping [ErrTooShort] when s says too little.
	Fit(s Series) (Fitted, error)
}

// Fitted is a model that has learned a series and follows it. It is not safe
// for concurrent use.
type Fitted interface {
	// Update learns the next value on the grid in O(1); NaN is a missing one.
	Update(y float64)
	// Predict fills path with the medians of the next len(path) steps.
	Predict(path []float64)
}

// A warm model is fitted faster from where it stood.
type warm interface {
	// refit is Fit with what the last fit gave, which it does not change; nil if
	// there was none.
	refit(s Series, last Fitted) (Fitted, error)
}

// A divided model tells what of its forecast is the level and what the season;
// the rest is what the last deviations leave. The bank's models are.
type divided interface {
	// divide fills level and season, which are of one length.
	divide(level, season []float64)
}

// stored is the state of a fitted model, to be saved and restored.
type stored interface {
	Fitted
	// visit passes all that Update changes and Fit found through the codec.
	visit(c *codec)
}

// asDivided returns the fitted model as a divided one, if it is one.
func asDivided(f Fitted) (divided, bool) {
	if l, ok := f.(*fittedLog); ok {
		if _, ok := l.inner.(divided); !ok {
			return nil, false
		}
	}
	d, ok := f.(divided)
	return d, ok
}

// asStored returns the fitted model as a stored one, if it is one.
func asStored(f Fitted) (stored, bool) {
	if l, ok := f.(*fittedLog); ok {
		if _, ok := l.inner.(stored); !ok {
			return nil, false
		}
	}
	s, ok := f.(stored)
	return s, ok
}

// A restorable model makes a fitted one whose state is still to be read.
type restorable interface {
	empty(at clock) stored
}
