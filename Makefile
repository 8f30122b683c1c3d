# Two commands do all the set-up: `make demo` scores the sample pictures, `make test` runs the tests.
PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests

.PHONY: demo test lint types clean

demo: .venv/installed
	@rm -rf demo && mkdir demo
	@$(BIN)/rali score samples --explain --output demo/scores.csv --report demo/report.html
	@$(BIN)/rali score samples --explain
	@echo "The scores are in demo/scores.csv, the pictures in order of score in demo/report.html."

test: .venv/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(TESTS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

clean:
	rm -rf .venv demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The constraints pin releases that were tested together, with PyTorch's CPU build where there is one
.venv/installed: pyproject.toml constraints-cpu.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --constraint constraints-cpu.txt
	@touch $@

.venv/installed-dev: pyproject.toml constraints-cpu.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]" --constraint constraints-cpu.txt
	@touch $@ .venv/installed
