# Two commands for a new machine: `make demo` and `make test`. Both create .venv from constraints.txt.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: help demo test lint bench soak schema wheel clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $(STAMP)

demo: $(STAMP)  ## play the simulated study: no Slack, no data
	$(BIN)/dsmbot demo

test: $(STAMP)  ## every test that needs no special machine
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(STAMP)  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)  ## print the table of timings; nothing is asserted
	$(BIN)/python -m benchmarks

soak: $(STAMP)  ## 200 kills at random moments under faults, a crash at every step: half an hour
	$(BIN)/python -m pytest -n 0 -m soak tests/e2e/test_soak.py tests/e2e/test_crash_points.py

schema: $(STAMP)  ## write bot/config.schema.json again
	$(BIN)/python -m bot.configuration.schema

wheel: $(STAMP)  ## build the wheel into dist/
	rm -rf dist && PIP_CONSTRAINT=$(CURDIR)/constraints.txt $(BIN)/python -m build --wheel --outdir dist .

clean:  ## remove what this Makefile made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
