package backtest

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/forecast"
	score "github.com/scaling-adapter/scaling-adapter/forecast/backtest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Accuracy is how good the forecasts were that decisions rested on: of each of them the
// instant is scored that lies the pool's lead time ahead.
type Accuracy struct {
	Ahead    time.Duration // lead time
	Quantile float64       // of the upper forecast
	Scaled   bool          // the scale of MASE is known
	score.Scores
}

// MASE is NaN if its scale is not known.
func (a Accuracy) MASE() float64 {
	if !a.Scaled {
		return math.NaN()
	}
	return a.Scores.MASE()
}

// engine replays the adapter with the settings. Blind ones are not told loads.
func (b *bench) engine(ctx context.Context, s *engine.Settings, blind bool, crews []*crew, supplies [][]float64) ([]*Accuracy, error) {
	now := b.Recording.From
	o := &orchestrator{now: &now, crews: map[string]*crew{}}
	worked := map[string]*agentHours{}
	scorers := make([]*scorer, len(b.pools)) // nil: these settings have no such pool
	for i, p := range b.pools {
		if k := slices.IndexFunc(s.Pools, func(spec engine.Pool) bool { return spec.Pool.Name == p.Pool.Name }); k >= 0 {
			crews[i], scorers[i] = newCrew(s.Pools[k].Pool, p.Startup, p.first()), b.scorer(s.Pools[k])
			o.crews[p.Pool.Name], worked[p.Pool.Name] = crews[i], &agentHours{span: b.Recording.Span}
		}
	}
	source := &replay{Recording: b.Recording, now: &now, lag: s.QueryLag, blind: blind}
	own, spent := b.replayed(s, worked)
	source.spent = spent
	own.Source, own.Actuator = source, o
	complaint := &firstError{Handler: slog.DiscardHandler}
	e := engine.New(engine.Options{Registerer: prometheus.NewRegistry(), Logger: slog.New(complaint)})
	e.Apply(own)
	for i := range b.Recording.Len() {
		now = b.Recording.Time(i)
		began := time.Now()
		e.Tick(ctx, now)
		switch took := time.Since(began); {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case complaint.text != "":
			return nil, fmt.Errorf("at %s: %s", now.UTC().Format(time.RFC3339), complaint.text)
		case took > b.Recording.Tick/2: // then the loop saves time, and the result may be another
			return nil, fmt.Errorf("a turn of the loop took %s on this machine, more than half a tick; give a longer tick", took.Round(time.Millisecond))
		}
		snap := e.Snapshot()
		for k, c := range crews {
			if scorers[k] == nil {
				supplies[k][i] = math.NaN()
				continue
			}
			c.settle(now)
			supplies[k][i] = float64(c.ready)
			worked[c.pool.Name].add(float64(c.ready))
			at := slices.IndexFunc(snap.Pools, func(p engine.PoolStatus) bool { return p.Pool.Name == c.pool.Name })
			scorers[k].note(now, snap.Pools[at].Forecast)
		}
		b.tick()
	}
	out := make([]*Accuracy, len(scorers))
	for k, s := range scorers {
		if s != nil && s.N() > 0 {
			out[k] = &s.Accuracy
		}
	}
	return out, nil
}

// replayed are settings for a world in which nothing real is scaled: every pool is active,
// its agents are those of the replay, and so is what its budgets have spent. Hosts are not
// known.
func (b *bench) replayed(s *engine.Settings, worked map[string]*agentHours) (own *engine.Settings, spent func(policy.Signal, time.Time) (float64, bool)) {
	changed := *s
	own = &changed
	own.Interval, own.Hosts, own.Pools, own.Candidate, own.Enabled, own.SafeMode = b.Recording.Tick, nil, nil, nil, true, ""
	rates := map[string]float64{} // posts in an hour of an agent, by budget
	for _, spec := range s.Pools {
		if worked[spec.Pool.Name] == nil {
			continue
		}
		spec.Pool.Mode, spec.Current = policy.Active, nil
		spec.Budgets = slices.Clone(spec.Budgets)
		for i := range spec.Budgets {
			budget := &spec.Budgets[i]
			budget.Used = fmt.Sprintf("posts of %s %d $window", spec.Pool.Name, i)
			rates[strings.TrimSuffix(budget.Used, "$window")] = budget.PostsPerAgentHour
		}
		own.Pools = append(own.Pools, spec)
	}
	return own, func(signal policy.Signal, at time.Time) (float64, bool) {
		words := strings.LastIndexByte(signal.Query, ' ') + 1
		rate, ok := rates[signal.Query[:words]]
		if !ok {
			return 0, false
		}
		length, err := time.ParseDuration(signal.Query[words:])
		if err != nil {
			panic("backtest: " + strconv.Quote(signal.Query) + " has no window")
		}
		pool := strings.Fields(signal.Query)[2]
		return worked[pool].between(at.Add(-length), at) * rate, true
	}
}

// firstError keeps the first error that the loop logs: in a replay nothing may go wrong.
type firstError struct {
	slog.Handler
	mu   sync.Mutex
	text string
}

// Enabled implements [slog.Handler].
func (f *firstError) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelError
}

// Handle implements [slog.Handler].
func (f *firstError) Handle(_ context.Context, r slog.Record) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text != "" {
		return nil
	}
	f.text = r.Message
	r.Attrs(func(a slog.Attr) bool {
		f.text += fmt.Sprintf("; %s: %s", a.Key, a.Value)
		return true
	})
	return nil
}

// scorer compares what was forecast with what came.
type scorer struct {
	Accuracy
	load  forecast.Series
	scale float64
	last  time.Time // start of the last forecast
}

func (b *bench) scorer(spec engine.Pool) *scorer {
	load := b.Recording.signals[signalKey(spec.Load)].steps
	known := min(max(load.Index(b.Recording.From), 0), load.Len()) // before the replay begins
	scale := score.SeasonalScale(load.Values[:known], int(day/b.Settings.Step))
	return &scorer{load: load, scale: scale, Accuracy: Accuracy{Ahead: spec.Pool.LeadTime, Quantile: spec.Pool.Quantile, Scaled: scale > 0}}
}

// note scores a forecast that is new.
func (s *scorer) note(now time.Time, f forecast.Forecast) {
	if f.Len() == 0 || f.Start.Equal(s.last) {
		return
	}
	s.last = f.Start
	k := int(now.Add(s.Ahead).Sub(f.Start) / f.Step)
	if k < 0 || k >= f.Len() {
		return
	}
	at := f.Time(k)
	s.Add(s.load.At(at), score.Expectation{Median: f.Path(0.5)[k], Upper: f.Path(s.Quantile)[k]}, s.Quantile, s.scale)
}
