package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/common/model"

	"github.com/scaling-adapter/scaling-adapter/internal/report"
)

// ordinaryReport is the period if nobody says.
const ordinaryReport = 24 * time.Hour

// report answers what the last while was like.
func (s server) report(w http.ResponseWriter, r *http.Request) {
	snap := s.Snapshot()
	if snap == nil {
		answer(w, nil, refuse(http.StatusServiceUnavailable, "the adapter has not taken its first tick; there is nothing to report"))
		return
	}
	period := ordinaryReport
	if text := r.FormValue("period"); text != "" {
		d, err := model.ParseDuration(text)
		if period = time.Duration(d); err != nil || period < report.Shortest || period > report.Longest {
			answer(w, nil, refuse(http.StatusBadRequest, "period %q is not a length from %s to %s such as 24h or 7d", clip(text), model.Duration(report.Shortest), model.Duration(report.Longest)))
			return
		}
	}
	leave, err := s.reporting.enter(r.Context(), "reports")
	if err != nil {
		answer(w, nil, err)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
	defer cancel()
	out, err := report.Make(ctx, snap.Settings.Source, snap, period)
	if errors.Is(err, context.DeadlineExceeded) {
		err = refuse(http.StatusServiceUnavailable, "the report was not ready within %s; ask again later, or for a shorter period", workTimeout)
	}
	answer(w, out, err)
}
