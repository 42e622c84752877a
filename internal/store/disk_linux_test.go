package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/disktest"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// P21, I36: on a disk that is really full a change is refused, whatever room is left, and
// nothing of it is kept; what was acknowledged before stays, and when there is room again
// changes are taken again.
func TestAFullDiskRefusesChanges(t *testing.T) {
	disk := disktest.New(t)
	dir := filepath.Join(disk.Dir, "state")
	s, _ := opened(t, dir)
	acknowledged := map[string]bool{}
	check := func(m engine.Memory) {
		t.Helper()
		if len(m.Overrides) != len(acknowledged) {
			t.Fatalf("there are %d overrides, and %d were acknowledged", len(m.Overrides), len(acknowledged))
		}
		for _, o := range m.Overrides {
			if !acknowledged[o.Pool] {
				t.Fatalf("%s is there, and was refused", o.Pool)
			}
		}
	}
	n, refused := 0, 0
	for pages := range 40 {
		disk.Fill(t, pages)
		for room := true; room; n++ {
			o := override(fmt.Sprintf("pool-%05d", n))
			o.Reason = strings.Repeat("derby ", rand.IntN(2000))
			at := noon.Add(time.Duration(n) * time.Second)
			err := s.Save(engine.Change{Time: at, Overrides: map[string]*policy.Override{o.Pool: o}, Pools: map[string]engine.PoolMemory{o.Pool: full()}})
			switch {
			case err == nil:
				acknowledged[o.Pool] = true
			case errors.Is(err, syscall.ENOSPC):
				room = false
				refused++
			default:
				t.Fatal(err)
			}
		}
		if err := s.db.View(func(tx *bbolt.Tx) error {
			m, err := whole(tx)
			check(m)
			return err
		}); err != nil {
			t.Fatalf("with %d pages left: %v", pages, err)
		}
		disk.Free(t)
		end := map[string]*policy.Override{}
		for name := range acknowledged {
			end[name] = nil
		}
		last := override(fmt.Sprintf("last-%02d", pages))
		end[last.Pool] = last
		saved(t, s, engine.Change{Overrides: end})
		acknowledged = map[string]bool{last.Pool: true}
	}
	if refused != 40 {
		t.Errorf("%d changes were refused, want one for each time", refused)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, m := opened(t, dir)
	check(m)
	if aside := s.SetAside(); aside != nil {
		t.Errorf("set aside %v", aside)
	}
}

// P21: a start on a full disk fails and says why, and leaves nothing behind that a later
// one takes for damage.
func TestAStartOnAFullDiskLeavesNoHalfFile(t *testing.T) {
	disk := disktest.New(t)
	failed := 0
	for pages := range 12 {
		dir := filepath.Join(disk.Dir, fmt.Sprint("state-", pages))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		disk.Fill(t, pages)
		s, _, err := Open(dir, noon)
		switch {
		case err == nil:
			_ = s.Close() // nothing was saved
		case errors.Is(err, syscall.ENOSPC) && strings.HasPrefix(err.Error(), "storage: "):
			failed++
		default:
			t.Errorf("with %d pages left: %v", pages, err)
		}
		disk.Free(t)
		s, _ = opened(t, dir)
		if aside := s.SetAside(); aside != nil {
			t.Errorf("with %d pages left before, a file was set aside: %v", pages, aside)
		}
	}
	if failed == 0 || failed == 12 {
		t.Errorf("%d starts of 12 failed", failed)
	}
}
