package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

const (
	unitFile      = "../../deploy/systemd/scaling-adapter.service"
	containerFile = "../../deploy/container/Containerfile"
)

// unitKeys are the keys of units that may be used; systemd ignores others.
var unitKeys = map[string][]string{
	"Unit":    {"Description", "Documentation", "Wants", "After"},
	"Install": {"WantedBy"},
	"Service": {
		"Type", "ExecStart", "WatchdogSec", "Restart", "RestartSec", "TimeoutStartSec", "TimeoutStopSec", "User", "DynamicUser", "UMask", "StateDirectory", "StateDirectoryMode",
		"AmbientCapabilities", "CapabilityBoundingSet", "DevicePolicy", "LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "RemoveIPC",
		"PrivateDevices", "PrivateIPC", "PrivateMounts", "PrivateTmp", "PrivateUsers",
		"ProtectClock", "ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "ProtectSystem",
		"RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
		"SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter",
	},
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readUnit returns the last value of each key of the unit.
func readUnit(t *testing.T) map[string]string {
	t.Helper()
	values := map[string]string{}
	section := ""
	for i, line := range strings.Split(readFile(t, unitFile), "\n") {
		place := fmt.Sprintf("%s:%d", unitFile, i+1)
		switch key, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		case !ok:
			t.Errorf("%s: %q is no assignment", place, line)
		case !slices.Contains(unitKeys[section], key):
			t.Errorf("%s: [%s] has no key %s that is known", place, section, key)
		default:
			values[key] = value
		}
	}
	return values
}

// checkRun fails unless the binary understands the arguments and would run with them.
func checkRun(t *testing.T, args []string) *runCmd {
	t.Helper()
	var c cli
	parser, err := kong.New(&c, kong.Name("scaling-adapter"))
	if err != nil {
		t.Fatal(err)
	}
	command, err := parser.Parse(args)
	switch {
	case err != nil:
		t.Errorf("%q: %s", args, err)
	case command.Command() != "run":
		t.Errorf("%q is the command %s", args, command.Command())
	}
	return &c.Run
}

func timeOf(t *testing.T, unit map[string]string, key string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(strings.NewReplacer("min", "m").Replace(unit[key]))
	if err != nil {
		t.Errorf("%s: %s", key, err)
	}
	return d
}

func TestUnit(t *testing.T) {
	unit := readUnit(t)
	args := strings.Fields(unit["ExecStart"])
	if len(args) == 0 {
		t.Fatal("no ExecStart")
	}
	run := checkRun(t, args[1:])
	if host, _, err := net.SplitHostPort(run.ListenAddress); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s, which is more than this machine", run.ListenAddress)
	}
	for key, want := range map[string]string{"Type": "notify-reload", "Restart": "on-failure", "StateDirectory": "scaling-adapter"} {
		if unit[key] != want {
			t.Errorf("%s is %q, want %s", key, unit[key], want)
		}
	}
	// Two ticks of the usual interval, and a call in flight with a margin.
	if d := timeOf(t, unit, "WatchdogSec"); d < 2*30*time.Second {
		t.Errorf("WatchdogSec is %s, which is shorter than two ticks", d)
	}
	if d := timeOf(t, unit, "TimeoutStopSec"); d < 14*time.Second {
		t.Errorf("TimeoutStopSec is %s; a call takes 10 s and webhooks 3 s", d)
	}
}

func TestUnitIsHardened(t *testing.T) {
	readFile(t, unitFile) // the cache of tests does not see what others read
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", unitFile).CombinedOutput()
	found := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		t.Skipf("the unit's exposure is not checked: it needs systemd-analyze with --offline (systemd 250 or newer): %v %s", err, out)
	}
	if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level >= 2 {
		t.Errorf("exposure %s, want less than 2.0:\n%s", found[1], out)
	}
}

func TestContainer(t *testing.T) {
	text := readFile(t, containerFile)
	instruction := func(name string) string {
		all := regexp.MustCompile(`(?m)^`+name+` (.*)$`).FindAllStringSubmatch(text, -1)
		if len(all) == 0 {
			t.Fatalf("no %s", name)
		}
		return all[len(all)-1][1]
	}
	var entrypoint, args []string
	if err := json.Unmarshal([]byte(instruction("ENTRYPOINT")), &entrypoint); err != nil {
		t.Fatalf("ENTRYPOINT: %s", err)
	}
	if err := json.Unmarshal([]byte(instruction("CMD")), &args); err != nil {
		t.Fatalf("CMD: %s", err)
	}
	run := checkRun(t, append(entrypoint[1:], args...))
	if _, port, err := net.SplitHostPort(run.ListenAddress); err != nil || port != instruction("EXPOSE") {
		t.Errorf("it listens on %s and exposes %s", run.ListenAddress, instruction("EXPOSE"))
	}
	if run.ControlAPI {
		t.Error("orders are taken from everybody who reaches the port")
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(instruction("USER")) {
		t.Errorf("USER %s is not the number of one who is not root", instruction("USER"))
	}
	language := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindStringSubmatch(readFile(t, "../../go.mod"))[1]
	if !strings.Contains(text, "FROM docker.io/library/golang:"+language+" AS build\n") {
		t.Errorf("it is not built with Go %s, as go.mod says", language)
	}
	for _, want := range []string{"VOLUME /var/lib/scaling-adapter\nENV STATE_DIRECTORY=/var/lib/scaling-adapter\n", "RUN make build CGO_ENABLED=0 VERSION=", "COPY --from=build /src/bin/scaling-adapter " + entrypoint[0] + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
}
