# mnemonist: `make help` lists what there is. Needs Python 3.11 or newer, pip and make.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
# A wheel index for torch, e.g. https://download.pytorch.org/whl/cpu for the build without CUDA.
TORCH_INDEX ?=
# Test processes, and threads in each: one thread keeps the last bits of a sum the same everywhere.
WORKERS ?= 2
export OMP_NUM_THREADS ?= 1

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PINS := pyproject.toml constraints.txt
NATIVE := build/native
SOURCES := $(wildcard native/*)
CXX_FILES := $(wildcard $(foreach end,cpp hpp inc,native/*.$(end) native/tests/*.$(end)))
BUILD := $(BIN)/cmake --build $(NATIVE) -- --quiet
BENCHMARKS := $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))

.DEFAULT_GOAL := help
.PHONY: help demo test native lint types bench acceptance docs clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: PYTHON, VENV, TORCH_INDEX (a wheel index for torch; the README says when),"
	@echo "  DEMO (sin, oil, ...), WORKERS (test processes)."

demo: $(VENV)/core.stamp  ## train a forecaster on a bundled series and write its report
	@unset OMP_NUM_THREADS; $(BIN)/mnemonist demo $(DEMO)

test: native  ## run the tests and the examples in the docstrings
	@$(BIN)/python -m pytest -n $(WORKERS) -m "not acceptance"

native: $(NATIVE)/configure.log  ## build the compiled engine, what has changed of it
	@if [ -f $(NATIVE)/build.ninja ]; then $(BUILD); else echo "The compiled engine cannot be built here;" \
		"$(NATIVE)/configure.log says why, and 'make clean native' tries again." >&2; fi

lint: $(VENV)/dev.stamp  ## check the style, the format and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)
	@$(BIN)/lint-imports

types: $(VENV)/dev.stamp  ## check the types
	@$(BIN)/mypy

bench: native  ## run the benchmarks, side by side with their peers
	@unset OMP_NUM_THREADS; set -e; for file in $(BENCHMARKS); do echo "== $$file"; $(BIN)/python $$file; done

acceptance: native  ## run the slow tests on real data
	@unset OMP_NUM_THREADS; $(BIN)/python -m pytest -m acceptance

docs: $(VENV)/docs.stamp  ## build the site into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

clean:  ## remove what was built, but neither .venv nor runs/
	@rm -rf build dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "mnemonist needs Python 3.11 or newer, and none was found." \
		"Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mnemonist needs Python 3.11" \
		"or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual" \
		"environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# With $(NATIVE) set up, ninja builds the engine, and pip installs the rest. Without, pip does both.
$(VENV)/core.stamp: $(PINS) $(SOURCES) | $(BIN)/python
	@echo "Installing mnemonist and the libraries it needs into $(VENV) (once; torch is large)"
	@if [ -f $(NATIVE)/build.ninja ]; then MNEMONIST_NATIVE=0 $(PIP) -e . && $(BUILD); else $(PIP) -e .; fi
	@touch $@

$(VENV)/dev.stamp: $(PINS) | $(BIN)/python
	@echo "Installing mnemonist and what its tests need into $(VENV) (once; torch is large)"
	@MNEMONIST_NATIVE=0 $(PIP) -e '.[dev,parquet,stats,text,music]'
	@touch $@

$(NATIVE)/configure.log: $(VENV)/dev.stamp
	@rm -rf $(NATIVE) && mkdir -p $(NATIVE)
	@$(BIN)/cmake -S native -B $(NATIVE) -G Ninja -DMNEMONIST_INPLACE=ON \
		-DCMAKE_MAKE_PROGRAM=$(abspath $(BIN)/ninja) -DPython_EXECUTABLE=$(abspath $(BIN)/python) \
		-Dnanobind_DIR=$$($(BIN)/python -m nanobind --cmake_dir) > $@ 2>&1 || rm -f $(NATIVE)/build.ninja

$(VENV)/docs.stamp: $(PINS) | $(BIN)/python
	@MNEMONIST_NATIVE=0 $(PIP) -e '.[docs]'
	@touch $@
