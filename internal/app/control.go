package app

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// control says who may give orders over HTTP. The listener authenticates, as its
// web configuration says; where that asks nobody who they are, the listener must be
// for this machine alone.
type control struct {
	loopback bool
	file     string // web configuration; empty: there is none
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
	c := control{loopback: address != nil && address.IP.IsLoopback(), file: o.WebConfigFile}
	auth, err := readAuthentication(c.file)
	if err != nil {
		return nil, err
	}
	if !c.loopback && auth == (authentication{}) {
		return nil, fmt.Errorf("--web.enable-control-api: everybody who reaches %s could give orders; listen on a loopback address such as 127.0.0.1:9876, or let --web.config.file name basic_auth_users or ask for certificates of clients (client_auth_type: RequireAndVerifyClientCert and client_ca_file)", o.Listener.Addr())
	}
	return c.authenticate, nil
}

// authenticate returns who sent a request. It reads the web configuration anew, as
// the listener does for each request.
func (c control) authenticate(r *http.Request) (string, error) {
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
	case !c.loopback:
		return "", fmt.Errorf("orders are not taken any more: %s asks nobody who they are", c.file)
	case !isLoopback(r.Host):
		// A page of another site whose name was made to lead here.
		return "", fmt.Errorf("orders are taken at 127.0.0.1 or localhost, not at %q; let --web.config.file name basic_auth_users to take them at other names", r.Host)
	}
	return "", nil
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
