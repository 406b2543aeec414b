# `make` lists the targets. Everything runs in .venv, which the first target that needs it makes.

# A Python from 3.11 on, 3.11 to 3.13 first: those are locked and tested. To choose: make test PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$python" && exit; done; echo python3)
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types lock bench generated clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## the main job on a sample: people, policy and tasks, without Kafka
	$(BIN)/python -m lifecycle.demo

test: $(INSTALLED) ## all tests; starts a real Kafka and a real PostgreSQL of its own
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types ## what CI runs: lint, format, types, imports, tests
	@$(MAKE) --no-print-directory test

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(INSTALLED)
	$(BIN)/mypy

bench: $(INSTALLED) ## the benchmarks, one after another
	@for script in benchmarks/[a-z]*.py; do \
		[ -e "$$script" ] || { echo "no benchmarks/*.py yet"; exit 0; }; \
		name=$$(basename "$$script" .py); echo "== $$name"; \
		$(BIN)/python -m "benchmarks.$$name" || exit 1; \
	done

generated: $(INSTALLED) ## write anew what is generated: schemas, references of commands and settings
	$(BIN)/python -m lifecycle.contracts schemas
	$(BIN)/python -m lifecycle.cli.reference

lock: ## choose the newest allowed dependencies, write requirements.txt
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv && \
	"$$tools/bin/uv" pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-emit-find-links --quiet \
		--custom-compile-command "make lock" --output-file requirements.txt

clean: ## remove what the other targets leave behind, but for .venv
	rm -rf demo-out build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not a Python from 3.11 on; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "installing into $(VENV); this takes a minute or two the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
