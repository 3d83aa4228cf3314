# Two commands: `make run` and `make test`. Each installs what it needs into .venv first.
.DEFAULT_GOAL := help
.PHONY: help run test lint types unit sam browser bench soak build lock clean

PYTHON ?= python3
BIN := .venv/bin
SOURCES := layers/hadir/python gateway functions local tests benchmarks

help: ## Show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

run: .venv/run ## Start Redis, the gateway and the page on this machine
	@$(BIN)/python -m local

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Hadir needs Python 3.11 or later: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/run: .venv/python requirements/run.txt pyproject.toml gateway/pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e . -e gateway
	@touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
