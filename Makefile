# make demo | test | test-faults | lint | bench | docs | ui | services | setup     (each installs first what is missing, into .venv)
VENV    := .venv
PYTHON  ?= python3
BIN     := $(VENV)/bin
READY   := $(VENV)/.ready
DATA    := $(or $(LATENT_ORCHESTRA_DATA),$(wildcard $(abspath ../shared/data)))
PORT    ?= 5000
# Where the CPU build of torch is. For GPUs: make setup TORCH=https://download.pytorch.org/whl/cu130
TORCH   ?= https://download.pytorch.org/whl/cpu

.PHONY: help setup docs demo test test-faults lint bench ui services clean

help:
	@sed -n '1s/^# //p' Makefile

setup: $(READY)

# The tested set: exact versions, and the build of torch for machines without a GPU.
$(READY): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed, found $$($(PYTHON) --version); name one with PYTHON=python3.12" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install -qq --retries 1 --constraint constraints.txt --extra-index-url $(TORCH) torch
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

docs: $(READY)
	$(BIN)/python -m pipelines.method_pages docs/methods.md

demo: $(READY)
	$(BIN)/python -m orchestrator.sweep demo
	$(BIN)/python -m lso.run toy --decoder best:demo
	@echo
	@echo "The comparison again:  $(BIN)/python -m orchestrator.compare demo"
	@echo "All runs, in a browser: make ui"

test: $(READY)
	LATENT_ORCHESTRA_DATA="$(DATA)" $(BIN)/python -m pytest $(ARGS)

# What takes minutes: trials, drivers and machines killed, servers and disks taken away; and a study submitted to a local
# cluster and read back from PostgreSQL, which needs Debian's postgresql.
test-faults: $(READY)
	$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[services]'
	LATENT_ORCHESTRA_DATA="$(DATA)" LATENT_ORCHESTRA_FAULTS=1 $(BIN)/python -m pytest tests/orchestrator/test_faults.py tests/orchestrator/test_services.py tests/orchestrator/running/test_packing.py $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	LATENT_ORCHESTRA_DATA="$(DATA)" $(BIN)/python -m benchmarks.run

ui: $(READY)
	@echo "MLflow on http://127.0.0.1:$(PORT) (Ctrl-C stops it)"
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --host 127.0.0.1 --port $(PORT)

# PostgreSQL (Debian's package) behind an MLflow server with files of its own, all on loopback.
services: $(READY)
	$(BIN)/python -m pip install -qq --constraint constraints.txt psycopg2-binary
	$(BIN)/python -m orchestrator.services --folder services --port $(PORT)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
