package app

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/scaling-adapter/scaling-adapter/engine"
)

// service tells the service manager how the daemon is, as systemd's sd_notify does.
// Without NOTIFY_SOCKET it tells nobody.
//
// That the daemon is alive is told by the loop alone, after each turn that it completed:
// a loop that is stuck is noticed, however well everything else is.
type service struct {
	socket   string        // of the service manager; empty: there is none
	watchdog time.Duration // after which a silent daemon is restarted; 0: never
	logger   *slog.Logger

	mu      sync.Mutex // messages are sent one after the other
	phase   phase
	failed  bool // to send the last message
	refused bool // the last configuration was bad
}

// phase is how far the daemon has come. Outside of serving, only its begin and its end
// are told.
type phase int

const (
	starting phase = iota
	serving
	stopping
)

// tellTimeout is how long a message may take. It is short, because the loop waits for it.
const tellTimeout = time.Second

func newService(logger *slog.Logger) *service {
	s := &service{socket: os.Getenv("NOTIFY_SOCKET"), logger: logger}
	if s.socket == "" {
		return s
	}
	var err error
	if s.watchdog, err = daemon.SdWatchdogEnabled(false); err != nil {
		logger.Warn("watchdog not understood; going on without", "err", err)
	}
	return s
}

// checkInterval warns of a watchdog that bites before a loop that is well can tell so.
func (s *service) checkInterval(interval time.Duration) {
	const ticks = 2 // a tick may take as long as an interval
	if s.watchdog > 0 && s.watchdog < ticks*interval {
		s.logger.Warn("the watchdog is shorter than two ticks, so a loop that is well may be restarted; raise WatchdogSec of the unit or lower interval",
			"watchdog", s.watchdog, "interval", interval, "at_least", ticks*interval)
	}
}

// ready tells that the first configuration is loaded and the listener is open.
func (s *service) ready() {
	s.enter(serving, daemon.SdNotifyReady, s.status(nil))
}

// reloading tells that files are read anew; reloaded follows.
func (s *service) reloading() {
	s.tell(daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()), "STATUS=reading the configuration")
}

// reloaded tells that files were read. The service manager has no word for files that
// were refused, so the status says it.
func (s *service) reloaded(err error, last *engine.Snapshot) {
	s.mu.Lock()
	s.refused = err != nil
	s.mu.Unlock()
	s.tell(daemon.SdNotifyReady, s.status(last))
}

// ticked tells that the loop has taken a turn.
func (s *service) ticked(last *engine.Snapshot) {
	s.tell(daemon.SdNotifyWatchdog, s.status(last))
}

// stopping tells that the daemon ends.
func (s *service) stopping() {
	s.enter(stopping, daemon.SdNotifyStopping, "STATUS=finishing the calls in flight")
}

// status is a line for people.
func (s *service) status(last *engine.Snapshot) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := "waiting for the first tick"
	if last != nil {
		line = fmt.Sprintf("last tick %s, %d pools", last.Time.Format("2006-01-02 15:04:05 MST"), len(last.Pools))
		if len(last.Degraded) > 0 {
			line += "; degraded: " + strings.Join(last.Degraded, ", ")
		}
	}
	if s.refused {
		line += "; the configuration was not loaded, the log says why"
	}
	return "STATUS=" + strings.ReplaceAll(line, "\n", " ")
}

func (s *service) enter(p phase, message ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = p
	s.send(message)
}

func (s *service) tell(message ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == serving {
		s.send(message)
	}
}

// send sends a message and logs once when that begins to fail.
func (s *service) send(message []string) {
	if s.socket == "" {
		return
	}
	err := deliver(s.socket, strings.Join(message, "\n"))
	if err != nil && !s.failed {
		s.logger.Warn("the service manager cannot be told how we are; going on", "socket", s.socket, "err", err)
	}
	s.failed = err != nil
}

// deliver writes one datagram. Unlike daemon.SdNotify it gives up after a while: a
// service manager that does not read must not hold the loop.
func deliver(socket, message string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the datagram is out, or will never be
	if err := conn.SetWriteDeadline(time.Now().Add(tellTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}
