# Everything a developer or the continuous integration does. `make` lists it.

export CGO_ENABLED ?= 0

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test: ## run the tests; needs Go alone
	go test ./...

.PHONY: fmt
fmt: ## format the code
	gofmt -w .

.PHONY: lint
lint: ## report what is not formatted or looks wrong
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not formatted; run make fmt"; exit 1; }
	go vet ./...

.PHONY: ci
ci: lint test ## what the continuous integration runs
