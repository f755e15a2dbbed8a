#!/usr/bin/env bash
# Builds Seaworthy and brings both example applications up in `prod` on this machine.
# Safe to run again, quick the second time, asks nothing. Installs what is missing of the system's packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

binaries=${CARGO_TARGET_DIR:-target}/release
port=${SEAWORTHY_PORT:-8080}

# Two builds: the helper links C libraries, and nothing of it may reach the main binary.
build() {
  say "building seaworthy (some minutes the first time)"
  cargo build --quiet --release --locked --package seaworthy-cli
  cargo build --quiet --release --locked --package seaworthy-check
  binaries=$(cd "$binaries" && pwd)
  PATH=$binaries:$PATH
}

# A node that an older build started goes on with it: the new build takes over its instances, none is restarted.
renew_node() {
  if seaworthy node status >/dev/null 2>&1; then
    say "restarting the node (the applications go on)"
    seaworthy node stop
  fi
}

up() {
  say "bringing up $1 in prod"
  (cd "examples/$1" && seaworthy up prod)
}

# ask HOST PATH: the answer's body, or a failure.
ask() {
  curl --silent --show-error --fail --max-time 10 --retry 3 --noproxy '*' \
    --header "Host: $1" "http://127.0.0.1:$port$2"
}

verify() {
  local page invoices
  say "asking both"
  page=$(ask echo.localhost '/hi!') || fail "Unstoppable Echo does not answer" "seaworthy status; seaworthy logs"
  case "$page" in
    *'hi! right back at ya!'*) ;;
    *) fail "Unstoppable Echo answered something else: $page" "seaworthy logs" ;;
  esac
  invoices=$(ask invoices.localhost /invoices) || fail "Invoices does not answer" "seaworthy status; seaworthy logs"
  printf '%s' "$invoices" | PATH=$SERVICE_PATH:$PATH python3 -c 'import json, sys; json.load(sys.stdin)' 2>/dev/null ||
    fail "Invoices answered something else than JSON: $invoices" "seaworthy logs"
}

say_what_next() {
  cat <<END

Both applications are up:

  Unstoppable Echo   http://echo.localhost:$port/hi!
  Invoices           http://invoices.localhost:$port/invoices

Try:

  export PATH="$binaries:\$PATH"
  curl --header 'Host: echo.localhost' http://127.0.0.1:$port/hi!
  curl --header 'Host: invoices.localhost' --request POST http://127.0.0.1:$port/invoices/pay
  cd examples/unstoppable-echo
  seaworthy status            # what runs, and since when
  seaworthy logs prod -f      # what it says
  seaworthy plan prod         # what \`deploy\` would change
END
}

install_to_build
install_rust
build
renew_node
up unstoppable-echo
up invoices
verify
say_what_next
