package forecastplot

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// examplePlan is a day and a half of two pools, around the night in which the clocks go
// back.
func examplePlan(t *testing.T) Plan {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	p := Plan{Title: `plan of "two"`}
	for _, name := range []string{"nba", "nfl & more"} {
		panel := Panel{Title: name, Zone: zone, Start: time.Date(2026, 10, 31, 12, 0, 0, 0, zone), Step: 30 * time.Minute, PerAgent: 12}
		for i := range 72 {
			y := 10 + 6*math.Sin(float64(i)/10)
			panel.Low, panel.Median, panel.High = append(panel.Low, 0.8*y), append(panel.Median, y), append(panel.High, 1.2*y)
			panel.Agents, panel.Before = append(panel.Agents, int(1.2*y)+1), append(panel.Before, int(y)+1)
			panel.Floor, panel.Ceiling = append(panel.Floor, 4+i%30/15), append(panel.Ceiling, 40)
		}
		at := func(hours int) time.Time { return panel.Start.Add(time.Duration(hours) * time.Hour) }
		panel.Rows = []Row{
			{"events", Event, []Bar{{"Celtics at Knicks", at(-2), at(3)}, {"Suns at Lakers", at(30), at(40)}}},
			{"override", Override, []Bar{{"", at(5), at(6)}}},
			{"evening <rule>", Rule, []Bar{{"", at(6), at(12)}, {"", at(50), at(60)}}},
		}
		p.Panels = append(p.Panels, panel)
	}
	p.Panels[0].Ceiling[60] = 20
	return p
}

func TestWritePlanDrawsSVGWithLabels(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.svg")
	if err := WritePlan(name, examplePlan(t)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := texts(t, data)
	for want, n := range map[string]int{
		`plan of "two"`: 1, "nba": 1, "nfl & more": 1, "needed for the median load": 1, "for 10 % to 90 %": 1, "planned agents": 1, "before": 1, "floor": 1, "ceiling": 1,
		"agents": 2, "load": 2, "Sun 1 Nov": 2, "18:00": 4, "EDT → EST": 2, "events": 2, "override": 2, "evening <rule>": 2, "Celtics at Knicks": 2,
		"ceiling 40 ↑": 1, // of the pool whose ceiling is never near
	} {
		count := 0
		for _, text := range got {
			if text == want {
				count++
			}
		}
		if count != n {
			t.Errorf("%d texts %q, want %d, in %q", count, want, n, got)
		}
	}
	if bytes.Contains(data, []byte("NaN")) {
		t.Error("the document has NaN")
	}
}

func TestWritePlanDrawsPNG(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.png")
	p := examplePlan(t)
	p.Title = strings.Repeat("long ", 100)
	p.Panels[1].Title, p.Panels[1].Rows[2].Name, p.Panels[1].Rows[0].Bars[1].Name = p.Title, p.Title, p.Title
	if err := WritePlan(name, p); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing reaches the edge of the picture, so that nothing is cut.
	const free = 12
	size := img.Bounds().Size()
	for x := range size.X {
		for y := range size.Y {
			edge := x < free || y < free || x >= size.X-free || y >= size.Y-free
			if r, g, b, _ := img.At(x, y).RGBA(); edge && (r != 0xffff || g != 0xffff || b != 0xffff) {
				t.Fatalf("there is ink at %d, %d of %v", x, y, size)
			}
		}
	}
}

func TestRenderCopesWithOddPlans(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Panel)
		want   string
	}{
		"no agents": {func(p *Panel) {
			for _, values := range [][]int{p.Agents, p.Before, p.Floor, p.Ceiling} {
				clear(values)
			}
			for _, values := range [][]float64{p.Low, p.Median, p.High} {
				clear(values)
			}
		}, "1"},
		"many agents": {func(p *Panel) { p.Agents[3] = 1 << 20 }, "1\u00a0000\u00a0000"},
		"no forecast": {func(p *Panel) {
			for i := range p.Low {
				p.Low[i], p.High[i] = math.NaN(), math.NaN()
			}
		}, ""},
		"one instant": {func(p *Panel) {
			p.Low, p.Median, p.High, p.Agents, p.Before, p.Floor, p.Ceiling = p.Low[:1], p.Median[:1], p.High[:1], p.Agents[:1], p.Before[:1], p.Floor[:1], p.Ceiling[:1]
		}, ""},
		"nothing below": {func(p *Panel) { p.Rows = nil }, ""},
		"many rules": {func(p *Panel) {
			for i := range 20 {
				p.Rows = append(p.Rows, Row{fmt.Sprintf("rule-%d", i), Rule, p.Rows[2].Bars})
			}
		}, "12 more"},
		"a name from a file": {func(p *Panel) { p.Rows[0].Bars[0].Name = "a\x00\x1b[31m\xff" }, "a[31m"},
		"two weeks":          {func(p *Panel) { p.Step = 4 * time.Hour }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := examplePlan(t)
			p.Panels = p.Panels[:1]
			tt.change(&p.Panels[0])
			data, err := p.render(".svg")
			if err != nil {
				t.Fatal(err)
			}
			got := texts(t, data)
			if tt.want != "" && !slices.Contains(got, tt.want) {
				t.Errorf("no text %q in %q", tt.want, got)
			}
			if hasBand := slices.Contains(got, "for 10 % to 90 %"); hasBand == (name == "no forecast") {
				t.Errorf("the legend has a band: %v", hasBand)
			}
			if bytes.Contains(data, []byte("NaN")) || bytes.Contains(data, []byte("Inf")) {
				t.Error("the document has numbers that are none")
			}
		})
	}
}

func TestWritePlanRefuses(t *testing.T) {
	many := examplePlan(t)
	many.Panels = slices.Repeat(many.Panels, MostPanels)
	for _, tt := range []struct {
		name string
		plan Plan
		want string
	}{
		{"a.gif", examplePlan(t), `"a.gif" does not end in .svg or .png`},
		{filepath.Join(t.TempDir(), "a.svg"), Plan{}, "no pools"},
		{filepath.Join(t.TempDir(), "a.svg"), many, "48 pools, at most 24 fit into a picture"},
	} {
		if err := WritePlan(tt.name, tt.plan); err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}
