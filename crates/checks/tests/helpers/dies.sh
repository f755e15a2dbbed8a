#!/bin/sh
# Ends in the middle of its answer.
echo '{"inspected":{"name":"a.hurl","methods":["GET"]}}'
echo 'thread main panicked' >&2
exit 101
