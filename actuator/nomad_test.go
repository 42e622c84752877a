package actuator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// nomad is a server of Nomad's API for one job, as far as scaling goes. Requests and
// answers are of Nomad's own types, refusals in Nomad's words.
type nomad struct {
	t *testing.T

	mu         sync.Mutex
	index      uint64 // of the job
	groups     map[string]api.TaskGroupScaleStatus
	most       int64  // of its scaling policy
	deployment bool   // one is active
	before     func() // is called before a job is scaled
	scaled     []api.ScalingRequest
}

func (n *nomad) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	refuse := func(status int, format string, args ...any) {
		w.WriteHeader(status)
		fmt.Fprintf(w, format, args...)
	}
	job, isJob := strings.CutPrefix(r.URL.EscapedPath(), "/v1/job/")
	job, isScale := strings.CutSuffix(job, "/scale")
	switch {
	case !isJob || !isScale:
		n.t.Errorf("%s %s is not of Nomad's API", r.Method, r.URL)
		refuse(http.StatusNotFound, "Invalid path")
	case r.Header.Get("Authorization") != "Bearer secret":
		refuse(http.StatusForbidden, "Permission denied")
	case job != "agents%2Fnba" || r.URL.Query().Get("namespace") != "league 1":
		refuse(http.StatusNotFound, "job not found")
	case r.Method == http.MethodGet:
		n.answer(w, api.JobScaleStatusResponse{JobID: "agents/nba", Namespace: "league 1", JobCreateIndex: 7, JobModifyIndex: n.index, TaskGroups: n.groups})
	case r.Method == http.MethodPut || r.Method == http.MethodPost:
		n.scale(w, r, refuse)
	default:
		refuse(http.StatusMethodNotAllowed, "Invalid method")
	}
}

func (n *nomad) scale(w http.ResponseWriter, r *http.Request, refuse func(int, string, ...any)) {
	var request api.ScalingRequest
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		n.t.Errorf("the request is none of Nomad's: %v", err)
		refuse(http.StatusBadRequest, "%s", err)
		return
	}
	n.scaled = append(n.scaled, request)
	if n.before != nil {
		n.before()
	}
	group, found := n.groups[request.Target["Group"]]
	switch {
	case request.Target["Job"] != "agents/nba":
		refuse(http.StatusBadRequest, "job ID does not match")
	case !found:
		refuse(http.StatusBadRequest, "task group %q specified for scaling does not exist in job", request.Target["Group"])
	case *request.Count > n.most:
		refuse(http.StatusBadRequest, "group count was greater than scaling policy maximum: %d > %d", *request.Count, n.most)
	case n.deployment:
		refuse(http.StatusBadRequest, "job scaling blocked due to active deployment")
	case request.JobModifyIndex > 0 && request.JobModifyIndex != n.index:
		refuse(http.StatusInternalServerError, "Enforcing job modify index %d: job exists with conflicting job modify index: %d", request.JobModifyIndex, n.index)
	default:
		group.Desired = int(*request.Count)
		n.groups[request.Target["Group"]] = group
		n.index++
		n.answer(w, api.JobRegisterResponse{EvalID: "5e9d5f4a", EvalCreateIndex: n.index, JobModifyIndex: n.index})
	}
}

func (n *nomad) answer(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		n.t.Error(err)
	}
}

// set changes what the server knows.
func (n *nomad) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *nomad) others(count int) {
	group := n.groups["workers"]
	group.Desired = count
	n.groups["workers"] = group
	n.index++
}

func TestNomad(t *testing.T) {
	server := &nomad{t: t, index: 1 << 60, most: 8, groups: map[string]api.TaskGroupScaleStatus{
		"workers": {Desired: 4, Placed: 4, Running: 3, Healthy: 0},
		"logs":    {Desired: 1, Running: 1},
	}}
	web := httptest.NewServer(server)
	defer web.Close()
	as := func(token, group string) *HTTP {
		return actuatorWith(t, web.URL, dialect.Nomad("league 1", "agents/{{.Pool}}", group), func(c *Config) {
			c.Timeout = 10 * time.Second
			c.HTTP.Authorization = &config.Authorization{Type: "Bearer", Credentials: config.Secret(token)}
			c.Labels = map[string]map[string]string{"nba": {"role": "workers"}}
		})
	}
	a := as("secret", `{{.Label "role"}}`)
	scale := func(from, to int, want policy.Result) {
		t.Helper()
		if got := a.Scale(t.Context(), decision(from, to)); got.Result != want || (got.Err == nil) != (want == policy.Accepted) {
			t.Errorf("from %d to %d: got %+v, want %s", from, to, got, want)
		}
	}
	if got := a.Current(t.Context(), "nba"); got != (policy.Count{Agents: 4, Ready: 3, Known: true}) {
		t.Errorf("got %+v", got)
	}
	scale(4, 6, policy.Accepted)
	if r := server.scaled[0]; r.JobModifyIndex != 1<<60 || *r.Count != 6 || r.Message != "because" || r.Meta["decision_id"] != "nba-1" {
		t.Errorf("asked for %+v", r)
	}
	if got := a.Current(t.Context(), "nba"); got.Agents != 6 {
		t.Errorf("got %+v", got)
	}
	scale(6, 9, policy.Failed) // more than Nomad's own policy allows
	server.set(func() { server.deployment = true })
	scale(6, 5, policy.Conflict)
	server.set(func() { server.deployment = false })

	server.set(func() { server.others(2) })
	asked := len(server.scaled)
	scale(6, 5, policy.Conflict)
	if len(server.scaled) != asked {
		t.Error("the pool was changed by others, and yet scaled")
	}
	server.set(func() { server.before = func() { server.others(3) } })
	scale(2, 5, policy.Conflict)
	server.set(func() { server.before = nil })
	if got := a.Current(t.Context(), "nba"); got.Agents != 3 {
		t.Errorf("somebody else's 3 agents became %+v", got)
	}

	for _, stranger := range []*HTTP{as("guess", "workers"), as("secret", "nobody")} {
		if got := stranger.Current(t.Context(), "nba"); got.Known || got.Detail == "" {
			t.Errorf("got %+v", got)
		}
		if got := stranger.Scale(t.Context(), decision(3, 4)); got.Result != policy.NotSent || got.Err == nil {
			t.Errorf("got %+v", got)
		}
	}
	if got := a.Current(t.Context(), "nfl"); got.Known {
		t.Errorf("got %+v", got)
	}
}
