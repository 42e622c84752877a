package app

import (
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// gcPercent is how much garbage may pile up before it is collected, in percent of what is
// kept. Fits of models leave much of it, so that Go's 100 would take half as much memory
// again to save a tenth of the CPU; docs/scale.md is measured with it.
const gcPercent = 33

// SpareMemory lets the process get by with less memory. Who sets GOGC or GOMEMLIMIT knows
// better; without the latter the limit of the container is heeded, so that garbage is
// collected in time before the kernel would end the process.
func SpareMemory(logger *slog.Logger) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	limit, err := memlimit.Set()
	logger.Debug("garbage is collected in time for a limit of memory", "bytes", limit, "err", err)
}
