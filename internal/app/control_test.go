package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The password is secret.
const webUsers = "basic_auth_users: {alice: $2a$04$R5oEprPdLEvMwB6JMayHqeq/uY3yTp3q7wSz7f2obPOz7Al045X6K}\n"

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// P30: nobody starts an adapter that takes orders from everybody.
func TestTheControlAPINeedsLoopbackOrAuthentication(t *testing.T) {
	for _, tc := range []struct {
		name, address, web string
		want               string // part of the error; empty: it is none
	}{
		{"loopback", "127.0.0.1:0", "", ""},
		{"loopback with TLS for all", "127.0.0.1:0", "tls_server_config: {cert_file: c, key_file: k}\n", ""},
		{"all addresses", "0.0.0.0:0", "", "--web.enable-control-api: everybody who reaches [::]:"},
		{"all addresses, TLS for all", "0.0.0.0:0", "tls_server_config: {cert_file: c, key_file: k}\n", "could give orders; listen on a loopback address such as 127.0.0.1:9876, or let --web.config.file name basic_auth_users or ask for certificates of clients"},
		{"all addresses, no users", "0.0.0.0:0", "basic_auth_users: {}\n", "could give orders"},
		{"all addresses, users", "0.0.0.0:0", webUsers, ""},
		{"all addresses, verified certificates", "0.0.0.0:0", "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n", ""},
		{"all addresses, certificates of anybody", "0.0.0.0:0", "tls_server_config: {client_auth_type: RequireAndVerifyClientCert}\n", "could give orders"},
		{"all addresses, any certificate", "0.0.0.0:0", "tls_server_config: {client_auth_type: RequireAnyClientCert, client_ca_file: ca.pem}\n", "could give orders"},
		{"all addresses, certificates if they are given", "0.0.0.0:0", "tls_server_config: {client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.pem}\n", "could give orders"},
		{"no YAML", "127.0.0.1:0", "{", "web configuration "},
	} {
		o := Options{EnableControlAPI: true, Listener: listen(t, tc.address)}
		if tc.web != "" {
			o.WebConfigFile = filepath.Join(t.TempDir(), "web.yml")
			if err := os.WriteFile(o.WebConfigFile, []byte(tc.web), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		control, err := newControl(o)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || (control == nil) != (err != nil) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
	if control, err := newControl(Options{}); control != nil || err != nil {
		t.Errorf("off: got %v", err)
	}
	if _, err := New(Options{EnableControlAPI: true, Listener: listen(t, "0.0.0.0:0")}); err == nil || !strings.Contains(err.Error(), "--web.enable-control-api") {
		t.Errorf("an adapter is made: %v", err)
	}
}

func TestControlKnowsWhoAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	const certificates = "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca: x}\n"
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "deploy"}}}}}
	for _, tc := range []struct {
		name, web string
		loopback  bool
		host      string
		user      string // of basic authentication
		tls       *tls.ConnectionState
		who, want string
	}{
		{"this machine", "", true, "127.0.0.1:9876", "", nil, "", ""},
		{"this machine, by name", "", true, "LOCALHOST", "", nil, "", ""},
		{"this machine, IPv6", "", true, "[::1]:9876", "", nil, "", ""},
		{"this machine, IPv6 without a port", "", true, "[::1]", "", nil, "", ""},
		{"a user whom nobody has checked", "", true, "127.0.0.1:9876", "root", nil, "", ""},
		{"a name that was made to lead here", "", true, "evil.example:9876", "", nil, "", `orders are taken at 127.0.0.1 or localhost, not at "evil.example:9876"`},
		{"no host", "", true, "", "", nil, "", "orders are taken at 127.0.0.1 or localhost"},
		{"a user", webUsers, false, "adapter.example", "alice", nil, "alice", ""},
		{"nobody", webUsers, true, "127.0.0.1:9876", "", nil, "", "orders need basic authentication"},
		{"a certificate", certificates, false, "adapter.example", "", verified, "deploy", ""},
		{"a certificate that was not verified", certificates, false, "adapter.example", "", &tls.ConnectionState{}, "", "orders need a client's certificate"},
		{"no TLS", certificates, false, "adapter.example", "", nil, "", "orders need a client's certificate"},
		{"authentication was taken out", "basic_auth_users: {}\n", false, "adapter.example", "", nil, "", "orders are not taken any more"},
	} {
		c := control{loopback: tc.loopback}
		if tc.web != "" {
			c.file = file
			if err := os.WriteFile(file, []byte(tc.web), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequest(http.MethodPut, "/api/v1/overrides/nba", nil)
		r.Host, r.TLS = tc.host, tc.tls
		if tc.user != "" {
			r.SetBasicAuth(tc.user, "x")
		}
		who, err := c.authenticate(r)
		if who != tc.who || (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %q, %v; want %q, %q", tc.name, who, err, tc.who, tc.want)
		}
	}
	c := control{file: filepath.Join(t.TempDir(), "gone.yml"), loopback: true}
	if _, err := c.authenticate(httptest.NewRequest(http.MethodPut, "http://127.0.0.1/", nil)); err == nil {
		t.Error("a web configuration that is gone lets everybody in")
	}
}

// Of those whom the listener knows only some may give orders, and those with a token.
func TestControlKnowsWhoMay(t *testing.T) {
	const certificates = "tls_server_config: {client_auth_type: RequireAndVerifyClientCert, client_ca: x}\n"
	const tokens = "# who may\n\ndeploy  aaaaaaaaaaaaaaaaaaaaaaaa\npager bbbbbbbbbbbbbbbbbbbbbbbb\n"
	verified := &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{Subject: pkix.Name{CommonName: "viewer"}}}}}
	for _, tc := range []struct {
		name, web, tokens string
		users             []string
		loopback          bool
		authorization     string
		tls               *tls.ConnectionState
		who, want         string
	}{
		{"a user who may", webUsers, "", []string{"bob", "alice"}, false, "Basic YWxpY2U6eA==", nil, "alice", ""},
		{"a user who may look", webUsers, "", []string{"bob"}, false, "Basic YWxpY2U6eA==", nil, "", `"alice" may look, and not give orders; --web.control-users names who may`},
		{"a certificate that may look", certificates, "", []string{"bob"}, false, "", verified, "", `"viewer" may look`},
		{"a certificate that may look, with a made-up token", certificates, "", []string{"bob"}, false, "Bearer xxxxxxxxxxxxxxxxxxxxxxxx", verified, "", `"viewer" may look`},
		{"a token", "", tokens, nil, false, "Bearer bbbbbbbbbbbbbbbbbbbbbbbb", nil, "pager", ""},
		{"a token, in small letters", "", tokens, nil, true, "bearer  aaaaaaaaaaaaaaaaaaaaaaaa", nil, "deploy", ""},
		{"a token beside a certificate that may look", certificates, tokens, []string{"bob"}, false, "Bearer bbbbbbbbbbbbbbbbbbbbbbbb", verified, "pager", ""},
		{"another token", "", tokens, nil, true, "Bearer cccccccccccccccccccccccc", nil, "", "the token is not one of those that may give orders"},
		{"no token", "", tokens, nil, true, "", nil, "", "orders need a token; send it as Authorization: Bearer TOKEN"},
		{"the users of the listener are gone", "basic_auth_users: {}\n", "", []string{"alice"}, true, "Basic YWxpY2U6eA==", nil, "", `"" may look`},
	} {
		c := control{loopback: tc.loopback, users: tc.users}
		for name, text := range map[*string]string{&c.file: tc.web, &c.tokens: tc.tokens} {
			if text == "" {
				continue
			}
			*name = filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(*name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequest(http.MethodPut, "http://127.0.0.1/api/v1/overrides/nba", nil)
		r.TLS = tc.tls
		if tc.authorization != "" {
			r.Header.Set("Authorization", tc.authorization)
		}
		who, err := c.authenticate(r)
		if who != tc.who || (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %q, %v; want %q, %q", tc.name, who, err, tc.who, tc.want)
		}
	}
}

// Bad token files are named with their line, and never with a token.
func TestTokenFiles(t *testing.T) {
	name := filepath.Join(t.TempDir(), "tokens")
	for text, want := range map[string]string{
		"":                                  "no token; expected lines with a name and a token",
		"# nobody\n":                        "no token",
		"deploy canary-token\n":             ":1: the token of deploy has less than 20 characters",
		"\ncanary-canary-canary-canary\n":   ":2: expected a name and a token",
		"a b canary-canary-canary-canary\n": ":1: expected a name and a token",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newControl(Options{EnableControlAPI: true, ControlTokenFile: name, Listener: listen(t, "127.0.0.1:0")})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := newControl(Options{EnableControlAPI: true, ControlUsers: []string{"alice"}, Listener: listen(t, "127.0.0.1:0")}); err == nil || !strings.Contains(err.Error(), "--web.control-users: the HTTP server asks nobody who they are") {
		t.Errorf("users without authentication: %v", err)
	}
	if err := os.WriteFile(name, []byte("deploy aaaaaaaaaaaaaaaaaaaaaaaa\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newControl(Options{EnableControlAPI: true, ControlTokenFile: name, Listener: listen(t, "0.0.0.0:0")}); err != nil {
		t.Errorf("a token protects all addresses: %v", err)
	}
}

// The whole way: the listener asks for a password, the order is taken and logged.
func TestOrdersOverHTTP(t *testing.T) {
	f := newFixture(t)
	f.write(t, "web.yml", webUsers)
	o := f.options(listen(t, "127.0.0.1:0"))
	o.WebConfigFile, o.EnableControlAPI = filepath.Join(f.dir, "web.yml"), true
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx, nil) }()
	put := func(user string) int {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+o.Listener.Addr().String()+"/api/v1/overrides/nba", strings.NewReader(`{"hold":true,"author":"anna","reason":"repair"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if user != "" {
			r.SetBasicAuth(user, "secret")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for user, want := range map[string]int{"": 401, "bob": 401, "alice": 200} {
		if got := put(user); got != want {
			t.Errorf("%q: got %d, want %d", user, got, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %s", err)
	}
	if text := f.log.String(); strings.Count(text, `msg="override set"`) != 1 || !strings.Contains(text, `msg="override set" author=anna user=alice remote=127.0.0.1:`) {
		t.Errorf("log:\n%s", text)
	}
}
