package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// sheet is a text with a column of labels.
type sheet struct {
	lines []string
	label string // of the last row
}

// row adds a line; a label is written where it begins.
func (s *sheet) row(label, format string, args ...any) {
	shown := label
	if label == s.label {
		shown = ""
	}
	s.label = label
	s.lines = append(s.lines, fmt.Sprintf("%-11s ", shown)+strings.TrimRight(graphic(fmt.Sprintf(format, args...)), " "))
}

// printable keeps what comes from outside on one line and off the terminal.
func printable(text string) string { return strings.TrimSpace(graphic(text)) }

func graphic(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, text)
}

// words tells the explanation for people, times in zone.
func (v explanation) words(zone *time.Location) string {
	s := &sheet{}
	v.headline(s, zone)
	v.inputs(s, zone)
	v.ladder(s)
	v.surroundings(s, zone)
	v.outlook(s, zone)
	for _, note := range v.Notes {
		s.row("note", "%s", note)
	}
	return strings.Join(s.lines, "\n") + "\n"
}

// headline says what was decided, when and, in short, why.
func (v explanation) headline(s *sheet, zone *time.Location) {
	d := v.Decision
	change := fmt.Sprintf("stays at %d agents", d.Desired)
	if d.Current != d.Desired {
		change = fmt.Sprintf("from %d to %d agents", d.Current, d.Desired)
	}
	force := "in force"
	if v.Until != nil {
		force = "in force until " + clock(*v.Until, d.Time, zone)
	}
	s.lines = append(s.lines,
		printable(fmt.Sprintf("%s: %s, decided %s (%s), %s", v.Pool, change, dated(d.Time, zone), zone, force)),
		printable("because "+d.Why), "")
	mode := map[policy.Mode]string{
		policy.DryRun: "dry_run: the orchestrator is not called", policy.ScaleUpOnly: "scale_up_only: the pool is never lowered", policy.Active: "active",
	}
	s.row("mode", "%s", mode[d.Mode])
}

// inputs tell what was measured and what the demand could have been.
func (v explanation) inputs(s *sheet, zone *time.Location) {
	at := v.Decision.Time
	s.row("load", "%s", measured(v.Load, at, zone))
	if x := v.Completeness; x != nil {
		usual := "too little is known to tell what is usual"
		if x.Usual != nil {
			usual = amount(*x.Usual) + " is usual"
		}
		s.row("complete", "%s; %s", measured(x.Sample, at, zone), usual)
	}
	switch a := v.Agents; {
	case a == nil:
	case a.Known:
		s.row("agents", "%d run, %d are ready; each serves %s", a.Agents, a.Ready, amount(v.PerAgent))
	default:
		s.row("agents", "how many run is not known: %s", a.Detail)
	}
	for _, c := range v.Decision.Candidates {
		needs := ""
		if c.Load != nil && c.Agents != nil {
			needs = fmt.Sprintf("a load of %s needs %s", amount(*c.Load), agents(*c.Agents))
			if c.Rising {
				needs = "it rises above all that was foreseen; " + needs
			}
		}
		switch {
		case c.Dropped != "":
			s.row("candidates", "%s: dropped, %s", c.Source, c.Dropped)
		case c.Chosen:
			s.row("candidates", "%s: %s; chosen as the largest", c.Source, needs)
		default:
			s.row("candidates", "%s: %s", c.Source, needs)
		}
	}
}

// measured tells a sample, at an instant nearby.
func measured(x apiv1.Sample, at time.Time, zone *time.Location) string {
	text := x.Quality
	if x.Value != nil {
		text = fmt.Sprintf("%s at %s, %s", amount(*x.Value), clock(*x.Time, at, zone), x.Quality)
	}
	if x.Detail != "" {
		text += ": " + x.Detail
	}
	return text
}

// ladder tells the steps from the current to the desired agents.
func (v explanation) ladder(s *sheet) {
	for _, r := range v.Decision.Reasons {
		s.row("ladder", "%2d → %2d  %s: %s", r.From, r.To, strings.ReplaceAll(string(r.Code), "_", " "), r.Detail)
	}
	s.row("stages", "demand %d, after rules %d, within bounds %d, decided %d", v.Stages.Demand, v.Stages.Rules, v.Stages.Bounded, v.Stages.Final)
	if o := v.Outcome; o != nil {
		text := strings.ReplaceAll(string(o.Result), "_", " ")
		if o.Error != "" {
			text += ": " + o.Error
		}
		s.row("outcome", "%s", text)
	}
}

// surroundings tell rules, events, overrides and hosts.
func (v explanation) surroundings(s *sheet, zone *time.Location) {
	at := v.Decision.Time
	counting := 0
	for _, r := range v.Rules {
		s.row("rules", "%s", ruleInWords(r))
		if r.Counts && r.Factor != nil {
			counting++
		}
	}
	switch {
	case len(v.Rules) == 0:
		s.row("rules", "none is active")
	case counting > 1:
		s.row("rules", "together: %s", demandInWords(policy.Offset{Total: v.Factor, TotalAdd: v.Add}))
	}
	for _, r := range v.Ahead {
		s.row("soon", "%s", ruleInWords(r))
	}
	for _, e := range v.Events.Now {
		s.row("events", "now: %s, until %s", called(e), clock(e.End, at, zone))
	}
	if e := v.Events.Next; e != nil {
		s.row("events", "next: %s, %s to %s", called(*e), clock(e.Start, at, zone), clock(e.End, e.Start, zone))
	}
	if len(v.Events.Now) == 0 && v.Events.Next == nil {
		s.row("events", "none is known")
	}
	for _, b := range v.Budgets {
		caps := "it caps nothing now"
		if b.Scarce {
			caps = "at most " + agents(float64(b.Agents))
		}
		s.row("budgets", "%s: %s; %s", b.Name, b.Detail, caps)
	}
	if o := v.Override; o != nil {
		s.row("override", "%s, by %s until %s: %s", o.Order, o.Author, clock(o.End, at, zone), o.Reason)
	} else if v.Agents != nil {
		s.row("override", "none")
	}
	for _, h := range v.Hosts {
		name := strings.TrimSpace(h.Hosts + " " + h.Resource)
		if h.Percent != nil {
			s.row("hosts", "%s: %s %%%s, no pool grows from %s %% on%s", name, amount(*h.Percent), predicted(h), amount(h.LimitPercent), taking(h.Footprints))
		} else {
			s.row("hosts", "%s: %s, so no pool grows: %s", name, h.Quality, h.Detail)
		}
	}
}

func predicted(h apiv1.Host) string {
	if h.PredictedPercent == nil {
		return ""
	}
	return ", " + amount(*h.PredictedPercent) + " % predicted"
}

// taking tells what an agent of the pool takes, if that is known.
func taking(footprints []apiv1.Footprint) string {
	if len(footprints) == 0 || !footprints[0].Known {
		return ""
	}
	f := footprints[0]
	return fmt.Sprintf("; an agent takes %s %% (%s to %s)", amount(f.Percent), amount(f.Low), amount(f.High))
}

// outlook tells what is expected at the end of the lead time, and by whom.
func (v explanation) outlook(s *sheet, zone *time.Location) {
	if v.Fallback != "" {
		s.row("forecast", "none that counts: %s", v.Fallback)
	}
	f := v.Forecast
	if f == nil {
		return
	}
	if f.At != nil {
		var band []string
		for i, level := range f.Levels {
			band = append(band, fmt.Sprintf("%s (%s %%)", amount(f.Loads[i]), strconv.FormatFloat(100*level, 'g', 6, 64)))
		}
		s.row("forecast", "for %s, after the lead time of %s: %s", clock(*f.At, v.Decision.Time, zone), lasting(f.LeadTime), strings.Join(band, ", "))
		s.row("forecast", "quantile %s counts, at its highest within the lead time", strconv.FormatFloat(f.Own, 'g', 6, 64))
	}
	const most = 3
	var parts []string
	for _, m := range f.Models[:min(len(f.Models), most)] {
		parts = append(parts, fmt.Sprintf("%s %s %%", m.Model, amount(100*m.Weight)))
	}
	if n := len(f.Models) - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	text := strings.Join(parts, ", ")
	if f.WAPE != nil {
		text += fmt.Sprintf("; together they erred by %s %% of the load %s ahead", amount(100**f.WAPE), lasting(f.Horizon))
	}
	if text != "" {
		s.row("models", "%s", text)
	}
}

func ruleInWords(r apiv1.ActiveRule) string {
	if !r.Counts {
		return r.Name + ": " + r.Effect + ", but another rule of its group does more, which counts instead"
	}
	return r.Name + ": " + r.Effect
}

func called(e apiv1.Event) string { return strings.TrimSpace(e.Type + " " + e.Name) }

// dated is a local time with its day.
func dated(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("Mon 2 Jan 2006 15:04:05")
}

// clock is a local time, with the day where that is another one than a time nearby.
func clock(t, nearby time.Time, zone *time.Location) string {
	t, nearby = t.In(zone), nearby.In(zone)
	layout := "15:04"
	if t.Second() != 0 {
		layout = "15:04:05"
	}
	if t.YearDay() != nearby.YearDay() || t.Year() != nearby.Year() {
		layout = "Mon 2 Jan " + layout
	}
	return t.Format(layout)
}

// lasting is a length of time in words: 10m, 1h30m.
func lasting(seconds float64) string {
	text := time.Duration(seconds * float64(time.Second)).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len(zero)+1]
		}
	}
	return text
}

// agents is a number of agents in words.
func agents(n float64) string {
	if n == 1 {
		return "1 agent"
	}
	return amount(n) + " agents"
}

// amount prints a number with about three digits.
func amount(x float64) string {
	if x >= 100 || x <= -100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}
