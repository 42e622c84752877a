package app

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// replace replaces a file as editors and ConfigMaps do: it is the old one or the new one.
func (f *fixture) replace(t *testing.T, name, text string) {
	t.Helper()
	f.write(t, name+".new", text)
	if err := os.Rename(filepath.Join(f.dir, name+".new"), filepath.Join(f.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// connections returns how many goroutines hold a connection of an HTTP client.
func connections() int {
	all := make([]byte, 16<<20)
	n := 0
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, "net/http.(*persistConn).readLoop(") {
			n++
		}
	}
	return n
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for late := time.After(patience); !holds(); {
		select {
		case <-look.C:
		case <-late:
			t.Fatal("waited for " + what)
		}
	}
}

// TestReloadStorms is P27: hundreds of reloads by signal, over HTTP and by hand, while files
// change and ticks are taken. Each tick has one generation, the last one wins, equal ones do
// nothing, and nothing piles up.
func TestReloadStorms(t *testing.T) {
	const versions, reloaders = 60, 4
	f := newFixture(t)
	version := func(i int) string {
		return strings.ReplaceAll(rules, "max: 9", fmt.Sprintf("max: %d", 9+i))
	}
	f.replace(t, "rules.yml", version(0))
	r := f.start(t)
	now := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	tick := func() {
		now = now.Add(time.Second)
		r.ticks <- now
		until(t, "the tick", func() bool { s := r.Snapshot(); return s != nil && s.Time.Equal(now) })
		s := r.Snapshot()
		for _, p := range s.Pools {
			if got, want := p.Pool.Agents.Max, s.Settings.Pools[0].Pool.Agents.Max; got != want {
				t.Errorf("a tick of two generations: max of %s is %d, want %d", p.Pool.Name, got, want)
			}
		}
	}
	tick()
	before := connections()

	var reloads sync.WaitGroup
	calm := make(chan struct{})
	for i := range reloaders {
		reloads.Go(func() {
			for {
				select {
				case <-calm:
					return
				default:
				}
				switch i {
				case 0:
					hangUp(t)
					runtime.Gosched()
				case 1:
					resp, err := http.Post(r.url+"/-/reload", "", nil)
					if err != nil {
						t.Error(err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						t.Errorf("a reload over HTTP: %s", resp.Status)
					}
				default:
					if err := r.Reload(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for i := range versions {
		f.replace(t, "rules.yml", version(i+1))
		tick()
	}
	close(calm)
	reloads.Wait()
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	last := r.engine.Settings()
	if got := last.Pools[0].Pool.Agents.Max; got != 9+versions || last.Generation > versions+1 {
		t.Errorf("max is %d in generation %d, want that of the last file, %d, and one generation for each file at most", got, last.Generation, 9+versions)
	}
	for range 100 {
		if err := r.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	if now := r.engine.Settings(); now != last {
		t.Errorf("equal reloads made generation %d of %d", now.Generation, last.Generation)
	}
	tick()
	if got := connections(); got > 2*before+reloaders {
		t.Errorf("%d connections are left, before there were %d", got, before)
	}
}
