# Needs Python 3.11 or newer, pip and make. Everything is installed into .venv, and again only when setup.cfg changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?=

.PHONY: help demo test engines conformance lint types soak bench chaos docs wheel clean

help:
	@echo "make demo    run the demo on a SQLite file"
	@echo "make test    run the tests"
	@echo "make engines run the tests on clusters of Ray and Spark (installs both; needs Java 17)"
	@echo "make conformance  run a public test suite, a corpus of packages and 100,000 random programs"
	@echo "make lint    check style and format"
	@echo "make types   check types"
	@echo "make bench   measure, and rewrite docs/benchmarks.md"
	@echo "make soak    load the HTTP service with faults for ten minutes (SOAK=60: for one)"
	@echo "make chaos   kill processes and a database for some minutes, and count what was lost"
	@echo "make docs    write the generated pages of docs/"
	@echo "make wheel   build wheel and sdist into dist/"
	@echo "make clean   remove all that was built and installed"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON): wanted Python 3.11 or newer, got " + sys.version.split()[0] + "; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# What running needs, and what developing needs on top.
$(VENV)/.runtime: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/.runtime $@

demo: $(VENV)/.runtime
	$(BIN)/alloy-lua demo $(DEMO)

# One process a core; the tests of a module stay together, since they share what is slow to make.
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope

# Too heavy for every day: clusters of this machine with two worker processes each.
engines: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[ray,spark]'
	$(BIN)/python -m pytest tests/engines/test_ray.py tests/engines/test_spark.py -rs

# The nightly target: downloads pinned packages into .conformance (needs apt-get, dpkg-deb and npm).
conformance: $(VENV)/.dev
	$(BIN)/python -m tests.conformance all

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy passes over the folders that package_dir maps, so it reads the package as it is installed.
types: $(VENV)/.dev
	rm -rf build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target build/types .
	MYPYPATH=build/types $(BIN)/mypy --config-file setup.cfg --package alloy_lua

SOAK ?= 600
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks.soak --seconds $(SOAK)

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --write

chaos: $(VENV)/.dev
	$(BIN)/python -m benchmarks.chaos

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

wheel: $(VENV)/.dev
	rm -rf build dist
	$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(VENV) .conformance build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis alloy-demo.db*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
