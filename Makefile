# From a bare clone and a bare python3 (3.11 or later):   make demo   make test
# PYTHON= names the interpreter that makes the environment, VENV= where it lies, so that two stacks live side by side:
#   make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL = $(PIP) install -qq -c constraints/$$($(BIN)/python -c "$(STACK)").txt
STACK := import sys; print('py311' if sys.version_info < (3, 12) else 'py312plus')
# Python 3.11 also gets torch and what else the tests of the harness need; on later ones these tests are skipped. An
# unpinned torch may be a build with gigabytes of CUDA packages, so its release is written here and in constraints/.
DEV := import sys; print('.[dev,dev-train]' if sys.version_info < (3, 12) else '.[dev]')
TORCH := import sys; print('torch==2.13.0' if sys.version_info < (3, 12) else '')
VERSION := import sys; print('%d.%d' % sys.version_info[:2])
CACHES := .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage htmlcov build dist *.egg-info

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint fast slow bench constraints interpreter same-python clean distclean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "PYTHON=$(PYTHON) makes the environment VENV=$(VENV) where it is missing."

demo: $(VENV)/.installed  ## fit the bundled example, print its forecast, write a report
	$(BIN)/bayesscale demo -o out --force

test: lint fast slow  ## the whole suite: lint, fast tests, slow tests

lint: $(VENV)/.installed-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Compiled once, the sampler need not be by each of the processes that test.
fast: $(VENV)/.installed-dev  ## the tests that draw nothing from a posterior, two at a time
	$(BIN)/python -m bayesscale.inference.compiling
	$(BIN)/python -m pytest -m "not slow" -n 2

slow: $(VENV)/.installed-dev  ## the tests that sample, two files at a time: a fit uses two cores, but not always
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

bench: $(VENV)/.installed-dev  ## the benchmarks, one after the other (hours)
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; \
		$(BIN)/python -m benchmarks.$$(basename $$script .py); done

constraints: interpreter  ## resolve the newest releases and write them down as the tested ones of this Python
	rm -rf build/resolve
	$(PYTHON) -m venv build/resolve
	build/resolve/bin/python -m pip --disable-pip-version-check install -qq \
		"$$(build/resolve/bin/python -c "$(DEV)")" $$(build/resolve/bin/python -c "$(TORCH)")
	build/resolve/bin/python -m pip freeze --all --exclude pip --exclude bayesscale | sed 's/+cpu$$//' \
		> constraints/$$(build/resolve/bin/python -c "$(STACK)").txt
	rm -rf build/resolve

clean:  ## remove caches and build products
	rm -rf $(CACHES)
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean  ## remove the environment $(VENV) as well
	@test ! -e $(VENV) || test -f $(VENV)/pyvenv.cfg || { echo "$(VENV) is not a virtual environment"; exit 1; }
	rm -rf $(VENV)

# Says what is wrong with PYTHON before anything is made with it.
interpreter:
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 or later, or name one: PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "bayesscale needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
		echo "Name a later one, for instance: PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: its modules venv and ensurepip are missing."; \
		echo "On Debian and Ubuntu they are packaged apart: sudo apt install python3-venv"; exit 1; }

# A PYTHON that is asked for by name must be the one of an environment that is there already.
same-python: interpreter
	@! test -x $(BIN)/python || test "$$($(BIN)/python -V)" = "$$($(PYTHON) -V)" || { \
		echo "$(VENV) holds $$($(BIN)/python -V), but PYTHON=$(PYTHON) is $$($(PYTHON) -V)."; \
		echo "Name another environment beside it: VENV=.venv-$$($(PYTHON) -c "$(VERSION)")"; exit 1; }

# pip is written last, so an environment that has it is complete. One that is remade has nothing installed.
$(BIN)/pip:
	@$(MAKE) --no-print-directory interpreter
	@rm -f $(VENV)/.installed $(VENV)/.installed-dev
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml $(wildcard constraints/*.txt) | $(if $(filter file,$(origin PYTHON)),,same-python) $(BIN)/pip
	@$(BIN)/python -c '' || { echo "$(VENV) is broken (was its Python removed?): delete it, then run make again"; exit 1; }
	@echo "Installing bayesscale into $(VENV): about a minute, without output ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the test tools into $(VENV) (on Python 3.11 with torch: a few minutes) ..."
	@$(INSTALL) -e "$$($(BIN)/python -c "$(DEV)")"
	@touch $@
