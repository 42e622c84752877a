package config

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/actuator/dialect"
	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Orchestrator says where and how pools are scaled.
type Orchestrator struct {
	URL             string
	Timeout         time.Duration // of one call
	Retries         int
	ConvergeTimeout time.Duration // of a change that was accepted; 0: none
	FailurePause    time.Duration // of a pool that could not be scaled
	HTTP            config.HTTPClientConfig

	Dialect           *dialect.Dialect
	RequestsPerSecond float64        // 0: no limit
	At                strictyaml.Pos // of what chooses the dialect
	RateAt            strictyaml.Pos
}

type orchestrator struct {
	strictyaml.Where
	URL               string                  `yaml:"url"`
	Timeout           model.Duration          `yaml:"timeout"`
	Retries           int                     `yaml:"retries"`
	ConvergeTimeout   model.Duration          `yaml:"converge_timeout"`
	FailurePause      model.Duration          `yaml:"failure_pause"`
	RequestsPerSecond float64                 `yaml:"requests_per_second"`
	Kubernetes        kubernetes              `yaml:"kubernetes"`
	Nomad             nomad                   `yaml:"nomad"`
	Templates         templates               `yaml:"templates"`
	HTTP              config.HTTPClientConfig `yaml:",inline"`
}

type kubernetes struct {
	strictyaml.Where
	Namespace string `yaml:"namespace"`
	Resource  string `yaml:"resource"`
	Name      string `yaml:"name"`
}

type nomad struct {
	strictyaml.Where
	Namespace string `yaml:"namespace"`
	Job       string `yaml:"job"`
	Group     string `yaml:"group"`
}

type templates struct {
	strictyaml.Where
	Read  readTemplate  `yaml:"read"`
	Scale scaleTemplate `yaml:"scale"`
}

type readTemplate struct {
	strictyaml.Where
	Method         string            `yaml:"method"`
	Path           string            `yaml:"path"`
	Headers        map[string]string `yaml:"headers"`
	Body           string            `yaml:"body"`
	Agents         string            `yaml:"agents"`
	Ready          string            `yaml:"ready"`
	ReadyIfMissing string            `yaml:"ready_if_missing"`
	Values         map[string]string `yaml:"values"`
}

type scaleTemplate struct {
	strictyaml.Where
	Method    string            `yaml:"method"`
	Path      string            `yaml:"path"`
	Headers   map[string]string `yaml:"headers"`
	Body      string            `yaml:"body"`
	Conflicts []conflict        `yaml:"conflicts"`
}

type conflict struct {
	strictyaml.Where
	Status   int    `yaml:"status"`
	Contains string `yaml:"contains"`
}

// kubernetesResources are those of apps/v1 that have a scale.
var kubernetesResources = []string{"deployments", "statefulsets", "replicasets"}

func defaultOrchestrator() orchestrator {
	return orchestrator{
		Timeout: model.Duration(5 * time.Second), Retries: 2, HTTP: config.DefaultHTTPClientConfig,
		ConvergeTimeout: model.Duration(5 * time.Minute), FailurePause: model.Duration(30 * time.Minute),
		Kubernetes: kubernetes{Namespace: "default", Resource: "deployments", Name: "{{.Pool}}"},
		Nomad:      nomad{Namespace: "default", Job: "{{.Pool}}", Group: "{{.Pool}}"},
		Templates: templates{
			Read:  readTemplate{Method: "GET", ReadyIfMissing: string(dialect.AllReady)},
			Scale: scaleTemplate{Method: "PUT"},
		},
	}
}

func (c checker) orchestrator(o orchestrator, dir string) Orchestrator {
	out := Orchestrator{
		URL:     c.url(o.Where, o.URL),
		Timeout: c.duration(o.Where, "timeout", o.Timeout, time.Millisecond),
		Retries: o.Retries,

		ConvergeTimeout: time.Duration(o.ConvergeTimeout),
		FailurePause:    time.Duration(o.FailurePause),

		HTTP: c.client(o.Where, o.HTTP, dir),

		RequestsPerSecond: o.RequestsPerSecond, RateAt: o.At("requests_per_second"),
	}
	if o.Retries < 0 || o.Retries > 10 {
		c.Add(o.At("retries"), "retries must be between 0 and 10, got %d", o.Retries)
	}
	if o.RequestsPerSecond < 0 {
		c.Add(out.RateAt, "requests_per_second must not be negative, got %g; 0 is no limit", o.RequestsPerSecond)
	}
	out.Dialect, out.At = c.dialect(o)
	return out
}

// dialect returns the dialect that is spoken, and the place of what chose it.
func (c checker) dialect(o orchestrator) (*dialect.Dialect, strictyaml.Pos) {
	chosen := slices.DeleteFunc([]string{"kubernetes", "nomad", "templates"}, func(key string) bool { return !o.Has(key) })
	if len(chosen) > 1 {
		c.Add(o.At(chosen[1]), "an orchestrator has one of %s; leave the others out", strings.Join(chosen, ", "))
		return nil, o.Pos()
	}
	t, where := dialect.ScalingAdapter(), func(string) strictyaml.Pos { return o.Pos() }
	switch {
	case o.Has("kubernetes"):
		k := o.Kubernetes
		if !slices.Contains(kubernetesResources, k.Resource) {
			c.Add(k.At("resource"), "expected %s, got %q; others take templates", strings.Join(kubernetesResources, ", "), k.Resource)
		}
		t, where = dialect.Kubernetes(k.Namespace, k.Resource, k.Name), namesAt(k.Where)
	case o.Has("nomad"):
		n := o.Nomad
		t, where = dialect.Nomad(n.Namespace, n.Job, n.Group), namesAt(n.Where)
	case o.Has("templates"):
		t, where = o.Templates.dialect(), o.Templates.at
	}
	d, problems := dialect.New(t)
	for _, p := range problems {
		c.Add(where(p.Key), "%s", strings.TrimPrefix(p.Error(), "names."))
	}
	if len(chosen) == 1 {
		return d, o.At(chosen[0])
	}
	return d, o.Pos()
}

// namesAt finds names of a preset.
func namesAt(w strictyaml.Where) func(key string) strictyaml.Pos {
	return func(key string) strictyaml.Pos { return w.At(strings.TrimPrefix(key, "names.")) }
}

func (t templates) dialect() dialect.Templates {
	out := dialect.Templates{
		Read: dialect.Read{
			Request: dialect.Request{Method: t.Read.Method, Path: t.Read.Path, Headers: t.Read.Headers, Body: t.Read.Body},
			Agents:  t.Read.Agents, Ready: t.Read.Ready, ReadyIfMissing: dialect.Ready(t.Read.ReadyIfMissing), Values: t.Read.Values,
		},
		Scale: dialect.Scale{Request: dialect.Request{Method: t.Scale.Method, Path: t.Scale.Path, Headers: t.Scale.Headers, Body: t.Scale.Body}},
	}
	for _, a := range t.Scale.Conflicts {
		out.Scale.Conflicts = append(out.Scale.Conflicts, dialect.Answer{Status: a.Status, Contains: a.Contains})
	}
	return out
}

// at finds the place of a template by its key, like scale.body.
func (t templates) at(key string) strictyaml.Pos {
	request, rest, _ := strings.Cut(key, ".")
	rest, _, _ = strings.Cut(rest, ".")
	where := t.Read.Where
	if request == "scale" {
		where = t.Scale.Where
	}
	if where.Pos() == (strictyaml.Pos{}) {
		return t.Pos()
	}
	return where.At(rest)
}
