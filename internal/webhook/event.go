package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Type is a kind of event. It is a closed set.
type Type string

// The types of events.
const (
	ScalingExecuted Type = "scaling_executed" // the orchestrator accepted a change
	ScalingFailed   Type = "scaling_failed"   // it did not, or nothing came of it, or nobody knows
	Emergency       Type = "emergency"        // of a group of hosts; began or ended
	BudgetExhausted Type = "budget_exhausted" // nothing is left of a budget of a pool
)

// Event is something that happened.
type Event struct {
	Type    Type
	ID      string // no other event of the process has it
	Subject string // the pool, or the group of hosts; may be empty
	Time    time.Time
	Data    any // what is told about it, as JSON
}

// scaling is the data of [ScalingExecuted] and [ScalingFailed].
type scaling struct {
	Decision string         `json:"decision"`
	Pool     string         `json:"pool"`
	From     int            `json:"from"`
	To       int            `json:"to"`
	Why      string         `json:"why"`
	Reasons  []apiv1.Reason `json:"reasons"`
	Outcome  policy.Result  `json:"outcome"`
	Error    string         `json:"error,omitempty"`
}

// emergency is the data of [Emergency].
type emergency struct {
	Hosts     string     `json:"hosts"` // empty: the hosts of all pools
	State     string     `json:"state"` // began or ended
	Pools     []string   `json:"pools"` // on the hosts
	Resources []resource `json:"resources"`
}

// resource is a host resource as it was measured when the emergency began or ended.
type resource struct {
	Resource         string   `json:"resource"`
	Percent          *float64 `json:"percent"` // null: not known
	LimitPercent     float64  `json:"limit_percent"`
	EmergencyPercent float64  `json:"emergency_percent"`
}

// exhaustion is the data of [BudgetExhausted].
type exhaustion struct {
	Pool   string     `json:"pool"`
	Budget string     `json:"budget"`
	Limit  int        `json:"limit"`
	Used   int        `json:"used"`
	Window string     `json:"window"`
	Class  string     `json:"class"` // of the posts now
	Until  *time.Time `json:"until"` // when posts come back; null: not known
	Why    string     `json:"why"`
}

// Decided returns the event of a decision that was carried out, or was to be; false
// if there is none to tell.
func Decided(d policy.Decision, o policy.Outcome) (Event, bool) {
	var typ Type
	switch o.Result {
	case policy.Accepted:
		typ = ScalingExecuted
	case policy.Failed, policy.Unknown:
		typ = ScalingFailed
	default:
		return Event{}, false
	}
	data := scaling{Decision: d.ID, Pool: d.Pool, From: d.Current, To: d.Desired, Why: d.Why(), Reasons: []apiv1.Reason{}, Outcome: o.Result}
	for _, r := range d.Reasons {
		data.Reasons = append(data.Reasons, apiv1.Reason{Code: r.Code, From: r.From, To: r.To, Rule: r.Rule, Detail: r.Detail})
	}
	if o.Err != nil {
		data.Error = o.Err.Error()
	}
	return Event{typ, string(typ) + "-" + d.ID, d.Pool, d.Time, data}, true
}

// Changes returns what began or ended between two ticks that follow each other:
// emergencies by group of hosts, then budgets that became exhausted, and then pools that
// are paused although no decision tells it: see [paused]. Before the first
// tick, which has a nil before, nothing had begun. A group of hosts that is not there
// any more has no emergency.
func Changes(before, now *engine.Snapshot) []Event {
	if before == nil {
		before = &engine.Snapshot{}
	}
	var events []Event
	groups := maps.Clone(before.Emergency)
	if groups == nil {
		groups = policy.EmergencyState{}
	}
	maps.Copy(groups, now.Emergency)
	for _, hosts := range slices.Sorted(maps.Keys(groups)) {
		if active := now.Emergency[hosts].Active; active != before.Emergency[hosts].Active {
			events = append(events, emergencyEvent(now, hosts, active))
		}
	}
	was := map[[2]string]bool{}
	for _, p := range before.Pools {
		for _, b := range p.Budgets {
			was[[2]string{p.Pool.Name, b.Name}] = exhausted(b)
		}
	}
	for _, p := range now.Pools {
		for _, b := range p.Budgets {
			if exhausted(b) && !was[[2]string{p.Pool.Name, b.Name}] {
				events = append(events, budgetEvent(now, p.Pool.Name, b))
			}
		}
	}
	wasPaused := map[string]bool{}
	for _, p := range before.Pools {
		wasPaused[p.Pool.Name] = p.Pause != (policy.Pause{})
	}
	for _, p := range now.Pools {
		if e, tell := paused(now, p); tell && !wasPaused[p.Pool.Name] {
			events = append(events, e)
		}
	}
	return events
}

// paused returns the event of a pool whose pause begins with a tick, and of which [Decided]
// tells nothing: what was accepted did not come in time, or the orchestrator was busy too
// often.
func paused(now *engine.Snapshot, p engine.PoolStatus) (Event, bool) {
	if !p.Pause.Start.Equal(now.Time) || p.Outcome.Result == policy.Failed || p.Outcome.Result == policy.Unknown {
		return Event{}, false
	}
	d := p.Decision
	if p.Outcome.Result != policy.Busy { // then it is not this decision that failed
		d.Current, d.Desired = p.Asked.From, p.Asked.To
	}
	return Decided(d, policy.Outcome{Result: policy.Failed, Err: errors.New(p.Pause.Why)})
}

// exhausted reports whether nothing is left, as far as it is known. A budget whose use
// cannot be measured for a while stays what it was.
func exhausted(b engine.BudgetStatus) bool { return b.Cap.Window != "" && b.Cap.Remaining == 0 }

func emergencyEvent(snap *engine.Snapshot, hosts string, active bool) Event {
	data := emergency{Hosts: hosts, State: "ended", Pools: []string{}, Resources: []resource{}}
	if active {
		data.State = "began"
	}
	for _, p := range snap.Pools {
		if hosts == "" || p.Pool.Hosts == hosts {
			data.Pools = append(data.Pools, p.Pool.Name)
		}
	}
	for _, h := range snap.Hosts {
		if h.Hosts != hosts {
			continue
		}
		r := resource{Resource: h.Resource, LimitPercent: h.Limit, EmergencyPercent: snap.Settings.Emergency.Percent[h.Resource]}
		if h.Sample.Quality == policy.OK {
			r.Percent = apiv1.Number(h.Sample.Value)
		}
		data.Resources = append(data.Resources, r)
	}
	return Event{Emergency, eventID(Emergency, snap.Time, hosts, data.State), hosts, snap.Time, data}
}

func budgetEvent(snap *engine.Snapshot, pool string, b engine.BudgetStatus) Event {
	c := b.Cap
	data := exhaustion{Pool: pool, Budget: b.Name, Limit: b.Limit, Used: c.Used, Window: string(c.Window), Class: c.Class, Why: c.Detail}
	if !c.Until.IsZero() {
		until := c.Until.UTC()
		data.Until = &until
	}
	return Event{BudgetExhausted, eventID(BudgetExhausted, snap.Time, pool, b.Name), pool, snap.Time, data}
}

// eventID is like the ID of a decision: there is one such event in a tick, and at most
// one tick in a second.
func eventID(typ Type, at time.Time, names ...string) string {
	id := string(typ)
	for _, name := range names {
		id += "-" + name
	}
	return id + "-" + at.UTC().Format("20060102T150405Z")
}

// envelope is the structured mode of CloudEvents 1.0.
//
// # References
//
// CloudEvents, version 1.0.2; JSON Event Format for CloudEvents, version 1.0.2, section 3.
type envelope struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            any       `json:"data"`
}

// encode returns the body that is sent.
func (e Event) encode(source string) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(envelope{"1.0", e.ID, source, "io.scaling-adapter." + string(e.Type), e.Subject, e.Time.UTC(), "application/json", e.Data})
	return bytes.TrimSpace(b.Bytes()), err
}
