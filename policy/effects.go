package policy

import "time"

// EventEffect is an event with the rule that multiplies the demand because of it.
type EventEffect struct {
	Rule       string
	Start, End time.Time // with the rule's lead and tail
	Factor     float64   // as the rule declares it
	Learned    bool      // what history says counts instead of the factor
}

// EventEffects returns the events whose effect can be compared with what the rules
// declare: those of rules that do nothing but multiply the demand at an event. Of the
// rules of a group the one that counts in the middle of an event has it. Of a rule that
// needs several events each time in which all go on is one.
func (tl Timeline) EventEffects() []EventEffect {
	var out []EventEffect
	for i := range tl.rules {
		r := &tl.rules[i]
		if r.Demand == nil || len(r.When.Events) == 0 || r.Demand.Add > 0 || r.Demand.ByHour != nil || r.Demand.ByMonth != nil || !(r.Demand.Multiply > 0) {
			continue
		}
		for _, s := range tl.when[i].events() {
			middle := tl.at(s.start.Add(s.end.Sub(s.start) / 2))
			for _, a := range tl.leading(tl.acting(middle), func(*Rule) bool { return true }) {
				if a.rule == i {
					out = append(out, EventEffect{r.Name, s.start, s.end, r.Demand.Multiply, r.Demand.Learned})
				}
			}
		}
	}
	return out
}

// events returns what is learned from: the events, or when all of several go on.
func (s spans) events() []span {
	if len(s.of) == 1 {
		return s.of[0].each
	}
	return s.merged
}
