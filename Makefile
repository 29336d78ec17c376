# `make run` and `make test` are all a newcomer needs; both set up what is missing first.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help language translations run demo test bench bench-delivery bench-lists bench-sending mail-pictures mails soak check format

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/.run-ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Helpdesk needs Python 3.11 or newer; set PYTHON to it, for example: make run PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what the desk needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.test-ready: requirements.txt requirements-dev.txt $(VENV)/.run-ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/.run-ready ## Set everything up and run the desk
	@exec $(BIN)/python -m helpdesk.cli.desk

demo: $(VENV)/.run-ready ## Run a desk with invented tickets, to look around
	@exec $(BIN)/python -m helpdesk.cli.demo $(ARGS)

test: $(VENV)/.test-ready ## Set everything up and run all tests
	$(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

bench: $(VENV)/.test-ready ## Measure: mails to tickets, and queued mails to the server, per second
	$(BIN)/python -m tests.bench.ingest $(ARGS)
	$(BIN)/python -m tests.bench.sending $(ARGS)

bench-sending: $(VENV)/.test-ready ## Measure: queued mails to the server per second, and memory
	$(BIN)/python -m tests.bench.sending $(ARGS)

bench-delivery: $(VENV)/.test-ready ## Measure: seconds from delivery to ticket
	$(BIN)/python -m tests.bench.delivery $(ARGS)

bench-lists: $(VENV)/.test-ready ## Measure: list, ticket and search at 100,000 tickets
	$(BIN)/python -m tests.bench.lists $(ARGS)

mail-pictures: $(VENV)/.test-ready ## Take a picture of every mail, to look at (ARGS=folder)
	$(BIN)/python -m tests.services.outbox.pictures $(ARGS)

mails: $(VENV)/.test-ready ## Write the golden files of mails anew, after somebody has read them
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q tests/services/outbox/test_mail_templates.py tests/services/outbox/test_golden_headers.py -k looked_at

soak: $(VENV)/.test-ready ## Hurt a desk at random for long while mail arrives, and count
	$(BIN)/python -m tests.scenarios.trouble $(ARGS)

check: $(VENV)/.test-ready ## Formatting, lint, types, architecture, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_migrations.py

# Errors are messages too: their sentences are translated where they are shown. _l marks what is translated later.
KEYWORDS = InvalidInput NotFound Forbidden Conflict ConfigError TransientError PermanentError UnusableServer LoginRefused UncertainError NotWanted _l Sentence tell:2 Problem:2
translations: $(VENV)/.test-ready ## Bring helpdesk/translations up to date with the code
	$(BIN)/pybabel -q extract -F pyproject.toml --add-location=file -w 110 $(addprefix -k ,$(KEYWORDS)) -o .messages.pot .
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-obsolete -w 110 -i .messages.pot -d helpdesk/translations
	@rm -f .messages.pot
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/web/test_translations.py

language: $(VENV)/.test-ready ## Begin a translation into another language: make language NEW=fr
	$(BIN)/pybabel -q extract -F pyproject.toml --add-location=file -w 110 $(addprefix -k ,$(KEYWORDS)) -o .messages.pot .
	$(BIN)/pybabel init -w 110 -i .messages.pot -d helpdesk/translations -l $(NEW)
	@rm -f .messages.pot

format: $(VENV)/.test-ready ## Rewrite the code in the project's form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
