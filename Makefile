# The same flags for every build, so that `make build` and `make test` share their work:
# - `swift test` without --disable-testable-imports recompiles every module with other flags, and
#   the next `swift build` recompiles them back;
# - `swift build --build-tests` also builds the tools that ArgumentParser brings along.
ARCH ?= native
SWIFT_FLAGS = -c release -Xcc -march=$(ARCH)
PREFIX ?= /usr/local
SOAK ?= --kills 300 --damages 2000 --freezes 10 --full-disks 10 --restarts 10

edgewise = .build/release/edgewise
# Root, containers, one thread per rank: read by every recipe line that may start mpirun.
with_mpi = . scripts/mpi-environment.sh &&

.DEFAULT_GOAL := help
.PHONY: help bootstrap build test demo bench bench-check check-imports check-python check-accuracy \
  soak fuzz check-slurm check-hosts format lint install clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

bootstrap: ## Install the Debian packages that are missing, check Swift
	@scripts/bootstrap.sh

build: bootstrap ## Build the optimized program, .build/release/edgewise (ARCH=x86-64-v3 for other machines)
	swift build $(SWIFT_FLAGS) --product edgewise

test: bootstrap check-imports check-python ## Check imports, then run all tests
	$(with_mpi) swift test $(SWIFT_FLAGS) --disable-testable-imports \
	  --skip InvariantTests --skip CommandTests
	$(with_mpi) swift test $(SWIFT_FLAGS) --disable-testable-imports --skip-build \
	  --filter InvariantTests --filter CommandTests

demo: build ## Synthesize, train, quantize, evaluate, export and predict on a parking lot, in demo/
	scripts/demo.sh

bench: build ## Measure everything, write docs/performance.md (PEERS=, RUN=, … : scripts/bench.sh)
	@scripts/bench.sh report

bench-check: build ## Measure everything, compare the ratios with scripts/bench-ratios.json
	@scripts/bench.sh check

check-imports: ## Hold every import against the table in Package.swift
	@scripts/check-imports --self-test
	@scripts/check-imports

check-python: ## Make the Python environment in which tests run exported models
	scripts/check-python

check-accuracy: build ## Train Penn-Fudan to the stated accuracy (a quarter of an hour or more)
	scripts/check-accuracy.sh

soak: build ## Kill, freeze, damage and fill disks, hundreds of times; compare bits (SOAK="--seed 7 …")
	scripts/soak $(SOAK)

check-slurm: build ## Preempt and requeue the batch jobs of cluster/slurm on a real Slurm (root; installs it)
	scripts/check-slurm

check-hosts: build ## Train between network namespaces: slow, lossy and cut links (root)
	scripts/check-hosts

fuzz: bootstrap ## Fuzz the reading of checkpoints and of weight files for FUZZ_SECONDS (60) each
	scripts/fuzz-checkpoints $(or $(FUZZ_SECONDS),60)
	scripts/fuzz-weights $(or $(FUZZ_SECONDS),60)

format: ## Format all Swift files in place
	swift format --in-place --parallel --recursive Sources Tests Package.swift

lint: check-imports ## Check formatting and shell scripts
	swift format lint --strict --parallel --recursive Sources Tests Package.swift
	@if command -v shellcheck >/dev/null; then scripts/check-shell && cluster/check-scripts; \
	else echo "shellcheck is not installed; the shell scripts were not checked"; fi

install: bootstrap ## Install into PREFIX (/usr/local) a program that needs no Swift to run
	swift build $(SWIFT_FLAGS) --product edgewise --static-swift-stdlib --scratch-path .build/static
	install -D -m 755 .build/static/release/edgewise $(DESTDIR)$(PREFIX)/bin/edgewise

clean: ## Remove what was built, the Python environment and the demo
	rm -rf .build .venv demo
