package forecast

import (
	"fmt"
	"hash/crc64"
	"time"
)

// snapshotVersion changes when what a snapshot holds does.
const snapshotVersion = 5

// Snapshot returns the predictor's whole state, to be given to [Restore]: what was
// estimated, where the models stand and how they did. Models that cannot be
// restored are left out.
func (p *Predictor) Snapshot() []byte {
	c := &codec{}
	p.visit(c)
	sum := crc64.Checksum(c.data, crc64.MakeTable(crc64.ECMA))
	c.word(sum)
	return c.data
}

// Restore returns the predictor that a snapshot was taken of. The options have to
// be the ones that it was made with. A snapshot that is damaged or of another
// version is an error.
func Restore(snapshot []byte, zone *time.Location, o Options) (p *Predictor, err error) {
	defer func() {
		if r := recover(); r != nil { // another program's, with a right checksum
			p, err = nil, fmt.Errorf("%w: %v", errSnapshot, r)
		}
	}()
	if len(snapshot) < 8 {
		return nil, fmt.Errorf("%w: %d bytes", errSnapshot, len(snapshot))
	}
	body := snapshot[:len(snapshot)-8]
	tail := &codec{data: snapshot[len(body):], reading: true}
	if tail.word(0) != crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)) {
		return nil, fmt.Errorf("%w: the checksum is wrong", errSnapshot)
	}
	if o.Models == nil {
		o.Models = DefaultModels()
	}
	p = &Predictor{options: o, clock: clock{zone: zone, from: 1}}
	c := &codec{data: body, reading: true}
	p.visit(c)
	if c.err != nil {
		return nil, c.err
	}
	return p, nil
}

func (p *Predictor) visit(c *codec) {
	version, step, horizon := snapshotVersion, int(p.step/time.Second), p.options.Horizon
	c.int(&version, &step, &horizon)
	switch {
	case c.err != nil:
		return
	case version != snapshotVersion:
		c.err = fmt.Errorf("%w: of version %d, expected %d", errSnapshot, version, snapshotVersion)
		return
	case c.reading && horizon != p.options.Horizon:
		c.err = fmt.Errorf("%w: for a horizon of %d steps, expected %d", errSnapshot, horizon, p.options.Horizon)
		return
	case step < 1 || 86400%step != 0:
		c.err = fmt.Errorf("%w: a step of %d s", errSnapshot, step)
		return
	case c.reading:
		fresh := newPredictor(Series{Start: time.Unix(0, 0).In(p.clock.zone), Step: time.Duration(step) * time.Second}, p.options)
		*p = *fresh
		p.effects.events = p.options.Events
		p.effects.declare() // what the snapshot knows nothing of has its declared effect
	}
	c.int64(&p.clock.next)
	c.ints(&p.clock.holidays)
	c.int(&p.count, &p.spikes.run)
	c.float(&p.mean, &p.largest, &p.drift.up, &p.drift.down)
	p.outages.visit(c)
	p.effects.visit(c)
	p.visitMembers(c)
	for j := range p.combined {
		p.combined[j].visit(c)
	}
	for r := range p.errors {
		n := c.length(len(p.errors[r]), 8)
		for j := range min(n, len(p.horizons)) {
			p.errorsIn(r)[j].visit(c)
		}
	}
	p.visitOrigins(c)
}

func (p *Predictor) visitMembers(c *codec) {
	var kept []*member
	for _, m := range p.members {
		if _, ok := asStored(m.fitted); ok {
			kept = append(kept, m)
		}
	}
	n := c.length(len(kept), 8)
	for i := range n {
		var name string
		if !c.reading {
			name = kept[i].model.Name()
		}
		c.text(&name)
		if c.reading {
			m := p.restored(name)
			if m == nil {
				if c.err == nil {
					c.err = fmt.Errorf("%w: model %q is not in the bank", errSnapshot, name)
				}
				return
			}
			kept = append(kept, m)
		}
		kept[i].fitted.(stored).visit(c)
		for j := range kept[i].losses {
			kept[i].losses[j].visit(c)
		}
	}
	if c.reading {
		p.members = kept
		p.sizeScratch()
	}
}

// restored returns a member whose state is still to be read; nil if the bank has
// no such model.
func (p *Predictor) restored(name string) *member {
	for _, m := range p.options.Models {
		r, ok := m.(restorable)
		if !ok || m.Name() != name {
			continue
		}
		fitted := r.empty(clock{step: p.clock.step, zone: p.clock.zone, from: 1, holidays: p.clock.holidays})
		if fitted == nil {
			return nil
		}
		return &member{model: m, fitted: fitted, losses: make([]losses, len(p.horizons))}
	}
	return nil
}

func (p *Predictor) visitOrigins(c *codec) {
	n := c.length(len(p.origins), 8)
	if c.reading {
		p.origins = make([]origin, n)
	}
	for i := range p.origins {
		o := &p.origins[i]
		c.int(&o.count, &o.reach)
		c.floats32(&o.expected)
		if c.reading && (len(o.expected) != (len(p.members)+1)*len(p.horizons) || o.reach < 0 || o.reach > len(p.horizons)) {
			p.origins = nil // models were left out
			return
		}
	}
}

func (o *outages) visit(c *codec) {
	busy := make([]int, len(o.busy))
	for i, b := range o.busy {
		if b {
			busy[i] = 1
		}
	}
	c.ints(&busy)
	c.int(&o.run)
	c.float(&o.low, &o.last)
	seconds := int64(o.step / time.Second)
	c.int64(&seconds)
	if c.reading {
		o.step = time.Duration(seconds) * time.Second
		o.busy = make([]bool, len(busy))
		for i, b := range busy {
			o.busy[i] = b == 1
		}
	}
}

// visit passes what was learned; the events are the options'.
func (e *effects) visit(c *codec) {
	n := c.length(len(e.classes), 8)
	for i := range n {
		var learned course
		if !c.reading {
			learned = e.classes[i]
		}
		c.text(&learned.Class)
		c.int(&learned.Events)
		c.float(&learned.Declared, &learned.Measured, &learned.Low, &learned.High)
		c.floats(&learned.knots)
		if at, found := e.class(learned.Class); c.reading && found && len(e.classes[at].knots) == len(learned.knots) {
			e.classes[at] = learned
		}
	}
}
