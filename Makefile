# Every command of this repository. `make help` lists them; CI calls the same ones (.ci/run).
# They share one virtual environment, .venv, which is made anew when what it is made from changes.

PYTHON ?= python3
PORT ?= 8000
UPGRADE ?= --upgrade
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help install check test demo bench cluster cluster-down cluster-test e2e generate format lock
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

test: $(STAMP) ## all tests that need no cluster; ARGS="-k name" narrows them
	$(BIN)/python -m tools.system_packages chromium ffmpeg
	$(BIN)/python -m pytest $(ARGS)

demo: $(STAMP) ## serve the bundled model; the player is at http://127.0.0.1:PORT/player
	$(BIN)/matinee up -f examples/quickstart.yaml --port $(PORT) --open

bench: $(STAMP) ## run all benchmarks and write the table
	$(BIN)/python benchmarks/run.py

cluster: $(STAMP) ## start a real Kubernetes of two nodes on this machine, with our images (root)
	$(BIN)/python -m tools.system_packages cluster
	$(BIN)/python -m tools.cluster up

cluster-down: $(STAMP) ## remove it, whatever state it is in
	$(BIN)/python -m tools.cluster down

cluster-test: $(STAMP) ## all tests of that cluster itself; it runs afterwards, as after `make cluster`
	$(MAKE) --no-print-directory cluster
	$(BIN)/python -m pytest tools/cluster/tests $(ARGS)

e2e: $(STAMP) ## the product on a cluster: KUBECONFIG's, or `make cluster`; ARGS="-k name"
	$(BIN)/python -m tools.system_packages ffmpeg
	case "$$KUBECONFIG" in ""|/var/lib/matinee-cluster/*) $(MAKE) --no-print-directory cluster;; esac
	$(BIN)/python -m pytest e2e tests/charts $(ARGS)

generate: $(STAMP) ## write the CRDs and the generated pages
	$(BIN)/python -m tools.generate

format: $(STAMP) ## format the code and mend what the linter can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: $(STAMP) ## pin newer versions (UPGRADE= keeps the pinned ones and only adds what is new)
	$(BIN)/python -m tools.lock $(UPGRADE)
