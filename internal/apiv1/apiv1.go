// Package apiv1 holds the shapes of the HTTP API at /api/v1: what it is told and
// what it answers, as JSON has them. The server encodes these types and the commands
// decode them, so that both mean the same. A [Client] asks a running adapter.
//
// It decides nothing: what the answers say is the server's business.
package apiv1

import "math"

// The statuses of an answer.
const (
	Success = "success"
	Failure = "error"
)

// Answer is the body of all answers of the API, as Prometheus' is.
type Answer struct {
	Status string `json:"status"` // Success or Failure
	Data   any    `json:"data,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Number is null where there is none: JSON has no NaN.
func Number(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// Numbers are null where there are none.
func Numbers(xs []float64) []*float64 {
	out := make([]*float64, len(xs))
	for i, x := range xs {
		out[i] = Number(x)
	}
	return out
}

// List is never null.
func List[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
