package rulefile

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// What rule files say, as it is written.

type file struct {
	strictyaml.Where
	TimeIntervals []namedInterval `yaml:"time_intervals"`
	EventSources  []eventSource   `yaml:"event_sources"`
	Defaults      pool            `yaml:"defaults"`
	Templates     []pool          `yaml:"templates"`
	Pools         []pool          `yaml:"pools"`
	Rules         []rule          `yaml:"rules"`
	Budgets       []postBudget    `yaml:"budgets"`
	Overrides     []override      `yaml:"overrides"`
}

type namedInterval struct {
	strictyaml.Where
	Name          string                      `yaml:"name"`
	TimeIntervals []timeinterval.TimeInterval `yaml:"time_intervals"`
}

type eventSource struct {
	strictyaml.Where
	Name     string           `yaml:"name"`
	ICS      icsFile          `yaml:"ics"`
	Dates    []datedEvent     `yaml:"dates"`
	Expr     expr             `yaml:"expr"`
	Event    eventTemplate    `yaml:"event"`
	Classify []classification `yaml:"classify"`
	Location string           `yaml:"location"`
}

type icsFile struct {
	strictyaml.Where
	File string `yaml:"file"`
	URL  string `yaml:"url"`
}

type datedEvent struct {
	strictyaml.Where
	Name     string            `yaml:"name"`
	Start    string            `yaml:"start"`
	End      string            `yaml:"end"`
	Duration model.Duration    `yaml:"duration"`
	Labels   map[string]string `yaml:"labels"`
}

type expr struct {
	strictyaml.Where
	Query string         `yaml:"query"`
	For   model.Duration `yaml:"for"`
}

type eventTemplate struct {
	strictyaml.Where
	Type   string            `yaml:"type"`
	Labels map[string]string `yaml:"labels"`
}

type classification struct {
	strictyaml.Where
	Summary string            `yaml:"summary"`
	Labels  map[string]string `yaml:"labels"`
}

type pool struct {
	strictyaml.Where
	Name        string            `yaml:"name"`
	Template    string            `yaml:"template"`
	Labels      map[string]string `yaml:"labels"`
	Location    string            `yaml:"location"`
	Agents      agents            `yaml:"agents"`
	Load        load              `yaml:"load"`
	LeadTime    *model.Duration   `yaml:"lead_time"`
	Quantile    *float64          `yaml:"quantile"`
	Cost        *cost             `yaml:"cost"`
	Sensitivity *float64          `yaml:"sensitivity"`
	Weight      *float64          `yaml:"weight"`
	Priority    int               `yaml:"priority"`
	Mode        string            `yaml:"mode"`
	Behavior    behavior          `yaml:"behavior"`
	Season      season            `yaml:"season"`
	Hosts       string            `yaml:"hosts"`
	Current     *signal           `yaml:"current"`
	Forecast    poolForecast      `yaml:"forecast"`
	OnDataLoss  dataLoss          `yaml:"on_data_loss"`
}

// signal picks one series of a query's answer.
type signal struct {
	strictyaml.Where
	Query string            `yaml:"query"`
	Match map[string]string `yaml:"match"`
}

type season struct {
	strictyaml.Where
	Low           *float64 `yaml:"low"`
	LowMax        *bound   `yaml:"low_max"`
	High          *float64 `yaml:"high"`
	HighMinFactor *float64 `yaml:"high_min_factor"`
}

type poolForecast struct {
	strictyaml.Where
	MaxAge   *model.Duration `yaml:"max_age"`
	Holidays []string        `yaml:"holidays"`
}

type dataLoss struct {
	strictyaml.Where
	After model.Duration `yaml:"after"`
	Then  *then          `yaml:"then"`
}

// then is what stands in for a load that is lost.
type then struct {
	kind   policy.Then
	agents int
}

// UnmarshalYAML reads profile, hold or 12.
func (t *then) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	switch n, err := strconv.Atoi(text); {
	case text == "profile":
		t.kind = policy.ThenProfile
	case text == "hold":
		t.kind = policy.ThenHold
	case err != nil || n < 0 || n > maxAgents:
		return fmt.Errorf("expected profile, hold or a number of agents like 12, got %q", text)
	default:
		t.kind, t.agents = policy.ThenAgents, n
	}
	return nil
}

type agents struct {
	strictyaml.Where
	Base *int `yaml:"base"`
	Min  *int `yaml:"min"`
	Max  *int `yaml:"max"`
}

type load struct {
	strictyaml.Where
	Query        string            `yaml:"query"`
	Match        map[string]string `yaml:"match"`
	PerAgent     float64           `yaml:"per_agent"`
	Completeness string            `yaml:"completeness"`
}

type cost struct {
	strictyaml.Where
	Under float64 `yaml:"under"`
	Over  float64 `yaml:"over"`
}

type behavior struct {
	strictyaml.Where
	ScaleUp   scaling `yaml:"scale_up"`
	ScaleDown scaling `yaml:"scale_down"`
}

type scaling struct {
	strictyaml.Where
	StabilizationWindow *model.Duration `yaml:"stabilization_window"`
	Policies            []stepPolicy    `yaml:"policies"`
	SelectPolicy        string          `yaml:"select_policy"`
	Tolerance           *float64        `yaml:"tolerance"`
	Cooldown            model.Duration  `yaml:"cooldown"`
}

type stepPolicy struct {
	strictyaml.Where
	Type   string         `yaml:"type"`
	Value  int            `yaml:"value"`
	Period model.Duration `yaml:"period"`
}

type rule struct {
	strictyaml.Where
	Name   string            `yaml:"name"`
	Pools  map[string]string `yaml:"pools"`
	When   condition         `yaml:"when"`
	Unless *condition        `yaml:"unless"`
	Demand *demand           `yaml:"demand"`
	Bounds *bounds           `yaml:"bounds"`
	Hold   string            `yaml:"hold"`
}

type condition struct {
	strictyaml.Where
	During []string                  `yaml:"during"`
	Months []timeinterval.MonthRange `yaml:"months"`
	Event  map[string]string         `yaml:"event"`
	Expr   expr                      `yaml:"expr"`
	Lead   model.Duration            `yaml:"lead"`
	Tail   model.Duration            `yaml:"tail"`
}

type demand struct {
	strictyaml.Where
	Multiply *float64           `yaml:"multiply"`
	Add      *float64           `yaml:"add"`
	ByMonth  map[string]float64 `yaml:"by_month"`
	ByHour   map[string]float64 `yaml:"by_hour"`
	Ramp     ramp               `yaml:"ramp"`
	HalfLife model.Duration     `yaml:"half_life"`
	Group    string             `yaml:"group"`
	Effect   string             `yaml:"effect"`
}

// ramp is a duration, or one up and one down.
type ramp struct{ up, down model.Duration }

// UnmarshalYAML reads 10m or {up: 10m, down: 30m}.
func (r *ramp) UnmarshalYAML(unmarshal func(any) error) error {
	var both model.Duration
	if unmarshal(&both) == nil {
		r.up, r.down = both, both
		return nil
	}
	var each struct {
		Up   model.Duration `yaml:"up"`
		Down model.Duration `yaml:"down"`
	}
	if err := unmarshal(&each); err != nil {
		return errors.New("expected a duration like 10m, or {up: 10m, down: 30m}")
	}
	r.up, r.down = each.Up, each.Down
	return nil
}

type postBudget struct {
	strictyaml.Where
	Name              string            `yaml:"name"`
	Pools             map[string]string `yaml:"pools"`
	Limit             int               `yaml:"limit"`
	Window            string            `yaml:"window"`
	Location          string            `yaml:"location"`
	Used              string            `yaml:"used"`
	PostsPerAgentHour float64           `yaml:"posts_per_agent_hour"`
	Reserve           int               `yaml:"reserve"`
	Classes           []budgetClass     `yaml:"classes"`
}

type budgetClass struct {
	strictyaml.Where
	Name   string    `yaml:"name"`
	Value  float64   `yaml:"value"`
	PerDay float64   `yaml:"per_day"`
	When   condition `yaml:"when"`
}

type override struct {
	strictyaml.Where
	Pool    string `yaml:"pool"`
	Min     *int   `yaml:"min"`
	Max     *int   `yaml:"max"`
	Exact   *int   `yaml:"exact"`
	Hold    bool   `yaml:"hold"`
	Disable bool   `yaml:"disable"`
	Mode    string `yaml:"mode"`
	Author  string `yaml:"author"`
	Reason  string `yaml:"reason"`
	Start   string `yaml:"start"`
	End     string `yaml:"end"`
}

type bounds struct {
	strictyaml.Where
	Min *bound `yaml:"min"`
	Max *bound `yaml:"max"`
}

// bound is a number of agents or a percentage like 60%.
type bound struct {
	agents  int
	percent float64
}

// UnmarshalYAML reads 12 or 60%.
func (b *bound) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil || !(percent > 0 && percent <= 100) {
			return fmt.Errorf("expected a percentage above 0%% and at most 100%%, got %q", text)
		}
		b.percent = percent
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxAgents {
		return fmt.Errorf("expected a number of agents like 12 or a share of the pool's maximum like 60%%, got %q", text)
	}
	b.agents = n
	return nil
}
