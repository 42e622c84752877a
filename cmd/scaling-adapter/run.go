package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/scaling-adapter/scaling-adapter/internal/app"
)

type runCmd struct {
	ConfigFile    string   `name:"config.file" default:"scaling-adapter.yml" help:"Configuration file."`
	ListenAddress string   `name:"web.listen-address" default:"127.0.0.1:9876" help:"Address of the HTTP server."`
	WebConfig     string   `name:"web.config.file" help:"File with TLS and authentication settings of the HTTP server, as exporter-toolkit defines it."`
	ControlAPI    bool     `name:"web.enable-control-api" help:"Let overrides and events be told over HTTP. The HTTP server must listen on a loopback address or authenticate its clients."`
	ControlUsers  []string `name:"web.control-users" placeholder:"NAME" help:"Users and names of certificates that may give orders; others may look. Without it: all that the HTTP server knows."`
	ControlTokens string   `name:"web.control-token-file" placeholder:"FILE" help:"File with a line for each who may give orders with a bearer token: a name and the token."`
	LogLevel      string   `name:"log.level" enum:"debug,info,warn,error" default:"info" help:"Least severe messages to log: debug, info, warn or error."`
	LogFormat     string   `name:"log.format" enum:"logfmt,json" default:"logfmt" help:"Format of log messages: logfmt or json."`
}

// Run runs the adapter until the context ends.
func (c *runCmd) Run(ctx context.Context, out *output) error {
	logger, err := newLogger(c.LogLevel, c.LogFormat, out)
	if err != nil {
		return err
	}
	audit, err := newLogger("info", c.LogFormat, out) // whatever the level of the others
	if err != nil {
		return err
	}
	app.SpareMemory(logger)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.ListenAddress)
	if err != nil {
		return fmt.Errorf("--web.listen-address: %w", err)
	}
	defer listener.Close()
	a, err := app.New(app.Options{
		ConfigFile: c.ConfigFile, Getenv: os.Getenv,
		Listener: listener, WebConfigFile: c.WebConfig, EnableControlAPI: c.ControlAPI, ControlUsers: c.ControlUsers, ControlTokenFile: c.ControlTokens,
		Logger: logger, Audit: audit.With("component", "audit"),
	})
	if err != nil {
		return err
	}
	return a.Run(ctx, nil)
}
