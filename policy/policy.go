// Package policy decides how many agents a pool should have, and why.
//
// It is pure: values in, values out. It has no I/O, no clock, no logger, no
// goroutines and no globals; every function takes the time it reasons about.
// It does not forecast and it does not call anybody: engine feeds it and
// carries out what it decides.
package policy

// Policy is a pool with the rules that select it.
type Policy struct {
	Pool  Pool
	Rules []Rule
}
