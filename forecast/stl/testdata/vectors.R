# Writes the decompositions that the tests compare ours with:
#
#     Rscript vectors.R > vectors.csv
#
# A line is a case, a part of it and the values of that part. Remainders are
# what the other parts leave of the series.
suppressMessages(library(forecast))

cat("# ", R.version.string, ", forecast ", as.character(packageVersion("forecast")), "; see vectors.R\n", sep = "")
write_part <- function(case, part, values) {
  cat(case, part, paste(sprintf("%.12g", as.vector(values)), collapse = ","), sep = ",")
  cat("\n")
}

write_stl <- function(case, ...) {
  fit <- stl(...)
  write_part(case, "seasonal", fit$time.series[, "seasonal"])
  write_part(case, "trend", fit$time.series[, "trend"])
  if (fit$outer > 0) write_part(case, "weights", fit$weights)
}

write_mstl <- function(case, ...) {
  fit <- mstl(...)
  for (name in setdiff(colnames(fit), c("Data", "Remainder"))) write_part(case, tolower(name), fit[, name])
}

# Whole numbers, so that the file holds them exactly.
set.seed(20210701)
t <- 1:150
monthly <- round(1000 + 2 * t + (100 + t) * sin(2 * pi * t / 12) + 60 * cos(2 * pi * t / 4) + 25 * rnorm(150))
monthly[c(20, 77, 78, 140)] <- monthly[c(20, 77, 78, 140)] + c(700, -500, 900, 400)
write_part("monthly", "y", monthly)
y <- ts(monthly, frequency = 12)
# The partial sort in stl wants ascending ranks; for even lengths it is given
# descending ones and sometimes takes a wrong median for the weights. Odd
# lengths are right.
odd <- ts(monthly[1:149], frequency = 12)

write_stl("narrow", y, s.window = 7)
write_stl("periodic", y, s.window = "periodic")
write_stl("robust", odd, s.window = 11, robust = TRUE)
write_stl("robust periodic", odd, s.window = "periodic", robust = TRUE)
write_stl("degrees", y, s.window = 9, s.degree = 1, t.window = 21, t.degree = 0, l.window = 15, l.degree = 1)
write_stl("every place", y, s.window = 11, s.jump = 1, t.jump = 1, l.jump = 1)
write_stl("long jumps", y, s.window = 7, s.jump = 7, t.jump = 15, l.jump = 10, inner = 3)
write_stl("robust long jumps", odd, s.window = 7, s.jump = 7, t.jump = 15, l.jump = 10, inner = 2, outer = 2)
write_stl("wide", y, s.window = 31, t.window = 301, l.window = 201)
write_stl("robust lines", odd, s.window = 15, s.degree = 1, t.window = 201, inner = 1, outer = 3)
write_stl("period 2", ts(monthly[1:31], frequency = 2), s.window = 7)
write_stl("period 7", ts(monthly, frequency = 7), s.window = 9)
write_stl("shortest", ts(monthly[1:25], frequency = 12), s.window = 7)
write_stl("shortest periodic", ts(monthly[1:25], frequency = 12), s.window = "periodic")

t <- 1:401
hourly <- round(5000 + 3 * t + 800 * sin(2 * pi * t / 24) + 300 * sin(4 * pi * t / 24) + 500 * cos(2 * pi * t / 168) + 100 * rnorm(401))
hourly[c(100, 300)] <- 0
write_part("hourly", "y", hourly)
y <- msts(hourly, seasonal.periods = c(24, 168))

write_mstl("double", y)
write_mstl("double periodic", y, s.window = "periodic")
write_mstl("double robust", y, robust = TRUE)
write_mstl("double four times", y, s.window = 13, iterate = 4)
suppressWarnings(write_mstl("dropped", msts(hourly[1:150], seasonal.periods = c(24, 60, 80))))
write_mstl("single", ts(hourly[1:150], frequency = 24))
