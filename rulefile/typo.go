package rulefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// eventKind is what the sources of a type of events say about their labels.
type eventKind struct {
	labels map[string]map[string]bool // values by name
	open   bool                       // labels of series come besides
}

func eventKinds(parsed []file) map[string]*eventKind {
	kinds := map[string]*eventKind{}
	for _, f := range parsed {
		for _, s := range f.EventSources {
			kind := kinds[s.Event.Type]
			if kind == nil {
				kind = &eventKind{labels: map[string]map[string]bool{}}
				kinds[s.Event.Type] = kind
			}
			kind.open = kind.open || s.Has("expr")
			kind.add(s.Event.Labels)
			for _, c := range s.Classify {
				kind.add(c.Labels)
			}
			for _, d := range s.Dates {
				kind.add(d.Labels)
			}
		}
	}
	return kinds
}

func (k *eventKind) add(labels map[string]string) {
	for name, value := range labels {
		if k.labels[name] == nil {
			k.labels[name] = map[string]bool{}
		}
		k.labels[name][value] = true
	}
}

// slips warns of events that no source makes and that differ by a slip from those
// that one does. Others may be told by the API.
func (v *reviewer) slips(s *subject) {
	s.conditions(func(key string, c policy.Condition, written condition) {
		if key == "when" && s.dead {
			return
		}
		for _, m := range c.Events {
			if why := v.slipOf(m); why != "" {
				v.warn(written.At("event"), "%s: %s", s.what, why)
			}
		}
		if key == "unless" && everyPool(s, func(p *policy.Pool) bool { why, _ := v.contradiction(c, p); return why != "" }) {
			why, part := v.contradiction(c, s.pools[0])
			v.warn(written.At(part), "%s: its unless never holds: %s", s.what, why)
		}
	})
}

func (v *reviewer) slipOf(m policy.EventMatch) string {
	kind, ok := v.kinds[m.Type]
	if !ok {
		if meant := meantBy(m.Type, v.kinds); meant != "" {
			return fmt.Sprintf("no event source makes events of type %q; did you mean %s?", m.Type, meant)
		}
		return ""
	}
	if kind.open {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(m.Labels)) {
		value := m.Labels[name]
		values, known := kind.labels[name]
		switch {
		case values[value] || v.poolsHave(name, value):
		case known:
			if meant := meantBy(value, values); meant != "" {
				return fmt.Sprintf("no event source makes events of type %s with %s=%s; did you mean %s?", m.Type, name, value, meant)
			}
		case meantBy(name, kind.labels) != "":
			return fmt.Sprintf("no event source gives events of type %s the label %s; did you mean %s?", m.Type, name, meantBy(name, kind.labels))
		}
	}
	return ""
}

// poolsHave reports whether a pool has the label: then it is well meant.
func (v *reviewer) poolsHave(name, value string) bool {
	return slices.ContainsFunc(v.pools, func(p engine.Pool) bool { return p.Pool.Labels[name] == value })
}

// sourcesOfNobody warns of sources whose events concern no pool, whatever they are.
func (v *reviewer) sourcesOfNobody() {
	for _, f := range v.parsed {
		for _, s := range f.EventSources {
			sure := maps.Clone(s.Event.Labels)
			for _, c := range s.Classify {
				maps.DeleteFunc(sure, func(name, _ string) bool { _, changed := c.Labels[name]; return changed })
			}
			for _, d := range s.Dates {
				maps.DeleteFunc(sure, func(name, _ string) bool { _, changed := d.Labels[name]; return changed })
			}
			if !slices.ContainsFunc(v.pools, func(p engine.Pool) bool { return p.Pool.Concerns(policy.Event{Labels: sure}) }) {
				var labels []string
				for _, name := range slices.Sorted(maps.Keys(sure)) {
					labels = append(labels, name+"="+sure[name])
				}
				v.warn(s.Event.At("labels"), "events of %q concern no pool: each has another value of %s; correct the labels", s.Name, strings.Join(labels, ", "))
			}
		}
	}
}

// meantBy returns the known word of which another one is a slip; empty if there is
// none.
func meantBy[T any](word string, known map[string]T) string {
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if slip(word, k) {
			return k
		}
	}
	return ""
}

// slip reports whether two words of some length differ by one letter more, less or
// other, by two that are swapped, or by their case. Digits count things, so other
// digits are meant.
func slip(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if a == b || len(x) < 4 || len(y) < 4 {
		return false
	}
	if strings.EqualFold(a, b) {
		return true
	}
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if slices.ContainsFunc(append(slices.Clone(x), y...), unicode.IsDigit) {
		return false
	}
	return len(x) <= 1 && len(y) <= 1 || len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0]
}
