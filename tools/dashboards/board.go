package main

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// classic is the form of dashboards that every Grafana reads, from a file or imported by
// hand. Only newer ones know the other.
type classic = dashboard.Dashboard //nolint:staticcheck // it is deprecated for the other

// tag is on all dashboards, so that they link to each other.
const tag = "scaling-adapter"

// source is the Prometheus that is chosen at the top of a dashboard.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("$datasource")}

// board is a dashboard that grows row by row.
type board struct {
	*dashboard.DashboardBuilder
	id    uint32          // of the last panel
	floor [columns]uint32 // on which the next panel stands, by column
}

// columns is how wide a dashboard is.
const columns = 24

// newBoard returns a dashboard with the variables that all have: where the metrics are, and
// which adapters are looked at.
func newBoard(uid, title, description string) *board {
	d := dashboard.NewDashboardBuilder("scaling-adapter / "+title). //nolint:staticcheck // see classic
									Uid("scaling-adapter-"+uid).Description(description).Tags([]string{tag}).
									Editable().Time("now-6h", "now").Refresh("30s").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
									Link(dashboard.NewDashboardLinkBuilder("scaling-adapter").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).AsDropdown(true).KeepTime(true).IncludeVars(true)).
									WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
									WithVariable(choice("job", "Adapter", "label_values(scaling_adapter_build_info, job)").Multi(true).IncludeAll(true).AllValue(".+").
										Current(dashboard.VariableOption{Text: one("All"), Value: one("$__all")}))
	d.Annotation(marks("Configurations", "blue", `max by (instance) (changes(scaling_adapter_config_generation{job=~"$job"}[1m])) > 0`, "configuration loaded"))
	return &board{DashboardBuilder: d}
}

// one is a choice of one value.
func one(text string) dashboard.StringOrArrayOfString {
	return dashboard.StringOrArrayOfString{String: &text}
}

// choice is a variable whose values Prometheus knows.
func choice(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source).Definition(query).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": "StandardVariableQuery"}}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortNaturalAsc)
}

// horizons is the variable of how long before a forecast was made.
func horizons() *dashboard.CustomVariableBuilder {
	all := []string{"5m", "15m", "30m", "1h", "2h", "6h", "1d"}
	b := dashboard.NewCustomVariableBuilder("horizon").Label("Horizon").Values(dashboard.StringOrMap{String: cog.ToPtr(strings.Join(all, ","))})
	var options []dashboard.VariableOption
	for _, h := range all {
		options = append(options, dashboard.VariableOption{Text: one(h), Value: one(h), Selected: cog.ToPtr(h == "15m")})
	}
	return b.Options(options).Current(options[1])
}

// marks are spans on all panels of a dashboard.
func marks(name, color, expr, title string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().Name(name).Datasource(source).Enable(true).IconColor(color).Expr(expr).TitleFormat(title).Step("30s")
}

// row begins a row.
func (b *board) row(title string) {
	b.id++
	b.WithRow(dashboard.NewRowBuilder(title).Id(b.id).GridPos(b.place(columns, 1)))
}

// place finds the highest place that is free, of several the leftmost.
func (b *board) place(width, height uint32) dashboard.GridPos {
	best := dashboard.GridPos{W: width, H: height, Y: math.MaxUint32}
	for x := range columns - width + 1 {
		if y := slices.Max(b.floor[x : x+width]); y < best.Y {
			best.X, best.Y = x, y
		}
	}
	for x := best.X; x < best.X+width; x++ {
		b.floor[x] = best.Y + height
	}
	return best
}

// query is what a panel asks Prometheus for.
type query struct{ expr, legend string }

// limit is a value from which on something has a colour.
type limit struct {
	from  float64
	color string
}

// value is what a value is called and which colour it has, if it is another than that of
// the limits.
type value struct{ value, text, color string }

// values are what the values of a panel or a column are called.
type values []value

func (vs values) mappings() []dashboard.ValueMapping {
	if len(vs) == 0 {
		return nil
	}
	m := dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: map[string]dashboard.ValueMappingResult{}}
	for i, v := range vs {
		r := dashboard.ValueMappingResult{Text: &v.text, Index: cog.ToPtr(int32(i))}
		if v.color != "" {
			r.Color = &v.color
		}
		m.Options[v.value] = r
	}
	return []dashboard.ValueMapping{{ValueMap: &m}}
}

// styles are for series that are called like the values.
func (vs values) styles() []style {
	var out []style
	for _, v := range vs {
		out = append(out, colored("^"+v.text+"$", v.color))
	}
	return out
}

// yesNo calls 0 and 1 by words.
func yesNo(no, yes string) values { return values{{value: "0", text: no}, {value: "1", text: yes}} }

// style is how series look whose name matches.
type style struct {
	name       string // regular expression
	properties map[string]any
}

// panel is what panels of all kinds have in common.
type panel struct {
	title       string
	description string
	empty       string // when there is nothing to see; without it there always is something
	unit        string
	queries     []query
	width       uint32 // in columns
	height      uint32
	base        string // colour below all limits; green if it is empty
	limits      []limit
	styles      []style
	min, max    *float64
	decimals    *float64
	texts       values // what values are called
}

// built is a panel that is ready.
type built dashboard.Panel

// Build implements [cog.Builder].
func (b built) Build() (dashboard.Panel, error) { return dashboard.Panel(b), nil }

// add adds a panel of a kind. What the kind has decided stands.
func (b *board) add(kind cog.Builder[dashboard.Panel], p panel) {
	out, err := kind.Build()
	if err != nil {
		b.RecordError(p.title, err)
		return
	}
	b.id++
	out.Id, out.Title, out.Description, out.Datasource = cog.ToPtr(b.id), &p.title, cog.ToPtr(p.text()), &source
	out.GridPos = cog.ToPtr(b.place(p.width, p.height))
	for i, q := range p.queries {
		out.Targets = append(out.Targets, q.target(i, out.Type))
	}
	f := &out.FieldConfig.Defaults
	f.Unit, f.Min, f.Max = &p.unit, p.min, p.max
	if p.decimals != nil {
		f.Decimals = p.decimals
	}
	f.Thresholds = thresholds(p.base, p.limits)
	f.Mappings = p.texts.mappings()
	for _, s := range p.styles {
		out.FieldConfig.Overrides = append(out.FieldConfig.Overrides, s.override())
	}
	b.WithPanel(built(out))
}

// text explains the panel.
func (p panel) text() string {
	if p.empty == "" {
		return p.description
	}
	return p.description + " Empty " + p.empty + "."
}

func thresholds(base string, limits []limit) *dashboard.ThresholdsConfig {
	t := &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute, Steps: []dashboard.Threshold{{Color: cmp.Or(base, "green")}}}
	for _, l := range limits {
		t.Steps = append(t.Steps, dashboard.Threshold{Value: &l.from, Color: l.color})
	}
	return t
}

// target is the query as Grafana knows it. Tables and single numbers are of now.
func (q query) target(i int, kind string) *prometheus.Dataquery {
	out := &prometheus.Dataquery{RefId: cog.ToPtr(string(rune('A' + i))), Expr: q.expr, LegendFormat: &q.legend, Datasource: &source, EditorMode: cog.ToPtr(prometheus.QueryEditorModeCode)}
	switch kind {
	case "table":
		out.Instant, out.Format = cog.ToPtr(true), cog.ToPtr(prometheus.PromQueryFormatTable)
	case "stat": // a range would go on showing the last value of an adapter that is gone
		out.Instant = cog.ToPtr(true)
	default:
		out.Range = cog.ToPtr(true)
	}
	return out
}

func (s style) override() dashboard.DashboardFieldConfigSourceOverrides {
	o := dashboard.DashboardFieldConfigSourceOverrides{Matcher: dashboard.MatcherConfig{Id: "byRegexp", Options: "/" + s.name + "/"}}
	for _, id := range slices.Sorted(maps.Keys(s.properties)) {
		o.Properties = append(o.Properties, dashboard.DynamicConfigValue{Id: id, Value: s.properties[id]})
	}
	return o
}

// dashed is a line without an area below it, such as a limit.
func dashed(name string) style {
	return style{name, map[string]any{
		"custom.lineStyle": map[string]any{"fill": "dash", "dash": []int{8, 6}}, "custom.fillOpacity": 0, "custom.stacking": map[string]any{"mode": "none"},
	}}
}

// colored is a colour of a series.
func colored(name, color string) style {
	return style{name, map[string]any{"color": map[string]any{"mode": "fixed", "fixedColor": color}}}
}

// cell is a column of a table whose text has the colour of its value.
func cell(name string) style {
	return style{name, map[string]any{"custom.cellOptions": map[string]any{"type": "color-text"}}}
}

// with adds a property.
func (s style) with(id string, value any) style {
	s.properties[id] = value
	return s
}

// lines draws values that change all the time. Limits are dashed.
func lines() *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().LineWidth(1.5).FillOpacity(0).ShowPoints(common.VisibilityModeNever).AxisSoftMin(0).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// steps draws counts, which stay until they change.
func steps() *timeseries.PanelBuilder {
	return lines().LineInterpolation(common.LineInterpolationStepAfter).Decimals(0).AxisSoftMax(1)
}

// stacked draws counts that sum up.
func stacked() *timeseries.PanelBuilder {
	return steps().FillOpacity(40).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// bars draws how often something happened. They stand minutes apart: $__rate_interval spans
// several scrapes, so that bars nearer to each other would count the same again.
func bars() *timeseries.PanelBuilder {
	return stacked().DrawStyle(common.GraphDrawStyleBars).FillOpacity(70).LineWidth(0).Interval("2m")
}

// number shows the value of now.
func number() *stat.PanelBuilder {
	return stat.NewPanelBuilder().ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).TextMode(common.BigValueTextModeAuto).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

// states shows what was when, in words.
func states() *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().ShowValue(common.VisibilityModeAuto).MergeValues(true).RowHeight(0.8).FillOpacity(75).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom))
}

// spans shows when something was so. The colour says all.
func spans() *statetimeline.PanelBuilder {
	return states().ShowValue(common.VisibilityModeNever).RowHeight(0.6)
}

// column is a column of a table: what it is called, of which field.
type column struct{ field, name string }

// grid shows one row for each value of a label, with a column for each query.
func grid(columns ...column) *table.PanelBuilder {
	order, names := map[string]any{}, map[string]any{}
	keep := make([]string, len(columns))
	for i, c := range columns {
		order[c.field], names[c.field], keep[i] = i, c.name, c.field
	}
	return table.NewPanelBuilder().ShowHeader(true).CellHeight(common.TableCellHeightSm).MinWidth(80).
		Footer(common.NewTableFooterOptionsBuilder().Reducer([]string{})). // or Grafana finds it missing
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{"include": map[string]any{"names": keep}}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{"indexByName": order, "renameByName": names, "excludeByName": map[string]any{}, "includeByName": map[string]any{}}})
}
