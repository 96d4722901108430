# The front door. `make` prints what there is; every recipe is a line or two, the work is done by scripts/.
include images/versions.env

SHELL := /bin/bash
# Where a shell says so, every command compiles whatever it imports anew: of 2.9 s of `sparkyard list` these were 1.9
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
VENV := .venv
YARD := $(VENV)/bin/sparkyard
PYTHON := $(VENV)/bin/python
PYTEST := $(VENV)/bin/pytest
UV := build/uv/bin/uv
SAMPLE := build/sample/events

##@ Try it
.PHONY: run
run: setup java ## The main job on this machine: sample, 10-minute windows, table, plot
	@$(YARD) sample events --scale 1 --out .sparkyard/raw/events
	@$(YARD) run manifests/jobs/events-windows.yaml

##@ Set up
.PHONY: setup java tools
setup: $(VENV)/.ready ## The Python environment in .venv, exactly as locked

$(UV): images/versions.env
	@python3 -m venv build/uv && build/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.ready: pyproject.toml uv.lock $(UV)
	@echo "Setting up Python packages in $(VENV) …"
	@$(UV) sync --frozen --quiet --python python3 && touch $@

java: setup ## Java 17, through the package manager where it may
	@$(PYTHON) scripts/setup/java.py

tools: ## Go programs that are to be had as source only: helm, CRDs, API servers (cached)
	@python3 scripts/gotools/build.py helm crds etcd kubernetes kube-apiserver-newest

##@ A real cluster
.PHONY: cluster images deploy down
cluster: ## A Kubernetes to try it on: yours if KUBECONFIG is set, else kind/k3d, else a real single node on this machine
	@python3 scripts/cluster/main.py up

images: setup java ## Build the container images and push them by layer
	@$(PYTHON) scripts/images/main.py build --push

deploy: setup ## Install or upgrade the platform, with a sample in the lake
	@$(YARD) install --preset small-node
	@$(YARD) sample events --scale 1 --out $(SAMPLE) && $(YARD) upload $(SAMPLE) --to raw/events

down: ## Take the cluster of `make cluster` down, to the last mount and process
	@python3 scripts/cluster/main.py down

##@ Is it true?
.PHONY: check test test-long bench-start bench-jobs bench-families bench-scale bench-order bench-io bench-notebook bench-airflow cds-lists
check: setup ## Style, types, layers, bounds, versions: everything that needs no run
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports
	@$(PYTEST) -q tests/unit/repo

test: setup ## Every test this machine can run; the rest says why not. REQUIRE=helm,java,cluster makes a lack a failure
	@$(PYTHON) scripts/dev/test.py --require "$(REQUIRE)" $(ARGS)

test-long: setup ## Everything, every fault, every kill
	@$(PYTHON) scripts/dev/test.py --long --require "$(REQUIRE)" $(ARGS)

bench-start: setup ## Seconds from apply to COMPLETED, stock against ours, in pairs
	@$(PYTHON) scripts/bench/start.py --pairs 7
	@$(PYTHON) scripts/bench/start.py --pairs 7 --one-pod

bench-jobs: setup java ## The trace's questions: ours, Spark as usual, DuckDB, at three sizes; takes about an hour
	@$(PYTHON) scripts/bench/jobs.py --scales 1,4,16

bench-families: setup java ## Marts and indicators: ours, Spark as published, DuckDB; and sparkyard sql against spark-sql
	@$(PYTHON) scripts/bench/families.py --marts 1,16 --wdi 1,8

bench-scale: setup ## Landing and q3 with 1, 2 and 4 executors of 0.2 CPU on the running cluster; drops its trace tables
	@$(PYTHON) scripts/bench/scale.py

bench-order: setup java ## What a table's order is worth to a question that filters by it: a table as large as a shard of the trace, and a large one
	@$(PYTHON) scripts/bench/order.py --rows 450000
	@$(PYTHON) scripts/bench/order.py --rows 20000000 --target-mib 32

bench-io: setup java ## Landing against a plain copy (SHARE=folder of a mounted share), a night of losses and publishing against what is usual
	@$(PYTHON) scripts/bench/landing.py $(if $(SHARE),--share $(SHARE)) --mib 2048
	@$(PYTHON) scripts/bench/landing.py $(if $(SHARE),--share $(SHARE)) --small 100000
	@$(PYTHON) scripts/bench/landing.py $(if $(SHARE),--share $(SHARE)) --rows 1000000
	@$(PYTHON) scripts/bench/night.py
	@$(PYTHON) scripts/bench/io.py

bench-notebook: setup ## Seconds to rows in a notebook, stock against ours in pairs, on the installed hub
	@$(PYTHON) scripts/bench/notebook.py --pairs 5

bench-airflow: setup ## What our operator and the provider's add to a job, and 50 jobs queued at once, by an Airflow of this machine on the running cluster
	@$(PYTHON) scripts/bench/airflow_bench.py --rounds 5 --queued 50

cds-lists: setup ## Record anew which classes a start needs, on the running cluster
	@$(PYTHON) scripts/images/cds.py

##@ For developers
.PHONY: format lock docs help
format: setup ## Put the code in order
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

lock: $(UV) ## Lock the Python packages anew after an edit of pyproject.toml
	@$(UV) lock

docs: setup ## Derive the charts' schemas and README tables from their values
	@$(PYTHON) scripts/charts/sync.py

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  \033[36m%-12s\033[0m %s\n", $$1, $$2}' Makefile; echo
