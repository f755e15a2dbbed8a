#!/bin/sh
# Builds the five echo services and shows that they agree byte for byte. Options: --seed N, --count N.
set -eu
cd "$(dirname "$0")"

(cd echo-rust && cargo build --release --locked --quiet)
(cd echo-go && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o echo-go .)

exec python3 -B agree/main.py "$@"
