package app

import (
	"log/slog"
	"net/url"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scaling-adapter/scaling-adapter/engine"
	"github.com/scaling-adapter/scaling-adapter/internal/config"
	"github.com/scaling-adapter/scaling-adapter/internal/webhook"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// webhooks tell endpoints what the loop does.
type webhooks struct {
	*webhook.Sender
	last *engine.Snapshot // of the tick before; the loop's
}

func newWebhooks(reg prometheus.Registerer, logger *slog.Logger) *webhooks {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost" // receivers cannot tell this adapter from others then
	}
	source := url.URL{Host: host, Path: "/scaling-adapter"}
	return &webhooks{Sender: webhook.New(webhook.Options{Source: source.String(), Registerer: reg, Logger: logger})}
}

// decided tells what became of a decision.
func (w *webhooks) decided(d policy.Decision, o policy.Outcome) {
	if e, tell := webhook.Decided(d, o); tell {
		w.Send(e)
	}
}

// ticked tells what has changed since the last tick.
func (w *webhooks) ticked(now *engine.Snapshot) {
	for _, e := range webhook.Changes(w.last, now) {
		w.Send(e)
	}
	w.last = now
}

func endpoints(cfg config.Config) []webhook.Endpoint {
	var out []webhook.Endpoint
	for _, w := range cfg.Webhooks {
		e := webhook.Endpoint{Name: w.Name, URL: w.URL, SecretFile: w.SecretFile, Timeout: w.Timeout, HTTP: w.HTTP}
		for _, name := range w.Events {
			e.Events = append(e.Events, webhook.Type(name))
		}
		out = append(out, e)
	}
	return out
}
