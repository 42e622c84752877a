package forecastplot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

// example is a picture of three days of hours, with gaps, and a day to come.
func example(t *testing.T) Picture {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 9, 12, 0, 0, 0, zone)
	values := make([]float64, 100)
	for i := range values {
		values[i] = 100 + 80*math.Sin(float64(i)/24*2*math.Pi)
	}
	values[50], values[52] = math.NaN(), math.NaN()
	f := forecast.Forecast{Start: start.Add(100 * time.Hour), Step: time.Hour, Levels: []float64{0.1, 0.5, 0.9, 0.95}}
	for i := range f.Levels {
		path := make([]float64, 24)
		for k := range path {
			path[k] = (1 + 0.2*float64(i)) * (100 + 80*math.Sin(float64(100+k)/24*2*math.Pi))
		}
		f.Paths = append(f.Paths, path)
	}
	return Picture{
		Title: `load & "more".csv`, Unit: "requests < s", Forecast: f,
		Measured: forecast.Series{Start: start, Step: time.Hour, Values: values},
		Events:   []forecast.Event{{Class: "game", Start: f.Start.Add(2 * time.Hour), End: f.Start.Add(9 * time.Hour)}},
	}
}

// texts returns what an SVG document says; it fails if it is none.
func texts(t *testing.T, data []byte) []string {
	t.Helper()
	var out []string
	inText := false
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("not XML: %s", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text"
		case xml.EndElement:
			inText = false
		case xml.CharData:
			if inText {
				out = append(out, string(token))
			}
		}
	}
}

func TestWriteDrawsSVGWithLabels(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.SVG")
	if err := Write(name, example(t)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := texts(t, data)
	for _, want := range []string{`load & "more".csv`, "requests < s", "local time, America/New_York", "measured", "forecast, median", "10 % to 90 %", "95 %", "event", "game", "Thu 12 Nov", "12:00", "0", "100", "200"} {
		if !slices.Contains(got, want) {
			t.Errorf("no text %q in %q", want, got)
		}
	}
	if bytes.Contains(data, []byte("NaN")) || !bytes.Contains(data, []byte("Arial")) {
		t.Error("the document has NaN, or names one font only")
	}
}

func TestWriteDrawsPNG(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.png")
	if err := Write(name, example(t)); err != nil {
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
	if size := img.Bounds().Size(); size.X != 1520 || size.Y != 760 {
		t.Errorf("size: got %v, want 1520×760", size)
	}
	// Nothing reaches the edge of the picture, so that nothing is cut.
	for x := range img.Bounds().Dx() {
		for y := range img.Bounds().Dy() {
			const free = 12
			edge := x < free || y < free || x >= img.Bounds().Dx()-free || y >= img.Bounds().Dy()-free
			if r, g, b, _ := img.At(x, y).RGBA(); edge && (r != 0xffff || g != 0xffff || b != 0xffff) {
				t.Fatalf("there is ink at %d, %d", x, y)
			}
		}
	}
}

func TestRenderCopesWithOddPictures(t *testing.T) {
	for name, change := range map[string]func(*Picture){
		"nothing measured":    func(p *Picture) { p.Measured = forecast.Series{} },
		"all missing":         func(p *Picture) { p.Measured.Values = slices.Repeat([]float64{math.NaN()}, 100) },
		"one step":            func(p *Picture) { p.cut(1); p.Measured = forecast.Series{} },
		"all zero":            func(p *Picture) { p.scale(0) },
		"huge":                func(p *Picture) { p.scale(1e97) },
		"tiny":                func(p *Picture) { p.scale(1e-300) },
		"below zero":          func(p *Picture) { p.Measured.Values[90] = -50 },
		"no band":             func(p *Picture) { p.Forecast.Levels, p.Forecast.Paths = []float64{0.5}, p.Forecast.Paths[:1] },
		"a long title":        func(p *Picture) { p.Title = strings.Repeat("long name ", 100) },
		"a title from a file": func(p *Picture) { p.Title = "a\x00\x1b[31m\xff\n" },
		"a step of a day":     func(p *Picture) { p.Measured.Step, p.Forecast.Step = 24*time.Hour, 24*time.Hour },
		"a month":             func(p *Picture) { p.Forecast.Step = 31 * time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			p := example(t)
			change(&p)
			data, err := render(".svg", p)
			if err != nil {
				t.Fatal(err)
			}
			got := texts(t, data)
			if name == "all zero" && slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "-") }) {
				t.Error("a load that is zero is drawn below zero")
			}
			if len(got) < 5 || bytes.Contains(data, []byte("NaN")) || bytes.Contains(data, []byte("Inf")) {
				t.Errorf("texts %q; the document has NaN or Inf", got)
			}
		})
	}
}

func (p *Picture) cut(n int) {
	for i := range p.Forecast.Paths {
		p.Forecast.Paths[i] = p.Forecast.Paths[i][:n]
	}
}

func (p *Picture) scale(by float64) {
	for _, values := range append([][]float64{p.Measured.Values}, p.Forecast.Paths...) {
		for i := range values {
			values[i] *= by
		}
	}
}

func TestWriteRefusesWhatItCannotDraw(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.gif")
	if err := Write(name, example(t)); err == nil || !strings.Contains(err.Error(), "does not end in .svg or .png") {
		t.Errorf("got %v", err)
	}
	name = filepath.Join(t.TempDir(), "a.svg")
	if err := Write(name, Picture{}); err == nil {
		t.Error("no error for a picture of nothing")
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("a file was written")
	}
}

func TestTimeTicksFollowTheWallClock(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		start  time.Time
		length time.Duration
		want   []string
	}{
		"across the change in autumn":      {time.Date(2026, 10, 31, 18, 0, 0, 0, zone), 20 * time.Hour, []string{"18:00", "20:00", "22:00", "Sun 1 Nov", "02:00", "04:00", "06:00", "08:00", "10:00", "12:00"}},
		"across the change in spring":      {time.Date(2026, 3, 8, 0, 30, 0, 0, zone), 4 * time.Hour, []string{"00:30\nSun 8 Mar", "01:00", "01:30", "03:00", "03:30", "04:00", "04:30", "05:00", "05:30"}},
		"across it, in steps of two hours": {time.Date(2026, 3, 7, 22, 0, 0, 0, zone), 18 * time.Hour, []string{"22:00", "Sun 8 Mar", "04:00", "06:00", "08:00", "10:00", "12:00", "14:00", "16:00"}},
		"within a day":                     {time.Date(2026, 11, 12, 17, 25, 0, 0, zone), time.Hour, []string{"17:25\nThu 12 Nov", "17:30", "17:35", "17:40", "17:45", "17:50", "17:55", "18:00", "18:05", "18:10", "18:15", "18:20", "18:25"}},
		"a month":                          {time.Date(2026, 11, 12, 17, 25, 0, 0, zone), 34 * 24 * time.Hour, []string{"Sun 15 Nov", "Wed 18 Nov", "Sat 21 Nov", "Tue 24 Nov", "Fri 27 Nov", "Mon 30 Nov", "Thu 3 Dec", "Sun 6 Dec", "Wed 9 Dec", "Sat 12 Dec", "Tue 15 Dec"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, tick := range timeTicks(tc.start, tc.start.Add(tc.length), zone) {
				got = append(got, tick.Label)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadTicksAreRound(t *testing.T) {
	for _, tc := range []struct {
		from, to float64
		want     []string
	}{
		{0, 106, []string{"0", "20", "40", "60", "80", "100"}},
		{0, 1.25, []string{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"}},
		{-50, 200, []string{"-50", "0", "50", "100", "150", "200"}},
		{21000, 45000, []string{"25\u00a0000", "30\u00a0000", "35\u00a0000", "40\u00a0000", "45\u00a0000"}},
		{0, 4.1e12, []string{"0", "1e+12", "2e+12", "3e+12", "4e+12"}},
	} {
		var got []string
		for _, tick := range loadTicks(tc.from, tc.to) {
			got = append(got, tick.Label)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%v to %v (-want +got):\n%s", tc.from, tc.to, diff)
		}
	}
}
