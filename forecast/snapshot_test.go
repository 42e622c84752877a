package forecast

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
	"math"
	"slices"
	"testing"
	"time"
)

// saved is a predictor with events, holidays, a gap and every model that can be restored.
func saved(t testing.TB) (*Predictor, Series, Options) {
	s := sampled(aMonday.In(location(t, "Europe/Berlin")), time.Hour, 9*week, noisy(busy, 1, 0.2)) // over the change of the clocks
	s.Holidays = []time.Time{s.Time(1000), s.End().Add(day)}
	for i := 700; i < 720; i++ {
		s.Values[i] = math.NaN()
	}
	models := append(DefaultModels(), HoltWinters("holt_winters_week", day, week), HoltWinters("exponential"))
	o := Options{Horizon: 48, Models: models}
	for i := range 12 {
		at := s.Time(100 + 130*i)
		o.Events = append(o.Events, Event{[]string{"a", "b"}[i%2], at, at.Add(3 * time.Hour), float64(i % 3)})
	}
	p := fitted(t, s, o)
	for range 29 {
		p.Update(100)
	}
	p.Update(10_000) // in the middle of what may be a spike
	return p, s, o
}

func restored(t testing.TB, p *Predictor, o Options) *Predictor {
	t.Helper()
	q, err := Restore(p.Snapshot(), p.End().Location(), o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// sameForecasts compares all that predictors say, bit by bit.
func sameForecasts(t *testing.T, when string, a, b *Predictor, h int) {
	t.Helper()
	levels := []float64{0.01, 0.1, 0.5, 0.9, 0.99}
	x, y := paths(t, a, h, levels...), paths(t, b, h, levels...)
	for i := range x {
		if !sameBits(x[i], y[i]) {
			at, _ := farthestFrom(x[i], func(k int) float64 { return y[i][k] })
			t.Errorf("%s: level %g, step %d: %v became %v", when, levels[i], at, x[i][at], y[i][at])
		}
	}
	if !a.End().Equal(b.End()) {
		t.Errorf("%s: ends at %s and %s", when, a.End(), b.End())
	}
	if x, y := a.Scores(), b.Scores(); !slices.Equal(x, y) {
		t.Errorf("%s: scores %v became %v", when, x, y)
	}
	if x, y := a.Coverage(), b.Coverage(); !slices.Equal(x, y) {
		t.Errorf("%s: coverage %v became %v", when, x, y)
	}
	if x, y := a.Effects(), b.Effects(); !slices.Equal(x, y) {
		t.Errorf("%s: effects %v became %v", when, x, y)
	}
	x1, err1 := a.Explain(h)
	x2, err2 := b.Explain(h)
	if err1 != nil || err2 != nil || !sameBits(x1.Parts.Level, x2.Parts.Level) || !sameBits(x1.Parts.Seasonal, x2.Parts.Seasonal) ||
		!sameBits(x1.Parts.Autoregressive, x2.Parts.Autoregressive) || !sameBits(x1.Parts.Event, x2.Parts.Event) {
		t.Errorf("%s: the explanations differ", when)
	}
}

func TestRestoreContinues(t *testing.T) {
	p, s, o := saved(t)
	q := restored(t, p, o)
	sameForecasts(t, "at once", p, q, 60)
	load := noisy(busy, 2, 0.2)
	more := s.head(s.Len())
	for range 30 {
		more = more.Append(100)
	}
	for i := range 500 {
		y := load(s.Time(s.Len() + i))
		switch {
		case i%97 == 0:
			y = math.NaN()
		case i > 300 && i < 310:
			y = 0
		case i == 400:
			y *= 40
		}
		more = more.Append(y)
		if i%50 == 3 {
			p.UpdateCensored(y)
			q.UpdateCensored(y)
			continue
		}
		p.Update(y)
		q.Update(y)
	}
	sameForecasts(t, "after 500 updates", p, q, 60)
	if err := errors.Join(p.Refit(more), q.Refit(more)); err != nil {
		t.Fatal(err)
	}
	sameForecasts(t, "after a refit", p, q, 60)
	sameForecasts(t, "after another snapshot", p, restored(t, q, o), 60)
}

// What was learned about outages and spikes is restored, too.
func TestRestoreContinuesInATrough(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week+12*time.Hour, noisy(busy, 4, 0.1))
	o := Options{Horizon: 8}
	for _, last := range []float64{100, 0, 2, 5000, math.NaN()} {
		p := fitted(t, s, o)
		p.Update(last)
		q := restored(t, p, o)
		if p.outages.run != q.outages.run || p.spikes != q.spikes || p.drift != q.drift {
			t.Errorf("after %g: a run of %d and %+v, %+v became %d, %+v, %+v", last, p.outages.run, p.spikes, p.drift, q.outages.run, q.spikes, q.drift)
		}
		for _, y := range []float64{0, 0, 0, 100, 0, 5000, 5000, 5000} {
			p.Update(y)
			q.Update(y)
			sameForecasts(t, "in a trough", p, q, 8)
		}
	}
}

func TestSnapshotsOfSnapshotsAreEqual(t *testing.T) {
	p, _, o := saved(t)
	before := p.Snapshot()
	if again := p.Snapshot(); !slices.Equal(again, before) {
		t.Error("two snapshots differ")
	}
	if again := restored(t, p, o).Snapshot(); !slices.Equal(again, before) {
		t.Error("the snapshot of what was restored differs")
	}
}

func TestRestoreTheExpensiveModel(t *testing.T) {
	s := sampled(aMonday, time.Hour, 5*day, noisy(busy, 3, 0.2))
	o := Options{Horizon: 4, Models: []Model{expensive(), SeasonalNaive("naive", day)}}
	p := fitted(t, s, o)
	q := restored(t, p, o)
	sameForecasts(t, "at once", p, q, 8)
	for i := range 100 {
		y := busy(s.Time(s.Len() + i))
		p.Update(y)
		q.Update(y)
	}
	sameForecasts(t, "after 100 updates", p, q, 8)
}

// Models of somebody else cannot be saved; the others are.
func TestSnapshotLeavesOutWhatCannotBeSaved(t *testing.T) {
	s := sampled(aMonday, time.Hour, 9*day, busy)
	naive := SeasonalNaive("naive", day)
	o := Options{Horizon: 4, Models: []Model{custom{"odd", func(Series) (Fitted, error) { return always(9), nil }}, naive}}
	q := restored(t, fitted(t, s, o), o)
	for range 10 {
		q.Update(100)
	}
	models := map[string]bool{}
	for _, sc := range q.Scores() {
		models[sc.Model] = true
	}
	if len(models) != 2 || !models["naive"] || !models[Combination] {
		t.Errorf("it has %v", models)
	}
	if _, err := q.Forecast(4, []float64{0.5}); err != nil {
		t.Error(err)
	}
}

func TestDamagedSnapshots(t *testing.T) {
	s := sampled(aMonday, time.Hour, 3*day, busy)
	o := Options{Horizon: 4}
	snapshot := fitted(t, s, o).Snapshot()
	restore := func(what string, data []byte, o Options) {
		t.Helper()
		if p, err := Restore(data, time.UTC, o); err == nil || p != nil {
			t.Errorf("%s: error %v", what, err)
		} else if !errors.Is(err, errSnapshot) {
			t.Errorf("%s: error %v does not say that it is not a snapshot", what, err)
		}
	}
	for n := 0; n < len(snapshot); n += 1 + n/50 {
		restore("truncated", snapshot[:n], o)
	}
	for i := 0; i < len(snapshot); i += 1 + i/100 {
		data := slices.Clone(snapshot)
		data[i] ^= 1 << (i % 8)
		restore("with a bit flipped", data, o)
	}
	restore("with more behind", append(slices.Clone(snapshot), 0), o)
	restore("of text", []byte("a snapshot this is not, but long enough to be one"), o)
	restore("of nothing", nil, o)
	restore("for another horizon", snapshot, Options{Horizon: 5})
	restore("without its models", snapshot, Options{Horizon: 4, Models: []Model{SeasonalNaive("other", day)}})
	restore("of another version", sealed(snapshot, func(body []byte) {
		binary.LittleEndian.PutUint64(body, snapshotVersion+1)
	}), o)
}

// sealed returns a snapshot whose body was changed but whose checksum is right.
func sealed(snapshot []byte, change func(body []byte)) []byte {
	body := slices.Clone(snapshot[:len(snapshot)-8])
	change(body)
	return binary.LittleEndian.AppendUint64(body, crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)))
}

// A class of events that the snapshot does not know has its declared effect, and
// the known ones keep theirs.
func TestRestoreWithNewEvents(t *testing.T) {
	s := sampled(aMonday, 30*time.Minute, 3*week, noisy(weekly, 77, 0.05))
	at := func(d time.Duration) Event {
		return Event{Class: "match", Start: s.End().Add(d), End: s.End().Add(d + time.Hour)}
	}
	o := Options{Horizon: 48, Events: []Event{at(-50 * time.Hour), at(6 * time.Hour)}}
	p := fitted(t, s, o)
	sale := Event{Class: "a sale", Start: s.End().Add(20 * time.Hour), End: s.End().Add(22 * time.Hour), Factor: 3}
	o.Events = append([]Event{sale}, o.Events...) // out of order, too
	q, err := Restore(p.Snapshot(), time.UTC, o)
	if err != nil {
		t.Fatal(err)
	}
	want, got := median(t, p, 48), median(t, q, 48)
	for k := range want {
		factor := 1.0
		if k >= 40 && k <= 44 {
			factor = 3
		}
		if k >= 38 && k < 40 || k > 44 {
			continue // it fades in and out
		}
		if math.Abs(got[k]-factor*want[k]) > 1e-6*want[k] {
			t.Errorf("step %d: %g, want %g times %g", k, got[k], factor, want[k])
		}
	}
}
