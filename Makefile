# make demo | test | test-faults | test-contract | torture | torture-stations | mutate | lint | bench | lock | clean. Needs GNU make and any Python >= 3.11.
# PYTHON=/path/to/python3 chooses another interpreter. Windows: see README.md.

VENV = .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed
LOCKED = $(VENV)/.locked
MUTANTS = .mutate-venv
CLIENTS = .clients
SWIFT = .swift
# The lock's own tool is not locked: its output is.
LOCKER = .lock-venv
# Node and npm of a wheel in $(VENV).
NPM = $(BIN)/python tests/node_kit.py

.PHONY: demo test test-faults test-contract torture torture-stations mutate lint bench lock clean
.DELETE_ON_ERROR:

demo: $(INSTALLED)
	$(BIN)/mintmark demo --out demo-out

test: $(INSTALLED) $(CLIENTS)/.installed $(SWIFT)/.installed
	$(BIN)/python -m pytest -n $(or $(WORKERS),auto) --maxprocesses 4 --dist loadgroup $(PYTEST_ARGS)

# The line, the network and the backend at their worst: 200 random runs, some ten minutes.
test-faults: $(INSTALLED)
	MINTMARK_FAULT_SEEDS=$(or $(SEEDS),200) $(BIN)/python -m pytest -n auto --maxprocesses 4 \
		tests/activation/delivery/test_faults.py \
		tests/activation/delivery/test_packing_faults.py $(PYTEST_ARGS)

# Every broken backend against the whole conformance kit, and the table: docs/testing.md.
# It takes long; for some variants: make test-contract VARIANTS="forgetful halfway"
test-contract: $(INSTALLED)
	$(BIN)/python tests/broken_contract.py $(VARIANTS)

# Damage, kills, dates, older copies: all of what `make test` runs a tenth of. docs/testing.md
torture: $(INSTALLED) $(SWIFT)/.installed
	MINTMARK_TORTURE=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 tests/torture $(PYTEST_ARGS)

# Three stations, two factories, one database with a standby, one bucket, and ten minutes in which
# all of it fails; on Ceph's S3 server: make torture-stations STORE=rgw
torture-stations: $(INSTALLED) $(SWIFT)/.installed
	MINTMARK_TORTURE=1 MINTMARK_STORE=$(or $(STORE),swift) $(BIN)/python -m pytest -n 0 \
		tests/torture/test_stations.py $(PYTEST_ARGS)

# Which mutations of the pure core no test notices: docs/testing.md. Half an hour on two cores;
# for one module: make mutate MODULE=codegen/codes/spec.py
mutate: $(MUTANTS)/.installed
	$(MUTANTS)/bin/python tests/mutation/run.py $(MODULE)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python bench/run.py $(BENCH)

compile = uv --no-config pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --no-build --no-emit-index-url --no-emit-find-links --no-header

# Keeps the locked versions that still fit. For newer ones: make lock UPGRADE=--upgrade
lock: $(LOCKED)
	@$(find_python); "$$python" -m venv $(LOCKER)
	$(LOCKER)/bin/python -m pip install --quiet uv
	$(LOCKER)/bin/$(compile) pyproject.toml --all-extras --output-file requirements.lock
	$(LOCKER)/bin/$(compile) tests/mutation/requirements.in --constraint requirements.lock \
		--no-annotate --output-file tests/mutation/requirements.txt
	$(LOCKER)/bin/$(compile) tests/clients/requirements.in \
		--no-annotate --output-file tests/clients/requirements.txt
	$(LOCKER)/bin/$(compile) tests/swift/requirements.in \
		--no-annotate --output-file tests/swift/requirements.txt
	$(NPM) install --prefix tests/clients --package-lock-only $(npm_quiet)

clean:
	rm -rf $(VENV) $(LOCKER) $(MUTANTS) $(CLIENTS) $(SWIFT) .mutate build dist demo-out mintmark.egg-info
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './.typing/*' -prune -exec rm -rf {} +

# The build backend is in the lock as well, so nothing unlocked is ever fetched.
$(INSTALLED): $(LOCKED) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

$(LOCKED): requirements.lock
	@$(find_python); echo "$$python -m venv $(VENV)"; "$$python" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements.lock
	@touch $@

$(MUTANTS)/.installed: requirements.lock tests/mutation/requirements.txt
	@$(find_python); echo "$$python -m venv $(MUTANTS)"; "$$python" -m venv --clear $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement requirements.lock --requirement tests/mutation/requirements.txt
	@touch $@

# The generators of clients, apart from $(VENV): openapi-python-client wants an older typer.
# No script of a package is run. What is not imported is not compiled: that would take longer.
$(CLIENTS)/.installed: $(LOCKED) $(wildcard tests/clients/*.txt tests/clients/package*.json)
	rm -rf $(CLIENTS)
	$(BIN)/python -m venv --without-pip $(CLIENTS)/python
	$(BIN)/python -m pip --python $(CLIENTS)/python/bin/python install --quiet \
		--disable-pip-version-check --no-compile --require-hashes \
		--requirement tests/clients/requirements.txt
	cp tests/clients/package.json tests/clients/package-lock.json $(CLIENTS)
	$(NPM) ci --prefix $(CLIENTS) $(npm_quiet)
	@touch $@

# An S3 server for the tests, OpenStack Swift, apart from $(VENV): it wants an old setuptools.
$(SWIFT)/.installed: $(LOCKED) tests/swift/requirements.txt
	rm -rf $(SWIFT)
	$(BIN)/python -m venv --without-pip $(SWIFT)
	$(BIN)/python -m pip --python $(SWIFT)/bin/python install --quiet \
		--disable-pip-version-check --no-compile --require-hashes \
		--requirement tests/swift/requirements.txt
	@touch $@

npm_quiet = --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error

# Tried by running it: a name on PATH may be a version manager's empty shim, and Debian
# splits venv from Python.
define find_python
python=; for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14); do \
	if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
		>/dev/null 2>&1; then python=$$candidate; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo "error: no Python >= 3.11 with the venv module found" >&2; \
	echo "hint: Debian, Ubuntu: apt-get install python3-venv" >&2; \
	echo "hint: elsewhere: make PYTHON=/path/to/python3" >&2; \
	exit 1; \
fi
endef
