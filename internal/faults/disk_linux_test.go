package faults

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
	"github.com/scaling-adapter/scaling-adapter/internal/disktest"
	"github.com/scaling-adapter/scaling-adapter/internal/store"
)

// P21: while the disk is full orders are refused, and the loop goes on. When there is room
// again they are taken, and all that was acknowledged, and nothing else, is there after a
// restart.
func TestTheDiskIsFull(t *testing.T) {
	disk := disktest.New(t)
	dir := filepath.Join(disk.Dir, "state")
	r := newRig(t, func(r *rig, o *app.Options) {
		r.write(t, "scaling-adapter.yml", read(t, o.ConfigFile)+"storage: {path: "+dir+"}\n")
	})
	taken := map[string]bool{}
	n := 0
	put := func() (code int, text string) {
		n++
		name := fmt.Sprintf("news-%03d", n)
		code, text = r.fetch(t, http.MethodPost, "/api/v1/events", fmt.Sprintf(`{"id": %q, "type": "news", "name": %q, "duration": "5h"}`, name, strings.Repeat("n", 200)))
		if code == http.StatusOK {
			taken[name] = true
		}
		return code, text
	}
	for range 3 {
		if code, text := put(); code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
	}
	disk.Fill(t, 0)
	for room := true; room; { // the file has some
		switch code, text := put(); {
		case code == http.StatusOK:
		case code == http.StatusServiceUnavailable && strings.Contains(text, "no space left on device"):
			room = false
		default:
			t.Fatalf("%d %s", code, text)
		}
	}
	r.loads["nba"], r.loads["nfl"] = 200, 120
	for range 10 {
		r.tick(t)
	}
	if a, b := agents(r, "nba"), agents(r, "nfl"); a < 20 || b < 12 {
		t.Errorf("the pools have %d and %d agents, want 20 and 12 at least", a, b)
	}
	if n := r.metric(t, "scaling_adapter_state_save_failures_total"); n == 0 {
		t.Error("no failure is counted")
	}
	if text := strings.Join(r.app.Snapshot().Degraded, "; "); !strings.Contains(text, "state cannot be saved: ") {
		t.Errorf("degraded: %s", text)
	}
	disk.Free(t)
	if code, text := put(); code != http.StatusOK {
		t.Errorf("with room again: %d %s", code, text)
	}
	if text := strings.Join(r.tick(t).Degraded, "; "); strings.Contains(text, "state") {
		t.Errorf("with room again: degraded: %s", text)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	s, memory, err := store.Open(dir, r.clock())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if aside := s.SetAside(); aside != nil {
		t.Errorf("set aside: %v", aside)
	}
	if len(memory.Events) != len(taken) {
		t.Errorf("%d events are there, %d were taken", len(memory.Events), len(taken))
	}
	for _, e := range memory.Events {
		if !taken[e.ID] {
			t.Errorf("%s is there, and was refused", e.ID)
		}
	}
	if p := memory.Pools["nba"]; p.State.Current.Agents < 20 {
		t.Errorf("the pool remembers %+v", p.State.Current)
	}
}

func agents(r *rig, pool string) int {
	n, _ := r.sim.Agents(pool)
	return n
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
