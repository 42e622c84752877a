package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scaling-adapter/scaling-adapter/forecast"
)

var nan = math.NaN()

// files writes files, by name, and returns their directory.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadM4(t *testing.T) {
	everything := selection{only: regexp.MustCompile("")}
	dir := files(t, map[string]string{
		"m4/Hourly-train.csv": "V1,V2,V3,V4\nH1,1,2,3\n\"H3\",4,5,\n",
		"m4/Hourly-test.csv":  "V1,V2,V3\nH3,6,7\nH1,8,9\n",
	})
	tasks, err := readM4(dir, everything)
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) != 2 || tasks[1].load.name != "H3" {
		t.Fatalf("got tasks %+v, want H1 and H3", tasks)
	}
	if got, want := tasks[1].known().Values, []float64{4, 5}; !slices.Equal(got, want) {
		t.Errorf("known of H3: got %v, want %v", got, want)
	}
	if got, want := tasks[1].actual(), []float64{6, 7}; !slices.Equal(got, want) {
		t.Errorf("actual of H3: got %v, want %v", got, want)
	}

	dir = files(t, map[string]string{
		"m4/Hourly-train.csv": "V1,V2,V3,V4\nH1,1,,3\n",
		"m4/Hourly-test.csv":  "V1,V2,V3\nH1,8,9\n",
	})
	if _, err := readM4(dir, everything); err == nil || !strings.Contains(err.Error(), "series H1: value 2") {
		t.Errorf("a hole in a row: got error %v, want one with its place", err)
	}
}

func TestTracesAreOnAGrid(t *testing.T) {
	for _, test := range []struct {
		name, text string
		start      string
		step       time.Duration
		values     []float64
		err        string
	}{
		{name: "gaps, missing values and late seconds", text: "2015-02-26 21:42:53,1\n2015-02-26 21:47:53,2\n2015-02-26 21:52:53,\n2015-02-26 22:03:01,4\n2015-02-26 22:07:53,5\n",
			start: "2015-02-26T21:40:00Z", step: 5 * time.Minute, values: []float64{1, 2, nan, nan, 4, 5}},
		{name: "of two at one place the later", text: "1998-05-01T00:00,1\n1998-05-01T00:30,2\n1998-05-01T01:00,3\n1998-05-01T01:01,4\n",
			start: "1998-05-01T00:00:00Z", step: 30 * time.Minute, values: []float64{1, 2, 4}},
		{name: "backwards", text: "1998-05-01T00:30,1\n1998-05-01T00:00,2\n", err: "comes after"},
		{name: "no step", text: "1998-05-01T00:30,1\n", err: "does not divide a day"},
		{name: "odd step", text: "1998-05-01T00:00,1\n1998-05-01T00:07,2\n", err: "does not divide a day"},
		{name: "no time", text: "yesterday,1\n", err: `record 2: "yesterday" is not a time`},
		{name: "no value", text: "1998-05-01T00:30,x\n", err: "record 2"},
		{name: "one column", text: "1998-05-01T00:30\n", err: "record 2: want a time and a value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := files(t, map[string]string{"x.csv": "ds,y\n" + test.text})
			got, err := readTrace(filepath.Join(dir, "x.csv"))
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got error %v, want one with %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			start, _ := time.Parse(time.RFC3339, test.start)
			want := forecast.Series{Start: start, Step: test.step, Values: test.values}
			if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWorldCupWeeksEndWithTheirLastDay(t *testing.T) {
	var text strings.Builder
	text.WriteString("ds,y\n")
	start, end := time.Date(1998, 6, 10, 0, 0, 0, 0, time.UTC), time.Date(1998, 7, 5, 0, 0, 0, 0, time.UTC)
	for at := start; at.Before(end); at = at.Add(5 * time.Minute) {
		text.WriteString(at.Format("2006-01-02T15:04") + ",1\n")
	}
	dir := files(t, map[string]string{"wc98_5min.csv": text.String(), "wc98_matches.csv": "kickoff_utc,matches\n1998-06-10T15:30,Brazil-Scotland\n"})
	loads, err := readWorldCup(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range loads {
		got = append(got, l.name+" "+l.group+" "+l.series.End().Format(time.RFC3339))
	}
	want := []string{
		"wc98_jun27 World Cup, week to 27 June 1998-06-28T00:00:00Z",
		"wc98_jul02 World Cup, week to 2 July 1998-07-03T00:00:00Z",
	} // the file ends before 10 July
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTracesThatAreMissingAreTold(t *testing.T) {
	loads, missing, err := readTraces(t.TempDir(), selection{only: regexp.MustCompile("")})
	if err != nil || len(loads) > 0 || len(missing) != len(sources)+1 {
		t.Errorf("got %d loads, missing %q, error %v; want all missing", len(loads), missing, err)
	}
}

// hourly returns a load of some days whose values are their places.
func hourly(days int) *load {
	values := make([]float64, 24*days)
	for i := range values {
		values[i] = float64(i)
	}
	return &load{name: "x", series: forecast.Series{Start: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Step: time.Hour, Values: values}}
}

func TestTasksSeeTheirPastOnly(t *testing.T) {
	l := hourly(40)
	tasks := traceTasks(l)
	if len(tasks) != 28 {
		t.Fatalf("got %d tasks, want 28 in a week", len(tasks))
	}
	last := tasks[27]
	if got, want := last.actual(), []float64{958, 959}; !slices.Equal(got, want) {
		t.Errorf("the last two hours: got %v, want %v", got, want)
	}
	if got := last.known(); got.Len() != 28*24 || got.Values[got.Len()-1] != 957 || !got.End().Equal(l.series.Time(958)) {
		t.Errorf("got %d known values up to %v, want 28 days up to 957", got.Len(), got.End())
	}
	if got := traceTasks(hourly(3))[0].at; got < 50 {
		t.Errorf("the first origin of a short load is %d, before our engine can start", got)
	}
}

func TestSpreadTakesTheLast(t *testing.T) {
	for _, test := range []struct {
		n, most int
		want    []int
	}{
		{4, 0, []int{0, 1, 2, 3}},
		{4, 9, []int{0, 1, 2, 3}},
		{10, 3, []int{1, 5, 9}},
		{28, 3, []int{7, 17, 27}},
		{0, 3, nil},
	} {
		if got := spread(test.n, test.most); !slices.Equal(got, test.want) {
			t.Errorf("spread(%d, %d) = %v, want %v", test.n, test.most, got, test.want)
		}
	}
}

func TestAnswersOfR(t *testing.T) {
	l := hourly(3)
	tr := &trial{tasks: []task{{l, 0, 48, 2}, {l, 0, 50, 2}, {l, 0, 52, 2}}}
	orders := tr.order("mstl_ets", 0, []int{0, 1, 2})
	fits := 0
	text := "fit,1,0.25,no model able to be fitted\nfit,0,1.5,\npath,0,0.5,1,2\npath,0,0.025,-Inf,NA\n"
	if err := readAnswers(strings.NewReader(text), orders, func() { fits++ }); err != nil {
		t.Fatal(err)
	}
	got := tr.results[0].answers
	if fits != 2 || got[0].spent != 1500*time.Millisecond || got[0].err != nil {
		t.Errorf("got %d fits and %+v, want 2 and one of 1.5 s", fits, got[0])
	}
	want := [][]float64{{1, 2}, {math.Inf(-1), nan}}
	if diff := cmp.Diff(want, got[0].forecast.Paths, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if got[1].err == nil || got[1].err.Error() != "no model able to be fitted" {
		t.Errorf("got error %v, want R's", got[1].err)
	}
	if !errors.Is(got[2].err, errNoResult) {
		t.Errorf("got error %v of what R never answered, want %v", got[2].err, errNoResult)
	}
	for _, text := range []string{"fit,9,1,\n", "fit,x,1,\n", "fit,0\n", "path,0,0.5,1,2,3\n", "path,0,0.5,1,x\n", "Error,0,0,0\n"} {
		if err := readAnswers(strings.NewReader(text), orders, func() {}); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestOrdersAsTheScriptReadsThem(t *testing.T) {
	dir := t.TempDir()
	l := hourly(1)
	l.series.Values = []float64{1.5, nan, 3e6}
	if err := writeOrders(dir, []order{{task{l, 0, 2, 1}, "mstl_ets", 1, nil}, {task{l, 1, 2, 1}, "tbats", 0, nil}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"orders.csv": "id,load,first,at,horizon,day,method,shift\n0,1,0,2,1,24,mstl_ets,1\n1,1,1,2,1,24,tbats,0\n",
		"1.csv":      "1.5\nNA\n3e+06\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, error %v; want %q", name, got, err, want)
		}
	}
}

func TestScore(t *testing.T) {
	l := hourly(3) // rises by one each hour: the seasonal scale is 24
	said := func(levels []float64, paths ...[]float64) answer {
		return answer{asked: true, forecast: forecast.Forecast{Levels: levels, Paths: paths}, spent: 3 * time.Millisecond}
	}
	tr := &trial{tasks: []task{{l, 0, 48, 2}, {l, 0, 50, 2}, {l, 0, 52, 2}}}
	full := said(levels, []float64{40, 50}, []float64{46, 50}, []float64{48, 55}, []float64{60, 60}, []float64{70, 70})
	tr.results = []result{{"full", ofR, []answer{full, {}, {asked: true, err: errNoResult}}}}
	got := tr.score(tr.results[0], nil)
	want := noFigures()
	want[sMAPE] = (0 + 200*6.0/104) / 2 // 48 and 49 came
	want[mase] = 6.0 / 2 / 24
	want[owa] = (want[sMAPE]/naive2SMAPE + want[mase]/naive2MASE) / 2
	want[wape], want[bias] = 6.0/97, -6.0/97
	want[pinball90], want[below90] = .1*(12+11)/97, 1
	want[within80], want[within95] = .5, .5
	want[msis95] = ((70 - 40) + (70 - 50) + 40*(50-49)) / 2.0 / 24
	want[milliseconds], want[asked], want[failed] = 3, 2, 1
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("with all quantiles (-want +got):\n%s", diff)
	}

	medians := said([]float64{.5}, []float64{-5, 49})
	missing := said([]float64{.5}, []float64{nan, 49})
	got = tr.score(result{"medians", member, []answer{medians, missing, {}}}, nil)
	if got[wape] != 48.0/97 { // a forecast below zero counts as zero
		t.Errorf("WAPE of 0 and 49: got %g, want %g", got[wape], 48.0/97)
	}
	for _, f := range []figure{pinball90, below90, within80, within95, msis95} {
		if !math.IsNaN(got[f]) {
			t.Errorf("%s of medians alone: got %g, want NaN", columnNames[f], got[f])
		}
	}
	if got[failed] != 1 {
		t.Errorf("a forecast with NaN: got %g failed, want 1", got[failed])
	}
	if got := tr.score(tr.results[0], []bool{false, true, true}); got[asked] != 1 || !math.IsNaN(got[wape]) {
		t.Errorf("of the tasks that are wanted: got %g forecasts and WAPE %g, want 1 and NaN", got[asked], got[wape])
	}
}

func TestFiguresAreFormatted(t *testing.T) {
	f := noFigures()
	f[bias], f[wape] = .0004, math.Inf(1)
	if got, want := cells(f, []figure{bias, wape, mase, pinball90}), []string{"+0.000", "+Inf", "–", "–"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var w bytes.Buffer
	table(&w, []string{"a", "µs"}, [][]string{{"–", "1.25"}, {"seasonal", "1"}})
	want := "| a        | µs   |\n| -------- | ---- |\n| –        | 1.25 |\n| seasonal | 1    |\n"
	if w.String() != want {
		t.Errorf("got\n%swant\n%s", w.String(), want)
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		value float64
		want  string
	}{{.5, "stretch met"}, {.61, "target met"}, {.62, "target met"}, {.63, "gate met, target missed"}, {.7, "**missed**"}, {nan, "not measured"}, {math.Inf(1), "**missed**"}} {
		g := goal{value: test.value, gate: atMost(.64), target: atMost(.62), stretch: atMost(.58)}
		if got := g.verdict(); got != test.want {
			t.Errorf("%g: got %q, want %q", test.value, got, test.want)
		}
	}
	covers := goal{value: 1, gate: between(.84, .96), target: between(.87, .93)}
	if got := covers.verdict(); got != "**missed**" {
		t.Errorf("coverage of 1: got %q, want missed", got)
	}
	for b, want := range map[bounds]string{{}: "–", atMost(.4): "≤ 0.4", atLeast(.93): "≥ 0.93", between(.77, .83): "0.77–0.83"} {
		if got := b.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReportWithoutAnythingSaysSo(t *testing.T) {
	r := &report{date: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), command: "x"}
	r.note("Not in the data directory: `%s`.", "m4")
	got := r.markdown()
	for _, want := range []string{"by `x` on 24 November 2026", "- Not in the data directory: `m4`.", "| M4 hourly OWA, 0 series", "not measured", constants} {
		if !strings.Contains(got, want) {
			t.Errorf("the report has not %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "NaN") {
		t.Errorf("the report has NaN:\n%s", got)
	}
}
