# Forecasts of R's forecast package for tools/bench-accuracy, which scores them.
#
#   Rscript bench.R DIR PART PARTS   work off each PARTS-th order from the PARTth on
#   Rscript bench.R versions         print the versions of R and of the package
#
# DIR/orders.csv has the columns id, load, first, at, horizon, day, method, shift:
# forecast horizon values of DIR/<load>.csv (one value a line, NA is missing)
# from those between the places first (counted from 0) and at (not included); day
# is the number of steps of a day, shift what is added before a logarithm. On stdout
# come, for each order,
#
#   fit,<id>,<CPU seconds>,<error, empty when it went well>
#   path,<id>,<level>,<values of the quantile at that level>
suppressPackageStartupMessages(library(forecast))
options(digits = 10, warn = -1)
args <- commandArgs(TRUE)
if (args[1] == "versions") {
  cat(R.version.string, "with forecast", as.character(packageVersion("forecast")), "\n")
  quit()
}

LONGEST <- 300 # seconds that one fit may take
LEVELS <- c(80, 95)

# filled replaces missing values by those of a week or a day before, or by a line.
filled <- function(y, day) {
  for (p in c(7 * day, day)) for (i in which(is.na(y))) if (i > p) y[i] <- y[i - p]
  missing <- is.na(y)
  if (any(missing)) y[missing] <- approx(which(!missing), y[!missing], xout = which(missing), rule = 2)$y
  y
}

# seasonal gives the series its daily and weekly periods, where it has two of them.
seasonal <- function(y, day) {
  periods <- c(day, 7 * day)
  msts(y, periods[periods < length(y) / 2])
}

# Naive2 as the organisers of the M4 competition define it: where the series is
# seasonal, naive on what a classical multiplicative decomposition leaves.
is_seasonal <- function(y, day) {
  if (length(y) < 3 * day) return(FALSE)
  a <- acf(y, plot = FALSE, lag.max = day)$acf[-1, 1, 1]
  limit <- 1.645 / sqrt(length(y)) * sqrt(cumsum(c(1, 2 * a^2)))
  isTRUE(abs(a[day]) > limit[day])
}
naive2 <- function(y, day, h) {
  index <- rep(1, h)
  last <- tail(y, 1)
  if (is_seasonal(y, day)) {
    s <- as.numeric(decompose(ts(y, frequency = day), type = "multiplicative")$seasonal)
    index <- rep(tail(s, day), length.out = h)
    last <- last / tail(s, 1)
  }
  list(mean = last * index)
}

snaive_of <- function(y, period, h) snaive(ts(y, frequency = period), h = h, level = LEVELS)
stl_of <- function(y, day, h, ...) stlf(seasonal(y, day), h = h, level = LEVELS, ...)

# log_of forecasts on a logarithmic scale: of the load where it is positive, as
# is usual for the M4 series, or of one more than it, which copes with zeros.
log_of <- function(y, shift, f) {
  if (shift == 0 && min(y) <= 0) return(f(y))
  r <- f(log(y + shift))
  for (k in c("mean", "lower", "upper")) r[[k]] <- exp(r[[k]]) - shift
  r
}

METHODS <- list(
  naive2 = function(y, day, h, shift) naive2(y, day, h),
  snaive_day = function(y, day, h, shift) snaive_of(y, day, h),
  snaive_week = function(y, day, h, shift) snaive_of(y, 7 * day, h),
  mstl_ets = function(y, day, h, shift) stl_of(y, day, h, method = "ets"),
  mstl_log_ets = function(y, day, h, shift) log_of(y, shift, function(z) stl_of(z, day, h, method = "ets")),
  mstl_periodic_log_ets = function(y, day, h, shift)
    log_of(y, shift, function(z) stl_of(z, day, h, method = "ets", s.window = "periodic")),
  mstl_arima = function(y, day, h, shift) stl_of(y, day, h, method = "arima"),
  tbats = function(y, day, h, shift) forecast(tbats(seasonal(y, day), use.parallel = FALSE), h = h, level = LEVELS)
)

# run does one order and prints what came of it.
run <- function(o, y) {
  error <- ""
  began <- proc.time()
  r <- tryCatch({
    setTimeLimit(elapsed = LONGEST)
    METHODS[[o$method]](y, o$day, o$horizon, o$shift)
  }, error = function(e) {
    error <<- gsub("[,\"\r\n]+", " ", conditionMessage(e))
    NULL
  })
  setTimeLimit()
  cat("fit", o$id, sum((proc.time() - began)[1:2]), error, sep = ",")
  cat("\n")
  if (is.null(r)) return()
  path <- function(level, values) cat(paste(c("path", o$id, level, signif(as.numeric(values), 9)), collapse = ","), "\n", sep = "")
  path(0.5, r$mean)
  for (j in seq_along(if (is.null(r$upper)) NULL else LEVELS)) {
    path((1 - LEVELS[j] / 100) / 2, as.matrix(r$lower)[, j])
    path(1 - (1 - LEVELS[j] / 100) / 2, as.matrix(r$upper)[, j])
  }
}

orders <- read.csv(file.path(args[1], "orders.csv"), colClasses = c(load = "character", method = "character"))
loads <- new.env()
for (i in seq(as.integer(args[2]), by = as.integer(args[3]), length.out = nrow(orders))) {
  if (i > nrow(orders)) break
  o <- orders[i, ]
  if (is.null(loads[[o$load]])) loads[[o$load]] <- scan(file.path(args[1], paste0(o$load, ".csv")), quiet = TRUE)
  run(o, filled(loads[[o$load]][(o$first + 1):o$at], o$day))
}
