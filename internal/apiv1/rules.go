package apiv1

import "time"

// Rules are the rules in force, and where they were read.
type Rules struct {
	Time       time.Time   `json:"time"` // of the last tick, at which rules are active or not
	Generation int         `json:"generation"`
	Hash       string      `json:"config_hash"`
	LoadedAt   *time.Time  `json:"config_loaded_at"`
	Files      []string    `json:"files"`    // that were read then, calendars included
	Warnings   []string    `json:"warnings"` // about them, with their places
	Pools      []PoolRules `json:"pools"`
}

// PoolRules are the rules of one pool.
type PoolRules struct {
	Pool     string `json:"pool"`
	Location string `json:"location"` // whose clock its rules follow
	Rules    []Rule `json:"rules"`
}

// Rule is a rule and when it is active.
type Rule struct {
	Name   string     `json:"name"`
	Place  string     `json:"place,omitempty"` // file:line:col
	When   string     `json:"when"`            // in words
	Effect string     `json:"effect"`          // in words
	Active bool       `json:"active"`
	From   *time.Time `json:"from"`  // when it is active next; null: it is now, or not within a week
	Until  *time.Time `json:"until"` // when that ends; null: not within a week
}
