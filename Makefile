# Every target sets up what it needs on a bare Debian or Ubuntu with make and Python 3.11 or newer.
#   PYTHON=/path/to/python     another interpreter than the newest one found
#   PYTEST_ARGS="tests/core"   a part of the tests
# Handed on to what a target runs:
#   DEMO_ARGS="--output build/demo"  BENCH_ARGS="link many"  CAMPAIGN_ARGS="--runs 20 --seed 7"
#   FUZZ_ARGS="--orders 20000 --seed 7"  FRAMES_ARGS="--codec alaris --frames 20000 --seed 7"
#   DAMAGE_ARGS="--stride 100"  LEDGER_ARGS="--examples 500 --seed 7"  LOST_ACK_ARGS="--runs 500 --seed 7"
#   CRASH_ARGS="--only intent"  LATENCY_ARGS="--trials 100"  OUTAGES_ARGS="--outages 5 --seed 7"
#   REMOVAL_ARGS="--only permissives"  REMOVAL_ARGS=--list

PYTHON ?=
PYTEST_ARGS ?= tests
DEMO_ARGS ?=
BENCH_ARGS ?=
FUZZ_ARGS ?=
DAMAGE_ARGS ?=
LEDGER_ARGS ?=
CRASH_ARGS ?=
LATENCY_ARGS ?=
LOST_ACK_ARGS ?=
FRAMES_ARGS ?=
REMOVAL_ARGS ?=
OUTAGES_ARGS ?=
CAMPAIGN_ARGS ?= --runs 500 --seed 1 --workers 2 -o build/campaign/rows.parquet

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test coverage check bench fuzz-orders fuzz-frames journal-damage ledger-property crash-test stop-latency lost-ack control-removal broker-outages campaign lock clean test-programs run-environment dev-environment

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: run-environment ## an order, a simulated pump and the daemon: a whole infusion in a minute or two
	@deploy/setup/programs.sh demo
	@.venv/bin/python -m simulator.rig.demo $(DEMO_ARGS)

# What decides has its tests run once, with their branch coverage, which keeps two cores busy. All others run beside one
# another, three at a time: half of the time they wait for real programs.
DECIDES = tests/core tests/drivers tests/controller

test: test-programs check ## make check, then every test; at the end the coverage of what decides
	@.venv/bin/python -m pytest -n 3 $(PYTEST_ARGS) $(if $(filter tests,$(PYTEST_ARGS)),$(DECIDES:%=--ignore=%))
	@$(if $(filter tests,$(PYTEST_ARGS)),$(MAKE) --no-print-directory coverage)

coverage: dev-environment ## branch coverage of pumpctl/core and the controller, by their own tests
	@.venv/bin/python -m pytest -n 2 --cov --cov-report=term $(DECIDES)

check: dev-environment ## lint, format, types, import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-logo

bench: dev-environment ## measured against floors taken in the same run; writes build/bench.json
	@deploy/setup/programs.sh bench
	@.venv/bin/python -m tests.bench $(BENCH_ARGS)

fuzz-orders: dev-environment ## a million mutated orders against a second reading of the clinical rules
	@.venv/bin/python -m tests.fuzz $(FUZZ_ARGS)

fuzz-frames: dev-environment ## a million damaged frames a codec: no crash, no dose, nothing believed that no frame said
	@.venv/bin/python -m tests.fuzz_frames $(FRAMES_ARGS)

journal-damage: dev-environment ## every byte and every length of a journal damaged: reported or harmless
	@.venv/bin/python -m tests.damage $(DAMAGE_ARGS)

ledger-property: dev-environment ## random histories with crashes and clock steps: no window ever over its cap
	@.venv/bin/python -m tests.ledger $(LEDGER_ARGS)

crash-test: dev-environment ## the real daemon killed at every kind of step, and what the pump says; 15 minutes
	@command -v gcc >/dev/null && command -v strace >/dev/null || deploy/setup/packages.sh "make crash-test" gcc libc6-dev strace
	@.venv/bin/python -m tests.crash $(CRASH_ARGS)

stop-latency: dev-environment ## from a request to STOP on the wire, with and without a daemon that can; 10 minutes
	@command -v gcc >/dev/null || deploy/setup/packages.sh "make stop-latency" gcc libc6-dev
	@.venv/bin/python -m tests.latency $(LATENCY_ARGS)

lost-ack: dev-environment ## ten thousand starts and resumes whose answer is lost, in virtual time; 10 minutes
	@.venv/bin/python -m tests.lost_ack $(LOST_ACK_ARGS)

control-removal: dev-environment ## every control taken away in turn, and a test must go red for each; 10 minutes
	@.venv/bin/python -m tests.removal $(REMOVAL_ARGS)

broker-outages: dev-environment ## the broker killed twenty times in mid-infusion: no event lost, none out of order; 2 minutes
	@deploy/setup/programs.sh test
	@.venv/bin/python -m tests.outages $(OUTAGES_ARGS)

campaign: dev-environment ## 500 virtual worlds with random faults against the invariants
	@.venv/bin/pumpsim campaign $(CAMPAIGN_ARGS)

# All lock files hold for Python 3.11 to 3.14 and name no host; -c keeps the first two of one mind.
RESOLVE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
LOCK = $(RESOLVE) pyproject.toml --extra rig --group pyproject.toml:build

lock: ## resolve pyproject.toml anew into the lock files (needs uv)
	@command -v uv >/dev/null || { echo "pumpctl: make lock needs uv, which is not here; install it (pip install uv) and run this again" >&2; exit 1; }
	$(LOCK) -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock -o requirements-dev.lock
	$(RESOLVE) --no-deps --group pyproject.toml:interop -o requirements-interop.lock

clean: ## remove the environment, what was built and all caches
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

test-programs:
	@deploy/setup/programs.sh test

run-environment:
	@deploy/setup/environment.sh run $(PYTHON)

dev-environment:
	@deploy/setup/environment.sh dev $(PYTHON)
