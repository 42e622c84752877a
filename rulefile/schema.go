package rulefile

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// Schema returns the JSON Schema of rule files. It is made of the types that [Load]
// decodes, so that it knows the keys that Load knows.
func Schema() *strictyaml.Schema {
	s, err := strictyaml.SchemaOf[file](words)
	if err != nil {
		panic("rulefile: " + err.Error())
	}
	s.Title, s.Type = "Rule file of scaling-adapter", strictyaml.Types{"object"}
	return s
}

const (
	monthNames   = "january|february|march|april|may|june|july|august|september|october|november|december"
	weekdayNames = "sunday|monday|tuesday|wednesday|thursday|friday|saturday"
	wholePercent = `(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%`
	localTime    = `^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$`
)

// What editors say.
const (
	nameMessage      = "Expected at most 63 letters, digits, dots, dashes and underscores, a letter or digit first."
	localTimeMessage = "Expected a time like 2026-12-24T18:00."
)

// rangeOf matches one of what the pattern matches, or two with a colon between.
func rangeOf(pattern string) string { return "^(" + pattern + ")(:(" + pattern + "))?$" }

// anyCase matches the words in small and large letters.
func anyCase(pattern string) string {
	var b strings.Builder
	for _, r := range pattern {
		if unicode.IsLetter(r) {
			b.WriteString("[" + string(r) + string(unicode.ToUpper(r)) + "]")
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// words are what the schema says besides types; editors show the descriptions.
var words = strictyaml.Words{
	Types: map[reflect.Type]strictyaml.Schema{
		reflect.TypeFor[model.Duration](): strictyaml.Duration(),
		reflect.TypeFor[bound]():          {Type: strictyaml.Types{"string", "integer"}, Pattern: "^([0-9]+|" + wholePercent + ")$", PatternMessage: "Expected agents like 12 or a share like 60%.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		reflect.TypeFor[then]():           {Type: strictyaml.Types{"string", "integer"}, Pattern: "^(profile|hold|[0-9]+)$", PatternMessage: "Expected profile, hold or agents like 12.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		reflect.TypeFor[ramp]():           rampSchema(),
		reflect.TypeFor[timeinterval.TimeRange](): {
			Type: strictyaml.Types{"object"}, Required: []string{"start_time", "end_time"}, AdditionalProperties: &strictyaml.Schema{Never: true},
			Properties: map[string]*strictyaml.Schema{"start_time": timeOfDay("Included."), "end_time": timeOfDay("Not included; 24:00 is the end of the day.")},
		},
		reflect.TypeFor[timeinterval.WeekdayRange]():    {Type: strictyaml.Types{"string"}, Pattern: rangeOf(anyCase(weekdayNames)), PatternMessage: "Expected a weekday or a range like monday:friday."},
		reflect.TypeFor[timeinterval.DayOfMonthRange](): {Type: strictyaml.Types{"string", "integer"}, Pattern: rangeOf("[+-]?[0-9]+"), PatternMessage: "Expected a day or a range like 1:7 or -3:-1.", Minimum: new(-31.0), Maximum: new(31.0)},
		reflect.TypeFor[timeinterval.MonthRange]():      {Type: strictyaml.Types{"string", "integer"}, Pattern: rangeOf(anyCase(monthNames) + "|[+-]?[0-9]+"), PatternMessage: "Expected a month or a range like november:december."},
		reflect.TypeFor[timeinterval.YearRange]():       {Type: strictyaml.Types{"string", "integer"}, Pattern: rangeOf("[+-]?[0-9]+"), PatternMessage: "Expected a year or a range like 2026:2028."},
		reflect.TypeFor[timeinterval.Location]():        {Type: strictyaml.Types{"string"}},
	},
	Structs: map[string]strictyaml.Schema{
		"namedInterval":  {Required: []string{"name", "time_intervals"}},
		"eventSource":    {Required: []string{"name", "event"}, OneOf: strictyaml.Need("ics", "dates", "expr")},
		"icsFile":        {OneOf: strictyaml.Need("file", "url")},
		"datedEvent":     {Required: []string{"start"}, OneOf: strictyaml.Need("end", "duration")},
		"expr":           {Required: []string{"query"}},
		"eventTemplate":  {Required: []string{"type"}},
		"classification": {Required: []string{"summary", "labels"}},
		"stepPolicy":     {Required: []string{"type", "value", "period"}},
		"rule":           {Required: []string{"name"}, OneOf: strictyaml.Need("demand", "bounds", "hold")},
		"demand":         {AnyOf: strictyaml.Need("multiply", "add", "by_month", "by_hour")},
		"bounds":         {AnyOf: strictyaml.Need("min", "max")},
		"postBudget":     {Required: []string{"name", "used", "posts_per_agent_hour"}},
		"budgetClass":    {Required: []string{"name", "value"}},
		"override":       {Required: []string{"pool", "author", "reason", "start", "end"}},
	},
	Keys: map[string]strictyaml.Schema{
		"file.time_intervals": {Description: "Named recurring times, in the words of Alertmanager."},
		"file.event_sources":  {Description: "What makes events: calendars, dates and queries."},
		"file.defaults":       {Description: "For pools that do not say otherwise; once in all files.", Not: &strictyaml.Schema{Type: strictyaml.Types{"object"}, AnyOf: strictyaml.Need("name", "template")}},
		"file.templates":      {Description: "What several pools have in common.", Items: namedPool()},
		"file.pools":          {Description: "Sets of interchangeable agents, each scaled as one.", Items: namedPool()},
		"file.rules":          {Description: "What moves pools besides their load."},
		"file.budgets":        {Description: "Small counts per window that each post of a pool uses up."},
		"file.overrides":      {Description: "Temporary orders on pools; they end by themselves."},

		"namedInterval.name":           {Description: "What during calls it.", Pattern: nameSyntax.String(), PatternMessage: nameMessage},
		"namedInterval.time_intervals": {Description: "It holds while one of these does.", MinItems: 1},
		"TimeInterval.times":           {Description: "Half-open times of day; those over midnight are written as two."},
		"TimeInterval.weekdays":        {Description: "Like saturday or monday:friday."},
		"TimeInterval.days_of_month":   {Description: "Like 1:7; negative days count from the end of the month."},
		"TimeInterval.months":          {Description: "Like july or november:december; those over new year are written as two."},
		"TimeInterval.years":           {Description: "Like 2026 or 2026:2028."},
		"TimeInterval.location":        {Description: "Zone like America/New_York; without one that of the pool."},

		"eventSource.name":       {Description: "A name of its own.", Pattern: nameSyntax.String(), PatternMessage: nameMessage},
		"eventSource.ics":        {Description: "A calendar (RFC 5545)."},
		"eventSource.dates":      {Description: "Events that are written out."},
		"eventSource.expr":       {Description: "A query; each series that is neither absent nor 0 is an event."},
		"eventSource.event":      {Description: "What its events are."},
		"eventSource.classify":   {Description: "Labels for events by their summary."},
		"eventSource.location":   {Description: "Zone of times without one; UTC if none is named."},
		"icsFile.file":           {Description: "Relative to the rule file."},
		"icsFile.url":            {Description: "Fetched every 15 minutes.", Pattern: "^https?://", PatternMessage: "Expected a URL like https://example.com/nba.ics."},
		"datedEvent.name":        {Description: "For people, and for classify."},
		"datedEvent.start":       {Description: "Like 2026-12-24T18:00 in the source's zone, or with an offset.", Pattern: localTime, PatternMessage: localTimeMessage},
		"datedEvent.end":         {Description: "Not included; or give a duration.", Pattern: localTime, PatternMessage: localTimeMessage},
		"datedEvent.duration":    {Description: "Instead of an end."},
		"datedEvent.labels":      {Description: "Besides those of the source."},
		"expr.query":             {Description: "PromQL."},
		"expr.for":               {Description: "How long it must have been true."},
		"eventTemplate.type":     {Description: "What rules ask for, like game.", MinLength: 1},
		"eventTemplate.labels":   {Description: "An event concerns the pools whose labels do not differ."},
		"classification.summary": {Description: "A regular expression that matches in the event's summary.", MinLength: 1},
		"classification.labels":  {Description: "For events that match."},

		"pool.name":                    {Description: "A name of its own.", Pattern: nameSyntax.String(), PatternMessage: nameMessage},
		"pool.template":                {Description: "Name of the template that says what is not said here."},
		"pool.labels":                  {Description: "What rules, events and budgets select by; the label pool is the name.", Properties: map[string]*strictyaml.Schema{"pool": {Never: true}}},
		"pool.location":                {Description: "Zone of its days and schedules, like America/New_York; default UTC."},
		"pool.agents":                  {Description: "How many agents it has at least and at most."},
		"pool.load":                    {Description: "The work that is asked of it."},
		"pool.lead_time":               {Description: "How long before it is useful an agent must be asked for."},
		"pool.quantile":                {Description: "Of the forecast that capacity is planned for.", ExclusiveMinimum: new(0.0), ExclusiveMaximum: new(1.0)},
		"pool.cost":                    {Description: "Instead of a quantile: what an agent too few and one too many cost."},
		"pool.sensitivity":             {Description: "Share of the gap to the demand that one decision closes.", ExclusiveMinimum: new(0.0), Maximum: new(1.0)},
		"pool.weight":                  {Description: "Share of the agents when pools of one priority compete; default 1.", ExclusiveMinimum: new(0.0)},
		"pool.priority":                {Description: "Higher ones are served first; default 0."},
		"pool.mode":                    {Description: "What is carried out of what is decided.", Enum: []any{"dry_run", "scale_up_only", "active"}},
		"pool.behavior":                {Description: "How changes are slowed down, as by Kubernetes' HorizontalPodAutoscaler."},
		"pool.season":                  {Description: "How the product of the months' factors bounds the pool."},
		"pool.hosts":                   {Description: "Group of hosts of the configuration that its agents run on; default all."},
		"pool.current":                 {Description: "Its agents that run, from Prometheus instead of the orchestrator."},
		"pool.forecast":                {Description: "How its load is forecast."},
		"pool.on_data_loss":            {Description: "What it does while its load is not known, besides keeping its agents."},
		"dataLoss.after":               {Description: "Once the load was not known for so long; default 0s."},
		"dataLoss.then":                {Description: "What it needs at least: what the profile says without a forecast, what it has, or so many agents; default profile."},
		"signal.query":                 {Description: "PromQL."},
		"signal.match":                 {Description: "Labels of the pool's series; without them the only one."},
		"season.low":                   {Description: "Below this the pool is out of season.", Default: defaultSeasonLow, Minimum: new(0.0)},
		"season.low_max":               {Description: "Out of season it has at most this share of its maximum, like 60%."},
		"season.high":                  {Description: "Above this it is high season.", Default: defaultSeasonHigh},
		"season.high_min_factor":       {Description: "In high season it has at least so many times its base.", Default: defaultSeasonMinFactor, Minimum: new(1.0)},
		"poolForecast.max_age":         {Description: "An older forecast does not count."},
		"poolForecast.holidays":        {Description: "Countries like us and dates like 2026-12-24 that are unlike their weekday."},
		"agents.base":                  {Description: "When nothing is known; default min.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"agents.min":                   {Description: "At least.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"agents.max":                   {Description: "At most.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"load.query":                   {Description: "PromQL; pools that share a text share the query."},
		"load.match":                   {Description: "Labels of the pool's series; without them the only one."},
		"load.per_agent":               {Description: "Load that one agent serves.", ExclusiveMinimum: new(0.0)},
		"load.completeness":            {Description: "PromQL whose value falls when part of the load is missing, like a count of its series; its series is picked by match."},
		"cost.under":                   {Description: "Of an agent too few; the quantile is under/(under+over).", ExclusiveMinimum: new(0.0)},
		"cost.over":                    {Description: "Of an agent too many.", ExclusiveMinimum: new(0.0)},
		"behavior.scale_up":            {Description: "How fast it grows."},
		"behavior.scale_down":          {Description: "How fast it shrinks."},
		"scaling.stabilization_window": {Description: "The most careful recommendation within it counts; default 0s up, 5m down."},
		"scaling.policies":             {Description: "Steps; without any they are not limited."},
		"scaling.select_policy":        {Description: "The largest of the steps, the smallest, or none.", Enum: []any{"max", "min", "disabled"}},
		"scaling.tolerance":            {Description: "Relative gap that is left alone; default 0.02 up, 0.1 down.", Minimum: new(0.0)},
		"scaling.cooldown":             {Description: "Least time between two changes; default 0s."},
		"stepPolicy.type":              {Description: "Unit of the value.", Enum: []any{"agents", "percent"}},
		"stepPolicy.value":             {Description: "So many at most in a period.", Minimum: new(1.0), Maximum: new(float64(maxAgents))},
		"stepPolicy.period":            {Description: "Above 0."},

		"rule.name":        {Description: "A name of its own.", Pattern: nameSyntax.String(), PatternMessage: nameMessage},
		"rule.pools":       {Description: "Labels of the pools that it is for; the label pool is a name; without any all."},
		"rule.when":        {Description: "It holds when all that is given holds; without it always."},
		"rule.unless":      {Description: "While it holds, the rule does not.", AnyOf: strictyaml.Need("during", "months", "event", "expr")},
		"rule.demand":      {Description: "What it makes of the demand."},
		"rule.bounds":      {Description: "Bounds of the agents."},
		"rule.hold":        {Description: "down: the pool does not shrink; both: it does not follow its demand.", Enum: []any{"down", "both"}},
		"condition.during": {Description: "Names of time intervals, of which one must hold."},
		"condition.months": {Description: "Like july or november:december, of which one must hold."},
		"condition.event":  {Description: "Type and labels of events, of which one must take place.", Required: []string{"type"}},
		"condition.expr":   {Description: "A query; it must be true for a series that concerns the pool."},
		"condition.lead":   {Description: "How long before its start an event counts."},
		"condition.tail":   {Description: "How long after its end an event counts."},
		"demand.multiply":  {Description: "A factor.", Minimum: new(0.0)},
		"demand.add":       {Description: "Agents that are needed besides.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"demand.by_month":  {Description: "Factors of months, by name or number; others count 1.", PropertyNames: &strictyaml.Schema{Pattern: "^(" + anyCase(monthNames) + "|[1-9]|1[0-2])$", PatternMessage: "Expected a month like july or 7."}},
		"demand.by_hour":   {Description: "Factors of hours of the pool's wall clock, like 18 or 18-22; others count 1.", PropertyNames: &strictyaml.Schema{Pattern: `^(0?[0-9]|1[0-9]|2[0-3])(-(0?[0-9]|1[0-9]|2[0-3]))?$`, PatternMessage: "Expected an hour like 18 or hours like 18-22."}},
		"demand.ramp":      {Description: "Time in which the effect grows and shrinks; or one for each, as up and down."},
		"demand.half_life": {Description: "The effect of an event is halved each time after its start."},
		"demand.group":     {Description: "Of the rules of a group only the largest effect counts."},
		"demand.effect":    {Description: "learned: what history says about such events counts, the factor until there is history.", Enum: []any{"declared", "learned"}},
		"bounds.min":       {Description: "Agents, or like 60% of the pool's maximum."},
		"bounds.max":       {Description: "Agents, or like 60% of the pool's maximum; it wins over a minimum."},

		"postBudget.name":                 {Description: "A name of its own.", Pattern: nameSyntax.String(), PatternMessage: nameMessage},
		"postBudget.pools":                {Description: "Labels of the pools that have such a budget each."},
		"postBudget.limit":                {Description: "Posts a window.", Minimum: new(0.0)},
		"postBudget.window":               {Description: "Of both the stricter counts; default both.", Enum: []any{"local_day", "rolling_24h", "both"}},
		"postBudget.location":             {Description: "Zone of the local day; default the pool's."},
		"postBudget.used":                 {Description: "PromQL with $window for the time since the window's start.", Pattern: `\$window`, PatternMessage: "Expected $window in the query."},
		"postBudget.posts_per_agent_hour": {Description: "What one agent posts in an hour.", ExclusiveMinimum: new(0.0)},
		"postBudget.reserve":              {Description: "Kept for the best class, however little of it is expected; default 0.", Minimum: new(0.0)},
		"postBudget.classes":              {Description: "What posts are worth; the first that holds counts, the last has no when."},
		"budgetClass.name":                {Description: "For people."},
		"budgetClass.value":               {Description: "What a post is worth beside those of other classes.", ExclusiveMinimum: new(0.0)},
		"budgetClass.per_day":             {Description: "Posts a day of events that nobody foresees.", Minimum: new(0.0)},
		"budgetClass.when":                {Description: "When posts are of this class."},

		"override.pool":    {Description: "Name of the pool."},
		"override.min":     {Description: "At least.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"override.max":     {Description: "At most.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"override.exact":   {Description: "Exactly so many agents.", Minimum: new(0.0), Maximum: new(float64(maxAgents))},
		"override.hold":    {Description: "Keep what runs."},
		"override.disable": {Description: "Call nobody for the pool."},
		"override.mode":    {Description: "The mode of the pool; alone, or beside another order.", Enum: []any{"dry_run", "scale_up_only", "active"}},
		"override.author":  {Description: "Who orders it.", MinLength: 1},
		"override.reason":  {Description: "Why.", MinLength: 1},
		"override.start":   {Description: "Like 2026-12-24T18:00 in the pool's zone, or with an offset.", Pattern: localTime, PatternMessage: localTimeMessage},
		"override.end":     {Description: "Not included; it ends by itself.", Pattern: localTime, PatternMessage: localTimeMessage},
	},
}

func namedPool() *strictyaml.Schema {
	return &strictyaml.Schema{Ref: "#/$defs/pool", Type: strictyaml.Types{"object"}, Required: []string{"name"}}
}

func timeOfDay(description string) *strictyaml.Schema {
	return &strictyaml.Schema{Description: description, Type: strictyaml.Types{"string"}, Pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", PatternMessage: "Expected a time like 18:00."}
}

// rampSchema is one duration, or one up and one down.
func rampSchema() strictyaml.Schema {
	s, each := strictyaml.Duration(), strictyaml.Duration()
	each.Type = append(each.Type, "null")
	s.Type = append(s.Type, "object")
	s.Properties = map[string]*strictyaml.Schema{"up": &each, "down": &each}
	s.AdditionalProperties = &strictyaml.Schema{Never: true}
	return s
}
