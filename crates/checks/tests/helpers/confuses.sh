#!/bin/sh
# Answers for a file that nobody asked about.
echo '{"inspected":{"name":"other.hurl","methods":["GET"]}}'
echo '{"summary":{"files":1}}'
