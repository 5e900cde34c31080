# `make demo` and `make test` do all the set-up: a virtual environment in .venv, with the versions of constraints.txt.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Tests run in one process per core, so each process gets one thread, and threads that wait leave their core to others.
# Bytecode is kept, whatever the environment says: they start hundreds of processes, and each would compile the package.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist worksteal

# Debian's browser and its driver, for the tests of `autoencoder explore`; they are skipped where there is none.
SUDO := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo)
BROWSER := chromium chromium-driver

.PHONY: help demo browser test test-all faults cluster lint format bench findings docs clean

help:
	@echo "make demo      set up, then run the main job on built-in data; results in demo/"
	@echo "make test      set up, then run the tests (a few minutes)"
	@echo "make test-all  also the slow ones"
	@echo "make faults    kills, full disks, bad and malicious input, in the long form; one table (a quarter of an hour)"
	@echo "make cluster   scripts for Slurm, on one that is started for it (as root; needs slurm-wlm and munge)"
	@echo "make browser   install Chromium (Debian), in which the pages are tested"
	@echo "make lint      ruff and mypy"
	@echo "make bench     speed and quality benchmarks (over an hour); QUICK=1: whether they run (two minutes)"
	@echo "make findings  MNIST=FOLDER: docs/findings.md from scratch (three quarters of an hour)"
	@echo "make docs      the documentation site, with its examples run; build/docs/index.html (a few minutes)"
	@echo "make clean     remove demo/ and the caches; .venv and runs/ stay"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[cluster,comet,dev,docs,netcdf,nwb,onnx,parquet,pose,safetensors,tensorboard,topology,tsne,wandb]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@

demo: $(VENV)/.installed
	rm -rf demo
	$(BIN)/autoencoder demo --out demo

browser:
	@{ command -v chromium && command -v chromedriver; } >/dev/null || \
		{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq --no-install-recommends $(BROWSER) >/dev/null; }

test: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.installed-dev
	$(PYTEST)

faults: $(VENV)/.installed-dev
	$(PYTEST) tests/faults

# One process: a Slurm is started for all of these tests.
cluster: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/cluster

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python scripts/wrap_docs.py

# QUICK=1 for the smallest sizes; MNIST=FOLDER, with MNIST's four files, for the one that needs them.
BENCHMARKS := train_step prepare quality candidates time_to_quality snapshot_cost memory evolution evolution_drawing nulls study simulated_studies \
  grounding gpu
RUN_BENCHMARK = $(BIN)/python benchmarks/$(1).py $(if $(QUICK),--quick) $(if $(filter mnist,$(1)),$(MNIST))

bench: $(VENV)/.installed-dev
	$(foreach name,$(BENCHMARKS) $(if $(QUICK)$(MNIST),mnist),$(call RUN_BENCHMARK,$(name)) &&) true

# FOLDER has MNIST's training images and labels; everything but the page and its pictures goes to findings/.
findings: $(VENV)/.installed-dev
	$(BIN)/python scripts/findings $(if $(MNIST),--mnist $(MNIST))

# Warnings, such as of a link to nowhere, are errors. Examples that did not change since the last build are not run again.
docs: $(VENV)/.installed-docs
	rm -rf docs/api/commands docs/api/generated # of names that are gone
	$(BIN)/python -m sphinx -b html -W --keep-going -q -c docs/site docs build/docs

clean:
	rm -rf demo build docs/examples docs/api/commands docs/api/generated docs/api/settings.rst docs/api/python.rst docs/sg_execution_times.rst dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
