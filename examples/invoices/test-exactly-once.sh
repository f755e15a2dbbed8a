#!/bin/sh
# Builds both services and shows that invoices are paid exactly once, whatever is killed. Option: --seed N.
set -eu
cd "$(dirname "$0")"

(cd invoice-app && cargo build --release --locked --quiet)
(cd payment-provider && cargo build --release --locked --quiet)

exec python3 -B exactly-once/main.py "$@"
