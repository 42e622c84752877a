# Writes vectors.json, what ets() of the R package forecast says of some series:
#
#     Rscript vectors.R > vectors.json
#
# "fixed" are models with given parameters and initial states: the likelihood,
# the sum of squared errors and the point forecasts.
# "estimated" are models that ets() estimates, "auto" what it chooses; "stable"
# says which parameters are admissible.
suppressMessages(library(forecast))

set.seed(20260907)
noise <- rnorm(400)
trend <- cumsum(0.3 + 0.2 * rnorm(80)) + 20 + rnorm(80)
hours <- 100 + 30 * sin(2 * pi * (1:168) / 24) + cumsum(0.5 * rnorm(168)) + 3 * rnorm(168)
long <- 500 + cumsum(rnorm(1500)) + 4 * rnorm(1500)
week <- (50 + 0.1 * (1:120)) * rep(c(1, 1.1, 1.1, 1.2, 1.4, 0.7, 0.5), length.out = 120) * exp(0.03 * rnorm(120))
series <- list(
  AirPassengers = AirPassengers, Nile = Nile, USAccDeaths = USAccDeaths, WWWusage = WWWusage,
  LakeHuron = LakeHuron, UKgas = UKgas, nottem = window(nottem, start = 1930),
  walk = ts(round(50 + cumsum(noise[1:120]), 3)), trend = ts(round(trend, 3)),
  flat = ts(round(10 + noise[121:200], 3)), counts = ts(rpois(90, 1.2)),
  hours = ts(round(hours, 2), frequency = 24), week = ts(round(week, 3), frequency = 7),
  long = ts(round(long, 2)))

h <- 8
# Point forecasts by the textbook: etsforecast of forecast 8.20 adds phi twice to
# a damped trend, and forecast() gives means where the season is multiplicative.
point <- function(states, m, components, phi) {
  p <- 1 + (components[2] != "N")
  base <- states[1] + if (p == 2) cumsum(phi^(1:h)) * states[2] else 0
  if (components[3] == "N") return(rep_len(base, h))
  season <- rep_len(rev(states[p + 1:m]), h)
  if (components[3] == "A") base + season else base * season
}
or <- function(v, other) if (is.null(v) || is.na(v)) other else unname(v)

fixed <- list()
fix <- function(name, model, damped, alpha, beta = 0, gamma = 0, phi = 1, level, trend = 0, seasonal = numeric(0)) {
  y <- series[[name]]
  cs <- strsplit(model, "")[[1]]
  init <- c(level, if (cs[2] != "N") trend, rev(seasonal))
  r <- forecast:::pegelsresid.C(y, frequency(y), init, cs[1], cs[2], cs[3], damped, alpha, beta, gamma, phi, 3)
  fixed[[length(fixed) + 1]] <<- list(series = name, model = model, damped = damped, alpha = alpha, beta = beta,
    gamma = gamma, phi = phi, level = level, trend = trend, seasonal = I(seasonal), log_likelihood = -0.5 * r$lik,
    squares = sum(r$e^2), forecasts = point(tail(r$states, 1), frequency(y), cs, phi))
}
fix("Nile", "ANN", FALSE, 0.25, level = 1100)
fix("Nile", "MNN", FALSE, 0.25, level = 1100)
fix("trend", "AAN", FALSE, 0.4, 0.1, level = 20, trend = 0.2)
fix("trend", "MAN", FALSE, 0.4, 0.1, level = 20, trend = 0.2)
fix("WWWusage", "AAN", TRUE, 0.9, 0.7, phi = 0.85, level = 90, trend = -2)
fix("WWWusage", "MAN", TRUE, 0.9, 0.7, phi = 0.85, level = 90, trend = -2)
quarters <- c(1.2, 0.9, 0.6, 1.3)
fix("UKgas", "ANA", FALSE, 0.3, gamma = 0.2, level = 120, seasonal = 40 * (quarters - 1))
fix("UKgas", "AAA", TRUE, 0.3, 0.1, 0.2, 0.9, level = 120, trend = 1, seasonal = 40 * (quarters - 1))
fix("UKgas", "MAA", FALSE, 0.3, 0.1, 0.2, level = 120, trend = 1, seasonal = 40 * (quarters - 1))
fix("UKgas", "MNM", FALSE, 0.3, gamma = 0.2, level = 120, seasonal = quarters)
fix("UKgas", "MAM", FALSE, 0.3, 0.1, 0.2, level = 120, trend = 1, seasonal = quarters)
fix("UKgas", "MAM", TRUE, 0.3, 0.1, 0.2, 0.9, level = 120, trend = 1, seasonal = quarters)

estimated <- list()
estimate <- function(name, model, damped = FALSE) {
  f <- ets(series[[name]], model, damped = damped)
  estimated[[length(estimated) + 1]] <<- describe(name, f)
}
describe <- function(name, f) {
  forecasts <- point(tail(f$states, 1), f$m, f$components, or(f$par["phi"], 1))
  if (f$components[3] != "M") stopifnot(all.equal(forecasts, as.numeric(forecast(f, h = h)$mean)))
  list(
  series = name, model = paste(f$components[1:3], collapse = ""), damped = f$components[4] == "TRUE",
  alpha = or(f$par["alpha"], 0), beta = or(f$par["beta"], 0), gamma = or(f$par["gamma"], 0), phi = or(f$par["phi"], 1),
  log_likelihood = f$loglik, aicc = f$aicc, sigma2 = f$sigma2,
  forecasts = forecasts)
}
for (name in names(series)) {
  y <- series[[name]]
  for (e in c("A", if (min(y) > 0) "M")) {
    estimate(name, paste0(e, "NN")); estimate(name, paste0(e, "AN")); estimate(name, paste0(e, "AN"), TRUE)
    if (frequency(y) == 1) next
    for (s in c("A", if (e == "M") "M")) {
      estimate(name, paste0(e, "N", s)); estimate(name, paste0(e, "A", s)); estimate(name, paste0(e, "A", s), TRUE)
    }
  }
}
auto <- lapply(names(series), function(name) describe(name, ets(series[[name]])))

# Are parameters within the usual bounds stable? One row each: alpha, beta, gamma, phi, period, 1 or 0.
stable <- lapply(1:60, function(i) {
  m <- c(2, 4, 7, 12, 24)[1 + i %% 5]
  a <- runif(1); b <- runif(1) * a; g <- runif(1) * (1 - a)
  phi <- if (i %% 2) 1 else runif(1, 0.8, 0.98)
  c(a, b, g, phi, m, forecast:::admissible(a, b, g, phi, m))
})

json <- function(v) {
  if (is.list(v)) {
    parts <- vapply(v, json, "")
    if (is.null(names(v))) return(paste0("[", paste(parts, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(v), "\":", parts, collapse = ","), "}"))
  }
  text <- if (is.numeric(v)) sprintf("%.15g", v) else if (is.logical(v)) tolower(v) else paste0("\"", v, "\"")
  if (length(v) == 1 && !inherits(v, "AsIs")) text else paste0("[", paste(text, collapse = ","), "]")
}
cat(json(list(
  made_by = paste0("vectors.R, ", R.version.string, ", forecast ", packageVersion("forecast")),
  series = lapply(series, function(y) list(period = frequency(y), values = as.numeric(y))),
  fixed = fixed, estimated = estimated, auto = auto, stable = stable)), "\n")
