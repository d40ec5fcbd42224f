# Every command of this repository. `make help` lists them; CI calls the same ones (.ci/run).
# They share one virtual environment, .venv, which is made anew when what it is made from changes.

PYTHON ?= python3
PORT ?= 8000
UPGRADE ?= --upgrade
DOCKER ?= docker
VERSION := $(shell sed -n 's/^appVersion: //p' charts/matinee/Chart.yaml)
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest --durations=10
# Where ARGS narrow the tests, there may be none in one of the folders. No test is in two of them.
NONE_MATCH = $(if $(ARGS),|| [ $$? -eq 5 ])
NO_CLUSTER := e2e/apiserver e2e/test_s3.py e2e/test_s3_jobs.py tests/charts

.PHONY: help images install check test test-unit test-system fuzz demo bench cluster cluster-programs cluster-images cluster-down cluster-test test-apiserver e2e generate format lock
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml requirements/dev.txt requirements/torch.txt tools/install.py
	$(PYTHON) tools/install.py
	@touch $@

install: $(STAMP) ## make .venv with everything in it (PYTHON=python3.12 chooses the interpreter)

check: $(STAMP) ## format, lint, strict types, import contracts, generated files current
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.generate --check

test: test-unit test-system ## all tests that need no cluster; ARGS="-k name" narrows them

test-unit: $(STAMP) ## those that are quick: 10 s of the processor for all of them
	$(PYTEST) tests/unit $(ARGS) $(NONE_MATCH)

test-system: $(STAMP) ## the others, on the built wheel: processes, browsers, whole servers
	$(BIN)/python -m tools.system_packages chromium firefox-esr ffmpeg mediainfo gst-discoverer-1.0 redis-server
	$(BIN)/python -m tools.on_wheel $(PYTEST) tests --ignore=tests/unit --ignore=tests/charts $(ARGS) $(NONE_MATCH)

test-apiserver: cluster-programs ## what needs a real API server, S3 server or helm, but no cluster and no root
	$(PYTEST) $(NO_CLUSTER) $(ARGS)

fuzz: $(STAMP) ## a million cases of nonsense, at parsers and at a server; ARGS="--seed 7 --cases 50000"
	$(BIN)/python -m tools.fuzz $(ARGS)

demo: $(STAMP) ## serve the bundled model; the player is at http://127.0.0.1:PORT/player
	$(BIN)/matinee up -f examples/quickstart.yaml --port $(PORT) --open

bench: $(STAMP) ## run all benchmarks and write the table
	$(BIN)/python benchmarks/run.py

cluster: $(STAMP) ## start a real Kubernetes of two nodes on this machine, with our images (root)
	$(BIN)/python -m tools.system_packages cluster
	$(BIN)/python -m tools.cluster up

images: ## build the images that the chart wants and push them: make images REGISTRY=registry.example.com
	$(if $(REGISTRY),,$(error say to where: make images REGISTRY=registry.example.com))
	for image in operator router runtime; do \
	    name=$(REGISTRY)/matinee/$$image:$(VERSION); \
	    $(DOCKER) build --target $$image -t $$name . && $(DOCKER) push $$name || exit 1; \
	done

cluster-programs: $(STAMP) ## only build its programs, and those that only tests want
	$(BIN)/python -m tools.cluster programs

cluster-images: $(STAMP) ## only build its programs and our images (root)
	$(BIN)/python -m tools.system_packages cluster
	$(BIN)/python -m tools.cluster prepare

cluster-down: $(STAMP) ## remove it, whatever state it is in
	$(BIN)/python -m tools.cluster down

cluster-test: $(STAMP) ## all tests of that cluster itself; it runs afterwards, as after `make cluster`
	$(MAKE) --no-print-directory cluster
	$(PYTEST) tools/cluster/tests $(ARGS)

e2e: $(STAMP) ## the product on a cluster: KUBECONFIG's, or `make cluster`; ARGS="-k name"
	$(BIN)/python -m tools.system_packages ffmpeg
	case "$$KUBECONFIG" in ""|/var/lib/matinee-cluster/*) $(MAKE) --no-print-directory cluster;; esac
	$(PYTEST) e2e $(addprefix --ignore=,$(NO_CLUSTER)) $(ARGS)

generate: $(STAMP) ## write the CRDs and the generated pages
	$(BIN)/python -m tools.generate

format: $(STAMP) ## format the code and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: $(STAMP) ## pin newer versions (UPGRADE= keeps the pinned ones and only adds what is new)
	$(BIN)/python -m tools.lock $(UPGRADE)
