#!/usr/bin/env bash
# Everything that a change must pass. --quick leaves out what takes minutes; names of steps run these alone.
# `cargo xtask ci --list` names the steps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/packages.sh
. scripts/packages.sh

install_to_build
install_to_test
install_rust
exec cargo run --quiet --locked --bin xtask -- ci "$@"
