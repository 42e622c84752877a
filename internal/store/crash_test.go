package store

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// Of the environment: the directory that a child writes to, and how often it is killed.
const (
	writeTo = "STORE_TEST_WRITES_TO"
	kills   = "STORE_TEST_KILLS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeTo); dir != "" {
		writeUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// writeUntilKilled saves overrides with rising numbers, and the loop's state in between, and
// tells each number once it is saved.
func writeUntilKilled(dir string) {
	s, m, err := Open(dir, noon)
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	for i := len(m.Overrides); ; i++ {
		o := override(fmt.Sprintf("pool-%06d", i))
		if err := s.Save(engine.Change{Overrides: map[string]*policy.Override{o.Pool: o}}); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("saved", i)
		at := noon.Add(time.Duration(i) * time.Second)
		if err := s.Save(engine.Change{Time: at, Pools: map[string]engine.PoolMemory{"nba": full()}, Decided: []engine.Decided{decided("nba", at)}}); err != nil {
			fmt.Println("failed", err)
			return
		}
	}
}

// P22, I36: whenever the process is killed, what it has acknowledged is there, in order and
// without a gap, and the file is whole. STORE_TEST_KILLS=1000 kills it as often.
func TestWhatIsAcknowledgedSurvivesAKill(t *testing.T) {
	times := 25
	if n, err := strconv.Atoi(os.Getenv(kills)); err == nil {
		times = n
	}
	dir := t.TempDir()
	acknowledged := -1
	for i := range times {
		last, err := killedWhileWriting(dir, rand.IntN(40))
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		acknowledged = max(acknowledged, last)
		s, m, err := Open(dir, noon)
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if aside := s.SetAside(); aside != nil {
			t.Fatalf("kill %d: set aside %v", i, aside)
		}
		have := map[string]bool{}
		for _, o := range m.Overrides {
			have[o.Pool] = true
		}
		for k := range max(acknowledged+1, len(have)) {
			if name := fmt.Sprintf("pool-%06d", k); !have[name] {
				t.Fatalf("kill %d: %s is lost, of %d there are, and %d were acknowledged", i, name, len(have), acknowledged+1)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < times {
		t.Errorf("only %d changes were acknowledged in all", acknowledged+1)
	}
}

// killedWhileWriting kills a child after it has told so many numbers, or soon after, and
// returns the last one that it told.
func killedWhileWriting(dir string, after int) (last int, err error) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), writeTo+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	last = -1
	for n := 0; lines.Scan(); n++ {
		number, saved := strings.CutPrefix(lines.Text(), "saved ")
		if !saved {
			err = fmt.Errorf("the child says %q", lines.Text())
			break
		}
		if last, err = strconv.Atoi(number); err != nil {
			break
		}
		if n == after {
			time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond) // into the middle of a write
			_ = child.Process.Kill()                                      // it may tell more until it is gone
		}
	}
	_ = child.Process.Kill()
	_ = child.Wait() // it was killed
	return last, err
}
