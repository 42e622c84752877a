//go:build e2e_kubernetes

package actuator

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

var record = flag.Bool("record", false, "write the conversation to "+recording)

// TestKubernetes has the recorded conversation with a real API server, with the
// rights of deploy/kubernetes/rbac.yml and no others.
func TestKubernetes(t *testing.T) {
	api := startKubernetes(t)
	api.post("/api/v1/namespaces", `{"metadata": {"name": "agents"}}`)
	api.applyRights("../deploy/kubernetes/rbac.yml")
	const spec = `"selector": {"matchLabels": {"app": "agents"}}, "template": {"metadata": {"labels": {"app": "agents"}}, "spec": {"containers": [{"name": "agent", "image": "agent"}]}}`
	const apps = "/apis/apps/v1/namespaces/agents/"
	for resource, replicas := range map[string]int{"deployments": 2, "statefulsets": 1, "replicasets": 1} {
		api.post(apps+resource, fmt.Sprintf(`{"metadata": {"name": "agents-nba"}, "spec": {"replicas": %d, "serviceName": "agents", %s}}`, replicas, spec))
	}

	var mu sync.Mutex
	var recorded []exchange
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := exchangeOf(t, r)
		e.Status, e.Answer = api.call(r.Context(), e)
		mu.Lock()
		defer mu.Unlock()
		recorded = append(recorded, e)
		w.WriteHeader(e.Status)
		w.Write(e.Answer)
	}))
	defer proxy.Close()
	patch := func(subresource, body string) {
		t.Helper()
		e := exchange{Method: http.MethodPatch, URI: apps + "deployments/agents-nba" + subresource, Authorization: "Bearer admin", ContentType: "application/merge-patch+json", Body: []byte(body)}
		if status, answer := api.call(t.Context(), e); status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
	}
	converse(t, cluster{
		url:    proxy.URL,
		others: func(replicas int) { patch("/scale", fmt.Sprintf(`{"spec": {"replicas": %d}}`, replicas)) },
		ready: func(pods int) {
			patch("/status", fmt.Sprintf(`{"status": {"replicas": %d, "readyReplicas": %d}}`, pods+1, pods)) // one is starting
		},
	})
	if *record && !t.Failed() {
		text, err := json.MarshalIndent(recorded, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recording, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	// Without anything in between, as it is configured.
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("adapter"), 0o600); err != nil {
		t.Fatal(err)
	}
	direct := actuatorWith(t, api.url, dialect.Kubernetes("agents", "deployments", "agents-{{.Pool}}"), func(c *Config) {
		c.Timeout = 10 * time.Second
		c.HTTP.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: token}
		c.HTTP.TLSConfig.CAFile = api.certificate
	})
	if got := direct.Scale(t.Context(), decision(1, 2)); got.Result != policy.Accepted {
		t.Errorf("got %+v", got)
	}
	if got := direct.Current(t.Context(), "nba"); got != (policy.Count{Agents: 2, Ready: 2, Known: true}) {
		t.Errorf("got %+v", got)
	}
}

// kubernetes is a running API server.
type kubernetes struct {
	t                *testing.T
	url, certificate string
	client           *http.Client
}

// startKubernetes starts the API server that KUBE_APISERVER names on the etcd that
// ETCD names, and nothing else: no controller answers what is asked for.
func startKubernetes(t *testing.T) *kubernetes {
	t.Helper()
	dir := t.TempDir()
	etcd, peers, secure := freePort(t), freePort(t), freePort(t)
	start(t, "ETCD", "--data-dir", filepath.Join(dir, "etcd"), "--log-level", "error",
		"--listen-client-urls", "http://"+etcd, "--advertise-client-urls", "http://"+etcd,
		"--listen-peer-urls", "http://"+peers, "--initial-advertise-peer-urls", "http://"+peers, "--initial-cluster", "default=http://"+peers)
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	accounts := write("accounts.key", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	tokens := write("tokens.csv", []byte("admin,admin,1,system:masters\n"+
		"adapter,system:serviceaccount:agents:scaling-adapter,2,\"system:serviceaccounts,system:serviceaccounts:agents\"\n"))
	_, port, err := net.SplitHostPort(secure)
	if err != nil {
		t.Fatal(err)
	}
	start(t, "KUBE_APISERVER", "--etcd-servers", "http://"+etcd, "--cert-dir", filepath.Join(dir, "certificates"),
		"--bind-address", "127.0.0.1", "--secure-port", port, "--service-cluster-ip-range", "10.0.0.0/24",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", accounts, "--service-account-signing-key-file", accounts,
		"--token-auth-file", tokens, "--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none", "--v", "0")
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // its certificate is made by itself
	t.Cleanup(transport.CloseIdleConnections)
	k := &kubernetes{t: t, url: "https://" + secure, certificate: filepath.Join(dir, "certificates", "apiserver.crt"), client: &http.Client{Transport: transport}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer admin")
		if resp, err := k.client.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return k
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("the API server does not become ready")
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// start runs the program that a variable of the environment names until the test
// ends.
func start(t *testing.T, variable string, args ...string) {
	t.Helper()
	program := os.Getenv(variable)
	if program == "" {
		t.Fatalf("%s is not set; run make e2e-kubernetes", variable)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = cmd.Wait() // it was told to end
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said.String())
		}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// call sends a request to the API server.
func (k *kubernetes) call(ctx context.Context, e exchange) (status int, answer []byte) {
	k.t.Helper()
	req, err := http.NewRequestWithContext(ctx, e.Method, k.url+e.URI, bytes.NewReader(e.Body))
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Authorization", e.Authorization)
	req.Header.Set("Accept", "application/json")
	if e.ContentType != "" {
		req.Header.Set("Content-Type", e.ContentType)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		k.t.Error(err)
		return http.StatusBadGateway, nil
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		k.t.Error(err)
	}
	return resp.StatusCode, answer
}

// post creates an object.
func (k *kubernetes) post(uri, object string) {
	k.t.Helper()
	status, answer := k.call(k.t.Context(), exchange{Method: http.MethodPost, URI: uri, Authorization: "Bearer admin", ContentType: "application/json", Body: []byte(object)})
	if status != http.StatusCreated {
		k.t.Fatalf("%s: %d %s", uri, status, answer)
	}
}

// applyRights creates the objects of a manifest of rights.
func (k *kubernetes) applyRights(name string) {
	k.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		k.t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			k.t.Fatal(err)
		}
		version, kind := object["apiVersion"].(string), object["kind"].(string)
		api := "/apis/" + version
		if !strings.Contains(version, "/") {
			api = "/api/" + version
		}
		body, err := json.Marshal(object)
		if err != nil {
			k.t.Fatal(err)
		}
		k.post(api+"/namespaces/agents/"+strings.ToLower(kind)+"s", string(body))
	}
}
