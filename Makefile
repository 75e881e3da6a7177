# `make help` lists the targets. They need Go, git and make; `make test` installs what else the tests need, if it may.

LINT_VERSION = v2.15.0
LINT = .cache/golangci-lint-$(LINT_VERSION)/golangci-lint
FUZZTIME = 1m

.PHONY: build demo test check lint fmt race fuzz torture power bench load cover help

build: ## build ./otactl, static
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o otactl .

demo: ## publish, update a real MicroPython, crash it, watch it recover
	@test -x .cache/micropython/micropython || scripts/install-micropython || test -x .cache/micropython/micropython
	@go run ./scripts/demo

test: ## everything that must pass, real servers included, with a time budget for each part
	@scripts/install-test-servers
	@scripts/install-micropython
	@go run ./scripts/gate

check: lint race ## before a commit: format, vet, lint, tests with the race detector

lint: $(LINT) ## gofumpt, go vet and golangci-lint
	go vet ./...
	$(LINT) run ./...

fmt: $(LINT) ## format with gofumpt
	$(LINT) fmt ./...

race: ## all tests with the race detector
	go test -race ./...

fuzz: ## fuzz each parser for FUZZTIME=1m
	@go run ./scripts/gate -fuzztime $(FUZZTIME) fuzz

torture: ## cut connections at every byte
	go test -count=1 -timeout 4h -v ./internal/proofs -torture

power: ## cut the power of a device at every operation of its flash, and of all recoveries
	@scripts/install-micropython
	DEVICE_CUTS=all go test -count=1 -timeout 4h -v ./device/power

bench: ## otactl beside its peers, over an emulated link if root; writes docs/BENCHMARKS.md
	@go run ./bench/publishers

load: ## play a fleet of devices, and write what it costs to docs/SCALE.md
	go run ./bench/fleet -write docs/SCALE.md

cover: ## which lines the tests reach, as cover.html in .cache
	@mkdir -p .cache
	go test -coverpkg ./... -coverprofile .cache/cover.out ./...
	go tool cover -html .cache/cover.out -o .cache/cover.html
	@go tool cover -func .cache/cover.out | tail -1

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

# The linter is pinned here and not in go.mod, where its dependencies would become ours. A cold build takes two minutes.
$(LINT):
	GOBIN=$(CURDIR)/$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
