# make demo   the main job on the built-in synthetic market
# make test   lint, types, tests (container tests run where a Docker engine answers)
# make image  the evaluator's container image, where a Docker engine answers
# make lock   renew requirements.lock from pyproject.toml
# A machine needs git, make and Python 3.11 or 3.12; everything else goes into .venv and .uv here.
.DEFAULT_GOAL := help
.PHONY: help install demo test lint types image lock clean

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
UV := $(shell command -v uv || echo .uv/bin/uv)
BIN := .venv/bin
TESTS ?= -n auto
export UV_PYTHON_DOWNLOADS := never

help:
	@sed -n 's/^# //p' Makefile

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' || \
		{ echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8

.venv/.synced: requirements.lock pyproject.toml $(if $(filter .uv/bin/uv,$(UV)),.uv/bin/uv)
	$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

install: .venv/.synced

demo: install
	$(BIN)/tide demo

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

image: install
	@$(BIN)/tide doctor --build-image || echo "container tests will skip: see above"

test: lint types image
	$(BIN)/python -m pytest $(TESTS)

lock:
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header pyproject.toml --group dev -o requirements.lock

clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis
