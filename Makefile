# Everything a newcomer needs: Python 3.11 or newer, and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
TESTS := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1

.DEFAULT_GOAL := help
.PHONY: help setup demo bench test test-quick lint format lock clean

help: ## say what each command does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/installed ## install Headway and all it needs into .venv

.venv/installed: requirements.lock pyproject.toml hatch_build.py training/walker.c
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Headway needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make setup PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: setup ## replay a real log end to end and print what happened
	$(BIN)/headway demo

bench: setup ## measure what docs/benchmarks.md tells of, side by side with what else does it (an hour)
	@for what in score features serve shadow replay report; do \
	  $(BIN)/headway bench $$what --json || exit 1; \
	done

test: setup ## run all tests, on real Kafka, PostgreSQL, Redis, MLflow, Feast and a browser
	$(TESTS) $(PYTEST_ARGS)

test-quick: setup ## run the tests that take less than ten seconds each
	$(TESTS) -m "not slow" $(PYTEST_ARGS)

lint: setup ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into the house's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## resolve the dependencies anew
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes \
	  --no-header --no-emit-index-url --upgrade --quiet -o requirements.lock

clean: ## remove the data of the copies that ran here
	rm -rf var
