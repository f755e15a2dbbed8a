#!/usr/bin/env bash
# Builds Seaworthy and brings both example applications up in `prod` on this machine.
# Safe to run again, quick the second time, asks nothing. Installs what is missing of the system's packages.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

binaries=${CARGO_TARGET_DIR:-target}/release

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

# up APP: brings it up in prod, and prints the address that its first route has there.
up() {
  local addresses
  say "bringing up $1 in prod" >&2
  addresses=$(cd "examples/$1" && seaworthy up prod)
  addresses=${addresses%%$'\n'*}
  printf '%s\n' "${addresses%/}"
}

# ask ADDRESS: the answer's body. Not every machine resolves names below `localhost`.
ask() {
  curl --silent --show-error --fail --max-time 10 --retry 3 --noproxy '*' --connect-to ::127.0.0.1: "$1"
}

verify() {
  local page invoices
  say "asking both"
  page=$(ask "$echo_address/hi!") || fail "Unstoppable Echo does not answer" "seaworthy status; seaworthy logs prod"
  case "$page" in
    *'hi! right back at ya!'*) ;;
    *) fail "Unstoppable Echo answered something else: $page" "seaworthy logs prod" ;;
  esac
  invoices=$(ask "$invoices_address/invoices") ||
    fail "Invoices does not answer" "seaworthy status; seaworthy logs prod"
  printf '%s' "$invoices" | python3 -c 'import json, sys; json.load(sys.stdin)' 2>/dev/null ||
    fail "Invoices answered something else than JSON: $invoices" "seaworthy logs prod"
}

say_what_next() {
  cat <<END

Both applications are up:

  Unstoppable Echo   $echo_address/hi!
  Invoices           $invoices_address/invoices

Try:

  export PATH="$binaries:\$PATH"
  curl --connect-to ::127.0.0.1: '$echo_address/hi!'
  curl --connect-to ::127.0.0.1: --request POST $invoices_address/invoices/pay
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
echo_address=$(up unstoppable-echo)
invoices_address=$(up invoices)
verify
say_what_next
