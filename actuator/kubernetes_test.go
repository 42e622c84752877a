package actuator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// cluster is an API server and what happens in it besides our requests.
type cluster struct {
	url    string
	others func(replicas int) // somebody else scales the deployment
	ready  func(pods int)     // its controller reports ready pods
}

// as returns an actuator with somebody's token.
func (c cluster) as(t *testing.T, token, resource string) *HTTP {
	t.Helper()
	return actuatorWith(t, c.url, dialect.Kubernetes("agents", resource, "agents-{{.Pool}}"), func(conf *Config) {
		conf.Timeout = 10 * time.Second
		conf.HTTP.Authorization = &config.Authorization{Type: "Bearer", Credentials: config.Secret(token)}
	})
}

// converse tells what the adapter and an API server say to each other. It is the
// same for the recorded one and for the real one.
func converse(t *testing.T, c cluster) {
	adapter := c.as(t, "adapter", "deployments")
	count := func(a *HTTP, pool string, want policy.Count) {
		t.Helper()
		if diff := cmp.Diff(want, a.Current(t.Context(), pool)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", pool, diff)
		}
	}
	scale := func(a *HTTP, pool string, from, to int, want policy.Result) {
		t.Helper()
		d := decision(from, to)
		d.Pool = pool
		if got := a.Scale(t.Context(), d); got.Result != want {
			t.Fatalf("%s from %d to %d: got %+v, want %s", pool, from, to, got, want)
		}
	}
	known := func(agents, ready int) policy.Count {
		return policy.Count{Agents: agents, Ready: ready, Known: true}
	}

	count(adapter, "nba", known(2, 0))
	c.ready(2)
	count(adapter, "nba", known(2, 2))
	scale(adapter, "nba", 2, 5, policy.Accepted)
	count(adapter, "nba", known(5, 2))

	c.ready(3) // changes the deployment, and does not concern the decision
	scale(adapter, "nba", 5, 4, policy.Accepted)
	count(adapter, "nba", known(4, 3))

	c.others(7)
	scale(adapter, "nba", 4, 6, policy.Conflict)
	count(adapter, "nba", known(7, 3))

	scale(adapter, "nba", 7, 0, policy.Accepted)
	count(adapter, "nba", known(0, 0))
	scale(adapter, "nba", 0, 3, policy.Accepted)
	count(adapter, "nba", known(3, 3))
	c.others(0)
	scale(adapter, "nba", 3, 4, policy.Conflict)
	c.others(1)
	scale(adapter, "nba", 0, 4, policy.Conflict)
	scale(adapter, "nba", 1, -1, policy.Failed) // no number of replicas

	count(adapter, "nfl", policy.Count{Detail: "the orchestrator does not know the pool"})
	scale(adapter, "nfl", 1, 2, policy.Failed)
	stranger := c.as(t, "stranger", "deployments")
	count(stranger, "nba", policy.Count{Detail: "the orchestrator answered 401"})
	scale(stranger, "nba", 1, 2, policy.Failed)

	count(c.as(t, "adapter", "statefulsets"), "nba", policy.Count{Detail: "the orchestrator answered 403"})
	scale(c.as(t, "adapter", "statefulsets"), "nba", 1, 2, policy.Failed)
	for _, resource := range []string{"statefulsets", "replicasets"} {
		admin := c.as(t, "admin", resource)
		count(admin, "nba", known(1, 0))
		scale(admin, "nba", 1, 2, policy.Accepted)
		scale(admin, "nba", 1, 3, policy.Conflict)
		count(admin, "nba", known(2, 0))
	}
}

// exchange is a request and its answer, as they were.
type exchange struct {
	Method        string          `json:"method"`
	URI           string          `json:"uri"`
	Authorization string          `json:"authorization"`
	ContentType   string          `json:"content_type,omitempty"`
	Body          json.RawMessage `json:"body,omitempty"`
	Status        int             `json:"status"`
	Answer        json.RawMessage `json:"answer"`
}

// exchangeOf returns a request that has no answer yet.
func exchangeOf(t *testing.T, r *http.Request) exchange {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return exchange{Method: r.Method, URI: r.RequestURI, Authorization: r.Header.Get("Authorization"), ContentType: r.Header.Get("Content-Type"), Body: body}
}

// recording is the conversation with a real API server; make e2e-kubernetes
// records it.
const recording = "testdata/kubernetes.json"

// TestKubernetesAsRecorded lets an API server answer that knows the recorded
// conversation, word by word, and nothing else.
func TestKubernetesAsRecorded(t *testing.T) {
	data, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	var recorded []exchange
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	next := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got := exchangeOf(t, r)
		if next == len(recorded) {
			t.Errorf("after the recorded conversation came %s %s", got.Method, got.URI)
			return
		}
		want := recorded[next]
		next++
		got.Status, got.Answer = want.Status, want.Answer
		if diff := cmp.Diff(want, got, cmp.Transformer("compact", compact)); diff != "" {
			t.Errorf("request %d is not as recorded (-recorded +got):\n%s", next, diff)
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(want.Status)
		io.WriteString(w, compact(want.Answer))
	}))
	defer server.Close()
	converse(t, cluster{url: server.URL, others: func(int) {}, ready: func(int) {}})
	if next != len(recorded) {
		t.Errorf("%d requests were made, %d were recorded", next, len(recorded))
	}
}

func compact(m json.RawMessage) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	if len(m) == 0 || encoder.Encode(m) != nil {
		return string(m)
	}
	return strings.TrimSpace(out.String())
}
