# The commands to remember: setup · demo · check · test · docs
PYTHON ?= python3
BIN := .venv/bin
BENCHMARKS ?= $(shell $(BIN)/python -m benchmarks)

.PHONY: help setup demo check test test-long soak airflow test-airflow bench docs lock clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/meltano --log-level=warning install tap-constantcontact target-sqlite target-postgres
	@touch $@

setup: .venv/installed ## Install everything into .venv

demo: setup ## Read a made-up account into a SQLite file, and look at it
	@$(BIN)/python tools/demo.py

check: setup ## Lint, types, and whether the documents say what the code does
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cog --check --diff README.md docs/*.md
	$(BIN)/python tools/audit.py

test: setup ## Run every test; PostgreSQL is brought along
	$(BIN)/pytest --numprocesses 2 --cov --cov-report=term $(PYTEST)

test-long: setup ## Search longer for an order of things that breaks something; build the container's steps
	CONTAINER=1 KILLS=100 CRASHES=40 ORDER_EXAMPLES=300 MODEL_EXAMPLES=800 $(BIN)/pytest --numprocesses 2 --timeout 3000 \
		tests/pipeline/test_any_order.py tests/pipeline/test_kill.py tests/target/test_model.py \
		tests/target/test_crash.py tests/test_container.py

.airflow-venv/installed: requirements-airflow.lock | .venv/installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .airflow-venv
	$(BIN)/uv pip install --quiet --python .airflow-venv/bin/python --requirements $<
	@touch $@

airflow: setup .airflow-venv/installed ## Install Airflow into .airflow-venv

test-airflow: airflow ## Run the DAG in an Airflow of its own
	$(BIN)/pytest --durations 3 tests/airflow

soak: setup ## Run the pipe 200 times, something happening to nearly each run; half an hour at most
	SOAK=200 $(BIN)/pytest --timeout 3600 tests/pipeline/test_soak.py

bench: setup ## Measure, and write docs/benchmarks.md
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done
	$(BIN)/cog -r docs/benchmarks.md

docs: setup ## Write the generated parts of the documents anew
	$(BIN)/cog -r README.md docs/*.md

lock: setup ## Pin the newest versions that the ranges in pyproject.toml allow
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --quiet --custom-compile-command "make lock" \
		--output-file requirements.lock
	$(BIN)/uv pip compile --group pyproject.toml:airflow --universal --python-version 3.11 \
		--generate-hashes --no-annotate --quiet --custom-compile-command "make lock" \
		--output-file requirements-airflow.lock

clean: ## Remove what the commands made
	rm -rf .venv .airflow-venv .meltano output .mypy_cache .ruff_cache .pytest_cache .coverage*
