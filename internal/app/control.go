package app

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// control says who may give orders over HTTP. The listener authenticates, as its
// web configuration says; where that asks nobody who they are, the listener must be
// for this machine alone.
type control struct {
	loopback bool
	file     string   // web configuration; empty: there is none
	users    []string // who of those that the listener knows may give orders; nil: all
	tokens   string   // file with the tokens of those who may; empty: there is none
}

// authentication is how a web configuration asks who somebody is.
type authentication struct {
	users        bool // by basic authentication
	certificates bool // of clients, verified
}

// newControl returns nil, which lets nobody in, unless the control API is on. It is
// an error to switch it on for everybody who reaches the listener.
func newControl(o Options) (func(*http.Request) (string, error), error) {
	if !o.EnableControlAPI {
		return nil, nil
	}
	address, _ := o.Listener.Addr().(*net.TCPAddr)
	c := control{loopback: address != nil && address.IP.IsLoopback(), file: o.WebConfigFile, users: o.ControlUsers, tokens: o.ControlTokenFile}
	auth, err := readAuthentication(c.file)
	if err != nil {
		return nil, err
	}
	if c.tokens != "" {
		if _, err := readTokens(c.tokens); err != nil {
			return nil, fmt.Errorf("--web.control-token-file: %w", err)
		}
	}
	switch {
	case len(c.users) > 0 && auth == (authentication{}):
		return nil, errors.New("--web.control-users: the HTTP server asks nobody who they are; let --web.config.file name basic_auth_users or ask for certificates of clients")
	case !c.loopback && auth == (authentication{}) && c.tokens == "":
		return nil, fmt.Errorf("--web.enable-control-api: everybody who reaches %s could give orders; listen on a loopback address such as 127.0.0.1:9876, or let --web.config.file name basic_auth_users or ask for certificates of clients (client_auth_type: RequireAndVerifyClientCert and client_ca_file), or give --web.control-token-file", o.Listener.Addr())
	}
	return c.authenticate, nil
}

// authenticate returns who sent a request, if they may give orders. It reads the files
// anew, as the listener does for each request.
func (c control) authenticate(r *http.Request) (string, error) {
	if token := bearer(r); token != "" && c.tokens != "" {
		return c.bearerOf(token)
	}
	user, err := c.identify(r)
	if err == nil && len(c.users) > 0 && !slices.Contains(c.users, user) {
		return "", fmt.Errorf("%q may look, and not give orders; --web.control-users names who may", user)
	}
	return user, err
}

// identify returns who sent a request without a token.

func (c control) identify(r *http.Request) (string, error) {
	auth, err := readAuthentication(c.file)
	if err != nil {
		return "", err
	}
	switch user, _, ok := r.BasicAuth(); {
	case auth.users && ok: // the listener has checked the password
		return user, nil
	case auth.users:
		return "", errors.New("orders need basic authentication")
	case auth.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return r.TLS.VerifiedChains[0][0].Subject.CommonName, nil
	case auth.certificates:
		return "", errors.New("orders need a client's certificate; connect anew")
	case c.tokens != "":
		return "", errors.New("orders need a token; send it as Authorization: Bearer TOKEN")
	case !c.loopback:
		return "", fmt.Errorf("orders are not taken any more: %s asks nobody who they are", c.file)
	case !isLoopback(r.Host):
		// A page of another site whose name was made to lead here.
		return "", fmt.Errorf("orders are taken at 127.0.0.1 or localhost, not at %q; let --web.config.file name basic_auth_users to take them at other names", r.Host)
	}
	return "", nil
}

// bearer returns the token that a request was sent with.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// bearerOf returns whose token it is.
func (c control) bearerOf(token string) (string, error) {
	tokens, err := readTokens(c.tokens)
	if err != nil {
		return "", err
	}
	who := ""
	for name, known := range tokens {
		if subtle.ConstantTimeCompare([]byte(token), []byte(known)) == 1 {
			who = name
		}
	}
	if who == "" {
		return "", errors.New("the token is not one of those that may give orders")
	}
	return who, nil
}

// shortestToken is how many characters a token has at least, so that none is guessed.
const shortestToken = 20

// readTokens reads tokens by the names of those who have them: a line for each, the name,
// blanks and the token. Errors do not tell tokens.
func readTokens(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tokens := map[string]string{}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(fields[0], "#"):
		case len(fields) != 2:
			return nil, fmt.Errorf("%s:%d: expected a name and a token", file, n)
		case len(fields[1]) < shortestToken:
			return nil, fmt.Errorf("%s:%d: the token of %s has less than %d characters", file, n, fields[0], shortestToken)
		default:
			tokens[fields[0]] = fields[1]
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s: no token; expected lines with a name and a token", file)
	}
	return tokens, nil
}

// isLoopback reports whether the host of a request can only be this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// readAuthentication reads of a valid web configuration what exporter-toolkit does
// not tell.
func readAuthentication(file string) (authentication, error) {
	if file == "" {
		return authentication{}, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return authentication{}, err
	}
	var c struct {
		Users map[string]string `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth string `yaml:"client_auth_type"`
			CA         string `yaml:"client_ca"`
			CAFile     string `yaml:"client_ca_file"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return authentication{}, fmt.Errorf("web configuration %s: %w", file, err)
	}
	return authentication{
		users:        len(c.Users) > 0,
		certificates: c.TLS.ClientAuth == "RequireAndVerifyClientCert" && (c.TLS.CA != "" || c.TLS.CAFile != ""),
	}, nil
}
