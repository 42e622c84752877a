package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/common/promslog"

	"github.com/scaling-adapter/scaling-adapter/internal/demo"
)

type demoCmd struct {
	For           time.Duration `name:"for" help:"End after this time on the wall, with a summary. Without it the demo goes on until Ctrl-C."`
	Speed         float64       `name:"speed" default:"60" help:"Simulated seconds in one second."`
	ListenAddress string        `name:"web.listen-address" default:"127.0.0.1:0" help:"Address of the adapter's HTTP server. Port 0 is a free one."`
	ControlAPI    bool          `name:"web.enable-control-api" help:"Let overrides and events be told over HTTP."`
	LogLevel      string        `name:"log.level" enum:"debug,info,warn,error" default:"error" help:"Least severe messages to log: debug, info, warn or error."`
}

// Run runs the demo.
func (c *demoCmd) Run(ctx context.Context, out *output) error {
	if !(c.Speed > 0) {
		return errors.New("--speed must be above 0")
	}
	logger, err := newLogger(c.LogLevel, "logfmt", out)
	if err != nil {
		return err
	}
	return demo.Run(ctx, demo.Options{Speed: c.Speed, For: c.For, ListenAddress: c.ListenAddress, EnableControlAPI: c.ControlAPI, Out: out.Stdout, Logger: logger})
}

// newLogger returns a logger to the standard error.
func newLogger(level, format string, out *output) (*slog.Logger, error) {
	c := promslog.Config{Level: promslog.NewLevel(), Format: promslog.NewFormat(), Writer: out.Stderr}
	return promslog.New(&c), errors.Join(c.Level.Set(level), c.Format.Set(format))
}
