package main

import (
	"encoding/json"
	"io"
	"time"
)

// suiteView is a file of tests as JSON.
type suiteView struct {
	File     string     `json:"file"`
	Problems []string   `json:"problems"`
	Tests    []testView `json:"tests"`
}

type testView struct {
	Name     string        `json:"name"`
	Place    string        `json:"place"`
	Failures []failureView `json:"failures"`
}

// failureView is something that is not as expected. Pool and time are not there when
// it is not about a decision.
type failureView struct {
	Place       string           `json:"place"`
	Message     string           `json:"message"`
	Pool        string           `json:"pool,omitempty"`
	Time        time.Time        `json:"time,omitzero"`
	Differences []differenceView `json:"differences"`
	Reasons     []stepView       `json:"reasons"`
}

type differenceView struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

type stepView struct {
	Code   string `json:"code"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	Rule   string `json:"rule,omitempty"`
	Detail string `json:"detail"`
}

func writeTestJSON(w io.Writer, results []suiteResult) error {
	views := []suiteView{}
	for _, r := range results {
		v := suiteView{File: r.File, Problems: []string{}, Tests: []testView{}}
		for _, p := range r.Problems {
			v.Problems = append(v.Problems, p.String())
		}
		for _, t := range r.Tests {
			v.Tests = append(v.Tests, viewOfTest(t))
		}
		views = append(views, v)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(views)
}

func viewOfTest(t testResult) testView {
	v := testView{Name: t.Name, Place: t.Pos.String(), Failures: []failureView{}}
	for _, f := range t.Failures {
		fv := failureView{Place: f.Pos.String(), Message: f.Message, Pool: f.Decision.Pool, Time: f.Decision.Time, Differences: []differenceView{}, Reasons: []stepView{}}
		for _, d := range f.Differences {
			fv.Differences = append(fv.Differences, differenceView(d))
		}
		for _, r := range f.Decision.Reasons {
			fv.Reasons = append(fv.Reasons, stepView{string(r.Code), r.From, r.To, r.Rule, r.Detail})
		}
		v.Failures = append(v.Failures, fv)
	}
	return v
}
