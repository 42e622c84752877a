package app

import (
	"log/slog"
	"runtime/debug"
	"testing"
)

func TestSpareMemory(t *testing.T) {
	before := debug.SetGCPercent(77)
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(before)
		debug.SetMemoryLimit(limit)
	})
	logger := slog.New(slog.DiscardHandler)
	for _, tt := range []struct {
		gogc string
		want int
	}{{"90", 77}, {"", gcPercent}} {
		t.Setenv("GOGC", tt.gogc)
		SpareMemory(logger)
		if got := debug.SetGCPercent(77); got != tt.want {
			t.Errorf("with GOGC=%q garbage is collected at %d %%, want %d", tt.gogc, got, tt.want)
		}
	}
	t.Setenv("GOMEMLIMIT", "123MiB")
	debug.SetMemoryLimit(123 << 20) // as the runtime does
	SpareMemory(logger)
	if got := debug.SetMemoryLimit(-1); got != 123<<20 {
		t.Errorf("a limit of 123 MiB became one of %d bytes", got)
	}
}
