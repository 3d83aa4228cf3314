# Two commands: `make run` and `make test`. Each installs what it needs first, into .venv.
.DEFAULT_GOAL := help
.PHONY: help run test lint sam-local test-sam-local unit browser soak pictures fuzz mutants bounds bench build format lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
export SAM_CLI_TELEMETRY := 0

help: ## Show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: .venv/run ## Start Redis, the gateway and the page on this machine
	@$(BIN)/python -m local $(ARGS)

test: lint unit .venv-sam/done .venv-scan/done browser ## Check and test everything
	@$(BIN)/python -m tests.halves

lint: .venv/dev ## Format, lint, types and architecture, without changing anything
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(BIN)/mypy
	@cd gateway && ../$(BIN)/mypy

sam-local: .venv/dev .venv-sam/done ## Likewise, the built functions in containers of sam local; needs Docker
	@$(BIN)/python -m local --sam $(ARGS)

test-sam-local: .venv/dev .venv-sam/done ## The end-to-end tests on containers of sam local; needs Docker
	@HADIR_SAM=1 $(BIN)/pytest --timeout 900 tests/system/test_presence.py -k "not Grace and not Unavailable"

unit: ## Test the browser client without a browser
	@node --test --test-reporter=dot tests/web/*.test.mjs

browser: tests/browser/node_modules/.done ## Install what the browser tests need
	@command -v chromium >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null || { \
		echo "Installing Chromium"; \
		apt-get -qq update && apt-get -qq install --no-install-recommends chromium >/dev/null; }

soak: .venv/dev browser ## What takes too long for every day, some 40 minutes
	@HADIR_SOAK=1 $(BIN)/pytest -s --timeout 3600 tests/system/test_cycles.py \
		tests/system/test_faults.py tests/redis/test_failover.py tests/browser/test_leaving.py \
		tests/redis/test_interleavings.py tests/redis/test_interleavings_watched.py \
		tests/redis/test_long_runs.py \
		tests/redis/test_watching_through_chaos.py tests/browser/test_hidden.py

pictures: .venv/dev browser ## The README's pictures, and one of every state of desk, widget and stage
	@$(BIN)/python -m tests.pictures
	@mkdir -p .hadir/pictures
	@HADIR_PICTURES=.hadir/pictures $(BIN)/pytest -q tests/browser/test_desk.py tests/browser/test_stage.py \
		tests/browser/test_desk_accessibility.py tests/browser/test_widget*.py

fuzz: .venv/dev ## A million inputs, some 30 minutes
	@cd gateway && FUZZ_EXAMPLES=6000 ../$(BIN)/pytest -s --timeout 3600 tests/test_fuzz.py
	@HADIR_FUZZ_RUNS=1000000 $(BIN)/pytest -s tests/fuzz

mutants: .venv/dev ## Break Hadir in some 370 ways, one at a time: a test must see each; takes long
	@$(BIN)/python -m tests.mutants $(ARGS)

bounds: .venv/dev ## Try the bounds of the gateway's dependencies, some minutes
	@cd gateway && ../$(BIN)/python -m tests.bounds $(ARGS)

bench: .venv/dev browser ## Measure, side by side
	@$(BIN)/python -m benchmarks.fan_out
	@$(BIN)/python -m benchmarks.looking
	@$(BIN)/python -m benchmarks.sweeping
	@$(BIN)/python -m benchmarks.emulators
	@$(BIN)/python -m benchmarks.memory
	@$(BIN)/python -m benchmarks.leaving
	@$(BIN)/python -m benchmarks.crowd
	@$(BIN)/python -m benchmarks.desk

build: .venv/dev .venv-sam/done ## Build what would be deployed, into .aws-sam
	@PATH="$(CURDIR)/$(BIN):$$PATH" .venv-sam/bin/sam build

format: .venv/dev ## Format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lock: .venv/dev ## Take the newest versions of all dependencies
	@set -e; compile() { $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
		--no-header --python-version 3.11 "$$1" -o "$$2"; }; \
	compile requirements/layer.in layers/dependencies/requirements.txt; \
	for name in run dev sam scan; do compile requirements/$$name.in requirements/$$name.txt; done

clean: ## Remove everything that was installed or built
	@rm -rf .venv .venv-sam .venv-scan .aws-sam .hadir tests/browser/node_modules web/types web/LICENSE .*_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -r {} +

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hadir needs Python 3.11 or later: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/run: .venv/python requirements/run.txt pyproject.toml gateway/pyproject.toml
	@echo "Installing what Hadir needs to run"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation -e . -e gateway
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	@echo "Installing what the tests need"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.venv-sam/done: .venv/dev requirements/sam.txt
	@echo "Installing the SAM CLI"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-sam
	@$(BIN)/uv pip install --quiet --python .venv-sam --require-hashes -r requirements/sam.txt
	@touch $@

.venv-scan/done: .venv/dev requirements/scan.txt
	@echo "Installing the security scan"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-scan
	@$(BIN)/uv pip install --quiet --python .venv-scan --require-hashes -r requirements/scan.txt
	@touch $@

tests/browser/node_modules/.done: tests/browser/package-lock.json
	@cd tests/browser && npm ci --silent
	@touch $@
