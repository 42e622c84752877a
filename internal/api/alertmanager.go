package api

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/scaling-adapter/scaling-adapter/internal/apiv1"
	"github.com/scaling-adapter/scaling-adapter/policy"
)

// notification is what Alertmanager's webhook sends. It gains fields with releases,
// so others than these are no error.
type notification struct {
	Version   string  `json:"version"`
	Alerts    []alert `json:"alerts"`
	Truncated uint64  `json:"truncatedAlerts,omitempty"`
}

type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt,omitzero"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
	Fingerprint string            `json:"fingerprint"`
}

// An alert that fires makes an event that lasts for alertLength, and is prolonged by
// alertLength/2 while notifications come and less than that is left: should the
// word that it is resolved get lost, the event ends all the same, and should it go
// on, not every notification is a new event to the forecasts.
const alertLength = 24 * time.Hour

// typeLabel is the label of an alert that names the type of its event.
const typeLabel = "event_type"

// event returns the event of an alert that fires at now.
func (a alert) event(now time.Time) (policy.Event, error) {
	var ps problems
	start := a.StartsAt.UTC()
	if a.StartsAt.IsZero() || start.After(now) {
		start = now
	}
	if oldest := now.AddDate(-1, 0, 0); start.Before(oldest) {
		start = oldest
	}
	e := policy.Event{
		ID: a.prefix() + serial(start), Type: a.Labels[typeLabel], Labels: maps.Clone(a.Labels),
		Start: start, End: a.end(start, now), Source: sourceAlertmanager,
	}
	delete(e.Labels, typeLabel)
	if e.Type == "" {
		e.Type = snake(a.Labels["alertname"])
		delete(e.Labels, "alertname")
	}
	ps.eventType("label "+typeLabel, e.Type)
	if !nameSyntax.MatchString(a.Fingerprint) {
		ps.add("fingerprint %q is not up to 100 letters and digits", clip(a.Fingerprint))
	}
	ps.labels(e.Labels)
	if e.Name = shortened(a.Annotations["summary"]); e.Name == "" {
		e.Name = shortened(a.Labels["alertname"])
	}
	return e, ps.err()
}

// prefix begins the IDs of the events of the alert, one for each time that it fired.
func (a alert) prefix() string { return "alert-" + a.Fingerprint + "-" }

func (a alert) end(start, now time.Time) time.Time {
	if last := now.Add(alertLength); a.EndsAt.After(now) && a.EndsAt.Before(last) {
		return a.EndsAt.UTC()
	}
	const half = alertLength / 2
	end := start.Add(alertLength)
	if short := now.Add(half).Sub(end); short > 0 {
		end = end.Add((short + half - 1) / half * half)
	}
	return end
}

// shortened returns a text of an alert as an event may have it.
func shortened(text string) string {
	letters := []rune(printable(text))
	if len(letters) > mostText {
		letters = append(letters[:mostText-1], '…')
	}
	return string(letters)
}

// snake writes CamelCase as snake_case.
func snake(name string) string {
	letters := []rune(name)
	var out []rune
	for i, r := range letters {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(letters[i-1]),
			unicode.IsUpper(r) && i > 0 && i+1 < len(letters) && unicode.IsLower(letters[i+1]):
			out = append(out, '_')
		}
		out = append(out, unicode.ToLower(r))
	}
	words := strings.FieldsFunc(string(out), func(r rune) bool { return r == '_' })
	return strings.Join(words, "_")
}

func (s *orders) alertmanager(r *http.Request, by caller) (any, error) {
	var n notification
	if err := decode(r, anyFields, &n); err != nil {
		return nil, err
	}
	if n.Version != "4" {
		return nil, refuse(http.StatusBadRequest, "expected what Alertmanager's webhook sends, version 4, got version %q", clip(n.Version))
	}
	if n.Truncated > 0 {
		s.Audit.Warn("alertmanager left out alerts; raise max_alerts of its webhook", "alerts", n.Truncated, "remote", by.remote)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := apiv1.Notified{Ignored: []string{}}
	for _, a := range n.Alerts {
		err := s.take(a, by, &answer)
		if r, refused := errors.AsType[refusal](err); refused && r.status == http.StatusServiceUnavailable {
			return nil, err // Alertmanager comes again
		}
		if err != nil {
			s.Audit.Warn("alert ignored", "fingerprint", clip(a.Fingerprint), "alertname", clip(a.Labels["alertname"]), "remote", by.remote, "err", err)
			answer.Ignored = append(answer.Ignored, clip(a.Fingerprint)+": "+err.Error())
		}
	}
	return answer, nil
}

// take starts, prolongs or ends the event of an alert.
func (s *orders) take(a alert, by caller, answer *apiv1.Notified) error {
	now := s.Now()
	e, err := a.event(now)
	if err != nil {
		return err
	}
	told := s.Engine.ToldEvents()
	before := slices.DeleteFunc(slices.Clone(told), func(old policy.Event) bool {
		return old.Source != sourceAlertmanager || !strings.HasPrefix(old.ID, a.prefix()) || !now.Before(old.End)
	})
	switch {
	case a.Status == "resolved":
		for _, old := range before {
			end := now
			if a.EndsAt.After(old.Start) && a.EndsAt.Before(now) {
				end = a.EndsAt.UTC()
			}
			if _, err := s.Engine.EndEvent(old.ID, end); err != nil {
				return notTaken(err)
			}
			answer.Ended++
			after := old
			after.End = end
			s.audit(by, sourceAlertmanager, tell(old), tell(after)).Info("event ended", "event", old.ID)
		}
	case a.Status != "firing":
		return refuse(http.StatusBadRequest, "status %q is neither firing nor resolved", clip(a.Status))
	case len(before) > 0:
		e.ID, e.Start = before[0].ID, before[0].Start // another Alertmanager may have seen it begin at another time
		if err := s.Engine.PutEvent(e); err != nil {
			return notTaken(err)
		}
		answer.Going++
	case going(told, now) >= mostGoing:
		return refuse(http.StatusConflict, "%d events that were told are not over yet, more are not taken", mostGoing)
	default:
		if err := s.Engine.PutEvent(e); err != nil {
			return notTaken(err)
		}
		answer.Started++
		s.audit(by, sourceAlertmanager, "none", tell(e)).Info("event put", "event", e.ID)
	}
	return nil
}
