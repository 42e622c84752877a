package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

type statusCmd struct{ printed }

// status is what an adapter tells about itself and its pools.
type status struct {
	Health apiv1.Health `json:"health"`
	Pools  []apiv1.Pool `json:"pools"`
}

// Run shows how an adapter does, and its pools. It exits with 1 when the adapter is
// unhealthy.
func (c *statusCmd) Run(ctx context.Context, out *output) error {
	var s status
	if err := c.ask(ctx, apiv1.Request{Method: http.MethodGet, Path: "health"}, &s.Health); err != nil {
		return err
	}
	if err := c.ask(ctx, apiv1.Request{Method: http.MethodGet, Path: "pools"}, &s.Pools); err != nil {
		return err
	}
	if c.Output == "json" {
		if err := json.NewEncoder(out.Stdout).Encode(s); err != nil {
			return err
		}
	} else if err := s.print(out); err != nil {
		return err
	}
	if s.Health.Status == engine.Unhealthy {
		return errProblems
	}
	return nil
}

func (s status) print(out *output) error {
	passed := 0
	for _, check := range s.Health.Checks {
		if check.Passed {
			passed++
		}
	}
	fmt.Fprintf(out.Stdout, "%s: %d of %d checks pass\n", s.Health.Status, passed, len(s.Health.Checks))
	for _, check := range s.Health.Checks {
		if !check.Passed {
			fmt.Fprintf(out.Stdout, "  %s: %s\n", check.Name, plain(check.Detail))
		}
	}
	if len(s.Pools) == 0 {
		return nil
	}
	fmt.Fprintln(out.Stdout)
	rungs := map[string]apiv1.Footing{}
	for _, f := range s.Health.Pools {
		rungs[f.Pool] = f
	}
	rows := [][]string{{"POOL", "MODE", "LOAD", "AGENTS", "DESIRED", "STANDS ON", "WHY"}}
	for _, p := range s.Pools {
		load, agents := "unknown", "unknown"
		if p.Load.Value != nil {
			load = strconv.FormatFloat(*p.Load.Value, 'g', 3, 64)
		}
		if p.Current != nil && p.Ready != nil {
			if agents = strconv.Itoa(*p.Current); *p.Ready != *p.Current {
				agents += fmt.Sprintf(" (%d ready)", *p.Ready)
			}
		}
		rung := rungs[p.Name]
		footing := strings.ReplaceAll(string(rung.Rung), "_", " ")
		why := p.Why
		if rung.Why != "" {
			footing, why = footing+" since "+listed(rung.Since), rung.Why
		}
		rows = append(rows, []string{p.Name, string(p.Mode), load, agents, strconv.Itoa(p.Desired), footing, cell(why)})
	}
	return grid(out.Stdout, rows)
}
