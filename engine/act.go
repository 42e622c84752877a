package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scaling-adapter/scaling-adapter/policy"
)

// decide decides every pool and fits the decisions into what all pools share.
func (e *Engine) decide(s *Settings, now time.Time, seen observation) []policy.Decision {
	n := len(s.Pools)
	t := &turn{
		settings: s, now: now, inputs: make([]policy.Input, n), states: make([]policy.State, n), claims: make([]policy.Claim, n),
		limits: policy.Limits{MaxTotalAgents: s.MaxTotalAgents}, emergency: e.emergency,
	}
	for i, spec := range s.Pools {
		t.claims[i] = policy.Claim{Pool: spec.Pool, Decision: e.decideOne(t, seen, i)}
	}
	for _, h := range seen.hosts {
		t.limits.Hosts = append(t.limits.Hosts, policy.HostReading{Hosts: h.Hosts, Resource: h.Resource, Percent: h.Sample, Limit: h.Limit, PerAgent: h.PerAgent})
	}
	ds, emergency := t.shared(t.claims)
	e.emergency = emergency
	e.turn.Store(t)
	return ds
}

// decideOne decides one pool. A panic holds that pool and no other.
func (e *Engine) decideOne(t *turn, seen observation, i int) (d policy.Decision) {
	s, now := t.settings, t.now
	spec := s.Pools[i]
	p := e.pools[spec.Pool.Name]
	current := seen.counts[i]
	if !current.Known {
		current.Agents = p.state.Current.Agents
	}
	if err := e.isolate("a decision", spec.Pool.Name, func() {
		p.spend(s, now, current.Agents, seen.used[i])
		t.states[i] = p.state
		t.inputs[i] = policy.Input{
			Now: now, Current: seen.counts[i], Load: seen.loads[i], Outlook: p.outlook(now), LargestLoad: p.largest,
			Timeline: p.timeline, Override: seen.overrides[spec.Pool.Name], Budgets: p.caps(),
		}
		d, p.state = spec.Decide(t.inputs[i], p.state)
		if slices.ContainsFunc(d.Candidates, func(c policy.Candidate) bool { return c.Absurd }) {
			e.metrics.absurd.Inc()
		}
	}); err != nil {
		d = policy.Hold(spec.Pool, now, current, policy.ReasonEvaluationFailed, err.Error())
	}
	d.ID = spec.Pool.Name + "-" + now.UTC().Format("20060102T150405Z")
	return d
}

// act carries the decisions out: fewer agents first, so that the total is never
// exceeded on the way, then more.
func (e *Engine) act(ctx context.Context, s *Settings, decisions []policy.Decision) []policy.Outcome {
	outcomes := make([]policy.Outcome, len(decisions))
	e.send(ctx, s, decisions, outcomes, policy.Down)
	limitTotal(decisions, outcomes, s.MaxTotalAgents)
	e.send(ctx, s, decisions, outcomes, policy.Up)
	for i, d := range decisions {
		if outcomes[i].Result == "" {
			outcomes[i].Result = policy.NotNeeded
		}
		p := e.pools[d.Pool]
		p.state = p.state.Carried(s.Pools[i].Pool, d, outcomes[i])
		if d.Emergency && outcomes[i].Err != nil {
			e.emergency = e.emergency.NotCarriedOut(s.Pools[i].Pool)
		}
		if d.Direction() != policy.None && !p.journaled.repeats(d, outcomes[i]) {
			p.journaled = Decided{d, outcomes[i]}
			e.decided = append(e.decided, p.journaled)
			_ = e.isolate("the journal", d.Pool, func() { e.journal(d, outcomes[i]) }) // it is told, and keeps nothing
		}
	}
	return outcomes
}

// repeats reports whether a decision that is not sent is that of the last time, as a pool in
// dry run decides the same in every tick.
func (last Decided) repeats(d policy.Decision, o policy.Outcome) bool {
	return o.Result == policy.NotSent && last.Outcome.Result == o.Result && last.Current == d.Current && last.Desired == d.Desired && last.Mode == d.Mode
}

// send calls the orchestrator for all decisions of one direction. A call that
// was begun is finished even when the daemon is told to stop.
func (e *Engine) send(ctx context.Context, s *Settings, decisions []policy.Decision, outcomes []policy.Outcome, direction policy.Direction) {
	var calls errgroup.Group
	calls.SetLimit(callConcurrency)
	for i, d := range decisions {
		if d.Direction() != direction {
			continue
		}
		calls.Go(func() error {
			if err := ctx.Err(); err != nil {
				outcomes[i] = policy.Outcome{Result: policy.NotSent, Err: fmt.Errorf("no time left in this tick: %w", err)}
				return nil
			}
			call, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(longestCall, s.Interval))
			defer cancel()
			outcomes[i] = e.scale(call, s, d)
			return nil
		})
	}
	_ = calls.Wait() // the functions return no error
}

// longestCall is how long a change may take, with what is read before and after it.
const longestCall = 10 * time.Second

// LeastRequests returns how many requests an orchestrator must take in a second so that
// each has its turn: all pools are read within half of an interval, which leaves the other
// half to act in, above all in an emergency; and the changes that are made at once, of up
// to three requests each, do not wait for each other until it is too late.
func LeastRequests(pools []Pool, interval time.Duration) float64 {
	read := 0
	for _, p := range pools {
		if p.Current == nil {
			read++
		}
	}
	changes := 3 * min(len(pools), callConcurrency)
	return max(float64(read)/(interval.Seconds()/2), float64(changes)/min(interval, longestCall).Seconds())
}

// limitTotal shortens scale-ups for which there is no room yet, because agents
// that another pool was to give up are still there.
func limitTotal(decisions []policy.Decision, outcomes []policy.Outcome, total int) {
	if total <= 0 {
		return
	}
	room := total
	var ups []int
	for i, d := range decisions {
		switch {
		case d.Direction() == policy.Down && outcomes[i].Result == policy.Accepted:
			room -= d.Desired
		default:
			room -= d.Current
		}
		if d.Direction() == policy.Up && d.Permitted() {
			ups = append(ups, i)
		}
	}
	for _, i := range ups {
		d := &decisions[i]
		grant := max(0, min(d.Desired-d.Current, room))
		room -= grant
		*d = d.Then(policy.ReasonMaxTotal, d.Current+grant, fmt.Sprintf("%d agents run in all, at most %d are allowed", total-room-grant, total))
	}
}

// record publishes what the tick saw and did.
func (e *Engine) record(s *Settings, now time.Time, seen observation, decisions []policy.Decision, outcomes []policy.Outcome) {
	snap := &Snapshot{Time: now, Settings: s, Hosts: seen.hosts, SaveErr: e.saveErr, Emergency: e.emergency, Pools: make([]PoolStatus, len(s.Pools))}
	for i, spec := range s.Pools {
		p := e.pools[spec.Pool.Name]
		d := decisions[i]
		p.noteAgents(now, s.Step, d)
		p.noteDecision(d)
		p.footing = p.stand(s, now, seen, i, d)
		p.serve(s, now, seen.loads[i], seen.counts[i], e.candidateReady(spec.Pool.Name, now))
		snap.Pools[i] = PoolStatus{
			Pool: spec.Pool, Load: seen.loads[i], Completeness: p.complete(seen.complete[i]), Count: seen.counts[i], Decision: d, Outcome: outcomes[i],
			Override: seen.overrides[spec.Pool.Name], Pause: p.state.Pause, Asked: p.state.Asked, Budgets: p.budgets, Fallback: p.fallback(now), Footing: p.footing, Served: p.served,
			History: p.history, Forecast: p.forecast, Origin: p.origin(), Scores: p.scores, Coverage: p.coverage, Effects: p.effects,
			Agents: slices.Clip(p.agents), Recent: p.recent, Events: p.events,
		}
	}
	for i := range snap.Hosts {
		snap.Hosts[i].Predicted = snap.Hosts[i].predicted(decisions)
	}
	snap.Degraded = degraded(snap)
	e.logDegraded(e.snapshot.Swap(snap), snap)
}

// example says why something is missing, for the first pool that lacks it.
func example(snap *Snapshot) string {
	for _, p := range snap.Pools {
		switch {
		case p.Load.Quality != policy.OK:
			return p.Pool.Name + ": " + p.Load.Detail
		case !p.Count.Known:
			return p.Pool.Name + ": " + p.Count.Detail
		case p.Fallback != "":
			return p.Pool.Name + ": " + p.Fallback
		case p.Pause.End.After(snap.Time):
			return p.Pool.Name + ": " + p.Pause.Why
		}
	}
	for _, h := range snap.Hosts {
		if h.Sample.Quality != policy.OK {
			return h.Resource + ": " + h.Sample.Detail
		}
	}
	return ""
}

// logDegraded logs what is missing when that changes.
func (e *Engine) logDegraded(before, now *Snapshot) {
	var was []string
	if before != nil {
		was = before.Degraded
	}
	switch {
	case slices.Equal(was, now.Degraded):
	case len(now.Degraded) > 0:
		e.logger.Warn("degraded; pools are held or raised, not lowered", "missing", strings.Join(now.Degraded, "; "), "example", example(now))
	default:
		e.logger.Info("not degraded any more")
	}
}

// fallback says why a pool decides without a fresh forecast; empty when it has one.
func (p *pool) fallback(now time.Time) string {
	switch {
	case p.forecast.Len() == 0 && p.forecastErr != nil:
		return p.forecastErr.Error()
	case p.forecast.Len() == 0:
		return "no forecast yet"
	case now.Sub(p.origin()) > p.spec.Pool.ForecastMaxAge:
		return fmt.Sprintf("the forecast knows nothing after %s", p.origin().UTC().Format(time.RFC3339))
	}
	return ""
}

// degraded lists what is missing, each kind once.
func degraded(snap *Snapshot) []string {
	var loads, counts, forecasts, paused, waiting int
	var notes []string
	for _, p := range snap.Pools {
		if p.Load.Quality != policy.OK {
			loads++
		}
		if !p.Count.Known {
			counts++
		}
		if p.Fallback != "" {
			forecasts++
		}
		switch {
		case p.Pause.End.After(snap.Time):
			paused++
		case p.Decision.Unfulfilled > 0:
			waiting++
		}
	}
	note := func(n int, what string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%s for %d of %d pools", what, n, len(snap.Pools)))
		}
	}
	note(loads, "load not ok")
	note(counts, "the orchestrator does not tell the agents")
	note(forecasts, "no fresh forecast")
	note(paused, "paused after a scaling that failed")
	note(waiting, "agents that were asked for are not ready")
	if snap.Settings.SafeMode != "" {
		notes = append(notes, snap.Settings.SafeMode)
	}
	if snap.SaveErr != nil {
		notes = append(notes, "state cannot be saved: "+snap.SaveErr.Error())
	}
	for _, h := range snap.Hosts {
		if h.Sample.Quality != policy.OK {
			notes = append(notes, fmt.Sprintf("host %s is %s", h.Resource, h.Sample.Quality))
		}
	}
	return notes
}
