package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scaling-adapter/scaling-adapter/forecast"
	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
)

// exampleReport is a report with everything that there can be.
func exampleReport(t *testing.T) forecastReport {
	t.Helper()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	load := func(i int) float64 { return 100 - 80*math.Cos(float64(i)/24*2*math.Pi) }
	s := forecast.Series{Start: time.Date(2026, 10, 30, 0, 0, 0, 0, zone), Step: time.Hour}
	for i := range 73 { // up to midnight of 2 November, an hour after the clocks went back
		s.Values = append(s.Values, load(i))
	}
	s.Values[60], s.Values[61] = math.NaN(), math.NaN()
	r := forecastReport{
		Source: "load.csv", Unit: "requests", Measured: s,
		Forecast: forecast.Forecast{Start: s.End(), Step: s.Step, Levels: []float64{0.1, 0.5, 0.9, 0.95}},
		Coverage: []forecast.Coverage{{Horizon: 1, Share: 0.79, N: 147}, {Horizon: 24, Share: 0.8123, N: 124}},
		Effects:  []effect{{forecast.Effect{Class: "game", Events: 7, Declared: 1.5, Measured: 1.72, Low: 1.6, High: 1.85}, true}},
		Parts:    &parts{},
		Warnings: []string{"intervals rest on 37 past errors at some horizons, 100 would be better"},
	}
	for _, factor := range []float64{0.9, 1, 1.2, 1.3} {
		var path []float64
		for k := range 24 {
			path = append(path, factor*load(72+k))
		}
		r.Forecast.Paths = append(r.Forecast.Paths, path)
	}
	for k := range 24 {
		p := r.Parts
		p.Level, p.Seasonal = append(p.Level, 100), append(p.Seasonal, load(72+k)-104)
		p.Autoregressive, p.Event, p.Rules = append(p.Autoregressive, 4), append(p.Event, 0), append(p.Rules, 0)
		if k >= 12 {
			p.Seasonal[k], p.Rules[k] = p.Seasonal[k]-25, 25
		}
	}
	for i, name := range []string{"seasonal_naive_day", "seasonal_naive_week", "harmonic_log", "mstl_autoregression_log", forecast.Combination} {
		for _, k := range []int{1, 2, 24} {
			score := forecast.Score{Model: name, Horizon: k, WAPE: 0.05 * float64(5-i+k/12), Bias: 0.02 * float64(i-1), Weight: 0.1 * float64(i+1), N: 120}
			if name == "seasonal_naive_week" {
				score.WAPE, score.Bias, score.Weight, score.N = math.NaN(), math.NaN(), 0, 0
			}
			if name == forecast.Combination {
				score.Weight = 1
			}
			r.Scores = append(r.Scores, score)
		}
	}
	return r
}

// golden compares a text with a file, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); make golden rewrites it:\n%s", name, diff)
	}
}

func TestForecastText(t *testing.T) {
	var out bytes.Buffer
	r := exampleReport(t)
	if err := r.writeText(&out, true); err != nil {
		t.Fatal(err)
	}
	golden(t, "forecast.txt", out.String())
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(line)) - 1; n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestForecastTextTellsTheHighestOfLongIntervals(t *testing.T) {
	r := exampleReport(t)
	for i, path := range r.Forecast.Paths {
		r.Forecast.Paths[i] = slices.Concat(slices.Repeat(path, 13), path[:5])
	}
	var out bytes.Buffer
	if err := r.writeText(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"highest from          10 %      50 %      90 %      95 %",
		"Mon  2 Nov 00:00       162       180       216       234  ██",
		"Sun 15 Nov 00:00        54        60        72        78  ██",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

func TestForecastTextNamesDaysAndSeconds(t *testing.T) {
	r := exampleReport(t)
	r.Measured = r.Measured.From(r.Forecast.Start.Add(-27 * time.Hour)) // three hours of the first day
	var out bytes.Buffer
	if err := r.writeText(&out, false); err != nil {
		t.Fatal(err)
	}
	if want := "\n  Sun 1 Nov                 Mon 2 Nov\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, out.String())
	}
	r = exampleReport(t)
	r.Measured = forecast.Series{}
	r.Forecast.Step = 20 * time.Second
	out.Reset()
	if err := r.writeText(&out, false); err != nil {
		t.Fatal(err)
	}
	if want := "\n 2 Nov 00:00:20         20 "; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, out.String())
	}
}

func TestForecastJSONHasNullForNaN(t *testing.T) {
	var out bytes.Buffer
	if err := exampleReport(t).writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var v forecastView
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if v.Measured.Values != 73 || v.Measured.Missing != 2 || len(v.Paths) != 4 || len(v.Parts.Level) != 24 || v.Effects[0].Class != "game" || v.Location != "America/New_York" {
		t.Errorf("got %+v", v)
	}
	const naive = `{"model":"seasonal_naive_week","horizon_seconds":3600,"weight":0,"wape":null,"bias":null,"forecasts":0}`
	if !strings.Contains(out.String(), naive) {
		t.Errorf("%s is not in %s", naive, out.String())
	}
}

// answer is what an adapter says about a pool, of 24 steps of 5 minutes.
func answer(pool, more string) string {
	list := func(value string) string { return "[" + strings.TrimSuffix(strings.Repeat(value+",", 24), ",") + "]" }
	return fmt.Sprintf(`{"status":"success","data":[{"pool":%q,"model":"combination","location":"America/New_York","start":"2026-11-12T22:25:00Z","step_seconds":300,
		"measured":{"start":"2026-11-11T22:25:00Z","step_seconds":300,"loads":[%s7]},
		"quantiles":[0.1,0.5,0.9,0.99],"loads":[%s,%[3]s,%[3]s,%[3]s],
		"scores":[{"model":"seasonal_naive_day","horizon_seconds":3600,"wape":0.17,"bias":null,"weight":0.25,"forecasts":40},{"model":"combination","horizon_seconds":3600,"wape":0.11,"bias":0.01,"weight":1,"forecasts":40}],
		"interval_coverage":[{"horizon_seconds":3600,"share":0.8,"pinball":0.02,"values":40}],
		"events":[{"id":"1","type":"game","name":"Celtics at Knicks","start":"2026-11-12T23:00:00Z","end":"2026-11-13T01:00:00Z","labels":{},"source":"fixtures"}],
		"parts":{"level":%s,"seasonal":%s,"autoregressive":%s,"event":%s,"rules":%s}%s}]}`,
		pool, strings.Repeat("5,null,", 143)+"5,", list("12.5"), list("10"), list("-2"), list("0.5"), list("0"), list("4"), more)
}

func TestForecastAsksAnAdapter(t *testing.T) {
	const effects = `,"effects":[{"class":"game","events":7,"declared":1.5,"measured":1.72,"low":1.6,"high":1.85,"learned":true}]`
	for name, tc := range map[string]struct {
		status int
		body   string
		args   []string
		want   []string // in the output
		wrong  string   // the error
	}{
		"as text": {200, answer("nba", `,"warnings":["few errors"],"fallback":"profile"`+effects), []string{"--models", "--horizon", "1h"}, []string{
			"pool nba: forecast for 1h from Thu 12 Nov 2026 17:25, America/New_York",
			"measured  288 values every 5m, Wed 11 Nov 2026 17:25 to Thu 12 Nov 2026 17:20, 50 % missing",
			"past 1h   WAPE 11 % (seasonal naive 17 %), bias +1.0 %, 80 % of 40 loads within 10–90 %",
			"\nWed 11 Nov          Thu 12 Nov\n", "│███\n", "one character is 20m, ▁ is 0, █ is 12.5",
			"     99 %", "Thu 12 Nov 18:20      12.5", "seasonal_naive_day                25 %        17 %           –",
			"median time                  level     season  deviation     events      rules   together\n",
			"5m     Thu 12 Nov 17:25       10.0       −2.0       +0.5          0       +4.0       12.5\n",
			"load is multiplied by events\n  game: declared 1.5, measured 1.72 (1.6 to 1.85), n=7\n",
			"warning: the adapter does not use this forecast: profile", "warning: few errors",
		}, ""},
		"declared effects": {200, answer("nba", strings.Replace(effects, "true", "false", 1)), []string{"--models"}, []string{
			"median time                  level     season  deviation      rules   together\n",
			"\n  game: declared 1.5, measured 1.72 (1.6 to 1.85), n=7; what is declared counts\n",
		}, ""},
		"in another zone":   {200, answer("nba", ""), []string{"--location", "Europe/Berlin"}, []string{"from Thu 12 Nov 2026 23:25, Europe/Berlin", "to Thu 12 Nov 2026 23:20"}, ""},
		"without parts":     {200, strings.Replace(answer("nba", `,"warnings":["no parts: no model"]`), `"parts"`, `"more"`, 1), []string{"--models", "--output", "json"}, []string{`"parts":null`, `"warnings":["no parts: no model"]`}, ""},
		"nothing measured":  {200, strings.Replace(answer("nba", ""), `"measured"`, `"more"`, 1), nil, []string{"America/New_York\n\nmodels    seasonal_naive_day 25 %\n", "\nThu 12 Nov\n▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n"}, ""},
		"measured too far":  {200, strings.Replace(answer("nba", ""), ",7]", ",7,9,9]", 1), nil, []string{"measured  288 values", "▁ is 0, █ is 12.5"}, ""},
		"measured too near": {200, strings.Replace(answer("nba", ""), "5,null,5,7]", "5]", 1), []string{"--output", "json"}, []string{`"values":288,"missing":145}`}, ""},
		"as JSON": {200, answer("nba", ""), []string{"--output", "json", "--horizon", "10m"}, []string{
			`"source":"pool nba"`, `"location":"America/New_York","measured":{"start":"2026-11-11T22:25:00Z","end":"2026-11-12T22:20:00Z","step_seconds":300,"values":288,"missing":143}`,
			`"quantiles":[0.1,0.5,0.9,0.99]`, `"weight":0.25`, `"parts":{"level":[10,10],"seasonal":[-2,-2],"autoregressive":[0.5,0.5],"event":[0,0],"rules":[4,4]},"effects":[],"warnings":[]`,
		}, ""},
		"other quantiles":     {200, answer("nba", ""), []string{"--quantile", "0.95"}, nil, `the adapter does not forecast quantile 0.95 of pool "nba"; it has [0.1 0.5 0.9 0.99]`},
		"no such pool":        {404, `{"status":"error","error":"no pool \"nba\""}`, nil, nil, `says: no pool "nba"`},
		"another pool":        {200, answer("nfl", ""), nil, nil, "does not answer like a scaling-adapter: it tells of other pools"},
		"no forecast":         {200, `{"status":"success","data":[{"pool":"nba","start":null,"step_seconds":300,"quantiles":[],"loads":[],"fallback":"reactive"}]}`, nil, nil, `pool "nba" has no forecast: reactive`},
		"not an adapter":      {200, "<html>", nil, nil, "does not answer like a scaling-adapter: 200 OK"},
		"no data":             {200, `{"status":"success","data":{}}`, nil, nil, "does not answer like a scaling-adapter: 200 OK"},
		"nonsense":            {200, strings.Replace(answer("nba", ""), `0.9,0.99]`, `0.9]`, 1), nil, nil, "answers nonsense about pool \"nba\": 3 quantiles, 4 lists of loads"},
		"no step":             {200, strings.ReplaceAll(answer("nba", ""), `"step_seconds":300`, `"step_seconds":0`), nil, nil, "step_seconds is 0"},
		"two steps":           {200, strings.Replace(answer("nba", ""), `"step_seconds":300`, `"step_seconds":60`, 1), nil, nil, "step_seconds is 60 and of what was measured 300"},
		"beside the grid":     {200, strings.Replace(answer("nba", ""), "11T22:25:00Z", "11T22:26:00Z", 1), nil, nil, "measured from 2026-11-11 22:26:00 +0000 UTC, forecast from"},
		"measured from ahead": {200, strings.Replace(answer("nba", ""), "11T22:25:00Z", "13T22:25:00Z", 1), nil, nil, "measured from 2026-11-13"},
		"unknown zone":        {200, strings.Replace(answer("nba", ""), "America/New_York", "Mars/Base", 1), nil, nil, "unknown time zone Mars/Base"},
		"ragged":              {200, strings.Replace(answer("nba", ""), "[[12.5,", "[[", 1), nil, nil, "lists of loads of different lengths"},
		"ragged parts":        {200, strings.Replace(answer("nba", ""), "[-2,", "[", 1), nil, nil, "parts of 23 steps, loads of 24"},
		"too much":            {200, strings.Repeat(" ", apiv1.MostAnswer+1), nil, nil, "has more than 33554432 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, want := r.URL.String(), "/below/api/v1/forecast?parts=true&pool=nba"; got != want {
					t.Errorf("asked %s, want %s", got, want)
				}
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			}))
			defer server.Close()
			var stdout, stderr bytes.Buffer
			args := append([]string{"forecast", "nba", "--address", server.URL + "/below/"}, tc.args...)
			status := execute(t.Context(), args, output{&stdout, &stderr})
			if tc.wrong == "" && status != exitOK || tc.wrong != "" && (status != exitProblems || !strings.Contains(stderr.String(), tc.wrong) || stdout.Len() > 0) {
				t.Fatalf("status %d, stderr %q, stdout %q; want the error %q", status, stderr.String(), stdout.String(), tc.wrong)
			}
			for _, want := range tc.want {
				if !strings.Contains(stdout.String(), want) {
					t.Errorf("no %q in:\n%s", want, stdout.String())
				}
			}
		})
	}
}

func TestForecastDrawsWhatAnAdapterMeasured(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer("nba", "")) }))
	defer server.Close()
	var stdout, stderr bytes.Buffer
	name := filepath.Join(t.TempDir(), "nba.svg")
	if status := execute(t.Context(), []string{"forecast", "nba", "--address", server.URL, "--plot", name}, output{&stdout, &stderr}); status != exitOK {
		t.Fatalf("status %d, %s", status, stderr.String())
	}
	picture, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"pool nba: forecast from Thu 12 Nov 2026 17:25", "measured", ">game<"} {
		if !strings.Contains(string(picture), want) {
			t.Errorf("no %q in the picture", want)
		}
	}
}

func TestForecastTellsWhenNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // its port is free now
	var stdout, stderr bytes.Buffer
	status := execute(t.Context(), []string{"forecast", "nba", "--address", server.URL}, output{&stdout, &stderr})
	if want := "start the adapter with scaling-adapter run or say where it is with --address, or forecast a file with --csv"; status != exitProblems || !strings.Contains(stderr.String(), want) {
		t.Errorf("status %d, %q; want 1 and %q", status, stderr.String(), want)
	}
}

func TestShortNumbers(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{short(24 * time.Hour), "24h"}, {short(90 * time.Minute), "1h30m"}, {short(5 * time.Minute), "5m"}, {short(90 * time.Second), "1m30s"}, {short(time.Second), "1s"}, {short(10 * time.Hour), "10h"},
		{percent(math.NaN()), "–"}, {percent(math.Inf(1)), "–"}, {percent(0.0004), "<0.1 %"}, {percent(0), "0.0 %"}, {percent(0.0994), "9.9 %"}, {percent(0.0996), "10 %"},
		{signed(-0.012), "−1.2 %"}, {signed(0.3), "+30 %"}, {signed(-0.0001), "0.0 %"}, {signed(math.NaN()), "–"},
		{brief(0), "0"}, {brief(123456), "123456"}, {brief(99.96), "100.0"}, {brief(0.01234), "0.0123"}, {brief(1e100), "1e+100"}, {brief(1e-7), "1e-07"},
		{percentage(0.995), "99.5 %"}, {percentage(0.55), "55 %"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
