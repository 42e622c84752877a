# Everything a developer or the continuous integration does. `make` lists it.

export CGO_ENABLED ?= 0

VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
PACKAGE  := github.com/prometheus/common/version
LDFLAGS  := -s -w -X $(PACKAGE).Version=$(VERSION) -X $(PACKAGE).Revision=$(REVISION)

# ARGS are passed to the demo, FUZZTIME is for each fuzz test, BENCH selects benchmarks.
ARGS     ?=
FUZZTIME ?= 20s
BENCH    ?= .
# SOAK_HOURS are the virtual hours of each run of the soak, SOAK_SEED is that of the only one.
SOAK_HOURS ?= 72
SOAK_SEED  ?=
# DATA is a directory of public series; see docs/benchmarks.md and docs/elasticity.md.
DATA     ?= ../shared/data

BIN := bin
comma := ,
# The oldest Prometheus that is supported comes from Debian, the newest is built.
# Alertmanager is Debian's: what it sends has been the same since long before.
PROMETHEUS_OLD ?= /usr/bin/prometheus
PROMETHEUS_NEW ?= $(CURDIR)/$(BIN)/prometheus
# The API server of Kubernetes is built, which takes minutes; etcd comes from Debian.
KUBE_APISERVER ?= $(CURDIR)/$(BIN)/kube-apiserver
ETCD           ?= /usr/bin/etcd
ALERTMANAGER   ?= /usr/bin/prometheus-alertmanager
PROMTOOL       ?= $(CURDIR)/$(BIN)/promtool
# The status pages are looked at with Debian's Chromium and axe-core.
CHROMIUM       ?= /usr/bin/chromium
AXE            ?= $(CURDIR)/tools/axe/node_modules/axe-core/axe.min.js

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the one binary into bin/
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/scaling-adapter ./cmd/scaling-adapter

.PHONY: demo
demo: build ## run the whole stack on this machine; ARGS="--for 2m" ends it by itself
	@$(BIN)/scaling-adapter demo $(ARGS)

.PHONY: test
test: ## run the tests; needs Go alone
	go test ./...

.PHONY: race
race: ## run the tests with the race detector; needs a C compiler
	@command -v gcc >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev; }
	CGO_ENABLED=1 go test -race ./...

.PHONY: e2e
e2e: build $(PROMETHEUS_OLD) $(PROMETHEUS_NEW) $(ALERTMANAGER) $(CHROMIUM) $(AXE) ## run the binary against real servers of Prometheus and Alertmanager, and a real browser
	PROMETHEUS_OLD=$(PROMETHEUS_OLD) PROMETHEUS_NEW=$(PROMETHEUS_NEW) ALERTMANAGER=$(ALERTMANAGER) SCALING_ADAPTER=$(CURDIR)/$(BIN)/scaling-adapter \
		CHROMIUM=$(CHROMIUM) AXE=$(AXE) \
		go test -tags e2e -count 1 -timeout 10m ./internal/e2e/

/usr/bin/prometheus /usr/bin/prometheus-alertmanager /usr/bin/chromium:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(@F)

$(CURDIR)/$(BIN)/prometheus $(CURDIR)/$(BIN)/promtool: tools/prometheus/go.mod
	cd tools/prometheus && go build -tags remove_all_sd -trimpath -ldflags '-s -w' -o $@ github.com/prometheus/prometheus/cmd/$(@F)
	touch $@

$(CURDIR)/tools/axe/node_modules/axe-core/axe.min.js: tools/axe/package-lock.json
	@command -v npm >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; }
	cd tools/axe && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

.PHONY: e2e-kubernetes
e2e-kubernetes: $(KUBE_APISERVER) $(ETCD) ## talk to a real API server of Kubernetes; RECORD=1 records what the tests replay
	KUBE_APISERVER=$(KUBE_APISERVER) ETCD=$(ETCD) go test -tags e2e_kubernetes -run '^TestKubernetes$$' -count 1 -timeout 10m ./actuator $(if $(RECORD),-args -record)

/usr/bin/etcd:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends etcd-server

$(CURDIR)/$(BIN)/kube-apiserver: tools/kubernetes/go.mod
	cd tools/kubernetes && go build -trimpath -ldflags '-s -w' -o $@ k8s.io/kubernetes/cmd/kube-apiserver
	touch $@

.PHONY: fmt
fmt: $(BIN)/golangci-lint ## format the code
	$(BIN)/golangci-lint fmt

.PHONY: lint
lint: $(BIN)/golangci-lint ## report what is not formatted or looks wrong
	$(BIN)/golangci-lint run

$(BIN)/golangci-lint: tools/golangci-lint/go.mod
	cd tools/golangci-lint && go build -trimpath -ldflags '-s -w' -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	touch $@

.PHONY: check-rules
check-rules: build ## check the rule files of rules/ and run their tests
	$(BIN)/scaling-adapter check rules/*.yml
	$(BIN)/scaling-adapter check rules/leagues/*.yml
	$(BIN)/scaling-adapter test rules/tests/*.yml

.PHONY: dashboards
dashboards: ## write the Grafana dashboards of grafana/dashboards
	go run ./tools/dashboards

.PHONY: check-alerts
check-alerts: $(PROMTOOL) ## check the rule files of rules/prometheus/ and run their tests
	$(PROMTOOL) check rules --lint=all --lint-fatal rules/prometheus/*.yml
	$(PROMTOOL) test rules rules/prometheus/tests/*.test.yml

.PHONY: check-metrics
check-metrics: build $(PROMTOOL) ## run the demo and check the metrics that it exposes
	SCALING_ADAPTER=$(CURDIR)/$(BIN)/scaling-adapter PROMTOOL=$(PROMTOOL) \
		go test -tags e2e_metrics -run '^TestMetrics$$' -count 1 ./internal/e2e/

.PHONY: bench
bench: ## run the benchmarks; BENCH selects some
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: bench-scale
bench-scale: ## measure what 100, 1,000 and 10,000 pools cost and write docs/scale.md; POOLS=100 takes fewer
	go run ./tools/bench-scale -pools $(or $(POOLS),100$(comma)1000$(comma)10000) $(if $(POOLS),,-out docs/scale.md)

.PHONY: bench-accuracy
bench-accuracy: ## measure forecasts on DATA beside R's and write docs/benchmarks.md; QUICK=1 takes a few series without R
ifdef QUICK
	go run ./tools/bench-accuracy -data $(DATA) -quick
else
	@command -v Rscript >/dev/null && Rscript -e 'library(forecast)' >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends r-base-core r-cran-forecast; }
	go run ./tools/bench-accuracy -data $(DATA) -out docs/benchmarks.md
endif

.PHONY: bench-elasticity
bench-elasticity: ## replay the loads of DATA and game nights beside other ways to scale and write docs/elasticity.md
	go run ./tools/bench-elasticity -data $(DATA) -out docs/elasticity.md

.PHONY: fuzz
# Making inputs smaller takes most of the time unless it is bounded.
fuzz: ## run each fuzz test for FUZZTIME
	@set -e; grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 200x "$$(dirname "$$file")"; \
		done; \
	done

.PHONY: soak
soak: ## let everything around the loop fail at random for SOAK_HOURS of virtual time
	SOAK_HOURS=$(SOAK_HOURS) SOAK_SEED=$(SOAK_SEED) go test -run '^TestSoak$$' -count 1 -timeout 30m -v ./engine

.PHONY: golden
golden: ## rewrite the golden files; review them like code
	go test ./cmd/scaling-adapter -update

.PHONY: ci
ci: lint check-rules check-alerts check-metrics test race e2e ## what the continuous integration runs

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN)
