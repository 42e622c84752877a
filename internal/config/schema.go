package config

import (
	"reflect"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Schema returns the JSON Schema of the configuration file. It is made of the types
// that [Load] decodes, so that it knows the keys that Load knows, and their defaults.
func Schema() *strictyaml.Schema {
	s, err := strictyaml.SchemaOf[file](words)
	if err != nil {
		panic("config: " + err.Error())
	}
	s.Title, s.Type = "Configuration of scaling-adapter", strictyaml.Types{"object"}
	strictyaml.SetDefaults(s, defaultFile())
	return s
}

var (
	text    = strictyaml.Types{"string", "number", "boolean"} // libraries take all of them for text
	percent = strictyaml.Schema{ExclusiveMinimum: new(0.0), Maximum: new(100.0)}
)

// words are what the schema says besides types; editors show the descriptions.
var words = strictyaml.Words{
	Types: map[reflect.Type]strictyaml.Schema{
		reflect.TypeFor[model.Duration]():    strictyaml.Duration(),
		reflect.TypeFor[config.Secret]():     {Type: text, Description: "A secret: put it into a file and name that with the key that ends in _file."},
		reflect.TypeFor[config.URL]():        {Type: text},
		reflect.TypeFor[config.TLSVersion](): {Type: strictyaml.Types{"string"}, Enum: []any{"TLS10", "TLS11", "TLS12", "TLS13"}},
	},
	Structs: map[string]strictyaml.Schema{
		"file":          {Required: []string{"prometheus", "orchestrator", "rule_files"}},
		"prometheus":    {Required: []string{"url"}},
		"orchestrator":  {Required: []string{"url"}},
		"OAuth2":        {Required: []string{"client_id", "token_url"}},
		"webhook":       {Required: []string{"url", "events", "secret_file"}},
		"templates":     {Required: []string{"read", "scale"}},
		"readTemplate":  {Required: []string{"path", "agents"}},
		"scaleTemplate": {Required: []string{"path"}},
		"conflict":      {Required: []string{"status"}},
		"hostGroup":     {Required: []string{"name"}, AnyOf: strictyaml.Need("cpu_percent", "memory_percent")},
	},
	Keys: map[string]strictyaml.Schema{
		"file.prometheus":           {Description: "Where loads are read: Prometheus, VictoriaMetrics, Thanos or Mimir."},
		"file.orchestrator":         {Description: "Where pools are scaled."},
		"file.interval":             {Description: "Between two ticks; at least 1s."},
		"file.forecast":             {Description: "How loads are forecast."},
		"file.hosts":                {Description: "What the machines under the agents are asked; without a query a resource limits nothing."},
		"file.limits":               {Description: "What all pools share."},
		"file.defaults":             {Description: "For pools that do not say otherwise."},
		"file.webhooks":             {Description: "Who is told what happened."},
		"file.candidate_rule_files": {Description: "Patterns of rule files that are tried beside rule_files: they are scored and call nobody."},
		"file.rule_files":           {Description: "Patterns of file names, relative to this file; each must match one.", MinItems: 1},

		"prometheus.url":                {Description: "Without credentials.", Pattern: "^https?://.", PatternMessage: "Expected a URL like http://127.0.0.1:9090."},
		"prometheus.timeout":            {Description: "Of one query."},
		"prometheus.query_lag":          {Description: "Queries end this long before now."},
		"prometheus.max_sample_age":     {Description: "Older samples are stale and lower nothing."},
		"file.reports":                  {Description: "A page about the last 24 hours, written each day."},
		"reports.path":                  {Description: "A directory, relative to this file; without one nothing is written."},
		"reports.keep":                  {Description: "How long reports are kept."},
		"file.storage":                  {Description: "Where what must outlive the process is kept."},
		"storage.path":                  {Description: "A directory, relative to this file; default data. A change needs a restart.", MinLength: 1},
		"orchestrator.url":              {Description: "Without credentials.", Pattern: "^https?://.", PatternMessage: "Expected a URL like http://127.0.0.1:9090."},
		"orchestrator.timeout":          {Description: "Of one attempt."},
		"orchestrator.converge_timeout": {Description: "How long a change that was accepted may take until it counts as failed; 0s: for ever."},
		"orchestrator.failure_pause":    {Description: "How long a pool is left alone that could not be scaled; 0s: it is tried again with each tick."},
		"orchestrator.retries":          {Description: "Attempts after the first.", Minimum: new(0.0), Maximum: new(10.0)},

		"orchestrator.requests_per_second": {Description: "Sent at most, by all pools together; 0: no limit.", Minimum: new(0.0)},
		"orchestrator.kubernetes":          {Description: "The agents of a pool are the pods of a workload."},
		"orchestrator.nomad":               {Description: "The agents of a pool are the allocations of a task group."},
		"orchestrator.templates":           {Description: "How any other orchestrator is asked over HTTP; templates know .Pool and .Label."},

		"kubernetes.namespace": {Description: "A template.", MinLength: 1},
		"kubernetes.resource":  {Description: "The kind of the workload, of apps/v1.", Enum: enum(kubernetesResources)},
		"kubernetes.name":      {Description: "Template of a workload's name.", MinLength: 1},
		"nomad.namespace":      {Description: "A template.", MinLength: 1},
		"nomad.job":            {Description: "Template of a job's ID.", MinLength: 1},
		"nomad.group":          {Description: "Template of the name of a job's task group.", MinLength: 1},

		"templates.read":                {Description: "The request that asks how many agents a pool has."},
		"templates.scale":               {Description: "The request for another number of agents; any 2xx accepts it."},
		"readTemplate.method":           {Description: "Of HTTP.", Enum: []any{"GET", "POST"}},
		"readTemplate.path":             {Description: "Appended to url; what it prints is percent-encoded.", MinLength: 1},
		"readTemplate.headers":          {Description: "No secrets."},
		"readTemplate.body":             {Description: "JSON or a form, as Content-Type says."},
		"readTemplate.agents":           {Description: "JSON path of the agents that were asked for, starting ones included.", MinLength: 1},
		"readTemplate.ready":            {Description: "JSON path of the agents that can work; without it all can."},
		"readTemplate.ready_if_missing": {Description: "What it means when an answer has nothing at ready.", Enum: []any{"all", "none"}},
		"readTemplate.values":           {Description: "JSON paths of values that scaling sends back as .Value, so that the orchestrator notices who was faster."},
		"scaleTemplate.method":          {Description: "Of HTTP.", Enum: []any{"PUT", "POST", "PATCH"}},
		"scaleTemplate.path":            {Description: "Appended to url; knows .Agents, .From, .Reason, .DecisionID and .Value too.", MinLength: 1},
		"scaleTemplate.headers":         {Description: "No secrets."},
		"scaleTemplate.body":            {Description: "JSON or a form, as Content-Type says; values in JSON bring their quotes."},
		"scaleTemplate.conflicts":       {Description: "Answers that say that somebody else was faster; default 409."},
		"conflict.status":               {Description: "Of HTTP.", Minimum: new(400.0), Maximum: new(599.0)},
		"conflict.contains":             {Description: "What stands in the body."},

		"forecast.step":           {Description: "Of the history; it divides a day."},
		"forecast.history":        {Description: "How much of it is kept."},
		"forecast.horizon":        {Description: "How far forecasts reach."},
		"forecast.refit_interval": {Description: "At least 1m."},
		"forecast.max_age":        {Description: "An older forecast is not used."},

		"hosts.cpu_percent":        {Description: "PromQL that gives percent."},
		"hosts.memory_percent":     {Description: "PromQL that gives percent."},
		"hosts.groups":             {Description: "Hosts of some pools only."},
		"hostGroup.name":           {Description: "What a pool's hosts calls it.", MinLength: 1},
		"hostGroup.cpu_percent":    {Description: "PromQL that gives percent."},
		"hostGroup.memory_percent": {Description: "PromQL that gives percent."},

		"limits.max_total_agents":  {Description: "Of all pools together; 0: no limit.", Minimum: new(0.0)},
		"limits.cpu_percent":       says(percent, "From here on no pool grows."),
		"limits.memory_percent":    says(percent, "From here on no pool grows."),
		"limits.emergency":         {Description: "Cuts all pools on hosts in danger."},
		"emergency.cpu_percent":    says(percent, "Above this hosts are in danger."),
		"emergency.memory_percent": says(percent, "Above this hosts are in danger."),
		"emergency.samples":        {Description: "So many in a row must say so.", Minimum: new(1.0), Maximum: new(100.0)},
		"emergency.reduce":         {Description: "Share of its agents that a pool loses, like 30%.", Pattern: `^(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%$`, PatternMessage: "Expected a share like 30%."},
		"emergency.settle":         {Description: "Between two cuts."},
		"emergency.resume":         {Description: "Below the limits before pools grow again."},

		"webhook.name":        {Description: "In logs and metrics; without one it is the host of the URL."},
		"webhook.url":         {Description: "Without credentials.", Pattern: "^https?://.", PatternMessage: "Expected a URL like https://hooks.example/x."},
		"webhook.events":      {Description: "That are sent to it.", MinItems: 1, Items: &strictyaml.Schema{Type: strictyaml.Types{"string"}, Enum: enum(webhookEvents)}},
		"webhook.secret_file": {Description: "The key that signs what is sent; read anew each time.", MinLength: 1},
		"webhook.timeout":     {Description: "Of one attempt; at most 1m.", Default: defaultWebhookTimeout.String()},

		"defaults.mode":        {Description: "What is carried out of what is decided.", Enum: []any{"dry_run", "scale_up_only", "active"}},
		"defaults.lead_time":   {Description: "How long before it is useful an agent must be asked for."},
		"defaults.quantile":    {Description: "Of the forecast that capacity is planned for.", ExclusiveMinimum: new(0.0), ExclusiveMaximum: new(1.0)},
		"defaults.sensitivity": {Description: "Share of the gap to the demand that one decision closes.", ExclusiveMinimum: new(0.0), Maximum: new(1.0)},
	},
}

func enum(values []string) []any {
	var out []any
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

func says(s strictyaml.Schema, description string) strictyaml.Schema {
	s.Description = description
	return s
}
