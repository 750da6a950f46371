# Two commands do everything: `make train` and `make test`. Both make .venv on first use: the first with what a user needs, the
# second with the tools of the tests as well.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_TEST := $(VENV)/.ready-to-test
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: train test test-all lint docs clean

train: $(READY)
	@$(BIN)/accelerate launch --quiet --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no train/run.py

# two processes with a core each; files stay whole, so that what a file prepares is prepared once
test: $(READY_TO_TEST)
	HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-all: $(READY_TO_TEST)
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m "slow or shared or not slow"

lint: $(READY_TO_TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(READY): pyproject.toml constraints.txt
	@echo "Installing some 85 packages into .venv: one to three minutes where the network does not hold it up. Most of a gigabyte is"
	@echo "downloaded (several where pip takes torch for GPUs, which it does on Linux by itself), and 2.5 GB of disk are used."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) .
	@touch $(READY)

$(READY_TO_TEST): $(READY)
	@$(INSTALL) '.[dev]'
	@touch $(READY_TO_TEST)

# the page about all settings, from their models; a test holds it to them
docs: $(READY)
	$(BIN)/python -m train.config.describe > docs/configuration.md

clean:
	rm -rf $(VENV)
