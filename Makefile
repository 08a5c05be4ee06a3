# Everything runs from .venv, which `make setup` fills from hashed pins.
# `make demo` and `make test` set up by themselves.

PYTHON ?= python3
BIN := .venv/bin

# Never imported by the action in its container; requirements/README.md says what for.
UNUSED := hf-xet pygithub pyjwt pynacl cryptography cffi pycparser requests urllib3 charset-normalizer certifi \
	click colorama httpx2-jsfetch fsspec packaging rich markdown-it-py mdurl pygments

# The summary is looked at where that is possible.
BROWSER := $(if $(shell command -v npm 2>/dev/null),$(if $(shell command -v chromium || command -v chromium-browser || command -v google-chrome),browser))

.PHONY: help setup browser golden demo docs check lint types test quick steady docker bench live mutants image base pins
help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/ready ## Make .venv with all that tests and the demo need

.venv/ready: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

# Packages of npm that the tests read out of their archives.
browser: .browser/ready ## Fetch what shows a summary as GitHub does; needs npm

.browser/ready: requirements/browser.sha256
	rm -rf .browser && mkdir .browser
	cd .browser && npm pack --silent $$(sed -E 's/.* (.+)-([0-9.]+)\.tgz/\1@\2/' ../$<)
	cd .browser && sha256sum --check --quiet ../$<
	@touch $@

golden: setup browser ## Write docs/summary.md and take its pictures; needs Chromium and a font with emoji
	WRITE_GOLDEN=1 $(BIN)/python -m pytest --quiet tests/browser/test_golden.py -k documents
	$(BIN)/python -m tests.browser

demo: setup ## Restart a simulated Space that still says RUNNING, and wait for the new build
	@$(BIN)/python examples/demo.py

check: lint types ## Check all that can be checked without running anything

lint: setup ## Check style, the action and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml composite/action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows examples/*.yml .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/actionlint -shellcheck $(BIN)/shellcheck examples/*.yml .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --persona=auditor examples/*.yml .github action.yml composite

types: setup ## Check types
	$(BIN)/mypy

docs: setup ## Draw the tables and pictures of the pages from the code
	$(BIN)/python docs/generate.py

test: quick docker ## Run all tests

# More than cores: some tests wait for a process, and do nothing meanwhile.
WORKERS := $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1) + 1)')

# A process takes a second to read what it imports where the bytecode is kept, and several where it is not.
unexport PYTHONDONTWRITEBYTECODE
quick: setup $(BROWSER) ## Run the tests that need no Docker engine; together they reach every branch of hf_action/
	@$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest @tests/support/quick.args -n $(WORKERS)
	@$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

steady: setup $(BROWSER) ## Run the quick tests ten times beside processes that eat every core, and once where all hesitates; RUNS=2 for fewer
	$(BIN)/python -m tests.steady --runs $(or $(RUNS),10) --workers $(WORKERS)

docker: setup ## Run the tests of the built container and of workflow files; skipped without a Docker engine
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "container or act"

bench: setup ## Compare the action with what people use today, on this machine; fails where a goal is missed
	@$(BIN)/python -m bench

# HF_SPACE, HF_ENDPOINT and the token come from the environment or as words of make; LIVE holds options, as --help lists.
live: export HF_SPACE := $(HF_SPACE)
live: setup ## Hold the real Hub against the simulated one: make live HF_SPACE=owner/throwaway; docs/live.md
	@$(BIN)/python -m live $(LIVE)

# The post step's Undo and what is saved for it talk to the Hub, so they are not pure code; the rest of undo.py is.
mutants: setup ## Change the pure modules in thousands of small ways, and count what the tests notice
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutants.txt
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2
	@$(BIN)/mutmut results --all true | grep -v 'undo.xǁUndo\|undo.x_remember' | awk '{ split($$1, name, "."); m = name[2]; all[m]++; \
		killed[m] += /: (killed|timeout)/ } END { for (m in all) printf "%-10s %4d mutants %4d killed %5.1f %%\n", m, all[m], \
		killed[m], 100 * killed[m] / all[m] }' | sort

DOCKER_BUILD = DOCKER_BUILDKIT=$(if $(shell docker buildx version 2>/dev/null),1,0) docker build --quiet
image: ## Build the container of the action, on another base if BASE names one
	$(DOCKER_BUILD) --network=host --tag hf-space $(BASE:%=--build-arg BASE=%) .

# The official image has the standard library without bytecode. What stands for it may have some, so tests take it out.
base:
	awk '/ AS interpreter$$/ { print $$1, $$2; print "RUN find / -xdev -name __pycache__ -prune -exec rm -r {} +" }' Dockerfile | \
		$(DOCKER_BUILD) --tag hf-space-base -

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make pins'
pins: setup ## Compile the hashed requirements again
	cd requirements && ../$(COMPILE) action.in --output-file action.txt
	cd requirements && ../$(COMPILE) action.in --output-file image.txt $(UNUSED:%=--no-emit-package %)
	cd requirements && ../$(COMPILE) dev.in --output-file dev.txt
	cd requirements && ../$(COMPILE) mutants.in --output-file mutants.txt
