# Headway needs Python 3.11 or newer and a package index; `make` lists what there is to do.
#
#   make demo ONCE=1          stop when the reports stand
#   make test TESTS=tests/core   only some tests
#   make manage DO="createsuperuser"
#   make PYTHON=/path/to/python3.12 demo

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
PY := $(VENV)/bin/python
UV := $(VENV)/bin/uv
CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14
NEW_ENOUGH := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for found in $(CANDIDATES); do "$$found" $(NEW_ENOUGH) 2>/dev/null && echo "$$found" && break; done)

TESTS ?= tests
# One of them drives the whole platform and mostly waits for it.
WORKERS ?= 3
DO ?= help

export UV_NO_PROGRESS := 1
# Kept bytecode, whatever the caller's environment says: without it each of the many processes that are started
# compiles all that it imports, which takes three seconds of a processor for a process of the platform.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo serve test test-all check bench spark manage lock clean clean-data browser

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runs ## start everything, replay real data, print the verdicts, serve until Ctrl-C
	@$(PY) -m config.embedded run --quiet $(if $(ONCE),,--keep) -- $(PY) -m demo

serve: $(VENV)/.runs ## run web, edge, worker and beat until Ctrl-C
	@$(PY) -m config.embedded serve

manage: $(VENV)/.runs ## a Django command on the embedded data: make manage DO="createsuperuser"
	@$(PY) -m config.embedded manage $(DO)

test: check browser ## lint, types, contracts, migrations, and all tests but the slow ones
	$(PY) -m pytest -n $(WORKERS) $(TESTS)

test-all: check browser ## the same, and the slow statistical calibrations
	$(PY) -m pytest -n $(WORKERS) -m '' $(TESTS)

check: $(VENV)/.develops ## lint, types, import contracts, migrations, deployment checks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check -q . || { $(VENV)/bin/ruff format --check .; exit 1; }
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/mypy .
	$(PY) -m config.embedded manage --throwaway makemigrations --check --dry-run
	HEADWAY_WEB_URL=https://headway.example.com DJANGO_SETTINGS_MODULE=tests.checked_settings \
		$(PY) manage.py check --deploy --fail-level WARNING

browser: $(VENV)/.develops
	@$(PY) -m tests.chromium

spark: $(VENV)/.develops ## install Spark (needs Java 17), start a cluster on loopback, test its engine there
	@command -v java >/dev/null || echo "SKIPPED: Spark needs Java 17, and there is no java on the PATH" >&2
	$(UV) pip install -q --python $(PY) --require-hashes -r requirements/spark.txt
	$(PY) -m pytest -m '' tests/core/analysis/test_spark_engine.py

bench: $(VENV)/.develops ## the benchmarks, one after the other
	@$(PY) -m bench

lock: $(VENV)/.develops ## write the hashed requirements anew from pyproject.toml
	sh requirements/lock.sh $(UV)

clean: ## delete the virtual environment and caches; data stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: $(VENV)/.runs ## delete the embedded servers' data, reports and events included
	@$(PY) -m config.embedded erase

# What running needs, and what working on Headway needs as well. A stamp is renewed when a list changed.

$(VENV)/.runs: requirements/base.txt requirements/embedded.txt $(VENV)/.made
	@echo "installing what Headway runs on"
	@$(UV) pip install -q --python $(PY) --require-hashes --only-binary :all: \
		-r requirements/base.txt -r requirements/embedded.txt
	@touch $@

$(VENV)/.develops: requirements/dev.txt $(VENV)/.runs
	@echo "installing what checks and tests need"
	@$(UV) pip sync -q --python $(PY) --require-hashes --only-binary :all: \
		requirements/dev.txt requirements/uv.txt
	@touch $@

$(VENV)/.made: requirements/uv.txt requirements/make_environment.py
	@test -n "$(PYTHON)" || { \
		echo "Headway needs Python 3.11 or newer; python3 is $$(python3 --version 2>&1 || echo absent)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" requirements/make_environment.py $(VENV)
	@touch $@
