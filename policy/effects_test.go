package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEventEffects(t *testing.T) {
	game := Event{ID: "1", Type: "game", Labels: map[string]string{"league": "nba"}, Start: noon, End: noon.Add(2 * time.Hour)}
	final := Event{ID: "2", Type: "game", Labels: map[string]string{"league": "nba", "importance": "playoff"}, Start: noon.AddDate(0, 0, 1), End: noon.AddDate(0, 0, 1).Add(2 * time.Hour)}
	other := Event{ID: "3", Type: "game", Labels: map[string]string{"league": "nfl"}, Start: noon, End: noon.Add(time.Hour)}
	viral := func(from, to time.Duration) Event {
		return Event{Type: "viral", Start: noon.Add(from), End: noon.Add(to)}
	}
	onGame := Condition{Events: []EventMatch{{Type: "game", Lead: 30 * time.Minute, Tail: 10 * time.Minute}}}
	p := Policy{Pool: testPool(), Rules: []Rule{
		{Name: "game", When: onGame, Demand: &DemandEffect{Multiply: 2, Group: "g"}},
		{Name: "playoff", When: Condition{Events: []EventMatch{{Type: "game", Labels: map[string]string{"importance": "playoff"}}}}, Demand: &DemandEffect{Multiply: 3, Group: "g"}},
		{Name: "learned", When: onGame, Unless: &Condition{Events: []EventMatch{{Type: "game", Labels: map[string]string{"importance": "playoff"}}}}, Demand: &DemandEffect{Multiply: 1.5, Learned: true}},
		{Name: "viral", When: Condition{Events: []EventMatch{{Type: "game", Lead: 30 * time.Minute}, {Type: "viral"}}}, Demand: &DemandEffect{Multiply: 4, Learned: true}},
		{Name: "adds", When: onGame, Demand: &DemandEffect{Multiply: 2, Add: 1}},
		{Name: "always", Demand: &DemandEffect{Multiply: 2}},
		{Name: "floor", When: onGame, Bounds: &BoundsEffect{Min: &Bound{Agents: 1}}},
	}}
	want := []EventEffect{
		{"game", noon.Add(-30 * time.Minute), noon.Add(130 * time.Minute), 2, false},
		{"playoff", final.Start, final.End, 3, false},
		{"learned", noon.Add(-30 * time.Minute), noon.Add(130 * time.Minute), 1.5, true},
		{"viral", noon.Add(-30 * time.Minute), noon.Add(10 * time.Minute), 4, true}, // once for each time in which both go on
		{"viral", noon.Add(20 * time.Minute), noon.Add(30 * time.Minute), 4, true},
	}
	if diff := cmp.Diff(want, p.Timeline([]Event{game, final, other, viral(-time.Hour, 10*time.Minute), viral(20*time.Minute, 30*time.Minute), viral(5*time.Hour, 6*time.Hour)}).EventEffects()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
