# Everything runs from .venv, which `make setup` fills from hashed pins.
# `make demo` and `make test` set up by themselves.

PYTHON ?= python3
BIN := .venv/bin

# Never imported by the action in its container; requirements/README.md says what for.
UNUSED := hf-xet pygithub pyjwt pynacl cryptography cffi pycparser click colorama httpx2-jsfetch fsspec packaging \
	rich markdown-it-py mdurl pygments

.PHONY: help setup demo docs check lint types test mutants image pins
help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/ready ## Make .venv with all that tests and the demo need

.venv/ready: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: setup ## Restart a simulated Space that still says RUNNING, and wait for the new build
	@$(BIN)/python examples/demo.py

check: lint types ## Check all that can be checked without running anything

lint: setup ## Check style, the action and the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows examples/*.yml .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(BIN)/actionlint -shellcheck $(BIN)/shellcheck examples/*.yml .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet --persona=auditor examples/*.yml .github action.yml

types: setup ## Check types
	$(BIN)/mypy

docs: setup ## Draw the tables and pictures of the pages from the code
	$(BIN)/python docs/generate.py

test: setup ## Run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile -m $(QUICK) || $(ALONE) -m $(QUICK)
	$(BIN)/python -m pytest -m $(DOCKER) || $(ALONE) -m $(DOCKER)

# Some tests watch real processes in real time. What fails beside others on a busy machine must fail alone, too.
QUICK := "not container and not act"
DOCKER := "container or act"
ALONE := $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

# The post step's Undo and what is saved for it talk to the Hub, so they are no pure code; the rest of undo.py is.
mutants: setup ## Change the pure modules in thousands of small ways, and count what the tests notice
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutants.txt
	rm -rf mutants
	$(BIN)/mutmut run --max-children 2
	@$(BIN)/mutmut results --all true | grep -v 'undo.xǁUndo\|undo.x_remember' | awk '{ split($$1, name, "."); m = name[2]; all[m]++; \
		killed[m] += /: (killed|timeout)/ } END { for (m in all) printf "%-10s %4d mutants %4d killed %5.1f %%\n", m, all[m], \
		killed[m], 100 * killed[m] / all[m] }' | sort

image: ## Build the container of the action
	DOCKER_BUILDKIT=$(if $(shell docker buildx version 2>/dev/null),1,0) docker build --network=host --quiet --tag hf-space .

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make pins'
pins: setup ## Compile the hashed requirements again
	cd requirements && ../$(COMPILE) action.in --output-file action.txt
	cd requirements && ../$(COMPILE) action.in --output-file image.txt $(UNUSED:%=--no-emit-package %)
	cd requirements && ../$(COMPILE) dev.in --output-file dev.txt
	cd requirements && ../$(COMPILE) mutants.in --output-file mutants.txt
