# The two commands a newcomer needs: `make demo` and `make test`.
# Everything is installed by these targets; nothing has to be there but Debian 12, Go, Python 3.11 and root.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
CONTEXT ?=

.DEFAULT_GOAL := help
.PHONY: help setup packages istio playground demo test check netns cluster soak fuzz bench drill docs clean

help: ## Say what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.done: pyproject.toml playground/pyproject.toml constraints.txt
	@echo "Installing Python packages into $(VENV) (about 15 s) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable . --editable playground --group dev
	@touch $@

setup: $(VENV)/.done ## Install the project and its tools into .venv

packages: $(VENV)/.done ## Install the Debian packages that the playground needs (root)
	@$(BIN)/playground setup

istio: packages ## Build Istio for the playground (first time: some minutes)
	@$(BIN)/playground setup --istio

playground: packages ## Bring a real Kubernetes up on this machine (first time: some minutes)
	@$(BIN)/playground up

demo: $(VENV)/.done ## Show a laptop joining a cluster; CONTEXT=name uses your own cluster
	@$(BIN)/python demo/demo.py $(if $(CONTEXT),--context $(CONTEXT))

test: check packages netns cluster ## Everything: lint, types, contracts, unit, netns and cluster tests

check: $(VENV)/.done ## The fast part: lint, types, contracts, unit tests (under a minute; the first time two)
	@scripts/check $(BIN)

netns: packages ## Tests on the real kernel, in namespaces of their own (root)
	$(BIN)/pytest tests/netns

cluster: istio ## Tests on a real Kubernetes, the playground (root)
	@scripts/twice $(BIN)/pytest tests/cluster -m "not soak"
	@scripts/twice $(BIN)/pytest playground/tests -m cluster

soak: packages ## The long ones: cuts of minutes, growth over time
	$(BIN)/pytest tests/cluster -m soak

fuzz: $(VENV)/.done ## Throw damaged bytes at the tunnel and the DNS parser, a minute each
	$(BIN)/python -m fuzz.fuzz_mux 60
	$(BIN)/python -m fuzz.fuzz_dns 60

bench: packages ## Ratios against kubectl port-forward and sshuttle, in one run
	$(BIN)/python -m bench

drill: packages ## Let a laptop that serves callers die, in every way, and count what they saw
	$(BIN)/python -m bench.drill

docs: $(VENV)/.done ## Build the documentation into site/
	@$(BIN)/pip install --quiet --constraint constraints.txt --group docs
	@$(BIN)/mkdocs build --quiet --strict && echo "site/index.html"

clean: ## Remove what was built here (the playground's cache stays)
	rm -rf $(VENV) site .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
