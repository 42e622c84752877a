package forecast

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// games returns events of a class every few days, at hours that differ.
func games(class string, n int, factor float64) []Event {
	var out []Event
	for i := range n {
		start := aMonday.Add(week + time.Duration(3*i+1)*day + time.Duration(9+i*5%11)*time.Hour + time.Duration(i%3)*15*time.Minute)
		out = append(out, Event{class, start, start.Add(2 * time.Hour), factor})
	}
	return out
}

// around multiplies a load by the factor within the events.
func around(load func(time.Time) float64, factor float64, events []Event) func(time.Time) float64 {
	return func(t time.Time) float64 {
		y := load(t)
		for _, ev := range events {
			if !t.Before(ev.Start) && !t.After(ev.End) {
				y *= factor
			}
		}
		return y
	}
}

// until returns the length of a series that has seen n of the events.
func until(events []Event, n int) time.Duration {
	if n == len(events) {
		return events[n-1].Start.Add(day).Sub(aMonday)
	}
	return events[n].Start.Add(-time.Hour).Sub(aMonday).Truncate(15 * time.Minute)
}

func effectOf(t *testing.T, p *Predictor, class string) Effect {
	t.Helper()
	for _, e := range p.Effects() {
		if e.Class == class {
			return e
		}
	}
	t.Fatalf("there is no effect of %s: %v", class, p.Effects())
	return Effect{}
}

func TestEffectsAreMeasured(t *testing.T) {
	for _, factor := range []float64{3, 1.5, 0.4} {
		events := games("game", 20, 0)
		s := sampled(aMonday, 15*time.Minute, until(events, 20), around(noisy(daily, 1, 0.05), factor, events))
		got := effectOf(t, fitted(t, s, Options{Horizon: 8, Events: events}), "game")
		if math.Abs(got.Measured-factor) > 0.1*factor || got.Events != 20 || got.Declared != 1 {
			t.Errorf("factor %g: got %s", factor, got)
		}
		if !(got.Low <= got.Measured && got.Measured <= got.High) {
			t.Errorf("factor %g: got %s", factor, got)
		}
		if !strings.Contains(got.String(), "game: declared 1, measured ") || !strings.Contains(got.String(), "n=20") {
			t.Errorf("got %q", got)
		}
	}
}

// Measured a minute at a time the effects are the same.
func TestEffectsDoNotDependOnTheStep(t *testing.T) {
	events := games("game", 6, 0)
	for _, step := range []time.Duration{5 * time.Minute, 15 * time.Minute, 30 * time.Minute} {
		s := sampled(aMonday, step, until(events, 6), around(daily, 3, events))
		got := learnEffects(s, events).classes[0].Measured
		if got < 2 || got > 3 {
			t.Errorf("step %s: measured %g after 6 events of factor 3", step, got)
		}
	}
}

// What nobody has seen has the declared factor, exactly, from start to end.
func TestDeclaredEffects(t *testing.T) {
	s := sampled(aMonday, 5*time.Minute, 2*week, noisy(daily, 2, 0.1))
	without := median(t, fitted(t, s, Options{Horizon: 288}), 288)
	for _, length := range []time.Duration{2 * time.Hour, 100 * time.Minute, 15 * time.Minute, 5 * time.Minute} {
		start := s.End().Add(10 * time.Hour)
		ev := Event{"concert", start, start.Add(length), 2.5}
		p := fitted(t, s, Options{Horizon: 288, Events: []Event{ev}})
		got := median(t, p, 288)
		for k := range got {
			at := s.Time(s.Len() + k)
			factor := got[k] / without[k]
			switch {
			case !at.Before(ev.Start) && at.Before(ev.End):
				if math.Abs(factor-2.5) > 1e-9 {
					t.Errorf("length %s: %s after the start the load is multiplied by %g", length, at.Sub(start), factor)
				}
			case at.Before(ev.Start.Add(-time.Hour)) || at.After(ev.End.Add(after)):
				if factor != 1 {
					t.Errorf("length %s: %s after the start the load is multiplied by %g", length, at.Sub(start), factor)
				}
			case factor < 1-1e-9 || factor > 2.5+1e-9:
				t.Errorf("length %s: %s after the start the load is multiplied by %g", length, at.Sub(start), factor)
			}
		}
		if got := effectOf(t, p, "concert"); math.Abs(got.Measured-2.5) > 1e-9 || got.Events != 0 || math.Abs(got.Declared-2.5) > 1e-9 {
			t.Errorf("got %s", got)
		}
	}
}

func TestDeclaredIsTheGeometricMean(t *testing.T) {
	start := aMonday.Add(100 * day)
	var events []Event
	for i, factor := range []float64{2, 8, 0} { // 0 declares nothing
		at := start.Add(time.Duration(i) * day)
		events = append(events, Event{"a", at, at.Add(time.Hour), factor})
	}
	s := sampled(aMonday, time.Hour, week, daily)
	if got := effectOf(t, fitted(t, s, Options{Horizon: 8, Events: events}), "a"); math.Abs(got.Declared-4) > 1e-9 {
		t.Errorf("got %s, want declared 4", got)
	}
}

// The more was seen, the less the declared factor counts.
func TestShrinkageFallsWithExperience(t *testing.T) {
	const declared, truth = 4.0, 1.5
	events := games("game", 20, declared)
	s := sampled(aMonday, 15*time.Minute, until(events, 20), around(daily, truth, events))
	last := declared + 1e-9
	for _, n := range []int{0, 1, 2, 3, 5, 10, 19} {
		got := effectOf(t, fitted(t, s.head(int(until(events, n)/s.Step)), Options{Horizon: 8, Events: events}), "game")
		if got.Events != n {
			t.Errorf("%d events were counted, %d seen", got.Events, n)
		}
		if got.Measured > last || got.Measured < truth*0.95 {
			t.Errorf("after %d events measured %g, after fewer %g; declared %g, true %g", n, got.Measured, last, declared, truth)
		}
		if n == 0 && math.Abs(got.Measured-declared) > 1e-9 {
			t.Errorf("before the first event measured %g, declared %g", got.Measured, declared)
		}
		last = got.Measured
	}
	if last > 1.1*truth {
		t.Errorf("after 19 events measured %g, true %g", last, truth)
	}
}

func TestNoEventsChangeNothing(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 2*week, noisy(busy, 3, 0.2))
	p := fitted(t, s, Options{Horizon: 48})
	want := paths(t, p, 48, 0.1, 0.5, 0.9)
	far := s.End().Add(52 * week)
	for name, events := range map[string][]Event{
		"an empty list":     {},
		"one in a year":     {{"a", far, far.Add(time.Hour), 3}},
		"one of years past": {{"a", aMonday.Add(-52 * week), aMonday.Add(-52*week + time.Hour), 3}},
	} {
		with := fitted(t, s, Options{Horizon: 48, Events: events})
		got := paths(t, with, 48, 0.1, 0.5, 0.9)
		for i := range got {
			if !sameBits(got[i], want[i]) {
				t.Errorf("%s changes the forecast", name)
			}
		}
		for i := range 1000 {
			if f := with.effects.factor(s.Time(i).Unix()); f != 1 {
				t.Errorf("%s: factor %g at %s", name, f, s.Time(i))
			}
		}
	}
}

// Around events to come a predictor that knows them is better than one that does not.
func TestEventsHelp(t *testing.T) {
	const n = 12
	events := games("game", n+4, 0)
	load := around(noisy(busy, 4, 0.1), 3, events)
	s := sampled(aMonday, 15*time.Minute, until(events, n), load)
	knows, ignores := fitted(t, s, Options{Horizon: 48, Events: events}), fitted(t, s, Options{Horizon: 48})
	var errors [2]float64
	var inside [2]float64
	asked := 0.0
	for i := n; i < n+4; i++ {
		for at := knows.End(); at.Before(events[i].Start.Add(-time.Hour)); at = at.Add(s.Step) {
			y := load(at)
			knows.Update(y)
			ignores.Update(y)
			s = s.Append(y)
		}
		from := knows.End()
		for j, p := range []*Predictor{knows, ignores} {
			if err := p.Refit(s); err != nil {
				t.Fatal(err)
			}
			quantiles := paths(t, p, 12, 0.5, 0.9)
			for k := range quantiles[0] {
				at := from.Add(time.Duration(k) * s.Step)
				truth := around(busy, 3, events)(at)
				errors[j] += math.Abs(quantiles[0][k] - truth)
				if truth <= quantiles[1][k] {
					inside[j]++
				}
				if j == 0 {
					asked++
				}
			}
		}
	}
	if errors[0] > 0.3*errors[1] {
		t.Errorf("the errors around events sum up to %.0f, to %.0f without knowing them", errors[0], errors[1])
	}
	if inside[0] < 0.85*asked || inside[0] < inside[1] {
		t.Errorf("the 90 %% quantile holds %.0f of %.0f times, %.0f without events", inside[0], asked, inside[1])
	}
}

// An event does not teach models what is usual.
func TestEventsDoNotTeachThePattern(t *testing.T) {
	s := sampled(aMonday, 15*time.Minute, 3*week, noisy(daily, 5, 0.03))
	start := s.End().Add(time.Hour)
	events := []Event{{"a", start, start.Add(2 * time.Hour), 3}}
	p, without := fitted(t, s, Options{Horizon: 96, Events: events}), fitted(t, s, Options{Horizon: 96})
	for i := range 24 {
		at := s.Time(s.Len() + i)
		p.Update(p.effects.factor(at.Unix()) * daily(at))
		without.Update(daily(at))
	}
	got, want := median(t, p, 96), median(t, without, 96)
	if at, by := farthestFrom(got, func(k int) float64 { return want[k] }); by > 0.03*want[at] {
		t.Errorf("step %d: %g after the event, %g without it", at, got[at], want[at])
	}
}

// Two games at once are each worth the half of what they do together.
func TestEventsAtOnce(t *testing.T) {
	single := games("game", 15, 0)
	var double []Event
	for _, ev := range single {
		double = append(double, ev, ev)
	}
	s := sampled(aMonday, 15*time.Minute, until(single, 15), around(daily, 4, single))
	got := effectOf(t, fitted(t, s, Options{Horizon: 8, Events: double}), "game")
	if got.Measured < 1.8 || got.Measured > 2.02 || got.Events != 30 {
		t.Errorf("got %s, want about 2", got)
	}
}

// Two classes whose events overlap now and then are told apart, and multiply.
func TestClassesAreToldApart(t *testing.T) {
	a, b := games("a", 16, 0), games("b", 16, 0)
	for i := range b {
		if i%3 > 0 { // every third overlaps
			b[i].Start, b[i].End = b[i].Start.Add(day), b[i].End.Add(day)
		} else {
			b[i].Start, b[i].End = b[i].Start.Add(time.Hour), b[i].End.Add(time.Hour)
		}
	}
	events := append(slices.Clone(a), b...)
	slices.SortStableFunc(events, func(x, y Event) int { return x.Start.Compare(y.Start) })
	load := around(around(noisy(daily, 6, 0.02), 3, a), 1.5, b)
	s := sampled(aMonday, 15*time.Minute, until(a, 16)+2*day, load)
	p := fitted(t, s, Options{Horizon: 8, Events: events})
	for class, factor := range map[string]float64{"a": 3, "b": 1.5} {
		shrunk := math.Pow(factor, 16.0/(16+priorEvents))
		if got := effectOf(t, p, class); math.Abs(got.Measured-shrunk) > 0.1*shrunk {
			t.Errorf("got %s, want about %.3g", got, shrunk)
		}
	}
	// In the hour in which both go on they multiply.
	at := a[3].Start.Add(90 * time.Minute).Unix()
	if got := p.effects.factor(at); got < 3.6 || got > 4.7 {
		t.Errorf("both at once: factor %g, want about 4.5", got)
	}
	for minutes, want := range map[int]int{-120: ordinary, -50: nearEvent, -40: beginning, 0: beginning, 70: beginning, 80: nearEvent} {
		if got := p.effects.regime(a[4].Start.Add(time.Duration(minutes) * time.Minute).Unix()); got != want {
			t.Errorf("%d minutes from a start: regime %d, want %d", minutes, got, want)
		}
	}
}

// Events that end before they start, last for days or fill the whole series must not do harm.
func TestOddEvents(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 2*week, noisy(busy, 7, 0.2))
	start := aMonday.Add(3 * day)
	var always []Event
	for i := range 24 * 15 {
		at := aMonday.Add(time.Duration(i) * time.Hour)
		always = append(always, Event{"all", at, at.Add(time.Hour), 0})
	}
	for name, events := range map[string][]Event{
		"ends before it starts":     {{"a", start, start.Add(-time.Hour), 2}},
		"of no length":              {{"a", start, start, 2}},
		"of days":                   {{"a", start, start.Add(5 * day), 2}},
		"from before the series":    {{"a", aMonday.Add(-time.Hour), aMonday.Add(time.Hour), 2}},
		"over its end":              {{"a", s.End().Add(-time.Hour), s.End().Add(time.Hour), 2}},
		"everywhere":                always,
		"of a negative factor":      {{"a", start, start.Add(time.Hour), -2}},
		"of an enormous factor":     {{"a", s.End(), s.End().Add(time.Hour), 1e300}},
		"of an infinitesimal one":   {{"a", s.End(), s.End().Add(time.Hour), 1e-300}},
		"in another zone, unnamed":  {{"", start.In(location(t, "Asia/Kathmandu")), start.Add(time.Hour), 2}},
		"between the grid's places": {{"a", start.Add(7*time.Minute + time.Second), start.Add(time.Hour), 2}},
	} {
		p := fitted(t, s, Options{Horizon: 48, Events: events})
		for range 10 {
			p.Update(100)
		}
		f, err := p.Forecast(48, []float64{0.1, 0.5, 0.9})
		if err != nil {
			t.Fatal(err)
		}
		checkPromises(t, f, slices.Max(s.Values))
		for i := range 48 {
			if f := p.effects.factor(s.Time(s.Len() + i).Unix()); !(f > 0.006 && f < 149) {
				t.Errorf("%s: factor %g", name, f)
			}
		}
		for _, e := range p.Effects() {
			if !finite([]float64{e.Declared, e.Measured, e.Low, e.High}) || e.Measured <= 0 {
				t.Errorf("%s: %s", name, e)
			}
		}
	}
}

// The deviations around an event are measured from the level before and behind it.
func TestAroundLevel(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name     string
		r, quiet []float64
		want     []float64
		window   int
	}{
		{"a level", []float64{1, 1, 5, 5, 1, 1}, []float64{1, 1, nan, nan, 1, 1}, []float64{nan, nan, 4, 4, nan, nan}, 2},
		{"a line between levels", []float64{0, 0, 5, 5, 2, 2}, []float64{0, 0, nan, nan, 2, 2}, []float64{nan, nan, 5, 4, nan, nan}, 2},
		{"at the start", []float64{5, 5, 2, 2}, []float64{nan, nan, 2, 2}, []float64{3, 3, nan, nan}, 2},
		{"at the end", []float64{2, 2, 5, 5}, []float64{2, 2, nan, nan}, []float64{nan, nan, 3, 3}, 2},
		{"nowhere else", []float64{5, 5}, []float64{nan, nan}, []float64{nan, nan}, 2},
		{"only the window counts", []float64{9, 1, 5, 1, 9}, []float64{9, 1, nan, 1, 9}, []float64{nan, nan, 4, nan, nan}, 1},
		{"a gap within", []float64{1, nan, 5, 1}, []float64{1, nan, nan, 1}, []float64{nan, nan, 4, nan}, 1},
	}
	for _, tt := range tests {
		if got := aroundLevel(tt.r, tt.quiet, tt.window); !sameValues(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Without a forecast the same is measured.
func TestMeasureEffects(t *testing.T) {
	events := games("game", 12, 2)
	s := sampled(aMonday, 15*time.Minute, until(events, 12), around(noisy(daily, 1, 0.05), 1.5, events))
	p := fitted(t, s, Options{Horizon: 8, Events: events})
	got, err := MeasureEffects(s, events)
	if err != nil {
		t.Fatal(err)
	}
	if want := p.Effects(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := MeasureEffects(Series{Step: time.Hour, Values: []float64{1e300}}, events); err == nil {
		t.Error("a value out of range was accepted")
	}
	if got, err := MeasureEffects(s, nil); err != nil || len(got) != 0 {
		t.Errorf("without events: got %v, %v", got, err)
	}
}

// New events act as those of their class did, of a new class as declared, at once; a
// refit learns from the past among them.
func TestSetEvents(t *testing.T) {
	events := games("game", 12, 2)
	s := sampled(aMonday, 15*time.Minute, until(events, 12), around(noisy(daily, 1, 0.05), 3, events))
	p := fitted(t, s, Options{Horizon: 96, Events: events})
	ordinary := median(t, p, 96)
	learned := effectOf(t, p, "game").Measured
	next := func(class string, hours int, factor float64) Event {
		start := p.End().Add(time.Duration(hours) * time.Hour)
		return Event{class, start, start.Add(2 * time.Hour), factor}
	}
	p.SetEvents(append([]Event{next("match", 12, 4), next("game", 4, 2)}, events...))
	if got := effectOf(t, p, "game"); got.Measured != learned || got.Events != 12 {
		t.Errorf("what was learned is lost: %s", got)
	}
	changed := median(t, p, 96)
	for k, within := range map[int]float64{4*4 + 4: learned, 12*4 + 4: 4} {
		if got := changed[k] / ordinary[k]; math.Abs(got/within-1) > 0.25 {
			t.Errorf("step %d is %.2f times what it was, want about %.2f", k, got, within)
		}
	}
	if changed[70] != ordinary[70] {
		t.Errorf("a step without events changed from %g to %g", ordinary[70], changed[70])
	}
	p.SetEvents(events[:6])
	if err := p.Refit(s); err != nil {
		t.Fatal(err)
	}
	if got := effectOf(t, p, "game"); got.Events != 6 {
		t.Errorf("the refit has not learned from the events that were set: %s", got)
	}
}

// Forty errors of beginnings count half beside those of the rest of events, and nothing
// where no event begins.
func TestQuantilesWhileEventsBegin(t *testing.T) {
	const step = 15 * time.Minute
	s := sampled(aMonday, step, 2*week, noisy(daily, 8, 0.05))
	start := s.End().Add(2 * time.Hour)
	p := fitted(t, s, Options{Horizon: 32, Events: []Event{{Class: "game", Start: start, End: start.Add(3 * time.Hour)}}})
	for regime, of := range map[int]struct {
		n     int
		reach float64
	}{ordinary: {200, 0.1}, nearEvent: {200, 0.2}, beginning: {fewBeginnings, 1}} {
		for j := range p.horizons {
			var u uncertainty
			for i := range u.scales {
				for k := range of.n {
					u.scales[i].add(of.reach * (2*float64(k)/float64(of.n) - 1))
				}
			}
			p.errorsIn(regime)[j] = u
		}
	}
	levels := []float64{0.1, 0.5, 0.9}
	f, err := p.Forecast(32, levels)
	if err != nil {
		t.Fatal(err)
	}
	for k, m := range f.Path(0.5) {
		for _, level := range []float64{0.1, 0.9} {
			a, b, share := between(p.horizons, k+1)
			moved := func(regime int) float64 {
				return (1-share)*p.move(regime, a, level).of(m) + share*p.move(regime, b, level).of(m)
			}
			want := moved(ordinary)
			switch since := f.Time(k).Sub(start); {
			case since > -45*time.Minute && since < 75*time.Minute:
				want = (moved(nearEvent) + moved(beginning)) / 2
			case since > -75*time.Minute && since < 4*time.Hour+45*time.Minute:
				want = moved(nearEvent)
			}
			if got := f.Path(level)[k]; math.Abs(got-want) > 1e-6*want {
				t.Errorf("quantile %g, %s after the start: got %g beside a median of %g, want %g", level, f.Time(k).Sub(start), got, m, want)
			}
		}
	}
}
