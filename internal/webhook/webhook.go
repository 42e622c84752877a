// Package webhook tells others over HTTP what happened: scalings, emergencies and
// budgets that are used up. An event is a CloudEvent, and it is signed.
//
// It never makes its caller wait. Each endpoint has a bounded queue and one goroutine,
// so that one which is slow holds nobody up, and is sent one event at a time. An event
// is delivered at least once or given up after some time. What is queued is in memory: a
// crash loses it.
package webhook

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options are what a [Sender] needs besides its endpoints.
type Options struct {
	Source     string // a URI that tells this process from others, for CloudEvents
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// maxQueued is how many events wait for an endpoint; when there are more the oldest is
// dropped.
const maxQueued = 100

// patience says how long what is awaited.
type patience struct {
	first, longest time.Duration // pause after the first attempt, and later at most
	asked          time.Duration // longest pause that an endpoint may ask for
	event          time.Duration // how long an event is tried
	last           time.Duration // for what is queued at the end
}

var usual = patience{first: time.Second, longest: time.Minute, asked: 5 * time.Minute, event: 10 * time.Minute, last: 3 * time.Second}

// Sender sends events to endpoints. Its methods may be called at any time.
type Sender struct {
	Options
	patience
	metrics metrics

	changed chan struct{} // there are receivers that nobody runs yet
	mu      sync.Mutex
	// receivers are those of the endpoints applied last, by name.
	receivers map[string]*receiver
}

// New returns a sender without endpoints.
func New(o Options) *Sender {
	return &Sender{Options: o, patience: usual, metrics: newMetrics(o.Registerer), changed: make(chan struct{}, 1), receivers: map[string]*receiver{}}
}

// Apply makes the endpoints those that events are sent to. Their names differ. One that
// was there before keeps its queue, and from the next attempt on the event that is being
// sent goes to where the endpoint is now. On an error nothing changes.
func (s *Sender) Apply(endpoints []Endpoint) error {
	targets := make([]*target, len(endpoints))
	for i, e := range endpoints {
		t, err := newTarget(e)
		if err != nil {
			return err
		}
		if _, err := t.secret(); err != nil {
			s.Logger.Warn("webhook has no secret; its events wait for one", "endpoint", e.Name, "err", err)
		}
		targets[i] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.receivers
	s.receivers = make(map[string]*receiver, len(targets))
	for _, t := range targets {
		r := old[t.Name]
		if r == nil {
			r = s.newReceiver(t.Name)
		}
		r.target.Store(t)
		s.receivers[t.Name] = r
	}
	for name, r := range old {
		if s.receivers[name] == nil {
			r.target.Store(nil)
			wake(r.wake)
			s.metrics.forget(name)
		}
	}
	wake(s.changed)
	return nil
}

// Send queues an event for the endpoints that want it, and does not wait.
func (s *Sender) Send(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m *message
	for _, r := range s.receivers {
		if !r.target.Load().wants(e.Type) {
			continue
		}
		if m == nil {
			body, err := e.encode(s.Source)
			if err != nil {
				s.Logger.Error("event cannot be encoded; nobody is told", "type", string(e.Type), "id", e.ID, "err", err)
				return
			}
			m = &message{e.Type, e.ID, body, time.Now()}
		}
		r.put(*m)
	}
}

// Run delivers until the context ends, and then for a short while what is still queued.
// It is called once.
func (s *Sender) Run(ctx context.Context) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var group sync.WaitGroup
	for ends := false; !ends; {
		ends = ctx.Err() != nil // before we look: nothing comes after that
		for _, r := range s.idle() {
			group.Go(func() { r.run(ctx, requests) })
		}
		if !ends {
			select {
			case <-ctx.Done():
			case <-s.changed:
			}
		}
	}
	defer time.AfterFunc(s.last, cancel).Stop()
	group.Wait()
}

// idle returns the receivers that nobody runs yet, and notes that somebody does.
func (s *Sender) idle() []*receiver {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*receiver
	for _, r := range s.receivers {
		if !r.runs {
			r.runs = true
			out = append(out, r)
		}
	}
	return out
}

// wake makes sure that who receives from the channel looks again.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// message is an event that is to be sent.
type message struct {
	typ    Type
	id     string
	body   []byte
	queued time.Time
}

// receiver is an endpoint over reloads: its queue and the goroutine that empties it.
type receiver struct {
	patience
	name   string
	logger *slog.Logger
	counts counts
	target atomic.Pointer[target] // nil: the endpoint is not there any more
	wake   chan struct{}          // there is something to do
	runs   bool                   // guarded by the sender

	mu    sync.Mutex
	queue []message // oldest first
}

func (s *Sender) newReceiver(name string) *receiver {
	return &receiver{patience: s.patience, name: name, logger: s.Logger, counts: s.metrics.of(name), wake: make(chan struct{}, 1)}
}

func (r *receiver) put(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == maxQueued {
		r.queue = r.queue[1:]
		r.counts.dropped.Inc()
	}
	r.queue = append(r.queue, m)
	r.counts.queued.Set(float64(len(r.queue)))
	wake(r.wake)
}

// take returns the oldest message that is queued; false if there is none.
func (r *receiver) take() (message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return message{}, false
	}
	m := r.queue[0]
	r.queue = r.queue[1:]
	r.counts.queued.Set(float64(len(r.queue)))
	return m, true
}

// run delivers until the endpoint is removed or the context has ended and nothing is
// queued. Requests have a context of their own, which ends a while later.
func (r *receiver) run(ctx, requests context.Context) {
	for r.target.Load() != nil {
		ends := ctx.Err() != nil // nothing is queued after that
		m, ok := r.take()
		switch {
		case ok:
			r.deliver(ctx, requests, m)
		case ends:
			return
		default:
			select {
			case <-ctx.Done():
			case <-r.wake:
			}
		}
	}
}

// deliver tries to send a message until that succeeds or is no use any more.
func (r *receiver) deliver(ctx, requests context.Context, m message) {
	for n := 0; ; n++ {
		t := r.target.Load()
		if t == nil {
			return
		}
		a := t.send(requests, m.body)
		pause := max(r.pause(n), min(a.wait, r.asked))
		if !a.retry || ctx.Err() != nil || time.Since(m.queued)+pause > r.event {
			r.counts.deliveries[a.outcome].Inc()
			if a.err != nil {
				r.logger.Warn("webhook event not delivered; given up", "endpoint", r.name, "type", string(m.typ), "id", m.id, "outcome", string(a.outcome), "err", a.err)
			}
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done(): // one last attempt
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pause is how long to wait after the nth attempt, from 0: twice as long each time, and
// by chance up to half of that less, so that not all come back at once.
func (r *receiver) pause(n int) time.Duration {
	d := r.longest
	if n < 30 { // no overflow
		d = min(r.first<<n, r.longest)
	}
	return d - rand.N(d/2+1)
}
