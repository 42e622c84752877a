package forecast

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
