package apiv1

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
)

// Health is how well the adapter does its work.
type Health struct {
	Status engine.HealthStatus `json:"status"`
	Score  float64             `json:"score"` // share of the checks that pass
	Checks []Check             `json:"checks"`
	Pools  []Footing           `json:"pools"`
}

// Check is one thing that ought to be so.
type Check struct {
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"` // what is wrong
}

// Footing is what a pool's decisions stand on, from a fresh forecast down to nothing.
type Footing struct {
	Pool  string      `json:"pool"`
	Rung  engine.Rung `json:"rung"`
	Since time.Time   `json:"since"`
	Why   string      `json:"why,omitempty"` // it is not the best one
}
