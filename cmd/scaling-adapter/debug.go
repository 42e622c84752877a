package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
)

type debugCmd struct {
	Bundle bundleCmd `cmd:"" help:"Pack what a running adapter tells of itself into a file for support."`
}

type bundleCmd struct {
	Out    string `name:"out" placeholder:"FILE" help:"The file; without it scaling-adapter-debug-TIME.tar.gz."`
	Config string `name:"config.file" placeholder:"FILE" help:"Pack this configuration and its rule files too, without secrets, headers and the paths of URLs."`
	adapter
}

// bundled are what is asked of an adapter, by the name of the file.
var bundled = []struct{ name, path string }{
	{"status.json", "/api/v1/status"},
	{"health.json", "/api/v1/health"},
	{"pools.json", "/api/v1/pools"},
	{"decisions.json", "/api/v1/decisions?limit=500"},
	{"rules.json", "/api/v1/rules"},
	{"overrides.json", "/api/v1/overrides"},
	{"events.json", "/api/v1/events"},
	{"budgets.json", "/api/v1/budgets"},
	{"forecasts.json", "/api/v1/forecast"},
	{"metrics.txt", "/metrics"},
	{"goroutines.txt", "/debug/goroutines"},
}

// Run writes the file. What the adapter does not tell is left out, and said so in it.
func (c *bundleCmd) Run(ctx context.Context, out *output) (err error) {
	now := time.Now()
	name := c.Out
	if name == "" {
		name = "scaling-adapter-debug-" + now.UTC().Format("20060102T150405Z") + ".tar.gz"
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	b := newBundle(file, now)
	if err := errors.Join(c.fill(ctx, b, out), b.close(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	_, err = fmt.Fprintf(out.Stdout, "%s: %s\nLook at what is in it before you give it away: names of pools, rules and events, loads and addresses are.\n", name, strings.Join(b.names, ", "))
	return err
}

// fill fails when nobody answers, and when the bundle cannot be written.
func (c *bundleCmd) fill(ctx context.Context, b *bundle, out *output) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	for i, part := range bundled {
		text, err := c.get(ctx, client, part.path)
		switch {
		case err == nil:
			err = b.add(part.name, text)
		case i == 0:
			return err // nobody is there
		default:
			warn(out, []string{part.name + ": " + err.Error()})
			err = b.add(part.name+".missing", []byte(err.Error()+"\n"))
		}
		if err != nil {
			return err
		}
	}
	if c.Config == "" {
		return nil
	}
	cfg, _ := config.Load(c.Config, os.Getenv) // what is wrong with it may be what help is asked for
	for _, name := range append([]string{c.Config}, cfg.RuleFiles...) {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if text, err = redacted(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := b.add(filepath.Join("config", filepath.Base(name)), text); err != nil {
			return err
		}
	}
	return nil
}

// get returns what an adapter serves at a path.
func (c *bundleCmd) get(ctx context.Context, client *http.Client, path string) ([]byte, error) {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.Address, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the adapter: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, apiv1.MostAnswer))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("the adapter answers %d", resp.StatusCode)
	}
	return text, err
}

// bundle is an archive that is written.
type bundle struct {
	zip   *gzip.Writer
	tar   *tar.Writer
	now   time.Time
	names []string
}

func newBundle(w io.Writer, now time.Time) *bundle {
	zip := gzip.NewWriter(w)
	return &bundle{zip: zip, tar: tar.NewWriter(zip), now: now}
}

func (b *bundle) add(name string, text []byte) error {
	b.names = append(b.names, name)
	if err := b.tar.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(text)), ModTime: b.now}); err != nil {
		return err
	}
	_, err := b.tar.Write(text)
	return err
}

func (b *bundle) close() error { return errors.Join(b.tar.Close(), b.zip.Close()) }

// hidden are the keys whose values are nobody's business, whatever they hold.
var hidden = []string{"password", "credentials", "bearer_token", "client_secret", "client_id", "username", "secret", "secrets", "http_headers", "proxy_connect_header", "headers", "params", "key", "cert"}

var address = regexp.MustCompile(`\bhttps?://[^\s'"]+`)

// redacted returns YAML without secrets. URLs keep no more than the host: those of calendars
// are often secret.
func redacted(text []byte) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("it cannot be read, so that it cannot be told what is secret in it: %w", err)
	}
	redact(&document)
	return yaml.Marshal(&document)
}

func redact(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = hosts(n.HeadComment), hosts(n.LineComment), hosts(n.FootComment)
	if n.Kind == yaml.ScalarNode {
		n.Value = hosts(n.Value)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && slices.Contains(hidden, n.Content[i-1].Value) {
			*child = yaml.Node{Kind: yaml.ScalarNode, Value: "<hidden>"}
			continue
		}
		redact(child)
	}
}

// hosts leaves of URLs the scheme and the host.
func hosts(text string) string {
	return address.ReplaceAllStringFunc(text, func(found string) string {
		u, err := url.Parse(found)
		if err != nil {
			return "<hidden>"
		}
		if u.Path == "" && u.User == nil && u.RawQuery == "" {
			return found
		}
		return u.Scheme + "://" + u.Host + "/<hidden>"
	})
}
