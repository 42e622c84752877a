package rulefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/strictyaml"
)

// What rule files say, as it is written.

type file struct {
	strictyaml.Where
	TimeIntervals []namedInterval `yaml:"time_intervals"`
	EventSources  []eventSource   `yaml:"event_sources"`
	Pools         []pool          `yaml:"pools"`
	Rules         []rule          `yaml:"rules"`
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
	Event    eventTemplate    `yaml:"event"`
	Classify []classification `yaml:"classify"`
	Location string           `yaml:"location"`
}

type icsFile struct {
	strictyaml.Where
	File string `yaml:"file"`
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
}

type agents struct {
	strictyaml.Where
	Base *int `yaml:"base"`
	Min  *int `yaml:"min"`
	Max  *int `yaml:"max"`
}

type load struct {
	strictyaml.Where
	Query    string            `yaml:"query"`
	Match    map[string]string `yaml:"match"`
	PerAgent float64           `yaml:"per_agent"`
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
	Demand *demand           `yaml:"demand"`
	Bounds *bounds           `yaml:"bounds"`
}

type condition struct {
	strictyaml.Where
	During []string                  `yaml:"during"`
	Months []timeinterval.MonthRange `yaml:"months"`
	Event  map[string]string         `yaml:"event"`
	Lead   model.Duration            `yaml:"lead"`
	Tail   model.Duration            `yaml:"tail"`
}

type demand struct {
	strictyaml.Where
	Multiply *float64           `yaml:"multiply"`
	ByMonth  map[string]float64 `yaml:"by_month"`
	Ramp     model.Duration     `yaml:"ramp"`
	Group    string             `yaml:"group"`
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
