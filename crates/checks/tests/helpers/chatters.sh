#!/bin/sh
# Fills standard error far beyond any pipe's buffer, then answers properly.
yes 'a warning' | head -c 1000000 >&2
echo '{"inspected":{"name":"a.hurl","methods":["GET"]}}'
echo '{"summary":{"files":1}}'
