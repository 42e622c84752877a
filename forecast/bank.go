package forecast

import (
	"time"

	"github.com/scaling-adapter/scaling-adapter/forecast/ets"
)

// Half-lives of levels: a shift is adopted within hours by the fast, within days
// by the slow models.
const (
	fast = 12 * time.Hour
	slow = 72 * time.Hour
)

// DefaultModels returns the bank for loads of any kind, each model on the load
// and, but for the seasonal naive ones, on its logarithm. What a series is too
// short for is left out by [Fit], so that a new pool starts with the models
// without a season, gets those of the day after a day and those of the week after
// one to two weeks.
func DefaultModels() []Model {
	models := []Model{
		SeasonalNaive("seasonal_naive_day", day),
		SeasonalNaive("seasonal_naive_week", week),
	}
	for _, m := range []Model{
		plain{"simple", bySmoothing(ets.Spec{Error: ets.Additive})},
		plain{"autoregression", byAutoregression(fast)},
		profile{"profile_day", 1, fast},
		profile{"profile_week", 7, slow},
		profile{"profile_week_fast", 7, fast},
		harmonic{"harmonic", slow},
		lagged{"seasonal_autoregression"},
		decomposed{"mstl_autoregression", byAutoregression(0)},
		decomposed{"mstl_ets", bySmoothing(
			ets.Spec{Error: ets.Additive},
			ets.Spec{Error: ets.Additive, Trend: ets.Additive},
			ets.Spec{Error: ets.Additive, Trend: ets.Additive, Damped: true})},
	} {
		models = append(models, m, Log1p(m))
	}
	return models
}
