# Writes vectors.json: likelihoods, estimates, forecasts and choices of R's
# forecast, stats and urca, for vectors_test.go.
#
#   Rscript vectors.R > vectors.json
suppressPackageStartupMessages({library(forecast); library(urca)})

# JSON of lists, vectors and matrices: a vector of one is a number where the
# name is one of these.
single <- c("name", "p", "d", "q", "P", "D", "Q", "period", "period_given", "constant", "constant_value", "sigma2",
  "loglik", "n", "aicc", "strength", "lag", "differences", "statistic", "order", "R", "forecast", "urca")
json <- function(x, name = "") {
  if (is.null(x)) return("null")
  if (is.list(x)) {
    parts <- vapply(seq_along(x), function(i) json(x[[i]], c(names(x), rep("", length(x)))[i]), "")
    if (is.null(names(x))) return(paste0("[", paste(parts, collapse = ",\n"), "]"))
    return(paste0("{", paste0("\"", names(x), "\":", parts, collapse = ", "), "}"))
  }
  if (is.matrix(x)) return(paste0("[", paste(apply(x, 1, json), collapse = ","), "]"))
  text <- if (is.character(x)) paste0("\"", x, "\"") else if (is.logical(x) && !anyNA(x)) tolower(x) else ifelse(is.na(x), "null", sprintf("%.12g", x))
  if (name %in% single) text else paste0("[", paste(text, collapse = ","), "]")
}

num <- function(x) as.numeric(x)
order_of <- function(f) list(p = f$arma[1], d = f$arma[6], q = f$arma[2], P = f$arma[3], D = f$arma[7], Q = f$arma[4], period = f$arma[5])
matrix_of <- function(x) if (is.null(x)) NULL else unname(as.matrix(x))

# One fit; the constant is the coefficient intercept or drift. sigma2 is the
# maximum likelihood one: the mean of the squared standardized errors.
entry <- function(name, y, f, p, x, future) {
  co <- f$coef
  pick <- function(pattern) num(co[grepl(pattern, names(co))])
  c(list(name = name, series = num(y)), order_of(f), list(
    constant = length(pick("^(intercept|drift)$")) > 0,
    ar = pick("^ar"), ma = pick("^ma"), sar = pick("^sar"), sma = pick("^sma"),
    constant_value = sum(pick("^(intercept|drift)$")), beta = pick("^x"),
    xreg = matrix_of(x), future = matrix_of(future),
    sigma2 = f$sigma2, loglik = f$loglik, n = f$nobs, mean = num(p$pred), variance = num(p$se)^2))
}

# stats::arima with tight convergence; drift is a regressor, as in Arima. Its
# diffuse prior has a variance of 1e8: with the default of 1e6 the likelihood of
# the airline model is 3e-3 from its limit, which is that of the differences.
fit <- function(name, y, order, seasonal = c(0, 0, 0), period = 1, constant = FALSE, x = NULL, future = NULL, fixed = NULL, h = 14) {
  drift <- constant && order[2] + seasonal[2] == 1
  xreg <- x; newx <- future
  if (drift) {
    xreg <- cbind(drift = seq_along(y), x)
    newx <- cbind(drift = length(y) + 1:h, future)
  }
  f <- stats::arima(y, order, list(order = seasonal, period = period), xreg = xreg,
    include.mean = constant && !drift, method = "ML", fixed = fixed, kappa = 1e8, transform.pars = is.null(fixed),
    optim.control = list(reltol = 1e-13, maxit = 1000, ndeps = rep(1e-5, 20)[seq_len(sum(order[-2], seasonal[-2]) + (if (is.null(xreg)) 0 else NCOL(xreg)) + (constant && !drift))]))
  p <- if (is.null(newx)) predict(f, n.ahead = h) else predict(f, n.ahead = h, newxreg = newx)
  entry(name, y, f, p, x, future)
}
gaps <- function(x, at) { x[at] <- NA; x }

set.seed(1)
n <- 120
x <- cbind(x1 = rnorm(n + 14), x2 = sin(1:(n + 14) / 5))
wiggle <- 3 + x[1:n, ] %*% c(2, -1) + arima.sim(list(ar = c(0.5, 0.3)), n)
airline <- list(order = c(0, 1, 1), seasonal = c(0, 1, 1), period = 12)
logair <- log(AirPassengers)

fixed <- list(
  fit("lh", lh, c(2, 0, 1), constant = TRUE, fixed = c(0.5, 0.1, 0.3, 2.4)),
  fit("lake", LakeHuron, c(1, 0, 3), constant = TRUE, fixed = c(0.8, 0.2, -0.3, 0.4, 579)),
  fit("pure moving average", lh, c(0, 0, 2), constant = TRUE, fixed = c(0.9, 0.5, 2.4)),
  fit("near a unit root", WWWusage, c(2, 0, 0), constant = TRUE, fixed = c(1.9, -0.905, 130)),
  fit("missing", gaps(lh, c(1, 5, 6, 20, 47)), c(2, 0, 1), constant = TRUE, fixed = c(0.5, 0.1, 0.3, 2.4)),
  fit("missing at the end", gaps(LakeHuron, c(40:45, 97:98)), c(1, 0, 2), constant = TRUE, fixed = c(0.8, 0.2, 0.3, 579)),
  fit("seasonal", num(USAccDeaths), c(1, 0, 1), c(1, 0, 1), 12, TRUE, fixed = c(0.7, -0.2, 0.6, 0.3, 8700)),
  fit("regression", wiggle, c(2, 0, 0), constant = TRUE, x = x[1:n, ], future = x[n + 1:14, ], fixed = c(0.5, 0.3, 3, 2, -1)))

estimated <- list(
  fit("lh ar3", lh, c(3, 0, 0), constant = TRUE),
  fit("lh arma", lh, c(1, 0, 1), constant = TRUE),
  fit("LakeHuron", LakeHuron, c(2, 0, 0), constant = TRUE),
  fit("Nile", Nile, c(0, 1, 1)),
  fit("Nile drift", Nile, c(1, 1, 1), constant = TRUE),
  fit("WWWusage", WWWusage, c(3, 1, 0)),
  fit("WWWusage arma", WWWusage, c(1, 1, 1)),
  fit("twice differenced", WWWusage, c(0, 2, 2)),
  do.call(fit, c(list("AirPassengers", logair), airline)),
  do.call(fit, c(list("USAccDeaths", USAccDeaths), airline)),
  fit("seasonal autoregression", USAccDeaths, c(1, 0, 0), c(1, 1, 0), 12, TRUE),
  fit("missing", gaps(lh, c(5, 6, 20, 47)), c(1, 0, 0), constant = TRUE),
  fit("missing and differenced", gaps(Nile, c(3, 30:33, 77)), c(0, 1, 1)),
  fit("missing and differenced twice", gaps(WWWusage, c(2, 50, 51)), c(1, 2, 0)),
  do.call(fit, c(list("missing in a season", gaps(logair, c(3, 50:52, 100))), airline)),
  fit("regression", wiggle, c(2, 0, 0), constant = TRUE, x = x[1:n, ], future = x[n + 1:14, ]),
  fit("differenced regression", cumsum(wiggle), c(1, 1, 0), constant = TRUE, x = x[1:n, ], future = x[n + 1:14, ]))

long <- function(model, n, level = 100, d = 0) {
  z <- num(arima.sim(model, n + 200))[-(1:200)]
  if (d > 0) z <- cumsum(z)
  round(level + z, 3)
}
chosen <- function(name, y, period = 1) {
  y <- ts(num(y), frequency = period)
  f <- auto.arima(y)
  c(list(name = name, series = num(y)), order_of(f), list(period_given = period,
    constant = any(c("intercept", "drift") %in% names(f$coef)), loglik = f$loglik, aicc = f$aicc,
    mean = num(forecast(f, 8)$mean), strength = if (period > 1) forecast:::seas.heuristic(y) else 0))
}
auto <- list(
  chosen("lh", lh), chosen("LakeHuron", LakeHuron), chosen("Nile", Nile), chosen("WWWusage", WWWusage),
  chosen("lynx", log(lynx)), chosen("BJsales", BJsales), chosen("sunspot.year", sqrt(sunspot.year)),
  chosen("treering", window(treering, 0, 699)), chosen("missing", gaps(LakeHuron, c(4, 50:55))),
  chosen("AirPassengers", logair, 12), chosen("USAccDeaths", USAccDeaths, 12), chosen("nottem", nottem, 12),
  chosen("UKgas", log(UKgas), 4), chosen("JohnsonJohnson", log(JohnsonJohnson), 4), chosen("presidents", presidents, 4),
  chosen("arma", long(list(ar = c(0.6, 0.2), ma = 0.4), 500)), chosen("integrated", long(list(ar = 0.5), 500, d = 1)))

kpss <- function(name, y) {
  y <- num(y); v <- y[!is.na(y)]
  list(name = name, series = y, lag = trunc(3 * sqrt(length(v)) / 13), differences = ndiffs(y),
    statistic = ur.kpss(v, use.lag = trunc(3 * sqrt(length(v)) / 13))@teststat)
}
kpsses <- list(kpss("lh", lh), kpss("Nile", Nile), kpss("WWWusage", WWWusage), kpss("AirPassengers", AirPassengers),
  kpss("LakeHuron", LakeHuron), kpss("missing", gaps(Nile, c(1, 50, 51))), kpss("square", (1:60)^2 + rep(c(0, 1, 5), 20)), kpss("treering", window(treering, 0, 699)), kpss("short", c(1, 3, 2)))

burg <- function(name, y, order) {
  y <- num(y) - mean(y); f <- ar.burg(y, order.max = order, demean = FALSE)
  list(name = name, series = y, order = order, ar = num(f$ar), sigma2 = f$var.pred)
}
burgs <- list(burg("lh", lh, 10), burg("Nile", Nile, 20), burg("lynx", log(lynx), 15), burg("sunspots", sqrt(sunspot.year), 25),
  burg("noise", rnorm(50), 10), burg("three", c(1, 3, 4), 2))

versions <- list(R = R.version.string, forecast = as.character(packageVersion("forecast")), urca = as.character(packageVersion("urca")))
cat(json(list(versions = versions, fixed = fixed, estimated = estimated, auto = auto, kpss = kpsses, burg = burgs)), "\n")
