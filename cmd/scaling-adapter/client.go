package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/prometheus/common/config"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// adapter is a running adapter that a command asks over HTTP, and who asks.
type adapter struct {
	Address    string `name:"address" env:"SCALING_ADAPTER_ADDRESS" default:"http://127.0.0.1:9876" help:"The adapter that is asked."`
	Username   string `name:"username" env:"SCALING_ADAPTER_USERNAME" help:"Name for basic authentication."`
	Password   string `name:"password-file" env:"SCALING_ADAPTER_PASSWORD_FILE" placeholder:"FILE" help:"File with the password for basic authentication."`
	HTTPConfig string `name:"http.config.file" env:"SCALING_ADAPTER_HTTP_CONFIG_FILE" placeholder:"FILE" help:"File with TLS and authentication settings of the HTTP client, as Prometheus defines them."`
}

// Validate reports wrong usage.
func (a adapter) Validate() error {
	if (a.Username == "") != (a.Password == "") {
		return errors.New("--username and --password-file go together")
	}
	if u, err := url.Parse(a.Address); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("--address %q is not like http://127.0.0.1:9876", a.Address)
	}
	return nil
}

// client returns a client that says who asks.
func (a adapter) client() (*http.Client, error) {
	settings := &config.HTTPClientConfig{ProxyConfig: config.ProxyConfig{ProxyFromEnvironment: true}}
	if a.HTTPConfig != "" {
		var err error
		if settings, _, err = config.LoadHTTPConfigFile(a.HTTPConfig); err != nil {
			return nil, fmt.Errorf("read %s: %w", a.HTTPConfig, err)
		}
	}
	if a.Username != "" {
		settings.BasicAuth = &config.BasicAuth{Username: a.Username, PasswordFile: a.Password}
	}
	settings.FollowRedirects = false
	return config.NewClientFromConfig(*settings, "scaling-adapter")
}

// ask fills data with what the adapter answers.
func (a adapter) ask(ctx context.Context, r apiv1.Request, data any) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	err = apiv1.Client{Address: a.Address, HTTP: client}.Call(ctx, r, data)
	switch {
	case errors.Is(err, apiv1.ErrNobody):
		return fmt.Errorf("%w; start the adapter with scaling-adapter run or say where it is with --address", err)
	case errors.Is(err, apiv1.ErrStranger):
		return fmt.Errorf("%w; see --username with --password-file, and --http.config.file", err)
	}
	return err
}

// printed is an adapter whose answer is printed.
type printed struct {
	adapter
	Output string `name:"output" enum:"text,json" default:"text" help:"Format: text or json."`
}

// tell calls an adapter and prints what it answers: as it is, or in words.
func tell[T any](ctx context.Context, p printed, r apiv1.Request, out *output, words func(T) error) error {
	var data json.RawMessage
	if err := p.ask(ctx, r, &data); err != nil {
		return err
	}
	if p.Output == "json" {
		_, err := fmt.Fprintf(out.Stdout, "%s\n", data)
		return err
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return p.noAdapter(err.Error())
	}
	return words(v)
}

// noAdapter is the error about an answer that no adapter gives.
func (a adapter) noAdapter(answered string) error {
	return apiv1.Client{Address: a.Address}.NoAdapter(answered)
}
